"""Shapes and dtypes of what a layer returns, where they depend on its arguments."""

import json

import keras

# By what was traced: what it returns, so that equal blocks of a model are traced once.
_TRACED: dict = {}


def traced_output_spec(layer, *inputs, **arguments):
    """What a layer returns, found by tracing its call.

    The floats are cast first, as `layer(…)` does before it gets here.
    """

    def cast(x):
        return layer.dtype_policy.convert_input(x, layer.autocast, layer.input_dtype)

    inputs, arguments = keras.tree.map_structure(cast, (inputs, arguments))
    key = _key(layer, inputs, arguments)
    if key is None:
        return _traced(layer, inputs, arguments)
    if key not in _TRACED:
        _TRACED[key] = _traced(layer, inputs, arguments)
    return keras.tree.map_structure(_fresh, _TRACED[key])


def _traced(layer, inputs, arguments):
    return keras.Operation.compute_output_spec(layer, *inputs, **arguments)


def _fresh(spec):
    """A tensor of that shape and dtype which belongs to no graph yet."""
    return keras.KerasTensor(spec.shape, spec.dtype)


def _key(layer, inputs, arguments):
    """All that a trace depends on, or `None` where that cannot be told.

    A layer's name is not among it, but the shapes for which it was built are: it
    refuses others.
    """
    if not type(layer).__module__.startswith("tlkeras."):
        return None  # somebody's own class: its config need not say everything
    try:
        config = _text({**layer.get_config(), "name": None})
        signs = [_sign(x) for x in (*inputs, *arguments.values())]
    except (TypeError, ValueError):  # an object that only its own class knows
        return None
    built = _text(layer.get_build_config())
    return type(layer), config, built, len(inputs), tuple(arguments), tuple(signs)


def _text(config):
    return json.dumps(config, default=keras.saving.serialize_keras_object)


def _sign(x):
    """What matters of an argument."""
    if isinstance(x, keras.KerasTensor):
        has_mask = getattr(x, "_keras_mask", None) is not None
        return "tensor", x.shape, x.dtype, has_mask
    if x is None or isinstance(x, bool | int | float | str):
        return type(x), x
    raise TypeError(f"{type(x)} has no sign")
