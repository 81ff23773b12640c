"""A limit of time on whatever runs inside, even if it swallows exceptions."""

import signal
import sys
import threading
import time
from contextlib import contextmanager

from tlkeras.grading.judge.frames import is_installed


class CheckTimeoutError(BaseException):
    """Raised in the learner's code; `except Exception` does not catch it."""


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

    while frame is not None and not is_installed(frame):
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)
