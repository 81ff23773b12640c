"""The share of what was written that stands in the texts that were read: a number."""

from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes


def within_texts(texts, n):
    """Each run of n tokens that lies in one text."""
    for text in texts:
        for start in range(len(text) - n + 1):
            yield tuple(text[start : start + n])


def share_of_written(written, known):
    """How many of the runs are known, each as often as it was written."""
    return sum(run in known for run in written) / len(written) if written else 0.0


def copied_share(
    written,
    read,
    n,
    *,
    runs=within_texts,
    size=identity,
    key=identity,
    share=share_of_written,
    finish=identity,
):
    """The share of what was written that stands in what was read: a number."""
    written = [[int(token) for token in text] for text in written]
    read = [[int(token) for token in text] for text in read]
    mine = [key(run) for run in runs(written, size(n))]
    known = [key(run) for run in runs(read, size(n))]
    return finish(share(mine, Known(known)))


class Known(set):
    """The runs that were read; `times` says how often each."""

    def __init__(self, runs):
        super().__init__(runs)
        self.times = Counter(runs)


def copied(lengths, sources, n, vocabulary=5, pieces=3):
    """Texts of few different tokens, with pieces taken from those that were read."""

    def draw(rng):
        read = [rng.integers(1, vocabulary, length).tolist() for length in sources]
        written = []
        for length in lengths:
            text = rng.integers(1, vocabulary, length).tolist()
            for _ in range(pieces):
                source = read[rng.integers(len(read))]
                if len(source) > n and length > n + 1:
                    start = int(rng.integers(len(source) - n))
                    place = int(rng.integers(length - n))
                    text[place : place + n + 1] = source[start : start + n + 1]
            written.append(text)
        return written, read, n

    return draw


def only_at_the_end(rng):
    """What is copied are the first and the last tokens of a text that was read."""
    source = (10 + rng.permutation(8)).tolist()
    text = [*source[:3], *(30 + rng.permutation(4)).tolist(), *source[-3:]]
    return [text], [source, [50, 51, 52, 53]], 3


def across_a_border(rng):
    """The end of one text and the beginning of the next are no run."""
    a = (10 + rng.permutation(6)).tolist()
    return [a[:3], a[3:], [70, 71, 72]], [[90, *a], a[2:4], [72, 90]], 3


def in_another_order(rng):
    """The same tokens, turned round."""
    a = (10 + rng.permutation(7)).tolist()
    return [a[::-1], a[2:6]], [a], 3


def twice_and_once(rng):
    """The same tokens in a run, but another one of them twice."""
    a, b = (10 + rng.permutation(5)[:2]).tolist()
    return [[a, a, b, 60], [b, a, b, 61]], [[a, b, b, 70], [70, a, b, 71]], 3


def again_and_again(rng):
    """A text that repeats itself counts each time."""
    a = (10 + rng.permutation(3)).tolist()
    return [a * 3, (40 + rng.permutation(6)).tolist()], [a * 2, [1, 2, 3, 4]], 3


def shorter_than_a_run(rng):
    """One text is shorter than n, one just as long, and none has nothing."""
    a = (10 + rng.permutation(5)).tolist()
    return [a[:2], a[:4], [], [*a[:3], 99]], [a, a[1:]], 4


def across_texts(texts, n):
    """Runs of all texts joined to one (wrong)."""
    joined = [token for text in texts for token in text]
    return within_texts([joined], n)


def one_short(texts, n):
    """All runs but the last of each text (wrong)."""
    for text in texts:
        yield from list(within_texts([text], n))[:-1]


def side_by_side(texts, n):
    """Runs that do not overlap (wrong)."""
    for text in texts:
        yield from list(within_texts([text], n))[::n]


def at_the_beginning(texts, n):
    """The first run of each text (wrong)."""
    for text in texts:
        yield from list(within_texts([text], n))[:1]


def different_ones(written, known):
    """Each different run once (wrong)."""
    return share_of_written(set(written), known)


def of_what_was_read(written, known):
    """The share of what was read that was written (wrong)."""
    mine = set(written)
    return share_of_written(list(known.times.elements()), mine)


def used_up(written, known):
    """Each run that was read can be copied once (wrong)."""
    left, found = Counter(known.times), 0
    for run in written:
        if left[run] > 0:
            left[run] -= 1
            found += 1
    return found / len(written) if written else 0.0


def of_both(written, known):
    """Divided by all different runs of either side (wrong)."""
    mine = set(written)
    union = mine | set(known)
    return len(mine & set(known)) / len(union) if union else 0.0


wrong = mistakes("copied", section="copies")

EXERCISE = Exercise(
    name="copied_share",
    section="copies",
    points=3,
    reference=copied_share,
    cases=(
        Case("two", copied((14, 11, 9), (12, 16), 2, vocabulary=9)),
        Case("three", copied((20, 13), (18, 15, 9), 3, vocabulary=6)),
        Case("single", copied((9, 6), (5, 4), 1, vocabulary=14)),
        Case("ends", only_at_the_end),
        Case("border", across_a_border),
        Case("order", in_another_order),
        Case("twice", twice_and_once),
        Case("repeats", again_and_again),
        Case("short", shorter_than_a_run),
        Case("nothing", lambda rng: ([[1, 2], []], [[1, 2, 3, 4]], 3)),
    ),
    misconceptions=(
        wrong("different-once", share=different_ones),
        wrong("of-what-was-read", share=of_what_was_read),
        wrong("used-up", share=used_up),
        wrong("of-both", share=of_both),
        wrong("new-ones", finish=lambda share: 1 - share),
        wrong("percent", finish=lambda share: 100 * share),
        wrong("one-short", runs=one_short),
        wrong("across-texts", runs=across_texts),
        wrong("side-by-side", runs=side_by_side),
        wrong("at-the-beginning", runs=at_the_beginning),
        wrong("n-minus-1", size=lambda n: max(1, n - 1)),
        wrong("n-plus-1", size=lambda n: n + 1),
        wrong("single-tokens", size=lambda n: 1),
        wrong("order-ignored", key=lambda run: tuple(sorted(run))),
        wrong("tokens-as-a-set", key=frozenset),
    ),
    accepted={
        "zip": lambda *a: _with_zip(*a),
        "strings": lambda *a: _with_strings(*a),
        "lists": lambda *a: _with_lists(*a),
        "numbers": lambda *a: _as_numbers(*a),
    },
)


def _with_zip(written, read, n):
    def grams(text):
        return list(zip(*(text[i:] for i in range(n)), strict=False))

    known = {gram for text in read for gram in grams(text)}
    mine = [gram for text in written for gram in grams(text)]
    return np.mean([gram in known for gram in mine]) if mine else 0.0


def _with_strings(written, read, n):
    known = [" " + " ".join(map(str, text)) + " " for text in read]
    found = []
    for text in written:
        for i in range(len(text) - n + 1):
            run = " " + " ".join(map(str, text[i : i + n])) + " "
            found.append(any(run in one for one in known))
    return sum(found) / max(1, len(found))


def _with_lists(written, read, n):
    known = [list(t[i : i + n]) for t in read for i in range(len(t) - n + 1)]
    total = copies = 0
    for text in written:
        for i in range(len(text)):
            run = list(text[i : i + n])
            if len(run) == n:
                total += 1
                copies += run in known
    return copies / total if total else 0.0


def _as_numbers(written, read, n):
    def number(run):
        return sum(int(token) * 1000**i for i, token in enumerate(run))

    known = {number(t[i : i + n]) for t in read for i in range(len(t) + 1 - n)}
    mine = [number(t[i : i + n]) for t in written for i in range(len(t) + 1 - n)]
    return len([x for x in mine if x in known]) / len(mine) if mine else 0.0
