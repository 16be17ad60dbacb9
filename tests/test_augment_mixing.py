"""Mixup and CutMix by formula and pixel count; then what every pure function has to keep."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from small_images import PURE, each_dtype, each_pure, frozen, images, one_hot, seeded
from small_network import raises

from reglib import augment

pytestmark = pytest.mark.filterwarnings("error")

# Mixup


@each_dtype
@pytest.mark.parametrize("shape", [(4,), (5, 6, 3), (2, 3), ()], ids=str)
def test_mixup_mixes_inputs_and_labels_alike(shape, dtype):
    rng = seeded()
    X = rng.standard_normal((7, *shape)).astype(dtype)
    Y = rng.dirichlet(np.ones(3), 7).astype(dtype)
    perm = rng.permutation(7)
    for lam in (0, 0.0, 0.2, np.float64(0.7), np.float32(0.5), 1):
        kept = float(lam)
        for got, wanted in zip(augment.mixup(X, Y, lam, perm), (X, Y), strict=True):
            formula = kept * wanted.astype(float) + (1 - kept) * wanted[perm].astype(float)
            assert got.dtype == dtype and got.shape == wanted.shape
            tolerance = 8 * np.finfo(dtype).eps
            np.testing.assert_allclose(got, formula, atol=tolerance, err_msg=f"lam={lam}")


def test_mixup_keeps_each_dtype_and_takes_a_list_as_order():
    X, Y, order = images(3).astype(np.float32), one_hot(3), [2, 0, 1]
    mixed_X, mixed_Y = augment.mixup(X, Y, 0.25, order)
    assert (mixed_X.dtype, mixed_Y.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(mixed_Y, 0.25 * Y + 0.75 * Y[order])


@each_dtype
def test_mixups_ends_are_the_two_partners(dtype):
    X, Y, perm = images(5, dtype=dtype), one_hot(5).astype(dtype), np.array([3, 4, 0, 2, 1])
    for lam, rows in ((1, np.arange(5)), (0, perm)):
        mixed_X, mixed_Y = augment.mixup(X, Y, lam, perm)
        np.testing.assert_array_equal(mixed_X, X[rows], f"lam={lam}")
        np.testing.assert_array_equal(mixed_Y, Y[rows], f"lam={lam}")


# CutMix


def marked(n, h, w, c=1, dtype=np.float64):
    """Images that are filled with their own number, so that each pixel tells whence it came."""
    return np.broadcast_to(np.arange(n, dtype=dtype)[:, None, None, None], (n, h, w, c)).copy()


def check_cut(X, Y, box, perm, got, tolerance):
    """Assert pixels and labels of a CutMix of marked images, by looking at every pixel."""
    (n, h, w, _), (top, left, height, width) = X.shape, box
    rows, columns = np.arange(h)[:, None], np.arange(w)
    inside = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    wanted = np.where(inside[None, ..., None], X[perm], X)
    np.testing.assert_array_equal(got[0], wanted, f"pixels of box {box}", strict=True)
    for i in range(n):
        share = np.bincount(got[0][i, ..., 0].astype(int).ravel(), minlength=n) / (h * w)
        message = f"labels of image {i}, box {box} in {h}x{w}"
        np.testing.assert_allclose(got[1][i], share @ Y, rtol=0, atol=tolerance, err_msg=message)
    assert got[1].dtype == Y.dtype


@each_dtype
@pytest.mark.parametrize(("h", "w"), [(4, 8), (5, 3)])
def test_the_labels_are_the_areas_of_every_possible_box(h, w, dtype):
    """Inside, across each border, in the corners, around the image and outside it."""
    X, Y, perm = marked(3, h, w, 1, dtype), one_hot(3).astype(dtype), np.array([1, 2, 0])
    tolerance = 0 if h * w == 32 else 2 * np.finfo(dtype).eps  # a share of 32 is exact
    for top in range(-h - 1, h + 2):
        for left in range(-w - 1, w + 2, 2):
            for height in range(1, h + 4, 2):
                for width in range(1, w + 4, 2):
                    box = top, left, height, width
                    check_cut(X, Y, box, perm, augment.cutmix(X, Y, *box, perm), tolerance)


@settings(deadline=None, max_examples=120, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3)),
    corner=st.tuples(st.integers(-15, 15), st.integers(-15, 15)),
    side=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    perm=st.permutations(range(5)),
)
def test_the_labels_are_the_areas_of_any_box_in_any_image(size, corner, side, perm):
    X, Y, box = marked(5, *size), seeded().dirichlet(np.ones(4), 5), (*corner, *side)
    check_cut(X, Y, box, perm, augment.cutmix(X, Y, *box, perm), 1e-15)


def test_cutmix_takes_the_box_from_the_partner_in_the_same_place():
    X, Y, perm = images(4, 6, 7, 3), one_hot(4), np.array([2, 0, 3, 1])
    got, labels = augment.cutmix(X, Y, 1, 2, 3, 4, perm)
    wanted = X.copy()
    wanted[:, 1:4, 2:6] = X[perm][:, 1:4, 2:6]
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_allclose(labels, (1 - 12 / 42) * Y + 12 / 42 * Y[perm], atol=1e-15)


def test_an_empty_box_and_one_of_the_whole_image():
    X, Y, perm = images(3, 5, 6, 3), one_hot(3), np.array([1, 2, 0])
    for box, rows in (
        ((2, 2, 0, 3), np.arange(3)),
        ((2, 2, 3, 0), np.arange(3)),
        ((5, 0, 3, 3), np.arange(3)),
        ((0, -3, 5, 3), np.arange(3)),
        ((0, 0, 5, 6), perm),
        ((-4, -9, 90, 90), perm),
    ):
        got, labels = augment.cutmix(X, Y, *box, perm)
        np.testing.assert_array_equal(got, X[rows], f"box {box}")
        np.testing.assert_array_equal(labels, Y[rows], f"box {box}")


MIX = {
    "mixup": lambda X, Y, perm: augment.mixup(X, Y, 0.3, perm),
    "cutmix": lambda X, Y, perm: augment.cutmix(X, Y, 1, -1, 3, 4, perm),
}
each_mix = pytest.mark.parametrize("name", MIX)


@each_mix
@each_dtype
def test_rows_of_mixed_labels_keep_their_sum(name, dtype):
    Y = seeded().dirichlet(np.ones(6), 20).astype(dtype)
    _, labels = MIX[name](images(20, dtype=dtype), Y, seeded().permutation(20))
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=8 * np.finfo(dtype).eps)


@each_mix
def test_mixing_changes_nothing_in_place_and_returns_new_arrays(name):
    X, Y, perm = frozen(images(4), one_hot(4), np.array([1, 0, 3, 2]))
    for order in (perm, np.arange(4)):
        for got in MIX[name](X, Y, order):
            assert got.flags.writeable and got.flags.owndata, name
            assert not any(np.shares_memory(got, given) for given in (X, Y, order)), name
    for got in (*augment.mixup(X, Y, 1, perm), *augment.cutmix(X, Y, 0, 0, 0, 0, perm)):
        assert not (np.shares_memory(got, X) or np.shares_memory(got, Y)), "nothing mixed"


@each_mix
def test_mixing_any_view_of_memory(name):
    X, Y, perm = images(6, 7, 9, 3), one_hot(6, 4), np.array([5, 3, 4, 1, 0, 2])
    big, tall = np.repeat(X, 2, axis=1), np.repeat(Y, 3, axis=0)
    views = [np.asfortranarray(X), big[:, ::2], X[::-1][::-1], np.moveaxis(X, 1, 2).swapaxes(1, 2)]
    wanted = MIX[name](X, Y, perm)
    for view in views:
        for got, expected in zip(MIX[name](view, tall[::3], perm), wanted, strict=True):
            np.testing.assert_array_equal(got, expected)


@each_mix
def test_bad_data_to_mix_raise_and_name_what_is_allowed(name):
    X, Y, perm = images(4), one_hot(4), np.array([1, 0, 3, 2])
    mix = MIX[name]
    for bad in (np.arange(4), np.arange(4.0), Y.astype(int), Y[:3], Y[None], Y > 0, None, "ab"):
        raises(lambda b=bad: mix(X, b, perm), "Y", "must be")
    for bad in (np.ones(X.shape, int), X > 0.5, X.astype(str), X + 0j, (255 * X).astype(np.uint8)):
        raises(lambda b=bad: mix(b, Y, perm), "X" if name == "mixup" else "", "must be", "float")
    for bad in (perm[:3], perm * 1.0, [1, 0, 3, 4], [0, 1, 2, -1], perm[None], 2, None, "0123"):
        raises(lambda b=bad: mix(X, Y, b), "perm", "must be")


def test_bad_lam_and_bad_boxes_raise():
    X, Y, perm, box = images(4), one_hot(4), np.arange(4), dict(top=0, left=0, height=2, width=2)
    for bad in (-0.1, 1.1, np.nan, np.inf, "0.5", None, [0.5], [0.5] * 4, 0.5j):
        raises(lambda b=bad: augment.mixup(X, Y, b, perm), "lam", repr(bad), "[0, 1]")
    for name in box:
        for bad in (0.5, "1", None, np.nan, [1], [1, 1, 1, 1]):
            arguments = {**box, name: bad}
            raises(lambda a=arguments: augment.cutmix(X, Y, **a, perm=perm), name, "must be")
    for name in ("height", "width"):
        arguments = {**box, name: -1}
        raises(lambda a=arguments: augment.cutmix(X, Y, **a, perm=perm), name, -1, "0")
    raises(lambda: augment.cutmix(X[..., 0], Y, 0, 0, 1, 1, perm), "must be", "(n, h, w, c)")


# What every pure function keeps


@each_pure
@each_dtype
def test_the_dtype_is_kept(name, dtype):
    assert PURE[name](images(dtype=dtype)).dtype == dtype, name


@each_dtype
def test_numpys_numbers_as_arguments_keep_the_dtype(dtype):
    batch, Y, perm = images(2, 6, 7, 3, dtype), one_hot(2).astype(dtype), np.array([1, 0])
    for kind in (np.float64, np.float32, lambda v: np.full(2, v)):
        for f in (augment.rotate, augment.scale, augment.adjust_brightness):
            assert f(batch, kind(1.5)).dtype == dtype, f.__name__
        for f in (augment.adjust_contrast, augment.adjust_saturation):
            assert f(batch, kind(1.5)).dtype == dtype, f.__name__
    assert augment.erase(batch, 0, 0, 2, 2, np.float64(0.3)).dtype == dtype
    for lam in (np.float64(0.3), np.float32(0.3)):
        assert {a.dtype for a in augment.mixup(batch, Y, lam, perm)} == {np.dtype(dtype)}


@each_pure
def test_nothing_is_changed_in_place_and_what_comes_back_is_new(name):
    for batch in (frozen(images()), frozen(images(c=1)), frozen(images(1))):
        got = PURE[name](batch)
        assert not np.shares_memory(got, batch), f"{name} returns a view of its input"
        assert got.flags.writeable, f"{name} returns an array that cannot be written"


@each_pure
def test_one_batch_or_one_image_at_a_time(name):
    batch = images(5)
    singly = np.concatenate([PURE[name](batch[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(PURE[name](batch), singly, rtol=0, atol=1e-15, err_msg=name)


@each_pure
def test_any_view_of_memory(name):
    batch = images(4)
    wide = np.zeros((8, 14, 9, 5))
    wide[1::2, ::2, :, 1:4] = batch
    views = {
        "Fortran order": np.asfortranarray(batch),
        "strided": wide[1::2, ::2, :, 1:4],
        "reversed": batch[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
        "transposed": np.moveaxis(np.moveaxis(batch, 3, 1).copy(), 1, 3),
    }
    wanted = PURE[name](batch)
    for kind, view in views.items():
        got = PURE[name](view)
        message = f"{name} of a {kind} view"
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-15, err_msg=message)
    shown = np.broadcast_to(batch[:1], batch.shape)
    for image in PURE[name](shown):
        np.testing.assert_allclose(image, wanted[0], rtol=0, atol=1e-15, err_msg=name)


@each_pure
@each_dtype
def test_a_batch_of_none_comes_back_as_it_is(name, dtype):
    batch = np.zeros((0, 7, 9, 3), dtype)
    got = PURE[name](batch)
    assert got.shape[0] == 0 and got.shape[1:] == PURE[name](images(1)).shape[1:], name
    assert got.dtype == dtype, name


@each_pure
def test_images_of_the_wrong_shape_or_kind_raise(name):
    batch = images()
    for bad in (batch[0], batch[..., 0], batch.reshape(4, 63, 3), batch[None], batch[..., :0]):
        raises(lambda b=bad: PURE[name](b), "images", "(n, h, w, c)", bad.shape)
    for bad in ((255 * batch).astype(np.uint8), np.ones(batch.shape, int), batch > 0.5):
        raises(lambda b=bad: PURE[name](b), "images", "float", bad.dtype)
    for bad in (batch + 0j, batch.astype(str), batch.astype(object)):
        raises(lambda b=bad: PURE[name](b), "images", "must be")


def test_the_names_of_the_module_are_those_of_the_package():
    import reglib

    names = """rotate scale hflip vflip adjust_brightness adjust_contrast adjust_saturation crop
    erase mixup cutmix RandomRotation RandomScale RandomHorizontalFlip RandomVerticalFlip
    ColorJitter RandomCrop RandomErasing MixUp CutMix Compose""".split()
    assert set(names) <= set(augment.__all__), "reglib.augment.__all__"
    missing = [name for name in names if getattr(reglib, name, None) is not getattr(augment, name)]
    assert not missing, f"from reglib import {', '.join(missing)}"
