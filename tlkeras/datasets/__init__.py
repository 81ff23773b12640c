"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import digits, multi30k, phrases, tatoeba, text
from tlkeras.datasets._fetch import DataError

__all__ = ["DataError", "digits", "multi30k", "phrases", "tatoeba", "text"]
