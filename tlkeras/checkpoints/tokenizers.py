"""From text to the inputs of `Bert`, with KerasHub's WordPiece."""

from pathlib import Path
from typing import Any

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import entry, read_json
from tlkeras.checkpoints.sources import locate
from tlkeras.checkpoints.tokenization.files import words_of


def preprocessor(
    preset: Path | str, sequence_length: int = 128, revision: str | None = None
) -> Any:
    """KerasHub's preprocessor with the vocabulary of a Hugging Face preset.

    Args:
        preset: as in `from_preset`; the folder holds `vocab.txt` and, if wanted,
            `tokenizer_config.json`, whose `do_lower_case` defaults to `True` and whose
            `strip_accents` to the same.
        sequence_length: T, tokens a text, with `[CLS]` and `[SEP]`. Defaults to 128.
        revision: as in `from_preset`.

    Returns:
        A `keras_hub.models.BertTextClassifierPreprocessor`: called on a list of B
        texts it gives a dictionary of `token_ids`, `segment_ids` and `padding_mask`,
        each `(B, T)`. For pairs of texts write `prepare((firsts, seconds), None)`:
        KerasHub takes a pair alone for texts and labels.

    Raises:
        ValueError: there is no `vocab.txt`, or it is not one.
    """
    import keras_hub

    folder = locate(preset, revision)
    vocabulary = folder / "vocab.txt"
    if not vocabulary.is_file():
        raise ValueError(f"{folder} must hold a vocab.txt; it does not.")
    settings = folder / "tokenizer_config.json"
    config = read_json(settings) if settings.is_file() else {}
    lower = entry(config, "do_lower_case", check.flag, True)
    accents = config.get("strip_accents")  # Hugging Face: None means as `lower`
    tokenizer = keras_hub.models.BertTokenizer(
        words_of(vocabulary),
        lowercase=lower,
        strip_accents=lower
        if accents is None
        else check.flag("strip_accents", accents),
    )
    return keras_hub.models.BertTextClassifierPreprocessor(
        tokenizer, sequence_length=sequence_length
    )
