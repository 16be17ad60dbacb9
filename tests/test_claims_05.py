"""What sections 1 to 3 and 6 to 11 of notebook 05 claim, judged on eight other seeds."""

import re

import nbformat
import numpy as np
import pytest
from lessons import NOTEBOOKS, run_lesson

from reglib import cli
from reglib.assess.questions import TOPICS, bank
from reglib.assess.tasks import find

NAME, SEEDS = "05_interview", range(10, 18)
EFFECTS = (NOTEBOOKS.parent / "docs" / "effects.md").read_text(encoding="utf-8")

if not (NOTEBOOKS / f"{NAME}.ipynb").exists():
    pytest.skip("notebook 05 is not there", allow_module_level=True)
CELLS = nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", as_version=4).cells
TEXT = "\n\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def lesson():
    # The same settings as in test_claims_05_applications.py: the lesson then runs once for both.
    return run_lesson(NAME, SEEDS=SEEDS, DRAWS=range(100, 130))


def section(heading):
    """The Markdown of a section, from its heading to the next of the same rank."""
    assert f"## {heading}\n" in TEXT, f"no section {heading}"
    return re.split(r"^## ", TEXT.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def test_l1_arrives_at_zero_and_l2_never_does(lesson):
    w1, w2 = lesson["w1"], lesson["w2"]
    assert w1[20] == 0 and min(w1[:20]) > 0, w1
    assert min(w2) > 0 and np.all(np.diff(w2) < 0), w2


def test_on_the_whiteboard_training_error_only_rises_and_validation_error_turns(lesson):
    training, validation = lesson["whiteboard"].T
    assert np.all(np.diff(training) > -1e-9), training
    turn = validation.argmin()
    assert 0 < turn < len(validation) - 1, validation
    assert validation[turn] < 0.7 * min(validation[0], validation[-1]), validation


def test_the_penalty_costs_training_error_and_saves_test_error(lesson):
    length, training, test = np.moveaxis(lesson["penalised"], -1, 0)
    assert np.all(np.diff(length) < 0) and np.all(np.diff(training) > 0)
    assert np.all(test[:, 0] > test[:, 1]) and np.all(test[:, 2] < test[:, 0] - 10), test
    assert np.diff(np.median(test, axis=0))[1] < 0, test


def test_l1_has_zeros_and_l2_small_weights(lesson):
    assert min(np.sum(w == 0) for w in lesson["sparse"]) > 28, "most of the 55"
    for w, free in zip(lesson["small"], lesson["free"], strict=True):
        assert np.all(w != 0) and np.abs(w).max() < np.abs(free).max() / 4


def test_dropout_is_random_in_training_alone(lesson):
    assert abs(lesson["many"].mean() - 1) < 6 / np.sqrt(lesson["many"].size)
    agree = {on: np.array_equal(*pair) for on, pair in lesson["asked"].items()}
    assert agree == {True: False, False: True}


def test_turned_copies_serve_turned_digits_alone(lesson):
    """Axes: seed, training set, test digits (upright, turned), share right and distance."""
    widened = np.array(lesson["widened"])
    gain = widened[:, 1, :, 0] - widened[:, 0, :, 0]
    assert gain[:, 1].min() > 0.08 and abs(gain[:, 0]).max() < 0.05, gain
    assert abs(gain[:, 0].mean()) < 0.03, gain
    level = widened[:, 1, :, 0].mean(axis=0)
    assert abs(level[1] - level[0]) < 0.03, "turned ones catch up"
    nearer = widened[:, 0, :, 1] - widened[:, 1, :, 1]
    assert np.all(nearer[:, 1] > 3 * nearer[:, 0]), nearer


def test_remedies_help_with_wrong_labels_and_not_with_true_ones(lesson):
    for (labels, name), gain in lesson["cured"].items():
        if labels == "all true":
            assert gain.mean() < 0.01, (name, gain)
        elif name != "plain":
            assert 0.01 < gain.mean() < 0.04 and np.sum(gain > 0) >= 6, (name, gain)


def test_true_labels_are_learnt_by_heart_and_the_gap_stays(lesson):
    for (labels, redrawn), low, high in (
        (("all true", 0.0), 0.06, 0.11),
        (("wrong", 0.2), -1, 0.1),
    ):
        training, _, test = lesson["at_its_best"](redrawn, {})[1].mean(axis=0)
        assert low < training - test < high, (labels, training, test)
        assert redrawn or training > 0.995, training


def test_a_smaller_rate_buys_the_plain_network_about_five_digits_in_a_hundred(lesson):
    rates = {
        rate: np.mean([lesson["tested"](seed, 0.2, rate, {})[2] for seed in SEEDS])
        for rate in (0.03, 0.01)
    }
    assert lesson["at_its_best"](0.2, {})[0] == 0.01, "the rate that validation chooses"
    assert 0.03 < rates[0.01] - rates[0.03] < 0.07, rates


@pytest.mark.parametrize("seed", [10, 11, 12])
def test_probes_pass_with_sorted_labels_and_validation_tells(lesson, seed, capsys):
    rng, fresh = np.random.default_rng(seed), lesson["fresh"]
    (X, y), (X_held, y_held), _ = lesson["noisy_digits"](150, 0.0, rng)
    for labels, low, high in ((y, 0.8, 1), (np.sort(y), 0, 0.25)):
        lesson["probes"](fresh(), X, labels, 0.1)
        said = capsys.readouterr().out
        assert "gradient right" in said and "answer: True" in said and said.endswith("1.0\n"), said
        start = float(re.search(r"start (\S+);", said)[1])
        assert start < 3.5, f"about as much as knowing nothing: {said}"
        net = fresh()
        net.fit(X, labels, epochs=60, batch_size=32, learning_rate=0.1)
        assert low <= np.mean(net.predict(X_held) == y_held) <= high


# --- what stands in the text


def rows_of(table):
    """By technique: gain, and accuracy on noisy pictures, of one table of docs/effects.md."""
    lines = EFFECTS.split(f"## {table}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.count("|") > 8]
    return {row[1]: (float(row[4].split()[0]), float(row[6])) for row in cells[2:]}


def test_the_decision_page_quotes_what_was_measured():
    page, wrong = section("6 Which regularizer, when, and why"), "A fifth of the labels redrawn"
    found = rows_of(f"{wrong}, learning rate chosen")
    for words, name in (
        ("a wall that no step crosses; {} with", "max-norm"),
        ("one number; {} with", "early stopping"),
        ("| dropout | {}; the wider", "dropout"),
        ("clean ones {} with", "Gaussian noise"),
        ("needed; {} each", "mixup"),
        ("needed; {} each", "CutMix"),
    ):
        assert words.format(f"{found[name][0]:+.3f}") in page, (name, found[name])
    noisy = found["plain"][1], found["Gaussian noise"][1]
    assert "noisy pictures {:.2f} to {:.2f}".format(*noisy) in page, noisy
    assert f"L2, which saw no noise, {found['L2'][1]:.2f};" in page, found["L2"]
    plain = [
        line for line in EFFECTS.split(f"## {wrong}, learning rate chosen\n", 1)[1].splitlines()
    ]
    plain = next(line for line in plain if line.startswith("| plain |")).split("|")[3].split()[0]
    assert f"reads {plain} with wrong labels" in page, plain
    for table in ("Clean labels, learning rate 0.1", "Clean labels, learning rate chosen"):
        best = max(gain for gain, _ in rows_of(table).values())
        assert best <= 0.005 and "gained more than 0.005" in page, best


def test_three_of_the_rows_say_nothing():
    page = section("6 Which regularizer, when, and why")
    rows = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 16 and sum("**nothing**" in choice for choice in rows) == 3, rows


def test_the_spoken_answer_is_two_minutes_long():
    spoken = section("2 Explain regularization").split("### In two minutes", 1)[1]
    words = re.findall(r"^> ?(.*)$", spoken.split("### ", 1)[0], flags=re.M)
    count = len(" ".join(words).split())
    assert 260 <= count <= 300 and f"It has {count} words" in spoken, count


def test_every_formula_of_the_sheet_can_be_printed():
    converter = pytest.importorskip("latex2mathml.converter")
    sheet = section("7 Formula sheet")
    assert "\\begin" not in sheet and sheet.count("$") % 2 == 0
    for formula in re.findall(r"\$([^$]+)\$", sheet):
        shown = converter.convert(formula)
        assert "<math" in shown and "\\" not in shown, f"an unknown command: {formula}"
    headings = [cell.source for cell in CELLS]
    first = next(k for k, text in enumerate(headings) if text.startswith("## 7 Formula sheet"))
    after = next(k for k, text in enumerate(headings) if k > first and text.startswith("## "))
    assert all(cell.cell_type == "markdown" for cell in CELLS[first:after]), "code is not printed"


def test_the_plan_names_tasks_and_topics_that_exist_and_adds_up():
    plan = section("11 Seven days")
    rows = [line.split("|") for line in plan.splitlines() if line.startswith("| **")]
    assert len(rows) == 7
    for _, day, _, tasks, _, minutes, _ in rows:
        numbers = re.findall(r"\d\.\d+", tasks)
        parts = [int(part) for part in minutes.split("+")]
        if numbers:
            assert parts[1] == sum(find(number).minutes for number in numbers), (day, numbers)
        assert 90 <= sum(parts) <= 195, (day, parts)
    for topic in TOPICS.values():
        assert topic in plan, f"no day for {topic}"


def test_the_commands_of_section_10_are_understood():
    lines = re.findall(r"^reglib (.*)$", section("10 The mock interview"), flags=re.M)
    assert len(lines) == 7, lines
    for line in lines:
        cli._parser().parse_args(line.split("   ")[0].split())


def test_every_question_that_is_asked_is_in_the_bank():
    asked = [cell.source for cell in CELLS if cell.source.startswith("ask(")]
    names = [name for source in asked for name in re.findall(r'"([a-z0-9-]+)"', source)]
    assert len(names) >= 8 and set(names) <= set(bank()), set(names) - set(bank())


def test_every_link_leads_to_a_heading():
    for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", TEXT):
        cells = nbformat.read(NOTEBOOKS / (target or f"{NAME}.ipynb"), as_version=4).cells
        heads = [re.findall(r"^#+ (.*)$", c.source, flags=re.M) for c in cells]
        found = {head.replace(" ", "-") for part in heads for head in part}
        assert anchor in found, f"{target}#{anchor}"


def test_every_file_that_is_linked_is_there():
    for target in set(re.findall(r"\]\(([^)#]+)[)#]", TEXT)):
        assert (NOTEBOOKS / target).exists(), target
