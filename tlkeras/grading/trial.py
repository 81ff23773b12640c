"""A case drawn for a seed, and what the right answer and known mistakes make of it."""

from functools import lru_cache

import numpy as np


class Trial:
    """Inputs and the right answer to them; each simulation runs once, then is remembered.

    Args:
        exercise: the Exercise.
        case: one of its Cases.
        seed: draws the inputs.
    """

    def __init__(self, exercise, case, seed):
        self.exercise = exercise
        self.case = case
        self.inputs = case.draw(seed)
        self.expected = exercise.expected(self.inputs)
        self._simulated = {}

    def simulate(self, mistakes):
        """What an answer with some misconceptions returns, as arrays; `None` if it raises."""
        if mistakes not in self._simulated:
            self._simulated[mistakes] = self._arrays(mistakes)
        return self._simulated[mistakes]

    def _arrays(self, mistakes):
        try:
            output = self.exercise.expected(self.inputs, *mistakes)
        except Exception:
            return None
        outputs = output if isinstance(output, tuple) else (output,)
        return tuple(np.asarray(array) for array in outputs)


# An exercise is tried again and again on the same inputs: by a learner who mends an answer,
# and by `tlkeras verify`, which tries hundreds of mistakes.
trial = lru_cache(maxsize=32)(Trial)
