"""How soon a picture follows a key: every explorer in JupyterLab, beside `interact`.

Run ``make bench``, or ``python -m benchmarks.latency`` for this one alone: three minutes; it writes
``docs/latency.md`` and the README's table. It needs Chromium and a machine that does nothing else.
"""

import sys
import time
from collections import namedtuple
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from benchmarks.machine import ROOT, machine, quote, write
from reglib import explore
from reglib.explore.base import Explorer, house_style
from tests.browser.browsing import CHROMIUM, IDLE, PANEL, PATIENCE, running_chromium, running_lab

MOVES, MOVES_ANEW = 30, 10  # of an explorer, and of its twin made by `interact`
MEDIAN, LATE, FASTER = 65, 100, 5  # the goals: at most, at most, at least
SPENT = []  # in the kernel: the milliseconds that each move took there
CELL = "latency.ipynb"
HOW = f"""\
Each explorer stands alone in a notebook of JupyterLab in Chromium, and one of its controls is moved
{MOVES} times by an arrow key, which turns round at the slider's ends: the control whose moves take
the kernel the most processor time. `switches` has no slider: there the space bar turns each switch
on, then off, one after the other. A move begins only when the kernel has done with the one before.

Measured is the time from the key's event, as the browser stamps it, until the new picture is
loaded, decoded and the next frame begins in which it is painted. Of it in the kernel: the median of
what passes there from the control's new value to the picture and its text being handed on. The rest
is the way there and back, and the browser's.

`interact` has the same controls and draws the same figure at every move, as a new one, shown as
`plt.show()` shows it; {MOVES_ANEW} moves of the same control in the same run. What an explorer
computes once and keeps, `interact` finds kept too. One BLAS thread. In milliseconds."""

# Waits for the next key, and then for a picture in the page's one output that was not there yet;
# `answer` becomes the milliseconds between them.
WATCH = """() => {
  const find = () => document.querySelector(".jp-OutputArea-output img");
  const old = find(), source = old.src;
  let pressed;
  window.answer = undefined;
  addEventListener("keydown", (event) => (pressed = event.timeStamp), {capture: true, once: true});
  new MutationObserver(async (changes, observer) => {
    const picture = find();
    if (!picture || (picture === old && picture.src === source)) return;
    observer.disconnect();
    await picture.decode();
    requestAnimationFrame(() => (window.answer = performance.now() - pressed));
  }).observe(document.querySelector(".jp-OutputArea"), {
    subtree: true, childList: true, attributes: true, attributeFilter: ["src"]});
}"""
# Which key moves what has the focus: a slider turns round at its ends.
KEY = """() => {
  const at = document.activeElement, value = (name) => Number(at.getAttribute("aria-value" + name));
  if (at.type === "checkbox") return "Space";
  if (value("now") >= value("max")) window.key = "ArrowLeft";
  if (value("now") <= value("min")) window.key = "ArrowRight";
  return (window.key ??= "ArrowRight");
}"""

Result = namedtuple("Result", "moved ours spent anew")


# In the kernel
def ours(name):
    """Return an explorer that notes in SPENT how long each of its moves takes the kernel."""
    explorer = getattr(explore, name)()
    explorer.render = partial(_timed, explorer.render)
    SPENT.clear()
    return explorer


def _timed(render):
    start = time.perf_counter()
    render()
    SPENT.append(1000 * (time.perf_counter() - start))


def anew(name):
    """Show the same controls by `interact`, and at each move the same figure drawn anew."""
    from IPython.display import display
    from ipywidgets import interact
    from matplotlib import pyplot as plt

    explorer, words = getattr(explore, name)(), Explorer.words[name]
    for control in explorer.controls.values():
        control.unobserve(explorer._moved, "value")

    @house_style()
    def draw(**values):
        fig, update, *_ = getattr(explore, name).__wrapped__()
        for ax in fig.axes:
            ax.set(**words.get("axes", {}).get(ax.get_label(), {}))
        if "legend" in words:
            fig.legend(**words["legend"])
        fig.suptitle(words["title"], x=0.01, ha="left", weight="bold")
        update(**values)
        display(fig)

    plt.figure()  # the first one has the notebook show all figures as pictures
    plt.close()
    interact(draw, **explorer.controls)


# In this process
def places(control):
    """Return some values along a slider, or none where it is none."""
    if hasattr(control, "max"):
        values = np.linspace(control.min, control.max, 10)
        return control.base**values if hasattr(control, "base") else values
    return control.options if type(control).__name__ == "SelectionSlider" else []


def slowest(name):
    """Return the labels of what is to be moved in turn: the slider that costs most, or switches."""
    explorer, cost = getattr(explore, name)(), {}
    for control in explorer.controls.values():
        for place in places(control):
            start = time.process_time()
            control.value = place
            cost.setdefault(control.description, []).append(time.process_time() - start)
        explorer.reset()
    switches = [control.description for control in explorer.controls.values() for _ in (1, 0)]
    return [max(cost, key=lambda label: np.mean(cost[label]))] if cost else switches


def open_cell(lab, page):
    """Open a notebook of one empty cell."""
    lab.write(CELL, [""])
    lab.open(page, CELL)


def run(lab, page, code):
    """Have the notebook's one cell hold this code, and run it."""
    page.evaluate(
        f"(code) => {PANEL}.content.activeCell.model.sharedModel.setSource(code)",
        f"import sys; sys.path.append({str(ROOT)!r})\nfrom benchmarks import latency\n{code}",
    )
    lab.run_all(page)


def times(page, labels, moves):
    """Return the milliseconds from key to picture of so many moves of the controls in turn."""
    page.wait_for_selector(".jp-OutputArea-output img")
    found = []
    for label in islice(cycle(labels), moves):
        control = page.locator(f".widget-inline-hbox:has(:text-is('{label}'))")
        control.locator(".noUi-handle, input[type=checkbox]").focus()
        page.evaluate(WATCH)
        page.keyboard.press(page.evaluate(KEY))
        found.append(page.wait_for_function("() => window.answer").json_value())
        page.wait_for_function(IDLE)  # no move finds the kernel busy with another
    return found


def measure(lab, page, names, moves=MOVES, moves_anew=MOVES_ANEW):
    """Return {name: Result}, all times in milliseconds."""
    open_cell(lab, page)
    results = {}
    for name in tqdm(names):
        moved = slowest(name)
        run(lab, page, f"latency.ours({name!r})")
        own = times(page, moved, moves)
        run(lab, page, f"print(*latency.SPENT[-{moves}:])")  # a slider may report when it appears
        spent = [float(text) for text in page.inner_text(".jp-OutputArea-output").split()]
        run(lab, page, f"latency.anew({name!r})")
        results[name] = Result(moved, own, spent, times(page, moved, moves_anew))
    return results


def figures(result):
    """Return one explorer's median, 95th percentile, share of the kernel, `interact`, ratio."""
    median, late = np.quantile(result.ours, [0.5, 0.95])
    anew = np.median(result.anew)
    return median, late, np.median(result.spent), anew, anew / median


def report(results):
    """Return the parts of the page."""
    rows, met = [], np.zeros(3, int)
    for name, result in results.items():
        median, late, spent, anew, faster = figures(result)
        met += [median <= MEDIAN, late <= LATE, faster >= FASTER]
        moved = result.moved[0] if len(set(result.moved)) == 1 else "each switch"
        row = [f"`{name}`", moved, *(f"{ms:.0f}" for ms in (median, late, spent, anew))]
        rows.append(f"| {' | '.join(row)} | {faster:.1f} |")
    head = "explorer | moved | median | 95th percentile | of it in the kernel | `interact` | faster"
    goals = f"""\
The goals, and how many of the {len(results)} explorers meet each: a median of {MEDIAN} or less,
{met[0]}; a 95th percentile of {LATE} or less, {met[1]}; {FASTER} times faster than `interact`,
{met[2]}."""
    return [
        "# How soon an explorer answers",
        "From key press to new picture. Made by `benchmarks/latency.py`.",
        HOW,
        f"Machine: {machine('jupyterlab', 'ipywidgets', 'matplotlib', 'pillow')}.",
        "\n".join([f"| {head} |", "|---" * 7 + "|", *rows]),
        goals,
    ]


def short(results):
    """Return the README's table: from the quickest explorer to the slowest."""
    median, late, _, anew, faster = np.transpose([figures(result) for result in results.values()])
    shown = [f"{column.min():.0f} to {column.max():.0f}" for column in (median, late, anew)]
    shown.append(f"{faster.min():.1f} to {faster.max():.1f}")
    head = "median | 95th percentile | `interact`, median | times faster"
    return f"| {head} |\n|---|---|---|---|\n| {' | '.join(shown)} |"


def main():
    """Measure, and write page and README; end with a message where there is no Chromium."""
    if not CHROMIUM:
        sys.exit("Chromium is not installed: this benchmark needs Debian's package `chromium`.")
    with (
        TemporaryDirectory() as home,
        running_chromium() as chromium,
        running_lab(Path(home), OPENBLAS_NUM_THREADS="1") as lab,
    ):
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        results = measure(lab, page, explore.__all__)
    write("latency.md", report(results))
    quote("latency", short(results))


if __name__ == "__main__":
    main()
