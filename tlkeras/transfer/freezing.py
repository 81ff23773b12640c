"""Say which weights learn: by name, by depth, or more of them with each epoch."""

from collections.abc import Sequence
from typing import Any

import keras

from tlkeras import checks as check
from tlkeras.transfer._compiled import refresh
from tlkeras.transfer._saving import guard
from tlkeras.transfer._tree import (
    blocks,
    children,
    leaves,
    matching,
    no_match,
    own_weights,
    unused_weights,
    walk,
)

_layers = keras.layers
# Layers that draw at random in training, and the attributes that say how much.
NOISE: tuple[tuple[tuple, tuple], ...] = (
    (
        (
            _layers.Dropout,
            _layers.SpatialDropout1D,
            _layers.SpatialDropout2D,
            _layers.SpatialDropout3D,
            _layers.GaussianDropout,
            _layers.AlphaDropout,
        ),
        ("rate",),
    ),
    ((_layers.GaussianNoise,), ("stddev",)),
    (
        (_layers.LSTMCell, _layers.GRUCell, _layers.SimpleRNNCell),
        ("dropout", "recurrent_dropout"),
    ),
)


def freeze(
    model: keras.Model,
    pattern: str | Sequence[str] | None = None,
    depth: int | None = None,
    keep_dropout: bool = False,
) -> keras.Model:
    """Stop weights from learning, and make frozen parts compute as at inference.

    A frozen layer takes no part in training at all: batch normalisation uses its stored
    statistics and leaves them alone, and dropout, also that of recurrent cells, and
    noise are off (their rates come back with `unfreeze`). A compiled model takes
    notice; the optimizer drops the state of what no longer learns.

    `model.save` raises where a `.keras` file would not hold what is frozen inside of a
    layer or that dropout is off: call `unfreeze` before saving one, and `freeze` after
    loading it, or write a delta or weights only.

    `model.save` of a changed model raises before it touches a file that is there;
    `keras.saving.save_model`, and saving a model around this one, raise too, but Keras
    has emptied the file by then.

    Args:
        model: a built `keras.Model`.
        pattern: a regular expression, or several, that occur in the path of a layer or
            weight: `"bert/"`, `r"transformer_layer_[0-3]/"`, `"bias$"`. Names are those
            of `model.summary()`; where a pattern occurs in none of them, layers that
            Keras numbered are counted anew, so that `"bert/"` is also the first and
            only `Bert` of a model where Keras calls it `bert_3`.
        depth: the number of blocks to freeze, counted from the input; see `blocks`.
            With neither pattern nor depth everything is frozen.
        keep_dropout: leave dropout on in frozen parts. Defaults to `False`.

    Returns:
        The model.

    Raises:
        ValueError: the pattern matches nothing, or there are fewer blocks.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(3, name="body"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ],
    ...     name="net",
    ... )
    >>> [weight.path for weight in freeze(model, "body").trainable_weights]
    ['net/head/kernel', 'net/head/bias']

    Reference:
        Howard & Ruder (2018), arXiv:1801.06146, section 3.3.
    """
    return _set(model, False, pattern, depth, keep_dropout)


def unfreeze(
    model: keras.Model,
    pattern: str | Sequence[str] | None = None,
    depth: int | None = None,
) -> keras.Model:
    """Let weights learn, and bring back the dropout of their layers.

    What no output depends on, such as a pooler below a head that takes all tokens, does
    not learn: it has no gradient. The kernel below a LoRA stays frozen; it learns again
    after `merge_lora`.

    Args:
        model: a built `keras.Model`.
        pattern: as in `freeze`.
        depth: the number of blocks, counted from the output.

    Returns:
        The model.

    Raises:
        ValueError: the pattern matches nothing, or there are fewer blocks.
    """
    return _set(model, True, pattern, depth, keep_dropout=False)


def _set(model, trainable, pattern, depth, keep_dropout):
    if pattern is not None and depth is not None:
        raise ValueError("give pattern or depth, not both.")
    if not model.built:
        raise ValueError(f"model must be built; {model.name!r} is not. Call it once.")
    if depth is not None:
        chosen = _at_depth(model, depth, trainable)
    else:
        found = list(leaves(model))
        chosen = _matching_leaves("pattern", "" if pattern is None else pattern, found)
    now = learning_leaves(model)
    set_learning(model, now | chosen if trainable else now - chosen, keep_dropout)
    return model


def _at_depth(model, depth, trainable):
    parts = blocks(model)
    if not check.is_integer(depth) or not 0 <= depth <= len(parts):
        raise ValueError(
            f"depth must be an integer from 0 to {len(parts)}, the number of blocks; "
            f"given {depth!r}."
        )
    return leaves_of(parts[len(parts) - depth :] if trainable else parts[:depth])


def leaves_of(parts):
    """Ids of all leaves in some blocks."""
    layers = [layer for part in parts for _, layer in part]
    return {id(leaf) for layer in layers for _, leaf in leaves(layer)}


def learn_only(model, patterns):
    """Freeze all weights but those that match; dropout stays on throughout.

    This is for small changes inside of a frozen model, which are to be regularised.

    Raises:
        ValueError: a pattern matches nothing.
    """
    found = list(leaves(model))
    learning = {id(leaf) for _, leaf in found if isinstance(leaf, keras.layers.Layer)}
    for pattern in patterns:
        learning |= _matching_leaves("trainable", pattern, found)
    set_learning(model, learning)


def _matching_leaves(what, patterns, found):
    """Ids of those leaves, of pairs of path and leaf, that patterns match."""
    paths = [path for path, _ in found]
    hits = matching(patterns, paths)
    if not hits:
        raise no_match(what, patterns, paths)
    return {id(leaf) for path, leaf in found if path in hits}


def learning_leaves(model):
    """Ids of the leaves that learn now: neither they nor a layer around are frozen."""
    result: set[int] = set()

    def visit(layer, above):
        here = above and layer.trainable
        weights = own_weights(layer)[0]
        result.update(id(weight) for weight in weights if here and weight.trainable)
        if here and not weights and not children(layer):
            result.add(id(layer))
        for child in children(layer):
            visit(child, here)

    visit(model, True)
    return result


def set_learning(model, learning, keep_dropout=False):
    """Let exactly the leaves learn whose ids are given.

    Keras hides all that is inside of a frozen layer, so a layer is trainable when any
    weight inside of it is, and everything inside says for itself. What no output of the
    model depends on never learns: it has no gradient.
    """
    idle = unused_weights(model)
    left_out, learning = learning & idle, learning - idle
    flags = {}

    def visit(layer):
        """Whether anything inside learns: of weights if there are any."""
        weights = own_weights(layer)[0]
        parts = [visit(child) for child in children(layer)]
        votes = [id(weight) in learning for weight in weights]
        votes += [learns for has_weights, learns in parts if has_weights]
        others = [learns for _, learns in parts] or [id(layer) in learning]
        flags[id(layer)] = any(votes) if votes else any(others)
        return bool(votes), flags[id(layer)]

    visit(model)
    model.trainable = True
    for _, layer in walk(model):
        layer.trainable = flags[id(layer)]
    for _, layer in [("", model), *walk(model)]:
        locked = layer._kernel if getattr(layer, "lora_enabled", False) else None
        for weight in own_weights(layer)[0]:
            weight.trainable = id(weight) in learning and weight is not locked
        layer._left_out = any(id(w) in left_out for w in own_weights(layer)[0])
        _set_noise(layer, on=flags[id(layer)] or keep_dropout)
    refresh(model)
    guard(model)


def noise(layer):
    """What a layer draws in training: attributes and their values, if not 0."""
    names = [n for kinds, names in NOISE if isinstance(layer, kinds) for n in names]
    return {name: value for name in names if (value := getattr(layer, name))}


def _set_noise(layer, on):
    if on and hasattr(layer, "_noise_before_freezing"):
        for name, value in layer._noise_before_freezing:
            setattr(layer, name, value)
        del layer._noise_before_freezing
    elif not on and (found := noise(layer)):
        layer._noise_before_freezing = tuple(found.items())
        for name in found:
            setattr(layer, name, 0)


class GradualUnfreezing(keras.callbacks.Callback):
    """Train the last block alone at first, and one block more every few epochs.

    The compiled step and the optimizer are rebuilt at each change; the optimizer keeps
    the state of the weights that were learning.

    Args:
        every: epochs between two changes. Defaults to 1.
        start: blocks that learn from the beginning. Defaults to 1.
        patterns: of the blocks, as in `blocks`. Defaults to `None`.

    Raises:
        ValueError: an argument is below 1.

    Reference:
        Howard & Ruder (2018), arXiv:1801.06146, section 3.3.
    """

    def __init__(self, every=1, start=1, patterns=None):
        super().__init__()
        self.every = check.positive_integer("every", every)
        self.start = check.positive_integer("start", start)
        self.patterns = patterns

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        parts = blocks(self.model, self.patterns)
        count = min(len(parts), self.start + epoch // self.every)
        learning = leaves_of(parts[-count:]) - unused_weights(self.model)
        if learning != learning_leaves(self.model):
            set_learning(self.model, learning)
