"""Right and wrong answers to tasks 5.11 and 5.12, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


# 5.11 three faults at serving time
def _softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def serve_row_by_row(X, mean, std, W1, b1, run_mean, run_var, W2, b2, p, call):
    rows = []
    for x in X:
        z = ((x - mean) / std).dot(W1) + b1
        h = np.where(z > run_mean, (z - run_mean) / np.sqrt(run_var + 1e-5), 0)
        rows.append(_softmax(h @ W2 + b2))
    return np.stack(rows)


def serve_folded(X, mean, std, W1, b1, run_mean, run_var, W2, b2, p, call):
    """Both normalisations folded into one matrix and one bias, as one does before serving."""
    scale = (run_var + 1e-5) ** -0.5
    W = W1 / std[:, None] * scale
    b = (b1 - mean / std @ W1 - run_mean) * scale
    return _softmax((X @ W + b).clip(min=0) @ W2 + b2)


def serve_by_logs(X, mean, std, W1, b1, run_mean, run_var, W2, b2, p, call):
    Z = np.einsum("nd,dh->nh", (X - mean) * (1 / std), W1) + (b1 - run_mean)
    S = np.maximum(0, Z / np.sqrt(1e-5 + run_var)) @ W2 + b2
    return np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))


def _serve(scaled=False, normed=False, drop=None, eps=1e-5, soft=_softmax, root=np.sqrt):
    def answer(X, mean, std, W1, b1, run_mean, run_var, W2, b2, p, call):
        if scaled:
            mean, std = X.mean(axis=0), X.std(axis=0)
        Z = (X - mean) / std @ W1 + b1
        if normed:
            run_mean, run_var = Z.mean(axis=0), Z.var(axis=0)
        H = np.maximum((Z - run_mean) / root(run_var + eps), 0)
        mask = np.random.default_rng(call).random(H.shape) >= p
        H = {None: H, "on": H * mask / (1 - p), "mask": H * mask, "scale": H * (1 - p)}[drop]
        return soft(H @ W2 + b2)

    return answer


RIGHT["5.11"] = [_serve(), serve_row_by_row, serve_folded, serve_by_logs]
WRONG["5.11"] = [
    (_serve(True, True, "on"), "All three"),
    (_serve(scaled=True), "mean and spread of this batch"),
    (_serve(normed=True), "normalised by the statistics of this batch"),
    (_serve(drop="on"), "Dropout is on"),
    (_serve(drop="mask"), "Dropout is on"),
    (_serve(drop="scale"), "multiplied by 1 - p"),
    (_serve(scaled=True, drop="on"), "Dropout is on"),
    (_serve(root=lambda v: v), "differ"),
    (_serve(eps=0), "differ"),
    (_serve(soft=lambda S: np.exp(S) / np.exp(S).sum()), "differ"),
    (_serve(soft=lambda S: S), "differ"),
]


# 5.12 a drift report
def drift_by_loops(reference, current):
    found = []
    for j in range(reference.shape[1]):
        gap = 0.0
        for v in [*reference[:, j], *current[:, j]]:
            gap = max(gap, abs(np.mean(reference[:, j] <= v) - np.mean(current[:, j] <= v)))
        found.append(gap)
    return np.array(found)


def drift_by_comparing_all(reference, current):
    values = np.vstack([reference, current])
    F = (reference[None] <= values[:, None]).mean(axis=1)
    G = (current[None] <= values[:, None]).mean(axis=1)
    return np.max(np.abs(F - G), axis=0)


def drift_by_steps(reference, current):
    """A walk along the joint order: each row of one sample is a step up, of the other one down."""
    n, m = len(reference), len(current)
    values = np.concatenate([reference, current])
    steps = np.repeat([1 / n, -1 / m], [n, m])
    found = []
    for v in values.T:
        order = np.argsort(v, kind="stable")
        height = np.cumsum(steps[order])
        last = np.append(v[order][1:] != v[order][:-1], True)  # of values that are equal
        found.append(np.abs(height[last]).max())
    return np.array(found)


def drift_by_shares_above(reference, current):
    """The shares above v in place of those up to v: the gaps are the same."""
    out = np.zeros(reference.shape[1])
    for j, (a, b) in enumerate(zip(reference.T, current.T, strict=True)):
        v = np.unique(np.r_[a, b])
        above = [[np.count_nonzero(s > x) / s.size for x in v] for s in (a, b)]
        out[j] = np.ptp(above, axis=0).max()
    return out


def _drift(at=None, sides=("right", "right"), absolute=np.abs, size=np.max, share=True):
    def answer(reference, current):
        found = []
        for a, b in zip(np.sort(reference.T), np.sort(current.T), strict=True):
            v = at(a, b) if at else np.append(a, b)
            F, G = (np.searchsorted(s, v, side) for s, side in zip((a, b), sides, strict=True))
            found.append(size(absolute(F / len(a) - G / len(b) if share else F - G)))
        return np.array(found, dtype=float)

    return answer


def drift_of_the_middle(reference, current):
    return np.abs(reference.mean(axis=0) - current.mean(axis=0))


def drift_of_all(reference, current):
    one = _drift()(reference.reshape(-1, 1), current.reshape(-1, 1))
    return np.full(reference.shape[1], one[0])


def drift_by_scaled_means(reference, current):
    return drift_of_the_middle(reference, current) / reference.std(axis=0)


RIGHT["5.12"] = [_drift(), drift_by_loops, drift_by_comparing_all, drift_by_steps]
RIGHT["5.12"] += [drift_by_shares_above]
WRONG["5.12"] = [
    (_drift(sides=("right", "left")), "and the other `< v`"),
    (_drift(absolute=np.array), "kept their signs"),
    (_drift(share=False), "Rows were counted"),
    (_drift(at=lambda a, b: a), "values of the reference alone"),
    (
        _drift(at=lambda a, b: np.quantile(a, np.arange(1, 10) / 10)),
        "values of the reference alone",
    ),
    (_drift(at=lambda a, b: b), "differ"),
    (_drift(size=np.mean), "mean gap"),
    (drift_of_all, "put into one sample"),
    (drift_of_the_middle, "compares means"),
    (drift_by_scaled_means, "NaN"),
]
