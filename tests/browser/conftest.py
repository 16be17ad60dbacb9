"""What the browser tests share: Chromium, pages that note every complaint, a running JupyterLab."""

import re

import pytest
from browsing import CHROMIUM, running_chromium, running_lab, watched


@pytest.fixture(scope="session")
def chromium():
    """Chromium, started once for each process of pytest; without it every browser test skips."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: the browser tests need Debian's package `chromium`")
    with running_chromium() as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let one line of the summary speak for every test that skips without Chromium."""
    report = yield
    if report.skipped and not CHROMIUM:
        report.longrepr = (__file__, None, report.longrepr[2])
    return report


@pytest.fixture
def page(chromium, request):
    """An empty page that is `watched`."""
    name = request.node.nodeid.partition("browser/")[2]
    with watched(chromium, re.sub(r"\W+", "_", name).strip("_")) as page:
        yield page


@pytest.fixture(scope="session")
def server(chromium, tmp_path_factory):
    """`reglib lab` for a new user, on a copy of the course, so that nothing here changes."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(server):
    """The running `Lab`, from which each test takes its kernels away; ask for it before `page`."""
    yield server
    server.end_kernels()
