"""Explorers of noise in training: thinned networks, softened labels, and how sure they become."""

from functools import cache

import numpy as np
from matplotlib.collections import LineCollection
from scipy.ndimage import rotate
from scipy.special import entr, softmax

from reglib import Dropout, RegularizedNeuralNetwork, checks, data, smooth_labels
from reglib.explore.base import CURSOR, DOT, cursor, explorer, figure, move, set_each
from reglib.style import BLUE, GREY, ORANGE, PURPLE

_MASKS = 4000
_KINDS = ["units (Dropout)", "connections (DropConnect)"]
_PLACES = {
    "every layer": "Curved activations lie between the drops: the two need not agree.",
    "the last layer alone": "The output is linear in this mask: over all masks the two agree.",
}
_EDGES = np.linspace(-5, 4, 91)
_GAPS = np.linspace(-1, 9, 201)
_ALPHAS = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_LABELS = {"a fifth redrawn": 0.2, "all correct": 0.0}
_ANGLES = tuple(range(-180, 181, 5))


@cache
def _scores():
    """Return a 3-5-4-1 network of the diabetes score in standard deviations, and one patient."""
    X, y, _ = data.load_diabetes()
    (X,) = data.standardize(X[:, [2, 3, 8]])  # body mass, blood pressure, a blood fat
    options = {"activation": "tanh", "output": "linear", "momentum": 0.9}
    net = RegularizedNeuralNetwork([3, 5, 4, 1], rng=np.random.default_rng(0), **options)
    net.fit(X, (y - y.mean()) / y.std(), 40, 32, 0.02)
    return net, X[1]


def thinned(kind, place, p):
    """Return 4,000 thinned networks: three arrays (4000, n_in, n_out) of factors, and outputs.

    The factors multiply the weights: 0 or 1/(1-p), or 1 where nothing is dropped. A dropped unit
    drops its row of the next matrix; inputs are never dropped. The draws are the same for every
    p, so that a larger p only drops more.
    """
    (net, x), rng, units = _scores(), np.random.default_rng(1), kind == _KINDS[0]
    x, masks = np.broadcast_to(x, (_MASKS, 3)), []
    for layer, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        noisy = layer == 2 or place == "every layer" and (layer or not units)
        ones = np.ones((_MASKS, len(W), 1 if units else W.shape[1]))
        mask = Dropout(p if noisy else 0, rng).forward(ones, training=True)
        z = (x[:, None] @ (W * mask))[:, 0] + b
        x = np.tanh(z)
        masks.append(np.broadcast_to(mask, (_MASKS, *W.shape)))
    return masks, z[:, 0]


@explorer
def thinned_network(dropped="units"):
    """Explore a small network under Dropout or DropConnect: one draw, and the mean of 4,000.

    Parameters
    ----------
    dropped : {"units", "connections"}
        What is dropped at the start.

    Returns
    -------
    Explorer
        Controls: what is dropped and where, the probability ``p``, and the number of the draw.

    References
    ----------
    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting;
    Wan et al. (2013), Regularization of neural networks using DropConnect.
    """
    dropped = checks.choice("dropped", dropped, tuple(kind.split()[0] for kind in _KINDS))
    (kind,) = (kind for kind in _KINDS if kind.startswith(dropped))
    net, x = _scores()
    whole = net.forward_propagation(x[None])[0, 0]
    weights = np.concatenate([W.ravel() for W in net.weights])
    at = np.array([(i, (n - 1) / 2 - j) for i, n in enumerate(net.layer_sizes) for j in range(n)])
    pairs = np.array([(a, b) for a in range(13) for b in range(13) if at[b, 0] - at[a, 0] == 1])
    fig, (graph, ax) = figure("AB")
    lines = graph.add_collection(LineCollection(at[pairs], zorder=1))
    units = graph.scatter(*at.T, s=240, edgecolor="black", zorder=2)
    (gone,) = graph.plot([], [], "x", color=GREY, markersize=11, zorder=3)
    words = graph.text(1.5, 2.6, "", ha="center")
    shape = ax.stairs(np.zeros(90), _EDGES, fill=True, color="#DDDDDD")
    nothing = ax.axvline(whole, color="black", label="nothing dropped")
    mean = ax.axvline(0, color=BLUE, linestyle="--", label="mean of draws")
    (this,) = ax.plot([], [], "v", color=PURPLE, markersize=9, label="this draw", **DOT)

    def update(kind, place, p, draw):
        masks, outputs = thinned(kind, place, p)
        scale, kept = np.concatenate([M[draw - 1].ravel() for M in masks]), np.ones(13, bool)
        if kind == _KINDS[0]:
            kept[:12] = np.concatenate([M[draw - 1, :, 0] for M in masks]) > 0
        on = (scale > 0) & kept[pairs[:, 1]]
        width, color = 2 * np.abs(weights) * scale, np.where(weights > 0, BLUE, ORANGE)
        lines.set(linewidth=np.where(on, width, 1), color=np.where(on, color, "#999999"))
        lines.set_linestyle(np.where(on, "-", ":").tolist())
        units.set_facecolor(np.where(kept, "#D5D5D5", "white"))
        gone.set_data(*at[~kept].T)
        words.set_text(f"draw {draw}: survivors × {1 / (1 - p):.2f}")
        heights = np.histogram(np.clip(outputs, -5, 4), _EDGES)[0]
        shape.set_data(heights / heights.max())
        mean.set_xdata([outputs.mean()] * 2)
        this.set_data([outputs[draw - 1]], [0.03])
        missing = np.sum(~kept if kind == _KINDS[0] else scale == 0)
        numbers = {"what": kind.split()[0], "missing": missing, "output": outputs[draw - 1]}
        numbers |= {"n": _MASKS, "mean": outputs.mean(), "error": outputs.std() / _MASKS**0.5}
        return numbers | {"whole": whole, "why": _PLACES[place]}

    moving = [lines, units, gone, words, shape, nothing, mean, this]
    known = {"kind": {"options": _KINDS, "value": kind}, "place": {"options": list(_PLACES)}}
    return fig, update, moving, known


def smoothed_loss(gap, label):
    """Return the cross-entropy of logits (gap, 0, ..., 0) with ``label`` (k,), gap any shape."""
    return np.logaddexp(gap, np.log(len(label) - 1)) - label[0] * gap


@explorer
def label_smoothing():
    """Explore the softened label, and the gap between the logits at which its loss is least.

    Returns
    -------
    Explorer
        Controls: the share ``alpha`` that is spread evenly, and the number of classes.

    References
    ----------
    Szegedy et al. (2016), Rethinking the Inception architecture for computer vision;
    Müller, Kornblith and Hinton (2019), When does label smoothing help?
    """
    fig, (left, right) = figure("AB", 4.0, width_ratios=[2, 3])
    bars = left.bar([0] * 10, 1, align="edge", edgecolor="white", color=[BLUE] + [ORANGE] * 9)
    words = [left.text(x, 0, "", ha=side) for x, side in ((0, "left"), (1, "right"))]
    lines = right.plot(_GAPS, _GAPS, "--", color=GREY, label="hard label")
    lines += right.plot(_GAPS, _GAPS, color=BLUE, label="softened label")
    at_best = cursor(right, markersize=8)

    def update(alpha, k):
        label = smooth_labels(np.eye(k)[:1], alpha)[0]
        for i, bar in enumerate(bars):
            bar.set(x=i / k, width=1 / k, height=label[i] if i < k else 0)
        set_each(words, "text", (f"{label[0]:.3f}", f"{label[1]:.3f} each"))
        set_each(words, "y", label[:2] + 0.02)
        set_each(lines, "ydata", [smoothed_loss(_GAPS, target) for target in (np.eye(k)[0], label)])
        best = np.log(1 + k * (1 - alpha) / alpha) if alpha else 0
        least = smoothed_loss(best, label)
        move(at_best, best if alpha else np.nan, [least])  # at nan nothing is drawn
        numbers = {"label": label, "best": best, "least": least, "far": smoothed_loss(9, label)}
        return numbers | {"case": "soft" if alpha else "hard"}

    return fig, update, [bars, words, lines, at_best], {}


@cache
def digits_fit(noise, **options):
    """Return the standard recipe's network, trained with the options, and its test digits."""
    (X, y), _, test = data.noisy_digits(p=noise, rng=np.random.default_rng(0))
    net = RegularizedNeuralNetwork(
        [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy", init="he",
        momentum=0.9, rng=np.random.default_rng(0), **options,
    )  # fmt: skip
    net.fit(X, y, 60, 32, 0.1)
    return net, *test


@cache
def reliability(noise, alpha):
    """Return sums (10,) over the test digits in each tenth of the scale of confidence.

    They are how many there are, their confidences, and how many of them one fit got right.
    """
    net, X, y = digits_fit(noise, label_smoothing=alpha)
    P = net.predict_proba(X)
    confidence, right = P.max(axis=1), P.argmax(axis=1) == y
    tenth = np.minimum(confidence * 10, 9).astype(int)
    return [np.bincount(tenth, values, 10) for values in (None, confidence, right)]


@explorer
def calibration():
    """Explore how far confidence and accuracy lie apart when labels are smoothed.

    Returns
    -------
    Explorer
        Controls: ``alpha``, seven values, and whether a fifth of the training labels is redrawn.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks.
    """
    fig, (left, ax) = figure("AB")
    left.plot([0, 1], [0, 1], "--", color=GREY)
    left.text(0.95, 0.1, "too sure", ha="right")
    left.text(0.05, 0.9, "too modest")
    dots = left.scatter([], [], color=ORANGE, edgecolor="black", clip_on=False)
    (errors,) = ax.plot([], [], "s", color=BLUE, markersize=7, **DOT)
    line = ax.axvline(0, **CURSOR)

    def update(alpha, labels):
        fits = np.array([reliability(_LABELS[labels], a) for a in _ALPHAS])
        total = fits[0, 0].sum()
        error = np.abs(fits[:, 1] - fits[:, 2]).sum(axis=1) / total
        count, sure, right = fits[_ALPHAS.index(alpha)]
        filled = np.array([sure, right])[:, count > 0] / count[count > 0]
        dots.set(offsets=filled.T, sizes=count[count > 0])
        errors.set_data(_ALPHAS, error)
        line.set_xdata([alpha, alpha])
        numbers = {"n": total, "sure": sure.sum() / total, "right": right.sum() / total}
        return numbers | {"error": error[_ALPHAS.index(alpha)]}

    known = {"alpha": {"values": _ALPHAS}, "labels": {"options": list(_LABELS)}}
    return fig, update, [dots, errors, line], known


@cache
def turned(digit, angles):
    """Return a test digit turned counter-clockwise (n, 8, 8), and its class probabilities.

    The digit is the first of its class that the network gets right upright. Its probabilities
    (n, 10) are those of evaluation; (n, 100, 10) those under 100 masks, the same at every angle.
    """
    net, X, y = digits_fit(0.0, dropout=0.5)
    upright = X[(y == digit) & (net.predict(X) == y)][0].reshape(8, 8)
    pictures = np.array([rotate(upright, angle, reshape=False, order=1) for angle in angles])
    one, (_, hidden, _) = net.forward_propagation(pictures.reshape(-1, 64)), net.activations
    masks = Dropout(0.5, np.random.default_rng(0)).forward(np.ones((100, 128)), training=True)
    z = (hidden[:, None] * masks).reshape(-1, 128) @ net.weights[1] + net.biases[1]
    return pictures, one, softmax(z, axis=1).reshape(-1, 100, 10)


@explorer
def dropout_doubt():
    """Explore whether dropout at prediction doubts a digit that is turned.

    Returns
    -------
    Explorer
        Controls: the digit and its angle, counter-clockwise.

    References
    ----------
    Gal and Ghahramani (2016), Dropout as a Bayesian approximation.
    """
    across = np.arange(10) + np.random.default_rng(0).uniform(-0.3, 0.3, (100, 10))
    fig, (view, ax, right) = figure("ABC", width_ratios=[2, 4, 4])
    view.axis("off")
    picture = view.imshow(np.zeros((8, 8)), "gray_r", vmin=0, vmax=1)
    bars = ax.stairs([0] * 10, np.arange(-0.5, 10), fill=True, color="#BBBBBB", label="one pass")
    (cloud,) = ax.plot([], [], "o", color=BLUE, markersize=2.5, label="100 masks")
    lines = right.plot(_ANGLES, _ANGLES, "--", color=ORANGE, label="entropy of one pass")
    lines += right.plot(_ANGLES, _ANGLES, color=BLUE, label="entropy of the masks' mean")
    line = right.axvline(0, **CURSOR)

    def update(digit, angle):
        (image,), (one,), (many,) = turned(digit, (angle,))
        top, doubt = one.argmax(), entr(many.mean(axis=0)).sum()
        _, ones, masked = turned(digit, _ANGLES)
        set_each(lines, "ydata", [entr(P).sum(axis=1) for P in (ones, masked.mean(axis=1))])
        picture.set_data(image)
        bars.set_data(one)
        cloud.set_data(across.ravel(), many.ravel())
        line.set_xdata([angle, angle])
        numbers = {"top": top, "P": one[top], "entropy": entr(one).sum(), "doubt": doubt}
        numbers |= {"mean": many[:, top].mean(), "std": many[:, top].std(), "most": np.log(10)}
        return numbers | {"others": np.sum(many.argmax(axis=1) != top)}

    return fig, update, [picture, bars, cloud, lines, line], {}
