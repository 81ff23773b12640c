"""The equations in float64 NumPy, independent of the layers."""

import numpy as np

MASKED = -1e9


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def attention(query, key, value, mask=None):
    """`(…, T, H)`, `(…, S, H)`, `(…, S, V)` → `(…, T, V)` and scores `(…, T, S)`."""
    logits = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    if mask is not None:
        logits = np.where(mask, logits, MASKED)
    scores = softmax(logits)
    return scores @ value, scores


def multi_head_attention(weights, query, value, mask=None):
    """From `(B, T, D)` and `(B, S, D)` with the weights of a layer, in their order."""
    weights = [np.asarray(w, "float64") for w in weights]
    query_kernel, query_bias, key_kernel, key_bias = weights[:4]
    value_kernel, value_bias, output_kernel, output_bias = weights[4:]
    q = np.einsum("btd,dnh->bnth", query, query_kernel) + query_bias[:, None]
    k = np.einsum("bsd,dnh->bnsh", value, key_kernel) + key_bias[:, None]
    v = np.einsum("bsd,dnh->bnsh", value, value_kernel) + value_bias[:, None]
    groups = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, groups, axis=1), np.repeat(v, groups, axis=1)
    output, scores = attention(q, k, v, None if mask is None else mask[:, None])
    return np.einsum("bnth,nhd->btd", output, output_kernel) + output_bias, scores
