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
        (at_zero, lambda w, l1, l2: l1 * np.where(w > 0, 1, -1) + 2 * l2 * w),
        (at_zero, lambda w, l1, l2: l1 * np.where(w >= 0, 1, -1) + 2 * l2 * w),
    ]  # fmt: skip
    match(answer, lambda w, l1, l2: l1 * np.sign(w) + 2 * l2 * w, cases, wrongs, ("w", "l1", "l2"))


def project(W, max_value, axis):
    norms = np.linalg.norm(W, axis=axis, keepdims=True)
    return W * (max_value / np.maximum(norms, max_value))


def max_norm(answer, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(4, 5))
    mixed *= np.array([0.4, 5.0, 1.0, 6.0, 0.3]) / np.linalg.norm(mixed, axis=0)
    with_zeros = mixed.copy()
    with_zeros[:, 2] = 0.0
    cases = [
        (np.array([[3.0, 0.3], [4.0, 0.4]]), 2.0, 0),
        (mixed, 2.0, 0),
        (mixed.T.copy(), 2.0, 1),
        (mixed, 100.0, 0),
        (with_zeros, 2.0, 0),
    ]

    def to_the_sphere(W, max_value, axis):
        return W * max_value / np.linalg.norm(W, axis=axis, keepdims=True)

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
        ("This is a gradient step on the L2 part. The proximal step divides by 1 + 2 * step * l2.",
         lambda w, l1, l2, t: soft(w, t * l1) * (1 - 2 * t * l2)),
    ]  # fmt: skip

    def right(w, l1, l2, step):
        return soft(w, step * l1) / (1 + 2 * step * l2)

    match(answer, right, cases, wrongs, ("w", "l1", "l2", "step"))


def faulty_step(W, b, dW, db, rate, l2, max_value, faults=(True, True, True)):
    """One step with a penalty and max-norm, with any of the three planted faults."""
    half, biased, turned = faults
    W = W - rate * (dW + (1 if half else 2) * l2 * W)
    b = b - rate * (db + biased * (1 if half else 2) * l2 * b)
    return project(W, max_value, 1 if turned else 0), b


FAULTS = (
    "The gradient of the L2 penalty is not right yet: compare it with task 1.1.",
    "The biases are still shrunk: the penalty is on the weights alone.",
    "The max-norm still looks at the rows. A unit's incoming weights are a column of W.",
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

    def with_faults(faults):
        return lambda *case: faulty_step(*case, faults=faults)

    some = [faults for faults in product((True, False), repeat=3) if any(faults)]
    wrongs = [
        (" ".join(s for s, there in zip(FAULTS, f, strict=True) if there), with_faults(f))
        for f in some
    ]
    wrongs[0] = ("All three faults are still there. " + wrongs[0][0], wrongs[0][1])
    wrongs.append((
        "The weights are right, and the max-norm at the end is missing.",
        lambda W, b, dW, db, rate, l2, m: (W - rate * (dW + 2 * l2 * W), b - rate * db),
    ))  # fmt: skip
    wrongs.append((
        "The penalty no longer enters the step at all: keep it, with the right gradient.",
        lambda W, b, dW, db, rate, l2, m: (project(W - rate * dW, m, 0), b - rate * db),
    ))  # fmt: skip
    names = ("W", "b", "dW", "db", "learning_rate", "l2", "max_value", "W", "b")
    # The same small constant as in the projection of task 1.3 may stand beside the norm.
    match(answer, with_faults((False, False, False)), cases, wrongs, names, tol=1e-6)


def adamw(w, m, v, t, dw, rate, decay, coupled=0.0, corrected=True, square=2, at=0, times=1.0):
    """One AdamW step, or one with a known mistake."""
    grad = dw + coupled * decay * w
    m, v = BETA1 * m + (1 - BETA1) * grad, BETA2 * v + (1 - BETA2) * grad**square
    m_share, v_share = (1 - BETA1 ** (t + at), 1 - BETA2 ** (t + at)) if corrected else (1, 1)
    scale = 0.0 if coupled else times
    return w - scale * decay * w - rate * (m / m_share) / (np.sqrt(v / v_share) + EPSILON), m, v


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
    ]  # fmt: skip
    names = ("w", "m", "v", "t", "dw", "learning_rate", "weight_decay", "w", "m", "v")
    match(answer, adamw_right, cases, wrongs, names)


TESTS = {
    "1.1": elastic_net_gradient,
    "1.3": max_norm,
    "1.4": prox,
    "1.5": repaired_step,
    "1.11": adamw_step,
}
