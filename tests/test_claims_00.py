"""What notebook 00 says in words holds on draws that it does not show."""

import numpy as np
import pytest
from lessons import run_lesson

from reglib import L1, L2, DropConnect, ElasticNet, data

SEEDS = range(100, 105)  # the notebook shows 0 to 4


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("00_start_here", SEEDS=SEEDS)


@pytest.fixture(scope="module")
def runs(lesson):
    """Runs by share of redrawn labels, and "back": those that return to their best epoch."""
    return lesson["runs"] | {"back": lesson["back"]}


# 1. The polynomial


def test_training_error_falls_and_validation_error_turns(lesson):
    errors = np.array([lesson["polynomial_errors"](seed, range(1, 16)) for seed in range(100, 140)])
    training, validation = np.median(errors, axis=0).T
    assert np.all(np.diff(errors[:, :, 0]) <= 1e-9), "a higher degree fitted its own points worse"
    assert validation.argmin() == 2, f"the best degree is {validation.argmin() + 1}, not 3"
    assert np.all(training[2:] < 0.2), "from degree 3 on the training error is below the noise"
    assert np.all(np.diff(validation[3:]) > 0), "past degree 4 the validation error does not rise"
    assert validation[14] > 10 * validation[2], "degree 15 is not far worse than degree 3"
    assert training[0] > 2 * training[2] and validation[0] > 2 * validation[2]


# 2. The memorisation triptych


def test_training_accuracy_is_perfect_whatever_the_labels_and_test_accuracy_falls(runs):
    test = {p: np.array([run["test_accuracy"] for run in runs[p]]) for p in (0.0, 0.2, 1.0)}
    for p in test:
        last = [run["accuracy"][-1] for run in runs[p]]
        assert last == [1.0] * len(SEEDS), f"p = {p}: training accuracies {last}"
    assert np.all(test[0.0] > test[0.2]) and np.all(test[0.2] > test[1.0]), test
    assert test[0.0].mean() > 0.88, "with clean labels the oversized network does well"
    assert abs(test[1.0].mean() - 0.1) < 0.05, "with random labels it is about as good as guessing"
    assert runs[0.0][0]["size"] == 9610


def test_the_same_seed_has_the_same_digits_and_differs_in_redrawn_labels_alone():
    for p in (0.2, 1.0):
        clean, redrawn = (data.noisy_digits(150, q, np.random.default_rng(7)) for q in (0.0, p))
        for k in range(3):
            np.testing.assert_array_equal(clean[k][0], redrawn[k][0])
        share = np.mean(clean[0][1] != redrawn[0][1])
        assert abs(share - 0.9 * p) < 5 * np.sqrt(0.9 * p * (1 - 0.9 * p) / 150), share


# 3. The turn of the validation loss


def test_validation_loss_turns_while_training_loss_goes_to_zero(runs):
    for seed, run in zip(SEEDS, runs[0.2], strict=True):
        assert run["val_loss"][-1] > 1.1 * min(run["val_loss"]), f"seed {seed} does not turn"
        assert run["data_loss"][-1] < 0.05, f"seed {seed}: the training loss stays up"
    turns = [np.argmin(run["val_loss"]) for run in runs[0.2]]
    assert 4 <= np.median(turns) <= 16, f"about ten epochs, found {turns}"


def test_the_epoch_chosen_on_validation_is_better_on_test(runs):
    pairs = zip(runs["back"], runs[0.2], strict=True)
    gain = np.array([back["test_accuracy"] - run["test_accuracy"] for back, run in pairs])
    assert gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain)), gain


def test_true_labels_are_learnt_before_wrong_ones(runs):
    shares = {"back": [], 0.2: []}
    for arm, found in shares.items():
        for seed, run in zip(SEEDS, runs[arm], strict=True):
            (_, truth), _, _ = data.noisy_digits(150, 0.0, np.random.default_rng(seed))
            repeated, wrong = run["answers"] == run["taught"], run["taught"] != truth
            found.append([repeated[~wrong].mean(), repeated[wrong].mean()])
    true_ones, wrong_ones = np.mean(shares["back"], axis=0)
    assert true_ones > 0.9 and wrong_ones < 0.5, f"at the turn {true_ones:.2f}, {wrong_ones:.2f}"
    assert np.min(shares[0.2]) == 1.0, "by the end all labels are repeated"


# 4. Bias, variance, noise


@pytest.mark.parametrize("seed", SEEDS)
def test_the_three_parts_add_up_and_move_as_the_text_says(lesson, seed):
    parts = {degree: lesson["split_error"](degree, seed) for degree in (1, 2, 3, 7, 11, 14)}
    for degree, (bias2, variance, noise2, measured) in parts.items():
        assert bias2 + variance + noise2 == pytest.approx(measured, rel=0.05), f"degree {degree}"
    bias2, variance = ({d: row[k] for d, row in parts.items()} for k in (0, 1))
    assert bias2[1] > 0.15 and bias2[2] == pytest.approx(bias2[1], rel=0.05)
    assert max(bias2[d] for d in (3, 7, 11, 14)) < 0.01, "bias is gone from degree 3 on"
    assert np.all(np.diff(list(variance.values())) > 0), "variance does not grow with the degree"


# 5. Double descent


def test_error_peaks_at_the_threshold_and_a_little_l2_removes_the_peak(lesson):
    sizes = (40, 75, 130, 150, 175, 300, 1200)
    found = np.array([lesson["descent"](seed, sizes) for seed in SEEDS])
    plain, ridge, norm = ({n: found[:, k, j] for k, n in enumerate(sizes)} for j in range(3))
    means = {n: plain[n].mean() for n in sizes}
    assert max(means, key=means.get) == 150, f"the peak is not at 150: {means}"
    assert np.all(plain[150] > plain[75] + 0.3) and np.all(plain[1200] < plain[75])
    assert np.all(ridge[150] < plain[150] - 0.3), "L2 does not remove the peak"
    assert ridge[75].mean() > ridge[150].mean() > ridge[1200].mean(), "L2 has a peak of its own"
    assert abs(np.mean(plain[1200] - ridge[1200])) < 0.02, "at 1,200 features L2 matters"
    assert np.all(norm[150] > 5 * norm[75]) and np.all(norm[75] > norm[1200])


def test_solve_is_the_minimum_it_says(lesson):
    rng = np.random.default_rng(100)
    for n, width in ((30, 8), (8, 30)):
        F, Y, l2 = rng.standard_normal((n, width)), rng.standard_normal((n, 2)), 0.3
        W = lesson["solve"](F, Y, l2)
        np.testing.assert_allclose(2 / n * F.T @ (F @ W - Y) + L2(l2).grad(W), 0, atol=1e-12)
    smallest = lesson["solve"](F, Y, 0)
    np.testing.assert_allclose(F @ smallest, Y, atol=1e-12)
    np.testing.assert_allclose(smallest, np.linalg.pinv(F) @ Y, atol=1e-12)


# 7. Never compare


def test_the_best_of_many_guessers_flatters_on_validation_alone():
    scores = []
    for seed in range(100, 140):
        rng = np.random.default_rng(seed)
        right = rng.integers(10, size=(200, 1100)) == rng.integers(10, size=1100)
        best = right[:, :100].mean(axis=1).argmax()
        scores.append([right[best, :100].mean(), right[best, 100:].mean()])
    validation, test = np.mean(scores, axis=0)
    assert 0.16 < validation < 0.22 and abs(test - 0.1) < 0.01, (validation, test)


# Conventions: each conversion to scikit-learn puts our loss at its minimum, or names its loss


@pytest.fixture(scope="module")
def diabetes():
    X, y, _ = data.load_diabetes()
    return data.standardize(X)[0], y


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.3), (4.0, 0.0), (3.0, 0.2)])
def test_linear_models_of_scikit_learn(diabetes, l1, l2):
    from sklearn import linear_model as sk

    (X, y), n = diabetes, len(diabetes[1])
    if not l1:
        model = sk.Ridge(alpha=n * l2)
    elif not l2:
        model = sk.Lasso(alpha=l1 / 2, tol=1e-10)
    else:
        model = sk.ElasticNet(alpha=l1 / 2 + l2, l1_ratio=l1 / (l1 + 2 * l2), tol=1e-10)
    residual = model.fit(X, y).predict(X) - y
    w, slope = model.coef_, 2 / n * X.T @ residual
    there = w != 0
    np.testing.assert_allclose((slope + ElasticNet(l1, l2).grad(w))[there], 0, atol=1e-5)
    assert np.all(np.abs(slope[~there]) <= l1 + 1e-5)
    assert abs(residual.mean()) < 1e-9, "the intercept is penalised"


def test_logistic_regression_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    X, y, _ = data.load_breast_cancer()
    (X,), n, l2 = data.standardize(X), len(y), 0.05
    model = LogisticRegression(C=1 / (2 * n * l2), tol=1e-10, max_iter=2000).fit(X, y)
    residual = model.predict_proba(X)[:, 1] - y
    assert model.coef_.shape == (1, X.shape[1])
    np.testing.assert_allclose(X.T @ residual / n + L2(l2).grad(model.coef_[0]), 0, atol=1e-6)
    assert abs(residual.mean()) < 1e-6, "the intercept is penalised"
    other = LogisticRegression(C=1e-6, solver="liblinear").fit(X, y)
    free = LogisticRegression(C=1e-6).fit(X, y)
    assert abs(other.intercept_[0]) < 0.01 < 0.4 < free.intercept_[0]


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_networks_of_scikit_learn(kind):
    from sklearn import neural_network

    (X, y), alpha = data.two_moons(60, rng=np.random.default_rng(0)), 0.7
    model = getattr(neural_network, kind)(
        hidden_layer_sizes=(5,),
        alpha=alpha,
        solver="sgd",
        learning_rate_init=1e-9,
        batch_size=60,
        max_iter=1,
    )
    with pytest.warns(Warning, match="converge"):
        model.fit(X, y)
    assert model.coefs_[0].shape == (2, 5)
    if kind == "MLPClassifier":  # mean loss + l2 sum w², with alpha = 2 n l2
        data_loss = -np.mean(np.log(model.predict_proba(X)[np.arange(60), y]))
    else:
        data_loss = np.mean((model.predict(X) - y) ** 2) / 2
    penalty = L2(alpha / (2 * 60))(model.coefs_)
    assert model.loss_ == pytest.approx(data_loss + penalty, rel=1e-5)


# Conventions: PyTorch and Keras, where they are installed (tests/test_elsewhere.py has the noise)


def test_pytorch_says_what_the_table_says():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer, l2 = torch.nn.Linear(4, 3), 0.05
    assert tuple(layer.weight.shape) == (3, 4)
    before = [p.detach().clone() for p in layer.parameters()]
    X, y = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, weight_decay=2 * l2)
    torch.nn.functional.cross_entropy(layer(X), y).backward()
    optimizer.step()
    for old, new in zip(before, layer.parameters(), strict=True):  # the bias pays as well
        torch.testing.assert_close(new.detach(), old - 0.1 * (new.grad + 2 * l2 * old))
    F, W, b = torch.nn.functional, torch.ones(80, 80), torch.full((80,), 0.5)
    ours = DropConnect(0.9, np.random.default_rng(0))
    for training, values in ((True, [0.5, 10.5]), (False, [1.5])):
        theirs = F.linear(torch.eye(80), F.dropout(W, 0.9, training), b).numpy()
        for y in (theirs, ours.forward(np.eye(80), W.numpy(), b.numpy(), training)):
            np.testing.assert_allclose(np.unique(y.round(4)), values, rtol=1e-5)
            assert abs(np.mean(y == y.min()) - (0.9 if training else 1)) < 0.025
    squared = torch.nn.MSELoss()(torch.zeros(2, 5), torch.full((2, 5), 3.0))
    assert squared == 9.0, "the mean over samples and outputs"
    weight = torch.nn.Parameter(torch.ones(1))
    decoupled = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.zeros(1)
    decoupled.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([1 - 0.1 * 0.5]))


def test_keras_says_what_the_table_says():
    keras = pytest.importorskip("keras")
    w = np.array([[3.0, -4.0]], dtype="float32")
    assert float(keras.regularizers.L1(0.1)(w)) == pytest.approx(L1(0.1)(w))
    assert float(keras.regularizers.L2(0.1)(w)) == pytest.approx(L2(0.1)(w))
    assert float(keras.regularizers.L1L2(0.1, 0.2)(w)) == pytest.approx(ElasticNet(0.1, 0.2)(w))
    layer = keras.layers.Dense(3, kernel_regularizer="l2")
    layer.build((None, 4))
    assert tuple(layer.kernel.shape) == (4, 3) and len(layer.losses) == 1, "the bias is left out"
    columns = keras.constraints.MaxNorm(1.0, axis=0)(np.array([[3.0, 0.1], [4.0, 0.2]]))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(columns), [[0.6, 0.1], [0.8, 0.2]], rtol=1e-5
    )
    bias = keras.Variable(np.ones(3), name="bias")
    optimizer = keras.optimizers.SGD(learning_rate=0.1, weight_decay=0.5)
    optimizer.apply([keras.ops.zeros(3)], [bias])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bias.value), 1 - 0.1 * 0.5, rtol=1e-6)
