"""What the results of a class have in common: plain data, no words and no markup."""

import statistics
from collections import Counter
from dataclasses import dataclass, field

from tlkeras.grading.judge.outcome import State
from tlkeras.grading.report.text import one_line

STATES = (
    State.PASSED,
    State.WRONG,
    State.RAISED,
    State.TIMED_OUT,
    State.NOT_ATTEMPTED,
    State.UNCHECKABLE,
)
FAILED = {State.WRONG, State.RAISED}  # what a misconception can explain
BINS = 10


@dataclass(frozen=True)
class Row:
    """One submission without its messages and cards, so that thousands fit in memory.

    Args:
        name: of the submission, on one line.
        page: file name of its feedback page.
        result: the rest of `result.json`.
        exercises: entries of `result["exercises"]` by name.
    """

    name: str
    page: str
    result: dict
    exercises: dict

    @property
    def readable(self):
        """Whether there was a notebook to grade."""
        return self.result["state"] != "unreadable"

    @property
    def mistakes(self):
        """How many misconceptions were named."""
        return sum(len(e["misconceptions"]) for e in self.exercises.values())


def row(result, page):
    """The Row of a result."""
    exercises = {
        entry["name"]: {k: v for k, v in entry.items() if k not in ("message", "card")}
        for entry in result["exercises"]
    }
    rest = {k: v for k, v in result.items() if k != "exercises"}
    name = one_line(result["submission"]["name"], 120) or "–"
    return Row(name, page, rest, exercises)


def order(row):
    """Sorts rows by name, always in the same way."""
    return row.name.casefold(), row.name, row.page


def columns(lesson, rows):
    """Names of the exercises: the lesson's in their order, then any others found."""
    found = {name for row in rows for name in row.exercises}
    return [*lesson.exercises, *sorted(found - lesson.exercises.keys())]


def states(rows, exercise):
    """How many submissions are in each state on an exercise."""
    return Counter(
        State(row.exercises[exercise]["state"])
        for row in rows
        if exercise in row.exercises
    )


def mean_points(rows, exercise):
    """Mean points on an exercise, and the most there were; `None` if nobody has any."""
    entries = [row.exercises[exercise] for row in rows if exercise in row.exercises]
    if not entries:
        return None
    mean = statistics.fmean(entry["points"] for entry in entries)
    return mean, max(entry["max_points"] for entry in entries)


@dataclass
class Mistake:
    """A misconception that the class has, and the rows that show it."""

    id: str
    exercise: str
    idea: str
    section: str
    rows: list = field(default_factory=list)


def mistakes(rows):
    """Every misconception that was named, the most frequent first."""
    found: dict[tuple[str, str], Mistake] = {}
    for each in rows:
        for name, entry in each.exercises.items():
            for one in entry["misconceptions"]:
                mistake = found.setdefault(
                    (name, one["id"]),
                    Mistake(one["id"], name, one["idea"], one["section"]),
                )
                mistake.rows.append(each)
    return sorted(found.values(), key=lambda m: (-len(m.rows), m.exercise, m.id))


def unexplained(rows):
    """Exercise to the rows whose wrong answer is none of the known mistakes."""
    found: dict[str, list[Row]] = {}
    for each in rows:
        for name, entry in each.exercises.items():
            if State(entry["state"]) in FAILED and not entry["misconceptions"]:
                found.setdefault(name, []).append(each)
    return found


def quartiles(values):
    """Smallest, quarter, half, three quarters and largest; `None` without values."""
    if not values:
        return None
    if len(values) == 1:
        return (values[0],) * 5
    inner = statistics.quantiles(values, n=4, method="inclusive")
    return (min(values), *inner, max(values))


def histogram(values, highest, bins=BINS):
    """How many values are in each of equal intervals from 0 to `highest`.

    The last interval holds both its ends.
    """
    counts = [0] * bins
    for value in values:
        place = int(value / highest * bins) if highest > 0 else 0
        counts[min(max(place, 0), bins - 1)] += 1
    return counts
