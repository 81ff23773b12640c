"""What tokens stand for: bytes of UTF-8, and text as soon as these are whole.

How a tokenizer spells its tokens is its `decoder`, as tokenizer.json calls it. Three
spellings are known: byte-level (GPT-2: one letter for each byte), SentencePiece (▁ for
a space, `<0x0A>` for a byte) and WordPiece (`##` before what continues a word).
"""

import codecs
import re
from collections.abc import Callable

SPACE = "▁"  # U+2581, as SentencePiece writes a space
BYTE = re.compile("<0x([0-9A-F]{2})>")
# What `cleanup` of Hugging Face's WordPiece puts together again, in its order.
CLEANUP = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


def byte_letters() -> dict[str, int]:
    """The letter of each byte in a byte-level vocabulary.

    What Latin-1 prints stands for itself, all other bytes for U+0100 and following.
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {chr(byte): byte for byte in plain}
    return letters | {chr(256 + n): byte for n, byte in enumerate(others)}


LETTERS = byte_letters()


class ByteLevel:
    """A token is bytes, a letter each. Whatever was added to it is text.

    Args:
        suffix: of what ends a word, as CLIP has it; a space stands for it, but not at
            the end of a text. Defaults to `""`: spaces are bytes like others.
    """

    strips_first = False

    def __init__(self, suffix: str = "") -> None:
        self.suffix = suffix

    def __call__(self, token: str, added: bool, first: bool) -> bytes:
        ends = bool(self.suffix) and not added and token.endswith(self.suffix)
        body = token.removesuffix(self.suffix) if ends else token
        if added or not all(letter in LETTERS for letter in body):
            return token.encode("utf-8")
        return bytes(LETTERS[letter] for letter in body) + (b" " if ends else b"")


class Spaced:
    """A token is text, with a mark for each space; some are a byte.

    Args:
        mark: what stands for a space.
        has_bytes: whether `<0x0A>` is a byte.
        strips_first: whether the text begins with a space that was not in it.
    """

    def __init__(self, mark: str, has_bytes: bool, strips_first: bool) -> None:
        self.mark, self.has_bytes, self.strips_first = mark, has_bytes, strips_first

    def __call__(self, token: str, added: bool, first: bool) -> bytes:
        found = BYTE.fullmatch(token) if self.has_bytes else None
        if found:
            return bytes.fromhex(found[1])
        return token.replace(self.mark, " ").encode("utf-8")


class Words:
    """Tokens are words, or with a prefix the rest of one.

    Args:
        prefix: of what continues a word; `None` where nothing does.
        cleanup: whether spaces before marks and contractions go.
    """

    strips_first = False

    def __init__(self, prefix: str | None, cleanup: bool) -> None:
        self.prefix, self.cleanup = prefix, cleanup

    def __call__(self, token: str, added: bool, first: bool) -> bytes:
        if not first:
            continues = self.prefix is not None and token.startswith(self.prefix)
            token = token[len(self.prefix or "") :] if continues else f" {token}"
        for spaced, joined in CLEANUP if self.cleanup else ():
            token = token.replace(spaced, joined)
        return token.encode("utf-8")


def spelling(decoder: object, suffix: str | None = None) -> ByteLevel | Spaced | Words:
    """The spelling that a `decoder` of tokenizer.json describes.

    Args:
        decoder: kind and settings.
        suffix: what ends a word in the vocabulary, if anything does.

    Raises:
        ValueError: it is of a kind that is not known here.
    """
    if decoder is None:
        return Words(None, cleanup=False)
    kinds = _steps(decoder)
    names = [kind for kind, _ in kinds]
    values = kinds[0][1] if kinds else {}
    if names == ["ByteLevel"]:
        return ByteLevel(suffix or "")
    if names == ["WordPiece"]:
        return Words(values.get("prefix", "##"), bool(values.get("cleanup", True)))
    if names == ["Metaspace"]:
        scheme = values.get("prepend_scheme", "always")
        prepends = scheme != "never" and values.get("add_prefix_space", True)
        return Spaced(values.get("replacement", SPACE), False, bool(prepends))
    if names[:2] == ["Replace", "ByteFallback"] and values.get("content") == " ":
        mark = values.get("pattern")
        rest = [kind for kind in names[2:] if kind != "Fuse"]
        strips = rest == ["Strip"] and _strips_one(kinds[-1][1])
        if isinstance(mark, dict) and set(mark) == {"String"} and (strips or not rest):
            return Spaced(mark["String"], True, strips)
    raise ValueError(
        "decoder must be ByteLevel, WordPiece, Metaspace or a Sequence of Replace, "
        f"ByteFallback, Fuse and Strip; given {', '.join(names) or decoder}"
    )


def _steps(decoder):
    """Kind and settings of each step of a decoder."""
    if not isinstance(decoder, dict):
        return []
    if decoder.get("type") != "Sequence":
        return [(str(decoder.get("type")), decoder)]
    steps = decoder.get("decoders")
    return [one for step in steps for one in _steps(step)] if steps else []


def _strips_one(step):
    """Whether a Strip takes one space from the beginning, and no more."""
    return (step.get("content"), step.get("start"), step.get("stop")) == (" ", 1, 0)


class TextStream:
    """Text from token ids as they come, never half a character.

    A character of which only the first bytes have come waits for the rest; bytes that
    are no UTF-8 become U+FFFD.

    Args:
        read: token id to what it stands for, `(id, first) → bytes`; `None` for a token
            that is not shown.
        strips_first: whether the text begins with a space that was not in it.
        strips_last: whether it ends with one. Defaults to `False`.
    """

    def __init__(
        self,
        read: Callable[[int, bool], bytes | None],
        strips_first: bool,
        strips_last: bool = False,
    ) -> None:
        self._read, self._strips, self._holds = read, strips_first, strips_last
        self._first, self._held = True, b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int) -> str:
        """The text that has become certain with one more token; it may be empty."""
        data = self._read(token_id, self._first)
        if data is None:
            return ""
        self._first = False
        if self._strips and data:
            data, self._strips = data.removeprefix(b" "), False
        if self._holds and data:  # a space waits for the next word
            data, self._held = self._held + data.removesuffix(b" "), data[-1:]
            self._held = self._held if self._held == b" " else b""
        return self._decoder.decode(data)

    def finish(self) -> str:
        """What is still held back: U+FFFD where a character was not finished."""
        return self._decoder.decode(b"", final=True)
