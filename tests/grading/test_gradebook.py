"""Whose submission it is, and which marks are handed on."""

import pytest

from tlkeras.grading.export import ExportError
from tlkeras.grading.export.gradebook import _marks, _url, student_of

LESSON = type("Lesson", (), {"name": "01_tiny"})


def result(file, name="x/y", lesson="01_tiny"):
    isolation = {"tier": "A", "name": "bubblewrap", "for_marks": True}
    return {
        "submission": {"file": file, "name": name},
        "lesson": lesson,
        "state": "graded",
        "graded": {"isolation": isolation},
        "exercises": [{"name": "f", "points": 1, "card": "<div>"}],
    }


@pytest.mark.parametrize(
    ("file", "lesson", "student"),
    [
        ("submitted/ada/01_tiny/01_tiny.ipynb", "01_tiny", "ada"),
        ("submitted/ada/01_tiny/01_tiny.ipynb", None, "ada"),
        ("submitted/ada/02_other/02_other.ipynb", "01_tiny", "x/y"),
        ("submitted/ada/01_tiny/copy.ipynb", "01_tiny", "x/y"),
        ("01_tiny/01_tiny.ipynb", "01_tiny", "x/y"),
        ("ada.ipynb", "01_tiny", "x/y"),
    ],
)
def test_a_student_is_known_by_the_folder_that_nbgrader_made(file, lesson, student):
    assert student_of(result(file, lesson=lesson)) == student


@pytest.mark.parametrize("names", [("ada", "ada"), ("a\nb",), ("",), ("x" * 129,)])
def test_what_cannot_be_a_student_is_refused(names):
    results = [result("f.ipynb", name) for name in names]
    with pytest.raises(ExportError):
        _marks(results, LESSON, False, student_of)


def test_marks_are_kept_without_their_cards():
    marks = _marks([result("f.ipynb", "ada")], LESSON, False, student_of)
    assert marks == {
        "ada": {"whole": True, "exercises": {"f": {"name": "f", "points": 1}}}
    }


def test_a_path_becomes_a_url_and_a_url_stays(tmp_path):
    assert _url(tmp_path / "gradebook.db") == f"sqlite:///{tmp_path}/gradebook.db"
    assert _url("postgresql://host/marks") == "postgresql://host/marks"
