"""The checks of exercise 03 on geometry, colour and boxes, which draw nothing; see `says`."""

from functools import partial
from itertools import product

import numpy as np

from reglib.assess.compare import judged
from reglib.assess.tasks.noise_injection import combined

LUMA = (0.299, 0.587, 0.114)


def sources(h, w, degrees, unit=np.pi / 180, half=0.5, less=1, swap=1, back=1, finish=np.array):
    """Row and column from which each pixel of an image rotated about its centre is taken."""
    middle = half * np.array([h - less, w - less])[::swap, None, None]
    r, c = np.indices((h, w)) - middle
    cos, sin = np.cos(degrees * unit), np.sin(degrees * unit)
    return tuple(finish(np.array([cos * r + sin * c, cos * c - sin * r]) + back * middle))


def source_cases(rng):
    one, other = rng.uniform(10, 80, size=2).round(1).tolist()
    return [(2, 3, 90.0), (5, 8, one), (7, 4, -other), (3, 3, 30.0), (4, 6, 0.0)]


SOURCES = [
    ("radians", {"unit": 1}),
    ("clockwise", {"unit": -np.pi / 180}),
    ("corner", {"half": 0}),
    ("half_pixel", {"less": 0}),
    ("centre_swapped", {"swap": -1}),
    ("not_back", {"back": 0}),
    ("rounded", {"finish": np.round}),
    ("rounded", {"finish": np.floor}),
    ("exchanged", lambda h, w, d: sources(h, w, d)[::-1]),
    ("transposed", lambda h, w, d: tuple(part.T for part in sources(h, w, d))),
]


def bilinear(image, rows, cols, low=np.floor, size=1, clamp=False, turn=False):
    """The image at fractional places: the mean of four pixels, weighted by closeness."""
    (h, w), total = image.shape, 0.0
    r0, c0 = low(rows).astype(int), low(cols).astype(int)
    t, s = rows - r0, cols - c0
    for a, b in product((0, 1), repeat=2):
        r, c = r0 + a, c0 + b
        inside = (r >= 0) & (r <= h - size) & (c >= 0) & (c <= w - size) | clamp
        pixel = inside * image[r.clip(0, h - 1), c.clip(0, w - 1)]
        total = total + pixel * (t if a != turn else 1 - t) * (s if b != turn else 1 - s)
    return total


def within(image, rows, cols):
    h, w = image.shape
    return (rows >= 0) & (rows <= h - 1) & (cols >= 0) & (cols <= w - 1)


def one_pixel(image, rows, cols, choose=np.round):
    return bilinear(image, choose(rows), choose(cols))


def sample_cases(rng):
    image = rng.uniform(0.2, 1, size=(4, 6))
    rows, cols = rng.uniform(0.1, 2.9, size=(3, 5)), rng.uniform(0.1, 4.9, size=(3, 5))
    around = (
        np.array([-0.5, -0.2, 3.3, 3.9, 1.5, -1.7, 5.0, -1.0]),
        np.array([1.5, 5.4, -0.3, 2.1, 5.6, 2.0, 9.5, 7.0]),
    )
    corners = np.array([0.0, 3.0, 3.0, 2.0, 0.0]), np.array([0.0, 5.0, 1.25, 5.0, 5.0])
    first = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 9.0]]), np.array([0.25]), np.array([1.5])
    return [first, (image, rows, cols), (image, *corners), (image, *around)]


SAMPLES = [
    ("nearest", one_pixel),
    ("floor", lambda *case: one_pixel(*case, choose=np.floor)),
    ("turned", {"turn": True}),
    ("exchanged", lambda image, rows, cols: bilinear(image.T, rows, cols)),
    ("last_lost", {"size": 2}),
    ("edge", {"clamp": True}),
    ("no_fade", lambda *case: bilinear(*case) * within(*case)),
    ("truncated", {"low": np.trunc}),
]


def shifted(images, down, right, fill="zero", sign=1):
    n, h, w = images.shape
    r = np.arange(h) - sign * down[:, None]
    c = np.arange(w) - sign * right[:, None]
    inside = ((r >= 0) & (r < h))[:, :, None] & ((c >= 0) & (c < w))[:, None]
    r, c = (r % h, c % w) if fill == "wrap" else (r.clip(0, h - 1), c.clip(0, w - 1))
    return images[np.arange(n)[:, None, None], r[:, :, None], c[:, None]] * (
        inside | (fill != "zero")
    )


def shift_cases(rng):
    first = np.arange(1.0, 13.0).reshape(2, 2, 3), np.array([1, 0]), np.array([0, -1])
    moves = [rng.permutation(np.arange(-4, 5)) for _ in range(2)]
    many = rng.uniform(0.2, 1, size=(9, 5, 7)), *moves
    return [first, many, (many[0][:3], np.array([6, -1, 2]), np.array([1, -9, 2]))]


SHIFTS = [
    ("wrapped", {"fill": "wrap"}),
    ("edge", {"fill": "edge"}),
    ("turned", {"sign": -1}),
    ("wrapped turned", {"sign": -1, "fill": "wrap"}),
    ("exchanged", lambda images, down, right: shifted(images, right, down)),
    (
        "one_move",
        lambda images, down, right: shifted(images, 0 * down + down[0], 0 * right + right[0]),
    ),
]


def saturated(image, factor, grey=lambda image: np.tensordot(LUMA, image, 1), low=0.0, high=1.0):
    return (grey(image) + factor * (image - grey(image))).clip(low, high)


def saturation_cases(rng):
    first = np.array([[[0.8, 0.2]], [[0.4, 0.2]], [[0.1, 0.2]]])
    image = rng.uniform(size=(3, 4, 5))
    return [(first, 0.5), (first, 2.0), (image, 0.0), (image, 0.7), (image, 3.0), (image, 1.0)]


SATURATIONS = [
    ("plain_mean", {"grey": lambda image: image.mean(axis=0)}),
    ("reversed", {"grey": lambda image: np.tensordot(LUMA[::-1], image, 1)}),
    ("contrast", {"grey": lambda image: np.tensordot(LUMA, image, 1).mean()}),
    ("contrast", {"grey": lambda image: image.mean(axis=(1, 2), keepdims=True)}),
    ("brightness", {"grey": np.zeros_like}),
    ("turned", lambda image, factor: saturated(image, 1 - factor)),
    ("unclipped", {"low": -np.inf, "high": np.inf}),
    ("one_side", {"low": -np.inf}),
    ("one_side", {"high": np.inf}),
]


def cut_box(h, w, lam, row, col, side=lambda lam: np.sqrt(1 - lam), half=2, clip="both", area=None):
    """The box of CutMix, clipped to the image, and the share of the image's own label."""
    a, b = int(h * side(lam)), int(w * side(lam))
    top, left = row - a // half, col - b // half
    bottom, right = top + a, left + b
    if clip:
        top, left = max(top, 0), max(left, 0)
        bottom, right = (min(bottom, h), min(right, w)) if clip == "both" else (top + a, left + b)
    a, b = bottom - top, right - left
    return top, left, a, b, area(a * b / (h * w), lam) if area else 1 - a * b / (h * w)


def box_cases(rng):
    pick = [(int(rng.integers(12)), int(rng.integers(3))) for _ in range(2)]
    inside = [(20, 30, 0.7, 9, 14), (12, 9, 0.45, 0, 8), (20, 30, 0.8, 19, 1)]
    return [
        (8, 8, 0.7, 0, 4),
        *inside,
        *((12, 20, 0.63, row, col) for row, col in pick),
        (6, 9, 0.2, 2, 3),
    ]


BOXES = [
    ("drawn_lam", {"area": lambda share, lam: lam}),
    ("share_of_box", {"area": lambda share, lam: share}),
    ("no_root", {"side": lambda lam: 1 - lam}),
    ("side_of_lam", {"side": np.sqrt}),
    ("centre_is_corner", {"half": 10**6}),
    ("unclipped", {"clip": ""}),
    ("pushed", {"clip": "start"}),
    ("square", lambda h, w, *rest: cut_box(min(h, w), min(h, w), *rest)),
    (
        "whole_area",
        lambda h, w, lam, row, col: (
            *cut_box(h, w, lam, row, col)[:4],
            1 - int(h * (1 - lam) ** 0.5) * int(w * (1 - lam) ** 0.5) / (h * w),
        ),
    ),
]


def pasted(images, y, k, top, left, height, width, perm, reread=False, pair=np.array):
    """Each image with a box of its partner; `reread` pastes from images already pasted into."""
    mixed = images.copy()
    box = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
    for i, j in enumerate(pair(perm)):
        mixed[i][box] = (mixed if reread else images)[j][box]
    return mixed


def box_labels(images, y, k, top, left, height, width, perm, whole=0, turned=0, pair=np.array):
    """The labels mixed by the area really cut, or by that of the whole box."""
    box = images[0, max(top, 0) : top + height, max(left, 0) : left + width]
    share = (height * width if whole else box.size) / images[0].size
    share = 1 - share if turned else share
    return (1 - share) * np.eye(k)[y] + share * np.eye(k)[y[pair(perm)]]


def repair_cases(rng):
    """Cycles of partners, so that a box pasted twice shows, and boxes across every border."""
    boxes = [(1, -1, 2, 2), (-1, 3, 3, 4), (2, 2, 5, 2), (1, 1, 2, 3), (0, 0, 4, 5)]
    cases = []
    for n, box in zip((3, 5, 6, 4, 5), boxes, strict=True):
        order = rng.permutation(n)
        perm = order[np.argsort(np.roll(order, 1))]
        cases.append((rng.uniform(size=(n, 4, 5)), rng.permutation(n), n, *box, perm))
    return cases


# What may become of the images and of the labels; "" marks the right one.
(_, repaired), *REPAIRS = combined((
    [("", pasted),
     ("reread", partial(pasted, reread=True)),
     ("inverse", partial(pasted, pair=np.argsort))],
    [("", box_labels),
     ("whole", partial(box_labels, whole=1)),
     ("turned", partial(box_labels, turned=1)),
     ("whole turned", partial(box_labels, whole=1, turned=1)),
     ("unpaired", partial(box_labels, pair=np.sort))],
))  # fmt: skip
ALL_THREE = "reread whole turned"
REPAIRS = [(("all_three " * (key == ALL_THREE)) + key, wrong) for key, wrong in REPAIRS]
BOX = ("top", "left", "height", "width")
TESTS = {
    "3.2": judged(sources, source_cases, ("h", "w", "degrees", "rows", "cols"), SOURCES),
    "3.3": judged(bilinear, sample_cases, ("image", "rows", "cols"), SAMPLES),
    "3.4": judged(shifted, shift_cases, ("images", "down", "right"), SHIFTS),
    "3.5": judged(saturated, saturation_cases, ("image", "factor"), SATURATIONS),
    "3.8": judged(cut_box, box_cases, ("h", "w", "lam", "row", "col", *BOX, "lam"), BOXES),
    "3.9": judged(
        repaired, repair_cases, ("images", "y", "k", *BOX, "perm", "mixed", "labels"), REPAIRS
    ),
}
