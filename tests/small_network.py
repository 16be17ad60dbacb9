"""What the tests of the network share: a small network, a small batch, and a look at messages."""

import copy
import inspect

import numpy as np
import pytest

from reglib import RegularizedNeuralNetwork

NAMES = set(inspect.signature(RegularizedNeuralNetwork).parameters) - {"rng"}
PAIRS = [
    ("sigmoid", "squared_error"),
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "squared_error"),
    ("softmax", "cross_entropy"),
    ("linear", "squared_error"),
]
each_pair = pytest.mark.parametrize("output, loss", PAIRS, ids=["-".join(p) for p in PAIRS])

NOISES = {  # for networks with two hidden layers
    "dropout": dict(dropout=0.4),
    "dropout of one layer": dict(dropout=[0.0, 0.6]),
    "dropconnect": dict(dropconnect=0.3),
    "dropconnect of some layers": dict(dropconnect=[0.5, 0.0, 0.2]),
    "input noise": dict(input_noise=0.5),
    "label smoothing": dict(label_smoothing=0.2),
    "all": dict(dropout=[0.3, 0.5], dropconnect=0.2, input_noise=0.3, label_smoothing=0.1),
}


def noises(output):
    """The options above that a network with this output takes: a linear one smooths no labels."""
    for name, options in NOISES.items():
        if output == "linear":
            options = {key: value for key, value in options.items() if key != "label_smoothing"}
        if options:
            yield name, options


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


def same(one, other, message):
    """Assert that two networks have the same weights and biases, bit for bit."""
    for kind in ("weights", "biases"):
        pairs = zip(getattr(one, kind), getattr(other, kind), strict=True)
        for layer, (a, b) in enumerate(pairs):
            np.testing.assert_array_equal(a, b, f"{message}: {kind}[{layer}]", strict=True)


def alike(net, other, message):
    """Assert that two networks are equal in all that training reads."""
    same(net, other, message)
    for name in NAMES - {"augment"}:
        got, wanted = getattr(net, name), getattr(other, name)
        assert got == wanted and type(got) is type(wanted), f"{message}: {name} is {got!r}"
    for stream in ("rng", "noise_rng"):
        states = [repr(getattr(n, stream).bit_generator.state) for n in (net, other)]
        assert states[0] == states[1], f"{message}: {stream} stands elsewhere"


def check_history(history, net, data, validation, epochs, message=""):
    """Assert that a classifier's history ends in what its public methods measure now."""
    (X, y), (X_val, y_val) = data, validation
    A, A_val = net.forward_propagation(X), net.forward_propagation(X_val)
    wanted = {
        "loss": net.compute_loss(A, y),
        "data_loss": net.data_loss(A, y),
        "val_loss": net.data_loss(A_val, y_val),
        "accuracy": np.mean(net.predict(X) == y),
        "val_accuracy": np.mean(net.predict(X_val) == y_val),
        "weight_norm": np.sqrt(sum((W**2).sum() for W in net.weights)),
    }
    assert set(history) == set(wanted), f"{message}: the history has {set(history)}"
    for name, value in wanted.items():
        line = history[name]
        assert len(line) == epochs and all(type(v) is float for v in line), f"{message}: {name}"
        assert line[-1] == pytest.approx(value, rel=1e-12), f"{message}: history[{name!r}]"


def raises(call, *parts):
    """Assert that ``call()`` raises a ValueError whose message holds every part."""
    with pytest.raises(ValueError) as error:
        call()
    for part in parts:
        assert str(part) in str(error.value), f"the message lacks {part!r}: {error.value}"


def drawn(net, X):
    """The noise of the network's next training pass: (on inputs, on weights, on units).

    Read off a copy's record of that pass, never off the layers; for tanh or sigmoid, whose
    values are not 0, and more rows than units.
    """
    net = copy.deepcopy(net)
    net.forward_propagation(X, training=True)
    value = np.tanh if net.activation == "tanh" else net.sigmoid
    hidden = zip(net.activations[1:-1], net.z_values, strict=False)
    on_units = [a / value(z) for a, z in hidden]
    layers = zip(net.weights, net.biases, net.activations, net.z_values, strict=False)
    on_weights = [np.linalg.lstsq(a, z - b, rcond=None)[0] / W for W, b, a, z in layers]
    for kind, rates, masks in (
        ("dropout", net.dropout, on_units),
        ("dropconnect", net.dropconnect, on_weights),
    ):
        for layer, (p, mask) in enumerate(zip(rates, masks, strict=True)):
            for m, exact in ((mask, 0.0), (mask, 1 / (1 - p))):
                m[np.abs(m - exact) < 1e-9] = exact
            strange = ~np.isin(mask, (0.0, 1 / (1 - p)))
            assert not strange.any(), f"{kind} {p} of layer {layer} multiplies by {mask[strange]}"
    return net.activations[0] - X, on_weights, on_units


def mask_moments(p):
    """The second and fourth central moments of a mask that is 0 with p, else 1 / (1 - p)."""
    return p / (1 - p), (1 - p) * (p / (1 - p)) ** 4 + p


def near(got, expected, sigma, what):
    """Assert that every estimate is within six of its standard errors, and rounding."""
    rounding = 1e-12 if got.dtype == np.float64 else 1e-5
    wrong = np.abs(got - expected) > 6 * sigma + rounding * (1 + np.abs(expected))
    assert not wrong.any(), (
        f"{what}: got {got[wrong]}, expected {np.broadcast_to(expected, got.shape)[wrong]} "
        f"within 6 x {np.broadcast_to(sigma, got.shape)[wrong]}"
    )
