"""What a learner calls in an exercise: check, hint, solution, reset and progress."""

import inspect
import itertools
import re

from reglib.assess import course
from reglib.assess.cards import Card, NotPassed, shell, show, table
from reglib.assess.guard import Answer, NotAttempted, Wrong
from reglib.assess.says import say
from reglib.assess.store import folder, store
from reglib.assess.tasks import CHAPTERS, CODE_STUB, chapter, find

TRIES = 3  # failed tries after which the model answer may be seen


def check(number=None, answer=..., seed=None):
    """Check an answer and show a card.

    Parameters
    ----------
    number : str
        The task, for example "1.3".
    answer : callable
        The function you wrote, without brackets behind its name.
    seed : int, optional
        Other random inputs than the usual ones. Such a check shows nothing when it passes, and
        is not remembered.

    Raises
    ------
    NotPassed
        When the answer is wrong or missing; it shows as a card.
    ValueError
        When there is no such task, no second argument, or a seed that is no whole number.
    """
    task = find(number)
    if answer is ...:
        raise ValueError(say("no_answer", number=number))
    if seed is not None and not (isinstance(seed, int) and seed >= 0):
        raise ValueError(f"seed must be a whole number, 0 or more, or None, got {seed!r}")
    card = judge(task, answer, seed or 0)
    if seed is None and card.kind != "not attempted":
        kind = "pass" if card.kind == "passed" else "fail"
        store().add(number, kind, _source(answer))
    if card.kind != "passed":
        if shell():
            show(card)
        raise NotPassed(card) from None
    if seed is None:
        show(card)


def judge(task, answer, seed=0, guard=Answer, interrupt=KeyboardInterrupt):
    """Return the card that `answer` earns, called through `guard`; an `interrupt` has one too."""
    name = f"task {task.number}, {task.title}"
    try:
        if not callable(answer):
            raise NotAttempted(say("not_callable"))
        task.test(guard(answer), seed)
    except interrupt:
        sentences = (say("interrupted"), "This does not count as a try.")
        return Card("not attempted", f"– Interrupted: {name}", sentences)
    except NotAttempted as reason:
        sentences = (str(reason), f'`hint("{task.number}")` helps you start.')
        return Card("not attempted", f"– Not attempted: {name}", sentences)
    except Wrong as mistake:
        more = f'`hint("{task.number}")` gives a hint.'
        return Card("not yet", f"✗ Not yet: {name}", (mistake.sentence, more), mistake.rows)
    points = f"{task.points} point" + "s" * (task.points != 1)
    return Card("passed", f"✓ Passed: {name}", (f"{points}.",))


def hint(number=None):
    """Show the next hint of a task; after the last one it begins again."""
    task = find(number)
    shown = store().count(number, "hint")
    i, total = shown % len(task.hints), len(task.hints)
    store().add(number, "hint")
    more = () if i + 1 == total else (f'The next one: `hint("{number}")` again.',)
    show(Card("note", f"Task {number}, hint {i + 1} of {total}", (task.hints[i], *more)))


def solution(number=None):
    """Show the model answer, after a pass or three failed tries."""
    task = find(number)
    fails = store().count(number, "fail")
    source = model_answer(task)
    if source is None:
        show(Card("note", f"Task {number}: no model answer here", (say("no_model"),)))
    elif not store().count(number, "pass") and fails < TRIES:
        text = say("closed", tries=TRIES, left=TRIES - fails)
        show(Card("note", f"Task {number}: the model answer is still closed", (text,)))
    else:
        store().add(number, "solution")
        show(Card("note", f"Task {number}: one good answer, of several", (), (), source))


def reset(number=None):
    """Make a task's cell blank again and keep the old answer.

    As the last line of the task's own cell it empties that cell; anywhere else it puts the blank
    into a new cell below.
    """
    task = find(number)
    blank = blank_answer(task)
    if blank is None:
        return show(Card("note", f"Task {number}: no blank here", (say("no_blank"),)))
    name = re.search(r"^def (\w+)", blank, re.M)[1]
    cell = _running_cell()
    own_cell = re.search(rf"^def {name}\b", cell, re.M) is not None
    old = re.sub(r"^[^\n]*\breset\(.*\)\s*$", "", cell, flags=re.M) if own_cell else _written(name)
    old = old or store().last(number, "pass", "fail")
    kept = _kept(task, old, blank)
    if not shell():
        sentences = ("The blank stands below this line.", kept, blank)
    elif own_cell:
        sentences = ("The cell is blank again.", kept)
    else:
        sentences = (say("blank_below"), say("blank_own", number=number), kept)
    if shell():
        shell().set_next_input(blank, replace=own_cell)
    show(Card("note", f"Task {number}: reset", sentences))


def _kept(task, old, blank):
    """Keep an old answer, if it is one, and say where."""
    if not old or old.strip() == blank.strip():
        return "There was no answer to keep."
    if old != store().last(task.number, "reset"):
        store().add(task.number, "reset", old)
    kept = _keep(task, old)
    place = f"in `{kept}`" if kept else "with your progress"
    return f"Your old answer is kept {place}."


def progress(number=None):
    """Return a table of the tasks, what each is worth and how far you are.

    Parameters
    ----------
    number : int or str, optional
        One chapter alone, for example 1.
    """
    if number is not None and str(number) not in CHAPTERS:
        known = " or ".join(CHAPTERS)
        raise ValueError(f"number must be a chapter, {known}, or None, got {number!r}")
    numbers = CHAPTERS if number is None else [str(number)]
    tasks = [task for one in numbers for task in chapter(one).values()]
    return Progress([(task, store().status(task.number)) for task in tasks])


class Progress:
    """The table that `progress()` returns, as HTML and as text."""

    HEAD = ("task", "title", "level", "minutes", "points", "status")

    def __init__(self, states):
        self.rows = [
            (t.number, t.title, t.level, str(t.minutes), str(t.points), state)
            for t, state in states
        ]
        passed = [task for task, state in states if state.startswith("passed")]
        earned, total = sum(t.points for t in passed), sum(t.points for t, _ in states)
        self.total = f"{len(passed)} of {len(states)} tasks passed, {earned} of {total} points."
        left = [t for t, state in states if not state.startswith("passed")]
        self.next = f"Next: task {left[0].number} ({left[0].title})." if left else "All done."

    def __repr__(self):
        lines = [self.HEAD, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([*text, self.total, self.next])

    def _repr_html_(self):
        return table(self.rows, self.HEAD, "Your progress") + f"<p>{self.total} {self.next}</p>"


def cell_source(path, grade_id):
    """The source of the cell with this nbgrader id, or None."""
    import json

    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return None
    for cell in cells:
        if cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") == grade_id:
            return "".join(cell["source"])
    return None


def model_answer(task):
    """The source of a task's model answer without its markers, or None."""
    source = _cell_in("solutions", task)
    return source and re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", source, flags=re.M).strip()


def blank_answer(task):
    """The source of a task's untouched cell: the exercise's, or made from the solution; or None."""
    source = _cell_in("exercises", task)
    if source is None and (source := _cell_in("solutions", task)):
        marks = r"### BEGIN SOLUTION.*?### END SOLUTION"
        source = re.sub(marks, CODE_STUB, source, flags=re.S)
    return source


def _cell_in(tree, task):
    try:
        home = course.root() / tree / task.chapter
    except FileNotFoundError:
        return None
    return cell_source(home / f"{task.chapter}.ipynb", task.cell)


def _source(function):
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return None


def _running_cell():
    history = shell().history_manager.input_hist_raw if shell() else ()
    return history[-1] if history else ""


def _written(name):
    """The source of the learner's function of this name, as last defined in the notebook."""
    return _source(shell().user_ns.get(name)) if shell() else None


def _keep(task, source):
    """Return the name of a file that holds the old answer, or None where none can be written."""
    homes = (course.root, f"my/{task.chapter}/old_answers"), (folder, "old_answers")
    for home, inner in homes:
        try:
            place = home() / inner
            place.mkdir(parents=True, exist_ok=True)
            paths = (place / f"{task.cell}-{number}.py" for number in itertools.count(1))
            path, _ = course.put_first(paths, f"{source.strip()}\n".encode())
            return f"{inner}/{path.name}"
        except OSError:  # no course folder, or not to be written to
            continue
    return None
