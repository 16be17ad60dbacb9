"""Explorers of mixed samples: two pictures and their labels in one, and the boundary they teach."""

from functools import cache

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection
from scipy.stats import beta

from reglib import MixUp, augment
from reglib.explore.base import Explorer, figure, house_style, set_each
from reglib.explore.controls import choice, positions, slider
from reglib.explore.fits import ACROSS, UP, moons, moons_fit, moons_plane
from reglib.explore.images import SIDE, boxed, outlined, photo, pictures
from reglib.style import BLUE, GREY, ORANGE

_PAIRS = ["temple and flower", "flower and temple", "3 and 8", "0 and 1"]
_ALPHAS = (0, 0.1, 0.2, 0.5, 1, 2)
_WALK = 36  # the column of the grid that crosses both moons


def _mixture(mix, lam, controls, **about):
    """Return an explorer of a pair, its mixture and their label, which starts at this lambda.

    ``mix(X, lam, ...)`` returns mixed pictures and labels, a box's outline and a sentence.
    """
    titles = ("first", "second", "mixed")
    fig, (one, two, _, ax), views = pictures("ABCD", *titles, widths=[7, 7, 7, 4])
    lines = outlined([one, two])
    ax.set(xlim=(-0.6, 1.6), ylim=(0, 1.02), xticks=[], yticks=[], title="label")
    ax.set_xlabel("\n")  # room for the words
    bars = ax.bar([0, 1], [0, 0], color=[BLUE, ORANGE], edgecolor="black")
    drawn = ax.bar([0, 1], [0, 0], width=0.94, fill=False, ls="--", visible=bool(controls))
    words = [ax.text(x, -0.04, "", ha="center", va="top") for x in (0, 1)]

    def update(pair, **how):
        names = pair.split(" and ")
        X = np.stack([photo(name) for name in names])
        mixed, labels, outline, text = mix(X, **how)
        set_each(views, "data", (*X, mixed[0]))
        set_each(lines, "data", (outline, outline))
        set_each(drawn, "height", (how["lam"], 1 - how["lam"]))
        set_each(bars, "height", labels[0])
        a, b = labels[0]
        set_each(words, "text", (f"{names[0]}\n{a:.2f}", f"{names[1]}\n{b:.2f}"))
        return f"{text} The label: <b>{a:.3f} for {names[0]}, {b:.3f} for {names[1]}</b>."

    first = {"pair": choice("pictures", _PAIRS, _PAIRS[0]),
             "lam": slider("lambda", 0, 1, lam, 0.01)}  # fmt: skip
    return Explorer(fig, update, [views, lines, bars, drawn, words], first | controls, **about)


@house_style()
def mixup():
    """Explore mixup: a weighted mean of two pictures, and of their labels.

    Returns
    -------
    Explorer
        Controls: the pair of pictures and lambda, the first one's share.

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz (2018), mixup: beyond empirical risk minimization.
    """

    def mix(X, lam):
        rare, often = (2 * beta.cdf(min(lam, 1 - lam), a, a) for a in (0.2, 1))
        text = (
            f"Each value is {lam:.2f} times the first picture's plus {1 - lam:.2f} times the "
            f"second's. Less mixed: {rare:.0%} of the draws with alpha 0.2, {often:.0%} with 1."
        )
        return *augment.mixup(X, np.eye(2), lam, [1, 0]), ([], []), text

    return _mixture(
        mix, 0.65, {},
        title="Mixup: two pictures shine through, the label says how much of each",
        caption="Try: at which lambda do you no longer see the second one? What is its share of "
        "the label there? Then mix two digits: is what you see a digit?",
        alt="A temple, a flower, the two laid over each other, and two bars: the label's shares.",
    )  # fmt: skip


@house_style()
def cutmix():
    """Explore CutMix: a box of one picture in another, and lambda by the area really cut.

    Returns
    -------
    Explorer
        Controls: the pair of pictures, lambda as drawn, and where the centre of the box lies.

    References
    ----------
    Yun, Han, Oh, Chun, Choe and Yoo (2019), CutMix: regularization strategy to train strong
    classifiers with localizable features.
    """

    def mix(X, lam, across, down):
        side = int(SIDE * (1 - lam) ** 0.5)
        top, left, outline, n = boxed(side, side, across, down)
        mixed, labels = augment.cutmix(X, np.eye(2), top, left, side, side, [1, 0])
        text = (
            f"Drawn: lambda {lam:.2f}, a box of {side} × {side} pixels. Inside the border {n:,} of "
            f"{SIDE**2:,} come from the second picture: lambda is {labels[0, 0]:.3f}, moved by "
            f"{abs(labels[0, 0] - lam):.3f}."
        )
        return mixed, labels, outline, text

    return _mixture(
        mix, 0.6,
        {"across": slider("centre, across", 0, 1, 0.85), "down": slider("centre, down", 0, 1, 0.4)},
        title="CutMix: the label counts the pixels that were really cut",
        caption="Dashed: the label by the lambda drawn. Try: push the box into a corner. Then hide "
        "all that says temple: does the label know?",
        alt="A temple and a flower, a box at the same place in both; the temple with the flower's "
        "box; the temple's bar is higher than drawn, for the border clipped the box.",
    )  # fmt: skip


@cache
def mixup_fit(alpha):
    """Return one fit: the probability of class 1 on the grid, and at the test points."""
    net, share = moons_fit(augment=MixUp(alpha) if alpha else None)
    return share, net.forward_propagation(moons()[3])[:, 0]


@house_style()
def mixup_boundary():
    """Explore what mixup makes of the space between two moons: a boundary, and how soft it is.

    Returns
    -------
    Explorer
        Control: ``alpha`` of the Beta distribution of lambda; 0 is training without mixup.
    """
    *_, y_test = moons()
    fig, (plane, ax) = figure("AB", width_ratios=[3, 2])
    looks = ("0.1 and 0.9", ":", 1.2), ("boundary", "-", 2.2)
    edges = [LineCollection([], colors="k", label=n, ls=d, lw=w) for n, d, w in looks]
    for edge in edges:
        plane.add_collection(edge)
    walk = plane.axvline(ACROSS[_WALK], linestyle="--", color=GREY, linewidth=1)
    area, marks = moons_plane(plane, [ORANGE, BLUE], alpha=0.6)
    ax.set(xlim=(0, 1), xlabel="probability of class 1", ylim=(UP[0], UP[-1]))
    ax.set(yticks=[], ylabel="up the dashed line")
    ax.plot(mixup_fit(0)[0][:, _WALK], UP, "--", color=ORANGE, label="alpha 0")
    (curve,) = ax.plot([], [], color=BLUE, label="this alpha")
    fig.legend(loc="outside lower center", ncols=7, columnspacing=0.8, handlelength=1.2)

    def update(alpha):
        share, P = mixup_fit(alpha)
        area.set_data(share)
        lines = contour_generator(ACROSS, UP, share).lines
        set_each(edges, "segments", (lines(0.1) + lines(0.9), lines(0.5)))
        curve.set_data(up := share[:, _WALK], UP)
        right, sure = np.mean((P > 0.5) == y_test), np.maximum(P, 1 - P).mean()
        return (
            f"alpha = {alpha}: {np.mean((up > 0.1) & (up < 0.9)):.0%} of the dashed line lies "
            f"between 0.1 and 0.9. On {len(P):,} test points with true labels the network is right "
            f"in <b>{right:.3f}</b> and sure of <b>{sure:.3f}</b> on average: too "
            f"{'sure' if sure > right else 'modest'} by {abs(sure - right):.3f}."
        )

    return Explorer(
        fig, update, [area, edges, walk, marks, curve], {"alpha": positions("alpha", _ALPHAS, 1)},
        title="Mixup: from one class to the other by a slope, not by a step",
        caption="Try: alpha 0, then larger: what becomes of the bays round wrong labels, and of "
        "how sure the network is? One fit at each of the 6 positions, none between.",
        alt="Left: two half moons, some labels wrong, a smooth boundary. Right: the probability "
        "of class 1 along a line across both: without mixup it leaps, with it falls slowly.",
    )  # fmt: skip
