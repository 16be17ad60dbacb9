"""The keys of the questions on the manual network, recomputed, and the claims they make."""

from itertools import permutations

import numpy as np

from reglib import RegularizedNeuralNetwork
from reglib.assess.questions import find

X_XOR, Y_XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([[0], [1], [1], [0.0]])


def slope(f, at, eps=1e-6):
    """The central difference of f at a number or an array of them."""
    return (f(at + eps) - f(at - eps)) / (2 * eps)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(a, y):
    return -y * np.log(a) - (1 - y) * np.log(1 - a)


def by_hand():
    """The network of "forward-by-hand" and "backward-by-hand", by reglib."""
    net = RegularizedNeuralNetwork([2, 2, 1], l2=0.1, activation="relu", output="linear")
    net.weights[0][...], net.biases[0][...] = [[1, -1], [0.5, 1]], [[0, -2]]
    net.weights[1][...], net.biases[1][...] = [[0.5], [3]], 1
    return net


def parameters():
    net = RegularizedNeuralNetwork([20, 50, 30, 3])
    return sum(array.size for array in net.weights + net.biases)


def mismatch():
    """The relative error of the slope that the seed uses at an answer of one half."""
    used, true = 0.5 - 1.0, slope(lambda z: (sigmoid(z) - 1.0) ** 2, 0.0)
    return abs(used - true) / (abs(used) + abs(true))


def momentum():
    """Two steps written as the sum over all slopes so far, each with its power of 0.9."""
    w, slopes = [1.0], []
    for _ in range(2):
        slopes.append(2 * w[-1])
        velocity = sum(0.9**age * g for age, g in enumerate(reversed(slopes)))
        w.append(w[-1] - 0.1 * velocity)
    return w[-1]


def price():
    """The loss of the small network: a data loss of 0.1, and reglib's elastic net."""
    from reglib.penalties import ElasticNet

    data = np.mean((np.array([0.8, 0.4]) - [1, 0]) ** 2)
    return data + ElasticNet(0.1, 0.01)(np.array([0.5, -1, 2]))


def equal_start():
    """Train the network of equal weights, and see which of the four sentences holds."""
    net = RegularizedNeuralNetwork([2, 4, 1])
    for W in net.weights:
        W[...] = 0.5
    net.train(X_XOR, Y_XOR, epochs=500, learning_rate=0.5, verbose=False)
    W = net.weights[0]
    if np.allclose(W, 0.5, atol=1e-6):
        return "a"
    return "b" if np.ptp(W, axis=1).max() < 1e-12 else "c"


def whose_delta():
    """The losses whose slope along z is a - y, for many z and both targets."""
    z = np.linspace(-3, 3, 13)
    losses = {
        "a": lambda z, y: (sigmoid(z) - y) ** 2,
        "b": lambda z, y: (sigmoid(z) - y) ** 2 / 2,
        "d": lambda z, y: cross_entropy(sigmoid(z), y),
    }
    return "".join(
        name
        for name, loss in losses.items()
        if all(
            np.allclose(slope(lambda z, y=y, loss=loss: loss(z, y), z), sigmoid(z) - y, atol=1e-8)
            for y in (0.0, 1.0)
        )
    )


def twice_the_batch():
    """Compare data and penalty slopes of a batch with those of the batch taken twice."""
    net = RegularizedNeuralNetwork([2, 4, 1], l2=0.1, rng=np.random.default_rng(0))
    once = net.gradients(X_XOR, Y_XOR)
    twice = net.gradients(np.tile(X_XOR, (2, 1)), np.tile(Y_XOR, (2, 1)))
    same = all(
        np.allclose(a, b)
        for one, two in zip(once, twice, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    return "c" if same else ""


def training_step():
    """The only order in which everything is computed before it is needed."""
    needs = {"b": "", "f": "b", "d": "f", "a": "d", "e": "a", "c": "e"}
    return "".join(
        "".join(order)
        for order in permutations(needs)
        if all(set(needs[item]) <= set(order[:i]) for i, item in enumerate(order))
    )


def two_pulls():
    """The panel whose lines are the slopes of the two losses, by central differences."""
    data = find("two-pulls").data
    x = eval(data["x"], {"np": np})
    pulls = [
        np.abs(slope(lambda z: cross_entropy(sigmoid(z), 1.0), x)),
        np.abs(slope(lambda z: (sigmoid(z) - 1.0) ** 2, x)),
    ]
    drawn = {a: [eval(c, {"np": np, "x": x}) for c in both] for a, both in data["curves"].items()}
    return "".join(a for a, both in drawn.items() if np.allclose(both, pulls, atol=1e-6))


def steepest_sigmoid():
    """The option that names the steepest slope of a sigmoid, found on a fine grid."""
    s = 1 / (1 + np.exp(-np.linspace(-9, 9, 1801)))
    return "a" if np.isclose(np.max(s * (1 - s)), 0.25) else ""


COMPUTED = {
    "count-the-parameters": parameters,
    "forward-by-hand": lambda: by_hand().forward_propagation(np.array([[3.0, 1.0]])).item(),
    "backward-by-hand": lambda: by_hand().gradients(np.array([[1.0, 2.0]]), [[1.0]])[0][0][1, 0],
    "how-wrong-is-the-seed": mismatch,
    "two-steps-with-momentum": momentum,
    "price-of-a-network": price,
    "equal-start": equal_start,
    "whose-delta": whose_delta,
    "twice-the-batch": twice_the_batch,
    "one-training-step": training_step,
    "two-pulls": two_pulls,
    "it-falls-so-it-learns": lambda: (
        "b" if np.mean((0.5 - np.array([0, 1, 1, 0])) ** 2) == 0.25 else ""
    ),
    "first-layers-hear-little": steepest_sigmoid,
}
PROOFS = {}  # the faults have a file of their own: test_questions_network_faults.py


def test_the_first_of_ten_sigmoid_layers_hears_little():
    """The claims of "first-layers-hear-little": many thousand times, about a millionth."""
    ratios = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        net = RegularizedNeuralNetwork([30] + 10 * [30] + [1], loss="binary_cross_entropy", rng=rng)
        X, y = rng.standard_normal((50, 30)), rng.integers(0, 2, 50)
        dW, _ = net.gradients(X, y)
        ratios.append(np.sqrt(np.mean(dW[0] ** 2) / np.mean(dW[-1] ** 2)))
    assert max(ratios) < 1e-4, "the first slopes are not thousands of times smaller"
    assert 1e-8 < np.median(ratios) < 1e-5, "a millionth is not the size of what is left"


def test_a_mismatched_sample_is_never_better_than_one_third():
    """The explanation of "how-wrong-is-the-seed"."""
    a = np.linspace(0.001, 0.999, 999)
    factor = 2 * a * (1 - a)
    assert np.isclose(((1 - factor) / (1 + factor)).min(), 1 / 3, atol=1e-6)


def test_the_pull_of_the_squared_error_is_at_most_three_tenths():
    """The explanation of "two-pulls": at most 0.3, and nearly nothing at z = -8."""
    z = np.linspace(-8, 8, 1601)
    pull = 2 * (1 - sigmoid(z)) ** 2 * sigmoid(z)
    assert 0.29 < pull.max() < 0.3
    assert pull[0] < 1e-3


def test_the_seed_network_pays_a_quarter_for_one_half():
    """The numbers of "it-falls-so-it-learns", over 20 starts: 0.2507 falls to 0.2501."""
    first, last = [], []
    for seed in range(20):
        net = RegularizedNeuralNetwork(
            [2, 4, 1], l1=0.01, l2=0.01, init="small", rng=np.random.default_rng(seed)
        )
        first.append(net.compute_loss(net.forward_propagation(X_XOR), Y_XOR))
        net.train(X_XOR, Y_XOR, epochs=1000, learning_rate=0.1, verbose=False)
        output = net.forward_propagation(X_XOR)
        last.append(net.compute_loss(output, Y_XOR))
        assert np.allclose(output, 0.5, atol=0.01), "the network says more than one half"
    assert abs(np.mean(first) - 0.251) < 0.001
    assert abs(np.mean(last) - 0.2501) < 0.0005


def test_every_trap_of_a_forward_or_backward_pass_is_its_own_mistake():
    """The traps that are computed mistakes, recomputed."""
    x, W1, b1 = np.array([3.0, 1.0]), np.array([[1, -1], [0.5, 1]]), np.array([0, -2.0])
    W2 = np.array([0.5, 3.0])
    ahead = {trap["value"] for trap in find("forward-by-hand").data["traps"]}
    mistakes = [
        (x @ W1 + b1) @ W2 + 1,  # no ReLU
        np.maximum(x @ W1 + b1, 0) @ W2,  # no bias of the output
        np.maximum(W1 @ x + b1, 0) @ W2 + 1,  # rows and columns exchanged
    ]
    assert ahead == set(mistakes)
    back = [trap["value"] for trap in find("backward-by-hand").data["traps"]]
    through = 2 * (2 - 1) * 0.5 * 2
    assert np.allclose(back, [through, through + 0.05, through / 2 + 0.1, 2 * 3 * 2 + 0.1])


def test_the_uniform_start_accepts_no_other_variance_by_chance():
    """He's variance is judged within six deviations: 300 right draws all pass."""
    data = find("he-uniform").data
    names = {"np": np, "Wrong": AssertionError}
    exec(data["check"], names)
    exec(data["answer"], names)
    for seed in range(300):
        names["check"](names["he_uniform"], np.random.default_rng(seed))


def test_one_fault_mended_alone_acquits_all_three():
    """The claims of "acquitted-one-by-one" and its follow-up, on two starts."""
    script = {"init": "small", "l1": 0.01, "l2": 0.01}, (0.1, 1000)
    free, long = {"l1": 0.0, "l2": 0.0}, (1.0, 5000)
    arms = {
        "start": ({**script[0], "init": "xavier"}, script[1]),
        "penalties": ({**script[0], **free}, script[1]),
        "budget": (script[0], long),
        "all but the penalties": ({**script[0], "init": "xavier"}, long),
        "all": ({"init": "xavier", **free}, long),
    }
    for seed in (0, 1):
        for name, (options, (rate, epochs)) in arms.items():
            rng = np.random.default_rng(seed)
            net = RegularizedNeuralNetwork(
                [2, 4, 1], loss="binary_cross_entropy", rng=rng, **options
            )
            net.train(X_XOR, Y_XOR, epochs=epochs, learning_rate=rate, verbose=False)
            worst = np.abs(net.forward_propagation(X_XOR) - Y_XOR).max()
            assert (worst < 0.1) == (name == "all"), f"{name} mended: off by {worst:.2f}"


# Answers in other words than the model's, and answers that sound like one.
GOOD, BAD = {}, {}
GOOD["loss-does-not-fall"] = (
    "Before anything: is my gradient the gradient of my loss? Finite differences for each "
    "parameter, double precision, weights near 1, regularizer off then on. Otherwise any later "
    "test is about the bug. Then see what the loss would be without any knowledge, e.g. "
    "log(10) for ten digits, and whether mine sits there. Then memorize a single small batch. "
    "If that's impossible, look at magnitudes: do weights move, are the sigmoids saturated, "
    "was the init too small? Then a sweep of learning rates and longer runs. Finally restore "
    "weight decay and dropout, weakly at first."
)
BAD["loss-does-not-fall"] = (
    "I start training again with more epochs and another learning rate. If it still does not "
    "fall I try Adam, dropout, or a larger network, and other activations, and I tweak the "
    "weights until it is below the baseline. Five tries are enough."
)
