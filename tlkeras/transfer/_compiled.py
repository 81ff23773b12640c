"""Make a compiled model take notice that something about its weights has changed."""

import gc
import weakref
from collections import defaultdict

import keras

from tlkeras.transfer._tree import walk

# How often each model was changed, for those who compiled something of it themselves.
CHANGES: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


# What Keras and KerasHub keep of a model after they compiled it for the first time.
CACHES = ("test_function", "predict_function", "generate_function")


def refresh(model):
    """Rebuild what was fixed when a model, or one that shares its layers, first ran.

    Keras compiles `fit`, `evaluate` and `predict` for the layers and weights that there
    were then, whether or not the model was compiled by its user, and an optimizer knows
    the weights that were trainable; without this, a change has no effect or raises.
    Moments of weights that stay trainable, the learning rate and the number of steps
    are kept.
    """
    for one in sharing(model):
        _refresh_one(one)


def sharing(model):
    """All models that have a layer in common with one: inside of it, or around it."""
    own = {id(model), *(id(layer) for _, layer in walk(model))}
    # Keras does not say which models a layer is in; an instance knows its class only.
    models = (x for x in gc.get_objects() if issubclass(type(x), keras.Model))
    return [
        one
        for one in models
        if id(one) in own
        or (
            getattr(one, "built", False)
            and any(id(layer) in own for _, layer in walk(one))
        )
    ]


def _refresh_one(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built and not _knows(optimizer, model):
        model.optimizer = rebuilt(optimizer, model.trainable_variables)
    for name in CACHES:
        if getattr(model, name, None) is not None:
            setattr(model, name, None)
    if getattr(model, "train_function", None) is not None:  # perhaps inside of fit
        model.make_train_function(force=True)
    CHANGES[model] = CHANGES.get(model, 0) + 1


def _knows(optimizer, model):
    """Whether an optimizer was built for just what is trainable now."""
    ours = [id(variable) for variable in model.trainable_variables]
    return ours == [id(variable) for variable in optimizer._trainable_variables]


def rebuilt(optimizer, variables):
    """The same optimizer for other variables, with the state of those that stay."""
    new = fresh(optimizer)
    new.build(variables)
    old_slots, new_slots = _by_path(optimizer), _by_path(new)
    for path, slots in new_slots.items():
        olds = old_slots[path]
        if [s.shape for s in olds] == [s.shape for s in slots]:
            for old, slot in zip(olds, slots, strict=True):
                slot.assign(old)
    return new


def fresh(optimizer):
    """An optimizer with the same settings, not built yet."""
    config = optimizer.get_config()
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        config["learning_rate"] = schedule
    new = type(optimizer).from_config(config)
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(optimizer, name):
            setattr(new, name, getattr(optimizer, name))
    return new


def _by_path(optimizer):
    result = defaultdict(list)
    for variable in optimizer.variables:
        result[variable.path].append(variable)
    return result
