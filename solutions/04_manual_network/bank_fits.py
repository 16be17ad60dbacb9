"""Right and wrong answers to tasks 4.8 to 4.11, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


# 4.8 the gradient check itself
def errors_by_loss_of_all(X, Y, W1, b1, W2, b2, l1, l2, gradients, eps):
    def loss(W1, b1, W2, b2):
        out = _sigmoid(_sigmoid(X @ W1 + b1) @ W2 + b2)
        flat = np.concatenate([W1.ravel(), W2.ravel()])
        return ((out - Y) ** 2).mean() + l1 * np.linalg.norm(flat, 1) + l2 * flat @ flat

    arrays, found = (W1, b1, W2, b2), []
    for i, a in enumerate(gradients):
        gaps, sizes, numbers = [0.0], [0.0], [0.0]
        for j in range(a.size):
            if i % 2 == 0 and l1 and abs(arrays[i].flat[j]) < eps:
                continue
            up, down = ([w.copy() for w in arrays] for _ in range(2))
            up[i].flat[j] += eps
            down[i].flat[j] -= eps
            n = (loss(*up) - loss(*down)) / (2 * eps)
            gaps.append(abs(a.flat[j] - n))
            sizes.append(abs(a.flat[j]))
            numbers.append(abs(n))
        found.append(max(gaps) / max(1e-8, max(sizes) + max(numbers)))
    return np.array(found)


def errors_by_one_vector(X, Y, W1, b1, W2, b2, l1, l2, gradients, eps):
    arrays = (W1, b1, W2, b2)
    ends = np.cumsum([w.size for w in arrays])[:-1]
    theta = np.concatenate([w.ravel() for w in arrays])
    pays = np.concatenate([np.full(w.size, i % 2 == 0) for i, w in enumerate(arrays)])

    def loss(theta):
        parts = zip(np.split(theta, ends), arrays, strict=True)
        W1, b1, W2, b2 = (part.reshape(w.shape) for part, w in parts)
        paying = theta[pays]
        data = np.mean((_sigmoid(_sigmoid(X @ W1 + b1) @ W2 + b2) - Y) ** 2)
        return data + l1 * np.abs(paying).sum() + l2 * np.square(paying).sum()

    steps = eps * np.eye(len(theta))
    n = np.array([loss(theta + e) - loss(theta - e) for e in steps]) / (2 * eps)
    a = np.concatenate([g.ravel() for g in gradients])
    out = pays & (np.abs(theta) < eps) & (l1 > 0)
    rows = zip(*(np.split(np.where(out, 0, v), ends) for v in (a - n, a, n)), strict=True)
    tops = [[np.abs(part).max() for part in row] for row in rows]
    return np.array([gap / max(1e-8, one + other) for gap, one, other in tops])


def _errors(
    low=-1,
    span=2,
    back=True,
    penalty=1,
    over=np.mean,
    relative=None,
    left_out=None,
    order=(0, 1, 2, 3),
):
    def answer(X, Y, W1, b1, W2, b2, l1, l2, gradients, eps):
        arrays = [w.copy() for w in (W1, b1, W2, b2)]

        def loss():
            W1, b1, W2, b2 = arrays
            paid = sum(l1 * np.abs(W).sum() + l2 * (W**2).sum() for W in (W1, W2))
            return over((_sigmoid(_sigmoid(X @ W1 + b1) @ W2 + b2) - Y) ** 2) + penalty * paid

        found = []
        for i, (w, a) in enumerate(zip(arrays, gradients, strict=True)):
            n = np.zeros_like(w)
            for place in np.ndindex(w.shape):
                kept = w[place]
                w[place] = kept + eps
                up = loss()
                w[place] = kept + low * eps
                n[place] = (up - loss()) / (span * eps)
                if back:
                    w[place] = kept
            out = left_out(i, l1) if left_out else i % 2 == 0 and l1 > 0
            use = np.abs((W1, b1, W2, b2)[i]) >= (eps if out else 0)
            found.append((relative or _relative)(a[use], n[use]))
        return np.array(found)[list(order)]

    return answer


def _relative(a, n):
    return np.abs(a - n).max() / max(1e-8, np.abs(a).max() + np.abs(n).max())


def _each_by_its_own(a, n):
    return np.max(np.abs(a - n) / np.maximum(1e-8, np.abs(a) + np.abs(n)))


def _by_larger(a, n):
    return np.abs(a - n).max() / max(1e-8, np.abs(a).max(), np.abs(n).max())


def _by_numeric(a, n):
    return np.abs(a - n).max() / max(1e-8, np.abs(n).max())


def _in_place(X, Y, W1, b1, W2, b2, l1, l2, gradients, eps):
    W1[0, 0] += eps
    return _errors()(X, Y, W1, b1, W2, b2, l1, l2, gradients, eps)


def _no_floor(a, n):
    return np.abs(a - n).max() / (np.abs(a).max() + np.abs(n).max())


def _no_sign(a, n):
    return (a - n).max() / max(1e-8, np.abs(a).max() + np.abs(n).max())


RIGHT["4.8"] = [errors_by_loss_of_all, errors_by_one_vector, _errors()]
WRONG["4.8"] = [
    (_errors(low=0, span=1), "to one side only"),
    (_errors(span=1), "lie 2 * eps apart"),
    (_errors(back=False), "not put back"),
    (_errors(penalty=0), "no penalty here"),
    (_errors(over=np.sum), "not the mean"),
    (_errors(over=lambda E: E.sum(axis=1).mean()), "not the mean"),
    (_errors(left_out=lambda i, l1: False), "crosses the kink"),
    (_errors(left_out=lambda i, l1: l1 > 0), "Biases next to 0"),
    (_errors(left_out=lambda i, l1: i % 2 == 0), "though l1 is 0"),
    (_errors(left_out=lambda i, l1: True), "though l1 is 0"),
    (_errors(relative=lambda a, n: np.abs(a - n).max()), "largest difference"),
    (_errors(relative=_by_larger), "another size"),
    (_errors(relative=_by_numeric), "another size"),
    (_errors(relative=_each_by_its_own), "its own size"),
    (_errors(relative=_no_floor), "NaN"),
    (_errors(relative=_no_sign), "differ"),
    (_errors(order=(0, 2, 1, 3)), "differ"),
    (lambda *case: np.full(4, 1e-9), "differ"),
    (lambda *case: _errors()(*case).max(), "one number"),
    (_in_place, "changed its input"),
]

# 4.9 a choice
RIGHT["4.9"] = [lambda: "be", lambda: ("b", "e"), lambda: "E, B"]
WRONG["4.9"] = [
    (lambda: "ae", "b2 would be wrong"),
    (lambda: "ce", "three of the four agree"),
    (lambda: "bd", "never sees"),
    (lambda: "bf", "starts the count anew"),
]


# 4.10 the seed's mismatch
def _seed_step(start, sign=1, biases_pay=0, pays=1, two=2, stale=0):
    def answer(X, Y, W1, b1, W2, b2, l1, l2, learning_rate):
        a1 = _sigmoid(X @ W1 + b1)
        delta2 = start(_sigmoid(a1 @ W2 + b2), Y)
        moved = W2 - stale * learning_rate * (a1.T @ delta2 + l1 * np.sign(W2) + 2 * l2 * W2)
        delta1 = delta2 @ moved.T * a1 * (1 - a1)
        data = X.T @ delta1, delta1.sum(axis=0, keepdims=True), a1.T @ delta2
        data += (delta2.sum(axis=0, keepdims=True),)
        new = []
        for i, (w, g) in enumerate(zip((W1, b1, W2, b2), data, strict=True)):
            pull = (l1 * np.sign(w) + two * l2 * w) * (pays if i % 2 == 0 else biases_pay)
            new.append(w - sign * learning_rate * (g + pull))
        return tuple(new)

    return answer


def seed_by_ones(X, Y, W1, b1, W2, b2, l1, l2, learning_rate):
    """The bias as one more row of the weights, and the derivative of the squares by the slope."""
    V1, V2 = np.vstack([W1, b1]), np.vstack([W2, b2])
    X = np.column_stack([X, np.ones(len(X))])
    H = np.column_stack([_sigmoid(X @ V1), np.ones(len(X))])
    out = _sigmoid(H @ V2)
    back = (out - Y) * (out - out**2) / (0.5 * Y.size)
    below = (back @ V2.T * (H - H**2))[:, :-1]
    for V, G in ((V1, X.T @ below), (V2, H.T @ back)):
        pull = l1 * np.sign(V) + 2 * l2 * V
        pull[-1] = 0
        V -= learning_rate * (G + pull)
    return V1[:-1], V1[-1:], V2[:-1], V2[-1:]


def seed_row_by_row(X, Y, W1, b1, W2, b2, l1, l2, learning_rate):
    new = [w.copy() for w in (W1, b1, W2, b2)]
    for x, y in zip(X, Y, strict=True):
        h = _sigmoid(x @ W1 + b1[0])
        o = _sigmoid(h @ W2 + b2[0])
        d2 = learning_rate * 2 * (o - y) * o * (1 - o) / (len(X) * len(y))
        d1 = W2 @ d2 * h * (1 - h)
        for w, g in zip(new, (np.outer(x, d1), d1, np.outer(h, d2), d2), strict=True):
            w -= g
    for w, old in ((new[0], W1), (new[2], W2)):
        w -= learning_rate * (l1 * np.sign(old) + 2 * l2 * old)
    return new


def _right_start(a, y):
    return 2 * (a - y) / y.size * a * (1 - a)


RIGHT["4.10"] = [_seed_step(_right_start), seed_by_ones, seed_row_by_row]
WRONG["4.10"] = [
    (_seed_step(lambda a, y: (a - y) / len(y)), "still the seed's"),
    (_seed_step(lambda a, y: 2 * (a - y) / y.size), "slope of the output's sigmoid"),
    (_seed_step(lambda a, y: (a - y) / y.size * a * (1 - a)), "factor 2"),
    (_seed_step(lambda a, y: 2 * (a - y) / len(y) * a * (1 - a)), "number of samples alone"),
    (_seed_step(lambda a, y: 2 * (a - y) * a * (1 - a)), "that of the sum"),
    (_seed_step(lambda a, y: (a - y) / len(y) * a * (1 - a)), "factor 2"),
    (_seed_step(_right_start, biases_pay=1), "Only weights"),
    (_seed_step(_right_start, pays=0), "does not enter"),
    (_seed_step(_right_start, two=1), "half of what it should be"),
    (_seed_step(_right_start, stale=1), "after its own step"),
    (_seed_step(lambda a, y: _right_start(a, y) / len(y)), "samples twice"),
    (lambda *case: _seed_step(_right_start)(*case[:-1], 0.5), "differ"),
    (_seed_step(_right_start, sign=-1), "differ"),
    (lambda *case: case[2:6], "differ"),
    (lambda *case: _seed_step(_right_start)(*case)[::2], "must return 4 things"),
]


# 4.11 three faults in one step
def _tanh_step(updated=False, slope=lambda a: 1 - a**2, share=lambda n: 1.0, half=1, biases_pay=0):
    def answer(X, Y, W1, b1, W2, b2, l1, l2, learning_rate):
        def moved(w, g, pays=1):
            pull = (l1 * np.sign(w) + 2 * half * l2 * w) * share(len(X))
            return w - learning_rate * (g + pays * pull)

        a1 = np.tanh(X @ W1 + b1)
        E = np.exp(a1 @ W2 + b2)
        delta2 = (E / E.sum(axis=1, keepdims=True) - Y) / len(X)
        new_W2 = moved(W2, a1.T @ delta2)
        delta1 = delta2 @ (new_W2 if updated else W2).T * slope(a1)
        new_b1 = moved(b1, delta1.sum(axis=0, keepdims=True), biases_pay)
        new_b2 = moved(b2, delta2.sum(axis=0, keepdims=True), biases_pay)
        return moved(W1, X.T @ delta1), new_b1, new_W2, new_b2

    return answer


def tanh_row_by_row(X, Y, W1, b1, W2, b2, l1, l2, learning_rate):
    grads = [0.0, 0.0, 0.0, 0.0]
    for x, y in zip(X, Y, strict=True):
        z = x @ W1 + b1[0]
        s = np.tanh(z) @ W2 + b2[0]
        d2 = np.exp(s - np.logaddexp.reduce(s)) - y
        d1 = W2 @ d2 / np.cosh(z) ** 2
        parts = np.outer(x, d1), d1[None], np.outer(np.tanh(z), d2), d2[None]
        grads = [g + part / len(X) for g, part in zip(grads, parts, strict=True)]
    for i, W in ((0, W1), (2, W2)):
        grads[i] = grads[i] + l1 * np.sign(W) + 2 * l2 * W
    pairs = zip((W1, b1, W2, b2), grads, strict=True)
    return [w - learning_rate * g for w, g in pairs]


def tanh_from_above(X, Y, W1, b1, W2, b2, l1, l2, learning_rate):
    """W1 and b1 first, so that W2 cannot have moved; the penalty as a step of its own."""
    n, z1 = X.shape[0], X @ W1 + b1
    scores = np.tanh(z1) @ W2 + b2
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P = P / P.sum(axis=1)[:, None]
    below = np.einsum("nk,hk->nh", P - Y, W2) * (1 - np.tanh(z1) ** 2)
    new_W1 = W1 - learning_rate * (np.einsum("nd,nh->dh", X, below) / n + 2 * l2 * W1)
    new_b1 = b1 - learning_rate * below.mean(axis=0)
    new_W2 = W2 - learning_rate * (np.tanh(z1).T @ (P - Y) / n + 2 * l2 * W2)
    new_W1, new_W2 = (
        new_W1 - learning_rate * l1 * np.sign(W1),
        new_W2 - learning_rate * l1 * np.sign(W2),
    )
    return new_W1, new_b1, new_W2, b2 - learning_rate * (P - Y).mean(axis=0, keepdims=True)


FAULTS = {
    "updated": True,
    "slope": lambda a: 1 - np.tanh(a) ** 2,
    "share": lambda n: 1 / n,
}

RIGHT["4.11"] = [_tanh_step(), tanh_row_by_row, tanh_from_above]
WRONG["4.11"] = [
    (_tanh_step(**FAULTS), "All three"),
    (_tanh_step(updated=True), "after its own step"),
    (_tanh_step(slope=FAULTS["slope"]), "taken at a1"),
    (_tanh_step(share=FAULTS["share"]), "divided by the number of samples"),
    (_tanh_step(updated=True, slope=FAULTS["slope"]), "after its own step"),
    (_tanh_step(updated=True, share=FAULTS["share"]), "divided by the number of samples"),
    (_tanh_step(half=0.5), "pulls half"),
    (_tanh_step(share=lambda n: 0), "does not enter"),
    (_tanh_step(biases_pay=1), "Only weights"),
    (_tanh_step(slope=lambda a: a * (1 - a)), "differ"),
    (lambda *case: case[2:6], "differ"),
]
