"""tokenizer.model: what its package wrote is read; what is none is refused."""

import struct

import numpy as np
import pytest

from checkpoints import tokens
from tlkeras.checkpoints.formats.sentencepiece import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    read_sentencepiece,
)


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "it holds no pieces"),
        (b"\n", "a number has no end"),
        (b"\n\x7fabc", "a field would need 127 bytes"),
        (b"\xff" * 20, "a number has no end"),
        (b"\x0b", "written in way 3"),
        (b"\x08\x01", "field 1 is no message"),
        (field(1, b"\x10\x01"), "a piece is no text with a score"),
        (field(1, field(1, b"\xff")), "a piece is no text in UTF-8"),
        (field(1, field(1, b"a") + b"\x18\x09"), "a piece has kind 9"),
        (
            field(1, field(1, b"a") + b"\x15" + struct.pack("<f", np.nan)),
            "score nan",
        ),
        (2 * field(1, field(1, b"a")), "a piece is in it twice"),
        (field(1, field(1, b"a")), "ids of special tokens are .* of 1 pieces"),
        (field(1, field(1, b"a")) + field(2, b"\x18\x09"), "field 3, is 9"),
    ],
)
def test_a_model_that_is_none(tmp_path, data, match):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"whole model of SentencePiece.*{match}"):
        read_sentencepiece(path)


def kind(theirs, n):
    """Of the piece with the id n, as its own package tells it."""
    told = {
        UNKNOWN: theirs.is_unknown(n),
        CONTROL: theirs.is_control(n),
        BYTE: theirs.is_byte(n),
    }
    return next((kind for kind, true in told.items() if true), NORMAL)


def test_what_the_package_wrote_is_read(tmp_path):
    package = pytest.importorskip("sentencepiece")
    settings = {"pad_id": 3, "eos_id": -1, "add_dummy_prefix": False}
    path = tokens.sentencepiece(tmp_path, **settings) / "tokenizer.model"
    theirs = package.SentencePieceProcessor(model_file=str(path))
    model = read_sentencepiece(path)
    numbers = range(theirs.vocab_size())
    assert [x.text for x in model.pieces] == [theirs.id_to_piece(n) for n in numbers]
    assert [x.score for x in model.pieces] == [theirs.get_score(n) for n in numbers]
    kinds = [x.kind for x in model.pieces]
    assert kinds == [kind(theirs, n) for n in numbers]
    assert [kinds.count(x) for x in (UNKNOWN, CONTROL, BYTE)] == [1, 2, 256]
    assert (model.start_id, model.end_id, model.padding_id) == (1, -1, 3)
    assert model.algorithm == "bpe"
    flags = model.normalizes, model.adds_space, model.removes_spaces
    assert (*flags, model.escapes_spaces) == (False, False, False, True)


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"model_type": "unigram"}, {"algorithm": "unigram"}),
        ({"normalization_rule_name": "nmt_nfkc"}, {"normalizes": True}),
        ({"remove_extra_whitespaces": True}, {"removes_spaces": True}),
    ],
    ids=str,
)
def test_each_setting_is_read(tmp_path, settings, changed):
    pytest.importorskip("sentencepiece")
    before, after = (
        read_sentencepiece(
            tokens.sentencepiece(tmp_path / name, **said) / "tokenizer.model"
        )
        for name, said in (("plain", {}), ("other", settings))
    )
    assert before.adds_space
    whole = before._replace(pieces=[], **changed)
    assert after._replace(pieces=[]) == whole != before._replace(pieces=[])
