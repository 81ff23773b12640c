"""RoBERTa as Hugging Face keeps it: a BERT whose positions begin at 2."""

import dataclasses

from tlkeras.checkpoints.architecture import Part
from tlkeras.checkpoints.bert import BERT, EMBEDDINGS, bert_arguments, masked_lm
from tlkeras.checkpoints.config_files import only

# Theirs counts positions from the padding token's id + 1, and 1 is padding's own. So
# padding must stand behind a text, as it does everywhere in this library.
FIRST_POSITION = 2


def roberta_arguments(config, names):
    """Arguments of `Bert` from a Hugging Face config.

    Raises:
        ValueError: it is a kind of RoBERTa that `Bert` is not.
    """
    only(config, pad_token_id=FIRST_POSITION - 1)
    arguments = bert_arguments(config, names)
    length = arguments["max_sequence_length"] - FIRST_POSITION
    return {**arguments, "max_sequence_length": max(length, 1)}


ROBERTA = dataclasses.replace(
    BERT,
    arguments=roberta_arguments,
    outside={
        **EMBEDDINGS,
        "position_embedding": Part(
            EMBEDDINGS["position_embedding"], skip=FIRST_POSITION
        ),
    },
    prefixes=("roberta.",),
    renamed=(),
    heads={
        "masked_lm": masked_lm(
            {
                "head_dense": "lm_head.dense",
                "head_layer_norm": "lm_head.layer_norm",
                "head_bias": "lm_head",
            },
            "lm_head.decoder",
            "embeddings.word_embeddings.weight",
            hidden_act="gelu",  # the head's own, whatever the blocks have
        )
    },
)
