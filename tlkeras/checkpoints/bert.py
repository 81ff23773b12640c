"""BERT as Hugging Face keeps it: its config, and the names of its tensors."""

import math

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import check_claims, entry, one_of
from tlkeras.models import Bert, BertMaskedLM

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
    "head_dense": "cls.predictions.transform.dense",
    "head_layer_norm": "cls.predictions.transform.LayerNorm",
    "head_bias": "cls.predictions",
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
DECODER = "cls.predictions.decoder"  # shares the head's bias and the token embedding
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
    activation = entry(config, "hidden_act", one_of(ACTIVATIONS), "gelu")
    for name, wanted in (
        ("position_embedding_type", "absolute"),
        ("is_decoder", False),
        ("add_cross_attention", False),
    ):
        if config.get(name, wanted) != wanted:
            raise ValueError(f"{name} must be {wanted!r}; given {config[name]!r}.")
    return {
        "vocabulary_size": entry(config, "vocab_size", check.positive_integer),
        "num_layers": entry(config, "num_hidden_layers", check.positive_integer),
        "num_heads": entry(config, "num_attention_heads", check.positive_integer),
        "hidden_dim": entry(config, "hidden_size", check.positive_integer),
        "intermediate_dim": entry(config, "intermediate_size", check.positive_integer),
        "dropout": entry(config, "hidden_dropout_prob", check.rate, 0.1),
        "max_sequence_length": entry(
            config, "max_position_embeddings", check.positive_integer
        ),
        "num_segments": entry(config, "type_vocab_size", check.positive_integer, 2),
        "activation": ACTIVATIONS[activation],
        "layer_norm_epsilon": entry(
            config, "layer_norm_eps", check.positive_number, 1e-12
        ),
    }


def bert_from_hugging_face(config, tensors, overrides, head=None):
    """A `Bert` with the weights of a Hugging Face BERT, or a `BertMaskedLM`.

    Args:
        config: what config.json says.
        tensors: arrays by name, with or without the prefix `bert.`, with the names of
            today or the old `LayerNorm.gamma` and `LayerNorm.beta`.
        overrides: arguments of `Bert` that replace those of the config.
        head: `"masked_lm"` for a `BertMaskedLM`. Defaults to none.

    Returns:
        The model, and the names of the tensors that were loaded, of those left out,
        and of the model's weights for which there was none.

    Raises:
        ValueError: a tensor is missing, left over inside of the encoder, or has the
            wrong shape; or there is no such head.
    """
    names = {_plain(name): name for name in tensors}
    arguments = {**bert_arguments(config), "use_pooler": "pooler.dense.weight" in names}
    arguments = {**arguments, **overrides}
    check_claims(arguments, tensors)
    backbone = Bert(**arguments)
    model: Bert | BertMaskedLM = backbone
    if head:
        _check_head(config, tensors, names)
        model = BertMaskedLM(backbone)
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
    _check_leftover(set(names) - set(values), backbone)
    for variable in model.weights:
        if variable.path not in fresh:
            variable.assign(values[hugging_face_name(variable.path)])
    shared = {f"{DECODER}.weight", f"{DECODER}.bias"} if head else set()
    left_out = sorted(names[name] for name in set(names) - set(values) - shared)
    return model, sorted(names[name] for name in values), left_out, fresh


def _check_head(config, tensors, names):
    """Raise unless there is a masked-LM head whose decoder is the token embedding."""
    if "cls.predictions.transform.dense.weight" not in names:
        raise ValueError(
            "The checkpoint has no masked-LM head (cls.predictions.*); it is of "
            f"{config.get('architectures')}. Leave out head to get the Bert alone."
        )
    if f"{DECODER}.bias" in names:
        names.setdefault("cls.predictions.bias", names[f"{DECODER}.bias"])
    if f"{DECODER}.weight" in names:
        decoder = tensors[names[f"{DECODER}.weight"]]
        table = tensors[names[f"{EMBEDDINGS['token_embedding']}.weight"]]
        if decoder.shape != table.shape or (decoder != table).any():
            raise ValueError(
                f"{DECODER}.weight must be the token embedding, which BertMaskedLM "
                "shares with its head; in this checkpoint they differ."
            )


def hugging_face_name(path):
    """What Hugging Face calls a weight of `Bert` or `BertMaskedLM`."""
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
        theirs: tuple = (shape[-1], math.prod(shape[:-1]))
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
