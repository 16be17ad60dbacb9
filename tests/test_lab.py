"""`reglib lab` serves the course, and the learner's own copies are made and never overwritten."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiny_course

from reglib import cli
from reglib.assess import course

ROOT = Path(__file__).resolve().parents[1]
NAME = "01_demo"


@pytest.fixture
def root(tmp_path):
    """A course with one exercise."""
    tiny_course.make(tmp_path)
    (tmp_path / "exercises" / NAME).mkdir(parents=True)
    exercise(tmp_path).write_text('{"release": 1}')
    return tmp_path


def exercise(root):
    return root / "exercises" / NAME / f"{NAME}.ipynb"


def mine(root, name=f"{NAME}.ipynb"):
    return root / "my" / NAME / name


# --- the learner's own copies


def test_a_copy_is_made_once_and_never_overwritten(root):
    [message] = course.copy_exercises(root)
    assert message == f"Your copy of {NAME}: my/{NAME}/{NAME}.ipynb"
    mine(root).write_text("my answers")
    assert course.copy_exercises(root) == []
    assert mine(root).read_text() == "my answers"


def test_a_newer_exercise_goes_beside_the_old_one(root):
    course.copy_exercises(root)
    mine(root).write_text("my answers")
    for release in (2, 3):
        exercise(root).write_text(f'{{"release": {release}}}')
        [message] = course.copy_exercises(root)
        assert f"my/{NAME}/{NAME}_{release}.ipynb" in message and "newer" in message
        assert course.copy_exercises(root) == []
    assert mine(root).read_text() == "my answers"
    assert mine(root, f"{NAME}_2.ipynb").read_text() == '{"release": 2}'
    assert mine(root, f"{NAME}_3.ipynb").read_text() == '{"release": 3}'


def test_a_learner_who_removes_the_copy_gets_a_blank_one(root):
    course.copy_exercises(root)
    mine(root).unlink()
    assert len(course.copy_exercises(root)) == 1
    assert mine(root).read_bytes() == exercise(root).read_bytes()


@pytest.mark.parametrize("record", [None, "{broken", "[]"])
def test_a_lost_record_costs_no_answers_and_no_second_copy(root, record):
    course.copy_exercises(root)
    if record is None:
        mine(root, course.RECORD).unlink()
    else:
        mine(root, course.RECORD).write_text(record)
    assert course.copy_exercises(root) == []
    mine(root).write_text("my answers")
    mine(root, course.RECORD).unlink()
    course.copy_exercises(root)
    assert mine(root).read_text() == "my answers"


def test_an_interrupted_copy_leaves_no_half_file(root, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", interrupt)
    with pytest.raises(KeyboardInterrupt):
        course.copy_exercises(root)
    assert list((root / "my" / NAME).iterdir()) == []


@pytest.mark.parametrize("known", [True, False], ids=["the disk", "Python in a browser"])
def test_without_hard_links_copies_are_made_too(root, monkeypatch, known):
    def refuse(*args):
        raise OSError("no hard links here")

    monkeypatch.delattr(os, "link")
    if known:
        monkeypatch.setattr(os, "link", refuse, raising=False)
    course.copy_exercises(root)
    mine(root).write_text("my answers")
    exercise(root).write_text('{"release": 2}')
    course.copy_exercises(root)
    assert mine(root).read_text() == "my answers"
    assert mine(root, f"{NAME}_2.ipynb").read_text() == '{"release": 2}'


def test_two_copies_at_once_give_one_file(root):
    with ThreadPoolExecutor(8) as pool:
        assert sum(map(len, pool.map(course.copy_exercises, [root] * 8))) == 1
    assert sorted(path.name for path in mine(root).parent.iterdir()) == [
        course.RECORD,
        mine(root).name,
    ]


def test_start_links_to_the_own_copy_in_exercises_alone(root, monkeypatch, capsys):
    monkeypatch.chdir(exercise(root).parent)
    assert course.start(NAME) is None
    assert mine(root).is_file()
    capsys.readouterr()
    shutil.rmtree(root / "my")
    for folder in (root / "solutions" / NAME, root / "autograded" / "ann" / NAME):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(exercise(root), folder)
        monkeypatch.chdir(folder)
        course.start(NAME)
    assert not (root / "my").exists()
    assert capsys.readouterr().out == ""


def test_start_shows_a_relative_link(root, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    monkeypatch.chdir(exercise(root).parent)
    course.start(NAME)
    link = re.search(r"\]\((.*)\)\*\*", shown[0].data).group(1)
    assert (exercise(root).parent / link).resolve() == mine(root).resolve()


# --- the root


def test_the_root_is_found_from_inside_and_from_elsewhere(root, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(exercise(root).parent)
    assert course.root() == root
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert course.root() == ROOT


# --- the command


def test_no_command_prints_the_help(capsys):
    assert cli.main([]) == 0
    assert {"lab", "refresh", "release"} <= set(capsys.readouterr().out.split())


def test_a_start_that_fails_says_what_to_do(root, monkeypatch, capsys):
    def fail(*args, **keywords):
        raise OSError("no such interface")

    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", os.environ["PATH"])  # so that it is put back
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    monkeypatch.setattr(cli, "_serve", fail)
    assert cli.main(["lab", "--no-browser"]) == 1
    said = capsys.readouterr().err
    assert "no such interface" in said and "--port 9000" in said


@pytest.fixture
def lab(root, tmp_path_factory):
    """A running `reglib lab` for a new user, whose wanted port is taken by something else."""
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    home = str(tmp_path_factory.mktemp("home"))
    user = {"JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": home, "JUPYTER_RUNTIME_DIR": home}
    process = subprocess.Popen(
        [sys.executable, "-m", "reglib.cli", "lab", "--no-browser", "--port", str(port)],
        cwd=root / "notebooks",
        env=os.environ | user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(300, process.kill)  # a start that hangs ends the reading below
    watchdog.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "http://" in line:
                break
        found = re.search(r"(http://127\.0\.0\.1:\d+)(/\S*)\?token=(\S+)", "".join(lines))
        assert found, f"no address printed: {lines}"
        assert f":{port}/" not in found.group(), "this port was taken"
        address, page, token = found.groups()

        def ask(path, token=token, method="GET"):
            headers = {"Authorization": f"token {token}"}
            request = urllib.request.Request(address + path, headers=headers, method=method)
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()

        yield ask, page, "".join(lines)
        ask("/api/shutdown", method="POST")
        assert process.wait(timeout=120) == 0
    finally:
        watchdog.cancel()
        taken.close()
        process.kill()
        process.stdout.close()
        process.wait()


def test_the_lab_serves_the_course(lab, root):
    ask, page, printed = lab
    assert page == "/lab/tree/notebooks/00_start_here.ipynb"
    assert b"jupyter-config-data" in ask(page)
    served = json.loads(ask("/api/contents/notebooks/00_start_here.ipynb"))
    assert served["content"]["cells"][0]["source"] == "# Start here"
    assert f"Your copy of {NAME}" in printed
    assert mine(root).read_bytes() == exercise(root).read_bytes()
    defaults = {}
    for plugin in ("jupyterlab/apputils-extension:notification",
                   "jupyter-widgets/jupyterlab-manager:plugin",
                   "jupyterlab/notebook-extension:tracker"):  # fmt: skip
        settings = json.loads(ask(f"/lab/api/settings/@{plugin}"))
        for key, value in settings["schema"]["properties"].items():
            defaults[key] = value.get("default")
    assert (defaults["fetchNews"], defaults["checkForUpdates"]) == ("false", False)
    assert defaults["windowingMode"] == "defer", "links inside a lesson would miss their section"
    assert defaults["saveState"] is True, "explorers would be gone when a saved lesson is reopened"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask("/api/contents", token="wrong")


@pytest.mark.parametrize("port", ["80000", "-1", "eight"])
def test_an_impossible_port_is_refused(port, capsys):
    with pytest.raises(SystemExit):
        cli.main(["lab", f"--port={port}"])
    assert f"from 0 to 65535, got '{port}'" in capsys.readouterr().err


def test_somebodys_own_exercises_are_not_the_course(tmp_path, monkeypatch):
    (tmp_path / "exercises" / "chess").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert course.root() != tmp_path


def test_every_message_to_the_browser_leaves_at_once(monkeypatch):
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    from reglib.assess.connection import PromptConnection

    told = []
    handler = object.__new__(KernelWebsocketHandler)
    handler.set_nodelay = told.append
    line = PromptConnection(websocket_handler=handler)
    monkeypatch.setattr(PromptConnection.__base__, "connect", lambda self: told.append("connected"))
    line.connect()
    assert told == [True, "connected"]
