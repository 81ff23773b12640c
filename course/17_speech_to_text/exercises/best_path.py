"""The most probable of the paths that read as a text: a symbol for each token."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import (
    LIBRARY,
    NEVER,
    arrivals,
    between_all,
    between_others,
    first_one,
    first_two,
    log_probabilities,
    nowhere,
    with_blanks,
)


def highest(ways):
    """What the best way has."""
    return ways.max(axis=0)


def ends(count):
    """Places where a path may end, the last first."""
    return [count - 1, count - 2] if count > 1 else [0]


def search(chances, symbols, begin, skip, join, end):
    """The place in the row at each token (T,), with the best sum of all."""
    alpha = np.where(begin(symbols), chances[0], NEVER)
    came = []
    for chance in chances[1:]:
        ways = arrivals(alpha, skip(symbols))  # (3, S)
        came.append(ways.argmax(axis=0))
        alpha = join(ways) + chance
    place = max(end(len(symbols)), key=lambda s: alpha[s])
    places = [place]
    for back in came[::-1]:
        places.append(places[-1] - back[places[-1]])
    return np.array(places[::-1])


def symbols_at(places, symbols):
    """What is said there."""
    return symbols[places]


def best_path(
    log_probs,
    labels,
    *,
    begin=first_two,
    skip=between_others,
    join=highest,
    end=ends,
    search=search,
    read=symbols_at,
):
    """The path (T,), blanks and labels, that is the most probable one of its text."""
    log_probs = np.asarray(log_probs, "float64")
    symbols = with_blanks(np.asarray(labels, int))
    chances = log_probs[:, symbols]
    places = search(chances, symbols, begin, skip, join, end)
    return np.asarray(read(places, symbols), int)


def as_integers(answer, log_probs, labels):
    """What is returned as an array, also where it is a list."""
    return np.asarray(answer(log_probs, labels))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def spoken(pattern, said=None, tokens=10, labels=6, sure=2.0, scale=1.0):
    """A text, and log-probabilities in which `said` is likely: _ is the blank."""

    def draw(rng):
        likely = pattern if said is None else said
        letters = sorted(set(pattern + likely) - {"_"})
        names = dict(zip(letters, 1 + rng.permutation(labels - 1), strict=False))
        names["_"] = 0
        text = np.array([names[letter] for letter in pattern], int)
        heard = np.array([names[letter] for letter in likely], int)
        return log_probabilities(rng, tokens, labels, heard, sure, scale), text

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def step_by_step(chances, symbols, begin, skip, join, end):
    """At each token the best of the next places, never looked back on (wrong)."""
    place = int(np.where(begin(symbols), chances[0], NEVER).argmax())
    places, skips = [place], skip(symbols)
    for chance in chances[1:]:
        ways = [place, place + 1]
        if place + 2 < len(symbols) and skips[place + 2]:
            ways.append(place + 2)
        place = max((s for s in ways if s < len(symbols)), key=lambda s: chance[s])
        places.append(place)
    return np.array(places)


def turned_round(*steps):
    """The way back, as it was walked (wrong)."""
    return search(*steps)[::-1]


def evenly(chances, symbols, *steps):
    """As many tokens for each symbol (wrong)."""
    return np.arange(len(chances)) * len(symbols) // len(chances)


def merged(places, symbols):
    """The text itself (wrong)."""
    return symbols[symbols > 0]


def likeliest(chances, symbols, *steps):
    """The likeliest symbol of the row at each token, in any order (wrong)."""
    return chances.argmax(axis=1)


wrong = mistakes("path", section="alignment")

EXERCISE = Exercise(
    name="best_path",
    section="alignment",
    points=3,
    reference=best_path,
    probe=as_integers,
    forbidden=LIBRARY,
    cases=(
        Case("clear", spoken("abc", "a_bb_c")),
        Case("repeat", spoken("abba", "ab_ba")),
        Case("repeat-without-blank", spoken("abbc", "abbbc")),
        Case("other-order", spoken("abc", "cab", sure=3.0)),
        Case("late", spoken("ab", "____ab", tokens=12)),
        Case("early", spoken("ab", "ab____", tokens=12)),
        Case("letter-last", spoken("abc", "__a_bc", sure=4.0)),
        Case("letter-first", spoken("abc", "ab_c__", sure=4.0)),
        Case("tempting", spoken("abcd", "aaabab", tokens=8, sure=3.0)),
        Case("unclear", spoken("abcd", tokens=12, sure=0.0)),
        Case("unclear-repeats", spoken("aabb", tokens=11, labels=4, sure=0.0)),
        Case("just-fits", spoken("aba", tokens=3)),
        Case("repeat-just-fits", spoken("abb", tokens=4)),
        Case("one-label", spoken("a", tokens=5, labels=3, sure=0.0)),
        Case("no-label", spoken("", "ab_", tokens=4)),
        Case("long", spoken("abcabc", tokens=40, labels=8, sure=0.7)),
    ),
    misconceptions=(
        wrong("likeliest", search=likeliest),
        wrong("step-by-step", search=step_by_step),
        wrong("sums", join=lambda ways: np.logaddexp.reduce(ways, axis=0)),
        wrong("skip-over-equal", skip=between_all),
        wrong("never-skipped", skip=nowhere),
        wrong("begins-with-blank", begin=first_one),
        wrong("last-blank-only", end=lambda count: [count - 1]),
        wrong("last-label-only", end=lambda count: [max(0, count - 2)]),
        wrong("ends-anywhere", end=lambda count: range(count)),
        wrong("backwards", search=turned_round),
        wrong("evenly", search=evenly),
        wrong("places", read=lambda places, symbols: places),
        wrong("text", read=merged),
    ),
    accepted={
        "paths kept": lambda *a: _paths_kept(*a),
        "table": lambda *a: _table(*a),
        "from the end": lambda *a: _from_the_end(*a),
        "recursion": lambda *a: _recursion(*a),
    },
)


def _paths_kept(log_probs, labels):
    row = [0]
    for label in labels:
        row += [int(label), 0]
    best = {s: (float(log_probs[0][row[s]]), [row[s]]) for s in range(len(row))[:2]}
    for frame in log_probs[1:]:
        new = {}
        for s, symbol in enumerate(row):
            ways = [s, s - 1]
            if symbol and s > 1 and row[s - 2] != symbol:
                ways.append(s - 2)
            found = [best[r] for r in ways if r in best]
            if found:
                score, path = max(found)
                new[s] = (score + float(frame[symbol]), [*path, symbol])
        best = new
    return max(best[s] for s in range(len(row))[-2:] if s in best)[1]


def _table(log_probs, labels):
    x = np.asarray(log_probs, "float64")
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels
    score = np.full((len(x), len(row)), -np.inf)
    back = np.zeros(score.shape, int)
    score[0, :2] = x[0, row[:2]]
    for t in range(1, len(x)):
        for s in range(len(row)):
            low = s - 2 if s > 1 and row[s] and row[s] != row[s - 2] else max(s - 1, 0)
            back[t, s] = low + score[t - 1, low : s + 1].argmax()
            score[t, s] = score[t - 1, back[t, s]] + x[t, row[s]]
    s = len(row) - 1
    if s and score[-1, s - 1] > score[-1, s]:
        s -= 1
    path = np.zeros(len(x), int)
    for t in range(len(x) - 1, -1, -1):
        path[t] = row[s]
        s = back[t, s]
    return path


def _from_the_end(log_probs, labels):
    x = np.asarray(log_probs, "float64")
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels
    count = len(row)
    rest = np.full((len(x), count + 2), -np.inf)
    rest[-1, max(0, count - 2) : count] = x[-1, row[max(0, count - 2) :]]

    def ways(s):
        skip = s + 2 < count and row[s + 2] and row[s + 2] != row[s]
        return [s, s + 1, s + 2] if skip else [s, s + 1]

    for t in range(len(x) - 2, -1, -1):
        for s in range(count):
            rest[t, s] = x[t, row[s]] + max(rest[t + 1, r] for r in ways(s))
    s = int(rest[0, : min(2, count)].argmax())
    path = [row[s]]
    for t in range(1, len(x)):
        s = max(ways(s), key=lambda r, t=t: rest[t, r])
        path.append(row[s])
    return path


def _recursion(log_probs, labels):
    import functools

    x = np.asarray(log_probs, "float64")
    text = tuple(int(label) for label in labels)

    @functools.cache
    def best(t, said, blank):
        """The best path of t + 1 tokens that has said so many labels."""
        if said < 0 or (said == 0 and not blank):
            return -np.inf, ()
        symbol = 0 if blank else text[said - 1]
        if t == 0:
            begins = said == (0 if blank else 1)
            return (x[0, symbol], (symbol,)) if begins else (-np.inf, ())
        if blank:
            found = [best(t - 1, said, True), best(t - 1, said, False)]
        else:
            found = [best(t - 1, said, False), best(t - 1, said - 1, True)]
            if said < 2 or text[said - 2] != symbol:
                found.append(best(t - 1, said - 1, False))
        score, path = max(found)
        return score + x[t, symbol], (*path, symbol)

    last = len(x) - 1
    return max(best(last, len(text), True), best(last, len(text), False))[1]
