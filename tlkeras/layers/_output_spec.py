"""Shapes and dtypes of what a layer returns, where they depend on its arguments."""

import keras


def traced_output_spec(layer, *inputs, **arguments):
    """What a layer returns, found by tracing its call.

    The floats are cast first, as `layer(…)` does before it gets here.
    """

    def cast(x):
        return layer.dtype_policy.convert_input(x, layer.autocast, layer.input_dtype)

    inputs, arguments = keras.tree.map_structure(cast, (inputs, arguments))
    return keras.Operation.compute_output_spec(layer, *inputs, **arguments)
