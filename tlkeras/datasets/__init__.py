"""Where data comes from, and how it becomes arrays; one module a data set."""

from tlkeras.datasets import (
    cifar10,
    digits,
    image_files,
    mnist,
    multi30k,
    phrases,
    shapes,
    tatoeba,
    text,
)
from tlkeras.datasets._fetch import DataError

__all__ = [
    "DataError",
    "cifar10",
    "digits",
    "image_files",
    "mnist",
    "multi30k",
    "phrases",
    "shapes",
    "tatoeba",
    "text",
]
