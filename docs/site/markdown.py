"""The templates of the pages, and the questions' texts as Markdown."""

import re
from pathlib import Path

from jinja2 import FileSystemLoader

from reglib.assess.course_map import address
from reglib.assess.export import whys
from reglib.assess.questions.judge import key
from reglib.assess.questions.show import options
from reglib.assess.templates import environment


def markdown(text):
    """A question's text in Markdown: `code` and $formulas$ stay, all else is meant literally."""
    pieces = re.split(r"(`[^`]+`|\$[^$]+\$)", text)
    pieces[::2] = [re.sub(r"([\\*_<>\[\]{}#|~])", r"\\\1", piece) for piece in pieces[::2]]
    paragraphs = re.split(r"\n\s*\n", "".join(pieces))
    # A paragraph that begins like an item of a list is none.
    return "\n\n".join(
        re.sub(r"^(\d*)([-+.)])(?=\s)", r"\1\\\2", " ".join(paragraph.split()))
        for paragraph in paragraphs
    )


TEMPLATES = environment(address, key, markdown, options, whys).overlay(
    loader=FileSystemLoader(Path(__file__).with_name("templates"))
)
