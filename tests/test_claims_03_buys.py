"""What notebook 03 claims that augmentation buys and costs, judged on eight other seeds."""

import numpy as np
import pytest
from lessons import run_lesson

SEEDS = range(10, 18)
MANY = 7  # of eight


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("03_data_augmentation", SEEDS=SEEDS, TUNE=True)


def test_with_wrong_labels_the_gain_is_largest_at_150_digits(lesson):
    plain, augmented = lesson["t_redrawn"].values()
    gain = dict(zip(lesson["t_epochs"], augmented[..., 0] - plain[..., 0], strict=True))
    assert gain[150].mean() > 0.05 and np.sum(gain[150] > 0) >= MANY, gain[150]
    for n in (50, 500, 1390):
        assert gain[150].mean() > gain[n].mean() + 0.02, (n, gain)
    assert gain[50].mean() > 0.01 and gain[1390].mean() < 0, gain
    at_150 = list(lesson["t_epochs"]).index(150)
    assert plain[at_150, :, 0].mean() < augmented[at_150, :, 0].mean(), gain
    assert augmented[at_150, :, 0].mean() < plain[at_150 + 1, :, 0].mean(), "150 replace 500"


def test_the_plain_network_learns_mistakes_by_heart_where_digits_come_by_often(lesson):
    learnt = lesson["t_redrawn"]["plain"][..., 1].mean(axis=1)
    few, some, _, many = learnt
    assert few > 0.97 and some > 0.93 and many < 0.85, learnt
    at_50, at_150 = lesson["t_redrawn"]["rotation, then CutMix"][:2, :, 1]
    assert np.all(at_150 < 0.93) and at_150.mean() < some - 0.08, at_150
    assert at_50.mean() > 0.92, at_50


def test_with_true_labels_next_to_nothing_is_gained_at_any_number(lesson):
    plain, augmented = lesson["t_true"].values()
    gain = (augmented - plain)[..., 0].mean(axis=1)
    assert np.all(np.abs(gain) < 0.02), gain
    assert gain[-1] < 0.005, gain


def test_trained_nine_times_as_long_mixing_gains_at_1390_digits_too(lesson):
    how, scores = lesson["t_arms"]["CutMix"], {}
    for seed in SEEDS[:3]:
        for rate in (0.1, 0.03):
            for name, transform in (("plain", None), ("CutMix", how)):
                net, validation, _ = lesson["train"](seed, transform, rate, 1390, 0.2, 60)
                scores.setdefault((name, rate), []).append(validation)
    plain, mixed = (
        max((scores[name, rate] for rate in (0.1, 0.03)), key=np.mean)
        for name in ("plain", "CutMix")
    )
    assert 0.05 < np.mean(np.subtract(mixed, plain)) < 0.12, (plain, mixed)


def test_each_network_stands_what_it_was_shown_and_nothing_else(lesson):
    turned, noisy = lesson["t_turned"], lesson["t_noisy"]
    angle, sigma = lesson["t_angles"].index(20), lesson["t_sigmas"].index(0.4)
    on_angle = {name: curve[:, angle] - turned["plain"][:, angle] for name, curve in turned.items()}
    on_noise = {name: curve[:, sigma] - noisy["plain"][:, sigma] for name, curve in noisy.items()}
    assert np.all(on_angle["rotation ±15"] > 0.05), on_angle
    assert on_noise["rotation ±15"].mean() < 0.005, on_noise
    noise = "Gaussian noise 0.4"
    assert on_noise[noise].mean() > 0.01 and np.sum(on_noise[noise] > 0) >= MANY, on_noise
    assert on_angle[noise].mean() < 0.02, on_angle
    for name in ("mixup", "erasing"):
        for gain in (on_angle, on_noise):
            assert gain[name].mean() < -0.015 and np.sum(gain[name] < 0) >= MANY, (name, gain)
    for name, curve in turned.items():
        assert curve[:, 0].mean() > 0.87, (name, curve[:, 0])


def test_turned_views_help_who_was_trained_on_them_with_wrong_labels(lesson):
    views = "five angles, -15 to 15"
    gain = {key[:2]: value for key, value in lesson["t_tta"].items() if key[2] == views}
    turned = gain["rotation ±15", 0.2]
    assert turned.mean() > 0.008 and np.sum(turned > 0) >= MANY, turned
    assert gain["plain", 0.2].mean() < 0.008, gain
    assert abs(gain["rotation ±15", 0.0].mean()) < 0.008, gain


def test_views_that_change_the_label_cost_every_network(lesson):
    for (name, flipped, views), gain in lesson["t_tta"].items():
        if views == "itself and its mirror":
            assert np.all(gain < 0) and -0.12 < gain.mean() < -0.03, (name, flipped, gain)
        if views == "four quarter turns":
            assert np.all(gain < -0.1) and gain.mean() < -0.3, (name, flipped, gain)


def test_randaugment_gains_more_than_the_single_transforms_of_its_list(lesson):
    gain = {name: value.mean() for (name, flipped), value in lesson["t_gain"].items() if flipped}
    assert np.sum(lesson["t_gain"]["RandAugment", 0.2] > 0) >= MANY, gain
    for name in ("rotation ±15", "erasing"):
        assert gain["RandAugment"] > gain[name] + 0.005, gain
    assert lesson["t_best"] == (2, 8), "the text says that the strongest was chosen"


def test_an_augmented_validation_turns_the_order_round(lesson):
    judged = {name: np.mean(scores, axis=0) for name, scores in lesson["t_judged"].items()}
    plain = judged["plain"][0]
    for name in ("erasing", "one-pixel shifts"):
        as_is, own = judged[name]
        assert as_is > plain + 0.01 and own < plain - 0.02, judged


NAMES = "rotation ±15", "mixup", "CutMix", "rotation, then CutMix", "erasing", "one-pixel shifts"


@pytest.mark.parametrize("name", [*NAMES, "RandAugment"])
def test_every_arm_gains_with_wrong_labels_and_none_with_true_ones(lesson, name):
    redrawn, true = lesson["t_gain"][name, 0.2], lesson["t_gain"][name, 0.0]
    assert redrawn.mean() > 0.01, redrawn
    assert name == "one-pixel shifts" or np.mean(redrawn > 0) >= 0.75, redrawn
    assert true.mean() < 0.005, true


@pytest.mark.parametrize("name", ["one-pixel shifts", "erasing"])
def test_shifts_and_erasing_hurt_with_true_labels(lesson, name):
    gain = lesson["t_gain"][name, 0.0]
    assert gain.mean() < -0.008 and np.sum(gain < 0) >= MANY, gain


def test_both_together_gain_more_than_either(lesson):
    gain = {name: value.mean() for (name, flipped), value in lesson["t_gain"].items() if flipped}
    both = gain["rotation, then CutMix"]
    assert both > gain["CutMix"] > gain["mixup"] and both > gain["rotation ±15"], gain


@pytest.mark.parametrize("name", ["plain", *NAMES])
def test_with_wrong_labels_every_arm_chooses_the_small_rate(lesson, name):
    assert lesson["t_rate"][name, 0.2] == 0.03, "RandAugment is tried at this rate alone"


@pytest.mark.weekly
def test_the_rates_written_into_the_lesson_are_those_that_validation_chooses():
    tuned = run_lesson("03_data_augmentation", TUNE=True)  # on the lesson's own seeds
    wrong = [choice for choice in tuned["choices"] if choice[2] != choice[3]]
    assert not wrong, f"(transform, settings, rate written, rate chosen): {wrong}"


def test_time_repays_the_shifts_on_true_labels_and_not_the_erasing(lesson):
    gain = {}
    for name, rate in (("one-pixel shifts", 0.1), ("erasing", 0.03)):
        after, plain = (
            [lesson["train"](seed, how, r, epochs=240)[2] for seed in SEEDS]
            for how, r in ((lesson["t_arms"][name], rate), (None, 0.1))
        )
        gain[name] = np.mean(np.subtract(after, plain))
    assert abs(gain["one-pixel shifts"]) < 0.015 and gain["erasing"] < -0.015, gain
