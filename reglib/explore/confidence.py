"""Explorers of how sure a network is: softened labels, calibration and Monte-Carlo dropout."""

from functools import cache

import numpy as np
from scipy.ndimage import rotate
from scipy.special import entr

from reglib import Dropout, smooth_labels
from reglib.explore.base import CURSOR, DOT, Explorer, cursor, figure, house_style, move, set_each
from reglib.explore.controls import choice, positions, slider
from reglib.explore.fits import digits_fit
from reglib.losses import outputs
from reglib.style import BLUE, GREY, ORANGE

_GAPS = np.linspace(-1, 9, 201)
_ALPHAS = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_LABELS = {"a fifth redrawn": 0.2, "all correct": 0.0}
_ANGLES = tuple(range(-180, 181, 5))


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
    fig, (left, right) = figure("AB", 4.0, width_ratios=[2, 3])
    left.set(xlim=(-0.02, 1.02), ylim=(0, 1.12), xticks=[], xlabel="classes, the true one first")
    left.set(ylabel="target", yticks=[0, 0.5, 1])
    bars = left.bar([0] * 10, 1, align="edge", edgecolor="white", color=[BLUE] + [ORANGE] * 9)
    words = [left.text(x, 0, "", ha=side) for x, side in ((0, "left"), (1, "right"))]
    right.set(xlim=(-1, 9), ylim=(0, 4), ylabel="loss", yticks=range(5), xticks=range(0, 10, 2))
    right.set(xlabel="gap: true logit above the others")
    lines = right.plot(_GAPS, _GAPS, "--", color=GREY, label="hard label")
    lines += right.plot(_GAPS, _GAPS, color=BLUE, label="softened label")
    fig.legend(loc="outside lower right", ncols=2)
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
        text = f"Of {k} classes the true one is to get {label[0]:.3f}, each other {label[1]:.3f}. "
        if alpha == 0:
            text += f"The loss is {smoothed_loss(9, label):.5f} at a gap of 9 and <b>falls for ever"
            return text + "</b>: no gap is large enough, and training lets the weights grow."
        text += f"The loss is least, {least:.3f}, at a gap of log(1 + k(1 - alpha)/alpha) = "
        return text + f"<b>{best:.2f}</b>: there the probabilities are the softened label."

    return Explorer(
        fig, update, [bars, words, lines, at_best],
        {"alpha": slider("alpha", 0, 1, 0.1, 0.01), "k": positions("classes k", range(2, 11), 10)},
        title="A softened label wants a gap, a hard one wants it without end",
        caption="Try: alpha 0, then 0.01, then 1. How far apart are the logits to be?",
        alt="Left: bars of the softened label, one tall, the others small and equal. Right: the "
        "loss against the gap between the true logit and the others: with the hard label it falls "
        "for ever, with the softened one it falls and rises again.",
    )  # fmt: skip


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
    fig, (left, ax) = figure("AB")
    left.set(xlim=(0, 1.1), ylim=(0, 1.1), xlabel="confidence", ylabel="accuracy")
    left.plot([0, 1], [0, 1], "--", color=GREY)
    left.text(0.95, 0.1, "too sure", ha="right")
    left.text(0.05, 0.9, "too modest")
    dots = left.scatter([], [], color=ORANGE, edgecolor="black", clip_on=False)
    ax.set(xlim=(-0.02, 0.52), ylim=(0, 0.55), xlabel="alpha", ylabel="calibration error")
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
        return (
            f"alpha = {alpha}: mean confidence {sure.sum() / total:.3f}, accuracy "
            f"{right.sum() / total:.3f} on {total:,.0f} test digits. Expected calibration error "
            f"<b>{error[_ALPHAS.index(alpha)]:.3f}</b>. Each square: one network of the lesson."
        )

    return Explorer(
        fig, update, [dots, errors, line],
        {"alpha": positions("alpha", _ALPHAS, 0),
         "labels": choice("training labels", list(_LABELS), "a fifth redrawn")},
        title="Smoothing lowers confidence: a little may be honest, more is too modest",
        caption="Try: find the alpha with the least error, then again with correct labels. Each "
        "dot is a tenth of the scale of confidence; its area: how many digits lie there.",
        alt="Left: accuracy against confidence. After noisy labels without smoothing the dots lie "
        "below the diagonal, with alpha 0.05 on it, with more above. Right: the calibration error "
        "against alpha falls and rises after noisy labels; after correct ones it only rises.",
    )  # fmt: skip


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
    return pictures, one, outputs("softmax", z).reshape(-1, 100, 10)


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
    across = np.arange(10) + np.random.default_rng(0).uniform(-0.3, 0.3, (100, 10))
    fig, (view, ax, right) = figure("ABC", width_ratios=[2, 4, 4])
    view.axis("off")
    picture = view.imshow(np.zeros((8, 8)), "gray_r", vmin=0, vmax=1)
    ax.set(xlim=(-0.6, 9.6), ylim=(0, 1.03), xticks=range(10), xlabel="class", ylabel="probability")
    bars = ax.stairs([0] * 10, np.arange(-0.5, 10), fill=True, color="#BBBBBB", label="one pass")
    (cloud,) = ax.plot([], [], "o", color=BLUE, markersize=2.5, label="100 masks")
    right.set(xlim=(-180, 180), ylim=(0, 2.4), xticks=range(-180, 181, 90))
    right.set(xlabel="angle", ylabel="entropy")
    lines = right.plot(_ANGLES, _ANGLES, "--", color=ORANGE, label="entropy of one pass")
    lines += right.plot(_ANGLES, _ANGLES, color=BLUE, label="entropy of the masks' mean")
    line = right.axvline(0, **CURSOR)
    fig.legend(loc="outside lower right", ncols=4, columnspacing=1, handlelength=1.5)

    def update(digit, angle):
        (image,), (one,), (many,) = turned(digit, (angle,))
        top, doubt = one.argmax(), entr(many.mean(axis=0)).sum()
        _, ones, masked = turned(digit, _ANGLES)
        set_each(lines, "ydata", [entr(P).sum(axis=1) for P in (ones, masked.mean(axis=1))])
        picture.set_data(image)
        bars.set_data(one)
        cloud.set_data(across.ravel(), many.ravel())
        line.set_xdata([angle, angle])
        return (
            f"A {digit} turned by {angle:.0f}°: one pass says <b>{top}</b> with probability "
            f"{one[top]:.3f}, entropy {entr(one).sum():.2f}. Under 100 masks that has mean "
            f"{many[:, top].mean():.3f} and standard deviation {many[:, top].std():.3f}; "
            f"{np.sum(many.argmax(axis=1) != top)} masks say another class; the entropy of their "
            f"mean is <b>{doubt:.2f}</b>, of at most {np.log(10):.2f}."
        )

    return Explorer(
        fig, update, [picture, bars, cloud, lines, line],
        {"digit": positions("digit", range(10), 1),
         "angle": slider("angle in degrees", -180, 180, 60, 5, ".0f")},
        title="Masks that disagree are a sign of doubt, not a proof",
        caption="Try: turn the 1. Then find where one pass is wrong and sure: do the masks doubt "
        "it? Trained upright, p = 0.5, true labels. Shown: the first of each class it got right.",
        alt="Left: a handwritten digit, turned. Middle: its class probabilities, bars from one "
        "pass, dots from 100 masks. Right: entropy against the angle; that of the masks' mean is "
        "mostly the higher, and at some wrong answers both are low.",
    )  # fmt: skip
