"""[class, patches] + positions."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes


def in_front(patches, token):
    """The token before the patches of every image: (B, 1 + P, D)."""
    token = np.broadcast_to(token, (len(patches), 1, len(token)))
    return np.concatenate([token, patches], axis=1)


def plus(tokens, positions):
    """A position for each token."""
    return tokens + positions


def first_image_only(patches, token):
    """A token of zeros for all images but the first."""
    tokens = in_front(patches, token)
    tokens[1:, 0] = 0
    return tokens


def patches_alone(tokens, positions):
    """Positions for the patches, none for the token."""
    return np.concatenate([tokens[:, :1], tokens[:, 1:] + positions[1:]], axis=1)


def token_alone(tokens, positions):
    """A position for the token, none for the patches."""
    return np.concatenate([tokens[:, :1] + positions[:1], tokens[:, 1:]], axis=1)


def patches_from_zero(tokens, positions):
    """The patches take the positions from 0 on, the token the last."""
    return tokens + np.roll(positions, 1, axis=0)


def patches_from_zero_alone(tokens, positions):
    """The patches take the positions from 0 on, the token none."""
    return np.concatenate([tokens[:, :1], tokens[:, 1:] + positions[:-1]], axis=1)


def class_token(patches, token, positions, *, place=in_front, locate=plus):
    """[class, patches] + positions."""
    return locate(place(patches, token), positions)


def token_inputs(batch, patches, hidden):
    """Embedded patches, a token, and positions for all."""
    return lambda rng: (
        floats(rng, batch, patches, hidden),
        floats(rng, hidden),
        floats(rng, 1 + patches, hidden),
    )


wrong = mistakes("token", section="token")

EXERCISE = Exercise(
    name="add_class_token",
    section="token",
    points=2,
    reference=class_token,
    cases=(
        Case("batch", token_inputs(3, 6, 5)),
        Case("one-image", token_inputs(1, 4, 7)),
        Case("one-patch", token_inputs(3, 1, 5)),
        Case("square", token_inputs(4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        wrong("at-the-end", place=lambda x, t: np.roll(in_front(x, t), -1, axis=1)),
        wrong("added-to-patches", place=lambda x, t: in_front(x + t, 0 * t)),
        wrong("of-zeros", place=lambda x, t: in_front(x, 0 * t)),
        wrong("first-image-only", place=first_image_only),
        wrong("mean-of-patches", place=lambda x, t: in_front(x, 0 * t) + _mean(x)),
        wrong("no-positions", locate=lambda x, p: x),
        wrong("without-position", locate=patches_alone),
        wrong("position-of-the-token-alone", locate=token_alone),
        wrong("positions-shifted", locate=patches_from_zero),
        wrong("positions-from-zero", locate=patches_from_zero_alone),
        wrong("positions-multiplied", locate=lambda x, p: x * p),
        wrong("positions-reversed", locate=lambda x, p: x + p[::-1]),
        wrong(
            "positions-appended",
            locate=lambda x, p: np.concatenate(
                [x, np.broadcast_to(p, x.shape)], axis=-1
            ),
        ),
    ),
    accepted={
        "loops": lambda x, t, p: [np.vstack([t, one]) + p for one in x],
        "keras.ops": lambda x, t, p: _token_with_keras(x, t, p),
        "tensorflow": lambda x, t, p: _token_with_tensorflow(x, t, p),
        "insert": lambda x, t, p: np.insert(x, 0, t, axis=1) + p,
        "written into an empty array": lambda x, t, p: _token_written(x, t, p),
    },
)


def _mean(patches):
    """The mean of the patches at place 0, zeros elsewhere."""
    mean = patches.mean(axis=1, keepdims=True)
    return np.concatenate([mean, np.zeros_like(patches)], axis=1)


def _token_with_keras(patches, token, positions):
    ops = keras().ops
    token = ops.tile(token[None, None], (len(patches), 1, 1))
    return ops.concatenate([token, patches], axis=1) + positions


def _token_with_tensorflow(patches, token, positions):
    import tensorflow as tf

    token = tf.broadcast_to(token, (len(patches), 1, len(token)))
    return tf.concat([token, patches], axis=1) + positions[None]


def _token_written(patches, token, positions):
    output = np.empty((len(patches), *positions.shape), patches.dtype)
    output[:, 0], output[:, 1:] = token, patches
    output += positions
    return output
