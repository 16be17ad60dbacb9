"""Gather what Sphinx reads: lessons, exercises and guides, laid out as in the repository."""

import shutil
import sys
from pathlib import Path

from docs.site import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("notebooks/*.ipynb", "exercises/*/*.ipynb", "docs/*.md", "docs/*.png", "CONTRIBUTING.md")


def stage(target):
    """Write all pages of the site into the folder `target`, made anew."""
    shutil.rmtree(target, ignore_errors=True)
    for pattern in PAGES:
        for source in sorted(ROOT.glob(pattern)):
            copy = target / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    pages.write(target)


def anchor(title):
    """Return the anchor of a heading as JupyterLab makes it, which the lessons' links name."""
    return title.replace(" ", "-")


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
