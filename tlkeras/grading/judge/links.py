"""Links in sentences: to a section of this notebook, or to another notebook."""

import re
from html import escape

# No other address becomes a link, and nothing else in brackets is one.
LINK = re.compile(r"\[([^\]]+)\]\((#[^)\s]*|[\w.-]+\.ipynb(?:#[^)\s]*)?)\)")


def to_section(heading, english=None):
    """A link to the section of that heading, as a notebook names its place.

    Args:
        heading: as the notebook has it.
        english: what it is in English. Defaults to `None`: the same.
    """
    same = english is None or english == heading
    place = heading.replace(" ", "-") if same else anchor(english)
    place = place.replace("(", "%28").replace(")", "%29")
    return f"[“{heading}”](#{place})"


def anchor(english):
    """The place of a heading in every language: JupyterLab finds only ASCII."""
    return re.sub(r"[^!-~]", "", english.replace(" ", "-"))


def anchored(text, english):
    """Markdown of a heading in another language, with its place before it."""
    return f'<div id="{escape(anchor(english))}"></div>\n\n{text}'


def plain(text):
    """A sentence without its links, for where nothing can be clicked."""
    return LINK.sub(r"\1", text)
