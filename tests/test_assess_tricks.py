"""Answers that try to get past a check, and mistakes that must not be taken for another one."""

import sqlite3
import sys
import threading
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest
from answers import fail, own_progress, right  # noqa: F401  own_progress is used by pytest

from reglib.assess import check
from reglib.assess.store import MARK, NAME, Store


def factors_sum(X, l2):
    s = np.linalg.svd(X, compute_uv=False)
    return np.sum(s**2 / (s**2 + len(X) * l2))


class NoShape(np.ndarray):
    shape = ()


class PosesAsNumber:
    __class__ = float

    def __array__(self, *args, **kwargs):
        return np.empty(0)


@pytest.mark.parametrize("value", [np.empty(0).view(NoShape), PosesAsNumber(), 10**400],
                         ids=["array", "poser", "huge"])  # fmt: skip
def test_a_result_that_poses_as_a_number_fails_with_a_card(value):
    fail("1.8", lambda X, l2: value)


def test_a_result_cannot_read_the_expected_value():
    class Reader:
        __class__, shape, dtype = np.ndarray, (3,), np.dtype(float)

        def __array__(self, *args, **kwargs):
            frame = sys._getframe()
            while frame and not isinstance(frame.f_locals.get("expected"), np.ndarray):
                frame = frame.f_back
            return frame.f_locals["expected"] if frame else np.zeros(3)

    fail("1.1", lambda w, l1, l2: Reader())


def test_any_real_number_is_a_number():
    check("1.8", lambda X, l2: Fraction(float(factors_sum(X, l2))))
    check("1.8", lambda X, l2: np.array(factors_sum(X, l2)))
    check("1.8", lambda X, l2: np.longdouble(factors_sum(X, l2)))


def test_a_library_called_in_a_thread_is_seen():
    from sklearn.linear_model import LinearRegression

    box = {"model": LinearRegression}

    def threaded(w, l1, l2):
        thread = threading.Thread(target=lambda: box["model"]().fit(w.reshape(-1, 1), w.ravel()))
        thread.start()
        thread.join()
        return right(w, l1, l2)

    before = threading.getprofile()
    assert "scikit-learn" in fail("1.1", threaded).sentences[0]
    assert threading.getprofile() is before


def test_a_thread_alone_is_no_fault():
    def threaded(w, l1, l2):
        thread = threading.Thread(target=lambda: right(w, l1, l2))
        thread.start()
        thread.join()
        return right(w, l1, l2)

    check("1.1", threaded)


def test_an_answer_that_puts_the_profiler_back_is_refused_all_the_same():
    def unwatched(w, l1, l2):
        watch = sys.getprofile()
        sys.setprofile(None)
        sys.setprofile(watch)
        return right(w, l1, l2)

    assert "sys.setprofile" in fail("1.1", unwatched).sentences[0]


@pytest.mark.skipif(sys.platform == "win32", reason="the names of these calls are others there")
def test_an_answer_that_starts_a_process_is_refused():
    def elsewhere(w, l1, l2):
        import subprocess

        subprocess.run([sys.executable, "-c", ""], timeout=300)
        return right(w, l1, l2)

    assert "cannot watch" in fail("1.1", elsewhere).sentences[0]


def soft(w, threshold):
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0.0)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        # Each gives the numbers of another, named mistake on the first example alone.
        ("1.4", lambda w, l1, l2, t: soft(w, 2 * t * l1) / (1 + 2 * t * l2)),
        ("1.4", lambda w, l1, l2, t: soft(w, t * l1) / (1 + 2 * l2)),
        ("1.8", lambda X, l2: 1 + factors_sum(X, l2)),
        ("1.8", lambda X, l2: factors_sum(X, l2 / 2)),
    ],
)
def test_a_mistake_is_not_taken_for_one_that_agrees_by_chance(number, answer):
    assert "expected one." in (said := fail(number, answer).sentences[0]) or "differ" in said, said


def ignores_l1(X, y, l1):
    w, step = np.zeros(X.shape[1]), len(X) / (2 * np.linalg.norm(X, 2) ** 2)
    for _ in range(800):
        w = soft(w - step * 2 / len(X) * X.T @ (X @ w - y), step * 0.5)
    return w


def ignores_rates(w, m, v, t, dw, learning_rate, weight_decay):
    m, v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
    step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w - 0.1 * (step + 0.2 * w), m, v


def step(W, b, dW, db, learning_rate, l2, max_value, limit=None, epsilon=0.0):
    W = W - learning_rate * (dW + 2 * l2 * W)
    norms = np.linalg.norm(W, axis=0)
    factor = np.clip(norms, 0, limit or max_value) / (norms + epsilon)
    return W * factor, b - learning_rate * db


def stretches(W, b, dW, db, learning_rate, l2, max_value):
    W = W - learning_rate * (dW + 2 * l2 * W)
    outside = np.linalg.norm(W) > max_value  # of the whole matrix
    return W * max_value / np.linalg.norm(W, axis=0) if outside else W, b - learning_rate * db


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.12", ignores_l1),
        ("1.11", ignores_rates),
        ("1.5", lambda *case: step(*case, limit=1.0)),
        ("1.5", stretches),
    ],
)
def test_an_answer_that_ignores_an_argument_fails(number, answer):
    fail(number, answer)


def test_the_small_constant_of_libraries_passes_in_a_whole_step_too():
    check("1.5", lambda *case: step(*case, epsilon=1e-7))


def test_a_difference_that_rounding_hides_is_shown():
    card = fail("1.1", lambda w, l1, l2: right(w, l1, l2) + 1e-7)
    shown = dict(card.rows)
    assert shown["expected"] != shown["yours"]
    assert "float32" in fail("1.1", lambda *case: right(*case).astype("f4")).sentences[0]


@pytest.mark.parametrize("given", ["b/f/g/k", "1b 2f 3g 4k", np.array(list("bfgk"))])
def test_more_ways_to_write_a_choice(given):
    check("1.6", lambda: given)


@pytest.mark.parametrize("columns", ["task, kind", "task, time, kind, detail, more NOT NULL"])
def test_a_file_of_another_version_is_set_aside(tmp_path, columns):
    with closing(sqlite3.connect(tmp_path / NAME)) as base, base:
        base.execute(f"CREATE TABLE events (id INTEGER PRIMARY KEY, {columns})")
        base.execute(f"PRAGMA application_id = {MARK}")
    told = []
    store = Store(tmp_path / NAME, told.append)
    store.add("1.1", "pass")
    assert store.status("1.1") == "passed" and len(told) == 1 and "kept as" in told[0]


def test_a_folder_that_no_file_can_be_in_is_not_fatal(tmp_path):
    told = []
    store = Store(tmp_path / ("x" * 300) / NAME, told.append)
    store.add("1.1", "pass")
    assert store.status("1.1") == "passed" and len(told) == 1
