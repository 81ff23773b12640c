"""Run each lesson once, solved, and keep the notebook with its outputs.

python docs/site/solve.py              # all lessons at default scale: about 45 minutes
python docs/site/solve.py --scale quick 01 06

What is kept lies in `build/solved/SCALE/` and is run again when the lesson has changed.
Delete a notebook there to have it run again all the same.
"""

import argparse
import hashlib
import os
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat

from tlkeras.course import build, lessons, syllabus

ROOT = Path(__file__).resolve().parents[2]
SOLVED = ROOT / "build" / "solved"
SCALES = ("quick", "default", "full")
# What pytest or an author's shell sets and no learner's kernel has.
HIDDEN = ("PYTEST_CURRENT_TEST", "TF_CPP_MIN_LOG_LEVEL")


def state(lesson):
    """A digest of what a lesson's outputs come from: its folder and solved notebook."""
    digest = hashlib.sha256(build.build(lesson, solved=True).encode())
    for path in sorted(lesson.folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(lesson.folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(lesson, scale, folder=SOLVED):
    """The notebook with outputs that was kept of a lesson as it is now, or `None`."""
    path = folder / scale / f"{lesson.name}.ipynb"
    if not path.is_file():
        return None
    notebook = nbformat.read(path, as_version=4)
    current = notebook.metadata.get("tlkeras_site", {}).get("state") == state(lesson)
    return notebook if current else None


def solve(lesson, scale, folder=SOLVED):
    """The notebook of a lesson with solutions and outputs, run unless it was kept.

    Args:
        lesson: a Lesson.
        scale: one of `SCALES`.
        folder: where notebooks are kept. Defaults to `SOLVED`.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised an error.
    """
    if (notebook := kept(lesson, scale, folder)) is not None:
        return notebook
    begun = time.monotonic()
    notebook = nbformat.reads(build.build(lesson, solved=True), as_version=4)
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN}
    environment["TLKERAS_SCALE"] = scale
    with tempfile.TemporaryDirectory() as place:
        resources = {"metadata": {"path": place}}
        client = nbclient.NotebookClient(notebook, timeout=1800, resources=resources)
        client.execute(env=environment)
    for cell in notebook.cells:  # when each cell ran would make every build differ
        cell.metadata.pop("execution", None)
    notebook.metadata["tlkeras_site"] = {"state": state(lesson), "scale": scale}
    path = folder / scale / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    print(
        f"{lesson.name} at {scale} scale: {time.monotonic() - begun:.0f} s", flush=True
    )
    return notebook


def chosen(names):
    """The lessons whose names begin with one of `names`; all of them without any."""
    found = [x for x in lessons() if not names or x.name.startswith(tuple(names))]
    if not found:
        raise syllabus.CourseError(f"no lesson begins with one of {names}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="numbers or names; all without any")
    parser.add_argument("--scale", choices=SCALES, default="default")
    given = parser.parse_args()
    for each in chosen(given.lessons):
        solve(each, given.scale)
