"""Transcripts: word and character error rate, and where the errors are."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SAME, SUBSTITUTED, DELETED, INSERTED = "same", "substituted", "deleted", "inserted"


class Edit(NamedTuple):
    """One step from what was said to what was written.

    Args:
        kind: `"same"`, `"substituted"`, `"deleted"` or `"inserted"`.
        reference: the word or character that was said, `None` where one is inserted.
        prediction: that which was written, `None` where one is deleted.
    """

    kind: str
    reference: str | None
    prediction: str | None


class ErrorRate(NamedTuple):
    """How many errors there are, and of which kind.

    Args:
        rate: (substitutions + deletions + insertions) / length. It may exceed 1.
        substitutions: of one word or character by another.
        deletions: of what was said and not written.
        insertions: of what was written and not said.
        hits: of what was said, that which was written.
        length: of all references, in words or characters.
        edits: for each pair of texts its steps, in order.
    """

    rate: float
    substitutions: int
    deletions: int
    insertions: int
    hits: int
    length: int
    edits: list[list[Edit]]


def word_error_rate(predictions: Sequence[str], references: Sequence[str]) -> ErrorRate:
    """The share of words that a transcript gets wrong, over all texts together.

        WER = (substitutions + deletions + insertions) / words that were said

    The fewest such steps from a reference to its prediction count. Errors of all texts
    are added and divided by all their words: the mean of the rates of single texts,
    which is another number, would give short ones too much weight.

    Words are what stands between spaces, and case and punctuation count. Change both
    texts before, where they should not: `plain` does.

    Args:
        predictions: what was written.
        references: what was said, as many. Single ones may be empty: whatever was
            written there is inserted.

    Returns:
        An `ErrorRate`.

    Raises:
        ValueError: the numbers of texts differ, something is no text, or nothing was
            said at all, so that there is nothing to divide by.

    Example: one word is another, one is missing.

    >>> found = word_error_rate(["three nine one"], ["three five one two"])
    >>> found.rate, found.substitutions, found.deletions, found.insertions
    (0.5, 1, 1, 0)

    Reference:
        Morris et al. (2004), "From WER and RIL to MER and WIL", section 2.
    """
    return _error_rate(predictions, references, str.split, "words")


def character_error_rate(
    predictions: Sequence[str], references: Sequence[str]
) -> ErrorRate:
    """`word_error_rate` of characters, for scripts without words or for names.

    Spaces count as characters.

    Args:
        predictions: what was written.
        references: what was said, as many.

    Returns:
        An `ErrorRate`.

    Raises:
        ValueError: as of `word_error_rate`.

    Example:

    >>> character_error_rate(["thre"], ["three"]).rate
    0.2
    """
    return _error_rate(predictions, references, _characters, "characters")


def plain(text: str) -> str:
    """A text in small letters, without punctuation, and with single spaces.

    An apostrophe inside of a word and a hyphen that joins two stay.

    Args:
        text: any.

    Returns:
        The text.

    Example:

    >>> plain("It's  twenty-six, “he” said – twice.")
    "it's twenty-six he said twice"
    """
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    inside = [
        sign if _stays(sign, text[n - 1 : n], text[n + 1 : n + 2]) else " "
        for n, sign in enumerate(text)
    ]
    return " ".join("".join(inside).split())


def _stays(sign, before, after):
    if sign in "'-":
        return before.isalnum() and after.isalnum()
    return unicodedata.category(sign)[0] not in "PSZC"


def _error_rate(predictions, references, split, what):
    for name, texts in (("predictions", predictions), ("references", references)):
        if isinstance(texts, str) or not all(isinstance(x, str) for x in texts):
            raise ValueError(f"{name} must be a list of texts; given {texts!r:.80}.")
    if len(predictions) != len(references):
        raise ValueError(
            "predictions and references must be equally many; given "
            f"{len(predictions)} and {len(references)}."
        )
    pairs = zip(predictions, references, strict=True)
    edits = [_steps(split(given), split(said)) for given, said in pairs]
    kinds = [edit.kind for steps in edits for edit in steps]
    count = {kind: kinds.count(kind) for kind in (SAME, SUBSTITUTED, DELETED, INSERTED)}
    length = len(kinds) - count[INSERTED]
    if not length:
        raise ValueError(
            f"references must have {what}, as errors are counted for each of them; "
            f"given {len(references)} texts without any."
        )
    return ErrorRate(
        (len(kinds) - count[SAME]) / length,
        count[SUBSTITUTED],
        count[DELETED],
        count[INSERTED],
        count[SAME],
        length,
        edits,
    )


def _characters(text):
    return list(text.strip())


def _steps(given, said):
    """The fewest edits from `said` to `given`, in order.

    Of several ways that are equally short it is that of the packages rapidfuzz and
    jiwer: what is alike at both ends stays; then, from behind, deletions come first.
    """
    before = _alike(given, said)
    given, said, start = given[before:], said[before:], said[:before]
    after = _alike(given[::-1], said[::-1])
    end = said[len(said) - after :]
    given, said = given[: len(given) - after], said[: len(said) - after]
    cost = _costs(given, said)
    steps, row, column = [], len(said), len(given)
    while row and column:
        if cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
            steps.append(Edit(DELETED, said[row], None))
        elif cost[row, column - 1] == cost[row - 1, column - 1] - 1:
            column -= 1
            steps.append(Edit(INSERTED, None, given[column]))
        else:
            row, column = row - 1, column - 1
            kind = SAME if said[row] == given[column] else SUBSTITUTED
            steps.append(Edit(kind, said[row], given[column]))
    first = [Edit(SAME, x, x) for x in start]
    first += [Edit(DELETED, x, None) for x in said[:row]]
    first += [Edit(INSERTED, None, x) for x in given[:column]]
    return [*first, *steps[::-1], *(Edit(SAME, x, x) for x in end)]


def _alike(given, said):
    """How many tokens are the same from the beginning on."""
    pairs = zip(given, said, strict=False)
    differ = (n for n, (one, other) in enumerate(pairs) if one != other)
    return next(differ, min(len(given), len(said)))


def _costs(given, said):
    """The fewest steps from the first r of `said` to the first c of `given`."""
    cost = np.zeros((len(said) + 1, len(given) + 1), "int64")
    cost[:, 0], cost[0] = np.arange(len(said) + 1), np.arange(len(given) + 1)
    places = np.arange(len(given) + 1)
    for row, token in enumerate(said, start=1):
        same = np.array([token == other for other in given], bool)
        cost[row, 1:] = np.minimum(
            cost[row - 1, 1:] + 1, cost[row - 1, :-1] + np.where(same, 0, 1)
        )
        # An insertion costs 1 more than its left neighbour, again and again.
        cost[row] = np.minimum.accumulate(cost[row] - places) + places
    return cost
