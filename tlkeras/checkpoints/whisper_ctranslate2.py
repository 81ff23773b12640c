"""Whisper as CTranslate2 keeps it, in a `model.bin` that describes itself."""

import dataclasses
from collections.abc import Mapping

from tlkeras import checks as check
from tlkeras.checkpoints import whisper
from tlkeras.checkpoints.architecture import Blocks, Part
from tlkeras.checkpoints.config_files import entry, only

SUFFIXES = {"kernel": "/weight", "bias": "/bias", "gamma": "/gamma", "beta": "/beta"}
TABLE, HEAD = "decoder/embeddings/weight", "decoder/projection/weight"
OUTSIDE = {
    "subsampling/convolution_0": "encoder/conv1",
    "subsampling/convolution_1": "encoder/conv2",
    "position_embedding/embeddings": "encoder/position_encodings/encodings",
    "layer_norm": "encoder/layer_norm",
}
DECODER_OUTSIDE = {
    "target_embedding/embeddings": TABLE,
    "target_positions/embeddings": "decoder/position_encodings/encodings",
    "decoder_norm": "decoder/layer_norm",
}


def _self_attention(ours):
    """Queries, keys and values lie in one tensor."""
    names = ("query", "key", "value")
    joined = "self_attention/linear_0"
    return {
        **{f"{ours}/{x}": Part(joined, index=n, of=3) for n, x in enumerate(names)},
        f"{ours}/attention_output": "self_attention/linear_1",
        "self_attention_layer_norm": "self_attention/layer_norm",
    }


FORWARD = {
    "feedforward_intermediate_dense": "ffn/linear_0",
    "feedforward_output_dense": "ffn/linear_1",
    "feedforward_layer_norm": "ffn/layer_norm",
}
ENCODER: Mapping[str, str | Part] = {
    **_self_attention("self_attention_layer"),
    **FORWARD,
}
DECODER: Mapping[str, str | Part] = {
    **_self_attention("self_attention"),
    "cross_attention/query": "attention/linear_0",
    "cross_attention/key": Part("attention/linear_1", index=0, of=2),
    "cross_attention/value": Part("attention/linear_1", index=1, of=2),
    "cross_attention/attention_output": "attention/linear_2",
    "cross_attention_layer_norm": "attention/layer_norm",
    **FORWARD,
}
GELU = 3  # how settings of CTranslate2 call the exact one


def encoder_arguments(config, names):
    """Arguments of `SpeechEncoder`: heads from the settings, sizes from the tensors.

    Raises:
        ValueError: a tensor that says a size is missing, or a setting is another.
    """
    width, mels, _ = _shape(config, "encoder/conv1/weight", 3)
    return {
        "num_layers": _count(names, "encoder"),
        "num_heads": entry(config, "encoder/num_heads", check.positive_integer),
        "hidden_dim": width,
        "intermediate_dim": _shape(config, "encoder/layer_0/ffn/linear_0/weight", 2)[0],
        "max_sequence_length": _shape(
            config, "encoder/position_encodings/encodings", 2
        )[0],
        "num_mels": mels,
        "max_frequency": whisper.HIGHEST_MEL,
    }


def whole_arguments(config, names):
    """The same of `whisper`.

    Raises:
        ValueError: as above, or the decoder is another than Whisper's.
    """
    found = encoder_arguments(config, names)
    only(
        config,
        **{
            "decoder/num_heads": found["num_heads"],
            "decoder/activation": GELU,
            "decoder/pre_norm": 1,
            "decoder/alibi": 0,
            "decoder/scale_embeddings": 0,
            "decoder/start_from_zero_embedding": 0,
        },
    )
    return {
        "num_encoder_layers": found.pop("num_layers"),
        **found,
        "num_decoder_layers": _count(names, "decoder"),
        "vocabulary_size": _shape(config, TABLE, 2)[0],
        "max_target_length": _shape(config, "decoder/position_encodings/encodings", 2)[
            0
        ],
    }


def _shape(config, name, rank):
    shape = config["shapes"].get(name, ())
    if len(shape) != rank:
        raise ValueError(
            f"{name} must be in the file, with {rank} axes, as a size of the model is "
            f"one of its; given shape {tuple(shape)}. Is it a Whisper?"
        )
    return shape


def _count(names, side):
    """How many blocks a stack has: those with tensors."""
    inside = [x.split("/")[1] for x in names if x.startswith(f"{side}/layer_")]
    return len({x for x in inside if x.removeprefix("layer_").isdecimal()})


ENCODER_ALONE = dataclasses.replace(
    whisper.WHISPER,
    kind="CTranslate2",
    arguments=encoder_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("encoder/layer_{}/", ENCODER),),
    prefixes=(),
    suffixes=SUFFIXES,
    complete=("encoder/",),
    zeros=lambda config: (),
)
WHOLE = dataclasses.replace(
    ENCODER_ALONE,
    model=whisper.whisper,
    arguments=whole_arguments,
    outside={**OUTSIDE, **DECODER_OUTSIDE},
    blocks=(
        Blocks("encoder/layer_{}/", ENCODER, count="num_encoder_layers"),
        Blocks("decoder/layer_{}/", DECODER, "decoder_", "num_decoder_layers"),
    ),
    complete=("",),
    leave=("decoder/alignment_heads",),
    tied={HEAD: TABLE},
)
