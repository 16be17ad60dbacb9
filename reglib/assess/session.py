"""A mock interview: which questions come, how each answer is scored, and when it comes back."""

import datetime
import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from reglib.assess.questions import LEVELS, TOPICS, Question, bank
from reglib.assess.questions.judge import Verdict, judge
from reglib.assess.says import say
from reglib.assess.store import store as current_store


@dataclass(frozen=True)
class Result:
    """What became of one question: the score from 0 to 1, the seconds, and the reply."""

    question: Question
    score: float
    seconds: float
    reply: str


def draw(length=10, level=None, topics=None, seed=None):
    """Draw the questions of an interview: balanced over topics, levels and kinds, none twice.

    Questions whose review is due, and topics that went badly, come sooner; what was answered and
    is not yet due comes last. With a seed the history is left out: the same seed draws the same.

    Parameters
    ----------
    length : int
        How many questions, at most as many as there are.
    level : str, optional
        "Easy", "Medium" or "Hard"; all three by default.
    topics : list of str, optional
        Names of `TOPICS`; all by default.
    seed : int, optional
        Of the draw.

    Raises
    ------
    ValueError
        For a length, level, topic or seed that is not allowed.
    """
    topics = list(TOPICS) if topics is None else list(topics)
    if not topics or not set(topics) <= set(TOPICS):
        raise ValueError(f"topics must be some of {', '.join(TOPICS)}, got {topics}")
    if level not in (None, *LEVELS):
        raise ValueError(f"level must be {', '.join(LEVELS)} or None, got {level!r}")
    if seed is not None and not (isinstance(seed, int) and seed >= 0):
        raise ValueError(f"seed must be a whole number, 0 or more, or None, got {seed!r}")
    left = [q for q in bank().values() if q.topic in topics and level in (None, q.level)]
    if not (isinstance(length, int) and 1 <= length <= len(left)):
        raise ValueError(say("no_length", most=len(left), length=length))
    standing, weight = ({}, {}) if seed is not None else history()
    rng, chosen, had = np.random.default_rng(seed), [], Counter()
    luck = dict(zip([q.id for q in left], rng.random(len(left)), strict=True))

    def rank(question):
        stands = standing.get(question.id, "new")
        share = (had[question.topic] + 1) / weight.get(question.topic, 1)
        balance = share, had[question.level], had[question.kind]
        return stands == "later", *balance, stands == "new", luck[question.id]

    while len(chosen) < length:
        question = min(left, key=rank)
        left.remove(question)
        chosen.append(question)
        had.update((question.topic, question.level, question.kind))
    return sorted(chosen, key=lambda question: LEVELS.index(question.level))


def history():
    """Say which questions are "due" or come "later", and how often each topic is wanted.

    A topic's weight is 1, and up to 2 where all its questions went wrong when last asked.
    """
    now, standing, lost = datetime.datetime.now(datetime.UTC), {}, {}
    for name, (score, card) in remembered().items():
        standing[name] = "due" if card.due <= now else "later"
        lost.setdefault(bank()[name].topic, []).append(1 - score)
    return standing, {topic: 1 + float(np.mean(losses)) for topic, losses in lost.items()}


def remembered(store=None):
    """The last score and the review card of each question of the bank that was answered."""
    from fsrs import Card

    found = {}
    for task, detail in (store or current_store()).latest("answer").items():
        name = task.removeprefix("question ")
        with suppress(KeyError, TypeError, ValueError):  # written by another version
            last = json.loads(detail)
            score, card = float(last["score"]), Card.from_dict(last["card"])
            if 0 <= score <= 1 and card.due.tzinfo and name in bank():
                found[name] = score, card
    return found


class Interview:
    """Questions one after another: a clock, one committed answer each, and what was learnt.

    Parameters
    ----------
    questions : list of Question
        As `draw` gives them.
    minutes : float, optional
        Allowed in all; by default the sum of the questions' own.
    clock : callable
        Returns seconds.
    store : Store, optional
        Where each answer is remembered; the learner's own by default.
    """

    def __init__(self, questions, minutes=None, clock=time.monotonic, store=None):
        self.questions, self.clock = list(questions), clock
        self.minutes = sum(q.minutes for q in self.questions) if minutes is None else minutes
        self.store, self.position, self.results = store or current_store(), 0, []
        self.asked = None

    @property
    def current(self):
        """The question that is asked now, or None at the end."""
        return self.questions[self.position] if self.position < len(self.questions) else None

    def begin(self):
        """Start the clock."""
        self.asked = self.clock()

    def seconds(self):
        """Seconds spent on the questions; to read a verdict takes none."""
        done = sum(result.seconds for result in self.results)
        runs = self.asked is not None and self.current and len(self.results) == self.position
        return done + (self.clock() - self.asked if runs else 0.0)

    def allowed(self):
        """Seconds allowed in all."""
        return 60 * self.minutes

    def answer(self, reply, ticks=""):
        """Commit to a reply and return its verdict; a second one raises ValueError."""
        self._open_question()
        verdict = judge(self.current, reply, ticks)
        self._remember(verdict.score, reply)
        return verdict

    def skip(self):
        """Give no answer: it counts nothing, and the right one is told."""
        self._open_question()
        self._remember(0.0, "")
        return Verdict(0.0, (self.current.explanation,), said="– Skipped: it counts nothing")

    def follow_up(self):
        """What is asked next where the answer was right, with its answer, or None."""
        right = len(self.results) > self.position and self.results[-1].score == 1
        return self.current.follow_up if right else None

    def next(self):
        """Go on to the next question and return it, or None after the last."""
        self.position += 1
        self.asked = self.clock()
        return self.current

    def _open_question(self):
        if self.current is None or len(self.results) > self.position:
            raise ValueError("reply must come once for each question: this one is answered")
        if self.asked is None:
            self.begin()

    def _remember(self, score, reply):
        from fsrs import Card, Rating, Scheduler

        question, seconds = self.current, self.clock() - self.asked
        self.results.append(Result(question, score, seconds, reply))
        quick = seconds <= 30 * question.minutes  # half of the time that is allowed
        rating = 1 + (score >= 0.5) + (score == 1) + (score == 1 and quick)
        _, card = remembered(self.store).get(question.id, (0, Card(card_id=0)))
        # Steps of minutes are for flash cards; an interview comes back on another day.
        scheduler = Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
        card, _ = scheduler.review_card(card, Rating(rating))
        kept = {"score": score, "seconds": round(seconds, 1), "card": card.to_dict()}
        self.store.add(f"question {question.id}", "answer", json.dumps(kept))
