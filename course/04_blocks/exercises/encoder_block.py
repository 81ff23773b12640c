"""Self-attention and a feed-forward network, normalised before."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes, swap

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


def read_then_think(x, read, think):
    """One after the other."""
    return think(read(x), x)


def at_real_positions(output, mask):
    """Zeros at padding, where one output is as good as another."""
    if not isinstance(output, list) and not hasattr(output, "shape"):
        return output
    array = np.asarray(output)
    fits = array.ndim == 3 and array.shape[:2] == mask.shape
    return np.where(mask[..., None], array, 0) if fits else output


def encoder_block(
    x,
    padding_mask,
    attention,
    widen,
    narrow,
    gains_and_biases,
    *,
    hide=hide_keys,
    choose=lambda norms: norms,
    read=attend_and_add,
    reflect=think_and_add,
    order=read_then_think,
):
    """Self-attention and a feed-forward network, normalised before."""
    attend, think = attention_of(attention), network_of(widen, narrow)
    norm_1, norm_2 = choose([norm_of(one) for one in gains_and_biases])
    output = order(
        x,
        lambda x: read(x, attend, norm_1, hide(padding_mask)),
        lambda x, start: reflect(x, think, norm_2, start),
    )
    return at_real_positions(output, padding_mask)


def probe_encoder(answer, x, padding_mask, attention, widen, narrow, gains_and_biases):
    """Hand the learner functions; look at what comes out at real positions."""
    parts = attention_of(attention), network_of(widen, narrow)
    output = answer(x, padding_mask, *parts, *map(norm_of, gains_and_biases))
    return at_real_positions(output, padding_mask)


def block_inputs(*lengths, size, width=4, hidden=7, gap=None):
    """Sequences with some lengths, and the weights of an encoder block."""

    def draw(rng):
        mask = np.arange(size) < np.array(lengths)[:, None]
        if gap is not None:
            mask[:, gap] = False
        return (
            floats(rng, len(lengths), size, width, scale=1.5),
            mask,
            floats(rng, 4, width, width, scale=0.8),
            floats(rng, width, hidden, scale=0.6),
            floats(rng, hidden, width, scale=0.6),
            norms(rng, 2, width),
        )

    return draw


wrong = mistakes("encoder", section="encoder")

EXERCISE = Exercise(
    name="encoder_block",
    section="encoder",
    points=4,
    reference=encoder_block,
    probe=probe_encoder,
    hidden=("attention", "widen", "narrow", "gains_and_biases"),
    cases=(
        Case("full", block_inputs(3, 3, size=3)),
        Case("padding", block_inputs(3, 6, 2, size=6)),
        Case("gap", block_inputs(7, 5, size=7, gap=2)),
        Case("one-token", block_inputs(1, size=1, width=6)),
        Case("square", block_inputs(3, 5, 2, 4, 5, size=5), diagnostic=True),
    ),
    misconceptions=(
        # the mask
        wrong("mask-not-handed-on", "padding", hide=lambda mask: None),
        wrong("mask-inverted", "padding", hide=lambda mask: ~hide_keys(mask)),
        wrong("mask-without-query-axis", "padding", hide=identity),
        wrong(
            "mask-of-first-sequence", "padding", hide=lambda mask: hide_keys(mask[:1])
        ),
        wrong("mask-assumed-on-the-right", "padding", hide=counted_keys),
        wrong(
            "padding-set-to-zero",
            "padding",
            read=lambda x, attend, norm, mask: (
                x + attend(norm(x * swap(mask)), norm(x * swap(mask)), None)
            ),
        ),
        wrong(
            "causal-as-well", hide=lambda mask: hide_keys(mask) & causal(mask.shape[1])
        ),
        wrong("causal-instead", hide=lambda mask: causal(mask.shape[1])),
        # the residuals
        wrong(
            "attention-not-added",
            read=lambda x, attend, norm, mask: attend(norm(x), norm(x), mask),
        ),
        wrong(
            "feed-forward-not-added",
            reflect=lambda x, think, norm, start: think(norm(x)),
        ),
        wrong(
            "attention-added-to-normalised",
            read=lambda x, attend, norm, mask: attend_and_add(
                norm(x), attend, identity, mask
            ),
        ),
        wrong(
            "feed-forward-added-to-normalised",
            reflect=lambda x, think, norm, start: norm(x) + think(norm(x)),
        ),
        wrong(
            "feed-forward-added-to-input",
            reflect=lambda x, think, norm, start: start + think(norm(x)),
        ),
        # the norms
        wrong(
            "norm-after",
            "residual",
            read=lambda x, attend, norm, mask: norm(x + attend(x, x, mask)),
            reflect=lambda x, think, norm, start: norm(x + think(x)),
        ),
        wrong(
            "norm-of-parts",
            "residual",
            read=lambda x, attend, norm, mask: x + norm(attend(x, x, mask)),
            reflect=lambda x, think, norm, start: x + norm(think(x)),
        ),
        wrong(
            "attention-not-normalised",
            read=lambda x, attend, norm, mask: x + attend(x, x, mask),
        ),
        wrong(
            "feed-forward-not-normalised",
            reflect=lambda x, think, norm, start: x + think(x),
        ),
        wrong(
            "query-not-normalised",
            read=lambda x, attend, norm, mask: x + attend(x, norm(x), mask),
        ),
        wrong(
            "source-not-normalised",
            read=lambda x, attend, norm, mask: x + attend(norm(x), x, mask),
        ),
        wrong("one-norm", choose=lambda norms: [norms[0], norms[0]]),
        wrong("norms-exchanged", choose=lambda norms: norms[::-1]),
        # the order
        wrong("feed-forward-first", order=lambda x, read, think: read(think(x, x))),
        wrong("in-parallel", order=lambda x, read, think: read(x) + think(x, x) - x),
        wrong("feed-forward-missing", order=lambda x, read, think: read(x)),
        wrong(
            "normalised-again",
            reflect=lambda x, think, norm, start: norm(x + think(norm(x))),
        ),
    ),
    accepted={
        "two lines": lambda *a: _encoder_in_two_lines(*a),
        "mask with a head axis taken away": lambda x, mask, *parts: (
            _encoder_in_two_lines(x, mask[:, None, None, :][:, 0, 0], *parts)
        ),
        "full mask": lambda *a: _encoder_with_full_mask(*a),
        "both sides masked": lambda *a: _encoder_with_both_sides(*a),
        "keras.ops": lambda x, *a: _encoder_in_two_lines(
            keras().ops.convert_to_tensor(x), *a
        ),
        "float64": lambda x, *a: _encoder_in_two_lines(x.astype(np.float64), *a),
        "one sequence at a time": lambda x, mask, *parts: [
            _encoder_in_two_lines(one[None], keep[None], *parts)[0].tolist()
            for one, keep in zip(x, mask, strict=True)
        ],
        "padding cut off": lambda *a: _encoder_without_padding(*a),
    },
)


def _encoder_in_two_lines(x, padding_mask, attend, think, norm_1, norm_2):
    x = x + attend(norm_1(x), norm_1(x), padding_mask[:, None, :])
    return x + think(norm_2(x))


def _encoder_with_full_mask(x, padding_mask, attend, think, norm_1, norm_2):
    mask = np.repeat(padding_mask[:, None], x.shape[1], axis=1)  # (B, T, T)
    y = norm_1(x)
    y = np.add(x, attend(query=y, source=y, mask=mask))
    return np.add(y, think(norm_2(y)))


def _encoder_with_both_sides(x, padding_mask, attend, think, norm_1, norm_2):
    mask = padding_mask[:, None, :] & padding_mask[:, :, None]  # (B, T, T)
    x = x + attend(norm_1(x), norm_1(x), mask)
    return x + think(norm_2(x))


def _encoder_without_padding(x, padding_mask, attend, think, norm_1, norm_2):
    output = np.zeros_like(x)
    for b, keep in enumerate(padding_mask):
        y = x[b, keep][None]
        y = y + attend(norm_1(y), norm_1(y), None)
        output[b, keep] = (y + think(norm_2(y)))[0]
    return output
