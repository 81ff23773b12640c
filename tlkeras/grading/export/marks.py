"""What every export has in common: marks only, unless practice was asked for."""

from pathlib import Path

from tlkeras.grading.messages import Messages
from tlkeras.grading.report.text import one_line

say = Messages(Path(__file__).parent).say


class ExportError(ValueError):
    """These results cannot be handed on; the message says why and what to do."""


def refuse(key, **values):
    """An ExportError in the words of a key."""
    return ExportError(say("refused", key, **values))


def make_sure_of_marks(result, allow_practice):
    """Refuse a result that a submission could have forged.

    Raises:
        ExportError: it was graded without a sandbox, and nobody allowed that.
    """
    isolation = result["graded"]["isolation"]
    if not isolation["for_marks"] and not allow_practice:
        raise refuse(
            "practice",
            name=one_line(result["submission"]["name"], 120),
            tier=isolation["tier"],
            isolation=one_line(isolation["name"], 80),
        )
