"""Sentences in other languages, as translators write them: one `.po` file a lesson.

`locale/<language>/<name>.po` lies at the top of a checkout, and inside an installed
package. An entry is found by where it stands (`msgctxt`) and by the English sentence
(`msgid`); one that is empty or marked fuzzy, for the English has changed since, counts
as missing.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
# What has no lesson's name: folders of `messages.en.toml`, and the file they share.
FILES = {
    "grading": "engine",
    "course": "engine",
    "grading/report": "reports",
    "grading/export": "reports",
}


def folder() -> Path:
    """Where the languages lie."""
    installed = PACKAGE / "course" / "locale"  # out of sight where answers run
    return installed if installed.is_dir() else PACKAGE.parent / "locale"


@cache
def languages() -> dict[str, dict[str, Any]]:
    """What `language.toml` says of each language but English.

    `name` is the language's own, `lessons` are those that are whole: a test fails where
    a sentence of them is missing or stale.
    """
    found = sorted(folder().glob("*/language.toml"))
    return {p.parent.name: tomllib.loads(p.read_text("utf-8")) for p in found}


def path_of(language: str, name: str) -> Path:
    """The file of a lesson in a language, or of what is no lesson."""
    return folder() / language / f"{name}.po"


@cache
def known(language: str, name: str) -> dict[tuple[str, str], str]:
    """Context and English to what is said instead; empty where there is no file.

    Args:
        language: as its folder is called.
        name: of a lesson, or a value of FILES.
    """
    path = path_of(language, name)
    if language not in languages() or not path.is_file():
        return {}
    from babel.messages.pofile import read_po

    with open(path, "rb") as file:
        entries = list(read_po(file))
    return {
        (entry.context or "", str(entry.id)): str(entry.string)
        for entry in entries
        if entry.id and entry.string and not entry.fuzzy
    }


def place(messages):
    """The name of the file, and how contexts begin, of a folder of messages.

    Args:
        messages: the folder of a `messages.en.toml`.
    """
    messages = Path(messages).resolve()
    if messages.is_relative_to(PACKAGE):
        room = messages.relative_to(PACKAGE).as_posix()
        if room in FILES:
            return FILES[room], (room,)
    return messages.name, ()


def walk(entry, change, keys=()):
    """A table of messages with each sentence changed.

    Args:
        entry: a table, list or sentence.
        change: from a context and a sentence to another one.
        keys: the path to the entry; joined by `.` it is the context.
    """
    if isinstance(entry, dict):
        return {
            key: each if key == "pattern" else walk(each, change, (*keys, key))
            for key, each in entry.items()
        }
    if isinstance(entry, list):
        return [walk(each, change, keys) for each in entry]
    return change(".".join(keys), entry)
