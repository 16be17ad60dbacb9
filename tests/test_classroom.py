"""A simulated class, and the real nbgrader on it: generate, autograde, feedback, export, grade."""

import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest

from benchmarks import grading
from benchmarks.classroom import simulate, sources
from reglib.assess import course, tasks
from reglib.assess.grading.collect import Cell, read
from reglib.assess.grading.mark import exercise as asked
from reglib.assess.grading.mark import mark
from reglib.assess.grading.sandbox import missing
from reglib.assess.questions import bank
from reglib.assess.release import CODE_STUB
from reglib.assess.tutor import judge

ROOT = course.root()
EXERCISES = [name for name, _ in tasks.CHAPTERS.values()]
TASKS = {name: tasks.chapter(number) for number, (name, _) in tasks.CHAPTERS.items()}
STRENGTHS = {"student-001": 1.0, "student-002": 0.6, "student-003": 0.0}
OPEN = ("in-production", "design-overfitting-network", "explain-regularization")
each_exercise = pytest.mark.parametrize("exercise", EXERCISES)
pytestmark = [
    pytest.mark.skipif(not (ROOT / "solutions").is_dir(), reason="the answers are in solutions/"),
    pytest.mark.filterwarnings("ignore:Object of type <Submitted"),  # nbgrader's own
]
classroom = pytest.mark.classroom


def words(page):
    """Return what a page of HTML says."""
    return " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())


def notebook(folder, exercise, student=""):
    return nbformat.read(folder / student / exercise / f"{exercise}.ipynb", as_version=4)


# The simulated class
@each_exercise
def test_a_class_is_the_same_for_the_same_seed(exercise, tmp_path):
    classes = [
        simulate(tmp_path / str(i), exercise, 6, seed=seed) for i, seed in enumerate((1, 1, 2))
    ]
    assert classes[0] == classes[1] != classes[2]
    texts = [
        [path.read_bytes() for path in sorted((tmp_path / str(i)).rglob("*.ipynb"))]
        for i in range(3)
    ]
    assert texts[0] == texts[1] != texts[2] and len(texts[0]) == 6
    assert {state for earned in classes[0].values() for state in earned.values()} >= {True, None}


@each_exercise
def test_the_strongest_answers_all_and_the_weakest_hands_in_the_blank(exercise, tmp_path):
    earned = simulate(tmp_path, exercise, 3, strengths=list(STRENGTHS.values()))
    numbers = list(TASKS[exercise])
    assert earned["student-001"] == dict.fromkeys(numbers, True)
    assert earned["student-003"] == dict.fromkeys(numbers)
    assert notebook(tmp_path, exercise, "student-003") == notebook(ROOT / "exercises", exercise)


@each_exercise
def test_each_task_has_answers_that_stand_alone(exercise):
    few = [task.number for task, right, wrong in sources(exercise) if len(right) < 3 or not wrong]
    assert not few, f"too few answers of the banks stand alone for {few}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@each_exercise
def test_each_answer_earns_what_the_class_says(exercise):
    for task, right, wrong in sources(exercise):
        rng = np.random.default_rng(int(exercise[:2]))
        for passes, cell in ((True, rng.choice(right)), (False, rng.choice(wrong))):
            names = {"np": np, "__name__": "__main__"}
            exec(str(cell), names)
            answer = [value for value in names.values() if hasattr(value, "__code__")][-1]
            card = judge(task, answer)
            assert (card.kind == "passed") == passes, f"{task.number}: {card}\n{cell}"
            assert "NameError" not in str(card), f"{task.number} needs more than its cell: {card}"


# Our grader and its benchmark
@pytest.fixture(scope="module")
def sandbox():
    if lack := missing():
        pytest.skip(lack)


def test_a_name_that_two_cells_use_costs_neither_its_points(sandbox):
    """Each answer is judged with the names as its own cell left them, as Run All does."""
    exercise = asked(ROOT, "01_norm_penalties")
    parts = {
        "1.1": ("def part(w):\n    return np.sign(w)", "return l1 * part(w) + 2 * l2 * w"),
        "1.2": ("part = 'b'", "return part"),
    }
    cells = []
    for number, (before, body) in parts.items():
        source = f"{before}\n\n\n{exercise.blanks[number].replace(CODE_STUB, body)}"
        cells.append(Cell(tasks.find(number).cell, "code", source))
    found = mark(cells, exercise)["tasks"]
    states = {number: found[number]["state"] for number in parts}
    assert states == {"1.1": "passed", "1.2": "passed"}, [found[number]["card"] for number in parts]


def test_the_benchmark_counts_what_a_command_leaves_behind():
    """As bubblewrap does: it ends before the sandboxed process is waited for."""
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
    ask = (
        "import sys; from benchmarks.grading import cost; "
        f"print(cost([sys.executable, '-c', {leave!r}], '.').cpu)"
    )
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and float(done.stdout) > 0.5, done


def test_the_page_on_grading_has_every_exercise_and_size():
    page = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
    rows = [*EXERCISES, *(f"{size:,}" for size in grading.SIZES)]
    lacking = [row for row in ["Machine: ", *(f"| {row} |" for row in rows)] if row not in page]
    assert not lacking, f"docs/grading.md lacks {lacking}: run make bench"


# The real nbgrader
class Course:
    """A course folder of its own in which nbgrader has graded each exercise's three students."""

    def __init__(self, root):
        from nbgrader.apps import NbGraderAPI
        from traitlets.config.loader import PyFileConfigLoader

        self.root, self.earned = root, {}
        shutil.copytree(ROOT / "solutions", root / "solutions")
        shutil.copy(ROOT / "nbgrader_config.py", root)
        config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
        config.CourseDirectory.root = str(root)
        self.api = NbGraderAPI(config=config)

    def grade(self, exercise):
        """Generate, autograde and give feedback, once an exercise; return what each earns."""
        if exercise not in self.earned:
            self.run(self.api.generate_assignment, exercise)
            strengths = list(STRENGTHS.values())
            earned = simulate(self.root / "submitted", exercise, 3, strengths=strengths)
            for student in earned:
                self.run(self.api.autograde, exercise, student)
                self.run(self.api.generate_feedback, exercise, student)
            self.earned[exercise] = earned
        return self.earned[exercise]

    def run(self, step, *names):
        done = step(*names)
        assert done["success"], f"nbgrader's {step.__name__} of {names}: {done.get('log')}"


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed: make test brings it")
    with pytest.MonkeyPatch.context() as patch:  # it calls `alembic` and kernels from PATH
        programs = str(Path(sys.executable).parent)
        patch.setenv("PATH", os.pathsep.join([programs, os.environ["PATH"]]))
        yield Course(tmp_path_factory.mktemp("course"))


@classroom
@each_exercise
def test_nbgrader_releases_our_exercises_and_nothing_else(exercise, nbgrader):
    nbgrader.grade(exercise)
    made = nbgrader.root / "exercises"
    ours, theirs = (notebook(folder, exercise) for folder in (ROOT / "exercises", made))
    assert theirs.cells == ours.cells
    assert [path.name for path in (made / exercise).iterdir()] == [f"{exercise}.ipynb"]


def marks(nbgrader, exercise, student):
    """The points of each task in nbgrader's database."""
    with nbgrader.api.gradebook as book:
        found = book.find_submission_notebook(exercise, exercise, student)
        points = {grade.name: grade.auto_score for grade in found.grades}
    return {number: points[f"check-{number.replace('.', '-')}"] for number in TASKS[exercise]}


@classroom
@each_exercise
def test_nbgrader_gives_each_task_its_points(exercise, nbgrader):
    for student, earned in nbgrader.grade(exercise).items():
        wanted = {n: TASKS[exercise][n].points if passes else 0 for n, passes in earned.items()}
        assert marks(nbgrader, exercise, student) == wanted, f"{student}: nbgrader's, then earned"


@classroom
@pytest.mark.usefixtures("sandbox")
@each_exercise
def test_our_grader_gives_the_same_points(exercise, nbgrader):
    nbgrader.grade(exercise)
    for student in ("student-001", "student-002"):
        path = nbgrader.root / "submitted" / student / exercise / f"{exercise}.ipynb"
        found = mark(read(path), asked(ROOT, exercise), seeds=(1,))
        ours = {number: found["tasks"][number]["points"] for number in TASKS[exercise]}
        assert ours == marks(nbgrader, exercise, student), f"{student}: ours, then nbgrader's"


@classroom
@each_exercise
def test_nbgrader_exports_the_sums(exercise, nbgrader):
    from nbgrader.plugins import CsvExportPlugin

    earned, to = nbgrader.grade(exercise), nbgrader.root / f"{exercise}.csv"
    with nbgrader.api.gradebook as book:
        CsvExportPlugin(to=str(to), assignment=[exercise]).export(book)
    with open(to, newline="", encoding="utf-8") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    points = {number: task.points for number, task in TASKS[exercise].items()}
    sums = {s: sum(points[n] for n in found if found[n]) for s, found in earned.items()}
    assert rows == sums and sums["student-001"] == sum(points.values())


@classroom
@each_exercise
def test_nbgrader_writes_feedback_that_shows_the_cards(exercise, nbgrader):
    earned = nbgrader.grade(exercise)
    for student, marks in earned.items():
        page = nbgrader.root / "feedback" / student / exercise / f"{exercise}.html"
        text = page.read_text(encoding="utf-8")
        passed = sum(mark is True for mark in marks.values())
        assert text.count("✓ Passed: task ") == passed, f"{student}'s page shows other cards"
        assert "Not attempted" in text or None not in marks.values()
        leaks = re.findall("BEGIN MARK SCHEME|BEGIN HIDDEN TESTS", text)
        assert not leaks, f"{student}'s page shows what only those who mark may see: {leaks}"


@pytest.fixture(scope="module")
def formgrader(nbgrader):
    """A function that asks the formgrader, which runs in the course's folder, for a page."""
    nbgrader.grade("05_interview")
    place = nbgrader.root / "runtime"
    options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *options],
        cwd=nbgrader.root,
        env=os.environ | {"JUPYTER_RUNTIME_DIR": str(place), "JUPYTER_TOKEN": "a-token-for-a-test"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(page, send=None):
        found = json.loads(next(place.glob("jpserver-*.json")).read_text(encoding="utf-8"))
        headers = {"Authorization": f"token {found['token']}"}
        url, data = f"{found['url']}formgrader/{page}", send and json.dumps(send).encode()
        method = "PUT" if send else "GET"
        request = urllib.request.Request(url, data, headers, method=method)
        return urllib.request.urlopen(request, timeout=120).read().decode()

    try:
        until = time.monotonic() + 240
        while not next(place.glob("jpserver-*.json"), None):
            assert process.poll() is None and time.monotonic() < until, "the server did not start"
            time.sleep(0.1)
        yield ask
    finally:
        process.terminate()
        process.wait(120)


def strongest(nbgrader, exercise):
    """The number by which nbgrader knows the notebook of the student who answered everything."""
    with nbgrader.api.gradebook as book:
        return book.find_submission_notebook(exercise, exercise, "student-001").id


@classroom
def test_the_formgrader_shows_the_open_answers_with_their_rubric(nbgrader, formgrader):
    exercise = "05_interview"
    page = words(formgrader(f"submissions/{strongest(nbgrader, exercise)}/"))
    given = notebook(nbgrader.root / "submitted", exercise, "student-001")
    texts = {cell.id: cell.source for cell in given.cells}
    for name in OPEN:
        _, part = page.split(f" · {name}¶", 1)
        shown, rest = part.partition("BEGIN MARK SCHEME")[2].split("END MARK SCHEME", 1)
        lines = [f"{row['step']}: {row['point']}" for row in bank()[name].data["rubric"]]
        missing = [line for line in lines if line not in shown]
        assert not missing, f"{name}: who marks does not see {missing}"
        answer = rest.partition("Student's task")[0]
        assert texts[f"text-{name}"] in answer, f"{name}: who marks reads {answer!r}"


@classroom
def test_points_given_in_the_formgrader_count(nbgrader, formgrader):
    exercise = "05_interview"
    submission = strongest(nbgrader, exercise)
    before = nbgrader.api.get_submission(exercise, "student-001")
    grades = json.loads(formgrader(f"api/grades?submission_id={submission}"))
    tasks = [grade for grade in grades if grade["name"].startswith("answer-")]
    assert {grade["name"]: grade["max_score"] for grade in tasks} == {
        f"answer-{name}": len(bank()[name].data["rubric"]) for name in OPEN
    }
    assert before["needs_manual_grade"] and before["task_score"] == 0
    for points, grade in enumerate(tasks, 1):
        formgrader(f"api/grade/{grade['id']}", {"manual_score": points})
    after = nbgrader.api.get_submission(exercise, "student-001")
    assert not after["needs_manual_grade"] and after["score"] == before["score"] + 6
