"""The positions of the tokens in a call, counted or given."""

from keras import ops

from tlkeras import checks as check


def check_positions(positions, shape):
    """Positions as a tensor `(T,)`, or one that broadcasts to `(…, T)` = `shape`."""
    positions = ops.convert_to_tensor(positions)
    given = tuple(positions.shape)
    fits = 0 < len(given) <= len(shape) and all(
        size in (None, wanted) or not isinstance(wanted, int) or (axis and size == 1)
        for axis, (size, wanted) in enumerate(
            zip(reversed(given), reversed(shape), strict=False)
        )
    )
    if not fits:
        raise ValueError(
            "positions must have the axes (…, length) of the inputs, "
            f"{tuple(shape)}, or the last of them, 1 where they are alike; given shape "
            f"{given}."
        )
    return positions


def float_positions(shape, start_index=0, positions=None):
    """The positions of tokens `(…, T)` = `shape`: from `start_index` on, or given.

    Returns:
        float32 `(T,)`, or of the shape of the positions given.
    """
    if positions is None:
        check.integer("start_index", start_index)
        return ops.cast(ops.arange(shape[-1]) + start_index, "float32")  # (T,)
    return ops.cast(check_positions(positions, shape), "float32")  # (…, T)


def check_inputs(shape):
    """Raise unless inputs are `(…, T, D)` and not empty."""
    if len(shape) < 2:
        raise ValueError(
            "inputs must have the axes (…, length, features); given shape "
            f"{tuple(shape)}."
        )
    check.not_empty("inputs", (None, *shape) if len(shape) == 2 else shape)
