"""The network's contract: the names of the seed, their shapes and meanings, its predictions."""

import inspect

import numpy as np
import pytest
from scipy.special import expit
from small_network import batch, make, raises

from reglib import RegularizedNeuralNetwork, check_gradient

XOR_X, XOR_Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])


# The seed's names


def test_the_seeds_signatures_and_defaults_stay():
    net = RegularizedNeuralNetwork
    expected = {
        net.__init__: ["layer_sizes", "l1", "l2"],
        net.forward_propagation: ["X"],
        net.compute_loss: ["output", "y"],
        net.backward_propagation: ["X", "y", "learning_rate"],
        net.train: ["X", "y", "epochs", "learning_rate"],
    }
    for method, names in expected.items():
        got = list(inspect.signature(method).parameters)[1 : len(names) + 1]
        assert got == names, f"{method.__name__} takes {got} first"
    defaults = inspect.signature(net.train).parameters
    assert (defaults["epochs"].default, defaults["learning_rate"].default) == (1000, 0.1)
    assert inspect.signature(net.backward_propagation).parameters["learning_rate"].default == 0.1


def test_shapes_and_the_record_of_a_forward_pass():
    net = RegularizedNeuralNetwork([3, 5, 2], 0.1, 0.2)
    assert (net.l1, net.l2) == (0.1, 0.2)
    assert [W.shape for W in net.weights] == [(3, 5), (5, 2)]
    assert [b.shape for b in net.biases] == [(1, 5), (1, 2)]
    assert all((b == 0).all() for b in net.biases), "biases must start at zero"
    X, _ = batch()
    output = net.forward_propagation(X)
    hidden = 1 / (1 + np.exp(-(X @ net.weights[0])))
    np.testing.assert_allclose(net.z_values[0], X @ net.weights[0])
    np.testing.assert_allclose(net.activations[1], hidden)
    np.testing.assert_allclose(net.z_values[1], hidden @ net.weights[1])
    np.testing.assert_allclose(output, 1 / (1 + np.exp(-net.z_values[1])))
    np.testing.assert_array_equal(net.activations[0], X)
    np.testing.assert_array_equal(net.activations[2], output)
    assert (len(net.activations), len(net.z_values)) == (3, 2)
    np.testing.assert_array_equal(net.forward_propagation(X, training=True), output)


def test_sigmoid_and_its_derivative_of_z():
    net, z = make(), np.linspace(-30, 30, 61)
    np.testing.assert_allclose(net.sigmoid(z), expit(z), rtol=1e-14)
    np.testing.assert_allclose(
        net.sigmoid_derivative(z), expit(z) * expit(-z), rtol=1e-12, atol=2e-16
    )
    assert net.sigmoid_derivative(0.0) == 0.25, "the derivative is taken of z, not of sigmoid(z)"


def test_weights_and_biases_are_live():
    net, (X, Y) = make(), batch()
    W, b = net.weights[0], net.biases[1]
    W[...] = 0.0
    net.weights[1][...] = 0.0
    b[...] = [[2.0, -2.0]]
    np.testing.assert_allclose(net.forward_propagation(X), np.tile(expit([2.0, -2.0]), (6, 1)))
    net.weights[1] = np.ones((5, 2))
    net.backward_propagation(X, Y)
    net.train(X, Y, 2, verbose=False)
    net.fit(X, Y, 2, 3, 0.1, validation_data=(X, Y), patience=1)
    assert net.weights[0] is W and net.biases[1] is b, "a step must change the arrays in place"
    assert not (W == 0).all(), "nothing was learnt"


def test_backward_propagation_needs_no_forward_and_is_one_plain_step():
    X, Y = batch()
    options = dict(l1=0.02, l2=0.03, optimizer="adam", momentum=0.5)
    net, twin = make(**options), make(**options)
    dW, db = twin.gradients(X, Y)
    net.backward_propagation(X, Y, learning_rate=0.7)
    for w, w0, g in zip(net.weights + net.biases, twin.weights + twin.biases, dW + db, strict=True):
        np.testing.assert_allclose(w, w0 - 0.7 * g, rtol=1e-14, err_msg="not W - lr * gradient")
    stale = make(**options)
    stale.forward_propagation(100 * X[:2])
    stale.backward_propagation(X, Y, 0.7)
    np.testing.assert_array_equal(stale.weights[0], net.weights[0], "used an older forward pass")
    default = make(**options)
    default.backward_propagation(X, Y)
    np.testing.assert_allclose(default.weights[0], twin.weights[0] - 0.1 * dW[0], rtol=1e-14)


def test_train_prints_the_loss_before_each_hundredth_step(capsys):
    net, twin = make((2, 4, 1), l2=0.001), make((2, 4, 1), l2=0.001)
    assert net.train(XOR_X, XOR_Y, epochs=201, learning_rate=0.5) is None
    expected = []
    for epoch in range(201):
        loss = twin.compute_loss(twin.forward_propagation(XOR_X), XOR_Y)
        if epoch % 100 == 0:
            expected.append(f"Epoch {epoch}, Loss: {loss:.4f}\n")
        twin.backward_propagation(XOR_X, XOR_Y, 0.5)
    assert capsys.readouterr().out == "".join(expected)
    np.testing.assert_array_equal(net.weights[0], twin.weights[0], "train is not plain descent")
    net.train(XOR_X, XOR_Y, 101, verbose=False)
    net.train(XOR_X, XOR_Y, 0)
    assert capsys.readouterr().out == "", "must print nothing"


# Predictions


def test_predictions():
    X, _ = batch(20)
    net = make((3, 4, 1))
    p, proba = net.forward_propagation(X), net.predict_proba(X)
    assert proba.shape == (20, 2) and net.predict(X).shape == (20,)
    np.testing.assert_array_equal(proba[:, 1], p[:, 0], "column 1 must be the class 1")
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(net.predict(X), proba.argmax(axis=1))
    line = make((1, 1))
    line.weights[0][...], line.biases[0][...] = 0.1, 0
    assert line.predict([[-2], [-0.1], [0.1], [2]]).tolist() == [0, 0, 1, 1], "not split at 0.5"
    net = make((3, 4, 3), output="softmax", loss="cross_entropy")
    assert net.predict_proba(X).shape == (20, 3)
    np.testing.assert_array_equal(net.predict(X), net.forward_propagation(X).argmax(axis=1))
    for k in (1, 2):
        net = make((3, 4, k), output="linear")
        values = net.forward_propagation(X)
        np.testing.assert_array_equal(net.predict(X), values[:, 0] if k == 1 else values)
        raises(lambda net=net: net.predict_proba(X), "output", "sigmoid or softmax", "linear")


def test_the_strengths_of_the_noise_are_live():
    X, y = batch()
    net = make()
    quiet = net.forward_propagation(X, training=True)
    for name, value in (("dropout", [0.9]), ("dropconnect", [0.9, 0.9]), ("input_noise", 5.0)):
        kept = getattr(net, name)
        setattr(net, name, value)
        loud = net.forward_propagation(X, training=True)
        assert not np.allclose(loud, quiet), f"net.{name} = {value} does nothing"
        assert check_gradient(net, X, y) < 1e-6, name
        setattr(net, name, kept)
        np.testing.assert_array_equal(net.forward_propagation(X, training=True), quiet, name)


# Patience at its edges


def test_a_first_epoch_that_stays_the_best_is_gone_back_to():
    X, net = batch(12)[0], make((3, 1), output="linear")
    for w in net.weights + net.biases:
        w[...] = 0
    Y = X[:, 0]  # and to judge by -Y is to get worse with every step
    losses = net.fit(X, Y, 50, 12, 0.05, validation_data=(X, -Y), patience=3)["val_loss"]
    assert np.argmin(losses) == 0 and len(losses) == 4, "another epoch was best: take other data"
    now = net.data_loss(net.forward_propagation(X), -Y)
    assert np.isclose(now, losses[0], rtol=1e-12, atol=0), f"{now} is not that of epoch 0"


def test_a_loss_that_stays_the_same_is_not_lower():
    (X, _), net = batch(), make((3, 1), output="linear")
    for w in net.weights + net.biases:
        w[...] = 0
    history = net.fit(X, np.zeros(6), 50, 3, 0.1, validation_data=(X, np.zeros(6)), patience=2)
    assert history["val_loss"] == [0.0] * 3, "equal losses were taken for better ones"


@pytest.mark.parametrize("penalty", [dict(l1=0.5), dict(l2=0.5)], ids=str)
def test_each_penalty_alone_is_in_the_loss_of_the_history(penalty):
    (X, Y), net = batch(), make(**penalty)
    loss = net.fit(X, Y, 1, 6, 0.01)["loss"][0]
    assert loss == pytest.approx(net.compute_loss(net.forward_propagation(X), Y), rel=1e-12)
