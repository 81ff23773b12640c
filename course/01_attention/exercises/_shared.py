"""What several exercises of this lesson use."""

import numpy as np

# What these exercises ask a learner to write; reported if it is called instead.
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


def our_layers():
    """`tlkeras.layers`, loaded on first use."""
    import tlkeras.layers

    return tlkeras.layers


def our_masks():
    """`tlkeras.masks`, loaded on first use."""
    import tlkeras.masks

    return tlkeras.masks
