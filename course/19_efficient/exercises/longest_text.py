"""How long a text may be in a given memory."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

LIBRARY = ("tlkeras.layers",)


def with_heads_of_blocks(weights, bits, block, extra):
    """Bytes of the weights: bits of each, and `extra` bits a block."""
    return weights * (bits + extra / block) / 8


def keys_and_values(layers, heads, size, batch):
    """Bytes of a token: keys and values of all layers, in halves."""
    return 2 * layers * heads * size * batch * 2


def what_is_left(budget, taken):
    """Bytes."""
    return budget - taken


def whole_tokens(left, token):
    """As many as fit."""
    return max(0, int(left // token))


def longest_text(budget, weights, bits, block, extra, layers, heads, size, batch, *,
                 of_weights=with_heads_of_blocks, of_token=keys_and_values,
                 rest=what_is_left, count=whole_tokens):  # fmt: skip
    """Tokens."""
    taken = of_weights(weights, bits, block, extra)
    return np.array(count(rest(budget, taken), of_token(layers, heads, size, batch)))


def as_number(answer, *inputs):
    """What is returned as an array without axes."""
    return np.array(answer(*inputs))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def machine(bits, block, extra, full=2.0, batch=3):
    """A budget of `full` times the weights."""

    def draw(rng):
        layers, heads, size = (
            int(rng.integers(a, b)) for a, b in ((6, 31), (3, 9), (40, 129))
        )
        weights = int(rng.integers(10**6, 10**8)) * 32
        taken = weights * (bits + extra / block) / 8
        budget = int(taken * full) + 12345
        return budget, weights, bits, block, extra, layers, heads, size, batch

    return draw  # fmt: skip


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def bits_as_bytes(weights, bits, block, extra):
    """Bits were not divided by 8 (wrong)."""
    return weights * (bits + extra / block)


def without_extra(weights, bits, block, extra):
    """Scales cost nothing (wrong)."""
    return weights * bits / 8


def extra_for_each(weights, bits, block, extra):
    """A scale for each weight (wrong)."""
    return weights * (bits + extra) / 8


def always_floats(weights, bits, block, extra):
    """4 bytes a weight (wrong)."""
    return weights * 4


wrong = mistakes("memory", section="memory")

EXERCISE = Exercise(
    name="longest_text",
    section="memory",
    points=3,
    reference=longest_text,
    probe=as_number,
    forbidden=LIBRARY,
    cases=(
        Case("int8", machine(8, 64, 16), tolerance=0),
        Case("four-bits", machine(4, 32, 32), tolerance=0),
        Case("halves", machine(16, 32, 0, batch=1), tolerance=0),
        Case("narrow", machine(8, 128, 32, full=1.2, batch=5), tolerance=0),
        Case("roomy", machine(4, 32, 32, full=20.0, batch=2), tolerance=0),
        Case("weights-do-not-fit", machine(8, 32, 16, full=0.6), tolerance=0),
    ),
    misconceptions=(
        wrong("bits-as-bytes", of_weights=bits_as_bytes),
        wrong("scales-forgotten", of_weights=without_extra),
        wrong("scale-a-weight", of_weights=extra_for_each),
        wrong("four-bytes-a-weight", of_weights=always_floats),
        wrong("weights-forgotten", rest=lambda budget, taken: budget),
        wrong("keys-alone", of_token=lambda n, k, h, b: 2 * n * k * h * b),
        wrong("one-layer", of_token=lambda n, k, h, b: 4 * k * h * b),
        wrong("one-head", of_token=lambda n, k, h, b: 4 * n * h * b),
        wrong("one-text", of_token=lambda n, k, h, b: 4 * n * k * h),
        wrong("floats", of_token=lambda n, k, h, b: 8 * n * k * h * b),
        wrong("rounded-up", count=lambda left, token: max(0, -int(-left // token))),
        wrong("negative", count=lambda left, token: int(left // token)),
        wrong("square", count=lambda left, token: int(max(0, left / token) ** 0.5)),
    ),
    accepted={
        "steps": lambda *inputs: _steps(*inputs),
        "integers": lambda *inputs: _integers(*inputs),
        "clipped": lambda *inputs: _clipped(*inputs),
    },
)


def _steps(budget, weights, bits, block, extra, layers, heads, size, batch):
    taken = weights * bits / 8 + weights / block * extra / 8
    token = 4 * layers * heads * size * batch
    return max(int((budget - taken) / token), 0)


def _integers(budget, weights, bits, block, extra, layers, heads, size, batch):
    taken = -(-weights * (bits * block + extra) // (8 * block))
    token = batch * layers * heads * size * 2 * 2
    return max(0, (budget - taken) // token)


def _clipped(budget, weights, bits, block, extra, layers, heads, size, batch):
    left = budget - (weights * bits + weights // block * extra) / 8
    return float(np.clip(np.floor(left / (4 * layers * heads * size * batch)), 0, None))
