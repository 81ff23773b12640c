"""Files of weights before they are read: pickles refused, hashes compared."""

import hashlib
from pathlib import Path

PICKLED = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")


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
