"""Trying an answer on one case, and the three ways in which that can end."""

import copy
import signal
import threading
import time
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlkeras.grading.compare import Problem, as_arrays, difference
from tlkeras.grading.trial import Trial, trial

# Frames below here are not the learner's.
ROOM = str(Path(__file__).resolve().parents[1])


class CheckTimeoutError(BaseException):
    """Raised in the learner's code; `except Exception` does not catch it."""


@dataclass(frozen=True)
class Attempt:
    """What an answer did with one case: right if there is no error and no problem."""

    trial: Trial
    arrays: tuple[np.ndarray, ...] | None = None
    problem: Problem | None = None
    error: BaseException | None = None

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
        return sum(np.size(x) for x in self.trial.inputs if x is not None)


def attempt(exercise, answer, case, seed):
    """Run the answer on one case."""
    drawn = trial(exercise, case, seed)
    given = copy.deepcopy(drawn.inputs)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # the message says what they would
            output = exercise.probe(answer, *given)
    except CheckTimeoutError:
        raise
    except BaseException as error:  # a learner's sys.exit() must not end the kernel
        if isinstance(error, KeyboardInterrupt):
            raise
        return Attempt(drawn, error=error)
    arrays = as_arrays(output, drawn.expected)
    if isinstance(arrays, Problem):
        return Attempt(drawn, problem=arrays)
    problem = difference(arrays, drawn.expected, case.tolerance)
    if problem is None and not _unchanged(drawn.inputs, given):
        problem = Problem("changed-inputs", {})
    return Attempt(drawn, arrays, problem)


def _unchanged(before, after):
    pairs = zip(before, after, strict=True)
    return all(
        np.array_equal(b, a, equal_nan=True)
        for b, a in pairs
        if isinstance(b, np.ndarray) and b.dtype.kind in "biuf"
    )


@contextmanager
def deadline(seconds):
    """Raise CheckTimeoutError in the main thread after `seconds`, again and again.

    Where there are no signals (Windows, or another thread) nothing is limited.
    """
    usable = hasattr(signal, "setitimer") and (
        threading.current_thread() is threading.main_thread()
    )
    if not usable or seconds is None:
        yield
        return

    def give_up(_, frame):
        if not _importing(frame):  # half an import would break every later one
            raise CheckTimeoutError

    previous = signal.signal(signal.SIGALRM, give_up)
    # A loop that swallows the first exception meets another one half a second later.
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    started = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if remaining:  # this deadline stood inside another one, which still holds
            left = remaining - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), interval)


def _importing(frame):
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def learner_lines(error):
    """The learner's own lines in a traceback: `(line, source, function)`.

    Frames of the grader, of Python and of installed packages are left out.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return [
        (frame.lineno, (frame.line or "").strip(), frame.name)
        for frame in frames
        if not _installed(frame.filename)
    ]


def _installed(filename):
    path = str(Path(filename).resolve()) if not filename.startswith("<") else filename
    return (
        path.startswith((ROOM, _STANDARD_LIBRARY))
        or "site-packages" in path
        or filename.startswith("<frozen")
        or filename.startswith("<__array_function__")
        or Path(filename).name == "exercises.py"  # a lesson's probe calls the answer
    )


_STANDARD_LIBRARY = str(Path(signal.__file__).resolve().parent)
