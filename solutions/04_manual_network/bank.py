"""Right and wrong answers to tasks 4.1 to 4.3, 4.6 and 4.7: they prove the checks tell them apart.

`RIGHT[number]` is a list of functions that must pass, each in another idiom. `WRONG[number]` is a
list of pairs: a function that must fail, and a part of the sentence that the learner must read.
"""

import numpy as np

RIGHT, WRONG = {}, {}


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {"sigmoid": _sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(0, z)}


# 4.1 forward, at any depth
def scores_by_recursion(X, weights, biases, activation):
    z = X @ weights[0] + biases[0]
    if len(weights) == 1:
        return z
    return scores_by_recursion(ACTIVATIONS[activation](z), weights[1:], biases[1:], activation)


def scores_with_ones(X, weights, biases, activation):
    # The bias is one more row of W, for an input that is always 1.
    for i in range(len(weights)):
        X = ACTIVATIONS[activation](X) if i else X
        X = np.column_stack([X, np.ones(len(X))]) @ np.vstack([weights[i], biases[i]])
    return X


def scores_one_by_one(X, weights, biases, activation):
    rows = []
    for x in X:
        for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
            z = np.einsum("i,ij->j", x, W) + b[0]
            last = layer == len(weights) - 1
            x = z if last else ACTIVATIONS[activation](z)
        rows.append(x)
    return np.array(rows)


def _scores(act=None, first=None, last=None, bias=True, late=False):
    def answer(X, weights, biases, activation):
        f = act or ACTIVATIONS[activation]
        a = first(X) if first else X
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            a = f(a @ W) + b if late else f(a @ W + b * bias)
        z = a @ weights[-1] + biases[-1] * bias
        return z if last is None else (f if last == "own" else last)(z)

    return answer


def scores_of_two_layers(X, weights, biases, activation):
    return ACTIVATIONS[activation](X @ weights[0] + biases[0]) @ weights[1] + biases[1]


RIGHT["4.1"] = [_scores(), scores_by_recursion, scores_with_ones, scores_one_by_one]
WRONG["4.1"] = [
    (_scores(last="own"), "last layer was activated too"),
    (_scores(last=_sigmoid), "last layer was activated too"),
    (_scores(act=lambda z: z), "one linear layer"),
    (_scores(act=_sigmoid), "always the same one"),
    (_scores(act=ACTIVATIONS["relu"]), "always the same one"),
    (_scores(act=np.tanh), "always the same one"),
    (_scores(act=_sigmoid, last="own"), "names one of three. The last layer was activated too"),
    (_scores(bias=False), "biases do not enter"),
    (_scores(late=True), "added after the activation"),
    (_scores(first=np.tanh), "differ"),
    (scores_of_two_layers, "shape is"),
    (lambda X, W, b, act: _scores()(X, W, [one[0, 0] for one in b], act), "differ"),
]


# 4.2 the training loss, from z
def _penalty(weights, l1, l2):
    return sum(l1 * np.abs(W).sum() + l2 * np.square(W).sum() for W in weights)


def loss_by_sign(Z, Y, weights, biases, l1, l2, loss):
    small = np.exp(-np.abs(Z))
    if loss == "squared_error":
        P = np.where(Z >= 0, 1, small) / (1 + small)
        data = ((P - Y) ** 2).mean()
    else:
        data = (np.maximum(Z, 0) - Y * Z + np.log1p(small)).sum(axis=1).mean()
    return data + _penalty(weights, l1, l2)


def loss_by_two_logs(Z, Y, weights, biases, l1, l2, loss):
    log_p, log_q = -np.logaddexp(0, -Z), -np.logaddexp(0, Z)
    entropy = -np.sum(Y * log_p + (1 - Y) * log_q) / len(Z)
    data = np.mean((np.exp(log_p) - Y) ** 2) if loss == "squared_error" else entropy
    w = np.concatenate([W.ravel() for W in weights])
    return data + l1 * np.linalg.norm(w, 1) + l2 * w @ w


def loss_by_loops(Z, Y, weights, biases, l1, l2, loss):
    total = 0.0
    for z, y in zip(Z.ravel().tolist(), Y.ravel().tolist(), strict=True):
        if loss == "squared_error":
            total += (0.5 * (1 + np.tanh(z / 2)) - y) ** 2 / Z.size
        else:
            total += (np.logaddexp(z, 0) - y * z) / Z.shape[0]
    for W in weights:
        for w in W.flat:
            total += l1 * abs(w) + l2 * w * w
    return total


def _loss(p=None, square=np.mean, entropy=None, pays=None, penalty=_penalty):
    def answer(Z, Y, weights, biases, l1, l2, loss):
        if loss == "squared_error":
            data = square(((p or _sigmoid)(Z) - Y) ** 2)
        else:
            data = entropy(Z, Y) if entropy else np.sum(np.logaddexp(0, Z) - Y * Z) / len(Z)
        return data + penalty(pays(weights, biases) if pays else weights, l1, l2)

    return answer


def _by_probability(eps=0.0, add=0.0):
    def entropy(Z, Y):
        P = np.clip(_sigmoid(Z), eps, 1 - eps)
        return -np.sum(Y * np.log(P + add) + (1 - Y) * np.log(1 - P + add)) / len(Z)

    return _loss(entropy=entropy)


def loss_penalty_per_sample(Z, Y, weights, biases, l1, l2, loss):
    return loss_by_sign(Z, Y, weights, biases, l1 / len(Z), l2 / len(Z), loss)


RIGHT["4.2"] = [_loss(), loss_by_sign, loss_by_two_logs, loss_by_loops]
WRONG["4.2"] = [
    (_by_probability(), "infinite or not a number"),
    (_by_probability(eps=1e-12), "is cut off"),
    (_by_probability(eps=1e-15), "is cut off"),
    (_by_probability(add=1e-300), "is cut off"),
    (_loss(p=lambda z: np.exp(z) / (1 + np.exp(z)), entropy=lambda Z, Y: np.nan), "infinite or"),
    (_loss(p=lambda z: np.exp(z) / (1 + np.exp(z))), "an exponential overflowed"),
    (_loss(pays=lambda weights, biases: weights + biases), "biases pay"),
    (_loss(penalty=lambda w, l1, l2: 0.0), "penalty does not enter"),
    (_loss(penalty=lambda w, l1, l2: _penalty(w, l1, l2 / 2)), "L2 penalty is half"),
    (_loss(penalty=lambda w, l1, l2: sum(l1 * W.sum() + l2 * (W**2).sum() for W in w)), "cancel"),
    (loss_penalty_per_sample, "divided by the number of samples"),
    (_loss(p=np.array), "squared error was taken of z"),
    (_loss(square=lambda E: E.sum() / len(E)), "squared error was summed"),
    (_loss(square=lambda E: E.mean() / 2), "not the expected one"),
    (_loss(entropy=lambda Z, Y: np.mean(np.logaddexp(0, Z) - Y * Z)), "averaged over the outputs"),
    (_loss(entropy=lambda Z, Y: np.sum(Y * np.logaddexp(0, -Z)) / len(Z)), "Only -y log(p)"),
    (_loss(pays=lambda weights, biases: weights[:1]), "not the expected one"),
    (lambda Z, Y, *rest: np.logaddexp(0, Z) - Y * Z, "One number is expected"),
]


# 4.3 the gradient at the output, for the squared error
def _softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def delta_by_jacobians(Z, Y, output):
    A = _sigmoid(Z) if output == "sigmoid" else _softmax(Z)
    delta = np.zeros(Z.shape)
    for i, a in enumerate(A):
        J = np.diag(a * (1 - a)) if output == "sigmoid" else np.diag(a) - np.outer(a, a)
        delta[i] = J @ (2 * (a - Y[i]) / Y.size)
    return delta


def delta_by_einsum(Z, Y, output):
    A, k = _softmax(Z) if output == "softmax" else _sigmoid(Z), Z.shape[1]
    own = np.einsum("ni,ij->nij", A, np.eye(k))
    J = own - np.einsum("ni,nj->nij", A, A)
    J = J if output == "softmax" else J * np.eye(k)
    return np.einsum("nij,ni->nj", J, (A - Y) / (len(Y) * k / 2))


def delta_split(Z, Y, output):
    if output == "sigmoid":
        return (_sigmoid(Z) - Y) * _sigmoid(Z) * _sigmoid(-Z) * 2 / Z.size
    A = _softmax(Z)
    return 2 / Z.size * (A * (A - Y) - A * ((A - Y) * A).sum(axis=1)[:, None])


def _delta(times=2.0, count=np.size, back="full", of=None, turn=1):
    def answer(Z, Y, output):
        A = (_softmax if output == "softmax" else _sigmoid)(Z)
        A = of(A, Z, output) if of else A
        g = turn * times * (A - Y) / count(Y)
        if back == "none":
            return g
        if back == "of_a":
            return g * _sigmoid(A) * (1 - _sigmoid(A))
        if output == "sigmoid" or back == "diagonal":
            return g * A * (1 - A)
        return A * (g - (g * A).sum(axis=1, keepdims=True))

    return answer


def _by_columns(A, Z, output):
    return _softmax(Z.T).T if output == "softmax" else A


def delta_by_differences(Z, Y, output):
    def loss(Z):
        return np.mean(((_softmax if output == "softmax" else _sigmoid)(Z) - Y) ** 2)

    delta = np.zeros(Z.shape)
    for place in np.ndindex(Z.shape):
        step = np.zeros(Z.shape)
        step[place] = 1e-4
        delta[place] = (loss(Z + step) - loss(Z)) / 1e-4
    return delta


RIGHT["4.3"] = [_delta(), delta_by_jacobians, delta_by_einsum, delta_split]
WRONG["4.3"] = [
    (_delta(times=1, count=lambda Y: 1, back="none"), "output minus target and nothing else"),
    (_delta(times=1, count=len, back="none"), "cancels out is true of the cross-entropy"),
    (_delta(back="none"), "How the outputs depend on z is missing"),
    (_delta(back="diagonal"), "add up its effects"),
    (_delta(times=1), "The 2 of the square"),
    (_delta(count=len), "over the samples alone"),
    (_delta(count=lambda Y: 1), "divide by n k"),
    (_delta(times=1, back="diagonal"), "The 2 of the square is missing. With softmax"),
    (_delta(back="of_a"), "taken at A"),
    (_delta(turn=-1), "sign is turned round"),
    (_delta(of=_by_columns), "over the samples"),
    (_delta(of=lambda A, Z, output: Z), "differ"),
    (delta_by_differences, "differ"),
]


# 4.6 the first weights
def _weights(std=None, draw=None, bias=None, rng=np.random.default_rng, again=False):
    variances = {"he": lambda n, m: 2 / n, "xavier": lambda n, m: 2 / (n + m)}

    def answer(n_in, n_hidden, n_out, init, seed):
        source, parts = rng(seed), []
        for n, m in ((n_in, n_hidden), (n_hidden, n_out)):
            source = rng(seed) if again else source
            z = draw(source, n, m) if draw else source.normal(size=(n, m))
            scale = std(n, m, init) if std else variances[init](n, m) ** 0.5
            parts += [scale * z, bias(source, m) if bias else np.zeros((1, m))]
        return tuple(parts)

    return answer


def weights_by_scale(n_in, n_hidden, n_out, init, seed):
    rng = np.random.default_rng(seed)

    def layer(n, m):
        return rng.normal(0.0, np.sqrt(2 / (n if init == "he" else n + m)), (n, m)), 0 * np.ones(m)

    (W1, b1), (W2, b2) = layer(n_in, n_hidden), layer(n_hidden, n_out)
    return [W1, b1[None], W2, b2[None]]


def weights_uniform(n_in, n_hidden, n_out, init, seed):
    # Glorot's own form: a uniform draw from -limit to limit has the variance limit**2 / 3.
    old, parts = np.random.RandomState(seed), []
    for n, m in ((n_hidden, n_out), (n_in, n_hidden)):
        limit = (6 / (n + m)) ** 0.5 if init == "xavier" else (6 / n) ** 0.5
        parts = [old.uniform(-limit, limit, (n, m)), np.zeros((1, m)), *parts]
    return tuple(parts)


def weights_box_muller(n_in, n_hidden, n_out, init, seed):
    u, v = np.random.default_rng(seed).random((2, n_in * n_hidden + n_hidden * n_out))
    z = np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
    z1, z2 = z[: n_in * n_hidden], z[n_in * n_hidden :]
    s1, s2 = (
        ((2 / n_in) ** 0.5, (2 / n_hidden) ** 0.5)
        if init == "he"
        else ((2 / (n_in + n_hidden)) ** 0.5, (2 / (n_hidden + n_out)) ** 0.5)
    )
    W1, W2 = s1 * z1.reshape(n_in, n_hidden), s2 * z2.reshape(n_hidden, n_out)
    return W1, np.zeros((1, n_hidden)), W2, np.zeros((1, n_out))


def _std(he, xavier):
    return lambda n, m, init: (he if init == "he" else xavier)(n, m)


def _he(n, m):
    return (2 / n) ** 0.5


def _xavier(n, m):
    return (2 / (n + m)) ** 0.5


RIGHT["4.6"] = [_weights(), weights_by_scale, weights_uniform, weights_box_muller]
WRONG["4.6"] = [
    (_weights(std=_std(_xavier, _xavier)), "variance of Xavier"),
    (_weights(std=_std(_he, _he)), "variance of He"),
    (_weights(std=_std(lambda n, m: (2 / m) ** 0.5, _xavier)), "inputs of the layer"),
    (_weights(std=_std(lambda n, m: 2 / n, _xavier)), "as the standard deviation"),
    (_weights(std=_std(_he, lambda n, m: 2 / (n + m))), "as the standard deviation"),
    (_weights(std=_std(lambda n, m: n**-0.5, _xavier)), "half of the variance"),
    (_weights(std=_std(_he, lambda n, m: (n + m) ** -0.5)), "half of the variance"),
    (_weights(std=lambda n, m, init: 0.01), "the seed's start"),
    (_weights(std=lambda n, m, init: 1), "variance 1 still"),
    (_weights(std=lambda n, m, init: 0.2), "do not have the variance"),
    (_weights(std=lambda n, m, init: 0.0), "do not have the variance"),
    (_weights(draw=lambda rng, n, m: rng.random((n, m))), "mean that is not 0"),
    (_weights(bias=lambda rng, m: rng.normal(size=(1, m))), "biases begin at 0"),
    (_weights(bias=lambda rng, m: np.zeros(m)), "Look at `b1`"),
    (_weights(draw=lambda rng, n, m: rng.normal(size=(n, 1)) + np.zeros(m)), "same number"),
    (_weights(again=True), "Both layers got the same draws"),
    (_weights(rng=lambda seed: np.random.default_rng()), "two different draws"),
    (_weights(rng=lambda seed: np.random.default_rng(1)), "Different seeds"),
    (lambda *case: _weights()(*case)[::2], "must return 4 things"),
]


# 4.7 what stands still, and what disagrees
RIGHT["4.7"] = [lambda: "af", lambda: ("A", "F"), lambda: "f, a"]
WRONG["4.7"] = [
    (lambda: "bf", "mismatch repaired"),
    (lambda: "cf", "Forty units"),
    (lambda: "ad", "computed anew"),
    (lambda: "ae", "divided by one number"),
    (lambda: "bd", "same place. Other weights"),
]
