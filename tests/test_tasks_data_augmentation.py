"""Exercise 03 alone: its levels, twins in the library, and what its tasks claim, measured."""

import numpy as np
import pytest
from answers import model_answer

from reglib import RegularizedNeuralNetwork, cutmix, rotate
from reglib.assess import course
from reglib.assess.tasks import chapter
from reglib.assess.tutor import judge
from reglib.data import load_digits, split

TASKS = chapter("3")
HOME = course.root() / "solutions" / "03_data_augmentation"
needs_solutions = pytest.mark.skipif(not HOME.is_dir(), reason="the solutions are not here")


def test_the_tasks_are_of_the_levels_promised():
    assert list(TASKS) == [f"3.{i}" for i in range(1, 17)]
    levels = [task.level for task in TASKS.values()]
    assert {level: levels.count(level) for level in set(levels)} == {
        "Easy": 5,
        "Medium": 9,
        "Hard": 2,
    }


TWINS = {
    "3.3": "rotate(image[None, :, :, None], 0.0)[0, :, :, 0]",
    "3.5": "adjust_saturation(image.transpose(1, 2, 0)[None], factor)[0].transpose(2, 0, 1)",
    "3.6": "MixUp(alpha)(images, (y[:, None] == range(k)) * 1.0, seed)",
    "3.10": "RandomErasing(1.0, scale, ratio)._sides(h, w, 1, seed)",
}
ARGUMENTS = {
    "3.3": "image, rows, cols",
    "3.5": "image, factor",
    "3.6": "images, y, k, alpha, seed",
    "3.10": "h, w, scale, ratio, seed",
}


@pytest.mark.parametrize("number", TWINS)
def test_a_twin_in_the_library_is_refused(number):
    names, call = {}, TWINS[number]
    name = call.partition("(")[0]
    exec(f"from reglib import {name}\ndef answer({ARGUMENTS[number]}):\n    return {call}", names)
    assert "The answer uses reglib" in judge(TASKS[number], names["answer"]).sentences[0]


@needs_solutions
def test_the_tasks_agree_with_the_library():
    """A rotation of tasks 3.2 and 3.3 is `rotate`; the labels of task 3.9 are those of `cutmix`."""
    sources, sample = (
        model_answer("3.2", "rotation_sources"),
        model_answer("3.3", "bilinear_sample"),
    )
    repaired, rng = model_answer("3.9", "cutmix_classes"), np.random.default_rng(0)
    images, y, perm = rng.random((6, 7, 10)), rng.integers(3, size=6), rng.permutation(6)
    for degrees in (90.0, 33.0, -120.0):
        ours = [sample(image, *sources(7, 10, degrees)) for image in images]
        theirs = rotate(images[..., None], degrees)[..., 0]
        np.testing.assert_allclose(ours, theirs, atol=1e-12, err_msg=f"{degrees} degrees")
    mixed, labels = repaired(images, y, 3, -2, 7, 5, 5, perm)
    X, Y = cutmix(images[..., None], np.eye(3)[y], -2, 7, 5, 5, perm)
    np.testing.assert_allclose(mixed, X[..., 0])
    np.testing.assert_allclose(labels, Y)


# The keys of 3.1, and what 3.11 and 3.13 say, measured
def test_a_half_turn_costs_the_6_and_the_9_and_flips_cost_more_than_a_shift():
    X, y = load_digits()
    (X, y), (X_test, y_test) = split(X, y, (1000, 797), np.random.default_rng(0))
    net = RegularizedNeuralNetwork(
        [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy",
        init="he", momentum=0.9, rng=np.random.default_rng(0),
    )  # fmt: skip
    net.fit(X, y, 30, 32, 0.1)
    images = X_test.reshape(-1, 8, 8)
    right = np.pad(images, ((0, 0), (0, 0), (1, 0)))[:, :, :8]
    hits = {
        name: net.predict(new.reshape(-1, 64)) == y_test
        for name, new in {
            "plain": images, "shift": right, "flip": images[:, :, ::-1],
            "half turn": images[:, ::-1, ::-1],
        }.items()
    }  # fmt: skip
    shares = {name: hit.mean() for name, hit in hits.items()}
    assert shares["plain"] > 0.95 and shares["shift"] > shares["flip"] + 0.05, shares
    six_nine, zero = np.isin(y_test, (6, 9)), y_test == 0
    turned = hits["half turn"]
    assert turned[six_nine].mean() < 0.1 and turned[zero].mean() > 0.8, shares


@needs_solutions
def test_copies_of_a_few_digits_pay_most_where_digits_are_moved():
    """Task 3.13 on 20 real digits and ten seeds: the others as they are, or moved by a pixel."""
    tuned, shift = model_answer("3.13", "tuned_reach"), model_answer("3.4", "shift_each")
    gains = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        sets = split(*load_digits(), (20, 100, 100), rng)
        (images, y), (val, val_y), (test, test_y) = ((X.reshape(-1, 8, 8), y) for X, y in sets)
        steps = rng.integers(-1, 2, size=(2, 2, 100))
        moved = [shift(new, *by, np.zeros(100)) for new, by in zip((val, test), steps, strict=True)]
        pairs = [tuned(images, y, v, val_y, t, test_y, (0, 1))[1:] for v, t in ((val, test), moved)]
        gains.append([accuracy - plain for accuracy, plain in pairs])
    still, moving = np.mean(gains, axis=0)
    assert moving > still + 0.05 and still > 0, gains
