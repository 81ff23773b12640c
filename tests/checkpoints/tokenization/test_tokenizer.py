"""Text to ids and back: one interface for tokenizers of all kinds."""

import json
import pickle
import shutil

import numpy as np
import pytest

from checkpoints import tokens
from tlkeras.checkpoints import Tokenizer, load_tokenizer

tokenizers = pytest.importorskip("tokenizers")
each_lossless = pytest.mark.parametrize("kind", tokens.KINDS[:-1])


@each_lossless
@tokens.each_text
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


@tokens.each_kind
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


@tokens.each_kind
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
        do(load_tokenizer(tokens.BERT))


# Windows over a passage

QUESTION, PASSAGE = "what is it?", "one two three four five six seven eight nine ten"


@tokens.each_kind
@pytest.mark.parametrize("stride", [1, 3, 5])
def test_windows_read_every_token_of_a_passage(every, kind, stride):
    tokenizer = every[kind]
    asked = len(tokenizer.encode(QUESTION, special=False))
    whole, offsets = tokenizer.encode(PASSAGE, special=False, return_offsets=True)
    extra = len(tokenizer([QUESTION], [PASSAGE])["token_ids"][0]) - asked - len(whole)
    length = asked + extra + 5
    batch = tokenizer.windows(QUESTION, PASSAGE, length, stride)
    count = 1 + max(0, -(-(len(whole) - 5) // stride))
    assert batch["token_ids"].shape == (count, length)
    for row in range(count):
        part = slice(row * stride, row * stride + 5)
        inside = batch["offsets"][row, :, 1] > 0
        assert batch["token_ids"][row][inside].tolist() == whole[part]
        assert batch["offsets"][row][inside].tolist() == list(map(list, offsets[part]))
        assert batch["padding_mask"][row].sum() == asked + extra + inside.sum()


@tokens.each_kind
def test_a_passage_that_fits_is_one_window(every, kind):
    tokenizer = every[kind]
    length = len(tokenizer([QUESTION], [PASSAGE])["token_ids"][0])
    batch = tokenizer.windows(QUESTION, PASSAGE, length + 3, stride=1)
    pair = tokenizer([QUESTION], [PASSAGE], sequence_length=length + 3)
    for name, wanted in pair.items():
        np.testing.assert_array_equal(batch[name], wanted)


@tokens.each_kind
def test_an_empty_passage_is_one_window(every, kind):
    batch = every[kind].windows(QUESTION, "", 40, stride=2)
    assert len(batch["token_ids"]) == 1
    assert not batch["offsets"].any()


def test_windows_without_room_or_with_gaps_are_refused(every):
    tokenizer = every["words"]
    taken = len(tokenizer([QUESTION], [""])["token_ids"][0])
    with pytest.raises(ValueError, match="leave room for the passage"):
        tokenizer.windows(QUESTION, PASSAGE, taken, stride=1)
    with pytest.raises(ValueError, match="stride must be at most 2"):
        tokenizer.windows(QUESTION, PASSAGE, taken + 2, stride=3)
    with pytest.raises(ValueError, match="stride"):
        tokenizer.windows(QUESTION, PASSAGE, taken + 2, stride=0)
    with pytest.raises(ValueError, match="passage must be texts"):
        tokenizer.windows(QUESTION, None, 40, stride=2)
