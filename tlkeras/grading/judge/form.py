"""Whether an answer has the form of an answer at all.

A class where a function is asked for, an object made from a class, other arguments, or
something else at every call: no known mistake gives such numbers, and each has a reason
that can be said for certain.
"""

import inspect
import re
import types
from dataclasses import dataclass

from tlkeras.grading.judge.compare import difference
from tlkeras.grading.judge.exercise import call
from tlkeras.grading.judge.problems import Problem

KINDS = ("class", "function", "instance")
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
# What Python and Keras say when a call does not fit what is called.
REFUSED = re.compile(
    r"^(?:[\w.<>]+\(\) )?(?:takes (?:no|\d+|from \d+ to \d+|exactly \d+) "
    r"|missing (?:\d+|a) required|got an unexpected|got multiple values"
    r"|too many positional)"
)
UNRECOGNIZED = "Unrecognized keyword arguments passed to"  # Keras, in a constructor


@dataclass(frozen=True)
class Form:
    """What can be seen of an answer without calling it.

    Args:
        kind: `class`, `function`, or `instance` for any other object.
        type: name of its type.
        parameters: names of a function's positional arguments; `None` if unknown.
        callable: whether it can be called.
    """

    kind: str
    type: str
    parameters: tuple[str, ...] | None = None
    callable: bool = True

    @classmethod
    def of(cls, answer):
        """Look at an answer."""
        kind, parameters, own = "instance", None, type(answer)
        if issubclass(own, type):
            kind = "class"
        elif issubclass(own, FUNCTIONS):
            kind = "function"
        if own is types.FunctionType:
            code = answer.__code__
            if not code.co_flags & inspect.CO_VARARGS:
                parameters = code.co_varnames[: code.co_argcount]
        return cls(kind, type(answer).__name__, parameters, callable(answer))


def not_usable(exercise, form):
    """The Problem of an answer that cannot even be called; `None` if it can."""
    if form.callable:
        return None
    known = "gave-instance" if _is_class(exercise) else "not-callable"
    return Problem(known, {"given": form.type} | _names(exercise))


def misfit(exercise, form, failed):
    """The Problem of a form that explains a failed Attempt; `None` if it is none."""
    names = _names(exercise)
    if _is_class(exercise):
        if form.kind == "instance" or (form.kind == "function" and failed.error):
            return Problem(f"gave-{form.kind}", {"given": form.type} | names)
    elif form.kind == "class":
        return Problem("gave-class", names)
    if failed.error is not None and _refused(failed.error):
        known = "other-arguments" if exercise.probe is call else "arguments-refused"
        return Problem(known, names)
    if exercise.probe is call and form.kind == "function" and _moved(exercise, form):
        given = ", ".join(form.parameters)
        return Problem("moved-arguments", names | {"given": given})
    return None


def changed(first, second):
    """The Problem of two Attempts at one case that differ; `None` if they agree."""
    if second.error is not None:  # perhaps nothing could be asked any more
        return None
    if first.arrays is None or second.arrays is None:
        same = first.error is None and first.problem == second.problem
        return None if same else Problem("other-output", {})
    if len(first.arrays) != len(second.arrays):
        return Problem("other-output", {})
    wanted = first.arrays[0] if len(first.arrays) == 1 else first.arrays
    found = difference(second.arrays, wanted, first.case.tolerance)
    if found is None:
        return None
    known = "index" in found.values
    return Problem("other-numbers" if known else "other-output", found.values)


def _is_class(exercise):
    return exercise.name[:1].isupper()  # as everywhere in Python


def _names(exercise):
    return {"exercise": exercise.name, "signature": str(_signature(exercise))}


def _signature(exercise):
    """How an answer is called; the steps of a reference are keywords only."""
    signature = inspect.signature(exercise.reference)
    kept = [p for p in signature.parameters.values() if p.kind != p.KEYWORD_ONLY]
    return signature.replace(parameters=kept)


def _refused(error):
    if error.name == "ValueError" and UNRECOGNIZED in error.whole:
        return True
    return (
        error.name == "TypeError"
        and not error.lines  # nothing of the answer ran
        and REFUSED.match(error.text) is not None
    )


def _moved(exercise, form):
    """Whether an argument stands at another place than it is handed over at."""
    wanted = list(_signature(exercise).parameters)
    given = form.parameters
    return given is not None and any(
        name in given and given.index(name) != place
        for place, name in enumerate(wanted)
    )
