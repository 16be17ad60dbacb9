"""Geometric transforms of a batch of images: pixels move, and keep their values."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reglib.checks import batch, each, number, whole, wholes

_PIECE = 1 << 15  # numbers worked on at a time: with their temporaries they fit the cache


def rotate(images, degrees):
    r"""Turn images counter-clockwise about their centre; what comes from outside is 0.

    .. math:: y(u, v) = x(u \cos\theta + v \sin\theta,\; v \cos\theta - u \sin\theta)

    u is a pixel's row and v its column, counted from the centre ((h-1)/2, (w-1)/2); x between
    the pixels is bilinear.

    Parameters
    ----------
    images : array (n, h, w, c)
    degrees : float or array (n,)
        One angle, or one for each image.

    Raises
    ------
    ValueError
        If the images are not floats (n, h, w, c), or an angle is not finite.

    Examples
    --------
    >>> image = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> rotate(image, 90)[0, :, :, 0].round(3).tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """
    images = batch("images", images)
    a = np.deg2rad(each("degrees", degrees, "of any sign", len(images)))
    turns = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]], images.dtype)
    return in_pieces(_warp, images, turns.transpose(2, 0, 1))


def scale(images, factor):
    r"""Enlarge images about their centre (shrink them below 1); the size stays, outside is 0.

    .. math:: y(u, v) = x(u / f,\; v / f)

    with u, v and x as in `rotate`.

    Parameters
    ----------
    images : array (n, h, w, c)
    factor : float or array (n,)
        Above 0; 2 makes everything twice as high and wide.

    Raises
    ------
    ValueError
        If the images are not floats (n, h, w, c), or a factor is not finite and above 0.

    Examples
    --------
    >>> image = np.array([[0.0, 1.0, 0.0]]).reshape(1, 1, 3, 1)
    >>> scale(image, 2.0).ravel().tolist()
    [0.5, 1.0, 0.5]
    """
    images = batch("images", images)
    factors = each("factor", factor, "> 0", len(images))
    shrink = np.eye(2) / factors[:, None, None]
    return in_pieces(_warp, images, shrink.astype(images.dtype))


def _warp(x, M, out):
    """Write into out the pixels of x (n, h, w, c) at M @ (u, v), M (n, 2, 2), bilinear."""
    n, h, w, c = x.shape
    padded = np.zeros((c, n, h + 3, w + 3), x.dtype)  # a frame of zeros is the outside
    padded[:, :, 1:-2, 1:-2] = x.transpose(3, 0, 1, 2)
    u, v = (np.arange(size, dtype=x.dtype) - (size - 1) / 2 for size in (h, w))
    rows = M[:, 0, :1, None] * u[:, None] + (h + 1) / 2 + M[:, 0, 1:, None] * v
    columns = M[:, 1, :1, None] * u[:, None] + (w + 1) / 2 + M[:, 1, 1:, None] * v
    rows, columns = rows.clip(0, h + 1), columns.clip(0, w + 1)
    above, left = np.floor(rows), np.floor(columns)
    down, right = rows - above, columns - left  # how far towards the next pixel, in [0, 1)
    corner = above.astype(np.intp) * (w + 3) + left.astype(np.intp)
    corner += np.arange(n)[:, None, None] * ((h + 3) * (w + 3))
    steps = 0, 1, w + 3, w + 4  # from a corner to its neighbours
    for channel in range(c):
        plane = padded[channel].ravel()
        # "clip" changes no index here, and saves take a check of each.
        x00, x01, x10, x11 = (plane[step:].take(corner, mode="clip") for step in steps)
        out[..., channel] = _between(_between(x00, x01, right), _between(x10, x11, right), down)


def _between(a, b, share):
    """Return ``a + share (b - a)``, in the memory of b."""
    b -= a
    b *= share
    b += a
    return b


def hflip(images):
    """Return the images mirrored left to right.

    Examples
    --------
    >>> hflip(np.array([[1.0, 2.0]]).reshape(1, 1, 2, 1)).ravel().tolist()
    [2.0, 1.0]
    """
    images = batch("images", images)
    return pixels(images)[:, :, ::-1].copy().view(images.dtype)


def pixels(images):
    """Return images (n, h, w, c) as (n, h, w, 1), all channels of a pixel one item to move.

    Examples
    --------
    >>> pixels(np.ones((1, 8, 8, 3))).shape
    (1, 8, 8, 1)
    """
    return np.ascontiguousarray(images).view(f"V{images.itemsize * images.shape[3]}")


def vflip(images):
    """Return the images mirrored top to bottom.

    Examples
    --------
    >>> vflip(np.array([[1.0], [2.0]]).reshape(1, 2, 1, 1)).ravel().tolist()
    [2.0, 1.0]
    """
    return batch("images", images)[:, ::-1].copy()


def crop(images, top, left, height, width):
    """Return the window of each image that begins at (top, left).

    Parameters
    ----------
    images : array (n, h, w, c)
    top, left : int or array (n,) of int
        One row and column, or one for each image; the window must lie inside.
    height, width : int
        Of the window, in pixels.

    Returns
    -------
    array (n, height, width, c)

    Raises
    ------
    ValueError
        If a window is empty or reaches outside.

    Examples
    --------
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> crop(image, top=1, left=0, height=2, width=2)[0, :, :, 0].tolist()
    [[3.0, 4.0], [6.0, 7.0]]
    """
    images = batch("images", images)
    n, h, w, _ = images.shape
    height, width = whole("height", height, high=h), whole("width", width, high=w)
    top = wholes("top", top, n, low=0, high=h - height)
    left = wholes("left", left, n, low=0, high=w - width)
    windows = sliding_window_view(images, (height, width), axis=(1, 2))
    return windows.transpose(0, 1, 2, 4, 5, 3)[np.arange(n), top, left]


def erase(images, top, left, height, width, value=0):
    """Return the images with a box of each filled with a value; a box is clipped at the border.

    Parameters
    ----------
    images : array (n, h, w, c)
    top, left, height, width : int or array (n,) of int
        One box, or one for each image; top and left may be negative.
    value : float

    Raises
    ------
    ValueError
        If a box's height or width is negative.

    References
    ----------
    Zhong, Zheng, Kang, Li and Yang (2020), Random erasing data augmentation.

    Examples
    --------
    >>> erase(np.ones((1, 2, 2, 1)), top=-1, left=0, height=2, width=1)[0, :, :, 0].tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """
    out, value = batch("images", images).copy(), number("value", value, "of any sign")
    n, h, w, c = out.shape
    rows = _span(top, height, ("top", "height"), n, h)
    columns = _span(left, width, ("left", "width"), n, w).repeat(c, axis=1)  # with their channels
    np.copyto(out.reshape(n, h, w * c), value, where=rows[:, :, None] & columns[:, None, :])
    return out


def _span(start, length, names, n, size):
    """Return which of the places 0..size-1 lie in [start, start + length), (n, size)."""
    start, length = wholes(names[0], start, n), wholes(names[1], length, n, low=0)
    at = np.arange(size) - start[:, None]
    return (at >= 0) & (at < length[:, None])


def in_pieces(function, X, values):
    """Let ``function(x, v, out)`` fill an array like X (n, ...) piece by piece; return it.

    A piece x of X and v of the values (n, ...) is small enough for the processor's cache.
    """
    out = np.empty(X.shape, X.dtype)
    step = max(1, _PIECE // max(1, X[:1].size))
    for start in range(0, len(X), step):
        piece = slice(start, start + step)
        function(X[piece], values[piece], out[piece])
    return out
