"""Messages for wrong arguments: the name, what was given, what was expected."""

import re

import keras
import numpy as np
from keras import ops


def is_integer(value):
    """Whether `value` is an integer of Python or NumPy; a boolean is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value):
    """Whether `value` is a real number of Python or NumPy; a boolean is none."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def positive_integer(name, value):
    """Raise unless `value` is an integer of at least 1; return it as an `int`."""
    if not is_integer(value) or value < 1:
        raise ValueError(f"{name} must be a positive integer; given {value!r}.")
    return int(value)


def natural_number(name, value, least=0):
    """Raise unless `value` is an integer of at least `least`; return it as an `int`."""
    if not is_integer(value) or value < least:
        raise ValueError(
            f"{name} must be an integer of at least {least}; given {value!r}."
        )
    return int(value)


def length(name, value, least=0):
    """The same; but a tensor passes, whose value a dynamic shape hides."""
    if not hasattr(value, "dtype") or isinstance(value, np.generic):
        natural_number(name, value, least)


def integer(name, value):
    """Raise unless `value` is an integer, or a tensor of integers; return it."""
    dtype = getattr(value, "dtype", type(value).__name__)
    if "int" not in str(dtype):
        raise ValueError(f"{name} must be an integer; given {value!r}.")
    return value


def number(name, value):
    """Raise unless `value` is a finite number; return it."""
    if not is_number(value) or not np.isfinite(value):
        raise ValueError(f"{name} must be a finite number; given {value!r}.")
    return value


def flag(name, value):
    """Raise unless `value` is true or false; return it as a `bool`."""
    if not isinstance(value, bool | np.bool_ | int) or value not in (0, 1):
        raise ValueError(f"{name} must be True or False; given {value!r}.")
    return bool(value)


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


def features(name, shape, built=None):
    """Raise unless the last axis is known, and as long as when the layer was built."""
    if shape[-1] is None:
        raise ValueError(
            f"{name} must have a known last axis; given shape {tuple(shape)}."
        )
    if built is not None and shape[-1] != built:
        raise ValueError(
            f"{name} must have {built} features, as when the layer was built; given "
            f"{shape[-1]}, shape {tuple(shape)}."
        )


def dense(name, inputs):
    """Raise when `inputs` is a ragged or sparse tensor."""
    kind = type(inputs).__name__
    if kind in ("RaggedTensor", "SparseTensor"):
        change = "to_tensor()" if kind == "RaggedTensor" else "tf.sparse.to_dense"
        raise ValueError(
            f"{name} must be an array of rows that have one length; given a {kind}. "
            f"Fill it up with {change}, and hide what was filled in with a mask."
        )


def array(name, given):
    """Raise unless `given` is an array of numbers or booleans, or a list of such."""
    dense(name, given)
    if not hasattr(given, "dtype"):
        what = f"a {type(given).__name__}"
        try:
            given = np.asarray(given)
        except (NotImplementedError, TypeError):  # a list of symbolic tensors
            return
        except ValueError:
            raise ValueError(
                f"{name} must have rows that have one length; given {what} of unequal "
                "ones. Fill them up with keras.utils.pad_sequences."
            ) from None
    else:
        what = f"dtype {given.dtype}"
    if re.search("object|str|<U|S[0-9]", str(given.dtype)):
        raise ValueError(
            f"{name} must be an array of numbers or booleans; given {what}."
        )


def known(inputs):
    """The values as NumPy, or `None` while a function is traced and has none yet."""
    if isinstance(inputs, keras.KerasTensor):
        return None
    try:
        return ops.convert_to_numpy(inputs)
    except (NotImplementedError, TypeError):
        return None


def floats(name, inputs, advice):
    """Raise unless `inputs` holds floats."""
    dense(name, inputs)
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise ValueError(f"{name} must be floats; given {dtype}. {advice}")


def positive_number(name, value):
    """Raise unless `value` is a finite number above 0; return it."""
    if not is_number(value) or not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a number above 0; given {value!r}.")
    return value


def fraction(name, value):
    """Raise unless `value` lies between 0 and 1; return it."""
    if number(name, value) != min(max(value, 0), 1):
        raise ValueError(f"{name} must be a number from 0 to 1; given {value!r}.")
    return value


def finite(name, inputs):
    """Raise when `inputs` holds NaN or ∞, as far as its values are known."""
    _every(name, known(inputs), np.isfinite, "must be finite")


def values(name, inputs, advice):
    """Raise unless `inputs` holds floats, and finite ones as far as they are known."""
    floats(name, inputs, advice)
    if keras.backend.backend() != "torch":  # always eager, and a GPU would wait
        finite(name, inputs)


def indices(name, inputs, count, limit):
    """Raise unless known values are whole numbers from 0 to below `count` = `limit`."""
    dense(name, inputs)
    on_device = not isinstance(inputs, np.ndarray)
    if keras.backend.backend() == "torch" and on_device:  # eager, and a GPU would wait
        return
    given = known(inputs)
    if given is not None and given.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be integers; given {given.dtype}.")
    _every(
        name,
        given,
        lambda x: (x >= 0) & (x < count) & (x % 1 == 0),
        f"must be whole numbers from 0 to {count - 1}, below {limit}",
    )


def _every(name, values, holds, wanted):
    if values is None or np.all(holds(values)):
        return
    index = tuple(int(i) for i in np.argwhere(~holds(values))[0])
    raise ValueError(f"{name} {wanted}; given {values[index]} at position {index}.")


def rate(name, value):
    """Raise unless `value` is a share to drop, in [0, 1); return it."""
    if not is_number(value) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number in [0, 1); given {value!r}.")
    return value


def multiple(name, value, divisor_name, divisor):
    """Raise unless the divisor leaves no remainder of a `value` that is known."""
    if value is not None and value % divisor:
        raise ValueError(
            f"{name} must be a multiple of {divisor_name}; given {name}={value} and "
            f"{divisor_name}={divisor}, which leaves {value % divisor}."
        )


def mask_values(name, mask):
    """Raise unless a mask holds True and False, or 1 (keep) and 0 (hide).

    Floats could be an additive mask (0 keeps, −∞ hides), which means the opposite. So
    they must be seen to hold 0 and 1, and at least one 1: without any, zeros would more
    likely keep everything than hide it.
    """
    dtype = keras.backend.standardize_dtype(mask.dtype)
    floats = keras.backend.is_float_dtype(dtype)
    if dtype == "bool":
        return
    advice = (
        f"given dtype {dtype}. True and 1 mean keep. Turn an additive mask (0 and "
        "−inf) into `mask == 0`, and zeros and ones into `mask == 1`."
    )
    if not floats and "int" not in dtype:
        raise ValueError(f"{name} must be boolean, or hold only 0 and 1; {advice}")
    if not floats and keras.backend.backend() == "torch":
        return  # always eager, and a GPU would wait
    values = known(mask)
    if values is None and floats:
        raise ValueError(
            f"{name} must be boolean, or integers 0 and 1, where its values are not "
            f"known yet, as in a compiled function; {advice}"
        )
    if values is None:
        return
    wrong = (values != 0) & (values != 1)
    if np.any(wrong):
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name} must be boolean, or hold only 0 (hide) and 1 (keep), but holds "
            f"{values[index]} at position {index}; {advice}"
        )
    if floats and values.size and not np.any(values):
        raise ValueError(
            f"{name} must be boolean, or hold 0 (hide) and 1 (keep), but holds no 1 at "
            f"all; {advice}"
        )


def keep_mask(name, mask, *shapes):
    """Raise unless a mask says True or False (1 or 0) and broadcasts to a shape."""
    if mask is None:
        return
    if not hasattr(mask, "dtype"):
        raise ValueError(
            f"{name} must be an array; given a {type(mask).__name__}. "
            "Convert it: np.array(…)."
        )
    given = tuple(mask.shape)
    if not any(broadcasts(given, shape) for shape in shapes):
        wanted = " or ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"{name} must have shape {wanted}; given {given}.")
    mask_values(name, mask)


def broadcasts(given, wanted):
    """Whether a shape has the axes of another, each as long, 1 or unknown."""
    return len(given) == len(wanted) and all(
        g in (1, None) or w is None or g == w
        for g, w in zip(given, wanted, strict=True)
    )
