"""What special tokens are for, and which are added to the vocabulary."""

from typing import Any

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import dictionary, read_json
from tlkeras.checkpoints.tokenization.package import guarded, package

# What tokenizer_config.json calls each role; the first that is there counts.
CONFIGURED = {
    "padding_id": ("pad_token",),
    "start_id": ("bos_token", "cls_token"),
    "end_id": ("eos_token", "sep_token"),
    "unknown_id": ("unk_token",),
    "mask_id": ("mask_token",),
}
# What tokens are called, where nothing says what they are for.
USUAL = {
    "padding_id": ("[PAD]", "<pad>"),
    "start_id": ("[CLS]", "<s>", "<bos>", "<|begin_of_text|>", "<|endoftext|>"),
    "end_id": ("[SEP]", "</s>", "<eos>", "<|end_of_text|>", "<|endoftext|>"),
    "unknown_id": ("[UNK]", "<unk>"),
    "mask_id": ("[MASK]", "<mask>"),
}
FLAGS = ("single_word", "lstrip", "rstrip", "normalized")


def usual_names():
    """Every name that special tokens usually have."""
    return sorted({name for names in USUAL.values() for name in names})


def roles(core, folder, known):
    """The id of each role that there is, after adding what the files beside add.

    Args:
        core: a `tokenizers.Tokenizer`.
        folder: with tokenizer_config.json, special_tokens_map.json and
            added_tokens.json, as far as they are there.
        known: ids that the tokenizer itself tells.

    Raises:
        ValueError: a file names a token that there is not.
    """
    config: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            config |= read_json(folder / name)
    extra = folder / "added_tokens.json"
    _add(core, config, read_json(extra) if extra.is_file() else {})
    found = {}
    for role, names in CONFIGURED.items():
        said = [config[name] for name in names if name in config]
        named = [one for one in said if one is not None]
        if named:
            found[role] = _id(core, role, named[0])
        elif not said:
            found[role] = known.get(role, _usual(core, role))
    return found


def _id(core, role, named):
    """The id of a token that a config names, as text or with its flags."""
    text = named.get("content") if isinstance(named, dict) else named
    number = core.token_to_id(text) if isinstance(text, str) else None
    if number is None:
        raise ValueError(
            f"tokenizer_config.json must name a token of the vocabulary as {role}; "
            f"given {named!r:.80}. Give it null there if the model has none."
        )
    return number


def _usual(core, role):
    """The id of the first special token with a usual name, or `None`."""
    special = {
        token.content: number
        for number, token in core.get_added_tokens_decoder().items()
        if token.special
    }
    return next((special[x] for x in USUAL[role] if x in special), None)


def _add(core, config, extra):
    """Add the tokens that a config and added_tokens.json add, under their ids."""
    there = core.get_added_tokens_decoder()
    wanted: dict[int, tuple] = {number: (text, {}) for text, number in extra.items()}
    described = dictionary(
        "added_tokens_decoder", config.get("added_tokens_decoder", {})
    )
    for number, token in described.items():
        token = dictionary("A token in added_tokens_decoder", token)
        wanted[int(number)] = (token.get("content"), token)
    for number in sorted(wanted):
        text, token = wanted[number]
        if number in there or not text:
            continue
        flags = {x: check.flag(x, token[x]) for x in FLAGS if x in token}
        special = check.flag("special", token.get("special", False))
        with guarded(f"Adding the token {text!r:.50}"):
            added = package().AddedToken(text, special=special, **flags)
            core.add_special_tokens([added]) if special else core.add_tokens([added])
        if core.token_to_id(text) != number:
            raise ValueError(
                f"The token {text!r:.50} must have the id {number}, and would get "
                f"{core.token_to_id(text)}: tokens before it are missing. Get the "
                "preset again."
            )
