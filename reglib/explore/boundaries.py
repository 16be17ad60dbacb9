"""Explorers of the boundary between two moons: noise smooths it, mixup makes it a slope."""

from functools import cache

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap

from reglib import MixUp, RegularizedNeuralNetwork, data
from reglib.explore.base import CURSOR, DOT, explorer, figure, set_each
from reglib.style import BLUE, GREY, ORANGE, PURPLE

ACROSS, UP = np.linspace(-1.6, 2.4, 70), np.linspace(-1.1, 1.6, 47)  # the grid of the plane
_PS, _NOISES, _ALPHAS = (0, 0.2, 0.4, 0.6, 0.8), (0, 0.1, 0.2, 0.3, 0.5), (0, 0.1, 0.2, 0.5, 1, 2)
_WALK = 36  # the column of the grid that crosses both moons


@cache
def moons():
    """Return 60 points, their labels, the labels with a fifth redrawn, and 1,000 test points."""
    rng = np.random.default_rng(0)
    X, y = data.two_moons(60, 0.2, rng)
    return X, y, data.flip_labels(y, 0.2, rng), *data.two_moons(1000, 0.2, rng)


def moons_fit(epochs=300, rate=0.02, patience=None, **options):
    """Return a network trained with the options, and its probabilities of class 1 on the grid.

    With ``patience`` it stops early by 100 validation points, true labels.
    """
    X, _, noisy, _, _ = moons()
    net = RegularizedNeuralNetwork(
        [2, 32, 32, 1], activation="relu", loss="binary_cross_entropy", init="he",
        optimizer="adam", rng=np.random.default_rng(0), **options,
    )  # fmt: skip
    validation = data.two_moons(100, 0.2, np.random.default_rng(1)) if patience else None
    net.fit(X, noisy, epochs, 60, rate, validation, patience)
    grid = np.stack(np.meshgrid(ACROSS, UP), axis=-1)
    return net, net.forward_propagation(grid.reshape(-1, 2)).reshape(grid.shape[:2])


def moons_plane(ax, colors, alpha=None):
    """Draw the 60 points; return the image of probabilities, and what is drawn above it.

    The image goes from one of the two colours over white to the other.
    """
    X, y, noisy, _, _ = moons()
    ax.set(xticks=[], yticks=[], xlabel="input 1", ylabel="input 2")
    tints = LinearSegmentedColormap.from_list("", [colors[0], "white", colors[1]])
    area = ax.imshow(
        np.zeros((2, 2)), tints, alpha=alpha, vmin=0, vmax=1, origin="lower", aspect="auto",
        interpolation="bilinear", extent=(ACROSS[0], ACROSS[-1], UP[0], UP[-1]),
    )  # fmt: skip
    marks = ax.plot(*X[noisy == 0].T, "o", color=ORANGE, label="class 0", **DOT)
    marks += ax.plot(*X[noisy == 1].T, "^", color=BLUE, label="class 1", **DOT)
    marks += ax.plot(*X[noisy != y].T, "x", color="black", markersize=11, label="wrong label")
    return area, marks


@cache
def boundary_fit(**options):
    """Return one fit: the grid's probabilities, the boundary, two accuracies, the weight norm."""
    X, _, y, X_test, y_test = moons()
    net, share = moons_fit(**options)
    pieces = contour_generator(ACROSS, UP, share).lines(0.5)
    edge = np.vstack([np.insert(piece, 0, np.nan, axis=0) for piece in pieces])
    norm = np.linalg.norm(np.concatenate([W.ravel() for W in net.weights]))
    return share, edge, np.mean(net.predict(X) == y), np.mean(net.predict(X_test) == y_test), norm


@explorer
def noise_boundary():
    """Explore the decision boundary of two moons against dropout and noise on the inputs.

    Returns
    -------
    Explorer
        Controls: ``p`` of both hidden layers and ``stddev`` of the inputs, five values each.
    """
    _, y, noisy, _, _ = moons()
    fig, (plane, ax) = figure("AB", width_ratios=[3, 2])
    (line,) = plane.plot([], [], color="black", label="boundary")
    area, dots = moons_plane(plane, [ORANGE + "90", BLUE + "90"])
    lines = ax.plot(_PS, _PS, "D", color=GREY, label="training", **DOT)
    lines += ax.plot(_PS, _PS, "s", color=PURPLE, label="test", **DOT)
    cursor = ax.axvline(0, **CURSOR)
    # All at the start, or a move would wait for the five that it shows first.
    fits = {s: [boundary_fit(dropout=p, input_noise=s) for p in _PS] for s in _NOISES}

    def update(p, stddev):
        share, edge, train, test, _ = boundary_fit(dropout=p, input_noise=stddev)
        area.set_data(share)
        line.set_data(*edge.T)
        set_each(lines, "ydata", np.transpose([fit[2:4] for fit in fits[stddev]]))
        cursor.set_xdata([p, p])
        return {"train": train, "test": test, "n": len(y), "wrong": np.sum(noisy != y)}

    return fig, update, [area, line, dots, lines, cursor], {"p": {"values": _PS}}


@cache
def mixup_fit(alpha):
    """Return one fit: the probability of class 1 on the grid, and at the test points."""
    net, share = moons_fit(augment=MixUp(alpha) if alpha else None)
    return share, net.forward_propagation(moons()[3])[:, 0]


@explorer
def mixup_boundary():
    """Explore what mixup makes of the space between two moons: a boundary, and how soft it is.

    Returns
    -------
    Explorer
        Control: ``alpha`` of the Beta distribution of lambda; 0 is training without mixup.
    """
    # All at the start, or a move would wait for its fit.
    plain, *_ = [mixup_fit(alpha) for alpha in _ALPHAS]
    fig, (plane, ax) = figure("AB", width_ratios=[3, 2])
    soft = plane.add_collection(LineCollection([], color="k", ls=":", lw=1.2, label="0.1 and 0.9"))
    edge = plane.add_collection(LineCollection([], color="k", lw=2.2, label="boundary"))
    walk = plane.axvline(ACROSS[_WALK], linestyle="--", color=GREY, linewidth=1)
    area, marks = moons_plane(plane, [ORANGE, BLUE], alpha=0.6)
    ax.plot(plain[0][:, _WALK], UP, "--", color=ORANGE, label="alpha 0")
    (curve,) = ax.plot([], [], color=BLUE, label="this alpha")

    def update(alpha):
        share, P = mixup_fit(alpha)
        area.set_data(share)
        lines = contour_generator(ACROSS, UP, share).lines
        soft.set_segments(lines(0.1) + lines(0.9))
        edge.set_segments(lines(0.5))
        curve.set_data(up := share[:, _WALK], UP)
        right, sure = np.mean((P > 0.5) == moons()[4]), np.maximum(P, 1 - P).mean()
        numbers = {"between": np.mean((up > 0.1) & (up < 0.9)), "n": len(P), "right": right}
        too = "sure" if sure > right else "modest"
        return numbers | {"sure": sure, "too": too, "by": abs(sure - right)}

    return fig, update, [area, soft, edge, walk, marks, curve], {"alpha": {"values": _ALPHAS}}
