"""What a Transformer is trained with: its loss and its learning rate."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.masks import padding_mask
from tlkeras.models._arguments import refuse_unknown


@keras.saving.register_keras_serializable(package="tlkeras")
class LabelSmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy against targets that are not quite sure, without the padding.

    The target of a token with label y is `(1 − ε) · onehot(y) + ε / V`. The loss is the
    mean over all tokens of a batch that are not padding; a batch of nothing else has
    the loss 0. Axes: B batch, T length, V vocabulary.

    Args:
        label_smoothing: ε, in [0, 1). Defaults to 0.1.
        padding_id: the label that is left out. Defaults to 0.
        name: of the loss. Defaults to `"label_smoothed_cross_entropy"`.

    Call arguments:
        y_true: integers `(B, T)`.
        y_pred: logits `(B, T, V)`.

    Returns:
        A number.

    Raises:
        ValueError: `label_smoothing` is out of range.

    Example: two tokens of which the second is padding, and V = 4 alike logits.

    >>> import numpy as np
    >>> loss = LabelSmoothedCrossEntropy()(np.array([[1, 0]]), np.zeros((1, 2, 4)))
    >>> round(float(loss), 3)  # log 4
    1.386

    Reference:
        Szegedy et al. (2015), arXiv:1512.00567, section 7; Vaswani et al. (2017),
        arXiv:1706.03762, section 5.4.
    """

    def __init__(
        self,
        label_smoothing=0.1,
        padding_id=0,
        name="label_smoothed_cross_entropy",
        **kwargs,
    ):
        refuse_unknown(LabelSmoothedCrossEntropy, kwargs, ("reduction", "dtype"))
        kwargs.setdefault("reduction", "sum")  # `call` divides by the count
        super().__init__(name=name, **kwargs)
        self.label_smoothing = check.rate("label_smoothing", label_smoothing)
        self.padding_id = padding_id

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, "int32")  # (B, T)
        log_probability = ops.log_softmax(ops.cast(y_pred, "float32"))  # (B, T, V)
        right = ops.take_along_axis(log_probability, y_true[..., None], -1)[..., 0]
        even = ops.mean(log_probability, axis=-1)  # (B, T)
        loss = -(1 - self.label_smoothing) * right - self.label_smoothing * even
        real = ops.cast(padding_mask(y_true, self.padding_id), "float32")  # (B, T)
        return loss * real / ops.maximum(ops.sum(real), 1.0)  # (B, T)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "label_smoothing": self.label_smoothing,
            "padding_id": self.padding_id,
        }


@keras.saving.register_keras_serializable(package="tlkeras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Raise the learning rate linearly, then let it fall with the root of the step.

    `rate = scale · D^−½ · min(step^−½, step · W^−1.5)`, counted from step 1; it is
    largest at step W, where it is `scale / √(D · W)`.

    Args:
        hidden_dim: D, the size of the model.
        warmup_steps: W. Defaults to 4000.
        scale: a factor. Defaults to 1.

    Call arguments:
        step: how many steps were done before this one, from 0.

    Returns:
        The learning rate, a number.

    Raises:
        ValueError: an argument is not above 0.

    Example:

    >>> round(float(WarmUp(hidden_dim=512)(3999)), 6)  # the largest
    0.000699

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 5.3, equation 3.
    """

    def __init__(self, hidden_dim, warmup_steps=4000, scale=1.0):
        super().__init__()
        given = {"hidden_dim": hidden_dim, "warmup_steps": warmup_steps, "scale": scale}
        for name, value in given.items():
            check.positive_number(name, value)
        self.hidden_dim, self.warmup_steps = hidden_dim, warmup_steps
        self.scale = scale

    def __call__(self, step):
        step = ops.cast(step, "float32") + 1.0
        rate = ops.minimum(step**-0.5, step * self.warmup_steps**-1.5)
        return self.scale * self.hidden_dim**-0.5 * rate

    def get_config(self) -> dict[str, Any]:
        return {
            "hidden_dim": self.hidden_dim,
            "warmup_steps": self.warmup_steps,
            "scale": self.scale,
        }
