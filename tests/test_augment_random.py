"""The random transforms: what they draw, and how often.

Draws are read off the returned arrays. A share is compared with its expectation to within six
standard errors; a distribution by Kolmogorov and Smirnov, or chi-square, beyond six sigma too.
"""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats
from small_images import images, seeded
from small_network import near
from test_augment_color import formula

from reglib.augment import (
    ColorJitter,
    CutMix,
    MixUp,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScale,
    RandomVerticalFlip,
)

pytestmark = pytest.mark.filterwarnings("error")
BY_CHANCE = 2e-9  # the probability of six sigma, two sides


def uniform(draws, low, high, what):
    """Assert that the draws are uniform in [low, high], and one independent of the next."""
    assert low - 1e-9 <= draws.min() and draws.max() <= high + 1e-9, f"{what} leaves the range"
    pvalue = stats.kstest(draws, "uniform", (low, high - low)).pvalue
    assert pvalue > BY_CHANCE, f"{what} is not uniform in [{low}, {high}]: p = {pvalue}"
    z = (draws - draws.mean()) / draws.std()
    near((z[1:] * z[:-1]).mean(), 0.0, z.size**-0.5, f"{what}: covariance of two images")


def equally_often(counts, what):
    """Assert by chi-square that all these happen equally often."""
    pvalue = stats.chisquare(counts).pvalue
    assert pvalue > BY_CHANCE, f"{what}, drawn {counts}, not equally often: p = {pvalue}"


# What is drawn


def ramps(n):
    """Two channels: row and column, counted from the centre of 5x5 pixels.

    Bilinear sampling gives a straight line its exact values, so that one pixel beside the centre
    tells where it came from.
    """
    return np.tile(np.stack(np.mgrid[-2.0:3, -2.0:3], axis=-1), (n, 1, 1, 1))


@pytest.mark.parametrize("degrees", [10, 90.5, 180])
def test_rotation_draws_an_angle_for_each_image_uniformly(degrees):
    turned, _ = RandomRotation(degrees)(ramps(6000), None, seeded())
    row, column = turned[:, 2, 3].T  # the pixel to the right of the centre
    angles = np.rad2deg(np.arctan2(-row, column))
    uniform(-angles, -degrees, degrees, "the angle")  # symmetric: the sign does not matter


@pytest.mark.parametrize("limits", [(0.8, 1.25), [0.5, 3], (2, 2)])
def test_scale_draws_a_factor_for_each_image_uniformly(limits):
    scaled, _ = RandomScale(limits)(ramps(6000), None, seeded())
    factors = 1 / scaled[:, 2, 3, 1]
    if limits[0] == limits[1]:
        np.testing.assert_allclose(factors, limits[0])
    else:
        uniform(factors, *limits, "the factor")


@pytest.mark.parametrize("p", [0, 0.1, 0.5, 0.8, 1, 1.0])
@pytest.mark.parametrize(("make", "axis"), [(RandomHorizontalFlip, 2), (RandomVerticalFlip, 1)])
def test_flips_turn_a_share_of_the_images(make, axis, p):
    batch = images(5000, 2, 3, 1)
    got, _ = make(p)(batch, None, seeded())
    turned = (got == np.flip(batch, axis)).all(axis=(1, 2, 3))
    assert (turned | (got == batch).all(axis=(1, 2, 3))).all(), "neither the image nor its mirror"
    near(turned.mean(), p, (p * (1 - p) / 5000) ** 0.5, f"share of images flipped with p={p}")
    z = turned - turned.mean()
    near((z[1:] * z[:-1]).mean(), 0.0, p * (1 - p) / 5000**0.5, "covariance of two images")


@pytest.mark.parametrize("strength", [0.3, 1, 2.0])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_jitter_draws_a_factor_for_each_image_uniformly(name, strength):
    """Two pixels so close that no factor up to 3 clips them; the rest is a ratio."""
    first, second = np.array([[0.25, 0.2, 0.2], [0.2, 0.2, 0.2]])
    batch = np.tile(np.stack([first, second])[None, None], (6000, 1, 1, 1))
    got, _ = ColorJitter(**{name: strength})(batch, None, seeded())
    factors = {
        "brightness": lambda: got[:, 0, 1, 1] / 0.2,
        "contrast": lambda: (got[:, 0, 0, 0] - got[:, 0, 1, 0]) / 0.05,
        "saturation": lambda: (got[:, 0, 0, 0] - got[:, 0, 0, 1]) / 0.05,
    }[name]()
    uniform(factors, max(0, 1 - strength), 1 + strength, f"the factor of {name}")


def jittered(factors, image, order=("brightness", "contrast", "saturation")):
    for name in order:
        image = formula(name, image, factors[name])
    return image


def test_jitter_applies_brightness_then_contrast_then_saturation():
    """Three factors, found by least squares, explain every pixel: so it is with this order only.

    Where nothing is clipped the order does not matter; this image is clipped.
    """
    image = np.array([[[0.9, 0.3, 0.1], [0.6, 0.6, 0.6]], [[0.1, 0.2, 0.3], [0.05, 0.05, 0.02]]])
    got, _ = ColorJitter(0.8, 0.8, 0.8)(np.tile(image, (12, 1, 1, 1)), None, seeded())
    names = ("brightness", "contrast", "saturation")
    starts = list(itertools.product((0.5, 1.0, 1.5), repeat=3))

    def misfit(out, order):
        best = np.inf
        for start in starts:
            if best > 1e-8:
                fit = optimize.least_squares(
                    lambda f: (jittered(dict(zip(names, f, strict=True)), image, order) - out)
                    .ravel(),
                    start, bounds=(0.2, 1.8), xtol=1e-15, ftol=1e-15, gtol=1e-15,
                )  # fmt: skip
                best = min(best, np.abs(fit.fun).max())
        return best

    worst = max(misfit(out, names) for out in got)
    assert worst < 1e-6, f"no three factors explain the image: {worst} off"
    other = max(misfit(out, names[::-1]) for out in got[:4])
    assert other > 1e-3, "another order explains it as well: nothing was tested"


@pytest.mark.parametrize("size, padding", [(4, 0), ((3, 5), 0), (6, 1), ([5, 3], 2), ((1, 1), 0)])
def test_crops_are_windows_of_the_padded_image_at_every_place_equally_often(size, padding):
    height, width = (size, size) if isinstance(size, int) else size
    image = np.arange(1.0, 31).reshape(5, 6)
    padded = np.pad(image, padding)
    places = list(np.ndindex(padded.shape[0] - height + 1, padded.shape[1] - width + 1))
    known = {padded[t : t + height, s : s + width].tobytes(): (t, s) for t, s in places}
    assert len(known) == len(places), "two windows look alike"
    batch = np.tile(image[None, ..., None], (4000, 1, 1, 2))
    got, _ = RandomCrop(size, padding)(batch, None, seeded())
    assert got.shape == (4000, height, width, 2)
    np.testing.assert_array_equal(got[..., 0], got[..., 1], "the channels' windows differ")
    found = [known.get(window.tobytes()) for window in got[..., 0]]
    assert None not in found, "a window that the padded image has not"
    equally_often([found.count(place) for place in places], "places")


def boxes(mask):
    """Return top, left, height and width (n,) of the boxes of masks (n, h, w) that hold one."""
    rows, columns = mask.any(axis=2), mask.any(axis=1)
    height, width = rows.sum(axis=1), columns.sum(axis=1)
    filled = mask.sum(axis=(1, 2))
    np.testing.assert_array_equal(filled, height * width, "what is erased is no box")
    top, left = rows.argmax(axis=1), columns.argmax(axis=1)
    last = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    np.testing.assert_array_equal((last - top)[filled > 0], height[filled > 0], "rows with gaps")
    return top, left, height, width


@pytest.mark.parametrize("size", [(8, 8, 1), (28, 28, 1), (12, 20, 3), (19, 9, 1)], ids=str)
@pytest.mark.parametrize("p", [0, 0.3, 0.5, 1])
def test_erasing_keeps_area_and_aspect_in_range_and_takes_a_share_p(p, size):
    batch = np.ones((10_000, *size), np.float32)
    got, _ = RandomErasing(p)(batch, None, seeded())
    mask = (got == 0).any(axis=-1)
    np.testing.assert_array_equal(mask, (got == 0).all(axis=-1), "a box of one channel only")
    assert ((got == 0) | (got == 1)).all()
    _, _, height, width = boxes(mask)
    chosen = height > 0
    near(chosen.mean(), p, (p * (1 - p) / 10_000) ** 0.5, f"share of images erased with p={p}")
    if p:
        area = (height * width)[chosen] / (size[0] * size[1])
        assert 0.02 <= area.min() and area.max() <= 0.33, f"areas {area.min()} to {area.max()}"
        aspect = height[chosen] / width[chosen]
        assert 0.3 <= aspect.min() and aspect.max() <= 3.3, f"{aspect.min()} to {aspect.max()}"
        assert np.ptp(area) > 0.2 and np.ptp(aspect) > 2, "the ranges are not used"
    z = chosen - chosen.mean()
    near((z[1:] * z[:-1]).mean(), 0.0, p * (1 - p) / 100, "covariance of two images")


def test_erasing_draws_area_aspect_and_place_by_their_laws():
    """Boxes that would always fit, of 6 pixels a side or more: whole pixels move a side by 1/2.

    The share of the area is uniform, the logarithm of height by width too, the place uniform
    given the sides. Rounding moves the cumulative distribution, and so does what it casts out at
    the ends of a range: each by the share of the range that it moves a value.
    """
    calls, n, side, scale, ratio = 4, 500, 150, (0.01, 0.18), (0.2, 2.0)
    erasing, rng, X = RandomErasing(1, scale, ratio, 5), seeded(), np.ones((n, side, side, 1), "f4")
    parts = [boxes(erasing(X, None, rng)[0][..., 0] == 5) for _ in range(calls)]
    top, left, height, width = np.hstack(parts)
    band = 6 / (2 * (calls * n) ** 0.5)  # Dvoretzky, Kiefer, Wolfowitz: exceeded with 2 exp(-18)
    slack_area = (height + width).max() / side**2 / (scale[1] - scale[0])
    slack_aspect = (1 / height + 1 / width).max() / np.log(ratio[1] / ratio[0])
    for draws, low, high, slack, what in (
        (height * width / side**2, *scale, slack_area, "area"),
        (np.log(height / width), *np.log(ratio), slack_aspect, "log of height / width"),
    ):
        distance = stats.kstest(draws, "uniform", (low, high - low)).statistic
        assert distance < band + slack, f"{what}: {distance} from uniform, allowed {band + slack}"
    for place, free, what in ((top, side - height, "top"), (left, side - width, "left")):
        spread = seeded(1).random(calls * n)  # whole places, made continuous
        distance = stats.kstest((place + spread) / (free + 1), "uniform").statistic
        assert distance < band, f"{what} is not uniform: {distance} from it, allowed {band}"
        assert (place == 0).any() and (place == free).any(), f"{what} never reaches the border"


def test_a_batch_of_one_is_erased_whenever_p_is_one():
    """However seldom a box fits: here about one in thirteen."""
    erasing, rng, image = RandomErasing(1, (0.29, 1), (3, 3.4)), seeded(), np.ones((1, 10, 10, 1))
    for call in range(300):
        mask = erasing(image, None, rng)[0][..., 0] == 0
        _, _, height, width = boxes(mask)
        assert (height, width) == (10, 3), f"call {call}: the only box is 10x3"


@pytest.mark.parametrize("size", [(2, 2), (4, 4), (3, 5)], ids=str)
def test_boxes_of_tiny_images_are_no_smaller_than_a_pixel(size):
    mask = RandomErasing(1)(np.ones((500, *size, 1)), None, seeded())[0][..., 0] == 0
    _, _, height, width = boxes(mask)
    assert (height > 0).all() and (height * width <= 0.33 * size[0] * size[1]).all()


@pytest.mark.parametrize("value", [0, 0.5, -1])
def test_erasing_fills_with_its_value_and_leaves_the_rest(value):
    batch = images(50)
    got, _ = RandomErasing(1, value=value)(batch, None, seeded())
    changed = (got != batch).any(axis=-1)
    assert changed.any(axis=(1, 2)).all() and (got[changed] == value).all()


each_alpha = pytest.mark.parametrize("alpha", [0.2, 1, 3.5])


@each_alpha
def test_mixup_draws_one_lam_a_call_from_beta_and_partners_of_all_orders(alpha):
    mix, rng, eye, calls, lams = MixUp(alpha), seeded(), np.eye(3), 3000, []
    orders = {order: 0 for order in itertools.permutations(range(3))}
    for _ in range(calls):
        X, Y = mix(eye, eye, rng)
        np.testing.assert_array_equal(X, Y, "inputs and labels are mixed in other shares")
        np.testing.assert_allclose(X.sum(axis=1), 1, rtol=1e-12)
        others = X - np.diag(np.diag(X))
        partner = np.where(others.any(axis=1), others.argmax(axis=1), np.arange(3))
        orders[tuple(partner.tolist())] += 1
        own = np.diag(X)[partner != np.arange(3)]
        assert (own == own[:1]).all(), f"more than one lam in a call: {own}"
        lams.extend(own[:1])
    equally_often(list(orders.values()), "orders of three")
    lams, law = np.array(lams), stats.beta(alpha, alpha)
    pvalue = stats.kstest(lams, law.cdf).pvalue
    assert pvalue > BY_CHANCE, f"lam is not Beta({alpha}, {alpha}): p = {pvalue}"
    near(lams.mean(), 0.5, law.std() / lams.size**0.5, "mean of lam")
    fourth = law.expect(lambda v: (v - 0.5) ** 4)
    spread = ((fourth - law.var() ** 2) / lams.size) ** 0.5
    near(np.square(lams - 0.5).mean(), law.var(), spread, f"variance 1 / (4 (2 {alpha} + 1))")


def test_cutmix_draws_one_box_a_call_of_the_images_aspect_which_borders_clip():
    n, h, w, sides, orders = 3, 40, 60, [], []
    X = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, h, w, 1))
    mix, rng, Y = CutMix(), seeded(), np.eye(n)
    for _ in range(600):
        got, labels = mix(X, Y, rng)
        masks = got[..., 0] != X[..., 0]
        for image, label in zip(got, labels, strict=True):
            share = np.bincount(image.astype(int).ravel(), minlength=n) / (h * w)
            np.testing.assert_allclose(label, share, atol=1e-12, err_msg="labels, areas")
        mask = masks.any(axis=0)
        for one in masks[masks.any(axis=(1, 2))]:
            np.testing.assert_array_equal(one, mask, "two boxes in one call")
        if mask.any():
            sides.append(np.hstack(boxes(mask[None])))
            others = labels - np.diag(np.diag(labels))
            orders.append(
                np.where(others.any(axis=1), others.argmax(axis=1), np.arange(n)).tolist()
            )
    seen = [orders.count(list(order)) for order in itertools.permutations(range(n))]
    assert seen[0] == 0, "a box shows though nobody has another partner"
    equally_often(seen[1:], "orders of three")
    top, left, height, width = np.array(sides).T
    within = (top > 0) & (left > 0) & (top + height < h) & (left + width < w)
    off = np.abs(height / h - width / w)[within].max()
    assert off <= 1 / h, f"a box of another aspect than the image: its sides differ by {off}"
    for at_border, what in (
        (top == 0, "upper"),
        (left == 0, "left"),
        (top + height == h, "lower"),
        (left + width == w, "right"),
    ):
        assert at_border.any(), f"no box ever meets the {what} border"
    for middle, size in ((top + height / 2, h), (left + width / 2, w)):
        near(middle.mean(), size / 2, middle.std() / middle.size**0.5 + 0.1, "middle of the boxes")


@each_alpha
def test_cutmix_cuts_by_the_law_of_its_box(alpha):
    """Sides of a share sqrt(1 - lam) of the image's about a uniform centre, clipped.

    That law, simulated in continuous numbers, lies between those of sides two pixels shorter and
    two longer, which is more than rounding moves them. The labels tell what was cut (0 also where
    nobody has another partner, once in 120 calls).
    """
    n, h, w, calls, trials, rng = 5, 200, 300, 3000, 200_000, seeded()
    X, Y, mix = np.zeros((n, h, w, 1), np.float32), np.eye(n), CutMix(alpha)
    cuts = np.sort([1 - np.diag(mix(X, Y, rng)[1]).min() for _ in range(calls)])
    half, shares = np.sqrt(1 - rng.beta(alpha, alpha, trials)) / 2, []
    for pixels in (-2, 2):
        centre = rng.random((2, trials))
        covered = np.minimum(centre + half, 1) - np.maximum(centre - half, 0)
        covered += pixels / np.array([[h], [w]])
        shares.append(np.sort(covered.clip(0, 1).prod(axis=0)))
    shorter, longer = (np.searchsorted(s, cuts, side="right") / trials for s in shares)
    steps = np.arange(1, calls + 1) / calls
    off = max((steps - shorter).max(), (longer - steps).max())
    band = 6 / 2 * (calls**-0.5 + trials**-0.5) + 1 / 120 + 6 * (120 * calls) ** -0.5
    assert off < band, f"the cut share's distribution is {off} from its law, allowed {band}"
