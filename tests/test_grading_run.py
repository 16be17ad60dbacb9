"""`reglib grade`: it grades what changed, goes on where it ended, and replaces reports whole."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import classroom
from reglib import cli
from reglib.assess import course
from reglib.assess.grading import run, sandbox

ROOT, NAME = course.root(), "01_norm_penalties"
LACK = sandbox.missing()
pytestmark = [
    pytest.mark.skipif(bool(LACK), reason=LACK),
    pytest.mark.skipif(not (ROOT / "solutions").is_dir(), reason="solutions/ is not here"),
]


@pytest.fixture(scope="module")
def submitted(tmp_path_factory):
    """Eight students, what each should get, and the report on them."""
    place = tmp_path_factory.mktemp("class")
    wanted = classroom.simulate(place / "in", NAME, 8, seed=3)
    run.grade(ROOT, place / "in", place / "out", jobs=2, seed=7)
    return place, wanted


def marks(report):
    with open(report / NAME / "marks.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_every_student_gets_what_was_earned(submitted):
    place, wanted = submitted
    for name, row in marks(place / "out").items():
        for number, passes in wanted[name].items():
            assert (float(row[number]) > 0) == bool(passes), f"{name}, {number}: {row[number]}"
        assert float(row["score"]) == sum(float(row[number]) for number in wanted[name])


def kept(report):
    return {path.name: path.stat().st_mtime_ns for path in (report / ".results").glob("*.json")}


def test_a_second_run_grades_only_what_changed(submitted, tmp_path, monkeypatch):
    place, _ = submitted
    shutil.copytree(place, tmp_path / "class")
    path = tmp_path / "class/in/student-002" / NAME / f"{NAME}.ipynb"
    graded = []
    real = run.mark
    monkeypatch.setattr(run, "mark", lambda *a, **k: graded.append(1) or real(*a, **k))
    before = kept(tmp_path / "class/out")
    run.grade(ROOT, tmp_path / "class/in", tmp_path / "class/out")
    assert kept(tmp_path / "class/out") == before and not graded, "unchanged work was graded anew"
    shutil.copy(ROOT / "exercises" / NAME / f"{NAME}.ipynb", path)
    run.grade(ROOT, tmp_path / "class/in", tmp_path / "class/out")
    assert len(graded) == 1
    row = marks(tmp_path / "class/out")["student-002"]
    assert (row["status"], float(row["score"])) == ("nothing attempted", 0)
    run.grade(ROOT, tmp_path / "class/in", tmp_path / "class/out", again=True)
    assert len(graded) == 9, "`again` must grade all"


def pages(report):
    """What a report says, but for its seed's file."""
    return {
        path.relative_to(report).as_posix(): path.read_bytes()
        for path in sorted(report.rglob("*"))
        if path.is_file() and ".results" not in path.parts
    }


def test_processes_and_a_dask_cluster_give_the_same_report(submitted, tmp_path):
    place, _ = submitted
    run.grade(ROOT, place / "in", tmp_path / "one", seed=7)
    assert pages(tmp_path / "one") == pages(place / "out"), "one process and two differ"
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://")
        run.grade(ROOT, place / "in", tmp_path / "dask", seed=7, dask=address)
    assert pages(tmp_path / "dask") == pages(place / "out"), "the cluster's report differs"


def command(place, *more):
    options = [place / "in", "-o", place / "out", "--seed", "7", *more]
    return [sys.executable, "-m", "reglib.cli", "grade", *map(str, options)]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "kill"])
def test_a_stopped_run_goes_on_and_leaves_nothing_behind(submitted, tmp_path, sign):
    place, _ = submitted
    shutil.copytree(place / "in", tmp_path / "in")
    with subprocess.Popen(
        command(tmp_path), cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 60
        while not kept(tmp_path / "out") and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, sign)
        said = process.communicate(timeout=300)[1]
    done = kept(tmp_path / "out")
    assert 0 < len(done) < 8, f"{len(done)} of 8 results when it was stopped"
    assert not (tmp_path / "out" / NAME).exists(), "half a report was written"
    if sign == signal.SIGINT:
        assert process.returncode == 130 and "the same command goes on" in said, said
    assert subprocess.run(command(tmp_path), cwd=ROOT).returncode == 0
    now = kept(tmp_path / "out")
    assert len(now) == 8 and all(now[name] == when for name, when in done.items())
    assert pages(tmp_path / "out") == pages(place / "out")


def test_a_report_that_fails_half_way_leaves_the_old_one(submitted, tmp_path, monkeypatch):
    place, _ = submitted
    shutil.copytree(place, tmp_path / "class")
    before = pages(tmp_path / "class/out")

    def broken(*args):
        Path(args[1], "marks.csv").write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(run.pages, "write", broken)
    with pytest.raises(OSError, match="disk full"):
        run.grade(ROOT, tmp_path / "class/in", tmp_path / "class/out")
    assert pages(tmp_path / "class/out") == before


def test_a_folder_that_is_no_report_is_never_replaced(submitted, tmp_path):
    place, _ = submitted
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="report must be a folder of its own"):
        run.grade(ROOT, place / "in", tmp_path)
    assert (tmp_path / NAME / "thesis.txt").read_text() == "mine"


def test_a_report_among_the_submissions_is_refused(submitted):
    place, _ = submitted
    for report in (place / "in", place / "in" / "report"):
        with pytest.raises(ValueError, match="report must lie outside"):
            run.grade(ROOT, place / "in", report)
    assert not (place / "in" / "report").exists()


def test_a_report_that_was_being_replaced_when_the_machine_stopped_comes_back(tmp_path):
    (tmp_path / f".old-{NAME}").mkdir()
    (tmp_path / f".old-{NAME}" / "marks.json").write_text("{}")
    run.prepared(tmp_path, {NAME})
    assert (tmp_path / NAME / "marks.json").exists()


def test_points_late_days_and_bonus_by_hand(submitted, tmp_path):
    place, wanted = submitted
    shutil.copytree(place / "out", tmp_path / "out")
    table = tmp_path / "changes.csv"
    table.write_text(
        "student,task,points,late_days,bonus\nstudent-001,1.1,1,,\nstudent-001,,,2,0.5\n"
    )
    run.grade(ROOT, place / "in", tmp_path / "out", adjust=table, late_penalty=0.1)
    old, new = marks(place / "out")["student-001"], marks(tmp_path / "out")["student-001"]
    earned = float(old["score"]) - float(old["1.1"]) + 1
    assert float(new["score"]) == pytest.approx(0.8 * earned + 0.5)
    table.write_text("student,task,points\nstudent-099,1.1,1\n")
    with pytest.raises(ValueError, match="line 2.*student"):
        run.grade(ROOT, place / "in", tmp_path / "out", adjust=table)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"seconds": 0}, "seconds"),
        ({"late_penalty": 2.0}, "late_penalty"),
        ({"jobs": 0}, "jobs"),
        ({"seed": 0}, "seed"),
        ({"sandbox": "none"}, "sandbox"),
        ({"due": "soon"}, "soon"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_wrong_argument_is_named_before_anything_is_graded(submitted, tmp_path, how, says):
    with pytest.raises(ValueError, match=says):
        run.grade(ROOT, submitted[0] / "in", tmp_path / "out", **how)
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_and_a_missing_one_are_said(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "in").mkdir()
    for folder in ("in", "nowhere"):
        assert cli.main(["grade", str(tmp_path / folder), "-o", str(tmp_path / "out")]) == 1
        assert str(tmp_path / folder) in capsys.readouterr().err


def test_without_bubblewrap_it_refuses_and_names_the_package(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert cli.main(["grade", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "`bubblewrap`" in said and "--sandbox=container-already" in said


def test_one_file_that_tells_no_exercise_stops_nobody(submitted, tmp_path):
    place, wanted = submitted
    folder = tmp_path / "in"
    for name in ("student-001", "student-002"):
        shutil.copytree(place / "in" / name, folder / name)
    other = "02_noise_injection"
    (folder / "student-001" / other).mkdir()
    shutil.copy(ROOT / "exercises" / other / f"{other}.ipynb", folder / "student-001" / other)
    (folder / "student-003").mkdir()
    (folder / "student-003" / "homework.ipynb").write_text("{")
    counts = run.grade(ROOT, folder, tmp_path / "out")
    assert counts[NAME].total() == 2 and counts[other].total() == 1
    assert counts[run.UNKNOWN] == {"unreadable": 1}
    report = json.loads((tmp_path / "out" / run.UNKNOWN / "marks.json").read_text("utf-8"))
    assert "student-003" in json.dumps(report)
