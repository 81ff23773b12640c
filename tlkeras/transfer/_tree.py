"""A model as a tree of layers, each with a path such as `bert/embeddings/position`."""

import re

import keras


def children(layer):
    """The layers right inside of a layer, in order from input to output."""
    return layer.layers if isinstance(layer, keras.Model) else layer._layers


def walk(layer, path="", seen=None):
    """All pairs of path and layer below a layer, parents first, each layer once."""
    seen = set() if seen is None else seen
    for child in children(layer):
        if id(child) in seen:
            continue
        seen.add(id(child))
        here = f"{path}/{child.name}" if path else child.name
        yield here, child
        yield from walk(child, here, seen)


def own_weights(layer):
    """The weights of a layer itself: those that may learn, and the others."""
    return list(layer._trainable_variables), list(layer._non_trainable_variables)


def named_weights(model):
    """Path to weight for all weights of a model, those of the model itself included."""
    result = {}
    for path, layer in [("", model), *walk(model)]:
        for weights in own_weights(layer):
            for weight in weights:
                name = f"{path}/{weight.name}".lstrip("/")
                while name in result and result[name] is not weight:
                    name += "′"  # two layers of one name side by side
                result[name] = weight
    return result


def leaves(layer, path=""):
    """Paths and what may be frozen: weights that may learn, and layers without any."""
    weights = own_weights(layer)[0]
    for weight in weights:
        yield f"{path}/{weight.name}".lstrip("/"), weight
    inside = children(layer)
    if not weights and not inside:
        yield path, layer
    for child in inside:
        yield from leaves(child, f"{path}/{child.name}".lstrip("/"))


def matcher(patterns):
    """Whether any of some regular expressions occurs in a path, or in one above it."""
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    compiled = [re.compile(pattern) for pattern in patterns]

    def matches(path):
        parts = path.split("/")
        above = ["/".join(parts[:i]) for i in range(len(parts), 0, -1)]
        return any(one.search(place) for one in compiled for place in above)

    return matches


def no_match(what, patterns, paths):
    """The error for patterns that match nothing."""
    some = ", ".join(list(paths)[:8])
    return ValueError(
        f"{what} must match the path of a layer or weight; given {patterns!r}, which "
        f"matches none of: {some} …"
    )


def units(model, path=""):
    """Layers from input to output, those inside of nested models in their place."""
    for layer in children(model):
        here = f"{path}/{layer.name}" if path else layer.name
        if isinstance(layer, keras.Model):
            yield from units(layer, here)
        else:
            yield here, layer


def blocks(model, patterns=None):
    """A model cut into blocks from input to output, the steps in which depth counts.

    By default each layer with weights begins a block; embeddings that follow each other
    are one, and normalisations and layers without weights belong to the block before
    them. A `Bert` with a head has its embeddings, one block an encoder, the pooler and
    the head.

    Args:
        model: a built `keras.Model`; nested models are opened.
        patterns: regular expressions, from input to output, one a block, instead. A
            layer goes to the first that occurs in its path.

    Returns:
        A list of lists of pairs of path and layer.

    Raises:
        ValueError: the model is not built, or a layer with weights matches no pattern.
    """
    if not model.built:
        raise ValueError(
            f"model must be built; {model.name!r} is not. Call it once on some inputs."
        )
    layers = list(units(model))
    return _by_rule(layers) if patterns is None else _by_pattern(layers, patterns)


def _by_rule(layers):
    result, waiting, embeds = [], [], False
    for path, layer in layers:
        kind = type(layer).__name__
        here = "Embedding" in kind
        joins = not layer.weights or "Normalization" in kind or (here and embeds)
        if joins and not result:
            waiting.append((path, layer))
        elif joins:
            result[-1].append((path, layer))
        else:
            result.append([*waiting, (path, layer)])
            waiting = []
        embeds = here if layer.weights else embeds
    return result or [waiting]


def _by_pattern(layers, patterns):
    result = [[] for _ in patterns]
    tests = [matcher(pattern) for pattern in patterns]
    for path, layer in layers:
        number = next((i for i, test in enumerate(tests) if test(path)), None)
        if number is not None:
            result[number].append((path, layer))
        elif layer.weights:
            raise ValueError(
                f"patterns must match every layer with weights; given {patterns!r}, "
                f"which leave out {path!r}."
            )
    for pattern, block in zip(patterns, result, strict=True):
        if not block:
            raise no_match("patterns", pattern, (path for path, _ in layers))
    return result
