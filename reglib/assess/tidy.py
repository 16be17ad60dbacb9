"""The one form in which notebooks are stored, so that a diff shows only what somebody changed."""

import base64
import difflib
import hashlib
import io
import json

import nbformat

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_METADATA = ("deletable", "editable", "jupyter", "nbgrader", "tags")
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def read(path):
    """Read a notebook; a cell without an id gets one made from its place and text.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    ValueError
        When the file is no notebook.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        for number, cell in enumerate(raw["cells"]):
            text = f"{number}{''.join(cell['source'])}"
            cell.setdefault("id", hashlib.sha256(text.encode()).hexdigest()[:8])
        raw["nbformat"], raw["nbformat_minor"] = 4, 5
        return nbformat.reads(json.dumps(raw), as_version=4)
    except (KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is no notebook: {error}") from error


def to_text(notebook):
    """Return the text of the notebook's file."""
    return nbformat.writes(notebook, version=4) + "\n"


def write(path, notebook):
    """Write the notebook's file with the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_text(notebook).encode())


def tidy(notebook):
    """Bring a notebook to the stored form, in place, and return it.

    Text, ids, tags, nbgrader's marks and outputs stay. Timings, versions, widget state and the
    views of widgets go: a view names a model by a random id that no later kernel knows, while
    the picture or the text stored beside it shows wherever the notebook was not run.

    Parameters
    ----------
    notebook : nbformat.NotebookNode

    Returns
    -------
    nbformat.NotebookNode
    """
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
        empty = ([], {}, None)
        cell.metadata = nbformat.from_dict({k: v for k, v in kept.items() if v not in empty})
        if cell.cell_type == "code":
            cell.outputs = _tidy_outputs(cell.outputs, cell.execution_count)
    return notebook


def _tidy_outputs(outputs, execution_count):
    tidied = []
    for output in outputs:
        last = tidied[-1] if tidied else None
        if output.output_type == "stream":
            if last and last.output_type == "stream" and last.name == output.name:
                last.text += output.text  # how prints are cut into messages is chance
                continue
        elif output.output_type == "error":
            if "\x1b[" in "".join(output.traceback):  # the long form, with this machine's paths
                output.traceback = [f"{output.ename}: {output.evalue}"]
        else:
            if len(output.data) > 1:
                output.data.pop(WIDGET_VIEW, None)
                output.metadata.pop(WIDGET_VIEW, None)
            if output.output_type == "execute_result":
                output.execution_count = execution_count
        tidied.append(output)
    return tidied


def differences(stored, wanted, label):
    """Say in which cells a stored notebook differs from the wanted one.

    Parameters
    ----------
    stored, wanted : nbformat.NotebookNode
    label : str
        How the messages call the notebook.

    Returns
    -------
    list of str
        One message a cell, with a short diff.
    """
    messages = []
    if stored.metadata != wanted.metadata:
        messages.append(f"{label}: the notebook's own metadata is not in the stored form")
    places = {cell.id: number for number, cell in enumerate(stored.cells, 1)}
    wanted_ids = [cell.id for cell in wanted.cells]
    for cell_id, number in places.items():
        if cell_id not in wanted_ids:
            messages.append(f"{label}: {name_cell(stored, number)} should not be there")
    for number, cell in enumerate(wanted.cells, 1):
        if cell.id not in places:
            messages.append(f"{label}: {name_cell(wanted, number)} is missing")
            continue
        old = stored.cells[places[cell.id] - 1]
        messages += [
            f"{label}: {name_cell(stored, places[cell.id])}: {what} differs{diff}"
            for what, diff in _cell_differences(old, cell)
        ]
    if not messages and list(places) != wanted_ids:
        messages.append(f"{label}: the cells stand in another order")
    return messages


def name_cell(notebook, number):
    """Return how messages name a cell: its place from 1, its In[] number where known, its id."""
    cell = notebook.cells[number - 1]
    count = cell.get("execution_count")
    return f"cell {number} ({f'In [{count}], ' if count else ''}id {cell.id})"


def _cell_differences(old, new):
    if old.cell_type != new.cell_type:
        yield f"the kind of cell ({old.cell_type}, wanted {new.cell_type})", ""
        return
    if old.source != new.source:  # what follows from it (a checksum, an output) needs no words
        yield "the text", _short_diff(old.source, new.source)
        return
    pairs = [("the metadata", _as_json(old.metadata), _as_json(new.metadata))]
    if new.cell_type == "code":
        counts = str(old.execution_count), str(new.execution_count)
        pairs += [
            ("the execution count", *counts),
            ("the output", output_text(old.outputs), output_text(new.outputs)),
        ]
    for what, was, now in pairs:
        if was != now:
            yield what, _short_diff(was, now)
    if new.cell_type == "code":
        pictures = zip(_pictures(old.outputs), _pictures(new.outputs), strict=False)
        if not all(alike(a["image/png"], b["image/png"], mean=4) for a, b in pictures):
            yield "the picture", ""


def _as_json(value):
    return json.dumps(value, indent=1, sort_keys=True)


def output_text(outputs):
    """Return all that the outputs say in words; a picture only says that it is there."""
    lines = []
    for output in outputs:
        if output.output_type == "stream":
            lines.append(f"[{output.name}]\n{output.text}")
        elif output.output_type == "error":
            lines.append(f"[error] {output.ename}: {output.evalue}")
        else:
            for kind, value in sorted(output.data.items()):
                text = value if isinstance(value, str) else _as_json(value)
                lines.append(f"[{kind}]\n{'' if kind.startswith('image/p') else text}")
    return "\n".join(lines)


def _short_diff(was, now, limit=12):
    # HTML is one long line, in which nobody would find the difference.
    texts = [text.replace("><", ">\n<").splitlines() for text in (was, now)]
    lines = list(difflib.unified_diff(*texts, lineterm="", n=0))
    lines = [line[:160] for line in lines[2:] if not line.startswith("@@")]
    more = [f"... {len(lines) - limit} lines more"] if len(lines) > limit else []
    return "".join(f"\n    {line}" for line in lines[:limit] + more)


def _pictures(outputs):
    return [output.data for output in outputs if "image/png" in output.get("data", {})]


def keep_pictures(stored, fresh):
    """Put the stored PNG back wherever the fresh one looks the same, to spare the history.

    The same means: equal size, and no channel of any pixel is more than 8 of 255 away.

    Parameters
    ----------
    stored, fresh : nbformat.NotebookNode
        The notebook before and after running; `fresh` is changed in place.
    """
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if new.cell_type == "code":
            pairs = zip(_pictures(old.outputs), _pictures(new.outputs), strict=False)
            for was, now in pairs:
                if alike(was["image/png"], now["image/png"], largest=8):
                    now["image/png"] = was["image/png"]


def alike(first, second, largest=255, mean=255):
    """Return whether two PNGs, base64 coded, have one size and differ by no more than allowed.

    Parameters
    ----------
    first, second : str
    largest, mean : float
        Allowed largest and mean difference of the channels, from 0 to 255.

    Returns
    -------
    bool
    """
    import numpy as np
    from PIL import Image

    if first == second:
        return True
    a, b = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"), dtype=int)
        for png in (first, second)
    )
    if abs(np.subtract(a.shape, b.shape)).max() > (2 if mean < 255 else 0):
        return False  # a tight box may round to another pixel on another machine
    height, width = np.minimum(a.shape, b.shape)[:2]
    gap = abs(a[:height, :width] - b[:height, :width])
    return gap.max() <= largest and gap.mean() <= mean
