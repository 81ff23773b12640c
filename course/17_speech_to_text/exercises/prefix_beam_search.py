"""The most probable text that a beam finds, and the logarithm of its probability."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import BLANK, DECODERS, LIBRARY, NEVER, log_probabilities

add = np.logaddexp


def on_both(blank, label):
    """A path of a text ends with a blank or with the text's last label."""
    return add(blank, label)


def same_again(blank, label):
    """The last label said again: (the text as it is, the text one longer)."""
    return label, blank


def another(blank, label):
    """Before another label a path may end with either."""
    return add(blank, label)


def likelihood(blank, label, text):
    """By what beams are ranked."""
    return add(blank, label)


def after_one_token(beams, frame, stay, again, other, join):
    """Each text with one token more: text to [ends with blank, with label]."""
    new = {}

    def put(text, end, value):
        pair = new.setdefault(text, [NEVER, NEVER])
        pair[end] = join(pair[end], value)

    for text, (blank, label) in beams.items():
        put(text, 0, stay(blank, label) + frame[BLANK])
        for symbol in range(1, len(frame)):
            if text and symbol == text[-1]:
                same, longer = again(blank, label)
                put(text, 1, same + frame[symbol])
                put((*text, symbol), 1, longer + frame[symbol])
            else:
                put((*text, symbol), 1, other(blank, label) + frame[symbol])
    return new


def best_of(beams, width, rank):
    """Those that stay."""
    ranked = sorted(beams.items(), key=lambda x: rank(*x[1], x[0]), reverse=True)
    return dict(ranked[:width])


def prefix_beam_search(
    log_probs,
    width,
    *,
    stay=on_both,
    again=same_again,
    other=another,
    join=add,
    keep=best_of,
    rank=likelihood,
    winner=likelihood,
    score=likelihood,
):
    """The best text, and the logarithm of its probability within the beam."""
    beams = {(): (0.0, NEVER)}
    for frame in np.asarray(log_probs, "float64"):
        beams = after_one_token(beams, frame, stay, again, other, join)
        beams = keep(beams, width, rank)
    text, pair = max(beams.items(), key=lambda x: winner(*x[1], x[0]))
    return np.array(text, int), np.float64(score(*pair, text))


def as_pair(answer, log_probs, width):
    """The text as integers, also where it is empty; its score as a number."""
    with np.errstate(all="ignore"):
        text, score = answer(log_probs, width)
        labels = np.array([int(symbol) for symbol in text], int)
        return labels, np.asarray(score, "float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────


def heard(path, width, labels=4, sure=1.5):
    """Log-probabilities in which a path is likely: a letter a label, _ the blank."""

    def draw(rng):
        letters = sorted(set(path) - {"_"})
        names = dict(zip(letters, 1 + rng.permutation(labels - 1), strict=False))
        names["_"] = BLANK
        text = np.array([names[letter] for letter in path], int)
        return log_probabilities(rng, len(text), labels, text, sure), width

    return draw


def on_paper(rows, width):
    """Given probabilities, with labels in any order and a little noise."""

    def draw(rng):
        x = np.array(rows) * np.exp(0.02 * rng.normal(size=np.shape(rows)))
        x[:, 1:] = x[:, 1 + rng.permutation(x.shape[1] - 1)]
        return np.log(x / x.sum(axis=1, keepdims=True)).astype(np.float32), width

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def worst_of(beams, width, rank):
    """The least likely stay (wrong)."""
    ranked = sorted(beams.items(), key=lambda x: rank(*x[1], x[0]))
    return dict(ranked[:width])


def per_label(blank, label, text):
    """The score by the label (wrong)."""
    return add(blank, label) / max(1, len(text))


wrong = mistakes("beam", section="beam")

EXERCISE = Exercise(
    name="prefix_beam_search",
    section="beam",
    points=4,
    reference=prefix_beam_search,
    probe=as_pair,
    forbidden=(*LIBRARY, *DECODERS),
    cases=(
        Case("best-path-misleads", on_paper([[0.6, 0.4], [0.6, 0.4]], 4)),
        Case("two-labels", on_paper([[0.45, 0.35, 0.2]] * 3, 8)),
        Case("wide", heard("a_b_c", 40)),
        Case("repeat", heard("a_a_b", 40, sure=2.5)),
        Case("repeat-without-blank", heard("aaab", 30, sure=2.0)),
        Case("narrow", heard("a_bb_ca", 3, sure=0.5)),
        Case("narrow-repeat", heard("ab_bb_a", 4, sure=1.0)),
        Case("width-one", heard("ab_ca", 1, sure=0.8)),
        Case("width-two", heard("a_acb_", 2, sure=0.5, labels=5)),
        Case("unclear", heard("______", 5, sure=0.0)),
        Case("unclear-wide", heard("____", 99, sure=0.0)),
        Case("one-token", heard("a", 3, labels=3)),
        Case("silence", heard("_____", 4, sure=4.0)),
        Case("long", heard("aab_b_bba_ab", 5, labels=3, sure=1.0)),
    ),
    misconceptions=(
        wrong(
            "not-merged",
            join=np.maximum,
            stay=np.maximum,
            other=np.maximum,
            rank=lambda b, n, text: max(b, n),
            winner=lambda b, n, text: max(b, n),
            score=lambda b, n, text: max(b, n),
        ),
        wrong("repeat-extends", again=lambda b, n: (n, add(b, n))),
        wrong("repeat-always-extends", again=lambda b, n: (NEVER, add(b, n))),
        wrong("repeat-never-extends", again=lambda b, n: (add(b, n), NEVER)),
        wrong("repeat-lost", again=lambda b, n: (NEVER, b)),
        wrong("blank-after-label", again=lambda b, n: (add(b, n), b)),
        wrong("label-after-blank-only", other=lambda b, n: b),
        wrong("label-after-label-only", other=lambda b, n: n),
        wrong("blank-after-blank-only", stay=lambda b, n: b),
        wrong("ranked-by-label", rank=lambda b, n, text: n),
        wrong("ranked-by-blank", rank=lambda b, n, text: b),
        wrong("ranked-per-label", rank=per_label),
        wrong("longest", winner=lambda b, n, text: (len(text), add(b, n))),
        wrong("last-overwrites", join=lambda old, new: new),
        wrong("width-ignored", keep=lambda beams, width, rank: beams),
        wrong("worst-kept", keep=worst_of),
        wrong("probability", score=lambda b, n, text: np.exp(add(b, n))),
        wrong("score-per-label", score=per_label),
    ),
    accepted={
        "two dictionaries": lambda *a: _two_dictionaries(*a),
        "ends in the key": lambda *a: _ends_in_the_key(*a),
        "rescaled": lambda *a: _rescaled(*a),
        "arrays": lambda *a: _arrays(*a),
    },
)


def _two_dictionaries(log_probs, width):
    from collections import defaultdict

    blank, label = defaultdict(lambda: -np.inf), defaultdict(lambda: -np.inf)
    blank[()], texts = 0.0, [()]
    for frame in log_probs.astype("float64"):
        new_b, new_l = defaultdict(lambda: -np.inf), defaultdict(lambda: -np.inf)
        for text in texts:
            both = np.logaddexp(blank[text], label[text])
            new_b[text] = np.logaddexp(new_b[text], both + frame[0])
            for c in range(1, len(frame)):
                longer, repeats = (*text, c), bool(text) and text[-1] == c
                come = blank[text] if repeats else both
                new_l[longer] = np.logaddexp(new_l[longer], come + frame[c])
                if repeats:
                    more = label[text] + frame[c]
                    new_l[text] = np.logaddexp(new_l[text], more)
        found = {*new_b, *new_l}
        texts = sorted(found, key=lambda t: -np.logaddexp(new_b[t], new_l[t]))[:width]
        blank, label = new_b, new_l
    best = texts[0]
    return list(best), np.logaddexp(blank[best], label[best])


def _ends_in_the_key(log_probs, width):
    import math

    def plus(x, y):
        top = max(x, y)
        if top == -math.inf:
            return top
        return top + math.log1p(math.exp(min(x, y) - top))

    def total(beams):
        sums = {}
        for (text, _), value in beams.items():
            sums[text] = plus(sums.get(text, -math.inf), value)
        return sums

    beams = {("", True): 0.0}
    for frame in log_probs:
        new = {}
        for (text, blank), value in beams.items():
            for c, chance in enumerate(frame):
                letter = chr(64 + c)
                if c == 0:
                    key = (text, True)
                elif text.endswith(letter) and not blank:
                    key = (text, False)
                else:
                    key = (text + letter, False)
                new[key] = plus(new.get(key, -math.inf), value + float(chance))
        sums = total(new)
        kept = sorted(sums, key=sums.get, reverse=True)[:width]
        beams = {key: value for key, value in new.items() if key[0] in kept}
    sums = total(beams)
    best = max(sums, key=sums.get)
    return [ord(letter) - 64 for letter in best], sums[best]


def _rescaled(log_probs, width):
    beams, logarithm = {(): np.array([1.0, 0.0])}, 0.0
    for frame in np.exp(log_probs.astype("float64")):
        new = {}
        for text, (b, n) in beams.items():
            for c, p in enumerate(frame):
                if c == 0:
                    steps = [(text, (p * (b + n), 0))]
                elif text[-1:] == (c,):
                    steps = [(text, (0, p * n)), ((*text, c), (0, p * b))]
                else:
                    steps = [((*text, c), (0, p * (b + n)))]
                for longer, pair in steps:
                    new[longer] = new.get(longer, 0) + np.array(pair)
        kept = sorted(new, key=lambda t: new[t].sum())[-width:]
        total = sum(new[t].sum() for t in kept)
        logarithm += np.log(total)
        beams = {t: new[t] / total for t in kept}
    best = max(beams, key=lambda t: beams[t].sum())
    return best, logarithm + np.log(beams[best].sum())


def _arrays(log_probs, width):
    frames = np.asarray(log_probs, "float64")
    texts, ends = [[]], np.array([[0.0, -np.inf]])
    for frame in frames:
        rows = []
        for text, (b, n) in zip(texts, ends, strict=True):
            both = np.logaddexp(b, n)
            rows.append((text, both + frame[0], -np.inf))
            for c in range(1, len(frame)):
                if text and text[-1] == c:
                    rows.append((text, -np.inf, n + frame[c]))
                    rows.append(([*text, c], -np.inf, b + frame[c]))
                else:
                    rows.append(([*text, c], -np.inf, both + frame[c]))
        names = sorted({tuple(row[0]) for row in rows})
        sums = np.full((len(names), 2), -np.inf)
        for text, b, n in rows:
            i = names.index(tuple(text))
            sums[i] = np.logaddexp(sums[i], [b, n])
        order = np.argsort(-np.logaddexp(*sums.T))[:width]
        texts, ends = [list(names[i]) for i in order], sums[order]
    return texts[0], np.logaddexp(*ends[0])
