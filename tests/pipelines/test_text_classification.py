"""Texts to classes: the model's own numbers, whatever else is in the batch."""

import keras
import numpy as np
import pytest

from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.models import BertClassifier
from tlkeras.pipelines import TextClassification

PRESET = "tlkeras://bert_docstrings"
TEXTS = [
    "Return the sum of all elements.",
    "A table.",
    "价格是１２３元（约 20 €）。😀",
    "The axes along which the sum is computed; by default all of them. " * 4,
    "[SEP] is text",
]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return BertClassifier(from_preset(PRESET), num_classes=3)


@pytest.fixture(scope="module")
def classify(model):
    return TextClassification(model, PRESET, labels=["x", "y", "z"], batch_size=2)


def test_each_text_gets_what_it_gets_alone(model, classify):
    tokenizer = load_tokenizer(PRESET)
    for text, found in zip(TEXTS, classify(TEXTS), strict=True):
        logits = model(tokenizer([text], read_special=False))
        expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
        assert list(found.scores) == ["x", "y", "z"]
        np.testing.assert_allclose(list(found.scores.values()), expected, atol=1e-5)
        assert found.label == "xyz"[expected.argmax()]
        assert found.score == max(found.scores.values())
        assert all(type(x) is float for x in found.scores.values())
        assert classify(text).label == found.label


def test_any_iterable_and_none(classify):
    expected = [x.label for x in classify(TEXTS[:3])]
    assert [x.label for x in classify(x for x in TEXTS[:3])] == expected
    assert classify([]) == []
    assert classify([], []) == []


def test_classes_without_names_are_numbers(known, tokenizers):
    model = known(lambda batch: np.array([[1.0, 9.0, 2.0]]))
    found = TextClassification(model, tokenizers["words"])("元")
    assert (found.label, list(found.scores)) == (1, [0, 1, 2])


def test_pairs(known, tokenizers):
    tokenizer = tokenizers["words"]
    model = known(lambda batch: np.eye(2)[batch["segment_ids"].sum(1) // 3])
    classify = TextClassification(model, tokenizer, ["short", "long"])
    assert [x.label for x in classify(["元", "元"], ["a", "a b"])] == ["short", "long"]
    assert classify("元", "a b").label == "long"
    (row,) = model.batches[-1]["token_ids"].tolist()
    end = tokenizer.end_id
    assert [n for n in row if n == end] == [end, end]


def test_a_special_token_in_a_text_is_text(known, tokenizers):
    model = known(lambda batch: np.zeros((len(batch["token_ids"]), 2)))
    TextClassification(model, tokenizers["words"])("a [SEP] a")
    assert (model.batches[0]["token_ids"] == tokenizers["words"].end_id).sum() == 1


@pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
def test_a_blank_text_is_refused_by_its_place(classify, blank):
    with pytest.raises(ValueError, match=r"texts\[1\] must hold a word.*Leave it out"):
        classify(["a", blank])


def test_a_long_text_is_refused_or_cut(model):
    texts = ["sum", "sum " * 300]
    with pytest.raises(ValueError, match=r"texts\[1\].*128 tokens.*has 302.*truncate"):
        TextClassification(model, PRESET)(texts)
    cut = TextClassification(model, PRESET, truncate=True)
    fits = cut("sum " * 126)
    assert cut(texts)[1].score == pytest.approx(fits.score, abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a", "b"], "labels must be 3 names.*given 2"),
        (["a", "a", "b"], "all different"),
        (["a"], "two names at least"),
        ("abc", "a list of names"),
    ],
)
def test_labels_fit_the_model(model, labels, says):
    with pytest.raises(ValueError, match=says):
        TextClassification(model, PRESET, labels)("text")


@pytest.mark.parametrize(
    ("logits", "says"),
    [
        (np.zeros((1, 1)), "two classes at least"),
        (np.zeros((1, 4, 2)), r"logits \(B, classes\); given \(1, 4, 2\)"),
        ({"start": 1}, "given dict"),
    ],
)
def test_what_is_no_classifier(known, tokenizers, logits, says):
    classify = TextClassification(known(lambda batch: logits), tokenizers["words"])
    with pytest.raises(ValueError, match=says):
        classify("元")
