"""Every exercise: its checks against its banks of right and wrong answers, and its notebook."""

import doctest
import itertools
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import nbformat
import numpy as np
import pytest

from benchmarks.classroom import banks
from reglib.assess import course, tasks
from reglib.assess.guard import Answer, NotAttempted, Wrong
from reglib.assess.release import WITHHELD
from reglib.assess.tutor import cell_source, judge

NAMES = {number: name for number, (name, _) in tasks.CHAPTERS.items()}
TASKS = {number: task for chapter in NAMES for number, task in tasks.chapter(chapter).items()}
SOLUTIONS = course.root() / "solutions"
HOMES = [SOLUTIONS / name for name in NAMES.values() if (SOLUTIONS / name).is_dir()]
each_home = pytest.mark.parametrize("home", HOMES, ids=lambda home: home.name)


def texts(name):
    file = Path(tasks.__file__).with_name(f"{name[3:]}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


RIGHT, WRONG = banks(HOMES)
RIGHT_ONES = [(n, i) for n in RIGHT for i in range(len(RIGHT[n]))]
WRONG_ONES = [(n, i) for n in WRONG for i in range(len(WRONG[n]))]
CHOICES = {
    number: list(map("".join, itertools.product(*text["options"])))
    for name in NAMES.values()
    for number, text in texts(name).items()
    if "options" in text
}
SOLVED = [number for number in TASKS if number in RIGHT]
# Code to repair, as the exercise gives it: its name, and what the card says of it.
FAULTY = {
    "1.5": ("faulty_step", ("All three", "gradient of the L2", "biases", "rows")),
    "2.4": (
        "faulty_layer",
        ("All three", "mask of its own", "scale is 1/p", "scaled at evaluation too"),
    ),
    "3.9": (
        "faulty_cutmix",
        ("All three", "pasted into before", "count the whole box", "shares of the labels"),
    ),
    "4.10": ("faulty_seed_step", ("still the seed's",)),
    "4.11": (
        "faulty_tanh_step",
        ("All three", "after its own step", "taken at a1", "divided by the number of samples"),
    ),
    "4.12": (
        "faulty_training",
        ("All three", "in every batch", "Dropout is on", "those of the last epoch"),
    ),
}
# Fewer seeds where a check trains for a second, or reads a file of 400 pieces under `tracemalloc`;
# the margins of the first are measured with its other tests.
SEEDS = {"4.13": 3, "5.1": 40}


# The checks
@pytest.mark.parametrize("number", SOLVED)
def test_the_banks_are_large_enough(number):
    wanted = min(4, len(CHOICES[number]) - 1) if number in CHOICES else 4
    assert len(RIGHT[number]) >= 3 and len(WRONG[number]) >= wanted


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a guarded answer prints none of them
@pytest.mark.parametrize(("number", "i"), RIGHT_ONES)
def test_a_right_answer_passes_with_200_seeds(number, i):
    answer = RIGHT[number][i]
    guarded = Answer(answer)  # draws nothing and is slow: 5 seeds show that it lets this through
    for seed in range(SEEDS.get(number, 200)):
        try:
            TASKS[number].test(guarded if seed < 5 else answer, seed)
        except (Wrong, NotAttempted) as mistake:
            pytest.fail(f"right answer {i} to {number} fails with seed {seed}: {mistake}")


@pytest.mark.parametrize(("number", "i"), WRONG_ONES)
def test_a_wrong_answer_fails_with_its_own_sentence(number, i):
    answer, sentence = WRONG[number][i]
    for seed in range(SEEDS.get(number, 5)):
        card = judge(TASKS[number], answer, seed)
        assert card.kind == "not yet", f"wrong answer {i} to {number} passes with seed {seed}"
        assert sentence in card.sentences[0], f"seed {seed}: {card}"


@pytest.mark.parametrize("number", [number for number in SOLVED if number not in CHOICES])
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


@each_home
def test_every_sentence_is_met_by_some_wrong_answer(home):
    """So that none is unreachable, and no check names a key that has no sentence."""
    said = texts(home.name)
    own = [number for number in SOLVED if TASKS[number].chapter == home.name]
    met = {n: [judge(TASKS[n], answer).sentences[0] for answer, _ in WRONG[n]] for n in own}
    unmet = []
    for number in said:
        sentences = said[number] if number == "says" else said[number].get("says", {})
        where = own if number == "says" else [number]
        for key, sentence in sentences.items():
            if not any(sentence in card for n in where for card in met[n]):
                unmet.append(f"{number}: {key}")
    assert not unmet, f"no wrong answer in the banks meets {unmet}"
    short = [card for cards in met.values() for card in cards if len(card.split()) < 4]
    assert not short, f"keys without a sentence: {short}"


@pytest.mark.parametrize("number", TASKS)
def test_an_untouched_task_is_not_attempted(number):
    def untouched(*args):
        raise NotImplementedError

    assert judge(TASKS[number], untouched).kind == "not attempted"


@pytest.mark.parametrize("number", TASKS)
def test_nothing_and_constants_and_the_inputs_are_no_answers(number):
    constants = (None, 0.0, np.nan, np.zeros(3), ("?", "?"))
    empty = [lambda *a, c=c: c for c in constants] + [lambda *a: a and a[0], lambda *a: a[:2]]
    for answer in empty:
        for seed in range(3):
            assert judge(TASKS[number], answer, seed).kind != "passed"


@pytest.mark.parametrize("number", CHOICES)
def test_a_wrong_choice_does_not_name_the_right_one(number):
    cards = [judge(TASKS[number], lambda c=c: c) for c in CHOICES[number]]
    assert [card.kind for card in cards].count("passed") == 1
    for card in cards:
        if card.kind == "not yet":
            assert not any(label == "expected" for label, _ in card.rows)
            assert not re.search(r"\banswer is\b|\bright\b|\bcorrect\b", card.sentences[0])


@pytest.mark.parametrize("name", NAMES.values())
def test_each_wrong_choice_has_its_explanation(name):
    for number, text in texts(name).items():
        if number in CHOICES:
            letters = set(itertools.chain(*text["options"]))
            assert set(text["why"]) == letters - set(text["answer"]), number


def test_the_tasks_are_numbered_and_have_their_parts():
    for chapter, name in NAMES.items():
        own = list(tasks.chapter(chapter))
        assert own == [f"{chapter}.{i + 1}" for i in range(len(own))], name
    for number, task in TASKS.items():
        assert task.level in ("Easy", "Medium", "Hard"), number
        assert len(task.hints) >= 2 and task.minutes > 0 and task.points > 0, number


# The notebook
def solution(number):
    return SOLUTIONS / TASKS[number].chapter / f"{TASKS[number].chapter}.ipynb"


def notebook(home):
    return nbformat.read(home / f"{home.name}.ipynb", as_version=4)


@pytest.mark.parametrize("number", [number for number in FAULTY if number in SOLVED])
def test_the_faulty_code_fails_with_all_its_faults_named(number):
    name, parts = FAULTY[number]
    names = {"np": np}
    exec(cell_source(solution(number), f"given-{number.replace('.', '-')}"), names)
    sentence = judge(TASKS[number], names[name]).sentences[0]
    for part in parts:
        assert part in sentence


@pytest.mark.parametrize("number", SOLVED)
def test_the_model_answer_passes_and_the_worked_example_holds(number):
    cell = cell_source(solution(number), TASKS[number].cell)
    names = {"np": np, "__name__": "__main__"}
    exec(cell, names)
    answer = names[re.search(r"^def (\w+)", cell, re.M)[1]]
    for seed in range(8):
        assert judge(TASKS[number], answer, seed).kind == "passed"
    text = cell_source(solution(number), TASKS[number].cell.replace("task", "about"))
    examples = re.findall(r"```python\n(>>>.*?)```", text, re.S)
    assert examples or number in CHOICES, "no worked example"
    for example in examples:
        said = []
        run = doctest.DocTestParser().get_doctest(example, names, number, None, 0)
        failures = doctest.DocTestRunner(verbose=False).run(run, out=said.append).failed
        assert not failures, "".join(said)


@pytest.mark.parametrize("number", SOLVED)
def test_the_cells_of_a_task_agree_with_its_texts(number):
    task, part = TASKS[number], number.replace(".", "-")
    cells = {cell.id: cell for cell in notebook(SOLUTIONS / task.chapter).cells}
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


@each_home
def test_the_header_states_the_points_and_about_the_minutes(home):
    own = [task for task in TASKS.values() if task.chapter == home.name]
    head = notebook(home).cells[0].source
    minutes = int(re.search(r"about (\d+) minutes", head)[1])
    assert abs(minutes - sum(task.minutes for task in own)) <= 5
    assert f"**Points:** {sum(task.points for task in own)}." in head


@each_home
def test_a_release_carries_no_answer_and_earns_no_point(home):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("nbgrader")
    from nbgrader.utils import determine_grade, is_grade

    from reglib.assess.release import student_version

    own = [task for task in TASKS.values() if task.chapter == home.name]
    solved = [cell for cell in notebook(home).cells if is_grade(cell)]
    assert [determine_grade(cell) for cell in solved] == [(task.points,) * 2 for task in own]
    student = student_version(home / f"{home.name}.ipynb")
    for cell in student.cells:
        assert not re.search(r"SOLUTION|HIDDEN|seed=\d{3}|bank", cell.source), cell.id
        assert not cell.get("outputs"), cell.id
        if cell.id.startswith("task-"):
            assert "raise NotImplementedError" in cell.source and "return " not in cell.source
    nbclient.NotebookClient(student, timeout=300, resources={}).execute()
    graded = [cell for cell in student.cells if is_grade(cell)]
    for cell, task in zip(graded, own, strict=True):
        assert determine_grade(cell) == (0, task.points), cell.id
        kinds = [output.output_type for output in cell.outputs]
        assert kinds == ["display_data", "error"], f"{cell.id} shows more than a card and a line"
        assert "Not attempted" in cell.outputs[0].data["text/html"]


@each_home
def test_no_part_of_a_bank_is_ever_released(home):
    extra = [path.name for path in home.iterdir() if path.suffix == ".py"]
    assert extra and all(any(fnmatch(name, w) for w in WITHHELD) for name in extra), extra
    released = [path.name for path in (course.root() / "exercises" / home.name).iterdir()]
    assert [name for name in released if not name.startswith(".")] == [f"{home.name}.ipynb"]
