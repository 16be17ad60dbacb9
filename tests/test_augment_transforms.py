"""The random transforms: what all of them keep, how they compose, and what they refuse."""

import numpy as np
import pytest
from small_images import each_dtype, frozen, images, one_hot, seeded
from small_network import raises

from reglib.augment import (
    ColorJitter,
    Compose,
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

MAKE = {
    "RandomRotation": lambda: RandomRotation(40),
    "RandomScale": lambda: RandomScale((0.5, 1.6)),
    "RandomHorizontalFlip": RandomHorizontalFlip,
    "RandomVerticalFlip": RandomVerticalFlip,
    "ColorJitter": lambda: ColorJitter(0.4, 0.4, 0.4),
    "RandomCrop": lambda: RandomCrop((5, 6), padding=1),
    "RandomErasing": lambda: RandomErasing(0.8),
    "MixUp": MixUp,
    "CutMix": CutMix,
    "Compose": lambda: Compose([RandomRotation(40), RandomErasing(), MixUp()]),
}
MIXES = ("MixUp", "CutMix", "Compose")
IDENTITIES = {
    "RandomRotation": RandomRotation(0),
    "RandomScale": RandomScale((1, 1)),
    "RandomHorizontalFlip": RandomHorizontalFlip(0),
    "RandomVerticalFlip": RandomVerticalFlip(0.0),
    "ColorJitter": ColorJitter(0, 0, 0),
    "RandomCrop": RandomCrop((7, 9)),
    "RandomErasing": RandomErasing(0),
    "Compose": Compose([]),
    "nested": Compose([Compose([]), RandomRotation(0)]),
}
each_random = pytest.mark.parametrize("name", MAKE)


@each_random
def test_the_generator_alone_decides(name):
    X, Y = images(12), one_hot(12, 3)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    same, again, other = (MAKE[name]()(X, Y, seeded(s)) for s in (3, 3, 4))
    for got, twin in zip(same, again, strict=True):
        np.testing.assert_array_equal(got, twin, f"{name}: the same rng, another result")
    assert (same[0] != other[0]).any(), f"{name}: another rng, the same result"
    t, rng = MAKE[name](), seeded()
    several = [t(X, Y, rng)[0] for _ in range(4)]
    assert any((s != several[0]).any() for s in several), f"{name}: each call must draw anew"
    fresh = [t(X, Y, None)[0] for _ in range(8)]
    assert any((f != fresh[0]).any() for f in fresh), f"{name}: rng=None draws the same each time"
    assert np.random.get_state()[1].tolist() == before, "the global state moved"  # noqa: NPY002


@each_random
@each_dtype
def test_dtypes_are_kept_labels_untouched_and_inputs_unchanged(name, dtype):
    X, Y = frozen(images(12, dtype=dtype), one_hot(12, 3).astype(dtype))
    for seed in range(5):
        got, labels = MAKE[name]()(X, Y, seeded(seed))
        assert got.dtype == dtype and labels.dtype == dtype, name
        assert not np.shares_memory(got, X), f"{name} returns a view of its input"
        if name in MIXES:
            assert not np.shares_memory(labels, Y), f"{name} returns a view of the labels"
            np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
        else:
            np.testing.assert_array_equal(labels, Y, f"{name} touches labels", strict=True)
    if name not in MIXES:
        for untouched in (np.arange(12), list("abcdefghijkl"), None):
            labels = MAKE[name]()(X, untouched, seeded())[1]
            assert labels is untouched or (labels == untouched).all(), f"{name} touches labels"


@pytest.mark.parametrize("name", [name for name in MAKE if name not in MIXES])
def test_each_image_gets_a_draw_of_its_own(name):
    X = np.repeat(images(1), 20, axis=0)
    got, _ = MAKE[name]()(X, None, seeded())
    assert len({image.tobytes() for image in got}) > 1, f"{name}: one draw for the whole batch"


@pytest.mark.parametrize("name", IDENTITIES)
@each_dtype
def test_the_mildest_setting_is_the_identity(name, dtype):
    X, Y = images(6, dtype=dtype), one_hot(6)
    for got, wanted in zip(IDENTITIES[name](X, Y, seeded()), (X, Y), strict=True):
        np.testing.assert_array_equal(got, wanted, name, strict=True)


@each_random
def test_a_batch_of_none_stays_empty(name):
    X, Y = MAKE[name]()(images(0), np.zeros((0, 3)), seeded())
    size = (5, 6, 3) if name == "RandomCrop" else (7, 9, 3)
    assert X.shape == (0, *size) and Y.shape == (0, 3), name


@each_random
def test_any_view_of_memory_gives_the_same_result(name):
    X, Y = images(8), one_hot(8)
    wide = np.zeros((8, 14, 9, 5))
    wide[:, ::2, :, 1:4] = X
    for view in (np.asfortranarray(X), wide[:, ::2, :, 1:4]):
        both = MAKE[name]()(X, Y, seeded()), MAKE[name]()(view, Y, seeded())
        np.testing.assert_allclose(both[0][0], both[1][0], atol=1e-15, err_msg=name)
        np.testing.assert_array_equal(both[0][1], both[1][1], name)


@each_random
def test_images_of_the_wrong_shape_or_kind_raise(name):
    X, Y = images(4), one_hot(4)
    wrong = [np.ones(X.shape, int), (255 * X).astype(np.uint8), X > 0.5]
    if name != "MixUp":  # which takes any shape
        wrong += [X[..., 0], X[0], X.reshape(4, -1), X[None]]
    for bad in wrong:
        raises(lambda b=bad: MAKE[name]()(b, Y, seeded()), "must be")


@pytest.mark.parametrize("name", MIXES)
def test_labels_that_cannot_be_mixed_raise(name):
    X, Y = images(4), one_hot(4)
    for bad in (np.arange(4), Y.astype(int), np.arange(4.0), Y[:3], None):
        raises(lambda b=bad: MAKE[name]()(X, b, seeded()), "Y", "must be")


# Compose


def add(number, trace=None):
    def transform(X, Y, rng):
        if trace is not None:
            trace.append(rng)
        return 2 * X + number, Y + [number]

    return transform


def test_compose_applies_in_order_and_hands_on_labels_and_generator():
    trace, rng = [], seeded()
    X, Y = Compose([add(1, trace), add(10, trace), add(100, trace)])(np.zeros(3), [], rng)
    np.testing.assert_array_equal(X, 4 + 20 + 100)
    assert Y == [1, 10, 100] and all(r is rng for r in trace) and len(trace) == 3
    X, Y = Compose((add(10), Compose([add(1)])))(np.zeros(3), [], rng)
    assert X[0] == 21 and Y == [10, 1], "a tuple, or a Compose in a Compose"


@each_dtype
def test_colours_may_follow_whatever_moves_or_mixes_pixels(dtype):
    """No rounding may leave [0, 1], or the colour functions would refuse the image."""
    rng, moves = (
        seeded(),
        [RandomRotation(180), RandomScale((0.3, 3)), RandomErasing(0.5), CutMix()],
    )
    mix, jitter = MixUp(0.5), ColorJitter(1, 1, 1)
    for value in (0, 0.3, 1):  # black and white, mid-grey and white, all white
        X = np.maximum(rng.integers(0, 2, (300, 6, 7, 3)), value).astype(dtype)
        Y = one_hot(300, 3)
        for move in (*moves, *[mix] * 40, Compose([*moves, mix])):
            got, _ = move(X, Y, rng)
            assert 0 <= got.min() and got.max() <= 1, f"{move} leaves [0, 1] by rounding"
            jitter(got, Y, rng)


def test_compose_draws_what_its_parts_would_draw_one_after_the_other():
    X, Y, rng = images(9), one_hot(9), seeded(5)
    parts = [RandomRotation(30), RandomHorizontalFlip(), RandomCrop(6), CutMix()]
    got = Compose(parts)(X, Y, seeded(5))
    for part in parts:
        X, Y = part(X, Y, rng)
    np.testing.assert_array_equal(got[0], X)
    np.testing.assert_array_equal(got[1], Y)


def test_defaults():
    assert RandomHorizontalFlip().p == RandomVerticalFlip().p == RandomErasing().p == 0.5
    assert MixUp().alpha == CutMix().alpha == 1.0
    assert tuple(RandomErasing().scale) == (0.02, 0.33) and RandomErasing().value == 0
    assert tuple(RandomErasing().ratio) == (0.3, 3.3) and RandomCrop(4).padding == 0


# Bad input

NOT_NUMBERS = [np.nan, np.inf, "0.5", None, [0.5], 0.5j]
NOT_P = [-0.1, 1.1, *NOT_NUMBERS]
BAD_RANGES = [(2, 1), (0, 1), (-1, 1), (0.1, np.nan), (0.1,), (0.1, 0.2, 0.3), 0.5, None, "ab"]
BAD = {
    "RandomRotation degrees": (lambda v: RandomRotation(v), [-1, *NOT_NUMBERS]),
    "RandomScale": (lambda v: RandomScale(v), [*BAD_RANGES, (1, np.inf)]),
    "RandomHorizontalFlip p": (lambda v: RandomHorizontalFlip(v), NOT_P),
    "RandomVerticalFlip p": (lambda v: RandomVerticalFlip(v), NOT_P),
    "ColorJitter brightness": (lambda v: ColorJitter(v, 0, 0), [-0.1, *NOT_NUMBERS]),
    "ColorJitter contrast": (lambda v: ColorJitter(0, v, 0), [-0.1, *NOT_NUMBERS]),
    "ColorJitter saturation": (lambda v: ColorJitter(0, 0, v), [-0.1, *NOT_NUMBERS]),
    "RandomCrop size": (lambda v: RandomCrop(v), [0, -1, 2.5, "4", None, (4,), (4, 0), (4, 2.5)]),
    "RandomCrop padding": (lambda v: RandomCrop(4, v), [-1, 0.5, "1", None, np.nan]),
    "RandomErasing p": (lambda v: RandomErasing(v), NOT_P),
    "RandomErasing scale": (lambda v: RandomErasing(scale=v), [*BAD_RANGES, (0.1, 1.1)]),
    "RandomErasing ratio": (lambda v: RandomErasing(ratio=v), [*BAD_RANGES, (1, np.inf)]),
    "RandomErasing value": (lambda v: RandomErasing(value=v), ["0", None, [0.5]]),
    "MixUp alpha": (lambda v: MixUp(v), [0, 0.0, -1, *NOT_NUMBERS]),
    "CutMix alpha": (lambda v: CutMix(v), [0, 0.0, -1, *NOT_NUMBERS]),
    "Compose transforms": (lambda v: Compose(v), [3, None, [3], RandomRotation(3), "ab", [None]]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_name_what_is_allowed(name):
    make, values = BAD[name]
    for value in values:
        raises(lambda v=value: make(v), *name.split()[1:], "must be")


def test_a_crop_larger_than_the_padded_image_and_a_box_that_cannot_be_raise():
    for size in (8, (8, 3), (3, 10)):
        raises(lambda s=size: RandomCrop(s)(images(), None, seeded()), "size", "7", "9")
    RandomCrop((9, 11), padding=1)(images(), None, seeded())
    never = RandomErasing(1, scale=(0.9, 1.0), ratio=(3, 3.3))
    raises(lambda: never(images(h=8, w=8), None, seeded()), "scale", "ratio", "8x8")
