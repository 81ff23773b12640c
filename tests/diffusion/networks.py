"""A small network to train and to sample with."""

import numpy as np

from tlkeras.models import DiffusionTransformer

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 8}


def network(num_classes=3, **arguments):
    """A small network whose weights are all random."""
    model = DiffusionTransformer(
        (4, 4, 1), 2, **SIZES, num_classes=num_classes, **arguments
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    return model
