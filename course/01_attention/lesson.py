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
# # 01 Attention
#
# About 70 minutes, 20 points. You need Python, NumPy, a little linear algebra, and to have
# heard of a variance and a derivative.
#
# Attention is the one operation that every Transformer is built around: each element of
# a sequence looks at all the others and takes from them what it needs. By the end of
# this notebook you will be able to
#
# - write softmax and scaled dot-product attention from memory, and say why each part is
#   there;
# - hide what must not be seen, with causal and padding masks;
# - read handwritten digits with nothing but attention: no training, no parameters;
# - recognise the mistakes that people make here, because the checks name them.
#
# Run the cells from top to bottom with Shift+Enter. Where a cell says
# `# YOUR CODE HERE`, write a few lines, and run the check below it. Check as often as you
# like: neither checks nor hints cost points. A hint opens in the card when you want it, and
# `this.hint("softmax")` shows one at any time. If you are stuck for good,
# `this.solution("softmax")` says what seeing the solution costs. The rest of the notebook
# runs even if an exercise stays open.
#
# Before each experiment you say what you expect. The code of an experiment is folded
# away, and so is the text that explains its result: guess, run, then read. A click opens
# what is folded, so walk on with Shift+Enter.

# %%
import numpy as np

from tlkeras import visualization as show
from tlkeras.course import lesson
from tlkeras.datasets import digits

this = lesson("01_attention")
check = this.check

# %% [markdown]
# ## A question to begin with
#
# On the left below is a digit that nobody has labelled. Beside it are eight digits that
# somebody has. What is the first one?
#
# (They come from scikit-learn: 1,797 handwritten digits, each 8 × 8 grey values from 0,
# paper, to 1, ink. We call 1,297 of them *known* and keep 500 as *new*.)
#
# You looked at all eight, did not look at each of them equally, and let the ones that
# resemble it most decide. That is attention. The rest of this notebook turns that
# sentence into an equation.

# %% tags=["experiment"]
(known_images, known_labels), (new_images, new_labels) = digits.load_data()
shown = [np.flatnonzero(known_labels == digit)[0] for digit in (5, 0, 3, 6, 8, 2, 9, 4)]
show.images([new_images[0], *known_images[shown]], ["?", *known_labels[shown]])
# %% [markdown]
# ## 1. A dictionary that answers softly
#
# A Python dictionary looks up one key and returns one value. Ask for a key that is not
# there and you get nothing.
#
# Here is a softer one. Three weather stations stand along a road, at kilometre 0, 10
# and 20. Their positions are the **keys**, the temperatures they report are the
# **values**. Your position is the **query**. No station stands where you are, so you
# *average* the values, and give more weight to stations whose key is close to your
# query.

# %%
station_kilometre = np.array([0.0, 10.0, 20.0])  # keys
station_celsius = np.array([14.0, 18.0, 30.0])  # values


def soft_lookup(query):
    """The temperature at a kilometre: a weighted average of all stations."""
    closeness = np.exp(-np.abs(station_kilometre - query) / 2)  # fades within 2 km
    weights = closeness / closeness.sum()
    return weights, weights @ station_celsius


shares, celsius = soft_lookup(query=7.0)
print("weights:", shares.round(3), " sum:", shares.sum().round(3))
print("temperature:", celsius.round(1), "°C")

# %% [markdown]
# At kilometre 7 the station at kilometre 10 gets about 88 % of the weight and the one at
# kilometre 0 most of the rest, so the answer lies a little below 18 °C. The weights are
# positive and sum to one: the answer is a blend of what the stations report, never
# something outside it.
#
# Three words to keep, because they stay for the whole course:
#
# | word | here | in general |
# |---|---|---|
# | query | where I am | what I am looking for |
# | key | where a station is | what each element offers to be found by |
# | value | what a station reports | what each element hands over when found |
#
# Two things are still arbitrary: how closeness becomes a weight (section 2) and how
# closeness is measured (section 3).

# %% [markdown]
# ## 2. Softmax: scores become weights
#
# Say we have a score for each key: any number, larger for a better match. Such raw scores
# are called **logits**. Weights must not be negative and must sum to one, and a larger
# logit should give a larger weight. The exponential makes any number positive and keeps
# their order; dividing by the sum does the rest. For logits $x_1 \dots x_S$,
#
# $$\operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_{j=1}^{S} e^{x_j}}$$
#
# Only *differences* between logits matter: add the same number to all, and every power
# grows by the same factor, which the division takes away again.

# %% [markdown]
# ### When the exponential overflows
#
# In 32-bit floating point the largest number is about $3.4 \cdot 10^{38}$, and
# $e^{89}$ is larger than that.

# %%
with np.errstate(over="ignore", invalid="ignore"):
    logits = np.array([88, 89, 1000], dtype="float32")
    powers = np.exp(logits)
    print("exp:    ", powers)
    print("weights:", powers / powers.sum())

# %% [markdown]
# Infinity divided by infinity is NaN, "not a number", and a single NaN spreads through a
# whole network. The remedy costs next to nothing: only differences matter, so subtract
# the largest logit of each row first. The largest power is then $e^0 = 1$.
#
# ### Exercise: softmax (3 points, 6 minutes, easy)
#
# Write it for arrays with any number of axes. Each row, that is, the last axis, becomes
# weights.


# %% exercise="softmax"
def softmax(x):
    """Turn logits into weights along the last axis.

    x: floats (…, S). Returns floats (…, S), none negative, each row summing to 1.
    """
    # BEGIN SOLUTION
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
    # END SOLUTION


# %%
check(softmax)

# %% [markdown]
# ## 3. Likeness, and why we divide by a square root
#
# How alike are two vectors $q$ and $k$ of $H$ numbers? Their dot product
# $q \cdot k = \sum_{i=1}^{H} q_i k_i$ is large when both point the same way, zero when
# they are at right angles and negative when they point in opposite directions. It costs
# $H$ multiplications, and *all* queries meet *all* keys in one matrix product.
#
# There is a catch. Suppose all components are independent with mean 0 and variance 1.
# Each product $q_i k_i$ then also has mean 0 and variance
# $E[q_i^2 k_i^2] = E[q_i^2] \, E[k_i^2] = 1$. Variances of independent terms add up, so the
# sum of $H$ of them has variance $H$: a typical dot product is as large as $\sqrt{H}$
# (Vaswani et al. 2017, section 3.2.1, footnote 4).
#
# **Predict first.** Eight keys compete for the attention of one query.

# %%
this.predict(
    "largest-weight",
    "H = 1024, nothing divided: how much weight does the largest of the eight get, on average?",
    ["about 1/8", "about a half", "nearly all of it"],
)

# %% tags=["experiment"]
random = np.random.default_rng(0)
sizes = np.array([1, 4, 16, 64, 256, 1024])
deviations, largest_unscaled, largest_scaled = [], [], []
for size in sizes:
    one = random.normal(size=(2000, 1, size))
    eight = random.normal(size=(2000, 8, size))
    products = (one @ np.swapaxes(eight, -1, -2))[:, 0]  # (2000, 8)
    deviations.append(products.std())
    largest_unscaled.append(softmax(products).max(axis=-1).mean())
    largest_scaled.append(softmax(products / np.sqrt(size)).max(axis=-1).mean())

left, right = show.panels(4.6, 4.6)
show.curves(
    sizes,
    {"measured": deviations, "√H": np.sqrt(sizes)},
    "H, numbers in a vector",
    "standard deviation of q · k",
    "Size of dot products",
    log="both",
    dotted=["√H"],
    axes=left,
)
show.curves(
    sizes,
    {"q · k": largest_unscaled, "q · k / √H": largest_scaled},
    "H, numbers in a vector",
    "largest of 8 weights, on average",
    "Size of the largest weight",
    log="x",
    axes=right,
)
right.set_ylim(0, 1)
print(f"H = 1024: dot products of about ±{deviations[-1]:.0f}")
this.reveal(
    "largest-weight",
    "nearly all of it",
    f"the largest takes {largest_unscaled[-1]:.0%} undivided, and {largest_scaled[-1]:.0%} after division by √H",
)

# %% [markdown] tags=["result"]
# The standard deviation follows $\sqrt{H}$, up to $\sqrt{1024} = 32$. Unscaled, the winner
# takes nearly everything: the average has become a choice of one. That is bad for
# learning, because training moves a model along its derivatives. The derivative of a
# weight $p$ with respect to its own logit is $p\,(1-p)$; where $p$ is almost 1 (or 0), it is
# almost 0, and nothing moves. Divided by $\sqrt{H}$, the logits have a standard deviation
# of 1 whatever $H$ is, and the largest of eight weights is somewhat over a third.

# %% [markdown]
# ## 4. Masks: where not to look
#
# Some keys must not be seen: padding that only fills up a batch, or words of the future
# that a model is supposed to predict. A **mask** says which pairs of query and key are
# allowed. In this course, always: **True means keep**.
#
# Where in the computation should it act? Hiding *after* the softmax is too late: the
# hidden key has already taken its share, and the weights that are left no longer sum to
# one.

# %%
logits = np.array([1.0, 2.0, 3.0])
mask = np.array([True, True, False])
after = softmax(logits) * mask
before = softmax(np.where(mask, logits, -1e9))
print("hidden after the softmax: ", after.round(3), "sum:", after.sum().round(3))
print("hidden before the softmax:", before.round(3), "sum:", before.sum().round(3))

# %% [markdown]
# Hidden after the softmax, the two visible keys share only a third of the weight. So the
# logit itself is replaced, before the softmax, by a very negative number: $e^{-10^9}$ is
# exactly 0 in floating point, and the visible keys share everything.
#
# Why $-10^9$ and not $-\infty$? Because of a query that may look nowhere, as in a
# sequence that is all padding. With $-\infty$ its softmax is 0/0, NaN. With $-10^9$
# everywhere all differences are 0, so it looks everywhere alike: useless, but harmless.
# Keras's softmax layer uses the same number. (Vaswani et al. write $-\infty$; their
# queries can always look somewhere.)

# %% [markdown]
# ## 5. Attention in one equation
#
# Now everything is in place. Stack the queries as rows of a matrix $Q$, the keys as rows
# of $K$, the values as rows of $V$:
#
# $$\operatorname{Attention}(Q, K, V) =
#   \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{H}}\right) V$$
#
# This is equation 1 of Vaswani et al. (2017). Read it from the inside out:
#
# | step | shape | what it is |
# |---|---|---|
# | $Q$ | (…, T, H) | T queries of H numbers |
# | $K$ | (…, S, H) | S keys of H numbers |
# | $V$ | (…, S, V) | S values of V numbers |
# | $Q K^\top / \sqrt{H}$ | (…, T, S) | the logits: each query against each key |
# | softmax over the last axis | (…, T, S) | the weights: each row sums to 1 |
# | … times $V$ | (…, T, V) | a weighted average of the values for each query |
#
# In a shape, T is the number of queries, S of keys, H the size of a query or key and V
# the size of a value. The dots stand for leading axes, such as B sequences that are
# computed at once, a **batch**: each sequence looks only at itself, and NumPy's `@`
# handles that without being told. Careful with one word: what comes *out* of the softmax
# is called **attention weights** or, in Keras, **attention scores**.
#
# ### Exercise: scaled dot-product attention (6 points, 10 minutes, middle)
#
# The mask is boolean, has a shape that broadcasts to (…, T, S), and may be `None`.


# %% exercise="scaled_dot_product_attention"
def scaled_dot_product_attention(query, key, value, mask=None):
    """softmax(Q Kᵀ / √H) V.

    query (…, T, H), key (…, S, H), value (…, S, V), mask (…, T, S) with True = keep.
    Returns (…, T, V).
    """
    # BEGIN SOLUTION
    logits = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])  # (…, T, S)
    if mask is not None:
        logits = np.where(mask, logits, -1e9)
    return softmax(logits) @ value  # (…, T, V)
    # END SOLUTION


# %%
check(scaled_dot_product_attention)

# %% [markdown]
# ### What it looks like
#
# Sixteen handwritten digits, two of each from 0 to 7, look at each other: they are
# queries and keys at once. Nobody tells them which digit they are. Every image resembles
# itself most, so a mask hides each from itself. To see *where* they look, we hand over
# the rows of an identity matrix as values: the average of those is the row of weights
# itself.
#
# Each image is moved so that the average image is zero. Then its pixels are multiplied by
# 3, and so the logits by 9, because raw pixels are small and would make all weights
# nearly alike.
#
# **Predict first.** Dark means much weight. In the order in which the digits stand, 0 0 1 1
# 2 2 …, the two images of a digit are neighbours.

# %%
this.predict(
    "where-dark",
    "Where will the picture be dark?",
    [
        "on the diagonal",
        "in most pairs just beside the diagonal",
        "in no pattern: pixels say too little",
    ],
)

# %% tags=["experiment"]
pairs = np.concatenate([np.flatnonzero(known_labels == d)[:2] for d in range(8)])
sixteen = 3 * (known_images - known_images.mean(axis=0)).reshape(-1, 64)[pairs]
others = ~np.eye(16, dtype=bool)  # every image but itself
attention_scores = scaled_dot_product_attention(sixteen, sixteen, np.eye(16), others)
names = known_labels[pairs]
show.matrix(
    attention_scores,
    "key: the digit looked at",
    "query: the digit that looks",
    "Attention scores: each row sums to 1",
    names,
    names,
)
matched = names[attention_scores.argmax(axis=-1)] == names
this.reveal(
    "where-dark",
    "in most pairs just beside the diagonal",
    f"{matched.sum()} of 16 look most at the other image of the same digit",
)

# %% [markdown] tags=["result"]
# Beside the white diagonal stand dark pairs: 13 of the 16 look most at the other image of
# the same digit, though only pixels were compared. Three are mistaken: one 2 looks at a
# 3, the other 2 at a 1, and a 5 at a 6. Section 8 finds out what it takes to do better.
#
# The picture is not symmetric. The logits are, but each row is normalised by itself: an
# image with one good match gives it most of its weight, and an image with none spreads
# its attention thin.

# %% [markdown]
# ## 6. Two masks that everyone needs
#
# A text becomes a row of integers, one for each word or piece of a word: its **tokens**.
#
# **Causal.** A model that predicts the next token must not see it. Position $t$ may look
# at key $s$ only if $s \le t$: itself and what came before. For four positions:
#
# ```
#           key 0   key 1   key 2   key 3
# query 0   keep      ·       ·       ·
# query 1   keep    keep      ·       ·
# query 2   keep    keep    keep      ·
# query 3   keep    keep    keep    keep
# ```
#
# ### Exercise: causal mask (2 points, 5 minutes, easy)


# %% exercise="causal_mask"
def causal_mask(length):
    """Which keys each query may look at: booleans (length, length), True = keep."""
    # BEGIN SOLUTION
    positions = np.arange(length)
    return positions[None, :] <= positions[:, None]
    # END SOLUTION


# %%
check(causal_mask)

# %% [markdown]
# **Padding.** Sentences have different lengths, and a batch is a rectangle. Short
# sentences are filled up with a token that means nothing, here the number 0.
#
# ### Exercise: padding mask (2 points, 2 minutes, easy)


# %% exercise="padding_mask"
def padding_mask(token_ids):
    """Which tokens are real: integers (B, T) to booleans (B, T), True = keep."""
    # BEGIN SOLUTION
    return token_ids != 0
    # END SOLUTION


# %%
check(padding_mask)

# %% [markdown]
# ## 7. Both masks at once
#
# In **self-attention** a sequence looks at itself: query, key and value all come from
# the same $x$, and so S = T. In a batch of sentences where nobody may look ahead, a pair of
# query and key is kept only if *both* masks keep it.
#
# Mind the shapes. The causal mask is (T, T), the same for all sentences. The padding
# mask is (B, T), the same for all queries of a sentence. Both have to broadcast to
# (B, T, T): sentence, query, key. What comes out at a padded position means nothing, so
# leave it as it comes.
#
# ### Exercise: causal self-attention (3 points, 7 minutes, middle)


# %% exercise="causal_self_attention"
def causal_self_attention(x, token_ids):
    """Each position averages what is real, at or before it.

    x: floats (B, T, D), one vector a token. token_ids: integers (B, T), 0 = padding.
    Returns floats (B, T, D).
    """
    # BEGIN SOLUTION
    real = padding_mask(token_ids)[:, None, :]  # (B, 1, T): hides keys
    mask = causal_mask(x.shape[1]) & real  # (B, T, T)
    return scaled_dot_product_attention(x, x, x, mask)
    # END SOLUTION


# %%
check(causal_self_attention)

# %% [markdown]
# Does it keep its promise? Change the last token of a sentence, and see which outputs
# move.
#
# **Predict first.** There are five positions, 0 to 4.

# %%
this.predict(
    "last-token",
    "Token 4, the last one, changes. Which outputs move?",
    ["all of them", "0 to 3", "only 4", "none"],
)

# %%
this.predict(
    "first-token",
    "Token 0 changes. Which outputs move?",
    ["all of them", "1 to 4", "only 0", "none"],
)

# %%
five = np.random.default_rng(1).normal(size=(1, 5, 8))
all_real = np.ones((1, 5), dtype=int)
before_change = causal_self_attention(five, all_real)
moved_by = {}
for changed in (4, 0):
    other = five.copy()
    other[0, changed] += 1
    change = np.abs(causal_self_attention(other, all_real) - before_change)
    moved_by[changed] = np.flatnonzero(change.max(axis=-1)[0] > 1e-9)
this.reveal("last-token", "only 4", f"token 4 moves outputs {moved_by[4]}")

# %%
this.reveal("first-token", "all of them", f"token 0 moves outputs {moved_by[0]}")

# %% [markdown] tags=["result"]
# What comes last can be seen by nobody before it; what comes first is seen by all. If
# the first line ever lists an earlier position, your model can read the answer off its
# input, will look brilliant in training and be useless afterwards. Lesson 04 shows it
# happen.

# %% [markdown]
# ## 8. Reading handwriting by attention
#
# Back to the question at the top. The new image is the query. The known images are the
# keys, their labels the values. A label is a digit, but digits must not be averaged as
# numbers: halfway between a 3 and a 7 is not a 5. So each label becomes a **one-hot**
# row, ten numbers of which one is 1, and the average counts votes.
#
# Two details make it work on pictures:
#
# - **Unit length.** Heavy ink has large pixel values, and so large dot products with
#   everything. Divide each image by its length, and the dot product becomes the cosine
#   of the angle between two images, between −1 and 1, however dark they are.
# - **Temperature.** A cosine does not grow with the number of pixels, so there is no
#   $\sqrt{H}$ to take away. Instead we choose the scale: divide by a temperature. Low
#   makes the softmax sharp, high makes it even.
#
# ### Exercise: a classifier without training (4 points, 8 minutes, middle)


# %% exercise="attention_classifier"
def attention_classifier(images, known_images, known_labels, temperature):
    """Probabilities of the ten digits for each new image.

    images: floats (T, H). known_images: floats (S, H). known_labels: integers (S,).
    temperature: a positive number. Returns floats (T, 10), each row summing to 1.
    """
    # BEGIN SOLUTION
    query = images / np.linalg.norm(images, axis=-1, keepdims=True)
    key = known_images / np.linalg.norm(known_images, axis=-1, keepdims=True)
    weights = softmax(query @ key.T / temperature)  # (T, S)
    return weights @ np.eye(10)[known_labels]  # (T, 10)
    # END SOLUTION


# %%
check(attention_classifier)

# %% [markdown]
# ### The experiment
#
# 500 new digits are read with 10 to 1,297 known ones, at temperatures from 0.001 to 30.
# Nothing is trained. Which images happen to be known matters when there are few, so each
# point is an average over ten draws; the band is one standard deviation. (With all 1,297
# there is only one draw.) The right-hand figure puts the best temperature beside two
# classics from scikit-learn: the label of the *nearest neighbour*, which is the known
# image with the smallest Euclidean distance, and a vote of the five nearest.
#
# **Predict first**, three things.

# %%
this.predict(
    "all-known",
    "With all 1,297 known images and the best temperature, what share of the 500 is read correctly?",
)

# %%
this.predict(
    "near-zero",
    "What does attention become when the temperature goes to 0?",
    [
        "the label of the nearest image",
        "a vote of all images alike",
        "a random guess",
    ],
)

# %%
this.predict(
    "ten-known",
    "With 10 known images, which reads better?",
    ["one nearest neighbour", "a vote of the five nearest"],
)

# %% tags=["experiment"]
from sklearn.neighbors import KNeighborsClassifier


def all_cosines(one, other):
    """The cosine of each vector (T, H) with each other one (S, H): (T, S)."""
    lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (one, other)]
    return (one / lengths[0]) @ (other / lengths[1]).T


queries, keys = new_images.reshape(-1, 64), known_images.reshape(-1, 64)
temperatures = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]
counts = [10, 30, 100, 300, 1000, 1297]
draws = this.at_scale(quick=2, default=10, full=30)


def accuracies(known):
    """Attention at each temperature, then 1 and 5 nearest neighbours."""
    images, labels = keys[known], known_labels[known]
    for temperature in temperatures:
        digits_read = attention_classifier(queries, images, labels, temperature)
        yield (digits_read.argmax(axis=-1) == new_labels).mean()
    for neighbours in (1, 5):
        peer = KNeighborsClassifier(neighbours).fit(images, labels)
        yield peer.score(queries, new_labels)


results = {}  # count -> (draws, temperatures + 2)
for count in counts:
    number = draws if count < 1297 else 1
    known = [np.random.default_rng(d).permutation(1297)[:count] for d in range(number)]
    results[count] = np.array([list(accuracies(k)) for k in known])
mean = {count: result.mean(axis=0) for count, result in results.items()}
spread = {count: result.std(axis=0) for count, result in results.items()}

left, right = show.panels(5, 5, height=3.6)
show.curves(
    temperatures,
    {f"{n} known": (mean[n][:-2], spread[n][:-2]) for n in (10, 100, 1297)},
    "temperature",
    "share of 500 new digits read correctly",
    "The temperature",
    log="x",
    axes=left,
)
show.curves(
    counts,
    {
        "attention, best temperature": [mean[n][:-2].max() for n in counts],
        "nearest neighbour": [mean[n][-2] for n in counts],
        "5 nearest neighbours": [mean[n][-1] for n in counts],
    },
    "known images",
    "share read correctly",
    "Beside two classics",
    log="x",
    dotted=["nearest neighbour", "5 nearest neighbours"],
    axes=right,
)
for n in (10, 100, 1297):
    best = mean[n][:-2].argmax()
    print(
        f"{n:5} known: attention {mean[n][best]:.1%} at temperature {temperatures[best]}, "
        f"nearest neighbour {mean[n][-2]:.1%}, 5 nearest {mean[n][-1]:.1%}"
    )
this.reveal("all-known", mean[1297][:-2].max(), within=0.03)

# %%
coldest = attention_classifier(queries, keys, known_labels, 0.001).argmax(axis=-1)
nearest = known_labels[all_cosines(queries, keys).argmax(axis=-1)]
this.reveal(
    "near-zero",
    "the label of the nearest image",
    f"at 0.001 it gives the label of the most similar image {np.mean(coldest == nearest):.0%} of the time",
)

# %%
this.reveal(
    "ten-known",
    "one nearest neighbour",
    f"one reads {mean[10][-2]:.0%}, a vote of five {mean[10][-1]:.0%}",
)

# %% [markdown] tags=["result"]
# With all known images attention reads about 99 % of the digits: the equation you wrote
# is a classifier. Near temperature 0 the largest cosine takes all the weight, and
# attention *is* the nearest neighbour by angle. At temperature 30 all known images vote
# alike, whatever the query is: every answer is the most common known label.
#
# Five neighbours do badly when only ten images are known, because most of those five are
# other digits with a full vote each. Attention falls into the same hole when it is too
# even: look at 10 known images at temperature 0.3. At a low temperature it listens to the
# nearest image alone and climbs out. The temperature slides between the two.
#
# Two honest remarks. Averaging gains almost nothing here over the single nearest image:
# what attention adds is that its weights have *derivatives*, so that from lesson 02 on
# they can be trained. And the best temperature was picked by looking at the same 500
# digits, which flatters attention a little: read differences of a fraction of a percent,
# either way, as a tie.

# %% [markdown]
# Now look at single decisions: what it looked at, and where it goes wrong. We take
# temperature 0.01, not the best, so that several images share the weight and there is
# something to see.

# %% tags=["experiment"]
cosines = all_cosines(queries, keys)  # (500, 1297)
each_weight = softmax(cosines / 0.01)
read = attention_classifier(queries, keys, known_labels, 0.01).argmax(axis=-1)
wrong = np.flatnonzero(read != new_labels)
print(f"{len(wrong)} of 500 wrong; each row: a digit, and what it looked at most")
pictures, titles = [], []
for i in [0, *wrong[:3]]:
    looked_at = np.argsort(-each_weight[i])[:6]
    pictures += [new_images[i], *known_images[looked_at]]
    titles += [f"true {new_labels[i]}, read {read[i]}"]
    titles += [f"{known_labels[s]}: {each_weight[i, s]:.0%}" for s in looked_at]
show.images(pictures, titles, columns=7)
# %% [markdown]
# The first row is the digit from the top of this notebook. More known images and unit
# length: that is what it took to read it so surely. The other rows are mistakes,
# and the attention scores say how each came about: which known images it trusted, and
# how much. A model that shows what it looked at can be argued with. (Whether a deep
# network's attention *explains* it is another question, for a later lesson.)

# %% [markdown]
# ## 9. Break it
#
# Leave out one detail: do not bring the images to unit length.
#
# **Predict first.** Some known images will now win too often.

# %%
this.predict(
    "who-wins",
    "Which known images collect most of the attention now?",
    ["the shortest: little ink", "the longest: much ink", "those of frequent digits"],
)

# %%
this.predict(
    "raw-accuracy",
    "At the same temperature 0.01, what share of the 500 is read correctly now?",
)

# %% tags=["experiment"]
ink = np.linalg.norm(keys, axis=-1)  # length of each known image
received_unit = softmax(cosines / 0.01).sum(axis=0)
received_raw = softmax(queries @ keys.T / 0.01).sum(axis=0)


def sharing_half(received):
    """How many known images, the most favoured first, collect half of all attention."""
    return (np.sort(received)[::-1].cumsum() < received.sum() / 2).sum() + 1


left, right = show.panels(4.6, 4.6, height=3)
for axes, received, title in (
    (left, received_unit, "Unit length"),
    (right, received_raw, "Raw pixels"),
):
    show.points(
        ink, received, "length of a known image", "attention received", title, axes
    )
    axes.set_ylim(0, received_raw.max() * 1.05)
    print(
        f"{title}: {sharing_half(received)} of 1,297 images collect half of all attention"
    )
print(
    f"\nread correctly with unit length, temperature 0.01: {np.mean(read == new_labels):.1%}"
)
raw = {}
for temperature in (0.01, 0.3, 1, 3, 10):
    votes = softmax(queries @ keys.T / temperature) @ np.eye(10)[known_labels]
    raw[temperature] = np.mean(votes.argmax(axis=-1) == new_labels)
    print(f"raw pixels, temperature {temperature}: {raw[temperature]:.1%}")
this.reveal("who-wins", "the longest: much ink")

# %%
this.reveal("raw-accuracy", raw[0.01], within=0.1)

# %% [markdown] tags=["result"]
# On the right, 14 of 1,297 images, nearly all of them among the longest, collect half of
# all attention; on the left it takes 239 to do so. A long key has a large dot product with
# everything, and accuracy falls by more than a quarter.
#
# Part of that is scale: the raw products are about 15 times larger, so the same
# temperature is sharper. But even at its own best temperature, 3, attention over raw
# pixels reads 88 %, not 99 %. Attention compares directions *and* lengths; if lengths
# carry nothing that you want compared, remove them.

# %% [markdown]
# ## 10. The same in Keras
#
# What you wrote is in the library, in `keras.ops`, so that it runs on TensorFlow, JAX
# and PyTorch and on a GPU. Open
# `tlkeras/layers/scaled_dot_product_attention.py`: you will recognise the lines in the
# middle; the rest checks shapes and looks after 16-bit numbers. Keras itself has
# `keras.ops.dot_product_attention`, which wants its axes as (batch, length, heads, size).

# %%
import tensorflow as tf
from keras import ops

from tlkeras import layers

query, key, value = (
    np.random.default_rng(seed).normal(size=(64, 128, 32)).astype("float32")
    for seed in range(3)
)
yours = scaled_dot_product_attention(query, key, value)
ours = layers.scaled_dot_product_attention(query, key, value)
one_head = [x[:, :, None, :] for x in (query, key, value)]  # (B, T, 1, H)
keras_own = ops.dot_product_attention(*one_head)[:, :, 0]
print(f"largest difference, yours and tlkeras: {np.abs(yours - ours).max():.1e}")
print(f"largest difference, yours and Keras:   {np.abs(yours - keras_own).max():.1e}")

# %% [markdown]
# Differences around $10^{-6}$ are rounding: 32-bit floats carry about seven digits, and
# libraries add in different orders.
#
# ### What XLA does (optional)
#
# Run line by line, each operation reads its whole input from memory and writes its whole
# output back. **XLA** compiles the function as one program and joins operations that can
# share a pass over memory into one loop, a *fusion*. In Keras it is one argument,
# `model.compile(…, jit_compile=True)`; for a function of your own:

# %% tags=["experiment"]
from time import perf_counter


def attention(query, key, value):
    logits = ops.matmul(query, ops.swapaxes(key, -1, -2)) / query.shape[-1] ** 0.5
    return ops.matmul(ops.softmax(logits), value)


inputs = [tf.constant(x) for x in (query, key, value)]
compiled = tf.function(attention, jit_compile=True)
written, fused = show.xla_operations(compiled, *inputs)
print("as written: ", dict(written))
print("as compiled:", dict(fused))


def milliseconds(function):
    function(*inputs)  # the first call compiles
    times = []
    for _ in range(this.at_scale(quick=3, default=30)):
        start = perf_counter()
        function(*inputs).numpy()
        times.append(perf_counter() - start)
    return 1e3 * np.median(times)


eager, jit = milliseconds(attention), milliseconds(compiled)
print(f"on this machine, compiled is {eager / jit:.1f} times as fast as line by line")

# %% [markdown]
# `dot` is a matrix product; both are still there, as they should be. The transposition of
# the key is gone: the product simply reads the key in the other order. Division,
# maximum, subtraction, exponential and sum have become a few fusions. You wrote an
# equation; the compiler found the program. (The speed-up depends on the machine and on
# what else it is doing.)

# %% [markdown]
# ## Where this comes from
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin (2017),
#   *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762).
#   Section 3.2.1 is this notebook; section 3.2.3 has the causal mask.
# - Bahdanau, Cho and Bengio (2014), *Neural Machine Translation by Jointly Learning to
#   Align and Translate*, [arXiv:1409.0473](https://arxiv.org/abs/1409.0473). Section 3.1:
#   attention before Transformers.
# - Tsai, Bai, Yamada, Morency and Salakhutdinov (2019), *Transformer Dissection: A Unified
#   Understanding of Transformer's Attention via the Lens of Kernel*,
#   [arXiv:1908.11775](https://arxiv.org/abs/1908.11775). Section 2: attention as a kernel
#   smoother, the family of estimators that section 8 belongs to.
# - Alpaydin and Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI Machine
#   Learning Repository: the digits.
#
# One set of weights can follow only one kind of likeness. Lesson 02 gives attention
# several heads.

# %%
this.end()
