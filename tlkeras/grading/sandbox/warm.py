"""The warm parent: has imported what lessons need, has run nothing, and forks.

For each submission it forks a *supervisor*, which opens new namespaces, forks the
*worker* into them, watches its memory, and outlives it to tell how it ended. When the
worker ends, or the verdict lets go of the control connection, the kernel ends all that
is left in the worker's pid namespace, and only then does the supervisor report.

Fork after an import is safe, after a first TensorFlow operation it is not: nothing here
computes anything.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
import traceback

from tlkeras.grading.sandbox import jail, linux, worker
from tlkeras.grading.sandbox.limits import Limits
from tlkeras.grading.sandbox.remove import remove

POLL = 0.2  # seconds between two looks at memory


def main():
    """Import, say that all is ready, and fork on request until the other side goes."""
    job = json.loads(sys.argv[1])
    requests = socket.socket(fileno=job["requests"])
    for module in job["modules"]:
        try:
            importlib.import_module(module)
        except ImportError:  # not installed: submissions will be told so
            continue
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system collects supervisors
    requests.send(b"ready")
    while True:
        request, files, _, _ = socket.recv_fds(requests, 4096, 3)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            _supervise(job["tier"], json.loads(request), *files)
        for file in files:
            os.close(file)


def _supervise(tier, request, channel, control, output):
    """Never returns."""
    folder = None
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        linux.adopt_orphans()
        table = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)  # of outer processes
        limits = Limits(**request["limits"])
        root = os.geteuid() == 0 and request["uid"] is not None
        if tier == "A":
            ids = os.getuid(), os.getgid()
            linux.unshare(linux.NEW_NAMESPACES | (0 if root else linux.NEW_USER))
            if not root:
                linux.map_user(ids)
        uid = request["uid"] if root else None
        folder = None if tier == "A" else _own_folder(uid)
        child = os.fork()
        if child == 0:
            os.close(control)
            _work(tier, limits, uid, folder or "/tmp", channel, output)
        os.close(channel)
        os.close(output)
        _watch(tier, table, child, socket.socket(fileno=control), limits)
    except BaseException:
        os.write(output, traceback.format_exc().encode())
    finally:
        try:
            if folder is not None:
                remove(folder)
        finally:
            os._exit(0)


def _own_folder(uid):
    """Where one submission may write, and no other; without mounts to make one."""
    folder = tempfile.mkdtemp(dir=os.environ["HOME"])
    if uid is not None:
        os.chown(folder, uid, uid)
    os.environ.update(jail.home(folder))
    tempfile.tempdir = None
    return folder


def _work(tier, limits, uid, home, channel, output):
    """Lock this process up, and only then serve. Never returns."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        _lay_out(nothing, output, output, channel)
        if tier == "A":
            _mount(limits)
        if uid is not None:
            linux.become(uid)
            if tier == "A":
                linux.unshare(linux.NEW_USER)
                linux.map_user((uid, uid))
        linux.limit(limits)
        _go_first()
        linux.drop_privileges()
        linux.filter_system_calls()
        os.chdir(home)
        worker.serve(socket.socket(fileno=3))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _go_first():
    """If memory runs out after all, let the system end this process."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def _lay_out(*files):
    """Make these the only open files, numbered from 0."""
    spare = [os.dup2(file, 100 + n) for n, file in enumerate(files)]
    for number, file in enumerate(spare):
        os.dup2(file, number)
    os.closerange(len(files), os.sysconf("SC_OPEN_MAX") if len(files) > 99 else 4096)


def _mount(limits):
    """A process table of its own, and the only places that can be written to."""
    linux.keep_mounts_private()
    flags = linux.NO_SUID | linux.NO_DEV
    options = f"size={limits.disk},nr_inodes=20000,mode=1777"
    try:
        linux.mount("proc", "/proc", flags | linux.NO_EXEC)
    except PermissionError:  # in some containers: then none at all
        linux.mount("tmpfs", "/proc", flags | linux.NO_EXEC, "size=4096,mode=0555")
    for place in ("/tmp", "/dev/shm"):
        linux.mount("tmpfs", place, flags, options)


def _watch(tier, table, worker, control, limits):
    """Wait for the worker's end, or bring it about; then tell of it."""
    ended, reason = os.pidfd_open(worker), None
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(control, select.POLLIN)
    while not (events := poll.poll(POLL * 1000)):
        if _resident(table) > limits.memory:
            reason = "memory"
            break
    if ended not in dict(events):
        os.kill(worker, signal.SIGKILL)
    _, status = os.waitpid(worker, 0)  # its pid namespace is empty by now
    if tier != "A":
        _end_all(table)
    report = {"status": os.waitstatus_to_exitcode(status), "reason": reason}
    control.send(json.dumps(report).encode())


def _resident(table):
    """Bytes of memory that all descendants hold; what they share counts for each."""
    pages = sum(int(_read(table, f"{p}/statm")[1]) for p in _descendants(table))
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descendants(table):
    """Processes that this one, or one of them, is the parent of."""
    names = filter(str.isdigit, os.listdir(table))
    parents = {int(name): int(_read(table, f"{name}/stat")[3]) for name in names}
    found = [int(os.readlink("self", dir_fd=table))]
    for parent in found:  # grows
        found.extend(child for child, own in parents.items() if own == parent)
    return found[1:]


def _read(table, name):
    """The fields of a file about a process; zeros if it has ended."""
    try:
        file = os.open(name, os.O_RDONLY, dir_fd=table)
        try:
            text = os.read(file, 4096).decode(errors="replace")
        finally:
            os.close(file)
    except OSError:
        return ["0"] * 5
    _, bracket, after = text.rpartition(")")  # a name may hold anything
    return ["0", "0", *after.split()] if bracket else text.split()


def _end_all(table):
    """Without a pid namespace: end all descendants, again and again until none is."""
    end = time.monotonic() + 10
    while (left := _descendants(table)) and time.monotonic() < end:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            continue


if __name__ == "__main__":
    main()
