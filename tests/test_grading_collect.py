"""Submissions are found in every layout, and no file in them can stop or mislead the search."""

import json
import os
import pickle
import re
import subprocess
import tracemalloc
from dataclasses import asdict

import pytest
from grading_layouts import DAMAGED, LAYOUTS, NAMES, ONE, STAMP, TWO, answered, cells, put, released

from reglib.assess.grading.collect import read, submissions


def found(folder, *fields):
    """What was found, the given fields of it."""
    fields = fields or ("student", "exercise", "ident", "layout", "time", "problem")
    return [tuple(getattr(one, field) for field in fields) for one in submissions(folder, NAMES)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_tells_student_exercise_number_and_time(tmp_path, layout):
    files, expected = LAYOUTS[layout]
    put(tmp_path, {name: released.get(text, text) for name, text in files.items()})
    expected = [(*one, "") for one in expected]
    assert found(tmp_path) == expected, f"{layout} was read wrongly"


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        (f"ann/{ONE}", f"{ONE}.ipynb"),
        ("ann", f"{ONE}.ipynb"),
        ("ann", f"{ONE}/{ONE} (2).ipynb"),
        ("ann", f"{ONE}/{ONE}-Copy1.ipynb"),
    ],
    ids=["exercise-folder", "student-folder", "download-copy", "jupyter-copy"],
)
def test_the_folder_of_one_student_gives_their_name(tmp_path, folder, file):
    put(tmp_path / folder, {file: released[ONE]})
    assert found(tmp_path / folder, "student", "exercise", "file") == [("ann", ONE, file)], (
        "the student's name stands in the folder alone"
    )


def test_the_folder_of_one_exercise_holds_students(tmp_path):
    put(tmp_path / ONE, {"ann.ipynb": released[ONE], "bob/x.ipynb": "broken"})
    assert found(tmp_path / ONE, "student", "exercise") == [("ann", ONE), ("bob", ONE)], (
        "an exercise's folder was not read as its students"
    )


def test_the_cells_tell_the_exercise_whatever_the_names_say(tmp_path):
    put(tmp_path, {f"ann/{TWO}/{TWO}.ipynb": released[ONE]})
    assert found(tmp_path, "exercise") == [(ONE,)], "the name of a file was believed, not its cells"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"ann/{TWO}/x.ipynb": "broken"}, TWO),
        ({"ann/x.ipynb": "broken", "bob/x.ipynb": released[ONE]}, ONE),
        ({"ann/x.ipynb": "?", "bob/x.ipynb": released[ONE], "eve/x.ipynb": released[TWO]}, ""),
    ],
    ids=["by-its-path", "the-only-one-there-is", "unknown"],
)
def test_an_unreadable_file_is_given_an_exercise(tmp_path, files, expected):
    put(tmp_path, files)
    (one,) = [one for one in submissions(tmp_path, NAMES) if one.student == "ann"]
    assert (one.exercise, bool(one.problem)) == (expected, True)


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ({"ann/a.ipynb": released[ONE], "ann/b.ipynb": "broken"}, "ann/a.ipynb"),
        ({"ann/a.ipynb": answered(ONE, 2), "ann/b.ipynb": answered(ONE, 1)}, "ann/a.ipynb"),
        ({"ann/x-9.ipynb": released[ONE], "ann/x-10.ipynb": released[ONE]}, "ann/x-10.ipynb"),
        (
            {
                f"ann+h+{STAMP}/a.ipynb": released[ONE],
                "ann+h+2026-11-19 17:00:00 UTC/b.ipynb": answered(ONE, 3),
            },
            f"ann+h+{STAMP}/a.ipynb",
        ),
    ],
    ids=["readable", "most-answers", "last-name", "newest"],
)
def test_of_two_files_one_is_taken_and_a_note_says_so(tmp_path, files, taken):
    (one,) = submissions(put(tmp_path, files), NAMES)
    assert (one.file, one.problem) == (taken, ""), "the wrong one of two files was taken"
    assert one.note.startswith("2 files"), "the note does not say that there were two"


@pytest.mark.parametrize("name", ["answers.pdf", "work.zip", "deep/er/x.py", ".hidden.ipynb"])
def test_a_student_without_a_notebook_is_reported(tmp_path, name):
    put(tmp_path, {f"ann/{ONE}/{name}": "x", "bob/x.ipynb": released[ONE]})
    ann, bob = submissions(tmp_path, NAMES)
    assert (ann.student, ann.exercise, bob.problem) == ("ann", ONE, "")
    assert name in ann.problem, "a student who handed in something else is missing"


@pytest.mark.parametrize("name", ["roe_1_2_work.pdf", "roe_1_text.html", "roe_LATE_1_link.html"])
def test_a_canvas_student_without_a_notebook_is_reported(tmp_path, name):
    put(tmp_path, {name: "x", "doe_3_4_x.ipynb": released[ONE]})
    assert found(tmp_path, "student", "exercise", "ident")[1] == ("roe", ONE, "1")


def test_what_systems_leave_behind_is_skipped(tmp_path):
    junk = ["ann/.ipynb_checkpoints/x.ipynb", "__MACOSX/ann/._x.ipynb", "ann/._x.ipynb",
            ".git/x.ipynb", ".DS_Store", "ann/__MACOSX/y.ipynb", f"{ONE}/.DS_Store"]  # fmt: skip
    put(tmp_path, {"ann/x.ipynb": released[ONE]} | dict.fromkeys(junk, "junk"))
    assert found(tmp_path, "file", "note") == [("ann/x.ipynb", "")], "left-overs were counted"


def test_no_student_can_hand_in_for_another(tmp_path):
    inner = [f"ann+h+{STAMP}/x.ipynb", "ann_1_2_x.ipynb", "Ann_1_assignsubmission_file_/x.ipynb"]
    for n, outer in enumerate(["eve", f"eve+h+{STAMP}", "eve_9_assignsubmission_file_"]):
        folder = put(tmp_path / str(n), {f"{outer}/{name}": released[ONE] for name in inner})
        assert found(folder, "student") == [("eve",)], f"a name inside {outer} was believed"


@pytest.mark.parametrize("stamp", ["10", "never", "9999-99-99 00:00:00 UTC", "\0" * 9, "x" * 10**6])
def test_a_strange_time_stamp_is_no_time(tmp_path, stamp):
    put(tmp_path, {"ann/h/x.ipynb": released[ONE], "ann/h/timestamp.txt": stamp})
    assert found(tmp_path, "time", "problem") == [("", "")]


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_notebook_is_a_problem_and_stops_nobody(tmp_path, kind):
    content, word = DAMAGED[kind]
    put(tmp_path, {"ann/x.ipynb": content, "bob/x.ipynb": released[ONE]})
    ann, bob = submissions(tmp_path, NAMES)
    assert word in ann.problem, f"{kind}: the problem does not say what is wrong"
    assert len(ann.problem) < 300 and (ann.exercise, bob.problem) == (ONE, "")
    with pytest.raises(ValueError, match=re.escape(word)):
        read(ann.path)


def test_a_huge_file_is_not_read(tmp_path):
    (tmp_path / "ann.ipynb").touch()
    os.truncate(tmp_path / "ann.ipynb", 200 * 10**9)
    assert "10 MB" in submissions(tmp_path, NAMES)[0].problem


def test_a_notebook_of_something_else_is_a_problem(tmp_path):
    put(tmp_path, {"ann/x.ipynb": '{"nbformat": 4, "cells": []}', "bob/x.ipynb": released[ONE]})
    assert "none of its cells" in submissions(tmp_path, NAMES)[0].problem


@pytest.mark.parametrize("number", ["99", "00", "9" * 5000, "٣"])
def test_a_chapter_that_there_is_not_is_no_exercise(tmp_path, number):
    put(tmp_path, {"ann.ipynb": cells("x").replace("task-1-0", f"task-{number}-1")})
    assert found(tmp_path, "exercise") == [("",)]


def link_to_file(path, other):
    path.symlink_to(other / "x.ipynb")


def link_to_folder(path, other):
    path.with_suffix("").symlink_to(other)


def link_to_nothing(path, other):
    path.symlink_to(other / "nothing")


def link_to_itself(path, other):
    path.symlink_to(path)


def pipe(path, other):
    os.mkfifo(path)


def device(path, other):
    path.symlink_to("/dev/zero")


def folder(path, other):
    (path / "in").mkdir(parents=True)
    (path / "in" / "x.txt").touch()


@pytest.mark.parametrize(
    "make", [link_to_file, link_to_folder, link_to_nothing, link_to_itself, pipe, device, folder]
)
@pytest.mark.parametrize("place", [".", "ann"])
def test_only_regular_files_are_opened(tmp_path, make, place):
    put(tmp_path, {"bob/x.ipynb": released[ONE]})
    (tmp_path / place).mkdir(exist_ok=True)
    make(tmp_path / place / "ann.ipynb", tmp_path / "bob")
    ann, bob = submissions(tmp_path, NAMES)
    assert ann.student.startswith("ann") and ann.problem, f"{make.__name__} was followed"
    assert (bob.student, bob.problem, bob.note) == ("bob", "", "")


def test_a_link_among_the_folders_of_a_path_is_refused(tmp_path):
    put(tmp_path, {"bob/x.ipynb": released[ONE]})
    (tmp_path / "ann").symlink_to("bob")
    with pytest.raises(ValueError, match="symbolic link"):
        read(tmp_path / "ann" / "x.ipynb")


def test_a_time_stamp_is_read_through_no_link_and_no_pipe(tmp_path):
    put(tmp_path, {"ann/h/x.ipynb": released[ONE], "bob/h/x.ipynb": released[ONE], "t": STAMP})
    (tmp_path / "ann/h/timestamp.txt").symlink_to(tmp_path / "t")
    os.mkfifo(tmp_path / "bob/h/timestamp.txt")
    assert found(tmp_path, "time") == [("",), ("",)]


def test_the_folder_itself_may_be_a_link(tmp_path):
    put(tmp_path / "real", {"ann/x.ipynb": released[ONE]})
    (tmp_path / "link").symlink_to("real")
    assert found(tmp_path / "link", "student", "problem") == [("ann", "")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_reported(tmp_path):
    put(tmp_path, {"ann/x.ipynb": released[ONE], "bob/x.ipynb": released[ONE]})
    (tmp_path / "ann/x.ipynb").chmod(0)
    (tmp_path / "bob").chmod(0)
    problems = found(tmp_path, "problem")
    (tmp_path / "bob").chmod(0o700)
    assert len(problems) == 2 and all("cannot be opened" in text for (text,) in problems)


def test_what_the_system_refuses_is_reported(tmp_path, monkeypatch):
    put(tmp_path, {"ann.ipynb": released[ONE]})
    monkeypatch.setattr(
        os, "open", lambda *a, **k: (_ for _ in ()).throw(PermissionError(13, "No"))
    )
    assert found(tmp_path, "problem") == [("it cannot be opened: No",)]


def test_a_closed_folder_is_reported(tmp_path, monkeypatch):
    put(tmp_path, {"ann/x.pdf": "x", "bob/x.ipynb": released[ONE]})
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("ann"):
            raise PermissionError(13, "No", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert [(s, bool(p)) for s, p in found(tmp_path, "student", "problem")] == [
        ("ann", True),
        ("bob", False),
    ], "a student whose folder is closed is missing"


STRANGE = ["new\nline", "<b>", "-rf", "..x", "a;b,c", "%s{0}", "=1+1", "\u202egnp", " ", "x" * 240]


@pytest.mark.parametrize("name", STRANGE, ids=range(len(STRANGE)))
def test_strange_names_are_kept_and_break_nothing(tmp_path, name):
    put(tmp_path, {f"s{name}/{name}x.ipynb": released[ONE], "bob.ipynb": released[ONE]})
    (one,) = [one for one in submissions(tmp_path, NAMES) if one.student != "bob"]
    assert one.student == f"s{name}", "the name was changed"
    expected = "no notebook" if name.startswith(".") else ""
    assert one.problem.startswith(expected) and bool(expected) == bool(one.problem)


def test_names_that_are_no_text_are_escaped(tmp_path):
    for raw in (b"ann\xff", b"ann\xfe"):
        path = os.path.join(os.fsencode(tmp_path), raw)
        os.mkdir(path)
        with open(os.path.join(path, b"\xf0.ipynb"), "w") as file:
            file.write(released[ONE])
    first, second = submissions(tmp_path, NAMES)
    assert (first.student, second.student) == (r"ann\udcfe", r"ann\udcff"), "names were mixed up"
    assert first.file.encode() and len(read(first.path)) > 10, "the path must still open the file"


def test_half_characters_in_cells_are_escaped(tmp_path):
    put(tmp_path, {"ann.ipynb": cells("x = '\ud800\0'").replace("task-1-0", r"task-1-0\udfff")})
    (cell,) = read(tmp_path / "ann.ipynb")
    assert cell == (r"task-1-0\udfff", "code", "x = '\\ud800\0'")


def test_read_gives_names_kinds_and_whole_sources(tmp_path):
    notebook = json.loads(released[ONE])
    notebook["cells"][3]["id"] = "changed"
    put(tmp_path, {"x.ipynb": b"\xef\xbb\xbf" + json.dumps(notebook).encode()})
    got = read(tmp_path / "x.ipynb")
    assert got[3].name == "task-1-1", "nbgrader's grade_id goes before the cell's own id"
    assert [cell.source for cell in got] == ["".join(c["source"]) for c in notebook["cells"]]
    assert {cell.kind for cell in got} == {"code", "markdown"}
    assert got[-1].name == notebook["cells"][-1]["id"]


def test_folders_without_end_are_left(tmp_path):
    deep = tmp_path / "ann"
    here = os.open(tmp_path, os.O_RDONLY)
    os.mkdir(deep)
    at = os.open("ann", os.O_RDONLY, dir_fd=here)
    for _ in range(1050):
        os.mkdir("d", dir_fd=at)
        at, old = os.open("d", os.O_RDONLY, dir_fd=at), at
        os.close(old)
    os.close(at)
    os.close(here)
    put(tmp_path, {"bob.ipynb": released[ONE]})
    try:
        ann, bob = submissions(tmp_path, NAMES)
    finally:  # deeper than pytest's own removal can go
        subprocess.run(["rm", "-rf", deep], check=True)
    assert (ann.student, bool(ann.problem), bob.problem) == ("ann", True, "")


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        submissions(tmp_path / "nowhere", NAMES)
    assert submissions(tmp_path, NAMES) == [], "an empty folder holds nothing"


def test_a_submission_travels_to_another_process_and_into_json(tmp_path):
    (one,) = submissions(put(tmp_path, {"ann.ipynb": released[ONE]}), NAMES)
    assert pickle.loads(pickle.dumps(one)) == one and {one: 1}[one] == 1
    assert json.loads(json.dumps(asdict(one)))["file"] == "ann.ipynb"


def test_memory_does_not_grow_with_the_class(tmp_path):
    peaks = []
    for size in (10, 150):
        put(tmp_path, {f"s{n}/x.ipynb": released[ONE] for n in range(size)})
        tracemalloc.start()
        assert len(submissions(tmp_path, NAMES)) == size
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 2, f"{peaks} MB for 10 and 150 notebooks: their text is kept"
