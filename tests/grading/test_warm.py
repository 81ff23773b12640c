"""What the warm parent's own process sees of the processes below it."""

import os
import signal
import subprocess
import sys

import pytest

from tlkeras.grading.sandbox import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def table():
    file = os.open("/proc", os.O_RDONLY)
    yield file
    os.close(file)


@pytest.fixture
def below():
    """A process, and one that it started."""
    code = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '60']);"
        "print(p.pid, flush=True); p.wait()"
    )
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        yield process.pid, int(process.stdout.readline())
        process.kill()


def test_descendants_are_found_and_their_memory_is_counted(table, below):
    assert set(below) <= set(warm._descendants(table))
    assert warm._resident(table) > 1 << 20
    os.kill(below[0], signal.SIGKILL)
    os.waitpid(below[0], 0)
    assert below[0] not in warm._descendants(table)


def test_a_process_that_has_ended_holds_nothing(table):
    assert warm._read(table, "999999999/statm") == ["0"] * 5
    assert int(warm._read(table, "self/stat")[3]) == os.getppid()
