"""Explorers of what the strength of a penalty does to a linear model."""

from functools import cache

import numpy as np

from reglib import data
from reglib.explore.base import DOT, cursor, explorer, figure, move, set_each
from reglib.style import BLUE, GREEN, GREY, ORANGE, TRAIN, VALIDATION

# How much of the strength goes to the absolute values, and how much to the squares.
_PENALTIES = {"L1": (1, 0), "L2": (0, 1), "elastic net": (1, 1)}
_STRENGTHS = np.logspace(-3, 1, 161)
_DEGREE = 15  # of the polynomial


def _rmse(residuals):
    """Return the root of the mean square along the first axis."""
    return np.sqrt(np.mean(np.square(residuals), axis=0))


@cache
def _polynomials():
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
        return [_rmse(predict(l2, at) - true) for at, true in ((x, y), (x_val, y_val))]

    return x, y, predict, errors


@explorer
def polynomial_fit():
    """Explore a polynomial of degree 15 fitted to 20 points, from wild to flat, against L2.

    Returns
    -------
    Explorer
        Control: the strength ``l2`` in ``(1/n) ||y - Xw - b||² + l2 ||w||²``.
    """
    x, y, predict, errors = _polynomials()
    at, grid = np.linspace(-1, 1, 400), np.logspace(-8, 1, 181)
    curves = np.array([errors(l2) for l2 in grid])
    best = curves[:, 1].argmin()
    fig, (left, right) = figure("AB", 4.0, width_ratios=[4, 3])
    left.plot(at, data.polynomial_truth(at), ":", color=GREY, label="truth")
    left.plot(x, y, "o", color="black", markersize=5, label="20 points")
    (line,) = left.plot(at, at, color=BLUE, label="fit")
    left.legend(loc="upper left", ncols=3, columnspacing=1, handlelength=1.5)
    right.set(xscale="log", yscale="log")
    right.yaxis.set_major_formatter("{x:g}")
    right.minorticks_off()
    right.plot(grid, curves[:, 0], **TRAIN)
    right.plot(grid, curves[:, 1], **VALIDATION)
    right.plot(grid[best], curves[best, 1], "^", color="black", markersize=8, label="least")
    right.legend(loc="upper right")
    at_l2 = cursor(right, markersize=7)

    def update(l2):
        line.set_ydata(predict(l2, at))
        train, validation = errors(l2)
        move(at_l2, l2, [train, validation])
        return {"train": train, "validation": validation}

    return fig, update, [line, at_l2], {}


@cache
def patients():
    """Return 40 training and 402 validation patients, inputs standardised, and the names."""
    X, y, names = data.load_diabetes()
    (X_train, y_train), (X_val, y_val) = data.split(X, y, (40, 402), np.random.default_rng(21))
    X_train, X_val = data.standardize(X_train, X_val)
    return X_train, y_train, X_val, y_val, names


@cache
def _path(penalty):
    """Return the coefficients (10, 161) and the validation error (161,) at every strength.

    The target is centred and scaled too, so that the bias is fitted and never penalised and
    the strengths have no unit. Errors are in the target's own unit.
    """
    from sklearn.linear_model import enet_path  # slow to load, and only this explorer needs it

    X, y, X_val, y_val, _ = patients()
    mean, scale, n = y.mean(), y.std(), len(y)
    t = (y - mean) / scale
    a, b = _PENALTIES[penalty]
    if a == 0:
        W = [np.linalg.solve(X.T @ X / n + l2 * np.eye(10), X.T @ t / n) for l2 in _STRENGTHS]
        W = np.transpose(W)
    else:  # scikit-learn halves the squared error and the squares, not the absolute values
        alphas = (a / 2 + b) * _STRENGTHS[::-1]
        options = {"l1_ratio": a / (a + 2 * b), "tol": 1e-9, "max_iter": 100_000}
        W = enet_path(X, t, alphas=alphas, **options)[1][:, ::-1]
    return W, _rmse(X_val @ W * scale + mean - y_val[:, None])


@explorer
def coefficient_paths(penalty="L1"):
    """Explore ten coefficients of the diabetes data, and the validation error, against lambda.

    Parameters
    ----------
    penalty : {"L1", "L2", "elastic net"}
        The one to start with.

    Returns
    -------
    Explorer
        Controls: the penalty and its strength.

    References
    ----------
    Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression.
    """
    names = patients()[-1]
    fig, (top, low) = figure("A;B", 4.7, sharex=True, height_ratios=[3, 2])
    colors = {"bmi": BLUE, "s5": GREEN, "bp": ORANGE}
    lines = top.plot(_STRENGTHS, np.ones((161, 10)), color=GREY, linewidth=1)
    shown = [lines[names.index(name)] for name in colors]
    set_each(shown, "color", colors.values())
    set_each(shown, "linewidth", [2.4] * 3)
    top.legend([*shown, lines[0]], [*colors, "the other seven"], loc="upper right", ncols=4)
    (error,) = low.plot(_STRENGTHS, _STRENGTHS, **VALIDATION)
    (best,) = low.plot([], [], "v", color="black", markersize=9, label="least")
    low.legend(loc="upper left", ncols=2)
    top_cursor, low_cursor = cursor(top), cursor(low)

    def update(penalty, strength):
        W, errors = _path(penalty)
        i = np.abs(np.log(_STRENGTHS / strength)).argmin()
        set_each(lines, "ydata", W)
        error.set_ydata(errors)
        k = errors.argmin()
        best.set_data([_STRENGTHS[k]], [errors[k] + 1.5])
        move(top_cursor, strength, W[:, i])
        move(low_cursor, strength, errors[[i]])
        left = [name for name, w in zip(names, W[:, i], strict=True) if w]
        numbers = {"left": len(left), "names": ", ".join(left) or "none", "error": errors[i]}
        best_left = np.count_nonzero(W[:, k])
        return numbers | {"least": errors[k], "best": _STRENGTHS[k], "best_left": best_left}

    moving = [lines, error, best, *top_cursor[::-1], *low_cursor[::-1]]
    return fig, update, moving, {"penalty": {"options": list(_PENALTIES), "value": penalty}}


@cache
def _singular_values():
    """Return the singular values of the standardised diabetes inputs, and the number of rows."""
    (X,) = data.standardize(data.load_diabetes()[0])
    return np.linalg.svd(X, compute_uv=False), len(X)


@explorer
def singular_values():
    """Explore how L2 shrinks a linear model along each singular direction of its inputs.

    Returns
    -------
    Explorer
        Control: the strength ``l2`` in ``(1/n) ||y - Xw||² + l2 ||w||²``.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), The elements of statistical learning, section 3.4.1.
    """
    s, n = _singular_values()
    grid = np.logspace(-4, 1, 200)
    fig, (left, right) = figure("AB", 4.0, width_ratios=[3, 2])
    left.set_xticks(range(10), [f"{value:.0f}" if value > 10 else f"{value:.1f}" for value in s])
    left.bar(range(10), 1, color="#E5E5E5", width=0.7)
    left.grid(False)
    bars = left.bar(range(10), 1, color=BLUE, width=0.7)
    right.plot(grid, (s**2 / (s**2 + n * grid[:, None])).sum(1), color=BLUE)
    at_l2 = cursor(right)

    def update(l2):
        kept = s**2 / (s**2 + n * l2)
        set_each(bars, "height", kept)
        move(at_l2, l2, [kept.sum()])
        return {"strongest": kept[0], "weakest": kept[-1], "freedom": kept.sum()}

    return fig, update, [bars, at_l2], {}


@explorer
def early_stopping():
    """Explore how gradient descent that stops early shrinks directions as L2 does, nearly.

    Returns
    -------
    Explorer
        Controls: the steps of descent, and the strength ``l2`` to compare with.

    References
    ----------
    Ali, Kolter and Tibshirani (2019), A continuous-time view of early stopping for least squares
    regression.
    """
    s, n = _singular_values()
    rate, grid = 0.1, np.geomspace(1e-3, 5, 300)
    fig, (ax,) = figure("A", 4.0)
    lines = ax.plot(grid, grid, color=BLUE, label="stopped descent: 1 - (1 - 2·rate·s²/n)ᵗ")
    lines += ax.plot(grid, grid, "--", color=ORANGE, label="L2: s² / (s² + n·l2)")
    marks = [ax.plot(s**2 / n, s, m, color=c, **DOT)[0] for m, c in (("o", BLUE), ("s", ORANGE))]

    def shares(curvature, steps, l2):
        return 1 - (1 - 2 * rate * curvature) ** steps, curvature / (curvature + l2)

    def update(steps, l2):
        steps = round(steps)
        descent, ridge = kept = shares(s**2 / n, steps, l2)
        set_each(lines, "ydata", shares(grid, steps, l2))
        set_each(marks, "ydata", kept)
        numbers = {"steps": steps, "rate": rate, "matched": 1 / (2 * rate * steps)}
        numbers |= {"descent": descent.sum(), "ridge": ridge.sum()}
        return numbers | {"difference": np.abs(descent - ridge).max()}

    return fig, update, [lines, marks], {}
