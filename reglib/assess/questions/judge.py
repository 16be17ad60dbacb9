"""Judging a reply to a question of the bank: how right it is, and why it is not."""

import ctypes
import itertools
import linecache
import re
import threading
from dataclasses import dataclass, replace

import numpy as np

from reglib.assess.compare import judged
from reglib.assess.guard import Answer, NotAttempted, Wrong, numpy_is_intact
from reglib.assess.says import say

SEED = 0  # of the inputs of code questions: the same reply gets the same verdict
WORDS_A_POINT = 8  # of an open answer, at least
SECONDS = 10  # for the judging of one reply
SERIAL = itertools.count(1)  # each source that is run keeps its own lines for error messages


@dataclass(frozen=True)
class Verdict:
    """A score from 0 to 1, sentences that say why, and rows of label and value."""

    score: float
    sentences: tuple
    rows: tuple = ()
    said: str = ""  # instead of the usual heading

    @property
    def heading(self):
        """The verdict in a word or two, the same whatever the colour."""
        usual = {0: "✗ Not right", 1: "✓ Right"}
        return self.said or usual.get(self.score, f"◐ Partly right: {self.score:.0%}")


def judge(question, reply, ticks=""):
    """Return the verdict on a reply.

    Parameters
    ----------
    question : Question
    reply : str
        Letters, a number, line numbers, source text or an open answer, as the kind asks.
    ticks : str
        For an open answer: the letters of the rubric's points that its writer finds in it.

    Raises
    ------
    NotAttempted
        When the reply is none that can be judged; it says what is expected.
    """
    verdict = JUDGES[question.kind](question.data, reply, *[ticks] * (question.kind == "open"))
    return replace(verdict, sentences=(*verdict.sentences, question.explanation))


class OutOfTime(BaseException):
    """Raised in code that never ends: no `except Exception` of its own holds it back."""

    def __str__(self):
        return f"it ran for more than {SECONDS} seconds. Does its loop ever end?"


def in_time(judging):
    """Return `judging()`, and stop in it code that never ends.

    No interrupt reaches the thread that serves a notebook's widgets, and a trace function is not
    called in a loop of one line: so another thread raises the exception in this one.
    """
    done, here = threading.Event(), ctypes.c_ulong(threading.get_ident())

    def stop():
        wait = SECONDS
        while not done.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(here, ctypes.py_object(OutOfTime))
            wait = 1

    threading.Thread(target=stop, daemon=True).start()
    try:
        return judging()
    except OutOfTime as late:  # it struck between two lines of the judge itself
        raise NotAttempted(f"The judging was stopped: {late}") from None
    finally:
        done.set()


def key(question):
    """The right answer as text."""
    data = question.data
    if question.kind in ("open", "code"):
        return data["model" if question.kind == "open" else "answer"].strip()
    if question.kind == "fault":
        return "\n".join(f"line {n}: {data['fix'][str(n)].strip()}" for n in data["answer"])
    if question.kind == "number":
        return f"{data['answer']:g} {data.get('unit', '')}".strip()
    options = data.get("options") or data.get("items") or data["describe"]
    return "\n".join(f"{letter}) {options[letter]}" for letter in data["answer"])


def _letters(reply, options):
    """The letters of a reply in its order, each once: "a, c", "ac" and "A C" are the same."""
    found = "".join(dict.fromkeys(re.sub(r"\band\b|[\s,;.>)(]+", "", reply.lower())))
    if not found or not set(found) <= set(options):
        raise NotAttempted(f"Answer with letters, each one of {', '.join(options)}.")
    return found


def _choice(data, reply):
    given = _letters(reply, data.get("options") or data["curves"])
    if len(given) > 1:
        raise NotAttempted("Answer with one letter.")
    right = given == data["answer"]
    return Verdict(float(right), () if right else (data["why"][given],))


def _shared(given, right):
    """The share of `right` that was found, less what was named besides."""
    return max(0, len(given & right) - len(given - right)) / len(right)


def _several(data, reply):
    given, right = set(_letters(reply, data["options"])), set(data["answer"])
    said = [f"{letter}) {data['why'][letter]}" for letter in sorted(given ^ right)]
    return Verdict(_shared(given, right), tuple(said))


def _number(data, reply):
    number = r"([-+]?(?:\d{1,3}(?:,\d{3})+|\d*)[.,]?\d*(?:e[-+]?\d+)?(?:/\d+)?%?) *[^\d*/^(+-]*"
    reply = re.sub("[−–]", "-", reply.lower()).replace(" %", "%").strip(" =\n")
    found = re.fullmatch(number, reply)
    text = re.sub(r",(?=\d{3}\b)(?<!\b0,)", "", found[1] if found else "").replace(",", ".")
    try:
        top, *under = [float(part) for part in text.removesuffix("%").split("/")]
        value = top / (under or [1])[0] / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        raise NotAttempted("Answer with a number, such as 0.75, 3/4, 75% or 1e-3.") from None
    tolerance = data["tolerance"] * (1 + 1e-9)
    if abs(value - data["answer"]) <= tolerance:
        return Verdict(1.0, ())
    near = [trap for trap in data["traps"] if abs(value - trap["value"]) <= tolerance]
    said = near[0]["why"] if near else "This is not the number, nor one of the usual wrong ones."
    return Verdict(0.0, (said,))


def _order(data, reply):
    given, right = _letters(reply, data["items"]), data["answer"]
    if len(given) < len(right):
        raise NotAttempted(f"Answer with all {len(right)} letters, the first one first.")
    said = [why for (one, two), why in data["why"].items() if given.index(one) > given.index(two)]
    pairs = list(itertools.combinations(right, 2))
    swapped = sum(given.index(one) > given.index(two) for one, two in pairs)
    return Verdict(max(0.0, 1 - 2 * swapped / len(pairs)), tuple(said))  # Kendall's tau


def _fault(data, reply):
    lines = data["code"].strip("\n").split("\n")
    text = re.sub(r"\b(lines?|and|l(?=\d))|[\s,;.&]+", " ", reply.lower()).split()
    right = set(data["answer"])
    given = {int(word) for word in text if word.isdecimal() and len(word) < 5}
    if len(given) < len(set(text)):  # an explanation may hold numbers that are no lines
        raise NotAttempted("Answer with the numbers of the lines alone, such as 3 or 3, 9.")
    if not given or not given <= {n for n, line in enumerate(lines, 1) if line.strip()}:
        raise NotAttempted(f"Answer with numbers of lines that hold code, from 1 to {len(lines)}.")
    missed, wrong = right - given, given - right
    near = {n for n in wrong if {n - 1, n + 1} & missed}
    said = [f"Line {n}: {data['why'][str(n)]}" for n in sorted(wrong) if str(n) in data["why"]]
    rest = ", ".join(str(n) for n in sorted(wrong) if str(n) not in data["why"])
    said += [f"Line{'s' * (',' in rest)} {rest}: {data['sound']}"] * bool(rest)
    said += [f"Line {n} is one off, and not counted against you." for n in sorted(near)]
    why, fix = data["why"], data["fix"]
    rows = [(f"line {n}", f"{why[n]}\n\n`{fix[n].strip()}`") for n in map(str, sorted(right))]
    return Verdict(_shared(given - near, right), tuple(said), tuple(rows))


def _code(data, reply):
    name = _name(data)
    reply = re.sub(r"^(?:.*\n)??```\w*\n|```$", "", reply.strip())  # as it is pasted from a chat
    if reply.strip() in ("", data["stub"].strip()):
        raise NotAttempted(f"Write the body of `{name}`.")
    try:
        try:
            function = defined(reply, name)
        finally:
            numpy_is_intact()  # the lines outside of the function run unwatched
        code_test(data)(Answer(function), np.random.default_rng(SEED))
    except Wrong as mistake:
        rows = [(label.replace("the cell", "your code"), value) for label, value in mistake.rows]
        return Verdict(0.0, (mistake.sentence,), tuple(rows))
    return Verdict(1.0, (), (("another way", data["also_right"][0].strip()),))


def _name(data):
    """The name of the function that a code question asks for."""
    return re.search(r"^def (\w+)", data["stub"], re.M)[1]


def code_test(data):
    """The test of a code question: `test(answer, rng)` returns, or raises `Wrong`."""
    if "check" in data:
        return defined(data["check"], "check")
    name = _name(data)
    right = defined(data["answer"], name)
    wrongs = [(wrong["why"], defined(wrong["code"], name)) for wrong in data["wrong"]]

    def cases(rng):
        return eval(data["cases"], {"np": np, "rng": rng})

    return judged(right, cases, wrongs, data.get("outputs", ()))


def defined(source, name):
    """The function of this name that a source defines, or `Wrong` with the line that stopped."""
    place = f"<answer {next(SERIAL)}>"
    linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
    names = {"np": np, "Wrong": Wrong, "__name__": "answer"}
    try:
        exec(compile(source, place, "exec"), names)
    except SyntaxError as error:  # a slip of the fingers is no answer yet
        raise NotAttempted(f"Line {error.lineno} is no Python yet: {error.msg}.") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Wrong(f"The code stopped with `{type(error).__name__}`: {error}.") from None
    if not callable(names.get(name)):
        raise NotAttempted(f"The code must define a function of the name `{name}`.")
    return names[name]


def _open(data, reply, ticks):
    words = reply.lower().split()
    if len(words) < 5:
        raise NotAttempted("Answer in sentences, as you would say them.")
    points = points_of(data)
    ticked = set(_letters(ticks, points)) if ticks.strip() else set()
    heard = {letter for letter in ticked if _tells(" ".join(words), points[letter]["words"])}
    # A list of words cannot know every wording: where most ticks are borne out, the rest is half.
    half = len(ticked) <= 2 * len(heard)
    counts = {at: 1 if at in heard else 0.5 if at in ticked and half else 0 for at in points}
    most = len(words) // WORDS_A_POINT
    how, said = "half" if half else "as nothing", []
    for letter in sorted(ticked - heard):
        point, tells = points[letter]["point"], ", ".join(points[letter]["words"][:3])
        said.append(say("not_told", how=how, point=point, words=tells))
    if sum(counts.values()) > most:
        said.append(f"A list of words is no answer: so short a text makes {most} points at most.")
    marks = {1: "✓", 0.5: "½", 0: "–"}
    rows = [(f"{marks[counts[at]]} {p['step']} it", p["point"]) for at, p in points.items()]
    earned = min(sum(counts.values()), most)
    heading = f"{earned:g} of {len(points)} points"
    return Verdict(earned / len(points), tuple(said), tuple(rows), heading)


def points_of(data):
    """The points of an open answer's rubric by the letters that tick them."""
    return dict(zip("abcdefghijklmnop", data["rubric"], strict=False))


def _tells(text, words):
    """Whether a word of the text begins with one of these; inside a word they mean nothing."""
    return any(re.search(rf"(?<!\w){re.escape(word)}", text) for word in words)


JUDGES = {
    "choice": _choice, "several": _several, "number": _number, "order": _order, "curve": _choice,
    "fault": _fault, "code": _code, "open": _open,
}  # fmt: skip
