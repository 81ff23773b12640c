"""How Sphinx builds the website of the course; `build.py` prepares what it reads."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = Path(os.environ["TLKERAS_SITE_PAGES"])
sys.path.insert(0, str(HERE))

import tlkeras  # noqa: E402

project = "tlkeras"
author = "The tlkeras authors"
copyright = "The tlkeras authors. Code: Apache-2.0, text and figures: CC BY 4.0"
release = version = tlkeras.__version__
language = "en"

extensions = ["myst_nb", "sphinx.ext.intersphinx", "maths"]
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
nb_execution_mode = "off"  # `solve.py` has run them
nb_ipywidgets_js: dict = {}  # no script from elsewhere
nb_merge_streams = True
nb_code_prompt_show = "The code"
nb_code_prompt_hide = "The code"
# Code with … in it is marked up all the same.
suppress_warnings = ["mystnb.unknown_mime_type", "misc.highlighting_failure"]
highlight_language = "text"

# Kept in the repository, so that a build asks nobody: see inventories/make.py.
intersphinx_mapping = {
    "keras": (
        "https://www.tensorflow.org/api_docs/python/tf/",
        str(HERE / "inventories" / "keras.inv"),
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        str(HERE / "inventories" / "numpy.inv"),
    ),
}

html_theme = "furo"
html_title = "tlkeras"
html_static_path = [str(HERE / "static"), str(PAGES / "_own")]
templates_path = [str(HERE / "templates")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_extra_path = [str(PAGES / "_extra")]
exclude_patterns = ["_extra", "_own"]
html_copy_source = False
html_show_sourcelink = False
html_search_scorer = str(HERE / "static" / "scorer.js")
toc_object_entries = False
python_use_unqualified_type_names = True
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#00588a",
        "color-brand-content": "#00588a",
        "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, "
        "'DejaVu Sans Mono', monospace",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4ee",
        "color-brand-content": "#7cc4ee",
    },
    "navigation_with_keys": False,
    "footer_icons": [],
}
