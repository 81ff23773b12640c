"""A word in which one pair of neighbours has become a new piece."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def same(left, right, pair):
    """Whether two neighbours are the pair."""
    return (left, right) == tuple(pair)


def join_pair(
    word,
    pair,
    piece,
    *,
    fits=same,
    put=lambda pair, piece: [piece],
    step=2,
    most=None,
    last=True,
):
    """The word from left to right, the pair replaced wherever it stands."""
    word, joined, start, done = list(word), [], 0, 0
    while start < len(word):
        two = word[start : start + 2]
        if len(two) == 2 and fits(*two, pair) and done != most:
            joined += put(pair, piece)
            start, done = start + step, done + 1
        else:
            if len(two) == 2 or last:
                joined.append(word[start])
            start += 1
    return np.array(joined, dtype=int)


def again(word, pair, piece):
    """From right to left."""
    return join_pair(word[::-1], pair[::-1], piece)[::-1]


def given(*words):
    """One of some words of letters a, b, c …, with numbers drawn for the letters."""

    def draw(rng):
        numbers = rng.permutation(200)[:26].tolist()
        word = words[rng.integers(len(words))]
        ids = [numbers[ord(letter) - ord("a")] for letter in word]
        return ids, (numbers[0], numbers[1]), 300

    return draw


def of_twins(*words):
    """The same, where the pair is twice the letter a."""

    def draw(rng):
        ids, pair, piece = given(*words)(rng)
        return ids, (pair[0], pair[0]), piece

    return draw


wrong = mistakes("join", section="bpe")

EXERCISE = Exercise(
    name="join_pair",
    section="bpe",
    points=2,
    reference=join_pair,
    cases=(
        Case("inside", given("cabd", "dcabe", "ccabd")),
        Case("several", given("abcabdab", "cababdabc")),
        Case("ends", given("abcdab", "abddcab")),
        Case("turned", given("bacba", "cbabad", "dbabac")),
        Case("apart", given("acbdab", "acbab")),
        Case("twins", of_twins("aaac", "caaaaad", "baaab")),
        Case("nothing", given("acdb", "bbcaa")),
        Case("alone", given("a", "b", "c")),
        Case("whole", given("ab")),
    ),
    misconceptions=(
        wrong("first-only", most=1),
        wrong("either-order", fits=lambda a, b, pair: {a, b} == set(pair)),
        wrong("overlapping", step=1),
        wrong("left-kept", put=lambda pair, piece: [pair[0], piece]),
        wrong("right-kept", put=lambda pair, piece: [piece, pair[1]]),
        wrong("two-for-two", put=lambda pair, piece: [piece, piece]),
        wrong("last-lost", last=False),
        wrong("left-alone-decides", fits=lambda a, b, pair: a == pair[0]),
        wrong("right-alone-decides", fits=lambda a, b, pair: b == pair[1]),
        wrong("nothing-put", put=lambda pair, piece: []),
    ),
    accepted={
        "pop what was written": lambda *a: _join_by_looking_back(*a),
        "recursion": lambda *a: _join_recursive(*a),
        "NumPy": lambda *a: _join_with_numpy(*a),
        "list that shrinks": lambda *a: _join_in_place(*a),
    },
)


def _join_by_looking_back(word, pair, piece):
    joined = []
    for number in word:
        if joined and (joined[-1], number) == pair:
            joined[-1] = piece
        else:
            joined.append(number)
    return joined


def _join_recursive(word, pair, piece):
    word = list(word)
    if len(word) < 2:
        return word
    if word[0] == pair[0] and word[1] == pair[1]:
        return [piece, *_join_recursive(word[2:], pair, piece)]
    return [word[0], *_join_recursive(word[1:], pair, piece)]


def _join_with_numpy(word, pair, piece):
    word = np.asarray(word)
    found = np.flatnonzero((word[:-1] == pair[0]) & (word[1:] == pair[1]))
    kept, free = [], 0
    for place in found:
        if place >= free:
            kept.append(place)
            free = place + 2
    word[kept] = piece
    return np.delete(word, np.array(kept, dtype=int) + 1)


def _join_in_place(word, pair, piece):
    word, i = list(word), 0
    while i < len(word) - 1:
        if word[i] == pair[0] and word[i + 1] == pair[1]:
            word[i] = piece
            del word[i + 1]
        i += 1
    return word
