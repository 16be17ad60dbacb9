"""What the tests of the network share: a small network, a small batch, and a look at messages."""

import numpy as np
import pytest

from reglib import RegularizedNeuralNetwork

PAIRS = [
    ("sigmoid", "squared_error"),
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "squared_error"),
    ("softmax", "cross_entropy"),
    ("linear", "squared_error"),
]
each_pair = pytest.mark.parametrize("output, loss", PAIRS, ids=["-".join(p) for p in PAIRS])


def make(sizes=(3, 5, 2), seed=0, **options):
    """A network with biases that are not zero, so that mistakes in them show."""
    rng = np.random.default_rng(seed)
    net = RegularizedNeuralNetwork(list(sizes), rng=rng, **options)
    for b in net.biases:
        b[...] = 0.3 * rng.standard_normal(b.shape)
    return net


def batch(n=6, d=3, k=2, seed=1):
    """Inputs and soft targets whose rows sum to 1 (in (0, 1) for k = 1)."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), (rng.dirichlet(np.ones(max(k, 2)), n))[:, :k]


def raises(call, *parts):
    """Assert that ``call()`` raises a ValueError whose message holds every part."""
    with pytest.raises(ValueError) as error:
        call()
    for part in parts:
        assert str(part) in str(error.value), f"the message lacks {part!r}: {error.value}"
