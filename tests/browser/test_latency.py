"""The benchmark of the explorers measures what it says: no bound on a time stands here."""

import pytest

from benchmarks import latency

pytestmark = pytest.mark.weekly


def test_every_move_of_an_explorer_and_of_its_twin_is_timed(lab, page):
    found = latency.measure(lab, page, ["soft_threshold"], moves=3, moves_anew=2)["soft_threshold"]
    assert (len(found.ours), len(found.spent), len(found.anew)) == (3, 3, 2)
    pairs = zip(found.ours, found.spent, strict=True)
    assert all(0 < spent < whole for whole, spent in pairs), "the kernel is a part of the way"


def test_a_slow_picture_is_measured_as_slow(lab, page):
    latency.open_cell(lab, page)
    slow = """
import time
slow = latency.ours("switches")
update = slow.update
slow.update = lambda **values: time.sleep(values["L1"] / 2) or update(**values)
slow"""
    latency.run(lab, page, slow)
    found = latency.times(page, ["L1"], 6)
    on, off = found[::2], found[1::2]
    assert min(on) > 500 and min(on) > min(off)
