"""Checks of arguments: each returns the value, or says by a ValueError what would be allowed."""

from numbers import Integral, Real

import numpy as np

_RULES = {
    ">= 0": lambda value: value >= 0,
    "> 0": lambda value: value > 0,
    "in [0, 1]": lambda value: 0 <= value <= 1,
    "in [0, 1)": lambda value: 0 <= value < 1,
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
    """Return n floats: the list ``value`` has one for each, a single number serves all.

    Examples
    --------
    >>> each("dropout", 0.5, "in [0, 1)", 2)
    [0.5, 0.5]
    """
    if not isinstance(value, list | tuple | np.ndarray):
        return [number(name, value, allowed)] * n
    if len(value) != n:
        raise ValueError(f"{name} must be one number or a list of {n}, got {value!r}")
    return [number(name, one, allowed) for one in value]


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
