"""Speech that becomes text, of any length, and in many languages if the model can."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints import Tokenizer, from_preset
from tlkeras.datasets.audio.audio_files import read_audio, resample
from tlkeras.generation import Greedy, generate
from tlkeras.pipelines import batches, writing

START, NO_TIMES = "<|startoftranscript|>", "<|notimestamps|>"
NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")  # as it is called, and was
LANGUAGE = re.compile(r"<\|[a-z]{2,3}\|>")
TASKS = ("transcribe", "translate")
MULTILINGUAL = 51865  # tokens that the smallest model of many languages has
# A long recording is cut in the quietest 0.2 seconds of the last sixth of each window.
QUIET = 0.2
SEARCHED = 1 / 6


class Part(NamedTuple):
    """What was said in one window.

    Args:
        text: the text, empty where nobody speaks.
        start: in the recording, in seconds.
        end: the same.
        score: the mean log-probability of its tokens.
        no_speech: the probability, as the model sees it, that nobody speaks.
        ended: whether the model ended it. If not, there was no more room.
    """

    text: str
    start: float
    end: float
    score: float
    no_speech: float
    ended: bool


class Transcript(NamedTuple):
    """What was said in a recording.

    Args:
        text: that of all parts.
        language: such as `"en"`, that was spoken; `None` where the model knows one.
        parts: one for each window.
    """

    text: str
    language: str | None
    parts: list[Part]


class SpeechToText:
    """Recordings to what is said in them, by a Whisper.

    A recording longer than the model hears at once, 30 seconds, is cut where it is
    quietest near the end of each window, so that no word is.

    A window counts as silent when the model thinks so (`no_speech_threshold`) *and* is
    unsure of what it wrote (`score_threshold`), as in the paper; its text is then
    empty. Into a second of zeros Whisper tiny.en writes "you", with `no_speech` 0.95
    and a score of −0.49, which is sure enough to stay; in three windows of clear speech
    `no_speech` is 0.12 and less. `score_threshold=0` lets `no_speech` alone decide.

    Args:
        model: a `tlkeras.models.Whisper`, or a preset of one, such as the folder of a
            checkpoint of Hugging Face or CTranslate2.
        tokenizer: a `tlkeras.checkpoints.Tokenizer`, or a preset that `load_tokenizer`
            reads. Defaults to `None`: that of the model's preset.
        language: that is spoken, such as `"en"`. Defaults to `None`: the model tells it
            from the first window.
        task: `"transcribe"`, or `"translate"` into English. Defaults to `"transcribe"`.
        multilingual: whether the model is one of many languages, and is told language
            and task. Defaults to `None`: whether it has Whisper's 51,865 tokens for it.
        max_new_tokens: tokens to write for a window, at most. Defaults to `None`: half
            of those that the model has room for.
        no_speech_threshold: see above. Defaults to 0.6.
        score_threshold: see above. Defaults to −1.
        jit_compile: whether to compile with XLA: some seconds at first, and much faster
            from then on. Defaults to `True`.

    Call arguments:
        audio: the path of a recording, or a waveform, floats `(S,)`; or a list of them.
        sample_rate: of waveforms, in Hz; they are resampled. Defaults to that of the
            model.

    Returns:
        A `Transcript`; a list of them where several recordings are given.

    Raises:
        ValueError: an argument does not fit; the message says which.
        DataError: a file is missing, or is no recording that can be read whole.

    Example:

    >>> hear = SpeechToText("whisper-tiny.en")  # doctest: +SKIP
    >>> hear("two_cities.wav").text  # doctest: +SKIP
    'It was the best of times, it was the worst of times, …'

    Reference:
        Radford et al. (2022), arXiv:2212.04356, sections 2.3 and 4.5.
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        tokenizer: Tokenizer | Path | str | None = None,
        language: str | None = None,
        task: str = "transcribe",
        multilingual: bool | None = None,
        max_new_tokens: int | None = None,
        no_speech_threshold: float = 0.6,
        score_threshold: float = -1.0,
        jit_compile: bool = True,
    ) -> None:
        check.choice("task", task, TASKS)
        self.no_speech_threshold = check.fraction(
            "no_speech_threshold", no_speech_threshold
        )
        self.score_threshold = check.number("score_threshold", score_threshold)
        tokenizer = model if tokenizer is None else tokenizer
        if isinstance(model, str | Path):
            model = from_preset(model, head="decoder")
        self.model, self.tokenizer = batches.loaded(model, tokenizer)
        writing.check_writer(self.model, True, "a tlkeras.models.Whisper does")
        known = self._tokens()
        if multilingual is None:
            multilingual = self.tokenizer.vocabulary_size >= MULTILINGUAL
        self.languages = _languages(known) if multilingual else {}
        _check_spoken(language, task, self.languages)
        self.language, self.task = language, task
        limit = batches.most_tokens(self.model, None)
        most = limit // 2 if max_new_tokens is None else max_new_tokens
        self.max_new_tokens = check.positive_integer("max_new_tokens", most)
        self._start = np.array([[self.tokenizer.id_of(START)]], "int32")
        self._no_speech = next((known[x] for x in NO_SPEECH if x in known), None)
        self._length = min(limit, most + 4)
        self._sampler = _OnlyWords(self.tokenizer)
        encoder = self.model.encoder.get_config()
        self.sample_rate = encoder["sample_rate"]
        frames = encoder["max_sequence_length"] * int(np.prod(encoder["strides"]))
        self._window = frames * encoder["frame_step"]  # samples
        self._hear = writing.compiled(self._listen, jit_compile, self.model)
        self._write = writing.compiled(self._continue, jit_compile, self.model)

    def __call__(
        self, audio: Any, sample_rate: float | None = None
    ) -> Transcript | list[Transcript]:
        if isinstance(audio, list | tuple):
            return [self._transcript(x, sample_rate) for x in audio]
        return self._transcript(audio, sample_rate)

    def _transcript(self, audio, sample_rate):
        waveform = self._waveform(audio, sample_rate)  # (S,)
        language, parts = self.language, []
        for start, end in windows(waveform, self._window, self.sample_rate):
            padded = np.zeros((1, self._window), "float32")
            padded[0, : end - start] = waveform[start:end]
            logits, cache = self._hear(keras.ops.convert_to_tensor(padded))
            chances = batches.chances(keras.ops.convert_to_numpy(logits)[0])  # (V,)
            if self.languages and language is None:
                language = max(self.languages, key=lambda x: chances[self.languages[x]])
            text, score, ended = self._text(language, cache)
            silence = (
                0.0 if self._no_speech is None else float(chances[self._no_speech])
            )
            if silence > self.no_speech_threshold and score < self.score_threshold:
                text = ""
            times = start / self.sample_rate, end / self.sample_rate
            parts.append(Part(text, *times, score, silence, ended))
        text = " ".join(part.text for part in parts if part.text)
        return Transcript(text, language if self.languages else None, parts)

    def _waveform(self, audio, sample_rate):
        """Samples `(S,)` at the rate of the model."""
        if isinstance(audio, str | Path):
            return read_audio(audio, self.sample_rate)
        check.array("audio", audio)
        waveform = np.asarray(audio)
        check.axes("audio", waveform.shape, "S")
        check.floats("audio", waveform, "Scale 16-bit samples: samples / 32768.")
        check.finite("audio", waveform)
        if not len(waveform):
            raise ValueError("audio must have samples; given none.")
        rate = self.sample_rate if sample_rate is None else sample_rate
        return resample(waveform, rate, self.sample_rate)

    def _prompt(self, language):
        """The tokens `(1, P)` that say what to do."""
        told = [f"<|{language}|>", f"<|{self.task}|>"] if self.languages else []
        ids = [self.tokenizer.id_of(x) for x in (START, *told, NO_TIMES)]
        return np.array([ids], "int32")

    def _listen(self, waveform):
        """The logits of what follows the start `(1, V)`, and a cache to write from."""
        cache = self.model.initial_cache({"waveform": waveform}, self._length)
        return self.model.step(keras.ops.convert_to_tensor(self._start), cache, 0)

    def _continue(self, prompt, cache):
        """Tokens `(1, L)` and their log-probabilities."""
        return generate(
            self.model.step,
            prompt,
            min(self._length, prompt.shape[1] + self.max_new_tokens),
            end_id=self.tokenizer.end_id,
            cache=cache,
            sampler=self._sampler,
            return_log_probabilities=True,
        )

    def _text(self, language, cache):
        """What is written, the mean log-probability of its tokens, whether it ended."""
        prompt = self._prompt(language)
        found = self._write(keras.ops.convert_to_tensor(prompt), cache)
        (row,), (scores,) = map(keras.ops.convert_to_numpy, found)
        length, end = prompt.shape[1], self.tokenizer.end_id
        ids, score, ended = writing.continuation(
            row, scores, length, self.max_new_tokens, end
        )
        count = max(1, len(ids) + ended)
        return self.tokenizer.decode(ids).strip(), score / count, ended

    def _tokens(self):
        """The special tokens by their spelling."""
        special = sorted(self.tokenizer.special_ids)
        return dict(zip(self.tokenizer.tokens(special), special, strict=True))


class _OnlyWords(Greedy):
    """Greedy among the tokens of texts and the end: no times, no other special ones."""

    def __init__(self, tokenizer):
        super().__init__()
        self.banned = sorted(tokenizer.special_ids - {tokenizer.end_id})
        self.end_id, self.size = tokenizer.end_id, tokenizer.vocabulary_size

    def adjust(self, logits: Any, tokens: Any, written: Any) -> Any:
        allowed = np.zeros(logits.shape[-1], bool)
        allowed[: self.size] = True
        allowed[self.banned] = False
        return keras.ops.where(allowed, logits, -1e9)


def windows(
    waveform: np.ndarray, length: int, sample_rate: float
) -> Iterable[tuple[int, int]]:
    """First sample of each window, and the one after its last; all of it is in one.

    Args:
        waveform: floats `(S,)`.
        length: of the longest window, in samples.
        sample_rate: in Hz.
    """
    start, quiet = 0, max(1, round(QUIET * sample_rate))
    while len(waveform) - start > length:
        first = start + length - max(quiet, round(SEARCHED * length))
        energy = np.square(waveform[first : start + length], dtype="float64")
        runs = np.convolve(energy, np.ones(quiet), "valid")  # of each run of samples
        end = first + int(runs.argmin()) + quiet // 2
        end = max(end, start + 1)
        yield start, end
        start = end
    yield start, len(waveform)


def _languages(known):
    """Language to its token."""
    return {x[2:-2]: n for x, n in known.items() if LANGUAGE.fullmatch(x)}


def _check_spoken(language, task, languages):
    if not languages and (language not in (None, "en") or task != "transcribe"):
        raise ValueError(
            "language and task must be left out, as the model knows English alone; "
            f"given {language!r} and {task!r}. A model of many languages does more."
        )
    if languages and language is not None and language not in languages:
        raise ValueError(
            f"language must be one of {', '.join(sorted(languages))}; given "
            f"{language!r}."
        )
