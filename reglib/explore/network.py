"""Explorers of the whole network: its backpropagation, loss, switches and training curves."""

import copy
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
from contourpy import contour_generator
from matplotlib.cbook import flatten
from matplotlib.collections import LineCollection

from reglib import L1, L2, MixUp, RegularizedNeuralNetwork, data, training
from reglib.explore.base import cursor, explorer, figure, move, set_each
from reglib.explore.boundaries import boundary_fit, moons_plane
from reglib.explore.geometry import in_words
from reglib.explore.linear import patients
from reglib.style import BLUE, GREEN, GREY, ORANGE, PURPLE, TRAIN, VALIDATION

_POINTS = {"(0, 0) → 0": 0, "(0, 1) → 1": 1, "(1, 0) → 1": 1, "(1, 1) → 0": 0}
_STEPS = tomllib.loads(Path(__file__).with_name("backprop.toml").read_text(encoding="utf-8"))
# What stands at each place of the graph, see backprop.toml.
_GROUPS = np.array(list("xxhhoLUUUUVV"))
_NODES = np.array([(0, 1), (0, -1), (1.6, 1), (1.6, -1), (3.1, 0), (4.2, 0)])
_FROM, _TO = _NODES[[0, 0, 1, 1, 2, 3]], _NODES[[2, 3, 2, 3, 4, 4]]
# Where along its edge a label stands, nearer to its start where two cross; the line stops for it.
_PART = np.array([0.31] * 4 + [0.5] * 2)[:, None]
_LABELS = _FROM + _PART * (_TO - _FROM)
_STOPS = np.hstack([0.12 + 0 * _PART, _PART - 0.15, _PART + 0.15, 0.88 + 0 * _PART])[..., None]
_PIECES = _FROM[:, None] + _STOPS * (_TO - _FROM)[:, None]


def tiny_network(l2):
    """Return the 2-2-1 network of `backprop` before its update."""
    net = RegularizedNeuralNetwork([2, 2, 1], l2=l2, loss="binary_cross_entropy", rng=0)
    net.weights[0][...], net.biases[0][...] = [[0.8, -0.6], [0.5, 1.1]], [[0.1, -0.3]]
    net.weights[1][...], net.biases[1][...] = [[0.9], [-1.2]], [[0.2]]
    return net


def _digits(array):
    """Return an array as text in one line, three digits a number."""
    look = {"float_kind": "{:z.3f}".format}  # z: no minus before a zero
    return np.array2string(np.array(array), formatter=look).replace("\n", "")


@cache
def backprop_steps(x, y, l2, rate):
    """Return what the update does, and for each step what is to be seen.

    A step has its equation, the numbers in it, what it lights up, and what it adds to the graph:
    a group of places, whether it is a gradient, a name, the values.
    """
    net, X = tiny_network(l2), np.array([x], float)
    loss = net.compute_loss(net.forward_propagation(X), [y])
    (z1, z2), (_, a1, a2) = net.z_values, net.activations
    ((W1, W2), (b1, b2)), ((dW1, dW2), (d1, d2)) = (net.weights, net.biases), net.gradients(X, [y])
    new = copy.deepcopy(net)
    new.backward_propagation(X, [y], rate)
    values = {
        "X": X, "W1": W1, "b1": b1, "z1": z1, "a1": a1, "W2": W2, "b2": b2, "z2": z2, "a2": a2,
        "right": a2[0, 0] if y else 1 - a2[0, 0], "penalty": L2(l2)(net.weights), "loss": loss,
        "d2": d2, "dW2": dW2, "row": W2.T, "rest": 1 - a1, "d1": d1, "dW1": dW1,
        "new_W1": new.weights[0], "new_b1": new.biases[0], "new_W2": new.weights[1],
        "new_b2": new.biases[1], "new_loss": new.compute_loss(new.forward_propagation(X), [y]),
        "before": W1[0, 0], "slope": dW1[0, 0], "after": new.weights[0][0, 0],
    }  # fmt: skip
    text = {name: _digits(value) for name, value in values.items()}
    text |= {"y": y, "l2": l2, "rate": rate}
    return "from {loss} to {new_loss}".format(**text), [
        (step["equation"], step["numbers"].format(**text), step["lights"],
         [(*place, values[name]) for *place, name in step["adds"]])
        for step in _STEPS["steps"]
    ]  # fmt: skip


@explorer
def backprop():
    """Explore one step of gradient descent through a 2-2-1 network, number by number.

    Returns
    -------
    Explorer
        Controls: the step, the sample (one of XOR's four), ``l2`` and the learning rate.

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
    """
    names = [words[0].split()[0].strip(":") for words in backprop_steps((1, 0), 1, 0, 1)[1]]
    fig, (graph, panel) = figure("AB", 4.4, width_ratios=[5, 4])
    graph.axis("off")
    panel.axis("off")
    whole = np.stack([_FROM, _TO], axis=1)  # faint, so that an edge stays one line below its label
    graph.add_collection(LineCollection(whole, color="#D5D5D5", linewidth=1, zorder=0))
    graph.add_collection(LineCollection(_PIECES.reshape(-1, 2, 2), color=GREY, linewidth=1))
    graph.plot(*_NODES[4:].T, ":", color=GREY)
    graph.scatter(*_NODES.T, s=700, facecolor="#EEEEEE", edgecolor=GREY, zorder=2)
    for at, name in zip(_NODES, ["x[0]", "x[1]", "h[0]", "h[1]", "out", "loss"], strict=True):
        graph.text(*at, name, ha="center", va="center", size=10)
    edges = graph.add_collection(LineCollection([], color="#FFC20A", linewidth=4))
    rings = graph.scatter([], [], s=700, facecolor="none", edgecolor="#FFC20A", lw=4, zorder=3)
    net, spots = tiny_network(0), np.vstack([_NODES, _LABELS])

    def write(place, up, color, words=""):
        at, va = spots[place] + [0, up], "top" if up < 0 else "bottom"
        return graph.text(*at, words, ha="center", va=va, color=color, size=9.5)

    for place, up, v in zip([2, 3, 4], [0.3, -0.3, 0.3], np.hstack(net.biases)[0], strict=True):
        write(place, up, BLUE, f"b {v:.3f}")
    for place, v in enumerate(np.concatenate([W.ravel() for W in net.weights]), 6):
        write(place, 0.03, BLUE, f"{v:.3f}")
    ups = [(0.3, -0.3), (-0.3, 0.3), (0.51, -0.3), (-0.51, 0.3), (0.51, -0.3), (0.3, -0.3)]
    ups += [(-0.23, -0.03)] * 6  # a weight's gradient is below it, and its new value below that
    values = [(write(i, up, BLUE), write(i, back, "#B05A00")) for i, (up, back) in enumerate(ups)]
    formula = panel.text(0, 0.97, "", va="top", weight="bold", size=10)
    numbers = panel.text(0, 0.87, "", va="top", size=9.5, linespacing=1.6)
    panel.text(0, 0.12, "The update takes the loss", size=9.5)
    result = panel.text(0, 0.05, "", size=9.5)

    def update(step, point, l2, rate):
        x, now = (int(point[1]), int(point[4])), names.index(step) + 1
        outcome, steps = backprop_steps(x, _POINTS[point], l2, rate)
        words = np.full((12, 2), "", dtype=object)
        for group, side, name, amounts in (added for *_, adds in steps[:now] for added in adds):
            words[_GROUPS == group, side] += [f"\n{name} {v:z.3f}" for v in np.ravel(amounts)]
        set_each(flatten(values), "text", [word.strip() for word in words.flat])
        equation, with_numbers, lit, _ = steps[now - 1]
        on = np.isin(_GROUPS, list(lit))
        rings.set_offsets(_NODES[on[:6]])
        edges.set_segments(_PIECES[on[6:]].reshape(-1, 2, 2))
        set_each([formula, numbers, result], "text", [equation, with_numbers, outcome])
        return {"equation": equation, "numbers": with_numbers, "outcome": outcome}

    moving = [edges, rings, values, formula, numbers, result]
    return fig, update, moving, {"step": {"values": names}, "point": {"options": list(_POINTS)}}


_AXIS = np.linspace(-1, 2.5, 71)  # the grid of the two weights
_STRENGTHS = 10 ** np.linspace(-3, 0, 31)
_HEIGHTS = (0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6)  # contours above the least loss
_PENALTIES = {"L1": L1, "L2": L2}


@cache
def tumours():
    """Return one standardised input of 569 tumours (569,), 1 for malignant and -1 for benign."""
    X, y, names = data.load_breast_cancer()
    (X,) = data.standardize(X[:, [names.index("concavity error")]])
    return X[:, 0], 1.0 - 2 * y


@cache
def data_losses():
    """Return the loss of tanh(w1 x) + tanh(w2 x) at every pair of weights of the grid."""
    x, t = tumours()
    A = np.tanh(np.outer(_AXIS, x))
    return np.mean((A[:, None] + A - t) ** 2, axis=-1)


def descend(penalty, w, steps, rate=0.2):
    """Return the weights (steps + 1, 2) on the way of proximal gradient descent from w."""
    (x, t), path = tumours(), [np.asarray(w, float)]
    for _ in range(steps):
        a = np.tanh(np.outer(path[-1], x))
        gradient = 2 * np.mean((a.sum(axis=0) - t) * (1 - a**2) * x, axis=1)
        path.append(penalty.prox(path[-1] - rate * gradient, rate))
    return np.array(path)


def penalised(kind, strength):
    """Return the data loss plus the penalty on the grid."""
    size = np.abs(_AXIS) if kind == "L1" else _AXIS**2
    return data_losses() + strength * (size[:, None] + size)


@cache
def minimum(kind, strength):
    """Return the weights of least loss, w1 >= w2, by descent from the grid's least point."""
    at = np.unravel_index(penalised(kind, strength).argmin(), (71, 71))
    return np.sort(descend(_PENALTIES[kind](strength), _AXIS[list(at)], 200)[-1])[::-1]


@explorer
def loss_surface():
    """Explore the penalised loss of a network's two weights, its valleys and a descent.

    Returns
    -------
    Explorer
        Controls: the penalty, its strength, and where the descent starts.
    """
    fig, (plane, ax) = figure("AB", 4.4)
    plane.plot([-1, 2.5, np.nan, 0, 0], [0, 0, np.nan, -1, 2.5], color=GREY, linewidth=0.8)
    rings = plane.add_collection(LineCollection([], color=BLUE, linewidth=0.9))
    (way,) = plane.plot([], [], ".-", color=ORANGE, linewidth=1.2, label="60 steps of descent")
    (best,) = plane.plot([], [], "*", color="black", markersize=11, label="least loss")
    lines = ax.plot(_STRENGTHS, _STRENGTHS, color=PURPLE, label="the larger")
    lines += ax.plot(_STRENGTHS, _STRENGTHS, "--", color=GREEN, label="the smaller")
    at_strength = cursor(ax)
    found = {k: np.transpose([minimum(k, s) for s in _STRENGTHS]) for k in _PENALTIES}

    def update(kind, strength, w1, w2):
        Z, least = penalised(kind, strength), minimum(kind, strength)
        contours = contour_generator(_AXIS, _AXIS, Z.T).lines
        rings.set_segments([c for height in _HEIGHTS for c in contours(Z.min() + height)])
        path = descend(_PENALTIES[kind](strength), (w1, w2), 60)
        way.set_data(*path.T)
        best.set_data(least, least[::-1])
        set_each(lines, "ydata", found[kind])
        move(at_strength, strength, least)
        least, end = ([*map(in_words, w)] for w in (least, path[-1]))
        return {"loss": Z.min(), "least": least, "end": end}

    moving = [rings, way, best, lines, *at_strength[::-1]]
    return fig, update, moving, {"kind": {"options": list(_PENALTIES)}}


_TECHNIQUES = {
    "L1": {"l1": 0.003}, "L2": {"l2": 0.003}, "max-norm": {"max_norm": 1.5},
    "dropout": {"dropout": 0.2}, "DropConnect": {"dropconnect": 0.2},
    "input noise": {"input_noise": 0.2}, "label smoothing": {"label_smoothing": 0.2},
    "mixup": {"augment": MixUp(1.0)}, "early stopping": {"patience": 20},
}  # fmt: skip


def switched(names):
    """Return the fit, see `boundary_fit`, with these techniques on."""
    options = {key: value for name in names for key, value in _TECHNIQUES[name].items()}
    return boundary_fit(epochs=80, rate=0.05, **options)


@explorer
def switches():
    """Explore the decision boundary of two moons with every technique as a switch.

    Returns
    -------
    Explorer
        Controls: nine check boxes, from L1 to early stopping.
    """
    fig, planes = figure("AB", 4.0)
    off, tints = switched(()), [ORANGE + "90", BLUE + "90"]
    (before, _), (area, marks) = [moons_plane(ax, tints) for ax in planes]
    before.set_data(off[0])
    _, line = [ax.plot(*off[1].T, color="black", label="boundary")[0] for ax in planes]
    fig.legend(handles=[line, *marks], loc="outside lower center", ncols=4)

    def update(**on):
        names = tuple(name for name in _TECHNIQUES if on[name])
        share, edge, *accuracy, norm = switched(names)
        area.set_data(share)
        line.set_data(*edge.T)
        numbers = {"names": " + ".join(names), "accuracy": accuracy, "norm": norm, "off": off}
        return numbers | {"case": "on" if names else "off"}

    return fig, update, [area, line, marks], {}


_EPOCHS = 120


@cache
def curve(rate, kind, strength):
    """Return the two losses after each epoch (n, 2), and where training failed the reason."""
    X, y, X_val, y_val, _ = patients()
    sets = [(A, (t[:, None] - y.mean()) / y.std()) for A, t in ((X, y), (X_val, y_val))]
    options = {"activation": "relu", "output": "linear", "init": "he", kind.lower(): strength}
    net = RegularizedNeuralNetwork([10, 32, 1], rng=np.random.default_rng(0), **options)
    losses = []
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(_EPOCHS):
                training.step(net, *sets[0], rate)
                line = [net.data_loss(net.forward_propagation(A), t) for A, t in sets]
                training.stay_finite(line[0], epoch, rate)
                losses.append(line)
    except FloatingPointError as error:
        return np.array(losses), str(error)
    return np.array(losses), ""


@explorer
def training_curves():
    """Explore training and validation loss against the learning rate and a penalty.

    Returns
    -------
    Explorer
        Controls: the learning rate, the penalty and its strength.
    """
    fig, (ax,) = figure("A", 4.2)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.axhline(1, color=GREY, linewidth=0.8)
    lines = [ax.plot([], [], **looks)[0] for looks in (TRAIN, VALIDATION)]
    (best,) = ax.plot([], [], "v", color="black", markersize=9, label="least validation loss")
    words = ax.text(0, 12, "", weight="bold")

    def update(rate, kind, strength):
        losses, error = curve(rate, kind, strength)
        epochs = np.arange(1, len(losses) + 1)
        k = losses[:, 1].argmin()
        set_each(lines, "data", [(epochs, values) for values in losses.T])
        best.set_data([epochs[k]], [np.nan if error else losses[k, 1] * 1.1])
        words.set(text="  diverged: FloatingPointError" * bool(error), x=len(losses))
        numbers = {"last": losses[-1], "least": losses[k, 1], "epoch": epochs[k], "error": error}
        return numbers | {"case": "stopped" if error else "trained"}

    return fig, update, [lines, best, words], {"kind": {"options": list(_PENALTIES)}}
