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
# # 21 Seeing inside
#
# About 70 minutes, 20 points. You need lessons 01 and 02 (attention, heads) and 09, GPT.
#
# A model gives an answer, and somebody asks *why*. There are many pictures that look like a
# reply. This notebook is about telling those that are true from those that please. By its end
# you will be able to
#
# - follow attention through all layers of a model, and say what that leaves out;
# - test a map of what matters by deleting what it points at, beside a random order;
# - find heads that copy, take them out, and measure what the model can no longer do;
# - read what a model would say after each of its layers.

# %%
from tlkeras.course import lesson

this = lesson("21_seeing_inside")
check = this.check

import numpy as np
from keras import ops

from tlkeras import interpret
from tlkeras import visualization as show
from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.datasets import digits


def numpy(x):
    """Any backend's tensor as an array."""
    return np.asarray(ops.convert_to_numpy(x))


# %% [markdown]
# ## A question to begin with
#
# The small ViT of lesson 13 reads digits of 8 × 8 pixels as sixteen patches. Its body stays as
# it is; a linear classifier reads its class token.

# %%
from sklearn.linear_model import LogisticRegression

vit = from_preset("tlkeras://vit_digits")
(known_images, known_labels), (new_images, new_labels) = digits.load_data()
known_images, new_images = known_images[..., None], new_images[..., None]
COUNT = this.at_scale(quick=40, default=200)
new_images, new_labels = new_images[:COUNT], new_labels[:COUNT]
classifier = LogisticRegression(max_iter=2000)
classifier.fit(numpy(vit(known_images)["pooled_output"]), known_labels)
weights = classifier.coef_.T.astype("float32"), classifier.intercept_.astype("float32")


def vit_logits(images):
    """Ten numbers an image, (B, 10)."""
    return ops.matmul(vit(images)["pooled_output"], weights[0]) + weights[1]


said = numpy(vit_logits(new_images)).argmax(axis=1)
print(f"{np.mean(said == new_labels):.1%} of {COUNT} new digits are right")

# %% [markdown]
# Attention scores are at hand in every model: `return_attention_scores=True`. Here is how
# much the class token looks at each patch in the last block, the mean over four heads.

# %%
outputs = vit(new_images, return_attention_scores=True)
vit_scores = [numpy(x) for x in outputs["attention_scores"]]  # 3 × (B, N, T, T)
last_attention = vit_scores[-1].mean(axis=1)[:, 0, 1:]  # (B, P)


def as_images(maps):
    """Sixteen numbers as large as their patches, 1 for the largest."""
    large = maps.reshape(-1, 4, 4).repeat(2, axis=1).repeat(2, axis=2)
    return large / large.max(axis=(1, 2), keepdims=True)


some = slice(0, 6)
show.images(
    [*new_images[some, ..., 0], *as_images(last_attention[some])],
    [*(f"a {said[i]}" for i in range(6)), *["attention"] * 6],
    columns=6,
)

# %%
this.predict(
    "attention-true",
    "Somebody deletes the patches with most attention first, somebody else deletes them in "
    "a random order. Whose model forgets the digit sooner?",
    ["most attention first, clearly", "a random order", "about the same"],
)

# %% [markdown]
# You will write the measurement that answers this. First, more of what attention has to say.

# %% [markdown]
# ## 1. What is where
#
# All that a model computes has a name: the path of the layer that computes it.
# `interpret.intermediates` opens a block in which chosen layers also hand their output over,
# or give something else instead. The model's code stays as it is, and after the block all is
# as before.

# %%
gpt = from_preset("tlkeras://gpt_docstrings")
tokenizer = load_tokenizer("tlkeras://gpt_docstrings")
sentence = np.array([[0, *tokenizer.encode("Return the number of", special=False)]])
print(*interpret.layer_paths(gpt, "layer_0"), sep="\n")
joined = "transformer_layer_0/self_attention/attention_output"
with interpret.intermediates(gpt, [joined, f"{joined}.input"]) as seen:
    gpt(sentence)
print({path: tuple(value.shape) for path, value in seen.items()})

# %% [markdown]
# `.input` is what goes into a layer. Into the last map of an attention go the outputs of its
# heads, side by side: (B, T, N, V) with N = 4 heads of V = 32 features. Out come vectors of
# D = 128, the sum of what the heads write. That is the place where a head can be taken out.

# %% [markdown]
# ## 2. Attention through all layers
#
# In the last block a token attends to *places*, and what stands there was mixed by the blocks
# before. Attention rollout (Abnar and Zuidema 2020) follows the paths. If you did lesson 13,
# you wrote it for a class token; here it is for every output, and it will be tested. For block
# $l$, with the mean over the heads of its scores $A_l$,
#
# $$\hat A_l = \tfrac12 I + \tfrac12 A_l, \qquad R = \hat A_L \cdots \hat A_2 \hat A_1$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $A_l$ | (T, T) | row t: how query t attends in block l, mean over heads |
# | $I$ | (T, T) | the way around the attention: a token stays what it was |
# | $R$ | (T, T) | row t: how much of output t comes from each input |
#
# Row t of the last block says which of *its* inputs output t is made of; each of those is
# made of inputs of the block before. To sum over all ways between is a product of matrices,
# with the last block in front. Every row of $\hat A_l$ sums to 1, and so does every row of $R$.
#
# ### Exercise: rollout (4 points, 8 minutes, easy)


# %% exercise="rollout"
def rollout(scores):
    """From which input each output comes.

    scores: (L, N, T, T), attention scores of one text.
    Returns (T, T): outputs down, inputs across.
    """
    # BEGIN SOLUTION
    result = np.eye(scores.shape[-1])
    for layer in scores.mean(axis=1):  # (T, T)
        result = (0.5 * np.eye(len(layer)) + 0.5 * layer) @ result
    return result
    # END SOLUTION


# %%
check(rollout)

# %% [markdown]
# What a rollout leaves out: the *values*, which may be small where attention is large; the
# feed-forward networks; and signs, since a head may look at something to speak against it. It
# is a picture of where information *could* come from.

# %% [markdown]
# ## 3. Is the map true?
#
# A map gives each part of the input a number, its importance. If it is true, the answer must
# suffer when the parts with the largest numbers go. So delete them one by one, the most
# important first, and watch the probability of the answer: the **deletion curve** (Petsiuk,
# Das and Saenko 2018). The area below it, over the share that is deleted, is one number:
# *small* is true.
#
# Two things it needs. What stands in a deleted place must tell nothing; here a patch gets the
# mean of that patch over the known images. And an area means nothing alone: a model that is
# unsure from the beginning has a small area for *any* map. The same for a random order stands
# beside it.
#
# ### Exercise: what is still there (3 points, 7 minutes, middle)


# %% exercise="keep_masks"
def keep_masks(importance):
    """Which parts are still there after each step.

    importance: (P,); the largest is deleted first, of equals the first one.
    Returns booleans (P + 1, P): row k lacks the k most important parts.
    """
    # BEGIN SOLUTION
    count = len(importance)
    order = np.argsort(-importance, kind="stable")
    masks = np.ones((count + 1, count), dtype=bool)
    for step in range(count + 1):
        masks[step, order[:step]] = False
    return masks
    # END SOLUTION


# %%
check(keep_masks)

# %% [markdown]
# ### Exercise: the area (2 points, 4 minutes, easy)
#
# Join the points of the curve by straight lines. The way from *all there* to *nothing there*
# is 1 long.


# %% exercise="area"
def area(curve):
    """The area below a curve from 0 to 1.

    curve: (P + 1,), the score after each step.
    Returns a number.
    """
    # BEGIN SOLUTION
    return ((curve[1:] + curve[:-1]) / 2).mean()
    # END SOLUTION


# %%
check(area)

# %% [markdown]
# Four more maps for comparison. **Gradient × input** asks how the logit of the digit changes
# with each pixel, times how far the pixel is from the mean image. **Integrated gradients**
# (Sundararajan, Taly and Yan 2017) takes that slope not at the image alone but on average over
# the way from the mean image to it, so that the shares add up to the difference of the two
# logits. **Occlusion** deletes one patch alone and measures: sixteen runs instead of one. And
# *ink* is the darkness of a patch: it has never seen the model.

# %%
mean_image = known_images.mean(axis=0)
answers = np.eye(10, dtype="float32")[said]


def logit_of_answer(images):
    """The logit of what the model says of the whole image, (B,)."""
    return ops.sum(vit_logits(images) * answers, axis=1)


def probability(keep, instead=mean_image):
    """The probability of that answer, with patches deleted: keep (B, P) → (B,)."""
    there = keep.reshape(-1, 4, 4).repeat(2, axis=1).repeat(2, axis=2)[..., None]
    images = np.where(there, new_images, instead).astype("float32")
    return numpy(ops.sum(ops.softmax(vit_logits(images)) * answers, axis=1))


def by_patch(pixels):
    """The sum over the pixels of each patch, (B, P)."""
    return pixels.reshape(-1, 4, 2, 4, 2).sum(axis=(2, 4)).reshape(-1, 16)


def difference(change):
    """The logit as a function of what differs from the mean image."""
    return logit_of_answer(mean_image + change)


through = np.array([rollout(np.array(s))[0, 1:] for s in zip(*vit_scores, strict=True)])
slopes = interpret.gradient_times_input(difference, new_images - mean_image)
along = interpret.integrated_gradients(logit_of_answer, new_images, mean_image, 16)
everything = np.ones((COUNT, 16), dtype=bool)
maps = {
    "attention": last_attention,
    "rollout": through,
    "gradient × input": by_patch(slopes),
    "integrated gradients": by_patch(along),
    "ink": by_patch(new_images),
    "occlusion": interpret.occlusion(probability, everything),
    "random": np.random.default_rng(0).random((COUNT, 16)),
}

# %%
this.predict(
    "best-map",
    "Which of the maps that do not delete anything has the smallest area?",
    ["attention", "rollout", "gradient × input", "integrated gradients", "ink"],
)


# %% tags=["experiment"]
def deleted(importance, instead):
    """The curves of some maps, (B, P + 1)."""
    masks = np.array([keep_masks(row) for row in importance])  # (B, P + 1, P)
    return np.stack([probability(masks[:, k], instead) for k in range(17)], axis=1)


def mean_area(curves):
    """The mean of the areas."""
    return float(np.mean([area(row) for row in curves]))


curves = {
    name: deleted(importance, mean_image)
    for name, importance in this.progress(maps.items(), "maps")
}
show.deletion_curves(curves, "probability of the answer", "Patches deleted")
areas = {name: mean_area(found) for name, found in curves.items()}
guesses = [name for name in areas if name not in ("occlusion", "random")]
best = min(guesses, key=areas.get)
this.reveal("best-map", best, f"area {areas[best]:.3f}, random {areas['random']:.3f}")
behind = areas["attention"] - areas["random"]
sooner = ["most attention first, clearly", "about the same", "a random order"]
this.reveal(
    "attention-true",
    sooner[0 if behind < -0.02 else 1 if behind < 0.02 else 2],
    f"areas {areas['attention']:.3f} and {areas['random']:.3f}",
)

# %% [markdown] tags=["result"]
# The attention of the last block, which looked so reasonable above, is a *worse* guide than
# chance: 0.54 against 0.48. What it points at has been mixed by two blocks before; the
# rollout, which follows that, has 0.38. Slopes know more: 0.26 at the image alone, and 0.16 on
# the way from the mean image, as good as occlusion, which measures one patch at a time. (They
# may well be as good: occlusion does not see that one patch can stand in for another.)
#
# The order of the maps is that of this model and this task. What carries over is the test.

# %% [markdown]
# **Break it.** Deleted patches got the mean image. Simpler would be 0: paper, no ink.

# %%
this.predict(
    "paper",
    "With paper in the place of what is deleted, what becomes of *ink*, the map that has "
    "never seen the model?",
    ["it stays near the random order", "it becomes much better than the random order"],
)

# %% tags=["experiment"]
paper = np.zeros_like(mean_image)
on_paper = {
    name: mean_area(deleted(maps[name], paper))
    for name in ("ink", "attention", "random")
}
for name, found in on_paper.items():
    print(
        f"{name:10} area {areas[name]:.3f} with the mean image, {found:.3f} with paper"
    )
improved = on_paper["ink"] < 0.75 * on_paper["random"]
this.reveal(
    "paper",
    ["it stays near the random order", "it becomes much better than the random order"][
        int(improved)
    ],
    f"areas {on_paper['ink']:.3f} and {on_paper['random']:.3f}",
)

# %% [markdown] tags=["result"]
# A patch without ink is not changed by this at all, so that a map that points at ink looks
# true: 0.17, where a random order has 0.36. Attention passes the test, too, with 0.30. No map
# became better. What stands in the deleted place tells the model something: that no stroke was
# there.

# %% [markdown]
# ## 4. A head that copies
#
# Text repeats itself. After *the array … the* a good guess is *array*: what followed last
# time. A head that finds it looks, from a token, at what *followed the same token before*: an
# **induction head** (Olsson et al. 2022). To find them without any meaning in the way, take
# tokens at random, and the same ones again. P of them, twice; at place t of the second copy
# the same token stood at t − P, and what followed it at t − P + 1.
#
# ### Exercise: induction score (4 points, 8 minutes, middle)


# %% exercise="induction_score"
def induction_score(scores, period):
    """How much each head looks at what followed the same token before.

    scores: (L, N, T, T), attention scores of one text.
    period: P; the last P tokens repeat the P before. Something may stand in front.
    Returns (L, N): the mean over the P places of the second copy; 1 is a perfect head.
    """
    # BEGIN SOLUTION
    length = scores.shape[-1]
    t = np.arange(length - period, length)
    return scores[:, :, t, t - period + 1].mean(axis=-1)
    # END SOLUTION


# %%
check(induction_score)

# %% [markdown]
# Now `tlkeras://gpt_docstrings`: four layers of four heads, trained on docstrings and on
# nothing like these texts. Thirty random tokens, twice, after the token that begins a text.

# %%
PERIOD, TEXTS = 30, this.at_scale(quick=4, default=16)


def random_twice(seed):
    """Random tokens, and the same again: integers (B, 61)."""
    return interpret.repeated_tokens(
        TEXTS, PERIOD, gpt.vocabulary_size, seed, first=1, start_token=0
    )


def losses(tokens):
    """Nats a token in the first copy, and in the second from its second token on."""
    logits = numpy(gpt(tokens))[:, :-1].astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    own = -np.take_along_axis(log_p, tokens[:, 1:, None], axis=-1)[..., 0]
    return own[:, :PERIOD].mean(), own[:, PERIOD + 1 :].mean()


# %%
this.predict(
    "second-copy",
    "A uniform guess among 4,096 tokens costs 8.3 nats. What does this GPT's guess cost in "
    "the second copy, compared with the first?",
    ["less", "the same", "more"],
)

# %% tags=["experiment"]
texts = random_twice(0)
gpt_scores = gpt(texts, return_attention_scores=True)["attention_scores"]
gpt_scores = np.stack([numpy(x) for x in gpt_scores])  # (L, B, N, T, T)
induction = np.mean(
    [induction_score(gpt_scores[:, b], PERIOD) for b in range(TEXTS)], axis=0
)
by_score = np.argsort(-induction, axis=None)
ranked = [(int(i // 4), int(i % 4)) for i in by_score]  # pairs of layer and head
strongest = ranked[:2]
show.head_grid(induction, "Induction score", marked=strongest, unit="attention")
first_copy, second_copy = losses(texts)
print(f"first copy {first_copy:.2f} nats a token, second copy {second_copy:.2f}")
this.reveal("second-copy", "less", f"{first_copy:.2f} and {second_copy:.2f} nats")

# %% [markdown] tags=["result"]
# Two of sixteen heads look where an induction head looks; the others do not at all. And the
# second copy is cheaper than the first by more than two nats, although nothing in it means
# anything. (Both cost more than 8.3 nats: this GPT is sure of itself in docstrings, and
# random tokens are none.)
#
# But that these heads *look* there is a correlation. Do they *do* it?

# %% [markdown]
# ## 5. Take it out
#
# What would the model do without a head? It cannot be left out without putting something in
# its place. Zero is a bad choice: a head may give values around something far from zero, and
# all that follows has learned to expect that. **Mean ablation** puts there what the head gives
# on average for other texts. That keeps what it always says, and takes away what it knows of
# this one.
#
# ### Exercise: mean ablation (4 points, 8 minutes, middle)


# %% exercise="mean_ablate"
def mean_ablate(heads, which, reference):
    """What the heads give, some of them replaced by their mean.

    heads: (B, T, N, V), what N heads give for some texts.
    which: a list of the heads to replace.
    reference: (B', T', N, V), what the same heads give for other texts.
    Returns (B, T, N, V); a head of `which` gives one vector at all places: its mean over
    texts and places of the reference.
    """
    # BEGIN SOLUTION
    result = heads.copy()
    result[:, :, which] = reference.mean(axis=(0, 1))[which]
    return result
    # END SOLUTION


# %%
check(mean_ablate)

# %% [markdown]
# The reference are random tokens as well, other ones. Beside the two strongest heads twenty
# random pairs of the other fourteen are taken out: any damage makes a model worse.

# %%
others = random_twice(1000)
places = [f"{path}/attention_output.input" for path in interpret.attention_layers(gpt)]
with interpret.intermediates(gpt, places) as seen:
    gpt(others)
references = [numpy(seen[place]) for place in places]


def damage(pairs):
    """By how much the loss of the second copy rises without some heads, in nats."""
    replace = {}
    for layer in {layer for layer, _ in pairs}:
        which = [head for at, head in pairs if at == layer]
        replace[places[layer]] = lambda x, w=which, r=references[layer]: mean_ablate(
            numpy(x), w, r
        )
    with interpret.intermediates(gpt, replace=replace):
        return losses(texts)[1] - second_copy


# %%
this.predict(
    "two-strongest",
    "How much more damage does it do to take out the two strongest than two others, on "
    "average?",
    ["about as much", "two to five times", "more than five times"],
)

# %% tags=["experiment"]
rng = np.random.default_rng(0)
PAIRS = this.at_scale(quick=4, default=20)
pairs = [rng.choice(14, 2, replace=False) + 2 for _ in range(PAIRS)]
without_strongest = damage(strongest)
without_others = [
    damage([ranked[i] for i in pair]) for pair in this.progress(pairs, "random pairs")
]
times = without_strongest / np.mean(without_others)
alone = np.array([[damage([(layer, head)]) for head in range(4)] for layer in range(4)])
show.head_grid(alone, "Damage when one head is out", marked=strongest, unit="nats")
print(f"two strongest {without_strongest:+.2f} nats, {PAIRS} random pairs ", end="")
print(f"{np.mean(without_others):+.2f} on average, {max(without_others):+.2f} at most")
factor = (
    "about as much"
    if times < 2
    else "two to five times"
    if times <= 5
    else "more than five times"
)
this.reveal("two-strongest", factor, f"{times:.1f} times as much")

# %% [markdown] tags=["result"]
# Taking out the two strongest costs 2.5 nats: nearly all of the 2.7 that the second copy had
# been cheaper by. Twenty random pairs cost 0.7 on average, and none as much. The copying *is*
# done with the help of these heads.
#
# But the factor, 3.6 here, is smaller than one might hope, and it depends on the draw: with
# other texts and other pairs it was 5.7, 4.5, 5.8 and 3.3. The grid says why. Of the two strongest
# one does all the work: without 3.1 (layer 3, head 1) alone the loss rises by 2.4, without 2.2
# by 0.1, although 2.2 looks at the right place, too. And three heads that never look there,
# with a score of 0, cost as much as 1.0 to 2.0 nats: 1.3, 0.0 and 1.2. A random pair that has
# one of them is no harmless one.

# %% tags=["experiment"]
t = np.arange(1, texts.shape[1])
previous = gpt_scores[:, :, :, t, t - 1].mean(axis=(1, 3))  # (L, N)
show.head_grid(previous, "Attention to the token before", unit="attention")

# %% [markdown] tags=["result"]
# 1.3 looks at the token before, nearly always (0.92), and 1.2 often (0.66). That is what an
# induction head needs. It asks *where did this token stand before?*, and must be led to the
# place *after* it. So somebody has to write at each place which token stood before it, a block
# earlier: two heads that work in turn. A score of what a head looks at finds the second one;
# that the first is needed, only the damage tells. (0.0 does something else: its damage may
# have another reason, and this experiment does not say which.)

# %% [markdown]
# ## 6. What would it say earlier?
#
# Each block adds something to the vectors that pass through, and the last state is turned into
# logits: one normalisation, then a product with the vector of each word. Nothing forbids to
# read an *earlier* state in the same way: the **logit lens** (nostalgebraist 2020),
#
# $$\text{logits}_l = \text{Norm}(x_l)\, E^\top$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $x_l$ | (T, D) | the state after l blocks; $x_0$ are the embeddings |
# | $\text{Norm}$ | | centre, divide by $\sqrt{\text{variance} + 10^{-5}}$, times gain, plus bias |
# | $E$ | (V, D) | the vector of each word |
#
# ### Exercise: logit lens (3 points, 6 minutes, easy)


# %% exercise="logit_lens"
def logit_lens(states, gain, bias, table):
    """What the model would say after each layer.

    states: (L + 1, T, D), not normalised yet. gain, bias: (D,), of the final
    normalisation, which adds 1e-5 to the variance. table: (V, D), a row a word.
    Returns logits (L + 1, T, V).
    """
    # BEGIN SOLUTION
    centred = states - states.mean(axis=-1, keepdims=True)
    scale = np.sqrt(states.var(axis=-1, keepdims=True) + 1e-5)
    return (centred / scale * gain + bias) @ table.T
    # END SOLUTION


# %%
check(logit_lens)

# %% tags=["experiment"]
text = "Return the number of elements in the array. If axis is None, return the number"
ids = np.array([[0, *tokenizer.encode(text, special=False)]])
states = gpt(ids, return_hidden_states=True)["hidden_states"]
states = np.stack([numpy(x)[0] for x in states])  # (L + 1, T, D)
gain, bias = numpy(gpt.layer_norm.gamma), numpy(gpt.layer_norm.beta)
table = numpy(gpt.token_embedding.embeddings)
lens = logit_lens(states, gain, bias, table)
same_logits = np.abs(lens[-1] - numpy(gpt(ids))[0]).max()
chance = numpy(ops.softmax(lens))  # (L + 1, T, V)
shown = slice(max(0, ids.shape[1] - 9), None)
words = [
    [repr(tokenizer.decode([int(i)]))[1:-1] for i in row[shown]]
    for row in lens.argmax(axis=-1)
]
read = [repr(tokenizer.decode([int(i)]))[1:-1] for i in ids[0][shown]]
show.lens_table(words, chance.max(axis=-1)[:, shown], read, "What would come next")
print(f"the last row are the model's own logits, to within {same_logits:.0e}")

# %% [markdown] tags=["result"]
# Row 0 says the token that was just read: the vector of a word has its largest product with
# itself, and it is very sure of that. One block later there are words that could follow. *of*
# after *the number* is found by the first block; *is* after *If axis* only by the last.

# %%
this.predict(
    "without-norm",
    "The same without the final normalisation: the product of the last state and the words' "
    "vectors. What becomes of the loss of this text?",
    ["hardly anything changes", "it more than doubles"],
)

# %% tags=["experiment"]


def text_loss(logits):
    """Nats a token of the text, for each layer."""
    logits = logits[:, :-1].astype("float64")
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -log_p[:, np.arange(ids.shape[1] - 1), ids[0, 1:]].mean(axis=1)


with_norm, without_norm = text_loss(lens), text_loss(states @ table.T)
for layer in range(len(states)):
    print(f"after {layer} blocks: {with_norm[layer]:5.2f} nats a token, ", end="")
    print(f"without the norm {without_norm[layer]:6.2f}")
changed = without_norm[-1] > 2 * with_norm[-1]
this.reveal(
    "without-norm",
    ["hardly anything changes", "it more than doubles"][int(changed)],
    f"{with_norm[-1]:.2f} and {without_norm[-1]:.2f} nats a token",
)

# %% [markdown] tags=["result"]
# The loss falls with every block, from 4.4 to 1.8 nats. Leaving out the normalisation costs a
# tenth of a nat at the end, and 0.2 to 0.4 on the way: in this GPT hardly anything. It tells
# most at the embeddings: without it they are about as unsure as a uniform guess (8.4 nats,
# that one costs 8.3), with it they are sure of the wrong word, the one just read (25.9). So how
# *sure* an early state seems is a matter of the reading; which word it prefers tells more.

# %% [markdown]
# ## What to remember
#
# - Attention shows where a model looks, not what it uses. A rollout follows all paths, and
#   still shows only where something could come from.
# - A map is tested by what happens when the parts that it points at go, beside a random order.
# - A head that looks at the right place may be needed or not; one that looks elsewhere may be
#   needed by it. Only taking it out tells, and that against other heads.
# - Put a mean in the place of what you take out, and normalise before you read.
#
# ## Papers
#
# - Abnar and Zuidema (2020), *Quantifying Attention Flow in Transformers*,
#   [arXiv:2005.00928](https://arxiv.org/abs/2005.00928). Section 3.
# - Petsiuk, Das and Saenko (2018), *RISE*,
#   [arXiv:1806.07421](https://arxiv.org/abs/1806.07421). Section 4: deletion.
# - Sundararajan, Taly and Yan (2017), *Axiomatic Attribution for Deep Networks*,
#   [arXiv:1703.01365](https://arxiv.org/abs/1703.01365). Sections 3 and 5.
# - Jain and Wallace (2019), *Attention is not Explanation*,
#   [arXiv:1902.10186](https://arxiv.org/abs/1902.10186).
# - Olsson et al. (2022), *In-context Learning and Induction Heads*,
#   [arXiv:2209.11895](https://arxiv.org/abs/2209.11895).
# - Michel, Levy and Neubig (2019), *Are Sixteen Heads Really Better than One?*,
#   [arXiv:1905.10650](https://arxiv.org/abs/1905.10650). Section 3.
# - Wang et al. (2022), *Interpretability in the Wild*,
#   [arXiv:2211.00593](https://arxiv.org/abs/2211.00593): mean ablation.
# - Belrose et al. (2023), *Eliciting Latent Predictions from Transformers with the Tuned Lens*,
#   [arXiv:2303.08112](https://arxiv.org/abs/2303.08112). Section 2: the logit lens.

# %%
this.end()
