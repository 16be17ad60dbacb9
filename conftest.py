"""Every test and notebook run stays off the network and away from the user's own data."""

import gc
import os
import re
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

OFFLINE = Path(__file__).parent / "tests" / "offline"
PRIVATE = Path(tempfile.mkdtemp(prefix="reglib-tests-"))
# Each worker of pytest-xdist writes into the file that the process which started it reads.
REFUSED = Path(os.environ.get("REGLIB_REFUSED", PRIVATE / "refused.txt"))


def pytest_configure(config):
    inherited = os.environ.get("PYTHONPATH")
    # One thread: quicker for small matrices, and the same last digits everywhere.
    os.environ.update(
        REGLIB_DATA=str(PRIVATE / "data"),
        IPYTHONDIR=str(PRIVATE / "ipython"),
        REGLIB_REFUSED=str(REFUSED),
        PYTHONPATH=os.pathsep.join([str(OFFLINE), inherited] if inherited else [str(OFFLINE)]),
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
    )
    os.environ.pop("MPLBACKEND", None)
    runpy.run_path(str(OFFLINE / "sitecustomize.py"))  # this process too


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give the files that judge one lesson to one worker, which then runs the lesson once."""
    from xdist.scheduler import LoadFileScheduling

    class Lessons(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return re.sub(r"(test_claims_\d\d)\w*", r"\1", super()._split_scope(nodeid))

    return Lessons(config, log) if config.option.dist == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Give each test file and each notebook, whose kernel starts next, progress of its own."""
    os.environ["REGLIB_DATA"] = str(PRIVATE / item.path.parent.name / item.path.stem)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """Forget what a lesson left once its files are judged: gigabytes slow down all that follows."""
    if "test_claims" in item.nodeid and "test_claims" not in getattr(nextitem, "nodeid", ""):
        sys.modules["lessons"].run_lesson.cache_clear()
        gc.collect()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Compare a cell's pictures as `reglib refresh --check` does: nbval compares its words."""
    done = yield
    if getattr(item, "options", {}).get("check"):
        from reglib.assess.tidy import keep_pictures

        stored, fresh = {"outputs": item.cell.outputs}, {"outputs": item.test_outputs}
        keep_pictures(*(SimpleNamespace(cells=[cell]) for cell in (stored, fresh)), loose=True)
        if pictures(stored) != pictures(fresh):
            item.raise_cell_error("The picture differs")
    return done


def pictures(cell):
    shown = [output.get("data", {}) for output in cell["outputs"]]
    return [data["image/png"] for data in shown if "image/png" in data]


def pytest_sessionfinish(session):
    if REFUSED.exists() and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    if REFUSED.exists():
        terminalreporter.section("reached for the network", red=True)
        terminalreporter.write_line(REFUSED.read_text(encoding="utf-8"))


def pytest_unconfigure():
    shutil.rmtree(PRIVATE, ignore_errors=True)
