"""Right and wrong answers to tasks 2.7 and 2.9 to 2.11, in the form of `bank.py`."""

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
    (lambda k, a: np.log((1 - a / k) / (a / k)), "as if one class alone"),
    (lambda k, a: round(float(np.log(1 + k * (1 - a) / a)), 3), "rounded to 3 decimals"),
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


def entropy_made_finite(Z, y, alpha):
    Y = (1 - alpha) * np.eye(Z.shape[1])[y] + alpha / Z.shape[1]
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    return -np.sum(Y * np.nan_to_num(np.log(P / P.sum(axis=1, keepdims=True)))) / len(Z)


RIGHT["2.10"] = [entropy_logaddexp, entropy_loop, entropy_soft_labels, _entropy(shift="logs")]
WRONG["2.10"] = [
    (_entropy(shift="none"), "Subtract the largest logit of each row"),
    (_entropy(), "log of a softmax is minus infinity"),
    (_entropy(shift="all"), "Each row has its own"),
    (lambda Z, y, a: entropy_loop(Z - Z.max(axis=0), y, a), "largest logit of each column"),
    (lambda Z, y, a: entropy_loop(Z, y, 1 - a), "changed places"),
    (lambda Z, y, a: round(entropy_loop(Z, y, a), 4), "rounded to 4 decimals"),
    (entropy_made_finite, "log of a softmax is minus infinity"),
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


def _error_between(edges):
    def answer(P, y, bins):
        place = np.digitize(P.max(axis=1), edges(P, bins), right=True)
        signed = P.max(axis=1) - (P.argmax(axis=1) == y)
        return sum(abs(signed[place == b].sum()) for b in set(place)) / len(y)

    return answer


def error_of_middles(P, y, bins):
    place, hits = np.ceil(P.max(axis=1) * bins), P.argmax(axis=1) == y
    return sum(abs(((b - 0.5) / bins - hits)[place == b].sum()) for b in set(place)) / len(y)


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
    (error_of_middles, "middle of each bin"),
    (_error_between(lambda P, m: np.linspace(0, 1, m)), "one bin too few"),
    (_error_between(lambda P, m: np.linspace(0, 1, m + 2)), "one bin too few, or one too many"),
    (_error_between(lambda P, m: np.histogram(P.max(axis=1), m)[1][1:-1]), "else than 0 to 1"),
    (_error_between(lambda P, m: np.linspace(1 / P.shape[1], 1, m + 1)), "else than 0 to 1"),
    (error_of_the_true_class, "whether or not its class is the true one"),
    (lambda P, y, bins: np.abs(P.max(1) - (P.argmax(1) == y)).mean(), "its own confidence"),
    (lambda P, y, bins: abs(P.max(1).mean() - (P.argmax(1) == y).mean()), "before the absolute"),
]
