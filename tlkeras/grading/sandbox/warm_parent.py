"""The verdict's side of a warm parent: starting it, and one session a submission."""

import array
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlkeras.grading.messages import say
from tlkeras.grading.sandbox import jail
from tlkeras.grading.sandbox.channel import Channel, ChannelError
from tlkeras.grading.sandbox.remove import remove

START = 120  # seconds to import everything, on a busy machine
END = 15  # seconds for a namespace to end
FIRST_USER = 1_900_000_000  # of these numbers no system makes users


class SandboxError(RuntimeError):
    """A sandbox could not be made or ended: our fault, and no submission's."""


class WarmParent:
    """A warm parent, started when the first session opens.

    Args:
        tier: `A`, `B` or `C`.
        modules: what it imports before it forks.
        hidden: folders of lessons, out of sight inside.
    """

    def __init__(self, tier, modules=("numpy",), hidden=()):
        self.tier = tier
        self.modules = tuple(modules)
        self.hidden = tuple(map(str, hidden))
        self._lock = threading.Lock()
        self._process: Any = None
        self._requests: Any = None
        self._folder: Any = None

    @contextlib.contextmanager
    def session(self, limits):
        """A fresh worker under some Limits; when the context ends, so has it.

        Raises:
            SandboxError: there is none to be had, or it does not end.
        """
        channel, far_channel = socket.socketpair()
        control, far_control = socket.socketpair()
        output, far_output = os.pipe()
        drain = _Drain(output, limits.output)
        try:
            user = _free_user() if os.geteuid() == 0 and self.tier != "C" else None
            request = {"limits": asdict(limits), "uid": user}
            files = [far_channel.fileno(), far_control.fileno(), far_output]
            self._ask(json.dumps(request).encode(), files)
        finally:
            far_channel.close()
            far_control.close()
            os.close(far_output)
        session = Session(Channel(channel), control, drain)
        try:
            session.wait_until_ready()
            yield session
        finally:
            ended = session.end()
            channel.close()
            control.close()
            drain.join(1)
            if not ended:
                self.close()

    def _ask(self, request, files):
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            try:
                socket.send_fds(self._requests, [request], files)
            except OSError as error:
                reason = say("isolation", "parent_gone", reason=error)
                raise SandboxError(reason) from None

    def _start(self):
        self._forget()
        self._requests, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        job = {"tier": self.tier, "modules": self.modules, "requests": far.fileno()}
        # Without `site`, the working folder and this process's environment: nothing but
        # what stands on our path can be imported.
        words = [str(jail.interpreter()), "-S", "-P"]
        words += ["-m", "tlkeras.grading.sandbox.warm", json.dumps(job)]
        environment = jail.ENVIRONMENT
        if self.tier == "A":
            words = jail.command(os.geteuid() == 0, self.hidden) + words
        else:
            self._folder = tempfile.mkdtemp(prefix="tlkeras-")
            os.chmod(self._folder, 0o755)  # each submission gets a folder in it
            inside = _copy(Path(self._folder) / "package")
            places = [inside, *jail.packages()]
            environment = jail.environment(places) | jail.home(self._folder)
        self._launch(words, far, environment)
        if not select.select([self._requests], [], [], START)[0] or (
            self._requests.recv(16) != b"ready"
        ):
            self.close()
            reason = self._complaint()
            raise SandboxError(say("isolation", "no_parent", reason=reason))

    def _launch(self, words, far, environment):
        """Start the process in a thread that lives as long: its death would end it."""
        started = threading.Event()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        problems = []

        def keep():
            try:
                self._process = process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    env=environment,
                    cwd="/",
                    pass_fds=[far.fileno()],
                    start_new_session=True,
                )
            except OSError as error:
                problems.append(error)
                return
            finally:
                started.set()
            process.wait()

        threading.Thread(target=keep, daemon=True).start()
        started.wait()
        far.close()
        if problems:
            raise SandboxError(say("isolation", "no_parent", reason=problems[0]))

    def _complaint(self):
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else say("ended", "no_reason")

    def close(self):
        """End the warm parent and all that it forked."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._forget()

    def _forget(self):
        if self._requests is not None:
            self._requests.close()
        if self._folder is not None:
            remove(self._folder)
        self._requests = self._process = self._folder = None


class Session:
    """One worker, and the connections to it.

    Args:
        channel: what is asked and answered.
        control: tells how the worker ended; shut, it ends it.
        drain: what the worker prints.
    """

    def __init__(self, channel, control, drain):
        self.channel = channel
        self.ending = None  # once it has ended: {"status", "reason"}
        self._control = control
        self._drain = drain

    @property
    def printed(self):
        """The beginning of what it printed, and how many bytes there were."""
        return bytes(self._drain.kept), self._drain.count

    def wait_until_ready(self):
        """Return when it is locked up and waits for requests."""
        try:
            first, _ = self.channel.receive(time.monotonic() + END)
        except ChannelError as error:
            self.end()
            text = bytes(self._drain.kept).decode(errors="replace").strip()
            lines = text.splitlines() or [str(error)]
            reason = say("isolation", "no_worker", reason=lines[-1])
            raise SandboxError(reason) from None
        assert first == {"ready": True}

    def end(self):
        """End it; whether nothing of it is left."""
        if self.ending is not None:
            return True
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        return self.wait_for_end(END)

    def wait_for_end(self, seconds):
        """Whether it has ended by itself within some seconds."""
        self._control.settimeout(seconds)
        try:
            self.ending = json.loads(self._control.recv(4096))
        except (OSError, ValueError):
            return False
        return True


class _Drain(threading.Thread):
    """Reads all that a worker prints, and keeps the beginning."""

    def __init__(self, file, keep):
        super().__init__(daemon=True)
        self.kept, self.count = bytearray(), 0
        self._file, self._keep = file, keep
        self.start()

    def run(self):
        buffer = array.array("B", bytes(1 << 16))
        with open(self._file, "rb", buffering=0) as file:
            while size := file.readinto(buffer):
                self.count += size
                self.kept += buffer[: min(size, self._keep - len(self.kept))].tobytes()


_users = iter(range(1 << 20))


def _free_user():
    """A user number that no other submission on this machine has."""
    first = FIRST_USER + (os.getpid() % (1 << 15)) * 256 + next(_users) % 256
    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    for start, _, count in ranges:
        if start <= first < start + count:
            return first
    start, _, count = max(ranges, key=lambda r: r[2])
    return start + 1000 + first % (count - 1000) if count > 2000 else None


def _copy(target):
    """Our package without lessons, for where nothing can be hidden."""
    skip = shutil.ignore_patterns("__pycache__", "lessons")
    shutil.copytree(jail.PACKAGE, target / jail.PACKAGE.name, ignore=skip)
    course = target / jail.PACKAGE.name / "course"
    shutil.rmtree(course)
    course.mkdir()
    shutil.copy(jail.EMPTY_COURSE, course / "__init__.py")
    return target
