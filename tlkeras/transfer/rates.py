"""A learning rate of its own for every part of a model, inside the optimizer's step."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from tlkeras.transfer._compiled import fresh
from tlkeras.transfer._tree import blocks, matching, named_weights, no_match

_AnyOptimizer: Any = object  # the class that comes after it says what there is


class LayerwiseRates(_AnyOptimizer):
    """What an optimizer gains: each weight's step is multiplied by a rate of its own.

    Private: `discriminative_rates` puts it before a Keras optimizer. The update of a
    weight, and its decay, are computed with `learning_rate · multiplier`.
    """

    def __init__(self, *args, multipliers=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.multipliers = dict(multipliers or {})

    def multiplier(self, variable):
        """The multiplier of a variable of the model or of its backend's twin."""
        path = self._trainable_variables[self._get_variable_index(variable)].path
        return self.multipliers.get(path, 1.0)

    def update_step(self, gradient, variable, learning_rate):
        scale = ops.cast(self.multiplier(variable), learning_rate.dtype)
        super().update_step(gradient, variable, learning_rate * scale)

    def _apply_weight_decay(self, variables):
        if self.weight_decay is None:
            return
        for variable in variables:
            if self._use_weight_decay(variable):
                share = self.multiplier(variable) * self.weight_decay
                share = ops.cast(share * self.learning_rate, variable.dtype)
                variable.assign(variable - variable * share)

    def get_config(self):
        return {**super().get_config(), "multipliers": self.multipliers}


_CLASSES: dict[type, type] = {}


def layerwise_class(kind):
    """The subclass of an optimizer class that has `LayerwiseRates`, always the same."""
    if kind not in _CLASSES:
        made = type(f"Layerwise{kind.__name__}", (LayerwiseRates, kind), {})
        made.__module__ = __name__
        keras.saving.register_keras_serializable(package="tlkeras")(made)
        _CLASSES[kind] = made
    return _CLASSES[kind]


# Made at once, so that a saved model finds its optimizer.
for _name in ("Adam", "AdamW", "Adamax", "Lion", "Nadam", "RMSprop", "SGD"):
    layerwise_class(getattr(keras.optimizers, _name))


def discriminative_rates(
    model: keras.Model, optimizer: Any, rates: Iterable[tuple[str, float]]
) -> keras.optimizers.Optimizer:
    """An optimizer that trains each part of a model with a learning rate of its own.

    The multipliers stand inside the optimizer's step: they hold with schedules, weight
    decay, every backend and `jit_compile=True`.

    Args:
        model: a built `keras.Model`.
        optimizer: a Keras optimizer that is not built yet, or its name.
        rates: an ordered list of pairs of a regular expression and a multiplier. The
            first that occurs in a weight's path counts; other weights have 1.

    Returns:
        An optimizer for `model.compile`.

    Raises:
        ValueError: a pattern matches no weight, a multiplier is below 0, or two weights
            of one name want different multipliers.

    Example: the head learns as it would, everything below at a tenth of that.

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(3, name="body"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ]
    ... )
    >>> optimizer = discriminative_rates(
    ...     model, keras.optimizers.Adam(1e-3), [("head", 1), ("", 0.1)]
    ... )
    >>> model.compile(optimizer, loss="mse", jit_compile=True)

    Reference:
        Howard & Ruder (2018), arXiv:1801.06146, section 3.2.
    """
    optimizer = keras.optimizers.get(optimizer)
    if optimizer.built:
        raise ValueError("optimizer must be a new one; this one has been built.")
    if isinstance(optimizer, LayerwiseRates):
        raise ValueError("optimizer has rates of its own already.")
    kind = layerwise_class(_plain_class(optimizer))
    twin = fresh(optimizer)  # keeps what is excluded from weight decay
    config = {**optimizer.get_config(), "multipliers": multipliers(model, rates)}
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        config["learning_rate"] = schedule
    result = kind.from_config(config)
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(twin, name):
            setattr(result, name, getattr(twin, name))
    return result


def _plain_class(optimizer):
    """The public class of an optimizer; PyTorch's backend puts one of its own in."""
    return getattr(keras.optimizers, type(optimizer).__name__, type(optimizer))


def multipliers(model, rates):
    """The multiplier of each weight, by its `weight.path`, where it is not 1."""
    weights = named_weights(model)
    tests = [
        (matching(pattern, weights), pattern, float(rate)) for pattern, rate in rates
    ]
    for _, _, rate in tests:
        if not 0 <= rate < float("inf"):
            raise ValueError(f"multipliers must be at least 0; given {rate!r}.")
    result: dict[str, float] = {}
    for path, weight in weights.items():
        first = next((one for one in tests if path in one[0]), (None, None, 1.0))
        if result.setdefault(weight.path, first[2]) != first[2]:
            raise ValueError(
                f"layers must have names of their own where rates differ; two weights "
                f"are called {weight.path!r}."
            )
    for hits, pattern, _ in tests:
        if not hits:
            raise no_match("each pattern of rates", pattern, weights)
    return {path: rate for path, rate in result.items() if rate != 1.0}


def layerwise_decay(
    model: keras.Model, decay: float, patterns: Sequence[str] | None = None
) -> list[tuple[str, float]]:
    """Rates that fall by a factor with each block below the last.

    They are for `discriminative_rates`. The last block has the multiplier 1, the one
    below it `decay`, then `decay²` …

    Args:
        model: a built `keras.Model`.
        decay: above 0 and at most 1.
        patterns: of the blocks, as in `blocks`. Defaults to `None`.

    Returns:
        A list of pairs of pattern and multiplier, from input to output.

    Raises:
        ValueError: `decay` is out of range.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(3, name="body"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ]
    ... )
    >>> layerwise_decay(model, 0.5)
    [('^body(/|$)', 0.5), ('^head(/|$)', 1.0)]

    Reference:
        Clark et al. (2020), arXiv:2003.10555, appendix B; Howard & Ruder (2018),
        arXiv:1801.06146, section 3.2 (whose factor is 1/2.6).
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay must be above 0 and at most 1; given {decay!r}.")
    parts = blocks(model, patterns)
    return [
        (f"^{re.escape(path)}(/|$)", float(decay ** (len(parts) - 1 - number)))
        for number, part in enumerate(parts)
        for path, layer in part
        if layer.weights
    ]
