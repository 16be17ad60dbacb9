"""Gradients against central differences, and the check of them against planted mistakes."""

import itertools

import numpy as np
import pytest
from scipy.special import expit
from small_network import NOISES, batch, drawn, each_pair, make, noises

from reglib import Dropout, RegularizedNeuralNetwork, check_gradient


def equal_differences(loss, w, gradient, name):
    """Assert that this gradient is that of ``loss()``, which reads w, by central differences."""
    assert gradient.shape == w.shape, f"{name} has shape {gradient.shape}"
    numeric = np.empty(w.shape)
    for index in np.ndindex(w.shape):
        kept = w[index]
        w[index] = kept + 1e-6
        up = loss()
        w[index] = kept - 1e-6
        numeric[index] = (up - loss()) / 2e-6
        w[index] = kept
    np.testing.assert_allclose(gradient, numeric, rtol=0, atol=1e-8, err_msg=name)


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
            equal_differences(loss, w, g, f"gradient of {kind}[{layer}]")


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


# Noise, held fixed


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@each_pair
def test_gradients_with_noise_are_those_of_the_loss_of_that_draw(activation, output, loss):
    outputs = (3,) if output == "softmax" else (3, 1)
    for (name, noise), k in itertools.product(noises(output), outputs):
        options = dict(activation=activation, output=output, loss=loss, **noise)
        if name == "all":
            options.update(l1=0.02, l2=0.03)
        net, (X, y) = make((3, 5, 4, k), **options), batch(8, 3, k)
        error = check_gradient(net, X, y)
        assert error < 1e-6, f"relative error {error:.1e} with {name}, {k} outputs and {options}"
        quiet = make((3, 5, 4, k), activation=activation, output=output, loss=loss)
        same = [
            np.array_equal(a, b)
            for a, b in zip(net.gradients(X, y)[1], quiet.gradients(X, y)[1], strict=True)
        ]
        assert not all(same), f"{name} does nothing to the gradients"


@pytest.mark.parametrize("k", [3, 1])
@pytest.mark.parametrize("name", NOISES)
def test_gradients_with_noise_equal_differences_taken_here(name, k):
    """Not by check_gradient: a loss written out here, with the noise that the network drew."""
    loss_name = "cross_entropy" if k == 3 else "binary_cross_entropy"
    output = "softmax" if k == 3 else "sigmoid"
    options = dict(activation="tanh", output=output, loss=loss_name, l1=0.02, l2=0.03)
    net = make((3, 5, 4, k), **options, **NOISES[name])
    X, y = batch(9, 3, k)
    alpha = NOISES[name].get("label_smoothing", 0)
    soft = (1 - alpha) * y + alpha / max(k, 2)
    noise, on_weights, on_units = drawn(net, X)

    def loss():
        a = X + noise
        for layer, (W, b, M) in enumerate(zip(net.weights, net.biases, on_weights, strict=True)):
            z = a @ (W * M) + b
            a = np.tanh(z) * on_units[layer] if layer < 2 else z
        if k == 1:
            data = -np.mean(soft * np.log(expit(a)) + (1 - soft) * np.log(expit(-a)))
        else:
            log_p = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
            data = -np.mean(np.sum(soft * log_p, axis=1))
        return data + sum(0.02 * np.abs(W).sum() + 0.03 * (W**2).sum() for W in net.weights)

    dW, db = net.gradients(X, y)
    for kind, arrays, grads in (("weights", net.weights, dW), ("biases", net.biases, db)):
        for layer, (w, g) in enumerate(zip(arrays, grads, strict=True)):
            equal_differences(loss, w, g, f"gradient of {kind}[{layer}]")


right = Dropout.backward


def mask_redrawn(layer, dout):
    layer.forward(dout, training=True)
    return right(layer, dout)


WRONG_BACKWARDS = {
    "mask redrawn in the backward pass": mask_redrawn,
    "scaling forgotten in the backward pass": lambda layer, d: right(layer, d) * (1 - layer.p),
    "mask forgotten in the backward pass": lambda layer, d: d,
    "scaled twice": lambda layer, d: right(layer, d) / (1 - layer.p),
}


@pytest.mark.parametrize("name", ["dropout", "dropconnect", "all"])
@pytest.mark.parametrize("mistake", WRONG_BACKWARDS)
def test_check_gradient_catches_a_wrong_backward_pass(mistake, name, monkeypatch):
    net, data = make((3, 5, 4, 2), **NOISES[name]), batch(8)
    assert check_gradient(net, *data) < 1e-6
    monkeypatch.setattr(Dropout, "backward", WRONG_BACKWARDS[mistake])
    error = check_gradient(net, *data)
    assert error > 1e-3, f"{mistake}: passes the check with {error:.1e} and {name}"


class AnotherDraw(RegularizedNeuralNetwork):
    """The loss is reported for one draw, the gradients belong to the next."""

    def gradients(self, X, y):
        self.forward_propagation(X, training=True)
        return super().gradients(X, y)


class WithoutNoise(RegularizedNeuralNetwork):
    """The gradients are those of the evaluation pass and of the labels as given."""

    def gradients(self, X, y):
        plain = RegularizedNeuralNetwork(
            self.layer_sizes, output=self.output, loss=self.loss, activation=self.activation
        )
        plain.weights, plain.biases = self.weights, self.biases
        return plain.gradients(X, y)


@pytest.mark.parametrize(
    "wrong, names",
    [
        (AnotherDraw, ["dropout", "dropconnect", "input noise", "all"]),
        (WithoutNoise, ["dropout", "dropconnect", "input noise", "label smoothing", "all"]),
    ],
)
def test_check_gradient_catches_gradients_of_other_noise(wrong, names):
    for name in names:
        rng, options = np.random.default_rng(0), dict(output="softmax", loss="cross_entropy")
        net = wrong([3, 5, 4, 2], rng=rng, activation="tanh", **options, **NOISES[name])
        error = check_gradient(net, *batch(8))
        assert error > 1e-3, f"{wrong.__name__} passes the check with {error:.1e} and {name}"


def test_check_gradient_leaves_the_noise_of_the_network_alone():
    net, twin, (X, y) = (
        make((3, 5, 4, 2), **NOISES["all"]),
        make((3, 5, 4, 2), **NOISES["all"]),
        batch(8),
    )
    check_gradient(net, X, y)
    outputs = [n.forward_propagation(X, training=True) for n in (net, twin)]
    np.testing.assert_array_equal(*outputs, "check_gradient drew from the network's noise")
