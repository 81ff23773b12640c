"""GPT-2 and Llama as KerasHub keeps them: see `keras_hub.py`."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks
from tlkeras.checkpoints.config_files import dictionary, entry, only
from tlkeras.checkpoints.formats.hdf5 import FILE
from tlkeras.checkpoints.keras_hub import (
    BERT_ENCODER,
    KIND,
    NOT_THEIRS,
    VARIABLES,
    numbered,
)
from tlkeras.checkpoints.llama import FORM
from tlkeras.models import GPT

HEAD = "reversible_embedding/vars/1"  # only where it is not tied: the config is silent
GPT2_DECODER = {
    name.replace("self_attention_layer/", "self_attention/"): theirs
    for name, theirs in BERT_ENCODER.items()
}
LLAMA_DECODER = {
    "self_attention/query": "_self_attention_layer/_query_dense",
    "self_attention/key": "_self_attention_layer/_key_dense",
    "self_attention/value": "_self_attention_layer/_value_dense",
    "self_attention/attention_output": "_self_attention_layer/_output_dense",
    "self_attention_layer_norm": "_self_attention_layernorm",
    "feedforward_gate_dense": "_feedforward_gate_dense",
    "feedforward_intermediate_dense": "_feedforward_intermediate_dense",
    "feedforward_output_dense": "_feedforward_output_dense",
    "feedforward_layer_norm": "_feedforward_layernorm",
}
SIZES = ("num_layers", "hidden_dim", "intermediate_dim")
SAME = ("vocabulary_size", "num_key_value_heads", *SIZES)


def gpt2_arguments(config, names):
    """Arguments of `GPT`, which are KerasHub's."""
    config = entry(config, "config", dictionary)
    return {name: x for name, x in config.items() if name not in NOT_THEIRS}


def llama_arguments(config, names):
    """Arguments of `GPT` from the config of KerasHub's Llama, which knows no longest.

    Raises:
        ValueError: its rotary positions are scaled.
    """
    config = entry(config, "config", dictionary)
    only(config, rope_position_scaling_factor=1.0)
    only(config, rope_frequency_adjustment_factor=None)
    wavelength = entry(config, "rope_max_wavelength", check.positive_number, 10000)
    return {
        **{name: entry(config, name, check.positive_integer) for name in SAME},
        **FORM,
        "num_heads": entry(config, "num_query_heads", check.positive_integer),
        "max_wavelength": wavelength,
        "tie_weights": HEAD not in names,
        "layer_norm_epsilon": entry(
            config, "layer_norm_epsilon", check.positive_number, 1e-6
        ),
        "dropout": entry(config, "dropout", check.rate, 0.0),
    }


def _architecture(arguments, norm, decoder, inside):
    return Architecture(
        kind=KIND,
        model=GPT,
        arguments=arguments,
        outside={
            "token_embedding": "reversible_embedding",
            "position_embedding": "position_embedding",
            "layer_norm": norm,
        },
        blocks=(Blocks(numbered(decoder), inside),),
        prefixes=("layers/",),
        suffixes={**VARIABLES, "scale": "/vars/0", "reverse_embeddings": "/vars/1"},
        turned=False,
        file=FILE,
    )


GPT2 = _architecture(
    gpt2_arguments, "layer_normalization", "transformer_decoder", GPT2_DECODER
)
LLAMA = _architecture(
    llama_arguments, "llama_layer_norm", "llama_transformer_decoder", LLAMA_DECODER
)
