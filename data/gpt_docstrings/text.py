"""The text that the small GPT is pretrained on: docstrings, none of five packages.

python data/gpt_docstrings/text.py FOLDER OUTPUT

The same packages as for `bert_docstrings` (`corpus.py` there says what FOLDER is), but
docstrings as `tlkeras.datasets.whole_docstrings` gives them. OUTPUT gets them in random
order, with an empty line between two.

Nothing of Keras, Matplotlib, NumPy, SciPy and scikit-learn is here, which are kept for
tests and for adapting: no file is read whose path names one of them, and no docstring
has more than a tenth of its runs of eight words in common with theirs.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tlkeras.datasets import docstrings, whole_docstrings
from tlkeras.datasets.text._copies import normalized

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "bert_docstrings"))

from corpus import files, roots  # noqa: E402

RUN, SHARED = 8, 0.1  # words in a row; the share of runs that may be known


def runs(text):
    """Every run of eight words of a text, as hashes; a shorter text is one run."""
    words = normalized(text).split()
    count = max(1, len(words) - RUN + 1)
    return [hash(tuple(words[i : i + RUN])) for i in range(count)]


def held_out_runs():
    """The runs of the five packages."""
    found: set[int] = set()
    for name in docstrings.CLASSES:
        root = next(iter(find_spec(name).submodule_search_locations))
        for path in docstrings.source_files(root):
            for text in whole_docstrings.texts_of(path, set()):
                found.update(runs(text))
    return found


def main(folder, output):
    """Write the corpus; say how large it is."""
    seen: set[str] = set()
    texts = [
        text
        for root in roots(folder)
        for path in files(root)
        for text in whole_docstrings.texts_of(path, seen)
    ]
    known = held_out_runs()
    kept = [t for t in texts if np.mean([r in known for r in runs(t)]) <= SHARED]
    order = np.random.default_rng(0).permutation(len(kept))
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text("\n\n".join(kept[i] for i in order) + "\n", "utf-8")
    print(
        f"{len(kept)} docstrings, {sum(map(len, kept))} bytes; "
        f"left out as copies: {len(texts) - len(kept)}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
