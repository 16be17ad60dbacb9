"""The explorers on a page without a kernel: one slider, and a picture made for each position."""

import base64
import html
import io
import tomllib
from math import log10
from pathlib import Path

import ipywidgets as widgets
from PIL import Image

from reglib import explore

PLACES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
LIMIT = 300_000  # bytes of one explorer's pictures and words, as its page carries them
MANY_COLORS = 10_000  # a picture with more of them holds a photograph
SAYS = '<div class="explorer-says">{}</div>'
_PICTURE = '<img src="data:image/{};base64,{}" alt="{}" width="{}" height="{}">\n'
_SLIDER = {"layout": {"width": "32em", "max_width": "100%"}, "style": {"description_width": "9em"}}


def encode(picture, form, **options):
    """Return an image as bytes of a file of this form, as small as it gets."""
    file = io.BytesIO()
    picture.save(file, form, optimize=True, **options)
    return file.getvalue()


def is_photograph(picture):
    """Tell whether an image has so many colours that it holds a photograph."""
    return picture.getcolors(MANY_COLORS) is None


def _encoded(pictures, room):
    """Return the pictures' form, and each as base64: the best looks that fit into the room."""
    if any(map(is_photograph, pictures)):
        form, ways = "jpeg", [lambda p, q=q: encode(p, form, quality=q) for q in range(80, 20, -10)]
    else:
        form, ways = (
            "png",
            [lambda p, n=n: encode(p.quantize(n, 1, dither=0), form) for n in (64, 32)],
        )
    for way in ways:
        files = [base64.b64encode(way(picture)).decode() for picture in pictures]
        if sum(map(len, files)) < room:
            return form, files
    raise ValueError(
        f"{len(files)} pictures do not fit into {room:,.0f} bytes: take fewer positions"
    )


def _on_grid(control, value):
    """Return the value of the control's own grid that its readout shows as ``value``."""
    if not hasattr(control, "readout_format"):
        return value
    log = isinstance(control, widgets.FloatLogSlider)
    steps = ((log10(value) if log else value) - control.min) / control.step
    nearest = round(control.min + control.step * round(steps), 9)
    nearest = 10**nearest if log else nearest
    if (shown := f"{nearest:{control.readout_format}}") != f"{value:{control.readout_format}}":
        raise ValueError(f"{control.description}: {value} is not on its grid, {shown} is")
    return nearest


def _positions(explorer, place):
    """Return for each position what the slider says and the values of the controls it sets."""
    rows = place["positions"]
    if "control" not in place:
        return rows
    control = explorer.controls[place["control"]]
    shown = getattr(control, "readout_format", "")
    return {f"{value:{shown}}": {place["control"]: value} for value in rows}


def _frames(explorer, settings):
    """Return the picture and the line of text for each of the settings of the controls."""
    for values in settings:
        on_grid = {name: _on_grid(explorer.controls[name], value) for name, value in values.items()}
        for name, value in (explorer.start | on_grid).items():
            control = explorer.controls[name]
            if isinstance(control, widgets.SelectionSlider) and value not in control.options:
                control.options = [*control.options, value]  # its fits can be made anywhere
            control.value = value
        with Image.open(io.BytesIO(explorer.picture.value)) as picture:
            yield picture.convert("RGB"), explorer.update(**explorer.values)


def prepare(call):
    """Return the explorer that a call makes, and a widget of prepared pictures in its place.

    Parameters
    ----------
    call : str
        A key of ``explorers.toml``, such as ``constraint_balls("max-norm")``.

    Returns
    -------
    explorer : Explorer
        At its start.
    box : ipywidgets.VBox
        A slider and a `Stack` of pictures, linked in the browser; it starts where the
        explorer does.
    caption : str
    """
    if call not in PLACES:
        raise ValueError(f"explore.{call}: explorers.toml has no positions for it")
    place, explorer = PLACES[call], eval(call, vars(explore))
    positions = _positions(explorer, place)
    if not 9 <= len(positions) <= 15:
        raise ValueError(f"explore.{call}: {len(positions)} positions, 9 to 15 are wanted")
    pictures, says = zip(*_frames(explorer, positions.values()), strict=True)
    explorer.reset()
    still = Image.open(io.BytesIO(explorer.still)).convert("RGB")
    if still not in pictures:
        raise ValueError(f"explore.{call}: no position is its start, {explorer.start}")
    name = place.get("slider") or explorer.controls[place["control"]].description
    alts = [f"{explorer.alt} Here: {name} {position}." for position in positions]
    panels = _panels(pictures, alts, says)
    own = explorer.words[call.partition("(")[0]]["caption"]
    box = _linked(name, list(positions), panels, pictures.index(still))
    return explorer, box, place.get("caption", own)


def _panels(pictures, alts, says):
    """Return HTML for each position: the picture, with its alternative text, and the words."""
    # The words and the widgets' own state need the rest of the room.
    form, files = _encoded(pictures, 0.94 * LIMIT)
    return [
        _PICTURE.format(form, file, html.escape(alt), *picture.size) + SAYS.format(line)
        for file, alt, picture, line in zip(files, alts, pictures, says, strict=True)
    ]


def _linked(name, positions, panels, start):
    """Return a slider and, below it, the panel of its position: linked in the browser."""
    slider = widgets.SelectionSlider(options=positions, index=start, description=name, **_SLIDER)
    stack = widgets.Stack([widgets.HTML(panel) for panel in panels], selected_index=start)
    widgets.jslink((slider, "index"), (stack, "selected_index"))
    box = widgets.VBox([slider, stack])
    box.add_class("explorer")
    return box
