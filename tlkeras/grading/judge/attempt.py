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

from tlkeras.grading.judge.compare import Problem, as_arrays, difference
from tlkeras.grading.judge.exercise import PACKAGE
from tlkeras.grading.judge.trial import Trial, trial

# Frames below here are not the learner's.
ROOM = str(Path(__file__).resolve().parents[2])


class CheckTimeoutError(BaseException):
    """Raised in the learner's code; `except Exception` does not catch it."""


@dataclass(frozen=True)
class Raised:
    """An exception as data: nothing of the learner's runs when it is told.

    Args:
        name: of its type.
        text: what it says, in one short line.
        lines: `(number, source)` of the learner's own last lines on the way to it.
        untouched: whether it is what the answer's own stub raises.
        stub: another function that is not written yet, if that is what it says.
        whole: all that it says, without colours.
    """

    name: str
    text: str
    lines: tuple[tuple[int, str], ...] = ()
    untouched: bool = False
    stub: str = ""
    whole: str = ""

    @property
    def headline(self):
        """Where, what and why, in one line."""
        where = f"line {self.lines[-1][0]}: " if self.lines else ""
        return f"{where}{self.name}: {self.text}"

    @classmethod
    def of(cls, error, answer=None):
        """Describe an exception, whatever its own methods do.

        Args:
            error: the exception.
            answer: what was called, to tell its own stub from another one's.
        """
        name, whole, lines = type(error).__name__, _words(error), learner_lines(error)
        if isinstance(error, SyntaxError) and not lines:
            whole = error.msg or ""
            lines = [(error.lineno or 0, (error.text or "").strip(), "")]
        untouched, stub = False, ""
        if isinstance(error, NotImplementedError) and _raised_by_hand(lines):
            last = lines[-1][2] if lines else ""
            own = getattr(answer, "__qualname__", "") or last
            untouched = f"{last}.".startswith(f"{own}.")
            stub = "" if untouched else last
        shown = tuple((number, source) for number, source, _ in lines[-4:])
        return cls(name, _first_line(whole), shown, untouched, stub, whole)


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
        return sum(np.size(x) for x in self.trial.inputs if x is not None)


def attempt(exercise, answer, case, seed):
    """Run the answer on one case."""
    drawn = trial(exercise, case, seed)
    return judged(drawn, ask(exercise.probe, answer, drawn.inputs, drawn.expected))


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


def judged(drawn, reply):
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

    while frame is not None and not _installed(frame):
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)


def _raised_by_hand(lines):
    """Whether it can be a stub's `raise`: TensorFlow raises this type as well."""
    return not lines or "NotImplementedError" in (lines[-1][1] or "NotImplementedError")


# Keras puts a line of its own before what a layer raised.
KERAS_SAYS = (
    "Exception encountered when calling",
    "Could not automatically infer the output shape",
)


def _words(error):
    try:
        text = str.__getitem__(str(error), slice(5000))  # plain text, no subclass of it
    except (CheckTimeoutError, KeyboardInterrupt):
        raise
    except BaseException:
        return "(its text cannot be read)"
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours
    return text.encode("utf-8", "replace").decode("utf-8")


def _first_line(text):
    """The first line that says something, of 300 characters at most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    while len(lines) > 1 and lines[0].startswith(KERAS_SAYS):
        lines = lines[1:]
    line = lines[0] if lines else ""
    return line if len(line) <= 300 else line[:299] + "…"


def learner_lines(error):
    """The learner's own lines in a traceback: `(line, source, function)`.

    Frames of the grader, of Python and of installed packages are left out.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    places = traceback.extract_tb(error.__traceback__)
    return [
        (place.lineno, (place.line or "").strip()[:200], frame.f_code.co_qualname)
        for place, frame in zip(places, frames, strict=True)
        if not _installed(frame)
    ]


def _installed(frame):
    module = dict.get(frame.f_globals, "__name__")
    if type(module) is str and module.startswith(PACKAGE):  # a lesson's probe
        return True
    filename = frame.f_code.co_filename
    if filename.startswith(("<frozen", "<__array_function__", "<probe>")):
        return True
    path = filename if filename.startswith("<") else str(Path(filename).resolve())
    return path.startswith((ROOM + os.sep, _STANDARD_LIBRARY)) or any(
        part in path
        for part in ("site-packages", "dist-packages", "__autograph_generated_file")
    )


_STANDARD_LIBRARY = str(Path(signal.__file__).resolve().parent) + os.sep
