"""Exercise 05 alone: against other libraries, in parallel, killed in earnest, marked by hand."""

import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import joblib
import nbformat
import numpy as np
import pytest
from answers import model_answer
from test_search_dask import client, thread  # noqa: F401

from reglib.assess import course
from reglib.assess.questions import bank
from reglib.assess.tasks import chapter
from reglib.assess.tidy import read
from reglib.assess.tutor import Progress, cell_source, judge

TASKS = chapter("5")
HOME = course.root() / "solutions" / "05_interview"
pytestmark = pytest.mark.skipif(not HOME.is_dir(), reason="the solutions are not here")
OPEN = ("in-production", "design-overfitting-network", "explain-regularization")
NAMES = {
    "5.1": "ridge_from_file", "5.2": "add_piece", "5.3": "batch_rows", "5.4": "train_on",
    "5.5": "save_checkpoint", "5.7": "fold_error", "5.8": "choose_strength", "5.9": "ridge_path",
    "5.11": "serve", "5.12": "drift",
}  # fmt: skip


def model(number):
    return model_answer(number, NAMES[number])


def table(rng, n=60, d=4):
    X = rng.normal(size=(n, d)) * [1, 5, 0.2, 30] + [0, 3, 100, -50]
    return X, X @ [1, 0.2, -3, 0.01] + rng.normal(size=n) + 7


def test_the_tasks_are_of_the_levels_promised():
    assert list(TASKS) == [f"5.{i}" for i in range(1, 13)]
    levels = [task.level for task in TASKS.values()]
    assert [levels.count(level) for level in ("Easy", "Medium", "Hard")] == [3, 6, 3]


# The model answers against other libraries
def test_ridge_is_that_of_scikit_learn(tmp_path):
    from sklearn.linear_model import Ridge

    X, y = table(np.random.default_rng(0))
    np.save(tmp_path / "data.npy", np.column_stack([X, y]))
    lambdas = np.array([3.0, 0.1, 0.5])
    path = model("5.9")(X, y, lambdas)
    for l2, w in zip(lambdas, path, strict=True):
        theirs = Ridge(alpha=len(X) * l2, fit_intercept=False).fit(X, y).coef_
        np.testing.assert_allclose(w, theirs, rtol=1e-8, err_msg=f"5.9 at l2 = {l2}")
        streamed = model("5.1")(str(tmp_path / "data.npy"), l2, 7)
        np.testing.assert_allclose(streamed, theirs, rtol=1e-8, err_msg=f"5.1 at l2 = {l2}")


def test_the_moments_are_those_of_all_rows_also_at_a_million():
    from sklearn.preprocessing import StandardScaler

    X = np.random.default_rng(1).normal(size=(500, 3)) * 10 + 1e6
    state, theirs = (0, np.zeros(3), np.zeros(3)), StandardScaler()
    for piece in np.split(X, [1, 8, 300]):
        state = model("5.2")(*state, piece)
        theirs.partial_fit(piece)
    count, mean, m2 = state
    assert count == 500
    np.testing.assert_allclose(mean, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(m2 / count, theirs.var_, rtol=1e-9)
    np.testing.assert_allclose(m2 / count, X.var(axis=0), rtol=1e-9)


def jobs(k=5):
    rng = np.random.default_rng(2)
    X, y = table(rng)
    return X, y, rng.permutation(len(X)) % k, np.geomspace(0.001, 10, 6)


def test_a_job_is_that_of_a_pipeline():
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y, folds, lambdas = jobs()
    for fold, l2 in itertools.product(range(5), lambdas):
        T = folds != fold
        there = make_pipeline(StandardScaler(), Ridge(alpha=T.sum() * l2)).fit(X[T], y[T])
        theirs = np.mean((there.predict(X[~T]) - y[~T]) ** 2)
        ours = model("5.7")(X, y, folds, fold, l2)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, err_msg=f"fold {fold}, l2 = {l2}")


def test_the_drift_is_that_of_scipy():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(3)
    for n, m in ((5, 9), (40, 17), (30, 30)):
        A, B = rng.normal(size=(n, 4)), rng.normal(size=(m, 4)) + [0, 2, 0, -0.5]
        A[:, 2:3], B[:, 2:3], A[:, 3], B[:, 3] = 1.0, 1.0, A[:, 3].round(), B[:, 3].round()
        theirs = [ks_2samp(a, b).statistic for a, b in zip(A.T, B.T, strict=True)]
        np.testing.assert_allclose(model("5.12")(A, B), theirs, atol=1e-12, err_msg=f"{n}, {m}")


def test_another_library_is_refused():
    names, body = {"np": np}, "def answer(X, y, lambdas):\n    return Ridge().fit(X, y).coef_"
    exec(f"from sklearn.linear_model import Ridge\n{body}", names)
    assert "The answer uses scikit-learn" in judge(TASKS["5.9"], names["answer"]).sentences[0]


# The search in parallel
def search(fold_error):
    """The table of errors, folds by strengths, as the task's text has it computed."""
    X, y, folds, lambdas = jobs()
    pairs = list(itertools.product(range(5), lambdas))
    order = np.random.default_rng(4).permutation(len(pairs))  # a job may come at any time
    calls = (joblib.delayed(fold_error)(X, y, folds, *pairs[i]) for i in order)
    errors = np.empty(len(pairs))
    errors[order] = joblib.Parallel(n_jobs=2)(calls)
    return errors.reshape(5, -1)


def serial():
    X, y, folds, lambdas = jobs()
    return np.array([[model("5.7")(X, y, folds, k, l2) for l2 in lambdas] for k in range(5)])


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_the_search_is_the_same_on_threads_and_processes(backend):
    with joblib.parallel_config(backend=backend):
        there = search(model("5.7"))
    assert len(np.unique(there)) == there.size and (there == serial()).all()


def test_the_search_is_the_same_on_a_dask_cluster(client):  # noqa: F811
    with joblib.parallel_config(backend="dask"):
        there = search(model("5.7"))
        threads = joblib.Parallel(n_jobs=1)(joblib.delayed(thread)() for _ in range(4))
    assert (there == serial()).all()
    assert all("Dask" in name for name in threads), f"the cluster did no work: {threads}"


# Killed in earnest
JOB = """
import json, os, signal, sys
import numpy as np
source, data, path, steps, kill_step, kill_line = json.loads(sys.argv[1])
exec(source)  # add_piece, batch_rows, train_on, save_checkpoint
A = np.load(data, mmap_mode="r")
n, d = len(A), A.shape[1] - 1
moments = 0, np.zeros(d + 1), np.zeros(d + 1)
for i in range(0, n, 50):
    moments = add_piece(*moments, np.array(A[i : i + 50]))
mean, std = moments[1], np.sqrt(moments[2] / n)
w, v, step = np.zeros(d), np.zeros(d), 0
if os.path.exists(path):
    with np.load(path) as file:
        w, v, step = file["w"], file["v"], int(file["step"])
print(step, flush=True)
lines = 0
def die(*event):
    global lines
    lines += 1
    if lines == kill_line:
        os.kill(os.getpid(), signal.SIGKILL)
    return die
while step < steps:
    B = (A[batch_rows(n, 16, 3, step)] - mean) / std
    rows = np.arange(len(B))[None]
    w, v, _ = train_on(B[:, :-1], B[:, -1], rows, w, v, 0, 1, 0.05, 0.9, 0.01)
    step += 1
    if step == kill_step and not kill_line:
        os.kill(os.getpid(), signal.SIGKILL)
    if step % 4 == 0:
        sys.settrace(die if step == kill_step else None)
        save_checkpoint(path, w, v, step)
        sys.settrace(None)
"""
DIRECT = "\ndef save_checkpoint(path, w, v, step):\n    np.savez(path, w=w, v=v, step=step)\n"
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on Windows")


@pytest.fixture
def job(tmp_path):
    """Run the job in a process of its own; returns where it began and how it ended."""
    X, y = table(np.random.default_rng(5), n=230)
    np.save(tmp_path / "data.npy", np.column_stack([X, y]))
    home, needed = HOME / f"{HOME.name}.ipynb", ("5.2", "5.3", "5.4", "5.5")
    cells = [cell_source(home, TASKS[number].cell) for number in needed]

    def run(name, kill_step=0, kill_line=0, more=""):
        source, path = "\n\n".join(cells) + more, str(tmp_path / f"{name}.npz")
        told = json.dumps([source, str(tmp_path / "data.npy"), path, 40, kill_step, kill_line])
        command = [sys.executable, "-c", JOB, told]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return int(done.stdout or -1), done.returncode, done.stderr[-500:]

    return run


@needs_kill
def test_a_job_that_is_killed_again_and_again_ends_with_the_same_bits(job, tmp_path):
    """Between two steps, and at a line in the middle of writing the checkpoint."""
    assert job("undisturbed") == (0, 0, "")
    kills = [(3, 0), (8, 40), (8, 500), (8, 700), (17, 0), (24, 5), (31, 0), (40, 600)]
    begun = []
    for step, line in kills:
        start, code, said = job("killed", step, line)
        assert code == -signal.SIGKILL, f"not killed at step {step}, line {line}: {said}"
        begun.append(start)
    assert begun == [0, 0, 4, 4, 4, 16, 20, 28], "a checkpoint was lost"
    start, code, said = job("killed")
    assert (start, code) == (36, 0), said
    with np.load(tmp_path / "undisturbed.npz") as a, np.load(tmp_path / "killed.npz") as b:
        assert a["step"] == b["step"] == 40 and np.abs(a["w"]).max() > 0.1
        for name in ("w", "v"):
            assert a[name].tobytes() == b[name].tobytes(), name


@needs_kill
def test_a_kill_does_spoil_a_checkpoint_that_is_written_over(job, tmp_path):
    """What the check of 5.5 says of such an answer is what happens."""
    assert job("direct", 8, 500, DIRECT)[1] == -signal.SIGKILL
    start, code, said = job("direct", more=DIRECT)
    assert start == -1 and code == 1 and ("zip" in said or "EOF" in said), said


# The keys of the two choices
def test_the_costs_are_those_of_the_key():
    """5.6: a piece has 8 MB, the file 81 GB; and one reading serves every fold and strength."""
    assert round(10_000 * 101 * 8 / 1e6) == 8 and round(1e8 * 101 * 8 / 1e9) == 81
    assert 100 * 100 * 8 / 1e3 == 80
    rng = np.random.default_rng(6)
    X, y, folds = rng.normal(size=(50, 3)), rng.normal(size=50), rng.permutation(50) % 5
    G, c, n = np.zeros((5, 3, 3)), np.zeros((5, 3)), np.bincount(folds)
    for i in range(0, 50, 7):  # once through the rows, in pieces
        for k in range(5):
            P = X[i : i + 7][folds[i : i + 7] == k]
            G[k] += P.T @ P
            c[k] += P.T @ y[i : i + 7][folds[i : i + 7] == k]
    for k, l2 in itertools.product(range(5), (0.1, 1.0)):
        m = n.sum() - n[k]
        w = np.linalg.solve((G.sum(0) - G[k]) / m + l2 * np.eye(3), (c.sum(0) - c[k]) / m)
        T = folds != k
        np.testing.assert_allclose(w, model("5.9")(X[T], y[T], np.array([l2]))[0], rtol=1e-9)


def digits_answered(fault, alone):
    """The classes that a nearest-mean classifier gives to digits, with a fault at serving."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    centre, rng = X.mean(axis=0), np.random.default_rng(7)
    means = np.stack([X[y == k].mean(axis=0) - centre for k in range(10)])
    means = means * (0.001 if fault == "penalty" else 1)  # shrunk to nearly nothing

    def answers(batch):
        Z = batch - (batch.mean(axis=0) if fault == "batch" else centre)
        Z = Z * (rng.random(Z.shape) >= 0.5) * 2 if fault == "dropout" else Z
        return (Z @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)

    rows = [X[i : i + 1] for i in range(100)] if alone else [X[:100]]
    given = np.concatenate([answers(batch) for batch in rows])
    return np.mean(given == y[:100]), len(set(given.tolist()))


def test_only_the_batchs_mean_answers_one_class_to_digits_that_come_alone():
    """5.10, the first question."""
    assert digits_answered("batch", False)[0] > 0.85 and digits_answered("batch", True)[1] == 1
    for fault in ("dropout", "penalty"):
        assert digits_answered(fault, True)[1] > 1, fault


def test_a_velocity_that_was_forgotten_changes_the_weights_without_an_error():
    """5.10, the second question."""
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    rows, zero = rng.integers(30, size=(700, 4)), np.zeros(3)
    how = 0.01, 0.9, 0.01
    w, v, _ = model("5.4")(X, y, rows, zero, zero, 0, 600, *how)
    for more in (1, 10, 100):
        right = model("5.4")(X, y, rows, w, v, 600, more, *how)[0]
        forgot = model("5.4")(X, y, rows, w, zero, 600, more, *how)[0]
        assert np.isfinite(forgot).all() and (right != forgot).all(), more


# The faulty code, and serving
def test_the_faulty_service_fails_with_all_its_faults_named():
    names = {"np": np}
    exec(cell_source(HOME / f"{HOME.name}.ipynb", "given-5-11"), names)
    said = judge(TASKS["5.11"], names["faulty_serve"]).sentences[0]
    for part in (
        "All three",
        "scaled by the mean",
        "normalised by the statistics",
        "Dropout is on",
    ):
        assert part in said


def test_what_is_served_depends_on_the_row_alone():
    rng = np.random.default_rng(9)
    net = (np.zeros(3), np.ones(3), rng.normal(size=(3, 5)), np.ones(5), np.zeros(5), np.ones(5))
    net = *net, rng.normal(size=(5, 2)), np.zeros(2), 0.5
    X, serve = rng.normal(size=(8, 3)), model("5.11")
    whole = serve(X, *net, 0)
    for size, call in ((1, 1), (3, 2), (8, 3)):
        parts = [serve(X[i : i + size], *net, call) for i in range(0, 8, size)]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-12, err_msg=str(size))


# The open answers
def cells(tree):
    path = course.root() / tree / HOME.name / f"{HOME.name}.ipynb"
    return {cell.id: cell for cell in read(path).cells}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_answer_holds_the_question_the_rubric_and_the_model_answer(name):
    """As the questions' own files have them; the learner's copy holds the question alone."""
    here, asked = cells("solutions")[f"answer-{name}"], bank()[name]
    marks = here.metadata.nbgrader
    assert (marks.task, marks.grade, marks.solution, marks.locked) == (True, False, False, True)
    assert marks.points == len(asked.data["rubric"])
    parts = r"(.*)\n\n### BEGIN MARK SCHEME\n(.*)\n### END MARK SCHEME"
    shown, secret = re.fullmatch(parts, here.source, re.S).groups()
    head = f"**{asked.level}** · {asked.minutes} minutes · {marks.points} points"
    assert head in shown and shown.endswith(f"\n\n{asked.question.strip()}")
    points = "\n".join(f"- **{row['step']}**: {row['point']}" for row in asked.data["rubric"])
    scheme = f"**One point for each of these:**\n\n{points}\n\n**A strong answer**\n\n"
    assert secret == scheme + asked.data["model"].strip()
    given = cells("exercises")
    assert given[f"answer-{name}"].source.strip() == shown
    assert given[f"text-{name}"].source == "*Write your answer here.*"
    assert "nbgrader" not in given[f"text-{name}"].metadata  # the learner's own, to write in


def test_the_points_of_progress_are_those_of_the_checks():
    total = Progress([(task, "passed") for task in TASKS.values()]).total
    graded = [c.metadata.get("nbgrader", {}) for c in cells("solutions").values()]
    assert f"of {sum(m['points'] for m in graded if m.get('grade'))} points" in total
    assert sum(m["points"] for m in graded if m.get("task")) > 0


def test_nbgrader_makes_the_same_exercise_and_keeps_the_rubric_for_who_marks(tmp_path):
    shutil.copytree(HOME, tmp_path / "solutions" / HOME.name)
    shutil.copy(course.root() / "nbgrader_config.py", tmp_path)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", HOME.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"PATH": path})  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = nbformat.read(tmp_path / "exercises" / HOME.name / f"{HOME.name}.ipynb", as_version=4)
    ours = {name: cell.source for name, cell in cells("exercises").items()}
    assert {cell.id: cell.source for cell in made.cells} == ours
    with sqlite3.connect(tmp_path / "gradebook.db") as book:
        kept = book.execute("SELECT source FROM source_cell WHERE source LIKE '%MARK SCHEME%'")
        assert len(kept.fetchall()) == len(OPEN), "formgrader will not show the rubric"
