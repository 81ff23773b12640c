"""Take heads out of a model, and see what it cannot do without them.

Axes: B batch, T tokens, N heads, V value size of a head.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.interpret.intermediates import INPUT, Intermediates, intermediates
from tlkeras.layers import MultiHeadAttention
from tlkeras.transfer._tree import walk

KINDS = (MultiHeadAttention, keras.layers.MultiHeadAttention)


def attention_layers(model: keras.Model) -> list[str]:
    """The paths of the multi-head attentions of a model, in order.

    Args:
        model: a built model, with attention of ours or of Keras.

    Returns:
        Their paths; a layer's place in this list is its number in `ablate_heads`.

    Raises:
        ValueError: there are none.

    Example:

    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> attention_layers(model)[1]
    'transformer_layer_1/self_attention'
    """
    found = [str(path) for path, layer in walk(model) if isinstance(layer, KINDS)]
    if not found:
        raise ValueError(
            f"model must have multi-head attention; {model.name} has none."
        )
    return found


def head_means(
    model: keras.Model, inputs: Any, keep: np.ndarray | None = None
) -> list[np.ndarray]:
    """What each head gives on average, the value that mean ablation puts in its place.

    Args:
        model: a built model.
        inputs: of the model; text like that on which heads will be ablated.
        keep: boolean `(B, T)`, which queries count; give the padding mask here as well.
            Defaults to all.

    Returns:
        One array `(N, V)` an attention layer, in the order of `attention_layers`.

    Raises:
        ValueError: there is no attention, or `keep` does not fit.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> [mean.shape for mean in head_means(model, np.array([[3, 1, 4]]))]
    [(2, 4), (2, 4)]

    Reference:
        Wang et al. (2022), arXiv:2211.00593, section 2, knockouts.
    """
    paths = [_heads(path) for path in attention_layers(model)]
    with intermediates(model, paths) as seen:
        model(inputs)
    means = []
    for path in paths:
        heads = np.asarray(ops.convert_to_numpy(seen[path]), "float64")  # (B, T, N, V)
        check.keep_mask("keep", keep, heads.shape[:2])
        weights = np.ones(heads.shape[:2]) if keep is None else np.asarray(keep)
        weights = np.broadcast_to(weights, heads.shape[:2]).astype("float64")
        if not weights.sum():
            raise ValueError("keep must keep at least one place; it keeps none.")
        means.append(np.einsum("bt,btnv->nv", weights, heads) / weights.sum())
    return means


def ablate_heads(
    model: keras.Model,
    heads: Sequence[tuple[int, int]],
    means: Sequence[np.ndarray] | None = None,
) -> Intermediates:
    """Take heads out in a `with` block: each gives one vector, whatever it reads.

    Zero is a value that a head may never give, so that what comes after breaks for a
    reason of its own; the mean takes away only what the head knows of this text.

    Args:
        model: a built model.
        heads: pairs of layer and head, counted from 0, layers as in `attention_layers`.
        means: from `head_means`. Defaults to `None`: zeros.

    Returns:
        A context manager, as `intermediates` is.

    Raises:
        ValueError: there is no such head, or `means` do not fit.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[3, 1, 4]])
    >>> with ablate_heads(model, [(1, 0)], head_means(model, tokens)):
    ...     logits = model(tokens)

    Reference:
        Michel et al. (2019), arXiv:1905.10650, section 3 (zero).
        Wang et al. (2022), arXiv:2211.00593, section 2, knockouts (mean).
    """
    paths = attention_layers(model)
    layers = {str(path): layer for path, layer in walk(model)}
    if means is not None and len(means) != len(paths):
        raise ValueError(
            f"means must have one array an attention layer, {len(paths)}; given "
            f"{len(means)}."
        )
    chosen: dict[int, list[int]] = {}
    for number, head in heads:
        most = layers[paths[number]].num_heads if 0 <= number < len(paths) else 0
        if not 0 <= head < most:
            raise ValueError(
                f"heads must be pairs of a layer below {len(paths)} and one of its "
                f"heads; given {(number, head)}."
            )
        chosen.setdefault(number, []).append(head)
    replace = {
        _heads(paths[number]): _without(which, None if means is None else means[number])
        for number, which in chosen.items()
    }
    return intermediates(model, replace=replace)


def _heads(path):
    """The name of what the heads of an attention give, before it is joined."""
    return f"{path}/attention_output{INPUT}"


def _without(which, mean):
    def change(heads):  # (B, T, N, V)
        out = np.isin(np.arange(heads.shape[2]), which)[:, None]  # (N, 1)
        given = 0.0 if mean is None else ops.convert_to_tensor(mean, dtype=heads.dtype)
        return ops.where(out, ops.zeros_like(heads) + given, heads)

    return change
