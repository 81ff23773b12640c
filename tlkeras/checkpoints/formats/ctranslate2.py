"""The `model.bin` of CTranslate2: tensors, settings and aliases in one binary file.

    version, specification, revision, n × (name, shape, type, bytes), m × (alias, name)

Integers are little-endian, texts have their length before and a 0 behind them. Read
from the description of the format in what writes it.

Reference:
    https://github.com/OpenNMT/CTranslate2, python/ctranslate2/specs/model_spec.py
"""

import math
from pathlib import Path

import ml_dtypes
import numpy as np

from tlkeras.checkpoints.formats.reader import Entry, Reader
from tlkeras.checkpoints.formats.scanner import Scanner

FILE = "model.bin"
VERSIONS = (4, 5, 6)  # earlier ones do not say the types
TYPES = {
    "float32": np.dtype("<f4"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
SCALE = "_scale"
QUANTISED = ("int8", "int16")
SMALLEST_TENSOR = 2 + 1 + 1 + 1 + 4  # bytes of its header
SMALLEST_ALIAS = 2 + 1 + 2 + 1


class CTranslate2(Reader):
    """The tensors of a `model.bin`, and its settings in `metadata`. See `Reader`.

    What was quantised comes as float32, divided by its scale (`name_scale`: one a row
    for int8, one for all for int16); scales are no tensors of their own. Settings are
    single numbers, such as `"encoder/num_heads"`; `metadata` also holds `"version"`,
    `"specification"` and `"revision"`.

    Raises:
        ValueError: the file is truncated or something else, or a length in it is
            longer than the file.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        with open(path, "rb") as file:
            scan = Scanner(file, path, f"a whole {FILE} of CTranslate2")
            count = self._head(scan)
            for _ in range(count):
                self._tensor(scan)
            self._scales(scan)
            self._settings()
            self._aliases(scan)
            if scan.place < scan.size:
                scan.refuse(f"{scan.size - scan.place:,} bytes follow its end")
        self.kind = f"ctranslate2>{self.metadata['specification']}"

    def read(self, name: str) -> np.ndarray:
        array, scale = self._array(name), self.entries[name].place[1]
        if scale is None:
            return array
        divisor = self._array(scale).astype("float32")  # (rows,) or ()
        divisor = divisor.reshape(divisor.shape + (1,) * (array.ndim - divisor.ndim))
        return array.astype("float32") / (
            divisor if divisor.size > 1 else divisor.item()
        )

    def _array(self, name):
        shape, dtype, (start, _) = self._all[name]
        with open(self.path, "rb") as file:
            file.seek(start)
            data = file.read(math.prod(shape) * TYPES[dtype].itemsize)
        return np.frombuffer(data, TYPES[dtype]).reshape(shape)

    def _head(self, scan):
        """Keep what stands before the tensors; return their number."""
        version = scan.number("I", "the version")
        if version not in VERSIONS:
            scan.refuse(
                f"it is of version {version}, and {VERSIONS} are read (convert older "
                "models again, with ctranslate2 of today)"
            )
        self.metadata["version"] = version
        self.metadata["specification"] = _text(scan, "the specification")
        self.metadata["revision"] = scan.number("I", "the revision")
        self._all: dict[str, Entry] = {}
        count = scan.number("I", "the number of tensors")
        scan.room(count * SMALLEST_TENSOR, f"{count:,} tensors")
        return count

    def _tensor(self, scan):
        name = _text(scan, "the name of a tensor")
        rank = scan.number("B", f"the rank of {name}")
        shape = scan.numbers("I", rank, f"the shape of {name}")
        number, size = scan.number("B", name), scan.number("I", name)
        if number >= len(TYPES):
            scan.refuse(f"{name} is of type {number}, which is not known here")
        dtype = list(TYPES)[number]
        if size != math.prod(shape) * TYPES[dtype].itemsize or 0 in shape:
            scan.refuse(f"{name} has {size:,} bytes, for shape {shape} of {dtype}")
        if name in self._all:
            scan.refuse(f"{name} is there twice")
        self._all[name] = Entry(shape, dtype, (scan.place, None))
        scan.skip(size, name)

    def _scales(self, scan):
        """Give each quantised tensor the name of its scale."""
        for name, (shape, dtype, (start, _)) in self._all.items():
            scale = self._all.get(name + SCALE)
            if dtype in QUANTISED and scale is not None:
                if scale.shape not in ((), (1,), shape[:1]):
                    scan.refuse(f"{name}{SCALE} has shape {scale.shape}, for {shape}")
                self._all[name] = Entry(shape, dtype, (start, name + SCALE))
            elif dtype in QUANTISED and shape and name.endswith("weight"):
                scan.refuse(f"{name} is of {dtype}, and {name}{SCALE} is not there")

    def _settings(self):
        """Tell tensors from scales and from single numbers, which are settings."""
        scales = {entry.place[1] for entry in self._all.values()}
        for name, entry in self._all.items():
            if not entry.shape and name not in scales:
                self.metadata[name] = self._array(name).item()
            elif name not in scales:
                self.entries[name] = entry

    def _aliases(self, scan):
        count = scan.number("I", "the number of aliases")
        scan.room(count * SMALLEST_ALIAS, f"{count:,} aliases")
        for _ in range(count):
            alias, name = _text(scan, "an alias"), _text(scan, "the name of an alias")
            if alias in self._all:
                scan.refuse(f"{alias} is there twice")
            if name not in self._all:
                scan.refuse(f"{alias} is another name of {name}, which is not there")
            self._all[alias] = self._all[name]
            if name in self.entries:
                self.entries[alias] = self.entries[name]
            elif name in self.metadata:
                self.metadata[alias] = self.metadata[name]


def looks_like_it(path: Path | str) -> bool:
    """Whether a file begins as a `model.bin` does, and not as a pickle or a ZIP."""
    with open(path, "rb") as file:
        first = file.read(4)
    return len(first) == 4 and int.from_bytes(first, "little") < 256  # a version


def _text(scan, what):
    text = scan.text(scan.number("H", what), what)
    if not text.endswith("\0"):
        scan.refuse(f"{what} does not end with a 0")
    return text.removesuffix("\0")
