"""What a pipeline is given: one text or several, all of them known to be texts."""

import unicodedata
from collections.abc import Iterable
from typing import Any


def texts_of(name: str, given: Any) -> tuple[list[str], bool]:
    """A list of texts, and whether one was given alone.

    Raises:
        ValueError: something is no text; the message says which and what to do.
    """
    if isinstance(given, str):
        return [_text(name, given)], True
    if isinstance(given, bytes | bytearray | dict | set | frozenset):
        raise ValueError(f"{name} {WANTED}; given {_a(given)}. {_remedy(given)}")
    try:
        items = list(given)
    except TypeError as error:  # what has no items, such as None or a number
        raise ValueError(
            f"{name} {WANTED}; given {_a(given)}. {_remedy(given)}"
        ) from error
    return [_text(f"{name}[{n}]", item) for n, item in enumerate(items)], False


WANTED = "must be a text, or a list or another iterable of texts"


def two_of(names: tuple[str, str], first: Any, second: Any) -> tuple[list, list, bool]:
    """Two lists of one length, and whether both were one text.

    One text beside several goes with each of them.

    Raises:
        ValueError: they differ in number, or something is no text.
    """
    left, one = texts_of(names[0], first)
    right, other = texts_of(names[1], second)
    if one and not other:
        left *= len(right)
    if other and not one:
        right *= len(left)
    if len(left) != len(right):
        raise ValueError(
            f"{names[1]} must be one text, or as many as {names[0]}, {len(left)}; "
            f"given {len(right)}."
        )
    return left, right, one and other


def refuse_blank(name: str, texts: Iterable[str], advice: str) -> None:
    """Raise when a text has nothing but spaces."""
    for place, text in enumerate(texts):
        if not text.strip():
            raise ValueError(
                f"{name}[{place}] must hold a word; it is {text!r}. {advice}"
            )


def with_marks(text: str, end: int) -> int:
    """The end of a part of a text, behind the accents of its last letter.

    A tokenizer that takes accents off has no token for those that are characters of
    their own.

    >>> with_marks("cafe\u0301 au lait", 4)
    5
    """
    while text[end : end + 1] and unicodedata.category(text[end])[0] == "M":
        end += 1
    return end


def _text(name, item):
    if not isinstance(item, str):
        raise ValueError(f"{name} must be a text; given {_a(item)}. {_remedy(item)}")
    try:
        item.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be Unicode; it holds half a surrogate pair, at character "
            f"{error.start}. Read it again with its own encoding."
        ) from error
    return str(item)


def _a(item):
    return "None" if item is None else f"one of type {type(item).__name__}"


def _remedy(item):
    if isinstance(item, bytes | bytearray):
        return "Turn bytes into text: given.decode('utf-8')."
    if isinstance(item, dict):
        return "Give the texts in it as a list."
    if isinstance(item, set | frozenset):
        return "A set has no order: give a list."
    if item is None or item != item:  # NaN, a missing value of a table
        return "Leave out what is missing."
    return "Turn it into a text with str(…)."
