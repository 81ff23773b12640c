"""A process that is locked up can do no more of what it must not."""

import platform
import subprocess
import sys

import pytest

from tlkeras.grading.sandbox import linux

LOCKED_UP = """
import os, resource
from tlkeras.grading.sandbox import Limits, linux
linux.limit(Limits(file_size=1000))
linux.drop_privileges()
assert linux.filter_system_calls()
assert resource.getrlimit(resource.RLIMIT_FSIZE) == (1000, 1000)
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
for refused in ((linux.unshare, linux.NEW_USER), (linux.mount, "proc", "/")):
    try:
        refused[0](*refused[1:])
    except OSError as error:
        print(error.errno, error.strerror)
print(os.getpid() > 0)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in linux.REFUSED,
    reason="system calls have other numbers here",
)
def test_no_way_out_is_left():
    done = subprocess.run(
        [sys.executable, "-c", LOCKED_UP], capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "1 unshare: Operation not permitted",
        "1 mount /: Operation not permitted",
        "True",
    ], done.stderr
