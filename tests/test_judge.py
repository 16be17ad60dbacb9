"""Replies that harm: the judge gives its verdict, NumPy stays whole, and no loop holds it."""

import subprocess
import sys

import numpy as np
import pytest

from reglib.assess.guard import NotAttempted
from reglib.assess.questions import bank
from reglib.assess.questions.judge import judge

CODE = next(q for q in bank().values() if q.kind == "code")
FAULT = next(q for q in bank().values() if q.kind == "fault")
LOOPS = [
    "while True: pass",
    "while True:\n        try:\n            while True: pass\n        except Exception: pass",
]
LOOPING = """
import re
from reglib.assess.questions import bank, judge
judge.SECONDS = 0.5
code = next(q for q in bank().values() if q.kind == "code")
head = re.search(r"^def .*?:$", code.data["stub"], re.M)[0]
reply = head + {body!r}
print(judge.in_time(lambda: judge.judge(code, reply)).sentences[0])
"""


def test_code_that_replaces_numpy_outside_its_function_is_told_and_numpy_put_back():
    kept = np.random.default_rng
    try:
        found = judge(CODE, f"np.random.default_rng = None\n{CODE.data['answer']}")
        assert np.random.default_rng is kept
    finally:
        np.random.default_rng = kept
    assert found.score == 0 and "had been replaced" in found.sentences[0]


@pytest.mark.parametrize("error", ["BaseException('x')", "GeneratorExit", "SystemExit", "1 / 0"])
def test_code_that_stops_with_any_error_is_a_verdict(error):
    line = error if error == "1 / 0" else f"raise {error}"
    assert "stopped with" in judge(CODE, f"{line}\n{CODE.data['answer']}").sentences[0]


def test_a_line_number_of_any_length_is_no_error():
    with pytest.raises(NotAttempted):
        judge(FAULT, "9" * 5000)


def test_code_with_a_line_before_its_fence_is_read():
    assert judge(CODE, f"Here it is:\n```python\n{CODE.data['answer']}\n```").score == 1


@pytest.mark.parametrize("loop", LOOPS, ids=["one line", "that catches"])
def test_code_that_never_ends_is_stopped_in_any_form(loop):
    """In a process of its own, which is killed where the loop does not end."""
    source = LOOPING.format(body=f"\n    {loop}")
    run = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=300
    )
    assert "Does its loop ever end?" in run.stdout, run.stderr
