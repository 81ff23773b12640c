"""How much each input contributes to a score, by gradients.

Axes: B batch.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.interpret._slopes import slope
from tlkeras.interpret.intermediates import intermediates


def gradient_times_input(
    function: Callable[[Tensor], Tensor], inputs: Tensor
) -> np.ndarray:
    """The first-order share of each input in a score: `x · ∂f/∂x`.

    For a linear function without a constant these sum to its value. Elsewhere the slope
    holds near x alone: where a score is saturated it says little.

    Args:
        function: floats `(B, …)` to one score a row, `(B,)`.
        inputs: floats `(B, …)`.

    Returns:
        An array of the inputs' shape; sum over the features of a token for its share.

    Raises:
        ValueError: the function gives something else than `(B,)`.

    Example:

    >>> import numpy as np
    >>> from keras import ops
    >>> double = lambda x: ops.sum(2 * x, axis=1)
    >>> gradient_times_input(double, np.array([[1.0, -3.0]], "float32")).tolist()
    [[2.0, -6.0]]

    Reference:
        Shrikumar et al. (2016), arXiv:1605.01713.
        Ancona et al. (2017), arXiv:1711.06104, section 2.
    """
    inputs = _floats(inputs)
    return inputs * _slope(function, inputs)


def integrated_gradients(
    function: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Any = 0.0,
    steps: int = 32,
) -> np.ndarray:
    """The share of each input in a score, over the way from a baseline.

        (x − x′) · ∫₀¹ ∂f(x′ + α (x − x′))/∂x dα

    The integral is a sum over the middles of `steps` equal parts. Complete: the shares
    add up to `f(x) − f(x′)`, but for the error of the sum, which `completeness_gap`
    measures.

    Args:
        function: floats `(B, …)` to one score a row, `(B,)`.
        inputs: x, floats `(B, …)`.
        baseline: x′, what stands for *nothing there*: a number, or an array that
            broadcasts to the inputs. Defaults to 0.
        steps: parts of the way. Defaults to 32.

    Returns:
        An array of the inputs' shape.

    Raises:
        ValueError: the function gives something else than `(B,)`, or the baseline does
            not fit.

    Example:

    >>> import numpy as np
    >>> square = lambda x: (x**2)[:, 0]
    >>> integrated_gradients(square, np.array([[3.0]], "float32")).tolist()
    [[9.0]]

    Reference:
        Sundararajan et al. (2017), arXiv:1703.01365, section 3 (proposition 1:
        completeness), section 5 (the sum).
    """
    inputs = _floats(inputs)
    start = _baseline(baseline, inputs)
    check.positive_integer("steps", steps)
    total = np.zeros_like(inputs)
    for step in range(steps):
        place = start + (step + 0.5) / steps * (inputs - start)
        total += _slope(function, place.astype(inputs.dtype)) / steps
    return (inputs - start) * total


def completeness_gap(
    function: Callable[[Tensor], Tensor],
    shares: np.ndarray,
    inputs: Tensor,
    baseline: Any = 0.0,
) -> np.ndarray:
    """By how much shares miss what they should add up to: `Σ shares − (f(x) − f(x′))`.

    Args:
        function: floats `(B, …)` to one score a row, `(B,)`.
        shares: from `integrated_gradients`.
        inputs: x, as there.
        baseline: x′, as there. Defaults to 0.

    Returns:
        `(B,)`; near 0 if there were enough steps.

    Raises:
        ValueError: the function gives something else than `(B,)`, or the baseline does
            not fit.

    Example:

    >>> import numpy as np
    >>> cube = lambda x: (x**3)[:, 0]
    >>> x = np.array([[2.0]], "float32")
    >>> completeness_gap(cube, integrated_gradients(cube, x, steps=2), x).tolist()
    [-0.5]

    Reference:
        Sundararajan et al. (2017), arXiv:1703.01365, section 5.
    """
    inputs = _floats(inputs)
    start = _baseline(baseline, inputs)
    change = _scores(function, inputs) - _scores(function, start)
    return np.asarray(shares).reshape(len(inputs), -1).sum(axis=1) - change


def at_layer(
    model: keras.Model,
    path: str,
    inputs: Any,
    score: Callable[[Any], Tensor],
) -> tuple[Callable[[Tensor], Tensor], np.ndarray]:
    """A score as a function of what a layer gives, for inputs without a slope.

    Token ids cannot be changed a little; the vectors that stand for them can.

    Args:
        model: a built model.
        path: of a layer that is called once, as `layer_paths` gives it; what enters the
            stack of our models is the output of `embeddings_dropout`.
        inputs: of the model.
        score: a function of the model's output, one score `(B,)` a row.

    Returns:
        The function, floats `(B, …)` to `(B,)`, and what the layer gives for `inputs`.

    Raises:
        ValueError: no layer has this path, or it gives several arrays or is called
            several times.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[3, 1, 4]])
    >>> function, x = at_layer(
    ...     model, "embeddings_dropout", tokens, lambda logits: logits[:, -1, 7]
    ... )
    >>> gradient_times_input(function, x).sum(axis=-1).shape
    (1, 3)
    """
    with intermediates(model, path) as seen:
        model(inputs)
    calls = seen.calls(path)
    if len(calls) > 1 or len(keras.tree.flatten(seen[path])) > 1:
        raise ValueError(
            f"path must name a layer that is called once and gives one array; {path!r} "
            f"is called {len(calls)} times and gives "
            f"{len(keras.tree.flatten(calls[0]))}."
        )

    def function(values):
        with intermediates(model, replace={path: values}):
            return score(model(inputs))

    return function, np.asarray(ops.convert_to_numpy(seen[path]))


def _slope(function, inputs):
    return np.asarray(
        ops.convert_to_numpy(slope(lambda x: _checked(function(x), x), inputs))
    )


def _scores(function, inputs):
    x = ops.convert_to_tensor(inputs)
    return np.asarray(ops.convert_to_numpy(_checked(function(x), x)))


def _checked(scores, inputs):
    if tuple(scores.shape) != (inputs.shape[0],):
        raise ValueError(
            f"function must give one score a row, shape ({inputs.shape[0]},); given "
            f"{tuple(scores.shape)}."
        )
    return scores


def _floats(inputs):
    inputs = np.asarray(ops.convert_to_numpy(inputs))
    check.floats("inputs", inputs, "Take at_layer for token ids.")
    return inputs


def _baseline(baseline, inputs):
    start = np.asarray(baseline, dtype=inputs.dtype)
    try:
        return np.broadcast_to(start, inputs.shape)
    except ValueError:
        raise ValueError(
            f"baseline must broadcast to the inputs, {inputs.shape}; given "
            f"{start.shape}."
        ) from None
