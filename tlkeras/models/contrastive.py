"""What brings pairs together and keeps the rest apart: losses of CLIP and SigLIP."""

from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor


def contrastive_loss(logits: Tensor) -> Tensor:
    """How badly images find their texts among all, and texts their images (InfoNCE).

        loss = ½ (CE of rows + CE of columns),  CE of rows = −mean log softmax(L)ᵢᵢ

    Pair i stands in row i and column i; all other texts and images of the batch count
    as wrong, so that a batch should hold no two pairs of one name. Logits that say
    nothing give log B. Axes: B pairs.

    Args:
        logits: floats `(B, B)`, images in rows and texts in columns.

    Returns:
        A number, computed in float32.

    Raises:
        ValueError: there are not as many images as texts.

    Example: right, and no idea.

    >>> import numpy as np
    >>> round(float(contrastive_loss(5.0 * np.eye(4))), 3)
    0.02
    >>> round(float(contrastive_loss(np.zeros((4, 4)))), 3)  # log 4
    1.386

    Reference:
        Radford et al. (2021), arXiv:2103.00020, section 2.3 and figure 3; van den Oord
        et al. (2018), arXiv:1807.03748, section 2.3.
    """
    logits = _square(logits)
    rows, columns = (ops.log_softmax(logits, axis=axis) for axis in (1, 0))
    return -0.5 * ops.mean(ops.diagonal(rows) + ops.diagonal(columns))


def sigmoid_contrastive_loss(logits: Tensor) -> Tensor:
    """How badly each image and text are told to belong together or not, pair by pair.

        loss = −(1/B) Σᵢⱼ log σ(zᵢⱼ Lᵢⱼ),  zᵢⱼ = 1 where i = j, and −1 elsewhere

    No row needs the others, so that pairs can be added up in any order; there are B
    right ones and B² − B wrong ones, which is why SigLIP's logits have a bias that
    starts at −10. Axes: B pairs.

    Args:
        logits: floats `(B, B)`, images in rows and texts in columns.

    Returns:
        A number, computed in float32.

    Raises:
        ValueError: there are not as many images as texts.

    Example:

    >>> import numpy as np
    >>> round(float(sigmoid_contrastive_loss(40.0 * np.eye(4) - 20)), 3)
    0.0

    Reference:
        Zhai et al. (2023), arXiv:2303.15343, section 3.2.
    """
    logits = _square(logits)
    signs = 2 * ops.eye(logits.shape[0] or ops.shape(logits)[0]) - 1
    return -ops.mean(ops.sum(ops.log_sigmoid(signs * logits), axis=1))


def _square(logits):
    """The logits in float32, found to be of pairs."""
    check.axes("logits", logits.shape, "images texts")
    images, texts = logits.shape
    if None not in (images, texts) and images != texts:
        raise ValueError(
            "logits must have a text for each image, (B, B); given shape "
            f"{tuple(logits.shape)}."
        )
    return ops.cast(logits, "float32")
