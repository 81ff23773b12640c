"""What the `tlkeras` command prints: tables for people."""

from rich.markup import escape
from rich.table import Column, Table

from tlkeras.course import progress
from tlkeras.grading import State

COLOURS = {State.PASSED: "green", State.NOT_ATTEMPTED: "blue"}


def lessons_table(lessons, folder):
    """The lessons, and how far the learner of a started folder is."""
    name = Column("lesson", no_wrap=True)  # what is typed behind a command
    title = Column("title", overflow="fold")
    points, right = (Column(x, no_wrap=True) for x in ("points", "predicted"))
    table = _table(name, title, "min", points, right)
    part = None
    for lesson in lessons:
        if lesson.part != part:
            table.add_row(f"[bold]{escape(lesson.part)}[/]")
        part = lesson.part
        true, seen = progress.predictions(folder, lesson)
        table.add_row(
            lesson.name,
            escape(lesson.title),
            str(lesson.minutes),
            f"{progress.points(folder, lesson):g} of {lesson.points:g}",
            f"{true} of {seen}" if seen else "",
        )
    return table


def outcomes_table(lesson, outcomes):
    """How each exercise of a notebook came out, the likely cause below its name."""
    name = Column("exercise", overflow="fold")
    points = Column("points", no_wrap=True)
    table = _table(name, "outcome", points, title=lesson.title)
    for exercise, outcome in outcomes.items():
        colour = COLOURS.get(outcome["state"], "red")
        causes = (f"  {cause}" for cause in outcome["diagnoses"])
        table.add_row(
            "\n".join([exercise, *causes]),
            f"[{colour}]{outcome['state']}[/]",
            f"{outcome['points']:g} of {outcome['max_points']:g}",
        )
    return table


def _table(*columns, **options):
    """A table without lines, which leaves a narrow window its width."""
    return Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False, **options)


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


def times_table(times_of):
    """The cells of each lesson's notebook that took most processor time."""
    cell = Column("slowest cells, first line", overflow="fold")
    table = Table("lesson", cell, "processor seconds")
    for lesson, times in times_of.items():
        for seconds, line in times:
            table.add_row(lesson, escape(line), f"{seconds:.1f}")
    return table


def findings_table(findings):
    """What the doctor found, and what to do about what is missing."""
    what = Column("what", no_wrap=True)
    found, todo = (Column(x, overflow="fold") for x in ("found", "what to do"))
    table = _table("", what, found, todo)
    for one in findings:
        mark = "[green]✓[/]" if one.found else "[red]✗[/]" if one.required else "–"
        advice = "" if one.found else escape(one.advice)
        table.add_row(mark, one.name, escape(one.detail), advice)
    return table
