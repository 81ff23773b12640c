"""An exception as data, told without running anything of the learner's."""

import re
from dataclasses import dataclass

from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.judge.frames import learner_lines
from tlkeras.grading.messages import say


@dataclass(frozen=True)
class Raised:
    """An exception as data: nothing of the learner's runs when it is told.

    Args:
        name: of its type.
        text: what it says, in one short line.
        lines: `(number, source)` of the learner's own last lines on the way to it.
        untouched: whether it is what the answer's own stub raises.
        stub: another function that is not written yet, if that is what it says.
        whole: all that it says, without colours.
    """

    name: str
    text: str
    lines: tuple[tuple[int, str], ...] = ()
    untouched: bool = False
    stub: str = ""
    whole: str = ""

    @property
    def headline(self):
        """Where, what and why, in one line."""
        what = say("returned", "raised", error=self.name, text=self.text)
        if not self.lines:
            return what
        return say("text", "line", number=self.lines[-1][0], source=what)

    @classmethod
    def of(cls, error, answer=None):
        """Describe an exception, whatever its own methods do.

        Args:
            error: the exception.
            answer: what was called, to tell its own stub from another one's.
        """
        name, whole, lines = type(error).__name__, _words(error), learner_lines(error)
        if isinstance(error, SyntaxError) and not lines:
            whole = error.msg or ""
            lines = [(error.lineno or 0, (error.text or "").strip(), "")]
        untouched, stub = False, ""
        if isinstance(error, NotImplementedError) and _raised_by_hand(lines):
            last = lines[-1][2] if lines else ""
            own = getattr(answer, "__qualname__", "") or last
            untouched = f"{last}.".startswith(f"{own}.")
            stub = "" if untouched else last
        shown = _with_functions(lines[-4:])
        return cls(name, _first_line(whole), shown, untouched, stub, whole)


def _with_functions(lines):
    """Pairs of number and source; those of several functions say which, behind `#`."""
    several = len({function for *_, function in lines}) > 1
    return tuple(
        (number, f"{source}  # {_short(name)}" if several and source else source)
        for number, source, name in lines
    )


def _short(name):
    """A function's name without the function in which it was written."""
    return name.rpartition("<locals>.")[2]


def _raised_by_hand(lines):
    """Whether it can be a stub's `raise`: TensorFlow raises this type as well."""
    return not lines or "NotImplementedError" in (lines[-1][1] or "NotImplementedError")


# Keras puts a line of its own before what a layer raised.
KERAS_SAYS = (
    "Exception encountered when calling",
    "Could not automatically infer the output shape",
)


def _words(error):
    try:
        text = str.__getitem__(str(error), slice(5000))  # plain text, no subclass of it
    except (CheckTimeoutError, KeyboardInterrupt):
        raise
    except BaseException:
        return say("text", "untold")
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours
    return text.encode("utf-8", "replace").decode("utf-8")


def _first_line(text):
    """The first line that says something, of 300 characters at most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    while len(lines) > 1 and lines[0].startswith(KERAS_SAYS):
        lines = lines[1:]
    line = lines[0] if lines else ""
    return line if len(line) <= 300 else line[:299] + "…"
