"""The report of an interview: right shares, working links, what comes back, and its history."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from reglib.assess import report
from reglib.assess.questions import TOPICS, bank
from reglib.assess.report import Report, clock, link, place
from reglib.assess.session import Interview
from reglib.assess.store import Store

ROOT = Path(__file__).resolve().parents[1]
CHOICES = [q for q in bank().values() if q.kind == "choice"]


class Hands:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def held(tmp_path, questions, right, seconds=90.0):
    """An interview in which the first `right` of these choices were answered rightly."""
    hands = Hands()
    talk = Interview(questions, clock=hands, store=Store(tmp_path / "progress.sqlite"))
    talk.begin()
    for number, question in enumerate(questions):
        hands.now += seconds
        wrong = next(iter(question.data["why"]))
        talk.answer(question.data["answer"] if number < right else wrong)
        talk.next()
    return talk


def test_shares_are_those_of_the_answers(tmp_path):
    easy = [q for q in CHOICES if q.level == "Easy"][:2]
    hard = [q for q in CHOICES if q.level == "Hard"][:2]
    made = Report(held(tmp_path, [*easy, *hard], right=3))
    assert made.groups["level"] == {"Easy": (1.0, 2), "Hard": (0.5, 2)}
    topics = {}
    for number, question in enumerate([*easy, *hard]):
        topics.setdefault(TOPICS[question.topic], []).append(float(number < 3))
    expected = {name: (round(np.mean(found), 3), len(found)) for name, found in topics.items()}
    assert made.groups["topic"] == expected
    allowed = clock(60 * sum(q.minutes for q in [*easy, *hard]))
    assert made.heading == f"75% of 4 questions, in 6:00 of {allowed}"


def test_the_weakest_sections_are_named_once_the_worst_first(tmp_path):
    questions = [q for q in CHOICES if q.section][:8]
    made = Report(held(tmp_path, questions, right=2))
    named = [place(result.question) for result in made.study]
    wanted = {place(question) for question in questions[2:]}
    assert set(named) <= wanted and len(named) == min(len(wanted), report.WEAKEST)
    assert len(set(named)) == len(named)
    talk = held(tmp_path, questions, right=8)
    scores = [0.9, 0.2, 0.5, 0.1, 1, 1, 1, 1]
    pairs = zip(talk.results, scores, strict=True)
    talk.results = [replace(result, score=score) for result, score in pairs]
    found = [result.score for result in Report(talk).study]
    assert found == sorted(found) and found[0] == 0.1, found
    perfect = Report(held(tmp_path, questions, right=8))
    assert not perfect.study and "Study" not in repr(perfect) + perfect._repr_html_()


def test_every_place_is_a_heading_as_jupyterlab_names_it():
    anchors = {}
    for question in bank().values():
        if not question.section:
            assert place(question) == question.source
            continue
        path, _, anchor = place(question).partition("#")
        if not (ROOT / path).exists():
            continue  # tests/test_questions.py says when a notebook is missing
        if path not in anchors:
            cells = nbformat.read(ROOT / path, 4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
            headings = re.findall(r"^#+ (.+?)\s*$", text, re.M)
            anchors[path] = {heading.replace("`", "").replace(" ", "-") for heading in headings}
        assert anchor in anchors[path], f"{question.id}: {path} has no heading #{anchor}"
    assert len(anchors) >= 4


@pytest.mark.parametrize("folder", [".", "notebooks", "tests"])
def test_a_link_leads_from_any_folder_to_the_notebook(folder, monkeypatch):
    monkeypatch.chdir(ROOT / folder)
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    question = next(q for q in bank().values() if q.section and q.section[0].startswith("01"))
    made = link(question)
    near = re.search(r'href="([^"#]+)#', made)[1]
    assert Path(near).resolve() == ROOT / "notebooks" / "01_norm_penalties.ipynb"
    assert "commandlinker" not in made
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"{ROOT / 'reglib'}:elsewhere")
    args = re.search(r'data-commandlinker-args="([^"]+)"', link(question))[1]
    args = json.loads(args.replace("&quot;", '"'))
    assert f"{args['path']}{args['id']}" == place(question)


def test_the_picture_shows_each_share_and_says_it_in_words(tmp_path):
    made = Report(held(tmp_path, CHOICES[:6], right=3))
    html = made._repr_html_()
    png, alt = re.search(r'base64,([^"]+)" alt="([^"]+)"', html).groups()
    for means in made.groups.values():
        for name, (mean, n) in means.items():
            assert f"{name} {mean:.0%} of {n}" in alt
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)
    blue = np.abs(pixels - [0x00, 0x72, 0xB2]).max(axis=2) < 8
    assert blue.any(), "no bar in the house's blue"
    none = Report(held(tmp_path, CHOICES[:6], right=0)).picture()[0]
    pixels = np.asarray(Image.open(io.BytesIO(none)).convert("RGB")).astype(int)
    assert not (np.abs(pixels - [0x00, 0x72, 0xB2]).max(axis=2) < 8).any(), "a bar for nothing"


def test_what_went_wrong_comes_back_no_later_than_what_went_well(tmp_path):
    talk = held(tmp_path, CHOICES[:2], right=1, seconds=1.0)
    days = {asked: day for day, several in Report(talk).days for asked in several.split(" · ")}
    right, wrong = (report.first_words(question) for question in CHOICES[:2])
    assert set(days) == {right, wrong} and days[wrong] < days[right]
    for day, asked in Report(talk).days:
        assert f"Back on {day}: {asked}" in repr(Report(talk))


def test_an_interview_is_kept_once_and_told_by_the_next(tmp_path):
    first = Report(held(tmp_path, CHOICES[:4], right=1))
    assert first.history == ""
    second = Report(held(tmp_path, CHOICES[:4], right=2))
    assert re.fullmatch(r"Earlier interviews: \d{4}-\d\d-\d\d 25% of 4\.", second.history)
    third = Report(held(tmp_path, CHOICES[:2], right=2), keep=False)
    assert re.search(r" 25% of 4, \S+ 50% of 4\.$", third.history), third.history
    assert third.history in repr(third) and third.history in third._repr_html_()
    kept = Store(tmp_path / "progress.sqlite").latest("interview")
    assert [json.loads(detail)["score"] for detail in kept.values()] == [0.25, 0.5]


def test_a_report_without_answers_is_one_line(tmp_path):
    talk = Interview(CHOICES[:2], store=Store(tmp_path / "progress.sqlite"))
    made = Report(talk)
    assert repr(made) == "No question was answered" and "img" not in made._repr_html_()
    assert not talk.store.latest("interview")


def test_the_first_words_of_no_question_end_inside_a_formula_or_code():
    for name, question in bank().items():
        said = report.first_words(question)
        cut = [mark for mark in "$`" if said.count(mark) % 2]
        assert not cut, f"{name}: {said!r} leaves {cut} open, which would set the next text"
        assert len(said) <= 62, f"{name}: {said!r} is longer than a line of the report"
