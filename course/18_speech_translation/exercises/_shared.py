"""What several exercises of this lesson use."""

import numpy as np

PAD, END, TAG = 0, 1, 2  # a row is the tag, characters, the end, padding


def written_rows(rng, lengths, vocabulary, room=None):
    """Rows of tokens: tag, so many characters, end, padding: integers `(B, T)`.

    Args:
        rng: a generator of random numbers.
        lengths: characters of each row.
        vocabulary: V; characters are numbered from 3.
        room: T. Defaults to that of the longest row.
    """
    rows = np.full((len(lengths), room or max(lengths) + 2), PAD)
    for row, length in zip(rows, lengths, strict=True):
        row[0], row[length + 1] = TAG, END
        row[1 : length + 1] = rng.integers(3, vocabulary, length)
    return rows


def log_softmax(x):
    """Over the last axis."""
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
