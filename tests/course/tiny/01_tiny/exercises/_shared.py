"""What both exercises use."""

import numpy as np


def table(rows, columns):
    """Inputs: one array of small normal numbers."""
    return lambda rng: (rng.normal(size=(rows, columns)).astype(np.float32),)
