"""Marks from the sandbox: those of `check`, whatever else stands in the notebook."""

import json
import re

import numpy as np
import pytest

from benchmarks import classroom
from reglib.assess import course
from reglib.assess.grading import mark, remote, sandbox
from reglib.assess.grading.collect import Cell
from reglib.assess.tasks import CHAPTERS, find
from reglib.assess.tutor import judge

NAMES = [name for name, _ in CHAPTERS.values()]
SOLUTIONS = course.root() / "solutions"
LACK = sandbox.missing()
needs_sandbox = pytest.mark.skipif(bool(LACK), reason=LACK)
needs_banks = pytest.mark.skipif(not SOLUTIONS.is_dir(), reason="solutions/ is not here")
# What the checks can only be told of the process at hand; in the sandbox no thread starts.
HERE_ALONE = re.compile("`sys.settrace`|`tracemalloc`|can't start new thread")


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
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.weekly)])
@pytest.mark.parametrize("name", NAMES)
def test_every_answer_of_the_banks_gets_the_card_of_check(name, every):
    banks = {task: [*right, *wrong] for task, right, wrong in classroom.sources(name)}
    for i in range(0, max(map(len, banks.values())), every):
        chosen = {task: answers[i] for task, answers in banks.items() if i < len(answers)}
        result = marked(name, {task.cell: source for task, source in chosen.items()})
        for task, source in chosen.items():
            here, there = in_process(task.number, source), result["tasks"][task.number]
            if HERE_ALONE.search(here.sentences[0] + there["card"]["sentences"][0]):
                continue
            assert there["state"] == here.kind, f"{task.number}, answer {i}: {there}\n{here}"
            said = [re.sub(r"'/tmp/[^']*'", "PATH", there["card"]["sentences"][0])]
            said += [re.sub(r"'/tmp/[^']*'", "PATH", here.sentences[0])]
            assert said[0] == said[1], f"{task.number}, answer {i}"


RIGHT = "def elastic_net_gradient(w, l1, l2):\n    return l1 * np.sign(w) + 2 * l2 * w\n"
TASK = "task-1-1"
STUB = blank(NAMES[0])[TASK].source


def notebook(*changes):
    """The cells of exercise 01 after some changes, each a function of the list."""
    cells = list(blank(NAMES[0]).values())
    for change in changes:
        cells = change(cells)
    return mark.mark(cells, mark.exercise(course.root(), NAMES[0]), (5,))["tasks"]


def fill(source, name=TASK):
    return lambda cells: [c._replace(source=source) if c.name == name else c for c in cells]


def without(*names):
    return lambda cells: [cell for cell in cells if cell.name not in names]


def add(source, after=TASK, name="x1"):
    """A cell of the student's own, behind another."""

    def change(cells):
        place = [cell.name for cell in cells].index(after) + 1
        return [*cells[:place], Cell(name, "code", source), *cells[place:]]

    return change


PASSING = {
    "the answer": [fill(RIGHT)],
    "no checks": [fill(RIGHT), without("check-1-1", "setup", "title", "about-1-1")],
    "reversed": [fill(RIGHT), lambda cells: cells[::-1]],
    "edited check": [fill(RIGHT), fill("check = None", "check-1-1")],
    "duplicated check": [fill(RIGHT), add('check("1.1", None)', name="check-1-1")],
    "helper above": [
        fill(RIGHT.replace("np.sign(w)", "slope(w)")),
        add("def slope(w):\n    return np.sign(w)", after="setup"),
    ],
    "helper in a cell of ours": [
        fill(RIGHT.replace("np.sign(w)", "slope(w)")),
        fill('# hint("1.1")\nslope = np.sign', "hint-1-2"),
        lambda cells: sorted(cells, key=lambda cell: cell.name != "hint-1-2"),
    ],
    "answer in a cell of its own": [add(RIGHT), add("show = 1", name="x2")],
    "cell deleted, written anew": [add(RIGHT), without(TASK)],
    "copied cell, blank after": [fill(RIGHT), add(STUB, name=TASK)],
    "copied cell, blank before": [fill(RIGHT), lambda cells: [Cell(TASK, "code", STUB), *cells]],
    "magics": [fill(f"%matplotlib inline\n!ls\n{RIGHT}%timeit elastic_net_gradient(1, 1, 1)")],
    "own check": [
        fill(f'{RIGHT}from reglib.assess import check\ncheck("1.1", elastic_net_gradient)')
    ],
    "fails below": [fill(f"{RIGHT}print(undefined)")],
    "plots nearby": [fill(RIGHT), add("import matplotlib.pyplot as plt\nplt.plot([1])")],
    "own cell redefines later": [fill(RIGHT), add("elastic_net_gradient = None")],
    "lambda": [fill("elastic_net_gradient = lambda w, l1, l2: l1 * np.sign(w) + 2 * l2 * w")],
    "imports": [fill("import math, functools\nfrom numpy import sign\n" + RIGHT)],
    "prints": [fill(RIGHT.replace("    return", "    print(w)\n    return"))],
    "warns": [fill(RIGHT.replace("    return", "    np.log(-1.0)\n    return"))],
    "warnings made errors elsewhere": [
        add("import warnings\nnp.seterr(all='raise')\nwarnings.simplefilter('error')", "setup"),
        fill(RIGHT.replace("    return", "    np.log(-np.ones(1))\n    return")),
    ],
    "windows lines": [fill(RIGHT.replace("\n", "\r\n"))],
}


@needs_sandbox
@pytest.mark.parametrize("changes", PASSING.values(), ids=list(PASSING))
def test_an_honest_answer_passes_however_the_notebook_looks(changes):
    task = notebook(*changes)["1.1"]
    assert task["state"] == "passed" and task["points"] == 2, task["card"]


FAILING = {
    "blank": ([], "not attempted", "Not attempted"),
    "renamed": ([fill(RIGHT.replace("elastic_net", "my"))], "crashed", "defines no function"),
    "syntax": ([fill(RIGHT + "\n)")], "crashed", "SyntaxError"),
    "import": ([fill("import torch\n" + RIGHT)], "crashed", "The answer uses PyTorch"),
    "twin": (
        [fill("from reglib import ElasticNet\n" + RIGHT)],
        "crashed",
        "The answer uses reglib",
    ),
    "twin inside": (
        [fill(RIGHT.replace("    return", "    import reglib.penalties\n    return"))],
        "not yet",
        "The answer uses reglib",
    ),
    "stops": ([fill(RIGHT.replace("np.sign", "np.sing"))], "not yet", "AttributeError"),
    "wrong": ([fill(RIGHT.replace("2 * l2", "l2"))], "not yet", "factor 2"),
    "in place": (
        [fill(RIGHT.replace("    return", "    w *= 1.5\n    return"))],
        "not yet",
        "changed its input `w` in place",
    ),
    "markdown": (
        [lambda cells: [c._replace(kind="markdown") if c.name == TASK else c for c in cells]],
        "not attempted",
        "Not attempted",
    ),
}


@needs_sandbox
@pytest.mark.parametrize("case", FAILING.values(), ids=list(FAILING))
def test_what_is_no_answer_gets_the_sentence_that_says_why(case):
    changes, state, says = case
    task = notebook(*changes)["1.1"]
    assert (task["state"], task["points"]) == (state, 0), task["card"]
    assert says in " ".join([task["card"]["heading"], *task["card"]["sentences"]]), task["card"]


@needs_sandbox
def test_an_answer_right_on_the_visible_inputs_alone_is_told_no_hidden_one():
    source = RIGHT.replace("    return", "    if w.size == 0 or w.flat[0] not in SEEN:\n        "
        'raise ValueError(f"hidden: {w}")\n    return')  # fmt: skip
    seen, task = [], find("1.1")
    task.test(lambda w, l1, l2: seen.append(float(w.flat[0])) or l1 * np.sign(w) + 2 * l2 * w, 0)
    got = notebook(fill(f"SEEN = {seen}\n{source}"))["1.1"]
    assert got["state"] == "not yet" and got["card"]["sentences"][0] == mark.OTHER_INPUTS
    assert "hidden" not in json.dumps(got["card"]) and not got["card"]["rows"]


@needs_sandbox
def test_a_choice_may_be_a_frozen_set():
    source = 'def prediction_1_2():\n    return frozenset("a")'
    assert notebook(fill(source, "task-1-2"))["1.2"]["state"] in ("passed", "not yet")


@needs_sandbox
def test_a_name_that_a_broken_cell_should_have_made_is_explained():
    broken = add("import pandas\nslope = np.sign", "setup")
    task = notebook(broken, fill(RIGHT.replace("np.sign", "slope")))["1.1"]
    said = task["card"]["sentences"][0]
    assert "'slope' is not defined" in said, said
    assert "A cell of your own stopped before: ModuleNotFoundError" in said, said


def test_a_sandbox_that_does_not_start_is_no_fault_of_the_students(monkeypatch):
    def refuse(*args):
        raise ChildProcessError("The sandbox does not start")

    monkeypatch.setattr(remote, "Sandbox", refuse)
    with pytest.raises(ChildProcessError):
        notebook(fill(RIGHT))


@needs_sandbox
def test_two_cells_may_use_one_name_for_two_helpers():
    cells = {
        "task-1-1": "def h(w):\n    return np.sign(w)\n\n\n" + RIGHT.replace("np.sign", "h"),
        "task-1-3": "def h(W):\n    return W / 0\n\n\ndef project_max_norm(W, max_value, axis):\n"
        "    return W",
    }
    tasks = marked(NAMES[0], cells)["tasks"]
    assert tasks["1.1"]["state"] == "passed" and tasks["1.3"]["state"] == "not yet"


@needs_sandbox
def test_open_answers_wait_for_a_reader_and_blank_ones_do_not():
    text = next(name for name in blank(NAMES[4]) if name.startswith("text-"))
    result = marked(NAMES[4], {text: "First I would look at both losses."})
    opens = {n: t for n, t in result["tasks"].items() if n.startswith("answer-")}
    read = opens.pop(text.replace("text-", "answer-"))
    assert (result["status"], read["state"], read["points"]) == ("needs reading",) * 2 + (None,)
    assert read["card"]["sentences"] == ("First I would look at both losses.",)
    assert len(opens) == 2 and {task["state"] for task in opens.values()} == {"not attempted"}


@needs_sandbox
@pytest.mark.parametrize(
    ("source", "status"), [("while True: pass", "timeout"), ("import os\nos._exit(0)", "crashed")]
)
def test_a_cell_between_the_tasks_takes_nothing_of_ours_with_it(source, status):
    cells = [*blank(NAMES[0]).values()]
    for change in (fill(RIGHT), add(source, after="setup")):
        cells = change(cells)
    found = mark.mark(cells, mark.exercise(course.root(), NAMES[0]), seconds=2)
    assert found["tasks"]["1.1"]["state"] == "passed", found["tasks"]["1.1"]["card"]
    assert found["status"] == status and "between the tasks" in found["happened"][-1]


@needs_sandbox
def test_an_interrupt_ends_the_grading_and_is_no_mark(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(mark.Remote, "_call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        notebook(fill(RIGHT))
