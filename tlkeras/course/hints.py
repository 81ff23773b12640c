"""Hints when they are asked for."""

from tlkeras.course.cards import MESSAGES, Card
from tlkeras.visualization.palette import BLUE


def hint(exercise, number) -> Card:
    """A hint of an exercise.

    Args:
        exercise: an Exercise.
        number: which one, from 0; after the last comes the first again.
    """
    hints = exercise.messages.get("hints", exercise.name)
    place = number % len(hints)
    headline = MESSAGES.say(
        "hint",
        "headline",
        exercise=exercise.name,
        number=place + 1,
        count=len(hints),
    )
    return Card(headline, [hints[place].strip()], edge=BLUE, kind="hint")
