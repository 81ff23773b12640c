"""The folder of results: one grading at a time writes there, or says why it cannot."""

import contextlib
import os
import platform
from pathlib import Path

from tlkeras.grading.messages import say

LOCK = "grading.lock"


class OutputError(RuntimeError):
    """Results cannot be written into their folder; one sentence says why."""


def refuse(key, folder, **values):
    """An OutputError in the words of a key."""
    return OutputError(say("folder", key, folder=folder, **values))


@contextlib.contextmanager
def writing(folder):
    """Say what is wrong with a folder when something in it cannot be written.

    Raises:
        OutputError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise refuse("unwritable", folder, reason=reason) from None


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
            raise refuse("inside", folder, place=place)


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
            who = {"process": os.getpid(), "machine": platform.node()}
            file.write(say("folder", "who", **who))
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
        who = file.read(200) or say("folder", "just_begun")
        raise refuse("in_use", folder, who=who) from None
    except OSError as error:
        raise refuse("unlockable", folder, reason=error.strerror) from None
