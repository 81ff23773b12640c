"""What several exercises of this lesson use."""

import numpy as np

from tlkeras.grading.authoring import floats, swap

from .layer_norm import layer_norm


def relu(x, *_):
    """Negative numbers become zero."""
    return np.maximum(x, 0)


def softmax(x):
    """Positive numbers that sum to one along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attention_of(kernels):
    """`attend(query, source, mask=None)`, one head, of kernels `(4, D, D)`."""
    of_query, of_key, of_value, of_output = kernels

    def attend(query, source, mask=None):
        query, source = np.asarray(query), np.asarray(source)
        logits = (query @ of_query) @ swap(source @ of_key) / query.shape[-1] ** 0.5
        if mask is not None:
            logits = np.where(_fitting(np.asarray(mask), logits), logits, -1e9)
        return softmax(logits) @ (source @ of_value) @ of_output  # (B, T, D)

    return named("attend", attend)


def _fitting(mask, logits):
    """The mask, if it broadcasts to the logits' shape (B, T, S)."""
    try:
        return np.broadcast_to(mask, logits.shape)
    except ValueError:
        raise ValueError(
            f"attend was given a mask {mask.shape}, which does not broadcast to "
            f"(B, T, S) = {logits.shape}"
        ) from None


def named(name, function):
    """A function under the name by which a learner knows it: exceptions tell it."""
    function.__name__ = function.__qualname__ = name
    return function


def network_of(widen, narrow):
    """`think(x)`, a feed-forward network without biases."""
    return named("think", lambda x: relu(np.asarray(x) @ widen) @ narrow)


def norm_of(gain_and_bias):
    """`norm(x)`, a layer normalisation.

    The probes carry it to where answers run. That gives nothing away: the exercise
    accepts `keras.layers.LayerNormalization`, which is there already.
    """
    return named("norm", lambda x: layer_norm(np.asarray(x), *gain_and_bias))


def norms(rng, count, size):
    """Gains and biases of some normalisations: `(count, 2, D)`."""
    return floats(rng, count, 2, size, scale=0.5) + np.float32([[[1.0], [0.0]]])


def hide_keys(mask):
    """(B, S) to (B, 1, S): the same keys for all queries."""
    return mask[:, None, :]


def counted_keys(mask):
    """As many keys from the left as are real, wherever they stand (wrong)."""
    return np.arange(mask.shape[1]) < mask.sum(1)[:, None, None]


def causal(length):
    """(T, T): each position may look at itself and at what came before."""
    return np.tri(length, dtype=bool)


def attend_and_add(x, attend, norm, mask):
    """x + attention of the normalised x to itself."""
    normal = norm(x)
    return x + attend(normal, normal, mask)


def think_and_add(x, think, norm, start=None):
    """x + feed-forward of the normalised x; `start` is what the block was given."""
    return x + think(norm(x))
