"""tokenizer.model of SentencePiece: a protocol buffer, read without its package.

Reference:
    https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

LARGEST = 2**26  # bytes; the longest known, Gemma's, has 4.7 million
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # kinds of pieces
MODELS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
VARINT, EIGHT, TEXT, FOUR = 0, 1, 2, 5  # how a field is written


class Piece(NamedTuple):
    """One token: how it is spelled, how likely it is, and of which kind."""

    text: str
    score: float
    kind: int


class SentencePieceModel(NamedTuple):
    """What a tokenizer.model says. Ids are places in `pieces`; −1 is none."""

    pieces: list[Piece]
    algorithm: str  # one of MODELS
    start_id: int
    end_id: int
    padding_id: int
    normalizes: bool  # whether characters are replaced by others
    adds_space: bool  # before the first word
    removes_spaces: bool  # where there are several
    escapes_spaces: bool  # writes ▁ for a space


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Read a tokenizer.model.

    Raises:
        ValueError: the file is something else, truncated, or holds no pieces.
    """
    size = path.stat().st_size
    if size > LARGEST:
        _refuse(path, f"it has {size:,} bytes, and at most {LARGEST:,} are read")
    pieces: list[Piece] = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    for number, value in _fields(path, path.read_bytes()):
        if number in (1, 2, 3) and not isinstance(value, bytes):
            _refuse(path, f"field {number} is no message")
        if number == 1:
            pieces.append(_piece(path, value))
        elif number == 2:
            trainer.update(_fields(path, value))
        elif number == 3:
            normalizer.update(_fields(path, value))
    if not pieces:
        _refuse(path, "it holds no pieces")
    names = [piece.text for piece in pieces]
    if len(set(names)) < len(names):
        _refuse(path, "a piece is in it twice")

    def chosen(fields, number, default, names=None):
        value = fields.get(number, default)
        if not isinstance(value, int) or (names and value not in names):
            _refuse(path, f"a setting, field {number}, is {value!r:.50}")
        return value

    algorithm = MODELS[chosen(trainer, 3, 1, MODELS)]
    ids = [_signed(chosen(trainer, n, d)) for n, d in ((41, 1), (42, 2), (43, -1))]
    if max(ids) >= len(pieces):
        _refuse(path, f"ids of special tokens are {ids}, of {len(pieces)} pieces")
    return SentencePieceModel(
        pieces,
        algorithm,
        start_id=ids[0],
        end_id=ids[1],
        padding_id=ids[2],
        normalizes=bool(normalizer.get(2)),
        adds_space=bool(chosen(normalizer, 3, 1)),
        removes_spaces=bool(chosen(normalizer, 4, 1)),
        escapes_spaces=bool(chosen(normalizer, 5, 1)),
    )


def _piece(path, data):
    fields = dict(_fields(path, data))
    text, score, kind = fields.get(1), fields.get(2, 0.0), fields.get(3, NORMAL)
    if not isinstance(text, bytes) or not isinstance(score, float):
        _refuse(path, "a piece is no text with a score")
    if kind not in range(NORMAL, BYTE + 1) or score != score:
        _refuse(path, f"a piece has kind {kind} and score {score}")
    try:
        return Piece(text.decode("utf-8"), score, kind)
    except UnicodeDecodeError:
        _refuse(path, "a piece is no text in UTF-8")


def _fields(path: Path, data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a message: an integer, a float or bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(path, data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(path, data, place)
            yield number, value
            continue
        if kind == TEXT:
            size, place = _varint(path, data, place)
        elif kind in (EIGHT, FOUR):
            size = 8 if kind == EIGHT else 4
        else:
            _refuse(path, f"a field is written in way {kind}, which is not known")
        if size > len(data) - place:
            _refuse(path, f"a field would need {size:,} bytes and there are fewer")
        found = data[place : place + size]
        yield number, struct.unpack("<f", found)[0] if kind == FOUR else found
        place += size


def _varint(path, data, place):
    """An integer in groups of seven bits, and the place after it."""
    value = 0
    for shift in range(0, 64, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    _refuse(path, "a number has no end")


def _signed(value):
    """An integer of 32 bits, which may be negative, of one without a sign."""
    value &= 2**32 - 1
    return value - 2**32 if value >= 2**31 else value


def _refuse(path, problem) -> NoReturn:
    raise ValueError(
        f"{path} must be a whole model of SentencePiece; {problem}. It may be "
        "truncated, or something else under this name. Get it again."
    )
