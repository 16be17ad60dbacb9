"""The network against scikit-learn and PyTorch: from equal weights and batches to equal weights."""

import copy
import itertools

import numpy as np
import pytest
from small_network import NOISES, PAIRS, batch, drawn, make

from reglib import smooth_labels

ACTIVATIONS = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he"}


def groups(k, n=48):
    """Inputs (n, 4) of k groups, with their labels (n,)."""
    rng = np.random.default_rng(5)
    y = np.arange(n) % k
    return rng.standard_normal((n, 4)) + 2 * np.eye(4)[y], y


# scikit-learn


def sklearn_twin(net, X, y, l2, size, **options):
    """An MLPClassifier with the network's weights, and an optimizer that remembers nothing."""
    from sklearn.neural_network import MLPClassifier

    theirs = MLPClassifier(
        net.layer_sizes[1:-1],
        activation={"sigmoid": "logistic"}.get(net.activation, net.activation),
        alpha=2 * l2 * size,  # its penalty is alpha / (2 batch size) * sum(W**2)
        batch_size=size,
        nesterovs_momentum=False,
        shuffle=False,
        **options,
    )
    theirs.partial_fit(X, y, classes=np.unique(y))
    theirs.coefs_ = [W.copy() for W in net.weights]
    theirs.intercepts_ = [b[0].copy() for b in net.biases]
    del theirs._optimizer  # the next call makes a new one, over the arrays above
    return theirs


def sklearn_step(theirs, X, y, t):
    """Take step t on one batch; Adam's epsilon is added there before the averages are corrected."""
    theirs.epsilon = 1e-8 * (1 - 0.999**t) ** 0.5
    if t > 1:
        theirs._optimizer.epsilon = theirs.epsilon
    theirs.partial_fit(X, y)


def sklearn_loss(theirs, X, y, l2):
    """The loss of all the data with the penalty, as scikit-learn reports it."""
    last = copy.deepcopy(theirs).set_params(batch_size=len(X), alpha=2 * l2 * len(X))
    return last.partial_fit(X, y).loss_


SOLVERS = {
    "sgd": (dict(optimizer="sgd"), dict(solver="sgd", momentum=0.0), 0.5),
    "momentum": (dict(momentum=0.9), dict(solver="sgd", momentum=0.9), 0.1),
    "adam": (dict(optimizer="adam"), dict(solver="adam"), 0.03),
}


@pytest.mark.parametrize("k", [2, 3], ids=["two classes", "three classes"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_scikit_learns_mlp_reaches_the_same_loss_and_weights(solver, activation, k):
    ours, theirs, rate = SOLVERS[solver]
    (X, y), size, epochs = groups(k), 16, 10
    pair = ("sigmoid", "binary_cross_entropy") if k == 2 else ("softmax", "cross_entropy")
    options = dict(zip(("output", "loss"), pair, strict=True), activation=activation, **ours)
    for l2 in (0.0, 0.01):
        net = make((4, 8, 6, 1 if k == 2 else k), l2=l2, init=ACTIVATIONS[activation], **options)
        mlp = sklearn_twin(net, X, y, l2, size, learning_rate_init=rate, **theirs)
        before, batches = net.compute_loss(net.forward_propagation(X), y), copy.deepcopy(net.rng)
        losses = []
        for epoch in range(epochs):
            for t, rows in enumerate(batches.permutation(len(X)).reshape(-1, size), 1 + 3 * epoch):
                sklearn_step(mlp, X[rows], y[rows], t)
            losses.append(sklearn_loss(mlp, X, y, l2))
        history = net.fit(X, y, epochs, size, rate)
        assert losses[-1] < 0.9 * before, "hardly anything was learnt, so nothing is compared"
        message = f"{solver}, {activation}, l2 {l2}"
        np.testing.assert_allclose(history["loss"], losses, atol=1e-5, rtol=0, err_msg=message)
        arrays = net.weights + [b[0] for b in net.biases]
        for w, wanted in zip(arrays, mlp.coefs_ + mlp.intercepts_, strict=True):
            np.testing.assert_allclose(w, wanted, atol=1e-9, rtol=0, err_msg=message)


# PyTorch


class TorchTwin:
    """An nn.Sequential with the network's weights, which takes each of its steps, too.

    It is the network's ``augment``: called on every mini-batch, just before the network's own
    step, it steps with the noise that the network is about to draw, and changes nothing.
    """

    def __init__(self, net, rate):
        self.torch = pytest.importorskip("torch")
        self.net, self.rate, self.masks, self.steps = net, rate, {}, 0
        nn, modules = self.torch.nn, []
        for i, W in enumerate(net.weights):
            modules.append(self.linear(i, W, net.biases[i]))
            if i < len(net.weights) - 1:
                kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
                modules.append(kinds[net.activation]())
                modules[-1].register_forward_hook(
                    lambda module, x, a, i=i: a * self.masks.get(("unit", i), 1.0)
                )
        self.model = nn.Sequential(*modules)
        self.linears = modules[::2]
        self.weights = [layer.parametrizations.weight.original for layer in self.linears]
        self.optimizer = self.make_optimizer()
        net.augment = self

    def linear(self, i, W, b):
        torch, twin = self.torch, self

        class Thinned(torch.nn.Module):
            def forward(self, weight):
                return weight * twin.masks.get(("weight", i), 1.0)

        layer = torch.nn.Linear(*W.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(W.T.copy()), torch.tensor(b[0].copy())
        torch.nn.utils.parametrize.register_parametrization(layer, "weight", Thinned())
        return layer

    def make_optimizer(self):
        optim, net = self.torch.optim, self.net
        biases = [layer.bias for layer in self.linears]
        if net.optimizer == "sgd":
            return optim.SGD(self.weights + biases, self.rate, momentum=net.momentum)
        kind = optim.AdamW if net.optimizer == "adamw" else optim.Adam
        kept = {"params": biases, "weight_decay": 0.0}  # no decay of biases
        return kind([{"params": self.weights}, kept], self.rate, weight_decay=net.weight_decay)

    def __call__(self, X, Y, rng):
        self.noise(X)
        self.optimizer.zero_grad()
        loss = self.data_loss(self.model(self.torch.tensor(X) + self.on_inputs), Y)
        (loss + self.net.l2 * sum(W.square().sum() for W in self.weights)).backward()
        self.optimizer.step()
        self.steps += 1
        with self.torch.no_grad():
            for W in self.weights:
                self.after_step(W)
        return X, Y

    def noise(self, X):
        """Take over the noise of the network's next pass."""
        net, self.on_inputs = copy.copy(self.net), 0.0
        if any(net.dropout) or any(net.dropconnect) or net.input_noise:
            net.augment = None
            on_inputs, on_weights, on_units = drawn(net, X)
            tensor = self.torch.tensor
            self.on_inputs = tensor(on_inputs)
            self.masks = {("weight", i): tensor(m.T.copy()) for i, m in enumerate(on_weights)}
            self.masks |= {("unit", i): tensor(m) for i, m in enumerate(on_units)}

    def data_loss(self, z, Y):
        F, net = self.torch.nn.functional, self.net
        two = net.layer_sizes[-1] == 1
        rows = np.hstack([Y, 1 - Y]) if two else Y
        soft = smooth_labels(rows, net.label_smoothing)[:, : Y.shape[1]]
        Y = self.torch.tensor(soft if net.label_smoothing else Y)
        if net.loss == "cross_entropy":
            return F.cross_entropy(z, Y)
        if net.loss == "binary_cross_entropy":
            return F.binary_cross_entropy_with_logits(z, Y, reduction="sum") / len(Y)
        ends = {"sigmoid": self.torch.sigmoid, "softmax": lambda z: z.softmax(1)}
        return F.mse_loss(ends.get(net.output, lambda z: z)(z), Y)

    def after_step(self, W):
        """The proximal step of L1, and the projection: PyTorch has them as functions."""
        net, scale = self.net, 1 / (1 - self.net.momentum)
        if net.optimizer != "sgd":
            square = self.optimizer.state[W]["exp_avg_sq"] / (1 - 0.999**self.steps)
            scale = 1 / (square.sqrt() + 1e-8)
        if net.l1:
            W -= W.clamp(-self.rate * net.l1 * scale, self.rate * net.l1 * scale)
        if net.max_norm:
            W *= net.max_norm / W.norm(dim=1, keepdim=True).clamp(min=net.max_norm)

    def compare(self, message):
        """Assert that all weights are equal but for rounding."""
        assert self.steps >= 12, f"PyTorch took {self.steps} steps"
        pairs = itertools.chain(
            zip(self.net.weights, [W.T for W in self.weights], strict=True),
            zip(self.net.biases, [layer.bias[None] for layer in self.linears], strict=True),
        )
        for i, (ours, theirs) in enumerate(pairs):
            theirs = theirs.detach().numpy()
            np.testing.assert_allclose(
                ours, theirs, rtol=0, atol=1e-10, err_msg=f"{message}: array {i}"
            )


def train_both(k=3, rate=0.1, sizes=(4, 6, 5), **options):
    """Fit the network and its twin over the same mini-batches, the last of them smaller."""
    classifier = dict(activation="tanh", output="softmax", loss="cross_entropy")
    net = make((*sizes, k), **(classifier | options))
    X, _ = groups(max(k, 2))
    _, Y = batch(len(X), 4, k)
    twin, start = TorchTwin(net, rate), copy.deepcopy(net.weights)
    net.fit(X, Y, 3, 10, rate)
    assert all((W != w).any() for W, w in zip(net.weights, start, strict=True)), "nothing moved"
    twin.compare(options)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("output, loss", PAIRS)
def test_an_equal_torch_sequential_ends_at_our_weights(output, loss, activation):
    for k in (3,) if output == "softmax" else (3, 1):
        options = dict(output=output, loss=loss, activation=activation, momentum=0.9)
        train_both(k, init=ACTIVATIONS[activation], **options)


STEPS = {
    "sgd": dict(),
    "momentum": dict(momentum=0.9),
    "adam": dict(optimizer="adam", rate=0.01),
    "adamw": dict(optimizer="adamw", weight_decay=0.1, rate=0.01),
}
REGULARIZERS = {
    "none": dict(),
    "L1": dict(l1=0.01),
    "L2": dict(l2=0.02),
    "elastic net": dict(l1=0.01, l2=0.02),
    "max-norm": dict(max_norm=0.8),
    **{name: options for name, options in NOISES.items() if "some" not in name},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", REGULARIZERS)
def test_torch_ends_at_our_weights_with_each_optimizer_and_regularizer(name, step):
    train_both(**STEPS[step], **REGULARIZERS[name])


def test_torch_ends_at_our_weights_with_all_noises_a_penalty_and_max_norm():
    everything = {**NOISES["all"], "l2": 0.003, "max_norm": 1.0}
    for step in STEPS.values():
        train_both(**step, **everything)
    train_both(k=1, output="sigmoid", loss="binary_cross_entropy", momentum=0.5, **everything)
