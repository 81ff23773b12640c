"""Attention alone, 4 heads of 64, at several lengths: forward and gradient.

python benchmarks/attention.py --backend jax --cases 2048 8192
"""

import numpy as np
from _bench import compiled, main, wait

LENGTHS = (512, 1024, 2048, 4096, 8192, 16384)
CASES = {str(length): {"length": length, "gradient": False} for length in LENGTHS}
CASES |= {
    f"{length} gradient": {"length": length, "gradient": True} for length in LENGTHS[:5]
}
HEADS, SIZE = 4, 64


def prepare(peer, case, options):
    """A function that attends once, with the gradient of its inputs if asked for."""
    shape = (1, HEADS, case["length"], SIZE)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float32") for _ in range(3)]
    return (_torch if peer == "torch" else _keras)(peer, case, arrays, options)


def _keras(peer, case, arrays, options):
    from keras import ops

    from tlkeras.layers import scaled_dot_product_attention
    from tlkeras.layers._chunked import chunked_attention

    def stock(query, key, value):
        heads = (ops.swapaxes(x, 1, 2) for x in (query, key, value))  # (B, T, N, H)
        return ops.swapaxes(ops.dot_product_attention(*heads), 1, 2)

    functions = {
        "chunked": chunked_attention,
        "equation": scaled_dot_product_attention,
        "keras": stock,
    }
    function = functions[peer]
    dtype = "float32" if options.device == "cpu" else "bfloat16"
    tensors = [ops.cast(array, dtype) for array in arrays]
    run = compiled(_gradient(function) if case["gradient"] else function)
    return lambda: wait(run(*tensors))


def _gradient(function):
    """Of the sum of the output, with respect to query, key and value."""
    import keras
    from keras import ops

    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(lambda *x: ops.sum(function(*x)), argnums=(0, 1, 2))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def gradient(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                total = ops.sum(function(*tensors))
            return tape.gradient(total, tensors)

        return gradient
    return _torch_gradient(function)


def _torch_gradient(function):
    import torch

    def gradient(*tensors):
        tensors = [x.detach().requires_grad_() for x in tensors]
        return torch.autograd.grad(function(*tensors).sum(), tensors)

    return gradient


def _torch(peer, case, arrays, options):
    import torch

    torch.set_num_threads(options.threads)
    on_gpu = options.device == "gpu"
    tensors = [torch.from_numpy(array) for array in arrays]
    if on_gpu:
        tensors = [x.to("cuda", torch.bfloat16) for x in tensors]
    function = torch.nn.functional.scaled_dot_product_attention
    run = _torch_gradient(function) if case["gradient"] else function
    return lambda: wait(run(*tensors))


def flops(case):
    """Two matrix products, and five more for the gradient."""
    forward = 4 * HEADS * case["length"] ** 2 * SIZE
    return forward * (3.5 if case["gradient"] else 1)


if __name__ == "__main__":
    main(
        __doc__,
        prepare,
        peers=("chunked", "equation", "keras", "torch"),
        cases=CASES,
        flops=flops,
        rounds=5,
        memory=True,
    )
