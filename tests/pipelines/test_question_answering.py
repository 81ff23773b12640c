"""Answers: exact characters, in every window of a passage, or none."""

import math

import numpy as np
import pytest
from pipelines.conftest import MIXED, finds, wordpiece

from tlkeras.checkpoints import from_preset
from tlkeras.models import Bert, SpanClassifier
from tlkeras.pipelines import Answer, QuestionAnswering

PLACES = [
    (MIXED[0], "１２３元"),
    (MIXED[0], "20 €"),
    (MIXED[1], "東京"),
    (MIXED[1], "ラーメン🍜"),
    (MIXED[2], "𠮷野家"),
    (MIXED[2], "family"),
    (MIXED[3], "cafe\u0301"),
    (MIXED[3], "two  spaces\tand\nlines"),
    (MIXED[4], "مرحبا"),
]


@pytest.mark.parametrize("kind", ["words", "bytes"])
@pytest.mark.parametrize(("passage", "wanted"), PLACES)
def test_an_answer_is_the_very_characters(known, tokenizers, kind, passage, wanted):
    tokenizer = tokenizers[kind]
    ids, offsets = tokenizer.encode(passage, special=False, return_offsets=True)
    at = passage.index(wanted)
    needle = [
        n
        for n, (start, end) in zip(ids, offsets, strict=True)
        if start < at + len(wanted) and end > at
    ]
    answer = QuestionAnswering(known(finds(needle), 128), tokenizer)
    found = answer("元?", passage)
    assert found[:3] == (wanted, at, at + len(wanted))
    assert passage[found.start : found.end] == found.text
    assert (type(found.start), type(found.score)) == (int, float)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    words = [f"n{n}" for n in range(400)]
    return wordpiece(tmp_path_factory.mktemp("numbers"), [*words, "?"], "a")


@pytest.mark.parametrize("stride", [None, 7, 1000])
@pytest.mark.parametrize("first", [0, 11, 13, 200, 395])
def test_a_long_passage_is_read_in_windows(known, numbers, stride, first):
    passage = "  ".join(f"n{n}" for n in range(400))
    wanted = "  ".join(f"n{n}" for n in range(first, first + 5))
    model = known(finds(numbers.encode(wanted, special=False)), 32)
    answer = QuestionAnswering(model, numbers, stride=stride, batch_size=4)
    if stride == 1000:
        with pytest.raises(ValueError, match=r"questions\[0\].*stride must be at most"):
            answer("n1 ?", passage)
        return
    found = answer("n1 ?", passage)
    assert found.text == wanted
    assert passage[found.start : found.end] == wanted
    assert set(model.shapes) <= {(n, 32) for n in (1, 2, 4)}


def test_passages_do_not_mix(known, numbers):
    model = known(finds(numbers.encode("n7 n8", special=False)), 16)
    answer = QuestionAnswering(model, numbers, batch_size=4)
    passages = [
        " ".join(f"n{n}" for n in range(30)),
        "n7",
        "",
        "n7 n8",
        "n1 " * 50 + "n7   n8",
    ]
    found = answer("n1 ?", passages)
    assert [x and x.text for x in found] == ["n7 n8", None, None, "n7 n8", "n7   n8"]
    assert [answer("n1 ?", passage) for passage in passages] == found
    assert answer(["n1 ?"] * 2, "n7 n8") == [found[3]] * 2
    assert answer([], []) == answer([], "n7") == []


@pytest.mark.parametrize(
    ("nothing", "threshold", "answers"),
    [
        (8.9, 0, True),  # 17.8 against 18
        (9.1, 0, False),
        (9.1, 0.3, True),
        (8.9, -0.3, False),
        (99, math.inf, True),
    ],
)
def test_no_answer_has_a_threshold(known, numbers, nothing, threshold, answers):
    needle = numbers.encode("n7", special=False)
    model = known(finds(needle, nothing))
    answer = QuestionAnswering(model, numbers, threshold=threshold)
    found = answer("n1 ?", "n6 n7")
    assert found == (Answer("n7", 3, 5, 18.0) if answers else None)


def test_max_answer_tokens(known, numbers):
    needle = numbers.encode("n3 n4 n5", special=False)
    answer = QuestionAnswering(
        known(finds(needle)), numbers, max_answer_tokens=2, threshold=math.inf
    )
    assert answer("n1 ?", "n3 n4 n5").text != "n3 n4 n5"


def test_a_span_classifier_says_the_same_alone(numbers):
    bert = Bert(numbers.vocabulary_size, 1, 2, 8, 16, max_sequence_length=32)
    answer = QuestionAnswering(SpanClassifier(bert), numbers, threshold=math.inf)
    passages = ["n3 n4 n5", "n9 " * 60, "n8"]
    together = answer("n1 ?", passages)
    for passage, found in zip(passages, together, strict=True):
        alone = answer("n1 ?", passage)
        assert alone[:3] == found[:3]
        assert alone.score == pytest.approx(found.score, abs=1e-5)


@pytest.mark.parametrize(
    ("questions", "passages", "says"),
    [
        (["n1", " "], "n2", r"questions\[1\] must hold a word.*leave it out"),
        (["n1", "n1 " * 40], "n2", r"questions\[1\].*must leave room for the passage"),
        ("n1", None, "passages must be a text.*None"),
        (["n1", "n2"], ["n3"], "passages must be one text, or as many as questions"),
    ],
)
def test_what_is_refused(known, numbers, questions, passages, says):
    answer = QuestionAnswering(known(finds([7]), 32), numbers)
    with pytest.raises(ValueError, match=says):
        answer(questions, passages)


@pytest.mark.parametrize("threshold", ["1", math.nan, None])
def test_a_threshold_is_a_number(known, numbers, threshold):
    with pytest.raises(ValueError, match="threshold must be a number"):
        QuestionAnswering(known(None), numbers, threshold=threshold)


def test_what_is_no_span_classifier(known, numbers):
    answer = QuestionAnswering(known(lambda batch: np.zeros((1, 4))), numbers)
    with pytest.raises(ValueError, match=r"logits start and end.*given ndarray"):
        answer("n1", "n2")


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(3))
def test_the_span_that_transformers_chooses(numbers, tmp_path, seed):
    import torch
    from transformers import BertConfig, BertForQuestionAnswering

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=numbers.vocabulary_size,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=1.0,
    )
    theirs = BertForQuestionAnswering(config).eval()
    theirs.save_pretrained(tmp_path)
    ours = SpanClassifier(from_preset(tmp_path))
    head = theirs.qa_outputs
    ours.head.set_weights([head.weight.detach().numpy().T, head.bias.detach().numpy()])
    answer = QuestionAnswering(ours, numbers, threshold=math.inf, max_answer_tokens=4)
    rng = np.random.default_rng(seed)
    for size in (3, 20, 50):
        passage = " ".join(f"n{n}" for n in rng.permutation(400)[:size])
        found = answer("n1 ?", passage)
        batch = numbers(["n1 ?"], [passage], return_offsets=True)
        with torch.no_grad():
            logits = theirs(
                torch.tensor(batch["token_ids"].astype(int)),
                token_type_ids=torch.tensor(batch["segment_ids"].astype(int)),
            )
        start, end = logits.start_logits[0].numpy(), logits.end_logits[0].numpy()
        first = int(batch["segment_ids"][0].argmax())
        spans = [
            (start[i] + end[j], i, j)
            for i in range(first, first + size)
            for j in range(i, min(i + 4, first + size))
        ]
        score, i, j = max(spans)
        offsets = batch["offsets"][0]
        assert (found.start, found.end) == (offsets[i, 0], offsets[j, 1])
        assert found.score == pytest.approx(float(score), abs=1e-4)
