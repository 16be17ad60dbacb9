"""Every test and notebook run stays off the network and away from the user's own data."""

import os
import runpy
import shutil
import tempfile
from pathlib import Path

import pytest

OFFLINE = Path(__file__).parent / "tests" / "offline"
PRIVATE = Path(tempfile.mkdtemp(prefix="reglib-tests-"))
REFUSED = PRIVATE / "refused.txt"


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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Give each test file and each notebook, whose kernel starts next, progress of its own."""
    os.environ["REGLIB_DATA"] = str(PRIVATE / item.path.parent.name / item.path.stem)


def pytest_sessionfinish(session):
    if REFUSED.exists() and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    if REFUSED.exists():
        terminalreporter.section("reached for the network", red=True)
        terminalreporter.write_line(REFUSED.read_text(encoding="utf-8"))


def pytest_unconfigure():
    shutil.rmtree(PRIVATE, ignore_errors=True)
