"""Diagnosis by reproduction: a misconception is named when it gives the same numbers.

The misconceptions run on the inputs the answer ran on. One that does the same as the
answer on *every* case, numbers for numbers and exception for exception, is the
diagnosis; failing that, two made at once; failing that, nothing: this module never
guesses. Where several pairs give the same numbers, only what they share is certain, and
only that is named.
"""

from tlkeras.grading.judge.compare import same


def diagnose(exercise, attempts):
    """The misconceptions that reproduce the attempts: a tuple of none, one or two.

    Two exceptions count as the same, but exceptions alone explain nothing: at least one
    attempt must have given numbers.
    """
    answered = [a for a in attempts if a.error is None]
    if not answered or any(a.arrays is None for a in answered):
        return ()
    # Wrong ones before right ones: they leave few mistakes to look at in the others.
    first, *others = sorted(attempts, key=lambda a: (a.right, a.size))
    found = first.trial.alike(first.arrays)
    for attempt in others:
        found = [mistakes for mistakes in found if _explains(attempt, mistakes)]
    if not found or len(found[0]) == 1:
        return found[0] if found else ()
    return tuple(m for m in found[0] if all(m in pair for pair in found))


def _explains(attempt, mistakes):
    simulated = attempt.trial.simulate(mistakes)
    if simulated is None or attempt.arrays is None:
        return simulated is attempt.arrays
    return same(attempt.arrays, simulated, attempt.case.tolerance)
