"""Copies of the notebooks for other people's computers, and the files that publish them."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from jupyterlite_pyodide_kernel import constants

from docs.site import lite

ROOT = Path(__file__).resolve().parents[1]
PLACES = dict(colab="git+https://github.com/OWNER/NAME@1a2b3c", lite="reglib")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("missing", [True, False])
def test_the_first_cell_installs_the_course_only_where_it_is_missing(place, missing, monkeypatch):
    monkeypatch.setattr("IPython.core.history.HistoryManager.enabled", False)
    if missing:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    shell, asked = InteractiveShell(), []
    shell.register_magic_function(asked.append, magic_name="pip")
    shell.run_cell(lite.first_cell(place, PLACES[place])).raise_error()
    wanted = ["install --quiet " + " ".join(lite.needs())]
    assert asked == missing * [*wanted, f"install --quiet --no-deps {PLACES[place]}"]


def test_the_cell_installs_all_that_the_notebooks_import():
    unused = lite.TABLES["unused"]
    source = f"""if True:
        import sys, reglib.explore, reglib.assess.mock, reglib.assess.questions.judge
        from reglib.assess import check, ask, interview, predict, progress
        assert not set({unused}) & set(sys.modules)"""
    subprocess.run([sys.executable, "-c", source], check=True, cwd=ROOT)
    assert len(lite.needs()) == 8 and not set(unused) & set(lite.needs())


def test_copies_for_colab_differ_in_one_cell_and_in_links(tmp_path):
    lite.colab(tmp_path, "OWNER/NAME", "1a2b3c")
    paths = lite.notebooks()
    assert len(paths) == 11
    for path in paths:
        (first, *copied), stored = (
            json.loads((root / path).read_text(encoding="utf-8"))["cells"]
            for root in (tmp_path, ROOT)
        )
        assert PLACES["colab"] in first["source"]
        for copy, cell in zip(copied, stored, strict=True):
            text = "".join(cell["source"])
            if cell["cell_type"] == "code":
                assert "".join(copy["source"]) == text
            else:
                assert lite.LINK.sub("", copy["source"]) == copy["source"]
                assert re.sub(r"https://\S+?(?=[)#])", "", copy["source"]) == re.sub(
                    r"https://\S+?(?=[)#])", "", lite.LINK.sub("", text)
                )
            for place in re.findall(r"OWNER/NAME/blob/\w+/([^)#\s]+)", "".join(copy["source"])):
                assert (ROOT / place).is_file(), f"{path} leads to {place}"


def test_pages_lead_elsewhere_only_where_a_repository_is_named(monkeypatch):
    monkeypatch.delenv("REPOSITORY", raising=False)
    assert lite.launch_links("notebooks/00_start_here.ipynb") == ""
    monkeypatch.setenv("REPOSITORY", "OWNER/NAME")
    monkeypatch.setenv("GITHUB_SHA", "1a2b3c")
    assert re.findall('href="(.*?)"', lite.launch_links("exercises/01_a/01_a.ipynb")) == [
        "../../lite/lab/index.html?path=exercises%2F01_a%2F01_a.ipynb",
        "https://colab.research.google.com/github/OWNER/NAME/blob/colab/exercises/01_a/01_a.ipynb",
        "https://mybinder.org/v2/gh/OWNER/NAME/1a2b3c?urlpath=lab%2Ftree%2Fexercises%2F01_a%2F01_a.ipynb",
    ]


def test_the_pins_are_those_of_the_pyodide_that_the_kernel_starts():
    head, *lines = (ROOT / "docs/site/pyodide.txt").read_text(encoding="utf-8").splitlines()
    assert f"Pyodide {constants.PYODIDE_VERSION}, which has Python 3.14" in head
    assert constants.PYODIDE_PYTHON_VERSION == "3.14"
    pins = {name: version for name, _, version in (line.partition("==") for line in lines)}
    assert set(lite.needs()) <= pins.keys()
    page = (ROOT / "docs/hosting.md").read_text(encoding="utf-8")
    assert f"Pyodide {constants.PYODIDE_VERSION}" in page
    for name in ("NumPy", "SciPy", "Matplotlib", "scikit-learn"):
        assert f"{name} {pins[name.lower()]}" in page


def test_the_publishing_workflow_names_what_exists():
    text = (ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    workflow, makefile = yaml.safe_load(text), (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"run: make (\w+)", text)
    assert targets and all(re.search(rf"^{target}:.*##", makefile, re.M) for target in targets)
    paths = re.findall(r"(?:-r |--nbval-cell-timeout 120 )(\S+)", text)
    assert len(paths) == 2 and all((ROOT / path).exists() for path in paths)
    assert workflow["permissions"] == {"contents": "read"}
    granted = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert granted == dict(
        build={}, pins={}, publish={"id-token": "write", "pages": "write"},
        colab={"contents": "write"},
    )  # fmt: skip
    assert "lite/lab" in lite.LITE and "build/site/lite" in text  # where the pages expect it


def test_a_repository_that_is_named_wrongly_is_refused(monkeypatch):
    monkeypatch.setenv("REPOSITORY", "NAME")
    with pytest.raises(ValueError, match="REPOSITORY must be OWNER/NAME, got 'NAME'"):
        lite.launch_links("notebooks/00_start_here.ipynb")
    command = [sys.executable, "-m", "docs.site.lite", "build/colab", "--colab", "OWNER/NAME"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode and "must be OWNER/NAME@COMMIT, got 'OWNER/NAME'" in done.stderr


def test_binder_gets_the_course_as_the_lab_starts_it():
    folder = ROOT / ".binder"
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert about["requires-python"] == ">=3.11"
    assert yaml.safe_load((folder / "environment.yml").read_text())["dependencies"] == [
        "python=3.13",
        "pip",
    ]
    assert "pip install --no-cache-dir -e ." in (folder / "postBuild").read_text()
    if os.name == "nt":
        return
    said = "import os; print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['JUPYTER_CONFIG_PATH'])"
    done = subprocess.run(
        [folder / "start", sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True
    )
    threads, settings = done.stdout.split()
    assert threads == "1"
    assert Path(
        settings.split(os.pathsep)[0], "labconfig", "default_setting_overrides.json"
    ).exists()
