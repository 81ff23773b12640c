"""What all files of weights have in common: names, shapes, and arrays one at a time."""

import abc
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Entry(NamedTuple):
    """What a file says of one tensor: its shape, its type, and where it lies."""

    shape: tuple[int, ...]
    dtype: str
    place: Any = None


class Reader(Mapping, abc.ABC):
    """The arrays of a file by name, each read when it is asked for.

    Opening one checks what the file claims against what it holds; an array is read by
    `reader[name]` or `reader.read(name)`, its shape and type are known without.

    Args:
        path: of the file; messages begin with it.

    Raises:
        ValueError: the file is damaged, or something else; the message names it and
            says what to do.
    """

    kind = ""  # of the model in it, where the file itself says so: "gguf>llama"

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.metadata: dict[str, Any] = {}  # what the file says beside its tensors
        self.entries: dict[str, Entry] = {}

    @abc.abstractmethod
    def read(self, name: str) -> np.ndarray:
        """One array; floats that were quantised come as float32."""

    def names(self) -> tuple[str, ...]:
        return tuple(self.entries)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.entries[name].shape

    def dtype(self, name: str) -> str:
        """The type in the file, in the file's own words."""
        return self.entries[name].dtype

    def count(self) -> int:
        """Of all numbers in the file; what has two names is counted once."""
        places = {entry.place or name: entry for name, entry in self.entries.items()}
        return sum(math.prod(entry.shape) for entry in places.values())

    def __getitem__(self, name: str) -> np.ndarray:
        return self.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __str__(self) -> str:
        return str(self.path)


class Arrays(Reader):
    """Arrays that are in memory already, behind the interface of a file.

    Args:
        arrays: by name.
        label: what messages call them.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], label: str) -> None:
        super().__init__(label)
        self.arrays = dict(arrays)
        self.entries = {
            name: Entry(tuple(array.shape), str(array.dtype))
            for name, array in self.arrays.items()
        }

    def read(self, name: str) -> np.ndarray:
        return self.arrays[name]


def unique(path: Path, names: Iterable[str]) -> None:
    """Raise when a name is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(
                f"{path} must hold each name once; {name!r} is there twice. Get it "
                "again, and if it is so again, do not use it."
            )
        seen.add(name)
