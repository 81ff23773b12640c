"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import digits, docstrings

__all__ = ["digits", "docstrings"]
