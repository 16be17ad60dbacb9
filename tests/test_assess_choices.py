"""Choices in the exercises, and predictions in the lessons: commit first, then read why."""

import json
import re

import pytest
from answers import fail, own_progress  # noqa: F401  own_progress is used by pytest

from reglib.assess import check, course, predict
from reglib.assess.guard import NotAttempted, Wrong
from reglib.assess.predictions import ALL
from reglib.assess.store import store


def test_choices_are_read_in_every_spelling_and_reveal_nothing_before_one_is_made():
    for given in ("c", " C ", "c)", ("c",), ["c"], {"C"}, "c."):
        check("1.9", lambda given=given: given)
    for given in (None, "", 3, "abc", "d", ("a", "b"), [None], ..., "yes"):
        card = fail("1.9", lambda given=given: given)
        assert card.kind == "not attempted", given
        assert "one of a, b, c" in card.sentences[0] and not card.rows
    for given in ("bfg", "bfgkm", "abfgk", "bfgz", "bfgkz", "bbbb"):
        assert fail("1.6", lambda given=given: given).kind == "not attempted", given


def test_a_choice_of_several_says_what_does_not_belong_or_that_something_is_missing():
    from reglib.assess.tasks.choice import choice_test

    test = choice_test(options=["abcd*"], answer="ac", why={"b": "B is wrong.", "d": "D is wrong."})
    for given in ("ac", "c, a", ["A", "C"], {"a", "c"}):
        test(lambda given=given: given)
    for given, sentence in (("ab", "B is wrong"), ("abcd", "D is wrong"), ("a", "still missing")):
        with pytest.raises(Wrong, match=sentence):
            test(lambda given=given: given)
    with pytest.raises(NotAttempted, match="one or more of a, b, c, d"):
        test(lambda: "e")


# Predictions in the lessons
def commit(widget, letter):
    widget.choice.value = letter
    widget.button.click()


def test_a_prediction_tells_nothing_before_it_is_committed():
    widget = predict("1.L1")
    assert widget.choice.value is None and widget.button.disabled and widget.reply.value == ""
    widget.button.click()
    assert widget.reply.value == "", "a click without a choice revealed something"
    assert not store().count("predict 1.L1", "prediction") and not widget.choice.disabled
    widget.choice.value = "a"
    assert widget.reply.value == "" and not widget.button.disabled


def test_a_committed_prediction_is_explained_remembered_and_final():
    entry = ALL["1.L1"]
    other = next(letter for letter in entry["options"] if letter != entry["answer"])
    widget = predict("1.L1")
    commit(widget, other)
    assert "Not what will happen" in widget.reply.value and entry["section"] in widget.reply.value
    assert widget.choice.disabled and widget.button.description == "Committed"
    commit(widget, entry["answer"])
    again = predict("1.L1")
    assert again.choice.value == other and again.reply.value == widget.reply.value


def test_a_right_prediction_is_told_so():
    widget = predict("1.L1")
    commit(widget, ALL["1.L1"]["answer"])
    assert "Right" in widget.reply.value


@pytest.mark.parametrize("number", ALL)
def test_a_prediction_reads_the_same_before_and_after_and_without_a_kernel(number):
    first = predict(number)
    commit(first, ALL[number]["answer"])
    for form in ("text/plain", "text/html"):
        stored = [w._repr_mimebundle_()[form] for w in (first, predict(number))]
        assert stored[0] == stored[1]
        for why in ALL[number]["why"].values():
            assert why not in stored[0]
    assert "widget-view" in "".join(first._repr_mimebundle_())


@pytest.mark.parametrize(("number", "entry"), ALL.items(), ids=ALL)
def test_every_prediction_follows_the_schema(number, entry):
    assert re.fullmatch(r"\d\.L\d+", number)
    assert set(entry) == {"notebook", "section", "question", "options", "answer", "why"}
    options = entry["options"]
    assert len(options) >= 2 and entry["answer"] in options
    assert set(entry["why"]) == set(options), "each option needs its explanation, and no other"
    assert len(set(options.values())) == len(options)
    assert entry["notebook"].startswith(f"0{number[0]}_")
    home = course.root() / "notebooks" / f"{entry['notebook']}.ipynb"
    if home.is_file():
        text = home.read_text(encoding="utf-8")
        assert json.dumps(entry["section"], ensure_ascii=False)[1:-1] in text, (
            f"{entry['notebook']} has no section {entry['section']!r}"
        )
        asked = json.dumps(f'predict("{number}")')[1:-1]
        assert asked in text, f"{entry['notebook']} never asks prediction {number}"


def test_an_unknown_prediction_is_refused():
    with pytest.raises(ValueError, match=r"number must be one of .*1\.L1.*'9\.L9'"):
        predict("9.L9")
