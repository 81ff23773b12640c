"""A class that nobody attended, with results as the grader gives them.

Every outcome is a real check of a real answer to lesson 01: right ones, each known
mistake, some two at once, exceptions, answers nobody knows, blanks and time-outs.
"""

import hashlib
import itertools
import random
from functools import cache

import numpy as np

from tlkeras.course import lesson
from tlkeras.grading import check
from tlkeras.grading.judge import wording
from tlkeras.grading.submissions import record, result

LESSON = "01_attention"
GIVEN = "Ada Alan Barbara Chen Dmitri Edsger Fatima Grace Hedy Ines John Katherine"
FAMILY = "Álvarez Böhm Çelik Dijkstra Eze Fernández García Hopper Ito Jørgensen Kaur"
WEIGHTS = {  # of each kind of answer
    "right": 50,
    "mistake": 26,
    "two": 4,
    "unknown": 4,
    "raised": 6,
    "blank": 7,
    "late": 2,
    "broken": 1,
}
SANDBOX = {"tier": "A", "name": "bubblewrap", "for_marks": True}
NO_SANDBOX = {"tier": "C", "name": "limits only", "for_marks": False}
HOSTILE = (
    "<script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned=1">',
    '=HYPERLINK("http://example.org","me")',
    "+1+cmd|' /C calc'!A0",
    "../../../etc/passwd",
    "con",
    "txt.\u202eipynb",
    "not \udcff UTF-8",
    "two\nlines\tand\x00nothing\x1b[31m",
    "</style></title><svg onload=window.pwned=1>",
    "ﬀ " + "long " * 60,
    "$title {name} %s",
    "𠀀" * 200,
    "",
)
EXCEPTION = "<script>window.pwned = 1</script> \udcff \x00 \u202e"


def raising(text):
    """An answer whose exception says what the learner wants."""

    def answer(*inputs):
        raise ValueError(text)

    return answer


def blank(*inputs):
    raise NotImplementedError


@cache
def outcomes(name):
    """`kind -> [Outcome, …]` for an exercise, each the check of an answer."""
    exercise = lesson(LESSON).exercises[name]

    def wrong(*mistakes):
        return lambda *inputs: exercise.expected(inputs, *mistakes)

    def odd(*inputs):
        right = np.asarray(exercise.expected(inputs))
        return ~right if right.dtype == bool else 0.37 * right + 0.011

    singles = exercise.misconceptions[:9]
    pairs = list(itertools.islice(exercise.mistakes[len(exercise.misconceptions) :], 2))
    broken = wording.uncheckable(exercise, RuntimeError("the reference divided by 0"))
    late = wording.timed_out(exercise, exercise.cases[0], {}, 0.0, 10)
    return {
        "right": [check(exercise, wrong())],
        "mistake": [check(exercise, wrong(one), hint=1) for one in singles],
        "two": [check(exercise, wrong(*two)) for two in pairs],
        "unknown": [check(exercise, odd)],
        "raised": [check(exercise, raising(EXCEPTION))],
        "blank": [check(exercise, blank)],
        "late": [late],
        "broken": [broken],
    }


@cache
def rendered(outcome_id):
    """What grading records of one of the outcomes, which are never let go."""
    outcome = OUTCOMES[outcome_id]
    return record.entry(lesson(LESSON).exercises[outcome.exercise], outcome, 0)


OUTCOMES = {}


def entry(outcome, seconds):
    """An outcome as it stands in `result.json`; its card is drawn once."""
    OUTCOMES[id(outcome)] = outcome
    return {**rendered(id(outcome)), "seconds": seconds}


def one(name, rng, isolation=SANDBOX):
    """The result of one learner."""
    skill = rng.betavariate(2, 2)
    weights = {**WEIGHTS, "right": 140 * skill, "blank": 16 * (1 - skill)}
    entries = []
    for exercise in lesson(LESSON).exercises:
        kind = rng.choices([*weights], [*weights.values()])[0]
        found = outcomes(exercise)[kind] or outcomes(exercise)["right"]
        # Some mistakes are far more common than others.
        place = min(int(rng.expovariate(0.6)), len(found) - 1)
        entries.append(entry(found[place], round(rng.uniform(0.01, 0.2), 3)))
    return made(name, rng, isolation, entries)


def made(name, rng, isolation=SANDBOX, entries=(), reason=None):
    """A result of these exercises; unreadable if there is a reason."""
    policy = []
    if entries and rng.random() < 0.04:
        text = (
            "calls keras.layers.MultiHeadAttention, which this exercise asks to write"
        )
        where = {"exercise": "scaled_dot_product_attention", "line": 4}
        policy = [{**where, "name": "keras.layers.MultiHeadAttention", "text": text}]
    return {
        "schema": result.SCHEMA,
        "submission": {
            "name": name,
            "file": f"submissions/{name}.ipynb",
            "sha256": hashlib.sha256(name.encode("utf-8", "replace")).hexdigest(),
            "bytes": 40_000,
        },
        "graded": {
            "at": f"2026-03-01T10:{rng.randrange(60):02}:00Z",
            "tlkeras": "0.1.0",
            "seed": 20260301,
            "seconds": round(rng.lognormvariate(-0.6, 0.5), 3),
            "isolation": isolation,
        },
        "lesson": LESSON if entries else None,
        "state": "unreadable" if reason else "graded",
        "reason": reason,
        "points": round(sum(e["points"] for e in entries), 2),
        "max_points": 20,
        "exercises": list(entries),
        "policy": policy,
        "notes": [],
    }


def classroom(count, seed=0, names=(), isolation=SANDBOX):
    """Results of a class: `names` first, then others; a few could not be read."""
    rng = random.Random(seed)
    given, family = GIVEN.split(), FAMILY.split()
    for number in range(count):
        name = f"{rng.choice(family)}-{rng.choice(given)}-{number:04}"
        name = names[number] if number < len(names) else name
        if number >= len(names) and rng.random() < 0.03:
            reason = "is damaged (line 1): it is not JSON. Open it in JupyterLab."
            yield made(name, rng, isolation, reason=reason)
        else:
            yield one(name, rng, isolation)
