"""The weights of `torch.nn.Transformer`, in a `tlkeras.models.Transformer`."""

import functools
from typing import Any

import keras
import numpy as np

from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.filling import Filling
from tlkeras.checkpoints.formats import Arrays
from tlkeras.models import Transformer

# Names of one block's layers: ours, and PyTorch's.
FEED_FORWARD = {
    "feedforward_intermediate_dense": "linear1",
    "feedforward_output_dense": "linear2",
}


def _attention(ours, theirs):
    """Queries, keys and values lie in one tensor, one third each."""
    thirds = {
        f"{ours}/{part}/{variable}": Part(f"{theirs}.in_proj_{kind}", third, of=3)
        for third, part in enumerate(("query", "key", "value"))
        for variable, kind in (("kernel", "weight"), ("bias", "bias"))
    }
    return {**thirds, f"{ours}/attention_output": f"{theirs}.out_proj"}


ENCODER = {
    **_attention("self_attention_layer", "self_attn"),
    "self_attention_layer_norm": "norm1",
    **FEED_FORWARD,
    "feedforward_layer_norm": "norm2",
}
DECODER = {
    **_attention("self_attention", "self_attn"),
    "self_attention_layer_norm": "norm1",
    **_attention("cross_attention", "multihead_attn"),
    "cross_attention_layer_norm": "norm2",
    **FEED_FORWARD,
    "feedforward_layer_norm": "norm3",
}
TORCH_TRANSFORMER = Architecture(
    kind="PyTorch",
    model=Transformer,
    arguments=lambda config, names: dict(config),
    outside={"encoder_norm": "encoder.norm", "decoder_norm": "decoder.norm"},
    blocks=(
        Blocks("encoder.layers.{}.", ENCODER, "encoder_", "num_encoder_layers"),
        Blocks("decoder.layers.{}.", DECODER, "decoder_", "num_decoder_layers"),
    ),
    zeros=lambda config: () if config["bias"] else ("*/bias", "*/beta"),
    optional=("source_embedding", "target_embedding"),
)


def load_torch_weights(
    model: keras.Model, weights: Any, prefix: str = ""
) -> keras.Model:
    """Give a Transformer the weights of a `torch.nn.Transformer`: the same output.

    `torch.nn.Transformer` maps vectors to vectors: it has no embeddings and no output
    projection, and those of the model stay as they are. It always normalises what
    leaves each stack, so the model needs `final_layer_norm=True`, which is the default
    only with `normalize_first=True`. PyTorch is not needed to read arrays.

    Nothing is changed unless everything fits. What a state dictionary does not hold
    (activation, epsilon, number of heads, where to normalise) must be the same in the
    model; from a module it is read and compared. Masks of PyTorch say what to hide:
    turn them round with `tlkeras.masks.from_torch`.

    Args:
        model: a `tlkeras.models.Transformer`.
        weights: a `torch.nn.Transformer`, or its `state_dict()` with arrays or CPU
            tensors as values.
        prefix: what the names in a state dictionary begin with, such as
            `"transformer."`, when it is that of a larger module; other names are left
            out. Defaults to `""`.

    Returns:
        The model.

    Raises:
        ValueError: a name is missing or left over, a shape or a setting differs.

    Example:

    >>> from tlkeras.models import Transformer
    >>> model = Transformer(9, 9, 8, 2, 1, 1, 16, final_layer_norm=True)
    >>> load_torch_weights(model, {})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: the state lacks ...
    """
    if hasattr(weights, "state_dict"):
        _check_settings(model, weights)
        weights = weights.state_dict()
    state = Arrays(
        {
            name.removeprefix(prefix): _array(value)
            for name, value in weights.items()
            if name.startswith(prefix)
        },
        "the state",
    )
    config = {"bias": any(name.endswith("bias") for name in state)}
    advice = functools.partial(_advice, model)
    Filling(TORCH_TRANSFORMER, config, state, advice=advice).fill(model)
    return model


def _advice(model, names):
    """What to do about names that are missing or left over."""
    advice = " Are num_encoder_layers, num_decoder_layers and prefix right?"
    if any(name.split(".")[1:2] == ["norm"] for name in names):
        advice += (
            " torch.nn.Transformer normalises what leaves each stack: make the model "
            f"with final_layer_norm={not model.final_layer_norm}."
        )
    return advice


def _array(value):
    if hasattr(value, "detach"):  # bfloat16 is unknown to NumPy
        value = value.detach().cpu().float()
    return np.asarray(value, dtype="float32")


def _check_settings(model, module):
    """Compare what a state dictionary does not say, where a module says it."""
    layer = module.encoder.layers[0]
    pairs = {
        "num_heads": (model.num_heads, module.nhead),
        "normalize_first": (model.normalize_first, layer.norm_first),
        "layer_norm_epsilon": (model.layer_norm_epsilon, layer.norm1.eps),
    }
    if isinstance(model.activation, str) and hasattr(layer.activation, "__name__"):
        pairs["activation"] = (model.activation, layer.activation.__name__)
    for name, (ours, theirs) in pairs.items():
        if ours != theirs:
            raise ValueError(
                f"{name} must be {theirs!r}, as in the torch module; the model has "
                f"{ours!r}."
            )
