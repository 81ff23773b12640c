"""The logarithm of a text's probability: the sum over all paths that read so."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

from ._shared import (
    LIBRARY,
    NEVER,
    anywhere,
    arrivals,
    between_all,
    between_others,
    first_one,
    first_two,
    labels_too,
    log_probabilities,
    moved,
    nowhere,
    with_blanks,
    without_blanks,
)


def add(ways):
    """The logarithm of a sum of probabilities, over the first axis."""
    return np.logaddexp.reduce(ways, axis=0)


def last_two(last):
    """A path ends with the blank or with the last label."""
    return last[-2:]


def every_frame(log_probs):
    """Tokens that count."""
    return log_probs


def the_answer(logarithm, log_probs, labels):
    """As it is."""
    return logarithm


def ctc_log_probability(
    log_probs,
    labels,
    *,
    frames=every_frame,
    row=with_blanks,
    begin=first_two,
    skip=between_others,
    arrive=arrivals,
    join=add,
    end=last_two,
    answer=the_answer,
):
    """log P(labels): forward over tokens, with a number for each place in the row."""
    log_probs = np.asarray(log_probs, "float64")
    symbols = row(np.asarray(labels, int))  # (S,)
    chances = frames(log_probs)[:, symbols]  # (T, S)
    alpha = np.where(begin(symbols), chances[0], NEVER)
    for chance in chances[1:]:
        alpha = join(arrive(alpha, skip(symbols))) + chance
    return np.asarray(answer(join(end(alpha)), log_probs, labels), "float64")


def as_number(answer, log_probs, labels):
    """What is returned, whatever kind of number it is; −∞ without a warning."""
    with np.errstate(all="ignore"):
        return np.asarray(answer(log_probs, labels), "float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────


def spoken(pattern, tokens, labels=6, sure=2.0, scale=1.0):
    """Log-probabilities in which a text is likely: a label for each letter."""

    def draw(rng):
        letters = sorted(set(pattern))
        names = dict(zip(letters, 1 + rng.permutation(labels - 1), strict=False))
        text = np.array([names[letter] for letter in pattern], int)
        between = np.stack([text, np.zeros(len(text), int)], 1).reshape(-1)
        return log_probabilities(rng, tokens, labels, between, sure, scale), text

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def add_small_numbers(ways):
    """Probabilities themselves: where they are too small for a float, 0 (wrong)."""
    with np.errstate(all="ignore"):
        return np.log(np.exp(ways).sum(axis=0))


def logarithms_added(ways):
    """As if log(a + b) were log a + log b, of what is possible (wrong)."""
    real = np.isfinite(ways)
    total = np.where(real, ways, 0).sum(axis=0)
    return np.where(real.any(axis=0), total, NEVER)


def no_staying(alpha, skip):
    """A symbol lasts one token (wrong)."""
    return np.stack([moved(alpha, 1), np.where(skip, moved(alpha, 2), NEVER)])


def per_token(logarithm, log_probs, labels):
    """Divided by the number of tokens (wrong)."""
    return logarithm / len(log_probs)


def per_label(logarithm, log_probs, labels):
    """Divided by the number of labels (wrong)."""
    return logarithm / max(1, len(labels))


wrong = mistakes("ctc", section="forward")

EXERCISE = Exercise(
    name="ctc_log_probability",
    section="forward",
    points=5,
    reference=ctc_log_probability,
    probe=as_number,
    forbidden=LIBRARY,
    cases=(
        Case("word", spoken("abcd", 9)),
        Case("repeat", spoken("abbc", 9)),
        Case("all-equal", spoken("aaa", 8, labels=4)),
        Case("comes-again", spoken("abab", 7)),
        Case("one-label", spoken("a", 5, labels=3)),
        Case("one-token", spoken("a", 1, labels=4)),
        Case("no-label", spoken("", 4, labels=4)),
        Case("just-fits", spoken("abc", 3)),
        Case("repeat-just-fits", spoken("abba", 5)),
        Case("too-long", spoken("abcd", 3)),
        Case("repeat-too-long", spoken("abba", 4)),
        Case("unlikely", spoken("acb", 6, sure=-3.0)),
        Case("long", spoken("abcdeabcde", 900, labels=30, sure=0.5)),
    ),
    misconceptions=(
        wrong("skip-over-equal", skip=between_all),
        wrong("never-skipped", skip=nowhere),
        wrong("labels-skipped", skip=labels_too),
        wrong("no-blanks", row=without_blanks, end=lambda last: last[-1:]),
        wrong("no-staying", arrive=no_staying),
        wrong("begins-with-blank", begin=first_one),
        wrong("begins-anywhere", begin=anywhere),
        wrong("last-blank-only", end=lambda last: last[-1:]),
        wrong("last-label-only", end=lambda last: last[-2:][:1]),
        wrong("ends-anywhere", end=identity),
        wrong("first-token-lost", frames=lambda x: np.vstack([0 * x[:1], x[1:]])),
        wrong("best-path", join=lambda ways: ways.max(axis=0)),
        wrong("probabilities", join=add_small_numbers),
        wrong("logarithms-added", join=logarithms_added),
        wrong("loss", answer=lambda x, log_probs, labels: -x),
        wrong("no-logarithm", answer=lambda x, log_probs, labels: np.exp(x)),
        wrong("per-token", answer=per_token),
        wrong("per-label", answer=per_label),
    ),
    accepted={
        "loops": lambda *a: _loops(*a),
        "two rows": lambda *a: _two_rows(*a),
        "backwards": lambda *a: _backwards(*a),
        "rescaled": lambda *a: _rescaled(*a),
        "recursion": lambda *a: _recursion(*a),
    },
)


def _loops(log_probs, labels):
    import math

    row = [0]
    for label in labels:
        row += [int(label), 0]

    def log_sum(numbers):
        top = max(numbers)
        if top == -math.inf:
            return top
        return top + math.log(sum(math.exp(x - top) for x in numbers))

    alpha = [-math.inf] * len(row)
    for s in range(min(2, len(row))):
        alpha[s] = float(log_probs[0][row[s]])
    for t in range(1, len(log_probs)):
        new = []
        for s in range(len(row)):
            ways = [alpha[s]]
            if s > 0:
                ways.append(alpha[s - 1])
            if s > 1 and row[s] != 0 and row[s] != row[s - 2]:
                ways.append(alpha[s - 2])
            new.append(log_sum(ways) + float(log_probs[t][row[s]]))
        alpha = new
    return log_sum(alpha[-2:])


def _two_rows(log_probs, labels):
    x = np.asarray(log_probs, "float64")
    count = len(labels)
    blank = np.full(count + 1, -np.inf)  # behind how many labels
    label = np.full(count, -np.inf)
    blank[0] = 0.0
    may = np.ones(count, bool)
    may[1:] = labels[1:] != labels[:-1]
    for frame in x:
        before = np.concatenate([[-np.inf], label])[:count]
        come = np.logaddexp(blank[:-1], np.where(may, before, -np.inf))
        stay_blank = np.logaddexp(blank, np.concatenate([[-np.inf], label]))
        label = np.logaddexp(label, come) + frame[labels]
        blank = stay_blank + frame[0]
    return np.logaddexp(blank[-1], label[-1]) if count else blank[-1]


def _backwards(log_probs, labels):
    x = np.asarray(log_probs, "float64")
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels
    beta = np.full(len(row) + 2, -np.inf)
    beta[max(0, len(row) - 2) : len(row)] = 0.0
    skip = [
        s + 2 < len(row) and row[s + 2] != 0 and row[s] != row[s + 2]
        for s in range(len(row))
    ]
    for frame in x[:0:-1]:
        said = np.concatenate([frame[row], [0.0, 0.0]]) + beta
        two = np.where(skip, said[2:], -np.inf)
        beta[: len(row)] = np.logaddexp(np.logaddexp(said[:-2], said[1:-1]), two)
    return np.logaddexp.reduce((x[0][row] + beta[: len(row)])[:2])


def _rescaled(log_probs, labels):
    x = np.exp(np.asarray(log_probs, "float64"))
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels
    ways = np.eye(len(row)) + np.eye(len(row), k=1)
    for s in range(2, len(row)):
        ways[s - 2, s] = row[s] != 0 and row[s] != row[s - 2]
    alpha = np.where(np.arange(len(row)) < 2, x[0, row], 0.0)
    logarithm = 0.0
    for t in range(len(x)):
        if t:
            alpha = (alpha @ ways) * x[t, row]
        total = alpha.sum()
        if total == 0:
            return -np.inf
        logarithm += np.log(total)
        alpha = alpha / total
    return logarithm + np.log(alpha[-2:].sum())


def _recursion(log_probs, labels):
    x = np.asarray(log_probs, "float64")
    row = [0, *(symbol for label in labels for symbol in (int(label), 0))]
    table = {}
    for t in range(len(x)):
        for s in range(len(row)):
            if t == 0:
                ways = [0.0] if s < 2 else []
            else:
                steps = [s, s - 1]
                if row[s] and s > 1 and row[s] != row[s - 2]:
                    steps.append(s - 2)
                ways = [table[t - 1, r] for r in steps if r >= 0]
            total = np.logaddexp.reduce(ways) if ways else -np.inf
            table[t, s] = total + x[t, row[s]]
    ends = {len(row) - 1, max(0, len(row) - 2)}
    return np.logaddexp.reduce([table[len(x) - 1, s] for s in ends])
