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
    at_zero = (
        "At w = 0 the gradient is not the expected one. |w| has a corner there: the course takes "
        "the slope 0, as `np.sign` does."
    )
    wrongs = [
        ("The factor 2 of the L2 gradient is missing: the slope of `w**2` is `2 * w`.",
         lambda w, l1, l2: l1 * np.sign(w) + l2 * w),
        ("The slope of `abs(w)` is the sign of w, not `abs(w)` itself.",
         lambda w, l1, l2: l1 * np.abs(w) + 2 * l2 * w),
        ("The sign is missing: a negative weight is pushed up by the L1 penalty, not down.",
         lambda w, l1, l2: l1 + 2 * l2 * w),
        ("Only the L2 part is there. The L1 penalty has a gradient too.",
         lambda w, l1, l2: 2 * l2 * w),
        ("Only the L1 part is there. The L2 penalty has a gradient too.",
         lambda w, l1, l2: l1 * np.sign(w)),
        ("This is the gradient of the penalty with its sign turned round.",
         lambda w, l1, l2: -(l1 * np.sign(w) + 2 * l2 * w)),
        ("This is each entry's penalty. The task asks for its derivative.",
         lambda w, l1, l2: l1 * np.abs(w) + l2 * w**2),
        ("`l1` and `l2` are swapped: `l1` belongs to abs(w), `l2` to the square.",
         lambda w, l1, l2: l2 * np.sign(w) + 2 * l1 * w),
        ("This is the penalty itself, one number. Its gradient holds one number for each weight.",
         lambda w, l1, l2: l1 * np.abs(w).sum() + l2 * (w**2).sum()),
        ("The entries of the gradient were added up. Leave them apart: one number for each weight.",
         lambda w, l1, l2: (l1 * np.sign(w) + 2 * l2 * w).sum()),
        (at_zero, lambda w, l1, l2: l1 * np.where(w > 0, 1, -1) + 2 * l2 * w),
        (at_zero, lambda w, l1, l2: l1 * np.where(w >= 0, 1, -1) + 2 * l2 * w),
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
        ("`axis` is not used: axis 0 was taken both times.", lambda W, m, axis: project(W, m, 0)),
        ("The norms are taken over the wrong axis. `axis` is the axis that the sum runs along: "
         "with `axis=0` each column is one unit's incoming weights.",
         lambda W, m, axis: project(W, m, 1 - axis)),
        ("Every entry was clipped by itself. The limit holds for the norm of a whole unit, and the "
         "direction of its weights stays.", lambda W, m, axis: np.clip(W, -m, m)),
        ("The norm of the whole matrix was used. Each unit has its own norm and its own limit.",
         lambda W, m, axis: project(W, m, None)),
        ("Units inside the ball were stretched to its surface. A norm below `max_value` is fine: "
         "leave that unit as it is.", to_the_sphere),
        ("The factor uses the squared norm. Take its root first.",
         lambda W, m, axis: W * np.minimum(1, m / np.sum(W**2, axis=axis, keepdims=True))),
        ("The norm here is the L1 norm, the sum of abs(W). The Euclidean norm is the root of the "
         "sum of squares.",
         lambda W, m, axis: W * np.minimum(1, m / np.abs(W).sum(axis=axis, keepdims=True))),
        ("A unit's factor meets the weights of other units. Take the norms with `keepdims=True`: "
         "they then keep the axis of length 1 that fits them to W.", factors_turned),
        ("The unit is divided by its norm and not brought to `max_value`.",
         lambda W, m, axis: W / np.maximum(1, np.linalg.norm(W, axis=axis, keepdims=True))),
        ("A unit of zeros became NaN: 0/0. Its norm is below the limit, so it must stay zero.",
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
        ("The factor 2 of the L2 part is missing: the divisor is 1 + 2 * step * l2.",
         lambda w, l1, l2, t: soft(w, t * l1) / (1 + t * l2)),
        ("The L2 part is missing: after the threshold the weight is shrunk as well.",
         lambda w, l1, l2, t: soft(w, t * l1)),
        ("The L1 part is missing: small weights must become exactly 0.",
         lambda w, l1, l2, t: w / (1 + 2 * t * l2)),
        ("The order is turned round: first the threshold, then the division. The other way, the "
         "threshold acts on weights that were shrunk already.",
         lambda w, l1, l2, t: soft(w / (1 + 2 * t * l2), t * l1)),
        ("`step` does not enter. A small step must move the weight a little only.",
         lambda w, l1, l2, t: soft(w, l1) / (1 + 2 * l2)),
        ("The threshold is `l1` alone. It must be `step * l1`: the step scales the whole penalty.",
         lambda w, l1, l2, t: soft(w, l1) / (1 + 2 * t * l2)),
        ("This is a hard threshold: the weights that survive must also move towards 0.",
         lambda w, l1, l2, t: np.where(np.abs(w) > t * l1, w, 0.0) / (1 + 2 * t * l2)),
        ("The sign is lost: a negative weight must stay negative.",
         lambda w, l1, l2, t: np.maximum(np.abs(w) - t * l1, 0.0) / (1 + 2 * t * l2)),
        ("Negative weights are lost: threshold `abs(w)`, then bring the sign back.",
         lambda w, l1, l2, t: np.maximum(w - t * l1, 0.0) / (1 + 2 * t * l2)),
        ("This is a plain gradient step. It jumps over 0, where the exact minimiser stops at 0.",
         lambda w, l1, l2, t: w - t * (l1 * np.sign(w) + 2 * l2 * w)),
        ("The weight is not stopped at 0: it went through to the other side.",
         lambda w, l1, l2, t: (w - t * l1 * np.sign(w)) / (1 + 2 * t * l2)),
        ("This is right for w > step * l1 only. A small weight must stop at 0, and a negative one "
         "moves up towards it.", lambda w, l1, l2, t: (w - t * l1) / (1 + 2 * t * l2)),
        ("This is a gradient step on the L2 part. The proximal step divides by 1 + 2 * step * l2.",
         lambda w, l1, l2, t: soft(w, t * l1) * (1 - 2 * t * l2)),
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


# What the card says of each part of a step; "" where the part is right.
BIASES = "The biases are still shrunk: the penalty is on the weights alone."
BEFORE = "The max-norm comes before the step, which then leaves the ball again: put it last."
PARTS = (
    {2: "", 1: "The gradient of the L2 penalty is not right yet: compare it with task 1.1.",
     0: "The penalty no longer enters the step of W: keep it, with the right gradient."},
    {0: "", 1: BIASES, 2: BIASES},
    {0: "", 1: "The max-norm still looks at the rows. A unit's incoming weights are a column "
     "of W."},
    {"after": "", "none": "The max-norm at the end is missing.",
     "before": BEFORE, "early": BEFORE,
     "stretched": "Units inside the ball were stretched to its surface: leave them as they are."},
)  # fmt: skip


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

    wrongs = [
        (
            "All three faults are still there. "
            * (parts in ((1, 1, 1, "after"), (1, 2, 1, "after")))
            + " ".join(filter(None, map(dict.get, PARTS, parts))),
            step_with(*parts),
        )
        for parts in product(*PARTS)
        if parts != (2, 0, 0, "after")
    ]
    names = ("W", "b", "dW", "db", "learning_rate", "l2", "max_value", "W", "b")
    # The same small constant as in the projection of task 1.3 may stand beside the norm.
    match(answer, step_with(), cases, wrongs, names, tol=1e-6)


def adamw(
    w,
    m,
    v,
    t,
    dw,
    rate,
    decay,
    coupled=0.0,
    corrected=True,
    square=2,
    at=0,
    times=1.0,
    keep=(BETA1, BETA2),
    power=0.5,
):
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

    l2_in = (
        "The decay went into the gradient, and with it into m and v. That is Adam with an L2 "
        "penalty. AdamW shrinks the weights in a term of its own."
    )
    wrongs = [
        (l2_in, with_changes(coupled=1.0)),
        (l2_in, with_changes(coupled=2.0)),
        ("The decay is missing: this is plain Adam.", with_changes(times=0.0)),
        ("The decay is not multiplied by the learning rate.", with_changes(times=1.0)),
        ("The decay is twice as strong as it should be: there is no factor 2 here, the decay is "
         "not the gradient of a penalty.", lambda *case: adamw_right(*case, times=2 * case[5])),
        ("The correction of m and v for their start at zero is missing.",
         with_changes(corrected=False)),
        ("The correction takes the wrong step number: `t` counts this step, and the first is 1.",
         with_changes(at=1)),
        ("The correction takes the wrong step number: `t` counts this step, and the first is 1.",
         with_changes(at=-1)),
        ("The corrected m and v are returned. Return them as they are before the correction.",
         stored_correction),
        ("`w` is right, but the old `m` and `v` are returned: the next step needs the new ones.",
         old_state),
        ("The small constant belongs outside the root: sqrt(v) + 1e-8.", eps_inside),
        ("The small constant was added before the correction of v. Here it comes after, as in the "
         "paper and in PyTorch; Keras does it your way.", eps_early),
        ("`v` must average the squared gradient.", with_changes(square=1)),
        ("The decay takes its share of the w that Adam has moved already. It belongs to the w that "
         "came in.", decay_last),
        ("The root is missing: the step divides by sqrt(v), not by v.", with_changes(power=1.0)),
        ("`m` forgets too fast: 0.9 belongs to the old m, 1 - 0.9 to the gradient.",
         with_changes(keep=(1 - BETA1, BETA2))),
        ("`v` forgets too fast: 0.999 belongs to the old v, 1 - 0.999 to the squared gradient.",
         with_changes(keep=(BETA1, 1 - BETA2))),
        ("`m` and `v` forget too fast: each beta belongs to the old value, 1 - beta to the new "
         "gradient.", with_changes(keep=(1 - BETA1, 1 - BETA2))),
        ("beta1 and beta2 are exchanged: m takes 0.9, and v takes 0.999.",
         with_changes(keep=(BETA2, BETA1))),
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
