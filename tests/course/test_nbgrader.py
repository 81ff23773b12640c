"""A whole course with the real nbgrader, where it is installed."""

import copy
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_assignment import with_checks

from tlkeras.course import build, syllabus
from tlkeras.grading import Messages, check, export
from tlkeras.grading.export import ExportError
from tlkeras.grading.submissions import result as result_files

pytest.importorskip("nbgrader", reason="no nbgrader: pip install 'tlkeras[nbgrader]'")
from nbgrader import nbgraderformat
from nbgrader.api import Course, Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

TINY = Path(__file__).parent / "tiny"

# What `lesson(...).check` does, for a lesson that is in no syllabus of the kernel's.
CHECK = f"""
# %%
from tlkeras import grading
from tlkeras.course.syllabus import load_exercises

EXERCISES = load_exercises({str(TINY / "01_tiny")!r})


def check(answer, name=None):
    return grading.check(EXERCISES[name or answer.__name__], answer)


# %%
check(double)

# %%
check(row_sums)
"""
NAME = "01_tiny"
HALF = "def double(x):\n    return 2 * x if x.shape == (2, 3) else 3 * x\n"
POINTS = {"double-check": 0.5, "row_sums-check": 0.0}  # half of double, a blank


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A lesson, and nbgrader's course whose one assignment was generated from it."""
    folder, root = (tmp_path_factory.mktemp(n) for n in ("lessons", "nbgrader"))
    shutil.copytree(TINY, folder, dirs_exist_ok=True)
    (lesson,) = syllabus._read(folder)
    with_checks(lesson, CHECK)
    build.update(lesson, root / "source", nbgrader=True)
    made = api_of(root).generate_assignment(NAME)
    assert made["success"], made["log"]
    return lesson, root


@pytest.fixture
def course(generated, tmp_path):
    lesson, made = generated
    root = tmp_path / "nbgrader"
    shutil.copytree(made, root)
    return root, lesson


def api_of(root):
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "tiny"
    return NbGraderAPI(config=config)


def result(lesson, name, answers):
    """A result as of `result.json`, with real checks of the answers."""
    entries = []
    for exercise in lesson.exercises.values():
        outcome = check(exercise, answers[exercise.name])
        entries.append(
            {
                "name": outcome.exercise,
                "section": "…",
                "state": outcome.state.value,
                "points": outcome.points,
                "max_points": outcome.max_points,
                "cases": outcome.cases,
                "misconceptions": [],
                "headline": outcome.headline,
                "message": outcome.message,
                "card": None,
                "seconds": 0.1,
            }
        )
    return {
        "schema": result_files.SCHEMA,
        "submission": {
            "name": name,
            "file": f"{name}.ipynb",
            "sha256": None,
            "bytes": None,
        },
        "graded": {
            "at": "2026-03-01T10:00:00Z",
            "tlkeras": "0.1.0",
            "seed": 1,
            "seconds": 0.1,
            "isolation": {"tier": "A", "name": "bubblewrap", "for_marks": True},
        },
        "lesson": NAME,
        "state": "graded",
        "reason": None,
        "max_points": 3.0,
        "policy": [],
        "notes": [],
        "points": sum(e["points"] for e in entries),
        "exercises": entries,
    }


def grades(root, student):
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "tiny") as book:
        notebook = book.find_submission_notebook(NAME, NAME, student)
        return {grade.name: grade.to_dict() for grade in notebook.grades}


def right(lesson):
    return {n: e.accepted["lists" if n == "double" else "einsum"] for n, e in
            lesson.exercises.items()}  # fmt: skip


def test_nbgrader_generates_what_learners_get(course):
    root, lesson = course
    path = root / "release" / NAME / f"{NAME}.ipynb"
    with path.open(encoding="utf-8") as file:
        notebook = nbgraderformat.read(file, as_version=4)  # validates the metadata
    text = json.dumps(notebook)
    assert "SOLUTION" not in text
    assert "return 2 * x" not in text
    assert text.count("raise NotImplementedError()") == len(lesson.exercises)
    assert notebook.metadata.tlkeras.lesson == NAME
    cells = [c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata]
    assert all(len(cell.checksum) == 32 for cell in cells)


def test_nbgraders_own_autograde_gives_partial_credit(course):
    root, _ = course
    notebook = json.loads((root / "release" / NAME / f"{NAME}.ipynb").read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double":
            cell["source"] = HALF
    folder = root / "submitted" / "ada" / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook), "utf-8")
    done = api_of(root).autograde(NAME, "ada")
    assert done["success"], done["log"]
    found = grades(root, "ada")
    assert {name: grade["auto_score"] for name, grade in found.items()} == POINTS


def test_verdicts_replace_the_points_and_leave_what_a_person_gave(course):
    root, lesson = course
    database = root / "gradebook.db"
    best = result(lesson, "ada", right(lesson))
    assert export.nbgrader([best], lesson, database) == ["ada"]
    found = grades(root, "ada")
    assert {g["auto_score"] for g in found.values()} == {1.0, 2.0}
    assert not any(g["needs_manual_grade"] for g in found.values())

    with Gradebook(f"sqlite:///{database}", "tiny") as book:
        book.find_grade("double-check", NAME, NAME, "ada").manual_score = 0.75
        book.db.commit()
    wrong = {"double": lambda x: 3 * x, "row_sums": right(lesson)["row_sums"]}
    export.nbgrader([result(lesson, "ada", wrong)], lesson, database)
    again = grades(root, "ada")["double-check"]
    assert (again["auto_score"], again["manual_score"]) == (0.0, 0.75)
    assert again["needs_manual_grade"]
    with Gradebook(f"sqlite:///{database}", "tiny") as book:
        assert book.find_submission(NAME, "ada").score == 2.75
        comment = book.find_comment("double", NAME, NAME, "ada").auto_comment
    assert Messages(TINY / NAME).say("misconceptions", "double.tripled") in comment


def test_what_could_not_be_checked_waits_for_a_person(course):
    root, lesson = course
    broken = result(lesson, "ada", right(lesson))
    broken["exercises"][0] |= {"state": "uncheckable", "points": 0.0}
    unread = result(lesson, "bob", right(lesson))
    unread |= {"state": "unreadable", "exercises": [], "points": 0.0, "lesson": None}
    export.nbgrader([broken, unread], lesson, root / "gradebook.db")
    ada, bob = grades(root, "ada"), grades(root, "bob")
    assert ada["double-check"]["needs_manual_grade"]
    assert not ada["row_sums-check"]["needs_manual_grade"]
    assert all(g["needs_manual_grade"] for g in bob.values())
    assert {g["auto_score"] for g in bob.values()} == {0.0}


def test_a_gradebook_without_the_assignment_gets_it(tiny, tmp_path):
    results = [result(tiny, f"learner-{n}", right(tiny)) for n in range(3)]
    path = tmp_path / "gradebook.db"
    export.nbgrader(results, tiny, path)
    export.nbgrader(results, tiny, f"sqlite:///{path}")  # once more changes nothing
    with Gradebook(f"sqlite:///{path}") as book:
        assert book.find_assignment(NAME).max_score == 3.0
        assert [s.score for s in book.assignment_submissions(NAME)] == [3.0] * 3


def test_the_student_is_read_from_nbgraders_folders(course):
    root, lesson = course
    one = result(lesson, "some/long/name", right(lesson))
    one["submission"]["file"] = f"/course/submitted/grace/{NAME}/{NAME}.ipynb"
    assert export.nbgrader([one], lesson, root / "gradebook.db") == ["grace"]


def test_a_folder_of_several_lessons_fills_several_assignments(tiny, tmp_path):
    other = SimpleNamespace(name="02_other", exercises=tiny.exercises)

    def one(student, assignment, **changes):
        found = result(tiny, f"{student}/{assignment}", right(tiny))
        file = f"submitted/{student}/{assignment}/{assignment}.ipynb"
        found["submission"]["file"] = file
        return found | {"lesson": assignment} | changes

    nothing = {"lesson": None, "exercises": [], "state": "unreadable", "points": 0}
    kept = [one("ada", NAME), one("ada", "02_other"), one("bob", "02_other", **nothing)]
    for found in kept:
        path = result_files.path_of(tmp_path, found["submission"]["name"])
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(found), "utf-8")
    path = tmp_path / "gradebook.db"
    lessons = {NAME: tiny, "02_other": other}
    assert export.write("nbgrader", tmp_path, lessons.get, path) == 3
    with Gradebook(f"sqlite:///{path}") as book:
        scores = {
            name: {s.student.id: s.score for s in book.assignment_submissions(name)}
            for name in lessons
        }
    assert scores == {NAME: {"ada": 3.0}, "02_other": {"ada": 3.0, "bob": 0.0}}


def test_nothing_is_written_when_something_is_wrong(course):
    root, lesson = course
    database = root / "gradebook.db"
    good = result(lesson, "ada", right(lesson))
    with Gradebook(f"sqlite:///{database}", "tiny") as book:
        courses = {row.id for row in book.db.query(Course)}

    def changed(**submission):
        other = copy.deepcopy(good)
        other["submission"] |= submission
        return other

    practice = changed(name="bob")
    practice["graded"]["isolation"] = {"tier": "C", "name": "-", "for_marks": False}
    for bad, words in (
        (changed(file="again/ada.ipynb"), "two submissions of the student 'ada'"),
        (changed(name="a\nb"), "cannot be the id of a student"),
        (changed(name="x" * 129), "cannot be the id of a student"),
        (changed(name=""), "cannot be the id of a student"),
        (practice, "--allow-practice"),
    ):
        with pytest.raises(ExportError, match=words):
            export.nbgrader([good, bad], lesson, database)
        with Gradebook(f"sqlite:///{database}", "tiny") as book:
            assert book.students == []
    export.nbgrader([good, practice], lesson, database, allow_practice=True)
    with Gradebook(f"sqlite:///{database}", "tiny") as book:
        assert {student.id for student in book.students} == {"ada", "bob"}
        assert courses == {row.id for row in book.db.query(Course)}  # none was made


def test_the_assignment_of_another_notebook_is_refused(course):
    root, lesson = course
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "tiny") as book:
        book.update_or_create_grade_cell("double-check", NAME, NAME, max_score=7.0)
    one = result(lesson, "ada", right(lesson))
    with pytest.raises(ExportError, match=r"should have 1 points, and it has 7"):
        export.nbgrader([one], lesson, root / "gradebook.db")
