"""Data to learn on: real sets that come with scikit-learn, two made ones, and how to split them."""

from functools import cache

import numpy as np

from reglib.checks import floats, number, whole


def load_digits():
    """Return the 8x8 handwritten digits: X (1797, 64) float in [0, 1], y (1797,) in 0..9.

    Source: Alpaydin and Kaynak (1998), Optical recognition of handwritten digits (test part).

    Examples
    --------
    >>> X, y = load_digits()
    >>> X.shape, float(X.max())
    ((1797, 64), 1.0)
    """
    bunch = _bundled("digits")
    return bunch.data / 16.0, bunch.target.copy()


@cache  # the digits take as long to parse as a quick network to train
def _bundled(name, **options):
    """Return what scikit-learn's loader of that name returns; the arrays are shared."""
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(**options)


def load_diabetes():
    """Return X (442, 10) in raw units, y (442,) the disease's progress after a year, and names.

    Source: Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression.

    Examples
    --------
    >>> X, y, names = load_diabetes()
    >>> X.shape, names[:3]
    ((442, 10), ['age', 'sex', 'bmi'])
    """
    bunch = _bundled("diabetes", scaled=False)
    return bunch.data.copy(), bunch.target.copy(), list(bunch.feature_names)


def load_breast_cancer():
    """Return X (569, 30) in raw units, y (569,) with 1 for benign, and the features' names.

    Source: Street, Wolberg and Mangasarian (1993), Nuclear feature extraction for breast tumor
    diagnosis.

    Examples
    --------
    >>> X, y, names = load_breast_cancer()
    >>> X.shape, int(y.sum())
    ((569, 30), 357)
    """
    bunch = _bundled("breast_cancer")
    return bunch.data.copy(), bunch.target.copy(), [str(name) for name in bunch.feature_names]


def load_photos():
    """Return two colour photographs, a temple and a flower: (2, 427, 640, 3) float in [0, 1].

    Examples
    --------
    >>> load_photos().shape
    (2, 427, 640, 3)
    """
    return np.stack(_bundled("sample_images").images) / 255.0


def polynomial_truth(x):
    """Return ``3 x (x² - 0.6)``, the curve behind `noisy_polynomial`.

    Examples
    --------
    >>> round(float(polynomial_truth(1.0)), 2)
    1.2
    """
    x = floats("x", x)
    return 3 * x * (np.square(x) - 0.6)


def noisy_polynomial(n=20, noise=0.2, rng=None):
    """Return x (n,) uniform in [-1, 1], sorted, and y (n,) = truth + noise * standard normal.

    Examples
    --------
    >>> x, y = noisy_polynomial(5, rng=np.random.default_rng(0))
    >>> x.shape, y.shape
    ((5,), (5,))
    """
    rng, noise = np.random.default_rng(rng), number("noise", noise, ">= 0")
    x = np.sort(rng.uniform(-1, 1, whole("n", n)))
    return x, polynomial_truth(x) + noise * rng.standard_normal(n)


def polynomial_features(x, degree):
    """Return the powers x, x², ... x^degree of x (n,) as columns (n, degree); no constant.

    Examples
    --------
    >>> polynomial_features(np.array([2.0]), 3).tolist()
    [[2.0, 4.0, 8.0]]
    """
    x = floats("x", x)
    if x.ndim != 1:
        raise ValueError(f"x must be one-dimensional, got shape {x.shape}")
    return x[:, None] ** np.arange(1, whole("degree", degree) + 1, dtype=x.dtype)


def two_moons(n=200, noise=0.2, rng=None):
    """Return X (n, 2), two interleaved half circles with normal noise, and y (n,) in {0, 1}.

    Examples
    --------
    >>> X, y = two_moons(100, rng=np.random.default_rng(0))
    >>> X.shape, int(y.sum())
    ((100, 2), 50)
    """
    rng, noise = np.random.default_rng(rng), number("noise", noise, ">= 0")
    y = np.arange(whole("n", n)) % 2
    angle = rng.uniform(0, np.pi, n)
    moons = np.column_stack([np.cos(angle), np.sin(angle)])
    moons[y == 1] = np.array([1.0, 0.5]) - moons[y == 1]
    return moons + noise * rng.standard_normal((n, 2)), y


def flip_labels(y, p=0.2, rng=None):
    """Return a copy of y (n,) in which each label is redrawn with probability p.

    A redrawn label is uniform over the classes in y, so it may come out as it was:
    with k classes a share ``p * (k - 1) / k`` ends up wrong.

    Raises
    ------
    ValueError
        If p is not in [0, 1], or y is not (n,) with n >= 1.

    References
    ----------
    Zhang et al. (2017), Understanding deep learning requires rethinking generalization.

    Examples
    --------
    >>> flip_labels(np.array([0, 1, 2]), p=0.0).tolist()
    [0, 1, 2]
    """
    y, p, rng = np.asarray(y), number("p", p, "in [0, 1]"), np.random.default_rng(rng)
    if y.ndim != 1 or len(y) == 0:
        raise ValueError(f"y must be (n,) with n >= 1, got shape {y.shape}")
    return np.where(rng.random(len(y)) < p, rng.choice(np.unique(y), len(y)), y)


def split(X, y, sizes, rng=None):
    """Return one (X, y) pair for each of ``sizes``: shuffled rows, no row in two pairs.

    Parameters
    ----------
    X : array (n, ...)
    y : array (n, ...)
    sizes : sequence of int
        How many rows each pair gets; their sum is n at most.
    rng : numpy.random.Generator, optional

    Raises
    ------
    ValueError
        If X and y differ in length, or the sizes are none, negative or too large together.

    Examples
    --------
    >>> parts = split(np.eye(10), np.arange(10), (6, 4), np.random.default_rng(0))
    >>> [len(y) for X, y in parts]
    [6, 4]
    """
    X, y = np.asarray(X), np.asarray(y)
    if len(X) != len(y):
        raise ValueError(f"X and y must have the same length, got {len(X)} and {len(y)}")
    if np.ndim(sizes) != 1 or len(sizes) == 0:
        raise ValueError(f"sizes must be a sequence of whole numbers, got {sizes!r}")
    sizes = [whole("sizes", size, low=0) for size in sizes]
    if sum(sizes) > len(X):
        raise ValueError(f"sizes must sum to {len(X)} at most, got {sizes}")
    order = np.random.default_rng(rng).permutation(len(X))
    *parts, _unused = np.split(order, np.cumsum(sizes))
    return [(X[rows], y[rows]) for rows in parts]


def standardize(X_train, *others):
    """Return the arrays scaled by X_train's column means and standard deviations.

    A column that is constant in X_train is centred and not scaled. Nothing is learnt from
    ``others``: scaling them by their own statistics would leak them into training.

    Examples
    --------
    >>> train, test = standardize(np.array([[0.0], [2.0]]), np.array([[4.0]]))
    >>> train.ravel().tolist(), test.ravel().tolist()
    ([-1.0, 1.0], [3.0])
    """
    arrays = [floats("X_train and others", X) for X in (X_train, *others)]
    train, shapes = arrays[0], [X.shape for X in arrays]
    if train.size == 0 or any(X.shape[1:] != train.shape[1:] for X in arrays):
        raise ValueError(f"X_train must have rows, and others its columns, got shapes {shapes}")
    # Not std > 0: the rounding of the mean leaves a constant column a tiny one.
    scale = np.where(np.ptp(train, axis=0) > 0, train.std(axis=0), 1.0)
    return [(X - train.mean(axis=0)) / scale for X in arrays]


def noisy_digits(n=150, p=0.2, rng=None):
    """Return the course's standard experiment as three (X, y) pairs: train, validation, test.

    n training digits (1 to 1396) whose labels are redrawn with probability p; 400 validation
    digits and all the rest as test keep their true labels.

    Examples
    --------
    >>> train, validation, test = noisy_digits(rng=np.random.default_rng(0))
    >>> len(train[1]), len(validation[1]), len(test[1])
    (150, 400, 1247)
    """
    rng = np.random.default_rng(rng)
    X, y = load_digits()
    n = whole("n", n, high=len(X) - 401)
    (X_train, y_train), validation, test = split(X, y, (n, 400, len(X) - n - 400), rng)
    return (X_train, flip_labels(y_train, p, rng)), validation, test


def wide_diabetes(n=80, rng=None):
    """Return a regression made to overfit, as three (X, y) pairs: train, validation, test.

    The ten measurements of the diabetes data and their 45 pairwise products, 55 columns, for n
    training patients, 150 for validation and the rest as test. Columns are standardised and y is
    centred by the training part alone, so that no model here needs a bias.

    Examples
    --------
    >>> train, validation, test = wide_diabetes(rng=np.random.default_rng(0))
    >>> train[0].shape, len(validation[1]), len(test[1])
    ((80, 55), 150, 212)
    """
    from sklearn.preprocessing import PolynomialFeatures

    X, y, _ = load_diabetes()
    n = whole("n", n, high=len(X) - 151)
    parts = split(X, y, (n, 150, len(X) - n - 150), rng)
    products = PolynomialFeatures(interaction_only=True, include_bias=False)
    # Scaled before multiplying as well: a product of raw units would mostly repeat its factors.
    inputs = standardize(*[products.fit_transform(X) for X in standardize(*[X for X, _ in parts])])
    centre = parts[0][1].mean()
    return [(X, y - centre) for X, (_, y) in zip(inputs, parts, strict=True)]
