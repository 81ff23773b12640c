"""tokenizer.json, vocab.json and merges.txt: damaged ones are refused."""

import base64

import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer

tokenizers = pytest.importorskip("tokenizers")
BPE = {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}


def damaged(table):
    return {"type": "Precompiled", "precompiled_charsmap": table}


def test_a_file_cannot_cut_or_fill_up(folders, tmp_path):
    """Truncation and padding that were left in a tokenizer.json have no effect."""
    core = tokenizers.Tokenizer.from_file(str(folders / "json" / "tokenizer.json"))
    core.enable_truncation(3)
    core.enable_padding(length=50)
    core.save(str(tmp_path / "tokenizer.json"))
    ids = load_tokenizer(tmp_path).encode("the mean of all elements")
    assert ids == load_tokenizer(folders / "json").encode("the mean of all elements")
    assert 3 < len(ids) < 50


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "must be JSON"),
        (b"{", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b" " * (2**26 + 1), "at most 67,108,864 bytes"),
        ([], "must hold a dictionary"),
        ({}, "must .* hold a model; it holds nothing"),
        ({"model": 3}, "model in .* must hold a dictionary"),
        ({"model": {}}, "the package tokenizers says"),
        ({"model": {"type": "Magic"}}, "the package tokenizers says"),
        ({"model": BPE | {"vocab": 3}}, "the package tokenizers says"),
        ({"model": BPE | {"vocab": {"a": -1}}}, "the package tokenizers says"),
        ({"model": BPE | {"vocab": {"a": 2**40}}}, "the package tokenizers says"),
        ({"model": BPE | {"vocab": {"a": 2**31}}}, "an id from 0 to 16,777,215"),
        ({"model": BPE | {"vocab": {"a": 1, "b": 1}}}, "2 tokens and 1 ids"),
        ({"model": BPE | {"vocab": {}}}, "0 tokens and 0 ids"),
        ({"model": BPE | {"merges": ["a c"]}}, "the package tokenizers says"),
        ({"model": BPE | {"end_of_word_suffix": "</w>"}}, "as CLIP has"),
        ({"model": BPE, "decoder": {"type": "CTC"}}, "decoder must be .* given CTC"),
        ({"model": BPE, "decoder": []}, r"decoder must be .* given \[\]"),
        ({"model": BPE, "decoder": {"type": "Sequence"}}, "decoder must be"),
        ({"model": BPE, "normalizer": damaged("!")}, "precompiled_charsmap must be"),
        ({"model": BPE, "normalizer": damaged(None)}, "precompiled_charsmap must be"),
        (
            {"model": BPE, "normalizer": damaged("AAAAAAAA")},
            "precompiled_charsmap must",
        ),
        (
            {
                "model": BPE,
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [
                        damaged(base64.b64encode(b"\xff" * 40).decode()),
                    ],
                },
            },
            "precompiled_charsmap must be",
        ),
    ],
    ids=lambda x: str(x)[:40],
)
def test_a_tokenizer_json_that_is_none(tmp_path, content, match):
    tokens.refused(tokens.written(tmp_path, tokenizer__json=content), match)


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({"vocab__json": {"a": "0"}}, "an id from 0 .* given '0' for 'a'"),
        ({"vocab__json": {"a": 0.5}}, "an id from 0"),
        ({"vocab__json": {"a": True}}, "an id from 0"),
        ({"vocab__json": {"a": 10**30}}, "an id from 0"),
        ({"vocab__json": {"a": 1, "b": 1}}, "2 tokens and 1 ids"),
        ({"vocab__json": {}}, "0 tokens and 0 ids"),
        ({"vocab__json": ["a"]}, "must hold a dictionary"),
        ({"merges__txt": b"a\n"}, "two tokens with one space between them; given 'a'"),
        ({"merges__txt": b"a b c\n"}, "given 'a b c'"),
        ({"merges__txt": b"a z\n"}, "the package tokenizers says"),
        ({"merges__txt": "a ü".encode("latin-1")}, "must be text in UTF-8"),
        (
            {"tokenizer_config__json": {"add_prefix_space": "no"}},
            "add_prefix_space must",
        ),
        ({"tokenizer_config__json": {"eos_token": 3}}, "as end_id; given 3"),
        (
            {
                "tokenizer_config__json": {
                    "added_tokens_decoder": {"9": {"content": "x"}}
                }
            },
            "'x' must have the id 9, and would get 2",
        ),
        (
            {"tokenizer_config__json": {"added_tokens_decoder": {"x": {}}}},
            "invalid literal",
        ),
        ({"tokenizer_config__json": {"added_tokens_decoder": []}}, "a dictionary"),
        ({"added_tokens__json": {"x": "y"}}, "'x' must have the id y, and would get 2"),
    ],
    ids=lambda x: str(x)[:60],
)
def test_merges_that_are_damaged(tmp_path, files, match):
    sound = {"vocab__json": {"a": 0, "b": 1}, "merges__txt": b""}
    assert load_tokenizer(tokens.written(tmp_path, **sound)).encode("ab") == [0, 1]
    tokens.refused(tokens.written(tmp_path, **{**sound, **files}), match)
