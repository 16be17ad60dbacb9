"""Marking one submission: the instructor's tasks, the student's answers, what became of each."""

import ast
import json
import re
import tempfile
import threading
from collections import namedtuple
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from reglib.assess.cards import Card
from reglib.assess.grading.alike import prints
from reglib.assess.grading.remote import Cell, Remote, Student
from reglib.assess.grading.sandbox import Stopped
from reglib.assess.guard import NotAttempted, Wrong
from reglib.assess.tasks import chapter, find
from reglib.assess.tutor import judge

OTHER_INPUTS = "This passes the check that you have, and fails on other inputs of the same kind."
LONGEST = 2000  # characters of a sentence or a value on a card
ENDED = ("timeout", "crashed")  # states of a task without a result
ONE_AT_A_TIME = threading.Lock()  # a process has one folder for temporary files
# The instructor's copy of an exercise, by which all submissions are marked. By cell, what stands
# in it: in `given` those that tasks build on, in `cells` all, with None for one that students
# cannot edit. By task, what its cell holds at first, and its points. By open answer its title, and
# the cell of its text with what that holds at first.
Exercise = namedtuple("Exercise", "given cells blanks points texts")


def exercise(root, name):
    """Read the instructor's copy, an `Exercise`, from ``exercises/``."""
    path = Path(root, "exercises", name, f"{name}.ipynb")
    cells = {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}
    sources = {key: "".join(cell["source"]) for key, cell in cells.items()}
    marks = {key: cell["metadata"].get("nbgrader", {}) for key, cell in cells.items()}
    tasks, texts = chapter(str(int(name[:2]))), {}
    blanks = {number: sources[task.cell] for number, task in tasks.items()}
    points = {number: task.points for number, task in tasks.items()}
    for key in filter(lambda key: marks[key].get("task"), cells):
        title = re.search(r"^#+ (.*)", sources[key])[1].replace("`", "")
        place = key.replace("answer-", "text-", 1)
        texts[key], points[key] = (title, place, sources[place]), marks[key]["points"]
    fixed = {key: None for key in cells if marks[key].get("locked")}
    code = (key for key in fixed if cells[key]["cell_type"] == "code")
    given = {key: sources[key] for key in code if not key.startswith("check-")}
    return Exercise(given, sources | fixed, blanks, points, texts)


def answers(cells, exercise):
    """What is run of a notebook's cells: for each task one, and the student's own between them.

    Where a task's cell stands there twice, the last that is not blank counts; where there is none,
    a function of its name in a cell of the student's own does.
    """
    tasks = {find(number).cell: number for number in exercise.blanks}
    asked = {number: ast.parse(blank).body[0].name for number, blank in exercise.blanks.items()}
    run = {name: Cell(name, source, name) for name, source in exercise.given.items()}
    for place, cell in enumerate(cells):
        number, first = tasks.get(cell.name, ""), exercise.cells.get(cell.name, "")
        given = first is None or cell.source.split() in ([], first.split())
        if cell.kind == "code" and not given:
            run.pop(number, None)
            run[number or place] = Cell(cell.name, cell.source, number, asked.get(number, ""))
    own = run.keys() - exercise.given.keys() - asked.keys()
    for number, function in asked.items():
        run.setdefault(number, Cell("end", "", number, function if own else ""))
    return list(run.values())


def mark(cells, exercise, seeds=(), seconds=20.0, mode="bubblewrap"):
    """Judge a notebook's answers as `check` does, and then with each of `seeds`.

    Returns a dict with the submission's "status", what "happened", and its "tasks".
    """
    run, tasks = answers(cells, exercise), dict.fromkeys(exercise.blanks)
    with ONE_AT_A_TIME, closing(Student(run, seconds, mode)) as student, ExitStack() as after:
        after.enter_context(threadpool_limits(1))  # the matrices are small
        # The checks put their files where the student's process can be shown them.
        after.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = student.folder
        for cell in filter(lambda cell: cell.task in tasks, run):
            state, card = judged(student, cell, exercise.blanks[cell.task], seeds)
            task, found = find(cell.task), prints(cell.source)
            tasks[cell.task] = entry(task.title, task.points, state, cut(card), task.level, found)
    written = {cell.name: cell.source.strip() for cell in cells if cell.kind == "markdown"}
    for key, (title, place, blank) in exercise.texts.items():
        said = written.get(place, "")[: 10 * LONGEST]
        state = "not attempted" if said.split() in ([], blank.split()) else "needs reading"
        card = Card("note", title, (said if state == "needs reading" else "No answer.",))
        tasks[key] = entry(title, exercise.points[key], state, card)
    return summary(tasks, student.ended)


def judged(student, cell, blank, seeds):
    """The state that a task ends in, and its card."""
    task, rows = find(cell.task), ()
    name = f"task {task.number}, {task.title}"
    remote = Remote(student, cell, [arg.arg for arg in ast.parse(blank).body[0].args.args])
    try:
        if not cell.function:
            raise NotAttempted
        student.reach(task.number)
        reply = student.replies[task.number]
        if not reply.get("defined"):
            if "error" in reply:
                remote.complain(reply, what="The cell")
            if not cell.source:
                raise NotAttempted
            raise Wrong(f"The cell defines no function `{cell.function}`: keep the given name.")
        for seed in (0, *seeds):
            card = judge(task, remote, seed, lambda function: function, ())
            if card.kind != "passed":
                return card.kind, card if seed == 0 else elsewhere(card)
        return "passed", card
    except NotAttempted:
        return "not attempted", Card("not attempted", f"– Not attempted: {name}")
    except Wrong as mistake:
        state, said, rows = "crashed", mistake.sentence, mistake.rows
    except Stopped as reason:
        state, said = reason.state, reason.said
    except ChildProcessError:  # no sandbox: no fault of the student's
        raise
    except Exception as error:  # what came back was forged, and no check expects that
        state, said = "crashed", f"What it returned could not be judged ({type(error).__name__})."
    return state, Card("not yet", f"✗ No result: {name}", (said,), rows)


def elsewhere(card):
    """The card of an answer that passes `check` and fails on other inputs, which stay hidden."""
    said = re.sub("(stopped with `[^`]*`).*", r"\1.", card.sentences[0], flags=re.S)
    return replace(card, sentences=(OTHER_INPUTS, said), rows=())


def cut(card):
    """The card without the ends of what a hostile answer made too long."""
    rows = tuple((str(label)[:LONGEST], str(value)[:LONGEST]) for label, value in card.rows)
    return replace(card, sentences=tuple(said[:LONGEST] for said in card.sentences), rows=rows)


def entry(title, points, state, card, level="", found=()):
    """One task's part of a result."""
    mistake = next((said for said in card.sentences if said != OTHER_INPUTS), "")
    return {
        "title": title, "level": level, "state": state, "of": points, "card": asdict(card),
        "points": {"passed": points, "needs reading": None}.get(state, 0),
        "mistake": mistake if state == "not yet" else "", "prints": list(found),
    }  # fmt: skip


def summary(tasks, ended):
    """The status of a submission, and a sentence for whatever is no plain mark."""
    states = {number: task["state"] for number, task in tasks.items()}
    said = {n: task["card"]["sentences"][0] for n, task in tasks.items() if task["state"] in ENDED}
    said |= {number: "to be read" for number in states if states[number] == "needs reading"}
    happened = [f"{number}: {sentence}" for number, sentence in said.items()]
    if missing := [number for number in states if states[number] == "not attempted"]:
        happened.append(f"not attempted: {', '.join(missing)}")
    status = [*ended.values(), "graded"][0] if len(missing) < len(tasks) else "nothing attempted"
    status = next(filter([*states.values()].__contains__, (*ENDED, "needs reading")), status)
    return {"status": status, "happened": [*happened, *ended], "tasks": tasks}
