"""ViT, DeiT and I-JEPA as Hugging Face keeps them."""

import functools

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.config_files import entry, transformer_sizes
from tlkeras.models import ViT

# What stands before the patches in each architecture.
MODEL_TYPES = {
    "vit": {"use_class_token": True, "use_distillation_token": False},
    "deit": {"use_class_token": True, "use_distillation_token": True},
    "ijepa": {"use_class_token": False, "use_distillation_token": False},
}
OUTSIDE: dict[str, str | Part] = {
    "class_token/token": "embeddings.cls_token",
    "distillation_token/token": "embeddings.distillation_token",
    "patch_embedding": "embeddings.patch_embeddings.projection",
    "position_embedding/embeddings": Part("embeddings.position_embeddings", leading=1),
    "layer_norm": "layernorm",
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
pair = functools.partial(check.sizes, count=2)


def vit_arguments(config, names):
    """Arguments of `ViT` from a Hugging Face config.

    Raises:
        ValueError: it is a kind of ViT that `ViT` is not.
    """
    return {**picture_arguments(config), **MODEL_TYPES[config["model_type"]]}


def picture_arguments(config):
    """Those that every stack of encoders on patches has.

    Raises:
        ValueError: a number is missing or none.
    """
    channels = entry(config, "num_channels", check.positive_integer, 3)
    return {
        **transformer_sizes(config),
        "image_shape": (*entry(config, "image_size", pair, (224, 224)), channels),
        "patch_size": entry(config, "patch_size", pair, (16, 16)),
        "dropout": entry(config, "hidden_dropout_prob", check.rate, 0.0),
        "layer_norm_epsilon": entry(
            config, "layer_norm_eps", check.positive_number, 1e-12
        ),
    }


def resized(model, image_shape):
    """A model for images of another shape, its positions interpolated."""
    if tuple(image_shape) == tuple(model.get_config()["image_shape"]):
        return model
    return model.with_image_shape(image_shape)


# Of the biases only those of queries, keys and values may be missing (`qkv_bias`).
VIT = Architecture(
    kind="Hugging Face",
    model=ViT,
    arguments=vit_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("encoder.layer.{}.", ENCODER),),
    prefixes=("vit.", "deit.", "ijepa."),
    complete=("embeddings.", "encoder.", "layernorm."),
    leave=("embeddings.mask_token",),
    zeros=lambda config: () if config.get("qkv_bias", True) else ("*/bias",),
    optional=("registers",),
    unclaimed=("num_registers",),
    later={"image_shape": resized},
)
