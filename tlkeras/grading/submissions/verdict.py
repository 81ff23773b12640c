"""The verdict on one submission, in a process where none of its code runs.

Cells and calls go to a worker; numbers come back; what is right is decided here, by
the very functions that decide it in practice. A step that overstays, or that ends the
worker, is left out of the next one.
"""

import time
from dataclasses import dataclass, field
from functools import partial

from tlkeras.grading.judge import wording
from tlkeras.grading.judge.check import check_cases
from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.judge.failures import CellRun, Failure, to_run_again, why_undefined
from tlkeras.grading.judge.outcome import State
from tlkeras.grading.sandbox.client import Lost, Worker

STARTS = 12  # workers for one submission; each is needed because a step spoilt one


@dataclass
class Verdict:
    """What was found.

    Args:
        outcomes: an Outcome for each exercise, by name.
        seconds: what each took.
        unfinished: why not all was graded to its end: `"time"`, for the whole
            submission, or `"starts"`, of a process to run it. Defaults to `None`.
        printed: the beginning of what the submission printed, and its length in bytes.
        cell_runs: the CellRun of each cell that ran, by its number.
    """

    outcomes: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)
    unfinished: str | None = None
    printed: tuple[bytes, int] = (b"", 0)
    cell_runs: dict[int, CellRun] = field(default_factory=dict)


def grade(steps, exercises, seed, open_session, limits):
    """Grade a submission.

    Args:
        steps: what runs before the answers exist, as `source.steps` chooses.
        exercises: Exercises by name.
        seed: draws the inputs; the same one repeats the grading.
        open_session: from Limits to a context manager that gives a Session.
        limits: Limits.

    Returns:
        A Verdict.

    Raises:
        SandboxError: no worker could be started.
    """
    grading = _Grading(steps, exercises, seed, limits)
    for _ in range(STARTS):
        if grading.done or grading.out_of_time:
            break
        with open_session(limits) as session:
            grading.go_on(Worker(session, limits, grading.end))
        grading.keep_printed(session)
    return grading.verdict()


class _Grading:
    def __init__(self, steps, exercises, seed, limits):
        self.end = time.monotonic() + limits.wall
        self._steps = steps
        self._exercises = exercises
        self._seed = seed
        self._limits = limits
        self._left_out = set()  # numbers of cells that spoilt a worker
        self._last_end: Lost | None = None  # of a worker
        self._verdict = Verdict()
        self._cell_runs = self._verdict.cell_runs

    @property
    def done(self):
        return len(self._verdict.outcomes) == len(self._exercises)

    @property
    def out_of_time(self):
        return time.monotonic() > self.end

    def keep_printed(self, session):
        if self._verdict.printed[1] == 0:
            self._verdict.printed = session.printed

    def go_on(self, worker):
        """As far as this worker lasts."""
        try:
            self._run_cells(worker)
            found = worker.look(self._exercises)
            for name, exercise in self._exercises.items():
                if name in self._verdict.outcomes or not worker.alive:
                    continue
                if self.out_of_time:
                    return
                self._grade_exercise(worker, exercise, found.get(name))
        except Lost as lost:
            self._last_end = lost
        except CheckTimeoutError:  # of the whole submission, or of a look at its names
            self._last_end = Lost("late")

    def _run_cells(self, worker):
        waiting = [s for s in self._steps if s.number not in self._left_out]
        for step in waiting:
            self._run(worker, step)
        for step in to_run_again(waiting, self._cell_runs):
            self._run(worker, step)

    def _run(self, worker, step):
        self._cell_runs[step.number] = CellRun(overstayed=True)
        try:
            self._cell_runs[step.number] = CellRun(worker.run(step))
        except Lost as lost:
            self._left_out.add(step.number)
            if not lost.late:
                failure = Failure(frozenset(), lost.raised)
                self._cell_runs[step.number] = CellRun((failure,))
            raise
        except CheckTimeoutError:
            return

    def _grade_exercise(self, worker, exercise, found):
        began = time.monotonic()
        outcome = self._outcome(worker, exercise, found)
        self._verdict.outcomes[exercise.name] = outcome
        self._verdict.seconds[exercise.name] = time.monotonic() - began

    def _outcome(self, worker, exercise, found):
        if found is None:
            return self._undefined(exercise)
        seconds = min(self._limits.exercise, max(self.end - time.monotonic(), 0))
        outcome = check_cases(
            exercise,
            found,
            partial(worker.reply, exercise),
            self._seed,
            round(seconds, 1),
            limit=worker.within,
        )
        if outcome.state is State.TIMED_OUT and seconds < self._limits.exercise:
            self._verdict.unfinished = "time"
        return outcome

    def _undefined(self, exercise):
        """The name does not exist: its cell is gone, raised, or was stopped."""
        why = why_undefined(self._steps, self._cell_runs, exercise.name)
        return wording.undefined(exercise, why, self._limits.cell)

    def verdict(self):
        """All outcomes; what was not graded says why."""
        if not self.done:
            self._verdict.unfinished = "time" if self.out_of_time else "starts"
        for name, exercise in self._exercises.items():
            if name not in self._verdict.outcomes:
                self._verdict.outcomes[name] = self._not_reached(exercise)
            self._verdict.seconds.setdefault(name, 0.0)
        return self._verdict

    def _not_reached(self, exercise):
        if self._verdict.unfinished == "time" or self._last_end is None:
            return wording.stopped(exercise, self._limits.wall)
        return wording.never_defined(exercise, self._last_end.raised)
