"""A network small enough to read: each regularizer a switch, each gradient open to a check."""

import numpy as np

from reglib.checks import choice, finite, floats, number, whole
from reglib.gradient_check import check_gradient
from reglib.losses import LOSSES, data_loss, output_gradient, outputs, sigmoid
from reglib.optimizers import SGD, Adam
from reglib.penalties import L1, L2, ElasticNet, MaxNorm

__all__ = ["RegularizedNeuralNetwork", "check_gradient"]


class RegularizedNeuralNetwork:
    """Train a fully connected network whose weights are kept small.

    The training loss is ``data loss + l1 * sum|W| + l2 * sum W²`` over all weight matrices;
    biases are never penalised.

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
    optimizer : {"sgd", "adam", "adamw"}
        What `fit` uses. "adam" with a ``weight_decay`` is "adamw"; both names are understood.
    momentum : float
        Of "sgd", in [0, 1).
    weight_decay : float
        Decoupled: each step also subtracts ``learning_rate * weight_decay * W``. In no loss.
    dtype : numpy.float64 or numpy.float32
    rng : numpy.random.Generator, optional
        Draws the first weights and the order of the batches.

    Attributes
    ----------
    weights : list of arrays (n_in, n_out)
    biases : list of arrays (1, n_out)
        Live: assigning into them takes effect.
    activations, z_values : lists of arrays
        Of the last forward pass; ``activations[0]`` is the input.

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
    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> net = RegularizedNeuralNetwork([2, 8, 1], activation="tanh", loss="binary_cross_entropy",
    ...                                rng=np.random.default_rng(0))
    >>> net.train(X, y, epochs=2000, learning_rate=1.0, verbose=False)
    >>> net.predict(X).tolist()
    [0, 1, 1, 0]
    """

    def __init__(
        self,
        layer_sizes,
        l1=0.0,
        l2=0.0,
        *,
        activation="sigmoid",
        output="sigmoid",
        loss="squared_error",
        init="xavier",
        max_norm=None,
        optimizer="sgd",
        momentum=0.0,
        weight_decay=0.0,
        dtype=np.float64,
        rng=None,
    ):
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
        self.optimizer = choice("optimizer", optimizer, ("sgd", "adam", "adamw"))
        self.momentum = number("momentum", momentum, "in [0, 1)")
        self.weight_decay = number("weight_decay", weight_decay, ">= 0")
        if dtype not in ("float32", "float64", float, np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
        self.dtype = np.dtype(dtype)
        self.rng = np.random.default_rng(rng)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(self.layer_sizes, self.layer_sizes[1:], strict=False):
            std = {"xavier": (2 / (n_in + n_out)) ** 0.5, "he": (2 / n_in) ** 0.5, "small": 0.01}
            W = std[init] * self.rng.standard_normal((n_in, n_out))
            self.weights.append(W.astype(self.dtype))
            self.biases.append(np.zeros((1, n_out), self.dtype))
        one = (lambda: SGD(self.momentum)) if optimizer == "sgd" else Adam
        self._optimizers = [one() for _ in self.weights + self.biases]

    def sigmoid(self, z):
        """Return ``1 / (1 + exp(-z))``."""
        return sigmoid(z)

    def sigmoid_derivative(self, z):
        """Return the derivative ``s (1 - s)`` of the sigmoid at z, where s is its value there."""
        s = self.sigmoid(z)
        return s * (1 - s)

    def _activate(self, z):
        if self.activation == "sigmoid":
            return self.sigmoid(z)
        return np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0)

    def _slope(self, z):
        """Return the derivative of the hidden activation at z."""
        if self.activation == "sigmoid":
            return self.sigmoid_derivative(z)
        return 1 - np.tanh(z) ** 2 if self.activation == "tanh" else (z > 0).astype(z.dtype)

    def _inputs(self, X):
        """Return X (n, n_in) in the network's dtype, or say what is wrong with it."""
        X = floats("X", X, self.dtype)
        if X.ndim != 2 or X.shape[1] != self.layer_sizes[0] or len(X) == 0:
            raise ValueError(f"X must be (n, {self.layer_sizes[0]}) with n >= 1, got {X.shape}")
        return finite("X", X)

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
            one_hot = f" or ({n}, {k})" if k > 1 else ""
            raise ValueError(f"y must be ({n},), ({n}, 1){one_hot}, got {shape}")
        finite("y", Y)
        if self.loss != "squared_error" and not ((Y >= 0) & (Y <= 1)).all():
            raise ValueError(f"y must be in [0, 1] for {self.loss}, got {Y.min()} to {Y.max()}")
        if self.loss == "cross_entropy" and not np.allclose(Y.sum(axis=1), 1, atol=1e-5):
            raise ValueError(f"rows of y must sum to 1 for cross_entropy, got {Y.sum(axis=1)!r}")
        return Y

    def forward_propagation(self, X, training=False):
        """Return the outputs (n, n_out) for X (n, n_in).

        ``training`` matters once a technique draws noise: evaluation never does.
        """
        return self._forward(self._inputs(X))

    def _forward(self, X):
        self.activations, self.z_values = [X], []
        for W, b in zip(self.weights, self.biases, strict=True):
            z = self.activations[-1] @ W + b
            self.z_values.append(z)
            last = len(self.z_values) == len(self.weights)
            self.activations.append(outputs(self.output, z) if last else self._activate(z))
        return self.activations[-1]

    def data_loss(self, output, y):
        """Return the loss of outputs (n, n_out) against y without the penalties, a float."""
        A = floats("output", output, self.dtype)
        if A.ndim != 2 or A.shape[1] != self.layer_sizes[-1]:
            raise ValueError(f"output must be (n, {self.layer_sizes[-1]}), got {A.shape}")
        return data_loss(self.loss, A, self._targets(y, len(A)))

    def compute_loss(self, output, y):
        """Return the training loss ``data_loss(output, y) + l1 sum|W| + l2 sum W²``, a float."""
        return self.data_loss(output, y) + ElasticNet(self.l1, self.l2)(self.weights)

    def gradients(self, X, y):
        """Return (dW, db), the exact gradients of the training loss, penalties included.

        Runs its own forward pass. Lists of arrays shaped like ``weights`` and ``biases``; where
        a weight is exactly 0 the derivative of ``|w|`` is taken as 0.
        """
        X = self._inputs(X)
        dW, db = self._data_gradients(X, self._targets(y, len(X)))
        penalty = ElasticNet(self.l1, self.l2)
        return [g + penalty.grad(W) for g, W in zip(dW, self.weights, strict=True)], db

    def _data_gradients(self, X, Y):
        A = self._forward(X)
        delta = output_gradient(self.loss, self.output, A, Y)
        dW, db = [], []
        for layer in reversed(range(len(self.weights))):
            dW.insert(0, self.activations[layer].T @ delta)
            db.insert(0, delta.sum(axis=0, keepdims=True))
            if layer > 0:
                delta = (delta @ self.weights[layer].T) * self._slope(self.z_values[layer - 1])
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
            limit = MaxNorm(self.max_norm)
            for W in self.weights:
                W[...] = limit(W)

    def train(self, X, y, epochs=1000, learning_rate=0.1, verbose=True):
        """Take ``epochs`` steps of plain gradient descent on the whole set.

        Prints the loss every 100 epochs unless ``verbose`` is False.

        Raises
        ------
        FloatingPointError
            If the loss stops being finite.
        """
        epochs = whole("epochs", epochs, low=0)
        with np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(epochs):
                loss = self.compute_loss(self.forward_propagation(X), y)
                self._stay_finite(loss, epoch, learning_rate)
                self.backward_propagation(X, y, learning_rate)
                if verbose and epoch % 100 == 0:
                    print(f"Epoch {epoch}, Loss: {loss:.4f}")
            loss = self.compute_loss(self.forward_propagation(X), y)
            self._stay_finite(loss, epochs, learning_rate)

    def _stay_finite(self, loss, epoch, learning_rate):
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} in epoch {epoch}: try a learning_rate below "
                f"{learning_rate}, inputs scaled to unit size, or a max_norm"
            )

    def _step(self, X, Y, learning_rate):
        """Take one step of the optimizer on a batch; L1 comes as its proximal step.

        Its step is what the optimizer multiplies a lasting gradient with, so that the weights
        come to rest where the training loss does.
        """
        dW, db = self._data_gradients(X, Y)
        l1, l2 = L1(self.l1), L2(self.l2)
        if self.l2:
            dW = [g + l2.grad(W) for g, W in zip(dW, self.weights, strict=True)]
        arrays = zip(self.weights + self.biases, dW + db, self._optimizers, strict=True)
        for i, (w, g, optimizer) in enumerate(arrays):
            direction, scale = optimizer(g)
            if i < len(self.weights):  # biases neither decay nor pay a penalty
                direction = direction + self.weight_decay * w
            w -= learning_rate * direction
            if i < len(self.weights) and self.l1:
                w[...] = l1.prox(w, learning_rate * scale)
        self._project()

    def fit(self, X, Y, epochs, batch_size, learning_rate, validation_data=None, patience=None):
        """Train on shuffled mini-batches and return the history.

        A second call goes on where the first one stopped, with what the optimizer remembers.

        Parameters
        ----------
        X : array (n, n_in)
        Y : array (n,) of labels, (n, 1) or (n, n_out)
        epochs, batch_size : int
        learning_rate : float
            Finite and > 0.
        validation_data : (X, y), optional
        patience : int, optional
            Stop after this many epochs without a lower validation loss, and go back to the
            weights of the best epoch. Needs ``validation_data``.

        Returns
        -------
        dict of lists, one entry an epoch, measured after it in evaluation mode
            "loss" (data loss and penalties), "data_loss", "weight_norm" (Euclidean, all weights)
            and, for a classifier, "accuracy"; with validation data also "val_loss", the data
            loss alone, and "val_accuracy". Compare "val_loss" with "data_loss", not with "loss".

        Raises
        ------
        ValueError
            If an argument is out of its range or the data have the wrong shape.
        FloatingPointError
            If the loss stops being finite.
        """
        from threadpoolctl import threadpool_limits

        X = self._inputs(X)
        Y = self._targets(Y, len(X))
        epochs, batch_size = whole("epochs", epochs), whole("batch_size", batch_size)
        learning_rate = number("learning_rate", learning_rate, "> 0")
        if validation_data is not None:
            if not (isinstance(validation_data, list | tuple) and len(validation_data) == 2):
                raise ValueError(f"validation_data must be a pair (X, y), got {validation_data!r}")
            X_val = self._inputs(validation_data[0])
            validation_data = X_val, self._targets(validation_data[1], len(X_val))
        if patience is not None:
            whole("patience", patience)
            if validation_data is None:
                raise ValueError("patience needs validation_data (X, y) to watch, got None")
        history, best, kept, waited = {}, np.inf, None, 0
        # One BLAS thread: for small products more threads cost more than they save.
        with threadpool_limits(1, "blas"), np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(epochs):
                order = self.rng.permutation(len(X))
                for start in range(0, len(X), batch_size):
                    rows = order[start : start + batch_size]
                    self._step(X[rows], Y[rows], learning_rate)
                record = self._record(X, Y, validation_data)
                self._stay_finite(record["loss"], epoch, learning_rate)
                for name, value in record.items():
                    history.setdefault(name, []).append(value)
                if patience is None:
                    continue
                waited += 1
                if record["val_loss"] < best:
                    best, waited = record["val_loss"], 0
                    kept = [w.copy() for w in self.weights + self.biases]
                if waited >= patience:
                    break
        if kept is not None:
            for w, best_w in zip(self.weights + self.biases, kept, strict=True):
                w[...] = best_w  # in place: the arrays stay live
        return history

    def _record(self, X, Y, validation_data):
        """Return this epoch's line of the history."""
        record = {}
        for prefix, data in (("", (X, Y)), ("val_", validation_data)):
            if data is None:
                continue
            output = self._forward(data[0])  # `fit` has checked both
            loss = data_loss(self.loss, output, data[1])
            record[prefix + ("loss" if prefix else "data_loss")] = loss
            if self.output != "linear":
                truth = self._labels(data[1])
                record[prefix + "accuracy"] = float(np.mean(self._labels(output) == truth))
        record["loss"] = record["data_loss"] + ElasticNet(self.l1, self.l2)(self.weights)
        record["weight_norm"] = float(np.sqrt(sum(np.square(W).sum() for W in self.weights)))
        return record

    def _labels(self, output):
        if output.shape[1] == 1:
            return (output[:, 0] > 0.5).astype(int)
        return output.argmax(axis=1)

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
        return self._labels(output)
