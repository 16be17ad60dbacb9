"""Build the exercises that learners get from the solutions that teachers keep."""

import logging
from pathlib import Path

import nbformat

from reglib.assess.tasks import CODE_STUB
from reglib.assess.tidy import drift, name_cell, read, tidy, write

TEXT_STUB = "*Write your answer here.*"
WITHHELD = ("bank*.py",)  # right and wrong answers that prove the checks: for teachers alone
# nbgrader's own steps, in the order in which it generates an assignment.
STEPS = (
    "LockCells ClearSolutions ClearOutput CheckCellMetadata ComputeChecksums "
    "ClearHiddenTests ClearMarkScheme ComputeChecksums CheckCellMetadata"
).split()


def release(root, check=False):
    """Build ``exercises/NN_name/NN_name.ipynb`` from ``solutions/`` as nbgrader would.

    With `check` nothing is written. Returns what is wrong, each with its notebook and cell. Without
    ``solutions/``, which a class's copy of the course may lack, it raises FileNotFoundError.
    """
    root = Path(root)
    if not (root / "solutions").is_dir():
        raise FileNotFoundError("solutions/ is not here, so there is nothing to build from")
    problems, strays = [], set(root.glob("exercises/*/[!.]*"))
    for source in sorted(root.glob("solutions/*/*.ipynb")):
        target = root / "exercises" / source.relative_to(root / "solutions")
        label = target.relative_to(root).as_posix()
        strays.discard(target)
        try:
            wanted = student_version(source)
        except ValueError as error:
            problems.append(f"{source.relative_to(root).as_posix()}: {error}")
            continue
        found = drift(target, wanted)
        if check:
            problems += [f"{label}: {problem}" for problem in found]
        elif found:
            write(target, wanted)
            print(f"wrote {label}")
    for path in sorted(strays):
        name = path.relative_to(root).as_posix()
        problems.append(f"{name}: comes from no solution; exercises/ is generated, remove it")
    return problems


def student_version(source):
    """Return the notebook that learners get: no answers, no hidden tests, no outputs.

    `source` is a notebook under ``solutions/``; ValueError says which cell's marks are wrong.
    """
    from nbgrader import preprocessors

    quiet = logging.Logger("quiet", logging.CRITICAL + 1)  # the exceptions say the same
    steps = [getattr(preprocessors, name)(log=quiet) for name in STEPS]
    clear = steps[STEPS.index("ClearSolutions")]
    clear.code_stub, clear.text_stub = {"python": CODE_STUB}, TEXT_STUB
    whole = tidy(read(source))
    # nbgrader seldom says which cell it refuses, so each goes through the steps alone first.
    parts = [(f"{name_cell(n, cell)}: ", [cell]) for n, cell in enumerate(whole.cells, 1)]
    for where, cells in [*parts, ("", whole.cells)]:
        built = nbformat.from_dict({**whole, "cells": cells})
        try:
            for step in steps:
                built, _ = step.preprocess(built, {})
        except Exception as error:  # nbgrader raises many kinds
            reason = str(error.__context__ or error).strip().partition("\n")[0]
            raise ValueError(where + reason) from error
    return tidy(built)
