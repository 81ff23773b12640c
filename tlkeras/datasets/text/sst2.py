"""SST-2: sentences of film reviews, negative or positive.

6,920 to train with, 872 to validate and 1,821 to test: the whole sentences of the
Stanford Sentiment Treebank without the neutral ones. Terms: for research.

Reference:
    Socher et al. (2013), *Recursive Deep Models for Semantic Compositionality Over a
    Sentiment Treebank*, EMNLP.
"""

import numpy as np

from tlkeras.datasets._fetch import DataError, Source, fetch

CLASSES = ("negative", "positive")
REPOSITORY = "clairett/pytorch-sentiment-classification"
COMMIT = "457ffd83de90a9d6d472d8ffc31bbffe40a8b236"
# Name of the file, its SHA-256, and how many sentences it holds.
FILES = (
    (
        "train",
        "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
        6920,
    ),
    ("dev", "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359", 872),
    ("test", "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7", 1821),
)


def load_data() -> tuple[tuple[list[str], np.ndarray], ...]:
    """The three splits.

    Returns:
        `(train_texts, train_labels), (validation_texts, …), (test_texts, …)`: lists of
        strings, in lower case and with spaces around signs; labels are integers `(n,)`,
        0 or 1 (see `CLASSES`).

    Raises:
        DataError: a file cannot be had, or is damaged.
    """
    return tuple(_split(*file) for file in FILES)


def _split(name, sha256, count):
    file = fetch(Source(REPOSITORY, COMMIT, f"data/SST2/{name}.tsv", sha256))
    rows = [row.rsplit("\t", 1) for row in file.read_text("utf-8").splitlines()]
    if len(rows) != count:
        raise DataError(f"{file} must hold {count} sentences; it has {len(rows)}.")
    texts = [text for text, _ in rows]
    return texts, np.array([int(label) for _, label in rows], dtype="int32")
