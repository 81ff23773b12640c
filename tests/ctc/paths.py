"""What the probability of a text is by definition: every path, one after another."""

import itertools

import numpy as np


def log_probabilities(logits):
    x = np.asarray(logits, "float64")
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def all_paths(logits):
    """Text to the log-probabilities of all paths `(T, C)` that read so."""
    x = log_probabilities(logits)
    found = {}
    for path in itertools.product(range(x.shape[1]), repeat=len(x)):
        runs = [symbol for symbol, _ in itertools.groupby(path)]
        text = tuple(symbol for symbol in runs if symbol)
        score = sum(frame[symbol] for frame, symbol in zip(x, path, strict=True))
        found.setdefault(text, []).append((score, path))
    return found


def total(paths):
    """The logarithm of the sum of their probabilities."""
    return np.log(sum(np.exp(score) for score, _ in paths))
