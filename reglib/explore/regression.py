"""Explorers of what the strength of a penalty does to a linear model."""

from functools import cache

import numpy as np
from matplotlib.figure import Figure

from reglib import data
from reglib.explore.base import CURSOR, DOT, Explorer, choice, house_style, log_slider
from reglib.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VALIDATION

# How much of the strength goes to the absolute values, and how much to the squares.
_PENALTIES = {"L1": (1, 0), "L2": (0, 1), "elastic net": (1, 1)}
_STRENGTHS = np.logspace(-3, 1, 161)


def _rmse(residuals):
    """Return the root of the mean square along the first axis."""
    return np.sqrt(np.mean(np.square(residuals), axis=0))


@cache
def _patients():
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

    X, y, X_val, y_val, _ = _patients()
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


@house_style()
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
    names = _patients()[-1]
    fig = Figure(figsize=(8.1, 4.7))
    top, low = fig.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    top.set(xscale="log", xlim=(1e-3, 10), ylim=(-1.3, 1.3), ylabel="coefficient")
    low.set(xlabel="strength of the penalty (log scale)", ylabel="validation error", ylim=(55, 85))
    colors = {"bmi": BLUE, "s5": GREEN, "bp": ORANGE}
    lines = top.plot(_STRENGTHS, np.ones((161, 10)), color=GREY, linewidth=1)
    shown = [lines[names.index(name)] for name in colors]
    for line, color in zip(shown, colors.values(), strict=True):
        line.set(color=color, linewidth=2.4)
    top.legend([*shown, lines[0]], [*colors, "the other seven"], loc="upper right", ncols=4)
    (dots,) = top.plot([], [], color=PURPLE, **DOT)
    (error,) = low.plot(_STRENGTHS, _STRENGTHS, **VALIDATION)
    (best,) = low.plot([], [], "v", color="black", markersize=9, label="least")
    (dot,) = low.plot([], [], color=PURPLE, **DOT)
    low.legend(loc="upper left", ncols=2)
    cursors = [ax.axvline(1, **CURSOR) for ax in (top, low)]

    def update(penalty, strength):
        W, errors = _path(penalty)
        i = np.abs(np.log(_STRENGTHS / strength)).argmin()
        for line, path in zip(lines, W, strict=True):
            line.set_ydata(path)
        dots.set_data(np.full(10, strength), W[:, i])
        error.set_ydata(errors)
        k = errors.argmin()
        left = [name for name, w in zip(names, W[:, i], strict=True) if w]
        best.set_data([_STRENGTHS[k]], [errors[k] + 1.5])
        dot.set_data([strength], [errors[i]])
        for cursor in cursors:
            cursor.set_xdata([strength, strength])
        return (
            f"{penalty}, strength {strength:.2g}: <b>{np.count_nonzero(W[:, i])} of 10</b> "
            f"coefficients are not zero ({', '.join(left) or 'none'}); "
            f"validation error {errors[i]:.1f}. "
            f"The least is {errors[k]:.1f}, at strength {_STRENGTHS[k]:.2g}, "
            f"with {np.count_nonzero(W[:, k])} coefficients."
        )

    return Explorer(
        fig, update, [lines, dots, error, best, dot, cursors],
        {"penalty": choice("penalty", list(_PENALTIES), penalty),
         "strength": log_slider("strength", 1e-3, 10, 0.03)},
        title="L1 drops coefficients one by one, L2 alone none",
        caption="Try: for each penalty find the least validation error, and count the coefficients "
        "there. 40 patients train, 402 validate; the error (RMSE) has the disease score's unit.",
        alt="Top: the ten coefficients of a linear model of the diabetes data against the strength "
        "of the penalty. With L1 they reach zero one after another, with L2 they shrink together. "
        "Bottom: the validation error, which falls to a least value and rises again.",
    )  # fmt: skip


@cache
def _singular_values():
    """Return the singular values of the standardised diabetes inputs, and the number of rows."""
    (X,) = data.standardize(data.load_diabetes()[0])
    return np.linalg.svd(X, compute_uv=False), len(X)


@house_style()
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
    fig = Figure(figsize=(8.1, 4.0))
    left, right = fig.subplots(1, 2, width_ratios=[3, 2])
    left.set(xlabel="singular value of the inputs", ylabel="share that is kept", ylim=(0, 1.04))
    left.set_xticks(range(10), [f"{value:.0f}" if value > 10 else f"{value:.1f}" for value in s])
    left.bar(range(10), 1, color="#E5E5E5", width=0.7)
    left.grid(False)
    bars = left.bar(range(10), 1, color=BLUE, width=0.7)
    right.set(xscale="log", xlim=(1e-4, 10), ylim=(0, 10.4), xlabel="strength l2 (log scale)")
    right.set(ylabel="degrees of freedom", yticks=range(0, 11, 2), xticks=10.0 ** np.arange(-4, 2))
    right.plot(grid, (s**2 / (s**2 + n * grid[:, None])).sum(1), color=BLUE)
    cursor = right.axvline(1, **CURSOR)
    (dot,) = right.plot([], [], color=PURPLE, **DOT)

    def update(l2):
        kept = s**2 / (s**2 + n * l2)
        for bar, height in zip(bars, kept, strict=True):
            bar.set_height(height)
        cursor.set_xdata([l2, l2])
        dot.set_data([l2], [kept.sum()])
        return (
            f"With l2 = {l2:.2g} the strongest direction keeps {kept[0]:.3f} of its coefficient, "
            f"the weakest {kept[-1]:.3f}. Together they count as <b>{kept.sum():.2f}</b> degrees "
            "of freedom, of 10."
        )

    return Explorer(
        fig, update, [bars, cursor, dot], {"l2": log_slider("strength l2", 1e-4, 10, 0.1)},
        title="L2 closes the weak directions first",
        caption="Try: raise l2 until half the degrees of freedom are gone. Which directions are "
        "still open?",
        alt="Left: ten bars, one for each singular value of the diabetes inputs, show the share "
        "of the coefficient that L2 keeps; the bars of small singular values are the lowest. "
        "Right: their sum, the effective degrees of freedom, falls from 10 to 1 as l2 grows.",
    )  # fmt: skip


@house_style()
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
    rate = 0.1
    grid = np.geomspace(1e-3, 5, 300)
    fig = Figure(figsize=(8.1, 4.0))
    ax = fig.subplots()
    ax.set(xscale="log", xlim=(1e-3, 5), ylim=(0, 1.04), ylabel="share of the coefficient")
    ax.set(xlabel="curvature of the loss along the direction, s²/n (log scale)")
    (stopped,) = ax.plot(grid, grid, color=BLUE, label="stopped descent: 1 - (1 - 2·rate·s²/n)ᵗ")
    (ridge,) = ax.plot(grid, grid, color=ORANGE, linestyle="--", label="L2: s² / (s² + n·l2)")
    (dots,) = ax.plot(s**2 / n, s, color=BLUE, **DOT)
    (squares,) = ax.plot(s**2 / n, s, color=ORANGE, **(DOT | {"marker": "s"}))
    fig.legend(loc="outside lower center", ncols=2)

    def shares(curvature, steps, l2):
        return 1 - (1 - 2 * rate * curvature) ** steps, curvature / (curvature + l2)

    def update(steps, l2):
        steps = round(steps)
        for line, share in zip((stopped, ridge), shares(grid, steps, l2), strict=True):
            line.set_ydata(share)
        kept = shares(s**2 / n, steps, l2)
        for line, share in zip((dots, squares), kept, strict=True):
            line.set_ydata(share)
        gap = np.abs(kept[0] - kept[1]).max()
        return (
            f"With {steps} steps of rate {rate} the ten directions count as "
            f"{kept[0].sum():.2f} degrees of freedom; with l2 = {l2:.2g} as {kept[1].sum():.2f}. "
            f"Largest difference in a direction: <b>{gap:.3f}</b>. "
            f"The matched strength, 1 / (2 · rate · steps), is {1 / (2 * rate * steps):.2g}."
        )

    return Explorer(
        fig, update, [stopped, ridge, dots, squares],
        {"steps": log_slider("steps of descent", 10, 10_000, 50.0, readout_format=".0f"),
         "l2": log_slider("strength l2", 1e-4, 10, 0.1)},
        title="Stopping early shrinks almost as L2 does",
        caption="Try: change the steps, then bring the curves together with l2. Does the largest "
        "difference ever reach 0?",
        alt="The share of each coefficient that is reached, against the loss's curvature along its "
        "direction: one S-shaped curve for gradient descent that stopped early, one for L2, close "
        "to each other and not equal. Dots mark the ten directions of the diabetes data.",
    )  # fmt: skip
