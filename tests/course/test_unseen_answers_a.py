"""Wrong answers that the exercises do not hold: none passes, and known ideas are named.

They are written as a learner would write them, in loops, einsum, `keras.ops` and
TensorFlow, and apart from the references: see `unseen/lesson_NN.py`.
"""

import importlib

import pytest

from tlkeras.course import lessons
from tlkeras.grading import check

LESSONS = [lesson for lesson in lessons() if lesson.name[:2] <= "05"]
TABLES = {
    lesson.name: importlib.import_module(f"unseen.lesson_{lesson.name[:2]}").ANSWERS
    for lesson in LESSONS
}


@pytest.mark.parametrize(
    ("exercise", "answers"),
    [
        pytest.param(
            lesson.exercises[name],
            answers,
            id=f"{lesson.name[:2]}-{name}",
            marks=[pytest.mark.slow] if name == "MultiHead" else [],  # builds models
        )
        for lesson in LESSONS
        for name, answers in TABLES[lesson.name].items()
    ],
)
def test_every_wrong_answer_is_caught_and_known_ideas_are_named(exercise, answers):
    said = {}
    for name, (answer, _) in answers.items():
        outcome = check(exercise, answer, seed=5, seconds=60)
        said[name] = "passes" if outcome.passed else " + ".join(outcome.diagnoses)
    assert said == {name: named or "" for name, (_, named) in answers.items()}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_exercise_has_at_least_ten_of_them(lesson):
    tables = TABLES[lesson.name]
    assert tables.keys() == lesson.exercises.keys()
    assert min(map(len, tables.values())) >= 10
