"""From a gradient to a step: descent with momentum, and Adam, which scales each weight's step.

An optimizer here serves one array. Called on a gradient it returns the direction to subtract,
in units of the learning rate, and the scale by which a lasting gradient enters it.
"""

import numpy as np


class SGD:
    r"""Follow the gradient with momentum: past gradients keep pushing, fading by the factor mu.

    .. math:: v \leftarrow \mu v + g, \quad w \leftarrow w - \eta v

    A lasting gradient enters with the scale ``1 / (1 - momentum)``.

    Parameters
    ----------
    momentum : float
        mu in [0, 1); 0 is plain gradient descent.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.

    Examples
    --------
    >>> direction, scale = SGD(momentum=0.5)(np.array([1.0]))
    >>> direction.tolist(), scale
    ([1.0], 2.0)
    """

    def __init__(self, momentum=0.0):
        self.momentum, self.velocity = momentum, 0.0

    def __call__(self, gradient):
        """Return (direction, scale) for this gradient and remember it."""
        if not self.momentum:
            return gradient, 1.0
        self.velocity = self.momentum * self.velocity + gradient
        return self.velocity, 1 / (1 - self.momentum)


class Adam:
    r"""Divide the averaged gradient of each weight by its own recent size.

    .. math::
        m &\leftarrow \beta_1 m + (1-\beta_1) g, \quad s \leftarrow \beta_2 s + (1-\beta_2) g^2 \\
        w &\leftarrow w - \eta \frac{m / (1-\beta_1^t)}{\sqrt{s / (1-\beta_2^t)} + \epsilon}

    A lasting gradient enters with the scale ``1 / (sqrt(s / (1 - beta2**t)) + eps)``.

    Parameters
    ----------
    beta1, beta2 : float
        How slowly the averages of the gradient and of its square forget, in [0, 1).
    eps : float
        Keeps the division finite.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization.

    Examples
    --------
    >>> direction, scale = Adam()(np.array([5.0, -0.1]))
    >>> direction.round(3).tolist()
    [1.0, -1.0]
    """

    def __init__(self, beta1=0.9, beta2=0.999, eps=1e-8):
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.mean, self.square, self.steps = 0.0, 0.0, 0

    def __call__(self, gradient):
        """Return (direction, scale) for this gradient and remember it."""
        self.steps += 1
        self.mean = self.beta1 * self.mean + (1 - self.beta1) * gradient
        self.square = self.beta2 * self.square + (1 - self.beta2) * np.square(gradient)
        scale = 1 / (np.sqrt(self.square / (1 - self.beta2**self.steps)) + self.eps)
        return scale * self.mean / (1 - self.beta1**self.steps), scale
