"""Train the small speech encoder: `make speech-digits`, some five minutes on one core.

Needs Debian's espeak-ng for words in more voices than ship with the package; they are
kept in `build/`. Nothing of a human voice is used.
"""

import csv
import os
import sys
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from augment import other_throat, spoil

from tlkeras.checkpoints import save_to_preset
from tlkeras.datasets import synthetic_speech
from tlkeras.datasets.audio_files import pad
from tlkeras.layers import SpecAugment
from tlkeras.models import SpeechClassifier, SpeechEncoder

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "synthetic_speech"))
RATE, SAMPLES = 8000, 8000
SHAPE = {
    "num_layers": 3,
    "num_heads": 4,
    "hidden_dim": 96,
    "intermediate_dim": 192,
    "strides": (2, 2),
    "max_sequence_length": 50,  # 2 seconds
    "normalize_features": True,
    "sample_rate": RATE,
    "num_mels": 28,
    "fft_length": 256,
    "window_length": 200,
    "frame_step": 80,
    "min_frequency": 60.0,
}
DROPOUT = 0.1
EACH, WORDS_SEED, COPIES = 400, 100, 5
STEPS, BATCH, LEARNING_RATE, SEED = 1500, 64, 1e-3, 0


def features_of(encoder, waveforms):
    """What the encoder reads of many recordings: features and mask, float16."""
    found = []
    for first in range(0, len(waveforms), 256):
        rows, mask = pad(waveforms[first : first + 256], SAMPLES)
        made = encoder.features(rows, mask)
        found.append([keras.ops.convert_to_numpy(made[k]) for k in made])
    features, masks = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return features.astype("float16"), masks


def more_words():
    """Words in more voices than ship, none of a voice of the test split: samples,
    digits, voices."""
    path = Path(os.environ.get("SPEECH_WORDS", "build/speech_words.npz"))
    if not path.is_file():
        import make

        drawn, spoken = make.words(EACH, WORDS_SEED)
        path.parent.mkdir(exist_ok=True)
        whole = [np.round(x * 32767).astype("int16") for x in spoken]
        np.savez(
            path,
            x=np.concatenate(whole),
            n=[len(x) for x in whole],
            d=[make.DIGITS.index(u.text) for u in drawn],
            v=[u.variant for u in drawn],
        )
    kept = np.load(path)
    parts = np.split(kept["x"].astype("float32") / 32767, np.cumsum(kept["n"])[:-1])
    known = ~np.isin(kept["v"], synthetic_speech.TEST_VARIANTS.split())
    samples = [parts[i] for i in np.flatnonzero(known)]
    return samples, kept["d"][known], kept["v"][known]


def sources():
    """Waveforms and digits: to train on, and of voices held out."""
    train, held = (synthetic_speech.load_data(s) for s in ("train", "test"))
    shipped = [train.sound(i) for i in range(len(train.labels))]
    others, digits, _ = more_words()
    kept = [held.sound(i) for i in range(len(held.labels))]
    labels = np.concatenate([train.labels, digits])
    return (shipped + others, labels), (kept, held.labels)


def train():
    """The classifier and its log: step, loss, accuracy on held-out voices."""
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    encoder = SpeechEncoder(**SHAPE, dropout=DROPOUT, name="encoder")
    model = SpeechClassifier(encoder, 10, dropout=0.2, name="digits")
    (words, digits), (held, held_digits) = sources()
    spoilt = [spoil(word, rng) for _ in range(COPIES) for word in words]
    features, masks = features_of(encoder, spoilt)
    digits = np.tile(digits, COPIES)
    held_features, held_masks = features_of(encoder, held)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, STEPS, warmup_target=LEARNING_RATE, warmup_steps=STEPS // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02, clipnorm=1.0),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=0.1
        ),
        jit_compile=True,
    )
    hide = SpecAugment(time_width=12, frequency_width=6, seed=SEED)
    log, losses = [], []
    for step in range(1, STEPS + 1):
        chosen = rng.integers(len(digits), size=BATCH)
        x = other_throat(features[chosen].astype("float32"), rng)
        x = keras.ops.convert_to_numpy(hide(x, training=True, mask=masks[chosen]))
        batch = {"features": x, "padding_mask": masks[chosen]}
        targets = np.eye(10, dtype="float32")[digits[chosen]]
        losses.append(float(model.train_on_batch(batch, targets)))
        if step % 100 == 0:
            batch = {"features": held_features, "padding_mask": held_masks}
            said = keras.ops.convert_to_numpy(model(batch)).argmax(-1)
            log.append((step, np.mean(losses), np.mean(said == held_digits)))
            print("step {}  loss {:.3f}  accuracy {:.3f}".format(*log[-1]), flush=True)
            losses = []
    return model, log


def main(folder=HERE):
    """Train; write the preset in half precision, the log and the curve."""
    model, log = train()
    folder = Path(folder)
    save_to_preset(model, folder, dtype="float16")
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "training loss", "accuracy on held-out voices"))
        rows.writerows((step, f"{a:.4f}", f"{b:.4f}") for step, a, b in log)
    draw(log, folder / "curve.png")


def draw(log, path):
    """Training loss, and accuracy on synthetic voices held out."""
    steps, losses, accuracy = zip(*log, strict=True)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    axes[0].plot(steps, losses)
    axes[0].set(xlabel="step", ylabel="training loss (nats)")
    axes[1].plot(steps, accuracy, color="C1")
    axes[1].set(xlabel="step", ylabel="accuracy, new voices")
    figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
