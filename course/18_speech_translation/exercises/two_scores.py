"""Two ways to count: exactly right, and by the character."""

import unicodedata

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def composed(text):
    """One code for ü, however it was written."""
    return unicodedata.normalize("NFC", text)


def edits(wanted, found, change=1, drop=1, insert=1):
    """The smallest cost of making one text into the other."""
    row = [insert * j for j in range(len(found) + 1)]
    for i, character in enumerate(wanted, start=1):
        before, row = row, [drop * i]
        for j, other in enumerate(found, start=1):
            same = before[j - 1] + (0 if character == other else change)
            row.append(min(same, before[j] + drop, row[-1] + insert))
    return row[-1]


def over_the_corpus(errors, wanted, found):
    """All errors for all characters that were wanted."""
    return sum(errors) / sum(wanted)


def all_of_it(wanted, found):
    """A text is right or not."""
    return wanted == found


def two_scores(
    references,
    hypotheses,
    *,
    form=composed,
    whole=all_of_it,
    share=np.mean,
    distance=edits,
    rate=over_the_corpus,
    answer=lambda x: 1 - x,
):
    """The share of texts that are right, and 1 less the character error rate."""
    pairs = [(form(a), form(b)) for a, b in zip(references, hypotheses, strict=True)]
    exact = share([whole(a, b) for a, b in pairs])
    errors = [distance(a, b) for a, b in pairs]
    wanted, found = ([len(pair[side]) for pair in pairs] for side in (0, 1))
    return np.float64(exact), np.float64(answer(rate(errors, wanted, found)))


def as_pair(answer, references, hypotheses):
    """Both as numbers."""
    exact, characters = answer(references, hypotheses)
    return np.asarray(exact, "float64"), np.asarray(characters, "float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────


def spelled(*pairs, apart=False):
    """Texts in which each letter stands for another one, also of another script.

    Args:
        *pairs: a reference and a hypothesis each.
        apart: whether hypotheses write their marks as codes of their own.
    """

    def draw(rng):
        letters = list(
            "abcdeghiklmnorstuwz" if rng.random() < 0.5 else "一二三四五六七八九十百零"
        )
        order = [str(x) for x in rng.permutation(letters)]
        names = sorted({x for pair in pairs for text in pair for x in text if x != "ü"})
        name = {**dict(zip(names, order, strict=False)), "ü": "ü"}

        def text(pattern):
            return "".join(name[x] for x in pattern)

        wanted, found = ([text(pair[side]) for pair in pairs] for side in (0, 1))
        if apart:
            found = [unicodedata.normalize("NFD", x) for x in found]
        return wanted, found

    return draw


def mark_lost(rng):
    """u and o where ü and ö are wanted."""
    words = ["fünf", "zwölf", "fünfzig", "zwölfhundert", "fünfzehn"]
    wanted = [str(x) for x in rng.permutation(words)[:3]]
    found = [x.replace("ü", "u").replace("ö", "o") for x in wanted]
    return wanted, [wanted[0], *found[1:]]


def small_differences(rng):
    """Capitals, spaces, and characters that are drawn another way."""
    one, two, three = (str(x) for x in rng.permutation(["eins", "sechs", "acht"]))
    first, last = rng.permutation(10)[:2]
    wide = chr(ord("０") + last)  # a digit as wide as a Chinese character
    wanted = [one.title(), two.title(), f"{two} {three}", three, f"{first}{last}"]
    return wanted, [one, two, two + three, f"  {three}", f"{first}{wide}"]


def turned_round(draw):
    """References write their marks apart, and hypotheses do not."""

    def change(rng):
        wanted, found = draw(rng)
        return [unicodedata.normalize("NFD", x) for x in wanted], found

    return change


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def place_by_place(wanted, found):
    """Compared where they stand (wrong)."""
    same = sum(a == b for a, b in zip(wanted, found, strict=False))
    return max(len(wanted), len(found)) - same


def neighbours_swapped(wanted, found):
    """Two neighbours that changed places are one edit (wrong)."""
    cost = np.zeros((len(wanted) + 1, len(found) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(wanted) + 1), np.arange(len(found) + 1)
    for i, a in enumerate(wanted, start=1):
        for j, b in enumerate(found, start=1):
            around = cost[i - 1, j] + 1, cost[i, j - 1] + 1
            cost[i, j] = min(*around, cost[i - 1, j - 1] + (a != b))
            if i > 1 < j and (a, wanted[i - 2]) == (found[j - 2], b):
                cost[i, j] = min(cost[i, j], cost[i - 2, j - 2] + 1)
    return cost[-1, -1]


def any_order(wanted, found):
    """Characters in any order (wrong)."""
    from collections import Counter

    return max(len(wanted), len(found)) - (Counter(wanted) & Counter(found)).total()


def mean_of_texts(errors, wanted, found):
    """Each text with a rate of its own (wrong)."""
    return np.mean([e / n for e, n in zip(errors, wanted, strict=True)])


wrong = mistakes("score", section="scores")

EXERCISE = Exercise(
    name="two_scores",
    section="scores",
    points=3,
    reference=two_scores,
    probe=as_pair,
    forbidden=("tlkeras.scores.word_error_rate", "tlkeras.scores.character_error_rate"),
    cases=(
        Case("changed", spelled(("abcd", "abed"), ("dab", "dab"))),
        Case("missing", spelled(("abcdef", "abdf"), ("bca", "ca"), ("ab", "ab"))),
        Case("too-many", spelled(("abc", "abdc"), ("cb", "cba"), ("d", "d"))),
        Case("all-kinds", spelled(("abcde", "xacde"), ("dcb", "dcbxx"), ("ab", "b"))),
        Case("turned", spelled(("abcd", "dcba"), ("ab", "ab"))),
        Case("shifted", spelled(("abcde", "bcdea"))),
        Case("uneven", spelled(("abcdefgh", "abcdefgh"), ("a", "b"), ("cd", "ce"))),
        Case(
            "marks-apart",
            spelled(("füab", "füab"), ("üc", "üd"), ("ab", "ab"), apart=True),
        ),
        Case(
            "marks-apart-in-references",
            turned_round(spelled(("füab", "füab"), ("üüc", "üd"))),
        ),
        Case("mark-lost", mark_lost),
        Case("small-differences", small_differences),
        Case("swapped", spelled(("abcd", "abdc"), ("cab", "acb"), ("d", "d"))),
        Case("nothing-written", spelled(("abc", ""), ("de", "de"))),
        Case("far-too-long", spelled(("a", "bcdef"), ("ab", "cdefa"))),
        Case("nothing-right", spelled(("ab", "cd"), ("e", "f"))),
        Case("all-right", spelled(("abc", "abc"), ("d", "d"))),
        Case("beginning", spelled(("abcd", "ab"), ("ab", "abcd"), ("c", "c"))),
        Case("one", spelled(("ab", "ac"))),
    ),
    misconceptions=(
        wrong("codes", form=lambda text: text),
        wrong("marks-counted", form=lambda x: unicodedata.normalize("NFD", x)),
        wrong(
            "marks-dropped",
            form=lambda x: "".join(
                c
                for c in unicodedata.normalize("NFD", x)
                if not unicodedata.combining(c)
            ),
        ),
        wrong("compatible", form=lambda x: unicodedata.normalize("NFKC", x)),
        wrong("lowered", form=lambda x: composed(x).lower()),
        wrong("spaces-dropped", form=lambda x: composed(x).replace(" ", "")),
        wrong("mean-of-texts", rate=mean_of_texts),
        wrong("written-length", rate=lambda e, w, f: sum(e) / max(1, sum(f))),
        wrong("longer-length", rate=lambda e, w, f: sum(e) / sum(map(max, w, f))),
        wrong("error-rate", answer=lambda x: x),
        wrong("never-negative", answer=lambda x: max(0.0, 1 - x)),
        wrong("beginning-is-enough", whole=lambda a, b: b.startswith(a)),
        wrong("all-or-nothing", share=lambda right: float(all(right))),
        wrong("counted", share=sum),
        wrong("percent", share=lambda right: 100 * np.mean(right)),
        wrong("place-by-place", distance=place_by_place),
        wrong("any-order", distance=any_order),
        wrong("swap-is-one", distance=neighbours_swapped),
        wrong("changes-twice", distance=lambda a, b: edits(a, b, change=2)),
        wrong("insertions-free", distance=lambda a, b: edits(a, b, insert=0)),
        wrong("omissions-free", distance=lambda a, b: edits(a, b, drop=0)),
    ),
    accepted={
        "table": lambda *a: _table(*a),
        "recursion": lambda *a: _recursion(*a),
        "longest first": lambda *a: _one_row(*a),
    },
)


def _both(references, hypotheses, distance):
    nfc = unicodedata.normalize
    wanted = [nfc("NFC", x) for x in references]
    found = [nfc("NFC", x) for x in hypotheses]
    errors = sum(distance(a, b) for a, b in zip(wanted, found, strict=True))
    exact = sum(a == b for a, b in zip(wanted, found, strict=True)) / len(wanted)
    return exact, 1 - errors / len("".join(wanted))


def _table(references, hypotheses):
    def distance(a, b):
        cost = np.zeros((len(a) + 1, len(b) + 1), int)
        cost[:, 0], cost[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                around = cost[i - 1, j] + 1, cost[i, j - 1] + 1
                cost[i, j] = min(*around, cost[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
        return cost[-1, -1]

    return _both(references, hypotheses, distance)


def _recursion(references, hypotheses):
    import functools

    @functools.cache
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        if a[-1] == b[-1]:
            return distance(a[:-1], b[:-1])
        rest = distance(a[:-1], b[:-1]), distance(a[:-1], b), distance(a, b[:-1])
        return 1 + min(rest)

    return _both(references, hypotheses, distance)


def _one_row(references, hypotheses):
    def distance(a, b):
        row = np.arange(len(b) + 1)
        names = np.array(list(b), dtype=object)
        for i, character in enumerate(a, start=1):
            above = np.minimum(row[1:] + 1, row[:-1] + (names != character))
            row = np.concatenate([[i], above])
            places = np.arange(len(row))
            row = np.minimum.accumulate(row - places) + places
        return int(row[-1])

    return _both(references, hypotheses, distance)
