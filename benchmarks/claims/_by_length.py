"""Batches of texts of like length, without columns that are padding in all."""

import numpy as np


def lengths(inputs):
    """Real tokens of each text."""
    return np.asarray(inputs["padding_mask"]).sum(axis=1)


def cropped(inputs):
    """The same texts without the columns, in eights, that are padding in all."""
    length = -(-int(lengths(inputs).max()) // 8) * 8
    return {name: x[:, :length] for name, x in inputs.items()}


def by_length(inputs, size):
    """Places and cropped inputs of batches, from short texts to long ones."""
    order = np.argsort(lengths(inputs), kind="stable")
    for start in range(0, len(order), size):
        places = order[start : start + size]
        yield places, cropped({name: x[places] for name, x in inputs.items()})


def grouped(inputs, size, rng):
    """Places of an epoch's batches: texts of like length together, else at random."""
    count = lengths(inputs)
    order = rng.permutation(len(count))[: len(count) // size * size]
    result = []
    for start in range(0, len(order), 16 * size):
        pool = order[start : start + 16 * size]
        pool = pool[np.argsort(count[pool] + 8 * rng.random(len(pool)))]
        result += np.split(pool, len(pool) // size)
    return [result[i] for i in rng.permutation(len(result))]
