"""Learned positions stretched to another grid of patches, in NumPy."""

import numpy as np

SHARPNESS = -0.75  # of the cubic curve: PyTorch's value, and so that of checkpoints


def interpolation_matrix(new: int, old: int) -> np.ndarray:
    """How each of `new` places is mixed from `old` places.

    Cubic convolution (Keys 1981) with centres of pixels at halves, edges repeated,
    nothing smoothed when there are fewer places: what
    `torch.nn.functional.interpolate` computes with `mode="bicubic"`.

    Args:
        new: number of places wanted.
        old: number of places there are.

    Returns:
        A NumPy matrix `(new, old)`, each row of which sums to one.

    Example:

    >>> interpolation_matrix(2, 4).round(3).tolist()
    [[0.5, 0.594, -0.094, 0.0], [0.0, -0.094, 0.594, 0.5]]

    Reference:
        Dosovitskiy et al. (2020), arXiv:2010.11929, section 3.2 (positions of another
        image size).
    """
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    first = np.floor(centres).astype(int)
    matrix = np.zeros((new, old))
    for offset in (-1, 0, 1, 2):
        distance = np.abs(centres - (first + offset))
        place = np.clip(first + offset, 0, old - 1)
        np.add.at(matrix, (np.arange(new), place), _cubic(distance))
    return matrix


def _cubic(distance):
    """The weight of a place at some distance, below 2."""
    a, x = SHARPNESS, distance
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, far)


def stretch_positions(positions, old_grid, new_grid):
    """Positions of one grid of patches, resampled for another.

    Args:
        positions: floats `(T, D)`: of tokens in front, if any, then of the patches row
            by row. Those in front stay as they are.
        old_grid: `(rows, columns)` of the patches.
        new_grid: `(rows, columns)` wanted.

    Returns:
        Floats `(T', D)`.
    """
    front = len(positions) - old_grid[0] * old_grid[1]
    grid = positions[front:].reshape(*old_grid, -1)  # (rows, columns, D)
    rows, columns = map(interpolation_matrix, new_grid, old_grid)
    grid = np.einsum("ri,cj,ijd->rcd", rows, columns, grid)
    patches = grid.reshape(-1, positions.shape[-1])
    return np.concatenate([positions[:front], patches]).astype(positions.dtype)
