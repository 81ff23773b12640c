"""Find what a test set shares with what a model was trained on."""

import hashlib
import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import numpy as np

WORDS = 3  # in a row, of which texts are made when they are compared


class Leak(NamedTuple):
    """Two examples of two splits that are (nearly) the same.

    Args:
        left_split: name of the one split.
        left_index: of the example there.
        right_split: name of the other split.
        right_index: of the example there.
        likeness: of the two, at most 1.
    """

    left_split: str
    left_index: int
    right_split: str
    right_index: int
    likeness: float


def find_leaks(splits: dict[str, Any], likeness: float = 0.6) -> list[Leak]:
    """Pairs of examples in different splits that are the same, or nearly so.

    Texts are compared as sets of three words in a row, in lower case and without signs
    and digits; their likeness is the share of those that they have in common (Jaccard).
    Other examples (rows of arrays) are compared byte by byte.

    Args:
        splits: a dictionary of name to a list of texts, or to an array of examples.
        likeness: from which on two texts are nearly the same, above 0 and at most 1.
            Defaults to 0.6.

    Returns:
        A list of `Leak`, at most one for each example of a later split: the most alike
        in an earlier one.

    Raises:
        ValueError: there are fewer than two splits, or `likeness` is out of range.

    Example:

    >>> train = ["Returns the sum of all elements."]
    >>> test = ["returns the sum of all elements", "Draw a line."]
    >>> leaks = find_leaks({"train": train, "test": test})
    >>> [(leak.right_index, leak.likeness) for leak in leaks]
    [(0, 1.0)]

    Reference:
        Lee et al. (2021), arXiv:2107.06499, sections 4 and 6 (near duplicates in
        training data, and in what models are tested on).
    """
    if not isinstance(splits, dict) or len(splits) < 2:
        raise ValueError("splits must be a dictionary of at least two splits.")
    if not 0 < likeness <= 1:
        raise ValueError(f"likeness must be above 0 and at most 1; given {likeness!r}.")
    where: dict = defaultdict(list)  # a piece to the earlier examples that hold it
    seen: list[tuple] = []
    leaks = []
    for name, examples in splits.items():
        parts = [_pieces(example) for example in examples]
        for index, pieces in enumerate(parts):
            best = _most_alike(pieces, where, seen)
            if best and best[0] >= likeness:
                split, place = seen[best[1]][:2]
                leaks.append(Leak(split, place, name, index, best[0]))
        for index, pieces in enumerate(parts):
            for piece in pieces:
                where[piece].append(len(seen))
            seen.append((name, index, len(pieces)))
    return leaks


def _pieces(example):
    if not isinstance(example, str):
        array = np.ascontiguousarray(example)
        return {hashlib.sha256(array.tobytes()).hexdigest()}
    words = re.findall(r"[^\W\d_]+", example.lower())
    if len(words) < WORDS:
        return {" ".join(words)}
    return {tuple(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)}


def _most_alike(pieces, where, seen):
    """The likeness and the number of the earlier example most like some pieces."""
    shared = Counter(number for piece in pieces for number in where.get(piece, ()))
    alike = (
        (count / (len(pieces) + seen[number][2] - count), number)
        for number, count in shared.items()
    )
    return max(alike, default=None)
