"""Norm penalties against central differences, numerical minimisers and scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize, minimize_scalar
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, Ridge

from reglib import L1, L2, ElasticNet, MaxNorm
from reglib.data import load_diabetes, standardize

PENALTIES = [L1(0.3), L2(0.2), ElasticNet(0.3, 0.2), ElasticNet(0.0, 0.0), L1(), L2()]
IDS = [f"{type(p).__name__}-{p.l1}-{p.l2}" for p in PENALTIES]
each_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=IDS)
BAD_STRENGTHS = [-1e-12, -1, np.nan, np.inf, -np.inf, "0.1", None, [0.1], 1j, np.array([0.1, 0.2])]
NOT_POSITIVE = [0, -1.0, np.nan, np.inf, "1", None]


@pytest.fixture
def w():
    return np.array([[3.0, -0.2, 0.5], [-1.5, 1e-3, 2.0]])


def values(w):
    """The penalties' values of w, element by element in plain Python."""
    numbers = [abs(float(v)) for v in np.ravel(w)]
    return sum(numbers), sum(v * v for v in numbers)


@each_penalty
def test_value_is_the_sum_over_elements(penalty, w):
    total, squares = values(w)
    expected = penalty.l1 * total + penalty.l2 * squares
    for form in (w, w.tolist(), list(w), [w[:, :1], w[:, 1:]], (w,), w.T, w[None]):
        got = penalty(form)
        assert type(got) is float, f"value of a {type(form).__name__} is a {type(got).__name__}"
        assert got == pytest.approx(expected, rel=1e-14), f"wrong value of {form!r}"
    assert penalty([]) == 0.0, "no weights must cost nothing"
    assert penalty(-2.0) == pytest.approx(2 * penalty.l1 + 4 * penalty.l2), "of a plain number"


def test_defaults_and_strengths_kept_as_floats():
    assert (L1().l1, L1().l2) == (0.01, 0.0)
    assert (L2().l1, L2().l2) == (0.0, 0.01)
    assert (ElasticNet().l1, ElasticNet().l2) == (0.01, 0.01)
    assert (MaxNorm().max_value, MaxNorm().axis) == (2.0, 0)
    assert type(L1(np.float64(0.5)).l1) is float, "a NumPy scalar would widen float32 weights"


def test_elastic_net_is_the_sum_of_both(w):
    both, l1, l2 = ElasticNet(0.3, 0.2), L1(0.3), L2(0.2)
    assert both(w) == pytest.approx(l1(w) + l2(w), rel=1e-14), "value is not L1 + L2"
    np.testing.assert_allclose(both.grad(w), l1.grad(w) + l2.grad(w), err_msg="grad")


def test_small_integers_and_large_floats_do_not_overflow():
    assert L2(1.0)(np.array([200], np.uint8)) == 40000.0, "squared in 8 bits"
    np.testing.assert_array_equal(L1(1.0).grad(np.array([-128], np.int8)), [-1.0])
    assert L1(1.0)(np.array([1e200])) == 1e200, "L1 must not square the weights"


@each_penalty
def test_gradient_equals_central_differences(penalty, w):
    numeric, h = np.empty_like(w), 1e-6
    w[1, 1] = 0.1  # no entry within h of the kink
    for index in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[index] = h
        numeric[index] = (penalty(w + step) - penalty(w - step)) / (2 * h)
    np.testing.assert_allclose(penalty.grad(w), numeric, atol=1e-8, err_msg="gradient is wrong")


@each_penalty
def test_gradient_at_zero_is_the_subgradient_zero(penalty):
    got = penalty.grad(np.array([0.0, -0.0]))
    np.testing.assert_array_equal(got, [0.0, 0.0], "the subgradient taken at 0 must be 0")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    w=st.floats(-10, 10),
    step=st.floats(1e-3, 10),
    l1=st.floats(0, 5),
    l2=st.floats(0, 5),
)
def test_prox_equals_numerical_minimisation(w, step, l1, l2):
    def objective(v):
        return l1 * abs(v) + l2 * v * v + (v - w) ** 2 / (2 * step)

    low, high = sorted((0.0, w))
    found = minimize_scalar(
        objective, bounds=(low - 1, high + 1), method="bounded", options={"xatol": 1e-10}
    )
    got = float(ElasticNet(l1, l2).prox(w, step))
    assert got == pytest.approx(found.x, abs=1e-5), f"prox({w}, {step}) misses the minimum"
    assert objective(got) <= found.fun + 1e-12, f"prox({w}, {step}) is not the minimiser"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    w=hnp.arrays(np.float64, (3, 2), elements=st.floats(-5, 5)),
    step=hnp.arrays(
        np.float64, st.sampled_from([(3, 2), (2,), (3, 1), ()]), elements=st.floats(0.01, 5)
    ),
    l1=st.floats(0, 2),
    l2=st.floats(0, 2),
)
def test_prox_with_array_steps_satisfies_the_optimality_condition(w, step, l1, l2):
    """At the minimiser v, (w - v) / step - 2 l2 v lies in l1 times the subdifferential of |v|."""
    v = ElasticNet(l1, l2).prox(w, step)
    assert v.shape == w.shape
    slope = (w - v) / step - 2 * l2 * v
    tolerance = 1e-12 * (1 + np.abs(w) / step)
    wrong = np.where(
        v == 0, np.abs(slope) > l1 + tolerance, np.abs(slope - l1 * np.sign(v)) > tolerance
    )
    assert not wrong.any(), f"not optimal at {np.argwhere(wrong).tolist()}: v = {v}"


def test_prox_sets_exact_zeros_and_shrinks():
    np.testing.assert_array_equal(L1(1.0).prox([0.5, -1.0, 1.0, -0.0], 1.0), np.zeros(4))
    np.testing.assert_allclose(L1(1.0).prox([3.0, -2.5], 1.0), [2.0, -1.5])
    np.testing.assert_allclose(L2(1.0).prox([3.0, -2.5], 1.0), [1.0, -2.5 / 3])
    np.testing.assert_allclose(ElasticNet(1.0, 1.0).prox([3.0, 0.5], 1.0), [2 / 3, 0.0])
    np.testing.assert_array_equal(ElasticNet(0, 0).prox([3.0, -2.5], 1.0), [3.0, -2.5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strength", [0.1, np.float64(0.1)], ids=["float", "numpy.float64"])
@pytest.mark.parametrize(
    "step", [0.1, np.float64(0.1), np.full(3, 0.1)], ids=["float", "numpy.float64", "array"]
)
def test_dtype_is_kept_and_input_not_changed(dtype, strength, step, w):
    w = w.astype(dtype)
    before = w.copy()
    w.flags.writeable = False
    penalty = ElasticNet(strength, strength)
    results = {
        "grad": penalty.grad(w),
        "prox": penalty.prox(w, step),
        "MaxNorm": MaxNorm(strength)(w),
    }
    for name, result in results.items():
        assert result.dtype == dtype, f"{name} turned {np.dtype(dtype)} into {result.dtype}"
        assert not np.shares_memory(result, w), f"{name} returns a view of its input"
    penalty([w, w])
    np.testing.assert_array_equal(w, before, "the input was changed in place")


def test_lists_and_integers_give_floats():
    assert ElasticNet(1, 1).grad([1, -2]).tolist() == [3.0, -5.0]
    assert ElasticNet(0.5, 0).prox([1, -2], 1).tolist() == [0.5, -1.5]
    assert L1(0.25).prox([1, 2], [1, 2]).tolist() == [0.75, 1.5], "a list of steps"
    assert MaxNorm(1)([[3], [4]]).tolist() == [[pytest.approx(0.6)], [pytest.approx(0.8)]]


@pytest.mark.parametrize("value", BAD_STRENGTHS, ids=repr)
@pytest.mark.parametrize("name", ["l1", "l2"])
def test_bad_strengths_raise(name, value):
    with pytest.raises(ValueError) as error:
        ElasticNet(**{name: value})
    for part in (name, repr(value), ">= 0"):
        assert part in str(error.value), f"the message lacks {part!r}: {error.value}"
    with pytest.raises(ValueError, match=name):
        {"l1": L1, "l2": L2}[name](value)


@pytest.mark.parametrize("value", NOT_POSITIVE, ids=repr)
def test_bad_steps_and_radii_raise(value):
    for name, call in (("step", lambda v: L1().prox([1.0], v)), ("max_value", MaxNorm)):
        with pytest.raises(ValueError) as error:
            call(value)
        message = str(error.value)
        assert name in message, f"the message does not name {name}: {message}"
        assert str(value) in message, f"the message lacks the value: {message}"
        assert "> 0" in message or "numbers" in message, f"not said what is allowed: {message}"


def test_one_bad_step_in_an_array_raises():
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="step must be finite and > 0"):
            L1().prox([1.0, 2.0], np.array([0.1, bad]))


def test_weights_that_are_no_numbers_raise():
    for call in (L1(), L1().grad, lambda w: L1().prox(w, 1.0), MaxNorm()):
        with pytest.raises(ValueError, match="must be an array of real numbers"):
            call(np.array(["a", "b"]))


# Max-norm


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (0, 2), 2], ids=repr)
def test_max_norm_is_the_closed_form_along_its_axis(axis):
    W = np.random.default_rng(0).standard_normal((4, 3, 5))
    got = MaxNorm(1.5, axis)(W)
    axes = axis if isinstance(axis, tuple) else (axis,)
    moved = np.moveaxis(W, axes, range(len(axes))).reshape(np.prod([W.shape[a] for a in axes]), -1)
    result = np.moveaxis(got, axes, range(len(axes))).reshape(moved.shape)
    for column in range(moved.shape[1]):
        norm = np.sqrt(sum(v * v for v in moved[:, column]))
        expected = moved[:, column] * (1.5 / norm if norm > 1.5 else 1.0)
        np.testing.assert_allclose(
            result[:, column], expected, rtol=1e-13, err_msg=f"unit {column}"
        )


def test_max_norm_is_the_nearest_point_of_the_ball():
    rng = np.random.default_rng(1)
    W = rng.standard_normal((3, 4)) * [0.2, 1.0, 3.0, 10.0]
    got = MaxNorm(1.0)(W)
    for unit in range(W.shape[1]):
        w = W[:, unit]
        nearest = minimize(
            lambda v, w=w: np.sum((v - w) ** 2),
            np.zeros(3),
            jac=lambda v, w=w: 2 * (v - w),
            method="SLSQP",
            constraints={"type": "ineq", "fun": lambda v: 1 - v @ v, "jac": lambda v: -2 * v},
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(got[:, unit], nearest.x, atol=1e-6, err_msg=f"unit {unit}")


def test_max_norm_inside_is_identity_and_zero_columns_stay():
    W = np.array([[0.3, 0.0, 6.0], [0.4, 0.0, 8.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = MaxNorm(1.0)(W)
    np.testing.assert_array_equal(got[:, :2], W[:, :2], "units inside the ball were changed")
    np.testing.assert_allclose(got[:, 2], [0.6, 0.8])
    np.testing.assert_allclose(MaxNorm(1.0)(got), got, rtol=1e-15, err_msg="not idempotent")


def test_max_norm_refuses_an_axis_that_is_not_there():
    with pytest.raises(ValueError, match="axis 2"):
        MaxNorm(1.0, axis=2)(np.ones((2, 2)))
    for axis in ("0", None, 0.5, (0, "1")):
        with pytest.raises(ValueError, match="axis must be an int or a tuple of ints"):
            MaxNorm(1.0, axis=axis)


# Whole regressions against scikit-learn. Ours: (1/n) ||y - Xw||² + l1 ||w||_1 + l2 ||w||².


@pytest.fixture(scope="module")
def diabetes():
    X, y, _ = load_diabetes()
    return standardize(X)[0], y - y.mean()


def proximal_gradient(X, y, penalty, rounds=4000):
    """Minimise the data loss and the penalty by accelerated proximal steps (FISTA)."""
    n = len(X)
    step = n / (2 * np.linalg.norm(X, 2) ** 2)
    w = ahead = np.zeros(X.shape[1])
    t = 1.0
    for _ in range(rounds):
        new = penalty.prox(ahead - step * 2 * X.T @ (X @ ahead - y) / n, step)
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
        if (ahead - new) @ (new - w) > 0:  # restart when the momentum points uphill
            t_new = 1.0
        ahead = new + (t - 1) / t_new * (new - w)
        w, t = new, t_new
    return w


@pytest.mark.parametrize("l1, l2", [(2.0, 0.1), (20.0, 0.01), (10.0, 1.0), (60.0, 0.5)])
def test_elastic_net_equals_scikit_learn(diabetes, l1, l2):
    X, y = diabetes
    alpha = l1 / 2 + l2  # theirs: half our loss, alpha*ratio |w| and alpha*(1 - ratio)/2 w²
    theirs = SklearnElasticNet(
        alpha=alpha, l1_ratio=l1 / 2 / alpha, fit_intercept=False, tol=1e-14, max_iter=100_000
    ).fit(X, y)
    ours = proximal_gradient(X, y, ElasticNet(l1, l2))
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-6, err_msg="coefficients differ")
    zeros = (theirs.coef_ == 0).tolist()
    assert (ours == 0).tolist() == zeros, f"other coefficients are zero than {zeros}"


def test_lasso_equals_scikit_learn(diabetes):
    X, y = diabetes
    theirs = Lasso(alpha=5.0, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(X, y).coef_
    ours = proximal_gradient(X, y, L1(10.0))
    assert 0 < np.sum(theirs == 0) < len(theirs), "the case must have zeros and others"
    np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg="coefficients differ")


@pytest.mark.parametrize("l2", [0.01, 1.0, 30.0])
def test_ridge_in_closed_form_equals_scikit_learn(diabetes, l2):
    X, y = diabetes
    n, d = X.shape
    closed = np.linalg.solve(X.T @ X + n * l2 * np.eye(d), X.T @ y)
    theirs = Ridge(alpha=n * l2, fit_intercept=False).fit(X, y).coef_
    np.testing.assert_allclose(closed, theirs, rtol=1e-8, err_msg="closed form is not Ridge")
    gradient = 2 * X.T @ (X @ closed - y) / n + L2(l2).grad(closed)
    np.testing.assert_allclose(gradient, 0, atol=1e-9, err_msg="L2.grad does not vanish there")
    np.testing.assert_allclose(
        proximal_gradient(X, y, L2(l2)), theirs, atol=1e-6, err_msg="L2.prox does not lead there"
    )
