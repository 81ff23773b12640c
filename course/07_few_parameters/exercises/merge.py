"""The kernel that does alone what kernel, A and B did together."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes, tensorflow

from .LoRADense import divided_by_rank


def merge(
    kernel,
    a,
    b,
    alpha,
    *,
    rank_of=lambda a, b: b.shape[0],
    scale=divided_by_rank,
    product=lambda a, b: a @ b,
    combine=lambda kernel, change: kernel + change,
):
    """The kernel that does alone what kernel, A and B did together."""
    return combine(kernel, scale(alpha, rank_of(a, b)) * product(a, b))


def merge_inputs(*lead, outputs, rank, alpha):
    """A kernel, A, B and alpha."""
    return lambda rng: (
        floats(rng, *lead, outputs),
        floats(rng, *lead, rank),
        floats(rng, rank, outputs),
        alpha,
    )


wrong = mistakes("merge", section="merge")

EXERCISE = Exercise(
    name="merge",
    section="merge",
    points=2,
    reference=merge,
    cases=(
        Case("dense", merge_inputs(7, outputs=5, rank=2, alpha=6.0)),
        Case("rank-1", merge_inputs(4, outputs=6, rank=1, alpha=0.5)),
        Case("heads", merge_inputs(7, 3, outputs=4, rank=2, alpha=5.0)),
        Case("square", merge_inputs(4, outputs=4, rank=4, alpha=6.0), diagnostic=True),
    ),
    misconceptions=(
        wrong("not-scaled", scale=lambda alpha, rank: 1.0),
        wrong("not-divided-by-rank", scale=lambda alpha, rank: alpha),
        wrong("divided-by-alpha", scale=lambda alpha, rank: rank / alpha),
        wrong("alpha-forgotten", scale=lambda alpha, rank: 1 / rank),
        wrong("divided-by-root", scale=lambda alpha, rank: alpha / np.sqrt(rank)),
        wrong("rank-is-size", rank_of=lambda a, b: a.shape[0]),
        wrong("rank-is-outputs", rank_of=lambda a, b: b.shape[-1]),
        wrong("rank-from-second-axis", rank_of=lambda a, b: a.shape[1]),
        wrong("b-before-a", product=lambda a, b: b @ a),
        wrong("change-alone", combine=lambda kernel, change: change),
        wrong("subtracted", combine=lambda kernel, change: kernel - change),
        wrong("multiplied", combine=lambda kernel, change: kernel * change),
    ),
    accepted={
        "einsum": lambda kernel, a, b, alpha: (
            kernel + np.einsum("...r,rf->...f", a, b) * (alpha / a.shape[-1])
        ),
        "tensordot": lambda kernel, a, b, alpha: (
            np.tensordot(alpha * a, b, 1) / len(b) + kernel
        ),
        "outer products": lambda kernel, a, b, alpha: (
            kernel + sum(alpha / len(b) * a[..., i, None] * b[i] for i in range(len(b)))
        ),
        "in a copy": lambda kernel, a, b, alpha: _merge_in_a_copy(kernel, a, b, alpha),
        "keras.ops": lambda kernel, a, b, alpha: keras().ops.add(
            kernel, alpha / b.shape[0] * keras().ops.matmul(a, b)
        ),
        "tensorflow": lambda kernel, a, b, alpha: (
            kernel + alpha / len(b) * tensorflow().tensordot(a, b, 1)
        ),
    },
)


def _merge_in_a_copy(kernel, a, b, alpha):
    merged = kernel.copy()
    merged += (a / len(b)) @ (alpha * b)
    return merged
