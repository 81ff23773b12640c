"""BERT as Hugging Face keeps it: its config, and the names of its tensors."""

from tlkeras import checks as check
from tlkeras.checkpoints.architecture import Architecture, Blocks, Head
from tlkeras.checkpoints.config_files import entry, only, transformer_sizes
from tlkeras.models import Bert, BertMaskedLM

EMBEDDINGS = {
    "token_embedding": "embeddings.word_embeddings",
    "position_embedding": "embeddings.position_embeddings",
    "segment_embedding": "embeddings.token_type_embeddings",
    "embeddings_layer_norm": "embeddings.LayerNorm",
    "pooled_dense": "pooler.dense",
}
ENCODER = {
    "self_attention_layer/query": "attention.self.query",
    "self_attention_layer/key": "attention.self.key",
    "self_attention_layer/value": "attention.self.value",
    "self_attention_layer/attention_output": "attention.output.dense",
    "self_attention_layer_norm": "attention.output.LayerNorm",
    "feedforward_intermediate_dense": "intermediate.dense",
    "feedforward_output_dense": "output.dense",
    "feedforward_layer_norm": "output.LayerNorm",
}


def bert_arguments(config, names):
    """Arguments of `Bert` from a Hugging Face config.

    Raises:
        ValueError: it is a kind of BERT that `Bert` is not.
    """
    only(config, position_embedding_type="absolute")
    only(config, is_decoder=False, add_cross_attention=False)
    return {
        **transformer_sizes(config),
        "vocabulary_size": entry(config, "vocab_size", check.positive_integer),
        "dropout": entry(config, "hidden_dropout_prob", check.rate, 0.1),
        "max_sequence_length": entry(
            config, "max_position_embeddings", check.positive_integer
        ),
        "num_segments": entry(config, "type_vocab_size", check.positive_integer, 2),
        "layer_norm_epsilon": entry(
            config, "layer_norm_eps", check.positive_number, 1e-12
        ),
        "use_pooler": "pooler.dense.weight" in names,
    }


def masked_lm(names, decoder, table, **known):
    """The head of a `BertMaskedLM`, whose decoder shares bias and token embedding.

    Args:
        names: of its layers, ours to theirs.
        decoder: their layer of the logits.
        table: their token embedding.
        **known: what the config must say.
    """

    def model(backbone, config):
        only(config, **known)
        return BertMaskedLM(backbone)

    tied = {f"{decoder}.weight": table, f"{decoder}.bias": f"{names['head_bias']}.bias"}
    return Head(model, names, tied)


BERT = Architecture(
    kind="Hugging Face",
    model=Bert,
    arguments=bert_arguments,
    outside=EMBEDDINGS,
    blocks=(Blocks("encoder.layer.{}.", ENCODER),),
    prefixes=("bert.",),
    renamed=(
        ("LayerNorm.gamma", "LayerNorm.weight"),
        ("LayerNorm.beta", "LayerNorm.bias"),
    ),
    complete=("embeddings.", "encoder.", "pooler."),
    leave=("embeddings.position_ids",),  # 0, 1, 2 …, saved by old versions
    optional=("pooled_dense",),
    heads={
        "masked_lm": masked_lm(
            {
                "head_dense": "cls.predictions.transform.dense",
                "head_layer_norm": "cls.predictions.transform.LayerNorm",
                "head_bias": "cls.predictions",
            },
            "cls.predictions.decoder",
            "embeddings.word_embeddings.weight",
        )
    },
)


def hugging_face_name(path):
    """What Hugging Face calls a weight of `Bert` or `BertMaskedLM`."""
    return BERT.part(path).name
