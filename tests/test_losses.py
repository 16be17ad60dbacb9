"""Losses and whole steps against scikit-learn, saturated outputs, types and seeds."""

import warnings

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from small_network import PAIRS, batch, each_pair, make

from reglib import RegularizedNeuralNetwork, check_gradient

# Losses


@pytest.mark.parametrize(
    "output, k", [("sigmoid", 1), ("sigmoid", 3), ("linear", 2), ("softmax", 3)]
)
def test_squared_error_is_the_mean_over_samples_and_outputs(output, k):
    net, (X, Y) = make((3, 4, k), output=output), batch(k=k)
    A = net.forward_propagation(X)
    expected = sum((A[i, j] - Y[i, j]) ** 2 for i in range(6) for j in range(k)) / (6 * k)
    assert net.compute_loss(A, Y) == pytest.approx(expected, rel=1e-13)
    assert type(net.compute_loss(A, Y)) is float


def test_cross_entropies_equal_scikit_learn():
    X, _ = batch(40)
    labels = np.random.default_rng(2).integers(0, 2, 40)
    net = make((3, 4, 1), loss="binary_cross_entropy")
    p = net.forward_propagation(X)
    assert net.compute_loss(p, labels) == pytest.approx(log_loss(labels, p[:, 0]), rel=1e-12)
    labels = np.random.default_rng(2).integers(0, 4, 40)
    net = make((3, 4, 4), output="softmax", loss="cross_entropy")
    p = net.forward_propagation(X)
    np.testing.assert_allclose(p, softmax(net.z_values[-1], axis=1), rtol=1e-13)
    expected = log_loss(labels, p, labels=range(4))
    assert net.compute_loss(p, labels) == pytest.approx(expected, rel=1e-12)


def test_binary_cross_entropy_of_several_outputs_is_their_sum():
    net, (X, Y) = make((3, 2), loss="binary_cross_entropy"), batch()
    A = net.forward_propagation(X)
    parts = -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum(axis=1)
    assert net.data_loss(A, Y) == pytest.approx(parts.mean(), rel=1e-13)


def test_penalties_are_in_the_loss_and_biases_and_decay_are_not():
    X, Y = batch()
    net = make(l1=0.3, l2=0.2, weight_decay=5.0)
    A = net.forward_propagation(X)
    weights = np.concatenate([W.ravel() for W in net.weights])
    expected = 0.3 * np.abs(weights).sum() + 0.2 * (weights**2).sum()
    assert net.compute_loss(A, Y) - net.data_loss(A, Y) == pytest.approx(expected, rel=1e-13)
    for b in net.biases:
        b += 10.0
    assert net.compute_loss(A, Y) - net.data_loss(A, Y) == pytest.approx(expected, rel=1e-13)


def test_y_may_be_flat_a_column_or_one_hot():
    X, _ = batch()
    labels = np.array([0, 1, 1, 0, 1, 0])
    for sizes, options in (
        ((3, 4, 1), {}),
        ((3, 4, 2), {"output": "softmax", "loss": "cross_entropy"}),
    ):
        net = make(sizes, **options)
        forms = [labels, labels[:, None], labels.tolist(), labels.astype(float)]
        if sizes[-1] == 2:
            forms.append(np.eye(2)[labels])
        results = [
            (net.compute_loss(net.forward_propagation(X), y), net.gradients(X, y)) for y in forms
        ]
        for y, (loss, (dW, db)) in zip(forms, results, strict=True):
            assert loss == results[0][0], f"other loss for y of shape {np.shape(y)}"
            for a, b in zip(dW + db, sum(results[0][1], start=[]), strict=True):
                np.testing.assert_array_equal(a, b, f"other gradient for y {np.shape(y)}")


@pytest.mark.parametrize("k, activation", [(2, "tanh"), (4, "logistic"), (4, "relu")])
def test_loss_and_step_equal_scikit_learns_network(k, activation):
    """Theirs adds alpha / (2 n) * sum W², so alpha = 2 n l2."""
    n, l2, steps = 60, 0.05, 3
    X, labels = batch(n)[0], np.arange(n) % k

    def theirs(rounds):
        net = MLPClassifier(
            (5,), activation=activation, solver="sgd", alpha=2 * n * l2, momentum=0.0,
            learning_rate_init=0.3, batch_size=n, max_iter=rounds, shuffle=False, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return net.fit(X, labels)

    options = {"output": "softmax", "loss": "cross_entropy"}
    if k == 2:
        options = {"output": "sigmoid", "loss": "binary_cross_entropy"}
    hidden = activation.replace("logistic", "sigmoid")
    ours = make((3, 5, 1 if k == 2 else k), l2=l2, activation=hidden, **options)
    start = theirs(1)  # their weights after the first step are where ours begin
    for w, w0 in zip(ours.weights + ours.biases, start.coefs_ + start.intercepts_, strict=True):
        w[...] = w0.reshape(w.shape)
    end = theirs(1 + steps)
    loss = ours.compute_loss(ours.forward_propagation(X), labels)
    assert loss == pytest.approx(end.loss_curve_[1], rel=1e-10), "the losses differ"
    for _ in range(steps):
        ours.backward_propagation(X, labels, 0.3)
    pairs = zip(ours.weights + ours.biases, end.coefs_ + end.intercepts_, strict=True)
    for i, (w, w_end) in enumerate(pairs):
        np.testing.assert_allclose(w, w_end.reshape(w.shape), rtol=1e-9, err_msg=f"array {i}")


# Numbers: types, sizes, seeds


@pytest.mark.parametrize("strength", [0.01, np.float64(0.01)], ids=["float", "numpy.float64"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_float32_stays_float32(strength, optimizer):
    X, Y = batch()
    numbers = ("l1", "l2", "weight_decay", "momentum", "max_norm")
    options = {"optimizer": optimizer, "dtype": np.float32}
    net = make(**dict.fromkeys(numbers, strength), **options)
    twin = make(**dict.fromkeys(numbers, 0.01), **options)
    for n, rate in ((net, 10 * strength), (twin, 0.1)):
        n.fit(X, Y, 2, 4, rate)
        n.backward_propagation(X, Y, rate)
    dW, db = net.gradients(X, Y)
    named = {
        "weights": net.weights, "biases": net.biases, "activations": net.activations,
        "z_values": net.z_values, "dW": dW, "db": db, "probabilities": [net.predict_proba(X)],
        "memory": [o.velocity if optimizer == "sgd" else o.mean for o in net._optimizers],
    }  # fmt: skip
    for name, arrays in named.items():
        assert {a.dtype for a in arrays} == {np.dtype(np.float32)}, f"{name} drifted"
    for a, b in zip(net.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(a, b, "a NumPy scalar changed the result")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@each_pair
def test_large_z_neither_overflows_nor_warns(output, loss, activation, dtype):
    net = make((2, 2, 2), output=output, loss=loss, activation=activation, dtype=dtype)
    for W, b in zip(net.weights, net.biases, strict=True):
        W[...], b[...] = [[1e4, -1e4], [-1e4, 1e4]], 0
    X, Y = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        A = net.forward_propagation(X)
        value = net.compute_loss(A, Y)
        grads = sum(net.gradients(X, Y), start=[])
        net.predict(X)
    assert np.abs(net.z_values[0]).max() == 1e4
    assert np.isfinite(value) and np.isfinite(A).all(), "loss or output is not finite"
    assert all(np.isfinite(g).all() for g in grads), "a gradient is not finite"


@pytest.mark.parametrize("dtype, z", [(np.float64, 38.0), (np.float32, 18.0)])
def test_a_saturated_output_costs_about_its_true_loss(dtype, z):
    """Where sigmoid(z) rounds to 1, -log(1 - sigmoid(z)) is z, not -log of the least float."""
    net = make((1, 1), loss="binary_cross_entropy", dtype=dtype)
    net.weights[0][...], net.biases[0][...] = z, 0
    A = net.forward_propagation([[1.0]])
    assert A[0, 0] == 1.0, "the case must be saturated"
    assert net.compute_loss(A, [0]) == pytest.approx(z, rel=0.1)


def test_same_seed_same_network_bit_for_bit():
    X, Y = batch(40)
    results = []
    for seed in (7, 7, 8):
        net = RegularizedNeuralNetwork([3, 5, 2], 0.001, rng=np.random.default_rng(seed))
        history = net.fit(X, Y, 5, 8, 0.5, validation_data=(X, Y))
        results.append((history, net.weights[0]))
    assert results[0][0] == results[1][0], "the same seed gave another history"
    np.testing.assert_array_equal(results[0][1], results[1][1], "the same seed, other weights")
    assert not np.array_equal(results[0][1], results[2][1]), "another seed, the same weights"
    state = repr(np.random.get_state())  # noqa: NPY002  (must stay untouched)
    RegularizedNeuralNetwork([3, 2]).fit(X, Y, 1, 8, 0.1)
    assert repr(np.random.get_state()) == state, "NumPy's global state was used"  # noqa: NPY002
    a, b = RegularizedNeuralNetwork([3, 2]), RegularizedNeuralNetwork([3, 2])
    assert not np.array_equal(a.weights[0], b.weights[0]), "two networks without rng are equal"


@pytest.mark.parametrize("init, std", [("xavier", (2 / 500) ** 0.5), ("he", 0.1), ("small", 0.01)])
def test_first_weights_have_the_documented_spread(init, std):
    net = RegularizedNeuralNetwork([200, 300], init=init, rng=np.random.default_rng(0))
    W = net.weights[0]
    assert W.std() == pytest.approx(std, abs=5 * std / np.sqrt(2 * W.size)), "five standard errors"
    assert abs(W.mean()) < 5 * std / np.sqrt(W.size)


def test_inputs_are_never_changed():
    X, Y = batch()
    for dtype in (np.float32, np.float64):
        X, Y = X.astype(dtype), Y.astype(dtype)
        X.flags.writeable = Y.flags.writeable = False  # a change in place raises
        for output, loss in PAIRS:
            net = make(output=output, loss=loss, dtype=dtype, l1=0.01, max_norm=1.0)
            A = net.forward_propagation(X)
            A.flags.writeable = False
            net.compute_loss(A, Y)
            net.backward_propagation(X, Y)
            net.train(X, Y, 2, verbose=False)
            net.fit(X, Y, 2, 4, 0.1, validation_data=(X, Y), patience=1)
            check_gradient(net, X, Y)
