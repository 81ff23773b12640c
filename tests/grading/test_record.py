"""A verdict becomes data that has the schema of `result.json`."""

import pytest
from answers import SOFTMAX

from tlkeras.grading import check
from tlkeras.grading.judge.card import card
from tlkeras.grading.submissions import record, result
from tlkeras.grading.submissions.verdict import STARTS, Verdict

SUBMISSION = {"name": "ada", "file": "ada.ipynb", "sha256": None, "bytes": None}
ISOLATION = {"tier": "A", "name": "bubblewrap", "for_marks": True}
GRADED = {"tlkeras": "0.1.0", "seed": 7, "seconds": 0.2, "isolation": ISOLATION}


def graded(unfinished=None):
    outcome = check(SOFTMAX, lambda x: x / x.sum())
    verdict = Verdict({"softmax": outcome}, {"softmax": 0.12345}, unfinished)
    header = record.header(SUBMISSION, GRADED)
    found = record.graded(header, verdict, {"softmax": SOFTMAX}, "01", [], ["a note"])
    return outcome, found


def test_an_outcome_is_kept_with_its_points_and_its_card(tmp_path):
    outcome, found = graded()
    result.write(found, tmp_path / "result.json")
    (entry,) = found["exercises"]
    assert (found["state"], found["reason"]) == ("graded", None)
    assert found["points"] == entry["points"] == outcome.points
    assert found["max_points"] == SOFTMAX.points
    assert entry["card"] == card(outcome, links=False)
    assert [m["id"] for m in entry["misconceptions"]] == outcome.diagnoses
    assert entry["seconds"] == 0.123


@pytest.mark.parametrize(
    ("unfinished", "words"),
    [("time", "used up the time"), ("starts", f"{STARTS} times")],
)
def test_what_was_not_graded_to_its_end_says_why(tmp_path, unfinished, words):
    _, found = graded(unfinished)
    result.write(found, tmp_path / "result.json")
    assert found["state"] == "stopped"
    assert words in found["reason"]


def test_what_could_not_be_graded_has_the_schema_too(tmp_path):
    found = record.refused(record.header(SUBMISSION, GRADED), "unreadable", "torn")
    result.write(found, tmp_path / "result.json")
    assert (found["points"], found["exercises"]) == (0, [])
