"""Whatever the network refuses, it names: the argument, the value and what is allowed."""

import numpy as np
import pytest
from small_network import batch, make, raises

from reglib import RegularizedNeuralNetwork, check_gradient

# Bad input

BAD_ARGUMENTS = {
    "l1": ([-0.1, np.nan, np.inf, "0.1", None], ">= 0"),
    "l2": ([-0.1, np.nan, np.inf, "0.1", None], ">= 0"),
    "weight_decay": ([-0.1, np.nan, np.inf, "0.1", None], ">= 0"),
    "momentum": ([-0.1, 1.0, np.nan, "0.9", None], "[0, 1)"),
    "max_norm": ([0, -1.0, np.nan, np.inf, "1"], "> 0"),
    "activation": (["gelu", None, 1, ["relu"]], "sigmoid, tanh, relu"),
    "output": (["identity", None, ["linear"]], "sigmoid, softmax, linear"),
    "init": (["zeros", None, 0.1], "xavier, he, small"),
    "optimizer": (["rmsprop", None, "SGD"], "sgd, adam, adamw"),
    "loss": (["mse", "cross_entropy", None], "squared_error, binary_cross_entropy"),
    "dtype": (["float16", int, None, "number", np.complex128], "float32, float64"),
    "layer_sizes": ([[3], [], 3, "32", None], "two layers"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_constructor_arguments_name_what_is_allowed(name):
    values, allowed = BAD_ARGUMENTS[name]
    for value in values:
        arguments = {"layer_sizes": [3, 2], name: value}
        given = repr(getattr(value, "__name__", value)).strip("'")  # a type goes by its name
        raises(lambda a=arguments: RegularizedNeuralNetwork(**a), name, given, allowed)


def test_layers_and_losses_that_do_not_fit_raise():
    for sizes in ([3, 0], [3, -2, 1], [3, 2.5], ["3", 1], [3, None]):
        raises(lambda s=sizes: RegularizedNeuralNetwork(s), "layer_sizes", "whole number >= 1")
    for output, loss in (("softmax", "binary_cross_entropy"), ("linear", "cross_entropy")):
        raises(
            lambda o=output, s=loss: RegularizedNeuralNetwork([3, 2], output=o, loss=s),
            "loss", output, loss, "squared_error",
        )  # fmt: skip
    with pytest.raises(TypeError):
        RegularizedNeuralNetwork([3, 2], 0.1, 0.1, "relu")


def methods(net, X, y):
    """Every way to hand data to the network."""
    return {
        "gradients": lambda: net.gradients(X, y),
        "backward_propagation": lambda: net.backward_propagation(X, y),
        "train": lambda: net.train(X, y, 1, verbose=False),
        "fit": lambda: net.fit(X, y, 1, 4, 0.1),
        "validation": lambda: net.fit(*batch(k=1), 1, 4, 0.1, validation_data=(X, y)),
        "check_gradient": lambda: check_gradient(net, X, y),
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_raise_and_say_where(bad):
    net = make((3, 4, 1))
    X, y = batch(k=1)
    X_bad, y_bad = X.copy(), y.copy()
    X_bad[4, 2] = y_bad[3, 0] = bad
    before = net.weights[0].copy()
    for name, call in methods(net, X_bad, y).items():
        raises(call, "X must be finite", bad, "row 4", "column 2")
        np.testing.assert_array_equal(net.weights[0], before, f"{name} learnt before it looked")
    for call in (net.forward_propagation, net.predict, net.predict_proba):
        raises(lambda call=call: call(X_bad), "X must be finite", "row 4")
    for name, call in methods(net, X, y_bad).items():
        raises(call, "y must be finite", bad, "row 3")
        np.testing.assert_array_equal(net.weights[0], before, f"{name} learnt before it looked")


def test_data_of_the_wrong_shape_or_kind_raise():
    net, (X, y) = make((3, 4, 1)), batch(k=1)
    for bad in (X[:, :2], X[0], X[:0], X[None], 5.0):
        for call in methods(net, bad, y).values():
            raises(call, "X must be (n, 3)", np.shape(bad))
    for bad in (y[:5], np.ones((6, 2)), np.ones((6, 1, 1)), 1.0):
        for call in methods(net, X, bad).values():
            raises(call, "y must be (6,)", np.shape(bad))
    for call in methods(net, X.astype(str), y).values():
        raises(call, "X must be an array of real numbers")
    for call in methods(net, X, y.astype(str)).values():
        raises(call, "y must be an array of real numbers")
    A = net.forward_propagation(X)
    raises(lambda: net.compute_loss(A.ravel(), y), "output must be (n, 1)", "(6,)")
    raises(lambda: net.compute_loss(A, y[:4]), "y must be", "(4, 1)")


def test_labels_and_targets_out_of_range_raise():
    X, _ = batch()
    several = make((3, 4, 3), output="softmax", loss="cross_entropy")
    for bad in (3, -1, 0.5, np.nan):
        labels = np.array([0, 1, 2, 0, bad, 1])
        raises(lambda y=labels: several.gradients(X, y), "labels y", "0..2", bad, "row 4")
    raises(lambda: several.gradients(X, np.array(list("abcabc"))), "labels y", "0..2", "'a'")
    raises(lambda: several.gradients(X, np.full((6, 3), 0.5)), "rows of y must sum to 1", 1.5)
    single = make((3, 4, 1), loss="binary_cross_entropy")
    for bad in (2, -0.1):
        raises(lambda b=bad: single.gradients(X, [0, 1, 0, 1, b, 0]), "y must be in [0, 1]", bad)


@pytest.mark.parametrize("rate", [0, -0.1, np.nan, np.inf, "0.1", None], ids=repr)
def test_learning_rate_must_be_finite_and_positive(rate):
    net, (X, y) = make((3, 4, 1)), batch(k=1)
    before = net.weights[0].copy()
    for call in (
        lambda: net.backward_propagation(X, y, rate),
        lambda: net.train(X, y, 3, rate, verbose=False),
        lambda: net.fit(X, y, 1, 4, rate),
    ):
        raises(call, "learning_rate", "> 0", repr(rate))
    np.testing.assert_array_equal(net.weights[0], before, "a step was taken all the same")


def test_bad_fit_and_train_arguments_raise():
    net, (X, y) = make((3, 4, 1)), batch(k=1)
    data = {"epochs": 1, "batch_size": 2, "learning_rate": 0.1, "validation_data": (X, y)}
    for name in ("epochs", "batch_size", "patience"):
        for bad in (0, -1, 1.5, "2", np.nan):
            arguments = {**data, name: bad}
            raises(lambda a=arguments: net.fit(X, y, **a), name, "whole number >= 1", repr(bad))
    raises(lambda: net.fit(X, y, 1, 2, 0.1, patience=2), "patience", "validation_data")
    for bad in (X, (X,), (X, y, y), 3):
        raises(lambda b=bad: net.fit(X, y, 1, 2, 0.1, b), "validation_data", "(X, y)")
    for bad in (-1, 2.5, "10"):
        raises(lambda b=bad: net.train(X, y, b), "epochs", "whole number >= 0", repr(bad))


def test_a_softmax_of_one_output_raises():
    raises(
        lambda: make((3, 4, 1), output="softmax", loss="cross_entropy"),
        "layer_sizes",
        "2 or more",
        "got 1",
    )


def test_a_probability_cannot_be_fitted_to_what_is_none():
    X = np.eye(3)
    for output, y in (("sigmoid", [0, 1, 2]), ("sigmoid", [-1, 1, -1]), ("softmax", [[2, -1]] * 3)):
        k = np.ndim(y)
        net = RegularizedNeuralNetwork([3, 2, k], output=output, loss="squared_error")
        raises(lambda n=net, y=y: n.fit(X, y, 1, 3, 0.1), "y must be in [0, 1]", output)
    RegularizedNeuralNetwork([3, 2, 1], output="linear").fit(X, [-1, 2, 0], 1, 3, 0.1)
