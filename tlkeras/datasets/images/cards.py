"""Rows of eight cards, each with two handwritten digits, and two questions about each.

The left digits of a row are four digits, each on two of the cards: these two are
*twins*. The cards lie in a ring, so that every card has a previous one, and twins never
lie next to each other. The right digits are drawn freely.

The digits are those of `tlkeras.datasets.digits`; rows to train on and rows to test on
share no image.
"""

from typing import NamedTuple

import numpy as np

from tlkeras.datasets.images import digits

LENGTH = 8  # cards in a row


class Rows(NamedTuple):
    """Rows of cards, and what there is to know about each card.

    Args:
        pictures: floats `(rows, 8, 8, 16)`, two digits of 8 × 8 side by side, from 0
            (paper) to 1 (ink).
        right: integers `(rows, 8)`, the right digit.
        twin_place: integers `(rows, 8)`, where the card with the same left digit lies.
        previous: integers `(rows, 8)`, the right digit of the card before.
        twin: integers `(rows, 8)`, the right digit of the twin.
    """

    pictures: np.ndarray
    right: np.ndarray
    twin_place: np.ndarray
    previous: np.ndarray
    twin: np.ndarray


def load_data(
    train_count: int = 8000, test_count: int = 1000, seed: int = 0
) -> tuple[Rows, Rows]:
    """Deal rows to train on and rows to test on.

    Args:
        train_count: how many rows to train on. Defaults to 8000.
        test_count: how many rows to test on. Defaults to 1000.
        seed: of the dealing. Defaults to 0.

    Returns:
        Two `Rows`: to train on and to test on.
    """
    (images, labels), (test_images, test_labels) = digits.load_data()
    random = np.random.default_rng(seed)
    train = _deal(images, labels, train_count, random)
    return train, _deal(test_images, test_labels, test_count, random)


def _deal(images, labels, count, random):
    suits = random.permuted(np.tile(np.arange(10), (count, 1)), axis=1)[:, :4]
    left = np.take_along_axis(suits, _pairs_apart(count, random), axis=1)  # (count, 8)
    right = random.integers(0, 10, (count, LENGTH))
    same = left[:, :, None] == left[:, None, :]
    twin_place = (same & ~np.eye(LENGTH, dtype=bool)).argmax(axis=-1)
    faces = [_draw(digit, images, labels, random) for digit in (left, right)]
    return Rows(
        pictures=np.concatenate(faces, axis=-1),
        right=right,
        twin_place=twin_place,
        previous=np.roll(right, 1, axis=1),
        twin=np.take_along_axis(right, twin_place, axis=1),
    )


def _pairs_apart(count, random):
    """0 0 1 1 2 2 3 3 in any order in which no two of a kind are neighbours."""
    pairs = np.tile(np.repeat(np.arange(4), 2), (8 * count + 100, 1))
    pairs = random.permuted(pairs, axis=1)
    apart = (pairs != np.roll(pairs, 1, axis=1)).all(axis=1)  # about one in four
    return pairs[apart][:count]


def _draw(digit, images, labels, random):
    """An image of each digit, drawn from all images of it."""
    order = np.argsort(labels, kind="stable")
    start = np.searchsorted(labels[order], np.arange(11))
    low, high = start[digit], start[digit + 1]
    return images[order[random.integers(low, high)]]
