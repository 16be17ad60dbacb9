"""Run a lesson's own code on other seeds, so that a test judges what the reader is shown."""

from functools import lru_cache
from pathlib import Path
from unittest import mock

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@lru_cache(maxsize=1)  # two files may judge one lesson; what it leaves can be a gigabyte
def run_lesson(name, **settings):
    """Return the variables that the code cells of ``notebooks/<name>.ipynb`` leave behind.

    ``settings`` replace what the first code cell set, such as SEEDS. Figures are drawn and
    closed; explorers, predictions and questions, which compute nothing for later cells, are left
    out.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    first, *rest = [cell.source for cell in cells if cell.cell_type == "code"]
    variables = {"__name__": f"lesson {name}"}
    with (
        mock.patch("reglib.style.show", lambda fig, alt: plt.close(fig)),
        matplotlib.rc_context(),
    ):
        exec(first, variables)
        unknown = settings.keys() - variables.keys()
        assert not unknown, f"the first cell of {name} does not set {unknown}"
        variables |= settings
        for source in rest:
            if not source.startswith(("explore.", "predict(", "ask(", "interview(")):
                exec(compile(source, f"<{name}: {source.splitlines()[0]}>", "exec"), variables)
    changed = [key for key in settings if variables[key] is not settings[key]]
    assert not changed, f"a later cell of {name} sets {changed} anew"
    return variables
