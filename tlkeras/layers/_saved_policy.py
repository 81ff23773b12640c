"""Saving and loading the precision of a layer whose parts may be quantised."""

import keras

Map = keras.dtype_policies.DTypePolicyMap


def saved_policy(layer):
    """The policy of a layer, with one for each part that was quantised.

    Keras writes down only the layer's own, and cannot load the parts again.
    """
    own = layer.dtype_policy
    given = {path: own[path] for path in own} if isinstance(own, Map) else {}
    quantised = {part.path: part.dtype_policy for part in _quantised(layer)}
    if quantised:
        default = own.default_policy if isinstance(own, Map) else own
        own = Map(default.name, {**given, **quantised})
    return keras.dtype_policies.serialize(own)


def set_part_policies(layer):
    """Give each built part its own policy, where the layer has a map of them.

    Keras cannot save a quantised part that has to look it up.
    """
    for part in _quantised(layer):
        if isinstance(part.dtype_policy, Map):
            part._dtype_policy = part.dtype_policy[part.path]


def _quantised(layer):
    parts = layer._flatten_layers(include_self=False)
    return [part for part in parts if part.quantization_mode is not None]
