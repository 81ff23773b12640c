"""Whisper as Hugging Face keeps it, with its front end: the encoder, or all of it."""

import dataclasses

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks
from tlkeras.checkpoints.config_files import entry, only, transformer_sizes
from tlkeras.models import SpeechEncoder, Whisper

FRONT_END_FILE = "preprocessor_config.json"
OUTSIDE = {
    "subsampling/convolution_0": "encoder.conv1",
    "subsampling/convolution_1": "encoder.conv2",
    "position_embedding": "encoder.embed_positions",
    "layer_norm": "encoder.layer_norm",
}
ENCODER = {
    "self_attention_layer/query": "self_attn.q_proj",
    "self_attention_layer/key": "self_attn.k_proj",
    "self_attention_layer/value": "self_attn.v_proj",
    "self_attention_layer/attention_output": "self_attn.out_proj",
    "self_attention_layer_norm": "self_attn_layer_norm",
    "feedforward_intermediate_dense": "fc1",
    "feedforward_output_dense": "fc2",
    "feedforward_layer_norm": "final_layer_norm",
}
TABLE, HEAD = "decoder.embed_tokens.weight", "proj_out.weight"
DECODER_OUTSIDE = {
    "target_embedding/embeddings": TABLE,
    "target_positions": "decoder.embed_positions",
    "decoder_norm": "decoder.layer_norm",
}
DECODER = {
    "self_attention/query": "self_attn.q_proj",
    "self_attention/key": "self_attn.k_proj",
    "self_attention/value": "self_attn.v_proj",
    "self_attention/attention_output": "self_attn.out_proj",
    "self_attention_layer_norm": "self_attn_layer_norm",
    "cross_attention/query": "encoder_attn.q_proj",
    "cross_attention/key": "encoder_attn.k_proj",
    "cross_attention/value": "encoder_attn.v_proj",
    "cross_attention/attention_output": "encoder_attn.out_proj",
    "cross_attention_layer_norm": "encoder_attn_layer_norm",
    "feedforward_intermediate_dense": "fc1",
    "feedforward_output_dense": "fc2",
    "feedforward_layer_norm": "final_layer_norm",
}
HIGHEST_MEL = 8000.0  # Hz, whatever the sample rate


def whisper_arguments(config, names):
    """Arguments of `SpeechEncoder` from a config, and from that of the front end.

    Raises:
        ValueError: the two differ in their mels, or a value is not known here.
    """
    sizes = transformer_sizes(
        config,
        "encoder_layers",
        "encoder_attention_heads",
        "d_model",
        "encoder_ffn_dim",
        "activation_function",
    )
    mels = entry(config, "num_mel_bins", check.positive_integer, 80)
    return {
        **sizes,
        "max_sequence_length": entry(
            config, "max_source_positions", check.positive_integer, 1500
        ),
        "dropout": entry(config, "dropout", check.rate, 0.0),
        **_front_end(config.get("front_end") or {}, mels),
    }


def _front_end(front, mels):
    """Arguments that preprocessor_config.json makes."""
    if front.get("feature_size", mels) != mels:
        raise ValueError(
            f"{FRONT_END_FILE} must have feature_size {mels}, which is num_mel_bins in "
            f"config.json; given {front['feature_size']}."
        )
    if front.get("do_normalize"):
        raise ValueError(
            f"{FRONT_END_FILE} must have do_normalize false: Whisper's waveforms are "
            "read as they are; given true."
        )
    rate = entry(front, "sampling_rate", check.positive_integer, 16000)
    return {
        "sample_rate": rate,
        "num_mels": mels,
        "fft_length": entry(front, "n_fft", check.positive_integer, 400),
        "frame_step": entry(front, "hop_length", check.positive_integer, 160),
        "max_frequency": min(HIGHEST_MEL, rate / 2),
    }


def whole_arguments(config, names):
    """Arguments of `whisper` from the same config.

    Raises:
        ValueError: as above, or encoder and decoder have other widths or heads.
    """
    found = whisper_arguments(config, names)
    only(
        config,
        scale_embedding=False,
        tie_word_embeddings=True,
        decoder_ffn_dim=found["intermediate_dim"],
        decoder_attention_heads=found["num_heads"],
    )
    sizes = {
        "num_decoder_layers": "decoder_layers",
        "vocabulary_size": "vocab_size",
        "max_target_length": "max_target_positions",
    }
    return {
        "num_encoder_layers": found.pop("num_layers"),
        **found,
        **{x: entry(config, y, check.positive_integer) for x, y in sizes.items()},
    }


SHARED = ("num_heads", "intermediate_dim", "dropout", "activation", "dtype")


def whisper(
    num_encoder_layers,
    num_decoder_layers,
    vocabulary_size,
    max_target_length=448,
    **arguments,
):
    """A `Whisper` on a `SpeechEncoder`, from the arguments of both."""
    encoder = SpeechEncoder(num_layers=num_encoder_layers, **arguments)
    return Whisper(
        encoder,
        num_layers=num_decoder_layers,
        vocabulary_size=vocabulary_size,
        max_sequence_length=max_target_length,
        **{name: arguments[name] for name in SHARED if name in arguments},
    )


# Whisper's keys have no bias. The decoder is left out.
WHISPER = Architecture(
    kind="Hugging Face",
    model=SpeechEncoder,
    arguments=whisper_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("encoder.layers.{}.", ENCODER),),
    prefixes=("model.",),
    complete=("encoder.",),
    zeros=lambda config: ("*/key/bias",),
    files={"front_end": FRONT_END_FILE},
)
WHOLE_WHISPER = dataclasses.replace(
    WHISPER,
    model=whisper,
    arguments=whole_arguments,
    outside={**OUTSIDE, **DECODER_OUTSIDE},
    blocks=(
        Blocks("encoder.layers.{}.", ENCODER, count="num_encoder_layers"),
        Blocks("decoder.layers.{}.", DECODER, "decoder_", "num_decoder_layers"),
    ),
    complete=("",),
    tied={HEAD: TABLE},
)
