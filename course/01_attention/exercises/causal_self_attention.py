"""Attention of a padded batch to itself, where no position looks ahead."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from ._shared import ATTENTIONS, MASKS, our_layers, our_masks
from .causal_mask import causal
from .padding_mask import padding, tokens
from .scaled_dot_product_attention import (
    attention,
    attention_with_tensorflow,
    dot_products,
)
from .softmax import softmax


def self_attention(
    x,
    token_ids,
    *,
    prepare=identity,
    look_back=lambda ids: causal(ids.shape[1]),
    real=lambda ids: padding(ids)[:, None, :],
    merge=np.logical_and,
    attend=attention,
    finish=identity,
):
    """Attention of a padded batch to itself, where no position looks ahead."""
    x = prepare(x, token_ids)
    mask = merge(look_back(token_ids), real(token_ids))
    return finish(attend(x, x, x, mask), token_ids)


def zero_padding(x, token_ids):
    """Zeros in the place of padded vectors."""
    return x * padding(token_ids)[..., None]


def sequences(*lengths, size, width):
    """Vectors (B, T, D) and their token ids (B, T)."""
    return lambda rng: (
        floats(rng, len(lengths), size, width, scale=1.2),
        *tokens(*lengths, size=size)(rng),
    )


def sequences_with_a_gap(rng):
    """Padding before real tokens, where the causal mask alone does not hide it."""
    x, token_ids = sequences(7, 5, size=7, width=5)(rng)
    token_ids[:, 2] = 0
    return x, token_ids


wrong = mistakes("together", section="together")

EXERCISE = Exercise(
    name="causal_self_attention",
    section="together",
    points=3,
    reference=self_attention,
    forbidden=(*ATTENTIONS, *MASKS),
    cases=(
        Case("no-padding", sequences(4, 4, size=4, width=3)),
        Case("padding", sequences(3, 5, 2, size=5, width=4)),
        Case("gap", sequences_with_a_gap),
        Case("one-sequence", sequences(3, size=4, width=6)),
        Case("one-token", sequences(1, 1, 1, size=1, width=4)),
        Case("square", sequences(3, 4, 2, 4, size=4, width=6), diagnostic=True),
    ),
    misconceptions=(
        wrong("padding-only", merge=lambda back, real: real),
        wrong("causal-only", merge=lambda back, real: back),
        wrong("or", merge=np.logical_or),
        wrong("exclusive-or", merge=np.logical_xor),
        wrong("merged-inverted", merge=lambda a, b: ~(a & b)),
        wrong("hides-queries", real=lambda ids: padding(ids)[:, :, None]),
        wrong("no-query-axis", real=lambda ids: padding(ids)),
        wrong("padding-inverted", real=lambda ids: ~padding(ids)[:, None, :]),
        wrong("looks-ahead", look_back=lambda ids: causal(ids.shape[1]).T),
        wrong("one-ahead", look_back=lambda ids: np.tri(ids.shape[1], k=1, dtype=bool)),
        wrong(
            "hides-both",
            real=lambda ids: padding(ids)[:, None, :] & padding(ids)[:, :, None],
        ),
        wrong("padding-of-first-sequence", real=lambda ids: padding(ids)[:1, None, :]),
        wrong(
            "padding-set-to-zero", prepare=zero_padding, merge=lambda back, real: back
        ),
        wrong("padded-outputs-zero", finish=zero_padding),
        wrong(
            "hides-itself", look_back=lambda ids: np.tri(ids.shape[1], k=-1, dtype=bool)
        ),
    ),
    accepted={
        "multiplied masks": lambda x, ids: self_attention(
            x, ids, merge=lambda a, b: (a * b).astype(bool)
        ),
        "two fills": lambda x, ids: _self_attention_in_two_fills(x, ids),
        "not (hidden or hidden)": lambda x, ids: self_attention(
            x, ids, merge=lambda a, b: ~(~a | ~b)
        ),
        "tensorflow": lambda x, ids: attention_with_tensorflow(
            x, x, x, causal(x.shape[1]) & (ids != 0)[:, None]
        ),
        "tlkeras": lambda x, ids: our_layers().scaled_dot_product_attention(
            x,
            x,
            x,
            mask=our_masks().merge_masks(
                our_masks().causal_mask(x.shape[1]),
                our_masks().padding_mask(ids)[:, None],
            ),
        ),
    },
)


def _self_attention_in_two_fills(x, token_ids):
    logits = dot_products(x, x) / np.sqrt(x.shape[-1])
    logits = np.where(causal(x.shape[1]), logits, -1e9)
    logits = np.where((token_ids != 0)[:, None, :], logits, -1e9)
    return softmax(logits) @ x
