"""Llama as Hugging Face keeps it."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks
from tlkeras.checkpoints.config_files import (
    dictionary,
    entry,
    only,
    transformer_sizes,
)
from tlkeras.models import GPT

HEAD, TABLE = "lm_head.weight", "embed_tokens.weight"
OUTSIDE = {
    "token_embedding/embeddings": TABLE,
    "token_embedding/reverse_embeddings": HEAD,
    "layer_norm": "norm",
}
DECODER = {
    "self_attention/query": "self_attn.q_proj",
    "self_attention/key": "self_attn.k_proj",
    "self_attention/value": "self_attn.v_proj",
    "self_attention/attention_output": "self_attn.o_proj",
    "self_attention_layer_norm": "input_layernorm",
    "feedforward_gate_dense": "mlp.gate_proj",
    "feedforward_intermediate_dense": "mlp.up_proj",
    "feedforward_output_dense": "mlp.down_proj",
    "feedforward_layer_norm": "post_attention_layernorm",
}
# What makes a `GPT` a Llama.
FORM = {
    "positions": "rotary",
    "normalization": "rms",
    "activation": "swiglu",
    "use_bias": False,
}
ROPE = ("rope_theta", "rope_type", "type", "partial_rotary_factor")


def llama_arguments(config, names):
    """Arguments of `GPT` from a Hugging Face config.

    Raises:
        ValueError: it is a kind of Llama that `GPT` is not.
    """
    only(config, hidden_act="silu", attention_bias=False, mlp_bias=False)
    sizes = transformer_sizes(config)
    heads = sizes["num_heads"]
    if config.get("head_dim") is not None:
        only(config, head_dim=sizes["hidden_dim"] // heads)
    return {
        **sizes,
        **FORM,
        "vocabulary_size": entry(config, "vocab_size", check.positive_integer),
        "dropout": entry(config, "attention_dropout", check.rate, 0.0),
        "max_sequence_length": entry(
            config, "max_position_embeddings", check.positive_integer, 2048
        ),
        "num_key_value_heads": config.get("num_key_value_heads") or heads,
        "max_wavelength": _wavelength(config),
        "tie_weights": entry(config, "tie_word_embeddings", check.flag, False),
        "layer_norm_epsilon": entry(
            config, "rms_norm_eps", check.positive_number, 1e-6
        ),
    }


def _wavelength(config):
    """`rope_theta`, which newer files keep in a dictionary; no scaling is known."""
    for name in ("rope_scaling", "rope_parameters"):
        rope = dictionary(name, config.get(name) or {})
        only(rope, rope_type="default", type="default")
        only(rope, **{other: None for other in rope if other not in ROPE})
        config = {**config, **rope}
    only(config, partial_rotary_factor=1.0)
    return entry(config, "rope_theta", check.positive_number, 10000.0)


LLAMA = Architecture(
    kind="Hugging Face",
    model=GPT,
    arguments=llama_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("layers.{}.", DECODER),),
    prefixes=("model.",),
    leave=("layers.*.self_attn.rotary_emb.inv_freq",),  # saved by old versions
    tied={HEAD: TABLE},
)
