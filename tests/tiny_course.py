"""A made-up course of two notebooks, small enough to be run in every test that changes one."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from reglib.assess.tidy import tidy, write

SOLUTION = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TEST = "assert double(2) == 4\n### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS"


def marks(grade_id, **changes):
    return {
        "nbgrader": {
            "schema_version": 3,
            "grade_id": grade_id,
            "grade": False,
            "solution": False,
            "locked": False,
            "task": False,
            **changes,
        }
    }


def make(root):
    """Write the course's notebooks, not yet run, under `root`."""
    page = [
        new_markdown_cell("# Start here", id="title"),
        new_code_cell("print('penalty', 0.25)", id="penalty"),
        new_code_cell(
            "import ipywidgets\nimport matplotlib.pyplot as plt\n\n"
            "plt.figure(figsize=(2, 1))\nplt.plot([0, 1])\nplt.show()\n"
            "ipywidgets.FloatSlider()",
            id="figure",
        ),
    ]
    exam = [
        new_code_cell("x = 1", id="first"),
        new_code_cell(SOLUTION, id="answer", metadata=marks("double", solution=True)),
        new_code_cell(
            TEST, id="test", metadata=marks("double-test", grade=True, locked=True, points=2)
        ),
        new_markdown_cell(
            "Because.", id="why", metadata=marks("why", grade=True, solution=True, points=1)
        ),
    ]
    write(root / "notebooks" / "00_start_here.ipynb", tidy(new_notebook(cells=page)))
    write(root / "solutions" / "01_demo" / "01_demo.ipynb", tidy(new_notebook(cells=exam)))
    (root / "solutions" / "01_demo" / "bank.py").write_text("RIGHT = []\n")


def change(path, cell_id, edit):
    """Apply `edit` to one cell of a notebook file, as a hand would, and leave the rest."""
    notebook = nbformat.read(path, as_version=4)
    [cell] = [cell for cell in notebook.cells if cell.id == cell_id]
    edit(cell)
    write(path, notebook)
