"""Norm penalties in the bank: the letters of choices and orders, found by doing what they ask."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.linear_model import Lasso, Ridge

from reglib import L1, L2, ElasticNet, MaxNorm, RegularizedNeuralNetwork
from reglib.assess.questions import bank
from reglib.assess.questions.judge import judge
from reglib.data import noisy_digits, standardize
from reglib.optimizers import SGD, Adam


def weight_at_rest():
    """Minimise on a grid that holds 0, for three curvatures of the data loss."""
    w = np.linspace(-2, 2, 4001)
    w[2000] = 0.0
    found = set()
    for curvature in (0.1, 1.0, 5.0):
        data = -0.3 * w + curvature / 2 * w**2
        ends = [w[(data + penalty).argmin()] for penalty in (0.5 * np.abs(w), 0.5 * w**2)]
        assert min(ends) >= 0
        found.add(tuple(end == 0 for end in ends))
    letters = {(True, True): "a", (False, False): "b", (True, False): "c", (False, True): "d"}
    return [letters[at] for at in found]


def small_coefficients():
    """Six copies of what matters most, 194 lonely inputs of a third of its strength or none."""
    rng = np.random.default_rng(0)
    n = 2000
    quantity = rng.normal(size=(n, 1))
    lonely = rng.normal(size=(n, 194))
    X = standardize(np.hstack([quantity + 0.1 * rng.normal(size=(n, 6)), lonely]))[0]
    y = 3 * quantity[:, 0] + lonely[:, :40] @ np.ones(40) + rng.normal(size=n)
    w = Ridge(n * 0.1).fit(X, y - y.mean()).coef_
    alone = Ridge(n * 0.1).fit(X[:, [0, *range(6, 200)]], y - y.mean()).coef_[0]
    kept = np.argsort(-np.abs(w))[:20]
    assert alone > np.abs(w[6:]).max(), "the quantity is not the strongest input"
    true = {
        "a": np.sum(w[:6] == 0) == 5,
        "b": np.allclose(w[:6], alone / 6, atol=0.1) and not set(kept) & set(range(6)),
        "c": np.allclose(w[:6], alone, atol=0.1),
        "d": w[:6].min() < 0 < w[:6].max(),
    }
    return letters_of(true)


def letters_of(true):
    return [letter for letter, holds in true.items() if holds]


def adam_rare_input():
    """What the penalty takes away, the same draws with and without it."""
    rng = np.random.default_rng(0)
    sizes = np.array([[1.0], [0.01]])
    plain, held = np.full((2, 500), 0.5), np.full((2, 500), 0.5)
    of_plain, of_held = Adam(), Adam()
    for _ in range(200):
        g = sizes * rng.normal(size=plain.shape)
        plain = plain - 1e-3 * of_plain(g)[0]
        held = held - 1e-3 * of_held(g + L2(0.002).grad(held))[0]
    lost = (plain - held).mean(axis=1)
    assert (lost > 0).all(), "the penalty does not shrink"
    assert 50 < lost[1] / lost[0] < 150, f"the explanation says a hundred times: {lost}"
    return "d" if lost[1] > lost[0] else "b"


def root_of_squares():
    """Minimise on a grid, with a round data loss around (2, 1)."""
    line = np.round(np.linspace(-1, 3, 801), 6)
    a, b = np.meshgrid(line, line)
    data, root = ((a - 2) ** 2 + (b - 1) ** 2) / 2, np.sqrt(a**2 + b**2)

    def best(penalty):
        at = np.argmin(data + penalty)
        return a.flat[at], b.flat[at]

    strong, weak, squared = best(2.5 * root), best(1.5 * root), best(2.5 * root**2)
    far = np.array([9.9, 10.1])  # along a ray
    pull_of_root, pull_of_square = np.diff(far), np.diff(far**2)
    true = {
        "a": (weak[0] == 0) != (weak[1] == 0),
        "b": strong == (0, 0) and squared != (0, 0) and 0 not in weak,
        "c": np.allclose(strong, squared),
        "d": pull_of_root > pull_of_square,
    }
    return letters_of(true)


def twin_columns():
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 50))
    X, y = np.column_stack([x, x]), 3 * x + noise
    shares = np.linspace(0, 1, 11)
    total = Lasso(alpha=0.25, fit_intercept=False, tol=1e-12).fit(X, y).coef_.sum()
    losses = []
    for penalty in (L1(0.5), ElasticNet(0.5, 0.2)):
        W = [np.array([share * total, (1 - share) * total]) for share in shares]
        losses.append([np.mean((X @ w - y) ** 2) + penalty(w) for w in W])
    w = np.zeros(3)  # coordinate descent, the copies side by side and another column after them
    Z = np.column_stack([x, x, 0.7 * x + rng.normal(size=50)])
    for j in [0, 1, 2] * 50:
        c = 2 / 50 * Z[:, j] @ Z[:, j]
        w[j] = L1(0.3).prox(w[j] - 2 / 50 * Z[:, j] @ (Z @ w - y) / c, 1 / c)
    assert w[0] > 1 and abs(w[1]) < 1e-9, f"the follow-up says that the first takes all: {w}"
    only_the_sum = [np.ptp(loss) < 1e-12 for loss in losses]
    equal = [not free and np.argmin(loss) == 5 for free, loss in zip(only_the_sum, losses)]  # noqa: B905
    true = {
        "a": losses[0][5] > losses[0][0],
        "b": equal[0] and only_the_sum[1],
        "c": equal[0] and equal[1],
        "d": only_the_sum[0] and equal[1],
    }
    return letters_of(true)


def stretch_of_a_layer():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(20, 30))
    W /= np.linalg.svd(W, compute_uv=False)[0]
    x = rng.normal(size=20)
    for _ in range(5000):  # power iteration: the direction that is stretched most
        x = W @ (W.T @ x)
        x /= np.linalg.norm(x)
    random = rng.normal(size=(1000, 20))
    factors = np.linalg.norm(random @ W, axis=1) / np.linalg.norm(random, axis=1)
    assert factors.max() <= 1 + 1e-12
    alike = np.linalg.norm(np.ones((1, 30)) / 1.0, 2)  # 30 units with the same weights, length 1
    assert round(alike, 1) == 5.5, "the follow-up says 5.5"
    true = {
        "a": np.isclose(np.linalg.norm(W, axis=0).max(), 1),
        "b": np.isclose(np.linalg.norm(x @ W), 1),
        "c": np.isclose(np.linalg.norm(W), 1),
        "d": np.allclose(factors, 1),
    }
    return letters_of(true)


def wall_out_of_reach():
    train = noisy_digits(rng=np.random.default_rng(0))[0]
    plain, walled, priced = (
        RegularizedNeuralNetwork(
            [64, 16, 10], activation="relu", output="softmax", loss="cross_entropy", init="he",
            rng=np.random.default_rng(0), **option,
        )
        for option in ({}, {"max_norm": 9.0}, {"l2": 0.01})
    )  # fmt: skip
    lengths = []
    for _ in range(5):
        for net in (plain, walled, priced):
            net.fit(*train, epochs=1, batch_size=32, learning_rate=0.05)
        lengths.append(max(np.linalg.norm(W, axis=0).max() for W in plain.weights))
    assert max(lengths) < 9, "a unit touches the wall"
    changed = [
        not all(np.array_equal(a, b) for a, b in zip(plain.weights, net.weights, strict=True))
        for net in (walled, priced)
    ]
    return {(False, True): "a", (True, True): "b", (False, False): "d"}[tuple(changed)]


def steps_as_strength():
    """Read off the strength of ridge that keeps the same share of a weak direction."""
    n, s, rate, strengths = 50, 0.3, 0.05, []
    for steps in (100, 400):
        w = 0.0
        for _ in range(steps):
            w = w - rate * 2 / n * s**2 * (w - 1)  # least squares ends at 1
        strengths.append(s**2 / n * (1 - w) / w)  # w = s² / (s² + n l2)
    options = {"a": 1 / 4, "b": 1 / 2, "c": 1 / 16, "d": 4}
    ratio = strengths[1] / strengths[0]
    assert abs(ratio - 1 / 4) < 0.02, ratio
    return min(options, key=lambda letter: abs(options[letter] - ratio))


def zeros_that_return():
    """The second weight should be 0 at first, and 2 later."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    early, late = X @ [1.5, 0.02], X @ [1.5, 2.0]
    step, n, start = 0.05, 60, rng.normal(size=2)
    good = []
    for letter in "abcde":
        w, dead, reached = start.copy(), np.zeros(2, bool), False
        for k in range(4000):
            y = early if k < 2000 else late
            g = 2 / n * X.T @ (X @ w - y)
            if letter in "ab":
                moved = w - step * (g + L1(0.2).grad(w))
                dead |= (letter == "b") & (moved * w < 0)
                w = np.where(dead, 0.0, moved)
            elif letter == "c":
                w = L1(0.2).prox(w - step * g, step)
            elif letter == "d":
                w = w - step * (g + L2(0.2).grad(w))
            else:
                for j in range(2):
                    c = 2 / n * X[:, j] @ X[:, j]
                    w[j] = L1(0.2).prox(w[j] - (2 / n * X[:, j] @ (X @ w - y)) / c, 1 / c)
            reached = reached or (k == 1999 and w[1] == 0)
        if letter == "b":
            assert reached and w[1] == 0, "the lock did not hold"
        good += [letter] if reached and w[1] > 1 else []
    return good


def kilograms_to_grams():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)) + 1, rng.normal(size=40)
    y = y + X @ [1.0, 2.0, -1.0]

    def descent(X, y):
        w, b = np.zeros(3), 0.0
        A = np.column_stack([X, np.ones(len(y))])
        rate = len(y) / (2 * np.linalg.norm(A, 2) ** 2)
        for _ in range(50):
            error = X @ w + b - y
            w, b = w - rate * 2 / 40 * X.T @ error, b - rate * 2 * error.mean()
        return X @ w + b

    fits = {
        "a": lambda X, y: (
            np.column_stack([X, np.ones(40)])
            @ np.linalg.lstsq(np.column_stack([X, np.ones(40)]), y, rcond=None)[0]
        ),
        "b": lambda X, y: Ridge(10).fit(X, y).predict(X),
        "c": lambda X, y: Ridge(10).fit(standardize(X)[0], y).predict(standardize(X)[0]),
        "d": descent,
        "e": lambda X, y: Lasso(0.3, tol=1e-10).fit(X, y).predict(X),
    }
    grams = X * [1, 1000, 1]
    gaps = {letter: np.abs(fit(X, y) - fit(grams, y)).max() for letter, fit in fits.items()}
    assert all(gap < 1e-6 or gap > 0.05 for gap in gaps.values()), gaps
    return letters_of({letter: gap > 0.05 for letter, gap in gaps.items()})


def decay_beside_l2():
    rng = np.random.default_rng(0)
    X, y, l2 = rng.normal(size=(60, 4)), rng.normal(size=60), 0.1
    ways = {  # optimizer, rows of a batch, factor of the learning rate after each 20 steps
        "a": (SGD, 60, 1),
        "b": (lambda: SGD(0.9), 60, 1),
        "c": (SGD, 10, 1),
        "d": (SGD, 10, 0.5),
        "e": (Adam, 60, 1),
    }
    same = {}
    for letter, (optimizer, size, fade) in ways.items():
        ends = []
        for inside in (True, False):
            draw, opt, w, rate = np.random.default_rng(1), optimizer(), np.ones(4), 0.02
            for k in range(100):
                rows = draw.permutation(60)[:size]
                g = 2 / size * X[rows].T @ (X[rows] @ w - y[rows])
                direction = opt(g + inside * L2(l2).grad(w))[0]
                w = w - rate * (direction + (not inside) * 2 * l2 * w)
                rate *= fade if k % 20 == 19 else 1
            ends.append(w)
        gap = np.abs(ends[0] - ends[1]).max()
        assert gap < 1e-12 or gap > 1e-3, (letter, gap)
        same[letter] = gap < 1e-12
    return letters_of(same)


def left_of_a_weight():
    w, s = np.array([[0.25]]), 0.1
    left = {
        "a": w - s * L2(1.0).grad(w),
        "b": MaxNorm(1.0)(w),
        "c": L1(1.0).prox(w, s),
        "d": (1 - s * 1.0) * w,
        "e": ElasticNet(1.0, 1.0).prox(w, s),
    }
    values = sorted(float(v[0, 0]) for v in left.values())
    assert np.allclose(values, [0.125, 0.15, 0.2, 0.225, 0.25]), "the explanation's numbers"
    return sorted(left, key=lambda letter: float(left[letter][0, 0]))


def step_of_sam():
    """The one order of the six moves, out of 720, that makes SAM's step."""
    curvature, start, rho, rate = np.diag([5.0, 1.0]), np.array([1.0, -2.0]), 0.3, 0.05

    def gradient(w):
        return curvature @ w + np.sin(w)

    g = gradient(start)
    wanted = start - rate * gradient(start + rho * g / np.linalg.norm(g))
    found = []
    for order in permutations("abcdef"):
        w, first, scaled, second = start, None, None, None
        for move in order:
            if move == "e":
                first = gradient(w)
            elif move == "c":
                second = gradient(w)
            elif move == "a":
                w = start
            elif move == "b":
                scaled = None if first is None else rho * first / np.linalg.norm(first)
            else:  # f, d: a move that needs what is not there yet ends this order
                by = scaled if move == "f" else second
                if by is None:
                    break
                w = w + by if move == "f" else w - rate * by
        else:
            if np.allclose(w, wanted, atol=1e-12):
                found.append("".join(order))
    assert len(found) == 1, f"several orders make the step: {found}"
    return found[0]


COMPUTED = {
    "weight-at-rest": weight_at_rest,
    "ridge-small-coefficients": small_coefficients,
    "adam-rare-input": adam_rare_input,
    "root-of-squares": root_of_squares,
    "twin-columns": twin_columns,
    "stretch-of-a-layer": stretch_of_a_layer,
    "wall-out-of-reach": wall_out_of_reach,
    "steps-as-strength": steps_as_strength,
    "zeros-that-can-return": zeros_that_return,
    "kilograms-to-grams": kilograms_to_grams,
    "decay-beside-l2": decay_beside_l2,
    "what-is-left-of-a-weight": left_of_a_weight,
    "one-step-of-sam": step_of_sam,
}
PROOFS = {}


IN_OTHER_WORDS = {
    "why-zeros": """The constraint region is a square on its tip for L1 and a disc for L2. The
        ellipse first meets the square at a tip, where a coordinate is zero; the disc has none. The
        slope of |w| is plus or minus one no matter how small w is; the slope of w squared dies out
        near the origin. For an orthonormal design the lasso does soft-thresholding. Plain SGD on
        the L1 loss never gives exact zeros: use ISTA. With collinear predictors which one survives
        is arbitrary.""",
    "a-list-for-the-doctor": """With p > n least squares interpolates. I plot validation error
        against log lambda. The lasso sets coefficients to zero. Of correlated labs it selects one
        at random, so I add a ridge part. I standardise in a pipeline within CV. Grid on a log scale
        with the 1-SE rule, an outer loop for the error. Finally I bootstrap everything and report
        the selection frequencies of the labs, and I say that none of this shows a cause.""",
}


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_a_good_answer_in_other_words_is_heard(name):
    ticks = "abcdefgh"[: len(bank()[name].data["rubric"])]
    verdict = judge(bank()[name], IN_OTHER_WORDS[name], ticks)
    assert verdict.score == 1, verdict.sentences
