"""Arguments of models: those they do not have, and those that are saved."""

import difflib
import inspect

import keras

from tlkeras.layers._saved_policy import saved_policy

KERAS = ("name", "trainable")  # of every Keras model


def refuse_unknown(model, given, also=()):
    """Raise when a model is given an argument that it does not have.

    Args:
        model: the class.
        given: dictionary of arguments that its signature does not name.
        also: further names that it takes.

    Raises:
        ValueError: there is one; the message says which known one is like it.
    """
    own = [x for x in inspect.signature(model).parameters if x != "kwargs"]
    known = [*own, *(name for name in (*KERAS, *also) if name not in own)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1, 0.5)
            advice = f" Is {near[0]!r} meant?" if near else ""
            raise ValueError(
                f"{model.__name__} has no argument {name!r}.{advice} It takes "
                f"{', '.join(known)}."
            )


def saved_arguments(model):
    """The config of a model, from `_arguments`: what it was made with."""
    arguments = dict(model._arguments)
    if not isinstance(arguments.get("activation", ""), str):
        activation = arguments["activation"]
        arguments["activation"] = keras.activations.serialize(activation)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "dtype": saved_policy(model),
        **arguments,
    }
