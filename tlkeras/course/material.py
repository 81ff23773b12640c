"""What a notebook answers, and what of it has to run for its answers to exist."""

import re
from functools import cache

from tlkeras.course import editions, lesson_text
from tlkeras.course.syllabus import MESSAGES, CourseError, lessons
from tlkeras.grading.notebooks import source

# Tags of code cells that a check does not run.
LEFT_OUT = {"experiment", "setup"}


def lesson_of(document, path):
    """The lesson that a notebook answers.

    Its metadata say so; failing that its file name, the `lesson("...")` that it calls,
    or the names that it defines.

    Raises:
        CourseError: none of them does.
    """
    known = {lesson.name: lesson for lesson in lessons()}
    source = "\n".join(cell.source for cell in document.code)
    called = re.findall(r"\blesson\(\s*[\"'](\w+)[\"']", source)
    named = [name for name in known if path.name.startswith(name)]
    for name in (document.metadata.get("lesson"), *named, *called):
        if isinstance(name, str) and name in known:
            return known[name]
    defined = set(re.findall(r"^(?:def|class) +(\w+)", source, re.MULTILINE))
    best = max(known.values(), key=lambda each: len(defined & each.exercises.keys()))
    if not defined & best.exercises.keys():
        names = {"file": path, "lessons": ", ".join(known)}
        raise CourseError(MESSAGES.say("lookup", "no-lesson-answered", **names))
    return best


def steps(folder, document):
    """The Steps that run, in practice as for marks.

    Args:
        folder: of the lesson.
        document: a Notebook that answers it.
    """
    given, experiments = material(folder, editions.language_of(document))
    texts = {
        number: cell.source
        for number, cell in enumerate(document.code)
        if not LEFT_OUT & cell.tags
    }
    return source.steps(texts, given, experiments)


@cache
def material(folder, language=None):
    """The cells of a lesson that a learner need not change, and its experiments.

    Args:
        folder: of the lesson.
        language: of its notebook. Defaults to `None`: English.
    """
    cells = lesson_text.cells((folder / "lesson.py").read_text("utf-8"))
    code = [cell for cell in cells if cell.is_code and not cell.has_solution]
    texts = [editions.given(cell.source, folder.name, language) for cell in code]
    pairs = list(zip(texts, code, strict=True))
    given = tuple(text for text, cell in pairs if not cell.is_experiment)
    return given, tuple(text for text, cell in pairs if cell.is_experiment)


def misplaced(document, names):
    """Answers in cells that never run.

    Args:
        document: a Notebook.
        names: of exercises.

    Returns:
        By name: the number of the cell, counted from 1, and its kind, which of a code
        cell is the tag for which it does not run.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, cell in enumerate(document.cells, 1):
        kind = cell.kind
        if kind == "code":
            kind = next(iter(sorted(LEFT_OUT & cell.tags)), None)
        if kind is None or len(cell.source) > source.LONGEST:
            continue
        words = re.findall(r"^[ \t>]*(?:def|class) +(\w+)", cell.source, re.MULTILINE)
        found |= {name: (number, kind) for name in names if name in words}
    return found
