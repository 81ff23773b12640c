"""ViT, DeiT and I-JEPA as Hugging Face keeps them, and ViT as KerasHub does."""

import math

import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints.bert import ACTIVATIONS
from tlkeras.checkpoints.config_files import check_claims, entry, one_of
from tlkeras.models import ViT

# What stands before the patches in each architecture.
MODEL_TYPES = {
    "vit": {"use_class_token": True},
    "deit": {"use_class_token": True, "use_distillation_token": True},
    "ijepa": {"use_class_token": False},
}
PREFIXES = ("vit.", "deit.", "ijepa.")
# Names of weights: ours, and Hugging Face's.
OUTSIDE = {
    "class_token/token": "embeddings.cls_token",
    "distillation_token/token": "embeddings.distillation_token",
    "patch_embedding/kernel": "embeddings.patch_embeddings.projection.weight",
    "patch_embedding/bias": "embeddings.patch_embeddings.projection.bias",
    "position_embedding/embeddings": "embeddings.position_embeddings",
    "layer_norm/gamma": "layernorm.weight",
    "layer_norm/beta": "layernorm.bias",
}
ENCODER = {
    "self_attention_layer/query": "attention.attention.query",
    "self_attention_layer/key": "attention.attention.key",
    "self_attention_layer/value": "attention.attention.value",
    "self_attention_layer/attention_output": "attention.output.dense",
    "self_attention_layer_norm": "layernorm_before",
    "feedforward_intermediate_dense": "intermediate.dense",
    "feedforward_output_dense": "output.dense",
    "feedforward_layer_norm": "layernorm_after",
}
VARIABLES = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
# KerasHub keeps variables by number, in files without their names.
HUB_OUTSIDE = {
    "class_token/token": "vi_t_patching_and_embedding/vars/0",
    "patch_embedding/kernel": "vi_t_patching_and_embedding/patch_embedding/vars/0",
    "patch_embedding/bias": "vi_t_patching_and_embedding/patch_embedding/vars/1",
    "position_embedding/embeddings": (
        "vi_t_patching_and_embedding/position_embedding/vars/0"
    ),
    "layer_norm/gamma": "vi_t_encoder/layer_norm/vars/0",
    "layer_norm/beta": "vi_t_encoder/layer_norm/vars/1",
}
HUB_ENCODER = {
    "self_attention_layer/query": "mha/query_dense",
    "self_attention_layer/key": "mha/key_dense",
    "self_attention_layer/value": "mha/value_dense",
    "self_attention_layer/attention_output": "mha/output_dense",
    "self_attention_layer_norm": "layer_norm_1",
    "feedforward_intermediate_dense": "mlp/dense_1",
    "feedforward_output_dense": "mlp/dense_2",
    "feedforward_layer_norm": "layer_norm_2",
}
HUB_SIZES = ("num_layers", "num_heads", "hidden_dim")


def vit_arguments(config):
    """Arguments of `ViT` from a Hugging Face config.

    Raises:
        ValueError: it is another architecture, or a kind of ViT that `ViT` is not.
    """
    activation = entry(config, "hidden_act", one_of(ACTIVATIONS), "gelu")
    height, width = entry(config, "image_size", _pair, (224, 224))
    return {
        "image_shape": (
            height,
            width,
            entry(config, "num_channels", check.positive_integer, 3),
        ),
        "patch_size": entry(config, "patch_size", _pair, (16, 16)),
        "num_layers": entry(config, "num_hidden_layers", check.positive_integer),
        "num_heads": entry(config, "num_attention_heads", check.positive_integer),
        "hidden_dim": entry(config, "hidden_size", check.positive_integer),
        "intermediate_dim": entry(config, "intermediate_size", check.positive_integer),
        "dropout": entry(config, "hidden_dropout_prob", check.rate, 0.0),
        "activation": ACTIVATIONS[activation],
        "layer_norm_epsilon": entry(
            config, "layer_norm_eps", check.positive_number, 1e-12
        ),
        **MODEL_TYPES[config["model_type"]],
    }


def vit_from_hugging_face(config, tensors, overrides):
    """A `ViT` with the weights of a Hugging Face ViT, DeiT or I-JEPA.

    Another `image_shape` in the overrides interpolates the positions. A checkpoint
    whose queries, keys and values have no bias (`qkv_bias=False`) gets zeros. The
    pooler, heads and the mask token are left out.

    Args:
        config: what config.json says.
        tensors: arrays by name.
        overrides: arguments of `ViT` that replace those of the config.

    Returns:
        The model, and the names of the tensors that were loaded, of those left out,
        and of the model's weights for which there was none.

    Raises:
        ValueError: a tensor is missing, left over inside of the encoder, or has the
            wrong shape.
    """
    names = {_plain(name): name for name in tensors}

    def find(variable):
        name = _hugging_face_name(variable.path)
        return None if name is None else names.get(name)

    no_bias = not config.get("qkv_bias", True)
    model, used, fresh = _filled(
        vit_arguments(config), overrides, tensors, find, no_bias, _from_torch
    )
    left = {plain: name for plain, name in names.items() if name not in used}
    inside = sorted(
        name
        for plain, name in left.items()
        if plain.startswith(("embeddings.", "encoder.", "layernorm."))
        and plain != "embeddings.mask_token"
    )
    if inside:
        raise ValueError(
            f"The checkpoint holds {len(inside)} tensors for which the config has no "
            f"place, such as {', '.join(inside[:3])}: config and weights differ."
        )
    return model, sorted(used), sorted(left.values()), fresh


def vit_from_keras_hub(config, tensors, overrides):
    """A `ViT` with the weights of KerasHub's `ViTBackbone`.

    KerasHub's GELU is the exact one here. Layers that it has without biases get zeros.

    Args:
        config: of the backbone.
        tensors: arrays by their path in `model.weights.h5`, without `layers/`.
        overrides: arguments of `ViT` that replace those of the config.

    Returns:
        As `vit_from_hugging_face`.
    """
    if config.get("data_format") == "channels_first":
        raise ValueError("the preset must be channels_last; given channels_first.")
    arguments = {
        "image_shape": entry(config, "image_shape", _three),
        "patch_size": entry(config, "patch_size", _pair),
        **{name: entry(config, name, check.positive_integer) for name in HUB_SIZES},
        "intermediate_dim": entry(config, "mlp_dim", check.positive_integer),
        "dropout": entry(config, "dropout_rate", check.rate),
        "layer_norm_epsilon": entry(
            config, "layer_norm_epsilon", check.positive_number
        ),
        "use_class_token": entry(config, "use_class_token", check.flag, True),
    }
    flags = ("use_mha_bias", "use_mlp_bias", "use_patch_bias")
    no_bias = not all(config.get(name, True) for name in flags)

    def find(variable):
        name = _keras_hub_name(variable.path)
        return name if name in tensors else None

    model, used, fresh = _filled(
        arguments, overrides, tensors, find, no_bias, _as_it_is
    )
    left = sorted(set(tensors) - set(used))
    if left:
        raise ValueError(
            f"The preset holds {len(left)} arrays for which the config has no place, "
            f"such as {', '.join(left[:3])}: config and weights differ."
        )
    return model, sorted(used), [], fresh


def _filled(arguments, overrides, tensors, find, no_bias, fitted):
    """A model with its values: the model, names used, paths that got none."""
    overrides = dict(overrides)
    image_shape = overrides.pop("image_shape", arguments["image_shape"])
    arguments = {**arguments, **overrides}
    check_claims({**arguments, "num_registers": 0}, tensors)  # those may be fresh
    model = ViT(**arguments)
    values, used, fresh = {}, [], []
    for variable in model.weights:
        name = find(variable)
        if name is not None:
            values[variable.path] = fitted(name, tensors[name], variable)
            used.append(name)
        elif variable.path.startswith("registers/"):  # asked for, never trained
            fresh.append(variable.path)
        elif no_bias and variable.name == "bias":
            values[variable.path] = np.zeros(variable.shape, "float32")
        else:
            raise ValueError(
                f"The checkpoint lacks a tensor for {variable.path}. It holds "
                f"{len(tensors)} tensors, such as {', '.join(sorted(tensors)[:3])}."
            )
    for variable in model.weights:
        if variable.path in values:
            variable.assign(values[variable.path])
    if tuple(image_shape) != tuple(arguments["image_shape"]):
        model = model.with_image_shape(image_shape)
    return model, used, fresh


def _pair(name, value):
    return check.sizes(name, value, 2)


def _three(name, value):
    return check.sizes(name, value, 3)


def _plain(name):
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _block(path):
    """`transformer_layer_3/query/kernel` to `(3, "query", "kernel")`."""
    layer, _, variable = path.rpartition("/")
    block, _, part = layer.partition("/")
    return int(block.removeprefix("transformer_layer_")), part, variable


def _hugging_face_name(path):
    if not path.startswith("transformer_layer_"):
        return OUTSIDE.get(path)
    number, part, variable = _block(path)
    return f"encoder.layer.{number}.{ENCODER[part]}.{VARIABLES[variable]}"


def _keras_hub_name(path):
    if not path.startswith("transformer_layer_"):
        return HUB_OUTSIDE.get(path)
    number, part, variable = _block(path)
    block = "vi_t_encoder_block" + (f"_{number}" if number else "")
    index = 1 if variable in ("bias", "beta") else 0
    folder = f"vi_t_encoder/encoder_layers/{block}"
    return f"{folder}/{HUB_ENCODER[part]}/vars/{index}"


def _from_torch(name, array, variable):
    """A tensor of PyTorch in the shape of our variable."""
    shape = tuple(variable.shape)
    if variable.path == "patch_embedding/kernel":  # (D, C, h, w) to (h, w, C, D)
        height, width, channels, hidden_dim = shape
        _check(name, array.shape, (hidden_dim, channels, height, width))
        return array.transpose(2, 3, 1, 0).astype("float32")
    if variable.name == "kernel":
        output = variable.path.endswith("attention_output/kernel")  # (N, H, D)
        inner = math.prod(shape[:-1]) if output else shape[0]
        _check(name, array.shape, (math.prod(shape) // inner, inner))
        return array.T.astype("float32").reshape(shape)
    if variable.name == "embeddings":
        _check(name, array.shape, (1, *shape))
    else:
        _check(name, (array.size,), (math.prod(shape),))
    return array.astype("float32").reshape(shape)


def _as_it_is(name, array, variable):
    _check(name, (array.size,), (math.prod(variable.shape),))
    return array.astype("float32").reshape(variable.shape)


def _check(name, given, wanted):
    if tuple(given) != tuple(wanted):
        raise ValueError(
            f"{name} must have shape {tuple(wanted)} with this config; given "
            f"{tuple(given)}."
        )
