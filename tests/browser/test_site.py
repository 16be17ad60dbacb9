"""The site, built as `make site` builds it and opened from the disk: nothing is fetched."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import ROOT, sampled, shoot

from docs.site import explorers

NOTEBOOKS = sorted(path.stem for path in ROOT.glob("notebooks/*.ipynb"))
SPHINX = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs/site"]
ENV = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
LOCAL = ("file", "data", "blob")


def calls(notebook):
    """The calls in a lesson that show an explorer."""
    text = (ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
    cells = ("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return [cell.removeprefix("explore.").strip() for cell in cells if cell.startswith("explore.")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    pages, built = (tmp_path_factory.mktemp(name) for name in ("pages", "site"))
    for command in ([sys.executable, "-m", "docs.site.stage", pages], [*SPHINX, pages, built]):
        done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return built


@pytest.fixture(scope="module")
def addresses(site):
    """The site's pages, as file names relative to it."""
    return sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if not path.is_relative_to(site / "_static")
    )


FACTS = """() => {
  const article = document.querySelector("main") ?? document.body;
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("code, pre, kbd, script, style, mjx-container")
      ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const dollars = [];
  while (texts.nextNode())
    if (/\\$[^$]+\\$|\\\\\\(/.test(texts.currentNode.data)) dollars.push(texts.currentNode.data);
  return {
    dollars,
    unset: [...document.querySelectorAll(".math:not(:has(mjx-container))")].map((m) => m.innerText),
    wrong: [...document.querySelectorAll("[data-mml-node=merror]")].map((m) => m.outerHTML),
    headings: [...article.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => +h.tagName[1]),
    blind: [...document.images].filter((img) => !img.alt.trim()).map((img) => img.outerHTML),
    broken: [...document.images].filter((img) => !img.naturalWidth).map((img) => img.src),
    links: [...document.querySelectorAll("a[href]")].map((a) => a.href),
  };
}"""


def opened(page, site, address):
    """Open a page of the site, and wait until its formulas are set and its explorers can move."""
    page.goto((site / address).as_uri())
    page.wait_for_function("() => !window.MathJax || MathJax.startup?.promise")
    page.evaluate("() => window.MathJax?.startup.promise")
    views = page.locator("script[type*=widget-view]").count()
    page.wait_for_function(
        "n => document.querySelectorAll('.explorer img').length === n", arg=views
    )
    return page


@cache
def ids(path):
    """What a link into a page can name."""
    return set(re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8")))


def dead(links):
    """Of a page's links, those into the site that lead nowhere."""
    for link in links:
        url = urlsplit(link)
        path = Path(unquote(url.path))
        if url.scheme == "file" and not (
            path.is_file() and (not url.fragment or unquote(url.fragment) in ids(path))
        ):
            yield link


# axe weighs each piece of coloured code, of each formula and each row of a table: one of a kind is
# enough, and three rows, or a lesson takes it minutes.
ONE_OF_A_KIND = """() => {
  const kinds = new Set();
  for (const piece of document.querySelectorAll(".highlight span, .sig span, mjx-container")) {
    const kind = piece.tagName + piece.className;
    if (kinds.has(kind)) piece.remove();
    kinds.add(kind);
  }
  document.querySelectorAll("tbody tr:nth-child(n + 4)").forEach((row) => row.remove());
}"""


# Half-way from one theme to the other a colour belongs to neither.
DARK = """() => {
  document.documentElement.dataset.theme = "dark";
  document.getAnimations().forEach((animation) => animation.finish());
}"""


def findings(page, **options):
    """What axe-core calls serious or critical in a page."""
    options |= {"resultTypes": ["violations"], "preload": False}  # it would fetch the styles anew
    found = Axe().run(page, options=options)
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def faults(page, site, address):
    """Everything that is wrong with one page, each with its name."""
    opened(page, site, address)
    facts = page.evaluate(FACTS)
    levels = facts["headings"]
    if levels.count(1) != 1 or any(
        low > high + 1 for high, low in zip(levels, levels[1:], strict=False)
    ):
        yield "headings", levels
    for fault in ("dollars", "unset", "wrong", "blind", "broken"):
        yield from ((fault, one) for one in facts[fault])
    yield from (("dead link", link) for link in dead(facts["links"]))
    page.set_viewport_size({"width": 390, "height": 844})
    if (width := page.evaluate("() => document.documentElement.scrollWidth")) > 390:
        yield "wider than a phone", width
    page.set_viewport_size({"width": 1280, "height": 900})
    shoot(page, f"site_{address.replace('/', '_').removesuffix('.html')}")
    page.evaluate(ONE_OF_A_KIND)
    yield from (("axe", one) for one in findings(page))
    page.evaluate(DARK)
    yield from (("axe, dark", one) for one in findings(page, runOnly=["color-contrast"]))


def test_every_page_is_whole_and_asks_for_nothing(site, addresses, page):
    found = []
    for address in addresses:
        found += [(address, *fault) for fault in faults(page, site, address)]
    away = [asked for asked in page.requests if urlsplit(asked).scheme not in LOCAL]
    print(
        f"{len(addresses)} pages, {len(page.requests)} files read, {len(away)} requests elsewhere"
    )
    assert not away
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize("notebook", sampled([name for name in NOTEBOOKS if calls(name)], 2))
def test_explorers_move_without_a_kernel(site, page, notebook):
    opened(page, site, f"notebooks/{notebook}.html")
    boxes = page.locator(".explorer").all()
    assert len(boxes) == len(calls(notebook))
    for box in boxes:
        handle, track = box.get_by_role("slider"), box.locator(".noUi-base")
        handle.scroll_into_view_if_needed()
        assert handle.get_attribute("aria-label")
        at, last = (float(handle.get_attribute(f"aria-value{end}")) for end in ("now", "max"))
        there, back = ("ArrowRight", "ArrowLeft") if at < last else ("ArrowLeft", "ArrowRight")
        start = seen(box)
        handle.press(there)
        after = changed(page, box, start)
        words = {start[1], after[1]}
        handle.press(back)
        assert changed(page, box, after) == start
        room = track.bounding_box()
        left, middle = room["width"], room["height"] / 2
        track.click(position={"x": 1 if at else left - 1, "y": middle}, force=True)
        after = changed(page, box, start)
        assert len(words | {after[1]}) > 1
        x = min(max(left * at / last, 1), left - 1)
        track.click(position={"x": x, "y": middle}, force=True)
        assert changed(page, box, after) == start


def seen(box):
    """What an explorer shows: its picture, its words, and the slider's position."""
    position = box.get_by_role("slider").get_attribute("aria-valuetext")
    says = box.locator(".explorer-says").inner_text()
    return box.locator("img").get_attribute("src"), says, position


def changed(page, box, old):
    """Wait until an explorer shows another picture, and see what it shows.

    While its handle glides to where the mouse clicked, a slider hears no other click.
    """
    other = """([box, picture, position]) => {
      const slider = box.querySelector("[role=slider]"), img = box.querySelector("img");
      return img && !box.querySelector(".noUi-state-tap") && img.src !== picture
        && slider.getAttribute("aria-valuetext") !== position;
    }"""
    page.wait_for_function(other, arg=[box.element_handle(), old[0], old[2]])
    return seen(box)


def test_each_explorer_is_within_its_weight(site):
    weights = {}
    script = re.compile(r'type="application/vnd.jupyter.widget-(\w+)\+json">(.*?)</script>', re.S)
    for notebook in NOTEBOOKS:
        text = (site / "notebooks" / f"{notebook}.html").read_text(encoding="utf-8")
        found = [(what, json.loads(body)) for what, body in script.findall(text)]
        views = [body["model_id"] for what, body in found if what == "view"]
        (state,) = [body["state"] for what, body in found if what == "state"] or [{}]
        for call, view in zip(calls(notebook), views, strict=True):
            weights[call] = sum(map(len, reached(state, view, {}).values()))
    print(weights)
    assert weights.keys() == explorers.PLACES.keys()
    assert max(weights.values()) <= explorers.LIMIT, weights


def reached(state, model, found):
    """What a page carries for a widget and all that it holds: JSON by model."""
    if model not in found:
        found[model] = json.dumps(state[model])
        for other in re.findall(r'IPY_MODEL_(\w+)"', found[model]):
            reached(state, other, found)
    return found


def test_without_scripts_every_explorer_shows_its_still_picture(site, chromium):
    page = chromium.new_page(java_script_enabled=False)
    page.goto((site / "notebooks" / "00_start_here.html").as_uri())
    still = page.locator(".cell_output:has(script[type*=widget-view])")
    assert still.locator("img").is_visible() and still.locator("img").get_attribute("alt")
    assert still.locator(".explorer-says").is_visible()
    page.close()


def test_a_link_to_nowhere_stops_the_build(tmp_path):
    (tmp_path / "index.md").write_text("# Title\n\n[A page](nowhere.md), [a place](#Nowhere).\n")
    command = [*SPHINX, "-b", "dummy", tmp_path, tmp_path / "built"]
    done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True)
    assert done.returncode and "nowhere.md" in done.stderr and "Nowhere" in done.stderr, done.stderr


def test_a_position_off_the_grid_and_an_unknown_explorer_are_refused(monkeypatch):
    place = {"control": "weight", "positions": [0.01 * i for i in range(9)]}
    monkeypatch.setitem(explorers.PLACES, "soft_threshold()", place)
    with pytest.raises(ValueError, match="weight before: 0.01 is not on its grid"):
        explorers.prepare("soft_threshold()")
    with pytest.raises(ValueError, match="no positions"):
        explorers.prepare("soft_threshold(2)")
