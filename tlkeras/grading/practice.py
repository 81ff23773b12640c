"""Practice: a notebook's code, run for its author in a process that can be stopped.

`work` runs in that process: cells first, then a check of each exercise. `outcomes`
watches it from outside. A step that overstays is first interrupted by a signal; if its
code swallows that, the process is killed and started again without the step.

No sandbox: the code is trusted as much as in the notebook. Marks come from elsewhere.
"""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time

from tlkeras.grading import message
from tlkeras.grading.attempt import CheckTimeoutError, Raised, deadline
from tlkeras.grading.check import SECONDS, check

SKIPPED_TAG = "experiment"  # long, and defines nothing that is checked
GRACE = 2  # seconds between the signal and the kill


class PracticeError(RuntimeError):
    """The process that runs the notebook did not even start."""


# ── inside the process ────────────────────────────────────────────────────────────────


def work(cells, exercises, skip=(), seconds=60):
    """Run cells and check exercises, with a JSON line on standard output for each step.

    Args:
        cells: the code cells of a notebook.
        exercises: Exercises by name.
        skip: steps to leave out: numbers of cells, and names of exercises.
        seconds: time allowed for a step.
    """
    shell = _shell()
    channel = _own_channel()

    def tell(**event):
        channel.write(json.dumps(event) + "\n")

    errors = {}  # by number of the cell; None where it ran to its end
    for number, cell in enumerate(cells):
        if number not in skip and SKIPPED_TAG not in cell.tags:
            tell(step=number, seconds=seconds)
            errors[number] = _run(shell, cell.source, seconds)
    for name, exercise in exercises.items():
        if name not in skip:
            limit = min(seconds, SECONDS)
            tell(step=name, seconds=limit)
            if name in shell.user_ns:
                outcome = check(exercise, shell.user_ns[name], seconds=limit)
            else:
                outcome = _undefined(exercise, cells, errors, seconds)
            tell(step=name, outcome=outcome.to_dict())
    tell(done=True)


def _undefined(exercise, cells, errors, seconds):
    """Why a name does not exist: its cell is gone, raised, or was stopped."""
    name = exercise.name
    defines = re.compile(rf"^(?:(?:def|class) +{name}\b|{name} *=)", re.MULTILINE)
    for number, cell in enumerate(cells):
        if defines.search(cell.source):
            error = errors.get(number)
            if number not in errors or isinstance(error, CheckTimeoutError):
                return message.stopped(exercise, seconds)
            if error is not None:
                return message.never_defined(exercise, Raised.of(error))
    return message.not_attempted(exercise, {})


def _shell():
    """An IPython shell, for notebooks hold magics and `!` lines."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def run_line_magic(self, *args, **kwargs):
            try:
                return super().run_line_magic(*args, **kwargs)
            except Exception:  # some need a notebook around them: go on without
                return None

        def showtraceback(self, *args, **kwargs):
            pass

    config = Config()
    config.HistoryManager.enabled = False
    return Shell.instance(config=config)


def _own_channel():
    """A file for events. Standard output and error lead nowhere from here on.

    What learners print must not mix with the events.
    """
    channel = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return channel


def _run(shell, source, seconds):
    """Run a cell; the exception that ended it, or `None`."""
    try:
        with deadline(seconds):
            result = shell.run_cell(source)
    except BaseException as error:
        return error
    return result.error_before_exec or result.error_in_exec


# ── outside ───────────────────────────────────────────────────────────────────────────


def outcomes(command, job, seconds, report=lambda event: None):
    """Outcomes by exercise name, as far as there was time.

    Args:
        command: starts a process that reads a job as JSON from standard input and calls
            `work` with its `skip`.
        job: JSON-ready; `skip` is added.
        seconds: time allowed for everything.
        report: called with each event, for a progress bar.

    Returns:
        `Outcome.to_dict()` by name; an exercise that overstayed is missing.

    Raises:
        PracticeError: the process ended before its first step.
    """
    end = time.monotonic() + seconds
    found: dict[str, dict] = {}
    stuck: list[int | str] = []

    def keep(event):
        if "outcome" in event:
            found[event["step"]] = event["outcome"]
        report(event)

    while time.monotonic() < end:
        step = _first_stuck(command, job | {"skip": [*stuck, *found]}, end, keep)
        if step is None:
            break
        stuck.append(step)
    return found


def _first_stuck(command, job, end, keep):
    """Run the job in a new process; the step that never ended, `None` if all did."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **ENVIRONMENT, "IPYTHONDIR": folder}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
            cwd=job.get("folder"),
            start_new_session=True,
        )
        try:
            return _watch(process, job, end, keep)
        finally:
            _kill(process)


ENVIRONMENT = {
    "MPLBACKEND": "Agg",
    "TLKERAS_SCALE": "quick",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def _watch(process, job, end, keep):
    events: queue.Queue = queue.Queue()
    threading.Thread(target=_read, args=(process, events), daemon=True).start()
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    step, until = None, end
    while True:
        try:
            event = events.get(timeout=max(min(until, end) - time.monotonic(), 0))
        except queue.Empty:
            return step
        if event is None and step is None:  # ended, and had not begun
            reasons = process.stderr.read().strip().splitlines() or ["no reason given"]
            raise PracticeError(f"the notebook could not be run: {reasons[-1]}")
        if event is None:  # crashed
            return step
        if "done" in event:
            return None
        keep(event)
        step, until = event["step"], time.monotonic() + event.get("seconds", 60) + GRACE


def _read(process, events):
    for line in process.stdout:
        events.put(json.loads(line))
    events.put(None)


def _kill(process):
    """End the process and everything it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()
