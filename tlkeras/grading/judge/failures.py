"""What went wrong while a notebook's cells ran, and what it explains."""

from dataclasses import dataclass

from tlkeras.grading.judge.raised import Raised


@dataclass(frozen=True)
class Failure:
    """A statement that ended with an exception.

    Args:
        names: what it would have defined.
        raised: the exception.
    """

    names: frozenset[str]
    raised: Raised


@dataclass(frozen=True)
class CellRun:
    """How the run of a cell ended: well, if there is neither.

    Args:
        failures: of its statements, in order.
        overstayed: whether it was stopped because it took too long.
    """

    failures: tuple[Failure, ...] = ()
    overstayed: bool = False


def to_run_again(steps, cell_runs):
    """The steps that missed a name which only a later one defines.

    So the order of a notebook whose cells were moved costs nothing.

    Args:
        steps: as `source.steps` chooses.
        cell_runs: the CellRun of each step, by its number.
    """
    return [
        step
        for step in steps
        if any(f.raised.name == "NameError" for f in cell_runs[step.number].failures)
        and any(step.mentions & s.defines for s in steps if s.number > step.number)
    ]


def why_undefined(steps, cell_runs, name):
    """Why a name does not exist, after all that there was to run has run.

    Args:
        steps: as `source.steps` chooses.
        cell_runs: the CellRun of each step that ran, by its number.
        name: what was looked for.

    Returns:
        A CellRun that overstayed, or that holds the one Failure to tell of; `None` if
        no step says why.
    """
    for step in reversed(steps):
        run = cell_runs.get(step.number, CellRun())
        if not step.would_define(name):
            continue
        if run.overstayed:
            return run
        for failure in (*(f for f in run.failures if name in f.names), *run.failures):
            return CellRun((failure,))
    return None
