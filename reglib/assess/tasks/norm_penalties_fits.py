"""The checks of exercise 01 that fit a line with ridge, and of its scaling."""

import numpy as np

from reglib.assess.compare import match


def regression(rng, n, d):
    """A well-conditioned problem whose columns and target lie away from zero."""
    X = rng.normal(size=(n, d)) + rng.uniform(0.5, 1.5, size=d)
    return X, X @ rng.uniform(0.5, 2.0, size=d) + 5.0 + 0.3 * rng.normal(size=n)


def ridge(X, y, l2):
    mean = X.mean(axis=0)
    Z = X - mean
    w = np.linalg.solve(Z.T @ Z + len(X) * l2 * np.eye(X.shape[1]), Z.T @ (y - y.mean()))
    return w, y.mean() - mean @ w


def ridge_with_bias_penalised(X, y, l2):
    A = np.column_stack([X, np.ones(len(X))])
    w = np.linalg.solve(A.T @ A + len(X) * l2 * np.eye(A.shape[1]), A.T @ y)
    return w[:-1], w[-1]


def ridge_without_bias(X, y, l2):
    return np.linalg.solve(X.T @ X + len(X) * l2 * np.eye(X.shape[1]), X.T @ y), 0.0


def least_squares(X, y, l2):
    w = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
    return w, y.mean() - X.mean(axis=0) @ w


def ridge_with_ones_below(X, y, l2, one=1.0):
    """Augmented rows whose bias column holds `one` where a 0 belongs."""
    n, d = X.shape
    extra = np.column_stack([np.sqrt(n * l2) * np.eye(d), np.full(d, one)])
    A = np.vstack([np.column_stack([X, np.ones(n)]), extra])
    w = np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0]
    return w[:-1], w[-1]


def ridge_y_centred(X, y, l2):
    return ridge_without_bias(X, y - y.mean(), l2)[0], y.mean()


def augmented_ridge(answer, seed=0):
    rng = np.random.default_rng(seed)
    small = (np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 3.0]]), np.array([3.0, 6, 7, 12]))
    cases = [(*small, 0.3), (*regression(rng, 30, 4), 0.3), (*regression(rng, 12, 3), 2.0)]
    wide = rng.normal(size=(5, 8))
    cases.append((wide, wide.sum(axis=1) + 1.0, 0.1))
    cases.append((*regression(rng, 20, 3), 0.0))
    wrongs = [
        ("bias_penalised", ridge_with_bias_penalised),
        ("no_bias", ridge_without_bias),
        ("ones_below", ridge_with_ones_below),
        ("ones_below", lambda X, y, l2: ridge_with_ones_below(X, y, l2, np.sqrt(len(X) * l2))),
        ("x_uncentred", ridge_y_centred),
        ("x_uncentred",
         lambda X, y, l2: (v := ridge_y_centred(X, y, l2)[0], y.mean() - X.mean(axis=0) @ v)),
        ("bias_is_mean", lambda X, y, l2: (ridge(X, y, l2)[0], y.mean())),
        ("bias_lost", lambda X, y, l2: (ridge(X, y, l2)[0], 0.0)),
        ("no_n", lambda X, y, l2: ridge(X, y, l2 / len(X))),
        ("no_root", lambda X, y, l2: ridge(X, y, len(X) * l2**2)),
        ("half_or_twice", lambda X, y, l2: ridge(X, y, 2 * l2)),
        ("half_or_twice", lambda X, y, l2: ridge(X, y, l2 / 2)),
        ("no_penalty", least_squares),
    ]  # fmt: skip
    # Condition numbers below 1e3 even squared: any method keeps twelve digits.
    match(answer, ridge, cases, wrongs, ("X", "y", "l2", "w", "b"), tol=1e-8)


def factors(X, strength):
    squares = np.linalg.svd(X, compute_uv=False) ** 2
    return squares / (squares + strength)


def degrees_of_freedom(answer, seed=0):
    rng = np.random.default_rng(seed)
    cases = [
        (np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), 0.5),
        (rng.normal(size=(20, 5)), 0.4),
        (rng.normal(size=(4, 9)), 0.7),
        (rng.normal(size=(15, 3)), 0.0),
    ]

    def power_sum(X, l2, power):
        s = np.linalg.svd(X, compute_uv=False) ** power
        return np.sum(s / (s + len(X) * l2))

    wrongs = [
        ("no_n", lambda X, l2: factors(X, l2).sum()),
        ("unsquared", lambda X, l2: power_sum(X, l2, 1)),
        ("squared_twice", lambda X, l2: power_sum(X, l2, 4)),
        ("inverse_alone",
         lambda X, l2: np.trace(np.linalg.inv(X.T @ X + len(X) * l2 * np.eye(X.shape[1])))),
        ("factors_squared", lambda X, l2: (factors(X, len(X) * l2) ** 2).sum()),
        ("factor_2", lambda X, l2: factors(X, 2 * len(X) * l2).sum()),
        ("residual", lambda X, l2: len(X) - factors(X, len(X) * l2).sum()),
        ("columns", lambda X, l2: float(X.shape[1])),
        ("mean", lambda X, l2: factors(X, len(X) * l2).mean()),
        ("d_for_n", lambda X, l2: factors(X, X.shape[1] * l2).sum()),
    ]  # fmt: skip
    match(answer, lambda X, l2: factors(X, len(X) * l2).sum(), cases, wrongs, ("X", "l2"))


def scaled_fit(X_train, y, X_new, l2, stats=None, new_stats=None, shrink=1.0, strength=None):
    stats = stats or (X_train.mean(axis=0), X_train.std(axis=0))
    new_stats = new_stats or stats
    Z, Z_new = (X_train - stats[0]) / stats[1], (X_new - new_stats[0]) / new_stats[1]
    strength = len(Z) * l2 if strength is None else strength
    w = np.linalg.solve(Z.T @ Z + strength * np.eye(Z.shape[1]), Z.T @ (y - y.mean()))
    return y.mean() * shrink + Z_new @ w


def scaled_ridge(answer, seed=0):
    rng = np.random.default_rng(seed)
    cases = []
    for n, d, m, l2 in ((6, 2, 3, 0.5), (25, 4, 7, 0.2), (30, 3, 5, 1.0)):
        X, y = regression(rng, n, d)
        units = 10.0 ** rng.integers(-1, 3, size=d)
        X_new = (rng.normal(size=(m, d)) * rng.uniform(0.5, 2.0, size=d) + 2.0) * units
        cases.append((X * units, y, X_new, l2))

    def stats(X, ddof=0):
        return X.mean(axis=0), X.std(axis=0, ddof=ddof)

    wrongs = [
        ("own_stats", lambda X, y, N, l2: scaled_fit(X, y, N, l2, new_stats=stats(N))),
        ("leak", lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=stats(np.vstack([X, N])))),
        ("unscaled", lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=(X.mean(axis=0), 1.0))),
        ("one_number", lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=(X.mean(), X.std()))),
        ("one_number",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=(X.mean(axis=0), X.std()))),
        ("one_number",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=(X.mean(), X.std(axis=0)))),
        ("variance",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=(X.mean(axis=0), X.var(axis=0)))),
        ("new_unscaled", lambda X, y, N, l2: scaled_fit(X, y, N, l2, new_stats=(0.0, 1.0))),
        ("no_bias", lambda X, y, N, l2: scaled_fit(X, y, N, l2, shrink=0.0)),
        ("bias_penalised", lambda X, y, N, l2: scaled_fit(X, y, N, l2, shrink=1 / (1 + l2))),
        ("no_n", lambda X, y, N, l2: scaled_fit(X, y, N, l2, strength=l2)),
        ("no_penalty", lambda X, y, N, l2: scaled_fit(X, y, N, l2, strength=0.0)),
        ("ddof", lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=stats(X, 1))),
    ]  # fmt: skip
    names = ("X_train", "y_train", "X_new", "l2")
    match(answer, scaled_fit, cases, wrongs, names, tol=1e-8)


TESTS = {
    "1.7": augmented_ridge,
    "1.8": degrees_of_freedom,
    "1.10": scaled_ridge,
}
