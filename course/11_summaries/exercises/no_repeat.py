"""Logits of the next token, without those that would say a run of n again."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def starts(tokens, n):
    """Where a run of n tokens that is written already begins."""
    return range(len(tokens) - n + 1)


def followers(tokens, n, places=starts):
    """Tokens that came after the last n − 1 tokens before."""
    if len(tokens) < n:
        return []
    last = tokens[len(tokens) - n + 1 :]
    return [
        tokens[i + n - 1] for i in places(tokens, n) if tokens[i : i + n - 1] == last
    ]


def set_low(logits, banned):
    """Never chosen."""
    logits = logits.copy()
    logits[banned] = -np.inf
    return logits


def no_repeat(logits, tokens, n, *, banned=followers, change=set_low):
    """Logits (V,) in which no token ends a run of n that stands in `tokens`."""
    tokens = list(tokens)
    chosen = np.unique(np.array(banned(tokens, n), dtype=int))
    return never(change(np.asarray(logits, dtype="float64"), chosen))


def never(logits):
    """What is so low that it is never chosen is one number."""
    return np.where(logits < -1e4, -1e4, logits)


def as_chosen(answer, logits, tokens, n):
    """The logits that are returned."""
    return never(np.asarray(answer(logits.copy(), list(tokens), n), "float64"))


def written(make, n, size=12):
    """Tokens of letters, with numbers drawn for them; logits of both signs."""

    def draw(rng):
        numbers = rng.permutation(size)[:9].tolist()
        word = make[rng.integers(len(make))]
        return (
            floats(rng, size, scale=3),
            [numbers["abcdefghi".index(x)] for x in word],
            n,
        )

    return draw


def everything(tokens, n):
    """All that was written."""
    return tokens


def longer(tokens, n):
    """Runs of n + 1."""
    return followers(tokens, n + 1)


def shorter(tokens, n):
    """Runs of n − 1."""
    return followers(tokens, n - 1) if n > 1 else []


def latest(tokens, n):
    """The last place alone."""
    return followers(tokens, n)[-1:]


def earliest(tokens, n):
    """The first place alone."""
    return followers(tokens, n)[:1]


def not_the_last(tokens, n):
    """The run that ends with the text is not looked at."""
    return followers(tokens, n, lambda tokens, n: range(len(tokens) - n))


def not_the_first(tokens, n):
    """The run at the beginning is not looked at."""
    return followers(tokens, n, lambda tokens, n: range(1, len(tokens) - n + 1))


def apart(tokens, n):
    """Runs that do not overlap."""
    return followers(tokens, n, lambda tokens, n: range(0, len(tokens) - n + 1, n))


def set_alike(tokens, n):
    """Whatever the order of the last n − 1."""
    if len(tokens) < n:
        return []
    last = sorted(tokens[len(tokens) - n + 1 :])
    return [
        tokens[i + n - 1]
        for i in starts(tokens, n)
        if sorted(tokens[i : i + n - 1]) == last
    ]


def pairs(tokens, n):
    """Pairs, whatever n is."""
    return followers(tokens, 2)


def from_minus_zero(tokens, n):
    """`tokens[-(n - 1):]` is everything where n is 1."""
    return followers(tokens, n) if n > 1 else []


def before(tokens, n):
    """The token in front of the run in place of the one behind it."""
    last = tokens[len(tokens) - n + 1 :] if n > 1 else []
    return [
        tokens[i - 1]
        for i in range(1, len(tokens) - n + 2)
        if n > 1 and tokens[i : i + n - 1] == last
    ]


def itself(tokens, n):
    """The last token alone."""
    return tokens[-1:]


def to_zero(logits, banned):
    """0 is no small logit."""
    logits = logits.copy()
    logits[banned] = 0
    return logits


def negative(logits, banned):
    """The sign turned."""
    logits = logits.copy()
    logits[banned] = -logits[banned]
    return logits


def others_low(logits, banned):
    """Only what would repeat is left."""
    low = np.full_like(logits, -np.inf)
    low[banned] = logits[banned]
    return low


wrong = mistakes("repeat", section="repeat")

EXERCISE = Exercise(
    name="no_repeat",
    section="repeat",
    points=3,
    reference=no_repeat,
    probe=as_chosen,
    cases=(
        Case("pair", written(("abcdab", "cabdeb"[:6], "abcba"), 2)),
        Case("seen-before", written(("abcab", "dabcfab", "abdcab"), 2)),
        Case("triple", written(("abcdeab", "dabcfgab", "abcabdeab"), 3)),
        Case("in-between", written(("dabcfgab", "deabcfgab", "cabdfab"), 3)),
        Case("several", written(("abcabdab", "abdfabcgab"), 3)),
        Case("two-followers", written(("abacada", "abcaeda"), 2)),
        Case("one-in-a-row", written(("abcdd", "caa", "abaa"), 2)),
        Case("at-the-beginning", written(("abcdea", "abefgha"), 2)),
        Case("turned", written(("bacdab", "bafgab"), 3)),
        Case("shorter-seen", written(("cbdab", "fbegcab"), 3)),
        Case("single", written(("abcd", "abacd"), 1)),
        Case("four", written(("abcdeabc", "fabcdghabc"), 4)),
        Case("nothing", written(("abcdef", "abc"), 2)),
        Case("short", written(("ab", "a"), 3)),
        Case("empty", written(("",), 2)),
    ),
    misconceptions=(
        wrong("nothing-banned", banned=lambda tokens, n: []),
        wrong("all-tokens", banned=everything),
        wrong("runs-too-long", banned=longer),
        wrong("runs-too-short", banned=shorter),
        wrong("pairs-only", banned=pairs),
        wrong("minus-zero", banned=from_minus_zero),
        wrong("latest-only", banned=latest),
        wrong("earliest-only", banned=earliest),
        wrong("last-run-missed", banned=not_the_last),
        wrong("first-run-missed", banned=not_the_first),
        wrong("in-blocks", banned=apart),
        wrong("order-ignored", banned=set_alike),
        wrong("token-before", banned=before),
        wrong("last-token", banned=itself),
        wrong("zero", change=to_zero),
        wrong("sign-turned", change=negative),
        wrong("others-banned", change=others_low),
    ),
    accepted={
        "a set": lambda *a: _no_repeat_with_a_set(*a),
        "a dictionary": lambda *a: _no_repeat_by_beginning(*a),
        "trying each": lambda *a: _no_repeat_by_trial(*a),
        "a large negative number": lambda *a: _no_repeat_with_windows(*a),
    },
)


def _no_repeat_with_a_set(logits, tokens, n):
    seen = {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}
    last = tuple(tokens[len(tokens) - n + 1 :]) if len(tokens) >= n else ()
    for run in seen:
        if run[:-1] == last:
            logits[run[-1]] = -np.inf
    return logits


def _no_repeat_by_beginning(logits, tokens, n):
    after = {}
    for i in range(n - 1, len(tokens)):
        after.setdefault(tuple(tokens[i - n + 1 : i]), []).append(tokens[i])
    key = tuple(tokens[len(tokens) - n + 1 :]) if n > 1 else ()
    banned = after.get(key, [])
    return [-1e9 if token in banned else x for token, x in enumerate(logits)]


def _no_repeat_by_trial(logits, tokens, n):
    runs = [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
    keep = [[*tokens, v][-n:] not in runs for v in range(len(logits))]
    return np.where(keep, logits, -np.inf)


def _no_repeat_with_windows(logits, tokens, n):
    out = np.array(logits)
    if len(tokens) < n:
        return out
    windows = np.lib.stride_tricks.sliding_window_view(np.array(tokens), n)
    last = np.array(tokens)[len(tokens) - n + 1 :]
    out[windows[(windows[:, :-1] == last).all(axis=1), -1]] = -1e30
    return out
