"""Keep texts of one split out of another, near copies included."""

import re
from collections import Counter, defaultdict

WORDS = 3  # in a row, of which texts are made when they are compared


def normalized(text):
    """The words of a text in lower case, without signs and digits."""
    return " ".join(re.findall(r"[^\W\d_]+", text.lower()))


def without_copies(texts, others, likeness=0.5):
    """Indices of the texts that are unlike all others.

    Args:
        texts: some texts.
        others: texts that they must not resemble.
        likeness: the share of three-word runs in common (Jaccard) from which on a text
            is left out. Defaults to 0.5.
    """
    where, sizes = defaultdict(list), []
    for number, other in enumerate(others):
        pieces = _pieces(other)
        sizes.append(len(pieces))
        for piece in pieces:
            where[piece].append(number)
    kept = []
    for index, text in enumerate(texts):
        pieces = _pieces(text)
        shared = Counter(number for piece in pieces for number in where.get(piece, ()))
        if not any(
            count >= likeness * (len(pieces) + sizes[number] - count)
            for number, count in shared.items()
        ):
            kept.append(index)
    return kept


def _pieces(text):
    words = normalized(text).split()
    if len(words) < WORDS:
        return {tuple(words)}
    return {tuple(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)}
