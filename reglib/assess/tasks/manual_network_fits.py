"""The checks of exercise 04 on the gradient check, the repairs and a whole training.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

from functools import partial
from time import process_time

import numpy as np

from reglib.activations import activate, sigmoid, slope
from reglib.assess.compare import combined, difference, judged
from reglib.assess.tasks.manual_network import DELTAS, cases, output_delta
from reglib.assess.tasks.noise_injection_draws import blame, repeated
from reglib.data import noisy_digits
from reglib.losses import outputs
from reglib.penalties import ElasticNet

TESTS, ARRAYS = {}, ("W1", "b1", "W2", "b2")
peak = partial(np.linalg.norm, ord=np.inf)  # of a row of numbers: the largest |x|


def two_layers(*numbers):
    """Return cases(rng): two-layer networks with the given numbers."""
    shapes = (3, 2, 2, 2), (5, 3, 4, 3), (8, 4, 3, 4)
    return cases(lambda _, X, Y, W, b: (X, Y, W[0], b[0], W[1], b[1], *numbers), *shapes)


def relative(a, n, size=np.add):
    return peak(a - n) / max(1e-8, size(peak(a), peak(n)))


def errors(X, Y, W1, b1, W2, b2, l1, l2, gradients, eps, of=relative, low=-1, span=2, back=1,
           over=np.mean, pay=1, skip=2, out=lambda i, l1: i % 2 == 0 and l1):  # fmt: skip
    """The relative errors; `out` says of which arrays the entries next to 0 are left out."""
    arrays, result = [w.copy() for w in (W1, b1, W2, b2)], []
    for i, (w, a) in enumerate(zip(arrays, gradients, strict=True)):
        n, (W1, b1, W2, b2) = np.empty(w.shape), arrays
        for at in np.ndindex(w.shape):
            kept, ends = w[at], []
            for step in (eps, low * eps):
                w[at] = kept + step
                loss = over((sigmoid(sigmoid(X @ W1 + b1) @ W2 + b2) - Y) ** 2)
                ends.append(loss + pay * ElasticNet(l1, l2)([W1, b1, W2, b2][::skip]))
            n[at], w[at] = (ends[0] - ends[1]) / (span * eps), kept if back else w[at]
        use = (abs(w) >= eps) | (not out(i, l1))
        result.append(of(a[use], n[use]))
    return np.array(result)


def error_cases(rng):
    """In each array the last entry lies next to 0; there the gradients are the most wrong."""
    found = []
    for i, (X, Y, *arrays) in enumerate(two_layers()(rng) * 2):
        arrays, eps = [w.copy() for w in arrays], (0.1, 0.3, 0.2)[i % 3]
        for w in arrays:
            w.flat[0], w.flat[-1] = 1, 0.05
        sizes = [(1 + (abs(w) < eps)) * rng.uniform(0.5, 1, w.shape) for w in arrays]
        wrong = [size if i % 2 else -size for size in sizes]
        found.append((X, Y, *arrays, 0.2 * (i % 2), 0.1 * (i > 0), tuple(wrong), eps))
    X, *rest, wrong, eps = found[0]
    return [*found, (0 * X, *rest, (0 * wrong[0], *wrong[1:]), eps)]


TESTS["4.8"] = judged(errors, error_cases, [
    ("forward", {"low": 0, "span": 1}), ("span", {"span": 1}), ("not_put_back", {"back": 0}),
    ("no_penalty", {"pay": 0}), ("biases_pay", {"skip": 1}),
    ("absolute", {"of": lambda a, n: peak(a - n)}),
    *(("scale", {"over": over}) for over in (np.sum, lambda E: E.sum() / len(E))),
    ("kinks", {"out": lambda i, l1: False}), ("biases_out", {"out": lambda i, l1: l1}),
    ("no_kink", {"out": lambda i, l1: i % 2 == 0}), ("no_kink", {"out": lambda i, l1: True}),
    *(("size", {"of": partial(relative, size=by)}) for by in (max, lambda a, n: a, lambda a, n: n)),
    ("entrywise", {"of": lambda a, n: peak((a - n) / np.maximum(1e-8, abs(a) + abs(n)))}),
], tol=1e-7)  # fmt: skip
squared = partial(output_delta, output="sigmoid")


def step(X, Y, W1, b1, W2, b2, l1, l2, learning_rate, name="sigmoid", start=squared, stale=0,
         seen=np.array, share=np.ones_like, two=2, on_biases=0):  # fmt: skip
    """One step of gradient descent; `start` is the gradient of the loss by z2, given a2 and Y."""

    def moved(w, g, paid=1):
        pull = l1 * np.sign(w) + two * l2 * w
        return w - learning_rate * (g + paid * share(len(X)) * pull)

    z1 = X @ W1 + b1
    a1 = activate(name, z1)
    delta = start(a1 @ W2 + b2, Y)
    new_W2 = moved(W2, a1.T @ delta)
    below = delta @ (new_W2 if stale else W2).T * slope(name, seen(z1))
    db1, db2 = (d.sum(axis=0, keepdims=True) for d in (below, delta))
    return moved(W1, X.T @ below), moved(b1, db1, on_biases), new_W2, moved(b2, db2, on_biases)


FAULTS = combined({
    "stale": [("", 0), ("stale", 1)], "seen": [("", np.array), ("slope_of_a", np.tanh)],
    "share": [("", np.ones_like), ("per_sample", lambda n: 1 / n),
              ("no_penalty", lambda n: 0)],
    "two": [("", 2), ("half", 1)], "on_biases": [("", 0), ("biases_pay", 1)],
}, "stale slope_of_a per_sample")  # fmt: skip
TESTS["4.10"] = judged(step, two_layers(0.01, 0.02, 0.3), [
    ("mismatch", {"start": lambda z, Y: (sigmoid(z) - Y) / len(Y)}),
    *((key, {"start": partial(squared, **how)}) for key, how in combined(DELTAS)),
    ("twice", {"start": partial(squared, count=lambda Y: Y.size * len(Y))}), ("half", {"two": 1}),
    ("no_penalty", {"share": lambda n: 0}), ("biases_pay", {"on_biases": 1}),
    ("per_sample", {"share": lambda n: 1 / n}), ("stale", {"stale": 1}),
], ARRAYS, order=(3, 2, 1, 0))  # fmt: skip
right = partial(step, name="tanh", start=lambda z, Y: (outputs("softmax", z) - Y) / len(Y))
TESTS["4.11"] = judged(right, two_layers(0.02, 0.05, 0.3), FAULTS, ARRAYS, order=(2, 3, 0, 1))


def loop(X, y, X_val, y_val, masks, size, learning_rate, momentum,
         reset=0, masked=0, keep=0, short=0):  # fmt: skip
    """Logistic regression with dropped inputs: the weights to keep and the validation losses."""
    w = v = best = np.zeros(X.shape[1])
    losses = []
    for mask in masks:
        v = v * (reset != 2)
        for start in range(0, len(X) - short * (size - 1), size):
            A, t = (X * mask)[start : start + size], y[start : start + size]
            v = momentum * v * (reset != 1) - learning_rate * A.T @ (sigmoid(A @ w) - t) / len(A)
            w = w + v
        z = (X_val * mask[: len(X_val)] if masked else X_val) @ w
        losses.append(np.mean(np.logaddexp(0, z) - y_val * z))
        best = w if keep or losses[-1] == min(losses) else best
    return best, np.array(losses)


def loop_cases(rng):
    """Fits whose best epoch is neither the first nor the last."""
    found = []
    while len(found) < 4:
        X, masks = rng.normal(size=(17, 4)).round(1), (rng.random(size=(8, 11, 4)) > 0.25) / 0.75
        y = (X[:, 0] + rng.normal(size=17) > 0) * 1.0
        case = X[:11], y[:11], X[11:], y[11:], masks, 4, 0.3, 0.8
        found += [case] if 0 < loop(*case)[1].argmin() < 7 else []
    return found


LOOPS = combined({
    "reset": [("", 0), ("reset", 1), ("each_epoch", 2)], "masked": [("", 0), ("dropout_on", 1)],
    "keep": [("", 0), ("reference", 1)], "short": [("", 0), ("short", 1)],
}, "reset dropout_on reference")  # fmt: skip
TESTS["4.12"] = judged(loop, loop_cases, [
    *LOOPS, ("no_dropout", lambda *c: loop(*c[:4], c[4] ** 0, *c[5:])),
], ("w", "losses"), order=(1, 0))  # fmt: skip
TOO_LONG = (
    "The {} seconds of CPU time that the check allows for all its trainings are used up. "
    "Take fewer epochs, or larger batches."
)
NETWORK = tuple(np.zeros(shape) for shape in ((64, 128), (1, 128), (128, 10), (1, 10)))


def share_right(net, X, y):
    hidden = np.maximum(X @ net[0] + net[1], 0)
    return np.mean((hidden @ net[2] + net[3]).argmax(axis=1) == y)


def digits(answer, seed=0, bar=0.7, seconds=12):
    """Eight draws of the course's digits; the seed renames the classes, and seeds the trainings."""
    from threadpoolctl import threadpool_limits

    rng, end, found = np.random.default_rng(seed), process_time() + seconds, []

    def trained(*case):
        with threadpool_limits(1, "blas"):
            net = answer(*case)
        if fault := difference(net, NETWORK, np.inf, ARRAYS):
            blame(fault, "shapes (64, 128), (1, 128), (128, 10), (1, 10)", net)
        if process_time() > end:
            blame(TOO_LONG.format(seconds), f"{seconds} seconds at most", "more")
        return net

    def drawn(i):
        sets, names = noisy_digits(150, 0.4, np.random.default_rng(i)), rng.permutation(10)
        return [part for X, y in sets for part in (X, names[y])]

    X, y, V, v, *_ = drawn(0)
    for count in (1, 2):
        repeated(lambda seed: trained(X[:32], y[:32], V, v, seed)[0].round(3), rng, count)
    for i in range(8):
        X, y, V, v, T, t = drawn(i)
        net = trained(X, y, V, v, int(rng.integers(10**6)))
        found.append((share_right(net, T, t), share_right(net, X, y)))
    # Digits upside down with wrong labels: a network that knows these was trained on them.
    leak = share_right(trained(X, y, V[:, ::-1], (v + 1) % 10, 1), T[:, ::-1], (t + 1) % 10)
    (accuracy, own), expected = np.mean(found, axis=0), f"{bar} of the new digits right"
    if leak > 0.35:
        blame("leak", "hardly any", f"{leak:.3f} of the new digits as validation was labelled")
    if accuracy < bar:
        key = "by_heart" if own > 0.85 else "hardly" if own < 0.4 else "low"
        blame(key, expected, f"{accuracy:.3f}, and {own:.3f} of the given labels")


TESTS["4.13"] = digits
