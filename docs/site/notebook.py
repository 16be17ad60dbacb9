"""A notebook as a page: pictures with their words, explorers that move without a kernel."""

import base64
import io
import re

import nbformat
from ipywidgets.embed import dependency_state
from nbformat.v4 import new_markdown_cell, new_output
from PIL import Image

from docs.site import explorers, lite

STATE, VIEW = (f"application/vnd.jupyter.widget-{what}+json" for what in ("state", "view"))
VERSION = {"version_major": 2, "version_minor": 0}  # of the widgets' protocol
NOTES = {
    "notebooks": "This page shows the lesson as it was run, and of each explorer one slider. "
    "To predict, to answer and to move every control, run it in JupyterLab:",
    "exercises": "Answers are written and checked in JupyterLab:",
}
CAPTION = (
    '<p class="explorer-caption">{} <span>In JupyterLab this explorer has all its controls.</span>'
)


def make_page(path, name):
    """Make of a stored notebook one for Sphinx, in its place.

    Parameters
    ----------
    path : pathlib.Path
    name : pathlib.Path
        Its place in the repository; there, in the folder ``downloads``, it stays as it is.
    """
    notebook = nbformat.read(path, as_version=4)
    state = {}
    notebook.cells = [new for cell in notebook.cells for new in _cells(cell, state)]
    if state:
        notebook.metadata["widgets"] = {STATE: VERSION | {"state": state}}
    title, _, rest = notebook.cells[0].source.partition("\n")
    original = f"{{download}}`download the notebook </downloads/{name.as_posix()}>`"
    note = f"{NOTES[name.parts[0]]} `make lab`, or {original}. {lite.launch_links(name.as_posix())}"
    notebook.cells[0].source = f"{title}\n\n```{{note}}\n{note}\n```\n{rest}"
    nbformat.write(notebook, path)


def _cells(cell, state):
    """Yield the cells that a cell becomes; the widgets in them are added to the state."""
    yield cell
    outputs = cell.get("outputs", [])
    if cell.source.startswith("explore."):
        outputs = _explorer(cell.source.removeprefix("explore.").strip(), outputs, state)
    for output in outputs:
        data = output.get("data", {})
        if "text/markdown" in data:  # a cell of its own: its links are then followed and checked
            yield new_markdown_cell(data["text/markdown"])
        if "text/html" in data:
            data["text/html"] = formulas(data["text/html"])
        if "image/png" in data:
            alt = output.metadata["image/png"]["alt"]
            cell.metadata.setdefault("mystnb", {})["image"] = {"alt": alt}
            _lighten(data)
    if outputs:
        cell.outputs = [out for out in outputs if "text/markdown" not in out.get("data", {})]


def _explorer(call, stored, state):
    """Return an explorer's outputs: the still picture, its words, and what moves in its place."""
    explorer, box, caption = explorers.prepare(call)
    state |= dependency_state(box)
    shown = {VIEW: VERSION | {"model_id": box.model_id}}
    words = explorer.update(**explorer.start), caption
    says, below = (
        form.format(text) for form, text in zip((explorers.SAYS, CAPTION), words, strict=True)
    )
    return [
        *stored,
        *(new_output("display_data", data) for data in ({"text/html": says}, shown)),
        new_output("display_data", {"text/html": below}),
    ]


def _lighten(data):
    """Keep a photograph as JPEG: half the weight, and no difference to be seen."""
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as picture:
        if explorers.is_photograph(picture := picture.convert("RGB")):
            del data["image/png"]
            jpeg = explorers.encode(picture, "jpeg", quality=85)
            data["image/jpeg"] = base64.b64encode(jpeg).decode()


def formulas(text):
    """Mark the formulas in a piece of HTML, $...$, as Sphinx marks its own for MathJax."""
    return re.sub(
        r"\$([^$<]+)\$", r'<span class="math notranslate nohighlight">\\(\1\\)</span>', text
    )
