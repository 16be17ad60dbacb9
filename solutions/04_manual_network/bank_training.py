"""Right and wrong answers to tasks 4.12 and 4.13, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


# 4.12 three faults in a training loop
def _training(reset=None, masked=False, copies=True, full=False, dropout=True):
    def answer(X, y, X_val, y_val, masks, size, learning_rate, momentum):
        w, v = np.zeros(X.shape[1]), np.zeros(X.shape[1])
        best, losses = w, []
        for mask in masks:
            if reset == "epoch":
                v = np.zeros_like(w)
            for start in range(0, len(X), size):
                A, t = X[start : start + size], y[start : start + size]
                if full and len(A) < size:
                    continue
                if reset == "batch":
                    v = np.zeros_like(w)
                A = A * mask[start : start + size] if dropout else A
                v = momentum * v - learning_rate * A.T @ (_sigmoid(A @ w) - t) / len(A)
                w += v
            p = _sigmoid((X_val * mask[: len(X_val)] if masked else X_val) @ w)
            losses.append(-np.mean(np.log(np.where(y_val > 0, p, 1 - p))))
            if losses[-1] == min(losses):
                best = w.copy() if copies else w
        return best, np.array(losses)

    return answer


def training_that_keeps_all(X, y, X_val, y_val, masks, size, learning_rate, momentum):
    w, v, history = 0.0 * X[0], 0.0 * X[0], []
    for mask in masks:
        inputs = X * mask
        for rows in np.split(np.arange(len(X)), range(size, len(X), size)):
            g = np.mean((_sigmoid(inputs[rows] @ w) - y[rows])[:, None] * inputs[rows], axis=0)
            v = momentum * v - learning_rate * g
            w = w + v
        history.append(w)
    Z = X_val @ np.array(history).T
    losses = np.mean(np.logaddexp(0, Z) - y_val[:, None] * Z, axis=0)
    return history[losses.argmin()], losses


def training_with_signs(X, y, X_val, y_val, masks, size, learning_rate, momentum):
    """Labels of -1 and 1, and a step that looks back at the last two places."""
    s, t = 2 * y - 1, 2 * y_val - 1
    w = before = np.zeros(X.shape[1])
    losses, best = np.zeros(len(masks)), (np.inf, w)
    for epoch, mask in enumerate(masks):
        for start in range(0, len(X), size):
            rows = slice(start, min(start + size, len(X)))
            A = X[rows] * mask[rows] * s[rows, None]
            pull = A.T @ _sigmoid(-A @ w) / len(A)
            w, before = w + momentum * (w - before) + learning_rate * pull, w
        losses[epoch] = np.logaddexp(0, -t * (X_val @ w)).mean()
        if losses[epoch] < best[0]:
            best = losses[epoch], w
    return best[1], losses


RIGHT["4.12"] = [_training(), training_that_keeps_all, training_with_signs]
WRONG["4.12"] = [
    (_training("batch", masked=True, copies=False), "All three"),
    (_training("batch"), "in every batch"),
    (_training(masked=True), "Dropout is on"),
    (_training(copies=False), "those of the last epoch"),
    (_training("epoch"), "in every epoch"),
    (_training(full=True), "not full"),
    (_training(dropout=False), "no dropout left"),
    (_training("batch", masked=True), "in every batch"),
    (_training("batch", copies=False), "those of the last epoch"),
    (_training(masked=True, copies=False), "those of the last epoch"),
    (lambda *case: _training()(*case)[::-1], "shape is"),
    (lambda *case: _training()(*case)[0], "must return 2 things"),
]


# 4.13 a whole training
def _train(
    epochs=60, rate=0.03, noise=0.0, drop=0.0, l2=0.0, stop=False, smooth=0.0, shifts=False,
    leak=False, seeded=True, repeats=True, size=30, start="he",
):  # fmt: skip
    def answer(X, y, X_val, y_val, seed):
        rng = np.random.default_rng((seed if seeded else 0) if repeats else None)
        if leak:
            n = 400 if leak is True else leak
            X, y = np.vstack([X, X_val[:n]]), np.append(y, y_val[:n])
        Y = (1 - smooth) * np.eye(10)[y] + smooth / 10
        root = np.sqrt([2 / 64, 2 / 128]) if start == "he" else (0.0, 0.0)
        net = [root[0] * rng.normal(size=(64, 128)), np.zeros((1, 128))]
        net += [root[1] * rng.normal(size=(128, 10)), np.zeros((1, 10))]
        speeds, best = [0 * w for w in net], (-1, net)
        for _ in range(epochs):
            order = rng.permutation(len(X))
            for start_row in range(0, len(X), size):
                rows = order[start_row : start_row + size]
                A = _shifted(X[rows], rng) if shifts else X[rows]
                A = A + noise * rng.normal(size=A.shape)
                mask = (rng.random((len(A), 128)) >= drop) / (1 - drop)
                H = np.maximum(A @ net[0] + net[1], 0) * mask
                E = np.exp(H @ net[2] + net[3])
                D = (E / E.sum(axis=1, keepdims=True) - Y[rows]) / len(A)
                B = D @ net[2].T * mask * (H > 0)
                grads = A.T @ B + 2 * l2 * net[0], B.sum(axis=0, keepdims=True)
                grads += H.T @ D + 2 * l2 * net[2], D.sum(axis=0, keepdims=True)
                speeds = [0.9 * v - rate * g for v, g in zip(speeds, grads, strict=True)]
                net = [w + v for w, v in zip(net, speeds, strict=True)]
            scores = np.maximum(X_val @ net[0] + net[1], 0) @ net[2] + net[3]
            share = np.mean(scores.argmax(axis=1) == y_val)
            best = max(best, (share, net), key=lambda pair: pair[0])
        return tuple(best[1] if stop else net)

    return answer


def _shifted(X, rng):
    padded = np.pad(X.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    steps = rng.integers(3, size=(len(X), 2))
    moved = [image[i : i + 8, j : j + 8] for image, (i, j) in zip(padded, steps, strict=True)]
    return np.array(moved).reshape(len(X), 64)


def digits_by_adam_and_averaging(X, y, X_val, y_val, seed):
    """Whole batches, Adam, noise on the inputs; the weights are averages over the epochs."""
    rng = np.random.default_rng(seed)
    net = [rng.uniform(-0.2, 0.2, shape) for shape in ((64, 128), (1, 128), (128, 10), (1, 10))]
    m, v, mean = ([0 * w for w in net] for _ in range(3))
    for t in range(1, 201):
        A = X + 0.5 * rng.normal(size=X.shape)
        z = A @ net[0] + net[1]
        scores = z.clip(0) @ net[2] + net[3]
        D = np.exp(scores - scores.max(axis=1, keepdims=True))
        D /= D.sum(axis=1, keepdims=True)
        D[np.arange(len(y)), y] -= 1
        D /= len(y)
        B = D @ net[2].T * (z > 0)
        grads = A.T @ B, B.sum(axis=0)[None], z.clip(0).T @ D, D.sum(axis=0)[None]
        for i, g in enumerate(grads):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            step = m[i] / (1 - 0.9**t) / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
            net[i] = net[i] - 0.003 * step
            mean[i] = mean[i] + net[i] / 100 if t > 100 else mean[i]
    return mean


RIGHT["4.13"] = [
    _train(noise=0.5),
    _train(stop=True),
    _train(noise=0.5, l2=0.003, stop=True, drop=0.2),
    digits_by_adam_and_averaging,
]
WRONG["4.13"] = [
    (_train(), "by heart"),
    (_train(rate=0.1), "by heart"),
    (_train(smooth=0.1), "by heart"),
    (_train(leak=True, noise=0.5, stop=True), "trained on the validation digits"),
    (_train(leak=True), "trained on the validation digits"),
    (_train(leak=50, noise=0.5), "trained on the validation digits"),
    (_train(epochs=1), "learnt little"),
    (_train(start="zero"), "learnt little"),
    (_train(l2=0.3), "learnt little"),
    (_train(epochs=4), "not there yet"),
    (_train(l2=0.03), "not there yet"),
    (_train(noise=0.5, repeats=False), "two different networks"),
    (_train(noise=0.5, seeded=False), "Different seeds"),
    (lambda X, *case: (X.T @ X,) * 4, "shape is"),
    (lambda *case: [w.ravel() for w in _train(epochs=1)(*case)], "shape is"),
]
