"""Run each lesson once, solved, and keep the notebook with its outputs.

python docs/site/solve.py              # all lessons at default scale: half an hour
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


def text(lesson, language="en", solved=True):
    """A notebook of a lesson in a language, without outputs."""
    other = {} if language == "en" else {"language": language}
    return build.build(lesson, solved=solved, **other)


def state(lesson, language="en"):
    """A digest of what a lesson's outputs come from: its folder and solved notebook."""
    digest = hashlib.sha256(text(lesson, language).encode())
    for path in sorted(lesson.folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(lesson.folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def place(lesson, scale, folder=SOLVED, language="en"):
    """Where the notebook of a lesson with its outputs is kept."""
    folder = folder / scale
    return (folder if language == "en" else folder / language) / f"{lesson.name}.ipynb"


def kept(lesson, scale, folder=SOLVED, language="en"):
    """The notebook with outputs that was kept of a lesson as it is now, or `None`."""
    path = place(lesson, scale, folder, language)
    if not path.is_file():
        return None
    notebook = nbformat.read(path, as_version=4)
    then = notebook.metadata.get("tlkeras_site", {}).get("state")
    return notebook if then == state(lesson, language) else None


def solve(lesson, scale, folder=SOLVED, language="en"):
    """The notebook of a lesson with solutions and outputs, run unless it was kept.

    Args:
        lesson: a Lesson.
        scale: one of `SCALES`.
        folder: where notebooks are kept. Defaults to `SOLVED`.
        language: of the notebook. Defaults to English.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised an error.
    """
    if (notebook := kept(lesson, scale, folder, language)) is not None:
        return notebook
    begun = time.monotonic()
    notebook = nbformat.reads(text(lesson, language), as_version=4)
    environment = {k: v for k, v in os.environ.items() if k not in HIDDEN}
    environment["TLKERAS_SCALE"] = scale
    with tempfile.TemporaryDirectory() as empty:
        resources = {"metadata": {"path": empty}}
        client = nbclient.NotebookClient(notebook, timeout=1800, resources=resources)
        client.execute(env=environment)
    for cell in notebook.cells:  # when each cell ran would make every build differ
        cell.metadata.pop("execution", None)
    made = {"state": state(lesson, language), "scale": scale}
    notebook.metadata["tlkeras_site"] = made
    path = place(lesson, scale, folder, language)
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
