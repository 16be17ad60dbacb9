"""The keys of the questions about noise, found by other ways than their explanations give.

Masks are few enough to be listed, so means and variances over them are exact sums.
"""

from itertools import permutations, product

import numpy as np
from scipy import integrate, optimize, stats
from scipy.special import expit, softmax
from sklearn.linear_model import Ridge

from reglib import Dropout, GaussianNoise, smooth_labels
from reglib.assess.questions import find


def every_mask(n, p):
    """All masks of n units, 0 or 1 / (1 - p), as rows, and the probability of each."""
    kept = np.array(list(product((0, 1), repeat=n)))
    return kept / (1 - p), np.prod(np.where(kept, 1 - p, p), axis=1)


def spread(values, chances):
    """The variance of `values` (one a row), which come with these chances."""
    mean = chances @ values
    return chances @ (values - mean) ** 2


def cross_entropy(label, q):
    return -np.sum(label * np.log(q))


# Choices


def averages():
    """Compare the single pass with three averages over all masks of five units."""
    rng, p = np.random.default_rng(0), 0.3
    h, W = rng.uniform(0, 2, 5), rng.normal(size=(5, 4))
    masks, chances = every_mask(5, p)
    each = softmax(masks * h @ W, axis=1)
    single = softmax(h @ W)
    geometric = np.exp(chances @ np.log(each))
    candidates = {
        "a": chances @ each,
        "b": chances @ np.eye(4)[each.argmax(axis=1)],
        "c": geometric / geometric.sum(),
    }
    return "".join(k for k, q in candidates.items() if np.allclose(q, single, atol=1e-12)) or "d"


def mask_positions():
    z, mask = np.linspace(-3, 3, 61)[:, None], np.array([0, 1 / (1 - 0.3)])
    functions = {"ReLU": lambda z: np.maximum(z, 0), "tanh": np.tanh, "sigmoid": expit}
    same = {name for name, f in functions.items() if np.allclose(f(mask * z), mask * f(z))}
    options = {"a": {"ReLU"}, "b": {"ReLU", "tanh"}, "c": set(functions), "d": set()}
    return next(letter for letter, names in options.items() if names == same)


def disagreement():
    pictures = {
        "a": [[0.5, 0.5], [0.5, 0.5]],
        "b": [[0.9, 0.1], [0.1, 0.9]],
        "c": [[0.9, 0.1], [0.9, 0.1]],
    }
    gap = {
        letter: stats.entropy(np.mean(q, axis=0)) - np.mean([stats.entropy(one) for one in q])
        for letter, q in pictures.items()
    }
    assert round(gap["b"], 2) == 0.37, "the explanation says 0.37"
    return max(gap, key=gap.get)


def what_noise_adds():
    """The increase of the loss of a network that fits, over sigma squared, for small sigma."""
    w, v, x, sigma = np.array([1.5, -0.7]), np.array([0.8, 1.1]), 0.4, 1e-3

    def f(x):
        return v @ np.tanh(np.multiply.outer(w, x))

    step = 1e-4
    slope = (f(x + step) - f(x - step)) / (2 * step)
    bend = (f(x + step) - 2 * f(x) + f(x - step)) / step**2
    added = integrate.quad(lambda e: (f(x + sigma * e) - f(x)) ** 2 * stats.norm.pdf(e), -8, 8)[0]
    options = {"a": w @ w + v @ v, "b": bend**2, "c": 1.0, "d": slope**2}
    return min(options, key=lambda letter: abs(options[letter] - added / sigma**2))


# Several


def shared_coins():
    """Moments over all masks of two inputs, two units and two samples."""
    p = 0.4
    x, W = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[1.5, -1.0], [2.0, 0.5]])
    masks, chances = every_mask(4, p)  # four coins: two inputs of two samples, or four weights
    ways = {
        "inputs": np.array([(x * m.reshape(2, 2)) @ W for m in masks]),
        "wires": np.array([x @ (W * m.reshape(2, 2)) for m in masks]),
    }
    mean, var, units, samples = {}, {}, {}, {}
    for way, y in ways.items():
        mean[way] = np.einsum("m,mij->ij", chances, y)
        d = y - mean[way]
        var[way] = chances @ d[:, 0, 0] ** 2
        units[way] = abs(chances @ (d[:, 0, 0] * d[:, 0, 1])) > 1e-9
        samples[way] = abs(chances @ (d[:, 0, 0] * d[:, 1, 0])) > 1e-9
    true = {
        "a": np.allclose(mean["inputs"], mean["wires"]),
        "b": var["wires"] < var["inputs"] - 1e-9,
        "c": units["inputs"] and not units["wires"],
        "d": samples["wires"] and not samples["inputs"],
        "e": samples["inputs"] == samples["wires"],
    }
    return "".join(letter for letter, holds in true.items() if holds)


def smoothing_facts():
    label = smooth_labels(np.eye(10)[:1], 0.1)[0]
    assert round(label[0], 2) == 0.91, "the explanation says 0.91"
    q = np.array([0.95, *[0.05 / 9] * 9])

    def loss(gap):
        return cross_entropy(label, softmax(np.r_[gap, np.zeros(9)]))

    best = optimize.minimize_scalar(loss, bounds=(0, 40), method="bounded")
    assert round(best.fun, 2) == 0.5 and round(best.x, 1) == 4.5, "an explanation quotes both"
    honest = np.array([0.8, *[0.2 / 9] * 9])  # the true shares of the classes: calibrated
    learnt = smooth_labels(honest[None], 0.1)[0]  # what the smoothed loss asks for
    true = {
        "a": np.isclose(label[0], 0.9),
        "b": (q - label)[0] > 0,
        "c": best.fun < 0.1,
        "d": best.x < 39,
        "e": abs(learnt.max() - 0.8) <= abs(honest.max() - 0.8),
    }
    return "".join(letter for letter, holds in true.items() if holds)


# Numbers


def ridge_of_raw_noise():
    """The l2 whose ridge fit equals the fit under the noise, by the second moments of the noise."""
    rng = np.random.default_rng(0)
    X, y, sigma = rng.uniform(0, 255, (50, 3)), rng.normal(size=50), 51
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)  # exact for a quadratic loss
    grid = sigma * np.array(list(product(nodes, repeat=3)))
    chances = np.prod(list(product(weights / weights.sum(), repeat=3)), axis=1)
    copies = ((X[:, None, :] + grid) / 255).reshape(-1, 3)
    root = np.sqrt(np.tile(chances, 50))
    w = np.linalg.lstsq(root[:, None] * copies, root * np.repeat(y, len(grid)), rcond=None)[0]

    def apart(l2):
        return np.linalg.norm(Ridge(50 * l2, fit_intercept=False).fit(X / 255, y).coef_ - w)

    best = optimize.minimize_scalar(apart, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
    assert best.fun < 1e-6, "no l2 gives the fit under the noise"
    return best.x


def smallest_smoothed_loss():
    """The smallest loss over all logits of four classes, by a general minimiser."""
    label = smooth_labels(np.eye(4)[:1], 0.2)[0]
    return optimize.minimize(lambda z: cross_entropy(label, softmax(z)), np.zeros(4)).fun


def best_binary_logit():
    target = smooth_labels(np.array([[0.0, 1.0]]), 0.1)[0, 1]
    return optimize.brentq(lambda z: expit(z) - target, -10, 10)  # the gradient is zero here


def never_dropped():
    """The chance to stay whole, step by step: the cell is lost at each with probability 0.1."""
    state = np.array([1.0, 0.0])  # whole, lost
    for _ in range(50):
        state = state @ np.array([[0.9, 0.1], [0.0, 1.0]])
    return state[0]


def variance_after_batch_norm():
    """Feed an exactly standardised batch through dropout; compare what evaluation divides by."""
    x = np.random.default_rng(0).normal(size=200_000)
    x = (x - x.mean()) / x.std()
    seen = Dropout(0.5, np.random.default_rng(1)).forward(x, training=True)
    # The squares have the mean 2 and the variance 24 - 4: six standard errors are 0.06.
    assert abs(seen.var() - 2) < 0.06
    masks, chances = every_mask(1, 0.5)
    return x.var() / (chances @ masks[:, 0] ** 2 * np.mean(x**2))


# Order


def orders_that_train():
    """The orders of the parts of a step that run and give the step of plain gradient descent."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(3, 1))
    W, v, mask = rng.normal(size=(2, 4)), rng.normal(size=(4, 1)), np.array([2.0, 0, 2, 2])

    def loss(W, v):
        return 0.5 * np.sum(((np.maximum(x @ W, 0) * mask) @ v - y) ** 2)

    def slopes(A, of):
        steps = 1e-6 * np.eye(A.size).reshape(-1, *A.shape)
        return np.array([(of(A + e) - of(A - e)) / 2e-6 for e in steps]).reshape(A.shape)

    right = W - slopes(W, lambda A: loss(A, v)), v - slopes(v, lambda A: loss(W, A))

    def mask_activations(s):
        s["h"], s["mask"] = s["h"] * mask, mask

    def update(s):
        dz = s["da"] * (x @ s["W"] > 0)
        s["v"], s["W"] = s["v"] - s["h"].T @ s["error"], s["W"] - x.T @ dz

    parts = {
        "a": lambda s: s.update(da=s["error"] @ s["v"].T),
        "b": mask_activations,
        "c": update,
        "d": lambda s: s.update(h=np.maximum(x @ s["W"], 0)),
        "e": lambda s: s.update(da=s["da"] * s["mask"]),
        "f": lambda s: s.update(error=s["h"] @ s["v"] - y),
    }
    found = []
    for order in permutations(parts):
        state = {"W": W, "v": v}
        try:
            for letter in order:
                parts[letter](state)
        except KeyError:  # a part that needs what is not there yet
            continue
        if all(np.allclose(state[k], r, atol=1e-6) for k, r in zip("Wv", right, strict=True)):
            found.append("".join(order))
    assert len(found) == 1, f"more than one order trains: {found}"
    return found[0]


def by_variance():
    noise = GaussianNoise(1.5, np.random.default_rng(0)).forward(np.full(200_000, 2.0), True)
    found = {"a": noise.var()}  # standard error 0.007, far from its neighbours at 1 and 4
    for letter, p, scaled in (("b", 0.1, 1), ("c", 0.5, 1), ("d", 0.5, 0)):
        masks, chances = every_mask(1, p)
        found[letter] = spread(2 * masks[:, 0] * (1 if scaled else 1 - p), chances)
    return "".join(sorted(found, key=found.get))


# Curves


def drawn(name):
    """x of a curve question, and the curves of each of its panels."""
    data = find(name).data
    x = eval(data["x"], {"np": np})
    panels = data["curves"].items()
    return x, {k: [eval(e, {"np": np, "x": x}) for e in panel] for k, panel in panels}


def one_that_fits(panels, *expected):
    fits = [k for k, curves in panels.items() if np.allclose(curves, expected, atol=1e-9)]
    assert len(fits) == 1, f"panels that fit: {fits}"
    return fits[0]


def variance_curve():
    x, panels = drawn("dropout-variance-curve")
    masks = [every_mask(1, p) for p in x]
    return one_that_fits(panels, [spread(mask[:, 0], chances) for mask, chances in masks])


def smoothed_curve():
    x, panels = drawn("smoothed-loss-curve")
    q = softmax(np.stack([x, np.zeros_like(x)], axis=1), axis=1)
    labels = np.eye(2)[:1], smooth_labels(np.eye(2)[:1], 0.2)
    letter = one_that_fits(panels, *(-np.sum(label * np.log(q), axis=1) for label in labels))
    dashed = panels[letter][1]
    assert round(dashed.min(), 2) == 0.33 and abs(x[dashed.argmin()] - 2.2) < 0.05
    return letter


def dropped_unit_spread():
    masks, chances = every_mask(1, 0.2)
    return spread(3 * masks[:, 0], chances) ** 0.5


def keep_read_as_drop():
    written, intended = (spread(mask[:, 0], c) for mask, c in map(every_mask, (1, 1), (0.8, 0.2)))
    return written / intended


COMPUTED = {
    "dropout-averages-what": averages,
    "dropout-mask-position": mask_positions,
    "masks-that-disagree": disagreement,
    "noise-as-slope": what_noise_adds,
    "dropconnect-shared-coins": shared_coins,
    "smoothing-facts": smoothing_facts,
    "dropped-unit-spread": dropped_unit_spread,
    "noise-in-raw-units": ridge_of_raw_noise,
    "smoothing-loss-floor": smallest_smoothed_loss,
    "smoothing-binary-logit": best_binary_logit,
    "recurrent-fresh-masks": never_dropped,
    "keep-read-as-drop": keep_read_as_drop,
    "dropout-before-batch-norm": variance_after_batch_norm,
    "dropout-step-order": orders_that_train,
    "noise-by-variance": by_variance,
    "dropout-variance-curve": variance_curve,
    "smoothed-loss-curve": smoothed_curve,
}

# Answers in other words than the model's, and answers that sound like one.
GOOD, BAD = {}, {}
GOOD["explain-dropout"] = (
    "During learning, a fraction p of the hidden activations is replaced by 0, another set for "
    "every image in the batch. I'd show a stick figure network with holes in it. What remains "
    "is enlarged by 1/(1-p), so the sum arriving downstream keeps its size; the noise this "
    "adds has variance p/(1-p) h**2. Once learning is over the layer does nothing. When the "
    "error signal returns, it goes through the very holes of the forward pass. Why useful: no "
    "neuron may count on another, so fragile agreements do not form. I begin with one half in "
    "big layers and compare several values by held-out accuracy. If the model cannot even "
    "memorise the data, I remove it."
)
BAD["explain-dropout"] = (
    "Dropout turns off random neurons which makes the network smaller and faster and so it "
    "overfits less on average. I always use it with p 0.5 when I choose p, because it is the "
    "best. It scales well and the gradient gets better."
)
GOOD["smoothing-for-honesty"] = (
    "I'd ask for the evidence. Sort 1000 validation cases into ten bins of stated probability "
    "and see how many are correct in each. If eighty percent confidence gives seventy percent "
    "hits the network overstates. Label smoothing sets the goal at 0.91 for the right class, "
    "so the loss punishes 0.99 and confidence sinks for all. On a network that overstates, "
    "that can help by accident; on one that tells the truth it creates the opposite error. The "
    "rule then sends nearly everybody's case to the human. Better learn one temperature on the "
    "validation split. The class stays the same. Then place the bar by costs. Evaluate with "
    "real labels and repeat after deployment."
)
BAD["smoothing-for-honesty"] = (
    "Yes, label smoothing makes the network honest. The probabilities get better calibrated, "
    "which is worse for nobody, and the threshold of 0.9 will then be right. I would use 0.1."
)
