"""What a check found, as plain data that displays itself in a notebook."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum

import numpy as np


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
        picture: drawn on the card where it helps.
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
    picture: Picture | None = None

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return self.state is State.PASSED

    @property
    def message(self) -> str:
        """The whole message as plain text."""
        width = max((len(heading) for heading, _ in self.parts), default=0)
        lines = [self.headline]
        for heading, text in self.parts:
            first, *rest = text.splitlines() or [""]
            lines.append(f"  {heading:<{width}}  {first}")
            lines.extend(" " * (width + 4) + line for line in rest)
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """JSON-ready data: everything but the picture."""
        data = {k: v for k, v in asdict(self).items() if k not in ("parts", "picture")}
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
