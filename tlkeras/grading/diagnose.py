"""Diagnosis by reproduction: a misconception is named when it gives the learner's numbers.

The misconceptions run on the inputs the answer ran on. One that does the same as the
answer on *every* case, numbers for numbers and exception for exception, is the diagnosis;
failing that, two made at once; failing that, nothing: this module never guesses. Where
several pairs give the same numbers, only what they share is certain, and only that is
named.
"""

from tlkeras.grading.compare import same


def diagnose(exercise, attempts):
    """The misconceptions that reproduce the attempts: a tuple of none, one or two.

    Two exceptions count as the same, but exceptions alone explain nothing: at least one
    attempt must have given numbers.
    """
    if not any(a.arrays is not None for a in attempts):
        return ()
    found = exercise.mistakes
    for attempt in sorted(attempts, key=lambda a: (a.right, a.size)):  # telling ones first
        found = [mistakes for mistakes in found if _explains(attempt, mistakes)]
    if not found or len(found[0]) == 1:
        return found[0] if found else ()
    return tuple(m for m in found[0] if all(m in pair for pair in found))


def _explains(attempt, mistakes):
    simulated = attempt.trial.simulate(mistakes)
    if simulated is None or attempt.arrays is None:
        return simulated is None and attempt.error is not None
    return same(attempt.arrays, simulated, attempt.case.tolerance)
