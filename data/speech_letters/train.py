"""Teach the encoder of `speech_digits` to write letters: `make speech-letters`.

Joined words, spoilt in many ways; nothing of a human voice, and no voice of the test
split. Needs espeak-ng of Debian for words in more voices than ship.
"""

import csv
import runpy
import sys
from pathlib import Path
from time import process_time
from typing import NamedTuple

import keras
import matplotlib.pyplot as plt
import numpy as np

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.ctc import CTCLoss, greedy_decode
from tlkeras.datasets import (
    Recordings,
    audio_files,
    spoken_strings,
    synthetic_speech,
)
from tlkeras.datasets.spoken_digits import WORDS
from tlkeras.layers import SpecAugment
from tlkeras.models import SpeechCTC, SpeechEncoder
from tlkeras.scores import character_error_rate, word_error_rate

HERE = Path(__file__).resolve().parent
DIGITS = HERE.parent / "speech_digits"
sys.path.insert(0, str(DIGITS))

import augment  # noqa: E402

LETTERS = " efghinorstuvwxz"  # of the words zero to nine; 0 is the blank
RATE, SECONDS = 8000, 3.0
TOKENS = 75  # four frames of 10 ms each
BATCH, SEED = 16, 0
WARM_UP, COOLING = 50, 400  # steps in which the rate rises, and falls
EVERY = 50  # steps between two lines of the log
JOINED = {"gap": (0.03, 0.2), "seconds": SECONDS, "hiss": 0}


class Stage(NamedTuple):
    """A part of the training.

    Args:
        steps: how many.
        rate: the highest learning rate.
        strings: how many are joined.
        more_words: whether there are more words than those that ship.
        noise: decibels below the voice, the loudest and the softest.
        dropout: in the encoder and before the head.
        stripes: the widest that SpecAugment hides, in frames and in mels.
    """

    steps: int
    rate: float
    strings: int
    more_words: bool
    noise: tuple[float, float]
    dropout: float
    stripes: tuple[int, int]


STAGES = (
    Stage(900, 2e-3, 3000, False, (10, 50), 0.1, (8, 5)),
    Stage(1330, 1.5e-3, 2000, True, (15, 50), 0.05, (6, 4)),
)


def ids_of(texts):
    """Labels `(N, U)`, from 1, with zeros behind."""
    rows = np.zeros((len(texts), max(map(len, texts))), "int32")
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = [1 + LETTERS.index(letter) for letter in text]
    return rows


def spoilt(sound, noise, rng):
    """A string in another room, through another microphone, in noise."""
    x = augment._other_speed(sound, rng)
    x = augment._in_a_room(x, rng) if rng.random() < 0.6 else x
    x = augment._through_a_microphone(x, rng)
    x = augment._in_noise(x / np.abs(x).max(), rng, noise)
    return 0.9 * x / np.abs(x).max()


def cut(words, rng):
    """Recordings of words, of most of which weak ends are lost."""
    sounds = [words.sound(i).astype("float64") for i in range(len(words.texts))]
    sounds = [augment._cut_short(x, rng) if rng.random() < 0.7 else x for x in sounds]
    waveforms, mask = audio_files.pad(sounds, words.waveforms.shape[1])
    return words._replace(waveforms=waveforms, padding_mask=mask)


def by_voice(words):
    """Speakers are voices, whatever their accent: there are more words of each."""
    voices = np.array([name.split("+")[-1] for name in words.speakers])
    return words._replace(speakers=voices)


def with_more(words):
    """The shipped words and those that taught `speech_digits`, of a second at most."""
    more_words = runpy.run_path(str(DIGITS / "train.py"))["more_words"]
    samples, digits, voices = more_words()
    short = [i for i, x in enumerate(samples) if len(x) <= words.waveforms.shape[1]]
    x, mask = audio_files.pad([samples[i] for i in short], words.waveforms.shape[1])
    texts = np.array(WORDS)[digits[short]]
    more = (x, mask, digits[short], texts, voices[short])
    both = [np.concatenate(parts) for parts in zip(words[:5], more, strict=True)]
    return Recordings(*both, words.sample_rate)


def strings(stage, seed, rng):
    """Waveforms and texts to train on, spoilt."""
    words = by_voice(synthetic_speech.load_data("train"))
    words = with_more(words) if stage.more_words else words
    made = spoken_strings.join_words(cut(words, rng), stage.strings, seed, **JOINED)
    clean = [made.recordings.sound(i).astype("float64") for i in range(stage.strings)]
    clean = [x + 1e-4 * rng.normal(size=len(x)) for x in clean]
    samples = int(SECONDS * RATE)
    sounds = [spoilt(x, stage.noise, rng)[:samples] for x in clean]
    return sounds, made.recordings.texts.tolist()


def features_of(encoder, sounds):
    """What the encoder reads of many recordings: features, float16, and mask."""
    found = []
    for first in range(0, len(sounds), 256):
        rows, mask = audio_files.pad(sounds[first : first + 256], int(SECONDS * RATE))
        made = encoder.features(rows, mask)
        found.append([keras.ops.convert_to_numpy(made[k]) for k in made])
    features, masks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return features.astype("float16"), masks


def letters_over(encoder, dropout):
    """A `SpeechCTC` whose encoder begins with the weights of a shorter one."""
    shape = {**encoder.get_config(), "max_sequence_length": TOKENS, "dropout": dropout}
    longer = SpeechEncoder.from_config(shape)
    for old, new in zip(encoder.weights, longer.weights, strict=True):
        if old.shape == new.shape:  # the table of sinusoids is there already
            new.assign(old)
    return SpeechCTC(longer, len(LETTERS) + 1, dropout=dropout, name="letters")


def written(model, features, mask):
    """The text of each recording, as the best path reads."""
    logits = model.predict_on_batch({"features": features, "padding_mask": mask})
    rows = greedy_decode(logits)
    return ["".join(LETTERS[label - 1] for label in row) for row in rows]


def batches(count, features, masks, labels, rng):
    """Strings of like length together, and no more frames than the longest needs."""
    frames = masks.sum(axis=1)
    for _ in range(count):
        some = rng.integers(len(labels), size=8 * BATCH)
        some = some[np.argsort(frames[some], kind="stable")]
        chosen = some.reshape(8, BATCH)[rng.integers(8)]
        longest = min(features.shape[1], 50 * -(-frames[chosen].max() // 50))
        x = features[chosen, :longest].astype("float32")
        yield augment.other_throat(x, rng), masks[chosen, :longest], labels[chosen]


def learn(model, stage, data, rng):
    """Train; after every step gives the loss."""
    model.compile(
        keras.optimizers.AdamW(stage.rate, weight_decay=0.02, clipnorm=1.0),
        loss=CTCLoss(),
        jit_compile=False,
    )
    time_width, frequency_width = stage.stripes
    hide = SpecAugment(time_width, frequency_width=frequency_width, seed=SEED)
    for step, (x, mask, labels) in enumerate(batches(stage.steps, *data, rng)):
        share = min(1, (step + 1) / WARM_UP, (stage.steps - step) / COOLING)
        model.optimizer.learning_rate.assign(stage.rate * share)
        x = keras.ops.convert_to_numpy(hide(x, training=True, mask=mask))
        batch = {"features": x, "padding_mask": mask}
        yield float(model.train_on_batch(batch, labels))


def train():
    """The model and its log: step, loss, word and character error rate."""
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    encoder = from_preset("tlkeras://speech_digits").backbone
    held = held_strings()
    rows = [held.sound(i) for i in range(len(held.texts))]
    held_x = features_of(encoder, rows)
    log, losses, weights = [], [], None
    for number, stage in enumerate(STAGES):
        model = letters_over(encoder, stage.dropout)
        if weights is not None:
            model.set_weights(weights)
        sounds, texts = strings(stage, number, rng)
        data = (*features_of(encoder, sounds), ids_of(texts))
        for loss in learn(model, stage, data, rng):
            losses.append(loss)
            if len(losses) % EVERY == 0:
                log.append(line_of(model, losses, held_x, held.texts.tolist()))
        weights = model.get_weights()
    finished = letters_over(encoder, 0.1)  # dropout for whoever trains it further
    finished.set_weights(weights)
    return finished, log


def held_strings():
    """Strings of voices held out, as they are."""
    words = by_voice(synthetic_speech.load_data("test"))
    return spoken_strings.join_words(words, 75, 100, **JOINED).recordings


def line_of(model, losses, inputs, said):
    """Step, loss since the last line, word and character error rate; printed, too."""
    features, mask = inputs
    found = written(model, features.astype("float32"), mask)
    rates = [f(found, said).rate for f in (word_error_rate, character_error_rate)]
    line = (len(losses), np.mean(losses[-EVERY:]), *rates)
    print("step {}  loss {:.3f}  WER {:.3f}  CER {:.3f}".format(*line), end="")
    print(f"  {process_time():.0f} s  {found[0]!r}", flush=True)
    return line


def main(folder=HERE):
    """Train; write the preset in half precision, the log and the curve."""
    model, log = train()
    folder = Path(folder)
    save_to_preset(model, folder, dtype="float16")
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "training loss", "word error rate", "character"))
        rows.writerows((step, *(f"{x:.4f}" for x in rest)) for step, *rest in log)
    draw(log, folder / "curve.png")


def draw(log, path):
    """Training loss, and error rates on synthetic voices held out."""
    steps, losses, words, letters = zip(*log, strict=True)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    axes[0].plot(steps, losses)
    axes[0].set(xlabel="step", ylabel="training loss (nats)")
    axes[1].plot(steps, words, label="words")
    axes[1].plot(steps, letters, label="characters")
    axes[1].set(xlabel="step", ylabel="error rate, new voices")
    axes[1].legend()
    figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
