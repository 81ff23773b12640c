"""Feedback for a learner: one page with the cards of every exercise, as in practice."""

from pathlib import PurePath

from tlkeras.grading.judge.outcome import State
from tlkeras.grading.report.markup import Markup, element, join, page, prose
from tlkeras.grading.report.parts import breakable, chip, say, state_name
from tlkeras.grading.report.text import clean, number, one_line


def feedback(result, lesson):
    """The HTML of a learner's feedback.

    The cards come from the grader, which escapes what the learner wrote; besides, the
    page's Content-Security-Policy lets no script run.

    Args:
        result: what `result.json` holds.
        lesson: the Lesson.
    """
    name = one_line(result["submission"]["name"], 120) or "–"
    title = say("feedback", "title", lesson=lesson.title, name=name)
    body = element(
        "main",
        element("p", say("feedback", "kind", lesson=lesson.title), class_="kind"),
        element("h1", element("bdi", name)),
        _score(result),
        _warning(result),
        _overview(result["exercises"]),
        *(_exercise(entry) for entry in result["exercises"]),
        _notes(result["notes"]),
        _footer(result),
        class_="narrow",
    )
    return page(title, body, inline_styles=True)


def _score(result):
    if result["state"] == "unreadable":
        return join(
            element("p", say("feedback", "unreadable"), class_="lead"),
            element("pre", result["reason"] or ""),
        )
    points = say(
        "feedback",
        "points",
        points=number(result["points"]),
        max_points=number(result["max_points"]),
    )
    why = element("p", result["reason"]) if result["reason"] else None
    return join(element("p", points, class_="lead"), why)


def _warning(result):
    if result["graded"]["isolation"]["for_marks"]:
        return None
    return element("p", say("feedback", "practice"), class_="warning", role="note")


def _overview(exercises):
    if not exercises:
        return None
    rows = (
        element(
            "tr",
            element("th", breakable(entry["name"]), scope="row"),
            element("td", chip(entry["state"]), " ", state_name(entry["state"])),
            element("td", _points(entry), class_="number"),
        )
        for entry in exercises
    )
    heads = (
        element("th", say("column", "exercise"), scope="col"),
        element("th", say("column", "state"), scope="col"),
        element("th", say("column", "points"), scope="col", class_="number"),
    )
    return element(
        "table",
        element("caption", say("feedback", "overview")),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
    )


def _points(entry):
    return say(
        "feedback",
        "of",
        points=number(entry["points"]),
        max_points=number(entry["max_points"]),
    )


def _exercise(entry):
    text = element("pre", entry["message"])
    card = Markup(clean(entry["card"])) if entry["card"] else text
    passed = entry["state"] == State.PASSED.value
    section = None if passed else say("feedback", "section", section=entry["section"])
    return element(
        "section",
        element("h2", breakable(entry["name"])),
        element("p", section) if section else None,
        card,
    )


def _notes(notes):
    if not notes:
        return None
    return element(
        "section",
        element("h2", say("feedback", "notes")),
        element("ul", *(element("li", prose(note)) for note in notes)),
    )


def _footer(result):
    graded, file = result["graded"], result["submission"]
    text = say(
        "feedback",
        "footer",
        file=one_line(PurePath(file["file"]).name, 200),
        at=graded["at"],
        version=graded["tlkeras"],
        seed=graded["seed"],
        digest=(file["sha256"] or "–")[:16],
    )
    return element("footer", element("p", text))
