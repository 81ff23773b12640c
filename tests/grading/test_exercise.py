"""An exercise draws the same inputs again, and its mistakes are made on copies."""

import numpy as np

from tlkeras.grading import Case, Exercise, Misconception

SQUARES = Case("squares", lambda rng: (rng.normal(size=(3, 3)).astype(np.float32),))
ROWS = Case("rows", SQUARES.inputs)


def spoil(x):
    x[...] = 0
    return x


def reference(x, *, scale=lambda x: 2 * x, shift=lambda x: x + 1):
    return shift(scale(x))


HALF = Misconception("f.half", "s", scale=lambda x: x / 2)
SPOILT = Misconception("f.spoilt", "s", scale=spoil)
LESS = Misconception("f.less", "s", shift=lambda x: x - 1)
EXERCISE = Exercise("f", "s", 1, reference, (SQUARES,), (HALF, SPOILT, LESS))


def test_a_case_is_drawn_by_its_seed_and_its_name():
    first, again = SQUARES.draw(3), SQUARES.draw(3)
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], SQUARES.draw(4)[0])
    assert not np.array_equal(first[0], ROWS.draw(3)[0])


def test_mistakes_are_made_alone_and_by_twos_that_replace_different_steps():
    assert EXERCISE.mistakes == (
        (HALF,),
        (SPOILT,),
        (LESS,),
        (HALF, LESS),
        (SPOILT, LESS),
    )


def test_the_reference_computes_in_float64_and_leaves_the_inputs_alone():
    inputs = SQUARES.draw(0)
    before = inputs[0].copy()
    assert EXERCISE.expected(inputs).dtype == np.float64
    np.testing.assert_allclose(EXERCISE.expected(inputs), 2.0 * before + 1)
    np.testing.assert_allclose(EXERCISE.expected(inputs, HALF, LESS), before / 2 - 1.0)
    np.testing.assert_array_equal(EXERCISE.expected(inputs, SPOILT), 1)
    np.testing.assert_array_equal(inputs[0], before)
