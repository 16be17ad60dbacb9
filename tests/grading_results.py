"""Fabricated results of graded submissions, as `mark.py` stores them."""

from reglib.assess.tasks import chapter

EXERCISE = "01_norm_penalties"
OPEN = {"answer-in-production": 8, "answer-explain-regularization": 8}
MISTAKE = "The factor 2 of the L2 gradient is missing: the slope of `w**2` is `2 * w`."
HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|'/c calc'!A0",
    "../../x",
    "CON",
    "con",
    "con.txt",
    "Ada",
    "ada",
    "Jürgen Müller-Weiß",
    "Ŝafirá 李小龍",
    "\udcff\udcfe",
    "-rf",
    ".hidden",
    "x" * 300,
    "𝒜" * 300,
    "a\tb\r\nc",
    "{{ 7 * 7 }}",
    "\u202egnihtemos",
    "@SUM(A1)",
    "",
)


def card(number, text=MISTAKE):
    """The card of a failed check."""
    rows = [["input", "w = [1, -2]"], ["expected", "[2.1, -4.1]"], ["yours", "[1.1, -2.1]"]]
    return {
        "kind": "not yet",
        "heading": f"Task {number}, not yet",
        "sentences": [text],
        "rows": rows,
        "code": "",
    }


def task(number, state="passed", points=None, of=2, **more):
    """One task of a result."""
    points = of * (state == "passed") if points is None and state != "needs reading" else points
    known = {"title": f"Title of {number}", "level": "Easy", "mistake": "", "prints": [1, 2, 3]}
    known |= {"card": card(number), "mistake": MISTAKE} if state == "not yet" else {}
    return known | {"state": state, "points": points, "of": of} | more


def result(student="ada", states=("passed", "not yet"), status="graded", **more):
    """A graded submission; `states` are those of tasks 1.1, 1.2 and so on."""
    titles = [(number, one.title) for number, one in chapter("1").items()]
    tasks = {n: task(n, s, title=t) for (n, t), s in zip(titles, states, strict=False)}
    facts = {"student": student, "exercise": EXERCISE, "file": f"{student}/{EXERCISE}.ipynb"}
    facts |= {"ident": "", "layout": "plain", "time": "", "note": "", "happened": []}
    return facts | {"status": status, "tasks": tasks} | more


def unreadable(student="bob", **more):
    """A file that is no notebook."""
    said = ["The file is not a notebook: it is not JSON."]
    return result(student, (), "unreadable", happened=said) | more


def with_open(student="eva", marked=None, **more):
    """A submission with two answers that a person reads."""
    one = result(student, ("passed",), "needs reading", happened=["Two answers are to be read."])
    one["tasks"] |= {n: task(n, "needs reading", marked, of, level="") for n, of in OPEN.items()}
    return one | more
