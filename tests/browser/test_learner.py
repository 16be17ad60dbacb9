"""One learner's path through an exercise and a prediction, by keyboard and mouse alone."""

import os
import re
import shutil
import signal
import sqlite3
from contextlib import closing

import psutil
import pytest
from browsing import IDLE, PANEL, ROOT, shoot
from cells import (
    FRONT,
    KERNEL,
    cell,
    on_a_phone,
    run,
    save_and_reload,
    tab_to,
    told_by_kernel,
)
from playwright.sync_api import expect

from reglib.assess.predictions import ALL

NAME = "01_norm_penalties/01_norm_penalties.ipynb"
EXERCISE = f"my/{NAME}"
FACTOR = "return l1 * np.sign(w) + l2 * w"  # among `WRONG` of solutions/01_norm_penalties/bank.py
RIGHT = "return l1 * np.sign(w) + 2 * l2 * w"


@pytest.fixture
def fresh(lab):
    """A learner who begins: the exercise untouched, no progress."""
    shutil.copy(ROOT / "exercises" / NAME, lab.root / EXERCISE)
    for kept in lab.root.with_name("data").glob("progress*"):
        kept.unlink()
    return lab


def answer(page, line, name="elastic_net_gradient"):
    """Replace the last line of an answer by keyboard, and run the cell."""
    found = cell(page, f"def {name}")
    found.locator(".cm-line").last.click()
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")
    page.keyboard.type(line)
    expect(found.locator(".cm-content")).to_contain_text(line)
    run(page, found)


def checked(page, number="1.1"):
    """Run the check of a task and return the words of its card."""
    return run(page, cell(page, f'check("{number}"')).locator("[role=status]").last


def status(page, number="1.1"):
    """Run `progress(1)` and return what its row of a task says last."""
    table = run(page, cell(page, "progress(1)"))
    return table.get_by_role("row").filter(has_text=re.compile(rf"^{number}\D")).locator("td").last


def added(page, code):
    """Add a cell at the end, type code into it, run it, and return its outputs."""
    last = page.locator(f"{FRONT} .jp-CodeCell").last
    last.click()
    page.locator(f"{FRONT} .jp-Notebook-footer").click()
    expect(last.locator(".cm-content")).to_have_text("")
    last.locator(".cm-line").click()
    page.keyboard.type(code)
    expect(last.locator(".cm-content")).to_contain_text(code)
    return run(page, last)


def begin(page):
    """Run the first cell of the exercise, and the answer to task 1.1 as it stands."""
    run(page, cell(page, "start("))
    run(page, cell(page, "def elastic_net_gradient"))


def pid(page):
    """The number of the kernel's process."""
    return int(told_by_kernel(page, "__import__('os').getpid()"))


def killed(page, process):
    """Kill the kernel's process, as a system without memory does, until JupyterLab has another."""
    os.kill(process, signal.SIGKILL)
    died = page.get_by_role("dialog").filter(has_text="restart automatically")
    died.get_by_role("button", name="Ok").click()
    page.wait_for_function(IDLE)
    return pid(page)


def text(page):
    """What stands in the notebook's cells."""
    return page.evaluate(f"() => [...{PANEL}.content.model.cells].map(c => c.sharedModel.source)")


@pytest.mark.skipif(not (ROOT / "solutions").is_dir(), reason="solutions/ is not here")
def test_from_the_course_s_copy_to_a_pass_that_a_reload_keeps(fresh, page):
    fresh.open(page, f"exercises/{NAME}")
    run(page, cell(page, "start(")).get_by_role("link", name="Open your own").click()
    page.wait_for_function(f"path => {PANEL}.context.path === path", arg=EXERCISE)
    page.wait_for_function(IDLE)
    page.wait_for_selector(f"{FRONT} .jp-CodeCell")
    begin(page)
    expect(checked(page)).to_contain_text("Not attempted")
    shoot(page, "learner_not_attempted")
    answer(page, FACTOR)
    expect(checked(page)).to_contain_text("The factor 2 of the L2 gradient is missing")
    shoot(page, "learner_wrong")
    expect(added(page, 'solution("1.1")')).to_contain_text("still closed")
    hint = cell(page, '# hint("1.1")')
    hint.locator(".cm-line").click()
    page.keyboard.press("Home")
    for _ in "# ":
        page.keyboard.press("Delete")
    hint = cell(page, 'hint("1.1")')
    for number in (1, 2, 3, 1):
        expect(run(page, hint)).to_contain_text(f"hint {number} of 3")
    expect(status(page)).to_have_text("tried")
    answer(page, RIGHT)
    expect(checked(page)).to_contain_text("✓ Passed")
    shoot(page, "learner_passed")
    expect(run(page, cell(page, 'solution("1.1")'))).to_contain_text("l1 * np.sign(w)")
    expect(status(page)).to_have_text("passed")
    shoot(page, "learner_progress")
    save_and_reload(page)
    expect(cell(page, "def elastic_net_gradient")).to_contain_text(RIGHT)
    expect(cell(page, 'check("1.1"')).to_contain_text("✓ Passed")
    expect(status(page)).to_have_text("passed")


def test_killed_kernels_a_restart_and_a_broken_file_lose_no_work(fresh, page):
    fresh.open(page, EXERCISE)
    begin(page)
    answer(page, RIGHT)
    expect(checked(page)).to_contain_text("✓ Passed")
    before, first = text(page), pid(page)
    second = killed(page, first)
    assert text(page) == before and second != first
    run(page, cell(page, "start("))
    expect(status(page)).to_have_text("passed")

    restarted = psutil.Process(second)
    page.keyboard.type("00")  # JupyterLab's keys for a restart
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    restarted.wait(120)
    page.wait_for_function(IDLE)
    assert text(page) == before and pid(page) != second
    begin(page)
    expect(status(page)).to_have_text("passed")

    answer(page, "while True: pass")
    third, before = pid(page), text(page)
    cell(page, 'check("1.1"').locator(".cm-line").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(f"() => {KERNEL}.status === 'busy'")
    killed(page, third)
    assert text(page) == before
    progress = fresh.root.with_name("data") / "progress.sqlite"
    with closing(sqlite3.connect(progress)) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    run(page, cell(page, "start("))
    expect(status(page)).to_have_text("passed")

    with progress.open("r+b") as file:
        file.write(broken := b"no database" * 50)
    answer(page, RIGHT)
    said = run(page, cell(page, 'check("1.1"'))
    expect(said).to_contain_text("It was kept as progress.sqlite.broken-1")
    expect(said).to_contain_text("✓ Passed")
    shoot(page, "learner_broken_progress")
    assert progress.with_name("progress.sqlite.broken-1").read_bytes().startswith(broken)
    expect(status(page)).to_have_text("passed")


def test_a_prediction_tells_nothing_before_the_commitment_which_then_stands(fresh, page):
    entry = ALL["1.L2"]
    sources = ["from reglib.assess import predict", 'predict("1.L2")']
    fresh.write("my/prediction.ipynb", sources)
    fresh.open(page, "my/prediction.ipynb")
    run(page, cell(page, sources[0]))
    asked = run(page, cell(page, sources[1]))
    commit = asked.get_by_role("button", name="Commit")
    expect(commit).to_be_disabled()
    asked.get_by_role("radio").first.click()
    expect(commit).to_be_enabled()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    chosen = asked.get_by_role("radio").nth(1)
    expect(chosen).to_be_checked()
    page.keyboard.type("bdd")  # JupyterLab's keys for a new cell, and for deleting one
    assert page.locator(".jp-CodeCell").count() == 2
    for why in entry["why"].values():
        assert why not in page.content()
    shoot(page, "prediction_chosen")
    tab_to(page, "Commit")
    page.keyboard.press("Enter")
    expect(asked.get_by_role("status")).to_contain_text(
        f"✗ Not what will happen. {entry['why']['b']}"
    )
    expect(chosen).to_be_disabled()
    shoot(page, "prediction_committed")
    on_a_phone(page, asked.locator(".reglib-mock"), "prediction_on_a_phone")
    save_and_reload(page)
    asked = run(page, cell(page, sources[1]))
    expect(asked.get_by_role("radio").nth(1)).to_be_checked()
    expect(asked.get_by_role("status")).to_contain_text(entry["why"]["b"])
