"""Learn a small low-rank change of a kernel, and leave the kernel itself alone."""

from collections.abc import Sequence

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.transfer._compiled import refresh
from tlkeras.transfer._tree import as_list, matching, no_match, walk
from tlkeras.transfer.freezing import learn_only

KINDS = (keras.layers.Dense, keras.layers.EinsumDense)


def add_lora(
    model: keras.Model,
    rank: int = 8,
    layers: str | Sequence[str] = "(query|value)$",
    trainable: str | Sequence[str] = (),
    alpha: float | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Freeze a model, and give some of its projections a low-rank change that learns.

        kernel + alpha / rank · A B

    B begins at 0, so the model first computes what it did before. This is Keras's own
    `enable_lora`, for `Dense` and `EinsumDense` inside of any layer. Keras splits off
    the kernel's last axis: for the kernel `(D, N, H)` of a query, A is `(D, N, rank)`
    and B `(rank, H)`, shared by the heads. That is a change of at most `rank` in each
    head, and A has N times as many parameters as in the paper.

    `save_weights` writes the merged kernel, and no A and B, and `model.save` raises:
    see `save_delta`, or `merge_lora` first.

    Args:
        model: a built `keras.Model`.
        rank: of the change. Defaults to 8.
        layers: a regular expression, or several, for the paths of the projections.
            Defaults to queries and values, as in the paper.
        trainable: patterns for what else learns, such as `"head"`. Defaults to
            nothing.
        alpha: scale of the change. Defaults to `rank`, that is a factor of 1.
        seed: of the initial A. Defaults to `None`.

    Returns:
        The model.

    Raises:
        ValueError: no projection matches, one has a LoRA already, or `rank` is not a
            positive integer.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((6,)),
    ...         keras.layers.Dense(5, name="query"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ],
    ...     name="net",
    ... )
    >>> _ = add_lora(model, rank=2, trainable="head")
    >>> [weight.path for weight in model.trainable_weights]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['net/query/lora_kernel_a', 'net/query/lora_kernel_b',
     'net/head/kernel', 'net/head/bias']

    Reference:
        Hu et al. (2021), arXiv:2106.09685, sections 4.1 and 7.1.
    """
    check.positive_integer("rank", rank)
    chosen = matching_projections(model, layers)
    for path, layer in chosen:
        if layer.lora_enabled:
            raise ValueError(f"{path} has a LoRA already; see merge_lora.")
    for number, (_, layer) in enumerate(chosen):
        enable(layer, rank, alpha, None if seed is None else seed + number)
    learn_only(model, ["/lora_kernel_[ab]$", *as_list(trainable)])
    return model


def matching_projections(model, layers):
    """Pairs of path and layer for the dense layers that patterns match.

    Raises:
        ValueError: there is none.
    """
    dense = [(path, layer) for path, layer in walk(model) if isinstance(layer, KINDS)]
    paths = [path for path, _ in dense]
    hits = matching(layers, paths)
    if not hits:
        raise no_match("layers", layers, paths)
    return [(path, layer) for path, layer in dense if path in hits]


def enable(layer, rank, alpha=None, seed=None):
    """Keras's `enable_lora`, with a seed."""
    layer.enable_lora(
        rank,
        lora_alpha=alpha,
        a_initializer=keras.initializers.HeUniform(seed=seed),
    )


def merge_lora(model: keras.Model) -> keras.Model:
    """Put every low-rank change into its kernel, and take A and B away.

    The model computes the same as before, at the cost of the plain model. Kernels stay
    frozen until `unfreeze`.

    Args:
        model: one that went through `add_lora`.

    Returns:
        The model.

    Raises:
        ValueError: the model has no LoRA, or a kernel is quantised.

    Reference:
        Hu et al. (2021), arXiv:2106.09685, section 4.1, "No Additional Inference
        Latency".
    """
    chosen = [
        layer for _, layer in walk(model) if getattr(layer, "lora_enabled", False)
    ]
    if not chosen:
        raise ValueError(f"model must have a LoRA; {model.name!r} has none.")
    for layer in chosen:
        if layer.quantization_mode:
            raise ValueError(f"{layer.path} is quantised and cannot be merged exactly.")
    for layer in chosen:
        change = ops.matmul(layer.lora_kernel_a, layer.lora_kernel_b)
        scale = layer.lora_alpha / layer.lora_rank
        layer._kernel.assign(
            layer._kernel + ops.cast(scale * change, layer._kernel.dtype)
        )
        layer.lora_enabled = False
        layer.lora_rank = layer.lora_alpha = None
        for name in ("lora_kernel_a", "lora_kernel_b"):
            _delete(layer, name)
    refresh(model)
    return model


def _delete(layer, name):
    """`del layer.name` without Keras's garbage collection, a second for each weight."""
    layer._untrack_variable(getattr(layer, name))
    super(keras.layers.Layer, layer).__delattr__(name)
