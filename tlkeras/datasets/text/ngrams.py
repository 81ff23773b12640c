"""A language model that only counts: n-grams with Kneser and Ney's smoothing."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np


class NGrams:
    """The probability of each token after the few before it, from counts alone.

        p(w | h) = (c(h w) − D) / c(h)  +  (what is left over) · p(w | shorter h)

    Of the longest histories h the counts c are how often; of shorter ones how many
    different tokens stood in front, so that a word that is frequent after one other
    word alone counts once. D is taken off each count, a D for counts of 1, of 2 and of
    more, and what it leaves goes to what the shorter history says. Below all lies the
    uniform distribution: no token has probability 0, and all sum to 1.

    Args:
        texts: lists or arrays of token ids. Each is read after, and ends with, token 0.
        vocabulary_size: V, such that V to the power of `order` is below 2⁶³.
        order: n, tokens in a run, the one that is predicted included. Defaults to 5.

    Raises:
        ValueError: an argument is out of range, there are no texts, or a token id is
            not from 0 to V − 1.

    Example: after 1 came 2 twice and 3 once.

    >>> model = NGrams([[1, 2], [1, 2], [1, 3]], vocabulary_size=4, order=2)
    >>> p = np.exp(model.log_probabilities([1, 2]))
    >>> bool(p[1] > np.exp(model.log_probabilities([1, 3]))[1])
    True

    Reference:
        Chen and Goodman (1999), "An empirical study of smoothing techniques for
        language modeling", Computer Speech and Language 13, section 3: interpolated
        modified Kneser-Ney.
    """

    def __init__(self, texts: Iterable[Any], vocabulary_size: int, order: int = 5):
        for name, value in (("vocabulary_size", vocabulary_size), ("order", order)):
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a positive integer; given {value!r}.")
        self.vocabulary_size, self.order = int(vocabulary_size), int(order)
        if self.vocabulary_size**self.order >= 2**63:
            raise ValueError(
                "vocabulary_size to the power of order must be below 2**63; given "
                f"{vocabulary_size} and {order}."
            )
        runs = [self._keys(text, order) for text in texts]
        if not runs:
            raise ValueError("texts must hold a text at least; there is none to count.")
        keys = np.concatenate(runs)
        keys, counts = np.unique(keys, return_counts=True)
        self._tables = [_Table.of(keys, counts, vocabulary_size)]
        for shorter in range(order - 1, 0, -1):
            keys, counts = np.unique(
                keys % vocabulary_size**shorter, return_counts=True
            )
            self._tables.append(_Table.of(keys, counts, vocabulary_size))
        self._tables.reverse()  # the shortest first

    def log_probabilities(self, text: Any) -> np.ndarray:
        """Natural logarithms of the probability of each token and of the end.

        Args:
            text: T token ids.

        Returns:
            Floats `(T + 1,)`, each given all tokens before it.

        Raises:
            ValueError: a token id is not from 0 to V − 1.
        """
        keys = self._keys(text, self.order)
        p = np.full(len(keys), 1 / self.vocabulary_size)
        for length, table in enumerate(self._tables, 1):
            p = table.smooth(keys % self.vocabulary_size**length, p)
        return np.log(p)

    def next_probabilities(self, history: Any) -> np.ndarray:
        """Of every token, after a history: floats `(V,)` that sum to 1.

        Args:
            history: token ids, of which the last n − 1 matter.

        Raises:
            ValueError: a token id is not from 0 to V − 1.
        """
        size, order = self.vocabulary_size, self.order
        history = [0] * (order - 1) + self._known(history).tolist()
        key = 0
        for token in history[len(history) - order + 1 :]:
            key = key * size + token
        keys = key * size + np.arange(size)
        p = np.full(size, 1 / size)
        for length, table in enumerate(self._tables, 1):
            p = table.smooth(keys % size**length, p)
        return p

    def _keys(self, text, order):
        """Each run of n tokens as one integer, the predicted token its last digit."""
        text = self._known(text)
        padded = np.concatenate([np.zeros(order - 1, np.int64), text, [0]])
        keys = np.zeros(len(text) + 1, np.int64)
        for start in range(order):
            keys = keys * self.vocabulary_size + padded[start : start + len(keys)]
        return keys

    def _known(self, text):
        """Token ids `(T,)`; others would be taken for runs of other tokens."""
        ids = np.asarray(text)
        whole = ids.ndim == 1 and (not ids.size or ids.dtype.kind in "iu")
        if not whole or ((ids < 0) | (ids >= self.vocabulary_size)).any():
            raise ValueError(
                f"A text must be integers (T,) from 0 to {self.vocabulary_size - 1}; "
                f"given {text!r}."
            )
        return ids.astype(np.int64)


class _Table(NamedTuple):
    """Runs of one length with their counts, and what is known of each history."""

    keys: Any  # (R,), sorted
    counts: Any  # (R,)
    histories: Any  # (H,), sorted
    totals: Any  # (H,), the sum of the counts after a history
    left_over: Any  # (H,), what the discounts take off them
    discounts: Any  # (4,), of counts of 0, 1, 2, and 3 or more
    vocabulary_size: int

    @classmethod
    def of(cls, keys, counts, vocabulary_size):
        discounts = _discounts(counts)
        histories, starts = np.unique(keys // vocabulary_size, return_index=True)
        taken = discounts[np.minimum(counts, 3)]
        totals = np.add.reduceat(counts, starts)
        left_over = np.add.reduceat(taken, starts)
        return cls(
            keys, counts, histories, totals, left_over, discounts, vocabulary_size
        )

    def smooth(self, keys, shorter):
        """Probabilities of runs, given those that the shorter history gives."""
        counts = _found(self.keys, self.counts, keys)
        history = keys // self.vocabulary_size
        totals = _found(self.histories, self.totals, history)
        left_over = _found(self.histories, self.left_over, history)
        own = counts - self.discounts[np.minimum(counts, 3)]
        known = totals > 0
        mixed = (own + left_over * shorter) / np.where(known, totals, 1)
        return np.where(known, mixed, shorter)


def _discounts(counts):
    """Chen and Goodman's estimates from how many runs were counted 1, 2, 3, 4 times."""
    n1, n2, n3, n4 = (max(1, int((counts == c).sum())) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    estimates = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    limits = zip(estimates, (1, 2, 3), strict=True)
    return np.array([0.0, *(float(np.clip(d, 0.1, n - 0.05)) for d, n in limits)])


def _found(keys, values, wanted):
    """The value of each wanted key, 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
