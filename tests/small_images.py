"""What the tests of reglib.augment share: small images, seeds, a loop over all pure functions."""

import numpy as np
import pytest

from reglib import augment

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# Each pure function as a call on the images below, of 7x9 pixels.
PURE = {
    "rotate": lambda x: augment.rotate(x, 25.0),
    "rotate by 0": lambda x: augment.rotate(x, 0),
    "rotate by 90": lambda x: augment.rotate(x, 90),
    "scale": lambda x: augment.scale(x, 1.3),
    "scale by 1": lambda x: augment.scale(x, 1),
    "hflip": lambda x: augment.hflip(x),
    "vflip": lambda x: augment.vflip(x),
    "adjust_brightness": lambda x: augment.adjust_brightness(x, 1.4),
    "adjust_brightness by 1": lambda x: augment.adjust_brightness(x, 1),
    "adjust_contrast": lambda x: augment.adjust_contrast(x, 1.4),
    "adjust_contrast by 1": lambda x: augment.adjust_contrast(x, 1),
    "adjust_saturation": lambda x: augment.adjust_saturation(x, 1.4),
    "adjust_saturation by 1": lambda x: augment.adjust_saturation(x, 1),
    "crop": lambda x: augment.crop(x, 1, 2, 4, 3),
    "crop of all": lambda x: augment.crop(x, 0, 0, 7, 9),
    "erase": lambda x: augment.erase(x, 1, 2, 3, 2, 0.5),
    "erase outside": lambda x: augment.erase(x, -5, 2, 3, 2),
}
each_pure = pytest.mark.parametrize("name", PURE)


def seeded(seed=0):
    return np.random.default_rng(seed)


def images(n=4, h=7, w=9, c=3, dtype=np.float64, seed=0):
    """Random images (n, h, w, c) in (0, 1): no pixel is 0, so what was left black shows."""
    return (0.02 + 0.96 * seeded(seed).random((n, h, w, c))).astype(dtype)


def one_hot(n, k=None):
    """Labels (n, k), by default a class for each image."""
    return np.eye(k or n)[np.arange(n) % (k or n)]


def frozen(*arrays):
    """Make the arrays read-only, so that a change in place raises."""
    for array in arrays:
        array.flags.writeable = False
    return arrays if len(arrays) > 1 else arrays[0]


def rounding(dtype, size, turns=1):
    """What rounding may do to a bilinear sample of values in [0, 1].

    A coordinate of an image of this size is wrong by a few units in its last place (more where
    the angle itself is of many turns), and a value moves by at most 1 per pixel and axis.
    """
    return 16 * np.finfo(dtype).eps * max(size) * max(1, turns)
