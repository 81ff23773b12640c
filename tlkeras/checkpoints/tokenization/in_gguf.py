"""The tokenizer inside a GGUF file, as llama.cpp keeps it.

Reference:
    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, section Tokenizer;
    https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp
"""

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import entry
from tlkeras.checkpoints.formats.gguf import read_metadata
from tlkeras.checkpoints.formats.sentencepiece import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    USER_DEFINED,
    Piece,
)
from tlkeras.checkpoints.tokenization import building
from tlkeras.checkpoints.tokenization.files import pairs_of
from tlkeras.checkpoints.tokenization.tokenizer import Tokenizer

ROLES = {
    "padding_id": "padding_token_id",
    "start_id": "bos_token_id",
    "end_id": "eos_token_id",
    "unknown_id": "unknown_token_id",
    "mask_id": "mask_token_id",
}
KINDS = ("gpt2", "llama")


def from_gguf(path):
    """The `Tokenizer` in a GGUF file.

    Raises:
        ValueError: there is none, or one of another kind, or its parts do not fit.
    """
    said = {
        name.removeprefix("tokenizer.ggml."): value
        for name, value in read_metadata(path).items()
        if name.startswith("tokenizer.ggml.")
    }
    kind = said.get("model")
    if kind not in KINDS:
        raise ValueError(
            f"tokenizer.ggml.model in {path.name} must be one of {', '.join(KINDS)}; "
            f"given {kind!r}. Put the tokenizer.json of the model beside it."
        )
    tokens = _list(said, "tokens", str)
    kinds = _list(said, "token_type", int, [NORMAL] * len(tokens))
    if len(kinds) != len(tokens) or len(set(tokens)) < len(tokens) or not tokens:
        raise ValueError(
            f"tokenizer.ggml.tokens in {path.name} must differ, with a token_type "
            f"each; given {len(tokens):,} tokens, {len(set(tokens)):,} different, and "
            f"{len(kinds):,} types. Get the file again."
        )
    ids = {role: said[name] for role, name in ROLES.items() if name in said}
    starts, ends = (
        entry(said, f"add_{name}_token", check.flag, kind == "llama" and name == "bos")
        for name in ("bos", "eos")
    )
    if kind == "gpt2":
        core, ids = _bytes(path, said, tokens, kinds, ids, starts, ends)
    else:
        scores = _list(said, "scores", float)
        if len(scores) != len(tokens):
            raise ValueError(
                f"tokenizer.ggml.scores in {path.name} must be as many as tokens, "
                f"{len(tokens):,}; given {len(scores):,}. Get the file again."
            )
        pieces = [Piece(*one) for one in zip(tokens, scores, kinds, strict=True)]
        space = entry(said, "add_space_prefix", check.flag, True)
        core, ids = spaced(pieces, ids, space, starts, ends)
    return Tokenizer(core, **ids)


def _bytes(path, said, tokens, kinds, ids, starts, ends):
    """Byte-level BPE, cut as the file names it."""
    cut = said.get("pre")
    if cut not in building.CUTS:
        raise ValueError(
            f"tokenizer.ggml.pre in {path.name} must be one of "
            f"{', '.join(building.CUTS)}, which say how texts are cut; given {cut!r}. "
            "Put the tokenizer.json of the model beside it."
        )
    vocabulary = {token: n for n, token in enumerate(tokens)}
    merges = pairs_of(path, _list(said, "merges", str))
    core = building.byte_level(vocabulary, merges, **building.CUTS[cut])
    return _finish(core, tokens, kinds, ids, starts, ends)


def spaced(pieces, ids, adds_space, starts, ends):
    """SentencePiece's BPE, of pieces from either kind of file.

    Args:
        pieces: a `Piece` for each id.
        ids: of the roles that are known.
        adds_space: whether a text begins with a space that was not in it.
        starts: whether `start_id` is added to texts.
        ends: whether `end_id` is.

    Returns:
        A `tokenizers.Tokenizer`, and the roles, the unknown included.
    """
    kinds = [piece.kind for piece in pieces]
    tokens = [piece.text for piece in pieces]
    if kinds.count(BYTE) not in (0, 256) or kinds.count(UNKNOWN) > 1:
        raise ValueError(
            "Pieces must have one kind of unknown token, and all 256 bytes or none; "
            f"given {kinds.count(UNKNOWN)} and {kinds.count(BYTE)}. Get the file again."
        )
    own = [x for x, kind in zip(tokens, kinds, strict=True) if kind == USER_DEFINED]
    spoiled = [x for x in own if adds_space or " " in x or building.SPACE in x]
    if spoiled:  # a space would be added after each, or in vain looked for in them
        raise ValueError(
            "Pieces of a SentencePiece model must not be defined by its user where "
            "they meet spaces, because they would not be found in texts; given "
            f"{spoiled[0]!r:.50}. Put the tokenizer.json of the model beside it."
        )
    if UNKNOWN in kinds:
        ids = {"unknown_id": kinds.index(UNKNOWN), **ids}
    core = building.spaced(pieces, adds_space)
    return _finish(core, tokens, kinds, ids, starts, ends)


def _finish(core, tokens, kinds, ids, starts, ends):
    """Add special tokens, and what begins and ends a text."""
    for role, number in ids.items():
        if not check.is_integer(number) or not 0 <= number < len(tokens):
            raise ValueError(
                f"{role} must be one of the {len(tokens):,} tokens; given {number!r}."
            )
    for wanted, special in (({CONTROL, UNKNOWN}, True), ({USER_DEFINED}, False)):
        found = {x: n for n, x in enumerate(tokens) if kinds[n] in wanted}
        building.add(core, found, special)
    words = [tokens[ids["start_id"]]] if starts and "start_id" in ids else []
    words += ["$A"]
    words += [tokens[ids["end_id"]]] if ends and "end_id" in ids else []
    if len(words) > 1:
        building.frame(core, words)
    return core, ids


def _list(said, name, kind, *default):
    """A list of the metadata, of one kind of values."""
    found = said.get(name, *default)
    allowed = (int, float) if kind is float else kind
    if not isinstance(found, list) or not all(isinstance(x, allowed) for x in found):
        raise ValueError(
            f"tokenizer.ggml.{name} must be a list of {kind.__name__}; given "
            f"{type(found).__name__}. Get the file again."
        )
    return found
