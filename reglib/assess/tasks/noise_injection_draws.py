"""The checks of exercise 02 whose answers draw: what a draw is like, never in which order.

Tolerances are 6 standard errors, which a right answer leaves once in 500 million checks.
"""

from itertools import product

import numpy as np

from reglib.assess.compare import difference, judged
from reglib.assess.guard import Wrong, show_value
from reglib.assess.tasks.noise_injection import log_softmax

SIGMAS = 6


def blame(key, expected, given, **inputs):
    """Raise `Wrong` with keys of the `says` tables, or a sentence, and the rows of its card."""
    given = given if isinstance(given, str) else show_value(given)
    rows = [(f"`{name}`", show_value(value)) for name, value in inputs.items()]
    raise Wrong(key, [*rows, ("expected", expected), ("yours", given)])


def ask(draw, x, p, seed):
    """One draw, which must be an array like x."""
    out = draw(x.copy(), p, seed)
    if problem := difference(out, x, np.inf):  # its kind, its shape, NaN
        blame(problem, f"an array of shape {x.shape}", out, x=x, p=p, seed=seed)
    return out


def repeated(draw, rng, count=6):
    """What `draw(seed)` gives for several seeds: each its own, and the same when asked again."""
    seeds = rng.choice(10**6, size=count, replace=False).tolist()
    outs = {seed: draw(seed) for seed in seeds}
    # In another order, so that an answer that counts its calls is no answer.
    for seed in sorted(seeds)[:3]:
        if ((last := draw(seed)) != outs[seed]).any():
            blame("not_repeated", show_value(outs[seed]), last, seed=seed)
    if len({out.tobytes() for out in outs.values()}) < count:
        blame("seed_ignored", "another draw for each seed", last, seeds=seeds)
    return list(outs.values())


def related(values):
    """Whether rows or columns go together more than chance explains; `values` as in `check_zeros`.

    For two lines of N independent values of mean 0 and variance 1, N times the squared correlation
    is about chi-squared. By Chernoff's bound its mean over m pairs, 45 or more here, exceeds
    2 + 90/m less than once in 10**15 draws. (The largest of 4,000, with 300 pairs, was 1.39.)
    """
    for axis in (1, 2):
        lines = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        r = (lines @ lines.T / lines.shape[1])[np.triu_indices(len(lines), 1)]
        if np.mean(r**2) * lines.shape[1] > 2 + 90 / len(r):
            return True
    return False


def alike(values):
    """Of the matrices in `values`: the key where all rows, or all columns, are one, or ""."""
    axes = ("rows_alike", -2), ("whole_rows", -1)
    return next((key for key, axis in axes if np.ptp(values, axis=axis).max() < 1e-9), "")


def named(value, known, tolerance, other):
    """The key of the known value that this is, to within the tolerance, or `other`."""
    return next((key for key, v in known.items() if abs(value - v) < tolerance), other)


def scale_fault(factors, p):
    """The key of what was done to the entries that were kept, or ""."""
    kept = factors[factors != 0]
    right = 1 / (1 - p)
    known = {"": right, "unscaled": 1, "over_p": 1 / p, "times_keep": 1 - p, "times_p": p}
    known["twice"] = right**2
    values = {named(value, known, 1e-4, "other_values") for value in np.unique(kept.round(6))}
    return min(values - {""}, default="")


def check_dropout(draw, small, large, rng, units=lambda factors: factors):
    """Inverted dropout; `units` makes of the factors a matrix with one entry for each draw."""
    for x, p in ((small, 0.2), (large, 0.3)):
        out = ask(draw, x, p, 1)
        if key := scale_fault(out / x, p):
            blame(key, f"0 or {1 / (1 - p):.4g} times the entry of `x`", out, x=x, p=p, seed=1)
    if not 0 < np.mean(out == 0) < 1:
        # Draws of other seeds tell one draw for everything from no draw at all: 0.7**40 < 1e-6.
        results = [(ask(draw, large, p, other) == 0).all() for other in range(40)]
        key = "one_draw" if len(set(results)) == 2 else "all" if results[0] else "none"
        blame(key, f"a share of about {p} dropped", out, x=x, p=p)
    outs = repeated(lambda seed: ask(draw, large, p, seed), rng)
    check_zeros(np.array([units(out / large) for out in outs]) == 0, p)
    check_p_zero(draw, small)


def check_p_zero(draw, x):
    if (ask(draw, x, 0.0, 1) != x).any():
        blame("p_zero", show_value(x), ask(draw, x, 0.0, 1), x=x, p=0.0, seed=1)


def check_zeros(zeros, p):
    """Every unit drops with probability p, by itself; `zeros` has one matrix for each draw."""
    if key := alike(1 * zeros):
        blame(key, "a mask with a draw of its own for each", 1 - zeros[0, :4, :12], p=p)
    share = zeros.mean()
    for counts in zeros.sum(axis=(1, 2)), zeros[0].sum(axis=0), zeros[0].sum(axis=1):
        if np.ptp(counts) == 0:  # by chance: once in 10**8 checks
            blame("fixed_count", "about p of them, now more, now fewer", counts, p=p)
    if related((zeros - share) / (share * (1 - share)) ** 0.5):
        blame("related", "entries that know nothing of each other", 1 - zeros[0, :4, :12], p=p)
    tolerance = SIGMAS * (p * (1 - p) / zeros.size) ** 0.5
    if not abs(share - p) < tolerance:
        key = "keep_p" if abs(share - 1 + p) < tolerance else "share"
        blame(key, f"a share of {p} dropped, give or take {tolerance:.2g}", share, p=p)


def away_from_zero(rng, *shape):
    return rng.choice([-1.0, 1.0], size=shape) * rng.uniform(0.5, 2.0, size=shape)


SMALL = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def dropout(answer, seed=0):
    rng = np.random.default_rng(seed)
    large = away_from_zero(rng, 40, 50)

    def train(x, p, seed):
        return answer(x, p, True, seed)

    # Several seeds: of 30 entries that may drop at evaluation, none does in 2 of 100,000.
    tested = [ask(lambda x, p, s: answer(x, p, False, s), SMALL, 0.3, s) for s in range(5)]
    later = evaluation_fault(tested / SMALL)
    unscaled = scale_fault(ask(train, large, 0.3, 1) / large, 0.3) == "unscaled"
    if unscaled and np.allclose(tested / SMALL, 0.7):
        later = ["first_published"]
    else:
        check_dropout(train, SMALL, large, rng)
    for key in later:
        blame(key, show_value(SMALL), tested[0], x=SMALL, p=0.3, training=False)
    for shape in ((6,), (1, 2, 3)):
        ask(train, SMALL.reshape(shape), 0.3, 1)


def spatial_dropout(answer, seed=0):
    rng = np.random.default_rng(seed)

    def units(factors):
        zeros = factors == 0
        for image, channel in np.argwhere(np.ptp(1 * zeros, axis=(1, 2)))[:1]:
            key = "lines" if alike(1 * np.moveaxis(zeros, 3, 1)) else "pixels"
            blame(key, "a channel kept or dropped as a whole", factors[image, :, :, channel], p=0.3)
        return 1 - zeros[:, 0, 0]

    check_dropout(answer, SMALL.reshape(1, 1, 2, 3), away_from_zero(rng, 25, 2, 2, 40), rng, units)


def layer_faults(out, dx, p):
    """What is wrong with the factors of a layer's output and gradient in training."""
    own, apart = scale_fault(out, p), (out == 0) != (dx == 0)
    if not (dx == 0).any():
        return ["unmasked"]
    if apart.all():
        return [own] * bool(own) + ["inverted"]
    found = ("redrawn", apart.any()), (own, own), ("dx_scale", scale_fault(dx, p) != own)
    return [key for key, is_there in found if is_there]


def evaluation_fault(out, dx=1):
    if (out != 1).any():
        return ["drops_at_evaluation" if (out == 0).any() else "scaled_at_evaluation"]
    return ["dx_at_evaluation"] if np.any(dx != 1) else []


def layer(answer, seed=0):
    rng = np.random.default_rng(seed)
    x, dout, p = np.arange(1.0, 13.0).reshape(3, 4), away_from_zero(rng, 3, 4).round(1), 0.3

    def both(seed, training):
        given = answer(x.copy(), dout.copy(), p, training, seed)
        if problem := difference(given, (x, dout), np.inf, ("out", "dx")):
            blame(problem, "two arrays of the shape of `x`", given, x=x, dout=dout, p=p)
        return np.array(given)

    # Several seeds: of 60 pairs of entries drawn apart, all agree once in 10**14 checks.
    factors = [[both(seed, on) / (x, dout) for seed in range(5)] for on in (True, False)]
    trained, tested = np.swapaxes(factors, 1, 2)
    if all(map(np.array_equal, both(0, False), (dout, x))):
        blame("order", "out, then dx", "dx, then out", x=x, dout=dout, p=p, training=False)
    faults, later = layer_faults(*trained, p), evaluation_fault(*tested)
    if faults == ["unscaled"] and np.allclose(tested, 1 - p):
        faults, later = [], ["first_published"]
    if keys := " ".join(faults + later):
        keys = "all_three " * (keys == "redrawn over_p scaled_at_evaluation") + keys
        same = "out = x * m and dx = dout * m with the same m, 0 or 1 / (1 - p)"
        expected, given = same if faults else "x and dout", both(0, bool(faults))
        blame(keys, expected, given, x=x, dout=dout, p=p, training=bool(faults))
    large = away_from_zero(rng, 40, 50)
    check_dropout(lambda x, p, s: answer(x, 0 * x, p, True, s)[0], SMALL, large, rng)
    if not np.nan_to_num(dx := answer(0 * large, large.copy(), p, True, 1)[1]).any():
        blame("read_off", "dout times the mask", dx, x=0 * large, dout=large, p=p)


def gaussian_faults(factors, x, p):
    """What may be wrong with normal factors, in the order of telling: key, and whether it is."""
    mean, variance, wanted, n = factors.mean(), factors.var(), p / (1 - p), x.size
    means = {"": 1, "zero_mean": 0, "divided": 1 / (1 - p)}
    variances = {"": wanted, "variance_as_std": wanted**2, "only_p": p, "p_is_std": p**2}
    variances |= {"unscaled_variance": p * (1 - p), "swapped": 1 / wanted}
    logs = {key: np.log(value) for key, value in variances.items()}
    yield "none" if mean == 1 else "one_draw", variance < 1e-12
    yield alike(factors), True
    yield "two_values", len(np.unique(factors.round(9))) == 2
    yield "added", factors[np.abs(x) < 1].var() > 2 * factors[np.abs(x) > 1].var()
    yield named(mean, means, SIGMAS * (variance / n) ** 0.5, "mean"), True
    yield named(np.log(variance), logs, SIGMAS * (2 / n) ** 0.5, "variance"), True
    z = (factors - mean) / variance**0.5
    # A normal z: |z| has the mean sqrt(2/pi), and z cubed the mean 0; their errors, z measured.
    yield "not_gaussian", abs(np.abs(z).mean() - (2 / np.pi) ** 0.5) > SIGMAS * (0.0451 / n) ** 0.5
    yield "not_gaussian", abs(np.mean(z**3)) > SIGMAS * (6 / n) ** 0.5
    yield "related", related(z[None])


def gaussian_dropout(answer, seed=0):
    rng = np.random.default_rng(seed)
    x, p = away_from_zero(rng, 100, 200), 0.4
    factors = ask(answer, x, p, 1) / x
    for key, found in gaussian_faults(factors, x, p):
        if key and found:
            expected = f"out / x with the mean 1 and the variance {p / (1 - p):.4g}"
            given = f"mean {factors.mean():.4g}, variance {factors.var():.4g}"
            blame(key, expected, given, x=x, p=p)
    repeated(lambda seed: ask(answer, SMALL.ravel(), p, seed), rng)
    check_p_zero(answer, SMALL.reshape(1, 2, 3))


def softmax(Z):
    return np.exp(log_softmax(Z))


def spread(
    x, W1, b1, W2, b2, p, rounds, seed,
    scale=None, inputs=False, shown=softmax, moment=2, power=0.5,
):  # fmt: skip
    """The exact mean and standard deviation over all masks of the hidden units (or the inputs)."""
    dropped = x if inputs else np.maximum(x @ W1 + b1, 0)
    masks = np.array(list(product([0, 1], repeat=dropped.shape[1])))
    kept = dropped * masks[:, None] * (1 / (1 - p) if scale is None else scale)
    values = shown((np.maximum(kept @ W1 + b1, 0) if inputs else kept) @ W2 + b2)
    shares = np.prod(np.where(masks, 1 - p, p), axis=1)
    mean = np.tensordot(shares, values, 1)
    return mean, np.tensordot(shares, (values - mean) ** moment, 1) ** power


SPREADS = [
    ("unscaled", {"scale": 1}), ("keep_p", lambda *c: spread(*c[:5], 1 - c[5], *c[6:])),
    ("keep_p", lambda *c: spread(*c[:5], 1 - c[5], *c[6:], scale=1 / (1 - c[5]))),
    ("on_inputs", {"inputs": True}), ("logits", {"shown": np.array}),
    ("mean_logits", lambda *c: (softmax(spread(*c, shown=np.array)[0]), spread(*c)[1])),
    ("variance_given", {"power": 1}),
    ("error_of_mean", lambda *c: (spread(*c)[0], spread(*c)[1] / c[6] ** 0.5)),
]  # fmt: skip


def six_errors(*case):
    """6 standard errors of means and deviations, relative to the largest mean and deviation."""
    mean, variance = spread(*case, power=1)
    of_std = np.sqrt((spread(*case, moment=4, power=1)[1] - variance**2) / (4 * variance))
    largest = max(variance.max() ** 0.5 / mean.max(), of_std.max() / variance.max() ** 0.5)
    return SIGMAS * largest / case[6] ** 0.5


def no_spread(given, case):
    sound = difference(given, spread(*case), np.inf) is None
    return "no_spread" if sound and given[1].max() < 1e-9 else None


def one_round(answer):
    """The answer as a draw: its probabilities tell what became of each hidden unit of a network."""

    def draw(x, p, seed):
        m, P = x.shape[1], np.zeros((len(x), x.shape[1] + 1))
        for i, row in enumerate(x):  # one at a time: a mask for the whole batch is right as well
            network = row[None] - 1, np.eye(m), np.ones(m), np.eye(m + 1)[1:], np.zeros(m + 1)
            given = answer(*network, p, 1, seed + 7919 * i)
            mean = given[0] if isinstance(given, tuple | list) and given else given
            if problem := difference(mean, P[:1], np.inf):
                expected = f"two arrays of shape {(1, m + 1)}"
                blame(problem, expected, given, x=network[0], rounds=1)
            P[i] = mean[0]
        with np.errstate(all="ignore"):
            return np.log(P[:, 1:] / P[:, :1]).round(5)

    return draw


def check_rounds(answer, rounds=7):
    """One hidden unit is 0 or 2, so that mean and spread tell in how many rounds it was 2."""
    x, low, high = np.ones((20, 1)), 0.5, 1 / (1 + np.exp(-2))
    case = (x, x[:1], np.zeros(1), np.array([[1.0, 0.0]]), np.zeros(2), 0.5, rounds, 3)
    mean, std = (np.asarray(part)[:, 0] for part in answer(*case))
    times = rounds * (mean - low) / (high - low)
    if np.abs(times - times.round()).max() > 1e-4:
        blame("rounds", f"whole numbers: how often of {rounds} it was 2", times, rounds=rounds)
    wanted = (high - low) * np.sqrt(times * (rounds - times)) / rounds
    if all(difference(std, f * wanted, 1e-4) for f in (1, (rounds / (rounds - 1)) ** 0.5)):
        blame("spread", show_value(wanted), std, mean=mean, rounds=rounds)


def small_network(rng):
    """Inputs, weights and biases, shuffled: with these the known mistakes lie far apart."""
    draw = np.random.default_rng(8)
    x, W1, b1 = draw.normal(size=(6, 2)), draw.normal(size=(2, 4)), draw.uniform(0.2, 1, size=4)
    W2, b2 = 1.5 * draw.normal(size=(4, 3)), draw.normal(size=3)
    units, classes = rng.permutation(4), rng.permutation(3)
    return rng.permutation(x), W1[:, units], b1[units], W2[units][:, classes], b2[classes]


def monte_carlo(answer, seed=0):
    rng = np.random.default_rng(seed)
    case = (*small_network(rng), 0.4, 500, int(rng.integers(10**6)))
    how = {"tol": six_errors(*case), "explain": no_spread}
    judged(spread, lambda rng: [case], SPREADS, ("mean", "std"), **how)(answer)
    check_rounds(answer)
    check_dropout(one_round(answer), SMALL, np.abs(away_from_zero(rng, 20, 60)), rng)


TESTS = {
    "2.1": dropout,
    "2.4": layer,
    "2.5": spatial_dropout,
    "2.6": gaussian_dropout,
    "2.13": monte_carlo,
}
