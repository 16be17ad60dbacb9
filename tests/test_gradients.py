"""Gradients against central differences, and the check of them against planted mistakes."""

import itertools

import numpy as np
import pytest
from scipy.special import expit
from small_network import batch, each_pair, make

from reglib import RegularizedNeuralNetwork, check_gradient

# Gradients


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@each_pair
def test_gradients_are_those_of_the_loss(activation, output, loss):
    grid = itertools.product([(3, 2), (3, 4, 2), (3, 4, 4, 3)], [0.0, 0.02], [0.0, 0.03])
    for sizes, l1, l2 in grid:
        init = "he" if activation == "relu" else "xavier"
        options = dict(activation=activation, output=output, loss=loss, init=init, l1=l1, l2=l2)
        net = make(sizes, **options)
        error = check_gradient(net, *batch(k=sizes[-1]))
        assert error < 1e-6, f"relative error {error:.1e} with {sizes} and {options}"


def test_gradients_equal_differences_taken_here():
    """Not by check_gradient: a loop of its own, against a loss written out in this test."""
    net = make((2, 3, 1), l1=0.05, l2=0.07, activation="tanh", loss="binary_cross_entropy")
    X, y = batch(5, 2, 1)

    def loss():
        hidden = np.tanh(X @ net.weights[0] + net.biases[0])
        p = expit(hidden @ net.weights[1] + net.biases[1])
        data = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        penalty = sum(0.05 * np.abs(W).sum() + 0.07 * (W**2).sum() for W in net.weights)
        return data + penalty

    assert net.compute_loss(net.forward_propagation(X), y) == pytest.approx(loss(), rel=1e-13)
    dW, db = net.gradients(X, y)
    for kind, arrays, grads in (("weights", net.weights, dW), ("biases", net.biases, db)):
        for layer, (w, g) in enumerate(zip(arrays, grads, strict=True)):
            assert g.shape == w.shape, f"gradient of {kind}[{layer}] has shape {g.shape}"
            for index in np.ndindex(w.shape):
                kept = w[index]
                w[index] = kept + 1e-6
                up = loss()
                w[index] = kept - 1e-6
                down = loss()
                w[index] = kept
                assert g[index] == pytest.approx((up - down) / 2e-6, abs=1e-8), (kind, layer, index)


class FactorTwoMissing(RegularizedNeuralNetwork):
    def gradients(self, X, y):
        dW, db = super().gradients(X, y)
        return [g - self.l2 * W for g, W in zip(dW, self.weights, strict=True)], db


class BiasPenalised(RegularizedNeuralNetwork):
    def gradients(self, X, y):
        dW, db = super().gradients(X, y)
        return dW, [g + 2 * self.l2 * b for g, b in zip(db, self.biases, strict=True)]


class SignMissing(RegularizedNeuralNetwork):
    def gradients(self, X, y):
        dW, db = super().gradients(X, y)
        return [
            g - self.l1 * np.sign(W) + self.l1 for g, W in zip(dW, self.weights, strict=True)
        ], db


class SeedsDelta(RegularizedNeuralNetwork):
    """Backpropagation that starts from ``output - y`` though the loss is the squared error."""

    def gradients(self, X, y):
        delta = self.forward_propagation(X) - y
        dW, db = [], []
        for layer in reversed(range(len(self.weights))):
            penalty = self.l1 * np.sign(self.weights[layer]) + 2 * self.l2 * self.weights[layer]
            dW.insert(0, self.activations[layer].T @ delta / len(X) + penalty)
            db.insert(0, delta.sum(axis=0, keepdims=True) / len(X))
            if layer:
                slope = self.sigmoid_derivative(self.z_values[layer - 1])
                delta = delta @ self.weights[layer].T * slope
        return dW, db


class NotANumber(RegularizedNeuralNetwork):
    def gradients(self, X, y):
        dW, db = super().gradients(X, y)
        dW[0][0, 0] = np.nan
        return dW, db


@pytest.mark.parametrize(
    "wrong", [FactorTwoMissing, BiasPenalised, SignMissing, SeedsDelta, NotANumber]
)
def test_check_gradient_catches(wrong):
    rng = np.random.default_rng(0)
    net = wrong([3, 4, 1], l1=0.01, l2=0.01, rng=rng)
    for w in net.weights + net.biases:
        w[...] = rng.standard_normal(w.shape)
    error = check_gradient(net, *batch(k=1))
    assert not error < 1e-3, f"{wrong.__name__} passes the check with {error:.1e}"


def test_check_gradient_leaves_the_network_alone_and_works_in_float64():
    net = make(dtype=np.float32, l1=0.01)
    net.weights[0][0, 0] = 0.0  # on the kink of |w|: to be left out
    before = [w.copy() for w in net.weights + net.biases]
    state = net.rng.bit_generator.state
    assert check_gradient(net, *batch()) < 1e-6, "a float32 network must be checked in float64"
    for w, b in zip(net.weights + net.biases, before, strict=True):
        np.testing.assert_array_equal(w, b, "check_gradient changed the network")
        assert w.dtype == np.float32
    assert net.rng.bit_generator.state == state, "check_gradient drew from the network's rng"
