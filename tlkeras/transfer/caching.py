"""Compute what a frozen model says of some data once, and keep it on disk."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras.transfer._tree import ROOT, inside, matching, named_weights, walk

MANIFEST = "manifest.json"


def split_model(
    model: keras.Model, at: str | Sequence[str]
) -> tuple[keras.Model, keras.Model]:
    """Cut a functional model in two: what is computed once, and what learns.

    `head(prefix(inputs))` is `model(inputs)`. Both use the layers of the model, so that
    training the head trains the model.

    Args:
        model: a functional `keras.Model`.
        at: the name of the layer, or a list of names, whose output the prefix gives.
            Where no layer has the name, those that Keras numbered are counted anew, as
            in `freeze`.

    Returns:
        The prefix and the head, two models.

    Raises:
        ValueError: the head needs more than the outputs named, or there is no such
            layer.

    Example:

    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(3, name="body"),
    ...         keras.layers.Dense(2, name="head"),
    ...     ]
    ... )
    >>> prefix, head = split_model(model, "body")
    >>> prefix.output_shape, head.input_shape
    ((None, 3), (None, 3))
    """
    names = [at] if isinstance(at, str) else list(at)
    if isinstance(model, keras.Sequential):
        ends = model.inputs[0], model.outputs[0]
    else:
        ends = model.input, model.output
    outputs = [_output(model, _layer(model, name)) for name in names]
    outputs = outputs[0] if isinstance(at, str) else outputs
    prefix = keras.Model(ends[0], outputs)
    try:
        head = keras.Model(outputs, ends[1])
    except ValueError as error:
        raise ValueError(
            f"the head must need nothing but the output of {at!r}; Keras says: {error} "
            "Cut later, or name more layers."
        ) from error
    return prefix, head


def _output(model, layer):
    """What a layer gives in the graph of a model, not in its own if it is a model."""
    graph = getattr(model, "_functional", None) or model  # that of a Sequential
    nodes = [
        node
        for at_depth in graph._nodes_by_depth.values()
        for node in at_depth
        if node.operation is layer
    ]
    if len(nodes) != 1:
        raise ValueError(
            f"at must name a layer that is called once; {layer.name!r} is called "
            f"{len(nodes)} times."
        )
    found = nodes[0].outputs
    if isinstance(layer, keras.Model) and hasattr(layer, "_outputs_struct"):
        return keras.tree.pack_sequence_as(layer._outputs_struct, found)
    return found[0] if len(found) == 1 else found


def _layer(model, name):
    """The layer right inside of a model that is called so, or is so counted anew."""
    found = dict(inside(model, ROOT))
    hits = matching(f"^{re.escape(name)}$", found)
    return found[hits.pop()] if hits else model.get_layer(name)  # which says its names


def cached_features(
    model: keras.Model,
    inputs: Any,
    folder: Path | str,
    batch_size: int = 32,
    verbose: bool = False,
) -> Any:
    """The outputs of a model for some inputs, computed only once.

    They lie in a folder of their own, named after the model's weights, its settings and
    the inputs: another checkpoint or other data make another folder. Every file is
    checked by its SHA-256 when it is read, and computed again when it is damaged.

    The model runs as at inference. Training a head on its outputs is the same as
    training it behind the frozen model (`freeze`, which turns dropout off), without
    running that in every epoch. What changes from epoch to epoch, such as augmentation,
    cannot be cached.

    Args:
        model: a built `keras.Model`, such as the prefix of `split_model`.
        inputs: an array, or a list or dictionary of arrays; the first axis is the
            batch.
        folder: where caches live.
        batch_size: examples computed at once. Defaults to 32.
        verbose: whether to show a progress bar. Defaults to `False`.

    Returns:
        An array, or a list or dictionary of arrays, as the model's outputs; they stay
        on disk and are read as needed. What was bfloat16 is float32.

    Raises:
        ValueError: the inputs do not have the same number of rows.
    """
    count = {len(array) for array in keras.tree.flatten(inputs)}
    if len(count) != 1:
        raise ValueError(f"inputs must have as many rows each; given {sorted(count)}.")
    place = Path(folder) / _key(model, inputs)
    found = _read(place)
    if found is None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            _compute(model, inputs, count.pop(), Path(work), batch_size, verbose)
            shutil.rmtree(place, ignore_errors=True)
            os.rename(work, place)
            os.mkdir(work)  # for its context to remove
        found = _read(place)
    return found


def _key(model, inputs):
    digest = hashlib.sha256()
    digest.update(json.dumps(_settings(model.get_config()), default=repr).encode())
    for path, layer in walk(model):  # a model's config may not say its precision
        digest.update(f"{path} {layer.dtype_policy.name}".encode())
    for name, weight in named_weights(model).items():
        digest.update(name.encode())
        _add(digest, ops.convert_to_numpy(weight))
    for path, array in keras.tree.flatten_with_path(inputs):
        digest.update(repr(path).encode())
        _add(digest, np.asarray(array))
    return digest.hexdigest()[:32]


def _add(digest, array):
    digest.update(f"{array.dtype} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).tobytes())


def _settings(config, ignored=("trainable",)):
    """A config without what makes no difference at inference."""
    if isinstance(config, dict):
        if "Dropout" in str(config.get("class_name")):
            ignored = (*ignored, "rate")
        kept = {key: value for key, value in config.items() if key not in ignored}
        return {key: _settings(value, ignored) for key, value in sorted(kept.items())}
    if isinstance(config, list | tuple):
        return [_settings(value, ignored) for value in config]
    return config


def _compute(model, inputs, count, place, batch_size, verbose):
    bar = keras.utils.Progbar(count, verbose=int(verbose))
    arrays: list[np.memmap] = []
    names = kind = None
    for start in range(0, count, batch_size):
        rows = slice(start, start + batch_size)
        batch = keras.tree.map_structure(lambda x, rows=rows: x[rows], inputs)
        outputs = model.predict_on_batch(batch)
        if not arrays:
            names, kind = _names(outputs)
            arrays = [
                np.lib.format.open_memmap(
                    place / f"{i}.npy", "w+", array.dtype, (count, *array.shape[1:])
                )
                for i, array in enumerate(_values(outputs))
            ]
        for array, values in zip(arrays, _values(outputs), strict=True):
            array[rows] = values
        bar.update(min(start + batch_size, count))
    for array in arrays:
        array.flush()
    files = [f"{i}.npy" for i in range(len(arrays))]
    manifest = {
        "kind": kind,
        "names": names,
        "sha256": [_hash(place / name) for name in files],
    }
    signed = {**manifest, "check": _checksum(manifest)}
    (place / MANIFEST).write_text(json.dumps(signed), "utf-8")


def _checksum(manifest):
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _names(outputs):
    if isinstance(outputs, dict):
        return list(outputs), "dictionary"
    return None, "list" if isinstance(outputs, list | tuple) else "array"


def _values(outputs):
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    several = isinstance(outputs, list | tuple)
    return [_plain(np.asarray(x)) for x in (outputs if several else [outputs])]


def _plain(array):
    """An array that a file of NumPy's can hold: it knows no bfloat16."""
    return array.astype("float32") if array.dtype.kind == "V" else array


def _read(place):
    """What a cache holds, or `None` where there is none that is whole."""
    if not place.is_dir():
        return None
    try:
        manifest = json.loads((place / MANIFEST).read_text("utf-8"))
        if manifest.pop("check") != _checksum(manifest):
            raise ValueError(f"{MANIFEST} has changed")
        arrays = []
        for i, digest in enumerate(manifest["sha256"]):
            if _hash(place / f"{i}.npy") != digest:
                raise ValueError(f"{i}.npy has changed")
            arrays.append(np.load(place / f"{i}.npy", mmap_mode="r"))
        if manifest["kind"] == "dictionary":
            return dict(zip(manifest["names"], arrays, strict=True))
        return arrays if manifest["kind"] == "list" else arrays[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(
            f"The cache {place} is damaged ({error}); computing it again.", stacklevel=3
        )
        return None


def _hash(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
