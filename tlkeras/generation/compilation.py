"""Compile a function of arrays with XLA, on each of Keras's backends."""

import functools
from collections.abc import Callable
from typing import Any

import keras


def jit(function: Callable[..., Any], *stateful: Any) -> Callable[..., Any]:
    """Compile a function of arrays with XLA, once for each set of shapes.

    JAX compiles a variable it is not told about as a constant, so name what has any:
    the model that the step calls, and a `Sample`. PyTorch runs the function as it is,
    without gradients.

    Args:
        function: arrays in, arrays out.
        *stateful: everything with `variables` that the function reads or changes.

    Returns:
        A function of the same arguments.

    Raises:
        ValueError: `function` is none, or one of `stateful` has no `variables`.

    Example:

    >>> import numpy as np
    >>> from keras import ops
    >>> double = jit(lambda x: 2 * x)
    >>> float(double(np.array(1.5)))
    3.0
    """
    if not callable(function):
        raise ValueError(f"function must be a function; given {function!r}.")
    for item in stateful:
        if not hasattr(item, "variables"):
            raise ValueError(
                "stateful must be models, layers or samplers, which have variables; "
                f"given {item!r}."
            )
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(function, jit_compile=True, autograph=False)
    elif backend == "torch":
        import torch

        compiled = torch.no_grad()(function)
    else:
        compiled = _jax_jit(function, [v for item in stateful for v in item.variables])
    compiled.is_compiled = True
    return compiled


def _jax_jit(function, variables):
    import jax

    changing = [v for v in variables if not v.trainable]

    @jax.jit
    def pure(values, *args, **kwargs):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = function(*args, **kwargs)
        return outputs, [scope.get_current_value(v) for v in changing]

    @functools.wraps(function)
    def compiled(*args, **kwargs):
        outputs, changed = pure([v.value for v in variables], *args, **kwargs)
        for variable, value in zip(changing, changed, strict=True):
            variable.assign(value)
        return outputs

    return compiled
