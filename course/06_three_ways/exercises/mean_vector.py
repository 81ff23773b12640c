"""The mean of the vectors of real tokens: (B, D)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def as_numbers(mask):
    """1 for a real token, 0 for padding: (B, T, 1)."""
    return mask.astype(bool)[..., None].astype(float)


def sums(vectors, keep):
    """The sum of the vectors that count: (B, D)."""
    return (vectors * keep).sum(1)


def counts(keep):
    """How many count: (B, 1)."""
    return keep.sum(1)


def safely(total, count):
    """A mean, and zero where nothing counts."""
    return total / np.maximum(count, 1)


def mean_vector(
    vectors,
    padding_mask,
    *,
    keep=as_numbers,
    total=sums,
    count=counts,
    divide=safely,
    result=identity,
):
    """The mean of the vectors of real tokens: (B, D)."""
    weights = keep(padding_mask)
    return result(divide(total(vectors, weights), count(weights)))


def pooling(lengths, length, size, kind=bool, scale=1.0):
    """Vectors of texts of some lengths, with something in the padded places too."""

    def draw(rng):
        mask = np.arange(length) < np.array(lengths)[:, None]
        vectors = floats(rng, len(lengths), length, size, scale=scale) - np.float32(1)
        return vectors, mask.astype(kind)

    return draw


def with_holes(rng):
    """Padding at the beginning and in the middle."""
    vectors, mask = pooling((6, 6, 6), 6, 4)(rng)
    mask[0, :2] = mask[1, 2:4] = mask[2, [0, 3, 5]] = False
    return vectors, mask


def unit(x):
    """Vectors of length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def as_many_from_the_first(mask):
    """As many places as there are real tokens, all at the beginning (wrong)."""
    return as_numbers(np.arange(mask.shape[1]) < mask.astype(int).sum(1)[:, None])


def without_first(mask):
    """All real tokens but the first place."""
    keep = as_numbers(mask)
    keep[:, 0] = 0
    return keep


wrong = mistakes("mean", section="mean")

EXERCISE = Exercise(
    name="mean_vector",
    section="mean",
    points=2,
    reference=mean_vector,
    cases=(
        Case("full", pooling((4, 4), 4, 3)),
        Case("padded", pooling((5, 2, 3), 5, 4)),
        Case("integers", pooling((2, 6, 4), 6, 3, kind=np.int32)),
        Case("holes", with_holes),
        Case("empty", pooling((3, 0), 5, 2)),
        Case("one-text", pooling((1,), 4, 3)),
        Case("square", pooling((3, 1, 2), 3, 3), diagnostic=True),
    ),
    misconceptions=(
        wrong("padding-counted", keep=lambda m: np.ones((*m.shape, 1))),
        wrong("divided-by-length", count=lambda keep: np.full((1, 1), keep.shape[1])),
        wrong("summed", count=lambda keep: np.ones((1, 1))),
        wrong("divided-by-batch", count=lambda keep: keep.sum(keepdims=True)[0]),
        wrong("inverted", keep=lambda m: 1 - as_numbers(m)),
        wrong("beginning", keep=as_many_from_the_first),
        wrong("first-left-out", keep=without_first),
        wrong(
            "first-token",
            keep=lambda m: np.eye(m.shape[1])[0][None, :, None].repeat(len(m), 0),
        ),
        wrong(
            "maximum",
            total=lambda v, keep: np.where(keep.any(1), _largest(v, keep), 0),
            count=lambda keep: np.ones((1, 1)),
        ),
        wrong(
            "maximum-with-zeros",
            total=lambda v, keep: (v * keep).max(1),
            count=lambda keep: np.ones((1, 1)),
        ),
        wrong("divided-by-zero", divide=lambda total, count: total / count),
        wrong("one-too-many", divide=lambda total, count: total / (count + 1)),
        wrong("unit-length", result=unit),
        wrong("sentences-averaged", result=lambda x: x.mean(0)),
        wrong("axis-kept", result=lambda x: x[:, None]),
    ),
    accepted={
        "einsum": lambda v, m: (
            np.einsum("btd,bt->bd", v, m.astype(float))
            / np.maximum(m.sum(1, keepdims=True), 1)
        ),
        "loops": lambda v, m: _mean_with_loops(v, m),
        "np.where": lambda v, m: (
            np.where(m[..., None] != 0, v, 0).sum(1) / m.sum(1).clip(1)[:, None]
        ),
        "np.divide where": lambda v, m: _mean_where(v, m),
        "weights of a softmax": lambda v, m: _mean_by_matrix(v, m),
        "keras.ops": lambda v, m: _mean_with_keras(v, m),
        "tensorflow": lambda v, m: _mean_with_tensorflow(v, m),
    },
)


def _largest(vectors, keep):
    return np.where(keep > 0, vectors, -1e9).max(1)


def _mean_with_loops(vectors, mask):
    rows = [v[m.astype(bool)] for v, m in zip(vectors, mask, strict=True)]
    return [v.mean(0) if len(v) else np.zeros(vectors.shape[-1]) for v in rows]


def _mean_where(vectors, mask):
    keep = mask.astype("float32")[..., None]
    total, count = (vectors * keep).sum(1), keep.sum(1)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _mean_by_matrix(vectors, mask):
    shares = mask / np.maximum(mask.sum(1, keepdims=True), 1)  # (B, T)
    return (shares[:, None] @ vectors)[:, 0]


def _mean_with_keras(vectors, mask):
    ops = keras().ops
    keep = ops.cast(mask, "float32")[..., None]
    return ops.sum(vectors * keep, 1) / ops.maximum(ops.sum(keep, 1), 1)


def _mean_with_tensorflow(vectors, mask):
    import tensorflow as tf

    keep = tf.cast(mask, "float32")[..., None]
    return tf.math.divide_no_nan(
        tf.reduce_sum(vectors * keep, 1), tf.reduce_sum(keep, 1)
    )
