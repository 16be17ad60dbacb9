"""The checks of exercise 04 on the forward pass, the loss, each backward step and the start.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

from functools import partial

import numpy as np

from reglib.activations import activate, sigmoid, slope
from reglib.assess.compare import combined, difference, judged, unlike_number
from reglib.assess.tasks.noise_injection_draws import SIGMAS, blame, named, repeated
from reglib.losses import outputs

TESTS, NAMES = {}, ("relu", "tanh", "sigmoid")


def network(rng, n, *sizes):
    """X, Y one-hot, weights and biases: no slope is flat, and no bias too small to be seen."""
    pairs = zip(sizes, sizes[1:], strict=False)
    weights = tuple(rng.normal(size=pair) * 1.5 / pair[0] ** 0.5 for pair in pairs)
    biases = tuple(rng.uniform(0.3, 1, size=(1, size)) for size in sizes[1:])
    Y = np.eye(sizes[-1])[rng.permutation(n) % sizes[-1]]
    return rng.normal(size=(n, sizes[0])).round(1), Y, weights, biases


def cases(make, *shapes):
    """Return cases(rng): what `make` makes of an activation and of a network of each shape."""
    return lambda rng: [make(NAMES[i % 3], *network(rng, *s)) for i, s in enumerate(shapes)]


def scores(X, weights, biases, activation, act=None, last=0, bias=1, late=0):
    """The last layer's z; `act` takes the place of the activation, also at the `last` layer."""
    a, act = X, act or partial(activate, activation)
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        a = act(a @ W + bias * b) + late * b
    z = a @ weights[-1] + (bias or late) * biases[-1]
    return act(z) if last else z


TESTS["4.1"] = judged(scores, cases(
    lambda name, X, Y, weights, biases: (X, weights, biases, name),
    (2, 2, 3, 1), (4, 3, 5, 2), (5, 3, 4, 4, 2), (6, 4, 5, 3, 6, 2), (3, 4, 2)), [
    *combined({"act": [("", None), *(("other", partial(activate, own)) for own in NAMES)],
               "last": [("", 0), ("last_activated", 1)]}), ("never_activated", {"act": np.array}),
    ("last_activated", lambda *c: sigmoid(scores(*c))), ("bias_late", {"bias": 0, "late": 1}),
    ("no_bias", {"bias": 0})])  # fmt: skip


def training_loss(Z, Y, weights, biases, l1, l2, loss, out=sigmoid, square=np.mean, mean=np.sum,
                  entropy=lambda Z, Y: np.logaddexp(0, Z) - Y * Z, size=abs):  # fmt: skip
    data = square((out(Z) - Y) ** 2) if loss == "squared_error" else mean(entropy(Z, Y)) / len(Z)
    return data + sum(l1 * size(W).sum() + l2 * (W**2).sum() for W in weights)


def not_from_z(given, case):
    """What a loss becomes that is computed from probabilities: NaN, infinite or cut off."""
    gap = 0 if unlike_number(given) else given - training_loss(*case)
    return "overflow" if not np.isfinite(gap) else "clipped" if gap < -99 else None


TESTS["4.2"] = judged(training_loss, cases(
    lambda name, X, Y, *net: (
        (X * 1e6 ** (len(X) == 3)).clip(-1e4, 1e4), 0.75 * Y, *net, 0.03, 0.02,
        ("squared_error", "binary_cross_entropy")[name != "tanh"]),
    (2, 1, 2, 1), (4, 2, 3, 2), (3, 2, 4, 2), (5, 3, 2, 3), (3, 3, 2, 3)), [
    ("no_penalty", lambda *c: training_loss(*c[:4], 0, 0, c[6])), ("scores", {"out": np.array}),
    ("biases_pay", lambda *c: training_loss(*c[:2], c[2] + c[3], *c[3:])),
    ("half", lambda *c: training_loss(*c[:5], c[5] / 2, c[6])), ("signed", {"size": np.array}),
    ("per_sample", lambda *c: training_loss(*c[:4], c[4] / len(c[0]), c[5] / len(c[0]), c[6])),
    ("squared_sum", {"square": lambda E: E.sum() / len(E)}),
    ("entropy_mean", {"mean": lambda T: T.sum() / T.shape[1]}),
    ("one_side", {"entropy": lambda Z, Y: Y * np.logaddexp(0, -Z)}),
], explain=not_from_z)  # fmt: skip


def output_delta(Z, Y, output, times=2, count=np.size, way="full", out=outputs):
    """The gradient of the squared error with respect to the last layer's z."""
    A = out(output, Z)
    dA = times * (A - Y) / count(Y)
    if output == "softmax" and way == "full":
        return A * (dA - np.sum(A * dA, axis=1, keepdims=True))
    return {"none": 1, "late": slope("sigmoid", A)}.get(way, A * (1 - A)) * dA


DELTAS = {"times": [("", 2), ("two", 1)],
          "way": [("", "full"), ("diagonal", "diagonal"), ("no_slope", "none")],
          "count": [("", np.size), ("outputs", len), ("not_mean", lambda Y: 1)]}  # fmt: skip
TESTS["4.3"] = judged(output_delta, cases(
    lambda name, Z, Y, *_: (Z, 0.75 * Y, "softmax" if name == "relu" else "sigmoid"),
    (2, 3, 3), (2, 2, 2), (4, 1, 1), (5, 4, 4), (4, 3, 3)), [
    *combined(DELTAS, "two no_slope not_mean"), ("turned", {"times": -2}),
    ("slope_of_a", {"way": "late"}),
    ("other_axis", {"out": lambda name, Z: outputs(name, Z.T).T})])  # fmt: skip


def hidden_step(delta_above, W_above, z, a_below, activation, at=slope, early=0, n=1, m=1):
    """delta, dW and db of a hidden layer; `early` takes the gradients before the slope."""
    passed = delta_above @ W_above.T
    delta = passed * at(activation, z)
    used = passed if early else delta
    return delta, a_below.T @ used / n, used.sum(axis=0, keepdims=True) / m


SLOPED = [
    ("no_slope", {"at": lambda name, z: 1.0}), ("activated", {"at": activate}),
    ("slope_of_a", {"at": lambda name, z: slope(name, activate(name, z))}),
    ("formula", {"at": lambda name, z: {"sigmoid": z - z**2, "tanh": 1 - z**2}.get(name, z > 0)}),
    *(("other", {"at": lambda name, z, own=own: slope(own, z)}) for own in NAMES)]  # fmt: skip
TESTS["4.4"] = judged(hidden_step, cases(
    lambda name, X, Y, W, b: (Y - 0.3, W[1], X @ W[0] + b[0], X, name),
    (3, 2, 4, 2), (2, 2, 3, 1), (6, 5, 3, 4)), [
    *SLOPED, ("early", {"early": 1}), *(
        ("mean_again", lambda *c, n=n, m=m: hidden_step(*c, n=len(c[0]) ** n, m=len(c[0]) ** m))
        for n, m in ((1, 1), (1, 0), (0, 1))),
], ("delta", "dW", "db"))  # fmt: skip


def gradients(X, Y, weights, biases, activation, l1, l2, at=slope, count=len, pull=np.sign, paid=0):
    """The gradients of the cross-entropy of a network with two hidden layers, and its penalty."""
    z1, z2, z3 = (scores(X, weights[:i], biases[:i], activation) for i in (1, 2, 3))
    a1, a2 = activate(activation, z1), activate(activation, z2)
    delta = (outputs("softmax", z3) - Y) / count(Y)
    below, dW2, db2 = hidden_step(delta, weights[2], z2, a1, activation, at)
    _, dW1, db1 = hidden_step(below, weights[1], z1, X, activation, at)
    dW = zip((dW1, dW2, a2.T @ delta), weights, strict=True)
    db = [g + paid * (l1 + 2 * l2 * b) for g, b in zip((db1, db2), biases, strict=False)]
    return (*(g + l1 * pull(W) + 2 * l2 * W for g, W in dW), *db)


TESTS["4.5"] = judged(gradients, cases(
    lambda name, X, Y, *net: (X, 0.7 * Y + 0.3 / Y.shape[1], *net, name, 0.02, 0.03),
    (3, 2, 3, 2, 2), (8, 4, 5, 6, 3), (5, 3, 4, 2, 4)), [
    *SLOPED, ("biases_pay", {"paid": 1}), ("not_mean", {"count": lambda Y: 1}),
    ("no_penalty", lambda *c: gradients(*c[:5], 0, 0)), ("outputs", {"count": np.size}),
    *(("no_sign", {"pull": pull}) for pull in (np.abs, np.array, np.ones_like)),
    ("half", lambda *c: gradients(*c[:6], c[6] / 2)),
    ("per_sample", lambda *c: gradients(*c[:5], c[5] / len(c[0]), c[6] / len(c[0]))),
], ("dW1", "dW2", "dW3", "db1", "db2"), order=(2, 1, 4, 0, 3))  # fmt: skip


def start(answer, init, seed):
    """A start, judged layer by layer; the tolerances are 6 standard errors of normal draws."""
    shapes, names = ((40, 120), (1, 120), (120, 200), (1, 200)), ("W1", "b1", "W2", "b2")
    given = answer(40, 120, 200, init, seed)
    if problem := difference(given, tuple(map(np.zeros, shapes)), np.inf, names):
        blame(problem, f"arrays of the shapes {shapes}", given, init=init, seed=seed)
    for W, b, (n, m) in zip(given[::2], given[1::2], shapes[::2], strict=True):
        known = {"he": 2 / n, "xavier": 2 / (n + m), "out": 2 / m, "small": 1e-4, "unscaled": 1}
        known |= {"squared": known[init] ** 2, "half": known[init] / 2}
        ratios = {key: W.var() / variance for key, variance in known.items()}
        key = named(1, ratios, SIGMAS * (2 / W.size) ** 0.5, "variance")
        key = "mean" if abs(W.mean()) > SIGMAS * (W.var() / W.size) ** 0.5 else key
        key = "copies" if W.any() and np.unique(W).size < 0.9 * W.size else key
        if b.any() or key != init:
            found = f"mean {W.mean():.3g}, variance {W.var():.3g}, largest bias {b.max():.3g}"
            key, right = "biases" if b.any() else key, f"0, {known[init]:.3g} and 0"
            blame(key, right, found, n_in=n, n_out=m, init=init)
    if np.corrcoef(*(W.ravel()[:99] for W in given[::2]))[0, 1] > 0.99:
        blame("same_draws", "draws of its own for W2", given[2][0, :4], W1=given[0][0, :4])
    return np.concatenate([part.ravel() for part in given])


def first_weights(answer, seed=0):
    for init in "he", "xavier":
        repeated(lambda s, init=init: start(answer, init, s), np.random.default_rng(seed))


TESTS["4.6"] = first_weights
