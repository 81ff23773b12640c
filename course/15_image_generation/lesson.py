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
# # 15 Image generation
#
# About 70 minutes, 20 points. You need lesson 13, the ViT.
#
# Until now a picture went in, and a word came out. Today a word goes in, and a picture comes
# out: one that nobody has drawn. By the end of this notebook you will be able to
#
# - say why a picture cannot simply be predicted, and what noise is good for;
# - build the way from noise to a picture, and what a network should say along it;
# - steer a Transformer by a time and a label, so that it does nothing at first;
# - draw pictures in steps, and make them more like what was asked for;
# - measure how far made pictures are from real ones, and whether they are copies.

# %%
from tlkeras.course import lesson

this = lesson("15_image_generation")
check = this.check

import runpy

import numpy as np
from scipy.linalg import sqrtm
from scipy.special import softmax
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from tlkeras import visualization as show
from tlkeras.datasets import digits

_ = threadpool_limits(1)  # in products as small as ours, threads wait for each other

# %% [markdown]
# ## The pictures
#
# We take the digits of lesson 13, 8 × 8 pixels each, and let them run from −1, paper, to 1,
# ink. The digits 0 to 4 are there to learn from; 5 to 9 wait for the end. 500 pictures are
# held back for testing, and 252 of them are digits from 0 to 4.

# %%
(images, names), (new_images, new_names) = digits.load_data()
images, new_images = 2 * images[..., None] - 1, 2 * new_images[..., None] - 1
train, train_names = images[names < 5], names[names < 5]
test, test_names = new_images[new_names < 5], new_names[new_names < 5]


def look(pictures, titles=None, columns=10):
    """Pictures from −1 to 1, in rows."""
    shown = [(picture[..., 0].clip(-1, 1) + 1) / 2 for picture in pictures]
    show.images(shown, titles or [""] * len(shown), columns=columns, width=0.8)


def noise_for(count, seed):
    """Normal noise for some pictures, always the same for a seed."""
    return np.random.default_rng(seed).normal(size=(count, 8, 8, 1))


look(train[:10])
print(f"{len(train)} pictures of 0 to 4 to learn from, {len(test)} to test with")

# %% [markdown]
# ## 1. Why not simply predict?
#
# A classifier learns pairs of picture and label. Let us turn the pairs round: the label goes
# in, the picture should come out, and the loss is the mean squared error. Nothing forbids
# that. But a label belongs to many pictures, and the network can give only one answer to it.
#
# **Predict first.** The network is trained as well as can be. We ask for a 3.

# %%
this.predict(
    "one-answer",
    "What does it draw?",
    [
        "one of the pictures it has seen",
        "the mean of all 3s",
        "another 3 each time",
    ],
)

# %% tags=["experiment"]
means = np.stack([train[train_names == name].mean(axis=0) for name in range(5)])
threes = train[train_names == 3]
mean_costs = ((threes - means[3]) ** 2).mean()
picture_costs = [((threes - one) ** 2).mean() for one in threes]
look(means, list("01234"), columns=5)
print(f"error of the mean 3 as the only answer: {mean_costs:.2f}")
print(f"error of the best of all real 3s as the only answer: {min(picture_costs):.2f}")
this.reveal(
    "one-answer",
    "the mean of all 3s",
    f"its error is {mean_costs:.2f}; a real 3 has {min(picture_costs):.2f} or more",
)

# %% [markdown] tags=["result"]
# Of all fixed answers the mean has the least squared error. So a network that predicts
# pictures from labels learns to blur. Nothing is wrong with the network: the *question* was
# wrong. What is missing is a reason to draw this 3 and not another one.
#
# So we give it one: **noise**, random numbers as many as there are pixels. To each noise
# belongs a picture. The same noise gives the same picture again, another noise another one.
# What can draw samples like the data in this way is a **generative model**. But which noise
# belongs to which picture? Nobody tells us.

# %% [markdown]
# ## 2. A straight way
#
# The trick: we do not decide it. In training we draw a picture and a noise, independently of
# each other, and join them by a straight line:
#
# $$x(t) = (1 - t)\, \varepsilon + t\, y$$
# $$\frac{dx}{dt} = y - \varepsilon$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | y | (H, W, C) | a real picture |
# | $\varepsilon$ | (H, W, C) | noise, normal, with mean 0 and variance 1 |
# | t | | the time, from 0 (noise) to 1 (picture) |
# | x(t) | (H, W, C) | where we are at that time |
# | dx/dt | (H, W, C) | the **velocity**: how far and where x moves in a unit of time |
#
# The network sees x(t) and t, and learns to say the velocity. That is **flow matching**
# (Lipman et al. 2022, Liu et al. 2022). To draw, we start at noise and let ourselves be told
# the way, step by step.
#
# Its older sister, *diffusion* (Ho et al. 2020), goes a curved way, counts time from the
# picture to the noise, and lets the network say the noise. `tlkeras.diffusion` has both.
#
# ### Exercise: the way and the velocity (4 points, 7 minutes, easy)


# %% exercise="straight_way"
def straight_way(images, noise, times):
    """Where images are on their way, and their velocity: two arrays (B, H, W, C).

    images: floats (B, H, W, C). noise: floats (B, H, W, C). times: floats (B,), from 0,
    where there is only noise, to 1, where there is only the image.
    """
    # BEGIN SOLUTION
    t = times[:, None, None, None]  # (B, 1, 1, 1)
    return (1 - t) * noise + t * images, images - noise
    # END SOLUTION


# %%
check(straight_way)

# %% tags=["experiment"]
moments = np.linspace(0, 1, 9)
one_noise = noise_for(1, seed=0)
along = [np.repeat(x, len(moments), axis=0) for x in (train[1:2], one_noise)]
look(straight_way(*along, moments)[0], [f"t = {t:.2f}" for t in moments], columns=9)

# %% [markdown] tags=["result"]
# A picture on its way. On this line the velocity is the same everywhere. And yet the network
# will have to say different things along it, as you will see now.

# %% [markdown]
# ## 3. What there is to learn
#
# Many ways lead through a point x at time t: each picture could be its end, with a noise that
# fits. The network cannot know which way was meant. Trained with squared error, it learns
# the *mean* velocity of all of them. Once more a mean! But now it is the mean over what is
# still possible *from here*, and the farther we go, the less that is.
#
# For a given set of pictures this best answer can be computed. The noise that leads from
# picture $y_i$ to x at time t is $(x - t\,y_i) / (1 - t)$. The normal distribution says how
# probable that noise is:
#
# $$w_i = \text{softmax}_i \left( -\frac{\left|x - t\, y_i\right|^2}{2 (1 - t)^2} \right)$$
# $$v(x, t) = \frac{\sum_i w_i\, y_i - x}{1 - t}$$
#
# You have met this form in lesson 01: x is a query, the pictures are keys and values, and
# the scores are distances. The temperature is $(1 - t)^2$, and it falls.
#
# **Predict first.** We go along the ways of unseen pictures and ask how sure the best answer
# is of their digit, one of five: the sum of $w_i$ over training pictures of that digit.

# %%
this.predict(
    "decided",
    "From which time on is it 90 % sure?",
    ["before 0.2", "between 0.2 and 0.8", "after 0.8"],
)


# %% tags=["experiment"]
def best_answer(x, times, pictures):
    """The mean velocity (B, D) at x (B, D), and the share of each picture in it (B, N)."""
    t = times[:, None]  # (B, 1)
    gaps = ((x[:, None] - t[..., None] * pictures) ** 2).sum(axis=-1)  # (B, N)
    shares = softmax(-gaps / (2 * (1 - t) ** 2), axis=-1)
    return (shares @ pictures - x) / (1 - t), shares


flat = train.reshape(len(train), -1).astype("float64")  # (N, 64)
asked_times = np.arange(0.05, 1, 0.1)
some = test[:100]
way_noise = noise_for(len(some), seed=1)
right_digit = train_names == test_names[:100, None]  # (B, N)
sure_digit, sure_picture = [], []
for moment in asked_times:
    now = np.full(len(some), moment)
    on_way = straight_way(some, way_noise, now)[0].reshape(len(some), -1)
    shares = best_answer(on_way, now, flat)[1]
    sure_digit.append((shares * right_digit).sum(axis=1).mean())
    sure_picture.append(shares.max(axis=1).mean())
show.curves(
    asked_times,
    {"of the right digit": sure_digit, "of a single picture": sure_picture},
    "time",
    "share",
    "How sure the best answer is",
)
when = int(np.argmax(np.array(sure_digit) > 0.9))
decided = asked_times[when]
this.reveal(
    "decided",
    ["before 0.2", "between 0.2 and 0.8", "after 0.8"][
        int(decided > 0.2) + int(decided > 0.8)
    ],
    f"{sure_digit[when - 1]:.0%} at {decided - 0.1:.2f}, {sure_digit[when]:.0%} at {decided:.2f}",
)

# %% [markdown] tags=["result"]
# Three parts of the way. At first everything is possible: the shares are those of chance,
# and the best answer points to the mean of all pictures. In the middle it is decided which
# digit it becomes. After that only the strokes are left, and in the end a single training
# picture has nearly all of the weight. Remember that last part: section 9 comes back to it.

# %% [markdown]
# ## 4. A condition that steers
#
# The network is a ViT: patches in, patches out, and each output patch is a piece of the
# velocity. Two things more must be known: the time, and the label. In a **DiT** (Peebles
# and Xie 2022) both become vectors, are added, and steer every layer:
#
# - the time as waves, like the positions of lesson 03, through two linear layers. The
#   waves were chosen for times up to 1,000, so the network is told 1000 t;
# - the label by an embedding, with one row more for *not told*.
#
# How can a vector steer? Layer normalisation makes the D numbers of a patch alike, mean 0
# and variance 1, and then usually multiplies and adds learned weights. In
# **adaLN-zero** these come from the condition c, and a gate with them:
#
# $$[\text{shift}, \text{scale}, \text{gate}] = \text{SiLU}(c)\, W + b$$
# $$x \leftarrow x + \text{gate} \odot
#    \text{part}\big((1 + \text{scale}) \odot \text{Norm}(x) + \text{shift}\big)$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | x | (T, D) | the patches |
# | c | (E,) | time and label of the picture; SiLU(c) = c · sigmoid(c) |
# | W, b | (E, 3 D), (3 D,) | learned, and *zero* at first |
# | shift, scale, gate | (D,) each | the same for all patches of the picture |
# | part | | attention, or the feed-forward network |
# | ⊙ | | product number by number |
#
# Norm subtracts the mean of the D numbers of a patch, and divides by the root of their
# variance plus $10^{-6}$; it has no weights. In the exercise the part is tanh(y P), with a
# matrix P.
#
# ### Exercise: a steered part (5 points, 12 minutes, middle)


# %% exercise="steered"
def steered(x, condition, weight, bias, part):
    """Patches, and what a part adds to them, steered: floats (B, T, D).

    x: floats (B, T, D). condition: floats (B, E). weight: floats (E, 3 D). bias: floats
    (3 D,). part: the matrix P, floats (D, D). In the 3 D numbers shift comes first, then
    scale, then gate.
    """
    # BEGIN SOLUTION
    bent = condition / (1 + np.exp(-condition))
    steering = (bent @ weight + bias)[:, None]  # (B, 1, 3 D)
    shift, scale, gate = np.split(steering, 3, axis=-1)  # (B, 1, D) each
    centred = x - x.mean(axis=-1, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    return x + gate * np.tanh(((1 + scale) * y + shift) @ part)
    # END SOLUTION


# %%
check(steered)

# %% [markdown]
# At first W and b are zero, and with them all gates: every layer gives back its input.
# The output layer of a DiT is zero, too, so that the velocity is 0 whatever is asked. A
# deep stack that does nothing is a gentle beginning. But what can it learn from, if
# nothing that it does has an effect?
#
# **Predict first.** We take a single step of training.

# %%
this.predict(
    "awake",
    "Which weights have moved after the first step?",
    [
        "all of them",
        "those of the output layer alone",
        "those that make shift, scale and gate",
    ],
)

# %% tags=["experiment"]
DigitPainter = runpy.run_path(str(this.folder / "painter.py"))["DigitPainter"]
painter = DigitPainter(labels=10)
PARTS = {
    "output layer": ("output_dense",),
    "shift, scale, gate": ("modulation",),
    "patches": ("patch_embedding",),
    "attention and feed-forward": ("self_attention", "feedforward"),
    "time and label": ("time_embedding", "label_embedding"),
}
kept = painter.network.get_weights()
painter.begin(seed=0)
first_moved = {}
for number in range(1, 5):
    before = painter.network.get_weights()
    painter.learn(train, train_names, 1e-3, 1, seed=number)
    pairs = zip(before, painter.network.get_weights(), strict=True)
    changed = [not np.array_equal(old, new) for old, new in pairs]
    paths = [weight.path for weight in painter.network.weights]
    moved = [path for path, new in zip(paths, changed, strict=True) if new]
    for part, keys in PARTS.items():
        if any(key in path for path in moved for key in keys):
            first_moved.setdefault(part, number)
painter.network.set_weights(kept)  # if this cell runs again, after the training
for part, number in first_moved.items():
    print(f"moved first in step {number}: {part}")
awake = [part for part, number in first_moved.items() if number == 1]
alone = awake == ["output layer"]
this.reveal(
    "awake",
    "those of the output layer alone" if alone else "all of them",
    f"in step 1: {', '.join(awake)}",
)

# %% [markdown] tags=["result"]
# The network wakes up from its end. While the output layer is zero, nothing before it has
# any effect, hence no slope. Once it has moved, the gates matter, and what makes them
# moves; so do the patches, which reach the output without any gate. Once the gates are
# open, attention and the feed-forward network follow. Two steps of more than a thousand:
# a cheap price.

# %% [markdown]
# ## 5. Train
#
# A ViT of two layers, D = 64, patches of 2 × 2, about 180,000 weights. In each step 128
# pictures get a noise and a time each, as in section 2. (The library does it, and its
# numbers are those of your function.) In one of ten the label is replaced by *not told*;
# section 7 needs that.
#
# **Predict first.** At the beginning the network says 0, whatever it sees. The variance of
# noise is 1, and pixels are between −1 and 1.

# %%
this.predict(
    "zero",
    "Its loss is then the mean of (y − ε)², about",
    ["0.3", "1", "1.7"],
)

# %% tags=["experiment"]
STEPS, RATE = this.at_scale(quick=4, default=1200, full=3000), 2e-3
zero_loss = 1 + (train**2).mean()
painter.begin(seed=0)
losses = painter.learn(
    train,
    train_names,
    RATE,
    STEPS,
    seed=0,
    watch=lambda blocks: this.progress(blocks, "training"),
)
learned = painter.network.get_weights()
shown_losses = losses[::3]
show.curves(
    10 + 30 * np.arange(len(shown_losses)),
    {"loss": shown_losses, "of a network that says 0": [zero_loss] * len(shown_losses)},
    "step",
    "loss",
    "Training",
    dotted=("of a network that says 0",),
)
print(f"says 0: {zero_loss:.2f}; last: {losses[-1]:.2f}")
this.reveal("zero", "1.7", f"1 + {zero_loss - 1:.2f}, the mean square of the pixels")

# %% [markdown] tags=["result"]
# Noise and picture are independent, so their mean squares add up. The loss falls fast at
# first, then slowly, and it does not go to 0. At the beginning of a way nobody can know
# where it leads; at its end, what is still wrong with the picture is divided by the short
# time that is left. That is why a loss says little about how good the pictures are. We
# have to look.

# %% [markdown]
# ## 6. Step by step
#
# The network tells the velocity here and now. To draw, start at noise, x at time 0, ask, go
# a bit in that direction, and ask again. With S steps of one length this is
# **Euler's method**:
#
# $$x\left(\tfrac{k + 1}{S}\right) = x\left(\tfrac{k}{S}\right)
#   + \tfrac{1}{S}\; v\left(x\left(\tfrac{k}{S}\right), \tfrac{k}{S}\right)$$
#
# for k = 0, …, S − 1.
# The ways of the training were straight; the one that we go is not, since the mean velocity
# changes on the way. Short steps follow the bends, long ones cut the corners.
#
# ### Exercise: Euler's method (4 points, 9 minutes, middle)


# %% exercise="euler"
def euler(velocity, noise, steps):
    """What becomes of noise in some steps of one length: floats (B, …), as the noise.

    velocity: a function (x, times) -> floats like x; times are floats (B,), one for each
    row of x. noise: floats (B, …), where to begin at time 0. steps: how many, to time 1.
    """
    # BEGIN SOLUTION
    x = noise
    for k in range(steps):
        x = x + velocity(x, np.full(len(x), k / steps)) / steps
    return x
    # END SOLUTION


# %%
check(euler)

# %% [markdown]
# **Predict first.** We ask for a 3, and go the whole way in a single step.

# %%
this.predict(
    "one-step",
    "What comes out?",
    ["noise, a little paler", "the mean 3 of section 1", "a sharp 3"],
)

# %% tags=["experiment"]
asked = np.repeat(np.arange(5), this.at_scale(quick=10, default=50))
draw_noise = noise_for(len(asked), seed=2)
reader = SVC(gamma="scale").fit(images.reshape(len(images), -1), names)
reads_real = reader.score(new_images.reshape(len(new_images), -1), new_names)


def share_read(pictures, wanted):
    """How many pictures are read as what they should be."""
    return reader.score(pictures.reshape(len(pictures), -1), wanted)


means_read = share_read(means, np.arange(5))
print(
    f"the reader: {reads_real:.1%} of unseen real digits, {means_read:.0%} of the means"
)


def told(x, times):
    """What the network says if it is told the labels."""
    return painter.velocity(x, times, asked)


DRAW_STEPS = this.at_scale(quick=3, default=25)
in_steps = {}
for count in (1, 2, 5, DRAW_STEPS):
    in_steps[count] = euler(told, draw_noise, count).clip(-1, 1)
    label = "1 step" if count == 1 else f"{count} steps"
    print(f"{label:>8}: {share_read(in_steps[count], asked):.0%} read as asked")
    look(in_steps[count][:: len(asked) // 10][:10], [label, *[""] * 9])
to_mean = np.abs(in_steps[1] - means[asked]).mean()
to_noise = np.abs(in_steps[1] - draw_noise.clip(-1, 1)).mean()
this.reveal(
    "one-step",
    "the mean 3 of section 1" if to_mean < to_noise else "noise, a little paler",
    f"a pixel is {to_mean:.2f} away from the mean's, {to_noise:.2f} from the noise's",
)

# %% [markdown] tags=["result"]
# At time 0 the best answer is *the mean of the digit minus this noise*. One step along it
# ends at the mean: the blur of section 1. The reader takes the five means for digits,
# too; so *read as asked* is no measure of beauty. With more steps each picture finds a
# digit of its own.

# %% [markdown]
# ## 7. More of what was asked for
#
# Labels were dropped in one of ten pictures, so the network can say two things: the
# velocity with the label, v(x, c), and without, v(x). Their difference is what the label is
# worth here. Why not take more of it than there is?
#
# $$v_w = v(x) + w\, \big(v(x, c) - v(x)\big)$$
#
# This is **classifier-free guidance** (Ho and Salimans 2022). With w = 0 the label is
# ignored, with w = 1 it is followed, and with w > 1 it is exaggerated. (In the paper the
# weight is w − 1.) Both velocities are asked for in one batch: all pictures with their
# labels, then all of them again without.
#
# ### Exercise: guidance (3 points, 4 minutes, easy)


# %% exercise="guided"
def guided(both, weight):
    """The velocity to follow: floats (B, D).

    both: floats (2 B, D), what the network says of B pictures with their labels, and then
    of the same without. weight: w.
    """
    # BEGIN SOLUTION
    told, untold = np.split(both, 2)  # (B, D) each
    return untold + weight * (told - untold)
    # END SOLUTION


# %%
check(guided)

# %% [markdown]
# **Predict first.** We raise the weight from 1 to 4.

# %%
this.predict(
    "guidance",
    "What falls?",
    [
        "the share that is read as asked",
        "the variety among pictures of one digit",
        "neither",
    ],
)


# %% tags=["experiment"]
def paint(wanted, noise, weight):
    """Pictures of some digits, by your `euler` and your `guided`."""
    labels = np.concatenate([wanted, np.full(len(wanted), painter.unknown)])

    def velocity(x, times):
        said = painter.velocity(np.tile(x, (2, 1, 1, 1)), np.tile(times, 2), labels)
        return guided(said.reshape(len(labels), -1), weight).reshape(x.shape)

    return euler(velocity, noise, DRAW_STEPS).clip(-1, 1)


def variety(pictures, wanted):
    """The mean variance of a pixel among the pictures of one digit."""
    return np.mean(
        [pictures[wanted == k].var(axis=0).mean() for k in np.unique(wanted)]
    )


made, read, varied = {}, {}, {}
for weight in (0.0, 1.0, 1.25, 2.0, 4.0):
    made[weight] = paint(asked, draw_noise, weight)
    read[weight] = share_read(made[weight], asked)
    varied[weight] = variety(made[weight], asked)
    print(f"w = {weight:g}: {read[weight]:.0%} as asked, variety {varied[weight]:.3f}")
    look(made[weight][:: len(asked) // 10][:10], [f"w = {weight:g}", *[""] * 9])
real_variety = variety(test, test_names)
print(f"real digits: variety {real_variety:.3f}")
falls = varied[4.0] < 0.95 * varied[1.0]
this.reveal(
    "guidance",
    "the variety among pictures of one digit" if falls else "neither",
    f"read as asked {read[1.0]:.0%}, then {read[4.0]:.0%}; "
    f"variety {varied[1.0]:.3f}, then {varied[4.0]:.3f}",
)

# %% [markdown] tags=["result"]
# With w = 0 the noise alone decides which digit it becomes, and the label fits by chance.
# These digits are also worse, since the network has practised them with one picture in
# ten. A larger w pushes every picture to where its digit is least like the others: easier
# to read, and more alike. Guidance trades variety for clarity. Whoever shows you only
# beautiful samples has not shown you the price.

# %% [markdown]
# ## 8. How far from the real ones?
#
# Read as asked, and varied: neither says whether made pictures are *like* real ones. The
# usual measure compares two *sets*. A small network that was trained to read digits turns
# each picture into a vector, its features; made and real ones become two clouds of
# points. Each cloud is described by its mean μ and covariance Σ, and the
# **Fréchet distance** (Heusel et al. 2017) is
#
# $$d = \left|\mu_1 - \mu_2\right|^2
#   + \text{tr}\left(\Sigma_1 + \Sigma_2 - 2\, (\Sigma_1 \Sigma_2)^{1/2}\right)$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | μ | (D,) | mean of the vectors of a set |
# | Σ | (D, D) | their covariance, divided by one less than there are vectors |
# | tr | | trace, the sum of the diagonal |
# | $M^{1/2}$ | (D, D) | the matrix root: multiplied by itself it gives M |
#
# If both clouds have the same spread, only the means count; for D = 1 it is
# $(\mu_1 - \mu_2)^2 + (\sigma_1 - \sigma_2)^2$. With the features of an Inception network
# it is called FID.
#
# ### Exercise: the Fréchet distance (4 points, 9 minutes, middle)
#
# `sqrtm(M)` from SciPy is the matrix root; `.real` takes off what rounding leaves.


# %% exercise="frechet"
def frechet(first, second):
    """The Fréchet distance of two sets of vectors: a number.

    first: floats (M, D). second: floats (N, D). M and N are at least 2.
    """
    # BEGIN SOLUTION
    gap = first.mean(axis=0) - second.mean(axis=0)  # (D,)
    centred = [x - x.mean(axis=0) for x in (first, second)]
    a, b = (x.T @ x / (len(x) - 1) for x in centred)  # (D, D) each
    return gap @ gap + np.trace(a + b - 2 * sqrtm(a @ b).real)
    # END SOLUTION


# %%
check(frechet)

# %% [markdown]
# A number means nothing without knowing what is good. What would *perfect* pictures get? We
# have some: real ones. Their distance to other real ones is the **floor**.
#
# **Predict first.** Two sets of real digits, without a picture in common.

# %%
this.predict(
    "floor",
    "Their distance with 50 pictures in each set, against 300 in each:",
    ["about the same", "clearly larger", "clearly smaller"],
)

# %% tags=["experiment"]
eye = MLPClassifier((32,), activation="tanh", tol=1e-3, random_state=0)
eye.fit(images.reshape(len(images), -1), names)


def features(pictures):
    """What the reading network's hidden layer makes of pictures: (B, 32)."""
    rows = pictures.reshape(len(pictures), -1).astype("float64")
    return np.tanh(rows @ eye.coefs_[0] + eye.intercepts_[0])


seen, unseen = features(train), features(test)
floors = {}
for count in (50, 100, 300):
    orders = [np.random.default_rng(k).permutation(len(seen)) for k in range(10)]
    halves = [(seen[o[:count]], seen[o[count : 2 * count]]) for o in orders]
    floors[count] = [frechet(one, other) for one, other in halves]
    print(f"{count:3} real and {count} real: {np.mean(floors[count]):.2f}")
grew = np.mean(floors[50]) > 1.5 * np.mean(floors[300])
this.reveal(
    "floor",
    "clearly larger" if grew else "about the same",
    f"{np.mean(floors[50]):.2f} with 50, {np.mean(floors[300]):.2f} with 300",
)

# %% [markdown] tags=["result"]
# The same source, and the distance is not 0: means and covariances of few pictures are
# off by chance, and every error *adds* to the distance. Two Fréchet distances may be
# compared only if their sets are of one size. The **kernel distance** (Bińkowski et
# al. 2018) has no such bias; `tlkeras.scores.kernel_distance` computes it.

# %% [markdown]
# And how far are the pictures of section 7 from unseen real ones, beside the floor?

# %% tags=["experiment"]
made_counts = min(len(unseen), len(seen), len(asked))
draws = [np.random.default_rng(k).permutation(len(seen)) for k in range(10)]
real_floor = np.mean([frechet(seen[o[:made_counts]], unseen) for o in draws])
far = {weight: frechet(features(pictures), unseen) for weight, pictures in made.items()}
print(f"real ones, as many: {real_floor:.2f}")
for weight, distance in far.items():
    print(
        f"w = {weight:g}: {distance:.2f}, {distance / real_floor:.1f} times the floor"
    )
nearest_weight = min(far, key=far.get)
print(f"nearest to the real ones: w = {nearest_weight:g}; read best: w =", end=" ")
print(f"{max(read, key=read.get):g}")

# %% [markdown] tags=["result"]
# How close is that? We had set ourselves a mark: at least 90 % read as asked, at no more
# than twice the floor. Following the label, w = 1, or a little more, w = 1.25, gets
# there, and with w = 2 hardly a digit is misread, but the distance has grown well beyond
# the mark: variety was lost. The reader is easily pleased, the distance is not. Training
# matters as much: after half of these steps, w = 1 had 93 % read as asked and 2.0 floors.

# %% [markdown]
# ## 9. Break it: the perfect network
#
# Let us wish for the best: a network with the least loss on the training pictures that
# any function can have. We need not train it. Section 3 has its formula, and your `euler`
# can follow it.
#
# **Predict first.** It starts at the same noise as our network did.

# %%
this.predict(
    "perfect",
    "What does it draw?",
    ["new digits, sharper than ours", "the training pictures", "means"],
)


# %% tags=["experiment"]
def to_nearest(pictures, known=train):
    """How far each picture is from the nearest of those that are known."""
    rows, others = (x.reshape(len(x), -1) for x in (pictures, known))
    return np.sqrt(((rows[:, None] - others) ** 2).sum(axis=-1).min(axis=1))


def perfect(x, times):
    """The velocity of the least loss that there is on the training pictures."""
    return best_answer(x, times, flat)[0]


copies = euler(perfect, draw_noise[:50].reshape(-1, 64), 25).reshape(-1, 8, 8, 1)
look(copies[:10])
apart = {
    "the perfect network's": to_nearest(copies).mean(),
    "ours, w = 1.25": to_nearest(made[1.25]).mean(),
    "unseen real ones": to_nearest(test).mean(),
}
print("mean distance to the nearest training picture")
for whose, distance in apart.items():
    print(f"{distance:.2f}: {whose}")
to_copies = apart["the perfect network's"]
perfectly = "the training pictures" if to_copies < 0.3 else "means"
this.reveal(
    "perfect",
    perfectly,
    f"{to_copies:.2f} from a training picture on average",
)

# %% [markdown] tags=["result"]
# It draws copies. The loss of flow matching is least for a machine that has learned its
# pictures by heart; all that is new in made pictures comes from the network's *failing*
# to reach that least. Being small, seeing patches, stopping early: these are what makes
# it draw digits that nobody wrote. The test is the nearest neighbour: made pictures
# should be about as far from the training pictures as unseen real ones are. Much nearer
# means copies; much farther means that they are not very good.

# %% [markdown]
# Let us also ask for the loss on pictures that neither has seen.

# %% tags=["experiment"]
loss_times = (np.arange(len(some)) % 10) / 10 + 0.05  # even, from 0.05 to 0.95
between, target = straight_way(some, way_noise, loss_times)
ours = painter.velocity(between, loss_times, test_names[:100])
theirs = perfect(between.reshape(len(some), -1), loss_times).reshape(between.shape)
for part, low, high in (("first", 0, 0.5), ("second", 0.5, 1)):
    here = (loss_times > low) & (loss_times < high)
    error = [((v[here] - target[here]) ** 2).mean() for v in (ours, theirs)]
    print(f"{part} half of the way: ours {error[0]:.2f}, perfect {error[1]:.2f}")
new_loss, perfect_loss = (((v - target) ** 2).mean() for v in (ours, theirs))

# %% [markdown] tags=["result"]
# Early on, the perfect network is good on new pictures, too: means are common property.
# Late, it knows no digits but its own, and goes to the nearest of them, wherever the true
# way leads. Large models of photographs do remember some pictures: Carlini and others
# (2023) got more than a thousand training pictures out of such models.

# %% [markdown]
# ## 10. New digits from ten pictures each
#
# The network has drawn 0 to 4. Now it gets ten pictures each of 5, 6, 7, 8 and 9, 50 in
# all, and some steps of training on them. Beside it starts one from scratch, on the same
# pictures, with as many steps.
#
# **Predict first.** Each then draws 50 pictures of every new digit, with w = 2.

# %%
this.predict(
    "few",
    "Which is read as asked more often?",
    ["the one that knows 0 to 4", "the one from scratch", "no difference of 5 points"],
)

# %% tags=["experiment"]
FEW_CHOICES = (
    "the one that knows 0 to 4",
    "the one from scratch",
    "no difference of 5 points",
)
FEW_STEPS = this.at_scale(quick=2, default=240)
few_rows = np.concatenate([np.flatnonzero(names == k)[:10] for k in range(5, 10)])
few, few_names = images[few_rows], names[few_rows]
few_asked = asked + 5
others = features(new_images[new_names >= 5])
few_read, few_far, few_drawn = {}, {}, {}
for start in this.progress(("knows 0 to 4", "from scratch"), "training"):
    painter.begin(seed=0, source=learned if start == "knows 0 to 4" else None)
    painter.learn(few, few_names, 1e-3, FEW_STEPS, seed=0)
    few_drawn[start] = paint(few_asked, draw_noise, 2.0)
    few_read[start] = share_read(few_drawn[start], few_asked)
    few_far[start] = frechet(features(few_drawn[start]), others)
painter.begin(seed=0, source=learned)  # as the cells above know it
few_near = {}
for start, pictures in few_drawn.items():
    few_near[start] = to_nearest(pictures, few).mean()
    print(
        f"{start}: {few_read[start]:.0%} read as asked, Fréchet {few_far[start]:.1f},"
    )
    print(f"    {few_near[start]:.2f} from the nearest of the 50 pictures")
    look(pictures[:: len(few_asked) // 10][:10], [start, *[""] * 9])
few_near["real"] = to_nearest(new_images[new_names >= 5], few).mean()
print(f"unseen real ones are {few_near['real']:.2f} from the nearest of the 50")
few_lead = few_read["knows 0 to 4"] - few_read["from scratch"]
few_choice = 2 if abs(few_lead) < 0.05 else int(few_lead < 0)
this.reveal(
    "few",
    FEW_CHOICES[few_choice],
    f"{100 * few_lead:+.0f} points for what knows 0 to 4",
)

# %% [markdown] tags=["result"]
# One run is an anecdote: there is one draw of ten pictures. Nor is it a fair race: the
# rate is a gentle one, for a network that goes on and not for one that begins (see
# below). Read three numbers together. *Read as asked* says whether the digit was
# understood. The Fréchet distance says whether all kinds of it are there. The distance to
# the 50 pictures says whether they were only learned by heart, which with ten pictures of
# a digit is the easiest way to be read. What can be carried over is what all digits
# share: where ink lies, how a stroke goes on from patch to patch. The labels of the new
# digits have no past: their embeddings are as random as from scratch.
#
# What should learn when there is so little to learn from? We gave a model of 0 to 4 five
# or twenty pictures of each new digit, and let either everything learn, or only what a
# condition works through: the labels' vectors, and what makes shift, scale and gate of
# them, a third of the weights. A third network began at random. Five draws; w = 1.5; a
# picture counts as copied if it is nearer to one of those given than all but 5 % of the
# unseen real pictures are.
#
# | | read as asked, % | Fréchet distance | copied, % |
# |---|---|---|---|
# | **5 of each:** only what steers | 96.5 ± 3.9 | 1.43 ± 0.35 | 2.0 ± 3.3 |
# | everything | 99.3 ± 1.2 | 1.58 ± 0.40 | 20.7 ± 6.2 |
# | from scratch | 94.8 ± 5.1 | 1.57 ± 0.41 | 7.4 ± 7.4 |
# | real pictures | 99.6 | 0.37 ± 0.09 | 5.4 ± 0.8 |
# | **20 of each:** only what steers | 92.6 ± 4.3 | 1.19 ± 0.07 | 0.0 |
# | everything | 98.5 ± 1.2 | 0.87 ± 0.15 | 0.9 ± 0.6 |
# | from scratch | 82.8 ± 11.8 | 1.69 ± 0.38 | 0.1 ± 0.2 |
# | real pictures | 99.6 | 0.31 ± 0.03 | 4.7 ± 1.9 |
#
# With five pictures of a digit, knowing 0 to 4 brings hardly anything that can be told
# from chance: the network from scratch is read nearly as well. What differs is the last
# column. Where all weights of a trained network move, one in five pictures is a copy;
# where only steering is learned, no more than among real ones. With twenty it pays:
# everything is ahead of scratch by 16 ± 11 points of what is read and by 0.82 ± 0.44 of
# Fréchet distance, and hardly copies. Nobody comes near the distance of real pictures.
#
# All three chose the highest rate and the most steps of four settings (0.004, 400 steps
# of 32), so that more steps may still close a gap. In the cell above, the rate was
# gentler, and the lead much larger: most of that lead is one of *time*. The runs are in
# `benchmarks/claims/generation_transfer.csv`.

# %% [markdown]
# ## 11. The same elsewhere
#
# - **tlkeras** has `diffusion.FlowMatching(network).fit(images, labels)`, and its
#   `sample(labels, steps=…, guidance=…)` is your `euler` and `guided` in one compiled
#   loop. `diffusion.Diffusion` is the older sister, with DDIM's steps. A condition may
#   also be the vector of a text.
# - **Hugging Face** has `diffusers`; a DiT is `DiTPipeline` there, flow matching's Euler
#   steps are `FlowMatchEulerDiscreteScheduler`, and w is `guidance_scale`.
# - **Large models** do what you did, elsewhere: Peebles and Xie draw 256 × 256 pixels as
#   32 × 32 × 4 numbers, which a second network (an autoencoder) makes of pictures and
#   turns back; Stable Diffusion 3 (Esser et al. 2024) is flow matching with a Transformer
#   that reads texts.
#
# What we have *not* shown: photographs, colours, texts, and a network that is trained until
# the distance stops falling.

# %% [markdown]
# ## What you have built
#
# - The way from noise to pictures, and Euler's method to go it.
# - A steered layer that does nothing at first, and guidance with its price.
# - A distance between made and real pictures, beside its floor, and a test for copies.
#
# ## Where this comes from
#
# - Lipman, Chen, Ben-Hamu, Nickel and Le (2022), *Flow Matching for Generative Modeling*,
#   [arXiv:2210.02747](https://arxiv.org/abs/2210.02747). Section 4.1: straight ways.
# - Liu, Gong and Liu (2022), *Flow Straight and Fast*,
#   [arXiv:2209.03003](https://arxiv.org/abs/2209.03003). Section 2.1.
# - Ho, Jain and Abbeel (2020), *Denoising Diffusion Probabilistic Models*,
#   [arXiv:2006.11239](https://arxiv.org/abs/2006.11239). Section 3.
# - Peebles and Xie (2022), *Scalable Diffusion Models with Transformers*,
#   [arXiv:2212.09748](https://arxiv.org/abs/2212.09748). Section 3.2: adaLN-zero.
# - Ho and Salimans (2022), *Classifier-Free Diffusion Guidance*,
#   [arXiv:2207.12598](https://arxiv.org/abs/2207.12598). Section 3.2.
# - Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter (2017), *GANs Trained by a Two
#   Time-Scale Update Rule*, [arXiv:1706.08500](https://arxiv.org/abs/1706.08500).
#   Equation 6.
# - Bińkowski, Sutherland, Arbel and Gretton (2018), *Demystifying MMD GANs*,
#   [arXiv:1801.01401](https://arxiv.org/abs/1801.01401). Section 4.
# - Carlini and others (2023), *Extracting Training Data from Diffusion Models*,
#   [arXiv:2301.13188](https://arxiv.org/abs/2301.13188).
# - Esser and others (2024), *Scaling Rectified Flow Transformers*,
#   [arXiv:2403.03206](https://arxiv.org/abs/2403.03206).
# - Alpaydin and Kaynak (1998): the digits, as in lesson 13.

# %%
this.end()
