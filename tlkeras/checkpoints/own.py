"""Models of this library from what `save_to_preset` wrote: all names are ours."""

import functools

from tlkeras import models
from tlkeras.checkpoints.architecture import Architecture, Head
from tlkeras.checkpoints.config_files import TOWERS, dictionary, entry
from tlkeras.checkpoints.formats.safetensors import FILE
from tlkeras.checkpoints.vit import resized

PREFIX = "tlkeras>"
MODELS = (
    "Bert",
    "BertClassifier",
    "CLIP",
    "CLIPTextEncoder",
    "Classifier",
    "Detector",
    "DiffusionTransformer",
    "GPT",
    "Seq2Seq",
    "SpanClassifier",
    "SpeechCTC",
    "SpeechClassifier",
    "SpeechEncoder",
    "T5Encoder",
    "TokenClassifier",
    "Transformer",
    "VideoEncoder",
    "ViT",
    "Whisper",
)
HEAD = ("head_dense", "head_layer_norm", "head_bias")
VARIABLES = {name: f"/{name}" for name in ("kernel", "bias", "gamma", "beta")}


def _config(config, names):
    """The arguments in a config; a backbone or encoder in it is a model of ours."""
    config = entry(config, "config", dictionary)
    for name in ("backbone", "encoder", *TOWERS):
        if name in config:
            inside(config, name)
    return config


def inside(config, name="backbone"):
    """The config of the model that another one stands on, known to be of ours.

    Raises:
        ValueError: it is none, or of no model of this library.
    """
    inner = entry(config, name, dictionary)
    known = [f"{PREFIX}{name}" for name in MODELS]
    if inner.get("registered_name") not in known:
        raise ValueError(
            f"registered_name must be one of {', '.join(known)}; given "
            f"{inner.get('registered_name')!r}. A later version of tlkeras may know it."
        )
    return entry(inner, "config", dictionary)


def _own(name):
    kind = getattr(models, name)
    return Architecture(
        kind="tlkeras",
        model=functools.partial(_made, kind),
        arguments=_config,
        turned=False,
        later={"image_shape": resized} if hasattr(kind, "with_image_shape") else {},
        file=FILE,
    )


def _made(kind, **config):
    return kind.from_config(config)


def _with_head(bert, config):
    return models.BertMaskedLM(**{**config["config"], "backbone": bert})


# A `BertMaskedLM` is the `Bert` in it, and a head for those who ask for it.
MASKED_LM = Architecture(
    kind="tlkeras",
    model=functools.partial(_made, models.Bert),
    arguments=lambda config, names: inside(entry(config, "config", dictionary)),
    turned=False,
    suffixes=VARIABLES,
    heads={"masked_lm": Head(_with_head, {name: name for name in HEAD})},
    file=FILE,
)
OWN = {
    **{f"{PREFIX}{name}": _own(name) for name in MODELS},
    f"{PREFIX}BertMaskedLM": MASKED_LM,
}
