"""Text as rows of integers: vocabularies, masks, and batches of pairs of sentences."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

PADDING, BEGIN, END, UNKNOWN = range(4)
SPECIAL = ("", "[", "]", "?")  # how each of them is shown


def words(text: str) -> list[str]:
    """Runs of letters, and every other sign alone; spaces are left out."""
    return re.findall(r"[^\W\d_]+|\S", text)


def spaced_words(text: str) -> list[str]:
    """Words and signs, each with the space before it, so that nothing is lost."""
    return re.findall(r" ?\w+| ?[^\w\s]|\s", text)


def characters(text: str) -> list[str]:
    """Every character."""
    return list(text)


class Vocabulary:
    """A number for each token, and back.

    0 is padding, 1 begins and 2 ends a sentence, 3 stands for what is not known.

    Args:
        texts: what to learn the tokens from, the most frequent first.
        split: text → list of tokens, such as `words` or `characters`.
        min_count: how often a token must occur. Defaults to 1.
        joint: what stands between tokens when they are put together. Defaults to `""`.

    Example:

    >>> vocabulary = Vocabulary(["3 cats", "3 dogs"], words)
    >>> vocabulary.encode(["3 cats", "5 dogs"]).tolist()
    [[1, 4, 5, 2], [1, 3, 6, 2]]
    >>> vocabulary.decode([[1, 4, 6, 2, 0]])
    ['3dogs']
    """

    def __init__(self, texts, split, min_count=1, joint=""):
        self.split, self.joint = split, joint
        counts = Counter(token for text in texts for token in split(text))
        kept = [token for token, count in counts.most_common() if count >= min_count]
        self.tokens = (*SPECIAL, *kept)
        self.ids = {token: i for i, token in enumerate(kept, start=len(SPECIAL))}

    def __len__(self):
        return len(self.tokens)

    def encode(self, texts: Iterable[str], length: int | None = None) -> np.ndarray:
        """Sentences as integers `(count, length)`, with begin and end, padded with 0.

        Args:
            texts: some texts.
            length: of each row. Defaults to that of the longest.

        Raises:
            ValueError: a text is longer than `length`.
        """
        rows = [[BEGIN, *map(self._id, self.split(text)), END] for text in texts]
        return filled_up(rows, length)

    def decode(self, ids: Any) -> list[str]:
        """Texts from rows of integers: what stands before the end of each."""
        return [self.joint.join(self.shown(row)) for row in np.asarray(ids)]

    def shown(self, row: Any) -> list[str]:
        """The tokens of one row as strings, without begin, end and padding."""
        row = np.asarray(row)
        ends = np.flatnonzero(row == END)
        row = row[: ends[0]] if len(ends) else row
        return [self.tokens[i] for i in row if i not in (PADDING, BEGIN)]

    def _id(self, token):
        return self.ids.get(token, UNKNOWN)


def filled_up(rows: Sequence[Sequence[int]], length: int | None = None) -> np.ndarray:
    """Lists of ids as an array `(count, length)`, padded with 0.

    Args:
        rows: lists of integers, begin and end included.
        length: of each row. Defaults to that of the longest.

    Raises:
        ValueError: a row is longer than `length`.
    """
    longest = max(map(len, rows), default=0)
    length = longest if length is None else length
    if longest > length:
        raise ValueError(
            f"length must be at least {longest}, begin and end included, for the "
            f"longest of these texts; given {length}."
        )
    ids = np.full((len(rows), length), PADDING, dtype="int32")
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = tokens
    return ids


def mask_tokens(
    token_ids: Any,
    mask_id: int,
    vocabulary_size: int,
    special_ids: Iterable[int],
    share: float = 0.15,
    seed: int | np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide tokens that a masked language model is to find again.

    A share of the real tokens of each row is chosen, at least one. Of the chosen, 80 %
    become `[MASK]`, 10 % a token at random and 10 % stay as they are: at the
    chosen places the model never knows whether what it reads is right.

    Args:
        token_ids: integers `(B, T)`.
        mask_id: the id of `[MASK]`.
        vocabulary_size: number of different tokens.
        special_ids: ids that are never chosen, and never put in at random: padding,
            `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`.
        share: of the real tokens that is chosen. Defaults to 0.15.
        seed: a number, or a NumPy generator. Defaults to a new one each time.

    Returns:
        The rows with tokens hidden, integers `(B, T)`, and which places were chosen,
        booleans `(B, T)`: the labels are `token_ids[chosen]`.

    Raises:
        ValueError: `share` is not in (0, 1].

    Example:

    >>> import numpy as np
    >>> rows = np.array([[2, 30, 31, 32, 33, 34, 35, 3, 0, 0]])
    >>> hidden, chosen = mask_tokens(rows, 4, 100, range(5), share=0.5, seed=0)
    >>> int(chosen.sum()), bool((hidden == rows)[~chosen].all())
    (3, True)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 3.1, Task #1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1; given {share!r}.")
    token_ids, rng = np.asarray(token_ids), np.random.default_rng(seed)
    special = np.unique(np.append(np.asarray(list(special_ids), "int64"), mask_id))
    real = ~np.isin(token_ids, special)  # (B, T)
    count = real.sum(axis=1)  # (B,)
    wanted = np.minimum(count, np.maximum(1, np.round(share * count)))
    order = np.where(real, rng.random(token_ids.shape), 2).argsort(axis=1)
    chosen = order.argsort(axis=1) < wanted[:, None]  # the lowest of each row
    kind = rng.random(token_ids.shape)
    others = np.setdiff1d(np.arange(vocabulary_size), special)
    hidden = np.where(chosen & (kind < 0.8), mask_id, token_ids)
    swapped = chosen & (kind >= 0.9)
    hidden[swapped] = rng.choice(others, swapped.sum())
    return hidden.astype(token_ids.dtype), chosen


def chosen_positions(chosen: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the chosen places are, in rows of one length, for `BertMaskedLM`.

    Args:
        chosen: booleans `(B, T)`, as `mask_tokens` gives them.
        count: K, places a row; what is chosen beyond them is left out.

    Returns:
        Positions, integers `(B, K)`, and weights `(B, K)`: 1 where a position was
        chosen, 0 where the row has fewer of them.

    Example:

    >>> import numpy as np
    >>> positions, weights = chosen_positions(np.array([[False, True, False, True]]), 3)
    >>> positions[weights > 0].tolist(), weights.tolist()
    ([1, 3], [[1.0, 1.0, 0.0]])
    """
    positions = np.argsort(~chosen, axis=1, kind="stable")[:, :count]  # chosen first
    weights = np.take_along_axis(chosen, positions, axis=1)
    return positions.astype("int32"), weights.astype("float32")


def by_length(
    source_ids: np.ndarray,
    target_ids: np.ndarray,
    widths: Sequence[int],
    batch_size: int,
    seed: int = 0,
) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Endless batches of sentence pairs of similar length, for `Model.fit`.

    A pair goes to the narrowest width that holds both its sentences, so that there is
    little padding; each width has one shape, which XLA compiles once. The decoder reads
    the target without its last token and is to say it without its first.

    Args:
        source_ids: integers `(count, S)`, padded with 0 on the right.
        target_ids: integers `(count, T)`, likewise.
        widths: lengths of rows, rising; the last holds every sentence.
        batch_size: sentences in a batch.
        seed: of the order. Defaults to 0.

    Yields:
        `{"source_ids": (B, W), "target_ids": (B, W − 1)}` and labels `(B, W − 1)`.

    Raises:
        ValueError: a sentence is longer than the last of `widths`.
    """
    lengths = np.maximum((source_ids != 0).sum(axis=1), (target_ids != 0).sum(axis=1))
    if lengths.max() > widths[-1]:
        raise ValueError(
            f"widths must reach {lengths.max()}, the longest sentence; given {widths}."
        )
    place = np.searchsorted(widths, lengths)  # which width holds each pair
    batches = _batches(source_ids, target_ids, widths, place, batch_size, seed)
    return batches if len(np.unique(place)) == 1 else _two_widths_first(batches)


def _batches(source_ids, target_ids, widths, place, batch_size, seed):
    rng = np.random.default_rng(seed)
    waiting: list[list[int]] = [[] for _ in widths]
    while True:
        for number in rng.permutation(len(place)):
            rows, width = waiting[place[number]], widths[place[number]]
            rows.append(number)
            if len(rows) == batch_size:
                source = _cut(source_ids[rows], width)
                target = _cut(target_ids[rows], width)
                inputs = {"source_ids": source, "target_ids": target[:, :-1]}
                yield inputs, target[:, 1:]
                rows.clear()


def _two_widths_first(batches):
    """Keras learns from the first two batches which axes vary: let them differ."""
    first = [next(batches)]
    while first[-1][1].shape == first[0][1].shape:
        first.append(next(batches))
    yield from (first[0], first[-1], *first[1:-1])
    yield from batches


def _cut(ids, width):
    ids = ids[:, :width]
    return np.pad(ids, ((0, 0), (0, width - ids.shape[1])))
