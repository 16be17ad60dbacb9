"""The lesson's search goes to a Dask cluster unchanged: a local one, over loopback."""

import threading

import joblib
import numpy as np
import pytest

from reglib import RegularizedNeuralNetwork
from reglib.data import noisy_digits


def score(l2, dropout, seed):
    """Validation accuracy of a small network on digits with redrawn labels."""
    rng = np.random.default_rng(seed)
    (X, y), (X_val, y_val), _ = noisy_digits(150, 0.2, rng=np.random.default_rng(seed))
    options = dict(output="softmax", loss="cross_entropy", l2=l2, dropout=dropout)
    net = RegularizedNeuralNetwork([64, 16, 10], activation="relu", init="he", rng=rng, **options)
    net.fit(X, y, 5, 32, 0.1, progress=False)
    return np.mean(net.predict(X_val) == y_val)


def thread(_):
    return threading.current_thread().name


@pytest.fixture
def client():
    """A cluster in this process that speaks TCP all the same, and waits for a slow machine."""
    import dask
    import distributed

    patient = {f"distributed.comm.timeouts.{kind}": "120s" for kind in ("connect", "tcp")}
    loopback = dict(processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None)
    with (
        dask.config.set(patient),
        distributed.Client(n_workers=2, threads_per_worker=1, **loopback) as client,
    ):
        yield client


def search(function, points):
    """The search as the lesson writes it; nothing in it knows where it runs."""
    return joblib.Parallel()(joblib.delayed(function)(*point) for point in points)


def test_a_search_on_a_cluster_equals_the_search_here(client):
    points = [(l2, dropout, seed) for l2 in (0, 0.01) for dropout in (0, 0.5) for seed in (0, 1)]
    here = search(score, points)
    with joblib.parallel_config(backend="dask"):
        there = search(score, points)
        threads = search(thread, [(i,) for i in range(4)])
    assert len(set(here)) > 2, "the scores are all alike, so nothing is compared"
    assert there == here, "the same points, other scores"
    assert all("Dask" in name for name in threads), f"the cluster did no work: {threads}"
    workers = client.scheduler_info()["workers"]
    assert all(address.startswith("tcp://127.0.0.1:") for address in workers), workers
