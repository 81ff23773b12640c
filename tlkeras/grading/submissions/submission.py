"""Files that anybody may have handed in: finding and reading them without harm."""

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from tlkeras.grading.messages import say
from tlkeras.grading.notebooks.notebook import refuse

LARGEST = 128 << 20  # bytes; notebooks are large because of their pictures


@dataclass(frozen=True)
class Submission:
    """A file to grade.

    Args:
        name: printable, and unique in its batch; with `/` where it lies in a folder.
        path: where the file is, whatever the working folder.
    """

    name: str
    path: Path


def find(places, taken=lambda name, path: False):
    """All notebooks in some files and folders, in order; links are not followed.

    A folder that cannot be listed counts as a submission, which cannot be read.

    Args:
        places: paths. A file counts whatever it is called.
        taken: from a name and a path to whether the file may not have that name.
            Defaults to never.

    Raises:
        NotebookError: a place does not exist, or there is no notebook at all.
    """
    found: dict[str, Submission] = {}
    for place in map(Path, places):
        if not os.path.lexists(place):
            raise refuse("missing", place)
        for path, name in _notebooks(Path(os.path.abspath(place))):
            name = _unused(printable(name), path, found, taken)
            found[name] = Submission(name, path)
    if not found:
        raise refuse("none", files=", ".join(map(str, places)))
    return list(found.values())


def _notebooks(place):
    if place.is_symlink() or not place.is_dir():
        yield place, place.stem
        return
    unlisted: list[OSError] = []
    for folder, folders, files in os.walk(place, onerror=unlisted.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(files):
            path = Path(folder, file)
            if path.suffix.lower() == ".ipynb" and not file.startswith("."):
                yield path, str(path.relative_to(place).with_suffix(""))
    for error in unlisted:
        path = Path(error.filename)
        yield path, str(path.relative_to(place))


def printable(name):
    r"""A name as text, and no two names as one.

    `\xfc` stands for a byte that is not UTF-8, `\n` for the end of a line, and `\\`
    for `\`.
    """
    return "".join(map(_shown, name))


def _shown(character):
    if "\udc80" <= character <= "\udcff":  # how Python holds such a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isprintable() and character != "\\":
        return character
    return character.encode("unicode_escape").decode()


def _unused(name, path, found, taken):
    number, free = 2, name
    while free in found or taken(free, path):
        free, number = f"{name}-{number}", number + 1
    return free


def read(path, largest=LARGEST):
    """The bytes of an ordinary file.

    Raises:
        NotebookError: it is none, or too large; the message says which.
    """
    try:
        # Neither links nor pipes: what is opened is what was handed in, and at once.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        link = error.errno == errno.ELOOP
        reason = say("file", "link") if link else error.strerror
        raise refuse("unreadable", reason=reason) from None
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        os.close(file)
        raise refuse("unreadable", reason=say("file", "not_ordinary"))
    with open(file, "rb", buffering=0) as opened:
        if status.st_size > largest:
            size, most = (f"{each / 2**20:.0f}" for each in (status.st_size, largest))
            raise refuse("too_large", size=size, most=most)
        content = bytearray()
        while piece := opened.read(min(1 << 20, largest + 1 - len(content))):
            content += piece
        if len(content) > largest:
            raise refuse("grew")
        return bytes(content)


def fingerprint(content):
    """SHA-256 of the bytes."""
    return hashlib.sha256(content).hexdigest()
