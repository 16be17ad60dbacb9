"""The checks of exercise 03 on what augmentation is worth: a policy, averaged views, a fair fit."""

from functools import partial
from itertools import product

import numpy as np

from reglib.assess.compare import judged
from reglib.assess.tasks.noise_injection_draws import softmax

TESTS = {}


guess = partial(np.argmax, axis=-1)


def recalls(P, y, plain, told=lambda P, y, plain: guess(P) == y):
    """The share of each class's images that is told right; P (..., n, k) gives (..., k)."""
    one_hot = np.eye(P.shape[-1])[y]
    return told(P, y, plain) @ one_hot / one_hot.sum(axis=0)


def kept(P, P_new, y, drop, shares=recalls, over=np.max, within=np.less_equal):
    return np.flatnonzero(within(over(shares(P, y, P) - shares(P_new, y, P), axis=-1), drop))


def policy_cases(rng):
    """Each class is told wrong now seldom, now often.

    Where it has 8 images, many losses are `drop`, which floats hold; elsewhere none comes near.
    """

    def case(sizes, drop):
        y = rng.permutation(np.repeat(range(3), sizes))
        odds = np.vstack([[0.1, 0.5, 0.2], rng.choice([0.05, 0.2, 0.4, 0.7], size=(60, 3))])
        told = (y + (rng.random((61, len(y))) < odds[:, y])) % 3
        P = 0.6 * np.eye(3)[told] + 0.4 * rng.dirichlet(np.ones(3), size=told.shape)
        return P[0], P[1:], y, drop

    return [case((8, 8, 8), 0.25), case((10, 30, 20), 0.17)]


RECALLS = [
    ("agreement", lambda P, y, plain: guess(P) == guess(plain)),
    ("gains_lost", lambda P, y, plain: (guess(P) == y) | (guess(plain) != y)),
    ("probability", lambda P, y, plain: P[..., range(len(y)), y]),
]
TESTS["3.11"] = judged(kept, policy_cases, [
    ("overall", {"shares": lambda P, y, plain: (guess(P) == y).mean(axis=-1, keepdims=True)}),
    *((key, {"shares": partial(recalls, told=told)}) for key, told in RECALLS),
    ("average", {"over": np.mean}), ("any_class", {"over": np.min}),
    ("strict", {"within": np.less}), ("turned", {"within": np.greater}),
    ("turned", {"within": np.greater_equal}),
    ("gains", {"over": lambda losses, axis: abs(losses).max(axis)}),
    ("from_one", lambda P, *case: kept(np.eye(P.shape[1])[case[1]], *case)),
    ("agreement", lambda P, P_new, y, drop: kept(P, P_new, guess(P), drop)),
])  # fmt: skip


def averaged(Z, weights, of=softmax):
    return np.tensordot(weights / weights.sum(), of(Z), 1)


def view_cases(rng):
    shapes = (2, 1, 2), (5, 4, 3), (2, 6, 10), (1, 2, 4)
    return [(3 * rng.normal(size=s), rng.uniform(0.5, 3, size=s[0]).round(1)) for s in shapes]


TESTS["3.12"] = judged(averaged, view_cases, [
    ("mean_logits", lambda Z, weights: softmax(averaged(Z, weights, np.asarray))),
    ("logits", {"of": np.asarray}), ("unweighted", lambda Z, weights: softmax(Z).mean(axis=0)),
    ("not_normalized", lambda Z, weights: np.tensordot(weights, softmax(Z), 1)),
    ("over_views", lambda Z, weights: np.tensordot(weights, softmax(Z), 1) / len(Z)),
    ("vote", {"of": lambda Z: np.eye(Z.shape[-1])[Z.argmax(axis=-1)]}),
    ("other_axis", {"of": lambda Z: softmax(Z.swapaxes(1, 2)).swapaxes(1, 2)}),
    ("other_axis", {"of": lambda Z: softmax(Z.swapaxes(0, 2)).swapaxes(0, 2)}),
])  # fmt: skip


def moves(reach):
    return list(product(range(-reach, reach + 1), repeat=2))


def chosen(images, y, val_images, val_y, test_images, test_y, reaches,
           by=1, on=2, last=1, fill="constant", order=np.tile, moves=moves):  # fmt: skip
    """The reach that is best on validation, its test accuracy, and that without augmentation."""
    h, w = images.shape[1:]
    sets = (images, y), (val_images, val_y), (test_images, test_y)

    def accuracy(r, new, new_y):
        frame = np.pad(images, ((0, 0), (r, r), (r, r)), fill)
        A = np.concatenate([frame[:, r - a :, r - b :][:, :h, :w] for a, b in moves(r)])
        A, B = A.reshape(len(A), -1), new.reshape(len(new), -1)
        near = (np.sum(A**2, axis=1) - 2 * B @ A.T).argmin(axis=1)
        return np.mean(order(y, len(A) // len(y))[near] == new_y)

    best = max(reaches[::last], key=lambda reach: accuracy(reach, *sets[by]))
    return best, accuracy(best, *sets[on]), accuracy(0, *sets[on])


def patterns(rows, reaches, seed, size, most, noise):
    """Three patterns of 4x4 pixels, moved by up to `most`: 6 images, 40, and those rows of 40."""
    rng, m, sets = np.random.default_rng(seed), (size - 4) // 2, []
    base = np.pad(rng.uniform(size=(3, 4, 4)), ((0, 0), (m, size - 4 - m), (m, size - 4 - m)))
    for n in (6, 40, 40):
        y, images = rng.permutation(np.arange(n) % 3), noise * rng.normal(size=(n, size, size))
        at = rng.integers(-most, most + 1, size=(n, 2))
        moved = [np.roll(base[c], step, axis=(0, 1)) for c, step in zip(y, at, strict=True)]
        sets += [images + moved, y]
    return (*sets[:4], sets[4][rows], sets[5][rows], reaches)


def reach_cases(rng):
    """Sets on which the known mistakes tell; the seed picks the test images."""
    known = ((0, 1, 2, 3), 72, 8, 2, 0.2), ((0, 1, 2, 3), 129, 7, 1, 0.3), ((1, 2), 44, 7, 0, 0.35)
    return [patterns(rng.permutation(40)[:32], *how) for how in known]


TESTS["3.13"] = judged(chosen, reach_cases, [
    ("tie", {"last": -1}), ("on_test", {"by": 2}), ("on_test", {"by": 2, "on": 1}),
    ("on_train", {"by": 0}), ("validation_told", {"on": 1}), ("wrapped", {"fill": "wrap"}),
    ("edge", {"fill": "edge"}), ("labels_apart", {"order": np.repeat}),
    ("labels_apart", {"order": np.repeat, "moves": lambda r: moves(r)[::-1]}),
    ("no_diagonal", {"moves": lambda r: [move for move in moves(r) if 0 in move]}),
    ("one_distance", {"moves": lambda r: list(product({-r, 0, r}, repeat=2))}),
    ("no_original", {"moves": lambda r: [move for move in moves(r) if move != (0, 0) or not r]}),
], ("best", "accuracy", "plain"))  # fmt: skip
