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
# # 02 Multi-head and cross-attention
#
# About 85 minutes, 20 points. You need lesson 01, and to have seen a Keras layer and
# `model.fit` once.
#
# Attention answers each query with one weighted average. This lesson is about what to do
# when one average is not enough, and about two sequences that look at each other. By the
# end you will be able to
#
# - say why a Transformer has several heads, with a measurement to point to;
# - split vectors into heads and merge them again, and know the reshape that looks right
#   and is not;
# - write multi-head attention as a function of its matrices, and as a Keras layer;
# - let one sequence look at another one, whose padding is hidden;
# - let heads share their keys, and compute how many gigabytes that saves.

# %%
import numpy as np

from tlkeras import visualization as show
from tlkeras.course import lesson
from tlkeras.datasets import cards, digits

this = lesson("02_multi_head")
check = this.check

# %% [markdown]
# From now on the exercises use `keras.ops` where lesson 01 used NumPy. It has the functions
# that you know from there (`reshape`, `swapaxes`, `matmul` …) and more, such as `softmax`.
# It takes NumPy arrays as well as tensors, runs on TensorFlow, JAX and PyTorch, and can be
# differentiated. Where an exercise hands you arrays, NumPy's functions are just as right.
# Its *methods* are not: what comes out of Keras is a tensor, which has a `shape` but no
# `x.reshape(…)` or `x.swapaxes(…)`, and what you write here will soon be given tensors.

# %%
import keras
from keras import ops

from tlkeras import layers

# %% [markdown]
# ## A question to begin with
#
# Eight cards lie in a row. Each shows two handwritten digits, a left one and a right one.
# Every left digit stands on exactly two of the cards: these two are **twins**.
#
# Take card 5, and find two things:
#
# 1. the right digit of the **previous** card;
# 2. the right digit of its **twin**, the other card with the same left digit.
#
# (The digits are those of lesson 01. The row is a ring: before card 1 comes card 8. Twins
# are never neighbours.)

# %% tags=["experiment"]
train, test = cards.load_data(
    train_count=this.at_scale(quick=600, default=8000),
    test_count=this.at_scale(quick=200, default=1000),
)
faces = np.insert(test.pictures, 8, 0.4, axis=-1)  # a line between the two digits
show.images(faces[0], [f"card {place}" for place in range(1, 9)], columns=8)

# %% [markdown]
# Your eyes went to two different places, and for two different reasons: once to the
# left neighbour, whatever it shows, and once to the card that *looks* alike, wherever it
# lies. Could you have done it with a single look?

# %% [markdown]
# ## 1. One row of weights is one average
#
# In lesson 01 a query got one row of weights, and with it one average of the values. Let
# a card's value be its picture. To answer both questions, card 5 must share its weight
# between the previous card and the twin, say half on each. The upper row of the figure
# shows these two cards, and what card 5 then receives. For the lower row the two
# cards have exchanged their right digits, so that the answers to the two questions are
# exchanged as well.
#
# **Predict first.** Card 5 receives half of each card, in both rows.

# %%
this.predict(
    "exchanged",
    "The two cards exchange their right digits. What happens to the average?",
    ["nothing at all", "its right half changes", "it blurs more than before"],
)

# %% tags=["experiment"]
before, twin = test.pictures[0, 3], test.pictures[0, test.twin_place[0, 4]]
other_before = np.concatenate([before[:, :8], twin[:, 8:]], axis=-1)
other_twin = np.concatenate([twin[:, :8], before[:, 8:]], axis=-1)
average, other_average = before / 2 + twin / 2, other_before / 2 + other_twin / 2
show.images(
    [before, twin, average, other_before, other_twin, other_average],
    ["previous", "twin", "average", "previous", "twin", "average"],
    columns=3,
    width=1.4,
)
difference = np.abs(average - other_average).max()
print(f"card 5: the previous card has a {test.previous[0, 4]}", end=", ")
print(f"the twin a {test.twin[0, 4]}")
this.reveal(
    "exchanged",
    "nothing at all",
    f"the largest difference between the two averages is {difference:g}",
)

# %% [markdown] tags=["result"]
# The two averages are the same, to the last pixel. So from an even average you may be
# able to tell *which two* digits were in it, but nobody can tell which of them came from
# where: the answers have changed places, and what is received has not changed.

# %% [markdown]
# An uneven average favours one card, and with it one of the questions. Let us measure
# the trade. A share of the weight goes to the previous card, the rest to the twin, and
# from the average we read both answers in the best *linear* way: ten weighted sums of the
# pixels, one for each digit, fitted by least squares on cards made of other images. The
# largest wins. Linear, because that is all that attention does after its softmax: it
# averages values and multiplies by matrices.
#
# **Predict first.** Guessing is right one time in ten.

# %%
this.predict(
    "half-weight",
    "Half the weight on each card: what share of the cards has the first question answered correctly?",
)

# %%
this.predict(
    "both-answers",
    "At the best share of the weight: how many cards have both questions answered correctly?",
    ["about a half", "about a quarter", "about an eighth"],
)

# %% tags=["experiment"]
from sklearn.linear_model import Ridge


def averages(rows, share):
    """What a card receives with a share of weight on the previous card: (rows · 8, 128)."""
    flat = rows.pictures.reshape(-1, 8, 128)
    previous_cards = np.roll(flat, 1, axis=1)
    twins = np.take_along_axis(flat, rows.twin_place[..., None], axis=1)
    return (share * previous_cards + (1 - share) * twins).reshape(-1, 128)


some = cards.Rows(*(part[:2000] for part in train))
shares = [0, 0.25, 0.4, 0.5, 0.6, 0.75, 1]
answered = {"previous": [], "twin": [], "both": []}
for share in this.progress(shares, "reading averages"):
    right = {}
    for question in ("previous", "twin"):
        one_hot = np.eye(10)[getattr(some, question).ravel()]
        reading = Ridge(alpha=0.01).fit(averages(some, share), one_hot)
        digits_read = reading.predict(averages(test, share)).argmax(axis=-1)
        right[question] = digits_read == getattr(test, question).ravel()
    right["both"] = right["previous"] & right["twin"]
    for question in answered:
        answered[question].append(right[question].mean())
show.curves(
    shares,
    answered,
    "share of the weight on the previous card",
    "answered correctly",
    "Read from one average",
)
best_of_one_average = max(answered["both"])
print(
    f"half and half: previous {answered['previous'][3]:.0%}, twin {answered['twin'][3]:.0%}"
)
this.reveal(
    "half-weight",
    answered["previous"][3],
    f"the first question is answered for {answered['previous'][3]:.0%} of the cards",
    within=0.08,
)

# %%
this.reveal(
    "both-answers",
    "about an eighth",
    f"{best_of_one_average:.0%} of the cards, at the best share",
)

# %% [markdown] tags=["result"]
# Whichever card has more weight wins *both* readings. In the middle each question is
# answered a little over half of the time: the reading takes one of the two digits and
# cannot know which. Both answers for the same card are right about one time in eight at
# best. Most of that is luck: one time in ten the two right digits happen to be the same,
# and then it does not matter which card was read.
#
# (Could a reader that is not linear do better? From an even average nobody can, as the
# picture showed. From an uneven one, in principle: 0.7 of one digit and 0.3 of another
# is not the same as 0.3 and 0.7. But then it has to disentangle what attention has
# mixed. Better not to mix it.)

# %% [markdown]
# ## 2. Several heads
#
# The remedy is plain: look twice. Let two attentions run side by side, each with a
# softmax of its own, and hand over *both* averages, one beside the other. Each of these
# attentions is a **head**.
#
# Where do the heads get different questions from? Before it attends, each head multiplies
# queries, keys and values by matrices of its own, called **projections**. They are
# parameters, and training finds them. A projection chooses what counts: one head's may
# keep what tells where a card lies and drop the pixels; another's may keep the left digit
# and drop the rest.
#
# Several heads need not cost more. Let the vectors have D numbers. N heads of size
# H = D/N have together as many parameters, and take as many multiplications, as one head of
# size D. Vaswani et al. (2017, section 3.2.2) have D = 512, N = 8, H = 64. The price: each
# head compares fewer numbers.

# %% [markdown]
# ## 3. Split and merge
#
# All heads are computed at once. One large matrix projects every token, that is, every
# element of the sequence, to N · H numbers: the first H are for head 0, the next H for
# head 1, and so on. Lesson 01's attention takes any leading axes and treats the last two
# as tokens and numbers. So the heads have to become a leading axis:
#
# | step | shape |
# |---|---|
# | projected | (B, T, N · H) |
# | cut the last axis | (B, T, N, H) |
# | exchange tokens and heads | (B, N, T, H) |
#
# B is the number of sequences in a batch, T the number of tokens.
#
# ### Exercise: split heads (2 points, 8 minutes, easy)
#
# `batch, length, width = ops.shape(x)` gives you the lengths of the axes.


# %% exercise="split_heads"
def split_heads(x, num_heads):
    """Cut each vector into heads: (B, T, N·H) to (B, N, T, H)."""
    # BEGIN SOLUTION
    batch, length, width = ops.shape(x)
    x = ops.reshape(x, (batch, length, num_heads, width // num_heads))  # (B, T, N, H)
    return ops.swapaxes(x, 1, 2)  # (B, N, T, H)
    # END SOLUTION


# %%
check(split_heads)

# %% [markdown]
# After attention every head has an average for every token, V numbers each. **Merging**
# puts them side by side again, head 0 first: "Concat" in the equation to come.
#
# ### Exercise: merge heads (2 points, 5 minutes, easy)


# %% exercise="merge_heads"
def merge_heads(x):
    """Put the heads of each token side by side: (B, N, T, V) to (B, T, N·V)."""
    # BEGIN SOLUTION
    batch, num_heads, length, size = ops.shape(x)
    x = ops.swapaxes(x, 1, 2)  # (B, T, N, V)
    return ops.reshape(x, (batch, length, num_heads * size))
    # END SOLUTION


# %%
check(merge_heads)

# %% [markdown]
# ### Why a reshape is not enough
#
# A single `reshape` to (B, N, T, H) gives the right shape, and no error. Look at what it
# does to two tokens of four numbers, where the tens say which token it is and the ones
# which number:

# %%
two_tokens = np.array([[[10, 11, 12, 13], [20, 21, 22, 23]]])  # (1, 2, 4)
print("reshape alone, head 0:      ", two_tokens.reshape(1, 2, 2, 2)[0, 0].tolist())
in_order = two_tokens.reshape(1, 2, 2, 2).swapaxes(1, 2)
print("reshape and swap, head 0:   ", in_order[0, 0].tolist())

# %% [markdown]
# A reshape never moves a number: it reads them in the same order and starts new rows
# elsewhere. So alone it gives head 0 the whole first token, cut in two, and nothing of the
# second. With the swap, head 0 has the first half of *every* token. Section 8 shows what
# the wrong one does to attention.

# %% [markdown]
# ## 4. Multi-head attention in one equation
#
# $$\operatorname{MultiHead}(Q, K, V) =
#   \operatorname{Concat}(\text{head}_1, \dots, \text{head}_N)\, W^O$$
#
# $$\text{head}_i = \operatorname{Attention}(Q W_i^Q,\; K W_i^K,\; V W_i^V)$$
#
# This is section 3.2.2 of Vaswani et al. (2017). The matrices of all heads stand side by
# side in one: $W^Q$ holds $W_1^Q, \dots, W_N^Q$, from left to right. Step by step:
#
# | step | shape | what it is |
# |---|---|---|
# | query; key; value | (B, T, D); (B, S, D); (B, S, D) | the inputs |
# | $Q W^Q$; $K W^K$; $V W^V$ | (B, T, N·H); (B, S, N·H); (B, S, N·V) | projected |
# | split | (B, N, T, H); (B, N, S, H); (B, N, S, V) | one query, key, value a head |
# | logits | (B, N, T, S) | in each head: each query · each key, divided by $\sqrt H$ |
# | softmax over the last axis | (B, N, T, S) | N rows of weights for each query |
# | average of the values | (B, N, T, V) | what each head found |
# | merge | (B, T, N·V) | side by side |
# | … times $W^O$ | (B, T, E) | the heads' findings meet |
#
# S is the number of keys, D the width of an input (query, key and value may have
# different ones), V the size of a value in one head, E the width of the output. Mind the
# scale: inside a head a dot product has H terms, so the divisor is $\sqrt H$.
#
# Why $W^O$? Merged, each head has its own place, and whatever comes next would have to
# know it. $W^O$ is a learned mixture of all heads: it decides what each of them
# contributes to the output.
#
# ### Exercise: multi-head attention (6 points, 12 minutes, middle)
#
# `layers.scaled_dot_product_attention` is lesson 01's function, in the library. The mask
# has the shape (B, T, S), or (B, 1, S), or is `None`. One mask holds for all heads: think
# about its axes.


# %% exercise="multi_head_attention"
def multi_head_attention(
    query,
    key,
    value,
    query_matrix,
    key_matrix,
    value_matrix,
    output_matrix,
    num_heads,
    mask=None,
):
    """Concat(head₁ … head_N) Wᴼ.

    query (B, T, D), key (B, S, D′), value (B, S, D″); query_matrix (D, N·H), key_matrix
    (D′, N·H), value_matrix (D″, N·V), output_matrix (N·V, E); mask (B, T, S) with
    True = keep. Returns (B, T, E).
    """
    # BEGIN SOLUTION
    query = split_heads(ops.matmul(query, query_matrix), num_heads)  # (B, N, T, H)
    key = split_heads(ops.matmul(key, key_matrix), num_heads)  # (B, N, S, H)
    value = split_heads(ops.matmul(value, value_matrix), num_heads)  # (B, N, S, V)
    if mask is not None:
        mask = mask[:, None]  # (B, 1, T, S)
    heads = layers.scaled_dot_product_attention(query, key, value, mask=mask)
    return ops.matmul(merge_heads(heads), output_matrix)  # (B, T, E)
    # END SOLUTION


# %%
check(multi_head_attention)

# %% [markdown]
# ## 5. One head or two: an experiment
#
# Back to the cards. Now nobody says where to look: a model is trained on the answers
# alone. It is one attention layer, `layers.MultiHeadAttention` of the library, and for
# each question one `Dense` layer that reads the answer off its output. Whatever comes after
# the softmax is linear, as in section 1.
#
# - Keys and queries are the 128 pixels of a card and its place in the row, as eight
#   numbers: a 2 at its place, zeros elsewhere. (A 2 rather than a 1, so that it is not
#   drowned by so many pixels. How to tell a Transformer about places is lesson 03.)
# - Values are the pixels.
# - No card may look at itself, as in lesson 01: a mask hides the diagonal.
#
# We compare one head of size 32 with two heads of size 16. Both have exactly the same
# number of parameters. And to see that neither question is too hard for one head, we also
# train one head on each question *alone* (with 330 parameters fewer, because one `Dense`
# layer is missing). The cards to test on are made of images that the model has never seen.
# All of it takes about half a minute.
#
# **Predict first.** Both are trained in the same way, each from three random beginnings.

# %%
this.predict(
    "one-head",
    "What will one head do when it is asked both questions?",
    [
        "share its weight between the two cards",
        "settle for one question and guess the other",
        "answer both well: training finds a way",
    ],
)

# %%
this.predict(
    "two-heads",
    "For what share of the cards will two heads get both answers right?",
)

# %% tags=["experiment"]
others = ~np.eye(8, dtype=bool)  # every card but itself
places = 2 * np.eye(8, dtype="float32")


def reader(num_heads, questions):
    """From pictures to answers; from pictures to attention scores; the layer itself."""
    pictures = keras.Input((8, 8, 16))
    pixels = keras.layers.Reshape((8, 128))(pictures)
    placed = ops.concatenate(
        [pixels, ops.zeros_like(pixels[..., :8]) + places], axis=-1
    )
    attention = layers.MultiHeadAttention(
        num_heads, key_dim=32 // num_heads, output_shape=32, use_bias=False
    )
    seen, scores = attention(
        query=placed,  # (B, 8, 136)
        key=placed,
        value=pixels,  # (B, 8, 128)
        attention_mask=others,
        return_attention_scores=True,
    )
    answers = {q: keras.layers.Dense(10, name=q)(seen) for q in questions}
    return keras.Model(pictures, answers), keras.Model(pictures, scores), attention


def trained(num_heads, seed, questions=("previous", "twin")):
    """How often a trained reader is right, its scores, its layer, its size."""
    keras.utils.set_random_seed(seed)
    model, scores, attention = reader(num_heads, questions)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(0.005),
        loss,
        run_eagerly=this.at_scale(quick=True, default=False),
    )
    wanted = {q: getattr(train, q) for q in questions}
    epochs = this.at_scale(quick=1, default=5)
    model.fit(train.pictures, wanted, batch_size=64, epochs=epochs, verbose=0)
    answers = model(test.pictures)
    right = {q: ops.argmax(answers[q], -1) == getattr(test, q) for q in questions}
    right = {q: np.asarray(r) for q, r in right.items()}
    if len(questions) == 2:
        right["both"] = right["previous"] & right["twin"]
    shares = {q: r.mean() for q, r in right.items()}
    return shares, scores, attention, model.count_params()


number = this.at_scale(quick=1, default=3, full=10)
runs = [(1, 0, ("previous",)), (1, 0, ("twin",))]  # heads, seed, and perhaps questions
runs += [(num_heads, seed) for num_heads in (1, 2) for seed in range(number)]
readers = [trained(*run) for run in this.progress(runs, "training")]
for (num_heads, seed, *_), (right, *_, parameters) in zip(runs, readers, strict=True):
    print(f"heads: {num_heads}  parameters: {parameters}  seed: {seed}", end="")
    print("".join(f"  {question}: {share:.0%}" for question, share in right.items()))
previous_alone, twin_alone = readers[0][0], readers[1][0]
one_head, two_heads = readers[2 : 2 + number], readers[2 + number :]
best_with_one_head = max(right["both"] for right, *_ in one_head)
worst_with_two_heads = min(right["both"] for right, *_ in two_heads)
this.reveal(
    "one-head",
    "settle for one question and guess the other",
    f"both answers are right for {best_with_one_head:.0%} of the cards at best",
)

# %%
this.reveal(
    "two-heads",
    worst_with_two_heads,
    f"both answers are right for {worst_with_two_heads:.0%} of the cards, for the worst seed",
    within=0.1,
)

# %% [markdown] tags=["result"]
# One head answers either question well if that is all it is asked, so neither is too hard
# for it. Asked both, it settles for one of them and guesses the other: one in ten is what
# guessing gives. Which one it settles for depends on the seed, that is, on the random
# numbers it starts from. Both answers are right about as often as the two digits happen
# to be the same. Training has walked to one end of the curve of section 1, and the
# curve says that the middle would have been hardly better.
#
# Two heads answer both questions, with the same number of parameters: about eight times
# in ten, close to the product of the two accuracies. So it was not size that was missing,
# but a second row of weights.
#
# A second head makes it *possible* to look at two things; training still has to find
# that out. It did so for every seed here, which is no law: two heads can also settle for
# the same question.

# %% [markdown]
# Now the maps of what has been learned. Each row is a card that looks, each column a card
# that is looked at; white is no weight, the darkest blue all of it. The previous card is
# framed in orange, the twin in green.
#
# **Predict first.** Nobody told the two heads what to look at.

# %%
this.predict(
    "division",
    "How do the two heads divide the work?",
    [
        "one looks at the previous card, the other at the twin",
        "both look at both cards, half and half",
        "in no way that a person can read off",
    ],
)

# %% tags=["experiment"]
pair = np.asarray(two_heads[0][1](test.pictures))  # (rows, 2, 8, 8)
only = np.asarray(one_head[0][1](test.pictures))  # (rows, 1, 8, 8)
on_previous = pair[..., np.arange(8), np.arange(8) - 1].mean(axis=(0, 2))  # (2,)
place_head, twin_head = np.argsort(-on_previous)


def weight_on(scores, where):
    """The average weight on one card for each that looks: scores (rows, 8, 8)."""
    return np.take_along_axis(scores, where[..., None], axis=-1).mean()


maps = {
    "two heads, one of them": pair[:, place_head],
    "two heads, the other": pair[:, twin_head],
    "the only head": only[:, 0],
}
previous_place = np.broadcast_to((np.arange(8) - 1) % 8, test.twin_place.shape)
weights = {}
for axes, (title, scores) in zip(
    show.panels(2.9, 2.9, 2.9, height=3.4), maps.items(), strict=True
):
    show.matrix(scores[0], "card looked at", "card that looks", title, axes=axes)
    axes.images[0].colorbar.remove()
    show.outline(axes, previous_place[0], "previous", show.palette.ORANGE)
    show.outline(axes, test.twin_place[0], "twin", show.palette.GREEN)
    show.picture_ticks(axes, test.pictures[0], test.pictures[0], zoom=1.3)
    weights[title] = (
        weight_on(scores, previous_place),
        weight_on(scores, test.twin_place),
    )
    print(f"{title}: weight on the previous card {weights[title][0]:.0%},", end=" ")
    print(f"on the twin {weights[title][1]:.0%}")
this.reveal(
    "division",
    "one looks at the previous card, the other at the twin",
    f"one puts {weights['two heads, one of them'][0]:.0%} of its weight on the previous "
    f"card, the other {weights['two heads, the other'][1]:.0%} on the twin",
)

# %% [markdown] tags=["result"]
# The maps show one row of cards; the percentages are averages over all that were kept for
# testing. One head of the pair has learned
# *places*: it looks at the previous card, whatever the cards show. The other has learned
# *likeness*: it finds the twin wherever it lies, with more doubt, because handwriting is
# ambiguous and places are not. Nobody told them to divide the work so, and which of the two
# does what depends on the seed. The only head of the other model has learned one of these
# two things, and ignores the other.

# %% [markdown]
# ## 6. As a Keras layer
#
# In a model the matrices belong to layers, which create, train and save them. Here the
# constructor is given, and it takes four ready-made projections: `keras.layers.Dense`
# layers, which multiply by a matrix and add a bias. What is left is `call`. Keys and values
# both come from `value`, as is most common; in self-attention the caller passes the same
# sequence twice.
#
# There is one thing to know. When Keras puts a layer into a model, it calls it once
# without data: the batch size and the length are not known then, and `x.shape` holds `None`
# for them. `ops.shape(x)` works in both situations, and so do all of `ops`; NumPy
# functions do not.
#
# ### Exercise: a multi-head layer (3 points, 6 minutes, middle)
#
# The check calls your layer with arrays, and inside a `keras.Model`.


# %% exercise="MultiHead"
class MultiHead(keras.layers.Layer):
    """Multi-head attention from four projections that are ready to be called."""

    def __init__(self, num_heads, query_dense, key_dense, value_dense, output_dense):
        super().__init__()
        self.num_heads = num_heads
        self.query_dense = query_dense  # (…, D) to (…, N·H)
        self.key_dense = key_dense  # (…, D′) to (…, N·H)
        self.value_dense = value_dense  # (…, D′) to (…, N·V)
        self.output_dense = output_dense  # (…, N·V) to (…, E)

    def call(self, query, value, attention_mask=None):
        """(B, T, D), (B, S, D′) and perhaps a mask (B, T, S) to (B, T, E)."""
        # BEGIN SOLUTION
        heads = layers.scaled_dot_product_attention(
            query=split_heads(self.query_dense(query), self.num_heads),
            key=split_heads(self.key_dense(value), self.num_heads),
            value=split_heads(self.value_dense(value), self.num_heads),
            mask=None if attention_mask is None else attention_mask[:, None],
        )
        return self.output_dense(merge_heads(heads))
        # END SOLUTION


# %%
check(MultiHead)

# %% [markdown]
# ## 7. Cross-attention: one sequence asks another
#
# So far a sequence looked at itself: **self-attention**. In **cross-attention** the
# queries come from one sequence and the keys and values from another, often called the
# **memory**. The equation is the same; only where its inputs come from is different:
#
# | | queries from | keys and values from | weights |
# |---|---|---|---|
# | self-attention | $x$ | $x$ | (B, N, T, T) |
# | cross-attention | $x$ | the memory | (B, N, T, S) |
#
# That is how a translator reads: each word of the English sentence that it writes looks
# at the whole French sentence that it was given (Vaswani et al., section 3.2.3, first
# item). The output has one row for each *query*, however long the memory is. And if the
# memories of a batch are padded, their padding must be hidden: it stands among the keys.
#
# ### Exercise: cross-attention (4 points, 5 minutes, easy)
#
# `memory_mask` is (B, S), True where the memory holds something real. Your
# `multi_head_attention` can do the rest.


# %% exercise="cross_attention"
def cross_attention(
    x,
    memory,
    memory_mask,
    query_matrix,
    key_matrix,
    value_matrix,
    output_matrix,
    num_heads,
):
    """Each token of x gathers what it needs from the real part of the memory.

    x (B, T, D), memory (B, S, D′), memory_mask (B, S) with True = keep; matrices as in
    `multi_head_attention`. Returns (B, T, E).
    """
    # BEGIN SOLUTION
    return multi_head_attention(
        x,
        memory,
        memory,
        query_matrix,
        key_matrix,
        value_matrix,
        output_matrix,
        num_heads,
        mask=memory_mask[:, None, :],  # (B, 1, S): the same for all queries
    )
    # END SOLUTION


# %%
check(cross_attention)

# %% [markdown]
# ### One handwriting read in another
#
# A number is written with six images of digits: the queries. The memory is an alphabet:
# the ten digits, other images of them, in no order, then two blank slots that fill it up.
# Each query shall find its digit in the alphabet and come back with *that* image: the
# number, rewritten. (All images are drawn at random, so each "hand" is several people's.)
#
# We train nothing new. Section 5 left us with a head that tells which left digits are
# alike. From its query and key matrices we take the part that multiplies the left digit:
# from 64 pixels to 16 numbers.
#
# A slot of the memory holds an image and, as twelve more numbers, its place: a 1 there,
# zeros elsewhere. The key matrix looks at the image only. The value matrix is an identity
# and hands over both. So the output is an average image and, beside it, the row of weights
# itself: the trick of lesson 01.
#
# No training has seen any of these images, and queries and alphabets share none.
#
# **Predict first.** The head was trained to find twins among cards, not to read alphabets.

# %%
this.predict(
    "right-slot",
    "What share of the digits does the head find the right one of ten slots for?",
)

# %%
this.predict(
    "head-or-pixels",
    "Which finds the right slot more often?",
    ["the trained head", "the cosine of the pixels, as in lesson 01", "both alike"],
)

# %%
this.predict(
    "blank-slots",
    "How much weight would the two blank slots get together if they were not hidden?",
    ["none: they hold zeros", "a few percent", "about 2/12, their share of the slots"],
)

# %% tags=["experiment"]
_, (new_images, new_labels) = digits.load_data()
random = np.random.default_rng(9)
count = this.at_scale(quick=20, default=300)
numbers = random.integers(0, 10, (count, 6))
numbers[0] = 3, 1, 4, 1, 5, 9
alphabets = random.permuted(np.tile(np.arange(10), (count, 1)), axis=1)


def write(wanted, images, labels):
    """A random image of each digit: (…,) to (…, 64)."""
    chosen = [
        random.choice(np.flatnonzero(labels == digit)) for digit in wanted.ravel()
    ]
    return images[chosen].reshape(*wanted.shape, 64)


x = write(numbers, new_images[:250], new_labels[:250])  # (count, 6, 64)
alphabet = write(alphabets, new_images[250:], new_labels[250:])  # (count, 10, 64)
alphabet = np.pad(alphabet, ((0, 0), (0, 2), (0, 0)))  # (count, 12, 64): 2 blank slots
slots = np.broadcast_to(np.eye(12, dtype="float32"), (count, 12, 12))
memory = np.concatenate([alphabet, slots], axis=-1)  # (count, 12, 76)
memory_mask = np.broadcast_to(np.arange(12) < 10, (count, 12))
identity = np.eye(76, dtype="float32")


def left_digit_part(projection):
    """What the head that finds twins multiplies the left digit by: (64, 16)."""
    # Axes of the kernel: pixel row and column of a card, head, number in the head.
    card = np.asarray(projection.kernel)[:128].reshape(8, 16, 2, 16)
    return card[:, :8, twin_head].reshape(64, 16)


def rewrite(query_matrix, key_matrix, memory_mask):
    """The images that come back (count, 6, 64), and the weights (count, 6, 12)."""
    key_matrix = np.pad(key_matrix, ((0, 12), (0, 0)))  # places do not count
    output = cross_attention(
        x, memory, memory_mask, query_matrix, key_matrix, identity, identity, 1
    )
    return np.split(np.asarray(output), [64], axis=-1)


attention = two_heads[0][2]
query_matrix = left_digit_part(attention.query_dense)
key_matrix = left_digit_part(attention.key_dense)
rewritten, weights_there = rewrite(query_matrix, key_matrix, memory_mask)
_, unhidden = rewrite(query_matrix, key_matrix, np.ones_like(memory_mask))
unit = [a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (x, alphabet[:, :10])]
cosines = unit[0] @ np.swapaxes(unit[1], -1, -2)  # (count, 6, 10), as in lesson 01


def digits_found(weights):
    """The digit in the slot with the largest weight: (count, 6)."""
    return np.take_along_axis(alphabets, weights[..., :10].argmax(axis=-1), axis=1)


axes = show.matrix(
    weights_there[0],
    "slot of the memory (the last two are blank)",
    "query",
    "Where each digit of the number looks",
)
show.picture_ticks(axes, alphabet[0].reshape(-1, 8, 8), x[0].reshape(-1, 8, 8))
show.images(
    [*x[0].reshape(-1, 8, 8), *rewritten[0].reshape(-1, 8, 8)],
    ["written", *[""] * 5, "rewritten", *[""] * 5],
    columns=6,
)
read = digits_found(weights_there)
found_by_head = (read == numbers).mean()
found_by_angle = (digits_found(cosines) == numbers).mean()
print(f"written {numbers[0]}, found {read[0]}")
leaked = unhidden[..., 10:].sum(axis=-1).mean()
this.reveal(
    "right-slot",
    found_by_head,
    f"it finds the right slot for {found_by_head:.0%} of the digits",
    within=0.07,
)

# %%
this.reveal(
    "head-or-pixels",
    "the trained head",
    f"right slot, {count} numbers: {found_by_head:.0%} with the trained head, "
    f"{found_by_angle:.0%} with cosines of pixels",
)

# %%
this.reveal("blank-slots", "a few percent", f"they get {leaked:.1%} together")

# %% [markdown] tags=["result"]
# The map has 6 rows and 12 columns: one row for each query, one column for each slot. The
# last two columns are exactly white: the blank slots are hidden. The number comes back
# rewritten. Five of its six digits are found. The second 1, with its long upstroke, is
# taken for the 9, and comes back as one. (On another machine, training may end with a
# slightly different head.) Where a query is in doubt, as the 3 is, what comes back is
# blurred: it is an average of several slots.
#
# The trained head finds the right slot more often than lesson 01's cosines of pixels do,
# although it was trained for something else: what it learned about likeness it has
# carried over. That is a first, small case of transfer, which this course is about.
#
# Without the mask the two blank slots together get a few percent of the weight. Blank is
# not hidden: zeros make a logit of 0, and $e^0 = 1$. It is little here because a good
# match has a much larger logit.

# %% [markdown]
# ## 8. Break it
#
# Section 3 said that a reshape without the swap looks right and is not. Take a row of
# cards, 128 pixels each, and two heads of 64, and let every card look at itself and at
# earlier cards only: lesson 01's causal mask. Then change one card at a time and see which
# outputs change. There are two ways to go wrong: to forget the swap in the split alone, or
# in the merge as well.
#
# **Predict first**, for the right way and for both wrong ones.

# %%
this.predict(
    "with-swap",
    "With the swap in place, card 3 changes. Which outputs change?",
    ["1 to 3", "only 3", "3 to 8", "all of them"],
)

# %%
this.predict(
    "split-alone",
    "The split forgets the swap. What happens?",
    [
        "an error: shapes do not fit",
        "no error, and some outputs depend on later cards",
        "no error, and no output depends on later cards: the mask is in force",
    ],
)

# %%
this.predict(
    "both-forget",
    "Split and merge both forget the swap. What happens?",
    [
        "the same as with the swap: one undoes the other",
        "some outputs depend on later cards",
        "nothing leaks, but some outputs miss earlier cards",
    ],
)

# %% tags=["experiment"]
row, other_row = test.pictures[:2].reshape(2, 8, 128)
causal = np.tri(8, dtype=bool)


def swapped_split(x):
    return x.reshape(1, 8, 2, 64).swapaxes(1, 2)  # (1, 2, 8, 64)


def swapped_merge(x):
    return x.swapaxes(1, 2).reshape(1, 8, 128)


def reshaped_split(x):
    return x.reshape(1, 2, 8, 64)


def reshaped_merge(x):
    return x.reshape(1, 8, 128)


def influence(split, merge):
    """Which outputs (rows) change when a card (columns) does: (8, 8)."""

    def outputs(x):
        heads = split(x[None])
        return merge(
            np.asarray(
                layers.scaled_dot_product_attention(heads, heads, heads, mask=causal)
            )
        )[0]

    changes = []
    for place in range(8):
        changed = row.copy()
        changed[place] = other_row[place]
        changes.append(np.abs(outputs(changed) - outputs(row)).max(axis=-1) > 1e-6)
    return np.array(changes).T


ways = {
    "right": influence(swapped_split, swapped_merge),
    "split by reshape": influence(reshaped_split, swapped_merge),
    "both by reshape": influence(reshaped_split, reshaped_merge),
}
numbered = range(1, 9)
for axes, (title, changes) in zip(
    show.panels(2.9, 2.9, 2.9, height=3.2), ways.items(), strict=True
):
    show.matrix(changes, "card changed", "output", title, numbered, numbered, axes)
    axes.images[0].colorbar.remove()
leaks = {title: np.triu(changes, 1).sum() for title, changes in ways.items()}
gaps = {title: np.tril(~changes).sum() for title, changes in ways.items()}
moved = np.flatnonzero(ways["right"][:, 2]) + 1
this.reveal("with-swap", "3 to 8", f"card 3 changes outputs {moved}")

# %%
this.reveal(
    "split-alone",
    "no error, and some outputs depend on later cards",
    f"{leaks['split by reshape']} squares are dark above the diagonal, "
    f"{gaps['split by reshape']} white on or below it",
)

# %%
this.reveal(
    "both-forget",
    "nothing leaks, but some outputs miss earlier cards",
    f"{leaks['both by reshape']} squares are dark above the diagonal, "
    f"{gaps['both by reshape']} white on or below it",
)

# %% [markdown] tags=["result"]
# Dark in row t, column s means that output t changes with card s. Above the diagonal that
# is a look into the future; white on or below it, something is missed. On the left all is
# well: each output depends on its own card and on all before it.
#
# In the middle the split forgot the swap. Head 0 then holds cards 1 to 4 and head 1 cards
# 5 to 8, each cut into its upper and its lower half, as if these were tokens. Output 1
# changes with card 5: the causal mask is in force, and the future comes in all the same.
# (And output 2 misses its own card.) A model that is trained to predict the next token
# could cheat here, look brilliant, and be useless.
#
# On the right the merge forgets the swap too. That undoes the split exactly, so that
# nothing leaks; but the row has fallen into two halves, and cards 5 to 8 never see cards 1
# to 4. All shapes are right in all three, there is no error, and training would run. What
# shows it is a test of which output depends on which input, such as this one.

# %% [markdown]
# ## 9. Heads that share their keys
#
# A model that writes text makes one token at a time, and each new token looks at all
# earlier ones. Their keys and values do not change any more, so they are kept: the
# **key/value cache**. It holds two numbers for each token, layer, head and dimension, and it
# must be read in full for every new token.
#
# Do the heads all need keys of their own? In **grouped-query attention** (Ainslie et al.
# 2023, section 2.2) the N query heads are divided into K groups, and each group shares one
# key head and one value head. (K is a number here, no longer the matrix of all keys.) There
# are still N rows of weights for each query and N averages, but the cache shrinks by a
# factor of N/K. With K = N it is multi-head attention; with K = 1, one key head for all, it
# is called multi-query attention (Shazeer 2019).
#
# ```
# query heads     0   1   2   3   4   5
# key heads       └── 0 ──┘   └── 1 ──┘
# ```
#
# ### Exercise: grouped-query attention (3 points, 6 minutes, middle)
#
# The heads are split already, and stay so.


# %% exercise="grouped_query_attention"
def grouped_query_attention(query, key, value):
    """N query heads share K key and value heads: each serves N/K neighbours.

    query (B, N, T, H), key (B, K, S, H), value (B, K, S, V). Returns (B, N, T, V).
    """
    # BEGIN SOLUTION
    group_size = query.shape[1] // key.shape[1]
    key = ops.repeat(key, group_size, axis=1)  # (B, N, S, H)
    value = ops.repeat(value, group_size, axis=1)  # (B, N, S, V)
    return layers.scaled_dot_product_attention(query, key, value)
    # END SOLUTION


# %%
check(grouped_query_attention)

# %% [markdown]
# How much does it save? Take a large model: 80 layers of 64 heads of size 128, the sizes
# of LLaMA 65B (Touvron et al. 2023, table 2), numbers of 2 bytes, and a text of 4,096
# tokens.
#
# **Predict first.** Every query head has a key head and a value head of its own.

# %%
this.predict(
    "cache-size",
    "How large is the cache of one such text?",
    ["about 10 megabytes", "about 100 megabytes", "about 1 GB", "about 10 GB"],
)


# %% tags=["experiment"]
def cache_bytes(key_heads, length=4096, num_layers=80, size=128, bytes_each=2):
    """Keys and values, hence the first 2, of one text."""
    return 2 * num_layers * length * key_heads * size * bytes_each


gigabytes = {key_heads: cache_bytes(key_heads) / 1e9 for key_heads in (64, 8, 1)}
for key_heads, size in gigabytes.items():
    print(f"key heads: {key_heads:2}   cache of one text: {size:5.2f} GB")

small = layers.MultiHeadAttention(num_heads=8, key_dim=16, num_key_value_heads=2)
token = np.zeros((1, 1, 128), "float32")
cache = np.zeros((1, 2, 100, 2, 16), "float32")  # (B, 2, S, K, H)
_, cache = small(query=token, value=token, cache=cache, cache_update_index=0)
held = np.asarray(cache).nbytes
formula = cache_bytes(2, length=100, num_layers=1, size=16, bytes_each=4)
print(f"a small layer's cache, held: {held} bytes, by the formula: {formula}")
this.reveal("cache-size", "about 10 GB", f"{gigabytes[64]:.1f} GB")

# %% [markdown] tags=["result"]
# With a key head for each query head, the cache of a *single* text takes more than 10 GB,
# and every token that is written reads all of it. Eight key heads need an eighth of that,
# one a sixty-fourth. The small layer is a check that the formula counts what the library's
# layer really holds.

# %% [markdown]
# In `layers.MultiHeadAttention`, `num_key_value_heads` is K, and a cache goes in and comes
# out. Keras's own layer has no cache; KerasHub's `CachedMultiHeadAttention` adds one.
#
# What does it cost? Ainslie et al. (2023, table 1) turned a trained model, T5-XXL, into
# others with fewer key heads, and trained them on for a short while. With a key head for
# each query head it scored 47.2 on average over seven tasks and took 1.51 seconds a sample;
# with 8 groups 47.1 and 0.28 seconds; with a single key head 46.6 and 0.24 seconds.

# %% [markdown]
# ## 10. The same in Keras
#
# `keras.layers.MultiHeadAttention` and ours take the same arguments and hold the same
# four projections. A kernel there has the heads as an axis, (D, N, H) instead of (D, N · H):
# the same numbers, cut. We give both the matrices of your layer and compare.

# %%
random = np.random.default_rng(10)
sequence = random.normal(size=(3, 20, 32)).astype("float32")
memory = random.normal(size=(3, 30, 48)).astype("float32")
mask = random.random((3, 20, 30)) < 0.7
dense = [keras.layers.Dense(width) for width in (24, 24, 24, 32)]  # 4 heads of 6
yours = MultiHead(4, *dense)(sequence, memory, attention_mask=mask)

matrices = [np.asarray(layer.kernel) for layer in dense]
largest_difference = {}
peers = {
    "keras.layers": keras.layers.MultiHeadAttention,
    "tlkeras.layers": layers.MultiHeadAttention,
}
for name, peer in peers.items():
    layer = peer(num_heads=4, key_dim=6)
    layer.build(sequence.shape, memory.shape)
    layer.query_dense.kernel.assign(matrices[0].reshape(32, 4, 6))
    layer.key_dense.kernel.assign(matrices[1].reshape(48, 4, 6))
    layer.value_dense.kernel.assign(matrices[2].reshape(48, 4, 6))
    layer.output_dense.kernel.assign(matrices[3].reshape(4, 6, 32))
    theirs = layer(query=sequence, value=memory, attention_mask=mask)
    largest_difference[name] = np.abs(yours - theirs).max()
function = multi_head_attention(sequence, memory, memory, *matrices, 4, mask=mask)
largest_difference["your function"] = np.abs(yours - function).max()
for name, difference in largest_difference.items():
    print(f"largest difference, your layer and {name}: {difference:.1e}")

# %% [markdown]
# All the same: differences around $10^{-7}$ are rounding. (New `Dense` layers have biases of
# zero, so that your function without biases agrees as well.)
#
# In production code you would write
#
# | what | in Keras |
# |---|---|
# | self-attention | `attention(query=x, value=x)` |
# | cross-attention | `attention(query=x, value=memory)` |
# | the memory's padding | `value_mask=memory_mask`, or attached by `Embedding(mask_zero=True)` |
# | the causal mask | `use_causal_mask=True` |
# | shared keys | `keras.layers.GroupQueryAttention(head_dim, num_query_heads, num_key_value_heads)` |
# | the maps | `return_attention_scores=True` |
#
# Beware of an order: the *layers* take `(query, value, key)`, the *functions*
# `(query, key, value)`. Pass them by name.

# %% [markdown]
# ## What you have built
#
# Split, attend, merge, project: the layer in which the tokens of a Transformer exchange what
# they know. You know from a measurement why it has several heads, what a head can learn,
# and how two sequences meet. One thing was taken for granted: each card was told its
# place. Without that, attention would not notice if the cards were shuffled. Lesson 03 is
# about places.
#
# ## Where this comes from
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin (2017),
#   *Attention Is All You Need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762).
#   Section 3.2.2: multi-head attention; section 3.2.3: where self- and cross-attention
#   stand in a Transformer.
# - Shazeer (2019), *Fast Transformer Decoding: One Write-Head is All You Need*,
#   [arXiv:1911.02150](https://arxiv.org/abs/1911.02150). Section 3: one key head for all.
# - Ainslie, Lee-Thorp, de Jong, Zemlyanskiy, Lebrón and Sanghai (2023), *GQA: Training
#   Generalized Multi-Query Transformer Models from Multi-Head Checkpoints*,
#   [arXiv:2305.13245](https://arxiv.org/abs/2305.13245). Section 2.2 and table 1.
# - Touvron et al. (2023), *LLaMA: Open and Efficient Foundation Language Models*,
#   [arXiv:2302.13971](https://arxiv.org/abs/2302.13971). Table 2.
# - Alpaydin and Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI Machine
#   Learning Repository: the digits.

# %%
this.end()
