"""Words of a source that are copied: the mixture of a pointer-generator."""

from keras import ops

from tlkeras.layers.scaled_dot_product_attention import MASKED

TINY = 1e-30  # far below the chance of any word, and no float32 makes it 0


def copy_log_probabilities(logits, switch, attention, source_ids, padding_mask=None):
    """The logarithm of what a model that writes and copies gives each word.

        P(w) = g softmax(logits)[w] + (1 − g) Σ attention[s], over s with source[s] = w

    g = σ(switch) is the chance that the word is written and not copied. Axes: B batch,
    T target length, S source length, V vocabulary.

    Args:
        logits: floats `(B, T, V)`.
        switch: floats `(B, T)`.
        attention: floats `(B, T, S)` that add up to 1.
        source_ids: integers `(B, S)`, below V.
        padding_mask: boolean `(B, S)`; nothing else is copied, and nothing at all where
            all is padding. Defaults to `None`: all is real.

    Returns:
        Floats `(B, T, V)`, computed in float32.
    """
    logits, switch, attention = (
        ops.cast(x, "float32") for x in (logits, switch, attention)
    )
    switch = switch[..., None]  # (B, T, 1)
    if padding_mask is not None:
        keep = ops.cast(padding_mask, "bool")  # (B, S)
        attention = ops.where(keep[:, None], attention, 0.0)  # (B, T, S)
        something = ops.any(keep, axis=1)[:, None, None]  # (B, 1, 1)
        switch = ops.where(something, switch, -MASKED)
    copied = added_up(attention, source_ids, ops.shape(logits)[-1])  # (B, T, V)
    copied = ops.where(copied > TINY, ops.log(ops.maximum(copied, TINY)), MASKED)
    written = ops.log_softmax(logits, axis=-1)
    return ops.logaddexp(
        ops.log_sigmoid(switch) + written, ops.log_sigmoid(-switch) + copied
    )


def added_up(attention, source_ids, vocabulary_size):
    """How much attention each word gets, `(B, T, V)`, at all its places together."""
    batch, target_length = ops.shape(attention)[:2]
    rows = ops.arange(batch, dtype="int32")[:, None] * vocabulary_size  # (B, 1)
    places = ops.reshape(rows + ops.cast(source_ids, "int32"), (-1,))  # (B·S,)
    columns = ops.reshape(ops.swapaxes(attention, 1, 2), (-1, target_length))
    words = ops.segment_sum(columns, places, batch * vocabulary_size)  # (B·V, T)
    words = ops.reshape(words, (batch, vocabulary_size, target_length))
    return ops.swapaxes(words, 1, 2)  # (B, T, V)
