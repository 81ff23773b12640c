"""What a check found, as plain data that displays itself in a notebook."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from tlkeras.grading.judge.links import plain


class State(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WRONG = "wrong"
    NOT_ATTEMPTED = "not attempted"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    UNCHECKABLE = "uncheckable"


@dataclass(frozen=True)
class Picture:
    """Yours, expected and their difference at the smallest failing case: 2-D arrays."""

    label: str
    yours: np.ndarray
    expected: np.ndarray


@dataclass
class Outcome:
    """The result of checking one answer.

    In a notebook it displays as a card; `str(outcome)` is the same as text.

    Args:
        exercise: name of the exercise.
        state: how the check ended.
        points: marks earned, partial credit included.
        max_points: marks for a right answer.
        diagnoses: ids of the misconceptions that reproduce the learner's numbers; empty
            when none does.
        problem: id of what was seen: `wrong-values`, `wrong-shape`, `returned-none`, …
        case: the smallest failing case.
        cases: case name to whether it passed, for the cases that carry points.
        parts: `(heading, text)` pairs, the body of the message.
        folds: the same, for what opens on the card when it is wanted: cause and hints.
        picture: drawn on the card where it helps.
        failing: the arguments of the smallest failing case, by name.
    """

    exercise: str
    state: State
    points: float
    max_points: float
    headline: str
    diagnoses: list[str] = field(default_factory=list)
    problem: str | None = None
    case: str | None = None
    cases: dict[str, bool] = field(default_factory=dict)
    parts: list[tuple[str, str]] = field(default_factory=list)
    folds: list[tuple[str, str]] = field(default_factory=list)
    picture: Picture | None = None
    failing: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return self.state is State.PASSED

    @property
    def message(self) -> str:
        """The whole message as plain text."""
        parts = [(heading, plain(text)) for heading, text in self.parts + self.folds]
        width = max((len(heading) for heading, _ in parts), default=0)
        lines = [self.headline]
        for heading, text in parts:
            first, *rest = text.splitlines() or [""]
            lines.append(f"  {heading:<{width}}  {first}")
            lines.extend(" " * (width + 4) + line for line in rest)
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """JSON-ready data: everything but what only a card shows."""
        shown = ("parts", "folds", "picture", "failing")
        data = {k: v for k, v in vars(self).items() if k not in shown}
        return data | {
            "state": self.state.value,
            "passed": self.passed,
            "message": self.message,
        }

    def __repr__(self):
        return self.message

    def _repr_html_(self):
        from tlkeras.grading.judge.card import card

        return card(self)
