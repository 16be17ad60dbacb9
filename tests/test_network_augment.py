"""The network's option augment: where it acts, on what, with which draws, and nowhere else."""

import copy

import numpy as np
import pytest
from small_images import frozen
from small_network import NOISES, check_history, raises, same

from reglib import RegularizedNeuralNetwork, check_gradient
from reglib.augment import (
    Compose,
    CutMix,
    MixUp,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomRotation,
    RandomVerticalFlip,
)

SHAPE = (4, 5, 1)
SIZES = [20, 9, 7, 3]
TRANSFORMS = {
    "rotation": RandomRotation(30),
    "flips": Compose([RandomHorizontalFlip(), RandomVerticalFlip()]),
    "crop": RandomCrop((4, 5), padding=1),
    "erasing": RandomErasing(0.9),
    "MixUp": MixUp(),
    "CutMix": CutMix(),
    "several": Compose([RandomRotation(10), RandomErasing(), MixUp(0.5)]),
}
each_transform = pytest.mark.parametrize("name", TRANSFORMS)
each_noise = pytest.mark.parametrize("noise", [{}, *NOISES.values()], ids=["none", *NOISES])


def data(n=22, seed=1, k=3):
    """Images (n, 4, 5, 1) and labels (n,) of k classes, all of them in every twenty."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    return rng.random((n, *SHAPE)) * (0.3 + 0.7 * (y[:, None, None, None] == 0)), y


def classifier(seed=0, sizes=SIZES, **options):
    options = dict(activation="tanh", output="softmax", loss="cross_entropy") | options
    return RegularizedNeuralNetwork(sizes, rng=np.random.default_rng(seed), **options)


def identity(X, Y, rng):
    return X, Y


def wasteful(X, Y, rng):
    """Draw, and change nothing."""
    rng.random(1000)
    return X, Y


class Spy:
    """Keep what a transform is called with."""

    def __init__(self, transform=identity):
        self.transform, self.calls = transform, []

    def __call__(self, X, Y, rng):
        self.calls.append((X.copy(), Y.copy(), rng))
        return self.transform(X, Y, rng)


# Start and batches


@each_noise
def test_an_augment_that_changes_nothing_changes_no_bit(noise):
    X, y = data()
    plain, net = classifier(**noise), classifier(augment=identity, **noise)
    same(plain, net, "the start")
    histories = [n.fit(X, y, 3, 8, 0.1, validation_data=(X, y)) for n in (plain, net)]
    same(plain, net, "after a fit")
    assert histories[0] == histories[1]
    assert plain.noise_rng.bit_generator.state == net.noise_rng.bit_generator.state


def test_its_draws_move_neither_start_nor_batches():
    X, y = data()
    plain, net = classifier(), classifier(augment=wasteful)
    for epochs in (1, 2):  # a second fit goes on with the same batches too
        for n in (plain, net):
            n.fit(X, y, epochs, 8, 0.1)
        same(plain, net, "draws of the transform moved the batches")
    assert plain.rng.bit_generator.state == net.rng.bit_generator.state
    assert plain.noise_rng.bit_generator.state != net.noise_rng.bit_generator.state


@each_noise
@each_transform
def test_fit_steps_on_what_the_transform_makes_of_each_batch(name, noise):
    """A twin without the option, fed by hand with the seed's batches, ends at the same weights."""
    (X, y), options = data(), dict(l2=0.02, weight_decay=0.03, **noise)
    net, twin = classifier(7, augment=TRANSFORMS[name], **options), classifier(7, **options)
    quiet, Y = classifier(7), np.eye(3)[y]
    for epochs in (1, 2):
        net.fit(X, y, epochs, 8, 0.1, validation_data=(X, y))
        for order in [quiet.rng.permutation(len(X)) for _ in range(epochs)]:
            for rows in np.split(order, range(8, len(X), 8)):
                made = TRANSFORMS[name](X[rows], Y[rows], twin.noise_rng)
                twin.backward_propagation(made[0].reshape(len(rows), 20), made[1], 0.1)
        for w, wanted in zip(net.weights + net.biases, twin.weights + twin.biases, strict=True):
            message = f"{name}: not the steps on the transformed batches"
            np.testing.assert_allclose(w, wanted, rtol=1e-9, atol=1e-12, err_msg=message)
    plain = classifier(7, **options)
    plain.fit(X, y, 3, 8, 0.1)
    assert (plain.weights[0] != net.weights[0]).any(), f"{name} has no effect on a fit"


def test_the_transform_sees_every_batch_once_as_given_with_labels_one_hot():
    X, y = data()
    spy = Spy()
    net, quiet = classifier(augment=spy), classifier()
    net.fit(X, y, 2, 8, 0.1, validation_data=data(50, 2))
    assert [len(call[0]) for call in spy.calls] == [8, 8, 6] * 2, "one call for each batch"
    orders = [quiet.rng.permutation(len(X)) for _ in range(2)]
    batches = [rows for order in orders for rows in np.split(order, [8, 16])]
    for (images, labels, rng), rows in zip(spy.calls, batches, strict=True):
        np.testing.assert_array_equal(images, X[rows], "images of the batch", strict=True)
        np.testing.assert_array_equal(labels, np.eye(3)[y[rows]], "labels", strict=True)
        assert rng is net.noise_rng, "the draws do not come from the noise stream"
    spy.calls.clear()
    net.fit(X.reshape(22, 20), y, 1, 22, 0.1)
    assert spy.calls[0][0].shape == (22, 20), "flat rows arrive as flat rows"


@pytest.mark.parametrize(
    "output, loss", [("sigmoid", "binary_cross_entropy"), ("linear", "squared_error")]
)
def test_the_targets_of_a_single_output_arrive_as_a_column_of_floats(output, loss):
    (X, y), spy = data(k=2), Spy(MixUp())
    net = classifier(sizes=[20, 5, 1], output=output, loss=loss, augment=spy)
    twin = copy.deepcopy(net)
    net.fit(X, y, 1, 22, 0.1)
    images, labels, _ = spy.calls[0]
    assert labels.shape == (22, 1) and labels.dtype == np.float64
    images, labels = MixUp()(images, labels, twin.noise_rng)
    assert ((labels > 0) & (labels < 1)).any(), "no label was mixed: take another seed"
    twin.backward_propagation(images, labels, 0.1)
    for w, wanted in zip(net.weights, twin.weights, strict=True):
        np.testing.assert_allclose(w, wanted, rtol=1e-12, err_msg="MixUp with one output")


# Only in fit, only in training


def never(X, Y, rng):
    raise AssertionError("augment was called outside a step of fit")


def test_no_other_method_augments():
    X, y = data()
    net, plain = classifier(augment=never), classifier()
    for n in (net, plain):
        n.train(X, y, 2, 0.1, verbose=False)
        n.backward_propagation(X, y)
    same(net, plain, "train and backward_propagation")
    for call in (
        lambda n: n.forward_propagation(X),
        lambda n: n.forward_propagation(X, training=True),
        lambda n: n.predict(X),
        lambda n: n.predict_proba(X),
        lambda n: n.compute_loss(n.forward_propagation(X), y),
        lambda n: n.gradients(X, y)[0][0],
        lambda n: check_gradient(n, X, y),
    ):
        np.testing.assert_array_equal(call(net), call(plain))
    assert check_gradient(net, X, y) < 1e-6


@each_transform
def test_the_history_holds_evaluation_passes_of_the_untouched_data(name):
    (X, y), (X_val, y_val) = data(), data(30, 2)
    net = classifier(augment=TRANSFORMS[name], l2=1e-3)
    history = net.fit(X, y, 3, 8, 0.1, validation_data=(X_val, y_val))
    check_history(history, net, (X, y), (X_val, y_val), 3, name)


@each_transform
def test_the_seed_decides_and_the_data_are_not_changed(name):
    X, Y = frozen(data()[0], np.eye(3)[data()[1]])
    nets = [classifier(s, augment=TRANSFORMS[name]) for s in (3, 3)]
    for net in nets:
        net.fit(X, Y, 2, 8, 0.1, validation_data=(X, Y))
    same(*nets, "the same seed, another fit")
    halves = classifier(3, augment=TRANSFORMS[name])
    for _ in range(2):
        halves.fit(X, Y, 1, 8, 0.1)
    same(halves, nets[0], "1 and 1 epoch are not 2")


def test_a_transform_that_works_in_place_does_not_spoil_the_data():
    def black(X, Y, rng):
        X[...], Y[...] = 0, 1 / 3
        return X, Y

    X, y = data()
    kept, Y = X.copy(), np.eye(3)[y]
    for batch_size in (8, 22):
        for images, labels in ((X, Y), (X.reshape(22, 20), Y)):
            classifier(augment=black).fit(images, labels, 2, batch_size, 0.1)
            np.testing.assert_array_equal(X, kept, "the caller's X was changed")
            np.testing.assert_array_equal(Y, np.eye(3)[y], "the caller's Y was changed")


def test_an_augment_that_is_set_later_acts_at_once():
    X, y = data()
    net, late = classifier(augment=MixUp()), classifier()
    late.augment = MixUp()
    for n in (net, late):
        n.fit(X, y, 1, 8, 0.1)
    same(net, late, "augment, set on a living network")
    net.augment = late.augment = None
    for n in (net, late):
        n.fit(X, y, 1, 8, 0.1)
    same(net, late, "and taken away")


# Images or rows, and dtypes


def test_images_and_flat_rows_are_the_same_to_every_method():
    X, y = data()
    flat = X.reshape(22, 20)
    for name, call in {
        "forward_propagation": lambda n, X: n.forward_propagation(X),
        "training": lambda n, X: n.forward_propagation(X, training=True),
        "predict": lambda n, X: n.predict(X),
        "predict_proba": lambda n, X: n.predict_proba(X),
        "gradients": lambda n, X: np.hstack([g.ravel() for g in sum(n.gradients(X, y), [])]),
        "backward_propagation": lambda n, X: n.backward_propagation(X, y),
        "train": lambda n, X: n.train(X, y, 3, 0.1, verbose=False),
        "fit": lambda n, X: n.fit(X, y, 2, 8, 0.1, validation_data=(X, y))["val_loss"],
        "check_gradient": lambda n, X: check_gradient(n, X, y),
    }.items():
        nets = classifier(**NOISES["all"]), classifier(**NOISES["all"])
        results = [call(net, x) for net, x in zip(nets, (X, flat), strict=True)]
        np.testing.assert_array_equal(*results, err_msg=name)
        same(*nets, name)
    mixed = classifier(), classifier()
    mixed[0].fit(X, y, 2, 8, 0.1, validation_data=(flat, y))
    mixed[1].fit(flat, y, 2, 8, 0.1, validation_data=(X, y))
    same(*mixed, "images in one place, rows in the other")


def test_an_image_is_read_row_by_row():
    X = np.arange(12.0).reshape(1, 2, 2, 3)
    net = classifier(sizes=[12, 2])
    net.forward_propagation(np.asfortranarray(X))
    np.testing.assert_array_equal(net.activations[0], np.arange(12.0)[None])


def test_mixup_gives_images_and_rows_equal_results():
    X, y = data()
    nets = [classifier(augment=MixUp()) for _ in range(2)]
    for net, x in zip(nets, (X, X.reshape(22, 20)), strict=True):
        net.fit(x, y, 3, 8, 0.1)
    same(*nets, "mixup of images and of rows")


@each_transform
def test_float32_stays_float32(name):
    (X, y), spy = data(), Spy(TRANSFORMS[name])
    net = classifier(dtype=np.float32, augment=spy)
    net.fit(X, y, 1, 8, 0.1)
    assert {w.dtype.name for w in net.weights + net.biases} == {"float32"}
    assert {a.dtype.name for call in spy.calls for a in call[:2]} == {"float32"}, "the batches"


# Bad input


@pytest.mark.parametrize(
    "bad", [3, "rotate", [MixUp()], True, 0, (), np.ones(2)], ids=lambda bad: type(bad).__name__
)
def test_an_augment_that_cannot_be_called_raises(bad):
    raises(lambda: classifier(augment=bad), "augment", "t(X, Y, rng)", repr(bad))


def test_what_a_transform_returns_is_checked():
    X, y = data()
    for transform, parts in (
        (RandomCrop((3, 5)), ("(n, 20)", "15")),
        (lambda X, Y, rng: (X[:-1], Y), ("y must be",)),
        (lambda X, Y, rng: (X[:, 0], Y), ("(n, 20)",)),
        (lambda X, Y, rng: (X * np.nan, Y), ("finite", "nan")),
        (lambda X, Y, rng: (X, Y * np.nan), ("y",)),
        (lambda X, Y, rng: (X, 2 * Y), ("[0, 1]",)),
        (lambda X, Y, rng: (X, Y / 2), ("sum to 1",)),
        (lambda X, Y, rng: (X, Y[:, :2]), ("y must be", "(8, 2)")),
        (lambda X, Y, rng: X, ("augment",)),
        (lambda X, Y, rng: None, ("augment",)),
        (lambda X, Y, rng: (X, Y, rng), ("augment",)),
    ):
        net = classifier(augment=transform)
        before = copy.deepcopy(net)
        raises(lambda n=net: n.fit(X, y, 1, 8, 0.1), *parts)
        same(net, before, "a step was taken all the same")


def test_images_that_do_not_fit_the_first_layer_raise():
    net, (X, y) = classifier(augment=MixUp()), data()
    for bad in (X[:, :3], X[:, :, :2], np.repeat(X, 2, axis=3), X[0], X[..., 0], X[:0], X[None]):
        for call in (net.predict, lambda b: net.fit(b, y[: len(b)], 1, 8, 0.1)):
            raises(lambda b=bad, c=call: c(b), "X must be", "(n, 20)")
    raises(lambda: classifier(augment=RandomRotation(5)).fit(X.reshape(22, 20), y, 1, 8, 0.1),
           "(n, h, w, c)", "(8, 20)")  # fmt: skip
