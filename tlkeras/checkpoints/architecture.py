"""An architecture as data: what its config asks for, and what it calls its tensors."""

import dataclasses
import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

# What stands behind the name of a layer: for our variables, in PyTorch's words.
TORCH = {
    "embeddings": ".weight",
    "kernel": ".weight",
    "gamma": ".weight",
    "scale": ".weight",
    "beta": ".bias",
    "bias": ".bias",
}
HEADS_LAST = ("query", "key", "value")  # kernels (D, N, H)
HEADS_FIRST = "attention_output"  # kernel (N, H, D)
VECTORS = ("beta", "bias", "gamma", "scale")
LOGITS = "reverse_embeddings"  # ours (D, V); theirs always (V, D)


@dataclasses.dataclass(frozen=True)
class Part:
    """Where a weight of ours lies in a tensor of theirs.

    Args:
        name: of the tensor, or of its layer.
        index: which of the equal parts it is, such as 1 for the keys in a tensor of
            queries, keys and values. Defaults to 0.
        of: how many equal parts there are. Defaults to 1.
        skip: rows before them that are not used. Defaults to 0.
        leading: axes of length 1 in front; below 0, as many that only ours has.
            Defaults to 0.
        axis: along which the parts lie, 0 or −1. Defaults to 0.
        paired: in the last axis of ours what rotary positions turn together stands side
            by side; here it stands half an axis apart. Defaults to `False`.
    """

    name: str
    index: int = 0
    of: int = 1
    skip: int = 0
    leading: int = 0
    axis: int = 0
    paired: bool = False

    def whole(self, shape):
        """The shape of the tensor whose part has a shape."""
        shape = list(shape)
        if self.of > 1 or self.skip:
            shape[self.axis] = self.of * shape[self.axis] + self.skip
        return (1,) * self.leading + tuple(shape)[max(-self.leading, 0) :]

    def cut(self, array, shape):
        """The part of that shape."""
        array = array.reshape(array.shape[max(self.leading, 0) :])
        if self.of > 1 or self.skip:
            size = shape[self.axis]
            start = self.skip + self.index * size
            array = array.swapaxes(0, self.axis)[start : start + size]
            array = array.swapaxes(0, self.axis)
        return array

    def parted(self, array):
        """An array of ours, with the halves of its last axis apart as they are here."""
        if not self.paired:
            return array
        return np.concatenate([array[..., 0::2], array[..., 1::2]], axis=-1)


Names = Mapping[str, str | Part]


@dataclasses.dataclass(frozen=True)
class Blocks:
    """A stack of blocks, in each of which the names are the same.

    Args:
        theirs: what their names begin with, `"encoder.layer.{}."`, or a function of the
            block's number.
        inside: in a block, our layer (or whole weight) to their name.
        ours: what ours begin with, before the number. Defaults to
            `"transformer_layer_"`.
        count: the argument that says how many there are. Defaults to `"num_layers"`.
    """

    theirs: str | Callable[[int], str]
    inside: Names
    ours: str = "transformer_layer_"
    count: str = "num_layers"

    def name(self, number):
        """What their names in one block begin with."""
        theirs = self.theirs
        return theirs.format(number) if isinstance(theirs, str) else theirs(number)


@dataclasses.dataclass(frozen=True)
class Head:
    """What may be put on a model, when it is asked for.

    Args:
        model: of the backbone and the config.
        names: as `Architecture.outside`.
        tied: name of a tensor to that of another, whose values it must have; where the
            other is not there, this one stands in for it.
    """

    model: Callable[[Any, Mapping[str, Any]], Any]
    names: Names
    tied: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """How one kind of checkpoint becomes one kind of model.

    Names of our layers are to the left, theirs to the right; a whole weight,
    `"layer/bias"`, may stand instead of a layer, and is then named in full. Patterns
    are those of `fnmatch`.

    Args:
        kind: for the `Report`: `"Hugging Face"`, `"KerasHub"`, `"GGUF"`, `"tlkeras"`.
        model: the class, or what makes the model from its arguments.
        arguments: of a config and the plain names of the tensors.
        outside: names outside of the blocks; `None` when all names are ours.
        blocks: stacks of blocks.
        prefixes: what their names may begin with, and need not.
        renamed: pairs of an old piece of a name and that of today.
        suffixes: what stands behind the name of a layer, by variable.
        turned: whether dense kernels are `(out, in)` as in PyTorch, and convolutions
            `(out, in, …)`. Defaults to `True`.
        joined: whether all heads are one axis of a kernel. Defaults to `turned`.
        complete: beginnings of names; every tensor of such a name must be used.
            Defaults to all names.
        leave: patterns of tensors that are never used all the same.
        zeros: of a config, patterns of our weights that are 0 where there is no tensor.
        factors: of a config, patterns of our weights to what they are multiplied by.
        optional: our layers that may have no tensor, and whose tensors may be left.
        unclaimed: arguments that size such layers.
        later: argument to what changes a filled model for it.
        files: entry of the config to the JSON file in the folder that is put there.
        tied: as of a `Head`, of the model itself: where it is tied, what stands twice
            must be the same.
        heads: by name.
        file: the name of the file of weights, where it must be one format.
    """

    kind: str
    model: Callable[..., Any]
    arguments: Callable[[Mapping[str, Any], Iterable[str]], dict[str, Any]]
    outside: Names | None = None
    blocks: tuple[Blocks, ...] = ()
    prefixes: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    suffixes: Mapping[str, str] = dataclasses.field(default_factory=lambda: TORCH)
    turned: bool = True
    joined: bool | None = None
    complete: tuple[str, ...] = ("",)
    leave: tuple[str, ...] = ()
    zeros: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda config: ()
    factors: Callable[[Mapping[str, Any]], Mapping[str, float]] = lambda config: {}
    optional: tuple[str, ...] = ()
    unclaimed: tuple[str, ...] = ()
    later: Mapping[str, Callable] = dataclasses.field(default_factory=dict)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tied: Mapping[str, str] = dataclasses.field(default_factory=dict)
    heads: Mapping[str, Head] = dataclasses.field(default_factory=dict)
    file: str | None = None

    def plain(self, name):
        """A name of theirs without prefixes, as it is today."""
        for prefix in self.prefixes:
            name = name.removeprefix(prefix)
        for old, new in self.renamed:
            name = name.replace(old, new)
        return name

    def part(self, path):
        """Where our weight of a path lies, or `None` when they have no name for it."""
        if self.outside is None:
            return Part(path)
        for blocks in self.blocks:
            found = re.fullmatch(rf"{blocks.ours}(\d+)/(.+)", path)
            if found:
                name = blocks.name(int(found[1]))
                return self.part_of(blocks.inside, found[2], name)
        heads = [head.names for head in self.heads.values()]
        parts = (self.part_of(names, path) for names in (self.outside, *heads))
        return next(filter(None, parts), None)

    def part_of(self, names, path, before=""):
        """The same by one table; `before` is what their names begin with."""
        layer, _, variable = path.rpartition("/")
        part, suffix = names.get(path), ""
        if part is None:
            part, suffix = names.get(layer), self.suffixes.get(variable, "")
        if part is None:
            return None
        part = part if isinstance(part, Part) else Part(part)
        return dataclasses.replace(part, name=before + part.name + suffix)

    def theirs(self, variable):
        """The shape in which they keep a variable of ours."""
        shape, layer = tuple(variable.shape), variable.path.split("/")[-2]
        if not self._joined():
            return shape
        if variable.name in VECTORS:
            return (math.prod(shape),)
        if variable.name == LOGITS:
            return shape[::-1]
        if variable.name != "kernel":
            return shape
        if layer == HEADS_FIRST:
            shape = (math.prod(shape[:-1]), shape[-1])
        elif layer in HEADS_LAST:
            shape = (shape[0], math.prod(shape[1:]))
        if not self.turned:
            return shape
        return (shape[-1], shape[-2], *shape[:-2])  # (…, in, out) to (out, in, …)

    def turn(self, array, variable):
        """An array of that shape in the shape of our variable."""
        if variable.name == LOGITS and self._joined():
            return array.T
        if self.turned and variable.name == "kernel":
            array = array.transpose(*range(2, array.ndim), 1, 0)
        return array.reshape(tuple(variable.shape))

    def _joined(self):
        return self.turned if self.joined is None else self.joined


def weight_paths(model):
    """Each weight of a model with its path; in one of two towers, after its name."""
    towers = {
        id(weight): f"{name}/"
        for name in getattr(model, "towers", ())
        for weight in getattr(model, name).weights
    }
    return [(towers.get(id(x), "") + x.path, x) for x in model.weights]


def matches(name, patterns):
    """Whether a name is of one of the patterns."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
