"""Docstrings without their first line, and that line: summaries written by people.

The task: read what follows the first line of a docstring, and write that line. People
wrote it to say in one sentence what comes below; no network is needed.

No leaks: a first line that stands in its own text again is left out; a split holds
whole source files; a line stands once in all the splits; training has nothing whose
line or text nearly repeats one of the tests. Of lines that begin with the same two
words, such as "Return the", there are a fiftieth of a package at most. One package is
kept for a second test, as nothing is trained on it.

What comes out depends on the versions installed: state them beside results.

Licences: BSD (NumPy, SciPy, scikit-learn), Apache 2.0 (Keras), Matplotlib's own.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tlkeras.datasets.text._copies import normalized, without_copies
from tlkeras.datasets.text.docstrings import all_docstrings, source_files
from tlkeras.datasets.text.whole_docstrings import plain

PACKAGES = ("keras", "matplotlib", "scipy", "sklearn")
NEW_PACKAGE = "numpy"
SHARES = {"test": 0.12, "validation": 0.06}
LINE_WORDS = (3, 16)
TEXT_WORDS = (20, 400)
COMPARED = 100  # words of a text, from its beginning


class Summary(NamedTuple):
    """What stands below the first line of a docstring, and the line."""

    text: str  # paragraphs and entries, one a line
    line: str
    package: str


def load_data(
    per_package: int = 1500, seed: int = 0
) -> tuple[list[Summary], list[Summary], list[Summary], list[Summary]]:
    """Four splits, each in random order.

    Args:
        per_package: the most that is read of one package, all splits together. Defaults
            to 1500.
        seed: of the order of files and of rows. Defaults to 0.

    Returns:
        To train on, to validate and to test with, of `PACKAGES`; and to test with, of
        `NEW_PACKAGE`: lists of `Summary`.

    Raises:
        ModuleNotFoundError: one of the packages is not installed.
    """
    seen: set[str] = set()
    splits: dict[str, list[Summary]] = {"test": [], "validation": [], "train": []}
    new = [row for row, _ in _sample(NEW_PACKAGE, per_package // 3, seed, seen)]
    for name in PACKAGES:
        for row, split in _sample(name, per_package, seed, seen):
            splits[split].append(row)
    tests = splits["test"] + new
    validation = _unlike(splits["validation"], tests)
    train = _unlike(splits["train"], [*tests, *validation])
    rng = np.random.default_rng(seed)
    train, validation, test, new = (
        [rows[i] for i in rng.permutation(len(rows))]
        for rows in (train, validation, splits["test"], new)
    )
    return train, validation, test, new


def _sample(name, count, seed, seen):
    """Rows of a package, each with its split, file by file in random order."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    files = source_files(next(iter(spec.submodule_search_locations)))
    rng = np.random.default_rng([seed, *name.encode()])
    found: list[tuple[Summary, str]] = []
    sizes: Counter[str] = Counter()
    begun: Counter[tuple] = Counter()  # lines that begin with the same two words
    for number in rng.permutation(len(files)):
        # The split that lacks most of its share gets the whole file.
        lack = {s: share * len(found) - sizes[s] for s, share in SHARES.items()}
        split = max(lack, key=lack.__getitem__)
        split = split if lack[split] > 0 else "train"
        for row in summaries_of(files[number], name):
            key, start = normalized(row.line), tuple(row.line.lower().split()[:2])
            if key in seen or begun[start] >= max(1, count // 50):
                continue
            seen.add(key)
            begun[start] += 1
            sizes[split] += 1
            found.append((row, split))
            if len(found) == count:
                return found
    return found


@functools.cache  # files are parsed once a session
def summaries_of(path: Path, package: str) -> tuple[Summary, ...]:
    """What can be had from the docstrings of one source file.

    Args:
        path: of the file.
        package: its name, for the rows.
    """
    found = (divided(docstring) for docstring in all_docstrings(path))
    return tuple(Summary(*both, package) for both in found if both)


def divided(docstring: str) -> tuple[str, str] | None:
    """The text of a docstring and its first line, `None` if it has no such pair.

    Args:
        docstring: as `ast.get_docstring` gives it.
    """
    first, _, rest = docstring.partition("\n\n")
    if len(first.splitlines()) > 2 or not rest.strip():
        return None
    line = plain(first).removesuffix(".")
    sentence = re.fullmatch(r"[A-Z](?!.*[.:!?] ).*[\w)\]]", line)
    if not sentence or not _within(line, LINE_WORDS):
        return None
    text = plain(rest)
    if not _within(text, TEXT_WORDS) or normalized(line) in normalized(text):
        return None
    return text, line


def _within(text, limits):
    return limits[0] <= len(text.split()) <= limits[1]


def _unlike(rows: list[Summary], others: Iterable[Summary]) -> list[Summary]:
    """Those of which neither line nor text nearly repeats one of the others."""
    kept = without_copies([row.line for row in rows], [row.line for row in others])
    rows = [rows[i] for i in kept]
    kept = without_copies(*([_head(row) for row in some] for some in (rows, others)))
    return [rows[i] for i in kept]


def _head(row):
    return " ".join(row.text.split()[:COMPARED])
