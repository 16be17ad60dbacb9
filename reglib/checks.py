"""Checks of arguments: each returns the value, or says by a ValueError what would be allowed."""

from numbers import Integral, Real

import numpy as np

_RULES = {
    ">= 0": lambda value: value >= 0,
    "> 0": lambda value: value > 0,
    "in [0, 1]": lambda value: (value >= 0) & (value <= 1),
    "in [0, 1)": lambda value: (value >= 0) & (value < 1),
    "of any sign": lambda value: value == value,
}


def number(name, value, allowed):
    """Return ``value`` as a float if it is finite and ``allowed``, a key of the rules above.

    A Python float, unlike a numpy.float64, leaves a float32 array that it multiplies float32.

    Examples
    --------
    >>> number("p", -0.1, "in [0, 1]")
    Traceback (most recent call last):
    ValueError: p must be a finite number in [0, 1], got -0.1
    """
    if not (isinstance(value, Real) and abs(value) < np.inf and _RULES[allowed](value)):
        raise ValueError(f"{name} must be a finite number {allowed}, got {value!r}")
    return float(value)


def each(name, value, allowed, n):
    """Return n floats (n,): the list ``value`` has one for each, a single number serves all.

    Examples
    --------
    >>> each("dropout", 0.5, "in [0, 1)", 2).tolist()
    [0.5, 0.5]
    """
    values = np.asarray(value)
    if values.ndim == 0:
        return np.full(n, number(name, value, allowed))
    if values.shape != (n,):
        raise ValueError(f"{name} must be one number or a list of {n}, got {value!r}")
    if values.dtype.kind not in "biuf" or not (np.isfinite(values) & _RULES[allowed](values)).all():
        raise ValueError(f"{name} must be finite numbers {allowed}, got {value!r}")
    return values.astype(float)


def whole(name, value, low=1, high=np.inf):
    """Return ``value`` as an int if it is a whole number from ``low`` to ``high``.

    Examples
    --------
    >>> whole("n", 5)
    5
    """
    if not (isinstance(value, Integral) and low <= value <= high):
        allowed = f">= {low}" if high == np.inf else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {allowed}, got {value!r}")
    return int(value)


def wholes(name, value, n, low=-np.inf, high=np.inf):
    """Return n whole numbers (n,) from ``low`` to ``high``: one for each, or one that serves all.

    Examples
    --------
    >>> wholes("top", [0, 3], 2, low=0).tolist()
    [0, 3]
    """
    array = np.asarray(value)
    right = array.dtype.kind in "iu" and array.shape in ((), (n,))
    if not right or ((array < low) | (array > high)).any():
        raise ValueError(f"{name} must be one or {n} whole numbers, {low} to {high}, got {value!r}")
    return np.broadcast_to(array, n)


def choice(name, value, known):
    """Return ``value`` if it is one of the strings ``known``.

    Examples
    --------
    >>> choice("init", "zero", ("xavier", "he"))
    Traceback (most recent call last):
    ValueError: init must be one of xavier, he, got 'zero'
    """
    if not (isinstance(value, str) and value in known):
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    return value


def floats(name, array, dtype=None):
    """Return ``array`` in ``dtype``; without one floats keep theirs and integers become float64.

    Examples
    --------
    >>> floats("w", [1, 2]).dtype.name, floats("w", np.ones(2, np.float32)).dtype.name
    ('float64', 'float32')
    """
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, got {array!r}")
    if dtype is None:
        dtype = array.dtype if array.dtype.kind == "f" else np.float64
    return array.astype(dtype, copy=False)


def scaled(name, array):
    """Return the array of floats; whole numbers, as in an image of 0..255, were never scaled.

    Examples
    --------
    >>> scaled("x", [0, 255])
    Traceback (most recent call last):
    ValueError: x must be floats (images scaled to [0, 1]), got int64
    """
    array = np.asarray(array)
    if array.dtype.kind != "f":
        raise ValueError(f"{name} must be floats (images scaled to [0, 1]), got {array.dtype}")
    return array


def batch(name, array):
    """Return the batch of images (n, h, w, c), floats, or say what is wrong with it.

    Examples
    --------
    >>> batch("images", np.ones((28, 28)))
    Traceback (most recent call last):
    ValueError: images must be (n, h, w, c) with h, w, c >= 1, got (28, 28)
    """
    array = scaled(name, array)
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise ValueError(f"{name} must be (n, h, w, c) with h, w, c >= 1, got {array.shape}")
    return array


def finite(name, array):
    """Return the array (n, k), or say where it is not finite.

    Examples
    --------
    >>> finite("X", np.array([[1.0, np.nan]]))
    Traceback (most recent call last):
    ValueError: X must be finite, got nan at row 0, column 1
    """
    if not np.isfinite(array).all():
        i, j = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name} must be finite, got {array[i, j]} at row {i}, column {j}")
    return array
