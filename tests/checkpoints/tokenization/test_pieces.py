"""What tokens stand for: text as it comes, and whole texts."""

import pytest

from checkpoints import tokens
from tlkeras.checkpoints.tokenization import pieces

pytest.importorskip("tokenizers")


@tokens.each_kind
@tokens.each_text
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


@tokens.each_kind
def test_decoding_is_that_of_the_package(every, kind):
    """On every text, with and without special tokens."""
    tokenizer = every[kind]
    for text in [*tokens.real_texts(100), *tokens.ODD.values()]:
        for special in (True, False):
            ids = tokenizer.encode(text)
            theirs = tokenizer._core.decode(ids, skip_special_tokens=special)
            assert tokenizer.decode(ids, skip_special=special) == theirs


def test_ends_of_words_are_spaces_between_them():
    """As CLIP spells them: a space waits until another word comes."""
    letters = pieces.ByteLevel("</w>")
    table = {1: ("ca", False), 2: ("t</w>", False), 3: ("<|end|>", True)}

    def read(token_id, first):
        token, added = table[token_id]
        return letters(token, added, first)

    stream = pieces.TextStream(read, letters.strips_first, strips_last=True)
    found = [stream.add(n) for n in (1, 2, 2, 1, 3)]
    assert found == ["ca", "t", " t", " ca", "<|end|>"]
    assert stream.finish() == ""
