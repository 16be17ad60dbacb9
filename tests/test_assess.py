"""The engine of the exercises: cards, refusals, hints, solutions, resets, predictions."""

import json
import re
import subprocess
import sys
import textwrap
from html.parser import HTMLParser

import numpy as np
import pytest

from reglib.assess import check, course, hint, predict, progress, reset, solution, tutor
from reglib.assess.cards import BORDERS, Card, NotPassed
from reglib.assess.guard import Answer, NotAttempted, Wrong
from reglib.assess.predictions import questions
from reglib.assess.store import store
from reglib.assess.tasks import CHAPTERS, chapter, find

LEVELS = ("Easy", "Medium", "Hard")


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("REGLIB_DATA", str(tmp_path / "data"))


def right(w, l1, l2):
    return l1 * np.sign(w) + 2 * l2 * w


def wrong(w, l1, l2):
    return l1 * np.sign(w) + l2 * w


def untouched(w, l1, l2):
    raise NotImplementedError("write your answer here")


def fail(number, answer):
    """The card of an answer that does not pass."""
    with pytest.raises(NotPassed) as caught:
        check(number, answer)
    return caught.value.card


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
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
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
    Recorder = find("1.1").test
    Recorder(lambda *case: results.append(right(*case)) or results[-1], 0)
    by_heart = iter(results)
    check("1.1", lambda *case: next(by_heart))
    again = iter(results)
    with pytest.raises(NotPassed):
        check("1.1", lambda *case: next(again), seed=1)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda w, l1, l2: None, "returned `None`"),
        (lambda w, l1, l2: right(w, l1, l2) * np.nan, "NaN"),
        (lambda w, l1, l2: right(w, l1, l2) / 0, "infinite"),
        (lambda w, l1, l2: right(w, l1, l2)[None], "shape is (1, 3)"),
        (lambda w, l1, l2: right(w, l1, l2) + 0j, "`complex128`"),
        (lambda w, l1, l2: right(w, l1, l2).astype(object), "`object`"),
        (lambda w, l1, l2: right(w, l1, l2).astype(int), "whole numbers"),
        (lambda w, l1, l2: right(w, l1, l2).tolist(), "returned a `list`"),
        (lambda w, l1, l2: 3.0, "returned a `float`"),
        (lambda w, l1: w, "TypeError"),
        (lambda w, l1, l2: w, "differ"),
        (lambda w, l1, l2: sys.exit(), "SystemExit"),
    ],
)
def test_every_kind_of_wrong_result_has_its_sentence(answer, sentence):
    assert sentence in fail("1.1", answer).sentences[0]


def test_one_number_is_told_from_an_array():
    assert "shape (1,)" in fail("1.8", lambda X, l2: np.ones(1)).sentences[0]
    assert "`str`" in fail("1.8", lambda X, l2: "1").sentences[0]
    assert "`bool`" in fail("1.8", lambda X, l2: True).sentences[0]


def test_an_answer_that_changes_its_input_is_told_which():
    def in_place(w, l1, l2):
        w *= 2 * l2
        return w

    assert "changed its input `w` in place" in fail("1.1", in_place).sentences[0]


def test_the_learners_own_exception_becomes_a_card_with_their_line():
    def broken(w, l1, l2):
        return w.nothing_of_the_kind

    card = fail("1.1", broken)
    assert "AttributeError" in card.sentences[0]
    assert card.rows[0][1] == "return w.nothing_of_the_kind"


def test_something_that_is_no_function_is_not_attempted():
    assert "without calling it" in fail("1.1", np.ones(3)).sentences[0]


def test_a_number_that_is_not_text_or_not_known_is_refused():
    with pytest.raises(ValueError, match="number must be text"):
        check(1.1, right)
    with pytest.raises(ValueError, match="number must be one of 1.1, .*'7.7'"):
        hint("7.7")
    with pytest.raises(ValueError, match="number must be one of 1"):
        progress(77)


LIBRARY_CALLS = {
    "the penalty's own gradient": "from reglib import ElasticNet\n"
    "def answer(w, l1, l2): return ElasticNet(l1, l2).grad(w)",
    "an alias in a list": "import reglib.penalties\nhidden = [reglib.penalties.L2(0.1).grad]\n"
    "def answer(w, l1, l2): return hidden[0](w)",
    "a bound method itself": "from reglib import L1\ng = L1(0.1).grad\n"
    "def answer(w, l1, l2): return g(w)",
    "an import inside": "def answer(w, l1, l2):\n    import scipy.linalg\n    return w",
    "a compiled function": "from scipy.special import expit\n"
    "def answer(w, l1, l2): return expit(w)",
    "a helper that does it": "from sklearn.linear_model import Ridge\n"
    "def helper(w): return Ridge().fit(w[:, None], w).coef_\n"
    "def answer(w, l1, l2): return helper(w)",
    "an exception that is swallowed": "import sklearn.linear_model as m, operator\n"
    "box = {'m': m}\n"
    "def answer(w, l1, l2):\n"
    "    try: box['m'].Lasso().fit(w[:, None], w)\n"
    "    except Exception: pass\n"
    "    return w",
}


@pytest.mark.parametrize("code", LIBRARY_CALLS.values(), ids=LIBRARY_CALLS)
def test_an_answer_that_calls_a_library_is_refused(code):
    names = {"np": np, "__name__": "__main__"}
    exec(code, names)
    before = sys.getprofile()
    sentence = fail("1.1", names["answer"]).sentences[0]
    assert sentence.startswith("The answer uses "), sentence
    assert sys.getprofile() is before


def test_numpy_itself_is_never_refused():
    def all_of_numpy(w, l1, l2):
        np.linalg.svd(np.outer(w, w))
        np.linalg.lstsq(np.eye(3), np.ones(3), rcond=None)
        np.vectorize(float)(w), np.einsum("i,j", w.ravel(), w.ravel()), np.random.default_rng(0)
        np.polynomial.Polynomial([1, 2])(w), np.apply_along_axis(sum, 0, w)
        return right(w, l1, l2)

    check("1.1", all_of_numpy)


def test_the_former_profiler_is_put_back_after_a_crash_too():
    def former(frame, event, arg):
        pass

    sys.setprofile(former)
    try:
        with pytest.raises(Wrong):
            Answer(lambda: 1 / 0)()
        found = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert found is former


def test_an_answer_that_stops_the_watching_is_refused():
    def unwatched(w, l1, l2):
        sys.setprofile(None)
        return right(w, l1, l2)

    assert "sys.setprofile" in fail("1.1", unwatched).sentences[0]


def test_an_array_that_claims_to_equal_everything_is_not_believed():
    class Liar(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return np.zeros(self.shape)

        def __eq__(self, other):
            return np.ones(self.shape, dtype=bool)

    fail("1.1", lambda w, l1, l2: np.full_like(w, 7.0).view(Liar))


@pytest.mark.parametrize("name", ["allclose", "abs", "max"])
def test_an_answer_that_replaces_parts_of_numpy_is_told_and_undone(name):
    original = getattr(np, name)

    def forger(w, l1, l2):
        setattr(np, name, lambda *a, **k: True)
        return w

    card = fail("1.1", forger)
    assert f"`numpy.{name}` had been replaced" in card.sentences[0]
    assert getattr(np, name) is original


def test_warnings_of_an_answer_do_not_reach_stderr(capfd):
    def warns(w, l1, l2):
        print("from the answer", file=sys.stderr)
        return np.where(w == 0, 0, l1 * w / np.abs(w)) + 2 * l2 * w

    check("1.1", warns)
    assert capfd.readouterr().err == "", "nbgrader takes text on stderr for a failure"


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
    card = Card("not yet", "Not yet: x < y", ("Use `a < b`.",), (("`w`", "[1, <2>]"),), "a & b")
    reader = Reader(card._repr_html_())
    assert not reader.open and reader.roles == ["status", "heading", "row"]
    for part in ("Not yet: x < y", "a < b", "[1, <2>]", "a & b"):
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
    for number in (1, 2):
        check("1.1", right)
        reset("1.1")
        out = capsys.readouterr().out
        assert f"`my/01_norm_penalties/old_answers/task-1-1-{number}.py`" in out
        assert tutor.BLANK in out and "np.sign" not in out
    kept = course_folder / "my/01_norm_penalties/old_answers/task-1-1-2.py"
    assert "def right" in kept.read_text() and "def right" in store().last("1.1", "reset")


def test_the_blank_of_reset_is_the_one_that_a_release_writes():
    from reglib.assess.release import CODE_STUB

    assert tutor.BLANK == CODE_STUB


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


@pytest.mark.parametrize("task", find_all(), ids=lambda task: task.number)
def test_every_task_has_its_texts(task):
    assert task.level in LEVELS and task.minutes > 0 and task.points > 0
    assert len(task.hints) >= 2 and len(set(task.hints)) == len(task.hints)
    assert not task.title.endswith((".", "?"))


def test_choices_are_read_in_every_spelling_and_reveal_nothing_before_one_is_made():
    for given in ("c", " C ", "c)", ("c",), ["c"], {"C"}, "c."):
        check("1.9", lambda given=given: given)
    for given in (None, "", 3, "abc", "d", ("a", "b"), [None], ..., "yes"):
        card = fail("1.9", lambda given=given: given)
        assert card.kind == "not attempted", given
        assert "one of a, b, c" in card.sentences[0] and not card.rows
    for given in ("bfg", "bfgkm", "abfgk", "bfgz", "bbbb"):
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
    widget.choice.value = "a"
    assert widget.reply.value == "" and not widget.button.disabled


def test_a_committed_prediction_is_explained_remembered_and_final():
    entry = questions()["1.L1"]
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
    commit(widget, questions()["1.L1"]["answer"])
    assert "Right" in widget.reply.value


@pytest.mark.parametrize("number", questions())
def test_a_prediction_reads_the_same_before_and_after_and_without_a_kernel(number):
    first = predict(number)
    commit(first, questions()[number]["answer"])
    for form in ("text/plain", "text/html"):
        stored = [w._repr_mimebundle_()[form] for w in (first, predict(number))]
        assert stored[0] == stored[1]
        for why in questions()[number]["why"].values():
            assert why not in stored[0]
    assert "widget-view" in "".join(first._repr_mimebundle_())


@pytest.mark.parametrize(("number", "entry"), questions().items(), ids=questions())
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


def test_an_unknown_prediction_is_refused():
    with pytest.raises(ValueError, match=r"number must be one of .*1\.L1.*'9\.L9'"):
        predict("9.L9")


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
            reply = client.execute_interactive(code, timeout=60, output_hook=seen.append)
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
        assert payload["replace"] and tutor.BLANK in payload["text"]
        kept = course_folder / "my/01_norm_penalties/old_answers/task-1-1-1.py"
        assert kept.read_text() == KERNEL.strip().split("\n", 2)[2] + "\n"
        payload = run('reset("1.1")')[0]["payload"][0]
        assert not payload["replace"] and payload["text"].startswith("def elastic_net_gradient")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
