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
# # 03 Positions
#
# About 90 minutes, 20 points. You need lessons 01 and 02, sines and cosines, and to
# know what a rotation is.
#
# Attention has no idea what stands where. This lesson gives it one, in the three most
# common ways. By the end you will be able to
#
# - show that attention without positions sees a bag, and not a sequence;
# - write sinusoids, learned positions and rotary positions, and say what each of them
#   lets a dot product see;
# - say which of them goes on working in sequences longer than those of the training,
#   which does not, and *why*: you will have measured it;
# - avoid the two mix-ups of layout that ruin a model without raising an error.
#
# Run the cells from top to bottom with Shift+Enter, and check as often as you like:
# neither checks nor hints cost points. Before each experiment you say what you expect; its
# code, and the text that explains its result, are folded away until you open them.

# %%
import numpy as np

from tlkeras import visualization as show
from tlkeras.course import lesson
from tlkeras.datasets import digits

this = lesson("03_positions")
check = this.check

# %% [markdown]
# ## A question to begin with
#
# Below is a line of nine handwritten digits, and under it the same nine, shuffled. In
# each line: which digit stands just left of the 8?

# %% tags=["experiment"]
(known_images, known_labels), (new_images, new_labels) = digits.load_data()
nine = np.array(
    [np.flatnonzero(new_labels == d)[0] for d in (3, 1, 4, 7, 8, 2, 6, 5, 0)]
)
order = np.array([6, 2, 8, 0, 4, 1, 7, 3, 5])  # the shuffle
show.images(new_images[np.concatenate([nine, nine[order]])], [""] * 18)

# %% [markdown]
# A 7 in the first line, a 3 in the second: easy, because you see where things stand. To
# attention, the two lines are the same.

# %% [markdown]
# ## 1. Attention is blind to order
#
# Look at equation 1 again, softmax(Q Kᵀ / √H) V. A query meets each key in a dot
# product, and the values are added up. Nowhere does it say which key came first, and a
# sum does not care about the order of its terms. Shuffle the keys together with their
# values, and each query gets exactly what it got before. Shuffle the queries too, as
# happens in self-attention, and the outputs are shuffled in the same way, but are
# otherwise the same numbers. That is called **permutation-equivariant**: a permutation
# (a shuffle) of what goes in is the same permutation of what comes out.
#
# Does that hold for a whole Transformer layer, too? Lesson 04 opens it up; here it is
# `TransformerEncoder`, with random weights.
#
# **Predict first.** Take three set-ups: (a) the layer as it is; (b) the layer with the causal
# mask of lesson 01; (c) the layer after a random vector was added at each position, another
# one for each position, whatever digit stands there. A set-up *sees order* if shuffling the
# line does more than shuffle the output.

# %%
this.predict(
    "who-sees-order",
    "Which of the three see order?",
    ["none", "only (c)", "(b) and (c)", "all three"],
)

# %% tags=["experiment"]
import keras

from tlkeras import layers
from tlkeras.masks import causal_mask

keras.utils.set_random_seed(0)
encoder = layers.TransformerEncoder(intermediate_dim=128, num_heads=4)
line = new_images[nine].reshape(1, 9, 64)  # (B, T, D): nine vectors of 64 pixels
vectors = np.random.default_rng(0).normal(size=(9, 64)).astype("float32")


def order_seen(layer):
    """How much a shuffle does beyond shuffling the output: 0 if order is not seen."""
    before, after = layer(line[:, order]), np.array(layer(line))[:, order]
    return np.abs(before - after).max()


blind = order_seen(encoder)
masked = order_seen(lambda x: encoder(x, attention_mask=causal_mask(9)))
placed = order_seen(lambda x: encoder(x + vectors))
this.reveal(
    "who-sees-order",
    "(b) and (c)",
    f"(b) and (c) see order: beyond the shuffle, outputs change by {blind:.0e} in (a), "
    f"by {masked:.1f} in (b), by {placed:.1f} in (c)",
)

# %% [markdown] tags=["result"]
# Each number is the largest difference between "shuffle, then layer" and "layer, then
# shuffle"; the outputs themselves have a standard deviation of about 1.
#
# (a) is rounding: the layer cannot tell the two lines apart. So no layer of this kind,
# and no stack of them, can say what stands left of the 8, however long it is trained.
#
# (b) is not zero: a causal mask *is* information about order, since the first element
# sees one key and the ninth sees nine. Decoders can learn positions from that alone
# (Haviv et al. 2022 measured it); an encoder, where everybody sees everybody, cannot.
#
# (c) is the remedy: let the vector itself say where it stands.

# %% [markdown]
# So attention has to be *told* where things stand. Sections 2 to 6 are about vectors that
# are added to the content, section 7 about adding nothing.
#
# ## 2. Counting with fast and slow digits
#
# How should position 37 look as a vector of D numbers? One feature that holds 37 would
# grow without limit and drown the content.
#
# Written in binary, a position is several features that stay small: each is 0 or 1. The last
# bit changes at every step, the one before it at every second step, the next one at every
# fourth. The fast bits tell neighbours apart. The slow bits say roughly where in the sequence
# we are. Together, four bits name 16 positions.
#
# But bits jump: from 7 (0111) to 8 (1000) all four change, though 7 and 8 are neighbours.
# Waves do the same more gently: a fast one, a slower one, and so on.

# %%
counted = np.arange(16)
bits = counted[:, None] // np.array([8, 4, 2, 1]) % 2  # (16, 4)
walked = np.arange(64)
speeds = {"1": 1.0, "0.32": 10**-0.5, "0.1": 0.1, "0.032": 10**-1.5}
waves_of = {f"speed {name}": np.sin(walked * v) for name, v in speeds.items()}
left, right = show.panels(3.2, 7, height=4)
show.matrix(bits, "bit worth", "position", "Binary", [8, 4, 2, 1], axes=left)
show.curves(walked, waves_of, "position", "a feature", "Waves", axes=right)
legend = right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=2)

# %% [markdown]
# On the left, each row is a position, and dark is a 1: the column on the right changes all
# the time, the column on the left once.
#
# On the right (speeds are radians a step), read a position upwards: the heights of the four
# waves are four numbers that stand for it. The fast wave tells position 3 from 4, but it says
# nearly the same again some six positions later. The slower ones tell 3 from 9. The slowest
# hardly moves between neighbours, but it tells the beginning from the end.
#
# ## 3. Sinusoids
#
# Two things are missing. A wave passes each height twice, once on its way up and once on its
# way down. So each wave comes with a second one, a quarter of a round ahead: a sine and a
# cosine, the two coordinates of a hand that goes round on a clock. And the speeds have to be
# chosen: each hand is slower than the one before by the same factor.
#
# Features 2i and 2i + 1 are **pair** i, the two coordinates of one hand:
#
# $$\mathrm{PE}(t)_{2i} = \sin\left(\frac{t}{\lambda^{2i/D}}\right)$$
#
# $$\mathrm{PE}(t)_{2i+1} = \cos\left(\frac{t}{\lambda^{2i/D}}\right)$$
#
# | symbol | what it is |
# |---|---|
# | $t$ | the position, 0 … T − 1 |
# | $D$ | the size of a vector, an even number: all vectors together are (T, D) |
# | $i$ | the number of the pair, 0 … D/2 − 1; both features of a pair share it |
# | $\lambda^{-2i/D}$ | the **frequency** of pair i: radians that its hand turns at each step |
# | $\lambda$ | `max_wavelength`, usually 10000: sets how slow the slowest hand is |
#
# The four waves of the picture are features 0, 8, 16 and 24 of 64.
#
# These are the formulas of section 3.5 of Vaswani et al. (2017). The first hand turns
# by one radian at each step, and is round after 2π ≈ 6.3 positions. With D = 64 the last
# frequency is $\lambda^{-62/64}$, and its hand is round after some 47,000 positions.
#
# ### Exercise: sinusoids (4 points, 8 minutes, middle)


# %% exercise="sine_positions"
def sine_positions(length, hidden_dim, max_wavelength=10000):
    """Vectors for positions 0 … length − 1.

    length: T. hidden_dim: D, even. max_wavelength: λ.
    Returns floats (T, D): even features are sines, odd ones cosines.
    """
    # BEGIN SOLUTION
    feature = np.arange(hidden_dim)
    frequency = max_wavelength ** (-2 * (feature // 2) / hidden_dim)  # (D,)
    angles = np.arange(length)[:, None] * frequency  # (T, D)
    return np.where(feature % 2 == 0, np.sin(angles), np.cos(angles))
    # END SOLUTION


# %%
check(sine_positions)

# %% [markdown]
# ### The same waves in another order
#
# **A trap.** Some libraries (tensor2tensor, and those that followed it) put all sines
# first and all cosines behind them, and have i / (D/2 − 1) as exponent, not i / (D/2).
# As a set of waves that is just as good. But a trained model has learned which feature
# is which: load its weights into code with the other layout, and nothing complains, and
# nothing works. tlkeras and KerasHub alternate sine and cosine, as the paper does.

# %% [markdown]
# ## 4. A step is a rotation
#
# A pair is the tip of a hand on a clock face, and going k steps further turns the hand by the
# same angle wherever it stands. With $b = k \, \lambda^{-2i/D}$, the addition formulas you know from school
# say
#
# $$\sin(a + b) = \cos b \, \sin a + \sin b \, \cos a$$
# $$\cos(a + b) = -\sin b \, \sin a + \cos b \, \cos a$$
#
# Read the right-hand sides as a 2 × 2 matrix times the vector $(\sin a, \cos a)$. The
# matrix holds b, so it knows how *far* we go; it does not hold a, so it does not matter
# *where from*. Put one such block for each pair on the diagonal of a (D, D) matrix
# $M_k$, and
#
# $$M_k \, \mathrm{PE}(t) = \mathrm{PE}(t + k) \quad \text{for every } t$$
#
# That is what Vaswani et al. were after when they chose sinusoids: "three to the left"
# is one fixed linear map, and the projections of an attention layer are linear maps.
#
# ### Exercise: the matrix of a step (3 points, 8 minutes, middle)


# %% exercise="shift_matrix"
def shift_matrix(distance, hidden_dim, max_wavelength=10000):
    """The matrix that takes PE(t) to PE(t + distance), for every t.

    distance: k, an integer, negative for steps back. hidden_dim: D, even.
    Returns floats (D, D), to be multiplied from the left: M @ PE(t).
    """
    # BEGIN SOLUTION
    matrix = np.zeros((hidden_dim, hidden_dim))
    for i in range(hidden_dim // 2):
        b = distance * max_wavelength ** (-2 * i / hidden_dim)
        block = [[np.cos(b), np.sin(b)], [-np.sin(b), np.cos(b)]]
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    return matrix
    # END SOLUTION


# %%
check(shift_matrix)

# %% [markdown]
# Does one matrix do for all positions? We take 100 of them, and three steps. Then two
# pictures: the vectors of 48 positions, and the dot product of each of them with each.
#
# **Predict first.** A rotation that turns both vectors changes no dot product.

# %%
this.predict(
    "pattern-of-dots",
    "What pattern will the dot products of 48 positions with each other make?",
    [
        "a sharp diagonal, and noise elsewhere",
        "stripes along the diagonals: each diagonal has one value",
        "a checkerboard, as waves come and go",
    ],
)

# %% tags=["experiment"]
encoding = sine_positions(103, 64)
matrix = shift_matrix(3, 64)
step_error = np.abs(encoding[:100] @ matrix.T - encoding[3:]).max()
print(f"M₃ PE(t) − PE(t + 3), 100 positions: at most {step_error:.0e}")

left, right = show.panels(5.2, 4.6, height=3.6)
waves = encoding[:48]
show.matrix(waves, "feature", "position", "The vectors", axes=left)
dots = waves @ waves.T
show.matrix(dots, "position", "position", "Their dot products", axes=right)
two_apart = dots[[0, 10, 40], [2, 12, 42]]
this.reveal(
    "pattern-of-dots",
    "stripes along the diagonals: each diagonal has one value",
    "each diagonal has one value: positions 0 and 2, 10 and 12, 40 and 42 have dot products "
    + ", ".join(f"{dot:.3f}" for dot in two_apart),
)

# %% [markdown] tags=["result"]
# One matrix serves all hundred positions, up to rounding. On the left, the fast hands
# go round many times; the slow ones hardly leave 0 and 1, hence the stripes: remember
# them for section 9. The picture of dot products is the same along each diagonal: two
# positions that are 2 apart have the same dot product, 28.3 of at most 32, wherever
# they are, because $\sin a \sin a' + \cos a \cos a' = \cos(a - a')$. It is largest on the
# main diagonal and mostly falls off to both sides: near positions look alike.

# %% [markdown]
# In a model, these vectors are *added* to the vectors of the content, and both go
# through projections together. There attention *can* compare positions by their
# distance, if it learns to. Nothing forces it to.

# %% [markdown]
# ## 5. Learned positions
#
# Or let training decide: a table with one row of D numbers for each position, random at
# first and trained like any other weight. Gehring et al. (2017) did so in a
# convolutional translator; BERT and GPT-2 do. Vaswani et al. tried both kinds and found
# nearly identical results (table 3, row E).
#
# Generating text comes one token at a time: then the sequence that the layer sees has
# length 1, and stands at position 57, say. That is what `start_index` is for, here and
# in Keras.
#
# ### Exercise: learned positions (2 points, 4 minutes, easy)


# %% exercise="add_positions"
def add_positions(x, table, start_index=0):
    """Add to each vector the row of its position.

    x: floats (B, T, D). table: floats (L, D), with L at least start_index + T.
    start_index: the position of the first vector. Returns floats (B, T, D).
    """
    # BEGIN SOLUTION
    return x + table[start_index : start_index + x.shape[1]]  # (B, T, D) + (T, D)
    # END SOLUTION


# %%
check(add_positions)

# %% [markdown]
# **A trap.** NumPy cuts a slice that runs over the end of the table, and says nothing.
# Often an error follows, as the shapes no longer fit; but if exactly *one* row is left,
# it is broadcast to all positions, silently. `layers.PositionEmbedding` raises an error
# that names the length instead.

# %% [markdown]
# ## 6. Stretching a table
#
# A table of L rows has nothing to say about position L. One common way out is to
# *stretch* it: read L rows off at more places, and blend the rows between which a place
# falls. Vision Transformers do so when the picture has more patches than in the
# training (Dosovitskiy et al. 2020, section 3.2), in two directions; a sequence has
# one.
#
# Where are the places? Think of rows as planks of equal width, laid end to end over the
# same distance: L old ones, and `length` new ones below. The middle of new plank j lies
# at (j + ½) / length of the way. Counted in old planks that is (j + ½) · L / length,
# and since the middle of old plank 0 lies at ½,
#
# $$p_j = \left(j + \tfrac12\right) \frac{L}{\text{length}} - \tfrac12,
#   \quad\text{clipped to } 0 \dots L - 1$$
#
# A place $p_j$ = 3.2 takes 0.8 of row 3 and 0.2 of row 4. Before the middle of the
# first plank and after that of the last there is nothing to blend with, hence the
# clipping.
#
# ### Exercise: stretch a table (3 points, 10 minutes, hard)


# %% exercise="stretch_positions"
def stretch_positions(table, length):
    """Read a table of positions off at `length` places, linearly between rows.

    table: floats (L, D). length: a positive integer, larger or smaller than L.
    Returns floats (length, D).
    """
    # BEGIN SOLUTION
    rows = len(table)
    place = np.clip((np.arange(length) + 0.5) * rows / length - 0.5, 0, rows - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, rows - 1)
    share = (place - low)[:, None]  # (length, 1)
    return (1 - share) * table[low] + share * table[high]
    # END SOLUTION


# %%
check(stretch_positions)

# %% [markdown]
# ## 7. Rotary: turn the queries and keys
#
# Section 4 found that a step is a rotation. Su et al. (2021) turned that round: *use*
# rotations as positions. Add nothing to the content. Instead, take each head's query
# and key, pair their features up, and turn pair i of the vector at position t by the
# angle $t \, \lambda^{-2i/H}$. H is the head size: here the vectors are already split
# into heads.
#
# A pair $(u, v)$, turned by the angle $a$, becomes
#
# $$(u \cos a - v \sin a, \;\; v \cos a + u \sin a)$$
#
# Why does that help? Turn two vectors by the *same* angle, and their dot product stays
# as it is. Only the *difference* of their angles matters. Values are left alone: they are
# what is handed over, not what is compared.
#
# ### Which features form a pair
#
# The paper pairs neighbours: features 2i and 2i + 1. KerasHub, and with it
# tlkeras, pairs *halves*: features i and i + H/2. (So do Llama checkpoints in Hugging
# Face's layout.) For a model trained from scratch it makes no difference, because the
# projections before it can learn either order. For loaded weights it does: they must be
# reordered, or all is noise. Note that for *sinusoids* these libraries alternate, and
# for *rotary* they split into halves.
#
# ### Exercise: rotary positions (5 points, 12 minutes, hard)


# %% exercise="rotate"
def rotate(x, positions, max_wavelength=10000):
    """Turn features i and i + H/2 at position t by the angle t · λ^(−2i/H).

    x: floats (B, T, N, H), queries or keys of N heads; H is even.
    positions: integers (T,), which need not start at 0. max_wavelength: λ.
    Returns floats (B, T, N, H).
    """
    # BEGIN SOLUTION
    size = x.shape[-1]
    frequency = max_wavelength ** (-2 * np.arange(size // 2) / size)  # (H/2,)
    angles = (positions[:, None] * frequency)[:, None, :]  # (T, 1, H/2)
    first, second = np.split(x, 2, axis=-1)  # (B, T, N, H/2) twice
    turned = (
        first * np.cos(angles) - second * np.sin(angles),
        second * np.cos(angles) + first * np.sin(angles),
    )
    return np.concatenate(turned, axis=-1)  # (B, T, N, H)
    # END SOLUTION


# %%
check(rotate)

# %% [markdown]
# ### Two eights at a distance
#
# Take two pictures of an 8 as query and key, their 64 pixels as one head. Put the query
# at some position p and the key up to 60 places before it.
#
# **Predict first**, two things.

# %%
this.predict(
    "moved-by-1000",
    "First p is 60, then 1060. What happens to the dot products?",
    [
        "they become smaller",
        "they change in no simple way",
        "nothing, but for rounding",
    ],
)

# %%
this.predict(
    "with-distance",
    "What happens to the dot product as the key moves away?",
    ["nothing", "it falls steadily", "it falls, with ups and downs"],
)

# %% tags=["experiment"]
eights = known_images[known_labels == 8][:2].reshape(2, 1, 1, 64)  # (2, T, N, H)
distance = np.arange(61)


def product(p):
    """The dot product of a query at p and a key at p, p − 1, … p − 60: (61,)."""
    query = rotate(eights[:1], np.array([p]))
    key = rotate(np.repeat(eights[1:], 61, axis=1), p - distance)
    return (query * key).sum(axis=(0, 2, 3))


show.curves(
    distance,
    {f"query at {p}": product(p) for p in (60, 160, 1060)},
    "how far before the query the key stands",
    "query · key",
    "Two turned eights",
)
shifted = np.abs(product(1060) - product(60)).max()
this.reveal(
    "moved-by-1000",
    "nothing, but for rounding",
    f"moved by 1000 positions, the dot product changes by at most {shifted:.0e}",
)

# %%
near_and_far = product(60)[[0, 60]]
this.reveal(
    "with-distance",
    "it falls, with ups and downs",
    f"from {near_and_far[0]:.1f} at distance 0 to {near_and_far[1]:.1f} at 60, up and down",
)

# %% [markdown] tags=["result"]
# You see one curve because all three agree up to rounding: the difference of two angles is the
# distance of the positions times the frequency. So a logit can see how far apart two tokens
# stand, and which of them comes first, but not where they are. The curve falls with the distance,
# though not steadily: it is a sum of 32 waves, and each pair of pixels adds its own.
# (Su et al. call the trend long-term decay and bound it in section 3.4.3.)

# %% [markdown]
# ## 8. New queries, old keys
#
# When a model writes a text, it makes one token at a time, and each new token looks back at
# all earlier ones. Their keys do not change any more, so they are kept, in a **cache**, and
# only the new tokens bring queries. So there are S keys at positions 0 … S − 1, and T queries
# that begin later, at `start_index`. Rotary positions work here too, as long as every vector
# is turned by its *own* position.
#
# The layer in the next cell does the turning, as your `rotate` does; `turn(x, start_index=5)`
# takes the first element of x to stand at 5. (A Keras layer wants the index by name, as
# here.)
#
# ### Exercise: rotary logits (3 points, 6 minutes, middle)

# %%
from tlkeras.layers import RotaryEmbedding

turn = RotaryEmbedding()


# %% exercise="rotary_logits"
def rotary_logits(query, key, start_index):
    """The logits of new queries against all keys, both turned by their positions.

    query: floats (B, T, N, H), at positions start_index, start_index + 1, …
    key: floats (B, S, N, H), at positions 0, 1, …
    Returns floats (B, N, T, S), divided by √H.
    """
    # BEGIN SOLUTION
    query = turn(query, start_index=start_index)  # (B, T, N, H)
    key = turn(key)  # (B, S, N, H)
    logits = np.einsum("btnh,bsnh->bnts", query, key)
    return logits / np.sqrt(query.shape[-1])
    # END SOLUTION


# %%
check(rotary_logits)

# %% [markdown]
# ## 9. Which one goes on?
#
# Training on long sequences is expensive, so one would like to train on short ones and
# use longer ones later. Does that work? The question from the top becomes a task: **a
# line of handwritten digits goes in, and for each the model names the digit just left
# of it.** It has to read digits, and to know where left is.
#
# The model is small: 64 pixels to 64 features, one layer of `TransformerEncoder` with
# four heads, ten logits for each element. It is trained on lines of 16 known digits,
# then tested on lines of 8 to 64 *new* digits. Only the positions differ:
#
# - **none**;
# - **sinusoids**, added to the features;
# - **learned**, added: a table of 64 rows, of which training only ever uses the first
#   16;
# - **rotary**, in the attention.
#
# The next cell draws such lines, and defines the model.

# %% tags=["experiment"]
LENGTH = 16  # digits in a line, in training


def draw_lines(images, labels, count, length, random):
    """Digits (count, length, 64), and the digit left of each; −1 where there is none."""
    chosen = random.integers(len(images), size=(count, length))
    left = np.roll(labels[chosen], 1, axis=1)
    left[:, 0] = -1
    return images[chosen].reshape(count, length, 64), left


class Reader(keras.Model):
    """Ten logits for each digit in a line: which digit stands left of it?"""

    def __init__(self, positions=None, rotary=None):
        super().__init__()
        self.embed = keras.layers.Dense(64)
        self.positions = positions
        self.encoder = layers.TransformerEncoder(128, num_heads=4, rotary=rotary)
        self.classify = keras.layers.Dense(10)

    def call(self, lines, attention_mask=None):
        x = self.embed(lines)  # (B, T, D)
        if self.positions is not None:
            x = x + self.positions(x)
        return self.classify(self.encoder(x, attention_mask=attention_mask))


# %% [markdown]
# Each kind is trained three times, from other initial weights and on other lines. Curves
# show the mean over the three, bands one standard deviation, often too thin to see.

# %% tags=["experiment"]
seeds = range(this.at_scale(quick=1, default=3, full=10))
steps = this.at_scale(quick=5, default=400, full=2000)


def train(kind, make):
    """A Reader for each seed, trained on lines of 16 known digits."""
    trainer, readers = Reader(**make()), []  # compiled once, used for every seed
    trainer.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1),
        jit_compile=False,  # compiling would take longer than it saves
        run_eagerly=this.at_scale(quick=True, default=False),
    )
    trainer(np.zeros((1, LENGTH, 64)))  # a first call makes the weights
    trainer.optimizer.build(trainer.trainable_variables)
    for seed in this.progress(seeds, f"training {kind}"):
        keras.utils.set_random_seed(seed)
        random = np.random.default_rng(seed)
        lines, left = draw_lines(known_images, known_labels, 32 * steps, LENGTH, random)
        reader = Reader(**make())
        reader(lines[:1])
        trainer.set_weights(reader.get_weights())
        for state in trainer.optimizer.variables:  # nothing is left of the last seed
            state.assign(keras.ops.zeros_like(state))
        trainer.fit(lines, left, batch_size=32, shuffle=False, verbose=0)
        reader.set_weights(trainer.get_weights())
        readers.append(reader)
    return readers


# %% tags=["experiment"]
def table_of_64():
    """Learned positions, with larger first values than BERT's 0.02: training is short."""
    return layers.PositionEmbedding(64, keras.initializers.RandomNormal(stddev=0.5))


kinds = {
    "none": dict,
    "sinusoids": lambda: {"positions": layers.SinePositionEncoding()},
    "learned": lambda: {"positions": table_of_64()},
    "rotary": lambda: {"rotary": layers.RotaryEmbedding()},
}
readers = {kind: train(kind, make) for kind, make in kinds.items()}

# %% [markdown]
# The models are trained, and nothing is shown yet.
#
# **Predict first**, three things. The model without positions sees all the digits, but not
# where they stand.

# %%
this.predict(
    "bag",
    "Without positions, what share of digits is named correctly in lines of 16?",
)

# %%
this.predict(
    "lines-of-32",
    "Which of the other three name nine of ten correctly in lines of 32?",
    ["none", "rotary", "sinusoids and rotary", "all three"],
)

# %%
this.predict(
    "where-rotary-fails",
    "In a line of 48, where is rotary clearly worse than in a line of 16?",
    [
        "nowhere",
        "from position 16 on, which is new to it",
        "at all positions, also those known from training",
    ],
)

# %% tags=["experiment"]
lengths = [8, 16, 24, 32, 48, 64]
count = this.at_scale(quick=10, default=100, full=1000)  # lines of each length


def correct(reader, length, mask=None, steps_left=1):
    """At each position, the share of new lines in which the left digit is named."""
    random = np.random.default_rng(1)
    lines, left = draw_lines(new_images, new_labels, count, length, random)
    named = np.argmax(reader(lines, attention_mask=mask), axis=-1)
    wanted = np.roll(left, steps_left - 1, axis=1)
    return (named == wanted)[:, steps_left:].mean(axis=0)  # (length − steps_left,)


def measure(readers, mask=lambda length: None):
    """Those shares (seeds, length − 1), for each length."""
    return {
        n: np.array([correct(reader, n, mask(n)) for reader in readers])
        for n in this.progress(lengths, "testing")
    }


def draw(measured, title, other_title, legend="upper right"):
    """Shares over the length, and over the positions in lines of 48."""
    left, right = show.panels(4.8, 5.2, height=3.6)
    runs = {
        kind: np.array([shares[n].mean(axis=-1) for n in lengths])  # (lengths, seeds)
        for kind, shares in measured.items()
    }
    curves = {kind: (run.mean(axis=-1), run.std(axis=-1)) for kind, run in runs.items()}
    ylabel = "share named correctly"
    show.curves(lengths, curves, "digits in a line", ylabel, title, axes=left)
    curves = {kind: shares[48].mean(axis=0) for kind, shares in measured.items()}
    xlabel = "position in a line of 48"
    show.curves(np.arange(1, 48), curves, xlabel, ylabel, other_title, axes=right)
    for axes, last in ((left, LENGTH), (right, LENGTH - 1)):
        axes.axvline(last, color="black", linewidth=0.8)  # where training ended
        axes.set_ylim(0, 1.02)
    left.legend(loc=legend, bbox_to_anchor=(0, 0, 1, 0.94))
    right.get_legend().remove()


plain = {kind: measure(each) for kind, each in readers.items()}
draw(plain, "Trained on 16, tested on more", "Where they go wrong")
for kind, shares in plain.items():
    early, late = np.split(shares[48], [LENGTH - 1], axis=-1)
    print(
        f"{kind:9}  lines of 16: {shares[16].mean():.0%};  of 48, positions 1–15: "
        f"{early.mean():.0%}, 16–47: {late.mean():.0%}"
    )

_, left = draw_lines(new_images, new_labels, 1000, LENGTH, np.random.default_rng(2))
counts = np.eye(10)[left[:, 1:]].sum(axis=1, keepdims=True)  # (1000, 1, 10)
guess = np.mean(counts.argmax(axis=-1) == left[:, 1:])
this.reveal(
    "bag",
    plain["none"][16].mean(),
    f"{plain['none'][16].mean():.0%}; naming the most frequent digit everywhere: {guess:.0%}",
    within=0.1,
)

# %%
in_32 = {kind: plain[kind][32].mean() for kind in ("sinusoids", "learned", "rotary")}
this.reveal(
    "lines-of-32",
    "none",
    "none reads nine of ten: "
    + ", ".join(f"{kind} {share:.0%}" for kind, share in in_32.items()),
)

# %%
known_places = [plain["rotary"][n][:, : LENGTH - 1].mean() for n in (16, 48)]
this.reveal(
    "where-rotary-fails",
    "at all positions, also those known from training",
    f"at positions 1 to 15, {known_places[0]:.0%} in lines of 16, {known_places[1]:.0%} in lines of 48",
)

# %% [markdown] tags=["result"]
# **Without positions** the model is right about one time in five. It sees a bag of
# digits. Naming the most frequent one everywhere is right 24 % of the time, so there is not
# much more to find in a bag. The other three read about
# 95 % or more in lines as long as those of the training. In longer lines, *all* of them
# fail.
#
# But look at *where*, on the right; the black line marks the end of the training. The
# two kinds that **add** vectors hold out up to position 15, sinusoids with more and
# more mistakes in the last places, and from 17 on they are about as bad as a bag, or
# worse (but for a small peak of the sinusoids beyond 30). For the learned table
# there is nothing to explain: rows 16 to 63 are as random as at the start. That
# sinusoids fall just as deep is the surprise, for they *have* vectors there, and
# section 4 found one matrix for every step. The likely reason: training only ever saw
# sixteen of those vectors, on which the slow hands hardly move. Many weights read these
# sixteen well; few of them are right everywhere, and nothing in training prefers those
# few.
#
# So what these two still read in a line of 48 is its beginning. **Rotary** is
# different: it fails *everywhere* in the line, also at positions that it knows from
# training. Why?
#

# %% [markdown]
# ## 10. New positions or new distances?
#
# A rotary logit knows no positions, only distances. In training the furthest two digits
# stood 15 apart. In a line of 48, *every* digit has keys further away than that, and
# what the logit does there was never trained. Is that what goes wrong? Two tests:
#
# - In a line of 24, positions 8 to 15 have nobody further than 15 places away, on either
#   side. The line is too long, but no distance from there is new.
# - Take the trained models as they are, and hide all keys more than 15 places away with a
#   mask, a **window**. No distance is new any more; the positions beyond 15 still are.

# %%
this.predict(
    "middle-of-24",
    "How does rotary read positions 8 to 15 in a line of 24?",
    ["as well as a line of 16", "as badly as positions 16 to 23", "halfway between"],
)

# %%
this.predict(
    "with-a-window",
    "Which of the three read nine of ten digits in lines of 64, with a window?",
    ["none: they were trained without", "rotary", "sinusoids and rotary", "all three"],
)


# %% tags=["experiment"]
def near(length):
    """(T, T): True for keys up to 15 places away, as far as training ever looked."""
    position = np.arange(length)
    return np.abs(position[:, None] - position) < LENGTH


between = np.mean([correct(reader, 24)[7:15] for reader in readers["rotary"]])
around = np.mean([correct(reader, 24)[15:] for reader in readers["rotary"]])

windowed = {kind: measure(each, near) for kind, each in readers.items()}
draw(windowed, "The same models with a window", "Over the positions")
for kind, shares in windowed.items():
    print(
        f"{kind:9}  lines of 64: {plain[kind][64].mean():.0%};  "
        f"with a window: {shares[64].mean():.0%}"
    )
this.reveal(
    "middle-of-24",
    "as well as a line of 16",
    f"positions 8 to 15: {between:.0%}, positions 16 to 23: {around:.0%}",
)

# %%
in_64 = {kind: windowed[kind][64].mean() for kind in ("sinusoids", "learned", "rotary")}
this.reveal(
    "with-a-window",
    "rotary",
    "with a window: "
    + ", ".join(f"{kind} {share:.0%}" for kind, share in in_64.items()),
)

# %% [markdown] tags=["result"]
# New distances it is. In the middle of a line of 24, where all distances are familiar, rotary
# reads as well as ever; in the last third it does not. And with a window, the same
# weights that read about a fifth of a line of 64 read 97 % of it, while sinusoids and
# learned positions gain little.
#
# So which one goes on? *None of them by itself*, here. Rotary positions turn the
# question of new positions into one of new distances, and that one has an answer: do
# not look further than you have trained. (Mistral 7B attends within such a sliding
# window, to save work: Jiang et al. 2023, section 2.) It is an answer for tasks whose
# answer is near, as it is here. To look *further*, frequencies are scaled down, so that
# new distances turn by familiar angles, usually with some more training: that is what
# `scaling_factor` and `rope_type` of `layers.RotaryEmbedding` are for (Chen et al.
# 2023; Peng et al. 2023).
#
# Mind what was measured: small models, one task, sixteen positions, three runs each. Do
# not read much into which curve is above which without a window. What the experiment
# does show is that unseen positions and unseen distances are two different troubles.
#

# %% [markdown]
# ## 11. On a stretched ruler
#
# And stretching the learned table? It gives every position a trained row, or a blend of
# two. Stretched over a line of 32, neighbours are half a row apart. The model has learned
# to look one whole row to the left.

# %%
this.predict(
    "stretched-over-32",
    "Which digit does the model name most often now?",
    ["its neighbour", "the one two places to the left", "any: the rows are blends"],
)


# %% tags=["experiment"]
def stretched(reader, length, steps_left):
    """The share named correctly with the 16 trained rows stretched over a line."""
    (table,) = reader.positions.get_weights()  # (64, D)
    new_table = table.copy()
    new_table[:length] = stretch_positions(table[:LENGTH], length)
    reader.positions.set_weights([new_table])
    share = correct(reader, length, steps_left=steps_left).mean()
    reader.positions.set_weights([table])
    return share


stretch = {}
for length in (16, 24, 32):
    for steps_left in (1, 2):
        shares = [
            stretched(reader, length, steps_left) for reader in readers["learned"]
        ]
        stretch[length, steps_left] = np.mean(shares)
    one, two = stretch[length, 1], stretch[length, 2]
    print(
        f"stretched over {length}: names its neighbour {one:.0%}, the one beyond {two:.0%}"
    )
this.reveal(
    "stretched-over-32",
    "the one two places to the left",
    f"its neighbour {stretch[32, 1]:.0%}, the one two places to the left {stretch[32, 2]:.0%}",
)

# %% [markdown] tags=["result"]
# Stretched to twice its length, the table makes the model name the digit *two* places
# to the left, which is now one row away, far more often than its neighbour. Over a line
# of 24, where a row is one and a half places, it is half and half. The model does what
# it learned, on a ruler that was stretched.
#
# So whether stretching helps is a question about the task. In a picture, a position
# means a share of the whole, "top left", and that survives; hence it works for Vision
# Transformers, with some fine-tuning. "One to the left" does not survive.
#

# %% [markdown]
# ## 12. Break it: turn the values, too
#
# Two mistakes that look harmless. First: if queries and keys are turned, why not turn
# the values, all in one go? The test: put the whole line of nine digits from the top
# 100 positions further, which should change nothing. Pixels lie between 0 and 1.

# %%
this.predict(
    "values-turned",
    "Values are turned as well. By how much do outputs change at most?",
    ["by rounding alone", "by some hundredths", "by 1 and more"],
)


# %% tags=["experiment"]
def attend(x, start, turn_values):
    """Self-attention of one head over a line of digits that starts somewhere."""
    positions = start + np.arange(x.shape[1])
    turned = rotate(x[:, :, None], positions)[:, :, 0].astype("float32")  # (B, T, H)
    value = turned if turn_values else x
    return np.array(layers.scaled_dot_product_attention(turned, turned, value))


changes = {}
for turn_values in (False, True):
    here, there = attend(line, 0, turn_values), attend(line, 100, turn_values)
    changes[turn_values] = np.abs(here - there).max()
this.reveal(
    "values-turned",
    "by 1 and more",
    f"100 positions later, changed by {changes[False]:.0e} with values as they are, "
    f"by {changes[True]:.1f} with values turned",
)

# %% [markdown] tags=["result"]
# Turned values are added up as they are, and nothing takes the turn back: unlike a dot
# product, a sum of turned vectors is itself turned. The same nine digits give other
# outputs at another place, different by more than the blackest pixel, which is 1. What
# was gained, that only distances matter, is lost.
#

# %% [markdown]
# ## 13. Break it: two kinds at once
#
# Second: rotary positions are good, and sinusoids do no harm up to 16. So, to be safe,
# use both? A new model is trained with both, and tested with the window of section 10.

# %%
this.predict(
    "both-kinds",
    "How well does it read lines of 64, beside rotary alone (with the same window)?",
    ["as well or better", "clearly worse", "no better than guessing"],
)


# %% tags=["experiment"]
def both():
    return {
        "positions": layers.SinePositionEncoding(),
        "rotary": layers.RotaryEmbedding(),
    }


twice = measure(train("both", both), near)
draw(
    {"rotary": windowed["rotary"], "rotary and sinusoids": twice},
    "To be safe, both?",
    "Over the positions",
    legend="lower right",
)
this.reveal(
    "both-kinds",
    "clearly worse",
    f"both together read {twice[64].mean():.0%} in lines of 64 "
    f"({twice[16].mean():.0%} in lines of 16), "
    f"rotary alone {windowed['rotary'][64].mean():.0%}",
)

# %% [markdown] tags=["result"]
# In lines of 16 nothing is wrong, and no test of that length would show it. In lines of
# 64 the 97 % fall to some 70 %: sinusoids bring new *positions* along, and the model
# has come to lean on them although it had no need to. A second source of positions adds
# no safety, but a second way to fail. It is an easy mistake to make: blocks with rotary
# attention, under an embedding layer that adds positions by itself.

# %% [markdown]
# ## 14. The same in Keras and KerasHub
#
# Keras itself has no layers for positions; KerasHub has all three, and those of
# `tlkeras.layers` take the same arguments. Here, each starts at position 5.

# %%
import keras_hub

normal = np.random.default_rng(0).normal
vectors_in = normal(size=(2, 12, 64)).astype("float32")  # (B, T, D)
heads_in = vectors_in.reshape(2, 12, 4, 16)  # (B, T, N, H)
rows = normal(size=(20, 64)).astype("float32")  # (L, D)


def learned(library):
    layer = library.PositionEmbedding(20)
    layer.build(vectors_in.shape)
    layer.set_weights([rows])
    return vectors_in + layer(vectors_in, start_index=5)


# %%
def compare(name, yours, make):
    """Print how far yours, tlkeras's and KerasHub's numbers lie apart."""
    ours, theirs = np.array(make(layers)), np.array(make(keras_hub.layers))
    print(
        f"{name:9}  yours and tlkeras: {np.abs(yours - ours).max():.0e}  "
        f"tlkeras and KerasHub: {np.abs(ours - theirs).max():.0e}"
    )


compare(
    "sinusoids",
    sine_positions(17, 64)[5:],
    lambda library: library.SinePositionEncoding()(vectors_in, start_index=5),
)
compare("learned", add_positions(vectors_in, rows, 5), learned)
compare(
    "rotary",
    rotate(heads_in, 5 + np.arange(12)),
    lambda library: library.RotaryEmbedding()(heads_in, start_index=5),
)
resampled = layers.interpolate_positions(
    rows, (1, 20), (1, 33), interpolation="bilinear"
)
stretch_error = np.abs(stretch_positions(rows, 33) - resampled).max()
print(f"stretched  yours and tlkeras: {stretch_error:.0e}")

# %% [markdown]
# The largest differences are rounding in 32-bit floats, or nothing at all. In a model
# you rarely call these layers yourself: `layers.TokenAndPositionEmbedding` adds learned
# positions to tokens, and `layers.TransformerEncoder(…,
# rotary=layers.RotaryEmbedding())`, which you trained above, turns queries and keys in
# every head. `interpolate_positions` stretches tables, also those of a grid, and blends
# four rows in place of two (`"bicubic"`) unless told otherwise.
#
# ## What you have built
#
# Three ways to tell attention where things stand: waves that are added, rows that are
# added, and turns. You have the matrix that makes a step of the waves, the logits of a
# cached decoder with rotary positions, and a way to ask of any model that fails on
# longer input: is it the positions that are new, or the distances?
#
# ## Where this comes from
#
# - Vaswani et al. (2017), *Attention Is All You Need*,
#   [arXiv:1706.03762](https://arxiv.org/abs/1706.03762). Section 3.5: sinusoids; table
#   3, row E: learned positions instead.
# - Gehring, Auli, Grangier, Yarats and Dauphin (2017), *Convolutional Sequence to
#   Sequence Learning*, [arXiv:1705.03122](https://arxiv.org/abs/1705.03122). Section
#   3.1: learned positions.
# - Devlin, Chang, Lee and Toutanova (2018), *BERT*,
#   [arXiv:1810.04805](https://arxiv.org/abs/1810.04805). Section 3: learned positions,
#   added to tokens and segments.
# - Su, Lu, Pan, Murtadha, Wen and Liu (2021), *RoFormer: Enhanced Transformer with
#   Rotary Position Embedding*, [arXiv:2104.09864](https://arxiv.org/abs/2104.09864).
#   Section 3.2.2: the rotation; 3.4.2: how to compute it; 3.4.3: the decay.
# - Dosovitskiy et al. (2020), *An Image is Worth 16x16 Words*,
#   [arXiv:2010.11929](https://arxiv.org/abs/2010.11929). Section 3.2: stretched
#   positions.
# - Haviv, Ram, Press, Izsak and Levy (2022), *Transformer Language Models without
#   Positional Encodings Still Learn Positional Information*,
#   [arXiv:2203.16634](https://arxiv.org/abs/2203.16634). The causal mask as a source of
#   positions.
# - Chen, Wong, Chen and Tian (2023), *Extending Context Window of Large Language Models
#   via Positional Interpolation*, [arXiv:2306.15595](https://arxiv.org/abs/2306.15595),
#   and Peng, Quesnelle, Fan and Shippole (2023), *YaRN*,
#   [arXiv:2309.00071](https://arxiv.org/abs/2309.00071): rotary positions for longer
#   sequences.
# - Jiang et al. (2023), *Mistral 7B*,
#   [arXiv:2310.06825](https://arxiv.org/abs/2310.06825). Section 2: attention within a
#   window.
#
# Lesson 04 puts attention and positions into blocks that can be stacked.

# %%
this.end()
