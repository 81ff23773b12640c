"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import digits, prose

__all__ = ["digits", "prose"]
