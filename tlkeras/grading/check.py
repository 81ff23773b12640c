"""From an answer to an Outcome."""

from contextlib import suppress

from tlkeras.grading import message
from tlkeras.grading.attempt import (
    Attempt,
    CheckTimeoutError,
    as_raised,
    attempt,
    deadline,
)
from tlkeras.grading.diagnose import diagnose
from tlkeras.grading.outcome import State

SECONDS = 10  # after which a check gives up, where signals exist


def check(exercise, answer, seed=0, hint=0, seconds=SECONDS):
    """Judge an answer by what it does.

    Args:
        exercise: the Exercise.
        answer: the learner's function or class.
        seed: draws the inputs; the same seed repeats the check exactly.
        hint: how many hints were shown before, so that the next one is shown.
        seconds: time allowed for all cases together; `None` for no limit.

    Returns:
        An Outcome. Never raises for anything that the answer does.
    """
    if not callable(answer):
        return message.not_callable(exercise, answer)
    attempts: list[Attempt] = []
    try:
        with suppress(CheckTimeoutError), deadline(seconds):
            _try_cases(exercise, answer, seed, attempts)
        return _judge(exercise, answer, attempts, hint, seconds)
    except Exception as error:  # not the answer's, which `attempt` keeps: our fault
        return message.uncheckable(exercise, as_raised(error))


def _try_cases(exercise, answer, seed, attempts):
    """Append to `attempts`, so that what was done before a timeout still counts."""
    for case in _ordered(exercise):
        if case.diagnostic and (
            all(a.right for a in attempts) or _untouched(answer, attempts)
        ):
            continue
        attempts.append(attempt(exercise, answer, case, seed))


def _ordered(exercise):
    """The cases that carry points first."""
    return sorted(exercise.cases, key=lambda case: case.diagnostic)


def _untouched(answer, attempts):
    """Whether the answer is still the stub; that of another exercise does not count."""
    own = getattr(answer, "__qualname__", "")
    stubs = [a.error.stub if a.error else None for a in attempts]
    return all(stub is not None and _within(own, stub) for stub in stubs)


def _within(own, function):
    return not function or not own or f"{function}.".startswith(f"{own}.")


def _score(exercise, attempts):
    cases = {a.case.name: a.right for a in attempts if not a.case.diagnostic}
    count = sum(not case.diagnostic for case in exercise.cases)
    return cases, round(exercise.points * sum(cases.values()) / count, 2)


def _judge(exercise, answer, attempts, hint, seconds):
    cases, points = _score(exercise, attempts)
    waiting = [
        c for c in _ordered(exercise) if not c.diagnostic and c.name not in cases
    ]
    if waiting:  # time ran out; in a diagnostic case it takes nothing away
        return message.timed_out(exercise, waiting[0], cases, points, seconds)
    if all(cases.values()):
        return message.outcome(exercise, State.PASSED, points, cases=cases)
    if _untouched(answer, attempts):
        return message.not_attempted(exercise, cases)
    failing = [a for a in attempts if not a.right and not a.case.diagnostic]
    failed = min(failing, key=lambda a: a.size)
    say = message.raised if failed.error is not None else message.wrong
    return say(exercise, failed, diagnose(exercise, attempts), cases, points, hint)
