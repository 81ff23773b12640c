"""A probe as text, so that it runs where the exercises are not.

A lesson's probe lies beside the references. It is sent alone: its source, the source of
the functions and classes of its lesson that it uses, imports, and constants. Classes of
objects among the inputs are sent in the same way.
"""

import ast
import builtins
import inspect
import sys
import textwrap
import types

from tlkeras.grading.judge.exercise import call
from tlkeras.grading.notebooks.source import used

NAME = "_tlkeras_probe"  # what stands for the probe at the end of the text


class ProbeError(ValueError):
    """A probe needs something that cannot be sent; the message says what to change."""


def source(exercise, classes=()):
    """The text of a module that defines the exercise's probe, if it has one.

    Args:
        exercise: the Exercise.
        classes: defined in it too.

    Raises:
        ProbeError: the probe reaches something that must not or cannot be sent.
    """
    pieces: dict[str, str] = {}
    for thing in classes:
        _collect(thing, exercise, pieces)
    if exercise.probe is not call:
        _collect(exercise.probe, exercise, pieces)
        pieces[NAME] = f"{NAME} = {exercise.probe.__name__}"
    return "\n\n".join(pieces.values())


def _collect(thing, exercise, pieces):
    """Put a function or class, after all that it needs, into the pieces."""
    where, name = f"the probe of {exercise.name}", thing.__name__
    steps = [step for m in exercise.misconceptions for step in m.steps.values()]
    if any(thing is x for x in (exercise.reference, *exercise.accepted.values())):
        raise ProbeError(f"{where} reaches a right answer, {name}.")
    if any(thing is step for step in steps):
        raise ProbeError(f"{where} reaches a step of a misconception, {name}.")
    if name == "<lambda>" or getattr(inspect.unwrap(thing), "__closure__", None):
        raise ProbeError(f"{where}: write {name} with `def`, at the module's top.")
    text = textwrap.dedent(inspect.getsource(thing))
    if not _put(name, text, where, pieces):
        return
    module = vars(sys.modules[thing.__module__])
    for needed in sorted(used(ast.parse(text).body[0]) - {name}):
        if needed in module:
            _define(needed, module[needed], thing, exercise, pieces)
        elif not hasattr(builtins, needed):
            raise ProbeError(f"{where} uses {needed}, which is not defined.")
    pieces[name] = pieces.pop(name)  # it comes last


def _define(name, value, user, exercise, pieces):
    where = f"the probe of {exercise.name}"
    own = _package(user.__module__)
    of_lesson = _package(getattr(value, "__module__", None)) == own
    if of_lesson and isinstance(value, types.FunctionType | type):
        _collect(value, exercise, pieces)
        if value.__name__ != name:
            _put(name, f"{name} = {value.__name__}", where, pieces)
    elif isinstance(value, types.ModuleType) and _package(value.__name__) == own:
        raise ProbeError(f"{where} uses {name}: import what it needs from it by name.")
    else:
        _put(name, _definition(name, value, where), where, pieces)


def _package(module):
    """What the files of a lesson's exercises have in common."""
    return (module or "").partition(".")[0]


def _put(name, text, where, pieces):
    """Whether a piece is new; its name must stand for nothing else in another file."""
    if pieces.get(name, text) != text:
        raise ProbeError(f"{where} uses two things that are called {name}.")
    new = name not in pieces
    pieces.setdefault(name, text)
    return new


def _definition(name, value, where):
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}"
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
        return f"from {value.__module__} import {value.__qualname__} as {name}"
    if _is_literal(value):
        return f"{name} = {value!r}"
    raise ProbeError(
        f"{where} uses {name}, a {type(value).__name__}. Only functions of its lesson, "
        "imported modules and plain constants can be sent with it."
    )


def _is_literal(value):
    if isinstance(value, tuple | list | frozenset | set):
        return all(map(_is_literal, value))
    if isinstance(value, dict):
        return all(_is_literal(x) for pair in value.items() for x in pair)
    return value is None or isinstance(value, bool | int | float | str | bytes)
