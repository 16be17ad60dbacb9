"""The checks of exercise 03 on what augmentation is worth: a policy, averaged views, a fair fit."""

import numpy as np

from reglib.assess.compare import judged
from reglib.assess.tasks.noise_injection_draws import softmax


def recalls(P, y):
    """The share of each class's images that is told right; P (..., n, k) gives (..., k)."""
    one_hot = np.eye(P.shape[-1])[y]
    return (P.argmax(axis=-1) == y) @ one_hot / one_hot.sum(axis=0)


def safe(P, P_new, y, drop, shares=recalls, over=np.max):
    return 1.0 * (over(shares(P, y) - shares(P_new, y), axis=-1) <= drop)


def unlike(P, P_new, y, drop):
    """The same, counting every image whose prediction changes."""
    return 1.0 * (1 - recalls(P_new, P.argmax(axis=-1)).min(axis=-1) <= drop)


def own_probability(P, y):
    one_hot = np.eye(P.shape[-1])[y]
    return (P * one_hot).sum(axis=-1) @ one_hot / one_hot.sum(axis=0)


def policy_cases(rng):
    """How many of each class are told wrong: on the images as they are, then transformed."""
    first = [[1, 1, 0], [1, 1, 0], [0, 4, 0], [3, 3, 2]]
    wrong = [
        [1, 3, 4],
        [1, 3, 4],
        [10, 3, 4],
        [3, 3, 4],
        [1, 3, 0],
        [1, 3, 7],
        [5, 0, 0],
        [1, 18, 4],
        [4, 12, 10],
    ]
    cases = []
    for sizes, drop, counts in (((4, 4, 4), 0.3, first), ((10, 30, 20), 0.17, wrong)):
        y = rng.permutation(np.repeat(range(3), sizes))
        P = np.array([told(y, row, rng) for row in counts])
        cases.append((P[0], P[1 + rng.permutation(len(P) - 1)], y, drop))
    return cases


def told(y, wrong, rng):
    """Probabilities (n, 3) by which `wrong[c]` images of each class c are told wrong."""
    labels = y.copy()
    for c, count in enumerate(wrong):
        labels[rng.permutation(np.flatnonzero(y == c))[:count]] = (c + 1) % 3
    return 0.6 * np.eye(3)[labels] + 0.4 * rng.dirichlet(np.ones(3), size=len(y))


POLICIES = [
    ("overall", {"shares": lambda P, y: (P.argmax(axis=-1) == y).mean(axis=-1, keepdims=True)}),
    ("average", {"over": np.mean}),
    ("any_class", {"over": np.min}),
    ("probability", {"shares": own_probability}),
    ("gains", {"over": lambda losses, axis: np.abs(losses).max(axis)}),
    ("from_one", lambda P, P_new, y, drop: 1.0 * (1 - recalls(P_new, y).min(axis=-1) <= drop)),
    ("agreement", unlike),
    ("turned", lambda *case: 1 - safe(*case)),
]


def averaged(Z, weights, of=softmax):
    return np.tensordot(weights / weights.sum(), of(Z), 1)


def view_cases(rng):
    first = np.array([[[2.0, 0.0]], [[0.0, 1.0]]]), np.array([3.0, 1.0])
    return [first] + [
        (3 * rng.normal(size=shape), rng.uniform(0.5, 3, size=shape[0]))
        for shape in ((5, 4, 3), (2, 6, 10), (1, 2, 4))
    ]


VIEWS = [
    ("mean_logits", lambda Z, weights: softmax(averaged(Z, weights, np.asarray))),
    ("logits", {"of": np.asarray}),
    ("unweighted", lambda Z, weights: softmax(Z).mean(axis=0)),
    ("not_normalized", lambda Z, weights: np.tensordot(weights, softmax(Z), 1)),
    ("over_views", lambda Z, weights: averaged(Z, weights) * weights.sum() / len(Z)),
    ("vote", {"of": lambda Z: np.eye(Z.shape[-1])[Z.argmax(axis=-1)]}),
    ("over_samples", {"of": lambda Z: softmax(Z.swapaxes(1, 2)).swapaxes(1, 2)}),
]


def moves(reach):
    return [(a, b) for a in range(-reach, reach + 1) for b in range(-reach, reach + 1)]


def copies(images, reach, moves=moves, fill="constant"):
    """All images moved by each (down, right), one batch after the other."""
    h, w = images.shape[1:]
    frame = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), fill)
    cut = [frame[:, reach - a :, reach - b :][:, :h, :w] for a, b in moves(reach)]
    return np.concatenate(cut)


def accuracy(images, y, new, new_y, reach, order=np.tile, **how):
    """Of the nearest neighbour among the training images and their moved copies."""
    A = copies(images, reach, **how).reshape(-1, images[0].size)
    B = new.reshape(len(new), -1)
    near = (np.sum(A**2, axis=1) - 2 * B @ A.T).argmin(axis=1)
    return np.mean(order(y, len(A) // len(y))[near] == new_y)


def chosen(images, y, val, val_y, test, test_y, reaches, by="val", on="test", last=1, **how):
    """The reach that is best on validation, its test accuracy, and that without augmentation."""
    sets = {"val": (val, val_y), "test": (test, test_y), "train": (images, y)}

    def score(reach, name):
        return accuracy(images, y, *sets[name], reach, **how)

    best = max(reaches[::last], key=lambda reach: score(reach, by))
    return best, score(best, on), score(0, on)


CHOSEN = [
    ("tie", {"last": -1}),
    ("on_test", {"by": "test"}),
    ("on_train", {"by": "train"}),
    ("validation_told", {"on": "val"}),
    ("on_test", {"by": "test", "on": "val"}),
    ("wrapped", {"fill": "wrap"}),
    ("edge", {"fill": "edge"}),
    ("labels_apart", {"order": np.repeat}),
    ("labels_apart", {"order": np.repeat, "moves": lambda reach: moves(reach)[::-1]}),
    ("no_diagonal", {"moves": lambda reach: [move for move in moves(reach) if 0 in move]}),
    ("one_distance", {"moves": lambda r: sorted({(a, b) for a in (-r, 0, r) for b in (-r, 0, r)})}),
    ("no_original", {"moves": lambda reach: [m for m in moves(reach) if m != (0, 0) or not reach]}),
]


def patterns(seed, size, most, noise):
    """Three patterns of 4x4 pixels, moved by up to `most` pixels: 6 images, and twice 40."""
    rng = np.random.default_rng(seed)
    pattern, middle = rng.uniform(size=(3, 4, 4)), (size - 4) // 2
    for n in (6, 40, 40):
        y, images = rng.permutation(np.arange(n) % 3), noise * rng.normal(size=(n, size, size))
        for image, c, (a, b) in zip(
            images, y, middle + rng.integers(-most, most + 1, size=(n, 2)), strict=True
        ):
            image[a : a + 4, b : b + 4] += pattern[c]
        yield images, y


def reach_cases(rng):
    """Sets on which each known mistake tells; the seed picks the test images."""
    cases = []
    for *how, reaches in (
        (72, 8, 2, 0.2, (0, 1, 2, 3)),
        (129, 7, 1, 0.3, (0, 1, 2, 3)),
        (105, 7, 1, 0.3, (0, 1, 2, 3)),
        (44, 7, 0, 0.35, (1, 2)),
    ):
        train, val, (test, test_y) = patterns(*how)
        rows = rng.permutation(40)[:32]
        cases.append((*train, *val, test[rows], test_y[rows], reaches))
    return cases


def numbers_for_truths(answer):
    """The answer with a Boolean array as one of zeros and ones: both are right."""

    def read(*case):
        given = answer(*case)
        return given * 1.0 if isinstance(given, np.ndarray) and given.dtype == bool else given

    return read


POLICY = judged(safe, policy_cases, ("P", "P_new", "y", "drop"), POLICIES)
SETS = ("images", "y", "val_images", "val_y", "test_images", "test_y", "reaches")
TESTS = {
    "3.11": lambda answer, seed=0: POLICY(numbers_for_truths(answer), seed),
    "3.12": judged(averaged, view_cases, ("Z", "weights"), VIEWS),
    "3.13": judged(chosen, reach_cases, (*SETS, "best", "accuracy", "plain"), CHOSEN),
}
