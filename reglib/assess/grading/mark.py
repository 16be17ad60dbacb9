"""Marking one submission: the instructor's tasks, the student's answers, what became of each."""

import ast
import contextlib
import json
import re
import tempfile
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from reglib.assess.cards import Card
from reglib.assess.grading.alike import prints
from reglib.assess.grading.remote import Cell, Remote, Student
from reglib.assess.grading.sandbox import Stopped
from reglib.assess.guard import NotAttempted, Wrong
from reglib.assess.tasks import find
from reglib.assess.tutor import judge

OTHER_INPUTS = "This passes the check that you have, and fails on other inputs of the same kind."
LONGEST = 2000  # characters of a sentence or a value on a card
ONE_AT_A_TIME = threading.Lock()  # a process has one folder for temporary files


@dataclass(frozen=True)
class Exercise:
    """The instructor's copy of an exercise, by which all submissions are marked.

    Attributes
    ----------
    given : tuple of (name, source)
        The cells that define what tasks build on.
    functions, blanks : dict
        What each task's cell must define, and what stood there at first.
    texts : dict
        For each open answer its title, its points and the blank text.
    others : dict
        The names and sources of all other cells; None for one that students cannot edit.
    """

    name: str
    given: tuple
    functions: dict
    blanks: dict
    texts: dict
    others: dict

    @property
    def points(self):
        """What each task and each open answer is worth."""
        worth = {number: find(number).points for number in self.functions}
        return worth | {key: points for key, (_, points, _) in self.texts.items()}


def exercise(root, name):
    """Read the instructor's copy of an exercise from ``exercises/``."""
    path = Path(root, "exercises", name, f"{name}.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells}
    given, functions, blanks, texts, others = [], {}, {}, {}, {}
    for cell in cells:
        key, source = cell["id"], sources[cell["id"]]
        marks = cell["metadata"].get("nbgrader", {})
        if found := re.match(r'check\("([\d.]+)", (\w+)\)', source):
            functions[found[1]] = found[2]
            blanks[found[1]] = sources[find(found[1]).cell]
        elif marks.get("task"):
            title = re.search(r"^#+ (.*)", source)[1].replace("`", "")
            texts[key] = (title, marks["points"], sources[key.replace("answer-", "text-", 1)])
        elif cell["cell_type"] == "code" and marks.get("locked"):
            given.append((key, source))
        others[key] = None if marks.get("locked") else source
    return Exercise(name, tuple(given), functions, blanks, texts, others)


def answers(cells, exercise):
    """What is run of a notebook's cells: for each task one, and the student's own between them.

    Where a task's cell stands there twice, the last that is not blank counts; where there is none,
    a function of its name in a cell of the student's own does.
    """
    tasks = {find(number).cell: number for number in exercise.functions}
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    kept = {}
    for place, cell in enumerate(code):
        number = tasks.get(cell.name)
        if number and cell.source.split() != exercise.blanks[number].split():
            kept[number] = place
    run = [Cell(name, source) for name, source in exercise.given]
    for place, cell in enumerate(code):
        number, known = tasks.get(cell.name), exercise.others.get(cell.name, "")
        if number and kept.get(number) == place:
            run.append(Cell(cell.name, cell.source, number, exercise.functions[number]))
        elif not number and known is not None and cell.source.split() != known.split():
            run.append(Cell(f"own cell {place}", cell.source))
    own = any(not cell.task for cell in run[len(exercise.given) :])
    missing = [number for number in exercise.functions if number not in kept and own]
    return run + [Cell("end", "", number, exercise.functions[number]) for number in missing]


def mark(cells, exercise, seeds=(), seconds=20.0, mode="bubblewrap"):
    """Judge a notebook's answers as `check` does, and then with each of `seeds`.

    Returns a dict with the submission's "status", what "happened", and its "tasks".
    """
    run = answers(cells, exercise)
    student, found = Student(run, seconds, mode), {}
    with ONE_AT_A_TIME, temporary_files_in(student.folder), contextlib.closing(student):
        for cell in run:
            if cell.task:
                found[cell.task] = judged(student, cell, exercise.blanks[cell.task], seeds)
    sources, tasks = {cell.task: cell.source for cell in run}, {}
    for number in exercise.functions:
        task = find(number)
        untouched = Card("not attempted", f"– Not attempted: task {number}, {task.title}")
        state, card = found.get(number, ("not attempted", untouched))
        tasks[number] = entry(task, state, card, prints(sources.get(number, "")))
    written = {cell.name: cell.source for cell in cells if cell.kind == "markdown"}
    for key, (title, points, blank) in exercise.texts.items():
        text = written.get(key.replace("answer-", "text-", 1), "").strip()
        said = text.split() not in ([], blank.split())
        tasks[key] = {
            "title": title, "level": "", "state": "needs reading" if said else "not attempted",
            "points": None if said else 0, "of": points, "mistake": "", "prints": [],
            "card": asdict(Card("note", title, (text if said else "No answer.",))),
        }  # fmt: skip
    return summary(tasks)


@contextlib.contextmanager
def temporary_files_in(folder):
    """Let the checks put their files where the student's process can be shown them."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before


def judged(student, cell, blank, seeds):
    """The state that a task ends in, and its card."""
    task = find(cell.task)
    name, said, rows = f"task {task.number}, {task.title}", "", ()
    names = [arg.arg for arg in ast.parse(blank).body[0].args.args]
    remote = Remote(student, cell, names)
    try:
        student.reach(task.number)
        if not student.replies[task.number].get("defined"):
            remote.undefined(student.replies[task.number])
        for seed in (0, *seeds):
            card = judge(task, remote, seed, guard=lambda function: function)
            if card.kind != "passed":
                return card.kind, card if seed == 0 else elsewhere(card)
        return "passed", card
    except NotAttempted:
        return "not attempted", Card("not attempted", f"– Not attempted: {name}")
    except Wrong as mistake:
        state, said, rows = "crashed", mistake.sentence, mistake.rows
    except Stopped as reason:
        state, said = reason.state, reason.said
    except Exception as error:  # what came back was forged, and no check expects that
        state, said = "crashed", f"What it returned could not be judged ({type(error).__name__})."
    return state, Card("not yet", f"✗ No result: {name}", (said,), rows)


def elsewhere(card):
    """The card of an answer that passes `check` and fails on other inputs, which stay hidden."""
    said = re.sub("(stopped with `\\w+`).*", r"\1.", card.sentences[0], flags=re.S)
    return replace(card, sentences=(OTHER_INPUTS, said), rows=())


def entry(task, state, card, found):
    """One task's part of a result; what a hostile answer said is cut."""
    rows = [(str(label)[:LONGEST], str(value)[:LONGEST]) for label, value in card.rows]
    card = replace(card, sentences=[said[:LONGEST] for said in card.sentences], rows=rows)
    mistake = next((said for said in card.sentences if said != OTHER_INPUTS), "")
    return {
        "title": task.title, "level": task.level, "state": state, "of": task.points,
        "points": task.points if state == "passed" else 0, "card": asdict(card),
        "mistake": mistake if state == "not yet" else "", "prints": found,
    }  # fmt: skip


def summary(tasks):
    """The status of a submission, and a sentence for whatever is no plain mark."""
    happened = [
        f"{number}: {task['card']['sentences'][0]}"
        for number, task in tasks.items()
        if task["state"] in ("timeout", "crashed")
    ]
    happened += [
        f"{n}: to be read" for n, task in tasks.items() if task["state"] == "needs reading"
    ]
    missing = [number for number, task in tasks.items() if task["state"] == "not attempted"]
    happened += [f"not attempted: {', '.join(missing)}"] * bool(missing)
    states = {task["state"] for task in tasks.values()}
    status = "nothing attempted" if states == {"not attempted"} else "graded"
    for state in ("needs reading", "crashed", "timeout"):
        status = state if state in states else status
    return {"status": status, "happened": happened, "tasks": tasks}
