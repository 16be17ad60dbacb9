"""The lesson's search goes to a Dask cluster unchanged: a local one, over loopback."""

import itertools
import threading
from pathlib import Path

import joblib
import nbformat
import pytest

LESSON = Path(__file__).parents[1] / "notebooks" / "04_manual_network.ipynb"


@pytest.fixture
def client():
    """A cluster in this process that speaks TCP all the same, and waits for a slow machine."""
    import dask
    import distributed

    patient = {f"distributed.comm.timeouts.{kind}": "120s" for kind in ("connect", "tcp")}
    loopback = dict(
        processes=False, protocol="tcp", host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )
    with (
        dask.config.set(patient),
        distributed.Client(n_workers=2, threads_per_worker=1, **loopback) as client,
    ):
        yield client


def search(seeds):
    """Run the lesson's cells that define and search ``score``; return what was found."""
    cells = [c.source for c in nbformat.read(LESSON, as_version=4).cells if c.cell_type == "code"]
    (score,) = [source for source in cells if "def score(" in source]
    (found,) = [source for source in cells if "delayed(score)" in source]
    variables = {"__name__": "the lesson's search", "product": itertools.product}
    exec(cells[0], variables)
    variables["SEEDS"] = seeds
    exec(score, variables)
    exec(found, variables)
    return variables["found"]


def thread():
    return threading.current_thread().name


def test_the_lessons_search_finds_the_same_here_and_on_a_cluster(client, capsys):
    here = search(range(1))
    said = capsys.readouterr().out
    with joblib.parallel_config(backend="dask"):
        there = search(range(1))
        threads = joblib.Parallel(n_jobs=1)(joblib.delayed(thread)() for _ in range(4))
    assert len(set(here)) > 2, "the scores are all alike, so nothing is compared"
    assert there == here, "the same points, other scores"
    assert capsys.readouterr().out == said, "another choice was printed"
    assert all("Dask" in name for name in threads), f"the cluster did no work: {threads}"
    workers = client.scheduler_info()["workers"]
    assert all(address.startswith("tcp://127.0.0.1:") for address in workers), workers
