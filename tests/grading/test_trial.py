"""A case drawn for a seed is the same whenever it is drawn."""

from answers import SOFTMAX

from tlkeras.grading import check


def test_the_same_seed_repeats_a_check_and_another_draws_other_inputs():
    def wrong(x):
        return x

    first, again, other = (check(SOFTMAX, wrong, seed=s).message for s in (1, 1, 2))
    assert first == again != other
