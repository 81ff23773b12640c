"""The one place where tensors become weights of a model, and misfits are refused."""

from typing import Any, NamedTuple

import numpy as np

from tlkeras.checkpoints.architecture import matches
from tlkeras.checkpoints.config_files import check_claims, claims

FLOATS = ("float16", "bfloat16", "float64")


class Filled(NamedTuple):
    """A model, and the names of the tensors that were loaded, of those left out, and of
    the model's weights for which there was none."""

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
    names = plain_names(architecture, weights)
    now = {x: overrides[x] for x in overrides if x not in architecture.later}
    arguments = {**architecture.arguments(config, names), **now}
    tied = _tied(architecture, head, config, weights, names) if head else ()
    _check_sizes(architecture, arguments, weights, names)
    model = architecture.model(**arguments)
    model = architecture.heads[head].model(model, config) if head else model
    filled = fill(model, architecture, weights, names, config, tied, head)
    for name, change in architecture.later.items():
        if name in overrides:
            model = change(model, overrides[name])
    return filled._replace(model=model)


def plain_names(architecture, weights):
    """Plain name to the name in the file."""
    names: dict[str, str] = {}
    for name in weights.names():
        plain = architecture.plain(name)
        if plain in names:
            raise ValueError(
                f"{weights} holds both {names[plain]} and {name}, which are one "
                "weight. Remove one of them."
            )
        names[plain] = name
    return names


def fill(
    model, architecture, weights, names, config=None, tied=(), head=None, advice=None
):
    """Give each weight of a model its tensor; nothing is changed unless all fit.

    Args:
        model: to be filled.
        architecture: whose names and layout are asked.
        weights: a `Reader`.
        names: plain name to the name in the file.
        config: which weights without a tensor are 0 is asked of it. Defaults to `None`.
        tied: plain names of tensors that are in other tensors, too.
        head: the name of the one that the model has. Defaults to none.
        advice: what a message about names ends with, of the plain names.

    Returns:
        A `Filled`.

    Raises:
        ValueError: as of `load`.
    """
    zeros = architecture.zeros(config or {})
    found, zero, fresh, missing = {}, [], [], []
    for variable in model.weights:
        part = architecture.part(variable.path)
        if part is not None and part.name in names:
            found[variable.path] = part
        elif matches(variable.path, zeros):
            zero.append(variable)
        elif variable.path.rpartition("/")[0] in architecture.optional:
            fresh.append(variable.path)
        else:
            missing.append((part.name if part else None, variable.path))
    advice = advice or (lambda names: "")
    if missing:
        _refuse_missing(weights, missing, advice([name for name, _ in missing]))
    used = {part.name for part in found.values()}
    left = [plain for plain in names if plain not in used and plain not in tied]
    may = _may_be_left(model, architecture, head)
    inside = sorted(
        names[plain]
        for plain in left
        if plain.startswith(architecture.complete)
        and not matches(plain, architecture.leave)
        and not plain.startswith(may)
    )
    if inside:
        raise ValueError(
            f"{weights} holds tensors for which the config has no place, such as "
            f"{_some(inside[:3], inside)}: config and weights differ. Get both again, "
            f"from one place.{advice(inside)}"
        )
    for variable in model.weights:
        if variable.path in found:
            _check_shape(architecture, weights, names, found[variable.path], variable)
    for variable in model.weights:
        if variable.path in found:
            part = found[variable.path]
            array = weights.read(names[part.name])
            variable.assign(_fitted(architecture, array, part, variable))
    for variable in zero:
        variable.assign(np.zeros(variable.shape, "float32"))
    loaded = sorted(names[name] for name in used)
    left_out = sorted(names[name] for name in left)
    return Filled(model, tuple(loaded), tuple(left_out), tuple(fresh))


def _check_shape(architecture, weights, names, part, variable):
    wanted = part.whole(architecture.theirs(variable))
    name = names[part.name]
    if tuple(weights.shape(name)) != wanted:
        raise ValueError(
            f"{name} must have shape {wanted} with this config, for {variable.path}; "
            f"given {tuple(weights.shape(name))} in {weights}: config and weights "
            "differ. Get both again, from one place."
        )


def _fitted(architecture, array, part, variable):
    """The numbers of a tensor in the shape of our variable."""
    array = part.cut(array, architecture.theirs(variable))
    array = array.astype("float32") if str(array.dtype) in FLOATS else array
    return architecture.turn(array, variable)


def _refuse_missing(weights, missing, advice=""):
    """Raise, with the names of what is not there."""
    first = [f"{name or 'a tensor'}, for {path}" for name, path in missing[:3]]
    raise ValueError(
        f"{weights} lacks {_some(first, missing)}, which its config asks for. It holds "
        f"{len(weights)} tensors, such as {', '.join(sorted(weights.names())[:3])}: "
        f"config and weights differ. Get both again, from one place.{advice}"
    )


def _may_be_left(model, architecture, head):
    """What tensors begin with that belong to parts which the model has not."""
    layers = {variable.path.rpartition("/")[0] for variable in model.weights}
    absent = [x for x in architecture.optional if x not in layers]
    heads = [x.names for name, x in architecture.heads.items() if name != head]
    tables = [(architecture.outside or {}, absent), *((x, x) for x in heads)]
    parts = [
        architecture.part_of(table, f"{layer}/")
        for table, layers in tables
        for layer in layers
    ]
    return tuple(part.name for part in parts if part is not None)


def _some(first, names):
    more = len(names) - len(first)
    return "; ".join(first) + (f"; and {more} more" if more else "")


def _check_sizes(architecture, arguments, weights, names):
    """Raise when the config asks for more than there is, before a model is made."""
    needed = {x: y for x, y in arguments.items() if x not in architecture.unclaimed}
    if claims(needed) > weights.count():
        missing = _without_tensor(architecture, arguments, names)
        if missing:
            _refuse_missing(weights, missing)
    check_claims(needed, weights)


def _without_tensor(architecture, arguments, names):
    """Layers that have no tensor at all: their name and ours, of one block at most."""
    certain = {
        layer: part
        for layer, part in (architecture.outside or {}).items()
        if layer not in architecture.optional
        and arguments.get(f"use_{layer.split('/')[0]}", True)
    }
    missing = _lacking(architecture, certain, names)
    for blocks in architecture.blocks:
        for number in range(arguments.get(blocks.count) or 0):
            before, ours = blocks.name(number), f"{blocks.ours}{number}/"
            found = _lacking(architecture, blocks.inside, names, before, ours)
            missing += found
            if found:
                break
    return missing


def _lacking(architecture, table, names, before="", ours=""):
    endings = {"", *architecture.suffixes.values()}
    layers = {
        layer: architecture.part_of(table, f"{layer}/", before) for layer in table
    }
    return [
        (part.name, f"{ours}{layer}")
        for layer, part in layers.items()
        if not any(part.name + ending in names for ending in endings)
    ]


def _tied(architecture, head, config, weights, names):
    """Plain names of a head's tensors that stand twice, known to be the same."""
    chosen = architecture.heads[head]
    for tensor, other in chosen.tied.items():
        if tensor not in names:
            continue
        first, second = names[tensor], names.setdefault(other, names[tensor])
        if first != second and not np.array_equal(*map(weights.read, (first, second))):
            raise ValueError(
                f"{first} in {weights} must hold the numbers of {second}, which the "
                "model shares with its head; in this checkpoint they differ."
            )
    if len(_lacking(architecture, chosen.names, names)) == len(chosen.names):
        raise ValueError(
            f"{weights} holds no {head.replace('_lm', '-LM')} head, no "
            f"{min(chosen.names.values())}; it is of {config.get('architectures')}. "
            "Leave out head to get the model without one."
        )
    return set(chosen.tied)
