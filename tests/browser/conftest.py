"""What the browser tests share: Chromium, pages that note every complaint, a running JupyterLab."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest
from browsing import ALLOWED, CHROMIUM, FLAGS, ROOT, Lab, shoot


@pytest.fixture(scope="session")
def chromium():
    """Chromium, started once for each process of pytest; without it every browser test skips."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: the browser tests need Debian's package `chromium`")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


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
    left = [said for said in page.complaints if not any(re.search(at, said) for at in ALLOWED)]
    assert not left, "\n".join(["The browser's console holds errors:", *left])


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    """`reglib lab` for a new user, on a copy of the course, so that nothing here changes."""
    home = tmp_path_factory.mktemp("lab")
    root = home / "course"
    for folder in ("notebooks", "exercises", "solutions"):
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, root / folder)
    settings = home / "jupyter"
    settings.mkdir()
    shown = {"LabApp": {"expose_app_in_browser": True}}  # window.jupyterapp, for `Lab.command`
    (settings / "jupyter_server_config.json").write_text(json.dumps(shown))
    user = {f"JUPYTER_{name}_DIR": str(settings) for name in ("CONFIG", "DATA", "RUNTIME")}
    process = subprocess.Popen(
        [sys.executable, "-m", "reglib.cli", "lab", "--no-browser"],
        cwd=root,
        env=os.environ | user | {"REGLIB_DATA": str(home / "data")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(90, process.kill)  # a start that hangs ends the reading below
    watchdog.start()
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/\S*\?token=(\S+)", line):
            break
    else:
        pytest.fail(f"`reglib lab` did not start: {lines}")
    watchdog.cancel()
    yield Lab(root, *found.groups())
    process.terminate()
    process.stdout.close()
    process.wait(timeout=30)
