"""A model as a tree of layers, each with a path such as `bert/embeddings/position`."""

import re
from collections import defaultdict
from collections.abc import Sequence

import keras


def children(layer):
    """The layers right inside of a layer, in order from input to output."""
    return layer.layers if isinstance(layer, keras.Model) else layer._layers


class Path(str):
    """Where a layer or weight is; `counted` is the same without numbers of a session.

    Keras numbers layers without a name of their own through a whole session: the second
    `Bert` is `bert_1`, whatever model it is in. In `counted`, each layer counts those
    of its class right inside of it anew, in the order of Keras's numbers.
    """

    counted: str

    def __new__(cls, path="", counted=None):
        made = super().__new__(cls, path)
        made.counted = path if counted is None else counted
        return made

    def within(self, name, counted):
        """The path of something inside."""
        made = f"{self}/{name}" if self else name
        return Path(made, f"{self.counted}/{counted}" if self else counted)


def snake_case(name):
    """What Keras calls the first layer of a class."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def counted_names(parts):
    """The names of layers or weights side by side, Keras's numbers counted anew.

    A name of one's own stays. Where two are the same, one gets a sign more.
    """
    found = [_stem_and_number(part) for part in parts]
    result = [part.name for part in parts]
    order = sorted(range(len(parts)), key=lambda i: found[i][1])
    seen: dict = defaultdict(int)
    taken: set[str] = set()
    for i in order:
        stem, number = found[i]
        if number >= 0:
            result[i] = f"{stem}_{seen[stem]}" if seen[stem] else stem
            seen[stem] += 1
        while result[i] in taken:
            result[i] += "′"
        taken.add(result[i])
    return result


def _stem_and_number(part):
    """A name without Keras's number, and that; -1 for a name of one's own."""
    kind = getattr(type(part), "plain_class", type(part))
    stem = snake_case(kind.__name__)
    if isinstance(part, keras.Variable):
        stem = "variable"
    # In front may be a word, as in the `forward_lstm_3` of a `Bidirectional`.
    match = re.fullmatch(rf"((?:\w+_)?{stem})(?:_(\d+))?", part.name)
    return (match[1], int(match[2] or 0)) if match else (part.name, -1)


def inside(layer, path):
    """Pairs of path and layer for the layers right inside of one."""
    found = children(layer)
    for child, name in zip(found, counted_names(found), strict=True):
        yield path.within(child.name, name), child


def weights_inside(layer, path, weights):
    """Pairs of path and weight for some of the weights of a layer itself."""
    everything = [weight for part in own_weights(layer) for weight in part]
    names = dict(zip(map(id, everything), counted_names(everything), strict=True))
    for weight in weights:
        yield path.within(weight.name, names[id(weight)]), weight


ROOT = Path()


def walk(layer, path=ROOT, seen=None):
    """All pairs of path and layer below a layer, parents first, each layer once."""
    seen = set() if seen is None else seen
    for here, child in inside(layer, path):
        if id(child) in seen:
            continue
        seen.add(id(child))
        yield here, child
        yield from walk(child, here, seen)


def own_weights(layer):
    """The weights of a layer itself: those that may learn, and the others."""
    return list(layer._trainable_variables), list(layer._non_trainable_variables)


def named_weights(model):
    """Path to weight for all weights of a model, those of the model itself included."""
    result: dict[Path, keras.Variable] = {}
    for path, layer in [(ROOT, model), *walk(model)]:
        for weights in own_weights(layer):
            for name, weight in weights_inside(layer, path, weights):
                while name in result and result[name] is not weight:
                    # two layers of one name side by side
                    name = Path(f"{name}′", name.counted)
                result[name] = weight
    return result


def leaves(layer, path=ROOT):
    """Paths and what may be frozen: weights that may learn, and layers without any."""
    weights = own_weights(layer)[0]
    yield from weights_inside(layer, path, weights)
    if not weights and not children(layer):
        yield path, layer
    for here, child in inside(layer, path):
        yield from leaves(child, here)


def as_list(patterns):
    """One pattern or several, as a list."""
    return [patterns] if isinstance(patterns, str) else list(patterns)


def matching(patterns, paths):
    """The paths in which, or in one above, any of some regular expressions occurs.

    Each expression is looked for in the names that layers have now, as in
    `model.summary()`, and where it occurs in none, in the names counted anew.
    """
    found: set[str] = set()
    for pattern in as_list(patterns):
        occurs = _occurs(re.compile(pattern))
        now = {path for path in paths if occurs(path)}
        found |= now or {path for path in paths if occurs(path.counted)}
    return found


def _occurs(pattern):
    def test(path):
        parts = path.split("/")
        above = ("/".join(parts[:i]) for i in range(len(parts), 0, -1))
        return any(pattern.search(place) for place in above)

    return test


def no_match(what, patterns, paths):
    """The error for patterns that match nothing."""
    some = ", ".join(list(paths)[:8])
    return ValueError(
        f"{what} must match the path of a layer or weight; given {patterns!r}, which "
        f"matches none of: {some} …"
    )


def units(model, path=ROOT):
    """Layers from input to output, those inside of nested models in their place."""
    for here, layer in inside(model, path):
        if isinstance(layer, keras.Model) or is_stack(layer):
            yield from units(layer, here)
        else:
            yield here, layer


def is_stack(layer):
    """Whether a layer is nothing but blocks of one kind, one after the other.

    Those are its layers with weights, normalisations and embeddings apart: two or more,
    of one class, and each made of layers. `keras_hub`'s `ViTEncoder` is one.
    """
    blocks = [child for child in children(layer) if child.weights and not _joins(child)]
    alike = len({type(block) for block in blocks}) == 1 < len(blocks)
    return alike and not any(own_weights(layer)) and all(map(children, blocks))


def _joins(layer):
    """Whether a layer belongs to the block before it, or to embeddings at first."""
    name = type(layer).__name__
    return "Normalization" in name or "Embedding" in name


def unused(model):
    """Pairs of path and layer for the layers that no output of a model depends on.

    That is known of functional models and those inside of them, such as the pooler of a
    backbone below a head that takes all tokens; other layers count as used.
    """
    needed: set[int] = set()
    _reach(model, getattr(model, "outputs", None), needed)
    return [(path, layer) for path, layer in walk(model) if id(layer) not in needed]


def unused_weights(model):
    """Ids of the weights that no output depends on, so that they can not learn."""
    return {
        id(weight) for _, layer in unused(model) for weight in own_weights(layer)[0]
    }


def _reach(model, tensors, needed):
    """Add the ids of all layers that some tensors of a model's graph need."""
    if not tensors or not hasattr(model, "_nodes_by_depth"):
        for layer in children(model):
            needed.add(id(layer))
            _reach(layer, getattr(layer, "outputs", None), needed)
        return
    own = {id(node) for nodes in model._nodes_by_depth.values() for node in nodes}
    waiting, seen = list(tensors), set()
    while waiting:
        operation, node_index, tensor_index = waiting.pop()._keras_history
        if (key := (id(operation), node_index, tensor_index)) in seen:
            continue
        seen.add(key)
        needed.add(id(operation))
        node = operation._inbound_nodes[node_index]
        if id(node) in own:
            waiting.extend(node.input_tensors)
        outputs = getattr(operation, "outputs", None)
        if isinstance(operation, keras.layers.Layer):
            chosen = outputs and outputs[tensor_index : tensor_index + 1]
            _reach(operation, chosen, needed)


def blocks(
    model: keras.Model, patterns: Sequence[str] | None = None
) -> list[list[tuple[str, keras.layers.Layer]]]:
    """A model cut into blocks from input to output, the steps in which depth counts.

    By default each layer with weights begins a block; embeddings that follow each other
    are one, and normalisations and layers without weights belong to the block before
    them, and so do layers that no output depends on, such as a pooler below a head that
    takes all tokens. A `Bert` with a head has its embeddings, one block an encoder, the
    pooler if it is used, and the head. A layer that is nothing but a stack of blocks of
    one class, such as the encoder of `keras_hub`'s ViT, is opened.

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
    return (
        _by_rule(layers, {id(x) for _, x in unused(model)})
        if patterns is None
        else _by_pattern(layers, patterns)
    )


def _by_rule(layers, idle):
    result: list[list] = []
    waiting: list[tuple] = []
    embeds = False
    for path, layer in layers:
        kind = type(layer).__name__
        here = "Embedding" in kind
        joins = not layer.weights or "Normalization" in kind or (here and embeds)
        joins = joins or id(layer) in idle
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
    result: list[list] = [[] for _ in patterns]
    paths = [path for path, _ in layers]
    matched = [matching(pattern, paths) for pattern in patterns]
    for path, layer in layers:
        number = next((i for i, hits in enumerate(matched) if path in hits), None)
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
