"""Batches read from disk as they are needed, by tf.data and by Grain.

Each process reads every n-th row of what it is given, so that all rows are read once an
epoch and none twice. `features` may be a `numpy.memmap`, as `cached_features` returns.
"""


def shard(rows, number, processes):
    """The rows of one process."""
    return rows[number::processes]


def tf_data(features, labels, batch_size, seed=None):
    """Batches `(features, labels)` of one epoch; shuffled when there is a seed."""
    import tensorflow as tf

    def read(rows):
        types = (features.dtype, labels.dtype)
        x, y = tf.numpy_function(lambda i: (features[i], labels[i]), [rows], types)
        return (
            tf.ensure_shape(x, (None, *features.shape[1:])),
            tf.ensure_shape(y, (None, *labels.shape[1:])),
        )

    rows = tf.data.Dataset.range(len(labels))
    if seed is not None:
        rows = rows.shuffle(len(labels), seed=seed, reshuffle_each_iteration=True)
    return rows.batch(batch_size).map(read).prefetch(2)


def grain(features, labels, batch_size, seed=None):
    """The same with Grain, which needs no TensorFlow."""
    import grain

    rows = grain.MapDataset.range(len(labels))
    if seed is not None:
        rows = rows.shuffle(seed=seed)
    return rows.map(lambda i: (features[i], labels[i])).batch(batch_size)
