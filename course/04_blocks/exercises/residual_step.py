"""A part of a network, added to its own input, normalised before or after."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes

from ._shared import named, network_of, norm_of, norms


def norm_before(x, part, norm):
    """x + part(norm(x))."""
    return x + part(norm(x))


def norm_after(x, part, norm):
    """norm(x + part(x))."""
    return norm(x + part(x))


def residual_step(
    x,
    widen,
    narrow,
    gain_and_bias,
    normalize_first,
    *,
    before=norm_before,
    after=norm_after,
):
    """A part of a network, added to its own input, normalised before or after."""
    step = before if normalize_first else after
    return step(x, network_of(widen, narrow), norm_of(gain_and_bias))


def probe_residual(answer, x, widen, narrow, gain_and_bias, normalize_first):
    """Hand the learner functions."""
    part, norm = network_of(widen, narrow), norm_of(gain_and_bias)
    return answer(x, named("part", part), norm, normalize_first)


def part_inputs(*lead, normalize_first, size=5, hidden=8):
    """Vectors, the weights of a part and a normalisation, and where it stands."""
    return lambda rng: (
        floats(rng, *lead, size, scale=1.5),
        floats(rng, size, hidden, scale=0.6),
        floats(rng, hidden, size, scale=0.6),
        norms(rng, 1, size)[0],
        normalize_first,
    )


wrong = mistakes("residual", section="residual")

EXERCISE = Exercise(
    name="residual_step",
    section="residual",
    points=3,
    reference=residual_step,
    probe=probe_residual,
    hidden=("widen", "narrow", "gain_and_bias"),
    cases=(
        Case("before", part_inputs(2, 3, normalize_first=True)),
        Case("after", part_inputs(2, 3, normalize_first=False)),
        Case("before-one", part_inputs(4, normalize_first=True)),
        Case("after-one", part_inputs(4, normalize_first=False)),
        Case("one-vector", part_inputs(1, normalize_first=True)),
    ),
    misconceptions=(
        wrong("always-after", before=norm_after),
        wrong("always-before", after=norm_before),
        wrong("exchanged", before=norm_after, after=norm_before),
        wrong(
            "missing",
            before=lambda x, part, norm: part(norm(x)),
            after=lambda x, part, norm: norm(part(x)),
        ),
        wrong("missing-before", before=lambda x, part, norm: part(norm(x))),
        wrong("missing-after", after=lambda x, part, norm: norm(part(x))),
        wrong("from-normalised", before=lambda x, part, norm: norm(x) + part(norm(x))),
        wrong("part-of-raw-input", before=lambda x, part, norm: norm(x) + part(x)),
        wrong("norm-of-part", before=lambda x, part, norm: x + norm(part(x))),
        wrong("part-only-normalised", after=lambda x, part, norm: x + norm(part(x))),
        wrong("input-only-normalised", after=lambda x, part, norm: norm(x) + part(x)),
        wrong("each-normalised", after=lambda x, part, norm: norm(x) + norm(part(x))),
        wrong("normalised-twice", after=lambda x, part, norm: norm(x + part(norm(x)))),
        wrong("normalised-again", before=lambda x, part, norm: norm(x + part(norm(x)))),
        wrong(
            "no-norm",
            before=lambda x, part, norm: x + part(x),
            after=lambda x, part, norm: x + part(x),
        ),
    ),
    accepted={
        "if": lambda x, part, norm, first: (
            x + part(norm(x)) if first else norm(x + part(x))
        ),
        "in two lines": lambda *a: _residual_in_two_lines(*a),
        "numpy.add": lambda x, part, norm, first: (
            np.add(part(norm(x)), x) if first else norm(np.add(part(x), x))
        ),
        "keras.ops": lambda *a: _residual_with_keras(*a),
        "float64": lambda x, *a: _residual_in_two_lines(x.astype(np.float64), *a),
    },
)


def _residual_in_two_lines(x, part, norm, normalize_first):
    y = x + part(norm(x) if normalize_first else x)
    return y if normalize_first else norm(y)


def _residual_with_keras(x, part, norm, normalize_first):
    ops = keras().ops
    x = ops.convert_to_tensor(x)
    return ops.add(x, part(norm(x))) if normalize_first else norm(ops.add(x, part(x)))
