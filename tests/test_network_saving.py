"""Saving and loading: the same network, training that goes on bit for bit, with every option."""

import copy

import numpy as np
import pytest
from small_network import NAMES, NOISES, alike, make, raises, same

from reglib import RegularizedNeuralNetwork
from reglib.augment import Compose, MixUp, RandomErasing, RandomRotation

IMAGES = Compose([RandomRotation(20), RandomErasing(0.5), MixUp(0.4)])
OPTIONS = {
    "defaults": {},
    "momentum": dict(momentum=0.9),
    "adam": dict(optimizer="adam"),
    "adamw": dict(optimizer="adamw", weight_decay=0.1),
    "L1": dict(l1=0.01),
    "L2": dict(l2=0.01),
    "max-norm": dict(max_norm=0.8),
    "augment": dict(augment=IMAGES),
    "float32": dict(dtype=np.float32, optimizer="adam", momentum=0.5),
    "relu": dict(activation="relu", init="he", output="softmax", loss="squared_error"),
    "small": dict(activation="tanh", init="small"),
    **NOISES,
    "all, sgd": dict(
        l1=0.001, l2=0.01, momentum=0.9, augment=IMAGES, max_norm=2.0, **NOISES["all"]
    ),
    "all, adam": dict(l1=0.001, l2=0.01, optimizer="adamw", weight_decay=0.1, **NOISES["all"]),
}
each_option = pytest.mark.parametrize("name", OPTIONS)
load = RegularizedNeuralNetwork.load


def data(n=22, seed=1):
    """Images (n, 3, 4, 1) and labels (n,) of three classes."""
    y = np.arange(n) % 3
    X = np.random.default_rng(seed).random((n, 3, 4, 1))
    return X * (0.3 + 0.7 * (y[:, None, None, None] == 0)), y


def classifier(seed=0, **options):
    options = dict(output="softmax", loss="cross_entropy") | options
    return make((12, 6, 5, 3), seed, **options)


# Going on


def test_every_option_is_saved_in_some_case():
    used = set().union(*OPTIONS.values(), {"layer_sizes"})
    assert used == NAMES, "an option of the network is in no case of these tests"


@each_option
def test_ten_epochs_a_file_and_ten_more_are_twenty(name, tmp_path):
    (X, y), options, path = data(), OPTIONS[name], tmp_path / "net.npz"
    net, straight = classifier(**options), classifier(**options)
    wanted = straight.fit(X, y, 20, 8, 0.05, validation_data=data(9, 2))
    first = net.fit(X, y, 10, 8, 0.05, validation_data=data(9, 2))
    assert net.save(path) is None
    loaded = load(path, augment=options.get("augment"))
    alike(loaded, net, f"{name}, loaded")
    assert loaded.augment is options.get("augment")
    for which, later in (("loaded", loaded), ("saved", net)):
        second = later.fit(X, y, 10, 8, 0.05, validation_data=data(9, 2))
        alike(later, straight, f"{name}: the {which} network went on")
        for key in wanted:
            assert first[key] + second[key] == wanted[key], f"{name}: another history of {key}"


@pytest.mark.parametrize("name", ["defaults", "momentum", "all, sgd", "all, adam"])
def test_a_network_that_was_never_fitted_or_only_trained_goes_on(name, tmp_path):
    (X, y), options, path = data(), OPTIONS[name], tmp_path / "net.npz"
    net = classifier(**options)
    for stage in ("new", "trained", "fitted, then trained"):
        net.save(path)
        loaded = load(path, augment=options.get("augment"))
        alike(loaded, net, f"{name}, {stage}")
        for n in (net, loaded):
            n.fit(X, y, 1, 8, 0.05)
            n.train(X, y, 2, 0.05, verbose=False)
        alike(loaded, net, f"{name}, {stage}, and on")


STREAMS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


@pytest.mark.parametrize("kind", STREAMS)
def test_random_streams_of_every_kind_go_on(kind, tmp_path):
    (X, y), path = data(), tmp_path / "net.npz"
    rng = np.random.Generator(getattr(np.random, kind)(7))
    net = RegularizedNeuralNetwork([12, 5, 3], dropout=0.3, input_noise=0.1, rng=rng)
    net.fit(X, y, 2, 7, 0.1)
    net.rng.integers(5, dtype=np.int32)  # leaves half a draw behind
    net.save(path)
    loaded = load(path)
    for n in (net, loaded):
        n.rng.integers(5, size=3, dtype=np.int32)
        n.fit(X, y, 2, 7, 0.1)
    alike(loaded, net, kind)


def test_what_was_changed_on_a_living_network_is_kept(tmp_path):
    (X, y), net = data(), classifier(momentum=0.5)
    changes = dict(l1=np.float32(0.25), l2=0.5, max_norm=1, weight_decay=np.float64(0.125))
    changes |= dict(dropout=[0.5, 0.25], dropconnect=np.array([0.25, 0, 0.5]), input_noise=0.125)
    for name, value in (changes | dict(label_smoothing=0.25)).items():
        setattr(net, name, value)
    net.weights[1][...] = 0.5
    net.biases[0] = np.full((1, 6), 0.25)
    net.save(tmp_path / "net.npz")
    loaded = load(tmp_path / "net.npz")
    same(loaded, net, "assigned arrays")
    for name in changes:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(net, name), name)
    for n in (net, loaded):
        n.fit(X, y, 2, 8, 0.05)
    same(loaded, net, "living changes")


def test_a_file_holds_no_pickle_bears_its_name_and_is_alone(tmp_path):
    net, (X, _) = classifier(optimizer="adam"), data()
    for path in (tmp_path / "a.npz", str(tmp_path / "no suffix"), tmp_path / "ünï.bin"):
        net.save(path)
        net.save(path)  # over an older one
        with np.load(path, allow_pickle=False) as stored:
            assert all(stored[name].dtype.kind in "fiuU" for name in stored), "not plain arrays"
        np.testing.assert_array_equal(load(path).predict_proba(X), net.predict_proba(X))
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == sorted(["a.npz", "no suffix", "ünï.bin"]), "other files were left"


def test_a_subclass_loads_as_itself_and_the_saved_network_is_no_part_of_it(tmp_path):
    class Mine(RegularizedNeuralNetwork):
        pass

    net = Mine([12, 3], rng=np.random.default_rng(0))
    net.save(tmp_path / "net.npz")
    first, second = Mine.load(tmp_path / "net.npz"), Mine.load(tmp_path / "net.npz")
    assert type(first) is Mine
    first.fit(*data(), 1, 8, 0.1)
    same(second, net, "two loaded networks share their arrays")


# A transform


def test_without_its_transform_a_network_predicts_but_does_not_fit(tmp_path):
    (X, y), path = data(), tmp_path / "net.npz"
    net = classifier(augment=MixUp())
    net.fit(X, y, 2, 8, 0.05)
    net.save(path)
    loaded = load(path)
    loaded.save(path)  # and from hand to hand
    loaded = load(path)
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    before = copy.deepcopy(loaded.weights), loaded.noise_rng.bit_generator.state
    raises(lambda: loaded.fit(X, y, 1, 8, 0.05), "augment", "load")
    np.testing.assert_array_equal(loaded.weights[0], before[0][0], "a step was taken")
    assert loaded.noise_rng.bit_generator.state == before[1]
    again = load(path, augment=MixUp())
    for n in (again, net):
        n.fit(X, y, 2, 8, 0.05)
    alike(again, net, "with the transform again")
    raises(lambda: load(path, augment=3), "augment", "3")
