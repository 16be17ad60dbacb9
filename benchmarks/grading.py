"""What grading costs in processor time: `reglib grade` beside nbgrader, and as a class grows.

Run ``make bench``, or ``python -m benchmarks.grading`` for this one alone: half an hour; it writes
``docs/grading.md``. It needs Linux, bubblewrap, nbgrader and ``solutions/``.
"""

import csv
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.classroom import simulate
from benchmarks.machine import ROOT, machine, ratio, write
from reglib.assess import tasks
from reglib.assess.grading.sandbox import missing

FIRST, *OTHERS = (name for name, _ in tasks.CHAPTERS.values())
CLASSES = {FIRST: 50} | dict.fromkeys(OTHERS, 10)  # submissions of each exercise
ROUNDS = 3
SIZES = {10: 3, 100: 3, 1000: 1}  # submissions: rounds
# Its last line is the peak memory of the process that judges, in KiB.
OURS = (
    "import resource, sys; from reglib import cli; failed = cli.main(); "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(failed)"
)
BESIDE = f"""\
Simulated students hand in an exercise: some tasks right, some wrong, some left blank. Both grade
the same submissions: `reglib grade SUBMISSIONS -o REPORT --jobs 1`, which judges every answer with
the inputs of `check()` and with hidden ones, in a sandbox, and writes the whole report; and
`nbgrader autograde EXERCISE`, which runs the notebook with the same checks and hidden tests and has
no sandbox. Its `generate_assignment` came before and is not counted, nor are its feedback and
export. Both gave every student the points that their answers earn. Ours is the median of {ROUNDS}
rounds, nbgrader ran once. In seconds of processor time for each submission: user and system, of the
command and all that it starts, its own start included, which the submissions share."""
GROWTH = f"""\
`reglib grade` on so many submissions of {FIRST}, one at a time (`--jobs 1`); medians of
{SIZES[10]} rounds, of {SIZES[1000]} for 1,000. The memory is the peak of the process that judges
and writes the report; what a student's program may use is limited apart from that."""
HOW = """\
The processor time of sandboxed programs is easily lost: bubblewrap ends before the process in its
new name space is waited for, so the kernel adds that one's time to nobody's. The benchmark makes
itself the parent of all such orphans (`PR_SET_CHILD_SUBREAPER`) and waits for them, for both."""


@dataclass(frozen=True)
class Cost:
    """What a command took: processor seconds, seconds, and what it printed last."""

    cpu: float
    seconds: float
    last: str


def cost(command, folder):
    """Run a command in a folder, with all that it starts, and return its cost.

    RuntimeError with what it said where it fails.
    """
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, see HOW
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # for alembic
    environment = os.environ | {"PATH": path, "OPENBLAS_NUM_THREADS": "1"}
    before, start = used(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
    with suppress(ChildProcessError):  # there are no more
        while True:
            os.wait()
    return Cost(used() - before, seconds, done.stdout.strip().rpartition("\n")[2])


def used():
    """Return the processor seconds of all processes that ended below this one."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


def ours(submissions, report):
    """Grade a folder with `reglib grade` and return the cost."""
    command = [sys.executable, "-c", OURS, "grade", str(submissions), "-o", str(report)]
    return cost([*command, "--seed", "1", "--jobs", "1"], ROOT)


def theirs(course, exercise):
    """Grade the exercise of a course folder with nbgrader and return the cost."""
    return cost([sys.executable, "-m", "nbgrader", "autograde", exercise], course)


def prepared(course, exercise):
    """Let nbgrader generate an exercise from our solutions in a folder of its own."""
    shutil.copytree(ROOT / "solutions" / exercise, course / "solutions" / exercise)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    cost([sys.executable, "-m", "nbgrader", "generate_assignment", exercise], course)


def our_points(report, exercise):
    """Return each student's score by our report."""
    with open(report / exercise / "marks.csv", newline="", encoding="utf-8-sig") as file:
        return {row["student"]: float(row["score"]) for row in csv.DictReader(file)}


def their_points(course, exercise):
    """Return each student's score by nbgrader's database."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        found = book.assignment_submissions(exercise)
        return {submission.student_id: submission.score for submission in found}


def beside(exercise, students, place):
    """Return the processor seconds a submission of ours and of nbgrader.

    RuntimeError where the two do not give every student the points that their answers earn.
    """
    course = Path(place, exercise)
    submitted, report = course / "submitted", course / "report"
    prepared(course, exercise)
    earned = simulate(submitted, exercise, students)
    points = {number: task.points for number, task in tasks.chapter(exercise[1]).items()}
    wanted = {s: sum(points[n] for n in marks if marks[n]) for s, marks in earned.items()}
    peer = theirs(course, exercise).cpu
    own = [ours(submitted, report / str(i)).cpu for i in range(ROUNDS)]
    marks = our_points(report / "0", exercise), their_points(course, exercise)
    if marks != (wanted, wanted):
        raise RuntimeError(f"the marks of {exercise} differ: {wanted}, {marks}")
    return median(own) / students, peer / students


def grow(place, sizes):
    """Return {submissions: (processor seconds, seconds, MiB of the judge)}, medians of rounds."""
    found = {}
    for size, rounds in sizes.items():
        folder = Path(place, f"class-of-{size}")
        simulate(folder / "submitted", FIRST, size)
        costs = [ours(folder / "submitted", folder / f"report-{i}") for i in range(rounds)]
        rows = [(one.cpu, one.seconds, int(one.last) / 1024) for one in costs]
        found[size] = tuple(map(median, zip(*rows, strict=True)))
        shutil.rmtree(folder)
    return found


def table(heads, rows):
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def comparison(found):
    """Return the table of our processor seconds and nbgrader's, by exercise."""
    rows = [
        [name, CLASSES[name], len(tasks.chapter(name[1])), f"{own:.2f}", f"{peer:.2f}"]
        + [ratio(peer, own)]
        for name, (own, peer) in found.items()
    ]
    heads = ["exercise", "submissions", "tasks", "reglib", "nbgrader", "nbgrader over reglib"]
    return table(heads, rows)


def growth(found):
    """Return the table of what so many submissions cost."""
    rows = [
        [f"{n:,}", f"{cpu:.1f}", f"{cpu / n:.3f}", f"{seconds:.1f}", f"{peak:.0f}"]
        for n, (cpu, seconds, peak) in found.items()
    ]
    heads = ["submissions", "processor seconds", "for each", "seconds", "memory, MiB"]
    return table(heads, rows)


def report(compared, grown):
    """Return the parts of the page."""
    return [
        "# The cost of grading",
        "Made by `make bench`.",
        "Machine: " + machine("numpy", "nbgrader") + ".",
        "## Beside nbgrader",
        BESIDE,
        comparison(compared),
        "## From 10 to 1,000 submissions",
        GROWTH,
        growth(grown),
        "## How it was measured",
        HOW,
    ]


def main():
    """Measure and write the page, or say what is missing for it."""
    lack = missing() or ("" if (ROOT / "solutions").is_dir() else "It takes solutions/.")
    if lack:
        return print(f"docs/grading.md stays as it is. {lack}", file=sys.stderr)
    with TemporaryDirectory(prefix="reglib-grading-") as place:
        compared = {name: beside(name, size, place) for name, size in CLASSES.items()}
        print(comparison(compared))
        write("grading.md", report(compared, grow(place, SIZES)))


if __name__ == "__main__":
    main()
