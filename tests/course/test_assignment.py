"""Notebooks for nbgrader: what its schema asks for, without nbgrader itself."""

import ast
import json
import re

import pytest
from test_build import cells, edit, source

from tlkeras.course import CourseError, build, lesson

FLAGS = {"grade", "solution", "locked", "task"}
REQUIRED = {"schema_version", "grade_id", *FLAGS}


def marked(text):
    """nbgrader's metadata by the id of the cell in nbgrader, and the cell's source."""
    pairs = ((c["metadata"].get("nbgrader"), source(c)) for c in cells(text))
    return {meta["grade_id"]: (meta, text) for meta, text in pairs if meta}


@pytest.fixture(scope="module")
def attention():
    found = lesson("01_attention")
    return found, marked(build.build(found, nbgrader=True))


def test_every_exercise_is_a_solution_cell_and_a_locked_grade_cell(attention):
    found, cells_by_id = attention
    ids = {i for name in found.exercises for i in (name, f"{name}-check")}
    assert cells_by_id.keys() == ids
    for name, exercise in found.exercises.items():
        solution, text = cells_by_id[name]
        assert solution.keys() == REQUIRED
        assert {k for k in FLAGS if solution[k]} == {"solution"}
        assert "# BEGIN SOLUTION" in text
        assert "# END SOLUTION" in text
        grade, _ = cells_by_id[f"{name}-check"]
        assert grade.keys() == REQUIRED | {"points"}
        assert {k for k in FLAGS if grade[k]} == {"grade", "locked"}
        assert grade["points"] == exercise.points
    for metadata, _ in cells_by_id.values():
        assert metadata["schema_version"] == 3
        assert re.fullmatch(r"[a-zA-Z0-9_\-]+", metadata["grade_id"])


def test_a_grade_cell_ends_in_the_points_for_nbgrader_reads_numbers_only(attention):
    for name, (_, text) in attention[1].items():
        if name.endswith("-check"):
            shown, value = ast.parse(text).body
            call = f"check({name.removesuffix('-check')})"
            assert ast.unparse(shown) == f"display((outcome := {call}))"
            assert ast.unparse(value) == "outcome.points"


def test_other_cells_and_ids_are_those_of_the_learners_notebook(attention):
    found, _ = attention
    learners = cells(build.build(found))
    for ours, theirs in zip(
        cells(build.build(found, nbgrader=True)), learners, strict=True
    ):
        assert ours["id"] == theirs["id"]
        if "nbgrader" not in ours["metadata"]:
            assert ours == theirs
    assert not any("nbgrader" in cell["metadata"] for cell in learners)


CHECKS = """
# %%
row_total = 3
check(
    double,
)

# %%
check(lambda x: x.sum(-1), name="row_sums")
"""


def with_checks(lesson, text=CHECKS):
    path = lesson.folder / "lesson.py"
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def test_a_check_is_found_however_it_is_written(tiny_copy):
    with_checks(tiny_copy)
    found = marked(build.build(tiny_copy, nbgrader=True))
    assert found.keys() == {"double", "double-check", "row_sums", "row_sums-check"}
    text = found["double-check"][1]
    assert text.startswith("row_total = 3\ndisplay(outcome := check(\n    double,\n))")
    assert "lambda x" in found["row_sums-check"][1]
    assert found["double"][0]["grade_id"] == "double"  # found by what it defines


def test_an_exercise_that_nobody_checks_is_named(tiny_copy):
    with_checks(tiny_copy, "\n# %%\ncheck(double)\n")
    with pytest.raises(
        CourseError, match=r"exercise row_sums has no check\(row_sums\)"
    ):
        build.build(tiny_copy, nbgrader=True)
    edit(tiny_copy, "def double(", "def twice(")
    with pytest.raises(CourseError, match="exercise double has no cell"):
        build.build(tiny_copy, nbgrader=True)


def test_each_assignment_has_a_folder_of_its_own(tiny_copy, tmp_path):
    with_checks(tiny_copy)
    folder = tmp_path / "source"
    assert build.update(tiny_copy, folder, nbgrader=True)
    assert not build.update(tiny_copy, folder, nbgrader=True)
    path = folder / "01_tiny" / "01_tiny.ipynb"
    assert path == build.place(tiny_copy, folder, nbgrader=True)
    assert json.loads(path.read_text("utf-8"))["metadata"]["tlkeras"] == {
        "format": 1,
        "lesson": "01_tiny",
    }
