"""Every lesson and exercise, opened in JupyterLab and run from its first cell to its last."""

import pytest
from browsing import ROOT

NOTEBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_runs_without_an_error(lab, page, path):
    lab.open(page, path)
    lab.run_all(page)
    assert (
        page.locator(
            ".jp-OutputArea [data-mime-type*=stderr], .jp-RenderedText[data-mime-type*=error]"
        ).count()
        == 0
    )
