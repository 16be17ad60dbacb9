"""The hidden layers' activations and their slopes."""

import numpy as np


def sigmoid(z):
    """Return ``1 / (1 + exp(-z))``, written so that the exponent is never positive.

    Examples
    --------
    >>> sigmoid(np.array([0.0, 1e4])).tolist()
    [0.5, 1.0]
    """
    small = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1, small) / (1 + small)


def activate(activation, z):
    """Return the activation "sigmoid", "tanh" or "relu" (``max(z, 0)``) of z, an array.

    Examples
    --------
    >>> activate("relu", np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    if activation == "sigmoid":
        return sigmoid(z)
    return np.tanh(z) if activation == "tanh" else np.maximum(z, 0)


def slope(activation, z):
    """Return the derivative of the activation at z; that of ReLU at 0 is taken as 0.

    ``s (1 - s)`` for the sigmoid s, ``1 - tanh(z)²``, and 1 where z > 0 for ReLU.

    Examples
    --------
    >>> slope("relu", np.array([-1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    if activation == "sigmoid":
        s = sigmoid(z)
        return s * (1 - s)
    return 1 - np.tanh(z) ** 2 if activation == "tanh" else (z > 0).astype(z.dtype)
