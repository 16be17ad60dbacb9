"""The keys of the questions on production, computed anew; their planted faults, measured."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import entropy, ks_2samp
from sklearn.linear_model import Ridge

from reglib import RegularizedNeuralNetwork
from reglib.assess.questions import bank
from reglib.assess.questions.judge import defined


def model_answer(name, function):
    """The function that the bank gives as the right answer."""
    return defined(bank()[name].data["answer"], function)


def of_workers():
    """The ways of seeding that repeat themselves and differ from worker to worker."""
    ways = {
        "a": lambda run: [np.random.default_rng(0) for _ in range(4)],
        "b": lambda run: [np.random.default_rng([1234, run, worker]) for worker in range(4)],
        "c": lambda run: [np.random.default_rng(s) for s in np.random.SeedSequence(0).spawn(4)],
    }

    def drawn(way, run):
        return [tuple(rng.random(5)) for rng in way(run)]

    def shared(run):  # who comes first is chance
        rng, first = np.random.default_rng(0), np.random.default_rng(run).permutation(4)
        draws = [tuple(rng.random(5)) for _ in range(4)]
        return [draws[i] for i in first]

    draws = {letter: (drawn(way, 1), drawn(way, 2)) for letter, way in ways.items()}
    draws["d"] = shared(1), shared(2)
    return [a for a, (one, two) in draws.items() if one == two and len(set(one)) == 4]


def in_the_checkpoint():
    """The parts of a file without which training goes on otherwise.

    The file holds neither a gradient nor losses (b and e), and with all of it nothing differs.
    """
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 5)), rng.integers(3, size=60)

    def network():
        return RegularizedNeuralNetwork(
            [5, 8, 3], activation="relu", output="softmax", loss="cross_entropy", init="he",
            momentum=0.9, dropout=0.3, rng=np.random.default_rng(1),
        )  # fmt: skip

    def forget(net, letter):
        if letter == "a":
            for mine, new in zip(net.weights, network().weights, strict=True):
                mine[...] = new
        elif letter == "c":
            for optimizer in net._optimizers:
                for name, value in vars(optimizer).items():
                    if isinstance(value, np.ndarray):
                        setattr(optimizer, name, np.zeros_like(value))
        elif letter in "df":
            stream = net.rng if letter == "d" else net.noise_rng
            stream.bit_generator.state = np.random.default_rng(99).bit_generator.state

    def after(folder, letter):
        net = network()
        net.fit(X, y, 3, 16, 0.1)
        net.save(f"{folder}/net.npz")
        net = RegularizedNeuralNetwork.load(f"{folder}/net.npz")
        forget(net, letter)
        net.fit(X, y, 3, 16, 0.1)
        return net.weights

    from tempfile import TemporaryDirectory

    straight = network()
    straight.fit(X, y, 6, 16, 0.1)
    with TemporaryDirectory() as folder:
        return [
            letter
            for letter in "abcdef"
            if any(
                not np.array_equal(a, b)
                for a, b in zip(after(folder, letter), straight.weights, strict=True)
            )
        ]


def grown_from_rounding():
    """The causes after which one step leaves six equal digits, yet not all: sums in other order."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((640, 20)), rng.standard_normal(640)

    def step(seed=1, order=2, backwards=1):
        w = np.random.default_rng(seed).standard_normal(20).astype(np.float32)
        rows = np.random.default_rng(order).permutation(640)[:32][::backwards]
        slope = np.zeros(20, np.float32)
        for A, b in zip(X[rows].astype(np.float32), y[rows].astype(np.float32), strict=True):
            slope += A * (A @ w - b)
        return w - np.float32(0.1 / 32) * slope

    ways = {"a": dict(seed=3), "b": {}, "c": dict(order=4), "d": dict(backwards=-1)}
    off = {letter: np.abs(step(**way) - step()).max() for letter, way in ways.items()}
    return [letter for letter, gap in off.items() if 0 < gap < 1e-6]


def hours():
    """Hand each training to the worker that is free first."""
    free = [0.0] * 8
    for _ in product(range(6), range(4), range(5), range(3)):
        free[int(np.argmin(free))] += 2.0
    return max(free)


def checkpoint():
    """Numbers in the file of a small network for each of its parameters, times the large one's."""
    import json
    from tempfile import TemporaryDirectory

    net = RegularizedNeuralNetwork([50, 40, 10], l2=0.01, optimizer="adam", dtype=np.float32)
    net.fit(
        np.ones((4, 50)), np.zeros((4, 10)), 1, 4, 0.01
    )  # the memory starts with the first step
    with TemporaryDirectory() as folder:
        net.save(f"{folder}/net.npz")
        with np.load(f"{folder}/net.npz") as stored:
            arrays = [stored[name] for name in stored.files if stored[name].dtype.kind == "f"]
            assert json.loads(str(stored["reglib network 1"]))["options"]["l2"] == 0.01
    size = sum(a.size for a in net.weights + net.biases)
    numbers = sum(a.size for a in arrays if a.ndim)
    assert {a.dtype for a in arrays if a.ndim} == {np.dtype(np.float32)}
    return numbers / size * 25e6 * 4 / 1e6


def stability_index():
    """The sum of both Kullback-Leibler divergences."""
    expected, actual = [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]
    return entropy(actual, expected) + entropy(expected, actual)


def right_alarms():
    """Bayes in odds: those before times the likelihood ratio."""
    odds = 0.001 / 0.999 * (0.99 / 0.01)
    return odds / (1 + odds)


def multiplications():
    """Row by row: each entry of a product takes as many as the inner size."""
    first = np.ones((1, 64)) @ np.ones((64, 128))  # each entry counts its own products
    second = np.ones((30, 128)) @ np.ones((128, 10))
    return first.sum() + second.sum()


COMPUTED = {
    "one-seed-for-each-worker": of_workers,
    "in-the-checkpoint": in_the_checkpoint,
    "same-seed-other-numbers": grown_from_rounding,
    "hours-of-search": hours,
    "bytes-of-a-checkpoint": checkpoint,
    "psi-of-three-bins": stability_index,
    "alarm-that-is-right": right_alarms,
    "thirty-masks": multiplications,
}


def priced_by_its_company(faulty, fixed):
    """Alone every flat has one price; repaired, company makes no difference."""
    y = faulty["y"]
    assert np.ptp(faulty["prices_alone"]) < 1e-9 * np.ptp(y)
    assert np.sqrt(np.mean((faulty["prices_together"] - y) ** 2)) < 0.05 * y.std()
    assert np.allclose(fixed["prices_alone"], fixed["prices_together"], rtol=1e-12)
    assert np.allclose(fixed["prices_alone"], faulty["prices_together"])


def epochs_seen_twice(faulty, fixed):
    """Ten and ten epochs are twenty only when the loop counts on."""
    assert not np.allclose(faulty["resumed"]["w"], faulty["straight"]["w"], rtol=1e-3)
    for name in ("w", "v"):
        assert np.array_equal(fixed["resumed"][name], fixed["straight"][name]), name
    assert np.array_equal(faulty["straight"]["w"], fixed["straight"]["w"]), "one go was right"


def unlike_its_twin(faulty, fixed):
    """One strength, two errors: the luck of the split."""
    assert abs(faulty["errors"][1] - faulty["errors"][2]) > 0.05
    assert fixed["errors"][1] == fixed["errors"][2]
    assert len(set(fixed["errors"])) == 3


PROOFS = {
    "priced-by-its-company": priced_by_its_company,
    "epochs-seen-twice": epochs_seen_twice,
    "unlike-its-twin": unlike_its_twin,
}


@pytest.mark.parametrize("sizes", [(3, 9), (40, 2), (1, 1)])
def test_merged_statistics_are_those_of_all_rows(sizes):
    rng = np.random.default_rng(sum(sizes))
    parts = [rng.normal(5 * i, 1 + i, size=(n, 3)) for i, n in enumerate(sizes)]
    reports = [value for X in parts for value in (len(X), X.mean(axis=0), X.var(axis=0))]
    n, mean, var = model_answer("merge-statistics", "merge")(*reports)
    X = np.concatenate(parts)
    assert n == len(X)
    assert np.allclose(mean, X.mean(axis=0)) and np.allclose(var, X.var(axis=0)), (mean, var)


def test_ridge_from_chunks_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    chunks = tuple((rng.normal(size=(n, 4)), rng.normal(size=n)) for n in (11, 3, 30))
    X, y = (np.concatenate(part) for part in zip(*chunks, strict=True))
    theirs = Ridge(alpha=len(y) * 0.2, fit_intercept=False).fit(X, y).coef_
    assert np.allclose(model_answer("ridge-from-chunks", "ridge_from_chunks")(chunks, 0.2), theirs)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_gap_is_the_statistic_of_scipy(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 8, 30) / 2, rng.integers(2, 9, 19) / 2
    assert np.isclose(model_answer("largest-gap", "largest_gap")(a, b), ks_2samp(a, b).statistic)


def test_the_numbers_in_the_follow_ups_are_computed_right():
    """A tenth of the false alarms, all broken parts found, and the rule of three."""
    share = lambda found, false: 0.001 * found / (0.001 * found + 0.999 * false)  # noqa: E731
    assert round(share(0.99, 0.001), 3) == 0.498 and round(share(1.0, 0.01), 3) == 0.091
    assert 100 * 3 / 2000 == pytest.approx(0.15)
    assert (1 - 3 / 2000) ** 2000 == pytest.approx(0.05, abs=0.001), "the rule of three itself"
    assert 3 / 2000 * 9999 == pytest.approx(15, abs=0.1)
