"""Keys of the questions on applications, recomputed; defences and their model answers."""

import re

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, Ridge, lars_path

from reglib.assess.questions import bank

DEFENCES = ["patients", "short-list", "labels", "tilted", "sure", "clean"]


def lasso_limit():
    """Markers kept at the weakest penalty, as a share of the animals, times 2,000 animals."""
    shares = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((12, 60)), rng.standard_normal(12)
        path = lars_path(X, y, method="lasso")[2]
        shares.append(np.max(np.sum(path != 0, axis=0)) / len(y))
    assert len(set(shares)) == 1, shares
    return 2000 * shares[0]


def click_memory():
    """Bytes of a vector with one weight in a hundred, stored whole and stored with indices."""
    w = np.zeros(100_000, np.float32)
    w[::100] = 1
    kept = np.flatnonzero(w).astype(np.uint32)
    return w.nbytes / (kept.nbytes + w[kept].nbytes)


def gene_list():
    """The candidate that makes zeros and keeps all of a group that varies together."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 200))
    X[:, :4] = X[:, :1] + 0.05 * rng.standard_normal((40, 4))
    y = X[:, 0] + 0.3 * rng.standard_normal(40)
    fits = {
        "a": Ridge(alpha=4.0).fit(X, y).coef_,
        "b": Lasso(alpha=0.3).fit(X, y).coef_,
        "c": ElasticNet(alpha=0.6, l1_ratio=0.3).fit(X, y).coef_,
        "d": np.linalg.lstsq(X, y, rcond=None)[0],
    }
    assert np.sum(fits["b"][:4] != 0) < 4, "the lasso keeps the whole group too"
    sparse = [letter for letter, w in fits.items() if np.mean(w == 0) > 0.5]
    return [letter for letter in sparse if np.all(fits[letter][:4] != 0)]


def which_one_won():
    """Which statements five seeds support, by three standard errors."""

    def shown(mean, deviation):
        return abs(mean) > 3 * deviation / np.sqrt(5)

    both_help = shown(0.028, 0.011) and shown(0.035, 0.012)
    noise_wins = shown(0.007, 0.014)
    # equality would need every difference that fits the data to be negligible, say under 0.005
    equal = 0.007 + 3 * 0.014 / np.sqrt(5) < 0.005
    if not both_help:
        return "b"
    return "a" if noise_wins else "d" if equal else "c"


def review_budget():
    """Wrong answers that stay, over many draws of calibrated answers."""
    rng, sure = np.random.default_rng(0), np.repeat([0.98, 0.92, 0.60], [600, 300, 100])
    draws = 200_000
    wrong = sum(rng.binomial(n, 1 - c, draws) for c, n in ((0.98, 600), (0.92, 300)))
    exact = np.sum((1 - sure)[sure >= 0.9])
    # six standard errors of the simulated mean
    assert abs(wrong.mean() - exact) < 6 * np.sqrt(exact / draws), (wrong.mean(), exact)
    return exact


COMPUTED = {
    "lasso-limit": lasso_limit,
    "click-memory": click_memory,
    "gene-list": gene_list,
    "which-one-won": which_one_won,
    "review-budget": review_budget,
}
PROOFS = {}


def test_the_notebook_finds_its_six_defences():
    for name in DEFENCES:
        question = bank()[f"defend-{name}"]
        assert question.kind == "open" and "practical applications" in question.covers
        assert question.section[0] == "05_interview" and question.section[1].startswith("Case ")


@pytest.mark.parametrize("name", DEFENCES)
def test_a_model_answer_makes_every_point_and_has_the_asked_length(name):
    data = bank()[f"defend-{name}"].data
    model = data["model"].lower()
    assert 100 <= len(re.findall(r"\S+", model)) <= 250
    for point in data["rubric"]:
        assert any(word in model for word in point["words"]), point["point"]
    assert {point["step"] for point in data["rubric"]} == {"draw", "prove", "apply"}


@pytest.mark.parametrize("name", DEFENCES)
def test_an_answer_that_says_nothing_makes_hardly_a_point(name):
    empty = "i chose it because it is known to be good and everybody in industry does so as well"
    points = [p for p in bank()[f"defend-{name}"].data["rubric"]]
    made = [p["point"] for p in points if any(word in empty for word in p["words"])]
    assert not made, made
