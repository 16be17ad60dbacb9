"""Right and wrong answers to tasks 2.7 and 2.9 to 2.13, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


# 2.7 the three gradients of DropConnect
def connect_einsum(x, W, mask, p, dout):
    V = np.where(mask, W / (1 - p), 0.0)
    dV = np.einsum("ni,no->io", x, dout)
    return np.einsum("no,io->ni", dout, V), np.where(mask, dV, 0) / (1 - p), dout.sum(axis=0)


def connect_loop(x, W, mask, p, dout):
    V = W * mask / (1 - p)
    dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for row, d in zip(x, dout, strict=True):
        dW += np.outer(row, d) * mask / (1 - p)
        db += d
    for i, d in enumerate(dout):
        dx[i] = V @ d
    return [dx, dW, db]


def _connect(dx=None, dW=None, db=None):
    def answer(x, W, mask, p, dout):
        s = 1 / (1 - p)
        return (
            dx(W, mask, s, dout) if dx else dout @ (W * mask * s).T,
            dW(x, mask, s, dout) if dW else x.T @ dout * mask * s,
            db(mask, s, dout) if db else np.ones(len(dout)) @ dout,
        )

    return answer


def _dx_whole(W, m, s, d):
    return d @ W.T


def _dW_whole(x, m, s, d):
    return x.T @ d * s


RIGHT["2.7"] = [_connect(), connect_einsum, connect_loop]
WRONG["2.7"] = [
    (_connect(dx=_dx_whole), "goes back through weights that were dropped"),
    (_connect(dx=lambda W, m, s, d: d @ W.T * s), "goes back through weights that were dropped"),
    (_connect(dx=lambda W, m, s, d: d @ (W * m).T), "`dx` lacks the factor"),
    (_connect(dW=_dW_whole), "gives a gradient to weights that were dropped"),
    (_connect(dW=lambda x, m, s, d: x.T @ d), "gives a gradient to weights that were dropped"),
    (_connect(dW=lambda x, m, s, d: x.T @ d * m), "`dW` lacks the factor"),
    (_connect(db=lambda m, s, d: d.sum(axis=0) * s), "`db` is scaled"),
    (_connect(db=lambda m, s, d: (d.sum(axis=0) * m).sum(axis=0)), "mask got into `db`"),
    (_connect(db=lambda m, s, d: d.sum(axis=0) * m.mean(axis=0)), "mask got into `db`"),
    (_connect(db=lambda m, s, d: d.mean(axis=0)), "mean over the samples"),
    (
        _connect(dW=lambda x, m, s, d: x.T @ d * m * s / len(x), db=lambda m, s, d: d.mean(axis=0)),
        "There is a mean over the samples. `dout` holds the gradient of the loss already, its 1/n "
        "included: add the samples up.",
    ),
    (_connect(dx=_dx_whole, dW=_dW_whole), "so the way back does too. `dW` gives"),
    (_connect(db=lambda m, s, d: d.sum(axis=0, keepdims=True)), "Look at `db`, the third"),
    (_connect(dx=lambda W, m, s, d: d @ (W * m).T * (1 - 1 / s)), "Look at `dx`, the first"),
    (lambda *case: _connect()(*case)[::-1], "Look at `dx`"),
    (lambda *case: _connect()(*case)[:2], "must return 3 things"),
]


# 2.9 how far smoothing lets the logits part
def gap_of_logs(k, alpha):
    label = np.full(k, alpha / k)
    label[0] += 1 - alpha
    return np.log(label[0]) - np.log(label[1])


RIGHT["2.9"] = [
    lambda k, alpha: np.log(1 + k * (1 - alpha) / alpha),
    lambda k, alpha: float(np.log((1 - alpha + alpha / k) / (alpha / k))),
    lambda k, alpha: np.log1p(k / alpha - k),
    gap_of_logs,
]
WRONG["2.9"] = [
    (lambda k, a: np.log(k * (1 - a) / a), "own share of the alpha"),
    (lambda k, a: np.log((1 - a) * (k - 1) / a), "among the other k - 1"),
    (lambda k, a: np.log((1 - a) / a), "not the whole alpha"),
    (lambda k, a: np.log(1 / a), "not the whole alpha"),
    (lambda k, a: 1 + k * (1 - a) / a, "differ by its log"),
    (lambda k, a: 1 - a, "This is a probability"),
    (lambda k, a: np.log(1 - a + a / k), "log of one probability"),
    (lambda k, a: -np.log(1 + k * (1 - a) / a), "turned round"),
    (lambda k, a: np.log2(1 + k * (1 - a) / a), "another base"),
    (lambda k, a: np.array([np.log(1 + k * (1 - a) / a)]), "One number is expected"),
]


# 2.10 smoothed cross-entropy
def entropy_logaddexp(Z, y, alpha):
    logs = Z - np.logaddexp.reduce(Z, axis=1)[:, None]
    picked = np.take_along_axis(logs, y[:, None], axis=1)[:, 0]
    return np.mean(-(1 - alpha) * picked - alpha * logs.mean(axis=1))


def entropy_loop(Z, y, alpha):
    total = 0.0
    for z, label in zip(Z, y, strict=True):
        z = z - z.max()
        log_sum = np.log(np.exp(z).sum())
        q = np.full(len(z), alpha / len(z))
        q[label] += 1 - alpha
        total += float(q @ (log_sum - z))
    return total / len(Z)


def entropy_soft_labels(Z, y, alpha):
    Y = (1 - alpha) * np.eye(Z.shape[1])[y] + alpha / Z.shape[1]
    Z = Z - np.max(Z, axis=1, keepdims=True)
    logs = Z - np.log(np.sum(np.exp(Z), axis=1, keepdims=True))
    return -(Y * logs).sum() / len(Z)


def _entropy(labels=None, shift="row", eps=None, total=lambda losses: losses.mean()):
    def answer(Z, y, alpha):
        k = Z.shape[1]
        hot = np.eye(k)[y]
        Y = labels(hot, alpha, k) if labels else hot * (1 - alpha) + alpha / k
        if shift == "logs":
            logs = Z - np.logaddexp.reduce(Z, axis=1, keepdims=True)
        else:
            lift = {"none": 0, "row": Z.max(axis=1, keepdims=True), "all": Z.max()}[shift]
            P = np.exp(Z - lift) / np.exp(Z - lift).sum(axis=1, keepdims=True)
            logs = np.log(P if eps is None else eps(P))
        return total(-(Y * logs).sum(axis=1))

    return answer


RIGHT["2.10"] = [entropy_logaddexp, entropy_loop, entropy_soft_labels, _entropy(shift="logs")]
WRONG["2.10"] = [
    (_entropy(shift="none"), "Subtract the largest logit of each row"),
    (_entropy(), "log of a softmax is minus infinity"),
    (_entropy(shift="all"), "Each row has its own"),
    (_entropy(eps=lambda P: P + 1e-12), "clipped"),
    (_entropy(eps=lambda P: P + 1e-7), "clipped"),
    (_entropy(eps=lambda P: np.clip(P, 1e-15, 1)), "clipped"),
    (lambda Z, y, alpha: np.mean(np.exp(Z) / np.exp(Z).sum(axis=1)), "need `keepdims=True`"),
    (_entropy(shift="logs", total=np.sum), "samples were added up"),
    (_entropy(lambda hot, a, k: (hot * (1 - a) + a / k) / k, "logs"), "over classes too"),
    (_entropy(lambda hot, a, k: hot, "logs"), "alpha does not enter"),
    (_entropy(lambda hot, a, k: np.where(hot == 1, 1 - a, a / (k - 1)), "logs"), "other k - 1"),
    (_entropy(lambda hot, a, k: hot + a / k, "logs"), "still has the whole weight 1"),
    (_entropy(lambda hot, a, k: hot * (1 - a), "logs"), "for every class is missing"),
    (_entropy(lambda hot, a, k: hot * (1 - a) + a, "logs"), "has the whole alpha"),
    (_entropy(shift="logs", total=lambda losses: -losses.mean()), "turned round"),
    (_entropy(lambda hot, a, k: np.where(hot == 1, 1 - a, a / k), "logs"), "own share"),
    (_entropy(shift="logs", total=lambda losses: losses), "One number is expected"),
]


# 2.11 expected calibration error
def error_digitize(P, y, bins):
    confidence, hits = P.max(axis=1), P.argmax(axis=1) == y
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1), right=True)
    inside = [place == b for b in range(1, bins + 1)]
    return sum(abs(hits[i].mean() - confidence[i].mean()) * i.mean() for i in inside if i.any())


def error_ceil(P, y, bins):
    confidence = np.max(P, axis=1)
    place = np.ceil(confidence * bins).astype(int)
    gaps = np.zeros(bins + 1)
    np.add.at(gaps, place, (np.argmax(P, axis=1) == y) - confidence)
    return np.abs(gaps).sum() / len(y)


def _error(weight=lambda n, total, filled: n / total, gap=abs, inside=None, end=float):
    def answer(P, y, bins):
        confidence, hits = P.max(axis=1), (P.argmax(axis=1) == y).astype(float)
        edges, parts = np.linspace(0, 1, bins + 1), []
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            chosen = (inside or (lambda c, a, b: (c > a) & (c <= b)))(confidence, low, high)
            if chosen.sum():
                parts.append((chosen.sum(), confidence[chosen].mean() - hits[chosen].mean()))
        return end(sum(weight(n, len(y), len(parts)) * gap(g) for n, g in parts))

    return answer


def error_with_empty_bins(P, y, bins):
    confidence, hits = P.max(axis=1), P.argmax(axis=1) == y
    edges = np.linspace(0, 1, bins + 1)
    chosen = [(confidence > a) & (confidence <= b) for a, b in zip(edges, edges[1:], strict=False)]
    return sum(abs(confidence[c].mean() - hits[c].mean()) * c.mean() for c in chosen)


def error_worst(P, y, bins):
    place = np.ceil(P.max(axis=1) * bins)
    signed = P.max(axis=1) - (P.argmax(axis=1) == y)
    return max(abs(signed[place == b].mean()) for b in set(place))


def error_of_the_true_class(P, y, bins):
    own = P[np.arange(len(y)), y]
    place, signed = np.ceil(own * bins), own - (P.argmax(axis=1) == y)
    return sum(abs(signed[place == b].sum()) for b in set(place)) / len(y)


def _lower_edges(c, a, b):
    return (c >= a) & (c < b) if b < 1 else c >= a


RIGHT["2.11"] = [_error(), error_digitize, error_ceil]
WRONG["2.11"] = [
    (_error(weight=lambda n, total, filled: 1 / filled), "count by its share"),
    (_error(weight=lambda n, total, filled: 1), "count by its share"),
    (_error(weight=lambda n, total, filled: n), "Divide by n"),
    (_error(gap=lambda g: g), "kept their signs"),
    (_error(gap=lambda g: -g), "kept their signs"),
    (_error(gap=lambda g: g, end=abs), "before the absolute value"),
    (_error(gap=lambda g: g**2), "were squared"),
    (_error(gap=lambda g: g**2, end=np.sqrt), "were squared"),
    (_error(inside=_lower_edges), "on an edge"),
    (_error(inside=lambda c, a, b: (c >= a) & (c < b)), "on an edge"),
    (_error(inside=lambda c, a, b: (c > a) & (c < b)), "on an edge"),
    (_error(inside=lambda c, a, b: (c >= a) & (c <= b)), "on an edge"),
    (error_with_empty_bins, "empty bin"),
    (error_worst, "worst bin"),
    (error_of_the_true_class, "whether or not its class is the true one"),
    (lambda P, y, bins: np.abs(P.max(1) - (P.argmax(1) == y)).mean(), "its own confidence"),
    (lambda P, y, bins: abs(P.max(1).mean() - (P.argmax(1) == y).mean()), "before the absolute"),
]


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


RIGHT["2.13"] = [rounds_at_once, rounds_running_sums, rounds_one_mask_for_the_batch]
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
    (lambda *case: rounds_at_once(*case[:7], 5), "Different seeds"),
    (lambda *case: rounds_at_once(*case[:7], None), "two different draws"),
]
