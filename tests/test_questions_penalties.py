"""Norm penalties in the bank: numbers, curves and faults, each recomputed in another way."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize, minimize_scalar
from sklearn.linear_model import Lasso, Ridge

import reglib.assess.questions
from reglib import L1, L2, ElasticNet, MaxNorm

FILE = Path(reglib.assess.questions.__file__).with_name("penalties.toml")
QUESTIONS = tomllib.loads(FILE.read_text(encoding="utf-8"))


def straight_line(n=150, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X @ np.array([2.0, -1.0, 0.5, 3.0])[:d] + rng.normal(size=n)


def alpha_of_ridge():
    """The pull of scikit-learn's data loss on our weights, in units of the weights."""
    X, y = straight_line()
    loss = L2(0.02)
    w = minimize(lambda w: np.mean((X @ w - y) ** 2) + loss(w), np.zeros(4), tol=1e-10).x
    alpha = w @ X.T @ (y - X @ w) / (w @ w)
    assert np.allclose(Ridge(alpha, fit_intercept=False).fit(X, y).coef_, w, atol=1e-5)
    return alpha


def l1_ratio():
    """Read alpha * rho and alpha * (1 - rho) off the stationarity of their loss at our weights."""
    X, y = straight_line()
    penalty, w, step = ElasticNet(0.6, 0.1), np.zeros(4), len(y) / (2 * 400)
    for _ in range(3000):
        w = penalty.prox(w - step * 2 / len(y) * X.T @ (X @ w - y), step)
    pull = X.T @ (y - X @ w) / len(y)
    used = w != 0
    terms = np.column_stack([np.sign(w), w])[used]
    on_l1, on_l2 = np.linalg.lstsq(terms, pull[used], rcond=None)[0]
    return on_l1 / (on_l1 + on_l2)


def elastic_step():
    moved, step = -0.8 - 0.2 * 0.5, 0.2

    def cost(v):
        return abs(v) + 2 * v**2 + (v - moved) ** 2 / (2 * step)

    return minimize_scalar(cost, bounds=(-1, 1), method="bounded", options={"xatol": 1e-9}).x


def freedom():
    """The sum of the slopes of each prediction with respect to its own target."""
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.normal(size=(10, 3)))[0]
    V = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    X, n = U * [6, 3, 1] @ V.T, 10
    fit = Ridge(n * 0.9, fit_intercept=False)
    return sum(fit.fit(X, unit).predict(X)[i] for i, unit in enumerate(np.eye(n)))


def condition():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    hessian = turn * [0.02, 1.0, 19.82] @ turn.T
    penalty = [L2(0.09).grad(unit) - L2(0.09).grad(0 * unit) for unit in np.eye(3)]
    return np.linalg.cond(hessian + np.array(penalty))


def strength_of_the_prior():
    """Find the most probable weight, then the strength at which our loss has its minimum there."""
    rng = np.random.default_rng(0)
    x, n = rng.normal(size=100), 100
    y = 0.4 * x + 3 * rng.normal(size=n)

    def unlikely(w):
        return -stats.norm.logpdf(y, w * x, 3).sum() - stats.norm.logpdf(w, 0, 0.5)

    w = minimize_scalar(unlikely, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).x
    return np.mean(x * (y - w * x)) / w


def letter_of_the_l1_step():
    """The panel whose solid line is the best v on a fine grid, for every weight."""
    data = QUESTIONS["picture-of-the-l1-step"]
    x = eval(data["x"], {"np": np})
    v = np.linspace(-3, 3, 6001)
    best = v[(np.abs(v) + (v - x[:, None]) ** 2 / 2).argmin(axis=1)]
    return fitting(data, x, lambda line: np.allclose(line, best, atol=2e-3))


def letter_of_the_prior():
    """The panel whose negative log density is a straight line in |w|: L1 and a constant."""
    data = QUESTIONS["prior-behind-l1"]
    x = eval(data["x"], {"np": np})

    def is_l1(density):
        if density.min() <= 0:
            return False
        line = np.polynomial.Polynomial.fit(np.abs(x), -np.log(density), 1)
        return np.allclose(line(np.abs(x)), -np.log(density)) and line(1.0) > line(0.0)

    return fitting(data, x, is_l1)


def fitting(data, x, fits):
    found = [
        letter
        for letter, lines in data["curves"].items()
        if fits(np.asarray(eval(lines[0], {"np": np, "x": x}), float))
    ]
    return "".join(found)


def bias_that_pays():
    """Ridge on a column of ones: there the bias is a weight like any other."""
    ones, y = np.ones((30, 1)), np.full(30, 10.0)
    return Ridge(30 * 0.25, fit_intercept=False).fit(ones, y).predict(ones)[0]


COMPUTED = {
    "alpha-of-ridge": alpha_of_ridge,
    "a-bias-that-pays": bias_that_pays,
    "l1-ratio-from-strengths": l1_ratio,
    "one-elastic-step": elastic_step,
    "freedom-of-ridge": freedom,
    "condition-with-l2": condition,
    "strength-from-a-prior": strength_of_the_prior,
    "max-norm-by-hand": lambda: MaxNorm(2.0)([[3.0, 1.0], [4.0, 0.5]])[0, 0],
    "picture-of-the-l1-step": letter_of_the_l1_step,
    "prior-behind-l1": letter_of_the_prior,
}


def slope(f, w, eps=1e-6):
    """Central differences of f at w."""
    return np.array([(f(w + eps * e) - f(w - eps * e)) / (2 * eps) for e in np.eye(len(w))])


def penalty_reaches_the_weights(faulty, fixed):
    gaps = []
    for names in (faulty, fixed):
        X, y, w = names["X"], names["y"], np.array([1.0, -1.0, 0.5, 2.0])
        dw, db = names["gradients"](w, 0.3, X, y, 1.0)
        numeric = slope(lambda w: names["loss"](w, 0.3, X, y, 1.0), w)  # noqa: B023
        gaps.append(np.abs(numeric - dw).max())
        assert abs(db - 2 * np.mean(X @ w + 0.3 - y)) < 1e-9, "the bias has another gradient"
    assert gaps[0] > 1 and gaps[1] < 1e-6, f"gradient check: {gaps}"
    plain, held = (faulty["train"](X, y, l2)[0] for l2 in (0.0, 1.0))
    assert np.array_equal(plain, held), "the symptom: the weights are not the same"
    plain, held = (fixed["train"](X, y, l2)[0] for l2 in (0.0, 1.0))
    assert np.linalg.norm(held) < 0.8 * np.linalg.norm(plain), "the repaired penalty does nothing"


def wall_holds_the_columns(faulty, fixed):
    longest = [np.linalg.norm(names["W1"], axis=0).max() for names in (faulty, fixed)]
    assert longest[0].round(1) == 2.0, f"the question says 2.0, and it is {longest[0]:.2f}"
    assert longest[1] <= 1 + 1e-9, f"the repaired wall lets {longest[1]:.2f} pass"
    assert np.linalg.norm(faulty["W1"], axis=1).max() <= 1 + 1e-9, "not the rows either"


def lasso_meets_its_conditions(faulty, fixed):
    X, y = fixed["X"], fixed["y"]
    counts = [np.sum(names["w"] != 0) for names in (faulty, fixed)]
    theirs = Lasso(alpha=0.1, fit_intercept=False, tol=1e-10).fit(X, y).coef_
    assert counts == [3, np.sum(theirs != 0)] == [3, 4], counts
    assert np.allclose(fixed["w"], theirs, atol=1e-6), "the repaired lasso is not scikit-learn's"
    halved = QUESTIONS["threshold-of-the-lasso"]["code"].replace("(2 * np", "(4 * np")
    names = {"np": np}
    exec(halved.replace("steps=500", "steps=1000"), names)
    assert not names["w"].any(), "the question says that half the step size keeps none"
    pulls = [2 / len(y) * X.T @ (y - X @ names["w"]) for names in (faulty, fixed)]
    assert np.abs(pulls[0]).max() > 0.4 and np.abs(pulls[1]).max() < 0.2 + 1e-6, pulls


def ridge_is_honest(faulty, fixed):
    for names, right in ((faulty, False), (fixed, True)):
        Z, y = names["Z"][names["train"]], names["y"][names["train"]]
        w, b = names["fit"](Z, y, 1.0)
        at_rest = slope(lambda w: np.mean((Z @ w + b - y) ** 2) + np.sum(w**2), w)  # noqa: B023
        assert (np.abs(at_rest).max() < 1e-4) == right, f"slope of the docstring's loss: {at_rest}"
        assert (abs(np.mean(Z @ w + b - y)) < 1e-6) == right, "the bias is free, or is not"
        parts = {part: [names["mse"](names[part], *fit) for fit in names["fits"]]
                 for part in ("validation", "test")}  # fmt: skip
        chosen_on = "validation" if right else "test"
        assert np.allclose(names["scores"], parts[chosen_on]), f"scores are not of {chosen_on}"
        assert names["best"] == np.argmin(parts[chosen_on])


PROOFS = {
    "penalty-without-effect": penalty_reaches_the_weights,
    "a-wall-in-the-wrong-place": wall_holds_the_columns,
    "threshold-of-the-lasso": lasso_meets_its_conditions,
    "ridge-script": ridge_is_honest,
}

SQUARES = np.array([36.0, 9.0, 1.0])
# What each trap's sentence says was done, in the order of the file.
TRAPS = {
    "a-bias-that-pays": [10, 10 / (1 + 2 * 0.25), 10 * (1 - 0.25), 10 / (1 + 0.25 / 2)],
    "alpha-of-ridge": [0.02, 2 * 150 * 0.02, 150 * 0.02 / 2, 0.02 / 150],
    "l1-ratio-from-strengths": [0.6 / 0.7, 0.6, 1 - 0.75, 0.6 / (0.6 + 0.1 / 2)],
    "one-elastic-step": [
        L1(1.0).prox(-0.9 / 1.8, 0.2), -0.7 / 1.4, 0.7 / 1.8,
        -0.8 - 0.2 * (0.5 + ElasticNet(1.0, 2.0).grad(-0.8)), L1(1.0).prox(-0.9, 1.0),
        ElasticNet(1.0, 2.0).prox(-0.8 + 0.2 * 0.5, 0.2),
    ],
    "freedom-of-ridge": [
        np.sum(SQUARES / (SQUARES + 0.9)), np.sum(SQUARES**0.5 / (SQUARES**0.5 + 9)),
        np.sum(SQUARES / (SQUARES + 18)), 3, np.sum((SQUARES / (SQUARES + 9)) ** 2),
    ],
    "condition-with-l2": [
        (19.82 + 0.09) / (0.02 + 0.09), 19.82 / 0.02, 19.82 / (0.02 + 0.18),
        (19.82 + 0.36) / (0.02 + 0.36),
    ],
    "strength-from-a-prior": [9 / 0.25, 9 / 25 / 2, 3 / (100 * 0.5), 2 * 9 / 25],
    "max-norm-by-hand": [
        MaxNorm(2.0, axis=1)([[3.0, 1.0], [4.0, 0.5]])[0, 0], min(3.0, 2.0),
        MaxNorm(2.0, axis=(0, 1))([[3.0, 1.0], [4.0, 0.5]])[0, 0], 3 / 5, 3 * 2 / (3 + 4),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_the_number_that_its_mistake_gives(name):
    data = QUESTIONS[name]
    for trap, value in zip(data["traps"], TRAPS[name], strict=True):
        gap = abs(trap["value"] - float(value))
        assert gap <= data["tolerance"] / 2 + 1e-12 or gap < 0.003 * abs(value), (trap, value)
