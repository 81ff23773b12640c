"""Checks of what a `Seq2Seq` is made of and called on."""

from tlkeras import checks as check
from tlkeras.models._encoder_model import EncoderModel

INPUTS = ("source", "target_ids")
MASK = "target_padding_mask"


def check_encoder(encoder):
    """Raise unless it is an encoder; its width and vocabulary size, or `None`."""
    if not isinstance(encoder, EncoderModel):
        raise ValueError(
            "encoder must be one of tlkeras.models, such as Bert, ViT or "
            f"SpeechEncoder; given {type(encoder).__name__}."
        )
    table = getattr(encoder, "token_embedding", None)
    words = None if table is None else table.input_dim
    return encoder.output["sequence_output"].shape[-1], words


def check_vocabulary(encoder, size):
    """Raise unless a size was given, or the encoder has one."""
    if size is None:
        raise ValueError(
            f"vocabulary_size must be given, as a {type(encoder).__name__} reads no "
            "words."
        )


def check_sharing(arguments, source_dim, words):
    """Raise unless the encoder has what is shared with it: words, and their width."""
    wanted = [name for name in ("share_embedding", "copy") if arguments[name]]
    given = arguments["vocabulary_size"]
    if wanted and words != given:
        raise ValueError(
            f"{wanted[0]}=True needs an encoder of texts with the vocabulary of the "
            f"targets, vocabulary_size={given}; this encoder has {words or 'no'} "
            "tokens."
        )
    if arguments["share_embedding"] and arguments["hidden_dim"] != source_dim:
        raise ValueError(
            f"share_embedding=True needs hidden_dim={source_dim}, the width of the "
            f"encoder; given {arguments['hidden_dim']}."
        )


def read_inputs(inputs, vocabulary_size):
    """Source, targets, and their mask or `None`.

    Raises:
        ValueError: an entry is missing, unknown, or has another shape or values.
    """
    given = set(inputs) if isinstance(inputs, dict) else {type(inputs).__name__}
    if given - {MASK} != set(INPUTS):
        raise ValueError(
            f"inputs must be a dictionary of {' and '.join(INPUTS)} and, if wanted, "
            f"{MASK}; given {', '.join(sorted(map(str, given)))}."
        )
    target_ids, keep = inputs["target_ids"], inputs.get(MASK)
    check.axes("target_ids", target_ids.shape, "B T")
    check.not_empty("target_ids", target_ids.shape)
    limit = f"vocabulary_size = {vocabulary_size}"
    check.indices("target_ids", target_ids, vocabulary_size, limit)
    check.keep_mask(MASK, keep, target_ids.shape)
    return inputs["source"], target_ids, keep


def check_rows(source, target):
    """Raise unless two batches are as large as each other, as far as they are known."""
    if None not in (source, target) and source != target:
        raise ValueError(
            "source and target_ids must hold as many rows as each other; given "
            f"{source} and {target}."
        )
