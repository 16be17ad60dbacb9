"""What sections 7 to 9 of notebook 04 claim, judged on eight other seeds.

The strengths are those that the lesson writes: chosen on its own seeds, and judged on these.
"""

import numpy as np
import pytest
from lessons import run_lesson

SEEDS = range(10, 18)
MANY = 7  # of eight
PENALTIES = "l1", "l2", "max_norm"
NOISES = "dropout", "dropconnect", "input_noise", "label_smoothing", "mixup"
TECHNIQUES = *PENALTIES, *NOISES, "patience"
HARMFUL = ("l1", "l2"), ("l2", "dropout"), ("dropout", "label_smoothing")


@pytest.fixture(scope="module")
def lesson():
    # The same settings as in test_claims_04_seed.py: the lesson then runs once for both.
    return run_lesson("04_manual_network", SEEDS=SEEDS, XOR_SEEDS=range(100, 120))


@pytest.fixture(scope="module")
def moons(lesson):
    """Return by technique the training and test accuracies (16 draws, 2)."""
    train = lesson["on_moons"]
    return {
        name: np.array([train(draw, **on)[1:] for draw in range(6, 22)])
        for name, on in lesson["MOON_SWITCHES"].items()
    }


def column(lesson, table, name, k):
    """Return a measure (seeds,): 1 test accuracy, 2 calibration error, 3 zeros, 4 norm."""
    return lesson[table][name][0][:, k]


def gain(lesson, table, name):
    return column(lesson, table, name, 1) - column(lesson, table, "plain", 1)


def test_on_the_moons_plain_learns_by_heart_and_each_switch_helps_on_average(moons):
    own, test = moons["plain"].T
    assert own.mean() > 0.95, own
    assert abs(test.mean() - 0.84) < 0.01, test
    for name in moons.keys() - {"plain"}:
        own_too, test_too = moons[name].T
        assert own_too.mean() < own.mean() - 0.02, (name, own_too)
        assert 0.015 < np.mean(test_too - test) < 0.09, (name, test_too - test)
    assert np.mean(moons["input noise"][:, 1] - test) > 0.06, moons


@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_switch_gains_with_wrong_labels_and_none_with_true_ones(lesson, name):
    redrawn, true = gain(lesson, "redrawn", name), gain(lesson, "clean", name)
    assert redrawn.mean() > 0.03 and np.sum(redrawn > 0) >= MANY, redrawn
    assert true.mean() < 0.01, true


def test_judged_by_labels_like_those_of_training_the_plain_network_is_far_off(lesson):
    errors = {name: column(lesson, "redrawn", name, 5).mean() for name in lesson["redrawn"]}
    order = sorted(errors, key=errors.get)
    assert order[-2:] == ["plain", "label_smoothing"], errors
    own = column(lesson, "clean", "plain", 5)
    np.testing.assert_array_equal(own, column(lesson, "clean", "plain", 2), "true labels redrawn")


def test_against_true_labels_the_plain_network_is_nearest_and_the_others_are_too_modest(lesson):
    errors = {name: column(lesson, "redrawn", name, 2).mean() for name in lesson["redrawn"]}
    assert min(errors, key=errors.get) == "plain", errors
    assert max(errors, key=errors.get) == "label_smoothing", errors
    for name in TECHNIQUES:
        _, rate, on = lesson["redrawn"][name]
        for seed in SEEDS[:3]:
            X, y = lesson["digits"](seed, 0.2)[2]
            P = lesson["train"](seed, 0.2, rate, **on).predict_proba(X)
            sure, right = P.max(axis=1).mean(), np.mean(P.argmax(axis=1) == y)
            assert sure < right - 0.01, (name, seed, sure, right)


def test_only_l1_leaves_zeros_and_only_the_penalties_shorten_the_weights(lesson):
    plain = column(lesson, "redrawn", "plain", 4).mean()
    assert 0.6 < column(lesson, "redrawn", "l1", 3).mean() < 0.85
    for name in TECHNIQUES[1:]:
        assert column(lesson, "redrawn", name, 3).max() == 0, name
    for name in PENALTIES:
        assert 0.3 < column(lesson, "redrawn", name, 4).mean() / plain < 0.65, name
    for name in NOISES:
        assert column(lesson, "redrawn", name, 4).mean() / plain > 0.8, name


@pytest.mark.parametrize(
    ("on", "low", "high"), [({"patience": 5}, 16, 30), ({"patience": 5, "mixup": 32.0}, 33, 55)]
)
def test_patience_saves_epochs(lesson, on, low, high):
    epochs = []
    for seed in SEEDS:
        (switches, patience), rng = lesson["options"](on), np.random.default_rng(seed)
        training, validation, _ = lesson["digits"](seed, 0.2)
        network = lesson["RegularizedNeuralNetwork"]
        net = network([64, 128, 10], rng=rng, **lesson["RECIPE"], **switches)
        epochs.append(len(net.fit(*training, 60, 32, 0.03, validation, patience)["loss"]))
    assert low < np.mean(epochs) < high, epochs


@pytest.mark.parametrize("names", HARMFUL, ids=" + ".join)
def test_two_at_full_strength_are_worse_than_one(lesson, names):
    naive, chosen = lesson["over"][names]
    assert naive.mean() < -0.005 and naive.mean() < chosen.mean(), (naive, chosen)


def test_dropout_with_l2_at_full_strength_loses_much(lesson):
    naive, _ = lesson["over"]["l2", "dropout"]
    assert naive.mean() < -0.02 and np.sum(naive < 0) >= MANY, naive


@pytest.mark.parametrize("names", [("l1", "l2"), ("l2", "dropout")], ids=" + ".join)
def test_too_much_of_both_forgets_true_labels(lesson, names):
    def learnt(on):
        shares = []
        for seed in SEEDS:
            (X, y), (_, truth) = lesson["digits"](seed, 0.2)[0], lesson["digits"](seed, 0.0)[0]
            net, honest = lesson["train"](seed, 0.2, 0.03, **on), y == truth
            shares.append(np.mean(net.predict(X[honest]) == truth[honest]))
        return np.mean(shares)

    on = {name: lesson["redrawn"][name][2][name] for name in names}
    alone = [learnt({name: value}) for name, value in on.items()]
    assert min(alone) > 0.96 and learnt(on) < min(alone) - 0.02, (alone, learnt(on))


def test_chosen_together_a_pair_gains_little_over_the_better_single(lesson):
    for names, (_, chosen) in lesson["over"].items():
        if names != ("mixup", "patience"):
            assert abs(chosen.mean()) < 0.02, (names, chosen)
    both = lesson["over"]["mixup", "patience"][1]
    assert 0.005 < both.mean() < 0.04 and np.sum(both > 0) >= MANY - 1, both


def test_more_dropout_wants_less_l2(lesson):
    held = lesson["held"]
    none, strong = held[:, lesson["DROPOUTS"].index(0)], held[:, lesson["DROPOUTS"].index(0.8)]
    assert lesson["L2S"] == (0, 0.003, 0.01), "the sentences below name the rows"
    assert none.argmax() == 2 and none[2] > none[1] + 0.015, held
    assert strong.argmax() < 2 and strong.max() > strong[2] + 0.015, held
    assert abs(strong[0] - strong[1]) < 0.015, f"the top is not flat: {held}"


def test_the_chosen_point_keeps_its_promise_on_test_digits(lesson):
    test, plain = lesson["retrained"][:, 1], column(lesson, "redrawn", "plain", 1)
    assert abs(test.mean() - lesson["held"].max()) < 0.025, test
    assert np.all(test > plain), (test, plain)


def test_weights_alone_go_on_otherwise_and_about_as_well(lesson):
    for seed in SEEDS:
        (X, y), _, (X_test, y_test) = lesson["digits"](seed, 0.2)
        straight, half = lesson["network"](seed), lesson["network"](seed)
        straight.fit(X, y, 20, 32, 0.03)
        half.fit(X, y, 10, 32, 0.03)
        anew = lesson["network"](seed)
        for mine, trained in zip(
            anew.weights + anew.biases, half.weights + half.biases, strict=True
        ):
            mine[...] = trained
        anew.fit(X, y, 10, 32, 0.03)
        assert lesson["apart"](anew, straight) > 0.02, seed
        right, wanted = (np.mean(net.predict(X_test) == y_test) for net in (anew, straight))
        assert abs(right - wanted) < 0.05, (seed, right, wanted)


@pytest.mark.weekly
def test_the_rates_and_strengths_written_into_the_lesson_are_what_validation_chooses():
    tuned = run_lesson("04_manual_network", TUNE=True)  # on the lesson's own seeds
    wrong = [choice for choice in tuned["choices"] if choice[1] != choice[2]]
    assert not wrong, f"(share redrawn, written, chosen): {wrong}"
