"""BERT and ViT as KerasHub keeps them: variables by number, in files of HDF5."""

import functools

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks
from tlkeras.checkpoints.config_files import dictionary, entry
from tlkeras.checkpoints.formats.hdf5 import FILE
from tlkeras.checkpoints.vit import pair, resized
from tlkeras.models import Bert, ViT

KIND = "KerasHub"
FIRST, SECOND = "/vars/0", "/vars/1"
VARIABLES = {
    "embeddings": FIRST,
    "kernel": FIRST,
    "gamma": FIRST,
    "token": FIRST,
    "beta": SECOND,
    "bias": SECOND,
}
BERT_ENCODER = {
    "self_attention_layer/query": "_self_attention_layer/query_dense",
    "self_attention_layer/key": "_self_attention_layer/key_dense",
    "self_attention_layer/value": "_self_attention_layer/value_dense",
    "self_attention_layer/attention_output": "_self_attention_layer/output_dense",
    "self_attention_layer_norm": "_self_attention_layer_norm",
    "feedforward_intermediate_dense": "_feedforward_intermediate_dense",
    "feedforward_output_dense": "_feedforward_output_dense",
    "feedforward_layer_norm": "_feedforward_layer_norm",
}
VIT_OUTSIDE = {
    "class_token": "vi_t_patching_and_embedding",
    "patch_embedding": "vi_t_patching_and_embedding/patch_embedding",
    "position_embedding": "vi_t_patching_and_embedding/position_embedding",
    "layer_norm": "vi_t_encoder/layer_norm",
}
VIT_ENCODER = {
    "self_attention_layer/query": "mha/query_dense",
    "self_attention_layer/key": "mha/key_dense",
    "self_attention_layer/value": "mha/value_dense",
    "self_attention_layer/attention_output": "mha/output_dense",
    "self_attention_layer_norm": "layer_norm_1",
    "feedforward_intermediate_dense": "mlp/dense_1",
    "feedforward_output_dense": "mlp/dense_2",
    "feedforward_layer_norm": "layer_norm_2",
}
SIZES = ("num_layers", "num_heads", "hidden_dim")
NOT_THEIRS = ("dtype", "trainable")  # but of this computer, and of a use
FLAGS = ("use_mha_bias", "use_mlp_bias", "use_patch_bias")
three = functools.partial(check.sizes, count=3)


def numbered(name):
    """Names of blocks: the first has no number."""
    return lambda number: (f"{name}_{number}" if number else name) + "/"


def bert_arguments(config, names):
    """Arguments of `Bert`, which are KerasHub's; its GELU is the approximate one."""
    config = {k: v for k, v in _inner(config).items() if k not in NOT_THEIRS}
    return {"activation": "gelu_tanh", **config}


def vit_arguments(config, names):
    """Arguments of `ViT` from the config of KerasHub's; its GELU is the exact one."""
    config = _inner(config)
    if config.get("data_format") == "channels_first":
        raise ValueError("the preset must be channels_last; given channels_first.")
    return {
        "image_shape": entry(config, "image_shape", three),
        "patch_size": entry(config, "patch_size", pair),
        **{name: entry(config, name, check.positive_integer) for name in SIZES},
        "intermediate_dim": entry(config, "mlp_dim", check.positive_integer),
        "dropout": entry(config, "dropout_rate", check.rate),
        "layer_norm_epsilon": entry(
            config, "layer_norm_epsilon", check.positive_number
        ),
        "use_class_token": entry(config, "use_class_token", check.flag, True),
    }


def _inner(config):
    return entry(config, "config", dictionary)


def _no_bias(config):
    whole = all(_inner(config).get(name, True) for name in FLAGS)
    return () if whole else ("*/bias",)


BERT = Architecture(
    kind=KIND,
    model=Bert,
    arguments=bert_arguments,
    outside={
        "token_embedding": "reversible_embedding",
        "position_embedding": "position_embedding",
        "segment_embedding": "embedding",
        "embeddings_layer_norm": "layer_normalization",
        "pooled_dense": "dense",
    },
    blocks=(Blocks(numbered("transformer_encoder"), BERT_ENCODER),),
    prefixes=("layers/",),
    suffixes=VARIABLES,
    turned=False,
    file=FILE,
)
VIT = Architecture(
    kind=KIND,
    model=ViT,
    arguments=vit_arguments,
    outside=VIT_OUTSIDE,
    blocks=(
        Blocks(numbered("vi_t_encoder/encoder_layers/vi_t_encoder_block"), VIT_ENCODER),
    ),
    prefixes=("layers/",),
    suffixes=VARIABLES,
    turned=False,
    zeros=_no_bias,
    optional=("registers",),
    unclaimed=("num_registers",),
    later={"image_shape": resized},
    file=FILE,
)
