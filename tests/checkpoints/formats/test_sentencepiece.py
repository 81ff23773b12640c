"""tokenizer.model of SentencePiece: what is none is refused."""

import struct

import numpy as np
import pytest

from tlkeras.checkpoints.formats.sentencepiece import read_sentencepiece


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
