"""The tables of the grader's report: arithmetic, empty cells, formulas, imports, memory."""

import csv
import json
import tracemalloc

import pytest
from grading_results import EXERCISE, HOSTILE, OPEN, result, task, unreadable, with_open

from reglib.assess.grading import pages

TASKS = {EXERCISE: {"1.1": 2, "1.2": 2} | OPEN, "02_noise_injection": {"2.1": 3}}


def change(**said):
    """One row of the table of changes, as `adjustments` gives it."""
    return dict.fromkeys(pages.COLUMNS, "") | {"points": None, "late_days": None} | said


def written(folder, results, adjust=(), late_penalty=0.0, due=None, similar=()):
    """Write a report and return the rows of marks.csv and the students of marks.json."""
    found = {}
    for row in adjust:
        found.setdefault(row["student"], []).append({"bonus": None} | row)
    pages.write(results, folder, EXERCISE, found, late_penalty, due, list(similar))
    students = json.loads((folder / "marks.json").read_text("utf-8"))["students"]
    return table(folder / "marks.csv"), students


def table(path):
    """The rows of a table as dicts."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_marks_of_a_plain_submission(tmp_path):
    (row,), (told,) = written(tmp_path, [result("ada", ("passed", "not yet"))])
    assert list(row) == [
        *("student", "ident", "file", "status", "what happened", "score", "of"),
        *("late_days", "bonus", "feedback", "1.1", "1.2"),
    ]
    assert (row["score"], row["of"], row["1.1"], row["1.2"]) == ("2.0", "4", "2", "0"), row
    assert told["tasks"]["1.2"]["state"] == "not yet" and told["score"] == 2
    assert "card" not in told["tasks"]["1.2"], "marks.json needs no cards"


@pytest.mark.parametrize(
    ("said", "late_penalty", "score"),
    [
        ({}, 0.1, 1.6),  # two days late
        ({"late_days": 0.0}, 0.1, 2),
        ({"late_days": 5.0}, 0.1, 1),
        ({}, 1.0, 0),
        ({}, 0.7, 0),  # 140 % are no more than all
        ({"bonus": 1.5}, 0.1, 3.1),
        ({"bonus": 1.5}, 1.0, 1.5),  # a bonus is not taken off
        ({"bonus": -9.0}, 0.0, 0),
        ({"task": "1.2", "points": 1.5}, 0.1, 2.8),
        ({"task": "1.1", "points": 0.0}, 0.1, 0),
        ({"task": "2.1", "points": 3.0}, 0.1, 1.6),  # another exercise's
        ({"exercise": "02_noise_injection", "bonus": 1.0}, 0.1, 1.6),
        ({"exercise": EXERCISE, "bonus": 1.0}, 0.1, 2.6),
    ],
    ids=str,
)
def test_late_days_bonus_and_points_by_hand(tmp_path, said, late_penalty, score):
    one = result("ada", ("passed", "not yet"), time="2026-11-22T01:00:00")
    adjust = [change(student="ada", **said)]
    (row,), (told,) = written(tmp_path, [one], adjust, late_penalty, "2026-11-20")
    assert float(row["score"]) == told["score"] == pytest.approx(score), row
    elsewhere = said.get("exercise", EXERCISE) != EXERCISE
    assert len(told["adjustments"]) == (not elsewhere), "marks.json says what was set by hand"


def test_bonuses_add_up_and_the_last_points_hold(tmp_path):
    rows = [change(student="ada", bonus=1.0, task="1.1", points=p) for p in (0.0, 1.0)]
    (row,), _ = written(tmp_path, [result("ada", ("passed", "passed"))], rows)
    assert float(row["score"]) == 1 + 2 + 2, row


def test_what_nobody_judged_is_empty_and_never_zero(tmp_path):
    rows, told = written(tmp_path, [unreadable("bob"), with_open("eva"), result("ada", ())])
    bob, eva, ada = rows
    assert bob["score"] == bob["1.1"] == bob["answer-in-production"] == "", bob
    assert bob["status"] == "unreadable" and "not JSON" in bob["what happened"]
    assert (eva["score"], eva["1.1"], eva["answer-in-production"]) == ("2.0", "2", ""), eva
    assert ada["score"] == "", "a task that the result does not know is not judged"
    assert [one["final"] for one in told] == [False] * 3


def test_open_answers_marked_by_hand_make_a_full_score(tmp_path):
    adjust = [change(student="eva", task=number, points=5.0) for number in OPEN]
    (row,), (told,) = written(tmp_path, [with_open("eva")], adjust)
    assert (row["status"], row["score"]) == ("graded", "12.0"), row
    assert told["final"] and told["tasks"]["answer-in-production"]["by_hand"]
    (row,), (told,) = written(tmp_path / "half", [with_open("eva")], adjust[:1])
    assert (row["status"], row["score"], told["final"]) == ("needs reading", "7.0", False), row


def test_a_class_of_unreadable_files_only(tmp_path):
    rows, _ = written(tmp_path, [unreadable("bob", layout="canvas", ident="7")])
    assert rows[0]["score"] == "", rows
    assert "Points Possible" not in (tmp_path / "canvas.csv").read_text("utf-8-sig")


def test_no_cell_begins_as_a_formula(tmp_path):
    marks, told = written(tmp_path, [result(name) for name in HOSTILE], similar=[])
    with open(tmp_path / "marks.csv", encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")]
    assert len(marks) == len(HOSTILE) and "'=cmd|'/c calc'!A0" in {row["student"] for row in marks}
    assert [one["student"] for one in told] == list(HOSTILE), "marks.json keeps names as they are"
    (row,), _ = written(tmp_path / "minus", [result("ada")], [change(student="ada", bonus=-1.0)])
    assert row["bonus"] == "-1.0", "a number is no formula"


def test_canvas_and_moodle(tmp_path):
    both = [
        result("lovelaceada", layout="canvas", ident="55"),
        with_open("evesmith", layout="canvas", ident="56"),
        result("Jürgen Müller", layout="moodle", ident="901"),
        unreadable("Bo", layout="moodle", ident="902"),
        result("plain"),
    ]
    of = str(2 + 2 + sum(OPEN.values()))
    for one in both:
        if one["tasks"]:
            one["tasks"] |= {n: task(n, "passed", 0, of=p) for n, p in OPEN.items()} | one["tasks"]
            one["tasks"].setdefault("1.2", task("1.2"))
    written(tmp_path, both)
    with open(tmp_path / "canvas.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", EXERCISE],
        ["    Points Possible", "", "", "", "", of],
        ["lovelaceada", "55", "", "", "", "2.0"],
        ["evesmith", "56", "", "", "", ""],
    ]
    first, second = table(tmp_path / "moodle.csv")
    assert {"Identifier", "Grade", "Last modified (grade)"} <= first.keys()
    assert (first["Identifier"], first["Full name"]) == ("Participant 901", "Jürgen Müller")
    assert (first["Grade"], first["Maximum grade"], second["Grade"]) == ("2.0", of, "")


def test_only_the_layouts_that_were_there_are_written(tmp_path):
    written(tmp_path, [result("ada")], similar=[("ada", "=bo", 0.5, ["1.1", "1.2"])])
    names = {path.name for path in tmp_path.iterdir()}
    every = {"marks.csv", "marks.json", "similar.csv", "overview.html", "feedback"}
    assert names == every
    with open(tmp_path / "similar.csv", encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1] == ["ada", "'=bo", "0.5", "1.1 1.2"]


def test_pages_of_two_students_never_collide(tmp_path):
    two = [result("Ada Li", ident=i, layout="moodle") for i in ("1", "2")]
    rows, _ = written(tmp_path, [result(name) for name in HOSTILE] + two)
    names = [row["feedback"] for row in rows]
    assert len({name.casefold() for name in names}) == len(HOSTILE) + 2, names
    assert {path.name for path in (tmp_path / "feedback").iterdir()} == set(names)
    for name in names:
        assert len(name.encode()) <= 100 and name[0] not in ".-~", name
        assert name.partition(".")[0].lower() not in ("con", "nul", "com1"), name
    assert pages.page_name("ada") == "ada.html", "a name that is safe stays"
    taken = pages.page_name("Ada").removesuffix(".html")
    assert pages.page_name(taken) != pages.page_name("Ada"), "a name may imitate another's page"


class Lazy:
    """Results that are made anew each time they are read, with cards of 30 kB."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        for i in range(self.n):
            one = result(f"student{i}", ("not yet",))
            for number, entry in one["tasks"].items():
                rows = [["value", f"{i} {number} " + "x" * 30_000]]
                entry["card"] = {"kind": "not yet", "heading": "Not yet", "rows": rows}
            yield one


def test_memory_does_not_grow_with_the_class(tmp_path):
    pages.write(Lazy(2), tmp_path / "warm", EXERCISE, {}, 0.0, None, [])
    peaks = []
    for n in (100, 1000):
        tracemalloc.start()
        pages.write(Lazy(n), tmp_path / str(n), EXERCISE, {}, 0.0, None, [])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000, f"peaks of 100 and of 1,000 submissions: {peaks}"


@pytest.mark.parametrize(
    ("time", "due", "days"),
    [
        ("", "2026-11-20", 0),
        ("2026-11-21T00:00:01", None, 0),
        ("2026-11-20T23:59:00", "2026-11-20", 0),
        ("2026-11-21T00:00:01", "2026-11-20", 1),
        ("2026-11-20T12:00:00", "2026-11-20T12:00:00", 0),
        ("2026-11-20T12:00:01", "2026-11-20T12:00:00", 1),
        ("2026-11-21T12:00:00", "2026-11-20T12:00:00", 1),
        ("2026-11-21T12:00:01", "2026-11-20T12:00:00", 2),
        ("2026-11-20T12:30:00+01:00", "2026-11-20T12:00:00", 0),
        ("2026-11-20T11:30:00", "2026-11-20T12:00:00+01:00", 1),
        ("2026-11-20T11:00:00Z", "2026-11-20T12:00:00+01:00", 0),
        ("2026-11-01T00:00:00", "2026-11-20T12:00:00", 0),
    ],
)
def test_days_late(time, due, days):
    assert pages.days_late(time, due) == days
