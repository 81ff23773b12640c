"""(L + 1, T, V): what the model would say after each layer."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

EPSILON = 1e-5


def normalise(x, gain, bias):
    """The final normalisation, over the features of each token."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * gain + bias


def logit_lens(
    states, gain, bias, table, *, state=identity, norm=normalise, out=identity
):
    """What the model would say after each layer."""
    states, gain, bias, table = (
        np.asarray(x, "float64") for x in (states, gain, bias, table)
    )
    return out(norm(state(states), gain, bias) @ table.T)  # (L + 1, T, V)


def all_but_the_last(x, gain, bias):
    """The last state is left as it is (wrong)."""
    normed = normalise(x, gain, bias)
    normed[-1] = x[-1]
    return normed


def last_only(x, gain, bias):
    """Only the last state is normalised (wrong)."""
    return np.concatenate([x[:-1], normalise(x[-1:], gain, bias)])


def over_tokens(x, gain, bias):
    """The tokens are centred and scaled (wrong)."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * gain + bias


def root_mean_square(x, gain, bias):
    """The mean is not taken off (wrong)."""
    size = np.sqrt((x**2).mean(axis=-1, keepdims=True) + EPSILON)
    return x / size * gain + bias


def length_one(x, gain, bias):
    """Each vector gets the length 1 (wrong)."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True) * gain + bias


def softmax(x):
    """Probabilities (wrong)."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def added_by_each(states):
    """What each layer adds, not what there is after it (wrong)."""
    return np.diff(states, axis=0, prepend=0)


wrong = mistakes("lens", section="lens")


def case(name, layers, length, size, words):
    """States that grow from layer to layer, and the weights of the last step."""

    def draw(rng):
        growth = 2.0 ** np.arange(layers + 1)[:, None, None]
        states = floats(rng, layers + 1, length, size) * growth + 0.3
        gain = 1 + floats(rng, size, scale=0.4)
        return (
            states.astype("float32"),
            gain,
            floats(rng, size),
            floats(rng, words, size),
        )

    return Case(name, draw)


EXERCISE = Exercise(
    name="logit_lens",
    section="lens",
    points=2,
    reference=logit_lens,
    cases=(
        case("three", 3, 4, 6, 9),
        case("one-token", 2, 1, 5, 7),
        case("more-features", 2, 3, 12, 5),
        case("no-layer", 0, 3, 4, 6),
    ),
    misconceptions=(
        wrong("no-norm", norm=lambda x, gain, bias: x),
        wrong("last-only", norm=last_only),
        wrong("all-but-the-last", norm=all_but_the_last),
        wrong("no-gain", norm=lambda x, gain, bias: normalise(x, 1, 0)),
        wrong("no-bias", norm=lambda x, gain, bias: normalise(x, gain, 0)),
        wrong("over-tokens", norm=over_tokens),
        wrong("root-mean-square", norm=root_mean_square),
        wrong("length-one", norm=length_one),
        wrong("added-by-each", state=added_by_each),
        wrong("probabilities", out=softmax),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "einsum": lambda *a: _einsum(*a),
        "var": lambda *a: _var(*a),
    },
)


def _in_loops(states, gain, bias, table):
    result = []
    for layer in states:
        rows = []
        for x in layer.astype("float64"):
            y = (x - x.mean()) / (x.var() + 1e-5) ** 0.5 * gain + bias
            rows.append([float(word @ y) for word in table])
        result.append(rows)
    return result


def _einsum(states, gain, bias, table):
    normed = normalise(states.astype("float64"), gain, bias)
    return np.einsum("ltd,vd->ltv", normed, table)


def _var(states, gain, bias, table):
    states = states.astype("float64")
    scale = gain / np.sqrt(states.var(-1, keepdims=True) + EPSILON)
    return ((states - states.mean(-1, keepdims=True)) * scale + bias) @ table.T
