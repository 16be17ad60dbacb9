"""Marks from the sandbox: those of `check`, whatever else stands in the notebook."""

import json
import re

import numpy as np
import pytest

from benchmarks import classroom
from reglib.assess import course
from reglib.assess.grading import mark, sandbox
from reglib.assess.grading.collect import Cell
from reglib.assess.tasks import CHAPTERS, find
from reglib.assess.tutor import judge

NAMES = [name for name, _ in CHAPTERS.values()]
SOLUTIONS = course.root() / "solutions"
LACK = sandbox.missing()
needs_sandbox = pytest.mark.skipif(bool(LACK), reason=LACK)
needs_banks = pytest.mark.skipif(not SOLUTIONS.is_dir(), reason="solutions/ is not here")
# What the checks can only be told of the process at hand.
HERE_ALONE = re.compile("`sys.settrace`|`tracemalloc`")


def blank(name):
    """The cells of the exercise as it is handed out, by name."""
    path = course.root() / "exercises" / name / f"{name}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {c["id"]: Cell(c["id"], c["cell_type"], "".join(c["source"])) for c in cells}


def marked(name, sources, seeds=(), extra=(), **how):
    """Mark the exercise with these sources in its cells, and extra cells at its end."""
    cells = blank(name)
    cells |= {key: cells[key]._replace(source=source) for key, source in sources.items()}
    exercise = mark.exercise(course.root(), name)
    return mark.mark([*cells.values(), *extra], exercise, seeds, **how)


def in_process(number, source):
    """The card of `check` for the same source."""
    names = {"np": np, "__name__": "__main__"}
    exec(compile(source, f"<{number}>", "exec"), names)
    return judge(find(number), names[re.search(r"^def (\w+)", source.split("\n\n\n")[-1], re.M)[1]])


@needs_banks
@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_every_answer_of_the_banks_gets_the_card_of_check(name):
    banks = {task: [*right, *wrong] for task, right, wrong in classroom.sources(name)}
    for i in range(max(map(len, banks.values()))):
        chosen = {task: answers[i] for task, answers in banks.items() if i < len(answers)}
        result = marked(name, {task.cell: source for task, source in chosen.items()})
        for task, source in chosen.items():
            here, there = in_process(task.number, source), result["tasks"][task.number]
            if HERE_ALONE.search(here.sentences[0]):
                continue
            assert there["state"] == here.kind, f"{task.number}, answer {i}: {there}\n{here}"
            assert there["card"]["sentences"] == here.sentences, f"{task.number}, answer {i}"
