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
from collections import Counter

import numpy as np

from tlkeras.datasets.text import first_lines

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
    print(f"\n{pair.text[:300]} …\n→ {pair.line}")

# %% [markdown]
# The texts come from the packages that are installed here: Keras, Matplotlib, SciPy and
# scikit-learn. Files are split, not docstrings; a line that stands again in its own text is
# left out; NumPy is kept for the end. The encoder of lesson 08 has read a hundred thousand
# docstrings, none of these packages. Is it worth anything to somebody who has to *write*?
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
# $$P = \frac{\text{n-grams that both have}}{\text{n-grams of the summary}}, \qquad
#   R = \frac{\text{n-grams that both have}}{\text{n-grams of the reference}}, \qquad
#   F = \frac{2\,P\,R}{P + R}$$
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
# ### Exercise: rows (2 points, 5 minutes, easy)

# %% exercise="source_rows"
BEGIN, END = 2, 3


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

# %%
this.end()
