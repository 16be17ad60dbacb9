"""The interview questions: one TOML file for each topic, one table for each question.

Every question has `kind`, `level`, `minutes`, `covers` (items of the course map), `question`,
`hint`, `explanation`, `follow_up` (a question and its answer), and a `source` (author, year,
title) or the `section` that shows it (notebook, heading). The rest depends on its kind, and stands
in `data`:

- choice: `options`, `answer` (a letter), `why` (for each wrong letter)
- several: `options`, `answer` (letters), `why` (for each letter)
- number: `answer`, `tolerance` (absolute), `unit`, `traps` (wrong values, and why)
- order: `items`, `answer` (their letters in order), `why` (for each two neighbours of the answer)
- curve: `x`, `xlabel`, `ylabel`, `curves` (expressions of x for each letter), `lines` (their
  names), `ylim`, `describe` (for each letter), `answer`, `why`
- fault: `code`, `answer` (line numbers), `fix` (the line put right), `why` (of some lines), `sound`
- code: `stub`, `answer`, `also_right`, `wrong` (source, and why), and `cases` (an expression of
  `rng`; `outputs` names several results) or `check` (the source of `check(answer, rng)`, which
  raises `Wrong`)
- open: `model`, `rubric` (of each point: `step`, `point`, `words`, one of which its text contains)
"""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from reglib.assess.says import say


def _read(name):
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


WORDS = _read("words")
TOPICS, KINDS = WORDS["topics"], tuple(WORDS["prompts"])
LEVELS = ("Easy", "Medium", "Hard")


@dataclass(frozen=True)
class Question:
    """One question of the bank; `data` holds what its kind needs."""

    id: str
    topic: str
    kind: str
    level: str
    minutes: int
    covers: tuple
    question: str
    hint: str
    explanation: str
    follow_up: dict
    data: dict
    source: str = ""
    section: tuple = ()


SHARED = {field.name for field in fields(Question)} - {"id", "topic", "data"}


@cache
def bank():
    """All questions by id, topic after topic."""
    found = {}
    for topic in TOPICS:
        for name, table in _read(topic).items():
            shared = {key: table.pop(key) for key in SHARED & table.keys()}
            shared |= {key: tuple(shared[key]) for key in ("covers", "section") if key in shared}
            found[name] = Question(name, topic, data=table, **shared)
    return found


def find(name):
    """The question with this id; ValueError says which are near to it."""
    if name not in bank():
        from difflib import get_close_matches

        near = get_close_matches(str(name), bank(), 3) or list(bank())[:3]
        raise ValueError(say("no_question", near=", ".join(near), name=name))
    return bank()[name]
