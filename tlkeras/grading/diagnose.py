"""Diagnosis by reproduction: a misconception is named when it gives the learner's numbers.

The misconceptions run on the inputs the answer ran on. One that does the same as the
answer on *every* case, numbers for numbers and exception for exception, is the diagnosis;
failing that, two made at once; failing that, nothing: this module never guesses. Where
several pairs give the same numbers, only what they share is certain, and only that is
named.
"""

import itertools

import numpy as np

from tlkeras.grading.compare import same


def diagnose(exercise, attempts):
    """The misconceptions that reproduce the attempts: a tuple of none, one or two."""
    attempts = sorted(attempts, key=lambda a: (a.right, a.size))
    for single in exercise.misconceptions:
        if reproduces(exercise, attempts, (single,)):
            return (single,)
    found = [p for p in pairs(exercise) if reproduces(exercise, attempts, p)]
    return tuple(m for m in found[0] if all(m in p for p in found)) if found else ()


def pairs(exercise):
    """Every two misconceptions that can be made at once."""
    for pair in itertools.combinations(exercise.misconceptions, 2):
        if pair[0].combines_with(pair[1]):
            yield pair


def reproduces(exercise, attempts, mistakes):
    """Whether some mistakes explain every attempt.

    Two exceptions count as the same, but exceptions alone explain nothing: at least one
    attempt must have given numbers, and at least one must have failed.
    """
    if not any(a.arrays is not None for a in attempts) or all(a.right for a in attempts):
        return False
    return all(_explains(exercise, attempt, mistakes) for attempt in attempts)


def _explains(exercise, attempt, mistakes):
    simulated = simulate(exercise, attempt.inputs, mistakes)
    if simulated is None or attempt.arrays is None:
        return simulated is None and attempt.error is not None
    return same(attempt.arrays, simulated, attempt.case.tolerance)


def simulate(exercise, inputs, mistakes):
    """What the mistakes return for some inputs, as arrays; `None` if they raise."""
    try:
        output = exercise.expected(inputs, *mistakes)
    except Exception:
        return None
    return tuple(np.asarray(o) for o in (output if isinstance(output, tuple) else (output,)))
