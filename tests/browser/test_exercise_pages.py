"""Every exercise, run untouched in JupyterLab, and what a fault looks like there."""

import nbformat
import pytest
from browsing import FAULTS, ROOT, sampled, unexpected

NAMES = sorted(path.stem for path in ROOT.glob("exercises/*/*.ipynb"))
HEADINGS = ".jp-OutputArea-output [role=heading]"


@pytest.mark.parametrize("name", sampled(NAMES))
def test_an_untouched_exercise_says_not_attempted_and_nothing_worse(lab, page, name):
    path = f"exercises/{name}/{name}.ipynb"
    tasks = [
        cell.metadata.nbgrader.grade_id.removeprefix("check-").replace("-", ".")
        for cell in nbformat.read(ROOT / path, as_version=4).cells
        if cell.source.startswith("check(")
    ]
    lab.open(page, path)
    lab.run_all(page)
    said = page.locator(HEADINGS).all_inner_texts()
    faults = page.locator(FAULTS).all_inner_texts()
    assert [line.split(",")[0] for line in said] == [f"– Not attempted: task {n}" for n in tasks]
    assert faults == [f"– Not attempted: task {n}. The card above says why." for n in tasks]


def test_an_error_a_warning_and_a_complaint_are_noticed(lab, page):
    lines = [
        "import warnings; warnings.warn('careful')",
        "from IPython.display import Javascript\nJavascript('console.error(1 + 1)')",
        "1 / 0",
        "print('never run')",
    ]
    lab.write("fault.ipynb", lines)
    lab.open(page, "fault.ipynb")
    lab.run_all(page)
    warning, error = page.locator(FAULTS).all_inner_texts()
    assert "careful" in warning and "ZeroDivisionError" in error
    assert unexpected(page) == ["2"]
    page.complaints.clear()
