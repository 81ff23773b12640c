"""An exception is told in one short plain line, whatever its own methods do."""

import pytest
from answers import SOFTMAX, raising

from tlkeras.grading import State, check


class SilentError(Exception):
    def __str__(self):
        raise SystemExit


class EndlessError(Exception):
    def __str__(self):
        while True:
            pass


class HostileText(str):
    def __getitem__(self, places):
        raise SystemExit


class HostileTextError(Exception):
    def __str__(self):
        return HostileText("a text of its own kind")


def test_an_exception_whose_text_cannot_be_read_is_still_told():
    outcome = check(SOFTMAX, raising(SilentError()))
    assert outcome.state is State.RAISED
    assert "its text cannot be read" in outcome.message


def test_an_exception_whose_text_is_a_trap_is_still_told():
    outcome = check(SOFTMAX, raising(HostileTextError()))
    assert "HostileTextError: a text of its own kind" in outcome.message


def test_an_exception_whose_text_never_ends_is_stopped():
    outcome = check(SOFTMAX, raising(EndlessError()), seconds=1)
    assert outcome.state is State.TIMED_OUT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b[1mbold\x1b[0m words", "bold words"),
        (
            "Exception encountered when calling Dense.call().\n\nreal cause",
            "real cause",
        ),
        ("x" * 5000, "x" * 299 + "…"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
    ],
)
def test_an_exceptions_text_is_one_short_plain_line(text, said):
    message = check(SOFTMAX, raising(ValueError(text))).message
    assert f"ValueError: {said}\n" in message
