"""The numbers that explorers show, against scikit-learn, SciPy and plain descent."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.linear_model import Ridge
from sklearn.preprocessing import PolynomialFeatures

from reglib import data, explore
from reglib.explore import geometry, linear
from reglib.penalties import L1, L2, ElasticNet

PENALTIES = {"L1": L1, "L2": L2, "elastic net": lambda v: ElasticNet(v, v)}


def numbers(explorer):
    """Return the numbers in an explorer's text, in order."""
    text = re.sub(r"<[^>]*>", "", explorer.text.value)
    text = re.sub(r"\b(L[12]|l[12]|s\d+|w[₁₂])\b", "", text)
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", text)]


def slsqp(shape, best, radius):
    """Return the constrained minimum in split variables w = p - q, in which L1 is smooth."""
    total = {
        "L1": lambda v: radius - v.sum(),
        "L2": lambda v: radius**2 - np.square(v[:2] - v[2:]).sum(),
        "elastic net": lambda v: radius + radius**2 - v.sum() - np.square(v[:2] - v[2:]).sum(),
    }[shape.replace("max-norm", "L2")]
    found = optimize.minimize(
        lambda v: geometry.loss(v[:2] - v[2:], best),
        np.full(4, radius / 8),
        method="SLSQP",
        bounds=[(0, None)] * 4,
        constraints={"type": "ineq", "fun": total},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return found.x[:2] - found.x[2:]


@pytest.mark.parametrize("shape", ["L1", "L2", "elastic net", "max-norm"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(best1=st.floats(-2, 2), best2=st.floats(-2, 2), radius=st.floats(0.05, 2.5))
def test_constrained_minimum_is_scipys(shape, best1, best2, radius):
    best = np.array([best1, best2])
    w = geometry.constrained_minimum(shape, best, radius)
    assert geometry.radius_of(shape, w) <= radius + 1e-9, f"{w} is outside the ball"
    other = slsqp(shape, best, radius)
    assert geometry.loss(w, best) <= geometry.loss(other, best) + 1e-7, f"SLSQP's {other} is better"
    np.testing.assert_allclose(w, other, atol=2e-3)


@pytest.mark.parametrize("shape", ["L1", "L2", "elastic net", "max-norm"])
def test_constrained_minimum_of_many_radii_is_each_one(shape):
    radii, best = np.linspace(0.05, 2.5, 9), np.array([0.4, 1.6])
    each = [geometry.constrained_minimum(shape, best, radius) for radius in radii]
    np.testing.assert_allclose(geometry.constrained_minimum(shape, best, radii), each, atol=1e-12)


@pytest.mark.parametrize("shape", ["L1", "L2", "elastic net"])
@pytest.mark.parametrize("seed", range(5))
def test_the_equivalent_penalty_has_its_minimum_at_the_same_point(shape, seed):
    rng = np.random.default_rng(seed)
    explorer = explore.constraint_balls()
    controls = explorer.controls
    controls["shape"].value = shape
    controls["radius"].value = 0.6
    controls["best1"].value, controls["best2"].value = rng.uniform(0.5, 2, 2) * [1, -1]
    best = np.array([controls["best1"].value, controls["best2"].value])
    strength = numbers(explorer)[-1]
    w, penalty = np.zeros(2), PENALTIES[shape](strength)
    for _ in range(2000):
        w = penalty.prox(w - 0.3 * 2 * geometry.CURVATURE @ (w - best), 0.3)
    expected = geometry.constrained_minimum(shape, best, 0.6)
    np.testing.assert_allclose(w, expected, atol=2e-3, err_msg=f"{shape}, strength {strength}")


def test_only_a_ball_with_corners_gives_exact_zeros():
    best, radii = np.array([0.4, 1.6]), np.linspace(0.05, 1.0, 20)
    first = {s: geometry.constrained_minimum(s, best, radii)[:, 0] for s in ("L1", "L2")}
    assert (first["L1"] == 0).all()
    assert (first["L2"] > 0).all()
    assert (geometry.constrained_minimum("elastic net", best, np.array([0.1, 1.0]))[:, 0] == 0)[0]


def test_max_norm_does_nothing_inside_and_limits_the_norm_outside():
    explorer = explore.constraint_balls()
    explorer.controls["shape"].value = "max-norm"
    assert numbers(explorer)[-2:] == [1.0, 1.0]
    assert "The limit acts" in explorer.text.value
    explorer.controls["radius"].value = 2.0
    assert numbers(explorer)[-2:] == [pytest.approx(np.hypot(0.4, 1.6), abs=1e-3), 2.0]
    assert "nothing changes" in explorer.text.value


@pytest.mark.parametrize("strength, weight", [(0.6, 1.5), (2.5, 1.0), (0.05, -3.0), (1.0, -1.2)])
def test_soft_threshold_is_the_minimum_of_penalty_and_distance(strength, weight):
    explorer = explore.soft_threshold()
    explorer.controls["strength"].value = strength
    explorer.controls["weight"].value = weight
    shown = numbers(explorer)[1:4]
    for name, value in zip(PENALTIES, shown, strict=True):
        penalty = PENALTIES[name](strength)
        least = optimize.minimize_scalar(lambda v, p=penalty: p([v]) + (v - weight) ** 2 / 2)
        assert value == pytest.approx(least.x, abs=1e-3), name


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("i", [40, 80, 120])
def test_coefficient_paths_are_those_of_proximal_descent(penalty, i):
    strength = linear._STRENGTHS[i]
    X, y, X_val, y_val, _ = linear.patients()
    t = (y - y.mean()) / y.std()
    step = len(y) / (2 * np.linalg.norm(X, 2) ** 2)
    w = np.zeros(X.shape[1])
    for _ in range(20_000):
        w = PENALTIES[penalty](strength).prox(w - step * 2 / len(y) * X.T @ (X @ w - t), step)
    error = np.sqrt(np.mean((X_val @ w * y.std() + y.mean() - y_val) ** 2))
    W, errors = linear._path(penalty)
    np.testing.assert_allclose(W[:, i], w, atol=1e-5)
    explorer = explore.coefficient_paths()
    explorer.controls["penalty"].value = penalty
    explorer.controls["strength"].value = strength
    shown = numbers(explorer)
    assert shown[1:4] == [np.count_nonzero(w), 10, round(error, 1)]
    assert shown[4] == round(errors.min(), 1)
    assert shown[6] == np.count_nonzero(W[:, errors.argmin()])


@pytest.mark.parametrize("l2", [1e-4, 0.1, 10.0])
def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix(l2):
    (X,) = data.standardize(data.load_diabetes()[0])
    hat = X @ np.linalg.solve(X.T @ X + len(X) * l2 * np.eye(10), X.T)
    explorer = explore.singular_values()
    explorer.controls["l2"].value = l2
    assert numbers(explorer)[-2] == pytest.approx(np.trace(hat), abs=0.006)
    kept = np.linalg.eigvalsh(hat)[-10:]
    assert numbers(explorer)[1:3] == pytest.approx([kept.max(), kept.min()], abs=6e-4)


@pytest.mark.parametrize("l2", [1e-6, 1e-3, 1.0])
def test_polynomial_errors_are_those_of_ridge(l2):
    x, y, predict, errors = linear._polynomials()
    powers = PolynomialFeatures(15, include_bias=False)
    ridge = Ridge(alpha=len(x) * l2, solver="svd").fit(powers.fit_transform(x[:, None]), y)
    at = np.linspace(-1, 1, 50)
    expected = ridge.predict(powers.transform(at[:, None]))
    np.testing.assert_allclose(predict(l2, at), expected, atol=1e-6)
    explorer = explore.polynomial_fit()
    explorer.controls["l2"].value = l2
    train = np.sqrt(np.mean((ridge.predict(powers.transform(x[:, None])) - y) ** 2))
    assert numbers(explorer)[1] == pytest.approx(train, abs=6e-4)
    assert numbers(explorer)[2] == pytest.approx(errors(l2)[1], abs=6e-4)


def test_polynomial_goes_from_too_wild_over_enough_to_too_flat():
    _, _, _, errors = linear._polynomials()
    (train0, val0), (train1, val1), (train2, val2) = (errors(l2) for l2 in (1e-8, 1e-3, 10.0))
    assert train0 < train1 < train2
    assert val1 < val2 < val0


@pytest.mark.parametrize("steps", [10, 50, 400])
def test_early_stopping_is_what_descent_from_zero_reaches(steps):
    (X,) = data.standardize(data.load_diabetes()[0])
    hessian, W = X.T @ X / len(X), np.zeros((10, 10))
    for _ in range(steps):  # each column descends towards one unit vector
        W -= 0.1 * 2 * hessian @ (W - np.eye(10))
    explorer = explore.early_stopping()
    explorer.controls["steps"].value = steps
    shown = numbers(explorer)
    ridge = np.linalg.solve(hessian + 0.1 * np.eye(10), hessian)
    gap = np.abs(np.linalg.eigvalsh(W) - np.linalg.eigvalsh(ridge)).max()
    assert shown[2] == pytest.approx(np.trace(W), abs=0.006)
    assert shown[4] == pytest.approx(np.trace(ridge), abs=0.006)
    assert shown[5] == pytest.approx(gap, abs=6e-4)
