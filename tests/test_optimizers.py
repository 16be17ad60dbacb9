"""The optimizers against the papers' rules, and `fit`: rest points, early stopping, history."""

import math

import numpy as np
import pytest
from small_network import batch, make

from reglib import MaxNorm, RegularizedNeuralNetwork
from reglib.data import noisy_digits
from reglib.optimizers import SGD, Adam

# Single steps


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_momentum_of_a_lasting_gradient_is_a_geometric_sum(momentum):
    optimizer, g = SGD(momentum), np.array([2.0, -3.0])
    for t in range(1, 40):
        direction, scale = optimizer(g)
        expected = g * sum(momentum**i for i in range(t))
        np.testing.assert_allclose(direction, expected, rtol=1e-12, err_msg=f"step {t}")
        assert scale * (1 - momentum) == pytest.approx(1), "the scale is the sum's limit"


@pytest.mark.parametrize("momentum", [0.0, 0.6, 0.9])
def test_fit_with_momentum_equals_the_closed_form_on_a_parabola(momentum):
    """The loss (w - 2)² gives errors e(t+1) = (1 + mu - 2 lr) e(t) - mu e(t-1): a matrix power."""
    X, y, lr, steps = np.array([[1.0], [-1.0]]), np.array([2.0, -2.0]), 0.05, 30
    net = RegularizedNeuralNetwork([1, 1], output="linear", momentum=momentum)
    net.weights[0][...] = 5.0
    net.fit(X, y, steps, 2, lr)
    companion = np.array([[1 + momentum - 2 * lr, -momentum], [1.0, 0.0]])
    error = (np.linalg.matrix_power(companion, steps) @ [3.0, 3.0])[0]
    assert net.weights[0][0, 0] == pytest.approx(2 + error, abs=1e-12)
    assert net.biases[0][0, 0] == pytest.approx(0, abs=1e-12)


def test_adam_divides_by_the_size_of_the_gradient():
    g = np.array([1e-4, -3.0, 1e4])
    direction, scale = Adam()(g)
    np.testing.assert_allclose(direction, np.sign(g), rtol=2e-4, err_msg="bias not corrected")
    np.testing.assert_allclose(scale, 1 / (np.abs(g) + 1e-8), rtol=1e-12)
    direction, _ = Adam()(np.zeros(2))
    np.testing.assert_array_equal(direction, [0, 0], "a gradient of 0 must not move anything")


def adamw_by_the_paper(w, gradients, lr, decay):
    """Algorithm 2 of Loshchilov and Hutter in plain numbers; decay scaled by lr as in PyTorch."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        w = w - lr * (m_hat / (math.sqrt(v_hat) + 1e-8) + decay * w)
    return w


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("steps", [1, 10])
def test_adamw_equals_the_paper(name, decay, steps):
    X, Y = batch()
    options = dict(activation="tanh", output="linear", l2=0.05, weight_decay=decay)
    net = make(optimizer=name, **options)
    start = [w.copy() for w in net.weights + net.biases]
    seen = [[] for _ in start]
    for _ in range(steps):
        for history, g in zip(seen, sum(net.gradients(X, Y), start=[]), strict=True):
            history.append(g)
        net.fit(X, Y, 1, len(X), 0.02)
    for i, (w, w0) in enumerate(zip(net.weights + net.biases, start, strict=True)):
        own = decay if i < len(net.weights) else 0.0  # biases do not decay
        for index in np.ndindex(w.shape):
            expected = adamw_by_the_paper(w0[index], [g[index] for g in seen[i]], 0.02, own)
            assert w[index] == pytest.approx(expected, rel=1e-9, abs=1e-11), f"array {i}, {index}"


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_ten_steps_equal_pytorch(name):
    torch = pytest.importorskip("torch")
    X, Y = batch()
    net = make(activation="tanh", output="linear", optimizer=name, weight_decay=0.3, momentum=0.9)
    w = [torch.tensor(a.copy(), requires_grad=True) for a in net.weights + net.biases]
    groups = [{"params": w[:2], "weight_decay": 0.3}, {"params": w[2:], "weight_decay": 0.0}]
    if name == "sgd":  # their SGD couples the decay: apply it by hand
        optimizer = torch.optim.SGD(w, lr=0.02, momentum=0.9)
    else:
        optimizer = torch.optim.AdamW(groups, lr=0.02)
    for _ in range(10):
        optimizer.zero_grad()
        hidden = torch.tanh(torch.tensor(X) @ w[0] + w[2])
        torch.nn.functional.mse_loss(hidden @ w[1] + w[3], torch.tensor(Y)).backward()
        if name == "sgd":
            with torch.no_grad():
                for W in w[:2]:
                    W *= 1 - 0.02 * 0.3
        optimizer.step()
    net.fit(X, Y, 10, len(X), 0.02)
    for i, (ours, theirs) in enumerate(zip(net.weights + net.biases, w, strict=True)):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-7, err_msg=f"array {i}")


def test_weight_decay_is_l2_under_plain_descent_and_not_under_adam():
    """lr * decay * W equals lr * 2 * l2 * W where nothing rescales the gradient."""
    X, Y = batch()
    for optimizer, momentum, equal in (("sgd", 0, True), ("sgd", 0.9, False), ("adam", 0, False)):
        options = dict(optimizer=optimizer, momentum=momentum)
        a, b = make(weight_decay=0.2, **options), make(l2=0.1, **options)
        for net in (a, b):
            net.fit(X, Y, 20, len(X), 0.05)
        same = np.allclose(a.weights[0], b.weights[0], rtol=1e-10)
        assert same == equal, f"{optimizer} with momentum {momentum}: equal is {same}"


def test_weight_decay_shrinks_weights_alone():
    X = np.zeros((4, 3))  # the first layer gets no gradient
    net = make(weight_decay=0.5)
    W, b = net.weights[0].copy(), net.biases[0].copy()
    net.biases[0][...] = 1.0
    net.fit(X, np.full((4, 2), 0.5), 3, 4, 0.1)
    np.testing.assert_allclose(net.weights[0], W * (1 - 0.05) ** 3, rtol=1e-12)
    net = make((3, 2), weight_decay=0.5, output="linear")
    net.backward_propagation(X, np.tile(net.biases[0], (4, 1)), 0.1)
    np.testing.assert_allclose(net.biases[0], make((3, 2)).biases[0], rtol=1e-12)
    assert b.any(), "the case must have biases"


def test_max_norm_holds_after_every_step():
    X, Y = batch()
    plain, net = make(), make(max_norm=0.7)
    for step in range(6):
        if step % 2:
            net.backward_propagation(X, Y, 5.0)
        else:
            net.fit(X, Y, 1, len(X), 5.0)
        for layer, W in enumerate(net.weights):
            norms = np.linalg.norm(W, axis=0)
            assert (norms <= 0.7 * (1 + 1e-12)).all(), f"step {step}, layer {layer}: {norms}"
    plain.backward_propagation(X, Y, 5.0)
    once = make(max_norm=0.7)
    once.backward_propagation(X, Y, 5.0)
    for W, projected in zip(plain.weights, once.weights, strict=True):
        np.testing.assert_array_equal(projected, MaxNorm(0.7)(W), "not the projected step")
    for b, b_once in zip(plain.biases, once.biases, strict=True):
        np.testing.assert_array_equal(b, b_once, "a bias was projected")


# L1: exact zeros, at rest where the training loss is


def kkt_violation(net, X, Y):
    """How far 0 is from the subdifferential of the training loss at the network's weights."""
    l1, net.l1 = net.l1, 0.0
    dW, db = net.gradients(X, Y)  # of everything but L1
    net.l1 = l1
    worst = max(np.abs(g).max() for g in db)
    for W, g in zip(net.weights, dW, strict=True):
        off = np.where(W == 0, np.maximum(np.abs(g) - l1, 0), np.abs(g + l1 * np.sign(W)))
        worst = max(worst, off.max())
    return worst


OPTIMIZERS = [
    ({"optimizer": "sgd"}, (0.3,)),
    ({"optimizer": "sgd", "momentum": 0.9}, (0.05,)),
    ({"optimizer": "adam"}, (0.02, 0.002, 0.0002)),
]
each_optimizer = pytest.mark.parametrize(
    "options, rates", OPTIMIZERS, ids=["sgd", "momentum", "adam"]
)


@each_optimizer
def test_lasso_by_fit_rests_at_the_minimum_with_exact_zeros(options, rates):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 6))
    y = X @ [2.0, -1.0, 0.5, 0.0, 0.0, 0.0] + 0.3 * rng.standard_normal(50)
    net = RegularizedNeuralNetwork([6, 1], l1=0.3, output="linear", rng=rng, **options)
    for rate in rates:
        net.fit(X, y, 1500, 50, rate)
    assert kkt_violation(net, X, y) < 1e-6, f"off by {kkt_violation(net, X, y):.1e}"
    zeros = (net.weights[0] == 0).ravel()
    assert zeros[3:].all() and not zeros[:3].any(), f"weights {net.weights[0].ravel()}"


@each_optimizer
def test_a_hidden_layer_rests_where_the_training_loss_is_stationary(options, rates):
    X, _ = batch(30)
    y = np.sin(2 * X[:, 0]) + 0.1 * X[:, 1]
    net = make((3, 4, 1), l1=0.01, l2=0.005, activation="tanh", output="linear", **options)
    for rate in rates:
        net.fit(X, y, 4000, 30, rate)
    assert kkt_violation(net, X, y) < 1e-4, f"off by {kkt_violation(net, X, y):.1e}"
    shares = [np.mean(W == 0) for W in net.weights]
    assert 0 < shares[0] < 1, f"share of exact zeros by layer: {shares}"


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"optimizer": "adam"}], ids=repr)
def test_mini_batches_on_digits_give_exact_zeros_with_l1_alone(options):
    (X, y), _, _ = noisy_digits(rng=np.random.default_rng(0))
    X = X[:, X.std(axis=0) > 0]
    rate = 0.005 if options.get("optimizer") == "adam" else 0.05
    zeros = {}
    for name in ("l1", "l2"):
        net = make(
            (X.shape[1], 16, 10), activation="relu", init="he", output="softmax",
            loss="cross_entropy", **{name: 0.01}, **options,
        )  # fmt: skip
        net.fit(X, y, 20, 32, rate)
        zeros[name] = np.mean(net.weights[0] == 0)
    assert zeros["l2"] == 0 and zeros["l1"] > 0.1, f"shares of exact zeros: {zeros}"


# fit


def test_one_full_batch_step_is_one_step_of_plain_descent():
    X, Y = batch()
    net, twin = make(l2=0.02), make(l2=0.02)
    net.fit(X, Y, 3, len(X), 0.4)
    for _ in range(3):
        twin.backward_propagation(X, Y, 0.4)
    for a, b in zip(net.weights + net.biases, twin.weights + twin.biases, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, err_msg="sgd in fit is another step")


def test_fit_takes_every_row_once_an_epoch_in_a_new_order():
    seen = []

    class Watched(RegularizedNeuralNetwork):
        def _data_gradients(self, X, Y):
            seen.append(X[:, 0].copy())
            np.testing.assert_array_equal(X[:, 0], Y[:, 0], "a row lost its target")
            return super()._data_gradients(X, Y)

    X = np.arange(10.0)[:, None]
    Watched([1, 1], output="linear").fit(X, X, 3, 4, 1e-6)
    assert [len(rows) for rows in seen] == [4, 4, 2] * 3, "batches of other sizes"
    epochs = [np.concatenate(seen[i : i + 3]).tolist() for i in (0, 3, 6)]
    for order in epochs:
        assert sorted(order) == X[:, 0].tolist(), "a row was left out or seen twice"
    assert len({tuple(order) for order in [*epochs, X[:, 0].tolist()]}) == 4, "not shuffled"


def test_history_has_one_true_entry_an_epoch():
    X, _ = batch(30)
    labels, held_out = np.arange(30) % 3, (batch(12, seed=5)[0], np.arange(12) % 3)
    net = make((3, 5, 3), output="softmax", loss="cross_entropy", l1=0.01, l2=0.02)
    keys = {"loss", "data_loss", "accuracy", "weight_norm"}
    assert set(net.fit(X, labels, 1, 8, 0.1)) == keys
    history = net.fit(X, labels, 4, 8, 0.1, validation_data=held_out)
    assert set(history) == keys | {"val_loss", "val_accuracy"}
    assert {len(values) for values in history.values()} == {4}
    assert {type(v) for values in history.values() for v in values} == {float}
    A, A_val = net.forward_propagation(X), net.forward_propagation(held_out[0])
    truth = {
        "data_loss": -np.mean(np.log(A[np.arange(30), labels])),
        "val_loss": -np.mean(np.log(A_val[np.arange(12), held_out[1]])),
        "accuracy": np.mean(A.argmax(axis=1) == labels),
        "val_accuracy": np.mean(A_val.argmax(axis=1) == held_out[1]),
        "weight_norm": np.sqrt(sum((W**2).sum() for W in net.weights)),
    }
    penalty = sum(0.01 * np.abs(W).sum() + 0.02 * (W**2).sum() for W in net.weights)
    truth["loss"] = truth["data_loss"] + penalty
    for name, value in truth.items():
        assert history[name][-1] == pytest.approx(value, rel=1e-12), f"{name} is wrong"
    regression = make((3, 1), output="linear").fit(X, X[:, 0], 2, 8, 0.1, (X, X[:, 0]))
    assert set(regression) == {"loss", "data_loss", "weight_norm", "val_loss"}
    single = make((3, 4, 1), loss="binary_cross_entropy")
    accuracy = single.fit(X, labels > 0, 2, 8, 0.1)["accuracy"][-1]
    assert accuracy == np.mean(single.predict(X) == (labels > 0)), "accuracy of one output"


@pytest.mark.parametrize("patience", [1, 5])
def test_early_stopping_restores_the_best_weights(patience):
    train, validation, _ = noisy_digits(n=60, p=0.4, rng=np.random.default_rng(0))
    options = dict(activation="relu", init="he", output="softmax", loss="cross_entropy")
    net, plain = make((64, 32, 10), **options), make((64, 32, 10), **options)
    arrays = net.weights + net.biases
    history = net.fit(*train, 200, 16, 0.2, validation_data=validation, patience=patience)
    losses = history["val_loss"]
    best = int(np.argmin(losses))
    assert 0 < best and len(losses) < 200, "the case must stop early, and not at once"
    assert len(losses) == best + 1 + patience, f"best epoch {best}, stopped after {len(losses)}"
    plain.fit(*train, best + 1, 16, 0.2)
    restored = zip(arrays, net.weights + net.biases, plain.weights + plain.biases, strict=True)
    for old, now, expected in restored:
        np.testing.assert_array_equal(now, expected, "not the weights of the best epoch")
        assert old is now, "the arrays are no longer the live ones"
    A = net.forward_propagation(validation[0])
    assert net.data_loss(A, validation[1]) == min(losses)


def test_early_stopping_that_never_triggers_still_restores_the_best():
    train, validation, _ = noisy_digits(n=60, p=0.4, rng=np.random.default_rng(0))
    net = make((64, 16, 10), output="softmax", loss="cross_entropy", activation="relu")
    losses = net.fit(*train, 80, 16, 0.3, validation_data=validation, patience=79)["val_loss"]
    assert np.argmin(losses) < len(losses) - 1, "the case must get worse at the end"
    A = net.forward_propagation(validation[0])
    assert net.data_loss(A, validation[1]) == min(losses)


def test_watching_does_not_change_the_training():
    X, Y = batch(30)
    alone, watched = make(), make()
    alone.fit(X, Y, 5, 8, 0.5)
    watched.fit(X, Y, 5, 8, 0.5, validation_data=batch(9, seed=7))
    np.testing.assert_array_equal(alone.weights[0], watched.weights[0])


@pytest.mark.filterwarnings("error")
def test_divergence_raises_and_says_what_to_try():
    X, Y = batch(30)
    for call in (
        lambda net: net.fit(100 * X, Y, 500, 8, 10.0),
        lambda net: net.train(100 * X, Y, 500, 10.0, verbose=False),
        lambda net: net.train(100 * X, Y, 1, 1e300, verbose=False),
    ):
        with pytest.raises(FloatingPointError) as error:
            call(make(output="linear", activation="relu"))
        for part in ("the loss became", "epoch", "learning_rate below", "scaled", "max_norm"):
            assert part in str(error.value), f"the message lacks {part!r}: {error.value}"


def test_penalties_set_after_construction_count():
    X, Y = batch()
    net, twin = make(), make(l2=0.5)
    net.l2 = 0.5
    net.fit(X, Y, 3, 3, 0.1)
    twin.fit(X, Y, 3, 3, 0.1)
    np.testing.assert_array_equal(net.weights[0], twin.weights[0], "l2 was read only once")
