"""Norm penalties: what to add to the loss, or which ball to stay in, to keep weights small."""

from numbers import Integral

import numpy as np

from reglib.checks import floats, number

__all__ = ["L1", "L2", "ElasticNet", "MaxNorm"]


class ElasticNet:
    r"""Penalise absolute values and squares: sparse weights, correlated ones kept together.

    .. math:: P(w) = \lambda_1 \sum_i |w_i| + \lambda_2 \sum_i w_i^2

    Parameters
    ----------
    l1, l2 : float
        Strengths, finite and >= 0. There is no one-half before the squares.

    Raises
    ------
    ValueError
        If a strength is negative or not finite.

    References
    ----------
    Zou and Hastie (2005), Regularization and variable selection via the elastic net.

    Examples
    --------
    >>> ElasticNet(l1=0.5, l2=0.25)([3.0, -4.0])
    9.75
    """

    def __init__(self, l1=0.01, l2=0.01):
        self.l1, self.l2 = number("l1", l1, ">= 0"), number("l2", l2, ">= 0")

    def __call__(self, w):
        """Return the penalty of one array, or of a list of arrays, as a float."""
        arrays = [floats("w", a) for a in (w if isinstance(w, list | tuple) else [w])]
        return float(sum(np.sum(self.l1 * np.abs(a) + self.l2 * a * a) for a in arrays))

    def grad(self, w):
        """Return ``l1 * sign(w) + 2 * l2 * w``, an array of w's shape; at 0 the subgradient 0."""
        w = floats("w", w)
        return self.l1 * np.sign(w) + 2 * self.l2 * w

    def prox(self, w, step):
        r"""Return the v that minimises ``P(v) + ||v - w||² / (2 * step)``: threshold, then shrink.

        .. math:: v = \frac{\mathrm{sign}(w)\max(|w| - s\lambda_1, 0)}{1 + 2 s \lambda_2}

        The numerator, the soft threshold, is the same as w minus its part in [-s l1, s l1].

        Parameters
        ----------
        w : array of any shape
        step : float, or array that broadcasts with w
            The step size s > 0.

        Raises
        ------
        ValueError
            If a step is not finite and positive.

        References
        ----------
        Parikh and Boyd (2014), Proximal algorithms, section 6.5.
        """
        w, s = floats("w", w), floats("step", step)
        if not (np.isfinite(s) & (s > 0)).all():
            raise ValueError(f"step must be finite and > 0, got {step!r}")
        step = s.astype(w.dtype)
        threshold = step * self.l1
        return (w - np.clip(w, -threshold, threshold)) / (1 + 2 * step * self.l2)


class L1(ElasticNet):
    r"""Penalise absolute values: many weights become exactly zero.

    .. math:: P(w) = \lambda \sum_i |w_i|

    The proximal step is the soft threshold ``sign(w) * max(|w| - step * l1, 0)``.

    Parameters
    ----------
    l1 : float
        Strength, finite and >= 0.

    Raises
    ------
    ValueError
        If the strength is negative or not finite.

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso.

    Examples
    --------
    >>> L1(0.5).prox([1.0, -0.2], step=1.0).tolist()
    [0.5, 0.0]
    """

    def __init__(self, l1=0.01):
        super().__init__(l1=l1, l2=0.0)


class L2(ElasticNet):
    r"""Penalise squares: all weights shrink, large ones most, none to exactly zero.

    .. math:: P(w) = \lambda \sum_i w_i^2

    The gradient is ``2 * l2 * w``; the proximal step divides by ``1 + 2 * step * l2``.

    Parameters
    ----------
    l2 : float
        Strength, finite and >= 0. There is no one-half.

    Raises
    ------
    ValueError
        If the strength is negative or not finite.

    References
    ----------
    Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems.

    Examples
    --------
    >>> L2(0.01)([3.0, -4.0])
    0.25
    """

    def __init__(self, l2=0.01):
        super().__init__(l1=0.0, l2=l2)


class MaxNorm:
    r"""Project back each unit's incoming weights onto the ball of radius ``max_value``.

    .. math:: w \leftarrow w \cdot \min(1, c / \lVert w \rVert_2)

    It does nothing to a unit inside the ball, and it is no term of the loss.

    Parameters
    ----------
    max_value : float
        The radius c, finite and > 0.
    axis : int or tuple of int
        What the norm runs over: 0 takes the columns of W (n_in, n_out), one for each unit.

    Raises
    ------
    ValueError
        If ``max_value`` is not finite and positive, or W has not that axis.

    References
    ----------
    Srebro and Shraibman (2005), Rank, trace-norm and max-norm;
    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.

    Examples
    --------
    >>> MaxNorm(max_value=1.0)([[3.0, 0.1], [4.0, 0.2]]).round(3).tolist()
    [[0.6, 0.1], [0.8, 0.2]]
    """

    def __init__(self, max_value=2.0, axis=0):
        self.max_value = number("max_value", max_value, "> 0")
        if not all(isinstance(a, Integral) for a in (axis if isinstance(axis, tuple) else [axis])):
            raise ValueError(f"axis must be an int or a tuple of ints, got {axis!r}")
        self.axis = axis

    def __call__(self, W):
        """Return a copy of W in which no norm along ``axis`` exceeds ``max_value``."""
        W = floats("W", W)
        norms = np.sqrt(np.square(W).sum(axis=self.axis, keepdims=True))
        return W * np.minimum(1, self.max_value / np.maximum(norms, self.max_value))
