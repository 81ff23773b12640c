"""What each of K finished translations scores: log P over a penalty of its length."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

END = 2


def up_to_the_end(tokens):
    """Which of the tokens count: all up to the first end, which counts too."""
    ended = np.cumsum(tokens == END, axis=1)  # ends so far
    return (ended == 0) | ((tokens == END) & (ended == 1))


def before_the_end(tokens):
    """The same without the end."""
    return np.cumsum(tokens == END, axis=1) == 0


def everything(tokens):
    """All places of the row, the padding as well."""
    return np.ones(tokens.shape, bool)


def wu(length, alpha):
    """Equation 14 of Wu et al. (2016)."""
    return ((5 + length) / 6) ** alpha


def beam_scores(
    tokens,
    log_probabilities,
    alpha,
    *,
    counts=up_to_the_end,
    length_of=None,
    begin=0,
    penalty=wu,
    divide=True,
    sums=lambda logs, keep: (logs * keep).sum(axis=1),
    probability=False,
    largest=0.0,
):
    """log P(Y) / ((5 + |Y|) / 6)^alpha: (K,)."""
    logs = np.asarray(log_probabilities, dtype="float64")
    total = sums(logs, counts(tokens))  # (K,)
    length = (length_of or counts)(tokens).sum(axis=1) + begin  # (K,)
    total = np.exp(total) if probability else total
    factor = penalty(length, alpha)
    return total / factor if divide else total * factor


def beams(*lengths, alpha=0.6, room=3, after=0):
    """Translations of so many tokens, the end included; `after` them padding.

    What a model says of the padded places is there too, and means nothing.
    """

    def draw(rng):
        width = max(lengths) + room
        tokens = rng.integers(3, 40, (len(lengths), width))
        for row, length in zip(tokens, lengths, strict=True):
            row[length - 1] = END
            row[length:] = after
        logs = -np.abs(floats(rng, len(lengths), width, scale=1.5)) - np.float32(0.1)
        return tokens, logs, alpha

    return draw


def unfinished(rng):
    """One that reached the last place without an end."""
    tokens, logs, alpha = beams(5, 9, 7, room=0)(rng)
    tokens[1] = rng.integers(3, 40, 9)
    return tokens, logs, alpha


def one_two(rng):
    """Ends at once: nothing was written."""
    return beams(1, 6, 2)(rng)


wrong = mistakes("beams", section="beams")

EXERCISE = Exercise(
    name="beam_scores",
    section="beams",
    points=3,
    reference=beam_scores,
    cases=(
        Case("several", beams(5, 9, 7)),
        Case("as-long", beams(6, 6, 6, 6, room=2)),
        Case("no-penalty", beams(4, 8, 6, alpha=0.0)),
        Case("strong", beams(4, 11, 7, alpha=1.0)),
        Case("unfinished", unfinished),
        Case("empty", one_two),
        Case("one", beams(7, alpha=0.8)),
        Case("goes-on", beams(5, 8, 6, after=END)),
    ),
    misconceptions=(
        wrong("padding-counted", counts=everything),
        wrong("padding-in-length", length_of=everything),
        wrong("padding-in-log-p", counts=everything, length_of=up_to_the_end),
        wrong("end-left-out", counts=before_the_end),
        wrong("end-not-in-length", length_of=before_the_end),
        wrong("begin-counted", begin=1),
        wrong("not-divided", penalty=lambda length, alpha: 1.0),
        wrong("multiplied", divide=False),
        wrong("probability", probability=True),
        wrong("plain-length", penalty=lambda length, alpha: length**alpha),
        wrong("alpha-times", penalty=lambda length, alpha: alpha * (5 + length) / 6),
        wrong("five-outside", penalty=lambda length, alpha: 5 + (length / 6) ** alpha),
        wrong(
            "last-only",
            sums=lambda logs, keep: logs[np.arange(len(logs)), keep.sum(1) - 1],
        ),
    ),
    accepted={
        "loop": lambda *a: _scores_in_a_loop(*a),
        "argmax": lambda *a: _scores_with_argmax(*a),
        "lists": lambda *a: list(_scores_in_a_loop(*a)),
        "tensorflow": lambda *a: _scores_with_tensorflow(*a),
    },
)


def _scores_in_a_loop(tokens, logs, alpha):
    scores = []
    for row, log in zip(tokens.tolist(), logs, strict=True):
        length = row.index(END) + 1 if END in row else len(row)
        scores.append(float(sum(log[:length])) / ((5 + length) / 6) ** alpha)
    return scores


def _scores_with_argmax(tokens, logs, alpha):
    is_end = tokens == END
    length = np.where(is_end.any(1), is_end.argmax(1) + 1, tokens.shape[1])
    total = np.where(np.arange(tokens.shape[1]) < length[:, None], logs, 0).sum(1)
    return total * (6 / (5 + length)) ** alpha


def _scores_with_tensorflow(tokens, logs, alpha):
    import tensorflow as tf

    ends = tf.cast(tokens == END, tf.float32)
    keep = tf.cast(tf.cumsum(ends, axis=1, exclusive=True) == 0, tf.float32)
    length = tf.reduce_sum(keep, axis=1)
    return tf.reduce_sum(logs * keep, axis=1) / ((5 + length) / 6) ** alpha
