"""Sentences from the docstrings of installed packages; no network needed.

The task: which of five packages was a sentence written for? The packages' own names
are masked, so is everything that is not prose. It is a real and rather hard task: NumPy
and SciPy write alike.

No leaks: a split holds whole source files, so no docstring is in two of them; sentences
that several packages use are left out; so are those of training and validation that
nearly repeat one of the test split.

What comes out depends on the versions installed: state them beside results.

Licences: BSD (NumPy, SciPy, scikit-learn), Apache 2.0 (Keras), Matplotlib's own.
"""

import ast
import functools
import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tlkeras.datasets.text._copies import normalized, without_copies

CLASSES = ("keras", "matplotlib", "numpy", "scipy", "sklearn")
MASK = "this package"
# Names of the packages, and of others that would give them away.
NAMES = re.compile(
    r"[\w.]*\b(numpy|np|scipy|scikit|sklearn|keras|tensorflow|tf|jax|torch|pytorch|"
    r"matplotlib|mpl|pyplot|plt|pylab|theano)\b(-learn)?(\.\w+)*",
    re.IGNORECASE,
)
SKIPPED = re.compile(r"(^|/)(_?tests?|testing|externals|_vendor|_?api)(/|$)|test_|_pb2")
SHARES = {"test": 0.25, "validation": 0.1}
WORDS = (6, 40)  # the shortest and the longest sentence


def load_data(
    per_package: int = 1500, seed: int = 0
) -> tuple[tuple[list[str], np.ndarray], ...]:
    """Three splits, with as many sentences of each package as can be had up to a limit.

    Args:
        per_package: sentences of one package, all splits together. Defaults to 1500.
        seed: of the order of files. Defaults to 0.

    Returns:
        `(train_texts, train_labels), (validation_texts, …), (test_texts, …)`: lists of
        strings; labels are integers `(n,)`, places in `CLASSES`.

    Raises:
        ModuleNotFoundError: one of the packages is not installed.
    """
    splits: dict[str, list] = {"train": [], "validation": [], "test": []}
    for label, name in enumerate(CLASSES):
        rng = np.random.default_rng((seed, label))
        for split, text in _sample(name, per_package, rng):
            splits[split].append((text, label))
    _drop_shared(splits)
    test = [text for text, _ in splits["test"]]
    for name, others in (("validation", test), ("train", None)):
        others = (
            [*test, *(t for t, _ in splits["validation"])] if others is None else test
        )
        kept = without_copies([text for text, _ in splits[name]], others)
        splits[name] = [splits[name][i] for i in kept]
    return tuple(
        ([text for text, _ in rows], np.array([label for _, label in rows], "int32"))
        for rows in splits.values()
    )


def _sample(name, count, rng):
    """Pairs of split and sentence, file by file in random order."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    files = source_files(next(iter(spec.submodule_search_locations)))
    rest, total = dict.fromkeys(SHARES, 0), 0
    seen: set[str] = set()
    for number in rng.permutation(len(files)):
        new: dict[str, str] = {}
        for text in _sentences(files[number]):
            new.setdefault(normalized(text), text)
        found = [text for key, text in new.items() if key not in seen]
        seen |= set(new)
        # The split that lacks most of its share gets the whole file.
        split = max(rest, key=lambda s: SHARES[s] * total - rest[s])
        if SHARES[split] * total <= rest[split]:
            split = "train"
        else:
            rest[split] += len(found)
        for text in found[: count - total]:
            yield split, text
        total += len(found)
        if total >= count:
            return


def source_files(root: Path | str) -> list[Path]:
    """The source files of a package, sorted, without its tests and copies of others.

    Args:
        root: the folder of the package.
    """
    return [
        path
        for path in sorted(Path(root).rglob("*.py"))
        if not SKIPPED.search(path.relative_to(root).as_posix())
    ]


def all_docstrings(path: Path) -> tuple[str, ...]:
    """The docstrings of one source file, none if it cannot be parsed.

    Args:
        path: of the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return ()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, documented)]
    return tuple(ast.get_docstring(node) or "" for node in nodes)


@functools.cache
def _sentences(path):
    """All sentences of one source file; files are parsed once a session."""
    return tuple(
        sentence
        for docstring in all_docstrings(path)
        for paragraph in re.split(r"\n\s*\n", docstring)
        for sentence in prose(paragraph)
    )


def prose(paragraph: str) -> Iterator[str]:
    """Whole sentences of a paragraph, names of packages masked.

    Args:
        paragraph: of a docstring; code, a list, a table or a heading gives nothing.

    Yields:
        Strings of `WORDS` words.
    """
    if re.search(r"^\s*(>>>|\.\.|:|-|\*|\||@|#)|---|===|::|^\s{4}", paragraph, re.M):
        return
    text = re.sub(r":\w+(:\w+)?:(?=`)", "", " ".join(paragraph.split()))
    text = re.sub(r"[`*~$\\]+", "", text)
    for sentence in re.split(r"(?<=[a-z)][.!?])\s+(?=[A-Z])", text):
        words = sentence.split()
        prose = sum(c.isalpha() or c.isspace() for c in sentence)
        whole = re.match(r"[A-Z]", sentence) and sentence.endswith((".", "!", "?"))
        if whole and WORDS[0] <= len(words) <= WORDS[1] and prose > 0.9 * len(sentence):
            yield NAMES.sub(MASK, sentence)


def _drop_shared(splits):
    """Leave out sentences that stand in several places."""
    count: dict[str, int] = {}
    for rows in splits.values():
        for text, _ in rows:
            count[normalized(text)] = count.get(normalized(text), 0) + 1
    for name, rows in splits.items():
        splits[name] = [row for row in rows if count[normalized(row[0])] == 1]
