"""The checks of exercise 01 on penalties, projections and steps.

Each reference takes the known mistakes as further arguments; what is said of them is in `says`.
"""

import numpy as np

from reglib.assess.compare import combined, judged

TESTS = {}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def gradient(w, l1, l2, one=np.sign, other=lambda w: 2 * w, finish=np.array):
    """The gradient of the elastic net, from the slopes of its two parts."""
    return finish(l1 * one(w) + l2 * other(w))


def gradient_cases(rng):
    signed = rng.choice([-1.0, 1.0], size=5) * rng.uniform(0.2, 2.0, size=5)
    first, zero = np.array([1.0, -2.0, 0.5]), np.array([0.0, 3.0, -1.0])
    cases = [(first, 0.1, 0.3), (signed, 0.7, 0.2), (rng.normal(size=(3, 4)), 0.4, 0.9)]
    return [*cases, (zero, 0.5, 0.1), (signed, 0.0, 0.0)]


TESTS["1.1"] = judged(gradient, gradient_cases, [
    ("factor_2", {"other": np.array}), ("not_the_sign", {"one": np.abs}),
    ("sign_missing", {"one": np.ones_like}), ("only_l2", {"one": np.zeros_like}),
    ("only_l1", {"other": np.zeros_like}), ("turned", {"finish": np.negative}),
    ("penalty_each", {"one": np.abs, "other": np.square}),
    ("swapped", lambda w, l1, l2: l2 * np.sign(w) + 2 * l1 * w),
    ("penalty_itself", {"one": np.abs, "other": np.square, "finish": np.sum}),
    ("added_up", {"finish": np.sum}), ("at_zero", {"one": lambda w: np.where(w > 0, 1, -1)}),
    ("at_zero", {"one": lambda w: np.where(w >= 0, 1, -1)}),
])  # fmt: skip


def project(W, max_value, axis, power=2, root=2, least=1):
    """Units of a larger norm brought to `max_value`; with `least` 0 the smaller ones as well."""
    norms = np.sum(np.abs(W) ** power, axis=axis, keepdims=True) ** (1 / root)
    return W * (max_value / np.maximum(norms, least * max_value))


def factors_turned(W, max_value, axis):
    """What a square W becomes when the factor of a column meets a row, or the other way round."""
    turned = W.shape[::-1] == W.shape
    return W * project(W, max_value, axis).T / W.T if turned else np.full(W.shape, np.nan)


def norm_cases(rng):
    mixed = rng.normal(size=(4, 5))
    mixed *= np.array([0.4, 5.0, 1.0, 6.0, 0.3]) / np.linalg.norm(mixed, axis=0)
    first, with_zeros = np.array([[3.0, 0.3], [4.0, 0.4]]), mixed * [1, 1, 0, 1, 1]
    cases = [(first, 2.0, 0), (first.T.copy(), 2.0, 1), (mixed, 2.0, 0), (mixed.T.copy(), 2.0, 1)]
    return [*cases, (mixed, 100.0, 0), (with_zeros, 2.0, 0)]


# Libraries add up to 1e-7 to the norm to avoid 0/0; norms here are 0.3 or more.
TESTS["1.3"] = judged(project, norm_cases, [
    ("axis_unused", lambda W, m, axis: project(W, m, 0)),
    ("wrong_axis", lambda W, m, axis: project(W, m, 1 - axis)),
    ("clipped", lambda W, m, axis: np.clip(W, -m, m)),
    ("whole_matrix", lambda W, m, axis: project(W, m, None)),
    ("stretched", {"least": 0}), ("squared_norm", {"root": 1}),
    ("l1_norm", {"power": 1, "root": 1}), ("keepdims", factors_turned),
    ("not_brought", lambda W, m, axis: project(W, 1, axis)),
    ("zeros_nan", lambda W, m, axis: project(W, m, axis) + 0 * project(W, m, axis, least=0)),
], tol=1e-6)  # fmt: skip


def soft(w, threshold):
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0.0)


def hard(w, threshold):
    return np.where(np.abs(w) > threshold, w, 0.0)


def prox(w, l1, l2, step, shrink=soft, factor=2):
    return shrink(w, step * l1) / (1 + factor * step * l2)


def prox_cases(rng):
    w = rng.choice([-1.0, 1.0], size=6) * np.array([0.05, 0.3, 0.9, 1.5, 2.0, 3.0])
    return [
        (np.array([2.0, -0.1, -1.0]), 0.4, 0.5, 0.5), (w * rng.uniform(0.9, 1.1, 6), 0.8, 0.3, 0.7),
        (rng.normal(size=(3, 4)), 0.5, 0.6, 0.25), (w, 0.0, 0.5, 0.2), (w, 0.5, 0.0, 0.2),
        (np.array([0.0, 1.0]), 0.3, 0.3, 2.0),
    ]  # fmt: skip


TESTS["1.4"] = judged(prox, prox_cases, [
    ("factor_2", {"factor": 1}), ("no_l2", {"factor": 0}), ("no_l1", {"shrink": lambda w, t: w}),
    ("order", lambda w, l1, l2, t: soft(prox(w, 0, l2, t), t * l1)),
    ("no_step", lambda w, l1, l2, t: prox(w, l1, l2, 1)),
    ("l1_alone", lambda w, l1, l2, t: prox(w, l1 / t, l2, t)), ("hard", {"shrink": hard}),
    ("sign_lost", {"shrink": lambda w, t: np.maximum(np.abs(w) - t, 0)}),
    ("negative_lost", {"shrink": lambda w, t: np.maximum(w - t, 0)}),
    ("plain_step", lambda w, l1, l2, t: w - t * gradient(w, l1, l2)),
    ("not_stopped", {"shrink": lambda w, t: w - t * np.sign(w)}),
    ("one_side", {"shrink": np.subtract}),
    ("gradient_on_l2", lambda w, l1, l2, t: soft(w, t * l1) * (1 - 2 * t * l2)),
])  # fmt: skip


def step(W, b, dW, db, learning_rate, l2, max_value, factor=2, bias=0, axis=0, end="after"):
    """One step with a penalty and max-norm: the right one, or one with some of the faults.

    `factor` and `bias` say how strongly the penalty pulls at W and b, and `end` where max-norm is.
    """
    held = project(W, max_value, axis) if end in ("before", "early") else W
    W = held - learning_rate * (dW + factor * l2 * (W if end == "early" else held))
    b = b - learning_rate * (db + bias * l2 * b)
    last = end in ("after", "stretched")
    return (project(W, max_value, axis, least=end == "after") if last else W), b


def step_cases(rng):
    cases = []
    # At first every unit stays outside the ball, so that the projection shows.
    for n_in, n_out, rate, l2, max_value in ((3, 2, 0.1, 0.5, 1.0), (4, 5, 0.2, 0.4, 2.0)):
        W, b = rng.normal(size=(n_in, n_out)), rng.uniform(1, 2, size=n_out)
        dW, db = 0.1 * rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)
        cases.append((4 * W / np.linalg.norm(W, axis=0), b, dW, db, rate, l2, max_value))
    W = rng.normal(size=(4, 3))
    W /= np.linalg.norm(W, axis=0)
    still = np.ones(3), 0 * W, np.zeros(3), 0.5, 0.3, 5.0
    return [*cases, (W, *still), (W * [0.5, 20.0, 1.0], *still)]


ENDS = ("", "after"), ("no_max_norm", "none"), ("too_early", "before"), ("too_early", "early")
STEPS = combined({
    "factor": [("", 2), ("l2_gradient", 1), ("no_l2", 0)],
    "bias": [("", 0), ("biases", 1), ("biases", 2)],
    "axis": [("", 0), ("rows", 1)], "end": [*ENDS, ("stretched", "stretched")],
}, all_three="l2_gradient biases rows")  # fmt: skip
# The same small constant as in the projection of task 1.3 may stand beside the norm.
TESTS["1.5"] = judged(step, step_cases, STEPS, ("W", "b"), tol=1e-6)


def adamw(
    w, m, v, t, dw, learning_rate, weight_decay, decayed=1, coupled=0, late=0, at=0, square=2,
    keep=(BETA1, BETA2), corrected=False, root=lambda v, share: np.sqrt(v / share) + EPSILON,
):  # fmt: skip
    """One AdamW step, or one with a known mistake.

    `decayed`, `coupled` and `late` say how much of the decay is taken from w, from the gradient and
    from w after the step; `at` is added to t, and at infinity nothing is corrected.
    """
    grad, decay = dw + coupled * weight_decay * w, learning_rate * weight_decay
    m, v = keep[0] * m + (1 - keep[0]) * grad, keep[1] * v + (1 - keep[1]) * grad**square
    m_share, v_share = 1 - BETA1 ** (t + at), 1 - BETA2 ** (t + at)
    w = w - decayed * decay * w - learning_rate * (m / m_share) / root(v, v_share)
    return w - late * decay * w, *((m / m_share, v / v_share) if corrected else (m, v))


def adamw_cases(rng):
    def case(shape, t):
        w, m, dw = rng.normal(size=shape), 0.05 * rng.normal(size=shape), rng.normal(size=shape)
        v = rng.uniform(1e-4, 0.02, size=shape)
        if t == 1:  # small gradients, so that the small constant shows
            return w, 0 * m, 0 * v, t, 0.01 * dw, 0.1, 0.2
        return w, m, v, t, dw, 0.03, 0.5

    example = (np.array([1.0, -2.0]), np.array([0.1, 0.0]), np.array([0.04, 0.01]), 3)
    cases = [(*example, np.array([0.5, -0.5]), 0.1, 0.2), case((4,), 5), case((3, 2), 1)]
    return [*cases, (np.ones(2), np.zeros(2), np.zeros(2), 1, np.zeros(2), 0.1, 0.2)]


# w follows from m and v, so these are judged first.
TESTS["1.11"] = judged(adamw, adamw_cases, [
    ("l2_in", {"coupled": 1, "decayed": 0}), ("l2_in", {"coupled": 2, "decayed": 0}),
    ("no_decay", {"decayed": 0}), ("no_rate", lambda *case: adamw(*case[:6], case[6] / case[5])),
    ("decay_twice", {"decayed": 2}), ("uncorrected", {"at": np.inf}),
    ("wrong_t", {"at": 1}), ("wrong_t", {"at": -1}), ("correction_kept", {"corrected": True}),
    ("old_state", lambda *case: (adamw(*case)[0], *case[1:3])),
    ("eps_inside", {"root": lambda v, share: np.sqrt(v / share + EPSILON)}),
    ("eps_early", {"root": lambda v, share: (np.sqrt(v) + EPSILON) / np.sqrt(share)}),
    ("unsquared", {"square": 1}), ("decay_last", {"decayed": 0, "late": 1}),
    ("no_root", {"root": lambda v, share: v / share + EPSILON}),
    ("m_forgets", {"keep": (1 - BETA1, BETA2)}), ("v_forgets", {"keep": (BETA1, 1 - BETA2)}),
    ("both_forget", {"keep": (1 - BETA1, 1 - BETA2)}), ("exchanged", {"keep": (BETA2, BETA1)}),
], ("w", "m", "v"), order=(1, 2, 0))  # fmt: skip
