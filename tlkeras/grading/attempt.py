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
class Raised:
    """An exception of the learner's, in words.

    Args:
        name: its type.
        text: the first line of what it says.
        lines: `(number, source)` of the learner's own lines on the way to it.
        untouched: whether it is what a stub raises.
        whole: all that it says.
    """

    name: str
    text: str
    lines: tuple[tuple[int, str], ...] = ()
    untouched: bool = False
    whole: str = ""

    @classmethod
    def of(cls, error):
        """Describe an exception. Never raises, whatever its `__str__` does."""
        name, whole = type(error).__name__, _text(error)
        lines = tuple((number, source) for number, source, _ in learner_lines(error))
        if isinstance(error, SyntaxError) and not lines:
            whole = error.msg or ""
            lines = ((error.lineno or 0, (error.text or "").strip()),)
        first = (whole.strip().splitlines() or [""])[0]
        untouched = isinstance(error, NotImplementedError)
        return cls(name, first, lines[-4:], untouched, whole)


def _text(error):
    try:
        return str(error)
    except BaseException:
        return "it cannot be put into words"


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
            output = probe(answer, *given)
    except CheckTimeoutError:
        raise
    except BaseException as error:  # a learner's sys.exit() must not end the kernel
        if isinstance(error, KeyboardInterrupt):
            raise
        return Reply(raised=Raised.of(error))
    arrays = as_arrays(output, like)
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
        path.startswith((ROOM, _STANDARD_LIBRARY, "<probe>"))
        or "site-packages" in path
        or filename.startswith("<frozen")
        or filename.startswith("<__array_function__")
    )


_STANDARD_LIBRARY = str(Path(signal.__file__).resolve().parent)
