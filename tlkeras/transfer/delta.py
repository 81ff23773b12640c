"""Only what a model has learned: a small file beside a large base."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
from keras import ops

from tlkeras.transfer._compiled import refresh
from tlkeras.transfer._saving import guard
from tlkeras.transfer._tree import named_weights, own_weights, walk
from tlkeras.transfer.freezing import learning_leaves
from tlkeras.transfer.lora import enable

ABOUT = "__about__"
VERSION = 2  # 1 had the names of its session; 2 has layers counted anew


def save_delta(model: keras.Model, path: Path | str) -> int:
    """Write the weights that learn, and nothing else.

    That is what `model.trainable_weights` holds, and the statistics of the layers that
    learn. The file also says which layers have a LoRA, and has a fingerprint of all
    other weights, the base. Layers that Keras numbered through the session are counted
    anew in each model: it does not matter how many were made before.

    Args:
        model: a built `keras.Model` of which something is frozen.
        path: of the file, such as `"reviews.npz"`.

    Returns:
        The number of bytes written.

    Raises:
        ValueError: nothing is trainable.

    Reference:
        Hu et al. (2021), arXiv:2106.09685, section 4.2 (a checkpoint 10,000 times
        smaller).
    """
    named = _named(model)
    chosen = _delta_names(model, named)
    if not chosen:
        raise ValueError("model must have trainable weights; everything is frozen.")
    loras = {
        path.counted: [layer.lora_rank, layer.lora_alpha]
        for path, layer in walk(model)
        if getattr(layer, "lora_enabled", False)
    }
    chosen |= _lora_names(loras)  # also where they do not learn: no base has them
    about = {"version": VERSION, "base": _fingerprint(named, chosen), "lora": loras}
    arrays = {name: _plain(ops.convert_to_numpy(named[name])) for name in chosen}
    text = np.frombuffer(json.dumps(about).encode(), dtype="uint8")
    with open(path, "wb") as file:
        np.savez(file, **{ABOUT: text, **arrays})
        return file.tell()


def load_delta(model: keras.Model, path: Path | str) -> keras.Model:
    """Put weights that `save_delta` wrote into a model with the same base.

    LoRA is added where the file has one; adapters must be there (`add_adapters`).

    Args:
        model: a built `keras.Model` with the base's weights.
        path: of the file.

    Returns:
        The model.

    Raises:
        ValueError: the file is no delta, or it belongs to another base.
    """
    about, arrays = _read(path)
    version = about["version"]
    layers = {_name(place, version): layer for place, layer in walk(model)}
    missing = set(about["lora"]) - set(layers)
    if missing:
        raise ValueError(
            f"model has no layers {sorted(missing)[:3]}, which {path} has."
            f"{_hint(version)}"
        )
    named = _named(model, version)
    planned = _lora_names(about["lora"])
    unknown = set(arrays) - set(named) - planned
    if unknown:
        raise ValueError(
            f"model has no weights {sorted(unknown)[:3]}, which {path} has. Adapters "
            f"and heads must be there before a delta is loaded.{_hint(version)}"
        )
    if _fingerprint(named, {*arrays, *planned}) != about["base"]:
        raise ValueError(
            f"{path} was learned on another base: the model's other weights are not "
            "those that it was saved with. Load the same checkpoint first."
            f"{_hint(version)}"
        )
    for name, array in arrays.items():
        if name in named and tuple(named[name].shape) != array.shape:
            raise ValueError(
                f"{name} must have shape {tuple(named[name].shape)}; given "
                f"{array.shape}."
            )
    for place, (rank, alpha) in about["lora"].items():
        if not layers[place].lora_enabled:
            enable(layers[place], rank, alpha)
    named = _named(model, version)
    for name, array in arrays.items():
        named[name].assign(array)
    refresh(model)
    guard(model)
    return model


def _name(path, version):
    return str(path) if version == 1 else path.counted


def _named(model, version=VERSION):
    """Name to weight, by what a file of that version calls them."""
    return {_name(path, version): one for path, one in named_weights(model).items()}


def _hint(version):
    if version == 2:
        return ""
    return (
        " This is a file of version 1, which has the numbers that Keras gave layers in "
        "its session (bert_1); the model's layers must be called the same: "
        "keras.utils.clear_session() before making the model numbers them from the "
        "start. Then save_delta writes a file without them."
    )


def _lora_names(places):
    return {f"{place}/lora_kernel_{x}" for place in places for x in "ab"}


def _delta_names(model, named):
    learning = learning_leaves(model)
    chosen = {name for name, weight in named.items() if id(weight) in learning}
    statistics = set()
    for _, layer in walk(model):
        if getattr(layer, "quantization_mode", None):
            continue  # whole numbers and scales are the base's, and stay as they are
        learnable, others = own_weights(layer)
        if any(id(weight) in learning for weight in learnable):
            statistics |= {id(weight) for weight in others}
    return chosen | {n for n, weight in named.items() if id(weight) in statistics}


def _plain(array):
    """An array that a file of NumPy's can hold: it knows no bfloat16."""
    return array.astype("float32") if array.dtype.kind == "V" else array


def _fingerprint(named, without):
    """The SHA-256 of all weights but some, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(set(named) - set(without)):
        array = np.ascontiguousarray(ops.convert_to_numpy(named[name]))
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(ABOUT).tobytes())
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, json and NumPy each raise their own
        raise ValueError(
            f"{path} must be a file of save_delta; reading it says: {error}."
        ) from error
    if about.get("version") not in (1, VERSION):
        raise ValueError(
            f"{path} has version {about.get('version')}, not one up to {VERSION}."
        )
    return about, arrays
