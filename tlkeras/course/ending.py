"""The card at the end of a lesson: what was reached, and what comes next."""

import re

from tlkeras.course import editions, progress, syllabus
from tlkeras.course.cards import MESSAGES, Card
from tlkeras.grading import State
from tlkeras.visualization.palette import BLUE, GREEN

FIRST = re.compile(r".*?(?:。|\.(?= |$)|$)", re.DOTALL)  # a first sentence


def ending(lesson) -> Card:
    """The card of a lesson.

    Args:
        lesson: a Lesson.
    """
    say = MESSAGES.say
    kept = progress.kept(progress.started_folder())
    entries = kept["lessons"].get(lesson.name, {})
    given_up = kept["solutions"].get(lesson.name, {})
    waiting = progress.waiting(progress.started_folder(), lesson)
    passed = [n for n in lesson.exercises if n not in waiting and n not in given_up]
    groups = {"passed": passed, "given-up": given_up, "open": waiting}
    lines = [
        say("end", key, names=", ".join(f"`{name}`" for name in names))
        for key, names in groups.items()
        if names
    ]
    lines += _predictions(kept["predictions"].get(lesson.name, {}))
    known = [n for n, x in entries.items() if x["state"] == State.PASSED.value]
    lines += _mistakes(lesson, kept["mistakes"].get(lesson.name, {}), waiting, known)
    lines.append(_next(lesson))
    reached = min(sum(entry["points"] for entry in entries.values()), lesson.points)
    headline = say(
        "end",
        "headline",
        title=editions.title(lesson),
        points=f"{reached:g}",
        total=f"{lesson.points:g}",
    )
    return Card(headline, lines, edge=BLUE if waiting else GREEN, kind="end")


def _predictions(entries):
    """How many came true, and how many wait for their experiment."""
    in_time = progress.in_time(entries)
    right, seen = progress.count(in_time)
    if seen:
        yield MESSAGES.say("end", "predictions", right=right, count=seen)
    if seen < len(in_time):
        yield MESSAGES.say("end", "waiting-predictions", count=len(in_time) - seen)
    if not in_time:
        yield MESSAGES.say("end", "no-predictions")
    if late := len(entries) - len(in_time):
        yield MESSAGES.say("end", "late-predictions", count=late)


def _mistakes(lesson, met, waiting, known):
    """A line for each exercise: the first sentence about each mistake."""
    for name in lesson.names:
        messages = lesson.exercises[name].messages
        ideas = [messages.get("misconceptions", id_) for id_ in met.get(name, ())]
        firsts = [FIRST.findall(x.strip())[0] for x in ideas if x]
        if firsts:
            seen = "mistakes" if name in known else "mistakes-given-up"
            key = "so-far" if name in waiting else seen
            told = " · ".join(firsts)
            yield MESSAGES.say("end", key, exercise=name, ideas=told)


def _next(lesson):
    # By number, for a draft is in no list.
    following = [each for each in syllabus.lessons() if each.name > lesson.name]
    if not following:
        return MESSAGES.say("end", "last")
    notebook = f"{following[0].name}.ipynb"
    return MESSAGES.say(
        "end", "next", title=editions.title(following[0]), notebook=notebook
    )
