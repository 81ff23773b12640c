"""The gradient of a function of one tensor, on every backend."""

import keras
from keras import ops


def slope(function, x):
    """∂ Σ function(x) / ∂x; rows of a batch do not mix in a sound function."""
    x = ops.convert_to_tensor(x)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            total = ops.sum(function(x))
        return _known(tape.gradient(total, x))
    if backend == "jax":
        import jax

        return jax.grad(lambda given: ops.sum(function(given)))(x)
    import torch

    with torch.enable_grad():
        x = x.detach().clone().requires_grad_(True)
        total = ops.sum(function(x))
        if not total.requires_grad:
            return _known(None)
        return _known(torch.autograd.grad(total, x, allow_unused=True)[0])


def _known(gradient):
    if gradient is None:
        raise ValueError("function must depend on its inputs; this one does not.")
    return gradient
