"""Explorers of how sure a network is: softened labels, calibration and Monte-Carlo dropout."""

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from reglib.explore.base import _CONTROL, Explorer, house_style, slider
from reglib.noise import smooth_labels
from reglib.style import BLUE, GREY, ORANGE, PURPLE

_GAPS = np.linspace(-1, 9, 201)
_CURSOR = {"color": "black", "linewidth": 1, "clip_on": False}
_DOT = {"linestyle": "", "marker": "o", "markeredgecolor": "black", "clip_on": False}


def smoothed_loss(gap, label):
    """Return the cross-entropy against ``label`` (k,) of logits (gap, 0, ..., 0), gap any shape.

    The loss is ``logsumexp(logits) - label @ logits``; class 0 is the true one.
    """
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
    bars = left.bar(np.zeros(10), 1, align="edge", edgecolor="white", color=[BLUE] + [ORANGE] * 9)
    words = [left.text(x, 0, "", ha=side) for x, side in ((0, "left"), (1, "right"))]
    right.set(xlim=(_GAPS[0], _GAPS[-1]), ylim=(0, 4), ylabel="loss", yticks=range(5))
    right.set(xlabel="gap: true logit above the others", xticks=range(0, 10, 2))
    (hard,) = right.plot([], [], "--", color=GREY, label="hard label")
    (soft,) = right.plot([], [], color=BLUE, label="softened label")
    fig.legend(handles=[soft, hard], loc="outside lower right", ncols=2)
    cursor = right.axvline(0, **_CURSOR)
    (dot,) = right.plot([], [], color=PURPLE, markersize=8, **_DOT)

    def update(alpha, k):
        label = smooth_labels(np.eye(k)[:1], alpha)[0]
        for i, bar in enumerate(bars):
            bar.set(x=i / k, width=1 / k, height=label[i] if i < k else 0)
        words[0].set(text=f"{label[0]:.3f}", y=label[0] + 0.02)
        words[1].set(text=f"{label[1]:.3f} each", y=label[1] + 0.02)
        hard.set_data(_GAPS, smoothed_loss(_GAPS, np.eye(k)[0]))
        soft.set_data(_GAPS, smoothed_loss(_GAPS, label))
        for artist in (cursor, dot):
            artist.set_visible(alpha > 0)
        if alpha == 0:
            end = smoothed_loss(_GAPS[-1], label)
            return (
                f"The hard label: at a gap of {_GAPS[-1]:.0f} the loss is still {end:.5f} and "
                "falling. <b>It falls for ever</b>: no gap is large enough, so the weights are "
                "pushed to grow as long as training goes on."
            )
        best = np.log(1 + k * (1 - alpha) / alpha)
        cursor.set_xdata([best, best])
        dot.set_data([best], [smoothed_loss(best, label)])
        return (
            f"alpha = {alpha:.2f}, {k} classes: the true class is to get {label[0]:.3f}, each "
            f"other {label[1]:.3f}. The loss is least, {smoothed_loss(best, label):.3f}, at a gap "
            f"of log(1 + k(1 - alpha)/alpha) = <b>{best:.2f}</b>. There the network's "
            "probabilities are the softened label; a larger gap costs again."
        )

    return Explorer(
        fig,
        update,
        moving=[bars, words, hard, soft, cursor, dot],
        controls={
            "alpha": slider("alpha", 0, 1, 0.1, 0.01),
            "k": ipywidgets.IntSlider(10, 2, 10, description="classes k", **_CONTROL),
        },
        title="A softened label wants a gap, a hard one wants it without end",
        caption="Try: alpha 0, then 0.01, then 1. How far apart may the logits move?",
        alt="Left: bars of the softened label, a tall one for the true class and equal small ones "
        "for the others. Right: the loss against the gap between the true logit and the others. "
        "With the hard label it falls for ever, with the softened one it has a least value and "
        "rises again.",
    )
