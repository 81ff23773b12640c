"""What a learner has reached, kept in the folder that `tlkeras start` made.

A started folder holds `.tlkeras/`. There `progress.json` keeps, for each lesson, the
best outcome of each exercise, the mistakes that were named, the solutions that were
asked for, what was predicted, and which results were shown before that. Outside such a
folder all this is kept while the notebook runs, and nothing is ever written.
"""

import contextlib
import json
import os
import warnings
from pathlib import Path

from tlkeras.files import write_atomically
from tlkeras.grading import Messages, Outcome, State

MESSAGES = Messages(Path(__file__).parent)
MARK = ".tlkeras"
FORMAT = 1
# What is kept beside the outcomes (`lessons`), each lesson to name to entry.
KINDS = ("lessons", "mistakes", "solutions", "predictions", "shown")

_unsaved: dict = {kind: {} for kind in KINDS}  # where no folder was started


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


def record(lesson: str, outcome: Outcome, place=None):
    """Keep an outcome if it is the best so far, and the mistakes it names.

    No points are kept for an exercise whose solution was asked for before it passed.
    Never raises.
    """
    if outcome.state is State.UNCHECKABLE:
        return

    def change(kept):
        given_up = outcome.exercise in kept["solutions"].get(lesson, {})
        points = 0 if given_up else outcome.points
        entry = {"state": outcome.state.value, "points": points}
        entries = kept["lessons"].setdefault(lesson, {})
        earlier = entries.get(outcome.exercise)
        if earlier is None or _rank(entry) > _rank(earlier):
            entries[outcome.exercise] = entry
        if outcome.diagnoses:
            met = kept["mistakes"].setdefault(lesson, {})
            before = met.get(outcome.exercise, [])
            met[outcome.exercise] = list(dict.fromkeys([*before, *outcome.diagnoses]))

    _change(change, place)


def give_up(lesson: str, exercise: str, place=None):
    """Keep that a solution was asked for before the exercise passed. Never raises.

    What it had earned so far counts no longer, as the price said.
    """

    def change(kept):
        kept["solutions"].setdefault(lesson, {})[exercise] = True
        entry = kept["lessons"].get(lesson, {}).get(exercise)
        if entry is not None:
            entry["points"] = 0

    _change(change, place)


def given_up(lesson: str, exercise: str, place=None) -> bool:
    """Whether a solution was asked for before the exercise passed. Never raises."""
    with contextlib.suppress(OSError):
        return exercise in kept(started_folder(place))["solutions"].get(lesson, {})
    return False


def predict(lesson: str, name: str, entry: dict, place=None):
    """Keep a prediction, or what came of it. Never raises.

    Args:
        lesson: name of the lesson.
        name: of the prediction.
        entry: `{"said": …}`, and once the result was seen also `"right"`; `"late"` if
            it had been shown before: then it counts for nothing.
        place: a folder. Defaults to the current one.
    """
    _change(
        lambda kept: kept["predictions"].setdefault(lesson, {}).update({name: entry}),
        place,
    )


def show(lesson: str, name: str, place=None):
    """Keep that a result was shown to somebody who had predicted nothing. Never raises.

    Args:
        lesson: name of the lesson.
        name: of the prediction.
        place: a folder. Defaults to the current one.
    """
    _change(
        lambda kept: kept["shown"].setdefault(lesson, {}).update({name: True}), place
    )


def read(folder=None) -> dict:
    """Lesson to exercise to `{"state", "points"}`; empty when there is none yet.

    Args:
        folder: a started folder. Defaults to what is kept while the notebook runs.
    """
    return kept(folder)["lessons"]


def kept(folder=None) -> dict:
    """Everything: each of KINDS to lesson to name to entry.

    A file that cannot be understood is set aside under another name.
    """
    if folder is None:
        return _unsaved
    path = Path(folder) / MARK / "progress.json"
    try:
        data = json.loads(path.read_bytes())
        found = {kind: data.get(kind, {}) for kind in KINDS}
        found["lessons"] = data["lessons"]
        _check(found)
    except FileNotFoundError:
        return {kind: {} for kind in KINDS}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        _set_aside(path)
        return {kind: {} for kind in KINDS}
    return found


def points(folder, lesson) -> float:
    """The points reached in a lesson."""
    entries = read(folder).get(lesson.name, {}) if folder else {}
    return min(sum(entry["points"] for entry in entries.values()), lesson.points)


def waiting(folder, lesson) -> list[str]:
    """The exercises of a lesson that neither passed nor were given up."""
    everything = kept(folder)
    entries = everything["lessons"].get(lesson.name, {})
    done = {n for n, entry in entries.items() if entry["state"] == State.PASSED.value}
    done |= everything["solutions"].get(lesson.name, {}).keys()
    return [name for name in lesson.exercises if name not in done]


def predictions(folder, lesson) -> tuple[int, int]:
    """How many predictions of a lesson came true, and how many were made and seen."""
    entries = kept(folder)["predictions"].get(lesson.name, {}) if folder else {}
    return count(in_time(entries))


def in_time(entries: dict) -> list[dict]:
    """The predictions of some entries that were made before their result was shown."""
    return [entry for entry in entries.values() if not entry.get("late")]


def count(entries: list[dict]) -> tuple[int, int]:
    """How many of some predictions came true, and of how many the result was seen."""
    seen = [entry["right"] for entry in entries if "right" in entry]
    return sum(seen), len(seen)


def _check(found):
    """Look at each entry as a reader will; raises where one is damaged."""
    for kind in KINDS:
        for entries in found[kind].values():
            for entry in entries.values():
                if kind == "lessons":
                    _rank(entry)
                if kind == "mistakes":
                    "".join(entry)
                if kind == "predictions":
                    entry.get("right", False) + 0


def _change(change, place):
    folder = started_folder(place)
    if folder is None:
        return change(_unsaved)
    try:
        with _alone(folder):
            everything = kept(folder)
            change(everything)
            _write(folder, everything)
    except OSError as error:
        sentence = MESSAGES.say("progress", "not-saved", error=error)
        warnings.warn(sentence, stacklevel=4)


def _rank(entry):
    """More is better: points first; with equal points passing, then having tried."""
    order = (State.PASSED.value, State.NOT_ATTEMPTED.value)
    state = entry["state"]
    return float(entry["points"]), state == order[0], state != order[1]


def _write(folder, everything):
    data = {"format": FORMAT, **everything}
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
