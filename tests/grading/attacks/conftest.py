import json
import os
import shutil
import socket

import pytest
from arena import LIMITS, TINY, isolation_or_skip, notebook

from tlkeras.course import build, grade, lessons, syllabus
from tlkeras.grading.sandbox import client


@pytest.fixture(scope="session")
def isolation():
    if not shutil.which("bwrap") and os.environ.get("CI"):
        pytest.fail("bubblewrap is not installed: apt install bubblewrap")
    return isolation_or_skip("A")


@pytest.fixture(autouse=True)
def _tiny_course(monkeypatch):
    monkeypatch.setattr(syllabus, "home", lambda: TINY)
    monkeypatch.setattr(grade, "home", lambda: TINY)
    monkeypatch.setattr(client, "GRACE", 0.5)
    syllabus._read.cache_clear()
    yield
    syllabus._read.cache_clear()


@pytest.fixture
def grader(isolation, tmp_path):
    """From cells to a result and what was printed, under small limits."""

    def graded(*cells, name="attack", limits=LIMITS, tier=isolation):
        path = tmp_path / f"{name}.ipynb"
        path.write_text(notebook(*cells), "utf-8")
        job = grade.Job(name, str(path), 11, tier, limits)
        result, printed = grade.grade(job)
        return result, printed.decode("utf-8", "replace")

    return graded


@pytest.fixture(scope="session")
def solved_cells():
    """The code of the solved notebook."""
    syllabus._read.cache_clear()
    real, syllabus.home = syllabus.home, lambda: TINY
    try:
        text = build.build(lessons()[0], solved=True)
    finally:
        syllabus.home = real
        syllabus._read.cache_clear()
    cells = json.loads(text)["cells"]
    return [
        "".join(c["source"])
        for c in cells
        if c["cell_type"] == "code" and "RuntimeError" not in "".join(c["source"])
    ]


@pytest.fixture(scope="session")
def listeners():
    """A TCP port and an abstract name, on which this machine answers."""
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        abstract = f"tlkeras-test-{os.getpid()}"
        unix.bind("\0" + abstract)
        unix.listen()
        yield tcp.getsockname()[1], abstract
