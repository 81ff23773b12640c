"""Data sets of speech: splits, hashes, downloads, what ships with the package."""

import hashlib
import os
import sys
import types
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tlkeras.datasets import (
    DataError,
    Recordings,
    _fetch,
    speech_commands,
    spoken_digits,
    synthetic_speech,
)
from tlkeras.datasets.audio._lossless import compress, decompress

MIRROR = os.environ.get("TLKERAS_MIRROR")
FOLDER = Path(MIRROR or "/nowhere", spoken_digits.REPOSITORY, spoken_digits.COMMIT)
real = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the recordings")


def recordings():
    waveforms = np.arange(12.0, dtype="float32").reshape(3, 4)
    mask = np.arange(4) < np.array([[4], [2], [3]])
    texts = np.array(["a", "b", "c"])
    return Recordings(waveforms, mask, np.array([5, 6, 7]), texts, texts, 8000)


def test_some_recordings_of_many():
    some = recordings().only(np.array([2, 0]))
    assert some.labels.tolist() == [7, 5]
    assert some.sample_rate == 8000
    assert some.sound(0).tolist() == [8, 9, 10]
    assert recordings().only(recordings().labels > 5).texts.tolist() == ["b", "c"]


@real
def test_the_authors_split():
    train, test = (spoken_digits.load_data(split) for split in ("train", "test"))
    assert len(train.labels) == 2700
    assert len(test.labels) == 300
    assert test.waveforms.shape == test.padding_mask.shape == (300, 8000)
    assert np.bincount(test.labels).tolist() == [30] * 10
    assert set(test.speakers) == set(spoken_digits.SPEAKERS)
    assert test.texts[0] == "zero"
    assert 0.5 < np.abs(test.waveforms).max() <= 1
    digests = [
        {hashlib.sha256(row.tobytes()).digest() for row in part.waveforms}
        for part in (train, test)
    ]
    assert not digests[0] & digests[1]


@real
def test_an_unseen_speaker():
    train, test = (
        spoken_digits.load_data(split, unseen_speaker="theo")
        for split in ("train", "test")
    )
    assert set(test.speakers) == {"theo"}
    assert "theo" not in train.speakers
    assert (len(train.labels), len(test.labels)) == (2500, 500)


def test_wrong_splits():
    with pytest.raises(ValueError, match="split must be"):
        spoken_digits.load_data("valid")
    with pytest.raises(ValueError, match=r"unseen_speaker must be one of george.*anna"):
        spoken_digits.load_data("test", unseen_speaker="anna")
    with pytest.raises(ValueError, match="split must be"):
        synthetic_speech.load_data("valid")
    with pytest.raises(ValueError, match="kind must be"):
        synthetic_speech.load_data("test", kind="sentences")
    with pytest.raises(ValueError, match="split must be one of train, validation"):
        speech_commands.load_data("dev")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Two digits by one speaker, three recordings each, in a mirror of their own."""
    monkeypatch.setattr(spoken_digits, "EACH", 3)
    monkeypatch.setattr(spoken_digits, "TEST", 1)
    folder = tmp_path / "mirror" / spoken_digits.REPOSITORY / spoken_digits.COMMIT
    (folder / "recordings").mkdir(parents=True)
    lines = []
    for digit in (0, 1):
        whole = b""
        for index in range(3):
            data = one_wav(100 * (1 + digit) + index)
            (folder / spoken_digits._name(digit, "theo", index)).write_bytes(data)
            whole += data
        lines.append(f"{digit} theo {hashlib.sha256(whole).hexdigest()}\n")
    hashes = tmp_path / "hashes"
    hashes.write_text("".join(lines))
    monkeypatch.setattr(spoken_digits, "HASHES", hashes)
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path / "mirror"))
    return folder


def one_wav(samples):
    data = np.arange(samples, dtype="<i2").tobytes()
    size = len(data).to_bytes(4, "little")
    form = bytes.fromhex("10000000 0100 0100 401f0000 803e0000 0200 1000")
    return b"RIFF\0\0\0\0WAVEfmt " + form + b"data" + size + data


def test_a_damaged_or_missing_file_is_noticed(small):
    assert spoken_digits.load_data("test").padding_mask.sum(1).tolist() == [100, 200]
    path = small / "recordings" / "1_theo_2.wav"
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"xx")
    with pytest.raises(DataError, match=r"1_theo_\*\.wav are damaged"):
        spoken_digits.load_data("test")
    path.unlink()
    with pytest.raises(DataError, match=r"1_theo_2\.wav is missing"):
        spoken_digits.load_data("test")


def test_downloads_go_to_the_cache_once(small, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(_fetch, "SITE", (tmp_path / "mirror").as_uri())
    monkeypatch.delenv("TLKERAS_MIRROR")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    wanted = spoken_digits.load_data("train")
    assert "Fetching 6 recordings" in capsys.readouterr().out
    monkeypatch.setattr(_fetch, "SITE", "file:///nowhere")  # not asked again
    again = spoken_digits.load_data("train")
    np.testing.assert_array_equal(again.waveforms, wanted.waveforms)
    assert capsys.readouterr().out == ""


def test_without_a_network_it_says_where_to_put_them(small, monkeypatch, tmp_path):
    def fail(*arguments, **others):
        raise OSError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(DataError, match=r"no route to host.*TLKERAS_MIRROR"):
        spoken_digits.load_data()
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path / "not there"))
    with pytest.raises(DataError, match="must name a folder"):
        spoken_digits.load_data()


def test_the_hashes_are_of_ten_digits_by_six_speakers():
    keys = {
        (digit, speaker) for digit in range(10) for speaker in spoken_digits.SPEAKERS
    }
    assert set(spoken_digits._hashes()) == keys
    assert all(len(bytes.fromhex(x)) == 32 for x in spoken_digits._hashes().values())


def test_synthetic_words_and_phrases():
    train, test = (synthetic_speech.load_data(split) for split in ("train", "test"))
    assert len(train.labels) + len(test.labels) == 1200
    assert (
        np.bincount(np.concatenate([train.labels, test.labels])).tolist() == [120] * 10
    )
    variants = [{s.split("+")[1] for s in part.speakers} for part in (train, test)]
    assert variants[1] == set(synthetic_speech.TEST_VARIANTS.split())
    assert not variants[0] & variants[1]
    assert train.waveforms.shape[1] == 8000
    loudest = np.abs(train.waveforms).max(1)
    np.testing.assert_allclose(loudest, 0.9, atol=0.01)
    assert all(train.texts == np.array(spoken_digits.WORDS)[train.labels])
    phrases = synthetic_speech.load_data("train", kind="phrases")
    assert set(phrases.labels) == {-1}
    assert all(" " in text or text in EASY.split() for text in phrases.texts)
    assert phrases.waveforms.shape[1] == 32000


EASY = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety"
)


def test_what_ships_is_small_and_whole(monkeypatch, tmp_path):
    folder = synthetic_speech._folder("synthetic_speech")
    assert sum(path.stat().st_size for path in folder.glob("*")) < 5e6
    for name in ("index.csv", "samples.xz"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setattr(synthetic_speech, "_folder", lambda name: tmp_path)
    (tmp_path / "samples.xz").write_bytes(compress(np.zeros(5, "<i2")))
    with pytest.raises(DataError, match=r"samples\.xz must hold .* it holds 5"):
        synthetic_speech.load_data()
    (tmp_path / "samples.xz").write_bytes(b"cut off")
    with pytest.raises(DataError, match=r"samples\.xz must ship with tlkeras, whole"):
        synthetic_speech.load_data()
    (tmp_path / "index.csv").unlink()
    with pytest.raises(DataError, match=r"index\.csv must ship"):
        synthetic_speech.load_data()


def test_nothing_is_lost():
    samples = np.random.default_rng(0).integers(-32768, 32768, 5000).astype("<i2")
    np.testing.assert_array_equal(decompress(compress(samples)), samples)
    smooth = (1000 * np.sin(np.arange(5000) / 20)).astype("<i2")
    assert len(compress(smooth)) < 2 * 5000 / 3
    assert decompress(compress(np.zeros(0, "<i2"))).shape == (0,)


NAMES = ["down", "go", "yes", "_silence_"]


def fake_tfds(fail=None):
    """TensorFlow Datasets, as far as it is used: its calls, noted, and four clips."""
    calls = []

    class Data:
        def as_numpy_iterator(self):
            for label, length in ((2, 16000), (0, 9000), (3, 16000)):
                yield np.full(length, 16384, "int16"), label

    label = types.SimpleNamespace(names=NAMES)
    info = types.SimpleNamespace(features={"label": label})

    def load(name, **arguments):
        calls.append((name, arguments))
        if fail:
            raise fail
        return Data(), info

    module = types.ModuleType("tensorflow_datasets")
    module.load, module.calls = load, calls
    module.builder = lambda name, data_dir=None: types.SimpleNamespace(info=info)
    return module


def test_speech_commands_through_tfds(monkeypatch):
    module = fake_tfds()
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
    found = speech_commands.load_data("test", count=3)
    name, arguments = module.calls[0]
    assert name == "speech_commands:0.0.3"
    assert arguments["split"] == "test[:3]"
    assert arguments["as_supervised"]
    assert found.waveforms.shape == (3, 16000)
    assert found.padding_mask.sum(1).tolist() == [16000, 9000, 16000]
    assert found.texts.tolist() == ["yes", "down", "_silence_"]
    assert found.waveforms.max() == 0.5
    assert speech_commands.names() == NAMES


def test_speech_commands_say_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[tfds\]"):
        speech_commands.load_data()
    failing = fake_tfds(OSError("no network"))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", failing)
    with pytest.raises(DataError, match=r"could not be had: no network"):
        speech_commands.load_data()
