"""Exercise 05 alone: what its checks leave behind, and the memory that they measure."""

import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from answers import model_answer

from reglib.assess import course
from reglib.assess.tasks import chapter
from reglib.assess.tutor import judge

TASKS = chapter("5")
HOME = course.root() / "solutions" / "05_interview"
pytestmark = pytest.mark.skipif(not HOME.is_dir(), reason="the solutions are not here")
NAMES = {"5.1": "ridge_from_file", "5.5": "save_checkpoint", "5.9": "ridge_path"}


def model(number):
    return model_answer(number, NAMES[number])


@pytest.mark.parametrize("number", ["5.1", "5.5", "5.9"])
def test_a_check_puts_tracing_back(number):
    def crashes(*case):
        raise KeyError("a slip")

    before = sys.gettrace()
    for answer in (model(number), crashes):
        judge(TASKS[number], answer)
        assert sys.gettrace() is before and not tracemalloc.is_tracing()


def test_memory_that_is_traced_already_is_neither_counted_nor_lost():
    tracemalloc.start()
    try:
        kept = bytearray(10_000_000)
        assert judge(TASKS["5.1"], model("5.1")).kind == "passed"
        assert tracemalloc.get_traced_memory()[0] > len(kept), "the learner's tracing was stopped"
    finally:
        tracemalloc.stop()


def test_an_answer_that_changes_the_folder_leaves_neither_that_nor_a_file(tmp_path, monkeypatch):
    def stays(path, w, v, step):
        np.savez("left_behind.npz", w=w)
        os.chdir(os.path.dirname(path))

    monkeypatch.chdir(tmp_path)
    assert judge(TASKS["5.5"], stays).kind == "not yet"
    assert Path.cwd() == tmp_path and not list(tmp_path.iterdir())


def peak(n, tmp_path):
    path = str(tmp_path / f"{n}.npy")
    np.save(path, np.random.default_rng(n).normal(size=(n, 26)).astype(np.float32))
    ridge = model("5.1")
    tracemalloc.start()
    found = ridge(path, 0.1, 2_000), tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found[1]


def test_memory_does_not_grow_with_the_file(tmp_path):
    small, large = peak(8_000, tmp_path), peak(40_000, tmp_path)
    piece = 2_000 * 26 * 8
    assert abs(large - small) < piece / 10 and piece < large < 2.3 * piece, (small, large, piece)
