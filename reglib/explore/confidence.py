"""Explorers of how sure a network is: softened labels, calibration and Monte-Carlo dropout."""

from functools import cache

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import rotate
from scipy.special import entr

from reglib import data
from reglib.explore.base import CURSOR, DOT, Explorer, choice, house_style, slider
from reglib.explore.noise import positions
from reglib.losses import outputs
from reglib.network import RegularizedNeuralNetwork
from reglib.noise import Dropout, smooth_labels
from reglib.style import BLUE, GREY, ORANGE, PURPLE

_GAPS = np.linspace(-1, 9, 201)
_ALPHAS = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_LABELS = {"a fifth redrawn": 0.2, "all correct": 0.0}
_DRAWS, _ANGLES = 100, np.arange(-180, 181, 5)


def smoothed_loss(gap, label):
    """Return the cross-entropy of logits (gap, 0, ..., 0) with ``label`` (k,), gap any shape."""
    return np.logaddexp(gap, np.log(len(label) - 1)) - label[0] * gap


@house_style()
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
    fig = Figure(figsize=(8.1, 4.0))
    left, right = fig.subplots(1, 2, width_ratios=[2, 3])
    left.set(xlim=(-0.02, 1.02), ylim=(0, 1.12), xticks=[], xlabel="classes, the true one first")
    left.set(ylabel="target", yticks=[0, 0.5, 1])
    bars = left.bar([0] * 10, 1, align="edge", edgecolor="white", color=[BLUE] + [ORANGE] * 9)
    words = [left.text(x, 0, "", ha=side) for x, side in ((0, "left"), (1, "right"))]
    right.set(xlim=(-1, 9), ylim=(0, 4), ylabel="loss", yticks=range(5), xticks=range(0, 10, 2))
    right.set(xlabel="gap: true logit above the others")
    (hard,) = right.plot([], [], "--", color=GREY, label="hard label")
    (soft,) = right.plot([], [], color=BLUE, label="softened label")
    fig.legend(loc="outside lower right", ncols=2)
    cursor = right.axvline(0, **CURSOR)
    (dot,) = right.plot([], [], color=PURPLE, markersize=8, **DOT)

    def update(alpha, k):
        label = smooth_labels(np.eye(k)[:1], alpha)[0]
        for i, bar in enumerate(bars):
            bar.set(x=i / k, width=1 / k, height=label[i] if i < k else 0)
        words[0].set(text=f"{label[0]:.3f}", y=label[0] + 0.02)
        words[1].set(text=f"{label[1]:.3f} each", y=label[1] + 0.02)
        hard.set_data(_GAPS, smoothed_loss(_GAPS, np.eye(k)[0]))
        soft.set_data(_GAPS, smoothed_loss(_GAPS, label))
        best = np.log(1 + k * (1 - alpha) / alpha) if alpha else 0
        least = smoothed_loss(best, label)
        cursor.set(xdata=[best, best], visible=alpha > 0)
        dot.set(xdata=[best], ydata=[least], visible=alpha > 0)
        wish = (
            f"is least, {least:.3f}, at a gap of log(1 + k(1 - alpha)/alpha) = <b>{best:.2f}</b>: "
            "there the probabilities are the softened label."
            if alpha
            else f"is {smoothed_loss(9, label):.5f} at a gap of 9, and <b>falls for ever</b>: no "
            "gap is large enough, so training lets the weights grow."
        )
        return (
            f"alpha = {alpha:.2f}, {k} classes: the true class is to get {label[0]:.3f}, each "
            f"other one {label[1]:.3f}. The loss {wish}"
        )

    return Explorer(
        fig, update, [bars, words, hard, soft, cursor, dot],
        {"alpha": slider("alpha", 0, 1, 0.1, 0.01), "k": positions("classes k", range(2, 11), 10)},
        title="A softened label wants a gap, a hard one wants it without end",
        caption="Try: alpha 0, then 0.01, then 1. How far apart are the logits to be?",
        alt="Left: bars of the softened label, tall for the true class, small and equal for the "
        "others. Right: the loss against the gap between the true logit and the others: with the "
        "hard label it falls for ever, with the softened one it falls and rises again.",
    )  # fmt: skip


@cache
def _digits(noise, **options):
    """Return the standard recipe's network, trained with the options, and its test digits."""
    (X, y), _, test = data.noisy_digits(p=noise, rng=np.random.default_rng(0))
    net = RegularizedNeuralNetwork(
        [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy", init="he",
        momentum=0.9, rng=np.random.default_rng(0), **options,
    )  # fmt: skip
    net.fit(X, y, 60, 32, 0.1)
    return net, *test


def reliability(confidence, right, bins=10):
    """Return the count, mean confidence and accuracy of each bin, and the calibration error.

    The error is the distance of a bin's accuracy from its confidence, averaged over all samples.
    An empty bin has nan for its means.
    """
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    sums = np.array([np.bincount(bin_of, values, bins) for values in (confidence, right)])
    sure, hits = sums / np.where(count, count, np.nan)
    return count, sure, hits, np.abs(sums[0] - sums[1]).sum() / len(right)


@cache
def _calibration(noise, alpha):
    """Return the confidence of one fit on each test digit, and whether it was right."""
    net, X, y = _digits(noise, label_smoothing=alpha)
    P = net.predict_proba(X)
    return P.max(axis=1), P.argmax(axis=1) == y


@house_style()
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
    fig = Figure(figsize=(8.1, 4.2))
    left, ax = fig.subplots(1, 2)
    left.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy", aspect="equal")
    bars = left.stairs(np.zeros(10), np.linspace(0, 1, 11), fill=True, color=BLUE + "70")
    dots = left.scatter([], [], color=ORANGE, edgecolor="black", zorder=3, label="test digits")
    (equal,) = left.plot([0, 1], [0, 1], ":", color="black", label="accuracy = confidence")
    ax.set(xlim=(-0.02, 0.52), ylim=(0, 0.55), xlabel="alpha", ylabel="calibration error")
    (errors,) = ax.plot([], [], color=BLUE, markersize=7, **(DOT | {"marker": "s"}))
    cursor = ax.axvline(0, **CURSOR)
    fig.legend(loc="outside lower left", ncols=2)

    def update(alpha, labels):
        fits = [_calibration(_LABELS[labels], a) for a in _ALPHAS]
        confidence, right = fits[_ALPHAS.index(alpha)]
        count, sure, hits, error = reliability(confidence, right)
        bars.set_data(np.nan_to_num(hits))
        dots.set(offsets=np.column_stack([sure, hits]), sizes=count)
        errors.set_data(_ALPHAS, [reliability(*fit)[-1] for fit in fits])
        cursor.set_xdata([alpha, alpha])
        side = "sure" if confidence.mean() > right.mean() else "modest"
        return (
            f"alpha = {alpha}: mean confidence {confidence.mean():.3f}, accuracy "
            f"{right.mean():.3f} on {len(right):,} test digits: <b>too {side}</b>. Expected "
            f"calibration error <b>{error:.3f}</b>. Each square is one fit of the standard recipe."
        )

    return Explorer(
        fig, update, [bars, dots, equal, errors, cursor],
        {
            "alpha": positions("alpha", _ALPHAS, 0),
            "labels": choice("training labels", list(_LABELS), "a fifth redrawn"),
        },
        title="Smoothing lowers confidence: a little may be honest, more is too modest",
        caption="Try: find the alpha with the least error, then again with correct labels. Each "
        "dot stands for a tenth of the scale; its area says how many digits lie there.",
        alt="Left: accuracy against confidence. Trained on noisy labels without smoothing the dots "
        "lie below the diagonal, with alpha 0.05 on it, with more above it. Right: the calibration "
        "error against alpha falls and rises with noisy labels; with correct ones it only rises.",
    )  # fmt: skip


def turned(digit, angles):
    """Return a test digit turned counter-clockwise (n, 8, 8), and its class probabilities.

    The digit is the first of its class that the network gets right upright. Its probabilities
    (n, 10) are those of evaluation; (n, 100, 10) those under 100 masks, the same at every angle.
    """
    net, X, y = _digits(0.0, dropout=0.5)
    upright = X[(y == digit) & (net.predict(X) == y)][0].reshape(8, 8)
    pictures = np.array([rotate(upright, angle, reshape=False, order=1) for angle in angles])
    one, (_, hidden, _) = net.forward_propagation(pictures.reshape(-1, 64)), net.activations
    ones = np.ones((_DRAWS, hidden.shape[1]))
    masks = Dropout(0.5, np.random.default_rng(0)).forward(ones, training=True)
    z = (hidden[:, None] * masks).reshape(-1, ones.shape[1]) @ net.weights[1] + net.biases[1]
    return pictures, one, outputs("softmax", z).reshape(-1, _DRAWS, 10)


@cache
def _entropies(digit):
    """Return the entropies of one pass and of the masks' mean at each angle."""
    _, one, many = turned(digit, _ANGLES)
    return entr(one).sum(axis=1), entr(many.mean(axis=1)).sum(axis=1)


@house_style()
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
    across = np.arange(10) + np.random.default_rng(0).uniform(-0.3, 0.3, (_DRAWS, 10))
    fig = Figure(figsize=(8.1, 4.2))
    view, ax, right = fig.subplots(1, 3, width_ratios=[2, 4, 4])
    view.axis("off")
    picture = view.imshow(np.zeros((8, 8)), "gray_r", vmin=0, vmax=1)
    ax.set(xlim=(-0.6, 9.6), ylim=(0, 1.03), xticks=range(10), xlabel="class", ylabel="probability")
    bars = ax.stairs([0] * 10, np.arange(-0.5, 10), fill=True, color="#BBBBBB", label="one pass")
    (cloud,) = ax.plot([], [], "o", color=BLUE, markersize=2.5, label="100 masks")
    right.set(xlim=(-180, 180), ylim=(0, 2.4), xticks=range(-180, 181, 90), xlabel="angle")
    right.set(ylabel="entropy")
    (single,) = right.plot([], [], "--", color=ORANGE, label="entropy of one pass")
    (mean,) = right.plot([], [], color=BLUE, label="entropy of the masks' mean")
    cursor = right.axvline(0, **CURSOR)
    fig.legend(loc="outside lower right", ncols=4, columnspacing=1, handlelength=1.5)

    def update(digit, angle):
        (image,), (one,), (many,) = turned(digit, [angle])
        top, doubt = one.argmax(), entr(many.mean(axis=0)).sum()
        picture.set_data(image)
        bars.set_data(one)
        cloud.set_data(across.ravel(), many.ravel())
        for line, heights in zip((single, mean), _entropies(digit), strict=True):
            line.set_data(_ANGLES, heights)
        cursor.set_xdata([angle, angle])
        return (
            f"A {digit} turned by {angle:.0f}°: one pass says <b>{top}</b> with probability "
            f"{one[top]:.3f}, entropy {entr(one).sum():.2f}. Under {_DRAWS} masks that has mean "
            f"{many[:, top].mean():.3f} and standard deviation {many[:, top].std():.3f}; "
            f"{np.sum(many.argmax(axis=1) != top)} masks say another class; the entropy of their "
            f"mean is <b>{doubt:.2f}</b>, of at most {np.log(10):.2f}."
        )

    return Explorer(
        fig, update, [picture, bars, cloud, single, mean, cursor],
        {
            "digit": positions("digit", range(10), 1),
            "angle": slider("angle in degrees", -180, 180, 60, 5, ".0f"),
        },
        title="Masks that disagree are a sign of doubt, not a proof",
        caption="Try: turn the 1. Then find a digit and an angle where one pass is wrong and sure: "
        "do the masks doubt it? The network (p = 0.5) learnt from 150 upright digits with correct "
        "labels; shown is the first test digit of each class that it gets right upright.",
        alt="Left: a handwritten digit, turned. Middle: its class probabilities, bars from one "
        "pass, dots from 100 masks. Right: entropy against the angle; that of the masks' mean is "
        "mostly the higher, and at some wrong answers both are low.",
    )  # fmt: skip
