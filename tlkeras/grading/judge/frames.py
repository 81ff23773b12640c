"""Whose line is it: the learner's, or that of the grader, Python or a package?"""

import os
import signal
import traceback
from pathlib import Path

from tlkeras.grading.judge.exercise import PACKAGE

# Frames below here are not the learner's.
ROOM = str(Path(__file__).resolve().parents[2])


def learner_lines(error):
    """The learner's own lines in a traceback: `(line, source, function)`.

    Frames of the grader, of Python and of installed packages are left out.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    places = traceback.extract_tb(error.__traceback__)
    return [
        (place.lineno, (place.line or "").strip()[:200], frame.f_code.co_qualname)
        for place, frame in zip(places, frames, strict=True)
        if not is_installed(frame)
    ]


def is_installed(frame):
    """Whether a frame is the grader's, Python's or a package's."""
    module = dict.get(frame.f_globals, "__name__")
    if type(module) is str and module.startswith(PACKAGE):  # a lesson's probe
        return True
    filename = frame.f_code.co_filename
    if filename.startswith(("<frozen", "<__array_function__", "<probe>")):
        return True
    path = filename if filename.startswith("<") else str(Path(filename).resolve())
    return path.startswith((ROOM + os.sep, _STANDARD_LIBRARY)) or any(
        part in path
        for part in ("site-packages", "dist-packages", "__autograph_generated_file")
    )


_STANDARD_LIBRARY = str(Path(signal.__file__).resolve().parent) + os.sep
