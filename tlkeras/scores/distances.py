"""How far two sets of things lie apart, as vectors: made images and real ones."""

from typing import Any

import numpy as np

ROWS = 1024  # of a matrix of kernels at a time


def frechet_distance(first: Any, second: Any) -> float:
    """The Fréchet distance of two normal distributions with the sets' moments.

        |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)

    With the features of an Inception network it is called FID. Covariances divide by
    one less than the number of vectors. The estimate is too large for few vectors, all
    the more so the longer they are: compare only between sets of one size, and with the
    distance of two sets of real things. Axes: M and N vectors, D features.

    Args:
        first: `(M, D)`, M at least 2.
        second: `(N, D)`, N at least 2.

    Returns:
        A number of at least 0, computed in float64.

    Raises:
        ValueError: the shapes do not fit, a set has fewer than two vectors, or a number
            is not finite.

    Example: moved by 3, and of the same spread.

    >>> import numpy as np
    >>> first = np.array([[0.0], [1.0], [2.0]])
    >>> round(frechet_distance(first, first + 3), 6)
    9.0

    Reference:
        Heusel et al. (2017), arXiv:1706.08500, equation 6.
    """
    first, second = _checked(first, second)
    difference = first.mean(axis=0) - second.mean(axis=0)
    # The trace of (Σ₁ Σ₂)^½ is the sum of the singular values of A Bᵀ, where Σ₁ = Aᵀ A
    # and Σ₂ = Bᵀ B; no root of an unsymmetric matrix is needed.
    one, other = (_centred(x) for x in (first, second))
    if min(map(len, (one, other))) > first.shape[1]:
        one, other = (np.linalg.qr(x, mode="r") for x in (one, other))  # (D, D)
    both = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    found = difference @ difference + (one**2).sum() + (other**2).sum() - 2 * both
    return float(max(found, 0.0))


def kernel_distance(first: Any, second: Any) -> float:
    """The squared maximum mean discrepancy with a cubic kernel, without bias.

        mean k(x, x') + mean k(y, y') − 2 mean k(x, y),  k(a, b) = (a · b / D + 1)³

    The first two means leave out each vector with itself. With the features of an
    Inception network it is called KID. Two sets from one distribution are 0 apart on
    average, whatever their sizes; so half of the results are then below 0. Axes: M and
    N vectors, D features.

    Args:
        first: `(M, D)`, M at least 2.
        second: `(N, D)`, N at least 2.

    Returns:
        A number, computed in float64.

    Raises:
        ValueError: as of `frechet_distance`.

    Example:

    >>> import numpy as np
    >>> zeros, ones = np.zeros((3, 4)), np.ones((5, 4))
    >>> kernel_distance(zeros, ones)  # 1 + 8 − 2
    7.0

    Reference:
        Bińkowski et al. (2018), arXiv:1801.01401, section 4; Gretton et al. (2012),
        "A kernel two-sample test", lemma 6.
    """
    first, second = _checked(first, second)
    between = _kernel_sum(first, second) / (len(first) * len(second))
    return float(_within(first) + _within(second) - 2 * between)


def _within(x):
    """The mean kernel of two different vectors of a set."""
    itself = ((np.einsum("nd,nd->n", x, x) / x.shape[1] + 1) ** 3).sum()
    return (_kernel_sum(x, x) - itself) / (len(x) * (len(x) - 1))


def _kernel_sum(first, second):
    parts = (first[start : start + ROWS] for start in range(0, len(first), ROWS))
    size = first.shape[1]
    return sum(((rows @ second.T / size + 1) ** 3).sum() for rows in parts)


def _centred(x):
    """A, where Aᵀ A is the covariance."""
    return (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)


def _checked(first, second):
    """Both sets in float64, found sound."""
    sets = np.asarray(first, "float64"), np.asarray(second, "float64")
    for name, x in zip(("first", "second"), sets, strict=True):
        if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
            raise ValueError(
                f"{name} must be at least two vectors, (count, features); given shape "
                f"{x.shape}. Images need features first, or images.reshape(count, -1)."
            )
        if not np.isfinite(x).all():
            raise ValueError(f"{name} must be finite; it holds NaN or infinity.")
    if sets[0].shape[1] != sets[1].shape[1]:
        raise ValueError(
            "first and second must have the same features; given "
            f"{sets[0].shape[1]} and {sets[1].shape[1]}."
        )
    return sets
