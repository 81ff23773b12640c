"""What a text is read and written with, the same for every kind of vocabulary."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tlkeras.checkpoints import Tokenizer, load_tokenizer
from tlkeras.checkpoints.sources import locate

PIECES = "pieces.json"  # what the shipped translator reads and writes with


class Pieces:
    """A `tlkeras.datasets.text.BytePairs` or `Vocabulary`, used like a `Tokenizer`.

    Args:
        vocabulary: what has `encode(texts)` and `decode(rows)`.
    """

    def __init__(self, vocabulary: Any) -> None:
        from tlkeras.datasets import text

        self._vocabulary = vocabulary
        self.padding_id, self.start_id, self.end_id = text.PADDING, text.BEGIN, text.END

    def rows(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, with its begin and end."""
        return [row[row != self.padding_id].tolist() for row in self._encode(texts)]

    def _encode(self, texts):
        return self._vocabulary.encode(texts) if texts else []

    def id_of(self, token: str) -> int:
        """The id of a special token, such as `"<de>"`."""
        specials = list(getattr(self._vocabulary, "specials", ()))
        if token not in specials:
            known = ", ".join(map(repr, specials[3:])) or "none"
            raise ValueError(f"token must be one of {known}; given {token!r}.")
        return specials.index(token)

    def decode(self, token_ids: list[int]) -> str:
        """The text of some ids."""
        if max(token_ids, default=0) >= len(self._vocabulary):
            raise ValueError(
                f"target must be what the model was trained to write with: it wrote "
                f"token {max(token_ids)}, and target has {len(self._vocabulary)}."
            )
        row = np.array([*token_ids, self.end_id])
        return self._vocabulary.decode(row[None])[0]


class Words:
    """A `Tokenizer`, under the same names.

    Args:
        tokenizer: what there is.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.padding_id = tokenizer.padding_id or 0
        self.start_id, self.end_id = tokenizer.start_id, tokenizer.end_id
        self.id_of = tokenizer.id_of

    def rows(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, framed as its model expects."""
        return self._tokenizer.encode(texts, read_special=False)

    def decode(self, token_ids: list[int]) -> str:
        """The text of some ids."""
        return self._tokenizer.decode(token_ids)


def vocabulary(name: str, given: Any) -> Pieces | Words:
    """A vocabulary that was given, or its preset.

    Raises:
        ValueError: it is none.
    """
    if isinstance(given, str | Path):
        given = load_tokenizer(given)
    if isinstance(given, Tokenizer):
        return Words(given)
    if all(callable(getattr(given, x, None)) for x in ("encode", "decode")):
        return Pieces(given)
    raise ValueError(
        f"{name} must be a tlkeras.checkpoints.Tokenizer, a preset of one, or a "
        f"vocabulary of tlkeras.datasets.text; given {type(given).__name__}."
    )


def of_preset(preset: Path | str) -> tuple[Pieces | Words, Pieces | Words]:
    """What the model of a preset reads with, and what it writes with."""
    path = locate(preset) / PIECES
    if not path.is_file():
        both = Words(load_tokenizer(preset))
        return both, both
    from tlkeras.datasets.text import BytePairs

    kept = json.loads(path.read_text("utf-8"))
    target = BytePairs(kept["translation"], kept["tags"])
    return Pieces(BytePairs(kept["english"])), Pieces(target)
