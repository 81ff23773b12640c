"""What several exercises compute with."""

import numpy as np


def unit(x, axis=-1):
    """Divided by its length along an axis."""
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def softmax(logits, axis=-1):
    """Probabilities along an axis."""
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(logits, axis=-1):
    """Logarithms of probabilities along an axis."""
    logits = logits - logits.max(axis=axis, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=axis, keepdims=True))
