"""Handing a mark to Gradescope, and refusing what is no mark."""

import json
import random

import pytest
from synthetic import one

from tlkeras.course import lesson
from tlkeras.grading import export
from tlkeras.grading.export import ExportError
from tlkeras.grading.submissions import result as result_files


@pytest.fixture
def result():
    return one("ada", random.Random(1))


def test_a_folder_with_one_result_is_handed_on(result, tmp_path):
    result_files.write(result, result_files.path_of(tmp_path, "ada"))
    assert export.write("gradescope", tmp_path, lesson) == 1
    data = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert data["score"] == result["points"]
    with pytest.raises(ExportError, match="--gradebook"):
        export.write("nbgrader", tmp_path, lesson)
    with pytest.raises(ValueError, match="kind is 'otter'"):
        export.write("otter", tmp_path, lesson)
