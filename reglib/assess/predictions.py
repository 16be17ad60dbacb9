"""Predictions in the lessons: choose and commit before the experiment, then read why."""

import tomllib
from html import escape
from pathlib import Path

import ipywidgets as widgets

from reglib.assess.cards import BORDERS, to_html
from reglib.assess.store import store
from reglib.assess.templates import environment

# All predictions by number; the file says what each holds.
ALL = tomllib.loads(Path(__file__).with_name("predictions.toml").read_text(encoding="utf-8"))
HTML = environment(escape, to_html).get_template("prediction.html").module


def predict(number):
    """Ask for a prediction, to be committed to before the experiment is run.

    Parameters
    ----------
    number : str
        The prediction, for example "1.L1".

    Returns
    -------
    Prediction
        A widget that remembers the answer; shown again, it shows the answer that was given.
    """
    if number not in ALL:
        raise ValueError(f"number must be one of {', '.join(ALL)}, got {number!r}")
    return Prediction(number)


class Prediction(widgets.VBox):
    """A question, its options with none chosen, and a button that commits to one."""

    def __init__(self, number):
        self.number, self.entry = number, ALL[number]
        self.question = self.entry["question"]
        self.options = [f"{key}) {text}" for key, text in self.entry["options"].items()]
        options = list(zip(self.options, self.entry["options"], strict=True))
        wide = widgets.Layout(width="auto")
        self.choice = widgets.RadioButtons(options=options, value=None, layout=wide)
        self.choice.tooltip = "Your prediction: the Tab key moves, the space bar chooses"
        self.button = widgets.Button(description="Commit", tooltip="Commit to this prediction")
        self.reply = widgets.HTMLMath()
        head = widgets.HTMLMath(HTML.head(self.question))
        parts = [head, self.choice, self.button, self.reply]
        super().__init__(parts, _dom_classes=("reglib-mock",))
        chosen, closed = (self.choice, "value"), (self.button, "disabled")
        widgets.dlink(chosen, closed, lambda letter: letter is None)
        self.button.on_click(self._commit)
        earlier = store().last(f"predict {number}", "prediction")
        if earlier in self.entry["options"]:
            self.choice.value = earlier
            self._reveal(earlier)

    def _commit(self, _):
        if self.choice.value is None or self.choice.disabled:
            return
        store().add(f"predict {self.number}", "prediction", self.choice.value)
        self._reveal(self.choice.value)

    def _reveal(self, letter):
        # The button is not disabled: the keyboard's place in the page would be lost with it.
        self.choice.disabled, self.button.description = True, "Committed"
        right = letter == self.entry["answer"]
        verdict = "✓ Right." if right else "✗ Not what will happen."
        border, why = BORDERS["passed" if right else "not yet"], self.entry["why"][letter]
        self.reply.value = HTML.reply(border, verdict, why, self.entry["section"])

    def __repr__(self):
        return f"Your prediction: {self.question} {'; '.join(self.options)}"

    def _repr_mimebundle_(self, **kwargs):
        """Add a form for readers without a kernel: the question and its options, no more."""
        bundle = super()._repr_mimebundle_(**kwargs)
        still = HTML.still(self.question, self.options)
        return bundle | {"text/plain": repr(self), "text/html": still}
