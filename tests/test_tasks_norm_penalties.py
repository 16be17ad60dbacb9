"""Exercise 01: its checks against a bank of right and wrong answers, and its notebook."""

import doctest
import importlib.util
import re

import nbformat
import numpy as np
import pytest

from reglib import L1
from reglib.assess import course
from reglib.assess.tasks import chapter
from reglib.assess.tutor import cell_source, judge
from reglib.data import load_diabetes, standardize

NAME = "01_norm_penalties"
TASKS = chapter("1")
HOME = course.root() / "solutions" / NAME
SEEDS = range(32)
needs_solutions = pytest.mark.skipif(
    not HOME.is_dir(), reason="solutions/01_norm_penalties is not here (a class's copy lacks it)"
)


def bank():
    spec = importlib.util.spec_from_file_location("bank_01", HOME / "bank.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BANK = bank() if HOME.is_dir() else None
RIGHT = [(n, i) for n in BANK.RIGHT for i in range(len(BANK.RIGHT[n]))] if BANK else []
WRONG = [(n, i) for n in BANK.WRONG for i in range(len(BANK.WRONG[n]))] if BANK else []


def notebook():
    return nbformat.read(HOME / f"{NAME}.ipynb", as_version=4)


@needs_solutions
@pytest.mark.parametrize("number", TASKS)
def test_the_bank_is_large_enough(number):
    choice = len(BANK.WRONG[number]) if number in ("1.2", "1.9") else 4
    assert len(BANK.RIGHT[number]) >= 3 and len(BANK.WRONG[number]) >= min(4, choice)


@needs_solutions
@pytest.mark.parametrize(("number", "i"), RIGHT)
def test_a_right_answer_passes_with_every_seed(number, i):
    for seed in SEEDS:
        card = judge(TASKS[number], BANK.RIGHT[number][i], seed)
        assert card.kind == "passed", (
            f"right answer {i} to {number} fails with seed {seed}:\n{card}"
        )


@needs_solutions
@pytest.mark.parametrize(("number", "i"), WRONG)
def test_a_wrong_answer_fails_with_its_own_sentence_and_every_seed(number, i):
    answer, sentence = BANK.WRONG[number][i]
    for seed in SEEDS[:16]:
        card = judge(TASKS[number], answer, seed)
        assert card.kind == "not yet", f"wrong answer {i} to {number} passes with seed {seed}"
        assert sentence in card.sentences[0], f"seed {seed}: {card}"


@pytest.mark.parametrize("number", TASKS)
def test_an_untouched_task_is_not_attempted(number):
    def untouched(*args):
        raise NotImplementedError

    assert judge(TASKS[number], untouched).kind == "not attempted"


@pytest.mark.parametrize("number", TASKS)
def test_nothing_and_the_first_input_and_constants_are_no_answers(number):
    for empty in (lambda *a: None, lambda *a: a and a[0], lambda *a: 0.0, lambda *a: np.zeros(3)):
        for seed in range(5):
            assert judge(TASKS[number], empty, seed).kind != "passed"


@pytest.mark.parametrize("number", ["1.2", "1.6", "1.9"])
def test_a_wrong_choice_does_not_name_the_right_one(number):
    import itertools

    groups = {"1.2": ["abc"], "1.9": ["abc"], "1.6": ["abc", "def", "ghi", "jkm"]}[number]
    cards = [judge(TASKS[number], lambda c=c: "".join(c)) for c in itertools.product(*groups)]
    assert [card.kind for card in cards].count("passed") == 1
    for card in cards:
        if card.kind == "not yet":
            assert not any(label == "expected" for label, _ in card.rows)
            assert not re.search(r"\banswer is\b|\bright\b|\bcorrect\b", card.sentences[0])


def test_the_twelve_tasks_are_of_the_levels_promised():
    levels = [task.level for task in TASKS.values()]
    assert list(TASKS) == [f"1.{i}" for i in range(1, 13)]
    counts = {level: levels.count(level) for level in set(levels)}
    assert counts["Easy"] >= 4 and counts["Medium"] >= 4 and counts["Hard"] >= 2


@needs_solutions
@pytest.mark.parametrize("number", TASKS)
def test_the_model_answer_passes_and_the_worked_example_holds(number):
    cell = cell_source(HOME / f"{NAME}.ipynb", TASKS[number].cell)
    names = {"np": np, "__name__": "__main__"}
    exec(cell, names)
    answer = names[re.search(r"^def (\w+)", cell, re.M)[1]]
    for seed in range(8):
        assert judge(TASKS[number], answer, seed).kind == "passed"
    text = cell_source(HOME / f"{NAME}.ipynb", TASKS[number].cell.replace("task", "about"))
    examples = re.findall(r"```python\n(>>>.*?)```", text, re.S)
    assert examples or number in ("1.2", "1.6", "1.9"), "no worked example"
    for example in examples:
        said = []
        run = doctest.DocTestParser().get_doctest(example, names, number, None, 0)
        failures = doctest.DocTestRunner(verbose=False).run(run, out=said.append).failed
        assert not failures, "".join(said)


@needs_solutions
def test_the_faulty_step_fails_with_all_three_faults_named():
    names = {"np": np}
    exec(cell_source(HOME / f"{NAME}.ipynb", "given-1-5"), names)
    sentence = judge(TASKS["1.5"], names["faulty_step"]).sentences[0]
    for part in ("All three", "gradient of the L2", "biases", "rows"):
        assert part in sentence


@needs_solutions
@pytest.mark.parametrize("number", TASKS)
def test_the_cells_of_a_task_agree_with_its_texts(number):
    task, part = TASKS[number], number.replace(".", "-")
    cells = {cell.id: cell for cell in notebook().cells}
    about, check = cells[f"about-{part}"], cells[f"check-{part}"]
    points = f"{task.points} point" + "s" * (task.points != 1)
    assert about.source.startswith(
        f"## Task {number} · {task.title}\n**{task.level}** · {task.minutes} minutes · {points}\n"
    )
    assert check.source.startswith(f'check("{number}", ')
    assert check.metadata.tags == ["raises-exception"]
    marks = check.metadata.nbgrader
    assert marks.points == task.points and marks.grade and marks.locked and not marks.solution
    # Imported anew: a notebook that binds another `check` is judged by the real one all the same.
    hidden = "### BEGIN HIDDEN TESTS\nfrom reglib.assess import check  # noqa: E402\n\ncheck("
    assert hidden in check.source
    assert f'hint("{number}")' in cells[f"hint-{part}"].source
    answer = cells[f"task-{part}"]
    assert "### BEGIN SOLUTION" in answer.source and '"""' in answer.source
    assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.grade


@needs_solutions
def test_a_release_carries_no_answer_and_earns_no_point():
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("nbgrader")
    from nbgrader.utils import determine_grade, is_grade

    from reglib.assess.release import student_version

    solved = [c for c in notebook().cells if is_grade(c)]
    assert [determine_grade(c) for c in solved] == [(t.points, t.points) for t in TASKS.values()]
    student = student_version(HOME / f"{NAME}.ipynb")
    for cell in student.cells:
        assert not re.search(r"SOLUTION|HIDDEN|seed=|bank", cell.source), cell.id
        assert not cell.get("outputs"), cell.id
        if cell.id.startswith("task-"):
            assert "raise NotImplementedError" in cell.source and "return" not in cell.source[60:]
    nbclient.NotebookClient(student, timeout=60, resources={}).execute()
    graded = [cell for cell in student.cells if is_grade(cell)]
    for cell, task in zip(graded, TASKS.values(), strict=True):
        assert determine_grade(cell) == (0, task.points), cell.id
        kinds = [output.output_type for output in cell.outputs]
        assert kinds == ["display_data", "error"], f"{cell.id} shows more than a card and a line"
        assert "Not attempted" in cell.outputs[0].data["text/html"]


def test_no_exercise_folder_carries_a_bank():
    found = list((course.root() / "exercises").rglob("bank*"))
    assert not found, f"{found} must stay in solutions/"


# The keys of the predictions, measured
def test_sign_steps_end_with_no_exact_zero():
    X, y, _ = load_diabetes()
    (X,), y = standardize(X), (y - y.mean()) / y.std()
    n, w, exact = len(X), np.zeros(10), np.zeros(10)
    step = n / (2 * np.linalg.norm(X, 2) ** 2)
    for _ in range(5000):
        w = w - 0.01 * (2 / n * X.T @ (X @ w - y) + 0.5 * np.sign(w))
        exact = L1(0.5).prox(exact - step * 2 / n * X.T @ (X @ exact - y), step)
    assert (w == 0).sum() == 0 and 0 < (exact == 0).sum() < 10
    assert np.abs(w - exact).max() < 0.02, "the weights do not even come near the minimiser"


def test_a_column_in_millimetres_is_shrunk_less():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ np.array([2.0, 1.0, -1.0]) + 0.1 * rng.normal(size=50)
    parts = []
    for scale in (1.0, 1000.0):
        A = X * np.array([scale, 1.0, 1.0])
        w = np.linalg.solve(A.T @ A + 50 * 0.5 * np.eye(3), A.T @ y)
        parts.append(abs(w[0]) * scale)
    plain = np.linalg.lstsq(X, y, rcond=None)[0][0]
    assert parts[0] < 0.9 * plain and abs(parts[1] - plain) < 0.05 * plain
