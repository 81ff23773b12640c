"""The units that ROUGE counts: words in lower case, and Chinese characters."""

import re
import unicodedata

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

CHINESE = "\u3400-\u9fff"
UNITS = re.compile(rf"[{CHINESE}]|[^\W_{CHINESE}]+")


def units_of(text, *, cut=UNITS.findall, lower=str.lower, before=identity):
    """Characters of Chinese one by one, runs of other letters and digits whole."""
    return numbers_of(cut(before(lower(text))))


def numbers_of(units):
    """The characters of all units as numbers, a 0 behind each unit."""
    return np.array([ord(c) for unit in units for c in f"{unit}\0"], dtype=int)


def is_chinese(character):
    """Whether it is one of the characters that stand alone."""
    return "\u3400" <= character <= "\u9fff"


def as_numbers(answer, text):
    """What is returned, as numbers."""
    return numbers_of(answer(text))


ENGLISH = (
    "Return the 2nd moment of a sample",
    "Compute a B-spline, or its derivative",
    "Whether the Axes is 3D",
)
SIGNS = (
    "Get the (x, y) limits; see the y-limits: `set_ylim`",
    "Don't use this -- it's gone!",
    "Round an off-axis point to n_digits, e.g. 2.50",
)
CHINESE_TEXTS = (
    "本文提出一种摘要方法",
    "注意力机制的计算与应用",
    "基于深度学习的机器翻译研究",
)
PUNCTUATED = (
    "摘要：方法有效，结果良好。",
    "《语言》研究（综述）、展望！",
    "问题？答案；结论。",
)
MIXED = (
    "基于BERT的文本分类",
    "用GPT2生成100字摘要",
    "在CSL数据集上F1达到85",
)
FULL_WIDTH = (
    "使用ＢＥＲＴ模型，共１２层。",
    "ＲＯＵＧＥ评分：０到１",
    "２０２４年的ＧＰＵ集群",
)
UNDERSCORED = (
    "the sample_weight of fit_transform",
    "_private and __all__ names",
    "set max_iter to 100",
)


TWICE = ("the mean of the means", "方法的方法", "Fit, then fit again")


def one_of(texts):
    """One of some texts."""
    return lambda rng: (texts[rng.integers(len(texts))],)


wrong = mistakes("units", section="units")

EXERCISE = Exercise(
    name="units_of",
    section="units",
    points=2,
    reference=units_of,
    probe=as_numbers,
    cases=(
        Case("english", one_of(ENGLISH)),
        Case("signs", one_of(SIGNS)),
        Case("chinese", one_of(CHINESE_TEXTS)),
        Case("chinese-signs", one_of(PUNCTUATED)),
        Case("mixed", one_of(MIXED)),
        Case("full-width", one_of(FULL_WIDTH)),
        Case("underscores", one_of(UNDERSCORED)),
        Case("twice", one_of(TWICE)),
        Case("empty", lambda rng: ("",)),
        Case("only-signs", one_of(("。", "...", " — !"))),
    ),
    misconceptions=(
        wrong("cut-at-spaces", cut=str.split),
        wrong("chinese-together", cut=re.compile(r"[^\W_]+").findall),
        wrong("chinese-swallowed", cut=re.compile(rf"[{CHINESE}]|[^\W_]+").findall),
        wrong(
            "chinese-swallowed-underscores",
            cut=re.compile(rf"[{CHINESE}]|\w+").findall,
        ),
        wrong("word-characters", cut=re.compile(r"\w+").findall),
        wrong("chinese-lost", cut=re.compile(r"[a-z0-9]+").findall),
        wrong(
            "full-width-lost",
            cut=re.compile(rf"[{CHINESE}]|[a-z0-9]+").findall,
        ),
        wrong("every-letter", cut=re.compile(r"[^\W_]").findall),
        wrong("every-character", cut=list),
        wrong(
            "signs-kept",
            cut=re.compile(rf"[{CHINESE}]|[^\W_{CHINESE}]+|[^\w\s]").findall,
        ),
        wrong("case-kept", lower=identity),
        wrong(
            "underscores-kept", cut=re.compile(rf"[{CHINESE}]|[^\W{CHINESE}]+").findall
        ),
        wrong(
            "digits-lost", cut=re.compile(rf"[{CHINESE}]|[^\W\d_{CHINESE}]+").findall
        ),
        wrong(
            "width-changed",
            before=lambda text: unicodedata.normalize("NFKC", text),
        ),
        wrong(
            "hyphens-kept",
            cut=re.compile(
                rf"[{CHINESE}]|[^\W_{CHINESE}]+(?:[-'][^\W_{CHINESE}]+)*"
            ).findall,
        ),
        wrong("sorted-out", cut=lambda text: list(dict.fromkeys(UNITS.findall(text)))),
    ),
    accepted={
        "a loop": lambda text: _units_in_a_loop(text),
        "spaces put in": lambda text: _units_with_spaces(text),
        "a tuple": lambda text: tuple(UNITS.findall(text.lower())),
        "groups": lambda text: _units_in_groups(text),
    },
)


def _units_in_a_loop(text):
    units, word = [], ""
    for character in text.lower() + " ":
        if character.isalnum() and not is_chinese(character):
            word += character
            continue
        if word:
            units.append(word)
            word = ""
        if is_chinese(character):
            units.append(character)
    return units


def _units_with_spaces(text):
    spaced = "".join(f" {c} " if is_chinese(c) else c for c in text.lower())
    return re.sub(r"[\W_]", " ", spaced).split()


def _units_in_groups(text):
    found = []
    for run in re.findall(r"[^\W_]+", text.lower()):
        word = ""
        for character in run:
            if not is_chinese(character):
                word += character
                continue
            found += [word, character] if word else [character]
            word = ""
        if word:
            found.append(word)
    return found
