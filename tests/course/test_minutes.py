import re

import nbformat
import pytest

from tlkeras.course import build, lessons, minutes


def cell(kind, text, *tags):
    make = getattr(nbformat.v4, f"new_{kind}_cell")
    return make(text, metadata={"tags": list(tags)})


def test_the_rule():
    cells = [
        cell("markdown", "word " * 360 + "[link](https://example.org/a) $a + b$"),
        cell("markdown", "### Exercise: softmax (3 points, 6 minutes, easy)"),
        cell("code", "x = 1\n\n" * 30),
        cell("code", "this.predict('a', 'b')", "hide-input"),
        cell("code", "y = 2\n" * 100, "hide-input"),
    ]
    words = 362 + len(["Exercise", "softmax", "3", "points", "6", "minutes", "easy"])
    assert minutes.minutes(cells) == pytest.approx(words / 180 + 6 + 2 + 1)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_the_minutes_that_a_lesson_promises_are_measured(lesson):
    cells = nbformat.reads(build.build(lesson), as_version=4).cells
    measured = minutes.minutes(cells)
    assert abs(lesson.minutes - measured) <= 5, f"by the rule {measured:.0f} minutes"
    headings = [h for c in cells for h in minutes.EXERCISE.findall(c.source)]
    assert len(headings) == len(lesson.names)
    form = re.compile(r"[\d.]+ points?, \d+ minutes, (easy|middle|hard)")
    assert all(form.fullmatch(heading) for heading in headings), headings
