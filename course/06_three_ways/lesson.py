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
# About 80 minutes, 20 points.

# %%
import keras
import numpy as np
from scipy import stats

from tlkeras import visualization as show
from tlkeras.course import lesson

this = lesson("06_three_ways")
check = this.check

# %% [markdown]
# ## 1. A few labels, fairly drawn


# %% exercise="pick_examples"
def pick_examples(labels, order, per_class):
    """The first `per_class` examples of each class, as they come in an order.

    labels: integers (N,), the class of each example. order: a permutation of
    0 … N − 1. Returns examples, integers; all there are of a class that has fewer.
    """
    # BEGIN SOLUTION
    picked = []
    for i in order:
        if np.sum(labels[picked] == labels[i]) < per_class:
            picked.append(i)
    return np.array(picked)
    # END SOLUTION


# %%
check(pick_examples)

# %% [markdown]
# ## 2. One vector for a sentence


# %% exercise="mean_vector"
def mean_vector(vectors, padding_mask):
    """The mean of the vectors of real tokens.

    vectors: floats (B, T, D). padding_mask: (B, T), True (or 1) means keep.
    Returns floats (B, D); zeros for a text without any real token.
    """
    # BEGIN SOLUTION
    keep = np.asarray(padding_mask, dtype="float32")[..., None]  # (B, T, 1)
    count = np.maximum(keep.sum(axis=1), 1)  # (B, 1)
    return (vectors * keep).sum(axis=1) / count
    # END SOLUTION


# %%
check(mean_vector)

# %% [markdown]
# ## 3. The first way: features


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
        """What the body takes → its features (B, D)."""
        # BEGIN SOLUTION
        return self.backbone(inputs, training=False)
        # END SOLUTION


# %%
check(Frozen)

# %% [markdown]
# ## 4. Compute once, remember


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
# ## 5. How good is it, honestly?


# %% exercise="honest_score"
def honest_score(validation, test):
    """Test scores of the setting that is best on validation, on average.

    validation, test: floats (G, S), the scores of G settings with S seeds.
    Returns floats (S,).
    """
    # BEGIN SOLUTION
    return test[validation.mean(axis=1).argmax()]
    # END SOLUTION


# %%
check(honest_score)


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
