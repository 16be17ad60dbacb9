"""The report on one exercise: marks for spreadsheets, a page for each student, an overview.

Submissions are read one by one, once for each file, so that memory does not grow with the class.
Names and sentences come from strangers: pages escape them, no spreadsheet takes one for a formula.
"""

import csv
import json
import re
import tomllib
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import chain
from math import ceil
from pathlib import Path
from unicodedata import normalize

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reglib.assess.cards import Card, to_html
from reglib.assess.tasks import CHAPTERS, chapter

HERE = Path(__file__).parent
COLUMNS = ("student", "exercise", "task", "points", "late_days", "bonus", "note")
FACTS = ("student", "ident", "file", "status", "happened", "score", "of", "late_days", "bonus")
BLANK = {"state": "", "points": None, "mistake": "", "card": None, "level": "", "by_hand": False}
# Names that name a page as they stand: Windows keeps some for itself, and takes a for A.
PLAIN = r"(?!(con|prn|aux|nul|com\d|lpt\d)(\.|$))[a-z0-9_][a-z0-9_.-]{0,79}"
PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
PAGES.filters["words"] = lambda text: Markup(to_html(text))
PAGES.filters["card"] = lambda card: Markup(Card(**card)._repr_html_())
PAGES.filters["number"] = "{:.10g}".format


def adjustments(path, exercises_tasks):
    """Read the table of changes by hand: points, late days and bonus points.

    Parameters
    ----------
    path : str or Path
        A CSV file in UTF-8, separated by commas, semicolons or tabs, with the column student and
        any of exercise, task, points, late_days, bonus and note. A blank cell says nothing, a
        blank exercise means each. Of two rows bonuses add up; of the rest the last holds.
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
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines(keepends=True) or [""]
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be saved as CSV in UTF-8") from None
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=lines[0].count), restval="")
    names = reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    fits = {"student"} <= {*names} <= {*COLUMNS} and len({*names}) == len(names)
    _must(fits, f"{path}, line 1", "columns", f"student and any of {COLUMNS[1:]}, once", names)
    changes = defaultdict(list)
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        _must(None not in row, where, "cells", "no more than columns", row.pop(None, ()))
        row = dict.fromkeys(COLUMNS, "") | {name: text.strip() for name, text in row.items()}
        if any(row.values()):
            changes[same(row["student"])].append(_change(row, where, exercises_tasks))
    return dict(changes)


def _change(row, where, known):
    """One row of the table, its names known and its numbers read."""
    _must(row["student"], where, "student", "a name", "")
    exercises = [row["exercise"]] if row["exercise"] else [*known]
    _must({*exercises} <= {*known}, where, "exercise", f"one of {[*known]}", row["exercise"])
    tasks = {task: of for name in exercises for task, of in known[name].items()}
    _must(row["task"] in ("", *tasks), where, "task", f"one of {[*tasks]}", row["task"])
    pair = row["task"], row["points"]
    _must(all(pair) or not any(pair), where, "task and points", "given together", pair)
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
    for student, (first, *_) in adjust.items():
        found = {count for (_, name), count in known.items() if name == student}
        allowed = "one who handed in (by number, where two have one name)"
        _must(found == {1}, first["where"], "student", allowed, first["student"])


def days_late(time, due):
    """Days from `due` to `time`, a begun day as a whole one; 0 where either is not known.

    A time without zone is UTC where the other has one; a date alone means the end of that day.
    """
    if not (time and due):
        return 0
    ends = due if len(due) > 10 else f"{due}T23:59:59"
    when = map(datetime.fromisoformat, (time, ends))
    handed_in, ends = (one if one.tzinfo else one.replace(tzinfo=UTC) for one in when)
    return max(0, ceil((handed_in - ends) / timedelta(days=1)))


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
    results : iterable or callable
        Result dicts, to be read several times; or what gives a fresh iterator at each call.
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
    """
    folder, tasks, own = Path(folder), {}, {n: t for c in CHAPTERS for n, t in chapter(c).items()}
    (folder / "feedback").mkdir(parents=True, exist_ok=True)
    read = results if callable(results) else results.__iter__
    for result in read():
        tasks |= {
            n: BLANK | {"title": t["title"], "of": t["of"]} for n, t in result["tasks"].items()
        }
    if not tasks:  # no notebook could be read
        own_here = (task for task in own.values() if task.chapter == exercise)
        tasks = {t.number: BLANK | {"title": t.title, "of": t.points} for t in own_here}
    of = sum(task["of"] for task in tasks.values())
    about = {"exercise": exercise, "of": of, "due": due, "late_penalty": late_penalty}

    def marks(layout=None):
        return (
            _mark(one, about, tasks, adjust) for one in read() if layout in (None, one["layout"])
        )

    _csv(folder / "marks.csv", chain([(*FACTS, "feedback", *tasks)], map(_row, marks())))
    _csv(folder / "similar.csv", chain([("student", "student", "share", "tasks")], similar))
    for layout, rows in tomllib.loads((HERE / "imports.toml").read_text()).items():
        if any(True for _ in marks(layout)):
            _csv(folder / f"{layout}.csv", _import(rows, about, marks(layout)))
    _json(folder / "marks.json", about, marks())
    for mark in marks():
        _page("feedback", folder / "feedback" / mark["feedback"], about=about, mark=mark, own=own)
    facts = {"tasks": tasks, "own": own, "similar": similar, "marks": marks}
    _page("overview", folder / "overview.html", about=about, **facts, **_summary(marks()))


def _mark(result, about, tasks, adjust):
    """A result with what it earned; its status is graded once all is marked by hand."""
    names = dict.fromkeys((same(result["student"]), result["ident"]))
    changes = [change for name in names for change in adjust.get(name, ())]
    changes = [change for change in changes if change["exercise"] in ("", about["exercise"])]
    done = {n: task | result["tasks"].get(n, {}) for n, task in tasks.items()}
    for change in changes:
        if change["task"] in done:
            done[change["task"]] |= {"points": change["points"], "by_hand": True}
    judged = [task["points"] for task in done.values() if task["points"] is not None]
    mark = result | {"tasks": done, "adjustments": changes, "of": about["of"]}
    mark["final"] = 0 < len(judged) == len(done)
    if mark["final"] and result["status"] == "needs reading":
        mark["status"] = "graded"
    late = [change["late_days"] for change in changes if change["late_days"] is not None]
    mark["late_days"] = late[-1] if late else days_late(result["time"], about["due"])
    mark["bonus"], mark["earned"] = sum(change["bonus"] or 0 for change in changes), sum(judged)
    mark["lost"] = mark["earned"] * min(1, about["late_penalty"] * mark["late_days"])
    score = max(0, mark["earned"] - mark["lost"] + mark["bonus"])
    mark["score"] = round(score, 2) if judged else None
    return mark | {"feedback": page_name(result["student"], result["ident"])}


def _row(mark):
    told = mark | {"happened": " ".join([*mark["happened"], mark["note"]])}
    points = (task["points"] for task in mark["tasks"].values())
    return [*(told[name] for name in (*FACTS, "feedback")), *points]


def _import(rows, about, marks):
    """The rows that a platform imports; no grade where something is not judged yet."""
    yield from ([cell.format(**about) for cell in row] for row in rows["head"])
    for mark in marks:
        grade = f"{mark['score']:.10g}" if mark["final"] else ""
        yield [cell.format(**mark, grade=grade) for cell in rows["row"]]


def _csv(path, rows):
    """Write rows with a mark that Excel needs for accents; no text begins as a formula does."""
    with open(path, "w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        csv.writer(file).writerows(map(_cell, row) for row in rows)


def _cell(value):
    value = " ".join(value) if isinstance(value, list) else value
    if isinstance(value, str):
        return re.sub(r"^(?=[=+\-@\t\r\n])", "'", value)
    return f"{value:.10g}" if isinstance(value, float) else value


def _json(path, about, marks):
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"format": "reglib marks 1"} | about)[:-1] + ', "students": [')
        for i, mark in enumerate(marks):
            for task in mark["tasks"].values():
                task.pop("card"), task.pop("prints", None)
            file.write(",\n" * bool(i) + json.dumps(mark))
        file.write("\n]}\n")


def _summary(marks):
    """What the overview counts."""
    statuses, scores, seeds = Counter(), [], set()
    states, mistakes, points = defaultdict(Counter), defaultdict(Counter), defaultdict(list)
    for mark in marks:
        statuses[mark["status"]] += 1
        seeds |= {*mark.get("seeds", ())}
        scores += [mark["score"]] * mark["final"]
        for number, task in mark["tasks"].items():
            states[number][task["state"]] += 1
            mistakes[number].update([task["mistake"]] * bool(task["mistake"]))
            points[number] += [task["points"]] * (task["points"] is not None)
    facts = {"statuses": statuses, "states": states, "mistakes": mistakes, "points": points}
    return facts | {"scores": sorted(scores), "seeds": sorted(seeds)}


def _page(template, path, **facts):
    page = PAGES.get_template(f"{template}.html").stream(facts)
    page.dump(str(path), encoding="utf-8", errors="backslashreplace")
