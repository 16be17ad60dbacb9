"""The network's noise: in training alone, from its own stream, with the mean that it promises."""

import copy

import numpy as np
import pytest
from scipy.special import expit
from small_network import NOISES, batch, check_history, make, mask_moments, near, raises, same

from reglib import RegularizedNeuralNetwork, smooth_labels
from reglib.penalties import ElasticNet

SIZES = (3, 5, 4, 2)
DRAWN = [name for name in NOISES if name != "label smoothing"]

each_noise = pytest.mark.parametrize("name", NOISES)
each_drawn = pytest.mark.parametrize("name", DRAWN)


def learnable(n=90, k=3, seed=2):
    """Inputs of k groups, with their labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    return rng.standard_normal((n, 3)) + 2 * np.eye(3)[y], y


def classifier(seed=0, **options):
    options = dict(output="softmax", loss="cross_entropy", activation="tanh") | options
    return make((3, 5, 4, 3), seed, **options)


def next_pass(net, X):
    """The outputs of the training pass that the network would take next."""
    return copy.deepcopy(net).forward_propagation(X, training=True)


# What each option disturbs, and when


def test_no_noise_is_the_default_and_zeros_change_no_bit_of_a_fit():
    (X, y), plain = learnable(), classifier(momentum=0.5)
    wanted = plain.fit(X, y, 3, 20, 0.3, validation_data=(X[:9], y[:9]))
    for options in (
        dict(dropout=0.0, dropconnect=0.0, input_noise=0.0, label_smoothing=0.0),
        dict(dropout=[0, 0], dropconnect=(0.0, 0, 0), input_noise=0, label_smoothing=0),
    ):
        net = classifier(momentum=0.5, **options)
        history = net.fit(X, y, 3, 20, 0.3, validation_data=(X[:9], y[:9]))
        same(net, plain, f"fitted with {options}")
        assert history == wanted, f"another history with {options}"
    np.testing.assert_array_equal(
        plain.forward_propagation(X, training=True), plain.forward_propagation(X)
    )


@each_drawn
def test_evaluation_never_draws(name):
    (X, y), net, quiet = learnable(30), classifier(**NOISES[name]), classifier()
    coming, before = next_pass(net, X), copy.deepcopy(net.weights)
    wanted = quiet.forward_propagation(X)
    assert (coming != wanted).any(), f"{name} does nothing in training"
    forward = net.forward_propagation
    for out in (forward(X), forward(X, training=False), net.predict_proba(X)):
        np.testing.assert_array_equal(out, wanted, f"{name} is on at evaluation")
    np.testing.assert_array_equal(net.predict(X), quiet.predict(X), f"{name} is on in predict")
    for loss in (net.compute_loss, net.data_loss):
        loss(wanted, y)
    np.testing.assert_array_equal(next_pass(net, X), coming, "an evaluation moved the noise")
    net.forward_propagation(X, training=True)
    assert (next_pass(net, X) != coming).any(), "the next training pass draws the same again"
    for layer, (W, kept) in enumerate(zip(net.weights, before, strict=True)):
        np.testing.assert_array_equal(W, kept, f"{name} changed weights[{layer}] in place")
    coming = next_pass(net, X)
    net.weights[0][...] = 0
    assert (next_pass(net, X) != coming).any(), "assigning into weights takes no effect"


def test_each_option_disturbs_its_own_layer_and_no_earlier_one():
    X, _ = learnable(20)
    cases = [  # options, and the first z that differs from that of a network without noise
        (dict(input_noise=0.1), 0),
        (dict(dropconnect=[0.5, 0, 0]), 0),
        (dict(dropconnect=[0, 0.5, 0]), 1),
        (dict(dropconnect=[0, 0, 0.5]), 2),
        (dict(dropout=[0.5, 0]), 1),
        (dict(dropout=[0, 0.5]), 2),
        (dict(dropout=0.5), 1),
        (dict(dropconnect=0.5), 0),
        (dict(label_smoothing=0.5), 3),
    ]
    quiet = make(SIZES)
    quiet.forward_propagation(X)
    for options, first in cases:
        net = make(SIZES, **options)
        net.forward_propagation(X, training=True)
        for layer, (z, plain) in enumerate(zip(net.z_values, quiet.z_values, strict=True)):
            differs = (z != plain).any()
            assert differs == (layer >= first), f"{options}: z_values[{layer}] differs: {differs}"
    single = make((3, 2), dropout=0.5)
    outs = [single.forward_propagation(X, training) for training in (True, False)]
    np.testing.assert_array_equal(*outs, "dropout is for hidden layers, not for inputs or outputs")


@pytest.mark.parametrize("rates", [0.3, [0.1, 0.8]])
def test_dropout_drops_units_after_the_activation_at_each_layers_rate(rates):
    X = np.random.default_rng(3).standard_normal((300, 3))
    net = make((3, 40, 50, 2), dropout=rates)  # a sigmoid is never 0 by itself
    net.forward_propagation(X, training=True)
    for layer, p in enumerate([rates, rates] if np.ndim(rates) == 0 else rates):
        a, z = net.activations[layer + 1], net.z_values[layer]
        sigma = (p * (1 - p) / a.size) ** 0.5
        share = np.mean(a == 0)
        assert abs(share - p) < 6 * sigma, f"{share:.3f} of layer {layer} dropped, {p} asked"
        message = f"survivors of layer {layer} are not scaled by 1 / (1 - {p})"
        np.testing.assert_allclose(a[a != 0], (expit(z) / (1 - p))[a != 0], err_msg=message)
    assert (net.activations[-1] != 0).all(), "outputs were dropped"


# The mean over draws is the evaluation pass


@pytest.mark.parametrize("p, q", [(0.5, 0.0), (0.0, 0.4), (0.2, 0.5)])
def test_dropped_units_and_connections_average_to_the_evaluation_pass(p, q):
    """One hidden layer and a linear output: linear in the masks, so the mean is exact.

    A unit kept with 1-p and its connection with 1-q make one mask that drops with 1-(1-p)(1-q).
    """
    net, calls = make((3, 6, 2), output="linear", dropout=[p], dropconnect=[0, q]), 4000
    X, _ = batch(2)
    outs = np.array([net.forward_propagation(X, training=True) for _ in range(calls)])
    mean = net.forward_propagation(X)
    parts = net.activations[1][:, :, None] * net.weights[1]  # h_j w_jk
    second, fourth = mask_moments(1 - (1 - p) * (1 - q))
    variance = second * (parts**2).sum(axis=1)
    m4 = (fourth - 3 * second**2) * (parts**4).sum(axis=1) + 3 * variance**2
    near(outs.mean(axis=0), mean, np.sqrt(variance / calls), "mean output, expected evaluation's")
    spread = np.sqrt((m4 - variance**2) / calls)
    near(np.square(outs - mean).mean(axis=0), variance, spread, "variance of the outputs")


@pytest.mark.parametrize("stddev, q", [(0.7, 0.0), (0.7, 0.4)])
def test_noisy_inputs_average_to_the_evaluation_pass_of_a_linear_network(stddev, q):
    net = make((3, 2), output="linear", input_noise=stddev, dropconnect=q)
    (X, _), calls = batch(2), 4000
    outs = np.array([net.forward_propagation(X, training=True) for _ in range(calls)])
    squares, mean = (net.weights[0] ** 2)[None], net.forward_propagation(X)
    variance = (squares * ((X**2 + stddev**2) / (1 - q) - X**2)[:, :, None]).sum(axis=1)
    near(outs.mean(axis=0), mean, np.sqrt(variance / calls), "mean output, expected evaluation's")
    if q == 0:  # then the output is normal, and its variance has the relative error sqrt(2/n)
        spread = variance * (2 / calls) ** 0.5
        near(np.square(outs - mean).mean(axis=0), variance, spread, "variance of the outputs")


# Seeds


@each_noise
def test_fit_steps_over_batches_that_the_seed_alone_decides(name):
    """Whatever noise is on, start and batches are the same; each step draws, and pays, once."""
    (X, y), options = learnable(50), dict(l2=0.02, weight_decay=0.03, **NOISES[name])
    net, twin, quiet = classifier(7, **options), classifier(7, **options), classifier(7)
    same(net, quiet, f"{name} changes the start")
    for epochs in (1, 2):
        net.fit(X, y, epochs, 8, 0.1, validation_data=(X, y))
        for order in [quiet.rng.permutation(len(X)) for _ in range(epochs)]:
            for rows in np.split(order, range(8, len(X), 8)):
                twin.backward_propagation(X[rows], y[rows], 0.1)
        for w, wanted in zip(net.weights + net.biases, twin.weights + twin.biases, strict=True):
            message = f"{name}: the steps of {epochs} epochs are not those of the seed's batches"
            np.testing.assert_allclose(w, wanted, rtol=1e-9, atol=1e-12, err_msg=message)


@each_drawn
def test_each_seed_and_each_network_has_noise_of_its_own(name):
    X, shared = learnable(30)[0], np.random.default_rng(0)
    nets = [classifier(seed, **NOISES[name]) for seed in (0, 1)]
    sizes, options = nets[0].layer_sizes, dict(activation="tanh", **NOISES[name])
    nets += [RegularizedNeuralNetwork(sizes, rng=rng, **options) for rng in (shared, shared, None)]
    for net in nets:
        for w, first in zip(net.weights, nets[0].weights, strict=True):
            w[...] = first
        for b in net.biases:
            b[...] = 0
        net.forward_propagation(X, training=True)
    records = [np.hstack(net.activations[:-1] + net.z_values[:-1]) for net in nets]
    for i, j in ((0, 1), (2, 3), (0, 4), (2, 4)):
        assert (records[i] != records[j]).any(), f"networks {i} and {j} draw the same {name}"


def test_the_noise_repeats_neither_the_draws_of_the_start_nor_those_of_the_batches():
    net = RegularizedNeuralNetwork([6, 2], input_noise=1.0, rng=np.random.default_rng(0))
    net.forward_propagation(np.zeros((2, 6)), training=True)
    noise, start = net.activations[0].ravel(), 2 * net.weights[0].ravel()  # std: (2/8)**0.5
    for draws in (start, copy.deepcopy(net.rng).standard_normal(12)):
        assert not np.isclose(noise, draws).any(), "the noise is drawn from the stream of rng"


@each_noise
def test_fit_lowers_the_loss_and_the_seed_decides_everything(name):
    X, y = learnable()
    runs = []
    for options, data in ((NOISES[name], (X[:9], y[:9])), (NOISES[name], None), ({}, None)):
        net = classifier(momentum=0.9, **options)
        before = net.compute_loss(net.forward_propagation(X), y)
        runs.append((net, before, net.fit(X, y, 10, 30, 0.1, validation_data=data)))
    (net, before, history), (twin, _, other), (quiet, _, _) = runs
    assert history["loss"][-1] < before, f"{name}: {before} became {history['loss'][-1]}"
    assert history["data_loss"][-1] < 1.0, "the classes were not learnt"
    same(net, twin, "the same seed, or watching validation data, gave another fit")
    assert history["loss"] == other["loss"]
    assert (net.weights[0] != quiet.weights[0]).any(), f"{name} has no effect on a fit"
    halves = classifier(momentum=0.9, **NOISES[name])
    halves.fit(X, y, 4, 30, 0.1)
    halves.fit(X, y, 6, 30, 0.1)
    same(halves, net, "4 and 6 epochs are not 10")


@each_drawn
def test_steps_use_the_training_pass_and_draw_anew(name):
    X, y = learnable(20)
    net, options = classifier(**NOISES[name]), NOISES[name]
    twin = copy.deepcopy(net)
    dW, db = twin.gradients(X, y)
    net.backward_propagation(X, y, 0.7)
    start = classifier(**options)
    arrays = net.weights + net.biases, start.weights + start.biases, dW + db
    for w, first, g in zip(*arrays, strict=True):
        np.testing.assert_allclose(w, first - 0.7 * g, rtol=1e-12, err_msg=f"{name}: not that step")
    again, _ = twin.gradients(X, y)
    assert any((a != g).any() for a, g in zip(again, dW, strict=True)), "the same noise twice"


def test_train_prints_the_training_loss_of_evaluation_passes(capsys):
    X, y = learnable(20)
    net, twin = classifier(**NOISES["all"]), classifier(**NOISES["all"])
    net.train(X, y, 101, 0.1)
    expected = []
    for epoch in range(101):
        if epoch % 100 == 0:
            loss = twin.compute_loss(twin.forward_propagation(X), y)
            expected.append(f"Epoch {epoch}, Loss: {loss:.4f}\n")
        twin.backward_propagation(X, y, 0.1)
    assert capsys.readouterr().out == "".join(expected)
    same(net, twin, "train is not plain descent")


@each_noise
def test_float32_stays_float32(name):
    X, y = learnable(20)
    net = classifier(dtype=np.float32, l1=0.01, l2=0.01, **NOISES[name])
    assert net.forward_propagation(X, training=True).dtype == np.float32
    assert {g.dtype.name for g in sum(net.gradients(X, y), start=[])} == {"float32"}
    net.fit(X, y, 1, 10, 0.1)
    assert {w.dtype.name for w in net.weights + net.biases} == {"float32"}
    record = [a.dtype.name for a in net.activations + net.z_values]
    assert set(record) == {"float32"}, f"{name} widens the forward pass to {record}"


def test_training_changes_no_input():
    X, y = learnable(20)
    Y = np.eye(3)[y]
    for array in (X, Y):
        array.flags.writeable = False  # a change in place raises
    net = classifier(**NOISES["all"])
    net.forward_propagation(X, training=True)
    net.gradients(X, Y)
    net.fit(X, Y, 1, 20, 0.1, validation_data=(X, Y))


@each_noise
def test_noise_that_is_switched_on_later_acts_at_once(name):
    (X, y), net, late = learnable(20), classifier(**NOISES[name]), classifier()
    for option in NOISES[name]:
        setattr(late, option, getattr(net, option))
    for a, b in zip(net.gradients(X, y)[0], late.gradients(X, y)[0], strict=True):
        np.testing.assert_array_equal(a, b, f"{name}, set on a living network")


# The losses


def cross_entropy(A, Y, both):
    total = np.sum(Y * np.log(A)) + both * np.sum((1 - Y) * np.log(1 - A))
    return -total / len(A)


@pytest.mark.parametrize(
    "output, loss, k",
    [
        ("softmax", "cross_entropy", 3),
        ("softmax", "squared_error", 3),
        ("sigmoid", "binary_cross_entropy", 3),
        ("sigmoid", "binary_cross_entropy", 1),
        ("sigmoid", "squared_error", 1),
    ],
)
def test_compute_loss_smooths_and_penalises_where_data_loss_does_neither(output, loss, k):
    alpha, options = 0.3, dict(output=output, loss=loss, l1=0.02, l2=0.03)
    net, (X, y) = make((3, 4, k), label_smoothing=alpha, **options), learnable(12, max(k, 2))
    A = net.forward_propagation(X)
    Y = np.eye(k)[y] if k > 1 else y.reshape(-1, 1).astype(float)
    soft = (1 - alpha) * Y + alpha / max(k, 2)  # a single output counts as two classes
    forms = {
        "squared_error": lambda Y: np.mean((A - Y) ** 2),
        "cross_entropy": lambda Y: cross_entropy(A, Y, False),
        "binary_cross_entropy": lambda Y: cross_entropy(A, Y, True),
    }
    penalty = ElasticNet(0.02, 0.03)(net.weights)
    for labels in (y, y.reshape(-1, 1), Y):
        wanted = pytest.approx(forms[loss](Y), rel=1e-12)
        assert net.data_loss(A, labels) == wanted, "data_loss takes the labels as given"
        wanted = pytest.approx(forms[loss](soft) + penalty, rel=1e-12)
        assert net.compute_loss(A, labels) == wanted, "compute_loss smooths, and penalises once"
    if k > 1:
        np.testing.assert_allclose(smooth_labels(Y, alpha), soft)
    given = make((3, 4, k), **options)  # to train on labels smoothed by hand is the same
    for ours, plain in zip(net.gradients(X, y), given.gradients(X, soft), strict=True):
        for g, wanted in zip(ours, plain, strict=True):
            np.testing.assert_allclose(g, wanted, atol=1e-12, err_msg="unsmoothed gradient")


def test_the_history_holds_evaluation_passes_of_both_losses():
    (X, y), (X_val, y_val) = learnable(), learnable(40, seed=5)
    net = classifier(l1=1e-3, l2=1e-3, **NOISES["all"])
    history = net.fit(X, y, 4, 30, 0.3, validation_data=(X_val, y_val))
    check_history(history, net, (X, y), (X_val, y_val), 4)
    assert history["loss"][-1] - history["data_loss"][-1] > 0.01, "smoothing is not in the loss"


def test_patience_goes_back_to_the_whole_weights_of_the_best_epoch():
    (X, y), (X_val, y_val), net = learnable(40), learnable(40, seed=5), classifier(**NOISES["all"])
    losses = net.fit(X, y, 200, 10, 1.0, (X_val, y_val), patience=3)["val_loss"]
    assert np.argmin(losses) == len(losses) - 4 > 0, "no epoch got worse: take another seed"
    now = net.data_loss(net.forward_propagation(X_val), y_val)
    assert now == pytest.approx(min(losses), rel=1e-12), "not the weights of the best epoch"


# Bad input


BAD_RATES = [-0.1, 1, 1.0, 1.5, np.nan, np.inf, "0.5", None]
BAD_OPTIONS = {
    "dropout": (BAD_RATES, "[0, 1)"),
    "dropconnect": (BAD_RATES, "[0, 1)"),
    "input_noise": ([-0.1, np.nan, np.inf, "0.1", None, [0.1]], ">= 0"),
    "label_smoothing": ([*BAD_RATES, [0.1]], "[0, 1)"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options_name_what_is_allowed(name):
    values, allowed = BAD_OPTIONS[name]
    for value in values:
        raises(lambda v=value: make(SIZES, **{name: v}), name, repr(value), allowed)
        if name in ("dropout", "dropconnect"):
            rates = [0.1] * (1 if name == "dropout" else 2) + [value]
            raises(lambda v=rates: make(SIZES, **{name: v}), name, repr(value), allowed)
        if name == "dropout":  # even where there is no hidden layer
            raises(lambda v=value: make((3, 2), dropout=v), name, repr(value), allowed)


def test_lists_of_rates_must_have_one_for_each_layer():
    for name, right in (("dropout", 2), ("dropconnect", 3)):
        for n in (0, 1, right - 1, right + 1):
            rates = [0.1] * n
            raises(lambda r=rates, name=name: make(SIZES, **{name: r}), name, rates, right)
        for form in (tuple, np.array):
            make(SIZES, **{name: form([0.1] * right)})


def test_a_linear_output_has_no_labels_to_smooth():
    raises(lambda: make(output="linear", label_smoothing=0.1), "label_smoothing", "linear")
    make(output="linear", label_smoothing=0.0)


def test_options_are_keywords_and_a_loss_of_no_array_raises():
    with pytest.raises(TypeError):
        RegularizedNeuralNetwork([3, 2], 0.1, 0.1, 0.5)
    for option in ({}, dict(label_smoothing=0.1)):
        net = make((3, 4, 2), **option)
        raises(lambda net=net: net.compute_loss(0.5, [0, 1]), "output must be (n, 2)", "()")
