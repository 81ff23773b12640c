"""Which files make a tokenizer; those of other kinds are named."""

import random

import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer

pytest.importorskip("tokenizers")


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "must hold tokenizer.json, or .* it holds nothing"),
        ({"notes__txt": b""}, r"it holds notes.txt. transformers writes"),
        (
            {"spiece__model": b""},
            "spiece.model is a SentencePiece model .* transformers",
        ),
        ({"sentencepiece__bpe__model": b""}, "one whose ids its class shifts"),
        (
            {"vocab__json": {"a": 0}},
            "vocab.json is a vocabulary without its merges.txt",
        ),
        ({"merges__txt": b"a b"}, "merges.txt is merges without their vocab.json"),
        ({"a__gguf": b"", "b__gguf": b""}, "Leave one GGUF file in it"),
        ({"a__gguf": b"GGUF"}, "must be a whole GGUF file"),
        (
            {"tokenizer__json": {"registered_name": "keras_hub>GPT2Tokenizer"}},
            "holds registered_name .*load it with KerasHub",
        ),
        (
            {
                "vocab__txt": b"a",
                "tokenizer_config__json": {"tokenizer_class": "BertJapaneseTokenizer"},
            },
            "tokenizer_class .* one of BertTokenizer.* given 'BertJapaneseTokenizer'",
        ),
        (
            {
                "vocab__json": {"a": 0},
                "merges__txt": b"",
                "tokenizer_config__json": {"tokenizer_class": "Qwen2Tokenizer"},
            },
            "one of GPT2Tokenizer, RobertaTokenizer .* given 'Qwen2Tokenizer'",
        ),
        (
            {
                "tokenizer__model": b"",
                "tokenizer_config__json": {"tokenizer_class": "CamembertTokenizer"},
            },
            "one of LlamaTokenizer, GemmaTokenizer .* given 'CamembertTokenizer'",
        ),
    ],
)
def test_what_is_of_another_kind_is_named(tmp_path, files, match):
    tokens.refused(tokens.written(tmp_path, **files), match)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"model_type": "unigram"}, "given unigram, keeps characters, keeps spaces"),
        ({"normalization_rule_name": "nmt_nfkc"}, "given bpe, changes characters"),
        ({"remove_extra_whitespaces": True}, "keeps characters, removes spaces"),
        ({"user_defined_symbols": ["numpy"]}, "found in texts; given 'numpy'"),
        (
            {"user_defined_symbols": ["a b"], "add_dummy_prefix": False},
            "found in texts; given 'a b'",
        ),
    ],
)
def test_another_kind_of_sentencepiece(tmp_path, settings, match):
    pytest.importorskip("sentencepiece")
    tokens.refused(tokens.sentencepiece(tmp_path, **settings), match)


@pytest.mark.parametrize("preset", ["", None, 3, "nowhere", "tlkeras://nothing"])
def test_no_folder(preset):
    with pytest.raises(ValueError, match="preset must be"):
        load_tokenizer(preset)


@pytest.mark.parametrize("kind", ["json", "spaced", "gguf"])
def test_damaged_bytes_are_refused_or_do_no_harm(tmp_path, kind):
    """Whatever byte is wrong: a tokenizer or a `ValueError`, nothing else."""
    make = {
        "json": lambda: tokens.bytes_only(tmp_path / kind),
        "spaced": lambda: tokens.sentencepiece(tmp_path / kind, vocab_size=400),
        "gguf": lambda: tokens.gguf_of(tmp_path / kind),
    }
    pytest.importorskip({"spaced": "sentencepiece", "gguf": "gguf"}.get(kind, "json"))
    folder = make[kind]()
    name = {"json": "vocab.json", "spaced": "tokenizer.model", "gguf": "a.gguf"}[kind]
    path, chance = folder / name, random.Random(0)
    data, refusals = path.read_bytes(), 0
    for _ in range(120):
        wrong = bytearray(data)
        place = chance.randrange(len(data))
        wrong[place] = chance.randrange(256)
        path.write_bytes(wrong if chance.random() < 0.7 else wrong[:place])
        try:
            load_tokenizer(folder).encode("the mean")
        except ValueError:
            refusals += 1
    assert refusals > 30
