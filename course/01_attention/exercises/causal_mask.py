"""(T, T): which keys each query may look at."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import keras, mistakes

from ._shared import MASKS, our_masks


def causal(length, *, keeps=lambda query, key: key <= query):
    """(T, T): which keys each query may look at."""
    positions = np.arange(length)
    return keeps(positions[:, None], positions[None, :])


wrong = mistakes("causal", section="causal")

EXERCISE = Exercise(
    name="causal_mask",
    section="causal",
    points=2,
    reference=causal,
    forbidden=MASKS,
    cases=(
        Case("five", lambda rng: (5,)),
        Case("one", lambda rng: (1,)),
        Case("many", lambda rng: (int(rng.integers(16, 24)),)),
    ),
    misconceptions=(
        wrong("hides-itself", keeps=lambda q, k: k < q),
        wrong("inverted", keeps=lambda q, k: k > q),
        wrong("transposed", keeps=lambda q, k: k >= q),
        wrong("one-ahead", keeps=lambda q, k: k <= q + 1),
        wrong("only-itself", keeps=lambda q, k: k == q),
        wrong("only-the-last", keeps=lambda q, k: k == q - 1),
        wrong("hides-nothing", keeps=lambda q, k: (k <= q) | (k > q)),
    ),
    accepted={
        "tril": lambda n: np.tril(np.ones((n, n), bool)),
        "tri": lambda n: np.tri(n, dtype=bool),
        "not triu": lambda n: ~np.triu(np.ones((n, n), bool), k=1),
        "lists": lambda n: [[s <= t for s in range(n)] for t in range(n)],
        "keras.ops": lambda n: keras().ops.tril(np.ones((n, n), bool)),
        "tlkeras.masks": lambda n: our_masks().causal_mask(n),
    },
)
