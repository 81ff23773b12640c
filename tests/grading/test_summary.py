"""What a class has in common is counted right."""

from report_pages import LESSON, rows_of
from synthetic import outcomes

from tlkeras.grading.report import summary


def test_what_no_mistake_explains_is_said(results):
    found = summary.unexplained(rows_of(results))
    for name, rows in found.items():
        for row in rows:
            assert row.exercises[name]["state"] in ("wrong", "raised")
            assert row.exercises[name]["misconceptions"] == []
    assert sum(map(len, found.values())) > 0


def test_states_add_up(results):
    rows = rows_of(results)
    read = sum(result["state"] != "unreadable" for result in results)
    for name in LESSON.exercises:
        assert sum(summary.states(rows, name).values()) == read
        assert len(outcomes(name)["mistake"]) >= 4


def test_the_histogram_counts_both_ends():
    values = [0, 1.99, 2, 10, 18, 19.99, 20]
    assert summary.histogram(values, 20) == [2, 1, 0, 0, 0, 1, 0, 0, 0, 3]
    assert summary.histogram([0, 0], 0) == [2, *[0] * 9]
    assert summary.quartiles([]) is None
    assert summary.quartiles([3]) == (3, 3, 3, 3, 3)
    assert summary.quartiles([0, 1, 2, 3, 4]) == (0, 1, 2, 3, 4)
