"""DialogSum: everyday conversations in English, and summaries of them by people.

500 to validate with, one summary each, and 500 to test, three each. CC BY-NC-SA 4.0.

Reference:
    Chen et al. (2021), arXiv:2105.06762.
"""

import json
from typing import NamedTuple

from tlkeras.datasets._fetch import DataError, Source, fetch

REPOSITORY = "cylnlp/dialogsum"
COMMIT = "848cc8c05e0a04def79326539de827f1b28786a0"
SHA256 = {
    "dev": "436721e0a3571eef7072964f80e042fb151d8c6178db1a688ce8f803bbf0a13f",
    "test": "6de36eca7e7b9b10975fd5ea3f47391df172d8b3c15d03d84d763cbaab015fda",
}
SUMMARIES = {"dev": ("summary",), "test": ("summary1", "summary2", "summary3")}


class Dialogue(NamedTuple):
    """A conversation, one turn a line, and what people made of it in few words."""

    text: str
    summaries: tuple[str, ...]


def load_data(split: str = "test") -> list[Dialogue]:
    """One split.

    Args:
        split: `"dev"` or `"test"`. Defaults to `"test"`.

    Returns:
        A list of 500 `Dialogue`.

    Raises:
        ValueError: there is no such split.
        DataError: the file cannot be had, or is damaged.
    """
    if split not in SHA256:
        raise ValueError(f"split must be one of {list(SHA256)}; given {split!r}.")
    name = f"DialogSum_Data/dialogsum.{split}.jsonl"
    path = fetch(Source(REPOSITORY, COMMIT, name, SHA256[split]))
    dialogues = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            summaries = tuple(row[key].strip() for key in SUMMARIES[split])
            dialogues.append(Dialogue(row["dialogue"].strip(), summaries))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}:{number} must be a JSON object with a dialogue and "
                f"{', '.join(SUMMARIES[split])}; {error}."
            ) from error
    return dialogues
