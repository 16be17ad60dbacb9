"""The data sets, made and real: shapes, ranges, seeds, and nothing learnt from what is held out."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from small_network import raises

from reglib import data


def rng(seed=0):
    return np.random.default_rng(seed)


# Real sets


def test_digits():
    X, y = data.load_digits()
    assert X.shape == (1797, 64) and y.shape == (1797,)
    assert X.dtype == np.float64 and (X.min(), X.max()) == (0.0, 1.0), "not in [0, 1]"
    assert y.dtype.kind == "i" and np.unique(y).tolist() == list(range(10))
    np.testing.assert_array_equal(X * 16, datasets.load_digits().data)


def test_diabetes_is_in_raw_units():
    X, y, names = data.load_diabetes()
    assert X.shape == (442, 10) and y.shape == (442,)
    assert names == ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
    assert 18 <= X[:, 0].min() and X[:, 0].max() <= 100, "column age does not hold years"
    theirs = datasets.load_diabetes(return_X_y=True)[0]
    np.testing.assert_allclose(
        StandardScaler().fit_transform(X) / np.sqrt(442), theirs, atol=1e-5, err_msg="other data"
    )


def test_breast_cancer():
    X, y, names = data.load_breast_cancer()
    assert X.shape == (569, 30) and len(names) == 30 and names[0] == "mean radius"
    assert {type(name) for name in names} == {str}
    assert np.bincount(y).tolist() == [212, 357], "1 must be benign"


def test_photos():
    photos = data.load_photos()
    assert photos.shape == (2, 427, 640, 3) and photos.dtype == np.float64
    assert 0 <= photos.min() and photos.max() == 1.0
    np.testing.assert_array_equal(
        np.round(photos[1] * 255), datasets.load_sample_image("flower.jpg"), "not china, flower"
    )


# Made sets

DRAWS = {
    "noisy_polynomial": lambda r: data.noisy_polynomial(30, rng=r),
    "two_moons": lambda r: data.two_moons(30, rng=r),
    "flip_labels": lambda r: (data.flip_labels(np.arange(50) % 5, p=0.5, rng=r),),
    "split": lambda r: sum(data.split(np.eye(30), np.arange(30), [10, 12], r), ()),
    "noisy_digits": lambda r: sum(data.noisy_digits(rng=r), ()),
    "wide_diabetes": lambda r: sum(data.wide_diabetes(rng=r), ()),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_repeats_and_another_does_not(draw):
    state = repr(np.random.get_state())  # noqa: NPY002  (must stay untouched)
    first, again, other = draw(rng(3)), draw(rng(3)), draw(rng(4))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b, "the same seed gave something else")
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True)), (
        "another seed gave the same"
    )
    generator = rng(3)
    draw(generator)
    second = draw(generator)
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True)), (
        "a second draw from the same generator repeats the first"
    )
    draw(None)
    assert repr(np.random.get_state()) == state, "NumPy's global state was used"  # noqa: NPY002


def test_noisy_polynomial_is_truth_plus_noise():
    x, y = data.noisy_polynomial(20_000, noise=0.5, rng=rng())
    assert x.shape == y.shape == (20_000,)
    assert -1 <= x.min() and x.max() <= 1 and (np.diff(x) >= 0).all(), "x not sorted in [-1, 1]"
    residual = y - data.polynomial_truth(x)
    # Five standard errors: of a mean sigma/sqrt(n), of a standard deviation sigma/sqrt(2 n).
    assert abs(residual.mean()) < 5 * 0.5 / np.sqrt(20_000)
    assert abs(residual.std() - 0.5) < 5 * 0.5 / np.sqrt(40_000)
    x, y = data.noisy_polynomial(noise=0, rng=rng())
    np.testing.assert_array_equal(y, data.polynomial_truth(x), "noise 0 is not the truth")
    assert len(x) == 20


def test_polynomial_truth_is_cubic_and_odd():
    x = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(
        np.polyfit(x, data.polynomial_truth(x), 3), [3, 0, -1.8, 0], atol=1e-12
    )
    np.testing.assert_array_equal(data.polynomial_truth([0, 1]), [0, 3 * 0.4], "of a list")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_polynomial_features(dtype):
    x = np.linspace(-2, 2, 7).astype(dtype)
    got = data.polynomial_features(x, 9)
    assert got.shape == (7, 9) and got.dtype == dtype
    theirs = PolynomialFeatures(9, include_bias=False).fit_transform(x[:, None])
    np.testing.assert_allclose(got, theirs, rtol=1e-5 if dtype == np.float32 else 1e-13)
    big = data.polynomial_features(np.array([10]), 25)[0, -1]
    assert big == pytest.approx(1e25), f"integers overflowed: {big}"


def test_two_moons():
    X, y = data.two_moons(401, noise=0.0, rng=rng())
    assert X.shape == (401, 2) and np.bincount(y).tolist() == [201, 200]
    upper, lower = X[y == 0], np.array([1.0, 0.5]) - X[y == 1]
    for name, moon in (("upper", upper), ("lower", lower)):
        np.testing.assert_allclose(np.hypot(*moon.T), 1, err_msg=f"{name}: not a circle")
        assert (moon[:, 1] >= 0).all(), f"{name}: not a half circle"
    noisy, _ = data.two_moons(20_000, noise=0.3, rng=rng())
    clean, _ = data.two_moons(20_000, noise=0.0, rng=rng())
    assert (noisy - clean).std() == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(2 * 40_000))


@pytest.mark.parametrize("k", [2, 10])
@pytest.mark.parametrize("p", [0.2, 0.7, 1.0])
def test_flip_labels_changes_the_expected_share(k, p):
    n = 20_000
    y = np.arange(n) % k
    flipped = data.flip_labels(y, p, rng())
    share = p * (k - 1) / k
    tolerance = 5 * np.sqrt(share * (1 - share) / n)  # five standard errors of a binomial share
    wrong = np.mean(flipped != y)
    assert abs(wrong - share) < tolerance, f"{wrong:.4f} are wrong, expected {share:.4f}"
    counts = np.bincount(flipped[flipped != y], minlength=k) / np.sum(flipped != y)
    spread = 5 * np.sqrt(1 / k * (1 - 1 / k) / np.sum(flipped != y))
    assert np.abs(counts - 1 / k).max() < spread, f"new labels are not uniform: {counts}"
    np.testing.assert_array_equal(y, np.arange(n) % k, "the input was changed in place")


def test_flip_labels_edges():
    y = np.array([3, 7, 7, 9])
    same = data.flip_labels(y, p=0.0)
    assert same is not y and not np.shares_memory(same, y), "must be a copy"
    np.testing.assert_array_equal(same, y)
    assert same.dtype == y.dtype
    redrawn = data.flip_labels(np.repeat(y, 100), p=1.0, rng=rng())
    assert set(redrawn.tolist()) == {3, 7, 9}, "drew a class that is not in y"
    assert data.flip_labels(["a", "b"] * 20, 1.0, rng()).dtype.kind == "U", "names as labels"


# Splits and scaling


def test_split_is_disjoint_complete_shuffled_and_keeps_pairs():
    X, y = np.arange(200).reshape(100, 2), np.arange(100)
    parts = data.split(X, y, (50, 30, 20), rng())
    assert [len(a) for a, _ in parts] == [len(b) for _, b in parts] == [50, 30, 20]
    rows = np.concatenate([b for _, b in parts])
    assert sorted(rows.tolist()) == list(range(100)), "rows are lost or repeated"
    assert rows.tolist() != list(range(100)), "not shuffled"
    for a, b in parts:
        np.testing.assert_array_equal(a, X[b], "a row of X lost its y")
        assert not np.shares_memory(a, X) and not np.shares_memory(b, y), "a view of the input"
    some = data.split(X, y, np.array([5, 0, 7]), rng())
    assert [len(b) for _, b in some] == [5, 0, 7]
    assert not set(some[0][1]) & set(some[2][1]), "two parts share a row"


def test_standardize_learns_from_the_first_array_alone():
    train, other = rng(0).normal(5, 3, (40, 3)), rng(1).normal(-2, 7, (15, 3))
    before = train.copy(), other.copy()
    ours = data.standardize(train, other, other * 100)
    scaler = StandardScaler().fit(train)
    for X, theirs in zip(ours, (train, other, other * 100), strict=True):
        np.testing.assert_allclose(X, scaler.transform(theirs), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(ours[0], data.standardize(train, 9 * other)[0], "leaks others")
    np.testing.assert_array_equal(before[0], train, "changed in place")
    np.testing.assert_array_equal(before[1], other, "changed in place")


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3, -7.7])
def test_standardize_leaves_constant_columns_unscaled(value):
    """The rounding of the mean gives some constant columns a standard deviation of 1e-17."""
    for n in (3, 7, 10, 49, 1000):
        train, other = data.standardize(np.full((n, 1), value), np.array([[value + 2.0]]))
        np.testing.assert_allclose(train, 0, atol=1e-9, err_msg=f"{n} rows of {value}")
        np.testing.assert_allclose(other, 2, rtol=1e-9, err_msg=f"{n} rows of {value}")


def test_standardize_keeps_dtype_and_takes_integers():
    for X in data.standardize(np.float32([[1, 5], [2, 5]]), np.ones((3, 2), np.float32)):
        assert X.dtype == np.float32
    assert data.standardize(np.array([[0], [2]]))[0].tolist() == [[-1.0], [1.0]]


def test_noisy_digits_keep_validation_and_test_clean():
    truth = {row.tobytes(): label for row, label in zip(*data.load_digits(), strict=True)}
    for p, share in ((0.2, 0.18), (1.0, 0.9), (0.0, 0.0)):
        parts = data.noisy_digits(n=1000, p=p, rng=rng())
        wrong = [
            np.mean([truth[x.tobytes()] != t for x, t in zip(*part, strict=True)]) for part in parts
        ]
        assert [len(y) for _, y in parts] == [1000, 400, 397]
        assert wrong[1:] == [0, 0], f"p={p}: labels held out are noisy: {wrong[1:]}"
        tolerance = 5 * np.sqrt(share * (1 - share) / 1000)
        assert abs(wrong[0] - share) <= tolerance, f"p={p}: {wrong[0]} of the training labels wrong"
    rows = [x.tobytes() for X, _ in parts for x in X]
    everything = [x.tobytes() for x in data.load_digits()[0]]
    assert sorted(rows) == sorted(everything), "the three parts are not all digits, each once"


def test_noisy_digits_draw_the_same_digits_whatever_p():
    few, many = data.noisy_digits(p=0.0, rng=rng(5)), data.noisy_digits(p=1.0, rng=rng(5))
    for part in range(3):
        np.testing.assert_array_equal(few[part][0], many[part][0], f"part {part} has other digits")


def test_wide_diabetes_is_scaled_by_its_training_part():
    (X, y), (X_val, y_val), (X_test, y_test) = data.wide_diabetes(rng=rng())
    assert X.shape == (80, 55) and X_val.shape == (150, 55) and X_test.shape == (212, 55)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-12)
    assert abs(y.mean()) < 1e-10 and abs(y_val.mean()) > 1e-3, "centred by the wrong part"
    assert np.abs(X_test.mean(axis=0)).max() > 1e-3, "the test part was scaled by itself"


# Bad input

NOT_COUNTS = [0, -1, 2.5, np.nan, "3", None]


@pytest.mark.parametrize("n", NOT_COUNTS, ids=repr)
def test_counts_must_be_whole_and_positive(n):
    calls = [data.noisy_polynomial, data.two_moons, data.noisy_digits, data.wide_diabetes]
    for call in calls:
        raises(lambda call=call: call(n), "n must be a whole number", repr(n))
    raises(lambda: data.polynomial_features(np.ones(3), n), "degree", ">= 1", repr(n))


@pytest.mark.parametrize("noise", [-0.1, np.nan, np.inf, "0.1", None], ids=repr)
def test_noise_must_be_finite_and_not_negative(noise):
    for call in (data.noisy_polynomial, data.two_moons):
        raises(lambda call=call: call(10, noise), "noise", ">= 0", repr(noise))


@pytest.mark.parametrize("p", [-0.01, 1.01, np.nan, "0.5", None, [0.5]], ids=repr)
def test_p_must_be_a_probability(p):
    raises(lambda: data.flip_labels([0, 1], p), "p must be", "[0, 1]", repr(p))
    raises(lambda: data.noisy_digits(p=p), "p must be", "[0, 1]", repr(p))


def test_sizes_and_shapes_that_do_not_fit_raise():
    X, y = np.eye(10), np.arange(10)
    raises(lambda: data.split(X, y[:9], [5]), "X and y", 10, 9)
    for sizes in ([], 5, "5"):
        raises(lambda sizes=sizes: data.split(X, y, sizes), "sizes", "whole numbers", repr(sizes))
    for size in (-1, 2.0, np.nan, "2"):
        raises(lambda size=size: data.split(X, y, [3, size]), "sizes", ">= 0", repr(size))
    raises(lambda: data.split(X, y, [6, 5]), "sizes", "10 at most", "[6, 5]")
    raises(lambda: data.noisy_digits(1397), "n must be", 1396, 1397)
    raises(lambda: data.wide_diabetes(292), "n must be", 291, 292)
    raises(lambda: data.flip_labels([]), "y must be (n,)", "(0,)")
    raises(lambda: data.flip_labels(np.eye(2)), "y must be (n,)", "(2, 2)")
    raises(lambda: data.polynomial_features(np.eye(2), 2), "x must be", "(2, 2)")
    raises(lambda: data.standardize(np.ones((0, 2))), "X_train", "(0, 2)")
    raises(lambda: data.standardize(X, np.ones((3, 1))), "X_train", "(3, 1)")
    raises(lambda: data.standardize([["a"]]), "X_train", "numbers")
