"""An image becomes a sequence of patches, each one a vector."""

import keras

from tlkeras.layers._patches import GridEmbedding


@keras.saving.register_keras_serializable(package="tlkeras")
class PatchEmbedding(GridEmbedding):
    """Cut an image into patches and project each one linearly.

    `zₚ = xₚ E + b`, with `xₚ` the pixels of patch p in row-major order. This equals a
    convolution whose stride is its kernel size; the weights have the layout of
    `keras.layers.Conv2D`, so those of a convolution fit.

    Axes: B batch, H height, W width, C channels, P patches, D model size.

    Masking: images have no mask, and with `padding="same"` every patch holds real
    pixels, so there is none to make.

    Args:
        patch_size: height and width of a patch in pixels, an integer or a pair.
        hidden_dim: D.
        padding: `"valid"`: sizes that the patch does not divide are an error.
            `"same"`: zeros complete them, half before and half after, the odd one
            after, as in Keras. Defaults to `"valid"`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        use_bias: add b. Defaults to `True`.
        kernel_initializer: of E. Defaults to `"glorot_uniform"`.
        bias_initializer: of b. Defaults to `"zeros"`.

    Call arguments:
        inputs: floats `(B, H, W, C)`, or `(B, C, H, W)` with `"channels_first"`.

    Returns:
        Floats `(B, P, D)`, patches in row-major order.

    Raises:
        ValueError: a size is not a positive integer, the input has other axes or
            channels, is not finite floats, or is not divided by `patch_size` while
            `padding="valid"`.

    Example:

    >>> import numpy as np
    >>> images = np.random.rand(2, 32, 48, 3)
    >>> tuple(PatchEmbedding(patch_size=16, hidden_dim=8)(images).shape)
    (2, 6, 8)

    Reference:
        Dosovitskiy et al. (2020), arXiv:2010.11929, section 3.1, equation 1.
    """

    name_of_input, name_of_size, axes = "images", "patch_size", ("H", "W")

    def __init__(
        self,
        patch_size,
        hidden_dim,
        padding="valid",
        data_format=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._configure(
            patch_size,
            hidden_dim,
            padding,
            data_format,
            use_bias,
            kernel_initializer,
            bias_initializer,
        )
