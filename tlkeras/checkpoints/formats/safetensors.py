"""Safetensors: one file, or several with an index."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tlkeras.checkpoints.config_files import dictionary, read_json
from tlkeras.checkpoints.formats.reader import Entry, Reader, unique

FILE = "model.safetensors"
INDEX = f"{FILE}.index.json"


class Safetensors(Reader):
    """The arrays of a safetensors file. See `Reader`.

    Raises:
        ValueError: the file is truncated, no safetensors file at all, or of numbers
            that NumPy does not have.
    """

    def __init__(self, path: Path | str) -> None:
        from safetensors import SafetensorError, safe_open

        super().__init__(path)
        try:
            self._file = safe_open(path, framework="np")
        except SafetensorError as error:
            raise ValueError(
                f"{path} must be a whole safetensors file; reading it says: {error}. "
                "It may be truncated, or something else under this name. Get it again."
            ) from error
        unique(self.path, _written_names(path))
        self.metadata = dict(self._file.metadata() or {})
        for name in self._file.keys():  # noqa: SIM118 it is no dictionary
            part = self._file.get_slice(name)
            self.entries[name] = Entry(tuple(part.get_shape()), part.get_dtype())

    def read(self, name: str) -> np.ndarray:
        try:
            return self._file.get_tensor(name)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.path} must hold numbers that NumPy knows; reading {name}, of "
                f"type {self.dtype(name)}, says: {error}. Write it again in float32: "
                "model.float().save_pretrained(...) of transformers."
            ) from error


class ShardedSafetensors(Reader):
    """The arrays of several safetensors files, by their index. See `Reader`.

    Args:
        path: of `model.safetensors.index.json`; the files lie beside it.

    Raises:
        ValueError: index and files differ, a file lies elsewhere, or one is damaged.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self.metadata, where = read_index(self.path)
        self.files = {}
        for name in sorted(set(where.values())):
            if not (self.path.parent / name).is_file():
                raise ValueError(f"{path} names {name}, which is not there. Get it.")
            self.files[name] = Safetensors(self.path.parent / name)
        held = {name: file for file, x in self.files.items() for name in x.names()}
        unique(self.path, (name for x in self.files.values() for name in x.names()))
        wrong = sorted(n for n in {*held, *where} if held.get(n) != where.get(n))
        if wrong:
            name = wrong[0]
            raise ValueError(
                f"{path} must say where each tensor lies; by the index {name} is in "
                f"{where.get(name)}, and it lies in {held.get(name)}. Get index and "
                "files again, from one place."
            )
        for name, file in held.items():
            self.entries[name] = self.files[file].entries[name]

    def read(self, name: str) -> np.ndarray:
        file = next(x for x in self.files.values() if name in x)
        return file.read(name)


def read_index(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What an index says: of itself, and in which file beside it each tensor lies.

    Raises:
        ValueError: it is none, or the name of a file leads elsewhere.
    """
    index = read_json(path)
    where = dictionary(f"{path}: weight_map", index.get("weight_map"))
    for name in where.values():
        plain = isinstance(name, str) and Path(name).name == name
        if not plain or not name.endswith(".safetensors"):
            raise ValueError(
                f"{path} must name safetensors files beside it; given {name!r}. Do not "
                "use it."
            )
    return dictionary(f"{path}: metadata", index.get("metadata", {})), where


def write_safetensors(
    arrays: Mapping[str, np.ndarray], path: Path, dtype: str | None = None
) -> None:
    """Write arrays by name; `dtype` is what floats become, if given."""
    from safetensors.numpy import save_file

    ready = {}
    for name, array in arrays.items():
        floats = np.issubdtype(array.dtype, np.floating)
        array = array.astype(dtype) if floats and dtype else array
        ready[name] = np.ascontiguousarray(array).reshape(array.shape)  # () stays ()
    save_file(ready, path)


def _written_names(path):
    """The names in a header that is known to be sound, also those there twice."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        pairs = json.loads(file.read(size), object_pairs_hook=list)
    return [name for name, _ in pairs]
