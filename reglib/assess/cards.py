"""A card: one short message, as accessible HTML and as plain text."""

import re
from dataclasses import dataclass
from html import escape

from reglib.assess.templates import environment

# The colour only repeats what the heading says: all text keeps the colours of the reader's theme,
# and each border reaches a contrast of 3:1 on white and on JupyterLab's dark background.
BORDERS = {"passed": "#2e8b57", "not yet": "#c75d00", "not attempted": "#767676", "note": "#3b7dc4"}


@dataclass(frozen=True)
class Card:
    """One message: a heading, sentences, rows of label and value, and perhaps a piece of code.

    Text between backquotes is shown as code. The card of a check depends on the answer alone, not
    on the time or on earlier tries, so that a stored notebook can be compared with a fresh run.
    """

    kind: str
    heading: str
    sentences: tuple = ()
    rows: tuple = ()
    code: str = ""

    def __repr__(self):
        lines = [f"{self.heading}", *self.sentences]
        for label, value in self.rows:
            lines.append(f"  {label}: " + str(value).replace("\n", "\n" + " " * (len(label) + 4)))
        return "\n".join(lines + [self.code] * bool(self.code))

    def _repr_html_(self):
        page = TEMPLATES.get_template("card.html")
        return page.render(card=self, border=BORDERS[self.kind], to_pre=to_pre)


class NotPassed(Exception):
    """The task has not been passed; the exception shows as one line below its card."""

    def __init__(self, card):
        super().__init__(repr(card))
        self.card = card

    def _render_traceback_(self):
        return [f"{self.card.heading.partition(',')[0]}. The card above says why."]


def to_html(text):
    """Escape `text`, and show what stands between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def to_pre(text):
    """Show `text` as it stands, in a font of fixed width."""
    return TEMPLATES.get_template("pre.html").render(text=text)


def table(rows, head=(), caption="", value=to_html):
    """Rows as an HTML table: a label first, then values, each made HTML by `value`."""
    page = TEMPLATES.get_template("table.html")
    return page.render(rows=rows, head=head, caption=caption, value=value)


TEMPLATES = environment(escape, table, to_html, to_pre)


def shell():
    """The running IPython, which shows rich output, or None."""
    import sys

    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def show(card):
    """Display `card` under the running cell, or print its text where there is no notebook."""
    if shell():
        from IPython.display import display

        display(card)
    else:
        print(card)
