"""Right and wrong answers to tasks 3.11 to 3.13, in the form of `bank.py`."""

import numpy as np

RIGHT, WRONG = {}, {}


# 3.11 a policy that no class pays for
def policy_loop(P, P_new, y, drop):
    kept = []
    for Q in P_new:
        losses = []
        for c in range(P.shape[1]):
            before = np.mean(P[y == c].argmax(axis=1) == c)
            losses.append(before - np.mean(Q[y == c].argmax(axis=1) == c))
        kept.append(max(losses) <= drop)
    return np.flatnonzero(kept)


def policy_counts(P, P_new, y, drop):
    k = P.shape[1]
    sizes = np.bincount(y, minlength=k)
    before = np.bincount(y[P.argmax(axis=1) == y], minlength=k)
    after = [np.bincount(y[Q.argmax(axis=1) == y], minlength=k) for Q in P_new]
    return np.nonzero(((before - np.array(after)) / sizes <= drop).all(axis=1))[0]


def policy_masks(P, P_new, y, drop):
    hits = np.concatenate([P[None], P_new]).argmax(axis=2) == y
    shares = np.array([hits[:, y == c].mean(axis=1) for c in np.unique(y)]).T
    harmless = (shares[0] - shares[1:]).max(axis=1) <= drop
    return np.arange(len(P_new))[harmless]


def _shares(P, y):
    return np.array([(P.argmax(axis=-1) == y)[..., y == c].mean(axis=-1) for c in np.unique(y)])


def _policy(harm):
    def answer(P, P_new, y, drop):
        return np.array([i for i, Q in enumerate(P_new) if harm(P, Q, y) <= drop])

    return answer


def _accuracy(P, y):
    return np.mean(P.argmax(axis=1) == y)


def _probability(P, y):
    return np.array([P[y == c, c].mean() for c in np.unique(y)])


def _changes(P, Q, y):
    plain = P.argmax(axis=1)
    return max(np.mean(Q.argmax(axis=1)[plain == c] != c) for c in np.unique(plain))


def _newly_wrong(P, Q, y):
    lost = (P.argmax(axis=1) == y) & (Q.argmax(axis=1) != y)
    return max(lost[y == c].mean() for c in np.unique(y))


def _turned_over(P, Q, y):
    other = P.argmax(axis=1) != Q.argmax(axis=1)
    return max(other[y == c].mean() for c in np.unique(y))


def _losses(P, Q, y):
    return _shares(P, y) - _shares(Q, y)


RIGHT["3.11"] = [policy_loop, policy_counts, policy_masks, _policy(lambda *c: _losses(*c).max())]
WRONG["3.11"] = [
    (_policy(lambda P, Q, y: _accuracy(P, y) - _accuracy(Q, y)), "over all images"),
    (_policy(lambda *case: _losses(*case).mean()), "were averaged"),
    (_policy(lambda *case: _losses(*case).min()), "One class without harm"),
    (_policy(lambda P, Q, y: (_probability(P, y) - _probability(Q, y)).max()), "mean probability"),
    (_policy(lambda *case: np.abs(_losses(*case)).max()), "class that gains"),
    (_policy(lambda P, Q, y: (1 - _shares(Q, y)).max()), "counted from 1"),
    (_policy(_changes), "how often the prediction changes"),
    (_policy(_turned_over), "how often the prediction changes"),
    (_policy(_newly_wrong), "may have become right"),
    (_policy(lambda *case: _losses(*case).max() + 1e-12), "exactly `drop` is allowed"),
    (lambda *case: np.setdiff1d(range(len(case[1])), policy_loop(*case)), "that do harm"),
    (lambda *case: policy_loop(*case).tolist(), "array is expected"),
    (lambda *case: np.isin(range(len(case[1])), policy_loop(*case)), "type `bool`"),
    (lambda P, P_new, y, drop: np.arange(2), "The shape is"),
]


# 3.12 test-time augmentation
def views_loop(Z, weights):
    total = np.zeros(Z.shape[1:])
    for view, weight in zip(Z, weights, strict=True):
        E = np.exp(view - view.max(axis=1, keepdims=True))
        total += weight * E / E.sum(axis=1, keepdims=True)
    return total / weights.sum()


def views_average(Z, weights):
    E = np.exp(Z)
    return np.average(E / E.sum(axis=2, keepdims=True), axis=0, weights=weights)


def views_einsum(Z, weights):
    logs = Z - np.logaddexp.reduce(Z, axis=-1, keepdims=True)
    return np.einsum("t,tnk->nk", weights / np.sum(weights), np.exp(logs))


def _softmax(Z, axis=-1):
    E = np.exp(Z - Z.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True)


def _mean(Z, weights):
    return np.average(Z, axis=0, weights=weights)


RIGHT["3.12"] = [views_loop, views_average, views_einsum, lambda Z, w: _mean(_softmax(Z), w)]
WRONG["3.12"] = [
    (lambda Z, w: _softmax(_mean(Z, w)), "before the softmax"),
    (lambda Z, w: _mean(Z, w), "These are mean logits"),
    (lambda Z, w: _softmax(Z).mean(axis=0), "weights do not enter"),
    (lambda Z, w: np.tensordot(w, _softmax(Z), 1), "do not add up to 1"),
    (lambda Z, w: np.tensordot(w, _softmax(Z), 1) / len(Z), "by the number of views"),
    (lambda Z, w: _mean(np.eye(Z.shape[2])[Z.argmax(axis=2)], w), "cast a vote"),
    (lambda Z, w: _mean(_softmax(Z, axis=1), w), "ran over the samples"),
    (lambda Z, w: _mean(_softmax(Z, axis=0), w), "or over the views"),
    (lambda Z, w: _softmax(Z), "shape is"),
    (lambda Z, w: _softmax(Z)[0], "differ"),
]


# 3.13 a fair comparison
def _copies(images, y, reach, wrap=False, order="tile", allowed=None, mode="constant"):
    copies, labels = [], []
    h, w = images.shape[1:]
    framed = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), mode=mode)
    for a in range(2 * reach + 1):
        for b in range(2 * reach + 1):
            if allowed is None or allowed(a - reach, b - reach, reach):
                copies.append(framed[:, a : a + h, b : b + w])
                labels.append(y)
    if wrap:
        steps = range(-reach, reach + 1)
        copies = [np.roll(images, (a, b), axis=(1, 2)) for a in steps for b in steps]
    labels = np.repeat(y, len(copies)) if order == "repeat" else np.concatenate(labels)
    return np.concatenate(copies), labels


def _nearest(A, y, B):
    A, B = A.reshape(len(A), -1), B.reshape(len(B), -1)
    return y[np.sum((B[:, None] - A[None]) ** 2, axis=2).argmin(axis=1)]


def _fair(by="val", on="test", last=False, **how):
    def answer(images, y, val_images, val_y, test_images, test_y, reaches):
        sets = {"val": (val_images, val_y), "test": (test_images, test_y), "train": (images, y)}

        def score(reach, name):
            A, labels = _copies(images, y, reach, **how)
            return np.mean(_nearest(A, labels, sets[name][0]) == sets[name][1])

        scores = [score(reach, by) for reach in reaches]
        place = len(scores) - 1 - np.argmax(scores[::-1]) if last else np.argmax(scores)
        best = reaches[place]
        return best, score(best, on), score(0, on)

    return answer


def fair_by_dots(images, y, val_images, val_y, test_images, test_y, reaches):
    def accuracy(reach, new, new_y):
        steps = [(a, b) for a in range(-reach, reach + 1) for b in range(-reach, reach + 1)]
        n, h, w = images.shape
        bank = np.zeros((len(steps), n, h, w))
        for copy, (a, b) in zip(bank, steps, strict=True):
            copy[:, max(a, 0) : h + min(a, 0), max(b, 0) : w + min(b, 0)] = images[
                :, max(-a, 0) : h + min(-a, 0), max(-b, 0) : w + min(-b, 0)
            ]
        A, B = bank.reshape(-1, h * w), new.reshape(len(new), -1)
        distances = (A**2).sum(axis=1) - 2 * B @ A.T
        return float(np.mean(y[distances.argmin(axis=1) % n] == new_y))

    best = max(reaches, key=lambda reach: accuracy(reach, val_images, val_y))
    return best, accuracy(best, test_images, test_y), accuracy(0, test_images, test_y)


def fair_running(images, y, val_images, val_y, test_images, test_y, reaches):
    n, h, w = images.shape

    def accuracy(reach, new, new_y):
        best, found = np.full(len(new), np.inf), np.zeros(len(new), dtype=int)
        for a, b in np.ndindex(2 * reach + 1, 2 * reach + 1):
            R, C = np.eye(h, k=a - reach), np.eye(w, k=b - reach)  # a move as two products
            gaps = np.linalg.norm((new[:, None] - R @ images @ C).reshape(len(new), n, -1), axis=2)
            closer = gaps.min(axis=1) < best
            found = np.where(closer, y[gaps.argmin(axis=1)], found)
            best = np.minimum(best, gaps.min(axis=1))
        return (found == new_y).sum() / len(new)

    scores = {reach: accuracy(reach, val_images, val_y) for reach in reaches}
    best = min(r for r in reaches if scores[r] == max(scores.values()))
    return best, accuracy(best, test_images, test_y), accuracy(0, test_images, test_y)


RIGHT["3.13"] = [_fair(), fair_by_dots, fair_running]
WRONG["3.13"] = [
    (_fair(by="test"), "chosen on the test set"),
    (_fair(by="train"), "chosen on the training images"),
    (_fair(on="val"), "accuracies on the validation set"),
    (_fair(last=True), "take the smallest"),
    (_fair(wrap=True), "comes in on the other"),
    (_fair(mode="edge"), "repeated into the gap"),
    (_fair(order="repeat"), "in different orders"),
    (_fair(allowed=lambda a, b, reach: a == 0 or b == 0), "one axis at a time"),
    (_fair(allowed=lambda a, b, r: abs(a) in (0, r) and abs(b) in (0, r)), "whole reach or not at"),
    (_fair(allowed=lambda a, b, reach: (a, b) != (0, 0) or not reach), "dropped out"),
    (lambda *case: _fair()(*case)[1:], "must return 3 things"),
    (lambda *case: (0, *_fair()(*case)[1:]), "Look at `best`"),
]
