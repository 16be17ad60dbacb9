"""The engine of the exercises: cards, refusals, hints, solutions, resets, predictions."""

import json
import re
import subprocess
import sys
import textwrap
from html.parser import HTMLParser

import numpy as np
import pytest
from answers import fail, own_progress, right, untouched, wrong  # noqa: F401  one is for pytest

from reglib.assess import check, course, hint, progress, reset, solution
from reglib.assess.cards import BORDERS, Card, NotPassed
from reglib.assess.release import CODE_STUB
from reglib.assess.store import store
from reglib.assess.tasks import CHAPTERS, chapter, find

LEVELS = ("Easy", "Medium", "Hard")


@pytest.fixture
def course_folder(tmp_path, monkeypatch):
    """A course with one solution, and nothing else."""
    source = (
        "def elastic_net_gradient(w, l1, l2):\n    ### BEGIN SOLUTION\n"
        "    return l1 * np.sign(w) + 2 * l2 * w\n    ### END SOLUTION"
    )
    cell = {"source": source, "metadata": {"nbgrader": {"grade_id": "task-1-1"}}}
    folder = tmp_path / "course" / "solutions" / "01_norm_penalties"
    folder.mkdir(parents=True)
    (folder / "01_norm_penalties.ipynb").write_text(json.dumps({"cells": [cell]}))
    monkeypatch.setattr(course, "root", lambda: tmp_path / "course")
    return tmp_path / "course"


def test_the_import_is_light():
    code = (
        "import sys, reglib.assess as a; a.check\n"
        "heavy = {'matplotlib', 'nbgrader', 'pytest', 'IPython', 'ipywidgets', 'sklearn'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, f"importing reglib.assess also imports {run.stderr}"


def test_a_right_answer_shows_a_card_and_is_remembered(capsys):
    check("1.1", right)
    assert "Passed: task 1.1" in capsys.readouterr().out
    assert store().status("1.1") == "passed"
    assert "def right" in store().last("1.1", "pass"), "the source of the answer was not kept"


def test_a_wrong_answer_names_the_mistake_and_shows_the_values():
    card = fail("1.1", wrong)
    assert "factor 2" in card.sentences[0]
    assert [label for label, _ in card.rows] == ["`w`", "`l1`", "`l2`", "expected", "yours"]
    assert "-1.3" in dict(card.rows)["expected"] and "-0.7" in dict(card.rows)["yours"]
    assert store().status("1.1") == "tried"


def test_an_untouched_task_is_not_attempted_and_no_try():
    card = fail("1.1", untouched)
    assert card.kind == "not attempted" and "Not attempted" in card.heading
    assert store().status("1.1") == "not tried"


def test_a_check_with_another_seed_is_silent_and_not_remembered(capsys):
    check("1.1", right, seed=5)
    assert capsys.readouterr().out == "" and store().status("1.1") == "not tried"
    with pytest.raises(NotPassed):
        check("1.1", wrong, seed=5)


def test_an_answer_made_of_the_usual_results_fails_with_another_seed():
    results = []
    find("1.1").test(lambda *case: results.append(right(*case)) or results[-1], 0)
    by_heart = iter(results)
    check("1.1", lambda *case: next(by_heart))
    again = iter(results)
    with pytest.raises(NotPassed):
        check("1.1", lambda *case: next(again), seed=1)


def test_something_that_is_no_function_is_not_attempted():
    assert "without calling it" in fail("1.1", np.ones(3)).sentences[0]


@pytest.mark.parametrize("call", [check, hint, solution, reset])
def test_a_number_that_is_not_text_or_not_known_is_refused(call):
    more = (right,) if call is check else ()
    with pytest.raises(ValueError, match='number must be text, such as "1.1" or "1.10", got 1.1$'):
        call(1.1, *more)
    with pytest.raises(ValueError, match="number must be text, .* got None$"):
        call()
    known = 'number must be a task, "1.1" to "1.12".*, got '
    for number in ("1.13", "7.7", ""):
        with pytest.raises(ValueError, match=f"{known}'{number}'$"):
            call(number, *more)


def test_a_missing_answer_an_odd_seed_and_an_odd_chapter_are_refused():
    with pytest.raises(ValueError, match="answer must be your function, .* got nothing$"):
        check("1.1")
    for seed in (-1, 0.5, "x"):
        with pytest.raises(ValueError, match="seed must be a whole number, .* got "):
            check("1.1", right, seed)
    for number in (77, 1.5, "1.1"):
        with pytest.raises(ValueError, match=f"number must be a chapter, 1.*, got {number!r}$"):
            progress(number)


class Reader(HTMLParser):
    """The text of some HTML, and its roles."""

    def __init__(self, html):
        super().__init__()
        self.text, self.roles, self.open = "", [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.roles += [value for key, value in attrs if key in ("role", "scope")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.text += data


def test_a_card_says_the_same_as_html_and_as_text():
    card = Card("not yet", "Not yet: x < y", ("Use `a < b`.",), (("`w`", "[1, <b>]"),), "a & b")
    reader = Reader(card._repr_html_())
    assert not reader.open and reader.roles == ["status", "heading", "row"]
    for part in ("Not yet: x < y", "a < b", "[1, <b>]", "a & b"):
        assert part in reader.text and part in repr(card)


def test_the_borders_of_cards_reach_a_contrast_of_three_in_both_themes():
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    for kind, border in BORDERS.items():
        for page in ("#ffffff", "#111111"):
            light, dark = sorted([luminance(border), luminance(page)], reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3, f"the border of {kind!r} on {page}"


def test_a_card_is_the_same_however_often_it_is_asked_for():
    assert fail("1.3", lambda W, m, axis: W) == fail("1.3", lambda W, m, axis: W)


def test_hints_come_one_by_one_and_begin_again(capsys):
    for i in (1, 2, 3, 1):
        hint("1.1")
        assert f"hint {i} of 3" in capsys.readouterr().out


def test_the_solution_opens_after_three_tries_and_is_marked(course_folder, capsys):
    fail("1.1", untouched)
    for left in (3, 2, 1):
        solution("1.1")
        assert f"{left} more" in capsys.readouterr().out
        fail("1.1", wrong)
    solution("1.1")
    shown = capsys.readouterr().out
    assert "return l1 * np.sign(w) + 2 * l2 * w" in shown and "SOLUTION" not in shown
    check("1.1", right)
    assert store().status("1.1") == "passed with the solution seen"


def test_the_solution_opens_after_a_pass_which_stays_earned(course_folder, capsys):
    check("1.1", right)
    solution("1.1")
    assert "np.sign" in capsys.readouterr().out and store().status("1.1") == "passed"


def test_a_course_without_solutions_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(course, "root", lambda: tmp_path)
    check("1.1", right)
    solution("1.1")
    reset("1.1")
    out = capsys.readouterr().out
    assert "not in this folder" in out and "no blank here" in out
    assert not store().count("1.1", "solution")


def test_reset_keeps_the_old_answer_each_time(course_folder, capsys):
    def another(w, l1, l2):
        return 1 * right(w, l1, l2)

    for answer, number in ((right, 1), (another, 2), (another, 2), (right, 1)):
        check("1.1", answer)
        reset("1.1")
        out = capsys.readouterr().out
        assert f"`my/01_norm_penalties/old_answers/task-1-1-{number}.py`" in out
        assert CODE_STUB in out and "np.sign" not in out
    kept = sorted((course_folder / "my/01_norm_penalties/old_answers").iterdir())
    assert [path.name for path in kept] == ["task-1-1-1.py", "task-1-1-2.py"]
    assert "def right" in kept[0].read_text() and "def right" in store().last("1.1", "reset")
    assert store().count("1.1", "reset") == 3, "the same answer was noted twice in a row"


def test_progress_counts_points_and_names_the_next_task():
    check("1.1", right)
    fail("1.3", lambda W, m, axis: W)
    table = progress()
    text, html = repr(table), Reader(table._repr_html_()).text
    assert re.search(r"^1\.1 .* passed$", text, re.M) and re.search(r"^1\.3 .* tried$", text, re.M)
    total = sum(task.points for task in find_all())
    for form in (text, html):
        assert f"1 of {len(find_all())} tasks passed, 2 of {total} points." in form
        assert "Next: task 1.2" in form


def find_all():
    return [task for number in CHAPTERS for task in chapter(number).values()]


def test_the_bare_test_of_a_task_gives_each_call_fresh_copies():
    def spoils(w, l1, l2):
        result = right(w, l1, l2)
        w[...] = 7.0
        return result

    for seed in range(3):
        find("1.1").test(spoils, seed)


@pytest.mark.parametrize("task", find_all(), ids=lambda task: task.number)
def test_every_task_has_its_texts(task):
    assert task.level in LEVELS and task.minutes > 0 and task.points > 0
    assert len(task.hints) >= 2 and len(set(task.hints)) == len(task.hints)
    assert not task.title.endswith((".", "?"))


# In a real kernel: what the learner's screen gets
KERNEL = textwrap.dedent("""
    import numpy as np
    from reglib.assess import check, reset
    def elastic_net_gradient(w, l1, l2):
        return l1 * np.sign(w) + l2 * w
""")


def test_a_kernel_shows_the_card_and_one_line_and_resets_the_cell(course_folder):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(course_folder))
    try:

        def run(code):
            seen = []
            reply = client.execute_interactive(code, timeout=300, output_hook=seen.append)
            return reply["content"], [m["content"] | {"kind": m["msg_type"]} for m in seen]

        run(KERNEL)
        reply, seen = run('check("1.1", elastic_net_gradient)')
        card = next(m["data"] for m in seen if m["kind"] == "display_data")
        error = next(m for m in seen if m["kind"] == "error")
        assert "factor 2" in card["text/html"] and "factor 2" in card["text/plain"]
        assert reply["status"] == "error" and error["ename"] == "NotPassed"
        assert len(error["traceback"]) == 1 and "The card above" in error["traceback"][0]
        assert not [m for m in seen if m["kind"] == "stream"]
        own = KERNEL.strip().split("\n", 2)[2] + '\nreset("1.1")'
        payload = run(own)[0]["payload"][0]
        assert payload["replace"] and CODE_STUB in payload["text"]
        kept = course_folder / "my/01_norm_penalties/old_answers/task-1-1-1.py"
        assert kept.read_text() == KERNEL.strip().split("\n", 2)[2] + "\n"
        reply, seen = run('reset("1.1")')
        payload = reply["payload"][0]
        assert not payload["replace"] and payload["text"].startswith("def elastic_net_gradient")
        card = next(m["data"] for m in seen if m["kind"] == "display_data")["text/plain"]
        for part in ("in the new cell below", "in its own cell", "Run All", "empties that cell"):
            assert part in card
        assert len(list(kept.parent.iterdir())) == 1, "an identical copy was kept again"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
