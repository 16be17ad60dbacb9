"""Grading a folder of submissions: on several processes or machines, going on where it ended."""

import hashlib
import json
import re
import secrets
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from reglib.assess.grading import pages
from reglib.assess.grading.alike import prints, similar
from reglib.assess.grading.collect import read, submissions
from reglib.assess.grading.mark import exercise, mark
from reglib.assess.grading.sandbox import missing
from reglib.assess.tasks import CHAPTERS

UNKNOWN = "unknown"  # stands for the exercise of a file that does not tell it


def grade(
    root, folder, report, *, jobs=1, dask=None, adjust=None, due=None, late_penalty=0.0,
    seconds=20.0, seed=None, again=False, sandbox="bubblewrap", bar=False,
):  # fmt: skip
    """Grade the submissions in a folder and write the report.

    Each submission's result is kept as soon as it is there, under a name that follows from its
    cells, the course's code and the seeds: a second run grades only what changed, and goes on
    where the first was stopped. The report on an exercise replaces the old one as a whole.

    Parameters
    ----------
    root : Path
        The course's folder; its ``exercises/`` say what is asked.
    folder, report : str or Path
        Where the submissions lie, in any layout that `collect` knows; where the report goes.
    jobs : int
        How many submissions at once on this machine.
    dask : str, optional
        The address of a Dask scheduler whose workers grade instead.
    adjust : str or Path, optional
        A table of changes by hand, as `pages.adjustments` reads it.
    due, late_penalty : str, float
        An ISO date or time, and the share of the score that each day after it costs.
    seconds : float
        How much real time each cell and each call of an answer may take.
    seed : int, optional
        Makes the hidden inputs; at random, and kept with the report, if none is given.
    again : bool
        Grade all anew, with other hidden inputs.
    sandbox : str
        "bubblewrap", or "container-already".
    bar : bool
        Show a progress bar.

    Returns
    -------
    dict
        For each exercise how many submissions ended in each status.

    Raises
    ------
    ValueError
        When an argument, a line of `adjust` or a folder is not what it should be.
    RuntimeError
        When the sandbox does not work here.
    """
    if not (0 < seconds < 1e6 and 0 <= late_penalty <= 1 and jobs and (seed is None or seed > 0)):
        raise ValueError(
            "seconds (to 1e6) and seed must be above 0, late_penalty from 0 to 1 and jobs not 0, "
            f"got {seconds}, {seed}, {late_penalty} and {jobs}"
        )
    if (lack := missing(sandbox)) and not dask:
        raise RuntimeError(lack)
    exercises = {name: exercise(root, name) for name, _ in CHAPTERS.values()}
    found = submissions(folder, tuple(exercises))
    found = [replace(one, exercise=one.exercise or UNKNOWN) for one in found]
    if not found:
        raise ValueError(f"folder must hold submitted notebooks, got {folder!r} with none")
    points = {name: one.points for name, one in exercises.items()}
    changes = pages.adjustments(adjust, points) if adjust else {}
    pages.check_students(changes, found)
    if due and not re.match(r"\d{4}-\d\d-\d\d(T|$)", due):
        raise ValueError(f"due must be a date or a time such as 2026-12-01T18:00, got {due!r}")
    pages.days_late("2000-01-01", due)  # says early what else is wrong with it
    if Path(folder).resolve() in Path(report, "x").resolve().parents:
        raise ValueError(f"report must lie outside the submissions, got {str(report)!r}")
    report = prepared(report, {one.exercise for one in found})
    how = {"seeds": hidden_seeds(report, seed, again), "seconds": seconds, "mode": sandbox}
    course = fingerprint(root, how)
    names = {one: digest(course, one.exercise, cells(one)) for one in found}
    files = {one: report / ".results" / f"{name}.json" for one, name in names.items()}
    todo = [one for one in found if again or not files[one].exists()]
    tasks = (delayed(graded)(one, cells(one), exercises.get(one.exercise), how) for one in todo)
    for one, result in tqdm(spread(tasks, jobs, dask), total=len(todo), disable=not bar):
        put(files[one], result | {"seeds": how["seeds"]})
    counts = {}
    for name in sorted({one.exercise for one in found}):
        results = Results((one, files[one]) for one in found if one.exercise == name)
        with tempfile.TemporaryDirectory(dir=report, prefix=".new-") as new:
            alike = similar(results, given_prints(exercises[name]) if name in exercises else {})
            counts[name] = pages.write(results, new, name, changes, late_penalty, due, alike)
            swap(new, report / name, report / f".old-{name}")
    return counts


def given_prints(exercise):
    """The fingerprints of what everybody was given, for each task."""
    shared = [mark for source in exercise.given.values() for mark in prints(source)]
    return {number: shared + prints(blank) for number, blank in exercise.blanks.items()}


class Results(list):
    """Submissions with the files of their results, read each time they are gone through."""

    def __iter__(self):
        for one, path in super().__iter__():
            yield asdict(one) | json.loads(path.read_bytes())


def cells(one):
    """A submission's cells, or the sentence that says why there are none."""
    try:
        return one.problem or read(one.path)
    except ValueError as error:
        return str(error)


def graded(one, cells, exercise, how):
    """A submission with its result; its hidden inputs follow from the seed and from its cells."""
    if isinstance(cells, str):
        return one, {"status": "unreadable", "happened": [cells], "tasks": {}}
    try:
        drawn = int(digest(how["seeds"], cells)[:8], 16) + 1
        return one, mark(cells, exercise, **how | {"seeds": [drawn]})
    except ChildProcessError:  # no sandbox: nobody can be graded
        raise
    except Exception as error:  # whatever one submission does, the others are graded
        said = f"it could not be graded ({type(error).__name__}: {error})"[:300]
        return one, {"status": "crashed", "happened": [said], "tasks": {}}


def spread(tasks, jobs, dask):
    """The results of delayed calls as they come, from processes or a cluster's workers."""
    where = {"backend": "dask", "scheduler_host": dask} if dask else {"n_jobs": jobs}
    with parallel_config(**where):
        yield from Parallel(return_as="generator_unordered")(tasks)


def prepared(report, names):
    """The report's folder; what an interrupted run had moved is put back.

    A folder in it that has an exercise's name and is no report of ours is not touched.
    """
    report = Path(report).absolute()
    (report / ".results").mkdir(0o700, parents=True, exist_ok=True)  # the instructor's alone
    for name in names:
        place, old = report / name, report / f".old-{name}"
        if old.exists():
            shutil.rmtree(old) if place.exists() else old.rename(place)
        if place.exists() and not (place / "marks.json").exists():
            raise ValueError(f"report must be a folder of its own, and {place} is something else")
    return report


def hidden_seeds(report, seed, again):
    """The seed of the hidden inputs, in a list: as given, that of the report, or a new one."""
    path = report / ".results" / "seeds"
    if seed is None and path.exists() and not again:
        return json.loads(path.read_bytes())
    put(path, seeds := [secrets.randbits(32) + 1 if seed is None else seed])
    return seeds


def fingerprint(root, how):
    """What a result follows from, besides the submission: the course's code, versions, seeds."""
    package, asked = Path(__file__).parents[2], Path(root, "exercises")
    files = [*package.rglob("*.py"), *package.rglob("*.toml"), *asked.glob("*/*.ipynb")]
    texts = [path.read_text(encoding="utf-8") for path in sorted(files)]
    return digest(how, sys.version, version("numpy"), version("scipy"), texts)


def digest(*facts):
    """A short text that is another one where any of the facts is."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:40]


def put(path, value):
    """Write a JSON file, whole or not at all."""
    new = path.with_suffix(f".{secrets.token_hex(4)}")
    new.write_text(json.dumps(value), encoding="utf-8")
    new.replace(path)


def swap(new, place, old):
    """Put a finished folder in the place of the one before, which is moved and then removed."""
    if place.exists():
        place.rename(old)
    Path(new).rename(place)
    shutil.rmtree(old, ignore_errors=True)
