"""Links in sentences: to a section of this notebook, or to another notebook."""

import re

# No other address becomes a link, and nothing else in brackets is one.
LINK = re.compile(r"\[([^\]]+)\]\((#[^)\s]*|[\w.-]+\.ipynb(?:#[^)\s]*)?)\)")


def to_section(heading):
    """A link to the section of that heading, as a notebook names its place."""
    place = heading.replace(" ", "-").replace("(", "%28").replace(")", "%29")
    return f"[“{heading}”](#{place})"


def plain(text):
    """A sentence without its links, for where nothing can be clicked."""
    return LINK.sub(r"\1", text)
