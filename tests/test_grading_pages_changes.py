"""The table of changes by hand: what it may say, and what is refused by file, line and value."""

from types import SimpleNamespace
from unicodedata import normalize

import pytest
from grading_results import EXERCISE, OPEN, result

from reglib.assess.grading import pages

TASKS = {EXERCISE: {"1.1": 2, "1.2": 2} | OPEN, "02_noise_injection": {"2.1": 3}}
HEAD = "student,exercise,task,points,late_days,bonus,note"


def read(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "adjust.csv"
    path.write_bytes(text.encode(encoding))
    return pages.adjustments(path, TASKS)


def test_a_table_is_read(tmp_path):
    lines = [HEAD, f"ada,{EXERCISE},1.1,1.5,,,ill", "ada,,,,2,0.5,", ",,,,,,", "bo,,2.1,3,,-1,"]
    found = read(tmp_path, "\n".join(lines))
    assert list(found) == ["ada", "bo"]
    first, second = found["ada"]
    assert (first["task"], first["points"], first["bonus"], first["note"]) == (
        "1.1",
        1.5,
        None,
        "ill",
    )
    assert (second["exercise"], second["late_days"], second["bonus"]) == ("", 2, 0.5)
    assert found["bo"][0]["where"].endswith("adjust.csv, line 5")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffStudent;Bonus\r\nJürgen;1,5\r\n",  # as a German Excel writes it
        " student , bonus \n Jürgen , 1.5 \n",
        "student\tbonus\nJürgen\t1.5",
        'student,bonus,note\n"Jürgen","1,5","two\nlines"\n',
        "bonus,student\n+1.5,Jürgen\n".replace("+", ""),
        "student,bonus\n" + normalize("NFD", "Jürgen") + ",1.5\n",
    ],
    ids=["excel", "spaces", "tabs", "quotes", "order", "accents"],
)
def test_spreadsheets_differ(tmp_path, text):
    assert read(tmp_path, text)["Jürgen"][0]["bonus"] == 1.5


def test_a_name_copied_from_our_table_is_found(tmp_path):
    assert list(read(tmp_path, "student,bonus\n'=cmd(),1\n't Hooft,1")) == ["=cmd()", "'t Hooft"]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (",,,,,1,", r"line 2: student must be a name, got ''"),
        ("ada,09_x,,,,1,", r"line 2: exercise must be one of \['01_.*'02_.*got '09_x'"),
        ("ada,,9.9,1,,,", r"line 2: task must be one of \['1.1'.*'2.1'\].*got '9.9'"),
        (f"ada,{EXERCISE},2.1,1,,,", r"line 2: task must be one of .*got '2.1'"),
        ("ada,,1.1,,,,", r"line 2: task must be .* with points, got '1.1'"),
        ("ada,,,2,,,", r"line 2: task must be .* with points, got ''"),
        ("ada,,1.1,3,,,", r"line 2: points must be a number from 0 to 2, or blank, got '3'"),
        ("ada,,1.1,-1,,,", r"line 2: points must be .* got '-1'"),
        ("ada,,1.1,two,,,", r"line 2: points must be .* got 'two'"),
        ("ada,,1.1,nan,,,", r"line 2: points must be .* got 'nan'"),
        ("ada,,,,-1,,", r"line 2: late_days must be a number from 0 to .* got '-1'"),
        ("ada,,,,,inf,", r"line 2: bonus must be .* got 'inf'"),
        ("ada,,,,,1e9,", r"line 2: bonus must be .* got '1e9'"),
        ("ada,,,,,1,ill,really", r"line 2: cells must be no more than columns, got \['really'\]"),
    ],
    ids=lambda text: text[:25],
)
def test_a_wrong_row_is_refused(tmp_path, row, what):
    with pytest.raises(ValueError, match=r"adjust\.csv, " + what):
        read(tmp_path, f"{HEAD}\n{row}\n")


@pytest.mark.parametrize("head", ["", "name,bonus", "student,bonsu", "student,bonus,bonus"])
def test_wrong_columns_are_refused(tmp_path, head):
    with pytest.raises(
        ValueError, match=r"adjust\.csv, line 1: columns must be student and any of"
    ):
        read(tmp_path, head + "\n")


def submission(student, exercise=EXERCISE, ident=""):
    return SimpleNamespace(student=student, exercise=exercise, ident=ident)


def test_students_are_those_who_handed_in(tmp_path):
    there = [submission("ada"), submission("ada", "02_noise_injection"), submission("bo")]
    pages.check_students(read(tmp_path, "student,exercise,bonus\nbo,02_noise_injection,1"), there)
    pages.check_students(read(tmp_path, "student,bonus\nada,1"), there)
    with pytest.raises(ValueError, match=r"line 3: student must be one who handed in.*got 'eve'"):
        pages.check_students(read(tmp_path, "student,bonus\nada,1\neve,2"), there)
    with pytest.raises(ValueError, match="line 2: student must be one who"):
        latin = read(tmp_path, "student,bonus\nJürgen,1", encoding="latin-1")
        pages.check_students(latin, [submission("Jürgen")])


def test_two_students_of_one_name_are_told_apart_by_number(tmp_path):
    there = [submission("Ada Li", ident=number) for number in ("11", "12")]
    with pytest.raises(ValueError, match="one who handed in, by name or number"):
        pages.check_students(read(tmp_path, "student,bonus\nAda Li,1"), there)
    found = read(tmp_path, "student,bonus\n12,1")
    pages.check_students(found, there)
    both = [result("Ada Li", ident=number, layout="moodle") for number in ("11", "12")]
    pages.write(both, tmp_path / "out", EXERCISE, found, 0.0, None, [])
    grades = (tmp_path / "out" / "moodle.csv").read_text("utf-8-sig").splitlines()[1:]
    assert [line.split(",")[2] for line in grades] == ["2.0", "3.0"]
