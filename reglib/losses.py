"""What the last layer computes, how wrong that is, and the gradient that starts backpropagation."""

import numpy as np

from reglib.activations import sigmoid

# What each output may be trained with; the gradient of every pair is written below.
LOSSES = {
    "sigmoid": ("squared_error", "binary_cross_entropy"),
    "softmax": ("squared_error", "cross_entropy"),
    "linear": ("squared_error",),
}


def outputs(output, z):
    """Return the activations (n, k) of a last layer "sigmoid", "softmax" or "linear" at z (n, k).

    Examples
    --------
    >>> outputs("softmax", np.array([[5.0, 5.0]])).tolist()
    [[0.5, 0.5]]
    """
    if output == "sigmoid":
        return sigmoid(z)
    if output == "softmax":
        # The shift cancels and prevents overflow; the copy lets NumPy take all maxima at once.
        e = np.exp(z - z.T.copy().max(axis=0)[:, None])
        return e / e.sum(axis=1, keepdims=True)
    return z


def labels(A):
    """Return the most probable class (n,) of each row of A (n, k); k = 1 is class 1's share.

    Examples
    --------
    >>> labels(np.array([[0.2], [0.7]])).tolist()
    [0, 1]
    """
    return (A[:, 0] > 0.5).astype(int) if A.shape[1] == 1 else A.argmax(axis=1)


def data_loss(loss, A, Y):
    """Return the loss of activations A (n, k) against targets Y (n, k), a float.

    ``squared_error`` is ``mean((A - Y)²)`` over samples and outputs; ``cross_entropy`` is
    ``-sum(Y log A) / n``; ``binary_cross_entropy`` adds ``-sum((1 - Y) log(1 - A)) / n``.

    Examples
    --------
    >>> data_loss("squared_error", np.array([[0.5]]), np.array([[1.0]]))
    0.25
    """
    if loss == "squared_error":
        return float(np.mean(np.square(A - Y)))
    # log(0) would be minus infinity: put the least A > 0, and the least 1 - A > 0, for 0.
    info = np.finfo(A.dtype)
    total = np.sum(Y * np.log(np.maximum(A, info.tiny)))
    if loss == "binary_cross_entropy":
        total += np.sum((1 - Y) * np.log(np.maximum(1 - A, info.epsneg)))
    return float(-total / len(A))


def output_gradient(loss, output, A, Y):
    """Return the derivative (n, k) of `data_loss` with respect to the last layer's z.

    ``(A - Y) / n`` for the cross-entropies, where the slope of the output cancels; for the
    squared error ``2 (A - Y) / (n k)`` times the slope of the output.

    Examples
    --------
    >>> output_gradient("squared_error", "sigmoid", np.array([[0.5]]), np.array([[1.0]])).tolist()
    [[-0.25]]
    """
    if loss != "squared_error":
        return (A - Y) / len(A)
    dA = 2 * (A - Y) / A.size
    if output == "sigmoid":
        return dA * A * (1 - A)
    if output == "softmax":
        return A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    return dA
