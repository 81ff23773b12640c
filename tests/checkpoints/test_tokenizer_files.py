"""Files of tokenizers: those of each kind, those of other kinds, damaged ones."""

import base64
import json
import random
import struct

import numpy as np
import pytest

from checkpoints import tokens
from tlkeras.checkpoints import load_tokenizer
from tlkeras.checkpoints.formats.gguf import read_metadata
from tlkeras.checkpoints.formats.sentencepiece import read_sentencepiece

pytest.importorskip("tokenizers")


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def refused(folder, match):
    with pytest.raises(ValueError, match=match):
        load_tokenizer(folder)


# ── of another kind, or none ──────────────────────────────────────────────────────────


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
    refused(written(tmp_path, **files), match)


@pytest.mark.parametrize("preset", ["", None, 3, "nowhere", "tlkeras://nothing"])
def test_no_folder(preset):
    with pytest.raises(ValueError, match="preset must be"):
        load_tokenizer(preset)


# ── tokenizer.json ────────────────────────────────────────────────────────────────────

BPE = {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}
BYTES = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True}


def damaged(table):
    return {"type": "Precompiled", "precompiled_charsmap": table}


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
    refused(written(tmp_path, tokenizer__json=content), match)


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
    assert load_tokenizer(written(tmp_path, **sound)).encode("ab") == [0, 1]
    refused(written(tmp_path, **{**sound, **files}), match)


@pytest.mark.parametrize("kind", ["json", "spaced", "gguf"])
def test_damaged_bytes_are_refused_or_do_no_harm(tmp_path, kind):
    """Whatever byte is wrong: a tokenizer or a `ValueError`, nothing else."""
    make = {
        "json": lambda: tokens.bytes_only(tmp_path / kind),
        "spaced": lambda: tokens.sentencepiece(tmp_path / kind, vocab_size=400),
        "gguf": lambda: gguf_of(tmp_path / kind),
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


# ── SentencePiece ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"add_dummy_prefix": False},
        {"byte_fallback": False},
        {"pad_id": 3, "eos_id": 4},
        {"control_symbols": ["<sep>"]},
        {"user_defined_symbols": ["numpy"], "add_dummy_prefix": False},
    ],
    ids=str,
)
def test_the_ids_of_sentencepiece(tmp_path, settings):
    package = pytest.importorskip("sentencepiece")
    folder = tokens.sentencepiece(tmp_path, **settings)
    tokenizer = load_tokenizer(folder)
    model = folder / "tokenizer.model"
    theirs = package.SentencePieceProcessor(model_file=str(model))
    assert tokenizer.vocabulary_size == theirs.vocab_size()
    assert tokenizer.start_id == theirs.bos_id()
    assert tokenizer.end_id == theirs.eos_id()
    assert tokenizer.unknown_id == theirs.unk_id()
    assert (tokenizer.padding_id or -1) == theirs.pad_id()
    for text in [*tokens.real_texts(200), *tokens.ODD.values()]:
        ids = tokenizer.encode(text)
        assert ids == [theirs.bos_id(), *theirs.encode(text)], text
        if theirs.unk_id() not in ids:
            assert tokenizer.decode(ids) == theirs.decode(ids[1:])


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
    refused(tokens.sentencepiece(tmp_path, **settings), match)


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


# ── GGUF ──────────────────────────────────────────────────────────────────────────────


def gguf_of(folder, pre="smollm", **changes):
    """A GGUF file with a byte-level vocabulary: all bytes, and two merges."""
    gguf = pytest.importorskip("gguf")
    folder.mkdir(exist_ok=True)
    letters = sorted(tokens.bytes_and_letters())
    said = {
        "model": "gpt2",
        "pre": pre,
        "tokens": ["<|end|>", *letters, "Ġt", "Ġth", "12", "ĠĠ"],
        "token_type": [3] + [1] * 260,
        "merges": ["Ġ t", "Ġt h", "1 2", "Ġ Ġ"],
        "eos_token_id": 0,
        **changes,
    }
    writer = gguf.GGUFWriter(folder / "a.gguf", "toy")
    for name, value in said.items():
        kind = {str: "string", list: "array", bool: "bool"}.get(type(value), "uint32")
        if value is not None:
            getattr(writer, f"add_{kind}")(f"tokenizer.ggml.{name}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return folder


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
    tokenizer = load_tokenizer(gguf_of(tmp_path, pre))
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
    tokenizer = load_tokenizer(gguf_of(tmp_path, **added))
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
    refused(gguf_of(tmp_path, **changes), match)


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


def test_metadata_alone(tmp_path):
    gguf_of(tmp_path)
    said = read_metadata(tmp_path / "a.gguf")
    assert said["general.architecture"] == "toy"
    assert said["tokenizer.ggml.tokens"][-1] == "ĠĠ"
