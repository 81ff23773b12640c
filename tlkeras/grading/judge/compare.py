"""From whatever a learner returned to arrays, and on to the first difference."""

import inspect
import itertools

import numpy as np

from tlkeras.grading.judge.problems import Problem
from tlkeras.grading.messages import minus


def as_arrays(output, expected):
    """The output as a tuple of arrays like `expected`, or the Problem that prevents it.

    Takes NumPy arrays, tensors of any backend, and lists of them.
    """
    if isinstance(expected, tuple):
        if not isinstance(output, tuple | list) or len(output) != len(expected):
            return Problem(
                "wrong-count", {"given": _kind(output), "count": len(expected)}
            )
        arrays = [as_arrays(o, e) for o, e in zip(output, expected, strict=True)]
        problems = [a for a in arrays if isinstance(a, Problem)]
        return problems[0] if problems else tuple(a for (a,) in arrays)
    if (problem := _not_an_array(output)) is not None:
        return problem
    try:
        array = np.asarray(output)
        if array.size == np.size(
            expected
        ):  # a later call may write into the same array
            array = array.copy()
        if array.dtype.kind == "O":
            array = np.array(array.tolist())
        if array.dtype.kind in "US":
            return Problem("array-of-text", {})
        if array.dtype.kind not in "biufc":  # bfloat16 and its kin are kind "V"
            array = array.astype(np.float32)
    except Exception as error:
        return Problem("not-an-array", {"given": _kind(output), "error": str(error)})
    return (array,)


def _not_an_array(output):
    if output is None:
        return Problem("returned-none", {})
    if isinstance(output, tuple):
        return Problem("returned-tuple", {"count": len(output)})
    if inspect.isgenerator(output) or inspect.isasyncgen(output):
        return Problem("returned-generator", {})
    if inspect.iscoroutine(output):
        output.close()
        return Problem("returned-coroutine", {})
    if isinstance(output, str | bytes | dict | set):
        return Problem("returned-other", {"given": _kind(output)})
    if callable(output) and not hasattr(output, "__array__"):
        return Problem("returned-callable", {"given": _kind(output)})
    return None


def difference(arrays, expected, tolerance):
    """The first Problem that tells the arrays from the expected ones; `None` if none.

    Floats may differ by `tolerance` times the largest expected magnitude, at least 1.
    """
    expected = expected if isinstance(expected, tuple) else (expected,)
    for number, (yours, wanted) in enumerate(zip(arrays, expected, strict=True)):
        problem = _difference(yours, np.asarray(wanted), tolerance)
        if problem is not None:
            return Problem(problem.id, {"output": number, **problem.values})
    return None


def _difference(yours, wanted, tolerance):
    if yours.shape != wanted.shape:
        values = {"given": _shape(yours), "wanted": _shape(wanted)}
        return Problem("wrong-shape", values)
    if wanted.dtype == bool and yours.dtype != bool:
        return Problem("not-boolean", {"given": str(yours.dtype)})
    if wanted.dtype.kind == "f" and yours.dtype.kind != "f":
        return Problem("not-floating", {"given": str(yours.dtype)})
    wrong = ~close(yours, wanted, tolerance)
    if not wrong.any():
        return None
    broken = wrong & ~np.isfinite(yours) if yours.dtype.kind == "f" else wrong & False
    first = np.argwhere(broken if broken.any() else wrong)[0]
    position = tuple(int(i) for i in first)
    values = {
        "position": "[" + ", ".join(map(str, position)) + "]" if position else "()",
        "index": position,
        "yours": number(yours[position]),
        "wanted": number(wanted[position]),
        "wrong": int(wrong.sum()),
        "size": wrong.size,
    }
    return Problem("not-finite" if broken.any() else "wrong-values", values)


def close(yours, wanted, tolerance):
    """Element by element; NaN equals NaN, so that a mistake that makes NaN is known."""
    if wanted.dtype.kind in "biu" and yours.dtype.kind in "biu":
        return yours == wanted
    return near(yours, wanted, allowance(wanted, tolerance))


def allowance(wanted, tolerance):
    """The error allowed to each element, relative to the largest finite one."""
    magnitudes = np.abs(wanted, dtype=np.float64)
    return tolerance * magnitudes.max(where=np.isfinite(wanted), initial=1.0)


def near(yours, wanted, allowed):
    """Element by element, whether the error is allowed; NaN equals NaN, inf inf."""
    yours, wanted = (x.astype(np.float64, copy=False) for x in (yours, wanted))
    with np.errstate(all="ignore"):
        agree = np.abs(yours - wanted) <= allowed
    return agree | (yours == wanted) | (np.isnan(yours) & np.isnan(wanted))


def same(left, right, tolerance):
    """Whether two tuples of arrays agree in number, shape and every element."""
    return len(left) == len(right) and all(
        map(_same, left, right, itertools.repeat(tolerance))
    )


def _same(left, right, tolerance):
    if left.shape != right.shape or (left.dtype == bool) != (right.dtype == bool):
        return False
    return bool(close(left, right, tolerance).all())


def number(value):
    """A number as a learner reads it: True, 7, −0.4821, nan."""
    if np.asarray(value).dtype.kind != "f":
        return minus(str(value))
    return minus(f"{value + 0.0:.4g}")  # −0 + 0 is 0


def _shape(array):
    return str(tuple(int(n) for n in array.shape))


def _kind(value):
    return type(value).__name__
