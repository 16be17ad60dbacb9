"""What notebook 04 claims of the seed's network, judged on twenty other seeds."""

import numpy as np
import pytest
from lessons import run_lesson
from scipy.optimize import minimize

from reglib import RegularizedNeuralNetwork

XOR_SEEDS = range(100, 120)


@pytest.fixture(scope="module")
def lesson():
    # The same settings as in test_claims_04.py: the lesson then runs once for both.
    return run_lesson("04_manual_network", SEEDS=range(10, 18), XOR_SEEDS=XOR_SEEDS)


def learnt(lesson, A):
    return np.sum(lesson["worst_error"](A) < 0.1)


def test_the_seeds_gradient_is_wrong_in_every_array_of_every_network(lesson):
    for penalty in (0, 0.01):
        errors = lesson["v_errors"][1, penalty]
        assert errors.min() > 0.01, f"penalty {penalty}: an array passes, {errors.min(axis=0)}"
    plain = np.median(lesson["v_errors"][1, 0], axis=0)
    assert np.all((plain > 0.35) & (plain < 0.52)), f"the text prints about 0.43: {plain}"
    start = lesson["v_errors"][0.01, 0]
    assert np.allclose(start, 1 / 3, atol=0.01), f"the text prints 0.33: {start}"


def test_at_the_seeds_start_the_penalties_hide_it_in_the_weights_alone(lesson):
    first, second, *biases = np.median(lesson["v_errors"][0.01, 0.01], axis=0)
    assert first < 0.005 and second < 0.04, f"the weights tell: {first}, {second}"
    assert min(biases) > 0.3, f"the biases do not tell: {biases}"


@pytest.mark.parametrize("seed", XOR_SEEDS)
def test_delta_lacks_the_two_and_the_slope_of_the_sigmoid(lesson, seed):
    net = lesson["seed_network"](seed, size=1, penalty=0)
    for row in range(4):
        one = lesson["X_xor"][row : row + 1], lesson["y_xor"][row : row + 1]
        used, true = (lesson[name](net, *one)[-1].item() for name in ("slopes_used", "slopes_true"))
        a = net.forward_propagation(one[0]).item()
        assert abs(true / used - 2 * a * (1 - a)) < 1e-6, f"row {row}: {true / used}, a = {a}"


def test_either_repair_passes_and_the_seed_does_not(lesson):
    worst = lesson["v_repaired"]
    assert worst.pop("the seed") > 0.3, "the seed's gradient passes"
    assert len(worst) == 2 and max(worst.values()) < 1e-6, worst


@pytest.mark.parametrize("seed", XOR_SEEDS)
def test_the_first_repair_changes_no_step(lesson, seed):
    X, y = lesson["X_xor"], lesson["y_xor"]
    nets = [
        lesson["seed_network"](seed, 1, kind=lesson[k]) for k in ("SeedNetwork", "LossRepaired")
    ]
    for net in nets:
        for _ in range(50):
            net.forward_propagation(X)
            net.backward_propagation(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(*(net.weights for net in nets), strict=True))


def test_no_single_change_makes_the_script_learn(lesson):
    for name, (A, largest) in lesson["v_single"].items():
        assert np.abs(A - 0.5).max() < 0.001, f"{name}: answers {A}"
        assert name == "no penalties" or largest < 0.002, f"{name}: a weight of {largest}"


def test_three_faults_are_each_enough(lesson):
    """Only the network with start, penalties and budget mended learns, and on every seed."""
    for row, (init, lam, long) in enumerate(lesson["v_eight"]):
        learnt = lesson["v_learnt"][5000 if long else 1000][row]
        mended = init == 1 and lam == 0 and long
        assert learnt == (20 if mended else 0), (init, lam, long, learnt)


def test_the_smaller_the_start_the_longer_the_wait(lesson):
    """Errors at 1,000, 5,000 and 20,000 epochs for starts of 0.01, 0.1, 0.3, 1 and 30."""
    at = np.searchsorted(lesson["v_epochs"], lesson["v_budgets"])
    counts = np.sum(lesson["v_paths"][at, 0] < 0.1, axis=-1)
    assert lesson["v_factors"] == (0.01, 0.1, 0.3, 1, 30)
    assert np.all(counts[:, 0] == 0), f"the seed's start learns: {counts}"
    assert np.all(np.diff(counts[:2, :4], axis=1) >= 0), f"a larger start is later: {counts}"
    assert counts[2, 1] >= 15 and np.all(counts[2, 2:4] >= 18), f"the wait does not end: {counts}"
    assert np.all(counts[:, 4] < 18), f"no network is stuck at 30: {counts}"
    norm = lesson["v_paths"][:, 2, 0]
    assert np.allclose(norm, norm[0], rtol=0.25), "the weights of the seed's start move"


def test_a_start_ten_times_smaller_has_slopes_a_thousand_times_smaller(lesson):
    slopes = np.median(lesson["v_slopes"], axis=1)
    for large, little in ((3, 1), (1, 0)):  # starts of 1, 0.1 and 0.01
        assert 300 < slopes[large] / slopes[little] < 3000, slopes


def test_the_start_then_the_budget_is_why_and_not_the_mismatch(lesson):
    """Rows: 0.01 with either delta; Xavier with output - y, then squared error; two rates each."""
    early, middle, late = (lesson["v_table"][budget] for budget in lesson["v_budgets"])
    assert not late[:2].any(), f"0.01 learns: {late}"
    assert np.all(late[2:] >= 17) and late[2] >= 19, f"Xavier does not learn: {late}"
    assert early[3] >= 17 and middle[3] == 20, f"output - y at rate 1.0: {early}, {middle}"
    assert 0 < middle[2] < 20, f"one seed would tell at 0.1 and 5,000 epochs: {middle}"
    assert np.all(early[2:4] >= early[4:]) and middle[2] > middle[4], "the seed's delta is slower"
    assert early[3] > early[5] + 5 and early[3] > early[2] + 5, early


def test_penalties_of_a_hundredth_leave_nothing(lesson):
    found = {lam: np.sum(off < 0.1) for lam, off in lesson["v_found"].items()}
    assert found[0] == 20 and found[0.0001] >= 16, found
    assert 0 < found[0.001] < 15 and found[0.002] == found[0.01] == 0, found
    assert np.all(np.abs(lesson["v_found"][0.01] - 0.5) < 0.02), lesson["v_found"][0.01]


def test_the_weights_that_know_xor_cost_more_than_they_save(lesson):
    assert lesson["v_price"].min() > 2 * np.log(2), lesson["v_price"]


def test_the_smallest_total_is_what_the_text_says(lesson):
    best = lesson["v_best"]
    for lam, data, off in ((0.0001, 0.008, 0.008), (0.001, 0.088, 0.084), (0.004, 0.34, 0.29)):
        assert np.allclose(best[lam][1:], (data, off), atol=0.01), (lam, best[lam])
    for lam in (0.005, 0.007, 0.01, 0.02):
        least, _, off = best[lam]
        assert abs(least - np.log(2)) < 1e-6 and abs(off - 0.5) < 1e-3, (lam, best[lam])
    least, _, off = lesson["v_tanh"]
    assert abs(off - 0.21) < 0.01 and least < np.log(2), lesson["v_tanh"]


@pytest.mark.parametrize("lam", [0.001, 0.004, 0.01])
def test_a_wider_search_finds_nothing_cheaper(lesson, lam):
    net = RegularizedNeuralNetwork([2, 4, 1], loss="binary_cross_entropy")
    bounds, rng = lesson["uv_bounds"], np.random.default_rng(0)
    for size in (1, 3, 6) * 20:
        w = size * rng.standard_normal(17)
        q = np.concatenate([np.maximum(w[:12], 0), np.maximum(-w[:12], 0), w[12:]])
        args = dict(args=(net, lam), jac=True, method="L-BFGS-B", bounds=bounds)
        found = minimize(lesson["xor_total"], q, **args).fun
        assert found > lesson["v_best"][lam][0] - 1e-3, f"a cheaper network: {found}"


def test_the_price_and_its_slopes_agree(lesson):
    """The optimizer is told the truth: the lesson's own judge says so."""
    net = RegularizedNeuralNetwork([2, 4, 1], loss="binary_cross_entropy")
    q = np.random.default_rng(0).uniform(0.1, 1, 29)
    numeric = lesson["central"](lambda: lesson["xor_total"](q, net, 0.01)[0], q)
    assert np.allclose(lesson["xor_total"](q, net, 0.01)[1], numeric, atol=1e-8)


def test_the_recipe_learns_in_time_and_its_neighbours_do_not(lesson):
    """Learning rates 0.3, 1, 4 and 30; the issue asks for 19 of 20, then for 20 of 20."""
    early, late = lesson["v_rates"][1000], lesson["v_rates"][5000]
    assert early[2] == late[2] == 20, f"the recipe: {early}, {late}"
    assert late[1] == 20 and early[0] < 6, f"the wait depends on the rate: {early}, {late}"
    assert early[3] == late[3] == 0, f"30 is not too large: {late}"


def test_reglib_learns_xor_and_draws_two_lines(lesson):
    net, X, y = lesson["solved"], lesson["X_xor"], lesson["y_xor"]
    assert np.abs(net.forward_propagation(X) - y).max() < 0.1
    final = lesson["v_surfaces"][-1]
    along = np.diagonal(final)  # from below (0, 0) to above (1, 1)
    assert np.sum(np.diff(along > 0.5)) == 2, "not two lines between (0, 0) and (1, 1)"


def test_an_equal_start_stays_equal(lesson):
    A, W, _ = lesson["v_equal"]
    assert W.shape == (1, 2, 4) and np.allclose(W[..., :1], W)
    assert learnt(lesson, A) == 0, A
