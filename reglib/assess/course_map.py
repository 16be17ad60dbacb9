"""The course map: each item that the course promises, and where it is taught, tested, examined."""

import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

from reglib.assess.questions import bank
from reglib.assess.templates import environment


@cache
def items():
    """All items by name; `course_map.toml` says what each holds."""
    file = Path(__file__).with_name("course_map.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def address(section, folder=""):
    """The address of a lesson's section, as JupyterLab finds it."""
    notebook, heading = section
    return f"{folder}{notebook}.ipynb#{heading.replace('`', '').replace(' ', '-')}"


def codes(names):
    """Names of code in Markdown."""
    return ", ".join(f"`{name}`" for name in names)


class CourseMap:
    """The map as one Markdown table a group; `folder` leads to the lessons."""

    def __init__(self, folder=""):
        self.folder = folder
        self.questions = Counter(item for question in bank().values() for item in question.covers)

    def __repr__(self):
        return f"The course map: {len(items())} items."

    def _repr_markdown_(self):
        page = environment(address, codes).get_template("course_map.md")
        return page.render(items=items(), folder=self.folder, questions=self.questions).strip()


def in_readme(text):
    """The README with the map in its place; ValueError when its marks are missing."""
    return between(text, "course map", CourseMap("notebooks/")._repr_markdown_())


def between(text, name, inner):
    """The README with other text between the two comments that carry the name."""
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    if not (begin and end):
        raise ValueError(f"README.md must have the comments {name} and end of {name}")
    return f"{before}{begin}{inner}\n{end}{after}"


def refresh_readme(root, check=False):
    """Bring the README's map up to date, or with `check` only say that it is behind."""
    file = root / "README.md"
    before = file.read_text(encoding="utf-8")
    after = in_readme(before)
    if not check:
        file.write_text(after, encoding="utf-8", newline="\n")
    return ["README.md: the course map is behind"] * (check and before != after)
