"""Inputs of answers as a message: numbers, text and containers, with arrays apart.

The verdict packs, the worker unpacks. What has no place in JSON stands in a table with
one key that begins with `$`.
"""

import numpy as np


class ParcelError(TypeError):
    """The inputs of an exercise hold something that cannot be sent."""


def pack(value, arrays):
    """JSON-ready data for a value; its arrays are appended to a list.

    Raises:
        ParcelError: it holds something other than arrays, numbers, text, `None`, and
            tuples, lists and dictionaries of them.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.asarray(value))
        kind = "$array" if isinstance(value, np.ndarray) else "$number"
        return {kind: len(arrays) - 1}
    if isinstance(value, list):
        return [pack(each, arrays) for each in value]
    if isinstance(value, tuple):
        return {"$tuple": [pack(each, arrays) for each in value]}
    if isinstance(value, dict):
        pairs = value.items()
        return {"$table": [[pack(k, arrays), pack(v, arrays)] for k, v in pairs]}
    raise ParcelError(
        f"a {type(value).__name__} cannot be sent to the process that runs answers. "
        "Let the case draw arrays, and let the exercise's probe make objects of them."
    )


def unpack(data, arrays):
    """The value that `pack` made data of."""
    if isinstance(data, list):
        return [unpack(each, arrays) for each in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "$array":
        return arrays[content]
    if kind == "$number":
        return arrays[content][()]
    if kind == "$tuple":
        return tuple(unpack(each, arrays) for each in content)
    return {unpack(k, arrays): unpack(v, arrays) for k, v in content}
