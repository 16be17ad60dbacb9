"""The course on other people's computers: `make lite`, and copies of the notebooks for Colab."""

import argparse
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
NOTEBOOKS = ("notebooks/*.ipynb", "exercises/*/*.ipynb")
COLAB = "https://colab.research.google.com/github/{repository}/blob/colab/{path}"
GITHUB = "https://github.com/{repository}/blob/{commit}/{path}"
BINDER = "https://mybinder.org/v2/gh/{repository}/{commit}?urlpath=lab%2Ftree%2F{quoted}"
LITE = "{up}lite/lab/index.html?path={quoted}"
REPOSITORY = r"[\w.-]+/[\w.-]+"
LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^\s)#]+)(?=[)#])")  # to a file of the course


def needs():
    """The names of the packages that lessons and exercises import, by way of reglib too."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = (re.match(r"[\w-]+", wanted)[0] for wanted in about["project"]["dependencies"])
    return [name for name in names if name not in TABLES["unused"]]


def notebooks():
    """Lessons and exercises: their paths from the repository's folder."""
    return [path.relative_to(ROOT) for each in NOTEBOOKS for path in sorted(ROOT.glob(each))]


def copies(target, first_cell, change):
    """Write lessons and exercises into `target`, each with one more cell, its first.

    `change(notebook, path)` alters a copy further; `path` is its place in the repository.
    """
    cell = {"cell_type": "code", "execution_count": None, "id": "install", "metadata": {}}
    for path in notebooks():
        notebook = json.loads((ROOT / path).read_text(encoding="utf-8"))
        for output in (made for old in notebook["cells"] for made in old.get("outputs", ())):
            data = output.get("data", {})  # JupyterLite shows no text that is a list of lines
            data |= {kind: "".join(text) for kind, text in data.items() if "text/" in kind}
        notebook["cells"].insert(0, cell | {"outputs": [], "source": first_cell})
        change(notebook, path.as_posix())
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        (target / path).write_text(text + "\n", encoding="utf-8")


def first_cell(place, reglib):
    """The source of the cell that installs the course from `reglib`, a requirement for pip."""
    return TABLES["first_cell"][place].format(needs=" ".join(needs()), reglib=reglib).strip()


def colab(target, repository, commit):
    """Write copies for Colab, which fetches `commit` of `repository`; their links lead there."""

    def lead(notebook, path):
        def address(match):
            near = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1]))
            pages = COLAB if near.endswith(".ipynb") else GITHUB
            return pages.format(repository=repository, commit=commit, path=near)

        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = LINK.sub(address, "".join(cell["source"]))

    reglib = f"git+https://github.com/{repository}@{commit}"
    copies(target, first_cell("colab", reglib), lead)


def lite(target):
    """Build the course for JupyterLite into `target`; nothing is fetched."""

    def in_browser(notebook, path):
        notebook["metadata"]["kernelspec"] |= {"display_name": "Python (Pyodide)", "name": "python"}

    extensions = Path(sys.prefix, "share", "jupyter", "labextensions")
    build = dict(TABLES["LiteBuildConfig"])
    build["federated_extensions"] = [
        str(extensions / name) for name in build["federated_extensions"]
    ]
    with tempfile.TemporaryDirectory() as folder:  # laid out as JupyterLite expects it
        site = Path(folder)
        copies(site / "files", first_cell("lite", "reglib"), in_browser)
        shutil.copytree(
            ROOT / "docs", site / "files" / "docs", ignore=shutil.ignore_patterns("site")
        )
        _write(site / "jupyter-lite.json", TABLES["jupyter-lite"])
        _write(site / "jupyter_lite_config.json", {"LiteBuildConfig": build})
        _run(ROOT, "hatchling", "build", "--target", "wheel", "--directory", site / "pypi")
        _run(site, "jupyterlite_core", "build", "--output-dir", target.resolve())


def launch_links(path):
    """HTML with links that open a notebook on other people's computers; empty without REPOSITORY.

    The publishing workflow sets REPOSITORY to OWNER/NAME and GITHUB_SHA to the commit, and puts
    JupyterLite's pages beside the site's.
    """
    repository, commit = os.environ.get("REPOSITORY"), os.environ.get("GITHUB_SHA", "HEAD")
    if not repository:
        return ""
    if not re.fullmatch(REPOSITORY, repository):
        raise ValueError(f"REPOSITORY must be OWNER/NAME, got {repository!r}")
    about = dict(repository=repository, commit=commit, path=path, quoted=quote(path, safe=""))
    pages = {"Try it in the browser": LITE, "Open in Colab": COLAB, "Open in Binder": BINDER}
    links = (
        f'<a href="{page.format(up="../" * path.count("/"), **about)}">{said}</a>'
        for said, page in pages.items()
    )
    return f"With internet: {', '.join(links)}."


def _source(text):
    """Return the repository and the commit that `--colab` names."""
    if not re.fullmatch(rf"{REPOSITORY}@[\w./-]+", text):
        raise argparse.ArgumentTypeError(f"must be OWNER/NAME@COMMIT, got {text!r}")
    return text.split("@")


def _write(path, data):
    path.write_text(json.dumps(data), encoding="utf-8")


def _run(folder, module, *arguments):
    command = [sys.executable, "-m", module, *map(str, arguments)]
    told = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # for a failure
    done = subprocess.run(command, cwd=folder, **told)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the folder to write to")
    said = "write copies for Colab, which finds the course there"
    parser.add_argument("--colab", type=_source, metavar="OWNER/NAME@COMMIT", help=said)
    given = parser.parse_args()
    if given.colab:
        colab(given.target, *given.colab)
    else:
        lite(given.target)
