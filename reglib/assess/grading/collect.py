"""Find what students handed in, however the folder is laid out, and read a notebook safely."""

import json
import os
import re
import tomllib
from collections import Counter, namedtuple
from dataclasses import make_dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path

from reglib.assess.tasks import CODE_STUB

LIMIT = 10_000_000  # bytes of a notebook; an honest one with many pictures has a few millions
# By layout, how a name tells the student; the file says the rest.
LAYOUTS = tomllib.loads(Path(__file__).with_name("layouts.toml").read_text(encoding="utf-8"))
# One student's file for one exercise. `path` is absolute, `file` relative to the folder, `ident`
# the platform's number, `time` ISO 8601 in UTC or "", `problem` why it cannot be read or "".
FIELDS = "student exercise path file ident layout time problem note".split()
HERE = {"__module__": __name__}  # so that another process finds it
Submission = make_dataclass("Submission", FIELDS, namespace=HERE, frozen=True, order=True)
NAMED = re.compile(r"[a-z]+-\d\d?-\d+$")  # task-3-7, and what else belongs to it
# nbgrader's grade_id or else the cell's own id, "code" or "markdown", and the source.
Cell = namedtuple("Cell", "name kind source")


def submissions(folder, exercises):
    """Find one `Submission` for each student and exercise, sorted by exercise and student.

    `exercises` are names like ``("01_norm_penalties", ...)``. Which of them a notebook is follows
    from its cells, else from its path, else it is the only one in the folder, else "". Whatever
    is wrong with a submission stands in its `problem`. ValueError: `folder` is no folder.
    """
    folder = os.path.realpath(folder)
    if not os.path.isdir(folder):
        raise ValueError(f"folder {folder!r} is no folder: name the one of the submissions")
    ranked = (_rank(folder, path, exercises) for path in _files(folder))
    found = sorted(filter(None, ranked), reverse=True)  # notebooks first, the best to the front
    people = Counter(name for name, _ in {(one.student, one.ident) for _, one in found})
    only = {one.exercise for _, one in found} - {""}
    best, files = {}, Counter()
    for rank, one in found:
        # Two people of one name, or a blind assignment, where all have the same.
        name = f"{one.student}_{one.ident}" if people[one.student] > 1 else one.student
        exercise = one.exercise or (min(only) if len(only) == 1 else "")
        # A stray file that tells no exercise is no news beside the student's notebooks.
        if rank[0] or exercise or name not in {name for _, name in best}:
            best.setdefault((exercise, name), replace(one, exercise=exercise, student=name))
            files[exercise, name] += rank[0]
    many = "{} files; the newest that can be read was taken, or else the one with most answers"
    notes = {key: many.format(count) * (count > 1) for key, count in files.items()}
    return [replace(best[key], note=notes[key]) for key in sorted(best)]


def read(path):
    """Return the cells of a notebook that nobody vouches for.

    `path` is a `Submission`'s: none of its folders may be a symbolic link. ValueError says in a
    sentence why it cannot be read: a link, no regular file, too large, damaged, another format.
    """
    data = _bytes(path)
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
        if (version := notebook["nbformat"]) == 4:
            return [_cell(cell) for cell in notebook["cells"][:]]
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"it is damaged, cut off or no notebook ({error})") from error
    raise ValueError(f"its notebook format is {version!r:.20}, not 4: save it in JupyterLab")


def _cell(cell):
    """Return a cell as text; many kinds of exceptions when it is none."""
    name = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") or cell.get("id", "")
    kind = "code" if cell["cell_type"] == "code" else "markdown"
    # Text or a list of texts: nothing else in JSON can be sliced.
    return Cell(_plain(name), kind, _plain("".join(cell["source"][:])))


def _plain(text):
    """Return text that UTF-8 can hold: half a character pair, or a stray byte, as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _bytes(path):
    """Return the bytes of a regular file of at most LIMIT that is reached through no link."""
    # Without waiting: a pipe that nobody writes into would hold up the class.
    flags = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        if os.path.realpath(path) != os.path.abspath(path):
            raise ValueError("it is a symbolic link or lies behind one; links are not followed")
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
            if not os.path.isfile(file.fileno()):
                raise ValueError("it is a pipe or a device, not a file")
            if os.path.getsize(file.fileno()) > LIMIT:
                raise ValueError(f"it is over {LIMIT // 10**6} MB: clear its outputs and save it")
            return file.read(LIMIT)
    except OSError as error:
        raise ValueError(f"it cannot be opened: {error.strerror}") from error


def _files(folder):
    """Yield the path of every file, and of each folder that is a link, closed or too deep."""
    closed, deepest = [], folder.count("/") + 8
    for place, folders, files in os.walk(folder, onerror=closed.append):
        shown = {name for name in folders if name[0] != "." and name != "__MACOSX"}
        enter = {name for name in shown if not os.path.islink(os.path.join(place, name))}
        folders[:] = enter if place.count("/") < deepest else []
        yield from (os.path.join(place, name) for name in shown.union(files).difference(folders))
    yield from (error.filename for error in closed)


def _rank(folder, path, exercises):
    """Return a file's rank among its student's, and its Submission; None for a stray file."""
    file, problem, answered = os.path.relpath(path, folder), "", 0
    notebook = bool(re.search(r"(?i)(^|/)[^./][^/]*\.ipynb$", file)) or not os.path.isfile(path)
    place = f"{file}/{folder}".lower()
    exercise = min((name for name in exercises if name in place), key=place.find, default="")
    try:
        if not notebook:
            raise ValueError(f"no notebook was handed in, only files such as {file!r}")
        chapter, answered = _content(path)
        exercise = next((name for name in exercises if name.startswith(chapter)), exercise)
    except ValueError as error:
        problem = _plain(f"{error}")
    if who := _who(folder, file, exercises, notebook):
        rank = notebook, not problem, who["time"], answered, len(file), file
        return rank, Submission(path=path, exercise=exercise, problem=problem, note="", **who)


def _who(folder, file, exercises, notebook):
    """Return what the outermost name of `file` that tells a student tells; None if none does.

    Outermost, because the student chooses what stands further in.
    """
    known = "|".join(map(re.escape, exercises))
    names = [*re.sub(r"(?i)\.ipynb$", "", file).split("/"), *folder.split("/")[:-3:-1], "student"]
    for (n, name), layout in product(enumerate(names), LAYOUTS):
        match = re.fullmatch(LAYOUTS[layout].replace("EXERCISES", known), name, re.DOTALL)
        if match and (notebook or layout != "plain" or n < file.count("/")):
            who = {"ident": "", "time": ""} | match.groupdict("")
            who["time"] = _time(f"{folder}/{os.path.dirname(file)}/timestamp.txt", who["time"])
            layout = "nbgrader" if layout == "plain" and who["time"] else layout
            return who | {"student": _plain(who["student"]), "file": _plain(file), "layout": layout}


def _time(path, text):
    """Return nbgrader's time, from `text` or the file at `path`, as ISO 8601, or "" if none."""
    try:
        text = (text or _bytes(path).decode()).strip().removesuffix(" UTC")
        return datetime.fromisoformat(f"{text}+00:00").isoformat(timespec="seconds")
    except ValueError:
        return ""


def _content(path):
    """Return the chapter that most cells of a notebook name, and how many tasks are answered."""
    named = [(cell.name.split("-"), cell.source) for cell in read(path) if NAMED.match(cell.name)]
    if not named:
        raise ValueError("none of its cells is an exercise's: is it the lesson of the same name?")
    chapter = Counter(name[1] for name, _ in named).most_common(1)[0][0].zfill(2)
    return chapter, sum(name[0] == "task" and CODE_STUB not in source for name, source in named)
