"""Weights that the small BERT begins with: what tokens stand near, and where.

From the usual random weights a model of this size spends its first thousands of steps
on word frequencies alone; only then does it find that the neighbours of a hidden token
say most about it. Here it is told at the start, and training goes on from there:

- the second half of a token's vector is what a singular value decomposition of
  co-occurrence counts says of it (Levy & Goldberg 2014, section 3: positive PMI);
- the first half is empty; there positions begin as sines and cosines of evenly spread
  frequencies, which are nearly orthogonal and which a linear map shifts;
- so in the first block one head begins by looking at the token before, one at the next;
- the output's bias is the logarithm of how often each token occurs.
"""

import numpy as np
from keras import ops
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import svds

WINDOW = 5
SCALE = 4.0  # of all kernels: a standard deviation of 0.02 suits wider models


def start(model, documents, special):
    """Set the first weights of a `BertMaskedLM` with two heads.

    Args:
        model: the model, as it was built.
        documents: docstrings, each a list of sentences, each an array of token ids.
        special: ids that are no words.
    """
    for weight in model.trainable_weights:
        if weight.name in ("kernel", "embeddings"):
            weight.assign(SCALE * weight)
    table = model.backbone.token_embedding.embeddings
    size, dim = table.shape
    gap = [special[0]] * WINDOW
    stream = np.concatenate([t for d in documents for s in d for t in (s, gap)])
    vectors = np.zeros((size, dim), "float32")
    vectors[:, dim // 2 :] = 0.113 * directions(stream, size, dim // 2, special)
    table.assign(vectors)
    frequency = np.log(np.bincount(stream, minlength=size) + 1.0)
    frequency[list(special)] = 0
    model.head_bias.bias.assign(frequency - frequency.max())
    neighbours(model.backbone)


def directions(stream, size, dim, special):
    """A vector a token, of unit variance, from positive PMI of tokens that are near."""
    counts = csr_matrix((size, size))
    for distance in range(1, WINDOW + 1):
        left, right = stream[:-distance], stream[distance:]
        real = ~np.isin(left, special) & ~np.isin(right, special)
        pair = left[real], right[real]
        near = np.full(len(pair[0]), 1 / distance)
        counts = counts + coo_matrix((near, pair), shape=(size, size)).tocsr()
    counts = (counts + counts.T).tocoo()
    total = np.asarray(counts.sum(axis=1)).ravel() + 1e-9
    context = total**0.75 / (total**0.75).sum()
    pmi = np.log(counts.data / (total[counts.row] * context[counts.col]))
    some = pmi > 0
    places = counts.row[some], counts.col[some]
    matrix = csr_matrix((pmi[some], places), shape=(size, size))
    left, singular, _ = svds(matrix, k=dim, random_state=0)
    vectors = left * np.sqrt(singular)
    rare = np.random.default_rng(0).normal(0, 1e-3, vectors.shape)
    vectors = vectors + rare  # what has no neighbours
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * dim**0.5


def neighbours(backbone):
    """Positions, and the first block's heads, so that these find the tokens beside."""
    table = backbone.position_embedding.weights[0]
    length, dim = table.shape
    pairs = dim // 4  # of a sine and a cosine
    frequency = np.pi * (np.arange(pairs) + 0.5) / pairs
    angle = np.arange(length)[:, None] * frequency
    places = np.zeros((length, dim))
    places[:, :pairs], places[:, pairs : 2 * pairs] = np.cos(angle), np.sin(angle)
    table.assign(0.16 * places)
    query, key = np.zeros((2, dim, 2, dim // 2))
    one = np.arange(pairs)
    two = one + pairs
    for head, shift in enumerate((-1, 1)):
        key[np.arange(dim // 2), head, np.arange(dim // 2)] = 1
        cos, sin = np.cos(shift * frequency), np.sin(shift * frequency)
        query[one, head, one] = query[two, head, two] = cos
        query[two, head, one], query[one, head, two] = -sin, sin
    attention = backbone.transformer_layers[0].weights
    for weight in attention:
        if weight.path.endswith("query/kernel"):
            weight.assign(ops.convert_to_tensor(query, weight.dtype))
        if weight.path.endswith("key/kernel"):
            weight.assign(ops.convert_to_tensor(key, weight.dtype))
