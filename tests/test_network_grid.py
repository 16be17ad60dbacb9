"""The grid of gradient checks: each activation with each loss, penalty and noise.

``python tests/test_network_grid.py`` prints it, the worst error of each row and column.
"""

import copy
import inspect
import itertools

import numpy as np
import pytest
from small_network import PAIRS, batch, each_pair, make

from reglib import RegularizedNeuralNetwork, check_gradient
from reglib.augment import MixUp
from reglib.losses import LOSSES

ACTIVATIONS = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}  # and the start that suits each
PENALTIES = {
    "no penalty": {},
    "L1": dict(l1=0.02),
    "L2": dict(l2=0.03),
    "elastic net": dict(l1=0.02, l2=0.03),
}
NOISES = {
    "no noise": {},
    "dropout": dict(dropout=0.4),
    "dropconnect": dict(dropconnect=0.3),
    "input noise": dict(input_noise=0.5),
    "label smoothing": dict(label_smoothing=0.2),
    "all noises": dict(dropout=0.3, dropconnect=0.2, input_noise=0.3, label_smoothing=0.1),
}
OUTSIDE = {  # what is in no loss, and must leave the gradients alone
    "max_norm": 0.1,
    "optimizer": "adamw",
    "momentum": 0.9,
    "weight_decay": 0.5,
    "augment": MixUp(),
}
SETTINGS = {"layer_sizes", "activation", "output", "loss", "init", "dtype", "rng"}


def combinations(activation, output, loss):
    """Yield (words, k, options) for each penalty, noise and number of outputs."""
    common = dict(activation=activation, output=output, loss=loss, init=ACTIVATIONS[activation])
    sizes = (2,) if output == "softmax" else (2, 1)
    for (penalty, one), (noise, two), k in itertools.product(
        PENALTIES.items(), NOISES.items(), sizes
    ):
        if output == "linear" and noise == "label smoothing":
            continue  # a linear output has no classes
        if output == "linear":
            two = {name: value for name, value in two.items() if name != "label_smoothing"}
        yield (penalty, noise, f"{k} outputs"), k, {**common, **one, **two}


def error_of(options, k):
    """The error with two hidden layers, and the size of the smallest array of gradients.

    With half the inputs: where an output saturates (z = 15), few digits of 1 - A are left, and the
    binary cross-entropy is too rough for differences.
    """
    net, (X, Y) = make((2, 5, 4, k), seed=3, **options), batch(7, 2, k)
    dW, db = copy.deepcopy(net).gradients(X / 2, Y)
    return check_gradient(net, X / 2, Y), min(np.abs(g).max() for g in dW + db)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@each_pair
def test_every_gradient_of_the_grid_is_right(activation, output, loss):
    for words, k, options in combinations(activation, output, loss):
        where = ", ".join((activation, output, loss, *words))
        error, size = error_of(options, k)
        assert error < 1e-6, f"relative error {error:.1e} with {where}: {options}"
        assert size > 1e-4, f"gradients of {size:.1e} prove nothing, with {where}: {options}"


def test_the_grid_has_every_pair_and_every_option():
    pairs = {(output, loss) for output, losses in LOSSES.items() for loss in losses}
    assert pairs == set(PAIRS), "a pair of output and loss is not checked"
    signature = inspect.signature(RegularizedNeuralNetwork).parameters
    checked = set().union(SETTINGS, OUTSIDE, *PENALTIES.values(), *NOISES.values())
    assert set(signature) == checked, "an option is missing from the grid"


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_in_no_loss_is_in_no_gradient(name):
    options = dict(l1=0.02, l2=0.03, **NOISES["all noises"])
    X, Y = batch(7, 2, 2)
    plain, net = make((2, 4, 2), **options), make((2, 4, 2), **options, **{name: OUTSIDE[name]})
    for ours, wanted in zip(net.gradients(X, Y), plain.gradients(X, Y), strict=True):
        for g, h in zip(ours, wanted, strict=True):
            np.testing.assert_array_equal(g, h, f"{name} changes the gradients")
    assert check_gradient(net, X, Y) < 1e-6, name


def test_a_step_across_the_kink_of_relu_is_left_out():
    """A z so near 0 that w + 1e-6 is on one side of the kink, and w - 1e-6 on the other."""
    net, (X, Y) = make((2, 4, 2), activation="relu"), batch(7, 2, 2)
    unit = X[0] @ net.weights[0] + net.biases[0][0]
    net.biases[0][0] -= unit - 3e-7  # row 0 now stands at z = 3e-7 in every unit
    assert np.abs(net.gradients(X, Y)[0][0]).min() > 1e-4, "no gradient would be missed"
    assert check_gradient(net, X, Y) < 1e-6, "the kink is taken for a mistake"
    net.activation = "tanh"
    assert check_gradient(net, X, Y) < 1e-6


def table():
    """Return the grid as Markdown: rows activation and pair, columns the noises, worst errors."""
    lines = ["| activation | output, loss | " + " | ".join(NOISES) + " |", "|---|---|" + "---|" * 6]
    for activation, (output, loss) in itertools.product(ACTIVATIONS, PAIRS):
        worst = dict.fromkeys(NOISES, 0.0)
        for (_, noise, _), k, options in combinations(activation, output, loss):
            worst[noise] = max(worst[noise], error_of(options, k)[0])
        cells = (f"{error:.0e}" if error else "-" for error in worst.values())
        lines.append(f"| {activation} | {output}, {loss} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
