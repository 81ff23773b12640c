"""Checks shared by the layers: what was given, what was expected, what to do."""

import math

import keras


def check_positive(**arguments):
    """Each argument is a positive whole number."""
    for name, value in arguments.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ValueError(f"{name} must be a positive integer; given {value!r}.")


def check_rate(**arguments):
    """Each argument is a probability of dropping something, in [0, 1)."""
    for name, value in arguments.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value < 1:
            raise ValueError(f"{name} must be a number in [0, 1); given {value!r}.")


def check_above_zero(**arguments):
    """Each argument is a finite number above zero."""
    for name, value in arguments.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value <= 0:
            raise ValueError(
                f"{name} must be a finite number above zero; given {value!r}."
            )


def check_choice(name, value, choices):
    """The value is one of the choices."""
    if value not in choices:
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {allowed}; given {value!r}.")


def check_divides(name, value, divisor_name, divisor):
    """The divisor leaves no remainder."""
    if value is not None and value % divisor:
        raise ValueError(
            f"{name} must be a multiple of {divisor_name}; given {name}={value} and "
            f"{divisor_name}={divisor}, which leaves {value % divisor}."
        )


def check_sequence(name, shape, axes="(batch, length, features)"):
    """The shape has the named axes, and none that is known is empty."""
    shape = tuple(shape)
    if len(shape) != axes.count(",") + 1:
        raise ValueError(f"{name} must have the axes {axes}; given shape {shape}.")
    if 0 in shape[1:]:
        raise ValueError(
            f"{name} must not be empty along any of {axes}; given shape {shape}."
        )


def check_mask(name, mask, *shapes):
    """A mask is boolean or 0/1 integers and broadcasts to a shape of its own rank."""
    if mask is None:
        return
    dtype = keras.backend.standardize_dtype(getattr(mask, "dtype", "object"))
    if dtype != "bool" and "int" not in dtype:
        raise ValueError(
            f"{name} must be boolean, or integers 0 and 1, where True means keep; given "
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
