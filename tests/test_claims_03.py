"""What notebook 03 claims of geometric and colour transforms, judged on eight other seeds."""

import numpy as np
import pytest
from lessons import run_lesson

from reglib import augment

SEEDS = range(10, 18)


@pytest.fixture(scope="module")
def lesson():
    return run_lesson("03_data_augmentation", SEEDS=SEEDS, TUNE=True)


def gains(gain, least, share=1.0):
    """Assert that the gain (seeds,) is above ``least`` on average, and above 0 in a share."""
    assert gain.mean() > least and np.mean(gain > 0) >= share, gain


def test_more_upright_digits_close_one_gap_and_leave_the_other(lesson):
    few, own, angles = lesson["few"], lesson["own"], lesson["angles"]
    upright, turned = angles.index(0), angles.index(30)
    assert all(np.all(scores == 1) for scores in own.values()), "not learnt by heart"
    gains(few[500][:, upright] - few[50][:, upright], 0.08)
    for n, scores in few.items():
        fall = scores[:, upright] - scores[:, turned]
        assert np.all(fall > 0.25), (n, fall)
    assert few[500][:, turned].mean() < 0.6, few[500]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_turn_by_20_degrees_is_as_far_as_another_class(lesson, seed):
    (X, y), _, (X_new, y_new) = lesson["digits"](seed)
    X_new, same = X_new[:300], y_new[:300, None] == y
    apart = lesson["distances"](X_new, X)
    turn = np.diag(lesson["distances"](X_new, augment.rotate(X_new, 20))).mean()
    other = np.where(same, np.inf, apart).min(axis=1).mean()
    own = np.where(same, apart, np.inf).min(axis=1).mean()
    assert abs(turn - other) < 0.15 and turn > own + 0.4, (turn, other, own)


@pytest.mark.parametrize(("degrees", "at_20", "at_45"), [(15, 0.08, 0.03), (30, 0.12, 0.2)])
def test_turned_digits_are_learnt_from_turned_digits(lesson, degrees, at_20, at_45):
    gain = lesson["g_turned"][f"±{degrees} degrees"] - lesson["g_turned"]["plain"]
    gains(gain[:, lesson["angles"].index(20)], at_20)
    gains(gain[:, lesson["angles"].index(45)], at_45, 0.85)


def test_upright_digits_gain_nothing_from_turns(lesson):
    plain, narrow, wide = lesson["g_upright"].values()
    assert abs(np.mean(narrow - plain)) < 0.015, narrow - plain
    gains(plain - wide, 0.008, 0.75)


def test_small_digits_are_learnt_from_scaled_digits_and_the_usual_ones_gain_nothing(lesson):
    plain, scaled = (np.array(scores) for scores in lesson["g_scaled"].values())
    small, same, large = (scaled - plain).T
    at_45 = lesson["g_turned"]["plain"][:, lesson["angles"].index(45)]
    assert plain[:, 0].mean() < min(0.3, at_45.mean()), (plain, at_45)
    gains(small, 0.5)
    gains(large, 0.05)
    assert -0.025 < same.mean() < 0.003, same


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("flips, both ways", 0.04),
        ("half turn", 0.02),
        ("turn by any angle", 0.1),
    ],
)
def test_a_transform_that_breaks_labels_costs_accuracy(lesson, name, least):
    gains(lesson["g_plain"] - lesson["g_broken"][name], least, 0.85)


def test_half_of_the_half_turns_price_is_the_broken_label(lesson):
    half, spared = (lesson["g_broken"][k] for k in ("half turn", "half turn, not 6 and 9"))
    gains(spared - half, 0.005, 0.75)
    gains(lesson["g_plain"] - spared, 0.005, 0.75)


def test_the_digits_that_are_broken_pay_and_are_repaid_when_spared(lesson):
    change = lesson["g_change"]
    assert change["half turn"][9] < -0.05 < -0.03 < change["half turn, not 6 and 9"][9], change
    kept = lesson["by_class"]["half turn"][:, [6, 9]].mean()
    assert kept > 0.65, f"6 and 9 have become a coin toss: {kept}"
    flips = change["flips, both ways"]
    assert flips[[0, 1, 8]].mean() > -0.04 and flips[[2, 3, 5, 7, 9]].mean() < -0.06, flips


def test_copies_on_both_sides_of_the_split_promise_perfection(lesson):
    (held, test), (honest, honest_test) = np.moveaxis(lesson["g_leak"], 2, 1)
    assert np.all(held > 0.98) and np.all(test < 0.95), (held, test)
    assert abs(np.mean(honest - honest_test)) < 0.06, (honest, honest_test)


def test_in_the_dark_the_plain_network_no_longer_knows_the_sky(lesson):
    noon, dark = (np.array(lesson["c_dark"][light]) for light in (1, 0.3))
    assert noon.min() > 0.75 and noon.mean() > 0.96, noon
    sky = list(lesson["places"]).index("sky")
    assert dark[:, sky].mean() < 0.15, dark


def test_jitter_pays_in_the_dark_and_costs_in_the_old_light(lesson):
    plain, jitter = (lesson["c_curves"][name].T for name in ("plain", "jitter"))
    at = {light: k for k, light in enumerate(lesson["lights"])}
    gains(jitter[at[0.3]] - plain[at[0.3]], 0.25)
    gains(jitter[at[0.5]] - plain[at[0.5]], 0.01, 0.75)
    assert jitter[at[0.3]].mean() > 0.85, jitter[at[0.3]]
    for light in (1, 1.4):
        gains(plain[at[light]] - jitter[at[light]], 0.003, 0.6)
    gains(jitter[at[0.3]] - jitter[at[0.2]], 0.1)


@pytest.mark.parametrize(
    ("name", "change", "least"),
    [
        ("brightness 0.7", "dark", 0.25),
        ("contrast 0.7", "flat", 0.1),
        ("contrast 0.7", "pale", 0.02),
        ("saturation 1.0", "flat", 0.1),
        ("saturation 1.0", "pale", 0.02),
    ],
)
def test_a_jitter_helps_against_its_change_and_its_relatives(lesson, name, change, least):
    column = list(lesson["weather"]).index(change)
    gain = lesson["c_table"][name][column] - lesson["c_table"]["plain"][column]
    gains(gain, least, 0.75)


def test_grey_defeats_all_and_training_on_it_costs_colour(lesson):
    grey, same = (list(lesson["weather"]).index(name) for name in ("grey", "as it was"))
    for name, scores in lesson["c_table"].items():
        assert scores[grey].mean() < 0.65, (name, scores[grey])
    gains((lesson["c_table"]["plain"] - lesson["c_table"]["saturation 1.0"])[same], 0.005, 0.75)
    assert lesson["mixed_up"] > 0.75 * lesson["grey_errors"], lesson["mixed_up"]


def test_a_flip_changes_nothing_where_there_is_no_up_and_down(lesson):
    gain = lesson["c_flipped"] - lesson["c_plain"]
    assert abs(gain.mean()) < 0.012, gain


def test_jitter_left_on_costs_little_and_answers_twice(lesson):
    on, off, unlike = (np.array(lesson[name]) for name in ("c_on", "c_off", "c_unlike"))
    assert -0.005 < np.mean(off - on) < 0.05, off - on
    assert 0.01 < unlike.mean() < 0.1, unlike
