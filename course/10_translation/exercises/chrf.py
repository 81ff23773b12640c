"""chrF of many sentences, each with one reference: a number from 0 to 100."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from .corpus_bleu import as_number, clipped, different, ngrams, unclipped


def no_spaces(text):
    """What is counted: all characters but spaces."""
    return "".join(text.split())


def f_score(precision, recall, beta):
    """Their weighted harmonic mean; recall counts β² times as much."""
    if precision + recall == 0:
        return 0.0
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def of_means(precisions, recalls, beta):
    """One F of the mean precision and the mean recall."""
    return f_score(sum(precisions) / len(precisions), sum(recalls) / len(recalls), beta)


def mean_of_fs(precisions, recalls, beta):
    """An F for each n, and their mean."""
    fs = [f_score(p, r, beta) for p, r in zip(precisions, recalls, strict=True)]
    return sum(fs) / len(fs)


def geometric(precisions, recalls, beta):
    """F of geometric means."""
    product = [float(np.prod(x)) ** (1 / len(x)) for x in (precisions, recalls)]
    return f_score(*product, beta)


def one_corpus(
    candidates,
    references,
    *,
    text,
    right,
    orders,
    beta,
    score,
    percent,
    skip,
    swap,
    all_of_it,
):
    """Counts of all sentences together, then one score."""
    precisions, recalls = [], []
    for n in orders:
        grams = [
            (ngrams(text(c), n), ngrams(text(r), n))
            for c, r in zip(candidates, references, strict=True)
        ]
        matched = sum(right(found, wanted) for found, wanted in grams)
        found = sum(found.total() for found, wanted in grams if wanted or all_of_it)
        wanted = sum(wanted.total() for _, wanted in grams)
        if (found and wanted) or not skip:
            precisions.append(matched / found if found else 0.0)
            recalls.append(matched / wanted if wanted else 0.0)
    if not precisions:
        return 0.0
    two = (recalls, precisions) if swap else (precisions, recalls)
    return percent * score(*two, beta)


def mean_of_sentences(candidates, references, **steps):
    """A score for each sentence, and their mean."""
    scores = [
        one_corpus([c], [r], **steps)
        for c, r in zip(candidates, references, strict=True)
    ]
    return sum(scores) / len(scores)


def chrf(
    candidates,
    references,
    *,
    over=one_corpus,
    text=no_spaces,
    right=clipped,
    orders=(1, 2, 3, 4, 5, 6),
    beta=2,
    score=of_means,
    percent=100,
    skip=True,
    swap=False,
    all_of_it=False,
):
    """chrF of many sentences, each with one reference: a number from 0 to 100."""
    return np.float64(
        over(
            candidates,
            references,
            text=text,
            right=right,
            orders=orders,
            beta=beta,
            score=score,
            percent=percent,
            skip=skip,
            swap=swap,
            all_of_it=all_of_it,
        )
    )


LETTERS = "abcdeføå年月日"


def sentences(rng, count, low, high):
    """Sentences of words of two to six letters."""

    def word():
        return "".join(rng.choice(list(LETTERS), rng.integers(2, 7)))

    return [
        " ".join(word() for _ in range(rng.integers(low, high))) for _ in range(count)
    ]


def translated(count, change, low=3, high=7):
    """References, and translations of them that `change` spoils."""

    def draw(rng):
        references = sentences(rng, count, low, high)
        return [change(rng, text) for text in references], references

    return draw


def misspelt(rng, text):
    """One letter in nine is another one."""
    return "".join(x if x == " " or rng.random() > 1 / 9 else "x" for x in text)


def cut(rng, text):
    """The end is missing."""
    return misspelt(rng, text)[: len(text) * 2 // 3]


def longer(rng, text):
    """The beginning a second time at the end."""
    return f"{text} {text[: len(text) // 2]}"


def joined(rng, text):
    """Two words without the space between them, and a letter wrong."""
    return misspelt(rng, text).replace(" ", "", 1)


def turned(rng, text):
    """The words in the other order."""
    return " ".join(text.split()[::-1])


def short_ones(rng):
    """Sentences of one to four characters: no run of five or six is there."""
    return ["ab", "年月", "xbcd"], ["ab", "年日", "abcd"]


def one_short(rng):
    """A sentence of two characters among others."""
    candidates, references = translated(3, misspelt)(rng)
    return [*candidates, "ax", ""], [*references, "ab", "cd"]


def short_references(rng):
    """Translations of several characters where two or three are wanted."""
    candidates, references = translated(2, misspelt)(rng)
    return [*candidates, "abcabcde", "fe年"], [*references, "abc", "fe"]


wrong = mistakes("chrf", section="chrf")

EXERCISE = Exercise(
    name="chrf",
    section="chrf",
    points=3,
    reference=chrf,
    probe=as_number,
    cases=(
        Case("one", translated(1, misspelt, 5, 7)),
        Case("several", translated(5, misspelt)),
        Case("short", translated(4, cut, 4, 7)),
        Case("long", translated(4, longer)),
        Case("spaces", translated(4, joined, 4, 7)),
        Case("turned", translated(3, turned, 4, 7)),
        Case("equal", translated(2, lambda rng, text: text)),
        Case("nothing-right", translated(2, lambda rng, text: "x" * len(text))),
        Case("few-characters", short_ones),
        Case("one-short", one_short),
        Case("short-references", short_references),
    ),
    misconceptions=(
        wrong("spaces-counted", text=lambda text: text),
        wrong("words", text=lambda text: text.split()),
        wrong("not-clipped", right=unclipped),
        wrong("counted-once", right=different),
        wrong("sentences-averaged", over=mean_of_sentences),
        wrong("f1", beta=1),
        wrong("precision-weighted", swap=True),
        wrong("four-orders", orders=(1, 2, 3, 4)),
        wrong("six-only", orders=(6,)),
        wrong("f-of-each", score=mean_of_fs),
        wrong("geometric", score=geometric),
        wrong("empty-orders-count", skip=False),
        wrong("unasked-counted", all_of_it=True),
        wrong("from-0-to-1", percent=1),
    ),
    accepted={
        "lists": lambda *a: _chrf_with_lists(*a),
        "NumPy": lambda *a: _chrf_with_numpy(*a),
        "five times": lambda *a: _chrf_in_numbers(*a),
        "float32": lambda *a: np.float32(_chrf_with_numpy(*a)),
    },
)


def _chrf_with_lists(candidates, references):
    precisions, recalls = [], []
    for n in range(1, 7):
        right = found = wanted = 0
        for c, r in zip(candidates, references, strict=True):
            c, r = c.replace(" ", ""), r.replace(" ", "")
            left = [r[i : i + n] for i in range(len(r) - n + 1)]
            wanted += len(left)
            for i in range(len(c) - n + 1):
                found += len(r) >= n
                if c[i : i + n] in left:
                    left.remove(c[i : i + n])
                    right += 1
        if found == 0 or wanted == 0:
            continue
        precisions.append(right / found)
        recalls.append(right / wanted)
    p, r = np.mean(precisions), np.mean(recalls)
    return 0 if p == r == 0 else 100 * 5 * p * r / (4 * p + r)


def _chrf_with_numpy(candidates, references):
    from collections import Counter

    sums = np.zeros((6, 3))
    for c, r in zip(candidates, references, strict=True):
        c, r = "".join(c.split()), "".join(r.split())
        for n in range(1, 7):
            one = Counter(c[i : i + n] for i in range(max(0, len(c) - n + 1)))
            two = Counter(r[i : i + n] for i in range(max(0, len(r) - n + 1)))
            found = one.total() if two else 0
            sums[n - 1] += (one & two).total(), found, two.total()
    sums = sums[(sums[:, 1] > 0) & (sums[:, 2] > 0)]
    p, r = (sums[:, 0] / sums[:, 1]).mean(), (sums[:, 0] / sums[:, 2]).mean()
    return 100 * 5 * p * r / (4 * p + r) if p + r else 0.0


def _chrf_in_numbers(candidates, references):
    precision = recall = orders = 0
    for n in range(1, 7):
        matched = length = other = 0
        for c, r in zip(candidates, references, strict=True):
            one = ngrams(c.replace(" ", ""), n)
            two = ngrams(r.replace(" ", ""), n)
            matched += sum(min(times, two[gram]) for gram, times in one.items())
            length += sum(one.values()) * bool(two)
            other += sum(two.values())
        if length and other:
            precision += matched / length
            recall += matched / other
            orders += 1
    precision, recall = precision / orders, recall / orders
    if not precision:
        return 0.0
    return 100 / (0.2 / precision + 0.8 / recall)
