"""Handwritten digits that ship with scikit-learn: 1,797 images of 8 × 8 pixels.

Reference:
    Alpaydin and Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI Machine
    Learning Repository, CC BY 4.0. scikit-learn carries its test part.
"""

import numpy as np

TEST_COUNT = 500


def load_data(seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Shuffle the digits and split them.

    Args:
        seed: of the shuffle. Defaults to 0.

    Returns:
        `(train_images, train_labels), (test_images, test_labels)`: images
        `(1297, 8, 8)` and `(500, 8, 8)`, float32 from 0 (paper) to 1 (ink); labels are
        integers from 0 to 9.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8).astype("float32") / 16
    order = np.random.default_rng(seed).permutation(len(images))
    test, train = order[:TEST_COUNT], order[TEST_COUNT:]
    return (images[train], labels[train]), (images[test], labels[test])
