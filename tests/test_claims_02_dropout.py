"""What notebook 02 claims of dropout and of all four techniques, judged on eight other seeds."""

import numpy as np
import pytest
from lessons import run_lesson

SEEDS = range(10, 18)


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("02_noise_injection", SEEDS=SEEDS)


def test_the_plain_network_learns_by_heart_and_is_too_sure(lesson):
    for seed in SEEDS:
        (X, y), _, (X_test, _) = lesson["noisy_digits"](rng=np.random.default_rng(seed))
        net, _, accuracy = lesson["train"](seed)
        assert np.mean(net.predict(X) == y) == 1, seed
        assert accuracy < net.predict_proba(X_test).max(axis=1).mean() - 0.02, seed


def test_half_of_the_units_cut_hurts_plain_and_l2_and_hardly_dropout(lesson):
    plain, dropout = np.array(lesson["by_plain"]), np.array(lesson["by_dropout"])
    l2 = np.array(lesson["by_l2"])
    half = lesson["shares"].index(0.5)
    assert abs(np.mean(plain[:, 0] - dropout[:, 0])) < 0.015, "unequal before anything is cut"
    assert np.all(plain[:, 0] - plain[:, half] > 0.08), plain[:, half]
    assert np.all(dropout[:, 0] - dropout[:, half] < 0.07), dropout[:, half]
    assert np.all(l2[:, 0] - l2[:, half] > 0.08), l2[:, half]


def test_a_mask_before_the_sigmoid_leaves_a_half_and_shifts_the_mean(lesson):
    z, f = lesson["z"], lesson["expit"]
    keep = np.random.default_rng(1).random((200_000, 3)) >= 0.5
    before, after = f(keep / 0.5 * z).mean(axis=0), (keep / 0.5 * f(z)).mean(axis=0)
    assert np.all(np.abs(after - f(z)) < 6 * f(z) / np.sqrt(200_000)), after
    assert np.abs(before - f(z)).max() > 0.1, before


def test_dropout_gains_up_to_two_thirds_and_fails_at_four_fifths(lesson):
    gain = dict(zip(lesson["ps"], lesson["gain_by_p"], strict=True))
    for p in (0.5, 0.65):
        assert gain[p].mean() > 0.02 and np.mean(gain[p] > 0) >= 0.75, (p, gain[p])
    assert gain[0.5].mean() > gain[0.2].mean(), gain
    assert np.all(gain[0.8] < 0), gain[0.8]


def test_the_large_p_fails_through_the_learning_rate(lesson):
    fast, slow = lesson["by_p"][lesson["ps"].index(0.8), :, 1], lesson["slow"]
    assert np.mean(slow - fast) > 0.1, (slow, fast)
    plain = [lesson["train"](seed, rate=0.03)[2] for seed in SEEDS]
    assert np.mean(slow - plain) > 0.03, slow - plain


def test_dropout_left_on_costs_more_than_it_gained(lesson):
    gain = lesson["gain_by_p"][lesson["ps"].index(0.5)]
    assert np.all(lesson["cost"] > 0.04) and lesson["cost"].mean() > gain.mean(), lesson["cost"]


def test_both_causes_of_a_training_score_below_validation(lesson):
    clean, dropped, redrawn = (np.transpose(rows) for rows in lesson["below"].values())
    assert np.mean(clean[0] > clean[2]) == 1, "without a cause training leads"
    on, off, validation = dropped
    assert np.mean(on < validation - 0.02) == 1 and np.mean(off > validation) == 1, dropped
    assert np.mean(redrawn[0] < redrawn[2] - 0.05) == 1, redrawn


def test_the_mean_of_logits_converges_and_that_of_probabilities_does_not(lesson):
    gaps, at_100 = lesson["mask_gaps"], list(lesson["counts"]).index(100)
    assert 0.5 < gaps["logits"][-1] / gaps["logits"][0] * np.sqrt(1000) < 2, gaps
    assert gaps["probabilities"][-1] > 0.9 * gaps["probabilities"][at_100], gaps
    assert 0.3 < gaps["probabilities"][-1] / gaps["probabilities"][0] < 0.7, gaps
    assert gaps["geometric mean"][-1] < 0.1 * gaps["geometric mean"][0], gaps


def test_fifty_masks_are_as_good_as_the_single_pass_and_one_is_not(lesson):
    one, five, fifty, single = np.transpose(lesson["crowd"])
    assert np.all(one < single - 0.03) and np.all(five < single + 0.01)
    assert np.abs(fifty - single).max() < 0.03, fifty - single


def test_masked_inputs_and_the_closed_form_have_one_solution(lesson):
    assert lesson["apart"] < 0.02
    far = np.linalg.norm((lesson["one_price"] - lesson["by_formula"]) * lesson["x_sd"])
    assert far > 0.5 * np.linalg.norm(lesson["by_formula"] * lesson["x_sd"])


def test_masks_disagree_about_turned_digits_and_stay_too_sure(lesson):
    assert np.all(lesson["disagreement"][:, 1] > 1.5 * lesson["disagreement"][:, 0])
    at = list(lesson["angles"]).index(90)
    assert lesson["many_masks"][:, at].mean() > 0.7
    assert np.all(lesson["upright"][:, at] < 0.25)
    assert np.all(lesson["many_masks"].mean(axis=0) < lesson["one_pass"].mean(axis=0))


def test_scaling_twice_hides_in_the_accuracy_and_shows_in_the_confidence(lesson):
    for seed in SEEDS:
        net = lesson["train"](seed, dropout=0.5)[0]
        X, y = lesson["noisy_digits"](rng=np.random.default_rng(seed))[2]
        net.forward_propagation(X)
        hidden, W, b = net.activations[1], net.weights[1], net.biases[1]
        once, twice = (lesson["softmax"](c * hidden @ W + b, axis=1) for c in (1, 0.5))
        assert abs(np.mean(once.argmax(1) == y) - np.mean(twice.argmax(1) == y)) < 0.03, seed
        assert once.max(axis=1).mean() - twice.max(axis=1).mean() > 0.1, seed


@pytest.mark.parametrize("name", ["dropout", "DropConnect", "Gaussian noise", "label smoothing"])
def test_every_technique_gains_on_redrawn_labels(lesson, name):
    gain = lesson["accuracy"][name] - lesson["accuracy"]["plain"]
    assert gain.mean() > 0.03 and np.mean(gain > 0) >= 0.85, gain
    assert lesson["chosen"][name]["rate"] == 0.03, "the text says that all chose the smaller rate"


@pytest.mark.parametrize("name", ["dropout", "DropConnect", "Gaussian noise", "label smoothing"])
def test_on_clean_labels_nothing_is_gained(lesson, name):
    gain = lesson["clean"][name] - lesson["clean"]["plain"]
    assert gain.mean() < 0.005, gain
    assert name != "label smoothing" or gain.mean() < -0.01, gain


def test_the_best_p_grows_with_the_width(lesson):
    best = [lesson["width_ps"][scores.argmax()] for scores in lesson["by_width"].mean(axis=2)]
    assert best == sorted(best) and 0 < best[0] < 0.3 < best[-1], best
