"""The course covers what it promises: each item is taught, tested, moved and examined."""

import ast
from collections import Counter
from functools import reduce
from pathlib import Path

import nbformat
import pytest
from test_questions import HEADINGS

import reglib
from reglib import explore
from reglib.assess.course_map import CourseMap, in_readme, items
from reglib.assess.questions import bank
from reglib.assess.tasks import CHAPTERS, chapter

ROOT = Path(__file__).resolve().parents[1]
SEED = {  # what the seed names, part by part: an item that goes missing from the map is missed here
    "Overview": 5,
    "Parameter norm penalties": 4,
    "Noise injection": 4,
    "Data augmentation": 10,
    "The manual network": 5,
    "Interview examples": 8,
}
TASKS = {number for one in CHAPTERS for number in chapter(one)}
OPEN = {  # cells of the exercises that a person grades
    marks["grade_id"]
    for path in ROOT.glob("exercises/*/*.ipynb")
    for cell in nbformat.read(path, 4).cells
    if (marks := cell.metadata.get("nbgrader", {})).get("task")
}
each_item = pytest.mark.parametrize("name", items())


def test_every_item_of_the_seed_is_on_the_map():
    assert Counter(item["group"] for item in items().values()) == SEED


@each_item
def test_an_item_is_taught_in_a_section(name):
    assert tuple(items()[name]["section"]) in HEADINGS


@each_item
def test_an_item_has_a_public_name(name):
    assert items()[name]["names"]
    for dotted in items()[name]["names"]:
        found = reduce(getattr, dotted.split("."), reglib)
        assert found.__doc__, f"{dotted} has no docstring"


@each_item
def test_an_item_has_an_independent_test(name):
    file, _, wanted = items()[name]["test"].partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert wanted in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@each_item
def test_an_item_has_an_explorer_and_a_graded_task(name):
    item = items()[name]
    assert item["explorers"] and set(item["explorers"]) <= set(explore.__all__)
    assert item["tasks"] and set(item["tasks"]) <= TASKS | OPEN, item["tasks"]


@each_item
def test_an_item_has_three_questions_or_more(name):
    asked = [question.id for question in bank().values() if name in question.covers]
    assert len(asked) >= 3, asked


def test_the_map_leads_to_every_explorer():
    assert {entry for item in items().values() for entry in item["explorers"]} == {*explore.__all__}


def test_the_readme_has_the_map():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert in_readme(text) == text, "README.md is behind: `reglib refresh` writes its map anew"


def test_the_readme_counts_the_questions():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"A bank of {len(bank())} questions" in text


def test_a_readme_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="course map"):
        in_readme("# A course\n")


def test_the_map_has_a_row_for_each_item_and_counts_its_questions():
    text = CourseMap()._repr_markdown_()
    assert text.count("\n| ") == len(items()) + 2 * len(SEED)
    asked = sum("dropout" in question.covers for question in bank().values())
    row = next(line for line in text.splitlines() if "randomly drops neurons" in line)
    assert row.endswith(f"| {asked} |")


def test_the_first_lesson_shows_the_map():
    cells = nbformat.read(ROOT / "notebooks/00_start_here.ipynb", 4).cells
    shown = [
        output["data"]["text/markdown"]
        for cell in cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    assert CourseMap()._repr_markdown_() in shown
