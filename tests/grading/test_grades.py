"""`grades.csv`: a row a submission, and no cell that a spreadsheet runs."""

import csv
import io

import pytest
from report_pages import LESSON
from synthetic import HOSTILE

from tlkeras.grading import report
from tlkeras.grading.report.grades import safe


def test_a_row_a_submission_and_a_column_an_exercise(results, written):
    table = list(csv.DictReader(io.StringIO(written["grades"].read_text("utf-8"))))
    by_name = {row["submission"]: row for row in table}
    assert len(table) == len(by_name) == len(results)
    for result in results:
        row = by_name[result["submission"]["name"]]
        assert float(row["points"]) == pytest.approx(result["points"])
        assert row["state"] == result["state"]
        found = {e["name"]: e["points"] for e in result["exercises"]}
        for name in LESSON.exercises:
            expected = found.get(name)
            assert row[name] == ("" if expected is None else f"{expected:g}")
    names = [row["submission"] for row in table]
    assert names == sorted(names, key=lambda name: (name.casefold(), name))


def test_grades_are_the_same_bytes_whatever_the_order(results, written, tmp_path):
    again = report.write(reversed(results), tmp_path, LESSON)
    assert again["grades"].read_bytes() == written["grades"].read_bytes()
    assert again["report"].read_bytes() == written["report"].read_bytes()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n-", "＝"])
def test_no_cell_is_a_formula(start):
    assert safe(f"{start}1+1").startswith("'")
    assert safe(f"x{start}1+1").startswith("x")


def test_hostile_names_stay_one_cell_each(hostile):
    table = list(csv.reader(io.StringIO(hostile["grades"].read_text("utf-8"))))
    assert len(table) == len(HOSTILE) + 1
    assert {len(row) for row in table} == {len(table[0])}
    assert not [c for row in table for c in row if c.startswith(("=", "+", "@"))]
