"""Train one compiled model again and again, each time from weights of its own."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tlkeras.transfer._compiled import CHANGES
from tlkeras.transfer._steps import forward_pass, take_steps


class Retrainer:
    """A classifier that many runs share, so that it is compiled only once.

    A comparison of transfer trains the same small model dozens of times. Each run sets
    its first weights, empties the optimizer, seeds dropout, and takes its own number of
    steps with batches drawn with replacement, so that every batch has one shape. The
    learning rate rises over the first tenth of the steps and falls along half a cosine
    to 0.

    Args:
        model: a built `keras.Model` from inputs to logits, which it trains in place.
            Set its `run_eagerly` to take a few steps without compiling anything.
        batch_size: examples a step. Defaults to 32.
        weight_decay: of AdamW. Defaults to 1e-4.
        optimizer: one of your own instead of AdamW, such as one of
            `discriminative_rates`; not built yet. Defaults to `None`.
        jit_compile: whether XLA compiles the step: worth it from some hundred steps on.
            Defaults to `True`.
        loss: of `(labels, logits)`, as `compile` takes it. Defaults to `None`:
            cross-entropy with integer labels.

    Example:

    >>> import numpy as np
    >>> layers = [keras.Input((2,)), keras.layers.Dense(2)]
    >>> trainer = Retrainer(keras.Sequential(layers), batch_size=8)
    >>> inputs = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> labels = np.array([0, 1])
    >>> trainer.run(inputs, labels, learning_rate=0.1, steps=50, seed=0)
    >>> trainer.accuracy(inputs, labels)
    1.0

    Reference:
        Loshchilov & Hutter (2016), arXiv:1608.03983, section 3 (cosine).
    """

    def __init__(
        self,
        model,
        batch_size=32,
        weight_decay=1e-4,
        jit_compile=True,
        optimizer=None,
        loss=None,
    ):
        self.model = model
        self.batch_size = batch_size
        self.first_weights = model.get_weights()
        model.compile(
            optimizer or keras.optimizers.AdamW(1e-3, weight_decay=weight_decay),
            loss=loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit_compile,
        )
        model.optimizer.build(model.trainable_variables)
        self._jit_compile = jit_compile
        self._compile()

    def _compile(self):
        self._changes = CHANGES.get(self.model, 0)
        self._take_steps = take_steps(self.model, self._jit_compile)
        self._forward_pass = forward_pass(self.model)

    def _notice_changes(self):
        if CHANGES.get(self.model, 0) != self._changes:  # frozen since, or the like
            self._compile()

    def reset(self, seed: int, weights: Sequence[np.ndarray] | None = None) -> None:
        """Forget all runs: weights, the optimizer's state, and what dropout draws from.

        Args:
            seed: of dropout and all else that draws in training.
            weights: as `model.get_weights()` gives them. Defaults to those at first.
        """
        weights = self.first_weights if weights is None else weights
        if len(weights) != len(self.model.weights):
            raise ValueError(
                f"model has {len(self.model.weights)} weights, and {len(weights)} were "
                "given or there at first. Make a new Retrainer after changes of layers."
            )
        self.model.set_weights(weights)
        for variable in self.model.optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
        rng = np.random.default_rng([seed, 1])  # others than those of the batches
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign([rng.integers(2**31), 0])

    def run(
        self,
        inputs: Any,
        labels: np.ndarray,
        learning_rate: float,
        steps: int,
        seed: int,
        weights: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Train from given weights.

        Args:
            inputs: `(N, …)`, as the model takes them; also a dictionary or list of
                such arrays.
            labels: integers `(N,)`, or whatever a loss of your own takes, `(N, …)`.
            learning_rate: the highest.
            steps: how many.
            seed: of the batches, and of dropout.
            weights: as `model.get_weights()` gives them. Defaults to those at first.
        """
        for count in map(len, keras.tree.flatten(inputs)):
            if count != len(labels) or not count:
                raise ValueError(
                    "inputs and labels must be as many, and at least one; given "
                    f"{count} and {len(labels)}."
                )
        rng = np.random.default_rng(seed)
        self.reset(seed, weights)

        def batch(step):
            rise = min(1.0, (step + 1) / max(1.0, 0.1 * steps))
            fall = 0.5 * (1 + np.cos(np.pi * step / steps))
            chosen = rng.integers(len(labels), size=self.batch_size)
            rate = learning_rate * rise * fall
            return _rows(inputs, chosen), labels[chosen], rate

        self._notice_changes()
        self._take_steps(map(batch, range(steps)))

    def logits(self, inputs: Any, batch_size: int = 1024) -> np.ndarray:
        """What the model says, `(N, classes)`, a batch at a time."""
        self._notice_changes()
        count = len(keras.tree.flatten(inputs)[0])
        parts = [
            self._forward_pass(_rows(inputs, slice(i, i + batch_size)))
            for i in range(0, count, batch_size)
        ]
        return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])

    def accuracy(self, inputs: Any, labels: np.ndarray) -> float:
        """The share of inputs whose largest logit is that of their label."""
        return float(np.mean(self.logits(inputs).argmax(axis=-1) == labels))


def _rows(inputs, chosen):
    """Some examples of every array."""
    return keras.tree.map_structure(lambda x: x[chosen], inputs)
