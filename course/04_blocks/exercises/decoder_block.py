"""Causal self-attention, attention to the memory, a feed-forward network."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes

from ._shared import (
    attend_and_add,
    attention_of,
    causal,
    counted_keys,
    hide_keys,
    network_of,
    norm_of,
    norms,
    think_and_add,
)


def consult_and_add(x, memory, attend, norm, mask):
    """x + attention of the normalised x to the memory."""
    return x + attend(norm(x), memory, mask)


def look_back_consult_think(x, look_back, consult, think):
    """One after the other."""
    return think(consult(look_back(x), x), x)


def decoder_block(
    x,
    memory,
    memory_mask,
    attentions,
    widen,
    narrow,
    gains_and_biases,
    *,
    own_mask=lambda length, memory_mask: causal(length),
    hide=lambda memory_mask, length: hide_keys(memory_mask),
    choose=lambda norms: norms,
    employ=lambda attentions: attentions,
    look_back=attend_and_add,
    consult=consult_and_add,
    reflect=think_and_add,
    order=look_back_consult_think,
):
    """Causal self-attention, attention to the memory, a feed-forward network."""
    attend_self, attend_memory = employ([attention_of(one) for one in attentions])
    think = network_of(widen, narrow)
    norm_1, norm_2, norm_3 = choose([norm_of(one) for one in gains_and_biases])
    length = x.shape[1]
    return order(
        x,
        lambda x: look_back(x, attend_self, norm_1, own_mask(length, memory_mask)),
        lambda x, start: consult(
            x, memory, attend_memory, norm_2, hide(memory_mask, length)
        ),
        lambda x, start: reflect(x, think, norm_3, start),
    )


def probe_decoder(
    answer, x, memory, memory_mask, attentions, widen, narrow, gains_and_biases
):
    """Hand the learner functions."""
    return answer(
        x,
        memory,
        memory_mask,
        *map(attention_of, attentions),
        network_of(widen, narrow),
        *map(norm_of, gains_and_biases),
    )


def decoder_inputs(*lengths, size, target, width=4, hidden=7, gap=None):
    """A target, a memory with some lengths, and the weights of a decoder block."""
    return lambda rng: (
        floats(rng, len(lengths), target, width, scale=1.5),
        floats(rng, len(lengths), size, width, scale=1.5),
        (np.arange(size) < np.array(lengths)[:, None]) & (np.arange(size) != gap),
        floats(rng, 2, 4, width, width, scale=0.8),
        floats(rng, width, hidden, scale=0.6),
        floats(rng, hidden, width, scale=0.6),
        norms(rng, 3, width),
    )


def own_mask_of(keeps):
    """A step that compares positions of query and key."""
    return lambda length, memory_mask: keeps(
        np.arange(length)[:, None], np.arange(length)
    )


wrong = mistakes("decoder", section="decoder")

EXERCISE = Exercise(
    name="decoder_block",
    section="decoder",
    points=4,
    reference=decoder_block,
    probe=probe_decoder,
    hidden=("attentions", "widen", "narrow", "gains_and_biases"),
    cases=(
        Case("full", decoder_inputs(5, 5, size=5, target=3)),
        Case("padding", decoder_inputs(3, 6, 2, size=6, target=5)),
        Case("short", decoder_inputs(1, 3, size=3, target=7)),
        Case("gap", decoder_inputs(5, 3, size=5, target=4, gap=0)),
        Case("one-token", decoder_inputs(2, size=3, target=1)),
        # T = S, and B = T: mistakes that raise elsewhere give numbers here.
        Case("one-length", decoder_inputs(3, 6, size=6, target=6), diagnostic=True),
        Case("square", decoder_inputs(3, 4, 2, 1, size=4, target=4), diagnostic=True),
        Case(
            "as-many-as-target",
            decoder_inputs(3, 4, 2, size=4, target=3),
            diagnostic=True,
        ),
    ),
    misconceptions=(
        # the mask of the target
        wrong("not-causal", own_mask=lambda length, memory_mask: None),
        wrong("hides-itself", own_mask=own_mask_of(lambda q, k: k < q)),
        wrong("one-ahead", own_mask=own_mask_of(lambda q, k: k <= q + 1)),
        wrong("causal-transposed", own_mask=own_mask_of(lambda q, k: k >= q)),
        wrong("causal-inverted", own_mask=own_mask_of(lambda q, k: k > q)),
        wrong("only-itself", own_mask=own_mask_of(lambda q, k: k == q)),
        wrong(
            "memory-mask-on-target",
            own_mask=lambda length, memory_mask: (
                causal(length) & hide_keys(memory_mask)
            ),
        ),
        wrong(
            "causal-for-the-batch",
            own_mask=lambda length, memory_mask: causal(len(memory_mask)),
        ),
        # the mask of the memory
        wrong("memory-mask-forgotten", "padding", hide=lambda mask, length: None),
        wrong(
            "memory-mask-inverted",
            "padding",
            hide=lambda mask, length: ~hide_keys(mask),
        ),
        wrong(
            "memory-mask-hides-queries",
            "padding",
            hide=lambda mask, length: mask[:, :, None],
        ),
        wrong("memory-mask-without-query-axis", "padding", hide=identity),
        wrong(
            "memory-mask-of-first-sequence",
            "padding",
            hide=lambda mask, length: hide_keys(mask[:1]),
        ),
        wrong(
            "memory-mask-assumed-on-the-right",
            "padding",
            hide=lambda mask, length: counted_keys(mask),
        ),
        wrong(
            "memory-causal-as-well",
            hide=lambda mask, length: (
                hide_keys(mask) & np.tri(length, mask.shape[1], dtype=bool)
            ),
        ),
        wrong(
            "memory-causal-instead",
            hide=lambda mask, length: np.tri(length, mask.shape[1], dtype=bool),
        ),
        wrong(
            "masks-exchanged",
            own_mask=lambda length, memory_mask: hide_keys(memory_mask),
            hide=lambda mask, length: causal(length),
        ),
        # who looks at what
        wrong(
            "keys-from-target",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(x), mask)
            ),
        ),
        wrong(
            "keys-from-target-without-mask",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(x), None)
            ),
        ),
        wrong(
            "causal-attention-twice",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(x), causal(x.shape[1]))
            ),
        ),
        wrong(
            "queries-from-memory",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(memory, norm(x), mask)
            ),
        ),
        wrong(
            "memory-looks-at-itself",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(memory, memory, mask)
            ),
        ),
        wrong(
            "memory-normalised",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(memory), mask)
            ),
        ),
        wrong("attentions-exchanged", employ=lambda attentions: attentions[::-1]),
        wrong("one-attention-twice", employ=lambda attentions: [attentions[0]] * 2),
        # the residuals
        wrong(
            "self-attention-not-added",
            look_back=lambda x, attend, norm, mask: attend(norm(x), norm(x), mask),
        ),
        wrong(
            "memory-not-added",
            consult=lambda x, memory, attend, norm, mask: attend(norm(x), memory, mask),
        ),
        wrong(
            "feed-forward-not-added",
            reflect=lambda x, think, norm, start: think(norm(x)),
        ),
        wrong(
            "added-to-normalised",
            look_back=lambda x, attend, norm, mask: attend_and_add(
                norm(x), attend, identity, mask
            ),
            consult=lambda x, memory, attend, norm, mask: consult_and_add(
                norm(x), memory, attend, identity, mask
            ),
            reflect=lambda x, think, norm, start: norm(x) + think(norm(x)),
        ),
        wrong(
            "memory-added-to-input",
            order=lambda x, look_back, consult, think: think(
                consult(look_back(x), x) - look_back(x) + x, x
            ),
        ),
        wrong(
            "feed-forward-added-to-input",
            reflect=lambda x, think, norm, start: start + think(norm(x)),
        ),
        # the norms
        wrong(
            "norm-of-parts",
            "residual",
            look_back=lambda x, attend, norm, mask: x + norm(attend(x, x, mask)),
            consult=lambda x, memory, attend, norm, mask: (
                x + norm(attend(x, memory, mask))
            ),
            reflect=lambda x, think, norm, start: x + norm(think(x)),
        ),
        wrong(
            "normalised-again",
            reflect=lambda x, think, norm, start: norm(x + think(norm(x))),
        ),
        wrong(
            "self-query-not-normalised",
            look_back=lambda x, attend, norm, mask: x + attend(x, norm(x), mask),
        ),
        wrong(
            "self-source-not-normalised",
            look_back=lambda x, attend, norm, mask: x + attend(norm(x), x, mask),
        ),
        wrong(
            "norm-after",
            "residual",
            look_back=lambda x, attend, norm, mask: norm(x + attend(x, x, mask)),
            consult=lambda x, memory, attend, norm, mask: norm(
                x + attend(x, memory, mask)
            ),
            reflect=lambda x, think, norm, start: norm(x + think(x)),
        ),
        wrong(
            "self-attention-not-normalised",
            look_back=lambda x, attend, norm, mask: x + attend(x, x, mask),
        ),
        wrong(
            "query-of-memory-not-normalised",
            consult=lambda x, memory, attend, norm, mask: x + attend(x, memory, mask),
        ),
        wrong(
            "feed-forward-not-normalised",
            reflect=lambda x, think, norm, start: x + think(x),
        ),
        wrong("one-norm", choose=lambda norms: [norms[0]] * 3),
        wrong(
            "last-norms-exchanged", choose=lambda norms: [norms[i] for i in (0, 2, 1)]
        ),
        # the order
        wrong(
            "memory-first",
            order=lambda x, look_back, consult, think: think(
                look_back(consult(x, x)), x
            ),
        ),
        wrong(
            "memory-in-parallel",
            order=lambda x, look_back, consult, think: think(
                look_back(x) + consult(x, x) - x, x
            ),
        ),
        wrong(
            "memory-missing",
            order=lambda x, look_back, consult, think: think(look_back(x), x),
        ),
        wrong(
            "feed-forward-missing",
            order=lambda x, look_back, consult, think: consult(look_back(x), x),
        ),
    ),
    accepted={
        "three lines": lambda *a: _decoder_in_three_lines(*a),
        "keywords and full masks": lambda *a: _decoder_with_full_masks(*a),
        "tlkeras.masks": lambda *a: _decoder_with_masks(*a),
        "keras.ops": lambda x, *a: _decoder_in_three_lines(
            keras().ops.convert_to_tensor(x), *a
        ),
        "float64": lambda x, memory, *a: _decoder_in_three_lines(
            x.astype(np.float64), memory.astype(np.float64), *a
        ),
        "one sequence at a time": lambda x, memory, mask, *parts: [
            _decoder_in_three_lines(x[b, None], memory[b, None], mask[b, None], *parts)[
                0
            ]
            for b in range(len(x))
        ],
        "one position at a time": lambda *a: _decoder_in_a_loop(*a),
    },
)


def _decoder_in_three_lines(
    x, memory, memory_mask, attend_self, attend_memory, think, norm_1, norm_2, norm_3
):
    mask = np.tril(np.ones((x.shape[1], x.shape[1])))
    x = x + attend_self(norm_1(x), norm_1(x), mask)
    x = x + attend_memory(norm_2(x), memory, memory_mask[:, None])
    return x + think(norm_3(x))


def _decoder_with_full_masks(
    x, memory, memory_mask, attend_self, attend_memory, think, norm_1, norm_2, norm_3
):
    (batch, length, _), source = x.shape, memory.shape[1]
    back = np.broadcast_to(
        ~np.triu(np.ones((length, length), bool), 1), (batch, length, length)
    )
    real = np.broadcast_to(memory_mask[:, None], (batch, length, source))
    normal = norm_1(x)
    x = attend_self(query=normal, source=normal, mask=back) + x
    x = attend_memory(query=norm_2(x), source=memory, mask=real) + x
    return think(norm_3(x)) + x


def _decoder_with_masks(x, memory, memory_mask, *parts):
    attend_self, attend_memory, think, norm_1, norm_2, norm_3 = parts
    masks = our_masks()
    x = x + attend_self(norm_1(x), norm_1(x), masks.causal_mask(x.shape[1]))
    real = masks.merge_masks(memory_mask[:, None, :])
    x = x + attend_memory(norm_2(x), memory, real)
    return x + think(norm_3(x))


def _decoder_in_a_loop(x, memory, memory_mask, *parts):
    attend_self, attend_memory, think, norm_1, norm_2, norm_3 = parts
    normal, outputs = norm_1(x), []
    for t in range(x.shape[1]):
        y = x[:, t : t + 1] + attend_self(normal[:, t : t + 1], normal[:, : t + 1])
        y = y + attend_memory(norm_2(y), memory, memory_mask[:, None])
        outputs.append(y + think(norm_3(y)))
    return np.concatenate(outputs, axis=1)


def our_masks():
    """`tlkeras.masks`, loaded on first use."""
    import tlkeras.masks

    return tlkeras.masks
