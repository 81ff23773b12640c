"""From text to the inputs of a BERT, with the vocabulary of a preset."""

import numpy as np
import pytest

from checkpoints.small import (
    bert,
    their_tensors,
    write,
)
from tlkeras.checkpoints import preprocessor

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]


def test_preprocessor(tmp_path):
    pytest.importorskip("keras_hub")
    write(tmp_path, their_tensors(bert()))
    with pytest.raises(ValueError, match=r"must hold a vocab\.txt"):
        preprocessor(tmp_path)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "##ness"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    batch = preprocessor(tmp_path, sequence_length=6)(["Goodnéss", "bad good"])
    np.testing.assert_array_equal(
        batch["token_ids"], [[2, 5, 6, 3, 0, 0], [2, 1, 5, 3, 0, 0]]
    )
    np.testing.assert_array_equal(batch["padding_mask"], batch["token_ids"] != 0)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"none is \[PAD\]"),
        (b"good\nbad\n", r"2 lines none is \[PAD\]"),
        ("\n".join(WORDS[:4]).encode(), r"none is \[MASK\]"),
        ("\n".join(WORDS).encode("utf-16"), "must be text in UTF-8"),
        (b"\n" * (2**24 + 1), "at most 16,777,216 bytes"),
    ],
)
def test_a_vocabulary_that_is_none(preset, content, match):
    folder = preset("ours")
    (folder / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=match):
        preprocessor(folder)


def test_a_vocabulary_from_windows(preset):
    pytest.importorskip("keras_hub")
    folder = preset("ours")
    (folder / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(WORDS).encode())
    batch = preprocessor(folder, sequence_length=4)(["good bad"])
    assert np.array(batch["token_ids"]).tolist() == [[2, 5, 6, 3]]
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": "yes"}')
    with pytest.raises(ValueError, match="do_lower_case must be True or False"):
        preprocessor(folder)
