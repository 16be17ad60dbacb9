"""What several explorers show: a network of the digits, and one of two moons in its plane."""

from functools import cache

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from reglib import RegularizedNeuralNetwork, data
from reglib.explore.base import DOT
from reglib.style import BLUE, ORANGE

# The grid of the moons' plane.
ACROSS, UP = np.linspace(-1.6, 2.4, 70), np.linspace(-1.1, 1.6, 47)


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
def moons():
    """Return 60 points, their labels, the labels with a fifth redrawn, and 1,000 test points."""
    rng = np.random.default_rng(0)
    X, y = data.two_moons(60, 0.2, rng)
    return X, y, data.flip_labels(y, 0.2, rng), *data.two_moons(1000, 0.2, rng)


def moons_fit(**options):
    """Return a network trained with the options, and its probabilities of class 1 on the grid."""
    X, _, noisy, _, _ = moons()
    net = RegularizedNeuralNetwork(
        [2, 32, 32, 1], activation="relu", loss="binary_cross_entropy", init="he",
        optimizer="adam", rng=np.random.default_rng(0), **options,
    )  # fmt: skip
    net.fit(X, noisy, 300, 60, 0.02)
    grid = np.stack(np.meshgrid(ACROSS, UP), axis=-1)
    return net, net.forward_propagation(grid.reshape(-1, 2)).reshape(grid.shape[:2])


def moons_plane(ax, colors, alpha=None):
    """Draw the 60 points; return the image of probabilities, whose ends have these colours,
    and all that must be drawn above it."""
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
