"""What a model holds after copying from another, what was not copied, and why."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import exceptions_as_they_are, floats, identity, mistakes

REASONS = ("missing", "shape")  # in the report they count as 1 and 2


def same_path(path, place, source, target):
    """The source's weight of that path; `None` if it has none."""
    return path if path in source else None


def same_shape(old, new):
    """Whether a weight can take another one's place."""
    return old.shape == new.shape


def all_that_fit(found):
    """Copy each weight that fits, whatever became of the others."""
    return [fits for _, fits in found]


def reason(partner, fits):
    """0 for a weight that was copied, 1 without a partner, 2 for another shape."""
    return 1 if partner is None else 0 if fits else 2


def into_target(source, target, copies):
    """Give the target what was found."""
    target.update(copies)


def copy_parameters(
    source,
    target,
    *,
    look_at=identity,
    partner=same_path,
    fits=same_shape,
    take=all_that_fit,
    say=reason,
    write=into_target,
):
    """What the target holds, what is said of its weights, and what the source holds.

    Values one after another, (number of values,); a code for each weight of the target.
    """
    source, target = dict(source), dict(target)
    paths = list(look_at(target))
    found = []
    for place, path in enumerate(paths):
        old = partner(path, place, source, target)
        found.append((old, old is not None and fits(source[old], target[path])))
    copies = {
        path: np.reshape(source[old], target[path].shape)
        for path, (old, _), copied in zip(paths, found, take(found), strict=True)
        if copied
    }
    codes = dict.fromkeys(target, 0)
    codes.update((path, say(*each)) for path, each in zip(paths, found, strict=True))
    write(source, target, copies)
    return values(target), np.array(list(codes.values())), values(source)


def values(weights):
    """All numbers of a model's weights."""
    return np.concatenate([np.ravel(w) for w in weights.values()]).astype(np.float64)


def probe_copy(answer, source, target):
    """Two models with such weights; what they hold after copying, and the report."""
    with exceptions_as_they_are():
        models = [make_model(weights) for weights in (source, target)]
        report = answer(*models)
        if report is None:
            return None
        if not isinstance(report, dict):
            raise TypeError(
                f"copy_parameters returned a {type(report).__name__}; it must return a "
                "dictionary, path → 'missing' or 'shape'"
            )
        codes = [code(report, path) for path in target]
        after = [{w.path: w.numpy() for w in model.weights} for model in models]
        held = values({path: after[1][path] for path in target})
        return held, np.array(codes), values({path: after[0][path] for path in source})


def code(report, path):
    """What a report says of a weight, as a number; 3 for another word."""
    if path not in report:
        return 0
    return 1 + REASONS.index(report[path]) if report[path] in REASONS else 3


def make_model(weights):
    """A keras.Model with weights of these paths, `layer/name`, in their order.

    What a normalisation stores, `moving_…`, is no trainable weight.
    """
    import keras

    class Part(keras.layers.Layer):
        """A layer that holds weights and hands its input on."""

        def __init__(self, arrays, name):
            super().__init__(name=name)
            self.arrays = arrays

        def build(self, shape):
            for name, array in self.arrays.items():
                learns = not name.startswith("moving")
                weight = self.add_weight(shape=array.shape, name=name, trainable=learns)
                weight.assign(array)

        def call(self, inputs):
            return inputs

    layers: dict = {}
    for path, array in weights.items():
        layer, name = path.split("/")
        layers.setdefault(layer, {})[name] = array
    x = start = keras.Input((1,))
    for layer, arrays in layers.items():
        x = Part(arrays, layer)(x)
    return keras.Model(start, x)


def shapes(blocks=(), **others):
    """Shapes of weights by path: a table of tokens, some blocks, and others."""
    found = {"tokens/embeddings": (7, 4)}
    for name in blocks:
        found |= {f"{name}/kernel": (4, 3), f"{name}/bias": (3,), f"{name}/scale": (3,)}
    return found | {name.replace("__", "/"): shape for name, shape in others.items()}


def models(source, target):
    """Random weights of those shapes, for a source and a target."""

    def draw(rng):
        return tuple(
            {path: floats(rng, *shape) for path, shape in paths.items()}
            for paths in (source, target)
        )

    return draw


def by_place(path, place, source, target):
    """The weight at the same place of the list (wrong)."""
    return list(source)[place] if place < len(source) else None


def by_shape(path, place, source, target):
    """The first weight of the same shape (wrong)."""
    like = [p for p in source if source[p].shape == target[path].shape]
    return like[0] if like else None


def by_last_name(path, place, source, target):
    """The last weight that is called the same in its own layer (wrong)."""
    like = [p for p in source if p.split("/")[-1] == path.split("/")[-1]]
    return like[-1] if like else None


def until_one_fails(found):
    """Copy up to the first one that does not fit (wrong)."""
    places = [i for i, (_, fits) in enumerate(found) if not fits]
    end = places[0] if places else len(found)
    return [place < end for place in range(len(found))]


def into_source(source, target, copies):
    """Give the source what the target holds (wrong)."""
    source.update((path, target[path]) for path in copies if path in source)


def trainable(target):
    """Weights that learn: not what a normalisation stores."""
    return [path for path in target if "moving" not in path]


wrong = mistakes("copy", section="copy")

BODY = shapes(("block_1", "block_2"), head__kernel=(3, 9), head__bias=(9,))
NORM = {f"norm__{name}": (4,) for name in ("gamma", "moving_mean", "moving_variance")}

EXERCISE = Exercise(
    name="copy_parameters",
    section="copy",
    points=4,
    reference=copy_parameters,
    probe=probe_copy,
    cases=(
        Case(
            "new-head",
            models(
                BODY,
                shapes(("block_1", "block_2"), head__kernel=(3, 5), head__bias=(5,)),
            ),
        ),
        Case("everything", models(BODY, BODY)),
        Case(
            "more-blocks",
            models(
                BODY,
                shapes(
                    ("block_1", "block_2", "block_3"),
                    out__kernel=(3, 2),
                    out__bias=(2,),
                ),
            ),
        ),
        Case("other-order", models(BODY, dict(reversed(BODY.items())))),
        Case(
            "fewer-blocks",
            models(
                shapes(("block_1", "block_2", "block_3"), **NORM),
                shapes(("block_2",), **NORM, out__kernel=(3, 2)),
            ),
        ),
        Case(
            "nothing",
            models(BODY, {f"my_{path}": shape for path, shape in BODY.items()}),
        ),
        Case(
            "other-shapes",
            models(
                {
                    "a/kernel": (3, 4),
                    "a/bias": (4,),
                    "b/kernel": (4, 6),
                    "c/bias": (2,),
                },
                {
                    "a/kernel": (4, 3),
                    "a/bias": (3,),
                    "b/kernel": (4, 5),
                    "c/bias": (1,),
                },
            ),
        ),
        Case(
            "in-part",
            models(
                {
                    "b/kernel": (3, 4),
                    "b/bias": (4,),
                    "c/bias": (2,),
                    **{"a/scale": (5,)},
                },
                {
                    "b/kernel": (2, 4),
                    "b/bias": (4,),
                    "c/bias": (2,),
                    **{"d/scale": (5,)},
                },
            ),
        ),
    ),
    misconceptions=(
        wrong("by-place", partner=by_place),
        wrong("by-shape", partner=by_shape),
        wrong("by-last-name", partner=by_last_name),
        wrong("reshaped", fits=lambda old, new: old.size == new.size),
        wrong("nothing-copied", write=lambda source, target, copies: None),
        wrong("other-direction", write=into_source),
        wrong(
            "all-or-nothing",
            take=lambda found: [all(fits for _, fits in found)] * len(found),
        ),
        wrong("until-one-fails", take=until_one_fails),
        wrong("trainable-only", look_at=trainable),
        wrong("copied-reported", say=lambda partner, fits: 3 if fits else 0),
        wrong("shape-silent", say=lambda partner, fits: int(partner is None)),
        wrong(
            "missing-silent",
            say=lambda partner, fits: 0 if partner is None or fits else 2,
        ),
        wrong("nothing-reported", say=lambda partner, fits: 0),
        wrong("all-missing", say=lambda partner, fits: 0 if fits else 1),
        wrong("all-shape", say=lambda partner, fits: 0 if fits else 2),
        wrong(
            "reasons-swapped",
            say=lambda partner, fits: 2 if partner is None else 0 if fits else 1,
        ),
        wrong("other-words", say=lambda partner, fits: 0 if fits else 3),
    ),
    accepted={
        "numpy": lambda source, target: _copy_with_numpy(source, target),
        "set_weights": lambda source, target: _copy_with_set_weights(source, target),
        "layer by layer": lambda source, target: _copy_by_layer(source, target),
        "sets of paths": lambda source, target: _copy_with_sets(source, target),
    },
)


def _copy_with_numpy(source, target):
    known = {w.path: np.array(w) for w in source.weights}
    kept = {}
    for weight in target.weights:
        old = known.get(weight.path)
        if old is None:
            kept[weight.path] = "missing"
        elif old.shape != weight.shape:
            kept[weight.path] = "shape"
        else:
            weight.assign(old)
    return kept


def _copy_with_set_weights(source, target):
    known = dict(
        zip([w.path for w in source.weights], source.get_weights(), strict=True)
    )
    kept, arrays = {}, []
    for weight, own in zip(target.weights, target.get_weights(), strict=True):
        if weight.path not in known:
            kept[weight.path] = "missing"
        elif known[weight.path].shape != own.shape:
            kept[weight.path] = "shape"
        arrays.append(own if weight.path in kept else known[weight.path])
    target.set_weights(arrays)
    return kept


def _copy_by_layer(source, target):
    layers = {layer.name: layer for layer in source.layers}
    kept = {}
    for layer in target.layers:
        others = layers[layer.name].weights if layer.name in layers else []
        for weight in layer.weights:
            same = [other for other in others if other.path == weight.path]
            if same and tuple(same[0].shape) == tuple(weight.shape):
                weight.assign(same[0].numpy())
            else:
                kept[weight.path] = "shape" if same else "missing"
    return kept


def _copy_with_sets(source, target):
    new = {w.path: w for w in target.weights}
    old = {w.path: w for w in source.weights}
    both = new.keys() & old.keys()
    fits = {path for path in both if new[path].shape == old[path].shape}
    for path in fits:
        new[path].assign(old[path])
    return {p: "shape" if p in both else "missing" for p in new if p not in fits}
