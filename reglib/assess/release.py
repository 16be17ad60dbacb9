"""Build the exercises that learners get from the solutions that teachers keep."""

import copy
import logging
from pathlib import Path

from reglib.assess.tidy import differences, name_cell, read, tidy, to_text, write

# What stands where an answer is wanted. `check` takes NotImplementedError for "not attempted".
CODE_STUB = 'raise NotImplementedError("write your answer here")'
TEXT_STUB = "*Write your answer here.*"
WITHHELD = ("bank.py",)  # right and wrong answers that prove the checks: for teachers alone


def release(root, check=False):
    """Build ``exercises/NN_name/NN_name.ipynb`` from ``solutions/`` as nbgrader would.

    Parameters
    ----------
    root : pathlib.Path
        The course's root folder.
    check : bool
        Write nothing, and say what a release would change.

    Returns
    -------
    list of str
        What is wrong, each with its notebook and cell; empty when all is well.

    Raises
    ------
    FileNotFoundError
        When ``solutions/`` is not there: a class's copy of the course may lack it.
    """
    root = Path(root)
    if not (root / "solutions").is_dir():
        raise FileNotFoundError("solutions/ is not here, so there is nothing to build from")
    problems, built = [], set()
    for source in sorted(root.glob("solutions/*/*.ipynb")):
        target = root / "exercises" / source.parent.name / source.name
        built.add(target)
        try:
            wanted = student_version(source)
        except ValueError as error:
            problems.append(f"{source.relative_to(root).as_posix()}: {error}")
            continue
        if check:
            problems += _drift(target, wanted, target.relative_to(root).as_posix())
        elif not target.is_file() or target.read_bytes() != to_text(wanted).encode():
            write(target, wanted)
            print(f"wrote {target.relative_to(root).as_posix()}")
    for path in sorted(root.glob("exercises/*/*")):
        if path not in built and path.name != ".ipynb_checkpoints":
            name = path.relative_to(root).as_posix()
            problems.append(f"{name}: comes from no solution; exercises/ is generated, remove it")
    return problems


def student_version(source):
    """Return the notebook that learners get: no answers, no hidden tests, no outputs.

    Parameters
    ----------
    source : pathlib.Path
        A notebook under ``solutions/``.

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    ValueError
        When a cell's marks are not what nbgrader wants.
    """
    notebook = tidy(read(source))
    for step in _steps():
        before = copy.deepcopy(notebook)
        try:
            notebook, _ = step.preprocess(notebook, {})
        except Exception as error:  # nbgrader raises many kinds, and seldom says in which cell
            raise ValueError(_blame(step, before, error)) from error
    return tidy(notebook)


def _blame(step, notebook, error):
    """Name the cell that a step refuses, found by giving it one cell at a time."""
    for number, cell in enumerate(notebook.cells, 1):
        alone = copy.deepcopy(notebook)
        alone.cells = [copy.deepcopy(cell)]
        try:
            step.preprocess(alone, {})
        except Exception as found:
            return f"{name_cell(notebook, number)}: {_first_line(found.__context__ or found)}"
    return _first_line(error.__context__ or error)


def _first_line(error):
    return str(error).strip().partition("\n")[0]


def _steps():
    """Return nbgrader's own steps, in the order in which it generates an assignment."""
    try:
        from nbgrader import preprocessors as nb
    except ImportError as error:
        raise FileNotFoundError(
            "nbgrader is not installed, and it builds the exercises: pip install -e .[test]"
        ) from error
    quiet = logging.getLogger("reglib.release")  # the exceptions say the same
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    kinds = [
        nb.LockCells,
        nb.ClearSolutions,
        nb.ClearOutput,
        nb.CheckCellMetadata,
        nb.ComputeChecksums,
        nb.ClearHiddenTests,
        nb.ClearMarkScheme,
        nb.ComputeChecksums,
        nb.CheckCellMetadata,
    ]
    steps = [kind(log=quiet) for kind in kinds]
    steps[1].code_stub = {"python": CODE_STUB}
    steps[1].text_stub = TEXT_STUB
    return steps


def _drift(target, wanted, label):
    if not target.is_file():
        return [f"{label}: is missing"]
    stored = read(target)
    drift = differences(stored, wanted, label)
    if not drift and target.read_bytes() != to_text(wanted).encode():
        drift = [f"{label}: the file is not in the stored form"]
    return drift
