"""A folder of a public repository in the mirror, and whether its files are those."""

import hashlib
import os
from pathlib import Path

from tlkeras.datasets._fetch import DataError


def mirrored(repository, commit):
    """The folder of a repository in the mirror.

    Raises:
        DataError: there is no mirror, or not this folder in it.
    """
    mirror = os.environ.get("TLKERAS_MIRROR")
    if not mirror:
        raise DataError(
            f"TLKERAS_MIRROR must name a folder that holds {repository}/{commit}; it "
            "is not set."
        )
    folder = Path(mirror, repository, commit)
    if not folder.is_dir():
        raise DataError(f"{folder} is missing from the mirror: copy it again.")
    return folder


def check_files(paths, sha256, folder):
    """Raise unless files are there and hold, one after another, bytes of a hash.

    Raises:
        DataError: a file is missing, or one of them is another file.
    """
    digest = hashlib.sha256()
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} is missing from the mirror: copy it again.")
        digest.update(path.read_bytes())
    if digest.hexdigest() != sha256:
        raise DataError(
            f"Files in {folder} are damaged, or others: together the SHA-256 of "
            f"{len(paths)} of them is {digest.hexdigest()}, and {sha256} was expected."
        )
