"""The mock interview: its draw is balanced, its answers are kept, what went badly comes sooner."""

import datetime
import json
from collections import Counter

import numpy as np
import pytest
from fsrs import Card

from reglib.assess import session
from reglib.assess.guard import NotAttempted
from reglib.assess.questions import KINDS, LEVELS, TOPICS, bank
from reglib.assess.session import Interview, draw, history
from reglib.assess.store import Store

CHOICES = [question for question in bank().values() if question.kind == "choice"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = Store(tmp_path / "progress.sqlite")
    monkeypatch.setattr(session, "current_store", lambda: store)
    return store


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def put(store, question, score, due):
    """Let the store remember an answer whose review is due in so many days."""
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=due)
    kept = {"score": score, "seconds": 1.0, "card": Card(card_id=0, due=at).to_dict()}
    store.add(f"question {question.id}", "answer", json.dumps(kept))


def test_a_draw_is_balanced_and_repeats_nothing(store):
    for seed in range(20):
        drawn = draw(14, seed=seed)
        assert len({question.id for question in drawn}) == 14
        counts = Counter(question.topic for question in drawn)
        assert set(counts) == set(TOPICS) and max(counts.values()) == 2
        levels = Counter(question.level for question in drawn)
        assert min(levels[level] for level in LEVELS) >= 3, levels
        assert len({question.kind for question in drawn}) >= 5
        order = [LEVELS.index(question.level) for question in drawn]
        assert order == sorted(order)


def test_topics_and_level_are_those_asked_for(store):
    drawn = draw(6, level="Medium", topics=["noise", "network"], seed=3)
    assert {question.topic for question in drawn} == {"noise", "network"}
    assert {question.level for question in drawn} == {"Medium"}


def test_a_seed_draws_the_same_whatever_was_answered(store):
    first = draw(10, seed=5)
    for question in first:
        put(store, question, 1.0, due=30)
    assert draw(10, seed=5) == first and draw(10, seed=6) != first


def test_every_question_can_be_drawn(store):
    assert {question.id for question in draw(len(bank()))} == set(bank())
    seen = {question.kind for seed in range(30) for question in draw(5, seed=seed)}
    assert seen == set(KINDS)


def test_what_was_answered_and_is_not_due_comes_last(store):
    fresh = [question for question in bank().values() if question.topic == "noise"]
    for question in fresh[:-3]:
        put(store, question, 1.0, due=9)
    assert {q.id for q in draw(3, topics=["noise"])} == {q.id for q in fresh[-3:]}


def test_what_is_due_comes_before_what_is_new_of_its_kind(store):
    peers = [q for q in CHOICES if (q.topic, q.level) == (CHOICES[0].topic, CHOICES[0].level)]
    put(store, peers[-1], 0.0, due=-1)
    for _ in range(5):
        drawn = draw(1, level=peers[0].level, topics=[peers[0].topic])
        assert drawn == [peers[-1]]


def test_a_weak_topic_is_drawn_more_often(store):
    weak, strong = (q for q in (CHOICES[0], next(q for q in CHOICES if q.topic == "noise")))
    put(store, weak, 0.0, due=9)
    put(store, strong, 1.0, due=9)
    assert history()[1] == {weak.topic: 2.0, "noise": 1.0}
    counts = Counter(question.topic for question in draw(16))
    others = [counts[topic] for topic in TOPICS if topic != weak.topic]
    assert counts[weak.topic] > np.mean(others) + 1, counts


def test_a_wrong_answer_comes_back_sooner_than_a_right_one(store):
    due = {}
    for question, right in zip(CHOICES[:2], (True, False), strict=True):
        held = Interview([question], store=store)
        wrong = next(letter for letter in "abc" if letter != question.data["answer"])
        held.answer(question.data["answer"] if right else wrong)
        kept = json.loads(store.latest("answer")[f"question {question.id}"])
        due[right] = Card.from_dict(kept["card"]).due
        assert kept["score"] == right
    assert due[False] < due[True]


def test_an_answer_is_committed_once_and_kept(store):
    clock = Clock()
    held = Interview(CHOICES[:2], clock=clock, store=store)
    held.begin()
    clock.now = 12.0
    verdict = held.answer(CHOICES[0].data["answer"])
    assert verdict.score == 1 and held.results[0].seconds == 12
    assert held.follow_up() == CHOICES[0].follow_up
    with pytest.raises(ValueError, match="once"):
        held.answer("a")
    assert held.next() is CHOICES[1] and held.follow_up() is None
    clock.now = 20.0
    held.skip()
    assert [result.score for result in held.results] == [1, 0] and held.results[1].seconds == 8
    clock.now = 99.0  # to read a verdict takes no time
    assert held.next() is None and held.current is None and held.seconds() == 20
    with pytest.raises(ValueError, match="once"):
        held.skip()
    again = Interview(CHOICES[:1], store=Store(store.path))
    assert json.loads(again.store.latest("answer")[f"question {CHOICES[0].id}"])["seconds"] == 12


def test_no_answer_commits_to_nothing(store):
    held = Interview(CHOICES[:1], store=store)
    with pytest.raises(NotAttempted):
        held.answer("   ")
    assert not held.results and not store.latest("answer")
    held.answer(CHOICES[0].data["answer"])


def test_the_time_allowed_is_that_of_the_questions(store):
    held = Interview(CHOICES[:3], store=store)
    assert held.allowed() == 60 * sum(question.minutes for question in CHOICES[:3])
    assert Interview(CHOICES[:3], minutes=5, store=store).allowed() == 300
    assert held.seconds() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"length": 0}, "length must be"),
        ({"length": 10**6}, "length must be"),
        ({"length": 2.5}, "length must be"),
        ({"level": "hard"}, "level must be"),
        ({"topics": []}, "topics must be"),
        ({"topics": ["nosie"]}, "topics must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_wishes_name_what_is_allowed(store, arguments, said):
    with pytest.raises(ValueError, match=said):
        draw(**arguments)


@pytest.mark.parametrize("score", ["x", None, [1], float("nan"), 5])
def test_a_score_that_is_none_does_not_stop_the_draw(store, score):
    kept = {"score": score, "card": Card(card_id=0).to_dict()}
    store.add(f"question {CHOICES[0].id}", "answer", json.dumps(kept))
    assert history() == ({}, {}) and len(draw(5)) == 5


def test_a_review_without_a_time_zone_does_not_stop_the_draw(store):
    card = Card(card_id=0).to_dict() | {"due": "2026-01-01T00:00:00"}
    store.add(f"question {CHOICES[0].id}", "answer", json.dumps({"score": 1, "card": card}))
    assert history() == ({}, {})


def test_a_question_that_left_the_bank_and_a_broken_entry_do_no_harm(store):
    store.add("question no-longer-there", "answer", "{}")
    store.add(f"question {CHOICES[0].id}", "answer", "not json")
    assert len(draw(5)) == 5
