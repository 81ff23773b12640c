"""What a path reads: a list of labels."""

from itertools import groupby, pairwise

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

from ._shared import BLANK, DECODERS, LIBRARY


def merged(path):
    """One of each run of equal neighbours."""
    return [symbol for symbol, _ in groupby(path)]


def dropped(path):
    """Without blanks."""
    return [symbol for symbol in path if symbol != BLANK]


def collapse(path, *, first=merged, then=dropped):
    """Merge equal neighbours, then drop blanks."""
    return np.array(then(first([int(symbol) for symbol in path])), int)


def as_integers(answer, path):
    """What is returned as integers, also where it is empty."""
    return np.array([int(symbol) for symbol in answer(path)], int)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def paths(pattern):
    """A path in which each letter stands for another label, and _ for the blank."""

    def draw(rng):
        letters = sorted(set(pattern) - {"_"})
        labels = 1 + rng.permutation(20)[: len(letters)]
        symbols = {"_": BLANK, **dict(zip(letters, labels, strict=True))}
        return (np.array([symbols[letter] for letter in pattern], int),)

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def once_each(path):
    """Each symbol only the first time (wrong)."""
    return list(dict.fromkeys(path))


def sorted_once(path):
    """Each symbol once, in order of its number (wrong)."""
    return sorted(set(path))


def until_blank(path):
    """What stands before the first blank behind a label (wrong)."""
    kept = []
    for symbol in path:
        if symbol == BLANK and kept:
            break
        if symbol != BLANK:
            kept.append(symbol)
    return kept


def without_first(path):
    """Where a symbol differs from the one before: the first has none (wrong)."""
    return [b for a, b in pairwise(path) if a != b]


def without_last(path):
    """A run is noted when the next one begins: the last has none (wrong)."""
    return [a for a, b in pairwise(path) if a != b]


def round_the_corner(path):
    """The first symbol is compared with the last one, `path[-1]` (wrong)."""
    return [path[i] for i in range(len(path)) if path[i] != path[i - 1]]


def runs_gone(path):
    """Only what stands alone (wrong)."""
    runs = [(symbol, len(list(run))) for symbol, run in groupby(path)]
    return [symbol for symbol, count in runs if count == 1 or symbol == BLANK]


wrong = mistakes("collapse", section="collapse")

EXERCISE = Exercise(
    name="collapse",
    section="collapse",
    points=2,
    reference=collapse,
    probe=as_integers,
    forbidden=(*LIBRARY, *DECODERS),
    cases=(
        Case("blank-between-equal", paths("abbc__d_d_")),
        Case("long-blank-between-equal", paths("aa___aab")),
        Case("equal-without-blank", paths("_aabbb_c")),
        Case("comes-again", paths("abab_ba")),
        Case("begins-and-ends-equal", paths("ab_ca")),
        Case("no-blank", paths("abc")),
        Case("label-at-both-ends", paths("aa_bb")),
        Case("blank-at-both-ends", paths("__ab__")),
        Case("only-blanks", paths("____")),
        Case("one-run", paths("aaaa")),
        Case("one-label", paths("a")),
        Case("one-blank", paths("_")),
        Case("empty", paths("")),
    ),
    misconceptions=(
        wrong("blanks-first", first=dropped, then=merged),
        wrong("not-merged", first=identity),
        wrong("blanks-kept", then=identity),
        wrong("once-each", first=once_each),
        wrong("sorted", first=sorted_once),
        wrong("until-blank", then=until_blank),
        wrong("first-lost", first=without_first),
        wrong("last-lost", first=without_last),
        wrong("round-the-corner", first=round_the_corner),
        wrong("runs-gone", first=runs_gone),
    ),
    accepted={
        "loop": lambda path: _loop(path),
        "arrays": lambda path: _arrays(path),
        "pairs": lambda path: _pairs(path),
        "text": lambda path: _text(path),
        "recursion": lambda path: _recursion(list(path)),
    },
)


def _loop(path):
    labels, before = [], None
    for symbol in path:
        if symbol != before and symbol != 0:
            labels.append(symbol)
        before = symbol
    return labels


def _arrays(path):
    path = np.asarray(path)
    new = np.ones(len(path), bool)
    new[1:] = path[1:] != path[:-1]
    return path[new & (path != 0)]


def _pairs(path):
    path = [0, *path]
    return [b for a, b in pairwise(path) if b not in (a, 0)]


def _text(path):
    import re

    text = "".join(chr(100 + symbol) for symbol in path)
    text = re.sub(r"(.)\1*", r"\1", text)
    return [ord(letter) - 100 for letter in text if letter != chr(100)]


def _recursion(path):
    if not path:
        return []
    rest = _recursion(path[1:])
    again = len(path) > 1 and path[1] == path[0]
    return rest if again or path[0] == 0 else [path[0], *rest]
