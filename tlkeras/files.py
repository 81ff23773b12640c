"""Writing files so that a crash leaves the old one or the new one, never a half."""

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path, text):
    """Replace a text file in one step.

    Raises:
        OSError: it cannot be written; what was there is untouched.
    """
    path = Path(path)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o666 & ~_umask())  # mkstemp lets nobody else read
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
