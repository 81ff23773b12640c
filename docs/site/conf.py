"""How Sphinx builds the website of the course; `build.py` prepares what it reads."""

import os
import re
import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = Path(os.environ["TLKERAS_SITE_PAGES"])
sys.path.insert(0, str(HERE))

from lesson_pages import said  # noqa: E402

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

# The course's own colours; on dark ground lighter ones of the same hue.
COLOURS = {
    "light": {
        "tl-gain": "#00704f",
        "tl-loss": "#b34e00",
        "tl-open": "#5f5f5f",
        "tl-s0": "#0072b2",
        "tl-s1": "#c77f00",
        "tl-s2": "#009e73",
        "tl-s3": "#d55e00",
        "tl-s4": "#b2588c",
        "tl-s5": "#3a97cc",
        "tl-s6": "#6e6e6e",
    },
    "dark": {
        "tl-gain": "#4fd1a5",
        "tl-loss": "#ff9d57",
        "tl-open": "#b5b5b5",
        "tl-s0": "#5cb3ec",
        "tl-s1": "#f0b840",
        "tl-s2": "#4fd1a5",
        "tl-s3": "#ff9d57",
        "tl-s4": "#e3a0c4",
        "tl-s5": "#9ad7f7",
        "tl-s6": "#b5b5b5",
    },
}

html_theme = "furo"
html_title = "tlkeras"
html_static_path = [str(HERE / "static"), str(PAGES / "_own")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_extra_path = [str(PAGES / "_extra")]
exclude_patterns = ["_extra", "_own"]
html_favicon = str(HERE / "static" / "mask.svg")
html_copy_source = False
html_show_sourcelink = False
html_search_scorer = str(HERE / "scorer.js")
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
        **COLOURS["light"],
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4ee",
        "color-brand-content": "#7cc4ee",
        **COLOURS["dark"],
    },
    "navigation_with_keys": False,
    "footer_icons": [],
}


def mend_page(app, pagename, templatename, context, doctree):
    """What the theme leaves open: the level of its headings, a translation's language."""
    tree = (context.get("furo_navigation_tree") or "").replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    if pagename.startswith("lessons/zh/"):
        speak = partial(said, "zh")
        context["language"] = "zh-CN"
        context["prev"] = None  # a page of the reference, as the menu has it
        context["_"] = context["gettext"] = speak
        tree = re.sub(
            r'(<span class="caption-text">)([^<]*)', lambda m: m[1] + speak(m[2]), tree
        )
        context["body"] = re.sub(
            r'(title=")([^"]*)', lambda m: m[1] + speak(m[2]), context["body"]
        )
    if tree:
        context["furo_navigation_tree"] = tree


def setup(app):
    """What no setting of Sphinx says."""
    app.connect("html-page-context", mend_page, priority=900)
