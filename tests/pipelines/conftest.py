"""Vocabularies for every script, and models whose answers are known beforehand."""

import keras
import numpy as np
import pytest

from tlkeras.checkpoints import load_tokenizer

# Chinese and Japanese, full-width signs, emoji of several characters, accents that are
# characters of their own, rare characters beyond U+FFFF, right to left.
MIXED = (
    "价格是１２３元（约 20 €）。",
    "我在東京 ate ラーメン🍜 yesterday!",
    "👩‍👩‍👧 family 👍🏽 ok，𠮷野家",
    "cafe\u0301 naïve Ａpple  two  spaces\tand\nlines",
    "שלום world مرحبا",
)


def wordpiece(folder, words=(), characters=MIXED):
    """A tokenizer of BERT's kind that knows some words, and all these characters."""
    kept = sorted(
        {x.lower() for x in "".join(characters) if x.strip() and x != "\u0301"}
    )
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    tokens += [x for x in [*kept, *(f"##{x}" for x in kept)] if x not in tokens]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", "utf-8")
    return load_tokenizer(folder)


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory):
    return {
        "words": wordpiece(tmp_path_factory.mktemp("wordpiece")),
        "bytes": load_tokenizer("tlkeras://gpt_docstrings"),
    }


class Known(keras.Model):
    """A model that answers with NumPy, and keeps what it was asked.

    Args:
        answer: a batch of tokens to what the model returns.
        max_sequence_length: of a text.
    """

    def __init__(self, answer, max_sequence_length=64):
        super().__init__()
        self.answer, self.max_sequence_length = answer, max_sequence_length
        self.shapes, self.batches = [], []

    def predict_on_batch(self, batch):
        self.shapes.append(batch["token_ids"].shape)
        self.batches.append(batch)
        return self.answer(batch)


@pytest.fixture(scope="session")
def known():
    return Known


def by_table(table):
    """Each token's own logits `(B, T, classes)`."""
    table = np.asarray(table, "float32")
    return lambda batch: table[batch["token_ids"]]


def finds(needle, nothing=0.0):
    """Start and end where some tokens stand in a row, of those after the first."""

    def answer(batch):
        ids = batch["token_ids"]
        start, end = np.full((2, *ids.shape), -9.0)
        start[:, 0] = end[:, 0] = nothing
        for row, tokens in enumerate(ids.tolist()):
            for place in range(1, len(tokens)):
                if tokens[place : place + len(needle)] == list(needle):
                    start[row, place] = end[row, place + len(needle) - 1] = 9.0
        return {"start": start, "end": end}

    return answer
