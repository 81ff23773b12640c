"""Docstrings of installed packages as plain text, a paragraph a line; no network.

Unlike `docstrings`, which gives single sentences and hides what they are about, here a
docstring stays whole: its prose, its parameters, what it returns. Left out are
examples, references, tables and code, and the marks of reStructuredText.

A split holds whole source files, so no docstring is in two of them; one that stands in
several places is taken once. What comes out depends on the versions installed: state
them beside results.

Licence: that of the package; Matplotlib has its own, which is like Python's.
"""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tlkeras.datasets.text._copies import normalized
from tlkeras.datasets.text.docstrings import all_docstrings, source_files

SHARES = (0.4, 0.2, 0.4)  # of the source files: training, validation, test
LEFT_OUT = r"(?:Examples?|References?|See Also|Usage)\s*(?:::?|\n\s*[-=~]{3,})"
SECTION = re.compile(rf"^{LEFT_OUT}.*?(?=^\w[\w ]*\n\s*[-=~]{{3,}}|\Z)", re.M | re.S)
UNDERLINE = re.compile(r"^\s*[-=~^]{3,}\s*$\n?", re.M)
ENTRY = re.compile(r"\s*(:\w+(\s[\w*]+)?:|[*\w.\[\]'\"`]+\s*(\([^)]*\))?:|[-*+•])\s+")
CODE = re.compile(r">>>|^\s*(\.\.|\||\+-)|[-=]{3}|^\s*[@{}<$]", re.M)
WORDS = (5, 400)  # the shortest and the longest text


def load_data(
    package: str = "matplotlib", seed: int = 0
) -> tuple[list[str], list[str], list[str]]:
    """All docstrings of a package, in three splits and in random order.

    Args:
        package: one that is installed. Defaults to `"matplotlib"`.
        seed: of the order of files and of texts. Defaults to 0.

    Returns:
        Texts to train on, to validate and to test with: lists of strings.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    files = source_files(next(iter(spec.submodule_search_locations)))
    rng = np.random.default_rng(seed)
    order = [files[i] for i in rng.permutation(len(files))]
    ends = np.round(np.cumsum(SHARES) * len(order)).astype(int)
    seen: set[str] = set()
    splits: list[list[str]] = []
    for part in np.split(np.array(order, object), ends[:-1]):
        texts = [text for path in part for text in texts_of(path, seen)]
        splits.append([texts[i] for i in rng.permutation(len(texts))])
    train, validation, test = splits
    return train, validation, test


def texts_of(path: Path, seen: set[str]) -> Iterator[str]:
    """The docstrings of a source file as plain texts, without those seen before.

    Args:
        path: of the file.
        seen: what other files gave, normalised; it grows.

    Yields:
        One text a docstring.
    """
    for docstring in all_docstrings(path):
        text = plain(docstring)
        key = normalized(text)
        if WORDS[0] <= len(text.split()) <= WORDS[1] and key not in seen:
            seen.add(key)
            yield text


def plain(docstring: str) -> str:
    """A docstring without code and marks: a paragraph or the name of a section a line.

    Args:
        docstring: as `ast.get_docstring` gives it.
    """
    text = UNDERLINE.sub("\n", SECTION.sub("", docstring))
    lines = (_tidy(block) for block in _blocks(text))
    return "\n".join(line for line in lines if line)


def _blocks(text):
    """Paragraphs, and each entry of a list or of the parameters by itself."""
    for paragraph in re.split(r"\n\s*\n", text):
        if CODE.search(paragraph):
            continue
        lines: list[str] = []
        before, opened = 0, False
        for line in paragraph.splitlines():
            indent = len(line) - len(line.lstrip())
            entry = ENTRY.match(line)
            if lines and (entry or indent < before or (indent > before and not opened)):
                yield " ".join(lines)
                lines = []
            lines.append(line.strip())
            before, opened = indent, bool(entry)
        yield " ".join(lines)


def _tidy(line):
    """The line without marks, empty if it is not prose."""
    line = re.sub(r":\w+(:\w+)?:(?=`)", "", line)
    line = " ".join(re.sub(r"[`*~$\\]+", "", line).split())
    letters = sum(c.isalpha() or c.isspace() for c in line)
    return line if line.isascii() and letters > 0.8 * len(line) else ""
