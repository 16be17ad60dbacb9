"""What a learner does with the cells of the notebook in front, by keyboard and mouse."""

import itertools
import re

from browsing import IDLE, PANEL, PATIENCE, shoot
from playwright.sync_api import expect

FRONT = ".jp-NotebookPanel:not(.lm-mod-hidden)"
KERNEL = f"{PANEL}.sessionContext.session.kernel"
expect.set_options(timeout=PATIENCE)


def cell(page, text):
    """The code cell that holds this text."""
    cells = page.locator(f"{FRONT} .jp-CodeCell")
    return cells.filter(has=page.locator(".jp-InputArea-editor", has_text=text))


def run(page, found):
    """Run one cell as a learner does, and wait for its end."""
    before = found.locator(".jp-InputPrompt").inner_text()
    found.locator(".cm-line").first.click()
    page.keyboard.press("Control+Enter")
    prompt = found.locator(".jp-InputPrompt")
    expect(prompt).not_to_have_text(before)
    expect(prompt).to_have_text(re.compile(r"\d"))
    return found.locator(".jp-OutputArea")


def told_by_kernel(page, expression):
    """Ask the kernel what an expression is, without a cell."""
    asked = f"""async (told) => (await {KERNEL}.requestExecute(
        {{code: "", silent: true, user_expressions: {{told}}}}).done
    ).content.user_expressions.told.data["text/plain"]"""
    return page.evaluate(asked, expression)


def tab_to(page, name):
    """Press the Tab key until the button, field or option of this name has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).strip().startswith(name):
            return
    raise AssertionError(f"the Tab key does not reach {name!r}")


# A field's label stands beside it; a tick's or a button's words stand in it.
FOCUSED = """() => {
  const at = document.activeElement, beside = at.closest(".widget-text, .widget-textarea");
  return (at.closest("label") || beside || at).innerText;
}"""


def on_a_phone(page, place, name):
    """Look at a place on a page as narrow as a phone's: nothing is cut, no option on another."""
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    page.set_viewport_size({"width": 390, "height": 900})
    place.scroll_into_view_if_needed()
    page.wait_for_function(f"() => document.querySelector('{FRONT}').clientWidth < 390")
    shoot(page, name)
    assert place.evaluate(WIDER) == 0, f"{name}: wider than the page"
    boxes = [label.bounding_box() for label in place.get_by_role("radio").locator("..").all()]
    for one, next_ in itertools.pairwise(boxes):
        assert one["y"] + one["height"] <= next_["y"] + 1, f"{name}: an option lies on another"


WIDER = "(place) => Math.max(0, place.scrollWidth - place.clientWidth)"


def save_and_reload(page):
    """Save the notebook and load the page anew."""
    page.keyboard.press("Control+s")
    page.wait_for_function(f"() => !{PANEL}.context.model.dirty")
    page.reload()
    page.wait_for_function(IDLE)
