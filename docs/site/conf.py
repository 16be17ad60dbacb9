"""Sphinx's settings for the course as pages: `make site`."""

import tomllib
from pathlib import Path

SITE = Path(__file__).parent
ABOUT = tomllib.loads((SITE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project, version = "Regularization", ABOUT["version"]
copyright = "2026 The reglib contributors"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
html_theme = "pydata_sphinx_theme"
html_title = "Regularization"
html_static_path = ["static", "vendor"]
html_css_files = ["course.css"]
html_copy_source = html_show_sourcelink = False

# Every script comes from vendor/: nothing is fetched, neither now nor by a reader.
mathjax_path = "tex-mml-svg.js"
nb_ipywidgets_js = {"require.js": {}, "embed-amd.js": {}}
nb_execution_mode = "off"
nb_output_stderr = "show"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "docs.site.stage.anchor"
