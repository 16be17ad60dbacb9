"""The checks of exercise 02 on what was learnt: calibration, and fits under noise on the inputs.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

from functools import partial

import numpy as np

from reglib.assess.compare import difference, judged
from reglib.assess.tasks.norm_penalties_fits import penalised

TESTS = {}


def calibration_error(
    P, y, bins, of=lambda part, gap: np.nansum(part * abs(gap)), true_class=False,
    edges=lambda P, bins: np.linspace(0, 1, bins + 1), middle=False,
):  # fmt: skip
    """The gaps between confidence and accuracy, by each bin's share; NaN where it is empty."""
    confidence = P[np.arange(len(y)), y] if true_class else P.max(axis=1)
    ends, hits = edges(P, bins), P.argmax(axis=1) == y
    places = np.searchsorted(ends[1:-1], confidence)
    confidence = (ends[1:] + ends[:-1])[places] / 2 if middle else confidence
    n, gaps = (np.bincount(places, v, len(ends) - 1) for v in (np.ones(len(y)), confidence - hits))
    return of(n / len(y), gaps / np.where(n, n, np.nan))


def calibration_cases(rng):
    def case(n, k, bins):
        P = rng.dirichlet(np.full(k, 2 / k), size=n)
        return P, np.where(rng.random(n) < 0.6, P.argmax(axis=1), rng.integers(k, size=n)), bins

    # Too bold and too modest, and on the whole too modest.
    first = np.array([[0.8, 0.2], [0.45, 0.55], [0.6, 0.4]]), np.array([1, 1, 0])
    edges = np.array([0.5, 0.75, 0.75, 1.0, 0.625, 0.875, 0.4375, 0.6875])
    on_edges = np.outer(edges, [1, 0, 0]) + np.outer(1 - edges, [0, 0.75, 0.25])
    cases = [(*first, 4), case(60, 3, 5), case(200, 10, 12), case(3, 4, 8)]
    return [*cases, (on_edges, np.array([0, 1, 1, 1, 0, 1, 1, 1]), 4)]


def on_the_edges(given, case):
    return "edges" if len(case[0]) == 8 else None  # the last case: its confidences are edges


TESTS["2.11"] = judged(calibration_error, calibration_cases, [
    ("empty", {"of": lambda part, gap: abs(gap).mean()}),
    ("empty", {"of": lambda part, gap: abs(gap).sum()}),
    ("unweighted", {"of": lambda part, gap: np.nanmean(abs(gap))}),
    ("unweighted", {"of": lambda part, gap: np.nansum(abs(gap)) / len(gap)}),
    ("unweighted", {"of": lambda part, gap: np.nansum(abs(gap))}),
    ("counts", lambda P, y, bins: len(y) * calibration_error(P, y, bins)),
    ("signed", {"of": lambda part, gap: np.nansum(part * gap)}),
    ("signed", {"of": lambda part, gap: -np.nansum(part * gap)}),
    ("one_bin", {"of": lambda part, gap: abs(np.nansum(part * gap))}),
    ("worst", {"of": lambda part, gap: np.nanmax(abs(gap))}),
    ("squared", {"of": lambda part, gap: np.nansum(part * gap**2)}),
    ("squared", {"of": lambda part, gap: np.sqrt(np.nansum(part * gap**2))}),
    ("each_alone", lambda P, y, bins: np.mean(np.abs(P.max(axis=1) - (P.argmax(axis=1) == y)))),
    ("true_class", {"true_class": True}), ("middle", {"middle": True}),
    ("range", {"edges": lambda P, bins: np.histogram_bin_edges(P.max(axis=1), bins)}),
    ("range", {"edges": lambda P, bins: np.linspace(1 / P.shape[1], 1, bins + 1)}),
    ("fence", {"edges": lambda P, bins: np.linspace(0, 1, bins)}),
    ("fence", {"edges": lambda P, bins: np.linspace(0, 1, bins + 2)}),
], explain=on_the_edges)  # fmt: skip


def squares(X):
    return np.sum(X**2, axis=0)


def explained(answer, right, weights, larger, given, case):
    """The key of the mistake that a wrong fit gives away, if any."""
    if difference(given, right(*case), np.inf) or not given.all():
        return None
    # Samples in another order change nothing, unless what was drawn falls on others.
    X, y, noise = larger
    if difference(answer(X[::-1], y[::-1], noise), answer(*larger), 1e-6):
        return "drawn"
    X, y, _ = case
    if difference(given, right(*case), 1e-4) is None:
        return "stopped_short"
    # What each weight paid: at the minimum its penalty is what the data pull at it.
    penalties = X.T @ (y - X @ given) / given
    for key, shares in (("plain_ridge", penalties), ("strength", penalties / weights(*case))):
        if np.ptp(shares) < 1e-6 * np.abs(shares).max():
            return key
    return None


def fit_test(right, cases, wrongs, weights):
    """The test of a fit; `weights` of a case are what its penalties go with."""
    wrongs = [*wrongs, ("centred", lambda X, y, p: right(X - X.mean(axis=0), y - y.mean(), p))]

    def test(answer, seed=0):
        larger = cases(np.random.default_rng(seed))[2]
        explain = partial(explained, answer, right, weights, larger)
        judged(right, cases, wrongs, tol=1e-7, explain=explain)(answer, seed)

    return test


def dropped_fit(X, y, p, odds=lambda p: p / (1 - p), columns=squares, times=1):
    """The weights that dropout on the inputs leads to."""
    return penalised(X, y, times * odds(p) * columns(X))


def dropped_cases(rng):
    cases = [(np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([1.0, 3.0]), 0.5)]
    for n, d, p in ((12, 3, 0.3), (40, 5, 0.6), (9, 2, 0.0)):
        X = (rng.normal(size=(n, d)) + rng.normal(size=d)) * 10.0 ** rng.uniform(-1, 1, size=d)
        cases.append((X, X @ (rng.normal(size=d) / X.std(axis=0)) + rng.normal(size=n), p))
    return cases


TESTS["2.12"] = fit_test(dropped_fit, dropped_cases, [
    ("no_penalty", {"times": 0}), ("per_row", {"columns": lambda X: np.mean(X**2, axis=0)}),
    ("variance", {"columns": lambda X: len(X) * X.var(axis=0)}),
    ("mean_squared", {"columns": lambda X: len(X) * X.mean(axis=0) ** 2}),
    ("only_p", {"odds": lambda p: p}), ("only_p", {"odds": lambda p: p * (1 - p)}),
    ("unscaled", lambda X, y, p: dropped_fit(X, y, p) / (1 - p)),
    ("swapped", {"odds": lambda p: (1 - p) / max(p, 1e-12)}), ("doubled", {"times": 2}),
    ("doubled", {"times": 0.5}), ("root", {"columns": lambda X: np.sqrt(squares(X))}),
], weights=lambda X, y, p: squares(X))  # fmt: skip


def noisy_fit(X, y, sigmas, times=1, n=1, power=2):
    """The weights that Gaussian noise on the inputs leads to."""
    return penalised(X, y, times * float(len(X)) ** n * sigmas**power)


def noisy_cases(rng):
    cases = [(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([2.0, 3.0]), np.array([2.0, 0.5]))]
    for n, d in ((12, 3), (40, 5), (3, 4)):
        X = rng.normal(size=(n, d)) + rng.normal(size=d)
        sigmas = rng.permutation(np.linspace(0.2, 1.5, d))
        cases.append((X, X @ rng.normal(size=d) + rng.normal(size=n), sigmas))
    return cases


TESTS["2.14"] = fit_test(noisy_fit, noisy_cases, [
    ("no_penalty", {"times": 0}), ("n_missing", {"n": 0}), ("n_twice", {"n": -1}),
    ("n_twice", {"n": 2}), ("not_squared", {"power": 1}),
    ("not_squared n_missing", {"power": 1, "n": 0}), ("doubled", {"times": 2}),
    ("doubled", {"times": 0.5}), ("by_columns", lambda X, y, s: penalised(X, y, squares(X))),
    ("by_columns", lambda X, y, s: penalised(X, y, s**2 * squares(X))),
], weights=lambda X, y, sigmas: sigmas**2)  # fmt: skip
