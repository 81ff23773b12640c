"""Wrong answers that the lessons have not seen are caught, and called what they are."""

from importlib import import_module

import pytest
from unseen_answers_b import WRONG

from tlkeras.course import lesson
from tlkeras.grading import check

NAMES = [f"{exercise}-{'+'.join(ids) or 'slip'}" for _, exercise, ids, _ in WRONG]


@pytest.fixture(scope="module", autouse=True)
def libraries():
    """Loaded before any check, whose deadline is for the answer."""
    for name in ("tensorflow", "keras"):
        import_module(name)


@pytest.mark.parametrize(("lesson_name", "exercise", "ids", "answer"), WRONG, ids=NAMES)
def test_a_wrong_answer_fails_with_its_own_name(lesson_name, exercise, ids, answer):
    outcome = check(lesson(lesson_name).exercises[exercise], answer, seconds=60)
    assert outcome.state.value in ("wrong", "raised")
    assert not all(outcome.cases.values())
    assert set(outcome.diagnoses) == set(ids)
