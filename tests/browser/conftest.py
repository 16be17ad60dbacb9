"""What the browser tests share: Chromium, pages that note every complaint, a running JupyterLab."""

import re

import pytest
from browsing import CHROMIUM, running_chromium, running_lab, shoot, unexpected


@pytest.fixture(scope="session")
def chromium():
    """Chromium, started once for each process of pytest; without it every browser test skips."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: the browser tests need Debian's package `chromium`")
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium, request):
    """An empty page; at the end its picture is kept, and no error may stand in its console.

    `page.complaints` are the console's errors so far, `page.requests` the addresses asked for.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.complaints, page.requests = [], []
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda asked: page.requests.append(asked.url))
    yield page
    shoot(page, re.sub(r"\W+", "_", request.node.nodeid.partition("browser/")[2]).strip("_"))
    context.close()
    left = unexpected(page)
    assert not left, "\n".join(["The browser's console holds errors:", *left])


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
