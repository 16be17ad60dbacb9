"""Right and wrong answers to tasks 2.12 to 2.14, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


# 2.12 dropped inputs in closed form
def dropped_by_rows(X, y, p):
    extra = np.diag(np.sqrt(p / (1 - p)) * np.linalg.norm(X, axis=0))
    targets = np.append(y, np.zeros(X.shape[1]))
    return np.linalg.lstsq(np.vstack([X, extra]), targets, rcond=None)[0]


def dropped_by_moments(X, y, p):
    # E[Z^T Z] of the dropped Z: the diagonal of X^T X grows by the factor 1/(1-p).
    G = X.T @ X / len(X)
    np.fill_diagonal(G, G.diagonal() / (1 - p))
    return np.linalg.inv(G) @ (X.T @ y / len(X))


def dropped_by_scaling(X, y, p):
    # In units of each column's root mean square it is plain ridge.
    size = np.sqrt((X**2).mean(axis=0))
    Z = X / size
    return np.linalg.solve(Z.T @ Z + len(X) * p / (1 - p) * np.eye(X.shape[1]), Z.T @ y) / size


def dropped_by_descent(X, y, p, steps=20_000):
    H = X.T @ X + p / (1 - p) * np.diag((X**2).sum(axis=0))
    w, step = np.zeros(X.shape[1]), 1 / np.linalg.norm(H, 2)
    for _ in range(steps):
        w = w - step * (H @ w - X.T @ y)
    return w


def dropped_by_drawing(X, y, p, seed=0):
    rng, G, b = np.random.default_rng(seed), 0, 0
    for _ in range(300):
        Z = X * (rng.random(X.shape) >= p) / (1 - p)
        G, b = G + Z.T @ Z, b + Z.T @ y
    return np.linalg.solve(G, b)


def _dropped(strength):
    return lambda X, y, p: np.linalg.pinv(X.T @ X + np.diag(strength(X, p))) @ X.T @ y


RIGHT["2.12"] = [
    _dropped(lambda X, p: p / (1 - p) * (X**2).sum(axis=0)),
    dropped_by_rows,
    dropped_by_moments,
    dropped_by_scaling,
]
WRONG["2.12"] = [
    (_dropped(lambda X, p: 0 * X[0]), "plain least squares"),
    (_dropped(lambda X, p: len(X) * p / (1 - p) * np.ones(X.shape[1])), "same mean square"),
    (_dropped(lambda X, p: p / (1 - p) * np.ones(X.shape[1])), "same mean square"),
    (_dropped(lambda X, p: p * np.ones(X.shape[1])), "same mean square"),
    (_dropped(lambda X, p: 3 * p / (1 - p) * (X**2).sum(axis=0)), "in the right proportion"),
    (_dropped(lambda X, p: p / (1 - p) * (X**2).mean(axis=0)), "n is missing"),
    (_dropped(lambda X, p: len(X) * p / (1 - p) * X.var(axis=0)), "nothing subtracted"),
    (_dropped(lambda X, p: len(X) * p / (1 - p) * X.mean(axis=0) ** 2), "mean of its squares"),
    (_dropped(lambda X, p: p * (X**2).sum(axis=0)), "is p/(1-p)"),
    (_dropped(lambda X, p: p * (1 - p) * (X**2).sum(axis=0)), "is p/(1-p)"),
    (lambda X, y, p: dropped_by_rows(X, y, p) / (1 - p), "not scaled"),
    (_dropped(lambda X, p: (1 - p) / max(p, 1e-9) * (X**2).sum(axis=0)), "other way round"),
    (_dropped(lambda X, p: p / (1 - p) * (X**2).sum(axis=0) / 2), "Half or twice"),
    (_dropped(lambda X, p: 2 * p / (1 - p) * (X**2).sum(axis=0)), "Half or twice"),
    (_dropped(lambda X, p: p / (1 - p) * np.linalg.norm(X, axis=0)), "norm squared"),
    (lambda X, y, p: dropped_by_rows(X - X.mean(0), y - y.mean(), p), "were centred"),
    (dropped_by_drawing, "noise was really drawn"),
    (lambda X, y, p: dropped_by_drawing(X, y, p, None), "noise was really drawn"),
    (lambda X, y, p: dropped_by_rows(X, y, p) * (1 + 1e-6), "a loop stopped short of it"),
]


# 2.14 noise of another size on each input
def noisy_by_rows(X, y, sigmas):
    extra = np.diag(np.sqrt(len(X)) * sigmas)
    targets = np.append(y, np.zeros(len(sigmas)))
    return np.linalg.lstsq(np.vstack([X, extra]), targets, rcond=None)[0]


def noisy_by_scaling(X, y, sigmas):
    # In units of each noise it is plain ridge with the strength n.
    Z = X / sigmas
    return np.linalg.inv(Z.T @ Z + len(X) * np.eye(X.shape[1])) @ Z.T @ y / sigmas


def noisy_by_moments(X, y, sigmas):
    # E[Z^T Z] / n of the noisy Z.
    second = X.T @ X / len(X)
    second[np.diag_indices_from(second)] += sigmas**2
    return np.linalg.solve(second, X.T @ y / len(X))


def noisy_by_samples(X, y, sigmas):
    # One number for each sample in place of one for each weight.
    Z = X / (len(X) * sigmas**2)
    return Z.T @ np.linalg.solve(Z @ X.T + np.eye(len(X)), y)


def noisy_by_drawing(X, y, sigmas, seed=0, rounds=200):
    rng = np.random.default_rng(seed)
    Z = np.vstack([X + sigmas * rng.normal(size=X.shape) for _ in range(rounds)])
    return np.linalg.lstsq(Z, np.tile(y, rounds), rcond=None)[0]


def _noisy(strength):
    return lambda X, y, s: np.linalg.pinv(X.T @ X + np.diag(strength(X, s))) @ X.T @ y


RIGHT["2.14"] = [
    _noisy(lambda X, s: len(X) * s**2),
    noisy_by_rows,
    noisy_by_scaling,
    noisy_by_moments,
    noisy_by_samples,
]
WRONG["2.14"] = [
    (_noisy(lambda X, s: 0 * s), "plain least squares"),
    (_noisy(lambda X, s: s**2), "The n is missing"),
    (_noisy(lambda X, s: s**2 / len(X)), "once too often"),
    (_noisy(lambda X, s: len(X) ** 2 * s**2), "once too often"),
    (_noisy(lambda X, s: len(X) * s), "went in as it is"),
    (
        _noisy(lambda X, s: s),
        "went in as it is. A weight pays the variance of its noise, sigmas[j]². The n is missing",
    ),
    (_noisy(lambda X, s: len(X) * s.mean() ** 2 * np.ones_like(s)), "All weights pay the same"),
    (_noisy(lambda X, s: len(X) * (s**2).mean() * np.ones_like(s)), "All weights pay the same"),
    (_noisy(lambda X, s: (s**2).sum() * np.ones_like(s)), "All weights pay the same"),
    (_noisy(lambda X, s: 2 * len(X) * s**2), "Half or twice"),
    (_noisy(lambda X, s: len(X) * s**2 / 2), "Half or twice"),
    (_noisy(lambda X, s: 3 * len(X) * s**2), "in the right proportion"),
    (_noisy(lambda X, s: s**2 * (X**2).sum(axis=0)), "as in task 2.12"),
    (_noisy(lambda X, s: (X**2).sum(axis=0)), "as in task 2.12"),
    (lambda X, y, s: noisy_by_rows(X - X.mean(0), y - y.mean(), s), "were centred"),
    (noisy_by_drawing, "noise was really drawn"),
    (lambda X, y, s: noisy_by_drawing(X, y, s, None, 1), "noise was really drawn"),
    (lambda X, y, s: noisy_by_rows(X, y, s).round(5), "a loop stopped short of it, or some digits"),
    (lambda X, y, s: noisy_by_rows(X, y, s)[:, None], "shape is"),
]


# 2.13 Monte-Carlo dropout
def _softmax(Z):
    E = np.exp(Z - Z.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def rounds_at_once(x, W1, b1, W2, b2, p, rounds, seed):
    h = np.maximum(x @ W1 + b1, 0)
    masks = np.random.default_rng(seed).random((rounds, *h.shape)) >= p
    P = _softmax((h * masks / (1 - p)) @ W2 + b2)
    return P.mean(axis=0), P.std(axis=0)


def rounds_running_sums(x, W1, b1, W2, b2, p, rounds, seed):
    random, first, second = np.random.RandomState(seed), 0.0, 0.0
    h = np.maximum(x @ W1 + b1, 0) / (1 - p)
    for _ in range(rounds):
        P = _softmax(h * random.binomial(1, 1 - p, h.shape) @ W2 + b2)
        first, second = first + P, second + P**2
    mean = first / rounds
    return mean, np.sqrt(np.maximum(second / rounds - mean**2, 0))


def rounds_one_mask_for_the_batch(x, W1, b1, W2, b2, p, rounds, seed):
    rng = np.random.default_rng(seed)
    h = np.maximum(x @ W1 + b1, 0)
    masks = rng.choice([0, 1], p=[p, 1 - p], size=(rounds, 1, h.shape[1])) / (1 - p)
    P = _softmax(h * masks @ W2 + b2)
    return [P.mean(axis=0), P.std(axis=0, ddof=1)]


def _rounds(scale=None, drop=lambda p: p, on="hidden", end=None, fresh=True):
    def answer(x, W1, b1, W2, b2, p, rounds, seed):
        rng, logits = np.random.default_rng(seed), []
        for _ in range(rounds):
            rng = rng if fresh else np.random.default_rng(seed)
            inputs, s = x, 1 / (1 - p) if scale is None else scale
            if on == "inputs":
                inputs = x * (rng.random(x.shape) >= drop(p)) * s
            h = np.maximum(inputs @ W1 + b1, 0)
            if on == "hidden":
                h = h * (rng.random(h.shape) >= drop(p)) * s
            logits.append(h @ W2 + b2)
        Z = np.array(logits)
        return end(Z, _softmax(Z)) if end else (_softmax(Z).mean(axis=0), _softmax(Z).std(axis=0))

    return answer


def rounds_each_with_its_seed(x, W1, b1, W2, b2, p, rounds, seed):
    h, drawn = np.maximum(x @ W1 + b1, 0), []
    for one in np.random.SeedSequence(seed).spawn(rounds):
        mask = np.random.default_rng(one).random(h.shape) >= p
        drawn.append(_softmax(np.where(mask, h / (1 - p), 0) @ W2 + b2))
    return np.mean(drawn, axis=0), np.std(drawn, axis=0)


def rounds_in_float32(x, W1, b1, W2, b2, p, rounds, seed):
    x, W1, b1, W2, b2 = map(np.float32, (x, W1, b1, W2, b2))
    return rounds_at_once(x, W1, b1, W2, b2, np.float32(p), rounds, seed)


def rounds_before_the_bias(x, W1, b1, W2, b2, p, rounds, seed):
    masks = np.random.default_rng(seed).random((rounds, len(x), len(b1))) >= p
    P = _softmax(np.maximum(x @ W1 * masks / (1 - p) + b1, 0) @ W2 + b2)
    return P.mean(axis=0), P.std(axis=0)


def rounds_for_whole_samples(x, W1, b1, W2, b2, p, rounds, seed):
    masks = np.random.default_rng(seed).random((rounds, len(x), 1)) >= p
    P = _softmax(np.maximum(x @ W1 + b1, 0) * masks / (1 - p) @ W2 + b2)
    return P.mean(axis=0), P.std(axis=0)


RIGHT["2.13"] = [rounds_at_once, rounds_running_sums, rounds_one_mask_for_the_batch]
RIGHT["2.13"] += [rounds_each_with_its_seed, rounds_in_float32]
WRONG["2.13"] = [
    (_rounds(on="nothing"), "standard deviation is 0"),
    (_rounds(fresh=False), "standard deviation is 0"),
    (_rounds(scale=1), "factor 1/(1-p) is missing"),
    (_rounds(drop=lambda p: 1 - p), "probability to keep"),
    (_rounds(on="inputs"), "inputs were dropped"),
    (_rounds(end=lambda Z, P: (Z.mean(axis=0), Z.std(axis=0))), "mean and spread of the logits"),
    (_rounds(end=lambda Z, P: (_softmax(Z.mean(axis=0)), P.std(axis=0))), "mean logits"),
    (_rounds(end=lambda Z, P: (P.mean(axis=0), P.var(axis=0))), "spread is the variance"),
    (_rounds(end=lambda Z, P: (P.mean(0), P.std(0) / len(P) ** 0.5)), "error of the mean"),
    (_rounds(end=lambda Z, P: (P.mean(), P.std())), "array of shape"),
    (_rounds(end=lambda Z, P: P.mean(axis=0)), "must return 2 things"),
    (lambda *case: rounds_at_once(*case[:6], case[6] + 1, case[7]), "exactly `rounds` rounds"),
    (lambda *case: rounds_at_once(*case[:6], 500, case[7]), "exactly `rounds` rounds"),
    (_rounds(end=lambda Z, P: (P.mean(0), np.abs(P - P.mean(0)).mean(0))), "mean is right. The"),
    (rounds_before_the_bias, "neither that nor 0"),
    (rounds_for_whole_samples, "Whole rows were dropped"),
    (lambda *case: rounds_at_once(*case[:7], 5), "Different seeds"),
    (lambda *case: rounds_at_once(*case[:7], None), "two different draws"),
]
