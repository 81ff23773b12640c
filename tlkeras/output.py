"""Text for a standard output that is not UTF-8, as on Windows behind a `>`."""

import codecs
import sys
import unicodedata

# What the characters that tlkeras prints are written as where they do not exist.
PLAIN = {
    "✓": "+",
    "✗": "x",
    "○": "o",
    "●": "*",
    "−": "-",
    "–": "-",
    "—": "-",
    "‑": "-",
    "…": "...",
    "·": "*",
    "×": "x",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "≠": "!=",
    "±": "+/-",
    "√": "sqrt",
    "∞": "inf",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "•": "*",
    "█": "#",
    "━": "-",
    "╸": "-",
    "╺": "-",
    "\ufffd": "?",
}
NAME = "tlkeras-plain"


def make_printable():
    """Let standard output and error write any text, in plainer characters if needed."""
    codecs.register_error(NAME, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=NAME)


def is_unicode():
    """Whether standard output can write every character."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def _plainly(error):
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_plain(character, error.encoding) for character in text), error.end


def _plain(character, encoding):
    for plain in (PLAIN.get(character, ""), _without_accents(character)):
        try:
            if plain and plain.encode(encoding):
                return plain
        except UnicodeEncodeError:
            continue
    return "?"


def _without_accents(character):
    """`é` as `e`, `²` as `2`, `ﬁ` as `fi`; empty if nothing is left."""
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))
