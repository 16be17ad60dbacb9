"""The checks of exercise 02 on what was learnt: calibration, and fits under noise on the inputs."""

import numpy as np

from reglib.assess.compare import difference, match


def binned(P, y, bins):
    """Each bin's count, mean confidence and accuracy; the last two NaN where it is empty."""
    confidence, hits = P.max(axis=1), P.argmax(axis=1) == y
    places = np.maximum(np.ceil(confidence * bins) - 1, 0).astype(int)
    n, c, a = (np.bincount(places, v, bins) for v in (np.ones(len(y)), confidence, hits))
    return n, c / np.where(n, n, np.nan), a / np.where(n, n, np.nan)


def gaps(P, y, bins):
    n, confidence, accuracy = binned(P, y, bins)
    return n / len(y), np.nan_to_num(confidence - accuracy)


def calibration_error(P, y, bins):
    share, gap = gaps(P, y, bins)
    return np.sum(share * np.abs(gap))


def between(P, y, edges, middle=False):
    """The error with bins between any edges, or with a bin's middle for its mean confidence."""
    confidence, hits = P.max(axis=1), P.argmax(axis=1) == y
    places = np.searchsorted(edges[1:-1], confidence)
    if middle:
        confidence = (edges[1:] + edges[:-1])[places] / 2
    return np.abs(np.bincount(places, confidence - hits)).sum() / len(y)


def expected_calibration_error(answer, seed=0):
    rng = np.random.default_rng(seed)

    def case(n, k, bins):
        P = rng.dirichlet(np.full(k, 2 / k), size=n)
        return P, np.where(rng.random(n) < 0.6, P.argmax(axis=1), rng.integers(k, size=n)), bins

    first = np.array([[0.8, 0.2], [0.45, 0.55], [0.6, 0.4]])
    edges = np.array([0.5, 0.75, 0.75, 1.0, 0.625, 0.875, 0.4375, 0.6875])
    on_edges = np.outer(edges, [1, 0, 0]) + np.outer(1 - edges, [0, 0.75, 0.25])
    cases = [
        (first, np.array([1, 1, 0]), 4),  # too bold and too modest, and on the whole too modest
        case(60, 3, 5),
        case(200, 10, 12),
        case(3, 4, 8),
        (on_edges, np.array([0, 1, 1, 1, 0, 1, 1, 1]), 4),
    ]
    wrongs = [
        ("empty", lambda P, y, m: np.mean(np.abs(np.subtract(*binned(P, y, m)[1:])))),
        ("empty", lambda P, y, m: np.sum(np.abs(np.subtract(*binned(P, y, m)[1:])))),
        ("unweighted", lambda P, y, m: np.nanmean(np.abs(np.subtract(*binned(P, y, m)[1:])))),
        ("unweighted", lambda P, y, m: np.mean(np.abs(gaps(P, y, m)[1]))),
        ("unweighted", lambda P, y, m: np.sum(np.abs(gaps(P, y, m)[1]))),
        ("counts", lambda P, y, m: len(y) * calibration_error(P, y, m)),
        ("signed", lambda P, y, m: np.sum(np.multiply(*gaps(P, y, m)))),
        ("signed", lambda P, y, m: -np.sum(np.multiply(*gaps(P, y, m)))),
        ("one_bin", lambda P, y, m: abs(np.sum(np.multiply(*gaps(P, y, m))))),
        ("worst", lambda P, y, m: np.abs(gaps(P, y, m)[1]).max()),
        ("squared", lambda P, y, m: np.sum(gaps(P, y, m)[0] * gaps(P, y, m)[1] ** 2)),
        ("squared", lambda P, y, m: np.sqrt(np.sum(gaps(P, y, m)[0] * gaps(P, y, m)[1] ** 2))),
        ("each_alone", lambda P, y, m: np.mean(np.abs(P.max(axis=1) - (P.argmax(axis=1) == y)))),
        ("true_class", true_class_error),
        ("range", lambda P, y, m: between(P, y, np.histogram(P.max(axis=1), m)[1])),
        ("range", lambda P, y, m: between(P, y, np.linspace(1 / P.shape[1], 1, m + 1))),
        ("fence", lambda P, y, m: between(P, y, np.linspace(0, 1, m))),
        ("fence", lambda P, y, m: between(P, y, np.linspace(0, 1, m + 2))),
        ("middle", lambda P, y, m: between(P, y, np.linspace(0, 1, m + 1), middle=True)),
    ]
    match(
        answer,
        calibration_error,
        cases,
        wrongs,
        ("P", "y", "bins"),
        explain=lambda given, case: "edges" if case[0] is on_edges else None,
    )


def true_class_error(P, y, bins):
    """The error with the true class's probability in place of the largest one."""
    own = P[np.arange(len(y)), y]
    places = np.clip(np.ceil(own * bins) - 1, 0, bins - 1).astype(int)
    return np.abs(np.bincount(places, own - (P.argmax(axis=1) == y), bins)).sum() / len(y)


def penalised(X, y, penalties):
    """The minimiser of ||y - Xw||^2 + sum_j penalties_j w_j^2."""
    # No solve: centred columns, one of the mistakes, may leave a column of zeros.
    return np.linalg.pinv(X.T @ X + np.diag(penalties * np.ones(X.shape[1]))) @ X.T @ y


def squares(X):
    return np.sum(X**2, axis=0)


def explained(answer, right, weights, larger):
    """A function of a wrong fit and its case: the key of the mistake that the fit gives away."""

    def explain(given, case):
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

    return explain


def dropped_inputs(answer, seed=0):
    rng = np.random.default_rng(seed)
    cases = [(np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([1.0, 3.0]), 0.5)]
    for n, d, p in ((12, 3, 0.3), (40, 5, 0.6), (9, 2, 0.0)):
        X = (rng.normal(size=(n, d)) + rng.normal(size=d)) * 10.0 ** rng.uniform(-1, 1, size=d)
        cases.append((X, X @ (rng.normal(size=d) / X.std(axis=0)) + rng.normal(size=n), p))

    wrongs = [
        ("no_penalty", lambda X, y, p: penalised(X, y, 0.0)),
        ("per_row", lambda X, y, p: penalised(X, y, p / (1 - p) * squares(X) / len(X))),
        ("variance", lambda X, y, p: penalised(X, y, p / (1 - p) * len(X) * X.var(axis=0))),
        ("mean_squared", lambda X, y, p: penalised(X, y, p / (1 - p) * len(X) * X.mean(0) ** 2)),
        ("only_p", lambda X, y, p: penalised(X, y, p * squares(X))),
        ("unscaled", lambda X, y, p: penalised(X, y, p / (1 - p) * squares(X)) / (1 - p)),
        ("only_p", lambda X, y, p: penalised(X, y, p * (1 - p) * squares(X))),
        ("swapped", lambda X, y, p: penalised(X, y, (1 - p) / max(p, 1e-12) * squares(X))),
        ("doubled", lambda X, y, p: penalised(X, y, p / (1 - p) * squares(X) / 2)),
        ("doubled", lambda X, y, p: penalised(X, y, 2 * p / (1 - p) * squares(X))),
        ("centred", lambda X, y, p: right(X - X.mean(axis=0), y - y.mean(), p)),
        ("root", lambda X, y, p: penalised(X, y, p / (1 - p) * np.sqrt(squares(X)))),
    ]

    def right(X, y, p):
        return penalised(X, y, p / (1 - p) * squares(X))

    told = explained(answer, right, lambda X, y, p: squares(X), cases[2])
    match(answer, right, cases, wrongs, ("X", "y", "p"), tol=1e-7, explain=told)


def noisy_inputs(answer, seed=0):
    rng = np.random.default_rng(seed)
    cases = [(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([2.0, 3.0]), np.array([2.0, 0.5]))]
    for n, d in ((12, 3), (40, 5), (3, 4)):
        X = rng.normal(size=(n, d)) + rng.normal(size=d)
        sigmas = rng.permutation(np.linspace(0.2, 1.5, d))
        cases.append((X, X @ rng.normal(size=d) + rng.normal(size=n), sigmas))

    def fit(penalties):
        return lambda X, y, s: penalised(X, y, penalties(X, s))

    wrongs = [
        ("no_penalty", fit(lambda X, s: 0.0)),
        ("n_missing", fit(lambda X, s: s**2)),
        ("n_twice", fit(lambda X, s: s**2 / len(X))),
        ("n_twice", fit(lambda X, s: len(X) ** 2 * s**2)),
        ("not_squared", fit(lambda X, s: len(X) * s)),
        ("not_squared n_missing", fit(lambda X, s: s)),
        ("doubled", fit(lambda X, s: 2 * len(X) * s**2)),
        ("doubled", fit(lambda X, s: len(X) * s**2 / 2)),
        ("by_columns", fit(lambda X, s: s**2 * squares(X))),
        ("by_columns", fit(lambda X, s: squares(X))),
        ("centred", lambda X, y, s: right(X - X.mean(axis=0), y - y.mean(), s)),
    ]
    right = fit(lambda X, s: len(X) * s**2)
    told = explained(answer, right, lambda X, y, s: s**2, cases[2])
    match(answer, right, cases, wrongs, ("X", "y", "sigmas"), tol=1e-7, explain=told)


TESTS = {"2.11": expected_calibration_error, "2.12": dropped_inputs, "2.14": noisy_inputs}
