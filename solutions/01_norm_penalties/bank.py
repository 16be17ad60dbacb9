"""Right and wrong answers to exercise 01: they prove that its checks can tell them apart.

`RIGHT[number]` is a list of functions that must pass, each in another idiom. `WRONG[number]` is a
list of pairs: a function that must fail, and a part of the sentence that the learner must read.
"""

import numpy as np

RIGHT, WRONG = {}, {}


def _soft(w, threshold):
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


# 1.1 the gradient of the elastic net
def gradient_where(w, l1, l2):
    return 2 * l2 * w + np.where(w > 0, l1, np.where(w < 0, -l1, 0.0))


def gradient_in_steps(w, l1, l2):
    grad = np.zeros_like(w)
    grad[w > 0] += l1
    grad[w < 0] -= l1
    grad += 2.0 * l2 * w
    return grad


def gradient_loop(w, l1, l2):
    flat = [l1 * ((x > 0) - (x < 0)) + 2 * l2 * x for x in w.ravel().tolist()]
    return np.array(flat).reshape(w.shape)


RIGHT["1.1"] = [
    lambda w, l1, l2: l1 * np.sign(w) + 2 * l2 * w,
    gradient_where,
    gradient_in_steps,
    gradient_loop,
]
WRONG["1.1"] = [
    (lambda w, l1, l2: l1 * np.sign(w) + l2 * w, "factor 2"),
    (lambda w, l1, l2: l1 * np.abs(w) + 2 * l2 * w, "sign of w, not"),
    (lambda w, l1, l2: l1 + 2 * l2 * w, "sign is missing"),
    (lambda w, l1, l2: 2 * l2 * w, "Only the L2"),
    (lambda w, l1, l2: l1 * np.sign(w), "Only the L1"),
    (lambda w, l1, l2: -l1 * np.sign(w) - 2 * l2 * w, "turned round"),
    (lambda w, l1, l2: l1 * np.abs(w) + l2 * w**2, "derivative"),
    (lambda w, l1, l2: l1 * np.where(w > 0, 1, -1) + 2 * l2 * w, "At w = 0"),
    (lambda w, l1, l2: l1 * np.where(w >= 0, 1, -1) + 2 * l2 * w, "At w = 0"),
    (lambda w, l1, l2: l1 * w / np.abs(w) + 2 * l2 * w, "NaN"),
    (lambda w, l1, l2: l2 * np.sign(w) + 2 * l1 * w, "swapped"),
    (lambda w, l1, l2: l1 * np.abs(w).sum() + l2 * (w**2).sum(), "the penalty itself"),
    (lambda w, l1, l2: (l1 * np.sign(w) + 2 * l2 * w).sum(), "were added up"),
    (lambda w, l1, l2: float(w.max()), "returned one number"),
    (lambda w, l1, l2: w, "differ"),
]


# 1.3 projection onto the max-norm ball
def project_where(W, max_value, axis):
    norms = np.sqrt((W**2).sum(axis=axis, keepdims=True))
    return np.where(norms > max_value, W * max_value / np.where(norms > 0, norms, 1), W)


def project_like_keras(W, max_value, axis):
    norms = np.sqrt(np.sum(np.square(W), axis=axis, keepdims=True))
    return W * (np.clip(norms, 0, max_value) / (1e-7 + norms))


def project_loop(W, max_value, axis):
    out = W.copy()
    units = out.T if axis == 0 else out
    for unit in units:
        norm = np.linalg.norm(unit)
        if norm > max_value:
            unit *= max_value / norm
    return out


def project_all(W, max_value, axis):
    return W * max_value / np.linalg.norm(W, axis=axis, keepdims=True)


def project_in_place(W, max_value, axis):
    W *= np.minimum(1, max_value / (np.linalg.norm(W, axis=axis, keepdims=True) + 1e-12))
    return W


RIGHT["1.3"] = [
    lambda W, m, axis: W / np.maximum(1, np.linalg.norm(W, axis=axis, keepdims=True) / m),
    lambda W, m, axis: W * np.minimum(1, m / np.linalg.norm(W, axis=axis, keepdims=True)),
    project_where,
    project_like_keras,
    project_loop,
]
WRONG["1.3"] = [
    (lambda W, m, axis: RIGHT["1.3"][0](W, m, 1 - axis), "wrong axis"),
    (lambda W, m, axis: RIGHT["1.3"][0](W, m, 0), "not used"),
    (lambda W, m, axis: np.clip(W, -m, m), "by itself"),
    (lambda W, m, axis: W * min(1, m / np.linalg.norm(W)), "whole matrix"),
    (project_all, "stretched"),
    (lambda W, m, axis: W * np.minimum(1, m / (W**2).sum(axis, keepdims=True)), "squared norm"),
    (
        lambda W, m, axis: W / np.maximum(1, np.linalg.norm(W, axis=axis, keepdims=True)),
        "not brought to",
    ),
    (
        lambda W, m, axis: (
            project_all(W, 1, axis) * np.minimum(m, np.linalg.norm(W, axis=axis, keepdims=True))
        ),
        "unit of zeros",
    ),
    (lambda W, m, axis: W * np.minimum(1, m / np.linalg.norm(W, axis=axis)), "keepdims"),
    (lambda W, m, axis: W * np.minimum(1, m / np.linalg.norm(W, axis=axis))[:, None], "keepdims"),
    (lambda W, m, axis: W * np.minimum(1, m / np.abs(W).sum(axis, keepdims=True)), "L1 norm"),
    (project_in_place, "in place"),
    (lambda W, m, axis: np.linalg.norm(W, axis=axis), "shape"),
]


# 1.4 the proximal step of the elastic net
def prox_where(w, l1, l2, step):
    t = step * l1
    moved = np.where(w > t, w - t, np.where(w < -t, w + t, 0.0))
    return moved / (1 + 2 * step * l2)


def prox_scaled_soft(w, l1, l2, step):
    c = 1 + 2 * step * l2
    return _soft(w / c, step * l1 / c)


def prox_clip(w, l1, l2, step):
    return (w - np.clip(w, -step * l1, step * l1)) / (1 + 2 * step * l2)


def prox_candidates(w, l1, l2, step):
    """The root of the derivative on each side of 0, kept only where it lies on that side."""
    c = 1 / step + 2 * l2
    return np.maximum((w / step - l1) / c, 0) + np.minimum((w / step + l1) / c, 0)


RIGHT["1.4"] = [prox_where, prox_scaled_soft, prox_clip, prox_candidates]
WRONG["1.4"] = [
    (lambda w, l1, l2, t: _soft(w, t * l1) / (1 + t * l2), "factor 2"),
    (lambda w, l1, l2, t: _soft(w, t * l1), "L2 part is missing"),
    (lambda w, l1, l2, t: w / (1 + 2 * t * l2), "L1 part is missing"),
    (lambda w, l1, l2, t: _soft(w / (1 + 2 * t * l2), t * l1), "order is turned round"),
    (lambda w, l1, l2, t: _soft(w, l1) / (1 + 2 * l2), "does not enter"),
    (lambda w, l1, l2, t: _soft(w, l1) / (1 + 2 * t * l2), "`l1` alone"),
    (lambda w, l1, l2, t: w * (np.abs(w) > t * l1) / (1 + 2 * t * l2), "hard threshold"),
    (lambda w, l1, l2, t: np.maximum(np.abs(w) - t * l1, 0) / (1 + 2 * t * l2), "sign is lost"),
    (lambda w, l1, l2, t: np.maximum(w - t * l1, 0) / (1 + 2 * t * l2), "Negative weights"),
    (lambda w, l1, l2, t: w - t * (l1 * np.sign(w) + 2 * l2 * w), "plain gradient step"),
    (lambda w, l1, l2, t: (w - t * l1 * np.sign(w)) / (1 + 2 * t * l2), "other side"),
    (lambda w, l1, l2, t: _soft(w, t * l1) * (1 - 2 * t * l2), "divides by"),
    (lambda w, l1, l2, t: (w - t * l1) / (1 + 2 * t * l2), "w > step * l1 only"),
]


# 1.5 three faults in one training step
def _step(half=False, biased=0, turned=False, end="after"):
    def step(W, b, dW, db, learning_rate, l2, max_value):
        def project(W):
            norms = np.linalg.norm(W, axis=1 if turned else 0, keepdims=True)
            return W * (max_value / norms if end == "wall" else np.minimum(1, max_value / norms))

        W = project(W) if end == "before" else W
        W = W - learning_rate * (dW + (1 if half else 2) * l2 * W)
        b = b - learning_rate * (db + biased * l2 * b)
        return (W if end == "before" else project(W)), b

    return step


def step_where(W, b, dW, db, learning_rate, l2, max_value):
    W = (1 - 2 * learning_rate * l2) * W - learning_rate * dW
    norms = np.sqrt((W * W).sum(0))
    return np.where(norms > max_value, W * max_value / norms, W), b - learning_rate * db


def step_loop(W, b, dW, db, learning_rate, l2, max_value):
    new = W.copy()
    for j in range(W.shape[1]):
        new[:, j] -= learning_rate * (dW[:, j] + 2 * l2 * W[:, j])
        new[:, j] /= max(1.0, np.linalg.norm(new[:, j]) / max_value)
    return new, b - learning_rate * db


def step_in_place(W, b, dW, db, learning_rate, l2, max_value):
    W -= learning_rate * (dW + 2 * l2 * W)
    b -= learning_rate * db
    return W * np.minimum(1, max_value / np.linalg.norm(W, axis=0)), b


def step_without_max_norm(W, b, dW, db, learning_rate, l2, max_value):
    return W - learning_rate * (dW + 2 * l2 * W), b - learning_rate * db


def step_without_penalty(W, b, dW, db, learning_rate, l2, max_value):
    return _step()(W, b, dW, db, learning_rate, 0.0, max_value)


def step_held_early(W, b, dW, db, learning_rate, l2, max_value):
    held = W * np.minimum(1, max_value / np.linalg.norm(W, axis=0))
    return held - learning_rate * (dW + 2 * l2 * W), b - learning_rate * db


RIGHT["1.5"] = [_step(), step_where, step_loop]
WRONG["1.5"] = [
    (_step(True, 1, True), "All three faults"),
    (_step(half=True), "not right yet"),
    (_step(biased=1), "biases are still shrunk"),
    (_step(biased=2), "biases are still shrunk"),
    (_step(turned=True), "looks at the rows"),
    (_step(half=True, turned=True), "not right yet: compare it with task 1.1. The max-norm still"),
    (_step(half=True, biased=1), "not right yet: compare it with task 1.1. The biases"),
    (_step(biased=1, turned=True), "on the weights alone. The max-norm still looks"),
    (_step(biased=2, turned=True), "on the weights alone. The max-norm still looks"),
    (_step(end="before"), "comes before the step"),
    (step_held_early, "comes before the step"),
    (_step(biased=1, end="before"), "on the weights alone. The max-norm comes before"),
    (_step(end="wall"), "stretched"),
    (_step(half=True, end="wall"), "1.1. Units inside the ball were stretched"),
    (step_in_place, "in place"),
    (step_without_max_norm, "max-norm at the end is missing"),
    (step_without_penalty, "no longer enters"),
    (lambda *case: _step()(*case)[0], "must return 2 things"),
]


# 1.7 ridge as augmented least squares
def _ridge(X, y, strength):
    mean = X.mean(axis=0)
    Z = X - mean
    w = np.linalg.pinv(Z.T @ Z + strength * np.eye(X.shape[1])) @ (Z.T @ (y - y.mean()))
    return w, y.mean() - mean @ w


def ridge_centred_rows(X, y, l2):
    n, d = X.shape
    A = np.vstack([X - X.mean(axis=0), (n * l2) ** 0.5 * np.eye(d)])
    w = np.linalg.lstsq(A, np.append(y - y.mean(), np.zeros(d)), rcond=None)[0]
    return w, float(y.mean() - X.mean(axis=0) @ w)


def ridge_normal_equations(X, y, l2):
    n, d = X.shape
    A = np.column_stack([np.ones(n), X])
    penalty = n * l2 * np.diag([0.0] + [1.0] * d)
    solved = np.linalg.solve(A.T @ A + penalty, A.T @ y)
    return solved[1:], solved[0]


def ridge_svd(X, y, l2):
    U, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    w = Vt.T @ (s / (s**2 + len(X) * l2) * (U.T @ (y - y.mean())))
    return w, y.mean() - X.mean(axis=0) @ w


def ridge_block(X, y, l2):
    n, d = X.shape
    A = np.block([[X, np.ones((n, 1))], [np.sqrt(n * l2) * np.eye(d), np.zeros((d, 1))]])
    w = np.linalg.pinv(A) @ np.r_[y, np.zeros(d)]
    return [w[:d], w[d]]


def ridge_bias_penalised(X, y, l2):
    n, d = X.shape
    A = np.vstack([np.column_stack([X, np.ones(n)]), np.sqrt(n * l2) * np.eye(d + 1)])
    w = np.linalg.lstsq(A, np.append(y, np.zeros(d + 1)), rcond=None)[0]
    return w[:-1], w[-1]


def ridge_no_bias(X, y, l2):
    n, d = X.shape
    A = np.vstack([X, np.sqrt(n * l2) * np.eye(d)])
    return np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0], 0.0


def ridge_ones_below(X, y, l2, scaled=False):
    n, d = X.shape
    root = np.sqrt(n * l2)
    below = np.column_stack([root * np.eye(d), (root if scaled else 1) * np.ones(d)])
    A = np.vstack([np.column_stack([X, np.ones(n)]), below])
    w = np.linalg.lstsq(A, np.append(y, np.zeros(d)), rcond=None)[0]
    return w[:-1], w[-1]


def ridge_only_y_centred(X, y, l2):
    return ridge_no_bias(X, y - y.mean(), l2)[0], y.mean()


def ridge_y_centred_then_means(X, y, l2):
    w = ridge_only_y_centred(X, y, l2)[0]
    return w, np.mean(y - X @ w)


RIGHT["1.7"] = [ridge_centred_rows, ridge_normal_equations, ridge_svd, ridge_block]
WRONG["1.7"] = [
    (ridge_bias_penalised, "bias is penalised"),
    (ridge_no_bias, "no bias in the fit"),
    (ridge_ones_below, "ones in the bias column of the extra rows"),
    (lambda X, y, l2: ridge_ones_below(X, y, l2, True), "ones in the bias column"),
    (ridge_only_y_centred, "y was centred and X was not"),
    (ridge_y_centred_then_means, "y was centred and X was not"),
    (lambda X, y, l2: (_ridge(X, y, len(X) * l2)[0], y.mean()), "have the mean 0"),
    (lambda X, y, l2: (_ridge(X, y, len(X) * l2)[0], 0.0), "bias is lost"),
    (lambda X, y, l2: _ridge(X, y, l2), "n is missing"),
    (lambda X, y, l2: _ridge(X, y, (len(X) * l2) ** 2), "root is missing"),
    (lambda X, y, l2: _ridge(X, y, 2 * len(X) * l2), "Half or twice"),
    (lambda X, y, l2: _ridge(X, y, len(X) * l2 / 2), "Half or twice"),
    (lambda X, y, l2: _ridge(X, y, 0.0), "plain least squares"),
    (lambda X, y, l2: _ridge(X, y, len(X) * l2)[0], "must return 2 things"),
    (lambda X, y, l2: _ridge(X, y, len(X) * l2)[::-1], "first output"),
    (lambda X, y, l2: (_ridge(X, y, len(X) * l2)[0], np.ones(1)), "One number is expected"),
]


# 1.8 effective degrees of freedom
def df_trace(X, l2):
    n, d = X.shape
    return np.trace(X @ np.linalg.solve(X.T @ X + n * l2 * np.eye(d), X.T))


def df_eigenvalues(X, l2):
    values = np.linalg.eigvalsh(X.T @ X)
    return float(sum(value / (value + len(X) * l2) for value in values))


def df_einsum(X, l2):
    inverse = np.linalg.inv(X.T @ X + X.shape[0] * l2 * np.identity(X.shape[1]))
    return np.einsum("ij,ji->", X @ inverse, X.T)


def _factors(X, strength):
    s = np.linalg.svd(X, compute_uv=False)
    return s**2 / (s**2 + strength)


def df_unsquared(X, l2):
    s = np.linalg.svd(X, compute_uv=False)
    return np.sum(s / (s + len(X) * l2))


def df_eigenvalues_squared(X, l2):
    values = np.linalg.eigvalsh(X.T @ X) ** 2
    return np.sum(values / (values + len(X) * l2))


def df_inverse(X, l2):
    return np.trace(np.linalg.inv(X.T @ X + len(X) * l2 * np.eye(X.shape[1])))


RIGHT["1.8"] = [lambda X, l2: _factors(X, len(X) * l2).sum(), df_trace, df_eigenvalues, df_einsum]
WRONG["1.8"] = [
    (lambda X, l2: _factors(X, l2).sum(), "n is missing"),
    (df_unsquared, "enter squared"),
    (df_eigenvalues_squared, "do not square them again"),
    (df_inverse, "trace of the inverse alone"),
    (lambda X, l2: np.sum(_factors(X, len(X) * l2) ** 2), "once too often"),
    (lambda X, l2: np.sum(_factors(X, 2 * len(X) * l2)), "factor 2 too many"),
    (lambda X, l2: len(X) - np.sum(_factors(X, len(X) * l2)), "remain"),
    (lambda X, l2: X.shape[1], "without a penalty only"),
    (lambda X, l2: np.mean(_factors(X, len(X) * l2)), "sum"),
    (lambda X, l2: np.sum(_factors(X, X.shape[1] * l2)), "number of columns d"),
    (lambda X, l2: _factors(X, len(X) * l2), "One number is expected"),
]


# 1.10 scale first, then penalise
def _scaled(X, y, X_new, strength, mean, std, new_mean=None, new_std=None, bias=None):
    new_mean = mean if new_mean is None else new_mean
    new_std = std if new_std is None else new_std
    Z = (X - mean) / std
    w = np.linalg.solve(Z.T @ Z + strength * np.eye(X.shape[1]), Z.T @ (y - y.mean()))
    return (X_new - new_mean) / new_std @ w + (y.mean() if bias is None else bias)


def scaled_with_bias_column(X_train, y_train, X_new, l2):
    mean, std = np.mean(X_train, axis=0), np.std(X_train, axis=0)
    A = np.column_stack([np.ones(len(X_train)), (X_train - mean) / std])
    penalty = len(A) * l2 * np.eye(A.shape[1])
    penalty[0, 0] = 0.0
    w = np.linalg.solve(A.T @ A + penalty, A.T @ y_train)
    return np.column_stack([np.ones(len(X_new)), (X_new - mean) / std]) @ w


def scaled_by_augmentation(X_train, y_train, X_new, l2):
    n, d = X_train.shape
    mean, std = X_train.mean(0), np.sqrt(X_train.var(0))
    A = np.vstack([(X_train - mean) / std, np.sqrt(n * l2) * np.eye(d)])
    w = np.linalg.lstsq(A, np.r_[y_train - y_train.mean(), np.zeros(d)], rcond=None)[0]
    return y_train.mean() + ((X_new - mean) / std) @ w


def scaled_in_raw_units(X_train, y_train, X_new, l2):
    """Fold the scale into the penalty: the weights of the raw columns are w / std."""
    mean, variance = X_train.mean(0), X_train.var(0)
    C = X_train - mean
    raw = np.linalg.solve(
        C.T @ C + len(C) * l2 * np.diag(variance), C.T @ (y_train - y_train.mean())
    )
    return y_train.mean() + (X_new - mean) @ raw


def _std(X, ddof=0):
    return X.mean(axis=0), X.std(axis=0, ddof=ddof)


RIGHT["1.10"] = [
    lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(X)),
    scaled_with_bias_column,
    scaled_by_augmentation,
    scaled_in_raw_units,
]
WRONG["1.10"] = [
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(X), *_std(N)), "their own mean"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(np.vstack([X, N]))), "leak"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, X.mean(axis=0), 1.0), "not scaled"),
    (
        lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(X), 0.0, 1.0),
        "new rows are not scaled",
    ),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(X), bias=0.0), "bias is missing"),
    (
        lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(X), bias=y.mean() / (1 + l2)),
        "bias is penalised",
    ),
    (lambda X, y, N, l2: _scaled(X, y, N, l2, *_std(X)), "n is missing"),
    (lambda X, y, N, l2: _scaled(X, y, N, 0.0, *_std(X)), "plain least squares"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, *_std(X, 1)), "n - 1"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, X.mean(), X.std()), "without `axis=0`"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, X.mean(0), X.std()), "without `axis=0`"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, X.mean(), X.std(0)), "without `axis=0`"),
    (lambda X, y, N, l2: _scaled(X, y, N, len(X) * l2, X.mean(0), X.var(0)), "their variance"),
    (lambda X, y, N, l2: _scaled(X, y, X, len(X) * l2, *_std(X)), "shape"),
]


# 1.11 one step of AdamW
def adamw_shrink_first(w, m, v, t, dw, learning_rate, weight_decay):
    w = w * (1 - learning_rate * weight_decay)
    m = m + 0.1 * (dw - m)
    v = v + 0.001 * (dw * dw - v)
    return w - learning_rate * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8), m, v


def adamw_folded_correction(w, m, v, t, dw, learning_rate, weight_decay):
    """The correction folded into the step size, and into the small constant with it."""
    m, v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * np.square(dw)
    root = np.sqrt(1 - 0.999**t)
    rate = learning_rate * root / (1 - 0.9**t)
    return w - rate * m / (np.sqrt(v) + 1e-8 * root) - learning_rate * weight_decay * w, m, v


def adamw_loop(w, m, v, t, dw, learning_rate, weight_decay):
    new = [np.empty_like(w) for _ in range(3)]
    for i in np.ndindex(w.shape):
        a, c = 0.9 * m[i] + 0.1 * dw[i], 0.999 * v[i] + 0.001 * dw[i] ** 2
        step = (a / (1 - 0.9**t)) / (np.sqrt(c / (1 - 0.999**t)) + 1e-8)
        new[0][i], new[1][i], new[2][i] = w[i] - learning_rate * (step + weight_decay * w[i]), a, c
    return tuple(new)


def _adamw(change):
    def step(w, m, v, t, dw, rate, decay):
        grad = dw + {"coupled": decay * w, "coupled twice": 2 * decay * w}.get(change, 0.0)
        b1, b2 = {
            "m": (0.1, 0.999), "v": (0.9, 0.001), "mv": (0.1, 0.001), "exchanged": (0.999, 0.9),
        }.get(change, (0.9, 0.999))  # fmt: skip
        square = grad if change == "unsquared" else grad**2
        m_new, v_new = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * square
        count = {"late": t + 1, "raw": np.inf}.get(change, t)
        m_hat, v_hat = m_new / (1 - 0.9**count), v_new / (1 - 0.999**count)
        shrink = rate * decay * w
        shrink = {"coupled": 0.0, "coupled twice": 0.0, "plain": 0.0, "fast": decay * w}.get(
            change, shrink
        )
        root = np.sqrt(v_hat + 1e-8) if change == "inside" else np.sqrt(v_hat) + 1e-8
        if change == "early":
            root = (np.sqrt(v_new) + 1e-8) / np.sqrt(1 - 0.999**t)
        root = v_hat + 1e-8 if change == "no root" else root
        if change == "last":
            return (w - rate * m_hat / root) * (1 - rate * decay), m_new, v_new
        new = w - rate * m_hat / root - (2 * shrink if change == "double" else shrink)
        if change == "old":
            return new, m, v
        return (new, m_hat, v_hat) if change == "stored" else (new, m_new, v_new)

    return step


def adamw_in_place(w, m, v, t, dw, learning_rate, weight_decay):
    m *= 0.9
    m += 0.1 * dw
    return adamw_loop(w, m, v, t, dw, learning_rate, weight_decay)


RIGHT["1.11"] = [adamw_shrink_first, adamw_folded_correction, adamw_loop, _adamw("")]
WRONG["1.11"] = [
    (_adamw("coupled"), "into the gradient"),
    (_adamw("coupled twice"), "into the gradient"),
    (_adamw("plain"), "plain Adam"),
    (_adamw("fast"), "not multiplied by the learning rate"),
    (_adamw("double"), "twice as strong"),
    (_adamw("raw"), "start at zero is missing"),
    (_adamw("late"), "wrong step number"),
    (_adamw("stored"), "before the correction"),
    (_adamw("old"), "old `m` and `v`"),
    (_adamw("inside"), "outside the root"),
    (_adamw("early"), "before the correction of v"),
    (_adamw("last"), "moved already"),
    (_adamw("no root"), "root is missing"),
    (_adamw("m"), "`m` forgets too fast"),
    (_adamw("v"), "`v` forgets too fast"),
    (_adamw("mv"), "`m` and `v` forget too fast"),
    (_adamw("exchanged"), "are exchanged"),
    (_adamw("unsquared"), "must average the squared gradient"),
    (lambda w, m, v, *more: (w, m / 2, v), "Look at `m`"),
    (adamw_in_place, "in place"),
    (lambda *case: _adamw("")(*case)[0], "must return 3 things"),
]


# 1.12 the lasso with exact zeros
def _ista(X, y, l1, steps=800, factor=1.0, threshold=None):
    step = factor * len(X) / (2 * np.linalg.norm(X, 2) ** 2)
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        w = w - step * 2 / len(X) * X.T @ (X @ w - y)
        w = _soft(w, step * l1 if threshold is None else threshold)
    return w


def lasso_accelerated(X, y, l1):
    """FISTA (Beck and Teboulle, 2009)."""
    n, d = X.shape
    step = 1 / (2 / n * np.linalg.eigvalsh(X.T @ X)[-1])
    w = z = np.zeros(d)
    t = 1.0
    for _ in range(800):
        new = _soft(z - step * 2 / n * X.T @ (X @ z - y), step * l1)
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
        z = new + (t - 1) / t_new * (new - w)
        w, t = new, t_new
    return w


def lasso_coordinates(X, y, l1):
    """Coordinate descent: each weight in turn is set to its own minimum."""
    n, d = X.shape
    w, norms = np.zeros(d), (X**2).sum(axis=0)
    for _ in range(80):
        for j in range(d):
            rest = y - X @ w + X[:, j] * w[j]
            w[j] = _soft(X[:, j] @ rest, n * l1 / 2) / norms[j]
    return w


def lasso_until_still(X, y, l1):
    n = len(X)
    gram, target = 2 / n * X.T @ X, 2 / n * X.T @ y
    step = 1 / np.trace(gram)
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    for _ in range(2000):
        moved = w - step * (gram @ w - target)
        new = np.where(np.abs(moved) > step * l1, moved - step * l1 * np.sign(moved), 0.0)
        done = np.abs(new - w).max() < 1e-10
        w = new
        if done:
            break
    return w


def lasso_sign_steps(X, y, l1):
    w = np.zeros(X.shape[1])
    for _ in range(800):
        w = w - 0.005 * (2 / len(X) * X.T @ (X @ w - y) + l1 * np.sign(w))
    return w


def _lasso(turn=1.0, n=None, sign=0.0, shrink=_soft, cut=0.0, steps=800, factor=1.0, rate=None):
    """ISTA with mistakes: the gradient's sign and its n, a sign step too, another threshold."""

    def answer(X, y, l1):
        step = rate or factor * len(X) / (2 * np.linalg.norm(X, 2) ** 2)
        w = np.zeros(X.shape[1])
        for _ in range(steps):
            slope = turn * 2 / (n or len(X)) * X.T @ (X @ w - y) + sign * l1 * np.sign(w)
            w = shrink(w - step * slope, step * l1)
        return np.where(np.abs(w) < cut, 0.0, w)

    return answer


def _hard(w, threshold):
    return w * (np.abs(w) > threshold)


def _unsigned(w, threshold):
    return np.maximum(np.abs(w) - threshold, 0)


def _kept(w, threshold):
    return w


def _plain(X, y):
    return np.linalg.lstsq(X, y, rcond=None)[0]


def _near(X):
    return X - X.mean(axis=0)


def lasso_threshold_first(X, y, l1):
    step, w = len(X) / (2 * np.linalg.norm(X, 2) ** 2), np.zeros(X.shape[1])
    for _ in range(500):
        w = _soft(w, step * l1)
        w = w - step * 2 / len(X) * X.T @ (X @ w - y)
    return w


def lasso_ridge(X, y, l1):
    return np.linalg.solve(X.T @ X / len(X) + l1 * np.eye(X.shape[1]), X.T @ y / len(X))


def lasso_nearly_zero(X, y, l1):
    """Takes 1e-6 for zero where there are several weights."""
    w = _ista(X, y, l1)
    return np.where((w == 0) & (len(w) > 1), 1e-6, w)


RIGHT["1.12"] = [_ista, lasso_accelerated, lasso_coordinates, lasso_until_still]
WRONG["1.12"] = [
    (lasso_sign_steps, "hover about zero"),
    (lasso_nearly_zero, "Close, but not all"),
    (lambda X, y, l1: _ista(X, y, 2 * l1), "factor 2"),
    (lambda X, y, l1: _ista(X, y, l1 / len(X)), "not divided by n"),
    (lambda X, y, l1: _ista(X, y, l1, threshold=l1), "`l1` alone"),
    (lambda X, y, l1: _ista(X, y, l1 / 2), "half as strong"),
    (lambda X, y, l1: np.linalg.lstsq(X, y, rcond=None)[0], "plain least squares"),
    (lambda X, y, l1: _ista(X, y, l1, steps=350, factor=0.05), "have not arrived"),
    (_lasso(factor=8.0), "step is too large"),
    (_lasso(rate=3.0), "step is too large"),
    (_lasso(turn=-1.0), "goes uphill"),
    (_lasso(turn=-1.0, steps=1500), "goes uphill"),
    (_lasso(turn=-1.0, rate=1e-3, steps=50), "goes uphill"),
    (_lasso(n=1), "1/n is missing"),
    (_lasso(n=1, rate=0.4), "1/n is missing"),
    (_lasso(n=1, rate=4e-3, steps=1500), "not divided by n"),
    (_lasso(sign=1.0), "counts twice"),
    (_lasso(sign=1.0, rate=0.02, steps=1500), "counts twice"),
    (_lasso(sign=1.0, shrink=_kept, rate=5e-3, steps=1200, cut=1e-2), "set to 0 by hand"),
    (_lasso(sign=1.0, shrink=_kept, rate=4e-3, steps=1200, cut=6e-3), "set to 0 by hand"),
    (_lasso(shrink=_hard), "hard threshold"),
    (lambda X, y, l1: _hard(_plain(X, y), l1), "hard threshold"),
    (lambda X, y, l1: _hard(_plain(X, y), 0.3), "hard threshold"),
    (_lasso(shrink=_unsigned), "No weight is negative"),
    (_lasso(shrink=lambda w, t: np.maximum(w - t, 0)), "No weight is negative"),
    (lambda X, y, l1: _soft(_plain(X, y), l1), "takes a loop"),
    (lambda X, y, l1: _soft(_plain(X, y), l1 / 2), "takes a loop"),
    (_lasso(steps=1), "first round only"),
    (lambda X, y, l1: _ista(X, y, l1, threshold=l1 / 2), "threshold is l1 / 2"),
    (lasso_threshold_first, "comes after the threshold"),
    (_lasso(shrink=lambda w, t: np.where(w > t, w - t, w + t)), "not stopped at 0"),
    (lambda X, y, l1: np.zeros(X.shape[1]), "is possible"),
    (lasso_ridge, "This is ridge"),
    (lambda X, y, l1: lasso_ridge(X, y, l1 / len(X)), "This is ridge"),
    (lambda X, y, l1: _ista(_near(X), y, l1), "centred or scaled"),
    (lambda X, y, l1: _ista(X, y - y.mean(), l1), "centred or scaled"),
    (lambda X, y, l1: _ista(_near(X) / X.std(0), y - y.mean(), l1), "centred or scaled"),
    (lambda X, y, l1: _soft(_plain(X, y), 0.9 * l1), "is possible"),
]


# 1.2, 1.6 and 1.9: choices
RIGHT["1.2"] = [lambda: "b", lambda: " B ", lambda: ("b",)]
WRONG["1.2"] = [(lambda: "a", "exact minimiser"), (lambda: "C", "other side")]
RIGHT["1.9"] = [lambda: "c", lambda: "C.", lambda: ["c"]]
WRONG["1.9"] = [(lambda: "a", "plain least squares"), (lambda: ("b",), "sees the weight")]
RIGHT["1.6"] = [lambda: "bfgk", lambda: "B, F, G, K", lambda: {"k", "g", "f", "b"}]
WRONG["1.6"] = [
    (lambda: "afgk", "Step 1"),
    (lambda: "cfgk", "Step 1"),
    (lambda: "bdgk", "Step 2"),
    (lambda: "begk", "Step 2"),
    (lambda: "bfhk", "Step 3"),
    (lambda: "bfik", "Step 3"),
    (lambda: "bfgj", "Step 4"),
    (lambda: "bfgm", "Step 4"),
    (lambda: "adgk", "Step 1"),
]
