"""The checks of exercise 02 whose answers draw nothing.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

import numpy as np

from reglib.assess.compare import combined, difference, judged

TESTS = {}


def hidden_gradient(dout, z, mask, p, scale=lambda p: 1 / (1 - p)):
    """Back through ReLU and inverted dropout."""
    return dout * mask * (z > 0) * scale(p)


def hidden_cases(rng):
    first = np.array([2.0, 1.0, 1.0]), np.array([3.0, 2.0, -1.0]), np.array([True, False, True])
    mask = rng.permutation(np.arange(20) < 14).reshape(4, 5)
    dout, z = rng.normal(size=(4, 5)), rng.permutation(np.linspace(-2, 2, 20)).reshape(4, 5)
    whole = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), np.ones((2, 3), dtype=bool)
    return [(*first, 0.2), (dout, z, mask, 0.3), (*whole, 0.0)]


TESTS["2.2"] = judged(hidden_gradient, hidden_cases, [
    ("unscaled", {"scale": lambda p: 1}),
    ("unmasked", lambda d, z, m, p: hidden_gradient(d, z, 1, p)),
    ("unmasked", lambda d, z, m, p: hidden_gradient(d, z, 1, 0)),
    ("linear", lambda d, z, m, p: hidden_gradient(d, 1, m, p)),
    ("inverted", lambda d, z, m, p: hidden_gradient(d, z, ~m, p)),
    ("over_p", {"scale": lambda p: 1 / p if p else np.nan}),
    ("times_keep", {"scale": lambda p: 1 - p}), ("twice", {"scale": lambda p: 1 / (1 - p) ** 2}),
    ("forward", lambda d, z, m, p: hidden_gradient(z, z, m, p)),
    ("times_h", lambda d, z, m, p: hidden_gradient(d * z, z, m, p)),
    ("without_dout", lambda d, z, m, p: hidden_gradient(1, z, m, p)),
])  # fmt: skip


def kept(mask, p, n):
    """What DropConnect multiplies the weights by, and their gradient."""
    return mask / (1 - p)


def connect_gradients(x, W, mask, p, dout, in_dx=kept, in_dW=kept, db=lambda d, m, p: d.sum(0)):
    through = W * in_dx(mask, p, len(x))
    return dout @ through.T, x.T @ dout * in_dW(mask, p, len(x)), db(dout, mask, p)


def connect_cases(rng):
    x, W, dout = (np.array([[1.0, a], [b, 2.0]]) for a, b in ((3.0, -1.0), (3.0, 4.0), (0.0, 2.0)))
    cases = [(x, W, np.array([[True, False], [True, True]]), 0.2, dout)]
    for n, n_in, n_out, p in ((6, 4, 3, 0.3), (3, 5, 2, 0.6), (4, 2, 5, 0.0)):
        mask = rng.permutation(np.arange(n_in * n_out) >= p * n_in * n_out).reshape(n_in, n_out)
        x, W, dout = (rng.normal(size=s) for s in ((n, n_in), (n_in, n_out), (n, n_out)))
        cases.append((x, W, mask, p, dout))
    return cases


CONNECTED = combined({
    "in_dx": [
        ("", kept), ("dx_whole", lambda m, p, n: 1), ("dx_whole", lambda m, p, n: 1 / (1 - p)),
        ("dx_unscaled", lambda m, p, n: m),
    ],
    "in_dW": [
        ("", kept), ("dW_whole", lambda m, p, n: 1), ("dW_whole", lambda m, p, n: 1 / (1 - p)),
        ("dW_unscaled", lambda m, p, n: m), ("averaged", lambda m, p, n: m / (1 - p) / n),
    ],
    "db": [
        ("", lambda d, m, p: d.sum(axis=0)), ("averaged", lambda d, m, p: d.mean(axis=0)),
        ("db_scaled", lambda d, m, p: d.sum(axis=0) / (1 - p)),
        ("db_masked", lambda d, m, p: d.sum(axis=0) * m.mean(axis=0)),
        ("db_masked", lambda d, m, p: (d.sum(axis=0) * m).sum(axis=0)),
    ],
})  # fmt: skip
TESTS["2.7"] = judged(connect_gradients, connect_cases, CONNECTED, ("dx", "dW", "db"))


def logit_gap(k, alpha, log=np.log, ratio=lambda k, a: 1 + k * (1 - a) / a):
    return log(ratio(k, alpha))


def gap_cases(rng):
    return [(10, 0.1), (4, float(rng.uniform(0.05, 0.5))), (2, 0.3), (100, 0.01), (5, 1.0)]


TESTS["2.9"] = judged(logit_gap, gap_cases, [
    ("share", {"ratio": lambda k, a: k * (1 - a) / a}),
    ("rest", {"ratio": lambda k, a: (1 - a) * (k - 1) / a}),
    ("others", {"ratio": lambda k, a: (1 - a) / a}),
    ("others", {"ratio": lambda k, a: 1 + (1 - a) / a}), ("ratio", {"log": float}),
    ("probability", lambda k, a: 1 - a), ("log_true", {"ratio": lambda k, a: 1 - a + a / k}),
    ("sign", {"log": lambda ratio: -np.log(ratio)}), ("base", {"log": np.log2}),
    ("base", {"log": np.log10}), ("not_others", {"ratio": lambda k, a: (k - a) / a}),
])  # fmt: skip


def row_max(Z):
    return Z.max(axis=-1, keepdims=True)


def log_softmax(Z, less=row_max, late=True):
    """The log of softmax; by way of the probabilities (not `late`) it may be that of 0."""
    Z = Z - less(Z)
    sums = np.exp(Z).sum(axis=-1, keepdims=True)
    return Z - np.log(sums) if late else np.log(np.exp(Z) / sums)


def smoothed(
    Z, y, alpha, true=lambda a, k: 1 - a, every=lambda a, k: a / k, less=row_max, late=True
):
    """The mean of minus the sum of q log p; q gives each class `every`, and `true` on top."""
    logs, k = log_softmax(Z, less, late), Z.shape[1]
    given = true(alpha, k) * logs[np.arange(len(y)), y]
    return -np.mean(given + every(alpha, k) * logs.sum(axis=1))


def smoothed_cases(rng):
    first = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), np.array([0, 0])
    large = 1e4 * np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 1.0]]), np.array([0, 2])
    return [
        (*first, 0.3), (2 * rng.normal(size=(7, 5)), rng.integers(5, size=7), 0.1),
        (rng.normal(size=(4, 3)), rng.integers(3, size=4), 0.0), (*large, 0.1),
        (rng.normal(size=(3, 4)) + [[1e4], [-1e4], [0]], rng.integers(4, size=3), 0.3),
    ]  # fmt: skip


def cut_off(given, case):
    """A clip, or a small number beside the probability, holds each log above about -700."""
    if difference(given, 0.0, np.inf):  # no finite number
        return None
    if given > 1e100:  # minus infinity, made finite
        return "log_of_zero"
    if np.round(given, 6) == given:
        return None
    close, large = abs(given - smoothed(*case)) < 1e-4, case[0].max() == 1e4
    return "clipped" if close or (large and 0 < given < 400) else None


TESTS["2.10"] = judged(smoothed, smoothed_cases, [
    ("log_of_zero", {"late": False}), ("one_max", {"less": np.max, "late": False}),
    ("one_max", {"less": np.max}), ("overflow", {"less": np.zeros_like, "late": False}),
    ("overflow", {"less": np.zeros_like}),
    ("column_max", lambda Z, y, a: smoothed(Z - Z.max(axis=0), y, a)),
    ("turned", lambda Z, y, a: smoothed(Z, y, 1 - a)),
    ("summed", lambda Z, y, a: len(Z) * smoothed(Z, y, a)),
    ("over_nk", lambda Z, y, a: smoothed(Z, y, a) / Z.shape[1]),
    ("hard", lambda Z, y, a: smoothed(Z, y, 0.0)),
    ("rest", lambda Z, y, a: smoothed(Z, y, a * Z.shape[1] / (Z.shape[1] - 1))),
    ("kept_one", {"true": lambda a, k: 1.0}), ("no_share", {"every": lambda a, k: 0.0}),
    ("not_shared", {"every": lambda a, k: a}), ("sign", lambda *case: -smoothed(*case)),
    ("true_only", {"true": lambda a, k: 1 - a - a / k}),
], tol=1e-8, explain=cut_off)  # fmt: skip
