"""The solutions of a lesson, as a learner would write them."""

import re

from tlkeras.course import lesson_text, progress
from tlkeras.course.cards import MESSAGES, Card
from tlkeras.grading import State
from tlkeras.visualization.palette import BLUE, GREEN


def texts(folder) -> dict[str, str]:
    """The solved cell of each exercise of the lesson in a folder, by name."""
    text = (folder / "lesson.py").read_text("utf-8")
    found = {}
    for cell in lesson_text.cells(text):
        if (name := re.search(r'exercise="(\w+)"', cell.header)) is not None:
            lines = cell.source.strip().splitlines()
            found[name[1]] = lesson_text.replace_solutions(lines, solved=True).strip()
    return found


def solution(lesson, name, give_up) -> Card:
    """The solution of an exercise, or what asking for it costs.

    Args:
        lesson: a Lesson.
        name: of an exercise.
        give_up: whether the learner has agreed to that cost.
    """
    kept = progress.kept(progress.started_folder())
    entry = kept["lessons"].get(lesson.name, {}).get(name, {})
    passed = entry.get("state") == State.PASSED.value
    given_up = name in kept["solutions"].get(lesson.name, {})
    if not (passed or given_up or give_up):
        points = f"{lesson.exercise(name).points:g}"
        lines = [
            MESSAGES.say("solution", key, exercise=name, points=points)
            for key in ("price", "how", "grade")
        ]
        headline = MESSAGES.say("solution", "not-yet", exercise=name)
        return Card(headline, lines, edge=BLUE, kind="solution")
    if not passed and not given_up:
        progress.give_up(lesson.name, name)
    return Card(
        MESSAGES.say("solution", "headline", exercise=name),
        [MESSAGES.say("solution", "passed" if passed else "given-up")],
        texts(lesson.folder)[name],
        edge=GREEN if passed else BLUE,
        kind="solution",
    )
