"""What went wrong while a notebook's cells ran, and what it explains."""

from dataclasses import dataclass

from tlkeras.grading.judge.raised import Raised

DEFINERS = ("def", "class")
OVERSTAYED = None  # instead of a cell's failures: it was stopped


@dataclass(frozen=True)
class Failure:
    """A statement that ended with an exception.

    Args:
        names: what it would have defined.
        raised: the exception.
    """

    names: frozenset[str]
    raised: Raised


def to_run_again(steps, failures):
    """The steps that missed a name which only a later one defines.

    So the order of a notebook whose cells were moved costs nothing.

    Args:
        steps: as `source.steps` chooses, all of which ran.
        failures: by number of the step.
    """
    return [
        step
        for step in steps
        if any(f.raised.name == "NameError" for f in failures.get(step.number) or ())
        and any(step.mentions & s.defines for s in steps if s.number > step.number)
    ]


def reason(steps, failures, name):
    """Why a name does not exist.

    Args:
        steps: as `source.steps` chooses.
        failures: by number of the step that ran.
        name: what was looked for.

    Returns:
        The exception, as Raised; `OVERSTAYED`; or `""` if no step says.
    """
    for step in reversed(steps):
        if step.number not in failures or not _defines(step, name):
            continue
        found = failures[step.number]
        if found is OVERSTAYED:
            return OVERSTAYED
        for failure in (*(f for f in found if name in f.names), *found):
            return failure.raised
    return ""


def _defines(step, name):
    return name in step.defines or (
        not step.defines and any(f"{word} {name}" in step.text for word in DEFINERS)
    )
