"""Text: data sets of sentences, and how they become rows of integers."""

from tlkeras.datasets.text.byte_pairs import BytePairs
from tlkeras.datasets.text.sequences import (
    BEGIN,
    END,
    PADDING,
    SPECIAL,
    UNKNOWN,
    Vocabulary,
    by_length,
    characters,
    chosen_positions,
    mask_tokens,
    spaced_words,
    words,
)

__all__ = [
    "BEGIN",
    "END",
    "PADDING",
    "SPECIAL",
    "UNKNOWN",
    "BytePairs",
    "Vocabulary",
    "by_length",
    "characters",
    "chosen_positions",
    "mask_tokens",
    "spaced_words",
    "words",
]
