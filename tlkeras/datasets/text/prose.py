"""English prose that every installation has: paragraphs of NumPy's docstrings.

More than 1,000 paragraphs and 150,000 characters; how many exactly depends on the
version of NumPy. Code, tables and headings are left out, and so are repetitions.

Reference:
    The NumPy developers, BSD-3-Clause. Read from the installed package; none of it is
    in this repository.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

PADDING = "\0"  # the character with id 0, which no text contains
SENTENCES = re.compile(r"[A-Za-z][A-Za-z0-9 ,.;:'()`*/-]+\.")
NO_PROSE = (">>>", "--", " : ", "..")


def load_data(
    test_share: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, str]:
    """Shuffle the paragraphs and split them.

    Args:
        test_share: share of the paragraphs that is kept for testing. Defaults to 0.1.
        seed: of the shuffle. Defaults to 0.

    Returns:
        `train, test, alphabet`: two integer arrays `(characters,)`, each a text whose
        paragraphs end with a line feed, and the string of which they are indices.
    """
    every = paragraphs()
    order = np.random.default_rng(seed).permutation(len(every))
    shuffled = [every[i] for i in order]
    alphabet = PADDING + "".join(sorted(set("".join(shuffled)) | {"\n"}))
    cut = round(test_share * len(shuffled))
    test, train = (
        encode("".join(f"{p}\n" for p in part), alphabet)
        for part in (shuffled[:cut], shuffled[cut:])
    )
    return train, test, alphabet


def encode(text: str, alphabet: str) -> np.ndarray:
    """Characters as integers, their places in the alphabet.

    Raises:
        ValueError: a character is not in the alphabet.
    """
    places = {character: place for place, character in enumerate(alphabet)}
    for position, character in enumerate(text):
        if character not in places:
            raise ValueError(
                f"text has {character!r} at position {position}, which is not in the "
                f"alphabet {alphabet!r}: leave it out or replace it."
            )
    return np.array([places[character] for character in text], dtype="int32")


def decode(token_ids: Iterable[int], alphabet: str) -> str:
    """The text that some integers stand for; padding is left out."""
    return "".join(alphabet[i] for i in token_ids).replace(PADDING, "")


def paragraphs() -> list[str]:
    """Each paragraph of prose in NumPy's docstrings once, in the order of its files."""
    found = {
        " ".join(paragraph.split()): None
        for docstring in _docstrings(Path(np.__file__).parent)
        for paragraph in docstring.split("\n\n")
    }
    return [text for text in found if _is_prose(text)]


def _is_prose(text):
    return (
        len(text) > 60
        and SENTENCES.fullmatch(text) is not None
        and not any(mark in text for mark in NO_PROSE)
    )


def _docstrings(folder):
    for path in sorted(folder.rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""
