"""Noise injection: disturb a network in training, so that it relies on no single detail."""

import numpy as np

from reglib.checks import floats, number, scaled

__all__ = ["DropConnect", "Dropout", "GaussianNoise", "smooth_labels"]


class Dropout:
    r"""Switch off units at random in training; the survivors are scaled up to keep the mean.

    .. math:: y = \frac{m}{1-p} \odot x, \quad m_i = 0 \text{ with probability } p, \text{ else } 1

    Then ``E[y] = x`` and ``Var[y] = p / (1 - p) * x²``, so evaluation is the identity.

    Parameters
    ----------
    p : float
        Probability to drop, in [0, 1).
    rng : numpy.random.Generator, optional

    Attributes
    ----------
    mask : array of x's shape
        What the last training forward multiplied x by: 0 or ``1 / (1 - p)``.

    Raises
    ------
    ValueError
        If p is not in [0, 1), or an array is not real or has the wrong shape.
    RuntimeError
        If `backward` is called before a training forward.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout: a simple way to
    prevent neural networks from overfitting. There the survivors are not scaled in training and
    the weights are multiplied by 1 - p at evaluation instead: the same networks, but steps of the
    same learning rate are smaller there by (1 - p)².

    Examples
    --------
    >>> drop = Dropout(p=0.5, rng=np.random.default_rng(0))
    >>> drop.forward([1.0, 2.0, 3.0, 4.0], training=True).tolist()
    [2.0, 0.0, 0.0, 0.0]
    >>> drop.backward([1.0, 1.0, 1.0, 1.0]).tolist()
    [2.0, 0.0, 0.0, 0.0]
    >>> drop.forward([1.0, 2.0, 3.0, 4.0]).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """

    def __init__(self, p=0.5, rng=None):
        self.p = number("p", p, "in [0, 1)")
        self.rng = np.random.default_rng(rng)
        self.mask = None

    def forward(self, x, training=False):
        """Return ``mask * x`` with a new mask in training, x itself at evaluation."""
        x = scaled("x", x)
        if not training:
            return x
        precision = np.float32 if x.dtype == np.float32 else np.float64
        draw = self.rng.random(x.shape, precision) if self.p else np.ones(x.shape)
        self.mask = (draw >= self.p).astype(x.dtype) / (1 - self.p)
        return self.mask * x

    def backward(self, dout):
        """Return ``mask * dout``, the derivative with respect to x, with the forward's mask."""
        return _like(self.mask, dout) * self.mask


class DropConnect(Dropout):
    r"""Cut connections at random in training; the survivors are scaled up to keep the mean.

    .. math:: y = x \Big(\frac{M}{1-p} \odot W\Big) + b

    Then ``E[y] = x @ W + b``, which is what evaluation returns, and
    ``Var[y_j] = p / (1 - p) * sum_i x_i² W_ij²``. It is `Dropout` of the weights: one mask a
    call, shared by the batch. Biases are never dropped.

    Parameters
    ----------
    p : float
        Probability to drop, in [0, 1).
    rng : numpy.random.Generator, optional

    Attributes
    ----------
    mask : array of W's shape
        What the last training forward multiplied W by: 0 or ``1 / (1 - p)``.

    Raises
    ------
    ValueError
        If p is not in [0, 1), or an array is not real or has the wrong shape.
    RuntimeError
        If `backward` is called before a training forward.

    References
    ----------
    Wan, Zeiler, Zhang, LeCun and Fergus (2013), Regularization of neural networks using
    DropConnect. There every sample has a mask of its own, the survivors are not scaled, and
    evaluation draws y from a normal distribution with its mean and variance, applies the
    activation and averages.

    Examples
    --------
    >>> layer = DropConnect(p=0.5, rng=np.random.default_rng(0))
    >>> x, W, b = [[1.0, 1.0]], [[1.0, 2.0], [3.0, 4.0]], [0.5, 0.5]
    >>> layer.forward(x, W, b, training=True).tolist()
    [[2.5, 0.5]]
    >>> layer.forward(x, W, b).tolist()
    [[4.5, 6.5]]
    """

    _last = None, None, None, None  # no training forward yet

    def forward(self, x, W, b, training=False):
        """Return (n, n_out) from x (n, n_in), W (n_in, n_out) and b (n_out,) or (1, n_out)."""
        x, W, b = scaled("x", x), floats("W", W), floats("b", b)
        if x.ndim != 2 or W.ndim != 2 or x.shape[1] != W.shape[0]:
            raise ValueError(f"x must be (n, n_in) and W (n_in, n_out), got {x.shape}, {W.shape}")
        if b.shape not in ((W.shape[1],), (1, W.shape[1])):
            raise ValueError(f"b must be ({W.shape[1]},) or (1, {W.shape[1]}), got {b.shape}")
        W = super().forward(W, training)
        y = x @ W + b
        if training:
            self._last = x, W, b.shape, y
        return y

    def backward(self, dout):
        """Return (dx, dW, db), the derivatives with respect to x, W and b, with that mask."""
        x, W, shape, y = self._last
        dout = _like(y, dout)
        return dout @ W.T, self.mask * (x.T @ dout), dout.sum(axis=0).reshape(shape)


class GaussianNoise:
    r"""Add normal noise in training, so that near inputs get near answers.

    .. math:: y = x + \epsilon, \quad \epsilon_i \sim \mathcal{N}(0, \sigma^2)

    Then ``E[y] = x`` and ``Var[y] = stddev²``, whatever x; evaluation is the identity.

    Parameters
    ----------
    stddev : float
        Standard deviation sigma >= 0, in the units of x.
    rng : numpy.random.Generator, optional

    Raises
    ------
    ValueError
        If stddev is negative or not finite, or an array is not real or has the wrong shape.
    RuntimeError
        If `backward` is called before a training forward.

    References
    ----------
    Bishop (1995), Training with noise is equivalent to Tikhonov regularization.

    Examples
    --------
    >>> noise = GaussianNoise(stddev=0.1, rng=np.random.default_rng(0))
    >>> noise.forward([1.0, 1.0], training=True).round(2).tolist()
    [1.01, 0.99]
    >>> noise.forward([1.0, 1.0]).tolist()
    [1.0, 1.0]
    """

    def __init__(self, stddev=0.1, rng=None):
        self.stddev = number("stddev", stddev, ">= 0")
        self.rng = np.random.default_rng(rng)
        self._noise = None

    def forward(self, x, training=False):
        """Return x plus fresh noise in training, x itself at evaluation."""
        x = scaled("x", x)
        if not training:
            return x
        draw = self.rng.standard_normal(x.shape) if self.stddev else np.zeros(x.shape)
        self._noise = (self.stddev * draw).astype(x.dtype)
        return x + self._noise

    def backward(self, dout):
        """Return ``dout``: the noise does not depend on x."""
        return _like(self._noise, dout)


def smooth_labels(Y, alpha=0.1):
    r"""Return labels that are sure of nothing: a share alpha is spread evenly over all k classes.

    .. math:: Y_{\text{smooth}} = (1 - \alpha) Y + \alpha / k

    Rows that sum to 1 still do. The cross-entropy with them is ``1 - alpha`` times that with Y
    plus alpha times that with the uniform distribution.

    Parameters
    ----------
    Y : array (n, k), k >= 2
        One-hot or soft labels.
    alpha : float
        In [0, 1]; 0 changes nothing, 1 forgets the labels.

    Raises
    ------
    ValueError
        If alpha is not in [0, 1], or Y is not (n, k) with k >= 2.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), Rethinking the Inception architecture.

    Examples
    --------
    >>> smooth_labels([[1.0, 0.0, 0.0, 0.0]], alpha=0.2).round(2).tolist()
    [[0.85, 0.05, 0.05, 0.05]]
    """
    Y, alpha = floats("Y", Y), number("alpha", alpha, "in [0, 1]")
    if Y.ndim != 2 or Y.shape[1] < 2:
        raise ValueError(f"Y must be (n, k) with k >= 2 classes, got {Y.shape}")
    return (1 - alpha) * Y + alpha / Y.shape[1]


def _like(draw, dout):
    """Return dout, which has the shape of what a training forward left, or say what is wrong."""
    if draw is None:
        raise RuntimeError("backward needs a draw: call forward(..., training=True) first")
    dout = floats("dout", dout)
    if dout.shape != draw.shape:
        raise ValueError(f"dout must have the shape {draw.shape} of forward, got {dout.shape}")
    return dout
