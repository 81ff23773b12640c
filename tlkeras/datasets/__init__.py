"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import cards, digits, prose

__all__ = ["cards", "digits", "prose"]
