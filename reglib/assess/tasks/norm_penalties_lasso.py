"""The check of task 1.12: the lasso, by known mistakes and by what an answer does when measured."""

import numpy as np

from reglib.assess.compare import judged, unlike_array
from reglib.assess.guard import NotAttempted, Wrong, show_value
from reglib.assess.tasks.norm_penalties import hard, soft
from reglib.assess.tasks.norm_penalties_fits import penalised

CLOSE = 1e-6  # what the task asks for; the stopping rule in its hints comes far closer
NEAR = 0.05  # nearer to the minimiser than this, the idea is right


def lasso_problem(rng, n, d, l1):
    """X, y and `l1`: y is built so that the optimality condition holds at a known minimiser.

    There (2/n) X^T (y - Xw) = l1 * s with s the signs of w, and |s| < 1 where w is 0.
    """
    # Singular values within a factor of 2, so that 200 steps of ISTA reach the last digit.
    left, right = np.linalg.qr(rng.normal(size=(n, d)))[0], np.linalg.qr(rng.normal(size=(d, d)))[0]
    X = np.sqrt(n) * left * rng.uniform(0.7, 1.4, size=d) @ right
    w = rng.choice([-1.0, 1.0], size=d) * rng.uniform(0.5, 2.0, size=d)
    w[rng.permutation(d)[: d // 2]] = 0.0
    slope = np.where(w == 0, rng.uniform(-0.6, 0.6, size=d), np.sign(w))
    return X, X @ w + X @ np.linalg.solve(X.T @ X, slope) * l1 * n / 2, l1


def lasso_cases(rng):
    return [lasso_problem(rng, *size) for size in ((8, 2, 0.5), (40, 6, 0.4), (60, 8, 0.6))]


def slope(X, y, w):
    """The gradient of the data loss."""
    return 2 / len(X) * X.T @ (X @ w - y)


def safe_step(X):
    return len(X) / (2 * np.linalg.norm(X, 2) ** 2)


def ista(X, y, l1, steps=200, threshold=None, shrink=soft, extra=0.0, last=True):
    """The minimiser, by steps on the data loss and a threshold after each."""
    rate, w = safe_step(X), np.zeros(X.shape[1])
    for _ in range(steps):
        w = w if last else shrink(w, rate * l1)
        w = w - rate * (slope(X, y, w) + extra * l1 * np.sign(w))
        w = shrink(w, threshold(l1) if threshold else rate * l1) if last else w
    return w


def centred(X):
    return X - X.mean(axis=0)


WRONGS = [
    ("over_n", lambda X, y, l1: ista(X, y, l1 / len(X))),
    ("twice", lambda X, y, l1: ista(X, y, 2 * l1)), ("twice", {"extra": 1.0}),
    ("half", lambda X, y, l1: ista(X, y, l1 / 2)), ("l1_alone", {"threshold": lambda l1: l1}),
    ("half_l1", {"threshold": lambda l1: l1 / 2}), ("threshold_first", {"last": False}),
    ("not_stopped", {"shrink": lambda w, t: np.where(w > t, w - t, w + t)}),
    ("no_penalty", lambda X, y, l1: penalised(X, y, 0)),
    ("once", lambda X, y, l1: soft(penalised(X, y, 0), l1)),
    ("once", lambda X, y, l1: soft(penalised(X, y, 0), l1 / 2)),
    ("once", lambda X, y, l1: soft(penalised(X, y, 0), safe_step(X) * l1)),
    ("first_round", {"steps": 1}), ("hard", {"shrink": hard}),
    ("hard", lambda X, y, l1: hard(penalised(X, y, 0), l1)),
    ("ridge", lambda X, y, l1: penalised(X, y, len(X) * l1)),
    ("ridge", lambda X, y, l1: penalised(X, y, l1)),
    ("centred", lambda X, y, l1: ista(centred(X), y, l1)),
    ("centred", lambda X, y, l1: ista(X, y - y.mean(), l1)),
    ("centred", lambda X, y, l1: ista(centred(X) / X.std(axis=0), y - y.mean(), l1)),
]  # fmt: skip


def probe(answer, size, l1, rows=2, scale=1.0):
    """What `answer` makes of a problem with one weight, `size` at least squares, or None."""
    X = scale * np.resize([[1.0], [-1.0]], (rows, 1))
    try:
        given = np.asarray(answer(X, X[:, 0] * size, l1), dtype=float)
    except (Wrong, NotAttempted, TypeError, ValueError):
        return None
    return float(given[0]) if given.shape == (1,) else None


def uphill(answer):
    """Whether the gradient's sign is reversed.

    With l1 just below the gradient at 0, any step downhill keeps near 0, however long it is.
    """
    found = probe(answer, 1.0, 2 * (1 - 1e-7))
    return found is not None and not -1e-9 <= found < 1e6


def diverged(answer, X):
    # One row as steep as X itself: a step that was too large is too large there as well.
    alone = probe(answer, 1.0, 1e-3, rows=1, scale=(0.5 / safe_step(X)) ** 0.5)
    if alone is not None and abs(alone - 1) < NEAR:
        return "no_mean"
    if uphill(answer):
        return "uphill_far"
    return "step_large"


def near(answer, given, w):
    """The key of what to say of weights near the minimiser."""
    if probe(answer, 0.05, 2.0) not in (0, None):
        return "hovering"
    if 0 in [probe(answer, 0.5 + size, 1.0) for size in (0.1, 1e-2, 1e-4, 1e-6, 1e-8)]:
        return "by_hand"
    if (given[w == 0] != 0).any():
        return "some_zeros"
    return "others_late"


def measured(answer, given, X, y, l1):
    """What can be measured where no known mistake gives these weights: a key, or a sentence."""
    w = ista(X, y, l1)
    if unlike_array(given, w):
        return None
    if not np.abs(given).max() < 1e6:
        return diverged(answer, X)
    if uphill(answer):
        return "uphill"
    alone = probe(answer, 0.8, 1.0)  # 0.3 at the minimiser: near by more than chance
    sound = alone is not None and abs(alone - 0.3) < NEAR
    if sound and np.abs(given - w).max() < NEAR:
        return near(answer, given, w)
    if sound and (given >= 0).all() and (w < 0).any():
        return "negative_lost"
    alive = given != 0
    felt = -slope(X, y, given)[alive] * np.sign(given[alive]) / l1  # 1 at the minimiser
    if alive.any() and not alive.all():
        free = min(np.abs(felt).max(), np.abs(given - penalised(X, y, 0))[alive].max()) < 1e-5
        if free or np.abs(felt - 2).max() < 1e-5:
            return "hard" if free else "twice"
    return unexplained(given, X, y, l1, w)


def unexplained(given, X, y, l1, w):
    """Three measured facts."""
    loss, best = (np.mean((X @ v - y) ** 2) + l1 * np.abs(v).sum() for v in (given, w))
    next_one = soft(given - safe_step(X) * slope(X, y, given), safe_step(X) * l1)
    zeros, wanted = (np.flatnonzero(v == 0).tolist() for v in (given, w))
    return (
        f"These weights have the loss {loss:.4g}, penalty included, and {best:.4g} is possible. "
        f"One more round of step and threshold moves them by up to "
        f"{np.abs(next_one - given).max():.2g}: at the minimiser it moves nothing. Exactly 0 are "
        f"the entries {zeros}, and {wanted} should be."
    )


def lasso(answer, seed=0):
    def exact(X, y, l1):
        """The answer's weights; those near enough must also have their zeros exactly."""
        given, w = answer(X, y, l1), ista(X, y, l1)
        close = not unlike_array(given, w) and np.abs(given - w).max() <= CLOSE
        if close and (given[w == 0] != 0).any():
            rows = [("expected", show_value(w)), ("yours", show_value(given, 10))]
            raise Wrong(near(answer, given, w), rows)
        return given

    def explain(given, case):
        return measured(answer, given, *case)

    judged(ista, lasso_cases, WRONGS, tol=CLOSE, explain=explain)(exact, seed)


TESTS = {"1.12": lasso}
