"""A network small enough to read: each regularizer a switch, each gradient open to a check."""

import numpy as np

from reglib import saving, training
from reglib.activations import activate, sigmoid, slope
from reglib.checks import choice, each, finite, floats, number, whole
from reglib.gradient_check import check_gradient
from reglib.losses import LOSSES, data_loss, labels, output_gradient, outputs
from reglib.noise import Dropout, GaussianNoise, smooth_labels
from reglib.optimizers import SGD, Adam
from reglib.penalties import ElasticNet, MaxNorm

__all__ = ["RegularizedNeuralNetwork", "check_gradient"]


class RegularizedNeuralNetwork:
    """Train a fully connected network that is kept from learning by heart.

    The training loss is ``data loss + l1 * sum|W| + l2 * sum W²`` over all weight matrices, the
    data loss taken against smoothed labels; biases are never penalised. Noise is drawn in
    training alone. Every regularizer is off by default.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units in each layer, inputs first: [64, 128, 10].
    l1, l2 : float
        Strengths of the penalties, >= 0.
    activation : {"sigmoid", "tanh", "relu"}
        Of the hidden layers.
    output : {"sigmoid", "softmax", "linear"}
        Of the last layer.
    loss : {"squared_error", "binary_cross_entropy", "cross_entropy"}
        ``squared_error`` is the mean over samples and outputs. ``binary_cross_entropy`` (with
        sigmoid) and ``cross_entropy`` (with softmax) sum over outputs, then average over samples.
    init : {"xavier", "he", "small"}
        Normal weights with variance 2/(n_in + n_out), 2/n_in, or 0.01² whatever the layer.
    max_norm : float, optional
        After each step every unit's incoming weights are projected onto the ball of this radius.
    dropout : float or list of float
        Probability to drop a hidden unit, in [0, 1); a list has one for each hidden layer.
    dropconnect : float or list of float
        Probability to cut a connection, in [0, 1); a list has one for each weight matrix.
    input_noise : float
        Standard deviation of the normal noise added to the inputs, >= 0.
    label_smoothing : float
        The share alpha in [0, 1) of each label that is spread over all classes; a single output
        stands for two of them. Not for a linear output.
    optimizer : {"sgd", "adam", "adamw"}
        What `fit` uses. "adam" with a ``weight_decay`` is "adamw"; both names are understood.
    momentum : float
        Of "sgd", in [0, 1).
    weight_decay : float
        Decoupled: each step also subtracts ``learning_rate * weight_decay * W``. In no loss.
    augment : callable, optional
        A transform ``t(X, Y, rng) -> (X, Y)`` of `reglib.augment`: `fit` takes each step on what
        it makes of the mini-batch, X as it was given and Y (n, n_out), one-hot for labels.
    dtype : numpy.float64 or numpy.float32
    rng : numpy.random.Generator, optional
        Draws the first weights and the order of the batches. The noise comes from a stream of
        its own, ``noise_rng``, so that networks with and without it share start and batches.

    Attributes
    ----------
    weights : list of arrays (n_in, n_out)
    biases : list of arrays (1, n_out)
        Live: assigning into them takes effect.
    activations, z_values : lists of arrays
        Of the last forward pass, noise included; ``activations[0]`` is the input.
    l1, l2, max_norm, weight_decay, dropout, dropconnect, input_noise, label_smoothing
        The options; a change takes effect at the next step. dropout and dropconnect are lists,
        one number for each layer: assign lists to them.

    Raises
    ------
    ValueError
        For an unknown choice or a number outside its range; the message lists what is allowed.

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors;
    Glorot and Bengio (2010); He et al. (2015); Kingma and Ba (2015), Adam;
    Loshchilov and Hutter (2019), Decoupled weight decay regularization.

    Examples
    --------
    The exclusive or. With sigmoids, this loss and start, and rates from 2 to 4, 1,000 epochs
    bring all four answers within 0.1 from all but one start in some thousands. The penalties
    must be 0.

    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    >>> net = RegularizedNeuralNetwork([2, 4, 1], loss="binary_cross_entropy", init="xavier",
    ...                                rng=np.random.default_rng(0))
    >>> net.train(X, y, epochs=1000, learning_rate=4.0, verbose=False)
    >>> abs(net.forward_propagation(X) - y).max() < 0.1
    np.True_
    """

    def __init__(
        self, layer_sizes, l1=0.0, l2=0.0, *, activation="sigmoid", output="sigmoid",
        loss="squared_error", init="xavier", max_norm=None, dropout=0.0, dropconnect=0.0,
        input_noise=0.0, label_smoothing=0.0, optimizer="sgd", momentum=0.0, weight_decay=0.0,
        augment=None, dtype=np.float64, rng=None,
    ):  # fmt: skip
        if np.ndim(layer_sizes) != 1 or len(layer_sizes) < 2:
            raise ValueError(f"layer_sizes must list two layers or more, got {layer_sizes!r}")
        self.layer_sizes = [whole("layer_sizes", size) for size in layer_sizes]
        self.l1, self.l2 = number("l1", l1, ">= 0"), number("l2", l2, ">= 0")
        self.activation = choice("activation", activation, ("sigmoid", "tanh", "relu"))
        self.output = choice("output", output, tuple(LOSSES))
        self.loss = choice(f"loss (with a {output} output)", loss, LOSSES[output])
        if output == "softmax" and self.layer_sizes[-1] == 1:
            raise ValueError("layer_sizes must end in 2 or more for a softmax output, got 1")
        self.init = choice("init", init, ("xavier", "he", "small"))
        self.max_norm = None if max_norm is None else number("max_norm", max_norm, "> 0")
        layers = len(self.layer_sizes) - 1
        self.dropout = each("dropout", dropout, "in [0, 1)", layers - 1).tolist()
        self.dropconnect = each("dropconnect", dropconnect, "in [0, 1)", layers).tolist()
        self.input_noise = number("input_noise", input_noise, ">= 0")
        self.label_smoothing = number("label_smoothing", label_smoothing, "in [0, 1)")
        if self.label_smoothing and output == "linear":
            raise ValueError("label_smoothing must be 0 for a linear output, which has no classes")
        self.optimizer = choice("optimizer", optimizer, ("sgd", "adam", "adamw"))
        self.momentum = number("momentum", momentum, "in [0, 1)")
        self.weight_decay = number("weight_decay", weight_decay, ">= 0")
        if augment is not None and not callable(augment):
            raise ValueError(f"augment must be a transform t(X, Y, rng) or None, got {augment!r}")
        self.augment = augment
        name = getattr(dtype, "__name__", str(dtype))  # of a type, a NumPy dtype or a string
        self.dtype = np.dtype(choice("dtype", name, ("float32", "float64", "float")))
        self.rng = np.random.default_rng(rng)
        self.noise_rng = self.rng.spawn(1)[0]
        self._on_weights, self._on_units = {}, {}  # by layer: what dropped in the last pass
        self.weights, self.biases = [], []
        for n_in, n_out in zip(self.layer_sizes, self.layer_sizes[1:], strict=False):
            std = {"xavier": (2 / (n_in + n_out)) ** 0.5, "he": (2 / n_in) ** 0.5, "small": 0.01}
            W = std[init] * self.rng.standard_normal((n_in, n_out))
            self.weights.append(W.astype(self.dtype))
            self.biases.append(np.zeros((1, n_out), self.dtype))
        self._optimizers = [
            SGD(self.momentum) if optimizer == "sgd" else Adam() for _ in self.weights + self.biases
        ]

    sigmoid = staticmethod(sigmoid)

    def sigmoid_derivative(self, z):
        """Return the derivative ``s (1 - s)`` of the sigmoid at z, where s is its value there."""
        return slope("sigmoid", z)

    def _inputs(self, X):
        """Return X in the network's dtype, images as rows (n, n_in), or say what is wrong."""
        X = floats("X", X, self.dtype)
        if X.ndim == 4:
            X = X.reshape(len(X), X[:1].size)
        if X.ndim != 2 or X.shape[1] != self.layer_sizes[0] or len(X) == 0:
            raise ValueError(f"X must be (n, {self.layer_sizes[0]}) with n >= 1, got {X.shape}")
        return finite("X", X)

    def _batch(self, X, y):
        X = self._inputs(X)
        return X, self._targets(y, len(X))

    def _targets(self, y, n):
        """Return y as (n, k): labels become one-hot rows, a single output a column."""
        y, k, shape = np.asarray(y), self.layer_sizes[-1], np.shape(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim == 1 and k > 1:
            wrong = ~np.isin(y, np.arange(k))
            if wrong.any():
                got = f"{y[wrong][0]!r} at row {wrong.argmax()}"
                raise ValueError(f"labels y must be whole numbers in 0..{k - 1}, got {got}")
            y = np.eye(k)[y.astype(int)]
        Y = floats("y", y.reshape(-1, 1) if y.ndim == 1 else y, self.dtype)
        if Y.shape != (n, k):
            raise ValueError(f"y must be ({n},), ({n}, 1) or ({n}, {k}), got {shape}")
        finite("y", Y)
        if self.output != "linear" and not (Y.min() >= 0 and Y.max() <= 1):
            raise ValueError(f"y must be in [0, 1] for {self.output}, got {Y.min()} to {Y.max()}")
        if self.loss == "cross_entropy" and np.abs(Y.sum(axis=1) - 1).max() > 1e-5:
            raise ValueError(f"rows of y must sum to 1 for cross_entropy, got {Y.sum(axis=1)!r}")
        return Y

    def forward_propagation(self, X, training=False):
        """Return the outputs (n, n_out) for X (n, n_in); ``training`` draws fresh noise."""
        return self._forward(self._inputs(X), training)

    def _forward(self, X, training=False):
        if training and self.input_noise:
            X = GaussianNoise(self.input_noise, self.noise_rng).forward(X, training)
        self.activations, self.z_values, self._used = [X], [], list(self.weights)
        for layer, b in enumerate(self.biases):
            if training and self.dropconnect[layer]:
                drop = self._on_weights[layer] = Dropout(self.dropconnect[layer], self.noise_rng)
                self._used[layer] = drop.forward(self.weights[layer], training)
            z = self.activations[-1].dot(self._used[layer]) + b  # in small products quicker than @
            self.z_values.append(z)
            if layer == len(self.biases) - 1:
                a = outputs(self.output, z)
            else:
                a = activate(self.activation, z)
                if training and self.dropout[layer]:
                    drop = self._on_units[layer] = Dropout(self.dropout[layer], self.noise_rng)
                    a = drop.forward(a, training)
            self.activations.append(a)
        return a

    def data_loss(self, output, y):
        """Return the loss of outputs (n, n_out) against y as given, penalties left out."""
        return data_loss(self.loss, *self._answers(output, y))

    def compute_loss(self, output, y):
        """Return the training loss: against smoothed labels, plus ``l1 sum|W| + l2 sum W²``."""
        A, Y = self._answers(output, y)
        return data_loss(self.loss, A, self._soften(Y)) + ElasticNet(self.l1, self.l2)(self.weights)

    def _answers(self, output, y):
        A = floats("output", output, self.dtype)
        if A.ndim != 2 or A.shape[1] != self.layer_sizes[-1]:
            raise ValueError(f"output must be (n, {self.layer_sizes[-1]}), got {A.shape}")
        return A, self._targets(y, len(A))

    def _soften(self, Y):
        """Return the labels (n, k) to train on; a single output is one of two classes."""
        if not self.label_smoothing:
            return Y
        both = Y if Y.shape[1] > 1 else np.hstack([Y, 1 - Y])
        return smooth_labels(both, self.label_smoothing)[:, : Y.shape[1]]

    def gradients(self, X, y):
        """Return (dW, db), the exact gradients of the training loss for one draw of the noise.

        Runs its own forward pass in training mode. Lists of arrays shaped like ``weights`` and
        ``biases``; where a weight is exactly 0 the derivative of ``|w|`` is taken as 0.
        """
        dW, db = self._data_gradients(*self._batch(X, y))
        penalty = ElasticNet(self.l1, self.l2)
        return [g + penalty.grad(W) for g, W in zip(dW, self.weights, strict=True)], db

    def _data_gradients(self, X, Y):
        A = self._forward(X, training=True)
        delta = output_gradient(self.loss, self.output, A, self._soften(Y))
        dW, db = [], []
        for layer in reversed(range(len(self.weights))):
            dW.insert(0, self.activations[layer].T.dot(delta))
            db.insert(0, delta.sum(axis=0, keepdims=True))
            if self.dropconnect[layer]:
                dW[0] = self._on_weights[layer].backward(dW[0])
            if layer > 0:
                delta = delta.dot(self._used[layer].T)
                if self.dropout[layer - 1]:
                    delta = self._on_units[layer - 1].backward(delta)
                delta = delta * slope(self.activation, self.z_values[layer - 1])
        return dW, db

    def backward_propagation(self, X, y, learning_rate=0.1):
        """Take one step of plain gradient descent on the training loss, in place.

        ``W -= learning_rate * (dW + weight_decay * W)``, then the max-norm projection. With L1
        this is a subgradient step, which jumps over zero; `fit` takes the proximal step instead.
        """
        learning_rate = number("learning_rate", learning_rate, "> 0")
        dW, db = self.gradients(X, y)
        for W, b, gW, gb in zip(self.weights, self.biases, dW, db, strict=True):
            W -= learning_rate * (gW + self.weight_decay * W)
            b -= learning_rate * gb
        self._project()

    def _project(self):
        if self.max_norm is not None:
            for W in self.weights:
                W[...] = MaxNorm(self.max_norm)(W)

    def train(self, X, y, epochs=1000, learning_rate=0.1, verbose=True):
        """Take ``epochs`` steps of plain gradient descent on the whole set.

        Prints the loss every 100 epochs unless ``verbose`` is False.

        Raises
        ------
        FloatingPointError
            If the loss stops being finite.
        """
        from threadpoolctl import threadpool_limits

        epochs = whole("epochs", epochs, low=0)
        with threadpool_limits(1, "blas"), np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(epochs):
                loss = self.compute_loss(self.forward_propagation(X), y)
                training.stay_finite(loss, epoch, learning_rate)
                self.backward_propagation(X, y, learning_rate)
                if verbose and epoch % 100 == 0:
                    print(f"Epoch {epoch}, Loss: {loss:.4f}")
            loss = self.compute_loss(self.forward_propagation(X), y)
            training.stay_finite(loss, epochs, learning_rate)

    fit = training.fit
    save = saving.save
    load = classmethod(saving.load)

    def predict_proba(self, X):
        """Return the class probabilities, (n, n_out), or (n, 2) for a single output.

        Raises
        ------
        ValueError
            If the output is linear: its values are no probabilities.
        """
        if self.output == "linear":
            raise ValueError("output must be sigmoid or softmax for probabilities, got 'linear'")
        p = self.forward_propagation(X)
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def predict(self, X):
        """Return the labels (n,) for X (n, n_in); for a linear output the values themselves."""
        output = self.forward_propagation(X)
        if self.output == "linear":
            return output[:, 0] if output.shape[1] == 1 else output
        return labels(output)
