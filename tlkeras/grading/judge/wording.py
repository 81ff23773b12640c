"""Outcomes in words: what you returned, what was expected, where, why, what next."""

import copy
import inspect
import re

import numpy as np

from tlkeras.grading.judge.links import to_section
from tlkeras.grading.judge.outcome import Outcome, Picture, State
from tlkeras.grading.judge.problems import OWN_CAUSE
from tlkeras.grading.judge.raised import Raised
from tlkeras.grading.messages import FALLBACK, minus, speaking


def outcome(exercise, state, points, problem=None, **details):
    """An Outcome with its headline."""
    words = {"error": details.pop("error", ""), "seconds": details.pop("seconds", "")}
    return Outcome(
        exercise=exercise.name,
        state=state,
        points=points,
        max_points=exercise.points,
        problem=problem,
        headline=exercise.messages.say(
            "headline",
            state.value,
            exercise=exercise.name,
            points=f"{points:g}",
            max_points=f"{exercise.points:g}",
            **words,
        ),
        **details,
    )


def wrong(exercise, failed, diagnosis, cases, points, hint):
    """The answer returned something else than expected on the case `failed`."""
    say, values = exercise.messages.say, failed.problem.values
    shape = failed.problem.id == "wrong-shape"
    unknown = "unknown_shape" if shape else "unknown"
    parts = [
        (say("heading", "returned"), _in_output(exercise, failed, "returned")),
        (say("heading", "expected"), _in_output(exercise, failed, "expected")),
        *_where(exercise, failed, cases),
    ]
    return outcome(
        exercise,
        State.WRONG,
        points,
        failed.problem.id,
        diagnoses=[m.id for m in diagnosis],
        case=failed.case.name,
        cases=cases,
        parts=parts,
        folds=list(_explanation(exercise, failed, diagnosis, hint, unknown)),
        picture=_picture(exercise, failed) if "index" in values else None,
        failing=copy.deepcopy(_arguments(exercise, failed)),
    )


def raised(exercise, failed, diagnosis, cases, points, hint):
    """The answer raised an exception on the case `failed`."""
    error = failed.error
    unknown = "unknown_raised" if error.lines else "unknown"
    meaning = list(_meaning(exercise, error))
    parts = [
        *_exception(exercise, error),
        *meaning,
        *_where(exercise, failed, cases),
    ]
    if error.stub:
        unknown = "unwritten"
    elif meaning:
        unknown = ""  # what it means has been said
    return outcome(
        exercise,
        State.RAISED,
        points,
        "raised",
        error=error.name,
        diagnoses=[m.id for m in diagnosis],
        case=failed.case.name,
        cases=cases,
        parts=parts,
        folds=list(_explanation(exercise, failed, diagnosis, hint, unknown)),
        failing=copy.deepcopy(_arguments(exercise, failed)),
    )


def wrong_form(exercise, problem, failed=None, cases=None, points=0.0):
    """An answer of the wrong form, for a reason that `form` has found."""
    say, values = exercise.messages.say, problem.values
    error = failed.error if failed else None
    parts = list(_exception(exercise, error)) if error else []
    if exercise.messages.get("returned", problem.id):
        text = say("returned", problem.id, **values)
        parts.insert(0, (say("heading", "returned"), text))
    expected = say("expected", problem.id, **values)
    parts.append((say("heading", "expected"), expected))
    return outcome(
        exercise,
        State.RAISED if error else State.WRONG,
        points,
        problem.id,
        error=error.name if error else "",
        case=failed.case.name if failed else None,
        cases=cases or {},
        parts=parts,
    )


def not_attempted(exercise, cases):
    """The stub is still there."""
    say = exercise.messages.say
    section = _section(exercise, exercise.section)
    parts = [(say("heading", "start"), say("text", "start", section=section))]
    return outcome(exercise, State.NOT_ATTEMPTED, 0.0, cases=cases, parts=parts)


def say_where(exercise, found, number, kind):
    """Add to an Outcome that says *not attempted* where an answer stands instead."""
    if found.state is State.NOT_ATTEMPTED:
        say = exercise.messages.say
        key = f"in_{kind}" if kind in ("setup", "experiment") else "misplaced"
        text = say("text", key, number=number, kind=kind)
        found.parts.insert(0, (say("heading", "misplaced"), text))


def timed_out(exercise, case, cases, points, seconds):
    """The answer did not come back in time."""
    say = exercise.messages.say
    title = say("cases", exercise.name, case.name)
    text = say("text", "timed_out", seconds=f"{seconds:g}", title=title)
    return outcome(
        exercise,
        State.TIMED_OUT,
        points,
        "timed-out",
        seconds=f"{seconds:g}",
        case=case.name,
        cases=cases,
        parts=[(say("heading", "cause"), text)],
    )


def stopped(exercise, seconds):
    """The answer was stopped from outside, before a check could say more."""
    return outcome(exercise, State.TIMED_OUT, 0.0, "timed-out", seconds=f"{seconds:g}")


def undefined(exercise, why, seconds):
    """The answer's name does not exist, as `failures.why_undefined` explains."""
    if why is None:
        return not_attempted(exercise, {})
    if why.overstayed:
        return stopped(exercise, seconds)
    return never_defined(exercise, why.failures[0].raised)


def never_defined(exercise, error):
    """The cell that should have defined the answer raised an exception."""
    parts = list(_exception(exercise, error))
    return outcome(exercise, State.RAISED, 0.0, "raised", error=error.name, parts=parts)


def _exception(exercise, error):
    """What was raised, and the learner's own lines on the way to it."""
    say = exercise.messages.say
    lines = [say("text", "line", number=n, source=source) for n, source in error.lines]
    raised = say("returned", "raised", error=error.name, text=error.text)
    yield say("heading", "raised"), raised
    yield say("heading", "lines"), "\n".join(lines) or say("text", "no_lines")


def uncheckable(exercise, error):
    """The check itself failed."""
    say = exercise.messages.say
    raised = Raised.of(error)
    text = say("text", "uncheckable", error=f"{raised.name}: {raised.text}")
    parts = [(say("heading", "report"), text)]
    return outcome(exercise, State.UNCHECKABLE, 0.0, "uncheckable", parts=parts)


def _where(exercise, failed, cases):
    """The smallest failing case, and what passes already."""
    say = exercise.messages.say
    title = say("cases", exercise.name, failed.case.name)
    inputs = ", ".join(
        f"{name} {_describe(value)}"
        for name, value in _arguments(exercise, failed).items()
    )
    yield say("heading", "case"), say("text", "case", title=title, inputs=inputs)
    passing = [
        say("cases", exercise.name, name) for name, right in cases.items() if right
    ]
    if passing:
        yield say("heading", "passing"), "\n".join(passing)


def _arguments(exercise, failed):
    """What the learner's code was called with, by name."""
    names = inspect.signature(exercise.reference).parameters
    given = zip(names, failed.trial.inputs, strict=False)
    return {name: value for name, value in given if name not in exercise.hidden}


def _explanation(exercise, failed, diagnosis, hint, unknown):
    """What opens when it is wanted: the likely cause, and hints as far as `hint`.

    `unknown` is what to say where no cause is known; where it is empty, nothing is.
    """
    say = exercise.messages.say
    known = failed.problem is not None and failed.problem.id in OWN_CAUSE
    if diagnosis or (unknown and not known):
        stub = failed.error.stub if failed.error else None
        yield say("heading", "cause"), _cause(exercise, diagnosis, unknown, stub)
    hints = exercise.messages.get("hints", exercise.name) or []
    for number, text in enumerate(hints[: hint + 1], 1):
        yield say("heading", "hint", number=number, count=len(hints)), text.strip()


def _meaning(exercise, error):
    """What an exception's own words mean, where they are hard to read."""
    for entry in exercise.messages.get("meaning") or []:
        if re.search(entry["pattern"], error.whole):
            yield exercise.messages.say("heading", "meaning"), entry["text"]
            return


def _cause(exercise, diagnosis, unknown, stub):
    say = exercise.messages.say
    if not diagnosis:
        return say("cause", unknown, singles=len(exercise.misconceptions), stub=stub)
    ideas = [say("misconceptions", m.id) for m in diagnosis]
    sections = dict.fromkeys(_section(exercise, m.section) for m in diagnosis)
    section = f" {say('text', 'and')} ".join(sections)
    if len(ideas) == 1:
        return say("cause", "one", idea=ideas[0], section=section)
    return say("cause", "two", first=ideas[0], second=ideas[1], section=section)


def _section(exercise, id_):
    """The heading of a section, as a link into the notebook."""
    with speaking(FALLBACK):
        english = exercise.messages.say("sections", id_)
    return to_section(exercise.messages.say("sections", id_), english)


def _in_output(exercise, failed, key):
    say, problem = exercise.messages.say, failed.problem
    text = say(key, problem.id, **problem.values)
    count = (
        len(failed.trial.expected) if isinstance(failed.trial.expected, tuple) else 1
    )
    if count == 1 or "output" not in problem.values:
        return text
    number = problem.values["output"] + 1
    names = exercise.messages.get("outputs", exercise.name)
    if names:
        return say("output", "named", name=names[number - 1], text=text)
    return say("output", "several", number=number, count=count, text=text)


def _describe(value):
    """A number itself, of an array its shape, of rows of different length theirs."""
    try:
        scalar = np.ndim(value) == 0
        return minus(str(value)) if scalar else str(tuple(np.shape(value)))
    except ValueError:  # NumPy refuses rows that differ
        return "[" + ", ".join(map(_describe, value)) + "]"


def _picture(exercise, failed):
    """The 2-D slice in which the first wrong element lies."""
    values = failed.problem.values
    yours = np.asarray(failed.arrays[values["output"]])
    expected = failed.trial.expected
    expected = np.asarray(
        expected[values["output"]] if isinstance(expected, tuple) else expected
    )
    shape = str(tuple(int(n) for n in yours.shape))
    lead = values["index"][:-2]
    if yours.ndim > 2:
        index = "[" + ", ".join([*map(str, lead), ":", ":"]) + "]"
        label = exercise.messages.say("picture", "slice", index=index, shape=shape)
    else:
        label = exercise.messages.say("picture", "whole", shape=shape)
    yours, expected = (np.atleast_2d(a[lead] if lead else a) for a in (yours, expected))
    if max(yours.shape) > 24:  # more cells than an eye can compare
        return None
    return Picture(label, yours.astype(float), expected.astype(float))
