"""Trying an answer on one case, and the three ways in which that can end."""

import copy
import os
import re
import signal
import sys
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
class Raised:
    """An exception as data: nothing of the learner's runs when it is told.

    Args:
        name: of its type.
        text: what it says, in one short line.
        lines: the learner's own lines that led to it: `(number, source, function)`.
        stub: the function that is not written yet, where that is what it says.
    """

    name: str
    text: str
    lines: tuple[tuple[int, str, str], ...] = ()
    stub: str | None = None


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
        return sum(np.size(x) for x in self.trial.inputs if x is not None)


def attempt(exercise, answer, case, seed):
    """Run the answer on one case."""
    drawn = trial(exercise, case, seed)
    given = copy.deepcopy(drawn.inputs)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # the message says what they would
            arrays = as_arrays(exercise.probe(answer, *given), drawn.expected)
    except (CheckTimeoutError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a learner's sys.exit() must not end the kernel
        return Attempt(drawn, error=as_raised(error))
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

    tracer, again = sys.gettrace(), False

    def give_up(_, frame):
        nonlocal again
        if _importing(frame):  # half an import would break every later one
            return
        if again:  # the first was swallowed: raise in the handler that swallows, too
            _raise_at_next_line(frame)
        again = True
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
        if again:
            sys.settrace(tracer)
        if remaining:  # this deadline stood inside another one, which still holds
            left = remaining - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), interval)


def _importing(frame):
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _raise_at_next_line(frame):
    def trace(frame, event, argument):
        if event == "line":
            raise CheckTimeoutError
        return trace

    while frame is not None and not _installed(frame.f_code.co_filename):
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)


def as_raised(error):
    """An exception as data, whatever its own methods do."""
    lines = tuple(learner_lines(error))
    stub = None
    if isinstance(error, NotImplementedError):
        stub = lines[-1][2] if lines else ""
    return Raised(type(error).__name__, _words(error), lines, stub)


def _words(error):
    """The first line that says something: no colours, 300 characters at most."""
    try:
        text = str(error)
    except (CheckTimeoutError, KeyboardInterrupt):
        raise
    except BaseException:
        return "(its text cannot be read)"
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(text[:5000]))
    text = text.encode("utf-8", "replace").decode("utf-8")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Keras puts a line of its own before what a layer raised.
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        lines = lines[1:]
    line = lines[0] if lines else ""
    return line if len(line) <= 300 else line[:299] + "…"


def learner_lines(error):
    """The learner's own lines in a traceback: `(line, source, function)`.

    Frames of the grader, of Python and of installed packages are left out.
    """
    walked = traceback.walk_tb(error.__traceback__)
    names = [frame.f_code.co_qualname for frame, _ in walked]
    frames = traceback.extract_tb(error.__traceback__)
    return [
        (frame.lineno, (frame.line or "").strip()[:200], name)
        for frame, name in zip(frames, names, strict=True)
        if not _installed(frame.filename)
    ]


def _installed(filename):
    if filename.startswith(("<frozen", "<__array_function__")):
        return True
    path = filename if filename.startswith("<") else str(Path(filename).resolve())
    if Path(path).name == "exercises.py":  # a lesson's probe, in a checkout
        return True
    return path.startswith((ROOM + os.sep, _STANDARD_LIBRARY)) or any(
        part in path
        for part in ("site-packages", "dist-packages", "__autograph_generated_file")
    )


_STANDARD_LIBRARY = str(Path(signal.__file__).resolve().parent) + os.sep
