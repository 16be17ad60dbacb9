"""Exercise 03 alone: its levels, twins in the library, its keys and what its tasks say, measured."""

import re

import numpy as np
import pytest
from test_exercises import RIGHT, WRONG

import reglib
from reglib.assess.tasks import chapter
from reglib.assess.tutor import judge
from reglib.data import load_digits, split

TASKS = chapter("3")


def test_the_tasks_are_of_the_levels_promised():
    assert list(TASKS) == [f"3.{i}" for i in range(1, 14)]
    levels = [task.level for task in TASKS.values()]
    assert {level: levels.count(level) for level in set(levels)} == {
        "Easy": 4,
        "Medium": 7,
        "Hard": 2,
    }
