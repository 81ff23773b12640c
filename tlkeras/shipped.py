"""Small data that ships with the library, each file checked before it is used.

`data/SHA256SUMS` holds what `sha256sum` printed; `make` with the name of a recipe, such
as `make vit-digits`, writes it again.
"""

import hashlib
import re
from pathlib import Path

SUMS = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
REMEDY = "Install tlkeras again, or get data/ as it is in the repository."


class DamagedError(ValueError):
    """A file that ships with the library is not as it was published."""


def home():
    """The folder: in an installed package beside its code, in a checkout `data/`."""
    package = Path(__file__).parent
    installed = package / "checkpoints" / "shipped"
    return installed if installed.is_dir() else package.parent / "data"


def checked(name):
    """The path of a folder of shipped data, its files as they were published.

    Args:
        name: such as `"vit_digits"`.

    Raises:
        DamagedError: a file is not there, or has another SHA-256.
    """
    for path, expected in _sums().items():
        if path.startswith(f"{name}/"):
            found = _sha256(home() / path)
            if found != expected:
                raise DamagedError(
                    f"{home() / path} must have the SHA-256 {expected}; it has {found}."
                    f" It is damaged, or another file: do not use it. {REMEDY}"
                )
    return home() / name


def _sums():
    path = home() / SUMS
    try:
        found = LINE.findall(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"{path} must ship with tlkeras: {error}. {REMEDY}"
        ) from error
    return {name: digest for digest, name in found}


def _sha256(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DamagedError(
            f"{path} must ship with tlkeras: {error}. {REMEDY}"
        ) from error
