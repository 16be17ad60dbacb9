"""Find what students handed in, however the folder is laid out, and read a notebook safely."""

import json
import os
import re
import stat
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from reglib.assess.release import CODE_STUB

LIMIT = 10_000_000  # bytes of a notebook; an honest one with many pictures has a few millions
DEPTH = 8  # folders inside folders that are entered
# What nbgrader's exchange, Moodle (as a folder or as a prefix) and Canvas (a prefix) write before
# the student's own file name. "anon" stands for the name where an assignment is marked blind.
LAYOUTS = {
    "nbgrader": r"(?P<student>.+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d [^+]+)(\+[^+]*)?",
    "moodle": r"(?P<student>.+?)(_(?P<ident>\d+))?_assignsubmission_.+",
    "canvas": r"(LATE_(?=anon_))?(?P<student>\w+?)_(LATE_)?(?P<ident>\d+|(?<=anon_)\w{5})_"
    r"(\d+_.+|(text|link)\.html)",
}
WHY = ("", "the one that can be read", "the newest", "the one with most answers", "the last name")


@dataclass(frozen=True, order=True)
class Submission:
    """One student's file for one exercise; `problem` says why it cannot be read, if so.

    `path` is absolute, `file` relative to the folder, `ident` the learning platform's number,
    `layout` "nbgrader", "canvas", "moodle" or "plain", `time` ISO 8601 in UTC or "".
    """

    student: str
    exercise: str
    path: str
    file: str
    ident: str = ""
    layout: str = "plain"
    time: str = ""
    problem: str = ""
    note: str = ""


class Cell(NamedTuple):
    """A cell: nbgrader's `grade_id` or else its own id, "code" or "markdown", and its source."""

    name: str
    kind: str
    source: str


def submissions(folder, exercises):
    """Find one submission for each student and exercise, sorted by exercise and student.

    `exercises` are names like ``("01_norm_penalties", ...)``. Which of them a notebook is follows
    from its cells, else from its path, else it is the only one in the folder, else "". Whatever
    is wrong with a submission stands in its `problem`. ValueError: `folder` is no folder.
    """
    folder = os.path.realpath(folder)
    if not os.path.isdir(folder):
        raise ValueError(f"folder {folder!r} is no folder; give the one that holds the submissions")
    found = [_submission(folder, exercises, *one) for one in _files(folder)]
    found = sorted(filter(None, found), reverse=True)
    idents, groups, known = defaultdict(set), defaultdict(list), set()
    for _, one in found:
        idents[one.student].add(one.ident)
    only = {one.exercise for _, one in found} - {""}
    for rank, one in found:
        exercise = one.exercise or (min(only) if len(only) == 1 else "")
        # Two people of one name, or a blind assignment, where all have the same.
        name = f"{one.student}_{one.ident}" if len(idents[one.student]) > 1 else one.student
        # A stray file that tells no exercise is no news beside the student's notebooks.
        if rank[0] or exercise or name not in known:
            groups[exercise, name].append((rank, replace(one, exercise=exercise, student=name)))
            known.add(name)
    chosen = [_choose(group) for group in groups.values()]
    return sorted(chosen, key=lambda one: (one.exercise, _natural(one.student)))


def read(path):
    """Return the cells of a notebook that nobody vouches for.

    `path` is a `Submission`'s: none of its folders may be a symbolic link. ValueError says in a
    sentence why it cannot be read: a link, no regular file, too large, damaged, another format.
    """
    data = _bytes(path)
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (RecursionError, ValueError) as error:
        raise ValueError(f"it is damaged, cut off or no notebook ({error})") from error
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if version != 4:
        found = f"its notebook format is {version!r:.20} and not 4"
        raise ValueError(f"{found}: open it in JupyterLab and save it")
    try:
        return [_cell(cell) for cell in list.copy(notebook["cells"])]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("its cells are not what notebook format 4 says") from error


def _cell(cell):
    """Return a cell as text; AttributeError, KeyError or TypeError when it is none."""
    name = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") or cell.get("id", "")
    source = cell["source"] if isinstance(cell["source"], list) else [cell["source"]]
    kind = "code" if cell["cell_type"] == "code" else "markdown"
    return Cell(_plain(name), kind, _plain("".join(source)))


def _plain(text):
    """Return text that UTF-8 can hold: half a character pair, or a stray byte, as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _natural(text):
    """Return a key that sorts "a9" before "a10"."""
    return [int(part) if n % 2 else part for n, part in enumerate(re.split(r"(\d+)", text))]


def _bytes(path):
    """Return the bytes of a regular file of at most LIMIT that is reached through no link."""
    # Without waiting: a pipe that nobody writes into would hold up the class.
    flags = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        if os.path.realpath(path) != os.path.abspath(path):
            raise ValueError("it is a symbolic link or lies behind one; links are not followed")
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise ValueError("it is a pipe or a device, not a file")
            if info.st_size > LIMIT:
                size = f"{info.st_size / 1e6:,.1f} MB, and {LIMIT / 1e6:.0f} are allowed"
                raise ValueError(f"it has {size}: clear its outputs in JupyterLab and save it")
            return file.read(LIMIT)
    except OSError as error:
        raise ValueError(f"it cannot be opened: {error.strerror}") from error


def _files(folder):
    """Yield each path, and whether it counts as a notebook: links and closed folders do too."""
    closed, deepest = [], folder.count(os.sep) + DEPTH
    for place, folders, files in os.walk(folder, onerror=closed.append):
        paths = {name: os.path.join(place, name) for name in folders + files}
        hidden = {name for name in paths if name.startswith(".") or name == "__MACOSX"}
        links = {name for name, path in paths.items() if os.path.islink(path)}
        folders[:] = set(folders) - hidden - links if place.count(os.sep) < deepest else []
        for name in paths.keys() - set(folders):
            notebook = name.lower().endswith(".ipynb") or name in links
            yield paths[name], notebook and name not in hidden
    yield from ((error.filename, True) for error in closed)


def _submission(folder, exercises, path, notebook):
    """Return a file's rank among its student's, and its Submission; None for a stray file."""
    file, problem, answered = os.path.relpath(path, folder), "", 0
    who = _who(folder, file, exercises, notebook)
    if not who:
        return None
    places = f"{file}/{os.path.basename(folder)}".lower().split("/")
    exercise = next((name for place in places for name in exercises if name in place), "")
    try:
        if not notebook:
            raise ValueError(f"no notebook was handed in, only files such as {file!r}")
        chapter, answered = _content(path)
        exercise = next((name for name in exercises if name.startswith(chapter)), exercise)
    except ValueError as error:
        problem = _plain(f"{error}")
    one = Submission(path=path, file=_plain(file), exercise=exercise, problem=problem, **who)
    return (notebook, not problem, one.time, answered, _natural(file[:-6])), one


def _who(folder, file, exercises, notebook):
    """Return whose file it is, by the outermost name that says so; None for a stray file.

    Outermost, because the student chooses what stands further in.
    """
    *places, name = file.split("/")
    course = rf"(?i)[ _.+-]*({'|'.join(map(re.escape, exercises))})(-copy\d*| ?\(\d+\))*[ _.+-]*"
    names = [*places, re.sub(r"(?i)\.ipynb$", "", name), *folder.split("/")[:-3:-1], "student"]
    for n, place in enumerate(names):
        for layout, pattern in LAYOUTS.items():
            if match := re.fullmatch(pattern, place, re.DOTALL):
                facts = {key: _plain(text) for key, text in match.groupdict("").items()}
                return facts | {"layout": layout, "time": _utc(facts.get("time", ""))}
        if (notebook or n < len(places)) and (rest := re.sub(course, " ", place).strip()):
            return {"student": _plain(rest)} | _stamp(os.path.join(folder, *places))
    return None


def _stamp(folder):
    """Return what the time stamp tells that nbgrader puts beside a notebook."""
    try:
        text = _bytes(os.path.join(folder, "timestamp.txt")).decode()
    except ValueError:
        return {}
    return {"layout": "nbgrader", "time": _utc(text.strip())}


def _utc(text):
    """Return nbgrader's time as ISO 8601 in UTC, or "" for what is none, or has another zone."""
    try:
        time = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError):
        return ""


def _content(path):
    """Return the chapter that most cells of a notebook name, and how many tasks are answered."""
    cells = [(re.fullmatch(r"([a-z]+)-(\d\d?)-\d+", cell.name), cell.source) for cell in read(path)]
    named = [(match[1], match[2].zfill(2), source) for match, source in cells if match]
    if not named:
        raise ValueError("none of its cells belongs to an exercise, by grade_id or id")
    chapter, _ = Counter(chapter for _, chapter, _ in named).most_common(1)[0]
    return chapter, sum(kind == "task" and CODE_STUB not in source for kind, _, source in named)


def _choose(group):
    """Return the best of one student's files for one exercise, with a note if there are more."""
    rank, best = group[0]
    files = sum(rank[0] for rank, _ in group)
    if files < 2:
        return best
    why = next(reason for reason, a, b in zip(WHY, rank, group[1][0], strict=True) if a != b)
    return replace(best, note=f"{files} files; {why} was taken")
