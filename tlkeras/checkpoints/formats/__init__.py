"""Files of weights, each format behind the interface of a `Reader`; never a pickle."""

from pathlib import Path

from tlkeras.checkpoints.formats import ctranslate2, safetensors
from tlkeras.checkpoints.formats.ctranslate2 import CTranslate2
from tlkeras.checkpoints.formats.gguf import GGUF
from tlkeras.checkpoints.formats.hdf5 import HDF5
from tlkeras.checkpoints.formats.reader import Arrays, Entry, Reader
from tlkeras.checkpoints.formats.safetensors import Safetensors, ShardedSafetensors
from tlkeras.checkpoints.weight_files import refuse_pickle

__all__ = [
    "GGUF",
    "HDF5",
    "Arrays",
    "CTranslate2",
    "Entry",
    "Reader",
    "Safetensors",
    "ShardedSafetensors",
    "open_weights",
]
READERS: dict[str, type[Safetensors | ShardedSafetensors | HDF5 | GGUF]] = {
    safetensors.INDEX: ShardedSafetensors,
    ".safetensors": Safetensors,
    ".h5": HDF5,
    ".gguf": GGUF,
}


def open_weights(path: Path | str) -> Reader:
    """The reader of a file of weights, chosen by its name.

    Args:
        path: of `*.safetensors`, `model.safetensors.index.json`, `*.h5`, `*.gguf`, or
            a `model.bin` of CTranslate2.

    Raises:
        ValueError: the file is pickled, damaged or of no known format.
    """
    path = Path(path)
    if path.name == ctranslate2.FILE and ctranslate2.looks_like_it(path):
        return CTranslate2(path)
    refuse_pickle(path)
    for ending, reader in READERS.items():
        if path.name.endswith(ending):
            return reader(path)
    raise ValueError(
        f"{path} must end with one of {', '.join(READERS)}, or be a "
        f"{ctranslate2.FILE} of CTranslate2. Other formats are not read."
    )
