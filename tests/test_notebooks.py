"""The stored notebooks are what their code gives, and a change by hand is named with its cell."""

import base64
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tiny_course
from PIL import Image

from reglib import cli
from reglib.assess.refresh import refresh
from reglib.assess.release import CODE_STUB, TEXT_STUB, release
from reglib.assess.tidy import keep_pictures, read

ROOT = Path(__file__).resolve().parents[1]
needs_solutions = pytest.mark.skipif(
    not (ROOT / "solutions").is_dir(), reason="an instructor has taken solutions/ away"
)


@pytest.fixture(scope="module")
def fresh_course(tmp_path_factory):
    """A tiny course that was refreshed and released."""
    root = tmp_path_factory.mktemp("course")
    tiny_course.make(root)
    assert refresh(root) == []
    assert release(root) == []
    return root


@pytest.fixture
def course(fresh_course, tmp_path):
    return Path(shutil.copytree(fresh_course, tmp_path / "course"))


def page(root):
    return root / "notebooks" / "00_start_here.ipynb"


# --- the real course


def test_stored_notebooks_have_the_stored_form():
    """What running them shows is compared by nbval, and their pictures by `conftest.py`."""
    problems = refresh(ROOT, check=True, execute=False)
    if problems:
        pytest.fail("`reglib refresh` is due:\n" + "\n".join(problems), pytrace=False)


@needs_solutions
def test_exercises_have_not_drifted():
    problems = release(ROOT, check=True)
    if problems:
        pytest.fail("`reglib release` is due:\n" + "\n".join(problems), pytrace=False)


@needs_solutions
def test_exercises_hold_no_solution_text():
    for source in ROOT.glob("solutions/*/*.ipynb"):
        target = ROOT / "exercises" / source.parent.name / source.name
        given = {cell.id: cell.source for cell in read(target).cells}
        for cell in read(source).cells:
            for line in secret_lines(cell):
                assert line not in given[cell.id], f"{target}, cell {cell.id} shows: {line}"


def secret_lines(cell):
    """Return the lines of a cell that no learner may find in it."""
    solution = cell.metadata.get("nbgrader", {}).get("solution")
    in_secret = bool(solution) and "BEGIN SOLUTION" not in cell.source
    secret, shown = set(), set()
    for line in cell.source.splitlines():
        if re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)", line):
            in_secret = "BEGIN" in line
        elif len(line.strip()) > 12:
            (secret if in_secret else shown).add(line.strip())
    return secret - shown


# --- refresh, on the tiny course


def test_an_unchanged_course_has_no_drift(course):
    assert refresh(course, check=True) == []
    assert release(course, check=True) == []


def test_refreshing_twice_changes_no_byte(course):
    before = {path: path.read_bytes() for path in course.rglob("*.ipynb")}
    refresh(course)
    assert {path: path.read_bytes() for path in course.rglob("*.ipynb")} == before


def test_no_machine_and_no_widget_state_is_stored(course):
    text = page(course).read_text(encoding="utf-8")
    assert json.loads(text)["metadata"].keys() == {"kernelspec", "language_info"}
    assert "widget-view" not in text and "FloatSlider(value=0.0)" in text and "image/png" in text


def output(cell, **changes):
    cell.outputs[0].update(changes)


@pytest.mark.parametrize(
    ("said", "edit"),
    [
        ("the output differs", lambda c: c.update(source="print('penalty', 0.5)")),
        ("the output differs", lambda c: output(c, text="penalty 0.5\n")),
        ("ZeroDivisionError", lambda c: c.update(source="1 / 0")),
    ],
)
def test_what_running_shows_is_named_with_its_cell(course, said, edit):
    tiny_course.change(page(course), "penalty", edit)
    [problem] = refresh(course, [page(course)], check=True)
    assert problem.startswith("notebooks/00_start_here.ipynb: cell 2 (") and said in problem


@pytest.mark.parametrize(
    ("said", "edit"),
    [
        ("is stored with count 7, not 1", lambda c: c.update(execution_count=7)),
        ("is stored with count None", lambda c: c.update(execution_count=None, outputs=[])),
        ("the metadata differs", lambda c: c.metadata.update(collapsed=True)),
        ("true on this machine alone: /home/me", lambda c: output(c, text="/home/me/x")),
        ("true on this machine alone: at 0x7f", lambda c: output(c, text="<A at 0x7f12345678>")),
        ("writes to stderr", lambda c: output(c, name="stderr")),
    ],
)
def test_what_may_not_be_stored_is_named_with_its_cell(course, said, edit):
    tiny_course.change(page(course), "penalty", edit)
    problems = refresh(course, [page(course)], check=True, execute=False)
    named = [problem for problem in problems if said in problem]
    assert named, problems
    assert named[0].startswith("notebooks/00_start_here.ipynb: cell 2 (")
    assert "id penalty)" in named[0]


def test_another_picture_is_drift(course):
    def swap(cell):
        cell.source = cell.source.replace("plt.plot([0, 1])", "plt.fill_between([0, 1], [1, 1])")

    tiny_course.change(page(course), "figure", swap)
    [problem] = refresh(course, [page(course)], check=True)
    assert "cell 3 (In [2], id figure): the picture differs" in problem


def outcome(root, monkeypatch, *options):
    """Run pytest on a folder as `make test` does on the course."""
    shutil.copy(ROOT / "conftest.py", root)
    shutil.copytree(ROOT / "tests" / "offline", root / "tests" / "offline", dirs_exist_ok=True)
    monkeypatch.delenv("REGLIB_REFUSED", raising=False)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "--dist", "loadfile", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)


def test_make_test_names_another_picture_too(course, monkeypatch):
    """nbval itself compares none; both copies run, so that only the turned picture can fail."""
    same = page(course).with_name("same.ipynb")
    shutil.copy(page(course), same)

    def turn(cell):
        [data] = [output.data for output in cell.outputs if "image/png" in output.get("data", {})]
        turned, buffer = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))), io.BytesIO()
        turned.rotate(180).save(buffer, "png")
        data["image/png"] = base64.b64encode(buffer.getvalue()).decode()

    tiny_course.change(page(course), "figure", turn)
    done = outcome(course, monkeypatch, "--nbval", page(course), same)
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout
    assert "The picture differs" in done.stdout and "same.ipynb::" not in done.stdout, done.stdout


@pytest.mark.parametrize(("change", "kept"), [(0, True), (8, True), (9, False)])
def test_a_picture_that_looks_the_same_keeps_its_bytes(change, kept):
    pixels = np.full((20, 30, 3), 100, dtype=np.uint8)
    stored = notebook_with(pixels, compress_level=9)
    pixels[4, 5] += change
    fresh = notebook_with(pixels, compress_level=1)
    assert fresh != stored
    keep_pictures(stored, fresh)
    assert (fresh == stored) == kept


def notebook_with(pixels, compress_level):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", compress_level=compress_level)
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode()}
    shown = nbformat.v4.new_output("display_data", data=data)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(id="p", outputs=[shown])])


def test_notebooks_without_ids_get_the_same_ids_each_time(tmp_path):
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "markdown", "metadata": {}, "source": "text"}
    raw = {"cells": [cell, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(raw))
    ids = [cell.id for cell in read(path).cells]
    assert ids == [cell.id for cell in read(path).cells] and len(set(ids)) == 2
    path.write_text("no notebook")
    with pytest.raises(ValueError, match="old.ipynb is no notebook"):
        read(path)


def test_a_file_in_another_form_is_drift(course):
    page(course).write_text(json.dumps(json.loads(page(course).read_text())), encoding="utf-8")
    [problem] = refresh(course, check=True, execute=False)
    assert "not in the stored form" in problem


def test_a_failing_model_answer_is_named(course):
    path = course / "solutions" / "01_demo" / "01_demo.ipynb"
    tiny_course.change(path, "test", lambda c: c.metadata.update(tags=["raises-exception"]))
    tiny_course.change(path, "answer", lambda c: c.update(source="def double(x):\n    return x"))
    [problem] = refresh(course, [path])
    assert "01_demo.ipynb: cell 3 (In [3], id test): the model answer fails" in problem


def test_a_slow_cell_is_named(course, monkeypatch, capsys):
    monkeypatch.setattr("reglib.assess.refresh.CELL_BUDGET", 1)
    source = "import time\ntime.sleep(1.5)"
    tiny_course.change(page(course), "penalty", lambda c: c.update(source=source))
    refresh(course, [page(course)])
    assert "SLOW: cell 2 1." in capsys.readouterr().out


@pytest.mark.parametrize("check", [True, False])
def test_an_edit_during_the_run_is_not_overwritten(course, check):
    source = "with open('00_start_here.ipynb', 'a') as file:\n    print(' ', file=file)"
    tiny_course.change(page(course), "penalty", lambda c: c.update(source=source))
    before = page(course).read_text(encoding="utf-8")
    [problem] = refresh(course, [page(course)], check=check)
    assert "was edited while it ran" in problem
    assert page(course).read_text(encoding="utf-8") == before + " \n"


def test_the_command_fails_on_drift_and_on_a_missing_file(course, monkeypatch, capsys):
    monkeypatch.chdir(course)
    assert cli.main(["release", "--check"]) == 0
    tiny_course.change(exercise(course), "first", lambda c: c.update(source="x = 2"))
    assert cli.main(["release", "--check"]) == 1
    assert "cell 1 (id first)" in capsys.readouterr().err
    tiny_course.change(page(course), "penalty", lambda c: c.update(execution_count=7))
    assert cli.main(["refresh", "--check", str(page(course))]) == 1
    assert "cell 2 (In [7], id penalty)" in capsys.readouterr().err
    assert cli.main(["refresh", "no_such.ipynb"]) == 1
    assert "no_such.ipynb" in capsys.readouterr().err


# --- release, on the tiny course


def exercise(root):
    return root / "exercises" / "01_demo" / "01_demo.ipynb"


def test_an_exercise_holds_stubs_and_no_answers(course):
    cells = {cell.id: cell for cell in read(exercise(course)).cells}
    assert cells["answer"].source == f"def double(x):\n    {CODE_STUB}"
    assert cells["test"].source == "assert double(2) == 4"
    assert cells["why"].source == TEXT_STUB
    assert all(not cell.get("outputs") for cell in cells.values())
    assert [path.name for path in exercise(course).parent.iterdir()] == ["01_demo.ipynb"]


@pytest.mark.parametrize(
    ("cell_id", "edit"),
    [
        ("first", lambda c: c.update(source="x = 2")),
        ("answer", lambda c: c.update(source="def double(x):\n    return 2 * x")),
        ("test", lambda c: c.metadata["nbgrader"].update(points=9)),
        ("test", lambda c: c.metadata.pop("editable")),
    ],
)
def test_an_exercise_changed_by_hand_is_named_with_its_cell(course, cell_id, edit):
    tiny_course.change(exercise(course), cell_id, edit)
    [problem] = release(course, check=True)
    number = {"first": 1, "answer": 2, "test": 3}[cell_id]
    assert f"exercises/01_demo/01_demo.ipynb: cell {number} (id {cell_id})" in problem


def test_a_removed_cell_and_a_stray_file_are_drift(course):
    notebook = read(exercise(course))
    del notebook.cells[0]
    tiny_course.write(exercise(course), notebook)
    (exercise(course).parent / "bank.py").write_text("")
    problems = "\n".join(release(course, check=True))
    assert "cell 1 (id first) is missing" in problems and "exercises/01_demo/bank.py" in problems


def test_a_broken_exercise_is_drift_and_is_built_again(course):
    before = exercise(course).read_bytes()
    exercise(course).write_text("<<<<<<< HEAD")
    [problem] = release(course, check=True)
    assert "01_demo.ipynb is no notebook" in problem
    assert release(course) == []
    assert exercise(course).read_bytes() == before


def test_a_cell_that_nbgrader_refuses_is_named(course):
    path = course / "solutions" / "01_demo" / "01_demo.ipynb"
    tiny_course.change(path, "why", lambda c: c.metadata["nbgrader"].update(grade=False))
    [problem] = release(course)
    assert "solutions/01_demo/01_demo.ipynb: cell 4 (id why)" in problem and "Markdown" in problem


def test_without_solutions_release_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="solutions/ is not here"):
        release(tmp_path)


def test_plain_nbgrader_makes_the_same_exercise_without_the_bank(course):
    ours = {cell.id: cell.source for cell in read(exercise(course)).cells}
    shutil.rmtree(course / "exercises")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "01_demo"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    done = subprocess.run(
        command,
        cwd=course,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert {cell.id: cell.source for cell in read(exercise(course)).cells} == ours
    assert not (exercise(course).parent / "bank.py").exists()


# --- the network


def test_connections_that_leave_the_computer_are_refused(monkeypatch, tmp_path):
    """Every kernel and process that the tests start loads the same guard."""
    monkeypatch.setenv("REGLIB_REFUSED", str(tmp_path / "refused.txt"))
    with pytest.raises(OSError, match="refused"), socket.socket() as leaving:
        leaving.connect(("192.0.2.1", 80))
    code = "import urllib.request; urllib.request.urlopen('http://example.org', timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "nothing here may reach the network" in done.stderr
    assert len((tmp_path / "refused.txt").read_text().splitlines()) == 2


def test_a_notebook_that_reaches_for_the_network_fails(course, monkeypatch, tmp_path):
    monkeypatch.setenv("REGLIB_REFUSED", str(tmp_path / "refused.txt"))
    source = "import urllib.request\nurllib.request.urlopen('http://example.org')"
    tiny_course.change(page(course), "penalty", lambda c: c.update(source=source))
    [problem] = refresh(course, [page(course)], check=True)
    assert "cell 2" in problem and "network" in problem


def test_a_refusal_that_is_swallowed_fails_the_run(monkeypatch, tmp_path):
    """Also when a worker of pytest-xdist, or a process it starts, has been refused."""
    (tmp_path / "test_it.py").write_text(
        "import contextlib, socket\n\n\ndef test_it():\n    with contextlib.suppress(OSError):\n"
        "        socket.getaddrinfo('example.org', 80)\n"
    )
    done = outcome(tmp_path, monkeypatch)
    assert done.returncode == 1 and "1 passed" in done.stdout, done.stdout
    assert "'example.org' refused" in done.stdout, done.stdout
