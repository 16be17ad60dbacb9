"""Noise layers against their closed forms, and smoothed labels against the formula.

What is random is compared with its expectation to within six standard errors, computed from the
distribution and the number of draws.
"""

import copy

import numpy as np
import pytest
from scipy import stats
from small_network import mask_moments, near, raises
from test_gradients import equal_differences

from reglib import DropConnect, Dropout, GaussianNoise, smooth_labels
from reglib.losses import data_loss

ROWS = 40_000
BAD_P = [1, 1.0, True, -1e-9, -0.5, 1.5, np.nan, np.inf, "0.5", None, [0.5], 0.5j]
BAD_STDDEV = [-1e-9, -1, np.nan, np.inf, -np.inf, "0.1", None, [0.1], 0.1j]
BAD_ALPHA = [-1e-9, -1, 1 + 1e-9, 2, np.nan, np.inf, "0.1", None, [0.1]]
W = np.random.default_rng(10).standard_normal((4, 3))
b = np.array([[0.5, -1.0, 2.0]])
X = np.random.default_rng(11).standard_normal((6, 4))

each_p = pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_layer = pytest.mark.parametrize("make", [Dropout, GaussianNoise, DropConnect])


def seeded(seed=0):
    return np.random.default_rng(seed)


def run(layer, x=X, weights=W, bias=b, training=True):
    """The forward pass of any of the three; only DropConnect takes weights."""
    arrays = (x, weights, bias) if isinstance(layer, DropConnect) else (x,)
    return layer.forward(*arrays, training=training)


# Expectation and variance


@each_p
@each_dtype
def test_dropout_keeps_the_mean_and_adds_the_variance_of_its_formula(p, dtype):
    x = np.array([2.0, -1.0, 0.5, 0.0], dtype)
    out = Dropout(p, seeded()).forward(np.tile(x, (ROWS, 1)), training=True)
    assert out.dtype == dtype
    second, fourth = mask_moments(p)
    out, x = out.astype(float), x.astype(float)
    near(out.mean(axis=0), x, np.abs(x) * (second / ROWS) ** 0.5, "mean, expected x")
    spread = x**2 * ((fourth - second**2) / ROWS) ** 0.5 + 1e-6
    near(np.square(out - x).mean(axis=0), second * x**2, spread, "variance p/(1-p) x^2")
    kept = out[:, 0] != 0
    near(kept.mean(), 1 - p, (p * (1 - p) / ROWS) ** 0.5, f"share kept with p={p} to drop")
    np.testing.assert_allclose(out[kept, 0], 2 / (1 - p), rtol=1e-6, err_msg="survivors' scale")


@each_p
def test_dropout_draws_each_entry_by_itself(p):
    m = Dropout(p, seeded()).forward(np.ones((200, 5, 40)), training=True)
    second, _ = mask_moments(p)
    for axes, what in (((1, 2), "rows"), ((0, 1), "last axis"), ((0, 2), "middle axis")):
        count = np.prod([m.shape[axis] for axis in axes])
        near(m.mean(axis=axes), 1.0, (second / count) ** 0.5, f"mean mask over the {what}")
    for axis in range(3):
        product = (m - 1) * (np.roll(m, 1, axis) - 1)
        near(product.mean(), 0.0, second / m.size**0.5, f"covariance of neighbours, axis {axis}")


@pytest.mark.parametrize("stddev", [0.1, 1.0, 7.5])
@each_dtype
def test_gaussian_noise_is_normal_with_its_standard_deviation(stddev, dtype):
    x = np.tile(np.array([1.0, -2.0, 0.0, 0.25], dtype), (ROWS, 1))
    out = GaussianNoise(stddev, seeded()).forward(x, training=True)
    assert out.dtype == dtype
    e = (out.astype(float) - x).ravel() / stddev
    near(e.mean(), 0.0, e.size**-0.5, "mean of the noise / stddev")
    near(np.square(e).mean(), 1.0, (2 / e.size) ** 0.5, "variance of the noise / stddev^2")
    near(stats.skew(e), 0.0, (6 / e.size) ** 0.5, "skewness")
    near(stats.kurtosis(e), 0.0, (24 / e.size) ** 0.5, "excess kurtosis")
    assert stats.kstest(e, "norm").pvalue > 2e-9, "the noise is not normal"  # 6 sigma, two sides
    e = e.reshape(x.shape)
    for axis in range(2):
        near((e * np.roll(e, 1, axis)).mean(), 0.0, e.size**-0.5, f"neighbours on axis {axis}")


@each_p
@each_dtype
def test_dropconnect_has_mean_xw_plus_b_and_the_variance_of_its_formula(p, dtype):
    x, layer, calls = X[:2].astype(dtype), DropConnect(p, seeded()), 8000
    weights, bias = W.astype(dtype), b.astype(dtype)
    out = np.array([run(layer, x, weights, bias) for _ in range(calls)])
    assert out.dtype == dtype and out.shape == (calls, 2, 3)
    second, fourth = mask_moments(p)
    products = x[:, :, None].astype(float) * weights  # x_i w_ij for each row of x
    mean, variance = x @ weights + bias, second * np.square(products).sum(axis=1)
    # Fourth moment of a sum of independent terms: cumulants add.
    m4 = (fourth - 3 * second**2) * (products**4).sum(axis=1) + 3 * variance**2
    out = out.astype(float)
    near(out.mean(axis=0), mean, (variance / calls) ** 0.5 + 1e-6, "mean, expected x @ W + b")
    spread = ((m4 - variance**2) / calls) ** 0.5 + 1e-5
    got = np.square(out - mean).mean(axis=0)
    near(got, variance, spread, "variance p/(1-p) sum x_i^2 w_ij^2")


@each_p
def test_dropconnect_draws_each_weight_by_itself_and_scales_survivors(p):
    ones, zero, eye = np.ones((150, 120)), np.zeros((1, 120)), np.eye(150)
    m = DropConnect(p, seeded()).forward(eye, ones, zero, training=True)
    second, _ = mask_moments(p)
    near(m.mean(), 1.0, (second / m.size) ** 0.5, "mean of the weights' mask")
    near(m.mean(axis=1), 1.0, (second / 120) ** 0.5, "mask's mean over a unit's outgoing weights")
    near(m.mean(axis=0), 1.0, (second / 150) ** 0.5, "mask's mean over a unit's incoming weights")
    np.testing.assert_allclose(m[m != 0], 1 / (1 - p), rtol=1e-12, err_msg="survivors' scale")


def test_dropconnect_shares_one_mask_in_the_batch_and_draws_anew_each_call():
    layer, eye, ones = DropConnect(0.5, seeded()), np.eye(20), np.ones((20, 30))
    first = layer.forward(np.vstack([eye, eye]), ones, np.zeros((1, 30)), training=True)
    np.testing.assert_array_equal(first[:20], first[20:], "rows of one batch have other masks")
    second = layer.forward(eye, ones, np.zeros((1, 30)), training=True)
    assert (second != first[:20]).any(), "the next call has the same mask"


def test_dropconnect_never_drops_the_bias():
    layer = DropConnect(0.9, seeded())
    for bias in (b, b[0]):
        out = layer.forward(np.zeros((50, 4)), W, bias, training=True)
        np.testing.assert_array_equal(out, np.tile(b, (50, 1)), "x = 0 must give b")


# Evaluation, zero noise, seeds


@each_layer
@each_dtype
def test_evaluation_is_the_identity_and_draws_nothing(make, dtype):
    rng = seeded()
    state, layer = rng.bit_generator.state, make(0.5, rng=rng)
    x, weights, bias = X.astype(dtype), W.astype(dtype), b.astype(dtype)
    wanted = x @ weights + bias if make is DropConnect else x
    arguments = (x, weights, bias) if make is DropConnect else (x,)
    for out in (run(layer, x, weights, bias, training=False), layer.forward(*arguments)):
        np.testing.assert_array_equal(out, wanted, f"{make.__name__} at evaluation")
        assert out.dtype == dtype
    assert rng.bit_generator.state == state, f"{make.__name__} drew at evaluation"


@each_layer
def test_no_noise_changes_nothing_and_draws_nothing(make):
    dout = seeded(5).standard_normal((6, 3) if make is DropConnect else X.shape)
    for zero in (0, 0.0):
        rng = seeded()
        state, layer = rng.bit_generator.state, make(zero, rng=rng)
        wanted = X @ W + b if make is DropConnect else X
        np.testing.assert_array_equal(run(layer), wanted, f"{make.__name__}({zero}) in training")
        assert rng.bit_generator.state == state, f"{make.__name__}({zero}) drew"
        plain, got = [dout], [layer.backward(dout)]
        if make is DropConnect:
            plain, got = [dout @ W.T, X.T @ dout, dout.sum(axis=0, keepdims=True)], got[0]
        for name, array, expected in zip(("dx", "dW", "db"), got, plain, strict=False):
            message = f"{name} of {make.__name__}({zero})"
            np.testing.assert_allclose(array, expected, rtol=1e-14, err_msg=message)


def test_defaults():
    assert (Dropout().p, DropConnect().p, GaussianNoise().stddev) == (0.5, 0.5, 0.1)


@each_layer
def test_the_rng_alone_decides_the_draw(make):
    x, weights, bias = np.ones((50, 4)), np.ones((4, 9)), np.zeros((1, 9))

    def draw(rng):
        return run(make(0.5, rng=rng), x, weights, bias)

    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    np.testing.assert_array_equal(draw(seeded(3)), draw(seeded(3)), "same seed, another draw")
    assert (draw(seeded(3)) != draw(seeded(4))).any(), "another seed, the same draw"
    fresh = [run(make(0.5), x, weights, bias) for _ in range(4)] + [draw(None)]
    assert any((f != fresh[0]).any() for f in fresh), "rng=None draws the same each time"
    layer = make(0.5, rng=seeded())
    several = [run(layer, x, weights, bias) for _ in range(4)]
    assert any((s != several[0]).any() for s in several), "each call must draw anew"
    assert np.random.get_state()[1].tolist() == before, "the global state moved"  # noqa: NPY002


@each_layer
def test_nothing_is_changed_in_place(make):
    arrays = [X.copy(), W.copy(), b.copy()]
    dout = np.ones((6, 3) if make is DropConnect else (6, 4))
    for array in (*arrays, dout):
        array.flags.writeable = False  # a change in place raises
    layer = make(0.5, rng=seeded())
    out = run(layer, *arrays)
    kept = out.copy()
    layer.backward(dout)
    np.testing.assert_array_equal(out, kept, "backward changed what forward returned")
    run(layer, *arrays)
    np.testing.assert_array_equal(out, kept, "the next forward changed what the last returned")


# Backward


@each_p
@each_dtype
def test_dropouts_backward_mask_is_the_forward_one(p, dtype):
    layer, x = Dropout(p, seeded()), seeded(1).standard_normal((30, 20)).astype(dtype)
    out = layer.forward(x, training=True)
    mask = layer.backward(np.ones_like(x))
    np.testing.assert_allclose(x * mask, out, rtol=1e-6, err_msg="backward(1) is not the mask")
    assert 0 < (mask == 0).mean() < 1 and mask.dtype == dtype
    dout = seeded(2).standard_normal(x.shape).astype(dtype)
    np.testing.assert_allclose(layer.backward(dout), dout * mask, rtol=1e-6, err_msg="mask * dout")


def test_gaussian_noise_passes_the_gradient_through():
    layer, dout = GaussianNoise(2.0, seeded()), seeded(2).standard_normal(X.shape)
    layer.forward(X, training=True)
    np.testing.assert_array_equal(layer.backward(dout), dout)


def test_the_backward_pass_is_of_the_last_training_forward():
    x, other = seeded(1).standard_normal((30, 20)), seeded(2).standard_normal((7, 20))
    layer = Dropout(0.5, seeded())
    layer.forward(other, training=True)
    out = layer.forward(x, training=True)
    for between in ("directly after it", "after an evaluation forward"):
        got = layer.backward(np.ones_like(x))
        np.testing.assert_allclose(x * got, out, err_msg=f"another mask {between}")
        np.testing.assert_array_equal(layer.forward(other, training=False), other)


@each_dtype
def test_dropconnects_backward_is_of_the_last_training_forward(dtype):
    x, weights, bias = X.astype(dtype), W.astype(dtype), b.astype(dtype)
    layer, dout = DropConnect(0.5, seeded()), seeded(2).standard_normal((6, 3)).astype(dtype)
    run(layer, 2 * x[:3], -weights, bias)
    masked = run(copy.deepcopy(layer), np.eye(4, dtype=dtype), weights, 0 * bias)  # W * mask
    assert (masked == 0).any() and (masked != 0).any(), "a poor seed: take another"
    out = run(layer, x, weights, bias)
    np.testing.assert_allclose(out, x @ masked + bias, rtol=1e-5, atol=1e-6, err_msg="forward")
    wanted = dout @ masked.T, (x.T @ dout) * masked / weights, dout.sum(axis=0, keepdims=True)
    for between in ("directly after it", "after an evaluation forward"):
        got = layer.backward(dout)
        for name, array, expected in zip(("dx", "dW", "db"), got, wanted, strict=True):
            message = f"{name} {between}"
            np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-6, err_msg=message)
            assert (array.shape, array.dtype) == (expected.shape, dtype), message
        run(layer, x[:2], 3 * weights, bias, training=False)


@pytest.mark.parametrize("bias", [b, b[0]], ids=["(1, k)", "(k,)"])
@each_p
def test_dropconnects_gradients_equal_central_differences_with_the_mask_held(p, bias):
    fresh, R = DropConnect(p, seeded(4)), seeded(2).standard_normal((6, 3))
    arrays = {"dx": X.copy(), "dW": W.copy(), "db": bias.copy()}

    def loss():  # the copy draws the mask that `fresh` would draw
        return float((R * run(copy.deepcopy(fresh), *arrays.values())).sum())

    layer = copy.deepcopy(fresh)
    run(layer, *arrays.values())
    gradients = layer.backward(R)
    for (name, array), gradient in zip(arrays.items(), gradients, strict=True):
        equal_differences(loss, array, gradient, name)


@each_layer
def test_backward_before_a_training_forward_says_what_to_do(make):
    layer, dout = make(0.5, rng=seeded()), np.ones((6, 3) if make is DropConnect else (6, 4))
    for before in ("any forward", "a training forward"):
        with pytest.raises(RuntimeError) as error:
            layer.backward(dout)
        assert "forward" in str(error.value) and "training" in str(error.value), (
            f"backward before {before} says {error.value}"
        )
        run(layer, training=False)


# Bad input


@pytest.mark.parametrize("make", [Dropout, DropConnect])
@pytest.mark.parametrize("bad", BAD_P, ids=repr)
def test_p_outside_its_range_raises(make, bad):
    raises(lambda: make(bad), "p ", repr(bad), "[0, 1)")


@pytest.mark.parametrize("bad", BAD_STDDEV, ids=repr)
def test_a_negative_stddev_raises(bad):
    raises(lambda: GaussianNoise(bad), "stddev", repr(bad), ">= 0")


@each_layer
@pytest.mark.parametrize("training", [True, False])
def test_inputs_that_are_no_floats_raise(make, training):
    layer = make(0.5, rng=seeded())
    for kind in (np.uint8, np.int64, str, complex):
        x = np.ones((6, 4)).astype(kind)
        raises(lambda x=x: run(layer, x, training=training), "x", "float", x.dtype)


def test_dropconnect_refuses_shapes_that_do_not_fit():
    layer = DropConnect(0.5, seeded())
    wrong = {
        "x": [(X[:, :3], W, b), (X[0], W, b), (X[None], W, b)],
        "W": [(X, W[0], b), (X, W[None], b)],
        "b": [(X, W, b[:, :2]), (X, W, b.T), (X, W, np.ones((6, 3))), (X, W, 0.0)],
    }
    for name, cases in wrong.items():
        for arrays in cases:
            raises(lambda arrays=arrays: run(layer, *arrays), name)


@each_layer
def test_backward_refuses_another_shape(make):
    layer = make(0.5, rng=seeded())
    shape = run(layer).shape
    for bad in (np.ones(shape[1]), np.ones((shape[0] - 1, shape[1])), np.ones((1, shape[1]))):
        raises(lambda bad=bad: layer.backward(bad), "dout", bad.shape, shape)


# Label smoothing


def soft(n=8, k=5, dtype=float):
    rows = seeded(7).dirichlet(np.ones(k), n)
    rows[: n // 2] = np.eye(k)[seeded(8).integers(0, k, n // 2)]
    return rows.astype(dtype)


@pytest.mark.parametrize("k", [2, 3, 10])
@each_dtype
def test_smoothing_is_the_formula_and_keeps_row_sums(k, dtype):
    Y = soft(k=k, dtype=dtype)
    Y.flags.writeable = False  # a change in place raises
    np.testing.assert_array_equal(smooth_labels(Y), smooth_labels(Y, 0.1), "the default alpha")
    whole = np.eye(k, dtype=int)
    np.testing.assert_array_equal(smooth_labels(whole), smooth_labels(1.0 * whole), "of integers")
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    for alpha in (0.05, 0.3, 0.9):
        S = smooth_labels(Y, alpha)
        assert S.dtype == dtype and S.shape == Y.shape
        wanted, message = (1 - alpha) * Y + alpha / k, f"not (1 - {alpha}) Y + {alpha}/k"
        np.testing.assert_allclose(S, wanted, rtol=tolerance, atol=tolerance, err_msg=message)
        np.testing.assert_allclose(S.sum(axis=1), 1, rtol=tolerance, err_msg="row sums")
        np.testing.assert_array_equal(S.argmax(axis=1), Y.argmax(axis=1), "another best class")
    np.testing.assert_array_equal(smooth_labels(Y, 0), Y, "alpha = 0 must change nothing")
    np.testing.assert_allclose(smooth_labels(Y, 1), 1 / k, rtol=tolerance, err_msg="alpha = 1")


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.7, 1.0])
def test_smoothing_is_a_cross_entropy_with_the_uniform_distribution_mixed_in(alpha):
    Y, A = soft(), seeded(9).dirichlet(np.ones(5), 8)
    uniform = np.full_like(Y, 1 / 5)

    def cross_entropy(target):
        return float(-np.mean(np.sum(target * np.log(A), axis=1)))

    mixed = (1 - alpha) * cross_entropy(Y) + alpha * cross_entropy(uniform)
    assert cross_entropy(smooth_labels(Y, alpha)) == pytest.approx(mixed, rel=1e-13)
    got = data_loss("cross_entropy", A, smooth_labels(Y, alpha))
    assert got == pytest.approx(mixed, rel=1e-13), "data_loss of the smoothed labels"


@pytest.mark.parametrize("bad", BAD_ALPHA, ids=repr)
def test_alpha_outside_its_range_raises(bad):
    raises(lambda: smooth_labels(np.eye(3), bad), "alpha", repr(bad), "[0, 1]")


def test_labels_that_cannot_be_smoothed_raise():
    for bad in (np.array([0, 1, 2]), np.ones((4, 1)), np.ones((2, 3, 4)), 1.0):
        raises(lambda bad=bad: smooth_labels(bad), "Y", "(n, k)", np.shape(bad))
    raises(lambda: smooth_labels(np.array([["a", "b"]])), "Y")
