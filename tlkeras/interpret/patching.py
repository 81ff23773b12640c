"""Put what a model computed for one input into its run on another.

Axes: T tokens, D model size.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras.annotations import Tensor
from tlkeras.interpret.intermediates import intermediates


def patching_effects(
    model: keras.Model,
    clean: Any,
    corrupted: Any,
    paths: Sequence[str],
    score: Callable[[Any], Tensor],
) -> np.ndarray:
    """How much of the score one vector brings back: where the difference is carried.

    The corrupted input is run once for every layer and place, with that one vector of
    the clean run in place of its own:

        effect = (score patched − score corrupted) / (score clean − score corrupted)

    0: this place does not matter; 1: it alone decides. Effects of several places need
    not add up to 1.

    Args:
        model: a built model.
        clean: inputs of one row, `(1, T)` or a dictionary of such.
        corrupted: the same with a detail changed, as long.
        paths: of layers that give `(1, T, …)`, as `layer_paths` has them; `.input` at
            the end means what goes in.
        score: a function of the model's output, one number `(B,)` a row, such as the
            difference of two logits.

    Returns:
        `(len(paths), T)`.

    Raises:
        ValueError: an input has several rows, both have the same score, or a layer is
            called several times, as an embedding that also reads out.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> clean, corrupted = np.array([[3, 1, 4]]), np.array([[3, 2, 4]])
    >>> score = lambda logits: logits[:, -1, 5]
    >>> patching_effects(
    ...     model, clean, corrupted, ["transformer_layer_0"], score
    ... ).shape
    (1, 3)

    Reference:
        Meng et al. (2022), arXiv:2202.05262, section 2.1.
        Zhang & Nanda (2023), arXiv:2309.16042, section 2.
    """
    for name, inputs in (("clean", clean), ("corrupted", corrupted)):
        rows = {np.shape(x)[0] for x in keras.tree.flatten(inputs)}
        if rows != {1}:
            raise ValueError(f"{name} must have one row; given {sorted(rows)}.")
    paths = list(paths)
    with intermediates(model, paths) as seen:
        best = _one(score, model(clean))
        for path in paths:
            _called_once(path, seen.calls(path))
    worst = _one(score, model(corrupted))
    if best == worst:
        raise ValueError(
            f"clean and corrupted must have different scores; both have {best:.6g}."
        )
    effects = []
    for path in paths:
        value = seen[path]  # (1, T, …)
        length = value.shape[1]
        rows = keras.tree.map_structure(
            lambda x, n=length: np.repeat(ops.convert_to_numpy(x), n, axis=0), corrupted
        )
        with intermediates(model, replace={path: _patch(value)}):
            found = ops.convert_to_numpy(score(model(rows)))  # (T,)
        effects.append((found - worst) / (best - worst))
    return np.stack(effects)


def _called_once(path, calls):
    if len(calls) != 1:
        raise ValueError(
            f"paths must name layers that are called once; {path!r} was called "
            f"{len(calls)} times. Take `.input` of the layer that follows."
        )


def _patch(clean):
    """Row i gets the clean vector at place i."""

    def change(values):  # (T, T, …)
        length = values.shape[1]
        if length != clean.shape[1]:
            raise ValueError(
                "clean and corrupted must be equally long; given "
                f"{clean.shape[1]} and {length}."
            )
        ones = (1,) * (len(values.shape) - 2)
        here = np.eye(length, dtype=bool).reshape(length, length, *ones)
        return ops.where(here, clean, values)

    return change


def _one(score, outputs):
    return float(np.asarray(ops.convert_to_numpy(score(outputs)))[0])
