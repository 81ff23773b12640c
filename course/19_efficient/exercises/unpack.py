"""Weights from blocks of 4 bits, as a GGUF file of type Q4_1 holds them."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

LIBRARY = ("gguf", "tlkeras.checkpoints")
SIZE, BYTES = 32, 20  # weights and bytes of a block


def halves(blocks):
    """Scale and minimum, (M,) each: two little-endian float16."""
    pairs = blocks[:, :4].astype(np.uint8).copy().view("<f2").astype(float)
    return pairs[:, 0], pairs[:, 1]


def low_then_high(blocks):
    """Whole numbers (M, 32): all low halves of the bytes, then all high ones."""
    packed = blocks[:, 4:]
    return np.concatenate([packed & 15, packed >> 4], axis=1)


def as_they_are(numbers):
    """From 0 to 15."""
    return numbers.astype(float)


def scaled_then_moved(numbers, scale, least):
    """A multiple of the scale, above the minimum."""
    return numbers * scale + least


def unpack(blocks, *, head=halves, nibbles=low_then_high, signed=as_they_are,
           floats=scaled_then_moved):  # fmt: skip
    """Bytes (M, 20) to weights (32 M,)."""
    scale, least = head(blocks)
    numbers = signed(nibbles(blocks))
    return floats(numbers, scale[:, None], least[:, None]).reshape(-1)


def blocks(count, least=1.0, scale=0.1, equal=False):
    """Made bytes: heads that are float16, and any bytes after them."""

    def draw(rng):
        heads = np.empty((count, 2), "<f2")
        heads[:, 0] = scale * rng.uniform(0.5, 2.0, count)
        heads[:, 1] = least * rng.uniform(-2.0, -0.5, count)
        packed = rng.integers(0, 256, (count, 16)).astype(np.uint8)
        if equal:
            packed[:] = packed[:, :1]
        return (np.concatenate([heads.view(np.uint8), packed], axis=1),)

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def head_exchanged(blocks):
    """Minimum first (wrong)."""
    return halves(blocks)[::-1]


def big_endian(blocks):
    """The more telling byte first (wrong)."""
    pairs = blocks[:, :4].astype(np.uint8).copy().view(">f2").astype(float)
    return pairs[:, 0], pairs[:, 1]


def head_behind(blocks):
    """Scale and minimum read from the end of the block (wrong)."""
    pairs = blocks[:, -4:].astype(np.uint8).copy().view("<f2").astype(float)
    return pairs[:, 0], pairs[:, 1]


def first_for_all(blocks):
    """Scale and minimum of the first block (wrong)."""
    scale, least = halves(blocks)
    return np.full_like(scale, scale[0]), np.full_like(least, least[0])


def side_by_side(blocks):
    """The two of each byte are neighbours (wrong)."""
    packed = blocks[:, 4:]
    return np.stack([packed & 15, packed >> 4], axis=2).reshape(len(blocks), -1)


def high_then_low(blocks):
    """All high halves first (wrong)."""
    packed = blocks[:, 4:]
    return np.concatenate([packed >> 4, packed & 15], axis=1)


def high_beside_low(blocks):
    """Neighbours, the high one first (wrong)."""
    packed = blocks[:, 4:]
    return np.stack([packed >> 4, packed & 15], axis=2).reshape(len(blocks), -1)


def not_shifted(blocks):
    """The high half times 16 (wrong)."""
    packed = blocks[:, 4:]
    return np.concatenate([packed & 15, packed & 240], axis=1)


def in_halves(numbers, scale, least):
    """Right, in float16, which has three decimal places (wrong)."""
    numbers, scale, least = (x.astype("float16") for x in (numbers, scale, least))
    return numbers * scale + least


wrong = mistakes("q4", section="blocks")

EXERCISE = Exercise(
    name="unpack",
    section="blocks",
    points=4,
    reference=unpack,
    forbidden=LIBRARY,
    cases=(
        Case("one-block", blocks(1)),
        Case("blocks", blocks(5)),
        Case("small-weights", blocks(4, least=0.02, scale=0.003)),
        Case("equal-bytes", blocks(3, equal=True)),
        Case("many-blocks", blocks(40)),
    ),
    misconceptions=(
        wrong("neighbours", nibbles=side_by_side),
        wrong("high-first", nibbles=high_then_low),
        wrong("neighbours-high-first", nibbles=high_beside_low),
        wrong("not-shifted", nibbles=not_shifted),
        wrong("head-exchanged", head=head_exchanged),
        wrong("big-endian", head=big_endian),
        wrong("head-at-the-end", head=head_behind),
        wrong("first-block-for-all", head=first_for_all),
        wrong("eight-subtracted", signed=lambda n: n.astype(float) - 8),
        wrong("twos-complement", signed=lambda n: n - 16.0 * (n > 7)),
        wrong("minimum-forgotten", floats=lambda n, scale, least: n * scale),
        wrong("minimum-subtracted", floats=lambda n, scale, least: n * scale - least),
        wrong("moved-then-scaled", floats=lambda n, scale, least: (n + least) * scale),
        wrong("in-halves", floats=in_halves),
        wrong("divided", floats=lambda n, scale, least: n / scale + least),
    ),
    accepted={
        "loop": lambda blocks: _loop(blocks),
        "buffer": lambda blocks: _buffer(blocks),
        "bits": lambda blocks: _bits(blocks),
        "divmod": lambda blocks: _divmod(blocks),
    },
)


def _loop(blocks):
    weights = []
    for block in blocks:
        scale, least = (float(x) for x in np.frombuffer(bytes(block[:4]), "<f2"))
        packed = [int(byte) for byte in block[4:]]
        weights += [scale * (byte % 16) + least for byte in packed]
        weights += [scale * (byte // 16) + least for byte in packed]
    return np.array(weights)


def _buffer(blocks):
    kind = np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)])
    table = np.frombuffer(blocks.astype(np.uint8).tobytes(), kind)
    numbers = np.hstack([table["q"] % 16, table["q"] // 16])
    floats = (x.astype("float32")[:, None] for x in (table["d"], table["m"]))
    scale, least = floats
    return (numbers * scale + least).ravel()


def _bits(blocks):
    bits = np.unpackbits(blocks[:, 4:].astype(np.uint8), axis=1).reshape(-1, 16, 2, 4)
    numbers = bits @ np.array([8, 4, 2, 1])  # (M, 16, 2), the high half first
    scale, least = halves(blocks)
    numbers = np.concatenate([numbers[..., 1], numbers[..., 0]], axis=1)
    return (numbers * scale[:, None] + least[:, None]).reshape(-1)


def _divmod(blocks):
    high, low = np.divmod(blocks[:, 4:].astype(int), 16)
    head = np.ascontiguousarray(blocks[:, :4].astype(np.uint8)).view(np.float16)
    head = head.astype(np.float64)
    rows = np.concatenate([low, high], axis=1) * head[:, :1] + head[:, 1:]
    return np.ravel(rows)
