"""Training by mini-batches: one step, what is recorded after an epoch, and when to stop."""

import numpy as np

from reglib.checks import number, whole
from reglib.losses import data_loss, labels
from reglib.penalties import L1, ElasticNet


def fit(
    net, X, Y, epochs, batch_size, learning_rate, validation_data=None, patience=None, progress=True
):
    """Train on shuffled mini-batches and return the history.

    A second call goes on where the first one stopped, with what the optimizer remembers:
    ten epochs and ten more are twenty, bit for bit, unless ``patience`` took the weights back.

    Parameters
    ----------
    X : array (n, n_in), or images (n, h, w, c)
    Y : array (n,) of labels, (n, 1) or (n, n_out)
    epochs, batch_size : int
    learning_rate : float
        Finite and > 0.
    validation_data : (X, y), optional
    patience : int, optional
        Stop after this many epochs without a lower validation loss, and go back to the
        weights of the best epoch. Needs ``validation_data``; counts within this call.
    progress : bool
        Show a bar on stderr while a fit lasts longer than five seconds.

    Returns
    -------
    dict of lists, one entry an epoch, measured after it in evaluation mode
        "loss" (the training loss), "data_loss" (labels as given, no penalty), "weight_norm"
        (Euclidean, all weights) and, for a classifier, "accuracy"; with validation data also
        "val_loss", a data loss, and "val_accuracy". Compare "val_loss" with "data_loss".

    Raises
    ------
    ValueError
        If an argument is out of its range or the data have the wrong shape.
    FloatingPointError
        If the loss stops being finite.
    """
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

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
    history, kept, best = [], [], 0
    bar = tqdm(range(epochs), "fit", delay=5, leave=False, unit="epoch", disable=not progress)
    # One BLAS thread: for small products more threads cost more than they save.
    with threadpool_limits(1, "blas"), np.errstate(over="ignore", invalid="ignore"), bar:
        for epoch in bar:
            order = net.rng.permutation(len(X))
            for rows in np.split(order, range(batch_size, len(X), batch_size)):
                batch = X[rows], Y[rows]
                if net.augment:
                    batch = augmented(net, *batch, shape)
                step(net, *batch, learning_rate)
            history.append(record(net, X, Y, validation_data))
            stay_finite(history[epoch]["loss"], epoch, learning_rate)
            if patience is not None:
                if epoch == 0 or history[epoch]["val_loss"] < history[best]["val_loss"]:
                    best, kept = epoch, [w.copy() for w in net.weights + net.biases]
                if epoch - best >= patience:
                    break
    for w, best_w in zip(net.weights + net.biases, kept, strict=False):  # none without patience
        w[...] = best_w  # in place: the arrays stay live
    return {name: [line[name] for line in history] for name in history[0]}


def augmented(net, X, Y, shape):
    """Return what the transform makes of rows X (n, n_in), seen by it as ``(n, *shape)``."""
    made = net.augment(X.reshape(-1, *shape), Y, net.noise_rng)
    if not isinstance(made, tuple) or len(made) != 2:
        raise ValueError(f"augment must return a pair (X, Y), got {made!r}")
    return net._batch(*made)


def step(net, X, Y, learning_rate):
    """Take one step of the optimizer on a batch; L1 comes as its proximal step.

    Its step is what the optimizer multiplies a lasting gradient with, so that the weights
    come to rest where the training loss does.
    """
    dW, db = net._data_gradients(X, Y)
    arrays = zip(net.weights + net.biases, dW + db, net._optimizers, strict=True)
    for i, (w, g, optimizer) in enumerate(arrays):
        is_weight = i < len(net.weights)  # biases neither decay nor pay a penalty
        if is_weight and net.l2:
            g += 2 * net.l2 * w
        direction, scale = optimizer(g)
        if is_weight and net.weight_decay:
            direction = direction + net.weight_decay * w
        w -= learning_rate * direction
        if is_weight and net.l1:
            w[...] = L1(net.l1).prox(w, learning_rate * scale)
    net._project()


def record(net, X, Y, validation_data):
    """Return this epoch's line of the history, measured in evaluation mode."""
    line = scores(net, X, Y)
    soft = net._soften(Y)
    loss = line["data_loss"] if soft is Y else data_loss(net.loss, net.activations[-1], soft)
    if net.l1 or net.l2:
        loss += ElasticNet(net.l1, net.l2)(net.weights)
    norm = float(np.sqrt(sum(np.square(W).sum() for W in net.weights)))
    line |= {"loss": loss, "weight_norm": norm}
    if validation_data is not None:
        measured = scores(net, *validation_data)
        line |= {f"val_{name.removeprefix('data_')}": value for name, value in measured.items()}
    return line


def scores(net, X, Y):
    """Return the data loss of X and Y and, for a classifier, the accuracy."""
    output = net._forward(X)
    line = {"data_loss": data_loss(net.loss, output, Y)}
    if net.output != "linear":
        line["accuracy"] = float(np.mean(labels(output) == labels(Y)))
    return line


def stay_finite(loss, epoch, learning_rate):
    """Raise FloatingPointError, which says what to try, if the loss is not finite."""
    if not np.isfinite(loss):
        tips = f"a learning_rate below {learning_rate}, inputs scaled to unit size, or a max_norm"
        raise FloatingPointError(f"the loss became {loss} in epoch {epoch}: try {tips}")
