"""Exercises, checking and diagnosis. Knows NumPy, and nothing of layers or lessons."""

from tlkeras.grading.judge.check import check
from tlkeras.grading.judge.exercise import Case, Exercise, Misconception
from tlkeras.grading.judge.outcome import Outcome, State
from tlkeras.grading.messages import Messages

__all__ = ["Case", "Exercise", "Messages", "Misconception", "Outcome", "State", "check"]
