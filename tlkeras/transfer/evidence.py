"""How well features suit labels, before anything is trained: LogME."""

import numpy as np
from numpy.typing import ArrayLike


def logme(features: ArrayLike, labels: ArrayLike) -> float:
    """The log evidence of a linear model on features, per example: higher is better.

    For each class, a linear model with a prior on its weights w explains the one-hot
    target y from the features F:

        w ~ N(0, I / α),  y ~ N(F w, I / β),  log p(y) = log ∫ p(y | w) p(w) dw

    α and β are those with the highest evidence; what comes out is the mean over classes
    of log p(y) / N. No weight is fitted and no example is kept apart, so it cannot be
    overfitted as a training accuracy is. Axes: N examples, D features.

    With t = α / β the best β is known, and t is sought on a grid that is refined four
    times, from 1e-8 to 1e8 of the largest squared singular value of F.

    Args:
        features: numbers `(N, D)`. The model has no constant of its own: subtract the
            mean of each feature before you compare.
        labels: integers `(N,)`; of at least two classes. A class without an example
            does not count.

    Returns:
        Nats per example.

    Raises:
        ValueError: the shapes do not fit, a feature is not finite, or there is one
            class.

    Example:

    >>> import numpy as np
    >>> labels = np.array([0, 0, 0, 1, 1, 1])
    >>> good = np.array([[-1.0], [-1.1], [-0.9], [1.0], [1.1], [0.9]])
    >>> bad = np.array([[-1.0], [1.1], [-0.9], [1.0], [-1.1], [0.9]])
    >>> logme(good, labels) > logme(bad, labels)
    True

    Reference:
        You, Liu, Wang & Long (2021), arXiv:2102.11005.
    """
    features, labels = np.asarray(features, "float64"), np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1] or not features.size:
        raise ValueError(
            "features must be (N, D) and labels (N,), with an example and a feature; "
            f"given {features.shape} and {labels.shape}."
        )
    if not np.isfinite(features).all():
        raise ValueError("features must be finite; given some that are not.")
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError("labels must be of at least two classes; given one.")
    targets = (labels[:, None] == classes).astype("float64")  # (N, C)
    left, sizes, _ = np.linalg.svd(features, full_matrices=False)  # (N, R), (R,)
    along = (left.T @ targets) ** 2  # (R, C), what F can reach of each target
    beyond = np.maximum((targets**2).sum(axis=0) - along.sum(axis=0), 0)  # (C,)
    middle = np.log(sizes[0] ** 2 or 1.0) + np.zeros(len(classes))
    width = np.log(1e8)
    for _ in range(5):
        grid = middle + np.linspace(-width, width, 65)[:, None]  # (G, C), of log t
        found = _evidence(np.exp(grid), sizes**2, along, beyond, len(labels))
        middle = grid[found.argmax(axis=0), np.arange(len(classes))]
        width /= 32
    return float(found.max(axis=0).mean())


def _evidence(t, squares, along, beyond, count):
    """Log evidence per example (G, C), for t = α / β (G, C) and the best β."""
    share = t[..., None] / (squares + t[..., None])  # (G, C, R)
    misfit = (share * along.T).sum(axis=-1) + beyond  # y (I + F Fᵀ / t)⁻¹ y
    misfit = np.maximum(misfit, np.finfo("float64").tiny)
    log_det = -np.log(share).sum(axis=-1)  # of I + F Fᵀ / t
    return -0.5 * (np.log(2 * np.pi * misfit / count) + 1 + log_det / count)
