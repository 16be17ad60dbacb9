"""The checks of exercise 01 that fit a line with a penalty: ridge, its scaling, and the lasso."""

import numpy as np

from reglib.assess.compare import match
from reglib.assess.guard import Wrong, show_value
from reglib.assess.tasks.norm_penalties import soft


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


def augmented_ridge(answer, seed=0):
    rng = np.random.default_rng(seed)
    small = (np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 3.0]]), np.array([3.0, 6, 7, 12]))
    cases = [(*small, 0.3), (*regression(rng, 30, 4), 0.3), (*regression(rng, 12, 3), 2.0)]
    wide = rng.normal(size=(5, 8))
    cases.append((wide, wide.sum(axis=1) + 1.0, 0.1))
    cases.append((*regression(rng, 20, 3), 0.0))
    wrongs = [
        ("The bias is penalised too. Its column must be 0 in the extra rows.",
         ridge_with_bias_penalised),
        ("There is no bias in the fit.", ridge_without_bias),
        ("The n is missing: the loss is the mean over samples, so the extra rows hold "
         "sqrt(n * l2).", lambda X, y, l2: ridge(X, y, l2 / len(X))),
        ("The root is missing: a row is squared, so the extra rows hold sqrt(n * l2), not n * l2.",
         lambda X, y, l2: ridge(X, y, len(X) * l2**2)),
        ("Half or twice the penalty: ours is l2 * sum(w**2), with no one-half.",
         lambda X, y, l2: ridge(X, y, 2 * l2)),
        ("Half or twice the penalty: ours is l2 * sum(w**2), with no one-half.",
         lambda X, y, l2: ridge(X, y, l2 / 2)),
        ("The penalty does not enter: this is plain least squares.", least_squares),
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

    def unsquared(X, l2):
        s = np.linalg.svd(X, compute_uv=False)
        return np.sum(s / (s + len(X) * l2))

    wrongs = [
        ("The n is missing: the loss is a mean over n samples, so the penalty stands beside the "
         "squared singular values as n * l2.", lambda X, l2: factors(X, l2).sum()),
        ("The singular values enter squared: s**2 / (s**2 + n * l2).", unsquared),
        ("The factors are squared once too often.",
         lambda X, l2: (factors(X, len(X) * l2) ** 2).sum()),
        ("A factor 2 too many: with no one-half in the penalty the strength is n * l2.",
         lambda X, l2: factors(X, 2 * len(X) * l2).sum()),
        ("These are the degrees of freedom that remain for the residual, n - df.",
         lambda X, l2: len(X) - factors(X, len(X) * l2).sum()),
        ("The number of columns is the answer without a penalty only.",
         lambda X, l2: float(X.shape[1])),
        ("The mean of the factors was taken. The trace is their sum.",
         lambda X, l2: factors(X, len(X) * l2).mean()),
        ("The number of columns d was used for n, the number of rows.",
         lambda X, l2: factors(X, X.shape[1] * l2).sum()),
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
        ("The new rows were scaled by their own mean and spread. Use those of the training part: "
         "a weight means the same for old and new rows only if both are scaled alike.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, new_stats=stats(N))),
        ("Mean and spread were taken from all rows together. That lets the new rows leak into the "
         "fit: use the training part alone.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=stats(np.vstack([X, N])))),
        ("The columns are not scaled, so the penalty depends on their units.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=(X.mean(axis=0), 1.0))),
        ("The new rows are not scaled, but the weights belong to scaled columns.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, new_stats=(0.0, 1.0))),
        ("The bias is missing: add the mean of `y_train`.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, shrink=0.0)),
        ("The bias is penalised: the mean of `y_train` must come through unshrunk.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, shrink=1 / (1 + l2))),
        ("The n is missing: the loss is a mean, so the strength beside Z^T Z is n * l2.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, strength=l2)),
        ("The penalty does not enter: these are the predictions of plain least squares.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, strength=0.0)),
        ("The spread was divided by n - 1. Here it is NumPy's default, `std` with n.",
         lambda X, y, N, l2: scaled_fit(X, y, N, l2, stats=stats(X, 1))),
    ]  # fmt: skip
    names = ("X_train", "y_train", "X_new", "l2")
    match(answer, scaled_fit, cases, wrongs, names, tol=1e-8)


def lasso_problem(rng, n, d, l1):
    """X, y, `l1` and the exact minimiser: y is built so that the optimality condition holds.

    At the minimum (2/n) X^T (y - Xw) = l1 * s with s the signs of w, and |s| < 1 where w is 0.
    """
    # Singular values within a factor of 2, so that a few hundred steps of ISTA always suffice.
    left, right = np.linalg.qr(rng.normal(size=(n, d)))[0], np.linalg.qr(rng.normal(size=(d, d)))[0]
    X = np.sqrt(n) * left * rng.uniform(0.7, 1.4, size=d) @ right
    w = rng.choice([-1.0, 1.0], size=d) * rng.uniform(0.5, 2.0, size=d)
    w[rng.permutation(d)[: d // 2]] = 0.0
    slope = np.where(w == 0, rng.uniform(-0.6, 0.6, size=d), np.sign(w))
    return X, X @ w + X @ np.linalg.solve(X.T @ X, slope) * l1 * n / 2, l1, w


def ista(X, y, l1, steps=400, threshold=None):
    rate = 1 / (2 / len(X) * np.linalg.norm(X, 2) ** 2)
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        w = soft(w - rate * 2 / len(X) * X.T @ (X @ w - y), threshold or rate * l1)
    return w


def arrived(given, w, close):
    """Raise `Wrong` when `given` is near the minimiser `w` but not yet there, or not exactly 0."""
    usable = isinstance(given, np.ndarray) and given.shape == w.shape
    if usable and not np.abs(given).max() < 1e6:
        raise Wrong(
            "The weights grow without end: the step is too large. 1/L is safe, see the task.",
            [("yours", show_value(given))],
        )
    gap = np.abs(given - w).max() if usable else np.inf
    if gap < 0.05 and (given[w == 0] != 0).any():
        raise Wrong(
            "Close, but the weights that should be exactly 0 are not. Sign steps only hover about "
            "zero; the soft threshold of the proximal step reaches it.",
            [("expected", show_value(w)), ("yours", show_value(given, 10))],
        )
    if close * np.abs(w).max() < gap < 0.05:
        raise Wrong(
            "The zeros are right, and the other weights have not arrived yet: more iterations, or "
            "a step that is not too small.",
            [("expected", show_value(w, 8)), ("yours", show_value(given, 8))],
        )
    return given


LASSO_WRONGS = [
    ("The factor 2 of the loss is missing: the gradient of (1/n)||y - Xw||² is "
     "(2/n) X^T (Xw - y).", lambda X, y, l1: ista(X, y, 2 * l1)),
    ("The loss was not divided by n: the penalty is n times too weak against it.",
     lambda X, y, l1: ista(X, y, l1 / len(X))),
    ("The penalty is half as strong as it should be.", lambda X, y, l1: ista(X, y, l1 / 2)),
    ("The threshold is `l1` alone. It must be `step * l1`, with the step of the gradient.",
     lambda X, y, l1: ista(X, y, l1, threshold=l1)),
    ("There is no penalty in this answer: it is plain least squares.",
     lambda X, y, l1: np.linalg.lstsq(X, y, rcond=None)[0]),
]  # fmt: skip


def lasso(answer, seed=0):
    rng = np.random.default_rng(seed)
    close = 1e-6  # what the task asks for; the stopping rule in its hints comes far closer

    def one(X, y, l1, w):
        def watched(*case):
            return arrived(answer(*case), w, close)

        names = ("X", "y", "l1")
        match(watched, lambda *case: w, [(X, y, l1)], LASSO_WRONGS, names, tol=close)

    for n, d, l1 in ((8, 2, 0.5), (40, 6, 0.4), (60, 8, 0.6)):
        one(*lasso_problem(rng, n, d, l1))


TESTS = {
    "1.7": augmented_ridge,
    "1.8": degrees_of_freedom,
    "1.10": scaled_ridge,
    "1.12": lasso,
}
