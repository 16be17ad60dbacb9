"""Exercise 04 alone: its levels, twins in the library, and what its first half claims, measured."""

import numpy as np
import pytest
from answers import model_answer

from reglib import RegularizedNeuralNetwork, check_gradient
from reglib.assess import course
from reglib.assess.tasks import chapter
from reglib.assess.tutor import judge

TASKS = chapter("4")
HOME = course.root() / "solutions" / "04_manual_network"
needs_solutions = pytest.mark.skipif(not HOME.is_dir(), reason="the solutions are not here")


def test_the_tasks_are_of_the_levels_promised():
    assert list(TASKS) == [f"4.{i}" for i in range(1, 14)]
    levels = [task.level for task in TASKS.values()]
    assert {level: levels.count(level) for level in set(levels)} == {
        "Easy": 5,
        "Medium": 6,
        "Hard": 2,
    }


TWINS = {
    "4.1": ("losses import outputs", "X, weights, biases, activation", "outputs('linear', X)"),
    "4.2": (
        "losses import data_loss", "Z, Y, weights, biases, l1, l2, loss", "data_loss(loss, Z, Y)"
    ),
    "4.3": (
        "losses import output_gradient", "Z, Y, output",
        "output_gradient('squared_error', output, 1 / (1 + np.exp(-Z)), Y)",
    ),
    "4.4": (
        "activations import slope", "delta_above, W_above, z, a_below, activation",
        "(delta_above @ W_above.T * slope(activation, z), 0, 0)",
    ),
    "4.5": (
        "network import RegularizedNeuralNetwork as Net",
        "X, Y, weights, biases, activation, l1, l2",
        "Net([2, 3, 2, 2], l1, l2, activation=activation).gradients(X, Y)",
    ),
    "4.6": (
        "network import RegularizedNeuralNetwork as Net", "n_in, n_hidden, n_out, init, seed",
        "Net([n_in, n_hidden, n_out], init=init, rng=np.random.default_rng(seed)).weights",
    ),
}  # fmt: skip


@pytest.mark.parametrize("number", TWINS)
def test_a_twin_in_the_library_is_refused(number):
    source, arguments, call = TWINS[number]
    names = {"np": np}
    exec(f"from reglib.{source}\ndef answer({arguments}):\n    return {call}", names)
    assert "The answer uses reglib" in judge(TASKS[number], names["answer"]).sentences[0]


def network(activation="tanh", output="softmax", loss="cross_entropy", **options):
    """A network of unit scale with two hidden layers and biases, some data, and its labels."""
    rng = np.random.default_rng(4)
    options |= {"activation": activation, "output": output, "loss": loss, "rng": rng}
    net = RegularizedNeuralNetwork([4, 5, 6, 3], **options)
    for w in net.weights + net.biases:
        w[...] = rng.normal(size=w.shape)
    return net, rng.normal(size=(7, 4)), np.eye(3)[rng.integers(3, size=7)]


@needs_solutions
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_the_tasks_agree_with_the_library(activation):
    """4.1 and 4.2 give the network's scores and losses, and 4.5 its gradients."""
    net, X, Y = network(activation, l1=0.02, l2=0.03)
    weights, biases = tuple(net.weights), tuple(net.biases)
    Z = model_answer("4.1", "network_scores")(X, weights, biases, activation)
    net.forward_propagation(X)
    np.testing.assert_allclose(Z, net.z_values[-1])
    dW, db = net.gradients(X, Y)
    ours = model_answer("4.5", "network_gradients")(X, Y, weights, biases, activation, 0.02, 0.03)
    for name, mine, theirs in zip(("dW1", "dW2", "dW3", "db1", "db2"), ours, dW + db, strict=False):
        np.testing.assert_allclose(mine, theirs, atol=1e-12, err_msg=name)
    for loss in ("squared_error", "binary_cross_entropy"):
        other, _, _ = network(activation, "sigmoid", loss, l1=0.02, l2=0.03)
        ours = model_answer("4.2", "training_loss")(Z, Y, weights, biases, 0.02, 0.03, loss)
        theirs = other.compute_loss(other.forward_propagation(X), Y)
        np.testing.assert_allclose(ours, theirs, err_msg=loss)


@needs_solutions
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_the_steps_back_are_those_of_the_library(activation, output):
    net, X, Y = network(activation, output, "squared_error")
    dW, db = net.gradients(X, Y)
    delta = model_answer("4.3", "output_delta")(net.z_values[-1], Y, output)
    np.testing.assert_allclose(delta.sum(axis=0, keepdims=True), db[2], atol=1e-12)
    step = model_answer("4.4", "backward_step")
    for i in (1, 0):
        z, a = net.z_values[i], net.activations[i]
        delta, *ours = step(delta, net.weights[i + 1], z, a, activation)
        for mine, theirs in zip(ours, (dW[i], db[i]), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-12, err_msg=f"layer {i + 1}")


# The key of 4.7, measured
def final_losses(xavier, matched, hidden):
    """Train four of the seed's networks on XOR: 20,000 steps, learning rate 0.1, no penalty."""
    X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    W1, W2 = (
        np.stack([np.random.default_rng(seed).standard_normal(shape) for seed in range(4)])
        * ((2 / sum(shape)) ** 0.5 if xavier else 0.01)
        for shape in ((2, hidden), (hidden, 1))
    )
    b1, b2 = np.zeros((4, 1, hidden)), np.zeros((4, 1, 1))
    for _ in range(20_000):
        a = 1 / (1 + np.exp(-(X @ W1 + b1)))
        out = 1 / (1 + np.exp(-(a @ W2 + b2)))
        delta = (out - y) / 4
        delta = 2 * delta * out * (1 - out) if matched else delta
        below = delta @ W2.swapaxes(1, 2) * a * (1 - a)
        W2, b2 = W2 - 0.1 * a.swapaxes(1, 2) @ delta, b2 - 0.1 * delta.sum(axis=1, keepdims=True)
        W1, b1 = W1 - 0.1 * X.T @ below, b1 - 0.1 * below.sum(axis=1, keepdims=True)
    return np.mean((out - y) ** 2, axis=(1, 2))


@pytest.mark.parametrize(
    ("change", "end"),
    [((0, 0, 4), 0.25), ((1, 0, 4), 0.0), ((0, 1, 4), 0.25), ((0, 0, 40), 0.25)],
    ids=["as it is", "a", "b", "c"],
)
def test_only_another_start_lets_the_loss_fall(change, end):
    losses = final_losses(*change)
    assert np.abs(losses - end).max() < 0.01, losses


class Changed(RegularizedNeuralNetwork):
    """A network whose loss is `times` what it was, and its gradients `grads` times."""

    times = grads = 1.0

    def compute_loss(self, output, y):
        return self.times * super().compute_loss(output, y)

    def gradients(self, X, y):
        dW, db = super().gradients(X, y)
        return [self.grads * g for g in dW], [self.grads * g for g in db]


@pytest.mark.parametrize(
    ("scale", "times", "grads", "error"),
    [(1, 1, 1, 0.0), (2, 1, 1, 0.0), (1, 0.01, 0.01, 0.0), (1, 1 / 3, 1, 0.5)],
    ids=["as it is", "d", "e", "f"],
)
def test_only_a_loss_without_its_gradient_fails_the_check(scale, times, grads, error):
    net, X, Y = network("sigmoid", "sigmoid", "squared_error")
    net.__class__, net.times, net.grads = Changed, times, grads
    for W in net.weights:
        W *= scale
    assert abs(check_gradient(net, X, Y) - error) < 1e-6
