"""The faulty scripts about noise do what their questions say, and the repaired ones do not."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from reglib import RegularizedNeuralNetwork
from reglib.assess.questions import find
from reglib.data import noisy_digits

LESSON = Path(__file__).parents[1] / "notebooks/02_noise_injection.ipynb"


def fresh_mask(faulty, fixed):
    """The gradient of a layer whose noise is held fixed, against finite differences."""
    x = np.random.default_rng(1).normal(size=(20, 30))

    def wrong_share(layer):
        def output(x):
            return layer(0.5, seed=3).forward(x, training=True)

        numeric = (output(x + 1e-6) - output(x - 1e-6)) / 2e-6  # each output has its own input
        one = layer(0.5, seed=3)
        one.forward(x, training=True)
        return np.mean(np.abs(one.backward(np.ones_like(x)) - numeric) > 1e-3)

    assert wrong_share(fixed["Dropout"]) == 0, "the repaired layer fails a gradient check"
    share = wrong_share(faulty["Dropout"])  # a half on average, with standard error 0.02
    assert 0.37 < share < 0.63, f"a second mask differs from the first in half: {share}"


def twice_scaled(faulty, fixed):
    rng = np.random.default_rng(0)
    shapes = {"W1": (10, 200), "b1": (200,), "W2": (200, 5), "b2": (5,)}
    net = {name: rng.normal(size=shape) / 5 for name, shape in shapes.items()}
    net["b2"] /= 10  # biases of the output stay small in training
    x, p = rng.normal(size=(300, 10)), 0.5
    right = fixed["notebook_predict"](x, net)
    mended = fixed["service_predict"](x, fixed["export"](net, p))
    served = faulty["service_predict"](x, faulty["export"](net, p))
    assert np.array_equal(mended, right), "the repaired service answers otherwise"
    same = np.mean(served.argmax(axis=1) == right.argmax(axis=1))
    assert same > 0.95, f"the same class in {same:.0%}, and the question says nearly always"
    lost = right.max(axis=1).mean() - served.max(axis=1).mean()
    assert lost > 0.1, f"the mean confidence falls by {lost:.2f} alone"


def smoothed_validation(faulty, fixed):
    losses, rights = np.array(list(faulty["table"].values())).T
    assert (np.diff(losses) > 0.03).all(), f"the more smoothing the worse: {losses}"
    assert (np.diff(rights) > 0).all(), f"by accuracy the more the better: {rights}"
    true, same = np.array(list(fixed["table"].values())).T
    assert np.array_equal(rights, same), "the fault touches the accuracy too"
    assert true[0] == losses[0] and true[0] - true.min() > 0.03, f"no smoothing helps: {true}"


def complaints(names):
    """What is wrong with the script: in evaluation, in the forward pass, in the backward pass."""
    X, y = names["X_test"], names["y_test"]
    answers = {names["accuracy"](X, y) for _ in range(10)}
    mask, da = names["mask"], names["da"]
    found = {"evaluation"} if len(answers) > 1 else set()
    # The masks have the mean 1; six standard errors of the mean of 12,800 are 0.027.
    if abs(mask.mean() - 1) > 0.027:
        found.add("forward")
    if da[mask == 0].any():
        found.add("backward")
    return found


def three_faults(faulty, fixed):
    assert complaints(faulty) == {"evaluation", "forward", "backward"}
    assert complaints(fixed) == set()
    assert abs(faulty["mask"].mean() - 0.25) < 0.027, "a quarter arrives, says the question"
    chance = np.bincount(faulty["y_test"]).max() / 200
    assert faulty["accuracy"](faulty["X_test"], faulty["y_test"]) > chance + 0.1


PROOFS = {
    "fresh-mask-backward": fresh_mask,
    "exported-twice-scaled": twice_scaled,
    "smoothed-validation": smoothed_validation,
    "dropout-script": three_faults,
}


@pytest.mark.parametrize(
    ("line", "cured"), [("16", "forward"), ("23", "evaluation"), ("30", "backward")]
)
def test_each_repair_of_the_dropout_script_cures_its_own_complaint(line, cured):
    data = find("dropout-script").data
    lines = data["code"].strip("\n").split("\n")
    lines[int(line) - 1] = data["fix"][line]
    names = {"np": np}
    exec("\n".join(lines), names)
    left = {"evaluation", "forward", "backward"} - {cured}
    assert complaints(names) == left, f"with line {line} repaired"


# Numbers of the lesson that questions quote, each in the words in which its cell prints it.
QUOTED = {
    "dropout-averages-what": ["mean of five seeds   0.72      0.79       0.81              0.82"],
    "train-below-validation": ["clean, p = 0.5            0.883           0.976        0.955"],
    "noise-as-slope": ["sigma = 0.12: second order is 3.0%", "sigma = 0.50: second order is 21.1%"],
    "smoothing-facts": ["0.0       0       0.92     +0.00 ± 0.00        0.94      0.02",
                        "0.0     0.1       0.92     +0.00 ± 0.01        0.77      0.16"],
    "explain-dropout": ["test accuracy    0.92   0.89   0.76", "0.5    0.810  0.817     +0.056",
                        "dropout            0.914     -0.003"],
    "smoothing-for-honesty": ["0.0       0       0.92     +0.00 ± 0.00        0.94      0.02",
                              "0.0     0.1       0.92     +0.00 ± 0.01        0.77      0.16"],
}  # fmt: skip


def test_the_lesson_still_prints_what_questions_quote_of_it():
    outputs = [o for c in nbformat.read(LESSON, 4).cells for o in c.get("outputs", [])]
    text = re.sub(r"\s+", " ", " ".join(o.get("text", "") for o in outputs))
    for name, lines in QUOTED.items():
        find(name)  # it is in the bank
        for line in lines:
            assert re.sub(r"\s+", " ", line) in text, f"{name}: the lesson no longer prints {line}"


def test_smoothing_takes_most_answers_below_a_confidence_of_0_9():
    """The model answer of "smoothing-for-honesty": 84 in 100 above 0.9 without it, 30 with it."""
    above = {}
    for alpha in (0, 0.1):
        shares = []
        for seed in range(5):
            (X, y), _, (X_test, _) = noisy_digits(p=0.0, rng=np.random.default_rng(seed))
            net = RegularizedNeuralNetwork(
                [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy",
                init="he", momentum=0.9, label_smoothing=alpha, rng=np.random.default_rng(seed),
            )  # fmt: skip
            net.fit(X, y, epochs=60, batch_size=32, learning_rate=0.1)
            shares.append(np.mean(net.predict_proba(X_test).max(axis=1) > 0.9))
        above[alpha] = np.mean(shares)
    assert abs(above[0] - 0.84) < 0.01 and abs(above[0.1] - 0.30) < 0.02, above
