"""What lesson 05 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, S source length, T target length, V
vocabulary, K beams. Tokens: 0 padding, 1 begin, 2 end.
"""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras

MESSAGES = Messages(Path(__file__).parent)
PADDING, BEGIN, END = 0, 1, 2


def sentences(rng, lengths, size):
    """Rows of begin, some tokens, end, padding; `lengths` count begin and end."""
    ids = rng.integers(3, 30, (len(lengths), size))
    ids[:, 0] = BEGIN
    places = np.arange(size)
    lengths = np.array(lengths)[:, None]
    ids = np.where(places == lengths - 1, END, ids)
    return np.where(places < lengths, ids, PADDING)


# ── teacher forcing ───────────────────────────────────────────────────────────────────


def teacher_forcing(
    target_ids, *, read=lambda ids: ids[:, :-1], say=lambda ids: ids[:, 1:]
):
    """What the decoder reads, and what it is to say: (B, T − 1) each."""
    return read(target_ids), say(target_ids)


def trim(ids):
    """Cut off the columns that are padding in every row."""
    return ids[:, : real(ids).sum(1).max()]


def _shift(name, **steps):
    return Misconception(f"shift.{name}", "shift", **steps)


SHIFT = Exercise(
    name="teacher_forcing",
    section="shift",
    points=2,
    reference=teacher_forcing,
    messages=MESSAGES,
    cases=(
        Case("full", lambda rng: (sentences(rng, (6, 6), 6),)),
        Case("padded", lambda rng: (sentences(rng, (4, 7, 3), 7),)),
        Case("room", lambda rng: (sentences(rng, (3, 4), 7),)),
        Case("shortest", lambda rng: (sentences(rng, (2,), 2),)),
        Case("square", lambda rng: (sentences(rng, (5, 3, 4, 5, 5), 5),), 1e-4, True),
    ),
    misconceptions=(
        _shift("labels-not-shifted", say=lambda ids: ids[:, :-1]),
        _shift("reads-the-answer", read=lambda ids: ids[:, 1:]),
        _shift("swapped", read=lambda ids: ids[:, 1:], say=lambda ids: ids[:, :-1]),
        _shift("not-shortened", read=identity, say=identity),
        _shift("rolled", read=identity, say=lambda ids: np.roll(ids, -1, axis=1)),
        _shift("reads-too-long", read=identity),
        _shift("says-too-long", say=identity),
        _shift(
            "trimmed",
            read=lambda ids: trim(ids)[:, :-1],
            say=lambda ids: trim(ids)[:, 1:],
        ),
        _shift("two-ahead", read=lambda ids: ids[:, :-2], say=lambda ids: ids[:, 2:]),
        _shift("sentences-shifted", read=lambda ids: ids[:-1], say=lambda ids: ids[1:]),
        _shift(
            "end-cut-off",
            read=lambda ids: np.where(ids == END, PADDING, ids)[:, :-1],
        ),
    ),
    accepted={
        "delete": lambda ids: (np.delete(ids, -1, 1), np.delete(ids, 0, 1)),
        "lists": lambda ids: [
            [list(row[:-1]) for row in ids],
            [list(row[1:]) for row in ids],
        ],
        "transposed twice": lambda ids: (ids.T[:-1].T, ids.T[1:].T),
        "keras.ops": lambda ids: (
            keras().ops.convert_to_tensor(ids)[:, :-1],
            keras().ops.convert_to_tensor(ids)[:, 1:],
        ),
        "take": lambda ids: (
            np.take(ids, range(ids.shape[1] - 1), axis=1),
            np.take(ids, range(1, ids.shape[1]), axis=1),
        ),
    },
)


# ── masks ─────────────────────────────────────────────────────────────────────────────


def real(ids):
    """Which tokens are no padding: (B, S)."""
    return ids != PADDING


def everything(ids):
    """Hide no token."""
    return np.ones(ids.shape, bool)


def all_but_end(ids):
    """Take the end for padding."""
    return real(ids) & (ids != END)


def of_first_sentence(ids):
    """Which tokens of the first sentence are real, for all."""
    return np.broadcast_to(real(ids[:1]), ids.shape)


def counted(ids):
    """As many tokens from the left as are real, wherever they stand."""
    return np.arange(ids.shape[1]) < real(ids).sum(1)[:, None]


def in_all_masks(keep):
    """The same idea of what is real in all three masks."""
    return {
        "source_keep": keep,
        "target_keep": keep,
        "memory_keep": lambda source, target: keep(source)[:, None, :],
    }


def back(query, key):
    """No later position."""
    return key <= query


def anywhere(query, key):
    """No rule of order: True, in the shape of both."""
    return (query >= 0) & (key >= 0)


def as_keys(keep):
    """(B, S) → (B, 1, S): hide columns."""
    return keep[:, None, :]


def transformer_masks(
    source_ids,
    target_ids,
    *,
    source_keep=real,
    source_order=anywhere,
    target_keep=real,
    target_order=back,
    memory_keep=lambda source, target: real(source)[:, None, :],
    memory_order=anywhere,
    place=as_keys,
    spread=np.broadcast_to,
    polarity=identity,
    memory_axes=identity,
):
    """(B, S, S) in the encoder, (B, T, T) in the decoder, (B, T, S) between them."""

    def merge(order, queries, keys, keep):
        rule = order(np.arange(queries)[:, None], np.arange(keys)[None, :])
        keep = keep if order is anywhere else rule & keep
        return polarity(spread(keep, (batch, queries, keys)))

    batch, source = source_ids.shape
    target = target_ids.shape[1]
    memory = merge(memory_order, target, source, memory_keep(source_ids, target_ids))
    return (
        merge(source_order, source, source, place(source_keep(source_ids))),
        merge(target_order, target, target, place(target_keep(target_ids))),
        memory_axes(memory),
    )


def pair_of(source, target, sizes):
    """A source and a target of some lengths, begin and end included."""
    return lambda rng: tuple(
        sentences(rng, lengths, size)
        for lengths, size in zip((source, target), sizes, strict=True)
    )


def with_a_gap(rng):
    """Padding inside a source and a target, where no rule of order hides it."""
    source, target = pair_of((6, 5, 4), (5, 5, 3), (6, 5))(rng)
    source[1, 2] = target[0, 1] = PADDING
    return source, target


def _mask(name, **steps):
    return Misconception(f"masks.{name}", "masks", **steps)


MASKS = Exercise(
    name="transformer_masks",
    section="masks",
    points=4,
    reference=transformer_masks,
    messages=MESSAGES,
    cases=(
        Case("no-padding", pair_of((5, 5), (3, 3), (5, 3))),
        Case("padding", pair_of((6, 3, 5), (3, 4, 2), (6, 4))),
        Case("gap", with_a_gap),
        Case("empty", pair_of((0, 4), (3, 0), (6, 5))),
        Case("one-token", pair_of((4,), (1,), (5, 1))),
        Case("alike", pair_of((4, 3, 4, 2), (2, 4, 3, 4), (4, 4)), 1e-4, True),
    ),
    misconceptions=(
        _mask("target-sees-ahead", target_order=anywhere),
        _mask("target-transposed", target_order=lambda q, k: k >= q),
        _mask("target-one-ahead", target_order=lambda q, k: k <= q + 1),
        _mask("end-hidden", **in_all_masks(all_but_end)),
        _mask("padding-of-first-sentence", **in_all_masks(of_first_sentence)),
        _mask("padding-assumed-on-the-right", **in_all_masks(counted)),
        _mask("target-hides-itself", target_order=lambda q, k: k < q),
        _mask("target-padding-seen", target_keep=everything),
        _mask("source-causal", source_order=back),
        _mask("source-padding-seen", source_keep=everything),
        _mask("memory-causal", memory_order=back),
        _mask(
            "memory-padding-seen",
            memory_keep=lambda source, target: everything(source)[:, None, :],
        ),
        _mask(
            "memory-hides-queries",
            memory_keep=lambda source, target: real(target)[:, :, None],
        ),
        _mask(
            "memory-hides-both",
            memory_keep=lambda source, target: (
                real(target)[:, :, None] & real(source)[:, None, :]
            ),
        ),
        _mask(
            "memory-transposed", memory_axes=lambda memory: np.swapaxes(memory, 1, 2)
        ),
        _mask("hides-queries", place=lambda keep: keep[:, :, None]),
        _mask(
            "hides-queries-too",
            place=lambda keep: keep[:, :, None] & keep[:, None, :],
        ),
        _mask("inverted", polarity=np.logical_not),
        _mask("not-spread", spread=identity),
        _mask(
            "order-ignores-padding-rule",
            target_keep=lambda ids: ~real(ids),
        ),
    ),
    accepted={
        "tri and repeat": lambda s, t: (
            np.repeat((s > 0)[:, None], s.shape[1], axis=1),
            np.tri(t.shape[1], dtype=bool)[None] & (t > 0)[:, None],
            np.repeat((s > 0)[:, None], t.shape[1], axis=1),
        ),
        "not hidden": lambda s, t: tuple(
            ~hidden
            for hidden in (
                (s == 0)[:, None] | np.zeros((s.shape[1], 1), bool),
                (t == 0)[:, None] | np.triu(np.ones((t.shape[1],) * 2, bool), 1),
                (s == 0)[:, None] | np.zeros((t.shape[1], 1), bool),
            )
        ),
        "loops": lambda s, t: (
            [[[k != 0 for k in row] for _ in row] for row in s],
            [
                [
                    [row[k] != 0 and k <= q for k in range(len(row))]
                    for q in range(len(row))
                ]
                for row in t
            ],
            [[[k != 0 for k in row] for _ in range(t.shape[1])] for row in s],
        ),
        "tlkeras.masks": lambda s, t: _masks_with_tlkeras(s, t),
        "tensorflow": lambda s, t: _masks_with_tensorflow(s, t),
    },
)


def _masks_with_tlkeras(source, target):
    masks, ops = _masks(), keras().ops
    keys = masks.padding_mask(source)[:, None, :]
    length = target.shape[1]
    return (
        ops.broadcast_to(keys, (len(source), source.shape[1], source.shape[1])),
        masks.merge_masks(
            masks.causal_mask(length), masks.padding_mask(target)[:, None, :]
        ),
        ops.broadcast_to(keys, (len(source), length, source.shape[1])),
    )


def _masks_with_tensorflow(source, target):
    import tensorflow as tf

    keys, length = tf.cast(source, bool)[:, None], target.shape[1]
    rows = tf.linalg.band_part(tf.ones((length, length)), -1, 0) > 0
    return (
        tf.tile(keys, [1, source.shape[1], 1]),
        rows[None] & tf.cast(target, bool)[:, None],
        tf.tile(keys, [1, length, 1]),
    )


# ── label smoothing ───────────────────────────────────────────────────────────────────


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def smoothed(one_hot, smoothing):
    """(1 − ε) one-hot + ε / V."""
    return (1 - smoothing) * one_hot + smoothing / one_hot.shape[-1]


def over_real_tokens(losses, keep):
    """The mean over what is no padding."""
    return (losses * keep).sum() / keep.sum()


def smoothed_cross_entropy(
    logits,
    labels,
    smoothing,
    *,
    logs=log_softmax,
    smooth=smoothed,
    over=np.sum,
    sign=np.negative,
    count=real,
    mean=over_real_tokens,
):
    """A number: how surprised a model is, on average over tokens."""
    targets = smooth(np.eye(logits.shape[-1])[labels], smoothing)  # (B, T, V)
    losses = sign(over(targets * logs(logits), axis=-1))  # (B, T)
    return mean(losses, count(labels))


def logits_and_labels(lengths, size, smoothing, scale=2.0, vocabulary=7):
    """Labels without begin: tokens, end, padding. No two axes are alike."""

    def draw(rng):
        labels = rng.integers(3, vocabulary, (len(lengths), size))
        ends = np.array(lengths)[:, None] - 1
        labels = np.where(np.arange(size) == ends, END, labels)
        labels = np.where(np.arange(size) <= ends, labels, PADDING)
        return floats(rng, *labels.shape, vocabulary, scale=scale), labels, smoothing

    return draw


def far_from_zero(rng):
    """Logits around 2000 that differ little: exp alone is infinite."""
    logits, labels, smoothing = logits_and_labels((3, 5, 2), 5, 0.1)(rng)
    return logits + np.float32(2000), labels, smoothing


def far_apart(rng):
    """Rows around 2000 and −2000 that differ little in themselves."""
    logits, labels, smoothing = logits_and_labels((5, 5, 5), 5, 0.1)(rng)
    logits[:, ::2] += 2000
    logits[:, 1::2] -= 2000
    return logits, labels, smoothing


def of_probabilities(logits, axis=-1):
    """The softmax without its logarithm."""
    return np.exp(log_softmax(logits, axis))


def _loss(name, section="smoothing", **steps):
    return Misconception(f"loss.{name}", section, **steps)


LOSS = Exercise(
    name="smoothed_cross_entropy",
    section="smoothing",
    points=5,
    reference=smoothed_cross_entropy,
    messages=MESSAGES,
    cases=(
        Case("no-padding", logits_and_labels((4, 4), 4, 0.1)),
        Case("padding", logits_and_labels((5, 2, 3), 5, 0.2)),
        Case("not-smoothed", logits_and_labels((2, 4, 1), 4, 0.0)),
        Case("far-from-zero", far_from_zero, tolerance=1e-3),
        Case("far-apart", far_apart, tolerance=1e-3),
        Case("sure", logits_and_labels((6, 6, 6), 6, 0.1, scale=900)),
        Case("one-sentence", logits_and_labels((3,), 4, 0.2)),
        Case("square", logits_and_labels((2, 7, 4, 3, 1, 5, 6), 7, 0.3), 1e-4, True),
    ),
    misconceptions=(
        _loss("end-not-counted", count=all_but_end),
        _loss("padding-counted", mean=lambda losses, keep: losses.mean()),
        _loss(
            "divided-by-all",
            mean=lambda losses, keep: (losses * keep).sum() / keep.size,
        ),
        _loss(
            "sentences-weigh-alike",
            mean=lambda losses, keep: ((losses * keep).sum(1) / keep.sum(1)).mean(),
        ),
        _loss("summed", mean=lambda losses, keep: (losses * keep).sum()),
        _loss("each-token", mean=lambda losses, keep: losses * keep),
        _loss(
            "divided-by-sentences",
            mean=lambda losses, keep: (losses * keep).sum() / len(losses),
        ),
        _loss(
            "padding-alone", mean=lambda losses, keep: over_real_tokens(losses, ~keep)
        ),
        _loss("not-smoothed", smooth=identity),
        _loss(
            "spread-over-the-others",
            smooth=lambda one_hot, e: np.where(
                one_hot == 1, 1 - e, e / (one_hot.shape[-1] - 1)
            ),
        ),
        _loss(
            "label-left-out",
            smooth=lambda one_hot, e: np.where(
                one_hot == 1, 1 - e, e / one_hot.shape[-1]
            ),
        ),
        _loss(
            "more-than-one",
            smooth=lambda one_hot, e: one_hot + e / one_hot.shape[-1],
        ),
        _loss("too-much-for-each", smooth=lambda one_hot, e: (1 - e) * one_hot + e),
        _loss("share-swapped", smooth=lambda one_hot, e: smoothed(one_hot, 1 - e)),
        _loss("less-than-one", smooth=lambda one_hot, e: (1 - e) * one_hot),
        _loss("no-softmax", logs=identity),
        _loss("softmax-twice", logs=lambda x: log_softmax(of_probabilities(x))),
        _loss("sigmoid", logs=lambda x: -np.logaddexp(0, -x)),
        _loss("no-logarithm", logs=of_probabilities),
        _loss("softmax-over-positions", logs=lambda x: log_softmax(x, axis=1)),
        _loss(
            "log-of-zero",
            "overflow",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        _loss(
            "underflow",
            "overflow",
            logs=lambda x: np.log(of_probabilities(x)),
        ),
        _loss(
            "one-maximum-for-all",
            "overflow",
            logs=lambda x: x - x.max() - np.log(np.exp(x - x.max()).sum(-1))[..., None],
        ),
        _loss(
            "clipped",
            "overflow",
            logs=lambda x: np.log(np.clip(of_probabilities(x), 1e-7, 1 - 1e-7)),
        ),
        _loss(
            "tiny-added", "overflow", logs=lambda x: np.log(of_probabilities(x) + 1e-9)
        ),
        _loss("mean-over-vocabulary", over=np.mean),
        _loss("sign", sign=identity),
    ),
    accepted={
        "label and average": lambda logits, labels, e: _loss_in_two_parts(
            logits, labels, e
        ),
        "loops": lambda *a: _loss_with_loops(*a),
        "keras": lambda *a: _loss_with_keras(*a),
        "tensorflow": lambda *a: _loss_with_tensorflow(*a),
        "library": lambda logits, labels, e: _models().LabelSmoothedCrossEntropy(e)(
            labels, logits
        ),
        "selected tokens": lambda logits, labels, e: smoothed_cross_entropy(
            logits[labels != 0][None].astype(np.float64), labels[labels != 0][None], e
        ),
        "float32": lambda logits, labels, e: np.float32(
            smoothed_cross_entropy(logits, labels, e)
        ),
    },
)


def _loss_in_two_parts(logits, labels, smoothing):
    logs = log_softmax(logits.astype(np.float64))
    right = np.take_along_axis(logs, labels[..., None], axis=-1)[..., 0]
    losses = -(1 - smoothing) * right - smoothing * logs.mean(-1)
    return losses[labels > 0].mean()


def _loss_with_loops(logits, labels, smoothing):
    losses = []
    for rows, row in zip(logits.astype(float), labels, strict=True):
        for scores, label in zip(rows, row, strict=True):
            if label:
                logs = scores - scores.max()
                logs = logs - np.log(sum(np.exp(x) for x in logs))
                even = sum(logs) / len(logs)
                losses.append(-(1 - smoothing) * logs[label] - smoothing * even)
    return sum(losses) / len(losses)


def _loss_with_keras(logits, labels, smoothing):
    import keras

    size = logits.shape[-1]
    targets = keras.ops.one_hot(labels, size) * (1 - smoothing) + smoothing / size
    losses = keras.ops.categorical_crossentropy(targets, logits, from_logits=True)
    keep = keras.ops.cast(labels != 0, "float32")
    return keras.ops.sum(losses * keep) / keras.ops.sum(keep)


def _loss_with_tensorflow(logits, labels, smoothing):
    import tensorflow as tf

    size = logits.shape[-1]
    targets = tf.one_hot(
        labels, size, 1 - smoothing + smoothing / size, smoothing / size
    )
    losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(tf.boolean_mask(losses, labels != 0))


# ── warm-up ───────────────────────────────────────────────────────────────────────────


def learning_rate(
    step,
    hidden_dim,
    warmup_steps,
    *,
    size=lambda hidden_dim: hidden_dim**-0.5,
    fall=lambda step: step**-0.5,
    rise=lambda step, warmup: step * warmup**-1.5,
    choose=np.minimum,
    count=identity,
):
    """D^−½ · min(step^−½, step · W^−1.5)."""
    step = count(np.asarray(step, dtype=np.float64))
    return size(hidden_dim) * choose(fall(step), rise(step, warmup_steps))


def steps(hidden_dim, warmup_steps):
    """Some steps before, at and after the end of the warm-up."""

    def draw(rng):
        before = rng.integers(2, warmup_steps, 3)
        after = rng.integers(warmup_steps + 1, 20 * warmup_steps, 3)
        turn = [warmup_steps - 1, warmup_steps, warmup_steps + 1]
        drawn = np.sort(np.concatenate([[1], turn, before, after]))
        return drawn, hidden_dim, warmup_steps

    return draw


def _rate(name, **steps):
    return Misconception(f"rate.{name}", "warmup", **steps)


RATE = Exercise(
    name="learning_rate",
    section="warmup",
    points=2,
    reference=learning_rate,
    messages=MESSAGES,
    cases=(
        Case("small", steps(16, 40), 1e-6),
        Case("usual", steps(512, 4000), 1e-8),
        Case("one", lambda rng: (int(rng.integers(2, 30)), 64, 100), 1e-6),
        Case("one-later", lambda rng: (int(rng.integers(200, 900)), 64, 100), 1e-6),
        Case("no-warmup", lambda rng: (np.array([1, 2, 3, 50]), 32, 1), 1e-6),
    ),
    misconceptions=(
        _rate("larger-of-both", choose=np.maximum),
        _rate("never-falls", choose=lambda fall, rise: rise),
        _rate("never-rises", choose=lambda fall, rise: fall),
        _rate("product", choose=np.multiply),
        _rate("size-ignored", size=lambda hidden_dim: 1.0),
        _rate("size-multiplied", size=np.sqrt),
        _rate("size-without-root", size=lambda hidden_dim: 1 / hidden_dim),
        _rate("falls-too-fast", fall=lambda step: step**-1.0),
        _rate("jump", rise=lambda step, warmup: step * warmup**-0.5),
        _rate("kink", rise=lambda step, warmup: step / warmup),
        _rate(
            "stays",
            choose=lambda fall, rise: rise,
            rise=lambda step, warmup: np.minimum(step, warmup) * warmup**-1.5,
        ),
        _rate("one-step-late", count=lambda step: step - 1),
        _rate("counted-from-0", count=lambda step: step + 1),
        _rate("rises-to-1", rise=lambda step, warmup: step * warmup**-1.0 * 10),
    ),
    accepted={
        "where": lambda step, d, w: (
            d**-0.5
            * np.where(
                np.asarray(step) < w,
                np.asarray(step) / w**1.5,
                np.asarray(step) ** -0.5,
            )
        ),
        "peak times share": lambda step, d, w: (
            np.minimum(np.asarray(step) / w, np.sqrt(w / np.asarray(step)))
            / np.sqrt(d * w)
        ),
        "python": lambda step, d, w: (
            [d**-0.5 * min(n**-0.5, n * w**-1.5) for n in step.tolist()]
            if hasattr(step, "tolist")
            else d**-0.5 * min(step**-0.5, step * w**-1.5)
        ),
        "library": lambda step, d, w: _models().WarmUp(d, w)(np.asarray(step) - 1),
    },
)


# ── greedy decoding ───────────────────────────────────────────────────────────────────


class Model:
    """Logits that depend on the row and on every token so far, and on nothing else.

    Row b is sure to end when it has `ends[b]` tokens; before, it never ends.
    """

    def __init__(self, seed, ends, vocabulary):
        self.seed, self.ends, self.vocabulary = seed, ends, vocabulary

    def __call__(self, tokens):
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or len(tokens) != len(self.ends):
            raise ValueError(
                f"tokens must have the shape ({len(self.ends)}, length); given "
                f"{tokens.shape}."
            )
        return np.stack([self._row(b, row) for b, row in enumerate(tokens.tolist())])

    def _row(self, row, tokens):
        rng = np.random.default_rng([self.seed, row, *(int(t) for t in tokens)])
        logits = rng.normal(size=self.vocabulary)
        logits[[PADDING, BEGIN]] -= 50
        logits[END] += 50 if len(tokens) == self.ends[row] - 1 else -50
        return logits

    def __repr__(self):
        rows = len(self.ends)
        return f"({rows}, t) → ({rows}, {self.vocabulary})"


def until_all_ended(ended):
    """Stop when every row has its end."""
    return ended.all()


def padded_to(tokens, length):
    """Whole rows, with the places that are not written yet."""
    return np.pad(tokens, ((0, 0), (0, max(length - tokens.shape[1], 0))))


def greedy_decode(
    next_logits,
    batch,
    max_length,
    *,
    see=identity,
    choose=lambda logits: logits.argmax(-1),
    fill=PADDING,
    finished=until_all_ended,
    forget=lambda ended, token: ended | (token == END),
    extra=0,
    complete=lambda tokens, missing, fill: np.pad(
        tokens, ((0, 0), (0, missing)), constant_values=fill
    ),
    result=identity,
):
    """(B, L): begin, the likeliest token again and again, end, padding."""
    tokens = np.full((batch, 1), BEGIN)
    ended = np.zeros(batch, bool)
    while tokens.shape[1] < max_length + extra and not finished(ended):
        seen = see(tokens, max_length)
        token = np.where(ended, fill, choose(next_logits(seen)))
        tokens = np.concatenate([tokens, token[:, None]], axis=1)
        ended = forget(ended, token)
    missing = max(max_length + extra - tokens.shape[1], 0)
    return result(complete(tokens, missing, fill))


def end_every_row(tokens):
    """Write an end in the last place of a row that has none."""
    ended = (tokens == END).any(1)
    return np.concatenate(
        [tokens[:, :-1], np.where(ended, tokens[:, -1], END)[:, None]], axis=1
    )


def decoding(ends, max_length, vocabulary=9):
    """Rows that end at different places; 99 stands for never."""

    def draw(rng):
        return Model(int(rng.integers(2**31)), ends, vocabulary), len(ends), max_length

    return draw


def _greedy(name, **steps):
    return Misconception(f"greedy.{name}", "greedy", **steps)


GREEDY = Exercise(
    name="greedy_decode",
    section="greedy",
    points=4,
    reference=greedy_decode,
    messages=MESSAGES,
    cases=(
        Case("never-ends", decoding((99, 99), 6)),
        Case("ends", decoding((4, 7, 99), 9)),
        Case("all-end-early", decoding((3, 5, 2, 4), 8)),
        Case("one-row", decoding((4,), 7, vocabulary=12)),
        Case("at-once-and-at-last", decoding((2, 5, 99), 5)),
        Case("begin-only", decoding((99, 99), 1)),
    ),
    misconceptions=(
        _greedy("sees-the-last-token-only", see=lambda tokens, _: tokens[:, -1:]),
        _greedy("sees-empty-places", see=padded_to),
        _greedy("writes-on", forget=lambda ended, token: ended),
        _greedy(
            "forgets-the-end",
            forget=lambda ended, token: token == END,
            finished=lambda ended: False,
        ),
        _greedy("not-filled-up", complete=identity),
        _greedy("stops-with-the-first", finished=np.any),
        _greedy("fills-with-end", fill=END),
        _greedy("fills-with-begin", fill=BEGIN),
        _greedy("least-likely", choose=lambda logits: logits.argmin(-1)),
        _greedy(
            "one-for-all", choose=lambda logits: np.full(len(logits), logits.argmax())
        ),
        _greedy("one-too-many", extra=1),
        _greedy("one-too-few", extra=-1),
        _greedy("end-forced", result=end_every_row),
        _greedy("begin-cut-off", result=lambda tokens: tokens[:, 1:]),
        _greedy(
            "end-cut-off",
            result=lambda tokens: np.where(tokens == END, PADDING, tokens),
        ),
    ),
    accepted={
        "filled in place": lambda *a: _greedy_in_place(*a),
        "cleaned up afterwards": lambda *a: _greedy_cleaned(*a),
        "lists": lambda *a: _greedy_with_lists(*a),
        "recursion": lambda *a: _greedy_recursive(*a),
        "library": lambda *a: _greedy_with_library(*a),
    },
)


def _greedy_in_place(next_logits, batch, max_length):
    tokens = np.zeros((batch, max_length), dtype=int)
    tokens[:, 0] = BEGIN
    for t in range(1, max_length):
        token = np.argmax(next_logits(tokens[:, :t]), axis=1)
        tokens[:, t] = token * (tokens[:, :t] != END).all(axis=1)
    return tokens


def _greedy_cleaned(next_logits, batch, max_length):
    tokens = np.ones((batch, 1), dtype=int)
    for _ in range(max_length - 1):
        token = np.argmax(next_logits(tokens), axis=1)
        tokens = np.hstack([tokens, token[:, None]])
    after = np.cumsum(tokens == END, axis=1) - (tokens == END)
    return np.where(after > 0, 0, tokens)


def _greedy_with_lists(next_logits, batch, max_length):
    rows = [[BEGIN] for _ in range(batch)]
    while len(rows[0]) < max_length:
        logits = np.asarray(next_logits(rows))
        for row, scores in zip(rows, logits, strict=True):
            row.append(0 if END in row else int(np.argmax(scores)))
    return rows


def _greedy_recursive(next_logits, batch, max_length, tokens=None):
    tokens = np.full((batch, 1), BEGIN) if tokens is None else tokens
    if tokens.shape[1] == max_length:
        return tokens
    token = next_logits(tokens).argmax(1)
    token[(tokens == END).any(1)] = PADDING
    tokens = np.append(tokens, token[:, None], axis=1)
    return _greedy_recursive(next_logits, batch, max_length, tokens)


def _greedy_with_library(next_logits, batch, max_length):
    written = np.zeros((batch, max_length), int)

    def step(token_ids, cache, index):
        tokens = np.asarray(token_ids)
        written[:, int(index) : int(index) + tokens.shape[1]] = tokens
        return next_logits(written[:, : int(index) + tokens.shape[1]]), cache

    from tlkeras.generation import generate

    begin = np.full((batch, 1), BEGIN)
    return generate(step, begin, max_length, end_id=END)


# ── one step of beam search ───────────────────────────────────────────────────────────


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


def _beam(name, **steps):
    return Misconception(f"beam.{name}", "beam", **steps)


BEAM = Exercise(
    name="beam_step",
    section="beam",
    points=3,
    reference=beam_step,
    messages=MESSAGES,
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
        _beam("one-each", choose=one_best_each),
        _beam("one-each-sorted", choose=one_best_each_sorted),
        _beam("past-forgotten", total=lambda scores, logs: logs),
        _beam("multiplied", total=lambda scores, logs: scores[:, None] * logs),
        _beam("subtracted", total=lambda scores, logs: logs - scores[:, None]),
        _beam("worst", choose=lambda total, count: largest(-total, count)),
        _beam("best-last", choose=lambda total, count: largest(total, count)[::-1]),
        _beam("parent-forgotten", parents=lambda place, *_: np.arange(len(place))),
        _beam("parent-first", parents=lambda place, *_: np.zeros(len(place), int)),
        _beam("parent-by-remainder", parents=lambda place, size, count: place % count),
        _beam("word-by-quotient", words=lambda place, size, count: place // count),
        _beam("word-not-reduced", words=lambda place, size, count: place),
        _beam("score-of-the-word", say=lambda total, place, logs: logs.ravel()[place]),
        _beam("score-per-token", finish=lambda scores, grown: scores / grown.shape[1]),
        _beam(
            "word-in-front",
            join=lambda past, word: np.concatenate([word, past], axis=1),
        ),
        _beam(
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


def _masks():
    import tlkeras.masks

    return tlkeras.masks


def _models():
    import tlkeras.models

    return tlkeras.models


EXERCISES = (SHIFT, MASKS, LOSS, RATE, GREEDY, BEAM)
