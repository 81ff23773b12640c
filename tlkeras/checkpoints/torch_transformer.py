"""The weights of `torch.nn.Transformer`, in a `tlkeras.models.Transformer`."""

from typing import Any

import keras
import numpy as np

# Names of one block's layers: ours, and PyTorch's.
ENCODER = {
    "self_attention_layer": "self_attn",
    "self_attention_layer_norm": "norm1",
    "feedforward_intermediate_dense": "linear1",
    "feedforward_output_dense": "linear2",
    "feedforward_layer_norm": "norm2",
}
DECODER = {
    "self_attention": "self_attn",
    "self_attention_layer_norm": "norm1",
    "cross_attention": "multihead_attn",
    "cross_attention_layer_norm": "norm2",
    "feedforward_intermediate_dense": "linear1",
    "feedforward_output_dense": "linear2",
    "feedforward_layer_norm": "norm3",
}


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
    ValueError: weights lack ...
    """
    if hasattr(weights, "state_dict"):
        _check_settings(model, weights)
        weights = weights.state_dict()
    state = {
        name.removeprefix(prefix): _array(value)
        for name, value in weights.items()
        if name.startswith(prefix)
    }
    sources = dict(_sources(model))  # path -> (variable, PyTorch's name, third)
    names = {name for _, name, _ in sources.values()}
    if not any(name.endswith("bias") for name in state):  # Transformer(bias=False)
        state |= {name: np.float32(0) for name in names if name.endswith("bias")}
    _check_names(names, set(state), model)
    values = [
        (variable, _converted(variable, name, third, state[name]))
        for variable, name, third in sources.values()
    ]
    for variable, value in values:
        variable.assign(value)
    return model


def _array(value):
    if hasattr(value, "detach"):  # bfloat16 is unknown to NumPy
        value = value.detach().cpu().float()
    return np.asarray(value, dtype="float32")


def _sources(model):
    """Each variable's path, itself, its name in PyTorch, and which third of it."""
    stacks = (
        ("encoder", model.encoder_layers, model.encoder_norm, ENCODER),
        ("decoder", model.decoder_layers, model.decoder_norm, DECODER),
    )
    for stack, layers, norm, table in stacks:
        for number, layer in enumerate(layers):
            for variable in layer.weights:
                part, *rest = variable.path.split(f"{layer.name}/", 1)[1].split("/")
                name, third = _name(*rest)
                name = f"{stack}.layers.{number}.{table[part]}.{name}"
                yield variable.path, (variable, name, third)
        for variable in norm.weights if norm else ():
            name, _ = _name(variable.name)
            yield variable.path, (variable, f"{stack}.norm.{name}", None)


def _name(*path):
    """PyTorch's name for a weight of a layer, and which third of it is ours."""
    kind = "bias" if path[-1] in ("bias", "beta") else "weight"
    if path[0] == "attention_output":
        return f"out_proj.{kind}", None
    if len(path) == 1:
        return kind, None
    return f"in_proj_{kind}", ("query", "key", "value").index(path[0])


def _converted(variable, name, third, value):
    """PyTorch's `(out, in)` matrix, or its row of biases, in the shape of ours."""
    if value.ndim == 0:  # a bias that is not there
        return np.zeros(variable.shape, "float32")
    shape = _matrix_shape(variable)[::-1]
    if third is not None:
        shape = (3 * shape[0], *shape[1:])
    if value.shape != shape:
        raise ValueError(
            f"{name} must have shape {shape} for this model; given {value.shape}."
        )
    if third is not None:
        value = np.split(value, 3)[third]
    return value.T.reshape(variable.shape)


def _matrix_shape(variable):
    shape = tuple(variable.shape)
    if variable.name in ("bias", "beta", "gamma"):
        return (int(np.prod(shape)),)
    if len(shape) == 2:
        return shape
    wide = shape[0] if "attention_output" not in variable.path else shape[-1]
    return (wide, int(np.prod(shape)) // wide)


def _check_names(wanted, given, model):
    advice = ""
    norms = {name for name in wanted ^ given if name.split(".")[1:2] == ["norm"]}
    if norms:
        advice = (
            " torch.nn.Transformer normalises what leaves each stack: make the model "
            f"with final_layer_norm={not model.final_layer_norm}."
        )
    for names, problem in (
        (wanted - given, "lack {} names that the model needs"),
        (given - wanted, "hold {} names that the model has no place for"),
    ):
        if names:
            raise ValueError(
                f"weights {problem.format(len(names))}, such as "
                f"{', '.join(sorted(names)[:3])}. Are num_encoder_layers, "
                f"num_decoder_layers and prefix right?{advice}"
            )


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
