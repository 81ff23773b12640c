"""Few shapes, no text lost, and the order that was given."""

import keras
import numpy as np
import pytest

from tlkeras.models import GPT
from tlkeras.pipelines import TextClassification, batches


def rows(sizes):
    return [
        {"token_ids": np.arange(n), "padding_mask": np.ones(n, bool)} for n in sizes
    ]


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_results_come_in_the_order_of_the_rows(batch_size):
    sizes = np.random.default_rng(0).permutation(np.arange(1, 41)).tolist()
    shapes = set()

    def run(batch):
        shapes.add(batch["token_ids"].shape)
        assert (batch["token_ids"][~batch["padding_mask"]] == 99).all()
        return batch["padding_mask"].sum(axis=1).tolist()

    assert batches.in_batches(rows(sizes), batch_size, 40, 99, run) == sizes
    assert {width for _, width in shapes} <= {16, 32, 40}
    assert max(count for count, _ in shapes) <= batch_size


def test_no_rows_are_no_batch():
    assert batches.in_batches([], 8, 40, 0, pytest.fail) == []


@pytest.mark.parametrize(
    ("count", "limit", "size"),
    [(1, 8, 1), (3, 8, 4), (5, 6, 6), (8, 8, 8), (9, 99, 16)],
)
def test_sizes_are_powers_of_two(count, limit, size):
    assert batches.power_of_two(count, limit) == size


def test_many_lengths_make_few_shapes(known, tokenizers):
    model = known(lambda batch: np.zeros((len(batch["token_ids"]), 2)))
    classify = TextClassification(model, tokenizers["words"], batch_size=8)
    for count in range(1, 20):
        classify(["元 " * n for n in range(1, count + 1)])
    assert len(set(model.shapes)) <= 4 * 2  # 1, 2, 4, 8 texts of 16 or 32 tokens


def test_a_model_that_is_compiled_is_not_traced_again(tokenizers):
    traced = []

    class Counting(keras.Model):
        max_sequence_length = 64

        def call(self, inputs):
            traced.append(1)
            ids = keras.ops.cast(inputs["token_ids"], "float32")
            return keras.ops.stack([ids[:, 0], ids[:, 1]], axis=-1)

    classify = TextClassification(Counting(), tokenizers["words"], batch_size=4)
    classify(["元 " * n for n in range(1, 40)])
    before = len(traced)
    assert before
    for n in range(1, 40):
        classify(["元 " * n] * 4)
    assert len(traced) == before


@pytest.mark.parametrize(
    ("model", "tokenizer", "says"),
    [
        ("model", None, "tokenizer must be given with a model"),
        ("model", 7, "tokenizer must be a tlkeras.checkpoints.Tokenizer.*given int"),
        (7, "words", "model must be a keras.Model or a preset; given int"),
    ],
)
def test_a_model_and_a_tokenizer(known, tokenizers, model, tokenizer, says):
    model = known(None) if model == "model" else model
    with pytest.raises(ValueError, match=says):
        TextClassification(model, tokenizers.get(tokenizer, tokenizer))


def test_a_tokenizer_of_another_model(tokenizers):
    model = GPT(4095, 1, 1, 4, 8)
    with pytest.raises(ValueError, match=r"model, which knows 4095.*given one of 4096"):
        TextClassification(model, tokenizers["bytes"])


def test_how_many_tokens_a_model_reads(known):
    gpt = GPT(9, 1, 1, 4, 8, max_sequence_length=12)
    assert batches.most_tokens(gpt, None) == 12
    assert batches.most_tokens(gpt, 7) == 7
    assert batches.most_tokens(keras.Sequential([keras.Input((3,))]), 5) == 5
    assert batches.most_tokens(known(None, None), 9) == 9
    with pytest.raises(ValueError, match=r"at most 12, the tokens.*given 13"):
        batches.most_tokens(gpt, 13)
    with pytest.raises(ValueError, match="sequence_length must say how many"):
        batches.most_tokens(keras.Sequential([keras.Input((3,))]), None)
    with pytest.raises(ValueError, match="positive integer; given 0"):
        batches.most_tokens(gpt, 0)
