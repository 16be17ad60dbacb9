"""Explorers of what noise in training does: networks thinned by masks, and boundaries smoothed."""

from functools import cache

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection

from reglib import Dropout, RegularizedNeuralNetwork, checks, data
from reglib.explore.base import CURSOR, DOT, Explorer, figure, house_style, set_each
from reglib.explore.controls import choice, positions, slider
from reglib.explore.fits import ACROSS, UP, moons, moons_fit, moons_plane
from reglib.style import BLUE, GREY, ORANGE, PURPLE

_MASKS = 4000
_KINDS = ["units (Dropout)", "connections (DropConnect)"]
_PLACES = {
    "every layer": "Curved activations lie between the drops: the two need not agree.",
    "the last layer alone": "The output is linear in this mask: over all masks the two agree.",
}
_EDGES = np.linspace(-5, 4, 91)
_PS, _STDDEVS = (0, 0.2, 0.4, 0.6, 0.8), (0, 0.1, 0.2, 0.3, 0.5)


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


@house_style()
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
    graph.set(xlim=(-0.2, 3.2), ylim=(-2.4, 2.9), xticks=[], yticks=[], frame_on=False)
    lines = graph.add_collection(LineCollection(at[pairs], zorder=1))
    units = graph.scatter(*at.T, s=240, edgecolor="black", zorder=2)
    (gone,) = graph.plot([], [], "x", color=GREY, markersize=11, zorder=3)
    words = graph.text(1.5, 2.6, "", ha="center")
    ax.set(xlim=(-5, 4), ylim=(0, 1.12), yticks=[], ylabel="how many of the draws")
    ax.set(xlabel="output (the ends hold what lies beyond)")
    shape = ax.stairs(np.zeros(90), _EDGES, fill=True, color="#DDDDDD")
    nothing = ax.axvline(whole, color="black", label="nothing dropped")
    mean = ax.axvline(0, color=BLUE, linestyle="--", label="mean of draws")
    (this,) = ax.plot([], [], "v", color=PURPLE, markersize=9, label="this draw", **DOT)
    fig.legend(loc="outside lower right", ncols=3)

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
        error = outputs.std() / len(outputs) ** 0.5
        return (
            f"Draw {draw}, {kind.split()[0]} dropped: {missing}, output {outputs[draw - 1]:.3f}. "
            f"Mean of {_MASKS:,} draws: <b>{outputs.mean():.3f}</b> (standard error {error:.3f}). "
            f"Nothing dropped: <b>{whole:.3f}</b>. {_PLACES[place]}"
        )

    return Explorer(
        fig, update, [lines, units, gone, words, shape, nothing, mean, this],
        {"kind": choice("what is dropped", _KINDS, kind),
         "place": choice("noise in", list(_PLACES), "every layer"),
         "p": slider("p, to drop", 0, 0.8, 0.5), "draw": positions("draw", range(1, 31), 3)},
        title="Do thinned networks average to the whole one?",
        caption="Try: let p grow. Do the two lines part? And with noise in the last layer alone? "
        "A network trained without noise predicts a patient's diabetes score; orange: weight < 0.",
        alt="Left: a network of 3, 5, 4 and 1 units, dropped units crossed out, dropped lines "
        "dotted, the others thicker. Right: a histogram of the outputs of 4,000 draws, and lines "
        "at their mean and at the whole network's output, close and in general not equal.",
    )  # fmt: skip


@cache
def boundary_fit(p, stddev):
    """Return one fit: probabilities on the grid, the boundary, training and test accuracy."""
    X, _, y, X_test, y_test = moons()
    net, share = moons_fit(dropout=p, input_noise=stddev)
    pieces = contour_generator(ACROSS, UP, share).lines(0.5)
    edge = np.vstack([np.insert(piece, 0, np.nan, axis=0) for piece in pieces])
    return share, edge, np.mean(net.predict(X) == y), np.mean(net.predict(X_test) == y_test)


@house_style()
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
    ax.set(xlim=(-0.06, 0.86), ylim=(0.5, 1.02), xticks=_PS, xlabel="dropout p", ylabel="accuracy")
    lines = ax.plot(_PS, _PS, "D", color=GREY, label="training", **DOT)
    lines += ax.plot(_PS, _PS, "s", color=PURPLE, label="test", **DOT)
    cursor = ax.axvline(0, **CURSOR)
    fig.legend(loc="outside lower center", ncols=6, columnspacing=1, handlelength=1.2)

    def update(p, stddev):
        share, edge, *accuracy = boundary_fit(p, stddev)
        area.set_data(share)
        line.set_data(*edge.T)
        set_each(lines, "ydata", np.transpose([boundary_fit(q, stddev)[2:] for q in _PS]))
        cursor.set_xdata([p, p])
        return (
            f"p = {p}, input noise {stddev}: training accuracy {accuracy[0]:.3f} ({len(y)} points, "
            f"{np.sum(noisy != y)} labels wrong), test accuracy <b>{accuracy[1]:.3f}</b> (1,000 "
            "points, true labels). Computed: one fit at each of the 25 positions, none between."
        )

    return Explorer(
        fig, update, [area, line, dots, lines, cursor],
        {"p": positions("dropout p", _PS, 0), "stddev": positions("input noise", _STDDEVS, 0)},
        title="Noise in training smooths the boundary, in the end too much",
        caption="Try: find the best test accuracy with dropout alone, with input noise alone, then "
        "with both. Shades: how sure the network is. Right: every p at this input noise.",
        alt="Left: sixty points of two half moons, some with a wrong label, and a network's "
        "boundary: without noise it bends round wrong labels, with some it is a smooth curve, "
        "with much too plain. Right: training and test accuracy against p.",
    )  # fmt: skip
