"""What a learner has reached, kept in the folder that `tlkeras start` made.

A started folder holds `.tlkeras/`. There `progress.json` keeps the best outcome of each
exercise; outside such a folder nothing is ever written.
"""

import contextlib
import json
import os
import warnings
from pathlib import Path

from tlkeras.files import write_atomically
from tlkeras.grading import Messages, State

MESSAGES = Messages(Path(__file__).parent)
MARK = ".tlkeras"
FORMAT = 1


def started_folder(place=None):
    """The started folder that a place is in, or `None`.

    Args:
        place: a folder. Defaults to the current one.
    """
    try:
        place = Path(place or os.curdir).resolve()
    except OSError:  # the current folder was deleted
        return None
    return next((p for p in (place, *place.parents) if (p / MARK).is_dir()), None)


def record(lesson, outcome, place=None):
    """Keep an outcome if it is the best so far. Never raises."""
    folder = started_folder(place)
    if folder is None or outcome.state is State.UNCHECKABLE:
        return
    entry = {"state": outcome.state.value, "points": outcome.points}
    try:
        with _alone(folder):
            entries = read(folder)
            earlier = entries.setdefault(lesson, {}).get(outcome.exercise)
            if earlier is None or _rank(entry) > _rank(earlier):
                entries[lesson][outcome.exercise] = entry
                _write(folder, entries)
    except OSError as error:
        sentence = MESSAGES.say("progress", "not-saved", error=error)
        warnings.warn(sentence, stacklevel=3)


def read(folder):
    """Lesson to exercise to `{"state", "points"}`; empty when there is none yet.

    A file that cannot be understood is set aside under another name.
    """
    path = Path(folder) / MARK / "progress.json"
    try:
        entries = json.loads(path.read_bytes())["lessons"]
        for exercises in entries.values():
            for entry in exercises.values():
                _rank(entry)
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        _set_aside(path)
        return {}
    return entries


def points(folder, lesson):
    """The points reached in a lesson."""
    entries = read(folder).get(lesson.name, {}) if folder else {}
    return min(sum(entry["points"] for entry in entries.values()), lesson.points)


def _rank(entry):
    """More is better: points first, and with equal points having tried."""
    return float(entry["points"]), entry["state"] != State.NOT_ATTEMPTED.value


def _write(folder, entries):
    data = {"format": FORMAT, "lessons": entries}
    path = folder / MARK / "progress.json"
    write_atomically(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def _set_aside(path):
    number = 1
    while (aside := path.with_name(f"progress.damaged-{number}.json")).exists():
        number += 1
    path.rename(aside)


@contextlib.contextmanager
def _alone(folder):
    """Keep two notebooks from writing at once, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(folder / MARK / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
