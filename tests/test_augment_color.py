"""Brightness, contrast and saturation against Pillow's ImageEnhance and their closed forms."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageEnhance
from small_images import each_dtype, images, seeded
from small_network import raises

from reglib import augment
from reglib.data import load_photos

pytestmark = pytest.mark.filterwarnings("error")

LUMA = np.array([0.299, 0.587, 0.114])
ADJUST = {
    "brightness": (augment.adjust_brightness, ImageEnhance.Brightness),
    "contrast": (augment.adjust_contrast, ImageEnhance.Contrast),
    "saturation": (augment.adjust_saturation, ImageEnhance.Color),
}
each_name = pytest.mark.parametrize("name", ADJUST)
FACTORS = [0, 0.1, 0.37, 0.5, 0.9, 1, 1.1, 1.5, 1.93, 2]
WIDE = [2.5, 4, 9.7]


def flat(*colour):
    return np.full((6, 5, len(colour)), colour)


def whole_images():
    """Images of whole grey levels (uint8), by name."""
    rng, photos = seeded(), np.rint(load_photos() * 255)
    noise = rng.integers(0, 256, (30, 41, 3))
    pictures = {
        "temple": photos[0, 60:260, 100:400],
        "flower": photos[1],
        "temple in grey": photos[0, :200, :300, :1],
        "noise": noise,
        "dark noise": noise // 5,
        "grey noise": noise[..., :1],
        "black and white": 255 * rng.integers(0, 2, (9, 9, 3)),
        "one colour": flat(200, 17, 90),
        "one pixel": flat(10, 250, 3)[:1, :1],
        "one grey": flat(77),
    }
    return {name: picture.astype(np.uint8) for name, picture in pictures.items()}


PICTURES = whole_images()
each_picture = pytest.mark.parametrize("picture", PICTURES)


def pillow(enhancer, image, factor):
    """Pillow's answer (h, w, c) in grey levels, as floats."""
    mode = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
    return np.asarray(enhancer(mode).enhance(factor), float).reshape(image.shape)


def luma(image):
    return image @ LUMA if image.shape[-1] == 3 else image[..., 0]


def formula(name, image, factor):
    """The definition, in float64, of one image (h, w, c) in [0, 1]."""
    image = image.astype(float)
    degenerate = {
        "brightness": 0.0,
        "contrast": luma(image).mean(),
        "saturation": luma(image)[..., None],
    }[name]
    return np.clip(degenerate + factor * (image - degenerate), 0, 1)


# Pillow


@each_picture
@each_name
def test_within_one_grey_level_of_pillow(name, picture):
    ours, theirs = ADJUST[name]
    image = PICTURES[picture]
    for dtype in (np.float64, np.float32):
        for factor in FACTORS:
            got = ours((image[None] / 255).astype(dtype), factor)[0]
            off = np.abs(np.rint(got * 255.0) - pillow(theirs, image, factor)).max()
            assert off <= 1, f"{name} {factor} of {picture}: {off} levels from Pillow"


def degenerate_error(name, image):
    """How far Pillow's whole luma (of a pixel, or of the image) is from the exact one, at most."""
    exact = luma(image.astype(float))
    whole = np.asarray(
        Image.fromarray(image.squeeze(-1) if image.shape[2] == 1 else image).convert("L")
    )
    if name == "contrast":
        return abs(int(whole.mean() + 0.5) - exact.mean())
    return np.abs(whole - exact).max() if name == "saturation" else 0.0


@each_picture
@each_name
def test_equals_pillow_but_for_its_whole_numbers(name, picture):
    """Pillow cuts its result down to a whole level, and so its luma, or mean luma, before.

    So ours is from e below to 1 + e above its level, where e is |1 - factor| times the error of
    that luma: tighter than one level after rounding, and true of any factor.
    """
    ours, theirs = ADJUST[name]
    image = PICTURES[picture]
    error = degenerate_error(name, image)
    for factor in FACTORS + WIDE:
        above = ours(image[None] / 255, factor)[0] * 255 - pillow(theirs, image, factor)
        e = abs(1 - factor) * error + 1e-3  # Pillow's factor is a float32
        assert -e <= above.min() and above.max() <= 1 + e, (
            f"{name} {factor} of {picture}: {above.min()} to {above.max()} levels above Pillow, "
            f"allowed {-e} to {1 + e}"
        )


# The definition


@each_name
@each_dtype
@pytest.mark.parametrize("channels", [1, 3])
def test_the_definition_with_a_factor_for_each_image(name, dtype, channels):
    rng = seeded(3)
    batch = (rng.random((40, 6, 5, channels)) * rng.random((40, 1, 1, 1))).astype(dtype)
    factors = np.r_[0, 1, rng.uniform(0, 3, 38)]
    for given_factors in (factors, factors.tolist(), factors.astype(np.float32)):
        got = ADJUST[name][0](batch, given_factors)
        assert got.dtype == dtype and got.shape == batch.shape, name
        used = np.asarray(given_factors, float)
        wanted = [formula(name, *pair) for pair in zip(batch, used, strict=True)]
        tolerance = 40 * np.finfo(dtype).eps  # a mean of 30, three products, factors up to 3
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance, err_msg=name)
        if channels == 1 and name == "saturation":
            np.testing.assert_array_equal(got, batch, "a grey image has no saturation to change")


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    name=st.sampled_from(list(ADJUST)),
    shape=st.tuples(
        st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])
    ),
    factor=st.floats(0, 10),
    seed=st.integers(0, 99),
)
def test_any_image_and_any_factor(name, shape, factor, seed):
    batch = seeded(seed).random(shape)
    got = ADJUST[name][0](batch, factor)
    wanted = [formula(name, image, factor) for image in batch]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-14 * (1 + factor))
    assert 0 <= got.min() and got.max() <= 1, f"{name} {factor}: {got.min()} to {got.max()}"


@each_name
@each_dtype
def test_factor_one_changes_no_bit_and_zero_leaves_the_degenerate_image(name, dtype):
    for channels in (1, 3):
        batch = images(4, 6, 7, channels, dtype)
        for one in (1, 1.0, np.ones(4), [1, 1, 1, 1]):
            np.testing.assert_array_equal(ADJUST[name][0](batch, one), batch, f"{name} by 1")
        zero = ADJUST[name][0](batch, 0)
        wanted = [formula(name, image, 0) for image in batch]
        np.testing.assert_allclose(zero, wanted, rtol=0, atol=8 * np.finfo(dtype).eps)
    extremes = np.array([0.0, 1.0], dtype).reshape(1, 1, 2, 1)
    np.testing.assert_array_equal(ADJUST[name][0](extremes, 1), extremes, "0 and 1 are in range")


def test_saturation_keeps_the_luma_and_contrast_its_mean_where_nothing_is_clipped():
    batch = 0.4 + 0.1 * images(5, 6, 7, 3)
    vivid, hard = augment.adjust_saturation(batch, 2.5), augment.adjust_contrast(batch, 2.5)
    np.testing.assert_allclose(luma(vivid), luma(batch), atol=1e-14, err_msg="saturation")
    means = luma(hard).mean(axis=(1, 2)), luma(batch).mean(axis=(1, 2))
    np.testing.assert_allclose(*means, atol=1e-14, err_msg="contrast")
    assert np.ptp(means[1]) > 1e-4, "the images have one mean: nothing was tested"


@each_dtype
def test_the_mean_of_a_large_picture_is_exact_in_float32_too(dtype):
    """A running sum in float32 would lose the last pixels of 273,280."""
    photo = load_photos().astype(dtype)
    got = augment.adjust_contrast(photo, 0.0)[:, 0, 0, 0]
    wanted = luma(load_photos()).mean(axis=(1, 2))
    np.testing.assert_allclose(got, wanted, atol=20 * np.finfo(dtype).eps, err_msg="mean luma")


def test_large_batches_are_done_image_by_image():
    batch, rng = images(2500, 8, 8, 3, np.float32), seeded(4)
    factors = rng.uniform(0, 2, 2500)
    for name, (ours, _) in ADJUST.items():
        got = ours(batch, factors)
        for i in (0, 1, 1249, 2498, 2499):
            wanted = formula(name, batch[i], factors[i])
            np.testing.assert_allclose(got[i], wanted, rtol=0, atol=4e-6, err_msg=f"{name}, {i}")


# Bad input


@each_name
def test_bad_factors_name_what_is_allowed(name):
    batch = images(2, 4, 5, 3)
    for bad in (-0.1, -1, [1.0, -0.5], np.array([-1e-9, 1.0])):
        raises(lambda b=bad: ADJUST[name][0](batch, b), "factor", ">= 0")
    for bad in (np.nan, np.inf, "1", None, 1j, [1.0], [1.0] * 3, [1.0, np.nan], [[1.0, 1.0]]):
        raises(lambda b=bad: ADJUST[name][0](batch, b), "factor", "must be")


@each_name
def test_values_outside_0_to_1_raise(name):
    for bad in (-1e-6, 1 + 1e-6, 255.0, np.nan, np.inf, -np.inf):
        for dtype in (np.float32, np.float64):
            for factor in (0.5, 1):
                batch = images(3, 4, 5, 3, dtype)
                batch[1, 2, 3, 0] = bad
                raises(lambda b=batch, f=factor: ADJUST[name][0](b, f), "images", "[0, 1]")


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_contrast_and_saturation_need_one_channel_or_three(channels):
    batch = images(2, 4, 5, channels)
    for ours in (augment.adjust_contrast, augment.adjust_saturation):
        raises(lambda f=ours: f(batch, 0.5), "images", "channel", channels)
    wanted = np.clip(1.5 * batch, 0, 1)
    np.testing.assert_allclose(augment.adjust_brightness(batch, 1.5), wanted, atol=1e-15)
