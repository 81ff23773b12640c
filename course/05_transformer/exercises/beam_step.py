"""The best K of all K · V continuations, best first: (K, t + 1) and (K,)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from ._shared import BEGIN
from .smoothed_cross_entropy import log_softmax


def add(scores, log_probabilities):
    """log P of a whole continuation: (K, V)."""
    return scores[:, None] + log_probabilities


def largest(total, count):
    """The places of the best of all, best first."""
    return np.argsort(-total, axis=None, kind="stable")[:count]


def beam_step(
    sequences,
    scores,
    log_probabilities,
    *,
    total=add,
    choose=largest,
    parents=lambda place, size, count: place // size,
    words=lambda place, size, count: place % size,
    say=lambda total, place, logs: total.ravel()[place],
    join=lambda past, word: np.concatenate([past, word], axis=1),
    finish=identity,
):
    """The best K of all K · V continuations, best first: (K, t + 1) and (K,)."""
    count, size = log_probabilities.shape
    totals = total(scores, log_probabilities)  # (K, V)
    place = choose(totals, count)  # (K,)
    parent, word = parents(place, size, count), words(place, size, count)
    grown = join(sequences[parent], word[:, None])
    return grown, finish(say(totals, place, log_probabilities), grown)


def beams(count, length, vocabulary, spread=1.0):
    """K continuations with scores, best first, and what could follow each."""

    def draw(rng):
        sequences = rng.integers(3, 30, (count, length))
        sequences[:, 0] = BEGIN
        scores = np.sort(rng.uniform(-spread - 1, -1, count))[::-1].astype(np.float32)
        logits = floats(rng, count, vocabulary, scale=1.5)
        return sequences, scores, log_softmax(logits)

    return draw


def one_family(rng):
    """The first beam is so much better that all K come from it."""
    sequences, scores, logs = beams(3, 4, 7)(rng)
    return sequences, scores - np.float32([0, 40, 60]), logs


def one_best_each(total, count):
    """The best continuation of every beam."""
    return np.arange(len(total)) * total.shape[1] + total.argmax(-1)


def one_best_each_sorted(total, count):
    """The same, the best of these first."""
    return one_best_each(total, count)[np.argsort(-total.max(-1))]


wrong = mistakes("beam", section="beam")

EXERCISE = Exercise(
    name="beam_step",
    section="beam",
    points=3,
    reference=beam_step,
    cases=(
        Case("three", beams(3, 4, 7)),
        Case("five", beams(5, 2, 11, spread=2.0)),
        Case("few-words", beams(5, 3, 4)),
        Case("one-family", one_family),
        Case("one-beam", beams(1, 3, 6)),
        Case("first-step", beams(4, 1, 6)),
        Case("square", beams(6, 3, 6), 1e-4, True),
    ),
    misconceptions=(
        wrong("one-each", choose=one_best_each),
        wrong("one-each-sorted", choose=one_best_each_sorted),
        wrong("past-forgotten", total=lambda scores, logs: logs),
        wrong("multiplied", total=lambda scores, logs: scores[:, None] * logs),
        wrong("subtracted", total=lambda scores, logs: logs - scores[:, None]),
        wrong("worst", choose=lambda total, count: largest(-total, count)),
        wrong("best-last", choose=lambda total, count: largest(total, count)[::-1]),
        wrong("parent-forgotten", parents=lambda place, *_: np.arange(len(place))),
        wrong("parent-first", parents=lambda place, *_: np.zeros(len(place), int)),
        wrong("parent-by-remainder", parents=lambda place, size, count: place % count),
        wrong("word-by-quotient", words=lambda place, size, count: place // count),
        wrong("word-not-reduced", words=lambda place, size, count: place),
        wrong("score-of-the-word", say=lambda total, place, logs: logs.ravel()[place]),
        wrong("score-per-token", finish=lambda scores, grown: scores / grown.shape[1]),
        wrong(
            "word-in-front",
            join=lambda past, word: np.concatenate([word, past], axis=1),
        ),
        wrong(
            "score-as-probability",
            say=lambda total, place, logs: np.exp(total.ravel()[place]),
        ),
    ),
    accepted={
        "divmod": lambda *a: _beam_with_divmod(*a),
        "sorted list": lambda *a: _beam_with_a_list(*a),
        "unravel": lambda *a: _beam_with_unravel(*a),
        "tensorflow": lambda *a: _beam_with_tensorflow(*a),
        "K best of each first": lambda *a: _beam_in_two_rounds(*a),
    },
)


def _beam_with_divmod(sequences, scores, logs):
    total = (scores[:, None] + logs).reshape(-1)
    best = np.argpartition(-total, len(scores) - 1)[: len(scores)]
    best = best[np.argsort(-total[best])]
    parent, word = np.divmod(best, logs.shape[1])
    return np.column_stack([sequences[parent], word]), total[best]


def _beam_with_a_list(sequences, scores, logs):
    grown = [
        (scores[k] + logs[k, v], [*sequences[k].tolist(), v])
        for k in range(logs.shape[0])
        for v in range(logs.shape[1])
    ]
    grown = sorted(grown, key=lambda pair: pair[0], reverse=True)[: len(scores)]
    return [tokens for _, tokens in grown], [score for score, _ in grown]


def _beam_with_unravel(sequences, scores, logs):
    total = logs + scores.reshape(-1, 1)
    order = np.argsort(total.ravel())[::-1][: len(total)]
    parent, word = np.unravel_index(order, total.shape)
    return np.c_[sequences[parent], word], total[parent, word]


def _beam_with_tensorflow(sequences, scores, logs):
    import tensorflow as tf

    total = tf.reshape(scores[:, None] + logs, [-1])
    values, place = tf.math.top_k(total, k=len(scores))
    parent, word = place // logs.shape[1], place % logs.shape[1]
    grown = tf.gather(tf.cast(sequences, tf.int32), parent)
    return tf.concat([grown, word[:, None]], axis=1), values


def _beam_in_two_rounds(sequences, scores, logs):
    count = len(scores)
    words = np.argsort(-logs, axis=1)[:, :count]
    totals = np.take_along_axis(logs, words, axis=1) + scores[:, None]
    place = np.argsort(-totals, axis=None)[:count]
    parent = place // words.shape[1]
    word = words.ravel()[place]
    return np.c_[sequences[parent], word], totals.ravel()[place]
