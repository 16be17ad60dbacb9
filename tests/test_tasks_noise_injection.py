"""Exercise 02 alone: its levels, a twin in the library, and the predictions' keys, measured."""

import numpy as np

from reglib import RegularizedNeuralNetwork, smooth_labels
from reglib.assess.tasks import chapter
from reglib.assess.tutor import judge
from reglib.data import noisy_digits

TASKS = chapter("2")


def test_the_tasks_are_of_the_levels_promised():
    assert list(TASKS) == [f"2.{i}" for i in range(1, 15)]
    levels = [task.level for task in TASKS.values()]
    assert {level: levels.count(level) for level in set(levels)} == {
        "Easy": 5,
        "Medium": 7,
        "Hard": 2,
    }


def test_a_twin_in_the_library_is_refused():
    names = {}
    code = "from reglib import Dropout\ndef answer(x, p, training, seed):\n"
    exec(code + "    return Dropout(p, rng=seed).forward(x, training)", names)
    assert "The answer uses reglib" in judge(TASKS["2.1"], names["answer"]).sentences[0]


# The keys of the predictions, measured
def test_scaling_at_evaluation_too_costs_confidence_and_hardly_accuracy():
    changes = []
    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        (X, y), _, (X_test, y_test) = noisy_digits(rng=rng)
        net = RegularizedNeuralNetwork(
            [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy",
            init="he", momentum=0.9, dropout=0.5, rng=np.random.default_rng(seed),
        )  # fmt: skip
        net.fit(X, y, 60, 32, 0.1)
        right = net.predict_proba(X_test)
        net.weights[1] *= 0.5  # as good as half of the hidden layer
        scaled = net.predict_proba(X_test)
        accuracy, confidence = (
            [np.mean(P.argmax(axis=1) == y_test) for P in (right, scaled)],
            [P.max(axis=1).mean() for P in (right, scaled)],
        )
        changes.append((accuracy[1] - accuracy[0], confidence[1] - confidence[0]))
    assert np.abs(changes)[:, 0].max() < 0.03, changes
    assert np.array(changes)[:, 1].max() < -0.1, changes


def test_the_smoothed_loss_has_a_floor_of_one_half():
    q = smooth_labels(np.eye(10)[:1], alpha=0.1)[0]
    floor = -np.sum(q * np.log(q))
    assert round(floor, 2) == 0.50 and round(-np.log(0.91), 2) == 0.09
    rng = np.random.default_rng(0)
    others = rng.dirichlet(np.ones(10), size=1000)
    assert (-(np.log(others) @ q)).min() > floor
