"""Removing what a submission has written, however deep it made its folders."""

import contextlib
import itertools
import os


def remove(folder):
    """Remove a folder and all in it, as far as the system lets us; links stay whole.

    `shutil.rmtree` calls itself once a level, and stops where the limits are.
    """
    numbers = itertools.count()
    with contextlib.suppress(OSError):
        while entries := list(os.scandir(folder)):
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    _lift(entry.path, folder, numbers)
                else:
                    os.unlink(entry.path)
        os.rmdir(folder)


def _lift(inner, folder, numbers):
    """Move all that is in an inner folder to the outer one, and remove it."""
    os.chmod(inner, 0o700)
    for name in os.listdir(inner):
        free = next(n for n in numbers if not os.path.lexists(f"{folder}/{n}"))
        os.rename(f"{inner}/{name}", f"{folder}/{free}")
    os.rmdir(inner)
