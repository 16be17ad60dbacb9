"""Every explorer of `reglib.explore.__all__`, headless: what it must do whatever it shows."""

import base64
import io
import re
import subprocess
import sys
import threading

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from PIL import Image

from reglib import explore
from reglib.explore.base import Explorer, house_style
from reglib.explore.controls import log_slider, slider

every_explorer = pytest.mark.parametrize("name", explore.__all__)


def is_slider(control):
    """Tell sliders from lists and check boxes."""
    return hasattr(control, "min")


def ends(control):
    """Return the values a reader can reach at the ends, or all there are."""
    if is_slider(control):
        low, high = control.min, control.max
        return [control.base**low, control.base**high] if hasattr(control, "base") else [low, high]
    if isinstance(control.value, bool):
        return [False, True]
    return [value for _, value in control._options_full]


def some(control, rng):
    """Return a value somewhere between the ends."""
    if not is_slider(control):
        return ends(control)[rng.integers(len(ends(control)))]
    low, high = ends(control)
    if hasattr(control, "base"):
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return type(control.value)(rng.uniform(low, high))


def shown(explorer):
    """Return what the reader sees, and fail if it is an error."""
    text = explorer.text.value
    assert "could not follow" not in text, f"{explorer} at {explorer.values}: {text}"
    return bytes(explorer.picture.value), text


@every_explorer
def test_picture_and_text_follow_every_control(name):
    explorer, twin = getattr(explore, name)(), getattr(explore, name)()
    rng = np.random.default_rng(0)
    start = shown(explorer)
    for key, control in explorer.controls.items():
        others = {k: some(c, rng) for k, c in explorer.controls.items()}
        for other, value in others.items():
            explorer.controls[other].value = value
        for value in [*ends(control), some(control, rng), some(control, rng)]:
            before, old = shown(explorer), control.value
            control.value = value
            after = shown(explorer)
            where = f"{name}: {key} from {old} to {value}, the others {others}"
            if control.value != old:
                assert after != before, f"nothing changed. {where}"
                if is_slider(control):
                    assert after[0] != before[0], f"the picture did not change. {where}"
            assert explorer.update(**explorer.values) in after[1], f"text out of step. {where}"
            # A twin that comes by another way must show the same: nothing is left over.
            for k, v in explorer.values.items():
                twin.controls[k].value = v
            assert shown(twin) == after, f"the picture depends on the way there. {where}"
    explorer.reset()
    assert shown(explorer) == start, f"{name}: reset does not bring back the start"


@every_explorer
def test_a_move_leaves_the_background_alone(name, monkeypatch):
    explorer = getattr(explore, name)()
    rng, draws, moves = np.random.default_rng(1), [], 0
    draw = explorer.fig.canvas.draw
    monkeypatch.setattr(explorer.fig.canvas, "draw", lambda: (draws.append(1), draw()))
    # A list may change the background, as mixup's pairs do: it is not dragged.
    controls = explorer.controls.values()
    for control in list(filter(is_slider, controls)) or controls:
        for _ in range(4):
            control.value = some(control, rng)
            moves += 1
    assert len(draws) <= moves / 4, (
        f"{name}: {len(draws)} of {moves} moves drew everything: an artist that update changes "
        "is not in `moving`"
    )


@every_explorer
def test_stored_form_is_fixed_and_shows_the_start(name):
    explorer, twin = getattr(explore, name)(), getattr(explore, name)()
    assert repr(explorer) == repr(twin)
    still = bytes(explorer.picture.value)
    for control in explorer.controls.values():
        control.value = ends(control)[-1]
    data, metadata = explorer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == still
    assert still.startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == repr(explorer)
    assert not re.search(r"0x[0-9a-f]{4,}", repr(explorer))
    assert metadata["image/png"]["alt"] == explorer.alt


@every_explorer
def test_words_for_keyboard_and_screen_reader(name):
    explorer = getattr(explore, name)()
    assert getattr(explore, name).__doc__, f"{name} has no docstring"
    assert explorer.controls, f"{name} has no control"
    for key, control in explorer.controls.items():
        label = control.description
        assert label, f"{name}: {key} has no description"
        wide = TextPath((0, 0), label, size=13).get_extents().width
        assert wide <= 9 * 13, f"{name}: the label {label!r} is cut off"
        assert control.tabbable is not False, f"{name}: {key} cannot be reached by keyboard"
        if is_slider(control):
            assert control.readout and control.continuous_update, f"{name}: {key}"
    assert explorer.picture.tooltip == explorer.alt
    assert len(explorer.alt) > 60, f"{name}: too few words for who cannot see the picture"
    assert 'role="status"' in explorer.text.value
    assert re.search(r"\d", explorer.text.value), f"{name}: no number in the text"


@every_explorer
def test_no_words_are_cut_off(name):
    explorer = getattr(explore, name)()
    states = [explorer.start] + [
        {k: ends(c)[i] for k, c in explorer.controls.items()} for i in (0, -1)
    ]
    for state in states:
        for key, value in state.items():
            explorer.controls[key].value = value
        fig = explorer.fig
        width, height = fig.get_size_inches()
        box = fig.get_tightbbox(fig.canvas.get_renderer())
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, f"{name} at {state}: {box} is not within {width} x {height} inches"
    assert 7.6 <= width <= 9.0, f"{name}: {width} inches do not suit a JupyterLab cell"
    for text in fig.findobj(matplotlib.text.Text):
        assert not text.get_text() or text.get_fontsize() >= 9, f"{name}: {text} is too small"


@every_explorer
def test_x_tick_labels_do_not_touch(name):
    for ax in getattr(explore, name)().fig.axes:
        boxes = [
            label.get_window_extent()
            for tick in ax.xaxis.get_major_ticks()
            if (label := tick.label1).get_visible() and label.get_text()
        ]
        ordered = sorted(boxes, key=lambda box: box.x0)
        for left, right in zip(ordered, ordered[1:], strict=False):
            assert left.x1 < right.x0, f"{name}: x tick labels of {ax} touch"


@house_style()
def _toy(update=None, limits=False):
    """Return a small explorer: a line that moves up, with a limit that may change too."""
    fig = Figure(figsize=(3, 2))
    ax = fig.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 10))
    (line,) = ax.plot([0, 1], [0, 0])

    def follow(height):
        line.set_ydata([height, height])
        if limits:
            ax.set_ylim(0, 10 if height <= 10 else 100)
        return f"height {height:.3f}"

    return Explorer(
        fig,
        update or follow,
        moving=[line],
        controls={"height": slider("height", 0, 100, 1)},
        title="A line",
        caption="Move it.",
        alt="A line.",
    )


def test_a_changed_limit_draws_a_new_background():
    explorer, plain = _toy(limits=True), _toy()
    left = int(explorer.fig.axes[0].bbox.x0) - 3

    def labels():
        return np.asarray(Image.open(io.BytesIO(explorer.picture.value)))[:, :left].tolist()

    start = labels()
    explorer.controls["height"].value = plain.controls["height"].value = 50
    assert labels() != start, "the new limit's labels do not show"
    explorer.controls["height"].value = plain.controls["height"].value = 5
    assert shown(explorer) == shown(plain), "the old limit does not come back"


def test_the_words_are_those_of_the_explorer_and_none_is_left_over():
    assert sorted(Explorer.words) == sorted(explore.__all__)
    for name, words in Explorer.words.items():
        explorer = getattr(explore, name)()
        shown = [explorer.title, explorer.alt, explorer.children[-1].value]
        assert shown[:2] == [words["title"], words["alt"]], f"{name} has another's words"
        assert words["caption"] in shown[2], f"{name} has another's caption"


def test_an_error_shows_in_the_text_and_the_next_move_recovers():
    def update(height):
        if height > 5:
            raise ZeroDivisionError("<too high>")
        return f"height {height:.1f}"

    explorer = _toy(update)
    explorer.controls["height"].value = 6
    assert "could not follow" in explorer.text.value
    assert "ZeroDivisionError: &lt;too high&gt;" in explorer.text.value
    explorer.controls["height"].value = 4
    assert "height 4.0" in explorer.text.value


def test_the_last_of_two_moves_wins_from_any_thread():
    explorer, twin = _toy(), _toy()
    slide, follow = explorer.controls["height"], explorer.update
    inside, overtaken = threading.Event(), threading.Event()

    def slow(height):
        text = follow(height)
        if height == 8:  # still busy with the first move when the second comes
            inside.set()
            overtaken.wait(0.3)
        return text

    explorer.update = slow
    first = threading.Thread(target=setattr, args=[slide, "value", 8])
    first.start()
    inside.wait(10)
    slide.value = twin.controls["height"].value = 2
    overtaken.set()
    first.join()
    assert shown(explorer) == shown(twin), "picture or text is not that of the last value"


def test_a_log_slider_starts_on_a_step_between_its_ends():
    control = log_slider("strength", 1e-3, 10, 0.03)
    assert ends(control) == pytest.approx([1e-3, 10])
    steps = (np.log10(control.value) + 3) / control.step
    assert steps == pytest.approx(round(steps)), "the arrow keys cannot come back to the start"
    assert control.value == pytest.approx(0.03, rel=0.06)


def test_explorers_leave_matplotlib_as_it_was():
    code = """
import sys, matplotlib
matplotlib.rcParams["font.size"] = 17
keys = set(matplotlib.rcParams) - {"backend"}  # looking at it would choose one
before = {key: matplotlib.rcParams[key] for key in keys}
import reglib
assert not any(name.startswith("reglib.explore") for name in sys.modules), "import reglib"
from reglib import explore
explorer = explore.soft_threshold()
explorer.controls["strength"].value = 1.0
changed = [key for key in keys if before[key] != matplotlib.rcParams[key]]
assert not changed, changed
assert "matplotlib.pyplot" not in sys.modules, "pyplot was imported"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("make", "control", "start"),
    [
        (explore.constraint_balls, "shape", "max-norm"),
        (explore.coefficient_paths, "penalty", "L2"),
        (explore.thinned_network, "kind", "connections"),
    ],
)
def test_a_lesson_chooses_the_start_and_a_wrong_one_is_refused(make, control, start):
    assert make(start).values[control].startswith(start)
    with pytest.raises(ValueError, match="'L3'"):
        make("L3")
