"""What the explorers of pictures show and say, each computed a second time by another way."""

import re
from functools import cache

import numpy as np
import pytest
from scipy import ndimage, special

from reglib import MixUp, RegularizedNeuralNetwork, data, explore
from reglib.explore import boundaries, image
from reglib.explore.boundaries import ACROSS, UP
from reglib.explore.noise import digits_fit

SIDE = image.SIDE
LUMA = np.array([0.299, 0.587, 0.114])


@cache
def opened(name):
    """Return one explorer for all tests that set every control of it."""
    return getattr(explore, name)()


def told(explorer, **values):
    """Return the numbers in the explorer's text at these settings of its controls."""
    for name, value in values.items():
        explorer.controls[name].value = value
    text = re.sub(r"<[^>]*>|(?<=\d),(?=\d{3})", "", explorer.text.value)
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?", text)]


def views(explorer):
    """Return the pictures that are shown, from left to right."""
    return [np.array(ax.images[0].get_array()) for ax in explorer.fig.axes if ax.images]


def heights(container):
    return [bar.get_height() for bar in container]


def inside(line):
    """Return which pixels have their centre in the box that a line goes round."""
    x, y = line.get_data()
    at = (np.arange(SIDE) + 0.5) / SIDE
    rows, columns = (at > min(y)) & (at < max(y)), (at > min(x)) & (at < max(x))
    return rows[:, None] & columns


@pytest.mark.parametrize("name, which, left", [("temple", 0, 0), ("flower", 1, 98)])
def test_the_photograph_is_a_square_of_the_bundled_one(name, which, left):
    picture = image.photo(name)
    assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.float32
    assert 0 <= picture.min() and picture.max() <= 1
    square = data.load_photos()[which, 6:422, left : left + 416]
    cells = [p.reshape(8, len(p) // 8, 8, -1, 3).mean(axis=(1, 3)) for p in (square, picture)]
    np.testing.assert_allclose(*cells, atol=0.01, err_msg="not the same part, or not its colours")


def test_a_digit_is_shown_in_dark_squares_on_white():
    picture = image.photo("3")
    X, y = data.load_digits()
    small = 1 - picture[SIDE // 16 :: SIDE // 8, SIDE // 16 :: SIDE // 8, 0].ravel()
    (known,) = np.flatnonzero(np.isclose(X, small, atol=1e-6).all(axis=1))
    assert y[known] == 3
    large = small.reshape(8, 8).repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1)
    np.testing.assert_allclose(picture, np.stack([1 - large] * 3, axis=-1), atol=1e-6)


def by_scipy(picture, angle, factor):
    """Return a picture (h, w, c) shrunk, then turned, then enlarged, channel by channel."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn, centre = np.array([[cos, sin], [-sin, cos]]), (np.array(picture.shape[:2]) - 1) / 2
    for M in (np.eye(2) / min(factor, 1), turn, np.eye(2) / max(factor, 1)):
        channels = [
            ndimage.affine_transform(c, M, centre - M @ centre, order=1, mode="grid-constant")
            for c in np.moveaxis(picture, -1, 0)
        ]
        picture = np.stack(channels, axis=-1)
    return picture


MOVES = [
    {"flip": "none", "angle": -20, "factor": 1, "across": 0, "down": 0},
    {"flip": "left-right", "angle": 30, "factor": 0.7, "across": 1, "down": 0},
    {"flip": "up-down", "angle": 0, "factor": 1.3, "across": 0, "down": -1},
    {"flip": "both", "angle": -75, "factor": 1.1, "across": -1, "down": 1},
]


def moved_by_hand(picture, flip, angle, factor, across, down):
    """Return a picture flipped, transformed by SciPy, and shifted against the window."""
    picture = picture[:, ::-1] if flip in ("left-right", "both") else picture
    picture = picture[::-1] if flip in ("up-down", "both") else picture
    eighth = len(picture) // 8
    new = by_scipy(picture, angle, factor)
    return ndimage.shift(new, (-down * eighth, -across * eighth, 0), order=0)


@pytest.mark.parametrize("how", MOVES)
def test_photograph_and_digit_are_moved_as_scipy_moves_them(how):
    explorer = opened("geometric_transform")
    digit, top, sure, label, n, moved_right, right = told(explorer, digit=2, **how)
    net, X, y = digits_fit(0.0)
    X, y, known = X[:400], y[:400], net.predict(X[:400])
    one = next(i for i in range(400) if y[i] == 2 and known[i] == 2)
    before, after, small, turned = views(explorer)
    temple = image.photo("temple").astype(float)
    np.testing.assert_array_equal(before, image.photo("temple"))
    np.testing.assert_allclose(after, moved_by_hand(temple, **how), atol=1e-4, err_msg="photograph")
    new = np.array([moved_by_hand(x.reshape(8, 8, 1), **how) for x in X])
    np.testing.assert_allclose(small[..., 0], 1 - X[one].reshape(8, 8), atol=1e-6)
    np.testing.assert_allclose(turned[..., 1], 1 - new[one, ..., 0], atol=1e-6, err_msg="digit")
    P = net.predict_proba(new.reshape(400, 64))
    assert [digit, top, label, n] == [2, P[one].argmax(), 2, 400]
    shares = [P[one].max(), np.mean(P.argmax(axis=1) == y), np.mean(known == y)]
    assert [sure, moved_right, right] == pytest.approx(shares, abs=6e-4)
    bars, own = explorer.fig.axes[4].containers
    assert heights(bars) == pytest.approx(P[one]), "bars"
    assert heights(own) == pytest.approx(P[one] * (np.arange(10) == 2)), "the label's bar"


@pytest.mark.parametrize("how", MOVES)
def test_the_outline_goes_where_the_picture_goes(how):
    explorer = opened("geometric_transform")
    told(explorer, digit=2, **how)
    start = np.array([0.4, 0.3])  # a spot at this share of the width and of the height
    spot = np.zeros((1, SIDE, SIDE, 1))
    rows, columns = (slice(round(SIDE * s) - 4, round(SIDE * s) + 4) for s in start[::-1])
    spot[:, rows, columns] = 1
    y, x, _ = ndimage.center_of_mass(image.moved(spot, **how)[0])
    for ax in explorer.fig.axes[1:4:2]:
        (line,) = ax.lines
        corners = np.array(line.get_data()).T
        there = corners[0] + start @ (corners[[1, 3]] - corners[0])
        assert (np.array([x, y]) + 0.5) / SIDE == pytest.approx(there, abs=0.005)
        assert (corners[4] == corners[0]).all(), "the outline is not closed"


def test_the_caption_is_right_about_the_six():
    explorer = explore.geometric_transform()
    assert told(explorer)[:2] == [6, 8], "the network reads the start's 6 after all"
    assert told(explorer, angle=-180)[1] == 9, "turned upside down it is no 9"
    net, X, y = digits_fit(0.0)
    sixes = image.moved(X[y == 6].reshape(-1, 8, 8, 1), "none", 180, 1, 0, 0)
    assert np.mean(net.predict(sixes) == 9) > 0.5, "most others are no 9"


@pytest.mark.parametrize(
    "name, factors",
    [("temple", (1.3, 1, 1)), ("flower", (0.6, 1.8, 0)), ("flower", (1.5, 0.4, 2)),
     ("temple", (2, 2, 1.5)), ("flower", (1, 0, 1))],
)  # fmt: skip
def test_colours_histogram_and_clipping_are_those_of_the_formulas(name, factors):
    old = image.photo(name).astype(float)
    new = np.clip(old * factors[0], 0, 1)
    new = np.clip((new @ LUMA).mean() + factors[1] * (new - (new @ LUMA).mean()), 0, 1)
    grey = (new @ LUMA)[..., None]
    new = np.clip(grey + factors[2] * (new - grey), 0, 1)
    explorer = opened("color_transform")
    keys = ("brightness", "contrast", "saturation")
    said = told(explorer, photograph=name, **dict(zip(keys, factors, strict=True)))
    left, right = views(explorer)
    np.testing.assert_array_equal(left, image.photo(name))
    np.testing.assert_allclose(right, new, atol=1e-5)
    expected = [(old @ LUMA).mean(), (new @ LUMA).mean()]
    assert said[:2] == pytest.approx(expected, abs=6e-4), "mean luma"
    ends = [100 * np.mean(p == end) for p in (right, left) for end in (0, 1)]
    assert [said[i] for i in (2, 4, 6, 7)] == pytest.approx(ends, abs=0.06), "clipped values"
    assert said[3] == 0 and said[5] == 1
    ax = explorer.fig.axes[2]
    assert ax.lines[0].get_xdata() == pytest.approx([expected[1]] * 2), "the line at mean luma"
    for channel, patch in enumerate(ax.patches):
        share, edges, _ = patch.get_data()
        below = [np.mean(right[..., channel] < edge) for edge in edges[1:-1]] + [1]
        np.testing.assert_allclose(np.cumsum(share), below, err_msg=patch.get_label())
    assert [patch.get_label() for patch in ax.patches] == ["red", "green", "blue"]


PLACES = [(0.5, 0.4), (0, 0), (1, 0.5), (0.93, 0.97)]


@pytest.mark.parametrize("across, down", PLACES)
@pytest.mark.parametrize("area, ratio", [(0.2, 1.0), (0.33, 0.3), (0.02, 3.3)])
def test_the_erased_share_is_that_of_the_pixels(area, ratio, across, down):
    explorer = opened("random_erasing")
    settings = {"area": area, "ratio": ratio, "across": across, "down": down}
    said = told(explorer, photograph="flower", **settings)
    box = inside(explorer.fig.axes[0].lines[0])
    old, new = views(explorer)
    np.testing.assert_array_equal(old, image.photo("flower"))
    np.testing.assert_array_equal(new, np.where(box[..., None], 0, old), "not the box is black")
    asked, height, width, n, total, share, seen = said
    assert [n, total] == [box.sum(), SIDE**2]
    assert [asked, share, seen] == pytest.approx(
        [100 * area, 100 * box.mean(), 100 - 100 * box.mean()], abs=0.06
    )
    side = SIDE * np.sqrt([area * ratio, area / ratio])
    assert [height, width] == pytest.approx(side, abs=0.51), "a side is more than rounded"
    x, y = explorer.fig.axes[0].lines[0].get_data()
    at = [(min(x) + max(x)) / 2, (min(y) + max(y)) / 2]
    assert at == pytest.approx([across, down], abs=1.01 / SIDE), "the box's centre"
    (bars,) = explorer.fig.axes[2].containers
    assert heights(bars) == pytest.approx([area, box.mean(), 1 - box.mean(), 1])


@pytest.mark.parametrize("pair", image._PAIRS)
@pytest.mark.parametrize("lam", [0, 0.3, 0.5, 0.88, 1])
def test_mixup_shows_the_weighted_mean_and_its_label(pair, lam):
    explorer = opened("mixup")
    said = told(explorer, pair=pair, lam=lam)
    one, two = pair.split(" and ")
    first, second, mixed = views(explorer)
    np.testing.assert_array_equal(first, image.photo(one))
    np.testing.assert_array_equal(second, image.photo(two))
    np.testing.assert_allclose(mixed, lam * first + (1 - lam) * second, atol=1e-6)
    assert said[:2] == pytest.approx([lam, 1 - lam], abs=6e-3)
    rest = 2 * min(lam, 1 - lam)
    rare = 200 * special.betainc(0.2, 0.2, rest / 2)
    assert said[2:6] == pytest.approx([rare, 0.2, 100 * rest, 1], abs=0.51), "share of the draws"
    assert f"{lam:.3f} for {one}, {1 - lam:.3f} for {two}" in explorer.text.value
    bars, drawn = explorer.fig.axes[3].containers
    assert heights(bars) == pytest.approx([lam, 1 - lam])
    assert [word.get_text() for word in explorer.fig.axes[3].texts] == [
        f"{one}\n{lam:.2f}", f"{two}\n{1 - lam:.2f}",
    ]  # fmt: skip
    assert not any(bar.get_visible() for bar in drawn), "only CutMix has a drawn lambda"


@pytest.mark.parametrize("across, down", PLACES)
@pytest.mark.parametrize("lam", [0, 0.37, 0.9, 1])
def test_cutmix_counts_the_pixels_of_each_picture(lam, across, down):
    explorer = opened("cutmix")
    said = told(explorer, pair="flower and temple", lam=lam, across=across, down=down)
    flower, temple, mixed = views(explorer)
    lines = [ax.lines[0] for ax in explorer.fig.axes[:2]]
    box = inside(lines[0])
    np.testing.assert_array_equal(inside(lines[1]), box, "two different boxes")
    np.testing.assert_array_equal(flower, image.photo("flower"))
    np.testing.assert_array_equal(mixed, np.where(box[..., None], temple, flower))
    real = 1 - box.mean()
    drawn, height, width, n, total, corrected, moved, *label = said
    assert [n, total] == [box.sum(), SIDE**2]
    assert height == width == int(SIDE * np.sqrt(1 - lam)), "the box's side"
    expected = [lam, real, abs(real - lam), real, 1 - real]
    assert [drawn, corrected, moved, *label] == pytest.approx(expected, abs=6e-4)
    bars, dashed = explorer.fig.axes[3].containers
    assert heights(bars) == pytest.approx([real, 1 - real]), "the label's bars"
    assert heights(dashed) == pytest.approx([lam, 1 - lam]), "the drawn lambda's bars"
    assert all(bar.get_visible() for bar in dashed)


@pytest.mark.parametrize("lam", np.linspace(0.02, 0.98, 13))
def test_cutmix_keeps_the_drawn_lambda_where_nothing_is_clipped(lam):
    settings = {"pair": image._PAIRS[0], "lam": lam, "across": 0.5, "down": 0.5}
    *_, moved, _, _ = told(opened("cutmix"), **settings)
    assert moved <= 2 / SIDE, "more than rounding the side to pixels can do"


def moons_fit(seed, alpha):
    """Return points, given labels, test set and the trained network, written out once more."""
    rng = np.random.default_rng(seed)
    X, y = data.two_moons(60, 0.2, rng)
    given = data.flip_labels(y, 0.2, rng)
    test = data.two_moons(1000, 0.2, rng)
    net = RegularizedNeuralNetwork(
        [2, 32, 32, 1], activation="relu", output="sigmoid", loss="binary_cross_entropy",
        init="he", optimizer="adam", augment=MixUp(alpha) if alpha else None,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    net.fit(X, given, epochs=300, batch_size=60, learning_rate=0.02)
    return net, *test


def slope_and_trust(net, X, y):
    """Return the soft share of the walk across both moons, and accuracy and mean confidence."""
    up = net.predict_proba(np.column_stack([np.full(47, ACROSS[36]), UP]))[:, 1]
    P = net.predict_proba(X)
    return np.mean((up > 0.1) & (up < 0.9)), np.mean(P.argmax(axis=1) == y), P.max(axis=1).mean()


@pytest.mark.parametrize("alpha", [0, 0.1, 1])
def test_boundary_walk_and_trust_are_those_of_the_fit(alpha):
    explorer = opened("mixup_boundary")
    said = told(explorer, alpha=alpha)
    net, X, y = moons_fit(0, alpha)
    soft, right, sure = slope_and_trust(net, X, y)
    assert [said[0], *said[2:5]] == [alpha, 0.1, 0.9, 1000]
    assert said[1] == pytest.approx(100 * soft, abs=0.51)
    assert said[5:] == pytest.approx([right, sure, abs(right - sure)], abs=6e-4)
    assert ("too sure" if sure > right else "too modest") in explorer.text.value
    plane, ax = explorer.fig.axes
    share = plane.images[0].get_array()
    for i, j in ((0, 0), (46, 10), (20, 69)):
        there = net.predict_proba(np.array([[ACROSS[j], UP[i]]]))[0, 1]
        assert share[i, j] == pytest.approx(there), f"shade at row {i}, column {j}"
    dashed = next(line for line in plane.lines if len(line.get_xdata()) == 2)
    assert dashed.get_xdata() == pytest.approx([ACROSS[36]] * 2)
    for label, fitted in (("this alpha", alpha), ("alpha 0", 0)):
        (curve,) = (a for a in ax.lines if a.get_label() == label)
        walked = boundaries.mixup_fit(fitted)[0][:, 36]
        np.testing.assert_array_equal(curve.get_data(), [walked, UP], label)


@pytest.mark.parametrize("alpha", [0, 1])
def test_the_lines_part_the_probabilities_that_they_name(alpha):
    explorer = opened("mixup_boundary")
    told(explorer, alpha=alpha)
    net, *_ = moons_fit(0, alpha)
    step = np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)]) * (ACROSS[1] - ACROSS[0])
    for collection, values in zip(explorer.fig.axes[0].collections, ((0.1, 0.9), (0.5,)),
                                  strict=True):  # fmt: skip
        pieces = collection.get_segments()
        assert len(pieces) >= len(values), f"no line at {values}"
        for points in pieces:
            around = (points[:, None] + step).reshape(-1, 2)
            P = net.predict_proba(around)[:, 1].reshape(-1, 9)
            parts = [(P.min(axis=1) < value) & (P.max(axis=1) > value) for value in values]
            assert np.any([part.all() for part in parts]), f"a line parts none of {values}"


@pytest.mark.parametrize(
    ("name", "fit"), [("noise_boundary", "boundary_fit"), ("mixup_boundary", "mixup_fit")]
)
def test_no_move_waits_for_a_network_to_be_trained(name, fit):
    explorer, fit = opened(name), getattr(boundaries, fit)
    trained = fit.cache_info().misses
    for key, control in explorer.controls.items():
        told(explorer, **explorer.start | {key: control.options[-1]})
        told(explorer, **{key: control.options[1]})
    assert fit.cache_info().misses == trained


def test_mixup_makes_slopes_and_modest_networks_on_other_seeds_as_well():
    fits = np.array([
        [slope_and_trust(*moons_fit(seed, alpha)) for alpha in (0, 0.5, 2)] for seed in range(1, 7)
    ])  # fmt: skip
    soft, right, sure = fits.transpose(2, 0, 1)
    assert (soft[:, 1:] > soft[:, :1] + 0.1).all(), f"no slope: {soft}"
    assert (sure > right)[:, 0].all(), f"without mixup not too sure: {sure}, {right}"
    assert (sure < right)[:, 2].all(), f"with much not too modest: {sure}, {right}"
    assert right[:, 1].mean() > right[:, 0].mean() + 0.02, right
