"""A lesson's own cells, and what of a notebook has to run for its answers to exist."""

import re
from functools import cache

from tlkeras.course import lesson_text
from tlkeras.grading.notebooks import source


def steps(folder, document):
    """The Steps that run, in practice as for marks.

    Args:
        folder: of the lesson.
        document: a Notebook that answers it.
    """
    given, experiments = material(folder)
    texts = {
        number: cell.source
        for number, cell in enumerate(document.code)
        if "experiment" not in cell.tags
    }
    return source.steps(texts, given, experiments)


@cache
def material(folder):
    """The cells of a lesson that a learner need not change, and its experiments."""
    cells = lesson_text.cells((folder / "lesson.py").read_text("utf-8"))
    code = [cell for cell in cells if cell.is_code and not cell.has_solution]
    given = tuple(cell.source for cell in code if not cell.is_experiment)
    return given, tuple(cell.source for cell in code if cell.is_experiment)


def misplaced(document, names):
    """Answers in cells that never run.

    Args:
        document: a Notebook.
        names: of exercises.

    Returns:
        By name: the number of the cell, counted from 1, and its kind.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, cell in enumerate(document.cells, 1):
        if cell.kind == "code" or len(cell.source) > source.LONGEST:
            continue
        words = re.findall(r"^[ \t>]*(?:def|class) +(\w+)", cell.source, re.MULTILINE)
        found |= {name: (number, cell.kind) for name in names if name in words}
    return found
