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
# # 20 Text, image, video
#
# About 85 minutes, 20 points. You need lesson 13, the ViT, and from lesson 08 how a text becomes
# tokens.
#
# A classifier knows the classes that it was trained with. This notebook is about models that
# you ask in words: *which of these pictures is a teacher with white hair?* Nobody made a class
# for that. By the end of this notebook you will be able to
#
# - bring pictures and texts into one space, and write the loss that does it;
# - search pictures by words, and score a search so that no tie can cheat;
# - make a classifier out of nothing but names, and word these names well;
# - lock a trained image tower, and measure what that is worth for another language;
# - cut a video into tubelets, and show what is lost when frames are averaged.

# %%
from tlkeras.course import lesson

this = lesson("20_multimodal")
check = this.check

import runpy
import textwrap

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from tlkeras import visualization as show
from tlkeras.datasets import emoji
from tlkeras.models import VideoEncoder
from tlkeras.models.contrastive import contrastive_loss as library_loss
from tlkeras.pipelines import ImageTextEmbedding, search

# %% [markdown]
# ## A question to begin with
#
# Emoji are small pictures that come with names, and the names are in many languages. Here are
# six of 3,041 that a small model has learned from, and six of 263 that it has never seen:

# %%
train = emoji.load_data("train")
combinations = emoji.load_data("combinations")
concepts = emoji.load_data("concepts")
for title, data in (("Learned from", train), ("Never seen", combinations)):
    places = np.linspace(5, len(data.images) - 9, 6).astype(int)
    shown = map(str, data.english[places])
    titles = [textwrap.fill(name, 16, break_on_hyphens=False) for name in shown]
    titles[0] = f"{title}:\n\n{titles[0]}"
    show.images(data.images[places], titles, columns=6, width=1.4)

# %% [markdown]
# The second kind are new *combinations*: the model has seen firefighters, and it has seen dark
# skin tones, but never this tone with this person. It was told nothing but 3,041 names. No class,
# no list of tones, no word for "woman". Can it find a picture by a description that
# it never read? And what if a word is new?
#
# ## 1. Two towers, one space
#
# The model is a small **CLIP** (Radford et al. 2021). It has two towers that never look at each
# other. A ViT turns a picture into a vector. A text encoder turns a name into a vector of the same
# length. Both are trained so that a picture and its own name point in nearly the same direction.
#
# $$L_{ij} = e^{s} \; \frac{I_i \cdot T_j}{\lVert I_i \rVert \, \lVert T_j \rVert}$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $I_i$ | (E,) | what the image tower made of picture i |
# | $T_j$ | (E,) | what the text tower made of text j |
# | s | | a learned number; $e^s$ is the scale, and $1 / e^s$ is called the temperature |
# | L | (B, C) | the logits of B pictures with C texts |
#
# The fraction is the **cosine** of the angle between the two: 1 for the same direction, 0 for a right
# angle, −1 for opposite ones. Lengths are divided out. Otherwise a picture with a long vector
# would be similar to everything.
#
# Why a scale? Cosines lie between −1 and 1, and a softmax over numbers that are so near to each
# other is hardly more than a guess. With four texts, cosines 0.9, 0.1, 0.1 and 0.1 give the first
# one a chance of 0.43, although nothing could fit better. Times 20, it has nearly 1. How large
# the scale should be, the model learns. It learns the *logarithm* s, so that the scale stays positive and
# a step changes it by a share of itself. CLIP keeps $e^s$ at 100 at most, so
# that training can not run away with it.
#
# ### Exercise: all with all (4 points, 7 minutes, easy)


# %% exercise="compare"
def compare(images, texts, log_scale):
    """The logits of each image with each text: floats (B, C).

    images: floats (B, E). texts: floats (C, E). Their lengths are anything but 0.
    log_scale: the number s. The scale eˢ is 100 at most.
    """
    # BEGIN SOLUTION
    images = images / np.linalg.norm(images, axis=1, keepdims=True)  # (B, E)
    texts = texts / np.linalg.norm(texts, axis=1, keepdims=True)  # (C, E)
    return min(np.exp(log_scale), 100) * images @ texts.T
    # END SOLUTION


# %%
check(compare)

# %% [markdown]
# The trained model comes with the package. Its towers have 114,000 and 155,000 weights; it was
# trained in a minute and a half of one processor core. `embed` gives unit vectors.

# %%
embed = ImageTextEmbedding("tlkeras://emoji_clip", batch_size=64)
clip = embed.model
log_scale = float(ops.convert_to_numpy(clip.comparison.logit_scale))
COUNT = this.at_scale(quick=64, default=None)
pictures = embed.images(combinations.images[:COUNT])  # (Q, 64)
names = embed.texts(combinations.english[:COUNT])  # (Q, 64)
print(f"scale {np.exp(log_scale):.1f}, temperature {np.exp(-log_scale):.3f}")

# %% [markdown]
# **Predict first.** A picture and its own name belong together, and were never seen.

# %%
this.predict(
    "own-cosine",
    "What is their cosine, on the mean?",
    ["above 0.9", "between 0.5 and 0.9", "below 0.5"],
)

# %% tags=["experiment"]
cosines = compare(pictures, names, 0.0)  # e⁰ = 1
own = np.diagonal(cosines).mean()
others = cosines[~np.eye(len(cosines), dtype=bool)].mean()
print(f"own name {own:.2f}, another one's name {others:.2f}, on the mean")
OWN = "below 0.5", "between 0.5 and 0.9", "above 0.9"
this.reveal("own-cosine", OWN[int(np.searchsorted([0.5, 0.9], own))], f"{own:.2f}")

# %% [markdown] tags=["result"]
# 0.86, and 0.06 with other names. The two do not become equal, nor need they be: to win a softmax, the right one
# must only be ahead. The scale says by how much. It has grown from 14 to 21, so that a cosine which is 0.1
# higher makes a name $e^{2.1}$, eight times, as likely.

# %% [markdown]
# ## 2. The loss of a batch
#
# Where do the *wrong* answers come from? From the batch. B pairs make a table of B × B logits. On the
# diagonal stands what belongs together. All else is, most probably, wrong. Each row is a
# question: which of these B texts belongs to this picture? It gets a cross-entropy, as
# in lesson 06 for B classes. Each column is the same question the other way round. The
# **contrastive loss** is the mean of both:
#
# $$\ell = \frac{1}{2B} \sum_i \Big(
#     -\log \frac{e^{L_{ii}}}{\sum_j e^{L_{ij}}}
#     -\log \frac{e^{L_{ii}}}{\sum_j e^{L_{ji}}} \Big)$$
#
# It is also called InfoNCE (van den Oord et al. 2018). Both ways are needed: with rows
# alone, a text that nobody chooses costs nothing.
#
# **Predict first.** B is 128, and the model says nothing: all logits are 0.

# %%
this.predict("no-idea", "What is the loss?", ["0", "0.69", "4.85", "128"])

# %% [markdown]
# There is one catch. Two pictures of a batch may have the *same* name: two artists drew the same
# apple, or a file has ten photographs called "dog". In the table each of them is a wrong answer
# to the other, although it is right. Pairs of the same name should be left out of each other's
# sums: neither right nor wrong. Such a place gets the logit −∞, and $e^{-\infty}$ adds nothing.
#
# ### Exercise: contrastive loss (4 points, 12 minutes, hard)


# %% exercise="contrastive_loss"
def contrastive_loss(logits, names):
    """The loss of B pairs, both ways: a number.

    logits: floats (B, B), pictures in rows, texts in columns, up to 100. names: integers
    (B,); two pairs with the same number have the same name, and count neither as right nor
    as wrong for each other.
    """
    # BEGIN SOLUTION
    twins = (names[:, None] == names[None]) & ~np.eye(len(names), dtype=bool)
    logits = np.where(twins, -np.inf, logits)
    rows, columns = (np.logaddexp.reduce(logits, axis=axis) for axis in (1, 0))
    return np.mean((rows + columns) / 2 - np.diagonal(logits))
    # END SOLUTION


# %%
check(contrastive_loss)

# %% tags=["experiment"]
different = np.arange(128)
no_idea = contrastive_loss(np.zeros((128, 128)), different)
some = np.random.default_rng(0).permutation(len(pictures))[:48]
logits = compare(pictures[some], names[some], log_scale)  # (48, 48)
loss_difference = abs(contrastive_loss(logits, some) - float(library_loss(logits)))
print(f"your loss and the library's differ by {loss_difference:.1e}")
this.reveal("no-idea", "4.85", f"the loss is {no_idea:.2f}, and log 128 is 4.85")

# %% [markdown] tags=["result"]
# Each of 128 has a chance of 1/128, and −log(1/128) = log 128. Write this number down before you
# train anything with this loss. As long as your curve is at log B, nothing was learned. In the training of this
# model the mean of the first 30 steps was 5.0, even above it, and that of the last 30 of 600 steps 0.36.

# %% [markdown]
# **Predict first.** The same trained model and the same pictures, but batches of 8 instead of 128.

# %%
this.predict(
    "smaller-batch", "The loss is then …", ["higher", "about the same", "lower"]
)

# %% tags=["experiment"]
SIZES = this.at_scale(quick=(8, 32), default=(8, 16, 32, 64, 128, 256))
draws = np.random.default_rng(1)
loss_of = {}
for size in SIZES:
    losses = []
    for _ in range(10):
        rows = draws.permutation(len(pictures))[:size]
        table = compare(pictures[rows], names[rows], log_scale)
        losses.append(contrastive_loss(table, rows))
    loss_of[size] = np.mean(losses)
show.curves(
    SIZES,
    {"trained": list(loss_of.values()), "no idea": list(np.log(SIZES))},
    "pairs in a batch",
    "contrastive loss",
    "One model, batches of several sizes",
    log="x",
    dotted=("no idea",),
)
smallest, largest = loss_of[SIZES[0]], loss_of[SIZES[-1]]
fell = "lower" if smallest < 0.9 * largest else "about the same"
this.reveal("smaller-batch", fell, f"{smallest:.2f} against {largest:.2f}")

# %% [markdown] tags=["result"]
# To choose the right one of 8 is easier than one of 256. So losses of two batch sizes must not be
# compared. And it is why such models are trained with huge batches, 32,768 pairs in CLIP's
# case: a small batch rarely holds a wrong answer that is hard, such as the same person with
# another tone of skin.

# %% [markdown]
# ## 3. How good is a search?
#
# A search puts all pictures in order, the most similar first. **Recall at k**, R@k, is the share
# of searches whose right picture is among the first k. By chance it is k / N with N pictures.
#
# It sounds as if nothing could go wrong. But what if two pictures are *equally* similar? Somebody must decide
# which of them comes first:
#
# - whoever counts the pictures that are *more* similar gives the right one the best place;
# - whoever counts those *at least as* similar gives it the worst;
# - whoever sorts gives it the place that it happens to have in the list.
#
# A broken model that gives the same number to everything is perfect for the first, and as bad as
# can be for the second. The honest answer is chance: equal ones are in random order. If a pictures are more similar than the right one, and e are as similar, itself
# included, then the right one stands on one of the places a + 1 to a + e, on each with the
# chance 1/e:
#
# $$P(\text{among the first } k) = \min\Big(1, \max\Big(0, \frac{k - a}{e}\Big)\Big)$$
#
# | a | e | k | places it may have | chance |
# |---|---|---|---|---|
# | 2 | 1 | 5 | 3 | 1 |
# | 2 | 4 | 5 | 3, 4, 5, 6 | 3/4 |
# | 5 | 3 | 5 | 6, 7, 8 | 0 |
#
# ### Exercise: recall at k (4 points, 8 minutes, middle)


# %% exercise="recall_at_k"
def recall_at_k(similarities, right, k):
    """The mean chance that the right thing is among the k most similar: a number.

    similarities: floats (Q, N), of each search with each thing; larger is more similar.
    right: integers (Q,), the right thing of each search. k: from 1 to N.
    """
    # BEGIN SOLUTION
    own = similarities[np.arange(len(right)), right][:, None]  # (Q, 1)
    above = (similarities > own).sum(axis=1)  # (Q,)
    equal = (similarities == own).sum(axis=1)
    return np.clip((k - above) / equal, 0, 1).mean()
    # END SOLUTION


# %%
check(recall_at_k)

# %% [markdown]
# **Predict first.** Each of the 263 held-out combinations is described by its name, and the model
# looks for it among all 263 pictures. By chance R@5 is 0.02.

# %%
this.predict(
    "combinations",
    "In what share of the searches is it among the first five?",
    ["less than 0.3", "0.3 to 0.8", "more than 0.8"],
)

# %% tags=["experiment"]
found = {k: recall_at_k(names @ pictures.T, np.arange(len(names)), k) for k in (1, 5)}
print(f"R@1 {found[1]:.2f}, R@5 {found[5]:.2f}; by chance R@5 {5 / len(names):.2f}")
ASKED = "teacher medium-light skin tone", "a woman in love"
for text in ASKED:
    best = [match.place for match in search(embed.texts(text)[0], pictures, k=6)]
    show.images(combinations.images[best], [""] * 6, columns=6)
    plt.gcf().suptitle(f"“{text}”", fontsize=10)
SHARES = "less than 0.3", "0.3 to 0.8", "more than 0.8"
this.reveal(
    "combinations",
    SHARES[int(np.searchsorted([0.3, 0.8], found[5]))],
    f"R@5 is {found[5]:.2f}",
)

# %% [markdown] tags=["result"]
# 258 of 263 descriptions that it never read find their picture among the first five, and 191 find it in the first
# place. Behind the teacher with the right tone come two teachers with others, and then people with a light skin.
# "A woman in love" is a good description of several pictures here, but it is not how an emoji is named. What comes first has nothing
# to do with it: the model has learned to read names, not English.
#
# Nobody told it that a name has parts. It has seen "teacher" beside fifteen pictures with a board, and
# "medium-dark" beside hundreds of another colour. The only way to be right about all of them is to let each part of
# the text answer for a part of the picture.

# %% [markdown]
# ## 4. What it does not know
#
# New combinations of known words are one thing. The split *concepts* has 337 pictures of things
# whose name is not in the training data. Some of these names are made of known words: "brown
# circle", "baby bottle". Others have a word that the model never read: "axe", "bacon". Its vocabulary is
# the 1,342 words and signs of the training names. Any other word becomes the token `[UNK]`, unknown.

# %%
tokens = embed.tokenizer(list(concepts.english))
inside = tokens["padding_mask"].copy()  # (337, T)
inside[:, 0] = False  # [CLS]
inside[np.arange(len(inside)), tokens["padding_mask"].sum(axis=1) - 1] = False  # [SEP]
is_unknown = inside & (tokens["token_ids"] == embed.tokenizer.id_of("[UNK]"))
share_unknown = is_unknown.sum(axis=1) / inside.sum(axis=1)
known_words = np.flatnonzero(share_unknown == 0)
new_words = np.flatnonzero(share_unknown == 1)
print(len(known_words), "of known words:", "; ".join(concepts.english[known_words[:6]]))
print(len(new_words), "of new words only:", "; ".join(concepts.english[new_words[:6]]))

# %% [markdown]
# **Predict first.** We show the model the pictures whose names are new words only, and let it choose
# among these names. A colleague has written his own R@1: he counts the names that are *more* similar
# than the right one, and if there is none, the search is a success.

# %%
this.predict(
    "colleague",
    "What share does your colleague report?",
    ["about 0", "about 0.1", "about 0.5", "more than 0.7"],
)

# %% tags=["experiment"]
new_pictures = embed.images(concepts.images[new_words])
new_names = embed.texts(concepts.english[new_words])
by_names = np.round(new_pictures @ new_names.T, 5)  # (pictures, names)
own_place = np.arange(len(new_words))
more_similar = (by_names > np.diagonal(by_names)[:, None]).sum(axis=1)
colleague = np.mean(more_similar == 0)
honest = recall_at_k(by_names, own_place, 1)
vectors = len(np.unique(np.round(new_names, 5), axis=0))
print(f"{len(new_words)} names, {vectors} different vectors")
print(f"R@1: your colleague {colleague:.2f}, you {honest:.3f}", end="")
print(f", chance {1 / len(new_words):.3f}")
COLLEAGUE = "about 0", "about 0.1", "about 0.5", "more than 0.7"
which = COLLEAGUE[int(np.searchsorted([0.05, 0.3, 0.7], colleague))]
this.reveal("colleague", which, f"{colleague:.2f}, where yours is {honest:.3f}")

# %% [markdown] tags=["result"]
# Your colleague reports 0.60, and chance would be 0.03. "Axe", "bacon" and 30 other names became the same three tokens, `[CLS] [UNK] [SEP]`,
# and so the very same vector. For three of five pictures no name is *more* similar than the right one,
# because 31 others are as similar. Counting chances, you get 0.02. (We rounded to
# five digits: a computer may add the same numbers in another order and break a tie by a billionth.)
#
# Nothing in your colleague's code looks wrong, and the number is good. Be suspicious of it when a model does
# well where it can know nothing.

# %% [markdown]
# Now all 337 pictures of the new concepts, and their names in two groups. By chance R@5 is 0.015.

# %% tags=["experiment"]
concept_pictures = embed.images(concepts.images)
among_all = {}
for title, rows in (("known words", known_words), ("new words", new_words)):
    sims = embed.texts(concepts.english[rows]) @ concept_pictures.T
    among_all[title] = recall_at_k(np.round(sims, 5), rows, 5)
    print(f"{title}: R@5 {among_all[title]:.2f} among {len(concept_pictures)} pictures")

# %% [markdown] tags=["result"]
# Names of known words find their picture in 3 of 10 searches: "brown circle" and "baby bottle" are new combinations
# as well, and harder ones. Names of new words have 0.06. That is 2 of 35, which may be luck: nothing
# in their text tells one of them from the other.
#
# So the model has learned what each of its words looks like, and knows nothing of a word that it has not read. A CLIP that
# has read 400 million captions has the same limit. It only takes longer to meet it.

# %% [markdown]
# ### Another artist
#
# All pictures so far were drawn by the same hand, that of Twemoji. Noto has drawn the same 263
# combinations, with other outlines and shades, and other faces.
#
# **Predict first.** The model and the names stay the same.

# %%
this.predict(
    "artist",
    "R@5 with the pictures of the other artist is …",
    ["about the same", "about half", "near chance"],
)

# %% tags=["experiment"]
noto = emoji.load_data("combinations", "noto")
show.images(noto.images[places], [""] * 6, columns=6)
noto_pictures = embed.images(noto.images[:COUNT])
noto_found = recall_at_k(names @ noto_pictures.T, np.arange(len(names)), 5)
kept = noto_found / found[5]
print(f"R@5: Twemoji {found[5]:.2f}, Noto {noto_found:.2f}")
ARTIST = "near chance", "about half", "about the same"
this.reveal(
    "artist",
    ARTIST[int(np.searchsorted([0.2, 0.8], kept))],
    f"{found[5]:.2f} falls to {noto_found:.2f}",
)

# %% [markdown] tags=["result"]
# 0.98 falls to 0.46. That is far above chance, 0.02, and less than half of what it was. The model has never seen a second
# artist, so nothing told it that an outline or a yellow of its own is of no importance. A score on
# pictures from the same source says little about pictures from another.

# %% [markdown]
# ## 5. Classes that are only named
#
# If names are vectors, a list of names is a classifier. Embed the name of each class, compare a picture
# with all of them, and take the softmax. No picture with a label is needed: this is
# *zero-shot* classification, which you met in lesson 16 in another form. Two rules are said to make it better.
#
# - *Word the class as the training texts are worded.* This model has read names such as "woman
#   teacher dark skin tone", and never the three words "dark skin tone" alone. The text around
#   the class is called a **prompt**, and has a gap for it: "person {}".
# - *Use several prompts.* The mean of their vectors keeps what all of them say, the class, and
#   loses what each adds. Radford et al. used 80 of them for ImageNet.
#
# $$\text{unit}(x) = \frac{x}{\lVert x \rVert}$$
#
# $$v_c = \text{unit}\Big(\frac{1}{P} \sum_p \text{unit}(t_{cp})\Big)$$
#
# $$p(c \mid I) = \text{softmax}_c(e^s \, I \cdot v_c)$$
#
# Here $t_{cp}$ is what the text tower makes of prompt p with class c. Both uses of `unit` matter. Without the
# inner one, the longest vector has the last word. Without the outer one, a class
# whose prompts disagree has a short vector, and low logits for that reason alone.
#
# ### Exercise: zero-shot (4 points, 9 minutes, middle)


# %% exercise="zero_shot"
def zero_shot(images, texts, scale):
    """The chances of C classes for N pictures: floats (N, C).

    images: floats (N, E), of length 1. texts: floats (C, P, E), P prompts of each class, of
    any length. scale: what cosines are multiplied by.
    """
    # BEGIN SOLUTION
    texts = texts / np.linalg.norm(texts, axis=-1, keepdims=True)  # (C, P, E)
    vectors = texts.mean(axis=1)  # (C, E)
    vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    logits = scale * images @ vectors.T  # (N, C)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
    # END SOLUTION


# %%
check(zero_shot)

# %% [markdown]
# Here are the five tones of skin as classes, and the held-out combinations that show one tone.
# Three ways to word the classes: the tone alone, one prompt, and four.

# %%
TONES = [
    f"{x} skin tone" for x in ("light", "medium-light", "medium", "medium-dark", "dark")
]
PROMPTS = {
    "the tone alone": ["{}"],
    "one prompt": ["raised hand {}"],
    "four prompts": ["raised hand {}", "person {}", "woman {}", "man {}"],
}
one_tone = np.char.count(combinations.english[:COUNT].astype(str), "skin tone") == 1
ends = [
    [name.endswith(f" {tone}") for tone in TONES]
    for name in combinations.english[:COUNT]
]
has_one = np.flatnonzero(one_tone & np.any(ends, axis=1))
tone_of = np.array(ends)[has_one].argmax(axis=1)
print(len(has_one), "pictures with one tone; chance is 0.2")

# %%
this.predict(
    "prompts",
    "What are four prompts worth, against the tone alone?",
    ["nothing, or less", "up to 0.1", "more than 0.1"],
)

# %% tags=["experiment"]
named = {}
every = [prompt for prompts in PROMPTS.values() for prompt in prompts]
sentences = [prompt.replace("{}", tone) for tone in TONES for prompt in every]
vectors_of = embed.texts(sentences).reshape(len(TONES), len(every), -1)
for title, prompts in PROMPTS.items():
    texts = vectors_of[:, [every.index(prompt) for prompt in prompts]]
    chances = zero_shot(pictures[has_one], texts, np.exp(log_scale))
    named[title] = np.mean(chances.argmax(axis=1) == tone_of)
    print(f"{title:15} {named[title]:.2f}")
steps_off = np.abs(chances.argmax(axis=1) - tone_of)
next_to = np.mean(steps_off[steps_off > 0] == 1)
print(
    f"of the mistakes with four prompts, {next_to:.0%} name a tone next to the right one"
)
worth = named["four prompts"] - named["the tone alone"]
WORTH = "nothing, or less", "up to 0.1", "more than 0.1"
this.reveal("prompts", WORTH[int(np.searchsorted([0.01, 0.1], worth))], f"{worth:+.2f}")

# %% [markdown] tags=["result"]
# 0.62 with the tone alone, 0.68 with one prompt, and 0.68 with four, of 198 pictures. A text that is built like those of the training is
# worth six points. Three more prompts are worth nothing that 198 pictures could show: the standard error of such a
# share is 0.03. Prompts add no knowledge. They only ask as the model was taught to be asked.
#
# And 0.68 is no good classifier. The five tones are a scale from light to dark. About half of the mistakes name a
# neighbour on it, and the others are farther off.

# %% [markdown]
# ## 6. A new language for a locked tower
#
# The pictures have Chinese names, too: 女教师 较深肤色. Does the image tower have to learn to see again for Chinese?
# Zhai et al. (2021) **lock** it: its weights stay, and only a new text tower is trained to meet
# the vectors that are there. It is the frozen body of lesson 06 once more. There a head was learned on top of
# it; here it is a whole tower beside it, for another language.
#
# We have 300 pairs. Chinese text is cut into characters; one that is not in these 300 names is
# unknown. Both ways below get the same pairs and steps:
#
# - *locked*: image tower and its projection as they are, a new text tower;
# - *from scratch*: both towers new.

# %%
towers = runpy.run_path(str(this.folder / "towers.py"))
PAIRS = this.at_scale(quick=64, default=300)
chosen = np.random.default_rng(0).permutation(len(train.images))[:PAIRS]
characters = sorted({x for name in train.chinese[chosen] for x in name})
# 0 is padding, 1 unknown, 2 the end.
number = {x: place for place, x in enumerate(characters, start=3)}


def chinese_ids(names, length=24):
    """Characters as integers (N, length), the end behind them."""
    rows = np.zeros((len(names), length), "int32")
    for row, name in zip(rows, names, strict=True):
        ids = [*(number.get(x, 1) for x in name[: length - 1]), 2]
        row[: len(ids)] = ids
    return rows


print(
    f"{PAIRS} pairs, {len(characters)} characters:",
    "; ".join(train.chinese[chosen[:4]]),
)

# %%
this.predict(
    "locked",
    "Held-out combinations by their Chinese names: R@5 of locked against from scratch?",
    ["locked is clearly ahead", "about the same", "from scratch is clearly ahead"],
)

# %% tags=["experiment"]
ZH_STEPS = this.at_scale(quick=2, default=150)
ZH_RATE = 2e-3
prepared = embed.preprocessor(train.images[chosen])
chinese = {}
for way in this.progress(("locked", "from scratch"), "training"):
    keras.utils.set_random_seed(0)
    reader = towers["text_tower"](len(number) + 3, end_id=2)
    if way == "locked":
        model = towers["clip"](clip.image_encoder, reader)
        model.image_projection.set_weights(clip.image_projection.get_weights())
        model.image_encoder.trainable = model.image_projection.trainable = False
    else:
        model = towers["clip"](towers["image_tower"](), reader)
    batches = towers["batches"](prepared, chinese_ids(train.chinese[chosen]), seed=0)
    towers["learn"](model, batches, ZH_RATE, ZH_STEPS)
    for title, data in (("combinations", combinations), ("concepts", concepts)):
        pixels = embed.preprocessor(data.images[:COUNT])
        texts = model.embed_texts(chinese_ids(data.chinese[:COUNT]))
        table = np.round(texts @ ops.transpose(model.embed_images(pixels)), 5)
        chinese[way, title] = recall_at_k(table, np.arange(len(table)), 5)
        print(f"{way}, {title}: R@5 {chinese[way, title]:.2f}")
clip.image_encoder.trainable = True
zh_gain = chinese["locked", "combinations"] - chinese["from scratch", "combinations"]
AHEAD = "from scratch is clearly ahead", "about the same", "locked is clearly ahead"
this.reveal(
    "locked",
    AHEAD[int(np.searchsorted([-0.05, 0.05], zh_gain))],
    f"{chinese['locked', 'combinations']:.2f} against "
    f"{chinese['from scratch', 'combinations']:.2f}",
)

# %% [markdown] tags=["result"]
# About 0.4 locked, and not clearly less from scratch (seed 0, one rate and number of steps for both), where
# chance is 0.02. We expected more, and so did you, perhaps: the locked tower has seen ten times as many
# pictures, these 300 among them. One seed is no proof. With the best of two rates and three numbers of steps for each,
# five seeds gave (benchmarks/RESULTS.md):
#
# | R@5, held-out combinations | 100 pairs | 300 pairs | 1,000 pairs |
# |---|---|---|---|
# | locked | 0.218 ± 0.049 | 0.480 ± 0.066 | 0.848 ± 0.018 |
# | from scratch | 0.192 ± 0.030 | 0.479 ± 0.040 | 0.828 ± 0.033 |
# | locked − from scratch, seed by seed | 0.026 ± 0.026 | 0.002 ± 0.050 | 0.021 ± 0.024 |
#
# (95 % intervals.) With 100 pairs the locked tower may be worth a little, with more it is worth nothing that we could
# measure. So seeing was not what was missing; perhaps a few hundred pictures are enough to learn the few parts that
# make up these people. Ten times as many *pairs* help both, from about 0.2 to more than 0.8. In Zhai et al. (2021) the locked tower comes from
# millions of pictures, far more than there are pairs to learn the texts from.
#
# The locked one has the cheaper training: its tower only looks, and its vectors could even be computed
# once. Of new concepts both know hardly anything, less than 0.1, where 0.015 is chance: no tower can lend
# words to the other.

# %% [markdown]
# ## 7. Video: what happens between the frames
#
# A video is a row of pictures. The cheapest model of it has an image tower already: take the mean
# of the frames. It finds "a dog on a beach". Does it find "a dog that runs to the left"?
#
# A **tubelet** is a block of pixels through time: t frames, h rows, w columns (Arnab et al. 2021). It is
# to a video what a patch is to a picture. In one tubelet a digit stands here, and a moment later there, so that
# what moved can be read off its numbers.
#
# A video of (F, H, W, C) has P = (F / t) · (H / h) · (W / w) tubelets of t · h · w · C numbers each. They
# are ordered as one reads: by time, then by row, then by column. Within a tubelet the numbers keep the order of the video,
# too: frame, row, column, channel.
#
# ### Exercise: tubelets (4 points, 9 minutes, middle)


# %% exercise="tubelets"
def tubelets(video, size):
    """A video as rows of numbers, one a tubelet: floats (P, t · h · w · C).

    video: floats (F, H, W, C). size: (t, h, w), which divide F, H and W.
    """
    # BEGIN SOLUTION
    (frames, height, width, channels), (t, h, w) = video.shape, size
    x = video.reshape(frames // t, t, height // h, h, width // w, w, channels)
    return x.transpose(0, 2, 4, 1, 3, 5, 6).reshape(-1, t * h * w * channels)
    # END SOLUTION


# %%
check(tubelets)

# %% [markdown]
# Our videos have four frames of 16 × 16 pixels. In each a handwritten digit moves in one of eight directions, two
# pixels a frame. Its caption says so: *three up left*. There are 80 captions; a batch has each of them once.
# The digits of the test are other ones than those of the training.

# %%
moving = runpy.run_path(str(this.folder / "moving.py"))
tests = moving["draw"](this.at_scale(quick=1, default=5), seed=1, test=True)
example = int(
    np.flatnonzero(tests.captions == moving["CAPTIONS"].index("three left"))[0]
)
back = int(np.flatnonzero(tests.captions == moving["CAPTIONS"].index("three right"))[0])
for row in (example, back):
    framed = np.pad(
        tests.frames[row, ..., 0], ((0, 0), (1, 1), (1, 1)), constant_values=0.4
    )
    show.images(framed, [f"frame {n}" for n in range(4)], columns=4)
    print(moving["CAPTIONS"][tests.captions[row]])
blocks = tubelets(tests.frames[example], (2, 4, 4))
print(f"{blocks.shape[0]} tubelets of {blocks.shape[1]} numbers")

# %% [markdown]
# Two models learn from the same videos, with a `VideoEncoder` as image tower and the loss of
# section 2. One sees the *frames*. For the other each frame was replaced by the *average* of all four.
#
# **Predict first.** We ask for the direction, one of eight, and give the digit away.

# %%
this.predict(
    "average",
    "What share of the directions does the model of the average name rightly?",
    ["about 1/8", "about 1/2", "nearly all"],
)


# %% tags=["experiment"]
def averaged(frames):
    """Each frame replaced by the mean of all."""
    return np.repeat(frames.mean(axis=1, keepdims=True), frames.shape[1], axis=1)


def directions(model, frames):
    """The direction that each test video gets: integers (N,)."""
    texts = model.embed_texts(moving["token_ids"](moving["CAPTIONS"]))
    table = ops.convert_to_numpy(model.embed_images(frames) @ ops.transpose(texts))
    return moving["direction_of"](table, tests.captions)


VIDEO_STEPS = this.at_scale(quick=2, default=80)
true_way = tests.captions % 8
right_way, right_line = {}, {}
keras.utils.set_random_seed(0)
tower = VideoEncoder((4, 16, 16, 1), (2, 4, 4), num_layers=2, **towers["BLOCKS"])
reader = towers["text_tower"](len(moving["WORDS"]), end_id=0)
watcher = towers["clip"](towers["begun"](tower), reader)
first_weights = watcher.get_weights()
changes = (("average", averaged), ("frames", np.array))
for title, change in this.progress(changes, "training"):
    watcher.set_weights(first_weights)
    towers["learn"](watcher, moving["batches"](0, change), 2e-3, VIDEO_STEPS)
    said = directions(watcher, change(tests.frames))
    right_way[title] = np.mean(said == true_way)
    right_line[title] = np.mean(said // 2 == true_way // 2)
    print(f"{title}: direction {right_way[title]:.2f}, line {right_line[title]:.2f}")
AVERAGE = "about 1/8", "about 1/2", "nearly all"
this.reveal(
    "average",
    AVERAGE[int(np.searchsorted([0.3, 0.75], right_way["average"]))],
    f"{right_way['average']:.2f}; of the frames {right_way['frames']:.2f}",
)

# %% [markdown] tags=["result"]
# The model of the frames names nearly all directions rightly. That of the average always knows the *line*, left–right, up–down
# or one of the diagonals, and which way along it, it guesses: one half. It could not do better with any number of
# weights. A digit that moves left is in the same four places as one that moves right. The sum of the
# four pictures is the same, and what is gone in the input no training brings back.

# %% [markdown]
# ## 8. Break it: other orders
#
# The model of the frames is trained. Nothing in it changes now; only the order in which it gets the four frames does.
#
# **Predict first.** First they come backwards, the last one first.

# %%
this.predict(
    "backwards",
    "What does it say most often?",
    ["the right direction", "the opposite direction", "anything"],
)

# %% tags=["experiment"]
ORDERS = {
    "as filmed": [0, 1, 2, 3],
    "backwards": [3, 2, 1, 0],
    "shuffled": [2, 0, 3, 1],
}
shares = {}
for title, order in ORDERS.items():
    said = directions(watcher, tests.frames[:, order])
    shares[title] = {
        "right": np.mean(said == true_way),
        "opposite": np.mean(said == true_way ^ 1),
    }
    print(f"{title:10}", ", ".join(f"{k} {v:.2f}" for k, v in shares[title].items()))
turned = shares["backwards"]
verdict = max(turned, key=turned.get)
verdict = f"the {verdict} direction" if turned[verdict] > 0.5 else "anything"
this.reveal("backwards", verdict, f"opposite: {turned['opposite']:.2f}")

# %% [markdown] tags=["result"]
# Backwards it says the opposite, as sure as before: left is right played backwards, and the model has learned just that.
# Shuffled, it gets a film that contradicts itself: within each tubelet the digit jumps back by two steps, and from one
# tubelet to the next it goes on by one. Fewer than half of its answers are right. The average would have noticed neither.
#
# If your video model scores as well on shuffled frames as on the video itself, then your *task* does not need time, and the frames
# alone give it away. It is the first thing to try with a new set of videos.

# %% [markdown]
# ## 9. At full scale (optional)
#
# With `TLKERAS_SCALE=full` and a mirror of CIFAR-10 the cell below shows the emoji model 1,000 photographs of ten
# kinds, by name. They have 32 × 32 pixels as well, and "cat", "dog" and "horse" are words that it has read. It names 0.10 of
# them rightly with the name alone and 0.11 with "a photo of a …", where chance is 0.10: nothing carries over from drawings on white
# paper to photographs.
#
# A CLIP that has read 400 million captions is one argument away: the first lines of `full_scale.py` say
# how. That was not run here, as its weights could not be had without a network. That the library's CLIP gives
# the numbers of Hugging Face's is tested with small random weights.

# %%
if this.at_scale(quick=False, default=False, full=True):
    runpy.run_path(str(this.folder / "full_scale.py"))["main"]()

# %% [markdown]
# ## What you have seen
#
# - Two towers meet in one space; the batch supplies the wrong answers, both ways, and pairs of one name
#   are none.
# - The scale is learned as a logarithm. A loss at log B has learned nothing, and losses of
#   different batch sizes can not be compared.
# - Known words in new combinations carry over well, words that are new not at all, and drawings by
#   another hand half.
# - Ties can make a model that knows nothing look perfect. Count chances.
# - Names make classifiers, if they are worded as the training texts were.
# - A new reader can learn to meet the vectors of a locked tower. With few texts, the texts are what is missing.
# - An average of frames knows what is there, and not in what order.
#
# ## Where this comes from
#
# - Radford et al. (2021), *Learning transferable visual models from natural language supervision*,
#   [arXiv:2103.00020](https://arxiv.org/abs/2103.00020): section 2.3 is the loss, 3.1.4 the prompts.
# - van den Oord et al. (2018), *Representation learning with contrastive predictive coding*,
#   [arXiv:1807.03748](https://arxiv.org/abs/1807.03748), section 2.3.
# - Zhai et al. (2021), *LiT: zero-shot transfer with locked-image text tuning*,
#   [arXiv:2111.07991](https://arxiv.org/abs/2111.07991), section 3.
# - Zhai et al. (2023), *Sigmoid loss for language image pre-training*,
#   [arXiv:2303.15343](https://arxiv.org/abs/2303.15343).
# - Arnab et al. (2021), *ViViT: a video vision transformer*,
#   [arXiv:2103.15691](https://arxiv.org/abs/2103.15691), section 3.2.
# - McSherry & Najork (2008), *Computing information retrieval performance measures efficiently
#   in the presence of tied scores*.

# %%
this.end()
