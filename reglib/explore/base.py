"""What all explorers share: a figure drawn once, of which a move redraws the moving parts alone."""

import base64
import contextlib
import functools
import html
import io
import threading
import tomllib
from pathlib import Path

import ipywidgets as widgets
import matplotlib
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cbook import flatten
from matplotlib.figure import Figure
from PIL import Image

from reglib import style
from reglib.explore import controls
from reglib.style import PURPLE

_STATUS = '<div role="status" aria-live="polite" style="line-height: 1.5">{}</div>'
_CAPTION = '<div style="line-height: 1.5"><i>{}</i></div>'
# How a line looks that follows a slider, ax.axvline(0, **CURSOR), and a point that moves,
# ax.plot([], [], "o", **DOT).
CURSOR = {"color": "black", "linewidth": 1, "clip_on": False}
DOT = {"markeredgecolor": "black", "clip_on": False}


@contextlib.contextmanager
def house_style():
    """Draw in the course's style, and leave the reader's own settings as they were."""
    with matplotlib.rc_context():
        style.use()
        yield


def figure(mosaic, height=4.2, **layout):
    """Return a figure and its axes: two for "AB" side by side, for "A;B" one above the other."""
    fig = Figure(figsize=(8.1, height))
    return fig, list(fig.subplot_mosaic(mosaic, **layout).values())


def cursor(ax, **looks):
    """Return a line that follows a slider, and dots for where it meets the curves: see `move`."""
    return ax.axvline(0, **CURSOR), *ax.plot([], [], "o", **{"color": PURPLE} | DOT | looks)


def move(cursor, x, heights):
    """Move a `cursor` to x, and its dots to these heights."""
    cursor[0].set_xdata([x, x])
    cursor[1].set_data(np.full(len(heights), x), heights)


def set_each(artists, name, values):
    """Give each artist its own value of a property: ``set_each(bars, "height", [0.2, 0.8])``."""
    for artist, value in zip(artists, values, strict=True):
        getattr(artist, f"set_{name}")(value)


def _line(says, numbers):
    """Return the line below the picture, see `says` of `Explorer`."""
    return (says[numbers["case"]] if "case" in numbers else says).format(**numbers)


class _Picture(widgets.Image):
    """An Image whose tooltip reaches the page: the front end asks for a description first."""

    description = traitlets.Unicode("").tag(sync=True)


class Explorer(widgets.VBox):
    """Controls, a picture that follows them, and the picture's numbers in words.

    One function makes one explorer: it draws the figure, says what moves and how; its words, its
    controls and the looks of its axes stand under its name in ``words.toml``::

        @explorer
        def shrinkage():
            fig, (ax,) = figure("A", 3.6)
            (line,) = ax.plot(W, W)

            def update(l2):
                line.set_ydata(W / (1 + 2 * l2))
                return {"after": 1 / (1 + 2 * l2)}

            return fig, update, [line], {}

        [shrinkage]
        title = "L2 only shrinks"
        caption = "Try: double the strength. Is the line half as steep?"
        alt = "The weight after a step against the weight before it: a line through zero."
        controls.l2 = {kind = "log_slider", description = "l2", low = 0.01, high = 10, value = 1}
        axes.A = {xlabel = "w", xlim = [-3, 3], ylim = [-3, 3]}
        says = "A weight of 1 becomes {after:.3f}."

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        Made with `figure`, never with pyplot. All that is not in ``moving`` is its background,
        drawn once and kept; changing it (a limit, a title) is allowed and costs a full draw.
    update : callable
        Called with the controls' values by name; moves the artists, returns a line of HTML, or
        the numbers of ``says``. The same values must always give the same picture.
    moving : list of matplotlib artists
        What ``update`` changes; containers such as bars may be among them.
    controls : dict of str to ipywidgets
        One widget for each argument of ``update``, each with a description.
    title : str
        The one point of the picture.
    caption : str
        What to try; HTML, below the picture.
    alt : str
        The picture in words, for who cannot see it.
    says : str or dict of str, optional
        The line of HTML, where the controls' values and the numbers stand in it by name; or
        several such lines, of which the ``case`` among the numbers takes one.
    axes : dict of dict, optional
        What is set of the axes with this letter of the figure's mosaic.
    legend : dict, optional
        Where the legend of the whole figure stands, and its form.
    """

    words = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    # JupyterLab answers controls in another thread than the one that runs the cells.
    _lock = threading.RLock()

    def __init__(
        self, fig, update, moving, controls, *, title, caption, alt, says="", axes=None, legend=None
    ):
        self.fig, self.update, self.controls = fig, update, controls
        if says:
            self.update = lambda **values: _line(says, values | update(**values))
        self.title, self.alt = title, alt
        for ax in fig.axes:
            ax.set(**(axes or {}).get(ax.get_label(), {}))
        if legend:
            fig.legend(**legend)
        FigureCanvasAgg(fig)
        fig.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
        fig.suptitle(title, x=0.01, ha="left", weight="bold")
        self.moving = sorted(flatten(moving), key=lambda artist: artist.zorder)
        for artist in self.moving:
            artist.set_animated(True)
        # At its own size where there is room: the box would stretch it, and blur it.
        size = {"align_self": "flex-start", "max_width": "100%"}
        self.picture = _Picture(format="png", tooltip=alt, layout=size)
        self.text = widgets.HTML(layout={"min_height": "3.2em"})
        self.render()
        self.still, self.start = bytes(self.picture.value), self.values
        for control in controls.values():
            opens = " (the space bar opens the list)" * isinstance(control, widgets.Dropdown)
            control.tooltip = control.description + opens  # without one, hovering shows "null"
            control.observe(self._moved, "value")
        again = widgets.Button(
            description="Reset", tooltip="Back to the start", layout={"width": "5em"}
        )
        again.on_click(self.reset)
        row = widgets.HBox([*controls.values(), again], layout={"flex_flow": "row wrap"})
        super().__init__([row, self.picture, self.text, widgets.HTML(_CAPTION.format(caption))])

    @property
    def values(self):
        """The controls' present values by name."""
        # A browser's slider comes back to 1.0000000000000002, which may colour a pixel otherwise.
        now = {name: control.value for name, control in self.controls.items()}
        return {k: float(f"{v:.12g}") if isinstance(v, float) else v for k, v in now.items()}

    def reset(self, _=None):
        """Put every control back where it was at the start."""
        for name, value in self.start.items():
            self.controls[name].value = value

    def render(self):
        """Bring picture and text in step with the controls."""
        with self._lock:
            text = self.update(**self.values)
            if self.fig.stale:  # an animated artist never says so: the background has changed
                self._draw_background()
            canvas = self.fig.canvas
            canvas.restore_region(self._background)
            for artist in self.moving:
                self.fig.draw_artist(artist)
            png = io.BytesIO()
            pixels = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
            # Pixels that repeat and no longer matches (zlib's Z_RLE): the quickest to write.
            pixels.convert("RGB").save(png, format="png", compress_level=1, compress_type=3)
            self.picture.value = png.getvalue()
            self.text.value = _STATUS.format(text)

    @house_style()
    def _draw_background(self):
        self.fig.canvas.draw()
        self.fig.set_layout_engine("none")  # the axes must not jump at a later draw
        self._background = self.fig.canvas.copy_from_bbox(self.fig.bbox)

    def _moved(self, _):
        try:
            self.render()
        except Exception as error:  # the front end would swallow it: say it where the reader looks
            what = html.escape(f"{type(error).__name__}: {error}")
            self.text.value = _STATUS.format(f"<b>This picture could not follow.</b> {what}")

    def __repr__(self):
        return f"<Explorer: {self.title}>"

    def _repr_mimebundle_(self, **kwargs):
        """Add the picture at the start, for readers whose page runs nothing."""
        data = super()._repr_mimebundle_(**kwargs)
        data["image/png"] = base64.b64encode(self.still).decode()
        return data, {"image/png": {"alt": self.alt}}


def explorer(function):
    """Make an `Explorer` of the figure, update and moving that a function returns.

    It is drawn in the course's style, and its words and controls are those under the function's
    name. The function returns last what it alone knows of a control, such as the choices, by the
    control's name.
    """

    @functools.wraps(function)
    @house_style()
    def made(*args, **options):
        words, (*picture, known) = Explorer.words[function.__name__], function(*args, **options)
        made_controls = {}
        for name, row in words["controls"].items():
            looks = row | known.get(name, {})
            made_controls[name] = getattr(controls, looks.pop("kind"))(**looks)
        return Explorer(*picture, **words | {"controls": made_controls})

    return made
