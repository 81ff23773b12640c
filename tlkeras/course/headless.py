"""All checks of a notebook without a browser: `tlkeras check`."""

import json
import sys
from functools import partial
from pathlib import Path

import tlkeras
from tlkeras.course import editions, material, progress
from tlkeras.course.syllabus import MESSAGES, CourseError, lessons, load_exercises
from tlkeras.grading.judge import wording
from tlkeras.grading.messages import choose, speaking
from tlkeras.grading.notebooks import notebook
from tlkeras.grading.running import practice

CELL_SECONDS = 60


def check_notebook(path, seconds=300, report=lambda event: None):
    """Run a notebook in a process of its own and check its exercises.

    Args:
        path: the notebook.
        seconds: time allowed for everything. Defaults to 300.
        report: called with each step, for a progress bar.

    Returns:
        The Lesson, and `Outcome.to_dict()` for each of its exercises, by name.

    Raises:
        CourseError: it belongs to no lesson.
        NotebookError: it cannot be read.
    """
    path = Path(path).resolve()
    document = notebook.read(path)
    lesson = material.lesson_of(document, path)
    cell_seconds = min(CELL_SECONDS, seconds // 3)  # one cell cannot use it all up
    job = {
        "notebook": str(path),
        "folder": str(path.parent),
        "lesson": str(lesson.folder),
        "seconds": cell_seconds,
    }
    found = practice.outcomes(_command(), job, seconds, report)
    limit = min(cell_seconds, practice.SECONDS)
    with speaking(editions.spoken_by(document)):
        return lesson, {
            name: found.get(name) or wording.stopped(exercise, limit).to_dict()
            for name, exercise in lesson.exercises.items()
        }


def notebooks(wanted, folder):
    """The notebooks that a name on the command line means.

    Args:
        wanted: a notebook, a folder of notebooks, or the name of a lesson: its notebook
            lies in the started folder that this is, or in `folder`.
        folder: where `tlkeras start` puts notebooks unless told otherwise.

    Raises:
        CourseError: a folder without a lesson's notebook, or a lesson not started here.
    """
    names, path = [lesson.name for lesson in lessons()], Path(wanted)
    if path.is_dir():
        found = [path / f"{name}.ipynb" for name in names]
        found = [notebook for notebook in found if notebook.is_file()]
        if not found:
            raise CourseError(MESSAGES.say("lookup", "no-notebooks", folder=path))
        return found
    if wanted in names and not path.exists():
        places = [progress.started_folder() or Path(), Path(folder)]
        here = [place / f"{wanted}.ipynb" for place in places]
        found = [notebook for notebook in here if notebook.is_file()]
        if not found:
            raise CourseError(MESSAGES.say("lookup", "not-here", name=here[0].name))
        return found[:1]
    return [path]


def _command():
    # The process starts in the notebook's folder, as in Jupyter. A `random.py` there
    # must not take the place of Python's own (-P), and a checkout that is not installed
    # is not found from there; last on the path it shadows nothing.
    root = str(Path(tlkeras.__file__).resolve().parents[1])
    code = f"import sys; sys.path.append({root!r})"
    return [
        sys.executable,
        "-P",
        "-c",
        f"{code}; from {__name__} import child; child()",
    ]


def child():
    """Do the job described on standard input; what `check_notebook` starts."""
    job = json.load(sys.stdin)
    folder, document = Path(job["lesson"]), notebook.read(job["notebook"])
    exercises = load_exercises(folder)
    choose(editions.spoken_by(document))
    # For the learner's own modules, and after all others.
    sys.path.append(job["folder"])
    practice.work(
        material.steps(folder, document),
        exercises,
        job["skip"],
        job["seconds"],
        material.misplaced(document, exercises),
        keep=partial(progress.record, folder.name),
    )
