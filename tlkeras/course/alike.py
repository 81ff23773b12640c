"""Which mistakes can be told apart on the cases of an exercise, whoever is asked.

Worked out apart from `tlkeras.grading.diagnose`, which it is there to check: all mistakes
at once, as rows of one matrix.
"""

import numpy as np

from tlkeras.grading.compare import difference
from tlkeras.grading.trial import trial


class Simulations:
    """What the right answer and every mistake return for one seed.

    Args:
        exercise: the Exercise.
        seed: draws the inputs.
    """

    def __init__(self, exercise, seed):
        self.exercise = exercise
        self.trials = [trial(exercise, case, seed) for case in exercise.cases]
        self.rows = ((), *exercise.mistakes)
        outputs = [[t.simulate(row) for t in self.trials] for row in self.rows]
        self._outputs = dict(zip(self.rows, outputs, strict=True))
        self._groups = self._by_shape()

    def verdict(self, mistakes):
        """What a check should say of an answer with some mistakes.

        Returns:
            The kind of thing that it is; the ids to be named, `None` if it should pass;
            and what is wrong with the exercise, empty if nothing is.
        """
        if not mistakes:
            return "reference", None, ""
        kind = "misconceptions" if len(mistakes) == 1 else "pairs"
        if self._passes(mistakes):
            problem = "it gives the right numbers" if len(mistakes) == 1 else ""
            return ("masked" if not problem else kind), None, problem
        if all(output is None for output in self._outputs[mistakes]):
            problem = "it only ever raises exceptions" if len(mistakes) == 1 else ""
            return ("masked" if not problem else kind), (), problem
        alike = self.alike(mistakes)
        if len(mistakes) == 1:
            others = [row[0].id for row in alike if len(row) == 1 and row != mistakes]
            problem = f"it looks like {', '.join(others)}" if others else ""
            return kind, (mistakes[0].id,), problem
        return self._verdict_on_pair(alike)

    def _verdict_on_pair(self, alike):
        if len(alike[0]) == 1:  # a single one explains it
            return "masked", (alike[0][0].id,), ""
        shared = tuple(m.id for m in alike[0] if all(m in pair for pair in alike))
        if len(alike) == 1:
            return "pairs", shared, ""
        others = "; ".join(" + ".join(m.id for m in pair) for pair in alike)
        return "shared", shared, "" if shared else f"ambiguous: {others}"

    def alike(self, mistakes):
        """All mistakes with the same numbers on every case, the simplest first."""
        rows, matrix, allowed = self._groups[self._shape(mistakes)]
        yours = matrix[rows.index(mistakes)]
        with np.errstate(all="ignore"):
            near = np.abs(matrix - yours) <= allowed
        near |= (matrix == yours) | (np.isnan(matrix) & np.isnan(yours))
        return [row for row, same in zip(rows, near.all(axis=1), strict=True) if same]

    def _passes(self, mistakes):
        pairs = zip(self.trials, self._outputs[mistakes], strict=True)
        return all(
            output is not None
            and difference(output, one.expected, one.case.tolerance) is None
            for one, output in pairs
            if not one.case.diagnostic
        )

    def _shape(self, mistakes):
        """Hashable: what tells mistakes apart before any number is looked at."""
        return tuple(
            None if output is None else tuple((a.shape, a.dtype == bool) for a in output)
            for output in self._outputs[mistakes]
        )

    def _by_shape(self):
        """Rows of the same shape, their numbers, and the error allowed to each number."""
        members = {}
        for row in self.rows[1:]:
            members.setdefault(self._shape(row), []).append(row)
        return {
            shape: (rows, *map(np.stack, zip(*map(self._flat, rows), strict=True)))
            for shape, rows in members.items()
        }

    def _flat(self, mistakes):
        """All numbers one after another, and the error allowed to each."""
        numbers, allowed = [np.zeros(0)], [np.zeros(0)]
        for one, output in zip(self.trials, self._outputs[mistakes], strict=True):
            for array in output or ():
                flat = np.asarray(array, np.float64).ravel()
                scale = np.abs(flat).max(where=np.isfinite(flat), initial=1.0)
                tolerance = one.case.tolerance if array.dtype.kind == "f" else 0.0
                numbers.append(flat)
                allowed.append(np.full(flat.size, tolerance * scale))
        return np.concatenate(numbers), np.concatenate(allowed)
