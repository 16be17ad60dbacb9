"""Exercise 01 alone: its levels, and the keys of its predictions, measured."""

import numpy as np

from reglib import L1
from reglib.assess.tasks import chapter
from reglib.data import load_diabetes, standardize

TASKS = chapter("1")


def test_the_twelve_tasks_are_of_the_levels_promised():
    levels = [task.level for task in TASKS.values()]
    assert list(TASKS) == [f"1.{i}" for i in range(1, 13)]
    counts = {level: levels.count(level) for level in set(levels)}
    assert counts["Easy"] >= 4 and counts["Medium"] >= 4 and counts["Hard"] >= 2


# The keys of the predictions, measured
def test_sign_steps_end_with_no_exact_zero():
    X, y, _ = load_diabetes()
    (X,), y = standardize(X), (y - y.mean()) / y.std()
    n, w, exact = len(X), np.zeros(10), np.zeros(10)
    step = n / (2 * np.linalg.norm(X, 2) ** 2)
    for _ in range(5000):
        w = w - 0.01 * (2 / n * X.T @ (X @ w - y) + 0.5 * np.sign(w))
        exact = L1(0.5).prox(exact - step * 2 / n * X.T @ (X @ exact - y), step)
    assert (w == 0).sum() == 0 and 0 < (exact == 0).sum() < 10
    assert np.abs(w - exact).max() < 0.02, "the weights do not even come near the minimiser"


def test_a_column_in_millimetres_is_shrunk_less():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ np.array([2.0, 1.0, -1.0]) + 0.1 * rng.normal(size=50)
    parts = []
    for scale in (1.0, 1000.0):
        A = X * np.array([scale, 1.0, 1.0])
        w = np.linalg.solve(A.T @ A + 50 * 0.5 * np.eye(3), A.T @ y)
        parts.append(abs(w[0]) * scale)
    plain = np.linalg.lstsq(X, y, rcond=None)[0][0]
    assert parts[0] < 0.9 * plain and abs(parts[1] - plain) < 0.05 * plain
