"""Interview questions in a notebook: committed first, judged, asked on, and reported."""

import json
import re
import subprocess
import sys
import time

import ipywidgets as widgets
import nbformat
import pytest
from nbclient import NotebookClient

from reglib.assess import ask, interview, mock
from reglib.assess.questions import KINDS, bank
from reglib.assess.questions import judge as judging
from reglib.assess.store import store
from reglib.assess.tidy import tidy

OF = {kind: [q for q in bank().values() if q.kind == kind] for kind in KINDS}


def parts(widget):
    """Every widget inside one, itself first."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def button(widget, name):
    """The button of this name, or None."""
    found = [part for part in parts(widget.page) if isinstance(part, widgets.Button)]
    return next((one for one in found if one.description == name), None)


def text(widget):
    """All words that the widget shows."""
    shown = [p.value for p in parts(widget) if isinstance(p, widgets.HTML | widgets.HTMLMath)]
    return "\n".join(shown)


def right(question):
    """A reply that is wholly right."""
    data = question.data
    if question.kind == "open":
        return data["model"]
    if question.kind == "fault":
        return " ".join(map(str, data["answer"]))
    return str(data["answer"])


def give(widget, question, reply=None):
    """Put a reply into the widget's field."""
    reply = right(question) if reply is None else reply
    widget.field.value = tuple(reply) if question.kind == "several" else reply


def finish_ticks(widget, letters):
    ticks = next(part for part in widget.page.children if isinstance(part, mock.Ticks))
    for letter in letters:
        ticks.boxes[letter].value = True
    button(widget, "Commit the ticks").click()


@pytest.mark.parametrize("question", bank().values(), ids=lambda question: question.id)
def test_every_question_can_be_asked_and_answered_rightly(question):
    widget = ask(question.id)
    assert widget.commit.disabled and not widget.status.value, "told before the commitment"
    assert question.follow_up["answer"] not in text(widget)
    give(widget, question)
    assert not widget.commit.disabled, f"{question.id}: a right answer cannot be committed"
    button(widget, "Commit").click()
    if question.kind == "open":
        assert "✓" not in widget.status.value
        return finish_ticks(widget, "a")
    assert "✓ Right" in widget.status.value, f"{question.id}: {widget.status.value}"
    assert button(widget, "Show the answer"), f"{question.id}: nothing is asked on"


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_final_and_remembered(kind):
    question = OF[kind][0]
    before = store().count(f"question {question.id}", "answer")
    widget = ask(question.id)
    give(widget, question)
    widget.commit.click()
    page = widget.page.children
    widget.commit.click()
    assert widget.page.children == page, f"{kind}: a second click changes the page"
    if kind == "open":
        finish_ticks(widget, "")
    fields = list(getattr(widget.field, "boxes", {"": widget.field}).values())
    assert all(field.disabled for field in fields), f"{kind}: the answer can still be changed"
    assert store().count(f"question {question.id}", "answer") == before + 1
    again = ask(question.id)
    assert "last time: " + ("0%" if kind == "open" else "100%") in text(again)
    assert again.commit.disabled and not again.told, f"{kind}: not fresh when it is asked again"


def test_a_wrong_choice_is_explained_with_the_right_one_and_nothing_is_asked_on():
    question = OF["choice"][0]
    letter = next(iter(question.data["why"]))
    widget = ask(question.id)
    give(widget, question, letter)
    button(widget, "Commit").click()
    told = widget.status.value
    assert "✗ Not right" in told and f"The right answer: {question.data['answer']})" in told
    assert question.data["why"][letter][:20] in re.sub("<[^>]+>", "", told).replace("&lt;", "<")
    assert button(widget, "Show the answer") is None


def test_the_follow_up_shows_its_answer_on_demand_alone():
    question = OF["choice"][0]
    widget = ask(question.id)
    give(widget, question)
    button(widget, "Commit").click()
    answer = mock.rich(question.follow_up["answer"])
    assert mock.rich(question.follow_up["question"]) in text(widget)
    assert answer not in text(widget)
    button(widget, "Show the answer").click()
    assert answer in text(widget)


def test_a_hint_tells_no_answer_and_what_is_no_answer_reveals_nothing():
    question = OF["number"][0]
    widget = ask(question.id)
    button(widget, "Hint").click()
    assert "Hint" in widget.status.value and "right answer" not in widget.status.value
    for reply in ("", "many"):
        give(widget, question, reply)
        widget.commit.click()
        assert not widget.told and not widget.talk.results, f"{reply!r} counted as an answer"
    assert "No answer yet" in widget.status.value


def test_an_open_answer_of_few_words_does_not_open_the_model_answer():
    question = OF["open"][0]
    widget = ask(question.id)
    give(widget, question, "It helps.")
    widget.commit.click()
    assert question.data["model"][:40] not in text(widget) and not widget.told
    give(widget, question)
    widget.commit.click()
    assert mock.rich(question.data["model"])[:40] in text(widget)
    assert not widget.talk.results, "counted before the points were ticked"
    assert widget.field.disabled, "the text can be changed beside the model answer"
    points = "abcdefgh"[: len(question.data["rubric"])]
    finish_ticks(widget, points)
    assert widget.talk.results[0].score == 1, "the model answer does not make its own points"


def test_code_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(judging, "SECONDS", 0.2)
    question = OF["code"][0]
    stub = question.data["stub"].strip()
    widget = ask(question.id)
    give(widget, question, f"{stub}\n    while True:\n        pass")
    widget.commit.click()
    assert "Does its loop ever end?" in widget.status.value
    assert widget.talk.results[0].score == 0


def test_a_curve_is_drawn_and_described():
    for question in OF["curve"]:
        shown = text(ask(question.id))
        alt = re.search(r'src="data:image/png;base64,[^"]{500,}" alt="([^"]+)"', shown)
        assert alt, f"{question.id} shows no picture, or one without words"
        for letter in question.data["describe"]:
            assert f"{letter}) " in alt[1], f"{question.id}: panel {letter} is not described"


def test_a_mock_interview_goes_from_the_form_to_the_report():
    widget = interview(length=5, level="Easy", topics=["noise", "penalties"], seed=3)
    before = len(store().latest("interview"))
    button(widget, "Start").click()
    questions = widget.talk.questions
    assert len(questions) == 5 and {q.level for q in questions} == {"Easy"}
    assert {q.topic for q in questions} == {"noise", "penalties"}
    for number, question in enumerate(questions, 1):
        assert f"Question {number} of 5" in text(widget)
        button(widget, "Skip" if number == 1 else "Hint").click()
        if number > 1:
            give(widget, question)
            widget.commit.click()
            if question.kind == "open":
                finish_ticks(widget, "abcdefgh"[: len(question.data["rubric"])])
        button(widget, "To the report" if number == 5 else "Next question").click()
    assert "80% of 5 questions" in widget.status.value
    assert 'alt="Score by topic: ' in widget.status.value
    assert len(store().latest("interview")) == before + 1, "the report was not kept"
    kept = json.loads(list(store().latest("interview").values())[-1])
    assert (kept["score"], kept["questions"]) == (0.8, 5) and kept["level"] == {"Easy": [0.8, 5]}


def test_an_interview_may_end_early_and_reports_what_was_answered():
    widget = interview(length=4, seed=0)
    button(widget, "Start").click()
    button(widget, "Skip").click()
    button(widget, "Next question").click()
    button(widget, "End here").click()
    assert "0% of 1 question," in widget.status.value


def test_the_clock_runs_from_start_to_end_and_then_stops():
    widget = ask(OF["choice"][0].id, minutes=2)
    assert not widget.clock.value, "the clock ran before Start"
    button(widget, "Start").click()
    end = time.monotonic() + 60
    while not widget.clock.value and time.monotonic() < end:
        time.sleep(0.01)
    assert re.search(r"Time used 0:\d\d, left [12]:\d\d", widget.clock.value)
    button(widget, "Skip").click()
    assert widget.over.is_set(), "the clock goes on after the last answer"


@pytest.mark.parametrize("seed", ["abc", "-1", "1.5"])
def test_the_form_says_what_it_does_not_take(seed):
    widget = interview()
    seed_field = next(p for p in parts(widget.page) if getattr(p, "description", "") == "Seed")
    seed_field.value = seed
    button(widget, "Start").click()
    assert "seed must be a whole number" in widget.status.value and seed in widget.status.value
    assert not hasattr(widget, "talk")


def test_bad_questions_and_minutes_are_refused():
    with pytest.raises(ValueError, match="got 'no-such-question'"):
        ask(["no-such-question"])
    with pytest.raises(ValueError, match="ids must"):
        ask([])
    with pytest.raises(ValueError, match="minutes must be above 0 or None, got 0"):
        ask(OF["choice"][0].id, minutes=0)


def test_every_button_and_field_has_a_name():
    for kind in KINDS:
        for part in parts(ask(OF[kind][0].id).page):
            if isinstance(part, widgets.Button | widgets.Text | widgets.Textarea):
                assert part.description, f"{kind}: a {type(part).__name__} without a name"
            assert not isinstance(part, widgets.Output), "an Output widget never passes nbval"


def test_what_is_stored_stays_the_same_and_tells_no_answer():
    for kind in KINDS:
        question = OF[kind][0]
        bundles = []
        for _ in range(2):
            widget = ask(question.id)
            bundles.append(widget._repr_mimebundle_())
            button(widget, "Skip").click()
            bundles.append(widget._repr_mimebundle_())
        for form in ("text/plain", "text/html"):
            stored = {bundle[form] for bundle in bundles}
            assert len(stored) == 1, f"{kind}: {form} changes with the answers"
            assert mock.rich(question.explanation) not in stored.pop(), f"{kind} tells the answer"


def test_a_notebook_with_questions_passes_strict_nbval(tmp_path):
    sources = ["from reglib.assess import ask, interview", "interview(seed=1)"]
    sources += [f"ask({OF[kind][0].id!r})" for kind in KINDS]
    sources += [f"ask({[q.id for q in OF['fault'][:3]]!r}, minutes=10)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(notebook, timeout=300).execute()
    nbformat.write(tidy(notebook), tmp_path / "questions.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert run.returncode == 0 and f"{len(sources)} passed" in run.stdout, run.stdout[-3000:]
