"""GPT-2 as Hugging Face keeps it: queries, keys and values in one matrix."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.config_files import entry, only, transformer_sizes
from tlkeras.models import GPT

HEAD = "lm_head.weight"
OUTSIDE = {
    "token_embedding/embeddings": "wte.weight",
    "token_embedding/reverse_embeddings": HEAD,
    "position_embedding": "wpe",
    "layer_norm": "ln_f",
}
DECODER: dict[str, str | Part] = {
    "self_attention/query": Part("attn.c_attn", 0, of=3, axis=-1),
    "self_attention/key": Part("attn.c_attn", 1, of=3, axis=-1),
    "self_attention/value": Part("attn.c_attn", 2, of=3, axis=-1),
    "self_attention/attention_output": "attn.c_proj",
    "self_attention_layer_norm": "ln_1",
    "feedforward_intermediate_dense": "mlp.c_fc",
    "feedforward_output_dense": "mlp.c_proj",
    "feedforward_layer_norm": "ln_2",
}


def gpt2_arguments(config, names):
    """Arguments of `GPT` from a Hugging Face config.

    Raises:
        ValueError: it is a kind of GPT-2 that `GPT` is not.
    """
    only(config, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    only(config, add_cross_attention=False)
    tied = entry(config, "tie_word_embeddings", check.flag, True)
    width = entry(config, "n_embd", check.positive_integer)
    config = {"activation_function": "gelu_new", **config}
    config["n_inner"] = config.get("n_inner") or 4 * width
    sizes = ("n_layer", "n_head", "n_embd", "n_inner", "activation_function")
    return {
        **transformer_sizes(config, *sizes),
        "vocabulary_size": entry(config, "vocab_size", check.positive_integer),
        "dropout": entry(config, "resid_pdrop", check.rate, 0.1),
        "max_sequence_length": entry(config, "n_positions", check.positive_integer),
        "layer_norm_epsilon": entry(
            config, "layer_norm_epsilon", check.positive_number, 1e-5
        ),
        "tie_weights": tied,
    }


GPT2 = Architecture(
    kind="Hugging Face",
    model=GPT,
    arguments=gpt2_arguments,
    outside=OUTSIDE,
    blocks=(Blocks("h.{}.", DECODER),),
    prefixes=("transformer.",),
    turned=False,  # their Conv1D keeps (in, out)
    joined=True,
    leave=("h.*.attn.bias", "h.*.attn.masked_bias"),  # causal masks of old versions
    tied={HEAD: "wte.weight"},
)
