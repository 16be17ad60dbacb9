"""Explorers of why the L1 penalty makes exact zeros and the others do not."""

import numpy as np

from reglib.explore.base import CURSOR, DOT, cursor, explorer, figure, move, set_each
from reglib.penalties import L1, L2, ElasticNet
from reglib.style import BLUE, GREEN, GREY, ORANGE, PURPLE

# X.T @ X / n of two standardised features with correlation 0.5: the loss's curvature.
CURVATURE = np.array([[1.0, 0.5], [0.5, 1.0]])
_SCALES, _AXES = np.linalg.eigh(CURVATURE)
_SIGNS = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # the four quadrants
_CORNERS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
_ANGLES = np.linspace(0, 2 * np.pi, 241)
_CIRCLE = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
_ELLIPSE = _CIRCLE / np.sqrt(_SCALES) @ _AXES.T  # where the loss is 1 above its least value
_LEVELS = np.array([0.1, 0.4, 1.0, 2.0, 3.5, 6.0, 10.0])
_RADII = np.linspace(0.05, 2.5, 99)
# How much of |w1| + |w2| and of w1² + w2² is limited, and the name of the penalty's strength.
_SHAPES = {
    "L1": (1, 0, "l1"), "L2": (0, 1, "l2"), "elastic net": (1, 1, "l1 = l2"),
    "max-norm": (0, 1, ""),  # an L2 ball, a limit and no penalty
}  # fmt: skip


def loss(w, best):
    """Return the loss of weights w (..., 2) above its least value, reached at ``best``."""
    return np.einsum("...i,ij,...j", w - best, CURVATURE, w - best)


def radius_of(shape, w):
    """Return where the axes are crossed by the ball whose rim goes through w (..., 2)."""
    a, b, _ = _SHAPES[shape]  # r solves a r + b r² = size
    size = a * np.abs(w).sum(-1) + b * np.square(w).sum(-1)
    return (np.sqrt(a**2 + 4 * b * size) - a) / (2 * b) if b else size


def _in_disk(best, centre, radius):
    """Return the point of least loss of each disk.

    At the rim the gradient is normal to the circle, so along each axis of the ellipses the
    point is ``scale * z / (scale + m)`` from the centre; bisection finds the multiplier m.
    """
    z = (best - centre) @ _AXES
    excess = np.maximum(np.linalg.norm(z, axis=-1) / radius - 1, 0)
    low, high = _SCALES[0] * excess, _SCALES[1] * excess
    for _ in range(55):
        m = (low + high) / 2
        outside = np.linalg.norm(_SCALES * z / (_SCALES + m[..., None]), axis=-1) > radius
        low, high = np.where(outside, m, low), np.where(outside, high, m)
    return centre + _SCALES * z / (_SCALES + high[..., None]) @ _AXES.T


def constrained_minimum(shape, best, radius):
    """Return the weights (..., 2) of least loss inside balls that cross the axes at ``radius``.

    Parameters
    ----------
    shape : {"L1", "L2", "elastic net", "max-norm"}
        L1: ``|w1| + |w2| <= radius``. L2 and max-norm: ``sqrt(w1² + w2²) <= radius``.
        Elastic net, equal parts: ``|w1| + |w2| + w1² + w2² <= radius + radius²``.
    best : array (2,)
        Where the loss is least without a constraint.
    radius : float or array
    """
    best, radius = np.asarray(best, float), np.asarray(radius, float)
    if shape in ("L2", "max-norm"):
        return _in_disk(best, np.zeros(2), radius)
    r = radius[..., None]
    if shape == "L1":  # an edge is a line: step to it along the curvature's inverse
        normals = _SIGNS @ np.linalg.inv(CURVATURE)
        far = (r - _SIGNS @ best) / (normals * _SIGNS).sum(-1)
        edges = best + far[..., None] * normals
    else:  # an edge is part of the circle about minus half the quadrant's signs
        edges = _in_disk(best, -_SIGNS / 2, np.sqrt(r + r**2 + 0.5))
    points = np.concatenate([edges, r[..., None] * _CORNERS], axis=-2)
    on_ball = np.ones(points.shape[:-1], bool)
    on_ball[..., :4] = (edges * _SIGNS > 0).all(-1)
    cost = np.where(on_ball, loss(points, best), np.inf)
    rim = np.take_along_axis(points, cost.argmin(-1)[..., None, None], axis=-2)[..., 0, :]
    return np.where(radius_of(shape, best) <= r, best, rim)


def in_words(weight):
    """Return a weight as the text shows it: an exact zero stands out."""
    return "<b>exactly 0</b>" if weight == 0 else f"{weight:.3f}"


def _rim(shape, radius):
    """Return the outline of a ball as points (241, 2)."""
    if shape == "elastic net":  # along each direction the length v solves v² + a v = r² + r
        a = np.abs(_CIRCLE).sum(-1, keepdims=True)
        return (np.sqrt(a**2 + 4 * (radius + radius**2)) - a) / 2 * _CIRCLE
    return radius / radius_of(shape, _CIRCLE)[:, None] * _CIRCLE


def _strength(shape, w, best):
    """Return the strength of the penalty whose minimum is w, from the larger weight's gradient."""
    i = np.abs(w).argmax()
    a, b, name = _SHAPES[shape]
    gradient = 2 * CURVATURE[i] @ (best - w)
    return f"{name} = {np.abs(gradient) / (a + 2 * b * np.abs(w[i])):.3f}"


@explorer
def constraint_balls(shape="L1"):
    """Explore where the loss is least inside an L1, L2, elastic-net or max-norm ball.

    Parameters
    ----------
    shape : {"L1", "L2", "elastic net", "max-norm"}
        The ball to start with.

    Returns
    -------
    Explorer
        Controls: the ball's shape and radius, and the two weights of least loss.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), The elements of statistical learning, figure 3.11.
    """
    fig, (plane, path) = figure("AB", 4.3)
    plane.grid(False)
    plane.axhline(0, color=GREY, linewidth=0.8, zorder=0.5)
    plane.axvline(0, color=GREY, linewidth=0.8, zorder=0.5)
    (contours,) = plane.plot([], [], color="#9A9A9A", linewidth=0.9)
    (touching,) = plane.plot([], [], color=GREY, linewidth=1.8)
    (ball,) = plane.fill([0], [0], facecolor=BLUE + "40", edgecolor=BLUE, linewidth=1.5)
    (top,) = plane.plot([], [], "+", color="black", markersize=11, markeredgewidth=2)
    (point,) = plane.plot([], [], "o", color=ORANGE, markeredgecolor="black", markersize=10)
    path.set_title("The weights of the point as the ball grows", fontsize=11)
    path.axhline(0, color=GREY, linewidth=0.8)
    lines = path.plot(_RADII, _RADII, color=PURPLE, label="$w_1$")
    lines += path.plot(_RADII, _RADII, "--", color=GREEN, label="$w_2$")
    path.legend(handles=lines, loc="lower left", ncols=2)
    at_radius = cursor(path, color=ORANGE)

    def update(shape, radius, best1, best2):
        best = np.array([best1, best2])
        w = constrained_minimum(shape, best, radius)
        rings = best + np.sqrt(_LEVELS)[:, None, None] * _ELLIPSE
        contours.set_data(*np.insert(rings, 0, np.nan, axis=1).reshape(-1, 2).T)
        touching.set_data(*(best + np.sqrt(loss(w, best)) * _ELLIPSE).T)
        ball.set_xy(_rim(shape, radius))
        top.set_data([best1], [best2])
        point.set_data(w[:1], w[1:])
        set_each(lines, "ydata", constrained_minimum(shape, best, _RADII).T)
        move(at_radius, radius, w)
        numbers = {"weights": [*map(in_words, w)], "norm": np.linalg.norm(w)}
        if shape == "max-norm":
            acts = numbers["norm"] > radius - 1e-9
            return numbers | {"case": "limit" if acts else "within the limit"}
        if radius_of(shape, best) <= radius:
            return numbers | {"case": "no penalty"}
        return numbers | {"case": "penalty", "penalty": _strength(shape, w, best)}

    moving = [contours, touching, ball, top, point, lines, at_radius]
    return fig, update, moving, {"shape": {"options": list(_SHAPES), "value": shape}}


@explorer
def soft_threshold():
    """Explore one proximal step on one weight: L1 cuts to zero, L2 only shrinks.

    Returns
    -------
    Explorer
        Controls: the product of strength and step size, and the weight before the step.
    """
    w = np.linspace(-3, 3, 601)
    fig, (ax,) = figure("A")
    zone = ax.axvspan(-1, 1, color=BLUE, alpha=0.12, linewidth=0)
    (same,) = ax.plot(w, w, ":", color=GREY, linewidth=1.4, label="no penalty")
    looks = ("L1", "-", BLUE), ("L2", "--", ORANGE), ("elastic net", "-.", GREEN)
    lines = [ax.plot(w, w, dashes, color=color, label=name)[0] for name, dashes, color in looks]
    fig.legend(handles=[*lines, same], loc="outside right upper")
    line = ax.axvline(0, **CURSOR)
    dots = [ax.plot([0], [0], "o", color=color, **DOT)[0] for *_, color in looks]

    def update(strength, weight):
        zone.set(x=-strength, width=2 * strength)
        line.set_xdata([weight, weight])
        penalties = L1(strength), L2(strength), ElasticNet(strength, strength)
        after = [penalty.prox(weight, 1.0) for penalty in penalties]
        set_each(lines, "ydata", [penalty.prox(w, 1.0) for penalty in penalties])
        set_each(dots, "data", [([weight], [value]) for value in after])
        return {"after": [*map(in_words, after)], "low": -strength, "divisor": 1 + 2 * strength}

    return fig, update, [zone, lines, line, dots], {}
