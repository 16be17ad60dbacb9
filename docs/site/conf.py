"""Sphinx's settings for the course as pages: `make site`."""

import tomllib
from pathlib import Path

SITE = Path(__file__).parent
ABOUT = tomllib.loads((SITE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project, version = "Regularization", ABOUT["version"]
copyright = "2026 The reglib contributors. Code: MIT licence; text and figures: CC BY 4.0"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
highlight_language = "text"  # of a block that names none: commands, mostly
html_theme = "pydata_sphinx_theme"
html_title = "Regularization"
html_static_path = ["static", "vendor"]
html_css_files = ["course.css", "notebook.css"]
html_js_files = ["widgets.js"]
exclude_patterns = ["downloads"]  # the notebooks as they stand: files, no pages
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it would fetch pages, which file:// does not allow
html_context = {"default_mode": "auto"}
html_theme_options = {
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "search_bar_text": "Search the course",
    # Wide tables take the place of the list of headings.
    "secondary_sidebar_items": {"**": ["page-toc"], "docs/effects": [], "course_map": []},
    "show_toc_level": 2,
}
# A reader of the contents needs no list of sections beside it.
html_sidebars = {page: [] for page in ("index", "search", "genindex", "py-modindex")}
html_use_index = html_domain_indices = False

# The reference: plain names, and `name` in a docstring is a link where there is one.
default_role = "py:obj"
add_module_names = False
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = False

# Every script comes from vendor/: nothing is fetched, neither now nor by a reader.
mathjax_path = "tex-mml-svg.js"
nb_ipywidgets_js = {"require.js": {}, "embed-amd.js": {}}
nb_execution_mode = "off"
nb_output_stderr = "show"
myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_heading_slug_func = "docs.site.stage.anchor"
