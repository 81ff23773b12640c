"""A video becomes a sequence of tubelets, each one a vector."""

import keras

from tlkeras.layers._patches import GridEmbedding


@keras.saving.register_keras_serializable(package="tlkeras")
class TubeletEmbedding(GridEmbedding):
    """Cut a video into blocks of frames × height × width and project each linearly.

    `zₚ = xₚ E + b`, with `xₚ` the pixels of block p: `PatchEmbedding` with time as one
    more axis. The weights have the layout of `keras.layers.Conv3D`.

    Axes: B batch, F frames, H height, W width, C channels, P tubelets, D model size.

    Masking: none is read or made, as for `PatchEmbedding`.

    Args:
        tubelet_size: frames, height and width of a tubelet, an integer or a triple.
        hidden_dim: D.
        padding: `"valid"`: sizes that the tubelet does not divide are an error.
            `"same"`: zeros complete them, half before and half after, the odd one
            after, as in Keras. Defaults to `"valid"`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        use_bias: add b. Defaults to `True`.
        kernel_initializer: of E. Defaults to `"glorot_uniform"`.
        bias_initializer: of b. Defaults to `"zeros"`.

    Call arguments:
        inputs: floats `(B, F, H, W, C)`, or `(B, C, F, H, W)` with `"channels_first"`.

    Returns:
        Floats `(B, P, D)`, tubelets ordered by time, then row, then column.

    Raises:
        ValueError: a size is not a positive integer, the input has other axes or
            channels, is not finite floats, or is not divided by `tubelet_size` while
            `padding="valid"`.

    Example:

    >>> import numpy as np
    >>> video = np.random.rand(2, 8, 32, 48, 3)
    >>> tuple(TubeletEmbedding(tubelet_size=(2, 16, 16), hidden_dim=8)(video).shape)
    (2, 24, 8)

    Reference:
        Arnab et al. (2021), arXiv:2103.15691, section 3.2, tubelet embedding.
    """

    name_of_input, name_of_size, axes = "videos", "tubelet_size", ("F", "H", "W")

    def __init__(
        self,
        tubelet_size,
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
            tubelet_size,
            hidden_dim,
            padding,
            data_format,
            use_bias,
            kernel_initializer,
            bias_initializer,
        )
