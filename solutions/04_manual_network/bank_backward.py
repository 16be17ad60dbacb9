"""Right and wrong answers to tasks 4.4 and 4.5: they prove that the checks tell them apart.

`RIGHT[number]` is a list of functions that must pass, each in another idiom. `WRONG[number]` is a
list of pairs: a function that must fail, and a part of the sentence that the learner must read.
"""

import numpy as np

RIGHT, WRONG = {}, {}


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {"sigmoid": _sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(0, z)}
SLOPES = {
    "sigmoid": lambda z: _sigmoid(z) * (1 - _sigmoid(z)),
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "relu": lambda z: (z > 0).astype(float),
}


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


# 4.4 one hidden layer, backwards
def step_one_by_one(delta_above, W_above, z, a_below, activation):
    delta, dW = np.zeros(z.shape), np.zeros((a_below.shape[1], z.shape[1]))
    for i in range(len(z)):
        delta[i] = W_above @ delta_above[i] * SLOPES[activation](z[i])
        dW += np.outer(a_below[i], delta[i])
    return delta, dW, delta.sum(axis=0).reshape(1, -1)


def step_by_einsum(delta_above, W_above, z, a_below, activation):
    delta = np.einsum("nk,hk,nh->nh", delta_above, W_above, SLOPES[activation](z))
    return delta, np.einsum("nd,nh->dh", a_below, delta), np.ones((1, len(z))) @ delta


def step_with_ones(delta_above, W_above, z, a_below, activation):
    # The bias is one more row of W, for an input that is always 1.
    delta = (W_above @ delta_above.T).T * SLOPES[activation](z)
    both = np.hstack([a_below, np.ones((len(z), 1))]).T @ delta
    return [delta, both[:-1], both[-1:]]


def step_by_a(delta_above, W_above, z, a_below, activation):
    a = ACTIVATIONS[activation](z)
    slope = {"sigmoid": a * (1 - a), "tanh": 1 - a**2, "relu": np.sign(a)}[activation]
    delta = slope * (delta_above @ W_above.T)
    return delta, (delta.T @ a_below).T, delta.sum(0, keepdims=True)


def _step(slope=None, early=False, n=1, n_b=1):
    def answer(delta_above, W_above, z, a_below, activation):
        passed = delta_above @ W_above.T
        delta = passed * (slope or (lambda name, z: SLOPES[name](z)))(activation, z)
        used, m = passed if early else delta, len(z)
        return delta, a_below.T @ used / m**n, used.sum(axis=0, keepdims=True) / m**n_b

    return answer


def _a_for_z(name, z):
    return SLOPES[name](ACTIVATIONS[name](z))


def _formula_of_a(name, z):
    return {"sigmoid": z * (1 - z), "tanh": 1 - z**2, "relu": z > 0}[name]


FALSE_SLOPES = [
    (lambda name, z: 1, "slope of the activation is missing"),
    (lambda name, z: ACTIVATIONS[name](z), "in place of its slope"),
    (_a_for_z, "was taken at a"),
    (_formula_of_a, "z was put in"),
    (lambda name, z: SLOPES["sigmoid"](z), "always the same one"),
    (lambda name, z: SLOPES["relu"](z), "always the same one"),
    (lambda name, z: SLOPES["tanh"](z), "always the same one"),
]
RIGHT["4.4"] = [_step(n=0, n_b=0), step_one_by_one, step_by_einsum, step_with_ones, step_by_a]
WRONG["4.4"] = [
    *((_step(slope, n=0, n_b=0), sentence) for slope, sentence in FALSE_SLOPES),
    (_step(early=True, n=0, n_b=0), "before the slope"),
    (_step(), "holds that mean already"),
    (_step(n=0), "holds that mean already"),
    (_step(n_b=0), "holds that mean already"),
    (lambda *case: _step(n=0, n_b=0)(*case)[:2], "must return 3 things"),
    (lambda d, W, *rest: _step(n=0, n_b=0)(d, W.T, *rest), "stopped with"),
    (lambda *case: (*_step(n=0, n_b=0)(*case)[:2], case[2].sum(axis=0)), "Look at `db`"),
]


# 4.5 the whole backward pass
def _forward(X, weights, biases, activation):
    zs, activations = [], [X]
    for W, b in zip(weights, biases, strict=True):
        zs.append(activations[-1] @ W + b)
        activations.append(ACTIVATIONS[activation](zs[-1]))
    return zs, activations


def gradients_in_a_loop(X, Y, weights, biases, activation, l1, l2):
    zs, inputs = _forward(X, weights, biases, activation)
    delta, dW, db = (_softmax(zs[-1]) - Y) / len(X), [], []
    for layer in reversed(range(3)):
        W = weights[layer]
        dW.insert(0, inputs[layer].T @ delta + l1 * np.sign(W) + 2 * l2 * W)
        db.insert(0, delta.sum(axis=0, keepdims=True))
        if layer:
            delta = delta @ W.T * SLOPES[activation](zs[layer - 1])
    return (*dW, *db[:2])


def gradients_sample_by_sample(X, Y, weights, biases, activation, l1, l2):
    W1, W2, W3 = weights
    sums = [np.zeros(W.shape) for W in weights] + [np.zeros(b.shape) for b in biases[:2]]
    for x, y in zip(X[:, None], Y[:, None], strict=True):
        (z1, z2, z3), (_, a1, a2, _) = _forward(x, weights, biases, activation)
        d3 = _softmax(z3) - y
        d2 = d3 @ W3.T * SLOPES[activation](z2)
        d1 = d2 @ W2.T * SLOPES[activation](z1)
        for total, part in zip(sums, (x.T @ d1, a1.T @ d2, a2.T @ d3, d1, d2), strict=True):
            total += part / len(X)
    pulled = [g + l1 * (W > 0) - l1 * (W < 0) + 2 * l2 * W for g, W in zip(sums, weights)]  # noqa: B905
    return (*pulled, *sums[3:])


def gradients_forward_mode(X, Y, weights, biases, activation, l1, l2):
    # How z3 moves with each entry, one entry after the other: no delta, and slow.
    zs, inputs = _forward(X, weights, biases, activation)
    d3 = (_softmax(zs[2]) - Y) / len(X)

    def through(layer, moved):
        for up in range(layer + 1, 3):
            moved = (moved * SLOPES[activation](zs[up - 1])) @ weights[up]
        return np.sum(d3 * moved)

    def gradient(layer, a, shape):
        g = np.zeros(shape)
        for i, j in np.ndindex(shape):
            g[i, j] = through(layer, a[:, i : i + 1] * np.eye(zs[layer].shape[1])[j])
        return g

    ones = np.ones((len(X), 1))
    dW = [gradient(i, inputs[i], weights[i].shape) for i in range(3)]
    db = [gradient(i, ones, biases[i].shape) for i in range(2)]
    return [g + l1 * np.sign(W) + 2 * l2 * W for g, W in zip(dW, weights, strict=True)] + db


def _gradients(slope=None, pull=None, count=len, paid=False, start=None):
    def answer(X, Y, weights, biases, activation, l1, l2):
        f = slope or (lambda name, z: SLOPES[name](z))
        g = pull or (lambda W, l1, l2, n: l1 * np.sign(W) + 2 * l2 * W)
        (z1, z2, z3), (_, a1, a2, _) = _forward(X, weights, biases, activation)
        P, n = _softmax(z3), len(X)
        d3 = start(P, Y) if start else (P - Y) / count(Y)
        d2 = d3 @ weights[2].T * f(activation, z2)
        d1 = d2 @ weights[1].T * f(activation, z1)
        dW = [X.T @ d1, a1.T @ d2, a2.T @ d3]
        dW = [one + g(W, l1, l2, n) for one, W in zip(dW, weights, strict=True)]
        db = [one.sum(axis=0, keepdims=True) for one in (d1, d2)]
        if paid:
            db = [one + g(b, l1, l2, n) for one, b in zip(db, biases[:2], strict=True)]
        return (*dW, *db)

    return answer


def _squared_delta(P, Y):
    g = 2 * (P - Y) / Y.size
    return P * (g - (g * P).sum(axis=1, keepdims=True))


RIGHT["4.5"] = [
    _gradients(),
    gradients_in_a_loop,
    gradients_sample_by_sample,
    gradients_forward_mode,
]
WRONG["4.5"] = [
    *((_gradients(slope), sentence) for slope, sentence in FALSE_SLOPES),
    (_gradients(pull=lambda W, l1, l2, n: 0), "penalty does not enter"),
    (_gradients(pull=lambda W, l1, l2, n: l1 * np.sign(W) + l2 * W), "L2 penalty is half"),
    (_gradients(pull=lambda W, l1, l2, n: l1 * np.abs(W) + 2 * l2 * W), "`l1 * np.sign(W)`"),
    (_gradients(pull=lambda W, l1, l2, n: l1 * W + 2 * l2 * W), "`l1 * np.sign(W)`"),
    (_gradients(pull=lambda W, l1, l2, n: l1 + 2 * l2 * W), "`l1 * np.sign(W)`"),
    (
        _gradients(pull=lambda W, l1, l2, n: (l1 * np.sign(W) + 2 * l2 * W) / n),
        "divided by the number of samples",
    ),
    (_gradients(start=lambda P, Y: np.where(Y > 0.5, P - 1, P) / len(Y)), "Look at `dW3`"),
    (_gradients(paid=True), "biases pay"),
    (_gradients(count=lambda Y: 1), "divide the first delta"),
    (_gradients(count=np.size), "divided by n k"),
    (_gradients(start=_squared_delta), "Look at `dW3`"),
    (_gradients(start=lambda P, Y: (Y - P) / len(Y)), "Look at `dW3`"),
    (lambda *case: _gradients()(*case)[:3], "must return 5 things"),
    (lambda *case: _gradients()(*case)[::-1], "Look at `dW2`"),
]
