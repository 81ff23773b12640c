"""Which prediction goes with which truth, so that the sum of the costs is least."""

import keras
import numpy as np
from keras import ops


def match(cost, real):
    """The best pairing of each picture, by the Hungarian method of SciPy.

    It is computed in NumPy on the CPU, outside of what is compiled and differentiated.

    Args:
        cost: floats `(B, Q, M)`, of giving prediction q the truth m. NaN and infinite
            ones count as very high.
        real: booleans `(B, M)`; the truths that are there.

    Returns:
        Integers `(B, M)`: the prediction of each truth, −1 for one that is not there,
        or for which no prediction is left.
    """
    shape = cost.shape[0], cost.shape[2]  # (B, M)
    cost, real = ops.stop_gradient(ops.cast(cost, "float32")), ops.cast(real, "bool")
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        found = tf.numpy_function(_match, [cost, real], tf.int32)
        return tf.ensure_shape(found, shape)
    if backend == "jax":
        import jax

        wanted = jax.ShapeDtypeStruct((cost.shape[0], cost.shape[2]), np.int32)
        return jax.pure_callback(_match, wanted, cost, real)
    if str(getattr(cost, "device", "")) == "meta":  # torch asks for the shape alone
        return ops.zeros(shape, "int32")
    arrays = ops.convert_to_numpy(cost), ops.convert_to_numpy(real)
    return ops.convert_to_tensor(_match(*arrays), "int32")


def _match(cost, real):
    """The same of NumPy arrays."""
    from scipy.optimize import linear_sum_assignment

    cost, real = np.asarray(cost), np.asarray(real)
    cost = np.nan_to_num(cost, nan=1e9, posinf=1e9, neginf=-1e9)
    found = np.full(real.shape, -1, "int32")
    for row, keep, picture in zip(found, real, cost, strict=True):
        places = np.flatnonzero(keep)
        predictions, truths = linear_sum_assignment(picture[:, places])
        row[places[truths]] = predictions
    return found
