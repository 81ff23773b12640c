"""F1 of a Chinese answer, as CMRC 2018 defines it: a number from 0 to 1."""

import re
import string
from collections import Counter

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

from .english_f1 import as_number, harmonic

SIGNS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
TOKEN = re.compile("[\u4e00-\u9fa5]|[^\\s\u4e00-\u9fa5]+")


def no_signs(text):
    """Without the signs that do not count."""
    return "".join(c for c in text if c not in SIGNS)


def longest_run(given, wanted):
    """How many tokens the longest run has that stands in both."""
    longest = 0
    for i in range(len(given)):
        for j in range(len(wanted)):
            n = 0
            while given[i + n : i + n + 1] == wanted[j + n : j + n + 1] != []:
                n += 1
            longest = max(longest, n)
    return longest


def chinese_f1(
    prediction,
    answer,
    *,
    lower=str.lower,
    signs=no_signs,
    cut=TOKEN.findall,
    common=longest_run,
    score=harmonic,
    nothing=lambda given, wanted: given == wanted,
):
    """Twice the longest common run, over both lengths."""
    given, wanted = (cut(signs(lower(text))) for text in (prediction, answer))
    if not given or not wanted:
        return np.float64(nothing(given, wanted))
    return np.float64(score(common(given, wanted), len(given), len(wanted)))


# ── inputs ────────────────────────────────────────────────────────────────────────────

CHARACTERS = "长城是世界上最古老的建筑之一位于北京西部秦始皇时期开始修明代完成"
LATIN = ["GPS", "BERT", "Keras", "1987", "3.5", "DNA", "Python"]


def some(rng, count):
    """Different characters."""
    return rng.permutation(sorted(set(CHARACTERS)))[:count].tolist()


def run(before, shared, after, wanted_before=0, wanted_after=0):
    """A run in both, with other characters around it."""

    def draw(rng):
        sizes = (before, shared, after, wanted_before, wanted_after)
        parts = np.split(np.array(some(rng, sum(sizes))), np.cumsum(sizes)[:-1])
        a, same, b, c, d = ("".join(part) for part in parts)
        return a + same + b, c + same + d

    return draw


def two_runs(rng):
    """Two common runs with something else between them: only the longer one counts."""
    a, b, c, d, e, f, g = some(rng, 7)
    return f"{a}{b}{f}{c}{d}{e}", f"{a}{b}{g}{c}{d}{e}"


def turned(rng):
    """The same characters in another order."""
    a, b, c, d, e = some(rng, 5)
    return f"{c}{d}{e}{a}{b}", f"{a}{b}{c}{d}{e}"


def words_between(rng):
    """Words and numbers of other scripts between Chinese characters."""
    a, b, c, d = some(rng, 4)
    x, y = rng.permutation(LATIN)[:2]
    return f"{a}{b}{x}{c}", f"{b}{x}{c}{y}{d}"


def several_words(rng):
    """Two words of other scripts beside each other."""
    a, b, c = some(rng, 3)
    return f"{a}Deep Learning{b}", f"{a}Deep Mind{b}{c}"


def capitals(rng):
    """A word in other capitals."""
    a, b, c = some(rng, 3)
    x = str(rng.choice(["BERT", "Keras", "Python"]))
    return f"{a}{x.upper()}{b}", f"{a}{x.lower()}{b}{c}"


def signs(rng):
    """Signs of full width, and brackets."""
    a, b, c, d, e = some(rng, 5)
    return f"《{a}{b}》，{c}。", f"{a}{b}、{c}{d}{e}！"


def signs_in_words(rng):
    """A sign within a word of another script."""
    a, b, c = some(rng, 3)
    x = str(rng.choice(["GPT", "COVID", "F"]))
    return f"{a}{x}-2{b}", f"{a}{x}2{b}{c}"


def full_width(rng):
    """Digits and letters as wide as a Chinese character."""
    a, b, c = some(rng, 3)
    return f"约８８５１{a}ＧＰＵ", f"８８５１{a}ＧＰＵ{b}{c}"


def point(rng):
    """A full stop in a number, which is none of the signs."""
    a, b = some(rng, 2)
    return f"{a}3.5{b}", f"{a}35{b}"


def spaces(rng):
    """A space that stands between characters."""
    a, b, c, d = some(rng, 4)
    return f"{a} {b}{c}", f"{a}{b} {c}{d}"


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def one_token_for_the_rest(text):
    """A word of another script takes along what follows (wrong)."""
    return re.findall("[\u4e00-\u9fa5]|\\S+", text)


def spaced(before, after):
    """Spaces beside each Chinese character, then cut (wrong if one is missing)."""
    return lambda text: re.sub("([\u4e00-\u9fa5])", rf"{before}\1{after}", text).split()


def run_of_characters(given, wanted):
    """How many characters the longest run has (wrong)."""
    return longest_run(list("".join(given)), list("".join(wanted)))


def counted(given, wanted):
    """Tokens that both have, wherever they stand (wrong)."""
    return (Counter(given) & Counter(wanted)).total()


def subsequence(given, wanted):
    """The longest row that stands in both, with gaps (wrong)."""
    table = np.zeros((len(given) + 1, len(wanted) + 1), int)
    for i, x in enumerate(given, 1):
        for j, y in enumerate(wanted, 1):
            more = table[i - 1, j - 1] + 1
            table[i, j] = more if x == y else max(table[i - 1, j], table[i, j - 1])
    return int(table[-1, -1])


def up_to_the_end(given, wanted):
    """How long both are the same up to their last tokens (wrong)."""
    return from_the_beginning(given[::-1], wanted[::-1])


def from_the_beginning(given, wanted):
    """How long both are the same from their first tokens on (wrong)."""
    n = 0
    while n < min(len(given), len(wanted)) and given[n] == wanted[n]:
        n += 1
    return n


wrong = mistakes("chinese", section="chinese")

EXERCISE = Exercise(
    name="chinese_f1",
    section="chinese",
    points=3,
    reference=chinese_f1,
    probe=as_number,
    cases=(
        Case("too-much", run(2, 4, 1)),
        Case("too-little", run(0, 3, 0, 1, 2)),
        Case("around", run(1, 3, 2, 2, 0)),
        Case("equal", run(0, 5, 0)),
        Case("nothing-right", run(3, 0, 0, 2, 0)),
        Case("two-runs", two_runs),
        Case("turned", turned),
        Case("words", words_between),
        Case("two-words", several_words),
        Case("capitals", capitals),
        Case("signs", signs),
        Case("signs-in-words", signs_in_words),
        Case("full-width", full_width),
        Case("point", point),
        Case("spaces", spaces),
        Case("silence", lambda rng: ("", "")),
        Case("silence-wrong", lambda rng: ("", "".join(some(rng, 3)))),
    ),
    misconceptions=(
        wrong("cut-at-spaces", cut=str.split),
        wrong("letters-alone", cut=lambda text: [c for c in text if not c.isspace()]),
        wrong("spaces-counted", cut=list),
        wrong("chinese-swallowed", cut=one_token_for_the_rest),
        wrong("space-before-only", cut=spaced(" ", "")),
        wrong("space-after-only", cut=spaced("", " ")),
        wrong("words-lost", cut=re.compile("[\u4e00-\u9fa5]").findall),
        wrong(
            "plain-letters-only", cut=re.compile("[\u4e00-\u9fa5]|[a-z0-9]+").findall
        ),
        wrong("full-width-alone", cut=re.compile("[a-z0-9.]+|[^\\sa-z0-9.]").findall),
        wrong("counted-anywhere", common=counted),
        wrong("gaps-allowed", common=subsequence),
        wrong("from-the-beginning", common=from_the_beginning),
        wrong("last-place", common=up_to_the_end),
        wrong("exact", common=lambda g, w: len(g) if g == w else 0),
        wrong("run-of-characters", common=run_of_characters),
        wrong("signs-kept", signs=identity),
        wrong(
            "signs-to-spaces",
            signs=lambda text: "".join(" " if c in SIGNS else c for c in text),
        ),
        wrong(
            "signs-of-ascii",
            signs=lambda text: "".join(c for c in text if c not in string.punctuation),
        ),
        wrong("point-lost", signs=lambda text: no_signs(text).replace(".", "")),
        wrong("case-kept", lower=identity),
        wrong("precision", score=lambda c, g, w: c / g),
        wrong("recall", score=lambda c, g, w: c / w),
        wrong("not-doubled", score=lambda c, g, w: c / (g + w)),
        wrong("of-the-longer", score=lambda c, g, w: c / max(g, w)),
        wrong("silence-is-zero", nothing=lambda given, wanted: False),
    ),
    accepted={
        "table": lambda *a: _with_a_table(*a),
        "difflib": lambda *a: _with_difflib(*a),
        "strings": lambda *a: _with_strings(*a),
        "loop": lambda *a: _with_a_loop(*a),
    },
)


def _tokens(text):
    text = "".join(c for c in text.lower() if c not in SIGNS)
    for c in sorted(set(text)):
        if "\u4e00" <= c <= "\u9fa5":
            text = text.replace(c, f" {c} ")
    return text.split()


def _with_a_table(prediction, answer):
    a, b = _tokens(prediction), _tokens(answer)
    if not a or not b:
        return a == b
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a)):
        for j in range(len(b)):
            if a[i] == b[j]:
                table[i + 1][j + 1] = table[i][j] + 1
    return 2 * max(map(max, table)) / (len(a) + len(b))


def _with_difflib(prediction, answer):
    from difflib import SequenceMatcher

    a, b = _tokens(prediction), _tokens(answer)
    if not a or not b:
        return float(not a and not b)
    match = SequenceMatcher(None, a, b, autojunk=False).find_longest_match()
    precision, recall = match.size / len(a), match.size / len(b)
    return 2 * precision * recall / (precision + recall) if match.size else 0


def _with_strings(prediction, answer):
    a, b = _tokens(prediction), _tokens(answer)
    if not a or not b:
        return 1.0 if a == b else 0.0
    whole = "|" + "|".join(b) + "|"
    runs = [
        j - i
        for i in range(len(a))
        for j in range(i + 1, len(a) + 1)
        if "|" + "|".join(a[i:j]) + "|" in whole
    ]
    return 2 * max(runs, default=0) / (len(a) + len(b))


def _with_a_loop(prediction, answer):
    both = []
    for text in (prediction, answer):
        tokens, word = [], ""
        for c in text.lower() + " ":
            if c in SIGNS:
                continue
            chinese = "\u4e00" <= c <= "\u9fa5"
            if (chinese or c.isspace()) and word:
                tokens, word = [*tokens, word], ""
            if chinese:
                tokens.append(c)
            elif not c.isspace():
                word += c
        both.append(tokens)
    a, b = both
    if not a or not b:
        return a == b
    longest = 0
    for n in range(1, min(len(a), len(b)) + 1):
        runs = {tuple(a[i : i + n]) for i in range(len(a) - n + 1)}
        if any(tuple(b[i : i + n]) in runs for i in range(len(b) - n + 1)):
            longest = n
    return 2 * longest / (len(a) + len(b))
