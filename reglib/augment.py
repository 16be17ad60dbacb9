"""Data augmentation: show a network changed copies of its pictures, whose labels are known.

The transforms of an image stand in `geometry` and `color`; here are those that mix two images,
and the random ones, each called ``t(X, Y, rng) -> (X, Y)`` on a batch.
"""

import numpy as np

from reglib.checks import batch, each, number, scaled, whole
from reglib.color import adjust_brightness, adjust_contrast, adjust_saturation
from reglib.geometry import crop, erase, hflip, in_pieces, pixels, rotate, scale, vflip

__all__ = [
    "ColorJitter", "Compose", "CutMix", "MixUp", "RandomCrop", "RandomErasing",
    "RandomHorizontalFlip", "RandomRotation", "RandomScale", "RandomVerticalFlip",
    "adjust_brightness", "adjust_contrast", "adjust_saturation", "crop", "cutmix", "erase",
    "hflip", "mixup", "rotate", "scale", "vflip",
]  # fmt: skip


def mixup(X, Y, lam, perm):
    r"""Mix each sample with a partner, and their labels in the same shares.

    .. math:: \tilde x_i = \lambda x_i + (1-\lambda) x_j, \quad
              \tilde y_i = \lambda y_i + (1-\lambda) y_j, \quad j = \text{perm}_i

    Parameters
    ----------
    X : array (n, ...)
        Floats, not only images.
    Y : array (n, k)
        Labels, one-hot or soft, as floats: class numbers cannot be mixed.
    lam : float
        Share of a sample's own, in [0, 1].
    perm : array (n,) of int
        Row of each sample's partner.

    Raises
    ------
    ValueError
        If lam is not in [0, 1], labels are not floats (n, k), or perm is not n rows of X.

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz (2018), mixup: beyond empirical risk minimization.

    Examples
    --------
    >>> X, Y = mixup(np.array([[0.0], [1.0]]), np.eye(2), 0.75, [1, 0])
    >>> X.ravel().tolist(), Y.tolist()
    ([0.25, 0.75], [[0.75, 0.25], [0.25, 0.75]])
    """
    X, lam = scaled("X", X), number("lam", lam, "in [0, 1]")

    def mix(x, partner, out):
        np.multiply(X[partner], 1 - lam, out=out)
        out += lam * x

    return _mixed(mix, X, Y, lam, perm)


def cutmix(X, Y, top, left, height, width, perm):
    r"""Paste a box of a partner into each image; the labels mix by the area really pasted.

    .. math:: \tilde x_i = M \odot x_i + (1 - M) \odot x_j, \quad
              \tilde y_i = \lambda y_i + (1-\lambda) y_j, \quad \lambda = \text{mean of } M

    The mask M is 0 in the box and 1 elsewhere; the box is clipped at the border.

    Parameters
    ----------
    X : array (n, h, w, c)
    Y : array (n, k)
        Labels, one-hot or soft, as floats.
    top, left, height, width : int
        The box, one for the batch; top and left may be negative.
    perm : array (n,) of int
        Row of each image's partner.

    Raises
    ------
    ValueError
        If labels are not floats (n, k), a side is negative, or perm is not n rows of X.

    References
    ----------
    Yun, Han, Oh, Chun, Choe and Yoo (2019), CutMix: regularization strategy to train strong
    classifiers with localizable features.

    Examples
    --------
    >>> X, Y = np.array([0.0, 1.0]).reshape(2, 1, 1, 1) * np.ones((2, 2, 2, 1)), np.eye(2)
    >>> X, Y = cutmix(X, Y, top=-1, left=0, height=2, width=1, perm=[1, 0])
    >>> X[0, :, :, 0].tolist(), Y[0].tolist()
    ([[1.0, 0.0], [0.0, 0.0]], [0.75, 0.25])
    """
    X = batch("X", X)
    top, left = whole("top", top, low=-np.inf), whole("left", left, low=-np.inf)
    height, width = whole("height", height, low=0), whole("width", width, low=0)
    rows, columns = (slice(max(a, 0), max(a + b, 0)) for a, b in ((top, height), (left, width)))

    def paste(x, partner, out):
        out[...] = x
        out[:, rows, columns] = X[partner, rows, columns]

    h, w = X.shape[1:3]
    lam = 1 - len(range(h)[rows]) * len(range(w)[columns]) / (h * w)
    return _mixed(paste, X, Y, lam, perm)


def _mixed(mix, X, Y, lam, perm):
    """Return X filled by ``mix(x, partner, out)``, and the labels in the shares lam and 1 - lam."""
    n, Y, perm = len(X), np.asarray(Y), np.asarray(perm)
    if Y.dtype.kind != "f" or Y.ndim != 2 or len(Y) != n:
        raise ValueError(f"Y must be floats ({n}, k), one-hot or soft, got {Y.dtype} {Y.shape}")
    right = perm.dtype.kind in "iu" and perm.shape == (n,)
    if not right or not ((perm >= 0) & (perm < n)).all():
        raise ValueError(f"perm must be {n} rows from 0 to {n - 1}, got {perm!r}")
    return in_pieces(mix, X, perm), lam * Y + (1 - lam) * Y[perm]


class RandomRotation:
    """Rotate each image by an angle drawn uniformly from [-degrees, degrees].

    Parameters
    ----------
    degrees : float
        At least 0.

    Examples
    --------
    >>> X, Y = np.ones((4, 8, 8, 1)), np.eye(4)
    >>> RandomRotation(15)(X, Y, np.random.default_rng(0))[0].shape
    (4, 8, 8, 1)
    """

    def __init__(self, degrees):
        self.degrees = number("degrees", degrees, ">= 0")

    def __call__(self, X, Y, rng=None):
        """Return the rotated X (n, h, w, c) and Y as it was."""
        rng = np.random.default_rng(rng)
        return rotate(X, rng.uniform(-self.degrees, self.degrees, len(X))), Y


class RandomScale:
    """Scale each image by a factor drawn uniformly from [low, high].

    Parameters
    ----------
    limits : (low, high)
        Above 0.
    """

    def __init__(self, limits):
        self.limits = _limits("limits", limits, "> 0")

    def __call__(self, X, Y, rng=None):
        """Return the scaled X (n, h, w, c) and Y as it was."""
        return scale(X, np.random.default_rng(rng).uniform(*self.limits, len(X))), Y


class RandomHorizontalFlip:
    """Mirror each image left to right with probability p.

    Parameters
    ----------
    p : float
        Probability to apply, in [0, 1].
    """

    order = np.s_[:, ::-1]

    def __init__(self, p=0.5):
        self.p = number("p", p, "in [0, 1]")

    def __call__(self, X, Y, rng=None):
        """Return X (n, h, w, c), some images mirrored, and Y as it was."""
        X = batch("X", X)
        out = np.empty(X.shape, X.dtype)
        chosen = np.random.default_rng(rng).random(len(X)) < self.p
        for new, old, flip in zip(pixels(out), pixels(X), chosen, strict=True):
            new[...] = old[self.order] if flip else old
        return out, Y


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirror each image top to bottom with probability p, as `RandomHorizontalFlip` does."""

    order = np.s_[::-1]


class ColorJitter:
    """Change each image's brightness, contrast and saturation, in this order.

    Each factor is drawn uniformly from [max(0, 1 - b), 1 + b], b being the parameter.

    Parameters
    ----------
    brightness, contrast, saturation : float
        At least 0; 0 changes nothing.
    """

    def __init__(self, brightness=0.0, contrast=0.0, saturation=0.0):
        given = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        self.strengths = [number(name, b, ">= 0") for name, b in given.items()]

    def __call__(self, X, Y, rng=None):
        """Return the changed X (n, h, w, c) and Y as it was."""
        rng = np.random.default_rng(rng)
        adjusts = (adjust_brightness, adjust_contrast, adjust_saturation)
        for adjust, b in zip(adjusts, self.strengths, strict=True):
            factors = rng.uniform(max(0, 1 - b), 1 + b, len(X))
            X = adjust(X, factors) if b else X
        return X, Y


class RandomCrop:
    """Cut a window out of each image at a random place; padding first adds a frame of zeros.

    ``RandomCrop(8, padding=1)`` moves 8x8 images by up to one pixel each way.

    Parameters
    ----------
    size : int or (height, width)
        Of the window, in pixels.
    padding : int
        Width of the frame, at least 0.
    """

    def __init__(self, size, padding=0):
        pair = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
        self.size = [whole("size", side) for side in pair]
        self.padding = whole("padding", padding, low=0)

    def __call__(self, X, Y, rng=None):
        """Return the windows (n, height, width, c) and Y as it was."""
        X, rng, pad = batch("X", X), np.random.default_rng(rng), self.padding
        (height, width), (n, h, w, c) = self.size, X.shape
        framed = np.zeros((h + 2 * pad, w + 2 * pad, c), X.dtype)  # one image at a time
        down, right = framed.shape[0] - height, framed.shape[1] - width
        if min(down, right) < 0:
            raise ValueError(f"size must fit {framed.shape[:2]}, padding included, got {self.size}")
        corners = rng.integers(down + 1, size=n), rng.integers(right + 1, size=n)
        out = np.empty((n, height, width, c), X.dtype)
        for window, image, top, left in zip(out, X, *corners, strict=True):
            framed[pad : pad + h, pad : pad + w] = image
            window[...] = framed[top : top + height, left : left + width]
        return out, Y


class RandomErasing:
    """Fill a random box of an image with a value, with probability p.

    The box's share of the area is uniform in ``scale``, its height over width log-uniform in
    ``ratio``, rounded to pixels; boxes are drawn anew until one lies inside the image and, rounded,
    within both ranges. Its place is uniform. (The paper fills with noise and draws the ratio
    itself uniformly; this is torchvision's form.)

    Parameters
    ----------
    p : float
        Probability to apply, in [0, 1].
    scale, ratio : (low, high)
        Above 0, scale at most 1.
    value : float

    References
    ----------
    Zhong, Zheng, Kang, Li and Yang (2020), Random erasing data augmentation.
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0):
        self.p = number("p", p, "in [0, 1]")
        self.scale = _limits("scale", scale, "> 0")
        number("scale", self.scale[1], "in [0, 1]")
        self.ratio = _limits("ratio", ratio, "> 0")
        self.value = number("value", value, "of any sign")

    def __call__(self, X, Y, rng=None):
        """Return X (n, h, w, c), some images with an erased box, and Y as it was."""
        X, rng = batch("X", X), np.random.default_rng(rng)
        n, h, w, _ = X.shape
        height, width = self._sides(h, w, n, rng)
        top, left = rng.integers(h - height + 1), rng.integers(w - width + 1)
        height[rng.random(n) >= self.p] = 0
        return erase(X, top, left, height, width, self.value), Y

    def _sides(self, h, w, n, rng):
        """Return the heights and widths (2, n) of boxes in pixels."""
        sides = np.zeros((2, 0), int)
        for _ in range(1000):
            area = h * w * rng.uniform(*self.scale, 4 * n)
            ratio = np.exp(rng.uniform(*np.log(self.ratio), 4 * n))
            drawn = np.rint(np.sqrt([area * ratio, area / ratio])).astype(int).clip(1)
            share, aspect = drawn[0] * drawn[1] / (h * w), drawn[0] / drawn[1]
            fits = (drawn[0] <= h) & (drawn[1] <= w)
            fits &= (share >= self.scale[0]) & (share <= self.scale[1])
            fits &= (aspect >= self.ratio[0]) & (aspect <= self.ratio[1])
            sides = np.hstack([sides, drawn[:, fits]])[:, :n]
            if sides.shape[1] == n:
                return sides
        allowed = f"scale and ratio must allow a box in {h}x{w} pixels"
        raise ValueError(f"{allowed}, got {self.scale} and {self.ratio}")


class MixUp:
    """Mix the batch with itself in random order: `mixup` with lam ~ Beta(alpha, alpha).

    Parameters
    ----------
    alpha : float
        Above 0; small mixes little, 1 makes every lam as likely.
    """

    def __init__(self, alpha=1.0):
        self.alpha = number("alpha", alpha, "> 0")

    def __call__(self, X, Y, rng=None):
        """Return the mixed X (n, ...) and Y (n, k)."""
        rng = np.random.default_rng(rng)
        return mixup(X, Y, rng.beta(self.alpha, self.alpha), rng.permutation(len(X)))


class CutMix(MixUp):
    """Paste a box of the batch in random order: `cutmix` with lam ~ Beta(alpha, alpha).

    The box has the share 1 - lam of the area and the image's aspect, rounded down to pixels; its
    centre is uniform over the pixels, so that it may be clipped, and the labels then count what
    is left of it. alpha is that of `MixUp`.
    """

    def __call__(self, X, Y, rng=None):
        """Return the mixed X (n, h, w, c) and Y (n, k)."""
        X, rng = batch("X", X), np.random.default_rng(rng)
        h, w = X.shape[1:3]
        side = np.sqrt(1 - rng.beta(self.alpha, self.alpha))
        height, width = int(h * side), int(w * side)
        top, left = rng.integers(h) - height // 2, rng.integers(w) - width // 2
        return cutmix(X, Y, top, left, height, width, rng.permutation(len(X)))


class Compose:
    """Apply transforms one after the other.

    Parameters
    ----------
    transforms : list
        Each called ``t(X, Y, rng) -> (X, Y)``.

    Examples
    --------
    >>> both = Compose([RandomRotation(10), MixUp(0.2)])
    >>> X, Y = both(np.ones((4, 8, 8, 1)), np.eye(4), np.random.default_rng(0))
    >>> Y.sum(axis=1).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, transforms):
        if not isinstance(transforms, list | tuple) or not all(map(callable, transforms)):
            raise ValueError(f"transforms must be a list of callables, got {transforms!r}")
        self.transforms = list(transforms)

    def __call__(self, X, Y, rng=None):
        """Return X and Y after all of them."""
        rng = np.random.default_rng(rng)
        for transform in self.transforms:
            X, Y = transform(X, Y, rng)
        return X, Y


def _limits(name, limits, allowed):
    """Return (low, high), or say what is wrong with them."""
    low, high = each(name, limits, allowed, 2).tolist()
    if np.ndim(limits) == 0 or low > high:
        raise ValueError(f"{name} must be (low, high) with low <= high, got {limits!r}")
    return low, high
