"""Gather what Sphinx reads: lessons, exercises and guides, laid out as in the repository."""

import argparse
import shutil
from pathlib import Path

from docs.site import lite, notebook, pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = (*lite.NOTEBOOKS, "docs/*.md", "docs/*.png", "CONTRIBUTING.md")


def stage(target):
    """Write all pages of the site into the folder `target`, made anew."""
    if ROOT.is_relative_to(target.resolve()):
        raise ValueError(f"target must not hold the course, got {str(target)!r}")
    shutil.rmtree(target, ignore_errors=True)
    for pattern in PAGES:
        for source in sorted(ROOT.glob(pattern)):
            name = source.relative_to(ROOT)
            _copy(source, target / name)
            if source.suffix == ".ipynb":
                _copy(source, target / "downloads" / name)  # as it stands, for who wants to run it
                notebook.make_page(target / name, name)
    pages.write(target)


def _copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def anchor(title):
    """Return the anchor of a heading as JupyterLab makes it, which the lessons' links name."""
    return title.replace(" ", "-")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the folder to write to; all in it is deleted")
    stage(parser.parse_args().target)
