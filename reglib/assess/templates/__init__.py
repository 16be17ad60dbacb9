"""The templates of what the exams show and export, in Jinja2."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader


def environment(*filters):
    """Return the templates of this folder; these functions are their filters, by name.

    All text is escaped that a template does not call safe.
    """
    loader = FileSystemLoader(Path(__file__).parent)
    found = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {function.__name__: function for function in filters}
    return found
