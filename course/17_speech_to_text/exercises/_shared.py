"""What several exercises of this lesson use."""

import numpy as np

LIBRARY = ("tlkeras.ctc", "tensorflow.nn.ctc_loss", "keras.ops.ctc_loss")
DECODERS = ("tensorflow.nn.ctc_beam_search_decoder", "keras.ops.ctc_decode")
BLANK = 0
NEVER = -np.inf  # the logarithm of 0


def log_probabilities(rng, tokens, labels, text=(), sure=0.0, scale=1.0):
    """float32 `(T, C)`; a text that is laid evenly along the tokens is likelier.

    Args:
        rng: a generator of random numbers.
        tokens: T.
        labels: C, the blank among them.
        text: symbols that are made likelier, blanks too.
        sure: how much is added to their logits.
        scale: of the random logits.
    """
    logits = scale * rng.normal(size=(tokens, labels))
    if len(text):
        places = np.arange(tokens) * len(text) // tokens
        logits[np.arange(tokens), np.asarray(text)[places]] += sure
    logits -= np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return logits.astype(np.float32)


# ── the row of a text with its blanks ─────────────────────────────────────────────────


def with_blanks(labels):
    """A blank before, between and behind the labels: (S,)."""
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels
    return row


def without_blanks(labels):
    """The labels alone (wrong)."""
    return np.array(labels, int) if len(labels) else np.zeros(1, int)


def first_two(row):
    """A path begins with the blank or with the first label."""
    return np.arange(len(row)) < 2


def first_one(row):
    """A path begins with the first of the row (wrong)."""
    return np.arange(len(row)) < 1


def anywhere(row):
    """A path begins anywhere (wrong)."""
    return np.ones(len(row), bool)


def between_others(row):
    """Where a blank may be skipped: before a label that is not the one before."""
    skip = np.zeros(len(row), bool)
    skip[2:] = (row[2:] != BLANK) & (row[2:] != row[:-2])
    return skip


def between_all(row):
    """Blanks between equal labels may be skipped too (wrong)."""
    skip = np.zeros(len(row), bool)
    skip[2:] = row[2:] != BLANK
    return skip


def labels_too(row):
    """Labels may be skipped as blanks are (wrong)."""
    skip = between_others(row)
    skip[2:] |= row[2:] == BLANK
    return skip


def nowhere(row):
    """No blank may be skipped (wrong)."""
    return np.zeros(len(row), bool)


def moved(x, places):
    """What stood some places before: (S,)."""
    return np.concatenate([np.full(places, NEVER), x])[: len(x)]


def arrivals(x, skip):
    """Who stays, who comes from one place before and who from two: (3, S)."""
    return np.stack([x, moved(x, 1), np.where(skip, moved(x, 2), NEVER)])
