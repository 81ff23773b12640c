"""The tokenizer in a GGUF file."""

import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer
from tlkeras.checkpoints.formats.gguf import read_metadata
from tlkeras.checkpoints.formats.sentencepiece import read_sentencepiece

pytest.importorskip("tokenizers")


@pytest.mark.parametrize(
    ("pre", "spelled"),
    [
        ("smollm", ["Ġth", "ĠĠ", "1", "2", "a"]),
        ("gpt-2", ["Ġth", "Ġ", "Ġ", "12", "a"]),
        ("llama-bpe", ["Ġth", "Ġ", "Ġ", "12", "a"]),
        ("qwen2", ["Ġth", "Ġ", "Ġ", "1", "2", "a"]),
    ],
)
def test_digits_are_cut_as_a_gguf_file_says(tmp_path, pre, spelled):
    tokenizer = load_tokenizer(tokens.gguf_of(tmp_path, pre))
    assert tokenizer.end_id == 0
    assert tokenizer.start_id is tokenizer.padding_id is None
    found = tokenizer.tokens(tokenizer.encode(" th  12a"))
    assert found == spelled


@pytest.mark.parametrize(
    ("starts", "ends", "spelled"),
    [
        (None, None, ["a"]),
        (True, None, ["b", "a"]),
        (False, True, ["a", "<|end|>"]),
        (True, True, ["b", "a", "<|end|>"]),
    ],
)
def test_what_a_gguf_file_puts_around_a_text(tmp_path, starts, ends, spelled):
    b = 1 + sorted(tokens.bytes_and_letters()).index("b")
    added = {"add_bos_token": starts, "add_eos_token": ends, "bos_token_id": b}
    tokenizer = load_tokenizer(tokens.gguf_of(tmp_path, **added))
    assert tokenizer.tokens(tokenizer.encode("a")) == spelled
    assert tokenizer.tokens(tokenizer.encode("a", special=False)) == ["a"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"model": "bert"}, "must be one of gpt2, llama; given 'bert'"),
        ({"model": None}, "must be one of gpt2, llama; given None"),
        ({"pre": "poro"}, "must be one of gpt-2, smollm, .* given 'poro'"),
        ({"pre": None}, "how texts are cut; given None"),
        ({"tokens": None}, "KeyError|tokens must be a list"),
        ({"tokens": [1, 2]}, "tokens must be a list of str"),
        ({"tokens": ["a", "a"]}, "2 tokens, 1 different, and 261 types"),
        ({"token_type": [1]}, "261 tokens, 261 different, and 1 types"),
        ({"token_type": ["x"] * 261}, "token_type must be a list of int"),
        ({"merges": ["ab"]}, "two tokens with one space between them; given 'ab'"),
        ({"merges": ["a Ω"]}, "the package tokenizers says"),
        ({"merges": None}, "merges must be a list"),
        ({"eos_token_id": 261}, "end_id must be one of the 261 tokens; given 261"),
        ({"add_bos_token": "yes"}, "add_bos_token must be True or False"),
        ({"model": "llama"}, "scores must be a list"),
        ({"model": "llama", "scores": [0.5]}, "as many as tokens, 261; given 1"),
    ],
    ids=str,
)
def test_a_gguf_tokenizer_that_is_none(tmp_path, changes, match):
    tokens.refused(tokens.gguf_of(tmp_path, **changes), match)


def test_a_gguf_file_of_sentencepiece(tmp_path):
    """The same ids as from its own file."""
    gguf = pytest.importorskip("gguf")
    pytest.importorskip("sentencepiece")
    own = tokens.sentencepiece(tmp_path / "own")
    model = read_sentencepiece(own / "tokenizer.model")
    (tmp_path / "gguf").mkdir()
    writer = gguf.GGUFWriter(tmp_path / "gguf" / "a.gguf", "toy")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece.text for piece in model.pieces])
    writer.add_token_scores([piece.score for piece in model.pieces])
    writer.add_token_types([piece.kind for piece in model.pieces])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    left, right = load_tokenizer(own), load_tokenizer(tmp_path / "gguf")
    assert repr(left) == repr(right)
    for text in [*tokens.real_texts(60), *tokens.ODD.values()]:
        assert left.encode(text) == right.encode(text)
        assert right.decode(right.encode(text)) == text


def test_the_path_of_the_file_does_as_well(tmp_path):
    folder = tokens.gguf_of(tmp_path)
    for name in ("a.gguf", "b.gguf"):  # of two files in a folder, the one that is named
        (folder / name).write_bytes((folder / "a.gguf").read_bytes())
    with pytest.raises(ValueError, match="Leave one GGUF file in it"):
        load_tokenizer(folder)
    assert load_tokenizer(folder / "b.gguf").decode([0, 1])
    (folder / "b.gguf").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match="The tokenizer in"):
        load_tokenizer(folder / "b.gguf")


def test_metadata_alone(tmp_path):
    tokens.gguf_of(tmp_path)
    said = read_metadata(tmp_path / "a.gguf")
    assert said["general.architecture"] == "toy"
    assert said["tokenizer.ggml.tokens"][-1] == "ĠĠ"
