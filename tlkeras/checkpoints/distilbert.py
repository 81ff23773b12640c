"""DistilBERT as Hugging Face keeps it: half a BERT, without segments or pooler."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks
from tlkeras.checkpoints.bert import masked_lm
from tlkeras.checkpoints.config_files import entry, transformer_sizes
from tlkeras.models import Bert

EMBEDDINGS = {
    "token_embedding": "embeddings.word_embeddings",
    "position_embedding": "embeddings.position_embeddings",
    "embeddings_layer_norm": "embeddings.LayerNorm",
}
ENCODER = {
    "self_attention_layer/query": "attention.q_lin",
    "self_attention_layer/key": "attention.k_lin",
    "self_attention_layer/value": "attention.v_lin",
    "self_attention_layer/attention_output": "attention.out_lin",
    "self_attention_layer_norm": "sa_layer_norm",
    "feedforward_intermediate_dense": "ffn.lin1",
    "feedforward_output_dense": "ffn.lin2",
    "feedforward_layer_norm": "output_layer_norm",
}


def distilbert_arguments(config, names):
    """Arguments of `Bert` from a Hugging Face config; its one segment adds nothing."""
    sizes = ("n_layers", "n_heads", "dim", "hidden_dim", "activation")
    return {
        **transformer_sizes(config, *sizes),
        "vocabulary_size": entry(config, "vocab_size", check.positive_integer),
        "dropout": entry(config, "dropout", check.rate, 0.1),
        "max_sequence_length": entry(
            config, "max_position_embeddings", check.positive_integer
        ),
        "num_segments": 1,
        "layer_norm_epsilon": 1e-12,
        "use_pooler": False,
    }


DISTILBERT = Architecture(
    kind="Hugging Face",
    model=Bert,
    arguments=distilbert_arguments,
    outside=EMBEDDINGS,
    blocks=(Blocks("transformer.layer.{}.", ENCODER),),
    prefixes=("distilbert.",),
    complete=("embeddings.", "transformer."),
    leave=("embeddings.position_ids",),
    zeros=lambda config: ("segment_embedding/embeddings",),
    unclaimed=("num_segments",),
    heads={
        "masked_lm": masked_lm(
            {
                "head_dense": "vocab_transform",
                "head_layer_norm": "vocab_layer_norm",
                "head_bias": "vocab_projector",
            },
            "vocab_projector",
            "embeddings.word_embeddings.weight",
        )
    },
)
