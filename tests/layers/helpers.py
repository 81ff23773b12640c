"""Small things that many tests of layers need."""

import keras
import numpy as np
import pytest
from keras import ops

TOLERANCE = 1e-5  # float32 against float64, and against another library
# For a process of JAX that runs each thing once: compiling takes half as long.
FAST_COMPILER = {
    "XLA_FLAGS": "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_parallel_codegen_split_count=1"
}


def numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


def floats(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def close(left, right, tolerance=TOLERANCE):
    left, right = numpy(left), numpy(right)
    for a, b in zip(keras.tree.flatten(left), keras.tree.flatten(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def randomize(layer, rng):
    """Give every weight random values, biases too, so that none can hide."""
    layer.set_weights([0.5 * floats(rng, *w.shape) for w in layer.weights])
    return layer


def padding(lengths, size):
    """True for the first positions of each row: `(B, S)`."""
    return np.arange(size) < np.array(lengths)[:, None]


def refused(do, argument, given):
    """Assert that `do()` raises a message with the argument and what was given."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        do()
    before_keras_adds = str(caught.value).split("Arguments received by")[0]
    assert argument in before_keras_adds
    assert given in before_keras_adds
