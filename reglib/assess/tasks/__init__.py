"""The graded tasks: one text file and one module of tests for each chapter.

To add a chapter, add its exercise's name to `CHAPTERS`, its texts in `<name>.toml` beside this
file, and its modules (`<name>.py`, `<name>_fits.py` and so on), each with a `TESTS` that maps a
code task's number to its `test(answer, seed=0)`. A task that asks for a choice needs no test: it
follows from `options`, `answer` and `why` in the texts. What a test says may stand in the texts
too: the table `says`, of the task or of the whole chapter, holds the sentences, and the test names
their keys.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from reglib.assess.guard import Wrong
from reglib.assess.tasks.choice import choice_test

# What stands where an answer is wanted. `check` takes NotImplementedError for "not attempted".
CODE_STUB = 'raise NotImplementedError("write your answer here")'
# Leading number: the exercise's name, and how the names of the modules end that hold its tests.
CHAPTERS = {
    "1": ("01_norm_penalties", ("", "_fits", "_lasso")),
    "2": ("02_noise_injection", ("", "_fits", "_draws")),
    "3": ("03_data_augmentation", ("", "_fits", "_draws")),
    "4": ("04_manual_network", ("", "_fits")),
    "5": ("05_interview", ("", "_production")),
}


@dataclass(frozen=True)
class Task:
    """One graded task. `test(answer, seed=0)` returns nothing, or raises `Wrong`/`NotAttempted`."""

    number: str
    chapter: str
    title: str
    level: str
    minutes: int
    points: int
    hints: tuple
    test: Callable

    @property
    def cell(self):
        """The nbgrader id of the answer's cell."""
        return f"task-{self.number.replace('.', '-')}"


@cache
def chapter(number):
    """All tasks of a chapter by number and in order, such as `chapter("1")["1.3"]`."""
    name, ends = CHAPTERS[number]
    texts = Path(__file__).with_name(f"{name[3:]}.toml").read_text(encoding="utf-8")
    tests = {}
    for end in ends:
        tests |= import_module(f"{__name__}.{name[3:]}{end}").TESTS
    tasks, texts = {}, tomllib.loads(texts)
    shared = texts.pop("says", {})
    for key, text in texts.items():
        choice = {name: text.pop(name) for name in ("options", "answer", "why") if name in text}
        says = shared | text.pop("says", {})
        test = choice_test(**choice) if choice else spoken(tests[key], says)
        hints = tuple(text.pop("hints"))
        tasks[key] = Task(number=key, chapter=name, hints=hints, test=test, **text)
    return tasks


def spoken(test, says):
    """`test`, saying the sentences of the keys that it raises, several with a space between."""

    def told(answer, seed=0):
        try:
            test(answer, seed)
        except Wrong as mistake:
            keys = mistake.sentence.split()
            said = " ".join(says[key] for key in keys) if says.keys() >= set(keys) else None
            raise Wrong(said or mistake.sentence, mistake.rows) from None

    return told


def find(number):
    """The task with this number, for example "1.3"."""
    if not isinstance(number, str):
        raise ValueError(f'number must be text, such as "1.1" or "1.10", got {number!r}')
    tasks = {key: task for one in CHAPTERS for key, task in chapter(one).items()}
    if number not in tasks:
        ranges = [f'"{next(iter(t))}" to "{next(reversed(t))}"' for t in map(chapter, CHAPTERS)]
        raise ValueError(f"number must be a task, {' or '.join(ranges)}, got {number!r}")
    return tasks[number]
