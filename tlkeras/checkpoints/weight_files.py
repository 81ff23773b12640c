"""Files of weights: safetensors in and out, everything pickled refused."""

import hashlib
from pathlib import Path

import numpy as np

PICKLED = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")


def read_safetensors(path):
    """The arrays of a safetensors file, name to array.

    Raises:
        ValueError: the file is pickled, truncated, no safetensors file at all, or of
            numbers that NumPy does not have.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    refuse_pickle(path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path} must be a whole safetensors file; reading it says: {error}. It "
            "may be truncated, or something else under this name. Get it again."
        ) from error
    except (
        AttributeError,
        KeyError,
    ) as error:  # a type of number that NumPy does not have
        raise ValueError(
            f"{path} must hold numbers that NumPy knows; it holds {error}. Write it "
            "again in float32: model.float().save_pretrained(...) of transformers."
        ) from error


def write_safetensors(arrays, path, dtype=None):
    """Write arrays by name; `dtype` is what floats become, if given."""
    from safetensors.numpy import save_file

    ready = {}
    for name, array in arrays.items():
        floats = np.issubdtype(array.dtype, np.floating)
        array = array.astype(dtype) if floats and dtype else array
        ready[name] = np.ascontiguousarray(array)
    save_file(ready, path)


def refuse_pickle(path):
    """Raise when a file's name says that it is pickled.

    Raises:
        ValueError: it is: loading it could run any code.
    """
    if Path(path).suffix in PICKLED:
        raise ValueError(
            f"{path} is pickled, and loading a pickle can run any code in it. Give a "
            "model.safetensors; transformers writes one with save_pretrained()."
        )


def sha256_of(path):
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path, expected):
    """Raise unless a file has the SHA-256 expected.

    Raises:
        ValueError: it has another one.
    """
    found = sha256_of(path)
    if found != expected.lower():
        raise ValueError(
            f"{path} must have the SHA-256 {expected}; it has {found}. It is damaged "
            "or another file: do not use it."
        )
