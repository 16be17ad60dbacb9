"""Colour transforms of a batch of images: pixels stay, and change their values."""

import numpy as np

from reglib.checks import batch, each
from reglib.geometry import in_pieces

# How bright red, green and blue look to the eye (luma of ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114])


def adjust_brightness(images, factor):
    r"""Mix images with black: 0 is black, 1 changes nothing, above 1 is brighter.

    .. math:: y = \operatorname{clip}(f x, 0, 1)

    Parameters
    ----------
    images : array (n, h, w, c)
        In [0, 1].
    factor : float or array (n,)
        At least 0; one for all images, or one for each.

    Raises
    ------
    ValueError
        If the images are not floats (n, h, w, c) in [0, 1], or a factor is negative or infinite.

    Examples
    --------
    >>> adjust_brightness(np.full((1, 1, 1, 1), 0.4), 1.5).round(2).item()
    0.6
    """
    return _blend(images, factor)


def adjust_contrast(images, factor):
    r"""Mix images with an even grey, their mean luma: 0 is that grey, above 1 differs more.

    .. math:: y = \operatorname{clip}(f x + (1 - f) \bar\ell, 0, 1)

    with the mean over each image's own pixels of the luma 0.299 R + 0.587 G + 0.114 B, or of the
    only channel.

    Parameters and errors are those of `adjust_brightness`; colour images have three channels.

    References
    ----------
    Haeberli and Voorhies (1994), Image processing by interpolation and extrapolation.

    Examples
    --------
    >>> adjust_contrast(np.array([0.4, 0.6]).reshape(1, 1, 2, 1), 2.0).round(2).ravel().tolist()
    [0.3, 0.7]
    """
    return _blend(images, factor, lambda x: _luma(x).mean(axis=(1, 2), keepdims=True))


def adjust_saturation(images, factor):
    r"""Mix images with their own grey picture: 0 is grey, above 1 has stronger colours.

    .. math:: y = \operatorname{clip}(f x + (1 - f) \ell, 0, 1)

    with each pixel's own luma 0.299 R + 0.587 G + 0.114 B. An image of one channel stays.

    Parameters and errors are those of `adjust_brightness`; colour images have three channels.

    Examples
    --------
    >>> red = np.array([1.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
    >>> adjust_saturation(red, 0.0).round(3).ravel().tolist()
    [0.299, 0.299, 0.299]
    """
    mixed = _blend(images, factor, _luma)
    return mixed if mixed.shape[3] == 3 else np.array(images)


def _blend(images, factor, grey=None):
    """Return ``clip(f x + (1 - f) grey(x))``, the grey being black if none is given."""
    images = batch("images", images)
    factors = each("factor", factor, ">= 0", len(images)).astype(images.dtype)

    def fill(x, f, out):
        if not (x.min() >= 0 and x.max() <= 1):  # catches NaN as well
            raise ValueError(f"images must be in [0, 1], got {x.min()} to {x.max()}")
        np.multiply(x, f, out=out)
        if grey:
            out += (1 - f) * grey(x)
        np.clip(out, 0, 1, out=out)

    return in_pieces(fill, images, factors[:, None, None, None])


def _luma(x):
    """Return how bright each pixel of x (n, h, w, 1 or 3) looks, (n, h, w, 1)."""
    if x.shape[-1] == 1:
        return x
    if x.shape[-1] != 3:
        raise ValueError(f"images must have 1 or 3 channels, got {x.shape[-1]}")
    return (x @ LUMA.astype(x.dtype))[..., None]
