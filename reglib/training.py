"""Training by mini-batches: one step, what is recorded after an epoch, and when to stop."""

import numpy as np

from reglib.checks import number, whole
from reglib.losses import data_loss, labels
from reglib.penalties import L1, L2, ElasticNet

__all__ = ["fit", "stay_finite"]


def fit(net, X, Y, epochs, batch_size, learning_rate, validation_data=None, patience=None):
    """Train the network in place and return the history; see `RegularizedNeuralNetwork.fit`."""
    from threadpoolctl import threadpool_limits

    shape = np.shape(X)[1:]
    X, Y = net._batch(X, Y)
    epochs, batch_size = whole("epochs", epochs), whole("batch_size", batch_size)
    learning_rate = number("learning_rate", learning_rate, "> 0")
    if validation_data is not None:
        if not (isinstance(validation_data, list | tuple) and len(validation_data) == 2):
            raise ValueError(f"validation_data must be a pair (X, y), got {validation_data!r}")
        validation_data = net._batch(*validation_data)
    if patience is not None:
        whole("patience", patience)
        if validation_data is None:
            raise ValueError("patience needs validation_data (X, y) to watch, got None")
    history, kept, best = {}, [], 0
    # One BLAS thread: for small products more threads cost more than they save.
    with threadpool_limits(1, "blas"), np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(epochs):
            order = net.rng.permutation(len(X))
            for start in range(0, len(X), batch_size):
                rows = order[start : start + batch_size]
                batch = X[rows], Y[rows]
                if net.augment:
                    batch = net._augmented(*batch, shape)
                step(net, *batch, learning_rate)
            line = record(net, X, Y, validation_data)
            stay_finite(line["loss"], epoch, learning_rate)
            for name, value in line.items():
                history.setdefault(name, []).append(value)
            if patience is not None:
                if epoch == 0 or line["val_loss"] < history["val_loss"][best]:
                    best, kept = epoch, [w.copy() for w in net.weights + net.biases]
                if epoch - best >= patience:
                    break
    for w, best_w in zip(net.weights + net.biases, kept, strict=False):  # none without patience
        w[...] = best_w  # in place: the arrays stay live
    return history


def step(net, X, Y, learning_rate):
    """Take one step of the optimizer on a batch; L1 comes as its proximal step.

    Its step is what the optimizer multiplies a lasting gradient with, so that the weights
    come to rest where the training loss does.
    """
    dW, db = net._data_gradients(X, Y)
    if net.l2:
        dW = [g + L2(net.l2).grad(W) for g, W in zip(dW, net.weights, strict=True)]
    arrays = zip(net.weights + net.biases, dW + db, net._optimizers, strict=True)
    for i, (w, g, optimizer) in enumerate(arrays):
        direction, scale = optimizer(g)
        is_weight = i < len(net.weights)  # biases neither decay nor pay a penalty
        if is_weight and net.weight_decay:
            direction = direction + net.weight_decay * w
        w -= learning_rate * direction
        if is_weight and net.l1:
            w[...] = L1(net.l1).prox(w, learning_rate * scale)
    net._project()


def record(net, X, Y, validation_data):
    """Return this epoch's line of the history, measured in evaluation mode."""
    output = net._forward(X)
    penalty = ElasticNet(net.l1, net.l2)(net.weights) if net.l1 or net.l2 else 0.0
    line = {"loss": data_loss(net.loss, output, net._soften(Y)) + penalty}
    line["data_loss"] = data_loss(net.loss, output, Y)
    line["weight_norm"] = float(np.sqrt(sum(np.square(W).sum() for W in net.weights)))
    if net.output != "linear":
        line["accuracy"] = accuracy(output, Y)
    if validation_data is not None:
        X_val, Y_val = validation_data
        output = net._forward(X_val)
        line["val_loss"] = data_loss(net.loss, output, Y_val)
        if net.output != "linear":
            line["val_accuracy"] = accuracy(output, Y_val)
    return line


def accuracy(output, Y):
    """Return the share of rows whose most probable class is that of the label."""
    return float(np.mean(labels(output) == labels(Y)))


def stay_finite(loss, epoch, learning_rate):
    """Raise FloatingPointError, which says what to try, if the loss is not finite."""
    if not np.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss} in epoch {epoch}: try a learning_rate below "
            f"{learning_rate}, inputs scaled to unit size, or a max_norm"
        )
