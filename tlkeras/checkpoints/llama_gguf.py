"""Llama as llama.cpp keeps it, in a GGUF file that describes itself."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.config_files import entry, transformer_sizes
from tlkeras.checkpoints.llama import FORM
from tlkeras.models import GPT

HEAD, TABLE = "output.weight", "token_embd.weight"
OUTSIDE = {
    "token_embedding/embeddings": TABLE,
    "token_embedding/reverse_embeddings": HEAD,
    "layer_norm": "output_norm",
}
DECODER: dict[str, str | Part] = {
    "self_attention/query": Part("attn_q", paired=True),
    "self_attention/key": Part("attn_k", paired=True),
    "self_attention/value": "attn_v",
    "self_attention/attention_output": "attn_output",
    "self_attention_layer_norm": "attn_norm",
    "feedforward_gate_dense": "ffn_gate",
    "feedforward_intermediate_dense": "ffn_up",
    "feedforward_output_dense": "ffn_down",
    "feedforward_layer_norm": "ffn_norm",
}
NAME = "llama."  # what the names of its values begin with
DEPTH, WIDTH, INNER = "block_count", "embedding_length", "feed_forward_length"
SIZES = (DEPTH, "attention.head_count", WIDTH, INNER)
HEAD_SIZES = ("rope.dimension_count", "attention.key_length", "attention.value_length")
OTHERS = (
    "attention.head_count_kv",
    "attention.layer_norm_rms_epsilon",
    "context_length",
    "rope.freq_base",
    "vocab_size",
)


def llama_gguf_arguments(config, names):
    """Arguments of `GPT` from the metadata of a GGUF file; V is told by its tokens.

    Raises:
        ValueError: a value is missing, or changes what `GPT` computes.
    """
    values = {
        name.removeprefix(NAME): value
        for name, value in config.items()
        if name.startswith(NAME)
    }
    sizes = transformer_sizes({**values, "activation": "silu"}, *SIZES, "activation")
    heads, size = sizes["num_heads"], sizes["hidden_dim"] // sizes["num_heads"]
    for name, value in values.items():
        known = name in (*SIZES, *OTHERS)
        if not known and not (name in HEAD_SIZES and value == size):
            raise ValueError(
                f"{NAME}{name} must not be in the file, or be what follows from the "
                f"others; given {value!r}. `GPT` is no such Llama."
            )
    return {
        **sizes,
        **FORM,
        "vocabulary_size": entry(
            {"vocab_size": len(config.get("tokenizer.ggml.tokens", ())), **values},
            "vocab_size",
            check.positive_integer,
        ),
        "dropout": 0.0,
        "max_sequence_length": entry(values, "context_length", check.positive_integer),
        "num_key_value_heads": entry(
            values, "attention.head_count_kv", check.positive_integer, heads
        ),
        "max_wavelength": entry(
            values, "rope.freq_base", check.positive_number, 10000.0
        ),
        "tie_weights": HEAD not in names,
        "layer_norm_epsilon": entry(
            values, "attention.layer_norm_rms_epsilon", check.positive_number
        ),
    }


LLAMA_GGUF = Architecture(
    kind="GGUF",
    model=GPT,
    arguments=llama_gguf_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("blk.{}.", DECODER),),
    tied={HEAD: TABLE},
)
