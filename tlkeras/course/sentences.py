"""Whether a lesson has every sentence that its checks say, and agrees with itself."""

import math
import re

from tlkeras.course import lesson_text


def missing_sentences(exercise):
    """What a learner could be told about an exercise, and no sentence says."""
    ids = [m.id for m in exercise.misconceptions]
    sections = {exercise.section, *(m.section for m in exercise.misconceptions)}
    keys = [
        *(("sections", section) for section in sorted(sections)),
        *(("cases", exercise.name, case.name) for case in exercise.cases),
        *(("misconceptions", id_) for id_ in ids),
    ]
    for key in keys:
        if not _is_sentence(exercise.messages.get(*key)):
            yield f"no message {'.'.join(key)}"
    hints = exercise.messages.get("hints", exercise.name)
    if not isinstance(hints, list) or not hints or not all(map(_is_sentence, hints)):
        yield f"no hints for {exercise.name}"
    for id_ in sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        yield f"two misconceptions are called {id_}"


def _is_sentence(entry):
    return isinstance(entry, str) and bool(entry.strip())


def lesson_failures(lesson):
    """Where a lesson's text, its exercises and the syllabus disagree."""
    exercises = lesson.exercises.values()
    points = math.fsum(exercise.points for exercise in exercises)
    if not math.isclose(points, lesson.points):
        yield f"its exercises have {points:g} points, the syllabus {lesson.points:g}"
    for path in sorted((lesson.folder / "exercises").glob("[!_]*.py")):
        if path.stem not in lesson.names:
            yield f'{path.name}: no cell has exercise="{path.stem}"'
    text = (lesson.folder / "lesson.py").read_text("utf-8")
    yield from _wrong_points(lesson, text)
    headings = lesson_text.headings(text)
    for exercise in exercises:
        for section, heading in (exercise.messages.get("sections") or {}).items():
            if heading not in headings:
                yield f"no heading of lesson.py is {heading!r} (section {section!r})"
        return  # they share their messages


def _wrong_points(lesson, text):
    """Where a lesson's own text gives other points than its exercises."""
    said = re.search(r"(\d+) points\.", text)
    if said and float(said[1]) != lesson.points:
        yield f"its text says {said[1]} points, the syllabus {lesson.points:g}"
    heading = None
    for cell in lesson_text.cells(text):
        headings = re.findall(r"^# #+ Exercise: .*\(([\d.]+) point", cell.source, re.M)
        heading = headings[-1] if headings else heading
        name = re.search(r'exercise="(\w+)"', cell.header)
        if name is None or name[1] not in lesson.names:
            continue
        points = lesson.exercise(name[1]).points
        if heading is not None and float(heading) != points:
            yield f"{name[1]}: its heading says {heading} points, it has {points:g}"
        heading = None
