"""A lesson as an assignment of nbgrader: which cells are solutions, which give points.

An exercise is a solution cell of the exercise's own name, and its check a locked grade
cell called `<exercise>-check` (cell metadata of nbgrader, schema version 3).
nbgrader takes the points of a grade cell from its last value, and gives all of them for
any value but a number. So a check ends in `outcome.points`.
"""

import ast

from nbformat import NotebookNode

from tlkeras.course.lesson_text import BEGIN
from tlkeras.course.syllabus import CourseError

SCHEMA = 3


def mark(cells, lesson):
    """Give the cells of a lesson nbgrader's metadata, in place.

    Args:
        cells: all cells, with solutions between their markers.
        lesson: a Lesson.

    Raises:
        CourseError: an exercise has no cell, or no cell that checks it.
    """
    found: set[str] = set()
    for place, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        name, statement = _checked(cell, lesson.exercises)
        if name:
            points = lesson.exercises[name].points
            _make_check(cell, statement)
            _describe(cell, f"{name}-check", grade=True, locked=True, points=points)
            found.add(f"{name}-check")
        elif BEGIN in cell.source:
            name = _defined(cell, lesson.exercises) or f"cell-{place}"
            _describe(cell, name, solution=True)
            found.add(name)
    for name in lesson.exercises:
        for wanted, what in ((name, "cell"), (f"{name}-check", f"check({name})")):
            if wanted not in found:
                path = lesson.folder / "lesson.py"
                raise CourseError(f"{path}: exercise {name} has no {what} to mark.")


def _describe(cell, grade_id, **changes):
    flags = {"grade": False, "solution": False, "locked": False, "task": False}
    cell.metadata["nbgrader"] = NotebookNode(
        {"schema_version": SCHEMA, "grade_id": grade_id} | flags | changes
    )


def _statements(cell):
    try:
        return ast.parse(cell.source).body
    except SyntaxError:  # magics: neither an exercise nor a check
        return []


def _defined(cell, exercises):
    """The exercise that a cell defines, or `None`."""
    names = (getattr(statement, "name", None) for statement in _statements(cell))
    return next((name for name in names if name in exercises), None)


def _checked(cell, exercises):
    """The exercise that a cell's last statement checks, and that statement."""
    match _statements(cell)[-1:]:
        case [ast.Expr(ast.Call(ast.Name("check"), arguments, keywords)) as statement]:
            given = [k.value for k in keywords if k.arg == "name"] or arguments[1:2]
            match given or arguments:
                case [ast.Constant(name)] | [ast.Name(name)] if name in exercises:
                    return name, statement
    return None, None


def _make_check(cell, statement):
    """Let the card be shown, and the points be the value of the cell."""
    lines = cell.source.splitlines()
    call = ast.get_source_segment(cell.source, statement)
    cell.source = "\n".join(
        [
            *lines[: statement.lineno - 1],
            f"display(outcome := {call})",
            "outcome.points  # for nbgrader",
        ]
    )
