"""How many images a second `reglib.augment` transforms, beside albumentations and OpenCV.

Run ``make bench``, or ``python -m benchmarks.augment`` for this one alone: two minutes; it writes
``docs/speed.md`` and the README's copy of its first table. Where the peers are missing, their
cells stay empty.
"""

import os
import sys
from functools import partial

import numpy as np

from benchmarks.machine import machine, quote, ratio, turns, write
from reglib import augment

# How many images a call gets, for each size: a mini-batch, smaller where the images are large.
SIZES = {(8, 8, 1): 256, (28, 28, 1): 256, (32, 32, 3): 128, (96, 96, 3): 64, (224, 224, 3): 32}
ROUNDS, SECONDS = 15, 0.05  # in each round every arm runs for at least so long
DEGREES, ZOOM, FACTORS = 30, (0.8, 1.25), (0.6, 1.4)
PEERS = ("albumentations", "opencv-python-headless")
PIPELINE = "flip, rotation, jitter, erasing"
MISSING = (
    "albumentations and OpenCV are not both installed ({}), so their cells stay empty: "
    "`make bench` brings them, and so does `pip install -e .[bench]`."
)
SETTINGS = f"""\
Float32 images in [0, 1], uniform noise, the same for both; every image gets draws of its own.
A call of `reglib.augment` gets a batch: {{batches}}. The peer gets one image a call, and
`np.stack` joins its results, because a network trains on one array. The single transforms of
albumentations are called directly, without the checks of its `Compose`. Both sides use one
thread (of BLAS, of OpenCV); counted is the processor time of the process, so that other work on
the machine matters little. A number is the median of {ROUNDS} rounds in which both take turns.

- Rotation by up to {DEGREES} degrees, `Rotate`; scaling by {ZOOM[0]} to {ZOOM[1]}, `Affine` with
  `keep_ratio=True`: both bilinear, zero outside.
- Flips of every image, `HorizontalFlip` and `VerticalFlip` with `p=1`.
- Brightness, contrast, saturation by a factor of {FACTORS[0]} to {FACTORS[1]}, `ColorJitter` with
  the others at 1 and no hue. Saturation does nothing to grey images in either.
- A frame of zeros, an eighth of the height wide, and a random crop of the old size: `Compose` of
  `Pad` and `RandomCrop`.
- One box erased in every image, with equal ranges of area and aspect, `Erasing` with `p=1`.
- Mixup and CutMix are not in albumentations 2. Their peer is a loop over the images:
  `cv2.addWeighted`, and slices of a NumPy copy.
- The pipeline is `Compose` in both: a flip and an erasing with probability one half, rotation and
  all three colour changes always."""


def ours(size):
    """Return this package's transforms by name, each called ``t(X, Y, rng)``."""
    h, w, c = size
    change = FACTORS[1] - 1
    several = [
        augment.RandomHorizontalFlip(),
        augment.RandomRotation(DEGREES),
        augment.ColorJitter(change, change, change),
        augment.RandomErasing(),
    ]
    arms = {
        "rotation": augment.RandomRotation(DEGREES),
        "scaling": augment.RandomScale(ZOOM),
        "horizontal flip": augment.RandomHorizontalFlip(p=1.0),
        "vertical flip": augment.RandomVerticalFlip(p=1.0),
        "brightness": partial(adjust, augment.adjust_brightness),
        "contrast": partial(adjust, augment.adjust_contrast),
        "saturation": partial(adjust, augment.adjust_saturation),
        "padding and crop": augment.RandomCrop((h, w), padding=h // 8),
        "erasing": augment.RandomErasing(p=1.0),
        "mixup": augment.MixUp(),
        "CutMix": augment.CutMix(),
        PIPELINE: augment.Compose(several),
    }
    if c == 1:
        del arms["saturation"]  # grey stays grey
    return arms


def adjust(function, X, Y, rng):
    """Apply a colour function with a factor drawn for each image."""
    return function(X, rng.uniform(*FACTORS, len(X))), Y


def find_peers():
    """Return the modules albumentations and cv2, set to one thread; or say once what is missing."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for news
    try:
        import albumentations
        import cv2
    except ImportError as reason:
        print(MISSING.format(reason), file=sys.stderr)
        return None
    cv2.setNumThreads(0)
    return albumentations, cv2


def theirs(size, modules):
    """Return the peers of `ours`, called likewise."""
    if modules is None:
        return {}
    A, cv2 = modules
    h, w, _ = size
    warp = {"interpolation": cv2.INTER_LINEAR, "border_mode": cv2.BORDER_CONSTANT, "fill": 0}
    same = dict.fromkeys(("brightness", "contrast", "saturation"), (1, 1)) | {"hue": (0, 0)}
    every = same | dict.fromkeys(("brightness", "contrast", "saturation"), FACTORS)
    rotation, jitter = A.Rotate(DEGREES, **warp, p=1), A.ColorJitter(**every, p=1)
    arms = {
        "rotation": rotation,
        "scaling": A.Affine(scale=ZOOM, keep_ratio=True, **warp, p=1),
        "horizontal flip": A.HorizontalFlip(p=1),
        "vertical flip": A.VerticalFlip(p=1),
        "brightness": A.ColorJitter(**same | {"brightness": FACTORS}, p=1),
        "contrast": A.ColorJitter(**same | {"contrast": FACTORS}, p=1),
        "saturation": A.ColorJitter(**same | {"saturation": FACTORS}, p=1),
        "padding and crop": A.Compose([A.Pad(h // 8, p=1), A.RandomCrop(h, w, p=1)]),
        "erasing": A.Erasing(p=1),
        PIPELINE: A.Compose([A.HorizontalFlip(p=0.5), rotation, jitter, A.Erasing(p=0.5)]),
    }
    calls = {name: partial(one_by_one, arm) for name, arm in arms.items()}
    return calls | {"mixup": partial(mixup_loop, cv2), "CutMix": cutmix_loop}


def one_by_one(transform, X, Y, rng):
    """Apply an albumentations transform to each image, and join the results."""
    return np.stack([transform(image=image)["image"] for image in X]), Y


def mixup_loop(cv2, X, Y, rng):
    """Mix each image with another by OpenCV's weighted sum, one weight for all."""
    lam, perm = rng.beta(1, 1), rng.permutation(len(X))
    mixed = [cv2.addWeighted(X[i], lam, X[j], 1 - lam, 0) for i, j in enumerate(perm)]
    return np.stack(mixed), lam * Y + (1 - lam) * Y[perm]


def cutmix_loop(X, Y, rng):
    """Put a box of another image into a copy of each, by slices; one box for all."""
    h, w = X.shape[1:3]
    side = np.sqrt(1 - rng.beta(1, 1))
    height, width = int(h * side), int(w * side)
    top, left = rng.integers(h) - height // 2, rng.integers(w) - width // 2
    rows = slice(max(top, 0), max(top + height, 0))
    columns = slice(max(left, 0), max(left + width, 0))
    mixed, perm = [image.copy() for image in X], rng.permutation(len(X))
    for image, j in zip(mixed, perm, strict=True):
        image[rows, columns] = X[j, rows, columns]
    lam = 1 - X[0, rows, columns, 0].size / (h * w)
    return np.stack(mixed), lam * Y + (1 - lam) * Y[perm]


def rates(arms, size, n, rounds, seconds):
    """Return the images a second of each arm: medians over rounds in which all take turns."""
    rng = np.random.default_rng(0)
    X = rng.random((n, *size), dtype=np.float32)
    Y = np.eye(10, dtype=np.float32)[np.arange(n) % 10]
    calls = [partial(arm, X, Y, rng) for arm in arms]
    return n / np.median(turns(calls, rounds, seconds), axis=0)


def measure(sizes, modules, rounds=ROUNDS, seconds=SECONDS):
    """Return {size: {name: (our images a second, the peer's or None)}}."""
    results = {}
    for size, n in sizes.items():
        peers, results[size] = theirs(size, modules), {}
        for name, arm in ours(size).items():
            arms = [arm, peers[name]] if name in peers else [arm]
            results[size][name] = (*rates(arms, size, n, rounds, seconds), None)[:2]
    return results


def table(results, cell):
    """Return a Markdown table of transforms by size; '-' where there is nothing to say."""
    names = max(results.values(), key=len)
    lines = [
        f"| transform | {' | '.join(map(label, results))} |",
        "|---" * (1 + len(results)) + "|",
    ]
    for name in names:
        row = (cell(*found[name]) if name in found else "-" for found in results.values())
        lines.append(f"| {name} | {' | '.join(row)} |")
    return "\n".join(lines)


def label(size):
    """Return the name of a size, as 8x8x1."""
    return "x".join(map(str, size))


def both(own, peer):
    """Return both speeds, three digits of each."""
    shown = (f"{float(f'{speed:.3g}'):,.0f}" for speed in (own, peer) if speed is not None)
    return " / ".join(shown) + (" / -" if peer is None else "")


def report(results, modules):
    """Return the parts of the page."""
    batches = ", ".join(f"{n} of {label(size)}" for size, n in SIZES.items())
    return [
        "# The speed of augmentation",
        "`reglib.augment`, which works on a batch in NumPy, beside albumentations 2, which works "
        "on one image at a time in OpenCV, as its users call it. Made by `make bench`.",
        "Machine: " + machine("numpy", *(PEERS if modules else ())) + ".",
        MISSING.format("not found") if modules is None else "",
        "## Our images a second over the peer's",
        "Columns: height x width x channels. Above 1 ours is ahead.",
        table(results, ratio),
        "## Images a second, ours / the peer's",
        table(results, both),
        "## What was done",
        SETTINGS.format(batches=batches),
    ]


def main():
    """Measure and write the page."""
    modules = find_peers()
    results = measure(SIZES, modules)
    write("speed.md", filter(None, report(results, modules)))
    quote("speed", table(results, ratio))


if __name__ == "__main__":
    main()
