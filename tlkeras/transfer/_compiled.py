"""Make a compiled model take notice that something about its weights has changed."""

from collections import defaultdict

import keras


def refresh(model):
    """Rebuild what `compile` and `fit` fixed: compiled functions, optimizer slots.

    Keras compiles a training step for the weights that were trainable then, and an
    optimizer knows those alone; without this, a change of `trainable` has no effect or
    raises. Moments of weights that stay trainable, the learning rate and the number of
    steps are kept.
    """
    if not getattr(model, "compiled", False):
        return
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        model.optimizer = rebuilt(optimizer, model.trainable_variables)
    model.test_function = model.predict_function = None
    if model.train_function is not None:  # perhaps in the middle of fit
        model.make_train_function(force=True)


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
