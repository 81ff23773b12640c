"""Texts with labels: what comes out, and that no split leaks into another."""

import os

import numpy as np
import pytest

from tlkeras.datasets import DataError, ag_news, docstrings, sst2
from tlkeras.transfer import find_leaks

needs_mirror = pytest.mark.skipif(
    "TLKERAS_MIRROR" not in os.environ, reason="needs a mirror"
)


def leaks(splits, likeness):
    names = ("test", "validation", "train")
    texts = [splits[i][0] for i in (2, 1, 0)]
    return find_leaks(dict(zip(names, texts, strict=True)), likeness)


@needs_mirror
def test_sst2():
    splits = sst2.load_data()
    assert [len(texts) for texts, _ in splits] == [6920, 872, 1821]
    for texts, labels in splits:
        assert labels.shape == (len(texts),)
        assert 0.45 < labels.mean() < 0.55
        assert all(text == text.strip() and text for text in texts)
    texts, labels = splits[1]
    assert labels[texts.index("one long string of cliches")] == 0
    assert len(leaks(splits, 0.9)) < 10  # a few short ones are in the original


@needs_mirror
def test_ag_news():
    splits = ag_news.load_data()
    sizes = [len(texts) for texts, _ in splits]
    assert sizes[2] == 2000
    assert 570 <= sizes[1] <= 600
    assert 4500 <= sizes[0] <= 5000
    assert leaks(splits, 0.5) == []
    everything = [text for texts, _ in splits for text in texts]
    assert not any("#39;" in text or "\\" in text for text in everything)
    assert any("'s " in text for text in everything)
    for texts, labels in splits:
        assert labels.shape == (len(texts),)
        assert np.bincount(labels, minlength=4).min() > 0.2 * len(labels)
    again = ag_news.load_data()
    assert again[0][0] == splits[0][0]


def test_a_changed_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path))
    for source in (
        ag_news.SOURCE,
        ag_news.SOURCE._replace(
            repository=sst2.REPOSITORY, commit=sst2.COMMIT, path="data/SST2/train.tsv"
        ),
    ):
        path = tmp_path / source.repository / source.commit / source.path
        path.parent.mkdir(parents=True)
        path.write_text("good\t1\n")
    for data in (ag_news, sst2):
        with pytest.raises(DataError, match="SHA-256"):
            data.load_data()


@pytest.fixture(scope="module")
def sentences():
    return docstrings.load_data(per_package=200)


def test_docstrings(sentences):
    sizes = [len(texts) for texts, _ in sentences]
    assert sum(sizes) <= 200 * len(docstrings.CLASSES)
    assert sizes[0] > 400
    assert sizes[1] > 40
    assert sizes[2] > 150
    for texts, labels in sentences:
        assert labels.shape == (len(texts),)
        assert set(labels) == set(range(len(docstrings.CLASSES)))
        for text in texts:
            assert 6 <= len(text.replace(docstrings.MASK, "x").split()) <= 41, text
            assert not docstrings.NAMES.search(text), text
    assert leaks(sentences, 0.5) == []
    assert docstrings.load_data(per_package=200)[0][0] == sentences[0][0]
    few = [docstrings.load_data(per_package=20, seed=seed)[0][0] for seed in (0, 1)]
    assert few[0] != few[1]


def test_docstrings_keep_files_whole(tmp_path, monkeypatch):
    """Each file's sentences are in one split."""
    where = {}
    real = docstrings._sentences

    def recording(path):
        for text in real(path):
            where.setdefault(text, set()).add(path)
            yield text

    monkeypatch.setattr(docstrings, "_sentences", recording)
    splits = docstrings.load_data(per_package=100)
    files = [
        {path for text in texts if len(where[text]) == 1 for path in where[text]}
        for texts, _ in splits
    ]
    assert all(files)
    assert not files[0] & files[2]
    assert not files[1] & files[2]
    assert not files[0] & files[1]


def test_what_is_prose():
    text = "Return the mean of `x` with :func:`numpy.mean`, see also tf.keras docs."
    (sentence,) = docstrings.prose(text)
    assert sentence == (
        "Return the mean of x with this package, see also this package docs."
    )
    for other in (
        ">>> a = 1",
        "x : int\n    The number.",
        "Notes\n-----",
        "* one item.",
    ):
        assert list(docstrings.prose(other)) == []
    assert not docstrings.NAMES.search("an inputs tensor of plot types")


def test_a_missing_package(monkeypatch):
    monkeypatch.setattr(docstrings, "CLASSES", ("no_such_package",))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        docstrings.load_data()
