"""T5 as Hugging Face keeps it: the first one, T5 1.1 and Flan-T5."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks
from tlkeras.checkpoints.config_files import entry, one_of, only
from tlkeras.models import Seq2Seq, T5Encoder

TABLE, HEAD = "shared.weight", "lm_head.weight"
BIAS = "block.0.layer.0.SelfAttention.relative_attention_bias"  # of all blocks
OUTSIDE = {
    "token_embedding/embeddings": TABLE,
    "position_bias": f"encoder.{BIAS}",
    "layer_norm": "encoder.final_layer_norm",
    "target_position_bias": f"decoder.{BIAS}",
    "decoder_norm": "decoder.final_layer_norm",
    "target_logits/kernel": HEAD,
}


def _attention(ours, theirs):
    letters = {"query": "q", "key": "k", "value": "v", "attention_output": "o"}
    return {f"{ours}/{name}": f"{theirs}.{x}" for name, x in letters.items()}


def _dense(number):
    return {
        "feedforward_gate_dense": f"layer.{number}.DenseReluDense.wi_0",
        "feedforward_intermediate_dense": f"layer.{number}.DenseReluDense.wi_1",
        "feedforward_output_dense": f"layer.{number}.DenseReluDense.wo",
        "feedforward_layer_norm": f"layer.{number}.layer_norm",
    }


ENCODER = {
    **_attention("self_attention_layer", "layer.0.SelfAttention"),
    "self_attention_layer_norm": "layer.0.layer_norm",
    **_dense(1),
}
DECODER = {
    **_attention("self_attention", "layer.0.SelfAttention"),
    "self_attention_layer_norm": "layer.0.layer_norm",
    **_attention("cross_attention", "layer.1.EncDecAttention"),
    "cross_attention_layer_norm": "layer.1.layer_norm",
    **_dense(2),
}
FORWARD = {"relu": "relu", "gated-gelu": "geglu"}
SIZES = {  # what may be left out has a default
    "vocabulary_size": ("vocab_size",),
    "num_encoder_layers": ("num_layers",),
    "num_decoder_layers": ("num_decoder_layers",),
    "num_heads": ("num_heads",),
    "hidden_dim": ("d_model",),
    "intermediate_dim": ("d_ff",),
    "key_dim": ("d_kv",),
    "num_buckets": ("relative_attention_num_buckets", 32),
    "max_distance": ("relative_attention_max_distance", 128),
}


def t5_arguments(config, names):
    """Arguments of `t5` from a Hugging Face config.

    Raises:
        ValueError: it is a kind of T5 that `Seq2Seq` is not.
    """
    only(config, is_encoder_decoder=True)
    if config.get("num_decoder_layers") is None:
        config = {**config, "num_decoder_layers": config.get("num_layers")}
    sizes = {
        ours: entry(config, name, check.positive_integer, *default)
        for ours, (name, *default) in SIZES.items()
    }
    kind = entry(config, "feed_forward_proj", one_of(FORWARD), "relu")
    epsilon = entry(config, "layer_norm_epsilon", check.positive_number, 1e-6)
    tied = entry(config, "tie_word_embeddings", check.flag, True)
    return {
        **sizes,
        "dropout": entry(config, "dropout_rate", check.rate, 0.1),
        "activation": FORWARD[kind],
        "layer_norm_epsilon": epsilon,
        "tie_weights": tied and (_scaled(config) or HEAD not in names),
        "positions": "relative",
    }


def _scaled(config):
    """Whether logits are divided by √D: older files do not say, but tie them then."""
    tied = config.get("tie_word_embeddings") is not False
    return entry(config, "scale_decoder_outputs", check.flag, tied)


def _factors(config):
    """Ours divides by √H in attention, where theirs does not, and never by √D."""
    factors = {"*/query/kernel": config["d_kv"] ** 0.5}
    return factors | (
        {"decoder_norm/scale": config["d_model"] ** -0.5} if _scaled(config) else {}
    )


def t5(num_encoder_layers, num_decoder_layers, **arguments):
    """A `Seq2Seq` on a `T5Encoder`, from the arguments of both."""
    alone = ("positions", "tie_weights", "max_sequence_length")  # of the decoder
    shared = {x: y for x, y in arguments.items() if x not in alone}
    form = {"normalization": "rms", "use_bias": False, "share_embedding": True}
    encoder = T5Encoder(num_layers=num_encoder_layers, **shared)
    return Seq2Seq(encoder, num_layers=num_decoder_layers, **form, **arguments)


T5 = Architecture(
    kind="Hugging Face",
    model=t5,
    arguments=t5_arguments,
    outside=OUTSIDE,
    blocks=(
        Blocks("encoder.block.{}.", ENCODER, count="num_encoder_layers"),
        Blocks("decoder.block.{}.", DECODER, "decoder_", "num_decoder_layers"),
    ),
    renamed=((".wi.", ".wi_1."),),  # alone, where there is no gate
    factors=_factors,
    leave=("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",),
    tied={
        HEAD: TABLE,
        "encoder.embed_tokens.weight": TABLE,
        "decoder.embed_tokens.weight": TABLE,
    },
)
