"""Showing a question: its text as HTML, its numbered code, the picture of its curves."""

import base64
import io
import re
from html import escape

import numpy as np

from reglib import style


def rich(text, math=lambda formula: f"${escape(formula, quote=False)}$"):
    """Text as HTML: blank lines part paragraphs, `...` is code, and `math` sets each $...$."""

    def piece(part):
        if part.startswith("`"):
            return f"<code>{escape(part[1:-1], quote=False)}</code>"
        if part.startswith("$"):
            return math(part[1:-1])
        return escape(part, quote=False)

    paragraphs = [re.split(r"(`[^`]+`|\$[^$]+\$)", part) for part in re.split(r"\n\s*\n", text)]
    return "".join(f"<p>{''.join(map(piece, parts)).strip()}</p>" for parts in paragraphs)


def options(question):
    """What can be chosen: a letter and its words, or nothing."""
    data = question.data
    return data.get("options") or data.get("items") or data.get("describe") or {}


def code(question):
    """The code that is shown: numbered for a fault, the stub of a code question, or nothing."""
    lines = question.data.get("code", "").strip("\n").split("\n")
    numbered = "\n".join(f"{number:2}  {line}".rstrip() for number, line in enumerate(lines, 1))
    return numbered if "code" in question.data else question.data.get("stub", "").strip("\n")


def embedded(png):
    """The address of a picture that an HTML page carries in itself; without one nothing."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}" if png else ""


def drawn(size, draw, *args):
    """The PNG bytes of a figure of this size, in inches, once `draw(fig, *args)` has filled it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context():
        style.use()
        fig, file = Figure(figsize=size), io.BytesIO()
        draw(fig, *args)
        fig.savefig(file, format="png")
    return file.getvalue()


def picture(question):
    """The panels of a curve question as PNG bytes, or None."""
    if question.kind != "curve":
        return None
    return drawn((2.6 * len(question.data["curves"]), 2.7), _panels, question.data)


def _panels(fig, data):
    x = eval(data["x"], {"np": np})
    axes = fig.subplots(1, len(data["curves"]), sharex=True, sharey=True)
    for ax, (letter, curves) in zip(axes, data["curves"].items(), strict=True):
        for curve, look in zip(curves, (style.TRAIN, style.VALIDATION), strict=False):
            ax.plot(x, eval(curve, {"np": np, "x": x}), **look | {"label": None})
        ax.set_title(letter, fontweight="bold")
    fig.supxlabel(data["xlabel"], fontsize="medium")
    axes[0].set(ylabel=data["ylabel"], ylim=data.get("ylim"))
    if "lines" in data:
        fig.legend(axes[0].lines, data["lines"], loc="outside upper right", ncols=2)
