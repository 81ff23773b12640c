"""The span of a passage whose two logits are the largest together: (first, last)."""

import itertools

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def legal(first, last, most):
    """Begins before it ends, and is not too long."""
    return first <= last < first + most


def together(start, end, legal, most):
    """Of all legal pairs the one with the largest score."""
    pairs = itertools.product(np.flatnonzero(start > -1e9), np.flatnonzero(end > -1e9))
    return max(
        (p for p in pairs if legal(*p, most)), key=lambda p: start[p[0]] + end[p[1]]
    )


def in_the_passage(logits, passage):
    """Nothing else can be an answer."""
    return np.where(passage, logits, -np.inf)


def best_span(
    start,
    end,
    passage,
    max_tokens,
    *,
    scale=identity,
    keep=in_the_passage,
    keep_end=in_the_passage,
    legal=legal,
    search=together,
    place=lambda first, last, passage: (first, last),
):
    """The first and the last token of the best span."""
    keeps = np.asarray(passage, bool)
    start, end = (np.asarray(x, "float64") for x in (start, end))
    start, end = keep(scale(start), keeps), keep_end(scale(end), keeps)
    return np.array(place(*search(start, end, legal, max_tokens), keeps), int)


def as_integers(answer, *inputs):
    """What is returned as an array, also where it is a pair."""
    return np.asarray(answer(*inputs))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def peaks(starts, ends, most=4, length=13, question=4, after=2, middle=0.0, noise=0.3):
    """Logits with some high ones: place → how high, counted in the passage."""

    def draw(rng):
        rows = floats(rng, 2, question + length + after, scale=noise)
        start, end = rows + np.float32(middle)
        for logits, high in ((start, starts), (end, ends)):
            for place, height in high.items():
                logits[question + place] += height
        passage = np.zeros(len(start), bool)
        passage[question : question + length] = True
        return start, end, passage, most

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def independent(start, end, legal, most):
    """The best start, and the best end (wrong)."""
    return start.argmax(), end.argmax()


def in_order(start, end, legal, most):
    """The same, exchanged where they stand the wrong way round (wrong)."""
    return sorted((start.argmax(), end.argmax()))


def start_first(start, end, legal, most):
    """The best start, then the best end for it (wrong)."""
    first = start.argmax()
    return first, first + end[first : first + most].argmax()


def end_first(start, end, legal, most):
    """The best end, then the best start for it (wrong)."""
    last = end.argmax()
    low = max(0, last - most + 1)
    return low + start[low : last + 1].argmax(), last


def product(start, end, legal, most):
    """The largest product of logits (wrong)."""
    pairs = itertools.product(np.flatnonzero(start > -1e9), np.flatnonzero(end > -1e9))
    return max(
        (p for p in pairs if legal(*p, most)), key=lambda p: start[p[0]] * end[p[1]]
    )


def anywhere(logits, passage):
    """No token is left out (wrong)."""
    return logits


def zero_elsewhere(logits, passage):
    """0 for what is no candidate (wrong)."""
    return np.where(passage, logits, 0.0)


def as_probabilities(logits):
    """Softmax, so that probabilities are added (wrong)."""
    e = np.exp(logits - logits.max())
    return e / e.sum()


wrong = mistakes("span", section="span")

EXERCISE = Exercise(
    name="best_span",
    section="span",
    points=4,
    reference=best_span,
    probe=as_integers,
    cases=(
        Case("agree", peaks({3: 6}, {5: 6})),
        Case("crossed", peaks({6: 7, 2: 5}, {4: 7, 9: 4})),
        Case("start-is-wrong", peaks({9: 6.5, 2: 5}, {4: 7, 10: 1})),
        Case("end-is-wrong", peaks({3: 7, 10: 1}, {1: 6.5, 5: 5})),
        Case("too-long", peaks({1: 7, 5: 3}, {7: 7, 2: 2})),
        Case("as-long-as-can-be", peaks({4: 7}, {7: 7})),
        Case("one-too-long", peaks({4: 7, 6: 5}, {8: 7, 5: 2})),
        Case("one-token", peaks({6: 7}, {6: 7, 8: 4})),
        Case("first", peaks({0: 6}, {0: 6})),
        Case("last", peaks({11: 6}, {12: 6})),
        Case("question", peaks({-2: 9, 4: 5}, {-1: 9, 6: 5})),
        Case("behind", peaks({13: 9, 4: 5}, {14: 9, 6: 5})),
        Case("half-in-question", peaks({-1: 9, 5: 5}, {0: 5, 7: 5})),
        Case("half-behind", peaks({12: 5, 5: 5}, {13: 9, 7: 5})),
        Case("below-zero", peaks({3: 6}, {4: 6}, middle=-12.0)),
        Case("sure-of-one", peaks({2: 9, 7: 6.5}, {0: 5, 1: 5, 9: 5}, noise=0.1)),
        Case("uneven", peaks({2: 9, 7: 5}, {3: 4, 8: 5})),
        Case("long", peaks({2: 6}, {9: 6}, most=30)),
    ),
    misconceptions=(
        wrong("independent", search=independent),
        wrong("exchanged", search=in_order),
        wrong("start-first", search=start_first),
        wrong("end-first", search=end_first),
        wrong("any-length", legal=lambda i, j, most: i <= j),
        wrong("one-too-long", legal=lambda i, j, most: i <= j <= i + most),
        wrong("one-too-short", legal=lambda i, j, most: i <= j < i + max(most - 1, 1)),
        wrong("never-alone", legal=lambda i, j, most: i < j < i + most),
        wrong("either-way", legal=lambda i, j, most: abs(j - i) < most),
        wrong("question-too", keep=anywhere, keep_end=anywhere),
        wrong("start-anywhere", keep=anywhere),
        wrong("end-anywhere", keep_end=anywhere),
        wrong("zero-for-nothing", keep=zero_elsewhere, keep_end=zero_elsewhere),
        wrong("product", search=product),
        wrong("probabilities-added", scale=as_probabilities),
        wrong("one-past", place=lambda i, j, passage: (i, j + 1)),
        wrong("first-and-length", place=lambda i, j, passage: (i, j - i + 1)),
        wrong(
            "counted-in-the-passage",
            place=lambda i, j, passage: (i - passage.argmax(), j - passage.argmax()),
        ),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "matrix": lambda *a: _in_a_matrix(*a),
        "triangles": lambda *a: _with_triangles(*a),
        "log-softmax": lambda *a: _of_log_probabilities(*a),
        "tensorflow": lambda *a: _with_tensorflow(*a),
    },
)


def _in_loops(start, end, passage, max_tokens):
    best, found = -float("inf"), None
    for i in range(len(start)):
        for j in range(i, min(i + max_tokens, len(start))):
            if passage[i] and passage[j] and start[i] + end[j] > best:
                best, found = start[i] + end[j], (i, j)
    return found


def _in_a_matrix(start, end, passage, max_tokens):
    at = np.arange(len(start))
    size = at[None] - at[:, None] + 1
    keep = passage[:, None] & passage & (size > 0) & (size <= max_tokens)
    sums = np.where(keep, start[:, None] + end, -np.inf)
    return np.unravel_index(sums.argmax(), sums.shape)


def _with_triangles(start, end, passage, max_tokens):
    sums = start[:, None].astype("float64") + end[None]
    sums[~passage], sums[:, ~passage] = -1e30, -1e30
    ones = np.ones_like(sums)
    keep = np.triu(ones) * np.tril(ones, max_tokens - 1)
    place = np.where(keep > 0, sums, -1e30).argmax()
    return [place // len(start), place % len(start)]


def _of_log_probabilities(start, end, passage, max_tokens):
    def log_softmax(x):
        x = x - x.max()
        return x - np.log(np.exp(x).sum())

    return _in_a_matrix(log_softmax(start), log_softmax(end), passage, max_tokens)


def _with_tensorflow(start, end, passage, max_tokens):
    import tensorflow as tf

    reach = min(max_tokens, len(start)) - 1
    start = tf.where(passage, start, -1e9)
    end = tf.where(passage, end, -1e9)
    keep = tf.linalg.band_part(tf.ones((len(start),) * 2), 0, reach)
    sums = tf.where(keep > 0, start[:, None] + end[None], -3e9)
    best = int(tf.argmax(tf.reshape(sums, [-1])))
    return best // len(start), best % len(start)
