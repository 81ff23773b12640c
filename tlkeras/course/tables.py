"""What the `tlkeras` command prints: tables for people."""

from rich.markup import escape
from rich.table import Column, Table

from tlkeras.course import progress
from tlkeras.grading import State

COLOURS = {State.PASSED: "green", State.NOT_ATTEMPTED: "blue"}


def lessons_table(lessons, folder):
    """The lessons, and how far the learner of a started folder is."""
    table = Table("part", "lesson", "title", "minutes", "progress", "points")
    part = None
    for lesson in lessons:
        reached = progress.points(folder, lesson)
        done = round(10 * reached / lesson.points)
        table.add_row(
            escape(lesson.part) if lesson.part != part else "",
            lesson.name,
            escape(lesson.title),
            str(lesson.minutes),
            "█" * done + "░" * (10 - done),
            f"{reached:g} of {lesson.points:g}",
        )
        part = lesson.part
    return table


def outcomes_table(lesson, outcomes):
    """How each exercise of a notebook came out."""
    table = Table("exercise", "outcome", "points", "likely cause", title=lesson.title)
    for name, outcome in outcomes.items():
        colour = COLOURS.get(outcome["state"], "red")
        table.add_row(
            name,
            f"[{colour}]{outcome['state']}[/]",
            f"{outcome['points']:g} of {outcome['max_points']:g}",
            "\n".join(outcome["diagnoses"]),
        )
    return table


def reports_table(lesson, reports):
    """What was proved about each exercise of a lesson, over all seeds together."""
    kinds = {
        "stub": "stub",
        "solution": "solution",
        "accepted": "accepted",
        "misconceptions": "alone",
        "pairs": "in pairs",
        "masked": "masked",
        "shared": "shared",
    }
    name = Column("exercise", overflow="fold")  # a shortened name helps nobody
    table = Table(name, *kinds.values(), title=lesson.name)
    for report in reports:
        if report.tried:
            cells = (_share(report, kind) for kind in kinds)
            table.add_row(report.name, *cells)
    return table


def _share(report, kind):
    right, tried = report.right[kind], report.tried[kind]
    colour = "green" if right == tried else "red"
    return f"[{colour}]{right}/{tried}[/]" if tried else "–"


def metrics_table(rows_of):
    """The figures of each lesson's notebook, and the bands they must fall in."""
    table = Table("lesson", Column("figure", overflow="fold"), "value", "band")
    for lesson, rows in rows_of.items():
        for name, value, low, high in rows:
            right = isinstance(value, float) and low <= value <= high
            said = f"{value:.4g}" if isinstance(value, float) else escape(str(value))
            band = f"{low:g} to {high:g}"
            colour = "green" if right else "red"
            if value is None:
                said, colour = "left out", "yellow"
            table.add_row(lesson, escape(name), f"[{colour}]{said}[/]", band)
    return table


def findings_table(findings):
    """What the doctor found, and what to do about what is missing."""
    table = Table("", "what", "found", "what to do")
    for one in findings:
        mark = "[green]✓[/]" if one.found else "[red]✗[/]" if one.required else "–"
        todo = "" if one.found else escape(one.advice)
        table.add_row(mark, one.name, escape(one.detail), todo)
    return table
