"""The one place where tensors become weights of a model, and misfits are refused."""

from typing import Any, NamedTuple

import numpy as np

from tlkeras.checkpoints.architecture import matches, weight_paths
from tlkeras.checkpoints.config_files import check_claims, claims

FLOATS = ("float16", "bfloat16", "float64")
REMEDY = "config and weights differ. Get both again, from one place."


class Filled(NamedTuple):
    """What was made: see `Report`."""

    model: Any
    loaded: tuple
    left_out: tuple
    fresh: tuple


def load(architecture, config, weights, overrides, head=None):
    """A model of an architecture, with the weights of a file.

    Args:
        architecture: an `Architecture`.
        config: the dictionary that describes the model.
        weights: a `Reader`.
        overrides: arguments of the model that replace those of the config.
        head: the name of one of the architecture's, or `None`.

    Returns:
        A `Filled`.

    Raises:
        ValueError: a tensor is missing, left over or has the wrong shape, or config and
            weights differ; the message names file and tensor.
    """
    filling = Filling(architecture, config, weights, head)
    now = {x: overrides[x] for x in overrides if x not in architecture.later}
    arguments = {**architecture.arguments(config, filling.names), **now}
    if head:
        filling.check_head()
    filling.check_sizes(arguments)
    model = architecture.model(**arguments)
    model = architecture.heads[head].model(model, config) if head else model
    filled = filling.fill(model)
    for name, change in architecture.later.items():
        if name in overrides:
            model = change(model, overrides[name])
    return filled._replace(model=model)


class Filling:
    """The tensors of a file on their way into a model.

    Args:
        architecture: whose names and layout are asked.
        config: asked which weights without a tensor are 0.
        weights: a `Reader`.
        head: the name of the one that the model has. Defaults to none.
        advice: what a message about names ends with; a function of these names.

    Raises:
        ValueError: a name is there with a prefix and without.
    """

    def __init__(self, architecture, config, weights, head=None, advice=None):
        self.architecture, self.config, self.weights = architecture, config, weights
        self.head, self.advice = head, advice or (lambda names: "")
        self.names: dict[str, str] = {}  # plain name to the name in the file
        self.paths: dict[int, str] = {}  # of the weights of the model
        for name in weights.names():
            plain = architecture.plain(name)
            if plain in self.names:
                raise ValueError(
                    f"{weights} holds both {self.names[plain]} and {name}, which are "
                    "one weight. Remove one of them."
                )
            self.names[plain] = name

    def fill(self, model):
        """Give each weight its tensor; nothing is changed unless all fit.

        Raises:
            ValueError: as of `load`.
        """
        self.paths = {id(weight): path for path, weight in weight_paths(model)}
        found, zero, fresh = self._match(model)
        used = {part.name for _, part in found}
        self._check_ties(used)
        left = self._left(model, used)
        for variable, part in found:
            self._check_shape(variable, part)
        for variable, part in found:
            array = self.weights.read(self.names[part.name])
            variable.assign(self._fitted(array, part, variable))
        for variable in zero:
            variable.assign(np.zeros(variable.shape, "float32"))
        loaded = sorted(self.names[name] for name in used)
        return Filled(model, tuple(loaded), tuple(left), tuple(fresh))

    def _match(self, model):
        """Weights and their tensors, weights that are 0, and paths of fresh ones."""
        zeros = self.architecture.zeros(self.config)
        found, zero, fresh, missing = [], [], [], []
        for path, variable in weight_paths(model):
            part = self.architecture.part(path)
            if part is not None and part.name in self.names:
                found.append((variable, part))
            elif matches(path, zeros):
                zero.append(variable)
            elif path.rpartition("/")[0] in self.architecture.optional:
                fresh.append(path)
            else:
                missing.append((part.name if part else "a tensor", path))
        self._refuse(missing)
        return found, zero, fresh

    def _refuse(self, missing):
        """Raise if there are pairs of a name that is not there and what it is for."""
        if missing:
            some = [f"{name}, for {path}" for name, path in missing]
            held = ", ".join(sorted(self.weights.names())[:3])
            raise ValueError(
                f"{self.weights} lacks {_several(some)}, which its config asks for. It "
                f"holds {len(self.weights)} tensors, such as {held}: {REMEDY}"
                f"{self.advice([name for name, _ in missing])}"
            )

    def _left(self, model, used):
        """The names of the tensors that are left; none of them may belong to it."""
        architecture = self.architecture
        tied = {**architecture.tied, **self._head_tied()}
        left = {
            plain: name
            for plain, name in self.names.items()
            if plain not in used and plain not in tied
        }
        may = self._of_absent_parts(model)
        inside = sorted(
            name
            for plain, name in left.items()
            if plain.startswith(architecture.complete)
            and not matches(plain, architecture.leave)
            and not plain.startswith(may)
        )
        if inside:
            raise ValueError(
                f"{self.weights} holds tensors for which the config has no place, such "
                f"as {_several(inside)}: {REMEDY}{self.advice(inside)}"
            )
        return sorted(left.values())

    def _of_absent_parts(self, model):
        """What the names of parts begin with that the model may have, and has not."""
        layers = {path.rpartition("/")[0] for path in self.paths.values()}
        tables = [x.names for n, x in self.architecture.heads.items() if n != self.head]
        outside = self.architecture.outside or {}
        optional = set(self.architecture.optional) - layers
        tables.append({x: outside[x] for x in optional if x in outside})
        return tuple(name for table in tables for name, _ in self._parts(table))

    def _check_shape(self, variable, part):
        wanted = part.whole(self.architecture.theirs(variable))
        given = tuple(self.weights.shape(self.names[part.name]))
        if given != wanted:
            raise ValueError(
                f"{self.names[part.name]} must have shape {wanted} with this config, "
                f"for {self.paths[id(variable)]}; given {given} in {self.weights}: "
                f"{REMEDY}"
            )

    def _fitted(self, array, part, variable):
        """The numbers of a tensor in the shape of our variable."""
        array = part.cut(array, self.architecture.theirs(variable))
        array = array.astype("float32") if str(array.dtype) in FLOATS else array
        array = part.parted(self.architecture.turn(array, variable))
        for pattern, factor in self.architecture.factors(self.config).items():
            if matches(self.paths[id(variable)], (pattern,)):
                array = array * np.float32(factor)
        return array

    def check_sizes(self, arguments):
        """Raise when the config asks for what is not there, before a model is made."""
        unclaimed = self.architecture.unclaimed
        needed = {x: y for x, y in arguments.items() if x not in unclaimed}
        if claims(needed) > self.weights.count():
            self._refuse(self._without_tensor(arguments))
        check_claims(needed, self.weights)

    def _without_tensor(self, arguments):
        """Layers that have no tensor at all; of a stack, those of one block."""
        certain = {
            layer: part
            for layer, part in (self.architecture.outside or {}).items()
            if layer not in self.architecture.optional
            and arguments.get(f"use_{layer.split('/')[0]}", True)
            and not (part in self.architecture.tied and arguments.get("tie_weights"))
        }
        missing = self._lacking(certain)
        for blocks in self.architecture.blocks:
            for number in range(arguments.get(blocks.count) or 0):
                ours = f"{blocks.ours}{number}/"
                found = self._lacking(blocks.inside, blocks.name(number), ours)
                if found:
                    missing += found
                    break
        return missing

    def _lacking(self, table, before="", ours=""):
        """Of the layers of a table those that have no tensor: their name and ours."""
        endings = {"", *self.architecture.suffixes.values()}
        return [
            (name, f"{ours}{layer}")
            for name, layer in self._parts(table, before)
            if not any(name + ending in self.names for ending in endings)
        ]

    def _parts(self, table, before=""):
        """The layers of a table: what their names begin with, and ours."""
        for layer in table:
            yield self.architecture.part_of(table, f"{layer}/", before).name, layer

    def check_head(self):
        """Raise unless the head is there, and what stands twice is the same."""
        head = self.architecture.heads[self.head]
        for tensor, other in self._head_tied().items():
            if tensor in self.names:
                name = self.names[tensor]
                self._check_tied(name, self.names.setdefault(other, name))
        lacking = self._lacking(head.names)
        if len(lacking) == len(head.names):
            raise ValueError(
                f"{self.weights} holds no {self.head.replace('_lm', '-LM')} head, such "
                f"as {lacking[0][0]}; it is of {self.config.get('architectures')}. "
                "Leave out head to get the model without one."
            )

    def _head_tied(self):
        return self.architecture.heads[self.head].tied if self.head else {}

    def _check_ties(self, used):
        """Raise when a tensor that is not used differs from the one it is tied to."""
        for tensor, other in self.architecture.tied.items():
            if tensor in self.names and tensor not in used:
                self._check_tied(self.names[tensor], self.names[other])

    def _check_tied(self, first, second):
        arrays = (self.weights.read(name) for name in (first, second))
        if first != second and not np.array_equal(*arrays):
            raise ValueError(
                f"{first} in {self.weights} must hold the numbers of {second}, which "
                "the model has only once; in this checkpoint they differ."
            )


def _several(names):
    """The first three, and how many more there are."""
    more = f"; and {len(names) - 3} more" if len(names) > 3 else ""
    return "; ".join(names[:3]) + more
