"""A class of submissions: graded side by side, and never twice.

Every result is written as soon as it is there, in one step. So a batch may be ended at
any moment, and the same batch, run again, goes on where it was.
"""

import contextlib
import ctypes
import json
import multiprocessing
import os
import secrets
import signal
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import tlkeras
from tlkeras.files import write_atomically
from tlkeras.grading.messages import say
from tlkeras.grading.notebooks.notebook import NotebookError
from tlkeras.grading.submissions import result, submission
from tlkeras.grading.submissions.output import writing

PRINTED = "printed.txt"  # beside a result, if the submission printed anything


def seed_of(folder, wanted=None):
    """The seed of all gradings into a folder: the wanted one, or drawn once and kept.

    Drawn after the submissions are there, it cannot be known to any of them.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = Path(folder) / "grading.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = int(json.loads(path.read_bytes())["seed"])
        wanted = kept if wanted is None else wanted
    seed = secrets.randbits(32) if wanted is None else wanted
    with writing(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"seed": seed}) + "\n")
    return seed


def is_taken(folder, name, path):
    """Whether a folder has a result of that name of another file that still exists.

    So a class may be graded in parts, on several days: nobody's result is replaced by
    that of a namesake.
    """
    try:
        file = result.read(result.path_of(folder, name))["submission"]["file"]
    except result.ResultError:
        return False
    if file == submission.printable(str(path)):
        return False
    with contextlib.suppress(OSError):
        return not os.path.samefile(file, path)
    return "\\" in file  # an escape may stand there for what cannot be looked for


def is_finished(folder, job):
    """Whether a folder has the result that grading a job would give again."""
    try:
        found = result.read(result.path_of(folder, job.name))
        digest = submission.fingerprint(submission.read(job.file))
    except (result.ResultError, NotebookError):
        return False
    graded = found["graded"]
    return (
        found["submission"]["sha256"] == digest
        and graded["seed"] == job.seed
        and graded["tlkeras"] == tlkeras.__version__
        and graded["isolation"]["tier"] == job.isolation.tier
        and job.lesson in (None, found["lesson"])
    )


def run(jobs, grade, failed, folder, workers=1, executor=None):
    """Grade what is not finished, and write the results.

    Args:
        jobs: have `name`, `file`, `seed`, `isolation` and `lesson`.
        grade: from a job to a result and the bytes that were printed. It runs in
            another process, which must be able to import it.
        failed: from a job and a reason to a result that says so.
        folder: where results go.
        workers: how many run at once.
        executor: of the `concurrent.futures` interface, to run them elsewhere.
            Defaults to processes on this machine.

    Yields:
        Each job, its result, and whether it is an old one, as they come.

    Raises:
        OutputError: a result cannot be written.
    """
    left = []
    for job in jobs:
        if is_finished(folder, job):
            yield job, result.read(result.path_of(folder, job.name)), True
        else:
            left.append(job)
    for job, graded, printed in _results(left, grade, failed, workers, executor):
        with writing(folder):
            try:
                _keep(folder, job, graded, printed)
            except ValueError as error:  # it is none, or cannot be written as text
                graded = failed(job, f"{type(error).__name__}: {error}")
                _keep(folder, job, graded, b"")
        yield job, graded, False


def _keep(folder, job, graded, printed):
    """Write a result last, for where it is, nothing is missing."""
    path = result.path_of(folder, job.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(PRINTED)
    if printed:
        write_atomically(aside, printed.decode("utf-8", "replace"))
    else:
        aside.unlink(missing_ok=True)
    result.write(graded, path)


def _results(jobs, grade, failed, workers, executor):
    while jobs:
        with contextlib.ExitStack() as stack:
            pool = executor or stack.enter_context(_pool(workers))
            suspects, jobs = yield from _pass(jobs, grade, failed, 2 * workers, pool)
        executor = None if suspects else executor
        while suspects:  # a process of ours died of one of these: one at a time
            with _pool(1) as pool:
                suspects, rest = yield from _pass(suspects, grade, failed, 1, pool)
            for job in suspects:
                yield job, failed(job, say("ended", "process")), b""
            suspects = rest


def _pass(jobs, grade, failed, most, executor):
    """Keep an executor busy with few jobs at a time.

    Returns:
        If it broke: the jobs it had, and those it had not; else two empty lists.
    """
    waiting = list(reversed(jobs))
    running: dict[Future, object] = {}
    while waiting or running:
        try:
            while waiting and len(running) < most:
                running[executor.submit(grade, waiting[-1])] = waiting[-1]
                waiting.pop()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                job, error = running[future], future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                del running[future]
                if error is None:
                    yield job, *future.result()
                else:
                    yield job, failed(job, f"{type(error).__name__}: {error}"), b""
        except BrokenProcessPool:
            return list(running.values()), waiting[::-1]
    return [], []


def _pool(workers):
    # Fresh processes: a fork of this one would hold copies of its threads' locks.
    context = multiprocessing.get_context("spawn")
    return _Pool(workers, context, initializer=_settle_down)


class _Pool(ProcessPoolExecutor):
    """Processes that look for no module near the submissions, even as they start."""

    def __init__(self, *arguments, **keywords):
        with _nothing_of_python():  # its queues start a process, too
            super().__init__(*arguments, **keywords)

    def submit(self, /, *arguments, **keywords):
        """As any executor; this is what starts processes."""
        with _nothing_of_python():
            return super().submit(*arguments, **keywords)


@contextlib.contextmanager
def _nothing_of_python():
    """Start processes inside that know nothing of the shell's PYTHON variables.

    Where modules lie, the batch tells its processes itself.
    """
    kept = {name: os.environ[name] for name in os.environ if name.startswith("PYTHON")}
    for name in kept:
        del os.environ[name]
    ours = {"PYTHONSAFEPATH": "1", "PYTHONUTF8": str(sys.flags.utf8_mode)}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(kept)


def _settle_down():
    """Leave the working folder, and end this process when the batch does."""
    os.chdir("/")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the batch decides
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it ended before this line
        os._exit(1)
