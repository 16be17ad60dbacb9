"""The checks of exercise 05 on the search for a strength, on serving, and on drift."""

import numpy as np

from reglib.assess.compare import combined, judged, match
from reglib.assess.grading.inside import factorizations
from reglib.assess.tasks.interview import cases, solve, traced
from reglib.assess.tasks.noise_injection_draws import blame

TESTS = {}


def job(X, y, folds, fold, l2, scaled=1, centred=1, alone=0, held=1, mean=np.mean, ddof=0):
    """The validation error of one fold and one strength; `scaled`, `centred`: 0 by all rows."""
    T, V = folds != fold, folds == fold
    scale_by, centre_by, scored = T | (scaled == 0), T | (centred == 0), V if held else T

    def scale(by):
        spread = np.where(np.ptp(X[by], axis=0) > 0, X[by].std(axis=0, ddof=ddof), 1)
        return (X - X[by].mean(axis=0)) / spread

    base = y[centre_by].mean() * (centred != 2)
    Z = scale(scale_by)
    w = solve(Z[T], y[T] - base, l2)
    return mean(((scale(V) if alone else Z)[scored] @ w + base - y[scored]) ** 2)


TESTS["5.7"] = judged(job, cases(lambda rng, n, d, k, l2: (
    rng.normal(size=(n, d)) * rng.uniform(0.5, 20, size=d) * (np.arange(d) != 3) + 3,
    5 + rng.normal(size=n), rng.permutation(n) % k, int(rng.integers(k)), l2,
), (17, 3, 3, 0.3), (20, 2, 4, 0.1), (24, 4, 3, 1.0), (15, 3, 5, 0.2)), [
    *combined({"scaled": [("", 1), ("leak", 0)], "centred": [
        ("", 1), ("leak_y", 0), ("no_intercept", 2)]}),
    ("per_sample", lambda *c: job(*c[:4], c[4] / np.sum(c[2] != c[3]))),
    ("alone", {"alone": 1}), ("training", {"held": 0}),
    ("sum", {"mean": np.sum}), ("ddof", {"ddof": 1}),
], tol=3e-7)  # fmt: skip  # `std + 1e-8` gives a constant feature its 0 as well


def strength(lambdas, errors, ddof=1, root=0.5, se=1, pick=max, own=0):
    """The largest strength within `se` standard errors of the best mean."""
    means, spread = errors.mean(axis=0), errors.std(axis=0, ddof=ddof) / len(errors) ** root
    return pick(lambdas[means <= means.min() + se * (spread if own else spread[means.argmin()])])


PICKS = [("smallest_error", {"se": 0}), ("ddof", {"ddof": 0}), ("no_root", {"root": 0}),
         ("smallest", {"pick": min}), ("own", {"own": 1}),
         ("in_order", {"pick": lambda kept: kept[-1]})]  # fmt: skip


def table(rng, *wrong):
    """A table of errors where these mistakes pick different strengths, all wrong ones."""
    while True:
        lambdas = rng.permutation(np.geomspace(1e-3, 10, 25) * rng.uniform(0.5, 2))
        errors = 1 + 0.1 * (np.log(lambdas) - rng.uniform(-4, -1)) ** 2 + rng.normal(size=(4, 1))
        errors = errors + 0.4 * rng.normal(size=(4, 25)) * rng.random(25)
        picks = {
            strength(lambdas, errors, **how) for _, how in [("", {}), *(PICKS[i] for i in wrong)]
        }
        if len(picks) > len(wrong):
            return lambdas, errors


TESTS["5.8"] = judged(strength, cases(
    table, (0, 1, 4), (0, 2, 3), (1, 2, 4), (0, 3, 5), (4, 5), (1, 3)), PICKS)  # fmt: skip


def path(X, y, lambdas, n=None):
    return np.array([solve(X, y, l2, n) for l2 in lambdas])


def counted(answer, seen):
    """`answer`, blamed when it factorizes more than three matrices; their number goes to `seen`."""

    def watched(*case):
        if hasattr(answer, "counted"):  # it runs in another process, and is watched there
            result, found = answer.counted(*case)
        else:
            result = traced(factorizations(found := []), answer, *case)
        count = 0
        for _, shape in found:
            blocks = -(-min(shape[-2:], default=0) // max(case[0].shape))  # one beside another
            count += int(np.prod(shape[:-2]) * blocks)
        if count > 3:
            blame("many", "one decomposition", f"`{found[0][0]}` for {count} matrices")
        seen.append(count)
        return result

    return watched


drawn = cases(lambda rng, n, d, k: (  # unlike features: steps of descent would take for ever
    rng.normal(size=(n, d)) * np.geomspace(1, 30, d), rng.normal(size=n),
    rng.permutation(np.geomspace(0.01, 10, k))), (8, 3, 6), (30, 5, 12), (6, 9, 7))  # fmt: skip


def paths(answer, seed=0):
    match(counted(answer, seen := []), path, drawn(np.random.default_rng(seed)), [
        ("not_mean", lambda *c: path(*c, 1)), ("turned", lambda *c: path(*c).T),
        ("in_order", lambda X, y, l2: path(X, y, np.sort(l2)))])  # fmt: skip
    if 0 in seen:
        blame("unseen", "one decomposition", "none by `np.linalg`")


TESTS["5.9"] = paths


def served(X, mean, std, W1, b1, run_mean, run_var, W2, b2, p, call, scaled=0, normed=0, drop=0):
    """Class probabilities in evaluation mode; `scaled`, `normed`: 1 by the batch's statistics."""
    mean, std = (X.mean(axis=0), X.std(axis=0)) if scaled else (mean, std)
    Z = (X - mean) / std @ W1 + b1
    mean, var = (Z.mean(axis=0), Z.var(axis=0)) if normed else (run_mean, run_var)
    H = np.maximum((Z - mean) / np.sqrt(var + 1e-5), 0)
    mask = np.random.default_rng(call).random(H.shape) >= p
    E = np.exp(H * (1, mask / (1 - p), 1 - p, mask)[drop] @ W2 + b2)
    return E / E.sum(axis=1, keepdims=True)


TESTS["5.11"] = judged(served, cases(lambda rng, n, d, h, k: (
    rng.normal(size=(n, d)) * 2 + 1, np.ones(d), rng.uniform(1, 3, d), rng.normal(size=(d, h)),
    *rng.normal(size=(2, h)), rng.uniform(1, 3, h), rng.normal(size=(h, k)), rng.normal(size=k),
    0.4, int(rng.integers(99))), (4, 2, 5, 3), (6, 3, 4, 2), (5, 4, 6, 3), (1, 3, 4, 3)), combined({
        "scaled": [("", 0), ("scaled", 1)], "normed": [("", 0), ("normed", 1)],
        "drop": [("", 0), ("dropped", 1), ("rescaled", 2), ("dropped", 3)],
    }, "scaled normed dropped"))  # fmt: skip


def distance(reference, current, at=np.append, after="right", signed=0, size=np.max, n=None):
    """The largest gap of two distribution functions, feature by feature."""
    found = []
    for a, b in zip(np.sort(reference.T), np.sort(current.T), strict=True):
        F = np.searchsorted(a, at(a, b), "right") / (n or len(a))
        G = np.searchsorted(b, at(a, b), after) / (n or len(b))
        found.append(size(F - G if signed else abs(F - G)))
    return np.array(found)


def drifted(rng, n, m):
    """Ties, a feature that never changes, one that was constant, and other numbers of rows."""
    A, B = rng.normal(size=(n, 5)), rng.normal(size=(m, 5)) + [0, 1, -1, 0.5, 0]
    A[:, 3:], B[:, 4], A[:, 2], B[:, 2] = 2.0, 2.0, A[:, 2].round(), B[:, 2].round()
    return A, B


TESTS["5.12"] = judged(distance, cases(drifted, (9, 5), (20, 31), (12, 12)), [
    ("left", {"after": "left"}), ("signed", {"signed": 1}), ("counts", {"n": 1}),
    ("few", {"at": lambda a, b: a}), ("average", {"size": np.mean}),
    ("few", {"at": lambda a, b: np.quantile(a, np.arange(1, 10) / 10)}),
    ("pooled", lambda A, B: np.repeat(distance(A.reshape(-1, 1), B.reshape(-1, 1)), A.shape[1])),
    ("means", lambda A, B: abs(A.mean(axis=0) - B.mean(axis=0))),
])  # fmt: skip
