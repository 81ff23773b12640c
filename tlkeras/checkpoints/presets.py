"""Models from a preset, and back into one."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras

from tlkeras import __version__
from tlkeras.checkpoints.architecture import weight_paths
from tlkeras.checkpoints.architectures import ARCHITECTURES
from tlkeras.checkpoints.config_files import described, read_json
from tlkeras.checkpoints.filling import load
from tlkeras.checkpoints.formats import open_weights
from tlkeras.checkpoints.formats.safetensors import FILE, write_safetensors
from tlkeras.checkpoints.sources import locate, weights_in

CONFIG = "config.json"
NAMES = ("registered_name", "class_name", "_class_name")  # Keras; diffusers
HEADS = {"masked_lm": "masked-LM", "decoder": "decoder"}  # as messages call them


@dataclasses.dataclass(frozen=True)
class Report:
    """What was loaded, and what was not.

    Args:
        kind: `"Hugging Face"`, `"diffusers"`, `"KerasHub"`, `"GGUF"`, `"CTranslate2"`
            or `"tlkeras"`.
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
    sha256: str | dict[str, str] | None = None,
    return_report: bool = False,
    head: str | None = None,
    **overrides: Any,
) -> Any:
    """A model with the weights of a preset.

    A preset is a folder with `config.json` and weights: of Hugging Face (BERT, RoBERTa,
    DistilBERT, ViT, DeiT, I-JEPA, YOLOS, Whisper, GPT-2, Llama, T5, Flan-T5, CLIP and
    SigLIP; `model.safetensors`, or several files with their
    `model.safetensors.index.json`), of KerasHub (`BertBackbone`, `ViTBackbone`,
    `GPT2Backbone`, `LlamaBackbone`;
    `model.weights.h5`), of diffusers (`DiTTransformer2DModel`;
    `diffusion_pytorch_model.safetensors`), of CTranslate2 (Whisper; `model.bin`, which
    is no pickle) or of `save_to_preset`; or one GGUF file of a Llama, by its own path.
    `"hf://owner/name"` is a repository of the Hugging Face hub; its commit is pinned,
    and only safetensors are read, never a pickle.

    A BERT, RoBERTa or DistilBERT comes without its head, as a `Bert`; with
    `head="masked_lm"` as a `BertMaskedLM`, if the checkpoint holds that head: one of
    Hugging Face for masked language modelling or pretraining, or one of ours.

    A Hugging Face BERT without a pooler becomes a `Bert` without one. A KerasHub BERT
    gets the approximate GELU that KerasHub computes. RoBERTa and DistilBERT know one
    segment, 0; the texts of a RoBERTa must be padded on the right. A ViT takes an
    `image_shape` of its own, for which its positions are interpolated, and so does a
    YOLOS, which becomes a `Detector` with its heads. A DiT becomes a
    `DiffusionTransformer`; the autoencoder beside it is not read. A Whisper becomes the
    `SpeechEncoder` in it, its front end as preprocessor_config.json says, and with
    `head="decoder"` a whole `Whisper`.
    A GPT-2 or a Llama becomes a `GPT` with its head; what is quantised in a GGUF file
    becomes floats. A T5 becomes a `Seq2Seq` on a `T5Encoder`; its positions know no
    longest text, but `max_sequence_length` does, 512 tokens unless you say otherwise. A
    Llama of KerasHub does not say how long its texts may be: give
    `max_sequence_length`. CLIP and SigLIP become a `CLIP` of a `ViT` and a
    `CLIPTextEncoder`; `load_image_preprocessor` prepares its pictures.

    Args:
        preset: a folder, a GGUF file, `"hf://owner/name"`, or a small one that we
            trained, `"tlkeras://bert_docstrings"`, `"tlkeras://gpt_docstrings"`,
            `"tlkeras://translator"`, `"tlkeras://vit_digits"`,
            `"tlkeras://vit_stickers"`, `"tlkeras://emoji_clip"`,
            `"tlkeras://speech_digits"` or `"tlkeras://speech_letters"`: see `data/`.
        revision: a commit, 40 hexadecimal digits; needed for `hf://` unless this
            library knows the repository (`tlkeras.checkpoints.sources.PINNED`).
        sha256: that the file of weights must have, or a dictionary of file to hash
            where there are several. Defaults to what is known of it.
        return_report: also return a `Report`. Defaults to `False`.
        head: `"masked_lm"` of a BERT, `"decoder"` of a Whisper, or none, the default.
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
    >>> from tlkeras.models import Bert
    >>> model = Bert(30, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_to_preset(model, folder)
    ...     copy, report = from_preset(folder, return_report=True)
    >>> print(report)
    tlkeras checkpoint: 23 tensors loaded
    """
    if head not in (None, *HEADS):
        raise ValueError(f"head must be None or one of {list(HEADS)}; given {head!r}.")
    folder = locate(preset, revision, sha256)
    with described(folder):
        model, report = _read(folder, head, overrides)
    return (model, report) if return_report else model


def _read(folder, head, overrides):
    """The model that a folder holds, or a file that describes itself; the report."""
    path = folder if folder.is_file() else weights_in(folder)
    config = read_json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    weights = open_weights(path)
    if weights.kind:  # the file describes itself
        shapes = {name: weights.shape(name) for name in weights}
        config = {**config, **weights.metadata, "shapes": shapes}
    kind = weights.kind or _kind(config)
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"model_type or registered_name in {folder} must be one of "
            f"{', '.join(ARCHITECTURES)}; given {kind!r} (architectures: "
            f"{config.get('architectures')}). Other models need a table of their own."
        )
    if f"{kind}>{head}" in ARCHITECTURES:  # all of what the head belongs to
        kind, head = f"{kind}>{head}", None
    architecture = ARCHITECTURES[kind]
    if head and head not in architecture.heads:
        raise ValueError(
            f"{folder} holds no {HEADS[head]} head, but a {kind!r}. Leave out head."
        )
    if architecture.file not in (None, path.name):
        raise ValueError(
            f"{folder} must hold {architecture.file}, as {architecture.kind} writes "
            f"it; it holds {path.name}."
        )
    for entry, name in architecture.files.items():
        if (folder / name).is_file():
            config = {**config, entry: read_json(folder / name)}
    model, *names = load(architecture, config, weights, overrides, head)
    return model, Report(architecture.kind, *names)


def _kind(config):
    """What config.json calls its model."""
    name = next(filter(None, map(config.get, NAMES)), "")
    model_type = config.get("model_type")
    if not isinstance(name, str) or not isinstance(model_type, str | None):
        raise ValueError(
            f"registered_name and model_type in {CONFIG} must be names; given "
            f"{name!r} and {model_type!r}."
        )
    return name or model_type


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
    paths = weight_paths(model)
    arrays = {path: keras.ops.convert_to_numpy(v) for path, v in paths}
    if len(arrays) != len(model.weights):
        raise ValueError("model must have one path for each weight; some are the same.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {key: config[key] for key in ("registered_name", "config")}
    text = json.dumps({"tlkeras": __version__, **kept}, indent=2)
    (folder / "config.json").write_text(text + "\n", "utf-8")
    write_safetensors(arrays, folder / FILE, dtype)
