"""Models of this library from what `save_to_preset` wrote."""

from tlkeras import models
from tlkeras.checkpoints.config_files import check_claims, dictionary, entry
from tlkeras.models import ViT

PREFIX = "tlkeras>"
MASKED_LM = "tlkeras>BertMaskedLM"
MODELS = (
    "Bert",
    "BertClassifier",
    "BertMaskedLM",
    "Classifier",
    "SpeechClassifier",
    "SpeechEncoder",
    "Transformer",
    "ViT",
)


def from_own(name, config, tensors, overrides, head=None):
    """A model with the weights that were saved of it.

    Of a `BertMaskedLM` only the backbone is made, unless its head is asked for.

    Args:
        name: under which the model is registered with Keras.
        config: of the model.
        tensors: arrays by the path of the weight.
        overrides: arguments of the model (of its backbone, for a `BertMaskedLM`) that
            replace those of the config; a ViT's `image_shape` interpolates positions.
        head: `"masked_lm"` or `None`.

    Returns:
        The model, and the names of the tensors that were loaded and of those left out.

    Raises:
        ValueError: the head is not there, or tensors and config do not fit together.
    """
    overrides, left_out = dict(overrides), []
    kind_of(name)
    if "backbone" in config:
        backbone = entry(config, "backbone", dictionary)
        kind_of(entry(backbone, "registered_name", lambda _, value: value))
        entry(backbone, "config", dictionary)
    if name == MASKED_LM:
        backbone = entry(config, "backbone", dictionary)
        inner = {**backbone["config"], **overrides}
        overrides = {}
        if head is None:
            name, config = config["backbone"]["registered_name"], inner
            left_out = sorted(path for path in tensors if path.startswith("head_"))
            tensors = {x: tensors[x] for x in tensors if x not in left_out}
        else:
            config = {**config, "backbone": {**config["backbone"], "config": inner}}
    elif head:
        raise ValueError(
            f"The preset holds a {name!r}, which has no masked-LM head. Leave out head."
        )
    kind = kind_of(name)
    image_shape = overrides.pop("image_shape", None) if kind is ViT else None
    config = {**config, **overrides}
    inner = config["backbone"]["config"] if "backbone" in config else {}
    check_claims({**config, **inner}, tensors)
    model = kind.from_config(config)
    _fill(model, tensors)
    model = model.with_image_shape(image_shape) if image_shape else model
    return model, sorted(tensors), left_out


def kind_of(name):
    """The model of this library that is registered under a name.

    Raises:
        ValueError: there is none.
    """
    known = [f"{PREFIX}{model}" for model in MODELS]
    if name not in known:
        raise ValueError(
            f"registered_name must be one of {', '.join(known)}; given {name!r}. A "
            "later version of tlkeras may know it."
        )
    return getattr(models, name.removeprefix(PREFIX))


def _fill(model, tensors):
    """Give each weight its tensor; none may be missing, left over or misshapen."""
    variables = {variable.path: variable for variable in model.weights}
    missing, extra = set(variables) - set(tensors), set(tensors) - set(variables)
    if missing or extra:
        raise ValueError(
            "model.safetensors must hold the weights of its config; it lacks "
            f"{sorted(missing)[:3]} and has no use for {sorted(extra)[:3]}."
        )
    for path, variable in variables.items():
        if tensors[path].shape != tuple(variable.shape):
            raise ValueError(
                f"{path} must have shape {tuple(variable.shape)} with this config; "
                f"given {tensors[path].shape}."
            )
    for path, variable in variables.items():
        variable.assign(tensors[path])
