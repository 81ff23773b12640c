"""Reading config.json and its like: what they hold is believed only once checked."""

import contextlib
import json

from tlkeras import checks as check

LARGEST = 2**24  # bytes; the longest config known, 21,843 labels, has a tenth of it
STACKS = ("num_layers", "num_encoder_layers", "num_decoder_layers")
TABLES = (
    "vocabulary_size",
    "source_vocabulary_size",
    "target_vocabulary_size",
    "num_segments",
    "num_mels",
    "num_classes",
)
# What sizes a spectrogram, and is no size of any weight.
FRONT_END_LIMITS = {"fft_length": 2**16, "window_length": 2**16, "num_mels": 2**10}


def read_json(path):
    """The dictionary that a JSON file holds.

    Raises:
        ValueError: it is too large, no JSON, or something else than a dictionary.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(
            f"{path} must have at most {LARGEST:,} bytes; it has {size:,}. Is it "
            "another file under this name?"
        )
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} must be JSON; reading it says: {error}. Get it again."
        ) from error
    return dictionary(str(path), found)


def dictionary(name, value):
    """Raise unless a value is a dictionary; return it."""
    if not isinstance(value, dict):
        raise ValueError(
            f"{name} must hold a dictionary, {{…}}; it holds a "
            f"{type(value).__name__}. Get it again, or save the model again."
        )
    return value


def entry(config, name, checked, *default):
    """One value of a config, checked.

    Args:
        config: the dictionary.
        name: of the entry.
        checked: called on name and value, such as `check.positive_integer`.
        *default: what is taken where there is no entry.

    Raises:
        ValueError: there is none and no default, or the check says so.
    """
    if name in config:
        return checked(name, config[name])
    if default:
        return default[0]
    raise ValueError(
        f"config.json must hold {name!r}; it does not. Is it whole, and the one that "
        "belongs to these weights?"
    )


def one_of(choices):
    """A check that a value is one of `choices`."""
    return lambda name, value: check.choice(name, value, tuple(choices))


@contextlib.contextmanager
def described(folder):
    """Whatever a wrong config makes go wrong in a constructor, as a `ValueError`."""
    try:
        yield
    except (
        AttributeError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
    ) as error:
        raise ValueError(
            f"config.json in {folder}, and arguments given beside it, must describe a "
            f"model; making it says: {error!s:.300}. Get the preset again, or save the "
            "model again."
        ) from error


def check_claims(arguments, tensors):
    """Raise when a config asks for more numbers than there are, before a model is made.

    A lower bound of what the model takes: the tables, and the large matrices of each
    block. So a config cannot make anybody allocate what no file holds.

    Args:
        arguments: of a model, with the names of this library.
        tensors: arrays by name.

    Raises:
        ValueError: they do not fit together, or a size is no positive integer.
    """
    for name, limit in FRONT_END_LIMITS.items():
        value = arguments.get(name)
        if value is not None and check.positive_integer(name, value) > limit:
            raise ValueError(f"{name} must be at most {limit}; given {value}.")
    wanted, held = _least(arguments), sum(array.size for array in tensors.values())
    if wanted > held:
        raise ValueError(
            f"The config asks for at least {wanted:,} numbers, and the weights hold "
            f"{held:,}: config and weights differ. Get both again, from one place."
        )


def _least(arguments):
    def size(name):
        return entry(arguments, name, check.positive_integer, 0)

    width, inner = size("hidden_dim"), size("intermediate_dim")
    layers, rows = sum(map(size, STACKS)), sum(map(size, TABLES))
    if "source_vocabulary_size" not in arguments:  # a Transformer computes positions
        rows += size("max_sequence_length")
    rows += entry(arguments, "num_registers", check.natural_number, 0)
    if "image_shape" in arguments:
        height, depth, channels = check.sizes(
            "image_shape", arguments["image_shape"], 3
        )
        patch = check.sizes("patch_size", arguments.get("patch_size"), 2)
        rows += (height // patch[0]) * (depth // patch[1])
        rows += patch[0] * patch[1] * channels
    if "strides" in arguments:
        strides = check.sizes("strides", arguments["strides"])
        rows += (len(strides) - 1) * width
    return width * rows + layers * (4 * width * width + 2 * width * inner)
