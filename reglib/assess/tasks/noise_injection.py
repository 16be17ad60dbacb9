"""The checks of exercise 02 whose answers draw nothing; what they say is in the `says` tables."""

from itertools import product

import numpy as np

from reglib.assess.compare import difference, match


def relu_slope(dout, z, mask, p, scale=1.0):
    return dout * mask * (z > 0) * scale


def hidden_gradient(answer, seed=0):
    rng = np.random.default_rng(seed)
    mask = rng.permutation(np.arange(20) < 14).reshape(4, 5)
    cases = [
        (np.array([2.0, 1.0, 1.0]), np.array([3.0, 2.0, -1.0]), np.array([True, False, True]), 0.2),
        (rng.normal(size=(4, 5)), rng.permutation(np.linspace(-2, 2, 20)).reshape(4, 5), mask, 0.3),
        (rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), np.ones((2, 3), dtype=bool), 0.0),
    ]
    wrongs = [
        ("unscaled", relu_slope),
        ("unmasked", lambda d, z, m, p: relu_slope(d, z, 1, p, 1 / (1 - p))),
        ("unmasked", lambda d, z, m, p: relu_slope(d, z, 1, p)),
        ("linear", lambda d, z, m, p: d * m / (1 - p)),
        ("inverted", lambda d, z, m, p: relu_slope(d, z, ~m, p, 1 / (1 - p))),
        ("over_p", lambda d, z, m, p: relu_slope(d, z, m, p, 1 / p if p else np.nan)),
        ("times_keep", lambda d, z, m, p: relu_slope(d, z, m, p, 1 - p)),
        ("twice", lambda d, z, m, p: relu_slope(d, z, m, p, 1 / (1 - p) ** 2)),
        ("forward", lambda d, z, m, p: np.maximum(z, 0) * m / (1 - p)),
        ("times_h", lambda d, z, m, p: d * np.maximum(z, 0) * m / (1 - p)),
        ("without_dout", lambda d, z, m, p: relu_slope(1, z, m, p, 1 / (1 - p))),
    ]

    def right(dout, z, mask, p):
        return relu_slope(dout, z, mask, p, 1 / (1 - p))

    match(answer, right, cases, wrongs, ("dout", "z", "mask", "p"))


# What may become of each gradient of DropConnect; "" marks the right one.
CONNECTED = (
    [("", lambda x, W, m, p, d: d @ (W * m).T / (1 - p)),
     ("dx_whole", lambda x, W, m, p, d: d @ W.T),
     ("dx_whole", lambda x, W, m, p, d: d @ W.T / (1 - p)),
     ("dx_unscaled", lambda x, W, m, p, d: d @ (W * m).T)],
    [("", lambda x, W, m, p, d: x.T @ d * m / (1 - p)),
     ("dW_whole", lambda x, W, m, p, d: x.T @ d),
     ("dW_whole", lambda x, W, m, p, d: x.T @ d / (1 - p)),
     ("dW_unscaled", lambda x, W, m, p, d: x.T @ d * m),
     ("averaged", lambda x, W, m, p, d: x.T @ d * m / (1 - p) / len(x))],
    [("", lambda x, W, m, p, d: d.sum(axis=0)),
     ("db_scaled", lambda x, W, m, p, d: d.sum(axis=0) / (1 - p)),
     ("db_masked", lambda x, W, m, p, d: d.sum(axis=0) * m.mean(axis=0)),
     ("db_masked", lambda x, W, m, p, d: (d.sum(axis=0) * m).sum(axis=0)),
     ("averaged", lambda x, W, m, p, d: d.mean(axis=0))],
)  # fmt: skip


def combined(outputs):
    """Every combination of what may become of each output: its keys, and a function of the case."""
    for parts in product(*outputs):
        keys = dict.fromkeys(key for key, _ in parts if key)
        yield " ".join(keys), lambda *case, parts=parts: tuple(f(*case) for _, f in parts)


def dropconnect_gradients(answer, seed=0):
    rng = np.random.default_rng(seed)
    x, W, dout = (np.array([[1.0, a], [b, 2.0]]) for a, b in ((3.0, -1.0), (3.0, 4.0), (0.0, 2.0)))
    cases = [(x, W, np.array([[True, False], [True, True]]), 0.2, dout)]
    for n, n_in, n_out, p in ((6, 4, 3, 0.3), (3, 5, 2, 0.6), (4, 2, 5, 0.0)):
        kept = rng.permutation(np.arange(n_in * n_out) >= p * n_in * n_out).reshape(n_in, n_out)
        x, W, dout = (rng.normal(size=s) for s in ((n, n_in), (n_in, n_out), (n, n_out)))
        cases.append((x, W, kept, p, dout))
    (_, right), *wrongs = combined(CONNECTED)
    names = ("x", "W", "mask", "p", "dout", "dx", "dW", "db")
    match(answer, right, cases, wrongs, names)


def logit_gap(answer, seed=0):
    rng = np.random.default_rng(seed)
    cases = [(10, 0.1), (4, float(rng.uniform(0.05, 0.5))), (2, 0.3), (100, 0.01), (5, 1.0)]
    wrongs = [
        ("share", lambda k, a: np.log(k * (1 - a) / a)),
        ("rest", lambda k, a: np.log((1 - a) * (k - 1) / a)),
        ("others", lambda k, a: np.log((1 - a) / a)),
        ("others", lambda k, a: np.log(1 + (1 - a) / a)),
        ("ratio", lambda k, a: 1 + k * (1 - a) / a),
        ("probability", lambda k, a: 1 - a),
        ("log_true", lambda k, a: np.log(1 - a + a / k)),
        ("sign", lambda k, a: -np.log(1 + k * (1 - a) / a)),
        ("base", lambda k, a: np.log2(1 + k * (1 - a) / a)),
        ("base", lambda k, a: np.log10(1 + k * (1 - a) / a)),
        ("not_others", lambda k, a: np.log((k - a) / a)),
    ]
    match(answer, lambda k, a: np.log(1 + k * (1 - a) / a), cases, wrongs, ("k", "alpha"))


def log_softmax(Z):
    Z = Z - Z.max(axis=-1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=-1, keepdims=True))


def cross_entropy(Z, y, true, all_others):
    """The mean of minus the sum of q log p; q gives each class `all_others`, `true` on top."""
    logs = log_softmax(Z)
    return -np.mean(true * logs[np.arange(len(y)), y] + all_others * logs.sum(axis=1))


def by_softmax(Z, y, alpha, late=False):
    """The same from the probabilities, or from their logs, where exp and log lose everything."""
    Y = np.eye(Z.shape[1])[y] * (1 - alpha) + alpha / Z.shape[1]
    sums = np.exp(Z).sum(axis=1, keepdims=True)
    return -np.mean(np.sum(Y * (Z - np.log(sums) if late else np.log(np.exp(Z) / sums)), axis=1))


def smoothed_cross_entropy(answer, seed=0):
    rng = np.random.default_rng(seed)
    large = 1e4 * np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 1.0]])
    cases = [
        (np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), np.array([0, 0]), 0.3),
        (2 * rng.normal(size=(7, 5)), rng.integers(5, size=7), 0.1),
        (rng.normal(size=(4, 3)), rng.integers(3, size=4), 0.0),
        (large, np.array([0, 2]), 0.1),
        (rng.normal(size=(3, 4)) + [[1e4], [-1e4], [0]], rng.integers(4, size=3), 0.3),
    ]

    def k(Z):
        return Z.shape[1]

    wrongs = [
        ("log_of_zero", lambda Z, y, a: by_softmax(Z - Z.max(axis=1, keepdims=True), y, a)),
        ("one_max", lambda Z, y, a: by_softmax(Z - Z.max(), y, a)),
        ("one_max", lambda Z, y, a: by_softmax(Z - Z.max(), y, a, late=True)),
        ("overflow", by_softmax),
        ("overflow", lambda Z, y, a: by_softmax(Z, y, a, late=True)),
        ("column_max", lambda Z, y, a: cross_entropy(Z - Z.max(axis=0), y, 1 - a, a / k(Z))),
        ("turned", lambda Z, y, a: cross_entropy(Z, y, a, (1 - a) / k(Z))),
        ("summed", lambda Z, y, a: len(Z) * cross_entropy(Z, y, 1 - a, a / k(Z))),
        ("over_nk", lambda Z, y, a: cross_entropy(Z, y, 1 - a, a / k(Z)) / k(Z)),
        ("hard", lambda Z, y, a: cross_entropy(Z, y, 1.0, 0.0)),
        ("rest", lambda Z, y, a: cross_entropy(Z, y, 1 - a * k(Z) / (k(Z) - 1), a / (k(Z) - 1))),
        ("kept_one", lambda Z, y, a: cross_entropy(Z, y, 1.0, a / k(Z))),
        ("no_share", lambda Z, y, a: cross_entropy(Z, y, 1 - a, 0.0)),
        ("not_shared", lambda Z, y, a: cross_entropy(Z, y, 1 - a, a)),
        ("sign", lambda Z, y, a: -cross_entropy(Z, y, 1 - a, a / k(Z))),
        ("true_only", lambda Z, y, a: cross_entropy(Z, y, 1 - a - a / k(Z), a / k(Z))),
    ]

    def right(Z, y, alpha):
        return cross_entropy(Z, y, 1 - alpha, alpha / Z.shape[1])

    def cut_off(given, case):
        """A clip, or a small number beside the probability, holds each log above about -700."""
        if difference(given, 0.0, np.inf):  # no finite number
            return None
        if given > 1e100:  # minus infinity, made finite
            return "log_of_zero"
        if np.round(given, 6) == given:
            return None
        close = abs(given - right(*case)) < 1e-4
        return "clipped" if close or (case[0] is large and 0 < given < 400) else None

    match(answer, right, cases, wrongs, ("Z", "y", "alpha"), tol=1e-8, explain=cut_off)


TESTS = {
    "2.2": hidden_gradient,
    "2.7": dropconnect_gradients,
    "2.9": logit_gap,
    "2.10": smoothed_cross_entropy,
}
