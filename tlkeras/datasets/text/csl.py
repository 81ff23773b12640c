"""CSL: abstracts of Chinese scientific papers, with their titles and subjects.

Apache-2.0, as its readme states.

Reference:
    Li et al. (2022), arXiv:2209.05034.
"""

from tlkeras.datasets._fetch import DataError, Source, fetch

REPOSITORY = "ydli-ai/CSL"
COMMIT = "0f1ac0626d584cd3c72f8be26d329eb4f967cfd0"
# Task → split → hash and number of rows.
FILES = {
    "ts": {
        "dev": (
            "63fc67552bdad69b392e89295c8055e2c1b8d5e8acf6fec614738056451ccb45",
            1000,
        ),
        "test": (
            "51900a71a26193525e98fa4e65c0e78ea4ca0b84cd1f0da0de0690ffdb85791d",
            1000,
        ),
    },
    "cls_ctg": {
        "train": (
            "a9680e3952b4f2d2bb70792ca94c391d956607bff48ffcc182cbe152d86b67f2",
            8000,
        ),
        "dev": (
            "7549de53ae2a29f1fe014b250ea53324b7dcaaca7b7ca5c10cb9f17fec769751",
            1000,
        ),
        "test": (
            "337cace3a8854f993dca462c9ae34e785beaccd016e11c938016c79c91ca9c83",
            1000,
        ),
    },
    "cls_dcp": {
        "dev": (
            "b266f09821c73fafd91eaa1b6e9fdf1805405f1266dee468426c4ec165eb9c4d",
            1000,
        ),
        "test": (
            "03111b39c5d705942bee1d5805864e888618275fd3db72c78baf1dccb45d97a9",
            1000,
        ),
    },
}


def load_data(task: str = "ts", split: str = "test") -> list[tuple[str, str]]:
    """One split of a task, as pairs of a text and what is to be made of it.

    Args:
        task: `"ts"`: abstract → title. `"cls_ctg"`: title → one of 13 categories.
            `"cls_dcp"`: abstract → one of 67 disciplines. Defaults to `"ts"`.
        split: `"dev"` or `"test"`; `"cls_ctg"` has `"train"` as well. Defaults to
            `"test"`.

    Returns:
        A list of pairs of strings.

    Raises:
        ValueError: there is no such task, or no such split of it.
        DataError: the file cannot be had, or is damaged.
    """
    if task not in FILES:
        raise ValueError(f"task must be one of {list(FILES)}; given {task!r}.")
    if split not in FILES[task]:
        raise ValueError(f"split must be one of {list(FILES[task])}; given {split!r}.")
    sha256, size = FILES[task][split]
    path = fetch(Source(REPOSITORY, COMMIT, f"benchmark/{task}/{split}.tsv", sha256))
    pairs = []
    lines = path.read_text("utf-8").rstrip("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            raise DataError(f"{path}:{number} must have three fields; given {line!r}.")
        pairs.append((fields[1].strip(), fields[2].strip()))
    if len(pairs) != size:
        raise DataError(f"{path} must hold {size} rows; it has {len(pairs)}.")
    return pairs
