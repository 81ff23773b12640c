"""(B, S, S) in the encoder, (B, T, T) in the decoder, (B, T, S) between them."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes

from ._shared import END, PADDING, sentences
from .teacher_forcing import real


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


def not_later(query, key):
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
    target_order=not_later,
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


wrong = mistakes("masks", section="masks")

EXERCISE = Exercise(
    name="transformer_masks",
    section="masks",
    points=4,
    reference=transformer_masks,
    cases=(
        Case("no-padding", pair_of((5, 5), (3, 3), (5, 3))),
        Case("padding", pair_of((6, 3, 5), (3, 4, 2), (6, 4))),
        Case("gap", with_a_gap),
        Case("empty", pair_of((0, 4), (3, 0), (6, 5))),
        Case("one-token", pair_of((4,), (1,), (5, 1))),
        Case("alike", pair_of((4, 3, 4, 2), (2, 4, 3, 4), (4, 4)), 1e-4, True),
    ),
    misconceptions=(
        wrong("target-sees-ahead", target_order=anywhere),
        wrong("target-transposed", target_order=lambda q, k: k >= q),
        wrong("target-one-ahead", target_order=lambda q, k: k <= q + 1),
        wrong("end-hidden", **in_all_masks(all_but_end)),
        wrong("padding-of-first-sentence", **in_all_masks(of_first_sentence)),
        wrong("padding-assumed-on-the-right", **in_all_masks(counted)),
        wrong("target-hides-itself", target_order=lambda q, k: k < q),
        wrong("target-padding-seen", target_keep=everything),
        wrong("source-causal", source_order=not_later),
        wrong("source-padding-seen", source_keep=everything),
        wrong("memory-causal", memory_order=not_later),
        wrong(
            "memory-padding-seen",
            memory_keep=lambda source, target: everything(source)[:, None, :],
        ),
        wrong(
            "memory-hides-queries",
            memory_keep=lambda source, target: real(target)[:, :, None],
        ),
        wrong(
            "memory-hides-both",
            memory_keep=lambda source, target: (
                real(target)[:, :, None] & real(source)[:, None, :]
            ),
        ),
        wrong(
            "memory-transposed", memory_axes=lambda memory: np.swapaxes(memory, 1, 2)
        ),
        wrong("hides-queries", place=lambda keep: keep[:, :, None]),
        wrong(
            "hides-queries-too", place=lambda keep: keep[:, :, None] & keep[:, None, :]
        ),
        wrong("inverted", polarity=np.logical_not),
        wrong("padding-kept", **in_all_masks(lambda ids: ~real(ids))),
        wrong("not-spread", spread=identity),
        wrong("memory-not-spread", memory_axes=lambda memory: memory[:, :1]),
        wrong("order-ignores-padding-rule", target_keep=lambda ids: ~real(ids)),
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
    masks, ops = our_masks(), keras().ops
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


def our_masks():
    """`tlkeras.masks`, loaded on first use."""
    import tlkeras.masks

    return tlkeras.masks
