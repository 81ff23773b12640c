"""Reading the dictionary that a `Transformer` is called on."""

from tlkeras import checks as check
from tlkeras import masks

TOKENS = ("source_ids", "target_ids")
PADDING_MASKS = ("source_padding_mask", "target_padding_mask", "memory_padding_mask")
MASKS = ("source_mask", "target_mask", "memory_mask")


def read_inputs(inputs, padding_id):
    """The source, the target, and a dictionary of all masks, `None` where none is.

    Raises:
        ValueError: an entry is missing, unknown, or has another shape or dtype.
    """
    known = (*TOKENS, *PADDING_MASKS, *MASKS)
    if not isinstance(inputs, dict) or not set(TOKENS) <= set(inputs) <= set(known):
        found = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(
            f"inputs must be a dictionary of {', '.join(TOKENS)} and, if wanted, of "
            f"{', '.join(known[2:])}; given {found}."
        )
    source, target = (_token_ids(name, inputs[name]) for name in TOKENS)
    _check_batch(source.shape[0], target.shape[0])
    given = {name: inputs.get(name) for name in (*PADDING_MASKS, *MASKS)}
    for name, ids in (("source", source), ("target", target), ("memory", source)):
        check.keep_mask(
            f"{name}_padding_mask", given[f"{name}_padding_mask"], ids.shape
        )
    _check_attention_masks(given, source.shape, target.shape)
    for name, ids in (("source", source), ("target", target)):
        if given[f"{name}_padding_mask"] is None:
            given[f"{name}_padding_mask"] = masks.padding_mask(ids, padding_id)
    if given["memory_padding_mask"] is None:
        given["memory_padding_mask"] = given["source_padding_mask"]
    return source, target, given


def _token_ids(name, ids):
    dtype = getattr(ids, "dtype", type(ids).__name__)
    if "int" not in str(dtype):
        raise ValueError(f"{name} must be integers; given {dtype}.")
    check.axes(name, ids.shape, "B S" if name == "source_ids" else "B T")
    check.not_empty(name, ids.shape)
    return ids


def _check_batch(source, target):
    if None not in (source, target) and source != target:
        raise ValueError(
            "source_ids and target_ids must hold as many rows as each other; given "
            f"{source} and {target}."
        )


def _check_attention_masks(given, source, target):
    batch = source[0]
    sizes = {
        "source_mask": (source[1], source[1]),
        "target_mask": (target[1], target[1]),
        "memory_mask": (target[1], source[1]),
    }
    for name, size in sizes.items():
        check.keep_mask(name, given[name], size, (batch, *size))
