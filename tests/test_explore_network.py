"""What the explorers of chapter 04 show, each number computed a second time by another way."""

import numpy as np
import pytest
from scipy import optimize
from test_explore_noise import at, line

from reglib import MixUp, RegularizedNeuralNetwork, data, explore
from reglib.explore import network
from reglib.explore.boundaries import ACROSS, UP

STEPS = ["x", "z₁", "a₁", "z₂", "a₂", "loss", "δ₂", "dW₂", "δ₁", "dW₁", "update"]
# Groups of places, in the order of `network._GROUPS`.
PLACES = {"x": [0, 1], "h": [2, 3], "o": [4], "L": [5], "W₁": [6, 7, 8, 9], "W₂": [10, 11]}


def loss_of(v, x, y, l2):
    """Return the loss of the nine numbers v of a 2-2-1 network, written out plainly."""
    W1, b1, W2, b2 = v[:4].reshape(2, 2), v[4:6], v[6:8], v[8]
    hidden = 1 / (1 + np.exp(-(x @ W1 + b1)))
    p = 1 / (1 + np.exp(-(hidden @ W2 + b2)))
    return -np.log(p if y else 1 - p) + l2 * (np.sum(W1**2) + np.sum(W2**2))


def by_hand(x, y, l2, rate):
    """Return the nine numbers, their gradient by differences, and both after the update."""
    net = network.tiny_network(l2)
    arrays = zip(net.weights, net.biases, strict=True)
    v = np.concatenate([a.ravel() for pair in arrays for a in pair])
    rows = 1e-6 * np.eye(9)
    slope = [(loss_of(v + h, x, y, l2) - loss_of(v - h, x, y, l2)) / 2e-6 for h in rows]
    return v, np.array(slope), v - rate * np.array(slope)


def on_graph(explorer):
    """Return the lines of text at each of the twelve places: the values, and the gradients."""
    texts = [t.get_text().split("\n") for t in explorer.fig.axes[0].texts[15:]]
    return texts[::2], texts[1::2]


def read(lines, name):
    """Return the numbers behind a name, one for each place that has it."""
    return [float(w.removeprefix(name)) for words in lines for w in words if w.startswith(name)]


@pytest.mark.parametrize("point", network._POINTS)
@pytest.mark.parametrize("l2, rate", [(0, 1.0), (0.05, 0.3), (0.1, 5.0)])
def test_the_graph_shows_values_and_gradients_of_finite_differences(point, l2, rate):
    explorer = explore.backprop()
    at(explorer, point=point, l2=l2, rate=rate, step="update")
    x, y = np.array([int(point[1]), int(point[4])]), int(point[-1])
    assert y == x[0] ^ x[1], "this is not XOR"
    v, slope, new = by_hand(x, y, l2, rate)
    values, gradients = on_graph(explorer)
    z = x @ v[:4].reshape(2, 2) + v[4:6]
    a = 1 / (1 + np.exp(-z))
    z2 = a @ v[6:8] + v[8]
    after = {"x": x, "z": [*z, z2], "a": [*a, 1 / (1 + np.exp(-z2))]}
    for name, expected in after.items():
        assert read(values, name) == pytest.approx(expected, abs=6e-4), name
    fixed = [t.get_text().removeprefix("b ") for t in explorer.fig.axes[0].texts[6:15]]
    assert [float(word) for word in fixed] == pytest.approx([*v[4:6], v[8], *v[:4], *v[6:8]])
    loss = float(values[5][0])
    assert loss == pytest.approx(loss_of(v, x, y, l2), abs=6e-4)
    shown = [float(gradients[place][0]) for place in [*PLACES["W₁"], *PLACES["W₂"]]]
    assert shown == pytest.approx([*slope[:4], *slope[6:8]], abs=6e-4), "dW"
    assert read(gradients, "δ") == pytest.approx([*slope[4:6], slope[8]], abs=6e-4), "δ = db"
    assert read(values, "b →") == pytest.approx([*new[4:6], new[8]], abs=6e-4)
    updated = [loss_of(new, x, y, l2), *new[:4], *new[6:8]]
    assert read(values, "→") == pytest.approx(updated, abs=6e-4), "after the update"
    assert at(explorer)[-2:] == pytest.approx([loss, updated[0]], abs=6e-4), "the text"
    result = f"from {loss:.3f} to {read(values, '→')[0]:.3f}"
    assert explorer.fig.axes[1].texts[-1].get_text() == result


def test_an_update_of_a_moderate_rate_lowers_the_loss():
    explorer = explore.backprop()
    for point in network._POINTS:
        for l2 in (0, 0.05):
            before, after = at(explorer, point=point, l2=l2, rate=1.0)[-2:]
            assert after < before, f"{point}, l2 {l2}"


def test_each_step_adds_what_it_computes_and_lights_it_up():
    explorer, seen = explore.backprop(), []
    assert [value for _, value in explorer.controls["step"]._options_full] == STEPS
    for step in STEPS:
        at(explorer, step=step)
        values, gradients = on_graph(explorer)
        seen.append([len(words) * (words != [""]) for words in values + gradients])
    grown = [np.flatnonzero(row).tolist() for row in np.diff(seen, axis=0, prepend=0)]
    x, h, o, loss, W1, W2 = PLACES.values()
    add = [x, h, h, o, o, loss, o, W2, h, W1, h + o + loss + W1 + W2]
    gradient = [False] * 6 + [True] * 4 + [False]
    for step, places, more, back in zip(STEPS, add, grown, gradient, strict=True):
        assert more == [place + 12 * back for place in sorted(places)], f"added at {step}"
    lit = [x, h + W1, h, o + W2, o, loss, o, o + W2, h + W2, h + W1, h + o + loss + W1 + W2]
    _, *edges, _, rings = explorer.fig.axes[0].collections[:5]
    for step, places in zip(STEPS, lit, strict=True):
        at(explorer, step=step)
        nodes = [place for place in sorted(places) if place < 6]
        np.testing.assert_array_equal(rings.get_offsets(), network._NODES[nodes], step)
        lines = explorer.fig.axes[0].collections[3].get_segments()
        assert len(lines) == 2 * (len(places) - len(nodes)), f"edges at {step}"
        every = [s.tolist() for s in edges[0].get_segments()]
        wanted = [
            e for place in sorted(places) if place > 5 for e in (2 * place - 12, 2 * place - 11)
        ]
        assert [every.index(s.tolist()) for s in lines] == wanted, f"edges at {step}"


def test_the_equation_holds_with_its_numbers():
    explorer, net = explore.backprop(), network.tiny_network(0.05)
    at(explorer, point="(1, 0) → 1", l2=0.05, rate=1.0)
    X = np.array([[1.0, 0.0]])
    net.forward_propagation(X)
    (z1, z2), (_, a1, a2) = net.z_values, net.activations
    (dW1, dW2), (d1, d2) = net.gradients(X, [1])
    results = dict(zip(STEPS[1:5] + STEPS[6:10], [z1, a1, z2, a2, d2, dW2, d1, dW1], strict=True))
    for step, result in results.items():
        at(explorer, step=step)
        equation, numbers, *_ = (t.get_text() for t in explorer.fig.axes[1].texts)
        assert equation.startswith(f"{step} = ")
        last = numbers.split("\n= ")[-1].replace("[", " ").replace("]", " ").split()
        assert [float(word) for word in last] == pytest.approx(result.ravel(), abs=6e-4), step
        assert numbers in explorer.text.value


def two_units(w):
    """Return a 1-2-1 tanh network whose outgoing weights are 1, and its input."""
    X, y, names = data.load_breast_cancer()
    (x,) = data.standardize(X[:, [names.index("concavity error")]])
    net = RegularizedNeuralNetwork([1, 2, 1], activation="tanh", output="linear", rng=0)
    net.weights[0][...], net.weights[1][...] = [w], 1.0
    return net, x, np.where(y == 0, 1.0, -1.0)


def penalised(kind, strength, w):
    net, x, t = two_units(w)
    size = np.abs(w).sum() if kind == "L1" else np.square(w).sum()
    return net.compute_loss(net.forward_propagation(x), t) + strength * size


@pytest.mark.parametrize("kind", ["L1", "L2"])
def test_the_surface_is_the_loss_of_a_two_unit_network(kind):
    Z, rng = network.penalised(kind, 0.1), np.random.default_rng(0)
    for i, j in rng.integers(0, len(network._AXIS), (10, 2)):
        w = network._AXIS[[i, j]]
        assert Z[i, j] == pytest.approx(penalised(kind, 0.1, w)), f"at {w}"
        assert Z[i, j] == pytest.approx(Z[j, i]), "exchanged units have another loss"


@pytest.mark.parametrize("kind, strength", [("L1", 0.01), ("L1", 0.2), ("L2", 0.01), ("L2", 0.5)])
def test_the_least_loss_is_scipys(kind, strength):
    explorer = explore.loss_surface()
    shown = at(explorer, kind=kind, strength=strength)
    strength = explorer.controls["strength"].value
    found = min(
        (optimize.minimize(lambda w: penalised(kind, strength, w), start, method="Nelder-Mead",
                           options={"xatol": 1e-7, "fatol": 1e-12})
         for start in ([1.5, -0.3], [0.3, 0.3], [0.5, 0.01])),
        key=lambda result: result.fun,
    )  # fmt: skip
    least = np.sort(found.x)[::-1]
    assert shown[1] == pytest.approx(found.fun, abs=2e-3), "the grid's least loss"
    np.testing.assert_allclose(network.minimum(kind, strength), least, atol=5e-3)
    text = "exactly 0" in explorer.text.value.split("exchanged")[0]
    assert text == (network.minimum(kind, strength)[1] == 0)
    stars = line(explorer, "least loss")
    np.testing.assert_array_equal(stars, [least_of(explorer), least_of(explorer)[::-1]])


def least_of(explorer):
    """Return the two dots on the right at the present strength."""
    (dots,) = (a for a in explorer.fig.axes[1].lines if a.get_marker() == "o")
    return dots.get_ydata()


def test_l1_switches_a_unit_off_and_l2_merges_the_valleys():
    explorer = explore.loss_surface()
    for kind in ("L1", "L2"):
        at(explorer, kind=kind)
        larger, smaller = (line(explorer, f"the {name}") for name in ("larger", "smaller"))
        strengths = larger[0]
        expected = [network.minimum(kind, strength) for strength in strengths]
        np.testing.assert_array_equal(np.transpose([larger[1], smaller[1]]), expected)
        assert smaller[1][0] < -0.2 and larger[1][0] > 1.5, f"{kind}: no two valleys at first"
        if kind == "L1":
            off = smaller[1] == 0
            assert off[strengths > 0.14].all() and (larger[1][off] > 0.5).any()
            assert larger[1][-1] == 0, "and in the end both"
        else:
            assert (smaller[1] != 0).all() and (larger[1] > 0.1).all()
            np.testing.assert_allclose(
                *[w[1][strengths > 0.45] for w in (larger, smaller)], atol=2e-3
            )


@pytest.mark.parametrize("kind", ["L1", "L2"])
def test_the_descent_is_the_networks_gradient_and_the_proximal_step(kind):
    explorer = explore.loss_surface()
    shown = at(explorer, kind=kind, strength=0.1, w1=2.0, w2=-1.0)
    strength, w = explorer.controls["strength"].value, np.array([2.0, -1.0])
    path = [w]
    for _ in range(60):
        net, x, t = two_units(w)
        w = w - 0.2 * net.gradients(x, t)[0][0][0]
        shrunk = np.sign(w) * np.maximum(np.abs(w) - 0.2 * strength, 0)
        w = shrunk if kind == "L1" else w / (1 + 0.4 * strength)
        path.append(w)
    np.testing.assert_allclose(line(explorer, "60 steps of descent").T, path, atol=1e-9)
    ends = [float(n) for n in path[-1].round(3) if n]
    assert shown[-len(ends) :] == pytest.approx(ends, abs=6e-4)


def test_the_rings_are_at_the_stated_heights():
    explorer = explore.loss_surface()
    for kind in ("L1", "L2"):
        at(explorer, kind=kind, strength=0.03)
        strength, rings = explorer.controls["strength"].value, explorer.fig.axes[0].collections[0]
        heights = network._HEIGHTS + network.penalised(kind, strength).min()
        for ring in rings.get_segments()[::4]:
            one = penalised(kind, strength, ring[len(ring) // 3])
            assert np.abs(heights - one).min() < 0.01, f"{kind}: a ring at {one}"


OPTIONS = {
    "L1": {"l1": 0.003}, "L2": {"l2": 0.003}, "max-norm": {"max_norm": 1.5},
    "dropout": {"dropout": 0.2}, "DropConnect": {"dropconnect": 0.2},
    "input noise": {"input_noise": 0.2}, "label smoothing": {"label_smoothing": 0.2},
    "mixup": {"augment": MixUp(1.0)}, "early stopping": {},
}  # fmt: skip


def moons_net(names):
    """Return the network of `switches` after training, and its three numbers."""
    rng = np.random.default_rng(0)
    X, y = data.two_moons(60, 0.2, rng)
    given = data.flip_labels(y, 0.2, rng)
    X_test, y_test = data.two_moons(1000, 0.2, rng)
    options = {key: value for name in names for key, value in OPTIONS[name].items()}
    net = RegularizedNeuralNetwork(
        [2, 32, 32, 1], activation="relu", loss="binary_cross_entropy", init="he",
        optimizer="adam", rng=np.random.default_rng(0), **options,
    )  # fmt: skip
    stop = {}
    if "early stopping" in names:
        stop = {"validation_data": data.two_moons(100, 0.2, np.random.default_rng(1))}
        stop["patience"] = 20
    net.fit(X, given, epochs=80, batch_size=60, learning_rate=0.05, **stop)
    norm = np.sqrt(sum(np.sum(W**2) for W in net.weights))
    accuracies = np.mean(net.predict(X) == given), np.mean(net.predict(X_test) == y_test)
    return net, [*accuracies, norm]


@pytest.mark.parametrize(
    "names", [(), *[(name,) for name in OPTIONS], ("L2", "dropout"), tuple(OPTIONS)], ids="+".join
)
def test_each_switch_turns_on_what_it_says(names):
    explorer = explore.switches()
    assert list(explorer.controls) == list(OPTIONS)
    shown = at(explorer, **dict.fromkeys(names, True))
    net, expected = moons_net(names)
    assert shown[:2] == pytest.approx(expected[:2], abs=6e-4), names
    assert shown[2] == pytest.approx(expected[2], abs=6e-2), names
    assert (" + ".join(names) or "All off") + ": training" in explorer.text.value
    area = explorer.fig.axes[1].images[0].get_array()
    corner = net.predict_proba(np.array([[ACROSS[0], UP[-1]]]))[0, 1]
    assert area[-1, 0] == pytest.approx(corner), "rows of the picture are not from below"
    before, edge = (ax.lines[-1].get_xydata() for ax in explorer.fig.axes)
    edge = edge[np.isfinite(edge).all(axis=1)]
    step = ACROSS[1] - ACROSS[0]
    around = edge[:, None] + step * np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)])
    classes = net.predict(around.reshape(-1, 2)).reshape(-1, 9)
    # Not all: an island may be narrower than a step of the grid.
    separates = classes.min(axis=1) < classes.max(axis=1)
    assert separates.mean() > 0.95, "the line separates nothing"
    if names:
        assert shown[3:5] == pytest.approx(moons_net(())[1][:2], abs=6e-4), "all off"
        assert explorer.fig.axes[0].images[0].get_array()[-1, 0] != pytest.approx(corner)
        assert len(before) != len(edge), "no other boundary than with all off"
    else:
        np.testing.assert_array_equal(before[np.isfinite(before).all(axis=1)], edge)


def test_all_off_learns_the_wrong_labels_and_l2_does_not():
    rng = np.random.default_rng(0)
    X, y = data.two_moons(60, 0.2, rng)
    wrong = data.flip_labels(y, 0.2, rng) != y
    plain, smooth = (moons_net(names)[0].predict(X) != y for names in ((), ("L2",)))
    assert plain[wrong].mean() > 0.5 > 0.3 > smooth[wrong].mean()


def patients_fit(rate, kind, strength):
    """Return the losses after each epoch, or the message with which training stopped."""
    X, y, _ = data.load_diabetes()
    (X, y), (X_val, y_val) = data.split(X, y, (40, 402), np.random.default_rng(21))
    X, X_val = data.standardize(X, X_val)
    y, y_val = ((v - y.mean()) / y.std() for v in (y, y_val))
    net = RegularizedNeuralNetwork(
        [10, 32, 1], activation="relu", output="linear", init="he", rng=np.random.default_rng(0),
        **{kind.lower(): strength},
    )  # fmt: skip
    try:
        history = net.fit(X, y, 120, 40, rate, validation_data=(X_val, y_val))
    except FloatingPointError as error:
        return str(error)
    return np.array([history["data_loss"], history["val_loss"]])


@pytest.mark.parametrize(
    "rate, kind, strength", [(0.03, "L2", 0), (0.1, "L2", 0.1), (0.1, "L1", 0.03), (0.2, "L2", 0.3)]
)
def test_the_curves_are_those_of_a_fit(rate, kind, strength):
    explorer = explore.training_curves()
    shown = at(explorer, rate=rate, kind=kind, strength=strength)
    train, validation = patients_fit(rate, kind, strength)
    k = validation.argmin()
    expected = [rate, strength, 120, train[-1], validation[-1], validation[k], k + 1]
    assert shown == pytest.approx(expected, abs=6e-4)
    for label, losses in (("training", train), ("validation", validation)):
        epochs, heights = line(explorer, label)
        np.testing.assert_array_equal(epochs, np.arange(1, 121))
        np.testing.assert_allclose(heights, losses, rtol=1e-6, err_msg=label)
    assert line(explorer, "least validation loss")[0, 0] == k + 1
    assert explorer.fig.axes[0].texts[0].get_text() == ""


@pytest.mark.parametrize("rate, strength", [(0.2, 0), (0.3, 0.1), (1, 0.3)])
def test_divergence_is_shown_as_the_error_that_fit_raises(rate, strength):
    explorer = explore.training_curves()
    at(explorer, rate=rate, strength=strength)
    message = patients_fit(rate, "L2", strength)
    assert message.startswith("the loss became"), "the fit did not fail"
    assert message in explorer.text.value
    assert "FloatingPointError" in explorer.fig.axes[0].texts[0].get_text()
    epochs, heights = line(explorer, "training")
    assert f"in epoch {len(epochs)}:" in message, "the curve ends elsewhere than training"
    assert np.isfinite(heights).all() and heights[-1] > 20
    assert np.isnan(line(explorer, "least validation loss")[1]).all()


def test_curves_do_what_the_alternative_text_says():
    free, middle, bound = (network.curve(0.1, "L2", l2)[0] for l2 in (0, 0.1, 1))
    assert free[-1, 0] < 0.2 and free[-1, 1] > 1.3 * free[:, 1].min()
    assert middle[-1, 1] < 1.02 * middle[:, 1].min() < 0.7
    assert bound[-1].min() > 0.85
    slow = network.curve(0.003, "L2", 0)[0]
    assert slow[:, 1].argmin() == len(slow) - 1 and slow[-1, 0] > 2 * free[-1, 0]
