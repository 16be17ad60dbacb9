"""The mock interview in a terminal, or through a pipe: the same questions, judged the same."""

import tempfile
import textwrap
from pathlib import Path

from reglib.assess.guard import NotAttempted
from reglib.assess.questions import TOPICS, WORDS, show
from reglib.assess.questions.judge import in_time, judge, key, points_of
from reglib.assess.report import Report, clock, place, verdict_card
from reglib.assess.says import say
from reglib.assess.session import Interview, draw


def run(length=10, level=None, topics=None, seed=None):
    """Hold an interview with `print` and `input`; the end of the input ends it with its report.

    Parameters
    ----------
    length, level, topics, seed
        As `reglib.assess.session.draw` takes them.
    """
    talk = Interview(draw(length, level, topics, seed))
    _say(say("begin", length=length, minutes=talk.minutes))
    talk.begin()
    try:
        while talk.current:
            _ask(talk)
            talk.next()
    except (EOFError, KeyboardInterrupt):
        print("\nThe interview ends here.")
    print(f"\n{Report(talk)}")


def _ask(talk):
    question = talk.current
    head = f"{talk.position + 1} of {len(talk.questions)}"
    used = f"used {clock(talk.seconds())} of {clock(talk.allowed())}"
    print(f"\n--- {head}, {question.level}, {question.minutes} min ({used})\n")
    _say(question.question, *[f"\n{show.code(question)}\n"] * bool(show.code(question)))
    if png := show.picture(question):
        path = Path(tempfile.mkdtemp(prefix="reglib-"), f"{question.id}.png")
        path.write_bytes(png)
        print(f"The panels are drawn in {path}. In words:")
    _listed(show.options(question))
    verdict = None
    while verdict is None:
        try:
            verdict = _verdict(talk, _read(question.kind))
        except NotAttempted as reason:
            _say(str(reason))
    _say(f"\n{verdict_card(question, verdict)!r}\n{TOPICS[question.topic]}: see {place(question)}")
    if follow_up := talk.follow_up():
        _say(f"\nAnd next? {follow_up['question']}")
        input("Say it aloud, then press Enter: ")
        _say(follow_up["answer"])


def _read(kind):
    lines = [input(f"\n{WORDS['prompts'][kind]}: ")]
    if kind in ("code", "open") and lines[0].strip() not in ("?", "!"):
        while lines[-1].strip() != ".":
            lines.append(input())
        lines.pop()
    return "\n".join(lines)


def _verdict(talk, reply):
    question = talk.current
    if reply.strip() == "?":
        raise NotAttempted(question.hint)
    if reply.strip() == "!":
        return talk.skip()
    if question.kind != "open":
        return in_time(lambda: talk.answer(reply))
    judge(question, reply)  # no model answer for a text that is none
    _say(f"\nOne good answer:\n{key(question)}\n\nThe points of this one:")
    points = points_of(question.data)
    _listed({letter: point["point"] for letter, point in points.items()})
    said = input("\nWhich does your own text really make? Letters, or Enter for none: ")
    return talk.answer(reply, "".join(letter for letter in said.lower() if letter in points))


def _listed(options):
    for letter, text in options.items():
        _say(f"  {letter}) {text}")


def _say(*texts):
    for line in "\n".join(texts).split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        whole = {"break_on_hyphens": False, "break_long_words": False}
        # Code is shown as it is.
        print(line if indent[3:] else textwrap.fill(line, 88, subsequent_indent=indent, **whole))
