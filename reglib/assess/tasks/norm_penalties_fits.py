"""The checks of exercise 01 that fit a line with ridge, and of its scaling."""

import numpy as np

from reglib.assess.compare import judged

TESTS = {}


def penalised(X, y, penalties):
    """The minimiser of ||y - Xw||^2 + sum_j penalties_j w_j^2, the smallest of several."""
    return np.linalg.pinv(X.T @ X + np.diag(penalties * np.ones(X.shape[1]))) @ X.T @ y


def regression(rng, n, d):
    """A well-conditioned problem whose columns and target lie away from zero."""
    X = rng.normal(size=(n, d)) + rng.uniform(0.5, 1.5, size=d)
    return X, X @ rng.uniform(0.5, 2.0, size=d) + 5.0 + 0.3 * rng.normal(size=n)


def ridge(X, y, l2, column=lambda root, last: 0 * last):
    """Weights and bias by rows of data and rows that penalise; `column` is the bias's in these."""
    (n, d), root = X.shape, np.sqrt(len(X) * l2)
    extra = np.column_stack([root * np.eye(d + 1, d), column(root, np.eye(d + 1)[d])])
    A = np.vstack([np.column_stack([X, np.ones(n)]), extra])
    w = np.linalg.lstsq(A, np.append(y, np.zeros(d + 1)), rcond=None)[0]
    return w[:-1], w[-1]


def ridge_cases(rng):
    small = (np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 3.0]]), np.array([3.0, 6, 7, 12]))
    cases = [(*small, 0.3), (*regression(rng, 30, 4), 0.3), (*regression(rng, 12, 3), 2.0)]
    wide = rng.normal(size=(5, 8))
    return [*cases, (wide, wide.sum(axis=1) + 1.0, 0.1), (*regression(rng, 20, 3), 0.0)]


def y_centred(X, y, l2):
    return penalised(X, y - y.mean(), len(X) * l2)


# Condition numbers below 1e3 even squared: any method keeps twelve digits.
TESTS["1.7"] = judged(ridge, ridge_cases, [
    ("bias_penalised", {"column": lambda root, last: root * last}),
    ("no_bias", lambda X, y, l2: (penalised(X, y, len(X) * l2), 0.0)),
    ("ones_below", {"column": lambda root, last: 1 - last}),
    ("ones_below", {"column": lambda root, last: root * (1 - last)}),
    ("x_uncentred", lambda X, y, l2: (y_centred(X, y, l2), y.mean())),
    ("x_uncentred",
     lambda X, y, l2: (w := y_centred(X, y, l2), y.mean() - X.mean(axis=0) @ w)),
    ("bias_is_mean", lambda X, y, l2: (ridge(X, y, l2)[0], y.mean())),
    ("bias_lost", lambda X, y, l2: (ridge(X, y, l2)[0], 0.0)),
    ("no_n", lambda X, y, l2: ridge(X, y, l2 / len(X))),
    ("no_root", lambda X, y, l2: ridge(X, y, len(X) * l2**2)),
    ("half_or_twice", lambda X, y, l2: ridge(X, y, 2 * l2)),
    ("half_or_twice", lambda X, y, l2: ridge(X, y, l2 / 2)),
    ("no_penalty", lambda X, y, l2: ridge(X, y, 0.0)),
], ("w", "b"), tol=1e-8)  # fmt: skip


def freedom(X, l2, size=len, power=2, total=np.sum):
    """The effective degrees of freedom: the sum of what ridge keeps of each direction."""
    squares = np.linalg.svd(X, compute_uv=False) ** power
    return total(squares / (squares + size(X) * l2))


def freedom_cases(rng):
    first = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    sizes = ((20, 5), 0.4), ((4, 9), 0.7), ((15, 3), 0.0)
    return [(first, 0.5), *((rng.normal(size=size), l2) for size, l2 in sizes)]


TESTS["1.8"] = judged(freedom, freedom_cases, [
    ("no_n", {"size": lambda X: 1}), ("unsquared", {"power": 1}), ("squared_twice", {"power": 4}),
    ("inverse_alone",
     lambda X, l2: np.trace(np.linalg.inv(X.T @ X + len(X) * l2 * np.eye(X.shape[1])))),
    ("factors_squared", {"total": lambda kept: np.sum(kept**2)}),
    ("factor_2", {"size": lambda X: 2 * len(X)}),
    ("residual", lambda X, l2: len(X) - freedom(X, l2)),
    ("columns", lambda X, l2: float(X.shape[1])), ("mean", {"total": np.mean}),
    ("d_for_n", {"size": lambda X: X.shape[1]}),
])  # fmt: skip


def stats(X, ddof=0):
    return X.mean(axis=0), X.std(axis=0, ddof=ddof)


def scaled_fit(
    X_train, y_train, X_new, l2, of=lambda X, N: stats(X), new=None, size=len, bias=lambda l2: 1.0
):
    """Ridge on scaled columns, with the means and deviations `of` the training set."""
    (mean, std), mu = of(X_train, X_new), y_train.mean()
    Z, (new_mean, new_std) = (X_train - mean) / std, (new or of)(X_train, X_new)
    w = penalised(Z, y_train - mu, size(Z) * l2)
    return mu * bias(l2) + (X_new - new_mean) / new_std @ w


def scaled_cases(rng):
    cases = []
    for n, d, m, l2 in ((6, 2, 3, 0.5), (25, 4, 7, 0.2), (30, 3, 5, 1.0)):
        X, y = regression(rng, n, d)
        units = 10.0 ** rng.integers(-1, 3, size=d)
        X_new = (rng.normal(size=(m, d)) * rng.uniform(0.5, 2.0, size=d) + 2.0) * units
        cases.append((X * units, y, X_new, l2))
    return cases


TESTS["1.10"] = judged(scaled_fit, scaled_cases, [
    ("own_stats", {"new": lambda X, N: stats(N)}),
    ("leak", {"of": lambda X, N: stats(np.vstack([X, N]))}),
    ("unscaled", {"of": lambda X, N: (X.mean(axis=0), 1.0)}),
    ("one_number", {"of": lambda X, N: (X.mean(), X.std())}),
    ("one_number", {"of": lambda X, N: (X.mean(axis=0), X.std())}),
    ("one_number", {"of": lambda X, N: (X.mean(), X.std(axis=0))}),
    ("variance", {"of": lambda X, N: (X.mean(axis=0), X.var(axis=0))}),
    ("new_unscaled", {"new": lambda X, N: (0.0, 1.0)}), ("no_bias", {"bias": lambda l2: 0.0}),
    ("bias_penalised", {"bias": lambda l2: 1 / (1 + l2)}), ("no_n", {"size": lambda Z: 1}),
    ("no_penalty", {"size": lambda Z: 0}), ("ddof", {"of": lambda X, N: stats(X, 1)}),
], tol=1e-8)  # fmt: skip
