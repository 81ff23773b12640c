"""Exercises, checking and diagnosis. Knows NumPy, and nothing of layers or lessons."""

from tlkeras.grading.check import check
from tlkeras.grading.exercise import Case, Exercise, Misconception
from tlkeras.grading.messages import Messages
from tlkeras.grading.outcome import Outcome, State

__all__ = ["Case", "Exercise", "Messages", "Misconception", "Outcome", "State", "check"]
