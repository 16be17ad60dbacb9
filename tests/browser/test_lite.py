"""The course in JupyterLite: what `make lite` builds, and every notebook opened in Chromium."""

import functools
import http.server
import json
import re
import threading
from urllib.parse import urlsplit

import pytest
from browsing import ALLOWED, ROOT, sampled

from docs.site import lite

NOTEBOOKS = [path.as_posix() for path in lite.notebooks()]
PYTHON = "cdn.jsdelivr.net"  # where Pyodide comes from: not here, so no kernel starts
# What the page complains of then: a text, and why.
NO_KERNEL = {
    PYTHON: "the kernel could not fetch its Python",
    "null (reading 'kernel')": "JupyterLab asks the kernel that did not start",
}
# A formula, and a picture where the notebook has stored one: JupyterLab adds what is out of sight
# when it finds the time.
SHOWN = """(pictures) => {
  const all = (what) => [...document.querySelectorAll(".jp-Notebook " + what)];
  const seen = all(".jp-OutputArea img").some((it) => it.naturalWidth > 0);
  return all("mjx-container").length > 0 && (seen || !pictures);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *said):
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder that `make lite` writes; the tests' guard refuses every connection meanwhile."""
    folder = tmp_path_factory.mktemp("lite") / "pages"
    lite.lite(folder)
    return folder


@pytest.fixture(scope="module")
def address(built):
    """Where the folder is served, on this computer."""
    handler = functools.partial(Quiet, directory=built)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_it_holds_the_course_and_nothing_else(built):
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert set(NOTEBOOKS) == {name[6:] for name in files if re.match("files/.*ipynb$", name)}
    assert not [name for name in files if name.endswith(".map")]
    (wheel,) = (name for name in files if re.match(r"pypi/.*\.whl$", name))
    assert json.loads((built / "pypi" / "all.json").read_text())["reglib"]
    assert wheel.startswith("pypi/reglib-")
    page = json.loads((built / "jupyter-lite.json").read_text())["jupyter-config-data"]
    assert "needs internet" in page["appName"]
    assert {it["name"]: (built / "extensions" / it["name"] / it["load"]).is_file()
            for it in page["federated_extensions"]} == {
        "@jupyter-widgets/jupyterlab-manager": True,
        "@jupyterlite/pyodide-kernel-extension": True,
    }  # fmt: skip
    kernel = page["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
    assert all((built / url.partition("?")[0]).is_file() for url in kernel["pipliteUrls"])


@pytest.mark.parametrize("path", sampled(NOTEBOOKS))
def test_a_notebook_opens(path, address, monkeypatch, page):
    for text, why in NO_KERNEL.items():  # undone after the page has been judged
        monkeypatch.setitem(ALLOWED, re.escape(text), why)
    hosts = set()

    def only_here(route):
        hosts.add(urlsplit(route.request.url).hostname)
        route.continue_() if route.request.url.startswith(address) else route.abort()

    page.context.route("**/*", only_here)
    stored = json.loads((ROOT / path).read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in stored for output in cell.get("outputs", [])]
    pictures = any("image/png" in output.get("data", {}) for output in outputs)
    title = "".join(stored[0]["source"]).partition("\n")[0].removeprefix("# ")
    with page.context.expect_event("request", lambda asked: PYTHON in asked.url):
        page.goto(f"{address}/lab/index.html?path={path}")
    page.wait_for_function(SHOWN, arg=pictures)
    assert page.locator(".jp-Notebook h1").first.text_content().rstrip("¶") == title
    assert "needs internet" in page.locator(".jp-Notebook .jp-Cell").first.text_content()
    assert hosts == {"127.0.0.1", PYTHON}
