"""A folder of the learner's own, with the notebooks in it: `tlkeras start`.

The folder remembers each notebook as it was handed out. One that was not touched since
is replaced by a newer one; beside one that holds work, the newer one gets another name.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tlkeras.course import editions, progress
from tlkeras.course.build import build
from tlkeras.course.syllabus import CourseError, lessons
from tlkeras.extras import require
from tlkeras.files import write_atomically
from tlkeras.grading.messages import FALLBACK
from tlkeras.grading.notebooks import notebook


def hand_out(folder, lesson, language=None):
    """Put a lesson's notebook into a started folder, without overwriting work.

    Args:
        folder: a started folder.
        lesson: a Lesson.
        language: of the notebook, if it is translated. Defaults to `None`: English.

    Returns:
        The path of a newer notebook put beside the learner's own; else `None`.
    """
    if language is not None and not editions.whole([lesson], language):
        language = None
    ours, memory = build(lesson, language=language), _Memory(folder)
    path = folder / f"{lesson.name}.ipynb"
    new = fingerprint(ours.encode())
    theirs, handed_out = memory.seen(path)
    if theirs in (None, handed_out) and theirs != new:
        memory.write(path, ours)
    elif new not in (theirs, handed_out):
        beside = _free(memory, path)
        memory.write(beside, ours)
        memory.remember(path, new)  # not again until the lesson changes again
        return beside
    return None


def prepare(folder):
    """Make a started folder, or find it made.

    Raises:
        CourseError: it cannot be one.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file: name a folder for your notebooks.")
    try:
        (folder / progress.MARK).mkdir(parents=True, exist_ok=True)
        write_atomically(folder / progress.MARK / "started", "")
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error.strerror}): name a folder of your "
            "own, as in `tlkeras start ~/tlkeras-course`."
        ) from None
    return folder


def language_of(folder, asked=None):
    """The language of a started folder: the one that is asked for, or was before.

    Args:
        folder: a started folder.
        asked: a language, `"en"` for English. Defaults to `None`: as before.

    Returns:
        `None` for English.

    Raises:
        CourseError: there is no such language.
    """
    path = folder / progress.MARK / "language"
    if asked is not None:
        language = "" if asked == FALLBACK else editions.known_languages(asked)[0]
        write_atomically(path, language)
    known = path.read_text("utf-8").strip() if path.is_file() else ""
    return known if known in editions.known_languages() else None


def first_unfinished(folder):
    """The lesson to open: the first with an exercise left to do, or the last."""
    everything = lessons()
    left = [x for x in everything if progress.waiting(folder, x)]
    return (left or everything[-1:])[0]


def open_jupyter(folder, path, browser=True):
    """Run JupyterLab until it is stopped; its exit code.

    Raises:
        ModuleNotFoundError: JupyterLab is not installed.
    """
    require("jupyterlab")
    command = [
        sys.executable,
        "-P",
        "-m",
        "jupyterlab",
        f"--notebook-dir={folder}",
        "-y",
    ]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # containers: Jupyter would refuse
    environment = _without_news(folder)
    # Jupyter also runs settings that lie in the folder where it starts.
    home = folder.resolve() / progress.MARK
    process = subprocess.Popen([*command, str(path)], env=environment, cwd=home)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Jupyter got it too, and is closing its kernels
            continue


def _without_news(folder):
    """The environment in which JupyterLab does not begin by asking about its news."""
    home = folder.resolve() / progress.MARK / "jupyter"
    page = home / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True, exist_ok=True)
    announcements = "@jupyterlab/apputils-extension:announcements"
    write_atomically(page, json.dumps({"disabledExtensions": {announcements: True}}))
    paths = [str(home), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}


def fingerprint(content):
    """What a learner would miss of a notebook: its cells, and whether they have run.

    Jupyter rewrites the rest of a file that was only opened.
    """
    try:
        cells = notebook.parse(content).cells
        content = repr([(c.kind, c.source, c.has_outputs) for c in cells]).encode()
    except notebook.NotebookError:
        pass
    return hashlib.sha256(content).hexdigest()


class _Memory:
    """The fingerprints of notebooks as they were handed out, by file name."""

    def __init__(self, folder):
        self._path = folder / progress.MARK / "handed_out.json"
        try:
            self._known = dict(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            self._known = {}  # forgotten: then everything is taken for work

    def seen(self, path):
        """Fingerprints of what is at a path now, and of what was handed out there."""
        theirs = fingerprint(path.read_bytes()) if path.exists() else None
        return theirs, self._known.get(path.name)

    def write(self, path, text):
        """Write a notebook, and remember it."""
        write_atomically(path, text)
        self.remember(path, fingerprint(text.encode()))

    def remember(self, path, mark):
        """Take a fingerprint as what was handed out under a name."""
        self._known[path.name] = mark
        text = json.dumps(self._known, indent=1, sort_keys=True)
        write_atomically(self._path, text + "\n")


def _free(memory, path):
    """A name beside a notebook where nothing of the learner's is."""
    beside, number = path.with_suffix(".new.ipynb"), 1
    while True:
        theirs, handed_out = memory.seen(beside)
        if theirs in (None, handed_out):
            return beside
        number += 1
        beside = path.with_suffix(f".new-{number}.ipynb")
