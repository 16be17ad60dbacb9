"""Numbers at the edge: nothing overflows at |z| = 1e4, and what is not finite is named."""

import copy
import itertools
import warnings

import numpy as np
import pytest
from small_network import NOISES, batch, each_pair, make, raises, same

from reglib import check_gradient


def saturated(activation, output, loss, dtype, sign, **options):
    """A network whose every z is near ``sign`` * 1e4, and a batch for it."""
    net = make((3, 4, 2), activation=activation, output=output, loss=loss, dtype=dtype, **options)
    for layer, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        W[...], b[...] = 0.01, sign * 1e4
        b[0, 0] = -sign * 1e4 if layer else sign * 1e4  # one output each way
    return net, batch()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@each_pair
def test_nothing_overflows_at_z_of_ten_thousand(activation, output, loss, dtype):
    """With warnings as errors; a smoothed label makes every term of the cross-entropies count."""
    for sign, noise in itertools.product((1, -1), ("none", "all")):
        where = f"{activation}, {output}, {loss}, {np.dtype(dtype)}, z = {sign}e4, noise: {noise}"
        options = dict(NOISES["all"], dropout=0.3) if noise == "all" else {}
        if output == "linear":
            options.pop("label_smoothing", None)
        net, (X, Y) = saturated(activation, output, loss, dtype, sign, l1=0.1, l2=0.1, **options)
        with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
            warnings.simplefilter("error")
            A = net.forward_propagation(X)
            z = max(np.abs(z).max() for z in net.z_values)
            assert z >= 1e4, f"no z of 1e4: {where}"
            values = [A, net.compute_loss(A, Y), net.data_loss(A, Y), *sum(net.gradients(X, Y), [])]
            if output != "linear":
                values.append(net.predict_proba(X))
            net.predict(X)
            net.backward_propagation(X, Y, 1e-9)
            history = net.fit(X, Y, 1, 3, 1e-9, validation_data=(X, Y))
        finite = all(np.isfinite(v).all() for v in [*values, *history.values(), *net.weights])
        assert finite, f"not finite: {where}"


@pytest.mark.parametrize("kind", ["sigmoid", "binary_cross_entropy"])
def test_a_sigmoid_far_out_is_its_limit(kind):
    net = make((1, 1), loss="binary_cross_entropy")
    net.weights[0][...], net.biases[0][...] = 1.0, 0.0
    with np.errstate(all="raise", under="ignore"):
        if kind == "sigmoid":
            assert net.sigmoid(np.array([-1e4, -800.0, 800.0, 1e4])).tolist() == [0, 0, 1, 1]
            assert net.sigmoid_derivative(np.array([-1e4, 1e4])).tolist() == [0, 0]
        else:  # wrong and certain: a large loss, a gradient of 1, and no infinity
            A = net.forward_propagation([[1e4]])
            assert 30 < net.compute_loss(A, [0]) < 1e3
            assert net.gradients([[1e4]], [0])[1][0][0, 0] == pytest.approx(1.0)


# What is not finite


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("which", ["X", "y", "validation X", "validation y"])
def test_bad_data_of_a_fit_are_named_before_a_step(which, bad):
    net, (X, Y), (X_val, Y_val) = make(), batch(), batch(seed=2)
    before = copy.deepcopy(net)
    target = {"X": X, "y": Y, "validation X": X_val, "validation y": Y_val}[which]
    target[4, 1] = bad
    raises(
        lambda: net.fit(X, Y, 1, 2, 0.1, validation_data=(X_val, Y_val)),
        f"{which[-1]} must be finite", f"got {bad}", "row 4", "column 1",
    )  # fmt: skip
    same(net, before, "a step was taken")


@pytest.mark.parametrize("bad", [np.nan, np.inf], ids=str)
def test_bad_output_of_a_transform_is_named(bad):
    def spoils(X, Y, rng):
        X = X.copy()
        X[1, 2] = bad
        return X, Y

    net, (X, Y) = make(augment=spoils), batch()
    raises(lambda: net.fit(X, Y, 1, 3, 0.1), "X must be finite", bad, "row 1", "column 2")


@pytest.mark.parametrize("bad", [np.nan, np.inf], ids=str)
@pytest.mark.parametrize("kind", ["weights", "biases"])
def test_bad_weights_stop_a_fit_and_a_training_with_advice(kind, bad):
    for call in (
        lambda net, X, Y: net.fit(X, Y, 5, 3, 0.25),
        lambda net, X, Y: net.train(X, Y, 5, 0.25, verbose=False),
    ):
        net, (X, Y) = make(output="linear"), batch()
        getattr(net, kind)[1][0, 0] = bad
        with pytest.raises(FloatingPointError) as error:
            call(net, X, Y)
        for part in ("loss became", "epoch 0", "learning_rate", "0.25", "max_norm"):
            assert part in str(error.value), f"the message lacks {part!r}: {error.value}"


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_fit_that_diverges_says_what_to_try_and_warns_of_nothing(optimizer):
    net, (X, Y) = make(output="linear", optimizer=optimizer), batch()
    rate = 1e200 if optimizer == "adam" else 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FloatingPointError, match=r"the loss became (inf|nan) in epoch \d+"):
            net.fit(X, Y, 2000, 2, rate)
    twin = make(output="linear")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FloatingPointError, match="below 3.0"):
            twin.train(X, Y, 2000, 3.0, verbose=False)


def test_a_gradient_check_of_weights_that_are_not_finite_does_not_pass():
    net, data = make(), batch()
    net.weights[0][0, 0] = np.nan
    with np.errstate(invalid="ignore"):
        assert not check_gradient(net, *data) < 1e-6
