"""Checks of the inputs of `MultiHeadAttention`."""

from tlkeras import checks as check


def check_shapes(query, value, key, features=(None, None, None)):
    """Raise unless three shapes `(B, …, features)` can attend to each other."""
    shapes = {"query": query, "value": value, "key": key}
    for (name, shape), built in zip(shapes.items(), features, strict=True):
        if shape is None:
            raise ValueError(f"{name} must be given; given None.")
        if len(shape) < 3:
            raise ValueError(
                f"{name} must have at least three axes, (batch, length, features); "
                f"given shape {tuple(shape)}."
            )
        check.not_empty(name, shape)
        check.features(name, shape, built)
        if len(shape) != len(query):
            raise ValueError(
                f"{name} must have as many axes as query; given shape {tuple(shape)} "
                f"and query {tuple(query)}."
            )
        if None not in (shape[0], query[0]) and shape[0] != query[0]:
            raise ValueError(
                f"{name} must have the batch size of query; given shape {tuple(shape)} "
                f"and query {tuple(query)}."
            )
    if tuple(value[1:-1]) != tuple(key[1:-1]):
        raise ValueError(
            "key and value must have the same length, one value a key; given key "
            f"{tuple(key)} and value {tuple(value)}."
        )


def check_values(**inputs):
    """Raise unless each is floats, and finite as far as its values are known."""
    for name, x in inputs.items():
        check.values(name, x, "Embed token ids first.")


def check_masks(sizes, query_mask, value_mask, key_mask, attention_mask):
    """Raise unless the masks fit the sizes `(B, N, T, S)`."""
    batch, heads, query_length, key_length = sizes
    check.keep_mask("query_mask", query_mask, (batch, query_length))
    check.keep_mask("value_mask", value_mask, (batch, key_length))
    check.keep_mask("key_mask", key_mask, (batch, key_length))
    lengths = (query_length, key_length)
    check.keep_mask(
        "attention_mask",
        attention_mask,
        lengths,
        (batch, *lengths),
        (batch, heads, *lengths),
    )


def check_bias(sizes, bias):
    """Raise unless a bias holds floats that fit the sizes `(B, N, T, S)`."""
    if bias is None:
        return
    check.floats("attention_bias", bias, "A mask says what may be seen; this is added.")
    given, shapes = tuple(bias.shape), (sizes[1:], sizes)
    if not any(check.broadcasts(given, shape) for shape in shapes):
        wanted = " or ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"attention_bias must have shape {wanted}; given {given}.")


def check_grid_masks(shapes, query_mask, value_mask, key_mask):
    """Raise unless the masks fit the shapes `(B, …, D)` of query, value and key."""
    query, value, key = shapes
    check.keep_mask("query_mask", query_mask, query[:-1])
    check.keep_mask("value_mask", value_mask, value[:-1])
    check.keep_mask("key_mask", key_mask, key[:-1])


def check_cache(name, cache, index, new, shape):
    """Raise unless a cache is `(B, 2, any, K, H)` = `shape` and has room for `new`."""
    if cache is None:
        if index is not None:
            raise ValueError(
                f"{name}_update_index needs {name}; given index {index} and no cache."
            )
        return
    check.floats(name, cache, "It holds keys and values.")
    if index is not None:
        check.integer(f"{name}_update_index", index)
    given = tuple(cache.shape)
    fits = len(given) == 5 and all(
        None in pair or pair[0] == pair[1]
        for pair in zip((*given[:2], *given[3:]), shape, strict=True)
    )
    if not fits:
        batch, two, heads, size = shape
        raise ValueError(
            f"{name} must have shape (batch, 2, length, heads, key_dim) = "
            f"({batch}, {two}, any, {heads}, {size}); given {given}."
        )
    known = isinstance(index, int) and None not in (given[2], new)
    if known and not 0 <= index <= given[2] - new:
        raise ValueError(
            f"{name}_update_index must leave room for {new} positions in a cache of "
            f"length {given[2]}; given {index}."
        )
