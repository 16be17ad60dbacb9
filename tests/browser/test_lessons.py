"""Every lesson, opened in JupyterLab, then run from its first cell to its last."""

import nbformat
import pytest
from browsing import FAULTS, ROOT, sampled

LESSONS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*.ipynb"))
# JupyterLab hands no alternative text on for a stored picture, so its bytes say which one it is.
STILL = """(pictures) => {
  const there = [...document.querySelectorAll(".jp-RenderedImage img")];
  return pictures.every((picture) => there.some(
    (image) => image.naturalWidth > 0 && image.src === `data:image/png;base64,${picture}`));
}"""
LIVE = """(alts) => {
  const there = [...document.querySelectorAll("img.widget-image")];
  return there.length === alts.length && there.every(
    (image, i) => image.naturalWidth > 0 && image.title === alts[i]);
}"""


def explorers(path):
    """Return the cells of a lesson, and its explorers' pictures and alternative texts as stored."""
    cells = nbformat.read(ROOT / path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    shown = [out for out in outputs if "<Explorer" in out.get("data", {}).get("text/plain", "")]
    pictures = [out.data["image/png"].strip() for out in shown]
    return cells, pictures, [out.metadata["image/png"]["alt"] for out in shown]


def test_the_lessons_place_every_explorer():
    from reglib import explore

    calls = [cell.source for path in LESSONS for cell in explorers(path)[0]]
    assert [name for name in explore.__all__ if f"explore.{name}(" not in str(calls)] == []
    assert sum(len(explorers(path)[1]) for path in LESSONS) >= len(explore.__all__)


@pytest.mark.parametrize("path", LESSONS)
def test_it_shows_its_explorers_unrun(lab, page, path):
    _, pictures, alts = explorers(path)
    assert all(alts)
    lab.open(page, path)
    page.wait_for_function(STILL, arg=pictures)
    assert page.locator("img.widget-image").count() == 0, "nothing has been run"


@pytest.mark.parametrize("path", sampled(LESSONS))
def test_it_runs_without_an_error(lab, page, path):
    cells, _, alts = explorers(path)
    lab.open(page, path)
    lab.run_all(page)
    page.wait_for_function(LIVE, arg=alts)
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(cells), "JupyterLab hides some"
    assert page.locator(FAULTS).all_inner_texts() == []
