"""CMRC 2018: questions about passages of the Chinese Wikipedia, written by people.

3,219 questions with three answers each (`"dev"`) and 1,002 with one (`"trial"`).
CC BY-SA 4.0. The file to train with is too large for a public mirror of small files.

64 questions or so have an answer that does not stand in the passage word for word.

Reference:
    Cui et al. (2019), arXiv:1810.07366.
"""

from tlkeras.datasets._fetch import Source, fetch
from tlkeras.datasets.text.squad_files import Question, load

REPOSITORY = "ymcui/cmrc2018"
COMMIT = "c0eb1b6ba219847457e6af3180da722bbeb656af"
SHA256 = {
    "dev": "e9ff74231f05c230c6fa88b84441ee334d97234cbb610991cd94b82db00c7f1f",
    "trial": "f3fae95b57da8e03afb2b57467dd221417060ef4d82db13bf22fc88589f3a6f3",
}


def load_data(split: str = "dev") -> list[Question]:
    """The questions of one file.

    Args:
        split: `"dev"` or `"trial"`. Defaults to `"dev"`.

    Returns:
        A list of `squad_files.Question`.

    Raises:
        ValueError: there is no such split.
        DataError: the file cannot be had, or is damaged.
    """
    if split not in SHA256:
        raise ValueError(f"split must be one of {list(SHA256)}; given {split!r}.")
    path = f"squad-style-data/cmrc2018_{split}.json"
    return load(fetch(Source(REPOSITORY, COMMIT, path, SHA256[split])))
