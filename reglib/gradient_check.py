"""The test that every hand-written gradient must pass: compare it with central differences."""

import copy

import numpy as np


def check_gradient(net, X, y):
    """Return how far the network's gradients are from central differences of its own loss.

    For each array of weights or biases the error is
    ``max|a - n| / max(1e-8, max|a| + max|n|)``, a analytic and n numeric, and the largest is
    returned. The step is 1e-6, on a float64 copy, with the noise of one draw throughout; entries
    whose step crosses a kink of ReLU or of ``|w|`` are left out. Below 1e-6 is right, above 1e-3 a
    bug. Between them look at the size of the gradients: where all are below 1e-5, as at a tiny
    start, rounding alone comes to 1e-4. It also does where a sigmoid's answer is surely wrong
    (z = 15 and more), since ``1 - A`` then has few digits left.

    Parameters
    ----------
    net : RegularizedNeuralNetwork
    X : array (n, n_in)
    y : array (n,), (n, 1) or (n, n_out)

    Examples
    --------
    >>> from reglib import RegularizedNeuralNetwork
    >>> rng = np.random.default_rng(0)
    >>> net = RegularizedNeuralNetwork([3, 4, 1], l1=0.01, l2=0.01, rng=rng)
    >>> check_gradient(net, rng.standard_normal((5, 3)), np.array([0, 1, 1, 0, 1])) < 1e-6
    True
    """
    net, eps, errors = copy.deepcopy(net), 1e-6, []
    net.dtype = np.dtype(np.float64)
    net.weights = [W.astype(np.float64) for W in net.weights]
    net.biases = [b.astype(np.float64) for b in net.biases]
    draw = net.noise_rng.bit_generator.state

    def loss_and_side(w, index, value):
        w[index] = value
        net.noise_rng.bit_generator.state = draw  # the noise that the gradients saw
        loss = net.compute_loss(net.forward_propagation(X, training=True), y)
        relu = [z > 0 for z in net.z_values[:-1]] if net.activation == "relu" else []
        return loss, [np.sign(value) if net.l1 else 0, *relu]

    dW, db = net.gradients(X, y)
    for w, analytic in zip(net.weights + net.biases, dW + db, strict=True):
        numeric = analytic.copy()
        for index in np.ndindex(w.shape):
            kept = w[index]
            up, side_up = loss_and_side(w, index, kept + eps)
            down, side_down = loss_and_side(w, index, kept - eps)
            w[index] = kept
            if all(np.array_equal(a, b) for a, b in zip(side_up, side_down, strict=True)):
                numeric[index] = (up - down) / (2 * eps)
        size = np.abs(analytic).max() + np.abs(numeric).max()
        errors.append(np.abs(analytic - numeric).max() / max(1e-8, size))
    return float(np.max(errors))  # nan, unlike with Python's max, when one of them is
