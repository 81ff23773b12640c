"""Teach the encoder of `speech_digits` to write letters: `make speech-letters`.

Joined words of the shipped training voices, spoilt in many ways; nothing of a human
voice, and no voice of the test split.
"""

import csv
import sys
from pathlib import Path
from time import process_time

import keras
import matplotlib.pyplot as plt
import numpy as np

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.ctc import CTCLoss, greedy_decode
from tlkeras.datasets import audio_files, spoken_strings, synthetic_speech
from tlkeras.layers import SpecAugment
from tlkeras.models import SpeechCTC, SpeechEncoder
from tlkeras.scores import character_error_rate, word_error_rate

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "speech_digits"))

import augment  # noqa: E402

LETTERS = " efghinorstuvwxz"  # of the words zero to nine; 0 is the blank
RATE, SECONDS = 8000, 3.0
TOKENS = 75  # four frames of 10 ms each
EACH, COPIES = 1000, 3  # strings; each time of words spoilt in another way
STEPS, BATCH, LEARNING_RATE, SEED = 900, 16, 2e-3, 0
EVERY = 50  # steps between two lines of the log


def ids_of(texts):
    """Labels `(N, U)`, from 1, with zeros behind."""
    rows = np.zeros((len(texts), max(map(len, texts))), "int32")
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = [1 + LETTERS.index(letter) for letter in text]
    return rows


def spoilt(sound, rng):
    """A string in another room, through another microphone, in noise."""
    x = augment._other_speed(sound, rng)
    x = augment._in_a_room(x, rng) if rng.random() < 0.6 else x
    x = augment._through_a_microphone(x, rng)
    x = augment._in_noise(x / np.abs(x).max(), rng)
    return 0.9 * x / np.abs(x).max()


def cut(words, rng):
    """Recordings of words, of most of which weak ends are lost."""
    sounds = [words.sound(i).astype("float64") for i in range(len(words.texts))]
    sounds = [augment._cut_short(x, rng) if rng.random() < 0.7 else x for x in sounds]
    waveforms, mask = audio_files.pad(sounds, words.waveforms.shape[1])
    return words._replace(waveforms=waveforms, padding_mask=mask)


def by_voice(words):
    """Speakers are voices, whatever their accent: there are more words of each."""
    voices = np.array([name.split("+")[1] for name in words.speakers])
    return words._replace(speakers=voices)


def strings():
    """Waveforms and texts to train on, and `Recordings` of voices held out."""
    rng = np.random.default_rng(SEED)
    train, held = (by_voice(synthetic_speech.load_data(s)) for s in ("train", "test"))
    sounds, texts = [], []
    for copy in range(COPIES):
        made = spoken_strings.join_words(
            cut(train, rng), EACH, copy, gap=(0.03, 0.2), seconds=SECONDS, hiss=0
        ).recordings
        clean = [made.sound(i).astype("float64") for i in range(EACH)]
        sounds += [spoilt(x + 1e-4 * rng.normal(size=len(x)), rng) for x in clean]
        texts += made.texts.tolist()
    new = spoken_strings.join_words(
        held, 75, 100, gap=(0.03, 0.2), seconds=SECONDS, hiss=0
    )
    return sounds, texts, new.recordings


def features_of(encoder, sounds):
    """What the encoder reads of many recordings: features, float16, and mask."""
    found = []
    for first in range(0, len(sounds), 256):
        rows, mask = audio_files.pad(sounds[first : first + 256], int(SECONDS * RATE))
        made = encoder.features(rows, mask)
        found.append([keras.ops.convert_to_numpy(made[k]) for k in made])
    features, masks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return features.astype("float16"), masks


def letters_over(encoder):
    """A `SpeechCTC` whose encoder begins with the weights of a shorter one."""
    shape = {**encoder.get_config(), "max_sequence_length": TOKENS}
    longer = SpeechEncoder.from_config(shape)
    for old, new in zip(encoder.weights, longer.weights, strict=True):
        if old.shape == new.shape:  # the table of sinusoids is there already
            new.assign(old)
    return SpeechCTC(longer, len(LETTERS) + 1, name="letters")


def written(model, features, mask):
    """The text of each recording, as the best path reads."""
    logits = model.predict_on_batch({"features": features, "padding_mask": mask})
    rows = greedy_decode(logits)
    return ["".join(LETTERS[label - 1] for label in row) for row in rows]


def train():
    """The model and its log: step, loss, word and character error rate."""
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = letters_over(from_preset("tlkeras://speech_digits").backbone)
    sounds, texts, held = strings()
    features, masks = features_of(model.backbone, sounds)
    labels = ids_of(texts)
    rows = [held.sound(i) for i in range(len(held.texts))]
    held_features, held_masks = features_of(model.backbone, rows)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, STEPS, warmup_target=LEARNING_RATE, warmup_steps=STEPS // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02, clipnorm=1.0),
        loss=CTCLoss(),
        jit_compile=False,
    )
    hide = SpecAugment(time_width=8, frequency_width=5, seed=SEED)
    log, losses = [], []
    for step in range(1, STEPS + 1):
        chosen = rng.integers(len(labels), size=BATCH)
        x = augment.other_throat(features[chosen].astype("float32"), rng)
        x = keras.ops.convert_to_numpy(hide(x, training=True, mask=masks[chosen]))
        batch = {"features": x, "padding_mask": masks[chosen]}
        losses.append(float(model.train_on_batch(batch, labels[chosen])))
        if step % EVERY == 0:
            found = written(model, held_features.astype("float32"), held_masks)
            said = held.texts.tolist()
            wer = word_error_rate(found, said).rate
            cer = character_error_rate(found, said).rate
            log.append((step, np.mean(losses), wer, cer))
            line = "step {}  loss {:.3f}  WER {:.3f}  CER {:.3f}".format(*log[-1])
            print(line, f" {process_time():.0f} s  {found[0]!r}", flush=True)
            losses = []
    return model, log


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
