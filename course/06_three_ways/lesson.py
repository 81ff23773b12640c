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
# # 06 Three ways to transfer
#
# About 90 minutes, 20 points. You need lessons 01 to 05, or to know what an encoder block
# and an embedding are.
#
# So far each model began with random weights. From here on models begin with what another
# one has learned. By the end of this notebook you will be able to
#
# - use a pretrained model in three ways: as features, as initial parameters, fine-tuned;
# - freeze a model so that it is really frozen, and compute it only once;
# - copy what fits from one model to another, and know what did not;
# - say with an honest number, and how sure it is, what transfer is worth;
# - say what each way costs, and when transfer hurts.

# %%
from tlkeras.course import lesson

this = lesson("06_three_ways")
check = this.check

from textwrap import fill

import keras
import numpy as np
from keras import ops
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tlkeras import visualization as show
from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.datasets import docstrings
from tlkeras.models import BertClassifier
from tlkeras.transfer import Retrainer, draw_labels, find_leaks, summary

PRESET, DATA = "tlkeras://bert_docstrings", docstrings  # section 10 has others

# %% [markdown]
# ## A question to begin with
#
# Each of these sentences was written for one of five Python packages: Keras, Matplotlib,
# NumPy, SciPy or scikit-learn. (Where a package was named, the name is masked.) Which one?

# %% tags=["experiment"]
size = this.at_scale(quick={"per_package": 120}, default={})
train, validation, test = DATA.load_data(**size)
names = DATA.CLASSES
riddles = np.random.default_rng(10).permutation(len(test[0]))[:6]


def wrapped(sentence, before):
    """A sentence in lines that fit on a page."""
    after = " " * len(before)
    return fill(sentence, 88, initial_indent=before, subsequent_indent=after)


for number, i in enumerate(riddles, 1):
    print(wrapped(test[0][i], f"{number}. "))

# %%
this.predict(
    "second-sentence",
    "Which package was the second sentence written for?",
    ["keras", "matplotlib", "numpy", "scipy", "sklearn"],
)

# %% tags=["experiment"]
answers = [names[test[1][i]] for i in riddles]
this.reveal("second-sentence", answers[1], f"1 to 6: {', '.join(answers)}")

# %% [markdown]
# Not easy, though you have read documentation before. Now suppose you want a program that
# can tell, and somebody has sorted a **hundred** sentences for you, twenty a package.
#
# You could train a small Transformer on these hundred. Or you could take a model that has
# read the documentation of *other* packages, has never seen these five, and was never
# asked this question: it learned from text alone, without a label. Is that better? By how
# much, and how would you know? And what exactly do you do with it?

# %% [markdown]
# ## 1. A few labels, fairly drawn
#
# We have more labelled sentences than a hundred, so we can *pretend* to have few, again
# and again with others: that shows how much depends on luck. Three rules make such a
# comparison fair.
#
# 1. **No leaks.** What is tested must not have been trained on, nearly the same sentence
#    included. (Lee et al. 2021 found that more than 4 % of the validation examples of
#    standard data sets nearly repeat a training example.)
# 2. **As many of each class.** Ten sentences drawn blindly from five classes often lack a
#    class altogether. So: as many of each, and more labels contain the fewer ones.
# 3. **The same draw for all.** For one seed, every method learns from the same labels.
#
# **Predict first.** Draw ten sentences blindly from five classes of equal size.

# %%
this.predict(
    "class-missing",
    "How often is at least one class missing altogether?",
    ["hardly ever: about 5 %", "about one time in six", "about every second time"],
)

# %%
leaks = find_leaks({"train": train[0], "validation": validation[0], "test": test[0]})
print(
    len(train[0]), len(validation[0]), len(test[0]), "sentences,", len(leaks), "leaks"
)

draws = np.random.default_rng(0).integers(5, size=(10_000, 10))
missing = np.mean([len(set(draw)) < 5 for draw in draws.tolist()])
this.reveal(
    "class-missing",
    "about every second time",
    f"one class or more is missing in {missing:.0%} of the draws",
)


# %%
def drawn(labels, count, seed):
    """Some examples, as many of each class, others for each seed."""
    return draw_labels(labels, count, seed)


def part(split, count):
    """Some texts of a split and their labels."""
    places = drawn(split[1], count, seed=0)
    return [split[0][i] for i in places], split[1][places]


texts, labels = part(train, this.at_scale(quick=150, default=4_000))
validation_texts, validation_labels = part(
    validation, this.at_scale(quick=40, default=400)
)
test_texts, test_labels = part(test, this.at_scale(quick=40, default=500))

# %% [markdown]
# From here on there are up to 4,000 sentences to draw labels from, 400 to validate with
# and 500 to test on, as many of each package. Guessing gets one in five right.

# %% [markdown]
# ## 2. One vector for a sentence
#
# The model that we take over is a small BERT: the encoder of lesson 05, four blocks of
# vectors of 128 numbers, 1.6 million weights. It was trained on docstrings of the standard
# library and of more than forty packages, to guess words that were hidden from it; lesson
# 08 is about that. (Its token vectors began as counts of which words stand near each other;
# `data/bert_docstrings/README.md` has the recipe, and what was kept out.) What counts here:
# to guess a word it must make something of the words around it, and *that* is what we want.
#
# Its own answers (guesses for hidden words) are of no use to us. So its last layer, the
# **head**, is cut off, and what is left is called the **body** or **backbone**. (Attention
# has heads too; the two have only the name in common.) The body turns a text of T tokens
# into T vectors:

# %%
LENGTH = 24
prepare = preprocessor(PRESET, sequence_length=LENGTH)
body = from_preset(PRESET, use_pooler=False)


def tokens(texts):
    """Token ids (n, T); 0 is padding, and longer texts are cut off."""
    return ops.convert_to_numpy(prepare(texts)["token_ids"])


def inputs_of(token_ids):
    """What a BERT takes: tokens, which segment each is in, and what is no padding."""
    return {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": token_ids != 0,
    }


some = tokens(test_texts[:3])
vectors = body(inputs_of(some))["sequence_output"]
print("tokens", some.shape, "→ vectors", tuple(vectors.shape))
print("real tokens in each:", (some != 0).sum(axis=1))

# %% [markdown]
# A classifier wants *one* vector a text. The simplest way that works is the mean over its
# tokens (Reimers and Gurevych 2019, section 3; their section 6 compares it with others):
#
# $$f = \frac{\sum_{t=1}^{T} m_t\, x_t}{\sum_{t=1}^{T} m_t}$$
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x$ | vectors that the body computes | (B, T, D) |
# | $m$ | mask: 1 for a real token, 0 for padding | (B, T) |
# | $f$ | features | (B, D) |
#
# Here B texts make a batch, and D is 128. The body puts vectors at padded places too. They
# say nothing of the text, and how many there are depends on how far it was padded.
#
# ### Exercise: the mean of a text (2 points, 4 minutes, easy)


# %% exercise="mean_vector"
def mean_vector(vectors, padding_mask):
    """The mean of the vectors of real tokens.

    vectors: floats (B, T, D). padding_mask: (B, T), True (or 1) means keep; padding may
    stand anywhere. Returns floats (B, D); zeros for a text without any real token.
    """
    # BEGIN SOLUTION
    keep = np.asarray(padding_mask, dtype="float32")[..., None]  # (B, T, 1)
    count = np.maximum(keep.sum(axis=1), 1)  # (B, 1)
    return (vectors * keep).sum(axis=1) / count
    # END SOLUTION


# %%
check(mean_vector)

# %% [markdown]
# Has the body made anything of the words? A first look: which of 500 other sentences has
# the features most like those of a given one? For comparison, the same architecture with
# random weights, which has learned nothing.
#
# **Predict first.** By chance the nearest sentence is of the same package in 20 % of the
# cases.

# %%
this.predict(
    "nearest-random",
    "How often is it of the same package with the random body?",
    [
        "in 20 %: it has learned nothing",
        "in more than 20 %, but less often than with the pretrained one",
        "as often as with the pretrained one",
    ],
)


# %% tags=["experiment"]
def encoder_of(bert):
    """Token ids (n, T) → features (n, D)."""
    bert.compile(
        jit_compile=False, run_eagerly=this.at_scale(quick=True, default=False)
    )

    def encode(token_ids):
        inputs = inputs_of(token_ids)
        vectors = bert.predict(inputs, batch_size=256, verbose=0)["sequence_output"]
        return mean_vector(vectors, inputs["padding_mask"])

    return encode


keras.utils.set_random_seed(0)
random_body = type(body).from_config(body.get_config())
encode, encode_at_random = encoder_of(body), encoder_of(random_body)


def nearest(features, others):
    """For each row of features the place of the most similar of the others: cosine."""
    centre = others.mean(axis=0)  # what all sentences share tells none from another
    unit, other_unit = (
        (x - centre) / np.linalg.norm(x - centre, axis=1, keepdims=True)
        for x in (features, others)
    )
    return (unit @ other_unit.T).argmax(axis=1)


candidate_texts, candidate_labels = part(train, this.at_scale(quick=150, default=500))
candidates, queries = tokens(candidate_texts), tokens(test_texts)
neighbours = {
    "pretrained": nearest(encode(queries), encode(candidates)),
    "random": nearest(encode_at_random(queries), encode_at_random(candidates)),
}
for i in range(4):
    print("\n" + wrapped(test_texts[i], ""))
    for name, places in neighbours.items():
        print(wrapped(candidate_texts[places[i]], f"    {name:10}  "))
same_package = {
    name: np.mean(candidate_labels[places] == test_labels)
    for name, places in neighbours.items()
}
print("\nnearest sentence of the same package:")
for name, share in same_package.items():
    print(f"    {name:10}  {share:.0%}")
this.reveal(
    "nearest-random",
    "in more than 20 %, but less often than with the pretrained one",
    f"{same_package['random']:.0%} with the random body, "
    f"{same_package['pretrained']:.0%} with the pretrained one",
)

# %% [markdown] tags=["result"]
# Even random weights do better than chance. They keep apart which tokens are there, because
# each token has a vector of its own, so sentences with tokens in common tend to come out
# alike. (Four examples hardly show it; the share over all sentences does.) The pretrained
# body does better still: it brings together sentences that speak of like things, also in
# other words.

# %% [markdown]
# ## 3. The first way: features
#
# Leave the body as it is, and train a new head on what it computes. The head here is one
# matrix and a bias: $D \cdot C + C$ weights for C classes, 645 instead of 1.6 million. The
# body is **frozen**.
#
# Frozen says two things, and it is easy to do only one of them:
#
# 1. **Its weights do not learn.** In Keras, `body.trainable = False`. (The statistics of a
#    batch normalisation, which move without any gradient, stop too.)
# 2. **It computes as at inference.** Dropout is a part of training, and `trainable` does
#    not turn it off. With dropout on, the body gives other features for the same text each
#    time, and the head learns from noise.
#
# For the second, tutorials write `body(inputs, training=False)` where the model is put
# together. Let us see whether that works.
#
# **Predict first.** The same texts go twice through such a model, in training mode.

# %%
this.predict(
    "twice",
    "How far will the two outputs differ, at most?",
    [
        "not at all: it is frozen",
        "by rounding",
        "by as much as a feature is large, or more",
    ],
)


# %% tags=["experiment"]
def token_inputs():
    """Where a BERT's inputs enter a model."""
    kinds = ("token_ids", "segment_ids", "padding_mask")
    return {name: keras.Input((LENGTH,), dtype="int32", name=name) for name in kinds}


def pass_difference(model):
    """How much two passes in training mode differ, at most."""
    one, two = (model(inputs_of(some), training=True) for _ in range(2))
    return float(ops.max(ops.abs(one - two)))


model_inputs = token_inputs()
body.trainable = False
as_in_tutorials = keras.Model(
    model_inputs, body(model_inputs, training=False)["sequence_output"]
)
tutorial_difference = pass_difference(as_in_tutorials)
feature_size = float(ops.mean(ops.abs(as_in_tutorials(inputs_of(some)))))
this.reveal(
    "twice",
    "by as much as a feature is large, or more",
    f"by {tutorial_difference:.2f}; a feature is {feature_size:.2f} large on average",
)

# %% [markdown] tags=["result"]
# It does not work. In a functional model of Keras 3, the `training=True` with which `fit`
# calls the whole overrules the `training=False` that was given when the graph was drawn.
# (It still holds that `trainable = False` stops a batch normalisation; dropout has nothing
# of the kind.)

# %% [markdown]
# What you pass inside of a layer's own `call` is what counts, whatever `fit` says outside.
#
# ### Exercise: frozen for real (4 points, 6 minutes, middle)
#
# Write a layer around a body: its weights do not learn, and it computes as at inference,
# always. The body takes whatever it takes, one array or a dictionary; just pass it on.
# The check puts a head on your layer, takes a step of training, and looks at what moved.


# %% exercise="Frozen"
class Frozen(keras.layers.Layer):
    """A body that does not learn, and computes as at inference even in training."""

    def __init__(self, backbone):
        super().__init__()
        # BEGIN SOLUTION
        self.backbone = backbone
        self.backbone.trainable = False
        # END SOLUTION

    def call(self, inputs):
        """What the body takes → what it computes."""
        # BEGIN SOLUTION
        return self.backbone(inputs, training=False)
        # END SOLUTION


# %%
check(Frozen)

# %%
model_inputs = token_inputs()
pool = keras.layers.GlobalAveragePooling1D()  # Keras's name for your mean_vector
kept = Frozen(body)(model_inputs)["sequence_output"]
features = pool(kept, mask=ops.cast(model_inputs["padding_mask"], "bool"))
frozen_model = keras.Model(
    model_inputs, keras.layers.Dense(len(names), name="head")(features)
)
frozen_difference = pass_difference(frozen_model)
print(f"with your layer: {frozen_difference:.3f}")
print(summary(frozen_model))

# %% [markdown]
# Two passes in training mode now give the very same. And the table says what an optimizer
# would have to look after: the head, and nothing else. (Adam keeps two numbers for each
# weight that learns.)
#
# ## 4. Compute once, remember
#
# If the body says the same of a text each time, why ask it again in every epoch? Compute
# its features once, keep them, and train the head on them. Nothing is approximated: the
# derivative of the loss with respect to the head depends on the features alone.
#
# What could go wrong is the keeping. Features must come back beside the right text, also
# when the texts come in another order, and never from another model.
#
# ### Exercise: remembered features (3 points, 10 minutes, hard)
#
# `encode` computes features of token ids, and `memory` is a dictionary that belongs to one
# model: what you put in is there in the next call. Compute each different row once, and all
# new ones in *one* call of `encode` (none if nothing is new): a batch of 32 takes far less
# time than 32 batches of one. Two texts are the same if their rows are. The check calls
# your function five times, four times with one memory and batches that share rows, then with
# another model and an empty memory, and counts what `encode` had to do.


# %% exercise="remembered_features"
def remembered_features(encode, token_ids, memory):
    """The features of some texts, each different text computed only once.

    encode: a function, integers (n, T) → floats (n, D). token_ids: integers (B, T).
    memory: a dictionary, empty at first; put in it what was computed.
    Returns floats (B, D).
    """
    # BEGIN SOLUTION
    keys = [row.tobytes() for row in token_ids]
    pairs = zip(keys, token_ids, strict=True)
    new = {key: row for key, row in pairs if key not in memory}
    if new:
        vectors = encode(np.stack(list(new.values())))
        memory.update(zip(new, vectors, strict=True))
    return np.stack([memory[key] for key in keys])
    # END SOLUTION


# %%
check(remembered_features)

# %% [markdown]
# **Predict first.** The head is trained for three epochs, once with the body run each time
# and once on remembered features.

# %%
this.predict(
    "faster",
    "How much faster is an epoch on remembered features?",
    ["less than twice", "two to ten times", "more than ten times"],
)

# %%
this.predict(
    "two-heads",
    "How different are the two heads after three epochs?",
    ["not, but for rounding", "by a few percent", "clearly: shortcuts cost something"],
)

# %% tags=["experiment"]
from time import process_time

few_texts, few_labels = part(train, this.at_scale(quick=40, default=1_000))
few = tokens(few_texts)


def trained(model, x, y):
    """Train for three epochs; seconds of processor time for one."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.SGD(0.05),
        loss,
        run_eagerly=this.at_scale(quick=True, default=False),
    )
    options = {"batch_size": 32, "shuffle": False, "verbose": 0}
    model.fit(x, y, **options)  # the first compiles
    start = process_time()
    model.fit(x, y, epochs=2, **options)
    return (process_time() - start) / 2


cached_model = keras.Sequential(
    [keras.Input((vectors.shape[-1],)), keras.layers.Dense(len(names))]
)
frozen_head = frozen_model.get_layer("head")
cached_model.set_weights(frozen_head.get_weights())
start = process_time()
few_features = remembered_features(encode, few, {})
once = process_time() - start
each_time = trained(frozen_model, inputs_of(few), few_labels)
from_memory = trained(cached_model, few_features, few_labels)
heads = zip(frozen_head.weights, cached_model.weights, strict=True)
head_difference = max(float(ops.max(ops.abs(a - b))) for a, b in heads)
print(f"computing features once:      {once:.3f} s")
print(f"epoch with the body run:      {each_time:.3f} s")
print(f"epoch on remembered features: {from_memory:.3f} s")
times = each_time / from_memory
this.reveal(
    "faster",
    "less than twice"
    if times < 2
    else "two to ten times"
    if times < 10
    else "more than ten times",
    f"{times:.0f} times faster here",
)

# %%
this.reveal(
    "two-heads",
    "not, but for rounding",
    f"their weights differ by {head_difference:.0e} at most",
)

# %% [markdown] tags=["result"]
# The two heads are the same, but for rounding; and what is left of an epoch is mostly what
# `fit` itself costs. With a larger body the gain is larger: for MiniLM, with 22.7 million
# weights, an epoch on features is 96 times faster (`benchmarks/RESULTS.md`). Computing the
# features costs about as much as an epoch with the body, once.

# %% [markdown]
# `tlkeras.transfer.cached_features` does the same on disk. Its name for a set of features is
# made of the model's weights, its settings and the data, so another checkpoint can never
# get the old features, and it checks what it reads.
#
# ## 5. How good is it, honestly?
#
# Every method has settings: how strongly a head is regularised, a learning rate, a number
# of steps. Whoever tries ten settings and reports the best *test* score reports luck as
# skill. So: try them on **validation** sentences, and look at the test only for the one
# that was chosen. Both sides of a comparison get a grid, also the one you hope will lose.


# %%
def honest_score(validation, test):
    """Test scores (S,) of the setting that is best on validation: both (G, S)."""
    return test[validation.mean(axis=1).argmax()]


# %% [markdown]
# And how sure is a difference? A run depends on luck: on the labels that were drawn, on
# the first weights, on the order of the batches. Five seeds give five scores, and their
# mean strays less than each of them. But do not put two means side by side, each with its
# own error bar: within a seed both methods learned from the *same* labels, so a lucky draw
# is lucky for both, and in the **difference** that luck goes away. With the gains
# $g_1 \dots g_S$ of S seeds and their mean $\bar g$, the 95 % interval is
#
# $$\bar g \;\pm\; t_{S-1} \frac{s}{\sqrt S}$$
#
# $$s^2 = \frac{1}{S - 1} \sum_{i=1}^{S} (g_i - \bar g)^2$$
#
# Here $s$ is the standard deviation of a gain, and $s / \sqrt S$ that of their mean. The
# factor $t_{S-1}$ is `stats.t.ppf(0.975, S - 1)`: 95 % of Student's distribution with S − 1
# degrees of freedom lie within $\pm t_{S-1}$. For five seeds it is 2.78 and not 1.96, as
# $s$ is itself estimated from no more than five numbers. When the interval leaves out 0,
# this course speaks of a gain.
#
# ### Exercise: a gain and its interval (3 points, 6 minutes, middle)


# %% exercise="paired_gain"
def paired_gain(scores, baseline):
    """How much better than a baseline, and how sure that is.

    scores, baseline: floats (K, S), for K numbers of labels and S seeds.
    Returns the mean gain (K,) and half the width of its 95 % interval (K,).
    """
    # BEGIN SOLUTION
    gains = scores - baseline  # (K, S)
    seeds = gains.shape[1]
    error = gains.std(axis=1, ddof=1) / np.sqrt(seeds)  # (K,)
    return gains.mean(axis=1), stats.t.ppf(0.975, seeds - 1) * error
    # END SOLUTION


# %%
check(paired_gain)

# %% [markdown]
# Now the first curve. Three sets of features, the same head on all (a logistic
# regression, with three strengths of regularisation to choose from; scikit-learn's C, large
# for a weak one):
#
# - those of the **pretrained body**;
# - those of the **random body**, to see what is owed to the architecture alone;
# - **counts of words**, weighted by how rare they are (TF-IDF): the simplest thing that
#   could work. It looks up words and knows nothing of what they mean.
#
# **Predict first.** Three curves, from 25 to 3,200 labels.

# %%
this.predict(
    "hundred",
    "Which is highest with 100 labels?",
    ["the pretrained body", "the random body", "counts of words"],
)

# %%
this.predict(
    "thousands",
    "Which is highest with 3,200 labels?",
    ["the pretrained body", "the random body", "counts of words"],
)

# %% tags=["experiment"]
COUNTS = np.array(this.at_scale(quick=[25, 50], default=[25, 100, 400, 3200]))
SEEDS = range(this.at_scale(quick=2, default=5))
STRENGTHS = {  # of regularisation: large values for weak
    "features": this.at_scale(quick=(0.01,), default=(0.001, 0.01, 0.1)),
    "words": this.at_scale(quick=(10,), default=(1, 10, 100)),
}

splits = {"train": texts, "validation": validation_texts, "test": test_texts}
ids = {name: tokens(part) for name, part in splits.items()}
encoders = {"pretrained body": encode, "random body": encode_at_random}
computed = {}
for name, encoder in this.progress(encoders.items(), "computing features"):
    memory = {}
    found = {k: remembered_features(encoder, x, memory) for k, x in ids.items()}
    mean, deviation = found["train"].mean(axis=0), found["train"].std(axis=0)
    computed[name] = {k: (x - mean) / (deviation + 1e-6) for k, x in found.items()}


def of_bodies(name):
    """Features by split, those of drawn examples for training."""
    found = computed[name]
    return lambda places: (found["train"][places], found["validation"], found["test"])


def of_words(places):
    """Counts of the words that the drawn texts have, rare ones weigh more."""
    words = TfidfVectorizer(sublinear_tf=True)
    known = words.fit_transform([texts[i] for i in places])
    return known, words.transform(validation_texts), words.transform(test_texts)


@threadpool_limits.wrap(limits=1)  # on small matrices, threads wait for each other
def linear(features_of, strengths):
    """Test scores (K, S) of a logistic regression, its strength chosen honestly."""
    rows = []
    for count in this.progress(COUNTS, "numbers of labels"):
        found = np.zeros((2, len(strengths), len(SEEDS)))
        for seed in SEEDS:
            places = drawn(labels, count, seed)
            known, *others = features_of(places)
            for i, strength in enumerate(strengths):
                head = LogisticRegression(C=strength, max_iter=1000, tol=1e-3)
                head.fit(known, labels[places])
                found[:, i, seed] = [
                    head.score(x, y)
                    for x, y in zip(
                        others, (validation_labels, test_labels), strict=True
                    )
                ]
        rows.append(honest_score(*found))
    return np.array(rows)


def interval(scores):
    """Mean and half width, for a figure: the gain over nothing."""
    return paired_gain(scores, np.zeros_like(scores))


curve = {name: linear(of_bodies(name), STRENGTHS["features"]) for name in computed}
curve["counts of words"] = linear(of_words, STRENGTHS["words"])
show.learning_curves(
    COUNTS,
    {name: interval(scores) for name, scores in curve.items()},
    "share of test sentences",
    "One head, three kinds of features",
)
rivals = ("random body", "counts of words")
gains = [paired_gain(curve["pretrained body"], curve[rival]) for rival in rivals]
print("gain of the pretrained body over …")
print("labels" + "".join(f"{rival:>19}" for rival in rivals))
for i, count in enumerate(COUNTS):
    cells = "".join(f"{gain[i]:>+11.3f} ± {half[i]:.3f}" for gain, half in gains)
    print(f"{count:>6,}{cells}")
this.reveal(
    "hundred",
    "the pretrained body",
    ", ".join(f"{name} {scores[1].mean():.0%}" for name, scores in curve.items()),
)

# %%
this.reveal(
    "thousands",
    "counts of words",
    ", ".join(f"{name} {scores[-1].mean():.0%}" for name, scores in curve.items()),
)

# %% [markdown] tags=["result"]
# Three things to read off; the table has the gains with their intervals.
#
# - **It is the pretraining.** The same architecture with random weights is far behind from
#   100 labels on: what is worth something is what the body read, not how it is built.
# - **It helps most when labels are few.** With 100 the pretrained body is well ahead of
#   counting words: a word that none of the hundred sentences has counts for nothing,
#   while the body knows words like it.
# - **And the advantage goes.** The more sentences are labelled, the more words have been
#   seen with a label. The curve of the counts is steeper and crosses the other one. We
#   come back to that in section 9.

# %% [markdown]
# ## 6. The second way: parameters
#
# Features transfer what a model *computes*. One can also transfer what it *is made of*:
# its weights, as the place where training begins.
#
# ```
#                features          parameters           fine-tuning
#
#   head         new               new                  new
#                                 ┌──────────────┐
#   block 4      copied, frozen   │ new          │      copied
#   block 3      copied, frozen   │ new          │      copied
#                                 └──────────────┘
#   block 2      copied, frozen    copied               copied
#   block 1      copied, frozen    copied               copied
#   embeddings   copied, frozen    copied               copied
#
#   what learns  the head          everything           everything
#   how          as you like       at the usual rate    gently: few or small steps
# ```
#
# **Initial parameters**: a model of your own gets some of its first values from another one,
# as far as they fit, and begins at random elsewhere. From then on it is trained like any
# model. It need not have the same depth, head or purpose. (Yosinski et al. 2014 copied the
# first n layers of eight and trained on: their AnB+, section 4.)
#
# What fits? In Keras each weight has a **path**, the names of the layers around it and its
# own: `transformer_layer_0/self_attention_layer/query/kernel`. The same path says that it
# has the same job. If it has the same shape as well, it can be copied. What is not copied
# stays random, and nothing in the training will tell you: it only ends a little worse. So
# whoever copies says what was *not* copied, and why.
#
# ### Exercise: copy what fits (4 points, 8 minutes, middle)
#
# Two models have weights in common, and others not: a head for other classes, blocks that
# only one of them has. A weight has a `path`, a `shape`, and `assign(value)`, which writes
# into it. `model.weights` lists all of a model's weights, those that do not learn included.


# %% exercise="copy_parameters"
def copy_parameters(source, target):
    """Copy each weight that fits, and say which were not copied.

    source, target: models. A weight of the target fits if the source has one with the
    same path and the same shape. Returns a dictionary of the target's weights that were
    not copied, path → "missing" (the source has no such path) or "shape" (it has
    another shape there).
    """
    # BEGIN SOLUTION
    known = {weight.path: weight for weight in source.weights}
    report = {}
    for weight in target.weights:
        if weight.path not in known:
            report[weight.path] = "missing"
        elif known[weight.path].shape != weight.shape:
            report[weight.path] = "shape"
        else:
            weight.assign(known[weight.path])
    return report
    # END SOLUTION


# %%
check(copy_parameters)

# %% [markdown]
# Three beginnings for the same classifier: **from scratch**, with parameters from the lower half
# of the body, and from the whole body.

# %%
from functools import cache

CONFIG = body.get_config()
BLOCKS = CONFIG["num_layers"]
lower_half = type(body).from_config({**CONFIG, "num_layers": BLOCKS // 2})
copy_parameters(body, lower_half)
SOURCES = {"from scratch": None, "parameters": lower_half, "fine-tuned": body}
newborn = BertClassifier(type(body).from_config(CONFIG), len(names))


@cache
def random_weights(seed):
    """Weights of a classifier that has learned nothing."""
    keras.utils.set_random_seed(seed)
    return BertClassifier(type(body).from_config(CONFIG), len(names)).get_weights()


def first_weights(source, seed):
    """Weights that a run begins with: random ones, and copies of what fits."""
    newborn.set_weights(random_weights(seed))
    if source is not None:
        copy_parameters(source, newborn)
    return newborn.get_weights()


for way, source in list(SOURCES.items())[1:]:
    report = copy_parameters(source, newborn)
    print(f"{way}: {len(newborn.weights) - len(report)} weights copied; not copied:")
    print("   ", {(path.split("/")[0], reason) for path, reason in report.items()})

# %% [markdown]
# ## 7. The third way: fine-tuning
#
# **Fine-tuning** takes the *whole* model and adapts it gently, with few steps or small
# ones, so that it stays near the place where it was. (BERT's authors fine-tune for two to
# four epochs at rates of 2e-5 to 5e-5, and pretrain at 1e-4: Devlin et al. 2018, appendices
# A.2 and A.3.) The words are not used alike everywhere; many call everything fine-tuning
# that begins with copied weights. The two questions behind the words are always there:
# **what is copied**, and **how far may it move**?
#
# Head and body are not in the same position. The head begins at random and has far to go.
# The body knows something and has something to lose. And as long as the head is wrong, what
# it sends back to the body is noise. So give each a learning rate of its own, and let the
# body wait until the head has found its way: **the head first, then all**.
#
# ### Exercise: fine-tuning (4 points, 8 minutes, middle)
#
# Weights are lists of arrays here. `slopes(body, head, batch)` gives two lists: how the loss
# on a batch changes with each array of the body and of the head. A step of gradient descent
# subtracts rate × slope. The given arrays are the pretrained ones, which others need, too:
# leave them as they are.


# %% exercise="fine_tune"
def fine_tune(body, head, slopes, batches, body_rate, head_rate, frozen):
    """Gradient descent with a rate for the body and one for the head, a step a batch.

    body, head: lists of arrays. slopes: a function of body, head and a batch, → a list
    for the body and a list for the head. batches: what `slopes` takes, one after another.
    frozen: in so many steps at the beginning the body does not move.
    Returns body and head as they are in the end.
    """
    # BEGIN SOLUTION
    for step, batch in enumerate(batches):
        for_body, for_head = slopes(body, head, batch)
        head = [w - head_rate * s for w, s in zip(head, for_head, strict=True)]
        if step >= frozen:
            body = [w - body_rate * s for w, s in zip(body, for_body, strict=True)]
    return body, head
    # END SOLUTION


# %%
check(fine_tune)

# %% [markdown]
# Your loop can train BERT. What it needs is `slopes` of the real model: below they come
# from TensorFlow's tape and are evened out as Adam does it (lesson 05), so that a rate of
# 1e-3 moves each number by about 0.001 a step. Batches have 16 texts.

# %% tags=["experiment"]
import tensorflow as tf

COUNT = this.at_scale(quick=25, default=100)  # labels
classifier = BertClassifier(from_preset(PRESET, use_pooler=False), len(names))
trainer = Retrainer(
    classifier, batch_size=16, jit_compile=this.at_scale(quick=False, default=True)
)
classifier.run_eagerly = this.at_scale(quick=True, default=False)
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@tf.function(jit_compile=this.at_scale(quick=False, default=True))
def gradients(inputs, answers):
    """How the loss of the classifier changes with each of its weights."""
    with tf.GradientTape() as tape:
        loss = loss_of(answers, classifier(inputs, training=True))
    found = tape.gradient(loss, classifier.trainable_weights)
    return [tf.convert_to_tensor(gradient) for gradient in found]


def adam_slopes(inputs, answers):
    """What Adam subtracts at a learning rate of 1, as a function for `fine_tune`."""
    mean, square, powers = [], [], [1.0, 1.0]

    def slopes(body, head, batch):
        classifier.set_weights([*body, *head])
        rows = {name: x[batch] for name, x in inputs.items()}
        found = [g.numpy() for g in gradients(rows, answers[batch])]
        mean[:] = [0.9 * m for m in mean] or [0 * g for g in found]
        square[:] = [0.999 * s for s in square] or [0 * g for g in found]
        powers[:] = [0.9 * powers[0], 0.999 * powers[1]]
        for g, m, s in zip(found, mean, square, strict=True):
            m += 0.1 * g
            s += 0.001 * g**2
        found = [
            m / (1 - powers[0]) / (np.sqrt(s / (1 - powers[1])) + 1e-7)
            for m, s in zip(mean, square, strict=True)
        ]
        return found[: len(body)], found[len(body) :]

    return slopes


def tune(seed, body_rate, head_rate, frozen, steps):
    """Fine-tune on drawn labels by your loop; the share of test sentences that is right."""
    places = drawn(labels, COUNT, seed)
    slopes = adam_slopes(inputs_of(ids["train"][places]), labels[places])
    batches = np.random.default_rng(seed).integers(len(places), size=(steps, 16))
    first = first_weights(body, seed)
    trainer.reset(seed)  # dropout
    last = fine_tune(
        first[:-2], first[-2:], slopes, batches, body_rate, head_rate, frozen
    )
    classifier.set_weights([*last[0], *last[1]])
    return trainer.accuracy(inputs_of(ids["test"]), test_labels)


# %% [markdown]
# From scratch and with parameters, AdamW trains everything, with batches of 16; the rate
# rises over a tenth of the steps and falls to 0 (lesson 05). `Retrainer` compiles that step
# once for all runs. Rate and steps from scratch were chosen on validation sentences from a
# grid, with other seeds (`benchmarks/claims/three_ways_settings.csv` in the repository; 180 steps are the
# end of the grid, so more might help it a little). Parameters are trained at the same rate,
# with half the steps. Fine-tuning is your loop, with a third of them: the body at
# 1e-3, frozen for the first 15, the head at ten times as much. Neither was searched for.
#
# **Predict first.** A hundred labels, five seeds, the same draws for all.

# %%
this.predict(
    "three-ways",
    "How will the three ways end, beside training from scratch?",
    [
        "fine-tuning well ahead of the two others",
        "all three ahead of scratch, and close together",
        "features ahead, the rest like scratch",
    ],
)

# %%
this.predict(
    "farthest",
    "With parameters, which blocks move farther, as a share of their size?",
    ["the copied ones", "the new ones", "both alike"],
)

# %% tags=["experiment"]
RATE = 1e-3  # of the two that are not gentle
STEPS = this.at_scale(
    quick={"from scratch": 3, "parameters": 3},
    default={"from scratch": 180, "parameters": 90},
)
GENTLE = {  # of fine-tuning
    "body_rate": 1e-3,
    "head_rate": 1e-2,
    "frozen": this.at_scale(quick=1, default=15),
    "steps": this.at_scale(quick=3, default=60),
}
PATHS = [weight.path for weight in body.weights]


def train_all(way, seed):
    """Train everything on drawn labels; the share of test sentences that is right."""
    places = drawn(labels, COUNT, seed)
    known, first = inputs_of(ids["train"][places]), first_weights(SOURCES[way], seed)
    trainer.run(known, labels[places], RATE, STEPS[way], seed, first)
    return trainer.accuracy(inputs_of(ids["test"]), test_labels)


def moved(before, now):
    """How far each block has moved, as a share of how large its weights were."""
    blocks = ["embedding"] + [f"transformer_layer_{i}/" for i in range(BLOCKS)]
    shares = []
    for block in blocks:
        chosen = [i for i, path in enumerate(PATHS) if block in path]
        change = sum(np.sum((now[i] - before[i]) ** 2) for i in chosen)
        shares.append((change / sum(np.sum(before[i] ** 2) for i in chosen)) ** 0.5)
    return shares


trained_scores, distance = {}, {}
for way, source in SOURCES.items():
    scores = []
    for seed in this.progress(SEEDS, way):
        gentle = way == "fine-tuned"
        scores.append(tune(seed, **GENTLE) if gentle else train_all(way, seed))
    trained_scores[way] = np.array([scores])
    distance[way] = moved(first_weights(source, seed), classifier.get_weights())
place = list(COUNTS).index(COUNT)
for name, scores in curve.items():  # from section 5, for the same labels
    name = "features" if name == "pretrained body" else name
    trained_scores[name] = scores[place : place + 1]

for way, scores in trained_scores.items():
    (mean,), (half,) = interval(scores)
    (gain,), (about,) = paired_gain(scores, trained_scores["from scratch"])
    print(
        f"{way:16} {mean:.3f} ± {half:.3f}   against scratch {gain:+.3f} ± {about:.3f}"
    )
left, right = show.panels(7.4, 4)
show.bars(
    [name.replace(" ", "\n", 1) for name in trained_scores],
    [scores.mean() for scores in trained_scores.values()],
    "",
    "share of test sentences",
    f"{COUNT} labels",
    axes=left,
)
show.curves(
    range(BLOCKS + 1),
    distance,
    "embeddings, then block 1, 2 …",
    "change / size at first",
    "How far weights moved",
    axes=right,
)

this.reveal(
    "three-ways",
    "all three ahead of scratch, and close together",
    ", ".join(f"{way} {scores.mean():.0%}" for way, scores in trained_scores.items()),
)

# %%
middle = 1 + BLOCKS // 2
copied, new = (
    np.mean(part) for part in np.split(distance["parameters"][1:], [middle - 1])
)
this.reveal(
    "farthest",
    "the new ones",
    f"copied blocks by {copied:.2f} of their size, new ones by {new:.2f}",
)

# %% [markdown] tags=["result"]
# All three ways are ahead of training from scratch, by five to twelve points in our runs,
# and each of the three intervals leaves out 0. Here is the answer to the question of the
# beginning: yes, take the model that has read other things. The three are close together.
# Then the cheapest wins, and with a hundred labels that is features.
#
# Training from scratch ended near the counts of words or below. A Transformer must learn from the same hundred
# sentences what a word is worth *and* how to read.
#
# The picture on the right is the difference between the ways. From scratch everything moves
# far. With parameters, the new blocks move nearly as far as from scratch, and the copied
# ones less than half as far, at the same learning rate. Fine-tuned, all blocks stay close to where
# they were. (Features would be a line at 0.)

# %% [markdown]
# ## 8. What each way costs
#
# Time and memory. While a model trains, memory holds its weights, a derivative for each
# weight that learns, and whatever the optimizer keeps: for Adam two numbers a weight.
# And something that is easily forgotten: to send derivatives back through a block, what
# it computed on the way must be kept until then (its **activations**). For one text of
# T tokens, and one encoder block of width D with N attention heads, these are about
# $15\,T D + 2 N T^2$ numbers: what goes into each matrix product, normalisation and
# activation function. (Korthikanti et al. 2022, section 4.1, count in this way.) A frozen
# body below the head keeps none of that.


# %% tags=["experiment"]
def activation_bytes(blocks, texts=16):
    """Bytes of activations that a step keeps for its derivatives, in float32."""
    config = body.get_config()
    width, count = config["hidden_dim"], config["num_heads"]
    return 4 * texts * (blocks * (15 * LENGTH * width + 2 * count * LENGTH**2) + width)


timed = this.at_scale(quick=2, default=20)
began = process_time()
trainer.run(inputs_of(few), few_labels, 1e-4, timed, seed=0)
per_step = (process_time() - began) / timed
whole, head_only = (summary(m, "adam").total for m in (classifier, frozen_model))
costs = {
    "features": (head_only, activation_bytes(0), from_memory / len(few) * 16),
    "parameters, fine-tuned": (whole, activation_bytes(BLOCKS), per_step),
}
print(f"{'':24}{'learn':>12}{'optimizer':>12}{'activations':>13}{'step of 16':>13}")
for name, (count, activations, step) in costs.items():
    print(
        f"{name:24}{count.trainable:>12,}{count.optimizer_bytes / 1e6:>9.3f} MB"
        f"{activations / 1e6:>10.3f} MB{1000 * step:>10.1f} ms"
    )

# %% [markdown]
# Parameters and fine-tuning cost the same, since everything learns in both. Beside what the
# table counts they need the weights themselves and a derivative for each, 6.3 MB a time, so
# some 38 MB in all. The head on remembered features needs next to nothing. On MiniLM (section 10) the
# optimizer's share alone is 181 MB, whatever the batch. The activations grow with the batch
# and the length of the texts: 32 texts of 128 tokens make 870 MB of them by the formula, and
# it is they that fill a small GPU first. (The last column is processor time for a batch of
# 16 texts; for features, an epoch of section 4 divided among its texts.)
#
# ## 9. When transfer hurts
#
# The first case you have seen already. With 3,200 labels the frozen body was *behind* the
# counts of words: look at the last gain in the table of section 5. (With 3,200 of 4,000
# sentences the draws of two seeds share most of theirs, so that interval is narrower than it
# should be.) A frozen body has fixed
# for good what it says of a sentence, in 128 numbers. Which exact words were there is not
# all in them, and no head can bring it back: more labels teach the head, and the body may
# not learn from them. A gain of ten points with a hundred labels is a loss with thousands.
#
# The second case is made in a moment: the same loop and the same head's rate, but the body
# gets the head's rate, too, nothing is frozen, and 30 steps will do.
#
# **Predict first.** Guessing gets 20 %.

# %%
this.predict(
    "too-fast",
    "Where will it end?",
    [
        "where fine-tuning ended, only sooner",
        "between fine-tuning and training from scratch",
        "about where guessing ends",
    ],
)

# %% tags=["experiment"]
FEW_SEEDS = list(SEEDS)[:3]  # enough for a difference of this size
HASTY = {
    "body_rate": GENTLE["head_rate"],
    "head_rate": GENTLE["head_rate"],
    "frozen": 0,
    "steps": this.at_scale(quick=3, default=30),
}
fast = [tune(seed, **HASTY) for seed in this.progress(FEW_SEEDS, "too fast")]
too_fast = np.array([fast])
for rival in ("fine-tuned", "from scratch"):
    (loss,), (about,) = paired_gain(too_fast, trained_scores[rival][:, : len(fast)])
    print(f"all at the head's rate, against {rival:12}  {loss:+.3f} ± {about:.3f}")
far = moved(first_weights(body, FEW_SEEDS[-1]), classifier.get_weights())
print("moved:", [f"{share:.2f}" for share in far])
this.reveal(
    "too-fast",
    "about where guessing ends",
    f"{too_fast.mean():.0%} are right, against "
    f"{trained_scores['fine-tuned'].mean():.0%} fine-tuned",
)

# %% [markdown] tags=["result"]
# It is as good as guessing. The last printed line says why. Its first number is for the
# embeddings, the others are for the blocks: each block has moved by more than half of its
# size, far more than training from scratch moved it. What had been learned is gone. The head alone may well move so fast, as it did in section 7: it had
# nothing to lose. Kumar et al. (2022) study a milder form of this: as long as the head is
# wrong, the body below is pulled to where it suits the wrong head. Their cure is the one
# that you have written, first the head with the body frozen, and then everything. Smaller
# steps, and a rate that begins near 0, are the usual ones.

# %% [markdown]
# When fine-tuning disappoints, look at the rate before you blame the weights.
#
# ## 10. Real weights: MiniLM on reviews and news
#
# Everything above is about one small model and one task. The same notebook does the same
# with MiniLM, a BERT of six blocks of 384 features that was trained on a billion pairs of
# sentences (22.7 million weights, Apache-2.0): change the line of the first cell that says
# `PRESET, DATA`, and run it again from the top.
#
# ```python
# from tlkeras.datasets import ag_news, sst2
#
# PRESET, DATA = "hf://sentence-transformers/all-MiniLM-L6-v2", sst2  # or ag_news
# ```
#
# `LENGTH` can then be 64, and the learning rates of section 7 are another model's: 1e-4 is
# what the benchmark below fine-tunes with.
#
# SST-2 asks whether a sentence of a film review is for or against the film; AG News, which
# of four topics an article is about. This repository's benchmark did both with 1,000 labels
# and five seeds, with texts of up to 64 tokens and a gentler way of fine-tuning (the rate
# falls from the head to the first block, lesson 07). From `benchmarks/RESULTS.md`:
#
# | 1,000 labels, share of test texts | SST-2 | AG News |
# |---|---|---|
# | counts of words and pairs of words | 0.706 ± 0.016 | 0.824 ± 0.010 |
# | features, logistic regression | 0.789 ± 0.005 | 0.873 ± 0.006 |
# | fine-tuned | 0.848 ± 0.004 | 0.890 ± 0.008 |
# | gain of fine-tuning over words | 0.142 ± 0.017 | 0.065 ± 0.008 |
# | gain of fine-tuning over features | 0.059 ± 0.005 | 0.017 ± 0.013 |
#
# On its task our small BERT had little of its lead over words left by a thousand labels;
# MiniLM is still well ahead on both of these. How much fine-tuning adds to features depends
# on the task: six points for reviews, hardly two for news. The price is the same for both:
# Adam keeps 181 MB for the body, instead of some kilobytes for a head.
#
# ## 11. The same in Keras and KerasHub
#
# KerasHub's classifiers are a `backbone` and a head, as here. The usual line to freeze one is
# `classifier.backbone.trainable = False`, and that is half of it:

# %%
import keras_hub

from tlkeras.transfer import freeze

keras.utils.set_random_seed(0)
theirs = keras_hub.models.BertTextClassifier(
    keras_hub.models.BertBackbone(
        vocabulary_size=CONFIG["vocabulary_size"],
        num_layers=2,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
    ),
    num_classes=len(names),
    dropout=0.0,
)
theirs.backbone.trainable = False
hub_difference = pass_difference(theirs)
hub_frozen = pass_difference(freeze(theirs, "backbone"))
print(f"backbone.trainable = False:       two passes differ by {hub_difference:.4f}")
print(f"tlkeras.transfer.freeze on it:    {hub_frozen:.4f}")
print("what learns:", [weight.path for weight in theirs.trainable_weights])

# %% [markdown]
# `tlkeras.transfer` works on any `keras.Model`: `freeze` does what your `Frozen` does and sets
# the rates of dropouts inside to 0 (`unfreeze` brings them back); `problems` says what would
# go wrong in silence; `cached_features` is your memory, on disk and checked; `draw_labels`
# drew the labels; `compare` runs strategies × numbers of labels × seeds, goes on after an
# interruption, and has your interval as `difference`.
#
# ## What to do with a hundred labels
#
# 1. Set a test aside, look for leaks, and count words. That takes a minute, and whatever
#    comes later has to beat it.
# 2. Features next: seconds of computing, one strength of regularisation to choose, and
#    nothing to break. Freeze for real, compute once.
# 3. Fine-tune when labels or seconds allow, with small steps, and only if the gain over
#    features, seed by seed, leaves out zero.
# 4. Take over parameters when your model is not the one that you have weights of: fewer
#    blocks, another head, another objective.
# 5. Whatever you report: against a baseline that had the same grid, with an interval.
#
# ## Where this comes from
#
# - Yosinski, Clune, Bengio and Lipson (2014), *How transferable are features in deep
#   neural networks?*, [arXiv:1411.1792](https://arxiv.org/abs/1411.1792). Section 4: copied
#   layers, frozen and trained on.
# - Devlin, Chang, Lee and Toutanova (2018), *BERT: Pre-training of Deep Bidirectional
#   Transformers*, [arXiv:1810.04805](https://arxiv.org/abs/1810.04805). Appendix A.3: how
#   it is fine-tuned.
# - Peters, Ruder and Smith (2019), *To Tune or Not to Tune?*,
#   [arXiv:1903.05987](https://arxiv.org/abs/1903.05987): features or fine-tuning, and when.
# - Howard and Ruder (2018), *Universal Language Model Fine-tuning for Text Classification*,
#   [arXiv:1801.06146](https://arxiv.org/abs/1801.06146): how to fine-tune gently; more of it
#   in lesson 07.
# - Kumar, Raghunathan, Jones, Ma and Liang (2022), *Fine-Tuning can Distort Pretrained
#   Features and Underperform Out-of-Distribution*,
#   [arXiv:2202.10054](https://arxiv.org/abs/2202.10054).
# - Zhang, Wu, Katiyar, Weinberger and Artzi (2020), *Revisiting Few-sample BERT Fine-tuning*,
#   [arXiv:2006.05987](https://arxiv.org/abs/2006.05987): the last blocks begun anew.
# - Reimers and Gurevych (2019), *Sentence-BERT*,
#   [arXiv:1908.10084](https://arxiv.org/abs/1908.10084). Sections 3 and 6: the mean.
# - Lee et al. (2021), *Deduplicating Training Data Makes Language Models Better*,
#   [arXiv:2107.06499](https://arxiv.org/abs/2107.06499): leaks.
# - Korthikanti et al. (2022), *Reducing Activation Recomputation in Large Transformer
#   Models*, [arXiv:2205.05198](https://arxiv.org/abs/2205.05198). Section 4.1: what memory
#   a block needs.
# - Student (1908), *The Probable Error of a Mean*, Biometrika 6 (1).
#
# Between moving nothing and moving everything there is much room. Lesson 07 moves a little.

# %%
this.end()
