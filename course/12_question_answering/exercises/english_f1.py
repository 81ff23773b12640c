"""F1 of an English answer, as SQuAD defines it: a number from 0 to 1."""

import re
import string
from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

PUNCTUATION = frozenset(string.punctuation)


def no_signs(text):
    """Without signs; what stood on both sides of one is joined."""
    return "".join(c for c in text if c not in PUNCTUATION)


def no_articles(words):
    """Without the three articles."""
    return [word for word in words if word not in ("a", "an", "the")]


def words_without_signs(text):
    """Cut first; of a sign that stands alone an empty word is left (wrong)."""
    return [no_signs(word) for word in text.split()]


def words_without_signs_around(text):
    """Signs inside of words stay, too (wrong)."""
    return [word.strip(string.punctuation) for word in text.split()]


def no_articles_but_signs(text):
    """Articles go while signs stick to them (wrong)."""
    return no_signs(" ".join(no_articles(text.split())))


def no_articles_beside_signs(text):
    """Articles go while a sign still ends a word (wrong)."""
    return no_signs(re.sub(r"\b(a|an|the)\b", " ", text))


def each_once(given, wanted):
    """How many words both have; each as often as the one that has it less often."""
    return (Counter(given) & Counter(wanted)).total()


def harmonic(common, given, wanted):
    """The harmonic mean of precision and recall."""
    return 2 * common / (given + wanted)


def english_f1(
    prediction,
    answers,
    *,
    lower=str.lower,
    signs=no_signs,
    cut=str.split,
    articles=no_articles,
    common=each_once,
    score=harmonic,
    nothing=lambda given, wanted: float(given == wanted),
    best=max,
):
    """The best F1 of the prediction with one of the answers."""

    def words(text):
        return articles(cut(signs(lower(text))))

    given, scores = words(prediction), []
    for answer in answers:
        wanted = words(answer)
        if given and wanted:
            same = common(given, wanted)
            scores.append(score(same, len(given), len(wanted)))
        else:
            scores.append(nothing(given, wanted))
    return np.float64(best(scores))


def as_number(answer, *inputs):
    """What is returned, also where it is an integer: 0 is as good as 0.0."""
    return np.asarray(answer(*inputs), dtype="float64")


# ── inputs ────────────────────────────────────────────────────────────────────────────

WORDS = ["axis", "array", "sum", "mean", "sample", "weight", "kernel", "matrix"]
WITHOUT_ARTICLES = ["sum", "kernel", "column", "point", "size"]
LIKE_ARTICLES = ["theta", "than", "anchor", "another", "data", "area"]


def some(rng, count, words=WORDS):
    """Different words."""
    return rng.permutation(words)[:count].tolist()


def partly(given, wanted, shared):
    """A prediction and an answer that share some words."""

    def draw(rng):
        words = some(rng, given + wanted - shared)
        first, second = words[:given], words[given - shared :]
        rng.shuffle(second)
        return " ".join(first), [" ".join(second)]

    return draw


def with_articles(rng):
    """The same words, with articles in one of them."""
    a, b, c, d = some(rng, 4)
    return f"the {a} of a {b}", [f"{a} of {b} and an {c} {d}"]


def like_articles(rng):
    """Words that begin or end as articles do."""
    a, b, c, d = some(rng, 4, LIKE_ARTICLES)
    return f"{a} {b} {c}", [f"{b} {d}"]


def only_letters_of_articles(rng):
    """A name that consists of two articles."""
    b, c, d = some(rng, 3)
    return f"thea {b} {c}", [f"{b} ana {d}"]


def capitals(rng):
    """Another case, and an article in capitals."""
    a, b, c = some(rng, 3, WITHOUT_ARTICLES)
    return f"The {a.upper()} {b.title()}", [f"{a} {b} {c}"]


def signs(rng):
    """Full stops, quotes, brackets."""
    a, b, c, d = some(rng, 4)
    return f'"{a}", {b} ({c}).', [f"{a} {b}; {d}"]


def inside_words(rng):
    """Signs inside of words."""
    a, b, c = some(rng, 3)
    return f"{a}-{b} isn't {c} x0", [f"{a} {a}{b} isnt x_0"]


def lone_signs(rng):
    """Signs that stand alone."""
    a, b, c, d = some(rng, 4)
    return f"{a} - {b} = {c}", [f"{a}, {b}; {d}"]


def signs_at_articles(rng):
    """Signs that stick to articles."""
    a, b, c = some(rng, 3)
    return f'"the" {a} (an {b})', [f"{a} {b} {c}"]


def article_in_a_name(rng):
    """A name that begins with the letter a and a sign."""
    a, b = some(rng, 2)
    return f"a-{a} {b}", [f"{a} {b}"]


def numbers(rng):
    """Numbers, one with a point."""
    a, b, c = some(rng, 3)
    return f"{a} 0.1 or {b} 2", [f"0.1 {c} 2"]


def within_words(rng):
    """Words that stand within others."""
    a, b, c = some(rng, 3)
    return f"{a} {b}", [f"{a}s {b} {c}"]


def repeated(rng):
    """A word twice in one of them, and three times in the other."""
    a, b, c = some(rng, 3)
    return f"{a} {a} {b} {b} {c}", [f"{a} {a} {a} {b}"]


def several(rng):
    """Three answers, the second of which is nearest."""
    a, b, c, d, e = some(rng, 5)
    return f"{a} {b} {c}", [f"{d} {a} {e}", f"{a} {b}", e]


wrong = mistakes("english", section="english")

EXERCISE = Exercise(
    name="english_f1",
    section="english",
    points=4,
    reference=english_f1,
    probe=as_number,
    cases=(
        Case("too-much", partly(4, 2, 2)),
        Case("too-little", partly(2, 5, 2)),
        Case("some-of-it", partly(3, 5, 2)),
        Case("nothing-right", partly(3, 2, 0)),
        Case("articles", with_articles),
        Case("like-articles", like_articles),
        Case("names", only_letters_of_articles),
        Case("capitals", capitals),
        Case("signs", signs),
        Case("inside-words", inside_words),
        Case("lone-signs", lone_signs),
        Case("signs-at-articles", signs_at_articles),
        Case("article-in-a-name", article_in_a_name),
        Case("numbers", numbers),
        Case("within-words", within_words),
        Case("repeated", repeated),
        Case("several", several),
        Case("silence-right", lambda rng: ("", [""])),
        Case("silence-wrong", lambda rng: ("", [" ".join(some(rng, 2))])),
        Case("answer-wrong", lambda rng: (" ".join(some(rng, 2)), [""])),
        Case("only-articles", lambda rng: ("the", [""])),
    ),
    misconceptions=(
        wrong("case-kept", lower=identity),
        wrong("signs-kept", signs=identity),
        wrong(
            "signs-to-spaces",
            signs=lambda text: "".join(" " if c in PUNCTUATION else c for c in text),
        ),
        wrong("underscores-kept", signs=lambda text: re.sub(r"[^\w\s]", "", text)),
        wrong("empty-words", signs=identity, cut=words_without_signs),
        wrong("signs-inside-kept", signs=identity, cut=words_without_signs_around),
        wrong("digits-lost", signs=lambda text: re.sub(r"[^a-z\s]", "", text)),
        wrong("articles-kept", articles=identity),
        wrong("articles-first", signs=no_articles_but_signs, articles=identity),
        wrong("article-cut-off", signs=no_articles_beside_signs, articles=identity),
        wrong(
            "capital-articles-kept",
            lower=identity,
            articles=lambda words: [w.lower() for w in no_articles(words)],
        ),
        wrong(
            "articles-in-words",
            cut=lambda text: re.sub("the|an|a", "", text).split(),
        ),
        wrong("only-the", articles=lambda words: [w for w in words if w != "the"]),
        wrong("sets", common=lambda g, w: len(set(g) & set(w))),
        wrong(
            "sets-everywhere",
            articles=lambda words: sorted(set(no_articles(words))),
        ),
        wrong("not-clipped", common=lambda g, w: sum(x in w for x in g)),
        wrong("within-words", common=lambda g, w: sum(x in " ".join(w) for x in g)),
        wrong(
            "place-by-place",
            common=lambda g, w: sum(x == y for x, y in zip(g, w, strict=False)),
        ),
        wrong("characters", cut=lambda text: list("".join(no_articles(text.split())))),
        wrong("precision", score=lambda c, g, w: c / g),
        wrong("recall", score=lambda c, g, w: c / w),
        wrong("plain-mean", score=lambda c, g, w: (c / g + c / w) / 2),
        wrong("of-both", score=lambda c, g, w: c / (g + w - c)),
        wrong("exact", score=lambda c, g, w: float(c == g == w)),
        wrong("first-answer", best=lambda scores: scores[0]),
        wrong("answers-averaged", best=np.mean),
        wrong("silence-is-zero", nothing=lambda given, wanted: 0.0),
        wrong("silence-is-right", nothing=lambda given, wanted: 1.0),
    ),
    accepted={
        "regular expressions": lambda *a: _with_expressions(*a),
        "lists": lambda *a: _with_lists(*a),
        "translate": lambda *a: _with_translate(*a),
        "precision and recall": lambda *a: _in_two(*a),
    },
)


def _with_expressions(prediction, answers):
    def words(text):
        text = re.sub(f"[{re.escape(string.punctuation)}]", "", text.lower())
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    given, best = words(prediction), 0.0
    for answer in answers:
        wanted = words(answer)
        if not given or not wanted:
            best = max(best, given == wanted)
            continue
        same = sum((Counter(given) & Counter(wanted)).values())
        best = max(best, 2 * same / (len(given) + len(wanted)))
    return best


def _with_lists(prediction, answers):
    def words(text):
        kept = [c.lower() for c in text if c not in string.punctuation]
        return [w for w in "".join(kept).split() if w not in {"a", "an", "the"}]

    def one(answer):
        given, left = words(prediction), words(answer)
        total = len(given) + len(left)
        if not given or not left:
            return 1 if total == 0 else 0
        same = 0
        for word in given:
            if word in left:
                left.remove(word)
                same += 1
        return 2 * same / total

    return max(map(one, answers))


def _with_translate(prediction, answers):
    table = str.maketrans("", "", string.punctuation)

    def counts(text):
        found = Counter(text.translate(table).casefold().split())
        for article in ("a", "an", "the"):
            found.pop(article, None)
        return found

    def f1(a, b):
        if not a or not b:
            return float(not a and not b)
        return 2 * sum(min(a[w], b[w]) for w in a) / (a.total() + b.total())

    return max(f1(counts(prediction), counts(answer)) for answer in answers)


def _in_two(prediction, answers):
    def words(text):
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return [w for w in text.split() if w not in ("a", "an", "the")]

    scores = []
    for answer in answers:
        given, wanted = words(prediction), words(answer)
        if not given and not wanted:
            scores.append(1.0)
            continue
        same = sum(min(given.count(w), wanted.count(w)) for w in set(given))
        if same == 0:
            scores.append(0.0)
            continue
        precision, recall = same / len(given), same / len(wanted)
        scores.append(2 * precision * recall / (precision + recall))
    return max(scores)
