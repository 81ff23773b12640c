"""Inputs of answers as a packet: numbers, text and containers, with arrays apart.

The verdict packs, the worker unpacks. What has no place in JSON stands in a table with
one key that begins with `$`.
"""

import numpy as np

from tlkeras.grading.judge.exercise import PACKAGE


class PackingError(TypeError):
    """The inputs of an exercise hold something that cannot be sent."""


def pack(value, arrays, classes):
    """JSON-ready data for a value.

    Args:
        value: arrays, numbers, text, `None`; tuples, lists and dictionaries of them;
            and objects of plain Python classes that hold nothing else.
        arrays: its arrays are appended to this list.
        classes: the classes of its objects are added to this list.

    Raises:
        PackingError: it holds something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.asarray(value))
        kind = "$array" if isinstance(value, np.ndarray) else "$number"
        return {kind: len(arrays) - 1}
    if isinstance(value, list):
        return [pack(each, arrays, classes) for each in value]
    if isinstance(value, tuple):
        return {"$tuple": [pack(each, arrays, classes) for each in value]}
    if isinstance(value, dict):
        pairs = [list(pair) for pair in value.items()]
        return {"$table": pack(pairs, arrays, classes)}
    if type(value).__module__.startswith(PACKAGE):
        classes.extend({type(value)} - {*classes})
        return {"$object": [type(value).__name__, pack(vars(value), arrays, classes)]}
    raise PackingError(
        f"a {type(value).__name__} cannot be sent to the process that runs answers. "
        "Let the case draw arrays, and let the exercise's probe make objects of them."
    )


def unpack(data, arrays, names):
    """The value that `pack` made data of; its classes are looked up by name."""
    if isinstance(data, list):
        return [unpack(each, arrays, names) for each in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "$array":
        return arrays[content]
    if kind == "$number":
        return arrays[content][()]
    content = unpack(content, arrays, names)
    if kind == "$object":
        made = object.__new__(names[content[0]])
        vars(made).update(content[1])
        return made
    return tuple(content) if kind == "$tuple" else dict(content)
