"""Right and wrong answers to tasks 2.1 to 2.6 and 2.8: they prove that the checks tell them apart.

`RIGHT[number]` is a list of functions that must pass, each in another idiom. `WRONG[number]` is a
list of pairs: a function that must fail, and a part of the sentence that the learner must read.
"""

import numpy as np

RIGHT, WRONG = {}, {}


# 2.1 dropout, forward
def dropout_legacy(x, p, training, seed):
    if training:
        mask = np.random.RandomState(seed).binomial(1, 1 - p, size=x.shape)
        return x * mask / (1 - p)
    return x


def dropout_choice(x, p, training, seed):
    if not training:
        return x.copy()
    rng = np.random.default_rng(seed)
    return x * rng.choice([0.0, 1 / (1 - p)], size=x.shape, p=[p, 1 - p])


def dropout_in_a_copy(x, p, training, seed):
    out = np.array(x, dtype=float)
    if training and p > 0:
        dropped = np.random.default_rng(seed).uniform(size=x.size) < p  # drawn flat
        out.reshape(-1)[dropped] = 0
        out /= 1 - p
    return out


def dropout_global(x, p, training, seed):
    np.random.seed(seed)  # noqa: NPY002
    keep = 1 - p
    mask = (np.random.rand(*x.T.shape) < keep).T  # noqa: NPY002  drawn in another order
    return np.where(mask, x / keep, 0.0) if training else x + 0.0


def _dropout(scale=lambda p: 1 / (1 - p), shape=None, drop=lambda p: p, tested=lambda x, p: x):
    def answer(x, p, training, seed):
        if not training:
            return tested(x, p)
        rng = np.random.default_rng(seed)
        return x * (rng.random(shape(x) if shape else x.shape) >= drop(p)) * scale(p)

    return answer


def dropout_unseeded(x, p, training, seed):
    return x * (np.random.default_rng().random(x.shape) >= p) / (1 - p) if training else x


def dropout_same_seed(x, p, training, seed):
    return _dropout()(x, p, training, 0)


def dropout_fixed_count(x, p, training, seed):
    mask = np.arange(x.size) >= round(p * x.size)
    mask = np.random.default_rng(seed).permutation(mask).reshape(x.shape)
    return x * mask / (1 - p) if training else x


def dropout_by_rows(x, p, training, seed):
    n, d = x.shape
    mask = np.random.default_rng(seed).random((n, d)) >= p
    return x * mask / (1 - p) if training else x


def dropout_rolled(x, p, training, seed):
    row = np.random.default_rng(seed).random(x.shape[1:]) >= p
    mask = np.array([np.roll(row, i, axis=-1) for i in range(len(x))])
    return x * mask / (1 - p) if training else x


def dropout_mirrored(x, p, training, seed):
    half = np.random.default_rng(seed).random(((len(x) + 1) // 2, *x.shape[1:]))
    mask = np.concatenate([half, 1 - half])[: len(x)] >= p
    return x * mask / (1 - p) if training else x


def dropout_in_place(x, p, training, seed):
    if training:
        x *= (np.random.default_rng(seed).random(x.shape) >= p) / (1 - p)
    return x


RIGHT["2.1"] = [_dropout(), dropout_legacy, dropout_choice, dropout_in_a_copy, dropout_global]
WRONG["2.1"] = [
    (_dropout(scale=lambda p: 1), "factor 1/(1-p) is missing"),
    (_dropout(scale=lambda p: 1, tested=lambda x, p: x * (1 - p)), "as it was first published"),
    (_dropout(scale=lambda p: 1, tested=lambda x, p: x / (1 - p)), "factor 1/(1-p) is missing"),
    (_dropout(scale=lambda p: 1 / p if p else 1), "scale is 1/p"),
    (_dropout(scale=lambda p: 1 - p), "multiplied by 1-p"),
    (_dropout(scale=lambda p: p), "multiplied by p"),
    (_dropout(scale=lambda p: 1 / (1 - p) ** 2), "there twice"),
    (_dropout(scale=lambda p: 1 + p), "neither that nor 0"),
    (_dropout(drop=lambda p: 1 - p), "probability to keep"),
    (_dropout(drop=lambda p: p / 2), "far from p"),
    (_dropout(drop=lambda p: -1, scale=lambda p: 1 / (1 - p)), "Nothing was dropped"),
    (_dropout(shape=lambda x: None), "One draw decides for everything: all"),
    (_dropout(drop=lambda p: 1), "Everything was dropped"),
    (_dropout(shape=lambda x: x.shape[1:]), "Every row has the same mask"),
    (_dropout(shape=lambda x: (len(x), 1)), "Whole rows"),
    (_dropout(tested=lambda x, p: x * (1 - p)), "scaled at evaluation too"),
    (_dropout(tested=lambda x, p: x / (1 - p)), "scaled at evaluation too"),
    (lambda x, p, training, seed: _dropout()(x, p, True, seed), "dropping at evaluation"),
    (dropout_unseeded, "two different draws"),
    (dropout_same_seed, "Different seeds gave the same"),
    (lambda x, p, training, s: _dropout()(x, p, training, s % 2), "Different seeds gave the same"),
    (dropout_fixed_count, "same number of units"),
    (dropout_rolled, "same number of units"),
    (dropout_mirrored, "The draws go together"),
    (dropout_by_rows, "not enough values to unpack"),
    (dropout_in_place, "in place"),
    (lambda x, p, training, seed: None, "returned `None`"),
    (lambda x, p, training, seed: (_dropout()(x, p, training, seed), x), "array is expected"),
]


# 2.2 the gradient of a dropped hidden layer
def slope_by_index(dout, z, mask, p):
    dz = np.zeros_like(dout)
    on = mask & (z > 0)
    dz[on] = dout[on] / (1 - p)
    return dz


def slope_in_steps(dout, z, mask, p):
    dh = dout * np.asarray(mask, dtype=float) / (1 - p)
    dh[z <= 0] = 0
    return dh


RIGHT["2.2"] = [
    lambda dout, z, mask, p: dout * mask * (z > 0) / (1 - p),
    lambda dout, z, mask, p: np.where((z > 0) & mask, dout, 0.0) * (1 / (1 - p)),
    slope_by_index,
    slope_in_steps,
]
WRONG["2.2"] = [
    (lambda d, z, m, p: d * m * (z > 0), "factor 1/(1-p) is missing"),
    (lambda d, z, m, p: d * (z > 0) / (1 - p), "mask is missing"),
    (lambda d, z, m, p: d * (z > 0), "mask is missing"),
    (lambda d, z, m, p: d * m / (1 - p), "slope of ReLU is missing"),
    (lambda d, z, m, p: d * ~m * (z > 0) / (1 - p), "turned round"),
    (lambda d, z, m, p: d * m * (z > 0) / p, "scale is 1/p"),
    (lambda d, z, m, p: d * m * (z > 0) * (1 - p), "multiplied by 1-p"),
    (lambda d, z, m, p: d * m * (z > 0) / (1 - p) ** 2, "there twice"),
    (lambda d, z, m, p: np.maximum(z, 0) * m / (1 - p), "layer's output"),
    (lambda d, z, m, p: d * np.maximum(z, 0) * m / (1 - p), "wants its slope"),
    (lambda d, z, m, p: m * (z > 0) / (1 - p), "`dout` is missing"),
    (lambda d, z, m, p: d, "differ"),
]

# 2.3 and 2.8 predictions
RIGHT["2.3"] = [lambda: "b", lambda: " B)", lambda: ["b"]]
WRONG["2.3"] = [(lambda: "a", "all ten of them"), (lambda: "c", "added to all logits")]
RIGHT["2.8"] = [lambda: "c", lambda: "C.", lambda: ("c",)]
WRONG["2.8"] = [(lambda: "a", "hard labels"), (lambda: "b", "true class alone")]


# 2.4 repair of a dropout layer
def layer_one_factor(x, dout, p, training, seed):
    keep = np.random.default_rng(seed).random(x.shape) >= p if training else 1.0
    factor = keep / (1 - p) if training else keep
    return x * factor, dout * factor


def layer_redrawn_from_the_seed(x, dout, p, training, seed):
    if not training:
        return x.copy(), dout.copy()
    out = x * (np.random.default_rng(seed).random(x.shape) >= p) / (1 - p)
    dx = dout * (np.random.default_rng(seed).random(x.shape) >= p) / (1 - p)
    return out, dx


def layer_binomial(x, dout, p, training, seed):
    if not training:
        return [x, dout]
    mask = np.random.RandomState(seed).binomial(1, 1 - p, x.shape) / (1 - p)
    return [x * mask, dout * mask]


def _layer(scale=lambda p: 1 / (1 - p), redraw=False, test=1.0, back=None, test_back=None):
    def answer(x, dout, p, training, seed):
        if not training:
            return x * test, dout * (test if test_back is None else test_back)
        rng = np.random.default_rng(seed)
        mask = rng.random(x.shape) >= p
        out = x * mask * scale(p)
        mask = rng.random(x.shape) >= p if redraw else mask
        return out, dout * mask * (back or scale)(p)

    return answer


def layer_with_the_mask_of_out(x, dout, p, training, seed):
    out = _layer()(x, dout, p, training, seed)[0]
    return (out, dout * (out != 0) / (1 - p)) if training else (out, dout)


def layer_turned_round(x, dout, p, training, seed):
    mask = np.random.default_rng(seed).random(x.shape) >= p
    return (x * mask / (1 - p), dout * ~mask / (1 - p)) if training else (x, dout)


def _over_p(p):
    return 1 / p if p else 1.0


RIGHT["2.4"] = [_layer(), layer_one_factor, layer_redrawn_from_the_seed, layer_binomial]
WRONG["2.4"] = [
    (_layer(_over_p, True, 0.7), "All three faults are still there. The backward pass"),
    (_layer(redraw=True), "mask of its own"),
    (_layer(lambda p: 1, test=0.7), "as it was first published"),
    (layer_with_the_mask_of_out, "read off the output"),
    (layer_turned_round, "very units that were dropped"),
    (lambda *case: _layer()(*case)[::-1], "changed places"),
    (_layer(_over_p), "scale is 1/p"),
    (_layer(test=0.7), "scaled at evaluation too: the"),
    (_layer(_over_p, redraw=True), "both. The scale is 1/p"),
    (_layer(redraw=True, test=0.7), "both. It is scaled at evaluation too"),
    (_layer(_over_p, test=0.7), "probability to keep. It is scaled at evaluation too"),
    (_layer(lambda p: 1 - p), "multiplied by 1-p"),
    (_layer(lambda p: 1), "is missing: what is kept"),
    (_layer(back=lambda p: 1), "`dx` is not scaled as `out` is"),
    (_layer(test_back=0.7), "`dx` must be `dout`"),
    (lambda x, d, p, training, seed: _layer()(x, d, p, True, seed), "dropping at evaluation"),
    (lambda *case: _layer()(*case)[0], "must return 2 things"),
    (lambda x, d, p, training, seed: _layer()(x, d, p, training, 7), "Different seeds"),
    (lambda x, d, p, training, seed: (_layer()(x, d, p, training, seed)[0], d), "not masked"),
]


# 2.5 spatial dropout
def spatial_loop(images, p, seed):
    rng = np.random.default_rng(seed)
    out = images.copy()
    for image in out:
        dropped = rng.random(images.shape[-1]) < p
        image[:, :, dropped] = 0
        image /= 1 - p
    return out


def spatial_repeat(images, p, seed):
    n, h, w, c = images.shape
    mask = np.random.RandomState(seed).binomial(1, 1 - p, (n, c)).astype(float)
    return images * mask.repeat(h * w, axis=0).reshape(n, h, w, c) / (1 - p)


def spatial_einsum(images, p, seed):
    mask = np.random.default_rng(seed).random((images.shape[-1], len(images))) < 1 - p
    return np.einsum("nhwc,cn->nhwc", images, mask / (1 - p))


def _spatial(shape, scale=lambda p: 1 / (1 - p), drop=lambda p: p):
    def answer(images, p, seed):
        rng = np.random.default_rng(seed)
        return images * (rng.random(shape(*images.shape)) >= drop(p)) * scale(p)

    return answer


def spatial_pairs(images, p, seed):
    n, _, _, c = images.shape
    mask = np.random.default_rng(seed).random((n, 1, 1, (c + 1) // 2)) >= p
    return images * mask.repeat(2, axis=3)[..., :c] / (1 - p)


def _channels(n, h, w, c):
    return n, 1, 1, c


RIGHT["2.5"] = [_spatial(_channels), spatial_loop, spatial_repeat, spatial_einsum]
WRONG["2.5"] = [
    (_spatial(lambda n, h, w, c: (n, h, w, c)), "Single pixels"),
    (_spatial(lambda n, h, w, c: (n, h, w, 1)), "Single pixels"),
    (_spatial(lambda n, h, w, c: (n, h, 1, c)), "Rows or columns of pixels"),
    (_spatial(lambda n, h, w, c: (1, 1, 1, c)), "All images lose the same"),
    (_spatial(lambda n, h, w, c: (n, 1, 1, 1)), "Whole images"),
    (_spatial(lambda n, h, w, c: 1), "One draw decides for everything. Each channel"),
    (_spatial(_channels, scale=lambda p: 1), "factor 1/(1-p) is missing"),
    (_spatial(_channels, scale=_over_p), "scale is 1/p"),
    (_spatial(_channels, drop=lambda p: 1 - p), "probability to keep"),
    (spatial_pairs, "The draws go together"),
    (lambda images, p, seed: _spatial(_channels)(images, p, None), "two different draws"),
    (lambda images, p, seed: _spatial(_channels)(images, p, 3), "Different seeds"),
    (lambda images, p, seed: _spatial(_channels)(images, p, seed)[0], "shape is"),
]


# 2.6 Gaussian dropout
def gaussian_box_muller(x, p, seed):
    u, v = np.random.RandomState(seed).uniform(1e-12, 1, size=(2, *x.shape))
    return x * (1 + (p / (1 - p)) ** 0.5 * np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v))


def gaussian_sum(x, p, seed):
    noise = np.random.default_rng(seed).standard_normal(x.size).reshape(x.shape)
    return x + x * noise * np.sqrt(p / (1 - p))


def _gaussian(std, loc=1.0, shape=None, added=False, kind="normal"):
    def answer(x, p, seed):
        rng = np.random.default_rng(seed)
        mean, size = loc(p) if callable(loc) else loc, shape(x) if shape else x.shape
        if kind == "uniform":
            half = np.sqrt(3) * std(p)
            return x * rng.uniform(mean - half, mean + half, size)
        noise = rng.normal(mean, std(p), size)
        return x + noise if added else x * noise

    return answer


def gaussian_tiled(x, p, seed):
    rows = np.random.default_rng(seed).normal(1, _std(p), (10, *x.shape[1:]))
    return x * np.resize(rows, x.shape)


def gaussian_skewed(x, p, seed):
    noise = np.random.default_rng(seed).gamma(20, size=x.shape)
    return x * (1 + _std(p) * (noise - 20) / 20**0.5)


def _std(p):
    return np.sqrt(p / (1 - p))


def _bernoulli(x, p, seed):
    return _dropout()(x, p, True, seed)


RIGHT["2.6"] = [_gaussian(_std), gaussian_box_muller, gaussian_sum]
WRONG["2.6"] = [
    (_gaussian(lambda p: p / (1 - p)), "went in as the standard deviation. It is the variance"),
    (_gaussian(lambda p: p**0.5), "variance of the factors is p."),
    (_gaussian(lambda p: p), "p went in as"),
    (_gaussian(lambda p: (p * (1 - p)) ** 0.5), "mask of zeros and ones"),
    (_gaussian(lambda p: 1 / _std(p) if p else 0.0), "other way round"),
    (_gaussian(lambda p: 2 * _std(p)), "not that of dropout's factor"),
    (_gaussian(lambda p: (p / (1 - p) + 1e-4) ** 0.5), "With p = 0"),
    (_gaussian(_std, loc=0.0), "mean 0"),
    (_gaussian(_std, loc=0.0, added=True), "noise was added"),
    (_gaussian(_std, loc=lambda p: 1 / (1 - p)), "mean 1/(1-p)"),
    (_gaussian(_std, loc=lambda p: 1 - p), "is not 1, so"),
    (_gaussian(_std, shape=lambda x: x.shape[-1:]), "Every row"),
    (_gaussian(_std, shape=lambda x: 1), "multiplies everything"),
    (_gaussian(_std, shape=lambda x: (len(x), 1)), "All entries of a row"),
    (_gaussian(_std, kind="uniform"), "not normally distributed"),
    (gaussian_skewed, "not normally distributed"),
    (gaussian_tiled, "The draws go together"),
    (lambda x, p, seed: _gaussian(_std, shape=lambda x: x.shape[:2])(x, p, seed), "stopped with"),
    (lambda x, p, seed: _gaussian(_std)(x, p, seed % 2), "Different seeds"),
    (_bernoulli, "two factors of ordinary dropout"),
    (_gaussian(lambda p: 0.0), "no noise"),
    (lambda x, p, seed: _gaussian(_std)(x, p, 1), "Different seeds"),
    (lambda x, p, seed: _gaussian(_std)(x, p, None), "two different draws"),
]
