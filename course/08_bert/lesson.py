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
# # 08 BERT and text classification
#
# About 90 minutes, 20 points. You need lessons 01 to 04 and 06: attention, positions,
# encoder blocks, and what it means to transfer.
#
# BERT is a stack of encoder blocks that learned by filling in blanks. This notebook opens
# it up: what it reads, what it was asked, and what that is good for. By its end you will
# be able to
#
# - cut words into pieces as BERT does, and say what becomes of a word that nobody has seen;
# - write the masked-language-model objective, and say what its three numbers are for;
# - put a classifier on BERT and fine-tune it, and know when `[CLS]` is worth something;
# - find out whether a classifier knows when it is wrong, mend that, and read its errors;
# - load one checkpoint in three libraries and explain the differences.

# %%
import numpy as np

from tlkeras import visualization as show
from tlkeras.course import lesson

this = lesson("08_bert")
check = this.check

# %% [markdown]
# ## A question to begin with
#
# Fill in the blank, in your head:
#
# > Return the ______ of the array elements over the given axis.
#
# You thought of some words, and of some more than of others. Nobody gave you the answer,
# and yet you know a good deal about it: it is a noun in the singular, and something that
# one can compute from many numbers. To know that, you had to have read a lot, and to look
# at *both* sides of the blank.
#
# `tlkeras://bert_docstrings` is a small BERT that this project trained, on nothing but
# the docstrings of Python packages with such blanks in them. Its vocabulary has about
# 6,000 entries. Here is what it would fill in.

# %%
from keras import ops

from tlkeras.checkpoints import from_preset, preprocessor

preset = "tlkeras://bert_docstrings"
masked = from_preset(preset, head="masked_lm")
prepare = preprocessor(preset, sequence_length=48)
tokenizer = prepare.tokenizer
pieces = tokenizer.get_vocabulary()
vocabulary = {piece: number for number, piece in enumerate(pieces)}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = (vocabulary[name] for name in SPECIAL)


def as_inputs(token_ids):
    """Rows of tokens as BERT takes them: a dictionary of integers (B, T)."""
    token_ids = np.array(token_ids, "int32")
    keep = (token_ids != PAD).astype("int32")
    return {"token_ids": token_ids, "segment_ids": 0 * keep, "padding_mask": keep}


def with_blank(text):
    """A text with one [MASK] in it: a batch of one."""
    before, after = (list(tokenizer(part)) for part in text.split("[MASK]"))
    return as_inputs([[CLS, *before, MASK, *after, SEP]])


def guesses(text, count=8):
    """The likeliest pieces for the blank, and their probabilities."""
    inputs = with_blank(text)
    place = list(inputs["token_ids"][0]).index(MASK)
    p = ops.convert_to_numpy(ops.softmax(masked(inputs)[0, place]))
    best = np.argsort(-p)[:count]
    return [pieces[i] for i in best], p[best]


question = "Return the [MASK] of the array elements over the given axis."
likely, probability = guesses(question)
show.bars(likely, probability, "", "probability", question)
print(f"{masked.backbone.count_params():,} weights, {len(pieces):,} pieces")

# %% [markdown]
# TODO Numbers.
#
# None of NumPy's own docstrings was in its training text: neither NumPy nor SciPy,
# scikit-learn, Keras or Matplotlib. Their sentences are what we classify later.

# %% [markdown]
# ## 1. Words into pieces
#
# What is a token? With whole words, a vocabulary of 6,000 misses most words of most
# texts. With letters nothing is ever missing, but a sentence becomes four or five times
# as long, and each letter says little. **WordPiece** stands between the two: frequent
# words are whole, rare ones are built of pieces. First the text is made plainer: small
# letters, accents off, cut at spaces and around every sign. Then each word is cut by
# itself, greedily: take the longest piece of the vocabulary that the word begins with,
# then the longest one that continues it, and so on.
#
# Pieces that continue a word are written with `##`: `##s` is the s of *arrays*, a token
# of its own, different from `s`. If at any place nothing fits, not even a letter, the
# **whole word** becomes `[UNK]`, unknown.
#
# ### Exercise: WordPiece (4 points)


# %% exercise="wordpiece"
def wordpiece(word, vocabulary):
    """The numbers of a word's pieces, greedily from the left: a list of integers.

    word: text without spaces. vocabulary: a dictionary, piece → number.
    """
    # BEGIN SOLUTION
    ids, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[piece])
        start = end
    return ids
    # END SOLUTION


# %%
check(wordpiece)

# %% [markdown]
# **Predict first.** Which of these words are whole? Which one is unknown?

# %% tags=["experiment"]
for (
    word
) in "array arrays covariances dropout kurtosis untokenizable naïve 数组".split():
    print(f"{word:15}", " ".join(pieces[i] for i in wordpiece(word, vocabulary)))

# %% [markdown]
# TODO
#
# Now on real text, and beside KerasHub's tokenizer: sentences from the documentation of
# five packages (section 7 says more about them).

# %% tags=["experiment"]
import re

from tlkeras.datasets import docstrings

per_package = this.at_scale(quick=40, default=1000)
splits = docstrings.load_data(per_package)
sentences = splits[0][0]
words = re.findall("[a-z]+", " ".join(sentences).lower())
yours = {word: wordpiece(word, vocabulary) for word in set(words)}
theirs = dict(zip(yours, map(list, tokenizer(list(yours))), strict=True))
same_pieces = np.mean([yours[word] == theirs[word] for word in yours])
counts = np.array([len(yours[word]) for word in words])
different = np.array([len(ids) for ids in yours.values()])
unknown_share = np.mean([yours[word] == [UNK] for word in words])
show.bars(
    ["1", "2", "3", "4", "5 and more"],
    [*((counts == n).mean() for n in range(1, 5)), (counts >= 5).mean()],
    "pieces of a word",
    "share of words in the text",
    "Most words in a text are whole",
)
print(f"the same pieces as KerasHub: {same_pieces:.1%} of {len(yours):,} words")
print(
    f"whole: {np.mean(counts == 1):.1%} of the text, {np.mean(different == 1):.1%} of"
)
print(
    f"all different words; pieces a word: {counts.mean():.2f} and {different.mean():.2f}"
)
print(f"unknown: {unknown_share:.2%}")

# %% [markdown]
# TODO
#
# How the vocabulary is chosen is another matter: WordPiece merges pieces so as to make
# the training text as likely as possible (Schuster and Nakajima 2012, section 3). What
# matters here is that vocabulary and weights belong together. A model knows the tokens it
# was trained with, by number, and no others.

# %% [markdown]
# ## 2. Three vectors, added
#
# A text begins with `[CLS]`, for *classification*, and ends with `[SEP]`, the separator. Some
# tasks have two texts: a question and a passage, or two sentences, does the one follow
# from the other? They go into one row, with a `[SEP]` after each. So that BERT can tell
# them apart, each token belongs to a **segment**, 0 or 1:
#
# | | | | | | | | | |
# |---|---|---|---|---|---|---|---|---|
# | token | `[CLS]` | is | it | sorted | `[SEP]` | it | is | `[SEP]` |
# | position | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
# | segment | 0 | 0 | 0 | 0 | 0 | 1 | 1 | 1 |
#
# Each of the three rows has a table of its own, with a learned vector of D numbers in each
# line. The three vectors of a token are **added**, and a layer norm follows (lesson 04):
#
# $$x_0 = \operatorname{Norm}(\text{token} + \text{segment} + \text{position}), \qquad
#   \operatorname{Norm}(x) = \gamma\,\frac{x - \operatorname{mean}(x)}
#   {\sqrt{\operatorname{var}(x) + 10^{-12}}} + \beta$$
#
# | symbol | shape | what it is | here |
# |---|---|---|---|
# | token, segment, position tables | (V, D), (2, D), (longest, D) | one line for each | V about 6,000, D = 128 |
# | $x_0$ | (B, T, D) | what enters the first block | |
# | $\gamma, \beta$ | (D,) | scale and shift that the norm has learned | |
#
# ### Exercise: the input of the first block (3 points)


# %% exercise="bert_input"
def bert_input(
    token_ids, segment_ids, token_table, segment_table, position_table, gamma, beta
):
    """Norm(token + segment + position).

    token_ids, segment_ids: integers (B, T). token_table: floats (V, D).
    segment_table: floats (2, D). position_table: floats (longest, D).
    gamma, beta: floats (D,). Returns floats (B, T, D).
    """
    # BEGIN SOLUTION
    x = token_table[token_ids] + segment_table[segment_ids]  # (B, T, D)
    x = x + position_table[: token_ids.shape[1]]
    x = x - x.mean(axis=-1, keepdims=True)
    x = x / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    return x * gamma + beta
    # END SOLUTION


# %%
check(bert_input)

# %% [markdown]
# With the tables of our BERT, yours should give what BERT hands to its first block. Let
# us look at the tables as well. The angle between two positions says whether BERT takes
# them for similar places.
#
# **Predict first.** Which positions will be alike? (Nobody told BERT that 4 comes after
# 3.)

# %% tags=["experiment"]
bert = masked.backbone
tables = {
    "token_table": bert.token_embedding.embeddings,
    "segment_table": bert.segment_embedding.embeddings,
    "position_table": bert.position_embedding.position_embeddings,
    "gamma": bert.embeddings_layer_norm.gamma,
    "beta": bert.embeddings_layer_norm.beta,
}
tables = {name: ops.convert_to_numpy(table) for name, table in tables.items()}
pair = prepare((["Is it sorted?"], ["It is."]), None)  # no labels
pair = {name: ops.convert_to_numpy(x) for name, x in pair.items()}
print(" ".join(pieces[i] for i in pair["token_ids"][0] if i != PAD))
print("segments:", *pair["segment_ids"][0, :12])
yours = bert_input(pair["token_ids"], pair["segment_ids"], **tables)
ours = ops.convert_to_numpy(bert(pair, return_hidden_states=True)["hidden_states"][0])
input_difference = np.abs(yours - ours).max()
print(f"largest difference, yours and BERT's: {input_difference:.1e}")

places = tables["position_table"][:40]
places = places - places.mean(axis=0)
places = places / np.linalg.norm(places, axis=1, keepdims=True)
show.matrix(
    places @ places.T, "position", "position", "Cosine of learned position vectors"
)
lengths = np.linalg.norm(tables["segment_table"], axis=1)
print(f"length of segment vectors: {lengths[0]:.2f} and {lengths[1]:.2f}")

# %% [markdown]
# TODO
#
# The original BERT had a second task besides filling in blanks: does the second text really follow
# the first one in the book, or is it from somewhere else (Devlin et al. 2018, section 3.1,
# task 2)? Segments came with it. RoBERTa left that task out and did as well or better (Liu
# et al. 2019, section 4.2). So did we: our BERT has read one docstring at a time, its segment is
# always 0, and the vector of segment 1 is as random as on the first day. For a task with pairs it would have to learn it.

# %% [markdown]
# ## 3. Both ways at once
#
# Lesson 05 had a decoder that reads from left to right and never sees what comes next. So
# why does BERT look both ways? Go back to the first question, and stop before the blank:
# "Return the". From there almost any noun is possible.
#
# How much are the two sides worth? From each of some hundred sentences we hide one whole
# word in the middle, and let BERT see the left side only, the right side only, or both.
# (What it may not see is hidden by the padding mask, as in lesson 01.)
#
# **Predict first.** How often does it find the exact word, with one side and with two?


# %% tags=["experiment"]
def read(texts):
    """Texts as inputs of BERT: integers (B, T)."""
    inputs = prepare(list(texts))
    return {name: ops.convert_to_numpy(x).astype("int32") for name, x in inputs.items()}


def in_batches(function, inputs, size=64):
    """What a function of inputs gives, some rows at a time."""
    rows = range(0, len(inputs["token_ids"]), size)
    parts = [function({k: x[i : i + size] for k, x in inputs.items()}) for i in rows]
    return np.concatenate([ops.convert_to_numpy(part) for part in parts])


def whole_words(token_ids):
    """Places of whole words of letters, with four tokens or more on either side."""
    token = [pieces[i] for i in token_ids]
    end = token.index("[SEP]")
    return [
        t
        for t in range(5, end - 4)
        if token[t].isalpha() and not token[t + 1].startswith("##")
    ]


random = np.random.default_rng(0)
some = random.permutation(len(sentences))[: this.at_scale(quick=60, default=600)]
inputs = read(sentences[i] for i in some)
long_enough = [b for b, row in enumerate(inputs["token_ids"]) if whole_words(row)]
inputs = {name: x[long_enough] for name, x in inputs.items()}
rows = np.arange(len(long_enough))
blank = np.array([random.choice(whole_words(row)) for row in inputs["token_ids"]])
hidden = inputs["token_ids"][rows, blank].copy()
inputs["token_ids"][rows, blank] = MASK
place, blank_place = np.arange(48), blank[:, None]
seen = {
    "neither side": place == blank_place,
    "left": place <= blank_place,
    "right": place >= blank_place,
    "both": place >= 0,
}
found = {}
for name, visible in seen.items():
    shown = {**inputs, "padding_mask": inputs["padding_mask"] * visible}
    shown["positions"] = blank_place

    def at_blank(batch):
        """The likeliest token for each blank."""
        positions = batch.pop("positions")
        return ops.argmax(masked(batch, positions=positions)[:, 0], axis=-1)

    found[name] = (in_batches(at_blank, shown) == hidden).mean()
    print(f"{name:13} {found[name]:.1%}")
show.bars(
    list(found),
    list(found.values()),
    "what BERT sees",
    "word found",
    f"{len(rows)} blanks",
)

# %% [markdown]
# TODO
#
# Mind what this is not: our BERT never learned to read half a sentence, and a model that is trained
# from left to right would do better with the left side than it does. But it could not do
# the last thing at all. A model that predicts each token must not see that token; with a
# causal mask it sees none that comes later, and gets a question at every position. If BERT saw
# both sides *and* was asked at every position, it would find each answer in its input.
# So what is asked has to be hidden first, and what is hidden cannot be used to answer: that is the price
# of looking both ways. (The other price: BERT cannot write. Lesson 09 has the models that
# can.)

# %% [markdown]
# ## 4. Hide some, and ask
#
# The **masked language model** (Devlin et al. 2018, section 3.1, task 1):
#
# 1. Choose 15 % of the tokens at random. Special tokens are never chosen.
# 2. Of the chosen ones, 80 % become `[MASK]`, 10 % a random token, and 10 % stay as they
#    are.
# 3. Ask for the original token at all the chosen places, and at no others.
#
# Why so complicated? Because of what comes later. No review and no question will ever
# have a `[MASK]` in it. If `[MASK]` were the only place where BERT is asked anything, it could
# be lazy everywhere else. With the 10 % that stay and the 10 % that lie it can never be
# sure of a word that it reads, and has to check every one against its context
# (appendix A.1).
#
# To choose, a uniform random number is drawn for each token: it is chosen if `choice` is
# below 0.15. A second number, `fate`, says what becomes of it: below 0.8 `[MASK]`, from
# 0.8 to below 0.9 the random token that stands ready in `random_ids`, from 0.9 on it
# stays. (The numbers are drawn outside, so that your result can be checked.)
#
# ### Exercise: masking (4 points)


# %% exercise="mask_tokens"
def mask_tokens(token_ids, special_ids, mask_id, choice, fate, random_ids):
    """What BERT reads, and what it is asked.

    token_ids: integers (B, T). special_ids: a list of tokens that are never chosen.
    mask_id: the number of [MASK]. choice, fate: floats (B, T), from 0 to 1.
    random_ids: integers (B, T), a random token for each place.
    Returns inputs and labels, integers (B, T); labels are 0 where nothing is asked.
    """
    # BEGIN SOLUTION
    chosen = (choice < 0.15) & ~np.isin(token_ids, special_ids)
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs = np.where(chosen & (fate < 0.8), mask_id, token_ids)
    inputs = np.where(swapped, random_ids, inputs)
    return inputs, np.where(chosen, token_ids, 0)
    # END SOLUTION


# %%
check(mask_tokens)

# %% [markdown]
# RoBERTa draws new numbers each time a text is read (**dynamic** masking), where the first BERT drew them
# ten times for each text and repeated those (Liu et al. 2019, section 4.1). That costs nothing,
# and the same text gives other questions in every epoch.
#
# Did the trick work? We mask some sentences as in training and look at what our BERT says
# at four kinds of places: where it reads `[MASK]`, where it reads a random token, where it
# reads the right token and is asked nevertheless, and where it reads the right token and
# was never asked. At each we count how often its likeliest token is the original one.
#
# **Predict first.** Order the four. At which will it be right almost always? Does it
# believe a random token?

# %% tags=["experiment"]
texts = [sentences[i] for i in random.permutation(len(sentences))[:600]]
texts = texts[: this.at_scale(quick=60, default=600)]
inputs = read(texts)
original = inputs["token_ids"]
shape = original.shape
inputs["token_ids"], labels = mask_tokens(
    original,
    [PAD, CLS, SEP],
    MASK,
    random.random(shape),
    random.random(shape),
    random.integers(len(SPECIAL), len(pieces), shape),
)
asked = labels != 0
words_only = ~np.isin(original, [PAD, CLS, SEP])
read_now = inputs["token_ids"]
kinds = {
    "[MASK]": asked & (read_now == MASK),
    "random": asked & (read_now != MASK) & (read_now != original),
    "kept": asked & (read_now == original),
    "not asked": ~asked & words_only,
}
print(
    f"chosen: {asked.sum() / words_only.sum():.1%} of {words_only.sum():,} tokens, of which"
)
for name in ("[MASK]", "random", "kept"):
    print(f"   {name:7} {kinds[name].sum() / asked.sum():.1%}")
said = in_batches(lambda batch: ops.argmax(masked(batch), axis=-1), inputs)
right_at = {name: (said == original)[where].mean() for name, where in kinds.items()}
believed = (said == read_now)[kinds["random"]].mean()
show.bars(
    list(right_at),
    list(right_at.values()),
    "what stands there",
    "original token found",
    "It looks at words, and does not quite believe them",
)
for name, share in right_at.items():
    print(f"{name:10} original found {share:.1%}")
print(f"random tokens taken for true: {believed:.1%}")

# %% [markdown]
# TODO

# %% [markdown]
# ## 5. A loss where something was asked
#
# At each place the last block gives a vector, and a small head (a dense layer, GELU, a
# layer norm) turns it into a **state** of D numbers. Its dot product with a token's line
# in the token table is that token's logit: the same table turns tokens into vectors and
# vectors into tokens, as in lesson 05. Then the usual cross-entropy, over the places that
# were asked and no others:
#
# $$\text{logits} = H E^\top + c, \qquad
#   \text{loss} = -\frac{1}{M} \sum_{\text{asked } (b, t)} \log p_{b,t}(y_{b,t})$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $H$ | (B, T, D) | states |
# | $E$ | (V, D) | the token table |
# | $c$ | (V,) | a bias for each token: how common it is |
# | $y$ | (B, T) | labels, 0 where nothing is asked |
# | $M$ | | how many are asked |
#
# V is large, 30,522 in the original. So it pays to pick the states that are asked *first*
# and to multiply only those with the table: 15 % of the work.
#
# ### Exercise: the masked loss (3 points)


# %% exercise="masked_lm_loss"
def masked_lm_loss(states, labels, token_table, bias):
    """The mean of −log p of the labels: a number.

    states: floats (B, T, D). labels: integers (B, T), 0 where nothing is asked.
    token_table: floats (V, D). bias: floats (V,).
    """
    # BEGIN SOLUTION
    asked = labels != 0
    logits = states[asked] @ token_table.T + bias  # (asked, V)
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -log_p[np.arange(len(log_p)), labels[asked]].mean()
    # END SOLUTION


# %%
check(masked_lm_loss)

# %% [markdown]
# **Predict first.** What is the loss of a model that finds all 6,000 pieces equally likely?
# What if it knows how frequent each piece is, and nothing of the context?


# %% tags=["experiment"]
def states_of(batch):
    """What the head makes of BERT's last vectors: (B, T, D)."""
    x = bert(batch)["sequence_output"]
    return masked.head_layer_norm(masked.head_dense(x))


bias = ops.convert_to_numpy(masked.head_bias.bias)
loss = masked_lm_loss(
    in_batches(states_of, inputs), labels, tables["token_table"], bias
)
frequency = 1 + np.bincount(original[words_only], minlength=len(pieces))
frequency = frequency / frequency.sum()
frequency_loss = -np.log(frequency[labels[asked]]).mean()
for name, value in (
    ("all alike", np.log(len(pieces))),
    ("by frequency", frequency_loss),
    ("our BERT", loss),
):
    print(
        f"{name:13} loss {value:.2f}, as unsure as between {np.exp(value):,.0f} pieces"
    )

# %% [markdown]
# TODO

# %% [markdown]
# ## 6. What 15 % costs
#
# A causal model answers a question at every token of its text. BERT answers 15 of a hundred, and has to read
# the other 85 anyway. So why not hide more? Each answer then has fewer clues.
#
# **Predict first.** We hide 5, 15, 30, 45, 60 or 80 % of the tokens (all of them behind `[MASK]`). How
# fast does the loss rise? Is there a cliff?

# %% tags=["experiment"]
rates = [0.05, 0.15, 0.3, 0.45, 0.6, 0.8]
draws = random.random(shape)
losses = []
for rate in rates:
    chosen = words_only & (draws < rate)
    more = {**inputs, "token_ids": np.where(chosen, MASK, original)}
    states = in_batches(states_of, more)
    asks = np.where(chosen, original, 0)
    losses.append(masked_lm_loss(states, asks, tables["token_table"], bias))
left, right = show.panels(4.6, 4.6)
share = [100 * rate for rate in rates]
show.curves(
    share,
    {"our BERT": losses, "by frequency alone": [frequency_loss] * len(rates)},
    "tokens hidden, %",
    "loss where asked",
    "Fewer clues, harder questions",
    dotted=["by frequency alone"],
    axes=left,
)
tokens_a_text = words_only.sum() / len(texts)
show.curves(
    share,
    {"questions": [rate * tokens_a_text for rate in rates]},
    "tokens hidden, %",
    "questions a sentence",
    "… and more of them",
    axes=right,
)
print(
    "loss:",
    ", ".join(f"{x:.2f} at {r:.0%}" for r, x in zip(rates, losses, strict=True)),
)

# %% [markdown]
# TODO
#
# Wettig et al. (2022) trained many models and found that 15 % is no law: 40 % did better
# than 15 % for a model of BERT-large's size, and even 80 % kept most of the quality after
# fine-tuning. They see two effects that pull against each other, and you have just drawn both:
# harder questions, and more of them. For a small model, as ours, the best rate is lower.

# %% [markdown]
# ## 7. One vector for a text
#
# Now a task: **from which package is a sentence?** Keras, Matplotlib, NumPy, SciPy or
# scikit-learn. Names that would give it away are masked, and no file has sentences in two
# splits.
#
# BERT gives a vector for each token, and a classifier wants one for the text. Two answers:
#
# - **`[CLS]`**: the vector of the first token. It stands for no word, so it is free to
#   gather what the text as a whole says (Devlin et al. 2018, section 4).
# - **Mean**: average the vectors of all tokens that are no padding.
#
# Then comes one linear layer, the **head**, with a column for each class.
#
# ### Exercise: the head (3 points)


# %% exercise="text_logits"
def text_logits(states, padding_mask, kernel, bias, pooling):
    """Logits of the classes for each text.

    states: floats (B, T, D). padding_mask: booleans (B, T), True = keep.
    kernel: floats (D, C). bias: floats (C,). pooling: "cls" or "mean".
    Returns floats (B, C).
    """
    # BEGIN SOLUTION
    if pooling == "cls":
        vector = states[:, 0]  # (B, D)
    else:
        keep = padding_mask[..., None]  # (B, T, 1)
        vector = (states * keep).sum(axis=1) / keep.sum(axis=1)
    return vector @ kernel + bias
    # END SOLUTION


# %%
check(text_logits)

# %% [markdown]
# From here on you can take another model and another task, by changing the two names in the next
# cell: MiniLM is a BERT with 22.7 million weights, and SST-2 has sentences of film reviews, positive or negative. Both are
# downloaded at first use. (With `TLKERAS_SCALE=full` that is what runs.)

# %%
from tlkeras.datasets import sst2

ours_here = (preset, docstrings)
minilm = ("hf://sentence-transformers/all-MiniLM-L6-v2", sst2)
checkpoint, task = this.at_scale(quick=ours_here, default=ours_here, full=minilm)


# %%
def some_of(split, count):
    """At most so many texts of a split, in random order."""
    texts, labels = split
    chosen = np.random.default_rng(0).permutation(len(texts))[:count]
    return [texts[i] for i in chosen], labels[chosen]


splits = splits if task is docstrings else task.load_data()
sizes = this.at_scale(quick=(80, 40, 60), default=(2500, 700, 1300))
(train_texts, train_labels), (check_texts, check_labels), (test_texts, test_labels) = (
    some_of(split, size) for split, size in zip(splits, sizes, strict=True)
)
prepare = preprocessor(checkpoint, sequence_length=48)
train, checked, test = map(read, (train_texts, check_texts, test_texts))
for label, text in zip(test_labels[:6], test_texts[:6], strict=True):
    print(f"{task.CLASSES[label]:11} {text}")

# %% [markdown]
# A head on `[CLS]` is what the paper recommends. But it fine-tuned everything behind the
# head, and its `[CLS]` had been trained on a task of its own, the one with two texts. Ours has
# never been asked anything at `[CLS]`.
#
# **Predict first.** The backbone stays as it is, and only a head learns (lesson 06: features), on 300
# labels. Which is better, `[CLS]` or the mean? Is a BERT with *random* weights worth anything?

# %% tags=["experiment"]
import keras
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tlkeras.transfer import draw_labels, estimate


def features(backbone, inputs, pooling):
    """One vector a text, by your head with a kernel that changes nothing."""
    keep = inputs["padding_mask"] == 1
    size = backbone.get_config()["hidden_dim"]
    states = in_batches(lambda batch: backbone(batch)["sequence_output"], inputs)
    return text_logits(states, keep, np.eye(size), np.zeros(size), pooling)


def probe(train_part, check_part, test_part, seed, count):
    """Test accuracy of a linear head, its strength chosen on the validation texts."""
    chosen = draw_labels(train_labels, count, seed)
    best = (0, 0)
    for strength in (0.01, 0.1, 1, 10, 100):
        head = LogisticRegression(C=strength, max_iter=3000)
        head.fit(train_part[chosen], train_labels[chosen])
        score = head.score(check_part, check_labels)
        best = max(best, (score, head.score(test_part, test_labels)))
    return best[1]


backbone = from_preset(checkpoint)
keras.utils.set_random_seed(0)
untrained = backbone.__class__.from_config(backbone.get_config())
ways = {}
for name, body in (("random", untrained), ("BERT", backbone)):
    for pooling in ("cls", "mean"):
        x = [features(body, part, pooling) for part in (train, checked, test)]
        middle, spread = x[0].mean(axis=0), x[0].std(axis=0)
        ways[f"{name}, {pooling}"] = [(part - middle) / spread for part in x]
tfidf = TfidfVectorizer(sublinear_tf=True).fit(train_texts)
ways["words (TF-IDF)"] = [
    tfidf.transform(part) for part in (train_texts, check_texts, test_texts)
]
seeds, count = range(this.at_scale(quick=2, default=5)), this.at_scale(60, 300)
probes = {
    name: estimate([probe(*x, seed, count) for seed in seeds])
    for name, x in ways.items()
}
for name, accuracy in probes.items():
    print(f"{name:15} {accuracy}")

# %% [markdown]
# TODO

# %% [markdown]
# ## 8. Fine-tuning
#
# Now everything learns: the head, and the whole of BERT behind it. The rule of thumb: small
# learning rates, few steps, because the weights are already good. `BertClassifier` is
# a `Bert`, your head and a dropout. `Retrainer` trains one compiled model again and again;
# the seeds differ in which texts have labels, in the order of batches and in dropout.
#
# Learning rate and steps were chosen on the validation texts, from TODO.
#
# **Predict first.** How much does fine-tuning add to the probes above, on the same 300
# labels? And does `[CLS]` catch up with the mean when everything may move?

# %% tags=["experiment"]
from tlkeras.models import BertClassifier
from tlkeras.transfer import Retrainer

steps, rate = this.at_scale(quick=(2, 5e-4), default=(100, 5e-4), full=(300, 5e-5))
classifiers, tuned = {}, {}
for pooling in ("cls", "mean"):
    keras.utils.set_random_seed(0)
    model = BertClassifier(from_preset(checkpoint), len(task.CLASSES), pooling=pooling)
    trainer = Retrainer(model, jit_compile=this.at_scale(quick=False, default=True))
    classifiers[pooling] = trainer
    accuracies = []
    for seed in seeds[: this.at_scale(quick=1, default=3, full=5)]:
        chosen = draw_labels(train_labels, count, seed)
        few = {name: x[chosen] for name, x in train.items()}
        trainer.run(few, train_labels[chosen], rate, steps, seed)
        accuracies.append(trainer.accuracy(test, test_labels))
    tuned[pooling] = estimate(accuracies)
    print(
        f"fine-tuned, {pooling:4} {tuned[pooling]}   probe {probes[f'BERT, {pooling}']}"
    )

# %% [markdown]
# TODO
#
# For the rest of the lesson, one classifier with all the labels that we have.

# %% tags=["experiment"]
steps = this.at_scale(quick=2, default=250, full=600)
trainer = classifiers["mean"]
trainer.run(train, train_labels, rate, steps, seed=0)
classifier = trainer.model
check_logits, test_logits = trainer.logits(checked), trainer.logits(test)
test_right = test_logits.argmax(axis=-1) == test_labels
print(
    f"{len(train_labels):,} labels, {steps} steps: {test_right.mean():.1%} of the test texts"
)

# %% [markdown]
# ## 9. What does it look at?
#
# A head has a row of weights for each token that looks (lesson 02). What do the heads of
# this BERT look at in general? We average over the tokens of some hundred texts, and
# sort what is looked at: the token itself, the one before it, the one after it, the two
# special ones, and the rest.
#
# **Predict first.** If a head looked at all tokens alike, the two special ones would get
# about a tenth of the weight. How much will they get?

# %% tags=["experiment"]
body = classifier.backbone
many = {name: x[: this.at_scale(quick=20, default=200)] for name, x in test.items()}


def looks(inputs):
    """Attention scores of all heads, block by block: (heads, B, T, T)."""
    blocks = body(inputs, return_attention_scores=True)["attention_scores"]
    blocks = [np.swapaxes(ops.convert_to_numpy(block), 0, 1) for block in blocks]
    return np.concatenate(blocks)


real = many["padding_mask"] == 1  # (B, T)
every = looks(many)
head_count = body.get_config()["num_heads"]
head_names = [
    f"block {n // head_count + 1}, head {n % head_count + 1}" for n in range(len(every))
]
even = np.broadcast_to(
    (real / real.sum(axis=1, keepdims=True))[:, None], every[0].shape
)
offset = np.subtract.outer(np.arange(real.shape[1]), np.arange(real.shape[1])).T
special = np.isin(many["token_ids"], [CLS, SEP])[:, None, :] & (np.abs(offset) > 1)
targets = {
    "itself": offset == 0,
    "before": offset == -1,
    "after": offset == 1,
    "special": special,
    "rest": ~special & (np.abs(offset) > 1),
}
shares = np.array(
    [
        [(scores * where).sum(axis=-1)[real].mean() for where in targets.values()]
        for scores in (*every, even)
    ]
)
show.matrix(
    shares,
    "looked at",
    "",
    "Where the weight goes",
    list(targets),
    [*head_names, "all alike"],
)
special_share = shares[:-1, 3]
print(
    f"special tokens: {special_share.min():.0%} to {special_share.max():.0%} of the weight;"
)
print(f"if all tokens were looked at alike: {shares[-1, 3]:.0%}")

# %% [markdown]
# TODO Clark
#
# Three of these heads on one sentence, which the classifier has not been trained on. A
# row is the token that looks.

# %% tags=["experiment"]
sentence = "Return the sum of the array elements over the given axis."
example = {name: x[:, :16] for name, x in read([sentence]).items()}
length = example["padding_mask"].sum()
example = {name: x[:, :length] for name, x in example.items()}
shown = [pieces[i] for i in example["token_ids"][0]]
maps = looks(example)[:, 0]  # (heads, T, T)
axes = show.panels(4.2, 4.2, 4.2, height=4)
for column, one in zip((1, 3, 4), axes, strict=True):
    head = shares[:-1, column].argmax()
    show.matrix(maps[head], "looked at", "", head_names[head], shown, shown, axes=one)
    one.tick_params(axis="x", rotation=90)

# %% [markdown]
# ### Does a map explain an answer?
#
# It is tempting to say: the classifier answered *numpy* because it looked at *array*. Put it to the test. Take a word
# away, by writing `[MASK]` over it, and see by how much the probability of the answer
# falls: that is what the word was worth. Do the words that get much attention in the last
# block turn out to be those that are worth much?
#
# Kendall's τ compares two rankings: 1 if they agree, −1 if one is the other upside down,
# and 0 on average if they have nothing to do with each other. To know what a good τ would
# be, we take words away in a second way as well, by hiding them with the padding mask.
#
# **Predict first.** What τ do you expect between attention and worth, and between the two
# ways to measure worth?

# %% tags=["experiment"]
from scipy.stats import kendalltau


def worth(inputs, answer, change):
    """By how much the answer's probability falls without each word."""
    words_at = np.flatnonzero(~np.isin(inputs["token_ids"][0], [PAD, CLS, SEP]))
    variants = {
        name: np.repeat(x, len(words_at) + 1, axis=0) for name, x in inputs.items()
    }
    name, value = change
    variants[name][np.arange(len(words_at)), words_at] = value
    p = ops.convert_to_numpy(ops.softmax(classifier(variants)))[:, answer]
    return words_at, p[-1] - p[:-1]


agreement = {"attention": [], "the other way to measure worth": []}
for b in range(this.at_scale(quick=4, default=60)):
    one = {name: x[b : b + 1] for name, x in test.items()}
    answer = test_logits[b].argmax()
    words_at, by_mask = worth(one, answer, ("token_ids", MASK))
    _, by_hiding = worth(one, answer, ("padding_mask", 0))
    last_block = every[-head_count:, b].mean(axis=0)  # (T, T)
    received = last_block[real[b]].mean(axis=0)[words_at]
    for name, other in zip(agreement, (received, by_hiding), strict=True):
        agreement[name].append(kendalltau(by_mask, other).statistic)
taus = {name: estimate(values) for name, values in agreement.items()}
for name, tau in taus.items():
    print(f"worth and {name:31} τ = {tau.mean:.2f} ± {tau.half_width:.2f}")

# %% [markdown]
# TODO

# %% [markdown]
# ## 10. Does it know when it is wrong?
#
# The softmax of the logits gives a probability to each class, and the largest of them is
# the model's **confidence** in its answer. If a model says 0.8 of a hundred texts, eighty
# of its answers should be right. Then it is **calibrated**, and its 0.8 can be used: hand everything
# below it to a person, for instance.
#
# To measure it, sort the n answers by confidence into M bins of equal width, from 0 to 1,
# and compare in each bin $B_m$ the share that is right, $\operatorname{acc}$, with the mean confidence,
# $\operatorname{conf}$. The **expected calibration error** is the mean gap, each bin weighed by its
# texts (Guo et al. 2017, section 2):
#
# $$\text{ECE} = \sum_{m=1}^{M} \frac{|B_m|}{n}
#   \left|\operatorname{acc}(B_m) - \operatorname{conf}(B_m)\right|$$
#
# Bin m holds confidences above $(m - 1)/M$ and up to $m/M$. Empty bins add nothing.
#
# ### Exercise: calibration error (3 points)


# %% exercise="calibration_error"
def calibration_error(probabilities, labels, bins):
    """The expected calibration error: a number from 0 to 1.

    probabilities: floats (n, C), rows sum to 1. labels: integers (n,). bins: M.
    """
    # BEGIN SOLUTION
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == labels
    number = np.ceil(confidence * bins) - 1
    error = 0.0
    for b in range(bins):
        mine = number == b
        if mine.any():
            gap = right[mine].mean() - confidence[mine].mean()
            error += mine.mean() * abs(gap)
    return error
    # END SOLUTION


# %%
check(calibration_error)

# %% [markdown]
# A cure that needs one number: divide all logits by a **temperature** before the softmax,
# as in lesson 01. Above 1 it makes every answer less sure. The order of the classes, and so the accuracy, cannot change. The number is
# chosen so as to make the loss smallest on texts that the model was *not* trained on
# (Guo et al. 2017, section 4.2): ours is chosen on the validation texts and judged on the test texts.
#
# **Predict first.** Is the fine-tuned classifier too sure or too modest? Where will the
# temperature lie?

# %% tags=["experiment"]


def probabilities(logits, temperature=1.0):
    """The softmax at a temperature."""
    return ops.convert_to_numpy(ops.softmax(logits / temperature))


def surprise(logits, labels, temperature):
    """The mean of −log p of the labels."""
    p = probabilities(logits, temperature)
    return -np.log(p[np.arange(len(labels)), labels] + 1e-12).mean()


temperatures = np.geomspace(0.25, 8, 81)
check_loss = [surprise(check_logits, check_labels, t) for t in temperatures]
temperature = temperatures[np.argmin(check_loss)]
calibration = {}
left, right = show.panels(4.4, 4.4, height=3.8)
calibration, axes_titles = {}, ("As it is", "With a temperature")
for axes, title, t in zip((left, right), axes_titles, (1.0, temperature), strict=True):
    p = probabilities(test_logits, t)
    calibration[title] = calibration_error(p, test_labels, 10)
    confidence = p.max(axis=-1)
    number = np.ceil(confidence * 10)
    filled = [number == b for b in range(1, 11) if (number == b).sum() >= 10]
    means = [confidence[mine].mean() for mine in filled]
    rights = [test_right[mine].mean() for mine in filled]
    labels_of = (
        "confidence",
        "share that is right",
        f"{title}: ECE {calibration[title]:.3f}",
    )
    show.curves(means, {"measured": rights}, *labels_of, axes=axes)
    show.curves(
        [0.2, 1], {"perfect": [0.2, 1]}, *labels_of, dotted=["perfect"], axes=axes
    )
before, after = calibration.values()
print(f"accuracy {test_right.mean():.1%}, mean confidence", end=" ")
print(f"{probabilities(test_logits).max(-1).mean():.1%}")
print(
    f"temperature {temperature:.2f}; calibration error {before:.3f} before, {after:.3f} after"
)

# %% [markdown]
# TODO

# %% [markdown]
# ## 11. Read the errors
#
# A share of right answers does not say what goes wrong. First, who is taken for whom? Each
# row below is a true class, and sums to one.

# %% tags=["experiment"]
answer = test_logits.argmax(axis=-1)
confusion = np.zeros((len(task.CLASSES),) * 2)
np.add.at(confusion, (test_labels, answer), 1)
confusion /= np.maximum(confusion.sum(axis=1, keepdims=True), 1)
show.matrix(
    confusion,
    "answer",
    "true",
    "Who is taken for whom",
    task.CLASSES,
    task.CLASSES,
)
pairs = confusion - np.diag(np.diag(confusion))
for place in np.argsort(-pairs, axis=None)[:3]:
    true, given = np.unravel_index(place, pairs.shape)
    print(
        f"{pairs[true, given]:.0%} of {task.CLASSES[true]} taken for {task.CLASSES[given]}"
    )

# %% [markdown]
# Then, read some. Here are five errors of which the model was most sure. Decide for yourself where each is
# from, and only then look at the two columns below.

# %% tags=["experiment"]
sure = probabilities(test_logits, temperature).max(axis=-1)
wrong = np.flatnonzero(~test_right)
worst = wrong[np.argsort(-sure[wrong])][:5]
for number, i in enumerate(worst, 1):
    print(f"{number}. {test_texts[i]}")
print()
for number, i in enumerate(worst, 1):
    names = f"true {task.CLASSES[test_labels[i]]}, answer {task.CLASSES[answer[i]]}"
    print(f"{number}. {names}, probability {sure[i]:.2f}")

# %% [markdown]
# TODO
#
# Could a person do better? Where a sentence says little, nobody can know. So: is it right
# more often when there is more to read?

# %% tags=["experiment"]
token_count = test["padding_mask"].sum(axis=1) - 2
edges = np.quantile(token_count, np.linspace(0, 1, 6))
group = np.clip(np.searchsorted(edges, token_count, side="left") - 1, 0, 4)
by_length = [estimate(test_right[group == g].astype(float)) for g in range(5)]
show.curves(
    [token_count[group == g].mean() for g in range(5)],
    {"right": ([e.mean for e in by_length], [e.half_width for e in by_length])},
    "tokens in the text",
    "share that is right",
    "More to read, more often right?",
)

# %% [markdown]
# TODO

# %% [markdown]
# ## 12. Break it
#
# Four ways to hand the *same trained weights* something else than they were trained with.
# None of them raises an exception.
#
# - **Padding seen**: all of `padding_mask` is 1.
# - **Dropout on**: the model is called with `training=True`.
# - **Capitals kept**: the tokenizer does not turn letters into small ones.
# - **Another vocabulary**: the same pieces, in another order. That is what happens
#   when somebody makes the vocabulary anew, or takes the one of another checkpoint.
#
# **Predict first.** Order them by the harm that they do.

# %% tags=["experiment"]
import keras_hub


def read_with(vocabulary, lowercase=True):
    """The test texts, by another tokenizer."""
    tokenizer = keras_hub.models.BertTokenizer(vocabulary, lowercase=lowercase)
    other = keras_hub.models.BertTextClassifierPreprocessor(
        tokenizer, sequence_length=48
    )
    inputs = other(test_texts)
    return {name: ops.convert_to_numpy(x).astype("int32") for name, x in inputs.items()}


def accuracy(inputs, **arguments):
    """The share of test texts that is put into the right class."""
    logits = in_batches(lambda batch: classifier(batch, **arguments), inputs, 512)
    return (logits.argmax(axis=-1) == test_labels).mean()


first = max(vocabulary[name] for name in SPECIAL) + 1
shuffled = [*pieces[:first], *np.random.default_rng(0).permutation(pieces[first:])]
broken = {
    "as trained": accuracy(test),
    "dropout on": accuracy(test, training=True),
    "padding seen": accuracy({**test, "padding_mask": 0 * test["padding_mask"] + 1}),
    "capitals kept": accuracy(read_with(pieces, lowercase=False)),
    "another vocabulary": accuracy(read_with(list(map(str, shuffled)))),
}
chance = np.bincount(test_labels).max() / len(test_labels)
show.bars(
    list(broken), list(broken.values()), "", "right", "The same weights, other inputs"
)
for name, share in broken.items():
    print(f"{name:19} {share:.1%}")
print(f"always the same class: {chance:.1%}")

# %% [markdown]
# TODO

# %% [markdown]
# ## 13. The same checkpoint in three libraries
#
# A checkpoint is a few dozen arrays with names. If two libraries compute the same
# equations, they must give the same numbers from it. `tlkeras.models.Bert` takes the arguments and
# has the layer names of `keras_hub.models.BertBackbone`, so weights can be handed over layer
# by layer.
#
# **Predict first.** Both compute in 32-bit floats. How large a difference is rounding, and
# how large a one would make you suspicious?

# %% tags=["experiment"]
SIZES = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "intermediate_dim")
LIMITS = ("max_sequence_length", "num_segments")
config = {name: backbone.get_config()[name] for name in (*SIZES, *LIMITS)}
hub = keras_hub.models.BertBackbone(**config)
for layer in backbone.layers:
    if layer.weights:
        hub.get_layer(layer.name).set_weights(layer.get_weights())
approximate = from_preset(checkpoint, activation="gelu_tanh")
sample = {name: x[:32] for name, x in test.items()}


def farthest(one, other):
    """The largest difference between two outputs, at tokens that are no padding."""
    return float(ops.max(ops.abs((one - other) * sample["padding_mask"][..., None])))


theirs = hub(sample)["sequence_output"]
exact, tanh = (model(sample)["sequence_output"] for model in (backbone, approximate))
hub_difference, tanh_difference = farthest(exact, theirs), farthest(tanh, theirs)
print(f"tlkeras and KerasHub:                     {hub_difference:.1e}")
print(f"tlkeras with activation='gelu_tanh' and KerasHub: {tanh_difference:.1e}")

# %% [markdown]
# TODO

# %%
from importlib.util import find_spec

from tlkeras.checkpoints.bert import hugging_face_name


def for_torch(weight):
    """A weight as PyTorch keeps it: heads merged, kernels as (out, in)."""
    array = ops.convert_to_numpy(weight)
    if weight.name == "embeddings":
        return torch.tensor(array)
    if weight.name != "kernel":
        return torch.tensor(array.reshape(-1))
    if "attention_output" in weight.path:  # (N, H, D)
        return torch.tensor(array.reshape(-1, array.shape[-1]).T)
    return torch.tensor(array.reshape(len(array), -1).T)


if find_spec("transformers") and find_spec("torch"):
    import torch
    from transformers import BertConfig, BertModel

    names = "vocab_size num_hidden_layers num_attention_heads hidden_size "
    names += "intermediate_size max_position_embeddings type_vocab_size"
    their_config = BertConfig(**dict(zip(names.split(), config.values(), strict=True)))
    pooler = backbone.pooled_dense is not None
    face = BertModel(their_config, add_pooling_layer=pooler).eval()
    face.load_state_dict(
        {hugging_face_name(w.path): for_torch(w) for w in backbone.weights}
    )
    ids, segments, keep = (torch.tensor(sample[name]) for name in backbone.input)
    with torch.no_grad():
        theirs = face(input_ids=ids, token_type_ids=segments, attention_mask=keep)
    face_difference = farthest(exact, theirs.last_hidden_state.numpy())
    print(f"tlkeras and transformers: {face_difference:.1e}")
else:
    face_difference = 0.0
    print("transformers or torch is not installed. For this comparison:")
    print("pip install transformers torch, and run the cell again.")

# %% [markdown]
# ## What you have built
#
# TODO
#
# ## Where this comes from
#
# - Devlin, Chang, Lee and Toutanova (2018), *BERT: Pre-training of Deep Bidirectional
#   Transformers for Language Understanding*,
#   [arXiv:1810.04805](https://arxiv.org/abs/1810.04805). Sections 3 (the input), 3.1 (the
#   two tasks), 4 (`[CLS]` and the head); appendices A.1 and C.2 (80-10-10).
# - Liu, Ott, Goyal, Du, Joshi, Chen, Levy, Lewis, Zettlemoyer and Stoyanov (2019), *RoBERTa:
#   A Robustly Optimized BERT Pretraining Approach*,
#   [arXiv:1907.11692](https://arxiv.org/abs/1907.11692). Sections 4.1 (dynamic masking) and
#   4.2 (without the second task).
# - Wettig, Gao, Zhong and Chen (2022), *Should You Mask 15% in Masked Language Modeling?*,
#   [arXiv:2202.08005](https://arxiv.org/abs/2202.08005).
# - Schuster and Nakajima (2012), *Japanese and Korean Voice Search*, ICASSP: WordPiece. Wu et
#   al. (2016), [arXiv:1609.08144](https://arxiv.org/abs/1609.08144), section 4.1: in
#   translation.
# - Reimers and Gurevych (2019), *Sentence-BERT*,
#   [arXiv:1908.10084](https://arxiv.org/abs/1908.10084): `[CLS]` and the mean as vectors of
#   sentences.
# - Clark, Khandelwal, Levy and Manning (2019), *What Does BERT Look At?*,
#   [arXiv:1906.04341](https://arxiv.org/abs/1906.04341). Sections 3.1 and 3.2.
# - Jain and Wallace (2019), *Attention is not Explanation*,
#   [arXiv:1902.10186](https://arxiv.org/abs/1902.10186).
# - Guo, Pleiss, Sun and Weinberger (2017), *On Calibration of Modern Neural Networks*,
#   [arXiv:1706.04599](https://arxiv.org/abs/1706.04599). Sections 2 and 4.2.
