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
# # 04 Encoder and decoder blocks
#
# About 80 minutes, 20 points. You need lessons 01 (attention and masks) and 02 (several
# heads, cross-attention); lesson 03 explains the positions that are added to the input
# here.
#
# A Transformer is one block, repeated. By the end of this notebook you will be able to
#
# - write layer normalisation, the feed-forward network and the residual connection, and
#   say what each is there for;
# - put them together with attention into an encoder block and a decoder block;
# - say what changes when the normalisation stands *before* each part and not after it,
#   with gradients that you measured;
# - prove that padding does not matter, and that nobody sees the future;
# - find out what is wrong with a model whose test looks excellent.
#
# Run the cells from top to bottom with Shift+Enter. Checks may be run as often as you
# like; neither checks nor hints cost points.

# %%
import numpy as np

from tlkeras import visualization as show
from tlkeras.course import lesson
from tlkeras.datasets import prose

this = lesson("04_blocks")
check = this.check

# %%
import keras
from keras import ops

from tlkeras import layers
from tlkeras.masks import causal_mask

# %% [markdown]
# ## A case to begin with
#
# A **language model** reads a text and predicts, at every position, what comes next. Ours
# reads character by character. The text is real: more than a thousand paragraphs of English
# prose from the docstrings of NumPy, which you have installed. A tenth of the paragraphs is
# held back for testing.
#
# The experiment below builds such a model, from two of the blocks that this lesson is
# about, and trains it, which takes less than half a minute. You need not study its code now.
# But one line of it is wrong, and if you open it and find that line already, so much the
# better.
#
# **Predict first.** Always guessing a space is right 15 % of the time, and nobody who reads
# "The array" and a space can be sure of the next letter.

# %%
this.predict(
    "too-good",
    "What share of the characters will the model predict correctly, in paragraphs that it has never seen?",
)

# %% tags=["experiment"]
train_text, test_text, alphabet = prose.load_data()
train_text = train_text[: this.at_scale(quick=10_000, default=None)]
length, width = 64, 64  # characters read at once; numbers in a vector


def windows(text):
    """Inputs (N, 64), and targets (N, 64): the character after each input."""
    count = (len(text) - 1) // length
    pieces = text[: count * length], text[1 : count * length + 1]
    return [piece.reshape(count, length) for piece in pieces]


class CharacterModel(keras.Model):
    """Logits (B, T, alphabet) of the character that follows each position."""

    def __init__(self, allowed, depth=2, normalize_first=True):
        super().__init__()
        normal = keras.initializers.RandomNormal(stddev=0.7)
        self.embed = layers.TokenAndPositionEmbedding(
            len(alphabet), length, width, embeddings_initializer=normal
        )
        self.blocks = [
            layers.TransformerDecoder(4 * width, 4, normalize_first=normalize_first)
            for _ in range(depth)
        ]
        self.last_norm = keras.layers.LayerNormalization() if normalize_first else None
        self.read_out = keras.layers.Dense(len(alphabet))
        self.allowed = allowed  # length -> mask (length, length)

    def call(self, token_ids):
        x = self.embed(token_ids)  # (B, T, D)
        mask = self.allowed(token_ids.shape[1])[None]  # (1, T, T)
        for block in self.blocks:
            x = block(x, decoder_attention_mask=mask, use_causal_mask=False)
        return self.read_out(x if self.last_norm is None else self.last_norm(x))


def trained(allowed, epochs):
    """A model that has read the training text some times, and its test accuracy."""
    keras.utils.set_random_seed(0)
    model = CharacterModel(allowed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss,
        metrics=["accuracy"],
        jit_compile=False,
        run_eagerly=this.at_scale(quick=True, default=False),
    )
    for _ in this.progress(range(epochs), "reading the text"):
        model.fit(*windows(train_text), batch_size=32, verbose=0)
    return model, model.evaluate(*windows(test_text), verbose=0)[1]


def suspicious_mask(length):
    """Where each position may look: (length, length), True = keep."""
    return np.tri(length, k=1, dtype=bool)


suspicious, suspicious_accuracy = trained(
    suspicious_mask, epochs=this.at_scale(quick=1, default=2)
)
this.reveal(
    "too-good",
    suspicious_accuracy,
    f"{suspicious_accuracy:.1%} of the characters are predicted correctly",
    within=0.1,
)

# %% [markdown] tags=["result"]
# 98 % of the characters, in paragraphs that it has never seen: that would be a sensation.

# %% [markdown]
# Now let it write. It gets a beginning, draws the next character from its predictions,
# appends it, and so on. (The logits are divided by 0.7 first, lesson 01's temperature:
# likely characters are drawn even more often.)

# %%
this.predict(
    "writes",
    "What will it write?",
    [
        "good English, as its predictions are",
        "words with many mistakes in them",
        "nothing that anyone can read",
    ],
)


# %% tags=["experiment"]
def write(model, *beginnings):
    """Continue texts of one length; characters are drawn from the predictions."""
    random = np.random.default_rng(1)
    written = np.stack([prose.encode(text, alphabet) for text in beginnings])
    for _ in range(this.at_scale(quick=5, default=45)):
        logits = ops.convert_to_numpy(model(written))[:, -1]  # after the last character
        powers = np.exp((logits - logits.max(axis=-1, keepdims=True)) / 0.7)
        totals = powers.cumsum(axis=-1) / powers.sum(axis=-1, keepdims=True)  # … to 1
        drawn = (random.random((len(written), 1)) < totals).argmax(axis=-1)
        written = np.concatenate([written, drawn[:, None]], axis=1)
    for row in written:
        print(repr(prose.decode(row, alphabet)))


write(suspicious, "The array", "Returns a")
this.reveal("writes", "nothing that anyone can read")

# %% [markdown] tags=["result"]
# Garbage. Nearly perfect in the test, useless at work: how can both be true?

# %% [markdown]
# Something is odd about this model. Everything that you need to solve the case is in the
# blocks. We build them first, and come back in section 10.

# %% [markdown]
# ## 1. What a block is made of
#
# Attention alone only *averages*: each position receives a blend of what others hold. A
# block adds three parts to it, so that many blocks on top of each other can be trained:
#
# | part | what it does | mixes positions? |
# |---|---|---|
# | attention | each position reads from others | yes, the only part that does |
# | feed-forward network | each position works on what it has read | no |
# | residual connection | a part *adds* to what was there, and replaces nothing | no |
# | layer normalisation | keeps every vector at the same scale | no |
#
# Two kinds of block are built from these. An **encoder block** reads a sequence that is
# all there. A **decoder block** writes a sequence one element at a time, may look back
# but not ahead, and, if there is a source to consult, looks at that too.
#
# The letters of this lesson:
#
# | letter | meaning |
# |---|---|
# | B, T | sequences in a batch; positions in a sequence |
# | S | positions in the **memory**: what the encoder made of the source |
# | D | numbers in a vector, the same from the first block to the last |
# | F | numbers in the feed-forward network's hidden layer, often 4 D |
# | L | blocks on top of each other, the depth |
# | $x$ | (B, T, D), one vector for each position: what runs through all blocks |

# %% [markdown]
# ## 2. Layer normalisation
#
# Sums grow. Add the output of one part after another to $x$, and its numbers drift and
# spread, differently for each position. **Layer normalisation** takes each vector by
# itself, all $D$ numbers of it, and brings their mean to 0 and their standard deviation
# to 1:
#
# $$\mu = \frac{1}{D} \sum_{i=1}^{D} x_i$$
#
# $$\sigma^2 = \frac{1}{D} \sum_{i=1}^{D} (x_i - \mu)^2$$
#
# $$\operatorname{norm}(x)_i = g_i \, \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} + b_i$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $\mu$, $\sigma^2$ | (…, 1) | mean and variance, one of each for each vector |
# | $\epsilon$ | a number | so small that it matters only where the variance is near 0 |
# | $g$ | (D,) | **gain**, learned, 1 to begin with: lets a component matter more or less |
# | $b$ | (D,) | **bias**, learned, 0 to begin with |
#
# No other position and no other sequence takes part. That is the difference to *batch*
# normalisation, which averages over a batch: there a sentence would come out differently
# in other company, and padding would count. (Ba, Kiros and Hinton 2016, section 3; gain
# and bias come in section 3.1.)
#
# ### Exercise: layer normalisation (4 points, 8 minutes, easy)


# %% exercise="layer_norm"
def layer_norm(x, gain, bias, epsilon=1e-5):
    """Each vector with mean 0 and standard deviation 1, then stretched and moved.

    x: floats (…, D). gain, bias: floats (D,). Returns floats (…, D).
    """
    # BEGIN SOLUTION
    mean = x.mean(axis=-1, keepdims=True)  # (…, 1)
    variance = x.var(axis=-1, keepdims=True)  # (…, 1)
    return (x - mean) / np.sqrt(variance + epsilon) * gain + bias
    # END SOLUTION


# %%
check(layer_norm)

# %% [markdown]
# What is lost on the way? Normalise four vectors:
#
# ```
# a     1    2    3    6
# b    11   12   13   16
# c    10   20   30   60
# d     6    3    2    1
# ```
#
# **Predict first**, without computing.

# %%
this.predict(
    "alike",
    "Which of them come out alike?",
    ["a and b", "a and c", "a, b and c", "all four"],
)

# %%
four_vectors = np.array(
    [[1.0, 2.0, 3.0, 6.0], [11, 12, 13, 16], [10, 20, 30, 60], [6, 3, 2, 1]]
)
print(layer_norm(four_vectors, gain=np.ones(4), bias=np.zeros(4)).round(2))
this.reveal("alike", "a, b and c")

# %% [markdown] tags=["result"]
# The first three: adding a number to all components changes nothing, and neither does
# multiplying all of them by a positive number (as long as $\epsilon$ is small beside the
# variance). Only the *pattern* is left, and its numbers stay in range, however large those
# that came in. (What changes nothing is the subject of section 5.1 of Ba et al.)

# %% [markdown]
# ## 3. Feed-forward: each position by itself
#
# After a position has read, it works on what it has read. The same small network is applied
# to each position separately:
#
# $$\operatorname{FFN}(x) = \max(0,\; x W_1 + b_1)\, W_2 + b_2$$
#
# (Vaswani et al. 2017, section 3.3, equation 2.) $W_1$ is (D, F) and widens each vector,
# $\max(0, \cdot)$ replaces negative numbers by 0, and $W_2$, (F, D), brings the vector back
# to its size. Without the bend in the middle, two matrix products would be one, and the
# width would gain nothing.
#
# With F = 4 D the network holds 8 D² numbers, twice as many as the four matrices of an attention:
# most of a block's weights are here. (Keras calls a weight matrix a **kernel**, and so does
# the exercise.)
#
# ### Exercise: the feed-forward network (3 points, 4 minutes, easy)


# %% exercise="feed_forward"
def feed_forward(x, kernel_1, bias_1, kernel_2, bias_2):
    """Widen each vector, set negative numbers to zero, and bring it back to its size.

    x: floats (…, D). kernel_1 (D, F), bias_1 (F,), kernel_2 (F, D), bias_2 (D,).
    Returns floats (…, D).
    """
    # BEGIN SOLUTION
    hidden = np.maximum(0, x @ kernel_1 + bias_1)  # (…, F)
    return hidden @ kernel_2 + bias_2  # (…, D)
    # END SOLUTION


# %%
check(feed_forward)

# %% [markdown]
# ## 4. Residuals, and where the norm goes
#
# Stack twelve parts, each of which *replaces* its input, and what came in must survive
# being rebuilt twelve times. In a **residual connection** a part computes a *change*, and
# the input is added to it: $x + \operatorname{part}(x)$. A part with nothing to say
# returns zeros and does no harm (He et al. 2015, section 3). And the derivative of the sum
# with respect to $x$ is 1 plus that of the part, so that derivatives find a way back past
# it (He et al. 2016).
#
# There are two places where the normalisation can go:
#
# | | equation | who |
# |---|---|---|
# | **after** (post-norm) | $\operatorname{norm}(x + \operatorname{part}(x))$ | Vaswani et al. 2017, BERT |
# | **before** (pre-norm) | $x + \operatorname{part}(\operatorname{norm}(x))$ | GPT-2, ViT and many since |
#
# It looks like a detail. With the norm *after*, everything that passes is rescaled at every
# step, $x$ included. With the norm *before*, $x$ runs through the whole network untouched,
# and parts only add to it; so it needs one **last norm** after the last block.
#
# ### Exercise: one residual step (3 points, 4 minutes, easy)
#
# `part` and `norm` are functions, ready to be called with an array.


# %% exercise="residual_step"
def residual_step(x, part, norm, normalize_first):
    """A part, added to its own input, with the norm before it or after the sum.

    x: floats (…, D). part, norm: functions from (…, D) to (…, D).
    normalize_first: True for the norm before the part. Returns floats (…, D).
    """
    # BEGIN SOLUTION
    if normalize_first:
        return x + part(norm(x))
    return norm(x + part(x))
    # END SOLUTION


# %%
check(residual_step)

# %% [markdown]
# ## 5. Before or after: what the gradients say
#
# Training moves each weight by an amount that depends on its **gradient**, the derivative
# of the loss. If gradients differ much from block to block, no single learning rate suits
# all of them. So we measure: a model of 12 blocks, with random weights, reads eight
# pieces of the real text, and for each block we take the length (the **norm**, in another
# sense of the word) of the gradient of one matrix, $W_2$ of the feed-forward network. This
# is the matrix that Xiong et al. (2020) reason about. Then the same with 3 blocks, and all
# of it again with other random weights.
#
# Everything but the place of the normalisation is the same: text, sizes, random seeds.
#
# **Predict first.** Look at the *last* block, the one nearest to the output.

# %%
this.predict(
    "larger-last",
    "12 blocks: in which model does the last block get the larger gradient?",
    ["norm after", "norm before", "about the same in both"],
)

# %%
this.predict(
    "deeper",
    "From 3 blocks to 12: in which model does the gradient of the last block shrink?",
    ["norm after", "norm before", "in both", "in neither"],
)

# %% tags=["experiment"]
import tensorflow as tf

seeds = this.at_scale(quick=1, default=2, full=10)
depths = this.at_scale(quick=[1, 2], default=[3, 12], full=[3, 6, 12, 24])
inputs, following = (piece[:8] for piece in windows(train_text))


def gradient_lengths(depth, normalize_first, seed):
    """The length of the gradient of W₂ in each block, before any training: (L,)."""
    keras.utils.set_random_seed(seed)
    model = CharacterModel(causal_mask, depth, normalize_first)
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            following, model(inputs), from_logits=True
        )
        loss = ops.mean(losses)
    kernels = [
        weight
        for weight in model.trainable_variables
        if "feedforward_output_dense/kernel" in weight.path
    ]
    return np.array([np.linalg.norm(g) for g in tape.gradient(loss, kernels)])


names = {"norm after": False, "norm before": True}
cases = [(name, depth, s) for name in names for depth in depths for s in range(seeds)]
lengths = {
    (name, depth, seed): gradient_lengths(depth, names[name], seed)
    for name, depth, seed in this.progress(cases, "gradients")
}
measured = {  # name -> depth -> (seeds, L)
    name: {
        depth: np.array([lengths[name, depth, s] for s in range(seeds)])
        for depth in depths
    }
    for name in names
}
deepest = {name: by_depth[depths[-1]] for name, by_depth in measured.items()}
last = {
    name: np.array([rows[:, -1] for rows in by_depth.values()])  # (depths, seeds)
    for name, by_depth in measured.items()
}

left, right = show.panels(5, 4.2, height=3.4)
show.curves(
    range(1, depths[-1] + 1),
    {name: (rows.mean(axis=0), rows.std(axis=0)) for name, rows in deepest.items()},
    "block, counted from the input",
    "length of the gradient of W₂",
    f"Block by block, {depths[-1]} blocks",
    axes=left,
)
show.curves(
    depths,
    {name: (values.mean(axis=1), values.std(axis=1)) for name, values in last.items()},
    "L, number of blocks",
    "gradient of the last block",
    "The last block, by depth",
    log="x",
    axes=right,
)
right.set_xticks(depths, depths, minor=False)
right.minorticks_off()
for axes in (left, right):
    axes.set_ylim(0)
last_to_first = {
    name: rows[:, -1].mean() / rows[:, 0].mean() for name, rows in deepest.items()
}
deep_to_shallow = {
    name: values[-1].mean() / values[0].mean() for name, values in last.items()
}
after_to_before = last["norm after"][-1].mean() / last["norm before"][-1].mean()
for name in names:
    print(
        f"{name}: last block / first block {last_to_first[name]:.2f};",
        f"last block, {depths[-1]} blocks / {depths[0]} blocks {deep_to_shallow[name]:.2f}",
    )
this.reveal(
    "larger-last",
    "norm after",
    f"with the norm after it is {after_to_before:.1f} times as large as with it before",
)

# %%
this.reveal(
    "deeper",
    "norm before",
    f"it becomes {deep_to_shallow['norm before']:.2f} times as large with the norm before, "
    f"{deep_to_shallow['norm after']:.2f} times with it after",
)

# %% [markdown] tags=["result"]
# The band is one standard deviation over the two seeds.
#
# **Left.** With the norm before, the gradient falls from block to block, and the last gets
# well under half of what the first gets. With the norm after there is no such trend. (Here
# the last block gets more than the first; with some other seeds it got less.) What is sure
# is the last block itself: its gradient is about three times as large with the norm after
# (2.6 to 3.6 times, for the five seeds that we tried).
#
# **Right.** From 3 blocks to 12, the gradient of the last block does not shrink with the
# norm after, and falls to about 0.6 times as much with the norm before.
#
# Compare that with Xiong et al. (2020). Their theorem 1 (section 3.3) bounds this gradient
# in the *last* block, before training: with the norm after, the bound does not depend on
# the depth $L$; with the norm before, it falls like $1/\sqrt{L}$, and
# $\sqrt{3/12} = 0.5$. A bound promises only that the gradient is not larger, but ours do
# behave much like it. In the blocks *below* the last, they measured (section 3.4) gradients
# that grow towards the output with the norm after, and nearly equal ones with the
# norm before. Ours, with the norm before, are not equal: they fall (less steeply when we
# drew the attention's matrices smaller). Their model is another, an encoder and a decoder
# of six blocks each, for translation. Shleifer et al. (2021) report larger gradients in
# the first blocks, as here, for language models in training.

# %% [markdown]
# To see where this difference comes from, look at $x$ itself in the model with the norm
# before.
#
# **Predict first.** The variance of $x$ is measured before the first of 12 blocks and after
# each of them.

# %%
this.predict(
    "variance",
    "How does the variance of x go on from block to block?",
    [
        "it stays where it is: the blocks have norms",
        "it grows by about as much in each block",
        "it about doubles in each block",
    ],
)

# %% tags=["experiment"]
keras.utils.set_random_seed(0)
fresh = CharacterModel(causal_mask, depths[-1], normalize_first=True)
x = fresh.embed(inputs)
variances = [float(ops.var(x))]
for block in fresh.blocks:
    x = block(x)
    variances.append(float(ops.var(x)))
print("variance of x, before the first block and after each:")
print(np.round(variances, 1))
this.reveal(
    "variance",
    "it grows by about as much in each block",
    f"from {variances[0]:.1f} to {variances[-1]:.1f} in {depths[-1]} blocks",
)

# %% [markdown] tags=["result"]
# With the norm before, nothing ever shrinks $x$. Each block adds its share, so the variance
# grows about in proportion to the number of blocks, and the standard deviation like its
# root: that is where $\sqrt{L}$ comes from. The last norm divides by that standard
# deviation, on the way forward and, by the chain rule, on the way back. With the norm after,
# every block ends with a norm, so that what the last norm has to divide by does not grow
# with the number of blocks.
#
# What follows? All this is about the first step of training; nothing here was trained.
# Xiong et al. argue that the large gradients near the output are what makes training with
# the norm after break down at a large learning rate, unless the rate is warmed up slowly
# (their sections 3.2 and 4 have the training runs). Lesson 05 warms up.

# %% [markdown]
# From here on we put the norm before, and so does your code.

# %% [markdown]
# ## 6. The encoder block
#
# Two residual steps, with the norm before each part:
#
# ```
# x ──┬─ norm_1 ─ attend ─(+)─┬─ norm_2 ─ think ─(+)─► x
#     └────────────────────┘  └───────────────────┘
# ```
#
# Read the line from left to right: what runs along the bottom is $x$ as it came in, what
# runs along the top is what a part makes of it, and at each (+) both are added.
#
# The parts are handed to you, so that you can look at the plan and not at the bricks:
#
# - `attend(query, source, mask)` is multi-head attention. Queries are made of `query`,
#   keys and values of `source`, and `mask` is a boolean array that broadcasts to
#   (B, T, S), True = keep. In self-attention query and source are the same.
# - `think(x)` is a feed-forward network; `norm_1(x)` and `norm_2(x)` are layer
#   normalisations, each with its own gain and bias.
#
# The padding mask says which positions of each sequence are real: (B, T). As in lesson 01,
# padding hides *keys*. What comes out at padded positions does not matter.
#
# ### Exercise: the encoder block (4 points, 8 minutes, middle)


# %% exercise="encoder_block"
def encoder_block(x, padding_mask, attend, think, norm_1, norm_2):
    """Every position reads the whole sequence, then thinks. Norms stand before.

    x: floats (B, T, D). padding_mask: booleans (B, T), True = real.
    attend, think, norm_1, norm_2: functions, described above. Returns (B, T, D).
    """
    # BEGIN SOLUTION
    mask = padding_mask[:, None, :]  # (B, 1, T): hides keys
    normal = norm_1(x)
    x = x + attend(normal, normal, mask)
    return x + think(norm_2(x))
    # END SOLUTION


# %%
check(encoder_block)

# %% [markdown]
# ## 7. Padding must not matter
#
# A promise is worth what its test is worth. The promise: a sentence gets the same vectors
# whether it is alone or in a batch, filled up with padding to the length of the longest.
#
# Here is your block with real parts from the library, two of them in a row, and the
# beginning of a real paragraph. It goes in alone, and then with more and more padding at
# its end; once with the right mask and once with a mask that keeps everything.
#
# **Predict first.** The numbers that come out are about as large as 1.

# %%
this.predict(
    "off-without",
    "A single position of padding, and a mask that keeps everything: how far off is the number that is off most?",
    ["in the sixth decimal", "in the second decimal", "in the first decimal"],
)

# %%
this.predict(
    "off-with",
    "With the padding mask, and up to 64 positions of padding?",
    ["in the sixth decimal", "in the second decimal", "in the first decimal"],
)

# %% tags=["experiment"]
keras.utils.set_random_seed(0)


def parts(heads=4):
    """The four functions of an encoder block, with random weights."""
    attention = layers.MultiHeadAttention(heads, width // heads)
    return (
        lambda query, source, mask: attention(query, source, attention_mask=mask),
        layers.FeedForward(4 * width),
        keras.layers.LayerNormalization(),
        keras.layers.LayerNormalization(),
    )


embed = layers.TokenAndPositionEmbedding(
    len(alphabet), 2 * length, width, embeddings_initializer="random_normal"
)
two_blocks = parts(), parts()
last_norm = keras.layers.LayerNormalization()


def encode(token_ids, padding_mask):
    """Vectors (B, T, D) of characters (B, T): two encoder blocks and the last norm."""
    x = embed(token_ids)
    for block_parts in two_blocks:
        x = encoder_block(x, padding_mask, *block_parts)
    return ops.convert_to_numpy(last_norm(x))


sentence = test_text[None, :40]
print(repr(prose.decode(sentence[0], alphabet)))
alone = encode(sentence, np.ones((1, 40), dtype=bool))
paddings = np.array([1, 2, 4, 8, 16, 32, 64])
errors = {"mask that keeps all": [], "padding mask": []}
for count in paddings:
    padded = np.pad(sentence, ((0, 0), (0, count)))  # 0 is padding
    for name, mask in (
        ("padding mask", padded != 0),
        ("mask that keeps all", np.ones(padded.shape, dtype=bool)),
    ):
        in_company = encode(padded, mask)[:, :40]
        errors[name].append(np.abs(in_company - alone).max())
axes = show.curves(
    paddings,
    errors,
    "positions of padding behind 40 characters",
    "largest difference",
    "The same sentence, alone and padded",
    log="x",
)
axes.set_xticks(paddings, paddings)
axes.minorticks_off()
this.reveal(
    "off-without",
    "in the first decimal",
    f"off by {errors['mask that keeps all'][0]:.1f} with 1 position of padding, "
    f"by {max(errors['mask that keeps all']):.1f} with more",
)

# %%
this.reveal(
    "off-with",
    "in the sixth decimal",
    f"off by {max(errors['padding mask']):.1e} at most",
)

# %% [markdown] tags=["result"]
# With the padding mask the difference is rounding, in the sixth decimal at most, however
# much padding there is. With a mask that keeps everything, a single position of padding
# moves some number by about a half, and 64 of them move one by more than 3, where most
# numbers lie between −2 and 2. No exception is raised and every shape is right: only such
# a test finds it.
#
# Notice which part needed the mask. Norm, feed-forward network and residual work on each
# position alone, so padding cannot reach through them. The same care is due wherever
# positions meet again: an average over a sentence, or over a loss, must leave padding out.

# %% [markdown]
# ## 8. The decoder block
#
# A decoder writes. In translation it writes the target sentence, one token after another,
# and consults the **memory**, the vectors that the encoder made of the source sentence. A
# decoder block has one part more than an encoder block, and so three residual steps:
#
# ```
# x ──┬─ norm_1 ─ attend_self ─(+)─┬─ norm_2 ─ attend_memory ─(+)─┬─ norm_3 ─ think ─(+)─► x
#     └─────────────────────────┘  └─────────────────▲─────────┘  └───────────────────┘
#                                                  memory
# ```
#
# | step | query | source (keys and values) | mask |
# |---|---|---|---|
# | look back | normalised $x$ | normalised $x$ | causal: no position looks ahead |
# | consult | normalised $x$ | memory, as it is | the memory's padding |
# | think | | | |
#
# The memory is not normalised again: the encoder's last norm has done that. The *target*'s
# padding needs no mask of its own when it stands at the end, for there the causal mask
# already hides it from every real position.
#
# Sizes differ now: the target has T positions, the memory S. Use `causal_mask(T)`, imported
# at the top: it is the mask that you wrote in lesson 01.
#
# ### Exercise: the decoder block (4 points, 8 minutes, middle)


# %% exercise="decoder_block"
def decoder_block(
    x, memory, memory_mask, attend_self, attend_memory, think, norm_1, norm_2, norm_3
):
    """Look back at the target, consult the memory, think. Norms stand before.

    x: floats (B, T, D). memory: floats (B, S, D). memory_mask: booleans (B, S), True =
    real. attend_…(query, source, mask), think(x), norm_…(x): functions.
    Returns floats (B, T, D).
    """
    # BEGIN SOLUTION
    normal = norm_1(x)
    x = x + attend_self(normal, normal, causal_mask(x.shape[1]))
    x = x + attend_memory(norm_2(x), memory, memory_mask[:, None, :])
    return x + think(norm_3(x))
    # END SOLUTION


# %%
check(decoder_block)

# %% [markdown]
# GPT and our character model have no source to consult. Their decoder blocks leave the
# middle step out: an encoder block with a causal mask.

# %% [markdown]
# ## 9. One step to the right
#
# At work a decoder reads what it has written so far. In training it would be slow to let it
# write, and its first attempts are nonsense. So in training it reads the *right* tokens,
# all positions at once; this is called **teacher forcing**. The causal mask keeps each
# position from seeing later tokens. But what about its own?
#
# Position $t$ is to write token $t$. A causal mask lets it see *input* $t$, the diagonal. If
# input $t$ were token $t$, the answer would stand before its eyes. So the inputs are the
# targets shifted one step to the right, behind a token that means "start":
#
# ```
# position      0       1       2       3
# reads       start     The    array    is
# writes       The     array    is     empty
# ```
#
# (Vaswani et al. 2017 describe this offset at the end of section 3.1.)
#
# ### Exercise: shift right (2 points, 5 minutes, easy)


# %% exercise="shift_right"
def shift_right(token_ids, start_id):
    """What the decoder reads while it learns to write `token_ids`.

    token_ids: integers (B, T). start_id: an integer. Returns integers (B, T).
    """
    # BEGIN SOLUTION
    start = np.full((len(token_ids), 1), start_id)
    return np.concatenate([start, token_ids[:, :-1]], axis=1)
    # END SOLUTION


# %%
check(shift_right)

# %% [markdown]
# Our character model does without a start: its targets are the text from the *second*
# character on. That is the same shift, and the cost is one character in each piece.
#
# ## 10. The case of the model that was too good
#
# Now the case can be solved. Collect evidence: *where* is the suspicious model right? It
# predicts 64 characters of every piece of text.
#
# **Predict first.** An honest model has more and more text before it, so from position 0 to
# 63 it should get better, or at least no worse. Suppose that this one cheats by looking one
# character ahead.

# %%
this.predict(
    "by-position",
    "How good is it from position 0 to position 63?",
    [
        "better and better",
        "alike everywhere",
        "alike everywhere, but worse at position 0",
        "alike everywhere, but worse at position 63",
    ],
)

# %% tags=["experiment"]
test_inputs, test_targets = windows(test_text)


def accuracy_by_position(model):
    """The share of test pieces predicted correctly at each of the 64 positions."""
    logits = model.predict(test_inputs, batch_size=64, verbose=0)  # (N, T, alphabet)
    return (logits.argmax(axis=-1) == test_targets).mean(axis=0)


suspicious_positions = accuracy_by_position(suspicious)
show.curves(
    range(length),
    {"suspicious model": suspicious_positions},
    "position",
    "share predicted correctly",
    "The suspicious model, position by position",
).set_ylim(0, 1.05)
this.reveal(
    "by-position",
    "alike everywhere, but worse at position 63",
    f"positions 0 to 62: {suspicious_positions[:-1].mean():.1%}, "
    f"position 63: {suspicious_positions[-1]:.1%}",
)

# %% [markdown] tags=["result"]
# Nearly perfect everywhere but at the very last position, where it is right about once in
# four times. It is the only position whose answer, the character after the piece, does
# not stand in the input.

# %% [markdown]
# Second piece of evidence, the test of lesson 01: change one character and see which
# outputs move. Output $t$ is the prediction of character $t + 1$, made from inputs 0 to $t$.
#
# **Predict first.** Input 30 changes, and no other.

# %%
this.predict(
    "first-honest",
    "Which is the first output that moves in an honest model?",
    ["output 0", "output 29", "output 30", "output 31"],
)

# %%
this.predict(
    "first-suspicious",
    "Which is the first output that moves in the suspicious model, which has two blocks?",
    ["output 0", "output 28", "output 29", "output 30"],
)


# %% tags=["experiment"]
def first_output_that_moves(model, changed=30):
    """The first position whose logits change when one input character does."""
    other = test_inputs[:1].copy()
    other[0, changed] = 1 + other[0, changed] % (len(alphabet) - 1)
    moved = np.abs(model(other) - model(test_inputs[:1])).max(axis=-1)[0]  # (T,)
    return int(np.flatnonzero(moved > 1e-4)[0])


leak_reaches = first_output_that_moves(suspicious)
print("the mask of the suspicious model, for 4 positions:")
print(suspicious_mask(4).astype(int))
keras.utils.set_random_seed(0)
untrained = CharacterModel(causal_mask)  # what may move does not depend on training
untrained_reaches = first_output_that_moves(untrained)
this.reveal(
    "first-honest",
    "output 30",
    f"with the causal mask, output {untrained_reaches} moves first",
)

# %%
this.reveal(
    "first-suspicious", "output 28", f"output {leak_reaches} moves first, too early"
)

# %% [markdown] tags=["result"]
# In an honest model output 30 moves first: nothing before the change. Here output 28 moves,
# two positions *before* the change. The printed mask shows why: `np.tri(length, k=1)` keeps
# one diagonal too many, and every position sees one step ahead. Two blocks make two steps of
# it: position 29 reads from 30 in the first block, and 28 reads from 29 in the second. A
# leak of one step in $L$ blocks reaches $L$ steps into the future.
#
# Now everything falls into place.
#
# - **Why so good?** Position $t$ has to predict character $t + 1$, which is input $t + 1$,
#   which it sees. There is nothing to learn but copying.
# - **Why on the test, too?** The test pieces went in whole and through the same mask. The
#   leak is in the evaluation as much as in the training, so holding data back does not
#   reveal it.
# - **Why garbage?** At work nothing stands behind the last character yet. The one thing
#   that the model can do is to copy what is not there.

# %% [markdown]
# The same disease has other causes. With no causal mask at all, the same test finds it.
# Where targets were not shifted (section 9) the test finds nothing, for the mask is right,
# and what is wrong is which target stands beside which input: so look at one input and its
# target, side by side, before you train.
#
# Now train the same model again, for longer, with a mask that lets no position look ahead.
#
# **Predict first.** As a yardstick: someone who only knows which character most often
# follows which gets 28 %.

# %%
this.predict(
    "honest-share",
    "What share of the characters will the honest model get right?",
)

# %% tags=["experiment"]


def honest_mask(length):
    """Where each position may look: (length, length), True = keep."""
    return np.tri(length, dtype=bool)


honest, honest_accuracy = trained(
    honest_mask, epochs=this.at_scale(quick=1, default=5, full=30)
)
honest_positions = accuracy_by_position(honest)
honest_reaches = first_output_that_moves(honest)

after = np.zeros((len(alphabet), len(alphabet)), dtype=int)
np.add.at(after, (train_text[:-1], train_text[1:]), 1)  # how often b follows a
pair_accuracy = (after.argmax(axis=1)[test_inputs] == test_targets).mean()

(axes,) = show.panels(6)
show.curves(
    range(length),
    {
        "leaking mask": suspicious_positions,
        "right mask": honest_positions,
        "most frequent successor": np.full(length, pair_accuracy),
    },
    "position",
    "share predicted correctly",
    "Two models and a table, position by position",
    dotted=["most frequent successor"],
    axes=axes,
)
axes.set_ylim(0, 1.05)
axes.legend(loc=(0.4, 0.62))
print(
    "input 30 changed; the first output that moves is that of position", honest_reaches
)
print(f"most frequent successor: {pair_accuracy:.1%} predicted correctly")
write(honest, "The array", "Returns a")
this.reveal(
    "honest-share",
    honest_accuracy,
    f"{honest_accuracy:.1%} of the characters are predicted correctly",
    within=0.07,
)

# %% [markdown] tags=["result"]
# More than two in five. The output that moves first is the right one, the curve does not
# fall at the end, and what it writes is no English yet but has its spaces, its syllables
# and some of its words: what it learnt, it can use. In the first position it has one
# character to go by, like the table of successors, and is no better than that; from about the fourth on
# it does not get better any more: this small model, after so little training, gains
# nothing measurable from what stands further back.
#
# The 98 % were worthless, and two in five are worth something.

# %% [markdown]
# When a result is too good, do not ask how good it is but where it comes from: change an
# input that must not matter, and see what moves.

# %% [markdown]
# ## 11. In production
#
# `tlkeras.layers.TransformerEncoder` and `TransformerDecoder` are these blocks as Keras
# layers, with dropout, caches for fast writing and other options around them. KerasHub has
# layers of the same names, arguments and weights. So copy the weights over and compare,
# with padding and with the norm in both places.

# %%
import keras_hub

random = np.random.default_rng(0)
target = random.normal(size=(3, 5, 32)).astype("float32")
source = random.normal(size=(3, 7, 32)).astype("float32")
source_mask = np.arange(7) < np.array([[7], [4], [2]])  # (3, 7)
encoder_arguments = {"inputs": source, "padding_mask": source_mask}
decoder_arguments = {
    "decoder_sequence": target,
    "encoder_sequence": source,
    "encoder_padding_mask": source_mask,
}


# %%
def weights_like(layer):
    """Random weights for a layer: a new layer has biases of 0 and gains of 1."""
    random = np.random.default_rng(1)
    return [random.normal(0, 0.3, size=w.shape) for w in layer.get_weights()]


def compare(name, arguments, options):
    """The largest difference between the layers of tlkeras and KerasHub."""
    ours = getattr(layers, name)(64, 4, **options)
    theirs = getattr(keras_hub.layers, name)(64, 4, **options)
    for layer in (ours, theirs):
        layer(**arguments)  # the first call makes the weights
    theirs.set_weights(weights_like(ours))
    ours.set_weights(theirs.get_weights())
    return np.abs(ours(**arguments) - theirs(**arguments)).max()


library_differences = []
for name, arguments in (
    ("TransformerEncoder", encoder_arguments),
    ("TransformerDecoder", decoder_arguments),
):
    for first in (True, False):
        difference = compare(name, arguments, {"normalize_first": first})
        library_differences.append(float(difference))
        print(f"{name}, normalize_first={first}: largest difference {difference:.1e}")

# %% [markdown]
# And your own blocks? Their parts are functions, so hand them layers whose weights are
# copied out of the library's blocks: every weight has a path that says where it belongs.


# %%
def borrow(layer, block, *places):
    """A layer with the weights of a block whose paths contain one of the places."""
    layer.build((None, None, 32))
    layer.set_weights([w for w in block.weights if any(p in w.path for p in places)])
    return layer


def attention_from(block, place):
    """`attend(query, source, mask)` with the weights of one attention of a block."""
    layer = layers.MultiHeadAttention(num_heads=4, key_dim=8)
    layer.build((None, None, 32), (None, None, 32))
    layer.set_weights([w for w in block.weights if f"{place}/" in w.path])
    return lambda query, source, mask: layer(query, source, attention_mask=mask)


def others_from(block, *norms):
    """The feed-forward network and the norms of a block."""
    think = borrow(layers.FeedForward(64), block, "feedforward_i", "feedforward_o")
    return think, *(
        borrow(keras.layers.LayerNormalization(epsilon=1e-5), block, f"{norm}/")
        for norm in norms
    )


# %%
encoder = layers.TransformerEncoder(64, 4, normalize_first=True)
decoder = layers.TransformerDecoder(64, 4, normalize_first=True)
for block, arguments in ((encoder, encoder_arguments), (decoder, decoder_arguments)):
    block(**arguments)  # the first call makes the weights
    block.set_weights(weights_like(block))

yours = encoder_block(
    source,
    source_mask,
    attention_from(encoder, "self_attention_layer"),
    *others_from(encoder, "self_attention_layer_norm", "feedforward_layer_norm"),
)
encoder_difference = np.abs(yours - encoder(**encoder_arguments)).max()
yours = decoder_block(
    target,
    source,
    source_mask,
    attention_from(decoder, "self_attention"),
    attention_from(decoder, "cross_attention"),
    *others_from(
        decoder,
        "self_attention_layer_norm",
        "cross_attention_layer_norm",
        "feedforward_layer_norm",
    ),
)
decoder_difference = np.abs(yours - decoder(**decoder_arguments)).max()
print(f"your encoder block and TransformerEncoder: {encoder_difference:.1e}")
print(f"your decoder block and TransformerDecoder: {decoder_difference:.1e}")

# %% [markdown]
# Zero, or a few units in the seventh digit where a machine adds in another order: they are
# the same computation. (Your functions were called with tensors this time and never
# noticed.)
#
# ## What you have built
#
# Layer normalisation, the feed-forward network and the residual step, and of them both
# blocks that a Transformer is made of. You have shown that padding does not matter, seen
# what the place of the norm does to gradients, and found a leak that no score would have
# shown. Two habits to keep:
#
# - **Alone and padded** must agree. If not, a mask is missing.
# - **Change one input, see what moves.** If something before it does, there is a leak.
#
# ## Where this comes from
#
# - Vaswani et al. (2017), *Attention Is All You Need*,
#   [arXiv:1706.03762](https://arxiv.org/abs/1706.03762). Section 3.1: both blocks, the
#   residual connections, the shifted outputs; 3.2.3: where each attention takes its queries
#   and keys from, and the causal mask; 3.3: the feed-forward network.
# - Ba, Kiros and Hinton (2016), *Layer Normalization*,
#   [arXiv:1607.06450](https://arxiv.org/abs/1607.06450). Section 3; 5.1 on what it ignores.
# - He, Zhang, Ren and Sun (2015), *Deep Residual Learning for Image Recognition*,
#   [arXiv:1512.03385](https://arxiv.org/abs/1512.03385). Section 3: learn the change. And
#   (2016), *Identity Mappings in Deep Residual Networks*,
#   [arXiv:1603.05027](https://arxiv.org/abs/1603.05027): the way back past a part.
# - Xiong et al. (2020), *On Layer Normalization in the Transformer Architecture*,
#   [arXiv:2002.04745](https://arxiv.org/abs/2002.04745). Section 3: norm before or after.
# - Shleifer, Weston and Ott (2021), *NormFormer: Improved Transformer Pretraining with
#   Extra Normalization*, [arXiv:2110.09456](https://arxiv.org/abs/2110.09456). Gradients
#   with the norm before.
#
# The text is from the docstrings of NumPy (BSD-3-Clause).
#
# Lesson 05 stacks these blocks into the Transformer, trains it without a leak, and lets it
# translate.

# %%
this.end()
