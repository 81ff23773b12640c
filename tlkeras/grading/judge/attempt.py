"""Trying an answer on one case, and the three ways in which that can end."""

import copy
import warnings
from dataclasses import dataclass

import numpy as np

from tlkeras.grading.judge.compare import as_arrays, difference
from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.judge.problems import Problem
from tlkeras.grading.judge.raised import Raised
from tlkeras.grading.judge.trial import Trial


@dataclass(frozen=True)
class Reply:
    """What came back from an answer: arrays, or why there are none.

    Args:
        arrays: copies of what it returned.
        problem: why what it returned is not arrays.
        raised: the exception that ended it.
        changed: whether the inputs are no longer what they were.
    """

    arrays: tuple[np.ndarray, ...] | None = None
    problem: Problem | None = None
    raised: Raised | None = None
    changed: bool = False


@dataclass(frozen=True)
class Attempt:
    """What an answer did with one case: right if there is no error and no problem."""

    trial: Trial
    arrays: tuple[np.ndarray, ...] | None = None
    problem: Problem | None = None
    error: Raised | None = None

    @property
    def case(self):
        """The case that was tried."""
        return self.trial.case

    @property
    def right(self):
        """Whether the output is the expected one and the inputs are as they were."""
        return self.problem is None and self.error is None

    @property
    def size(self):
        """How many numbers a reader has to hold in mind to follow this case."""
        return sum(_size(x) for x in self.trial.inputs)


def ask(probe, answer, inputs, like):
    """Run an answer on copies of some inputs.

    Args:
        probe: how the answer is exercised.
        answer: the learner's object.
        inputs: a tuple.
        like: what is expected; only its being a tuple, and of what length, matters.

    Returns:
        A Reply.
    """
    given = copy.deepcopy(inputs)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # the message says what they would
            arrays = as_arrays(probe(answer, *given), like)
    except (CheckTimeoutError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a learner's sys.exit() must not end the kernel
        return Reply(raised=Raised.of(error, answer))
    if isinstance(arrays, Problem):
        return Reply(problem=arrays)
    return Reply(arrays, changed=not _unchanged(inputs, given))


def compared(drawn, reply):
    """The Attempt that a Reply to a Trial makes: nothing but numbers is looked at."""
    if reply.arrays is None:
        return Attempt(drawn, problem=reply.problem, error=reply.raised)
    problem = difference(reply.arrays, drawn.expected, drawn.case.tolerance)
    if problem is None and reply.changed:
        problem = Problem("changed-inputs", {})
    return Attempt(drawn, reply.arrays, problem)


def _unchanged(before, after):
    pairs = zip(before, after, strict=True)
    return all(
        np.array_equal(b, a, equal_nan=True)
        for b, a in pairs
        if isinstance(b, np.ndarray) and b.dtype.kind in "biuf"
    )


def _size(value):
    """How many numbers and texts an input holds; rows may differ in length."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return 0 if value is None else np.size(value)
