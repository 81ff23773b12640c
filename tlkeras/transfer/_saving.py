"""Keep Keras from writing a `.keras` file that would lose, unseen, what was changed."""

import functools
import weakref

import keras
from keras.src.backend.common import global_state  # not public, nor is the next
from keras.src.saving.serialization_lib import ObjectSharingScope

from tlkeras.transfer._tree import walk


def guard(model):
    """Have each layer of a model refuse to be saved where a file would not hold it.

    A `.keras` file holds the config of a model. That knows nothing of adapters and
    LoRA, of dropout that is off for a time, and of what is frozen inside of a layer
    or model that says of itself only whether it is trainable as a whole.
    """
    for _, layer in [("", model), *walk(model)]:
        if "get_build_config" not in vars(layer):  # what Keras calls in saving
            layer.get_build_config = functools.partial(_checked, weakref.ref(layer))
    if "save" not in vars(model):
        model.save = functools.partial(_save, weakref.ref(model))


def _save(reference, *args, **kwargs):
    """`model.save`, which asks first, because Keras empties the file before it asks."""
    model = reference()
    with ObjectSharingScope():
        keras.saving.serialize_keras_object(model)
    return type(model).save(model, *args, **kwargs)


def _checked(reference):
    layer = reference()
    saving = "shared_objects/id_to_config_map"  # is there while Keras writes a file
    if global_state.get_global_attribute(saving) is not None:
        lost = _lost(layer)
        if lost:
            raise ValueError(
                f"a .keras file would lose {' and '.join(lost)} of {layer.name!r}. "
                "Write what has learned with save_delta, or all weights with "
                "save_weights. For a whole .keras file, merge_lora and unfreeze first; "
                "adapters are in no such file."
            )
    return type(layer).get_build_config(layer)


def _lost(layer):
    """What the config of a layer does not bring back, in words."""
    whole = _has_configs_inside(layer)  # then each layer inside is asked by itself
    parts = [layer] if whole else [layer, *(part for _, part in walk(layer))]
    checks = {
        "the adapters": lambda part: hasattr(type(part), "plain_class"),
        "the LoRA": lambda part: getattr(part, "lora_enabled", False),
        "the dropout that freeze turned off": lambda part: hasattr(
            part, "_noise_before_freezing"
        ),
    }
    lost = [what for what, check in checks.items() if any(map(check, parts))]
    if not whole and not _all_alike(layer, layer.trainable):
        lost.append("what is frozen inside")
    return lost


def _has_configs_inside(layer):
    """Whether a layer's config holds the configs of all layers inside of it."""
    kind = type(layer)
    return kind.__module__.startswith("keras.") and kind.__name__ in (
        "Functional",
        "Sequential",
    )


def _all_alike(layer, wanted):
    """Whether all weights learn, or none, as the layer says of itself."""
    for part in [layer, *(part for _, part in walk(layer))]:
        if getattr(part, "_left_out", False):  # could not learn anyway
            continue
        for weight in part._trainable_variables:
            if wanted != (part.trainable and weight.trainable):
                return False
    return True
