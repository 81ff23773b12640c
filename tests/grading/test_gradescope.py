"""One result as Gradescope documents it."""

import json
import random

import pytest
from synthetic import HOSTILE, classroom, made, one

from tlkeras.course import lesson
from tlkeras.grading import export
from tlkeras.grading.export import ExportError
from tlkeras.grading.report.text import clean


@pytest.fixture
def result():
    return one("ada", random.Random(1))


# https://gradescope-autograders.readthedocs.io/en/latest/specs/
FORMATS = {"text", "html", "simple_format", "md", "ansi"}


VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


TOP = {
    "score": (int, float),
    "execution_time": int,
    "output": str,
    "output_format": str,
    "test_output_format": str,
    "test_name_format": str,
    "visibility": str,
    "stdout_visibility": str,
    "extra_data": dict,
    "tests": list,
}


TEST = {
    "score": (int, float),
    "max_score": (int, float),
    "status": str,
    "name": str,
    "number": str,
    "output": str,
    "output_format": str,
    "visibility": str,
}


def written(results, folder, **options):
    path = folder / "results.json"
    data = export.gradescope(results, path, **options)
    assert json.loads(path.read_text("utf-8")) == data
    return data


def check_format(data):
    for table, fields in ((data, TOP), *((test, TEST) for test in data["tests"])):
        assert table.keys() <= fields.keys()
        for name, value in table.items():
            assert isinstance(value, fields[name]), name
        assert {v for k, v in table.items() if k.endswith("_format")} <= FORMATS
        shown = {v for k, v in table.items() if k.endswith("visibility")}
        assert shown
        assert shown <= VISIBILITIES


def test_a_result_becomes_what_gradescope_documents(result, tmp_path):
    data = written([result], tmp_path)
    check_format(data)
    tests = data["tests"]
    assert [test["name"] for test in tests] == [*lesson("01_attention").exercises]
    assert sum(test["score"] for test in tests) == pytest.approx(data["score"])
    assert data["score"] == result["points"]
    for test, entry in zip(tests, result["exercises"], strict=True):
        assert (test["status"] == "passed") == (entry["state"] == "passed")
        assert test["max_score"] == entry["max_points"]
        assert test["output"] == clean(entry["message"])
    assert data["extra_data"]["seed"] == result["graded"]["seed"]
    assert data["extra_data"]["isolation"]["tier"] == "A"


def test_a_finding_of_policy_is_for_instructors_only(result, tmp_path):
    entry = {"exercise": "softmax", "line": 3, "name": "scipy", "text": "calls scipy"}
    data = written([result | {"policy": [entry]}], tmp_path)
    check_format(data)
    finding = data["tests"][-1]
    assert finding["visibility"] == "hidden"
    assert "score" not in finding
    assert "calls scipy" in finding["output"]
    assert all(test["visibility"] == "visible" for test in data["tests"][:-1])


def test_an_unreadable_submission_has_no_points_and_a_reason(tmp_path):
    data = written([made("bob", random.Random(0), reason="is not JSON.")], tmp_path)
    check_format(data)
    assert data["score"] == 0
    assert data["tests"] == []
    assert "is not JSON." in data["output"]


@pytest.mark.parametrize("count", [0, 2])
def test_gradescope_takes_one_submission(count, tmp_path):
    with pytest.raises(ExportError, match=f"there are {count}"):
        export.gradescope(classroom(count), tmp_path / "results.json")


def test_whatever_a_submission_is_called_the_file_is_right(tmp_path):
    for result in classroom(len(HOSTILE), names=HOSTILE):
        check_format(written([result], tmp_path))


def test_nothing_but_text_is_sent(result, tmp_path):
    text = "<script>alert(1)</script> \x1b[31m \u202e"
    result["exercises"][0]["message"] = text
    data = written([result | {"notes": [text]}], tmp_path)
    for table in (data, data["tests"][0]):
        assert table["output_format"] == "text"
        assert "\x1b" not in table["output"]
        assert "\u202e" not in table["output"]
