"""The checks of exercise 01: each is a function `test(answer, seed=0)` that names the mistake."""

from itertools import product

import numpy as np

from reglib.assess.compare import match

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def elastic_net_gradient(answer, seed=0):
    rng = np.random.default_rng(seed)
    signed = rng.choice([-1.0, 1.0], size=5) * rng.uniform(0.2, 2.0, size=5)
    cases = [
        (np.array([1.0, -2.0, 0.5]), 0.1, 0.3),
        (signed, 0.7, 0.2),
        (rng.normal(size=(3, 4)), 0.4, 0.9),
        (np.array([0.0, 3.0, -1.0]), 0.5, 0.1),
        (signed, 0.0, 0.0),
    ]
    wrongs = [
        ("factor_2", lambda w, l1, l2: l1 * np.sign(w) + l2 * w),
        ("not_the_sign", lambda w, l1, l2: l1 * np.abs(w) + 2 * l2 * w),
        ("sign_missing", lambda w, l1, l2: l1 + 2 * l2 * w),
        ("only_l2", lambda w, l1, l2: 2 * l2 * w),
        ("only_l1", lambda w, l1, l2: l1 * np.sign(w)),
        ("turned", lambda w, l1, l2: -(l1 * np.sign(w) + 2 * l2 * w)),
        ("penalty_each", lambda w, l1, l2: l1 * np.abs(w) + l2 * w**2),
        ("swapped", lambda w, l1, l2: l2 * np.sign(w) + 2 * l1 * w),
        ("penalty_itself", lambda w, l1, l2: l1 * np.abs(w).sum() + l2 * (w**2).sum()),
        ("added_up", lambda w, l1, l2: (l1 * np.sign(w) + 2 * l2 * w).sum()),
        ("at_zero", lambda w, l1, l2: l1 * np.where(w > 0, 1, -1) + 2 * l2 * w),
        ("at_zero", lambda w, l1, l2: l1 * np.where(w >= 0, 1, -1) + 2 * l2 * w),
    ]  # fmt: skip
    match(answer, lambda w, l1, l2: l1 * np.sign(w) + 2 * l2 * w, cases, wrongs, ("w", "l1", "l2"))


def project(W, max_value, axis):
    norms = np.linalg.norm(W, axis=axis, keepdims=True)
    return W * (max_value / np.maximum(norms, max_value))


def to_the_sphere(W, max_value, axis):
    return W * max_value / np.linalg.norm(W, axis=axis, keepdims=True)


def factors_turned(W, max_value, axis):
    """What a square W becomes when the factor of a column meets a row, or the other way round."""
    turned = W.shape[::-1] == W.shape
    return W * project(W, max_value, axis).T / W.T if turned else np.full(W.shape, np.nan)


def max_norm(answer, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(4, 5))
    mixed *= np.array([0.4, 5.0, 1.0, 6.0, 0.3]) / np.linalg.norm(mixed, axis=0)
    with_zeros = mixed.copy()
    with_zeros[:, 2] = 0.0
    cases = [
        (np.array([[3.0, 0.3], [4.0, 0.4]]), 2.0, 0),
        (np.array([[3.0, 4.0], [0.3, 0.4]]), 2.0, 1),
        (mixed, 2.0, 0),
        (mixed.T.copy(), 2.0, 1),
        (mixed, 100.0, 0),
        (with_zeros, 2.0, 0),
    ]
    wrongs = [
        ("axis_unused", lambda W, m, axis: project(W, m, 0)),
        ("wrong_axis", lambda W, m, axis: project(W, m, 1 - axis)),
        ("clipped", lambda W, m, axis: np.clip(W, -m, m)),
        ("whole_matrix", lambda W, m, axis: project(W, m, None)),
        ("stretched", to_the_sphere),
        ("squared_norm",
         lambda W, m, axis: W * np.minimum(1, m / np.sum(W**2, axis=axis, keepdims=True))),
        ("l1_norm",
         lambda W, m, axis: W * np.minimum(1, m / np.abs(W).sum(axis=axis, keepdims=True))),
        ("keepdims", factors_turned),
        ("not_brought",
         lambda W, m, axis: W / np.maximum(1, np.linalg.norm(W, axis=axis, keepdims=True))),
        ("zeros_nan",
         lambda W, m, axis: to_the_sphere(W, 1, axis)
         * np.minimum(m, np.linalg.norm(W, axis=axis, keepdims=True))),
    ]  # fmt: skip
    # Libraries add up to 1e-7 to the norm to avoid 0/0; norms here are 0.3 or more.
    match(answer, project, cases, wrongs, ("W", "max_value", "axis"), tol=1e-6)


def soft(w, threshold):
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0.0)


def prox(answer, seed=0):
    rng = np.random.default_rng(seed)
    w = rng.choice([-1.0, 1.0], size=6) * np.array([0.05, 0.3, 0.9, 1.5, 2.0, 3.0])
    cases = [
        (np.array([2.0, -0.1, -1.0]), 0.4, 0.5, 0.5),
        (w * rng.uniform(0.9, 1.1, size=6), 0.8, 0.3, 0.7),
        (rng.normal(size=(3, 4)), 0.5, 0.6, 0.25),
        (w, 0.0, 0.5, 0.2),
        (w, 0.5, 0.0, 0.2),
        (np.array([0.0, 1.0]), 0.3, 0.3, 2.0),
    ]
    wrongs = [
        ("factor_2", lambda w, l1, l2, t: soft(w, t * l1) / (1 + t * l2)),
        ("no_l2", lambda w, l1, l2, t: soft(w, t * l1)),
        ("no_l1", lambda w, l1, l2, t: w / (1 + 2 * t * l2)),
        ("order", lambda w, l1, l2, t: soft(w / (1 + 2 * t * l2), t * l1)),
        ("no_step", lambda w, l1, l2, t: soft(w, l1) / (1 + 2 * l2)),
        ("l1_alone", lambda w, l1, l2, t: soft(w, l1) / (1 + 2 * t * l2)),
        ("hard", lambda w, l1, l2, t: np.where(np.abs(w) > t * l1, w, 0.0) / (1 + 2 * t * l2)),
        ("sign_lost", lambda w, l1, l2, t: np.maximum(np.abs(w) - t * l1, 0.0) / (1 + 2 * t * l2)),
        ("negative_lost", lambda w, l1, l2, t: np.maximum(w - t * l1, 0.0) / (1 + 2 * t * l2)),
        ("plain_step", lambda w, l1, l2, t: w - t * (l1 * np.sign(w) + 2 * l2 * w)),
        ("not_stopped", lambda w, l1, l2, t: (w - t * l1 * np.sign(w)) / (1 + 2 * t * l2)),
        ("one_side", lambda w, l1, l2, t: (w - t * l1) / (1 + 2 * t * l2)),
        ("gradient_on_l2", lambda w, l1, l2, t: soft(w, t * l1) * (1 - 2 * t * l2)),
    ]  # fmt: skip

    def right(w, l1, l2, step):
        return soft(w, step * l1) / (1 + 2 * step * l2)

    match(answer, right, cases, wrongs, ("w", "l1", "l2", "step"))


def step_with(factor=2, bias=0, axis=0, end="after"):
    """One step with a penalty and max-norm: the right one, or one with some of the faults."""

    def step(W, b, dW, db, rate, l2, max_value):
        held = project(W, max_value, axis) if end in ("before", "early") else W
        W = held - rate * (dW + factor * l2 * (W if end == "early" else held))
        b = b - rate * (db + bias * l2 * b)
        last = {"after": project, "stretched": to_the_sphere}.get(end)
        return (last(W, max_value, axis) if last else W), b

    return step


# The key of what is wrong with each part of a step; "" where the part is right.
ENDS = {"after": "", "none": "no_max_norm", "before": "too_early", "early": "too_early"}
PARTS = (
    {2: "", 1: "l2_gradient", 0: "no_l2"},
    {0: "", 1: "biases", 2: "biases"},
    {0: "", 1: "rows"},
    ENDS | {"stretched": "stretched"},
)


def repaired_step(answer, seed=0):
    rng = np.random.default_rng(seed)
    # At first every unit stays outside the ball, so that the projection shows.
    cases = [
        (4 * W / np.linalg.norm(W, axis=0), b, 0.1 * dW, db, rate, l2, max_value)
        for n_in, n_out, rate, l2, max_value in ((3, 2, 0.1, 0.5, 1.0), (4, 5, 0.2, 0.4, 2.0))
        for W, b, dW, db in [(
            rng.normal(size=(n_in, n_out)), rng.uniform(1, 2, size=n_out),
            rng.normal(size=(n_in, n_out)), rng.normal(size=n_out),
        )]
    ]  # fmt: skip
    small = rng.normal(size=(4, 3))
    small /= np.linalg.norm(small, axis=0)
    mixed = small * [0.5, 20.0, 1.0]
    cases.append((small, np.ones(3), 0 * small, np.zeros(3), 0.5, 0.3, 5.0))
    cases.append((mixed, np.ones(3), 0 * small, np.zeros(3), 0.5, 0.3, 5.0))

    def keys(parts):
        all_three = parts in ((1, 1, 1, "after"), (1, 2, 1, "after"))
        return " ".join(filter(None, ["all_three" * all_three, *map(dict.get, PARTS, parts)]))

    wrongs = [(keys(parts), step_with(*parts)) for parts in product(*PARTS) if keys(parts)]
    names = ("W", "b", "dW", "db", "learning_rate", "l2", "max_value", "W", "b")
    # The same small constant as in the projection of task 1.3 may stand beside the norm.
    match(answer, step_with(), cases, wrongs, names, tol=1e-6)


def adamw(
    w, m, v, t, dw, rate, decay, coupled=0.0, corrected=True, square=2, at=0, times=1.0,
    keep=(BETA1, BETA2), power=0.5,
):  # fmt: skip
    """One AdamW step, or one with a known mistake."""
    grad = dw + coupled * decay * w
    m, v = keep[0] * m + (1 - keep[0]) * grad, keep[1] * v + (1 - keep[1]) * grad**square
    m_share, v_share = (1 - BETA1 ** (t + at), 1 - BETA2 ** (t + at)) if corrected else (1, 1)
    scale = 0.0 if coupled else times
    return w - scale * decay * w - rate * (m / m_share) / ((v / v_share) ** power + EPSILON), m, v


def adamw_right(w, m, v, t, dw, rate, decay, **changes):
    return adamw(w, m, v, t, dw, rate, decay, **({"times": rate} | changes))


def adamw_step(answer, seed=0):
    rng = np.random.default_rng(seed)

    def case(shape, t):
        w, m, dw = rng.normal(size=shape), 0.05 * rng.normal(size=shape), rng.normal(size=shape)
        v = rng.uniform(1e-4, 0.02, size=shape)
        if t == 1:  # small gradients, so that the small constant shows
            return w, 0 * m, 0 * v, t, 0.01 * dw, 0.1, 0.2
        return w, m, v, t, dw, 0.03, 0.5

    example = (np.array([1.0, -2.0]), np.array([0.1, 0.0]), np.array([0.04, 0.01]), 3)
    cases = [(*example, np.array([0.5, -0.5]), 0.1, 0.2), case((4,), 5), case((3, 2), 1)]
    cases += [(np.ones(2), np.zeros(2), np.zeros(2), 1, np.zeros(2), 0.1, 0.2)]

    def eps_inside(w, m, v, t, dw, rate, decay):
        _, m, v = adamw_right(w, m, v, t, dw, rate, decay)
        root = np.sqrt(v / (1 - BETA2**t) + EPSILON)
        return w - rate * decay * w - rate * m / (1 - BETA1**t) / root, m, v

    def eps_early(w, m, v, t, dw, rate, decay):
        _, m, v = adamw_right(w, m, v, t, dw, rate, decay)
        root = (np.sqrt(v) + EPSILON) / np.sqrt(1 - BETA2**t)
        return w - rate * decay * w - rate * m / (1 - BETA1**t) / root, m, v

    def stored_correction(w, m, v, t, dw, rate, decay):
        w, m, v = adamw_right(w, m, v, t, dw, rate, decay)
        return w, m / (1 - BETA1**t), v / (1 - BETA2**t)

    def old_state(w, m, v, t, dw, rate, decay):
        return adamw_right(w, m, v, t, dw, rate, decay)[0], m, v

    def decay_last(w, m, v, t, dw, rate, decay):
        w, m, v = adamw_right(w, m, v, t, dw, rate, decay, times=0.0)
        return w - rate * decay * w, m, v

    def with_changes(**changes):
        return lambda *case: adamw_right(*case, **changes)

    wrongs = [
        ("l2_in", with_changes(coupled=1.0)),
        ("l2_in", with_changes(coupled=2.0)),
        ("no_decay", with_changes(times=0.0)),
        ("no_rate", with_changes(times=1.0)),
        ("decay_twice", lambda *case: adamw_right(*case, times=2 * case[5])),
        ("uncorrected", with_changes(corrected=False)),
        ("wrong_t", with_changes(at=1)),
        ("wrong_t", with_changes(at=-1)),
        ("correction_kept", stored_correction),
        ("old_state", old_state),
        ("eps_inside", eps_inside),
        ("eps_early", eps_early),
        ("unsquared", with_changes(square=1)),
        ("decay_last", decay_last),
        ("no_root", with_changes(power=1.0)),
        ("m_forgets", with_changes(keep=(1 - BETA1, BETA2))),
        ("v_forgets", with_changes(keep=(BETA1, 1 - BETA2))),
        ("both_forget", with_changes(keep=(1 - BETA1, 1 - BETA2))),
        ("exchanged", with_changes(keep=(BETA2, BETA1))),
    ]  # fmt: skip
    names = ("w", "m", "v", "t", "dw", "learning_rate", "weight_decay", "w", "m", "v")
    # w follows from m and v, so these are judged first.
    match(answer, adamw_right, cases, wrongs, names, order=(1, 2, 0))


TESTS = {
    "1.1": elastic_net_gradient,
    "1.3": max_norm,
    "1.4": prox,
    "1.5": repaired_step,
    "1.11": adamw_step,
}
