"""A probe as text, so that it runs where the exercises are not.

A lesson's probe lies beside the references. It is sent alone: its source, the source of
the functions and classes of its module that it uses, imports, and constants. Classes of
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
        if thing.__name__ not in pieces:
            _collect(thing, exercise, pieces)
    if exercise.probe is not call:
        _collect(exercise.probe, exercise, pieces)
        pieces[NAME] = f"{NAME} = {exercise.probe.__name__}"
    return "\n\n".join(pieces.values())


def _collect(thing, exercise, pieces):
    """Put a function or class, after all that it needs, into the pieces."""
    where, name = f"the probe of {exercise.name}", thing.__name__
    if thing in (exercise.reference, *exercise.accepted.values()):
        raise ProbeError(f"{where} reaches a right answer, {name}.")
    if name == "<lambda>" or getattr(inspect.unwrap(thing), "__closure__", None):
        raise ProbeError(f"{where}: write {name} with `def`, at the module's top.")
    pieces[name] = ""  # functions may call each other
    text = textwrap.dedent(inspect.getsource(thing))
    module = vars(sys.modules[thing.__module__])
    for needed in sorted(used(ast.parse(text).body[0]) - pieces.keys()):
        if needed in module:
            _define(needed, module[needed], thing, exercise, pieces)
        elif not hasattr(builtins, needed):
            raise ProbeError(f"{where} uses {needed}, which is not defined.")
    del pieces[name]
    pieces[name] = text


def _define(name, value, user, exercise, pieces):
    own = getattr(value, "__module__", None) == user.__module__
    if own and isinstance(value, types.FunctionType | type):
        if value.__name__ not in pieces:
            _collect(value, exercise, pieces)
        if value.__name__ != name:
            pieces[name] = f"{name} = {value.__name__}"
    else:
        pieces[name] = _definition(name, value, f"the probe of {exercise.name}")


def _definition(name, value, where):
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}"
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
        return f"from {value.__module__} import {value.__qualname__} as {name}"
    if _is_literal(value):
        return f"{name} = {value!r}"
    raise ProbeError(
        f"{where} uses {name}, a {type(value).__name__}. Only functions of its module, "
        "imported modules and plain constants can be sent with it."
    )


def _is_literal(value):
    if isinstance(value, tuple | list | frozenset | set):
        return all(map(_is_literal, value))
    if isinstance(value, dict):
        return all(_is_literal(x) for pair in value.items() for x in pair)
    return value is None or isinstance(value, bool | int | float | str | bytes)
