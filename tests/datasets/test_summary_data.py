"""Texts with their summaries: DialogSum and CSL, from the mirror."""

import os

import pytest

from tlkeras.datasets import csl, dialogsum

needs_mirror = pytest.mark.skipif(
    "TLKERAS_MIRROR" not in os.environ, reason="needs TLKERAS_MIRROR"
)


@needs_mirror
@pytest.mark.parametrize(("split", "summaries"), [("dev", 1), ("test", 3)])
def test_dialogues(split, summaries):
    dialogues = dialogsum.load_data(split)
    assert len(dialogues) == 500
    assert {len(x.summaries) for x in dialogues} == {summaries}
    assert all(x.text.startswith("#Person1#") for x in dialogues)


@needs_mirror
@pytest.mark.parametrize(
    ("task", "split", "size", "targets"),
    [
        ("ts", "dev", 1000, 1000),
        ("ts", "test", 1000, 1000),
        ("cls_ctg", "train", 8000, 13),
        ("cls_dcp", "test", 1000, 67),
    ],
)
def test_papers(task, split, size, targets):
    pairs = csl.load_data(task, split)
    assert len(pairs) == size
    assert len({target for _, target in pairs}) >= targets - 5
    assert all(text and target for text, target in pairs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dialogsum.load_data("train"), "split must be one of"),
        (lambda: csl.load_data("titles"), "task must be one of"),
        (lambda: csl.load_data("ts", "train"), "split must be one of"),
    ],
)
def test_unknown_names(call, message):
    with pytest.raises(ValueError, match=message):
        call()
