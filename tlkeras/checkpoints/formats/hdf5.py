"""HDF5 files of weights, as KerasHub writes them, without believing their claims."""

from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from tlkeras.checkpoints.formats.reader import Entry, Reader

FILE = "model.weights.h5"
BFLOAT16 = "V2"  # as Keras keeps it, with the name in an attribute


class _RefusedError(Exception):
    """What is wrong with a file."""


class HDF5(Reader):
    """The arrays of an HDF5 file, by their path in it. See `Reader`.

    Only what lies in the file itself is read: no link, external storage or virtual data
    set is followed, and nothing that claims to be larger than what is stored of it.

    Raises:
        ValueError: the file cannot be read, or holds one of these.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._opened(lambda file: _collect(file, "", self.entries, {_address(file)}))

    def read(self, name: str) -> np.ndarray:
        array = self._opened(lambda file: file[name][()])
        is_bfloat16 = self.dtype(name) == "bfloat16"
        return array.view(ml_dtypes.bfloat16) if is_bfloat16 else array

    def _opened(self, use: Any) -> Any:
        try:
            with h5py.File(self.path) as file:
                return use(file)
        except _RefusedError as error:
            raise ValueError(f"{self.path} {error} Do not use it.") from error
        except Exception as error:  # h5py has no class of its own for a damaged file
            raise ValueError(
                f"{self.path} must hold the weights of its config; reading it says: "
                f"{error!s:.300}. It may be truncated. Get it again."
            ) from error


def _collect(group, prefix, found, seen):
    """Put what a group holds, and the groups inside it, into `found`."""
    for name in group:
        path = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _RefusedError(f"must hold its weights itself; {path} is a link.")
        item = group[name]
        if _address(item) in seen:
            raise _RefusedError(f"must hold each part once; {path} is there twice.")
        seen.add(_address(item))
        if isinstance(item, h5py.Group):
            _collect(item, f"{path}/", found, seen)
        elif isinstance(item, h5py.Dataset):
            found[path] = _entry(item, path)


def _entry(dataset, path):
    if dataset.external or dataset.is_virtual:
        raise _RefusedError(f"must hold its weights itself; {path} is in another file.")
    is_bfloat16 = dataset.dtype.str[1:] == BFLOAT16
    if dataset.dtype.kind not in "biuf" and not is_bfloat16:
        raise _RefusedError(f"must hold numbers; {path} holds {dataset.dtype}.")
    claimed, stored = dataset.nbytes, dataset.id.get_storage_size()
    if claimed > stored:
        raise _RefusedError(
            f"must store what it claims; {path} claims {claimed:,} bytes and stores "
            f"{stored:,}. Write it again without compression."
        )
    return Entry(dataset.shape, "bfloat16" if is_bfloat16 else str(dataset.dtype))


def _address(item):
    """Where an object lies in its file."""
    return h5py.h5o.get_info(item.id).addr
