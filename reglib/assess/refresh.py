"""Run the stored notebooks again, and keep or check what they say."""

import copy
import os
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reglib.assess.tidy import (
    differences,
    keep_pictures,
    name_cell,
    output_text,
    read,
    tidy,
    to_text,
    write,
)

CELL_TIMEOUT = 120  # seconds; a slow machine still passes, a hanging cell does not hang all
NOTEBOOK_BUDGET, CELL_BUDGET = 25, 5  # seconds, from a cold kernel
# What another machine or another run would print otherwise.
UNSTABLE = re.compile(
    r"(?<![\w.])/(?:home|root|Users|tmp|private)/\S*|[A-Z]:\\Users\S*"
    r"|\S*site-packages\S*|\bat 0x[0-9a-fA-F]{6,}|\S*/ipykernel_\d+\S*"
)


def refresh(root, names=(), check=False, execute=True):
    """Run `notebooks/` and `solutions/` from cold kernels and store them in one form.

    Parameters
    ----------
    root : pathlib.Path
        The course's root folder.
    names : sequence of str, optional
        The notebooks wanted, as paths; all when empty.
    check : bool
        Write nothing, and say what a refresh would change.
    execute : bool
        Without it the outputs stay as they are and only the form is looked at: on another
        kind of processor last digits may differ.

    Returns
    -------
    list of str
        What is wrong, each with its notebook and cell; empty when all is well.

    Raises
    ------
    FileNotFoundError
        When a wanted notebook is not there.
    """
    import matplotlib.font_manager  # noqa: F401  builds its cache here, not in a stored output

    root = Path(root).resolve()
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        tasks = [
            pool.submit(_refresh_one, root, path, check, execute)
            for path in _notebooks(root, names)
        ]
        return [problem for task in tasks for problem in task.result()]


def _notebooks(root, names):
    if names:
        paths = [Path(name).resolve() for name in names]
    else:
        paths = sorted(root.glob("notebooks/*.ipynb")) + sorted(root.glob("solutions/*/*.ipynb"))
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no such notebook: {', '.join(missing)}")
    return paths


def _refresh_one(root, path, check, execute):
    label = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    stored = read(path)
    formed = tidy(copy.deepcopy(stored))
    fresh = copy.deepcopy(formed)
    if execute:
        failure = _execute(fresh, path.parent, label)
        if failure:
            return [failure]
        tidy(fresh)
        keep_pictures(stored, fresh)
    blemishes = _blemishes(stored if check else fresh, root, label)
    if not check:
        if path.read_bytes() != to_text(fresh).encode():
            write(path, fresh)
        return blemishes
    drift = differences(stored, formed, label) + differences(formed, fresh, label)
    if not drift and path.read_bytes() != to_text(formed).encode():
        drift = [f"{label}: the file is not in the stored form"]
    return drift + blemishes


def _execute(notebook, folder, label):
    """Run all cells in place; return what failed, or None. Seconds go to the terminal alone."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    at, started, slow = 0, {}, []

    def on_start(cell, cell_index):
        nonlocal at
        at = cell_index + 1
        started[at] = time.perf_counter()

    def on_end(cell, cell_index):
        seconds = time.perf_counter() - started[cell_index + 1]
        if seconds > CELL_BUDGET:
            slow.append(f"cell {cell_index + 1} took {seconds:.1f} s, allowed {CELL_BUDGET} s")

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        store_widget_state=False,
        record_timing=False,
        on_cell_start=on_start,
        on_cell_complete=on_end,
    )
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as private:
        try:
            client.execute(env=_environment(private))
        except (CellControlSignal, DeadKernelError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            return f"{label}: {name_cell(notebook, at or 1)} failed: {reason[0]}"
    seconds = time.perf_counter() - begin
    if seconds > NOTEBOOK_BUDGET:
        slow.insert(0, f"allowed {NOTEBOOK_BUDGET} s")
    print(f"{label}: {seconds:.1f} s{' SLOW: ' + '; '.join(slow) if slow else ''}", flush=True)
    return None


def _environment(private):
    """Return the kernel's environment: one thread, and none of the user's own settings."""
    environment = os.environ | {
        "REGLIB_DATA": private,
        "IPYTHONDIR": private,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("MPLBACKEND", None)  # the kernel's own inline figures
    return environment


def _blemishes(notebook, root, label):
    """Say which cells hold what no stored notebook may hold."""
    found, count = [], 0
    for number, cell in enumerate(notebook.cells, 1):
        where = f"{label}: {name_cell(notebook, number)}"
        text = cell.source
        if cell.cell_type == "code" and cell.source.strip():
            count += 1
            if cell.execution_count != count:
                found.append(f"{where} is stored with count {cell.execution_count}, not {count}")
            outputs = {output.output_type: output for output in cell.outputs}
            if any(output.get("name") == "stderr" for output in cell.outputs):
                found.append(f"{where} writes to stderr: {output_text(cell.outputs)[:300]}")
            if "error" in outputs and cell.metadata.get("nbgrader", {}).get("grade"):
                found.append(f"{where}: the model answer fails: {outputs['error'].evalue[:300]}")
            text += "\n" + output_text(cell.outputs)
        unstable = UNSTABLE.search(text)
        if unstable or str(root) in text:
            what = unstable.group() if unstable else str(root)
            found.append(f"{where} holds what is true on this machine alone: {what}")
    return found
