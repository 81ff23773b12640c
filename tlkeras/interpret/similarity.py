"""Whether two layers, or two models, hold the same things."""

import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Linear centred kernel alignment of two sets of features of the same examples.

        CKA = ‖Yᵀ X‖² / (‖Xᵀ X‖ ‖Yᵀ Y‖),   Frobenius norms, columns centred

    1 if the features are the same but for a rotation and one scale; other linear maps
    change it. With fewer examples than features, random ones look alike, too: take many
    more examples.

    Args:
        x: features `(examples, D)`.
        y: features `(examples, E)` of the same examples, in the same order.

    Returns:
        A number from 0 to 1; NaN if the features of one are all alike.

    Raises:
        ValueError: the numbers of examples differ, or something is not finite.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(linear_cka(x, -2 * x[:, ::-1]), 6)
    1.0

    Reference:
        Kornblith et al. (2019), arXiv:1905.00414, section 3.
    """
    centred = []
    for name, given in (("x", x), ("y", y)):
        values = np.asarray(ops.convert_to_numpy(given), dtype="float64")
        check.axes(name, values.shape, "examples D")
        check.finite(name, values)
        centred.append(values - values.mean(axis=0))
    a, b = centred
    if len(a) != len(b):
        raise ValueError(
            f"x and y must be of the same examples; given {len(a)} and {len(b)} rows."
        )
    norms = [np.linalg.norm(pair[0].T @ pair[1]) for pair in ((b, a), (a, a), (b, b))]
    alike = norms[1] * norms[2]
    return float(norms[0] ** 2 / alike) if alike else float("nan")
