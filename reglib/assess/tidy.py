"""The one form in which notebooks are stored, so that a diff shows only what somebody changed."""

import base64
import difflib
import hashlib
import io
import json
from pathlib import Path

import nbformat

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_METADATA = ("deletable", "editable", "jupyter", "nbgrader", "tags")
METADATA = Path(__file__).with_name("notebook.json")  # of each notebook as a whole


def read(path):
    """Read a notebook or raise ValueError; a cell without id gets one from its place and text."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8")) | {"nbformat": 4, "nbformat_minor": 5}
        for number, cell in enumerate(raw["cells"]):
            text = f"{number}{''.join(cell['source'])}"
            cell.setdefault("id", hashlib.sha256(text.encode()).hexdigest()[:8])
        return nbformat.reads(json.dumps(raw), as_version=4)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no notebook: {error}") from error


def _to_bytes(notebook):
    return (nbformat.writes(notebook, version=4) + "\n").encode()


def write(path, notebook):
    """Write the notebook's file with the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_to_bytes(notebook))


def tidy(notebook):
    """Bring a notebook to the stored form, in place, and return it.

    Text, ids, tags, nbgrader's marks and outputs stay. Timings, versions, widget state and the
    views of widgets go: a view names a model by a random id that no later kernel knows, while
    the picture or the text stored beside it shows wherever the notebook was not run.
    """
    notebook.metadata = nbformat.from_dict(json.loads(METADATA.read_text(encoding="utf-8")))
    for cell in notebook.cells:
        kept = {key: cell.metadata.get(key) for key in CELL_METADATA}
        kept = {key: value for key, value in kept.items() if value not in ([], {}, None)}
        cell.metadata = nbformat.from_dict(kept)
        outputs = []
        for output in cell.get("outputs", []):
            last = outputs[-1] if outputs else {}
            if output.output_type == "stream" and output.name == last.get("name"):
                last.text += output.text  # how prints are cut into messages is chance
                continue
            if output.output_type == "error" and "\x1b[" in "".join(output.traceback):
                output.traceback = [f"{output.ename}: {output.evalue}"]  # no paths of this machine
            if len(output.get("data", {})) > 1:
                output.data.pop(WIDGET_VIEW, None)
                output.metadata.pop(WIDGET_VIEW, None)
            outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def drift(path, wanted):
    """Say in which cells a file differs from the wanted notebook: [] when no byte does."""
    if not path.is_file():
        return ["is missing"]
    if path.read_bytes() == _to_bytes(wanted):
        return []
    try:
        old, new = _by_id(read(path)), _by_id(wanted)
    except ValueError as error:  # a conflict of git's stands in it, for example
        return [str(error)]
    found = [f"{new[key][0]} is missing" for key in new if key not in old]
    for key, (name, was) in old.items():
        if key not in new:
            found.append(f"{name} should not be there")
            continue
        changes = [(part, was[part], now) for part, now in new[key][1].items() if was[part] != now]
        for part, before, now in changes[:1]:  # an output or a checksum follows from the text
            found.append(f"{name}: {part} differs{_short_diff(before, now)}")
    return found or ["not in the stored form: its own metadata, its layout or the cells' order"]


def name_cell(number, cell):
    """Return how messages name a cell: its place from 1, its In[] number where known, its id."""
    count = cell.get("execution_count")
    return f"cell {number} ({f'In [{count}], ' if count else ''}id {cell.id})"


def _by_id(notebook):
    named = ((name_cell(number, cell), cell) for number, cell in enumerate(notebook.cells, 1))
    return {cell.id: (name, _parts(cell)) for name, cell in named}


def _parts(cell):
    return {
        "the kind of cell": cell.cell_type,
        "the text": cell.source,
        "the output": output_text(cell),
        "the picture": [data["image/png"] for data in _pictures(cell)],
        "the metadata": json.dumps(cell.metadata, indent=1, sort_keys=True),
        "the execution count": str(cell.get("execution_count")),
    }


def output_text(cell):
    """Return all that a cell's outputs say in words; a picture only says that it is there."""
    lines = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            lines.append(f"[{output.name}]\n{output.text}")
        elif output.output_type == "error":
            lines.append(f"[error] {output.ename}: {output.evalue}")
        else:
            for kind, value in sorted(output.data.items()):
                text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
                lines.append(f"[{kind}]\n{'' if kind.startswith('image/p') else text}")
    return "\n".join(lines)


def _short_diff(was, now, limit=12):
    if not isinstance(was, str):
        return ""  # nobody reads the bytes of a picture
    # HTML is one long line, in which nobody would find the difference.
    texts = [text.replace("><", ">\n<").splitlines() for text in (was, now)]
    lines = list(difflib.unified_diff(*texts, lineterm="", n=0))[2:]
    lines = [line[:160] for line in lines if not line.startswith("@@")]
    more = [f"... {len(lines) - limit} lines more"] if len(lines) > limit else []
    return "".join(f"\n    {line}" for line in lines[:limit] + more)


def _pictures(cell):
    shown = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [data for data in shown if "image/png" in data]


def keep_pictures(stored, fresh, loose=False):
    """Put the stored PNG back wherever the fresh one looks the same, to spare the history.

    The same means: of one size, and no channel of any pixel more than 8 of 255 away. `loose`, for
    a check on another machine: also up to two pixels larger or smaller, and 4 of 255 in the mean.
    """
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        for was, now in zip(_pictures(old), _pictures(new), strict=False):
            if _alike(was["image/png"], now["image/png"], loose):
                now["image/png"] = was["image/png"]


def _alike(first, second, loose):
    from PIL import Image, ImageChops, ImageStat

    if first == second:
        return True
    files = (io.BytesIO(base64.b64decode(png)) for png in (first, second))
    a, b = (Image.open(file).convert("RGBA") for file in files)
    if max(abs(a.width - b.width), abs(a.height - b.height)) > (2 if loose else 0):
        return False
    gap = ImageStat.Stat(ImageChops.difference(a, b))  # of the part that both have
    return max(high for _, high in gap.extrema) <= 8 or (loose and sum(gap.mean) <= 4 * 4)
