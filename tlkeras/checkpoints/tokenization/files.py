"""Reading the files of a tokenizer; what they hold is believed only once checked."""

import base64
import binascii
import json
import re

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import dictionary, read_json, read_text
from tlkeras.checkpoints.tokenization.package import guarded, package
from tlkeras.checkpoints.tokenization.pieces import spelling

LARGEST = 2**26  # bytes; the longest known, Gemma 3's tokenizer.json, has half of it
LARGEST_ID = 2**24  # 64 times the longest vocabulary known
WORDPIECE = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def read_tokenizer_json(path):
    """A `tokenizers.Tokenizer` from a tokenizer.json of Hugging Face.

    Raises:
        ValueError: it is no such file, or decodes in a way that is not known here.
    """
    found = read_json(path, LARGEST)
    if "model" not in found:
        kind = found.get("registered_name") or found.get("class_name")
        raise ValueError(
            f"{path} must be of the package tokenizers, and hold a model; it holds "
            f"{', '.join(list(found)[:5]) or 'nothing'}"
            + (f" ({kind}: load it with KerasHub)." if kind else ". Get it again.")
        )
    try:
        spelling(found.get("decoder"))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: {error}. Its tokens cannot be turned into text here; use the "
            "package tokenizers itself: Tokenizer.from_file(…)."
        ) from error
    suffix = dictionary(f"model in {path}", found["model"]).get("end_of_word_suffix")
    kind = found.get("decoder")
    if suffix and not (isinstance(kind, dict) and kind.get("type") == "ByteLevel"):
        raise ValueError(
            f"{path}: end_of_word_suffix needs a byte-level decoder, as CLIP has; "
            f"given {suffix!r}. Use the package tokenizers itself: "
            "Tokenizer.from_file(…)."
        )
    for part in _parts(found.get("normalizer")):
        if part.get("type") == "Precompiled":
            _check_characters(path, part.get("precompiled_charsmap"))
    for part in _parts(found.get("post_processor")):
        if "trim_offsets" in part:  # spaces are left out of offsets elsewhere, once
            part["trim_offsets"] = False
    found |= {"padding": None, "truncation": None}
    with guarded(f"Reading {path}"):
        core = package().Tokenizer.from_str(json.dumps(found))
    _check_ids(path, core.get_vocab(with_added_tokens=True))
    return core


def _parts(step):
    """A step of a pipeline, and all steps inside it."""
    if isinstance(step, dict):
        yield step
        for value in step.values():
            yield from _parts(value)
    elif isinstance(step, list):
        for value in step:
            yield from _parts(value)


def _check_characters(path, encoded):
    """Raise unless a table of characters is as long as it says: Rust would panic."""
    try:
        table = base64.b64decode(encoded, validate=True)
        size = int.from_bytes(table[:4], "little")
        table[4 + size :].decode("utf-8")
        whole = 0 < size <= len(table) - 4 and not size % 4
    except (binascii.Error, TypeError, UnicodeDecodeError, ValueError):
        whole = False
    if not whole:
        raise ValueError(
            f"{path}: precompiled_charsmap must be a whole table of characters; it is "
            "damaged. Get it again."
        )


def vocabulary_of(path):
    """Token to id, from vocab.json."""
    found = read_json(path)
    return _check_ids(path, found)


def _check_ids(path, vocabulary):
    """Raise unless each token has an id of its own, and none is beyond all measure."""
    for token, number in vocabulary.items():
        if not check.is_integer(number) or not 0 <= number < LARGEST_ID:
            raise ValueError(
                f"{path} must give each token an id from 0 to {LARGEST_ID - 1:,}; "
                f"given {number!r:.50} for {token!r:.50}. Get it again."
            )
    distinct = len(set(vocabulary.values()))
    if not vocabulary or distinct < len(vocabulary):
        raise ValueError(
            f"{path} must give each token an id of its own; it has {len(vocabulary):,} "
            f"tokens and {distinct:,} ids. Get it again."
        )
    return vocabulary


def words_of(path):
    """The lines of vocab.txt, as KerasHub reads them."""
    lines = re.split("\r\n|\r|\n", read_text(path, "a word a line"))
    words = [line.rstrip() for line in (lines if lines[-1] else lines[:-1])]
    missing = [word for word in WORDPIECE if word not in words]
    if missing:
        raise ValueError(
            f"{path} must hold a word a line, {', '.join(WORDPIECE)} among them; of "
            f"its {len(words)} lines none is {missing[0]}. Get it again, with its "
            "model."
        )
    return words


def merges_of(path):
    """Pairs of tokens, from merges.txt."""
    lines = read_text(path, "a pair of tokens a line").split("\n")
    return pairs_of(path, [x for x in lines if x and not x.startswith("#version")])


def pairs_of(path, lines):
    """Pairs of tokens, from texts with one space between the two."""
    pairs = [tuple(line.rstrip("\r").split(" ")) for line in lines]
    wrong = [n for n, pair in enumerate(pairs) if len(pair) != 2 or "" in pair]
    if wrong:
        raise ValueError(
            f"{path} must hold merges of two tokens with one space between them; given "
            f"{lines[wrong[0]]!r:.50}. Get it again."
        )
    return pairs
