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
# # 17 Speech to text
#
# About 90 minutes, 20 points. You need lessons 01 to 06 and lesson 16, whose encoder is
# taken further here. Headphones help.
#
# Lesson 16 chose one of ten words. Now somebody says several, and the answer is a text,
# letter by letter. Nobody says where in the recording each letter is: that is what
# **connectionist temporal classification** (CTC) is for. By the end you will be able to
#
# - read a text off the frames of a recording, and say what the blank is good for;
# - compute the probability of a text over all the ways to say it, in logarithms;
# - find out where each letter is, and which text is the most probable one;
# - count errors as speech recognition does;
# - take an encoder that knew ten words to strings of letters, and measure what its past
#   is worth.
#
# As in every lesson you guess before each experiment; its code and the text about its
# result are folded away until then.

# %%
from tlkeras.course import lesson

this = lesson("17_speech_to_text")
check = this.check

import numpy as np

# %% [markdown]
# ## 1. A path, and what it reads
#
# ### Exercise: collapse (2 points, 5 minutes, easy)


# %% exercise="collapse"
def collapse(path):
    """What a path reads.

    path: integers (T,), a symbol for each token; 0 is the blank.
    Returns a list of labels.
    """
    # BEGIN SOLUTION
    labels, before = [], 0
    for symbol in path:
        if symbol not in (0, before):
            labels.append(int(symbol))
        before = symbol
    return labels
    # END SOLUTION


# %%
check(collapse)

# %% [markdown]
# ## 2. Enough tokens?
#
# ### Exercise: spare tokens (3 points, 7 minutes, middle)


# %% exercise="spare_tokens"
def spare_tokens(samples, labels, step, strides):
    """Tokens that are there, less tokens that the text needs.

    samples: integers (B,), the real samples of each recording. labels: integers (B, U),
    from 1; behind a text stand zeros. step: samples for each frame. strides: a tuple,
    the stride of each convolution. Returns integers (B,); negative: too short.
    """
    # BEGIN SOLUTION
    tokens = samples // step
    for stride in strides:
        tokens = -(-tokens // stride)
    real = labels > 0  # (B, U)
    repeats = (labels[:, 1:] == labels[:, :-1]) & real[:, 1:]
    return tokens - real.sum(axis=1) - repeats.sum(axis=1)
    # END SOLUTION


# %%
check(spare_tokens)

# %% [markdown]
# ## 3. The probability of a text
#
# ### Exercise: the forward algorithm (5 points, 14 minutes, hard)


# %% exercise="ctc_log_probability"
def ctc_log_probability(log_probs, labels):
    """log P(labels), added up over all paths that read so.

    log_probs: floats (T, C), of every symbol at every token; 0 is the blank.
    labels: integers (U,), from 1; there may be none.
    Returns a number; −inf if no path reads so.
    """
    # BEGIN SOLUTION
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels  # (S,)
    skip = np.zeros(len(row), bool)
    skip[2:] = (row[2:] != 0) & (row[2:] != row[:-2])
    alpha = np.full(len(row), -np.inf)
    alpha[:2] = log_probs[0, row[:2]]
    for frame in log_probs[1:]:
        one, two = (np.r_[[-np.inf] * n, alpha][: len(row)] for n in (1, 2))
        ways = [alpha, one, np.where(skip, two, -np.inf)]
        alpha = np.logaddexp.reduce(ways) + frame[row]
    return np.logaddexp.reduce(alpha[-2:])
    # END SOLUTION


# %%
check(ctc_log_probability)

# %% [markdown]
# ## 4. Where is each letter?
#
# ### Exercise: the best path (3 points, 9 minutes, hard)


# %% exercise="best_path"
def best_path(log_probs, labels):
    """The most probable of all paths that read as a text.

    log_probs: floats (T, C). labels: integers (U,), from 1; the text fits.
    Returns integers (T,): a symbol for each token.
    """
    # BEGIN SOLUTION
    row = np.zeros(2 * len(labels) + 1, int)
    row[1::2] = labels  # (S,)
    skip = np.zeros(len(row), bool)
    skip[2:] = (row[2:] != 0) & (row[2:] != row[:-2])
    best = np.full(len(row), -np.inf)
    best[:2] = log_probs[0, row[:2]]
    notes = []
    for frame in log_probs[1:]:
        one, two = (np.r_[[-np.inf] * n, best][: len(row)] for n in (1, 2))
        ways = np.stack([best, one, np.where(skip, two, -np.inf)])  # (3, S)
        notes.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + frame[row]
    places = [len(row) - len(best[-2:]) + int(best[-2:].argmax())]
    for note in notes[::-1]:
        places.append(places[-1] - note[places[-1]])
    return row[places[::-1]]
    # END SOLUTION


# %%
check(best_path)

# %% [markdown]
# ## 5. How wrong is a text?
#
# ### Exercise: the word error rate (3 points, 8 minutes, middle)


# %% exercise="word_error_rate"
def word_error_rate(references, hypotheses):
    """Words changed, left out and added, for each word that was said.

    references, hypotheses: lists of texts, what was said and what was understood.
    Returns a number from 0.
    """

    # BEGIN SOLUTION
    def edits(said, heard):
        row = list(range(len(heard) + 1))
        for i, word in enumerate(said, start=1):
            before, row = row, [i]
            for j, other in enumerate(heard, start=1):
                changed = before[j - 1] + (word != other)
                row.append(min(changed, before[j] + 1, row[-1] + 1))
        return row[-1]

    errors = sum(
        edits(said.split(), heard.split())
        for said, heard in zip(references, hypotheses, strict=True)
    )
    return errors / sum(len(said.split()) for said in references)
    # END SOLUTION


# %%
check(word_error_rate)

# %% [markdown]
# ## 9. The most probable text
#
# ### Exercise: prefix beam search (4 points, 14 minutes, hard)


# %% exercise="prefix_beam_search"
def prefix_beam_search(log_probs, width):
    """The most probable text that a beam finds.

    log_probs: floats (T, C); 0 is the blank. width: texts that stay after each token.
    Returns its labels, a list or tuple, and the logarithm of its probability.
    """
    # BEGIN SOLUTION
    never = -np.inf
    beams = {(): (0.0, never)}  # text: (ends with a blank, ends with its last label)
    for frame in log_probs:
        longer = {}

        def put(text, blank=never, label=never, longer=longer):
            b, n = longer.get(text, (never, never))
            longer[text] = np.logaddexp(b, blank), np.logaddexp(n, label)

        for text, (b, n) in beams.items():
            both = np.logaddexp(b, n)
            put(text, blank=both + frame[0])
            for c in range(1, len(frame)):
                if text and c == text[-1]:
                    put(text, label=n + frame[c])
                    put((*text, c), label=b + frame[c])
                else:
                    put((*text, c), label=both + frame[c])
        ranked = sorted(longer, key=lambda x: np.logaddexp(*longer[x]), reverse=True)
        beams = {text: longer[text] for text in ranked[:width]}
    best = next(iter(beams))
    return best, np.logaddexp(*beams[best])
    # END SOLUTION


# %%
check(prefix_beam_search)

# %%
this.end()
