"""What lesson 08 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T length, D model size, V vocabulary, C
classes.
"""

import itertools
import math
import re
from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras

MESSAGES = Messages(Path(__file__).parent)


# ── WordPiece ─────────────────────────────────────────────────────────────────────────

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


def with_second_thoughts(word, vocabulary, *, mark, unknown, **_):
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


def _piece(name, **steps):
    return Misconception(f"piece.{name}", "wordpiece", **steps)


WORDPIECE = Exercise(
    name="wordpiece",
    section="wordpiece",
    points=4,
    reference=wordpiece,
    messages=MESSAGES,
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
        _piece("shortest-first", ends=lambda start, n: range(start + 1, n + 1)),
        _piece(
            "single-letters-left-out", ends=lambda start, n: range(n, start + 1, -1)
        ),
        _piece(
            "zero-is-missing", there=lambda vocabulary, piece: vocabulary.get(piece, 0)
        ),
        _piece("not-marked", mark=lambda start: ""),
        _piece("all-marked", mark=lambda start: "##"),
        _piece("mark-optional", look=unmarked_as_well),
        _piece(
            "unknown-keeps-the-rest",
            unknown=lambda ids, v, start: ([*ids, v[UNKNOWN]], None),
        ),
        _piece(
            "unknown-letter",
            unknown=lambda ids, v, start: ([*ids, v[UNKNOWN]], start + 1),
        ),
        _piece("unknown-skipped", unknown=lambda ids, v, start: (ids, start + 1)),
        _piece("unknown-ends", unknown=lambda ids, v, start: (ids, None)),
        _piece("from-the-right", search=backwards),
        _piece("second-thoughts", search=with_second_thoughts),
        _piece("fewest", search=in_fewest),
        _piece("whole-word-only", ends=lambda start, n: (n,)),
        _piece("first-piece-only", limit=1),
        _piece("mark-counted", advance=lambda start, end, piece: start + len(piece)),
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


# ── the input of the first block ──────────────────────────────────────────────────────


def add_up(tokens, segments, positions):
    """Three vectors become one."""
    return tokens + segments + positions


def standardise(x):
    """Mean 0 and variance 1 along the features."""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)


def scale_and_shift(x, gamma, beta):
    """What a norm has learned."""
    return x * gamma + beta


def bert_input(
    token_ids,
    segment_ids,
    token_table,
    segment_table,
    position_table,
    gamma,
    beta,
    *,
    tokens=lambda ids, table: table[ids],
    segments=lambda ids, table: table[ids],
    places=lambda segment_ids: np.arange(segment_ids.shape[1]),
    positions=lambda places, table: table[places],
    combine=add_up,
    norm=standardise,
    learned=scale_and_shift,
):
    """Norm(token + segment + position): (B, T, D)."""
    x = combine(
        tokens(token_ids, token_table),
        segments(segment_ids, segment_table),
        positions(places(segment_ids), position_table),
    )
    return learned(norm(x), gamma, beta)


def tables(batch, length, size, vocabulary=11, longest=9, segments=2):
    """Tokens and segments, three tables, and what a norm learned."""

    def draw(rng):
        token_ids = rng.integers(0, vocabulary, (batch, length))
        cuts = rng.integers(1, length, batch)
        segment_ids = (np.arange(length) >= cuts[:, None]).astype(int)
        shapes = ((vocabulary, size), (segments, size), (longest, size))
        shift = 0.5 * floats(rng, 3)[:, None]  # a mean that is not 0
        learned = [floats(rng, *s) + shift[i] for i, s in enumerate(shapes)]
        gamma = (1 + 0.3 * floats(rng, size)).astype(np.float32)
        return token_ids, segment_ids, *learned, gamma, floats(rng, size)

    return draw


def first_sentence_only(rng):
    """No second sentence: segments are all 0."""
    token_ids, segment_ids, *others = tables(2, 5, 6)(rng)
    return token_ids, 0 * segment_ids, *others


def padded_pair(rng):
    """Texts that end in padding, whose number is 0."""
    token_ids, *others = tables(2, 6, 4)(rng)
    token_ids[0, 4:] = token_ids[1, 5:] = 0
    return token_ids, *others


def restarted(segment_ids):
    """Places that begin again in the second sentence."""
    places = np.arange(segment_ids.shape[1])
    begin = np.where(segment_ids == 1, places, places.size).min(1, keepdims=True)
    return np.where(segment_ids == 1, places - begin, places)


def _input(name, **steps):
    return Misconception(f"input.{name}", "input", **steps)


INPUT = Exercise(
    name="bert_input",
    section="input",
    points=3,
    reference=bert_input,
    messages=MESSAGES,
    cases=(
        Case("one-sentence", first_sentence_only),
        Case("pair", tables(2, 7, 5)),
        Case("many", tables(3, 8, 10, vocabulary=23, longest=12)),
        Case("padded", padded_pair),
        Case("one-text", tables(1, 6, 5, longest=6)),
        Case("square", tables(4, 4, 4, vocabulary=13, longest=4), 1e-4, True),
    ),
    misconceptions=(
        _input("token-scaled", tokens=lambda i, t: t[i] * np.sqrt(t.shape[1])),
        _input("token-forgotten", tokens=lambda i, t: 0 * t[i]),
        _input("padding-zeroed", tokens=lambda i, t: t[i] * (i != 0)[..., None]),
        _input("segment-forgotten", segments=lambda i, t: 0 * t[i]),
        _input("segment-swapped", segments=lambda i, t: t[1 - i]),
        _input("segment-multiplied", segments=lambda i, t: i[..., None] * t[1]),
        _input("position-forgotten", positions=lambda p, t: 0 * t[p]),
        _input("position-restarts", places=restarted),
        _input(
            "position-counts-from-1",
            places=lambda s: np.arange(s.shape[1]) + 1,
            positions=lambda p, t: t[p % len(t)],
        ),
        _input(
            "position-backwards",
            positions=lambda p, t: t[p][..., ::-1, :],
        ),
        _input("position-from-the-end", positions=lambda p, t: t[::-1][p]),
        _input("multiplied", combine=lambda a, b, c: a * b * c),
        _input(
            "joined",
            combine=lambda a, b, c: np.concatenate(np.broadcast_arrays(a, b, c), -1),
            learned=lambda x, gamma, beta: x * np.tile(gamma, 3) + np.tile(beta, 3),
        ),
        _input(
            "norm-of-each",
            combine=lambda a, b, c: standardise(a) + standardise(b) + standardise(c),
            norm=identity,
        ),
        _input("norm-forgotten", norm=identity),
        _input(
            "mean-not-removed",
            norm=lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True)),
        ),
        _input(
            "variance-without-root",
            norm=lambda x: (x - x.mean(-1, keepdims=True)) / x.var(-1, keepdims=True),
        ),
        _input(
            "variance-of-a-sample",
            norm=lambda x: (
                (x - x.mean(-1, keepdims=True)) / x.std(-1, ddof=1, keepdims=True)
            ),
        ),
        _input(
            "norm-over-positions",
            norm=lambda x: (
                (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-12)
            ),
        ),
        _input(
            "norm-over-sentence",
            norm=lambda x: (
                (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
            ),
        ),
        _input("norm-not-learned", learned=lambda x, gamma, beta: x),
        _input("shift-forgotten", learned=lambda x, gamma, beta: x * gamma),
        _input("scale-forgotten", learned=lambda x, gamma, beta: x + beta),
        _input("shift-scaled", learned=lambda x, gamma, beta: (x + beta) * gamma),
    ),
    accepted={
        "take": lambda *a: _input_with_take(*a),
        "one-hot": lambda *a: _input_with_one_hot(*a),
        "loops": lambda *a: _input_with_loops(*a),
        "keras": lambda *a: _input_with_keras(*a),
        "tensorflow": lambda *a: _input_with_tensorflow(*a),
    },
)


def _input_with_take(ids, segments, tokens, kinds, places, gamma, beta):
    x = np.take(tokens, ids, axis=0) + np.take(kinds, segments, axis=0)
    x = x + places[None, : ids.shape[1]]
    mean, variance = x.mean(axis=2), x.var(axis=2)
    return (x - mean[..., None]) / (variance[..., None] + 1e-12) ** 0.5 * gamma + beta


def _input_with_one_hot(ids, segments, tokens, kinds, places, gamma, beta):
    x = np.eye(len(tokens))[ids] @ tokens + np.eye(len(kinds))[segments] @ kinds
    x = x + np.eye(len(places))[: ids.shape[1]] @ places
    x = x - np.mean(x, axis=-1, keepdims=True)
    return gamma * x / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True)) + beta


def _input_with_loops(ids, segments, tokens, kinds, places, gamma, beta):
    rows = []
    for row, kind_row in zip(ids.tolist(), segments.tolist(), strict=True):
        vectors = []
        for t, (i, s) in enumerate(zip(row, kind_row, strict=True)):
            x = tokens[i].astype(float) + kinds[s] + places[t]
            vectors.append((x - x.mean()) / x.std() * gamma + beta)
        rows.append(vectors)
    return rows


def _input_with_keras(ids, segments, tokens, kinds, places, gamma, beta):
    ops = keras().ops
    x = ops.take(tokens, ids, axis=0) + ops.take(kinds, segments, axis=0)
    x = x + ops.convert_to_tensor(places)[: ids.shape[1]]
    mean, variance = ops.moments(x, axes=-1, keepdims=True)
    return (x - mean) / ops.sqrt(variance + 1e-12) * gamma + beta


def _input_with_tensorflow(ids, segments, tokens, kinds, places, gamma, beta):
    import tensorflow as tf

    x = tf.nn.embedding_lookup(tokens, ids) + tf.gather(kinds, segments)
    x += tf.gather(places, tf.range(ids.shape[1]))
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-12)


# ── masking: 15 %, of which 80, 10 and 10 ─────────────────────────────────────────────

SPECIAL, MASK_ID = (0, 2, 3), 4


def not_special(token_ids, special_ids, choice):
    """Tokens of the text itself."""
    return ~np.isin(token_ids, special_ids)


def below_rate(choice):
    """15 % of the draws."""
    return choice < 0.15


def mask_first(fate):
    """Below 0.8 the mask, from there to 0.9 a random token."""
    return fate < 0.8, (fate >= 0.8) & (fate < 0.9)


def where_chosen(token_ids, inputs, chosen, hidden):
    """Labels: what stood where something is asked, 0 elsewhere."""
    return np.where(chosen, token_ids, 0)


def mask_tokens(
    token_ids,
    special_ids,
    mask_id,
    choice,
    fate,
    random_ids,
    *,
    allowed=not_special,
    draw=below_rate,
    fates=mask_first,
    becomes=lambda mask_id, random_ids: (mask_id, random_ids),
    touched=lambda chosen: chosen,
    label=where_chosen,
    result=lambda inputs, labels: (inputs, labels),
):
    """What BERT reads and what it is asked: (B, T) each."""
    chosen = draw(choice) & allowed(token_ids, special_ids, choice)
    hide, swap = fates(fate)
    mask, other = becomes(mask_id, random_ids)
    inputs = np.where(touched(chosen) & hide, mask, token_ids)
    inputs = np.where(touched(chosen) & swap, other, inputs)
    return result(inputs, label(token_ids, inputs, chosen, chosen & hide))


def drawn(lengths, size, choose=(0.0, 1.0), fates=(0.0, 1.0), unknown=False):
    """Sentences with the numbers that decide about each token."""

    def draw(rng):
        ids = rng.integers(5, 60, (len(lengths), size))
        places, ends = np.arange(size), np.array(lengths)[:, None] - 1
        ids[:, 0] = 2
        ids = np.where(places == ends, 3, np.where(places < ends, ids, 0))
        if unknown:
            ids[:, 1] = 1
        choice, fate = rng.uniform(*choose, ids.shape), rng.uniform(*fates, ids.shape)
        random_ids = rng.integers(5, 60, ids.shape)
        return ids, list(SPECIAL), MASK_ID, choice, fate, random_ids

    return draw


def on_the_borders(rng):
    """Draws of which many are exactly 0, 0.15, 0.8, 0.9 or 1."""
    ids, special, mask_id, choice, fate, random_ids = drawn((26, 26), 26)(rng)
    pairs = itertools.product((0.0, 0.1, 0.15, 0.5), (0.0, 0.3, 0.8, 0.85, 0.9, 1.0))
    choice[:, 1:-1], fate[:, 1:-1] = np.transpose(list(pairs))
    return ids, special, mask_id, choice, fate, random_ids


def _mask(name, **steps):
    return Misconception(f"mask.{name}", "masking", **steps)


MASKING = Exercise(
    name="mask_tokens",
    section="masking",
    points=4,
    reference=mask_tokens,
    messages=MESSAGES,
    cases=(
        Case("long", drawn((60, 41, 53), 60)),
        Case("all-chosen", drawn((30, 24), 30, choose=(0.0, 0.149))),
        Case("none-chosen", drawn((9, 7), 9, choose=(0.16, 1.0))),
        Case("short", drawn((3, 4, 3, 5), 12, choose=(0.0, 0.4))),
        Case("kept", drawn((25, 19), 25, (0.0, 0.3), (0.75, 1.0), unknown=True)),
        Case("borders", on_the_borders),
    ),
    misconceptions=(
        _mask("special-too", allowed=lambda ids, special, choice: ids >= 0),
        _mask("padding-alone-safe", allowed=lambda ids, special, choice: ids != 0),
        _mask("special-alone", allowed=lambda i, s, choice: np.isin(i, s)),
        _mask("rate-inverted", draw=lambda choice: choice > 0.15),
        _mask("rate-of-12", draw=lambda choice: choice < 0.12),
        _mask("border-chosen", draw=lambda choice: choice <= 0.15),
        _mask(
            "border-masked",
            fates=lambda fate: (fate <= 0.8, (fate > 0.8) & (fate < 0.9)),
        ),
        _mask(
            "border-random",
            fates=lambda fate: (fate < 0.8, (fate >= 0.8) & (fate <= 0.9)),
        ),
        _mask(
            "both-borders-below",
            fates=lambda fate: (fate <= 0.8, (fate > 0.8) & (fate <= 0.9)),
        ),
        _mask("always-mask", fates=lambda fate: (fate < 2, fate > 2)),
        _mask("never-kept", fates=lambda fate: (fate < 0.8, fate >= 0.8)),
        _mask("never-random", fates=lambda fate: (fate < 0.8, fate > 2)),
        _mask("random-is-mask", fates=lambda fate: (fate < 0.9, fate > 2)),
        _mask("random-and-kept-swapped", fates=lambda fate: (fate < 0.8, fate >= 0.9)),
        _mask(
            "kept-and-mask-swapped",
            fates=lambda fate: (fate >= 0.9, (fate >= 0.8) & (fate < 0.9)),
        ),
        _mask(
            "10-of-the-rest",
            fates=lambda fate: (fate < 0.8, (fate >= 0.8) & (fate < 0.98)),
        ),
        _mask(
            "mask-and-random-swapped",
            becomes=lambda mask_id, random_ids: (random_ids, mask_id),
        ),
        _mask("random-gives-zero", becomes=lambda mask_id, random_ids: (mask_id, 0)),
        _mask("masked-everywhere", touched=lambda chosen: chosen | True),
        _mask("not-touched", touched=lambda chosen: chosen & False),
        _mask("labels-everywhere", label=lambda ids, inputs, chosen, hidden: ids),
        _mask(
            "labels-at-masks-only",
            label=lambda ids, inputs, chosen, hidden: np.where(hidden, ids, 0),
        ),
        _mask(
            "labels-where-changed",
            label=lambda ids, inputs, chosen, hidden: np.where(inputs != ids, ids, 0),
        ),
        _mask(
            "labels-are-inputs",
            label=lambda ids, inputs, chosen, hidden: np.where(chosen, inputs, 0),
        ),
        _mask(
            "labels-elsewhere",
            label=lambda ids, inputs, chosen, hidden: np.where(chosen, 0, ids),
        ),
        _mask(
            "labels-minus-100",
            label=lambda ids, inputs, chosen, hidden: np.where(chosen, ids, -100),
        ),
        _mask(
            "labels-are-booleans",
            label=lambda ids, inputs, chosen, hidden: chosen.astype(int),
        ),
        _mask("swapped", result=lambda inputs, labels: (labels, inputs)),
    ),
    accepted={
        "in a copy": lambda *a: _masking_in_a_copy(*a),
        "loops": lambda *a: _masking_with_loops(*a),
        "select": lambda *a: _masking_with_select(*a),
        "arithmetic": lambda *a: _masking_with_arithmetic(*a),
        "tensorflow": lambda *a: _masking_with_tensorflow(*a),
    },
)


def _masking_in_a_copy(ids, special, mask_id, choice, fate, random_ids):
    chosen = choice < 0.15
    for token in special:
        chosen[ids == token] = False
    inputs, labels = ids.copy(), np.zeros_like(ids)
    labels[chosen] = ids[chosen]
    inputs[chosen & (fate < 0.8)] = mask_id
    swap = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[swap] = random_ids[swap]
    return inputs, labels


def _masking_with_loops(ids, special, mask_id, choice, fate, random_ids):
    inputs, labels = ids.tolist(), (0 * ids).tolist()
    for b in range(ids.shape[0]):
        for t in range(ids.shape[1]):
            if ids[b, t] in special or choice[b, t] >= 0.15:
                continue
            labels[b][t] = int(ids[b, t])
            if fate[b, t] < 0.8:
                inputs[b][t] = mask_id
            elif fate[b, t] < 0.9:
                inputs[b][t] = int(random_ids[b, t])
    return inputs, labels


def _masking_with_select(ids, special, mask_id, choice, fate, random_ids):
    chosen = (choice < 0.15) & ~np.isin(ids, list(special))
    kinds = [~chosen, fate < 0.8, fate < 0.9]
    inputs = np.select(kinds, [ids, np.full_like(ids, mask_id), random_ids], ids)
    return inputs, ids * chosen


def _masking_with_arithmetic(ids, special, mask_id, choice, fate, random_ids):
    chosen = (choice < 0.15) * np.prod([ids != s for s in special], axis=0)
    hide, swap = chosen * (fate < 0.8), chosen * (fate >= 0.8) * (fate < 0.9)
    return ids * (1 - hide - swap) + mask_id * hide + random_ids * swap, chosen * ids


def _masking_with_tensorflow(ids, special, mask_id, choice, fate, random_ids):
    import tensorflow as tf

    ids = tf.constant(ids)
    special = tf.reduce_any(ids[..., None] == tf.constant(special, ids.dtype), -1)
    chosen = tf.logical_and(choice < 0.15, ~special)
    new = tf.where(fate < 0.8, tf.cast(mask_id, ids.dtype), ids)
    new = tf.where((fate >= 0.8) & (fate < 0.9), tf.constant(random_ids), new)
    return tf.where(chosen, new, ids), tf.where(chosen, ids, tf.zeros_like(ids))


# ── the loss where something was asked ────────────────────────────────────────────────


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def mean_where_asked(losses, asked):
    """The mean over positions with a label."""
    return (losses * asked).sum() / asked.sum()


def masked_lm_loss(
    states,
    labels,
    token_table,
    bias,
    *,
    score=lambda states, table, bias: states @ table.T + bias,
    logs=log_softmax,
    shift=identity,
    asked=lambda labels: labels != 0,
    sign=np.negative,
    mean=mean_where_asked,
    finish=identity,
):
    """A number: how surprised BERT is, on average, where it was asked."""
    log_p = logs(score(states, token_table, bias))  # (B, T, V)
    labels = shift(labels)
    of_label = np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]  # (B, T)
    return finish(mean(sign(of_label), asked(labels)))


def asked_about(batch, length, size, vocabulary, share=0.3, scale=1.0, offset=0.0):
    """States, labels of which most are 0, a table and a bias."""

    def draw(rng):
        labels = rng.integers(5, vocabulary, (batch, length))
        asked = rng.random((batch, length)) < share
        # At least one; none at an edge, so that a shifted label is another label.
        asked[:, [0, -1]] = False
        asked[np.arange(batch), 1 + np.arange(batch) % (length - 2)] = True
        asked[0, 1 : length - 1] = True  # sentences differ in how much is asked
        states = floats(rng, batch, length, size, scale=scale)
        table = floats(rng, vocabulary, size)
        bias = floats(rng, vocabulary, scale=0.7) + np.float32(offset)
        return states, np.where(asked, labels, 0), table, bias

    return draw


def asked_at_the_edges(rng):
    """First and last positions are asked, for the lowest and highest labels too."""
    states, labels, table, bias = asked_about(3, 6, 4, 11)(rng)
    labels[0, [0, -1]] = rng.permutation([1, 10])
    labels[1, [0, -1]] = rng.permutation([2, 7])
    labels[2, [0, 1]] = rng.permutation([3, 4])
    return states, labels, table, bias


def one_question(rng):
    """One text, in which only the last position is asked."""
    states, labels, table, bias = asked_about(1, 4, 3, 8)(rng)
    labels[:] = 0
    labels[0, -1] = rng.integers(1, 8)
    return states, labels, table, bias


def one_earlier(labels):
    """Each label at the position before its own; the first has none."""
    return np.pad(labels[:, 1:], ((0, 0), (0, 1)))


def but_the_ends(labels, first=1, last=1):
    """Where something is asked, the first and the last position left out (wrong)."""
    asked = labels != 0
    asked[:, :first] = False
    asked[:, labels.shape[1] - last :] = False
    return asked


def _loss(name, section="loss", **steps):
    return Misconception(f"loss.{name}", section, **steps)


LOSS = Exercise(
    name="masked_lm_loss",
    section="loss",
    points=3,
    reference=masked_lm_loss,
    messages=MESSAGES,
    cases=(
        Case("few", asked_about(2, 6, 3, 9)),
        Case("some", asked_about(4, 11, 5, 14)),
        Case("sure", asked_about(3, 7, 4, 12, scale=300)),
        Case("far-from-zero", asked_about(2, 5, 3, 8, offset=2000), 1e-3),
        Case("edges", asked_at_the_edges),
        Case("one-question", one_question),
        Case("square", asked_about(5, 7, 7, 7), 1e-4, True),
    ),
    misconceptions=(
        _loss("everywhere", asked=lambda labels: labels >= 0),
        _loss("where-not-asked", asked=lambda labels: labels == 0),
        _loss(
            "divided-by-all",
            mean=lambda losses, asked: (losses * asked).sum() / asked.size,
        ),
        _loss(
            "sentences-weigh-alike",
            mean=lambda losses, asked: (
                (losses * asked).sum(1) / np.maximum(asked.sum(1), 1)
            ).mean(),
        ),
        _loss("summed", mean=lambda losses, asked: (losses * asked).sum()),
        _loss(
            "divided-by-sentences",
            mean=lambda losses, asked: (losses * asked).sum() / len(losses),
        ),
        _loss("each-position", mean=lambda losses, asked: losses * asked),
        _loss("each-asked", mean=lambda losses, asked: losses[asked]),
        # Together with a moved label this would look like others: `shift` rules it out.
        _loss("ends-left-out", asked=but_the_ends, shift=identity),
        _loss("first-left-out", asked=lambda labels: but_the_ends(labels, last=0)),
        _loss("last-left-out", asked=lambda labels: but_the_ends(labels, first=0)),
        _loss("special-left-out", asked=lambda labels: labels > 4),
        _loss("next-token", shift=one_earlier),
        _loss("next-token-in-a-ring", shift=lambda x: np.roll(x, -1, axis=1)),
        _loss("bias-forgotten", score=lambda s, table, bias: s @ table.T),
        _loss("not-transposed", score=lambda s, table, bias: s @ table + bias),
        _loss(
            "cosine",
            score=lambda s, table, bias: (
                (s / np.linalg.norm(s, axis=-1, keepdims=True))
                @ (table / np.linalg.norm(table, axis=-1, keepdims=True)).T
                + bias
            ),
        ),
        _loss("no-softmax", logs=identity),
        _loss("no-logarithm", logs=lambda x: np.exp(log_softmax(x))),
        _loss("softmax-over-positions", logs=lambda x: log_softmax(x, axis=1)),
        _loss(
            "overflow",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        _loss("underflow", logs=lambda x: np.log(np.exp(log_softmax(x)))),
        _loss("tiny-added", logs=lambda x: np.log(np.exp(log_softmax(x)) + 1e-9)),
        _loss("sign", sign=identity),
        _loss("perplexity", finish=np.exp),
        _loss("in-bits", finish=lambda loss: loss / np.log(2)),
    ),
    accepted={
        "asked rows alone": lambda *a: _loss_of_rows(*a),
        "loops": lambda *a: _loss_with_loops(*a),
        "one-hot": lambda *a: _loss_with_one_hot(*a),
        "keras": lambda *a: _loss_with_keras(*a),
        "tensorflow": lambda *a: _loss_with_tensorflow(*a),
    },
)


def _loss_of_rows(states, labels, table, bias):
    asked = labels > 0
    logits = states[asked] @ table.T + bias  # (asked, V)
    logits -= logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits).sum(axis=1))
    return np.mean(log_sum - logits[np.arange(asked.sum()), labels[asked]])


def _loss_with_loops(states, labels, table, bias):
    losses = []
    for row, wanted in zip(states.astype(float), labels, strict=True):
        for state, label in zip(row, wanted, strict=True):
            if label:
                logits = table @ state + bias
                most = logits.max()
                total = most + math.log(sum(math.exp(x - most) for x in logits))
                losses.append(total - logits[label])
    return sum(losses) / len(losses)


def _loss_with_one_hot(states, labels, table, bias):
    logits = np.einsum("btd,vd->btv", states, table) + bias
    most = logits.max(-1)
    log_sum = most + np.log(np.exp(logits - most[..., None]).sum(-1))
    of_label = (np.eye(len(table))[labels] * logits).sum(-1)
    return np.average(log_sum - of_label, weights=labels != 0)


def _loss_with_keras(states, labels, table, bias):
    import keras

    logits = states @ table.T + bias
    losses = keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    weights = keras.ops.cast(labels != 0, "float32")
    return keras.ops.sum(losses * weights) / keras.ops.sum(weights)


def _loss_with_tensorflow(states, labels, table, bias):
    import tensorflow as tf

    rows = tf.boolean_mask(states, labels != 0)
    logits = tf.linalg.matmul(rows, table, transpose_b=True) + bias
    wanted = tf.boolean_mask(labels, labels != 0)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
    )


# ── one vector for a text, and a head ─────────────────────────────────────────────────


def mean_of_kept(states, keep):
    """The mean over tokens that are no padding."""
    keep = keep[..., None]
    return (states * keep).sum(1) / keep.sum(1)


def first_of_each(states, keep):
    """[CLS] is the first token."""
    return states[:, 0]


def last_of_each(states, keep):
    """The last token that is no padding."""
    last = keep.shape[1] - 1 - keep[:, ::-1].argmax(1)
    return states[np.arange(len(states)), last]


def text_logits(
    states,
    padding_mask,
    kernel,
    bias,
    pooling,
    *,
    cls=first_of_each,
    mean=mean_of_kept,
    choose=lambda pooling: pooling,
    squash=identity,
    project=lambda x, kernel, bias: x @ kernel + bias,
    finish=identity,
):
    """A row of logits a text: (B, C)."""
    pool = cls if choose(pooling) == "cls" else mean
    return finish(project(squash(pool(states, padding_mask)), kernel, bias))


def texts(lengths, length, size, classes, pooling):
    """States of texts of some lengths; what stands in padding is large."""

    def draw(rng):
        keep = np.arange(length) < np.array(lengths)[:, None]
        states = floats(rng, len(lengths), length, size)
        states[~keep] *= 4
        kernel, bias = floats(rng, size, classes), floats(rng, classes)
        return states, keep, kernel, bias, pooling

    return draw


def with_holes(rng):
    """Texts with padding between their tokens."""
    states, keep, *others = texts((6, 6), 6, 5, 3, "mean")(rng)
    keep[0, 2:4] = keep[1, [1, 3, 4]] = False
    return states, keep, *others


def as_many_from_the_first(keep):
    """As many tokens as are no padding, all at the beginning (wrong)."""
    return np.arange(keep.shape[1]) < keep.sum(1)[:, None]


def _head(name, **steps):
    return Misconception(f"head.{name}", "head", **steps)


HEAD = Exercise(
    name="text_logits",
    section="head",
    points=3,
    reference=text_logits,
    messages=MESSAGES,
    cases=(
        Case("cls", texts((5, 3, 4), 6, 7, 4, "cls")),
        Case("mean-full", texts((4, 4), 4, 5, 3, "mean")),
        Case("mean", texts((6, 2, 4), 6, 5, 4, "mean")),
        Case("short", texts((1, 2, 1, 3), 5, 6, 2, "mean")),
        Case("holes", with_holes),
        Case("one-text", texts((2,), 3, 4, 5, "mean")),
        Case("square", texts((4, 2, 3, 1), 4, 4, 4, "cls"), 1e-4, True),
    ),
    misconceptions=(
        _head("padding-counted", mean=lambda states, keep: states.mean(1)),
        _head(
            "divided-by-all",
            mean=lambda states, keep: (states * keep[..., None]).mean(1),
        ),
        _head("summed", mean=lambda states, keep: (states * keep[..., None]).sum(1)),
        _head(
            "beginning", mean=lambda s, k: mean_of_kept(s, as_many_from_the_first(k))
        ),
        _head("padding-alone", mean=lambda s, keep: mean_of_kept(s, ~keep)),
        _head(
            "cls-left-out",
            mean=lambda states, keep: mean_of_kept(states[:, 1:], keep[:, 1:]),
        ),
        _head(
            "largest",
            mean=lambda s, keep: np.where(keep[..., None], s, -np.inf).max(1),
        ),
        _head("mean-is-cls", mean=first_of_each),
        _head("cls-is-mean", cls=mean_of_kept),
        _head("cls-is-last", cls=last_of_each),
        _head("cls-is-very-last", cls=lambda states, keep: states[:, -1]),
        _head("cls-is-second", cls=lambda states, keep: states[:, 1]),
        _head("first-text", cls=lambda states, keep: states[0]),
        _head("exchanged", choose=lambda p: "mean" if p == "cls" else "cls"),
        _head("tanh", squash=np.tanh),
        _head("bias-forgotten", project=lambda x, kernel, bias: x @ kernel),
        _head("kernel-transposed", project=lambda x, kernel, bias: x @ kernel.T + bias),
        _head("softmax", finish=lambda x: np.exp(log_softmax(x))),
        _head("log-softmax", finish=log_softmax),
        _head("class-not-logits", finish=lambda x: x.argmax(-1).astype(float)),
    ),
    accepted={
        "average with weights": lambda *a: _head_with_average(*a),
        "loops": lambda *a: _head_with_loops(*a),
        "logits first": lambda *a: _head_logits_first(*a),
        "einsum": lambda *a: _head_with_einsum(*a),
        "keras": lambda *a: _head_with_keras(*a),
    },
)


def _head_with_average(states, keep, kernel, bias, pooling):
    keep = keep if pooling == "mean" else np.arange(keep.shape[1]) == 0
    weights = np.broadcast_to(keep[..., None], states.shape)
    return np.average(states, axis=1, weights=weights) @ kernel + bias


def _head_with_loops(states, keep, kernel, bias, pooling):
    rows = []
    for state, real in zip(states, keep, strict=True):
        vector = state[0] if pooling == "cls" else state[real].mean(axis=0)
        rows.append(vector.dot(kernel) + bias)
    return rows


def _head_logits_first(states, keep, kernel, bias, pooling):
    logits = states @ kernel + bias  # (B, T, C)
    if pooling == "cls":
        return logits[:, 0]
    return np.nanmean(np.where(keep[:, :, None], logits, np.nan), axis=1)


def _head_with_einsum(states, keep, kernel, bias, pooling):
    if pooling == "cls":
        weights = np.zeros(keep.shape)
        weights[:, 0] = 1
    else:
        weights = keep / keep.sum(axis=1, keepdims=True)
    return np.einsum("btd,bt,dc->bc", states, weights, kernel) + bias


def _head_with_keras(states, keep, kernel, bias, pooling):
    import keras

    if pooling == "mean":
        pooled = keras.layers.GlobalAveragePooling1D()(states, mask=keep)
    else:
        pooled = states[:, 0, :]
    return keras.ops.add(keras.ops.matmul(pooled, kernel), bias)


# ── calibration ───────────────────────────────────────────────────────────────────────


def likeliest(probabilities, labels):
    """How sure the model is of its answer."""
    return probabilities.max(-1)


def is_right(probabilities, labels):
    """1 where the answer is the label."""
    return (probabilities.argmax(-1) == labels).astype(float)


def equal_widths(confidence, bins):
    """The bin of each text: (0, 1/M], …, ((M − 1)/M, 1]."""
    return np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)


def open_above(confidence, bins):
    """The bin of each text: [0, 1/M), …, [(M − 1)/M, 1] (wrong)."""
    return np.minimum(np.floor(confidence * bins), bins - 1).astype(int)


def equal_counts(confidence, bins):
    """Bins of as many texts each."""
    order = np.argsort(np.argsort(confidence))
    return order * bins // len(confidence)


def from_least_to_most(confidence, bins):
    """Bins of equal width between the least and the most sure answer."""
    edges = np.linspace(confidence.min(), confidence.max(), bins + 1)[1:-1]
    return np.digitize(confidence, edges)


def to_the_nearest(confidence, bins):
    """Bins around 0, 1/M, 2/M …"""
    return np.minimum(np.round(confidence * bins), bins - 1).astype(int)


def by_share(gaps, counts, texts):
    """The mean gap, each bin weighed by its share of all texts."""
    return (gaps * counts).sum() / texts


def calibration_error(
    probabilities,
    labels,
    bins,
    *,
    sureness=likeliest,
    right=is_right,
    place=equal_widths,
    within=lambda confidence, bins: confidence <= 1,
    expects=lambda sure, number, bins: sure.mean(),
    gap=np.abs,
    mean=by_share,
    finish=identity,
):
    """By how much a model is surer than right, or less sure, on average."""
    confidence, correct = sureness(probabilities, labels), right(probabilities, labels)
    number, kept = place(confidence, bins), within(confidence, bins)
    gaps, counts = np.zeros(bins), np.zeros(bins)
    for b in range(bins):
        mine = kept & (number == b)
        counts[b] = mine.sum()
        if mine.any():
            gaps[b] = gap(correct[mine].mean() - expects(confidence[mine], b, bins))
    return finish(mean(gaps, counts, len(labels)))


def on_the_edges(bins, classes):
    """Confidences of which about half lie exactly on the edges of bins.

    The edges are exact in binary. Answers inside of a bin are mostly right, and those
    on every second edge mostly wrong, so that it matters to which bin an edge belongs.
    """

    def draw(rng):
        steps = rng.permutation(np.repeat(np.arange(2, bins + 1), rng.integers(4, 8)))
        on_edge = rng.random(steps.size) < 0.5
        confidence = np.where(on_edge, steps, steps - rng.uniform(0.1, 0.4)) / bins
        guess = rng.integers(classes, size=steps.size)
        others = np.repeat((1 - confidence[:, None]) / (classes - 1), classes, axis=1)
        probabilities = others.astype(np.float32)
        probabilities[np.arange(steps.size), guess] = confidence
        right = rng.random(steps.size) < np.where(on_edge & (steps % 2 == 0), 0.1, 0.9)
        labels = np.where(right, guess, (guess + 1) % classes)
        return probabilities, labels, bins

    return draw


def answers(count, classes, bins, sharpness=1.0, certain=0):
    """Probabilities, some of them exactly 1, and labels that follow them loosely."""

    def draw(rng):
        logits = sharpness * rng.normal(size=(count, classes)) * 1.5
        probabilities = np.exp(log_softmax(logits))
        guess = probabilities.argmax(-1)
        wrong = (guess + rng.integers(1, classes, count)) % classes
        labels = np.where(rng.random(count) < 0.6, guess, wrong)
        labels[:3] = wrong[:3]
        if certain:
            probabilities[:certain] = np.eye(classes)[guess[:certain]]
        return probabilities.astype(np.float32), labels, bins

    return draw


def _ece(name, **steps):
    return Misconception(f"calibration.{name}", "calibration", **steps)


CALIBRATION = Exercise(
    name="calibration_error",
    section="calibration",
    points=3,
    reference=calibration_error,
    messages=MESSAGES,
    cases=(
        Case("five-classes", answers(70, 5, 10)),
        Case("two-classes", answers(45, 2, 8)),
        Case("certain", answers(40, 3, 10, sharpness=2.0, certain=9)),
        Case("few-texts", answers(7, 4, 15)),
        Case("one-bin", answers(30, 3, 1)),
        Case("edges", on_the_edges(8, 6)),
        Case("few-edges", on_the_edges(4, 5)),
    ),
    misconceptions=(
        _ece("bins-weigh-alike", mean=lambda gaps, counts, texts: gaps.mean()),
        _ece(
            "filled-bins-weigh-alike",
            mean=lambda gaps, counts, texts: gaps[counts > 0].mean(),
        ),
        _ece("worst-bin", mean=lambda gaps, counts, texts: gaps.max()),
        _ece("summed", mean=lambda gaps, counts, texts: gaps.sum()),
        _ece("not-divided", mean=lambda gaps, counts, texts: (gaps * counts).sum()),
        _ece("sign-kept", gap=identity),
        _ece("squared", gap=np.square),
        _ece("root-of-squares", gap=np.square, finish=np.sqrt),
        _ece(
            "confidence-in-the-label",
            sureness=lambda p, labels: np.take_along_axis(p, labels[:, None], 1)[:, 0],
        ),
        _ece("least-likely", sureness=lambda p, labels: p.min(-1)),
        _ece("wrong-counted", right=lambda p, labels: 1 - is_right(p, labels)),
        _ece("bins-of-equal-count", place=equal_counts),
        _ece("bins-between-extremes", place=from_least_to_most),
        _ece("bins-by-rounding", place=to_the_nearest),
        _ece("one-bin-for-all", place=lambda confidence, bins: 0 * confidence),
        _ece("edge-in-the-bin-above", place=open_above),
        _ece(
            "edges-left-out",
            within=lambda confidence, bins: confidence * bins % 1 != 0,
        ),
        _ece("certain-left-out", within=lambda confidence, bins: confidence < 1),
        _ece(
            "middle-of-the-bin",
            expects=lambda sure, number, bins: (number + 0.5) / bins,
        ),
        _ece("percent", finish=lambda error: 100 * error),
    ),
    accepted={
        "sums": lambda *a: _error_by_sums(*a),
        "digitize": lambda *a: _error_with_digitize(*a),
        "histogram": lambda *a: _error_with_histogram(*a),
        "lists": lambda *a: _error_with_lists(*a),
        "keras": lambda *a: _error_with_keras(*a),
    },
)


def _error_by_sums(probabilities, labels, bins):
    confidence = probabilities.max(axis=1)
    excess = (probabilities.argmax(axis=1) == labels) - confidence
    number = np.ceil(confidence * bins).astype(int) - 1
    return np.abs(np.bincount(number, excess)).sum() / len(labels)


def _error_with_digitize(probabilities, labels, bins):
    confidence, total = probabilities.max(-1), 0.0
    number = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    for b in np.unique(number):
        mine = number == b
        correct = np.mean(np.argmax(probabilities[mine], -1) == labels[mine])
        total += mine.mean() * abs(correct - confidence[mine].mean())
    return total


def _error_with_histogram(probabilities, labels, bins):
    sure, guess = np.max(probabilities, 1), np.argmax(probabilities, 1)
    # NumPy's bins hold their lower edge; seen from 1 downwards that is the upper one.
    sums = [
        np.histogram(1 - sure, bins, (0, 1), weights=w)[0]
        for w in ((guess == labels).astype(float), sure)
    ]
    return np.abs(sums[0] - sums[1]).sum() / sure.size


def _error_with_lists(probabilities, labels, bins):
    pairs = [
        (float(max(p)), int(np.argmax(p) == y))
        for p, y in zip(probabilities, labels, strict=True)
    ]
    total = 0
    for b in range(bins):
        mine = [(c, r) for c, r in pairs if b / bins < c <= (b + 1) / bins]
        if mine:
            gap = sum(r for _, r in mine) / len(mine) - sum(c for c, _ in mine) / len(
                mine
            )
            total += len(mine) / len(pairs) * abs(gap)
    return total


def _error_with_keras(probabilities, labels, bins):
    ops = keras().ops
    confidence = ops.max(probabilities, axis=-1)
    correct = ops.cast(ops.equal(ops.argmax(probabilities, -1), labels), "float32")
    number = ops.cast(ops.ceil(confidence * bins) - 1, "int32")
    sums = ops.segment_sum(correct - confidence, number, num_segments=bins)
    return ops.sum(ops.abs(sums)) / len(labels)


EXERCISES = (WORDPIECE, INPUT, MASKING, LOSS, HEAD, CALIBRATION)
