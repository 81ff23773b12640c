"""What several exercises of this lesson use."""

import numpy as np

ATTENTIONS = (
    "keras.layers.AdditiveAttention",
    "keras.layers.Attention",
    "keras.layers.GroupQueryAttention",
    "keras.layers.MultiHeadAttention",
    "keras.ops.dot_product_attention",
    "keras_hub.layers",
    "tlkeras.layers",
)
MASKS = ("tlkeras.masks",)


def half(x):
    """Go on in 16-bit numbers, which have three digits and end at 65,504."""
    return x.astype(np.float16)


def _layers():
    import tlkeras.layers

    return tlkeras.layers


def _masks():
    import tlkeras.masks

    return tlkeras.masks
