"""Tokenizers that come with a preset: one interface for all kinds."""

import json
import pickle
import shutil

import numpy as np
import pytest

from checkpoints import tokens
from tlkeras.checkpoints import Tokenizer, load_tokenizer

tokenizers = pytest.importorskip("tokenizers")
BERT = "tlkeras://bert_docstrings"
KINDS = ("bytes", "merges", "json", "spaced", "words")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each kind."""
    home = tmp_path_factory.mktemp("tokenizers")
    trained = tokens.byte_level(home / "json")
    (home / "merges").mkdir()
    for name in ("vocab.json", "merges.txt"):
        shutil.move(trained / name, home / "merges" / name)
    tokens.bytes_only(home / "bytes")
    return home


@pytest.fixture(scope="module")
def every(folders):
    """A tokenizer of each kind, by its name."""
    pytest.importorskip("sentencepiece")
    tokens.sentencepiece(folders / "spaced")
    found = {name: load_tokenizer(folders / name) for name in KINDS if name != "words"}
    return {**found, "words": load_tokenizer(BERT)}


each_kind = pytest.mark.parametrize("kind", KINDS)
each_lossless = pytest.mark.parametrize("kind", KINDS[:-1])
each_text = pytest.mark.parametrize("text", tokens.ODD.values(), ids=tokens.ODD)


# ── text and back ─────────────────────────────────────────────────────────────────────


@each_lossless
@each_text
def test_any_text_comes_back(every, kind, text):
    tokenizer = every[kind]
    assert tokenizer.missing_bytes == b""
    assert tokenizer.decode(tokenizer.encode(text)) == text


@each_lossless
def test_every_character_comes_back(every, kind):
    characters = [chr(n) for n in (*range(0xD800), *range(0xE000, 0x10FFFF, 97))]
    text = "".join(x for x in characters if x != "\u2581")
    assert every[kind].decode(every[kind].encode(text)) == text


def test_what_sentencepiece_loses(every):
    """Its mark for a space becomes a space."""
    tokenizer = every["spaced"]
    assert tokenizer.decode(tokenizer.encode("a\u2581b")) == "a b"


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("The  mean\n of\tit", "the mean of it"),  # spaces, capitals
        ("Thé mean", "the mean"),  # accents
        ("the\x00 me\x1ban\ufffd", "the mean"),  # control characters
        ("the 😀 mean", "the mean"),  # what has no pieces: [UNK], which is special
        ("it is , so", "it is, so"),  # spaces before marks
        ("", ""),
        ("\n", ""),
    ],
)
def test_what_wordpiece_loses(every, text, back):
    assert every["words"].decode(every["words"].encode(text)) == back


def test_bytes_that_a_vocabulary_lacks_are_dropped_and_named(folders, tmp_path):
    folder = shutil.copytree(folders / "bytes", tmp_path / "some")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    kept = {x: n for x, n in vocabulary.items() if x not in ("Ē", "ñ")}  # 0x12, 0xF1
    (folder / "vocab.json").write_text(json.dumps(kept))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.missing_bytes == b"\xf1\x12"
    assert tokenizer.decode(tokenizer.encode("a\x12b")) == "ab"


# ── text as it comes ──────────────────────────────────────────────────────────────────


@each_kind
@each_text
def test_a_stream_gives_whole_characters_and_the_same_text(every, kind, text):
    ids = every[kind].encode(text)
    stream = every[kind].stream()
    pieces = [stream.add(n) for n in ids]
    assert "".join(pieces) == every[kind].decode(ids)
    assert stream.finish() == ""
    if "\ufffd" not in text:
        assert "\ufffd" not in "".join(pieces)


def test_a_character_comes_with_its_last_byte(every):
    stream = every["bytes"].stream()
    ids = every["bytes"].encode("é😀\ufffd!")
    assert [stream.add(n) for n in ids] == (
        ["", "é", "", "", "", "😀", "", "", "\ufffd", "!"]
    )


@pytest.mark.parametrize("kind", ["bytes", "spaced"])
def test_bytes_that_are_no_character(every, kind):
    """Half a character, then a letter; and one that never ends."""
    tokenizer = every[kind]
    half = tokenizer.encode("😀", special=False)[-4:-1]
    letter = tokenizer.encode("!", special=False)[-1]
    assert tokenizer.decode([*half, letter, *half]).strip() == "\ufffd!\ufffd"
    stream = tokenizer.stream()
    pieces = [stream.add(n) for n in [*half, letter, *half]]
    assert [x.strip() for x in pieces] == ["", "", "", "\ufffd!", "", "", ""]
    assert stream.finish() == "\ufffd"


@each_kind
def test_decoding_is_that_of_the_package(every, kind):
    """On every text, with and without special tokens."""
    tokenizer = every[kind]
    for text in [*tokens.real_texts(100), *tokens.ODD.values()]:
        for special in (True, False):
            ids = tokenizer.encode(text)
            theirs = tokenizer._core.decode(ids, skip_special_tokens=special)
            assert tokenizer.decode(ids, skip_special=special) == theirs


# ── batches, offsets, special tokens ──────────────────────────────────────────────────


@each_kind
def test_offsets_are_where_tokens_stand(every, kind):
    text = "Zoë's  naïve mean,\n of 😀 x"
    ids, offsets = every[kind].encode(text, special=False, return_offsets=True)
    assert len(ids) == len(offsets)
    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)
    covered = {n for start, end in offsets for n in range(start, end)}
    assert {n for n, x in enumerate(text) if not x.isspace()} <= covered
    for start, end in offsets:
        assert 0 <= start <= end <= len(text)
        piece = text[start:end]
        assert not piece.strip() or not piece[0].isspace()
    if kind == "words":
        assert text[slice(*offsets[-1])] == "x"
        assert next(text[a:b] for a, b in offsets if a >= 13) == "mean"


@each_kind
def test_a_batch_is_its_texts(every, kind):
    tokenizer = every[kind]
    texts = ["the mean of all elements", "x", ""]
    batch = tokenizer(texts)
    ids = tokenizer.encode(texts)
    assert list(ids) == [tokenizer.encode(text) for text in texts]
    assert batch["token_ids"].shape == (3, max(map(len, ids)))
    assert batch["token_ids"].dtype == np.int32
    assert batch["padding_mask"].sum(axis=1).tolist() == list(map(len, ids))
    for row, one in enumerate(ids):
        assert batch["token_ids"][row, : len(one)].tolist() == one
        assert (
            batch["token_ids"][row, len(one) :] == (tokenizer.padding_id or 0)
        ).all()
    assert tokenizer.decode(ids) == [tokenizer.decode(one) for one in ids]


def test_bert_frames_texts_and_pairs(every):
    tokenizer = every["words"]
    batch = tokenizer(["the mean"], ["of all"], return_offsets=True)
    spelled = tokenizer.tokens(batch["token_ids"][0])
    assert spelled == ["[CLS]", "the", "mean", "[SEP]", "of", "all", "[SEP]"]
    assert batch["segment_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1]]
    assert batch["offsets"][0].tolist() == (
        [[0, 0], [0, 3], [4, 8], [0, 0], [0, 2], [3, 6], [0, 0]]
    )
    ids = [getattr(tokenizer, f"{x}_id") for x in ("padding", "start", "end", "mask")]
    assert tokenizer.tokens(ids) == ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.id_of("[UNK]") == tokenizer.unknown_id == 1
    assert tokenizer.vocabulary_size == 6000


@pytest.mark.parametrize(
    ("lengths", "room", "left"),
    [
        ((9, 3), 8, (5, 3)),
        ((3, 9), 8, (3, 5)),
        ((9, 9), 8, (4, 4)),
        ((9, 9), 9, (4, 5)),
        ((4, 4), 8, (4, 4)),
    ],
)
def test_the_longer_text_of_a_pair_is_cut(every, lengths, room, left):
    tokenizer = every["words"]
    first, second = (" ".join(["mean"] * n) for n in lengths)
    batch = tokenizer([first], [second], sequence_length=room + 3)
    assert batch["padding_mask"].all() == (sum(left) == room)
    segments = batch["segment_ids"][0]
    assert ((segments == 0).sum() - 2, (segments == 1).sum() - 1) == left
    assert tokenizer.tokens(batch["token_ids"][0])[-1] == "[SEP]"


def test_special_tokens_in_a_text(every):
    tokenizer = every["json"]
    ids = tokenizer.encode("a<|endoftext|>b")
    assert tokenizer.end_id in ids
    assert tokenizer.decode(ids) == "ab"
    assert tokenizer.decode(ids, skip_special=False) == "a<|endoftext|>b"
    literal = tokenizer.encode("a<|endoftext|>b", read_special=False)
    assert tokenizer.end_id not in literal
    assert tokenizer.decode(literal) == "a<|endoftext|>b"
    again = tokenizer.encode("a<|endoftext|>b")
    assert again == ids


def test_a_file_cannot_cut_or_fill_up(folders, tmp_path):
    """Truncation and padding that were left in a tokenizer.json have no effect."""
    core = tokenizers.Tokenizer.from_file(str(folders / "json" / "tokenizer.json"))
    core.enable_truncation(3)
    core.enable_padding(length=50)
    core.save(str(tmp_path / "tokenizer.json"))
    ids = load_tokenizer(tmp_path).encode("the mean of all elements")
    assert ids == load_tokenizer(folders / "json").encode("the mean of all elements")
    assert 3 < len(ids) < 50


def test_a_config_says_what_tokens_are_for(folders, tmp_path):
    folder = shutil.copytree(folders / "json", tmp_path / "json")
    tokenizer = load_tokenizer(folder)
    assert tokenizer.start_id == tokenizer.end_id == 0
    assert tokenizer.padding_id is tokenizer.mask_id is None
    new = {"content": "<pad>", "special": True}
    config = {
        "bos_token": None,
        "eos_token": {"content": "<|endoftext|>"},
        "pad_token": "<pad>",
        "added_tokens_decoder": {str(tokenizer.vocabulary_size): new},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    changed = load_tokenizer(folder)
    assert (changed.start_id, changed.end_id) == (None, 0)
    assert changed.padding_id == tokenizer.vocabulary_size
    assert changed.vocabulary_size == tokenizer.vocabulary_size + 1
    config["pad_token"] = "<other>"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"vocabulary as padding_id; .*oth"):
        load_tokenizer(folder)


def test_merges_and_json_are_one_tokenizer(every):
    for text in [*tokens.real_texts(60), *tokens.ODD.values()]:
        assert every["merges"].encode(text) == every["json"].encode(text)


def test_a_roberta_frames_texts(folders, tmp_path):
    folder = shutil.copytree(folders / "bytes", tmp_path / "roberta")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary |= {"<s>": 256, "</s>": 257, "<pad>": 258, "<mask>": 259}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    config = {"tokenizer_class": "RobertaTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(folder)
    batch = tokenizer(["a"], ["b"])
    spelled = tokenizer.tokens(batch["token_ids"][0])
    assert spelled == ["<s>", "a", "</s>", "</s>", "b", "</s>"]
    assert (tokenizer.padding_id, tokenizer.mask_id) == (258, 259)


def test_a_tokenizer_of_ones_own():
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 5}, "a"))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = Tokenizer(core, unknown_id=0)
    assert tokenizer.encode("b c") == [5, 0]
    assert tokenizer.decode([5, 0]) == "b a"
    assert tokenizer.vocabulary_size == 6
    assert repr(tokenizer).startswith("Tokenizer(vocabulary_size=6, padding_id=None")
    with pytest.raises(ValueError, match="below 6; given 3"):
        tokenizer.decode([3])
    with pytest.raises(ValueError, match="end_id must be ids of the vocabulary"):
        Tokenizer(core, end_id=9)


def test_a_tokenizer_can_be_pickled(every):
    copy = pickle.loads(pickle.dumps(every["json"]))
    assert copy.encode("the mean") == every["json"].encode("the mean")


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda t: t.encode(3), "texts must be texts; given int"),
        (lambda t: t.encode(["a", None]), "texts must be texts; given NoneType"),
        (lambda t: t.encode([b"a"]), "texts must be texts; given bytes"),
        (lambda t: t.encode("a\ud800"), "half a surrogate pair, at character 1"),
        (lambda t: t("a"), "must be lists of texts; given one text"),
        (lambda t: t(["a", "b"], ["c"]), "pairs must be as many as texts, 2; given 1"),
        (lambda t: t(["a"], sequence_length=2), "leave room .* beside 2 special"),
        (lambda t: t(["a"], sequence_length=0), "sequence_length must be a positive"),
        (lambda t: t.decode([1.5]), "token_ids must be integers"),
        (lambda t: t.decode(["a"]), "token_ids must be integers"),
        (lambda t: t.decode([6000]), "ids of the vocabulary, below 6000; given 6000"),
        (lambda t: t.decode([-1]), "ids of the vocabulary, below 6000; given -1"),
        (lambda t: t.id_of("nonsense!"), "one of the vocabulary; given 'nonsense!'"),
    ],
)
def test_wrong_arguments(do, message):
    with pytest.raises(ValueError, match=message):
        do(load_tokenizer(BERT))
