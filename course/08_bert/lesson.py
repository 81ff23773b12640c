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
# # 08 BERT and text classification
# ## 1. Words into pieces
# ## 2. Three vectors, added
# ## 4. Hide some, and ask
# ## 5. A loss where something was asked
# ## 7. One vector for a text
# ## 10. Does it know when it is wrong?

# %%
import numpy as np
from tlkeras.course import lesson
this = lesson("08_bert")
check = this.check


# %% exercise="wordpiece"
def wordpiece(word, vocabulary):
    """The numbers of a word's pieces: a list of integers.

    word: text without spaces. vocabulary: a dictionary, piece → number.
    """
    # BEGIN SOLUTION
    ids, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[piece])
        start = end
    return ids
    # END SOLUTION


# %%
check(wordpiece)


# %% exercise="bert_input"
def bert_input(
    token_ids, segment_ids, token_table, segment_table, position_table, gamma, beta
):
    """What enters the first block.

    token_ids, segment_ids: integers (B, T). token_table: floats (V, D).
    segment_table: floats (2, D). position_table: floats (longest, D).
    gamma, beta: floats (D,), what the norm has learned. Returns floats (B, T, D).
    """
    # BEGIN SOLUTION
    x = token_table[token_ids] + segment_table[segment_ids]  # (B, T, D)
    x = x + position_table[: token_ids.shape[1]]
    x = x - x.mean(axis=-1, keepdims=True)
    x = x / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-12)
    return x * gamma + beta
    # END SOLUTION


# %%
check(bert_input)


# %% exercise="mask_tokens"
def mask_tokens(token_ids, special_ids, mask_id, choice, fate, random_ids):
    """What BERT reads, and what it is asked.

    token_ids: integers (B, T). special_ids: a list of tokens that are never chosen.
    mask_id: the number of [MASK]. choice, fate: floats (B, T), uniform from 0 to 1.
    random_ids: integers (B, T), a random token for each place.
    Returns inputs and labels, integers (B, T); a label of 0 asks nothing.
    """
    # BEGIN SOLUTION
    chosen = (choice < 0.15) & ~np.isin(token_ids, special_ids)
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs = np.where(chosen & (fate < 0.8), mask_id, token_ids)
    inputs = np.where(swapped, random_ids, inputs)
    return inputs, np.where(chosen, token_ids, 0)
    # END SOLUTION


# %%
check(mask_tokens)


# %% exercise="masked_lm_loss"
def masked_lm_loss(states, labels, token_table, bias):
    """The mean of −log p of the labels: a number.

    states: floats (B, T, D). labels: integers (B, T), 0 where nothing is asked.
    token_table: floats (V, D). bias: floats (V,).
    """
    # BEGIN SOLUTION
    asked = labels != 0
    logits = states[asked] @ token_table.T + bias  # (asked, V)
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -log_p[np.arange(len(log_p)), labels[asked]].mean()
    # END SOLUTION


# %%
check(masked_lm_loss)


# %% exercise="text_logits"
def text_logits(states, padding_mask, kernel, bias, pooling):
    """Logits of the classes for each text.

    states: floats (B, T, D). padding_mask: booleans (B, T), True = keep.
    kernel: floats (D, C). bias: floats (C,). pooling: "cls" or "mean".
    Returns floats (B, C).
    """
    # BEGIN SOLUTION
    if pooling == "cls":
        vector = states[:, 0]  # (B, D)
    else:
        keep = padding_mask[..., None]  # (B, T, 1)
        vector = (states * keep).sum(axis=1) / keep.sum(axis=1)
    return vector @ kernel + bias
    # END SOLUTION


# %%
check(text_logits)


# %% exercise="calibration_error"
def calibration_error(probabilities, labels, bins):
    """The expected calibration error: a number from 0 to 1.

    probabilities: floats (n, C), rows sum to 1. labels: integers (n,). bins: M.
    """
    # BEGIN SOLUTION
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == labels
    number = np.ceil(confidence * bins) - 1
    error = 0.0
    for b in range(bins):
        mine = number == b
        if mine.any():
            gap = right[mine].mean() - confidence[mine].mean()
            error += mine.mean() * abs(gap)
    return error
    # END SOLUTION


# %%
check(calibration_error)
