"""Handwritten digits that move in eight directions, with captions."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

FRAMES, SIDE, STEP = 4, 16, 2  # frames, pixels, pixels a frame
DIRECTIONS = {
    "left": (0, -1),
    "right": (0, 1),
    "up": (-1, 0),
    "down": (1, 0),
    "up left": (-1, -1),
    "down right": (1, 1),
    "up right": (-1, 1),
    "down left": (1, -1),
}
NUMBERS = ["zero", "one", "two", "three", "four"]
NUMBERS += ["five", "six", "seven", "eight", "nine"]
WORDS = ["[end]", *NUMBERS, "left", "right", "up", "down"]
CAPTIONS = [f"{number} {way}" for number in NUMBERS for way in DIRECTIONS]  # 80


class Videos(NamedTuple):
    """Videos and their captions, row by row.

    Args:
        frames: floats `(N, 4, 16, 16, 1)` from 0, paper, to 1, ink.
        captions: integers `(N,)`, places in `CAPTIONS`.
    """

    frames: np.ndarray
    captions: np.ndarray


def digits(test):
    """Digits of scikit-learn, 8 × 8 from 0 to 1, and what they are."""
    images, labels = load_digits(return_X_y=True)
    chosen = slice(1400, None) if test else slice(1400)
    return images[chosen].reshape(-1, 8, 8) / 16, labels[chosen]


def draw(rounds, seed, test=False):
    """Each caption once a round, with another digit and another place every time.

    The digit passes the middle of the picture, or a point one pixel beside it. Who
    moves left is in the same places as who moves right, in the opposite order.

    Args:
        rounds: videos of each caption.
        seed: of digits and places.
        test: whether the digits are those that are kept for tests.
    """
    random = np.random.default_rng(seed)
    images, labels = digits(test)
    captions = np.tile(np.arange(len(CAPTIONS)), rounds)
    ways = np.array(list(DIRECTIONS.values()))[captions % len(DIRECTIONS)]  # (N, 2)
    steps = STEP * np.arange(FRAMES) - STEP * (FRAMES - 1) // 2  # −3, −1, 1, 3
    middles = 4 + random.integers(-1, 2, (len(captions), 2))
    corners = middles[:, None] + steps[:, None] * ways[:, None]  # (N, F, 2)
    frames = np.zeros((len(captions), FRAMES, SIDE, SIDE, 1), "float32")
    for video, places, number in zip(
        frames, corners, captions // len(DIRECTIONS), strict=True
    ):
        digit = images[random.choice(np.flatnonzero(labels == number))]
        for frame, (top, left) in zip(video, places, strict=True):
            frame[top : top + 8, left : left + 8, 0] = digit
    return Videos(frames, captions)


def batches(seed, change):
    """For `learn`, without end: each of the 80 captions once, the frames changed."""
    random = np.random.default_rng(seed)
    texts = token_ids(CAPTIONS)
    while True:
        videos = draw(1, random)
        yield {"images": change(videos.frames), "texts": texts[videos.captions]}


def token_ids(captions):
    """Captions as integers (N, 4): a number, a word or two, the end."""
    rows = np.zeros((len(captions), 4), "int32")  # 0 is the end
    for row, caption in zip(rows, captions, strict=True):
        found = [WORDS.index(word) for word in caption.split()]
        row[: len(found)] = found
    return rows


def direction_of(logits, captions):
    """Which of eight directions fits best, where the number is known: integers (N,).

    Args:
        logits: `(N, 80)`, of each video with each caption.
        captions: integers `(N,)`: their numbers are looked at, not their directions.
    """
    by_number = logits.reshape(len(logits), len(NUMBERS), len(DIRECTIONS))
    own = by_number[np.arange(len(logits)), captions // len(DIRECTIONS)]  # (N, 8)
    return own.argmax(axis=1)
