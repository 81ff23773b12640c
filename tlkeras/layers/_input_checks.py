"""Messages for wrong arguments: the name, what was given, what was expected."""

import keras
import numpy as np


def positive_integer(name, value):
    """Raise unless `value` is an integer of at least 1; return it as an `int`."""
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or value < 1:
        raise ValueError(f"{name} must be a positive integer; given {value!r}.")
    return int(value)


def natural_number(name, value):
    """Raise unless `value` is an integer of at least 0; return it as an `int`."""
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or value < 0:
        raise ValueError(f"{name} must be an integer of at least 0; given {value!r}.")
    return int(value)


def sizes(name, value, count=None):
    """Raise unless `value` is a positive integer or several: `count`, if given."""
    if isinstance(value, list | tuple):
        values = tuple(value)
    else:
        values = (value,) * (count or 1)
    if len(values) != (count or len(values)) or not values:
        wanted = f"{count} of them" if count else "a tuple of them"
        raise ValueError(f"{name} must be one integer or {wanted}; given {value!r}.")
    return tuple(positive_integer(name, size) for size in values)


def choice(name, value, choices):
    """Raise unless `value` is one of `choices`."""
    if value not in choices:
        allowed = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {allowed}; given {value!r}.")
    return value


def axes(name, shape, axes):
    """Raise unless `shape` has one axis for each of `axes`, as in `"B S D"`."""
    count = len(axes.split())
    if len(shape) != count:
        raise ValueError(
            f"{name} must have {count} axes, ({axes.replace(' ', ', ')}); "
            f"given shape {tuple(shape)}."
        )


def not_empty(name, shape):
    """Raise when an axis after the first has length 0."""
    if 0 in tuple(shape)[1:]:
        raise ValueError(f"{name} must not be empty; given shape {tuple(shape)}.")


def floats(name, inputs, advice):
    """Raise unless `inputs` holds floats."""
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"{name} must be floats; given {dtype}. {advice}")


def positive_number(name, value):
    """Raise unless `value` is a finite number above 0; return it."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a number above 0; given {value!r}.")
    return value


def fraction(name, value):
    """Raise unless `value` lies between 0 and 1; return it."""
    if not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1; given {value!r}.")
    return value


def finite(name, inputs):
    """Raise when `inputs` holds NaN or ∞, unless it is traced and has no values yet."""
    try:
        values = keras.ops.convert_to_numpy(inputs)
    except (NotImplementedError, TypeError):
        return
    if not np.isfinite(values).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise ValueError(
            f"{name} must be finite; given {values[index]} at position {index}."
        )


def rate(name, value):
    """Raise unless `value` is a share to drop, in [0, 1); return it."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number in [0, 1); given {value!r}.")
    return value


def multiple(name, value, divisor_name, divisor):
    """Raise unless the divisor leaves no remainder of a `value` that is known."""
    if value is not None and value % divisor:
        raise ValueError(
            f"{name} must be a multiple of {divisor_name}; given {name}={value} and "
            f"{divisor_name}={divisor}, which leaves {value % divisor}."
        )


def keep_mask(name, mask, *shapes):
    """Raise unless a mask says True or False (1 or 0) and broadcasts to a shape."""
    if mask is None:
        return
    dtype = keras.backend.standardize_dtype(getattr(mask, "dtype", type(mask).__name__))
    if dtype != "bool" and "int" not in dtype:
        raise ValueError(
            f"{name} must be boolean, or integers 0 and 1, and True means keep; given "
            f"dtype {dtype}. Turn an additive mask (0 and −inf) into `mask == 0`."
        )
    given = tuple(mask.shape)
    if not any(_broadcasts(given, shape) for shape in shapes):
        wanted = " or ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"{name} must have shape {wanted}; given {given}.")


def _broadcasts(given, wanted):
    return len(given) == len(wanted) and all(
        g in (1, None) or w is None or g == w
        for g, w in zip(given, wanted, strict=True)
    )
