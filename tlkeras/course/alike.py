"""Which mistakes can be told apart on the cases of an exercise, whoever is asked.

Worked out apart from `tlkeras.grading.judge.diagnose`, which it is there to check: on
every case, in no order, with no short cut.
"""

from tlkeras.grading.judge.compare import difference
from tlkeras.grading.judge.trial import trial


class Simulations:
    """What the right answer and every mistake return for one seed.

    Args:
        exercise: the Exercise.
        seed: draws the inputs.
    """

    def __init__(self, exercise, seed):
        self.exercise = exercise
        self.trials = [trial(exercise, case, seed) for case in exercise.cases]
        self._outputs = {
            mistakes: [one.simulate(mistakes) for one in self.trials]
            for mistakes in exercise.mistakes
        }

    def verdict(self, mistakes):
        """What a check should say of an answer with some mistakes.

        Returns:
            The kind of thing that it is; the ids to be named, `None` if it should pass;
            and what is wrong with the exercise, empty if nothing is.
        """
        if not mistakes:
            return "reference", None, ""
        if len(mistakes) == 1:
            return "misconceptions", (mistakes[0].id,), self._problem(mistakes)
        if self._passes(mistakes):
            return "masked", None, ""
        if self._only_raises(mistakes):
            return "masked", (), ""
        alike = self.alike(mistakes)
        if len(alike[0]) == 1:
            return "masked", (alike[0][0].id,), ""
        shared = tuple(m.id for m in alike[0] if all(m in pair for pair in alike))
        if len(alike) == 1:
            return "pairs", shared, ""
        others = "; ".join(" + ".join(m.id for m in pair) for pair in alike)
        return "shared", shared, "" if shared else f"ambiguous: {others}"

    def _problem(self, single):
        """Why a misconception alone cannot be named, if it cannot."""
        if self._passes(single):
            return "it gives the right numbers"
        if self._only_raises(single):
            return "it only ever raises exceptions"
        others = [row for row in self.alike(single) if len(row) == 1 and row != single]
        return f"it looks like {', '.join(m.id for (m,) in others)}" if others else ""

    def _only_raises(self, mistakes):
        return all(output is None for output in self._outputs[mistakes])

    def alike(self, mistakes):
        """All mistakes with the same numbers on every case, the simplest first."""
        pairs = zip(self.trials, self._outputs[mistakes], strict=True)
        found = set.intersection(*(set(one.alike(output)) for one, output in pairs))
        return sorted(found, key=self.exercise.mistakes.index)

    def _passes(self, mistakes):
        pairs = zip(self.trials, self._outputs[mistakes], strict=True)
        return all(
            output is not None
            and difference(output, one.expected, one.case.tolerance) is None
            for one, output in pairs
            if not one.case.diagnostic
        )
