"""ROUGE-L of a summary: its longest common subsequence with the reference."""

import difflib
import functools
from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from .rouge_n import as_three, harmonic, share, three_numbers, units


def longest(a, b):
    """The length of the longest sequence that stands in both, with gaps."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            if left == right:
                table[i + 1, j + 1] = table[i, j] + 1
            else:
                table[i + 1, j + 1] = max(table[i, j + 1], table[i + 1, j])
    return int(table[-1, -1])


def longest_run(a, b):
    """Without gaps."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            if left == right:
                table[i + 1, j + 1] = table[i, j] + 1
    return int(table.max())


def reset(a, b):
    """The last place of a table that begins again where two units differ."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            if left == right:
                table[i + 1, j + 1] = table[i, j] + 1
    return int(table[-1, -1])


def from_beside(a, b):
    """One more than the best neighbour, so that a unit matches several times."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            beside = max(table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = beside + (left == right)
    return int(table[-1, -1])


def from_the_left(a, b):
    """One more than the left neighbour: all rows of the table are one."""
    row = [0] * (len(b) + 1)
    for left in a:
        for j, right in enumerate(b):
            row[j + 1] = row[j] + 1 if left == right else max(row[j], row[j + 1])
    return row[-1]


def from_above(a, b):
    """One more than the neighbour above."""
    return from_the_left(b, a)


def wrapped(a, b):
    """A table without zeros in front: −1 is the last row, or column."""
    table = np.zeros((len(a), len(b)), int)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            beside = max(table[i - 1, j], table[i, j - 1])
            table[i, j] = table[i - 1, j - 1] + 1 if left == right else beside
    return int(table[-1, -1]) if table.size else 0


def any_order(a, b):
    """Words that both have, as often as both have them."""
    return (Counter(a) & Counter(b)).total()


def greedy(a, b):
    """Each unit of the summary at its next place in the reference, if there is one."""
    place = count = 0
    for unit in a:
        if unit in b[place:]:
            place += b[place:].index(unit) + 1
            count += 1
    return count


def side_by_side(a, b):
    """Units at equal places."""
    return sum(x == y for x, y in zip(a, b, strict=False))


def blocks(a, b):
    """difflib's: the longest run first, then what is left of it and right of it."""
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def beginning(a, b):
    """Units up to the first difference."""
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return count


def rouge_l(
    candidate,
    reference,
    *,
    common=longest,
    f=harmonic,
    order=(0, 1, 2),
    sizes=lambda a, b: (len(a), len(b)),
    divide=share,
):
    """Precision, recall and F."""
    numbers = three_numbers(
        common(candidate, reference), *sizes(candidate, reference), f=f, divide=divide
    )
    return numbers[list(order)]


def gaps(rng):
    """Words left out, and others put in."""
    reference = [f"w{i}" for i in rng.permutation(12)]
    keep = sorted(rng.choice(12, 7, replace=False))
    candidate = [reference[i] for i in keep]
    for place in sorted(rng.choice(6, 2, replace=False), reverse=True):
        candidate.insert(int(place) + 1, "x")
    return candidate, reference


def far_jump(rng):
    """The first word of the summary stands late in the reference."""
    words = [f"w{i}" for i in rng.permutation(9)[:6]]
    return [words[5], *words[:5]], [*words[:5], "y", "z", words[5]]


def long_run_in_the_way(rng):
    """The longest run is not part of the longest sequence."""
    a, b, c, d, e, f, g = (f"w{i}" for i in rng.permutation(20)[:7])
    return [a, b, c, d, e, f, g, "p", "q", "r"], [
        "p",
        "q",
        "r",
        a,
        "1",
        b,
        "2",
        c,
        "3",
        d,
        "4",
        e,
    ]


def repeated(rng):
    """A word that the reference has once, and the summary often."""
    a, b, c, d = (f"w{i}" for i in rng.permutation(9)[:4])
    return [a, a, a, b, a, c], [d, a, b, d, d, c, b, d]


def turned(rng):
    """Two halves in the other order."""
    words = [f"w{i}" for i in rng.permutation(20)[:8]]
    return words[5:] + words[:5], [*words, "v"]


def few(rng):
    """Few words, often."""
    return units(rng, 9, 3), units(rng, 12, 3)


def many(rng):
    """Texts drawn at random."""
    return units(rng, 8, 6), units(rng, 13, 6)


def last_and_first(rng):
    """Only the first and the last word are common."""
    a, b = (f"w{i}" for i in rng.permutation(9)[:2])
    return [a, "x", "y", b], [a, "p", "q", "r", "s", b]


def three_and_one(rng):
    """Three first words and one last are common."""
    a, b, c, d = (f"w{i}" for i in rng.permutation(9)[:4])
    return [a, b, c, "x", d], [a, b, c, "p", "q", d]


def equal(rng):
    """A perfect summary."""
    text = units(rng, 7, 20)
    return text, list(text)


def nothing_right(rng):
    """No word in common."""
    return units(rng, 5, 9), [f"v{i}" for i in rng.integers(9, size=7)]


def chinese(rng):
    """Characters."""
    texts = ("基于注意力的摘要方法", "一种基于深度注意力的文本摘要", "摘要的注意力")
    one, two = rng.permutation(3)[:2]
    return list(texts[one]), list(texts[two])


wrong = mistakes("rouge-l", section="rouge-l")

EXERCISE = Exercise(
    name="rouge_l",
    section="rouge-l",
    points=4,
    reference=rouge_l,
    probe=as_three,
    cases=(
        Case("gaps", gaps),
        Case("many", many),
        Case("few-words", few),
        Case("repeated", repeated),
        Case("turned", turned),
        Case("far-jump", far_jump),
        Case("long-run", long_run_in_the_way),
        Case("first-and-last", last_and_first),
        Case("three-and-one", three_and_one),
        Case("chinese", chinese),
        Case("equal", equal),
        Case("nothing-right", nothing_right),
        Case("one-word", lambda rng: (["w1"], ["w0", "w1", "w2"])),
        Case("empty", lambda rng: ([], units(rng, 5, 9))),
        Case("both-empty", lambda rng: ([], [])),
    ),
    misconceptions=(
        wrong("longest-run", common=longest_run),
        wrong("table-reset", common=reset),
        wrong("matched-twice", common=from_beside),
        wrong("matched-left", common=from_the_left),
        wrong("matched-above", common=from_above),
        wrong("wrapped", common=wrapped),
        wrong("never-filled", common=lambda a, b: 0),
        wrong("any-order", common=any_order),
        wrong("greedy", common=greedy),
        wrong("same-places", common=side_by_side),
        wrong("difflib", common=blocks),
        wrong("beginning", common=beginning),
        wrong("swapped", order=(1, 0, 2)),
        wrong("f-first", order=(2, 0, 1)),
        wrong("plain-mean", f=lambda p, r: (p + r) / 2),
        wrong("f-halved", f=lambda p, r: share(p * r, p + r)),
        wrong("over-longer", sizes=lambda a, b: (max(len(a), len(b)),) * 2),
        wrong("over-shorter", sizes=lambda a, b: (min(len(a), len(b)),) * 2),
        wrong("first-lost", common=lambda a, b: longest(a[1:], b[1:])),
        wrong("last-lost", common=lambda a, b: longest(a[:-1], b[:-1])),
        wrong(
            "nothing-by-nothing",
            f=lambda p, r: harmonic(p, r) if p + r else np.nan,
        ),
        wrong(
            "divided-by-zero",
            divide=lambda part, whole: np.float64(part) / whole,
            f=lambda p, r: 2 * p * r / (p + r),
        ),
    ),
    accepted={
        "recursion": lambda *a: _rouge_recursive(*a),
        "two rows": lambda *a: _rouge_with_rows(*a),
        "from the end": lambda *a: _rouge_from_the_end(*a),
        "increasing places": lambda *a: _rouge_by_places(*a),
    },
)


def _scores(common, a, b):
    if not common:
        return 0, 0, 0
    return common / len(a), common / len(b), 2 * common / (len(a) + len(b))


def _rouge_recursive(a, b):
    @functools.cache
    def common(i, j):
        if i == 0 or j == 0:
            return 0
        if a[i - 1] == b[j - 1]:
            return common(i - 1, j - 1) + 1
        return max(common(i - 1, j), common(i, j - 1))

    return _scores(common(len(a), len(b)), a, b)


def _rouge_with_rows(a, b):
    row = [0] * (len(b) + 1)
    for unit in a:
        above, row = row, [0]
        for j, other in enumerate(b):
            row.append(above[j] + 1 if unit == other else max(row[j], above[j + 1]))
    return np.array(_scores(row[-1], a, b))


def _rouge_from_the_end(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            same = 1 + table[i + 1][j + 1] if a[i] == b[j] else 0
            table[i][j] = max(same, table[i + 1][j], table[i][j + 1])
    return list(_scores(table[0][0], a, b))


def _rouge_by_places(a, b):
    """The smallest last place of a common sequence of each length."""
    last = []
    for unit in a:
        for j in reversed([j for j, other in enumerate(b) if other == unit]):
            place = sum(x < j for x in last)
            last[place : place + 1] = [j]
    p, r = len(last) / max(1, len(a)), len(last) / max(1, len(b))
    return p, r, 0.0 if not last else 2 * p * r / (p + r)
