"""Pieces of words: again and again the most frequent pair of neighbours is joined."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tlkeras.datasets.text.sequences import END, filled_up

Pair = tuple[int, int]


def pretokens(text: str) -> list[str]:
    """Words with the space before them, single digits, and signs: no pair crosses them.

    >>> pretokens("12 km away")
    ['1', '2', ' km', ' away']
    """
    return re.findall(r" ?[^\W\d_]+|\d| ?[^\w\s]|\s|_", text)


def learn_merges(words: Iterable[str], count: int) -> list[Pair]:
    """Find the pairs to join, byte-pair encoding (BPE).

    A word begins as its UTF-8 bytes, the numbers 0 to 255. Again and again the pair of
    neighbours that is most frequent in all words becomes a new piece, 256, 257, …; of
    equally frequent pairs the smaller one.

    Args:
        words: of a text, as often as they occur.
        count: how many pairs to join, at most.

    Returns:
        Pairs of pieces, in the order in which they were joined.

    Reference:
        Sennrich, Haddow and Birch (2015), arXiv:1508.07909, section 3.2.
    """
    counts = Counter(tuple(word.encode()) for word in words)
    merges: list[Pair] = []
    while len(merges) < count:
        pairs: Counter[Pair] = Counter()
        for word, times in counts.items():
            for pair in pairwise(word):
                pairs[pair] += times
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        piece = 256 + len(merges)
        merges.append(best)
        counts = Counter({join(w, best, piece): n for w, n in counts.items()})
    return merges


def join(word: Sequence[int], pair: Pair, piece: int) -> tuple[int, ...]:
    """A word in which a pair of neighbours has become one piece, from left to right.

    >>> join((5, 5, 5, 6), (5, 5), 256)
    (256, 5, 6)
    """
    joined: list[int] = []
    for number in word:
        joined.append(number)
        # a piece that was just made is never its own left half: it is a new number
        if len(joined) > 1 and (joined[-2], joined[-1]) == pair:
            joined[-2:] = [piece]
    return tuple(joined)


class BytePairs:
    """A vocabulary of bytes and of joined bytes, with some tokens of its own.

    0 is padding, 1 begins and 2 ends a sentence, then come `specials`, the 256 bytes,
    and a piece for each merge. Every text can be written: no token is unknown.

    Args:
        merges: pairs of pieces, as `learn_merges` gives them.
        specials: names of tokens that no text contains, such as `"<de>"`.

    Example:

    >>> pieces = BytePairs(learn_merges(["low", " low", " lower"], 2), ["<de>"])
    >>> pieces.shown(pieces.encode([" lowest"])[0])
    [' ', 'low', 'e', 's', 't']
    >>> pieces.decode(pieces.encode(["år 7"], begin="<de>"))
    ['år 7']
    """

    def __init__(self, merges: Sequence[Pair], specials: Sequence[str] = ()):
        self.merges = [(int(a), int(b)) for a, b in merges]
        self.specials = ("", "[", "]", *specials)
        pieces = [bytes([number]) for number in range(256)]
        for left, right in self.merges:
            pieces.append(pieces[left] + pieces[right])
        self.tokens: tuple[str | bytes, ...] = (*self.specials, *pieces)
        self._cuts: dict[str, list[int]] = {}

    def __len__(self):
        return len(self.tokens)

    def cut(self, word: str) -> list[int]:
        """The token ids of one word: each merge in turn, as they were learned."""
        if word not in self._cuts:
            pieces = tuple(word.encode())
            for number, pair in enumerate(self.merges):
                if len(pieces) > 1:
                    pieces = join(pieces, pair, 256 + number)
            self._cuts[word] = [piece + len(self.specials) for piece in pieces]
        return self._cuts[word]

    def encode(
        self, texts: Iterable[str], length: int | None = None, begin: str = "["
    ) -> np.ndarray:
        """Texts as integers `(count, length)`, with begin and end, padded with 0.

        Args:
            texts: some texts.
            length: of each row. Defaults to that of the longest.
            begin: the special token that begins each text. Defaults to `"["`.

        Raises:
            ValueError: a text is longer than `length`, or `begin` is no special token.
        """
        if begin not in self.specials:
            raise ValueError(
                f"begin must be one of {self.specials[1:]}; given {begin!r}."
            )
        first = self.specials.index(begin)
        rows = [
            [first, *(i for word in pretokens(text) for i in self.cut(word)), END]
            for text in texts
        ]
        return filled_up(rows, length)

    def decode(self, ids: Any) -> list[str]:
        """Texts from rows of integers: what stands before the end of each."""
        return [
            b"".join(self._pieces(row)).decode("utf-8", "replace")
            for row in np.asarray(ids)
        ]

    def shown(self, row: Any) -> list[str]:
        """The pieces of one row as strings, without special tokens."""
        return [piece.decode("utf-8", "replace") for piece in self._pieces(row)]

    def _pieces(self, row):
        row = np.asarray(row)
        ends = np.flatnonzero(row == END)
        row = row[: ends[0]] if len(ends) else row
        return [self.tokens[i] for i in row if i >= len(self.specials)]
