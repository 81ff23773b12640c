"""GGUF, the format of llama.cpp: metadata and tensors, most of them quantised.

The header is read here, not by the package's own reader, which believes its counts: a
file of a hundred bytes can make that one fill the memory. What a block of quantised
numbers means, the package `gguf` knows.

Reference:
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from tlkeras.checkpoints.formats.reader import Entry, Reader, unique
from tlkeras.checkpoints.formats.scanner import Scanner
from tlkeras.extras import command

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32  # bytes, unless the metadata say otherwise
TEXT, ARRAY = 8, 9
# Kinds of values in metadata, by their number, as `struct` calls them.
VALUES = dict(enumerate("BbHhIif?")) | dict(enumerate("Qqd", 10))
SMALLEST_TENSOR = 8 + 4 + 4 + 8  # bytes of a header: a name's length, rank, type, place
SMALLEST_VALUE = 8 + 4 + 1
PLAIN = {"F32": "<f4", "F16": "<f2", "F64": "<f8"} | {
    f"I{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)
}


class GGUF(Reader):
    """The tensors of a GGUF file, as float32, and its metadata. See `Reader`.

    Shapes are as NumPy has them, `(out, in)`: the file has the axes the other way
    round. `metadata` holds what the file says of the model and of its tokenizer, such
    as `"llama.block_count"` or the list `"tokenizer.ggml.tokens"`.

    Raises:
        ModuleNotFoundError: the package `gguf` is not there.
        ValueError: the file is truncated or something else, or a length in it is
            longer than the file.
    """

    def __init__(self, path: Path | str) -> None:
        self._types = _package().constants
        super().__init__(path)
        with open(path, "rb") as file:
            scan = Scanner(file, path, "a whole GGUF file")
            tensors, self.metadata = _metadata(scan)
            found = [self._tensor(scan) for _ in range(tensors)]
            unique(self.path, (name for name, _ in found))
            self._place(scan, dict(found))
        self.kind = f"gguf>{self.metadata.get('general.architecture')}"

    def read(self, name: str) -> np.ndarray:
        from gguf import quants

        shape, dtype, (start, size) = self.entries[name]
        with open(self.path, "rb") as file:
            file.seek(start)
            data = np.frombuffer(file.read(size), "uint8")
        if dtype in PLAIN:
            return data.view(PLAIN[dtype]).reshape(shape)
        kind = self._types.GGMLQuantizationType[dtype]
        rows = quants.quant_shape_to_byte_shape(shape, kind)
        try:
            return quants.dequantize(data.reshape(rows), kind)
        except NotImplementedError as error:
            raise ValueError(
                f"{self.path}: {name} is of type {dtype}, which the package gguf does "
                "not turn into numbers. Get the file in another type, such as Q8_0."
            ) from error

    def _tensor(self, scan):
        """Name and entry of the next tensor; its place is not checked yet."""
        name = _text(scan, "the name of a tensor")
        rank = scan.number("I", f"the rank of {name}")
        if rank > 4:
            scan.refuse(f"{name} has {rank} axes, and at most 4 are known")
        shape = scan.numbers("Q", rank, f"the shape of {name}")[::-1]
        number, start = scan.number("I", name), scan.number("Q", name)
        try:
            dtype = self._types.GGMLQuantizationType(number)
        except ValueError:
            scan.refuse(f"{name} is of type {number}, which the package gguf lacks")
        block, size = self._types.GGML_QUANT_SIZES[dtype]
        if 0 in shape or (shape[-1] if shape else 1) % block:
            scan.refuse(f"{name} has shape {shape}, in blocks of {block} numbers")
        return name, Entry(shape, dtype.name, (start, math.prod(shape) // block * size))

    def _place(self, scan, found):
        """Keep the entries, once all lie in the file, and none on another."""
        align = self.metadata.get("general.alignment", ALIGNMENT)
        if not isinstance(align, int) or align < 1 or align & (align - 1):
            scan.refuse(f"general.alignment must be a power of 2; it is {align!r}")
        begin = -(-scan.place // align) * align
        order = sorted((*entry.place, name) for name, entry in found.items())
        ends = [place for place, _, _ in order[1:]] + [scan.size - begin]
        for (start, size, name), end in zip(order, ends, strict=bool(order)):
            if start + size > end:
                scan.refuse(
                    f"{name} claims the bytes from {start:,} to {start + size:,} of "
                    f"the data, and they end, or another tensor begins, at {end:,}"
                )
        for name, (shape, dtype, (start, size)) in found.items():
            self.entries[name] = Entry(shape, dtype, (begin + start, size))


def read_metadata(path: Path | str) -> dict[str, Any]:
    """What a GGUF file says of its model and tokenizer; this needs no package.

    Raises:
        ValueError: as `GGUF`.
    """
    with open(path, "rb") as file:
        return _metadata(Scanner(file, path, "a whole GGUF file"))[1]


def _metadata(scan):
    """How many tensors the file has, and what it says of itself."""
    tensors, values = _counts(scan)
    pairs = [_pair(scan) for _ in range(values)]
    unique(scan.path, (name for name, _ in pairs))
    return tensors, dict(pairs)


def _package():
    try:
        import gguf
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"GGUF files need the package gguf. Run: {command('gguf')}",
            name=error.name,
        ) from error
    return gguf


def _counts(scan):
    """How many tensors and values follow, once the file has proved to be GGUF."""
    magic = scan.take(4, "the first word")
    if magic != MAGIC:
        scan.refuse(f"it begins with {magic!r} instead of {MAGIC!r}")
    version = scan.number("I", "the version")
    if version not in VERSIONS:
        scan.refuse(
            f"it is of version {version}, and {VERSIONS} are read, in the byte order "
            "of ordinary machines"
        )
    tensors = scan.number("Q", "the number of tensors")
    values = scan.number("Q", "the number of values")
    scan.room(tensors * SMALLEST_TENSOR, f"{tensors:,} tensors")
    scan.room(values * SMALLEST_VALUE, f"{values:,} values")
    return tensors, values


def _text(scan, what):
    return scan.text(scan.number("Q", what), what)


def _pair(scan):
    name = _text(scan, "the name of a value")
    return name, _value(scan, name, scan.number("I", name))


def _value(scan, name, kind):
    if kind == TEXT:
        return _text(scan, name)
    if kind == ARRAY:
        kind, count = scan.number("I", name), scan.number("Q", name)
        if kind == TEXT:
            scan.room(8 * count, f"{name}, a list of {count:,} texts,")
            return [_text(scan, name) for _ in range(count)]
        return list(scan.numbers(_code(scan, name, kind), count, name))
    return scan.number(_code(scan, name, kind), name)


def _code(scan, name, kind):
    if kind not in VALUES:
        scan.refuse(f"{name} is of kind {kind}, which is not known here")
    return VALUES[kind]
