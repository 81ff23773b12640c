"""Whose line is it: the learner's, or that of the grader, Python or a package?"""

import os
import signal
import traceback
from pathlib import Path

# Frames below here are not the learner's.
ROOM = str(Path(__file__).resolve().parents[2])


def learner_lines(error):
    """The learner's own lines in a traceback: `(line, source, function)`.

    Frames of the grader, of Python and of installed packages are left out.
    """
    walked = traceback.walk_tb(error.__traceback__)
    names = [frame.f_code.co_qualname for frame, _ in walked]
    frames = traceback.extract_tb(error.__traceback__)
    return [
        (frame.lineno, (frame.line or "").strip()[:200], name)
        for frame, name in zip(frames, names, strict=True)
        if not is_installed(frame.filename)
    ]


def is_installed(filename):
    """Whether a line of that file is the grader's, Python's or a package's."""
    if filename.startswith(("<frozen", "<__array_function__", "<probe>")):
        return True
    path = filename if filename.startswith("<") else str(Path(filename).resolve())
    if Path(path).name == "exercises.py":  # a lesson's probe, in a checkout
        return True
    return path.startswith((ROOM + os.sep, _STANDARD_LIBRARY)) or any(
        part in path
        for part in ("site-packages", "dist-packages", "__autograph_generated_file")
    )


_STANDARD_LIBRARY = str(Path(signal.__file__).resolve().parent) + os.sep
