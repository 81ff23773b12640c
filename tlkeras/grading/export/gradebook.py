"""Results in nbgrader's gradebook, through its Python API.

The assignment is the one that `nbgrader generate_assignment` made of a notebook built
by `tlkeras build --nbgrader`: each exercise is a solution cell of the exercise's own
name and a grade cell called `<exercise>-check`.
"""

import contextlib
import os
import sys
from pathlib import Path, PurePath

from tlkeras.grading.export.marks import make_sure_of_marks, refuse
from tlkeras.grading.judge.outcome import State
from tlkeras.grading.report.text import clean, one_line

CHECK = "{}-check"  # the grade cell of an exercise
ID_LENGTH = 128  # of a student, in nbgrader's database


def nbgrader(
    results,
    lesson,
    database,
    assignment=None,
    course="",
    allow_practice=False,
    student=None,
):
    """Put results into a gradebook; marks given by hand there are left as they are.

    An exercise that could not be checked, and a submission that was not graded whole,
    is marked as waiting for a person.

    Args:
        results: what each `result.json` holds.
        lesson: the Lesson.
        database: path of `gradebook.db`, or a URL as in nbgrader's `db_url`.
        assignment: name in the gradebook, made if it is not there. Defaults to the
            lesson's name.
        course: nbgrader's `course_id`, for an assignment made here. Defaults to `""`,
            as in nbgrader.
        allow_practice: also results graded without a sandbox. Defaults to `False`.
        student: `result -> id of the student`. Defaults to the folder of a student in
            nbgrader's `submitted/`, else the name of the submission.

    Returns:
        The ids of the students, in the order of the results.

    Raises:
        ExportError: a result is not for marks, two are of one student, an id cannot be
            one, or the assignment in the gradebook is not that of this lesson.
        ModuleNotFoundError: nbgrader is not installed.
    """
    from nbgrader.api import Gradebook

    assignment = assignment or lesson.name
    marks = _marks(results, lesson, allow_practice, student or student_of)
    with _own_programs_first(), Gradebook(_url(database), course) as book:
        book.db().expire_on_commit = False  # what we know does not change under us
        _make_sure_of_assignment(book, lesson, assignment)
        _make_sure_of_submissions(book, assignment, marks)
        for notebook in book.notebook_submissions(lesson.name, assignment):
            if notebook.student.id in marks:
                _enter(notebook, marks[notebook.student.id], lesson.exercises)
        book.db.commit()
    return list(marks)


def student_of(result):
    """The student of `…/<student>/<lesson>/<lesson>.ipynb`, else the submission's name.

    So nbgrader lays out `submitted/`, where `tlkeras build --nbgrader` gives the
    assignment and its notebook the lesson's name.
    """
    parts = PurePath(result["submission"]["file"]).parts
    *_, student, folder, file = ("", "", "", *parts)
    inside = folder == PurePath(file).stem and result["lesson"] in (None, folder)
    return student if inside and student else result["submission"]["name"]


def _marks(results, lesson, allow_practice, student):
    """Slim results by student: all of them are sound before anything is written."""
    marks: dict[str, dict] = {}
    for result in results:
        make_sure_of_marks(result, allow_practice)
        who = str(student(result))
        if who != one_line(who) or not 0 < len(who) <= ID_LENGTH:
            raise refuse("no-id", student=one_line(who, 60), limit=ID_LENGTH)
        if who in marks:
            raise refuse("twice", student=who, lesson=lesson.name)
        marks[who] = {
            "whole": result["state"] == "graded",
            "exercises": {
                entry["name"]: {k: v for k, v in entry.items() if k != "card"}
                for entry in result["exercises"]
            },
        }
    return marks


def _url(database):
    text = str(database)
    return text if "://" in text else f"sqlite:///{Path(text).resolve()}"


@contextlib.contextmanager
def _own_programs_first():
    """Let nbgrader find `alembic`, which it runs, also outside an activated venv."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _make_sure_of_assignment(book, lesson, assignment):
    from nbgrader.api import MissingEntry

    try:
        notebook = book.find_notebook(lesson.name, assignment)
    except MissingEntry:
        book.update_or_create_assignment(assignment)
        book.add_notebook(lesson.name, assignment)
        for name, exercise in lesson.exercises.items():
            check = {"max_score": float(exercise.points), "cell_type": "code"}
            book.add_grade_cell(CHECK.format(name), lesson.name, assignment, **check)
            book.add_solution_cell(name, lesson.name, assignment)
        return
    points = {cell.name: cell.max_score for cell in notebook.grade_cells}
    for name, exercise in lesson.exercises.items():
        found = points.get(CHECK.format(name))
        if found != exercise.points:
            raise refuse(
                "other-assignment",
                assignment=assignment,
                cell=CHECK.format(name),
                points=f"{exercise.points:g}",
                found="–" if found is None else f"{found:g}",
            )


def _make_sure_of_submissions(book, assignment, marks):
    students = {student.id for student in book.students}
    handed_in = {one.student.id for one in book.assignment_submissions(assignment)}
    for who in marks:
        if who not in students:
            book.add_student(who)
        if who not in handed_in:
            book.add_submission(assignment, who)


def _enter(notebook, result, names):
    """Set the marks and comments of the grader, and none that a person gave."""
    exercises = result["exercises"]
    ours = {CHECK.format(name): name for name in names}
    for grade in notebook.grades:
        if grade.name not in ours:  # a question that the instructor added
            continue
        entry = exercises.get(ours[grade.name])
        unsure = entry is None or entry["state"] == State.UNCHECKABLE.value
        grade.auto_score = 0.0 if entry is None else float(entry["points"])
        grade.needs_manual_grade = (
            unsure or not result["whole"] or grade.manual_score is not None
        )
    for comment in notebook.comments:
        if comment.name in exercises:
            comment.auto_comment = clean(exercises[comment.name]["message"])
