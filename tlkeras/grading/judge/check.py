"""From an answer to an Outcome."""

from contextlib import suppress
from typing import Any

from tlkeras.grading.judge import wording
from tlkeras.grading.judge.attempt import Attempt, ask, compared
from tlkeras.grading.judge.deadline import CheckTimeoutError, deadline
from tlkeras.grading.judge.diagnose import diagnose
from tlkeras.grading.judge.exercise import Exercise
from tlkeras.grading.judge.form import Form, changed, misfit, not_usable
from tlkeras.grading.judge.outcome import Outcome, State
from tlkeras.grading.judge.trial import trial

SECONDS = 10  # after which a check gives up, where signals exist


def check(
    exercise: Exercise,
    answer: Any,
    seed: int = 0,
    hint: int = 0,
    seconds: float | None = SECONDS,
) -> Outcome:
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

    def reply(drawn):
        return ask(exercise.probe, answer, drawn.inputs, drawn.expected)

    return check_cases(exercise, Form.of(answer), reply, seed, seconds, hint)


def check_cases(exercise, form, reply, seed, seconds, hint=0, limit=deadline):
    """Judge whatever replies to the cases: an object here, or a process elsewhere.

    Args:
        exercise: the Exercise.
        form: the answer's Form.
        reply: from a Trial to a Reply.
        seed: draws the inputs.
        seconds: time allowed for all cases together; `None` for no limit.
        hint: how many hints were shown before.
        limit: a context manager that raises CheckTimeoutError after some seconds.

    Returns:
        An Outcome.
    """
    if (problem := not_usable(exercise, form)) is not None:
        return wording.wrong_form(exercise, problem)

    def try_case(case):
        drawn = trial(exercise, case, seed)
        return compared(drawn, reply(drawn))

    attempts: list[Attempt] = []
    problem = None
    try:
        with suppress(CheckTimeoutError), limit(seconds):
            _try_cases(exercise, try_case, attempts)
            problem = _form_problem(exercise, form, try_case, attempts)
        return _outcome(exercise, attempts, problem, hint, seconds)
    except Exception as error:  # not the answer's, which a Reply keeps: our fault
        return wording.uncheckable(exercise, error)


def _try_cases(exercise, try_case, attempts):
    """Append to `attempts`, so that what was done before a timeout still counts."""
    for case in _ordered(exercise):
        if case.diagnostic and (all(a.right for a in attempts) or _untouched(attempts)):
            continue
        attempts.append(try_case(case))


def _form_problem(exercise, form, try_case, attempts):
    """The Problem of an answer that failed because of its form; `None` otherwise."""
    failing = _failing(attempts)
    if not failing or _untouched(attempts) or diagnose(exercise, attempts):
        return None
    failed = min(failing, key=lambda a: a.size)
    if (problem := misfit(exercise, form, failed)) is not None:
        return problem
    rights = [a for a in attempts if a.right and not a.case.diagnostic]
    # The failed one twice: an answer may give two things by turns.
    for first in (failed, failed, *sorted(rights, key=lambda a: a.size)[:1]):
        if (problem := changed(first, try_case(first.case))) is not None:
            return problem
    return None


def _failing(attempts):
    return [a for a in attempts if not a.right and not a.case.diagnostic]


def _ordered(exercise):
    """The cases that carry points first."""
    return sorted(exercise.cases, key=lambda case: case.diagnostic)


def _untouched(attempts):
    """Whether the answer is still the stub; that of another exercise does not count."""
    return all(a.error is not None and a.error.untouched for a in attempts)


def _score(exercise, attempts):
    cases = {a.case.name: a.right for a in attempts if not a.case.diagnostic}
    count = sum(not case.diagnostic for case in exercise.cases)
    return cases, round(exercise.points * sum(cases.values()) / count, 2)


def _outcome(exercise, attempts, problem, hint, seconds):
    cases, points = _score(exercise, attempts)
    waiting = [
        c for c in _ordered(exercise) if not c.diagnostic and c.name not in cases
    ]
    if waiting:  # time ran out; in a diagnostic case it takes nothing away
        return wording.timed_out(exercise, waiting[0], cases, points, seconds)
    if all(cases.values()):
        return wording.outcome(exercise, State.PASSED, points, cases=cases)
    if _untouched(attempts):
        return wording.not_attempted(exercise, cases)
    failed = min(_failing(attempts), key=lambda a: a.size)
    if problem is not None:
        return wording.wrong_form(exercise, problem, failed, cases, points)
    say = wording.raised if failed.error is not None else wording.wrong
    return say(exercise, failed, diagnose(exercise, attempts), cases, points, hint)
