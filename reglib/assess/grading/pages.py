"""The report on one exercise: marks for spreadsheets, a page for each student, an overview.

Submissions are read one by one, once for each file, so that memory does not grow with the class.
Names and sentences come from strangers: pages escape them, no spreadsheet takes one for a formula.
"""

import csv
import io
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from unicodedata import normalize

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reglib.assess.cards import Card, to_html
from reglib.assess.tasks import find

HERE = Path(__file__).parent
COLUMNS = ("student", "exercise", "task", "points", "late_days", "bonus", "note", "comment")
BLANK = {"state": "", "points": None, "mistake": "", "card": None, "level": "", "by_hand": False}
# Names that name a page as they stand: Windows keeps some for itself, and takes a for A.
PLAIN = r"(?!(con|prn|aux|nul|com\d|lpt\d)(\.|$))[a-z0-9_][a-z0-9_.-]{0,79}"


def adjustments(path, exercises_tasks):
    """Read the table of changes by hand: points, late days and bonus points.

    Parameters
    ----------
    path : str or Path
        A CSV file in UTF-8, separated by commas, semicolons or tabs, with the column student and
        any of exercise, task, points, late_days, bonus, note and comment, which the student reads.
        A blank cell says nothing, a blank exercise means each. Of two rows
        bonuses add up; of the rest the last holds.
    exercises_tasks : dict
        The points of each task, by exercise and number: ``{"01_norm_penalties": {"1.1": 2}}``.

    Returns
    -------
    dict
        For each student, by name or by the platform's number, a list of changes: dicts of the
        columns and ``where``, the file and line.

    Raises
    ------
    ValueError
        Names the file, the line, the value and what is allowed.
    """
    text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text), delimiter=separator, restval="")
    names = reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    fits = "student" in names and len({*names} & {*COLUMNS}) == len(names)
    _must(fits, f"{path}, line 1", "columns", f"student and any of {COLUMNS[1:]}, once", names)
    found = {}
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        _must(None not in row, where, "cells", "no more than columns", row.pop(None, ()))
        row = dict.fromkeys(COLUMNS, "") | {name: cell.strip() for name, cell in row.items()}
        if any(row.values()):
            found.setdefault(same(row["student"]), []).append(_change(row, where, exercises_tasks))
    return found


def _change(row, where, known):
    """One row of the table, its names known and its numbers read."""
    _must(row["student"], where, "student", "a name", "")
    _must(row["exercise"] in ("", *known), where, "exercise", f"one of {[*known]}", row["exercise"])
    tasks = {n: of for e in known if row["exercise"] in ("", e) for n, of in known[e].items()}
    fits = row["points"] if row["task"] in tasks else not row["task"] + row["points"]
    _must(fits, where, "task", f"one of {[*tasks]}, with points", row["task"])
    limits = {"points": (0, tasks.get(row["task"])), "late_days": (0, 999), "bonus": (-999, 999)}
    for name, (low, high) in limits.items():
        text = row[name].replace(",", ".")
        row[name] = float(text) if re.fullmatch(r"-?\d*\.?\d+", text) else None
        fits = not text or (row[name] is not None and low <= row[name] <= high)
        _must(fits, where, name, f"a number from {low} to {high}, or blank", text)
    return row | {"where": where}


def _must(fits, where, name, allowed, value):
    if not fits:
        raise ValueError(f"{where}: {name} must be {allowed}, got {value!r}")


def same(name):
    """A name as it is compared: without a spreadsheet's apostrophe, accents in one form."""
    return normalize("NFC", re.sub(r"^'(?=[=+\-@])", "", name.strip()))


def check_students(adjust, submissions):
    """Refuse changes for a student who is in no exercise, or whose name two students have.

    Parameters
    ----------
    adjust : dict
        From `adjustments`.
    submissions : iterable
        Of all exercises; each has `student`, `ident` and `exercise`.

    Raises
    ------
    ValueError
        Names the file, the line, the value and what is allowed.
    """
    known = Counter((s.exercise, name) for s in submissions for name in {same(s.student), s.ident})
    for student, (row, *_) in adjust.items():
        seen = {count for (_, name), count in known.items() if name == student}
        _must(seen == {1}, row["where"], "student", "one who handed in, by name or number", student)


def days_late(time, due):
    """Days from `due` to `time`, a begun day as a whole one; 0 where either is not known.

    A time without zone is UTC where the other has one; a date alone means the end of that day.
    """
    if not (time and due):
        return 0
    when = map(datetime.fromisoformat, (time, due if len(due) > 10 else f"{due}T23:59:59"))
    handed_in, ends = (one if one.tzinfo else one.replace(tzinfo=UTC) for one in when)
    return max(0, -((ends - handed_in) // timedelta(days=1)))


def page_name(student, ident=""):
    """The file name of a student's page: never that of another, on any disk."""
    if not ident and re.fullmatch(PLAIN, student):
        return f"{student}.html"
    code = sha256(f"{student}\0{ident}".encode(errors="surrogatepass")).hexdigest()[:10]
    plain = re.sub(r"[^\w-]+", "_", student).strip("_-").encode()[:80].decode(errors="ignore")
    return f"{plain or 'student'}~{code}.html"


def write(results, folder, exercise, adjust, late_penalty, due, similar):
    """Write all files of the report on one exercise into a folder.

    Parameters
    ----------
    results : iterable
        Of result dicts; is gone through several times.
    folder : str or Path
        Is made where it is missing.
    exercise : str
        Such as "01_norm_penalties".
    adjust : dict
        From `adjustments`; may be empty.
    late_penalty : float
        The share of the score that a day late costs.
    due : str or None
        ISO date or time.
    similar : list
        Of (student, student, share from 0 to 1, [task numbers]).

    Returns
    -------
    Counter
        How many students have each status.
    """
    folder, tasks, layouts = Path(folder), {}, set()
    (folder / "feedback").mkdir(parents=True, exist_ok=True)
    for result in results:
        layouts.add(f"{result['layout']}.csv")
        for number, task in result["tasks"].items():
            tasks[number] = BLANK | {name: task[name] for name in ("title", "level", "of")}
    about = {"exercise": exercise, "due": due, "late_penalty": late_penalty, "tasks": tasks}
    about |= {"of": sum(task["of"] for task in tasks.values()), "seeds": result.get("seeds", [])}

    def marks():
        return (_mark(result, about, adjust) for result in results)

    facts = {"about": about, "marks": marks, "similar": similar, "counts": _counted(marks())}
    names = {"marks.csv", "marks.json", "similar.csv", "overview.html"}
    for name in names | layouts & {"canvas.csv", "moodle.csv"}:
        _fill(name, folder / name, facts)
    for mark in marks():
        _fill("feedback.html", folder / "feedback" / mark["feedback"], facts | {"mark": mark})
    return facts["counts"]["status"]


def _mark(result, about, adjust):
    """A result with what it earned; needs no more reading once all is marked by hand."""
    names = dict.fromkeys((same(result["student"]), result["ident"]))
    found = (change for name in names for change in adjust.get(name, ()))
    changes = [change for change in found if change["exercise"] in ("", about["exercise"])]
    tasks = {n: blank | result["tasks"].get(n, {}) for n, blank in about["tasks"].items()}
    by_hand = {one["task"]: one["points"] for one in changes if one["task"] in tasks}
    tasks |= {n: tasks[n] | {"points": points, "by_hand": True} for n, points in by_hand.items()}
    judged = [task["points"] for task in tasks.values() if task["points"] is not None]
    late = [change["late_days"] for change in changes if change["late_days"] is not None]
    late = [days_late(result["time"], about["due"]), *late][-1]
    earned, bonus = sum(judged), sum(change["bonus"] or 0 for change in changes)
    lost, final = earned * min(1, about["late_penalty"] * late), 0 < len(judged) == len(tasks)
    settled = result["status"] in {tasks[number]["state"] for number in by_hand}
    left = {task["state"] for task in tasks.values() if not task["by_hand"]}
    still = [state for state in ("timeout", "crashed", "needs reading") if state in left]
    status = [*still, "graded"][0] if settled else result["status"]
    return result | {
        "tasks": tasks, "adjustments": changes, "of": about["of"], "final": final, "status": status,
        "late_days": late, "bonus": bonus, "earned": earned, "lost": round(lost, 2),
        "score": round(max(0, earned - lost + bonus), 2) if judged else None,
        "happened": [said for said in result["happened"] if said.partition(":")[0] not in by_hand],
        "feedback": page_name(result["student"], result["ident"]),
    }  # fmt: skip


def _counted(marks):
    """How often each status and complete score is there, and of each task each state and so on."""
    counts = defaultdict(Counter)
    for mark in marks:
        counts["status"][mark["status"]] += 1
        counts["score"][mark["score"]] += mark["final"]
        for number, task in mark["tasks"].items():
            for what in ("state", "points", "mistake"):
                counts[number, what][task[what]] += 1
    return counts


def _row(cells):
    """One line of a table; no text in it begins as a formula does."""
    guarded = (re.sub(r"^(?=[=+\-@\t\r\n])", "'", x) if isinstance(x, str) else x for x in cells)
    return csv.writer(SimpleNamespace(write=str)).writerow(guarded)  # what `write` returns


def _fill(template, path, facts):
    PAGES.get_template(template).stream(facts).dump(str(path), "utf-8", "backslashreplace")


PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
PAGES.filters |= {"row": _row, "to_html": to_html, "number": "{:.10g}".format}
PAGES.globals |= {"Card": Card, "find": find}
