"""The numbers that the explorers of noise show, each computed a second time by another way."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from scipy import optimize, stats
from scipy.special import log_softmax
from test_explore_numbers import numbers

from reglib import RegularizedNeuralNetwork, data, explore
from reglib.explore import boundaries, noise
from reglib.explore.boundaries import ACROSS, UP
from reglib.style import BLUE


def at(explorer, **values):
    """Return the explorer's numbers at these settings of its controls."""
    for name, value in values.items():
        explorer.controls[name].value = value
    return numbers(explorer)


def line(explorer, label):
    """Return x and y of the line with this label."""
    (found,) = (a for ax in explorer.fig.axes for a in ax.lines if a.get_label() == label)
    return np.array(found.get_data())


def thinned_by_hand(kind, masks):
    """Return the output of one thinned network, masks on the activations or on the weights."""
    net, a = noise._scores()
    for i, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        if kind == noise._KINDS[0]:
            z = (a * masks[i]) @ W + b[0]
        else:
            z = a @ (W * masks[i]) + b[0]
        a = np.tanh(z)
    return z[0]


@pytest.mark.parametrize("kind", noise._KINDS)
@pytest.mark.parametrize("place", noise._PLACES)
def test_each_thinned_network_is_the_one_drawn(kind, place):
    masks, outputs = noise.thinned(kind, place, 0.5)
    units = kind == noise._KINDS[0]
    for draw in (1, 3, 30):
        one = [M[draw - 1, :, 0] if units else M[draw - 1] for M in masks]
        dropped = sum(int((m == 0).sum()) for m in one)
        assert {v for m in one for v in m.ravel()} <= {0.0, 1.0, 2.0}
        assert (one[0] == 1).all() or not units, "an input was dropped"
        shown = at(explore.thinned_network(), kind=kind, place=place, p=0.5, draw=draw)
        expected = [draw, dropped, thinned_by_hand(kind, one)]
        assert shown[:3] == pytest.approx(expected, abs=6e-4), f"{kind}, {place}, draw {draw}"
        error = outputs.std() / 4000**0.5
        assert shown[5:7] == pytest.approx([outputs.mean(), error], abs=6e-4)


@pytest.mark.parametrize("kind", noise._KINDS)
def test_the_thinned_network_is_drawn_as_the_text_says(kind):
    explorer = explore.thinned_network()
    _, dropped, output, *_, mean, _, whole = at(explorer, kind=kind, p=0.4, draw=7)
    for label, x in (("this draw", output), ("mean of draws", mean), ("nothing dropped", whole)):
        assert line(explorer, label)[0, 0] == pytest.approx(x, abs=6e-4), label
    masks = [M[6] for M in noise.thinned(kind, "every layer", 0.4)[0]]
    units = kind == noise._KINDS[0]
    scale = np.concatenate([M.ravel() for M in masks])
    if units:  # a dropped unit loses the lines that come to it as well
        into = [np.broadcast_to(N[:, 0] != 0, M.shape) for M, N in itertools.pairwise(masks)]
        scale[:35] *= np.concatenate([on.ravel() for on in into])
    graph, ax = explorer.fig.axes
    dotted = np.array([dashes is not None for _, dashes in graph.collections[0].get_linestyle()])
    np.testing.assert_array_equal(dotted, scale == 0, "other lines are dotted than are dropped")
    weights = np.concatenate([W.ravel() for W in noise._scores()[0].weights])
    widths = np.array(graph.collections[0].get_linewidth())
    np.testing.assert_allclose(widths[~dotted], (2 * np.abs(weights) * scale)[~dotted])
    blue = (graph.collections[0].get_color() == to_rgba(BLUE)).all(axis=1)
    np.testing.assert_array_equal(blue[~dotted], weights[~dotted] > 0, "the colour of the sign")
    assert graph.lines[0].get_xdata().size == (dropped if units else 0), "units crossed out"
    assert graph.texts[0].get_text() == "draw 7: survivors × 1.67"
    for p in (0.4, 0.8):  # at 0.8 some lie beyond the ends
        at(explorer, p=p)
        heights, edges, _ = ax.patches[0].get_data()
        outputs = noise.thinned(kind, "every layer", p)[1]
        below = [np.mean(outputs < edge) for edge in edges[1:-1]] + [1]
        np.testing.assert_allclose(heights.cumsum() / heights.sum(), below, err_msg=f"at p = {p}")


def every_mean(p, kept):
    """Return the mean output over every mask of the hidden units, weighted by its probability."""
    total = 0
    for bits in itertools.product([0, 1], repeat=9 - kept):
        chance = np.prod([1 - p if bit else p for bit in bits])
        scaled = np.concatenate([np.ones(kept), np.array(bits) / (1 - p)])
        masks = [np.ones(3), scaled[:5], scaled[5:]]
        total += chance * thinned_by_hand(noise._KINDS[0], masks)
    return total


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_the_mean_is_evaluation_exactly_after_a_linear_layer_and_not_otherwise(p):
    explorer = explore.thinned_network()
    *_, mean, error, whole = at(explorer, place="the last layer alone", p=p)
    net, x = noise._scores()
    assert whole == pytest.approx(net.predict(x[None])[0], abs=6e-4)
    assert every_mean(p, kept=5) == pytest.approx(net.predict(x[None])[0], abs=1e-12)
    assert abs(mean - whole) < 5 * error + 1e-3, "the draws are not those of the text"
    *_, mean, error, _ = at(explorer, place="every layer", p=p)
    assert abs(mean - every_mean(p, kept=0)) < 5 * error + 1e-3
    assert abs(every_mean(p, kept=0) - whole) > 0.05, "the text's 'need not agree' shows nowhere"


@pytest.mark.parametrize("kind", noise._KINDS)
def test_a_larger_p_only_drops_more_of_the_same_draw(kind):
    few, many = (noise.thinned(kind, "every layer", p)[0] for p in (0.3, 0.6))
    for a, b in zip(few, many, strict=True):
        assert not ((a == 0) & (b != 0)).any(), "a larger p brought something back"


def moons_net(seed, p, stddev, X, y):
    """Return the network of the two moons after training, written out once more."""
    net = RegularizedNeuralNetwork(
        [2, 32, 32, 1], activation="relu", output="sigmoid", loss="binary_cross_entropy",
        init="he", optimizer="adam", dropout=p, input_noise=stddev,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    net.fit(X, y, epochs=300, batch_size=60, learning_rate=0.02)
    return net


@pytest.mark.parametrize("p, stddev", [(0, 0), (0.4, 0), (0.2, 0.3)])
def test_the_boundary_and_its_accuracies_are_those_of_the_fit(p, stddev):
    rng = np.random.default_rng(0)
    X, y = data.two_moons(60, 0.2, rng)
    given = data.flip_labels(y, 0.2, rng)
    X_test, y_test = data.two_moons(1000, 0.2, rng)
    net = moons_net(0, p, stddev, X, given)
    shown = at(explore.noise_boundary(), p=p, stddev=stddev)
    right = [np.mean(net.predict(X) == given), 60, np.sum(given != y)]
    assert shown[:5] == pytest.approx([p, stddev, *right], abs=6e-4)
    assert shown[5] == pytest.approx(np.mean(net.predict(X_test) == y_test), abs=6e-4)
    share, edge, *_ = boundaries.boundary_fit(dropout=p, input_noise=stddev)
    corner = net.predict_proba(np.array([[ACROSS[0], UP[-1]]]))[0, 1]
    assert share[-1, 0] == pytest.approx(corner), "rows of the picture are not from below"
    edge = edge[np.isfinite(edge).all(axis=1)]
    step = ACROSS[1] - ACROSS[0]
    around = edge[:, None] + step * np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)])
    classes = net.predict(around.reshape(-1, 2)).reshape(-1, 9)
    assert (classes.min(axis=1) < classes.max(axis=1)).all(), "the line separates nothing"


def test_the_boundary_is_drawn_beside_every_p_at_this_noise():
    explorer = explore.noise_boundary()
    for stddev in (0, 0.2):
        shown = [at(explorer, p=p, stddev=stddev) for p in boundaries._PS]
        for label, i in (("training", 2), ("test", 5)):
            expected = [boundaries._PS, [numbers[i] for numbers in shown]]
            np.testing.assert_allclose(line(explorer, label), expected, atol=6e-4, err_msg=label)
        share, edge, *_ = boundaries.boundary_fit(dropout=boundaries._PS[-1], input_noise=stddev)
        np.testing.assert_array_equal(line(explorer, "boundary").T, edge, "boundary")
        np.testing.assert_array_equal(explorer.fig.axes[0].images[0].get_array(), share, "shades")


def test_noise_smooths_the_boundary_and_in_the_end_too_much_on_other_seeds_as_well():
    settings = {"plain": (0, 0), "dropout": (0.4, 0), "noise": (0, 0.2), "both, much": (0.8, 0.5)}
    test = {name: [] for name in settings}
    for seed in range(1, 7):
        rng = np.random.default_rng(seed)
        X, y = data.two_moons(60, 0.2, rng)
        y = data.flip_labels(y, 0.2, rng)
        X_test, y_test = data.two_moons(1000, 0.2, rng)
        for name, (p, stddev) in settings.items():
            net = moons_net(seed, p, stddev, X, y)
            test[name].append(np.mean(net.predict(X_test) == y_test))
    mean = {name: np.mean(values) for name, values in test.items()}
    assert mean["plain"] + 0.02 < mean["dropout"], test
    assert mean["plain"] + 0.02 < mean["noise"], test
    assert mean["both, much"] + 0.02 < mean["noise"], test


@pytest.mark.parametrize("alpha, k", [(0.01, 10), (0.1, 2), (0.3, 5), (1.0, 3)])
def test_the_softened_label_wants_the_gap_that_scipy_finds(alpha, k):
    label = np.full(k, alpha / k) + (1 - alpha) * np.eye(k)[0]
    least = optimize.minimize_scalar(
        lambda gap: -label @ log_softmax(gap * np.eye(k)[0]), bounds=(-1, 12), method="bounded",
        options={"xatol": 1e-7},
    )  # fmt: skip
    shown = at(explore.label_smoothing(), alpha=alpha, k=k)
    assert shown[:4] == pytest.approx([k, label[0], label[1], least.fun], abs=6e-4)
    assert shown[-1] == pytest.approx(least.x, abs=6e-3)


def test_both_losses_and_the_softened_label_are_drawn():
    explorer = explore.label_smoothing()
    at(explorer, alpha=0.2, k=4)
    targets = {"hard label": np.eye(4)[0], "softened label": np.array([0.85, 0.05, 0.05, 0.05])}
    for label, target in targets.items():
        gaps, losses = line(explorer, label)
        expected = [-target @ log_softmax(gap * np.eye(4)[0]) for gap in gaps]
        np.testing.assert_allclose(losses, expected, atol=1e-12, err_msg=label)
    heights = [bar.get_height() for bar in explorer.fig.axes[0].patches]
    assert heights == pytest.approx([*targets["softened label"], *[0] * 6])


def test_the_hard_labels_loss_falls_without_end():
    explorer = explore.label_smoothing()
    shown = at(explorer, alpha=0, k=10)
    assert shown[3:] == pytest.approx([-log_softmax(9 * np.eye(10)[0])[0], 9], abs=6e-6)
    assert "falls for ever" in explorer.text.value
    gaps = np.linspace(-1, 30, 100)
    losses = noise.smoothed_loss(gaps, np.eye(10)[0])
    assert (np.diff(losses) < 0).all()
    one_by_one = [-log_softmax(gap * np.eye(10)[0])[0] for gap in gaps]
    np.testing.assert_allclose(losses, one_by_one, rtol=1e-7, atol=1e-14)


def digits_net(seed, wrong, **options):
    """Return the standard recipe's network after training, and its test digits."""
    (X, y), _, test = data.noisy_digits(p=wrong, rng=np.random.default_rng(seed))
    net = RegularizedNeuralNetwork(
        [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy", init="he",
        momentum=0.9, rng=np.random.default_rng(seed), **options,
    )  # fmt: skip
    net.fit(X, y, epochs=60, batch_size=32, learning_rate=0.1)
    return net, *test


def calibration_error(net, X, y):
    """Return mean confidence, accuracy and expected calibration error, bin by bin."""
    P = net.predict_proba(X)
    sure, right = P.max(axis=1), P.argmax(axis=1) == y
    error = 0
    for low in range(10):
        inside = (sure >= low / 10) & ((sure < (low + 1) / 10) | (low == 9))
        if inside.any():
            error += inside.mean() * abs(sure[inside].mean() - right[inside].mean())
    return sure.mean(), right.mean(), error


@pytest.mark.parametrize("labels, alpha", [("a fifth redrawn", 0.05), ("all correct", 0)])
def test_calibration_is_that_of_the_standard_recipe(labels, alpha):
    wrong = {"a fifth redrawn": 0.2, "all correct": 0.0}[labels]
    expected = calibration_error(*digits_net(0, wrong, label_smoothing=alpha))
    shown = at(explore.calibration(), labels=labels, alpha=alpha)
    assert [shown[0], *shown[1:3], shown[5]] == pytest.approx([alpha, *expected], abs=6e-4)
    assert shown[3:5] == [1, 247], "the number of test digits"


@pytest.mark.parametrize("labels", noise._LABELS)
def test_dots_and_squares_of_the_calibration_are_those_of_the_text(labels):
    explorer = explore.calibration()
    errors = []
    for alpha in noise._ALPHAS:
        _, sure, right, _, _, error = at(explorer, labels=labels, alpha=alpha)
        dots = explorer.fig.axes[0].collections[0]
        (x, y), share = dots.get_offsets().T, dots.get_sizes() / 1247
        drawn = [share.sum(), share @ x, share @ y, share @ np.abs(x - y)]
        assert drawn == pytest.approx([1, sure, right, error], abs=6e-4), f"dots at {alpha}"
        errors.append(error)
    squares = explorer.fig.axes[1].lines[0].get_data()
    np.testing.assert_allclose(squares, [noise._ALPHAS, errors], atol=6e-4)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_little_smoothing_calibrates_after_noisy_labels_and_not_after_correct_ones(seed):
    none, some, much = (
        calibration_error(*digits_net(seed, 0.2, label_smoothing=a)) for a in (0, 0.05, 0.2)
    )
    assert none[0] > none[1] + 0.02, "without smoothing the network is not too sure"
    assert much[0] < much[1] - 0.1, "with much it is not too modest"
    assert max(some[2], none[2]) < much[2]
    clean, smoothed = (
        calibration_error(*digits_net(seed, 0.0, label_smoothing=a)) for a in (0, 0.05)
    )
    assert clean[2] < smoothed[2] - 0.02, "smoothing helped where labels are correct"


def test_a_little_smoothing_has_the_least_calibration_error_on_average():
    fits = [
        [calibration_error(*digits_net(s, 0.2, label_smoothing=a))[2] for a in (0, 0.05, 0.2)]
        for s in range(1, 5)
    ]
    none, some, much = np.mean(fits, axis=0)
    assert some + 0.01 < none < much, fits


@pytest.mark.parametrize("digit, angle", [(1, 60), (7, -35), (2, 90)])
def test_doubt_is_that_of_a_hundred_masks_one_by_one(digit, angle):
    net, X, y = digits_net(0, 0.0, dropout=0.5)
    first = next(
        i for i in range(len(y)) if y[i] == digit and net.predict(X[i : i + 1])[0] == digit
    )
    (picture,), (one,), (many,) = noise.turned(digit, (angle,))
    if angle == 90:
        np.testing.assert_allclose(picture, np.rot90(X[first].reshape(8, 8)), atol=1e-12)
    np.testing.assert_allclose(one, net.predict_proba(picture.reshape(1, 64))[0], rtol=1e-9)
    hidden = np.maximum(picture.ravel() @ net.weights[0] + net.biases[0][0], 0)
    rng = np.random.default_rng(0)
    masks = rng.random((100, 128)) >= 0.5
    by_hand = [
        np.exp(log_softmax((2 * m * hidden) @ net.weights[1] + net.biases[1][0])) for m in masks
    ]
    np.testing.assert_allclose(many, by_hand, rtol=1e-9, atol=1e-12)
    top, of_top = one.argmax(), many[:, one.argmax()]
    others = sum(int(np.argmax(row) != top) for row in by_hand)
    doubt = stats.entropy(np.mean(by_hand, axis=0))
    expected = [digit, angle, top, one[top], stats.entropy(one), 100, of_top.mean(), of_top.std()]
    shown = at(explore.dropout_doubt(), digit=digit, angle=angle)
    assert shown == pytest.approx([*expected, others, doubt, np.log(10)], abs=6e-3)


def test_doubt_is_drawn_as_the_text_says():
    explorer = explore.dropout_doubt()
    for i in (0, 20, 45):
        angle = noise._ANGLES[i]
        shown = at(explorer, digit=3, angle=angle)
        for label, entropy in (("one pass", shown[4]), ("the masks' mean", shown[9])):
            x, y = line(explorer, f"entropy of {label}")[:, i]
            assert [x, y] == pytest.approx([angle, entropy], abs=6e-3), (label, angle)
        (picture,), (one,), (many,) = noise.turned(3, (angle,))
        view, classes, _ = explorer.fig.axes
        np.testing.assert_array_equal(view.images[0].get_array(), picture, "the digit")
        np.testing.assert_array_equal(classes.patches[0].get_data()[0], one, "bars")
        across, up = line(explorer, "100 masks").reshape(2, 100, 10)
        np.testing.assert_array_equal(up, many, "dots")
        assert (np.abs(across - np.arange(10)) < 0.5).all(), "a dot stands beside another class"


def test_masks_doubt_more_than_one_pass_and_not_always_where_they_should():
    higher = []
    for digit in range(10):
        _, one, many = noise.turned(digit, noise._ANGLES)
        assert one[noise._ANGLES.index(0)].argmax() == digit, "not recognised upright"
        higher.extend(stats.entropy(many.mean(axis=1), axis=1) > stats.entropy(one, axis=1))
    assert np.mean(higher) > 0.9
    _, (sure,), (masks,) = noise.turned(2, (85,))
    assert sure.argmax() != 2 and stats.entropy(masks.mean(axis=0)) < 0.2
