"""Text that came with a submission, made harmless to read, to file and to count."""

import hashlib
import re
import unicodedata

from tlkeras.grading.submissions.result import RESERVED

# What a name may hold to mislead a reader or a program: half a surrogate pair (from a
# file name that is not UTF-8), control characters, and marks that turn text around.
HARMFUL = re.compile(
    "[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]"
)
STEM = 48  # characters: at most 192 bytes; names of files, and of drafts, have 255


def clean(text):
    """The text with a sign (U+FFFD) in place of each harmful character."""
    lines = str(text).replace("\r\n", "\n").replace("\r", "\n")
    return HARMFUL.sub("\ufffd", lines)


def one_line(text, limit=None):
    """The text on one line, cut short with an ellipsis at `limit` characters."""
    line = " ".join(clean(text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


class FileNames:
    """Names of files for names of submissions, whatever those hold: no two alike."""

    def __init__(self):
        self._taken = set()

    def of(self, name):
        """A file name without its ending, the same each time for one sequence."""
        line = unicodedata.normalize("NFC", one_line(name))
        stem = re.sub(r"[^\w.-]+", "-", line)[:STEM].strip(".-")
        usual = stem and stem == name and not RESERVED.match(stem)
        if not usual or stem.casefold() in self._taken:
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
            stem = f"{stem or 'submission'}-{digest[:8]}"
        number, found = 1, stem
        while found.casefold() in self._taken:  # the same name once more
            number += 1
            found = f"{stem}-{number}"
        self._taken.add(found.casefold())
        return found


def number(value):
    """A number of points, short: 3, 4.5, 0.67."""
    return f"{round(value, 2):g}"
