"""The question bank: every table is whole, every key is recomputed, every code check is proved."""

import importlib
import re
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pytest

from reglib.assess.course_map import items
from reglib.assess.guard import Answer, NotAttempted, Wrong
from reglib.assess.questions import KINDS, LEVELS, TOPICS, Question, bank, find
from reglib.assess.questions.judge import code_test, defined, judge, key

ROOT = Path(__file__).resolve().parents[1]
SEEDS = range(20)
COMPUTED, PROOFS, GOOD, BAD = {}, {}, {}, {}  # what the files of the topics hold, by question
for file in sorted(Path(__file__).parent.glob("test_questions_*.py")):
    module = importlib.import_module(file.stem)
    for name, found in (("COMPUTED", COMPUTED), ("PROOFS", PROOFS), ("GOOD", GOOD), ("BAD", BAD)):
        found |= getattr(module, name, {})
OWN = {  # fields of each kind: needed, and allowed besides
    "choice": ("options answer why", ""),
    "several": ("options answer why", ""),
    "number": ("answer tolerance traps", "unit"),
    "order": ("items answer why", ""),
    "curve": ("x xlabel ylabel curves describe answer why", "lines ylim"),
    "fault": ("code answer fix why sound", ""),
    "code": ("stub answer also_right wrong", "cases check outputs"),
    "open": ("model rubric", ""),
}


def of(*kinds):
    """Parametrize over the questions of these kinds."""
    return pytest.mark.parametrize("question", [q for q in bank().values() if q.kind in kinds],
                                   ids=lambda question: question.id)  # fmt: skip


def headings():
    """Every (notebook, heading) of the lessons, as often as it stands there."""
    for path in ROOT.glob("notebooks/*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "markdown":
                for found in re.findall(r"^#+ (.+)$", cell.source, re.M):
                    yield path.stem, found.strip()


HEADINGS = Counter(headings())


def test_the_bank_is_as_large_and_as_varied_as_the_course_says():
    found = list(bank().values())
    counts = {kind: sum(q.kind == kind for q in found) for kind in KINDS}
    assert len(found) >= 120, counts
    assert counts["code"] >= 20 and counts["fault"] >= 12 and min(counts.values()) >= 8, counts
    for topic in TOPICS:
        levels = {q.level for q in found if q.topic == topic}
        assert levels == set(LEVELS), f"{topic}: {levels}"
    assert "seed-network" in bank()


@of(*KINDS)
def test_a_question_is_whole(question):
    needed, allowed = (set(text.split()) for text in OWN[question.kind])
    assert needed <= question.data.keys() <= needed | allowed
    assert question.level in LEVELS and 1 <= question.minutes <= 20
    assert set(question.covers) <= set(items()) and question.covers, question.covers
    assert set(question.follow_up) == {"question", "answer"}
    assert question.source or question.section, "neither a source nor a section"
    if question.section:
        times = HEADINGS[tuple(question.section)]
        assert times == 1, f"{question.section} stands {times} times in the lessons"
    if question.source:
        assert re.match(r"\S.* \(\d{4}\), \S", question.source), question.source
    texts = [question.question, question.hint, question.explanation, *question.follow_up.values()]
    assert all(isinstance(text, str) and len(text.strip()) > 10 for text in texts)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", question.id)


@of("choice", "curve")
def test_every_wrong_choice_is_explained(question):
    options = question.data.get("options") or question.data["curves"]
    assert 3 <= len(options) <= 5 and list(options) == sorted(options)
    assert set(question.data["why"]) == set(options) - {question.data["answer"]}
    for letter in options:
        verdict = judge(question, letter)
        assert verdict.score == (letter == question.data["answer"])
        if not verdict.score:
            assert verdict.sentences[0] == question.data["why"][letter]


@of("several")
def test_several_choices_are_told_what_is_missing_and_what_is_too_much(question):
    options, right = question.data["options"], question.data["answer"]
    assert 4 <= len(options) <= 6 and 1 < len(right) < len(options)
    assert right == "".join(sorted(right)) and set(question.data["why"]) == set(options)
    assert judge(question, ", ".join(right)).score == 1
    missed, extra = judge(question, right[1:]), judge(question, "".join(options))
    assert 0 < missed.score < 1 and question.data["why"][right[0]] in missed.sentences[0]
    assert extra.score < 1 and len(extra.sentences) == 1 + len(options) - len(right)


@of("number")
def test_a_number_is_recomputed_and_its_traps_are_named(question):
    data = question.data
    assert len(data["traps"]) >= 2
    computed = float(COMPUTED[question.id]())
    assert abs(computed - data["answer"]) <= data["tolerance"], f"recomputed as {computed}"
    assert judge(question, f"{data['answer']!r} {data.get('unit', '')}").score == 1
    for trap in data["traps"]:
        verdict = judge(question, repr(float(trap["value"])))
        assert verdict.score == 0 and verdict.sentences[0] == trap["why"]


@of("order")
def test_each_two_neighbours_of_an_order_are_explained(question):
    right, items = question.data["answer"], question.data["items"]
    assert sorted(right) == sorted(items) and 4 <= len(items) <= 6
    assert right != "".join(sorted(right)), "the items stand in the right order already"
    assert set(question.data["why"]) == {right[i : i + 2] for i in range(len(right) - 1)}
    assert judge(question, right).score == 1
    swapped = right[1] + right[0] + right[2:]
    assert judge(question, swapped).sentences[0] == question.data["why"][right[:2]]
    assert judge(question, right[::-1]).score == 0


@of("curve")
def test_a_curve_can_be_drawn_and_its_key_follows_from_its_numbers(question):
    data = question.data
    x = eval(data["x"], {"np": np})
    assert set(data["describe"]) == set(data["curves"])
    for expressions in data["curves"].values():
        assert len(expressions) in (1, 2) and len(data.get("lines", "ab")) >= len(expressions)
        for expression in expressions:
            values = np.asarray(eval(expression, {"np": np, "x": x}), float)
            assert values.shape == x.shape and np.isfinite(values).all(), expression
    assert COMPUTED[question.id]() == data["answer"]


# Keys that follow from what their source or section says, and from no computation.
TOLD = set(
    """
    two-error-rates validation-below-training robust-against-what what-leaks which-folds
    useful-chance sound-experiment dropout-without-a-gap dropconnect-inference smoothing-teacher
    train-below-validation dropout-cost noise-families why-augment keep-the-label
    cutmix-two-parents own-examination turned-cat several-views a-step-with-cutmix
    acquitted-one-by-one kept-for-the-way-back in-which-order smoothing-translation
    one-pass-language labels-that-survive same-picture-two-answers first-hour-in-use
    small-but-taught dearer-at-prediction save-that-survives
    """.split()
)


@of("choice", "several", "order")
def test_a_key_is_recomputed_or_rests_on_what_is_named(question):
    assert (question.id in COMPUTED) != (question.id in TOLD), "compute its key, or list it in TOLD"
    if question.id in COMPUTED:
        assert "".join(COMPUTED[question.id]()) == question.data["answer"]


@of("fault")
def test_a_fault_is_measurable_and_its_repair_works(question):
    data = question.data
    lines = data["code"].strip("\n").split("\n")
    wanted = {str(number) for number in data["answer"]}
    assert set(data["fix"]) == wanted <= set(data["why"])
    assert len(data["why"]) >= len(wanted) + 2, "two lines that look wrong and are right"
    assert all(lines[int(number) - 1].strip() for number in data["why"])
    fixed = [data["fix"].get(str(number), line) for number, line in enumerate(lines, 1)]
    PROOFS[question.id](run("\n".join(lines)), run("\n".join(fixed)))
    assert judge(question, " ".join(sorted(wanted))).score == 1
    tempting = min(set(data["why"]) - wanted)
    verdict = judge(question, tempting)
    assert verdict.score == 0 and data["why"][tempting] in verdict.sentences[0]


def run(source):
    """The names that a source defines."""
    names = {"np": np, "__name__": "script"}
    exec(compile(source, "<script>", "exec"), names)
    return names


@of("code")
def test_right_code_passes_and_wrong_code_is_told_why(question):
    data = question.data
    name = re.search(r"^def (\w+)", data["stub"], re.M)[1]
    assert len(data["also_right"]) >= 2 and len(data["wrong"]) >= 4
    test = code_test(data)
    for source in [data["answer"], *data["also_right"]]:
        for seed in SEEDS:
            test(Answer(defined(source, name)), np.random.default_rng(seed))
        assert judge(question, source).score == 1
    said = []
    for wrong in data["wrong"]:
        for seed in SEEDS[:5]:
            with pytest.raises(Wrong) as told:
                test(Answer(defined(wrong["code"], name)), np.random.default_rng(seed))
                pytest.fail(f"passes with seed {seed}: {wrong['why']}")
            said.append(told.value.sentence == wrong["why"])
        assert judge(question, wrong["code"]).score == 0
    assert np.mean(said) >= 0.75, f"told their own sentence: {np.mean(said):.0%}"
    with pytest.raises(NotAttempted):
        judge(question, data["stub"])


@of("open")
def test_a_rubric_has_its_three_steps_and_the_model_answer_earns_every_point(question):
    rubric = question.data["rubric"]
    assert {point["step"] for point in rubric} == {"draw", "prove", "apply"}
    assert 4 <= len(rubric) <= 8
    letters = "abcdefgh"[: len(rubric)]
    verdict = judge(question, question.data["model"], letters)
    assert verdict.score == 1, verdict.sentences
    assert judge(question, question.data["model"], "").score == 0
    empty = judge(question, "I would rather talk about something else today, if I may.", letters)
    assert empty.score == 0, empty.rows
    assert 80 <= len(question.data["model"].split()) <= 280


@pytest.mark.parametrize("name", GOOD)
def test_an_open_answer_counts_by_what_it_says(name):
    """Answers in other words than the model's, and answers that only sound like one."""
    letters = "abcdefgh"[: len(find(name).data["rubric"])]
    good = judge(find(name), GOOD[name], letters)
    assert good.score == 1, good.sentences
    bad = judge(find(name), BAD[name], letters)
    assert bad.score < 0.4, bad.rows


@of(*KINDS)
def test_no_answer_is_not_judged(question):
    for reply in ("", "   ", "\n"):
        with pytest.raises(NotAttempted):
            judge(question, reply)
    assert key(question)


def test_no_position_of_the_right_answer_gives_it_away():
    found = [q for q in bank().values() if q.kind in ("choice", "curve")]
    for letter in "abc":
        share = np.mean([q.data["answer"] == letter for q in found])
        assert 0.1 < share < 0.5, f"{letter} is right in {share:.0%}"
    choices = [(q.data["options"], q.data["answer"]) for q in found if q.kind == "choice"]
    for name, extreme in (("longest", max), ("shortest", min)):
        right = [len(texts[at]) == extreme(map(len, texts.values())) for texts, at in choices]
        assert np.mean(right) < 0.45, f"the {name} option is right in {np.mean(right):.0%}"


@pytest.mark.parametrize(
    ("reply", "value"),
    [("2,673", 2673), ("16 times", 16), ("= 1.5", 1.5), ("0,75", 0.75), ("3/4", 0.75),
     ("75 %", 0.75), ("−2", -2), ("1e-3", 0.001), (".5", 0.5), ("12.5 bits", 12.5),
     ("1,234,567", 1234567)],
)  # fmt: skip
def test_a_number_may_be_written_in_many_ways(reply, value):
    number = Question("x", "noise", "number", "Easy", 1, (), "", "", "So it is.", {},
                      {"answer": value, "tolerance": 1e-9, "traps": []})  # fmt: skip
    assert judge(number, reply).score == 1


@pytest.mark.parametrize("reply", ["1.5 or 2", "log(19)", "2*3", "3/0", "-", ",", "none", "1/2/3"])
def test_what_is_no_single_number_is_not_judged(reply):
    number = next(q for q in bank().values() if q.kind == "number")
    with pytest.raises(NotAttempted):
        judge(number, reply)


def test_line_numbers_come_without_explanations():
    script = bank()["eight-bugs"]
    some = script.data["answer"][:2]
    for reply in (f"lines {some[0]} and {some[1]}", f"L{some[0]}, l{some[1]}."):
        assert judge(script, reply).score == 2 / 8
    off = script.data["answer"][0] + 1  # a neighbour of what was missed costs nothing
    assert off not in script.data["answer"]
    verdict = judge(script, f"{off} {some[1]}")
    assert verdict.score == 1 / 8 and f"Line {off} is one off" in " ".join(verdict.sentences)
    for reply in ("4, because the factor 2 is missing", "4-10"):
        with pytest.raises(NotAttempted, match="alone"):
            judge(script, reply)


def test_letters_and_code_may_come_as_people_type_them():
    some = {kind: next(q for q in bank().values() if q.kind == kind) for kind in KINDS}
    letters = some["several"].data["answer"]
    assert judge(some["several"], " and ".join(letters.upper())).score == 1
    assert judge(some["choice"], f"{some['choice'].data['answer']}.").score == 1
    assert judge(some["order"], " > ".join(some["order"].data["answer"])).score == 1
    assert judge(some["code"], f"```python\n{some['code'].data['answer']}\n```").score == 1


def test_a_slip_of_the_fingers_is_no_answer_yet():
    code = next(q for q in bank().values() if q.kind == "code")
    with pytest.raises(NotAttempted, match="Line 3 is no Python yet"):
        judge(code, f"{code.data['stub'].splitlines()[0]}\n    x = 1\n    retrun x")


def test_a_point_in_other_words_counts_half_where_most_are_borne_out():
    question = bank()["explain-regularization"]
    letters = "abcdefgh"[: len(question.data["rubric"])]
    words = question.data["rubric"][0]["words"]
    model = question.data["model"].lower()
    for word in words:
        model = model.replace(word, "something")
    verdict = judge(question, model, letters)
    assert verdict.score <= 1 - 0.5 / len(letters)
    assert any(sentence.startswith("Counted half") for sentence in verdict.sentences)
    assert f"of {len(letters)} points" in verdict.heading


def test_a_list_of_words_is_no_open_answer():
    question = bank()["explain-regularization"]
    words = [point["words"][0] for point in question.data["rubric"]]
    letters = "abcdefgh"[: len(words)]
    few = judge(question, " ".join(words), letters)
    assert few.score <= 3 / len(words), few.sentences


def test_every_proof_and_every_recomputed_key_belongs_to_a_question():
    assert COMPUTED.keys() <= bank().keys(), COMPUTED.keys() - bank().keys()
    assert PROOFS.keys() <= bank().keys(), PROOFS.keys() - bank().keys()


def test_an_unknown_question_is_refused_with_its_neighbours():
    with pytest.raises(ValueError, match=r"seed-network.*'seed-netwerk'"):
        find("seed-netwerk")
