"""Steps of training and forward passes, compiled once for many runs."""

import contextlib
from functools import partial

import keras
import numpy as np

CHUNK = 25  # steps a call: all calls have one shape, so that one program serves all


def take_steps(model, jit_compile):
    """A function of an iterator over `(inputs, labels, learning rate)`: it trains."""
    if keras.backend.backend() != "tensorflow":
        return lambda batches: _one_by_one(model, batches)
    chunk = _compiled(model, jit_compile)

    def run(batches):
        if model.run_eagerly:
            _one_by_one(model, batches)
            return
        waiting: list = []
        for batch in batches:
            waiting.append(batch)
            if len(waiting) == CHUNK:
                chunk(*_stacked(waiting))
                waiting = []
        if waiting:
            chunk(*_stacked(waiting))

    return run


def forward_pass(model):
    """A function from inputs to logits, for any number of examples."""
    eager = partial(model, training=False)
    if keras.backend.backend() != "tensorflow":
        return eager
    import tensorflow as tf

    # No XLA: it would compile anew for each number of examples.
    graph = tf.function(eager, autograph=False, reduce_retracing=True)

    def run(inputs):
        if model.run_eagerly:
            return eager(inputs)
        with _as_traced():
            return graph(inputs)

    return run


def _one_by_one(model, batches):
    for inputs, labels, rate in batches:
        model.optimizer.learning_rate = rate
        model.train_on_batch(inputs, labels)


def _stacked(batches):
    """One array of each, filled up to `CHUNK` with the last, and how many count."""
    filled = batches + batches[-1:] * (CHUNK - len(batches))
    columns = [
        keras.tree.map_structure(lambda *parts: np.stack(parts), *column)
        for column in zip(*filled, strict=True)
    ]
    return *columns[:2], np.asarray(columns[2], "float32"), np.int32(len(batches))


def _compiled(model, jit_compile):
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile, autograph=False, reduce_retracing=True)
    def chunk(inputs, labels, rates, count):
        def step(i):
            model.optimizer.learning_rate = rates[i]
            model.train_step(tf.nest.map_structure(lambda x: x[i], (inputs, labels)))
            return (i + 1,)

        tf.while_loop(lambda i: i < count, step, (tf.constant(0),))

    def run(*arguments):
        with _as_traced():
            chunk(*arguments)

    return run


@contextlib.contextmanager
def _as_traced():
    """TensorFlow runs graphs as they are.

    To rewrite that of a training step takes it seconds, more than a short training of a
    small model gains.
    """
    from tensorflow import config

    name = "disable_meta_optimizer"
    before = config.optimizer.get_experimental_options().get(name, False)
    config.optimizer.set_experimental_options({name: True})
    try:
        yield
    finally:
        config.optimizer.set_experimental_options({name: before})
