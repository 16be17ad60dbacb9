"""How an answer is called: every kind of wrong result, refused libraries, a NumPy left alone."""

import signal
import sys
import threading

import numpy as np
import pytest
from answers import fail, own_progress, right  # noqa: F401  own_progress is used by pytest

from reglib.assess import check
from reglib.assess.guard import Answer, Wrong
from reglib.assess.store import store


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
        (lambda w, l1, l2: 3.0, "returned one number"),
        (lambda w, l1, l2: "3", "returned a `str`"),
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


def test_an_exception_and_a_result_that_cannot_be_printed_still_give_a_card():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

        __repr__ = __str__

    def broken(w, l1, l2):
        raise Mute

    assert "stopped with `Mute`." in fail("1.1", broken).sentences[0]
    assert "returned a `Mute`" in fail("1.1", lambda w, l1, l2: Mute()).sentences[0]


def test_an_interrupted_check_is_a_card_and_no_try():
    def endless(w, l1, l2):
        while True:
            signal.raise_signal(signal.SIGINT)

    before = sys.getprofile(), threading.getprofile()
    card = fail("1.1", endless)
    assert "You interrupted the check" in card.sentences[0] and card.kind == "not attempted"
    assert store().status("1.1") == "not tried"
    assert (sys.getprofile(), threading.getprofile()) == before


def test_arrays_that_do_not_fit_together_bring_keepdims_to_mind():
    card = fail("1.1", lambda w, l1, l2: w + np.ones(7))
    assert "keepdims" in card.sentences[0] and "(3,) (7,)" in card.sentences[0]


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


@pytest.mark.parametrize(
    ("module", "name"),
    [(np, "allclose"), (np, "abs"), (np, "max"), (np.linalg, "norm"), (np.random, "default_rng")],
)
def test_an_answer_that_replaces_parts_of_numpy_is_told_and_undone(module, name):
    original = getattr(module, name)

    def forger(w, l1, l2):
        setattr(module, name, lambda *a, **k: True)
        return w

    card = fail("1.1", forger)
    assert f"`{module.__name__}.{name}` had been replaced" in card.sentences[0]
    assert getattr(module, name) is original


def test_warnings_of_an_answer_do_not_reach_stderr(capfd):
    def warns(w, l1, l2):
        print("from the answer", file=sys.stderr)
        return np.where(w == 0, 0, l1 * w / np.abs(w)) + 2 * l2 * w

    check("1.1", warns)
    assert capfd.readouterr().err == "", "nbgrader takes text on stderr for a failure"
