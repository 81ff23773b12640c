"""AG News: titles and first lines of news, in four topics.

The 7,600 articles of the original test set, 1,900 a topic, shuffled once and cut into
splits of our own; the original training set is not used. Articles that nearly repeat
one of the test split are left out of the others. Terms: for research, not commercial.

Reference:
    Zhang et al. (2015), arXiv:1509.01626, section 4.
"""

import csv
import html
import re

import numpy as np

from tlkeras.datasets._fetch import DataError, Source, fetch
from tlkeras.datasets.text._copies import without_copies

CLASSES = ("world", "sports", "business", "science and technology")
SOURCE = Source(
    "mhjabreel/CharCnn_Keras",
    "555590db4219b1243abb1918effd6a7425a2d75f",
    "data/ag_news_csv/test.csv",
    "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
)
COUNT, TEST_COUNT, VALIDATION_COUNT = 7600, 2000, 600


def load_data() -> tuple[tuple[list[str], np.ndarray], ...]:
    """Three splits.

    Returns:
        `(train_texts, train_labels), (validation_texts, …), (test_texts, …)`: lists of
        strings, about 5,000, 600 and 2,000; labels are integers `(n,)` from 0 to 3
        (see `CLASSES`).

    Raises:
        DataError: the file cannot be had, or is damaged.
    """
    file = fetch(SOURCE)
    with open(file, encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    if len(rows) != COUNT:
        raise DataError(f"{file} must hold {COUNT} articles; it has {len(rows)}.")
    texts = [_clean(f"{title}. {text}") for _, title, text in rows]
    labels = np.array([int(label) - 1 for label, _, _ in rows], dtype="int32")
    order = np.random.default_rng(0).permutation(COUNT)
    ends = (TEST_COUNT, TEST_COUNT + VALIDATION_COUNT)
    test, validation, train = np.split(order, ends)
    validation = _unlike(validation, test, texts)
    train = _unlike(train, [*test, *validation], texts)
    return tuple(
        ([texts[i] for i in part], labels[part]) for part in (train, validation, test)
    )


def _unlike(part, others, texts):
    kept = without_copies([texts[i] for i in part], [texts[i] for i in others])
    return part[kept]


def _clean(text):
    """Undo what the file's export did: `#39;` for an apostrophe, `\\` for a break."""
    text = re.sub(r" ?#(\d+);", lambda match: chr(int(match[1])), text)
    return " ".join(html.unescape(text.replace("\\", " ")).split())
