"""Write the pages that do not stand in the repository as they are: home, questions, reference."""

import re
from functools import partial
from pathlib import Path

from docs.site import bank, reference
from docs.site.markdown import TEMPLATES
from reglib import style
from reglib.assess.course_map import CourseMap
from reglib.assess.questions.show import drawn

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("index", "lessons", "exercises", "course_map", "teaching", "measured")


def write(target):
    """Write into the folder `target` every page whose text is in `templates/`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    gains = effects(section(readme, "How much it helps"))
    said = {
        "section": partial(section, readme),
        "course_map": CourseMap("notebooks/")._repr_markdown_(),
        "gains": gains,
        "lessons": lessons(section(readme, "The notebooks")),
        "tasks": tasks(section(readme, "Practising")),
        "topics": bank.topics(),
    }
    found = {f"{page}.md": TEMPLATES.get_template(f"{page}.md").render(said) for page in PAGES}
    found |= {"effects.png": drawn((6.4, 4.4), _bars, gains)} | bank.pages() | reference.pages()
    for name, content in found.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def section(readme, heading):
    """The text below a heading of the README."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.M | re.S)
    if not found:
        raise ValueError(f"heading must be one of README.md, got {heading!r}")
    return found[1].strip()


def lessons(text):
    """The lessons of the README's table: number, title, address, minutes, covers."""
    return re.findall(r"^\| \[(\d\d) (.+?)\]\((.+?)\) \| (\d+) \| (.+) \|$", text, re.M)


def tasks(text):
    """How many tasks the README's table of exercises counts."""
    return sum(map(int, re.findall(r"^\| \[.+?\) \| (\d+), about", text, re.M)))


def effects(text):
    """What each technique gained where labels are wrong: accuracy by name, from the README."""
    found = re.findall(r"^\| ([^|]+) \| ([-+]0\.\d+) \|", text, re.M)
    return {name: float(gain) for name, gain in found}


def _bars(fig, gains):
    ax = fig.subplots()
    bars = ax.barh(list(gains)[::-1], list(gains.values())[::-1], color=style.BLUE)
    ax.bar_label(bars, fmt="%+.3f", padding=4, fontsize="small")
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set(xticks=[], xlim=(0, 1.15 * max(gains.values())))
    ax.grid(False)
