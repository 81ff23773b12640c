"""What learns in a model, what it costs, and what would go wrong unseen."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from tlkeras.transfer._compiled import fresh
from tlkeras.transfer._tree import (
    blocks,
    leaves,
    named_weights,
    own_weights,
    unused_weights,
    walk,
)
from tlkeras.transfer.freezing import learning_leaves, noise


class Row(NamedTuple):
    """A line of the summary: a block, its weights, and what training them costs."""

    block: str
    parameters: int
    trainable: int
    optimizer_bytes: int


class Summary(tuple):
    """Rows, one a block, with their `total`; printed as a table."""

    @property
    def total(self):
        """The sum of all rows."""
        return Row("total", *(sum(row[i] for row in self) for i in (1, 2, 3)))

    def __str__(self):
        rows = [*self, self.total]
        width = max(len(row.block) for row in rows)
        titles = ("parameters", "trainable", "optimizer state, bytes")
        lines = [f"{'block':{width}}  " + "  ".join(titles)]
        for row in rows:
            cells = [f"{n:>{len(t)},}" for t, n in zip(titles, row[1:], strict=True)]
            lines.append(f"{row.block:{width}}  " + "  ".join(cells))
        return "\n".join(lines)


def summary(
    model: keras.Model, optimizer: Any = None, patterns: Sequence[str] | None = None
) -> Summary:
    """Parameters, trainable parameters and optimizer state, block by block.

    Args:
        model: a built `keras.Model`.
        optimizer: whose state is counted. Defaults to that of a compiled model, and
            then to Adam.
        patterns: of the blocks, as in `blocks`. Defaults to `None`.

    Returns:
        A `Summary`: a tuple of rows, `str()` of which is a table.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(3, name="body"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ]
    ... )
    >>> print(summary(model))
    block  parameters  trainable  optimizer state, bytes
    body           15         15                     120
    head            8          8                      64
    total          23         23                     184
    """
    optimizer = optimizer or getattr(model, "optimizer", None) or "adam"
    optimizer = keras.optimizers.get(optimizer)
    learning, rows = learning_leaves(model), []
    sizes: dict = {}
    for block in blocks(model, patterns):
        weights = {id(w): w for _, layer in block for w in layer.weights}.values()
        trained = [weight for weight in weights if id(weight) in learning]
        rows.append(
            Row(
                block[0][0] if len(block) == 1 else _name(block),
                sum(math.prod(weight.shape) for weight in weights),
                sum(math.prod(weight.shape) for weight in trained),
                sum(_state_bytes(optimizer, weight, sizes) for weight in trained),
            )
        )
    return Summary(rows)


def _name(block):
    return next((path for path, layer in block if layer.weights), block[0][0])


def _state_bytes(optimizer, weight, sizes):
    """Bytes that an optimizer keeps for one weight, found by building it for that."""
    key = (tuple(weight.shape), weight.dtype)
    if key not in sizes:
        bare, one = fresh(optimizer), fresh(optimizer)
        bare.build([])
        one.build([weight])
        sizes[key] = sum(map(_bytes, one.variables)) - sum(map(_bytes, bare.variables))
    return sizes[key]


def _bytes(variable):
    bits = keras.backend.standardize_dtype(variable.dtype)
    size = 1 if bits == "bool" else int("".join(c for c in bits if c.isdigit())) // 8
    return math.prod(variable.shape) * size


def problems(model: keras.Model) -> list[str]:
    """What about frozen and trainable parts would go wrong without a message.

    Args:
        model: a built `keras.Model`.

    Returns:
        A list of sentences; an empty one when nothing was found.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.trainable = False
    >>> problems(model)
    ['Nothing is trainable: fit would change no weight. See unfreeze.']
    """
    learning = learning_leaves(model)
    named = named_weights(model)
    found = []
    if not any(id(weight) in learning for weight in named.values()):
        found.append("Nothing is trainable: fit would change no weight. See unfreeze.")
    found += _of_layers(model, learning)
    learnable = {id(leaf) for _, leaf in leaves(model)}
    hidden = [
        path
        for path, weight in named.items()
        if weight.trainable and id(weight) in learnable and id(weight) not in learning
    ]
    if hidden:
        found.append(
            f"{len(hidden)} weights are trainable inside of frozen layers, so they do "
            f"not learn ({hidden[0]} …). Use unfreeze, which sets the layers around."
        )
    idle = unused_weights(model) & learning
    names = [path for path, weight in named.items() if id(weight) in idle]
    if names:
        found.append(
            f"{len(names)} weights are trainable, but no output depends on them, so "
            f"they do not learn, and Keras warns ({names[0]} …). freeze and unfreeze "
            "leave them out: call unfreeze(model)."
        )
    return [*found, *_of_optimizer(model)]


def _of_layers(model, learning):
    for path, layer in walk(model):
        learnable, others = own_weights(layer)
        frozen = learnable and not any(id(weight) in learning for weight in learnable)
        if frozen and others and layer.trainable and _inside_trainable(model, layer):
            yield (
                f"{path} has frozen weights, but its statistics still move in training."
                " Freeze the whole layer: freeze(model, its path)."
            )
        still = frozen if learnable else id(layer) not in learning
        for name, value in noise(layer).items() if still else ():
            yield (
                f"{path} is noisy in a frozen part ({name} {value:g}): its features "
                "differ from cached ones. Use freeze, which turns it off."
            )
        if getattr(layer, "lora_enabled", False) and id(layer._kernel) in learning:
            yield (
                f"{path} has a LoRA, but its kernel learns as well: trainable was set "
                "to True after. Use unfreeze, which leaves such kernels alone."
            )


def _inside_trainable(model, wanted):
    """Whether no layer around a layer is frozen."""

    def visit(layer):
        if layer is wanted:
            return True
        return layer.trainable and any(visit(child) for child in layer._layers)

    return visit(model)


def _of_optimizer(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or not optimizer.built:
        return
    known = {id(variable) for variable in optimizer._trainable_variables}
    now = {id(variable) for variable in model.trainable_variables}
    if now - known:
        yield (
            f"{len(now - known)} weights became trainable after compile, and the "
            "optimizer does not know them. Use unfreeze, or compile again."
        )
    if known - now:
        yield (
            f"{len(known - now)} weights were frozen after compile; the compiled step "
            "still trains them. Use freeze, or compile again."
        )
