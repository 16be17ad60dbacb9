"""The checks of exercise 03 whose answers draw: mixup with a lambda each, and a box to erase.

As in exercise 02, tolerances are 6 standard errors, and no order of draws is asked for.
"""

from itertools import combinations

import numpy as np

from reglib.assess.compare import difference
from reglib.assess.tasks.noise_injection_draws import SIGMAS, blame, repeated


def astray(values, mean, variance, fourth):
    """Whether the mean, or the variance about the right mean, is far from the right one."""
    errors = np.sqrt(np.array([variance, fourth - variance**2]) / len(values))
    found = np.array([values.mean(), np.mean((values - mean) ** 2)])
    return (abs(found - [mean, variance]) > SIGMAS * errors).any()


def moments(values):
    return f"mean {values.mean():.3f}, variance {values.var():.3f}"


def blend_faults(M, labels, Y):
    """What may be wrong with one draw: key, and whether it is. Row i of M is `mixed[i]`."""
    pairs = (M - np.diag(M.diagonal())) > 0
    moved = pairs.any(axis=1)  # a row may be its own partner
    yield "unmixed", not moved.any()
    # A lambda in float32 is as good a draw.
    yield "not_blend", abs(M.sum(axis=1) - 1).max() > 1e-6 or pairs.sum(axis=1).max() > 1
    yield "partner_twice", pairs.sum(axis=0).max() > 1
    yield "one_lam", np.ptp(M.diagonal()[moved]) < 1e-6
    yield "hard", np.allclose(labels, Y)
    yield "labels_turned", np.allclose((labels + M @ Y)[moved], (Y + pairs @ Y)[moved])
    yield "labels_apart", not np.allclose(labels, M @ Y)


def mixup(answer, seed=0):
    """The images are the rows of an identity matrix: a mixed one shows what it was mixed of."""
    rng, n, k = np.random.default_rng(seed), 60, 4
    images, y = np.eye(n).reshape(n, 6, 10), rng.permutation(np.arange(n) % k)

    def mixed(alpha, seed):
        given, Y = answer(images.copy(), y.copy(), k, alpha, seed), np.eye(k)[y]
        inputs = {"y": y, "k": k, "alpha": alpha, "seed": seed}
        if problem := difference(given, (images, Y), np.inf, ("mixed", "labels")):
            blame(problem, f"arrays of shape {images.shape} and {Y.shape}", given, **inputs)
        M, labels = np.reshape(given[0], (n, n)), given[1]
        for key, found in blend_faults(M, labels, Y):
            if found:
                parts = " + ".join(f"{M[0, j]:.3f} images[{j}]" for j in np.flatnonzero(M[0]))
                given = f"mixed[0] = {parts}, labels[0] = {labels[0].round(3)}"
                blame(key, "lam images[0] + (1 - lam) images[j], labels alike", given, **inputs)
        return M

    outs = repeated(lambda seed: mixed(0.5, seed), rng)
    if all(((out > 0) == (outs[0] > 0)).all() for out in outs):
        blame("same_partners", "other partners with each seed", "the same for all seeds", y=y)
    for a in (0.5, 3.0):
        seeds = rng.choice(10**6, size=12, replace=False).tolist()
        lam = np.concatenate([mixed(a, one).diagonal() for one in seeds])
        lam, right = lam[lam < 1 - 1e-6], 1 / (8 * a + 4)
        if astray(lam, 0.5, right, 3 / (16 * (2 * a + 1) * (2 * a + 3))):
            flat = not astray(lam, 0.5, 1 / 12, 1 / 80)
            key = "alpha_unused" if flat else "folded" if lam.min() > 0.45 else "not_beta"
            blame(key, f"mean 0.5, variance {right:.3g}", moments(lam), alpha=a)


def box_faults(boxes, h, w, scale, ratio):
    """What may be wrong with boxes (n, 4): key, and for each box whether it is."""
    top, left, a, b = boxes.T
    yield "fractions", (boxes != boxes.round()).any(axis=1)
    yield "empty", (a < 1) | (b < 1)
    (least, most), (flat, tall) = np.array([scale, ratio]) * [1 - 1e-9, 1 + 1e-9]
    off = (a / b < flat) | (a / b > tall)
    turned = off.mean() > 0.1 and np.mean((b / a >= flat) & (b / a <= tall)) > 0.9
    yield "aspect_turned", off & turned
    yield "outside", (top < 0) | (left < 0) | (top + a > h) | (left + b > w)
    yield "area", (a * b / (h * w) < least) | (a * b / (h * w) > most)
    yield "aspect", off


def erasing_box(answer, seed=0):
    """In the large image no box needs a second draw; in the small one seven of ten do."""
    rng, row = np.random.default_rng(seed), "h, w, scale, ratio"
    large, small = (400, 300, (0.02, 0.15), (0.25, 2.0)), (6, 5, (0.62, 0.98), (0.85, 5.0))

    def box(case, seed):
        given = answer(*case, seed)
        if problem := difference(given, (0.0,) * 4, np.inf, ("top", "left", "height", "width")):
            blame(problem, "four whole numbers", given, **{row: case}, seed=seed)
        return np.array(given, dtype=float)

    def sound(boxes, case):
        for key, found in box_faults(np.array(boxes), *case):
            if found.any():
                blame(key, "a box as asked for", boxes[found.argmax()].tolist(), **{row: case})
        return np.transpose(boxes)

    def many(case, n):
        seeds = rng.choice(10**6, size=n, replace=False).tolist()
        return sound([box(case, one) for one in seeds], case)

    sound(repeated(lambda seed: box(large, seed), rng), large)
    top, left, a, b = many(large, 250)
    places = (top + 0.5) / (401 - a), (left + 0.5) / (301 - b)
    shares, log_aspects = (a * b / (400 * 300) - 0.02) / 0.13, np.log(a / b / 0.25) / np.log(8)
    # All from 0 to 1; rounding to pixels moves their means by 0.005 at most.
    scales = {"share": shares, "log_aspect": log_aspects, "place": np.append(*places)}
    for key, values in scales.items():
        if astray(values, 0.5, 1 / 12, 1 / 80):
            blame(key, "on a scale from 0 to 1: mean 0.500, variance 0.083", moments(values))
    for one, other in combinations((shares, log_aspects, *places), 2):
        if astray((one - 0.5) * (other - 0.5), 0, 1 / 144, np.inf):
            blame("related", "two draws with a correlation near 0", np.corrcoef(one, other)[0, 1])
    # Each of the 8 has a probability of 0.069 or more: by chance one misses once in 10**9 checks.
    found = many(small, 320).T.tolist()
    every = np.array(list(np.ndindex(6, 5, 6, 5))) + [0, 0, 1, 1]
    right = every[~np.any([fault for _, fault in box_faults(every, *small)], axis=0)].tolist()
    if missing := [one for one in right if one not in found]:
        key = "never_full" if all(a == 6 or b == 5 for *_, a, b in missing) else "never_last"
        blame(key, f"{missing[0]} now and then", "never in 320 boxes", **{row: small})


TESTS = {"3.6": mixup, "3.10": erasing_box}
