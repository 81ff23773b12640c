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
# # 07 Transfer with few parameters
#
# About 90 minutes, 20 points. You need lessons 04 to 06: encoder blocks, the loss of a softmax,
# and what fine-tuning is.
#
# Fine-tuning changes every number of a model. This notebook asks how many of these changes
# are needed, and what one gets for making fewer. By its end you will be able to
#
# - say how large a fine-tuned change is, and cut it down to a rank;
# - write LoRA from its equation, start it without a jolt, and merge it away;
# - give each layer a learning rate of its own, and let layers learn one after another;
# - teach a smaller model what a larger one thinks;
# - choose between all of these by quality, memory, storage and time, measured.
#
# Before each experiment you say what you expect; its code, and the text that explains its
# result, are folded away until you open them.

# %%
from tlkeras.course import lesson

this = lesson("07_few_parameters")
check = this.check

import re
import tempfile
from functools import cache
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
from keras import ops
from threadpoolctl import threadpool_limits

from tlkeras import transfer
from tlkeras import visualization as show
from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.datasets import docstrings, sst2
from tlkeras.models import Bert, BertClassifier

# %% [markdown]
# ## A question to begin with
#
# You have fine-tuned a BERT for a customer, and it works. Ninety-nine more customers would
# like one of their own, each with their own labels.
#
# Our model is small: four blocks, 128 wide, two heads, pretrained on the docstrings of Python
# packages, and cut to sentences of 16 tokens here. The task: for which of five packages was
# a sentence written? To run everything below on a larger model and on film reviews instead, change
# two names: `PRESET = MINILM` and `data = sst2`.

# %%
MINILM = "hf://sentence-transformers/all-MiniLM-L6-v2"
OURS = "tlkeras://bert_docstrings"
PRESET = this.at_scale(quick=OURS, default=OURS, full=MINILM)
data = this.at_scale(quick=docstrings, default=docstrings, full=sst2)


def classifier():
    """The pretrained model, with a new head."""
    keras.utils.set_random_seed(0)  # the same head each time
    backbone = from_preset(PRESET, name="bert", use_pooler=False)
    return BertClassifier(backbone, num_classes=len(data.CLASSES))


def trainer_of(model, optimizer=None):
    """Trains one model again and again, each time from its first weights."""
    trainer = transfer.Retrainer(
        model, batch_size=16, jit_compile=False, optimizer=optimizer
    )
    model.run_eagerly = this.at_scale(quick=True, default=False)
    return trainer


# %%
model = classifier()
everything = trainer_of(model)
base_weights = everything.first_weights
print(transfer.summary(model))
megabytes = 4 * model.count_params() / 1e6
print(f"\none copy: {megabytes:.1f} MB; a hundred copies: {100 * megabytes:,.0f} MB")

# %% [markdown]
# Four bytes a parameter: each customer costs as much as the whole model. With BERT-base and
# its 110 million parameters (Devlin et al. 2018, section 3) a hundred customers are 44 GB,
# and in training Adam keeps two more numbers for each parameter that learns: the last
# column.
#
# But is the copy of customer 57 really another model? It began as the same weights as all
# others, and saw 300 sentences. So: **how much of the change is needed?**

# %% [markdown]
# ## 1. How large is a change?
#
# Call a kernel $W$ before fine-tuning and $W + \Delta W$ after it; both are matrices (D, F),
# from D numbers to F. First the data:

# %% tags=["experiment"]
label_count = this.at_scale(quick=40, default=300, full=1000)
test_count = this.at_scale(quick=40, default=400, full=1821)

corpus = this.at_scale(quick={"per_package": 100}, default={})
prepare = preprocessor(
    PRESET, sequence_length=this.at_scale(quick=16, default=16, full=64)
)
(texts, labels), _, (test_texts, test_labels) = data.load_data(**corpus)
chosen = transfer.draw_labels(test_labels, test_count, seed=0)
test_labels = test_labels[chosen]


def tokens(some_texts):
    """What a BERT reads: a dictionary of arrays (B, T)."""
    return {name: np.asarray(x) for name, x in prepare(list(some_texts)).items()}


test_inputs = tokens([test_texts[i] for i in chosen])


# %% [markdown]
# Fine-tune the model three times, each time with other sentences, to know how far to trust a
# result. The differences $\Delta W$ below are those of one run alone.

# %% tags=["experiment"]
steps = this.at_scale(quick=1, default=50, full=300)
seeds = range(this.at_scale(quick=1, default=3, full=5))


@cache
def drawn(seed):
    """Inputs and labels to learn from, others for each seed."""
    rows = transfer.draw_labels(labels, label_count, seed)
    return tokens([texts[i] for i in rows]), labels[rows]


def fit(trainer, seed, learning_rate, weights=None):
    """Train on the labels of a seed: the accuracy on test sentences, seconds a step."""
    examples = drawn(seed)
    start = perf_counter()
    trainer.run(*examples, learning_rate, steps, seed, weights)
    seconds = (perf_counter() - start) / steps
    return trainer.accuracy(test_inputs, test_labels), seconds


def with_all_seeds(name, trainer, learning_rate, weights=None):
    """Train with every seed, 0 last: the mean accuracy, and seconds a step."""
    runs = [
        fit(trainer, seed, learning_rate, weights)
        for seed in this.progress(seeds[::-1], name)
    ]
    shares, times = zip(*runs, strict=True)
    print(f"{name:28} {transfer.estimate(shares)}")
    return transfer.estimate(shares), np.median(times)


tuned_result = with_all_seeds("everything", everything, 1e-3)
tuned_weights = model.get_weights()  # of seed 0
full_accuracy = everything.accuracy(test_inputs, test_labels)
print(f"the run of seed 0, on {label_count} sentences: {full_accuracy:.1%} right")

# %% [markdown]
# **Predict first.** The size of a matrix is the root of the sum of all squares.

# %%
this.predict(
    "size-of-change",
    "By how much of its own size did a kernel change, on average?",
    ["less than 1 %", "1 to 10 %", "10 to 50 %", "more than 50 %"],
)

# %%
this.predict(
    "where-changed",
    "Which block changed most?",
    ["the first", "the last", "all by the same share"],
)

# %% tags=["experiment"]
KERNELS = {
    "query": "query/kernel",
    "key": "key/kernel",
    "value": "value/kernel",
    "output": "attention_output/kernel",
    "widen": "intermediate_dense/kernel",
    "narrow": "output_dense/kernel",
}
paths = [weight.path for weight in model.weights]
num_blocks = len(model.backbone.transformer_layers)


def kernel_place(block, ending):
    """Where a kernel of a block stands in `get_weights()`."""
    start = f"transformer_layer_{block}/"
    return next(
        i for i, p in enumerate(paths) if p.startswith(start) and p.endswith(ending)
    )


def flat(kernel, name):
    """A kernel as a matrix: heads and their sizes become one axis."""
    if name == "output":
        return kernel.reshape(-1, kernel.shape[-1])  # (N·H, D)
    return kernel.reshape(len(kernel), -1)  # (D, N·H) or (D, F)


places = {
    (block, name): kernel_place(block, ending)
    for block in range(num_blocks)
    for name, ending in KERNELS.items()
}
base = {key: flat(base_weights[i], key[1]) for key, i in places.items()}
changes = {key: flat(tuned_weights[i], key[1]) - base[key] for key, i in places.items()}
size = np.linalg.norm
relative = np.array([size(changes[key]) / size(base[key]) for key in places])
values = {key: np.linalg.svd(x, compute_uv=False) for key, x in changes.items()}
shown = [(num_blocks - 1, name) for name in ("query", "value", "widen")]
noise = np.random.default_rng(0).normal(size=changes[shown[0]].shape)
noise = np.linalg.svd(noise, compute_uv=False)
left, right = show.panels(5, 5)
show.matrix(
    relative.reshape(num_blocks, len(KERNELS)),
    "kernel",
    "block",
    "Size of the change / size of the kernel",
    list(KERNELS),
    range(num_blocks),
    axes=left,
)
show.curves(
    np.arange(1, len(noise) + 1),
    {
        **{
            f"{name}, last block": values[b, name] / values[b, name][0]
            for b, name in shown
        },
        "random matrix": noise / noise[0],
    },
    "number",
    "singular value / largest",
    "Singular values of three changes",
    log="x",
    dotted=["random matrix"],
    axes=right,
)
right.set_ylim(0, 1.4)
right.legend(loc="upper right", ncol=2)
energy = {
    rank: np.mean([(v[:rank] ** 2).sum() / (v**2).sum() for v in values.values()])
    for rank in (1, 4, 8, 32)
}
for rank, share in energy.items():
    print(f"the {rank:2} largest directions hold {share:.0%} of the squared change")
by_block = relative.reshape(num_blocks, -1).mean(axis=-1)
this.reveal(
    "size-of-change",
    "1 to 10 %",
    f"{relative.mean():.1%} on average; least {relative.min():.1%}, most {relative.max():.1%}",
)

# %%
this.reveal(
    "where-changed",
    "the last",
    "from the first block to the last: " + ", ".join(f"{x:.1%}" for x in by_block),
)

# %% [markdown] tags=["result"]
# Fine-tuning is a small step: the kernels changed by some per cent of their size, most in the
# last block's queries and keys.

# %% [markdown]
# ### A change of few parts
#
# The picture on the right asks in another way how large a change is. A **singular value
# decomposition** writes any matrix as a sum,
#
# $$\Delta W = \sum_i s_i\, u_i v_i^\top$$
#
# of column vectors $u_i$ (D,) times row vectors $v_i^\top$ (F,), all of length 1, each pair
# with a number $s_i \ge 0$, its **singular value**; the largest comes first. (The vectors $u_i$
# are at right angles to each other, and so are the $v_i$.) A matrix that needs only r of these
# parts has **rank** r. Of all matrices of rank r the one that is nearest to $\Delta W$, in the
# sum of squared differences, keeps its r largest parts (Eckart and Young 1936).
#
# ### Exercise: the nearest matrix of low rank (3 points, 7 minutes, middle)
#
# A rank as large as the smaller of D and F gives the change back; the experiment below asks
# for rank 0 as well, which is a matrix of zeros.


# %% exercise="low_rank"
def low_rank(change, rank):
    """The matrix of some rank that is nearest to a change: (D, F) to (D, F)."""
    # BEGIN SOLUTION
    left, values, right = np.linalg.svd(change, full_matrices=False)
    return (left[:, :rank] * values[:rank]) @ right[:rank]
    # END SOLUTION


# %%
check(low_rank)

# %% [markdown]
# Does the model need the small parts? Take the base, and add to each kernel only the best
# rank-r approximation of its change. (What is not a kernel of a block, the head, the
# embeddings, the biases and the normalisations, keeps its fine-tuned values throughout.)
#
# **Predict first.** The kernels are 128 wide or wider.

# %%
this.predict(
    "rank-that-does",
    "From which rank on is the accuracy that of the whole change, within 2 points?",
    ["1 or 2", "4 to 16", "32 or more"],
)

# %% tags=["experiment"]
ranks = this.at_scale(quick=[0, 1], default=[0, 1, 2, 4, 8, 16, 128])
cut_accuracy = {}
for rank in this.progress(ranks, "cutting"):
    weights = list(tuned_weights)
    with threadpool_limits(1):  # on small matrices, threads wait for each other
        for key, i in places.items():
            cut = base[key] + low_rank(changes[key], rank)
            weights[i] = cut.reshape(weights[i].shape)
    model.set_weights(weights)
    cut_accuracy[rank] = everything.accuracy(test_inputs, test_labels)
model.set_weights(tuned_weights)
show.curves(
    range(len(ranks)),
    {"changes cut to a rank": list(cut_accuracy.values())},
    "rank that is kept",
    "share of test sentences right",
    "The change, cut to a rank",
).set_xticks(range(len(ranks)), ranks)
this.reveal(
    "rank-that-does",
    "4 to 16",
    ", ".join(f"rank {rank}: {share:.1%}" for rank, share in cut_accuracy.items()),
)

# %% [markdown] tags=["result"]
# Rank 8, of 128, brings back everything that 400 test sentences can show; with rank 4 or less
# some points are missing. Compare that with the squares: eight directions hold only some 60 % of the
# squared change. So the change is *not* of low rank, but what the model needs of it nearly is; the
# long tail of small directions does nothing for the task.
#
# (With rank 0 the fine-tuned head reads what the base's kernels compute, and does little better
# than guessing.)

# %% [markdown]
# Aghajanyan et al. (2020) let BERT-like models learn only in a few hundred or thousand random
# directions of the whole weight space, and came near to full fine-tuning. The larger and the
# better pretrained a model was, the fewer they needed.

# %% [markdown]
# ## 2. LoRA: learn the change alone
#
# If a change of low rank is enough, why learn a full one and cut it down? Hu et al. (2021,
# section 4.1) learn it in that form from the start: **low-rank adaptation**, LoRA. Beside the
# kernel, which stays as it is, stand two thin matrices whose product is the change:
#
# $$y = x W + b + \frac{\alpha}{r}\, x A B$$
#
# | symbol | shape | what it is | learns |
# |---|---|---|---|
# | $x$ | (…, D) | what goes in | |
# | $W$, $b$ | (D, F), (F,) | kernel and bias of the pretrained layer | no |
# | $A$ | (D, r) | which r directions of x are looked at | yes |
# | $B$ | (r, F) | what each of them changes in y | yes |
# | $\alpha$ | a number | how much the change counts | no |
#
# A and B have $r\,(D + F)$ numbers instead of $D \cdot F$. Dividing by r keeps the size of the
# change about the same when r is varied, so that one learning rate does for all.
# (Kalajdzievski 2023 argues for √r instead. The paper writes column vectors, $W x + B A x$.)
#
# How should A and B begin? A at random, and B at 0: the next section is about why.
#
# ### Exercise: a dense layer with LoRA (5 points, 12 minutes, hard)
#
# `dense` is a built `keras.layers.Dense` without an activation; `dense.kernel` is its kernel.
# Your layer has weights `self.a` and `self.b`, and keeps the dense layer, whose kernel and bias
# must not learn. The check trains it for a step and looks at what has moved.


# %% exercise="LoRADense"
class LoRADense(keras.layers.Layer):
    """dense(x) + alpha / rank · x A B, of which A and B alone learn."""

    def __init__(self, dense, rank, alpha):
        super().__init__()
        size, outputs = dense.kernel.shape  # D, F
        # BEGIN SOLUTION
        dense.trainable = False
        self.dense = dense
        self.scale = alpha / rank
        self.a = self.add_weight(shape=(size, rank), initializer="he_uniform", name="a")
        self.b = self.add_weight(shape=(rank, outputs), initializer="zeros", name="b")
        # END SOLUTION

    def call(self, x):
        """(…, D) to (…, F)."""
        # BEGIN SOLUTION
        change = ops.matmul(ops.matmul(x, self.a), self.b)  # (…, F)
        return self.dense(x) + self.scale * change
        # END SOLUTION


# %%
check(LoRADense)

# %% [markdown]
# `transfer.add_lora` does the same to projections inside of any model: it freezes the model,
# and gives A and B to each layer whose path matches a pattern.

# %% tags=["experiment"]
EVERYWHERE = r"(query|key|value|attention_output|feedforward_\w+_dense)$"

lora_model = classifier()
few = {name: x[:4] for name, x in test_inputs.items()}
before = ops.convert_to_numpy(lora_model(few))
transfer.add_lora(lora_model, rank=8, layers=EVERYWHERE, trainable="head", seed=0)
after = ops.convert_to_numpy(lora_model(few))
start_difference = np.abs(after - before).max()
print(transfer.summary(lora_model))
print(
    f"\nlargest difference of the outputs before any training: {start_difference:.1e}"
)

# %% [markdown]
# The model that begins to learn says exactly what the base says. Only the new numbers and
# the head, which nobody pretrained, learn; so Adam's memory shrinks.

# %% [markdown]
# ## 3. Why B begins at zero
#
# Take n inputs as rows of x (n, D), and let $G$ (n, F) be the derivative of the loss with respect
# to the layer's output y (n, F). By the rule for products,
#
# $$\frac{\partial\,\text{loss}}{\partial A} = \frac{\alpha}{r}\, x^\top G\, B^\top$$
#
# $$\frac{\partial\,\text{loss}}{\partial B} = \frac{\alpha}{r}\, (x A)^\top G$$
#
# The derivative of A has the factor B, that of B the factor A.
#
# To see it, take real numbers: the query layer of the last block, and what it reads on test
# sentences. It is to become the *fine-tuned* query layer, with your `LoRADense` and rank 4.
# The dotted line is what the nearest matrix of rank 4, from section 1, leaves of the error.
#
# **Predict first**, two things.

# %%
this.predict(
    "both-zero",
    "A and B both begin at zero. What happens in 20 epochs?",
    ["the same as with A random", "it learns more slowly", "nothing"],
)

# %%
this.predict(
    "both-random",
    "Both begin at random. How large is the error before the first step, beside that of the base?",
    ["smaller", "about as large", "more than twice as large"],
)

# %% tags=["experiment"]
last = num_blocks - 1
backbone = classifier().backbone
states = backbone(test_inputs, return_hidden_states=True)["hidden_states"][last]
real = test_inputs["padding_mask"].astype(bool)
x = ops.convert_to_numpy(states)[real][: this.at_scale(quick=50, default=2000)]
W = base[last, "query"]
target = x @ (W + changes[last, "query"])
nearest = x @ (W + low_rank(changes[last, "query"], 4))
floor = np.mean((nearest - target) ** 2)


def loss_curve(a_begins, b_begins):
    """Train a LoRADense from some A and B: the loss of each epoch."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(W.shape[1], use_bias=False)
    dense.build((None, len(W)))
    dense.kernel.assign(W)
    layer = LoRADense(dense, rank=4, alpha=4)
    layer.a.assign(layer.a * a_begins)
    layer.b.assign(keras.random.normal(layer.b.shape, stddev=0.1) * b_begins)
    student = keras.Sequential([keras.Input((len(W),)), layer])
    student.compile(
        keras.optimizers.Adam(0.01),
        "mse",
        jit_compile=False,
        run_eagerly=this.at_scale(quick=True, default=False),
    )
    epochs = this.at_scale(quick=2, default=20)
    first = student.evaluate(x, target, verbose=0)
    history = student.fit(x, target, batch_size=250, epochs=epochs, verbose=0)
    return np.array([first, *history.history["loss"]])


start_losses = {
    "A random, B = 0": loss_curve(1, 0),
    "both 0": loss_curve(0, 0),
    "both random": loss_curve(1, 1),
}
epochs = range(len(start_losses["both 0"]))
show.curves(
    epochs,
    {**start_losses, "nearest of rank 4": [floor] * len(epochs)},
    "epoch",
    "squared error",
    "Three ways to begin",
    log="y",
    dotted=["nearest of rank 4"],
).set_xticks(epochs[::5])
for name, losses in start_losses.items():
    print(f"{name:16} from {losses[0]:.1e} to {losses[-1]:.1e}")
print(f"the nearest matrix of rank 4: {floor:.1e}")
this.reveal(
    "both-zero",
    "nothing",
    f"the error was {start_losses['both 0'][0]:.2e}, and is {start_losses['both 0'][-1]:.2e}",
)

# %%
jolt = start_losses["both random"][0] / start_losses["both 0"][0]
this.reveal(
    "both-random",
    "more than twice as large",
    f"it is {jolt:.1f} times that of the base",
)

# %% [markdown] tags=["result"]
# With B = 0 the layer begins where the base is, and the error falls to less than half. With
# both 0 nothing happens, in any epoch: each waits for the other. And with both random it begins
# several times further away from its goal than the base was, because a random A B is a large
# change that nobody asked for. In a model that has such a layer at every projection, the
# pretrained knowledge would be shaken everywhere at once.
#
# Trained, LoRA ends *below* the dotted line: the nearest matrix is nearest for all
# possible x, and training cares for the x that really occur.

# %% [markdown]
# ## 4. Where to put it, and of which rank
#
# Hu et al. change only queries and values in most experiments (section 5.1). The feed-forward
# networks hold two thirds of a block's parameters. So: which projections, and which rank?
#
# One compiled model answers for all choices. Section 3 showed that a pair that begins with A
# and B both 0 never moves: a mistake there, a tool here. We give *every* projection a LoRA of
# rank 8, and set to 0 what a choice leaves out: the A of other layers, or all columns of A
# but the first. (The factor $\alpha / r$ is 1 throughout.)
#
# **Predict first.** From rank 8 on queries and values to rank 8 everywhere, the numbers that
# learn become some five times as many.

# %%
this.predict(
    "more-places",
    "What do they gain?",
    [
        "nothing that three seeds can show",
        "clearly better answers",
        "clearly worse ones: too many numbers for 300 labels",
    ],
)

# %% tags=["experiment"]
lora = trainer_of(lora_model)
lora_paths = [weight.path for weight in lora_model.weights]
CHOICES = {
    "query, value: rank 1": (r"(query|value)$", 1),
    "query, value: rank 8": (r"(query|value)$", 8),
    "everywhere: rank 8": (EVERYWHERE, 8),
}


def only(layers, rank):
    """The first weights, with A = 0 wherever nothing is to learn."""
    weights = [weight.copy() for weight in lora.first_weights]
    for path, weight in zip(lora_paths, weights, strict=True):
        if path.endswith("lora_kernel_a"):
            here = re.search(layers, path.removesuffix("/lora_kernel_a"))
            weight[..., rank if here else 0 :] = 0
    return weights


lora_results = {
    name: with_all_seeds(name, lora, 1e-2, only(*choice))
    for name, choice in CHOICES.items()
}
lora_weights = lora_model.get_weights()  # rank 8 everywhere, seed 0
this.reveal(
    "more-places",
    "nothing that three seeds can show",
    f"from {lora_results['query, value: rank 8'][0]} "
    f"to {lora_results['everywhere: rank 8'][0]}, shares with 95 % intervals",
)

# %% [markdown] tags=["result"]
# All three are alike, within their intervals. Rank 1 on queries and values, 2,560 numbers
# beside the head, came out lowest, also when we repeated it with other pretrained weights, by
# three to seven points; three seeds do not make that certain. Beyond it, neither a higher rank
# nor more places gains anything that three seeds can show.

# %% [markdown]
# Hu et al. found rank 1 on queries and values nearly as good as 64 for GPT-3 (section 7.2), and,
# for the same number of parameters, more places at a lower rank better than one place at a high
# one (section 7.1).

# %% [markdown]
# ## 5. Merging
#
# In use, nothing of LoRA need be left. Both paths read the same x, and both are linear:
#
# $$x W + \frac{\alpha}{r}\, x A B = x \left(W + \frac{\alpha}{r}\, A B\right)$$
#
# The bracket is an ordinary kernel, computed once, and the model is as fast as it was before.
#
# ### Exercise: merge (2 points, 5 minutes, easy)
#
# Do not change the kernel you are given: a hundred customers share it. In our encoder
# blocks, the kernel of a query has its N heads of size H as axes, (D, N, H). Keras then gives
# A the shape (D, N, r) and B (r, H), shared by all heads; nothing else changes.


# %% exercise="merge"
def merge(kernel, a, b, alpha):
    """The kernel that does alone what kernel, A and B do together.

    kernel: (D, F) or (D, N, H). a: (D, r) or (D, N, r). b: (r, F) or (r, H).
    """
    # BEGIN SOLUTION
    return kernel + alpha / b.shape[0] * (a @ b)
    # END SOLUTION


# %%
check(merge)

# %% [markdown]
# What is stored for a customer is A, B and the head: `save_delta` writes what has learned,
# with a fingerprint of the base that it belongs to, and `load_delta` puts it onto that base.
# `merge_lora` does what you wrote, in every layer.
#
# **Predict first.** Customer 57 has LoRA of rank 8 everywhere.

# %%
this.predict(
    "size-of-customer",
    "What share of a whole copy is stored?",
    ["about a half", "about a twentieth", "about a thousandth"],
)

# %% tags=["experiment"]
customer_model = transfer.add_lora(
    classifier(), rank=8, layers=EVERYWHERE, trainable="head"
)
customer_model.set_weights(lora_weights)
customer = trainer_of(customer_model)


def by_path(model):
    """The weights of a model by their paths."""
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}


learned = by_path(customer_model)
query = "transformer_layer_0/self_attention_layer/query/"
parts = [learned[query + name] for name in ("kernel", "lora_kernel_a", "lora_kernel_b")]
logits = customer.logits(test_inputs)
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "customer_57.npz"
    customer_bytes = transfer.save_delta(customer_model, file)
    reloaded = transfer.load_delta(classifier(), file)
loaded = ops.convert_to_numpy(reloaded(few, training=False))
load_difference = np.abs(loaded - logits[:4]).max()


def milliseconds(trainer):
    """The median time of reading all test sentences."""
    times = []
    for _ in range(this.at_scale(quick=1, default=3)):
        start = perf_counter()
        trainer.logits(test_inputs)
        times.append(perf_counter() - start)
    return 1e3 * np.median(times)


not_merged = milliseconds(customer)
transfer.merge_lora(customer_model)
yours_merged = merge(*parts, alpha=8)
library_merged = by_path(customer_model)[query + "kernel"]
kernel_difference = np.abs(yours_merged - library_merged).max()
merge_difference = np.abs(customer.logits(test_inputs) - logits).max()
print(f"customer 57: {customer_bytes:,} bytes; a copy: {4 * model.count_params():,}")
print(f"largest difference of outputs, saved and loaded: {load_difference:.1e}")
print(
    f"largest difference of a kernel, yours and the library's: {kernel_difference:.1e}"
)
print(f"largest difference of outputs, merged and not: {merge_difference:.1e}")
print(f"time, merged / not merged: {milliseconds(customer) / not_merged:.2f}")
this.reveal(
    "size-of-customer",
    "about a twentieth",
    f"{customer_bytes / 4 / model.count_params():.1%} of a copy",
)

# %% [markdown] tags=["result"]
# Customer 57 takes about a twentieth of a copy: 24 pairs of A and B, and a head. A hundred of
# them are 34 MB beside one base, instead of 631 MB. The larger the model, the better the ratio:
# for GPT-3, Hu et al. (section 4.2) store 35 MB instead of 350 GB.
#
# Loaded and merged, the outputs stay what they were (but for rounding at most), and your kernel is
# the library's. The time is hardly shorter, because Keras does not take two paths: it adds A B to
# the kernel in each pass, and multiplies x once. With two paths, as in your layer, merging would
# save more.

# %% [markdown]
# Merged, a model is plain and can be handed to anybody. Unmerged, one base in memory serves all
# customers, each with an A and B of its own.

# %% [markdown]
# ## 6. Adapters
#
# Two years before LoRA, Houlsby et al. (2019, section 2.1) froze a BERT and put small networks
# *behind* its parts:
#
# $$\operatorname{adapter}(x) = x + \varphi(x W_1 + b_1)\, W_2 + b_2$$
#
# $W_1$ (D, m) and $b_1$ (m,) squeeze a vector x (…, D) to m numbers, $\varphi$ (a GELU, say)
# bends them, $W_2$ (m, D) and $b_2$ (D,) widen them again, and a residual connection goes
# around. As in section 3, it begins by doing nothing, with $W_2 = 0$ and $b_2 = 0$. (Houlsby et
# al. use very small random numbers, and train the layer normalisations too.)
#
# There is a $\varphi$ in the middle, so nothing can be merged: the two extra products stay for
# good.
#
# **Predict first.** Put an adapter with m = 8, or a LoRA of rank 8, on a layer from 512 to 128
# numbers, such as the last of a feed-forward network.

# %%
this.predict(
    "adapter-or-lora",
    "Which has more parameters?",
    ["the adapter", "LoRA", "both about the same"],
)

# %% tags=["experiment"]
adapter = transfer.Adapter(size=16)
start = adapter(x[:100])
adapter_difference = np.abs(ops.convert_to_numpy(start) - x[:100]).max()
print(f"a new adapter changes its input by at most {adapter_difference}")

adapter_model = transfer.add_adapters(classifier(), size=16, trainable=("norm", "head"))
adapters = trainer_of(adapter_model)
adapter_result = with_all_seeds("adapters, m = 16", adapters, 1e-2)
small_adapter = transfer.Adapter(size=8)
small_adapter.build((None, 128))
narrow = keras.layers.Dense(128)
narrow.build((None, 512))
small_lora = LoRADense(narrow, rank=8, alpha=8)
lora_count = sum(np.prod(weight.shape) for weight in small_lora.trainable_weights)
this.reveal(
    "adapter-or-lora",
    "LoRA",
    f"the adapter has {small_adapter.count_params():,}, LoRA {lora_count:,}",
)

# %% [markdown] tags=["result"]
# A new adapter changes nothing, and a trained one is as good as LoRA, within the intervals.
#
# An adapter reads only what its layer put out, so it has $m\,(2D + 1) + D$ numbers, whatever the
# layer. A LoRA of rank 8 has 8 (D + F): from 128 to 128, 2,048, fewer than the adapter.

# %% [markdown]
# ## 7. A rate for each layer
#
# An older idea is to touch some layers more than others. What stands near the input of a deep
# network is general, what stands near the output belongs to the task (Yosinski et al. 2014,
# section 1). So the lower layers should change less:
#
# - not at all: **freezing by depth**, `transfer.freeze(model, depth=3)` (counted from the
#   input, with the embeddings as the first: they and two encoder blocks are frozen);
# - more slowly: **discriminative rates** (Howard and Ruder 2018, section 3.2). With L layers,
#
# $$\eta_l = \eta \cdot d^{\,L - l}$$
#
# $\eta_l$ is the learning rate of layer l = 1 … L, counted from the input, and $0 < d \le 1$. The last layer learns with
# $\eta$, the one below with $\eta d$, the next with $\eta d^2$ …
# (Howard and Ruder took d = 1/2.6; Clark et al. 2020, appendix B, took 0.8 for small and 0.9 for
# large models.)
#
# ### Exercise: a step with a rate for each layer (3 points, 5 minutes, easy)


# %% exercise="layerwise_step"
def layerwise_step(kernels, gradients, learning_rate, decay):
    """One step of gradient descent for the layers of a model, from input to output.

    kernels, gradients: lists of arrays. learning_rate: of the last layer.
    Returns a list of new kernels.
    """
    # BEGIN SOLUTION
    depths = range(len(kernels) - 1, -1, -1)  # 0 for the last layer
    return [
        kernel - learning_rate * decay**depth * gradient
        for kernel, gradient, depth in zip(kernels, gradients, depths, strict=True)
    ]
    # END SOLUTION


# %%
check(layerwise_step)

# %% [markdown]
# It is the *step* that is scaled. With plain gradient descent one could scale the gradient
# instead. And with Adam?

# %%
this.predict(
    "adam-tenth",
    "A gradient is multiplied by 0.1. How far does Adam's first step go?",
    ["a tenth as far", "as far as before", "about a third as far: √0.1"],
)

# %%
gradient = np.array([3.0, -0.2, 0.01], "float32")
pair = [keras.Variable(np.zeros(3, "float32")) for _ in range(2)]
keras.optimizers.Adam(0.1).apply([gradient, 0.1 * gradient], pair)
for name, weights in zip(("gradient", "gradient / 10"), pair, strict=True):
    print(f"{name:14} moves by", ops.convert_to_numpy(weights).round(4))
this.reveal("adam-tenth", "as far as before")

# %% [markdown] tags=["result"]
# Adam divides each derivative by a running estimate of its own size, so the factor cancels.

# %% [markdown]
# So `transfer.discriminative_rates` puts the factors into the optimizer, where they scale the
# step itself.
#
# Now three ways to treat the lower layers, beside plain fine-tuning: freeze all but the head;
# freeze the embeddings and half of the blocks; slow them down. (Each learns from the same 300
# labels, for the same number of steps.)
#
# The figure shows how far each block goes: all of its weights together, where section 1
# looked at the kernels one by one.

# %%
this.predict(
    "plain-fine-tuning",
    "Plain fine-tuning, one rate for all: which of the four encoder blocks goes furthest?",
    ["the first, by far", "the last, by far", "the last, but by little"],
)


# %% tags=["experiment"]
def moved(model, before):
    """How far each block went, relative to where it was: from input to output."""
    old = {w.path: x for w, x in zip(model.weights, before, strict=True)}
    shares = []
    for block in transfer.blocks(model):
        weights = [w for _, layer in block for w in layer.weights]
        change = [np.sum((ops.convert_to_numpy(w) - old[w.path]) ** 2) for w in weights]
        shares.append(
            np.sqrt(sum(change) / sum((old[w.path] ** 2).sum() for w in weights))
        )
    return shares


half = 1 + num_blocks // 2
models = {
    "head alone": transfer.freeze(classifier(), depth=1 + num_blocks),
    f"upper {num_blocks - half + 1} blocks": transfer.freeze(classifier(), depth=half),
    "all, rates × 0.7 a block": classifier(),
}
slower = transfer.discriminative_rates(
    models["all, rates × 0.7 a block"],
    keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
    transfer.layerwise_decay(models["all, rates × 0.7 a block"], 0.7),
)
rates = dict(zip(models, (3e-2, 2e-3, 2e-3), strict=True))
model.set_weights(tuned_weights)
distances, depth_results = {"everything": moved(model, base_weights)}, {}
for name, one in models.items():
    trainer = trainer_of(one, slower if "0.7" in name else None)
    depth_results[name] = with_all_seeds(name, trainer, rates[name])
    distances[name] = moved(one, trainer.first_weights)
BLOCKS = ["embed", *map(str, range(num_blocks)), "head"]
show.matrix(
    np.array(list(distances.values()))[:, :-1],
    "from input to output",
    "",
    "How far each block below the head went / its size",
    BLOCKS[:-1],
    list(distances),
    axes=show.panels(7.5, height=2.6)[0],
)
this.reveal(
    "plain-fine-tuning",
    "the last, but by little",
    "from the first to the last: "
    + ", ".join(f"{share:.1%}" for share in distances["everything"][1:-1]),
)

# %% [markdown] tags=["result"]
# White is: did not move. With the head alone nothing below it does, in the third row the lower
# half stands still, and in the last row the colour fades towards the input. With plain
# fine-tuning the last block goes furthest, as its kernels did in section 1, but the four differ
# little, although nothing says that they should: Adam's steps are about as large for every
# weight, whatever the size of its derivative. (The embeddings go less far, as most words do not
# occur in 300 sentences.)
#
# What it does to the accuracy stands above the picture, and with all others in section 10.

# %% [markdown]
# Freezing below has one more effect that rates do not have: no derivative is needed there, so
# the backward pass ends early, and time and memory go down.

# %% [markdown]
# ## 8. Gradual unfreezing
#
# The head begins at random. In its first steps it sends nonsense down into layers that were
# well trained. Howard and Ruder (2018, section 3.3) therefore let the last layer learn alone
# for an epoch, then the last two, and so on, until everything learns.
#
# ### Exercise: gradual unfreezing (3 points, 6 minutes, middle)
#
# `blocks` are Keras layers, from input to output. In epochs 0 … every − 1 the last one learns
# alone, then the last two, and so on. Once all of them learn, they go on learning.


# %% exercise="thaw"
def thaw(blocks, epoch, every):
    """Set `trainable` of each block for an epoch, counted from 0."""
    # BEGIN SOLUTION
    for number, block in enumerate(blocks):
        block.trainable = number >= len(blocks) - 1 - epoch // every
    # END SOLUTION


# %%
check(thaw)

# %% [markdown]
# Beware of one thing in Keras: `trainable` is read by `compile`. Changed afterwards it has
# no effect, without a word. `transfer.GradualUnfreezing` is a callback for `fit` that does
# what you wrote, and makes the compiled model take notice.
#
# Now train with it, and draw how far each block goes: a row for each epoch, a column for each
# block, from the embeddings on the left to the head on the right.

# %%
this.predict(
    "movements",
    "Which picture will it be?",
    [
        "each row is dark in one column, further left than the row above",
        "each row is dark in one column more, to the left",
        "each row is dark in one column more, to the right",
    ],
)

# %% tags=["experiment"]
gradual_model = classifier()
count = this.at_scale(quick=40, default=64)
rows = transfer.draw_labels(labels, count, seed=0)
gradual_model.compile(
    keras.optimizers.Adam(1e-3),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    run_eagerly=True,  # six different steps, each used a few times: not worth compiling
)
movements = []


class Record(keras.callbacks.Callback):
    """How far each block goes in each epoch."""

    def on_train_begin(self, logs=None):
        self.bar = iter(this.progress(range(epoch_count), "epochs"))
        next(self.bar)

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        movements.append(moved(self.model, self.before))
        next(self.bar, None)


epoch_count = this.at_scale(quick=2, default=num_blocks + 2)
gradual_model.fit(
    tokens([texts[i] for i in rows]),
    labels[rows],
    epochs=epoch_count,
    callbacks=[transfer.GradualUnfreezing(), Record()],
    verbose=0,
)
show.matrix(
    np.array(movements),
    "from input to output",
    "epoch",
    "How far each block goes / its size",
    BLOCKS,
    axes=show.panels(6.5, height=3)[0],
)
this.reveal(
    "movements",
    "each row is dark in one column more, to the left",
    f"blocks that moved, epoch by epoch: {[int(np.count_nonzero(row)) for row in movements]}",
)

# %% [markdown] tags=["result"]
# A staircase: the head alone in epoch 0, then one block more in each epoch, down to the
# embeddings. By then the head is no longer random, and what it sends down means something.

# %% [markdown]
# Does it help? We measured no accuracy here. Howard and Ruder (section 5) gained from it together
# with their rates; Raffel et al. (2019, section 3.5.1) found T5 slightly worse with it. Another
# way to be careful in the first steps is the warm-up of lesson 05.

# %% [markdown]
# ## 9. Distillation: the model itself becomes smaller
#
# All of the above stores little and trains little, but each customer's model still computes
# as much as the base. **Distillation** makes a smaller model: a **student** learns to say
# what a fine-tuned **teacher** says (Hinton et al. 2015).
#
# A label says "matplotlib". A teacher says "matplotlib 70 %, NumPy 20 %, SciPy 8 % …": it
# also tells which mistakes are small ones. To hear more of that, both are asked at a higher
# **temperature** T, that is, with logits divided by T, which makes probabilities more even:
#
# $$p = \operatorname{softmax}(t / T)$$
#
# $$q = \operatorname{softmax}(s / T)$$
#
# $$\text{loss} = T^2 \sum_{c} p_c \log \frac{p_c}{q_c}$$
#
# with t (C,) the teacher's logits for a text, s (C,) the student's, and p and q their
# probabilities for the C classes. (T is not the number of tokens here.) The sum is the
# **Kullback–Leibler divergence**, KL(teacher ‖ student): 0 where both agree and positive
# elsewhere.
#
# Why T²? The derivative of the sum with respect to a student's logit is $(q_c - p_c)/T$, and for
# large T the difference $q_c - p_c$ itself shrinks as $1/T$. The factor T² takes both away, so
# that T can be changed without changing how much this loss weighs (Hinton et al., section 2).
#
# ### Exercise: the distillation loss (4 points, 8 minutes, middle)
#
# The loss of a batch is the mean over its texts. Some logits are far apart, and a probability can
# become 0 in floating point. `log_softmax`, written as in the loss of lesson 05, is always finite.


# %%
def log_softmax(logits):
    """Logarithms of probabilities along the last axis."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


# %% exercise="distillation_loss"
def distillation_loss(teacher_logits, student_logits, temperature):
    """T² KL(teacher ‖ student), on average over the batch: (B, C), (B, C) to a number."""
    # BEGIN SOLUTION
    teacher = log_softmax(teacher_logits / temperature)
    student = log_softmax(student_logits / temperature)
    divergence = (np.exp(teacher) * (teacher - student)).sum(axis=-1)  # (B,)
    return temperature**2 * divergence.mean()
    # END SOLUTION


# %%
check(distillation_loss)

# %% [markdown]
# The teacher is the model of section 1. The student has one block instead of four: it takes
# over the teacher's embeddings (and leaves them alone), first block and head, as Sanh et al.
# (2019, section 3) took over every other block.
#
# A teacher needs no labels: here the student learns from 3,000 sentences of the training split
# whose labels we do not look at.
#
# **Predict first.** The teacher has four blocks, the student one.

# %%
this.predict(
    "taught-student",
    "How well does the student that learned from the teacher read new sentences?",
    [
        "as well as the teacher, within 5 points",
        "5 to 15 points worse than the teacher",
        "more than 15 points worse",
    ],
)

# %% tags=["experiment"]
model.set_weights(tuned_weights)
config = {**model.backbone.get_config(), "num_layers": 1, "name": "small"}
student = BertClassifier(Bert.from_config(config), num_classes=len(data.CLASSES))
tuned = dict(zip(paths, tuned_weights, strict=True))
student.set_weights([tuned[weight.path] for weight in student.weights])
transfer.freeze(student, "embedding")
first_student = student.get_weights()

unlabelled = tokens(texts[: this.at_scale(quick=40, default=3000)])
opinions = everything.logits(unlabelled)  # the teacher speaks once: (n, C)
student_steps = this.at_scale(quick=1, default=75, full=1000)


def taught(name, loss, inputs, targets):
    """Train the student once a seed: its accuracy on test sentences."""
    trainer = transfer.Retrainer(student, batch_size=32, jit_compile=False, loss=loss)
    student.run_eagerly = this.at_scale(quick=True, default=False)
    shares = []
    for seed in this.progress(seeds, f"students of the {name}"):
        trainer.run(inputs, targets, 2e-3, student_steps, seed, first_student)
        shares.append(trainer.accuracy(test_inputs, test_labels))
    return transfer.estimate(shares)


def soft(teacher, student):
    """Your loss, as the library has it: on tensors."""
    return transfer.distillation_loss(teacher, student, temperature=2.0)


hard = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
students = {
    "labels": taught("labels", hard, *drawn(0)),  # those that the teacher saw
    "teacher": taught("teacher", soft, unlabelled, opinions),
}
student_share = student.count_params() / model.count_params()
print(f"teacher, {num_blocks} blocks: {full_accuracy:.3f}")
for name, shares in students.items():
    print(f"student, 1 block, from {name:8} {shares}")
this.reveal(
    "taught-student",
    "as well as the teacher, within 5 points",
    f"the teacher {full_accuracy:.1%}; its students {students['teacher'].mean:.1%}; "
    f"students of the labels {students['labels'].mean:.1%}",
)

# %% [markdown] tags=["result"]
# From what the teacher says of 3,000 sentences the student is as good as the teacher, with a
# quarter of the blocks. (The seeds draw other batches here, not other labels: there is one
# teacher.) Two things can help it, and we did not measure them apart: more sentences, and the
# whole opinion on each instead of one name. From the labels alone it ends a point or two lower,
# which is less than the intervals can tell. On this task four blocks had little to add to one; do not
# expect that everywhere. Sanh et al. (2019) halved BERT's blocks and report 97 % of its score on
# GLUE, a collection of tasks.

# %% [markdown]
# `transfer.Distiller` does this with a teacher that runs along, and mixes in the labels:
# $\alpha \cdot \text{cross-entropy} + (1 - \alpha) \cdot \text{your loss}$, where $\alpha$ is a
# share from 0 to 1 and has nothing to do with LoRA's. With $\alpha = 0$ your number must come
# out.

# %% tags=["experiment"]
teacher = classifier()  # a copy: `Distiller` freezes it
teacher.set_weights(tuned_weights)
distiller = transfer.Distiller(student, teacher, temperature=2.0, alpha=0.0)
distiller.compile(loss=hard)
says = student(few, training=False)
theirs = distiller.compute_loss(few, test_labels[:4], says)
says = ops.convert_to_numpy(says)
yours = distillation_loss(everything.logits(few), says, temperature=2.0)
distil_difference = abs(float(theirs) - yours)
print(f"yours {yours:.6f}, the library's {float(theirs):.6f}")

# %% [markdown]
# ## 10. The bill
#
# All ways side by side, each trained on the same 300 sentences a seed. The learning rates were
# tried beforehand on validation sentences, a few for each kind of model and with one draw of
# labels only: small differences between rows may be owed to them. The columns: the share of
# test sentences that is right, with a 95 % interval over seeds; how many numbers learn; what
# Adam keeps for them in memory; what is stored for a customer; and the time of a training step
# (of the three LoRAs, that of rank 8 everywhere, as one compiled model stood for all).
#
# **Predict first**, three things.

# %%
this.predict(
    "adam-of-lora",
    "LoRA of rank 8 on queries and values: what share of fine-tuning's memory does Adam keep?",
    ["about 1 %", "about 10 %", "about 50 %"],
)

# %%
this.predict(
    "time-of-lora",
    "And how long is its training step, beside that of fine-tuning?",
    ["less than a tenth", "a tenth to a half", "more than a half"],
)

# %%
this.predict(
    "better-than-head",
    "Which is better than training the head alone, so clearly that the intervals do not overlap?",
    ["nothing", "LoRA", "fine-tuning everything", "LoRA and fine-tuning everything"],
)


# %% tags=["experiment"]
def lora_of(layers, rank):
    """A model with this LoRA and no other."""
    return transfer.add_lora(classifier(), rank, layers, trainable="head", seed=0)


results = {
    "everything": tuned_result,
    **lora_results,
    "adapters, m = 16": adapter_result,
    **depth_results,
}
all_models = {
    **models,
    "everything": classifier(),
    "adapters, m = 16": adapter_model,
    **{name: lora_of(*choice) for name, choice in CHOICES.items()},
}
costs = {}
with tempfile.TemporaryDirectory() as folder:
    for name, one in all_models.items():
        total = transfer.summary(one, "adam").total
        stored = transfer.save_delta(one, Path(folder) / "delta.npz")
        costs[name] = (total.trainable, total.optimizer_bytes, stored)
costs = dict(sorted(costs.items(), key=lambda row: row[1]))
heads = ("accuracy", "learn", "Adam, kB", "stored, kB", "s/step")
print(f"{'':28} {heads[0]:15} {heads[1]:>9}", *(f"{head:>10}" for head in heads[2:]))
for number, (name, (learn, memory, stored)) in enumerate(costs.items(), 1):
    accuracy, seconds = results[name]
    print(f"{number} {name:26} {accuracy!s:15} {learn:9,}", end=" ")
    print(f"{memory / 1e3:10,.0f} {stored / 1e3:10,.0f} {seconds:10.3f}")
memory_share = costs["query, value: rank 8"][1] / costs["everything"][1]
this.reveal("adam-of-lora", "about 1 %", f"{memory_share:.1%}")

# %%
time_share = results["query, value: rank 8"][1] / tuned_result[1]
this.reveal(
    "time-of-lora",
    "more than a half",
    f"{time_share:.1f} times as long as that of fine-tuning",
)

# %%
head_alone = results["head alone"][0]
clearly_better = [name for name in costs if results[name][0].low > head_alone.high]
learn = [cost[0] for cost in costs.values()]
across = [n * 1.2 ** learn[:i].count(n) for i, n in enumerate(learn)]  # side by side
axes = show.points(
    across,
    [results[name][0].mean for name in costs],
    "numbers that learn",
    "share of test sentences right",
    "Quality against what learns",
    axes=show.panels(7, height=3.8)[0],
)
axes.set_xscale("log")
for number, (name, place) in enumerate(zip(costs, across, strict=True), 1):
    share = results[name][0]
    axes.errorbar(place, share.mean, share.half_width, color="grey", capsize=2, lw=1)
    side = "right" if number % 2 else "left"
    axes.annotate(f" {number} ", (place, share.mean), horizontalalignment=side)
this.reveal(
    "better-than-head",
    "nothing",
    f"above the interval of the head alone, {head_alone}, lie whole: "
    + (", ".join(clearly_better) or "none"),
)

# %% [markdown] tags=["result"]
# What learns differs by a factor of more than 2,000, and with it what Adam keeps and what is
# stored. The time of a step differs far less, and LoRA saves little of it, if anything: a
# derivative must run through the frozen layers all the same, to reach what learns
# below them. Only freezing from below shortens that way. (In the figure, rows 7 and 8 train the
# same numbers and are drawn side by side.)
#
# And quality? Each row's interval overlaps that of the head alone. Here, with
# 300 labels and a small base, **nothing is clearly better than the head alone**: try it first.
# That is no law: section 12 has a base and a task where frozen features are left behind.

# %% [markdown]
# ## 11. The same in Keras and KerasHub
#
# Keras has LoRA in its own layers: `Dense`, `EinsumDense`, `Embedding` and convolutions have
# `enable_lora(rank, lora_alpha=None)`. KerasHub's backbones have it for the whole model:
# `backbone.enable_lora(rank)` freezes everything and gives LoRA to queries and values. Beside
# it your layer:

# %%
import keras_hub

dense = keras.layers.Dense(6)
dense.build((None, 5))
yours = LoRADense(dense, rank=2, alpha=8)
yours.b.assign(keras.random.normal(yours.b.shape))
keras_own = keras.layers.Dense(6)
keras_own.build((None, 5))
keras_own.set_weights(dense.get_weights())
keras_own.enable_lora(2, lora_alpha=8)
keras_own.lora_kernel_a.assign(yours.a)
keras_own.lora_kernel_b.assign(yours.b)
vectors = keras.random.normal((3, 5))
keras_difference = float(ops.max(ops.abs(yours(vectors) - keras_own(vectors))))
print(f"largest difference, yours and Keras's: {keras_difference:.1e}")
print("learn in yours:  ", [weight.name for weight in yours.trainable_weights])
print("learn in Keras's:", [weight.name for weight in keras_own.trainable_weights])

# %% [markdown]
# The same numbers. But Keras's `enable_lora` freezes the kernel of that layer and nothing else,
# so the bias still learns. What else is frozen is up to you, to KerasHub or to
# `transfer.add_lora`.

# %% tags=["experiment"]
bert = from_preset(PRESET, activation="gelu_tanh")  # as KerasHub computes it
config = bert.get_config()
for name in ("name", "trainable", "activation", "layer_norm_epsilon", "use_pooler"):
    del config[name]
hub_bert = keras_hub.models.BertBackbone(**config)


def copy_weights(source, target):
    """By their paths, which are the same in both libraries."""
    values = {weight.path: weight for weight in source.weights}
    for weight in target.weights:
        if weight.path in values:
            weight.assign(values[weight.path])


transfer.add_lora(bert, rank=4, seed=0)
for weight in bert.trainable_weights:  # as if it had learned
    weight.assign(keras.random.normal(weight.shape, stddev=0.05))
hub_bert.enable_lora(rank=4)
copy_weights(bert, hub_bert)
ours, theirs = (one(few)["sequence_output"] for one in (bert, hub_bert))
keep = few["padding_mask"][..., None]
hub_difference = float(ops.max(ops.abs(ours - theirs) * keep))
print(f"largest difference of outputs, ours and KerasHub's: {hub_difference:.1e}")
for name, one in (("ours", bert), ("KerasHub's", hub_bert)):
    learning = {weight.path.split("/")[-1] for weight in one.trainable_weights}
    print(f"learn in {name}: {sorted(learning)}")

# %% [markdown]
# With Hugging Face it is a library of its own, PEFT: `LoraConfig(r=8, lora_alpha=8,
# target_modules=["query", "value"])`, with the same equation and the same scale.
#
# ## 12. On a larger model
#
# MiniLM has 22.7 million parameters and has read far more text than our small base. The project's benchmark (`benchmarks/RESULTS.md`,
# transfer) fine-tuned it on film reviews, SST-2, with 1,000 labels and 5 seeds:
#
# | | learn | Adam keeps | accuracy |
# |---|---|---|---|
# | word counts (TF-IDF), no BERT | | | 0.706 ± 0.016 |
# | frozen features, linear head | 770 | 6 KB | 0.789 ± 0.005 |
# | LoRA, rank 8, queries and values | 446,210 | 3.6 MB | 0.841 ± 0.007 |
# | everything, with a rate for each layer | 22,566,146 | 180.5 MB | 0.848 ± 0.004 |
#
# LoRA trains 2 % of the numbers and comes within a point of fine-tuning; both beat the frozen
# features by five points and more. `TLKERAS_SCALE=full` runs this notebook's experiments there;
# it wants a GPU or patience.

# %% [markdown]
# ## What you have built
#
# - The nearest matrix of low rank, and with it a look at what fine-tuning changes.
# - LoRA: a frozen kernel, a change in two factors that begins at 0, and a merge that leaves no
#   trace of it.
# - Rates that fall with depth, and blocks that wake up one after another.
# - A loss by which a small model learns what a large one thinks.
#
# ## Where this comes from
#
# - Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang and Chen (2021), *LoRA: Low-Rank Adaptation of
#   Large Language Models*, [arXiv:2106.09685](https://arxiv.org/abs/2106.09685). Sections 4.1
#   (the equation, A and B at the start, merging), 4.2 (what it saves), 5.1 and 7.1 (where) and
#   7.2 (which rank).
# - Aghajanyan, Zettlemoyer and Gupta (2020), *Intrinsic Dimensionality Explains the
#   Effectiveness of Language Model Fine-Tuning*,
#   [arXiv:2012.13255](https://arxiv.org/abs/2012.13255).
# - Houlsby, Giurgiu, Jastrzebski, Morrone, de Laroussilhe, Gesmundo, Attariyan and Gelly (2019),
#   *Parameter-Efficient Transfer Learning for NLP*,
#   [arXiv:1902.00751](https://arxiv.org/abs/1902.00751). Section 2.1: adapters.
# - Howard and Ruder (2018), *Universal Language Model Fine-tuning for Text Classification*,
#   [arXiv:1801.06146](https://arxiv.org/abs/1801.06146). Sections 3.2 (a rate for each layer),
#   3.3 (gradual unfreezing) and 5 (what each gains).
# - Clark, Luong, Le and Manning (2020), *ELECTRA: Pre-training Text Encoders as Discriminators
#   Rather Than Generators*, [arXiv:2003.10555](https://arxiv.org/abs/2003.10555). Appendix B:
#   layer-wise decay.
# - Raffel et al. (2019), *Exploring the Limits of Transfer Learning with a Unified Text-to-Text
#   Transformer*, [arXiv:1910.10683](https://arxiv.org/abs/1910.10683). Section 3.5.1 compares
#   adapters and gradual unfreezing with plain fine-tuning.
# - Yosinski, Clune, Bengio and Lipson (2014), *How transferable are features in deep neural
#   networks?*, [arXiv:1411.1792](https://arxiv.org/abs/1411.1792).
# - Hinton, Vinyals and Dean (2015), *Distilling the Knowledge in a Neural Network*,
#   [arXiv:1503.02531](https://arxiv.org/abs/1503.02531). Section 2: temperature and T².
# - Sanh, Debut, Chaumond and Wolf (2019), *DistilBERT, a distilled version of BERT*,
#   [arXiv:1910.01108](https://arxiv.org/abs/1910.01108). Section 3: a student that begins with
#   its teacher's layers.
# - Kalajdzievski (2023), *A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA*,
#   [arXiv:2312.03732](https://arxiv.org/abs/2312.03732): divide by √r instead.
# - Eckart and Young (1936), *The approximation of one matrix by another of lower rank*,
#   Psychometrika 1: the nearest matrix of a rank.
# - Devlin, Chang, Lee and Toutanova (2018), *BERT*,
#   [arXiv:1810.04805](https://arxiv.org/abs/1810.04805). Section 3: the sizes.
#
# Lesson 08 opens the model that all of this was done to.

# %%
this.end()
