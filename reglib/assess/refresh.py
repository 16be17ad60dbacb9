"""Run the stored notebooks again, and keep or check what they say."""

import copy
import os
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from reglib.assess.tidy import drift, keep_pictures, name_cell, output_text, read, tidy, write

CELL_TIMEOUT = 120  # seconds; a slow machine still passes, a hanging cell does not hang all
NOTEBOOK_BUDGET, CELL_BUDGET = 25, 5  # seconds, from a cold kernel
# What another machine or another run would print otherwise.
UNSTABLE = (
    r"(?<![\w.])/(?:home|root|Users|tmp|private)/\S*|[A-Z]:\\Users\S*"
    r"|\S*site-packages\S*|\bat 0x[0-9a-fA-F]{6,}|\S*/ipykernel_\d+\S*"
)


def refresh(root, names=(), check=False, execute=True):
    """Run `notebooks/` and `solutions/` from cold kernels and store them in one form.

    `names` are the paths of the notebooks wanted, all by default. With `check` nothing is written.
    Without `execute` outputs stay and only the form is looked at: on another kind of processor
    last digits may differ. Returns what is wrong, each with its notebook and cell; a notebook that
    is missing or broken raises FileNotFoundError or ValueError.
    """
    import matplotlib.font_manager  # noqa: F401  builds its cache here, not in a stored output

    root = Path(root).resolve()
    paths = [Path(name).resolve() for name in names]
    paths = paths or sorted([*root.glob("notebooks/*.ipynb"), *root.glob("solutions/*/*.ipynb")])

    def refresh_one(path):
        label = path.as_posix().removeprefix(f"{root.as_posix()}/")
        before, stored = path.read_bytes(), read(path)
        fresh = tidy(copy.deepcopy(stored))
        if execute:
            said, failed = _execute(fresh, path.parent)
            if failed:
                return [f"{label}: {said}"]
            print(f"{label}: {said}", flush=True)
            keep_pictures(stored, tidy(fresh), loose=check)
            if path.read_bytes() != before:
                return [f"{label}: was edited while it ran, and is left as it is: run this again"]
        problems = drift(path, fresh)
        if problems and not check:
            write(path, fresh)
            problems = []
        problems += _blemishes(fresh, f"{UNSTABLE}|{re.escape(str(root))}")
        return [f"{label}: {problem}" for problem in problems]

    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        return [problem for problems in pool.map(refresh_one, paths) for problem in problems]


def _execute(notebook, folder):
    """Run all cells in place; return how long it took, or why it failed, and whether it failed."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal

    times = []  # when each cell began: nbclient's other hooks come before the cell has run
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_start=lambda cell, cell_index: times.append(time.perf_counter()),
    )
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as private:
        # One thread, and none of the user's own settings; "" is the kernel's own inline figures.
        one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        own = {"REGLIB_DATA": private, "IPYTHONDIR": private, "MPLBACKEND": ""}
        try:
            client.execute(env=os.environ | one | own, cwd=str(folder))
        except (CellControlSignal, RuntimeError) as error:
            number = len(times) or 1
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            return f"{name_cell(number, notebook.cells[number - 1])} failed: {reason[0]}", True
    times.append(time.perf_counter())
    took = [("in all ", times[-1] - begin, NOTEBOOK_BUDGET)]
    took += [(f"cell {n} ", b - a, CELL_BUDGET) for n, (a, b) in enumerate(pairwise(times), 1)]
    slow = [f"{what}{s:.1f} s, allowed {allowed} s" for what, s, allowed in took if s > allowed]
    return f"{took[0][1]:.1f} s{' SLOW: ' + '; '.join(slow) if slow else ''}", False


def _blemishes(notebook, unstable):
    """Say which cells hold what no stored notebook may hold."""
    count = 0
    for number, cell in enumerate(notebook.cells, 1):
        name, said = name_cell(number, cell), output_text(cell)
        if cell.cell_type == "code" and cell.source.strip():
            count += 1
            if cell.execution_count != count:
                yield f"{name} is stored with count {cell.execution_count}, not {count}"
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                yield f"{name} writes to stderr: {output.text[:300]}"
            if "evalue" in output and cell.metadata.get("nbgrader", {}).get("grade"):
                yield f"{name}: the model answer fails: {output.evalue[:300]}"
        if found := re.search(unstable, f"{cell.source}\n{said}"):
            yield f"{name} holds what is true on this machine alone: {found.group()}"
