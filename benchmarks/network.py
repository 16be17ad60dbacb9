"""How many training steps a second the network takes, beside PyTorch and scikit-learn.

Run ``make bench``, or ``python -m benchmarks.network`` for this one alone: four minutes; it writes
``docs/network.md`` and the README's copy of its first table. PyTorch takes part where it is
installed; where it is not, its columns stay empty and the page says how to add it.
"""

import sys
import time
from functools import partial

import numpy as np
from sklearn import config_context
from sklearn.neural_network import MLPClassifier

from benchmarks.machine import machine, quote, ratio, turns, write
from reglib import RegularizedNeuralNetwork, training

# Units in each layer and the size of a batch; how many batches a pass goes over.
SHAPES = {
    ((2, 4, 1), 4): 512,
    ((64, 64, 10), 32): 512,
    ((64, 128, 128, 10), 64): 256,
    ((784, 256, 10), 128): 32,
    ((784, 512, 512, 10), 256): 16,
}
P, STRENGTH, RATE, EPOCHS = 0.5, 1e-4, 0.01, 3
ROUNDS, SECONDS, RUNS = 15, 0.1, 3  # in each round every arm runs for at least so long
OURS, NO_NOISE = "reglib", "reglib without dropout"
TORCH, LEARN, LIMIT = "PyTorch", "scikit-learn", "matrix products"
WAYS = "`step`, 1 thread", "`step`, 2 threads", "`fit`, 1 allowed", "`fit`, 2 allowed"
MISSING = (
    "PyTorch is not installed ({}), so its columns stay empty. It is not among this project's "
    "locked packages, because on Linux it brings gigabytes for graphics cards. Add a build for "
    "the CPU as pytorch.org tells, to the environment in `.venv`, and run this again."
)
SETTINGS = f"""\
A step is the forward pass in training mode, the backward pass and the update, of a float32
network with ReLU: dropout of {P:g} on every hidden layer, an L2 penalty of {STRENGTH:g} on the
weights, plain gradient descent. The last layer is a softmax with cross-entropy; with one output a
sigmoid with binary cross-entropy. Every arm goes over the same batches of uniform inputs and
random labels, which lie ready in memory: {{passes}}.

- Ours is `training.step`, which `fit` calls: the code that notebook 04 explains.
- PyTorch, eager: `nn.Sequential` of `Linear`, `ReLU` and `Dropout({P:g})`; `zero_grad`, forward,
  loss, `backward`, and `step` of `torch.optim.SGD` with `weight_decay={2 * STRENGTH:g}` on the
  weights alone. Its backward pass starts from the loss, so that it computes this as well; ours
  starts from the loss's gradient.
- scikit-learn: `MLPClassifier(solver="sgd", momentum=0, shuffle=False)`, one `partial_fit` of a
  whole pass, so that its checks of the data count once in so many steps; `assume_finite=True`
  spares it one of them. **It has no dropout**: its steps do less, so they are also compared with
  ours without dropout, which do the same and give the same weights. `alpha` is {2 * STRENGTH:g}
  times the size of a batch, the same penalty in its units. It computes the loss as well.
- The limit: the matrix products of a step and nothing else, into arrays that are there already:
  forward, for the weights' gradients, and back through all layers but the first.

One thread each (of BLAS, of PyTorch). Counted is the processor time of the process, so that
other work on the machine matters little. All arms take turns in each of {ROUNDS} rounds; a number
is the median of the rounds. All of it was measured {RUNS} times, and shown is the run that varied
least: the middle half of its rounds is {{spread:.1%}} of their median wide, on average over arms
and sizes."""
THREADS = f"""\
Steps a second by the clock on the wall, in the quickest of {ROUNDS} rounds. BLAS may use one thread
or two; a small product is done before a second thread has woken up. `training.step` takes what
BLAS is given; `fit` holds BLAS to one thread, whatever is allowed, and gives the rest back
afterwards. `fit` ran {EPOCHS} epochs a call, with all that it does beside the steps: shuffling,
gathering each batch, and after every epoch the loss and the accuracy on the whole training set.
Two threads need two free cores: other work on the machine makes them look worse than they are."""


def batches(shape, n):
    """Return X (n * size, n_in) and labels y (n * size,), n batches of random data."""
    (n_in, *_, k), size = shape
    rng = np.random.default_rng(0)
    return rng.random((n * size, n_in), np.float32), rng.integers(0, max(k, 2), n * size)


def ours(shape, dropout=P):
    """Return the network of a shape."""
    layers, _ = shape
    last = ("sigmoid", "binary_cross_entropy") if layers[-1] == 1 else ("softmax", "cross_entropy")
    return RegularizedNeuralNetwork(
        layers,
        l2=STRENGTH,
        activation="relu",
        output=last[0],
        loss=last[1],
        init="he",
        dropout=dropout,
        dtype=np.float32,
        rng=np.random.default_rng(0),
    )


def our_pass(net, shape, X, y):
    """Return a call that takes one step of our network on each batch."""
    size = shape[1]
    X, Y = net._batch(X, y)  # once, as `fit` does
    pairs = [(X[i : i + size], Y[i : i + size]) for i in range(0, len(X), size)]

    def call():
        for pair in pairs:
            training.step(net, *pair, RATE)

    return call


def torch_pass(torch, model, shape, X, y):
    """Return a call that takes one step of a PyTorch model on each batch."""
    k, size = shape[0][-1], shape[1]
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    loss = torch.nn.CrossEntropyLoss() if k > 1 else torch.nn.BCEWithLogitsLoss()
    y = y if k > 1 else y[:, None].float()
    pairs = list(zip(X.split(size), y.split(size), strict=True))
    weights, biases = ([w for w in model.parameters() if w.ndim == d] for d in (2, 1))
    groups = [{"params": weights, "weight_decay": 2 * STRENGTH}, {"params": biases}]
    optimizer = torch.optim.SGD(groups, lr=RATE)

    def call():
        for inputs, targets in pairs:
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.step()

    return call


def torch_model(torch, net, dropout=P):
    """Return the same network in PyTorch, with the same weights."""
    parts = []
    for W, b in zip(net.weights, net.biases, strict=True):
        layer = torch.nn.Linear(*W.shape)
        layer.weight.data, layer.bias.data = torch.tensor(W.T.copy()), torch.tensor(b[0])
        parts += [layer, torch.nn.ReLU(), torch.nn.Dropout(dropout)]
    return torch.nn.Sequential(*parts[:-2])


def learn_model(net, shape, X, y):
    """Return scikit-learn's network with the weights of ours, ready for ``partial_fit``."""
    model = MLPClassifier(
        net.layer_sizes[1:-1],
        solver="sgd",
        alpha=2 * STRENGTH * shape[1],
        batch_size=shape[1],
        learning_rate_init=RATE,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(X[: shape[1]], y[: shape[1]], classes=np.unique(y))
    for own, given in ((model.coefs_, net.weights), (model.intercepts_, net.biases)):
        for w, start in zip(own, given, strict=True):
            w[...] = start.reshape(w.shape)
    return model


def learn_pass(model, X, y):
    """Return a call that takes one step of scikit-learn's network on each batch."""

    def call():
        with config_context(assume_finite=True):
            model.partial_fit(X, y)

    return call


def bare_pass(shape, X):
    """Return a call that does the matrix products of one step on each batch."""
    layers, size = shape
    rng = np.random.default_rng(0)
    A = [rng.random((size, n), np.float32) for n in layers]
    W = [rng.random(pair, np.float32) for pair in zip(layers, layers[1:], strict=False)]
    dA, dW = [np.empty_like(a) for a in A], [np.empty_like(w) for w in W]

    def call():
        for start in range(0, len(X), size):
            for layer, w in enumerate(W):
                np.dot(X[start : start + size] if layer == 0 else A[layer], w, out=A[layer + 1])
            for layer, w in reversed(list(enumerate(W))):
                a = X[start : start + size] if layer == 0 else A[layer]
                np.dot(a.T, A[layer + 1], out=dW[layer])
                if layer:
                    np.dot(A[layer + 1], w.T, out=dA[layer])

    return call


def find_torch():
    """Return the module torch, set to one thread; or say once that it is missing."""
    try:
        import torch
    except ImportError as reason:
        print(MISSING.format(reason), file=sys.stderr)
        return None
    torch.set_num_threads(1)
    return torch


def arms(shape, n, torch):
    """Return a pass over n batches for each arm, by its name."""
    X, y = batches(shape, n)
    calls = {OURS: our_pass(ours(shape), shape, X, y)}
    calls[NO_NOISE] = our_pass(ours(shape, 0.0), shape, X, y)
    if torch:
        calls[TORCH] = torch_pass(torch, torch_model(torch, ours(shape)), shape, X, y)
    calls[LEARN] = learn_pass(learn_model(ours(shape), shape, X, y), X, y)
    calls[LIMIT] = bare_pass(shape, X)
    return calls


def measure(shapes, torch, rounds=ROUNDS, seconds=SECONDS):
    """Return {shape: {arm: (steps a second, the middle half's width over the median)}}."""
    found = {}
    for shape, n in shapes.items():
        calls = arms(shape, n, torch)
        taken = turns(calls.values(), rounds, seconds)
        low, middle, high = np.quantile(taken, (0.25, 0.5, 0.75), axis=0)
        pairs = zip(n / middle, (high - low) / middle, strict=True)
        found[shape] = dict(zip(calls, pairs, strict=True))
    return found


def spread(found):
    """Return how much the rounds of a run vary: the mean width over arms and shapes."""
    return np.mean([width for row in found.values() for _, width in row.values()])


def steadiest(shapes, torch):
    """Return of several runs the one whose rounds vary least."""
    return min((measure(shapes, torch) for _ in range(RUNS)), key=spread)


def measure_threads(shapes, rounds=ROUNDS, seconds=SECONDS / 5):
    """Return {shape: steps a second of `step` with 1 and 2 BLAS threads, of `fit` likewise}.

    By the clock on the wall, because two threads share the work, so the quickest round counts:
    other work on the machine takes the second core away.
    """
    found = {}
    for shape, n in shapes.items():
        (X, y), size = batches(shape, n), shape[1]
        few = max(1, n // 4)
        step, net = our_pass(ours(shape), shape, X[: few * size], y[: few * size]), ours(shape)
        fit = partial(net.fit, X, y, EPOCHS, size, RATE, progress=False)
        calls, threads = (step, step, fit, fit), (1, 2, 1, 2)
        taken = turns(calls, rounds, seconds, time.perf_counter, threads).min(axis=0)
        found[shape] = (np.array([few, few, EPOCHS * n, EPOCHS * n]) / taken).tolist()
    return found


def label(shape):
    """Return the name of a shape, as 64-64-10 / 32."""
    layers, size = shape
    return f"{'-'.join(map(str, layers))} / {size}"


def number(speed):
    """Return a speed with three digits, or a dash."""
    return "-" if speed is None else f"{float(f'{speed:.3g}'):,.0f}"


def table(heads, rows):
    """Return a Markdown table from its column heads and {shape: cells}."""
    lines = [["layers / batch", *heads], ["---"] * (1 + len(heads))]
    lines += [[label(shape), *cells] for shape, cells in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratios(found):
    """Return the table of our speed over the others'."""
    rows = {}
    for shape, row in found.items():
        speed = {arm: median for arm, (median, _) in row.items()}
        own = speed[OURS]
        rows[shape] = [
            number(own),
            ratio(own, speed.get(TORCH)),
            ratio(own, speed[LEARN]),
            ratio(speed[NO_NOISE], speed[LEARN]),
            ratio(own, speed[LIMIT]),
        ]
    heads = "steps a second", "over PyTorch", "over scikit-learn, which has no dropout"
    return table((*heads, "over scikit-learn, neither with dropout", "share of the limit"), rows)


def speeds(found):
    """Return the table of all arms' steps a second."""
    names = (OURS, NO_NOISE, TORCH, LEARN, LIMIT)
    rows = {
        shape: [number(row.get(name, (None,))[0]) for name in names] for shape, row in found.items()
    }
    return table(names, rows)


def report(found, threads, torch):
    """Return the parts of the page."""
    passes = ", ".join(f"{n} of {label(shape)}" for shape, n in SHAPES.items())
    return [
        "# The speed of the network",
        "Training steps a second of `RegularizedNeuralNetwork`, beside PyTorch, scikit-learn and "
        "the bare matrix products of a step, which NumPy cannot do without: the limit. Made by "
        "`make bench`.",
        "Machine: " + machine("numpy", "scikit-learn", *(["torch"] if torch else [])) + ".",
        "" if torch else MISSING.format("not found"),
        "## Our steps a second over the others'",
        "Units in each layer / size of a batch. Above 1 ours is ahead; the last column is ours as "
        "a share of the products' speed, which 1 would reach.",
        ratios(found),
        "## Steps a second",
        speeds(found),
        "## One thread and two",
        THREADS,
        table(WAYS, {shape: map(number, row) for shape, row in threads.items()}),
        "## What was done",
        SETTINGS.format(passes=passes, spread=spread(found)),
    ]


def main():
    """Measure and write the page."""
    torch = find_torch()
    found = steadiest(SHAPES, torch)
    threads = measure_threads(SHAPES)
    write("network.md", filter(None, report(found, threads, torch)))
    quote("network", ratios(found))


if __name__ == "__main__":
    main()
