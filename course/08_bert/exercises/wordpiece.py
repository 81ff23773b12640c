"""A word as the numbers of its pieces."""

import math
import re

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

UNKNOWN = "[UNK]"


def marked(start):
    """What a piece begins with that does not begin the word."""
    return "##" if start else ""


def longest_first(start, length):
    """Where a piece may end, in the order in which ends are tried."""
    return range(length, start, -1)


def unmarked_as_well(vocabulary, mark, letters):
    """Whether a piece is there, with its mark or without."""
    return mark + letters if mark + letters in vocabulary else letters


def all_unknown(ids, vocabulary, start):
    """A word with a place where no piece fits: one token, and nothing after it."""
    return [vocabulary[UNKNOWN]], None


def forwards(word, vocabulary, *, mark, ends, look, there, unknown, advance, limit):
    """Pieces from the left, each the first that is there."""
    ids, start = [], 0
    while start < len(word) and len(ids) < limit:
        for end in ends(start, len(word)):
            piece = look(vocabulary, mark(start), word[start:end])
            if there(vocabulary, piece):
                ids.append(vocabulary[piece])
                start = advance(start, end, piece)
                break
        else:
            ids, start = unknown(ids, vocabulary, start)
            if start is None:
                break
    return ids


def backwards(word, vocabulary, *, mark, unknown, **_):
    """Pieces from the right, each as long as can be."""
    ids, end = [], len(word)
    while end > 0:
        for start in range(end):
            if mark(start) + word[start:end] in vocabulary:
                ids.insert(0, vocabulary[mark(start) + word[start:end]])
                end = start
                break
        else:
            return unknown(ids, vocabulary, end)[0]
    return ids


def splits(word, vocabulary, mark, start=0):
    """Every way to cut the rest of a word into pieces, longest first pieces first."""
    if start == len(word):
        yield []
    for end in longest_first(start, len(word)):
        piece = mark(start) + word[start:end]
        if piece in vocabulary:
            for rest in splits(word, vocabulary, mark, end):
                yield [vocabulary[piece], *rest]


def with_backtracking(word, vocabulary, *, mark, unknown, **_):
    """Like `forwards`, but takes a piece back where nothing follows it."""
    found = next(splits(word, vocabulary, mark), None)
    return unknown([], vocabulary, 0)[0] if found is None else found


def in_fewest(word, vocabulary, *, mark, unknown, **_):
    """The split with the fewest pieces."""
    found = min(splits(word, vocabulary, mark), key=len, default=None)
    return unknown([], vocabulary, 0)[0] if found is None else found


def wordpiece(
    word,
    vocabulary,
    *,
    search=forwards,
    mark=marked,
    ends=longest_first,
    look=lambda vocabulary, mark, letters: mark + letters,
    there=lambda vocabulary, piece: piece in vocabulary,
    unknown=all_unknown,
    advance=lambda start, end, piece: end,
    limit=math.inf,
):
    """A word as the numbers of its pieces."""
    ids = search(
        word,
        vocabulary,
        mark=mark,
        ends=ends,
        look=look,
        there=there,
        unknown=unknown,
        advance=advance,
        limit=limit,
    )
    return np.array(ids, dtype=int)


# Pieces, with the traps that they are for. A case picks one of its words.
PIECES = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] "
    "a u s ##a ##e ##l ##s ##t ##y "  # single letters
    "array arrays ##array norm normal ##al ##ise ##ised ##is "
    "un una ##un ##able ##le ##ab able "
    "do ##do re ##r ##redo redo "
    "ab abc ##cd ##de ##cdel "
    "token ##iz ##ize ##izer ##er ##ers tok "
)


def words(*choices, zero=None):
    """One of some words, and a vocabulary whose numbers are drawn.

    `zero` is the piece that has the number 0, if any has.
    """

    def draw(rng):
        pieces = list(dict.fromkeys(PIECES.split()))
        numbers = rng.permutation(900)[: len(pieces)] + 5
        vocabulary = dict(zip(pieces, numbers.tolist(), strict=True))
        if zero is not None:
            vocabulary[zero] = 0
        return choices[rng.integers(len(choices))], vocabulary

    return draw


def of_three_letters(rng):
    """A word and pieces of a, b and c, where any piece may be there or not."""
    letters = "abc"
    short = [x + y for x in ("", *letters) for y in letters]
    drawn = [p for p in (*short, *(x + y for x in short for y in "ab")) if len(p) > 1]
    pieces = [UNKNOWN, *letters, *(f"##{x}" for x in letters)]
    for piece in dict.fromkeys(drawn):
        pieces += [m + piece for m in ("", "##") if rng.random() < 0.4]
    word = "".join(rng.choice(list(letters), 9))
    numbers = rng.permutation(300)[: len(pieces)] + 5
    return word, dict(zip(pieces, numbers.tolist(), strict=True))


wrong = mistakes("piece", section="wordpiece")

EXERCISE = Exercise(
    name="wordpiece",
    section="wordpiece",
    points=4,
    reference=wordpiece,
    cases=(
        Case("whole", words("array", "redo", "normal", "able")),
        Case("two", words("tokenizer", "normalised", "unable")),
        Case("several", words("tokenizerers", "normalisedable", "doredoarray")),
        Case("longest-not-best", words("abcdel", "abcdelal")),
        Case("two-ways", words("tokenizers", "tokenizersal")),
        Case("dead-end", words("abcd", "abcdal")),
        Case("unknown-inside", words("arrayqs", "normqal", "doqdo")),
        Case("unknown-first", words("qarray", "wdo")),
        Case("unknown-last", words("arrayq", "redow")),
        Case("only-marked", words("iser", "lers")),
        Case("only-unmarked", words("doundonorm", "arraytok")),
        Case("letters", of_three_letters),
        Case("last-letter", words("norms", "arrayt", "redoy")),
        Case("one-letter", words("a", "u", "s")),
        Case("number-zero", words("tokenizer", "tokenizers", zero="token")),
    ),
    misconceptions=(
        wrong("shortest-first", ends=lambda start, n: range(start + 1, n + 1)),
        wrong("single-letters-left-out", ends=lambda start, n: range(n, start + 1, -1)),
        wrong(
            "zero-is-missing", there=lambda vocabulary, piece: vocabulary.get(piece, 0)
        ),
        wrong("not-marked", mark=lambda start: ""),
        wrong("all-marked", mark=lambda start: "##"),
        wrong("mark-optional", look=unmarked_as_well),
        wrong(
            "unknown-keeps-the-rest",
            unknown=lambda ids, v, start: ([*ids, v[UNKNOWN]], None),
        ),
        wrong(
            "unknown-letter",
            unknown=lambda ids, v, start: ([*ids, v[UNKNOWN]], start + 1),
        ),
        wrong("unknown-skipped", unknown=lambda ids, v, start: (ids, start + 1)),
        wrong("unknown-ends", unknown=lambda ids, v, start: (ids, None)),
        wrong("from-the-right", search=backwards),
        wrong("second-thoughts", search=with_backtracking),
        wrong("fewest", search=in_fewest),
        wrong("whole-word-only", ends=lambda start, n: (n,)),
        wrong("first-piece-only", limit=1),
        wrong("mark-counted", advance=lambda start, end, piece: start + len(piece)),
    ),
    accepted={
        "shrinking text": lambda word, v: _wordpiece_by_shrinking(word, v),
        "recursion": lambda word, v: _wordpiece_recursive(word, v),
        "longest pieces sorted": lambda word, v: _wordpiece_sorted(word, v),
        "regular expression": lambda word, v: _wordpiece_by_pattern(word, v),
        "max of what fits": lambda word, v: _wordpiece_by_max(word, v),
    },
)


def _wordpiece_by_shrinking(word, vocabulary):
    ids, rest, mark = [], word, ""
    while rest:
        head = rest
        while head and mark + head not in vocabulary:
            head = head[:-1]
        if not head:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[mark + head])
        rest, mark = rest[len(head) :], "##"
    return ids


def _wordpiece_recursive(word, vocabulary, mark=""):
    if not word:
        return []
    for n in range(len(word), 0, -1):
        if mark + word[:n] in vocabulary:
            rest = _wordpiece_recursive(word[n:], vocabulary, "##")
            if word[n:] and rest == [vocabulary["[UNK]"]]:
                return rest
            return [vocabulary[mark + word[:n]], *rest]
    return [vocabulary["[UNK]"]]


def _wordpiece_sorted(word, vocabulary):
    pieces = sorted(vocabulary, key=len, reverse=True)
    rest, ids = word, []
    while rest:
        fits = [p for p in pieces if (p[:2] == "##") == (len(rest) < len(word))]
        fits = [p for p in fits if rest.startswith(p.replace("##", "", 1))]
        if not fits:
            return np.array([vocabulary["[UNK]"]])
        ids.append(vocabulary[fits[0]])
        rest = rest[len(fits[0].replace("##", "", 1)) :]
    return np.array(ids)


def _wordpiece_by_pattern(word, vocabulary):
    def pattern(marked):
        texts = [
            p[2:] if marked else p for p in vocabulary if p.startswith("##") == marked
        ]
        return re.compile(
            "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
        )

    start, ids = 0, []
    while start < len(word):
        match = pattern(start > 0).match(word, start)
        if match is None:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary["##" * (start > 0) + match[0]])
        start = match.end()
    return ids


def _wordpiece_by_max(word, vocabulary):
    ids, start = [], 0
    while start < len(word):
        mark = "##" if start > 0 else ""
        lengths = [
            n
            for n in range(1, len(word) - start + 1)
            if mark + word[start : start + n] in vocabulary
        ]
        if not lengths:
            return (np.ones(1) * vocabulary["[UNK]"]).astype(int)
        ids += [vocabulary[mark + word[start : start + max(lengths)]]]
        start += max(lengths)
    return ids
