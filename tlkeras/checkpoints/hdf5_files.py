"""HDF5 files of weights, read without believing what they claim."""

import h5py
import ml_dtypes

BFLOAT16 = "V2"  # as Keras keeps it, with the name in an attribute


class _RefusedError(Exception):
    """What is wrong with a file."""


def read_hdf5(path):
    """The arrays of an HDF5 file, by their path in it.

    Only what lies in the file itself is read: no link, external storage or virtual data
    set is followed, and nothing that claims to be larger than what is stored of it.

    Raises:
        ValueError: the file cannot be read, or holds one of these.
    """
    found: dict = {}
    try:
        with h5py.File(path) as file:
            _collect(file, "", found, {_address(file)})
    except _RefusedError as error:
        raise ValueError(f"{path} {error} Do not use it.") from error
    except Exception as error:  # h5py has no class of its own for a damaged file
        raise ValueError(
            f"{path} must hold the weights of its config; reading it says: "
            f"{error!s:.300}. It may be truncated. Get it again."
        ) from error
    return found


def _collect(group, prefix, found, seen):
    """Put the arrays of a group, and of those inside it, into `found`."""
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
            found[path] = _array(item, path)


def _array(dataset, path):
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
    return dataset[()].view(ml_dtypes.bfloat16) if is_bfloat16 else dataset[()]


def _address(item):
    """Where an object lies in its file."""
    return h5py.h5o.get_info(item.id).addr
