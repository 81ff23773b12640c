"""Wrong answers to lesson 05, as a learner would write them: (answer, what is named).

`None`: caught, and nothing is named, for no known mistake has these numbers.
"""

import keras
import numpy as np
import tensorflow as tf


def trimmed(ids):
    """Cut off the columns that are padding in every row."""
    ids = ids[:, : (ids != 0).sum(axis=1).max()]
    return ids[:, :-1], ids[:, 1:]


def end_dropped(ids):
    rows = [[token for token in row if token != 2] for row in ids.tolist()]
    rows = [row + [0] * (ids.shape[1] - 1 - len(row)) for row in rows]
    return rows, ids[:, 1:]


FORCING = {
    "same twice": (lambda ids: (ids[:, :-1],) * 2, "shift.labels-not-shifted"),
    "labels twice": (lambda ids: (ids[:, 1:],) * 2, "shift.reads-the-answer"),
    "exchanged": (lambda ids: (ids[:, 1:], ids[:, :-1]), "shift.swapped"),
    "tf.roll": (
        lambda ids: (ids, tf.roll(ids, -1, axis=1)),
        "shift.rolled",
    ),
    "trimmed": (trimmed, "shift.trimmed"),
    "end dropped": (end_dropped, "shift.end-cut-off"),
    "rows": (lambda ids: (ids[:-1], ids[1:]), "shift.sentences-shifted"),
    "begin dropped too": (lambda ids: (ids[:, 1:-1], ids[:, 2:]), None),
    "squeezed": (lambda ids: (np.squeeze(ids[:, :-1]), np.squeeze(ids[:, 1:])), None),
    "one sentence without its axis": (
        lambda ids: (
            (ids[0, :-1], ids[0, 1:]) if len(ids) == 1 else (ids[:, :-1], ids[:, 1:])
        ),
        None,
    ),
    "stacked": (lambda ids: np.stack([ids[:, :-1], ids[:, 1:]]), None),
    "two columns kept whole": (
        lambda ids: (ids, ids) if ids.shape[1] == 2 else (ids[:, :-1], ids[:, 1:]),
        None,
    ),
}


def masks(
    keep=lambda ids: ids != 0,
    order=lambda t: np.tri(t, dtype=bool),
    third=lambda s, t, keep: np.repeat(keep(s)[:, None], t.shape[1], axis=1),
    end=lambda *three: three,
):
    def build(s, t):
        first = np.repeat(keep(s)[:, None], s.shape[1], axis=1)
        second = np.logical_and(order(t.shape[1]), keep(t)[:, None])
        return end(first, second, third(s, t, keep))

    return build


def of_first(ids):
    return np.broadcast_to(ids[:1] != 0, ids.shape)


def without_dead_rows(*three):
    return tuple(m | ~m.any(-1, keepdims=True) for m in three)


def by_length(ids):
    return np.arange(ids.shape[1]) < (ids != 0).sum(axis=1)[:, None]


MASKS = {
    "ids above 1": (masks(lambda ids: ids > 1), None),
    "ids above 2": (masks(lambda ids: ids > 2), None),
    "end hidden": (masks(lambda ids: (ids != 0) & (ids != 2)), "masks.end-hidden"),
    "by length": (masks(by_length), "masks.padding-assumed-on-the-right"),
    "first sentence's": (masks(of_first), "masks.padding-of-first-sentence"),
    "smallest id": (masks(lambda ids: ids != ids.min()), None),
    "one ahead": (
        masks(order=lambda t: np.tri(t, k=1, dtype=bool)),
        "masks.target-one-ahead",
    ),
    "target hides itself": (
        masks(order=lambda t: np.tri(t, k=-1, dtype=bool)),
        "masks.target-hides-itself",
    ),
    "target's padding for the source": (
        masks(third=lambda s, t, keep: np.repeat(keep(t)[:, :, None], s.shape[1], 2)),
        "masks.memory-hides-queries",
    ),
    "no dead rows": (masks(end=without_dead_rows), None),
    "squeezed": (masks(end=lambda *three: tuple(map(np.squeeze, three))), None),
    "one sentence without its axis": (
        masks(end=lambda *three: tuple(m[0] if len(m) == 1 else m for m in three)),
        None,
    ),
    "numbers": (masks(end=lambda *three: tuple(m.astype(int) for m in three)), None),
}


def loss(
    p_of=None,
    logs_of=lambda x: tf.nn.log_softmax(x.astype(np.float64)).numpy(),
    keep_of=lambda labels: labels != 0,
    share=lambda e, v: e / v,
    end=lambda losses, keep: losses[keep].mean(),
):
    """The loss by a loop over rows, with something gone wrong."""

    def smoothed(logits, labels, e):
        logs = logs_of(logits) if p_of is None else np.log(p_of(logits))
        size = logits.shape[-1]
        losses = np.zeros(labels.shape)
        for place in np.ndindex(labels.shape):
            target = np.full(size, share(e, size))
            target[labels[place]] += 1 - e
            losses[place] = -(target * logs[place]).sum()
        return end(losses, keep_of(labels))

    return smoothed


def softmax(x):
    return tf.nn.softmax(x.astype(np.float64)).numpy()


def keras_probabilities(logits, labels, e):
    size = logits.shape[-1]
    targets = keras.ops.one_hot(labels, size) * (1 - e) + e / size
    # As NumPy: a tensor remembers its logits, and Keras goes back to them.
    probabilities = np.asarray(keras.ops.softmax(logits))
    losses = keras.ops.categorical_crossentropy(targets, probabilities)
    return keras.ops.mean(losses[labels != 0])


LOSS = {
    "softmax twice": (
        loss(logs_of=lambda x: tf.nn.log_softmax(softmax(x)).numpy()),
        "loss.softmax-twice",
    ),
    "keras, probabilities": (keras_probabilities, "loss.clipped"),
    "clipped": (
        loss(p_of=lambda x: np.clip(softmax(x), 1e-7, 1 - 1e-7)),
        "loss.clipped",
    ),
    "sigmoid": (
        loss(logs_of=lambda x: tf.math.log_sigmoid(x.astype(np.float64)).numpy()),
        "loss.sigmoid",
    ),
    "end left out": (loss(keep_of=lambda labels: labels > 2), "loss.end-not-counted"),
    "ε / (V − 1)": (loss(share=lambda e, v: e / (v - 1)), None),
    "begin and end left out of V": (loss(share=lambda e, v: e / (v - 3)), None),
    "median": (loss(end=lambda losses, keep: np.median(losses[keep])), None),
    "one sentence, summed": (
        loss(
            end=lambda losses, keep: (
                losses[keep].sum() if len(keep) == 1 else losses[keep].mean()
            )
        ),
        None,
    ),
    "log of probabilities": (loss(p_of=softmax), "loss.underflow"),
    "mean of means": (
        loss(
            end=lambda losses, keep: np.mean(
                [row[real].mean() for row, real in zip(losses, keep, strict=True)]
            )
        ),
        "loss.sentences-weigh-alike",
    ),
    "log2": (
        loss(logs_of=lambda x: np.asarray(tf.nn.log_softmax(x)) / np.log(2)),
        None,
    ),
}


def rate(is_early, after=lambda n, d, w: (n * d) ** -0.5, first=None):
    def at(step, d, w):
        def one(n):
            return n * w**-1.5 * d**-0.5 if is_early(n, w) else after(n, d, w)

        one_or_first = one if first is None else (lambda n: first if n == 1 else one(n))
        return np.vectorize(one_or_first, otypes=[float])(step)

    return at


RATE = {
    "up to W + 1": (rate(lambda n, w: n <= w + 1), None),
    "before W − 1": (rate(lambda n, w: n < w - 1), None),
    "0 at step 1": (rate(lambda n, w: n < w, first=0.0), None),
    "constant after": (
        rate(lambda n, w: n < w, lambda n, d, w: (w * d) ** -0.5),
        "rate.stays",
    ),
    "from the end of the warm-up": (
        rate(lambda n, w: n < w, lambda n, d, w: ((n - w + 1) * d) ** -0.5),
        None,
    ),
    "one number alone never falls": (
        lambda step, d, w: rate(lambda n, w: np.ndim(step) == 0 or n < w)(step, d, w),
        None,
    ),
    "counted from 0": (
        lambda step, d, w: rate(lambda n, w: n < w)(np.asarray(step) + 1, d, w),
        "rate.counted-from-0",
    ),
    "from 0, the other way": (
        lambda step, d, w: rate(lambda n, w: n < w)(np.asarray(step) - 1, d, w),
        "rate.one-step-late",
    ),
    "without D": (
        lambda step, d, w: rate(lambda n, w: n < w)(step, 1, w),
        "rate.size-ignored",
    ),
    "larger": (
        lambda step, d, w: (
            keras.ops.maximum(np.asarray(step, float) ** -0.5, step * w**-1.5) * d**-0.5
        ),
        "rate.larger-of-both",
    ),
    "no warm-up of 1": (
        lambda step, d, w: rate(lambda n, w: n < w)(step, d, w) * (w > 1),
        None,
    ),
    "of the width squared": (
        lambda step, d, w: rate(lambda n, w: n < w)(step, d**2, w),
        "rate.size-without-root",
    ),
}


def decode(end=lambda rows, limit: rows, least=0, stop=None, pick=np.argmax):
    """Row by row in lists, with something gone wrong."""

    def write(next_logits, batch, limit):
        rows = [[1] for _ in range(batch)]
        while len(rows[0]) < max(limit, least):
            logits = np.asarray(next_logits(rows))
            for row, scores in zip(rows, logits, strict=True):
                row.append(0 if 2 in row else int(pick(scores)))
            if stop and stop(rows):
                break
        return end([row + [0] * (limit - len(row)) for row in rows], limit)

    return write


def always_ends(rows, limit):
    return [[*row[:-1], 2] if 2 not in row else row for row in rows]


def end_not_at_the_end(rows, limit):
    return [[*row[:-1], 0] if row[-1] == 2 else row for row in rows]


GREEDY = {
    "at least one token": (decode(least=2), None),
    "end added": (decode(always_ends), "greedy.end-forced"),
    "no end in the last place": (decode(end_not_at_the_end), None),
    "stops with the first": (
        decode(stop=lambda rows: any(2 in row for row in rows)),
        "greedy.stops-with-the-first",
    ),
    "least": (decode(pick=np.argmin), "greedy.least-likely"),
    "second best": (decode(pick=lambda scores: np.argsort(scores)[-2]), None),
    "end cut off": (
        decode(lambda rows, limit: np.where(np.array(rows) == 2, 0, rows)),
        "greedy.end-cut-off",
    ),
    "one row without its axis": (
        decode(lambda rows, limit: rows[0] if len(rows) == 1 else rows),
        None,
    ),
    "squeezed": (decode(lambda rows, limit: np.squeeze(rows)), None),
    "lists of other lengths": (
        decode(
            lambda rows, limit: [
                row[: row.index(2) + 1] if 2 in row else row for row in rows
            ]
        ),
        None,
    ),
    "one too many": (
        lambda f, batch, limit: decode()(f, batch, limit + 1),
        "greedy.one-too-many",
    ),
    "begin cut off": (
        decode(lambda rows, limit: np.delete(rows, 0, axis=1)),
        "greedy.begin-cut-off",
    ),
    "ended at once is not ended": (
        decode(
            lambda rows, limit: [
                r if r[1:2] != [2] else [1, 2, *r[2:-1], 2] for r in rows
            ]
        ),
        None,
    ),
}


def grow(total_of=lambda scores, logs: scores[:, None] + logs, score=None, end=None):
    def step(sequences, scores, logs):
        total = np.asarray(total_of(scores, logs))
        found = [
            (total[k, v], k, v)
            for k in range(len(scores))
            for v in range(logs.shape[1])
        ]
        best = sorted(found, key=lambda one: -one[0])[: len(scores)]
        grown = np.array([[*sequences[k], v] for _, k, v in best])
        values = np.array([s for s, _, _ in best])
        values = values if score is None else score(values, grown)
        return (grown, values) if end is None else end(grown, values)

    return step


def in_place(sequences, scores, logs):
    """Write over the beams while they are still read."""
    total = scores[:, None] + logs
    best = np.argsort(-total.ravel(), kind="stable")[: len(scores)]
    rows = sequences.copy()
    for k, place in enumerate(best):
        rows[k] = rows[place // logs.shape[1]]
    return np.c_[rows, best % logs.shape[1]], total.ravel()[best]


def other_beam_for_each(sequences, scores, logs):
    """No two winners from one beam."""
    total, used, out = scores[:, None] + logs, set(), []
    for place in np.argsort(-total.ravel()):
        k, v = divmod(int(place), logs.shape[1])
        if k not in used:
            used.add(k)
            out.append((k, v))
    k, v = np.array(out).T
    return np.c_[sequences[k], v], total[k, v]


BEAM = {
    "per token": (
        grow(score=lambda values, grown: values / grown.shape[1]),
        "beam.score-per-token",
    ),
    "normalised": (
        grow(score=lambda values, grown: values - np.log(np.exp(values).sum())),
        None,
    ),
    "probabilities": (
        grow(score=lambda values, grown: np.exp(values)),
        "beam.score-as-probability",
    ),
    "product": (
        grow(lambda scores, logs: scores[:, None] * logs),
        "beam.multiplied",
    ),
    "logs alone": (grow(lambda scores, logs: logs), "beam.past-forgotten"),
    "written over": (in_place, None),
    "each beam once": (other_beam_for_each, "beam.one-each-sorted"),
    "keras top_k of each row": (
        lambda sequences, scores, logs: (
            np.c_[sequences, keras.ops.argmax(logs, axis=1)],
            scores + logs.max(axis=1),
        ),
        "beam.one-each",
    ),
    "squeezed": (grow(end=lambda grown, values: (np.squeeze(grown), values)), None),
    "one beam without its axis": (
        grow(end=lambda g, v: (g[0], v[0]) if len(g) == 1 else (g, v)),
        None,
    ),
    "in front": (
        grow(end=lambda grown, values: (np.roll(grown, 1, axis=1), values)),
        "beam.word-in-front",
    ),
    "scores as a column": (
        grow(end=lambda grown, values: (grown, values[:, None])),
        None,
    ),
}

ANSWERS = {
    "teacher_forcing": FORCING,
    "transformer_masks": MASKS,
    "smoothed_cross_entropy": LOSS,
    "learning_rate": RATE,
    "greedy_decode": GREEDY,
    "beam_step": BEAM,
}
