"""What notebook 01 claims, judged on eight seeds that the reader does not see."""

import numpy as np
import pytest
from lessons import run_lesson

SEEDS = range(10, 18)


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("01_norm_penalties", SEEDS=SEEDS)


def test_least_squares_on_55_inputs_is_worse_than_the_mean_and_ridge_repairs_it(lesson):
    plain, ridged = np.array(lesson["pairs"]).T
    target_sd = 77
    assert np.all(plain > target_sd), plain
    assert np.all(ridged < 0.9 * target_sd), ridged


def test_training_error_only_rises_with_l2_and_validation_error_falls_then_rises(lesson):
    training, validation = np.swapaxes(lesson["curves"], 0, 1)
    assert np.all(np.diff(training, axis=1) > -1e-9)
    lowest = validation.min(axis=1)
    assert np.all(validation[:, 0] > 1.1 * lowest) and np.all(validation[:, -1] > 1.1 * lowest)


@pytest.mark.parametrize("seed", range(5))
def test_the_prior_predicts_the_best_strength(lesson, seed):
    rng = np.random.default_rng(seed)
    n, d, sigma, tau = 30, 10, 2.0, 0.5
    X = rng.standard_normal((n, d))
    W = tau * rng.standard_normal((d, 2000))
    Y = X @ W + sigma * rng.standard_normal((n, 2000))
    predicted = sigma**2 / (n * tau**2)
    errors = [
        np.mean((lesson["ridge"](X, Y, predicted * factor) - W) ** 2) for factor in (0.3, 1, 3)
    ]
    assert np.argmin(errors) == 1, errors


def test_decay_is_l2_under_plain_descent_only(lesson):
    def gap(optimizer, rate, decay):
        inside = lesson["descend"](optimizer(), rate, l2=0.5)
        outside = lesson["descend"](optimizer(), rate, decay=decay)
        return np.linalg.norm(inside - outside) / np.linalg.norm(inside)

    def momentum():
        return lesson["SGD"](0.9)

    assert gap(lesson["SGD"], 0.002, 1) < 1e-12
    assert gap(momentum, 0.002, 1) > 0.5
    assert 1e-3 < gap(momentum, 0.002, 10) < 0.1
    for decay in (0.1, 1, 10):
        assert gap(lesson["Adam"], 0.1, decay) > 0.1, f"Adam, decay {decay}"


def test_l2_inside_adam_wipes_out_rare_pixels_and_adamw_does_not(lesson):
    blank, busy = lesson["inside"][:, 0], lesson["inside"][:, -1]
    assert np.all(blank < 0.1) and np.all(busy > 0.4), (blank, busy)
    outside = lesson["outside"]
    assert np.all(outside > 0.35) and np.all(outside < 0.8), outside


def test_early_stopping_is_like_ridge_up_to_a_fifth(lesson):
    stopped, ridged = lesson["by_stopping"], lesson["strength"] / (lesson["strength"] + 1)
    assert np.all(stopped >= ridged) and 0.15 < np.max(stopped - ridged) < 0.21


@pytest.mark.parametrize("seed", range(5))
def test_penalising_the_bias_drags_predictions_to_zero(lesson, seed):
    rows = np.random.default_rng(seed).permutation(442)
    train, test = rows[:100], rows[100:]
    X, X_test = lesson["standardize"](lesson["X_raw"][train], lesson["X_raw"][test])
    target, ridge = lesson["target"], lesson["ridge"]
    centre = target[train].mean()
    free = centre + X_test @ ridge(X, target[train] - centre, 0.5)
    w = ridge(np.column_stack([X, np.ones(100)]), target[train], 0.5)
    dragged = X_test @ w[:-1] + w[-1]
    assert dragged.mean() < 0.8 * target[test].mean()
    assert np.std(target[test] - free) < 1.1 * np.std(target[test] - dragged)
    assert np.mean((target[test] - dragged) ** 2) > 1.3 * np.mean((target[test] - free) ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_only_the_proximal_step_has_zeros_and_the_least_loss(lesson, seed):
    (X, y), _, _ = lesson["wide_diabetes"](rng=np.random.default_rng(seed))
    ends = {way: lesson["three_ways"](X, y, 10, way)[-1] for way in lesson["ways"]}
    loss = {way: np.mean((y - X @ w) ** 2) + 10 * np.abs(w).sum() for way, w in ends.items()}
    zeros = {way: np.sum(w == 0) for way, w in ends.items()}
    assert zeros["sign step"] == 0 and zeros["proximal step"] > 30, zeros
    assert loss["sign step"] > loss["proximal step"], loss
    assert loss["clip for good"] >= loss["proximal step"] - 1e-6, loss


def test_the_lasso_predicts_as_well_as_ridge_with_a_short_list(lesson):
    ridged, lassoed = lesson["by_ridge"], lesson["by_lasso"]
    gain = np.array([a[0] - b[0] for a, b in zip(ridged, lassoed, strict=True)])
    assert gain.mean() > 0, gain
    assert np.mean([row[1] for row in lassoed]) < 30
    assert all(row[1] == 55 for row in ridged)


def test_the_elastic_net_is_as_good_as_the_lasso_and_no_better(lesson):
    gain = [a[0] - b[0] for a, b in zip(lesson["by_lasso"], lesson["by_net"], strict=True)]
    assert abs(np.mean(gain)) < 1.5 and min(gain) < 0 < max(gain), gain


@pytest.mark.parametrize("seed", range(5))
def test_the_elastic_net_shares_between_equal_readings(lesson, seed):
    rng = np.random.default_rng(seed)
    bmi = lesson["bmi"]
    readings = bmi + 0.3 * bmi.std() * rng.standard_normal((442, 3))
    others = np.delete(lesson["X_raw"], lesson["names"].index("bmi"), axis=1)
    X = lesson["standardize"](np.column_stack([readings, others]))[0]
    y = lesson["y_ten"]
    samples = [rng.integers(0, 442, 442) for _ in range(8)]
    alone = [lesson["lasso"](X[i], y[i], 16.0, 300)[:3].std() for i in samples]
    shared = [lesson["elastic_net"](X[i], y[i], 16.0, 0.5)[:3].std() for i in samples]
    assert np.mean(shared) < 0.6 * np.mean(alone), (np.mean(shared), np.mean(alone))


def test_max_norm_survives_the_large_rate_and_l2_does_not(lesson):
    plain, l2, wall = (scores[-1] for scores in lesson["by_rate"].values())
    assert np.mean(wall - plain) > 0.1 and np.mean(plain - l2) > 0.1, (plain, l2, wall)
    assert np.all(wall > 0.5), wall


def test_most_units_die_at_the_large_rate_without_the_wall(lesson):
    X, train = lesson["X_digits"], lesson["train_digits"]

    def alive(**option):
        counts = []
        for seed in range(10, 15):
            net = train(seed, 0.6, **option)[0]
            net.forward_propagation(X)
            counts.append(np.sum(net.activations[1].max(axis=0) > 0))
        return np.mean(counts)

    plain, l2, wall = alive(), alive(l2=0.01), alive(max_norm=1.0)
    assert l2 < plain < 0.25 * 128 < 0.35 * 128 < wall, (l2, plain, wall)


def test_every_l2_chosen_by_another_split_does_nearly_as_well(lesson):
    strengths, (X, y) = (
        lesson["strengths"],
        lesson["wide_diabetes"](rng=np.random.default_rng(0))[0],
    )
    test = lesson["test"]
    errors = np.array([lesson["rmse"](*test, lesson["ridge"](X, y, l2)) for l2 in strengths])
    for seed in range(5):
        mean, _ = lesson["cross_validate"](X, y, strengths, np.random.default_rng(seed))
        assert errors[mean.argmin()] < 1.1 * errors.min(), f"split {seed}"


def test_picking_inputs_before_the_split_makes_noise_look_useful(lesson):
    before, inside = np.transpose([lesson["junk"](seed) for seed in SEEDS])
    assert np.all(before < 0.95) and np.all(inside > 0.95), (before, inside)
    assert np.all(inside - before > 0.2), inside - before


@pytest.mark.parametrize("name", ["L2", "elastic net", "max-norm", "early stopping"])
def test_a_network_with_wrong_labels_gains(lesson, name):
    gain = lesson["accuracy"][name] - lesson["accuracy"]["plain"]
    assert gain.mean() > 0.03 and np.mean(gain > 0) >= 0.75, gain


def test_l1_empties_the_network_at_about_the_accuracy_of_the_full_one(lesson):
    gain = lesson["accuracy"]["L1"] - lesson["accuracy"]["plain"]
    zeros = [lesson["share_of_zeros"](run[0]) for run in lesson["best"]["L1"]]
    assert gain.mean() > -0.02, gain
    assert min(zeros) > 0.8, zeros
    assert max(lesson["share_of_zeros"](run[0]) for run in lesson["best"]["L2"]) == 0


@pytest.mark.parametrize("name", ["L2", "max-norm"])
def test_on_clean_labels_nothing_is_gained(lesson, name):
    gain = lesson["clean"][name] - lesson["clean"]["plain"]
    assert gain.mean() < 0.005, gain
