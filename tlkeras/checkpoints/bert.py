"""BERT as Hugging Face keeps it: its config, and the names of its tensors."""

import math

from tlkeras.models import Bert

ACTIVATIONS = {
    "gelu": "gelu",  # the exact one
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
# Names of layers: ours, and theirs.
EMBEDDINGS = {
    "token_embedding": "embeddings.word_embeddings",
    "position_embedding": "embeddings.position_embeddings",
    "segment_embedding": "embeddings.token_type_embeddings",
    "embeddings_layer_norm": "embeddings.LayerNorm",
    "pooled_dense": "pooler.dense",
}
ENCODER = {
    "self_attention_layer/query": "attention.self.query",
    "self_attention_layer/key": "attention.self.key",
    "self_attention_layer/value": "attention.self.value",
    "self_attention_layer/attention_output": "attention.output.dense",
    "self_attention_layer_norm": "attention.output.LayerNorm",
    "feedforward_intermediate_dense": "intermediate.dense",
    "feedforward_output_dense": "output.dense",
    "feedforward_layer_norm": "output.LayerNorm",
}
VARIABLES = {
    "embeddings": "weight",
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
}
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
NO_WEIGHT = ("embeddings.position_ids",)  # 0, 1, 2 …, saved by old versions


def bert_arguments(config):
    """Arguments of `Bert` from a Hugging Face config.

    Raises:
        ValueError: it is another architecture, or a kind of BERT that `Bert` is not.
    """
    if config.get("model_type") != "bert":
        raise ValueError(
            "config.json must have model_type 'bert'; given "
            f"{config.get('model_type')!r} (architectures: "
            f"{config.get('architectures')}). Other models need a class of their own."
        )
    activation = config.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"hidden_act must be one of {', '.join(ACTIVATIONS)}; given {activation!r}."
        )
    for name, wanted in (
        ("position_embedding_type", "absolute"),
        ("is_decoder", False),
        ("add_cross_attention", False),
    ):
        if config.get(name, wanted) != wanted:
            raise ValueError(f"{name} must be {wanted!r}; given {config[name]!r}.")
    return {
        "vocabulary_size": config["vocab_size"],
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
        "hidden_dim": config["hidden_size"],
        "intermediate_dim": config["intermediate_size"],
        "dropout": config.get("hidden_dropout_prob", 0.1),
        "max_sequence_length": config["max_position_embeddings"],
        "num_segments": config.get("type_vocab_size", 2),
        "activation": ACTIVATIONS[activation],
        "layer_norm_epsilon": config.get("layer_norm_eps", 1e-12),
    }


def bert_from_hugging_face(config, tensors, overrides):
    """A `Bert` with the weights of a Hugging Face BERT.

    Args:
        config: what config.json says.
        tensors: arrays by name, with or without the prefix `bert.`, with the names of
            today or the old `LayerNorm.gamma` and `LayerNorm.beta`.
        overrides: arguments of `Bert` that replace those of the config.

    Returns:
        The model, and the names of the tensors that were loaded, of those left out,
        and of the model's weights for which there was none.

    Raises:
        ValueError: a tensor is missing, left over inside of the encoder, or has the
            wrong shape.
    """
    names = {_plain(name): name for name in tensors}
    arguments = {**bert_arguments(config), "use_pooler": "pooler.dense.weight" in names}
    model = Bert(**{**arguments, **overrides})
    values, fresh = {}, []
    for variable in model.weights:
        name = hugging_face_name(variable.path)
        if name not in names and name.startswith("pooler."):  # asked for all the same
            fresh.append(variable.path)
            continue
        if name not in names:
            raise ValueError(
                f"The checkpoint lacks {name}, for {variable.path}. It holds "
                f"{len(tensors)} tensors, such as {', '.join(sorted(tensors)[:3])}."
            )
        values[name] = _fitted(name, tensors[names[name]], variable)
    _check_leftover(set(names) - set(values), model)
    for variable in model.weights:
        if variable.path not in fresh:
            variable.assign(values[hugging_face_name(variable.path)])
    left_out = sorted(names[name] for name in set(names) - set(values))
    return model, sorted(names[name] for name in values), left_out, fresh


def hugging_face_name(path):
    """What Hugging Face calls a weight of `Bert`."""
    layer, _, variable = path.rpartition("/")
    block, _, part = layer.partition("/")
    if not part:
        return f"{EMBEDDINGS[layer]}.{VARIABLES[variable]}"
    number = block.removeprefix("transformer_layer_")
    return f"encoder.layer.{number}.{ENCODER[part]}.{VARIABLES[variable]}"


def _plain(name):
    name = name.removeprefix("bert.")
    for old, new in OLD_NAMES.items():
        name = name.replace(old, new)
    return name


def _fitted(name, array, variable):
    """A tensor in the shape of our variable; dense kernels are transposed."""
    shape = tuple(variable.shape)
    if variable.path.endswith("attention_output/kernel"):  # (N, H, D)
        theirs = (shape[-1], math.prod(shape[:-1]))
    elif variable.name == "kernel":  # (D, N, H) or (in, out)
        theirs = (math.prod(shape[1:]), shape[0])
    elif variable.name == "embeddings":
        theirs = shape
    else:
        theirs = (math.prod(shape),)
    if array.shape != theirs:
        raise ValueError(
            f"{name} must have shape {theirs} with this config; given {array.shape}."
        )
    array = array.T if variable.name == "kernel" else array
    return array.astype("float32").reshape(shape)


def _check_leftover(names, model):
    inside = sorted(
        name
        for name in names
        if name.startswith(("embeddings.", "encoder.", "pooler."))
        and name not in NO_WEIGHT
        and not (model.pooled_dense is None and name.startswith("pooler."))
    )
    if inside:
        raise ValueError(
            f"The checkpoint holds {len(inside)} tensors for which the config has no "
            f"place, such as {', '.join(inside[:3])}: config and weights differ."
        )
