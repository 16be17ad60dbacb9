"""What notebook 02 claims of DropConnect, noise and soft labels, judged on eight other seeds."""

import numpy as np
import pytest
from lessons import run_lesson

from reglib import RegularizedNeuralNetwork

SEEDS = range(10, 18)


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("02_noise_injection", SEEDS=SEEDS)


def correlation(draws, *pairs):
    """Return the largest absolute correlation of the pairs of columns of draws (n, k)."""
    table = np.corrcoef(draws.reshape(len(draws), -1).T)
    return max(abs(table[pair]) for pair in pairs)


def test_dropped_inputs_couple_units_and_cut_wires_couple_pictures(lesson):
    inputs, wires = lesson["dc_draws"]
    j, k = lesson["dc_pair"]
    unit, picture = (j, k), (j, 128 + j)  # columns of (picture, unit) laid out in one row
    by_chance = 6 / np.sqrt(1000)
    assert correlation(inputs, unit) > 0.6 and correlation(wires, picture) > 0.4
    assert correlation(inputs, picture) < by_chance and correlation(wires, unit) < by_chance


def test_the_variance_is_the_same_whatever_is_dropped(lesson):
    for draws in lesson["dc_draws"]:
        ratio = draws[:, 0].var(axis=0) / lesson["dc_var"]
        assert abs(ratio.mean() - 1) < 0.1, ratio.mean()


def test_dropconnect_gains_at_the_small_rate_and_is_ruined_at_the_large_one(lesson):
    plain, dropout, cut = (
        lesson["dc_scores"][name][..., 1] for name in ("plain", "dropout", "DropConnect")
    )
    gain = cut[1, 0] - plain[1, 0]
    assert gain.mean() > 0.02 and np.mean(gain > 0) >= 0.75, gain
    assert np.all(cut[0, 1] < 0.6) and cut[0, 1].mean() < 0.5, cut[0, 1]
    assert np.mean(dropout[0, 1] - plain[0, 0]) > 0.02
    assert np.mean(lesson["dc_second"]) > np.mean(cut[0, 1]) + 0.2, lesson["dc_second"]
    best = lesson["dc_best"]
    assert -0.04 < np.mean(best["DropConnect"] - best["dropout"]) < 0.025, best


class MaskAPicture(RegularizedNeuralNetwork):
    """A network 64-128-10 with DropConnect as in the paper: a mask for every row of the batch."""

    def _data_gradients(self, X, Y):
        p, n = self.dropconnect[0], len(X)
        (W, V), (b, c) = self.weights, self.biases
        W, V = (A * (self.noise_rng.random((n, *A.shape)) >= p) / (1 - p) for A in (W, V))
        z = np.einsum("ni,nij->nj", X, W) + b
        h = np.maximum(z, 0)
        q = np.exp(np.einsum("nj,njk->nk", h, V) + c)
        G = (q / q.sum(axis=1, keepdims=True) - Y) / n
        H = np.einsum("njk,nk->nj", V, G) * (z > 0)
        dW = np.einsum("ni,nij,nj->ij", X, W != 0, H) / (1 - p)
        dV = np.einsum("nj,njk,nk->jk", h, V != 0, G) / (1 - p)
        return [dW, dV], [H.sum(axis=0, keepdims=True), G.sum(axis=0, keepdims=True)]


def test_a_mask_for_every_picture_survives_the_large_rate(lesson):
    accuracy = []
    for seed in SEEDS[:4]:
        training, _, (X, y) = lesson["digits"](seed)
        options = lesson["RECIPE"] | {"dropconnect": 0.5, "rng": np.random.default_rng(seed)}
        net = MaskAPicture([64, 128, 10], **options)
        net.fit(*training, epochs=60, batch_size=32, learning_rate=0.1)
        accuracy.append(np.mean(net.predict(X) == y))
    shared = lesson["dc_scores"]["DropConnect"][0, 1, :4, 1]
    assert np.all(accuracy > shared + 0.1) and np.mean(accuracy) > 0.65, (accuracy, shared)


def test_a_larger_batch_calms_the_noise_of_dropout_alone(lesson):
    dropout, cut = (noise.mean(axis=0) for noise in lesson["dc_noise"].values())
    assert 6 < dropout[0] / dropout[-1] < 11  # 8 is the root of 128 / 2
    assert cut[0] / cut[-1] < 4 and cut[-1] > 2.5 * dropout[-1], (dropout, cut)


def test_the_papers_normal_meets_the_mean_over_masks(lesson):
    normal, once = np.transpose(lesson["dc_gaps"])
    assert np.all(normal < 0.2 * once), (normal, once)


def test_readable_noise_costs_the_plain_network_much(lesson):
    at = lesson["gn_levels"].index(0.3)
    loss = lesson["gn_plain"][:, 0] - lesson["gn_plain"][:, at]
    assert np.all(loss > 0.1), loss


def test_least_squares_on_noisy_copies_becomes_ridge(lesson):
    copies, gap = np.array(lesson["gn_copies"]), np.array(lesson["gn_gap"])
    assert np.all(gap[:, -1] < 0.1) and np.all(gap[:, 0] > 1), gap
    slope = np.polyfit(np.log(copies[2:]), np.log(gap[:, 2:].T), 1)[0]
    assert abs(slope.mean() + 0.5) < 0.1, slope


def test_the_second_order_fails_as_sigma_to_the_fourth(lesson):
    sigma, gap = lesson["gn_sigmas"], lesson["gn_second"] - np.array(lesson["gn_exact"])
    start = np.polyfit(np.log(sigma[:5]), np.log(gap[:5]), 1)[0]
    assert abs(start - 4) < 0.1, start
    assert lesson["gn_error"][0] < 0.01 and lesson["gn_error"][-1] > 0.1, lesson["gn_error"]


def test_noise_on_the_inputs_gains(lesson):
    gain = lesson["gn_accuracy"] - lesson["gn_plain"][:, 0]
    assert gain.mean() > 0.02 and np.mean(gain > 0) >= 0.75, gain


def test_who_stands_noise(lesson):
    curves = lesson["gn_curves"]
    at = lesson["gn_levels"].index(0.4)
    noise, l2, dropout, cut, plain, smooth = (curve[:, at] for curve in curves.values())
    assert list(curves)[3:] == ["DropConnect, 0.2", "plain", "label smoothing, 0.1"]
    assert np.all(noise > plain + 0.05) and np.all(l2 > plain + 0.05)
    assert abs(np.mean(noise - l2)) < 0.04, (noise, l2)
    for middle in (dropout, cut):
        helped = np.mean(middle - plain) / np.mean(noise - plain)
        assert 0.45 < helped < 0.95, (helped, middle)
    assert np.mean(smooth < plain) >= 0.75 and np.mean(plain - smooth) > 0.015, smooth - plain
    clean = curves["label smoothing, 0.1"][:, 0] - curves["plain"][:, 0]
    assert clean.mean() > -0.01, clean


def test_on_true_labels_noise_costs_clean_pictures_and_pays_on_noisy_ones(lesson):
    plain, noise = lesson["gn_clean"].values()
    gain = (noise - plain).mean(axis=0)
    assert gain[0] < 0 < 0.01 < gain[-1], gain


def test_noise_left_on_or_in_other_units(lesson):
    plain = lesson["gn_plain"][:, 0]
    assert np.all(lesson["gn_left_on"] < plain - 0.03), lesson["gn_left_on"]
    assert abs(np.mean(lesson["gn_tiny"] - plain)) < 0.01, lesson["gn_tiny"]


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.4])
def test_smoothed_gaps_come_to_rest_at_the_formula(lesson, alpha):
    asked = np.log(1 + 10 * (1 - alpha) / alpha)
    found = np.median(lesson["ls_gaps"][alpha], axis=1)
    assert np.all(np.abs(found - asked) < 0.7), (asked, found)
    assert np.all(np.median(lesson["ls_gaps"][0], axis=1) > asked + 2)


def test_a_little_smoothing_calibrates_redrawn_labels_and_much_overshoots(lesson):
    (_, sure, plain), little, much = (lesson["ls_table"][0.2, a] for a in (0, 0.05, 0.4))
    assert np.all(sure > lesson["ls_table"][0.2, 0][0]), "plain promises too much"
    change = little[2] - plain
    assert change.mean() < -0.02 and np.mean(change < 0) >= 0.6, change
    assert np.all(much[2] > plain) and np.all(much[1] < much[0]), much


def test_on_true_labels_every_smoothing_makes_the_network_too_modest(lesson):
    plain = lesson["ls_table"][0.0, 0]
    for alpha in (0.05, 0.1, 0.4):
        right, sure, error = lesson["ls_table"][0.0, alpha]
        assert np.all(sure < right) and np.all(error > plain[2]), (alpha, sure, right)


def test_the_best_alpha_for_accuracy_is_not_the_best_for_calibration(lesson):
    means = {a: lesson["ls_table"][0.2, a].mean(axis=1) for a in lesson["ls_alphas"]}
    gain = lesson["ls_table"][0.2, 0.4][0] - lesson["ls_table"][0.2, 0][0]
    assert gain.mean() > 0.01 and np.mean(gain > 0) >= 0.75, gain
    assert max(means, key=lambda a: means[a][0]) == 0.4, means
    assert min(means, key=lambda a: means[a][2]) == 0.05, means


def test_a_temperature_calibrates_all_alike(lesson):
    for (flipped, alpha), errors in lesson["ls_tempered"].items():
        assert errors.mean() < (0.05 if flipped else 0.03), (flipped, alpha, errors)


def test_smoothed_validation_labels_turn_the_order_round(lesson):
    losses = lesson["ls_losses"].mean(axis=0)  # alpha, against true or its own labels
    (plain, _), (true, own) = losses
    assert true < plain - 0.05 and own > plain + 0.05, losses
