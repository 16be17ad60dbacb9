"""The checks of exercise 03 on geometry, colour and boxes, which draw nothing.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

from itertools import product

import numpy as np

from reglib.assess.compare import combined, judged

TESTS, DEGREE, LUMA = {}, np.pi / 180, np.array([0.299, 0.587, 0.114])


def sources(h, w, degrees, unit=DEGREE, centre=lambda hw: (hw - 1) / 2, back=1, finish=np.array):
    """Row and column from which each pixel of an image rotated about its centre is taken."""
    at = centre(np.array([h, w]))[:, None, None]
    (r, c), cos, sin = np.indices((h, w)) - at, np.cos(degrees * unit), np.sin(degrees * unit)
    return tuple(finish(np.array([cos * r + sin * c, cos * c - sin * r]) + back * at))


def source_cases(rng):
    one, other = rng.uniform(10, 80, size=2).round(1).tolist()
    return [(2, 3, 90.0), (5, 8, one), (7, 4, -other), (3, 3, 30.0), (4, 6, 0.0)]


TESTS["3.2"] = judged(sources, source_cases, [
    ("half_pixel", {"centre": lambda hw: hw / 2}), ("half_pixel", {"centre": lambda hw: hw // 2}),
    ("centre_swapped", {"centre": lambda hw: (hw[::-1] - 1) / 2}), ("not_back", {"back": 0}),
    ("corner", {"centre": lambda hw: 0 * hw}), ("radians", {"unit": 1}),
    ("clockwise", {"unit": -DEGREE}), ("rounded", {"finish": np.round}),
    ("rounded", {"finish": np.floor}), ("exchanged", lambda *case: sources(*case)[::-1]),
    ("transposed", lambda *case: tuple(part.T for part in sources(*case))),
], ("rows", "cols"))  # fmt: skip


def bilinear(image, rows, cols, low=np.floor, mix=1, size=1, clamp=False, turn=False):
    """The image at fractional places: the mean of four pixels, weighted by closeness."""
    (h, w), total = image.shape, 0.0
    r0, c0 = low(rows).astype(int), low(cols).astype(int)
    t, s = mix * (rows - r0), mix * (cols - c0)
    for a, b in product((0, 1), repeat=2):
        r, c = r0 + a, c0 + b
        inside = (r >= 0) & (r <= h - size) & (c >= 0) & (c <= w - size) | clamp
        weight = (t if a != turn else 1 - t) * (s if b != turn else 1 - s)
        total = total + weight * inside * image[r.clip(0, h - 1), c.clip(0, w - 1)]
    return total


def sample_cases(rng):
    image, corners = rng.uniform(0.2, 1, size=(4, 6)), np.array([[0, 3.0, 3, 2], [5, 5, 1.25, 0]])
    inside, around = rng.uniform(0.1, 2.9, size=(2, 3, 5)), rng.uniform(-1.5, 6.5, size=(2, 40))
    first = np.array([[1.0, 2, 4], [3, 5, 9]]), np.array([0.25]), np.array([1.5])
    return [first, *((image, *places) for places in (inside, corners, around))]


TESTS["3.3"] = judged(bilinear, sample_cases, [
    ("nearest", {"low": np.round, "mix": 0}), ("floor", {"mix": 0}), ("turned", {"turn": True}),
    ("last_lost", {"size": 2}), ("edge", {"clamp": True}), ("truncated", {"low": np.trunc}),
    ("ceil", lambda image, *at: bilinear(image, *at) * (at[0] % 1 > 0) * (at[1] % 1 > 0)),
    ("exchanged", lambda image, *at: bilinear(image.T, *at)),
    ("no_fade", lambda image, *at: bilinear(image, *at) * (bilinear(image**0, *at) > 1 - 1e-9)),
])  # fmt: skip


def shifted(images, down, right, fill, wrap=False, edge=False, sign=1):
    """Each image moved by its own step, with its own value coming in."""
    (h, w), batch = images.shape[1:], np.arange(len(images))[:, None, None]
    r = (np.arange(h) - sign * down[:, None])[:, :, None]
    c = (np.arange(w) - sign * right[:, None])[:, None]
    inside = (r >= 0) & (r < h) & (c >= 0) & (c < w) | wrap | edge
    r, c = (r % h, c % w) if wrap else (r.clip(0, h - 1), c.clip(0, w - 1))
    return np.where(inside, images[batch, r, c], fill[:, None, None])


def shift_cases(rng):
    """The first image holds a 0, which no fill may replace; the last move leaves nothing."""
    images, moves = rng.uniform(0.2, 1, size=(9, 5, 7)), rng.permuted([range(-4, 5)] * 2, axis=1)
    first = np.arange(12.0).reshape(2, 2, 3), np.array([1, 0]), np.array([0, -1])
    far, fill = (images[:3], np.array([6, -1, 2]), np.array([1, -9, 2])), rng.uniform(2, 3, size=9)
    return [(*first, np.array([0.5, 0.0])), (images, *moves, fill), (*far, fill[:3])]


TESTS["3.4"] = judged(shifted, shift_cases, [
    *combined({"wrap": [("", False), ("wrapped", True)], "sign": [("", 1), ("turned", -1)]}),
    ("edge", {"edge": True}),
    ("zeros", lambda images, down, right, fill: shifted(images, down, right, 0 * fill)),
    ("exchanged", lambda images, down, right, fill: shifted(images, right, down, fill)),
    ("one_move", lambda images, *by: shifted(images, *(0 * one + one[0] for one in by[:2]), by[2])),
])  # fmt: skip


def saturated(image, factor, grey=lambda image: np.tensordot(LUMA, image, 1), low=0.0, high=1.0):
    return (grey(image) + factor * (image - grey(image))).clip(low, high)


def saturation_cases(rng):
    first, image = np.array([[[0.8, 0.2]], [[0.4, 0.2]], [[0.1, 0.2]]]), rng.uniform(size=(3, 4, 5))
    return [(first, 0.5), (first, 2.0), *((image, factor) for factor in (0.0, 0.7, 3.0, 1.0))]


TESTS["3.5"] = judged(saturated, saturation_cases, [
    ("unclipped", {"low": -9, "high": 9}), ("one_side", {"low": -9}), ("one_side", {"high": 9}),
    ("plain_mean", {"grey": lambda image: image.mean(axis=0)}),
    ("reversed", {"grey": lambda image: np.tensordot(LUMA[::-1], image, 1)}),
    ("contrast", {"grey": lambda image: np.tensordot(LUMA, image, 1).mean()}),
    ("contrast", {"grey": lambda image: image.mean(axis=(1, 2), keepdims=True)}),
    ("brightness", {"grey": np.zeros_like}),
    ("turned", lambda image, factor: saturated(image, 1 - factor)),
])  # fmt: skip


def cut_box(h, w, lam, row, col, side=lambda lam: np.sqrt(1 - lam),
            whole=int, even=1, half=2, out=0, push=0, of=None):  # fmt: skip
    """CutMix's box and lambda; `of` makes it of the parts cut and meant to be cut, and of lam."""
    sides = np.array([whole(h * side(lam)), whole(w * side(lam))]) // even * even
    start = np.array([row, col]) - sides // half
    first = start.clip(-out)
    last = np.minimum((first if push else start) + sides, [h + out + push, w + out + push])
    cut, meant = np.prod(last - first) / (h * w), np.prod(sides) / (h * w)
    return (*first.tolist(), *(last - first).tolist(), of(cut, meant, lam) if of else 1 - cut)


def box_cases(rng):
    """Boxes of all borders and of none, where no product of a side comes near a whole number."""
    inner, outer = rng.integers([5, 8], [15, 22]).tolist(), rng.integers(3, size=2).tolist()
    first = [(8, 8, 0.7, 0, 4), (20, 30, 0.7, *inner), (12, 9, 0.45, 0, 8), (20, 30, 0.8, 19, 1)]
    return [*first, (6, 9, 0.2, 2, 3), (12, 20, 0.63, *outer)]


TESTS["3.8"] = judged(cut_box, box_cases, [
    ("drawn_lam", {"of": lambda cut, meant, lam: lam}), ("no_root", {"side": lambda lam: 1 - lam}),
    ("share_of_box", {"of": lambda cut, meant, lam: cut}), ("side_of_lam", {"side": np.sqrt}),
    ("whole_area", {"of": lambda cut, meant, lam: 1 - meant}), ("pushed", {"push": 99}),
    ("centre_is_corner", {"half": 10**6}), ("unclipped", {"out": 99}), ("two_halves", {"even": 2}),
    ("rounded", {"whole": round}),
    ("square", lambda h, w, *rest: cut_box(min(h, w), min(h, w), *rest)),
], ("top", "left", "height", "width", "lam"))  # fmt: skip


def cutmix(images, y, k, top, left, height, width, perm,
           reread=0, whole=0, turned=0, unpaired=0, inverse=0):  # fmt: skip
    """A box of perm[i] in each image i, and the labels by its share; or with some of the faults."""
    mixed, Y = images.copy(), np.eye(k)[y]
    box = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
    for i, j in enumerate(np.argsort(perm) if inverse else perm):
        mixed[i][box] = (mixed if reread else images)[j][box]
    share = (height * width if whole else mixed[0][box].size) / images[0].size
    share = 1 - share if turned else share
    return mixed, (1 - share) * Y + share * (Y if unpaired else Y[perm])


def cutmix_cases(rng):
    """Boxes across every border, and partners in cycles, so that a box pasted twice shows."""

    def case(n, step, *box):
        return rng.uniform(size=(n, 4, 5)), rng.permutation(n), n, *box, np.roll(range(n), step)

    first = [case(3, 1, 1, -1, 2, 2), case(5, 3, -1, 3, 3, 4), case(6, 5, 2, 2, 5, 2)]
    return [*first, case(4, 1, 1, 1, 2, 3), case(5, 2, 0, 0, 4, 5)]


FAULTS = ("reread", "whole", "turned", "unpaired", "inverse")
CUTMIXES = combined({name: [("", 0), (name, 1)] for name in FAULTS}, "reread whole turned")
TESTS["3.9"] = judged(cutmix, cutmix_cases, CUTMIXES, ("mixed", "labels"))


def stretched(h, w, taller, wider, centre=lambda hw: (hw - 1) / 2, power=-1, back=1,
              finish=np.array):  # fmt: skip
    """Row and column from which each pixel of a stretched image is taken."""
    at = centre(np.array([h, w]))[:, None, None]
    places = (np.indices((h, w)) - at) * np.array([taller, wider])[:, None, None] ** power
    return tuple(finish(places + back * at))


def stretch_cases(rng):
    one, other = rng.uniform(1.2, 1.9, size=2).round(2).tolist()
    return [(3, 5, 2.0, 0.5), (5, 8, one, 1 / other), (6, 4, 1.0, other), (4, 7, 1 / other, 3.0)]


TESTS["3.14"] = judged(stretched, stretch_cases, [
    ("inverse", {"power": 1}), ("corner", {"centre": lambda hw: 0 * hw}), ("not_back", {"back": 0}),
    ("half_pixel", {"centre": lambda hw: hw / 2}), ("half_pixel", {"centre": lambda hw: hw // 2}),
    ("centre_swapped", {"centre": lambda hw: (hw[::-1] - 1) / 2}),
    ("rounded", {"finish": np.round}), ("turned", lambda h, w, a, b: stretched(h, w, b, a)),
    ("exchanged", lambda *case: stretched(*case)[::-1]),
], ("rows", "cols"))  # fmt: skip


def relit(images, brightness, contrast, axes=(1, 2), cut=1.0, last=1.0, middle=None, early=0):
    """Each image times its brightness, then pushed from its own mean, clipped after each."""
    bright = (images * brightness[:, None, None]).clip(0, cut)
    mean = (images if early else bright).mean(axis=axes, keepdims=True)
    mean = mean if middle is None else middle
    return (mean + contrast[:, None, None] * (bright - mean)).clip(1 - last, last)


def contrast_first(images, brightness, contrast):
    once = relit(images, np.ones(len(images)), contrast)
    return (once * brightness[:, None, None]).clip(0, 1)


def light_cases(rng):
    """Dim pictures whose contrast grows tell the two orders apart; bright ones are clipped."""

    def case(n, h, w, b, c):
        return rng.uniform(size=(n, h, w)), rng.uniform(b, b + 0.6, n), rng.uniform(c, c + 0.6, n)

    first = np.array([[[0.2, 0.6]], [[0.1, 0.9]]]), np.array([1.5, 0.5]), np.array([2.0, 0.5])
    return [first, case(5, 4, 6, 1.3, 1.3), case(4, 3, 5, 0.2, 1.8), case(3, 6, 2, 0.3, 0.2)]


TESTS["3.15"] = judged(relit, light_cases, [
    ("clip_between", {"cut": 9}), ("order", contrast_first), ("batch_mean", {"axes": None}),
    ("middle", {"middle": 0.5}),
    ("early_mean", {"early": 1}), ("unclipped", {"last": 9}),
    ("mean_of_rows", {"axes": 1}), ("mean_of_rows", {"axes": 2}),
    ("black", {"middle": 0.0}),
    ("one_factor", lambda images, *by: relit(images, *(0 * one + one[0] for one in by))),
])  # fmt: skip


def five(images, size, up=0, axis=1, order=range(5), far=0):
    """The four corners and the centre of each image."""
    h, w = images.shape[1:3]
    low, right = h - size - far, w - size - far
    starts = [
        (0, 0),
        (0, right),
        (low, 0),
        (low, right),
        ((h - size + up) // 2, (w - size + up) // 2),
    ]
    crops = [images[:, a : a + size, b : b + size] for a, b in (starts[i] for i in order)]
    return np.stack(crops, axis=axis)


def crop_cases(rng):
    shapes = [(3, 5, 7, 1, 2), (2, 6, 9, 3, 3), (4, 8, 5, 1, 4), (2, 7, 6, 3, 4)]
    return [(rng.uniform(size=shape), size) for *shape, size in shapes]


TESTS["3.16"] = judged(five, crop_cases, [
    ("centre", {"up": 1}), ("axis", {"axis": 0}), ("columns_first", {"order": (0, 2, 1, 3, 4)}),
    ("centre_first", {"order": (4, 0, 1, 2, 3)}), ("clockwise", {"order": (0, 1, 3, 2, 4)}),
    ("last_lost", {"far": 1}),
])  # fmt: skip
