"""The small presets that travel with the package."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from keras import ops
from sklearn.linear_model import LogisticRegression

from tlkeras import shipped
from tlkeras.checkpoints import from_preset, load_tokenizer, preprocessor
from tlkeras.checkpoints.formats.gguf import GGUF
from tlkeras.course import lesson
from tlkeras.ctc import greedy_decode
from tlkeras.datasets import (
    DataError,
    emoji,
    languages,
    spoken_strings,
    stickers,
    synthetic_speech,
    whole_docstrings,
)
from tlkeras.datasets.text import BytePairs
from tlkeras.pipelines import ImageTextEmbedding
from tlkeras.scores import character_error_rate, recall_at_k

DATA = Path(__file__).parents[2] / "data"
BERT = "tlkeras://bert_docstrings"
# Sentences of no docstring, and the word that is hidden in each.
SENTENCES = {
    "If it is true, the file is opened for reading.": "file",
    "The number of rows that the table has.": "number",
    "Return a list of all names in the folder.": "list",
    "Raises an error if the input is not valid.": "error",
    "The default value is used when nothing is given.": "default",
    "Convert a string to a number.": "string",
    "This function returns the largest of its arguments.": "function",
    "This method will be removed in a future version.": "version",
    "The name of the column that holds the dates.": "column",
    "The shape of the array stays the same.": "shape",
    "Whether to print what is done at each step.": "step",
    "Compute the sum of two numbers.": "compute",
}


def test_the_vit_of_lesson_13():
    model, report = from_preset("tlkeras://vit_digits", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert not report.fresh
    images = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
    output = ops.convert_to_numpy(model(images)["pooled_output"])
    assert output.shape == (2, 32)
    assert np.abs(output[0] - output[1]).max() > 0.1
    assert (DATA / "vit_digits" / "model.safetensors").stat().st_size < 5e6


def test_the_vit_of_the_stickers():
    """It tells apart food that it has never seen, by artists without labels."""
    model, report = from_preset("tlkeras://vit_stickers", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert not report.fresh
    assert (DATA / "vit_stickers" / "model.safetensors").stat().st_size < 1e6
    (images, labels), (new_images, new_labels) = stickers.load_data(copies=5)
    features, new_features = (
        model.predict(x, verbose=0)["pooled_output"] for x in (images, new_images)
    )
    assert features.shape == (150, 64)
    by_features = LogisticRegression(max_iter=1000).fit(features, labels)
    pixels, new_pixels = (x.reshape(len(x), -1) for x in (images, new_images))
    by_pixels = LogisticRegression(max_iter=1000).fit(pixels, labels)
    assert (
        by_features.score(new_features, new_labels)
        > by_pixels.score(new_pixels, new_labels) + 0.05
    )


def test_the_clip_of_lesson_20():
    """It finds new combinations by their names, and fewer by another artist."""
    folder = DATA / "emoji_clip"
    model, report = from_preset("tlkeras://emoji_clip", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert not report.fresh
    assert (folder / "model.safetensors").stat().st_size < 1e6
    embed = ImageTextEmbedding("tlkeras://emoji_clip", batch_size=263)
    found = {}
    for artist in emoji.ARTISTS:
        data = emoji.load_data("combinations", artist)
        table = embed.texts(data.english) @ embed.images(data.images).T
        found[artist] = recall_at_k(table, 5).rate
    assert found["twemoji"] > 0.9  # chance: 5 / 263
    assert 0.3 < found["noto"] < 0.6


def test_the_speech_encoder_of_lesson_16():
    model, report = from_preset("tlkeras://speech_digits", return_report=True)
    assert not report.fresh
    held = synthetic_speech.load_data("test")  # voices that it has not heard
    batch = {"waveform": held.waveforms, "padding_mask": held.padding_mask}
    said = ops.convert_to_numpy(model(batch)).argmax(-1)
    assert np.mean(said == held.labels) > 0.95
    assert (DATA / "speech_digits" / "model.safetensors").stat().st_size < 5e6


def test_the_speech_writer_of_lesson_17():
    model, report = from_preset("tlkeras://speech_letters", return_report=True)
    assert not report.fresh
    assert model.count_params() < 275_000
    words = synthetic_speech.load_data("test")  # voices that it has not heard
    voices = np.array([name.split("+")[1] for name in words.speakers])
    strings = spoken_strings.join_words(
        words._replace(speakers=voices), 30, seed=5, gap=(0.03, 0.2), seconds=3.0
    ).recordings
    batch = {"waveform": strings.waveforms, "padding_mask": strings.padding_mask}
    letters = " efghinorstuvwxz"
    heard = [
        "".join(letters[label - 1] for label in labels)
        for labels in greedy_decode(model(batch))
    ]
    assert character_error_rate(heard, strings.texts.tolist()).rate < 0.15
    assert (DATA / "speech_letters" / "model.safetensors").stat().st_size < 1e6


@pytest.fixture(scope="module")
def hidden():
    """Inputs with one word hidden in each row, where it stood, and which it was."""
    pytest.importorskip("keras_hub")
    words = (DATA / "bert_docstrings" / "vocab.txt").read_text("utf-8").split()
    batch = preprocessor(BERT, sequence_length=16)(list(SENTENCES))
    batch = {name: np.array(x) for name, x in batch.items()}
    answers = np.array([words.index(word) for word in SENTENCES.values()])
    found = batch["token_ids"] == answers[:, None]
    assert (found.sum(axis=1) == 1).all()
    batch["token_ids"][found] = words.index("[MASK]")
    return batch, found.argmax(axis=1)[:, None], answers


def test_the_bert_finds_words_that_frequency_does_not(hidden):
    batch, places, answers = hidden
    model = from_preset(BERT, head="masked_lm")
    logits = ops.convert_to_numpy(model(batch, positions=places))[:, 0]  # (B, V)
    chances = np.exp(logits - logits.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    own = chances[np.arange(len(answers)), answers]
    blind = chances.mean(axis=0)[answers]  # a guess that does not look at the sentence
    assert np.log(own / blind).mean() > 1
    better = (chances > own[:, None]).sum(axis=1)  # words that seem likelier
    assert (better < 10).mean() >= 0.5
    frequent = ops.convert_to_numpy(model.head_bias.bias).argsort()[::-1][:10]
    assert not set(answers) & set(frequent)


def test_the_bert_is_whole_and_small():
    model, report = from_preset(BERT, head="masked_lm", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert report.left_out == report.fresh == ()
    backbone, report = from_preset(BERT, return_report=True)
    assert len(report.loaded) == len(backbone.weights)
    assert all(name.startswith("head_") for name in report.left_out)
    config = backbone.get_config()
    assert config["max_sequence_length"] == 128
    assert config["dropout"] == 0.1
    folder = DATA / "bert_docstrings"
    words = (folder / "vocab.txt").read_text("utf-8").split("\n")[:-1]
    assert len(words) == len(set(words)) == config["vocabulary_size"]
    assert words[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5e6


@pytest.mark.parity
def test_two_tokenizers_agree():
    from transformers import BertTokenizer

    texts = [*SENTENCES, "Naïve (n_jobs=-1) `x` — don't; 3.5e-7 § tokenizers!"]
    theirs = BertTokenizer.from_pretrained(DATA / "bert_docstrings")
    expected = theirs(texts, max_length=40, padding="max_length", truncation=True)
    ours = preprocessor(BERT, sequence_length=40)(texts)
    np.testing.assert_array_equal(ours["token_ids"], expected["input_ids"])


def test_a_name_that_is_not_there():
    with pytest.raises(
        ValueError, match=r"one of bert_docstrings.*vit_digits.*given 'vit_birds'"
    ):
        from_preset("tlkeras://vit_birds")


# What ships, damaged


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """A copy of what ships, which may be damaged."""
    home = shutil.copytree(shipped.home(), tmp_path / "data")
    monkeypatch.setattr(shipped, "home", lambda: home)
    return home


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_one_bit_of_what_ships(own_data, name):
    flip(own_data / "bert_docstrings" / name)
    for load in (from_preset, preprocessor):
        with pytest.raises(ValueError, match=r"SHA-256.*Install tlkeras again"):
            load("tlkeras://bert_docstrings")
    from_preset("tlkeras://vit_digits")


@pytest.mark.parametrize("name", ["index.csv", "samples.xz"])
def test_one_bit_of_the_recordings(own_data, name):
    flip(own_data / "synthetic_speech" / name)
    with pytest.raises(DataError, match=r"SHA-256.*Install tlkeras again"):
        synthetic_speech.load_data("test")
    (own_data / "synthetic_speech" / name).unlink()
    with pytest.raises(DataError, match=r"must ship with tlkeras"):
        synthetic_speech.load_data("test")


def test_a_hash_that_was_asked_for(own_data):
    with pytest.raises(ValueError, match="must have the SHA-256 0000"):
        from_preset("tlkeras://vit_digits", sha256="0" * 64)


def test_the_translator_of_lesson_10():
    """It writes seven languages, each by its tag, mostly right."""
    folder = DATA / "translator"
    model, report = from_preset("tlkeras://translator", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert not report.fresh
    assert (folder / "model.safetensors").stat().st_size < 1e6
    kept = json.loads((folder / "pieces.json").read_text("utf-8"))
    english = BytePairs(kept["english"])
    pieces = BytePairs(kept["translation"], kept["tags"])
    assert (len(english), len(pieces)) == (
        model.get_config()["source_vocabulary_size"],
        model.get_config()["target_vocabulary_size"],
    )
    right = []
    for tag in pieces.specials[3:]:
        phrases = languages.load_data(tag.strip("<>"), 1, 40)[1]
        target_ids = pieces.encode([p.translation for p in phrases], 44, tag)
        source_ids = english.encode([p.english for p in phrases], 44)
        logits = model({"source_ids": source_ids, "target_ids": target_ids[:, :-1]})
        said, wanted = ops.convert_to_numpy(logits).argmax(-1), target_ids[:, 1:]
        right.append((said == wanted)[wanted != 0].mean())
    assert len(right) == 7
    assert min(right) > 0.95


def test_the_small_gpt_knows_what_comes_next():
    """On docstrings that it never read; chance is log₂ 4096 / 3.6 = 3.3 bits a byte."""
    model, report = from_preset("tlkeras://gpt_docstrings", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert not report.fresh
    folder = DATA / "gpt_docstrings"
    assert (folder / "model.safetensors").stat().st_size < 5e6
    tokenizer = load_tokenizer("tlkeras://gpt_docstrings")
    assert tokenizer.vocabulary_size == model.get_config()["vocabulary_size"] == 4096
    texts = [x for x in whole_docstrings.load_data()[2] if len(x) < 200][:20]
    nats = size = 0
    for text in texts:
        ids = np.array([[0, *tokenizer.encode(text, special=False), 0]])
        assert tokenizer.decode(ids[0]) == text
        log_p = ops.convert_to_numpy(ops.log_softmax(model(ids)[:, :-1]))
        nats -= np.take_along_axis(log_p, ids[:, 1:, None], axis=-1).sum()
        size += len(text.encode())
    assert 1 < nats / np.log(2) / size < 2


def test_the_blocks_of_lesson_19_are_those_of_a_real_file():
    """As the package gguf unpacks them, which the makers of the format write."""
    file = GGUF(DATA / "smollm2_q4" / "attn_k.gguf")
    (name,) = file.entries
    shape, kind, (start, size) = file.entries[name]
    assert (shape, kind, start) == ((192, 576), "Q4_1", 320)
    blocks = np.fromfile(file.path, "uint8", count=size, offset=start)
    unpack = lesson("19_efficient").exercises["unpack"].reference
    found = unpack(blocks.reshape(-1, 20)).reshape(shape)
    np.testing.assert_allclose(found, file.read(name), atol=1e-6)
    with open(DATA / "smollm2_q4" / "tensors.csv", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    (row,) = [row for row in rows if row["name"] == name]
    assert (row["type"], row["shape"], int(row["bytes"])) == (kind, "192 × 576", size)
    assert len(rows) == 272
    assert sum(int(row["bytes"]) for row in rows) == 96_576_768


def test_every_file_that_is_read_has_a_hash():
    wanted = ("config.json", "model.safetensors", "vocab.txt", "index.csv")
    wanted += ("samples.xz", "tokenizer_config.json", "names.txt", "pieces.json")
    wanted += ("tokenizer.json", "names.tsv", "attn_k.gguf", "tensors.csv")
    wanted += ("preprocessor_config.json",)
    wanted += tuple(f"{artist}.webp" for artist in emoji.ARTISTS)
    wanted += tuple(f"{artist}.png" for artist in stickers.ARTISTS)
    found = {
        path.relative_to(shipped.home()).as_posix()
        for name in wanted
        for path in shipped.home().glob(f"*/{name}")
    }
    assert found == set(shipped._sums())
    assert len(found) == 38
