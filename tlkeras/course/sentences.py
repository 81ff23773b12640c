"""Whether a lesson has every sentence that its checks say, and agrees with itself."""

import math

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
    headings = lesson_text.headings((lesson.folder / "lesson.py").read_text("utf-8"))
    for exercise in exercises:
        for section, heading in (exercise.messages.get("sections") or {}).items():
            if heading not in headings:
                yield f"no heading of lesson.py is {heading!r} (section {section!r})"
        return  # they share their messages
