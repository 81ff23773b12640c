"""What lesson 17 trains: a small speech encoder that writes letters."""

import keras
import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset
from tlkeras.ctc import CTCLoss, greedy_decode
from tlkeras.models import SpeechCTC, SpeechEncoder
from tlkeras.transfer import Retrainer

PRESET = "tlkeras://speech_letters"
LETTERS = " efghinorstuvwxz"  # of the words zero to nine; 0 is the blank
LONGEST = 5 * len("three") + 4  # letters and spaces of a text
BATCH = 8


def ids_of(texts):
    """Labels `(N, LONGEST)`, from 1; behind the end of a text stand zeros."""
    rows = np.zeros((len(texts), LONGEST), "int32")
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = [1 + LETTERS.index(letter) for letter in text]
    return rows


def text_of(labels):
    """The text of some labels."""
    return "".join(LETTERS[label - 1] for label in labels)


class Writer:
    """One model in which one start after the other learns to write.

    Args:
        compiled: whether steps are compiled, which pays from some dozen on. Defaults to
            `True`.
    """

    def __init__(self, compiled=True):
        self.model = from_preset(PRESET)
        self.encoder = self.model.backbone
        self.pretrained = self.model.get_weights()
        self.trainer = Retrainer(self.model, BATCH, jit_compile=False, loss=CTCLoss())
        self.model.run_eagerly = not compiled

    def first_weights(self, start, seed):
        """Weights to begin with.

        Args:
            start: `"letters"`, the shipped model; `"words"`, the encoder of lesson 16
                under a new head; or `"from scratch"`.
            seed: of what is random.
        """
        if start == "letters":
            return self.pretrained
        keras.utils.set_random_seed(seed)
        fresh = SpeechEncoder.from_config(self.encoder.get_config())
        if start == "words":
            words = from_preset("tlkeras://speech_digits").backbone
            for old, new in zip(words.weights, fresh.weights, strict=True):
                if old.shape == new.shape:  # sinusoids are there, and longer
                    new.assign(old)
        return SpeechCTC(fresh, len(LETTERS) + 1).get_weights()

    def features(self, recordings):
        """What the encoder reads: a dictionary of arrays, (N, F, M) and (N, F)."""
        some = [slice(i, i + 100) for i in range(0, len(recordings.texts), 100)]
        x, keep = recordings.waveforms, recordings.padding_mask
        parts = [self.encoder.features(x[rows], keep[rows]) for rows in some]
        return {
            name: np.concatenate([ops.convert_to_numpy(p[name]) for p in parts])
            for name in parts[0]
        }

    def learn(self, inputs, texts, rate, steps, seed, weights):
        """Train on some strings."""
        self.trainer.run(inputs, ids_of(texts), rate, steps, seed, weights)

    def log_probabilities(self, inputs):
        """Of each symbol at each token, floats (N, T, C)."""
        logits = self.trainer.logits(inputs, batch_size=100).astype("float64")
        logits -= logits.max(axis=-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    def write(self, inputs):
        """The text of each recording, as its best path reads."""
        rows = greedy_decode(self.trainer.logits(inputs, batch_size=100))
        return [text_of(row) for row in rows]
