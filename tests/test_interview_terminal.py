"""`reglib interview`: the same interview through a pipe, from its start to its report."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reglib import cli
from reglib.assess import terminal
from reglib.assess.questions import KINDS, bank
from reglib.assess.session import draw
from reglib.assess.store import store

ROOT = Path(__file__).resolve().parents[1]
RIGHT = r"✓ Right|\b(\d) of \1 points"  # an open answer is not called right


def lines_for(question, ticks="abcdefgh"):
    """What a candidate types who knows the answer, the follow-up's Enter included."""
    data = question.data
    if question.kind == "code":
        return [*data["answer"].strip().split("\n"), ".", ""]
    if question.kind == "open":
        points = ticks[: len(data["rubric"])]
        return [*data["model"].strip().split("\n"), ".", points, ""]
    if question.kind == "fault":
        return [" ".join(map(str, data["answer"])), ""]
    return [str(data["answer"]), ""]


def hold(monkeypatch, capsys, questions, typed):
    """What the interview prints for these questions and lines."""
    lines = iter(typed)

    def read(prompt=""):
        print(prompt, end="")
        line = next(lines, None)
        if line is None or line is KeyboardInterrupt:
            raise line or EOFError
        return line

    monkeypatch.setattr("builtins.input", read)
    monkeypatch.setattr(terminal, "draw", lambda *_: questions)
    terminal.run(len(questions))
    return capsys.readouterr().out


def test_a_scripted_interview_runs_from_start_to_report_through_a_pipe(tmp_path):
    questions = draw(12, seed=4)
    assert len({q.kind for q in questions}) >= 5, "too few kinds to show anything"
    typed = "\n".join(line for question in questions for line in lines_for(question))
    command = [sys.executable, "-m", "reglib.cli", "interview", "--length", "12", "--seed", "4"]
    run = subprocess.run(
        command, input=typed + "\n", capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert run.returncode == 0 and not run.stderr, run.stderr
    assert len(re.findall(RIGHT, run.stdout)) == 12, run.stdout[-3000:]
    report = run.stdout[run.stdout.rindex("100% of 12 questions") :]
    assert re.search(r"^topic +score +questions$", report, re.M), report
    assert re.search(r"^level +score +questions$", report, re.M), report
    assert "Back on " in report and "Study" not in report


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_asked_hinted_and_answered(kind, monkeypatch, capsys):
    question = next(q for q in bank().values() if q.kind == kind)
    said = hold(monkeypatch, capsys, [question], ["?", *lines_for(question)])
    flat = " ".join(said.split())
    assert " ".join(question.hint.split()) in flat
    assert re.search(RIGHT, flat).start() < flat.index(
        " ".join(question.follow_up["question"].split())
    )
    assert " ".join(question.follow_up["answer"].split()) in flat
    assert "100% of 1 question," in said


def test_a_skipped_question_is_told_and_counts_nothing(monkeypatch, capsys):
    question = next(q for q in bank().values() if q.kind == "choice")
    said = hold(monkeypatch, capsys, [question], ["!"])
    assert f"The right answer: {question.data['answer']})" in said
    assert "0% of 1 question," in said and "Study, the weakest first" in said
    assert "And next?" not in said


def test_what_is_no_answer_is_asked_again(monkeypatch, capsys):
    question = next(q for q in bank().values() if q.kind == "number")
    before = store().count(f"question {question.id}", "answer")
    said = hold(monkeypatch, capsys, [question], ["", "much", *lines_for(question)])
    assert said.count("Answer with a number") == 2
    assert store().count(f"question {question.id}", "answer") == before + 1


def test_an_open_answer_sees_the_model_answer_after_its_own(monkeypatch, capsys):
    question = next(q for q in bank().values() if q.kind == "open")
    short = ["Too short.", "."]
    said = hold(monkeypatch, capsys, [question], [*short, *lines_for(question, ticks="")])
    assert said.index("Answer in sentences") < said.index("One good answer")
    assert "0% of 1 question," in said


@pytest.mark.parametrize("end", [None, KeyboardInterrupt])
def test_an_end_in_the_middle_still_reports(end, monkeypatch, capsys):
    questions = draw(4, seed=0)
    said = hold(monkeypatch, capsys, questions, ["!", end])
    assert "The interview ends here." in said and "0% of 1 question," in said


def test_an_interview_without_an_answer_says_so_and_keeps_nothing(monkeypatch, capsys):
    before = len(store().latest("interview"))
    assert "No question was answered" in hold(monkeypatch, capsys, draw(2, seed=0), [])
    assert len(store().latest("interview")) == before


def test_curves_are_drawn_to_a_file_and_told_in_words(monkeypatch, capsys):
    question = next(q for q in bank().values() if q.kind == "curve")
    said = hold(monkeypatch, capsys, [question], lines_for(question))
    path = Path(re.search(r"drawn in (\S+\.png)\.", said)[1])
    assert path.read_bytes().startswith(b"\x89PNG"), path
    for words in question.data["describe"].values():
        assert " ".join(words.split()) in " ".join(said.split())


def test_code_is_never_broken_over_lines(capsys):
    for question in bank().values():
        if question.kind in ("fault", "code"):
            source = terminal.show.code(question)
            terminal._say(source)
            kept = capsys.readouterr().out.rstrip("\n").split("\n")
            short = [line for line in source.split("\n") if len(line) <= 88]
            assert set(short) <= set(kept), f"{question.id}: its code was wrapped"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--level", "Huge"), "level must be Easy, Medium, Hard or None, got 'Huge'"),
        (("--topic", "cats"), "topics must be some of foundations"),
        (("--length", "0"), "length must be a whole number from 1"),
        (("--seed", "-1"), "seed must be a whole number"),
    ],
)
def test_options_that_are_not_allowed_are_named(option, message, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(["interview", *option]) == 1
    assert message in capsys.readouterr().err


def test_the_options_reach_the_draw(monkeypatch):
    monkeypatch.chdir(ROOT)
    seen = []
    monkeypatch.setattr(terminal, "run", lambda *given: seen.append(given))
    chosen = "--length 3 --level Hard --topic noise --topic penalties --seed 5".split()
    assert cli.main(["interview", *chosen]) == 0 and cli.main(["interview"]) == 0
    assert seen == [(3, "Hard", ["noise", "penalties"], 5), (10, None, None, None)]
