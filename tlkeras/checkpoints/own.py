"""Models of this library from what `save_to_preset` wrote."""

import keras

from tlkeras.models import ViT

MASKED_LM = "tlkeras>BertMaskedLM"


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
    if name == MASKED_LM:
        inner = {**config["backbone"]["config"], **overrides}
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
    kind = keras.saving.get_registered_object(name)
    if kind is None:
        raise ValueError(f"registered_name must be a model of tlkeras; given {name!r}.")
    image_shape = overrides.pop("image_shape", None) if kind is ViT else None
    model = kind.from_config({**config, **overrides})
    _fill(model, tensors)
    model = model.with_image_shape(image_shape) if image_shape else model
    return model, sorted(tensors), left_out


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
