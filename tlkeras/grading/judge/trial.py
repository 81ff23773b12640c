"""A case drawn for a seed, and what the right answer and known mistakes make of it."""

import itertools
from collections import defaultdict
from functools import cached_property, lru_cache

import numpy as np

from tlkeras.grading.judge.compare import allowance, near


class Trial:
    """Inputs and the right answer to them; each simulation runs only once.

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
        """What an answer with some misconceptions returns; `None` if it raises."""
        if mistakes not in self._simulated:
            self._simulated[mistakes] = self._arrays(mistakes)
        return self._simulated[mistakes]

    def alike(self, arrays):
        """The mistakes that return such arrays, or that raise if it is `None`."""
        if _layout(arrays) not in self._table:
            return []
        mistakes, numbers, allowed = self._table[_layout(arrays)]
        agree = near(_flat(arrays), numbers, allowed).all(axis=1)
        return list(itertools.compress(mistakes, agree))

    @cached_property
    def _table(self):
        """By layout of output: mistakes, their numbers as rows, errors allowed."""
        groups = defaultdict(list)
        for mistakes in self.exercise.mistakes:
            groups[_layout(self.simulate(mistakes))].append(mistakes)
        return {
            layout: (group, *map(np.stack, zip(*self._rows(group), strict=True)))
            for layout, group in groups.items()
        }

    def _rows(self, group):
        tolerance = self.case.tolerance
        for mistakes in group:
            arrays = self.simulate(mistakes)
            allowed = [np.full(a.size, allowance(a, tolerance)) for a in arrays or ()]
            yield _flat(arrays), _flat(allowed)

    def _arrays(self, mistakes):
        try:
            output = self.exercise.expected(self.inputs, *mistakes)
        except Exception:
            return None
        outputs = output if isinstance(output, tuple) else (output,)
        return tuple(np.asarray(array) for array in outputs)


def _layout(arrays):
    """What tells outputs apart before any number is looked at."""
    return None if arrays is None else tuple((a.shape, a.dtype == bool) for a in arrays)


def _flat(arrays):
    """All numbers of some arrays, one after another."""
    return np.concatenate([np.zeros(0), *(np.ravel(a) for a in arrays or ())])


# An exercise is tried again and again on the same inputs: by a learner who mends an
# answer, and by `tlkeras verify`, which tries hundreds of mistakes.
trial = lru_cache(maxsize=64)(Trial)
