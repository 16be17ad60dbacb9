"""Every explorer in JupyterLab: each control is moved by keyboard and by mouse, there and back."""

import pytest
from browsing import SHOTS, watched

from reglib import explore
from reglib.explore.base import Explorer

# Which of picture and text does not follow a control, and why.
ALONE = {
    ("training_curves", "kind"): "picture",  # at the start's strength of 0 every penalty is nothing
}
# How often a key is pressed, where not once: until the box is cut off, its area stays as it was.
PRESSES = {("cutmix", "down"): 7, ("random_erasing", "across"): 7, ("random_erasing", "down"): 9}
BOX = ".jp-OutputArea-output .widget-vbox:has(> .widget-image)"
# What the reader sees of an explorer: its picture's bytes in short, its line, its controls.
SEEN = """async (box) => {
  const picture = box.querySelector(":scope > .widget-image");
  await picture.decode();
  const bytes = await (await fetch(picture.src)).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const controls = [...box.querySelectorAll("[role=slider], select, input")];
  return {
    picture: [...digest].join(" "),
    text: box.querySelector("[role=status]").innerText,
    controls: controls.map((it) => it.role === "slider"
      ? Number(it.getAttribute("aria-valuetext")).toFixed(9) : `${it.value} ${it.checked}`),
  };
}"""
# Looks until these parts are others than before, or all is as before. A picture that is replaced
# while it is read is read again.
UNTIL = f"""async (box, [parts, before]) => {{
  const seen = {SEEN};
  const granted = parts
    ? (now) => parts.every((part) => now[part] !== before[part])
    : (now) => JSON.stringify(now) === JSON.stringify(before);
  for (const end = Date.now() + 30_000; ; ) {{
    const now = await seen(box).catch(() => null);
    if (now && (granted(now) || Date.now() > end)) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }}
}}"""


@pytest.fixture(scope="module")
def sheet(server, chromium):
    """A page with one notebook that holds every explorer, run."""
    calls = [f"explore.{name}()" for name in explore.__all__]
    server.write("explorers.ipynb", ["from reglib import explore", *calls])
    with watched(chromium, "test_explorers") as page:
        server.open(page, "explorers.ipynb")
        server.run_all(page)
        page.wait_for_function(f"() => document.querySelectorAll('{BOX}').length === {len(calls)}")
        yield page
    server.end_kernels()


class ByKeyboard:
    """Moves controls by keys alone."""

    def __init__(self, page):
        self.press = page.keyboard.press

    def slider(self, handle):
        """Some steps up, or down from the upper end; return what goes back."""
        handle.focus()
        at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        there, back = ("ArrowLeft", "ArrowRight") if at_end else ("ArrowRight", "ArrowLeft")

        def go(key):
            handle.focus()
            for _ in range(self.presses):
                self.press(key)

        go(there)
        return lambda: go(back)

    def select(self, listed):
        """One option on in the opened list, or back from the last."""

        def go(key):
            listed.focus()
            for pressed in ("Space", key, "Enter"):
                self.press(pressed)

        last = listed.evaluate("(list) => list.selectedIndex === list.length - 1")
        go("ArrowUp" if last else "ArrowDown")
        return lambda: go("ArrowDown" if last else "ArrowUp")

    def input(self, box):
        """The other state of a check box."""
        self.button(box)
        return lambda: self.button(box)

    def button(self, button):
        """Press a button."""
        button.focus()
        self.press("Space")


class ByMouse:
    """Moves controls by mouse alone."""

    def __init__(self, page):
        self.mouse = page.mouse

    def slider(self, handle):
        """Drag the handle to near the farther end; return what drags it back."""

        def middle():
            box = handle.bounding_box()
            return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def drag(to):
            self.mouse.move(*middle())
            self.mouse.down()
            self.mouse.move(*to)
            self.mouse.up()

        handle.scroll_into_view_if_needed()
        track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
        (x, y), middle_of_track = middle(), track["x"] + track["width"] / 2
        drag((track["x"] + track["width"] * (0.95 if x < middle_of_track else 0.05), y))
        return lambda: drag((x, y))

    def select(self, listed):
        """Choose the next option, or the first after the last."""
        before = listed.evaluate("(list) => list.selectedIndex")
        listed.select_option(index=(before + 1) % listed.locator("option").count())
        return lambda: listed.select_option(index=before)

    def input(self, box):
        """The other state of a check box."""
        box.click()
        return box.click

    def button(self, button):
        """Press a button."""
        button.click()


@pytest.mark.parametrize("name", explore.__all__)
def test_each_control_moves_picture_and_text_there_and_back(sheet, name):
    box = sheet.locator(BOX).nth(explore.__all__.index(name))
    start = box.evaluate(SEEN)
    controls = box.locator("[role=slider], select, input").all()
    names = list(Explorer.words[name]["controls"])
    assert len(controls) == len(names) == len(start["controls"])

    def there(hand, i):
        """Move a control until both picture and text are others; return the way back."""
        sort = controls[i].evaluate("(it) => it.role === 'slider' ? it.role : it.localName")
        before, moved = box.evaluate(SEEN), f"{name}, {names[i]}, {type(hand).__name__}"
        hand.presses = PRESSES.get((name, names[i]), 1)
        back = getattr(hand, sort)(controls[i])
        follow = [part for part in ("picture", "text") if part != ALONE.get((name, names[i]))]
        now = box.evaluate(UNTIL, [follow, before])
        assert now["controls"] != before["controls"], f"{moved}: does not move"
        stays = [part for part in follow if now[part] == before[part]]
        assert not stays, f"{moved}: {stays} stays"
        return back

    def same(what):
        now = box.evaluate(UNTIL, [None, start])
        assert now == start, f"{name}: {what} does not bring back the start"

    for hand in (ByKeyboard(sheet), ByMouse(sheet)):
        for i in range(len(controls)):
            there(hand, i)()
            same(f"{names[i]}, {type(hand).__name__}")
        for i in sorted({0, len(controls) - 1}, reverse=True):
            there(hand, i)
        hand.button(box.get_by_role("button", name="Reset"))
        same(f"Reset, {type(hand).__name__}")
    box.screenshot(path=SHOTS / f"explorer_{name}.png")
