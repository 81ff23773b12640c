"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import cards, digits, multi30k, phrases, prose, tatoeba, text
from tlkeras.datasets._fetch import DataError

__all__ = [
    "DataError",
    "cards",
    "digits",
    "multi30k",
    "phrases",
    "prose",
    "tatoeba",
    "text",
]
