"""From a lesson's text to its notebooks: the learner's, and the solved one.

In the learner's notebook a stub stands in the place of each solution. The same text
always gives the same bytes.
"""

import ast
import hashlib
import re
from collections import Counter
from pathlib import Path

import jupytext
import nbformat

from tlkeras.course import assignment, editions, glossary, lesson_text
from tlkeras.course.syllabus import MESSAGES, CourseError, home
from tlkeras.files import write_atomically
from tlkeras.grading.messages import FALLBACK, speaking

FORMAT = 1  # of the `tlkeras` metadata in a notebook


def build(lesson, solved=False, nbgrader=False, language=None):
    """The notebook of a lesson, as text.

    Args:
        lesson: a Lesson.
        solved: with the solutions in. Defaults to `False`.
        nbgrader: for an instructor's `source` folder of nbgrader: the solutions are in,
            marked as such, and cells carry nbgrader's metadata. Defaults to `False`.
        language: as its folder in `locale/` is called. Defaults to `None`: English,
            which stands in for what is not translated.

    Raises:
        CourseError: the lesson is damaged; the message names the file and line.
    """
    path = lesson.folder / "lesson.py"
    lines = _read(path)
    blank = _cells(lesson_text.replace_solutions(lines, solved=False))
    cells = blank
    if solved:
        cells = _cells(lesson_text.replace_solutions(lines, solved=True))
    if nbgrader:
        cells = _cells("\n".join(lines) + "\n")
        assignment.mark(cells, lesson)
    # The ids of both notebooks come from the learner's text, so that they agree, and
    # better solutions change no learner's notebook.
    for cell, name in zip(cells, list(_ids(blank)), strict=True):
        cell.id = name
        cell.metadata.pop("name", None)
    for cell in editions.translated(cells, lesson.name, language):
        with speaking(language or FALLBACK):
            _fold(cell)
    glossary.link(cells, lesson.name, lesson.folder.parent, language)
    notebook = nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": lesson_text.KERNEL,
            "language_info": {"name": "python"},
            "tlkeras": {"format": FORMAT, "lesson": lesson.name}
            | ({"language": language} if language else {}),
        },
    )
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def notebooks_folder(language=None):
    """Where a checkout keeps its built notebooks.

    Args:
        language: theirs. Defaults to `None`: English.

    Raises:
        CourseError: this is an installed package, which has no such folder.
    """
    if home().name == "lessons":
        raise CourseError(
            "Notebooks are built in a checkout of the repository; say where to put "
            "them: tlkeras build DIR. Learners want `tlkeras start`."
        )
    return home().parent / "notebooks" / (language or "")


def place(lesson, folder, nbgrader=False):
    """Where the notebook of a lesson lies in a folder."""
    folder = folder / lesson.name if nbgrader else folder
    return folder / f"{lesson.name}.ipynb"


def update(lesson, folder, check=False, nbgrader=False, language=None):
    """Bring the notebook in a folder up to date; whether it was not.

    Args:
        lesson: a Lesson.
        folder: where notebooks go.
        check: change nothing. Defaults to `False`.
        nbgrader: the folder is nbgrader's `source`, with a folder for each assignment.
            Defaults to `False`.
        language: of the notebook. Defaults to `None`: English.
    """
    path = place(lesson, folder, nbgrader)
    text = build(lesson, nbgrader=nbgrader, language=language)
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    return True


def update_glossary(lessons, folder, check=False, language=None):
    """Bring the glossary in a folder up to date; whether it was not.

    Args:
        lessons: all of them.
        folder: where notebooks go.
        check: change nothing. Defaults to `False`.
        language: of the glossary. Defaults to `None`: English.
    """
    path = Path(folder) / glossary.NOTEBOOK
    text = glossary.notebook(lessons, lessons[0].folder.parent, language)
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    if not check:
        write_atomically(path, text)
    return True


def orphans(lessons, folder):
    """Notebooks in a folder that no lesson builds."""
    names = {glossary.NOTEBOOK, *(f"{lesson.name}.ipynb" for lesson in lessons)}
    return sorted(p for p in Path(folder).glob("*.ipynb") if p.name not in names)


def _read(path):
    """The lines of a lesson, found sound."""
    try:
        text = path.read_text("utf-8")
        ast.parse(text, str(path))
    except SyntaxError as error:
        raise CourseError(f"{path}:{error.lineno}: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: {error}") from None
    lines = text.splitlines()
    for number, problem in lesson_text.problems(lines):
        raise CourseError(f"{path}:{number}: {problem}")
    return lines


def _cells(text):
    cells = jupytext.reads(text, fmt="py:percent").cells
    for cell in cells:  # how the script was laid out is no business of the notebook
        for key in [key for key in cell.metadata if key.startswith("lines_to_")]:
            del cell.metadata[key]
    return cells


def _fold(cell):
    """Hide what would tell the result of an experiment before it has run.

    The text of a cell tagged `result` is folded; so is the code of a cell that asks for
    a prediction, and of the experiment that reveals what came of it.
    """
    if cell.cell_type == "markdown" and "result" in cell.metadata.get("tags", ()):
        summary = MESSAGES.say("build", "result")
        cell.source = (
            f"<details><summary>{summary}</summary>\n\n{cell.source}\n\n</details>"
        )
    if cell.cell_type == "code" and re.search(
        r"^this\.(predict|reveal)\(", cell.source, re.MULTILINE
    ):
        # JupyterLab, Colab, and Jupyter Book and other readers of tags, in this order.
        cell.metadata["jupyter"] = {"source_hidden": True}
        cell.metadata["cellView"] = "form"
        cell.metadata["tags"] = [*cell.metadata.get("tags", ()), "hide-input"]


def _ids(cells):
    """An id for each cell: `name="..."` in its header, or drawn from its content."""
    taken: Counter = Counter()
    for cell in cells:
        content = f"{cell.cell_type}\n{cell.source}".encode()
        name = cell.metadata.get("name") or hashlib.sha256(content).hexdigest()[:12]
        taken[name] += 1
        yield name if taken[name] == 1 else f"{name}-{taken[name]}"
