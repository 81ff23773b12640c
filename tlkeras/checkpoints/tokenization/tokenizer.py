"""Text to token ids and back, the same for every kind of tokenizer."""

import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints.tokenization.package import guarded, package
from tlkeras.checkpoints.tokenization.pieces import (
    LETTERS,
    ByteLevel,
    TextStream,
    spelling,
)

ROLES = ("padding_id", "start_id", "end_id", "unknown_id", "mask_id")


class Tokenizer:
    """Text to token ids and back, made by `load_tokenizer`.

    A `tokenizers.Tokenizer` of Hugging Face cuts the text; this class gives it one
    interface, batches, and text that streams.

    Byte-level BPE and SentencePiece with bytes give any text back as it was, except:
    bytes that a vocabulary lacks (`missing_bytes`) are dropped, SentencePiece turns ▁
    (U+2581) into a space, and the spelling of a special token in a text becomes that
    token unless `read_special=False`. WordPiece gives words back, in lower case where
    its vocabulary is, with one space between them; what it has no pieces for becomes
    `[UNK]`, and control characters are dropped.

    Args:
        core: a `tokenizers.Tokenizer`; padding and truncation are turned off in it.
        padding_id: the token that fills rows up. Defaults to `None`: there is none, and
            rows are filled with 0.
        start_id: what begins a text, such as `[CLS]`. Defaults to `None`: nothing does.
        end_id: what ends a text, such as `[SEP]`. Defaults to `None`: nothing does.
        unknown_id: what stands for the unknown. Defaults to `None`: there is none.
        mask_id: what stands for a hidden token. Defaults to `None`: there is none.

    Call arguments:
        texts: B texts.
        pairs: B second texts, or `None`.
        sequence_length: T; longer texts are cut at their end, the longer of two first.
            Defaults to `None`: the longest of them.
        special: whether to add the tokens that begin and end a text, as its model
            expects. Defaults to `True`.
        read_special: whether the spelling of a special token in a text, such as
            `<|im_end|>`, becomes that token. Defaults to `True`; give `False` for what
            strangers wrote.
        return_offsets: also give `offsets`. Defaults to `False`.

    Returns:
        A dictionary of integers `token_ids` and `segment_ids` `(B, T)` (1 for second
        texts), booleans `padding_mask` `(B, T)`, True at tokens, and if wanted integers
        `offsets` `(B, T, 2)`: the first character of each token in its own text and the
        one after its last, without spaces before it. They are 0 and 0 for what is in no
        text. Padding stands on the right.

    Raises:
        ValueError: an argument is of another kind, or there is no room for a text.

    Example:

    >>> tokenizer = load_tokenizer("tlkeras://bert_docstrings")
    >>> batch = tokenizer(["Return the sum.", "Sum"], return_offsets=True)
    >>> batch["token_ids"].shape, batch["padding_mask"][1].tolist()
    ((2, 6), [True, True, True, False, False, False])
    >>> start, end = batch["offsets"][0, 3]
    >>> "Return the sum."[start:end], tokenizer.decode(batch["token_ids"][0])
    ('sum', 'return the sum.')
    """

    def __init__(
        self,
        core: Any,
        padding_id: int | None = None,
        start_id: int | None = None,
        end_id: int | None = None,
        unknown_id: int | None = None,
        mask_id: int | None = None,
    ) -> None:
        core.no_padding()
        core.no_truncation()
        self._core = core
        vocabulary = core.get_vocab(with_added_tokens=True)
        if not vocabulary:
            raise ValueError(
                "The vocabulary of a tokenizer must hold tokens; it is empty."
            )
        self._tokens = {token_id: token for token, token_id in vocabulary.items()}
        added = core.get_added_tokens_decoder()
        self._added = set(added)
        self.special_ids = frozenset(n for n, token in added.items() if token.special)
        suffix = getattr(core.model, "end_of_word_suffix", None)
        self._spelling = spelling(_settings(core.decoder), suffix)
        self.padding_id, self.start_id, self.end_id = padding_id, start_id, end_id
        self.unknown_id, self.mask_id = unknown_id, mask_id
        for role in ROLES:
            if getattr(self, role) is not None:
                self._known(role, getattr(self, role))

    def __repr__(self):
        roles = [f"{role}={getattr(self, role)}" for role in ROLES]
        size = f"vocabulary_size={self.vocabulary_size}"
        return f"Tokenizer({', '.join([size, *roles])})"

    @property
    def vocabulary_size(self) -> int:
        """One more than the largest id: the rows that an embedding must have."""
        return max(self._tokens) + 1

    @property
    def missing_bytes(self) -> bytes:
        """What a byte-level vocabulary has no token for, and drops from texts."""
        if not isinstance(self._spelling, ByteLevel):
            return b""
        have = {token for n, token in self._tokens.items() if n not in self._added}
        return bytes(byte for letter, byte in LETTERS.items() if letter not in have)

    def id_of(self, token: str) -> int:
        """The id of a token as the vocabulary spells it, such as `"<|im_end|>"`.

        Raises:
            ValueError: there is no such token.
        """
        found = self._core.token_to_id(token) if isinstance(token, str) else None
        if found is None:
            raise ValueError(f"token must be one of the vocabulary; given {token!r}.")
        return found

    def tokens(self, token_ids: Any) -> list[str]:
        """Each of the token ids `(T,)` as the vocabulary spells it."""
        return [self._tokens[self._known("token_ids", n)] for n in _numbers(token_ids)]

    def encode(
        self,
        texts: str | Sequence[str],
        special: bool = True,
        read_special: bool = True,
        return_offsets: bool = False,
    ) -> Any:
        """Ids of one text, a list of integers, or of several, a list of such lists.

        Args:
            texts: one text, or several.
            special: as in a call.
            read_special: as in a call.
            return_offsets: also return the first character of each token and the one
                after its last, as pairs. Defaults to `False`.

        Raises:
            ValueError: something is no text.
        """
        one = isinstance(texts, str)
        batch = [texts] if one else texts
        found, _ = self._encode(batch, None, None, special, read_special)
        ids = [x.ids for x in found]
        if not return_offsets:
            return ids[0] if one else ids
        offsets = [_offsets(x, text) for x, text in zip(found, batch, strict=True)]
        return (ids[0], offsets[0]) if one else (ids, offsets)

    def __call__(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        sequence_length: int | None = None,
        special: bool = True,
        read_special: bool = True,
        return_offsets: bool = False,
    ) -> dict[str, np.ndarray]:
        if isinstance(texts, str) or isinstance(pairs, str):
            raise ValueError("texts and pairs must be lists of texts; given one text.")
        if sequence_length is not None:
            check.positive_integer("sequence_length", sequence_length)
        found, sizes = self._encode(
            texts, pairs, sequence_length, special, read_special
        )
        batch = self._rows(found, sequence_length)
        if return_offsets:
            seconds = [None] * len(found) if pairs is None else pairs
            places = map(_offsets, found, texts, seconds, sizes)
            batch["offsets"] = _filled(places, batch["token_ids"].shape)
        return batch

    def windows(
        self,
        question: str,
        passage: str,
        sequence_length: int,
        stride: int,
        read_special: bool = False,
    ) -> dict[str, np.ndarray]:
        """A question with each part of a passage too long to be read at once.

        Neighbours share tokens, so that an answer at the edge of one window stands
        inside another. W windows, T tokens.

        Args:
            question: the first text of each window, whole.
            passage: the text that is cut; one window at least, also where it is empty.
            sequence_length: T.
            stride: how many tokens of the passage further the next window begins; at
                most as many as a window holds of it, and then they share none.
            read_special: as in a call. Defaults to `False`: strangers wrote them.

        Returns:
            As of a call, `(W, T)`, with `offsets` `(W, T, 2)`: the first character *of
            the passage* of each token and the one after its last; 0 and 0 for all that
            is not of the passage.

        Raises:
            ValueError: no room for the passage, or `stride` skips some of it.

        Example:

        >>> tokenizer = load_tokenizer("tlkeras://bert_docstrings")
        >>> passage = "Return the sum of all numbers in a list."
        >>> batch = tokenizer.windows("What?", passage, sequence_length=10, stride=3)
        >>> for offsets in batch["offsets"]:
        ...     within = offsets[offsets[:, 1] > 0]
        ...     print(passage[within[0, 0] : within[-1, 1]])
        Return the sum of all
        of all numbers in a
        in a list.
        """
        check.positive_integer("sequence_length", sequence_length)
        check.positive_integer("stride", stride)
        (asked,) = self._cut("question", [question], read_special)
        (read,) = self._cut("passage", [passage], read_special)
        taken = len(asked) + self._core.num_special_tokens_to_add(True)
        room = sequence_length - taken
        if room < 1:
            raise ValueError(
                "sequence_length must leave room for the passage beside the question, "
                f"which takes {taken} tokens, special ones with it; given "
                f"{sequence_length}."
            )
        if stride > room:
            raise ValueError(
                f"stride must be at most {room}, the tokens of the passage that a "
                f"window has room for, or some are never read; given {stride}."
            )
        read.truncate(room, stride=room - stride)
        parts = [self._core.post_process(asked, x) for x in (read, *read.overflowing)]
        batch = self._rows(parts, sequence_length)
        places = [_offsets(x, None, passage, len(asked)) for x in parts]
        return {**batch, "offsets": _filled(places, batch["token_ids"].shape)}

    def decode(self, token_ids: Any, skip_special: bool = True) -> Any:
        """The text of ids `(T,)`, or the texts, a list, of ids `(B, T)` or of lists.

        Args:
            token_ids: integers, an array or lists.
            skip_special: leave out special tokens and what fills up. Defaults to
                `True`.

        Raises:
            ValueError: they are no integers, or none of the vocabulary.
        """
        if np.ndim(token_ids[0] if len(token_ids) else 0):
            return [self.decode(row, skip_special) for row in token_ids]
        stream = self.stream(skip_special)
        text = "".join([stream.add(number) for number in _numbers(token_ids)])
        return text + stream.finish()

    def stream(self, skip_special: bool = True) -> TextStream:
        """Text as its tokens come: `add(token_id)` for each, then `finish()`.

        What these return, put together, is what `decode` returns for all the ids.

        Args:
            skip_special: leave out special tokens. Defaults to `True`.
        """

        def read(token_id, first):
            token_id = self._known("token_ids", token_id)
            if skip_special and token_id in self.special_ids:
                return None
            token = self._tokens[token_id]
            return self._spelling(token, token_id in self._added, first)

        ends = bool(getattr(self._spelling, "suffix", ""))
        return TextStream(read, self._spelling.strips_first, ends)

    # ── how it is done ────────────────────────────────────────────────────────────────

    def _rows(self, found, width):
        """A batch of some `Encoding`s, filled up to a width or to the longest."""
        width = width or max((len(x) for x in found), default=0)
        shape = (len(found), width)
        token_ids = np.full(shape, self.padding_id or 0, "int32")
        segment_ids = np.zeros(shape, "int32")
        padding_mask = np.zeros(shape, "bool")
        for row, encoding in enumerate(found):
            size = len(encoding)
            token_ids[row, :size] = encoding.ids
            segment_ids[row, :size] = encoding.type_ids
            padding_mask[row, :size] = True
        batch = {"token_ids": token_ids, "segment_ids": segment_ids}
        return {**batch, "padding_mask": padding_mask}

    def _encode(self, texts, pairs, length, special, read_special):
        """An `Encoding` of each text or pair, and how long each first text is."""
        firsts = self._cut("texts", texts, read_special)
        if pairs is None:
            seconds = [None] * len(firsts)
        else:
            seconds = self._cut("pairs", pairs, read_special)
        if len(firsts) != len(seconds):
            raise ValueError(
                f"pairs must be as many as texts, {len(firsts)}; given {len(seconds)}."
            )
        if length is not None:
            extra = self._core.num_special_tokens_to_add(pairs is not None)
            room = length - (extra if special else 0)
            if room < (1 if pairs is None else 2):
                raise ValueError(
                    f"sequence_length must leave room for a text beside {extra} "
                    f"special tokens; given {length}."
                )
            for first, second in zip(firsts, seconds, strict=True):
                _truncate(first, second, room)
        put_together = functools.partial(
            self._core.post_process, add_special_tokens=special
        )
        sizes = [len(first) for first in firsts]
        return list(map(put_together, firsts, seconds)), sizes

    def _cut(self, name, texts, read_special):
        """An `Encoding` of each text, without special tokens."""
        if not isinstance(texts, list | tuple | np.ndarray):
            raise ValueError(f"{name} must be texts; given {type(texts).__name__}.")
        texts = [_text(name, text) for text in texts]
        core = self._core if read_special else self._literal
        with guarded("Cutting a text"):
            return core.encode_batch(texts, add_special_tokens=False)

    @functools.cached_property
    def _literal(self):
        """The same tokenizer, which takes special tokens in a text for text."""
        core = package().Tokenizer.from_str(self._core.to_str())
        core.encode_special_tokens = True
        return core

    def _known(self, name, token_id):
        """Raise unless an id is one of the vocabulary; return it as an `int`."""
        if not check.is_integer(token_id) or int(token_id) not in self._tokens:
            raise ValueError(
                f"{name} must be ids of the vocabulary, below {self.vocabulary_size}; "
                f"given {token_id!r}."
            )
        return int(token_id)


def _filled(places, shape):
    """Offsets of each row, `(B, T, 2)`, with zeros where there is no token."""
    offsets = np.zeros((*shape, 2), "int32")
    for row, pairs in zip(offsets, places, strict=True):
        row[: len(pairs)] = np.reshape(pairs, (-1, 2))
    return offsets


def _settings(decoder):
    """A decoder as tokenizer.json has it."""
    return None if decoder is None else json.loads(decoder.__getstate__())


def _text(name, text):
    if not isinstance(text, str):
        raise ValueError(f"{name} must be texts; given {type(text).__name__}.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be Unicode; one holds half a surrogate pair, at character "
            f"{error.start}. Read it again with its own encoding."
        ) from error
    return str(text)


def _numbers(token_ids):
    """Ids `(T,)` of any array or list, as a list of integers."""
    array = np.asarray(token_ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            "token_ids must be integers (T,), or several rows of them; given shape "
            f"{array.shape}, dtype {array.dtype}."
        )
    return array.tolist()


def _truncate(first, second, room):
    """Cut the longer of two texts at its end; both to halves where both are longer."""
    sizes = [len(first), 0 if second is None else len(second)]
    if sum(sizes) <= room:
        return
    shorter = int(sizes[1] < sizes[0])
    sizes[shorter] = min(sizes[shorter], room // 2)
    sizes[1 - shorter] = room - sizes[shorter]
    first.truncate(sizes[0])
    if second is not None:
        second.truncate(sizes[1])


def _offsets(encoding, text, second=None, size=None):
    """Pairs of characters for each token, without the spaces before it.

    Args:
        encoding: of one text or two.
        text: the first; `None` gives its tokens no place.
        second: the other one, or `None`.
        size: tokens of the first. Defaults to all.
    """
    pairs, count = [], 0
    framing = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    for (start, end), added in framing:
        if added:
            pairs.append((0, 0))
            continue
        # The package's own sequence_ids are wrong once texts were cut one by one.
        whole = text if size is None or count < size else second
        count += 1
        if whole is None:
            pairs.append((0, 0))
            continue
        piece = whole[start:end]
        if piece.strip():
            start += len(piece) - len(piece.lstrip())
        pairs.append((start, end))
    return pairs
