"""Exercises of lesson 01, and answers to them that several tests give."""

import numpy as np

from tlkeras.course import lesson

EXERCISES = lesson("01_attention").exercises
SOFTMAX = EXERCISES["softmax"]
ATTENTION = EXERCISES["scaled_dot_product_attention"]


def right(query, key, value, mask=None):
    logits = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    if mask is not None:
        logits = np.where(mask, logits, -1e9)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ value


def softmax_in_place(x):
    x -= x.max(-1, keepdims=True)
    np.exp(x, out=x)
    return x / x.sum(-1, keepdims=True)


def raising(error):
    def answer(*args):
        raise error

    return answer
