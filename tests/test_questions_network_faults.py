"""The faults of the questions on the manual network: wrong as they stand, right when mended."""

import numpy as np

from reglib.assess.questions import find

X_XOR, Y_XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([[0], [1], [1], [0.0]])


def repaired(name, skip=None):
    """The source of a fault question with every line mended but `skip`."""
    data = find(name).data
    lines = data["code"].strip("\n").split("\n")
    for number, line in data["fix"].items():
        if int(number) != skip:
            lines[int(number) - 1] = line
    names = {"np": np}
    exec("\n".join(lines), names)
    return names


def seed_error(names, penalty, outputs):
    """The largest relative error of an array's slopes, at weights of unit size."""
    rng = np.random.default_rng(0)
    net = names["RegularizedNeuralNetwork"]([2, 4, outputs], penalty, penalty)
    net.weights = [rng.standard_normal(W.shape) for W in net.weights]
    X, y = rng.standard_normal((6, 2)), rng.integers(0, 2, (6, outputs))
    arrays, numeric = net.weights + net.biases, []
    for array in arrays:
        slopes = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            sides = []
            for eps in (1e-6, -1e-6):
                array[place] += eps
                sides.append(net.compute_loss(net.forward_propagation(X), y))
                array[place] -= eps
            slopes[place] = (sides[0] - sides[1]) / 2e-6
        numeric.append(slopes)
    before = [array.copy() for array in arrays]
    net.forward_propagation(X)
    net.backward_propagation(X, y, learning_rate=1.0)
    used = [old - new for old, new in zip(before, net.weights + net.biases, strict=True)]
    return [
        np.abs(a - n).max() / (np.abs(a).max() + np.abs(n).max())
        for a, n in zip(used, numeric, strict=True)
    ]


def seed_network(faulty, fixed):
    for penalty in (0.0, 0.01):
        for outputs in (1, 2):
            assert max(seed_error(fixed, penalty, outputs)) < 1e-6, "the repair is not one"
        assert min(seed_error(faulty, penalty, 1)) > 0.1, "an array of the seed's is right"


def sixteen_differences(faulty, fixed):
    right = np.round(fixed["output"].ravel(), 2)
    assert (right == [0, 1, 1, 0]).all(), "the weights set by hand do not know XOR"
    assert np.isclose(faulty["value"], 0.5, atol=1e-3), "the loss is not the 0.5 of the question"
    assert fixed["value"] < 1e-3, "four right answers still cost"


def check_that_cries_wolf(faulty, fixed):
    assert 1e-3 < faulty["error"] < 0.1, "a step of 1e-14 does not err by about 1e-2"
    assert fixed["error"] < 1e-6, "the repaired check does not pass a right gradient"


# The eight planted bugs: for each a measurement that is True where the script is right.


def problem(rng, n=60):
    """Three sets of two classes in five columns, the later ones on another scale."""
    X = rng.standard_normal((n, 5))
    y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
    return X, y


def three_sets():
    rng = np.random.default_rng(0)
    return [problem(rng), problem(rng), problem(rng)]


def network(rng, size=1.0):
    return [size * rng.standard_normal(shape) for shape in ((5, 8), (8,), (8, 2), (2,))]


def standardizes_by_training(names):
    sets = three_sets()
    sets[2] = (sets[2][0] * 9 + 4, sets[2][1])
    X = names["standardize"](sets)[0][0]
    return np.allclose(X.mean(axis=0), 0) and np.allclose(X.std(axis=0), 1)


def dropout_keeps_the_mean(names):
    """Over 40,000 rows: the share of survivors has a deviation of 0.0025."""
    rng, net = np.random.default_rng(0), network(np.random.default_rng(1))
    X = np.ones((40_000, 5))
    dropped = names["forward"](X, net, 0.5, rng, True)[0].mean(axis=0)
    whole = names["forward"](X, net, 0.5, rng, False)[0][0]
    return np.allclose(dropped, whole, rtol=6 * 0.005)


def penalty_slope(names):
    rng = np.random.default_rng(0)
    (X, y), net = problem(rng), network(rng)
    plain = names["gradients"](X, y, net, 0.0, rng, l2=0.0)
    priced = names["gradients"](X, y, net, 0.0, rng, l2=0.3)
    return all(np.allclose(priced[i] - plain[i], 2 * 0.3 * net[i]) for i in (0, 2))


def columns_within_radius(names):
    W = names["max_norm"](3 * np.random.default_rng(0).standard_normal((5, 8)), 2.0)
    return np.allclose(np.linalg.norm(W, axis=0), 2.0)


def asked_twice_the_same(names):
    rng = np.random.default_rng(0)
    (X, y), net = problem(rng, 400), network(rng)
    return len({names["accuracy"](X, y, net, 0.5, rng) for _ in range(5)}) == 1


def penalty_arrives(names):
    sizes = []
    for l2 in (0.0, 0.1):
        net = network(np.random.default_rng(1), 0.5)
        names["train"](three_sets(), net, np.random.default_rng(2), l2=l2)
        sizes.append(sum(np.sum(w**2) for w in (net[0], net[2])))
    return sizes[1] < 0.9 * sizes[0]


def keeps_the_best(names):
    """The network that is kept has the validation accuracy that is reported, on all seeds."""
    for seed in range(4):
        rng, sets = np.random.default_rng(seed), three_sets()
        net = network(np.random.default_rng(seed + 10))
        kept, report = names["train"](sets, net, rng, p=0.0)
        X, y = names["standardize"](sets)[1]
        if names["accuracy"](X, y, kept, 0.0, rng) != report["validation"]:
            return False
    return True


def reports_the_test(names):
    """With test labels turned round, the accuracy on the test must follow."""
    sets = three_sets()
    scores = []
    for labels in (sets[2][1], 1 - sets[2][1]):
        net = network(np.random.default_rng(3))
        judged = [*sets[:2], (sets[2][0], labels)]
        scores.append(names["train"](judged, net, np.random.default_rng(4), p=0.0)[1]["test"])
    return np.isclose(sum(scores), 1)


SHOWS = {
    4: standardizes_by_training,
    10: dropout_keeps_the_mean,
    19: penalty_slope,
    23: columns_within_radius,
    27: asked_twice_the_same,
    34: penalty_arrives,
    39: keeps_the_best,
    40: reports_the_test,
}


def eight_bugs(faulty, fixed):
    assert sorted(SHOWS) == find("eight-bugs").data["answer"], "a bug has no measurement"
    for line, right in SHOWS.items():
        assert right(fixed), f"with all bugs mended, {right.__name__} fails"
        assert not right(repaired("eight-bugs", skip=line)), f"the bug of line {line} does no harm"
        assert not right(faulty), f"the whole script passes the measurement of line {line}"


PROOFS = {
    "seed-network": seed_network,
    "sixteen-differences": sixteen_differences,
    "check-that-cries-wolf": check_that_cries_wolf,
    "eight-bugs": eight_bugs,
}


def test_a_gradient_check_finds_one_of_the_eight():
    """The follow-up of "eight-bugs": with l2 > 0 and p = 0, the missing factor 2 alone."""
    found = []
    for line in SHOWS:
        names, rng = repaired("eight-bugs", skip=line), np.random.default_rng(0)
        (X, y), net, slopes = problem(rng), network(rng), []

        def loss(X=X, y=y, net=net, names=names, rng=rng):
            P = names["forward"](X, net, 0.0, rng, True)[2]
            penalty = 0.3 * (np.sum(net[0] ** 2) + np.sum(net[2] ** 2))
            return -np.mean(np.log(P[np.arange(len(y)), y])) + penalty

        given = names["gradients"](X, y, net, 0.0, rng, l2=0.3)
        for array in net:
            slopes.append(np.zeros(array.shape))
            for place in np.ndindex(array.shape):
                array[place] += 1e-6
                up = loss()
                array[place] -= 2e-6
                slopes[-1][place] = (up - loss()) / 2e-6
                array[place] += 1e-6
        if not all(np.allclose(a, n, atol=1e-6) for a, n in zip(given, slopes, strict=True)):
            found.append(line)
    assert found == [19]


def faults_seen():
    """The faults of "what-a-check-sees" that a gradient check finds, each of them made."""
    rng = np.random.default_rng(0)
    X, w, b = rng.standard_normal((20, 3)), rng.standard_normal(3), 0.7
    y, eps = rng.integers(0, 2, 20), 1e-6

    def output(w, b):
        return 1 / (1 + np.exp(-(X @ w + b)))

    def check(l2=0.1, half=1.0, on_bias=0.0, target=y, mismatch=False, size=1.0):
        v = size * w

        def loss(v, b):
            return np.mean((output(v, b) - target) ** 2) + l2 * np.sum(v**2)

        a = output(v, b)
        delta = (a - target) / len(X) * (1 if mismatch else 2 * a * (1 - a))
        used = np.append(X.T @ delta + half * 2 * l2 * v, delta.sum() + 2 * on_bias * b)
        steps = eps * np.eye(3)
        true = [(loss(v + s, b) - loss(v - s, b)) / (2 * eps) for s in steps]
        true.append((loss(v, b + eps) - loss(v, b - eps)) / (2 * eps))
        return not np.allclose(used, true, atol=1e-7)

    faults = {
        "a": {"half": 0.5},
        "b": {"l2": 0.0},
        "c": {"target": rng.permutation(y)},
        "d": {"on_bias": 0.1},
        "e": {"mismatch": True},
        "f": {"size": 1e-3},
    }
    assert not check(), "the right gradient is called wrong"
    return "".join(name for name, fault in faults.items() if check(**fault))


COMPUTED = {"what-a-check-sees": faults_seen}
