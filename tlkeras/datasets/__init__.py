"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import (
    ag_news,
    cards,
    cifar10,
    digits,
    docstrings,
    image_files,
    mnist,
    multi30k,
    phrases,
    prose,
    shapes,
    sst2,
    tatoeba,
    text,
)
from tlkeras.datasets._fetch import DataError

__all__ = [
    "DataError",
    "ag_news",
    "cards",
    "cifar10",
    "digits",
    "docstrings",
    "image_files",
    "mnist",
    "multi30k",
    "phrases",
    "prose",
    "shapes",
    "sst2",
    "tatoeba",
    "text",
]
