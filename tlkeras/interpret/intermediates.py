"""See, and change, what goes into and comes out of the layers of any model."""

import difflib
import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops
from keras.src.backend import get_keras_mask, set_keras_mask  # as in masks.py

from tlkeras.annotations import Tensor
from tlkeras.transfer._compiled import sharing
from tlkeras.transfer._tree import walk

INPUT = ".input"
# What Keras and KerasHub keep of a model after they compiled it.
COMPILED = ("predict_function", "test_function", "train_function", "generate_function")


def layer_paths(model: keras.Model, containing: str = "") -> list[str]:
    """The paths by which `intermediates` knows the layers of a model.

    Args:
        model: a built model.
        containing: only paths in which this occurs. Defaults to `""`: all.

    Returns:
        Paths from input to output, a layer before those inside of it.

    Example:

    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> layer_paths(model, "norm")[-1]
    'layer_norm'
    """
    return [str(path) for path, _ in walk(model) if containing in path]


def intermediates(
    model: keras.Model,
    record: str | Sequence[str] = (),
    replace: Mapping[str, Any] | None = None,
) -> "Intermediates":
    """Record, or replace, what layers of a model give, in a `with` block.

    The model's code stays as it is. In the block, each named layer also hands its
    output to this, whoever calls it; after the block, also after an exception, all is
    as before. A path with `.input` at its end means the first input of a layer, such
    as `…/self_attention/attention_output.input`, the outputs `(B, T, N, V)` of the
    heads before they are joined.

    What a function compiles, it keeps. `tf.function` and `jax.jit` compile at their
    first call: open the block *inside* of such a function, and return what was
    recorded from it. `predict` and `evaluate` are compiled anew in the block, and
    again after it; there, outputs can be replaced but not recorded.

    Args:
        model: a built model; with models inside of it, the paths name theirs too.
        record: paths, as `layer_paths` gives them. Defaults to none.
        replace: path to what takes the place of an output: an array of its shape, or a
            function of the output. Defaults to none.

    Returns:
        A context manager; its value maps each recorded path to what was last seen
        there, with what was replaced. `calls(path)` is the list of all, where a layer
        is called several times.

    Raises:
        ValueError: a path names no layer (the message has similar ones); a replacement
            has another shape, or was never used, as in a function compiled before.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import GPT
    >>> model = GPT(50, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[3, 1, 4]])
    >>> with intermediates(model, "transformer_layer_0") as seen:
    ...     logits = model(tokens)
    >>> tuple(seen["transformer_layer_0"].shape)
    (1, 3, 8)
    >>> with intermediates(model, replace={"transformer_layer_0": lambda x: 0 * x}):
    ...     changed = model(tokens)
    """
    return Intermediates(model, record, replace or {})


class Intermediates(Mapping):
    """The block of `intermediates`: path to what was last seen there."""

    def __init__(self, model, record, replace):
        if not model.built:
            raise ValueError(
                f"model must be built; {model.name!r} is not. Call it once."
            )
        record = [record] if isinstance(record, str) else list(record)
        named: dict[str, Any] = {}
        for path, layer in walk(model):
            named.setdefault(path.counted, layer)
        named.update((str(path), layer) for path, layer in walk(model))
        self._model = model
        self._taps = {x: _find(model, named, x) for x in (*record, *replace)}
        self._record, self._replace = set(record), dict(replace)
        self._seen: dict[str, list] = {path: [] for path in record}
        self._before: list[tuple[Any, str, Any]] = []
        self._used: set[str] = set()

    # ── the block ─────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        if self._before:
            raise ValueError("This block is open already; make another one.")
        for path, (layer, is_input) in self._taps.items():
            # What `Operation.__call__` calls; an attribute of the instance hides it.
            quantized = getattr(layer, "quantization_mode", None) is not None
            name = "quantized_call" if quantized else "call"
            inner = getattr(layer, name)
            self._before.append((layer, name, vars(layer).get(name)))
            wrap = self._around_input if is_input else self._around_output
            vars(layer)[name] = functools.wraps(inner)(wrap(path, inner))
        self._seen = {path: [] for path in self._seen}
        self._used, self._traced = set(), False
        self._compiled = _take_compiled(self._model)
        return self

    def __exit__(self, kind, *exception: Any) -> None:
        while self._before:
            layer, name, before = self._before.pop()
            if before is None:
                del vars(layer)[name]
            else:
                vars(layer)[name] = before
        for one in sharing(self._model) if self._traced else []:
            _take_compiled(one)  # whatever was compiled in here, around it too
        for name, function in self._compiled.items():
            setattr(self._model, name, function)
        unused = sorted(set(self._replace) - self._used)
        if kind is None and unused:
            raise ValueError(f"replace: {_never_called(unused[0])}")

    def _around_output(self, path, inner):
        def call(*args, **kwargs):
            return self._visit(path, inner(*args, **kwargs))

        return call

    def _around_input(self, path, inner):
        first = next(iter(inspect.signature(inner).parameters))

        def call(*args, **kwargs):
            if args:
                return inner(self._visit(path, args[0]), *args[1:], **kwargs)
            if first in kwargs:
                kwargs[first] = self._visit(path, kwargs[first])
            return inner(**kwargs)

        return call

    def _visit(self, path, value):
        self._traced = self._traced or _is_traced(value)
        if path in self._replace:
            self._used.add(path)
            value = _replaced(path, value, self._replace[path])
        if path in self._record:
            self._seen[path].append(value)
        return value

    # ── what was seen ─────────────────────────────────────────────────────────────────

    def calls(self, path: str) -> list[Tensor]:
        """What was seen at each call of the layer, in order."""
        if path not in self._seen:
            recorded = ", ".join(map(repr, self._seen)) or "nothing"
            raise KeyError(f"{path!r} was not recorded; recorded: {recorded}.")
        return self._seen[path]

    def __getitem__(self, path: str) -> Any:
        if not self.calls(path):
            raise ValueError(f"record: {_never_called(path)}")
        return self._seen[path][-1]

    def __iter__(self):
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)


def _never_called(path):
    return (
        f"{path!r} was not called in the block. Call the model in it; a function that "
        "was compiled before needs the block inside of itself."
    )


def _find(model, named, path):
    """The layer of a path, and whether its input is meant."""
    if path in named:
        return named[path], False
    plain = path.removesuffix(INPUT)
    if plain != path and plain in named:
        return named[plain], True
    near = difflib.get_close_matches(plain, named, n=4, cutoff=0.3)
    last = plain.rsplit("/", 1)[-1]
    near += [name for name in named if last in name and name not in near][:4]
    near = near or list(named)[:6]
    raise ValueError(
        f"{path!r} is no layer of {model.name!r}. Similar: "
        f"{', '.join(map(repr, near))}. layer_paths(model) lists all."
    )


def _replaced(path, value, by):
    """What takes the place of a value, of the same shapes."""
    new = by(value) if callable(by) else by
    old, new = keras.tree.flatten(value), keras.tree.flatten(new)
    given, wanted = ([_shape(x) for x in xs] for xs in (new, old))
    if len(given) != len(wanted) or not all(map(_fits, given, wanted)):
        raise ValueError(
            f"replace[{path!r}] must have shape {' and '.join(map(str, wanted))}, as "
            f"what it replaces; given {' and '.join(map(str, given))}."
        )
    for i, before in enumerate(old):
        dtype = keras.backend.standardize_dtype(before.dtype)
        new[i] = ops.convert_to_tensor(new[i], dtype=dtype)
        if get_keras_mask(before) is not None and new[i] is not before:
            set_keras_mask(new[i], get_keras_mask(before))
    return keras.tree.pack_sequence_as(value, new)


def _shape(x):
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def _fits(given, wanted):
    return len(given) == len(wanted) and all(
        g == w or None in (g, w) for g, w in zip(given, wanted, strict=True)
    )


def _take_compiled(model):
    """Take from a model what was compiled of it, so that it compiles anew."""
    found = {name: getattr(model, name, None) for name in COMPILED}
    found = {name: function for name, function in found.items() if function is not None}
    for name in found:
        setattr(model, name, None)
    return found


def _is_traced(value):
    """Whether a function is being compiled, rather than run."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow

        return not tensorflow.executing_eagerly()
    if backend == "jax":
        import jax

        for x in keras.tree.flatten(value):
            while hasattr(x, "primal"):  # a gradient is taken, perhaps of real numbers
                x = x.primal
            if isinstance(x, jax.core.Tracer):
                return True
    return False
