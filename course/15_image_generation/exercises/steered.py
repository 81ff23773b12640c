"""One part of a DiT's block, steered by a condition: adaLN-zero."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

EPSILON = 1e-6


def silu(x):
    """x times its sigmoid."""
    return x / (1 + np.exp(-x))


def normalize(x):
    """Each patch to mean 0 and variance 1, without weights."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)


def modulate(x, shift, scale):
    """Stretched and moved; zeros leave it as it is."""
    return (1 + scale) * x + shift


def beside_patches(x):
    """One vector an image, beside its patches: (B, 1, D)."""
    return x[:, None]


def steered(
    x,
    condition,
    weight,
    bias,
    part,
    *,
    bend=silu,
    order=identity,
    normalize=normalize,
    modulate=modulate,
    gated=lambda gate, y: gate * y,
    add=lambda x, y: x + y,
):
    """x + gate ⊙ part((1 + scale) ⊙ Norm(x) + shift): (B, T, D)."""
    x, condition, weight, bias, part = (
        np.asarray(a, "float64") for a in (x, condition, weight, bias, part)
    )
    steering = bend(condition) @ weight + bias  # (B, 3 D)
    shift, scale, gate = order(np.split(beside_patches(steering), 3, axis=-1))
    y = modulate(normalize(x), shift, scale)
    return add(x, gated(gate, np.tanh(y @ part)))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def patches(count, length, size, condition, scale=0.7, pale=False):
    """Patches, a condition for each image, what steers, and a matrix as the part."""

    def draw(rng):
        x = floats(rng, count, length, size)
        return (
            x / 500 if pale else 2 * x + 1,
            floats(rng, count, condition),
            floats(rng, condition, 3 * size, scale=scale),
            floats(rng, 3 * size, scale=scale),
            floats(rng, size, size),
        )

    return draw


def added_to_the_root(x):
    """The small number stands behind the root (wrong)."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / (x.std(axis=-1, keepdims=True) + EPSILON)


def over_patches(x):
    """Normalised over the patches (wrong)."""
    return np.swapaxes(normalize(np.swapaxes(x, 1, 2)), 1, 2)


wrong = mistakes("steered", section="steering")

EXERCISE = Exercise(
    name="steered",
    section="steering",
    points=5,
    reference=steered,
    cases=(
        Case("some", patches(3, 4, 5, 6)),
        Case("one", patches(1, 1, 4, 3)),
        Case("closed", patches(2, 3, 4, 5, scale=0.0)),
        Case("pale", patches(2, 3, 5, 4, pale=True)),
        Case("square", patches(4, 4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        wrong("no-one", modulate=lambda x, shift, scale: scale * x + shift),
        wrong(
            "shift-first", modulate=lambda x, shift, scale: (1 + scale) * (x + shift)
        ),
        wrong("no-shift", modulate=lambda x, shift, scale: (1 + scale) * x),
        wrong("no-scale", modulate=lambda x, shift, scale: x + shift),
        wrong("scale-first", order=lambda parts: (parts[1], parts[0], parts[2])),
        wrong("gate-first", order=lambda parts: (parts[1], parts[2], parts[0])),
        wrong("not-normalised", normalize=identity),
        wrong("over-patches", normalize=over_patches),
        wrong("added-to-the-root", normalize=added_to_the_root),
        wrong("no-silu", bend=identity),
        wrong("sigmoid", bend=lambda x: 1 / (1 + np.exp(-x))),
        wrong("relu", bend=lambda x: np.maximum(x, 0)),
        wrong("no-gate", gated=lambda gate, y: y),
        wrong("one-and-gate", gated=lambda gate, y: (1 + gate) * y),
        wrong("gate-is-sigmoid", gated=lambda gate, y: y / (1 + np.exp(-gate))),
        wrong("nothing-added", add=lambda x, y: y),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "einsum": lambda *a: _with_einsum(*a),
        "three matrices": lambda *a: _three_matrices(*a),
        "variance": lambda *a: _by_variance(*a),
    },
)


def _in_loops(x, condition, weight, bias, part):
    out, size = np.zeros(x.shape), x.shape[2]
    for b, c in enumerate(condition.astype("float64")):
        s = (c * (1 / (1 + np.exp(-c)))) @ weight + bias
        shift, scale, gate = s[:size], s[size : 2 * size], s[2 * size :]
        for t, row in enumerate(x[b].astype("float64")):
            y = (row - row.mean()) / np.sqrt(row.var() + 1e-6)
            out[b, t] = row + gate * np.tanh((y * (1 + scale) + shift) @ part)
    return out


def _with_einsum(x, condition, weight, bias, part):
    c = condition / (1 + np.exp(-condition.astype("float64")))
    s = (np.einsum("be,ef->bf", c, weight) + bias).reshape(len(x), 3, 1, -1)
    y = (x - x.mean(-1)[..., None]) / np.sqrt(x.var(-1)[..., None] + 1e-6)
    y = y + s[:, 1] * y + s[:, 0]
    return x + s[:, 2] * np.tanh(np.einsum("btd,de->bte", y, part))


def _three_matrices(x, condition, weight, bias, part):
    c = silu(condition.astype("float64"))
    one, two, three = (
        (c @ w + b)[:, np.newaxis]
        for w, b in zip(np.split(weight, 3, axis=1), np.split(bias, 3), strict=True)
    )
    return np.tanh((normalize(x) * (two + 1) + one) @ part) * three + x


def _by_variance(x, condition, weight, bias, part):
    x = x.astype("float64")
    mean = x.mean(axis=2, keepdims=True)
    variance = (x**2).mean(axis=2, keepdims=True) - mean**2
    y = (x - mean) * (variance + 1e-6) ** -0.5
    s = silu(condition) @ weight + bias
    s = np.repeat(s[:, None], x.shape[1], axis=1)
    size = x.shape[2]
    y = y * (1 + s[..., size : 2 * size]) + s[..., :size]
    return x + np.tanh(y @ part) * s[..., 2 * size :]
