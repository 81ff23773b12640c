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
# # 05 The Transformer
#
# About 85 minutes, 20 points. You need lessons 01 to 04, or to know what attention, a
# causal mask and an encoder block are.
#
# This notebook puts the parts together, and trains them until they translate. By its end
# you will be able to
#
# - say what each of the two stacks of a Transformer reads, and with which mask;
# - train one as the paper did: teacher forcing, label smoothing, warm-up;
# - write greedy decoding and a step of beam search, and say what a cache saves;
# - measure whether a model has learnt to *combine* what it has seen.

# %%
from tlkeras.course import lesson

this = lesson("05_transformer")
check = this.check

import keras
import numpy as np
from keras import ops

from tlkeras import visualization as show
from tlkeras.datasets import phrases, text
from tlkeras.generation import beam_search, generate, jit
from tlkeras.models import LabelSmoothedCrossEntropy, Transformer, WarmUp

PADDING, BEGIN, END = 0, 1, 2

# %% [markdown]
# ## A question to begin with
#
# Every telephone that speaks several languages writes dates, times and amounts in each
# of them. The rules for that are collected in CLDR, the Unicode Common Locale Data
# Repository, and the library Babel follows them. We let it write the same value twice,
# in English and in Chinese:

# %%
train, seen, held_out = phrases.load_data(
    train=this.at_scale(quick=2_000, default=20_000),
    test=this.at_scale(quick=40, default=700),
)
for phrase in train[::7][:3] + train[4::7][:1] + train[6::7][:3]:
    print(f"{phrase.format:26} {phrase.english:36} {phrase.chinese}")

# %% [markdown]
# The first column names the **format**: its family, and how it is written. The family
# `words` looks easy and is not. English counts in thousands, Chinese in 万, ten thousands,
# and 亿, hundred millions, so the digits have to move: 12.3 million is 1230万.
#
# Could a network find these rules if it sees pairs like these, and nothing else? It is
# told neither what a month is, nor that 3 PM is in the afternoon (下午), nor even that a
# 7 in English is a 7 in Chinese. And if it has read many dates like "Thursday, March 7,
# 2024" and many times like "15:04", but never one after the other: can it put them
# together?
#
# To find out: many formats are made of two choices, such as how to write the date and how
# to write the time. Some *pairs* of choices are kept out of the training phrases, for
# example a full date with a 24-hour time, though each of the two is there with others.
# All values of the tests (dates, times, numbers) are kept out as well.

# %% [markdown]
# ## 1. One stack reads, another writes
#
# The whole model is a few lines in `tlkeras/models/transformer.py`; open it beside this
# page. Its parts are from lessons 01 to 04.
#
# ```
#   source tokens (B, S)                     target tokens so far (B, T)
#          │                                          │
#   embedding · √D + positions               embedding · √D + positions
#          │ (B, S, D)                                │ (B, T, D)
#   ┌──────┴───────────┐                     ┌────────┴─────────┐
#   │ self-attention   │                     │ self-attention,  │
#   │                  │  × blocks           │ causal           │
#   │ feed-forward     │                     │                  │  × blocks
#   └──────┬───────────┘   memory (B, S, D)  │ cross-attention  │
#          └────────────────────────────────▶│ feed-forward     │
#                                            └────────┬─────────┘
#                                                     │ (B, T, D)
#                                            logits (B, T, V): the next token
# ```
#
# | symbol | what it is | here |
# |---|---|---|
# | B | sentences in a batch | 128 |
# | S, T | tokens in a source, in a target | up to 28 |
# | D | numbers in a vector that stands for a token | 64 |
# | N | heads | 4 |
# | V | tokens in the target's vocabulary (no longer the size of a value) | about 90 |
#
# The **encoder** turns the source into as many vectors as it has tokens, the **memory**.
# It runs once. The **decoder** writes one token at a time: its self-attention looks at
# what it has written so far, its cross-attention at the memory, and out come logits for
# the token that follows. An embedding is a table with a vector of D numbers for each token;
# a logit is the dot product of what leaves the decoder with a token's vector in the
# target's table.
#
# A token is a word, digit or sign in English, and a character in Chinese. Four numbers
# have a meaning of their own: 0 is padding, 1 begins a sentence, 2 ends it, 3 stands for
# a token that is not in the vocabulary.

# %%
english = text.Vocabulary([phrase.english for phrase in train], text.words)
chinese = text.Vocabulary([phrase.chinese for phrase in train], text.characters)
print(len(english), "English tokens,", len(chinese), "Chinese tokens")

example = phrases.Phrase("words.million", "12.3 million", "1230万")
print(english.split(example.english), english.encode([example.english])[0])
print(chinese.split(example.chinese), chinese.encode([example.chinese])[0])

# %% [markdown]
# A token's number is its place in the vocabulary, not its value: the digit 1 is token 4.
# With begin (1) and end (2), five tokens make a row of seven.

# %% [markdown]
# ## 2. Teacher forcing: the answer, one step late
#
# While training we know the whole target. So we need not let the decoder write and wait
# for it to go wrong: we hand it the *right* beginning at every position, and ask at all
# positions at once for the next token. This is called **teacher forcing** (Williams and
# Zipser 1989). For the target `[ 1 2 3 0 万 ]`, where the brackets stand for begin and
# end:
#
# ```
# reads   [   1   2   3   0   万
# says    1   2   3   0   万   ]
# ```
#
# What it reads is what it is to say, one step late. The causal mask sees to it that
# position t, in saying token t + 1, has read no further than token t.
#
# ### Exercise: teacher forcing (2 points, 4 minutes, easy)


# %% exercise="teacher_forcing"
def teacher_forcing(target_ids):
    """What the decoder reads, and what it is to say.

    target_ids: integers (B, T), each row: begin, tokens, end, padding.
    Returns two arrays of integers (B, T − 1).
    """
    # BEGIN SOLUTION
    return target_ids[:, :-1], target_ids[:, 1:]
    # END SOLUTION


# %%
check(teacher_forcing)

# %% [markdown]
# In a row that is shorter than the others, the decoder reads the end token and padding
# too. That does no harm: what it is to say there is padding, and padding will not count.

# %% [markdown]
# ## 3. Three masks
#
# Attention happens in three places, and each hides something else. **True means keep**;
# rows are queries (who looks), columns are keys (what is looked at).
#
# | where | shape | who looks | at what | what is hidden |
# |---|---|---|---|---|
# | encoder | (B, S, S) | source | source | the source's padding |
# | decoder, itself | (B, T, T) | target | target | the target's padding, and the future |
# | decoder, memory | (B, T, S) | target | source | the source's padding |
#
# The third is the one that is most often forgotten or given another shape: its padding is
# that of the *source*. Section 11 shows what it costs.
#
# ### Exercise: three masks (4 points, 8 minutes, middle)


# %% exercise="transformer_masks"
def transformer_masks(source_ids, target_ids):
    """The masks of a Transformer, True = keep, padding is 0.

    source_ids: integers (B, S). target_ids: integers (B, T).
    Returns booleans (B, S, S), (B, T, T) and (B, T, S).
    """
    # BEGIN SOLUTION
    (batch, source), target = source_ids.shape, target_ids.shape[1]
    source_keys = (source_ids != 0)[:, None, :]  # (B, 1, S)
    target_keys = (target_ids != 0)[:, None, :]  # (B, 1, T)
    causal = np.tri(target, dtype=bool)  # (T, T)
    return (
        np.broadcast_to(source_keys, (batch, source, source)),
        target_keys & causal,
        np.broadcast_to(source_keys, (batch, target, source)),
    )
    # END SOLUTION


# %%
check(transformer_masks)

# %% [markdown]
# `tlkeras.models.Transformer` makes these three by itself from the token ids, and takes
# others if you have a reason to hide more.

# %% [markdown]
# ## 4. Label smoothing: never quite sure
#
# The usual loss of a token is $-\log p_y$, where $p_y$ is the probability that the model
# gave to the right token $y$. It is never satisfied: it still falls when $p_y$ goes from
# 0.99 to 0.9999, and so the logits grow and grow. **Label smoothing** asks for a little
# less. The target is no longer all $y$: a share $\varepsilon$ of it is spread evenly over
# all $V$ tokens,
#
# $$q_v = (1 - \varepsilon)\,[v = y] + \frac{\varepsilon}{V}$$
#
# $$\text{loss} = -\sum_{v=1}^{V} q_v \log p_v$$
#
# where $[v = y]$ is 1 for the right token and 0 for others (Szegedy et al. 2015, section
# 7; Vaswani et al. 2017, section 5.4, with $\varepsilon = 0.1$). The loss of a batch is
# the mean over all its tokens that are not padding. A padded position has nothing to say.
#
# **Predict first.** A share $\varepsilon = 0.1$ is spread over $V = 90$ tokens. The other
# tokens share evenly what the right one leaves.

# %%
this.predict(
    "best-probability",
    "Which probability of the right token makes the loss smallest?",
    ["1", "about 0.99", "about 0.9", "about 0.8"],
)

# %%
this.predict(
    "least-loss",
    "How large is the loss there?",
    ["0", "about 0.1", "about 0.8"],
)

# %% tags=["experiment"]
smoothing, size = 0.1, 90
p = np.linspace(0.5, 0.9999, 2000)  # of the right token; the others share the rest
q = 1 - smoothing + smoothing / size
rest = smoothing / size * (size - 1)
smooth_loss = -q * np.log(p) - rest * np.log((1 - p) / (size - 1))
best_probability, floor = p[smooth_loss.argmin()], smooth_loss.min()
this.reveal(
    "best-probability",
    "about 0.9",
    f"smallest at a probability of {best_probability:.3f}",
)

# %%
this.reveal("least-loss", "about 0.8", f"the loss is {floor:.3f} there")

# %% [markdown] tags=["result"]
# The best prediction is the target itself: $1 - \varepsilon + \varepsilon/V = 0.901$. The
# loss is then not 0 but the entropy of the target, about 0.77.

# %% [markdown]
# Remember this smallest loss: a smoothed loss that has come down to it has nothing left to
# learn.
#
# ### Exercise: smoothed cross-entropy (5 points, 12 minutes, hard)
#
# Beware of `np.log(softmax(…))`: where a probability is too small for a floating-point
# number, that is log 0. With the row's maximum subtracted first, as in lesson 01,
# $\log \operatorname{softmax}(x) = x - \log \sum_j e^{x_j}$ is always finite.


# %% exercise="smoothed_cross_entropy"
def smoothed_cross_entropy(logits, labels, smoothing):
    """The mean loss of the tokens that are not padding: a number.

    logits: floats (B, T, V). labels: integers (B, T), padding is 0.
    smoothing: the share that is spread over all V tokens, from 0 to below 1.
    """
    # BEGIN SOLUTION
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))  # (B, T, V)
    right = np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]  # (B, T)
    losses = -(1 - smoothing) * right - smoothing * log_p.mean(axis=-1)  # (B, T)
    return losses[labels != 0].mean()
    # END SOLUTION


# %%
check(smoothed_cross_entropy)

# %% [markdown]
# ## 5. Warm-up: slowly at first
#
# At the start the weights are random, and Adam, which divides each derivative by a
# running estimate of its size, has seen only a few derivatives to estimate from. Large
# steps then lead astray, above all in a post-norm Transformer, whose last blocks get large
# derivatives at first. (Xiong et al. 2020, section 3. They found that a pre-norm one, like
# ours below, can do without warm-up.) So the learning rate begins near 0, rises for $W$
# steps, and falls afterwards (Vaswani et al. 2017, equation 3):
#
# $$\text{rate}(n) = D^{-1/2} \cdot \min\left(n^{-1/2},\; n \cdot W^{-3/2}\right)$$
#
# for the steps $n = 1, 2, 3, \dots$
#
# ### Exercise: the learning rate (2 points, 4 minutes, easy)


# %% exercise="learning_rate"
def learning_rate(step, hidden_dim, warmup_steps):
    """The learning rate of a step, or of an array of steps, counted from 1."""
    # BEGIN SOLUTION
    step = np.asarray(step, dtype=float)
    return hidden_dim**-0.5 * np.minimum(step**-0.5, step * warmup_steps**-1.5)
    # END SOLUTION


# %%
check(learning_rate)

# %% [markdown]
# **Predict first.** The rate is drawn for $D = 64$ and three lengths of the warm-up.

# %%
this.predict(
    "largest-rate",
    "At which step is the rate largest?",
    ["at step 1", "at step W", "at the last step"],
)

# %%
this.predict(
    "longer-warm-up",
    "The warm-up takes four times as long. What happens to the largest rate?",
    [
        "nothing: it only comes later",
        "it halves",
        "it falls to a quarter",
        "it doubles",
    ],
)

# %% tags=["experiment"]
steps = np.arange(1, 1001)
rates = {w: learning_rate(steps, 64, w) for w in (50, 200, 800)}
show.curves(
    steps[::5],
    {f"W = {w}": rate[::5] for w, rate in rates.items()},
    "step",
    "learning rate",
    "The learning rate (D = 64)",
)
largest_at = ", ".join(str(steps[rate.argmax()]) for rate in rates.values())
this.reveal(
    "largest-rate",
    "at step W",
    f"with W = 50, 200 and 800 it is largest at step {largest_at}",
)

# %%
this.reveal(
    "longer-warm-up",
    "it halves",
    f"from W = 50 to W = 200 it becomes {rates[200].max() / rates[50].max():.2f} times as large",
)

# %% [markdown] tags=["result"]
# It is largest at step $W$, where both curves meet: $1 / \sqrt{D W}$. Four times the
# warm-up halves it, so $W$ chooses how high the rate goes as well as when.

# %% [markdown]
# ## 6. Train it
#
# Now we have everything: a model with two pre-norm blocks in each stack, a quarter of a
# million weights, and the library's versions of what you wrote, in `keras.ops`, so that
# they can be compiled and differentiated. `WarmUp` is your `learning_rate`, here times 0.7.
# Two details save time:
#
# - **Lengths in buckets.** `by_length` puts sentences of similar length in a batch, cut to
#   12 or 28 tokens. XLA compiles each shape once, and little is computed for padding. It
#   also does what your `teacher_forcing` does.
# - **Averaged weights.** Late steps jump about the optimum. With `use_ema=True` the
#   optimizer keeps a moving average of the weights, which takes their place at the end of
#   `fit`. (Vaswani et al. averaged their last checkpoints, section 6.1.)

# %%
width = 28  # tokens of the longest sentence, begin and end included


def new_model():
    """A Transformer with random weights, the same each time."""
    keras.utils.set_random_seed(0)
    return Transformer(
        source_vocabulary_size=len(english),
        target_vocabulary_size=len(chinese),
        hidden_dim=64,
        num_heads=4,
        num_encoder_layers=2,
        num_decoder_layers=2,
        intermediate_dim=256,
        dropout=0.0,  # section 8 tests whether it learnt phrases by heart
        max_sequence_length=width,
        normalize_first=True,
    )


print(f"{new_model().count_params():,} weights")

# %% [markdown]
# **Predict first.** A model that finds all 90 tokens equally likely has the loss
# $\log 90 = 4.5$. Training takes a minute or two.

# %%
this.predict(
    "loss-stops",
    "Where will the loss stop?",
    [
        "near 0",
        "near 0.1, the share that is spread",
        "near the smallest loss of section 4",
    ],
)

# %% tags=["experiment"]
rounds, steps_a_round = this.at_scale(quick=(2, 2), default=(10, 90), full=(20, 200))
model = new_model()
model.compile(
    keras.optimizers.Adam(
        WarmUp(hidden_dim=64, warmup_steps=200, scale=0.7),
        beta_2=0.98,
        use_ema=True,
        ema_momentum=0.99,
    ),
    LabelSmoothedCrossEntropy(0.1),
    run_eagerly=this.at_scale(quick=True, default=False),
    jit_compile=this.at_scale(quick=False, default=True),
)
batches = text.by_length(
    english.encode([phrase.english for phrase in train]),
    chinese.encode([phrase.chinese for phrase in train]),
    widths=(12, width),
    batch_size=128,
)
bar = iter(this.progress(range(rounds), "training"))
history = model.fit(
    batches,
    epochs=rounds,
    steps_per_epoch=steps_a_round,
    shuffle=False,
    verbose=0,
    callbacks=[
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: next(bar))
    ],
)
next(bar, None)  # the bar is full, and goes away
losses = history.history["loss"]
show.curves(
    steps_a_round * np.arange(1, rounds + 1),
    {"loss": losses, "the least there can be": [floor] * rounds},
    "step",
    "smoothed cross-entropy",
    "The loss while training",
    dotted=["the least there can be"],
)
this.reveal(
    "loss-stops",
    "near the smallest loss of section 4",
    f"after {rounds * steps_a_round} steps it is {losses[-1]:.3f}; the least is {floor:.3f}",
)

# %% [markdown] tags=["result"]
# It stops a little above 0.77: hardly more is left than what the smoothing asks for.

# %% [markdown]
# ## 7. Greedy decoding
#
# In training the decoder was handed the right beginning. Now there is none: it begins
# with the token 1, says what comes next, reads that, says what comes next, until it says
# the token 2. **Greedy** decoding takes the likeliest token each time.
#
# Several sentences are written at once, and some end before others. One that has ended
# gets padding, and the rest go on.
#
# ### Exercise: greedy decoding (4 points, 8 minutes, middle)
#
# `next_logits` is a function: it is given integers (B, t), all tokens so far, and returns
# logits (B, V) of the next one. `PADDING`, `BEGIN` and `END` are 0, 1 and 2.


# %% exercise="greedy_decode"
def greedy_decode(next_logits, batch, max_length):
    """Write `batch` rows of `max_length` tokens: begin, tokens, end, padding.

    next_logits: integers (B, t) → floats (B, V). Returns integers (B, max_length).
    """
    # BEGIN SOLUTION
    tokens = np.full((batch, 1), BEGIN)
    while tokens.shape[1] < max_length:
        token = np.argmax(next_logits(tokens), axis=-1)  # (B,)
        ended = (tokens == END).any(axis=1)
        token = np.where(ended, PADDING, token)
        tokens = np.concatenate([tokens, token[:, None]], axis=1)
    return tokens
    # END SOLUTION


# %%
check(greedy_decode)

# %% [markdown]
# ### What a cache saves
#
# Your loop reads all tokens again for each new one. But what an earlier position computed
# cannot change: the causal mask hides from it all that came later. So its keys and values
# can be kept, in a **cache**, and each step computes only the newest position; and the
# memory's keys and values, which never change, are computed once.
#
# In `tlkeras`, `model.initial_cache` reads the source, `model.step` reads one more token,
# and `generate` repeats the step in a loop that XLA compiles as one program.


# %%
def translator(model):
    """A greedy translator with a cache, compiled by XLA at its first call."""

    def translate(source_ids, memory_padding_mask):  # (B, S), (B, S) → (B, width)
        cache = model.initial_cache(source_ids, max_length=width)
        cache["memory_padding_mask"] = memory_padding_mask
        begin = np.full((source_ids.shape[0], 1), BEGIN)
        return generate(model.step, begin, width, end_id=END, cache=cache)

    return this.at_scale(quick=translate, default=jit(translate, model))


translate = translator(model)


def translations(some_phrases, keep_padding_hidden=True):
    """What the model makes of the English side; all of it in one call."""
    source_ids = english.encode([phrase.english for phrase in some_phrases], width)
    keep = (source_ids != PADDING) | (not keep_padding_hidden)
    written = translate(ops.array(source_ids), ops.array(keep))
    return chinese.decode(ops.convert_to_numpy(written))


# %% [markdown]
# **Predict first.** Your loop and a loop with a cache write 27 tokens after the begin token,
# for the same sentences, neither of them compiled. Without a cache that is
# $1 + 2 + \dots + 27 = 378$ positions a sentence, with one it is 27.

# %%
this.predict(
    "faster",
    "How much faster is the loop with the cache?",
    ["less than 1.5 times", "1.5 to 7 times", "more: up to 378 / 27 = 14 times"],
)

# %%
this.predict(
    "same-words",
    "Do both write the same?",
    ["exactly", "nearly: a cache is an approximation", "no"],
)

# %% tags=["experiment"]
from time import perf_counter

few = seen[: this.at_scale(quick=8, default=64)]
few_ids = english.encode([phrase.english for phrase in few], width)


def next_logits(tokens):
    """No cache: the whole model for every new token."""
    # One padded position more, as Keras warns of a softmax over a single one.
    target_ids = np.pad(np.asarray(tokens), ((0, 0), (0, 1)))
    return model({"source_ids": few_ids, "target_ids": target_ids})[:, -2]


def timed(function):
    """What a function returns, and its seconds."""
    start = perf_counter()
    return function(), perf_counter() - start


def with_cache():
    """The library's loop and cache, operation by operation as yours, without XLA."""
    cache = model.initial_cache(few_ids, max_length=width)
    begin = np.full((len(few), 1), BEGIN)
    return generate(model.step, begin, width, cache=cache)


without, slow_seconds = timed(lambda: greedy_decode(next_logits, len(few), width))
with_one, cache_seconds = timed(with_cache)
same_without_cache = chinese.decode(with_one) == chinese.decode(without)
print(f"all tokens again for each: {slow_seconds:.1f} s")
print(f"with a cache:              {cache_seconds:.1f} s")
times = slow_seconds / cache_seconds
this.reveal(
    "faster",
    "less than 1.5 times"
    if times < 1.5
    else "1.5 to 7 times"
    if times < 7
    else "more: up to 378 / 27 = 14 times",
    f"{times:.1f} times as fast with a cache",
)

# %%
this.reveal(
    "same-words",
    "exactly",
    f"the same translations, to the last character: {same_without_cache}",
)

# %% [markdown] tags=["result"]
# They write the same: a cache is an exact saving, not an approximation. The clock shows
# less of a gain than 378 to 27, because a model this small, run one operation at a
# time, spends much of its time on starting operations. Compiled by XLA (`translate`,
# above) the whole loop is started once.

# %% [markdown]
# ## 8. Has it learnt the rules?
#
# **Exact match**: a translation is right if every character is. The test phrases have
# values that no training phrase had. *Seen* formats were in training with other values;
# *held-out* ones are pairs of choices that never stood together there.
#
# **Predict first.** A phrase has about ten characters, and one wrong character is enough to
# make it wrong.

# %%
this.predict(
    "seen-share",
    "What share of the phrases in seen formats will it get right?",
)

# %%
this.predict(
    "held-out-share",
    "What share of those in held-out formats?",
)

# %% tags=["experiment"]
families = list(dict.fromkeys(phrases.family(phrase.format) for phrase in seen))


def right(some_phrases, given):
    """True for each translation that is exactly the reference."""
    return np.array([p.chinese == g for p, g in zip(some_phrases, given, strict=True)])


def share_by_family(some_phrases, is_right):
    """family → share of exact matches, for the families there are."""
    names = np.array([phrases.family(phrase.format) for phrase in some_phrases])
    return {name: is_right[names == name].mean() for name in families if name in names}


seen_written, held_out_written = translations(seen), translations(held_out)
seen_right, held_out_right = (
    right(seen, seen_written),
    right(held_out, held_out_written),
)
exact_match, held_out_match = seen_right.mean(), held_out_right.mean()
by_family = share_by_family(seen, seen_right)
held_out_by_family = share_by_family(held_out, held_out_right)

left, right_axes = show.panels(6, 4)
for axes, shares, title in (
    (left, by_family, f"Seen formats: {exact_match:.1%}"),
    (right_axes, held_out_by_family, f"Held-out formats: {held_out_match:.1%}"),
):
    show.bars(list(shares), list(shares.values()), "", "exact match", title, axes=axes)
    axes.set_ylim(0, 1)
for name, share in held_out_by_family.items():
    print(f"{name:9} seen {by_family[name]:4.0%}   held out {share:4.0%}")
this.reveal(
    "seen-share",
    exact_match,
    f"{exact_match:.1%} of the phrases in seen formats are right",
    within=0.05,
)

# %%
this.reveal(
    "held-out-share",
    held_out_match,
    f"{held_out_match:.1%} of those in held-out formats are right",
    within=0.1,
)

# %% [markdown] tags=["result"]
# With new values nearly everything is right: the model did not learn phrases by heart, it
# learnt rules, down to moving the digits of 12.3 million. The held-out formats are worse,
# and not by the same amount everywhere.

# %% [markdown]
# Which of the held-out formats does it do worst, and how do they go wrong?

# %% tags=["experiment"]
by_format = {
    name: held_out_right[[phrase.format == name for phrase in held_out]].mean()
    for name in {phrase.format for phrase in held_out}
}
ranking = sorted(by_format, key=by_format.get)
for name in (*ranking[:4], *ranking[-4:]):
    print(f"{name:26} {by_format[name]:4.0%}")
wrong = [
    (phrase, given)
    for phrase, given in zip(held_out, held_out_written, strict=True)
    if phrase.chinese != given
]
print()
for phrase, given in wrong[:: max(1, len(wrong) // 6)][:6]:
    print(f"{phrase.english}: {given} instead of {phrase.chinese}")

# %% [markdown]
# Four formats from the bottom of the list and four from its top. (Which ones are at the
# bottom, and which mistakes are made, differs from one training to the next.) Look at what a
# wrong translation is like. In our runs "ago" (前) often became its opposite (后), or one
# currency another; elsewhere a digit was doubled or lost, or a part of *another* format
# slipped in, such as a month and a day for "802 years ago". Every piece was in training, this
# combination of pieces was not. Networks that generalise to new *values* need not generalise
# to new *combinations* (Lake and Baroni 2018, with artificial commands). A test set split at
# random would never have shown it: choose the test for the question that you have.

# %% [markdown]
# ## 9. Beam search
#
# Greedy decoding cannot take a token back. **Beam search** keeps the K likeliest beginnings,
# the **beams**, continues each by all V tokens, and of these K · V keeps the best K. A
# continuation is as likely as the *product* of its tokens' probabilities; computers add
# logarithms instead.
#
# ### Exercise: a step of beam search (3 points, 8 minutes, hard)


# %% exercise="beam_step"
def beam_step(sequences, scores, log_probabilities):
    """The best K of all K · V continuations, the best first.

    sequences: integers (K, t). scores: floats (K,), log P of each of them.
    log_probabilities: floats (K, V), of what could follow each of them.
    Returns sequences (K, t + 1) and their scores (K,).
    """
    # BEGIN SOLUTION
    count, size = log_probabilities.shape
    total = (scores[:, None] + log_probabilities).reshape(-1)  # (K · V,)
    best = np.argsort(-total)[:count]  # (K,)
    grown = np.concatenate([sequences[best // size], best[:, None] % size], axis=1)
    return grown, total[best]
    # END SOLUTION


# %%
check(beam_step)

# %% [markdown]
# One thing is missing: each further token makes a continuation less likely, so short ones
# win. Wu et al. (2016, section 7, equation 14) divide log P of a finished one of $|Y|$
# tokens, end included, by a **length penalty**
#
# $$\operatorname{lp}(Y) = \left(\frac{5 + |Y|}{6}\right)^{\alpha}$$
#
# which is 1 for all lengths with $\alpha = 0$. With $\alpha > 0$ it grows with the length, and
# log P, which is negative, is brought nearer to 0 the longer the translation is.
# `beam_search` in the library does all of it. We search with $\alpha = 0$, which gives log P
# as it is, and weigh the four finished translations of each phrase afterwards.
#
# **Predict first.** Phrases in held-out formats, greedily and with four beams.

# %%
this.predict(
    "beam-helps",
    "The best of four beams, without a length penalty, beside greedy decoding: how often is it right?",
    ["about as often", "5 to 10 points more often", "more than 10 points more often"],
)

# %%
this.predict(
    "among-four",
    "Where the best of the four is wrong, is the right translation among the other three?",
    [
        "hardly ever: under 10 %",
        "in part: 10 to 90 %",
        "nearly always: over 90 %",
    ],
)

# %% tags=["experiment"]
beams = 4
hard = held_out[: this.at_scale(quick=8, default=200)]


def search(source_ids):
    """(B, S) → tokens (B, K, width) and log P (B, K), the likeliest first."""
    cache = model.initial_cache(source_ids, max_length=width)
    begin = np.full((source_ids.shape[0], 1), BEGIN)
    options = {"num_beams": beams, "length_penalty": 0.0, "end_id": END}
    return beam_search(model.step, begin, width, cache=cache, **options)


hard_ids = english.encode([phrase.english for phrase in hard], width)
compiled = this.at_scale(quick=search, default=jit(search, model))
results = compiled(ops.array(hard_ids))
found, log_p = (ops.convert_to_numpy(x) for x in results)
lengths = (found != PADDING).sum(axis=-1) - 1  # (B, K), without the begin token
candidates = [chinese.decode(row) for row in found]
correct = np.array(
    [[c == p.chinese for c in row] for p, row in zip(hard, candidates, strict=True)]
)  # (B, K)
greedy_match = held_out_right[: len(hard)].mean()
among_four = correct.any(axis=1).mean()
beam_match = {}
for alpha in (0, 0.6, 1, 5):
    best = (log_p / ((5 + lengths) / 6) ** alpha).argmax(axis=1)  # (B,)
    beam_match[alpha] = correct[np.arange(len(hard)), best].mean()
    print(f"best of four, α = {alpha:<3}: {beam_match[alpha]:.1%} right")
print(f"greedy: {greedy_match:.1%}; right one among the four: {among_four:.1%}")

b = int(np.flatnonzero(~correct[:, 0])[0]) if not correct[:, 0].all() else 0
print(f"\n{hard[b].english} should be {hard[b].chinese}")
for k in range(beams):
    print(f"   P = {np.exp(log_p[b, k]):.3f}   {candidates[b][k]}")
this.reveal(
    "beam-helps",
    "about as often",
    f"greedy {greedy_match:.1%}, the best of four {beam_match[0]:.1%}",
)

# %%
missed = ~correct[:, 0]  # the likeliest is wrong
rescued = (correct.any(axis=1) & missed).sum()
this.reveal(
    "among-four",
    "in part: 10 to 90 %",
    f"of {missed.sum()} phrases that the best of four has wrong, the other three have {rescued} right",
)

# %% [markdown] tags=["result"]
# The first line is what beam search would answer without a length penalty: in our runs it
# was within a point or two of greedy decoding. The right translation is among the four
# more often than it is the best of them. There the model itself prefers a wrong one, and no
# search mends that.
#
# $\alpha$ from 0 to 1 hardly matters here, because the four candidates are about equally
# long. A very large one prefers what is longer, right or wrong; in one of our runs it
# gained a point, so do not read much into it. For sentences it does matter: Stahlberg
# and Byrne (2019) searched *exactly*, and for more than half of their sentences the
# likeliest translation of all was the empty one.

# %% [markdown]
# ## 10. What it looks at
#
# Cross-attention says, for each token that is written, which source tokens were looked
# at: an **alignment** that nobody taught. Each row below is a character as it is *written*,
# so the row of a token shows where the model looked when it said it. (Chinese
# characters are given by their meaning, for readers and fonts that lack them; the brackets
# are begin and end.)
#
# **Predict first.** English has the weekday, month, day, year, time; Chinese has year, month,
# day, weekday, time. Both are in the order of reading, rows down and columns across.

# %%
this.predict(
    "shape",
    "What shape will the dark cells make?",
    [
        "one diagonal from corner to corner",
        "pieces of a diagonal, in another order",
        "no shape: each row looks everywhere",
    ],
)

# %% tags=["experiment"]
MEANINGS = {
    "年": "year",
    "月": "month",
    "日": "day",
    "周": "week",
    "四": "four",
    "下": "after",
    "午": "noon",
    " ": "space",
}


def cross_attention_scores(some_phrases):
    """Cross-attention scores of each block, (B, N, T, S), and the tokens' ids."""
    source_ids = english.encode([phrase.english for phrase in some_phrases], width)
    target_ids = chinese.encode([phrase.chinese for phrase in some_phrases], width)
    reads, says = teacher_forcing(target_ids)
    inputs = {"source_ids": source_ids, "target_ids": reads}
    _, scores = model(inputs, return_attention_scores=True)
    memory = [ops.convert_to_numpy(block) for block in scores["memory"]]
    return memory, source_ids, says


date = phrases.Phrase("", "Thu, Mar 7, 2024, 3:04 PM", "2024年3月7日周四 下午3:04")
memory, source_ids, says = cross_attention_scores([date])
columns = ["[", *english.shown(source_ids[0]), "]"]
rows = [MEANINGS.get(c, c) for c in chinese.shown(says[0])] + ["]"]
last = memory[-1][0].mean(axis=0)  # the last block, the average of its heads: (T, S)
show.matrix(
    last[: len(rows), : len(columns)],
    "looked at",
    "written",
    "Cross-attention of the last block, average of 4 heads",
    columns,
    rows,
)

memory, source_ids, says = cross_attention_scores(seen)
digits = np.array([token.isdigit() for token in chinese.tokens])
where = digits[says] & (says != PADDING)  # (B, T): a digit is written
english_of = np.array([english.ids.get(token, -1) for token in chinese.tokens])
aligned = np.zeros((len(memory), model.num_heads))
for block, scores in enumerate(memory):
    for head in range(model.num_heads):
        looked_at = np.take_along_axis(source_ids, scores[:, head].argmax(-1), axis=1)
        aligned[block, head] = (looked_at == english_of[says])[where].mean()
print("a head looks most at the same digit that is being written, share of digits:")
for block, shares in enumerate(aligned):
    print(f"   block {block + 1}:", "  ".join(f"{share:.0%}" for share in shares))
this.reveal("shape", "pieces of a diagonal, in another order")

# %% [markdown] tags=["result"]
# The digits of the year are looked up near the end of the English date, then the month
# and the day before it, then the weekday at its beginning, and last the time: the dark
# cells run along the diagonal in pieces, and the pieces are in Chinese order. The 3 of
# 3月 is found at "Mar". 年, 月 and 日 have no counterpart in English, and their rows are
# spread out.
#
# The numbers say how general that is. In the second block, each head looks most at the very
# digit that is being written in more than four cases of five; the heads of the first block
# do so less, and not all alike. (When the same digit stands at two places of a phrase, a
# look at the wrong one counts too, so the numbers flatter a little.)

# %% [markdown]
# ## 11. Break it
#
# The memory mask is the third one, and the easiest to forget: the decoder must not look
# at the source's padding. Forget it when decoding. The weights stay as they are, and the
# encoder still hides padding from itself.
#
# **Predict first.** All sources are padded to 28 tokens, so short phrases have most padding.

# %%
this.predict(
    "still-right",
    "Without the mask, what share of the phrases in seen formats is still right?",
)

# %%
this.predict(
    "suffer",
    "Which phrases suffer most?",
    ["the short ones", "the long ones", "all alike"],
)

# %% tags=["experiment"]
unmasked_right = right(seen, translations(seen, keep_padding_hidden=False))
padding_count = width - np.array([len(english.split(p.english)) + 2 for p in seen])
groups = [(padding_count > n - 4) & (padding_count <= n) for n in (12, 16, 20, 24)]
groups = [group for group in groups if group.any()]
unmasked_match = unmasked_right.mean()
show.curves(
    [padding_count[group].mean() for group in groups],
    {
        "padding hidden": [seen_right[group].mean() for group in groups],
        "padding seen": [unmasked_right[group].mean() for group in groups],
    },
    "padded positions in the source",
    "exact match",
    "The same weights, with and without one mask",
)
this.reveal(
    "still-right",
    unmasked_match,
    f"{unmasked_match:.1%} are right without the mask, {exact_match:.1%} with it",
    within=0.1,
)

# %%
lost = [seen_right[group].mean() - unmasked_right[group].mean() for group in groups]
this.reveal(
    "suffer",
    "the short ones",
    f"with most padding {lost[-1]:.0%} of the phrases become wrong, with least {lost[0]:.0%}",
)

# %% [markdown] tags=["result"]
# Without the mask many translations become wrong, about a quarter in our run, and there is
# no error and no warning. The phrases with the most padding suffer most, though the curve
# may go up and down before: the groups differ in families too, and long phrases are harder
# even with the mask. In training the decoder never looked at a padded position, so nothing
# taught it to leave these alone; they now compete with the real ones in every softmax.

# %% [markdown]
# There is a test that finds this mistake in any model: pad the same sentence further. If
# the output changes, a mask is missing.
#
# ## 12. The same in Keras, KerasHub and PyTorch
#
# In Keras, label smoothing is an argument of `CategoricalCrossentropy`, which wants one-hot
# labels and knows nothing of padding, so the mask comes as weights. KerasHub has the two
# blocks, `TransformerEncoder` and `TransformerDecoder`, under the names that this library
# uses. The next cells build the same Transformer from KerasHub's blocks, with our model's
# weights, and compare the logits; then they compare the losses.

# %%
import keras_hub


def of_keras_hub(ours, *inputs, **masks):
    """KerasHub's block of the same kind, with the weights of ours, called."""
    kind = getattr(keras_hub.layers, type(ours).__name__)
    theirs = kind(
        ours.intermediate_dim, ours.num_heads, normalize_first=ours.normalize_first
    )
    theirs.build(*(x.shape for x in inputs))
    theirs.set_weights(ours.get_weights())
    return theirs(*inputs, **masks)


# %%
sample_ids = {"source_ids": hard_ids[:4], "target_ids": found[:4, 0]}
keep = sample_ids["source_ids"] != PADDING
x = model.source_embedding(sample_ids["source_ids"]) * 8.0  # √64
x = x + keras_hub.layers.SinePositionEncoding()(x)
for block in model.encoder_layers:
    x = of_keras_hub(block, x, padding_mask=keep)
encoded = model.encoder_norm(x)
x = model.target_embedding(sample_ids["target_ids"]) * 8.0
x = x + keras_hub.layers.SinePositionEncoding()(x)
for block in model.decoder_layers:
    x = of_keras_hub(block, x, encoded, encoder_padding_mask=keep)
theirs = model.target_embedding(model.decoder_norm(x), reverse=True)
ours = model(sample_ids)
real = (sample_ids["target_ids"] != PADDING).astype("float32")[..., None]
hub_difference = float(ops.max(ops.abs((ours - theirs) * real)))
print(f"largest difference of logits, ours and KerasHub's: {hub_difference:.1e}")

# %%
labels = teacher_forcing(sample_ids["target_ids"])[1]
logits = ops.convert_to_numpy(ours)[:, :-1]
keras_loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
weights = (labels != PADDING).astype("float32")
keras_value = keras_loss(ops.one_hot(labels, len(chinese)), logits, weights)
keras_value = float(keras_value) * labels.size / weights.sum()  # a mean over all tokens
yours = float(smoothed_cross_entropy(logits, labels, 0.1))
print(f"loss: yours {yours:.5f}, Keras's {keras_value:.5f}")

# %% [markdown]
# `torch.nn.Transformer` is the same two stacks without embeddings and output projection. Its
# weights can be had without PyTorch, from their arrays:
#
# ```python
# from tlkeras.checkpoints import load_torch_weights
#
# model = Transformer(…, final_layer_norm=True)  # PyTorch normalises after each stack
# load_torch_weights(model, torch_transformer.state_dict())
# ```
#
# Two things to know when you come from there. In PyTorch's boolean masks True means *hide*
# (`tlkeras.masks.from_torch` turns them round). And `memory_key_padding_mask` does not
# default to the source's padding: forget it, and you have section 11. The tests of this
# library compare all of PyTorch's mask arguments with ours, to $10^{-5}$.

# %% [markdown]
# ## 13. At full scale (optional)
#
# The same code translates real sentences: captions of photographs from English to German
# (Multi30k), and everyday sentences from English to Chinese (Tatoeba). With
# `TLKERAS_SCALE=full` the cell below trains on both and reports BLEU and chrF (it needs
# `pip install 'tlkeras[scores]'`, the data, and a GPU or much patience). Open
# `course/05_transformer/full_scale.py` for the whole of it.

# %%
if this.at_scale(quick=False, default=False, full=True):
    import runpy

    full_scale = runpy.run_path(str(this.folder / "full_scale.py"))
    for name in ("multi30k", "tatoeba"):
        full_scale["translate"](name, steps=4000)

# %% [markdown]
# ## What you have built
#
# - Two stacks with three masks, trained on right beginnings (teacher forcing), on targets
#   that are never quite sure (label smoothing), at a rate that begins near 0 (warm-up).
# - Two ways to write with it, greedy and beams, and a cache that makes them cheap.
# - A test that asks the question that matters: new values, and new combinations.
#
# ## Where this comes from
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin (2017),
#   *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762).
#   Sections 3.1 (the stacks), 3.4 (embeddings), 5.3 (warm-up), 5.4 (label smoothing), 6.1
#   (beams of 4, α = 0.6, averaged checkpoints).
# - Williams and Zipser (1989), *A Learning Algorithm for Continually Running Fully Recurrent
#   Neural Networks*, Neural Computation 1 (2): teacher forcing.
# - Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2015), *Rethinking the Inception
#   Architecture for Computer Vision*,
#   [arXiv:1512.00567](https://arxiv.org/abs/1512.00567). Section 7: label smoothing.
# - Xiong, Yang, He, Zheng, Zheng, Xing, Zhang, Lan, Wang and Liu (2020), *On Layer
#   Normalization in the Transformer Architecture*,
#   [arXiv:2002.04745](https://arxiv.org/abs/2002.04745). Section 3: why warm-up.
# - Wu et al. (2016), *Google's Neural Machine Translation System*,
#   [arXiv:1609.08144](https://arxiv.org/abs/1609.08144). Section 7: the length penalty.
# - Stahlberg and Byrne (2019), *On NMT Search Errors and Model Errors: Cat Got Your Tongue?*,
#   [arXiv:1908.10090](https://arxiv.org/abs/1908.10090).
# - Lake and Baroni (2018), *Generalization without Systematicity*,
#   [arXiv:1711.00350](https://arxiv.org/abs/1711.00350).
# - The Unicode Consortium, *Common Locale Data Repository*: the phrases, through Babel.
#
# A model that has been trained for one task need not start from nothing on the next. Lesson
# 06 shows three ways to transfer what it has learnt.

# %%
this.end()
