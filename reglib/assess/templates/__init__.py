"""The templates of what the exams show and export, in Jinja2."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape


def environment(*filters):
    """Return the templates of this folder; these functions are their filters, by name.

    In HTML and XML all text is escaped that a template does not call safe.
    """
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html", "xml"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {function.__name__: function for function in filters}
    return found
