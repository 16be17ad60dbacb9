"""A card: one short message, as accessible HTML and as plain text."""

import re
from dataclasses import dataclass
from html import escape

# The colour only repeats what the heading says: all text keeps the colours of the reader's theme,
# and each border reaches a contrast of 3:1 on white and on JupyterLab's dark background.
BORDERS = {"passed": "#2e8b57", "not yet": "#c75d00", "not attempted": "#767676", "note": "#3b7dc4"}
TABLE = "border-collapse:collapse;margin:.3em 0;font-size:inherit"
CELL = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0;border:0;background:none"
PRE = (
    "margin:0;padding:0;color:inherit;background:none;white-space:pre-wrap;font-size:.93em;"
    "word-break:normal;overflow-wrap:anywhere;"  # JupyterLab breaks inside words otherwise
    "font-family:var(--jp-code-font-family,monospace)"
)


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
        parts = [
            '<div role="status" style="border-left:.35em solid '
            f'{BORDERS[self.kind]};padding:.1em 1em;margin:.4em 0;max-width:60em">',
            '<p role="heading" aria-level="4" style="font-weight:600;margin:.4em 0">'
            f"{to_html(self.heading)}</p>",
            *(f'<p style="margin:.4em 0">{to_html(sentence)}</p>' for sentence in self.sentences),
            table(self.rows, value=to_pre) if self.rows else "",
            to_pre(self.code) if self.code else "",
            "</div>",
        ]
        return "\n".join(part for part in parts if part)


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
    return f'<pre style="{PRE}">{escape(text)}</pre>'


def table(rows, head=(), caption="", value=to_html):
    """Rows as an HTML table: a label first, then values, each made HTML by `value`."""
    cells = [
        f'<th scope="row" style="{CELL}">{to_html(label)}</th>'
        + "".join(f'<td style="{CELL}">{value(text)}</td>' for text in values)
        for label, *values in rows
    ]
    top = "".join(f'<th scope="col" style="{CELL}">{to_html(name)}</th>' for name in head)
    lines = [top] * bool(top) + cells
    body = "".join(f'<tr style="background:none">{line}</tr>' for line in lines)
    title = f'<caption style="text-align:left">{to_html(caption)}</caption>' if caption else ""
    return f'<table style="{TABLE}">{title}{body}</table>'


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
