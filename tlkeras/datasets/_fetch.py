"""Files from public repositories: pinned, checked, and fetched only once."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

SITE = "https://raw.githubusercontent.com"


class Source(NamedTuple):
    """A file that never changes.

    Args:
        repository: `owner/name` on GitHub.
        commit: the full commit id.
        path: of the file, in the repository.
        sha256: of its bytes, in hexadecimal.
    """

    repository: str
    commit: str
    path: str
    sha256: str


class DataError(RuntimeError):
    """A file that cannot be had, or that is not the one it should be."""


def fetch(source):
    """The local path of a file: from `TLKERAS_MIRROR`, from Keras's cache, or fetched.

    The mirror is a folder that holds files as `owner/name/commit/path`. What it lacks
    comes from GitHub by `keras.utils.get_file`. The hash is checked in every case.

    Args:
        source: a `Source`.

    Raises:
        DataError: there is no such file, no network, or the hash is another one.
    """
    mirror = os.environ.get("TLKERAS_MIRROR")
    if mirror:
        path = Path(mirror, source.repository, source.commit, source.path)
        if path.is_file():
            return _checked(path, source)
        if not Path(mirror).is_dir():
            raise DataError(
                f"TLKERAS_MIRROR must name a folder; there is none at {mirror}."
            )
    return _download(source)


def _download(source):
    import keras

    url = f"{SITE}/{source.repository}/{source.commit}/{source.path}"
    try:
        path = keras.utils.get_file(
            source.path.replace("/", "-"),
            url,
            cache_subdir=f"tlkeras/{source.repository}/{source.commit}",
            file_hash=source.sha256,
            hash_algorithm="sha256",
        )
    except Exception as error:  # get_file raises nothing more special
        raise DataError(
            f"{source.path} could not be had from {url}: {error} Without a network, "
            f"put it at {source.repository}/{source.commit}/{source.path} in a folder "
            "that TLKERAS_MIRROR names."
        ) from error
    return Path(path)


def _checked(path, source):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise DataError(
            f"{path} is damaged, or another file: its SHA-256 is {digest}, and "
            f"{source.sha256} was expected. Copy it into the mirror again."
        )
    return path
