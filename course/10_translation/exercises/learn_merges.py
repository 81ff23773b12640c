"""Which pairs of neighbours become pieces, in which order."""

from collections import Counter
from itertools import pairwise

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from .join_pair import again, join_pair


def by_words(words, counts):
    """How often each pair stands in the text."""
    found = Counter()
    for word, times in zip(words, counts, strict=True):
        for pair in pairwise(word):
            found[pair] += times
    return found


def once_each(words, counts):
    """Every different word counted once."""
    return by_words(words, [1] * len(words))


def in_how_many(words, counts):
    """In how many words of the text a pair stands, however often in each."""
    found = Counter()
    for word, times in zip(words, counts, strict=True):
        for pair in set(pairwise(word)):
            found[pair] += times
    return found


def across_words(words, counts):
    """Neighbours in the list of words, too."""
    found = by_words(words, counts)
    for (one, times), (two, other) in pairwise(zip(words, counts, strict=True)):
        found[one[-1], two[0]] += min(times, other)
    return found


def most_frequent(pairs, words, counts):
    """The most frequent pair, of ties the smallest."""
    return min(pairs, key=lambda pair: (-pairs[pair], pair))


def by_score(pairs, words, counts):
    """As WordPiece chooses: more often together than their parts by chance."""
    alone = Counter()
    for word, times in zip(words, counts, strict=True):
        for piece in word:
            alone[piece] += times
    score = {p: n / (alone[p[0]] * alone[p[1]] or 1) for p, n in pairs.items()}
    return min(score, key=lambda pair: (-score[pair], pair))


def learn_merges(
    words,
    counts,
    number,
    *,
    count=by_words,
    choose=most_frequent,
    join=join_pair,
    fresh=True,
    first=256,
    numbered=True,
):
    """Pairs, in the order in which they are joined: (number, 2)."""
    words = [list(word.encode()) for word in words]
    merges, left = [], Counter(count(words, counts))
    for step in range(number):
        if fresh:
            left = count(words, counts)
        if not left:
            break
        pair = choose(left, words, counts)
        left.pop(pair)
        merges.append(pair)
        piece = first + (step if numbered else 0)
        words = [list(map(int, join(word, pair, piece))) for word in words]
    return np.array(merges, dtype=int)


def text(*words, number):
    """Words with counts, in any order; which letters stand for a, b, c … is drawn.

    A word is written with its count, `"abc 5"`. Letters keep their order.
    """

    def draw(rng):
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        chosen = [letters[i] for i in np.sort(rng.permutation(52)[:26])]
        drawn = [words[i].split() for i in rng.permutation(len(words))]
        texts = ["".join(chosen[ord(x) - ord("a")] for x in word) for word, _ in drawn]
        return texts, [int(times) for _, times in drawn], number

    return draw


def any_text(rng):
    """Words of a few letters, one of them of two bytes, with counts."""
    lengths = rng.integers(2, 7, 7)
    words = sorted({"".join(rng.choice(list("abå"), n)) for n in lengths})
    return words, rng.integers(1, 12, len(words)).tolist(), 5


wrong = mistakes("merges", section="bpe")

EXERCISE = Exercise(
    name="learn_merges",
    section="bpe",
    points=4,
    reference=learn_merges,
    cases=(
        Case("one", text("abc 5", "bcd 4", "ab 2", number=1)),
        Case("counts", text("xyz 9", "ab 2", "abc 2", "abd 2", "abe 1", number=3)),
        Case("several", text("lowe 5", "low 7", "newes 6", "wides 3", number=6)),
        Case("stale", text("abcd 10", "bce 3", "cdf 2", "xcd 6", number=4)),
        Case("made-of-made", text("abab 6", "ababab 4", "cab 3", number=3)),
        Case("ties", text("cd 4", "ab 4", "xy 4", "bc 4", number=3)),
        Case("twice-in-a-word", text("ababab 3", "cdx 5", "cdy 2", number=2)),
        Case("twins", text("aaaa 4", "aaab 3", "baa 1", number=3)),
        Case("across", text("ab 7", "ca 6", "bc 5", "aab 2", number=3)),
        Case("used-up", text("ab 3", "abc 2", number=9)),
        Case("any", any_text),
    ),
    misconceptions=(
        wrong("counts-left-out", count=once_each),
        wrong("stale-counts", fresh=False),
        wrong("once-a-word", count=in_how_many),
        wrong("across-words", count=across_words),
        wrong(
            "largest-of-ties",
            choose=lambda pairs, *_: max(pairs, key=lambda pair: (pairs[pair], pair)),
        ),
        wrong(
            "rarest",
            choose=lambda pairs, *_: min(pairs, key=lambda pair: (pairs[pair], pair)),
        ),
        wrong("wordpiece-score", choose=by_score),
        wrong("one-piece-for-all", numbered=False),
        wrong("pieces-from-257", first=257),
        wrong("joined-from-the-right", join=again),
    ),
    accepted={
        "Counter and max": lambda *a: _merges_with_max(*a),
        "dictionary of words": lambda *a: _merges_of_a_dictionary(*a),
        "sorted": lambda *a: _merges_sorted(*a),
        "array": lambda *a: np.array(_merges_with_max(*a)),
        "lists of two": lambda *a: [list(pair) for pair in _merges_with_max(*a)],
    },
)


def _replace(word, pair, piece):
    joined = []
    for number in word:
        if joined and (joined[-1], number) == pair:
            joined[-1] = piece
        else:
            joined.append(number)
    return joined


def _merges_with_max(words, counts, number):
    merges, words = [], [tuple(word.encode("utf-8")) for word in words]
    for _ in range(number):
        table = {}
        for word, times in zip(words, counts, strict=True):
            for i in range(len(word) - 1):
                pair = (word[i], word[i + 1])
                table[pair] = table.get(pair, 0) + times
        if len(table) == 0:
            return merges
        best = max(table, key=lambda p: (table[p], -p[0], -p[1]))
        words = [_replace(word, best, 256 + len(merges)) for word in words]
        merges.append(best)
    return merges


def _merges_of_a_dictionary(words, counts, number):
    texts = {tuple(w.encode()): n for w, n in zip(words, counts, strict=True)}
    merges = []
    while len(merges) < number:
        pairs = [(p, n) for word, n in texts.items() for p in pairwise(word)]
        total = Counter()
        for pair, times in pairs:
            total.update({pair: times})
        if not total:
            break
        top = max(total.values())
        best = min(pair for pair, times in total.items() if times == top)
        piece = 256 + len(merges)
        texts = {tuple(_replace(w, best, piece)): n for w, n in texts.items()}
        merges.append(best)
    return merges


def _merges_sorted(words, counts, number):
    merges, words = [], [bytearray(word, "utf-8") for word in words]
    for new in range(256, 256 + number):
        total = Counter()
        for word, times in zip(words, counts, strict=True):
            for pair in ((word[i - 1], word[i]) for i in range(1, len(word))):
                total[pair] += times
        ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
        if not ordered:
            break
        merges.append(ordered[0][0])
        words = [_replace(word, merges[-1], new) for word in words]
    return merges
