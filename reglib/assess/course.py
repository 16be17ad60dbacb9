"""Where the course lies, and how a learner gets a copy of each exercise to work in."""

import hashlib
import itertools
import json
import os
import tempfile
from pathlib import Path

from reglib.assess.says import say

# One of them is enough to know the course by; a folder of somebody's own exercises is not.
SIGNS = ("notebooks/00_start_here.ipynb", "solutions/[0-9][0-9]_*", "exercises/[0-9][0-9]_*")
RECORD = ".copies.json"  # in my/NN_name/: which release each copy was made from


def root():
    """Return the course's folder, from here upwards or from this package, or FileNotFoundError."""
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents[2:]):
        if any(next(folder.glob(sign), None) for sign in SIGNS):
            return folder
    raise FileNotFoundError(say("no_course", here=here))


def copy_exercises(root):
    """Put the learner's own copies into ``my/``, overwriting nothing; a line for each one made."""
    messages = []
    for source in sorted((root / "exercises").glob("*/*.ipynb")):
        if source.stem != source.parent.name:
            continue
        path, made = _own_copy(root, source)
        news = f"Your copy of {source.stem}"
        if path.name != source.name:
            news = f"A newer {source.stem} is out. It lies beside your answers, which are untouched"
        if made:
            messages.append(f"{news}: {path.relative_to(root).as_posix()}")
    return messages


def _own_copy(root, source):
    """Return the learner's copy of this release of an exercise, and whether it was made now."""
    content = source.read_bytes()
    release = hashlib.sha256(content).hexdigest()
    folder = root / "my" / source.stem
    folder.mkdir(parents=True, exist_ok=True)
    try:
        record = dict(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):  # missing or broken: the copies are compared then
        record = {}
    known = folder / record.get(release, "")
    if known.is_file():
        return known, False
    more = (folder / f"{source.stem}_{number}.ipynb" for number in itertools.count(2))
    path, made = put_first(itertools.chain([folder / source.name], more), content)
    record[release] = path.name
    _put(folder / RECORD, (json.dumps(record, indent=1) + "\n").encode(), over=True)
    return path, made


def put_first(paths, content):
    """Write a file at the first path that is free; return it, or one before that holds the same.

    The second value says whether it was written.
    """
    for path in paths:
        made = _put(path, content)
        if made or path.read_bytes() == content:
            return path, made


def _put(path, content, over=False):
    """Write a whole file or none; return False, and change nothing, when one is there already."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".copying-") as private:
        new = Path(private, path.name)
        new.write_bytes(content)
        try:
            if not over:
                os.link(new, path)  # fails when the target exists, unlike a rename
                return True
        except (AttributeError, OSError):  # it exists, or there are no hard links
            if path.exists():
                return False
        new.replace(path)
        return True


def start(name):
    """Offer the learner's own copy; the first cell of every exercise calls this with its name.

    In ``exercises/NN_name/`` it makes that copy and shows a link to it. In ``my/``,
    ``solutions/`` and wherever a class grades the notebook it does nothing.
    """
    source = Path.cwd() / f"{name}.ipynb"
    if source.parts[-3:-1] != ("exercises", name) or not source.is_file():
        return
    from IPython.display import Markdown, display

    try:
        path, _ = _own_copy(source.parents[2], source)
    except OSError as error:
        return print(say("no_copy", error=error))
    file = f"my/{name}/{path.name}"
    display(Markdown(say("open_copy", link=f"../../{file}", file=file)))
