"""Where the course lies, and how a learner gets a copy of each exercise to work in."""

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

RECORD = ".copies.json"  # in my/NN_name/: which release each copy was made from


def root():
    """Return the course's root folder.

    Looked for upwards from the working directory, then upwards from this package.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        When neither lies inside a course folder.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in [Path.cwd(), *Path.cwd().parents, *package.parents]:
        if _is_course(folder):
            return folder
    raise FileNotFoundError(
        f"the course folder was not found from {Path.cwd()}: "
        "change to the folder that holds notebooks/00_start_here.ipynb"
    )


def _is_course(folder):
    return (folder / "notebooks" / "00_start_here.ipynb").is_file() or any(
        (folder / name).is_dir() for name in ("solutions", "exercises")
    )


def exercises(root):
    """Return the committed exercise notebooks, in order.

    Parameters
    ----------
    root : pathlib.Path
        The course's root folder.

    Returns
    -------
    list of pathlib.Path
    """
    found = sorted((Path(root) / "exercises").glob("*/*.ipynb"))
    return [path for path in found if path.stem == path.parent.name]


def copy_exercises(root):
    """Put the learner's own copy of every exercise into ``my/``, overwriting nothing.

    Parameters
    ----------
    root : pathlib.Path
        The course's root folder.

    Returns
    -------
    list of str
        One line for each copy that was made; empty when all were there already.
    """
    messages = []
    for source in exercises(root):
        path, made = own_copy(root, source)
        if made and path.stem == source.stem:
            messages.append(f"Your copy of {source.stem}: {path.relative_to(root).as_posix()}")
        elif made:
            messages.append(
                f"A newer {source.stem} is out. It lies beside your answers, which are untouched: "
                f"{path.relative_to(root).as_posix()}"
            )
    return messages


def own_copy(root, source):
    """Return the learner's copy of one exercise, making it when it is missing.

    A copy made from another release stays as it is; the new one goes beside it.

    Parameters
    ----------
    root, source : pathlib.Path
        The course's root folder, and a committed exercise notebook.

    Returns
    -------
    path : pathlib.Path
    made : bool
        Whether the file was made by this call.
    """
    content = source.read_bytes()
    release = hashlib.sha256(content).hexdigest()
    folder = Path(root) / "my" / source.stem
    folder.mkdir(parents=True, exist_ok=True)
    record = _read_record(folder)
    known = folder / record.get(release, "")
    if known.is_file():
        return known, False
    number = 1
    while True:
        path = folder / (f"{source.stem}.ipynb" if number == 1 else f"{source.stem}_{number}.ipynb")
        made = _place(path, content)
        if made or path.read_bytes() == content:  # the same bytes: the record was lost
            _write_record(folder, record | {release: path.name})
            return path, made
        number += 1


def _place(path, content):
    """Write a new file in one step; return False, and change nothing, when it exists."""
    with _temporary(path.parent, content) as name:
        try:
            os.link(name, path)  # fails when the target exists, unlike a rename
        except FileExistsError:
            return False
        except OSError:  # a disk without hard links
            if path.exists():
                return False
            os.replace(name, path)
    return True


@contextmanager
def _temporary(folder, content):
    """Give a complete file with a name of its own, and remove whatever is left of it."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".copying-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)  # mkstemp's own mode hides the copy from a shared class folder
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _read_record(folder):
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or broken: the copies themselves are compared then
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(folder, record):
    with _temporary(folder, (json.dumps(record, indent=1) + "\n").encode()) as name:
        os.replace(name, folder / RECORD)


def start(name):
    """Offer the learner's own copy; the first cell of every exercise calls this.

    In ``exercises/NN_name/`` it makes that copy and shows a link to it. In ``my/``,
    ``solutions/`` and wherever a class grades the notebook it does nothing.

    Parameters
    ----------
    name : str
        The exercise, for example ``"01_norm_penalties"``.
    """
    here = Path.cwd()
    source = here / f"{name}.ipynb"
    if here.parent.name != "exercises" or here.name != name or not source.is_file():
        return
    from IPython.display import Markdown, display

    try:
        path, _ = own_copy(here.parents[1], source)
    except OSError as error:
        print(f"Your own copy could not be made ({error}). Use File > Save Notebook As... first.")
        return
    link = f"../../my/{name}/{path.name}"
    display(
        Markdown(
            f"This is the course's copy: an update may replace it. **[Open your own]({link})** "
            f"and answer there. It is the file `my/{name}/{path.name}`, and nothing overwrites it."
        )
    )
