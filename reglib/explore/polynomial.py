"""The explorer of overfitting made visible: one polynomial, one penalty."""

from functools import cache

import numpy as np
from matplotlib.figure import Figure

from reglib import data
from reglib.explore.base import CURSOR, DOT, Explorer, house_style, log_slider
from reglib.style import BLUE, GREY, PURPLE, TRAIN, VALIDATION

_DEGREE = 15


@cache
def _fits():
    """Return 20 noisy points, and functions of l2: the fitted values at x, and the two errors."""
    rng = np.random.default_rng(57)
    x, y = data.noisy_polynomial(20, 0.2, rng)
    x_val, y_val = data.noisy_polynomial(200, 0.2, rng)
    features = data.polynomial_features(x, _DEGREE)
    centre = features.mean(axis=0)  # centred inputs leave the bias out of the penalty
    U, s, Vt = np.linalg.svd(features - centre, full_matrices=False)

    def predict(l2, at):
        w = Vt.T @ (s / (s**2 + len(x) * l2) * (U.T @ y))
        return (data.polynomial_features(at, _DEGREE) - centre) @ w + y.mean()

    def errors(l2):
        pairs = ((x, y), (x_val, y_val))
        return [float(np.sqrt(np.mean((predict(l2, a) - b) ** 2))) for a, b in pairs]

    return x, y, predict, errors


@house_style()
def polynomial_fit():
    """Explore a polynomial of degree 15 fitted to 20 points, from wild to flat, against L2.

    Returns
    -------
    Explorer
        Control: the strength ``l2`` in ``(1/n) ||y - Xw - b||² + l2 ||w||²``.
    """
    x, y, predict, errors = _fits()
    at = np.linspace(-1, 1, 400)
    grid = np.logspace(-8, 1, 181)
    curves = np.array([errors(l2) for l2 in grid])
    best = curves[:, 1].argmin()
    fig = Figure(figsize=(8.1, 4.0))
    left, right = fig.subplots(1, 2, width_ratios=[4, 3])
    left.set(xlabel="x", ylabel="y", xlim=(-1.02, 1.02), ylim=(-2.2, 2.2))
    left.plot(at, data.polynomial_truth(at), ":", color=GREY, label="truth")
    left.plot(x, y, "o", color="black", markersize=5, label="20 points")
    (line,) = left.plot(at, at, color=BLUE, label="fit")
    left.legend(loc="upper left", ncols=3, columnspacing=1, handlelength=1.5)
    right.set(xscale="log", xlim=(1e-8, 10), xlabel="strength l2 (log scale)")
    right.set(yscale="log", ylim=(0.05, 10), ylabel="error (RMSE)")
    heights = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    right.set_xticks(10.0 ** np.arange(-8, 2, 3))
    right.set_yticks(heights, [f"{height:g}" for height in heights])
    right.minorticks_off()
    right.plot(grid, curves[:, 0], **TRAIN)
    right.plot(grid, curves[:, 1], **VALIDATION)
    right.plot(grid[best], curves[best, 1], "^", color="black", markersize=8, label="least")
    right.legend(loc="upper right")
    cursor = right.axvline(1, **CURSOR)
    (dots,) = right.plot([], [], color=PURPLE, markersize=7, **DOT)

    def update(l2):
        line.set_ydata(predict(l2, at))
        train, validation = errors(l2)
        cursor.set_xdata([l2, l2])
        dots.set_data([l2, l2], [train, validation])
        return (
            f"With l2 = {l2:.1e}: training error {train:.3f}, validation error "
            f"<b>{validation:.3f}</b>. The noise alone is 0.2."
        )

    return Explorer(
        fig, update, [line, cursor, dots],
        {"l2": log_slider("strength l2", 1e-8, 10, 1e-8, 0.1, ".1e")},
        title="Too little, enough, too much",
        caption="Try: cover the right picture and choose l2 by the look of the curve alone. Then "
        "uncover it.",
        alt="Left: a polynomial of degree 15 through 20 noisy points, wild at the start, close to "
        "the true curve at a middle strength of L2, almost flat at a large one. Right: the "
        "training error grows with the strength, the validation error falls and rises again.",
    )  # fmt: skip
