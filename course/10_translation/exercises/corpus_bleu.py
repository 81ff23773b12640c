"""BLEU of many sentences, each with one reference: a number from 0 to 100."""

import math
from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def tokens_of(sentences):
    """Sentences as lists of tokens."""
    return [sentence.split() for sentence in sentences]


def ngrams(tokens, n):
    """How often each run of n tokens stands in a sentence."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def clipped(found, wanted):
    """How many are right: no n-gram more often than the reference has it."""
    return sum((found & wanted).values())


def unclipped(found, wanted):
    """Every n-gram that the reference has at all."""
    return sum(times for gram, times in found.items() if gram in wanted)


def different(found, wanted):
    """Different n-grams of both."""
    return len(found.keys() & wanted.keys())


def over_found(found, wanted):
    """What a share is of: all n-grams of the translation."""
    return found.total()


def geometric(precisions):
    """The mean of logarithms, as a factor."""
    if min(precisions) == 0:
        return 0.0
    return math.exp(sum(map(math.log, precisions)) / len(precisions))


def too_short(found, wanted):
    """Below 1 where the translations are shorter than the references."""
    return min(1.0, math.exp(1 - wanted / found)) if found else 0.0


def one_corpus(
    candidates, references, *, right, out_of, mean, brevity, orders, add, percent
):
    """Counts of all sentences together, then one score."""
    pairs = list(zip(candidates, references, strict=True))
    precisions = []
    for n in orders:
        grams = [(ngrams(c, n), ngrams(r, n)) for c, r in pairs]
        matched = sum(right(found, wanted) for found, wanted in grams) + add
        total = sum(out_of(found, wanted) for found, wanted in grams) + add
        precisions.append(matched / total if total else 0.0)
    found = sum(map(len, candidates))
    wanted = sum(map(len, references))
    return percent * mean(precisions) * brevity(found, wanted)


def mean_of_sentences(candidates, references, **steps):
    """A score for each sentence, and their mean."""
    scores = [
        one_corpus([c], [r], **steps)
        for c, r in zip(candidates, references, strict=True)
    ]
    return sum(scores) / len(scores)


def mean_of_shares(candidates, references, *, right, out_of, mean, orders, **steps):
    """Each precision is the mean of the sentences' own."""
    pairs = list(zip(candidates, references, strict=True))
    precisions = []
    for n in orders:
        grams = [(ngrams(c, n), ngrams(r, n)) for c, r in pairs]
        shares = [right(*two) / out_of(*two) for two in grams if out_of(*two)]
        precisions.append(sum(shares) / len(shares) if shares else 0.0)
    lengths = sum(map(len, candidates)), sum(map(len, references))
    return steps["percent"] * mean(precisions) * steps["brevity"](*lengths)


def corpus_bleu(
    candidates,
    references,
    *,
    over=one_corpus,
    right=clipped,
    out_of=over_found,
    mean=geometric,
    brevity=too_short,
    orders=(1, 2, 3, 4),
    add=0,
    percent=100,
):
    """BLEU of many sentences, each with one reference: a number from 0 to 100."""
    return np.float64(
        over(
            tokens_of(candidates),
            tokens_of(references),
            right=right,
            out_of=out_of,
            mean=mean,
            brevity=brevity,
            orders=orders,
            add=add,
            percent=percent,
        )
    )


def as_number(answer, *inputs):
    """What is returned, also where it is an integer: 0 is as good as 0.0."""
    return np.asarray(answer(*inputs), dtype="float64")


def sentences(rng, count, low, high, size):
    """Sentences of words w0, w1, …"""
    lengths = rng.integers(low, high + 1, count)
    return [[f"w{i}" for i in rng.integers(size, size=n)] for n in lengths]


def texts(sentences):
    """Lists of tokens as sentences."""
    return [" ".join(tokens) for tokens in sentences]


def translated(count, change, low=7, high=14, size=30):
    """References, and translations of them that `change` spoils."""

    def draw(rng):
        references = sentences(rng, count, low, high, size)
        return texts([change(rng, list(r)) for r in references]), texts(references)

    return draw


def one_word(rng, words):
    """One word in six is another one."""
    return [w if rng.random() > 1 / 6 else f"x{rng.integers(9)}" for w in words]


def cut(rng, words):
    """The last words are missing."""
    return one_word(rng, words)[: len(words) - int(rng.integers(1, 4))]


def longer(rng, words):
    """Words at the end that the reference has not."""
    return [*words, *(f"x{rng.integers(9)}" for _ in range(int(rng.integers(1, 4))))]


def repeated(rng, words):
    """Runs of words a second time."""
    place = int(rng.integers(len(words) - 4))
    return words[: place + 5] + words[place : place + 5] + words[place + 5 :]


def turned(rng, words):
    """Two halves in the other order."""
    middle = len(words) // 2
    return words[middle:] + words[:middle]


def with_short_ones(rng):
    """Sentences of one to three tokens among others: they have no n-grams of four."""
    references = [*sentences(rng, 3, 8, 12, 20), ["a"], ["b", "c"], ["d", "e", "f"]]
    candidates = [one_word(rng, list(r)) for r in references[:3]]
    candidates += [["a"], ["c", "b"], ["d", "e", "f"]]
    return texts(candidates), texts(references)


def with_an_empty_one(rng):
    """A translation of nothing among others."""
    candidates, references = translated(3, one_word)(rng)
    return [*candidates, ""], [*references, "a b c"]


wrong = mistakes("bleu", section="bleu")

EXERCISE = Exercise(
    name="corpus_bleu",
    section="bleu",
    points=5,
    reference=corpus_bleu,
    probe=as_number,
    cases=(
        Case("one", translated(1, lambda rng, w: [*w[:5], "x", *w[6:]], 12, 14)),
        Case("several", translated(5, one_word, 9, 14)),
        Case("short", translated(4, cut, 10, 14)),
        Case("long", translated(4, longer, 9, 12)),
        Case("repeated", translated(4, repeated, 9, 12)),
        Case("few-words", translated(4, turned, 10, 14, size=4)),
        Case("equal", translated(3, lambda rng, words: words)),
        Case("nothing-right", translated(3, lambda rng, w: ["x"] * len(w))),
        Case(
            "no-run-of-four",
            translated(
                3, lambda rng, w: [x if i % 4 else "x" for i, x in enumerate(w)]
            ),
        ),
        Case("short-sentences", with_short_ones),
        Case("empty", with_an_empty_one),
    ),
    misconceptions=(
        wrong("not-clipped", right=unclipped),
        wrong("counted-once", right=different),
        wrong("sentences-averaged", over=mean_of_sentences),
        wrong("precisions-averaged", over=mean_of_shares),
        wrong("recall", out_of=lambda found, wanted: wanted.total()),
        wrong("plain-mean", mean=lambda p: sum(p) / len(p)),
        wrong("product", mean=math.prod),
        wrong("no-brevity", brevity=lambda found, wanted: 1.0),
        wrong(
            "brevity-inverted", brevity=lambda found, wanted: too_short(wanted, found)
        ),
        wrong(
            "long-rewarded",
            brevity=lambda found, wanted: math.exp(1 - wanted / max(found, 0.1)),
        ),
        wrong("brevity-ratio", brevity=lambda found, wanted: min(1.0, found / wanted)),
        wrong("four-grams-only", orders=(4,)),
        wrong("three-orders", orders=(1, 2, 3)),
        wrong("smoothed", add=1),
        wrong("from-0-to-1", percent=1),
    ),
    accepted={
        "NumPy means": lambda *a: _bleu_with_numpy(*a),
        "lists of n-grams": lambda *a: _bleu_with_lists(*a),
        "sums first": lambda *a: _bleu_of_sums(*a),
        "min of ratio": lambda *a: _bleu_with_power(*a),
    },
)


def _bleu_with_numpy(candidates, references):
    matched, total = np.zeros(4), np.zeros(4)
    candidates, references = ([x.split() for x in s] for s in (candidates, references))
    for c, r in zip(candidates, references, strict=True):
        for n in range(1, 5):
            found = Counter(zip(*(c[i:] for i in range(n)), strict=False))
            wanted = Counter(zip(*(r[i:] for i in range(n)), strict=False))
            matched[n - 1] += sum(min(k, wanted[g]) for g, k in found.items())
            total[n - 1] += sum(found.values())
    if not matched.all():
        return 0
    ours, theirs = sum(map(len, candidates)), sum(map(len, references))
    penalty = 1 if ours >= theirs else np.exp(1 - theirs / ours)
    return 100 * penalty * np.exp(np.log(matched / total).mean())


def _bleu_with_lists(candidates, references):
    logs = 0.0
    candidates, references = tokens_of(candidates), tokens_of(references)
    for n in (1, 2, 3, 4):
        right = count = 0
        for c, r in zip(candidates, references, strict=True):
            left = [r[i : i + n] for i in range(len(r) - n + 1)]
            for i in range(len(c) - n + 1):
                count += 1
                if c[i : i + n] in left:
                    left.remove(c[i : i + n])
                    right += 1
        if right == 0:
            return 0.0
        logs += math.log(right) - math.log(count)
    c, r = sum(len(x) for x in candidates), sum(len(x) for x in references)
    return 100 * math.exp(min(0, 1 - r / c) + logs / 4)


def _bleu_of_sums(candidates, references):
    score = 1.0
    candidates, references = tokens_of(candidates), tokens_of(references)
    for n in range(4):
        right, count = 0, 0
        for c, r in zip(candidates, references, strict=True):
            one = Counter(" ".join(c[i : i + n + 1]) for i in range(len(c) - n))
            two = Counter(" ".join(r[i : i + n + 1]) for i in range(len(r) - n))
            right += sum((one & two).values())
            count += max(0, len(c) - n)
        score *= (right / count if count else 0) ** 0.25
    found = len([w for c in candidates for w in c])
    wanted = len([w for r in references for w in r])
    return np.float32(100 * score * np.exp(min(1 - wanted / max(found, 1), 0)))


def _bleu_with_power(candidates, references):
    precisions = []
    candidates = [x.split(" ") if x else [] for x in candidates]
    references = [x.split(" ") for x in references]
    for n in range(1, 5):
        right, count = 0, 0
        for c, r in zip(candidates, references, strict=True):
            one, two = Counter(), Counter()
            for i in range(len(c) - n + 1):
                one[tuple(c[i : i + n])] += 1
            for i in range(len(r) - n + 1):
                two[tuple(r[i : i + n])] += 1
            right += sum(min(one[g], two[g]) for g in one)
            count += one.total()
        precisions.append(right / count if count else 0)
    found = sum(map(len, candidates))
    penalty = min(1, math.e ** (1 - sum(map(len, references)) / found)) if found else 0
    return 100 * penalty * np.prod(precisions) ** (1 / 4)
