"""Models from a preset, and back into one."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras

from tlkeras import __version__
from tlkeras.checkpoints.bert import bert_from_hugging_face
from tlkeras.checkpoints.config_files import (
    check_claims,
    described,
    dictionary,
    entry,
    read_json,
)
from tlkeras.checkpoints.hdf5_files import read_hdf5
from tlkeras.checkpoints.own import PREFIX, from_own
from tlkeras.checkpoints.sources import WEIGHTS, locate, weights_in
from tlkeras.checkpoints.vit import (
    MODEL_TYPES,
    vit_from_hugging_face,
    vit_from_keras_hub,
)
from tlkeras.checkpoints.weight_files import read_safetensors, write_safetensors
from tlkeras.checkpoints.whisper import (
    MODEL_TYPE,
    read_front_end,
    whisper_from_hugging_face,
)
from tlkeras.models import Bert

KERAS_HUB_BERT = "keras_hub>BertBackbone"
KERAS_HUB_VIT = "keras_hub>ViTBackbone"
HEADS = ("masked_lm",)


@dataclasses.dataclass(frozen=True)
class Report:
    """What was loaded, and what was not.

    Args:
        kind: `"Hugging Face"`, `"KerasHub"` or `"tlkeras"`.
        loaded: names of the tensors that went into the model.
        left_out: names of the tensors that it has no use for.
        fresh: paths of the model's weights for which there was no tensor; their values
            are random.
    """

    kind: str
    loaded: tuple
    left_out: tuple = ()
    fresh: tuple = ()

    def __str__(self):
        lines = [f"{self.kind} checkpoint: {len(self.loaded)} tensors loaded"]
        for title, names in (
            ("left out", self.left_out),
            ("not in it, so random", self.fresh),
        ):
            if names:
                lines.append(f"{len(names)} {title}: {', '.join(names)}")
        return "\n".join(lines)


def from_preset(
    preset: Path | str,
    revision: str | None = None,
    sha256: str | None = None,
    return_report: bool = False,
    head: str | None = None,
    **overrides: Any,
) -> Any:
    """A model with the weights of a preset.

    A preset is a folder with `config.json` and weights: of Hugging Face (BERT, ViT,
    DeiT, I-JEPA, Whisper's encoder; `model.safetensors`), of KerasHub (`BertBackbone`,
    `ViTBackbone`; `model.weights.h5`) or of `save_to_preset`. `"hf://owner/name"` is a
    repository of the Hugging Face hub; its commit is pinned, and only safetensors are
    read, never a pickle.

    A BERT comes without its head, as a `Bert`; with `head="masked_lm"` as a
    `BertMaskedLM`, if the checkpoint holds that head: one of Hugging Face for masked
    language modelling or pretraining (`cls.predictions.*`), or one of ours.

    A Hugging Face BERT without a pooler becomes a `Bert` without one. A KerasHub BERT
    gets the approximate GELU that KerasHub computes. A ViT takes an `image_shape` of
    its own, for which its positions are interpolated. A Whisper becomes the
    `SpeechEncoder` in it, its front end as preprocessor_config.json says.

    Args:
        preset: a folder, `"hf://owner/name"`, or a small one that this project
            trained, `"tlkeras://bert_docstrings"`, `"tlkeras://vit_digits"` or
            `"tlkeras://speech_digits"`: see `data/`.
        revision: a commit, 40 hexadecimal digits; needed for `hf://` unless this
            library knows the repository (`tlkeras.checkpoints.sources.PINNED`).
        sha256: that the file of weights must have. Defaults to what is known of it.
        return_report: also return a `Report`. Defaults to `False`.
        head: `"masked_lm"`, or none, the default.
        **overrides: arguments of the model that replace the preset's, such as
            `dropout=0`, `dtype="mixed_float16"` or `activation="gelu"`.

    Returns:
        The model, or a pair of it and the report.

    Raises:
        ValueError: the architecture is another one, there is no such head, a tensor is
            missing or has the wrong shape, a file is truncated, pickled or has another
            hash.

    Example:

    >>> import tempfile
    >>> model = Bert(30, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_to_preset(model, folder)
    ...     copy, report = from_preset(folder, return_report=True)
    >>> print(report)
    tlkeras checkpoint: 23 tensors loaded
    """
    if head not in (None, *HEADS):
        raise ValueError(f"head must be None or {HEADS[0]!r}; given {head!r}.")
    folder = locate(preset, revision, sha256)
    weights = weights_in(folder)
    config = read_json(folder / "config.json")
    with described(folder):
        model, report = _read(folder, config, weights, head, overrides)
    return (model, report) if return_report else model


def _read(folder, config, weights, head, overrides):
    """The model that a config and a file of weights describe, and the report."""
    name, model_type = config.get("registered_name") or "", config.get("model_type")
    if not isinstance(name, str) or not isinstance(model_type, str | None):
        raise ValueError(
            "registered_name and model_type in config.json must be names; given "
            f"{name!r} and {model_type!r}."
        )
    if name.startswith(PREFIX):
        inner, tensors = entry(config, "config", dictionary), read_safetensors(weights)
        model, *names = from_own(name, inner, tensors, overrides, head)
        return model, Report("tlkeras", *map(tuple, names))
    if head and (name or model_type in (*MODEL_TYPES, MODEL_TYPE)):
        kind = name or model_type
        raise ValueError(f"{folder} holds no masked-LM head, but a {kind!r}.")
    if name or "class_name" in config:
        return _keras_hub(folder, name, config, weights, overrides)
    tensors = read_safetensors(weights)
    if model_type in MODEL_TYPES:
        model, *names = vit_from_hugging_face(config, tensors, overrides)
    elif model_type == MODEL_TYPE:
        config = {**config, "front_end": read_front_end(folder)}
        model, *names = whisper_from_hugging_face(config, tensors, overrides)
    else:
        model, *names = bert_from_hugging_face(config, tensors, overrides, head)
    return model, Report("Hugging Face", *map(tuple, names))


def save_to_preset(
    model: keras.Model, folder: Path | str, dtype: str | None = None
) -> None:
    """Write a model of this library so that `from_preset` makes it again.

    Args:
        model: such as a `tlkeras.models.Bert`.
        folder: made if it is not there.
        dtype: of the floats in the file, such as `"float16"`. Defaults to what they
            are.

    Raises:
        ValueError: the model is not one of this library.
    """
    config = keras.saving.serialize_keras_object(model)
    if not (config.get("registered_name") or "").startswith("tlkeras>"):
        raise ValueError(
            f"model must be one of tlkeras.models; given {type(model).__name__}. Save "
            "others with model.save('name.keras')."
        )
    arrays = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
    if len(arrays) != len(model.weights):
        raise ValueError("model must have one path for each weight; some are the same.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {key: config[key] for key in ("registered_name", "config")}
    text = json.dumps({"tlkeras": __version__, **kept}, indent=2)
    (folder / "config.json").write_text(text + "\n", "utf-8")
    write_safetensors(arrays, folder / WEIGHTS, dtype)


def _keras_hub(folder, name, config, weights, overrides):
    if name not in (KERAS_HUB_BERT, KERAS_HUB_VIT):
        raise ValueError(
            f"{folder} must hold a model of tlkeras, a {KERAS_HUB_BERT} or a "
            f"{KERAS_HUB_VIT}; it holds {name or config['class_name']!r}."
        )
    config = entry(config, "config", dictionary)
    if weights.name == WEIGHTS:
        raise ValueError(f"{folder} must hold model.weights.h5, as KerasHub writes it.")
    tensors = read_hdf5(weights)
    if name == KERAS_HUB_BERT:
        return _keras_hub_bert(config, weights, tensors, overrides)
    arrays = {path.removeprefix("layers/"): x for path, x in tensors.items()}
    model, *names = vit_from_keras_hub(config, arrays, overrides)
    return model, Report("KerasHub", *map(tuple, names))


def _keras_hub_bert(config, weights, tensors, overrides):
    config = {k: v for k, v in config.items() if k not in ("dtype", "trainable")}
    arguments = {"activation": "gelu_tanh", **config, **overrides}
    check_claims(arguments, tensors)
    model = Bert(**arguments)
    try:
        model.load_weights(weights)
    except Exception as error:  # what Keras raises depends on what is wrong
        raise ValueError(
            f"{weights} must hold the weights of its config; reading it says: "
            f"{error!s:.300}. It may be truncated, or of another model."
        ) from error
    return model, Report("KerasHub", tuple(v.path for v in model.weights))
