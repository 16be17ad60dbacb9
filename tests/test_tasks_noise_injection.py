"""Exercise 02: its checks against banks of right and wrong answers, and its notebook."""

import doctest
import importlib.util
import itertools
import re
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest

from reglib import RegularizedNeuralNetwork, smooth_labels
from reglib.assess import course, tasks
from reglib.assess.guard import Answer, NotAttempted, Wrong
from reglib.assess.tutor import cell_source, judge
from reglib.data import noisy_digits

NAME = "02_noise_injection"
TASKS = tasks.chapter("2")
CHOICES = {"2.3": "abc", "2.8": "abc"}
HOME = course.root() / "solutions" / NAME
TEXTS = tomllib.loads(Path(tasks.__file__).with_name("noise_injection.toml").read_text("utf-8"))
needs_solutions = pytest.mark.skipif(
    not HOME.is_dir(), reason=f"solutions/{NAME} is not here (a class's copy lacks it)"
)


def banks():
    right, wrong = {}, {}
    for path in sorted(HOME.glob("bank*.py")):
        spec = importlib.util.spec_from_file_location(f"{path.stem}_02", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        right, wrong = right | module.RIGHT, wrong | module.WRONG
    return right, wrong


RIGHT, WRONG = banks()
RIGHT_ONES = [(n, i) for n in RIGHT for i in range(len(RIGHT[n]))]
WRONG_ONES = [(n, i) for n in WRONG for i in range(len(WRONG[n]))]


@needs_solutions
@pytest.mark.parametrize("number", TASKS)
def test_the_banks_are_large_enough(number):
    wanted = len(CHOICES[number]) - 1 if number in CHOICES else 4
    assert len(RIGHT[number]) >= 3 and len(WRONG[number]) >= wanted


@needs_solutions
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a guarded answer prints none of them
@pytest.mark.parametrize(("number", "i"), RIGHT_ONES)
def test_a_right_answer_passes_with_200_seeds(number, i):
    answer = RIGHT[number][i]
    guarded = Answer(answer)  # draws nothing and is slow: 20 seeds show that it lets this through
    for seed in range(200):
        try:
            TASKS[number].test(guarded if seed < 20 else answer, seed)
        except (Wrong, NotAttempted) as mistake:
            pytest.fail(f"right answer {i} to {number} fails with seed {seed}: {mistake}")


@needs_solutions
@pytest.mark.parametrize(("number", "i"), WRONG_ONES)
def test_a_wrong_answer_fails_with_its_own_sentence(number, i):
    answer, sentence = WRONG[number][i]
    for seed in range(3):
        card = judge(TASKS[number], answer, seed)
        assert card.kind == "not yet", f"wrong answer {i} to {number} passes with seed {seed}"
        assert sentence in card.sentences[0], f"seed {seed}: {card}"


@needs_solutions
@pytest.mark.parametrize("number", [n for n in TASKS if n not in CHOICES])
def test_a_slip_in_any_one_call_is_a_card_and_never_a_traceback(number):
    """Each case then meets all the known mistakes, and none of these may stop with an error."""
    for slip in range(12):
        calls = itertools.count()

        def slips_once(*case, slip=slip, calls=calls):
            result = RIGHT[number][0](*case)
            if next(calls) != slip:
                return result
            pair = isinstance(result, tuple)
            return tuple(1.4 * part for part in result) if pair else 1.4 * result

        card = judge(TASKS[number], slips_once)
        assert card.kind in ("not yet", "passed") and (slip or card.kind == "not yet"), card


def says():
    for number, text in TEXTS.items():
        yield from [(number, key) for key in (text if number == "says" else text.get("says", {}))]


@needs_solutions
def test_every_sentence_is_met_by_some_wrong_answer():
    """So that none is unreachable, and no check names a key that has no sentence."""
    met = {n: [judge(TASKS[n], a).sentences[0] for a, _ in WRONG[n]] for n in WRONG}
    unmet = []
    for number, key in says():
        sentence = (TEXTS["says"] if number == "says" else TEXTS[number]["says"])[key]
        where = met if number == "says" else [number]
        if not any(sentence in said for n in where for said in met[n]):
            unmet.append(f"{number}: {key}")
    assert not unmet, f"no wrong answer in the banks meets {unmet}"
    short = [said for every in met.values() for said in every if len(said.split()) < 4]
    assert not short, f"keys without a sentence: {short}"


@pytest.mark.parametrize("number", TASKS)
def test_an_untouched_task_is_not_attempted(number):
    def untouched(*args):
        raise NotImplementedError

    assert judge(TASKS[number], untouched).kind == "not attempted"


@pytest.mark.parametrize("number", TASKS)
def test_nothing_and_constants_and_the_inputs_are_no_answers(number):
    def first_of_all(*args):
        return args and args[0]

    def pair(*args):
        return args[:2]

    def text(*args):
        return "?", "?"

    empty = [lambda *a: None, lambda *a: 0.0, lambda *a: np.zeros(3), lambda *a: np.nan]
    for answer in (first_of_all, pair, text, *empty):
        for seed in range(3):
            assert judge(TASKS[number], answer, seed).kind != "passed"


@pytest.mark.parametrize("number", CHOICES)
def test_a_wrong_choice_does_not_name_the_right_one(number):
    cards = [judge(TASKS[number], lambda c=c: c) for c in CHOICES[number]]
    assert sorted(card.kind for card in cards) == ["not yet", "not yet", "passed"]
    for card in cards:
        if card.kind == "not yet":
            assert [label for label, _ in card.rows] == ["your choice"]
            assert not re.search(r"\banswer is\b|\bright\b|\bcorrect\b", card.sentences[0])


def test_the_tasks_are_of_the_levels_promised():
    assert list(TASKS) == [f"2.{i}" for i in range(1, 15)]
    levels = [task.level for task in TASKS.values()]
    assert {level: levels.count(level) for level in set(levels)} == {
        "Easy": 5,
        "Medium": 7,
        "Hard": 2,
    }
    for task in TASKS.values():
        assert len(task.hints) >= 2 and task.minutes > 0 and task.points > 0


def test_a_twin_in_the_library_is_refused():
    names = {}
    code = "from reglib import Dropout\ndef answer(x, p, training, seed):\n"
    exec(code + "    return Dropout(p, rng=seed).forward(x, training)", names)
    assert "The answer uses reglib" in judge(TASKS["2.1"], names["answer"]).sentences[0]


# The notebook
def notebook():
    return nbformat.read(HOME / f"{NAME}.ipynb", as_version=4)


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
    assert examples or number in CHOICES, "no worked example"
    for example in examples:
        said = []
        run = doctest.DocTestParser().get_doctest(example, names, number, None, 0)
        failures = doctest.DocTestRunner(verbose=False).run(run, out=said.append).failed
        assert not failures, "".join(said)


@needs_solutions
def test_the_faulty_layer_fails_with_all_three_faults_named():
    names = {"np": np}
    exec(cell_source(HOME / f"{NAME}.ipynb", "given-2-4"), names)
    sentence = judge(TASKS["2.4"], names["faulty_layer"]).sentences[0]
    for part in ("All three", "mask of its own", "scale is 1/p", "scaled at evaluation too"):
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
    hidden = "### BEGIN HIDDEN TESTS\nfrom reglib.assess import check  # noqa: E402\n\ncheck("
    assert hidden in check.source
    assert f'hint("{number}")' in cells[f"hint-{part}"].source
    answer = cells[f"task-{part}"]
    assert "### BEGIN SOLUTION" in answer.source and '"""' in answer.source
    assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.grade


@needs_solutions
def test_the_header_states_the_points_and_about_the_minutes():
    head = notebook().cells[0].source
    minutes = int(re.search(r"about (\d+) minutes", head)[1])
    assert abs(minutes - sum(task.minutes for task in TASKS.values())) <= 5
    assert f"**Points:** {sum(task.points for task in TASKS.values())}." in head


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
        assert not re.search(r"SOLUTION|HIDDEN|seed=\d{4}|bank", cell.source), cell.id
        assert not cell.get("outputs"), cell.id
        if cell.id.startswith("task-"):
            assert "raise NotImplementedError" in cell.source and "return " not in cell.source
    nbclient.NotebookClient(student, timeout=60, resources={}).execute()
    graded = [cell for cell in student.cells if is_grade(cell)]
    for cell, task in zip(graded, TASKS.values(), strict=True):
        assert determine_grade(cell) == (0, task.points), cell.id
        kinds = [output.output_type for output in cell.outputs]
        assert kinds == ["display_data", "error"], f"{cell.id} shows more than a card and a line"


@needs_solutions
def test_no_part_of_a_bank_is_ever_released():
    from fnmatch import fnmatch

    from reglib.assess.release import WITHHELD

    extra = [path.name for path in HOME.iterdir() if path.suffix == ".py"]
    assert extra and all(any(fnmatch(name, w) for w in WITHHELD) for name in extra), extra
    released = [path.name for path in (course.root() / "exercises" / NAME).iterdir()]
    assert [name for name in released if not name.startswith(".")] == [f"{NAME}.ipynb"]


# The keys of the predictions, measured
def test_scaling_at_evaluation_too_costs_confidence_and_hardly_accuracy():
    changes = []
    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        (X, y), _, (X_test, y_test) = noisy_digits(rng=rng)
        net = RegularizedNeuralNetwork(
            [64, 128, 10], activation="relu", output="softmax", loss="cross_entropy",
            init="he", momentum=0.9, dropout=0.5, rng=np.random.default_rng(seed),
        )  # fmt: skip
        net.fit(X, y, 60, 32, 0.1)
        right = net.predict_proba(X_test)
        net.weights[1] *= 0.5  # as good as half of the hidden layer
        scaled = net.predict_proba(X_test)
        accuracy, confidence = (
            [np.mean(P.argmax(axis=1) == y_test) for P in (right, scaled)],
            [P.max(axis=1).mean() for P in (right, scaled)],
        )
        changes.append((accuracy[1] - accuracy[0], confidence[1] - confidence[0]))
    assert np.abs(changes)[:, 0].max() < 0.03, changes
    assert np.array(changes)[:, 1].max() < -0.1, changes


def test_the_smoothed_loss_has_a_floor_of_one_half():
    q = smooth_labels(np.eye(10)[:1], alpha=0.1)[0]
    floor = -np.sum(q * np.log(q))
    assert round(floor, 2) == 0.50 and round(-np.log(0.91), 2) == 0.09
    rng = np.random.default_rng(0)
    others = rng.dirichlet(np.ones(10), size=1000)
    assert (-(np.log(others) @ q)).min() > floor


def test_each_wrong_choice_has_its_explanation():
    assert {number for number, text in TEXTS.items() if "options" in text} == set(CHOICES)
    for number in CHOICES:
        text = TEXTS[number]
        assert set(text["why"]) == set(itertools.chain(*text["options"])) - set(text["answer"])
