"""Rotation, scaling, flips, crops and erasing against SciPy, np.rot90, slices and closed forms."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.ndimage import affine_transform
from small_images import each_dtype, frozen, images, rounding, seeded
from small_network import raises

from reglib import augment

pytestmark = pytest.mark.filterwarnings("error")

SHAPES = [(1, 1, 1), (1, 6, 1), (2, 2, 3), (5, 5, 1), (8, 8, 1), (6, 7, 3), (9, 4, 3), (13, 20, 2)]
ANGLES = [0, 1, -1, 30.0, 45, -60.5, 89.9, 90, 135, 180, -180, 200, 270, 359, 360, 405, -725.5]
FACTORS = [0.05, 0.3, 0.5, 0.9, 1, 1.0001, 1.5, 2, 3.7, 20.0]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))


def by_scipy(image, matrix):
    """Sample an image (h, w, c) at matrix @ (position - centre) + centre, zero outside."""
    centre = (np.array(image.shape[:2]) - 1) / 2
    planes = [
        affine_transform(
            plane, matrix, centre - matrix @ centre, order=1, mode="grid-constant", cval=0
        )
        for plane in np.moveaxis(image.astype(float), -1, 0)
    ]
    return np.stack(planes, axis=-1)


def turn(degrees):
    """The matrix that takes a (row, column) of the output back to where its value came from.

    Seen on the screen, whose rows run downwards, the picture turns counter-clockwise.
    """
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, s], [-s, c]])


def equal(got, batch, matrices, what, turns=1):
    """Assert that every image is the one that SciPy makes with its matrix."""
    assert got.shape == batch.shape and got.dtype == batch.dtype, what
    for i, (image, matrix) in enumerate(zip(batch, matrices, strict=True)):
        tolerance = rounding(batch.dtype, image.shape[:2], turns)
        message = f"{what}: image {i} of {batch.shape}"
        wanted = by_scipy(image, matrix)
        np.testing.assert_allclose(got[i], wanted, rtol=0, atol=tolerance, err_msg=message)


# Rotation and scaling are SciPy's


@each_dtype
@each_shape
def test_rotation_is_that_of_scipy(shape, dtype):
    batch = images(2, *shape, dtype)
    for angle in ANGLES:
        got = augment.rotate(batch, angle)
        equal(got, batch, [turn(angle)] * 2, f"rotate by {angle}", abs(angle) / 60)


@each_dtype
@each_shape
def test_each_image_turns_by_its_own_angle(shape, dtype):
    batch, angles = images(len(ANGLES), *shape, dtype), np.array(ANGLES)
    for given_angles in (angles, angles.tolist(), angles.astype(np.float32)):
        got = augment.rotate(batch, given_angles)
        equal(got, batch, map(turn, np.asarray(given_angles, float)), "an angle each", 13)


@each_dtype
@each_shape
def test_scaling_is_that_of_scipy(shape, dtype):
    batch = images(len(FACTORS), *shape, dtype)
    for factor in FACTORS:
        # A factor below 1 magnifies the coordinates, and their rounding with them.
        wanted, turns = [np.eye(2) / factor] * len(FACTORS), 1 / factor
        equal(augment.scale(batch, factor), batch, wanted, f"scale by {factor}", turns)
    for factors in (FACTORS, np.array(FACTORS), tuple(FACTORS)):
        matrices = [np.eye(2) / factor for factor in FACTORS]
        equal(augment.scale(batch, factors), batch, matrices, "a factor each", 20)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4)),
    angle=st.floats(-400, 400),
    factor=st.floats(0.2, 5),
    seed=st.integers(0, 99),
)
def test_any_image_any_angle_and_any_factor_are_those_of_scipy(shape, angle, factor, seed):
    batch = images(*shape, seed=seed)
    equal(augment.rotate(batch, angle), batch, [turn(angle)] * len(batch), f"{angle}", 7)
    equal(augment.scale(batch, factor), batch, [np.eye(2) / factor] * len(batch), f"{factor}", 5)


@pytest.mark.parametrize(
    "shape", [(3000, 8, 8, 1), (37, 28, 28, 1), (5, 96, 97, 3), (1, 300, 224, 3)], ids=str
)
def test_batches_and_images_of_any_size(shape):
    """Larger than any piece that is worked on at a time; some images are checked."""
    batch, rng = images(*shape, dtype=np.float32), seeded(1)
    angles, factors = rng.uniform(-180, 180, len(batch)), rng.uniform(0.5, 2, len(batch))
    some = np.unique(np.r_[0, len(batch) - 1, rng.integers(0, len(batch), 60)])
    turned, scaled = augment.rotate(batch, angles), augment.scale(batch, factors)
    equal(turned[some], batch[some], map(turn, angles[some]), "rotate", 3)
    equal(scaled[some], batch[some], [np.eye(2) / f for f in factors[some]], "scale", 2)
    assert turned.shape == scaled.shape == shape


# Closed forms, without SciPy


@each_dtype
@pytest.mark.parametrize("size", [1, 2, 5, 8, 28])
def test_right_angles_are_those_of_rot90(size, dtype):
    batch = images(3, size, size, 3, dtype)
    for quarter in range(-5, 6):
        got, wanted = augment.rotate(batch, 90 * quarter), np.rot90(batch, quarter, axes=(1, 2))
        tolerance = rounding(dtype, (size,), 8)
        message = f"{90 * quarter} degrees"
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance, err_msg=message)


@pytest.mark.parametrize(("h", "w"), [(4, 8), (9, 5), (3, 9)])
def test_a_right_angle_keeps_the_size_of_an_image_that_is_not_square(h, w):
    """What rot90 lays across the frame is cut off, and what it leaves free is black."""
    batch, side = images(2, h, w, 1), max(h, w)
    top, left = (side - h) // 2, (side - w) // 2
    frame = np.zeros((2, side, side, 1))
    frame[:, top : top + h, left : left + w] = batch
    wanted = np.rot90(frame, axes=(1, 2))[:, top : top + h, left : left + w]
    np.testing.assert_allclose(augment.rotate(batch, 90), wanted, atol=1e-13)


def test_a_dot_on_the_right_goes_up_when_turned_by_a_quarter():
    image = np.zeros((1, 5, 5, 1))
    image[0, 2, 4] = 1
    assert augment.rotate(image, 90)[0, 0, 2, 0] == pytest.approx(1)
    image = np.ones((1, 5, 5, 1))
    np.testing.assert_allclose(augment.scale(image, 0.4)[0, 2, :, 0], [0, 0.5, 1, 0.5, 0])
    np.testing.assert_allclose(augment.scale(image, 2)[0, 2, :, 0], 1, err_msg="enlarged")


@each_dtype
def test_no_rotation_and_no_scaling_change_no_bit(dtype):
    batch = images(5, 6, 7, 3, dtype)
    for got in (
        augment.rotate(batch, 0),
        augment.rotate(batch, np.zeros(5)),
        augment.scale(batch, 1),
        augment.scale(batch, np.ones(5)),
    ):
        np.testing.assert_array_equal(got, batch)


WAVE = np.array([0.3, 0.23])  # radians a pixel, down and to the right


def wave(points):
    """A smooth picture; no second derivative exceeds 0.4 |WAVE|^2."""
    return 0.5 + 0.4 * np.cos(points @ WAVE + 0.7)


@pytest.mark.parametrize(("h", "w"), [(40, 40), (31, 44)])
@pytest.mark.parametrize("angle", [-170, -33, 10, 45, 120.5])
def test_a_smooth_picture_turns_and_comes_back(h, w, angle):
    """Bilinear sampling errs by at most D/8 for each axis, D the largest second derivative.

    There and back it is done twice: twice D/4. Inside the circle that never left the frame.
    """
    centre = (np.array([h, w]) - 1) / 2
    points = np.stack(np.mgrid[:h, :w], axis=-1) - centre
    inside = np.linalg.norm(points, axis=-1) < min(h, w) / 2 - 2.5
    bound = 0.4 * WAVE @ WAVE / 4
    picture = wave(points)
    turned = augment.rotate(picture[None, ..., None], angle)
    wanted = wave(points @ turn(angle).T)
    off = np.abs(turned[0, ..., 0] - wanted)[inside].max()
    assert off < bound, f"{off} from the picture turned in closed form, allowed {bound}"
    back = augment.rotate(turned, -angle)[0, ..., 0]
    off = np.abs(back - picture)[inside].max()
    assert off < 2 * bound, f"{off} from the first picture, allowed {2 * bound}"
    assert np.abs(turned[0, ..., 0] - picture)[inside].max() > 4 * bound, "it did not turn"


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.25, 1.7])
def test_a_smooth_picture_scales_and_comes_back(factor):
    points = np.stack(np.mgrid[:40, :33], axis=-1) - [19.5, 16]
    inside = np.abs(points).max(axis=-1) < 16 * min(factor, 1 / factor) - 3
    picture, bound = wave(points), 0.4 * WAVE @ WAVE / 4
    scaled = augment.scale(picture[None, ..., None], factor)
    off = np.abs(scaled[0, ..., 0] - wave(points / factor))[inside].max()
    assert off < bound, f"{off} from the picture scaled in closed form, allowed {bound}"
    # Shrinking first makes the waves shorter: their second derivative grows by factor^-2.
    allowed = bound * (1 + max(1, factor**-2))
    off = np.abs(augment.scale(scaled, 1 / factor)[0, ..., 0] - picture)[inside].max()
    assert off < allowed, f"{off} from the first picture, allowed {allowed}"


def test_rotation_and_scaling_are_linear_and_keep_channels_apart():
    a, b = images(3, 9, 8, 3), images(3, 9, 8, 3, seed=1)
    for name, f in (("rotate", augment.rotate), ("scale", augment.scale)):
        numbers = np.array([0.7, 35.0, 1.4])
        both, parts = f(2 * a - 5 * b, numbers), 2 * f(a, numbers) - 5 * f(b, numbers)
        np.testing.assert_allclose(both, parts, atol=1e-12, err_msg=f"{name} is not linear")
        channels = [f(a[..., i : i + 1], numbers) for i in range(3)]
        apart = np.concatenate(channels, axis=-1)
        np.testing.assert_allclose(f(a, numbers), apart, atol=1e-14, err_msg=name)


# Flips, crops and erasing, pixel by pixel


@each_dtype
@each_shape
def test_flips_reverse_one_axis(shape, dtype):
    batch = images(3, *shape, dtype)
    np.testing.assert_array_equal(augment.hflip(batch), batch[:, :, ::-1], "hflip: left and right")
    np.testing.assert_array_equal(augment.vflip(batch), batch[:, ::-1], "vflip: up and down")
    assert augment.hflip(batch).dtype == augment.vflip(batch).dtype == dtype


@each_dtype
def test_a_crop_is_a_slice(dtype):
    batch = images(3, 5, 6, 2, dtype)
    for height in range(1, 6):
        for width in range(1, 7):
            for top in range(6 - height):
                for left in range(7 - width):
                    got = augment.crop(batch, top, left, height, width)
                    wanted = batch[:, top : top + height, left : left + width]
                    message = f"crop {(top, left, height, width)}"
                    np.testing.assert_array_equal(got, wanted, message, strict=True)


@each_dtype
def test_each_image_has_its_own_window(dtype):
    batch, rng = images(50, 6, 8, 3, dtype), seeded()
    top, left = rng.integers(0, 3, 50), rng.integers(0, 5, 50)
    for tops, lefts in ((top, left), (top, 2), (1, left), (top.tolist(), tuple(left.tolist()))):
        got = augment.crop(batch, tops, lefts, 4, 4)
        assert got.shape == (50, 4, 4, 3) and got.dtype == dtype
        windows = np.broadcast_arrays(tops, lefts, np.zeros(50))
        for i, (t, f) in enumerate(zip(*windows[:2], strict=True)):
            np.testing.assert_array_equal(got[i], batch[i, t : t + 4, f : f + 4], f"image {i}")


def test_a_crop_that_leaves_the_image_raises_and_names_the_side():
    batch = images(2, 5, 6, 1)
    for top, height in ((-1, 3), (3, 3), (5, 1), ([0, 3], 3), ([-1, 0], 2)):
        raises(lambda t=top, k=height: augment.crop(batch, t, 0, k, 2), "top", top)
    for left, width in ((-1, 3), (4, 3), (6, 1), ([0, 4], 3), ([0, -2], 2)):
        raises(lambda f=left, k=width: augment.crop(batch, 0, f, 2, k), "left", left)
    for bad in (0, -1, 1.5, "2", None, np.nan, 7):
        raises(lambda b=bad: augment.crop(batch, 0, 0, b, 2), "height", repr(bad))
        raises(lambda b=bad: augment.crop(batch, 0, 0, 2, b), "width", repr(bad))
    raises(lambda: augment.crop(batch, 0, 0, 6, 2), "height", 6)
    for bad in (0.5, "1", None, np.nan, [0], [0, 0, 0], [0, 0.5]):
        raises(lambda b=bad: augment.crop(batch, b, 0, 2, 2), "top")
        raises(lambda b=bad: augment.crop(batch, 0, b, 2, 2), "left")


def erased(batch, boxes, value):
    """Erase by looking at every pixel."""
    wanted = batch.copy()
    for i, (top, left, height, width) in enumerate(boxes):
        for r in range(batch.shape[1]):
            for s in range(batch.shape[2]):
                if top <= r < top + height and left <= s < left + width:
                    wanted[i, r, s] = value
    return wanted


@each_dtype
@pytest.mark.parametrize("value", [0, 0.25, 1, -2.5])
def test_erasing_sets_the_pixels_of_the_box_and_no_others(value, dtype):
    rng = seeded(2)
    boxes = np.stack([rng.integers(-6, 9, 300), rng.integers(-6, 9, 300)], axis=1)
    boxes = np.hstack([boxes, rng.integers(0, 12, (300, 2))])  # some are empty
    batch = images(300, 5, 7, 3, dtype)
    got = augment.erase(batch, *boxes.T, value)
    np.testing.assert_array_equal(got, erased(batch, boxes, value), "a box each", strict=True)
    assert (got == batch).all(axis=(1, 2, 3)).any(), "no box lies outside: take another seed"
    for box in boxes[:60].tolist():
        got = augment.erase(batch[:2], *box, value)
        wanted = erased(batch[:2], [box, box], value)
        np.testing.assert_array_equal(got, wanted, f"box {box}", strict=True)


def test_erasing_defaults_to_zero_and_mixes_numbers_with_one_for_each():
    batch = images(3, 5, 6, 1)
    got = augment.erase(batch, [0, 1, -1], 2, 2, [1, 3, 9])
    boxes = [(0, 2, 2, 1), (1, 2, 2, 3), (-1, 2, 2, 9)]
    np.testing.assert_array_equal(got, erased(batch, boxes, 0))


def test_bad_boxes_to_erase_raise():
    batch, box = images(2, 5, 6, 1), dict(top=0, left=0, height=2, width=2)
    for name, bad in (
        *[
            (name, bad)
            for name in box
            for bad in (0.5, "1", None, np.nan, [1], [1, 1, 1], [1, 0.5])
        ],
        *[(name, bad) for name in ("height", "width") for bad in (-1, [2, -1])],
        *[("value", bad) for bad in ("0", None, 1j)],
    ):
        arguments = {**box, name: bad}
        raises(lambda a=arguments: augment.erase(batch, **a), name)


# Bad angles and factors


def test_bad_angles_and_factors_name_what_is_allowed():
    batch = images(2, 5, 6, 1)
    never = [np.nan, np.inf, -np.inf, "30", None, 1j]
    for bad in (*never, [0.5], [1.0, 2.0, 3.0], [1.0, np.nan], [[1.0, 2.0]], [1.0, "2"]):
        raises(lambda b=bad: augment.rotate(batch, b), "degrees", "must be")
        raises(lambda b=bad: augment.scale(batch, b), "factor", "must be")
    for bad in (0, 0.0, -1, [1.0, 0.0], np.array([-0.5, 1.0])):
        raises(lambda b=bad: augment.scale(batch, b), "factor", "> 0")


def test_images_that_are_read_only_are_welcome():
    batch = frozen(images(2, 6, 6, 3))
    augment.rotate(batch, [1.0, 2.0])
    augment.erase(batch, 0, 0, 2, 2)
