"""The folder of results: one grading at a time writes there, or says why it cannot."""

import contextlib
import os
import platform
from pathlib import Path

LOCK = "grading.lock"


class OutputError(RuntimeError):
    """Results cannot be written into their folder; one sentence says why."""


@contextlib.contextmanager
def writing(folder):
    """Say what is wrong with a folder when something in it cannot be written.

    Raises:
        OutputError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written ({error.strerror or error}): what is there is "
            "whole; make room or name another folder, and run the command again."
        ) from None


def keep_apart(folder, submissions):
    """Make sure that no submission can have brought results, or a seed, with it.

    Args:
        folder: of the results.
        submissions: files and folders that are graded.

    Raises:
        OutputError: it lies in one of these folders.
    """
    for place in map(Path, submissions):
        inside = {Path(os.path.abspath(folder)), Path(os.path.realpath(folder))}
        known = {Path(os.path.abspath(place)), Path(os.path.realpath(place))}
        if any(a.is_relative_to(b) for a in inside for b in known):
            raise OutputError(
                f"{folder} lies in {place}, where results may have been handed in with "
                "the notebooks: name a folder elsewhere, as in --out ../results."
            )


@contextlib.contextmanager
def alone(folder):
    """Be the only grading into a folder, until the context or this process ends.

    Raises:
        OutputError: another one is at work there, or nothing can be written.
    """
    folder = Path(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / LOCK, "a+", encoding="utf-8")  # noqa: SIM115
    with file:
        _lock(file, folder)
        with writing(folder):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
        yield


def _lock(file, folder):
    try:
        import fcntl
    except ImportError:  # on Windows, where nothing is graded
        return
    try:
        # The system lets go of it when this process ends, in whatever way.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = file.read(200) or "just begun"
        raise OutputError(
            f"{folder} is in use by another grading ({who}): wait until it has ended, "
            "or name another folder with --out."
        ) from None
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be locked ({error.strerror}): two gradings at once would "
            "mix their results. Name a folder on a disk of this machine."
        ) from None
