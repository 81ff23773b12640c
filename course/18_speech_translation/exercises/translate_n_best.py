"""The translation that several heard texts speak for together."""

from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def most_probable(heard, n):
    """The n texts to translate."""
    return sorted(heard, key=lambda pair: pair[1], reverse=True)[:n]


def every_translation(found):
    """All that the translator offers for a text."""
    return found


def product(text, translation):
    """The logarithm of the probability of both."""
    return text + translation


def total(chances):
    """All ways to one translation, added up."""
    return np.logaddexp.reduce(chances)


def translate_n_best(
    heard,
    translations,
    n,
    *,
    chosen=most_probable,
    offered=every_translation,
    both=product,
    join=total,
    rank=lambda score, chances, text: score,
    answer=lambda score, scores, text: score,
):
    """The best translation, and the logarithm of its probability."""
    ways = {}
    for text, chance in chosen(heard, n):
        for translation, more in offered(translations[text]):
            ways.setdefault(translation, []).append(both(chance, more))
    scores = {text: join(chances) for text, chances in ways.items()}
    best = max(scores, key=lambda text: rank(scores[text], ways[text], text))
    return codes(best), np.float64(answer(scores[best], scores, best))


def codes(text):
    """A text as numbers, which arrays can hold."""
    return np.array([ord(character) for character in str(text)])


def as_pair(answer, heard, translations, n):
    """The translation as the codes of its characters, the score as a number."""
    with np.errstate(all="ignore"):
        text, score = answer(heard, translations, n)
        return codes(text), np.asarray(score, "float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────

NAMES = [
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs"),
    *("sieben", "achtzehn", "neunundneunzig"),
]
HEARD = ["six", "sick", "sixt", "sikty", "sixty", "sixteen", "sixtee", "siten"]


def on_paper(texts, n, noise=0.01):
    """Given probabilities, with other names in another order.

    Args:
        texts: a text each: its probability, and a dictionary of its translations, a
            letter each, with theirs.
        n: how many texts are translated.
        noise: by how much logarithms differ from draw to draw.
    """

    def draw(rng):
        names = dict(zip("abcdefg", rng.permutation(NAMES), strict=False))
        spellings = [str(x) for x in rng.permutation(HEARD)[: len(texts)]]

        def log(p):
            return float(np.log(p) + noise * rng.normal())

        heard, translations = [], {}
        for text, (chance, offers) in zip(spellings, texts, strict=True):
            heard.append((text, log(chance)))
            pairs = [(str(names[letter]), log(p)) for letter, p in offers.items()]
            translations[text] = [pairs[i] for i in rng.permutation(len(pairs))]
        heard = [heard[i] for i in rng.permutation(len(heard))]
        return heard, translations, n

    return draw


def turned(draw):
    """The texts stand with the least probable first."""

    def sort(rng):
        heard, translations, n = draw(rng)
        return sorted(heard, key=lambda pair: pair[1]), translations, n

    return sort


# Three misspellings of one word together outweigh the best text.
TOGETHER = (
    (0.40, {"a": 0.9, "b": 0.05}),
    (0.25, {"b": 0.8, "c": 0.1}),
    (0.20, {"b": 0.85, "a": 0.1}),
    (0.10, {"d": 0.9}),
)
UNSURE = (
    (0.50, {"a": 0.35, "b": 0.33, "c": 0.3}),
    (0.30, {"d": 0.36, "b": 0.34, "c": 0.2}),
    (0.15, {"c": 0.4, "b": 0.38}),
)
LATE = (
    (0.3, {"a": 0.9}),
    (0.28, {"b": 0.9}),
    (0.2, {"c": 0.8, "a": 0.1}),
    (0.12, {"c": 0.9, "b": 0.05}),
    (0.08, {"b": 0.95}),
)

# ── mistakes ──────────────────────────────────────────────────────────────────────────


def least_probable(heard, n):
    """The wrong end (wrong)."""
    return sorted(heard, key=lambda pair: pair[1])[:n]


def best_only(found):
    """One translation of each text (wrong)."""
    return [max(found, key=lambda pair: pair[1])]


wrong = mistakes("nbest", section="nbest")

EXERCISE = Exercise(
    name="translate_n_best",
    section="nbest",
    points=4,
    reference=translate_n_best,
    probe=as_pair,
    cases=(
        Case("together", on_paper(TOGETHER, 4)),
        Case("together-three", on_paper(TOGETHER, 3)),
        Case("two-do-not-reach", on_paper(TOGETHER, 2)),
        Case("one", on_paper(TOGETHER, 1)),
        Case("more-than-there-are", on_paper(TOGETHER, 9)),
        Case("unsure", on_paper(UNSURE, 3)),
        Case("unsure-two", on_paper(UNSURE, 2)),
        Case("unsure-one", on_paper(UNSURE, 1)),
        Case("late", turned(on_paper(LATE, 3))),
        Case("late-four", turned(on_paper(LATE, 4))),
        Case("late-all", turned(on_paper(LATE, 5))),
        Case("clear", on_paper(((0.97, {"a": 0.98}), (0.01, {"b": 0.9})), 2)),
        Case("one-text", on_paper(((0.6, {"a": 0.5, "b": 0.4}),), 3)),
        Case(
            "translator-decides",
            on_paper(((0.5, {"a": 0.3}), (0.3, {"b": 0.95}), (0.19, {"c": 0.9})), 3),
        ),
        Case(
            "speech-decides",
            on_paper(((0.8, {"a": 0.5}), (0.1, {"b": 0.95}), (0.05, {"b": 0.99})), 3),
        ),
        Case(
            "small",
            on_paper(
                ((1e-200, {"a": 1e-150, "b": 1e-152}), (1e-201, {"b": 1e-149})), 2
            ),
        ),
    ),
    misconceptions=(
        wrong("one-best", chosen=lambda heard, n: most_probable(heard, 1)),
        wrong("not-added", join=max),
        wrong("speech-ignored", both=lambda text, translation: translation),
        wrong("translator-ignored", both=lambda text, translation: text),
        wrong("first-n", chosen=lambda heard, n: heard[:n]),
        wrong("all-texts", chosen=lambda heard, n: heard),
        wrong("worst-n", chosen=least_probable),
        wrong("best-translation-only", offered=best_only),
        wrong("logarithms-added", join=sum),
        wrong("mean", join=lambda x: total(x) - np.log(len(x))),
        wrong("votes", rank=lambda score, chances, text: (len(chances), score)),
        wrong("one-way-decides", rank=lambda score, chances, text: max(chances)),
        wrong("probability", answer=lambda score, scores, text: np.exp(score)),
        wrong(
            "normalized",
            answer=lambda score, scores, text: score - total(list(scores.values())),
        ),
        wrong("last-way", join=lambda chances: chances[-1]),
        wrong(
            "underflow",
            join=lambda chances: np.log(np.sum(np.exp(chances)) + 0.0),
        ),
        wrong("per-character", rank=lambda score, chances, text: score / len(text)),
        wrong("least", rank=lambda score, chances, text: -score),
    ),
    accepted={
        "counter": lambda *a: _counter(*a),
        "table": lambda *a: _table(*a),
        "rescaled": lambda *a: _rescaled(*a),
    },
)


def _counter(heard, translations, n):
    top = max(score for _, score in heard)
    best = max(p for text, _ in heard for _, p in translations[text])
    sums = Counter()
    import heapq

    for text, score in heapq.nlargest(n, heard, key=lambda x: x[1]):
        for translation, more in translations[text]:
            sums[translation] += np.exp(score - top + more - best)
    translation, value = sums.most_common(1)[0]
    return translation, np.log(value) + top + best


def _table(heard, translations, n):
    order = np.argsort([-score for _, score in heard])[:n]
    texts = [heard[i] for i in order]
    names = sorted({t for text, _ in texts for t, _ in translations[text]})
    table = np.full((len(texts), len(names)), -np.inf)
    for i, (text, score) in enumerate(texts):
        for translation, more in translations[text]:
            table[i, names.index(translation)] = score + more
    sums = np.logaddexp.reduce(table, axis=0)
    return names[int(sums.argmax())], sums.max()


def _rescaled(heard, translations, n):
    found = {}
    for text, score in sorted(heard, key=lambda pair: -pair[1])[: min(n, len(heard))]:
        for translation, more in translations[text]:
            before = found.get(translation, -np.inf)
            found[translation] = np.logaddexp(before, score + more)
    return max(found.items(), key=lambda pair: pair[1])
