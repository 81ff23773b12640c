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
import signal
import subprocess
import tempfile
import threading
import time

from tlkeras.grading.judge import wording
from tlkeras.grading.judge.check import SECONDS, check
from tlkeras.grading.judge.deadline import CheckTimeoutError, deadline
from tlkeras.grading.judge.failures import CellRun, to_run_again, why_undefined
from tlkeras.grading.messages import say
from tlkeras.grading.running.cells import Cells

GRACE = 2  # seconds between the signal and the kill


class PracticeError(RuntimeError):
    """The process that runs the notebook did not even start."""


# ── inside the process ────────────────────────────────────────────────────────────────


def work(steps, exercises, skip=(), seconds=60, misplaced=(), keep=lambda found: None):
    """Run cells and check exercises, with a JSON line on standard output for each step.

    Args:
        steps: what runs before the answers exist, as `source.steps` chooses.
        exercises: Exercises by name.
        skip: steps to leave out: numbers of cells, and names of exercises.
        seconds: time allowed for a step.
        misplaced: by name of an exercise, the cell of its answer that never runs.
        keep: called with each Outcome.
    """
    cells = Cells()
    channel = _own_channel()

    def tell(**event):
        channel.write(json.dumps(event) + "\n")

    def run(step):
        tell(step=step.number, seconds=seconds)
        cell_runs[step.number] = found = _run(cells, step, seconds)
        if found.failures:
            tell(step=step.number, failed=found.failures[0].raised.headline)

    left_out = (number for number in skip if isinstance(number, int))
    cell_runs = dict.fromkeys(left_out, CellRun(overstayed=True))
    waiting = [step for step in steps if step.number not in skip]
    for step in waiting:
        run(step)
    for step in to_run_again(waiting, cell_runs):
        run(step)
    for name, exercise in exercises.items():
        if name not in skip:
            limit = min(seconds, SECONDS)
            tell(step=name, seconds=limit)
            if name in cells.names:
                outcome = check(exercise, cells.names[name], seconds=limit)
            else:
                why = why_undefined(steps, cell_runs, name)
                outcome = wording.undefined(exercise, why, seconds)
            if name in misplaced:
                wording.say_where(exercise, outcome, *misplaced[name])
            keep(outcome)
            tell(step=name, outcome=outcome.to_dict())
    tell(done=True)


def _own_channel():
    """A file for events. Standard output and error lead nowhere from here on.

    What learners print must not mix with the events.
    """
    channel = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return channel


def _run(cells, step, seconds):
    try:
        with deadline(seconds):
            return CellRun(tuple(cells.run(step.number, step.text)))
    except CheckTimeoutError:
        return CellRun(overstayed=True)


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
    "PYTHONIOENCODING": "utf-8",  # as in a notebook: what cells print is any text
    "TLKERAS_SCALE": "quick",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def _watch(process, job, end, keep):
    events: queue.Queue = queue.Queue()
    threading.Thread(target=_read, args=(process, events), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # it ended already
        process.stdin.write(json.dumps(job))
        process.stdin.close()
    step, until = None, end
    while True:
        try:
            event = events.get(timeout=max(min(until, end) - time.monotonic(), 0))
        except queue.Empty:
            return step
        if event is None and step is None:  # ended, and had not begun
            lines = process.stderr.read().strip().splitlines()
            reason = lines[-1] if lines else say("ended", "no_reason")
            raise PracticeError(say("practice", "not_run", reason=reason))
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
