"""What notebook 03 claims of mixing, erasing and cropping, judged on eight other seeds."""

import numpy as np
import pytest
from lessons import run_lesson

SEEDS = range(10, 18)


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("03_data_augmentation", SEEDS=SEEDS, TUNE=True)


def gain(lesson, name, flipped):
    """Return the gains over plain, paired by seed, of an arm of the mixing experiment."""
    scores = lesson["m_scores"]
    return scores[name, flipped][0] - scores["plain", flipped][0]


def accuracies(runs):
    return np.array([test for _, _, test in runs])


def test_the_plain_network_is_sure_of_double_exposures(lesson):
    assert np.mean(lesson["m_sure"]) > 0.2, lesson["m_sure"]
    assert np.all(np.array(lesson["m_third"]) > 0.08), lesson["m_third"]


def test_the_labels_of_the_two_photographs_are_their_shares(lesson):
    assert np.allclose(lesson["m_blend"][1][0], [0.6, 0.4])
    pasted, (temple, flower) = lesson["m_paste"][0][0], lesson["m_pair"]
    share = np.mean(np.all(pasted == flower, axis=-1) & np.any(pasted != temple, axis=-1))
    assert abs(lesson["m_paste"][1][0, 1] - share) < 0.01, share


def test_a_little_mixup_softens_the_moons_and_much_of_it_adds_errors(lesson):
    plain, little, much = (lesson["m_moons"][name] for name in lesson["m_alphas"])
    for before, after in ((plain, little), (little, much)):
        assert after[2] < before[2], "each more mixing makes the network less sure"
    assert little[1] < plain[1] - 0.1 and abs(little[0] - plain[0]) < 0.02
    assert much[0] < little[0] - 0.02
    assert 0.1 < np.mean(lesson["nearest"]) < 0.35


@pytest.mark.parametrize("name", ["mixup", "CutMix"])
def test_mixing_gains_with_wrong_labels_and_nothing_without(lesson, name):
    wrong, clean = gain(lesson, name, 0.2), gain(lesson, name, 0.0)
    assert wrong.mean() > 0.025 and np.mean(wrong > 0) >= 0.75, wrong
    assert -0.02 < clean.mean() < 0.01, clean


def test_cutmix_gains_more_than_mixup_with_wrong_labels(lesson):
    difference = gain(lesson, "CutMix", 0.2) - gain(lesson, "mixup", 0.2)
    assert difference.mean() > 0, difference


def test_mixed_labels_make_a_network_less_sure_than_right(lesson):
    for flipped in (0.0, 0.2):
        sure = {name: lesson["certainty"](name, flipped) for name in ("plain", "mixup", "CutMix")}
        right = {name: lesson["m_scores"][name, flipped][0].mean() for name in sure}
        assert sure["CutMix"][0] < sure["mixup"][0] < right["mixup"] - 0.03, (sure, right)
        assert sure["CutMix"][0] < right["CutMix"] - 0.1, (sure, right)
        assert max(sure["mixup"][1], sure["CutMix"][1]) < 0.05 < sure["plain"][1]


def test_forgotten_labels_cost_accuracy_and_the_drawn_lambda_costs_certainty(lesson):
    runs, sure = lesson["m_wrong"], {}
    for name, arm in runs.items():
        pictures = [lesson["digits"](seed)[2][0] for seed in SEEDS]
        answers = [net.predict_proba(X) for (net, *_), X in zip(arm, pictures, strict=True)]
        sure[name] = np.max(answers, axis=2).mean()
    right, forgotten, drawn = (accuracies(arm) for arm in runs.values())
    assert np.mean(forgotten - right) < -0.015 and np.all(forgotten < right + 0.005)
    assert abs(np.mean(drawn - right)) < 0.015
    assert sure["lambda as drawn"] < sure["CutMix"] - 0.03, sure


def test_who_trains_with_a_change_stands_it_and_pays_on_whole_digits(lesson):
    under = lesson["e_under"]
    for name, own in (("erasing", "a fifth covered"), ("moving", "moved")):
        won, lost = (under[name, test] - under["plain", test] for test in (own, "whole"))
        assert np.all(won > 0.1), (name, won)
        assert -0.06 < lost.mean() < -0.01 and np.all(lost < 0.01), (name, lost)
    assert under["plain", "a fifth covered"].mean() < under["plain", "whole"].mean() - 0.25
    assert under["plain", "moved"].mean() < under["plain", "whole"].mean() - 0.4


def test_cutmix_lies_between_plain_and_erasing_under_holes(lesson):
    erasing, cutmix, plain = (lesson["e_curves"][k] for k in ("erasing", "CutMix", "plain"))
    for area in (2, 3, 4):
        assert np.mean(erasing[:, area] - cutmix[:, area]) > 0.03
        assert np.mean(cutmix[:, area] - plain[:, area]) > 0.03
    assert plain[:, 0].mean() > erasing[:, 0].mean()


def test_mixing_keeps_wrong_labels_from_being_learnt_by_heart(lesson):
    plain, mixup, cutmix = (np.array(shares) for shares in lesson["m_learnt"].values())
    assert np.all(plain > 0.7) and np.all(mixup < plain - 0.15) and np.all(cutmix < mixup), lesson[
        "m_learnt"
    ]
