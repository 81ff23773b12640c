"""What exercises are written with: a submission can read it, and finds no answer."""

import inspect
from contextlib import suppress

import keras
import numpy as np
import pytest

from tlkeras.course import lessons
from tlkeras.grading import authoring
from tlkeras.grading.judge.attempt import ask, compared
from tlkeras.grading.judge.trial import trial

FUNCTIONS = {
    name: value
    for name, value in vars(authoring).items()
    if inspect.isfunction(value) or inspect.isclass(value)
}
EXERCISES = [exercise for each in lessons() for exercise in each.exercises.values()]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_nothing_that_a_submission_can_import_is_an_answer(exercise):
    cases = [case for case in exercise.cases if not case.diagnostic]
    assert FUNCTIONS.keys() >= {"floats", "identity", "swap", "slope"}
    for name, function in FUNCTIONS.items():
        drawn = [trial(exercise, case, 1) for case in cases]
        right = [
            compared(t, ask(exercise.probe, function, t.inputs, t.expected)).right
            for t in drawn
        ]
        assert not all(right), name


def test_mistakes_have_the_prefix_and_the_section_unless_they_name_another():
    mistake = authoring.mistakes("sum", section="adding")
    first, second = mistake("twice", scale=np.add), mistake("minus", "signs", axis=0)
    assert (first.id, first.section, first.steps) == (
        "sum.twice",
        "adding",
        {"scale": np.add},
    )
    assert (second.id, second.section, second.steps) == (
        "sum.minus",
        "signs",
        {"axis": 0},
    )


def test_floats_are_what_learners_have():
    x = authoring.floats(np.random.default_rng(0), 1000, 3, scale=2.0)
    assert (x.shape, x.dtype) == ((1000, 3), np.float32)
    np.testing.assert_allclose(x.std(), 2.0, rtol=0.1)


def test_a_slope_is_the_derivative_and_leaves_the_weight_as_it_was():
    weight = np.array([[1.0, -2.0], [0.5, 3.0]])
    before = weight.copy()
    found = authoring.slope(lambda: (weight**3).sum(), weight)
    np.testing.assert_allclose(found, 3 * before**2, rtol=1e-6)
    np.testing.assert_array_equal(weight, before)


def test_steps_left_out_and_swapped():
    x = np.arange(6).reshape(1, 2, 3)
    assert authoring.identity(x, 1, mask=None) is x
    np.testing.assert_array_equal(authoring.swap(x)[0], x[0].T)


@pytest.mark.parametrize("filtering", [True, False])
def test_exceptions_are_shown_as_they_are_and_the_setting_comes_back(filtering):
    config, before = keras.config, keras.config.is_traceback_filtering_enabled()
    switch = config.enable_traceback_filtering, config.disable_traceback_filtering
    switch[0 if filtering else 1]()
    try:
        with suppress(KeyError), authoring.exceptions_as_they_are():
            assert not config.is_traceback_filtering_enabled()
            raise KeyError
        assert config.is_traceback_filtering_enabled() is filtering
    finally:
        switch[0 if before else 1]()
