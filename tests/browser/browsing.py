"""What the browser tests use: where things lie, and a JupyterLab that does as it is told."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
# It may run as root, needs no graphics card, and does not look up its maker's hosts at its start.
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
    --disable-background-networking --disable-component-update""".split()
SHOTS = ROOT / "build" / "screenshots"
PATIENCE = 120_000  # milliseconds: what a page does beside other tests takes its time
# What a page may write into the console without failing its test: a pattern, and why.
ALLOWED = {
    "Shared module @jupyterlite": "what builds `make lite` offers JupyterLab a part of its own",
}
# The outputs of a notebook that say that something went wrong.
FAULTS = "[data-mime-type$='jupyter.error'], [data-mime-type$='jupyter.stderr']"


def sampled(values, now=1):
    """Return the values as a test's parameters, all but the first for the weekly run alone."""
    return [
        *values[:now],
        *(pytest.param(value, marks=pytest.mark.weekly) for value in values[now:]),
    ]


def unexpected(page):
    """Return the errors in the page's console that are not allowed."""
    return [said for said in page.complaints if not any(re.search(at, said) for at in ALLOWED)]


def shoot(page, name):
    """Keep a picture of the page in build/screenshots/."""
    page.screenshot(path=SHOTS / f"{name}.png")


class Lab:
    """A JupyterLab that serves a copy of the course at `root`."""

    def __init__(self, root, address, token):
        self.root, self.address, self.token = root, address, token

    def write(self, path, sources):
        """Write a notebook with these cells into the course."""
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # or it would ask
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), self.root / path)

    def open(self, page, path):
        """Open a file of the course, and wait until its kernel can be asked."""
        page.goto(f"{self.address}/lab/tree/{path}?token={self.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function(IDLE)

    def run_all(self, page, seconds=300):
        """Run every cell, and wait until the last one has ended, or one has failed."""
        page.evaluate(RUN_ALL, 1000 * seconds)
        page.wait_for_function(DONE, timeout=1000 * seconds)

    def end_kernels(self):
        """End what the closed pages have left running."""
        for kernel in self._ask("GET"):
            self._ask("DELETE", kernel["id"])

    def _ask(self, method, kernel=""):
        address = f"{self.address}/api/kernels/{kernel}".rstrip("/")
        headers = {"Authorization": f"token {self.token}"}
        with urlopen(Request(address, method=method, headers=headers)) as answer:
            return json.loads(answer.read() or "null")


PANEL = "window.jupyterapp?.shell.currentWidget"
IDLE = f"() => {PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
RUN_ALL = """(patience) => Promise.race([
  window.jupyterapp.commands.execute("notebook:run-all-cells"),
  new Promise((_, fail) => setTimeout(() => fail(Error("the cells run too long")), patience)),
])"""
# JupyterLab calls a run over at the first error, also where the cell's tag says that it goes on,
# and it adds cells that are out of sight to the page when it finds the time.
DONE = f"""() => {{
  const cells = [...{PANEL}.content.model.cells].filter(
    (cell) => cell.type === "code" && cell.sharedModel.source.trim());
  const failed = (cell) => !cell.getMetadata("tags")?.includes("raises-exception")
    && cell.outputs.toJSON().some((output) => output.output_type === "error");
  return (cells.every((cell) => cell.executionCount !== null) || cells.some(failed))
    && {PANEL}.content.widgets.every((cell) => cell.isAttached && !cell.isPlaceholder())
    && {PANEL}.sessionContext.session.kernel.status === "idle";
}}"""


@contextmanager
def running_chromium():
    """Start Chromium, and end it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched(chromium, name):
    """Open an empty page; at the end keep its picture, and let no error stand in its console.

    `page.complaints` are the console's errors so far, `page.requests` the addresses asked for.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.complaints, page.requests = [], []
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda asked: page.requests.append(asked.url))
    yield page
    shoot(page, name)
    context.close()
    left = unexpected(page)
    assert not left, "\n".join(["The browser's console holds errors:", *left])


@contextmanager
def running_lab(home, **environment):
    """Start `reglib lab` for a new user, on a copy of the course in a folder, and end it."""
    root = home / "course"
    for folder in ("notebooks", "exercises", "solutions"):
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, root / folder)
    settings = home / "jupyter"
    settings.mkdir()
    shown = {"LabApp": {"expose_app_in_browser": True}}  # window.jupyterapp
    (settings / "jupyter_server_config.json").write_text(json.dumps(shown))
    user = {f"JUPYTER_{name}_DIR": str(settings) for name in ("CONFIG", "DATA", "RUNTIME")}
    with socket.create_server(("127.0.0.1", 0)) as free:  # two that look for one may take the same
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "reglib.cli", "lab", "--no-browser", "--port", str(port)],
        cwd=root,
        env=os.environ | user | {"REGLIB_DATA": str(home / "data")} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(300, process.kill)  # a start that hangs ends the reading below
    watchdog.start()
    try:
        said, found = "", None
        while not found and (line := process.stdout.readline()):
            said += line
            found = re.search(r"(http://127\.0\.0\.1:\d+)/\S*\?token=(\S+)", line)
        watchdog.cancel()
        if not found:
            raise RuntimeError(f"`reglib lab` did not start: {said}")
        yield Lab(root, *found.groups())
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(timeout=120)
