"""Reading config.json and its like: what they hold is believed only once checked."""

import contextlib
import json

from tlkeras import checks as check

SMALL = 2**24  # numbers; as float32 they are 64 MiB
LARGEST = 2**24  # bytes; the longest config known, 21,843 labels, has a tenth of it
# The names of Hugging Face, and ours.
ACTIVATIONS = {
    "gelu": "gelu",  # the exact one
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
STACKS = ("num_layers", "num_encoder_layers", "num_decoder_layers")
TABLES = (
    "vocabulary_size",
    "source_vocabulary_size",
    "target_vocabulary_size",
    "num_segments",
    "num_mels",
    "num_classes",
    "max_target_length",
)
TOWERS = ("image_encoder", "text_encoder")  # arguments that are those of a model
# What sizes a spectrogram, and is no size of any weight.
FRONT_END_LIMITS = {"fft_length": 2**16, "window_length": 2**16, "num_mels": 2**10}


def read_json(path, largest=LARGEST):
    """The dictionary that a JSON file holds.

    Raises:
        ValueError: it is too large, no JSON, or something else than a dictionary.
    """
    try:
        found = json.loads(_content(path, largest).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} must be JSON; reading it says: {error}. Get it again."
        ) from error
    return dictionary(str(path), found)


def read_text(path, what):
    """The text of a file, which should be `what`, such as `"a word a line"`.

    Raises:
        ValueError: it is too large, or no UTF-8.
    """
    try:
        text = _content(path, LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be text in UTF-8, {what}; reading it says: {error}. "
            "Get it again."
        ) from error
    return text


def _content(path, largest):
    size = path.stat().st_size
    if size > largest:
        raise ValueError(
            f"{path} must have at most {largest:,} bytes; it has {size:,}. Is it "
            "another file under this name?"
        )
    return path.read_bytes()


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


def only(config, **wanted):
    """Raise where a config holds another value than the one that is known here."""
    for name, value in wanted.items():
        if config.get(name, value) != value:
            raise ValueError(
                f"{name} must be {value!r} in config.json; given {config[name]!r}. "
                "Models of another kind need a class of their own."
            )


def transformer_sizes(
    config,
    num_layers="num_hidden_layers",
    num_heads="num_attention_heads",
    hidden_dim="hidden_size",
    intermediate_dim="intermediate_size",
    activation="hidden_act",
):
    """The arguments that every stack of blocks has, under the names of a config.

    Raises:
        ValueError: one is not there, or no positive integer.
    """
    sizes = {
        "num_layers": num_layers,
        "num_heads": num_heads,
        "hidden_dim": hidden_dim,
        "intermediate_dim": intermediate_dim,
    }
    found = {
        ours: entry(config, theirs, check.positive_integer)
        for ours, theirs in sizes.items()
    }
    kind = entry(config, activation, one_of(ACTIVATIONS), "gelu")
    return {**found, "activation": ACTIVATIONS[kind]}


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


def check_claims(arguments, weights):
    """Raise when a config asks for far more than there is, before a model is made.

    So a config cannot make anybody allocate what no file holds. What it asks for in
    excess, up to as much again or `SMALL`, is found when the tensors are compared with
    the model, and a message then names one.

    Args:
        arguments: of a model, with the names of this library.
        weights: a `Reader`.

    Raises:
        ValueError: they do not fit together, or a size is no positive integer.
    """
    for name, limit in FRONT_END_LIMITS.items():
        value = arguments.get(name)
        if value is not None and check.positive_integer(name, value) > limit:
            raise ValueError(f"{name} must be at most {limit}; given {value}.")
    wanted, held, layers = claims(arguments), weights.count(), _layers(arguments)
    if layers > len(weights) or wanted > max(2 * held, SMALL):
        raise ValueError(
            f"The config asks for at least {wanted:,} numbers in {layers:,} layers, "
            f"and {weights} holds {held:,} in {len(weights):,} tensors: config and "
            "weights differ. Get both again, from one place."
        )


def _layers(arguments):
    """How many blocks a model has, those of its towers among them."""
    own = sum(entry(arguments, x, check.positive_integer, 0) for x in STACKS)
    return own + sum(map(_layers, _towers(arguments)))


def _towers(arguments):
    """The arguments of the towers, where a model has them; of ours, in their config."""
    found = [dictionary(x, arguments[x]) for x in TOWERS if x in arguments]
    return [tower.get("config", tower) for tower in found]


def claims(arguments):
    """A lower bound of the numbers that a model takes: its tables and its matrices.

    Raises:
        ValueError: a size is no positive integer.
    """

    def size(name):
        return entry(arguments, name, check.positive_integer, 0)

    width, inner = size("hidden_dim"), size("intermediate_dim")
    layers, rows = sum(map(size, STACKS)), sum(map(size, TABLES))
    computed = arguments.get("positions") in ("rotary", "relative")
    if "source_vocabulary_size" not in arguments and not computed:  # no Transformer
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
    heads = size("num_heads") or 1
    shared = arguments.get("num_key_value_heads") or heads
    check.positive_integer("num_key_value_heads", shared)
    joined = width  # all heads together
    if arguments.get("key_dim") is not None:
        joined = heads * size("key_dim")
    attention = 2 * width * joined * (heads + min(shared, heads)) // heads
    own = width * rows + layers * (attention + 2 * width * inner)
    return own + sum(map(claims, _towers(arguments)))
