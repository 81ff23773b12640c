"""ROUGE-N of a summary: precision, recall and F of its runs of n units."""

from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def ngrams(units, n):
    """How often each run of n units stands in a text."""
    return Counter(tuple(units[i : i + n]) for i in range(len(units) - n + 1))


def up_to_n(units, n):
    """Runs of 1 to n units, all together."""
    return sum((ngrams(units, k) for k in range(1, n + 1)), Counter())


def in_blocks(units, n):
    """Runs that do not overlap."""
    return Counter(tuple(units[i : i + n]) for i in range(0, len(units) - n + 1, n))


def all_but_the_last(units, n):
    """The last run is lost."""
    return Counter(tuple(units[i : i + n]) for i in range(len(units) - n))


def with_short_ones(units, n):
    """Runs that reach beyond the end, as long as they are."""
    return Counter(tuple(units[i : i + n]) for i in range(len(units)))


def joined(units, n):
    """Runs as words without a gap."""
    return Counter("".join(units[i : i + n]) for i in range(len(units) - n + 1))


def clipped(found, wanted):
    """How many both have: of each run the smaller count."""
    return (found & wanted).total()


def unclipped(found, wanted):
    """Every run of the summary that the reference has at all."""
    return sum(times for gram, times in found.items() if gram in wanted)


def different(found, wanted):
    """Different runs of both."""
    return len(found.keys() & wanted.keys())


def unordered(units, n):
    """Runs, whatever the order of their units."""
    grams = Counter()
    for gram, times in ngrams(units, n).items():
        grams[tuple(sorted(gram))] += times
    return grams


def share(part, whole):
    """0 where there is nothing to divide by."""
    return part / whole if whole else 0.0


def harmonic(p, r):
    """F with equal weights."""
    return 2 * p * r / (p + r) if p + r else 0.0


def three_numbers(right, found, wanted, f=harmonic, divide=share):
    """Precision, recall and F."""
    p, r = divide(right, found), divide(right, wanted)
    return np.array([p, r, f(p, r)])


def rouge_n(
    candidate,
    reference,
    n,
    *,
    grams=ngrams,
    right=clipped,
    f=harmonic,
    divide=share,
    order=(0, 1, 2),
    size=lambda counts: counts.total(),
    change=lambda units: units,
):
    """Precision, recall and F."""
    found, wanted = grams(change(candidate), n), grams(change(reference), n)
    numbers = three_numbers(
        right(found, wanted), size(found), size(wanted), f=f, divide=divide
    )
    return numbers[list(order)]


def as_three(answer, *inputs):
    """What is returned as three numbers, also where one is an integer."""
    return np.asarray([float(x) for x in answer(*inputs)])


def units(rng, count, size):
    """Words w0, w1, …"""
    return [f"w{i}" for i in rng.integers(size, size=count)]


def drawn(found, wanted, n, size):
    """Two texts of few words, which share a good part."""

    def draw(rng):
        reference = units(rng, wanted, size)
        start = [w if rng.random() < 0.7 else "x" for w in reference]
        return (start + units(rng, found, size))[:found], reference, n

    return draw


def repeated(rng):
    """A summary that says two words again and again, and a reference that does less."""
    a, b, c, d = (f"w{i}" for i in rng.permutation(9)[:4])
    return [a, b, a, b, a, b, c], [a, b, d, a, b, d, d, c, d], int(rng.integers(1, 3))


def turned(rng):
    """Pairs of words in the other order."""
    a, b, c, d, e = (f"w{i}" for i in rng.permutation(9)[:5])
    return [b, a, c, e, d], [a, b, c, d, e, a], 2


def equal(rng):
    """A perfect summary."""
    text = units(rng, 6, 20)
    return text, list(text), 2


def nothing_right(rng):
    """No word in common."""
    return units(rng, 5, 9), [f"v{i}" for i in rng.integers(9, size=7)], 1


def too_short(rng):
    """Fewer than n words in the summary."""
    return units(rng, 2, 9), units(rng, 8, 9), 3


def within_words(rng):
    """Words that stand within others."""
    return ["set", "fit", "on"], ["offset", "fitted", "one", "on", "reset"], 1


def alike_when_joined(rng):
    """Pairs of different words that have the same letters."""
    a, b = (f"w{i}" for i in rng.permutation(9)[:2])
    return [a, "now", "here", b], [a, "no", "where", b, a], 2


def chinese(rng):
    """Characters."""
    texts = ("摘要方法的研究", "方法研究的摘要", "研究方法")
    one, two = rng.permutation(3)[:2]
    return list(texts[one]), list(texts[two]), 2


wrong = mistakes("rouge-n", section="rouge-n")

EXERCISE = Exercise(
    name="rouge_n",
    section="rouge-n",
    points=4,
    reference=rouge_n,
    probe=as_three,
    cases=(
        Case("words", drawn(6, 9, 1, 12)),
        Case("pairs", drawn(7, 11, 2, 12)),
        Case("triples", drawn(12, 8, 3, 6)),
        Case("repeated", repeated),
        Case("few-words", drawn(11, 8, 2, 3)),
        Case("turned", turned),
        Case("within-words", within_words),
        Case("alike-when-joined", alike_when_joined),
        Case("chinese", chinese),
        Case("equal", equal),
        Case("nothing-right", nothing_right),
        Case("too-short", too_short),
        Case("empty", lambda rng: ([], units(rng, 5, 9), 1)),
        Case("both-empty", lambda rng: ([], [], 1)),
    ),
    misconceptions=(
        wrong("not-clipped", right=unclipped),
        wrong("counted-once", right=different),
        wrong("sets", right=different, size=len),
        wrong("swapped", order=(1, 0, 2)),
        wrong("f-first", order=(2, 0, 1)),
        wrong("plain-mean", f=lambda p, r: (p + r) / 2),
        wrong("geometric-mean", f=lambda p, r: (p * r) ** 0.5),
        wrong("f-halved", f=lambda p, r: share(p * r, p + r)),
        wrong("f-of-recall", f=lambda p, r: share(5 * p * r, 4 * p + r)),
        wrong("all-lengths", grams=up_to_n),
        wrong("words-only", grams=lambda units, n: ngrams(units, 1)),
        wrong("in-blocks", grams=in_blocks),
        wrong("last-lost", grams=all_but_the_last),
        wrong("short-ones", grams=with_short_ones),
        wrong("joined", grams=joined),
        wrong("unordered", grams=unordered),
        wrong("letters", change=lambda units: list("".join(units))),
        wrong(
            "over-words",
            grams=lambda units, n: _with_length(units, n),
            size=lambda counts: counts.length,
        ),
        wrong(
            "divided-by-zero",
            divide=lambda part, whole: np.float64(part) / whole,
            f=lambda p, r: 2 * p * r / (p + r),
        ),
    ),
    accepted={
        "a list that is used up": lambda *a: _rouge_used_up(*a),
        "zip": lambda *a: _rouge_zipped(*a),
        "joined strings": lambda *a: _rouge_of_strings(*a),
        "F of counts": lambda *a: _rouge_of_counts(*a),
    },
)


class _WithLength(Counter):
    length = 0


def _with_length(units, n):
    grams = _WithLength(ngrams(units, n))
    grams.length = len(units)
    return grams


def _rouge_used_up(candidate, reference, n):
    runs = [candidate[i : i + n] for i in range(max(0, len(candidate) - n + 1))]
    left = [reference[i : i + n] for i in range(max(0, len(reference) - n + 1))]
    wanted, right = len(left), 0
    for run in runs:
        if run in left:
            left.remove(run)
            right += 1
    if not right:
        return 0, 0, 0
    p, r = right / len(runs), right / wanted
    return p, r, 2 / (1 / p + 1 / r)


def _rouge_zipped(candidate, reference, n):
    one, two = (
        Counter(zip(*(x[k:] for k in range(n)), strict=False))
        for x in (candidate, reference)
    )
    right = sum(min(times, two[gram]) for gram, times in one.items())
    p = right / max(1, sum(one.values()))
    r = right / max(1, sum(two.values()))
    return [p, r, 2 * p * r / max(p + r, 1e-12)]


def _rouge_of_strings(candidate, reference, n):
    one, two = {}, {}
    for text, counts in ((candidate, one), (reference, two)):
        for i in range(len(text) - n + 1):
            key = "\n".join(text[i : i + n])
            counts[key] = counts.get(key, 0) + 1
    right = sum(min(one[g], two[g]) for g in one if g in two)
    p = right / sum(one.values()) if one else 0.0
    r = right / sum(two.values()) if two else 0.0
    return np.array([p, r, 0.0 if right == 0 else 2 * p * r / (p + r)])


def _rouge_of_counts(candidate, reference, n):
    one, two = ngrams(candidate, n), ngrams(reference, n)
    right = sum((one & two).values())
    a, b = sum(one.values()), sum(two.values())
    return right / (a or 1), right / (b or 1), 2 * right / ((a + b) or 1)
