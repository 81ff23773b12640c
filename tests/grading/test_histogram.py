"""How points are spread, drawn and said."""

from types import SimpleNamespace

from tlkeras.grading.report.histogram import HEIGHT, picture


def rows(*points):
    return [SimpleNamespace(result={"points": p, "max_points": 20}) for p in points]


def test_there_is_a_bar_an_interval_and_its_count_above_it():
    drawn = picture(rows(1, 1, 20, 13))
    assert drawn.count("<rect") == 10
    assert "from 0 to 2: 2" in drawn
    assert "from 18 to 20: 1" in drawn
    assert "from 4 to 6: 0" in drawn
    assert "the median is 7, the lowest 1, the highest 20" in drawn
    assert f'viewBox="0 0 640 {HEIGHT}"' in drawn


def test_without_points_it_is_a_sentence():
    assert picture([]) == "<p>There is no submission that could be read.</p>"
