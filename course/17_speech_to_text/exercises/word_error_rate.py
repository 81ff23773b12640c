"""Words to change, add and leave out, for each word that was said."""

from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def edits(said, heard, change=1, drop=1, insert=1):
    """The smallest cost of making one list of words into the other."""
    row = [insert * j for j in range(len(heard) + 1)]
    for i, word in enumerate(said, start=1):
        before, row = row, [drop * i]
        for j, other in enumerate(heard, start=1):
            same = before[j - 1] + (0 if word == other else change)
            row.append(min(same, before[j] + drop, row[-1] + insert))
    return row[-1]


def words(text):
    """Cut at spaces, however many."""
    return text.split()


def over_the_corpus(errors, said, heard):
    """All errors for all words that were said."""
    return sum(errors) / sum(said)


def word_error_rate(
    references,
    hypotheses,
    *,
    units=words,
    distance=edits,
    rate=over_the_corpus,
    answer=float,
):
    """Edits of all texts for each word of the references."""
    pairs = [(units(a), units(b)) for a, b in zip(references, hypotheses, strict=True)]
    errors = [distance(a, b) for a, b in pairs]
    said, heard = ([len(pair[side]) for pair in pairs] for side in (0, 1))
    return np.float64(answer(rate(errors, said, heard)))


def as_number(answer, references, hypotheses):
    """What is returned, also where it is an integer: 0 is as good as 0.0."""
    return np.asarray(answer(references, hypotheses), "float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────

DIGITS = [
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
]


def spelled(*pairs):
    """Texts in which each letter stands for another digit."""

    def draw(rng):
        names = rng.permutation(DIGITS)
        letters = sorted({x for pair in pairs for text in pair for x in text} - {" "})
        word = dict(zip(letters, names, strict=False))

        def text(pattern):
            return "".join(x if x == " " else f"{word[x]} " for x in pattern)

        said, heard = ([text(pair[side]).rstrip() for pair in pairs] for side in (0, 1))
        return said, heard

    return draw


def spaces(rng):
    """Two spaces in a row, and some at the ends."""
    a, b, c = rng.permutation(DIGITS)[:3]
    return [f"{a}  {b} {c}", f"{c} {a}"], [f" {a} {b}", f"{c}  {a} "]


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def place_by_place(said, heard):
    """Compared where they stand (wrong)."""
    same = sum(a == b for a, b in zip(said, heard, strict=False))
    return max(len(said), len(heard)) - same


def as_bags(said, heard):
    """In any order (wrong)."""
    return max(len(said), len(heard)) - (Counter(said) & Counter(heard)).total()


def whole(said, heard):
    """A text is right or wrong (wrong)."""
    return int(said != heard)


def mean_of_texts(errors, said, heard):
    """Each text with a rate of its own (wrong)."""
    return np.mean([e / max(1, n) for e, n in zip(errors, said, strict=True)])


wrong = mistakes("wer", section="errors")

EXERCISE = Exercise(
    name="word_error_rate",
    section="errors",
    points=3,
    reference=word_error_rate,
    probe=as_number,
    forbidden=("tlkeras.scores.word_error_rate", "tlkeras.scores.character_error_rate"),
    cases=(
        Case("changed", spelled(("abcd", "abed"), ("dab", "dab"))),
        Case("inserted", spelled(("abc", "abdc"), ("cb", "cba"))),
        Case("dropped", spelled(("abcd", "abd"), ("bca", "ca"))),
        Case("all-kinds", spelled(("abcde", "xacde"), ("dcb", "dcbxx"), ("ab", "b"))),
        Case("shifted", spelled(("abcde", "bcdea"))),
        Case("turned", spelled(("abcd", "dcba"))),
        Case("uneven", spelled(("abcdefg", "abcdefg"), ("a", "b"), ("cd", "ce"))),
        Case("longer-than-said", spelled(("a", "bcde"), ("ab", "cdeaf"))),
        Case("nothing-heard", spelled(("abc", ""), ("de", "de"))),
        Case("nothing-said", spelled(("", "ab"), ("cde", "cde"))),
        Case("nothing-right", spelled(("ab", "cd"), ("e", "f"))),
        Case("all-right", spelled(("abc", "abc"), ("d", "d"))),
        Case("one", spelled(("a", "b"))),
        Case("repeated", spelled(("aab", "ab"), ("aba", "aaba"))),
        Case("spaces", spaces),
    ),
    misconceptions=(
        wrong("heard-length", rate=lambda e, said, heard: sum(e) / max(1, sum(heard))),
        wrong(
            "longer-length",
            rate=lambda e, said, heard: sum(e) / sum(map(max, said, heard)),
        ),
        wrong("mean-of-texts", rate=mean_of_texts),
        wrong("not-divided", rate=lambda e, said, heard: sum(e)),
        wrong("whole-texts", distance=whole, rate=lambda e, s, h: np.mean(e)),
        wrong("characters", units=list),
        wrong("insertions-free", distance=lambda a, b: edits(a, b, insert=0)),
        wrong("omissions-free", distance=lambda a, b: edits(a, b, drop=0)),
        wrong("changes-twice", distance=lambda a, b: edits(a, b, change=2)),
        wrong("changes-free", distance=lambda a, b: abs(len(a) - len(b))),
        wrong("place-by-place", distance=place_by_place),
        wrong("any-order", distance=as_bags),
        wrong("every-space", units=lambda text: text.split(" ")),
        wrong("at-most-one", answer=lambda x: min(x, 1.0)),
        wrong("accuracy", answer=lambda x: 1 - x),
        wrong("percent", answer=lambda x: 100 * x),
    ),
    accepted={
        "table": lambda *a: _table(*a),
        "recursion": lambda *a: _recursion(*a),
        "one row": lambda *a: _one_row(*a),
        "shortest way": lambda *a: _shortest_way(*a),
    },
)


def _over_all(references, hypotheses, distance):
    errors, count = 0, 0
    for said, heard in zip(references, hypotheses, strict=True):
        errors += distance(said.split(), heard.split())
        count += len(said.split())
    return errors / count


def _table(references, hypotheses):
    def distance(a, b):
        cost = np.zeros((len(a) + 1, len(b) + 1), int)
        cost[:, 0], cost[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                if a[i - 1] == b[j - 1]:
                    cost[i, j] = cost[i - 1, j - 1]
                else:
                    around = cost[i - 1, j - 1], cost[i - 1, j], cost[i, j - 1]
                    cost[i, j] = 1 + min(around)
        return cost[-1, -1]

    return _over_all(references, hypotheses, distance)


def _recursion(references, hypotheses):
    import functools

    @functools.cache
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        if a[0] == b[0]:
            return distance(a[1:], b[1:])
        return 1 + min(distance(a[1:], b[1:]), distance(a[1:], b), distance(a, b[1:]))

    return _over_all(references, hypotheses, lambda a, b: distance(tuple(a), tuple(b)))


def _one_row(references, hypotheses):
    def distance(a, b):
        row = np.arange(len(b) + 1)
        names = np.array(b, dtype=object)
        for i, word in enumerate(a, start=1):
            above = np.minimum(row[1:] + 1, row[:-1] + (names != word))
            row = np.concatenate([[i], above])
            row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
        return int(row[-1])

    return _over_all(references, hypotheses, distance)


def _shortest_way(references, hypotheses):
    import heapq

    def distance(a, b):
        queue, seen = [(0, 0, 0)], set()
        while True:
            cost, i, j = heapq.heappop(queue)
            if (i, j) == (len(a), len(b)):
                return cost
            if (i, j) in seen:
                continue
            seen.add((i, j))
            if i < len(a) and j < len(b):
                heapq.heappush(queue, (cost + (a[i] != b[j]), i + 1, j + 1))
            if i < len(a):
                heapq.heappush(queue, (cost + 1, i + 1, j))
            if j < len(b):
                heapq.heappush(queue, (cost + 1, i, j + 1))

    return _over_all(references, hypotheses, distance)
