"""Questions and a mock interview, answered in a browser by mouse and by keyboard alone."""

import re

import numpy as np
from browsing import PANEL, shoot
from cells import cell, on_a_phone, run, tab_to, told_by_kernel
from playwright.sync_api import expect

from reglib.assess.questions import KINDS, TOPICS, bank
from reglib.assess.questions.judge import judge
from reglib.assess.questions.show import options
from reglib.assess.session import draw

SEED = 9  # its eight questions are of eight kinds
OF = {kind: next(q for q in bank().values() if q.kind == kind) for kind in KINDS}
TICKED = ("several", "choice", "curve")


def right(question):
    """A reply that is wholly right; of an open question its beginning."""
    data = question.data
    if question.kind == "fault":
        return " ".join(map(str, data["answer"]))
    return str(data["model"][:200] if question.kind == "open" else data["answer"])


def wrong(question):
    """A reply that is no more than partly right; of a code question, one that is often given."""
    data = question.data
    if question.kind == "open":
        return "I would try it, and see."
    if question.kind == "number":
        return str(data["traps"][0]["value"])
    if question.kind == "code":
        return min((one["code"] for one in data["wrong"]), key=len)
    if question.kind == "order":
        return data["answer"][::-1]
    if question.kind == "fault":
        lines = range(1, 1 + data["code"].strip().count("\n"))
        return str(next(n for n in lines if n not in data["answer"] and str(n) in data["why"]))
    return next(letter for letter in options(question) if letter not in data["answer"])


def told(question):
    """A piece of the explanation that holds neither code nor formula."""
    return max(re.split(r"[`$<>&\n]", question.explanation), key=len).strip()


def answered(page, place, question, reply):
    """Give a reply by mouse, and by keyboard where there is something to write; commit to it."""
    expect(place.get_by_role("button", name="Commit")).to_be_disabled()
    if question.kind in TICKED:
        for letter in reply:
            place.get_by_text(re.compile(rf"^{letter}(\)|$)")).last.click()
    else:
        place.get_by_role("textbox").click()
        page.keyboard.press("Control+a")
        page.keyboard.type(reply)
    hidden(page, place, question)
    place.get_by_role("button", name="Commit").click()


def typed(page, place, question, reply):
    """Give a reply and commit to it by keyboard alone."""
    if question.kind in TICKED:
        for letter in reply:
            tab_to(page, letter)
            page.keyboard.press("Space")
    else:
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type(reply)
    hidden(page, place, question)
    press(page, place, "Commit")


def press(page, place, name):
    """Press a button by keyboard, once it is there."""
    expect(place.get_by_role("button", name=name, exact=True)).to_be_enabled()
    tab_to(page, name)
    page.keyboard.press("Enter")


def hidden(page, place, question):
    """Nothing that tells the key stands in the page; what was written has reached the kernel."""
    for _ in range(2):  # what is typed fast goes out in pieces: the last waits for the one before
        told_by_kernel(page, "None")
    expect(place.get_by_role("button", name="Commit")).to_be_enabled()
    whys = question.data.get("why", {})
    secrets = [told(question), *(whys.values() if isinstance(whys, dict) else ())]
    found = [secret for secret in secrets if secret in page.content()]
    assert not found, f"{question.id} tells before the commitment: {found}"


def test_the_mock_interview_goes_from_its_form_to_the_report_by_keyboard_alone(lab, page):
    lab.write("my/mock.ipynb", ["from reglib.assess import interview", "interview()"])
    lab.open(page, "my/mock.ipynb")
    run(page, cell(page, "import interview"))
    place = run(page, cell(page, "interview()"))
    expect(place.get_by_label("Level").locator("option:checked")).to_have_text("Mixed")
    place.get_by_label("Questions").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("8")
    tab_to(page, "Seed")
    page.keyboard.type(str(SEED))
    shoot(page, "interview_form")
    press(page, place, "Start")
    scores = []
    for number, question in enumerate(draw(8, seed=SEED), 1):
        expect(place).to_contain_text(f"Question {number} of 8")
        expect(place.get_by_role("timer")).to_contain_text("Time used")
        expect(place.locator("input, textarea").first).to_be_enabled()
        expect(place.get_by_role("button", name="Skip")).to_be_visible()
        if number == 2:
            press(page, place, "Skip")
            scores.append(0.0)
        else:
            reply, ticks = (wrong if number == 3 else right)(question), ""
            typed(page, place, question, reply)
            if question.kind == "open":
                ticks = "ab"
                expect(place.get_by_role("button", name="Commit the ticks")).to_be_visible()
                expect(place).to_contain_text("One good answer, of several")
                for letter in ticks:
                    tab_to(page, letter)
                    page.keyboard.press("Space")
                press(page, place, "Commit the ticks")
            scores.append(judge(question, reply, ticks).score)
        expect(place.locator(".reglib-mock")).to_contain_text(told(question))
        shoot(page, f"interview_{number}_{question.kind}")
        press(page, place, "To the report" if number == 8 else "Next question")
    expect(place).to_contain_text(f"Report: {np.mean(scores):.0%} of 8 questions")
    shoot(page, "interview_report")
    on_a_phone(page, place.locator(".reglib-mock"), "interview_report_on_a_phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    words = place.get_by_role("img").get_attribute("alt")
    for topic in {question.topic for question in draw(8, seed=SEED)}:
        assert f"{TOPICS[topic]} " in words
    link = place.locator("ol a").first
    path = link.get_attribute("href").partition("#")[0].removeprefix("../")
    link.click()
    page.wait_for_function(f"(path) => {PANEL}.context?.path === path", arg=path)


def test_a_wrong_answer_to_each_kind_of_question_is_told_what_is_wrong(lab, page):
    asked = {question.id: question for question in OF.values()}
    lab.write("my/ask.ipynb", ["from reglib.assess import ask", *(f"ask({i!r})" for i in asked)])
    lab.open(page, "my/ask.ipynb")
    run(page, cell(page, "import ask"))
    for name, question in asked.items():
        place = run(page, cell(page, f"ask({name!r})"))
        reply = wrong(question)
        answered(page, place, question, reply)
        if question.kind == "open":
            place.get_by_role("button", name="Commit the ticks").click()
        verdict = judge(question, reply)
        said = place.get_by_role("status")
        expect(said).to_contain_text(verdict.heading)
        expect(said).to_contain_text(told(question))
        expect(place.get_by_role("button", name="Committed")).to_be_visible()
        assert verdict.score < 1
        said.scroll_into_view_if_needed()
        shoot(page, f"ask_{question.kind}")
    for name, question in asked.items():
        if question.kind != "curve":  # its panels stand side by side
            place = cell(page, f"ask({name!r})").locator(".reglib-mock")
            on_a_phone(page, place, f"ask_{question.kind}_on_a_phone")
