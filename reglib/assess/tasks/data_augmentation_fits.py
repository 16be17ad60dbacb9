"""The checks of exercise 03 on what augmentation is worth: a policy, averaged views, a fair fit."""

from functools import partial
from itertools import product

import numpy as np

from reglib.assess.compare import judged
from reglib.assess.tasks.noise_injection_draws import softmax


def recalls(P, y, told=lambda P, y: P.argmax(axis=-1) == y):
    """The share of each class's images that is told right; P (..., n, k) gives (..., k)."""
    one_hot = np.eye(P.shape[-1])[y]
    return told(P, y) @ one_hot / one_hot.sum(axis=0)


def own_probability(P, y):
    return P[..., np.arange(len(y)), y]


def kept(P, P_new, y, drop, shares=recalls, over=np.max):
    return np.flatnonzero(over(shares(P, y) - shares(P_new, y), axis=-1) <= drop)


def policy_cases(rng):
    """Each class is told wrong now seldom, now often; no loss comes near `drop`."""
    cases = []
    for sizes, drop in (((8, 8, 8), 0.31), ((10, 30, 20), 0.17)):
        y = rng.permutation(np.repeat(range(3), sizes))
        odds = np.vstack([[0.1, 0.4, 0.2], rng.choice([0.05, 0.2, 0.4, 0.7], size=(30, 3))])
        told = (y + (rng.random((31, len(y))) < odds[:, y])) % 3
        P = 0.6 * np.eye(3)[told] + 0.4 * rng.dirichlet(np.ones(3), size=told.shape)
        cases.append((P[0], P[1:], y, drop))
    return cases


POLICIES = [
    ("overall", {"shares": lambda P, y: (P.argmax(axis=-1) == y).mean(axis=-1, keepdims=True)}),
    ("probability", {"shares": partial(recalls, told=own_probability)}),
    ("average", {"over": np.mean}), ("any_class", {"over": np.min}),
    ("gains", {"over": lambda losses, axis: abs(losses).max(axis)}),
    ("from_one", lambda P, Q, y, drop: np.flatnonzero(1 - recalls(Q, y).min(axis=-1) <= drop)),
    ("agreement", lambda P, Q, y, drop: kept(P, Q, P.argmax(axis=-1), drop)),
    ("turned", lambda P, Q, *rest: np.setdiff1d(range(len(Q)), kept(P, Q, *rest))),
]  # fmt: skip


def averaged(Z, weights, of=softmax):
    return np.tensordot(weights / weights.sum(), of(Z), 1)


def view_cases(rng):
    shapes = (2, 1, 2), (5, 4, 3), (2, 6, 10), (1, 2, 4)
    return [
        (3 * rng.normal(size=s).round(2), rng.uniform(0.5, 3, size=s[0]).round(1)) for s in shapes
    ]


VIEWS = [
    ("mean_logits", lambda Z, weights: softmax(averaged(Z, weights, np.asarray))),
    ("logits", {"of": np.asarray}), ("unweighted", lambda Z, weights: softmax(Z).mean(axis=0)),
    ("not_normalized", lambda Z, weights: np.tensordot(weights, softmax(Z), 1)),
    ("over_views", lambda Z, weights: np.tensordot(weights, softmax(Z), 1) / len(Z)),
    ("vote", {"of": lambda Z: np.eye(Z.shape[-1])[Z.argmax(axis=-1)]}),
    ("over_samples", {"of": lambda Z: softmax(Z.swapaxes(1, 2)).swapaxes(1, 2)}),
]  # fmt: skip


def moves(reach, step=1):
    return list(product(range(-reach, reach + 1, step), repeat=2))


def chosen(
    images, y, val, val_y, test, test_y, reaches,
    by=1, on=2, last=1, fill="constant", order=np.tile, moves=moves,
):  # fmt: skip
    """The reach that is best on validation, its test accuracy, and that without augmentation."""
    h, w = images.shape[1:]
    sets = (images, y), (val, val_y), (test, test_y)

    def accuracy(r, new, new_y):
        frame = np.pad(images, ((0, 0), (r, r), (r, r)), fill)
        A = np.concatenate([frame[:, r - a :, r - b :][:, :h, :w] for a, b in moves(r)])
        A, B = A.reshape(len(A), -1), new.reshape(len(new), -1)
        near = (np.sum(A**2, axis=1) - 2 * B @ A.T).argmin(axis=1)
        return np.mean(order(y, len(A) // len(y))[near] == new_y)

    best = max(reaches[::last], key=lambda reach: accuracy(reach, *sets[by]))
    return best, accuracy(best, *sets[on]), accuracy(0, *sets[on])


CHOSEN = [
    ("tie", {"last": -1}), ("on_test", {"by": 2}), ("on_test", {"by": 2, "on": 1}),
    ("on_train", {"by": 0}), ("validation_told", {"on": 1}), ("wrapped", {"fill": "wrap"}),
    ("edge", {"fill": "edge"}), ("labels_apart", {"order": np.repeat}),
    ("labels_apart", {"order": np.repeat, "moves": lambda r: moves(r)[::-1]}),
    ("no_diagonal", {"moves": lambda r: [move for move in moves(r) if 0 in move]}),
    ("one_distance", {"moves": lambda r: list(product({-r, 0, r}, repeat=2))}),
    ("no_original", {"moves": lambda r: [move for move in moves(r) if move != (0, 0) or not r]}),
]  # fmt: skip


def patterns(seed, size, most, noise, reaches, rows):
    """Three patterns of 4x4 pixels, moved by up to `most`: 6 images, 40, and those rows of 40."""
    rng = np.random.default_rng(seed)
    pattern, middle, sets = rng.uniform(size=(3, 4, 4)), (size - 4) // 2, []
    for n in (6, 40, 40):
        y, images = rng.permutation(np.arange(n) % 3), noise * rng.normal(size=(n, size, size))
        at = middle + rng.integers(-most, most + 1, size=(n, 2))
        for image, c, (a, b) in zip(images, y, at, strict=True):
            image[a : a + 4, b : b + 4] += pattern[c]
        sets += [images, y]
    return (*sets[:4], sets[4][rows], sets[5][rows], reaches)


def reach_cases(rng):
    """Sets on which the known mistakes tell; the seed picks the test images."""
    known = (
        (72, 8, 2, 0.2, (0, 1, 2, 3)),
        (129, 7, 1, 0.3, (0, 1, 2, 3)),
        (44, 7, 0, 0.35, (1, 2)),
    )
    return [patterns(*how, rng.permutation(40)[:32]) for how in known]


SETS = ("images", "y", "val_images", "val_y", "test_images", "test_y", "reaches")
TESTS = {
    "3.11": judged(kept, policy_cases, ("P", "P_new", "y", "drop"), POLICIES),
    "3.12": judged(averaged, view_cases, ("Z", "weights"), VIEWS),
    "3.13": judged(chosen, reach_cases, (*SETS, "best", "accuracy", "plain"), CHOSEN),
}
